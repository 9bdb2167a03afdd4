# SPDX-License-Identifier: MIT OR Apache-2.0
"""Columns of tokens, for pyarrow: very many values sealed in one call, without an object for each.

    import pyarrow as pa
    import sealwax.arrow

    sealed = sealwax.arrow.seal(keyset, table["iban"], context={"table": "customers", "column": "iban"},
                                rows={"row": table["id"].cast(pa.string())})
    opened = sealwax.arrow.open(keyset, sealed, type=pa.string(), context=..., rows=...)

`values` is whatever `pyarrow.array` takes as text or binary: its arrays and chunked arrays, and those of polars, pandas
and others that speak Arrow's C interface. Missing values stay missing, which anybody can see. `context` is bound to
every token and `rows` names columns whose value in the same row is bound too: a token then opens in its own row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sealwax._errors import MisuseError
from sealwax._native import Keyset, Store

if TYPE_CHECKING:
    from sealwax._types import Context

__all__ = ["open", "seal"]


def seal(
    keyset: Keyset | Store,
    values: Any,
    *,
    context: Context | None = None,
    rows: Mapping[str, Any] | None = None,
    threads: int = 0,
) -> Any:
    """Seal a column of text or binary; the tokens are large binary, chunked as the values are.

    Raises:
        MisuseError: a column of `rows` has another length, or a missing value.
        TypeError: values or rows that are neither text nor binary: cast them first.
        As `Keyset.seal_packed`.
    """
    return _each_chunk(_keyset(keyset).seal_packed, values, context, rows, threads)


def open(
    keyset: Keyset | Store,
    tokens: Any,
    *,
    type: pa.DataType | None = None,
    context: Context | None = None,
    rows: Mapping[str, Any] | None = None,
    threads: int = 0,
) -> Any:
    """Open a column of tokens, all or nothing. It is large binary, or of `type`: `pyarrow.string()` for text.

    Raises:
        pyarrow.ArrowInvalid: the values are not of `type`.
        As `seal` and `Keyset.open_packed`.
    """
    opened = _each_chunk(_keyset(keyset).open_packed, tokens, context, rows, threads)
    return opened if type is None else opened.cast(type)


def _each_chunk(
    call: Callable[..., tuple[bytes, bytes]],
    values: Any,
    context: Context | None,
    rows: Mapping[str, Any] | None,
    threads: int,
) -> Any:
    column = _array(values, "values are")
    others = {name: _array(other, f"the context {name!r} is") for name, other in (rows or {}).items()}
    for name, other in others.items():
        if len(other) != len(column):
            raise MisuseError(f"the context {name!r} has {len(other)} values for {len(column)}")
        if other.null_count:
            raise MisuseError(f"the context {name!r} has missing values: every row is bound to one")
    if not isinstance(column, pa.ChunkedArray):
        return _one_chunk(call, column, context, others, threads)
    chunks, begin = [], 0
    for chunk in column.chunks:
        beside = {name: other.slice(begin, len(chunk)) for name, other in others.items()}
        chunks.append(_one_chunk(call, chunk, context, beside, threads))
        begin += len(chunk)
    return pa.chunked_array(chunks, pa.large_binary())


def _one_chunk(
    call: Callable[..., tuple[bytes, bytes]],
    column: Any,
    context: Context | None,
    rows: Mapping[str, Any],
    threads: int,
) -> Any:
    data, offsets = _packed(column)
    valid = bits = None
    if column.null_count:
        present = column.is_valid()
        # Put together anew, so that it begins with its first bit, whatever slice the column is of.
        present = pa.concat_arrays([present.slice(0, 0), present])
        bits, valid = present.buffers()[1], present.cast(pa.uint8()).buffers()[1].slice(0, len(column))
    packed = {
        name: _packed(other.combine_chunks() if isinstance(other, pa.ChunkedArray) else other)
        for name, other in rows.items()
    }
    made, ends = call(data, offsets, valid=valid, context=context, rows=packed, threads=threads)
    buffers = [bits, pa.py_buffer(ends), pa.py_buffer(made)]
    return pa.Array.from_buffers(pa.large_binary(), len(column), buffers, column.null_count)


def _packed(column: Any) -> tuple[Any, Any]:
    """The data of an array of large binary, and the offsets of just its values."""
    _, offsets, data = column.buffers()
    if offsets is None or len(column) == 0:
        return b"", bytes(8)
    size = 8
    return data if data is not None else b"", offsets.slice(column.offset * size, (len(column) + 1) * size)


def _array(values: Any, what: str) -> Any:
    column = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values)
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    known = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
        pa.types.is_fixed_size_binary,
    )
    if not any(is_kind(kind) for is_kind in known) and not (pa.types.is_null(kind)):
        raise TypeError(f"{what} text or binary, not {column.type}: cast it first, for example with .cast('string')")
    return column if column.type == pa.large_binary() else column.cast(pa.large_binary())


def _keyset(keyset: Keyset | Store) -> Keyset:
    return keyset.keyset if isinstance(keyset, Store) else keyset
