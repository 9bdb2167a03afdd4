# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shares of a backup key, and their strings (format.md 8.8a, 9.4)."""

from maker.primitives import sha256, u8
from maker.vector import Vector
from maker.bech32m import bech32m


def gf_multiply(a, b):
    """In GF(2^8) with the modulus x^8 + x^4 + x^3 + x + 1, bit by bit."""
    product = 0
    for _ in range(8):
        if b & 1:
            product ^= a
        a, b = (a << 1) ^ (0x11B if a & 0x80 else 0), b >> 1
    return product


def check_field():
    """The worked products of FIPS 197, sections 4.2 and 4.2.1."""
    assert [gf_multiply(0x57, b) for b in (0x13, 0x83, 0x02, 0x04, 0x08, 0x10)] == [
        0xFE,
        0xC1,
        0xAE,
        0x47,
        0x8E,
        0x07,
    ]
    assert all(any(gf_multiply(a, b) == 1 for b in range(256)) for a in range(1, 256))


class Split:
    """A backup key split into n shares, any k of which give it back."""

    def __init__(self, v, k, n, field="", coefficients=None):
        self.k, self.n = k, n
        self.backup_id = v.bytes(field + "backup_id", 16)
        self.key = v.step(field + "backup_key", v.bytes(field + "backup_key", 32))
        self.coefficients = [self.key] + (
            coefficients or [v.bytes("%scoefficient%d" % (field, i), 32) for i in range(1, k)]
        )
        for i, coefficient in enumerate(self.coefficients[1:], 1):
            v.step("%scoefficient%d" % (field, i), coefficient)

    def value(self, x):
        """The polynomials at x, by Horner's rule."""
        out = bytes(32)
        for coefficient in reversed(self.coefficients):
            out = bytes(gf_multiply(y, x) ^ c for y, c in zip(out, coefficient))
        return out

    def fields(self, x, /, **other):
        """The bytes of share x; `other` replaces backup_id, k, n, x or value."""
        f = dict(
            {
                "backup_id": self.backup_id,
                "k": self.k,
                "n": self.n,
                "x": x,
                "value": self.value(x) if 0 < x else bytes(32),
            },
            **other,
        )
        return f["backup_id"] + u8(f["k"]) + u8(f["n"]) + u8(f["x"]) + f["value"]

    def text(self, x, /, **other):
        return share_text(self.fields(x, **other))

    def digest(self, x, /, **other):
        return share_digest(self.fields(x, **other))

    def digests(self, v, field=""):
        return [
            v.step("%sshare%d.digest" % (field, x), self.digest(x)) for x in range(1, self.n + 1)
        ]


def share_text(raw, hrp="sealwax-share-", **options):
    return bech32m(hrp, raw, **options).upper()


def share_digest(raw):
    return sha256(b"sealwax/v1/share\x00" + raw)[:16]


def share(name, comment, k=2, n=3, x=2, expect="ok", edit=None, data=None, other=None, **options):
    """`other` replaces fields, `data` changes the bytes, `edit` the string."""
    v = Vector("share-" + name, comment, expect)
    split = Split(v, max(k, 2), n)
    split.k = k
    raw = split.fields(x, **(other or {}))
    text = share_text(data(raw) if data else raw, **options)
    text, ok = edit(text) if edit else text, expect == "ok"
    v.write(
        "share",
        string=text,
        backup_id=split.backup_id if ok else None,
        k=k if ok else None,
        n=n if ok else None,
        x=x if ok else None,
        value=raw[19:] if ok else None,
        digest=share_digest(raw) if ok else None,
    )


def other_character(text, at):
    return text[:at] + ("Q" if text[at] != "Q" else "P") + text[at:][1:]


def shares():
    check_field()
    share("2-of-3", "Share 2 of 3, any 2 of which give the backup key.")
    share("2-of-2", "The fewest shares that there can be.", 2, 2, 1)
    share("last", "The last share: x = n.", 3, 5, 5)
    share("64-of-64", "The most shares that there can be.", 64, 64, 64)
    share(
        "value-zero", "A value of zero bytes, which a share may have.", other={"value": bytes(32)}
    )
    share(
        "white-space",
        "The bytes 09, 0A, 0D and 20 around the string are removed.",
        edit=lambda s: "\n\t " + s + " \r\n",
    )

    def bad(name, comment, k=2, n=3, x=2, expect="Format", **options):
        share(name, comment, k, n, x, expect, **options)

    bad("lower-case", "Lower case.", edit=str.lower)
    bad("mixed-case", "Lower-case prefix.", edit=lambda s: s[:15].lower() + s[15:])
    bad(
        "mixed-case-data",
        "One character of the data in lower case.",
        edit=lambda s: s[:-1] + s[-1].lower() if s[-1].isalpha() else s[:-10] + s[-10:].lower(),
    )
    bad("prefix-identity", "The prefix of identity strings.", hrp="sealwax-secret-")
    bad("prefix-recipient", "The prefix of recipient strings.", hrp="sealwaxpub")
    bad("prefix-shares", "Another human-readable part.", hrp="sealwax-shares-")
    bad("prefix-none", "No human-readable part.", hrp="")
    bad("bech32", "The checksum of Bech32 instead of Bech32m.", const=1)
    bad("bad-checksum", "The last character changed.", edit=lambda s: other_character(s, -1))
    bad("changed-value", "A character of the value changed.", edit=lambda s: other_character(s, 60))
    bad("padding-bits", "A padding bit is set.", pad=1)
    bad("inner-white-space", "White space inside the string.", edit=lambda s: s[:20] + " " + s[20:])
    bad("edge-0c", "U+000C after the string is not removed.", edit=lambda s: s + "\f")
    bad("empty", "No bytes.", data=lambda raw: b"")
    bad("short", "One byte too few.", data=lambda raw: raw[:-1])
    bad("long", "One byte too many.", data=lambda raw: raw + b"\0")
    bad("no-value", "Ids and numbers without a value.", data=lambda raw: raw[:19])
    bad("k-0", "k = 0.", other={"k": 0})
    bad("k-1", "k = 1: each share would be the key.", other={"k": 1})
    bad("k-over-n", "k = 4 of n = 3.", other={"k": 4})
    bad("n-65", "n = 65, one over the limit.", 2, 64, other={"n": 65})
    bad("n-0", "k, n and x are 0.", other={"k": 0, "n": 0, "x": 0})
    bad("n-255-k-255", "k, n and x are 255.", other={"k": 255, "n": 255, "x": 255})
    bad("x-0", "x = 0: the value there would be the key.", 2, 3, 0)
    bad("x-over-n", "x = 4 of n = 3.", other={"x": 4})
    bad("length-4097", "4,097 characters.", expect="Limit", edit=lambda s: (s + "Q" * 4097)[:4097])
