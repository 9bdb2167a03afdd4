# SPDX-License-Identifier: MIT OR Apache-2.0
"""One envelope, built step by step (format.md 4, 5A)."""
import hashlib
from cryptography.cobblestone import Cobblestone256Decryptor
from maker.primitives import flip, hkdf_expand, hmac256, seal_aead, sha256, u32, u8
from maker.vector import encode_context, hex_map, make_keys, Vector
from maker.entries import by_keyset


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
