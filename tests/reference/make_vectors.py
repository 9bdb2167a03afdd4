# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds tests/vectors/*.json, deterministically, from docs/format.md alone (clause 12).

    make_vectors.py [--out DIR] [--shared DIR] [--check]

Every fixed "random" byte string is SHAKE-256("sealwax-vector/" + file name + "/" + field), the file name
with its ".json". ML-KEM-768 encapsulation is written out below because the library's is randomised only;
with it X-Wing entries come from fixed bytes too, and no file depends on an earlier run. --shared checks
the primitives against public test vectors. --check compares with the files there instead of writing.

`intermediates` maps the name of a step to its bytes in hex. In a vector that must be refused with Decrypt,
UnknownKey or KeyState they are those of the honest object, before it was damaged; with another kind they are
left out.
"""
import argparse, os, sys
from maker.primitives import check_primitives
from maker.vector import FILES
from maker.tokens import tokens
from maker.recipients import envelopes_recipients
from maker.contents import envelopes_context, envelopes_payload
from maker.headers import envelopes_header, envelopes_slots
from maker.keysets import keysets
from maker.strings import strings
from maker.usage import usages
from maker.sharing import shares
from maker.backups import backups
from maker.handshakes import handshakes
from maker.records import records


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Build the vectors of tests/vectors.")
    parser.add_argument("--out", default=os.path.join(here, "..", "vectors"))
    parser.add_argument("--shared", help="directory of public test vectors to check the primitives against first")
    parser.add_argument("--check", action="store_true", help="compare with the files there, write nothing")
    args = parser.parse_args()
    if args.shared:
        check_primitives(args.shared)
    for part in (tokens, envelopes_recipients, envelopes_payload, envelopes_context, envelopes_slots, envelopes_header, keysets, strings,
                 usages, shares, backups, handshakes, records):
        part()
    kinds = ("token-", "envelope-", "keyset-", "recipient-", "identity-", "usage-", "share-", "backup-", "handshake-", "record-", "session-")
    there = {n for n in os.listdir(args.out) if n.startswith(kinds) and n.endswith(".json")} if os.path.isdir(args.out) else set()
    differ = sorted(there - set(FILES)) if args.check else []
    os.makedirs(args.out, exist_ok=True)
    for name, text in FILES.items():
        path = os.path.join(args.out, name)
        same = name in there and open(path, encoding="ascii").read() == text
        if args.check and not same:
            differ.append(name)
        elif not same:
            open(path, "w", encoding="ascii", newline="\n").write(text)
    for name in sorted(there - set(FILES)):                       # a vector that no longer makes sense
        if not args.check:
            os.remove(os.path.join(args.out, name))
        print(("not made by this script: " if args.check else "removed: ") + name)
    print("%d vectors, %d bytes" % (len(FILES), sum(map(len, FILES.values()))) + (", %d differ: %s" % (len(differ), " ".join(differ)) if args.check else ""))
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
