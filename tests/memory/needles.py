# SPDX-License-Identifier: MIT OR Apache-2.0
"""What must not be found in memory, and the search for it.

The secrets are those that the reference reader (tests/reference) meets while it does the same work: every key of an HMAC and what
comes out, every key of an AEAD with its keystream, one-time key and plaintext, every private key and shared secret of X25519. Each is looked for
in the forms in which code has it: as bytes, as words of SHA-256, as HMAC's first states and padded blocks, as the limbs of Poly1305 and of
curve25519 and the digits of a scalar, as round keys of AES, and as the vectors of ML-KEM.
"""
import contextlib
import hmac
import os
import struct
import sys

import aes
import ml_kem

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../reference"))
import reader.base  # noqa: E402
import reader.envelopes  # noqa: E402
import reader.handshakes  # noqa: E402
import reader.hpke  # noqa: E402
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms  # noqa: E402

# Bytes that are looked for at once on a board: two words of a small processor.
WINDOW = 8
# And in the memory of a process, where there is more of it: the first and the last of each key.
HALF = 16
MASK = 0xFFFFFFFF


class Needles:
    """Windows of secrets, each with the name of what it is a part of."""

    def __init__(self):
        self.windows = {}
        self.names = set()
        self.halves = {}

    def add(self, name, secret):
        """The bytes, and the bytes as SHA-256 takes them in: words, each turned around."""
        self._add(name, secret)
        if len(secret) >= WINDOW:
            words = secret[: len(secret) // 4 * 4]
            self._add(name + ", as words", struct.pack(f"<{len(words) // 4}I", *struct.unpack(f">{len(words) // 4}I", words)))

    def _add(self, name, secret, halves=True):
        self.names.add(name)
        if halves and len(secret) >= HALF and not name.endswith(("plaintext", "keystream", "as words")):
            for half in (secret[:HALF], secret[len(secret) - HALF:]):
                self.halves.setdefault(half, name)
        for at in range(0, len(secret) - WINDOW + 1, 4):
            window = secret[at:at + WINDOW]
            # Small numbers are everywhere.
            if window.count(0) <= WINDOW // 2:
                self.windows.setdefault(window, name)

    def add_hmac_key(self, name, key):
        """With its padded blocks and the two states that they lead to."""
        self.add(name, key)
        block = (key if len(key) <= 64 else reader.base.H(key)).ljust(64, b"\0")
        for pad in (0x36, 0x5C):
            padded = bytes(byte ^ pad for byte in block)
            self.add(name + ", padded", padded[:len(key)])
            self._add(name + ", HMAC state", struct.pack("<8I", *compress(IV, padded)))

    def add_stream(self, name, key, nonce, plaintext, secret=True):
        """A message under ChaCha20-Poly1305: RFC 8439 section 2.8. Not all of a plaintext that is not `secret` is one."""
        self.add(name + ", key", key)
        blocks = keystream(key, nonce, 1 + -(-len(plaintext) // 64))
        one_time = blocks[:32]
        self.add(name + ", Poly1305 key", one_time)
        r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
        self._add(name + ", Poly1305 limbs", struct.pack("<5I", *(r >> 26 * i & 0x3FFFFFF for i in range(5))))
        if secret:
            self.add(name + ", keystream", blocks[64:64 + len(plaintext)])
            self.add(name + ", plaintext", plaintext)

    def add_aes(self, name, key, nonce, plaintext, secret=True):
        """A message under AES-256-GCM: NIST SP 800-38D section 7.1."""
        self.add(name + ", key", key)
        # On boards: halves of every round key would make the search of a process last for minutes.
        for form, held in aes.forms(key):
            self._add(name + ", " + form, held, halves=False)
        stream = aes.keystream(key, nonce, len(plaintext))
        self._add(name + ", mask of the tag", stream[:16], halves=False)
        if secret:
            self.add(name + ", keystream", stream[16:])
            self.add(name + ", plaintext", plaintext)

    def add_x_wing(self, name, seed, enc=None):
        """A private key, and what enc carries to it: format.md 5.4."""
        pair, classic, public = reader.hpke.xwing_keys(seed)
        wide = pair.private_bytes_raw()
        self.add(name + ", seed", seed)
        self.add(name + ", d and z", wide)
        self.add_scalar(name + ", X25519 half", classic)
        sigma, secret = ml_kem.secret_of(wide)
        self.add(name + ", sigma", sigma)
        for one in secret:
            self._add(name + ", secret vector", ml_kem.as_words(one))
        if enc is not None:
            message = ml_kem.message_of(secret, enc[:1088])
            shared, randomness, vector = ml_kem.shared_of(message, public[:1184])
            assert shared == pair.decapsulate(enc[:1088])
            for what, held in ((", message", message), (", ML-KEM's share", shared), (", randomness", randomness)):
                self.add(name + what, held)
            for one in vector:
                self._add(name + ", vector of the encryption", ml_kem.as_words(one))

    def add_scalar(self, name, private):
        """A private key of X25519: clamped, and as signed digits (base 16), which a table is asked for."""
        clamped = bytes([private[0] & 248]) + private[1:31] + bytes([private[31] & 127 | 64])
        self.add(name, private)
        self.add(name, clamped)
        digits = [nibble for byte in clamped for nibble in (byte & 15, byte >> 4)]
        for at in range(63):
            carry = digits[at] + 8 >> 4
            digits[at] -= carry << 4
            digits[at + 1] += carry
        self._add(name + ", digits", struct.pack("64b", *digits))

    def add_point(self, name, shared):
        """A shared secret of X25519, and its limbs of 26 and 25 bits."""
        self.add(name, shared)
        number, limbs = int.from_bytes(shared, "little"), []
        for at in range(10):
            bits = 26 - at % 2
            limbs.append(number & (1 << bits) - 1)
            number >>= bits
        self._add(name + ", limbs", struct.pack("<10I", *limbs))

    def forget_public(self, public):
        """What stands in a sealed output is no secret: commitments, tags, encrypted keys."""
        for at in range(len(public) - WINDOW + 1):
            self.windows.pop(public[at:at + WINDOW], None)
        for half in [half for half in self.halves if half in public]:
            del self.halves[half]

    def found(self, memory):
        """Every place where one begins, each name once: (name, offset)."""
        seen = {}
        for at in range(len(memory) - WINDOW + 1):
            name = self.windows.get(memory[at:at + WINDOW])
            if name is not None and name not in seen:
                seen[name] = at
        return sorted(seen.items(), key=lambda pair: pair[1])


    def found_halves(self, memory):
        """The names of the keys of which a half is there, and how often."""
        counts = {}
        for half, name in self.halves.items():
            if times := memory.count(half):
                counts[name] = counts.get(name, 0) + times
        return counts


@contextlib.contextmanager
def recording(needles, label, secret=True):
    """While it lasts, what the reference reader computes with is added. Plaintexts over 32 bytes only where they are `secret`."""
    kept = hmac.new, reader.base.ChaCha20Poly1305, reader.handshakes.ChaCha20Poly1305, reader.hpke.x25519, reader.handshakes.x25519
    real_new, real_aead, _, real_x25519, _ = kept
    real_gcm, real_argon2id, real_decap = reader.base.AESGCM, reader.envelopes.argon2id, reader.hpke.decap

    class Hmac:
        def __init__(self, key, message=None, digestmod=None):
            self.real = real_new(key, message, digestmod)
            needles.add_hmac_key(label + ": HMAC key", bytes(key))

        def digest(self):
            digest = self.real.digest()
            needles.add(label + ": HMAC result", digest)
            return digest

    class Aead:
        def __init__(self, key):
            self.key, self.real = bytes(key), real_aead(key)

        def decrypt(self, nonce, sealed, associated):
            plaintext = self.real.decrypt(nonce, sealed, associated)
            needles.add_stream(label + ": AEAD", self.key, nonce, plaintext, secret or len(plaintext) <= 32)
            return plaintext

        def encrypt(self, nonce, plaintext, associated):
            needles.add_stream(label + ": AEAD", self.key, nonce, plaintext)
            return self.real.encrypt(nonce, plaintext, associated)

    class Gcm:
        def __init__(self, key):
            self.key, self.real = bytes(key), real_gcm(key)

        def decrypt(self, nonce, sealed, associated):
            plaintext = self.real.decrypt(nonce, sealed, associated)
            needles.add_aes(label + ": AEAD", self.key, nonce, plaintext, secret or len(plaintext) <= 32)
            return plaintext

    def decap(kind, secret, enc):
        if kind == 4:
            needles.add_x_wing(label + ": X-Wing", secret, enc)
        return real_decap(kind, secret, enc)

    def argon2id(passphrase, body):
        stretched = real_argon2id(passphrase, body)
        needles.add(label + ": Argon2id output", stretched)
        return stretched

    def x25519(secret, public, error=reader.base.Decrypt):
        shared = real_x25519(secret, public, error)
        needles.add_scalar(label + ": X25519 private key", secret)
        needles.add_point(label + ": X25519 shared secret", shared)
        return shared

    hmac.new, reader.base.ChaCha20Poly1305, reader.handshakes.ChaCha20Poly1305 = Hmac, Aead, Aead
    reader.hpke.x25519 = reader.handshakes.x25519 = x25519
    reader.base.AESGCM, reader.envelopes.argon2id, reader.hpke.decap = Gcm, argon2id, decap
    try:
        yield
    finally:
        hmac.new, reader.base.ChaCha20Poly1305, reader.handshakes.ChaCha20Poly1305, reader.hpke.x25519, reader.handshakes.x25519 = kept
        reader.base.AESGCM, reader.envelopes.argon2id, reader.hpke.decap = real_gcm, real_argon2id, real_decap


def keystream(key, nonce, blocks):
    """From block 0 on."""
    cipher = Cipher(algorithms.ChaCha20(key, bytes(4) + nonce), mode=None)
    return cipher.encryptor().update(bytes(64 * blocks))


def compress(state, block):
    """SHA-256's compression function: FIPS 180-4 section 6.2.2."""
    words = list(struct.unpack(">16I", block))
    for at in range(16, 64):
        a, b = words[at - 15], words[at - 2]
        low = turn(a, 7) ^ turn(a, 18) ^ a >> 3
        high = turn(b, 17) ^ turn(b, 19) ^ b >> 10
        words.append(words[at - 16] + low + words[at - 7] + high & MASK)
    a, b, c, d, e, f, g, h = state
    for constant, word in zip(CONSTANTS, words):
        first = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (e & f ^ ~e & g) + constant + word & MASK
        second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (a & b ^ a & c ^ b & c) & MASK
        a, b, c, d, e, f, g, h = first + second & MASK, a, b, c, d + first & MASK, e, f, g
    return [one + other & MASK for one, other in zip(state, (a, b, c, d, e, f, g, h))]


def turn(word, by):
    return (word >> by | word << 32 - by) & MASK


def roots(power, count):
    """The first 32 bits of the fractional parts of the roots of the first primes: FIPS 180-4 sections 4.2.2 and 5.3.3."""
    primes, number = [], 2
    while len(primes) < count:
        if all(number % prime for prime in primes):
            primes.append(number)
        number += 1
    return [root(prime << 32 * power, power) & MASK for prime in primes]


def root(number, power):
    """The whole part of a root, by halving."""
    low, high = 0, 1 << number.bit_length() // power + 1
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if middle ** power <= number else (low, middle)
    return low


IV = roots(2, 8)
CONSTANTS = roots(3, 64)
