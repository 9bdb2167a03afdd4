# SPDX-License-Identifier: MIT OR Apache-2.0
"""Recipient entries (format.md 5): functions (vector, label, suite of the envelope, H(core), data key) -> type, body."""
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from maker.primitives import (
    hkdf_expand, key_schedule, library_opens, public_key, seal_aead, sha256, u16, u32, u8,
    x25519, x25519_encap, x25519_public, xwing_encap, xwing_expand)
from maker.vector import derived, seal_t


def entry(kind, body): return u8(kind) + u16(len(body)) + body


def by_keyset(keyset, index=0, field=""):
    def make(v, label, suite, core_hash, data_key):
        version = keyset["versions"][index]
        keyset_id, root = bytes.fromhex(keyset["keyset_id"]), bytes.fromhex(version["secret"])
        k = v.step(label + ".K_wrap", derived(root, b"wrap", version["algorithm"], keyset_id, version["version_id"]))
        salt = v.bytes(label + ".salt", 24)
        return entry(1, keyset_id + u32(version["version_id"])
                     + seal_t(v, label + ".T", k, version["algorithm"], core_hash, data_key, salt))
    return make


def by_passphrase(passphrase, m=64, t=1, p=1, claimed=None):
    """`claimed` are parameters written in the entry instead of m, t, p (bound in K_pw as written)."""
    def make(v, label, suite, core_hash, data_key):
        salt = v.step(label + ".argon2_salt", v.bytes(label + ".argon2_salt", 16))
        cost = claimed or (m, t, p)
        header = u32(cost[0]) + u32(cost[1]) + u8(cost[2])
        stretched = Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m).derive(passphrase.encode())
        v.step(label + ".argon2id", stretched)
        k = v.step(label + ".K_pw", hkdf_expand(stretched, b"sealwax/v1/passphrase\x00" + u8(suite) + header, 32))
        return entry(2, header + salt + seal_t(v, label + ".T", k, suite, core_hash, data_key, v.bytes(label + ".salt", 24)))
    return make


def le(n): return n.to_bytes(32, "little")


P = 2**255 - 19
LOW_ORDER = [0, 1, P - 1] + [int.from_bytes(bytes.fromhex(u), "little") for u in (                    # the last two of order 8
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")]


def by_public(identity, index=0, hidden=False, zero=None, enc_x=None):
    """X25519 or X-Wing. `zero`: the X25519 part of enc is this point of low order, and everything else is sealed as if that
    were allowed. `enc_x`: a function of the honest X25519 part that gives the one to use; the maker knows the recipient's
    private key here, so that it finds the share that the recipient will find."""
    def make(v, label, suite, core_hash, data_key):
        version = identity["versions"][index]
        kind, secret = version["algorithm"], bytes.fromhex(version["secret"])
        pk = v.step(label + ".public_key", public_key(kind, secret))
        mark = v.step(label + ".fingerprint", bytes(8) if hidden else sha256(b"sealwax/v1/fingerprint\x00" + u8(kind) + pk)[:8])
        info = {3: b"sealwax/v1/x25519\x00", 4: b"sealwax/v1/x-wing\x00"}[kind] + core_hash
        v.step(label + ".hpke.info", info)
        sk_e = v.step(label + ".hpke.skE", v.bytes(label + ".hpke.skE", 32))
        z, share = zero, zero and bytes(32)
        if enc_x:
            z = enc_x(x25519_public(sk_e))
            share = x25519(secret if kind == 3 else xwing_expand(secret)[1], z)
        if kind == 3:
            shared, enc, dh = x25519_encap(pk, sk_e, z, share)
            v.step(label + ".hpke.dh", dh)
        else:
            m = v.step(label + ".hpke.mlkem_m", v.bytes(label + ".hpke.mlkem_m", 32))
            shared, enc, ss_m, ss_x = xwing_encap(pk, m, sk_e, z, share)
            v.step(label + ".hpke.mlkem_shared", ss_m)
            v.step(label + ".hpke.dh", ss_x)
        v.step(label + ".hpke.enc", enc)
        v.step(label + ".hpke.shared_secret", shared)
        key, nonce = key_schedule({3: 0x0020, 4: 0x647a}[kind], shared, info)
        ct = seal_aead(2, v.step(label + ".hpke.key", key), v.step(label + ".hpke.nonce", nonce), data_key)
        v.step(label + ".hpke.ct", ct)
        assert zero or enc_x or library_opens(kind, secret, enc, ct, info) == data_key
        return entry(kind, mark + enc + ct)
    return make


def by_raw_key(key_id, key):
    def make(v, label, suite, core_hash, data_key):
        k = v.step(label + ".K_raw", hkdf_expand(key, b"sealwax/v1/raw-key\x00" + u8(suite) + key_id, 32))
        return entry(5, key_id + seal_t(v, label + ".T", k, suite, core_hash, data_key, v.bytes(label + ".salt", 24)))
    return make


def by_provider(provider, key_name, k_p, extra=b""):
    def make(v, label, suite, core_hash, data_key):
        names = u8(len(provider.encode())) + provider.encode() + u16(len(key_name.encode())) + key_name.encode()
        blob = v.step(label + ".blob", v.bytes(label + ".blob", 48))
        k = v.step(label + ".K_prov", hkdf_expand(k_p, b"sealwax/v1/provider\x00" + u8(suite) + names, 32))
        sealed = seal_t(v, label + ".T", k, suite, core_hash, data_key, v.bytes(label + ".salt", 24))
        return entry(128, names + u16(len(blob)) + blob + sealed + extra)
    return make


def by_bytes(raw): return lambda v, label, suite, core_hash, data_key: raw
