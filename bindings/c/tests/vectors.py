# SPDX-License-Identifier: MIT OR Apache-2.0
"""Turns tests/vectors/*.json into lines that bindings/c/tests/vectors.c, handshakes.c and kept.c read:  vectors.py OUT HANDSHAKES KEPT

An unknown type or field fails the run, and so does a vector that no rule below leaves out.
"""
import collections
import glob
import hashlib
import hmac
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
        "pattern", "suite", "mode", "hybrid", "prologue", "psk", "initiator_static", "responder_static", "initiator_random",
        "responder_random", "initiator_ephemeral",
        "responder_ephemeral", "seed", "encapsulation", "contexts", "messages", "intermediates", "initiator_to_responder",
        "responder_to_initiator", "binding",
    },
    "record": {"suite", "mode", "window", "initiator_to_responder", "responder_to_initiator", "steps", "intermediates"},
    "session": {"device", "slot", "peer", "kept", "parsed", "steps", "intermediates"},
}
ALWAYS = {"comment", "expect", "type"}
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


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
    return unprotected(encoding)


def unprotected(encoding):
    """format.md 8.4, around any encoding."""
    return b"SWKS\x01" + encoding + hashlib.sha256(b"sealwax/v1/unprotected\0" + encoding).digest()[:16]


def key_lines(keys):
    lines = []
    for keyset in keys.get("keysets", []):
        for family, word in ((False, "keyset"), (True, "pairs")):
            versions = [version for version in keyset["versions"] if (version["algorithm"] > 2) == family]
            if versions:
                lines.append(f"{word} {keyset_blob(keyset['keyset_id'], versions).hex()}")
    for raw in keys.get("raw_keys", []):
        lines.append(f"device {raw['key_id']} {raw['key']}")
    for provided in keys.get("provider_keys", []):
        lines.append(f"provided {provided['provider'].encode().hex()} {provided['key_name'].encode().hex()} {provided['key']}")
    return lines


def parsed_lines(vector):
    """What a keyset is, where one comes out."""
    if "parsed" not in vector:
        return []
    parsed = vector["parsed"]
    pairs = bool(parsed["policy"]["algorithms"] & 0x0c)
    lines = [f"parsed {parsed['keyset_id']} {parsed['revision']} {parsed['primary']} {len(parsed['versions'])} {2 if pairs else 1}"]
    for version in parsed["versions"]:
        fields = ("version_id", "algorithm", "state", "created", "activate_at", "deactivate_at")
        lines.append("version " + " ".join(str(version[field]) for field in fields))
    return lines + [f"fingerprint {vector['intermediates']['fingerprint']}"]


def usage_lines(vector):
    """What a store reads of the usage file beside a keyset, and the file that it writes next, with a backup recorded."""
    lines = [f"seen {vector['seen'] or '-'}", f"usage {vector['file'] or '-'}", f"keyset_file {vector['keyset']}"]
    if "parsed" not in vector:
        return lines
    parsed, old = vector["parsed"], bytes.fromhex(vector["file"])
    for used in parsed["usages"]:
        lines.append(f"used {used['version_id']} {used['messages']} {used['bytes']} {used['failed_opens']}")
    lines.append(f"backed_up {parsed['backup_revision']} {parsed['backup_at']}")
    # A keyset's revision: after format version, id and name.
    encoding = bytes.fromhex(vector["keyset"])[5:]
    revision = int.from_bytes(encoding[18 + encoding[17]:][:8], "big")
    fingerprint = hashlib.sha256(b"sealwax/v1/keyset-fingerprint\0" + encoding[:-16]).digest()[:16]
    if parsed["serial"] == 2**64 - 1:
        return lines + [f"next {revision} -"]
    new = old[:21] + (parsed["serial"] + 1).to_bytes(8, "big") + revision.to_bytes(8, "big") + fingerprint
    new += revision.to_bytes(8, "big") + (9).to_bytes(8, "big") + old[69:-32]
    key = bytes.fromhex(vector["intermediates"]["usage_key"])
    return lines + [f"next {revision} {(new + hmac.digest(key, b'sealwax/v1/usage' + bytes(1) + new, 'sha256')).hex()}"]


def share_lines(vector):
    """A share string, what it says of itself, and how it is written."""
    lines = [f"share {vector['string'].encode().hex() or '-'}"]
    if vector["expect"] == "ok":
        text = vector["string"].strip("\t\n\r ")
        bits = "".join(f"{BECH32.index(letter):05b}" for letter in text.lower().rpartition("1")[2][:-6])
        payload = int(bits[:51 * 8], 2).to_bytes(51, "big")
        wanted = bytes.fromhex(vector["backup_id"]) + bytes([vector["k"], vector["n"], vector["x"]]) + bytes.fromhex(vector["value"])
        if payload != wanted:
            sys.exit(f"vectors.py: a share string holds {payload.hex()}")
        lines += [f"described {vector['backup_id']} {vector['k']} {vector['n']} {vector['x']}", f"text {text}"]
    return lines


def backup_lines(vector):
    lines = [f"backup {vector['file'] or '-'}"] + [f"with_share {share.encode().hex() or '-'}" for share in vector["shares"]]
    if "restored_encoding" in vector["intermediates"] and vector["expect"] == "ok":
        lines.append(f"restored {unprotected(bytes.fromhex(vector['intermediates']['restored_encoding'])).hex()}")
    return lines + parsed_lines(vector)


def left_out(vector):
    """Why no call of the header takes a vector."""
    if vector["type"] == "record":
        return "the header makes no session from secrets"
    return None


def hosted_only(vector):
    """Whether the firmware profile has no call for a vector, and only the hosted one runs it."""
    kind, keys = vector["type"], vector.get("keys", {})
    if kind in ("recipient", "identity", "backup", "share", "usage") or {"passphrase", "provider_keys"} & set(keys):
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


def encoded(context):
    """C(map): format.md 2.2."""
    entries = sorted((name.encode(), bytes.fromhex(value)) for name, value in context.items())
    return b"".join(bytes([len(name)]) + name + len(value).to_bytes(2, "big") + value for name, value in entries)


def handshake_line(name, vector):
    names = ("prologue", "psk", "initiator_static", "responder_static", "initiator_random", "responder_random", "binding")
    words = [str(vector[field]) for field in ("pattern", "suite", "mode", "hybrid")]
    words += [vector[field] or "-" for field in names] + [name]
    for context, message in zip(vector["contexts"], vector["messages"], strict=True):
        words += [encoded(context).hex() or "-", message]
    return " ".join(words) + "\n"


def kept_lines(vector):
    binding = vector["parsed"]["binding"] if "parsed" in vector else "-"
    words = [vector[field] or "-" for field in ("device", "slot", "peer", "kept")]
    lines = [" ".join(["session", str(STATUS[vector["expect"]]), *words, binding])]
    for step in vector.get("steps", []):
        # Their records bind nothing more.
        assert not step.get("associated")
        words = [step["do"], STATUS[step["expect"]]]
        if step["do"] == "store":
            words += [step["block"], step["random"], step["kept"]]
        elif step["do"] == "seal":
            words += [int(step["new_epoch"]), step["content"], step["plaintext"] or "-", step.get("record", "-")]
        else:
            words += [step["record"], step.get("plaintext") or "-", step.get("epoch", 0), step.get("counter", 0)]
        lines.append(" ".join(map(str, words)))
    return "\n".join(lines) + "\n"


def main():
    counts, skipped = collections.Counter(), collections.Counter()
    folder = os.path.join(os.path.dirname(__file__), "../../../tests/vectors")
    with open(sys.argv[1], "w", encoding="ascii") as out, open(sys.argv[2], "w", encoding="ascii") as handshakes, \
            open(sys.argv[3], "w", encoding="ascii") as kept:
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
            if kind == "session":
                kept.write(kept_lines(vector))
                continue
            if kind == "handshake":
                handshakes.write(handshake_line(name, vector))
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
                lines += parsed_lines(vector)
            elif kind == "usage":
                lines += usage_lines(vector)
            elif kind == "share":
                lines += share_lines(vector)
            elif kind == "backup":
                lines += backup_lines(vector)
            elif kind in ("recipient", "identity"):
                lines.append(f"{kind} {vector['string'].encode().hex() or '-'}")
            else:
                lines.append(f"{kind} {vector[kind] or '-'}")
                if kind == "envelope" and is_long(bytes.fromhex(vector[kind])):
                    lines.append("long")
                if "plaintext" in vector:
                    lines.append(f"plaintext {vector['plaintext'] or '-'}")
            out.write("\n".join(lines + ["end"]) + "\n")
        out.write(f"all {sum(counts.values())}\n")
    print(f"vectors.py: {dict(counts)}; left out: {dict(skipped)}")


main()
