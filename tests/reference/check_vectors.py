# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the reader of decrypt.py over every file of tests/vectors and compares all it can see with what the file says.

    check_vectors.py [DIR]

A file with an unknown type, or with a field missing or too many, fails. So does an `ok` vector whose
intermediates differ from the values the reader derived.
"""
import hashlib, json, os, sys
import decrypt
from reader.base import Format, NOTES, SealwaxError
from reader.envelopes import open_envelope
from reader.handshakes import take_part
from reader.keysets import fingerprint, open_keyset
from reader.records import come_back, play
from reader.shares import restore
from reader.strings import parse_identity, parse_recipient, parse_share
from reader.tokens import Keys, open_token, token_from_text
from reader.usage import read_usage

KINDS = ("Decrypt", "Format", "Truncated", "Limit", "UnknownKey", "KeyState")
STRINGS = {"recipient": parse_recipient, "identity": parse_identity, "share": parse_share}
# type: (fields always there, fields there only if expect is "ok")
FIELDS = {
    "token": ("keys context token token_text salt intermediates", "plaintext"),
    "envelope": ("keys external envelope intermediates", "stored plaintext opened_via"),
    "keyset": ("protection keys file intermediates", "parsed"),
    "recipient": ("string", "algorithm public_key fingerprint"),
    "identity": ("string", "algorithm keyset_id version_id created secret"),
    "usage": ("keyset seen file intermediates", "parsed"),
    "share": ("string", "backup_id k n x value digest"),
    "backup": ("shares keys file intermediates", "parsed"),
    "handshake": ("pattern suite mode hybrid prologue psk initiator_static responder_static initiator_random responder_random initiator_ephemeral responder_ephemeral seed encapsulation "
                  "messages intermediates", "contexts initiator_to_responder responder_to_initiator binding"),
    "record": ("suite mode window initiator_to_responder responder_to_initiator steps intermediates", ""),
    "session": ("device slot peer kept intermediates", "parsed steps"),
}
KEY_FIELDS = {"keysets": {"keyset_id", "versions"}, "raw_keys": {"key_id", "key"}, "provider_keys": {"provider", "key_name", "key"}}


class Mismatch(Exception):
    pass


def equal(name, got, want):
    if got != want:
        raise Mismatch("%s is %.100r, not %.100r" % (name, got, want))


def check_keys(keys):
    for name, value in keys.items():
        if name == "passphrase":
            continue
        for item in value:
            equal("fields of keys." + name, set(item), KEY_FIELDS[name])
            for version in item.get("versions", []):
                equal("fields of a version", set(version), {"version_id", "algorithm", "secret"})


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def malformed(text):
    """Texts next to a good one that clause 6.3 refuses."""
    whole = text[:len(text) - len(text) % 4]
    for extra in ("=", "==", " ", "\n", "\r\n", "\t", "\0", "+", "/", ".", "\u00e9", "\uff21"):
        yield text + extra
        yield extra + text
        yield text[:2] + extra + text[2:]
    yield text + "=" * (-len(text) % 4 or 4)                         # what a padded writer makes
    yield whole + "A"                                                # a length of 1 modulo 4
    yield whole + "AB"                                               # unused bits that are not zero
    yield whole + "AAB"
    if len(text) % 4:
        step = {2: 16, 3: 4}[len(text) % 4]
        last = ALPHABET.index(text[-1])
        for bit in range(1, step):
            yield text[:-1] + ALPHABET[last | bit]


def check_text(token, text):
    equal("token_text", token_from_text(text), token)
    for wrong in malformed(text):
        try:
            token_from_text(wrong)
        except Format:
            continue
        raise Mismatch("malformed token text is accepted: %r" % wrong[-12:])


def open_vector(v):
    if v["type"] in STRINGS:
        return STRINGS[v["type"]](v["string"])
    if v["type"] == "usage":
        return read_usage(*(bytes.fromhex(v[name]) for name in ("file", "keyset", "seen")))
    if v["type"] == "handshake":
        return take_part({name: v[name] for name in v if name not in ("comment", "expect", "type", "intermediates", "contexts")})
    if v["type"] in ("record", "session"):
        return (play if v["type"] == "record" else come_back)(v)
    check_keys(v["keys"])
    keys = Keys(v["keys"])
    if v["type"] == "backup":
        return restore(bytes.fromhex(v["file"]), keys, v["shares"])
    if v["type"] == "token":
        token = bytes.fromhex(v["token"])
        check_text(token, v["token_text"])
        return open_token(token, keys, {n: bytes.fromhex(x) for n, x in v["context"].items()})
    if v["type"] == "envelope":
        return open_envelope(bytes.fromhex(v["envelope"]), keys, {n: bytes.fromhex(x) for n, x in v["external"].items()})
    return open_keyset(bytes.fromhex(v["file"]), keys, v["protection"])


def check(v):
    if v.get("type") not in FIELDS:
        raise Mismatch("unknown type %r" % v.get("type"))
    always, if_ok = (set(f.split()) for f in FIELDS[v["type"]])
    equal("fields", set(v), {"comment", "expect", "type"} | always | (if_ok if v["expect"] == "ok" else set()))
    if v["expect"] not in ("ok",) + KINDS:
        raise Mismatch("unknown expect %r" % v["expect"])
    if v["type"] == "keyset" and v["protection"] not in ("unprotected", "envelope"):
        raise Mismatch("unknown protection")
    NOTES.clear()
    try:
        out = open_vector(v)
    except SealwaxError as e:
        equal("result", type(e).__name__, v["expect"])
        return
    equal("result", "ok", v["expect"])
    for name in if_ok:
        got = out[name]
        if isinstance(got, bytes):
            got = got.hex()
        elif name == "stored":
            got = {n: x.hex() for n, x in got.items()}
        equal(name, got, v[name])
    if "intermediates" in v and v.get("protection") != "unprotected":
        notes = {name: value.hex() for name, value in NOTES}
        missing = sorted(set(notes) - set(v["intermediates"]))
        equal("steps that the vector does not have", missing, [])
        for name, value in notes.items():
            equal("intermediate " + name, value, v["intermediates"][name])
    if v["type"] in ("keyset", "backup"):
        equal("encoding", out["plaintext"].hex(), v["intermediates"]["encoding"])
        equal("fingerprint", fingerprint(out["plaintext"]).hex(), v["intermediates"]["fingerprint"])


def check_command_line(vectors):
    """The same envelopes and tokens once more through the job interface that the Rust tests use."""
    for v in vectors:
        if v["type"] in ("handshake", "record", "session"):          # has no input that is one object
            continue
        data = v.get("envelope") or v.get("token") or v.get("file") or v.get("string") or ""
        job = {"input": data, "type": v["type"], "keys": v.get("keys", {}), "context": v.get("external") or v.get("context") or {}}
        job.update({name: v[name] for name in ("protection", "keyset", "seen", "shares") if name in v})
        out = decrypt.run(job)
        equal("job result", "ok" if out["ok"] else out["error"], v["expect"])
        if out["ok"] and "plaintext" in v:
            equal("job digest", out["plaintext_sha256"], hashlib.sha256(bytes.fromhex(v["plaintext"])).hexdigest())


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "vectors")
    passed = failed = 0
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".json"):
            continue
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                v = json.load(f)
            check(v)
            check_command_line([v])
            passed += 1
        except Exception as e:
            failed += 1
            print("%s: %s: %s" % (name, type(e).__name__, e))
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
