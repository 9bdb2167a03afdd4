# SPDX-License-Identifier: MIT OR Apache-2.0
"""Envelopes: who may open them (format.md 4.7, 5)."""
from maker.primitives import u32
from maker.vector import make_keys
from maker.tokens import changed
from maker.entries import (
    by_bytes, by_keyset, by_passphrase, by_provider, by_public, by_raw_key, entry, le,
    LOW_ORDER, P)
from maker.envelope import env, PASSPHRASE, simple


def envelopes_recipients():
    x, w = (lambda v, f="identity": v.keyset(f, 3)), (lambda v, f="identity": v.keyset(f, 4))
    simple("keyset-suite1", "Suite 1, keyset of suite 1.", suite=1, algorithm=1)
    simple("keyset-suite2", "Suite 2, keyset of suite 2.")
    simple("keyset-suite1-in-suite2", "The wrap is in the suite of the version, not of the envelope.", algorithm=1)
    simple("keyset-suite2-in-suite1", "The wrap is in the suite of the version, not of the envelope.", suite=1)
    env("two-keysets", "Two keyset entries; the reader holds the second keyset.",
        lambda v: [by_keyset(v.keyset("a", 1)), by_keyset(v.keyset("b", 2))], lambda v: make_keys([v.keyset("b", 2)]), "keyset")
    env("first-entry-fails", "The first entry names a version the reader holds with another root; the second opens.",
        lambda v: [by_keyset(v.keyset("a", 2)), by_raw_key(v.bytes("id", 16), v.bytes("key", 32))],
        lambda v: make_keys([changed(v.keyset("a", 2), secret=v.bytes("other", 32).hex())], raw=[(v.bytes("id", 16), v.bytes("key", 32))]), "raw-key")
    env("entry-order-decides", "The reader has keys for both entries; the first entry that unwraps decides.",
        lambda v: [by_raw_key(v.bytes("id", 16), v.bytes("key", 32)), by_keyset(v.keyset("a", 2))],
        lambda v: make_keys([v.keyset("a", 2)], raw=[(v.bytes("id", 16), v.bytes("key", 32))]), "raw-key")
    for suite in (1, 2):
        env("x25519-suite%d" % suite, "One X25519 recipient.", lambda v: [by_public(x(v))], lambda v: make_keys([x(v)]), "x25519", suite=suite)
        env("raw-key-suite%d" % suite, "One raw key.", lambda v: [by_raw_key(v.bytes("id", 16), v.bytes("key", 32))],
            lambda v: make_keys(raw=[(v.bytes("id", 16), v.bytes("key", 32))]), "raw-key", suite=suite)
        env("x-wing-suite%d" % suite, "One X-Wing recipient.", lambda v: [by_public(w(v))], lambda v: make_keys([w(v)]), "x-wing", suite=suite)
        env("provider-suite%d" % suite, "One provider entry. The `key` of provider_keys is K_p, what the provider makes of the blob.",
            lambda v: [by_provider("test-kms", "arn:test/key/1", v.bytes("K_p", 32))],
            lambda v: make_keys(provider=[("test-kms", "arn:test/key/1", v.bytes("K_p", 32))]), "provider", suite=suite)
    env("x25519-two-one-hidden", "Two X25519 recipients, the second with a hidden fingerprint; the reader has two identities, and the "
        "second of them opens the hidden entry.", lambda v: [by_public(x(v, "a")), by_public(x(v, "b"), hidden=True)],
        lambda v: make_keys([x(v, "c"), x(v, "b")]), "x25519")
    env("x-wing-hidden", "X-Wing with a hidden fingerprint.", lambda v: [by_public(w(v), hidden=True)], lambda v: make_keys([w(v)]), "x-wing")
    env("x-wing-beside-x25519", "Both kinds of key pair in one envelope (a sealer needs an override); the X-Wing identity opens.",
        lambda v: [by_public(x(v, "a")), by_public(w(v, "b"))], lambda v: make_keys([w(v, "b")]), "x-wing")
    env("identity-two-versions", "An identity with two versions; the second is the recipient.",
        lambda v: [by_public(v.keyset("a", 3, 3), 1)], lambda v: make_keys([v.keyset("a", 3, 3)]), "x25519")
    env("provider-other-name", "The reader's provider has a key of another name.", lambda v: [by_provider("test-kms", "one", v.bytes("K_p", 32))],
        lambda v: make_keys(provider=[("test-kms", "two", v.bytes("K_p", 32))]), expect="UnknownKey")
    env("unknown-types-skipped", "Entries of types 6, 127, 129 and 255, one of them empty, before the entry that opens.",
        lambda v: [by_bytes(entry(6, v.bytes("a", 30))), by_bytes(entry(127, b"")), by_bytes(entry(129, v.bytes("b", 5))),
                   by_bytes(entry(255, v.bytes("c", 1))), by_keyset(v.keyset("keyset", 2))],
        lambda v: make_keys([v.keyset("keyset", 2)]), "keyset")
    env("only-unknown-types", "No entry of a type the reader knows.", lambda v: [by_bytes(entry(77, v.bytes("a", 30)))],
        lambda v: make_keys([v.keyset("keyset", 2)], PASSPHRASE), expect="UnknownKey")
    for name, suite, m, t, p in (("", 2, 64, 1, 1), ("-p4", 2, 64, 2, 4), ("-suite1", 1, 64, 1, 1)):
        env("passphrase" + name, "Passphrase, Argon2id with m = %d KiB, t = %d, p = %d." % (m, t, p),
            lambda v: [by_passphrase(PASSPHRASE, m, t, p)], lambda v: make_keys(passphrase=PASSPHRASE), "passphrase", suite=suite)
    env("passphrase-wrong", "Another passphrase.", lambda v: [by_passphrase(PASSPHRASE)], lambda v: make_keys(passphrase=PASSPHRASE + " "), expect="Decrypt")
    env("passphrase-second", "Two passphrase entries, both of which would open; check and mac hold.",
        lambda v: [by_passphrase(PASSPHRASE), by_passphrase(PASSPHRASE)], lambda v: make_keys(passphrase=PASSPHRASE), expect="Format")
    env("passphrase-second-behind-keyset", "A second passphrase entry is refused even if the reader holds the key of an entry before it.",
        lambda v: [by_keyset(v.keyset("keyset", 2)), by_passphrase("a"), by_passphrase("b")], lambda v: make_keys([v.keyset("keyset", 2)]), expect="Format")
    simple("entry-version-id-0", "A keyset entry that names version id 0, after one that would open; check and mac hold.", "Format",
           more=lambda v: [by_bytes(entry(1, v.bytes("id", 16) + bytes(4) + v.bytes("T", 104)))])
    env("provider-short-key", "The provider gives a K_p of 31 bytes: a trial that fails.", lambda v: [by_provider("test-kms", "one", v.bytes("K_p", 31))],
        lambda v: make_keys(provider=[("test-kms", "one", v.bytes("K_p", 31))]), expect="Decrypt")
    env("provider-fails-then-good", "The provider gives a K_p of 31 bytes, and the keyset entry behind it opens.",
        lambda v: [by_provider("test-kms", "one", v.bytes("K_p", 31)), by_keyset(v.keyset("keyset", 2))],
        lambda v: make_keys([v.keyset("keyset", 2)], provider=[("test-kms", "one", v.bytes("K_p", 31))]), "keyset")
    env("passphrase-fails-then-good", "Another passphrase; the raw key behind it opens.",
        lambda v: [by_passphrase("other"), by_raw_key(v.bytes("id", 16), v.bytes("key", 32))],
        lambda v: make_keys(passphrase=PASSPHRASE, raw=[(v.bytes("id", 16), v.bytes("key", 32))]), "raw-key")
    env("passphrase-beside-keyset", "A passphrase beside a keyset (a sealer needs an override); the keyset opens, no Argon2id is run.",
        lambda v: [by_passphrase(PASSPHRASE), by_keyset(v.keyset("keyset", 2))], lambda v: make_keys([v.keyset("keyset", 2)]), "keyset")
    for name, claim in (("memory", (1048577, 1, 1)), ("passes", (64, 17, 1)), ("lanes", (1024, 1, 17)), ("product", (1048576, 5, 1))):
        env("argon2-limit-" + name, "Argon2id cost m, t, p = %d, %d, %d is over the limit." % claim,
            lambda v: [by_passphrase(PASSPHRASE, claimed=claim)], lambda v: make_keys(passphrase=PASSPHRASE), expect="Limit")
    for name, claim in (("memory", (31, 1, 4)), ("passes", (64, 0, 1)), ("lanes", (64, 1, 0))):
        env("argon2-below-" + name, "Argon2id cost m, t, p = %d, %d, %d is below what RFC 9106 requires." % claim,
            lambda v: [by_passphrase(PASSPHRASE, claimed=claim)], lambda v: make_keys(passphrase=PASSPHRASE), expect="Format")
    env("x25519-zero-point", "enc is the zero point, the shared secret all zero, and the rest sealed to match: it does not unwrap.",
        lambda v: [by_public(x(v), zero=bytes(32))], lambda v: make_keys([x(v)]), expect="Decrypt")
    env("x-wing-zero-point", "The X25519 part of enc is the zero point, and the rest sealed to match: it does not unwrap.",
        lambda v: [by_public(w(v), zero=bytes(32))], lambda v: make_keys([w(v)]), expect="Decrypt")
    for name, comment, point in (("order-8", "a point of order 8", le(LOW_ORDER[3])), ("p", "u = 2^255 - 19, another encoding of the zero point", le(P)),
                                 ("zero-bit-255", "the zero point with bit 255 set", le(1 << 255))):
        env("x25519-enc-" + name, "enc is %s, the shared secret all zero, and the rest sealed to match: it does not unwrap." % comment,
            lambda v: [by_public(x(v), zero=point)], lambda v: make_keys([x(v)]), expect="Decrypt")
    env("x25519-zero-point-then-good", "An entry with the zero point does not unwrap and is passed over; the next one to the same identity opens.",
        lambda v: [by_public(x(v), zero=bytes(32)), by_public(x(v))], lambda v: make_keys([x(v)]), "x25519")
    for name, comment, change in (("bit-255", "with bit 255 set", lambda enc: enc[:31] + bytes([enc[31] | 0x80])),
                                  ("not-canonical", "u = 2^255 - 17, which is 2", lambda enc: le(P + 2))):
        env("x25519-enc-" + name, "enc %s: it is taken as its bytes, and no canonical form is required." % comment,
            lambda v: [by_public(x(v), enc_x=change)], lambda v: make_keys([x(v)]), "x25519")
    env("x-wing-enc-bit-255", "The X25519 part of enc with bit 255 set: it is taken as its bytes, and no canonical form is required.",
        lambda v: [by_public(w(v), enc_x=lambda enc: enc[:31] + bytes([enc[31] | 0x80]))], lambda v: make_keys([w(v)]), "x-wing")

    def hidden(v, n): return [by_bytes(entry(3, bytes(8) + v.bytes("hidden%d" % i, 80))) for i in range(n)]      # for nobody
    env("hidden-fails-then-good", "A hidden entry that the reader's identity does not open, then a hidden one that it does.",
        lambda v: hidden(v, 1) + [by_public(x(v), hidden=True)], lambda v: make_keys([x(v)]), "x25519")
    env("hidden-fails", "A hidden entry for somebody else: a trial was made.", lambda v: hidden(v, 1), lambda v: make_keys([x(v)]), expect="Decrypt")
    env("hidden-of-other-type", "A hidden X25519 entry, and the reader has an X-Wing identity only: no trial.", lambda v: hidden(v, 1),
        lambda v: make_keys([w(v)]), expect="UnknownKey")
    env("fingerprint-of-other", "An X25519 entry with the fingerprint of somebody else: no trial.", lambda v: [by_public(x(v, "other"))],
        lambda v: make_keys([x(v)]), expect="UnknownKey")
    made = " A sealer would refuse to make this."
    env("trials-16", "16 hidden X25519 entries; the last one is the reader's, and the 16th trial opens it." + made,
        lambda v: hidden(v, 15) + [by_public(x(v), hidden=True)], lambda v: make_keys([x(v)]), "x25519")
    env("trials-16-fail", "16 hidden X25519 entries, none for the reader: 16 trials are allowed." + made, lambda v: hidden(v, 16),
        lambda v: make_keys([x(v)]), expect="Decrypt")
    env("trials-17", "17 hidden X25519 entries; the last one is the reader's, and the 17th trial is not made." + made,
        lambda v: hidden(v, 16) + [by_public(x(v), hidden=True)], lambda v: make_keys([x(v)]), expect="Limit")
    env("trials-two-entries-nine-identities", "Two hidden entries and nine identities: the second entry is opened by the identity given seventh, with the 16th trial.",
        lambda v: hidden(v, 1) + [by_public(x(v), hidden=True)],
        lambda v: make_keys([x(v, "id%d" % i) for i in range(6)] + [x(v)] + [x(v, "id%d" % i) for i in range(6, 8)]), "x25519")
    env("trials-two-entries-ten-identities", "Two hidden entries and ten identities: the second entry would be opened by the one given seventh, with the 17th trial.",
        lambda v: hidden(v, 1) + [by_public(x(v), hidden=True)],
        lambda v: make_keys([x(v, "id%d" % i) for i in range(6)] + [x(v)] + [x(v, "id%d" % i) for i in range(6, 9)]), expect="Limit")

    def one_keyset(v): return v.keyset("keyset", 2)
    def forged(v, n): return [by_bytes(entry(1, bytes.fromhex(one_keyset(v)["keyset_id"]) + u32(one_keyset(v)["versions"][0]["version_id"])
                                             + v.bytes("forged%d" % i, 104))) for i in range(n)]
    env("trials-15-keyset-entries-fail", "15 entries that name the reader's version and do not unwrap, then one that does.",
        lambda v: forged(v, 15) + [by_keyset(one_keyset(v))], lambda v: make_keys([one_keyset(v)]), "keyset")
    env("trials-16-keyset-entries-fail", "16 entries that name the reader's version and do not unwrap, then one that would: the 17th trial is not made.",
        lambda v: forged(v, 16) + [by_keyset(one_keyset(v))], lambda v: make_keys([one_keyset(v)]), expect="Limit")
    env("trials-none-for-other-keys", "20 entries that name keys not at hand cost no trial; the last entry opens.",
        lambda v: [by_bytes(entry(1, v.bytes("other%d" % i, 124))) for i in range(20)] + [by_keyset(one_keyset(v))],
        lambda v: make_keys([one_keyset(v)]), "keyset")
    simple("unknown-key", "No entry matches a key at hand.", "UnknownKey", keys=lambda v: make_keys([v.keyset("other", 2)], "x", [(bytes(16), bytes(32))]))
    simple("no-keys", "No keys at all.", "UnknownKey", keys=lambda v: {})
    simple("wrong-root", "The version that the entry names has another root secret.", "Decrypt",
           keys=lambda v: make_keys([changed(v.keyset("keyset", 2), secret=v.bytes("other", 32).hex())]))
    simple("version-of-other-suite", "The version that the entry names is of suite 1 at the reader, and of suite 2 at the sealer.", "Decrypt",
           keys=lambda v: make_keys([changed(v.keyset("keyset", 2), algorithm=1)]))
