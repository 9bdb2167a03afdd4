# SPDX-License-Identifier: MIT OR Apache-2.0
"""A file system for fsspec: `sealwax::file://…`, `sealwax::memory://…`, or in front of any other.

With the package installed, fsspec finds it by itself:

    pd.read_parquet("sealwax::file://x.parquet.swx", storage_options={"keyset": keyset})
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from typing import Any, ClassVar

from fsspec import AbstractFileSystem, filesystem
from fsspec.core import get_compression
from fsspec.implementations.chained import ChainedFileSystem

from sealwax import _native
from sealwax._errors import FormatError, MisuseError, SealwaxError, TruncatedError
from sealwax._files import READ_BUFFER, WRITE_BUFFER
from sealwax._io import RawReader, RawWriter, SealedReader, SealedTextWriter, SealedWriter

#: Keywords of `sealwax.open` that say how to seal, and how to open.
_SEALING = frozenset({"keyset", "recipients", "passphrase", "suite", "chunk_len", "danger_mix_recipients"})
_OPENING = frozenset({"keyset", "identities", "passphrase", "keys", "min_epoch", "require"})
_BOTH = frozenset({"context", "external", "max_header_len"})
#: Salt and commitment before the first chunk, and the tag of each (format.md 5A), in bytes.
_PREFIX_LEN = 56
_TAG_LEN = 16
#: More than nearly every header has, in bytes.
_FRONT_LEN = 4096


class SealedFileSystem(ChainedFileSystem):  # type: ignore[misc]
    """Seals what is written to another file system, and opens what is read from it.

    The options are those of `sealwax.open`. Reading is by range: what is not asked for is not read. Names, folders and
    times are those of the file system behind; sizes are those of the plaintext, as the files say it themselves.
    Writing is atomic where the file system behind is: an exception inside `with` leaves nothing. What fsspec puts
    around a file closes it then without a word of the exception. A file that is closed while an exception is in flight
    that was not there when it was opened, also in `except` and `finally`, is therefore given up, with a RuntimeWarning.
    `xb` asks once, when it opens, whether there is a file: one that somebody makes until `close` is replaced.

    Raises:
        MisuseError: an option that `sealwax.open` does not have, or no file system behind.
        When files are opened: as `sealwax.open`.
    """

    protocol: ClassVar[str] = "sealwax"
    # An instance that is kept for later would keep its keys.
    cachable = False

    def __init__(
        self,
        fs: AbstractFileSystem | None = None,
        fo: str | None = None,
        target_protocol: str | None = None,
        target_options: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Stand in front of `fs`, or of the file system that the rest of the URL names."""
        names = {"asynchronous", "loop", "batch_size", "use_listings_cache", "listings_expiry_time", "max_paths"}
        names |= {"skip_instance_cache"}
        super().__init__(**{name: options.pop(name) for name in names & set(options)})
        if fs is None:
            if target_protocol is None:
                raise MisuseError("say what is behind: sealwax::file://…, or fs=")
            fs = filesystem(target_protocol, **(target_options or {}))
        unknown = set(options) - _SEALING - _OPENING - _BOTH
        if unknown:
            raise MisuseError(f"sealwax.open has no option {min(unknown)}")
        self.fs = fs
        self._options = options

    @property
    def fsid(self) -> str:
        """Tell apart what is not the same."""
        return f"sealwax-{self.fs.fsid}"

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **keywords: Any,
    ) -> Any:
        """Open a sealed file, as `fsspec.AbstractFileSystem.open`. What is written is not compressed here."""
        if "r" in mode:
            return super().open(path, mode, block_size, cache_options, compression, **keywords)
        if get_compression(path, compression) is not None:
            # fsspec's compressors do not close what they write to: nothing would ever finish it.
            raise MisuseError("compression is for reading; to write, compress into the file and close both")
        if "b" in mode:
            return super().open(path, mode, block_size, cache_options, **keywords)
        encoding, errors, newline = (keywords.pop(name, None) for name in ("encoding", "errors", "newline"))
        binary = super().open(path, mode.replace("t", "") + "b", block_size, cache_options, **keywords)
        return SealedTextWriter(binary, encoding or "utf-8", errors, newline)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **keywords: Any,
    ) -> Any:
        if mode == "rb":
            source = self.fs.open(path, "rb", block_size=block_size, cache_options=cache_options, **keywords)
            try:
                reader = _native.Reader.open(source, **self._taken(_OPENING))
            except BaseException:
                source.close()
                raise
            return SealedReader(RawReader(reader, path, source), READ_BUFFER)
        if mode not in ("wb", "xb"):
            raise MisuseError(f"mode {mode!r} makes no sense for a sealed file: give rb, wb or xb")
        if mode == "xb" and self.fs.exists(path):
            raise FileExistsError(17, "File exists", path)
        # Not `open`, which would leave the file with a transaction of the file system behind.
        target = self.fs._open(self.fs._strip_protocol(path), "wb", block_size=block_size, autocommit=False, **keywords)
        try:
            writer = _native.Writer.open(target, True, **self._taken(_SEALING))
        except BaseException:
            _discard(target)
            raise
        return _Writer(RawWriter(writer, path), target, autocommit)

    def info(self, path: str, **keywords: Any) -> dict[str, Any]:
        """Describe a file; `size` is what it says about its plaintext, which nothing authenticates."""
        return self._described(self.fs.info(path, **keywords), FormatError, TruncatedError)

    def ls(self, path: str, detail: bool = True, **keywords: Any) -> list[Any]:
        """List a folder of the file system behind."""
        if not detail:
            return list(self.fs.ls(path, detail=False, **keywords))
        # One that cannot be read, or is gone by now, does not hide the others.
        entries = self.fs.ls(path, detail=True, **keywords)
        return [self._described(entry, SealwaxError, OSError) for entry in entries]

    def _described(self, entry: dict[str, Any], *ignored: type[Exception]) -> dict[str, Any]:
        if entry.get("type") != "file":
            return entry
        total = entry.get("size")
        described = entry | {"sealed_size": total}
        with contextlib.suppress(*ignored):
            described["size"] = self._plaintext_len(entry["name"], total)
        return described

    def _plaintext_len(self, path: str, total: int | None) -> int | None:
        if total is None:
            return None
        front = self.fs.cat_file(path, 0, _FRONT_LEN)
        try:
            header = _native.inspect(front)
        except TruncatedError:
            header = _native.inspect(self.fs.cat_file(path, 0, 1 << 20))
        sealed_len = header["chunk_len"] + _TAG_LEN
        chunks = total - header["header_len"] - _PREFIX_LEN
        if chunks < 0 or chunks % sealed_len < _TAG_LEN:
            raise TruncatedError("truncated input: the end is missing")
        return chunks // sealed_len * header["chunk_len"] + chunks % sealed_len - _TAG_LEN

    def exists(self, path: str, **keywords: Any) -> bool:
        """Whether there is a file or a folder."""
        return bool(self.fs.exists(path, **keywords))

    def isfile(self, path: str) -> bool:
        """Whether there is a file."""
        return bool(self.fs.isfile(path))

    def isdir(self, path: str) -> bool:
        """Whether there is a folder."""
        return bool(self.fs.isdir(path))

    def mkdir(self, path: str, create_parents: bool = True, **keywords: Any) -> None:
        """Make a folder."""
        self.fs.mkdir(path, create_parents=create_parents, **keywords)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder and those above it."""
        self.fs.makedirs(path, exist_ok=exist_ok)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        self.fs.rmdir(path)

    def _rm(self, path: str) -> None:
        self.fs.rm_file(path)

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Remove files."""
        self.fs.rm(path, recursive=recursive, maxdepth=maxdepth)

    def cp_file(self, path1: str, path2: str, **keywords: Any) -> None:
        """Copy a sealed file as it is."""
        self.fs.cp_file(path1, path2, **keywords)

    def mv(self, path1: str, path2: str, **keywords: Any) -> None:
        """Move a sealed file as it is."""
        self.fs.mv(path1, path2, **keywords)

    def created(self, path: str) -> Any:
        """When it was made."""
        return self.fs.created(path)

    def modified(self, path: str) -> Any:
        """When it was changed."""
        return self.fs.modified(path)

    def __reduce__(self) -> Any:
        """Refuse: it holds keys."""
        raise TypeError("a SealedFileSystem is not pickled: it would carry its keys along")

    def to_dict(self, *, include_password: bool = True) -> dict[str, Any]:
        """Refuse: it holds keys."""
        raise TypeError("a SealedFileSystem is not written out: it would carry its keys along")

    def to_json(self, *, include_password: bool = True) -> str:
        """Refuse: it holds keys."""
        raise TypeError("a SealedFileSystem is not written out: it would carry its keys along")

    @property
    def storage_options(self) -> dict[str, Any]:
        """Nothing: fsspec would keep the keys here."""
        return {}

    @storage_options.setter
    def storage_options(self, value: dict[str, Any]) -> None:
        """Let go of what fsspec would keep."""

    @property
    def _fs_token_(self) -> str:
        # fsspec's own is a hash of the options, passphrase and all.
        return f"{id(self):x}"

    @_fs_token_.setter
    def _fs_token_(self, value: str | None) -> None:
        pass

    def _taken(self, names: frozenset[str]) -> dict[str, Any]:
        return {name: value for name, value in self._options.items() if name in names | _BOTH}


class _Writer(SealedWriter):
    """Commits what is behind when the last chunk is sealed, and discards it when it is given up."""

    def __init__(self, raw: RawWriter, target: Any, autocommit: bool) -> None:
        self._target = target
        self._autocommit = autocommit
        self._whole = False
        self._given_up = False
        self._process = os.getpid()
        self._handled = sys.exc_info()[1]
        super().__init__(raw, WRITE_BUFFER)

    def close(self) -> None:
        if self.closed:
            return
        if sys.exc_info()[1] not in (None, self._handled):
            # Whoever closes in a `with` of their own does not say that it was left by an exception.
            self.abort()
            what = f"a sealed file was closed while an exception was in flight, and was not made: {self.name!r}"
            warnings.warn(what, RuntimeWarning, stacklevel=2)
            return
        try:
            super().close()
            self._target.close()
            if self._autocommit:
                self._target.commit()
        except BaseException:
            self._give_up()
            raise
        self._whole = True

    def abort(self) -> None:
        if self.closed:
            return
        try:
            super().abort()
        finally:
            self._give_up()

    def commit(self) -> None:
        """Give the file its name, at the end of a transaction."""
        if self._whole:
            self._target.commit()
        elif not self._given_up:
            self.abort()
            raise MisuseError("a file was not closed before its transaction ended")

    def discard(self) -> None:
        """Remove the file, where a transaction is given up."""
        self.abort()
        self._give_up()

    def _give_up(self) -> None:
        # A forked child leaves its parent's file alone.
        if not self._given_up and self._process == os.getpid():
            self._given_up = True
            _discard(self._target)


def _discard(target: io.IOBase | Any) -> None:
    target.close()
    if hasattr(target, "discard"):
        target.discard()
