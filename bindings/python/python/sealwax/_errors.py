# SPDX-License-Identifier: MIT OR Apache-2.0
"""The exceptions: one per kind of error, sorted by who must act. OS errors stay `OSError`."""

from __future__ import annotations


class SealwaxError(Exception):
    """Whatever sealwax refuses. Its text never holds a secret."""


class DecryptionError(SealwaxError):
    """A check made with a key in hand failed: treat the bytes as forged.

    Wrong key or passphrase, wrong context, changed bytes, a key block older than `min_epoch`; on a pipe usually a
    missing end. These are not told apart, because the difference is what an adversary would ask for.
    """

    #: Ranges of plaintext that do not open, as `(from, to)` in bytes; filled by `verify`.
    damage: tuple[tuple[int, int], ...] = ()


class FormatError(SealwaxError):
    """The bytes are not what docs/format.md allows.

    Not a sealwax file, damage in the header, a keyset where data was expected or the other way round, a mistyped
    recipient.
    """

    #: The clause of docs/format.md that is broken.
    clause: str = ""


class TruncatedError(SealwaxError):
    """The input ends too early, by its length: get it again.

    A transfer that stopped, a file still being written. It is no `EOFError`, because whoever reads until `EOFError`
    would take a cut file for a whole one.
    """


class UnknownKeyError(SealwaxError):
    """None of the keys given is one that the input was sealed for. The text says which is wanted."""

    #: Which key the input was sealed for, in words.
    wanted: str = ""


class KeyStateError(SealwaxError):
    """The key is there, and its state or its times forbid this."""

    #: The keyset's id, in hex.
    keyset: str = ""
    #: The version's id, in hex.
    version: str = ""
    #: The state it is in.
    state: str = ""
    #: What an operator can do.
    remedy: str = ""


class LimitError(SealwaxError):
    """A limit of the format or of the caller would be passed.

    A header over the limit, Argon2id costs over the limit, a 17th trial, a token over 65,536 bytes.
    """


class MisuseError(SealwaxError, ValueError):
    """The program called sealwax wrongly. Input bytes never cause it.

    No recipient, a read-only or too short target, a mode that makes no sense, a closed keyset, a context name twice.
    """


class ProviderError(SealwaxError):
    """A provider of keys (a KMS, an HSM) did not do its part."""


class RandomError(SealwaxError):
    """The operating system's random source failed; nothing was written."""


for _error in [SealwaxError, *SealwaxError.__subclasses__()]:
    # Where people import it from.
    _error.__module__ = "sealwax"
