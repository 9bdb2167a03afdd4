# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sealed files as files: real classes of `io` around the native reader and writer."""

from __future__ import annotations

import codecs
import io
import os
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, overload

from sealwax import _native
from sealwax._errors import MisuseError
from sealwax._io import (
    RawReader,
    RawWriter,
    SealedReader,
    SealedTextReader,
    SealedTextWriter,
    SealedWriter,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sealwax._native import Keyset, Passphrase, Store
    from sealwax._types import (
        AnyKey,
        AnyRecipient,
        Context,
        FileOrPath,
        Kind,
        Path,
        Suite,
    )

READ_BUFFER = 64 * 1024
WRITE_BUFFER = 128 * 1024


@overload
def open(
    file: FileOrPath,
    mode: Literal["rb", "br"] = "rb",
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    header: Path | Buffer | None = None,
    threads: int = 0,
    buffering: int = -1,
    encoding: None = None,
    errors: None = None,
    newline: None = None,
) -> SealedReader: ...


@overload
def open(
    file: FileOrPath,
    mode: Literal["wb", "bw", "xb", "bx"],
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    header: Path | Buffer | None = None,
    threads: int = 0,
    buffering: int = -1,
    encoding: None = None,
    errors: None = None,
    newline: None = None,
) -> SealedWriter: ...


@overload
def open(
    file: FileOrPath,
    mode: Literal["rt", "r", "tr"],
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    header: Path | Buffer | None = None,
    threads: int = 0,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> SealedTextReader: ...


@overload
def open(
    file: FileOrPath,
    mode: Literal["wt", "w", "tw", "xt", "x", "tx"],
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    header: Path | Buffer | None = None,
    threads: int = 0,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> SealedTextWriter: ...


@overload
def open(
    file: FileOrPath,
    mode: str,
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    header: Path | Buffer | None = None,
    threads: int = 0,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> Any: ...


def open(
    file: FileOrPath,
    mode: str = "rb",
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    header: Path | Buffer | None = None,
    threads: int = 0,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> Any:
    """Open a sealed file; the result is a file as `io` has them.

    `file` is a path or a binary file object. A file object is read from its position to its end, and is not closed.
    `mode` is `rb`, `wb`, `xb` (the file must not exist), or one of these with `t` for text. `encoding`, `errors`,
    `newline` and `buffering` are those of the built-in `open`, except that text is UTF-8 where nothing else is said.

    To seal, give `keyset`, `recipients` (keysets, public keys, raw keys) or `passphrase`; `context` travels readable
    in the file, `external` does not and must be given again. To open, give `keyset` (one or more), `identities`,
    `passphrase` or `keys`; `context` and `external` hold what is expected.

    Writing to a path is atomic: the file appears, or is replaced, when `close` succeeded. An exception inside `with`,
    or an object dropped unclosed, leaves nothing. Reading returns verified bytes only: where the input can seek, its
    end was verified before the first byte; from a pipe, what was read before an error is genuine and not all of it.

    To read a file whose header is apart, as `seal_file` with `header` made it, give the header: its path, or its bytes.

    With `threads` at 0 there is one per core beside the caller's; with 1 there is none.

    >>> import os, sealwax, tempfile
    >>> keyset = sealwax.Keyset.generate("example")
    >>> path = os.path.join(tempfile.mkdtemp(), "export.csv.swx")
    >>> with sealwax.open(path, "wt", keyset=keyset) as file:
    ...     _ = file.write("name,amount\\nAda,42\\n")
    >>> with sealwax.open(path, "rt", keyset=keyset) as file:
    ...     next(file)
    'name,amount\\n'

    Raises:
        DecryptionError: wrong key, wrong context, or changed bytes.
        FormatError: not a sealed file.
        TruncatedError: its end is missing.
        UnknownKeyError: none of the keys is one that it was sealed for.
        KeyStateError: the key's state or times forbid it.
        LimitError: a limit would be passed.
        MisuseError: a mode or an option that makes no sense here, no recipient, a closed keyset.
        OSError: the operating system refused; FileExistsError with `x` where the file exists.
        TypeError: an argument of the wrong type.
    """
    action, text = _parse_mode(mode)
    if not isinstance(file, (str, bytes, os.PathLike)) and not hasattr(file, "read" if action == "r" else "write"):
        raise TypeError(f"a file is a path or a binary file object, not {type(file).__name__}")
    if not text and (encoding is not None or errors is not None or newline is not None):
        raise MisuseError("encoding, errors and newline are for text; binary files take none")
    if text and buffering == 0:
        raise MisuseError("text needs a buffer; buffering=0 is for binary files")
    shared: dict[str, Any] = {"keyset": keyset, "passphrase": passphrase, "context": context, "external": external}
    shared |= {"max_header_len": max_header_len, "threads": threads}
    sealing: dict[str, Any] = {"recipients": recipients, "suite": suite, "chunk_len": chunk_len}
    sealing |= {"danger_mix_recipients": danger_mix_recipients or None}
    opening: dict[str, Any] = {"identities": identities, "keys": keys, "require": require}
    opening |= {"min_epoch": min_epoch or None, "header": header}
    own, foreign = (opening, sealing) if action == "r" else (sealing, opening)
    for name, value in foreign.items():
        if value is not None:
            raise MisuseError(f"{name} makes no sense in mode {mode!r}")
    if action == "r":
        return _open_reader(file, shared | own, text, buffering, encoding, errors, newline)
    raw = _open_raw_writer(file, action == "w", shared | own)
    if buffering == 0:
        return raw
    size = WRITE_BUFFER if buffering in (-1, 1) else buffering
    writer = SealedWriter(raw, size)
    if not text:
        return writer
    encoding = encoding or "utf-8"
    file_of_text = SealedTextWriter(writer, encoding, errors, newline, buffering == 1)
    if codecs.lookup(encoding).name in ("utf-16", "utf-32"):
        # The base class leaves the mark of the byte order out where it cannot seek.
        file_of_text.write("\ufeff")
    return file_of_text


def _open_raw_writer(file: FileOrPath, overwrite: bool, keywords: dict[str, Any]) -> RawWriter:
    owned: io.FileIO | None = None
    if isinstance(file, (str, bytes, os.PathLike)) and overwrite and _is_pipe(file):
        # It is written through, and not replaced.
        owned = io.FileIO(file, "wb")
    try:
        writer = _native.Writer.open(file if owned is None else owned, overwrite, **keywords)
    except BaseException:
        if owned is not None:
            owned.close()
        raise
    return RawWriter(writer, _name(file), owned)


def _open_reader(
    file: FileOrPath,
    keywords: dict[str, Any],
    text: bool,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> Any:
    owned: io.FileIO | None = None
    if isinstance(file, (str, bytes, os.PathLike)) and _is_pipe(file):
        owned = io.FileIO(file, "rb")
    try:
        reader = _native.Reader.open(file if owned is None else owned, **keywords)
    except BaseException:
        if owned is not None:
            owned.close()
        raise
    raw = RawReader(reader, _name(file), owned)
    if buffering == 0:
        return raw
    size = READ_BUFFER if buffering in (-1, 1) else buffering
    buffered = SealedReader(raw, size)
    if not text:
        return buffered
    return SealedTextReader(buffered, encoding or "utf-8", errors, newline)


def _parse_mode(mode: str) -> tuple[str, bool]:
    if not isinstance(mode, str):
        raise TypeError(f"mode is a str, not {type(mode).__name__}")
    letters = set(mode)
    actions = letters & set("rwx")
    if len(letters) != len(mode) or not letters <= set("rwxbt") or len(actions) != 1:
        raise MisuseError(
            f"mode {mode!r} makes no sense for a sealed file: "
            "give r, w or x, with b or t; there is no + and no a, because the end is sealed last"
        )
    if {"b", "t"} <= letters:
        raise MisuseError("a file is either text or binary, not both")
    return actions.pop(), "b" not in letters


def _is_pipe(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        # The native reader says what is wrong with it.
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _name(file: FileOrPath) -> Any:
    if isinstance(file, (str, bytes)):
        return file
    if isinstance(file, os.PathLike):
        return os.fspath(file)
    return getattr(file, "name", None)
