# SPDX-License-Identifier: MIT OR Apache-2.0
"""Handshakes (format.md 13), each message read by the side that it is for, from its own secrets and what it heard."""
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from reader.base import be, Decrypt, expand, H, HMAC, need, note, one_of, Reader
from reader.hpke import decap, x25519, x25519_public, xwing_keys
# 13.1: number: names, who is known before, messages
SHAPES = {1: (("XX", "XXpsk2"), "", ["e", "e,ee,s,es", "s,se"]), 2: (("IK", "IKpsk2"), "r", ["e,es,s,ss", "e,ee,se"]),
          3: (("KK", "KKpsk2"), "ir", ["e,es,ss", "e,ee,se"]), 4: (("NNpsk0", "NNpsk0+psk2"), "", ["e", "e,ee"]),
          5: (("IKpsk2", "IKpsk2"), "r", ["e,es,s,ss", "e,ee,se"])}
class Side:            # one side's view: its secrets, the other's public keys, and the symmetric state of Noise 5.2
    def __init__(self, role, v, statics, prologue, name, known):
        self.role, self.suite, self.psk_mode = role, v["suite"], b"psk" in name
        self.s, self.e = v["initiator_static" if role == "i" else "responder_static"], v["initiator_ephemeral" if role == "i" else "responder_ephemeral"]
        self.heard = {}
        self.h = name.ljust(32, b"\0") if len(name) <= 32 else H(name)
        self.ck, self.key, self.count = self.h, None, 0
        self.absorb(prologue)
        for who in known:
            self.absorb(statics[who])
            if who != role: self.heard["s"] = statics[who]
    def absorb(self, data): self.h = H(self.h, data)
    def stir(self, secret, n):
        okm = expand(HMAC(self.ck, secret), b"", 32 * n)
        return [okm[i:i + 32] for i in range(0, 32 * n, 32)]
    def mix_key(self, secret): (self.ck, self.key), self.count = self.stir(secret, 2), 0
    def mix_psk(self, psk):
        self.ck, digest, self.key = self.stir(psk, 3)
        self.absorb(digest)
        self.count = 0
    def dh(self, token):
        mine, other = (token[0], token[1]) if self.role == "i" else (token[1], token[0])
        return x25519({"s": self.s, "e": self.e}[mine], self.heard[other])
    def aead(self): return (AESGCM if self.suite == 1 else ChaCha20Poly1305)(self.key), bytes(4) + self.count.to_bytes(8, "big" if self.suite == 1 else "little")
    def open(self, sealed):
        plain = sealed
        if self.key:
            aead, nonce = self.aead()
            try: plain = aead.decrypt(nonce, sealed, self.h)
            except InvalidTag: raise Decrypt from None
            self.count += 1
        self.absorb(sealed)
        return plain
    def say(self, plain):
        sealed = plain
        if self.key:
            aead, nonce = self.aead()
            sealed = aead.encrypt(nonce, plain, self.h)
            self.count += 1
        self.absorb(sealed)
        return sealed
def context(data):
    reader, out = Reader(data), {}
    while reader.left():
        name = reader.take(reader.int(1)).decode()
        out[name] = reader.take(reader.int(2))
    need(list(out) == sorted(out, key=str.encode))
    return out
def hedged(secret, drawn, n, transcript):            # 13.3a
    return expand(HMAC(expand(secret, b"sealwax/v1/transit/hedge\0", 32), drawn), b"sealwax/v1/transit/ephemeral\0" + bytes((n,)) + H(transcript), 32)
def take_part(fields):
    v = {name: bytes.fromhex(x) if isinstance(x, str) else x for name, x in fields.items()}
    names, known, messages = SHAPES[one_of(v["pattern"], SHAPES)]
    hybrid = one_of(v["hybrid"], (0, 1))
    given, psk, out = [bytes.fromhex(m) for m in v["messages"]], v["psk"], []
    need(len(given) == len(messages))
    head = b"\x20\x01" + bytes((v["pattern"], one_of(v["suite"], (1, 2)), one_of(v["mode"], (1, 2)), hybrid))
    heads, kems = [head, b"\x21\x01", b"\x22\x01"], [1216 * hybrid, 1120 * hybrid, 0]
    cut = []
    for message, begin, kem_len in zip(given, heads, kems):
        reader = Reader(message)
        need(reader.take(len(begin)) == begin)
        cut.append((reader.take(kem_len), reader))
    if hybrid:
        need(cut[0][0] == xwing_keys(v["seed"])[2])
        ss = note("ss", decap(4, v["seed"], cut[1][0]))
        salt = note("salt", expand(psk or bytes(32), b"sealwax/v1/transit/psk\0" + bytes((v["suite"],)), 32))
        psk = note("psk", expand(HMAC(salt, ss), b"sealwax/v1/transit/hybrid\0" + head + H(cut[0][0], cut[1][0]), 32))
    name = note("name", ("Noise_%s_25519_%s_SHA256" % (names[hybrid], "AESGCM" if v["suite"] == 1 else "ChaChaPoly")).encode())
    prologue = note("prologue", b"sealwax/v1/transit\0" + head + be(len(v["prologue"]), 2) + v["prologue"] + cut[0][0])
    statics = {who: x25519_public(v[field]) if v[field] else b"" for who, field in (("i", "initiator_static"), ("r", "responder_static"))}
    sides = {role: Side(role, v, statics, prologue, name, known) for role in "ir"}
    note("start.h", sides["i"].h)
    for index, tokens in enumerate(messages):
        label, (_, reader) = "message%d" % (index + 1), cut[index]
        writer, side = sides["ir"[index % 2]], sides["ri"[index % 2]]
        tokens, before = tokens.split(","), writer.h
        if index == 0 and b"psk0" in name: tokens.insert(0, "psk0")
        if index == 1 and b"psk2" in name: tokens.append("psk2")
        for token in tokens:
            if token == "e":
                side.heard["e"] = reader.take(32)
                need(side.heard["e"] == x25519_public(writer.e))
                for one in (writer, side):
                    one.absorb(side.heard["e"])
                    if one.psk_mode: one.mix_key(side.heard["e"])
            elif token == "s":
                sealed = reader.take(48 if side.key else 32)
                side.heard["s"] = side.open(sealed)
                need(writer.say(statics[writer.role]) == sealed)
            elif token.startswith("psk"):
                for one in (writer, side): one.mix_psk(v["psk"] if token == "psk0" else psk)
            else:
                for one in (side, writer): one.mix_key(one.dh(token))
                note(label + "." + token, side.dh(token))
        sealed = reader.take(reader.left())
        plain = side.open(sealed)
        out.append(context(plain))
        drawn, secret = v["initiator_random" if index == 0 else "responder_random"], v["psk"] if v["pattern"] == 4 else writer.s
        if index < 2: need(writer.e == hedged(secret, drawn[-32:], 0, before + plain))
        if index == 0 and hybrid: need(v["seed"] == hedged(secret, drawn[:32], 1, head + plain))
        if index == 1 and hybrid: need(v["encapsulation"] == hedged(secret, drawn[32:64], 2, before + plain) + hedged(secret, drawn[:32], 1, before + plain))
        need(writer.say(plain) == sealed and writer.h == side.h and writer.ck == side.ck)
        note(label + ".ck", side.ck)
        if side.key: note(label + ".k", side.key)
        note(label + ".h", side.h)
    there, back = sides["r"].stir(b"", 2)
    return {"contexts": [{n: x.hex() for n, x in c.items()} for c in out], "initiator_to_responder": there, "responder_to_initiator": back, "binding": sides["r"].h}
