# SPDX-License-Identifier: MIT OR Apache-2.0
"""Errors, bytes, HKDF, AEADs, and a reader of fields (format.md 1)."""
import hashlib, hmac
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
class SealwaxError(Exception): pass
Decrypt, Format, Truncated, Limit, UnknownKey, KeyState = (
    type(kind, (SealwaxError,), {})
    for kind in ("Decrypt", "Format", "Truncated", "Limit", "UnknownKey", "KeyState"))
VIA = {1: "keyset", 2: "passphrase", 3: "x25519", 4: "x-wing", 5: "raw-key", 128: "provider"}
WRAP_KEY = {1: "K_wrap", 2: "K_pw", 5: "K_raw", 128: "K_prov"}
BODY_LEN = {1: 124, 2: 129, 3: 88, 4: 1176, 5: 120}
NOTES = []       # (name, bytes) of the steps that led to the last result, compared by check_vectors.py
def note(name, value): return NOTES.append((name, value)) or value
def need(ok, error=Format):
    if not ok: raise error()
def one_of(value, allowed): return need(value in allowed) or value
def at_most(value, limit): return need(value <= limit, Limit) or value
def be(n, size): return n.to_bytes(size, "big")
def H(*parts): return hashlib.sha256(b"".join(parts)).digest()
def HMAC(key, *parts): return hmac.new(key, b"".join(parts), "sha256").digest()
def same(a, b): return hmac.compare_digest(a, b)
def expand(key, info, n, hash_name="sha256"):                                     # RFC 5869, 2.3
    blocks = [b""]
    while len(b"".join(blocks)) < n:
        blocks.append(hmac.new(key, blocks[-1] + info + be(len(blocks), 1), hash_name).digest())
    return b"".join(blocks)[:n]
def aead_open(suite, key, nonce, sealed):
    try:
        return (AESGCM if suite == 1 else ChaCha20Poly1305)(key).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise Decrypt from None
class Reader:          # takes fields from the front; running past the end raises `error`
    def __init__(self, data, error=Format): self.data, self.at, self.error = data, 0, error
    def left(self): return len(self.data) - self.at
    def int(self, size): return int.from_bytes(self.take(size), "big")
    def ints(self, **sizes): return {name: self.int(size) for name, size in sizes.items()}
    def magic(self, magic): return need(magic.startswith(self.data[:len(magic)])) or self.take(len(magic))   # 4.10a
    def take(self, n):
        need(n <= self.left(), self.error)
        self.at += n
        return self.data[self.at - n:self.at]
