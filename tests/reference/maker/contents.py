# SPDX-License-Identifier: MIT OR Apache-2.0
"""Envelopes: payload and context (format.md 2, 5A)."""
from maker.primitives import flip, u64, u8
from maker.vector import encode_pairs, Vector
from maker.entries import by_keyset
from maker.envelope import Envelope, simple


def envelopes_payload():
    for log2chunk in (10, 12, 14, 16):
        simple("log2chunk-%d" % log2chunk, "Suite 2 with chunks of 2^%d bytes." % log2chunk, log2chunk=log2chunk, size=100)
    for size in (0, 1, 1023, 1024, 1025, 2500):
        simple("size-%d" % size, "Chunks of 2^10 bytes, plaintext of %d bytes." % size, log2chunk=10, size=size)
    simple("suite1-two-chunks", "Suite 1, plaintext of exactly one full chunk: an empty last chunk follows.", suite=1, algorithm=1, size=16384)
    simple("suite1-size-0", "Suite 1, empty plaintext.", suite=1, algorithm=1, size=0)
    simple("log2chunk-12-two-chunks", "The default chunk length of suite 2, two chunks.", size=4097)

    def payload(f): return lambda e: e.header() + f(e)
    cut = dict(log2chunk=10, size=2500)
    simple("payload-none", "Nothing after the header.", "Truncated", damage=payload(lambda e: b""))
    simple("payload-short-head", "55 bytes of payload.", "Truncated", damage=payload(lambda e: e.payload[:55]))
    simple("payload-head-only", "56 bytes of payload, and no chunk.", "Truncated", damage=payload(lambda e: e.payload[:56]))
    simple("payload-short-last-chunk", "15 bytes are left of the last chunk.", "Truncated", damage=payload(lambda e: e.payload_head + e.chunks[0] + e.chunks[1] + e.chunks[2][:15]), **cut)
    simple("payload-dropped-last-chunk", "The last chunk is missing: the rest is a whole number of full chunks.", "Truncated",
           damage=payload(lambda e: e.payload_head + e.chunks[0] + e.chunks[1]), **cut)
    simple("payload-cut-in-chunk", "Cut inside a chunk where 100 bytes of it are left: the length looks whole, the tag fails.", "Decrypt",
           damage=payload(lambda e: e.payload_head + e.chunks[0] + e.chunks[1][:100]), **cut)
    simple("payload-swapped-chunks", "Two full chunks swapped.", "Decrypt", damage=payload(lambda e: e.payload_head + e.chunks[1] + e.chunks[0] + e.chunks[2]), **cut)
    simple("payload-repeated-chunk", "A full chunk twice.", "Decrypt", damage=payload(lambda e: e.payload_head + e.chunks[0] + e.chunks[0] + e.chunks[1] + e.chunks[2]), **cut)
    simple("payload-dropped-first-chunk", "The first chunk is missing.", "Decrypt", damage=payload(lambda e: e.payload_head + e.chunks[1] + e.chunks[2]), **cut)
    simple("payload-appended-byte", "One byte after the end.", "Decrypt", damage=payload(lambda e: e.payload + b"\0"))
    simple("payload-flipped-salt", "One bit of the payload salt.", "Decrypt", damage=payload(lambda e: flip(e.payload, 0)))
    simple("payload-flipped-commitment", "One bit of the payload commitment.", "Decrypt", damage=payload(lambda e: flip(e.payload, 55)))
    simple("payload-flipped-chunk", "One bit of the first chunk.", "Decrypt", damage=payload(lambda e: flip(e.payload, 56)), **cut)
    simple("payload-flipped-tag", "One bit of the last tag.", "Decrypt", suite=1, algorithm=1, damage=payload(lambda e: flip(e.payload, len(e.payload) - 1)))

    simple("payload-none-unknown-key", "Nothing after the header, and no key: the header comes first.", "UnknownKey", keys=lambda v: {}, damage=payload(lambda e: b""))
    simple("payload-cut-and-flipped-commitment", "55 bytes are left of the payload, and a bit of its commitment is changed: the length comes first.", "Truncated",
           damage=payload(lambda e: flip(e.payload[:55], 30)))

    def spliced(e):
        other = Vector("spliced-payload-source", "")
        return e.header() + Envelope(other, [by_keyset(other.keyset("keyset", 2))], e.plaintext).payload
    simple("payload-spliced", "The payload of another envelope with the same plaintext.", "Decrypt", damage=spliced)


def envelopes_context():
    stored = {"file": b"report.pdf", "owner": b"", "\u540d\u524d": "\u5024".encode()}
    external = {"path": b"/srv/report.pdf", "a": b"\x00\xff"}
    simple("context", "Stored and external context.", stored=stored, external=external)
    simple("context-suite1", "Stored and external context, suite 1.", stored=stored, external=external, suite=1, algorithm=1)
    simple("context-stored-given", "A stored entry is given again with its value: it is compared, and is not external.",
           stored=stored, external=external, given=dict(external, file=b"report.pdf"))
    simple("context-stored-differs", "A stored entry is given with another value.", "Decrypt", stored=stored, given={"file": b"Report.pdf"})
    simple("context-external-missing", "An external entry is not given.", "Decrypt", external=external, given={"a": b"\x00\xff"})
    simple("context-external-differs", "An external entry is given with another value.", "Decrypt", external=external, given=dict(external, a=b"\x00"))
    simple("context-external-extra", "One external entry too many.", "Decrypt", external=external, given=dict(external, b=b""))
    simple("context-64-entries", "The most entries a stored context may have.", stored={"n%02d" % i: u8(i) for i in range(64)})
    simple("context-stored-all-given", "All stored entries are given again, and nothing is external.", stored=stored, given=stored)
    simple("context-stored-empty-differs", "A stored entry with an empty value is given with another.", "Decrypt", stored=stored, given={"owner": b"\x00"})
    simple("context-given-64", "The most entries that may be given: 63 external ones and one that is stored.", stored={"a": b"1"},
           external={"n%02d" % i: b"" for i in range(63)}, given=dict({"n%02d" % i: b"" for i in range(63)}, a=b"1"))
    simple("context-given-65", "65 entries are given.", "Limit", given={"n%02d" % i: b"" for i in range(65)})
    simple("context-given-65-one-stored", "65 entries are given, of which one is stored: the limit holds for all that are given.", "Limit", stored={"a": b"1"},
           external={"n%02d" % i: b"" for i in range(64)}, given=dict({"n%02d" % i: b"" for i in range(64)}, a=b"1"))
    simple("context-counter-short", "A sealwax.counter of three bytes (a sealer refuses it): a reader treats it like any other entry.", stored={"sealwax.counter": b"abc"})
    simple("context-65-entries", "A stored context with one entry too many.", "Limit", raw_stored=encode_pairs([(b"n%02d" % i, b"") for i in range(65)]))
    simple("context-reserved-names", "sealwax.counter, and a reserved name that has no meaning: a reader treats them like any other.",
           stored={"sealwax.counter": u64(41), "sealwax.future": b"x"})
    for name, comment, pairs in (
            ("unsorted", "Names not in ascending order.", [(b"b", b"1"), (b"a", b"2")]),
            ("duplicate", "A name twice.", [(b"a", b"1"), (b"a", b"1")]),
            ("empty-name", "A name of no bytes.", [(b"", b"1")]),
            ("control-c0", "A name with U+000A.", [(b"a\nb", b"1")]),
            ("control-c1", "A name with U+0085.", [("a\u0085b".encode(), b"1")]),
            ("control-7f", "A name with U+007F.", [(b"\x7f", b"1")]),
            ("not-utf8", "A name that is not UTF-8.", [(b"a\xff", b"1")]),
            ("shorter-name-last", "Of two names where one begins the other, the longer first.", [(b"ab", b"1"), (b"a", b"2")]),
            ("surrogate", "A name with an encoded surrogate, which is not UTF-8.", [(b"\xed\xa0\x80", b"1")])):
        simple("context-" + name, comment, "Format", raw_stored=encode_pairs(pairs))
    simple("context-name-overrun", "The length of a name runs past the end of the stored context.", "Format", raw_stored=b"\x05abc")
    simple("context-value-overrun", "The length of a value runs past the end of the stored context.", "Format", raw_stored=b"\x01a\x00\x05abc")
