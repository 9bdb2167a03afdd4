# SPDX-License-Identifier: MIT OR Apache-2.0
"""Long jobs: progress, Ctrl-C, threads; and what fork and threads do to files."""

from __future__ import annotations

import array
import asyncio
import io
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import sealwax
from conftest import left
from sealwax import Keyset

MIB = 1 << 20


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain"
    path.write_bytes(os.urandom(MIB) * 64)
    return path


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_a_file_goes_there_and_back(plain: Path, tmp_path: Path, keyset: Keyset, threads: int) -> None:
    sealed, back = tmp_path / "sealed", tmp_path / "back"
    assert sealwax.seal_file(plain, sealed, keyset=keyset, threads=threads) == 64 * MIB
    assert sealwax.open_file(sealed, back, keyset=keyset, threads=threads) == 64 * MIB
    assert back.read_bytes() == plain.read_bytes()
    with pytest.raises(FileExistsError):
        sealwax.seal_file(plain, sealed, keyset=keyset)
    sealwax.seal_file(plain, sealed, keyset=keyset, overwrite=True)
    assert left(tmp_path) == ["back", "plain", "sealed"]


def test_progress_ends_at_the_end_and_is_not_called_too_often(plain: Path, tmp_path: Path, keyset: Keyset) -> None:
    calls: list[tuple[float, int, int]] = []

    def progress(done: int, total: int) -> None:
        calls.append((time.monotonic(), done, total))

    begin = time.monotonic()
    sealwax.seal_file(plain, tmp_path / "sealed", keyset=keyset, progress=progress)
    seconds = time.monotonic() - begin
    assert calls[-1][1:] == (64 * MIB, 64 * MIB)
    assert [done for _, done, _ in calls] == sorted(done for _, done, _ in calls)
    assert {total for _, _, total in calls} == {64 * MIB}
    assert len(calls) <= 20 * seconds + 1


@pytest.mark.parametrize("job", ["seal", "open", "verify"])
def test_an_exception_in_progress_stops_the_job(plain: Path, tmp_path: Path, keyset: Keyset, job: str) -> None:
    sealwax.seal_file(plain, tmp_path / "sealed", keyset=keyset)

    def progress(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        if job == "seal":
            sealwax.seal_file(plain, tmp_path / "out", keyset=keyset, progress=progress)
        elif job == "open":
            sealwax.open_file(tmp_path / "sealed", tmp_path / "out", keyset=keyset, progress=progress)
        else:
            sealwax.verify(tmp_path / "sealed", keyset=keyset, progress=progress)
    assert left(tmp_path) == ["plain", "sealed"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("job", ["seal", "open", "reencrypt"])
def test_what_comes_before_a_file_has_its_name_leaves_no_file(
    plain: Path, tmp_path: Path, keyset: Keyset, job: str, error: type[BaseException]
) -> None:
    sealed, out = tmp_path / "sealed", tmp_path / "out"
    sealwax.seal_file(plain, sealed, keyset=keyset)

    def progress(done: int, total: int) -> None:
        # All is written then, and the file is durable.
        if done == total and error is KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
        elif done == total:
            raise error

    with pytest.raises(error):
        if job == "seal":
            sealwax.seal_file(plain, out, keyset=keyset, progress=progress)
        elif job == "open":
            sealwax.open_file(sealed, out, keyset=keyset, progress=progress)
        else:
            sealwax.reencrypt_file(sealed, out, recipients=keyset, keyset=keyset, progress=progress)
    assert left(tmp_path) == ["plain", "sealed"]


def test_progress_must_be_callable(plain: Path, tmp_path: Path, keyset: Keyset) -> None:
    with pytest.raises(TypeError):
        sealwax.seal_file(plain, tmp_path / "sealed", keyset=keyset, progress=5)  # type: ignore[arg-type]
    sealwax.seal_file(plain, tmp_path / "sealed", keyset=keyset, progress=False)
    assert left(tmp_path) == ["plain", "sealed"]


def test_a_bar_is_shown(plain: Path, tmp_path: Path, keyset: Keyset, capsys: pytest.CaptureFixture[str]) -> None:
    sealwax.seal_file(plain, tmp_path / "sealed", keyset=keyset, progress=True)
    shown = capsys.readouterr().err
    assert shown.endswith("\n") and "100%" in shown and "plain" in shown
    sealwax.reencrypt_file(tmp_path / "sealed", tmp_path / "again", recipients=keyset, keyset=keyset, progress=True)
    assert capsys.readouterr().err.endswith("\n")


INTERRUPTED = textwrap.dedent("""
    import os, signal, sys, threading, time
    import sealwax

    job, folder = sys.argv[1:]
    # A signal that the shell told its children to ignore is to be heard here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    keyset = sealwax.Keyset.generate("test")
    plain, sealed, out = (os.path.join(folder, name) for name in ("plain", "sealed", "out"))

    def interrupt():
        # While the job runs, and again if it was over too soon to be hit.
        time.sleep(0.15)
        os.kill(os.getpid(), signal.SIGINT)

    if job == "open":
        sealwax.seal_file(plain, sealed, keyset=keyset)
    if job == "memory":
        with open(plain, "rb") as file:
            content = file.read()
    threading.Thread(target=interrupt).start()
    try:
        while True:
            if job == "seal":
                sealwax.seal_file(plain, out, keyset=keyset)
                os.unlink(out)
            elif job == "open":
                sealwax.open_file(sealed, out, keyset=keyset)
                os.unlink(out)
            elif job == "write":
                with sealwax.open(out, "wb", keyset=keyset) as file:
                    while True:
                        file.write(bytes(1 << 20))
            else:
                sealwax.seal_bytes(content, keyset=keyset)
    except KeyboardInterrupt:
        print("interrupted")
""")


@pytest.mark.parametrize("job", ["seal", "open", "write", "memory"])
def test_ctrl_c_stops_a_job_and_cleans_up(tmp_path: Path, job: str) -> None:
    with open(tmp_path / "plain", "wb") as file:
        file.truncate(400 * MIB)
    command = [sys.executable, "-c", INTERRUPTED, job, str(tmp_path)]
    # How soon it stops is not asserted: a busy machine, or a disk that is being synced, has a say in it.
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120)
    assert done.stdout == b"interrupted\n"
    names = set(left(tmp_path))
    assert names <= {"plain", "sealed", "out"}, "nothing unfinished is left"
    if "out" in names:
        # It came while the file was being made durable: then the file is whole.
        out = tmp_path / "out"
        assert job in ("seal", "open")
        length = out.stat().st_size if job == "open" else sealwax.inspect(out)["plaintext_len"]
        assert length == 400 * MIB


JOBS: dict[str, Any] = {
    "seal_file": lambda g: sealwax.seal_file(g.plain, next(g.outs), keyset=g.keyset),
    "open_file": lambda g: sealwax.open_file(g.sealed, next(g.outs), keyset=g.keyset),
    "verify": lambda g: sealwax.verify(g.sealed, keyset=g.keyset),
    "reencrypt_file": lambda g: sealwax.reencrypt_file(g.sealed, next(g.outs), keyset=g.keyset, recipients=g.keyset),
    "seal_bytes": lambda g: sealwax.seal_bytes(g.content, keyset=g.keyset),
    "open_bytes": lambda g: sealwax.open_bytes(g.envelope, keyset=g.keyset),
    "seal_many": lambda g: g.keyset.seal_many(g.values),
    "open_many": lambda g: g.keyset.open_many(g.tokens),
    "seal_packed": lambda g: g.keyset.seal_packed(*g.column),
    "read": lambda g: sealwax.open(g.sealed, keyset=g.keyset).read(),
}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """What jobs of a second or so work on."""
    folder = tmp_path_factory.mktemp("jobs")
    keyset, content = Keyset.generate("jobs"), os.urandom(MIB) * 64
    plain, sealed = folder / "plain", folder / "sealed"
    plain.write_bytes(content)
    sealwax.seal_file(plain, sealed, keyset=keyset)
    values = [b"x" * 64] * 200_000
    offsets = array.array("q", range(0, 64 * 200_001, 64))
    return SimpleNamespace(
        keyset=keyset,
        plain=plain,
        sealed=sealed,
        content=content,
        envelope=sealed.read_bytes(),
        values=values,
        tokens=keyset.seal_many(values),
        column=(b"".join(values), offsets),
        outs=(folder / f"out{number}" for number in itertools.count()),
    )


@pytest.mark.parametrize("job", JOBS)
def test_ctrl_c_is_heard_while_a_job_runs(given: SimpleNamespace, job: str) -> None:
    """How soon is for a machine at rest to show: the limit here is for one where very much else runs."""
    sent = 0.0

    def interrupt() -> None:
        nonlocal sent
        sent = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.05, interrupt)
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        while True:
            JOBS[job](given)
            # What was made is not what is measured.
            for path in given.plain.parent.glob("out*"):
                path.unlink()
    assert time.monotonic() - sent < 5
    timer.join()
    assert not list(given.plain.parent.glob(".*"))


def test_the_interpreter_goes_on_meanwhile(plain: Path, tmp_path: Path, keyset: Keyset) -> None:
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    for _ in range(3):
        sealwax.seal_bytes(plain.read_bytes(), keyset=keyset)
        sealwax.seal_file(plain, tmp_path / "sealed", keyset=keyset, overwrite=True)
    done.set()
    thread.join()
    assert ticks > 20


def test_asyncio_takes_it_to_a_thread(plain: Path, tmp_path: Path, keyset: Keyset) -> None:
    async def main() -> tuple[int, ...]:
        jobs = (asyncio.to_thread(sealwax.seal_file, plain, tmp_path / f"{n}", keyset=keyset) for n in range(3))
        return tuple(await asyncio.gather(*jobs))

    assert asyncio.run(main()) == (64 * MIB,) * 3


def test_threads_share_a_reader(plain: Path, tmp_path: Path, keyset: Keyset) -> None:
    sealwax.seal_file(plain, tmp_path / "sealed", keyset=keyset)
    content = plain.read_bytes()
    pieces: list[bytes] = []
    with sealwax.open(tmp_path / "sealed", keyset=keyset) as file:

        def work() -> None:
            while piece := file.read(99_991):
                pieces.append(piece)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(map(len, pieces)) == len(content)
    # Each piece is a true one, and each was given once.
    starts = sorted(content.index(piece) % MIB for piece in pieces[:20])
    assert starts


def test_threads_share_a_writer(tmp_path: Path, keyset: Keyset) -> None:
    with sealwax.open(tmp_path / "sealed", "wb", keyset=keyset) as file:

        def work(letter: bytes) -> None:
            for _ in range(50):
                file.write(letter * 10_007)

        threads = [threading.Thread(target=work, args=(bytes([65 + n]),)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    content = sealwax.open(tmp_path / "sealed", keyset=keyset).read()
    assert len(content) == 4 * 50 * 10_007
    for begin in range(0, len(content), 10_007):
        assert len(set(content[begin : begin + 10_007])) == 1, "writes are not mixed"


def in_child(work: Any) -> int:
    """Forks, does `work` in the child, and returns its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("threads", [0, 1])
def test_a_child_cannot_go_on_writing_and_leaves_the_file_alone(tmp_path: Path, keyset: Keyset, threads: int) -> None:
    block = os.urandom(3 * MIB)
    path = tmp_path / "file"
    with sealwax.open(path, "wb", keyset=keyset, threads=threads) as file:
        file.write(block)

        def work() -> None:
            with pytest.raises(sealwax.MisuseError, match="fork"):
                file.raw.tell()
            for call in (lambda: file.raw.write(b"child"), file.raw.tell, file.close):
                with pytest.raises(sealwax.MisuseError):
                    call()
            file.abort()

        before = left(tmp_path)
        assert in_child(work) == 0
        assert left(tmp_path) == before
        file.write(block)
    assert sealwax.open(path, keyset=keyset).read() == block * 2


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_cannot_seal_on_into_a_file_object(keyset: Keyset) -> None:
    """Parent and child would seal different chunks under the same nonces."""
    block = os.urandom(3 * MIB)
    target = io.BytesIO()
    with sealwax.open(target, "wb", keyset=keyset) as file:
        file.write(block)

        def work() -> None:
            before = len(target.getvalue())
            with pytest.raises(sealwax.MisuseError, match="fork"):
                file.write(os.urandom(3 * MIB))
                file.flush()
            with pytest.raises(sealwax.MisuseError):
                file.close()
            assert len(target.getvalue()) == before

        assert in_child(work) == 0
        file.write(block)
    assert sealwax.open(io.BytesIO(target.getvalue()), keyset=keyset).read() == block * 2


def finishes(script: str) -> None:
    """Runs it in a process of its own: what hangs would take the tests with it."""
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=120)


def test_a_program_ends_while_a_daemon_thread_is_stuck_in_a_write(tmp_path: Path) -> None:
    finishes("""
        import os, select, threading
        import sealwax

        read, write = os.pipe()
        keyset = sealwax.Keyset.generate("k")
        file = sealwax.open(open(write, "wb", buffering=0), "wb", keyset=keyset, buffering=0)
        os.set_blocking(read, False)
        os.read(read, 65536)
        threading.Thread(target=lambda: file.write(bytes(1 << 20)), daemon=True).start()
        select.select([read], [], [])
    """)


def test_info_does_not_wait_for_what_the_garbage_does_to_the_keyset() -> None:
    finishes("""
        import gc
        import sealwax

        keyset = sealwax.Keyset.generate("k")
        for _ in range(100):
            keyset.rotate()

        class Owner:
            def __init__(self):
                self.me = self

            def __del__(self):
                keyset.close()

        gc.collect()
        gc.set_threshold(60)
        Owner()
        assert len(keyset.info()["versions"]) == 101
    """)


FIFO_CALLS: list[Any] = [
    lambda path, keyset: sealwax.verify(path, keyset=keyset),
    lambda path, keyset: sealwax.seal_file(path, path.parent / "out", keyset=keyset),
    lambda path, keyset: sealwax.open_file(path, path.parent / "out", keyset=keyset),
    lambda path, keyset: sealwax.rewrap(path, keyset=keyset),
    lambda path, keyset: sealwax.reencrypt_file(path, path.parent / "out", recipients=keyset, keyset=keyset),
    lambda path, keyset: sealwax.inspect(path),
    lambda path, keyset: Keyset.load(path, unprotected=True),
    lambda path, keyset: sealwax.Store.open(path, unprotected=True),
]


@pytest.mark.parametrize("call", FIFO_CALLS)
def test_a_pipe_where_a_file_is_wanted_is_refused_and_not_waited_for(tmp_path: Path, keyset: Keyset, call: Any) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        call(tmp_path / "pipe", keyset)
    assert left(tmp_path) == ["pipe"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_goes_on_reading_and_loads_its_own_keys(tmp_path: Path, keyset: Keyset) -> None:
    block = os.urandom(MIB) * 8
    keyset.save(tmp_path / "keyset", unprotected=True)
    token = keyset.seal(b"parent")
    with sealwax.open(tmp_path / "file", "wb", keyset=keyset) as file:
        file.write(block)
    with sealwax.open(tmp_path / "file", keyset=keyset) as reader:
        # Far enough that other threads read ahead.
        assert reader.read(5 * MIB) == block[: 5 * MIB]

        def work() -> None:
            assert reader.read() == block[5 * MIB :]
            reader.seek(0)
            assert reader.read() == block
            for call in (lambda: keyset.seal(b"child"), lambda: keyset.open(token), lambda: keyset.fingerprint):
                with pytest.raises(sealwax.MisuseError, match="before the process was forked"):
                    call()
            own = sealwax.Keyset.load(tmp_path / "keyset", unprotected=True)
            assert own.open(token) == b"parent" == own.open(own.seal(b"parent"))

        assert in_child(work) == 0
        assert reader.read() == block[5 * MIB :]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_parent_and_its_child_never_draw_the_same_salt(tmp_path: Path, keyset: Keyset) -> None:
    keyset.save(tmp_path / "keyset", unprotected=True)
    keyset.seal(b"fills the pool")
    read, write = os.pipe()

    def work() -> None:
        own = sealwax.Keyset.load(tmp_path / "keyset", unprotected=True)
        os.write(write, b"".join(own.seal(b"x") for _ in range(20)))

    assert in_child(work) == 0
    theirs = os.read(read, 1 << 16)
    ours = b"".join(keyset.seal(b"x") for _ in range(20))
    length = sealwax.TOKEN_OVERHEAD + 1
    salts = [tokens[at + 5 : at + 29] for tokens in (theirs, ours) for at in range(0, len(tokens), length)]
    assert len(salts) == len(set(salts)) == 40
    os.close(read)
    os.close(write)


def test_python_minus_m_runs_the_command_or_says_what_is_missing(tmp_path: Path, command: str) -> None:
    line = [sys.executable, "-m", "sealwax", "--version"]
    without = subprocess.run(line, env=os.environ | {"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert without.returncode == 127 and "not installed" in without.stderr
    path = os.path.dirname(command)
    found = subprocess.run(line, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True)
    assert found.stdout.startswith("sealwax")


def test_signals_are_not_swallowed_by_a_thread(plain: Path, tmp_path: Path, keyset: Keyset) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    try:
        timer = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        for n in range(5):
            sealwax.seal_file(plain, tmp_path / f"sealed{n}", keyset=keyset)
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == [signal.SIGUSR1]
