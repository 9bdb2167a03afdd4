# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keysets (format.md 8.1 to 8.5)."""
from maker.primitives import flip, sha256, u16, u32, u64, u8
from maker.vector import make_keys, Vector
from maker.entries import by_keyset, by_passphrase, by_public, by_raw_key
from maker.envelope import Envelope, PASSPHRASE

NOW = 1767225600                                                                    # 2026-01-01T00:00:00Z


def record(v, i, algorithm, state=2, changes=(), created=NOW, activate=0, deactivate=0, version_id=None, **extra):
    return {"version_id": version_id or 0x01000000 * (i + 1) + int.from_bytes(v.bytes("version%d.id" % i, 3), "big"),
            "algorithm": algorithm, "state": state, "created": created, "activate_at": activate, "deactivate_at": deactivate,
            "changes": [{"state": s, "at": at, "reason": reason} for s, at, reason in changes],
            "secret": "" if state == 6 else v.bytes("version%d.secret" % i, 32).hex(), **extra}


def encode_record(r):
    body = (u32(r["version_id"]) + u8(r["algorithm"]) + u8(r["state"]) + u64(r["created"]) + u64(r["activate_at"])
            + u64(r["deactivate_at"]) + u16(len(r["changes"])))
    for c in r["changes"]:
        body += u8(c["state"]) + u64(c["at"]) + u8(len(c["reason"].encode())) + c["reason"].encode()
    secret = bytes.fromhex(r["secret"])
    body += u8(len(secret)) + secret + r.get("extension", b"")
    return u16(len(body)) + body


def encode_keyset(k):
    p = k["policy"]
    return (u8(1) + bytes.fromhex(k["keyset_id"]) + u8(len(k["name"].encode())) + k["name"].encode() + u64(k["revision"])
            + bytes.fromhex(k["parent"]) + u32(k["primary"]) + u64(p["rotate_after_seconds"]) + u64(p["rotate_after_messages"])
            + u64(p["rotate_after_bytes"]) + u8(p["algorithms"]) + u8(p["flags"]) + u32(len(k["versions"]))
            + b"".join(encode_record(r) for r in k["versions"]) + k.get("extension", b""))


def usage_key_tag(key):
    """The one extension of clause 8.2."""
    return u8(1) + u16(len(key)) + key


def unprotected(encoding):
    """Clause 8.4: the check, and the file."""
    check = sha256(b"sealwax/v1/unprotected\x00" + encoding)[:16]
    return check, b"SWKS\x01" + encoding + check


def fingerprint(encoding):
    """Clause 8.6b."""
    return sha256(b"sealwax/v1/keyset-fingerprint\x00" + encoding)[:16]


def keyset(name, comment, records, expect="ok", protection="unprotected", title="billing", revision=1, primary=None, algorithms=3, flags=0,
           policy=(0, 0, 0), extension=b"", parent=None, change=None, by="passphrase", wrong_key=False, stored_change=None, damage=None, ask=None,
           usage_key=None, **options):
    """`protection` is what the file has, `ask` what the loader is told to expect if that differs; `usage_key` is a
    function that gives the bytes of tag 1, which comes before `extension`."""
    v = Vector("keyset-" + name, comment, expect)
    versions = records(v)
    active = [r["version_id"] for r in versions if r["state"] == 2]
    k = {"keyset_id": v.bytes("keyset_id", 16).hex(), "name": title, "revision": revision,
         "parent": (parent if parent is not None else v.bytes("parent", 32) if revision > 1 else bytes(32)).hex(),
         "primary": (active[0] if active else 0) if primary is None else primary(versions),
         "policy": dict(zip(("rotate_after_seconds", "rotate_after_messages", "rotate_after_bytes"), policy), algorithms=algorithms, flags=flags),
         "versions": versions, "extension": (usage_key_tag(v.step("usage_key", usage_key(v))) if usage_key else b"") + extension}
    encoding = v.step("encoding", change(encode_keyset(k)) if change else encode_keyset(k))
    v.step("fingerprint", fingerprint(encoding))
    if protection == "unprotected":
        check, raw = unprotected(encoding)
        v.step("check", check)
        keys = {}
    else:
        stored = {"sealwax.keyset": bytes.fromhex(k["keyset_id"]), "sealwax.keyset-name": title.encode(), "sealwax.keyset-revision": u64(revision)}
        if stored_change:
            stored_change(v, stored)
        if by == "passphrase":
            entries, keys = [by_passphrase(PASSPHRASE)], make_keys(passphrase=PASSPHRASE + ("!" if wrong_key else ""))
        elif by == "raw-key":
            entries, keys = [by_raw_key(v.bytes("id", 16), v.bytes("key", 32))], make_keys(raw=[(v.bytes("id", 16), v.bytes("key", 32))])
        elif by in (3, 4):
            entries, keys = [by_public(v.keyset("backup", by))], make_keys([v.keyset("backup", by)])
        else:
            parent_keyset = v.keyset("parent", 2)
            entries, keys = [by_keyset(parent_keyset)], make_keys([v.keyset("other", 2) if wrong_key else parent_keyset])
        raw = Envelope(v, entries, encoding, stored=stored, **{"kind": 2, "slots": 2, "log2chunk": 12, **options}).bytes()
    raw = damage(raw) if damage else raw
    parsed = None
    if expect == "ok":
        read_only = bool(extension) or any("extension" in r for r in versions)
        parsed = {n: f for n, f in k.items() if n != "extension"}
        parsed["versions"] = [{n: f for n, f in r.items() if n != "extension"} for r in versions]
        parsed["read_only"] = read_only
    v.write("keyset", protection=ask or protection, keys=keys, file=raw, parsed=parsed)


def keysets():
    one, ident = (lambda v: [record(v, 0, 2)]), (lambda v: [record(v, 0, 3), record(v, 1, 4, 1, activate=NOW + 86400)])
    full = lambda v: [record(v, 0, 1, 6, [(4, NOW + 10, "rotated"), (6, NOW + 20, "")]), record(v, 1, 2, 4, [(3, NOW + 5, "audit \u00a7 7"), (2, NOW + 6, ""), (4, NOW + 9, "old")]),
                      record(v, 2, 1, 5, [(5, NOW + 30, "laptop lost")]), record(v, 3, 1, 3, [(3, NOW + 40, "paused")]),
                      record(v, 4, 2, 2, [(2, NOW + 50, "")], deactivate=NOW + 31536000), record(v, 5, 2, 1, activate=NOW + 100)]
    keyset("symmetric", "One symmetric version, in an envelope under a passphrase.", one, protection="envelope")
    keyset("symmetric-under-keyset", "One symmetric version, in an envelope under another keyset.", one, protection="envelope", by="keyset")
    keyset("identity-two-versions", "An identity with an X25519 version and a pre-active X-Wing version.", ident, protection="envelope", title="identity", algorithms=12)
    keyset("tombstone-and-changes", "All six states, changes with reasons, a tombstone, times and a policy.", full, revision=9,
           policy=(7776000, 1 << 32, 1 << 40), flags=1)
    keyset("tombstone-in-envelope", "The same kind of keyset in an envelope.", full, protection="envelope", revision=9, by="keyset", title="Lohn & Geh\u00e4lter")
    keyset("under-raw-key", "One symmetric version, in an envelope under a raw key.", one, protection="envelope", by="raw-key")
    keyset("suite1", "The envelope is in suite 1 (a writer uses suite 2; a reader accepts either).", one, protection="envelope", suite=1, log2chunk=14)
    keyset("no-versions", "No versions and no primary.", lambda v: [])
    keyset("no-versions-key-pairs", "No versions, and a policy of key pairs.", lambda v: [], algorithms=8)
    keyset("changes-all-moves", "Every move of the table of states.", lambda v: [
        record(v, i, 1 + i % 2, moves[-1], [(m, NOW + j, "") for j, m in enumerate(moves)], activate=NOW + 50)
        for i, moves in enumerate(([2, 3, 2, 3, 4, 5, 6], [2, 4, 6], [2, 5], [2, 6], [3, 5, 6], [3, 6], [4, 5], [5], [6], [2, 2 + 1, 2]))], revision=2)
    keyset("change-times-fall", "The times of changes are not compared.", lambda v: [record(v, 0, 2, 4, [(3, NOW + 9, "b"), (2, NOW + 9, ""), (4, 0, "a")])])
    keyset("extension", "Unknown extension fields after the records.", one, extension=b"\x02\x00\x00\x07\x00\x03abc")
    key = lambda n: lambda v: v.bytes("usage_key", n)
    keyset("usage-key", "A usage key, in an envelope.", one, protection="envelope", by="raw-key", usage_key=key(32))
    keyset("usage-key-no-versions", "A usage key and no versions.", lambda v: [], usage_key=key(32))
    keyset("usage-key-key-pairs", "A usage key in a keyset of key pairs.", ident, algorithms=12, usage_key=key(32))
    keyset("usage-key-and-extension", "A usage key before an unknown extension field.", one, usage_key=key(32), extension=b"\x02\x00\x00")
    keyset("record-extension-tag-1", "Tag 1 in a record is not known there, and ignored.", lambda v: [record(v, 0, 2, extension=usage_key_tag(v.bytes("other", 32)))])
    keyset("record-extension", "An unknown extension field in a record.", lambda v: [record(v, 0, 2, extension=b"\x05\x00\x01x")])
    keyset("extension-tag-127", "Tag 127, the last that a reader may ignore.", one, extension=b"\x7f\x00\x02hi")
    keyset("record-extension-tag-127", "Tag 127 in a record.", lambda v: [record(v, 0, 2, extension=b"\x7f\x00\x00")])
    bad = lambda name, comment, records=one, **o: keyset(name, comment, records, "Format", **o)
    for n in (0, 31, 33):
        bad("usage-key-%d" % n, "A usage key of %d bytes." % n, usage_key=key(n))
    bad("usage-key-twice", "Two usage keys.", usage_key=key(32), extension=usage_key_tag(bytes(32)))
    bad("usage-key-after-tag-2", "The usage key after tag 2.", extension=b"\x02\x00\x00" + usage_key_tag(bytes(32)))
    bad("usage-key-cut", "A usage key that runs past the end.", extension=usage_key_tag(bytes(32))[:-1])
    bad("extension-unsorted", "Extension tags not ascending.", extension=b"\x07\x00\x00\x01\x00\x00")
    bad("extension-tag-twice", "An extension tag twice.", extension=b"\x07\x00\x00\x07\x00\x00")
    bad("extension-tag-0", "Extension tag 0.", extension=b"\x00\x00\x00")
    bad("extension-tag-128", "Extension tag 128, which a reader that does not know it refuses.", extension=b"\x07\x00\x00\x80\x00\x00")
    bad("extension-tag-255", "Extension tag 255.", extension=b"\xff\x00\x01x")
    bad("record-extension-tag-128", "Extension tag 128 in a record.", lambda v: [record(v, 0, 2, extension=b"\x80\x00\x00")])
    bad("record-extension-tag-255", "Extension tag 255 in a record.", lambda v: [record(v, 0, 2, extension=b"\xff\x00\x01x")])
    bad("record-extension-unsorted", "Extension tags of a record not ascending.", lambda v: [record(v, 0, 2, extension=b"\x05\x00\x00\x04\x00\x00")])
    for name, moves in (("first-is-1", [1]), ("2-to-2", [2, 2]), ("2-to-1", [2, 1, 2]), ("4-to-2", [4, 2]), ("4-to-3", [4, 3]), ("4-to-4", [4, 4]),
                        ("5-to-2", [5, 2]), ("5-to-4", [5, 4]), ("3-to-3", [3, 3]), ("6-to-5", [6, 5]), ("6-to-2", [6, 2]), ("6-to-6", [6, 6]), ("to-0", [2, 0, 2])):
        bad("change-" + name, "The changes go to the states %s, and the last is the record's: not moves of the table." % moves,
            lambda v: [record(v, 0, 2, moves[-1], [(m, NOW + j, "") for j, m in enumerate(moves)])])
    bad("policy-both-families", "The policy allows symmetric algorithms and key pairs.", algorithms=5)
    bad("policy-both-families-no-versions", "The same, with no versions.", lambda v: [], algorithms=15)
    bad("policy-other-family", "Symmetric versions, and a policy of key pairs.", algorithms=12)
    bad("policy-other-family-key-pairs", "Key pairs, and a policy of symmetric algorithms.", lambda v: [record(v, 0, 3)], algorithms=3)
    keyset("count-over-limit", "The count of records is 65,537: the limit decides before the records are missed.", one, "Limit", change=lambda e: e[:95] + u32(65537) + e[99:])
    bad("count-at-limit", "The count of records is 65,536, and there is one.", change=lambda e: e[:95] + u32(65536) + e[99:])
    bad("stored-extra", "A fourth stored entry.", protection="envelope", stored_change=lambda v, s: s.update({"note": b"x"}))
    bad("stored-extra-reserved", "A fourth stored entry, with a reserved name.", protection="envelope", stored_change=lambda v, s: s.update({"sealwax.counter": u64(1)}))
    def listed(make): return lambda v, s: s.update({"sealwax.backup": make(v.bytes("id", 16) + b"\x02\x03" + v.bytes("digests", 48))})
    keyset("stored-backup", "The fourth entry of a backup with shares; the backup key is at hand.", one, protection="envelope", by="raw-key", stored_change=listed(lambda x: x))
    keyset("stored-backup-other-entry", "The fourth entry of a backup, and the recipient is a passphrase.", one, protection="envelope", stored_change=listed(lambda x: x))
    keyset("stored-backup-64", "The digests of 64 shares.", one, protection="envelope", by="raw-key", stored_change=listed(lambda x: x[:16] + b"\x40\x40" + bytes(64 * 16)))
    for name, comment, make in (("short", "one byte too short", lambda x: x[:-1]), ("long", "one byte too long", lambda x: x + b"\0"), ("empty", "empty", lambda x: b""),
                                ("k-1", "1 of 3", lambda x: x[:16] + b"\x01" + x[17:]), ("k-over-n", "4 of 3", lambda x: x[:16] + b"\x04" + x[17:]),
                                ("n-65", "2 of 65, with 65 digests", lambda x: x[:17] + b"\x41" + bytes(65 * 16))):
        bad("stored-backup-" + name, "The fourth entry of a backup: %s." % comment, protection="envelope", by="raw-key", stored_change=listed(make))
    bad("stored-backup-fifth", "The fourth entry of a backup, and a fifth.", protection="envelope", by="raw-key", stored_change=lambda v, s: (listed(lambda x: x)(v, s), s.update({"note": b"x"})))
    keyset("stored-backup-short-wrong-key", "The fourth entry is too short, which is judged after opening; the key is another one.", one, "Decrypt", protection="envelope", wrong_key=True,
           stored_change=listed(lambda x: x[:-1]))
    bad("stored-none", "No stored entries.", protection="envelope", stored_change=lambda v, s: s.clear())
    bad("stored-revision-4-bytes", "The stored revision has four bytes.", protection="envelope", stored_change=lambda v, s: s.update({"sealwax.keyset-revision": u32(1)}))
    bad("kind-1-no-keys", "The envelope is of kind 1, and the key is not the right one: refused before any unwrap.", protection="envelope", kind=1, wrong_key=True)
    for by, name in ((3, "x25519"), (4, "x-wing")):
        keyset("under-%s-no-restore" % name, "The only entry is of type %d, and the identity is at hand: it names no key at hand unless the caller asks for a restore." % by,
               one, "UnknownKey", protection="envelope", by=by)
    bad("extension-overrun", "An extension field that runs past the end.", extension=b"\x07\x00\x05ab")
    bad("unsorted", "Versions not in ascending order.", lambda v: [record(v, 1, 2), record(v, 0, 2)])
    bad("duplicate-version", "A version id twice.", lambda v: [record(v, 0, 2, version_id=77), record(v, 1, 2, version_id=77)])
    bad("version-id-0", "Version id 0.", lambda v: [dict(record(v, 0, 2, 1), version_id=0)])
    bad("bad-check", "One bit of the check.", damage=lambda raw: flip(raw, len(raw) - 1))
    bad("cut", "The file ends ten bytes early.", damage=lambda raw: raw[:-10])
    bad("state-mismatch", "The state is not that of the last change.", lambda v: [record(v, 0, 2, 2, [(4, NOW + 1, "")])])
    bad("state-without-change", "State 4 with no change.", lambda v: [record(v, 0, 2, 4)])
    bad("state-7", "State 7.", lambda v: [record(v, 0, 2, 7, [(7, NOW, "")])])
    bad("algorithm-5", "Algorithm 5.", lambda v: [record(v, 0, 5)])
    bad("mixed-families", "A symmetric version beside a key pair.", lambda v: [record(v, 0, 2), record(v, 1, 3)], algorithms=15)
    bad("primary-not-active", "The primary is deactivated.", lambda v: [record(v, 0, 2, 4, [(4, NOW, "")])], primary=lambda r: r[0]["version_id"])
    bad("primary-unknown", "The primary is no version.", primary=lambda r: r[0]["version_id"] ^ 1)
    bad("tombstone-with-secret", "A destroyed version with a secret.", lambda v: [dict(record(v, 0, 2, 6, [(6, NOW, "")]), secret="11" * 32)])
    bad("no-secret", "An active version without a secret.", lambda v: [dict(record(v, 0, 2), secret="")])
    bad("secret-31", "A secret of 31 bytes.", lambda v: [dict(record(v, 0, 2), secret="11" * 31)])
    bad("revision-0", "Revision 0.", revision=0)
    bad("revision-1-with-parent", "Revision 1 with a parent.", parent=b"\x01" * 32)
    bad("name-empty", "An empty name.", title="")
    bad("name-65", "A name of 65 bytes.", title="n" * 65)
    bad("name-control", "A name with a control character.", title="a\tb")
    bad("reason-control", "A reason with a control character.", lambda v: [record(v, 0, 2, 2, [(2, NOW, "a\u0000")])])
    bad("policy-no-algorithm", "No algorithm in the policy.", algorithms=0)
    bad("policy-algorithm-bit-4", "An algorithm bit that is not defined.", algorithms=0x11)
    bad("policy-flag-bit-1", "A policy flag that is not defined.", flags=2)
    bad("encoding-version-2", "The encoding begins with 2.", change=lambda e: b"\x02" + e[1:])
    bad("count-too-high", "The count of records is one too high.", change=lambda e: e[:95] + u32(2) + e[99:])                  # 95 = 1 + 16 + (1 + 7) + 8 + 32 + 4 + 26
    bad("magic", "Other magic.", damage=lambda raw: b"SWKT" + raw[4:])
    bad("unprotected-not-asked", "An unprotected keyset where an envelope is expected.", ask="envelope")
    bad("envelope-where-unprotected", "A keyset envelope where an unprotected keyset is asked for.", protection="envelope", ask="unprotected")
    bad("stored-id-differs", "The stored keyset id is another one; every key and tag holds.", protection="envelope",
        stored_change=lambda v, s: s.update({"sealwax.keyset": v.bytes("another", 16)}))
    bad("stored-name-differs", "The stored name is another one.", protection="envelope", stored_change=lambda v, s: s.update({"sealwax.keyset-name": b"payroll"}))
    bad("stored-revision-missing", "No stored revision.", protection="envelope", stored_change=lambda v, s: s.pop("sealwax.keyset-revision") and None)
    bad("kind-1", "The envelope is of kind 1.", protection="envelope", kind=1)
    keyset("wrong-passphrase", "Another passphrase.", one, "Decrypt", protection="envelope", wrong_key=True)
    keyset("unknown-key", "The keyset that wraps it is not at hand.", one, "UnknownKey", protection="envelope", by="keyset", wrong_key=True)
