# SPDX-License-Identifier: MIT OR Apache-2.0
"""Usage files (format.md 8.7, 8.7a)."""

from reader.base import at_most, HMAC, KeyState, need, note, Reader, same, Truncated
from reader.keysets import fingerprint, open_keyset
from reader.tokens import Keys


def parse_usage(data):  # 8.7
    r = Reader(data, Truncated)
    need(r.magic(b"SWXL") and r.int(1) == 1)
    out = {
        "keyset_id": r.take(16),
        **r.ints(serial=8, revision=8),
        "fingerprint": r.take(16).hex(),
        **r.ints(backup_revision=8, backup_at=8),
    }
    count = at_most(r.int(4), 65536)
    fields = dict(version_id=4, messages=8, bytes=8, failed_opens=8)
    out["usages"] = [r.ints(**fields) for _ in range(count)]
    out["before_mac"], out["mac"] = data[: r.at], r.take(32)
    ids = [0] + [usage["version_id"] for usage in out["usages"]]
    need(
        r.left() == 0
        and out["serial"]
        and out["revision"]
        and all(a < b for a, b in zip(ids, ids[1:]))
    )
    need(
        out["backup_revision"] <= out["revision"]
        and (out["backup_revision"] or not out["backup_at"])
    )
    return out


def read_usage(data, keyset_file, seen=b""):  # 8.7a
    """`keyset_file` is unprotected; `seen` is a usage file that held before, or empty."""
    keyset = open_keyset(keyset_file, Keys({}), "unprotected")
    k, key = keyset["parsed"], keyset["usage_key"]
    u = parse_usage(data)
    need(u.pop("keyset_id").hex() == k["keyset_id"], KeyState)
    need(key is not None, KeyState)
    mac = HMAC(
        note("usage_key", key), note("mac_input", b"sealwax/v1/usage\0" + u.pop("before_mac"))
    )
    need(same(note("mac", mac), u.pop("mac")), KeyState)
    need(u["revision"] <= k["revision"], KeyState)
    mine = note("fingerprint", fingerprint(keyset["plaintext"])).hex()
    need(u["revision"] < k["revision"] or u["fingerprint"] == mine, KeyState)
    before = parse_usage(seen)["serial"] if seen else 0
    need(u["serial"] > before or (u["serial"] == before and data == seen), KeyState)
    return {"parsed": u}
