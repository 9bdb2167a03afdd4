# SPDX-License-Identifier: MIT OR Apache-2.0
"""Turns tests/vectors/*.json into lines that bindings/c/tests/vectors.c reads:  vectors.py OUT

An unknown type or field fails the run, and so does a vector that no rule below leaves out.
"""
import collections
import glob
import hashlib
import json
import os
import sys

STATUS = {"ok": 0, "Decrypt": -149, "Format": -153, "Truncated": -1002, "Limit": -1001, "UnknownKey": -140, "KeyState": -137}
FIELDS = {
    "token": {"keys", "context", "token", "token_text", "salt", "intermediates", "plaintext"},
    "envelope": {"keys", "external", "envelope", "intermediates", "stored", "plaintext", "opened_via"},
    "keyset": {"protection", "keys", "file", "intermediates", "parsed"},
    "recipient": {"string", "algorithm", "public_key", "fingerprint"},
    "identity": {"string", "algorithm", "keyset_id", "version_id", "created", "secret"},
    "backup": {"shares", "keys", "file", "intermediates", "parsed"},
    "share": {"backup_id", "digest", "k", "n", "string", "value", "x"},
    "usage": {"keyset", "seen", "file", "intermediates", "parsed"},
    "handshake": {
        "pattern", "suite", "mode", "hybrid", "prologue", "psk", "initiator_static", "responder_static", "initiator_ephemeral",
        "responder_ephemeral", "seed", "encapsulation", "contexts", "messages", "intermediates", "initiator_to_responder",
        "responder_to_initiator", "binding",
    },
    "record": {"suite", "mode", "window", "initiator_to_responder", "responder_to_initiator", "steps", "intermediates"},
    "session": {"device", "slot", "peer", "kept", "parsed", "steps", "intermediates"},
}
ALWAYS = {"comment", "expect", "type"}


def keyset_blob(keyset_id, versions):
    """The unprotected keyset (format.md 8.4) of active versions of one family."""
    pairs = versions[0]["algorithm"] > 2
    records = b""
    for version in sorted(versions, key=lambda version: version["version_id"]):
        body = version["version_id"].to_bytes(4, "big") + bytes([version["algorithm"], 2]) + bytes(24 + 2)
        body += b"\x20" + bytes.fromhex(version["secret"])
        records += len(body).to_bytes(2, "big") + body
    encoding = b"\x01" + bytes.fromhex(keyset_id) + b"\x04test" + (1).to_bytes(8, "big") + bytes(32) + bytes(4)
    encoding += bytes(24) + (b"\x0c" if pairs else b"\x03") + b"\x00" + len(versions).to_bytes(4, "big") + records
    check = hashlib.sha256(b"sealwax/v1/unprotected\0" + encoding).digest()[:16]
    return b"SWKS\x01" + encoding + check


def key_lines(keys):
    lines = []
    for keyset in keys.get("keysets", []):
        for family, word in ((False, "keyset"), (True, "pairs")):
            versions = [version for version in keyset["versions"] if (version["algorithm"] > 2) == family]
            if versions:
                lines.append(f"{word} {keyset_blob(keyset['keyset_id'], versions).hex()}")
    for raw in keys.get("raw_keys", []):
        lines.append(f"device {raw['key_id']} {raw['key']}")
    return lines


def left_out(vector):
    """Why no call of the header takes a vector."""
    if vector["type"] in ("backup", "share", "usage"):
        return "the header has no usage files, backups and shares"
    if vector["type"] == "handshake":
        return "the header has no handshakes"
    if vector["type"] == "record":
        return "the header makes no session from secrets"
    if vector["type"] == "session":
        return "tests/transit.c keeps sessions"
    if "provider_keys" in vector.get("keys", {}):
        return "the header has no providers"
    return None


def hosted_only(vector):
    """Whether the firmware profile has no call for a vector, and only the hosted one runs it."""
    kind, keys = vector["type"], vector.get("keys", {})
    if kind in ("recipient", "identity") or "passphrase" in keys:
        return True
    if kind == "keyset" and vector["protection"] == "envelope" and set(keys) - {"raw_keys"}:
        return True
    # A call of the firmware profile takes one keyset: there are no trials to count.
    many = sum(len(keyset["versions"]) > 0 for keyset in keys.get("keysets", [])) > 1
    return many and vector["expect"] == "Limit"


def is_long(envelope):
    """Whether the header says that it is longer than a device looks at: 2,048 bytes with salt and commitment."""
    stored = int.from_bytes(envelope[25:29], "big")
    frame = envelope[29 + stored:34 + stored]
    return 34 + stored + frame[0] * int.from_bytes(frame[1:], "big") > 1992 if len(frame) == 5 else stored > 1992


def main():
    counts, skipped = collections.Counter(), collections.Counter()
    folder = os.path.join(os.path.dirname(__file__), "../../../tests/vectors")
    with open(sys.argv[1], "w", encoding="ascii") as out:
        for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
            with open(path, encoding="utf-8") as file:
                vector = json.load(file)
            name, kind = os.path.basename(path)[:-5], vector["type"]
            unknown = set(vector) - FIELDS[kind] - ALWAYS
            if unknown:
                sys.exit(f"vectors.py: {name}: unknown fields {unknown}")
            reason = left_out(vector)
            if reason:
                skipped[reason] += 1
                continue
            counts[kind] += 1
            keys = vector.get("keys", {})
            lines = [f"vector {name} {STATUS[vector['expect']]}"] + key_lines(keys)
            if "passphrase" in keys:
                lines.append(f"passphrase {keys['passphrase'].encode().hex() or '-'}")
            if hosted_only(vector):
                lines.append("hosted")
            for entry, value in vector.get("context", vector.get("external", {})).items():
                lines.append(f"entry {entry.encode().hex() or '-'} {value or '-'}")
            if kind == "keyset":
                lines.append(f"file {vector['protection']} {vector['file'] or '-'}")
                if "parsed" in vector:
                    parsed = vector["parsed"]
                    pairs = bool(parsed["policy"]["algorithms"] & 0x0c)
                    lines.append(f"parsed {parsed['keyset_id']} {parsed['revision']} {parsed['primary']} "
                                 f"{len(parsed['versions'])} {2 if pairs else 1}")
            elif kind in ("recipient", "identity"):
                lines.append(f"{kind} {vector['string'].encode().hex() or '-'}")
            else:
                lines.append(f"{kind} {vector[kind] or '-'}")
                if kind == "envelope" and is_long(bytes.fromhex(vector[kind])):
                    lines.append("long")
                if "plaintext" in vector:
                    lines.append(f"plaintext {vector['plaintext'] or '-'}")
            out.write("\n".join(lines + ["end"]) + "\n")
    print(f"vectors.py: {dict(counts)}; left out: {dict(skipped)}")


main()
