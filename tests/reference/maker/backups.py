# SPDX-License-Identifier: MIT OR Apache-2.0
"""Backups, and what gives them back: shares or recovery keys (format.md 8.8 to 8.8b)."""

from maker.primitives import flip, sha256, u32, u64, u8
from maker.vector import make_keys, Vector
from maker.entries import by_passphrase, by_public, by_raw_key
from maker.envelope import Envelope, PASSPHRASE
from maker.keysets import encode_keyset, fingerprint, NOW, record, usage_key_tag
from maker.sharing import Split


def make_keyset(v):
    """A keyset with a tombstone, a deactivated version, a primary and a usage key."""
    versions = [
        record(v, 0, 1, 6, [(4, NOW + 10, "rotated"), (6, NOW + 20, "")]),
        record(v, 1, 2, 4, [(4, NOW + 9, "rotated")]),
        record(v, 2, 2),
    ]
    return {
        "keyset_id": v.bytes("keyset_id", 16).hex(),
        "name": "billing",
        "revision": 12,
        "parent": v.bytes("parent", 32).hex(),
        "primary": versions[2]["version_id"],
        "policy": {
            "rotate_after_seconds": 7776000,
            "rotate_after_messages": 0,
            "rotate_after_bytes": 0,
            "algorithms": 3,
            "flags": 0,
        },
        "versions": versions,
        "extension": usage_key_tag(v.bytes("usage_key", 32)),
    }


class Backup:
    """The honest file and its parts. A scenario changes `stored`, `entries` or `listed` of it before
    it is sealed."""

    def __init__(self, v, k, n, coefficients=None):
        self.v, self.keyset, self.split = (
            v,
            make_keyset(v),
            Split(v, k, n, coefficients=coefficients),
        )
        self.encoding = v.step("encoding", encode_keyset(self.keyset))
        v.step("fingerprint", fingerprint(self.encoding))
        change = {"revision": 13, "parent": sha256(self.encoding).hex()}
        v.step("restored_encoding", encode_keyset(dict(self.keyset, **change)))
        self.listed = u8(k) + u8(n) + b"".join(self.split.digests(v))
        self.stored = {
            "sealwax.keyset": self.encoding[1:17],
            "sealwax.keyset-name": b"billing",
            "sealwax.keyset-revision": u64(12),
            "sealwax.backup": None,
        }
        self.entries = [by_raw_key(self.split.backup_id, self.split.key)]

    def text(self, x, /, **other):
        return self.split.text(x, **other)

    def seal(self, **options):
        if "sealwax.backup" in self.stored and self.stored["sealwax.backup"] is None:
            self.stored["sealwax.backup"] = self.split.backup_id + self.listed
        made = {"kind": 2, "slots": 2, "log2chunk": 12, **options}
        return Envelope(self.v, self.entries, self.encoding, stored=self.stored, **made)


def parsed(keyset):
    out = {name: value for name, value in keyset.items() if name != "extension"}
    return dict(out, read_only=False)


def backup(
    name,
    comment,
    k=2,
    n=3,
    given=None,
    expect="ok",
    change=None,
    damage=None,
    keys=None,
    numbers=None,
    coefficients=None,
    **options,
):
    """`numbers` are those of the honest shares given; `given` is a function of the Backup that gives
    other ones. `change` is made before the file is sealed; `damage` is a function of the Envelope that
    gives its bytes."""
    v = Vector("backup-" + name, comment, expect)
    b = Backup(v, k, n, coefficients(v) if coefficients else None)
    shares = given(b) if given else [b.text(x) for x in numbers or []]
    if change:
        change(b)
    e = b.seal(**options)
    v.write(
        "backup",
        shares=shares,
        keys=keys(v) if keys else {},
        file=damage(e) if damage else e.bytes(),
        parsed=parsed(b.keyset) if expect == "ok" else None,
    )


def by_shares():
    backup("2-of-3", "Shares 1 and 3 of a 2-of-3 backup.", numbers=[1, 3])
    backup("2-of-3-others", "Shares 2 and 3 of a 2-of-3 backup.", numbers=[2, 3])
    backup("2-of-2", "The fewest shares that there can be.", 2, 2, numbers=[1, 2])
    backup("3-of-5-any-order", "Shares 5, 1 and 3, in this order.", 3, 5, numbers=[5, 1, 3])
    backup("3-of-5-all", "All five shares of a 3-of-5 backup.", 3, 5, numbers=[1, 2, 3, 4, 5])
    backup("2-of-64", "The last two of 64 shares.", 2, 64, numbers=[64, 63])
    backup("64-of-64", "64 of 64 shares.", 64, 64, numbers=range(1, 65))
    backup(
        "number-twice",
        "Share 2 is given twice, and counts once; share 1 follows.",
        numbers=[2, 2, 1],
    )
    backup(
        "white-space",
        "White space around the strings.",
        given=lambda b: ["\n" + b.text(1) + " ", "\t" + b.text(2) + "\r\n"],
    )
    backup(
        "coefficients-zero",
        "Every coefficient but the constant is zero: each share is the key.",
        3,
        4,
        numbers=[4, 2, 1],
        coefficients=lambda v: [bytes(32), bytes(32)],
    )
    backup(
        "coefficient-leading-zero",
        "The leading coefficients are zero, which a splitter may draw.",
        3,
        4,
        numbers=[3, 2, 4],
        coefficients=lambda v: [v.bytes("coefficient1", 32), bytes(32)],
    )
    backup(
        "suite1",
        "The envelope is in suite 1 (a writer uses suite 2; a reader accepts either).",
        numbers=[1, 2],
        suite=1,
        log2chunk=14,
    )
    backup(
        "beside-passphrase",
        "A passphrase was added since; the shares open their entry, as long as it stays.",
        numbers=[1, 2],
        change=lambda b: b.entries.insert(0, by_passphrase(PASSPHRASE)),
    )


def refused_shares():
    def bad(name, comment, expect, k=2, n=3, given=None, numbers=None, **options):
        backup(name, comment, k, n, given, expect, numbers=numbers, **options)

    def other(b, x, field="other."):
        return Split(b.v, b.split.k, b.split.n, field).text(x)

    def forged(b, x, at=0):
        return b.text(x, value=flip(b.split.value(x), at))

    bad("no-shares", "No shares at all.", "UnknownKey")
    bad("too-few", "One share of a 2-of-3 backup.", "UnknownKey", numbers=[2])
    bad(
        "too-few-63-of-64",
        "63 shares of a 64-of-64 backup.",
        "UnknownKey",
        64,
        64,
        numbers=range(2, 65),
    )
    bad("too-few-number-twice", "One share, given twice.", "UnknownKey", numbers=[3, 3])
    bad(
        "other-backup",
        "Both shares are of another backup of the same keyset.",
        "UnknownKey",
        given=lambda b: [other(b, 1), other(b, 2)],
    )
    bad(
        "other-backup-beside-enough",
        "Enough shares, and one of another backup.",
        "UnknownKey",
        given=lambda b: [b.text(1), b.text(2), other(b, 3)],
    )
    bad(
        "wrong-k",
        "A share that says 3 of 3.",
        "UnknownKey",
        given=lambda b: [b.text(1), b.text(2, k=3), b.text(3)],
    )
    bad(
        "wrong-n",
        "A share that says 2 of 4.",
        "UnknownKey",
        given=lambda b: [b.text(1), b.text(2, n=4), b.text(3)],
    )
    bad(
        "digest-first-bit",
        "One bit of the value of share 2 differs.",
        "Format",
        given=lambda b: [b.text(1), forged(b, 2)],
    )
    bad(
        "digest-last-byte",
        "One bit of the last byte of the value of share 3 differs.",
        "Format",
        given=lambda b: [forged(b, 3, 31), b.text(1)],
    )
    bad(
        "digest-of-other-number",
        "The value of share 1 under the number 2.",
        "Format",
        given=lambda b: [b.text(1), b.text(2, value=b.split.value(1))],
    )
    bad(
        "digest-beside-enough",
        "Enough shares, and a changed one.",
        "Format",
        given=lambda b: [b.text(1), b.text(2), forged(b, 3)],
    )
    bad(
        "number-twice-values-differ",
        "Share 2 twice, the second time with another value.",
        "Format",
        given=lambda b: [b.text(2), forged(b, 2), b.text(1)],
    )
    bad(
        "digest-before-too-few",
        "A changed share, and too few of them.",
        "Format",
        3,
        5,
        given=lambda b: [forged(b, 4)],
    )
    bad(
        "order-other-backup-first",
        "A share of another backup, then a changed one: the first decides.",
        "UnknownKey",
        given=lambda b: [other(b, 1), forged(b, 2)],
    )
    bad(
        "order-digest-first",
        "A changed share, then one of another backup: the first decides.",
        "Format",
        given=lambda b: [forged(b, 2), other(b, 1)],
    )
    bad(
        "share-lower-case",
        "A share string in lower case.",
        "Format",
        given=lambda b: [b.text(1), b.text(2).lower()],
    )
    bad("share-x-0", "A share of number 0.", "Format", given=lambda b: [b.text(1), b.text(0)])


def refused_files():
    def bad(name, comment, expect, change=None, k=2, n=3, numbers=(1, 2), **options):
        backup(
            name,
            comment,
            k,
            n,
            options.pop("given", None),
            expect,
            change,
            numbers=numbers,
            **options,
        )

    def listed(make):
        """Another value of the fourth entry: of the backup id and the honest rest."""
        return lambda b: b.stored.update({"sealwax.backup": make(b.split.backup_id, b.listed)})

    bad(
        "digest-list-changed",
        "The file lists another digest for share 1.",
        "Format",
        listed(lambda i, rest: i + flip(rest, 2)),
    )
    bad(
        "digest-list-swapped",
        "The file lists the digests of shares 1 and 2 in the other order.",
        "Format",
        listed(lambda i, rest: i + rest[:2] + rest[18:34] + rest[2:18] + rest[34:]),
    )

    def forged(b, x):
        return flip(b.split.value(x), 5)

    def relist(b, x, **other):
        """The file lists the digest of another share x."""
        digest = b.v.step("share%d.digest" % x, b.split.digest(x, **other))
        b.listed = b.listed[: 16 * x - 14] + digest + b.listed[16 * x + 2 :]

    def all_forged(b):
        for x in (1, 2, 3):
            relist(b, x, value=forged(b, x))

    def k_lowered(b):
        b.listed = u8(2) + b.listed[1:]
        for x in (1, 2, 3):
            relist(b, x, k=2)

    bad(
        "digests-of-other-values",
        "The file lists the digests of forged shares, and these are given.",
        "Decrypt",
        all_forged,
        given=lambda b: [b.text(x, value=forged(b, x)) for x in (1, 2)],
    )
    bad(
        "file-k-lowered",
        "Shares of a 3-of-3 backup; file and shares say 2 of 3.",
        "Decrypt",
        k_lowered,
        3,
        3,
        given=lambda b: [b.text(1, k=2), b.text(2, k=2)],
    )
    bad(
        "more-than-k-lowest-numbers",
        "Share 3 is on another polynomial, and listed so; 1 and 2 give the key.",
        "ok",
        lambda b: relist(b, 3, value=forged(b, 3)),
        given=lambda b: [b.text(3, value=forged(b, 3)), b.text(2), b.text(1)],
    )
    bad(
        "more-than-k-lowest-number-wrong",
        "Share 1 is on another polynomial, and listed so; it is used.",
        "Decrypt",
        lambda b: relist(b, 1, value=forged(b, 1)),
        given=lambda b: [b.text(3), b.text(2), b.text(1, value=forged(b, 1))],
    )
    bad(
        "no-fourth-entry",
        "The file lists no shares.",
        "Format",
        lambda b: b.stored.pop("sealwax.backup") and None,
    )
    bad(
        "no-fourth-entry-no-shares",
        "The file lists no shares, and none are given.",
        "Format",
        lambda b: b.stored.pop("sealwax.backup") and None,
        numbers=(),
    )
    for name, comment, make in (
        ("short", "The list of digests is one byte too short.", lambda i, rest: i + rest[:-1]),
        ("long", "The list of digests is one byte too long.", lambda i, rest: i + rest + b"\0"),
        ("empty", "The fourth entry is empty.", lambda i, rest: b""),
        ("no-digests", "The fourth entry ends after n.", lambda i, rest: i + rest[:2]),
        ("digest-missing", "n = 3, and two digests.", lambda i, rest: i + rest[:-16]),
        ("digest-too-many", "n = 3, and four digests.", lambda i, rest: i + rest + bytes(16)),
        ("k-0", "The file says 0 of 3.", lambda i, rest: i + u8(0) + rest[1:]),
        ("k-1", "The file says 1 of 3.", lambda i, rest: i + u8(1) + rest[1:]),
        ("k-over-n", "The file says 4 of 3.", lambda i, rest: i + u8(4) + rest[1:]),
        (
            "n-65",
            "The file says 2 of 65, with 65 digests.",
            lambda i, rest: i + u8(2) + u8(65) + rest[2:18] * 65,
        ),
    ):
        bad("list-" + name, comment, "Format", listed(make))
    bad(
        "list-before-shares",
        "k is 1 in the file, and the share is of another backup: the file comes first.",
        "Format",
        listed(lambda i, rest: i + u8(1) + rest[1:]),
        given=lambda b: [b.text(1, backup_id=bytes(16))],
    )
    bad(
        "list-other-name",
        "The fourth entry has another name.",
        "Format",
        lambda b: b.stored.update({"sealwax.backups": b.split.backup_id + b.listed})
        or b.stored.pop("sealwax.backup")
        and None,
    )
    bad("fifth-entry", "A fifth stored entry.", "Format", lambda b: b.stored.update({"note": b"x"}))
    bad(
        "other-backup-id-listed",
        "The fourth entry names another backup than the shares.",
        "UnknownKey",
        listed(lambda i, rest: flip(i, 0) + rest),
    )

    def entry_of_other_id(b):
        """List and shares agree, and the entry is under another key id."""
        b.entries = [by_raw_key(flip(b.split.backup_id, 15), b.split.key)]

    bad(
        "no-entry-of-backup-id",
        "The key id of the entry is not the backup id.",
        "UnknownKey",
        entry_of_other_id,
    )
    bad(
        "rewrapped-to-passphrase",
        "The entry was replaced by a passphrase; the list stayed.",
        "UnknownKey",
        lambda b: setattr(b, "entries", [by_passphrase(PASSPHRASE)]),
    )
    bad(
        "entry-of-other-key",
        "The entry is under another key.",
        "Decrypt",
        lambda b: setattr(b, "entries", [by_raw_key(b.split.backup_id, b.v.bytes("other", 32))]),
    )
    bad("kind-1", "The envelope is of kind 1.", "Format", kind=1)
    bad(
        "kind-1-share-of-other",
        "The envelope is of kind 1, and the share is of another backup.",
        "Format",
        kind=1,
        given=lambda b: [b.text(1, backup_id=bytes(16))],
    )
    bad(
        "flipped-payload",
        "One bit of the payload.",
        "Decrypt",
        damage=lambda e: flip(e.bytes(), -1),
    )
    bad(
        "flipped-name",
        "One bit of the stored name: every wrap is bound to it, and no check holds.",
        "Format",
        damage=lambda e: e.bytes().replace(b"billing", b"billinh", 1),
    )

    def checked_again(e):
        """The name changed in the core, and the public check of the slot made to hold again."""
        core = e.core.replace(b"billing", b"billinh", 1)
        prefix = sha256(core) + u8(e.nslots) + u32(e.slot_len)
        slot = e.slots[0][:-16]
        check = sha256(b"sealwax/v1/check\x00" + prefix + slot)[:16]
        return core + u8(e.nslots) + u32(e.slot_len) + slot + check + e.slots[1] + e.payload

    bad(
        "flipped-name-checked",
        "The same, and the public check was made again.",
        "Decrypt",
        damage=checked_again,
    )
    bad(
        "outside-differs",
        "The stored revision is another one; every key and tag holds.",
        "Format",
        lambda b: b.stored.update({"sealwax.keyset-revision": u64(13)}),
    )
    bad(
        "cut-header",
        "The file ends inside the key block.",
        "Truncated",
        damage=lambda e: e.header()[:-1],
    )
    bad(
        "cut-header-share-of-other",
        "The same, and the share is of another backup.",
        "Truncated",
        damage=lambda e: e.header()[:-1],
        given=lambda b: [b.text(1, backup_id=bytes(16))],
    )


def by_recovery_keys():
    """Without shares: the recovery identity is at hand, and the caller asks for a restore (8.5)."""
    for algorithm, name in ((3, "x25519"), (4, "x-wing")):

        def recovery(v):
            return v.keyset("recovery", algorithm)

        def change(b):
            b.entries = [by_public(recovery(b.v))]
            del b.stored["sealwax.backup"]

        backup(
            "recovery-" + name,
            "A backup for a recovery recipient of type %d." % algorithm,
            change=change,
            keys=lambda v: make_keys([recovery(v)]),
        )
        backup(
            "recovery-%s-other" % name,
            "Another identity of type %d is at hand." % algorithm,
            change=change,
            keys=lambda v: make_keys([v.keyset("other", algorithm)]),
            expect="UnknownKey",
        )


def backups():
    by_shares()
    refused_shares()
    refused_files()
    by_recovery_keys()
