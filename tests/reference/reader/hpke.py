# SPDX-License-Identifier: MIT OR Apache-2.0
"""HPKE base mode (RFC 9180) with X25519 and X-Wing (format.md 5.4)."""
import hashlib
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from reader.base import aead_open, be, Decrypt, expand, H, HMAC, note
def labeled_extract(suite_id, salt, label, ikm): return HMAC(salt, b"HPKE-v1", suite_id, label, ikm)
def labeled_expand(suite_id, prk, label, info, n): return expand(prk, be(n, 2) + b"HPKE-v1" + suite_id + label + info, n)
def fingerprint(kind, public): return H(b"sealwax/v1/fingerprint\0", be(kind, 1), public)[:8]
def x25519_public(secret): return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
def x25519(secret, public, error=Decrypt):
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:                                                     # all-zero shared secret
        raise error from None
def xwing_keys(seed):
    wide = hashlib.shake_256(seed).digest(96)
    pq = MLKEM768PrivateKey.from_seed_bytes(wide[:64])
    return pq, wide[64:], pq.public_key().public_bytes_raw() + x25519_public(wide[64:])
def public_key(kind, secret): return x25519_public(secret) if kind == 3 else xwing_keys(secret)[2]
def decap(kind, secret, enc):
    if kind == 3:
        prk = labeled_extract(b"KEM\x00\x20", b"", b"eae_prk", x25519(secret, enc))
        return labeled_expand(b"KEM\x00\x20", prk, b"shared_secret", enc + x25519_public(secret), 32)
    pq, classic, public = xwing_keys(secret)
    shared = pq.decapsulate(enc[:1088]) + x25519(classic, enc[1088:])
    return hashlib.sha3_256(shared + enc[1088:] + public[1184:] + b"\\.//^\\").digest()
def hpke_open(kind, secret, enc, info, ct, label="hpke"):
    suite_id = b"HPKE" + {3: b"\x00\x20", 4: b"\x64\x7a"}[kind] + b"\x00\x01\x00\x03"
    context = b"\0" + b"".join(labeled_extract(suite_id, b"", *x) for x in ((b"psk_id_hash", b""), (b"info_hash", info)))
    prk = labeled_extract(suite_id, note(label + ".shared_secret", decap(kind, secret, enc)), b"secret", b"")
    key = note(label + ".key", labeled_expand(suite_id, prk, b"key", context, 32))
    return aead_open(2, key, note(label + ".nonce", labeled_expand(suite_id, prk, b"base_nonce", context, 12)), ct)
