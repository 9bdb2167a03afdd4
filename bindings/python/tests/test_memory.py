# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a debugger and a core dump find of keys: in a Python program, and in the command line.

Whoever runs the tests may have to be allowed to look (ptrace). What Python's own str and bytes hold is not ours to
wipe, and is not looked for.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sealwax
from conftest import ROOT, skipped

if not sys.platform.startswith("linux"):
    pytest.skip("looks into /proc", allow_module_level=True)

sys.path.insert(0, str(ROOT / "tests" / "memory"))
needles_of = pytest.importorskip("needles", reason="the reference reader needs cryptography")
process = pytest.importorskip("process")
from reader.base import be  # noqa: E402
from reader.envelopes import open_envelope  # noqa: E402
from reader.keysets import open_keyset  # noqa: E402
from reader.tokens import Keys, open_token, version_key  # noqa: E402

PASSPHRASE = "a passphrase that nobody would choose, 314159"

PROGRAM = """
    import sys

    import sealwax

    folder, leaks = sys.argv[1], sys.argv[2:] == ["leak"]

    def step(name):
        print(name, flush=True)
        sys.stdin.readline()

    planted = bytearray(4096)
    with open(folder + "/unprotected", "rb", buffering=0) as file:
        file.readinto(planted)
    step("planted")
    if not leaks:
        planted[:] = bytes(len(planted))
    with open(folder + "/passphrase") as file:
        keyset = sealwax.Keyset.load(folder + "/protected", passphrase=file.read())
    identity = sealwax.Keyset.load(folder + "/identity", unprotected=True)
    token = keyset.seal(b"a value")
    assert keyset.open(token) == b"a value"
    print("sealed token", token.hex())
    for key in (keyset, identity):
        sealed = sealwax.seal_bytes(b"a message", recipients=key)
        by = {"identities": key} if key is identity else {"keyset": key}
        assert sealwax.open_bytes(sealed, **by) == b"a message"
        print("sealed message", sealed.hex())
    with sealwax.open(folder + "/file.swx", "wb", keyset=keyset) as file:
        file.write(bytes(100000))
    with sealwax.open(folder + "/file.swx", keyset=keyset) as file:
        assert file.read() == bytes(100000)
    step("held")
    keyset.close()
    identity.close()
    step("closed")
"""


class Known:
    """Secrets, and the keys for those that follow from them."""

    def __init__(self, **given: Any) -> None:
        self.needles = needles_of.Needles()
        self.sets: list[dict[str, Any]] = []
        self.given = given

    def keys(self) -> Any:
        sets = [{"keyset_id": one["keyset_id"], "versions": one["versions"]} for one in self.sets]
        return Keys({"keysets": sets, **self.given})

    def add_keyset(self, file: bytes, protection: str = "unprotected") -> None:
        with self.recording("keyset file", file):
            opened = open_keyset(file, self.keys(), protection)["parsed"]
        self.sets.append(opened)
        for version in opened["versions"]:
            root, algorithm = bytes.fromhex(version["secret"]), version["algorithm"]
            self.needles.add_hmac_key("root secret", root)
            ids = bytes.fromhex(opened["keyset_id"]) + be(version["version_id"], 4)
            for use in (b"token", b"wrap", b"salt") if algorithm < 3 else ():
                self.needles.add_hmac_key("K_" + use.decode(), version_key(root, use, algorithm, ids))

    @contextlib.contextmanager
    def recording(self, name: str, public: bytes) -> Iterator[None]:
        with needles_of.recording(self.needles, name, secret=False):
            yield
        self.needles.forget_public(public)

    def add_envelope(self, name: str, sealed: bytes) -> None:
        with self.recording(name, sealed):
            open_envelope(sealed, self.keys(), {})

    def add_token(self, token: bytes) -> None:
        with self.recording("token", token):
            open_token(token, self.keys(), {})

    def found(self, memory: bytes | None) -> set[str]:
        return set(self.needles.found_halves(memory or b""))


def is_secret_memory() -> bool:
    """Whether long-lived keys lie where no debugger reads."""
    run = subprocess.run(
        [sys.executable, "-c", "import ctypes; print(ctypes.CDLL(None).syscall(447, 0))"], capture_output=True
    )
    return int(run.stdout) >= 0


@pytest.mark.parametrize("leaks", [False, True])
def test_a_closed_keyset_leaves_nothing_in_a_python_program(tmp_path: Path, leaks: bool) -> None:
    known = Known(passphrase=PASSPHRASE)
    cheap = sealwax.Passphrase(PASSPHRASE, memory_kib=64, passes=1, lanes=1)
    keyset = sealwax.Keyset.import_raw(os.urandom(32), "held")
    keyset.save(tmp_path / "unprotected", unprotected=True)
    keyset.save(tmp_path / "protected", passphrase=cheap)
    identity = sealwax.Keyset.generate("identity", "x25519")
    identity.save(tmp_path / "identity", unprotected=True)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    for name in ("unprotected", "identity"):
        known.add_keyset((tmp_path / name).read_bytes())
    with known.recording("keyset file", (tmp_path / "protected").read_bytes()):
        open_keyset((tmp_path / "protected").read_bytes(), known.keys())
    # The keyset of this process plays no part: the other one is looked into.
    script = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path), *(["leak"] if leaks else [])]
    program = process.Stepped(script, tmp_path)
    found = {}
    for wanted in ("planted", "held", "closed"):
        assert program.step() == wanted
        for name, sealed in program.sealed:
            known.add_token(sealed) if name == "token" else known.add_envelope(name, sealed)
        if wanted == "held":
            known.add_envelope("file", (tmp_path / "file.swx").read_bytes())
        memory, core = program.look()
        found[wanted] = known.found(memory) | known.found(core)
        print(wanted, found[wanted])
        program.go_on()
    assert program.end() == 0
    assert "root secret" in found["planted"], "the search is blind"
    if leaks:
        assert found["closed"] == {"root secret"}, "what was left on purpose is not all that is found"
        return
    # Without secret memory a debugger sees the keys that are held; a core dump never has them.
    assert is_secret_memory() <= ("root secret" not in found["held"])
    assert not found["closed"]


class Job:
    """The command line with a keyset under a passphrase."""

    def __init__(self, command: str, folder: Path) -> None:
        self.command, self.folder = command, folder
        self.environment = {**os.environ, "SEALWAX_HOME": str(folder / "home")}
        for name, text in (("pass", PASSPHRASE), ("other", PASSPHRASE[::-1])):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        self.run("keyset", "new", "work", "--passphrase-file", "pass")
        self.known = Known(passphrase=PASSPHRASE)
        (file,) = (file for file in (folder / "home").iterdir() if file.suffix == ".swxk")
        self.known.add_keyset(file.read_bytes(), "envelope")
        for text in (PASSPHRASE, PASSPHRASE[::-1]):
            self.known.needles.add("passphrase", text.encode())

    def run(self, *arguments: str) -> None:
        options: dict[str, Any] = {
            "cwd": self.folder,
            "env": self.environment,
            "check": True,
            "stdin": subprocess.DEVNULL,
        }
        subprocess.run([self.command, *arguments], capture_output=True, **options)

    def core_at_end(self, *arguments: str, environment: dict[str, str] | None = None) -> bytes:
        """The core dump of its last moment, with all that it had asked to be left out of core dumps."""
        core = self.folder / "core"
        core.unlink(missing_ok=True)
        gdb = ["set pagination off", "set dump-excluded-mappings on", "set use-coredump-filter off"]
        gdb += ["set startup-with-shell off", "catch syscall exit_group", "run", f"gcore {core}", "kill"]
        line = ["gdb", "-q", "-batch", "-nx"]
        for one in gdb:
            line += ["-ex", one]
        run = subprocess.run(
            [*line, "--args", self.command, *arguments],
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if not core.exists():
            skipped(f"gdb may not look: {run.stderr[-300:]}")
        return core.read_bytes()


@pytest.fixture
def job(command: str, tmp_path: Path) -> Job:
    if shutil.which("gdb") is None:
        skipped("there is no gdb")
    return Job(command, tmp_path)


def test_the_command_line_ends_with_no_key_and_no_passphrase_in_memory(job: Job) -> None:
    (job.folder / "plain").write_bytes(os.urandom(300_000))
    unlocked = ("--keyset-passphrase-file", "pass")
    jobs: list[tuple[str, ...]] = [
        ("seal", "-q", "-k", "work", *unlocked, "-o", "by-keyset.swx", "plain"),
        ("open", "-q", *unlocked, "-o", "again", "by-keyset.swx"),
        ("seal", "-q", "--passphrase-file", "other", "-o", "by-passphrase.swx", "plain"),
        ("keyset", "rotate", "work", "--passphrase-file", "pass"),
    ]
    cores = [job.core_at_end(*arguments) for arguments in jobs]
    assert (job.folder / "again").read_bytes() == (job.folder / "plain").read_bytes()
    job.known.add_envelope("envelope", (job.folder / "by-keyset.swx").read_bytes())
    job.known.given["passphrase"] = PASSPHRASE[::-1]
    job.known.add_envelope("envelope of a passphrase", (job.folder / "by-passphrase.swx").read_bytes())
    found = {" ".join(arguments[:2]): job.known.found(core) for arguments, core in zip(jobs, cores, strict=True)}
    assert all(not names for names in found.values()), found
    # Planted: the environment is a part of the dump.
    leaking = job.core_at_end("keyset", "list", environment={"LEAK": PASSPHRASE})
    assert job.known.found(leaking) == {"passphrase"}


def test_the_command_line_shows_no_key_while_it_waits(job: Job) -> None:
    arguments = [job.command, "seal", "-q", "-k", "work", "--keyset-passphrase-file", "pass", "-o", "sealed.swx", "-"]
    options: dict[str, Any] = {"cwd": job.folder, "env": job.environment, "stdin": subprocess.PIPE}
    with subprocess.Popen(arguments, **options) as running:
        assert running.stdin is not None
        # More than a pipe holds: when the rest of it is in the pipe, the keyset was unlocked.
        running.stdin.write(bytes(1 << 20))
        running.stdin.flush()
        memory, core = process.memory_of(running.pid), process.core_of(running.pid, job.folder)
        shown = [Path(f"/proc/{running.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        running.stdin.close()
        assert running.wait(timeout=60) == 0
    # The passphrase is kept for the next keyset that is wanted, until the job ends.
    assert job.known.found(core) <= {"passphrase"}
    assert is_secret_memory() <= (job.known.found(memory) <= {"passphrase"})
    assert not job.known.found(b"".join(shown))
