# SPDX-License-Identifier: MIT OR Apache-2.0
"""The classes of sealed files: those of `io`, and how writing ends."""

from __future__ import annotations

import atexit
import contextlib
import io
import warnings
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from sealwax import _native

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

    from sealwax._types import OpenedVia


class RawReader(io.RawIOBase):
    """Reads a sealed file without a buffer. Every byte it returns is verified."""

    mode = "rb"

    def __init__(self, reader: _native.Reader, name: Any, owned: io.IOBase | None = None) -> None:
        """Wraps the native reader; `owned` is closed with it."""
        super().__init__()
        self._reader = reader
        self._owned = owned
        self.name = name

    def readable(self) -> bool:
        """Return True, or raise ValueError where it is closed."""
        self._check()
        return True

    def seekable(self) -> bool:
        """Whether it can seek: files can, pipes cannot."""
        self._check()
        return self._reader.seekable()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as there is plaintext; return how many bytes."""
        self._check()
        return self._reader.readinto(buffer)

    def read(self, size: int | None = -1) -> bytes:
        """Return at most `size` bytes, or all that is left."""
        self._check()
        if size is None or size < 0:
            return self._reader.readall()
        return self._reader.read(size)

    def readall(self) -> bytes:
        """Return all that is left."""
        self._check()
        return self._reader.readall()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, in bytes of plaintext. Beyond the end there is nothing to read."""
        self._check()
        if not self._reader.seekable():
            raise io.UnsupportedOperation("this file cannot seek: it comes from a pipe")
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        """Return the position, in bytes of plaintext."""
        self._check()
        return self._reader.tell()

    def close(self) -> None:
        """Let go of the file."""
        if self.closed:
            return
        try:
            self._reader.close()
            if self._owned is not None:
                self._owned.close()
        finally:
            super().close()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse: two would share one native reader."""
        raise TypeError("a RawReader is not pickled or copied")

    @property
    def plaintext_len(self) -> int | None:
        """Length of the plaintext, in bytes; None where it comes from a pipe."""
        return self._reader.plaintext_len

    @property
    def opened_via(self) -> OpenedVia:
        """Through which recipient it was opened. A public key says nothing about who sealed."""
        return self._reader.opened_via

    @property
    def stored_context(self) -> dict[str, bytes]:
        """The context that travels in the file, authenticated."""
        return self._reader.stored_context

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class SealedReader(io.BufferedReader):
    """Reads a sealed file: `read`, `readinto`, `peek`, `seek`, `tell`, iteration.

    Every byte it returns is verified. Where the file can seek, its end was verified when it was opened.
    """

    raw: RawReader

    @property
    def plaintext_len(self) -> int | None:
        """Length of the plaintext, in bytes; None where it comes from a pipe."""
        return self.raw.plaintext_len

    @property
    def opened_via(self) -> OpenedVia:
        """Through which recipient it was opened. A public key says nothing about who sealed."""
        return self.raw.opened_via

    @property
    def stored_context(self) -> dict[str, bytes]:
        """The context that travels in the file, authenticated."""
        return self.raw.stored_context


class RawWriter(io.RawIOBase):
    """Seals what is written to it. Only `close` without an exception in flight finishes the file."""

    mode = "wb"

    def __init__(self, writer: _native.Writer, name: Any, owned: io.IOBase | None = None) -> None:
        """Wraps the native writer; `owned` is closed with it."""
        super().__init__()
        self._writer = writer
        self._owned = owned
        self.name = name
        _unfinished.add(self)

    def writable(self) -> bool:
        """Return True, or raise ValueError where it is closed."""
        self._check()
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Take all of `data`; return how many bytes that are."""
        self._check()
        return self._writer.write(data)

    def tell(self) -> int:
        """Return how many bytes were written."""
        self._check()
        return self._writer.tell()

    def close(self) -> None:
        """Seal the last chunk; a path gets its file."""
        if self.closed:
            return
        try:
            self._writer.finish()
        finally:
            self._let_go()

    def abort(self) -> None:
        """Give up: no file appears, and a file that was there stays as it was."""
        if self.closed:
            return
        try:
            self._writer.abort()
        finally:
            self._let_go()

    def _abort_unless_in_use(self) -> None:
        # A daemon thread may be writing to what nobody reads: the process would never end.
        if not self.closed and self._writer.try_abort():
            self._let_go()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse: two would share one native writer."""
        raise TypeError("a RawWriter is not pickled or copied")

    def _let_go(self) -> None:
        try:
            if self._owned is not None:
                self._owned.close()
        finally:
            super().close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish, or give up where an exception is in flight."""
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        """Give up: nobody said that the file is complete."""
        # Where opening failed there is nothing yet.
        if hasattr(self, "_writer") and not self.closed:
            try:
                _warn(self)
            finally:
                self.abort()

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class SealedWriter(io.BufferedWriter):
    """Seals what is written to it.

    A path gets its file when `close` succeeded, at once and whole. `abort`, an exception inside `with`, or an object
    dropped unclosed leave nothing, and a file that was there stays as it was.
    """

    raw: RawWriter

    def close(self) -> None:
        """Seal what is left and the last chunk; a path gets its file."""
        if self.closed:
            return
        try:
            # The base class would go on to finish the file after a failure here.
            self.flush()
        except BaseException:
            self.abort()
            raise
        super().close()

    def abort(self) -> None:
        """Give up: no file appears, and a file that was there stays as it was."""
        self.raw.abort()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish, or give up where an exception is in flight."""
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        """Give up: nobody said that the file is complete."""
        _drop(self)


class SealedTextReader(io.TextIOWrapper):
    """Reads a sealed file as text."""

    @property
    def opened_via(self) -> OpenedVia:
        """Through which recipient it was opened. A public key says nothing about who sealed."""
        return cast(SealedReader, self.buffer).opened_via

    @property
    def stored_context(self) -> dict[str, bytes]:
        """The context that travels in the file, authenticated."""
        return cast(SealedReader, self.buffer).stored_context


class SealedTextWriter(io.TextIOWrapper):
    """Seals text; otherwise as `SealedWriter`."""

    def close(self) -> None:
        """Seal what is left and the last chunk; a path gets its file."""
        if self.closed:
            return
        try:
            self.flush()
        except BaseException:
            self.abort()
            raise
        super().close()

    def abort(self) -> None:
        """Give up: no file appears, and a file that was there stays as it was."""
        cast(SealedWriter, self.buffer).abort()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish, or give up where an exception is in flight."""
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        """Give up: nobody said that the file is complete."""
        _drop(self)


def _drop(writer: SealedWriter | SealedTextWriter) -> None:
    try:
        closed = writer.closed
    except (AttributeError, ValueError):
        # Detached, or never begun.
        return
    if not closed:
        try:
            _warn(writer)
        finally:
            writer.abort()


def _warn(writer: io.IOBase) -> None:
    warnings.warn(
        f"a sealed file was dropped before it was closed and was not made: {getattr(writer, 'name', None)!r}",
        ResourceWarning,
        source=writer,
        stacklevel=3,
    )


_unfinished: weakref.WeakSet[RawWriter] = weakref.WeakSet()


@atexit.register
def _abort_unfinished() -> None:
    for writer in list(_unfinished):
        # One that cannot be given up does not keep the others.
        with contextlib.suppress(Exception):
            writer._abort_unless_in_use()
