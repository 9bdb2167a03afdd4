# SPDX-License-Identifier: MIT OR Apache-2.0
"""An independent reader of sealwax, version 1, from docs/format.md alone; numbers in comments are its clauses.
Usage: decrypt.py JOB.json ("-": standard input; a list gives a list). Needs Python 3.9, cryptography 50."""
import base64, contextlib, hashlib, hmac, json, os, re, struct, sys, unicodedata
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

class SealwaxError(Exception): pass
Decrypt, Format, Truncated, Limit, UnknownKey = (
    type(kind, (SealwaxError,), {}) for kind in ("Decrypt", "Format", "Truncated", "Limit", "UnknownKey"))
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
    def take(self, n):
        need(n <= self.left(), self.error)
        self.at += n
        return self.data[self.at - n:self.at]
# --- 2. context ---------------------------------------------------------------------------------
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
# --- 3. T, and 6. tokens ------------------------------------------------------------------------
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
# --- 5.4 HPKE base mode (RFC 9180) with X25519 and X-Wing ---------------------------------------
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
# --- 5. recipient entries -----------------------------------------------------------------------
def check_entry(kind, body):
    need(kind != 0 and BODY_LEN.get(kind, len(body)) == len(body) and (kind != 1 or any(body[16:20])))
    if kind == 2:
        m, t, p = struct.unpack(">IIB", body[:9])
        need(p >= 1 and t >= 1 and m >= 8 * p)
    if kind == 128:
        r = Reader(body)
        check_name(r.take(r.int(1))), check_name(r.take(r.int(2)), 2048), r.take(r.int(2))
        need(r.left() == 104)
def argon2id(passphrase, body):                                                             # 5.3
    m, t, p = struct.unpack(">IIB", body[:9])
    need(m <= 1048576 and t <= 16 and p <= 16 and m * t <= 4194304, Limit)
    return Argon2id(salt=body[9:25], length=32, iterations=t, lanes=p, memory_cost=m).derive(passphrase.encode("utf-8"))
def trials(kind, body, suite, core_hash, keys, label):     # yields functions that return the data key
    name = b"sealwax/v1/" + VIA.get(kind, "").encode() + b"\0"
    def t(k, t_suite=suite): return open_t(note(label + WRAP_KEY[kind], k), t_suite, core_hash, body[-104:], label + "T")
    def derive(key, info): return need(len(key) == 32, Decrypt) or expand(key, name + be(suite, 1) + info, 32)
    for keyset_id, version, algorithm, secret in keys.versions:
        if kind == 1 and algorithm in (1, 2) and body[:20] == keyset_id + be(version, 4):
            yield lambda: t(version_key(secret, b"wrap", algorithm, body[:20]), algorithm)
        if kind in (3, 4) and algorithm == kind and body[:8] in (bytes(8), fingerprint(kind, public_key(kind, secret))):
            yield lambda: hpke_open(kind, secret, body[8:-48], name + core_hash, body[-48:], label + "hpke")
    if kind == 2 and keys.passphrase is not None:
        yield lambda: t(derive(note(label + "argon2id", argon2id(keys.passphrase, body)), body[:9]))
    for prefix, key in keys.named.get(kind, []):                                       # 5.5, 5.6
        if body.startswith(prefix): yield lambda: t(derive(key, prefix))
def unwrap(entries, suite, core_hash, keys):                                           # 4.7, 4.7a
    count = 0
    for i, (kind, body) in enumerate(entries):
        for trial in trials(kind, body, suite, core_hash, keys, "entry%d." % i):
            need(count < 16, Limit)
            count, mark = count + 1, len(NOTES)
            with contextlib.suppress(Decrypt):
                return note("data_key", trial()), VIA[kind]
            del NOTES[mark:]
    raise Decrypt if count else UnknownKey
# --- 4. envelope --------------------------------------------------------------------------------
def choose_slot(slots, prefix):                                                        # 4.3 to 4.6
    good = [s for s in slots if same(H(b"sealwax/v1/check\0", prefix, s[:-16])[:16], s[-16:]) and any(s[:4])]
    need(good and len({s[:4] for s in good}) == len(good))
    slot = max(good)                                             # the highest epoch; only this one is parsed
    r = Reader(slot[:-48])
    epoch, count = r.int(4), r.int(1)
    entries = [(r.int(1), r.take(r.int(2))) for _ in range(count)]
    need(1 <= count <= 64 and not any(r.take(r.left())) and sum(kind == 2 for kind, _ in entries) <= 1)
    for entry in entries: check_entry(*entry)
    return epoch, entries, slot
def open_payload(k, suite, log2chunk, ctx, payload):                                         # 5A
    size = (1 << log2chunk) + 16
    need(len(payload) >= 56 and (len(payload) - 56) % size >= 16, Truncated)
    last, salt = at_most((len(payload) - 56) // size, 2**38 - 1), note("payload.salt", payload[:24])
    if suite == 1: derived = expand(k, b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + ctx, 76, "sha512")
    else: derived = expand(k, b"sealwax/v1/chunked+AEAD_CHACHA20_POLY1305\0" + be(log2chunk, 1) + salt + ctx, 76)
    key, base = note("payload.key", derived[:32]), note("payload.base_nonce", derived[32:44])
    need(same(note("payload.commitment", derived[44:]), payload[24:56]), Decrypt)
    def piece(i):
        nonce = note("payload.chunk%d.nonce" % i, be(int.from_bytes(base, "big") ^ i, 12))
        return aead_open(suite, key, nonce, payload[56 + i * size:56 + (i + 1) * size])
    end = piece(last)                                                                      # 5A.6
    return b"".join(piece(i) for i in range(last)) + end
def open_envelope(data, keys, given, kind=1, min_epoch=0, header_limit=65536):
    r, _ = Reader(data, Truncated), encode_context(given)                              # limits of 2.4
    need(r.take(4) == b"SWAX" and r.int(1) == 1)
    suite = one_of(r.int(1), (1, 2))
    need(r.int(1) == kind and r.int(1) == 0)                                                    # 4.1a
    log2chunk, _ = one_of(r.int(1), (14,) if suite == 1 else (10, 12, 14, 16)), r.take(16)
    stored = decode_context(note("stored_encoding", r.take(at_most(r.int(4), 32768))))
    core_hash = note("H_core", H(note("core", data[:r.at])))
    slots, slot_len = one_of(r.int(1), (1, 2)), r.int(4)
    need(slot_len >= 56)
    need(r.at + slots * slot_len <= min(header_limit, 1048576), Limit)
    prefix = core_hash + be(slots, 1) + be(slot_len, 4)
    epoch, entries, slot = choose_slot([r.take(slot_len) for _ in range(slots)], prefix)
    need(epoch >= min_epoch, Decrypt)
    data_key, via = unwrap(entries, suite, core_hash, keys)
    k_block = note("K_block", expand(data_key, b"sealwax/v1/key-block\0" + be(suite, 1), 32))
    need(same(note("mac", HMAC(k_block, prefix, slot[:-48])), slot[-48:-16]), Decrypt)
    k_payload = note("K_payload", expand(data_key, b"sealwax/v1/payload\0" + be(suite, 1), 32))
    need(all(same(stored[name], value) for name, value in given.items() if name in stored), Decrypt)    # 2.5
    external = encode_context({name: value for name, value in given.items() if name not in stored})
    ctx = note("payload.context", core_hash + note("external_encoding", external))
    return {"plaintext": open_payload(k_payload, suite, log2chunk, ctx, data[r.at:]),
            "stored": stored, "opened_via": via, "suite": suite, "epoch": epoch}
# --- 8. keysets ---------------------------------------------------------------------------------
MOVES = {0: (2, 3, 4, 5, 6), 2: (3, 4, 5, 6), 3: (2, 4, 5, 6), 4: (5, 6), 5: (6,), 6: ()}     # 7.1; 0: the first, 8.2
def parse_extension(r):
    tags = [0]
    while r.left():
        tags.append(r.int(1))
        need(tags[-2] < tags[-1] < 128 and r.take(r.int(2)) is not None)
    return len(tags) > 1
def parse_record(r):
    v = r.ints(version_id=4, algorithm=1, state=1, created=8, activate_at=8, deactivate_at=8)
    v["changes"] = [{**r.ints(state=1, at=8), "reason": check_name(r.take(r.int(1)), least=0)} for _ in range(r.int(2))]
    v["secret"] = r.take(r.int(1)).hex()
    need(len(v["secret"]) == (0 if v["state"] == 6 else 64))
    states = [0] + [c["state"] for c in v["changes"]]
    need(1 <= v["algorithm"] <= 4 and all(b in MOVES[a] for a, b in zip(states, states[1:])))
    need(v["state"] == states[-1] or (len(states) == 1 and v["state"] in (1, 2)))
    return v, parse_extension(r)
def parse_keyset(raw):                                                                 # 8.1, 8.2
    r = Reader(raw)
    need(at_most(len(raw), 1 << 24) and r.int(1) == 1)
    k = {"keyset_id": r.take(16).hex(), "name": check_name(r.take(r.int(1)), 64), "revision": r.int(8)}
    k.update(parent=r.take(32).hex(), primary=r.int(4))
    k["policy"] = p = r.ints(rotate_after_seconds=8, rotate_after_messages=8, rotate_after_bytes=8, algorithms=1, flags=1)
    need(p["algorithms"] in (1, 2, 3, 4, 8, 12) and p["flags"] <= 1)
    records = [parse_record(Reader(r.take(r.int(2)))) for _ in range(at_most(r.int(4), 65536))]
    k["versions"] = versions = [v for v, _ in records]
    k["read_only"] = any([parse_extension(r)] + [extended for _, extended in records])
    ids = [0] + [v["version_id"] for v in versions]
    need(all(a < b for a, b in zip(ids, ids[1:])) and {v["algorithm"] > 2 for v in versions} <= {p["algorithms"] > 3})
    need(k["primary"] == 0 or (k["primary"], 2) in [(v["version_id"], v["state"]) for v in versions])
    need(k["revision"] > 1 or (k["revision"] == 1 and k["parent"] == "00" * 32))
    return k
def open_keyset(data, keys, protection="envelope"):                                    # 8.3, 8.4
    if protection == "unprotected":
        need(data[:5] == b"SWKS\x01" and len(data) >= 21)
        need(same(H(b"sealwax/v1/unprotected\0", data[5:-16])[:16], data[-16:]))
        return {"plaintext": data[5:-16], "parsed": parse_keyset(data[5:-16]), "opened_via": "unprotected"}
    keys.versions = [v for v in keys.versions if v[2] < 3]                         # no restore, 8.5
    out = open_envelope(data, keys, {}, kind=2)
    out["parsed"] = k = parse_keyset(out["plaintext"])
    need(out["stored"] == {"sealwax.keyset": bytes.fromhex(k["keyset_id"]), "sealwax.keyset-name": k["name"].encode(),
                           "sealwax.keyset-revision": be(k["revision"], 8)})
    return out
# --- 9. strings ---------------------------------------------------------------------------------
def bech32m_decode(text, hrp, case):
    text = text.strip("\t\n\r ")
    need(at_most(len(text), 4096) is not None and text.isascii() and text == case(text))
    prefix, _, tail = text.lower().rpartition("1")
    data = ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".find(c) for c in tail]
    need(prefix == hrp and len(data) >= 6 and -1 not in data)
    check = 1
    for value in [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp] + data:
        top, check = check >> 25, (check & 0x1ffffff) << 5 ^ value
        for i, g in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            check ^= g * (top >> i & 1)
    bits = "".join(format(v, "05b") for v in data[:-6])
    whole = len(bits) // 8 * 8
    need(check == 0x2bc830a3 and len(bits) - whole < 5 and "1" not in bits[whole:])
    return bytes(int(bits[i:i + 8], 2) for i in range(0, whole, 8))
def parse_recipient(text):                                                                  # 9.1
    raw = bech32m_decode(text, "sealwaxpub", str.lower)
    need(raw and {3: 33, 4: 1217}.get(raw[0]) == len(raw))
    triples = [int.from_bytes(raw[i:i + 3], "little") for i in range(1, 1153, 3)]
    need(raw[0] == 3 or all(v & 0xfff < 3329 and v >> 12 < 3329 for v in triples))  # FIPS 203, 7.2
    need(int.from_bytes(raw[-32:], "little") < 2**255 - 19 and x25519(b"\1" * 32, raw[-32:], Format))        # 5.4
    need(any(fingerprint(raw[0], raw[1:])))
    return {"algorithm": raw[0], "public_key": raw[1:].hex(), "fingerprint": fingerprint(raw[0], raw[1:]).hex()}
def parse_identity(text):                                                                   # 9.2
    r = Reader(bech32m_decode(text, "sealwax-secret-", str.upper))
    out = {"algorithm": r.int(1), "keyset_id": r.take(16).hex(), **r.ints(version_id=4, created=8)}
    need(r.left() == 32 and out["algorithm"] in (3, 4) and out["version_id"] != 0)
    return {**out, "secret": r.take(32).hex()}
def run(job):
    source, kind = job["input"], job["type"]
    NOTES.clear()
    try:
        parse = {"recipient": parse_recipient, "identity": parse_identity}.get(kind)
        if parse: return {"ok": True, **parse(source)}
        data = open(source, "rb").read() if os.path.exists(source) else bytes.fromhex(source)
        keys, context = Keys(job.get("keys", {})), {n: bytes.fromhex(v) for n, v in job.get("context", {}).items()}
        if kind == "token": out = open_token(data, keys, context)
        elif kind == "keyset": out = open_keyset(data, keys, job.get("protection", "envelope"))
        else: out = open_envelope(data, keys, context, 1, job.get("min_epoch", 0), job.get("header_limit", 65536))
    except SealwaxError as e:
        return {"ok": False, "error": type(e).__name__}
    if job.get("output"): open(job["output"], "wb").write(out["plaintext"])
    out.update(ok=True, plaintext_sha256=H(out.pop("plaintext")).hex())
    return {**out, "stored": {name: value.hex() for name, value in out.get("stored", {}).items()}}
if __name__ == "__main__":
    jobs = json.load(sys.stdin if sys.argv[1] == "-" else open(sys.argv[1]))
    print(json.dumps([run(j) for j in jobs] if isinstance(jobs, list) else run(jobs), indent=1))
