# SPDX-License-Identifier: MIT OR Apache-2.0
"""The life of keys: states, policy, stores, rewrap, reencrypt, census, backups."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import sealwax
from conftest import left
from sealwax import Keyset


def state(keyset: Keyset, version: str) -> str:
    return {row["id"]: row["state"] for row in keyset.info()["versions"]}[version]


def test_every_move_of_the_table(keyset: Keyset) -> None:
    first = keyset.primary
    assert first is not None
    token = keyset.seal(b"value")
    keyset.suspend(first, "audit")
    assert state(keyset, first) == "suspended" and keyset.primary is None
    with pytest.raises(sealwax.KeyStateError) as raised:
        keyset.open(token)
    assert (raised.value.version, raised.value.state) == (first, "suspended")
    assert raised.value.keyset == keyset.id and "resume" in raised.value.remedy
    with pytest.raises((sealwax.KeyStateError, sealwax.MisuseError)):
        keyset.seal(b"value")
    keyset.resume(first)
    assert keyset.open(token) == b"value" and keyset.primary == first
    with pytest.raises(sealwax.KeyStateError):
        keyset.deactivate(first)
    second = keyset.rotate()
    keyset.deactivate(first, "rotated")
    assert keyset.open(token) == b"value"
    keyset.mark_compromised(first, "lost laptop")
    with pytest.raises(sealwax.KeyStateError):
        keyset.open(token)
    plaintext, via = keyset.open_migrating(token)
    assert plaintext == b"value" and via["compromised"] and via["version"] == first
    assert not keyset.open_migrating(keyset.seal(b"new"))[1]["compromised"]
    keyset.destroy(first, danger_without_census=True)
    assert state(keyset, first) == "destroyed"
    with pytest.raises(sealwax.KeyStateError):
        keyset.open_migrating(token)
    with pytest.raises(sealwax.KeyStateError):
        keyset.destroy(second, danger_without_census=True)
    prepared = keyset.prepare()
    assert state(keyset, prepared) == "pre-active" and keyset.primary == second
    keyset.activate(prepared, "everybody has it")
    assert keyset.primary == prepared
    [change] = [row for row in keyset.info()["versions"] if row["id"] == prepared][0]["changes"]
    assert change["reason"] == "everybody has it" and abs(change["at"] - time.time()) < 60


def test_moves_that_are_none(keyset: Keyset) -> None:
    primary = keyset.primary
    assert primary is not None
    for move in (keyset.activate, keyset.resume):
        with pytest.raises(sealwax.KeyStateError):
            move(primary)
    for version in ("", "0", "00000000", "zzzzzzzz", "0x123456"):
        with pytest.raises(sealwax.MisuseError):
            keyset.suspend(version)
    absent = "00000001" if primary != "00000001" else "00000002"
    with pytest.raises(sealwax.UnknownKeyError):
        keyset.suspend(absent)
    with pytest.raises(sealwax.MisuseError):
        keyset.suspend(primary, "x" * 256)
    with pytest.raises(sealwax.MisuseError, match="census"):
        keyset.destroy(primary)
    assert keyset.revision == 1, "nothing changed"


def test_policy_and_times(keyset: Keyset) -> None:
    assert keyset.rotation_due() is None and keyset.rotate_if_due() is None
    keyset.set_policy(rotate_after_seconds=0, rotate_after_messages=5, algorithms=["cobblestone-256"])
    policy = keyset.info()["policy"]
    assert policy["rotate_after_messages"] == 5 and policy["algorithms"] == ["cobblestone-256"]
    with pytest.raises(sealwax.MisuseError):
        keyset.rotate("chacha20-poly1305")
    with pytest.raises(sealwax.MisuseError):
        keyset.set_policy(algorithms=["x25519"])
    with pytest.raises(sealwax.MisuseError):
        keyset.set_policy(algorithms=[])
    with pytest.raises(TypeError):
        keyset.set_policy(nothing=1)  # type: ignore[call-arg]
    primary = keyset.primary
    assert primary is not None
    now = int(time.time())
    keyset.schedule(primary, deactivate_at=now - 10)
    with pytest.raises(sealwax.KeyStateError):
        keyset.seal(b"")
    assert keyset.rotation_due() == "deactivation"
    assert keyset.rotate_if_due() == keyset.primary != primary
    with pytest.raises(sealwax.MisuseError):
        keyset.schedule(primary, activate_at=now, deactivate_at=now - 1)


def test_a_store_is_followed_and_counted(tmp_path: Path, keyset: Keyset) -> None:
    path = tmp_path / "orders.swxk"
    with sealwax.Store.create(path, keyset, unprotected=True) as store:
        token = store.seal(b"value", context={"row": "1"})
        assert store.open_token(token, context={"row": "1"}) == b"value"
        with sealwax.Store.open(path, unprotected=True) as other:
            version = other.rotate()
            assert not other.refresh()
            assert store.refresh() and store.keyset.primary == version
            other.suspend(version)
            store.refresh()
            with pytest.raises((sealwax.KeyStateError, sealwax.MisuseError)):
                store.seal(b"value")
            other.resume(version)
            store.refresh()
            store.set_policy(rotate_after_messages=1)
        envelope = sealwax.seal_bytes(b"content", keyset=store)
        assert sealwax.open_bytes(envelope, keyset=store) == b"content"
        assert sealwax.open_bytes(envelope, keyset=[keyset, store]) == b"content"
        used = store.usage()
        assert used[version]["messages"] >= 1 and not used[version]["near_limit"]
        snapshot = store.keyset
        with pytest.raises(sealwax.MisuseError, match="change the store"):
            snapshot.rotate()
        assert "orders.swxk" in repr(store)
    assert store.closed
    with pytest.raises(sealwax.MisuseError):
        store.seal(b"")
    store.close()
    assert sealwax.Store.open(path, unprotected=True).keyset.primary == version
    assert left(tmp_path) == ["orders.swxk", "orders.swxl"]


def test_a_store_with_a_passphrase(tmp_path: Path, keyset: Keyset, cheap: sealwax.Passphrase) -> None:
    path = tmp_path / "orders.swxk"
    sealwax.Store.create(path, keyset, passphrase=cheap).close()
    with pytest.raises(sealwax.DecryptionError):
        sealwax.Store.open(path, passphrase="wrong")
    with pytest.raises(sealwax.MisuseError):
        sealwax.Store.open(path)
    with pytest.raises(FileNotFoundError):
        sealwax.Store.open(tmp_path / "missing", unprotected=True)
    with pytest.raises(FileExistsError):
        sealwax.Store.create(path, keyset, unprotected=True)
    with sealwax.Store.open(path, passphrase=cheap, count_in_file=False) as store:
        store.rotate()
    assert Keyset.load(path, passphrase="correct horse").revision == 2


def test_rewrap_moves_files_to_the_new_version(tmp_path: Path, keyset: Keyset) -> None:
    path = tmp_path / "file.swx"
    with sealwax.open(path, "wb", keyset=keyset) as file:
        file.write(b"content")
    assert sealwax.rewrap(path, keyset=keyset)["outcome"] == "current"
    old = keyset.primary
    new = keyset.rotate()
    assert old is not None
    dry = sealwax.rewrap(path, keyset=keyset, dry_run=True)
    assert dry["outcome"] == "would-change" and dry["changes"][0]["kind"] == "refreshed"
    assert sealwax.inspect(path)["recipients"][0]["version"] == old
    done = sealwax.rewrap(path, keyset=keyset, sync=False)
    assert done["outcome"] == "in-place" and done["opened_via"] is not None
    assert sealwax.inspect(path)["recipients"][0]["version"] == new
    assert sealwax.inspect(path)["epoch"] == 2
    assert sealwax.open(path, keyset=keyset).read() == b"content"
    other = Keyset.generate("other")
    sealwax.rewrap(path, keyset=keyset, add=other)
    assert sealwax.open(path, keyset=other).read() == b"content"
    sealwax.rewrap(path, keyset=other, remove=keyset)
    with pytest.raises(sealwax.UnknownKeyError):
        sealwax.open(path, keyset=keyset)
    with pytest.raises(sealwax.UnknownKeyError):
        sealwax.rewrap(path, keyset=keyset, add=other.primary and keyset, remove_others=True)
    with pytest.raises(sealwax.LimitError):
        sealwax.rewrap(path, keyset=other, add=[Keyset.generate(str(n)) for n in range(9)])
    grown = sealwax.rewrap(path, keyset=other, add=[Keyset.generate(str(n)) for n in range(9)], grow=True)
    assert grown["outcome"] == "copied" and len(grown["changes"]) == 9
    assert sealwax.open(path, keyset=other).read() == b"content"
    assert left(tmp_path) == ["file.swx"]


def test_rewrap_in_memory(keyset: Keyset) -> None:
    envelope = sealwax.seal_bytes(b"content", keyset=keyset)
    assert sealwax.rewrap_bytes(envelope, keyset=keyset) == envelope
    new = keyset.rotate()
    rewrapped = sealwax.rewrap_bytes(bytearray(envelope), keyset=keyset)
    assert sealwax.inspect(rewrapped)["recipients"][0]["version"] == new
    assert sealwax.open_bytes(rewrapped, keyset=keyset) == b"content"
    others = [Keyset.generate(str(number)) for number in range(2)]
    many = sealwax.rewrap_bytes(rewrapped, keyset=keyset, add=others)
    assert len(sealwax.inspect(many)["recipients"]) == 3
    alone = sealwax.rewrap_bytes(many, keyset=keyset, remove=iter(others))
    assert [who["version"] for who in sealwax.inspect(alone)["recipients"]] == [new]
    with pytest.raises(sealwax.MisuseError):
        sealwax.rewrap_bytes(envelope, keyset=keyset, remove=["keyset"])
    with pytest.raises(TypeError):
        sealwax.rewrap_bytes(envelope, keyset=keyset, grow=True)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        sealwax.rewrap_bytes(envelope, keyset=keyset, remove=5)  # type: ignore[arg-type]


def test_reencrypt_is_the_remedy(tmp_path: Path, keyset: Keyset) -> None:
    path = tmp_path / "file.swx"
    with sealwax.open(path, "wb", keyset=keyset, context={"a": "b"}) as file:
        file.write(b"content" * 100_000)
    old = keyset.primary
    assert old is not None
    keyset.rotate()
    keyset.mark_compromised(old)
    with pytest.raises(sealwax.KeyStateError):
        sealwax.rewrap(path, keyset=keyset)
    with pytest.raises(sealwax.KeyStateError):
        sealwax.reencrypt_file(path, path, recipients=keyset, keyset=keyset, overwrite=True)
    again = {"recipients": keyset, "keyset": keyset, "migrate": True, "overwrite": True}
    with pytest.raises(sealwax.DecryptionError):
        sealwax.reencrypt_file(path, path, min_epoch=2, **again)
    with pytest.raises(sealwax.UnknownKeyError):
        sealwax.reencrypt_file(path, path, require="passphrase", **again)
    done = sealwax.reencrypt_file(path, path, min_epoch=1, require=["keyset"], **again)
    assert done["compromised"] and done["plaintext_len"] == 700_000
    with sealwax.open(path, keyset=keyset, context={"a": "b"}) as file:
        assert file.read() == b"content" * 100_000
        assert not file.opened_via["compromised"]
    assert left(tmp_path) == ["file.swx"]


def test_a_census_clears_what_nothing_depends_on(tmp_path: Path, keyset: Keyset) -> None:
    old = keyset.primary
    assert old is not None
    token = keyset.seal(b"value")
    for n in range(5):
        with sealwax.open(tmp_path / f"{n}.swx", "wb", keyset=keyset) as file:
            file.write(b"content")
    keyset.rotate()
    found = sealwax.census(tmp_path, tokens=[token, bytearray(token), b"no token"], keyset=keyset)
    assert (found.envelopes, found.tokens, found.unreadable, found.verified) == (5, 2, 1, False)
    [row] = found.tallies
    assert (row["kind"], row["version"], row["envelopes"], row["tokens"]) == ("version", old, 5, 2)
    with pytest.raises(sealwax.KeyStateError):
        keyset.destroy(old, census=found)
    for path in tmp_path.glob("*.swx"):
        sealwax.rewrap(path, keyset=keyset)
    with pytest.raises(sealwax.KeyStateError, match="without keys"):
        keyset.destroy(old, census=sealwax.census(tmp_path, keyset=keyset))
    clear = sealwax.census([tmp_path], keyset=keyset, verified=True, threads=2)
    assert clear.verified and clear.unopenable == 0 and "verified" in repr(clear)
    keyset.destroy(old, "nothing needs it", census=clear)
    with pytest.raises(sealwax.KeyStateError):
        keyset.open(token)
    with pytest.raises(TypeError):
        sealwax.census(tmp_path, keyset=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        sealwax.census(tmp_path, nothing=1)  # type: ignore[call-arg]


def test_a_backup_in_shares(keyset: Keyset) -> None:
    data, shares = keyset.backup_in_shares(2, 3)
    assert [share.number for share in shares] == [1, 2, 3]
    texts = [share.expose_text() for share in shares]
    assert not any(text in repr(shares) for text in texts)
    restored = Keyset.restore_from_shares(data, [shares[2], texts[0]])
    assert restored.id == keyset.id and restored.fingerprint == keyset.fingerprint
    with pytest.raises(sealwax.UnknownKeyError):
        Keyset.restore_from_shares(data, shares[:1])
    _, others = keyset.backup_in_shares(2, 3)
    with pytest.raises(sealwax.UnknownKeyError):
        Keyset.restore_from_shares(data, [shares[0], others[1]])
    for threshold, count in [(1, 3), (4, 3), (2, 65)]:
        with pytest.raises(sealwax.MisuseError):
            keyset.backup_in_shares(threshold, count)
    with pytest.raises(sealwax.FormatError):
        sealwax.Share("SEALWAX-SHARE-1QQQQ")


def test_a_store_is_restored_as_a_newer_revision_than_all_that_were_seen(tmp_path: Path, keyset: Keyset) -> None:
    path = tmp_path / "orders.swxk"
    with sealwax.Store.create(path, keyset, unprotected=True) as store:
        assert store.backed_up() is None
        data, shares = store.keyset.backup_in_shares(2, 3)
        store.record_backup(store.keyset.revision, at=1_700_000_000)
        assert store.backed_up() == {"revision": 1, "at": 1_700_000_000}
        store.rotate()
        store.rotate()
        store.record_backup(1)
        recorded = store.backed_up()
        assert recorded is not None and recorded["revision"] == 1
        assert recorded["at"] is not None and abs(recorded["at"] - time.time()) < 60
        with pytest.raises(sealwax.MisuseError):
            store.record_backup(99)
    with pytest.raises(FileExistsError):
        sealwax.Store.restore(path, Keyset.restore_from_shares(data, shares[1:]), unprotected=True)
    path.unlink()
    with sealwax.Store.restore(path, Keyset.restore_from_shares(data, shares[:2]), unprotected=True) as store:
        assert store.keyset.id == keyset.id and store.keyset.revision == 4
        assert store.keyset.primary == keyset.primary, "what was made after the backup is lost"
    # Whoever saw the newest revision takes it, and refuses an older one.
    with pytest.raises(sealwax.KeyStateError, match="put back"):
        sealwax.Store.open(path, unprotected=True, min_revision=5)
    sealwax.Store.open(path, unprotected=True, min_revision=4).close()


def test_a_store_is_protected_anew(tmp_path: Path, keyset: Keyset, cheap: sealwax.Passphrase) -> None:
    path = tmp_path / "orders.swxk"
    with sealwax.Store.create(path, keyset, unprotected=True) as store:
        store.protect(passphrase=cheap)
        assert store.keyset.revision == 2
        store.rotate()
        with pytest.raises(sealwax.MisuseError):
            store.protect()
    with pytest.raises(sealwax.FormatError):
        sealwax.Store.open(path, unprotected=True)
    with sealwax.Store.open(path, passphrase=cheap) as store:
        assert store.keyset.revision == 3


def test_a_store_destroys_what_a_census_clears(tmp_path: Path, keyset: Keyset) -> None:
    with sealwax.Store.create(tmp_path / "orders.swxk", keyset, unprotected=True) as store:
        old = store.keyset.primary
        assert old is not None
        with sealwax.open(tmp_path / "file.swx", "wb", keyset=store) as file:
            file.write(b"content")
        store.rotate()
        in_use = sealwax.census(tmp_path, keyset=store, verified=True)
        with pytest.raises(sealwax.KeyStateError):
            store.destroy(old, census=in_use)
        sealwax.rewrap(tmp_path / "file.swx", keyset=store)
        store.destroy(old, "moved", census=sealwax.census(tmp_path, keyset=store, verified=True))
        assert state(store.keyset, old) == "destroyed"
        [*_, last] = next(row for row in store.keyset.info()["versions"] if row["id"] == old)["changes"]
        assert last["reason"] == "moved" and abs(last["at"] - time.time()) < 60
        with sealwax.open(tmp_path / "file.swx", keyset=store) as sealed:
            assert sealed.read() == b"content"


def test_a_store_is_followed_after_a_save_of_the_keyset(tmp_path: Path, keyset: Keyset) -> None:
    path = tmp_path / "orders.swxk"
    with sealwax.Store.create(path, keyset, unprotected=True) as store:
        loaded = Keyset.load(path, unprotected=True)
        version = loaded.rotate()
        loaded.save(path, unprotected=True, overwrite=True)
        assert store.refresh() and store.keyset.primary == version
        store.rotate()
        loaded.rotate()
        loaded.rotate()
        with pytest.raises(sealwax.KeyStateError, match="store"):
            loaded.save(path, unprotected=True, overwrite=True)
