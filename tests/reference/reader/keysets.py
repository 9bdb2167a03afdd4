# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keysets and their files (format.md 8.1 to 8.5)."""
from reader.base import at_most, be, H, need, Reader, same, Truncated
from reader.tokens import check_name
from reader.envelopes import open_envelope
MOVES = {0: (2, 3, 4, 5, 6), 2: (3, 4, 5, 6), 3: (2, 4, 5, 6), 4: (5, 6), 5: (6,), 6: ()}     # 7.1; 0: the first, 8.2
def fingerprint(encoding): return H(b"sealwax/v1/keyset-fingerprint\0", encoding)[:16]                    # 8.6b
def parse_extension(r):
    values, last = {}, 0
    while r.left():
        tag = r.int(1)
        need(last < tag < 128)
        values[tag], last = r.take(r.int(2)), tag
    return values
def parse_record(r):
    v = r.ints(version_id=4, algorithm=1, state=1, created=8, activate_at=8, deactivate_at=8)
    v["changes"] = [{**r.ints(state=1, at=8), "reason": check_name(r.take(r.int(1)), least=0)} for _ in range(r.int(2))]
    v["secret"] = r.take(r.int(1)).hex()
    need(len(v["secret"]) == (0 if v["state"] == 6 else 64))
    states = [0] + [c["state"] for c in v["changes"]]
    need(1 <= v["algorithm"] <= 4 and all(b in MOVES[a] for a, b in zip(states, states[1:])))
    need(v["state"] in ((1, 2) if len(states) == 1 else states[-1:]))
    return v, bool(parse_extension(r))
def parse_keyset(raw):                                                                 # 8.1, 8.2
    r = Reader(raw)
    need(at_most(len(raw), 1 << 24) and r.int(1) == 1)
    k = {"keyset_id": r.take(16).hex(), "name": check_name(r.take(r.int(1)), 64), "revision": r.int(8)}
    k.update(parent=r.take(32).hex())
    need(k["revision"] > 1 or (k["revision"] == 1 and k["parent"] == "00" * 32))
    k.update(primary=r.int(4))
    k["policy"] = p = r.ints(rotate_after_seconds=8, rotate_after_messages=8, rotate_after_bytes=8, algorithms=1, flags=1)
    need(p["algorithms"] in (1, 2, 3, 4, 8, 12) and p["flags"] <= 1)
    records = [parse_record(Reader(r.take(r.int(2)))) for _ in range(at_most(r.int(4), 65536))]
    k["versions"] = versions = [v for v, _ in records]
    extension = parse_extension(r)
    usage_key = extension.pop(1, None)
    need(usage_key is None or len(usage_key) == 32)
    k["read_only"] = any([bool(extension)] + [extended for _, extended in records])
    ids = [0] + [v["version_id"] for v in versions]
    need(all(a < b for a, b in zip(ids, ids[1:])) and {v["algorithm"] > 2 for v in versions} <= {p["algorithms"] > 3})
    need(k["primary"] == 0 or (k["primary"], 2) in [(v["version_id"], v["state"]) for v in versions])
    return k, usage_key
def parse_backup_list(raw):                                                                   # 8.8
    r = Reader(raw)
    out = {"backup_id": r.take(16), **r.ints(k=1, n=1)}
    need(2 <= out["k"] <= out["n"] <= 64 and r.left() == 16 * out["n"])
    return {**out, "digests": [r.take(16) for _ in range(out["n"])]}
def open_keyset(data, keys, protection="envelope", restore=False):                                    # 8.3, 8.4
    if protection == "unprotected":
        r = Reader(data, Truncated)
        r.magic(b"SWKS")
        need(r.int(1) == 1)
        need(r.left() >= 16, Truncated)
        need(same(H(b"sealwax/v1/unprotected\0", data[5:-16])[:16], data[-16:]))
        k, usage_key = parse_keyset(data[5:-16])
        return {"plaintext": data[5:-16], "parsed": k, "usage_key": usage_key, "opened_via": "unprotected"}
    keys.versions = [v for v in keys.versions if restore or v[2] < 3]                           # 8.5
    out = open_envelope(data, keys, {}, kind=2)
    out["parsed"], out["usage_key"] = parse_keyset(out["plaintext"])
    k, stored = out["parsed"], dict(out["stored"])
    if "sealwax.backup" in stored: parse_backup_list(stored.pop("sealwax.backup"))
    need(stored == {"sealwax.keyset": bytes.fromhex(k["keyset_id"]), "sealwax.keyset-name": k["name"].encode(),
                           "sealwax.keyset-revision": be(k["revision"], 8)})
    return out
