# SPDX-License-Identifier: MIT OR Apache-2.0
"""What one face sealed, the others open: Python, the command (Rust) and C, in every direction."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from test_vectors import keyset_of

import sealwax
from conftest import ROOT, skipped
from sealwax import transit

PLAINTEXT = bytes(range(256)) * 400


@pytest.fixture
def c_program() -> Path:
    """``examples/seal_file.c``, built by scripts/c against the installed library."""
    built = ROOT / "target" / "c" / "cmake" / "seal_file_static"
    return built if built.exists() else Path(skipped(f"{built} is not built (scripts/c)"))


def run(command: str, *arguments: object, stdin: bytes = b"") -> bytes:
    """Run a program, and give what it printed."""
    line = [command, *map(str, arguments)]
    done = subprocess.run(line, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def keyset_file(tmp_path: Path, keyset: sealwax.Keyset) -> Path:
    """The keyset in a file that needs no passphrase."""
    path = tmp_path / "test.swxk"
    keyset.save(path, unprotected=True)
    return path


def test_tokens_go_both_ways(command: str, keyset: sealwax.Keyset, keyset_file: Path) -> None:
    """Raw bytes, so that nothing but the token is compared."""
    context = {"table": "users", "row": "42"}
    given = ["-k", keyset_file, "--raw", "-c", "table=users", "-c", "row=42"]
    theirs = run(command, "token", "seal", *given, stdin=b"4111 1111 1111 1111")
    assert keyset.open(theirs, context=context) == b"4111 1111 1111 1111"
    ours = keyset.seal(b"5500 0000 0000 0004", context=context)
    assert run(command, "token", "open", *given, stdin=ours) == b"5500 0000 0000 0004"


def test_files_go_both_ways(tmp_path: Path, command: str, keyset: sealwax.Keyset, keyset_file: Path) -> None:
    """Streams and files, with stored context."""
    ours, theirs = tmp_path / "ours.swx", tmp_path / "theirs.swx"
    with sealwax.open(ours, "wb", keyset=keyset, context={"purpose": "test"}) as file:
        file.write(PLAINTEXT)
    assert run(command, "open", "-k", keyset_file, "-o", "-", ours) == PLAINTEXT
    sealed = ["seal", "-k", keyset_file, "-c", "purpose=test", "-o", theirs]
    run(command, *sealed, "-", stdin=PLAINTEXT)
    with sealwax.open(theirs, "rb", keyset=keyset, context={"purpose": "test"}) as file:
        assert file.read() == PLAINTEXT


def test_what_the_command_rewrapped_opens_here(
    tmp_path: Path, command: str, keyset: sealwax.Keyset, keyset_file: Path
) -> None:
    """The old keyset no longer has what opens it; the changed file has."""
    path = tmp_path / "file.swx"
    with sealwax.open(path, "wb", keyset=keyset) as file:
        file.write(PLAINTEXT)
    run(command, "keyset", "rotate", keyset_file)
    run(command, "rewrap", "-k", keyset_file, path)
    with pytest.raises(sealwax.UnknownKeyError), sealwax.open(path, "rb", keyset=keyset) as file:
        file.read()
    changed = sealwax.Keyset.load(keyset_file, unprotected=True)
    with sealwax.open(path, "rb", keyset=changed) as file:
        assert file.read() == PLAINTEXT


def test_c_and_python_open_each_other(tmp_path: Path, c_program: Path) -> None:
    """Through a passphrase, which every face has."""
    plain, ours, theirs = (tmp_path / name for name in ("plain", "ours.swx", "theirs.swx"))
    plain.write_bytes(PLAINTEXT)
    run(str(c_program), "seal", plain, theirs, stdin=b"correct horse\n")
    assert sealwax.open_bytes(theirs.read_bytes(), passphrase="correct horse") == PLAINTEXT
    sealwax.seal_file(plain, ours, passphrase="correct horse")
    run(str(c_program), "open", ours, tmp_path / "opened", stdin=b"correct horse\n")
    assert (tmp_path / "opened").read_bytes() == PLAINTEXT


BUILT = ROOT / "target" / "c"


def transit_key(name: str) -> Path:
    """One of the keys that scripts/c makes for both sides."""
    return BUILT / "fixtures" / f"transit_{name}"


def transit_terms(*names: str) -> dict[str, Any]:
    """What the programs in C are set to, for this side and the other."""
    own, other = (
        keyset_of(
            f"{at:032x}",
            [{"version_id": 1, "algorithm": 3, "secret": transit_key(f"{name}_private").read_bytes().hex()}],
            primary=1,
        )
        for at, name in enumerate(names)
    )
    return {
        "identity": own,
        "peers": [other.recipient()],
        "psk": transit_key("psk").read_bytes(),
        "post_quantum": False,
        "prologue": b"echo/1",
    }


@pytest.fixture
def c_transit() -> Path:
    """``echo`` and ``transit_client``, built by scripts/c."""
    there = all((BUILT / name).exists() for name in ("echo", "transit_client"))
    return BUILT if there else Path(skipped("echo and transit_client are not built (scripts/c)"))


def test_python_calls_c(c_transit: Path) -> None:
    """Records of every size come back, before and after other keys."""
    keys = [transit_key(name) for name in ("server_private", "device_public", "psk")]
    with subprocess.Popen([c_transit / "echo", *keys], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        address = ("127.0.0.1", int(process.stdout.readline()))
        with transit.connect(socket.create_connection(address), **transit_terms("device", "server")) as connection:
            for size in (1, 13, 16_384, 50_000):
                said = os.urandom(size)
                connection.sendall(said)
                connection.rekey()
                heard = b""
                while len(heard) < size:
                    heard += connection.recv(size)
                assert heard == said
            connection.shutdown()
            assert connection.recv(1) == b""
        assert process.wait(60) == 0


def test_c_calls_python(c_transit: Path) -> None:
    """Each line comes back, and each side sees the end that the other sets."""
    lines = b"".join(b"line %d\n" % at for at in range(100))
    heard = []

    def answer(listener: socket.socket) -> None:
        connected, _ = listener.accept()
        with transit.accept(connected, **transit_terms("server", "device")) as connection:
            while data := connection.recv(1 << 16):
                heard.append(data)
                connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        keys = [transit_key(name) for name in ("device_private", "server_public", "psk")]
        port = str(listener.getsockname()[1])
        library = {"LD_LIBRARY_PATH": str(BUILT / "installed" / "usr" / "local" / "lib")}
        done = subprocess.run(
            [c_transit / "transit_client", "127.0.0.1", port, *keys],
            input=lines,
            capture_output=True,
            check=False,
            env=os.environ | library,
            timeout=60,
        )
        thread.join()
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == lines == b"".join(heard)
