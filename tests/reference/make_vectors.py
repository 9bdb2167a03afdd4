# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds tests/vectors/*.json, deterministically, from docs/format.md alone (clause 12).

    make_vectors.py [--out DIR] [--shared DIR] [--check]

Every fixed "random" byte string is SHAKE-256("sealwax-vector/" + file name + "/" + field), the file name
with its ".json". ML-KEM-768 encapsulation is written out below because the library's is randomised only;
with it X-Wing entries come from fixed bytes too, and no file depends on an earlier run. --shared checks
the primitives against public test vectors. --check compares with the files there instead of writing.

`intermediates` maps the name of a step to its bytes in hex. In a vector that must be refused with Decrypt or
UnknownKey they are those of the honest object, before it was damaged; with another kind they are left out.
"""
import argparse, base64, hashlib, hmac, json, os, sys
from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

FILES = {}


def u8(n): return n.to_bytes(1, "big")
def u16(n): return n.to_bytes(2, "big")
def u32(n): return n.to_bytes(4, "big")
def u64(n): return n.to_bytes(8, "big")
def sha256(x): return hashlib.sha256(x).digest()
def hmac256(k, x): return hmac.new(k, x, hashlib.sha256).digest()
def flip(x, at): return x[:at] + bytes([x[at] ^ 1]) + x[at:][1:]


def hkdf_expand(prk, info, length, digest=hashlib.sha256):
    okm, t, counter = b"", b"", 0
    while len(okm) < length:
        counter += 1
        t = hmac.new(prk, t + info + u8(counter), digest).digest()
        okm += t
    return okm[:length]


def seal_aead(suite, key, nonce, plaintext):
    return {1: AESGCM, 2: ChaCha20Poly1305}[suite](key).encrypt(nonce, plaintext, b"")


# --- ML-KEM-768 encapsulation with given randomness (FIPS 203) -----------------------------------
Q = 3329
ZETAS = [pow(17, int(format(i, "07b")[::-1], 2), Q) for i in range(128)]


def ntt(f):
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, 256, 2 * length):
            zeta, i = ZETAS[i], i + 1
            for j in range(start, start + length):
                t = zeta * f[j + length] % Q
                f[j + length], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
        length //= 2
    return f


def ntt_inverse(f):
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, 256, 2 * length):
            zeta, i = ZETAS[i], i - 1
            for j in range(start, start + length):
                t = f[j]
                f[j], f[j + length] = (t + f[j + length]) % Q, zeta * (f[j + length] - t) % Q
        length *= 2
    return [x * 3303 % Q for x in f]


def multiply(f, g):
    h = []
    for i in range(128):
        a, b, c, d = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        gamma = pow(17, 2 * int(format(i, "07b")[::-1], 2) + 1, Q)
        h += [(a * c + b * d * gamma) % Q, (a * d + b * c) % Q]
    return h


def add(*polys): return [sum(c) % Q for c in zip(*polys)]


def sample_ntt(seed):
    stream, out = hashlib.shake_128(seed).digest(3 * 1024), []
    for a, b, c in zip(stream[::3], stream[1::3], stream[2::3]):
        out += [d for d in (a + 256 * (b % 16), b // 16 + 16 * c) if d < Q]
    return out[:256]


def sample_cbd2(seed, n):
    raw = int.from_bytes(hashlib.shake_256(seed + u8(n)).digest(128), "little")
    bit = [raw >> i & 1 for i in range(1024)]
    return [(bit[4 * i] + bit[4 * i + 1] - bit[4 * i + 2] - bit[4 * i + 3]) % Q for i in range(256)]


def encode_bits(poly, d):
    return sum(c << d * i for i, c in enumerate(poly)).to_bytes(32 * d, "little")


def decode_bits(raw, d):
    value = int.from_bytes(raw, "little")
    return [value >> d * i & (1 << d) - 1 for i in range(256)]


def compress(poly, d): return [(((x << d + 1) + Q) // (2 * Q)) % (1 << d) for x in poly]


def mlkem768_encapsulate(ek, m):
    k_and_r = hashlib.sha3_512(m + hashlib.sha3_256(ek).digest()).digest()
    shared, r = k_and_r[:32], k_and_r[32:]
    t_hat = [decode_bits(ek[384 * i:384 * (i + 1)], 12) for i in range(3)]
    rho = ek[1152:]
    y = [ntt(sample_cbd2(r, i)) for i in range(3)]
    e1, e2 = [sample_cbd2(r, 3 + i) for i in range(3)], sample_cbd2(r, 6)
    matrix = [[sample_ntt(rho + u8(j) + u8(i)) for j in range(3)] for i in range(3)]
    u = [add(ntt_inverse(add(*(multiply(matrix[j][i], y[j]) for j in range(3)))), e1[i]) for i in range(3)]
    mu = [(Q + 1) // 2 * bit for bit in decode_bits(m, 1)]
    v = add(ntt_inverse(add(*(multiply(t_hat[i], y[i]) for i in range(3)))), e2, mu)
    return shared, b"".join(encode_bits(compress(p, 10), 10) for p in u) + encode_bits(compress(v, 4), 4)


# --- X25519, X-Wing, HPKE base mode (RFC 9180) ---------------------------------------------------
def x25519_public(sk): return X25519PrivateKey.from_private_bytes(sk).public_key().public_bytes_raw()


def x25519(sk, pk):
    return X25519PrivateKey.from_private_bytes(sk).exchange(X25519PublicKey.from_public_bytes(pk))


def xwing_expand(seed):
    wide = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(wide[:64]), wide[64:]


def public_key(algorithm, secret):
    if algorithm == 3:
        return x25519_public(secret)
    pq, classic = xwing_expand(secret)
    return pq.public_key().public_bytes_raw() + x25519_public(classic)


def extract(suite_id, salt, label, ikm): return hmac256(salt, b"HPKE-v1" + suite_id + label + ikm)


def expand(suite_id, prk, label, info, length):
    return hkdf_expand(prk, u16(length) + b"HPKE-v1" + suite_id + label + info, length)


def x25519_encap(pk, sk_e, enc=None, dh=None):
    """DHKEM(X25519, HKDF-SHA256). A vector of a refused point gives its enc and its (zero) dh."""
    enc = enc or x25519_public(sk_e)
    dh = dh or x25519(sk_e, pk)
    suite_id = b"KEM" + u16(0x0020)
    return expand(suite_id, extract(suite_id, b"", b"eae_prk", dh), b"shared_secret", enc + pk, 32), enc, dh


def xwing_encap(pk, m, sk_e, enc_x=None, dh=None):
    ss_m, ct_m = mlkem768_encapsulate(pk[:1184], m)
    ct_x = enc_x or x25519_public(sk_e)
    ss_x = dh or x25519(sk_e, pk[1184:])
    label = bytes.fromhex("5c2e2f2f5e5c")
    return hashlib.sha3_256(ss_m + ss_x + ct_x + pk[1184:] + label).digest(), ct_m + ct_x, ss_m, ss_x


def key_schedule(kem_id, shared, info):
    suite_id = b"HPKE" + u16(kem_id) + u16(1) + u16(3)
    context = b"\0" + extract(suite_id, b"", b"psk_id_hash", b"") + extract(suite_id, b"", b"info_hash", info)
    secret = extract(suite_id, shared, b"secret", b"")
    return expand(suite_id, secret, b"key", context, 32), expand(suite_id, secret, b"base_nonce", context, 12)


def library_opens(algorithm, secret, enc, ct, info):
    """The library's own HPKE must open what is sealed here."""
    kem, key = hpke.KEM.X25519, X25519PrivateKey.from_private_bytes(secret)
    if algorithm == 4:
        pq, classic = xwing_expand(secret)
        kem = hpke.KEM.MLKEM768_X25519
        key = hpke.MLKEM768X25519PrivateKey(pq, X25519PrivateKey.from_private_bytes(classic))
    return hpke.Suite(kem, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305).decrypt(enc + ct, key, info)


# --- one vector ----------------------------------------------------------------------------------
class Vector:
    def __init__(self, name, comment, expect="ok"):
        self.file, self.comment, self.expect, self.steps = name + ".json", comment, expect, {}

    def bytes(self, field, n):
        return hashlib.shake_256(("sealwax-vector/" + self.file + "/" + field).encode()).digest(n)

    def step(self, name, value):
        self.steps[name] = value.hex()
        return value

    def keyset(self, field, *algorithms):
        """A keyset in the shape of `keys`, with one version of each algorithm given."""
        versions = [{"version_id": int.from_bytes(self.bytes("%s.version%d.id" % (field, i), 4), "big"), "algorithm": a,
                     "secret": self.bytes("%s.version%d.secret" % (field, i), 32).hex()} for i, a in enumerate(algorithms)]
        return {"keyset_id": self.bytes(field + ".id", 16).hex(), "versions": versions}

    def write(self, kind, **fields):
        out = {"comment": self.comment, "expect": self.expect, "type": kind}
        out.update({k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items() if v is not None})
        if kind not in ("recipient", "identity"):
            out["intermediates"] = self.steps if self.expect in ("ok", "Decrypt", "UnknownKey") else {}
        assert self.file not in FILES, self.file
        FILES[self.file] = json.dumps(out, indent=1, ensure_ascii=True) + "\n"


def make_keys(keysets=(), passphrase=None, raw=(), provider=()):
    keys = {}
    if keysets:
        keys["keysets"] = list(keysets)
    if passphrase is not None:
        keys["passphrase"] = passphrase
    if raw:
        keys["raw_keys"] = [{"key_id": i.hex(), "key": k.hex()} for i, k in raw]
    if provider:
        keys["provider_keys"] = [{"provider": p, "key_name": n, "key": k.hex()} for p, n, k in provider]
    return keys


def hex_map(context): return {name: value.hex() for name, value in context.items()}


def encode_pairs(pairs):
    return b"".join(u8(len(n)) + n + u16(len(v)) + v for n, v in pairs)


def encode_context(context):
    return encode_pairs(sorted((name.encode(), value) for name, value in context.items()))


def seal_t(v, label, k, suite, ctx, plaintext, salt):
    """Clause 3.1."""
    v.step(label + ".salt", salt)
    key_and_commitment = hkdf_expand(k, b"sealwax/v1/T" + salt + ctx, 64)
    key = v.step(label + ".key", key_and_commitment[:32])
    commitment = v.step(label + ".commitment", key_and_commitment[32:])
    sealed = seal_aead(suite, key, bytes(12), plaintext)
    v.step(label + ".ciphertext", sealed[:-16])
    v.step(label + ".tag", sealed[-16:])
    return salt + commitment + sealed


def derived(root, use, suite, keyset_id, version_id):
    """Clause 6.1."""
    return hkdf_expand(root, b"sealwax/v1/" + use + b"\x00" + u8(suite) + keyset_id + u32(version_id), 32)


# --- tokens --------------------------------------------------------------------------------------
def token(name, comment, expect="ok", suite=1, size=16, context=None, given=None, keys=None, damage=None, many=False):
    """`keys` and `damage` are functions: of the honest keyset, and of the honest token."""
    v = Vector("token-" + name, comment, expect)
    keyset = v.keyset("keyset", suite)
    version = keyset["versions"][0]
    keyset_id, root = bytes.fromhex(keyset["keyset_id"]), bytes.fromhex(version["secret"])
    ctx = v.step("context", encode_context(context or {}))
    k_token = v.step("K_token", derived(root, b"token", suite, keyset_id, version["version_id"]))
    plaintext, salt = v.bytes("plaintext", size), v.bytes("salt", 24)
    raw = bytes([0x10 | suite]) + u32(version["version_id"])
    v.step("prefix_and_version", raw)
    raw += seal_t(v, "T", k_token, suite, ctx, plaintext, salt)
    if damage:
        raw = damage(raw)
    v.write("token", keys=make_keys(keys(v, keyset) if keys else [keyset]),
            context=hex_map((context or {}) if given is None else given), token=raw,
            token_text=base64.urlsafe_b64encode(raw).rstrip(b"=").decode(),
            plaintext=plaintext if expect == "ok" else None, salt=salt)


def changed(keyset, **fields):
    return {"keyset_id": fields.get("keyset_id", keyset["keyset_id"]),
            "versions": [dict(keyset["versions"][0], **{k: f for k, f in fields.items() if k != "keyset_id"})]}


def tokens():
    context = {"table": b"users", "row": u64(7), "z-empty": b"", "\u00fcml\u00e4ut": "\u20ac".encode()}
    for suite in (1, 2):
        for size, text in ((0, "empty"), (1, "one-byte"), (64, "64-bytes")):
            token("suite%d-%s" % (suite, text), "Token of suite %d, plaintext of %d bytes." % (suite, size), suite=suite, size=size)
        token("suite%d-context" % suite, "Context with an empty value and a name that is not ASCII.", suite=suite, size=20, context=context)
    token("context-64-entries", "The most entries a context may have.", suite=2, context={"n%02d" % i: u8(i) for i in range(64)})
    token("two-keysets-one-version-id", "Two keysets hold the version id; the commitment decides for the second.", suite=2,
          keys=lambda v, k: [changed(k, keyset_id=v.bytes("other.id", 16).hex(), secret=v.bytes("other.secret", 32).hex()), k])
    token("wrong-context", "A value of the context differs.", "Decrypt", context=context, given=dict(context, row=u64(8)))
    token("missing-context", "The context is not given.", "Decrypt", suite=2, context=context, given={})
    token("unknown-version", "No version with the id of the token.", "UnknownKey",
          keys=lambda v, k: [changed(k, version_id=k["versions"][0]["version_id"] ^ 1)])
    token("version-of-other-suite", "The version with that id is of the other suite.", "UnknownKey", keys=lambda v, k: [changed(k, algorithm=2)])
    token("no-keys", "No keys at all.", "UnknownKey", keys=lambda v, k: [])
    token("wrong-root", "The version has another root secret.", "Decrypt", keys=lambda v, k: [changed(k, secret=v.bytes("other", 32).hex())])
    token("wrong-keyset-id", "The same version id and root under another keyset id.", "Decrypt", suite=2,
          keys=lambda v, k: [changed(k, keyset_id=v.bytes("other", 16).hex())])
    token("bad-prefix-13", "Prefix 0x13: no such suite.", "Format", damage=lambda t: b"\x13" + t[1:])
    token("bad-prefix-01", "Prefix 0x01: the suite without the high bit pattern.", "Format", damage=lambda t: b"\x01" + t[1:])
    token("prefix-of-other-suite", "Prefix changed from 0x11 to 0x12: no version of that id in suite 2.", "UnknownKey", damage=lambda t: b"\x12" + t[1:])
    token("too-short", "76 bytes, one less than an empty token.", "Format", size=0, damage=lambda t: t[:-1])
    token("version-id-0", "Version id 0.", "Format", damage=lambda t: t[:1] + bytes(4) + t[5:])
    token("context-65-entries", "65 entries of context are given; the token was sealed with none.", "Limit", given={"n%02d" % i: b"" for i in range(65)})
    token("context-32769-bytes", "The context given has an encoding of 32,769 bytes; the token was sealed with none.", "Limit", suite=2,
          given={"n": bytes(32769 - 4)})

    def wrong(v, k, n): return [changed(k, keyset_id=v.bytes("other%d.id" % i, 16).hex(), secret=v.bytes("other%d.secret" % i, 32).hex()) for i in range(n)]
    token("16-keysets", "The 16th of 16 keysets with that version id opens the token.", suite=2, keys=lambda v, k: wrong(v, k, 15) + [k])
    token("16-keysets-fail", "16 keysets hold the version id, and none opens the token.", "Decrypt", keys=lambda v, k: wrong(v, k, 16))
    token("17-keysets", "The 17th keyset with that version id would open the token; the 17th trial is not made.", "Limit", keys=lambda v, k: wrong(v, k, 16) + [k])
    token("no-bytes", "No bytes at all.", "Format", size=0, damage=lambda t: b"")
    token("flipped-salt", "One bit of the salt.", "Decrypt", damage=lambda t: flip(t, 5))
    token("flipped-commitment", "One bit of the commitment.", "Decrypt", suite=2, damage=lambda t: flip(t, 5 + 24 + 31))
    token("flipped-ciphertext", "One bit of the ciphertext.", "Decrypt", damage=lambda t: flip(t, 5 + 56))
    token("flipped-tag", "One bit of the tag.", "Decrypt", suite=2, damage=lambda t: flip(t, len(t) - 1))
    token("shortened", "The last byte is missing, and the rest is long enough.", "Decrypt", suite=2, damage=lambda t: t[:-1])


# --- entries: functions (vector, label, suite of the envelope, H(core), data key) -> type, body -----
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


# --- envelopes -----------------------------------------------------------------------------------
class Envelope:
    """Builds the honest object step by step; scenarios then replace parts of it."""

    def __init__(self, v, entries, plaintext, suite=2, log2chunk=None, kind=1, stored=None, external=None, slots=1,
                 slot_len=None, epoch=1, place=0, raw_stored=None, head=None, padding=None, count=None, other=None):
        self.v, self.suite, self.plaintext = v, suite, plaintext
        self.log2chunk = log2chunk or {1: 14, 2: 12}[suite]
        self.stored, self.external, self.nslots = stored or {}, external or {}, slots
        encoded = v.step("stored_encoding", encode_context(self.stored) if raw_stored is None else raw_stored)
        head = head or b"SWAX" + bytes([1, suite, kind, 0, self.log2chunk])
        self.core = v.step("core", head + v.bytes("envelope_id", 16) + u32(len(encoded)) + encoded)
        self.core_hash = v.step("H_core", sha256(self.core))
        self.data_key = v.step("data_key", v.bytes("data_key", 32))
        self.k_block = v.step("K_block", hkdf_expand(self.data_key, b"sealwax/v1/key-block\x00" + u8(suite), 32))
        made = [v.step("entry%d" % i, e(v, "entry%d" % i, suite, self.core_hash, self.data_key)) for i, e in enumerate(entries)]
        used = 5 + sum(map(len, made)) + 48
        if slot_len is None:                                                                        # 4.8
            slot_len = used if slots == 1 else -(-(used + max(map(len, made))) // 512) * 512
        self.slot_len = slot_len
        self.slots = [bytes(slot_len)] * slots
        self.slots[place] = self.slot(made, epoch, count=count, padding=padding)
        external = v.step("external_encoding", encode_context(self.external))
        self.payload = self.seal_payload(self.core_hash + external)

    def other_slot(self, entries, epoch, field="other"):
        """Another slot of the same envelope, as a rewrap leaves it; its steps carry the field's name."""
        v = self.v
        made = [v.step("%s.entry%d" % (field, i), e(v, "%s.entry%d" % (field, i), self.suite, self.core_hash, self.data_key))
                for i, e in enumerate(entries)]
        return self.slot(made, epoch, field + ".")

    def slot(self, made, epoch, label="", count=None, padding=None, bad_mac=False):
        v, prefix = self.v, self.core_hash + u8(self.nslots) + u32(self.slot_len)
        body = u32(epoch) + u8(len(made) if count is None else count) + b"".join(made)
        fill = bytes(self.slot_len - 48 - len(body))
        body += fill if padding is None else padding(fill)
        mac = v.step(label + "mac", hmac256(self.k_block, prefix + body))
        if bad_mac:
            mac = flip(mac, 0)
        check = v.step(label + "check", sha256(b"sealwax/v1/check\x00" + prefix + body + mac)[:16])
        return body + mac + check

    def seal_payload(self, ctx):
        v, size = self.v, 1 << self.log2chunk
        k = v.step("K_payload", hkdf_expand(self.data_key, b"sealwax/v1/payload\x00" + u8(self.suite), 32))
        v.step("payload.context", ctx)
        salt = v.step("payload.salt", v.bytes("payload.salt", 24))
        if self.suite == 1:
            okm = hkdf_expand(k, b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + ctx, 76, hashlib.sha512)
        else:
            label = b"sealwax/v1/chunked+AEAD_CHACHA20_POLY1305\x00" + u8(self.log2chunk)
            okm = hkdf_expand(k, label + salt + ctx, 76)
        key, base = v.step("payload.key", okm[:32]), v.step("payload.base_nonce", okm[32:44])
        self.chunks = []
        for i in range(len(self.plaintext) // size + 1):
            nonce = bytes(a ^ b for a, b in zip(base, i.to_bytes(12, "big")))
            v.step("payload.chunk%d.nonce" % i, nonce)
            self.chunks.append(seal_aead(self.suite, key, nonce, self.plaintext[i * size:(i + 1) * size]))
            v.step("payload.chunk%d.tag" % i, self.chunks[-1][-16:])
        self.payload_head = salt + v.step("payload.commitment", okm[44:])
        payload = self.payload_head + b"".join(self.chunks)
        if self.suite == 1:                                     # 5A.2: the library's Cobblestone-256 opens it
            reader = Cobblestone256Decryptor(k, ctx)
            assert reader.update(payload) + reader.finalize() == self.plaintext
        return payload

    def key_block(self): return u8(self.nslots) + u32(self.slot_len) + b"".join(self.slots)
    def header(self): return self.core + self.key_block()
    def bytes(self): return self.header() + self.payload


def env(name, comment, entries, keys, via=None, expect="ok", size=40, given=None, damage=None, **options):
    """`entries` and `keys` are functions of the Vector; `damage` of the Envelope, gives bytes or None."""
    v = Vector("envelope-" + name, comment, expect)
    e = Envelope(v, entries(v), v.bytes("plaintext", size), **options)
    raw = (damage(e) if damage else None)
    raw = e.bytes() if raw is None else raw
    ok = expect == "ok"
    v.write("envelope", keys=keys(v), external=hex_map(e.external if given is None else given),
            stored=hex_map(e.stored) if ok else None, envelope=raw, plaintext=e.plaintext if ok else None, opened_via=via if ok else None)


PASSPHRASE = "correct horse \u2014 battery staple"


def simple(name, comment, expect="ok", algorithm=2, **options):
    """One keyset entry and the keyset that opens it."""
    more = options.pop("more", lambda v: [])
    env(name, comment, lambda v: [by_keyset(v.keyset("keyset", algorithm))] + more(v),
        options.pop("keys", lambda v: make_keys([v.keyset("keyset", algorithm)])), "keyset", expect, **options)


def envelopes_recipients():
    x, w = (lambda v, f="identity": v.keyset(f, 3)), (lambda v, f="identity": v.keyset(f, 4))
    simple("keyset-suite1", "Suite 1, keyset of suite 1.", suite=1, algorithm=1)
    simple("keyset-suite2", "Suite 2, keyset of suite 2.")
    simple("keyset-suite1-in-suite2", "The wrap is in the suite of the version, not of the envelope.", algorithm=1)
    simple("keyset-suite2-in-suite1", "The wrap is in the suite of the version, not of the envelope.", suite=1)
    env("two-keysets", "Two keyset entries; the reader holds the second keyset.",
        lambda v: [by_keyset(v.keyset("a", 1)), by_keyset(v.keyset("b", 2))], lambda v: make_keys([v.keyset("b", 2)]), "keyset")
    env("first-entry-fails", "The first entry names a version the reader holds with another root; the second opens.",
        lambda v: [by_keyset(v.keyset("a", 2)), by_raw_key(v.bytes("id", 16), v.bytes("key", 32))],
        lambda v: make_keys([changed(v.keyset("a", 2), secret=v.bytes("other", 32).hex())], raw=[(v.bytes("id", 16), v.bytes("key", 32))]), "raw-key")
    env("entry-order-decides", "The reader has keys for both entries; the first entry that unwraps decides.",
        lambda v: [by_raw_key(v.bytes("id", 16), v.bytes("key", 32)), by_keyset(v.keyset("a", 2))],
        lambda v: make_keys([v.keyset("a", 2)], raw=[(v.bytes("id", 16), v.bytes("key", 32))]), "raw-key")
    for suite in (1, 2):
        env("x25519-suite%d" % suite, "One X25519 recipient.", lambda v: [by_public(x(v))], lambda v: make_keys([x(v)]), "x25519", suite=suite)
        env("raw-key-suite%d" % suite, "One raw key.", lambda v: [by_raw_key(v.bytes("id", 16), v.bytes("key", 32))],
            lambda v: make_keys(raw=[(v.bytes("id", 16), v.bytes("key", 32))]), "raw-key", suite=suite)
        env("x-wing-suite%d" % suite, "One X-Wing recipient.", lambda v: [by_public(w(v))], lambda v: make_keys([w(v)]), "x-wing", suite=suite)
        env("provider-suite%d" % suite, "One provider entry. The `key` of provider_keys is K_p, what the provider makes of the blob.",
            lambda v: [by_provider("test-kms", "arn:test/key/1", v.bytes("K_p", 32))],
            lambda v: make_keys(provider=[("test-kms", "arn:test/key/1", v.bytes("K_p", 32))]), "provider", suite=suite)
    env("x25519-two-one-hidden", "Two X25519 recipients, the second with a hidden fingerprint; the reader has two identities, and the "
        "second of them opens the hidden entry.", lambda v: [by_public(x(v, "a")), by_public(x(v, "b"), hidden=True)],
        lambda v: make_keys([x(v, "c"), x(v, "b")]), "x25519")
    env("x-wing-hidden", "X-Wing with a hidden fingerprint.", lambda v: [by_public(w(v), hidden=True)], lambda v: make_keys([w(v)]), "x-wing")
    env("x-wing-beside-x25519", "Both kinds of key pair in one envelope (a sealer needs an override); the X-Wing identity opens.",
        lambda v: [by_public(x(v, "a")), by_public(w(v, "b"))], lambda v: make_keys([w(v, "b")]), "x-wing")
    env("identity-two-versions", "An identity with two versions; the second is the recipient.",
        lambda v: [by_public(v.keyset("a", 3, 3), 1)], lambda v: make_keys([v.keyset("a", 3, 3)]), "x25519")
    env("provider-other-name", "The reader's provider has a key of another name.", lambda v: [by_provider("test-kms", "one", v.bytes("K_p", 32))],
        lambda v: make_keys(provider=[("test-kms", "two", v.bytes("K_p", 32))]), expect="UnknownKey")
    env("unknown-types-skipped", "Entries of types 6, 127, 129 and 255, one of them empty, before the entry that opens.",
        lambda v: [by_bytes(entry(6, v.bytes("a", 30))), by_bytes(entry(127, b"")), by_bytes(entry(129, v.bytes("b", 5))),
                   by_bytes(entry(255, v.bytes("c", 1))), by_keyset(v.keyset("keyset", 2))],
        lambda v: make_keys([v.keyset("keyset", 2)]), "keyset")
    env("only-unknown-types", "No entry of a type the reader knows.", lambda v: [by_bytes(entry(77, v.bytes("a", 30)))],
        lambda v: make_keys([v.keyset("keyset", 2)], PASSPHRASE), expect="UnknownKey")
    for name, suite, m, t, p in (("", 2, 64, 1, 1), ("-p4", 2, 64, 2, 4), ("-suite1", 1, 64, 1, 1)):
        env("passphrase" + name, "Passphrase, Argon2id with m = %d KiB, t = %d, p = %d." % (m, t, p),
            lambda v: [by_passphrase(PASSPHRASE, m, t, p)], lambda v: make_keys(passphrase=PASSPHRASE), "passphrase", suite=suite)
    env("passphrase-wrong", "Another passphrase.", lambda v: [by_passphrase(PASSPHRASE)], lambda v: make_keys(passphrase=PASSPHRASE + " "), expect="Decrypt")
    env("passphrase-second", "Two passphrase entries, both of which would open; check and mac hold.",
        lambda v: [by_passphrase(PASSPHRASE), by_passphrase(PASSPHRASE)], lambda v: make_keys(passphrase=PASSPHRASE), expect="Format")
    env("passphrase-second-behind-keyset", "A second passphrase entry is refused even if the reader holds the key of an entry before it.",
        lambda v: [by_keyset(v.keyset("keyset", 2)), by_passphrase("a"), by_passphrase("b")], lambda v: make_keys([v.keyset("keyset", 2)]), expect="Format")
    simple("entry-version-id-0", "A keyset entry that names version id 0, after one that would open; check and mac hold.", "Format",
           more=lambda v: [by_bytes(entry(1, v.bytes("id", 16) + bytes(4) + v.bytes("T", 104)))])
    env("provider-short-key", "The provider gives a K_p of 31 bytes: a trial that fails.", lambda v: [by_provider("test-kms", "one", v.bytes("K_p", 31))],
        lambda v: make_keys(provider=[("test-kms", "one", v.bytes("K_p", 31))]), expect="Decrypt")
    env("provider-fails-then-good", "The provider gives a K_p of 31 bytes, and the keyset entry behind it opens.",
        lambda v: [by_provider("test-kms", "one", v.bytes("K_p", 31)), by_keyset(v.keyset("keyset", 2))],
        lambda v: make_keys([v.keyset("keyset", 2)], provider=[("test-kms", "one", v.bytes("K_p", 31))]), "keyset")
    env("passphrase-fails-then-good", "Another passphrase; the raw key behind it opens.",
        lambda v: [by_passphrase("other"), by_raw_key(v.bytes("id", 16), v.bytes("key", 32))],
        lambda v: make_keys(passphrase=PASSPHRASE, raw=[(v.bytes("id", 16), v.bytes("key", 32))]), "raw-key")
    env("passphrase-beside-keyset", "A passphrase beside a keyset (a sealer needs an override); the keyset opens, no Argon2id is run.",
        lambda v: [by_passphrase(PASSPHRASE), by_keyset(v.keyset("keyset", 2))], lambda v: make_keys([v.keyset("keyset", 2)]), "keyset")
    for name, claim in (("memory", (1048577, 1, 1)), ("passes", (64, 17, 1)), ("lanes", (1024, 1, 17)), ("product", (1048576, 5, 1))):
        env("argon2-limit-" + name, "Argon2id cost m, t, p = %d, %d, %d is over the limit." % claim,
            lambda v: [by_passphrase(PASSPHRASE, claimed=claim)], lambda v: make_keys(passphrase=PASSPHRASE), expect="Limit")
    for name, claim in (("memory", (31, 1, 4)), ("passes", (64, 0, 1)), ("lanes", (64, 1, 0))):
        env("argon2-below-" + name, "Argon2id cost m, t, p = %d, %d, %d is below what RFC 9106 requires." % claim,
            lambda v: [by_passphrase(PASSPHRASE, claimed=claim)], lambda v: make_keys(passphrase=PASSPHRASE), expect="Format")
    env("x25519-zero-point", "enc is the zero point, the shared secret all zero, and the rest sealed to match: it does not unwrap.",
        lambda v: [by_public(x(v), zero=bytes(32))], lambda v: make_keys([x(v)]), expect="Decrypt")
    env("x-wing-zero-point", "The X25519 part of enc is the zero point, and the rest sealed to match: it does not unwrap.",
        lambda v: [by_public(w(v), zero=bytes(32))], lambda v: make_keys([w(v)]), expect="Decrypt")
    for name, comment, point in (("order-8", "a point of order 8", le(LOW_ORDER[3])), ("p", "u = 2^255 - 19, another encoding of the zero point", le(P)),
                                 ("zero-bit-255", "the zero point with bit 255 set", le(1 << 255))):
        env("x25519-enc-" + name, "enc is %s, the shared secret all zero, and the rest sealed to match: it does not unwrap." % comment,
            lambda v: [by_public(x(v), zero=point)], lambda v: make_keys([x(v)]), expect="Decrypt")
    env("x25519-zero-point-then-good", "An entry with the zero point does not unwrap and is passed over; the next one to the same identity opens.",
        lambda v: [by_public(x(v), zero=bytes(32)), by_public(x(v))], lambda v: make_keys([x(v)]), "x25519")
    for name, comment, change in (("bit-255", "with bit 255 set", lambda enc: enc[:31] + bytes([enc[31] | 0x80])),
                                  ("not-canonical", "u = 2^255 - 17, which is 2", lambda enc: le(P + 2))):
        env("x25519-enc-" + name, "enc %s: it is taken as its bytes, and no canonical form is required." % comment,
            lambda v: [by_public(x(v), enc_x=change)], lambda v: make_keys([x(v)]), "x25519")
    env("x-wing-enc-bit-255", "The X25519 part of enc with bit 255 set: it is taken as its bytes, and no canonical form is required.",
        lambda v: [by_public(w(v), enc_x=lambda enc: enc[:31] + bytes([enc[31] | 0x80]))], lambda v: make_keys([w(v)]), "x-wing")

    def hidden(v, n): return [by_bytes(entry(3, bytes(8) + v.bytes("hidden%d" % i, 80))) for i in range(n)]      # for nobody
    env("hidden-fails-then-good", "A hidden entry that the reader's identity does not open, then a hidden one that it does.",
        lambda v: hidden(v, 1) + [by_public(x(v), hidden=True)], lambda v: make_keys([x(v)]), "x25519")
    env("hidden-fails", "A hidden entry for somebody else: a trial was made.", lambda v: hidden(v, 1), lambda v: make_keys([x(v)]), expect="Decrypt")
    env("hidden-of-other-type", "A hidden X25519 entry, and the reader has an X-Wing identity only: no trial.", lambda v: hidden(v, 1),
        lambda v: make_keys([w(v)]), expect="UnknownKey")
    env("fingerprint-of-other", "An X25519 entry with the fingerprint of somebody else: no trial.", lambda v: [by_public(x(v, "other"))],
        lambda v: make_keys([x(v)]), expect="UnknownKey")
    made = " A sealer would refuse to make this."
    env("trials-16", "16 hidden X25519 entries; the last one is the reader's, and the 16th trial opens it." + made,
        lambda v: hidden(v, 15) + [by_public(x(v), hidden=True)], lambda v: make_keys([x(v)]), "x25519")
    env("trials-16-fail", "16 hidden X25519 entries, none for the reader: 16 trials are allowed." + made, lambda v: hidden(v, 16),
        lambda v: make_keys([x(v)]), expect="Decrypt")
    env("trials-17", "17 hidden X25519 entries; the last one is the reader's, and the 17th trial is not made." + made,
        lambda v: hidden(v, 16) + [by_public(x(v), hidden=True)], lambda v: make_keys([x(v)]), expect="Limit")
    env("trials-two-entries-nine-identities", "Two hidden entries and nine identities: the second entry is opened by the identity given seventh, with the 16th trial.",
        lambda v: hidden(v, 1) + [by_public(x(v), hidden=True)],
        lambda v: make_keys([x(v, "id%d" % i) for i in range(6)] + [x(v)] + [x(v, "id%d" % i) for i in range(6, 8)]), "x25519")
    env("trials-two-entries-ten-identities", "Two hidden entries and ten identities: the second entry would be opened by the one given seventh, with the 17th trial.",
        lambda v: hidden(v, 1) + [by_public(x(v), hidden=True)],
        lambda v: make_keys([x(v, "id%d" % i) for i in range(6)] + [x(v)] + [x(v, "id%d" % i) for i in range(6, 9)]), expect="Limit")

    def one_keyset(v): return v.keyset("keyset", 2)
    def forged(v, n): return [by_bytes(entry(1, bytes.fromhex(one_keyset(v)["keyset_id"]) + u32(one_keyset(v)["versions"][0]["version_id"])
                                             + v.bytes("forged%d" % i, 104))) for i in range(n)]
    env("trials-15-keyset-entries-fail", "15 entries that name the reader's version and do not unwrap, then one that does.",
        lambda v: forged(v, 15) + [by_keyset(one_keyset(v))], lambda v: make_keys([one_keyset(v)]), "keyset")
    env("trials-16-keyset-entries-fail", "16 entries that name the reader's version and do not unwrap, then one that would: the 17th trial is not made.",
        lambda v: forged(v, 16) + [by_keyset(one_keyset(v))], lambda v: make_keys([one_keyset(v)]), expect="Limit")
    env("trials-none-for-other-keys", "20 entries that name keys not at hand cost no trial; the last entry opens.",
        lambda v: [by_bytes(entry(1, v.bytes("other%d" % i, 124))) for i in range(20)] + [by_keyset(one_keyset(v))],
        lambda v: make_keys([one_keyset(v)]), "keyset")
    simple("unknown-key", "No entry matches a key at hand.", "UnknownKey", keys=lambda v: make_keys([v.keyset("other", 2)], "x", [(bytes(16), bytes(32))]))
    simple("no-keys", "No keys at all.", "UnknownKey", keys=lambda v: {})
    simple("wrong-root", "The version that the entry names has another root secret.", "Decrypt",
           keys=lambda v: make_keys([changed(v.keyset("keyset", 2), secret=v.bytes("other", 32).hex())]))
    simple("version-of-other-suite", "The version that the entry names is of suite 1 at the reader, and of suite 2 at the sealer.", "Decrypt",
           keys=lambda v: make_keys([changed(v.keyset("keyset", 2), algorithm=1)]))


def envelopes_payload():
    for log2chunk in (10, 12, 14, 16):
        simple("log2chunk-%d" % log2chunk, "Suite 2 with chunks of 2^%d bytes." % log2chunk, log2chunk=log2chunk, size=100)
    for size in (0, 1, 1023, 1024, 1025, 2500):
        simple("size-%d" % size, "Chunks of 2^10 bytes, plaintext of %d bytes." % size, log2chunk=10, size=size)
    simple("suite1-two-chunks", "Suite 1, plaintext of exactly one full chunk: an empty last chunk follows.", suite=1, algorithm=1, size=16384)
    simple("suite1-size-0", "Suite 1, empty plaintext.", suite=1, algorithm=1, size=0)
    simple("log2chunk-12-two-chunks", "The default chunk length of suite 2, two chunks.", size=4097)

    def payload(f): return lambda e: e.header() + f(e)
    cut = dict(log2chunk=10, size=2500)
    simple("payload-none", "Nothing after the header.", "Truncated", damage=payload(lambda e: b""))
    simple("payload-short-head", "55 bytes of payload.", "Truncated", damage=payload(lambda e: e.payload[:55]))
    simple("payload-head-only", "56 bytes of payload, and no chunk.", "Truncated", damage=payload(lambda e: e.payload[:56]))
    simple("payload-short-last-chunk", "15 bytes are left of the last chunk.", "Truncated", damage=payload(lambda e: e.payload_head + e.chunks[0] + e.chunks[1] + e.chunks[2][:15]), **cut)
    simple("payload-dropped-last-chunk", "The last chunk is missing: the rest is a whole number of full chunks.", "Truncated",
           damage=payload(lambda e: e.payload_head + e.chunks[0] + e.chunks[1]), **cut)
    simple("payload-cut-in-chunk", "Cut inside a chunk where 100 bytes of it are left: the length looks whole, the tag fails.", "Decrypt",
           damage=payload(lambda e: e.payload_head + e.chunks[0] + e.chunks[1][:100]), **cut)
    simple("payload-swapped-chunks", "Two full chunks swapped.", "Decrypt", damage=payload(lambda e: e.payload_head + e.chunks[1] + e.chunks[0] + e.chunks[2]), **cut)
    simple("payload-repeated-chunk", "A full chunk twice.", "Decrypt", damage=payload(lambda e: e.payload_head + e.chunks[0] + e.chunks[0] + e.chunks[1] + e.chunks[2]), **cut)
    simple("payload-dropped-first-chunk", "The first chunk is missing.", "Decrypt", damage=payload(lambda e: e.payload_head + e.chunks[1] + e.chunks[2]), **cut)
    simple("payload-appended-byte", "One byte after the end.", "Decrypt", damage=payload(lambda e: e.payload + b"\0"))
    simple("payload-flipped-salt", "One bit of the payload salt.", "Decrypt", damage=payload(lambda e: flip(e.payload, 0)))
    simple("payload-flipped-commitment", "One bit of the payload commitment.", "Decrypt", damage=payload(lambda e: flip(e.payload, 55)))
    simple("payload-flipped-chunk", "One bit of the first chunk.", "Decrypt", damage=payload(lambda e: flip(e.payload, 56)), **cut)
    simple("payload-flipped-tag", "One bit of the last tag.", "Decrypt", suite=1, algorithm=1, damage=payload(lambda e: flip(e.payload, len(e.payload) - 1)))

    simple("payload-none-unknown-key", "Nothing after the header, and no key: the header comes first.", "UnknownKey", keys=lambda v: {}, damage=payload(lambda e: b""))
    simple("payload-cut-and-flipped-commitment", "55 bytes are left of the payload, and a bit of its commitment is changed: the length comes first.", "Truncated",
           damage=payload(lambda e: flip(e.payload[:55], 30)))

    def spliced(e):
        other = Vector("spliced-payload-source", "")
        return e.header() + Envelope(other, [by_keyset(other.keyset("keyset", 2))], e.plaintext).payload
    simple("payload-spliced", "The payload of another envelope with the same plaintext.", "Decrypt", damage=spliced)


def envelopes_context():
    stored = {"file": b"report.pdf", "owner": b"", "\u540d\u524d": "\u5024".encode()}
    external = {"path": b"/srv/report.pdf", "a": b"\x00\xff"}
    simple("context", "Stored and external context.", stored=stored, external=external)
    simple("context-suite1", "Stored and external context, suite 1.", stored=stored, external=external, suite=1, algorithm=1)
    simple("context-stored-given", "A stored entry is given again with its value: it is compared, and is not external.",
           stored=stored, external=external, given=dict(external, file=b"report.pdf"))
    simple("context-stored-differs", "A stored entry is given with another value.", "Decrypt", stored=stored, given={"file": b"Report.pdf"})
    simple("context-external-missing", "An external entry is not given.", "Decrypt", external=external, given={"a": b"\x00\xff"})
    simple("context-external-differs", "An external entry is given with another value.", "Decrypt", external=external, given=dict(external, a=b"\x00"))
    simple("context-external-extra", "One external entry too many.", "Decrypt", external=external, given=dict(external, b=b""))
    simple("context-64-entries", "The most entries a stored context may have.", stored={"n%02d" % i: u8(i) for i in range(64)})
    simple("context-stored-all-given", "All stored entries are given again, and nothing is external.", stored=stored, given=stored)
    simple("context-stored-empty-differs", "A stored entry with an empty value is given with another.", "Decrypt", stored=stored, given={"owner": b"\x00"})
    simple("context-given-64", "The most entries that may be given: 63 external ones and one that is stored.", stored={"a": b"1"},
           external={"n%02d" % i: b"" for i in range(63)}, given=dict({"n%02d" % i: b"" for i in range(63)}, a=b"1"))
    simple("context-given-65", "65 entries are given.", "Limit", given={"n%02d" % i: b"" for i in range(65)})
    simple("context-given-65-one-stored", "65 entries are given, of which one is stored: the limit holds for all that are given.", "Limit", stored={"a": b"1"},
           external={"n%02d" % i: b"" for i in range(64)}, given=dict({"n%02d" % i: b"" for i in range(64)}, a=b"1"))
    simple("context-counter-short", "A sealwax.counter of three bytes (a sealer refuses it): a reader treats it like any other entry.", stored={"sealwax.counter": b"abc"})
    simple("context-65-entries", "A stored context with one entry too many.", "Limit", raw_stored=encode_pairs([(b"n%02d" % i, b"") for i in range(65)]))
    simple("context-reserved-names", "sealwax.counter, and a reserved name that has no meaning: a reader treats them like any other.",
           stored={"sealwax.counter": u64(41), "sealwax.future": b"x"})
    for name, comment, pairs in (
            ("unsorted", "Names not in ascending order.", [(b"b", b"1"), (b"a", b"2")]),
            ("duplicate", "A name twice.", [(b"a", b"1"), (b"a", b"1")]),
            ("empty-name", "A name of no bytes.", [(b"", b"1")]),
            ("control-c0", "A name with U+000A.", [(b"a\nb", b"1")]),
            ("control-c1", "A name with U+0085.", [("a\u0085b".encode(), b"1")]),
            ("control-7f", "A name with U+007F.", [(b"\x7f", b"1")]),
            ("not-utf8", "A name that is not UTF-8.", [(b"a\xff", b"1")]),
            ("shorter-name-last", "Of two names where one begins the other, the longer first.", [(b"ab", b"1"), (b"a", b"2")]),
            ("surrogate", "A name with an encoded surrogate, which is not UTF-8.", [(b"\xed\xa0\x80", b"1")])):
        simple("context-" + name, comment, "Format", raw_stored=encode_pairs(pairs))
    simple("context-name-overrun", "The length of a name runs past the end of the stored context.", "Format", raw_stored=b"\x05abc")
    simple("context-value-overrun", "The length of a value runs past the end of the stored context.", "Format", raw_stored=b"\x01a\x00\x05abc")


def envelopes_slots():
    a, b = (lambda v: v.keyset("a", 2)), (lambda v: v.keyset("b", 2))

    def two(name, comment, damage, expect="ok", reader=a, **options):
        env(name, comment, lambda v: [by_keyset(a(v))], lambda v: make_keys([reader(v)]), "keyset", expect, damage=damage, slots=2, **options)

    def put(index, make):
        def damage(e):
            e.slots[index] = make(e)
        return damage
    def old(e): return e.other_slot([by_keyset(b(e.v)), by_keyset(a(e.v))], 1, "old")

    two("two-slots", "Two slots as a file is written: slot 0 with epoch 1, slot 1 empty.", None)
    two("two-slots-slot1-used", "Slot 0 empty, slot 1 with epoch 7.", None, epoch=7, place=1)
    two("two-slots-leftover", "Slot 1 has epoch 2; slot 0 still has the older epoch 1.", put(0, old), epoch=2, place=1)
    two("two-slots-leftover-in-slot1", "Slot 0 has epoch 3; slot 1 still has an older epoch.", put(1, old), epoch=3)
    two("two-slots-removed-recipient", "The reader's keyset is in the leftover slot only.", put(0, old), "UnknownKey", b, epoch=2, place=1)
    two("two-slots-torn-slot1", "Slot 1 is torn, slot 0 good.", put(1, lambda e: flip(old(e), 40)))
    two("two-slots-torn-slot0", "Slot 0 is torn although its epoch is higher, slot 1 good.", put(0, lambda e: flip(e.other_slot([by_keyset(b(e.v))], 9), 200)), epoch=2, place=1)
    two("two-slots-equal-epochs", "Two good slots of one epoch.", put(1, old), "Format")
    two("two-slots-both-torn", "Both slots are torn.", lambda e: e.slots.__setitem__(slice(None), [flip(e.slots[0], 30), flip(old(e), 40)]), "Format")
    two("two-slots-both-empty", "Both slots are empty.", put(0, lambda e: bytes(e.slot_len)), "Format")

    def filled(e, epoch, content):
        """A slot with a good check and mac and any contents after the epoch."""
        fill = content + v_bytes(e, e.slot_len - 52 - len(content))
        return e.slot([], epoch, "other.", padding=lambda _: fill[1:], count=fill[0])
    def v_bytes(e, n): return e.v.bytes("other.garbage", n)
    two("two-slots-unchosen-unparsable", "Slot 0 is good with epoch 1 and its contents make no sense; slot 1 has epoch 2 and decides. Only the chosen slot is parsed.",
        put(0, lambda e: filled(e, 1, b"\xff\x00")), epoch=2, place=1)
    two("two-slots-unchosen-two-passphrases", "The slot with the lower epoch has two passphrase entries, and is not parsed.",
        put(1, lambda e: e.slot([entry(2, bytes(8) + b"\x01" + bytes(120))] * 2, 1, "other.")), epoch=2)
    two("two-slots-chosen-unparsable", "Slot 1 has the higher epoch, a good check and mac, and contents that make no sense: the other slot is not tried.",
        put(1, lambda e: filled(e, 2, b"\xff\x00")), "Format")
    two("two-slots-chosen-count-0", "Slot 1 has the higher epoch and no entries; check and mac hold. The other slot is not tried.",
        put(1, lambda e: e.slot([], 2, "other.")), "Format")
    two("two-slots-epoch-0", "Slot 1 has epoch 0 and a check and mac that hold: it is torn, and slot 0 decides.", put(1, lambda e: e.other_slot([by_keyset(b(e.v))], 0)))
    two("two-slots-epoch-0-in-slot0", "Slot 0 has epoch 0 and a check and mac that hold: it is torn, and slot 1 decides.",
        put(0, lambda e: e.other_slot([by_keyset(a(e.v))], 0)), epoch=1, place=1)
    two("two-slots-epoch-0-and-empty", "Slot 0 has epoch 0 and a check and mac that hold, slot 1 is empty: no slot is good.", None, "Format", epoch=0)
    two("two-slots-epoch-0-twice", "Both slots have epoch 0 and a check that holds: no slot is good.", put(1, lambda e: e.other_slot([by_keyset(a(e.v))], 0)), "Format", epoch=0)
    two("two-slots-other-recipient", "The slot with the higher epoch has no entry for the reader, and the other slot has: it is not tried.",
        put(1, lambda e: e.other_slot([by_keyset(b(e.v))], 5)), "UnknownKey")

    def bad_mac(e): return e.slot([bytes.fromhex(e.v.steps["entry0"])], 5, "bad.", bad_mac=True)
    two("two-slots-bad-mac", "The slot with the higher epoch has a good check and a wrong mac; the other slot must not be tried.", put(1, bad_mac), "Decrypt")
    two("two-slots-bad-check", "One bit of the check of the only used slot.", put(0, lambda e: flip(e.slots[0], e.slot_len - 1)), "Format")

    def one(name, comment, damage=None, expect="ok", entries=None, **options):
        env(name, comment, entries or (lambda v: [by_keyset(a(v))]), lambda v: make_keys([a(v)]), "keyset", expect, damage=damage, **options)
    one("bad-mac", "A good check, and one bit of the mac wrong.",
        put(0, lambda e: e.slot([bytes.fromhex(e.v.steps["entry0"])], 1, "bad.", bad_mac=True)), "Decrypt")
    one("padding", "One slot with padding.", slot_len=300)
    one("bad-mac-no-payload", "A good check, one bit of the mac wrong, and no payload: the mac comes before the payload's length.",
        lambda e: e.slots.__setitem__(0, e.slot([bytes.fromhex(e.v.steps["entry0"])], 1, "bad.", bad_mac=True)) or e.header(), "Decrypt")
    one("padding-not-zero", "The last byte of the padding is 1; check and mac hold.", None, "Format", slot_len=300, padding=lambda p: p[:-1] + b"\x01")
    one("epoch-highest", "Epoch 2^32 - 1.", epoch=2**32 - 1)
    one("epoch-0", "Epoch 0; check and mac hold. The slot is torn, and no slot is good.", None, "Format", epoch=0)
    one("slots-0", "No slots.", lambda e: e.core + u8(0) + u32(e.slot_len) + e.payload, "Format")
    one("slots-3", "Three slots.", lambda e: e.core + u8(3) + u32(e.slot_len) + e.slots[0] * 3 + e.payload, "Format")
    one("slot-len-55", "slot_len is below 56.", lambda e: e.core + u8(1) + u32(55) + e.slots[0][:55] + e.payload, "Format")
    one("count-0", "No entries in the slot: count is 0 and the rest padding; check and mac hold.", None, "Format",
        entries=lambda v: [by_bytes(b"")], count=0, slot_len=200)
    one("count-64", "The most entries a slot may have: 63 of an unknown type, then the one that opens.",
        entries=lambda v: [by_bytes(entry(200, b""))] * 63 + [by_keyset(a(v))])
    one("count-65", "One entry too many; check and mac hold.", None, "Format", entries=lambda v: [by_keyset(a(v))] + [by_bytes(entry(200, b""))] * 64)
    one("count-too-low", "count is 1 with two entries: the second is read as padding.", None, "Format",
        entries=lambda v: [by_keyset(a(v)), by_bytes(entry(200, b"x"))], count=1)
    one("count-too-high", "count is 2 with one entry and no padding.", None, "Format", count=2)
    one("entry-type-0", "An entry of type 0; check and mac hold.", None, "Format", entries=lambda v: [by_keyset(a(v)), by_bytes(entry(0, b""))])
    for kind, length in ((1, 123), (1, 125), (2, 128), (3, 89), (4, 1175), (5, 121)):
        one("entry-length-type%d-%d" % (kind, length), "An entry of type %d with %d bytes, after one that would open; check and mac hold." % (kind, length),
            None, "Format", entries=lambda v: [by_keyset(a(v)), by_bytes(entry(kind, b"\0\0\0\x40" * (length // 4) + b"\0" * (length % 4)))])
    one("entry-overrun", "The length of the last entry runs into the mac.", None, "Format", entries=lambda v: [by_keyset(a(v)), by_bytes(b"\xc8\x00\x09" + bytes(8))])
    one("entry-provider-length", "A provider entry with one byte too many.", None, "Format",
        entries=lambda v: [by_keyset(a(v)), by_provider("p", "k", v.bytes("K_p", 32), b"\0")])
    one("entry-provider-empty-name", "A provider entry whose provider name is empty.", None, "Format",
        entries=lambda v: [by_keyset(a(v)), by_provider("", "k", v.bytes("K_p", 32))])


def envelopes_header():
    for name, comment, head in (
            ("magic", "Other magic.", b"SWAY\x01\x02\x01\x00\x0c"), ("version-0", "Version 0.", b"SWAX\x00\x02\x01\x00\x0c"),
            ("version-2", "Version 2.", b"SWAX\x02\x02\x01\x00\x0c"), ("suite-0", "Suite 0.", b"SWAX\x01\x00\x01\x00\x0c"),
            ("suite-3", "Suite 3.", b"SWAX\x01\x03\x01\x00\x0c"), ("kind-0", "Kind 0.", b"SWAX\x01\x02\x00\x00\x0c"),
            ("kind-3", "Kind 3.", b"SWAX\x01\x02\x03\x00\x0c"), ("flags-1", "A flag is set.", b"SWAX\x01\x02\x01\x01\x0c"),
            ("log2chunk-11", "log2chunk 11 in suite 2.", b"SWAX\x01\x02\x01\x00\x0b"), ("log2chunk-18", "log2chunk 18 in suite 2.", b"SWAX\x01\x02\x01\x00\x12"),
            ("suite1-log2chunk-12", "log2chunk 12 in suite 1.", b"SWAX\x01\x01\x01\x00\x0c")):
        simple("bad-" + name, comment + " The header is consistent otherwise.", "Format", head=head)
    simple("stored-length-limit", "The length of the stored context is 32,769: over its limit, which decides before the bytes are missed.", "Limit",
           damage=lambda e: e.core[:25] + u32(32769) + e.key_block() + e.payload)
    simple("stored-length-highest", "The length of the stored context is 2^32 - 1.", "Limit", damage=lambda e: e.core[:25] + u32(2**32 - 1))
    simple("stored-length-at-limit", "The length of the stored context is 32,768, and the file ends before.", "Truncated",
           damage=lambda e: e.core[:25] + u32(32768) + e.key_block() + e.payload)
    simple("slot-len-limit", "slot_len is 2^32 - 1.", "Limit", damage=lambda e: e.core + u8(1) + u32(2**32 - 1) + e.slots[0] + e.payload)
    simple("header-limit", "Two slots of 32,768 bytes: the header is over 65,536 bytes. The file ends before them, and the limit decides first.",
           "Limit", damage=lambda e: e.core + u8(2) + u32(32768) + e.slots[0] + e.payload)
    simple("header-65537", "One slot, and a header of 65,537 bytes: over the limit by one. The file ends before.", "Limit",
           damage=lambda e: e.core + u8(1) + u32(65537 - 5 - len(e.core)) + e.slots[0] + e.payload)
    simple("header-65536", "One slot, and a header of 65,536 bytes, as many as are allowed. The file ends before.", "Truncated",
           damage=lambda e: e.core + u8(1) + u32(65536 - 5 - len(e.core)) + e.slots[0] + e.payload)
    simple("cut-after-bad-version", "The file ends after a version that is refused: clauses are applied in byte order.", "Format", damage=lambda e: b"SWAX\x02")
    simple("cut-after-bad-suite", "The file ends after a suite that is refused.", "Format", damage=lambda e: b"SWAX\x01\x03")
    simple("cut-after-bad-context", "The stored context is not sorted, and the file ends right after it: the context comes first.", "Format",
           raw_stored=encode_pairs([(b"b", b"1"), (b"a", b"2")]), damage=lambda e: e.core)
    simple("cut-after-slots-3", "The file ends after a number of slots that is refused.", "Format", damage=lambda e: e.core + u8(3))
    simple("kind-2", "An envelope of kind 2, sealed well and with a key that opens it, where data is opened.", "Format", kind=2)
    simple("kind-2-no-keys", "An envelope of kind 2 where data is opened, and no keys: refused before any unwrap.", "Format", keys=lambda v: {}, kind=2)
    for at, comment in ((0, "No bytes at all."), (3, "Three bytes."), (20, "Cut inside the envelope id."), (28, "Cut inside the length of the stored context."),
                        (31, "Cut inside the key block's first five bytes."), (34, "The slot is missing."), (150, "Cut inside the slot.")):
        simple("truncated-%d" % at, comment, "Truncated", damage=lambda e: e.bytes()[:at])
    simple("truncated-stored", "Cut inside the stored context.", "Truncated", stored={"name": b"value"}, damage=lambda e: e.bytes()[:35])
    simple("truncated-slot1", "Two slots, cut inside the second, which is empty.", "Truncated", slots=2, damage=lambda e: e.header()[:-1])
    simple("flipped-envelope-id", "One bit of the envelope id: the check no longer holds.", "Format", damage=lambda e: flip(e.bytes(), 10))

    def forged_core(e):
        e.core = flip(e.core, 10)
        e.core_hash = sha256(e.core)
        e.slots[0] = e.slot([bytes.fromhex(e.v.steps["entry0"])], 1, "forged.")
    simple("forged-core", "One bit of the envelope id, with mac and check made anew: the entry is bound to the honest core.", "Decrypt", damage=forged_core)

    def spliced(e):
        other = Vector("spliced-key-block-source", "")
        return e.core + Envelope(other, [by_keyset(e.v.keyset("keyset", 2))], e.plaintext).key_block() + e.payload
    simple("key-block-spliced", "The key block of another envelope to the same keyset: its check is bound to its core.", "Format", damage=spliced)


# --- keysets -------------------------------------------------------------------------------------
NOW = 1767225600                                                                    # 2026-01-01T00:00:00Z


def record(v, i, algorithm, state=2, changes=(), created=NOW, activate=0, deactivate=0, version_id=None, **extra):
    return {"version_id": version_id or 0x01000000 * (i + 1) + int.from_bytes(v.bytes("version%d.id" % i, 3), "big"),
            "algorithm": algorithm, "state": state, "created": created, "activate_at": activate, "deactivate_at": deactivate,
            "changes": [{"state": s, "at": at, "reason": reason} for s, at, reason in changes],
            "secret": "" if state == 6 else v.bytes("version%d.secret" % i, 32).hex(), **extra}


def encode_record(r):
    body = (u32(r["version_id"]) + u8(r["algorithm"]) + u8(r["state"]) + u64(r["created"]) + u64(r["activate_at"])
            + u64(r["deactivate_at"]) + u16(len(r["changes"])))
    for c in r["changes"]:
        body += u8(c["state"]) + u64(c["at"]) + u8(len(c["reason"].encode())) + c["reason"].encode()
    secret = bytes.fromhex(r["secret"])
    body += u8(len(secret)) + secret + r.get("extension", b"")
    return u16(len(body)) + body


def encode_keyset(k):
    p = k["policy"]
    return (u8(1) + bytes.fromhex(k["keyset_id"]) + u8(len(k["name"].encode())) + k["name"].encode() + u64(k["revision"])
            + bytes.fromhex(k["parent"]) + u32(k["primary"]) + u64(p["rotate_after_seconds"]) + u64(p["rotate_after_messages"])
            + u64(p["rotate_after_bytes"]) + u8(p["algorithms"]) + u8(p["flags"]) + u32(len(k["versions"]))
            + b"".join(encode_record(r) for r in k["versions"]) + k.get("extension", b""))


def keyset(name, comment, records, expect="ok", protection="unprotected", title="billing", revision=1, primary=None, algorithms=3, flags=0,
           policy=(0, 0, 0), extension=b"", parent=None, change=None, by="passphrase", wrong_key=False, stored_change=None, damage=None, ask=None, **options):
    """`protection` is what the file has, `ask` what the loader is told to expect if that differs."""
    v = Vector("keyset-" + name, comment, expect)
    versions = records(v)
    active = [r["version_id"] for r in versions if r["state"] == 2]
    k = {"keyset_id": v.bytes("keyset_id", 16).hex(), "name": title, "revision": revision,
         "parent": (parent if parent is not None else v.bytes("parent", 32) if revision > 1 else bytes(32)).hex(),
         "primary": (active[0] if active else 0) if primary is None else primary(versions),
         "policy": dict(zip(("rotate_after_seconds", "rotate_after_messages", "rotate_after_bytes"), policy), algorithms=algorithms, flags=flags),
         "versions": versions, "extension": extension}
    encoding = v.step("encoding", change(encode_keyset(k)) if change else encode_keyset(k))
    if protection == "unprotected":
        check = v.step("check", sha256(b"sealwax/v1/unprotected\x00" + encoding)[:16])
        raw, keys = b"SWKS\x01" + encoding + check, {}
    else:
        stored = {"sealwax.keyset": bytes.fromhex(k["keyset_id"]), "sealwax.keyset-name": title.encode(), "sealwax.keyset-revision": u64(revision)}
        if stored_change:
            stored_change(v, stored)
        if by == "passphrase":
            entries, keys = [by_passphrase(PASSPHRASE)], make_keys(passphrase=PASSPHRASE + ("!" if wrong_key else ""))
        elif by == "raw-key":
            entries, keys = [by_raw_key(v.bytes("id", 16), v.bytes("key", 32))], make_keys(raw=[(v.bytes("id", 16), v.bytes("key", 32))])
        elif by in (3, 4):
            entries, keys = [by_public(v.keyset("backup", by))], make_keys([v.keyset("backup", by)])
        else:
            parent_keyset = v.keyset("parent", 2)
            entries, keys = [by_keyset(parent_keyset)], make_keys([v.keyset("other", 2) if wrong_key else parent_keyset])
        raw = Envelope(v, entries, encoding, stored=stored, **{"kind": 2, "slots": 2, "log2chunk": 12, **options}).bytes()
    raw = damage(raw) if damage else raw
    parsed = None
    if expect == "ok":
        read_only = bool(extension) or any("extension" in r for r in versions)
        parsed = {n: f for n, f in k.items() if n != "extension"}
        parsed["versions"] = [{n: f for n, f in r.items() if n != "extension"} for r in versions]
        parsed["read_only"] = read_only
    v.write("keyset", protection=ask or protection, keys=keys, file=raw, parsed=parsed)


def keysets():
    one, ident = (lambda v: [record(v, 0, 2)]), (lambda v: [record(v, 0, 3), record(v, 1, 4, 1, activate=NOW + 86400)])
    full = lambda v: [record(v, 0, 1, 6, [(4, NOW + 10, "rotated"), (6, NOW + 20, "")]), record(v, 1, 2, 4, [(3, NOW + 5, "audit \u00a7 7"), (2, NOW + 6, ""), (4, NOW + 9, "old")]),
                      record(v, 2, 1, 5, [(5, NOW + 30, "laptop lost")]), record(v, 3, 1, 3, [(3, NOW + 40, "paused")]),
                      record(v, 4, 2, 2, [(2, NOW + 50, "")], deactivate=NOW + 31536000), record(v, 5, 2, 1, activate=NOW + 100)]
    keyset("symmetric", "One symmetric version, in an envelope under a passphrase.", one, protection="envelope")
    keyset("symmetric-under-keyset", "One symmetric version, in an envelope under another keyset.", one, protection="envelope", by="keyset")
    keyset("identity-two-versions", "An identity with an X25519 version and a pre-active X-Wing version.", ident, protection="envelope", title="identity", algorithms=12)
    keyset("tombstone-and-changes", "All six states, changes with reasons, a tombstone, times and a policy.", full, revision=9,
           policy=(7776000, 1 << 32, 1 << 40), flags=1)
    keyset("tombstone-in-envelope", "The same kind of keyset in an envelope.", full, protection="envelope", revision=9, by="keyset", title="Lohn & Geh\u00e4lter")
    keyset("under-raw-key", "One symmetric version, in an envelope under a raw key.", one, protection="envelope", by="raw-key")
    keyset("suite1", "The envelope is in suite 1 (a writer uses suite 2; a reader accepts either).", one, protection="envelope", suite=1, log2chunk=14)
    keyset("no-versions", "No versions and no primary.", lambda v: [])
    keyset("no-versions-key-pairs", "No versions, and a policy of key pairs.", lambda v: [], algorithms=8)
    keyset("changes-all-moves", "Every move of the table of states.", lambda v: [
        record(v, i, 1 + i % 2, moves[-1], [(m, NOW + j, "") for j, m in enumerate(moves)], activate=NOW + 50)
        for i, moves in enumerate(([2, 3, 2, 3, 4, 5, 6], [2, 4, 6], [2, 5], [2, 6], [3, 5, 6], [3, 6], [4, 5], [5], [6], [2, 2 + 1, 2]))], revision=2)
    keyset("change-times-fall", "The times of changes are not compared.", lambda v: [record(v, 0, 2, 4, [(3, NOW + 9, "b"), (2, NOW + 9, ""), (4, 0, "a")])])
    keyset("extension", "Unknown extension fields after the records.", one, extension=b"\x01\x00\x00\x07\x00\x03abc")
    keyset("record-extension", "An unknown extension field in a record.", lambda v: [record(v, 0, 2, extension=b"\x05\x00\x01x")])
    keyset("extension-tag-127", "Tag 127, the last that a reader may ignore.", one, extension=b"\x7f\x00\x02hi")
    keyset("record-extension-tag-127", "Tag 127 in a record.", lambda v: [record(v, 0, 2, extension=b"\x7f\x00\x00")])
    bad = lambda name, comment, records=one, **o: keyset(name, comment, records, "Format", **o)
    bad("extension-unsorted", "Extension tags not ascending.", extension=b"\x07\x00\x00\x01\x00\x00")
    bad("extension-tag-twice", "An extension tag twice.", extension=b"\x07\x00\x00\x07\x00\x00")
    bad("extension-tag-0", "Extension tag 0.", extension=b"\x00\x00\x00")
    bad("extension-tag-128", "Extension tag 128, which a reader that does not know it refuses.", extension=b"\x07\x00\x00\x80\x00\x00")
    bad("extension-tag-255", "Extension tag 255.", extension=b"\xff\x00\x01x")
    bad("record-extension-tag-128", "Extension tag 128 in a record.", lambda v: [record(v, 0, 2, extension=b"\x80\x00\x00")])
    bad("record-extension-tag-255", "Extension tag 255 in a record.", lambda v: [record(v, 0, 2, extension=b"\xff\x00\x01x")])
    bad("record-extension-unsorted", "Extension tags of a record not ascending.", lambda v: [record(v, 0, 2, extension=b"\x05\x00\x00\x04\x00\x00")])
    for name, moves in (("first-is-1", [1]), ("2-to-2", [2, 2]), ("2-to-1", [2, 1, 2]), ("4-to-2", [4, 2]), ("4-to-3", [4, 3]), ("4-to-4", [4, 4]),
                        ("5-to-2", [5, 2]), ("5-to-4", [5, 4]), ("3-to-3", [3, 3]), ("6-to-5", [6, 5]), ("6-to-2", [6, 2]), ("6-to-6", [6, 6]), ("to-0", [2, 0, 2])):
        bad("change-" + name, "The changes go to the states %s, and the last is the record's: not moves of the table." % moves,
            lambda v: [record(v, 0, 2, moves[-1], [(m, NOW + j, "") for j, m in enumerate(moves)])])
    bad("policy-both-families", "The policy allows symmetric algorithms and key pairs.", algorithms=5)
    bad("policy-both-families-no-versions", "The same, with no versions.", lambda v: [], algorithms=15)
    bad("policy-other-family", "Symmetric versions, and a policy of key pairs.", algorithms=12)
    bad("policy-other-family-key-pairs", "Key pairs, and a policy of symmetric algorithms.", lambda v: [record(v, 0, 3)], algorithms=3)
    keyset("count-over-limit", "The count of records is 65,537: the limit decides before the records are missed.", one, "Limit", change=lambda e: e[:95] + u32(65537) + e[99:])
    bad("count-at-limit", "The count of records is 65,536, and there is one.", change=lambda e: e[:95] + u32(65536) + e[99:])
    bad("stored-extra", "A fourth stored entry.", protection="envelope", stored_change=lambda v, s: s.update({"note": b"x"}))
    bad("stored-extra-reserved", "A fourth stored entry, with a reserved name.", protection="envelope", stored_change=lambda v, s: s.update({"sealwax.counter": u64(1)}))
    bad("stored-none", "No stored entries.", protection="envelope", stored_change=lambda v, s: s.clear())
    bad("stored-revision-4-bytes", "The stored revision has four bytes.", protection="envelope", stored_change=lambda v, s: s.update({"sealwax.keyset-revision": u32(1)}))
    bad("kind-1-no-keys", "The envelope is of kind 1, and the key is not the right one: refused before any unwrap.", protection="envelope", kind=1, wrong_key=True)
    for by, name in ((3, "x25519"), (4, "x-wing")):
        keyset("under-%s-no-restore" % name, "The only entry is of type %d, and the identity is at hand: it names no key at hand unless the caller asks for a restore." % by,
               one, "UnknownKey", protection="envelope", by=by)
    bad("extension-overrun", "An extension field that runs past the end.", extension=b"\x07\x00\x05ab")
    bad("unsorted", "Versions not in ascending order.", lambda v: [record(v, 1, 2), record(v, 0, 2)])
    bad("duplicate-version", "A version id twice.", lambda v: [record(v, 0, 2, version_id=77), record(v, 1, 2, version_id=77)])
    bad("version-id-0", "Version id 0.", lambda v: [dict(record(v, 0, 2, 1), version_id=0)])
    bad("bad-check", "One bit of the check.", damage=lambda raw: flip(raw, len(raw) - 1))
    bad("cut", "The file ends ten bytes early.", damage=lambda raw: raw[:-10])
    bad("state-mismatch", "The state is not that of the last change.", lambda v: [record(v, 0, 2, 2, [(4, NOW + 1, "")])])
    bad("state-without-change", "State 4 with no change.", lambda v: [record(v, 0, 2, 4)])
    bad("state-7", "State 7.", lambda v: [record(v, 0, 2, 7, [(7, NOW, "")])])
    bad("algorithm-5", "Algorithm 5.", lambda v: [record(v, 0, 5)])
    bad("mixed-families", "A symmetric version beside a key pair.", lambda v: [record(v, 0, 2), record(v, 1, 3)], algorithms=15)
    bad("primary-not-active", "The primary is deactivated.", lambda v: [record(v, 0, 2, 4, [(4, NOW, "")])], primary=lambda r: r[0]["version_id"])
    bad("primary-unknown", "The primary is no version.", primary=lambda r: r[0]["version_id"] ^ 1)
    bad("tombstone-with-secret", "A destroyed version with a secret.", lambda v: [dict(record(v, 0, 2, 6, [(6, NOW, "")]), secret="11" * 32)])
    bad("no-secret", "An active version without a secret.", lambda v: [dict(record(v, 0, 2), secret="")])
    bad("secret-31", "A secret of 31 bytes.", lambda v: [dict(record(v, 0, 2), secret="11" * 31)])
    bad("revision-0", "Revision 0.", revision=0)
    bad("revision-1-with-parent", "Revision 1 with a parent.", parent=b"\x01" * 32)
    bad("name-empty", "An empty name.", title="")
    bad("name-65", "A name of 65 bytes.", title="n" * 65)
    bad("name-control", "A name with a control character.", title="a\tb")
    bad("reason-control", "A reason with a control character.", lambda v: [record(v, 0, 2, 2, [(2, NOW, "a\u0000")])])
    bad("policy-no-algorithm", "No algorithm in the policy.", algorithms=0)
    bad("policy-algorithm-bit-4", "An algorithm bit that is not defined.", algorithms=0x11)
    bad("policy-flag-bit-1", "A policy flag that is not defined.", flags=2)
    bad("encoding-version-2", "The encoding begins with 2.", change=lambda e: b"\x02" + e[1:])
    bad("count-too-high", "The count of records is one too high.", change=lambda e: e[:95] + u32(2) + e[99:])                  # 95 = 1 + 16 + (1 + 7) + 8 + 32 + 4 + 26
    bad("magic", "Other magic.", damage=lambda raw: b"SWKT" + raw[4:])
    bad("unprotected-not-asked", "An unprotected keyset where an envelope is expected.", ask="envelope")
    bad("envelope-where-unprotected", "A keyset envelope where an unprotected keyset is asked for.", protection="envelope", ask="unprotected")
    bad("stored-id-differs", "The stored keyset id is another one; every key and tag holds.", protection="envelope",
        stored_change=lambda v, s: s.update({"sealwax.keyset": v.bytes("another", 16)}))
    bad("stored-name-differs", "The stored name is another one.", protection="envelope", stored_change=lambda v, s: s.update({"sealwax.keyset-name": b"payroll"}))
    bad("stored-revision-missing", "No stored revision.", protection="envelope", stored_change=lambda v, s: s.pop("sealwax.keyset-revision") and None)
    bad("kind-1", "The envelope is of kind 1.", protection="envelope", kind=1)
    keyset("wrong-passphrase", "Another passphrase.", one, "Decrypt", protection="envelope", wrong_key=True)
    keyset("unknown-key", "The keyset that wraps it is not at hand.", one, "UnknownKey", protection="envelope", by="keyset", wrong_key=True)


# --- strings -------------------------------------------------------------------------------------
CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def polymod(values):
    chk = 1
    for value in values:
        top = chk >> 25
        chk = (chk & 0x1ffffff) << 5 ^ value
        for i, generator in enumerate([0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]):
            if top >> i & 1:
                chk ^= generator
    return chk


def bech32m(hrp, data, const=0x2bc830a3, pad=0):
    """`const` 1 is the old Bech32; `pad` goes into the padding bits of the last character."""
    acc = bits = 0
    groups = []
    for byte in data:
        acc, bits = acc << 8 | byte, bits + 8
        while bits >= 5:
            bits -= 5
            groups.append(acc >> bits & 31)
    if bits:
        groups.append((acc << 5 - bits & 31) | pad)
    expanded = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]
    check = polymod(expanded + groups + [0] * 6) ^ const
    return hrp + "1" + "".join(CHARSET[g] for g in groups + [check >> 5 * (5 - i) & 31 for i in range(6)])


def strings():
    def recipient(name, comment, algorithm=3, expect="ok", edit=None, data=None, hrp="sealwaxpub", pk=lambda pk: pk, **options):
        v = Vector("recipient-" + name, comment, expect)
        pk = pk(public_key(algorithm, v.bytes("secret", 32)))
        text = bech32m(hrp, data(pk) if data else u8(algorithm) + pk, **options)
        ok = expect == "ok"
        v.write("recipient", string=edit(text) if edit else text, algorithm=algorithm if ok else None, public_key=pk if ok else None,
                fingerprint=sha256(b"sealwax/v1/fingerprint\x00" + u8(algorithm) + pk)[:8] if ok else None)

    def identity(name, comment, algorithm=3, expect="ok", edit=str.upper, data=None, hrp="sealwax-secret-", **options):
        v = Vector("identity-" + name, comment, expect)
        keyset_id, version_id, secret = v.bytes("keyset_id", 16), int.from_bytes(v.bytes("version_id", 4), "big"), v.bytes("secret", 32)
        raw = u8(algorithm) + keyset_id + u32(version_id) + u64(NOW) + secret
        text, ok = bech32m(hrp, data(raw) if data else raw, **options), expect == "ok"
        v.write("identity", string=edit(text), algorithm=algorithm if ok else None, keyset_id=keyset_id if ok else None,
                version_id=version_id if ok else None, created=NOW if ok else None, secret=secret if ok else None)

    recipient("x25519", "X25519 recipient string.")
    recipient("x-wing", "X-Wing recipient string.", 4)
    recipient("white-space", "The bytes 09, 0A, 0D and 20 around the string are removed.", edit=lambda s: " \t" + s + "\r\n")
    recipient("white-space-4096", "5,000 spaces around a string are removed before its length is looked at.", edit=lambda s: " " * 2500 + s + " " * 2500)
    for name, c in (("0b", "\v"), ("0c", "\f"), ("00", "\0"), ("1f", "\x1f"), ("85", "\x85"), ("a0", "\xa0"), ("2028", "\u2028"), ("feff", "\ufeff")):
        recipient("edge-" + name, "U+%s after the string is not removed." % name.rjust(4, "0").upper(), expect="Format", edit=lambda s: s + c)
    recipient("length-4096", "4,096 characters, as many as a reader accepts, and no good string.", expect="Format", edit=lambda s: "\n" + (s + "q" * 4096)[:4096] + "\n")
    recipient("length-4097", "4,097 characters.", expect="Limit", edit=lambda s: "\n" + (s + "q" * 4097)[:4097] + "\n")
    for algorithm, name in ((3, ""), (4, "x-wing-")):
        for key, comment, u in ([("bit-255", "bit 255 set", None), ("p", "u = 2^255 - 19", P), ("p-plus-2", "u = 2^255 - 17, which is 2 and not of low order", P + 2),
                                 ("highest", "u = 2^255 - 1", 2**255 - 1)]
                                + [("low-order-%d" % i, "u = %s, of low order" % ("0", "1", "2^255 - 20", "a point of order 8", "the other point of order 8")[i], n) for i, n in enumerate(LOW_ORDER)]):
            def point(pk): return pk[:-32] + (pk[-32:-1] + bytes([pk[-1] | 0x80]) if u is None else le(u))
            recipient("%su-%s" % (name, key), "The X25519 part of the public key: %s." % comment, algorithm, "Format", data=lambda pk: u8(algorithm) + point(pk))
    recipient("u-p-minus-2", "u = 2^255 - 21, the highest that is canonical and not of low order.", pk=lambda pk: le(P - 2))
    recipient("x-wing-u-p-minus-2", "The X25519 part is u = 2^255 - 21.", 4, pk=lambda pk: pk[:1184] + le(P - 2))
    recipient("x-wing-short", "An X-Wing public key of 1,215 bytes.", 4, "Format", data=lambda pk: b"\x04" + pk[:1215])
    recipient("x-wing-long", "An X-Wing public key of 1,217 bytes.", 4, "Format", data=lambda pk: b"\x04" + pk[:1184] + b"\x00" + pk[1184:])
    recipient("x-wing-of-32-bytes", "Type 4 with 32 bytes.", expect="Format", data=lambda pk: b"\x04" + pk)
    recipient("long", "A public key of 33 bytes.", expect="Format", data=lambda pk: b"\x03" + pk + b"\x01")
    recipient("upper-case", "Upper case.", expect="Format", edit=str.upper)
    recipient("mixed-case", "One character in upper case.", expect="Format", edit=lambda s: s[:20] + s[20:].replace(next(c for c in s[20:] if c.isalpha()), next(c for c in s[20:] if c.isalpha()).upper(), 1))
    recipient("inner-white-space", "White space inside the string.", expect="Format", edit=lambda s: s[:20] + " " + s[20:])
    recipient("bad-checksum", "The last character changed.", expect="Format", edit=lambda s: s[:-1] + ("q" if s[-1] != "q" else "p"))
    recipient("bech32", "The checksum of Bech32 instead of Bech32m.", expect="Format", const=1)
    recipient("padding-bits", "A padding bit is set.", expect="Format", pad=1)
    recipient("padding-whole-group", "Five padding bits: a whole character too many.", expect="Format", data=lambda pk: b"\x03" + pk + b"\0")
    recipient("type-5", "Type 5.", expect="Format", data=lambda pk: b"\x05" + pk)
    recipient("length", "A public key of 31 bytes.", expect="Format", data=lambda pk: b"\x03" + pk[:31])
    recipient("empty", "No data.", expect="Format", data=lambda pk: b"")
    recipient("other-prefix", "Another human-readable part.", expect="Format", hrp="sealwaxpup")
    recipient("x-wing-modulus", "An ML-KEM coefficient is 3329: the key fails the modulus check.", 4, "Format",
              data=lambda pk: b"\x04" + bytes([3329 & 255, pk[1] & 0xf0 | 3329 >> 8]) + pk[2:])
    identity("x25519", "X25519 identity string.")
    identity("x-wing", "X-Wing identity string.", 4)
    identity("edge-0c", "U+000C after the string is not removed.", expect="Format", edit=lambda s: s.upper() + "\f")
    identity("length-4097", "4,097 characters.", expect="Limit", edit=lambda s: (s.upper() + "Q" * 4097)[:4097])
    identity("short", "One byte too few.", expect="Format", data=lambda raw: raw[:-1])
    identity("algorithm-5", "An algorithm that is not defined.", expect="Format", data=lambda raw: b"\x05" + raw[1:])
    identity("bech32", "The checksum of Bech32 instead of Bech32m.", expect="Format", const=1)
    identity("other-prefix", "The prefix of recipient strings.", expect="Format", hrp="sealwaxpub")
    identity("white-space", "White space around the string is removed.", edit=lambda s: "\n" + s.upper() + "\n")
    identity("lower-case", "Lower case.", expect="Format", edit=str)
    identity("mixed-case", "Lower-case prefix.", expect="Format", edit=lambda s: s[:15] + s[15:].upper())
    identity("algorithm-2", "A symmetric algorithm.", expect="Format", data=lambda raw: b"\x02" + raw[1:])
    identity("version-id-0", "Version id 0.", expect="Format", data=lambda raw: raw[:17] + bytes(4) + raw[21:])
    identity("length", "One byte too many.", expect="Format", data=lambda raw: raw + b"\0")


# --- public test vectors, and the run --------------------------------------------------------------
def check_primitives(shared):
    x = bytes.fromhex
    for t in json.load(open(shared + "/xwing/xwing-test-vectors.json")):
        eseed = x(t["eseed"])
        assert public_key(4, x(t["sk"])) == x(t["pk"])
        assert xwing_encap(x(t["pk"]), eseed[:32], eseed[32:])[:2] == (x(t["ss"]), x(t["ct"]))
    done = set()
    for name in ("rfc9180-test-vectors.json", "hpke-pq-test-vectors-74dafaa.json"):
        for t in json.load(open(shared + "/hpke/" + name)):
            if (t["mode"], t["kdf_id"], t["aead_id"]) != (0, 1, 3) or t["kem_id"] not in (0x20, 0x647a):
                continue
            if t["kem_id"] == 0x20:
                assert x25519_encap(x(t["pkRm"]), x(t["skEm"]))[:2] == (x(t["shared_secret"]), x(t["enc"]))
            else:
                assert public_key(4, x(t["skRm"])) == x(t["pkRm"])
                assert xwing_encap(x(t["pkRm"]), x(t["ikmE"])[:32], x(t["ikmE"])[32:])[:2] == (x(t["shared_secret"]), x(t["enc"]))
            assert key_schedule(t["kem_id"], x(t["shared_secret"]), x(t["info"])) == (x(t["key"]), x(t["base_nonce"]))
            done.add(t["kem_id"])
    assert done == {0x20, 0x647a}
    count = 0
    for block in open(shared + "/kdf/argon2id.txt").read().split("COUNT = ")[1:]:
        t = dict(line.split(" =", 1) for line in block.splitlines()[1:] if " =" in line)
        t = {k: f.strip() for k, f in t.items()}
        kdf = Argon2id(salt=x(t["salt"]), length=int(t["length"]), iterations=int(t["iter"]), lanes=int(t["lanes"]), memory_cost=int(t["memcost"]),
                       ad=x(t["ad"]) if t.get("ad") else None, secret=x(t["secret"]) if t.get("secret") else None)
        if int(t["memcost"]) <= 65536:
            assert kdf.derive(x(t["pass"])) == x(t["output"])
            count += 1
    assert count
    print("primitives: X-Wing, HPKE 0x0020 and 0x647a, %d of Argon2id hold" % count)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Build the vectors of tests/vectors.")
    parser.add_argument("--out", default=os.path.join(here, "..", "vectors"))
    parser.add_argument("--shared", help="directory of public test vectors to check the primitives against first")
    parser.add_argument("--check", action="store_true", help="compare with the files there, write nothing")
    args = parser.parse_args()
    if args.shared:
        check_primitives(args.shared)
    for part in (tokens, envelopes_recipients, envelopes_payload, envelopes_context, envelopes_slots, envelopes_header, keysets, strings):
        part()
    kinds = ("token-", "envelope-", "keyset-", "recipient-", "identity-")
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
