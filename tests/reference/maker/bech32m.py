# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bech32m (format.md 9.3), and the old Bech32."""

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
