# SPDX-License-Identifier: MIT OR Apache-2.0
"""Usage files (format.md 8.7, 8.7a)."""

from maker.primitives import flip, hmac256, u32, u64
from maker.vector import Vector
from maker.keysets import encode_keyset, fingerprint, NOW, record, unprotected, usage_key_tag

KEYSET_REVISION = 7
TOP = 2**64 - 1


def make_keyset(v, records, algorithms, usage_key, extension):
    """The encoding of the keyset beside the usage file."""
    versions = records(v)
    active = [r["version_id"] for r in versions if r["state"] == 2]
    return encode_keyset(
        {
            "keyset_id": v.bytes("keyset_id", 16).hex(),
            "name": "billing",
            "revision": KEYSET_REVISION,
            "parent": v.bytes("parent", 32).hex(),
            "primary": active[0] if active else 0,
            "policy": {
                "rotate_after_seconds": 0,
                "rotate_after_messages": 0,
                "rotate_after_bytes": 0,
                "algorithms": algorithms,
                "flags": 0,
            },
            "versions": versions,
            "extension": (usage_key_tag(usage_key) if usage_key else b"") + extension,
        }
    )


def one(v):
    return [record(v, 0, 2)]


def three(v):
    return [
        record(v, 0, 1, 6, [(4, NOW + 10, "rotated"), (6, NOW + 20, "")]),
        record(v, 1, 2, 4, [(4, NOW + 9, "rotated")]),
        record(v, 2, 2),
    ]


class Usage:
    """The fields of an honest file; a scenario changes them before the mac is made over them."""

    def __init__(self, v, encoding, versions):
        self.keyset_id, self.serial, self.revision = encoding[1:17], 41, KEYSET_REVISION
        self.fingerprint = v.step("fingerprint", fingerprint(encoding))
        self.backup_revision, self.backup_at = 0, 0
        self.usages = [
            (r["version_id"], 1000 * i + 3, 64000 * i + 5, i) for i, r in enumerate(versions)
        ]
        self.head, self.count, self.label = b"SWXL\x01", None, b"sealwax/v1/usage\x00"

    def before_mac(self):
        count = len(self.usages) if self.count is None else self.count
        return (
            self.head
            + self.keyset_id
            + u64(self.serial)
            + u64(self.revision)
            + self.fingerprint
            + u64(self.backup_revision)
            + u64(self.backup_at)
            + u32(count)
            + b"".join(u32(i) + u64(m) + u64(b) + u64(f) for i, m, b, f in self.usages)
        )

    def parsed(self):
        usages = [
            dict(zip(("version_id", "messages", "bytes", "failed_opens"), u)) for u in self.usages
        ]
        return {
            "serial": self.serial,
            "revision": self.revision,
            "fingerprint": self.fingerprint.hex(),
            "backup_revision": self.backup_revision,
            "backup_at": self.backup_at,
            "usages": usages,
        }


def usage(
    name,
    comment,
    expect="ok",
    records=one,
    algorithms=3,
    change=None,
    damage=None,
    seen=None,
    key=None,
    has_key=True,
    extension=b"",
):
    """`change` is made to the fields before the mac, `damage` to the bytes after it. `seen` changes
    the fields once more, for the file that the reader saw before. `key` is what the mac is made
    with instead of the usage key."""
    v = Vector("usage-" + name, comment, expect)
    usage_key = v.bytes("usage_key", 32)
    encoding = make_keyset(v, records, algorithms, usage_key if has_key else None, extension)
    u = Usage(v, encoding, records(v))
    if change:
        change(u, v)

    def make(u):
        before = u.before_mac()
        mac_input = u.label + before
        return before, mac_input, hmac256(key(v) if key else usage_key, mac_input)

    before, mac_input, mac = make(u)
    v.step("usage_key", usage_key)
    v.step("mac_input", mac_input)
    file = before + v.step("mac", mac)
    parsed = u.parsed() if expect == "ok" else None
    before_this = b""
    if seen:
        seen(u)
        earlier, _, mac = make(u)
        before_this = earlier + mac
    v.write(
        "usage",
        keyset=unprotected(encoding)[1],
        seen=before_this,
        file=damage(file) if damage else file,
        parsed=parsed,
    )


def setter(**fields):
    """A change that sets these fields."""
    return lambda u, v=None: u.__dict__.update(fields)


AT = {
    "keyset_id": 5,
    "serial": 21,
    "revision": 29,
    "fingerprint": 37,
    "backup_revision": 53,
    "backup_at": 61,
    "count": 69,
    "usages": 73,
}  # where the fields of a file begin


def accepted():
    usage(
        "one-version", "One version with counters; serial 41, the revision of the keyset at hand."
    )
    usage("several-versions", "A tombstone keeps its counters; two more versions.", records=three)
    usage(
        "no-usages",
        "The first file of a keyset: serial 1, no usages.",
        change=setter(serial=1, usages=[]),
    )
    usage("no-versions", "The keyset has no versions.", records=lambda v: [])
    usage(
        "only-tombstones",
        "Every version is destroyed, and the usage key is still there.",
        records=lambda v: [record(v, 0, 2, 6, [(6, NOW, "")])],
    )
    usage(
        "key-pairs",
        "A keyset of key pairs has a usage file too.",
        algorithms=12,
        records=lambda v: [record(v, 0, 3), record(v, 1, 4)],
    )
    usage(
        "unknown-version",
        "A usage of a version that the keyset does not have.",
        change=lambda u, v: u.usages.insert(0, (1, 5, 6, 7)),
    )
    usage(
        "highest-version-id",
        "A usage of version id 2^32 - 1.",
        change=lambda u, v: u.usages.append((2**32 - 1, 1, 1, 0)),
    )
    usage(
        "backup",
        "A backup was made of an earlier revision.",
        change=setter(backup_revision=3, backup_at=NOW),
    )
    usage(
        "backup-of-this-revision",
        "A backup was made of the newest revision.",
        change=setter(backup_revision=KEYSET_REVISION, backup_at=NOW),
    )
    usage(
        "backup-clock-unknown",
        "A backup was made, and the time was not known.",
        change=setter(backup_revision=1),
    )
    usage(
        "older-revision",
        "A writer saw an earlier revision of the keyset; its fingerprint is not compared.",
        change=lambda u, v: setter(revision=6, fingerprint=v.bytes("other", 16))(u),
    )
    usage(
        "counters-at-limit",
        "2^48 messages and 2^58 bytes: nothing is left.",
        change=lambda u, v: setter(usages=[(u.usages[0][0], 2**48, 2**58, 0)])(u),
    )
    usage(
        "counters-highest",
        "Counters of 2^64 - 1 are accepted, and leave nothing.",
        change=lambda u, v: setter(usages=[(u.usages[0][0], TOP, TOP, TOP)])(u),
    )
    usage(
        "serial-highest",
        "Serial 2^64 - 1: a reader accepts it, a writer stops.",
        change=setter(serial=TOP),
    )
    usage("backup-at-highest", "The highest time.", change=setter(backup_revision=1, backup_at=TOP))
    usage(
        "unknown-extension",
        "The keyset has a tag that is not known beside the usage key.",
        extension=b"\x7f\x00\x02hi",
    )
    usage("seen-same", "The same file was seen before.", seen=setter())
    usage("seen-lower-serial", "The serial before this one was seen.", seen=setter(serial=40))
    usage(
        "seen-lower-serial-higher-revision",
        "The serial is higher than the one seen, though the revision fell.",
        change=setter(revision=5),
        seen=setter(serial=40, revision=6),
    )


def refused_form():
    def bad(name, comment, change=None, damage=None, expect="Format", **options):
        usage(name, comment, expect, change=change, damage=damage, **options)

    def cut(name, comment, at, **options):
        bad("cut-" + name, comment, damage=lambda f: f[:at], expect="Truncated", **options)

    bad("magic", "Other magic.", setter(head=b"SWXM\x01"))
    bad("magic-of-envelope", "The magic of an envelope.", setter(head=b"SWAX\x01"))
    bad("version-0", "Version 0.", setter(head=b"SWXL\x00"))
    bad("version-2", "Version 2.", setter(head=b"SWXL\x02"))
    cut("all", "No bytes at all.", 0)
    cut("in-magic", "The file ends inside the magic.", 3)
    bad("cut-in-bad-magic", "The file ends inside bad magic.", damage=lambda f: b"SWA")
    cut("before-version", "The file ends before the version.", 4)
    cut("before-count", "The file ends before the count.", AT["count"])
    cut("in-count", "The file ends inside the count.", AT["count"] + 3)
    cut("in-usage", "The file ends inside a usage.", AT["usages"] + 20)
    cut("before-mac", "The file ends before the mac.", -32)
    cut("in-mac", "The last byte of the mac is missing.", -1)
    cut(
        "with-serial-0",
        "The file ends early, and its serial is 0: the end comes first.",
        -1,
        change=setter(serial=0),
    )
    bad(
        "cut-in-magic-bad-version",
        "The file ends after a bad version.",
        damage=lambda f: b"SWXL\x02",
    )
    bad("cut-after-bad-magic", "The file ends after bad magic.", damage=lambda f: b"SWXM")
    bad(
        "count-65537",
        "The count is 65,537: the limit decides before the usages are missed.",
        setter(count=65537),
        expect="Limit",
    )
    bad("count-highest", "The count is 2^32 - 1.", setter(count=2**32 - 1), expect="Limit")
    bad(
        "count-65537-serial-0",
        "The count is over its limit, and the serial is 0.",
        setter(count=65537, serial=0),
        expect="Limit",
    )
    bad(
        "count-65536",
        "The count is 65,536, as many as there may be, and there is one usage.",
        setter(count=65536),
        expect="Truncated",
    )
    bad("count-too-high", "The count is one too high.", setter(count=2), expect="Truncated")
    bad("count-too-low", "The count is one too low: bytes follow the mac.", setter(count=0))
    bad("trailing-byte", "A byte after the mac.", damage=lambda f: f + b"\0")
    bad("twice", "The file follows itself.", damage=lambda f: f + f)
    bad("serial-0", "Serial 0.", setter(serial=0))
    bad("revision-0", "Revision 0.", setter(revision=0))
    bad("version-id-0", "A usage of version id 0.", lambda u, v: u.usages.insert(0, (0, 1, 1, 0)))
    bad("version-id-twice", "A version id twice.", lambda u, v: u.usages.append(u.usages[0]))
    bad(
        "unsorted",
        "Version ids in descending order.",
        lambda u, v: u.usages.reverse(),
        records=three,
    )
    bad(
        "backup-over-revision",
        "A backup of a revision that nobody saw.",
        setter(revision=4, backup_revision=5, backup_at=NOW),
    )
    bad("backup-at-alone", "The time of a backup, and no backup.", setter(backup_at=NOW))
    bad(
        "form-before-keyset-id",
        "Serial 0 in a file of another keyset: the form comes first.",
        lambda u, v: setter(serial=0, keyset_id=v.bytes("other", 16))(u),
    )


def refused_later():
    def bad(name, comment, expect, change=None, damage=None, **options):
        usage(name, comment, expect, change=change, damage=damage, **options)

    def flipped(name, at, comment):
        bad("flipped-" + name, comment, "KeyState", damage=lambda f: flip(f, at), records=three)

    def higher(u, v=None):
        setter(revision=KEYSET_REVISION + 1)(u)

    def forked(u, v):
        setter(fingerprint=v.bytes("other", 16))(u)

    def others(u, v):
        setter(keyset_id=v.bytes("other", 16))(u)

    bad("other-keyset", "The file of another keyset, with a mac that holds.", "KeyState", others)
    bad(
        "other-keyset-bad-mac",
        "Another keyset id, put in afterwards: the id comes before the mac.",
        "KeyState",
        damage=lambda f: flip(f, AT["keyset_id"] + 15),
    )
    bad(
        "no-usage-key",
        "The keyset has no usage key, as before one was drawn: it was put back.",
        "KeyState",
        has_key=False,
    )
    bad(
        "no-usage-key-other-keyset",
        "The same, and the file is of another keyset.",
        "KeyState",
        others,
        has_key=False,
    )
    bad(
        "no-usage-key-cut",
        "No usage key, and a file that ends early: the form comes first.",
        "Truncated",
        damage=lambda f: f[:-1],
        has_key=False,
    )
    flipped("mac-first-bit", -32, "One bit of the first byte of the mac.")
    bad(
        "flipped-mac-last-bit",
        "One bit of the last byte of the mac.",
        "KeyState",
        damage=lambda f: f[:-1] + bytes([f[-1] ^ 0x80]),
    )
    flipped("serial", AT["serial"] + 7, "One bit of the serial.")
    flipped("revision-lower", AT["revision"] + 7, "Revision 7 became 6.")
    flipped(
        "fingerprint", AT["fingerprint"], "One bit of the fingerprint: the mac comes before it."
    )
    flipped("backup-revision", AT["backup_revision"] + 7, "A backup was put in.")
    flipped("version-id", AT["usages"] + 3, "One bit of a version id.")
    flipped("messages", AT["usages"] + 11, "One bit of the messages of a version.")
    flipped("bytes", AT["usages"] + 19, "One bit of the bytes of a version.")
    flipped("failed-opens", AT["usages"] + 27, "One bit of the failed opens of a version.")
    bad(
        "flipped-backup-at",
        "One bit of the time of the backup.",
        "KeyState",
        setter(backup_revision=3, backup_at=NOW),
        damage=lambda f: flip(f, AT["backup_at"] + 7),
    )
    bad(
        "mac-other-key",
        "The mac is made with another usage key.",
        "KeyState",
        key=lambda v: v.bytes("other", 32),
    )
    bad(
        "mac-version-secret",
        "The mac is made with the secret of the primary.",
        "KeyState",
        key=lambda v: v.bytes("version0.secret", 32),
    )
    bad("mac-without-label", "The mac is made without its label.", "KeyState", setter(label=b""))
    bad(
        "mac-label-without-zero",
        "The label is not followed by 0x00.",
        "KeyState",
        setter(label=b"sealwax/v1/usage"),
    )
    bad(
        "swapped-usages",
        "The counters of two versions are exchanged.",
        "KeyState",
        records=three,
        damage=lambda f: f[:77] + f[105:129] + f[101:105] + f[77:101] + f[129:],
    )
    bad(
        "revision-higher",
        "A writer saw a higher revision: the keyset file was put back.",
        "KeyState",
        higher,
    )
    bad("revision-highest", "The highest revision.", "KeyState", setter(revision=TOP))
    bad(
        "revision-higher-bad-mac",
        "Revision 7 became 15: the mac comes before it.",
        "KeyState",
        damage=lambda f: f[: AT["revision"] + 7] + b"\x0f" + f[AT["revision"] + 8 :],
    )
    bad(
        "fingerprint-differs",
        "The same revision with another fingerprint: other contents.",
        "KeyState",
        forked,
    )
    bad(
        "seen-higher-serial",
        "The next serial was seen before: the usage file was put back.",
        "KeyState",
        seen=setter(serial=42),
    )
    bad(
        "seen-equal-serial",
        "Another file of the same serial was seen before.",
        "KeyState",
        seen=setter(backup_revision=1),
    )
    bad(
        "seen-higher-serial-bad-mac",
        "The next serial was seen, and the mac does not hold.",
        "KeyState",
        damage=lambda f: flip(f, len(f) - 1),
        seen=setter(serial=42),
    )


def usages():
    accepted()
    refused_form()
    refused_later()
