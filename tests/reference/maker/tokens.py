# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tokens (format.md 6)."""
import base64
from maker.primitives import flip, u32, u64, u8
from maker.vector import derived, encode_context, hex_map, make_keys, seal_t, Vector


def token(name, comment, expect="ok", suite=1, size=16, context=None, given=None, keys=None, damage=None, many=False):
    """`keys` and `damage` are functions: of the honest keyset, and of the honest token."""
    v = Vector("token-" + name, comment, expect)
    keyset = v.keyset("keyset", suite)
    version = keyset["versions"][0]
    keyset_id, root = bytes.fromhex(keyset["keyset_id"]), bytes.fromhex(version["secret"])
    ctx = v.step("context", encode_context(context or {}))
    k_token = v.step("K_token", derived(root, b"token", suite, keyset_id, version["version_id"]))
    plaintext, salt = v.bytes("plaintext", size), v.bytes("salt", 24)
    raw = bytes([0x10 | suite]) + u32(version["version_id"])
    v.step("prefix_and_version", raw)
    raw += seal_t(v, "T", k_token, suite, ctx, plaintext, salt)
    if damage:
        raw = damage(raw)
    v.write("token", keys=make_keys(keys(v, keyset) if keys else [keyset]),
            context=hex_map((context or {}) if given is None else given), token=raw,
            token_text=base64.urlsafe_b64encode(raw).rstrip(b"=").decode(),
            plaintext=plaintext if expect == "ok" else None, salt=salt)


def changed(keyset, **fields):
    return {"keyset_id": fields.get("keyset_id", keyset["keyset_id"]),
            "versions": [dict(keyset["versions"][0], **{k: f for k, f in fields.items() if k != "keyset_id"})]}


def tokens():
    context = {"table": b"users", "row": u64(7), "z-empty": b"", "\u00fcml\u00e4ut": "\u20ac".encode()}
    for suite in (1, 2):
        for size, text in ((0, "empty"), (1, "one-byte"), (64, "64-bytes")):
            token("suite%d-%s" % (suite, text), "Token of suite %d, plaintext of %d bytes." % (suite, size), suite=suite, size=size)
        token("suite%d-context" % suite, "Context with an empty value and a name that is not ASCII.", suite=suite, size=20, context=context)
    token("context-64-entries", "The most entries a context may have.", suite=2, context={"n%02d" % i: u8(i) for i in range(64)})
    token("two-keysets-one-version-id", "Two keysets hold the version id; the commitment decides for the second.", suite=2,
          keys=lambda v, k: [changed(k, keyset_id=v.bytes("other.id", 16).hex(), secret=v.bytes("other.secret", 32).hex()), k])
    token("wrong-context", "A value of the context differs.", "Decrypt", context=context, given=dict(context, row=u64(8)))
    token("missing-context", "The context is not given.", "Decrypt", suite=2, context=context, given={})
    token("unknown-version", "No version with the id of the token.", "UnknownKey",
          keys=lambda v, k: [changed(k, version_id=k["versions"][0]["version_id"] ^ 1)])
    token("version-of-other-suite", "The version with that id is of the other suite.", "UnknownKey", keys=lambda v, k: [changed(k, algorithm=2)])
    token("no-keys", "No keys at all.", "UnknownKey", keys=lambda v, k: [])
    token("wrong-root", "The version has another root secret.", "Decrypt", keys=lambda v, k: [changed(k, secret=v.bytes("other", 32).hex())])
    token("wrong-keyset-id", "The same version id and root under another keyset id.", "Decrypt", suite=2,
          keys=lambda v, k: [changed(k, keyset_id=v.bytes("other", 16).hex())])
    token("bad-prefix-13", "Prefix 0x13: no such suite.", "Format", damage=lambda t: b"\x13" + t[1:])
    token("bad-prefix-01", "Prefix 0x01: the suite without the high bit pattern.", "Format", damage=lambda t: b"\x01" + t[1:])
    token("prefix-of-other-suite", "Prefix changed from 0x11 to 0x12: no version of that id in suite 2.", "UnknownKey", damage=lambda t: b"\x12" + t[1:])
    token("too-short", "76 bytes, one less than an empty token.", "Format", size=0, damage=lambda t: t[:-1])
    token("version-id-0", "Version id 0.", "Format", damage=lambda t: t[:1] + bytes(4) + t[5:])
    token("context-65-entries", "65 entries of context are given; the token was sealed with none.", "Limit", given={"n%02d" % i: b"" for i in range(65)})
    token("context-32769-bytes", "The context given has an encoding of 32,769 bytes; the token was sealed with none.", "Limit", suite=2,
          given={"n": bytes(32769 - 4)})

    def wrong(v, k, n): return [changed(k, keyset_id=v.bytes("other%d.id" % i, 16).hex(), secret=v.bytes("other%d.secret" % i, 32).hex()) for i in range(n)]
    token("16-keysets", "The 16th of 16 keysets with that version id opens the token.", suite=2, keys=lambda v, k: wrong(v, k, 15) + [k])
    token("16-keysets-fail", "16 keysets hold the version id, and none opens the token.", "Decrypt", keys=lambda v, k: wrong(v, k, 16))
    token("17-keysets", "The 17th keyset with that version id would open the token; the 17th trial is not made.", "Limit", keys=lambda v, k: wrong(v, k, 16) + [k])
    token("no-bytes", "No bytes at all.", "Format", size=0, damage=lambda t: b"")
    token("flipped-salt", "One bit of the salt.", "Decrypt", damage=lambda t: flip(t, 5))
    token("flipped-commitment", "One bit of the commitment.", "Decrypt", suite=2, damage=lambda t: flip(t, 5 + 24 + 31))
    token("flipped-ciphertext", "One bit of the ciphertext.", "Decrypt", damage=lambda t: flip(t, 5 + 56))
    token("flipped-tag", "One bit of the tag.", "Decrypt", suite=2, damage=lambda t: flip(t, len(t) - 1))
    token("shortened", "The last byte is missing, and the rest is long enough.", "Decrypt", suite=2, damage=lambda t: t[:-1])
