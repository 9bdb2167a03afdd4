# SPDX-License-Identifier: MIT OR Apache-2.0
"""An independent reader of sealwax, version 1, from docs/format.md alone; numbers in comments are its clauses.
Usage: decrypt.py JOB.json ("-": standard input; a list gives a list). Needs Python 3.9, cryptography 50."""
import json, os, sys
from reader.base import H, NOTES, SealwaxError
from reader.tokens import Keys, open_token
from reader.envelopes import open_envelope
from reader.keysets import open_keyset
from reader.strings import parse_identity, parse_recipient, parse_share
from reader.usage import read_usage
from reader.shares import restore
def run(job):
    source, kind = job["input"], job["type"]
    NOTES.clear()
    try:
        parse = {"recipient": parse_recipient, "identity": parse_identity, "share": parse_share}.get(kind)
        if parse: return {"ok": True, **parse(source)}
        data = open(source, "rb").read() if os.path.exists(source) else bytes.fromhex(source)
        if kind == "usage":
            return {"ok": True, **read_usage(data, *(bytes.fromhex(job[name]) for name in ("keyset", "seen")))}
        keys, context = Keys(job.get("keys", {})), {n: bytes.fromhex(v) for n, v in job.get("context", {}).items()}
        if kind == "token": out = open_token(data, keys, context)
        elif kind == "keyset": out = open_keyset(data, keys, job.get("protection", "envelope"))
        elif kind == "backup": out = restore(data, keys, job["shares"])
        else: out = open_envelope(data, keys, context, 1, job.get("min_epoch", 0), job.get("header_limit", 65536))
    except SealwaxError as e:
        return {"ok": False, "error": type(e).__name__}
    if job.get("output"): open(job["output"], "wb").write(out["plaintext"])
    for name in ("usage_key", "fingerprint"):
        if isinstance(out.get(name), bytes): out[name] = out[name].hex()
    out.update(ok=True, plaintext_sha256=H(out.pop("plaintext")).hex())
    return {**out, "stored": {name: value.hex() for name, value in out.get("stored", {}).items()}}
if __name__ == "__main__":
    jobs = json.load(sys.stdin if sys.argv[1] == "-" else open(sys.argv[1]))
    print(json.dumps([run(j) for j in jobs] if isinstance(jobs, list) else run(jobs), indent=1))
