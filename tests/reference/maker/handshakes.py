# SPDX-License-Identifier: MIT OR Apache-2.0
"""Vectors of handshakes (clause 13): every pattern, suite and hybrid, with the state after each message."""
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from maker.primitives import hkdf_expand, hmac256, public_key, sha256, u16, u8, x25519, x25519_public, xwing_encap
from maker.vector import Vector, encode_context, hex_map

# number: (name without and with hybrid, known before: of initiator, of responder, messages)
PATTERNS = {
    1: ("XX", ("XX", "XXpsk2"), (), ("e", "e ee s es", "s se")),
    2: ("IK", ("IK", "IKpsk2"), ("r",), ("e es s ss", "e ee se")),
    3: ("KK", ("KK", "KKpsk2"), ("i", "r"), ("e es ss", "e ee se")),
    4: ("NNpsk0", ("NNpsk0", "NNpsk0+psk2"), (), ("e", "e ee")),
    5: ("IKpsk2", ("IKpsk2", "IKpsk2"), ("r",), ("e es s ss", "e ee se")),
}


class Symmetric:
    """Noise, sections 5.1 and 5.2."""
    def __init__(self, name, suite):
        self.h = name + bytes(32 - len(name)) if len(name) <= 32 else sha256(name)
        self.ck, self.k, self.n, self.suite = self.h, None, 0, suite

    def mix_hash(self, x): self.h = sha256(self.h + x)

    def hkdf(self, ikm, count):
        okm = hkdf_expand(hmac256(self.ck, ikm), b"", 32 * count)
        return [okm[32 * i:32 * i + 32] for i in range(count)]

    def mix_key(self, ikm):
        self.ck, self.k = self.hkdf(ikm, 2)
        self.n = 0

    def mix_psk(self, psk):
        self.ck, temp, self.k = self.hkdf(psk, 3)
        self.mix_hash(temp)
        self.n = 0

    def seal(self, plaintext):
        sealed = plaintext
        if self.k:
            aead = {1: AESGCM, 2: ChaCha20Poly1305}[self.suite](self.k)
            sealed = aead.encrypt(bytes(4) + self.n.to_bytes(8, {1: "big", 2: "little"}[self.suite]), plaintext, self.h)
            self.n += 1
        self.mix_hash(sealed)
        return sealed


def hedged(secret, random, number, transcript):
    """Clause 13.3a."""
    key = hkdf_expand(secret, b"sealwax/v1/transit/hedge\0", 32)
    return hkdf_expand(hmac256(key, random), b"sealwax/v1/transit/ephemeral\0" + u8(number) + sha256(transcript), 32)


def make(pattern, suite, mode, hybrid):
    short, names, known, steps = PATTERNS[pattern]
    v = Vector("handshake-%s-suite%d%s" % (short.lower(), suite, "-hybrid" if hybrid else ""),
               "%s, suite %d, %s, %s." % (short, suite, {1: "stream", 2: "datagram"}[mode], "with X-Wing" if hybrid else "X25519 alone"))
    secret = {side + "s": v.bytes(side + "s", 32) for side in "ir"}
    public = {name: x25519_public(value) for name, value in secret.items()}
    prologue, given = v.bytes("prologue", 11), v.bytes("psk", 32) if "psk" in short else b""
    # What each side draws: for the kem first (an X25519 share, then ML-KEM's), then for e.
    drawn = {"i": v.bytes("initiator_random", 64 if hybrid else 32), "r": v.bytes("responder_random", 96 if hybrid else 32)}
    hedges = {side: given if pattern == 4 else secret[side + "s"] for side in "ir"}
    contexts = [{"number": u8(1)}, {"number": u8(2), "place": b"cellar"}, {}][:len(steps)]
    if pattern == 1:
        contexts[0], contexts[2] = {}, {"number": u8(3)}

    head = b"\x20\x01" + u8(pattern) + u8(suite) + u8(mode) + u8(hybrid)
    seed = hedged(hedges["i"], drawn["i"][:32], 1, head + encode_context(contexts[0])) if hybrid else b""
    kems = [public_key(4, seed), b"", b""] if hybrid else [b"", b"", b""]
    psk, encapsulation = given, b""
    name = ("Noise_%s_25519_%s_SHA256" % (names[hybrid], {1: "AESGCM", 2: "ChaChaPoly"}[suite])).encode()
    state = Symmetric(v.step("name", name), suite)
    state.mix_hash(v.step("prologue", b"sealwax/v1/transit\0" + head + u16(len(prologue)) + prologue + kems[0]))
    for side in known:
        state.mix_hash(public[side + "s"])
    v.step("start.h", state.h)

    modifiers, messages = names[hybrid], []
    for index, tokens in enumerate(steps):
        writer, label = "ir"[index % 2], "message%d" % (index + 1)
        tokens = ("psk0 " if index == 0 and "psk0" in modifiers else "") + tokens + (" psk2" if index == 1 and "psk2" in modifiers else "")
        noise, transcript = b"", state.h + encode_context(contexts[index])
        if index == 1 and hybrid:
            shares = [hedged(hedges["r"], drawn["r"][32 * at:32 * at + 32], at + 1, transcript) for at in (0, 1)]
            encapsulation = shares[1] + shares[0]
            ss, kems[1], _, _ = xwing_encap(kems[0], encapsulation[:32], encapsulation[32:])
            v.step("ss", ss)
            salt = v.step("salt", hkdf_expand(given or bytes(32), b"sealwax/v1/transit/psk\0" + u8(suite), 32))
            psk = v.step("psk", hkdf_expand(hmac256(salt, ss), b"sealwax/v1/transit/hybrid\0" + head + sha256(kems[0] + kems[1]), 32))
        for token in tokens.split():
            if token == "e":
                secret[writer + "e"] = hedged(hedges[writer], drawn[writer][-32:], 0, transcript)
                public[writer + "e"] = x25519_public(secret[writer + "e"])
                noise += public[writer + "e"]
                state.mix_hash(public[writer + "e"])
                if "psk" in modifiers:
                    state.mix_key(public[writer + "e"])
            elif token == "s":
                noise += state.seal(public[writer + "s"])
            elif token == "psk0":
                state.mix_psk(given)
            elif token == "psk2":
                state.mix_psk(psk)
            else:
                state.mix_key(v.step(label + "." + token, x25519(secret["i" + token[0]], public["r" + token[1]])))
        noise += state.seal(encode_context(contexts[index]))
        v.step(label + ".ck", state.ck)
        if state.k:
            v.step(label + ".k", state.k)
        v.step(label + ".h", state.h)
        messages.append((head if index == 0 else b"\x21\x01" if index == 1 else b"\x22\x01") + kems[index] + noise)
    there, back = state.hkdf(b"", 2)
    statics = {side: secret[side + "s"] if pattern != 4 else b"" for side in "ir"}
    v.write("handshake", pattern=pattern, suite=suite, mode=mode, hybrid=hybrid, prologue=prologue, psk=given,
            initiator_static=statics["i"], responder_static=statics["r"], initiator_random=drawn["i"], responder_random=drawn["r"], initiator_ephemeral=secret["ie"], responder_ephemeral=secret["re"],
            seed=seed, encapsulation=encapsulation, contexts=[hex_map(c) for c in contexts], messages=[m.hex() for m in messages],
            initiator_to_responder=there, responder_to_initiator=back, binding=state.h)


def handshakes():
    for pattern in PATTERNS:
        for suite in (1, 2):
            for hybrid in (0, 1):
                make(pattern, suite, 1 + (pattern + suite + hybrid) % 2, hybrid)
