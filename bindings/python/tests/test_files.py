# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sealed files: how they begin, end, fail, and are given up."""

from __future__ import annotations

import copy
import gc
import io
import os
import pickle
import stat
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy
import pytest

import sealwax
from conftest import left
from sealwax import Keyset

BLOCK = bytes(range(256)) * 4096


def test_the_classes_are_those_of_io(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with sealwax.open(path, "wb", keyset=keyset) as writer:
        assert isinstance(writer, io.BufferedWriter)
        assert isinstance(writer.raw, io.RawIOBase)
        assert (writer.writable(), writer.readable(), writer.seekable()) == (True, False, False)
        assert (writer.mode, writer.name) == ("wb", str(path))
    with sealwax.open(path, "rb", keyset=keyset) as reader:
        assert isinstance(reader, io.BufferedReader)
        assert (reader.writable(), reader.readable(), reader.seekable()) == (False, True, True)
        assert (reader.mode, reader.name) == ("rb", str(path))
        with pytest.raises(io.UnsupportedOperation):
            reader.write(b"")
    with sealwax.open(path, "wt", keyset=keyset) as text:
        assert isinstance(text, io.TextIOWrapper)
        assert text.encoding == "utf-8"
    with sealwax.open(path, "rt", keyset=keyset) as text:
        assert isinstance(text, io.TextIOWrapper)


def test_a_file_appears_when_it_is_complete(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with sealwax.open(path, "wb", keyset=keyset) as file:
        file.write(BLOCK)
        file.flush()
        assert not path.exists()
    assert sealwax.open(path, keyset=keyset).read() == BLOCK
    assert left(tmp_path) == ["file"]


def test_a_file_is_replaced_at_once(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"older")
    path.chmod(0o640)
    with sealwax.open(path, "wb", keyset=keyset) as file:
        file.write(BLOCK)
        assert path.read_bytes() == b"older"
    assert sealwax.open(path, keyset=keyset).read() == BLOCK
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_of_new_files(keyset: Keyset, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with sealwax.open(tmp_path / "sealed", "wb", keyset=keyset):
        pass
    assert (tmp_path / "sealed").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("mode", ["wb", "wt"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("size", [0, 10, 1 << 20])
def test_an_exception_leaves_nothing(
    keyset: Keyset, tmp_path: Path, mode: str, error: type[BaseException], size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"older")
    with pytest.raises(error):
        with sealwax.open(path, mode, keyset=keyset) as file:
            file.write("x" * size if mode == "wt" else b"x" * size)
            raise error()
    assert file.closed
    assert path.read_bytes() == b"older"
    assert left(tmp_path) == ["file"]


@pytest.mark.parametrize("mode", ["wb", "wt"])
@pytest.mark.parametrize("buffering", [-1, 0, 50])
def test_an_object_dropped_unclosed_leaves_nothing(keyset: Keyset, tmp_path: Path, mode: str, buffering: int) -> None:
    if mode == "wt" and buffering == 0:
        return
    file = sealwax.open(tmp_path / "file", mode, keyset=keyset, buffering=buffering)
    file.write("x" * 3_000_000 if mode == "wt" else b"x" * 3_000_000)
    gone = weakref.ref(file)
    with pytest.warns(ResourceWarning, match="dropped before it was closed"):
        del file
        gc.collect()
    assert gone() is None
    assert left(tmp_path) == []


def test_a_cycle_dropped_unclosed_leaves_nothing(keyset: Keyset, tmp_path: Path) -> None:
    file = sealwax.open(tmp_path / "file", "wb", keyset=keyset)
    file.write(b"x")
    cycle: list[Any] = [file]
    cycle.append(cycle)
    with pytest.warns(ResourceWarning):
        del file, cycle
        gc.collect()
    assert left(tmp_path) == []


def test_abort_leaves_nothing_and_closes(keyset: Keyset, tmp_path: Path) -> None:
    for mode in ("wb", "wt"):
        file = sealwax.open(tmp_path / "file", mode, keyset=keyset)
        file.write("x" if mode == "wt" else b"x")
        file.abort()
        file.abort()
        file.close()
        assert file.closed
        with pytest.raises(ValueError):
            file.write("x" if mode == "wt" else b"x")
    assert left(tmp_path) == []


def test_the_end_of_the_interpreter_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import sealwax, sys\n"
        "keyset = sealwax.Keyset.generate('test')\n"
        "file = sealwax.open(sys.argv[1], 'wb', keyset=keyset)\n"
        "file.write(b'x' * 5_000_000)\n"
        "sys.modules['kept'] = file\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "file")]
    subprocess.run(command, check=True, timeout=60)
    assert left(tmp_path) == []


def test_closing_twice_is_fine(keyset: Keyset, tmp_path: Path) -> None:
    file = sealwax.open(tmp_path / "file", "wb", keyset=keyset)
    file.close()
    file.close()
    with sealwax.open(tmp_path / "file", keyset=keyset) as reader:
        reader.close()
    reader.close()


def test_closed_files_raise_value_error(keyset: Keyset, tmp_path: Path) -> None:
    file = sealwax.open(tmp_path / "file", "wb", keyset=keyset)
    file.close()
    for call in (lambda: file.write(b"x"), file.tell, file.flush, file.writable, lambda: file.__enter__()):
        with pytest.raises(ValueError):
            call()
    for buffering in (-1, 0):
        reader = sealwax.open(tmp_path / "file", keyset=keyset, buffering=buffering)
        reader.close()
        for call in (reader.read, reader.tell, lambda: reader.seek(0), lambda: reader.readinto(bytearray(1))):  # noqa: B023
            with pytest.raises(ValueError):
                call()


def test_x_keeps_what_is_there(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with sealwax.open(path, "xb", keyset=keyset) as file:
        file.write(b"first")
    with pytest.raises(FileExistsError) as raised:
        sealwax.open(path, "xb", keyset=keyset)
    assert raised.value.filename == str(path)
    assert sealwax.open(path, keyset=keyset).read() == b"first"
    # Where it came meanwhile, closing says so.
    other = tmp_path / "other"
    file = sealwax.open(other, "xb", keyset=keyset)
    other.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        file.close()
    assert other.read_bytes() == b"theirs"
    assert left(tmp_path) == ["file", "other"]


@pytest.mark.parametrize("mode", ["", "a", "ab", "r+", "wb+", "rw", "rbt", "rr", "bb", "q", "rU", "w b"])
def test_modes_that_make_no_sense_are_misuse(keyset: Keyset, tmp_path: Path, mode: str) -> None:
    with pytest.raises(sealwax.MisuseError):
        sealwax.open(tmp_path / "file", mode, keyset=keyset)
    assert left(tmp_path) == []


def test_options_that_make_no_sense_are_misuse(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for mode, options in [
        ("rb", {"recipients": [keyset]}),
        ("rb", {"suite": "cobblestone-256"}),
        ("rb", {"encoding": "utf-8"}),
        ("wb", {"identities": [keyset]}),
        ("wb", {"min_epoch": 1}),
        ("wb", {"newline": ""}),
        ("wt", {"buffering": 0}),
        ("wb", {"suite": "rot13"}),
        ("wb", {"suite": "x25519"}),
        ("wb", {"chunk_len": 5}),
        ("wb", {"chunk_len": 1024}),
        ("wb", {"context": {"sealwax.reserved": "x"}}),
        ("wb", {"context": {"a": "1"}, "external": {"a": "1"}}),
    ]:
        with pytest.raises(sealwax.MisuseError):
            sealwax.open(path, mode, keyset=keyset, **options)
    with pytest.raises(sealwax.MisuseError):
        sealwax.open(path, "wb")
    assert left(tmp_path) == []


def test_wrong_types_are_type_errors(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for mode, options in [
        ("wb", {"keyset": 1}),
        ("wb", {"recipients": [1]}),
        ("wb", {"passphrase": b"bytes"}),
        ("wb", {"context": {"a": 1}}),
        ("wb", {"context": {1: "a"}}),
        ("wb", {"context": "a"}),
        ("wb", {"context": [("a", "b")]}),
        ("wb", {"threads": "many"}),
        (1, {"keyset": keyset}),
    ]:
        with pytest.raises((TypeError, sealwax.MisuseError)):
            sealwax.open(path, mode, **options)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        sealwax.open(None, "rb", keyset=keyset)
    with sealwax.open(path, "wb", keyset=keyset) as file:
        for data in ("text", None, 5, [1]):
            with pytest.raises(TypeError):
                file.write(data)  # type: ignore[arg-type]
    assert sealwax.open(path, keyset=keyset).read() == b""


def test_huge_and_negative_seeks(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with sealwax.open(path, "wb", keyset=keyset) as file:
        file.write(b"content")
    for buffering in (-1, 0):
        with sealwax.open(path, keyset=keyset, buffering=buffering) as reader:
            assert reader.seek(2**62) == 2**62
            assert reader.read(10) == b""
            assert reader.tell() == 2**62
            for offset, whence in [(-1, 0), (2**63, 0), (2**70, 0), (0, 3), (0, 7), (2**63 - 1, 1)]:
                with pytest.raises((ValueError, OverflowError, OSError)):
                    reader.seek(offset, whence)
            with pytest.raises(TypeError):
                reader.seek("0")  # type: ignore[arg-type]
            reader.seek(0)
            assert reader.read() == b"content"


def test_targets_that_cannot_be_read_into(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with sealwax.open(path, "wb", keyset=keyset) as file:
        file.write(BLOCK)
    with sealwax.open(path, keyset=keyset, buffering=0) as reader:
        with pytest.raises(sealwax.MisuseError, match="read-only"):
            reader.readinto(b"fixed")
        released = memoryview(bytearray(5))
        released.release()
        with pytest.raises(ValueError):
            reader.readinto(released)
        with pytest.raises(BufferError, match="contiguous"):
            reader.readinto(memoryview(bytearray(10))[::2])
        with pytest.raises(TypeError):
            reader.readinto("text")  # type: ignore[arg-type]
        assert reader.readinto(bytearray(0)) == 0
        assert reader.tell() == 0
        items = memoryview(bytearray(16)).cast("Q")
        assert reader.readinto(items) == 16
        assert items.tobytes() == BLOCK[:16]


def test_paths_of_every_kind(keyset: Keyset, tmp_path: Path) -> None:
    strange = os.fsencode(tmp_path) + b"/\xff\xfe not utf-8 \xf0"
    for path in (strange, os.fsdecode(strange), tmp_path / "path", str(tmp_path / "str")):
        with sealwax.open(path, "wb", keyset=keyset) as file:
            file.write(b"content")
        assert sealwax.open(path, keyset=keyset).read() == b"content"
        assert sealwax.inspect(os.fsdecode(path))["plaintext_len"] == 7
        assert sealwax.verify(path, keyset=keyset)["plaintext_len"] == 7
        again = os.fsencode(path) + b".again"
        sealwax.open_file(path, again, keyset=keyset, overwrite=True)
        assert Path(os.fsdecode(again)).read_bytes() == b"content"
    for path in ("no\0path", b"no\0path"):
        with pytest.raises(ValueError):
            sealwax.open(path, "wb", keyset=keyset)
        with pytest.raises(ValueError):
            sealwax.open(path, "rb", keyset=keyset)


def test_os_errors_name_the_file(keyset: Keyset, tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "file"
    for call in (
        lambda: sealwax.open(missing, "rb", keyset=keyset),
        lambda: sealwax.open(missing, "wb", keyset=keyset),
        lambda: sealwax.verify(missing, keyset=keyset),
        lambda: sealwax.inspect(missing),
        lambda: Keyset.load(missing, passphrase="x"),
        lambda: sealwax.seal_file(missing, tmp_path / "out", keyset=keyset),
        lambda: sealwax.seal_file(__file__, missing, keyset=keyset),
    ):
        with pytest.raises(FileNotFoundError) as raised:
            call()
        assert raised.value.errno == 2
        assert raised.value.filename == str(missing)
    with pytest.raises(IsADirectoryError):
        sealwax.open(tmp_path, "rb", keyset=keyset)
    with pytest.raises(OSError):
        sealwax.open(tmp_path, "wb", keyset=keyset).close()
    assert left(tmp_path) == []


def test_a_full_disk_is_an_os_error() -> None:
    keyset = Keyset.generate("test")

    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError) as raised:
        sealwax.open(Full(), "wb", keyset=keyset)
    assert raised.value.errno == 28


class Lying(io.BytesIO):
    """Does something wrong from its second call on, so that opening goes well first."""

    def __init__(self, data: bytes, answer: Any) -> None:
        super().__init__(data)
        self.answer = answer
        self.honest = True

    def read(self, size: int | None = -1) -> Any:
        true = super().read(size)
        if self.honest:
            return true
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer(true) if callable(self.answer) else self.answer


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda true: true + b"more", sealwax.MisuseError),
        (lambda true: true[:-1] + bytes([true[-1] ^ 1]), sealwax.DecryptionError),
        (lambda true: b"", sealwax.TruncatedError),
        (lambda true: true.hex(), TypeError),
        (None, BlockingIOError),
        (5, TypeError),
        (ZeroDivisionError("theirs"), ZeroDivisionError),
        (OSError(5, "Input/output error"), OSError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (InterruptedError("theirs"), InterruptedError),
    ],
)
def test_objects_that_lie_or_raise(keyset: Keyset, answer: Any, error: type[BaseException]) -> None:
    source = Lying(sealwax.seal_bytes(BLOCK, keyset=keyset), answer)
    with sealwax.open(source, "rb", keyset=keyset) as file:
        source.honest = False
        with pytest.raises(error):
            file.read()
        source.honest = True
        file.seek(0)
        assert file.read() == BLOCK, "an error leaves the file usable"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_short_reads_and_short_writes_are_carried_on(keyset: Keyset, size: int) -> None:
    class Short(io.BytesIO):
        def read(self, wanted: int | None = -1) -> bytes:
            return super().read(min(size, wanted or 0))

        def write(self, data: Any) -> int:
            return super().write(bytes(data)[:size])

    target = Short()
    with sealwax.open(target, "wb", keyset=keyset) as file:
        file.write(BLOCK[:50_000])
    target.seek(0)
    with sealwax.open(target, "rb", keyset=keyset) as file:
        assert file.read() == BLOCK[:50_000]


@pytest.mark.parametrize("answer", [-1, 10**9, "much", None, 2**70])
def test_objects_that_lie_when_written_to(keyset: Keyset, answer: Any) -> None:
    class Liar:
        honest = True

        def write(self, data: bytes) -> Any:
            return len(data) if self.honest else answer

    target = Liar()
    file = sealwax.open(target, "wb", keyset=keyset)
    target.honest = False
    with pytest.raises((sealwax.MisuseError, BlockingIOError)):
        file.write(BLOCK)
        file.close()
    with pytest.raises((ValueError, sealwax.MisuseError)):
        # Nobody knows what is in it: it is never finished.
        file.write(b"more")
        file.close()
    file.abort()


def test_an_object_that_reads_from_what_is_made_of_it(keyset: Keyset) -> None:
    class Loop(io.BytesIO):
        file: Any = None

        def read(self, size: int | None = -1) -> bytes:
            if self.file is not None:
                self.file.raw.read(1)
            return super().read(size)

    source = Loop(sealwax.seal_bytes(BLOCK, keyset=keyset))
    with sealwax.open(source, "rb", keyset=keyset) as file:
        source.file = file
        with pytest.raises(sealwax.MisuseError, match="made of"):
            file.read()
        source.file = None


def test_a_file_object_is_read_from_its_position_and_stays_open(keyset: Keyset) -> None:
    target = io.BytesIO()
    target.write(b"before")
    with sealwax.open(target, "wb", keyset=keyset) as file:
        file.write(b"content")
    assert not target.closed
    target.seek(6)
    with sealwax.open(target, "rb", keyset=keyset) as file:
        assert file.read() == b"content"
    assert not target.closed
    target.seek(0)
    with pytest.raises(sealwax.FormatError):
        sealwax.open(target, "rb", keyset=keyset)


def test_a_file_object_given_up_holds_nothing_that_opens(keyset: Keyset) -> None:
    target = io.BytesIO()
    with pytest.raises(RuntimeError):
        with sealwax.open(target, "wb", keyset=keyset) as file:
            file.write(BLOCK)
            raise RuntimeError
    with pytest.raises((sealwax.TruncatedError, sealwax.DecryptionError)):
        sealwax.open_bytes(target.getvalue(), keyset=keyset)


def test_a_pipe_is_read_in_one_pass(keyset: Keyset, tmp_path: Path) -> None:
    envelope = sealwax.seal_bytes(BLOCK * 3, keyset=keyset)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    feeder = threading.Thread(target=fifo.write_bytes, args=(envelope,))
    feeder.start()
    with sealwax.open(fifo, "rb", keyset=keyset) as file:
        assert not file.seekable()
        assert file.plaintext_len is None
        with pytest.raises(io.UnsupportedOperation):
            file.seek(0)
        assert file.read(10) == BLOCK[:10]
        assert file.read() == (BLOCK * 3)[10:]
        assert file.read() == b""
    feeder.join()


def test_a_pipe_with_a_name_is_written_through(keyset: Keyset, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(fifo.read_bytes()))
    reader.start()
    with sealwax.open(fifo, "wb", keyset=keyset) as file:
        file.write(BLOCK)
    reader.join()
    assert sealwax.open_bytes(received[0], keyset=keyset) == BLOCK
    (tmp_path / "plain").write_bytes(b"content")
    with pytest.raises(OSError, match="not a regular file"):
        sealwax.seal_file(tmp_path / "plain", fifo, keyset=keyset, overwrite=True)
    assert stat.S_ISFIFO(fifo.stat().st_mode), "a pipe is never replaced"
    with pytest.raises(IsADirectoryError):
        sealwax.seal_file(tmp_path / "plain", tmp_path, keyset=keyset, overwrite=True)


def test_what_a_cut_pipe_released_is_true(keyset: Keyset) -> None:
    envelope = sealwax.seal_bytes(BLOCK, keyset=keyset)
    read, write = os.pipe()
    feeder = threading.Thread(target=lambda: (os.write(write, envelope[:50_000]), os.close(write)))
    feeder.start()
    released = b""
    with open(read, "rb", buffering=0) as pipe, sealwax.open(pipe, "rb", keyset=keyset) as file:
        with pytest.raises((sealwax.TruncatedError, sealwax.DecryptionError)):
            while piece := file.read(1000):
                released += piece
        with pytest.raises(sealwax.SealwaxError):
            file.read(1000)
    feeder.join()
    assert released and BLOCK.startswith(released)


def test_damage_in_the_middle_raises_there(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with sealwax.open(path, "wb", keyset=keyset) as file:
        file.write(BLOCK * 4)
    sealed = bytearray(path.read_bytes())
    header = sealwax.inspect(path)["header_len"]
    chunk = 100
    sealed[header + 56 + chunk * (16384 + 16) + 5] ^= 1
    path.write_bytes(sealed)
    plain = BLOCK * 4
    with sealwax.open(path, "rb", keyset=keyset) as file:
        released = b""
        with pytest.raises(sealwax.DecryptionError):
            while piece := file.read(1000):
                released += piece
        assert plain.startswith(released) and len(released) <= chunk * 16384
        file.seek((chunk + 1) * 16384)
        assert file.read() == plain[(chunk + 1) * 16384 :], "what lies behind opens"
    with pytest.raises(sealwax.DecryptionError) as raised:
        sealwax.verify(path, keyset=keyset)
    assert raised.value.damage == ((chunk * 16384, (chunk + 1) * 16384),)
    with pytest.raises(sealwax.DecryptionError):
        sealwax.open_file(path, tmp_path / "out", keyset=keyset)
    assert left(tmp_path) == ["file"]


def test_a_shrunken_file_is_truncated(keyset: Keyset, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with sealwax.open(path, "wb", keyset=keyset) as file:
        file.write(BLOCK * 4)
    with sealwax.open(path, "rb", keyset=keyset) as file:
        os.truncate(path, 20_000)
        with pytest.raises(sealwax.TruncatedError):
            file.read()
    with pytest.raises(sealwax.DecryptionError):
        # What is its last chunk now does not open (format.md 5A.5).
        sealwax.open(path, "rb", keyset=keyset)
    os.truncate(path, 1000)
    with pytest.raises(sealwax.TruncatedError):
        sealwax.open(path, "rb", keyset=keyset)


def test_files_are_not_pickled(keyset: Keyset, tmp_path: Path) -> None:
    import copy
    import pickle

    with sealwax.open(tmp_path / "file", "wb", keyset=keyset) as writer:
        for thing in (keyset, writer, writer.raw._writer, sealwax.Passphrase("x")):
            with pytest.raises(TypeError):
                pickle.dumps(thing)
            with pytest.raises(TypeError):
                copy.copy(thing)


def test_a_second_close_of_the_raw_writer_does_not_say_that_the_file_is_there(keyset: Keyset) -> None:
    inside: list[str] = []

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            if not self.tell():
                return super().write(data)
            # In the middle of the first close.
            with pytest.raises(sealwax.MisuseError):
                file._writer.finish()
            inside.append("second close")
            raise OSError(28, "full")

    file = sealwax.open(Full(), "wb", keyset=keyset, buffering=0)
    file.write(b"x")
    with pytest.raises(OSError, match="full"):
        file.close()
    assert inside
    file.close()


def test_raw_files_are_not_copied(keyset: Keyset, tmp_path: Path) -> None:
    writer = sealwax.open(tmp_path / "file", "wb", keyset=keyset, buffering=0)
    writer.write(b"x")
    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="RawWriter"):
            make(writer)
    writer.close()
    reader = sealwax.open(tmp_path / "file", keyset=keyset, buffering=0)
    with pytest.raises(TypeError, match="RawReader"):
        copy.copy(reader)
    assert reader.read() == b"x"
    reader.close()


def test_a_file_object_that_is_not_sealed_is_left_where_it_was(keyset: Keyset) -> None:
    file = io.BytesIO(b"before plain text")
    file.seek(7)
    with pytest.raises(sealwax.FormatError):
        sealwax.open(file, keyset=keyset)
    assert file.read() == b"plain text"


def test_the_file_that_exists_is_the_one_that_the_error_names(keyset: Keyset, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"plain")
    sealwax.seal_file(tmp_path / "plain", tmp_path / "sealed", keyset=keyset)
    with pytest.raises(FileExistsError) as raised:
        sealwax.reencrypt_file(tmp_path / "sealed", tmp_path / "plain", recipients=keyset, keyset=keyset)
    assert raised.value.filename == str(tmp_path / "plain")


def test_a_buffer_of_objects_is_refused(keyset: Keyset) -> None:
    objects = numpy.array([None] * 8, dtype=object)
    sealed = sealwax.seal_bytes(b"x", keyset=keyset)
    with pytest.raises(TypeError, match="Python objects"):
        sealwax.open_into(sealed, objects, keyset=keyset)
    with pytest.raises(TypeError, match="Python objects"):
        sealwax.seal_bytes(objects, keyset=keyset)
