# SPDX-License-Identifier: MIT OR Apache-2.0
"""Envelopes: slots, core and key block (format.md 4)."""
from maker.primitives import flip, sha256, u32, u8
from maker.vector import encode_pairs, make_keys, Vector
from maker.entries import by_bytes, by_keyset, by_provider, entry
from maker.envelope import env, Envelope, simple


def envelopes_slots():
    a, b = (lambda v: v.keyset("a", 2)), (lambda v: v.keyset("b", 2))

    def two(name, comment, damage, expect="ok", reader=a, **options):
        env(name, comment, lambda v: [by_keyset(a(v))], lambda v: make_keys([reader(v)]), "keyset", expect, damage=damage, slots=2, **options)

    def put(index, make):
        def damage(e):
            e.slots[index] = make(e)
        return damage
    def old(e): return e.other_slot([by_keyset(b(e.v)), by_keyset(a(e.v))], 1, "old")

    two("two-slots", "Two slots as a file is written: slot 0 with epoch 1, slot 1 empty.", None)
    two("two-slots-slot1-used", "Slot 0 empty, slot 1 with epoch 7.", None, epoch=7, place=1)
    two("two-slots-leftover", "Slot 1 has epoch 2; slot 0 still has the older epoch 1.", put(0, old), epoch=2, place=1)
    two("two-slots-leftover-in-slot1", "Slot 0 has epoch 3; slot 1 still has an older epoch.", put(1, old), epoch=3)
    two("two-slots-removed-recipient", "The reader's keyset is in the leftover slot only.", put(0, old), "UnknownKey", b, epoch=2, place=1)
    two("two-slots-torn-slot1", "Slot 1 is torn, slot 0 good.", put(1, lambda e: flip(old(e), 40)))
    two("two-slots-torn-slot0", "Slot 0 is torn although its epoch is higher, slot 1 good.", put(0, lambda e: flip(e.other_slot([by_keyset(b(e.v))], 9), 200)), epoch=2, place=1)
    two("two-slots-equal-epochs", "Two good slots of one epoch.", put(1, old), "Format")
    two("two-slots-both-torn", "Both slots are torn.", lambda e: e.slots.__setitem__(slice(None), [flip(e.slots[0], 30), flip(old(e), 40)]), "Format")
    two("two-slots-both-empty", "Both slots are empty.", put(0, lambda e: bytes(e.slot_len)), "Format")

    def filled(e, epoch, content):
        """A slot with a good check and mac and any contents after the epoch."""
        fill = content + v_bytes(e, e.slot_len - 52 - len(content))
        return e.slot([], epoch, "other.", padding=lambda _: fill[1:], count=fill[0])
    def v_bytes(e, n): return e.v.bytes("other.garbage", n)
    two("two-slots-unchosen-unparsable", "Slot 0 is good with epoch 1 and its contents make no sense; slot 1 has epoch 2 and decides. Only the chosen slot is parsed.",
        put(0, lambda e: filled(e, 1, b"\xff\x00")), epoch=2, place=1)
    two("two-slots-unchosen-two-passphrases", "The slot with the lower epoch has two passphrase entries, and is not parsed.",
        put(1, lambda e: e.slot([entry(2, bytes(8) + b"\x01" + bytes(120))] * 2, 1, "other.")), epoch=2)
    two("two-slots-chosen-unparsable", "Slot 1 has the higher epoch, a good check and mac, and contents that make no sense: the other slot is not tried.",
        put(1, lambda e: filled(e, 2, b"\xff\x00")), "Format")
    two("two-slots-chosen-count-0", "Slot 1 has the higher epoch and no entries; check and mac hold. The other slot is not tried.",
        put(1, lambda e: e.slot([], 2, "other.")), "Format")
    two("two-slots-epoch-0", "Slot 1 has epoch 0 and a check and mac that hold: it is torn, and slot 0 decides.", put(1, lambda e: e.other_slot([by_keyset(b(e.v))], 0)))
    two("two-slots-epoch-0-in-slot0", "Slot 0 has epoch 0 and a check and mac that hold: it is torn, and slot 1 decides.",
        put(0, lambda e: e.other_slot([by_keyset(a(e.v))], 0)), epoch=1, place=1)
    two("two-slots-epoch-0-and-empty", "Slot 0 has epoch 0 and a check and mac that hold, slot 1 is empty: no slot is good.", None, "Format", epoch=0)
    two("two-slots-epoch-0-twice", "Both slots have epoch 0 and a check that holds: no slot is good.", put(1, lambda e: e.other_slot([by_keyset(a(e.v))], 0)), "Format", epoch=0)
    two("two-slots-other-recipient", "The slot with the higher epoch has no entry for the reader, and the other slot has: it is not tried.",
        put(1, lambda e: e.other_slot([by_keyset(b(e.v))], 5)), "UnknownKey")

    def bad_mac(e): return e.slot([bytes.fromhex(e.v.steps["entry0"])], 5, "bad.", bad_mac=True)
    two("two-slots-bad-mac", "The slot with the higher epoch has a good check and a wrong mac; the other slot must not be tried.", put(1, bad_mac), "Decrypt")
    two("two-slots-bad-check", "One bit of the check of the only used slot.", put(0, lambda e: flip(e.slots[0], e.slot_len - 1)), "Format")

    def one(name, comment, damage=None, expect="ok", entries=None, **options):
        env(name, comment, entries or (lambda v: [by_keyset(a(v))]), lambda v: make_keys([a(v)]), "keyset", expect, damage=damage, **options)
    one("bad-mac", "A good check, and one bit of the mac wrong.",
        put(0, lambda e: e.slot([bytes.fromhex(e.v.steps["entry0"])], 1, "bad.", bad_mac=True)), "Decrypt")
    one("padding", "One slot with padding.", slot_len=300)
    one("bad-mac-no-payload", "A good check, one bit of the mac wrong, and no payload: the mac comes before the payload's length.",
        lambda e: e.slots.__setitem__(0, e.slot([bytes.fromhex(e.v.steps["entry0"])], 1, "bad.", bad_mac=True)) or e.header(), "Decrypt")
    one("padding-not-zero", "The last byte of the padding is 1; check and mac hold.", None, "Format", slot_len=300, padding=lambda p: p[:-1] + b"\x01")
    one("epoch-highest", "Epoch 2^32 - 1.", epoch=2**32 - 1)
    one("epoch-0", "Epoch 0; check and mac hold. The slot is torn, and no slot is good.", None, "Format", epoch=0)
    one("slots-0", "No slots.", lambda e: e.core + u8(0) + u32(e.slot_len) + e.payload, "Format")
    one("slots-3", "Three slots.", lambda e: e.core + u8(3) + u32(e.slot_len) + e.slots[0] * 3 + e.payload, "Format")
    one("slot-len-55", "slot_len is below 56.", lambda e: e.core + u8(1) + u32(55) + e.slots[0][:55] + e.payload, "Format")
    one("count-0", "No entries in the slot: count is 0 and the rest padding; check and mac hold.", None, "Format",
        entries=lambda v: [by_bytes(b"")], count=0, slot_len=200)
    one("count-64", "The most entries a slot may have: 63 of an unknown type, then the one that opens.",
        entries=lambda v: [by_bytes(entry(200, b""))] * 63 + [by_keyset(a(v))])
    one("count-65", "One entry too many; check and mac hold.", None, "Format", entries=lambda v: [by_keyset(a(v))] + [by_bytes(entry(200, b""))] * 64)
    one("count-too-low", "count is 1 with two entries: the second is read as padding.", None, "Format",
        entries=lambda v: [by_keyset(a(v)), by_bytes(entry(200, b"x"))], count=1)
    one("count-too-high", "count is 2 with one entry and no padding.", None, "Format", count=2)
    one("entry-type-0", "An entry of type 0; check and mac hold.", None, "Format", entries=lambda v: [by_keyset(a(v)), by_bytes(entry(0, b""))])
    for kind, length in ((1, 123), (1, 125), (2, 128), (3, 89), (4, 1175), (5, 121)):
        one("entry-length-type%d-%d" % (kind, length), "An entry of type %d with %d bytes, after one that would open; check and mac hold." % (kind, length),
            None, "Format", entries=lambda v: [by_keyset(a(v)), by_bytes(entry(kind, b"\0\0\0\x40" * (length // 4) + b"\0" * (length % 4)))])
    one("entry-overrun", "The length of the last entry runs into the mac.", None, "Format", entries=lambda v: [by_keyset(a(v)), by_bytes(b"\xc8\x00\x09" + bytes(8))])
    one("entry-provider-length", "A provider entry with one byte too many.", None, "Format",
        entries=lambda v: [by_keyset(a(v)), by_provider("p", "k", v.bytes("K_p", 32), b"\0")])
    one("entry-provider-empty-name", "A provider entry whose provider name is empty.", None, "Format",
        entries=lambda v: [by_keyset(a(v)), by_provider("", "k", v.bytes("K_p", 32))])


def envelopes_header():
    for name, comment, head in (
            ("magic", "Other magic.", b"SWAY\x01\x02\x01\x00\x0c"), ("version-0", "Version 0.", b"SWAX\x00\x02\x01\x00\x0c"),
            ("version-2", "Version 2.", b"SWAX\x02\x02\x01\x00\x0c"), ("suite-0", "Suite 0.", b"SWAX\x01\x00\x01\x00\x0c"),
            ("suite-3", "Suite 3.", b"SWAX\x01\x03\x01\x00\x0c"), ("kind-0", "Kind 0.", b"SWAX\x01\x02\x00\x00\x0c"),
            ("kind-3", "Kind 3.", b"SWAX\x01\x02\x03\x00\x0c"), ("flags-1", "A flag is set.", b"SWAX\x01\x02\x01\x01\x0c"),
            ("log2chunk-11", "log2chunk 11 in suite 2.", b"SWAX\x01\x02\x01\x00\x0b"), ("log2chunk-18", "log2chunk 18 in suite 2.", b"SWAX\x01\x02\x01\x00\x12"),
            ("suite1-log2chunk-12", "log2chunk 12 in suite 1.", b"SWAX\x01\x01\x01\x00\x0c")):
        simple("bad-" + name, comment + " The header is consistent otherwise.", "Format", head=head)
    simple("stored-length-limit", "The length of the stored context is 32,769: over its limit, which decides before the bytes are missed.", "Limit",
           damage=lambda e: e.core[:25] + u32(32769) + e.key_block() + e.payload)
    simple("stored-length-highest", "The length of the stored context is 2^32 - 1.", "Limit", damage=lambda e: e.core[:25] + u32(2**32 - 1))
    simple("stored-length-at-limit", "The length of the stored context is 32,768, and the file ends before.", "Truncated",
           damage=lambda e: e.core[:25] + u32(32768) + e.key_block() + e.payload)
    simple("slot-len-limit", "slot_len is 2^32 - 1.", "Limit", damage=lambda e: e.core + u8(1) + u32(2**32 - 1) + e.slots[0] + e.payload)
    simple("header-limit", "Two slots of 32,768 bytes: the header is over 65,536 bytes. The file ends before them, and the limit decides first.",
           "Limit", damage=lambda e: e.core + u8(2) + u32(32768) + e.slots[0] + e.payload)
    simple("header-65537", "One slot, and a header of 65,537 bytes: over the limit by one. The file ends before.", "Limit",
           damage=lambda e: e.core + u8(1) + u32(65537 - 5 - len(e.core)) + e.slots[0] + e.payload)
    simple("header-65536", "One slot, and a header of 65,536 bytes, as many as are allowed. The file ends before.", "Truncated",
           damage=lambda e: e.core + u8(1) + u32(65536 - 5 - len(e.core)) + e.slots[0] + e.payload)
    simple("cut-before-magic", "No bytes at all.", "Truncated", damage=lambda e: b"")
    simple("cut-in-magic", "The file ends inside the magic.", "Truncated", damage=lambda e: b"SWA")
    simple("cut-in-bad-magic", "The file ends inside bad magic, which cannot become good.", "Format", damage=lambda e: b"SWX")
    simple("cut-after-magic", "The file ends before the version.", "Truncated", damage=lambda e: b"SWAX")
    simple("cut-after-bad-version", "The file ends after a version that is refused: clauses are applied in byte order.", "Format", damage=lambda e: b"SWAX\x02")
    simple("cut-after-bad-suite", "The file ends after a suite that is refused.", "Format", damage=lambda e: b"SWAX\x01\x03")
    simple("cut-after-bad-context", "The stored context is not sorted, and the file ends right after it: the context comes first.", "Format",
           raw_stored=encode_pairs([(b"b", b"1"), (b"a", b"2")]), damage=lambda e: e.core)
    simple("cut-after-slots-3", "The file ends after a number of slots that is refused.", "Format", damage=lambda e: e.core + u8(3))
    simple("kind-2", "An envelope of kind 2, sealed well and with a key that opens it, where data is opened.", "Format", kind=2)
    simple("kind-2-no-keys", "An envelope of kind 2 where data is opened, and no keys: refused before any unwrap.", "Format", keys=lambda v: {}, kind=2)
    for at, comment in ((0, "No bytes at all."), (3, "Three bytes."), (20, "Cut inside the envelope id."), (28, "Cut inside the length of the stored context."),
                        (31, "Cut inside the key block's first five bytes."), (34, "The slot is missing."), (150, "Cut inside the slot.")):
        simple("truncated-%d" % at, comment, "Truncated", damage=lambda e: e.bytes()[:at])
    simple("truncated-stored", "Cut inside the stored context.", "Truncated", stored={"name": b"value"}, damage=lambda e: e.bytes()[:35])
    simple("truncated-slot1", "Two slots, cut inside the second, which is empty.", "Truncated", slots=2, damage=lambda e: e.header()[:-1])
    simple("flipped-envelope-id", "One bit of the envelope id: the check no longer holds.", "Format", damage=lambda e: flip(e.bytes(), 10))

    def forged_core(e):
        e.core = flip(e.core, 10)
        e.core_hash = sha256(e.core)
        e.slots[0] = e.slot([bytes.fromhex(e.v.steps["entry0"])], 1, "forged.")
    simple("forged-core", "One bit of the envelope id, with mac and check made anew: the entry is bound to the honest core.", "Decrypt", damage=forged_core)

    def spliced(e):
        other = Vector("spliced-key-block-source", "")
        return e.core + Envelope(other, [by_keyset(e.v.keyset("keyset", 2))], e.plaintext).key_block() + e.payload
    simple("key-block-spliced", "The key block of another envelope to the same keyset: its check is bound to its core.", "Format", damage=spliced)
