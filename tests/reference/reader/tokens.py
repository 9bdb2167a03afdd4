# SPDX-License-Identifier: MIT OR Apache-2.0
"""Contexts, T, tokens, and key material (format.md 2, 3, 6)."""
import base64, contextlib, re, unicodedata
from reader.base import (
    aead_open, be, Decrypt, expand, Limit, need, note, NOTES, Reader, same, UnknownKey)
def check_name(raw, most=255, least=1):                                                     # 2.1
    text = raw.decode("utf-8", "replace")
    need(text.encode("utf-8") == raw and least <= len(raw) <= most and "Cc" not in map(unicodedata.category, text))
    return text
def encode_context(entries):                                                           # 2.2, 2.4
    pairs = sorted((name.encode("utf-8", "surrogatepass"), value) for name, value in entries.items())
    need(len(pairs) <= 64 and sum(3 + len(n) + len(v) for n, v in pairs) <= 32768, Limit)
    return b"".join(be(len(n), 1) + n + be(len(v), 2) + v for n, v in pairs if check_name(n))
def decode_context(raw):
    r, last, out = Reader(raw), b"", {}
    while r.left():
        need(len(out) < 64, Limit)
        name = r.take(r.int(1))
        need(name > last)
        out[check_name(name)], last = r.take(r.int(2)), name
    return out
def open_t(k, suite, ctx, sealed, label="T"):
    derived = expand(k, b"sealwax/v1/T" + note(label + ".salt", sealed[:24]) + ctx, 64)
    key, commitment = note(label + ".key", derived[:32]), note(label + ".commitment", derived[32:])
    need(same(commitment, sealed[24:56]), Decrypt)
    return aead_open(suite, key, bytes(12), sealed[56:])
def version_key(root, use, suite, ids): return expand(root, b"sealwax/v1/" + use + b"\0" + be(suite, 1) + ids, 32)  # 6.1
def token_from_text(text):                                                                  # 6.3
    need(re.fullmatch(r"[A-Za-z0-9_-]*", text) and len(text) % 4 != 1)
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text)        # unused bits are zero
    return raw
def open_token(token, keys, context):                                                  # 6.2, 6.4
    need(len(token) >= 77 and token[0] in (0x11, 0x12) and any(token[1:5]))
    need(len(token) <= 65536 + 77, Limit)
    suite, version = token[0] & 15, token[1:5]
    found = [(ks, root) for ks, v, algorithm, root in keys.versions if be(v, 4) == version and algorithm == suite]
    need(found, UnknownKey)
    ctx = note("context", encode_context(context))
    for count, (keyset_id, root) in enumerate(found):
        need(count < 16, Limit)
        with contextlib.suppress(Decrypt):
            k = note("K_token", version_key(root, b"token", suite, keyset_id + version))
            return {"plaintext": open_t(k, suite, ctx, token[5:]), "suite": suite, "opened_via": "keyset"}
        del NOTES[1:]
    raise Decrypt
class Keys:            # key material in the shape the vectors use
    def __init__(self, j):
        x, self.passphrase = bytes.fromhex, j.get("passphrase")
        self.versions = [(x(s["keyset_id"]), v["version_id"], v["algorithm"], x(v["secret"]))
                         for s in j.get("keysets", []) for v in sorted(s["versions"], key=lambda v: v["version_id"])]
        providers = ((p["provider"].encode(), p["key_name"].encode(), x(p["key"])) for p in j.get("provider_keys", []))
        self.named = {5: [(x(k["key_id"]), x(k["key"])) for k in j.get("raw_keys", [])],
                      128: [(be(len(p), 1) + p + be(len(n), 2) + n, key) for p, n, key in providers]}
