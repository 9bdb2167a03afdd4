# SPDX-License-Identifier: MIT OR Apache-2.0
"""Recipient entries and envelopes (format.md 4, 5, 5A)."""
import contextlib, struct
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from reader.base import (
    aead_open, at_most, be, BODY_LEN, Decrypt, expand, H, HMAC, Limit, need, note, NOTES,
    one_of, Reader, same, Truncated, UnknownKey, VIA, WRAP_KEY)
from reader.tokens import check_name, decode_context, encode_context, open_t, version_key
from reader.hpke import fingerprint, hpke_open, public_key
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
def read_header(data, kind=1, header_limit=65536):      # up to the choice of the slot
    r = Reader(data, Truncated)
    need(r.magic(b"SWAX") and r.int(1) == 1)
    suite = one_of(r.int(1), (1, 2))
    need(r.int(1) == kind and r.int(1) == 0)                                                    # 4.1a
    log2chunk, _ = one_of(r.int(1), (14,) if suite == 1 else (10, 12, 14, 16)), r.take(16)
    stored = decode_context(note("stored_encoding", r.take(at_most(r.int(4), 32768))))
    core_hash = note("H_core", H(note("core", data[:r.at])))
    slots, slot_len = one_of(r.int(1), (1, 2)), r.int(4)
    need(slot_len >= 56)
    need(r.at + slots * slot_len <= min(header_limit, 1048576), Limit)
    prefix = core_hash + be(slots, 1) + be(slot_len, 4)
    return suite, log2chunk, stored, core_hash, prefix, choose_slot([r.take(slot_len) for _ in range(slots)], prefix), r.at
def open_envelope(data, keys, given, kind=1, min_epoch=0, header_limit=65536):
    encode_context(given)                                                              # limits of 2.4
    suite, log2chunk, stored, core_hash, prefix, (epoch, entries, slot), end = read_header(data, kind, header_limit)
    need(epoch >= min_epoch, Decrypt)
    data_key, via = unwrap(entries, suite, core_hash, keys)
    k_block = note("K_block", expand(data_key, b"sealwax/v1/key-block\0" + be(suite, 1), 32))
    need(same(note("mac", HMAC(k_block, prefix, slot[:-48])), slot[-48:-16]), Decrypt)
    k_payload = note("K_payload", expand(data_key, b"sealwax/v1/payload\0" + be(suite, 1), 32))
    need(all(same(stored[name], value) for name, value in given.items() if name in stored), Decrypt)    # 2.5
    external = encode_context({name: value for name, value in given.items() if name not in stored})
    ctx = note("payload.context", core_hash + note("external_encoding", external))
    return {"plaintext": open_payload(k_payload, suite, log2chunk, ctx, data[end:]),
            "stored": stored, "opened_via": via, "suite": suite, "epoch": epoch}
