# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a key of AES-256-GCM is in memory: round keys (FIPS 197) in the forms in which code has them, and GHASH's key."""
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def forms(key):
    """Each form with its name."""
    keys = round_keys(key)
    schedule = b"".join(keys)
    yield "round keys", schedule
    yield "round keys, as words", struct.pack("<60I", *struct.unpack(">60I", schedule))
    for at, one in enumerate(keys):
        # As bit planes, with the rows shifted ahead and the S-box's negations taken in: round keys of RustCrypto's code without tables.
        one = shifted_back(one, at % 4 if 0 < at < 14 else 0)
        planes = [sum((one[4 * column + row] >> bit & 1) << 4 * row + column for row in range(4) for column in range(4)) for bit in range(8)]
        if at > 0:
            planes = [plane ^ 0xFFFF if bit in (0, 1, 5, 6) else plane for bit, plane in enumerate(planes)]
        yield "round keys, as bit planes", struct.pack("<8H", *planes)
        doubled = [sum((plane >> bit & 1) * 3 << 2 * bit for bit in range(16)) for plane in planes]
        yield "round keys, as bit planes", struct.pack("<8I", *doubled)
    ghash = encrypt(key, bytes(16))
    number = int.from_bytes(ghash, "big")
    # POLYVAL's: turned around and multiplied by x (RFC 8452 appendix A).
    carry = number >> 127
    moved = (number << 1 & (1 << 128) - 1) ^ carry ^ carry << 127 ^ carry << 126 ^ carry << 121
    yield "GHASH key", ghash
    yield "GHASH key", ghash[::-1]
    yield "GHASH key", moved.to_bytes(16, "little")


def keystream(key, nonce, length):
    """Of GCM with a nonce of 12 bytes: the tag's block first."""
    cipher = Cipher(algorithms.AES(key), modes.CTR(nonce + b"\0\0\0\1"))
    return cipher.encryptor().update(bytes(16 + length))


def encrypt(key, block):
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def round_keys(key):
    """FIPS 197 section 5.2."""
    words = [key[at:at + 4] for at in range(0, 32, 4)]
    for at in range(8, 60):
        word = words[-1]
        if at % 8 == 0:
            word = bytes(SBOX[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ 1 << at // 8 - 1]) + word[1:]
        elif at % 8 == 4:
            word = bytes(SBOX[byte] for byte in word)
        words.append(bytes(one ^ other for one, other in zip(words[at - 8], word)))
    return [b"".join(words[at:at + 4]) for at in range(0, 60, 4)]


def shifted_back(block, times):
    """InvShiftRows, so often: section 5.3.1."""
    return bytes(block[4 * ((column - times * row) % 4) + row] for column in range(4) for row in range(4))


def sbox():
    """Section 5.1.1, from the powers of 3."""
    power, box = [1], [0x63] * 256
    for _ in range(254):
        power.append(power[-1] ^ power[-1] << 1 ^ (0x11B if power[-1] & 0x80 else 0))
    for at, value in enumerate(power):
        inverse = power[(255 - at) % 255]
        box[value] = 0x63
        for by in range(5):
            box[value] ^= (inverse << by | inverse >> 8 - by) & 0xFF
    return box


SBOX = sbox()
