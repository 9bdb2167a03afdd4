# SPDX-License-Identifier: MIT OR Apache-2.0
"""Columns of tokens: packed buffers, and the arrays of pyarrow around them."""

from __future__ import annotations

import array
import os
import threading
from typing import Any

import numpy
import pandas
import polars
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sealwax
import sealwax.arrow
from sealwax import Keyset

KEYSET = Keyset.generate("columns")
ROW = {"table": "customers", "column": "iban"}
OVERHEAD = sealwax.TOKEN_OVERHEAD


def packed(values: list[bytes]) -> tuple[bytes, bytes]:
    ends = numpy.cumsum([0, *map(len, values)], dtype=numpy.int64)
    return b"".join(values), ends.tobytes()


def unpacked(column: tuple[bytes, bytes]) -> list[bytes]:
    data, ends = column[0], numpy.frombuffer(column[1], numpy.int64)
    return [data[begin:end] for begin, end in zip(ends, ends[1:], strict=False)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=40), st.integers(0, 3))
def test_a_packed_column_is_its_tokens(values: list[bytes], threads: int) -> None:
    sealed = KEYSET.seal_packed(*packed(values), context=ROW, threads=threads)
    tokens = unpacked(sealed)
    assert KEYSET.open_many(tokens, context=ROW) == values
    assert unpacked(KEYSET.open_packed(*sealed, context=ROW, threads=threads)) == values
    ours = KEYSET.seal_many(values, context=ROW)
    assert unpacked(KEYSET.open_packed(*packed(ours), context=ROW)) == values


@pytest.mark.parametrize("kind", [bytes, bytearray, lambda data: numpy.frombuffer(data, numpy.uint8)])
@pytest.mark.parametrize("count", [511, 512, 20_000])
def test_many_batches_on_many_threads(kind: Any, count: int) -> None:
    values = [b"%d" % number * (number % 7) for number in range(count)]
    data, offsets = packed(values)
    sealed = KEYSET.seal_packed(kind(data), kind(offsets), threads=3)
    assert unpacked(KEYSET.open_packed(kind(sealed[0]), kind(sealed[1]), threads=2)) == values


def test_each_row_is_bound_to_its_own() -> None:
    values = [b"one", b"two", b"three"]
    rows = {"row": packed([b"1", b"2", b"3"])}
    sealed = KEYSET.seal_packed(*packed(values), context=ROW, rows=rows)
    assert unpacked(KEYSET.open_packed(*sealed, context=ROW, rows=rows)) == values
    for number, token in enumerate(unpacked(sealed)):
        assert KEYSET.open(token, context=ROW | {"row": str(number + 1)}) == values[number]
    with pytest.raises(sealwax.DecryptionError) as raised:
        KEYSET.open_packed(*sealed, context=ROW, rows={"row": packed([b"1", b"3", b"2"])})
    assert raised.value.__notes__ == ["value 1 of 3"]
    with pytest.raises(sealwax.DecryptionError):
        KEYSET.open_packed(*sealed, context=ROW)


WRONG: list[tuple[type[Exception], str, dict[str, Any]]] = [
    (sealwax.MisuseError, "64-bit", {"offsets": b""}),
    (sealwax.MisuseError, "64-bit", {"offsets": bytes(12)}),
    (sealwax.MisuseError, "ascend", {"offsets": array.array("q", [0, 3, 2])}),
    (sealwax.MisuseError, "ascend", {"offsets": array.array("q", [-1, 3])}),
    (sealwax.MisuseError, "ascend", {"offsets": array.array("q", [0, 7])}),
    (sealwax.MisuseError, "ascend", {"offsets": array.array("q", [0, 2**62])}),
    (sealwax.MisuseError, "valid", {"valid": b"1"}),
    (sealwax.MisuseError, "has 1 values for 2", {"rows": {"row": packed([b"1"])}}),
    (sealwax.MisuseError, "twice", {"context": {"row": "1"}, "rows": {"row": packed([b"1", b"2"])}}),
    (sealwax.MisuseError, "name", {"rows": {"": packed([b"1", b"2"])}}),
    (sealwax.LimitError, "32 KiB", {"rows": {"row": packed([b"1", bytes(40_000)])}}),
    (sealwax.LimitError, "65,536", {"data": bytes(70_000), "offsets": array.array("q", [0, 1, 70_000])}),
    (TypeError, "str", {"data": "text"}),
    (TypeError, "rows", {"rows": {"row": b"12"}}),
    (TypeError, "rows", {"rows": {5: packed([b"1", b"2"])}}),
    (TypeError, "rows", {"rows": 5}),
]


@pytest.mark.parametrize(("kind", "text", "change"), WRONG)
def test_bad_input_is_refused(kind: type[Exception], text: str, change: dict[str, Any]) -> None:
    good: dict[str, Any] = {"data": b"abcdef", "offsets": array.array("q", [0, 3, 6])}
    KEYSET.seal_packed(**good)
    with pytest.raises(kind, match=text):
        KEYSET.seal_packed(**good | change)


def test_a_changed_token_opens_nothing_and_is_named() -> None:
    values = [b"value"] * 5000
    data, offsets = KEYSET.seal_packed(*packed(values))
    changed = bytearray(data)
    changed[3000 * (OVERHEAD + 5) + 50] ^= 1
    for threads in (1, 2):
        with pytest.raises(sealwax.DecryptionError) as raised:
            KEYSET.open_packed(changed, offsets, threads=threads)
        assert raised.value.__notes__ == ["value 3000 of 5000"]
    with pytest.raises(sealwax.FormatError):
        KEYSET.open_packed(b"short", array.array("q", [0, 5]))


def test_what_changes_while_it_is_sealed_is_sealed_as_it_was_read() -> None:
    """What another thread writes meanwhile may be in it; it opens all the same."""
    data, offsets = bytearray(os.urandom(64) * 20_000), packed([bytes(64)] * 20_000)[1]
    stop = threading.Event()

    def scribble() -> None:
        while not stop.is_set():
            data[:] = bytes(len(data))
            data[: 64 * 1000] = os.urandom(64 * 1000)

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(3):
            KEYSET.open_packed(*KEYSET.seal_packed(data, offsets, threads=2))
    finally:
        stop.set()
        thread.join()


TEXTS = ["DE89 3704", None, "", "ü" * 50, None, "GB29 NWBK"]
KINDS = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
    pa.dictionary(pa.int8(), pa.string()),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_arrays_of_every_kind_go_there_and_back(kind: pa.DataType) -> None:
    values = pa.array(TEXTS).cast(pa.string() if pa.types.is_dictionary(kind) else kind)
    values = values.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else values
    ids = pa.array([str(number) for number in range(len(TEXTS))])
    for column, rows in [(values, ids), (values.slice(1, 4), ids.slice(1, 4)), (values.slice(2, 0), ids.slice(0, 0))]:
        sealed = sealwax.arrow.seal(KEYSET, column, context=ROW, rows={"row": rows})
        sealed.validate(full=True)
        assert sealed.type == pa.large_binary() and sealed.null_count == column.null_count
        opened = sealwax.arrow.open(KEYSET, sealed, type=pa.string(), context=ROW, rows={"row": rows})
        opened.validate(full=True)
        assert opened.to_pylist() == column.cast(pa.string()).to_pylist()
    token = sealwax.arrow.seal(KEYSET, values, context=ROW, rows={"row": ids})[3].as_py()
    assert KEYSET.open(token, context=ROW | {"row": "3"}).decode() == TEXTS[3]


def test_chunked_arrays_stay_chunked() -> None:
    values = pa.chunked_array([["a", None], [], ["b", "c", "d"]], pa.large_binary())
    ids = pa.chunked_array([["1"], ["2", "3", "4"], ["5"]])
    sealed = sealwax.arrow.seal(KEYSET, values, rows={"row": ids})
    assert [len(chunk) for chunk in sealed.chunks] == [2, 0, 3]
    assert sealwax.arrow.open(KEYSET, sealed, rows={"row": ids}).equals(values)
    one = sealed.combine_chunks()
    assert sealwax.arrow.open(KEYSET, one, rows={"row": ids}).to_pylist() == values.to_pylist()
    assert sealwax.arrow.seal(KEYSET, pa.chunked_array([], pa.string())).num_chunks == 0


def test_pandas_and_polars_speak_arrow() -> None:
    frame = polars.DataFrame({"id": ["1", "2", "3"], "iban": ["x", None, "z"]})
    sealed = sealwax.arrow.seal(KEYSET, frame["iban"], rows={"row": frame["id"]})
    series = polars.Series("iban", sealed)
    assert series.dtype == polars.Binary
    opened = sealwax.arrow.open(KEYSET, series, type=pa.large_string(), rows={"row": frame["id"]})
    assert polars.Series("iban", opened).equals(frame["iban"])
    for dtype in (None, "string[pyarrow]"):
        column = pandas.Series(["x", None, "z"], dtype=dtype)
        sealed = sealwax.arrow.seal(KEYSET, column)
        assert sealwax.arrow.open(KEYSET, sealed, type=pa.string()).to_pylist() == ["x", None, "z"]


def test_what_is_no_column_is_refused() -> None:
    with pytest.raises(TypeError, match="int64"):
        sealwax.arrow.seal(KEYSET, pa.array([1, 2]))
    with pytest.raises(TypeError, match="'row' is text or binary, not int64"):
        sealwax.arrow.seal(KEYSET, pa.array(["a"]), rows={"row": pa.array([1])})
    with pytest.raises(sealwax.MisuseError, match="missing"):
        sealwax.arrow.seal(KEYSET, pa.array(["a"]), rows={"row": pa.array([None], pa.string())})
    with pytest.raises(sealwax.MisuseError, match="2 values for 1"):
        sealwax.arrow.seal(KEYSET, pa.array(["a"]), rows={"row": pa.array(["1", "2"])})
    sealed = sealwax.arrow.seal(KEYSET, pa.array([b"\xff"]))
    with pytest.raises(pa.ArrowInvalid):
        sealwax.arrow.open(KEYSET, sealed, type=pa.string())
    assert sealwax.arrow.open(KEYSET, sealed).to_pylist() == [b"\xff"]


def test_a_store_seals_columns(tmp_path: Any) -> None:
    with sealwax.Store.create(tmp_path / "keys", Keyset.generate("x"), unprotected=True) as store:
        sealed = sealwax.arrow.seal(store, pa.array(["a", "b"]))
        assert sealwax.arrow.open(store, sealed, type=pa.string()).to_pylist() == ["a", "b"]
