# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shares of a backup key, and what they open (format.md 8.8 to 8.8b)."""

from reader.base import be, Format, H, need, note, same, UnknownKey
from reader.envelopes import read_header
from reader.keysets import fingerprint, open_keyset, parse_backup_list
from reader.strings import parse_share
from reader.tokens import Keys

EXP = [1]  # the powers of 3, which generate the multiplicative group
while len(EXP) < 255:
    double = EXP[-1] << 1 ^ (0x11B if EXP[-1] >> 7 else 0)
    EXP.append(double ^ EXP[-1])
LOG = {value: power for power, value in enumerate(EXP)}


def quotient_of_products(above, below):
    if 0 in above:
        return 0
    return EXP[(sum(LOG[a] for a in above) - sum(LOG[b] for b in below)) % 255]


def combine(values):
    """The polynomials through {x: 32 bytes}, at 0: Lagrange. Addition and subtraction are XOR."""
    out = bytearray(32)
    for x, value in values.items():
        others = [other for other in values if other != x]
        for i, byte in enumerate(value):
            out[i] ^= quotient_of_products([byte] + others, [x ^ other for other in others])
    return bytes(out)


def backup_key(listed, texts):  # 8.8b
    values = {}
    for text in texts:
        share = parse_share(text)
        same_backup = share["backup_id"] == listed["backup_id"].hex()
        need(same_backup and (share["k"], share["n"]) == (listed["k"], listed["n"]), UnknownKey)
        digest = bytes.fromhex(share["digest"])
        need(same(note("share%d.digest" % share["x"], digest), listed["digests"][share["x"] - 1]))
        values[share["x"]] = bytes.fromhex(share["value"])
    need(len(values) >= listed["k"], UnknownKey)
    return combine({x: values[x] for x in sorted(values)[: listed["k"]]})


def restore(data, keys, texts):
    """By shares where no other key is given, else by the keys, also those of types 3 and 4."""
    if keys.versions:
        out = open_keyset(data, keys, restore=True)
    else:
        stored = read_header(data, 2)[2]
        need("sealwax.backup" in stored, Format)
        listed = parse_backup_list(stored["sealwax.backup"])
        key = note("backup_key", backup_key(listed, texts))
        raw = {"key_id": listed["backup_id"].hex(), "key": key.hex()}
        out = open_keyset(data, Keys({"raw_keys": [raw]}))
    encoding = out["plaintext"]
    out["fingerprint"] = note("fingerprint", fingerprint(encoding))
    # What a restorer writes where no usage file saw more: a change (8.8b).
    at = 18 + encoding[17]
    revision = be(int.from_bytes(encoding[at : at + 8], "big") + 1, 8)
    note("restored_encoding", encoding[:at] + revision + H(encoding) + encoding[at + 40 :])
    return out
