# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sealed files do what `io.BytesIO` does, under random sequences of operations."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sealwax

KEYSET = sealwax.Keyset.generate("test")
#: Around chunks of 1 KiB and of 16 KiB, and more than a batch of either.
SIZES = st.one_of(
    st.integers(0, 3000),
    st.sampled_from([0, 1, 1023, 1024, 1025, 16383, 16384, 16385, 32768, 65536, 600_000, 1_200_000]),
)
SMALL_CHUNKS = {"suite": "chacha20-poly1305", "chunk_len": 1024}
DEADLINE = settings(deadline=None, max_examples=60)

reads = st.one_of(
    st.tuples(st.just("read"), st.one_of(st.none(), st.integers(-1, 40_000))),
    st.tuples(st.just("read1"), st.integers(0, 20_000)),
    st.tuples(st.just("readinto"), st.integers(0, 40_000)),
    st.tuples(st.just("readline"), st.integers(-1, 500)),
    st.tuples(st.just("peek"), st.just(0)),
    st.tuples(st.just("tell"), st.just(0)),
    st.tuples(st.just("seek"), st.integers(0, 1_300_000), st.just(0)),
    st.tuples(st.just("seek"), st.integers(-50_000, 50_000), st.just(1)),
    st.tuples(st.just("seek"), st.integers(-1_300_000, 10), st.just(2)),
    st.tuples(st.just("next"), st.just(0)),
)


def content(size: int) -> bytes:
    """Bytes with lines in them, and no two pieces alike."""
    return b"".join(b"%d\n" % number for number in range(size // 4 + 1))[:size]


def apply(file: Any, operation: tuple[Any, ...]) -> Any:
    name, argument = operation[0], operation[1]
    if name == "readinto":
        buffer = bytearray(argument)
        count = file.readinto(buffer)
        return count, bytes(buffer)
    if name == "seek":
        return file.seek(argument, operation[2])
    if name == "tell":
        return file.tell()
    if name == "next":
        return next(file, b"")
    return getattr(file, name)(argument)


@pytest.fixture(scope="module")
def sealed() -> Any:
    """Sealed files by size, made once."""
    with tempfile.TemporaryDirectory() as folder:
        made: dict[tuple[int, bool], tuple[str, bytes]] = {}

        def get(size: int, small: bool) -> tuple[str, bytes]:
            if (size, small) not in made:
                path = os.path.join(folder, f"{size}-{small}")
                options = SMALL_CHUNKS if small else {}
                with sealwax.open(path, "wb", keyset=KEYSET, **options) as file:
                    file.write(content(size))
                made[size, small] = (path, Path(path).read_bytes())
            return made[size, small]

        yield get


@DEADLINE
@given(size=SIZES, small=st.booleans(), operations=st.lists(reads, max_size=25), where=st.sampled_from("foru"))
def test_reading_is_like_bytesio(sealed: Any, size: int, small: bool, operations: list[Any], where: str) -> None:
    path, envelope = sealed(size, small)
    model = io.BytesIO(content(size))
    source: Any = path if where in "fr" else io.BytesIO(envelope)
    threads = 1 if where == "r" else 0
    with sealwax.open(source, "rb", keyset=KEYSET, threads=threads) as file:
        for operation in operations:
            if operation[0] == "seek":
                # A buffered reader refuses what lies before the start; BytesIO stops there.
                base = {0: 0, 1: model.tell(), 2: size}[operation[2]]
                operation = ("seek", max(operation[1] + base, 0), 0)
            if operation[0] == "peek":
                here = model.tell()
                assert content(size)[here:].startswith(file.peek())
            elif operation[0] == "read1":
                # As many as are at hand, and none only at the end.
                got = file.read1(operation[1])
                assert got == model.read(len(got))
                assert got or operation[1] == 0 or model.read(1) == b""
            else:
                assert apply(file, operation) == apply(model, operation), operation
            assert file.tell() == model.tell()


@DEADLINE
@given(
    size=SIZES,
    small=st.booleans(),
    steps=st.lists(
        st.tuples(st.integers(-1_300_000, 1_300_000), st.integers(0, 2), st.integers(0, 70_000)), max_size=15
    ),
)
def test_raw_reading_is_like_bytesio(sealed: Any, size: int, small: bool, steps: list[Any]) -> None:
    path, _ = sealed(size, small)
    model = io.BytesIO(content(size))
    with sealwax.open(path, "rb", keyset=KEYSET, buffering=0) as file:
        for offset, whence, length in steps:
            if whence == 0 and offset < 0:
                with pytest.raises(ValueError):
                    file.seek(offset, whence)
                continue
            assert file.seek(offset, whence) == model.seek(offset, whence)
            assert file.read(length) == model.read(length)
            assert file.tell() == model.tell()


writes = st.lists(
    st.one_of(
        st.binary(max_size=50),
        st.integers(0, 40_000),
        st.sampled_from([16384, 131072, 524288, 524289, 1 << 20]),
        st.just("flush"),
        st.just("tell"),
    ),
    max_size=12,
)


@DEADLINE
@given(
    operations=writes,
    small=st.booleans(),
    buffering=st.sampled_from([-1, 0, 7, 300_000]),
    threads=st.sampled_from([0, 1, 3]),
    to_object=st.booleans(),
)
def test_writing_is_like_bytesio(
    operations: list[Any], small: bool, buffering: int, threads: int, to_object: bool
) -> None:
    model = io.BytesIO()
    options: dict[str, Any] = SMALL_CHUNKS if small else {}
    with tempfile.TemporaryDirectory() as folder:
        target: Any = io.BytesIO() if to_object else os.path.join(folder, "sealed")
        with sealwax.open(target, "wb", keyset=KEYSET, buffering=buffering, threads=threads, **options) as file:
            for operation in operations:
                if operation == "flush":
                    file.flush()
                elif operation == "tell":
                    assert file.tell() == model.tell()
                else:
                    data = content(operation) if isinstance(operation, int) else operation
                    # What is written may change as soon as the call returned.
                    fleeting = bytearray(data)
                    assert file.write(fleeting) == model.write(data)
                    fleeting[:] = bytes(len(fleeting))
        if to_object:
            target.seek(0)
        with sealwax.open(target, "rb", keyset=KEYSET) as file:
            assert file.read() == model.getvalue()


@DEADLINE
@given(
    lines=st.lists(st.text(max_size=30), max_size=20),
    newline=st.sampled_from([None, "", "\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-32-le"]),
)
def test_text_is_like_textiowrapper(lines: list[str], newline: str | None, encoding: str) -> None:
    model_bytes, sealed = io.BytesIO(), io.BytesIO()
    model = io.TextIOWrapper(model_bytes, encoding, newline=newline)
    with sealwax.open(sealed, "wt", keyset=KEYSET, encoding=encoding, newline=newline) as file:
        for line in lines:
            assert file.write(line + "\n") == model.write(line + "\n")
    model.detach()
    plain = sealwax.open_bytes(sealed.getvalue(), keyset=KEYSET)
    # The mark of the byte order comes even where nothing follows it.
    assert plain == model_bytes.getvalue() or not lines
    sealed.seek(0)
    model_bytes.seek(0)
    model = io.TextIOWrapper(model_bytes, encoding, newline=newline)
    with sealwax.open(sealed, "rt", keyset=KEYSET, encoding=encoding, newline=newline) as file:
        assert list(file) == list(model)


@settings(deadline=None, max_examples=25)
@given(size=st.integers(0, 3000), data=st.data())
def test_every_cut_and_every_change_is_an_error(sealed: Any, size: int, data: Any) -> None:
    _, envelope = sealed(size, True)
    cut = data.draw(st.integers(0, len(envelope) - 1))
    with pytest.raises((sealwax.TruncatedError, sealwax.DecryptionError)):
        # Where the input can seek, nothing at all is released.
        sealwax.open(io.BytesIO(envelope[:cut]), "rb", keyset=KEYSET)
    # Bytes of the unused slot say nothing (format.md 11.5).
    front = sealwax.inspect(envelope)
    unused = range(front["header_len"] - front["slot_len"], front["header_len"])
    at = data.draw(st.integers(0, len(envelope) - 1).filter(lambda at: at not in unused))
    changed = bytearray(envelope)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    released = b""
    with pytest.raises(sealwax.SealwaxError):
        with sealwax.open(io.BytesIO(changed), "rb", keyset=KEYSET, buffering=0) as file:
            while piece := file.read(500):
                released += piece
    assert content(size).startswith(released), "what was released is true"
