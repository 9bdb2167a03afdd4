# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keysets: their life and their files."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import sealwax
from conftest import left
from sealwax import Keyset

SUITES = ["cobblestone-256", "chacha20-poly1305"]
IDENTITIES = ["x25519", "x-wing"]


@pytest.mark.parametrize("suite", SUITES + IDENTITIES)
def test_a_keyset_survives_its_file(tmp_path: Path, cheap: sealwax.Passphrase, suite: str) -> None:
    keyset = Keyset.generate("billing", suite)
    keyset.rotate()
    path = tmp_path / "keyset"
    keyset.save(path, passphrase=cheap)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = Keyset.load(path, passphrase="correct horse")
    assert loaded.info() == keyset.info()
    assert len(loaded.info()["versions"]) == 2
    assert left(tmp_path) == ["keyset"]


def test_a_keyset_file_says_what_protects_it(tmp_path: Path, cheap: sealwax.Passphrase, keyset: Keyset) -> None:
    sealed, plain = tmp_path / "sealed", tmp_path / "plain"
    with pytest.raises(sealwax.MisuseError, match="say what protects"):
        keyset.save(sealed)
    with pytest.raises(sealwax.MisuseError):
        keyset.save(sealed, passphrase=cheap, unprotected=True)
    keyset.save(sealed, passphrase=cheap)
    keyset.save(plain, unprotected=True)
    with pytest.raises(sealwax.MisuseError, match="say what protects"):
        Keyset.load(sealed)
    with pytest.raises(sealwax.FormatError):
        Keyset.load(sealed, unprotected=True)
    with pytest.raises(sealwax.FormatError):
        Keyset.load(plain, passphrase=cheap)
    with pytest.raises(sealwax.DecryptionError):
        Keyset.load(sealed, passphrase="wrong")
    assert Keyset.load(plain, unprotected=True).id == keyset.id
    with pytest.raises(sealwax.FormatError) as raised:
        Keyset.load(__file__, unprotected=True)
    assert raised.value.clause == "8.4"


@pytest.mark.parametrize("suite", IDENTITIES)
def test_a_backup_for_a_public_key_is_restored(tmp_path: Path, keyset: Keyset, suite: str) -> None:
    identity = Keyset.generate("backup", suite)
    recipient = identity.recipient()
    assert recipient.algorithm == suite
    path = tmp_path / "backup"
    keyset.save(path, recipients=[str(recipient)])
    with pytest.raises(sealwax.UnknownKeyError):
        Keyset.load(path, keyset=identity)
    assert Keyset.load(path, identity=identity).id == keyset.id
    assert Keyset.load(path, identity=identity.expose_identity()).id == keyset.id


def test_a_keyset_protects_another(keyset: Keyset) -> None:
    other = Keyset.generate("other")
    data = other.to_bytes(recipients=keyset)
    assert Keyset.from_bytes(data, keyset=keyset).id == other.id
    raw = sealwax.RawKey(bytes(16), os.urandom(32))
    data = other.to_bytes(recipients=[raw])
    assert Keyset.from_bytes(data, keys=raw).id == other.id
    with pytest.raises(sealwax.MisuseError):
        other.to_bytes(recipients=other)


def test_saving_never_replaces_what_it_should_not(tmp_path: Path, keyset: Keyset) -> None:
    path = tmp_path / "keyset"
    keyset.save(path, unprotected=True)
    with pytest.raises(FileExistsError):
        keyset.save(path, unprotected=True)
    keyset.rotate()
    keyset.save(path, unprotected=True, overwrite=True)
    newer = Keyset.load(path, unprotected=True)
    assert newer.revision == 2
    newer.rotate()
    newer.save(path, unprotected=True, overwrite=True)
    with pytest.raises(sealwax.KeyStateError, match="newer one"):
        keyset.save(path, unprotected=True, overwrite=True)
    with pytest.raises(sealwax.MisuseError, match="another keyset"):
        Keyset.generate("other").save(path, unprotected=True, overwrite=True)
    (tmp_path / "text").write_text("not a keyset")
    with pytest.raises(sealwax.FormatError):
        keyset.save(tmp_path / "text", unprotected=True, overwrite=True)
    assert Keyset.load(path, unprotected=True).revision == 3


def test_rotating_keeps_what_was_sealed(keyset: Keyset) -> None:
    token = keyset.seal(b"value")
    first = keyset.primary
    second = keyset.rotate()
    assert keyset.primary == second != first
    assert keyset.revision == 2
    newer = keyset.seal(b"value")
    assert keyset.open(token) == keyset.open(newer) == b"value"
    third = keyset.rotate("chacha20-poly1305")
    fourth = keyset.rotate()
    suites = {version["id"]: version["algorithm"] for version in keyset.info()["versions"]}
    assert suites[third] == suites[fourth] == "chacha20-poly1305"
    with pytest.raises(sealwax.MisuseError):
        keyset.rotate("x25519")


def test_rotating_does_not_wait_for_jobs(keyset: Keyset, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(bytes(40 << 20))
    before = keyset.primary

    def progress(done: int, total: int) -> None:
        if keyset.primary == before:
            keyset.rotate()

    sealwax.seal_file(tmp_path / "plain", tmp_path / "sealed", keyset=keyset, progress=progress)
    assert keyset.primary != before
    via = sealwax.verify(tmp_path / "sealed", keyset=keyset)["opened_via"]
    assert via["version"] == before


def test_closing_ends_a_keyset(keyset: Keyset, tmp_path: Path) -> None:
    token = keyset.seal(b"value")
    with sealwax.open(tmp_path / "file", "wb", keyset=keyset) as file:
        with keyset as same:
            assert same is keyset
        assert keyset.closed
        # What was begun before goes on.
        file.write(b"content")
    for call in (
        lambda: keyset.seal(b""),
        lambda: keyset.open(token),
        lambda: keyset.seal_many([b""]),
        lambda: keyset.id,
        lambda: keyset.name,
        lambda: keyset.primary,
        lambda: keyset.revision,
        keyset.info,
        keyset.rotate,
        keyset.recipient,
        keyset.expose_identity,
        keyset.__enter__,
        lambda: keyset.to_bytes(unprotected=True),
        lambda: sealwax.seal_bytes(b"", keyset=keyset),
        lambda: sealwax.open(tmp_path / "file", keyset=keyset),
    ):
        with pytest.raises(sealwax.MisuseError, match="closed"):
            call()
    keyset.close()
    assert repr(keyset) == "<sealwax.Keyset closed>"


def test_no_secret_is_shown(keyset: Keyset) -> None:
    secret = os.urandom(32)
    imported = Keyset.import_raw(secret, "imported")
    shown = repr(imported) + str(imported) + str(imported.info()) + repr(sealwax.Passphrase("hunter22"))
    assert secret.hex() not in shown
    assert repr(secret)[2:-1] not in shown
    assert "hunter22" not in shown
    identity = Keyset.generate("identity", "x25519")
    assert identity.expose_identity()[:40] not in repr(identity) + str(identity.info())
    with pytest.raises(sealwax.MisuseError) as raised:
        Keyset.import_raw(secret[:31])
    assert secret[:31].hex() not in str(raised.value)


@pytest.mark.parametrize("name", ["", "x" * 65, "line\nbreak", "nul\0"])
def test_names_that_are_not_allowed_are_misuse(name: str) -> None:
    with pytest.raises(sealwax.MisuseError):
        Keyset.generate(name)


def test_wrong_arguments(keyset: Keyset, tmp_path: Path) -> None:
    with pytest.raises(sealwax.MisuseError):
        Keyset.generate("x", "rot13")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Keyset.generate(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Keyset()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Keyset.load(5, passphrase="x")  # type: ignore[arg-type]
    with pytest.raises(sealwax.MisuseError):
        keyset.recipient()
    with pytest.raises(sealwax.MisuseError):
        keyset.expose_identity()
    with pytest.raises(sealwax.FormatError):
        Keyset.from_identity("SEALWAX-SECRET-1QQQQ")
    with pytest.raises(sealwax.FormatError):
        sealwax.Recipient("sealwaxpub1qqqq")
    for bad in ({"memory_kib": 1}, {"passes": 0}, {"lanes": 0}, {"memory_kib": 1 << 21}):
        with pytest.raises(sealwax.MisuseError):
            sealwax.Passphrase("x", **bad)
    with pytest.raises(sealwax.MisuseError):
        sealwax.Passphrase("")
    with pytest.raises(sealwax.MisuseError):
        sealwax.RawKey(b"short", bytes(32))
    with pytest.raises(sealwax.MisuseError):
        sealwax.RawKey(bytes(16), bytes(31))
    assert left(tmp_path) == []


def test_threads_share_a_keyset_that_rotates(keyset: Keyset) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for number in range(300):
                value = b"%d" % number
                token = keyset.seal(value, context={"n": str(number)})
                if number % 50 == 0:
                    keyset.rotate()
                assert keyset.open(token, context={"n": str(number)}) == value
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(keyset.info()["versions"]) == 25


def test_keysets_go_both_ways_between_faces(tmp_path: Path, command: str) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    environment = os.environ | {"SEALWAX_HOME": str(tmp_path / "home")}

    def run(*arguments: object, data: bytes = b"") -> bytes:
        line = [command, *map(str, arguments)]
        return subprocess.run(line, input=data, env=environment, check=True, stdout=subprocess.PIPE).stdout

    run("keyset", "new", "billing", "--unprotected", "-o", theirs)
    keyset = Keyset.load(theirs, unprotected=True)
    assert keyset.name == "billing"
    Keyset.generate("mine").save(ours, unprotected=True)
    assert b"mine" in run("keyset", "show", ours)


SECRET_TEXTS: list[Any] = [
    lambda text: sealwax.seal_bytes(b"", passphrase=text),
    lambda text: sealwax.seal_bytes(b"", recipients=text),
    lambda text: sealwax.open_bytes(b"", identities=text),
    lambda text: sealwax.Passphrase(text),
    lambda text: sealwax.Share(text),
    lambda text: Keyset.from_identity(text),
    lambda text: Keyset.restore_from_shares(b"", [text]),
]


@pytest.mark.parametrize("call", SECRET_TEXTS)
def test_an_exception_about_a_text_does_not_hold_it(call: Any) -> None:
    with pytest.raises(sealwax.MisuseError) as raised:
        call("hunter2\udcff")
    assert "hunter2" not in repr(raised.value) and raised.value.__cause__ is raised.value.__context__ is None


def test_a_save_does_not_replace_what_another_program_made_of_the_same_revision(tmp_path: Path) -> None:
    path = tmp_path / "keyset"
    Keyset.generate("x").save(path, unprotected=True)
    ours, theirs = (Keyset.load(path, unprotected=True) for _ in range(2))
    ours.rotate()
    ours.save(path, unprotected=True, overwrite=True)
    token = ours.seal(b"content")
    theirs.rotate()
    with pytest.raises(sealwax.KeyStateError, match="revision"):
        theirs.save(path, unprotected=True, overwrite=True)
    # Nor where it made more changes than the other: theirs would be lost.
    theirs.rotate()
    with pytest.raises(sealwax.KeyStateError, match="load that"):
        theirs.save(path, unprotected=True, overwrite=True)
    assert Keyset.load(path, unprotected=True).open(token) == b"content"
    # What was saved last is what the next save starts from.
    for _ in range(3):
        ours.rotate()
        ours.rotate()
        ours.save(path, unprotected=True, overwrite=True)
    assert Keyset.load(path, unprotected=True).open(token) == b"content"


ROTATING = """
import sys, sealwax
path, count = sys.argv[1], int(sys.argv[2])
done = 0
while done < count:
    keyset = sealwax.Keyset.load(path, unprotected=True)
    version = keyset.rotate()
    try:
        keyset.save(path, unprotected=True, overwrite=True)
    except sealwax.KeyStateError:
        continue
    print(version)
    done += 1
"""


def test_processes_that_save_at_the_same_time_lose_no_change(tmp_path: Path) -> None:
    path = tmp_path / "keyset"
    Keyset.generate("x").save(path, unprotected=True)
    line = [sys.executable, "-c", ROTATING, str(path), "40"]
    others = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    made = [version for other in others for version in other.communicate(timeout=120)[0].split()]
    assert [other.returncode for other in others] == [0, 0, 0] and len(made) == 120
    found = Keyset.load(path, unprotected=True)
    assert set(made) < {version["id"] for version in found.info()["versions"]}
    assert found.revision == 121 and left(tmp_path) == ["keyset"]


def test_a_change_beside_a_job_does_not_forget_what_was_counted() -> None:
    keyset = Keyset.generate("x")
    keyset.set_policy(rotate_after_messages=10)
    for _ in range(20):
        keyset.seal(b"")

    class Changing(io.BytesIO):
        def write(self, data: Any) -> int:
            # The writer's job holds the keyset now.
            keyset.set_policy(allow_raw_export=True)
            return super().write(data)

    sealwax.open(Changing(), "wb", keyset=keyset).abort()
    assert keyset.info()["policy"]["allow_raw_export"]
    assert keyset.rotation_due() == "messages"
