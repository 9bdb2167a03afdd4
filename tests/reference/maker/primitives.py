# SPDX-License-Identifier: MIT OR Apache-2.0
"""What every vector is made with: bytes, HKDF, AEADs, ML-KEM-768, X25519, X-Wing, HPKE base mode, and public test vectors for them."""
import hashlib, hmac, json
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id


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
