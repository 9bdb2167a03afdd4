# SPDX-License-Identifier: MIT OR Apache-2.0
"""Strings (format.md 9)."""
from reader.base import at_most, Format, H, need, Reader
from reader.hpke import fingerprint, x25519
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
def parse_share(text):                                                                      # 9.4
    raw = bech32m_decode(text, "sealwax-share-", str.upper)
    need(len(raw) == 51)
    k, n, x = raw[16:19]
    need(2 <= k <= n <= 64 and 1 <= x <= n)
    return {"backup_id": raw[:16].hex(), "k": k, "n": n, "x": x, "value": raw[19:].hex(),
            "digest": H(b"sealwax/v1/share\0", raw)[:16].hex()}                             # 8.8a
