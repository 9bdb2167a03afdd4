# SPDX-License-Identifier: MIT OR Apache-2.0
"""The secret values of ML-KEM-768, as FIPS 203 works them out: what a key pair and a shared secret are in memory."""
import hashlib
import struct

Q, RANK = 3329, 3
# Section 4.3: powers of 17, in the order of bits turned around.
ZETAS = [pow(17, int(f"{at:07b}"[::-1], 2), Q) for at in range(128)]


def secret_of(seed):
    """Of d || z: sigma, and the secret vector in the domain of the NTT, a list of numbers for each polynomial (section 5.1)."""
    sigma = hashlib.sha3_512(seed[:32] + bytes([RANK])).digest()[32:]
    return sigma, [ntt(noise(sigma, at)) for at in range(RANK)]


def message_of(secret, ciphertext):
    """What a ciphertext carries to this secret vector (section 5.3)."""
    u = [[round_half(number * Q, 10) for number in numbers(ciphertext[320 * at:320 * at + 320], 10)] for at in range(RANK)]
    v = [round_half(number * Q, 4) for number in numbers(ciphertext[960:], 4)]
    carried = back([sum(column) % Q for column in zip(*(multiply(one, ntt(other)) for one, other in zip(secret, u)))])
    bits = [(2 * ((one - other) % Q) + Q // 2) // Q & 1 for one, other in zip(v, carried)]
    return bytes(sum(bits[at + bit] << bit for bit in range(8)) for at in range(0, 256, 8))


def shared_of(message, public):
    """The shared secret, the randomness of the encryption, and its vector in the domain of the NTT (sections 6.2 and 5.2)."""
    both = hashlib.sha3_512(message + hashlib.sha3_256(public).digest()).digest()
    return both[:32], both[32:], [ntt(noise(both[32:], at)) for at in range(RANK)]


def as_words(polynomial):
    """As numbers of 16 bits stand in memory."""
    return struct.pack("<256H", *polynomial)


def noise(seed, number):
    """Section 4.2.2, of 2 bits each."""
    bits = [byte >> bit & 1 for byte in hashlib.shake_256(seed + bytes([number])).digest(128) for bit in range(8)]
    return [(bits[at] + bits[at + 1] - bits[at + 2] - bits[at + 3]) % Q for at in range(0, 1024, 4)]


def numbers(encoded, width):
    """ByteDecode: section 4.2.1."""
    whole = int.from_bytes(encoded, "little")
    return [whole >> width * at & (1 << width) - 1 for at in range(256)]


def round_half(number, width):
    return (number + (1 << width - 1)) >> width


def ntt(polynomial):
    """Algorithm 9."""
    f, at, length = list(polynomial), 1, 128
    while length >= 2:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                turned = ZETAS[at] * f[j + length] % Q
                f[j], f[j + length] = (f[j] + turned) % Q, (f[j] - turned) % Q
            at += 1
        length //= 2
    return f


def back(polynomial):
    """Algorithm 10."""
    f, at, length = list(polynomial), 127, 2
    while length <= 128:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                low, high = f[j], f[j + length]
                f[j], f[j + length] = (low + high) % Q, ZETAS[at] * (high - low) % Q
            at -= 1
        length *= 2
    return [number * 3303 % Q for number in f]


def multiply(f, g):
    """Algorithms 11 and 12."""
    out = []
    for at in range(128):
        gamma = pow(17, 2 * int(f"{at:07b}"[::-1], 2) + 1, Q)
        (a, b), (c, d) = f[2 * at:2 * at + 2], g[2 * at:2 * at + 2]
        out += [(a * c + b * d * gamma) % Q, (a * d + b * c) % Q]
    return out
