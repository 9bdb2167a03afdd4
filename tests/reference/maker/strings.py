# SPDX-License-Identifier: MIT OR Apache-2.0
"""Recipient and identity strings (format.md 9)."""
from maker.primitives import public_key, sha256, u32, u64, u8
from maker.vector import Vector
from maker.entries import le, LOW_ORDER, P
from maker.keysets import NOW
from maker.bech32m import bech32m


def strings():
    def recipient(name, comment, algorithm=3, expect="ok", edit=None, data=None, hrp="sealwaxpub", pk=lambda pk: pk, **options):
        v = Vector("recipient-" + name, comment, expect)
        pk = pk(public_key(algorithm, v.bytes("secret", 32)))
        text = bech32m(hrp, data(pk) if data else u8(algorithm) + pk, **options)
        ok = expect == "ok"
        v.write("recipient", string=edit(text) if edit else text, algorithm=algorithm if ok else None, public_key=pk if ok else None,
                fingerprint=sha256(b"sealwax/v1/fingerprint\x00" + u8(algorithm) + pk)[:8] if ok else None)

    def identity(name, comment, algorithm=3, expect="ok", edit=str.upper, data=None, hrp="sealwax-secret-", **options):
        v = Vector("identity-" + name, comment, expect)
        keyset_id, version_id, secret = v.bytes("keyset_id", 16), int.from_bytes(v.bytes("version_id", 4), "big"), v.bytes("secret", 32)
        raw = u8(algorithm) + keyset_id + u32(version_id) + u64(NOW) + secret
        text, ok = bech32m(hrp, data(raw) if data else raw, **options), expect == "ok"
        v.write("identity", string=edit(text), algorithm=algorithm if ok else None, keyset_id=keyset_id if ok else None,
                version_id=version_id if ok else None, created=NOW if ok else None, secret=secret if ok else None)

    recipient("x25519", "X25519 recipient string.")
    recipient("x-wing", "X-Wing recipient string.", 4)
    recipient("white-space", "The bytes 09, 0A, 0D and 20 around the string are removed.", edit=lambda s: " \t" + s + "\r\n")
    recipient("white-space-4096", "5,000 spaces around a string are removed before its length is looked at.", edit=lambda s: " " * 2500 + s + " " * 2500)
    for name, c in (("0b", "\v"), ("0c", "\f"), ("00", "\0"), ("1f", "\x1f"), ("85", "\x85"), ("a0", "\xa0"), ("2028", "\u2028"), ("feff", "\ufeff")):
        recipient("edge-" + name, "U+%s after the string is not removed." % name.rjust(4, "0").upper(), expect="Format", edit=lambda s: s + c)
    recipient("length-4096", "4,096 characters, as many as a reader accepts, and no good string.", expect="Format", edit=lambda s: "\n" + (s + "q" * 4096)[:4096] + "\n")
    recipient("length-4097", "4,097 characters.", expect="Limit", edit=lambda s: "\n" + (s + "q" * 4097)[:4097] + "\n")
    for algorithm, name in ((3, ""), (4, "x-wing-")):
        for key, comment, u in ([("bit-255", "bit 255 set", None), ("p", "u = 2^255 - 19", P), ("p-plus-2", "u = 2^255 - 17, which is 2 and not of low order", P + 2),
                                 ("highest", "u = 2^255 - 1", 2**255 - 1)]
                                + [("low-order-%d" % i, "u = %s, of low order" % ("0", "1", "2^255 - 20", "a point of order 8", "the other point of order 8")[i], n) for i, n in enumerate(LOW_ORDER)]):
            def point(pk): return pk[:-32] + (pk[-32:-1] + bytes([pk[-1] | 0x80]) if u is None else le(u))
            recipient("%su-%s" % (name, key), "The X25519 part of the public key: %s." % comment, algorithm, "Format", data=lambda pk: u8(algorithm) + point(pk))
    recipient("u-p-minus-2", "u = 2^255 - 21, the highest that is canonical and not of low order.", pk=lambda pk: le(P - 2))
    recipient("x-wing-u-p-minus-2", "The X25519 part is u = 2^255 - 21.", 4, pk=lambda pk: pk[:1184] + le(P - 2))
    recipient("x-wing-short", "An X-Wing public key of 1,215 bytes.", 4, "Format", data=lambda pk: b"\x04" + pk[:1215])
    recipient("x-wing-long", "An X-Wing public key of 1,217 bytes.", 4, "Format", data=lambda pk: b"\x04" + pk[:1184] + b"\x00" + pk[1184:])
    recipient("x-wing-of-32-bytes", "Type 4 with 32 bytes.", expect="Format", data=lambda pk: b"\x04" + pk)
    recipient("long", "A public key of 33 bytes.", expect="Format", data=lambda pk: b"\x03" + pk + b"\x01")
    recipient("upper-case", "Upper case.", expect="Format", edit=str.upper)
    recipient("mixed-case", "One character in upper case.", expect="Format", edit=lambda s: s[:20] + s[20:].replace(next(c for c in s[20:] if c.isalpha()), next(c for c in s[20:] if c.isalpha()).upper(), 1))
    recipient("inner-white-space", "White space inside the string.", expect="Format", edit=lambda s: s[:20] + " " + s[20:])
    recipient("bad-checksum", "The last character changed.", expect="Format", edit=lambda s: s[:-1] + ("q" if s[-1] != "q" else "p"))
    recipient("bech32", "The checksum of Bech32 instead of Bech32m.", expect="Format", const=1)
    recipient("padding-bits", "A padding bit is set.", expect="Format", pad=1)
    recipient("padding-whole-group", "Five padding bits: a whole character too many.", expect="Format", data=lambda pk: b"\x03" + pk + b"\0")
    recipient("type-5", "Type 5.", expect="Format", data=lambda pk: b"\x05" + pk)
    recipient("length", "A public key of 31 bytes.", expect="Format", data=lambda pk: b"\x03" + pk[:31])
    recipient("empty", "No data.", expect="Format", data=lambda pk: b"")
    recipient("other-prefix", "Another human-readable part.", expect="Format", hrp="sealwaxpup")
    recipient("x-wing-modulus", "An ML-KEM coefficient is 3329: the key fails the modulus check.", 4, "Format",
              data=lambda pk: b"\x04" + bytes([3329 & 255, pk[1] & 0xf0 | 3329 >> 8]) + pk[2:])
    identity("x25519", "X25519 identity string.")
    identity("x-wing", "X-Wing identity string.", 4)
    identity("edge-0c", "U+000C after the string is not removed.", expect="Format", edit=lambda s: s.upper() + "\f")
    identity("length-4097", "4,097 characters.", expect="Limit", edit=lambda s: (s.upper() + "Q" * 4097)[:4097])
    identity("short", "One byte too few.", expect="Format", data=lambda raw: raw[:-1])
    identity("algorithm-5", "An algorithm that is not defined.", expect="Format", data=lambda raw: b"\x05" + raw[1:])
    identity("bech32", "The checksum of Bech32 instead of Bech32m.", expect="Format", const=1)
    identity("other-prefix", "The prefix of recipient strings.", expect="Format", hrp="sealwaxpub")
    identity("white-space", "White space around the string is removed.", edit=lambda s: "\n" + s.upper() + "\n")
    identity("lower-case", "Lower case.", expect="Format", edit=str)
    identity("mixed-case", "Lower-case prefix.", expect="Format", edit=lambda s: s[:15] + s[15:].upper())
    identity("algorithm-2", "A symmetric algorithm.", expect="Format", data=lambda raw: b"\x02" + raw[1:])
    identity("version-id-0", "Version id 0.", expect="Format", data=lambda raw: raw[:17] + bytes(4) + raw[21:])
    identity("length", "One byte too many.", expect="Format", data=lambda raw: raw + b"\0")
