# SPDX-License-Identifier: MIT OR Apache-2.0
"""The native module. Import from `sealwax`; this file is where to read what there is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Never, Self, final

from typing_extensions import Buffer

from sealwax._types import (
    AnyKey,
    AnyRecipient,
    BackedUp,
    Context,
    Dependence,
    FileOrPath,
    Inspection,
    KeysetInfo,
    Kind,
    OpenedVia,
    Path,
    Progress,
    ReencryptReport,
    Removal,
    RewrapReport,
    Suite,
    Usage,
    Verified,
)

__all__ = [
    "TOKEN_OVERHEAD",
    "Census",
    "Handshake",
    "Keyset",
    "Limits",
    "Passphrase",
    "PreparedContext",
    "ProvidedKey",
    "ProviderRecipient",
    "RawKey",
    "Reader",
    "Recipient",
    "Session",
    "Share",
    "Store",
    "Writer",
    "__version__",
    "census",
    "inspect",
    "open_bytes",
    "open_file",
    "open_into",
    "reencrypt_file",
    "rewrap",
    "rewrap_bytes",
    "seal_bytes",
    "seal_file",
    "seal_into",
    "sealed_len",
    "verify",
]

TOKEN_OVERHEAD: Final = 77
"""Bytes that a token is longer than its plaintext."""

__version__: Final[str]

@final
class Keyset:
    """One logical key: an id, a name, and versions, one of which seals.

    A keyset of symmetric keys seals tokens and envelopes. A keyset of key pairs (an identity) opens what was sealed for
    its recipient string.

    It is safe to share between threads. Its repr shows no secret, and it is neither pickled nor copied. `close`, or
    leaving a `with` block, wipes its secrets; a job that began before keeps what it needs until it is done.
    Plaintext in `bytes` objects cannot be wiped: use the `_into` calls with a bytearray where that matters.
    """

    @staticmethod
    def generate(name: str = "default", suite: Suite = "cobblestone-256") -> Keyset:
        """Make a keyset with one fresh version, active and primary.

        `suite` may also be `x25519` or `x-wing` (post-quantum), which makes an identity. A name has 1 to 64 bytes.

        Raises:
            MisuseError: the name is not allowed, or there is no such suite.
            RandomError: the system's random source failed.
        """

    @staticmethod
    def import_raw(secret: Buffer, name: str = "default", suite: Suite = "cobblestone-256") -> Keyset:
        """Make a keyset whose one version has these 32 bytes as its secret.

        They must be uniformly random and used for nothing else.

        Raises:
            MisuseError: not 32 bytes, the name is not allowed, or there is no such suite.
            RandomError: the system's random source failed.
        """

    @staticmethod
    def from_identity(text: str) -> Keyset:
        """Read an identity string, `SEALWAX-SECRET-1...`.

        Raises:
            FormatError: mistyped, or of another kind.
            LimitError: longer than 4,096 bytes.
        """

    @staticmethod
    def load(
        path: Path,
        *,
        passphrase: str | Passphrase | None = None,
        identity: AnyKey | Iterable[AnyKey] | None = None,
        keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
        keys: AnyKey | Iterable[AnyKey] | None = None,
        unprotected: bool = False,
    ) -> Keyset:
        """Read a keyset file that is protected as said here, and in no other way.

        `passphrase`, `keyset` (another one) and `keys` open it. `identity` restores a backup that was sealed for a
        public key; anybody can make such a file, so look at the id. `unprotected` reads a file without protection.

        Raises:
            DecryptionError: wrong passphrase or key, or the file was changed.
            FormatError: no keyset file, or not protected as expected.
            KeyStateError: the other keyset's state forbids it.
            LimitError: longer than 18 MiB, or Argon2id costs over the limit.
            MisuseError: nothing was said about its protection, or two things were.
            TruncatedError: the file ends too early.
            UnknownKeyError: it is sealed for another key.
            OSError: the operating system refused.
        """

    @staticmethod
    def from_bytes(
        data: Buffer,
        *,
        passphrase: str | Passphrase | None = None,
        identity: AnyKey | Iterable[AnyKey] | None = None,
        keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
        keys: AnyKey | Iterable[AnyKey] | None = None,
        unprotected: bool = False,
    ) -> Keyset:
        """Read the bytes of a keyset file. As `load`, and raises the same but for OSError."""

    def save(
        self,
        path: Path,
        *,
        passphrase: str | Passphrase | None = None,
        recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
        unprotected: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Write a keyset file with mode 0600, at once and whole.

        With `overwrite` it replaces an older revision of the same keyset, under the lock that a `Store` takes too: one
        that is no newer than the revision that was loaded or saved last. What another program changed meanwhile is not
        overwritten: load it, and change that.

        Raises:
            KeyStateError: the file was changed since this keyset was loaded or saved, or has this revision already; a
                recipient's state forbids sealing.
            MisuseError: nothing was said about protection, or two things were; recipients that do not fit together; the
                keyset was made by a newer version of sealwax; another keyset is there.
            FormatError: what is there is no keyset file.
            RandomError: the system's random source failed.
            OSError: the operating system refused; FileExistsError where the file exists and `overwrite` is False.
        """

    def to_bytes(
        self,
        *,
        passphrase: str | Passphrase | None = None,
        recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
        unprotected: bool = False,
    ) -> bytes:
        """Return the bytes of a keyset file. As `save`, and raises the same but for OSError."""

    def rotate(self, suite: Suite | None = None) -> str:
        """Add a fresh version, which seals from now on; the older ones go on opening. Return its id, in hex.

        `suite` is that of the version before it where nothing is said.

        Raises:
            LimitError: 65,536 versions.
            MisuseError: the policy does not allow the suite; a closed keyset, or one from a newer version of sealwax.
            RandomError: the system's random source failed.
        """

    def rotate_if_due(self) -> str | None:
        """Rotate if policy, times or limits want it. Return the new version's id, or None.

        Raises:
            As `rotate`.
        """

    def prepare(self, suite: Suite | None = None) -> str:
        """Add a fresh pre-active version, and return its id: hand it out to every reader, then `activate` it.

        Raises:
            As `rotate`.
        """

    def activate(self, version: str, reason: str = "") -> None:
        """Make a pre-active version active, and the primary. A version is named by its id, eight digits of hex.

        Raises:
            KeyStateError: its state has no such move.
            LimitError: its history is full.
            MisuseError: no id, a reason over 255 bytes, a closed keyset, or one from a newer version of sealwax.
            UnknownKeyError: there is no such version.
        """

    def suspend(self, version: str, reason: str = "") -> None:
        """Take an active version out of use: it neither seals nor opens until `resume`.

        Raises:
            As `activate`.
        """

    def resume(self, version: str, reason: str = "") -> None:
        """Put a suspended version back into use.

        Raises:
            As `activate`.
        """

    def deactivate(self, version: str, reason: str = "") -> None:
        """End the use of a version for sealing, for good; it goes on opening. Rotate first where it is the primary.

        Raises:
            As `activate`.
        """

    def mark_compromised(self, version: str, reason: str = "") -> None:
        """Record that somebody else may have a version: it opens only to migrate from now on.

        Raises:
            As `activate`.
        """

    def destroy(
        self,
        version: str,
        reason: str = "",
        *,
        census: Census | None = None,
        danger_without_census: bool = False,
    ) -> None:
        """Wipe a version's secret. What it alone opens is lost for good.

        A verified census shows that nothing that it looked at depends on the version; `danger_without_census` says that
        the caller knows. Other copies of the keyset file hold the secret still.

        Raises:
            KeyStateError: it is the primary, or the census does not clear it; the text says what is in the way.
            MisuseError: neither a census nor the word, or both; otherwise as `activate`.
        """

    def schedule(self, version: str, *, activate_at: int | None = None, deactivate_at: int | None = None) -> None:
        """Set from when on a version may be used and from when on it no longer seals, in seconds since 1970.

        Raises:
            MisuseError: an end that is not after the start; otherwise as `activate`.
        """

    def set_policy(
        self,
        *,
        rotate_after_seconds: int | None = None,
        rotate_after_messages: int | None = None,
        rotate_after_bytes: int | None = None,
        algorithms: Iterable[Suite] | None = None,
        allow_raw_export: bool | None = None,
    ) -> None:
        """Change what the keyset allows, and when it wants to be rotated; 0 means never, None leaves it.

        Raises:
            MisuseError: symmetric keys and key pairs together, or those of the other family; a closed keyset.
        """

    def rotation_due(self) -> str | None:
        """Return why a rotation is due: no-primary, age, deactivation, messages, bytes or hard-limit; or None.

        Raises:
            MisuseError: a closed keyset.
        """

    def open_migrating(self, token: Buffer, *, context: Context | None = None) -> tuple[bytes, OpenedVia]:
        """Open a token also under a compromised version: the plaintext, and through which version.

        What a compromised version yields is not to be believed for having been there: whoever took the key may have
        made it. The second value's `compromised` says so. Seal it anew once there is another reason to believe it.

        Raises:
            As `open`.
        """

    def backup_in_shares(self, threshold: int, count: int) -> tuple[bytes, list[Share]]:
        """Return a backup, and `count` shares of its key, any `threshold` of which open it.

        Raises:
            MisuseError: not 2 <= threshold <= count <= 64, or a closed keyset.
            RandomError: the system's random source failed.
        """

    @staticmethod
    def restore_from_shares(data: Buffer, shares: Iterable[Share | str]) -> Keyset:
        """Open a backup with its shares, in any order. Compare `fingerprint` with somebody who knows it.

        Raises:
            FormatError: no backup with shares, or a share that is not the one it lists.
            UnknownKeyError: a share of another backup, or too few; the text says how many are missing.
            As `from_bytes`.
        """

    @property
    def fingerprint(self) -> str:
        """What to compare after a restore: 16 bytes in hex that say which keyset it is, whatever its revision."""

    def seal(self, data: Buffer, *, context: Context | None = None) -> bytes:
        """Seal a token: `data`, of at most 65,536 bytes, under the primary version. 77 bytes longer than it.

        `context` does not travel and must be given again to open: the table, column and row of a field, for example.
        Data over 4 KiB is sealed without the interpreter's lock.

        Raises:
            KeyStateError: there is no version that may seal now.
            LimitError: over 65,536 bytes, or a context over 32 KiB or 64 entries.
            MisuseError: an identity (it seals no tokens), a closed keyset, a context name that is not allowed.
            RandomError: the system's random source failed.
            TypeError: no bytes-like object, or a context of something else than names to text or bytes.
            BufferError: a buffer that is not contiguous.
        """

    def open(self, token: Buffer, *, context: Context | None = None) -> bytes:
        """Open a token.

        Raises:
            DecryptionError: another context, or changed bytes.
            FormatError: no token.
            KeyStateError: the state or the times of its version forbid it.
            LimitError: longer than a token can be.
            MisuseError: a closed keyset, a context name that is not allowed.
            UnknownKeyError: sealed under a version that is not in this keyset.
            TypeError, BufferError: as `seal`.
        """

    def seal_into(self, data: Buffer, target: Buffer, *, context: Context | None = None) -> int:
        """Seal a token into a writable buffer of at least len(data) + 77 bytes. Return its length.

        Raises:
            MisuseError: a target that is read-only, too short, or overlaps the input; otherwise as `seal`.
        """

    def open_into(self, token: Buffer, target: Buffer, *, context: Context | None = None) -> int:
        """Open a token into a writable buffer of at least len(token) - 77 bytes. Return the plaintext's length.

        Nothing is written to the target unless the token verified.

        Raises:
            MisuseError: a target that is read-only, too short, or overlaps the token; otherwise as `open`.
        """

    def seal_many(
        self,
        values: Iterable[Buffer],
        *,
        context: Context | Iterable[Context] | None = None,
        threads: int = 0,
    ) -> list[bytes]:
        """Seal many tokens in one call, on several threads and without the interpreter's lock.

        `context` is one for all, or as many as there are values. With `threads` at 0 there is one per core.

        Raises:
            As `seal`; a note says which value it was. MisuseError also where there are not as many contexts.
        """

    def open_many(
        self,
        tokens: Iterable[Buffer],
        *,
        context: Context | Iterable[Context] | None = None,
        threads: int = 0,
    ) -> list[bytes]:
        """Open many tokens in one call. All or nothing.

        Raises:
            As `open`; a note says which token it was. MisuseError also where there are not as many contexts.
        """

    def seal_packed(
        self,
        data: Buffer,
        offsets: Buffer,
        *,
        valid: Buffer | None = None,
        context: Context | None = None,
        rows: Mapping[str, tuple[Buffer, Buffer]] | None = None,
        threads: int = 0,
    ) -> tuple[bytes, bytes]:
        """Seal a column of values that lie in one buffer, without an object for each: what `sealwax.arrow` stands on.

        Value `n` is `data[offsets[n]:offsets[n + 1]]`; `offsets` are the machine's 64-bit integers, one more than there
        are values, as in Arrow's large binary. `valid` has a byte for each value; where it is 0 there is none, and
        none comes out. `context` is bound to all of them, and `rows` names columns, as pairs of data and offsets, whose
        value in the same row is bound too. Return the data and the offsets of the column of tokens.

        Raises:
            As `seal`; a note says which value it was. MisuseError also where offsets do not ascend or leave the data,
            and where columns differ in their number of values.
        """

    def open_packed(
        self,
        data: Buffer,
        offsets: Buffer,
        *,
        valid: Buffer | None = None,
        context: Context | None = None,
        rows: Mapping[str, tuple[Buffer, Buffer]] | None = None,
        threads: int = 0,
    ) -> tuple[bytes, bytes]:
        """Open a column of tokens as `seal_packed` made it. All or nothing. Return data and offsets of the plaintexts.

        Raises:
            As `open`; a note says which token it was. MisuseError also as `seal_packed`.
        """

    @staticmethod
    def open_any(keysets: Iterable[Keyset], token: Buffer, *, context: Context | None = None) -> bytes:
        """Open a token with whichever of these keysets sealed it.

        Raises:
            As `open`; LimitError also where more than 16 versions of that id and suite are at hand.
        """

    def recipient(self) -> Recipient:
        """Return the public key of an identity's primary version.

        Raises:
            KeyStateError: there is no version that may seal now.
            MisuseError: a symmetric keyset has no public key; a closed keyset.
        """

    def expose_identity(self) -> str:
        """Return the identity string of the primary version: the secret itself.

        Raises:
            KeyStateError: there is no version that may seal now.
            MisuseError: a symmetric keyset has none; a closed keyset.
        """

    def info(self) -> KeysetInfo:
        """Return what there is to know, without any secret.

        Raises:
            MisuseError: a closed keyset.
        """

    @property
    def id(self) -> str:
        """The id, in hex."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def revision(self) -> int:
        """The revision: 1 at first, one more with each change."""

    @property
    def primary(self) -> str | None:
        """The id of the version that seals, in hex."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    def close(self) -> None:
        """Wipe the secrets. Closing twice is fine."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def __copy__(self) -> Never: ...
    def __deepcopy__(self, memo: Any, /) -> Never: ...

@final
class Store:
    """A keyset and the file that it lives in: changed under a lock, and followed while other processes change it.

    What it seals is counted in a usage file beside the keyset file. Wherever a call takes a keyset, it takes a store
    too, and means the newest revision that this process saw. `close`, or leaving a `with` block, gives back what was
    counted ahead and not used.
    """

    @staticmethod
    def create(
        path: Path,
        keyset: Keyset,
        *,
        passphrase: str | Passphrase | None = None,
        recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
        unprotected: bool = False,
        count_in_file: bool = True,
        min_revision: int = 0,
        replace_bad_usage: bool = False,
    ) -> Store:
        """Write a new keyset file, with mode 0600, and open it.

        Raises:
            As `Keyset.save`, without `overwrite`.
        """

    @staticmethod
    def restore(
        path: Path,
        keyset: Keyset,
        *,
        passphrase: str | Passphrase | None = None,
        recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
        unprotected: bool = False,
        count_in_file: bool = True,
        min_revision: int = 0,
        replace_bad_usage: bool = False,
    ) -> Store:
        """Write a keyset that was restored from a backup, and open it; an existing file is never overwritten.

        It becomes the revision after all that the usage file has seen, so that nobody takes it for a file put back.
        Without the usage file its counters begin anew, too low: rotate.

        Raises:
            As `create`.
        """

    @staticmethod
    def open(
        path: Path,
        *,
        passphrase: str | Passphrase | None = None,
        recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
        unprotected: bool = False,
        count_in_file: bool = True,
        min_revision: int = 0,
        replace_bad_usage: bool = False,
    ) -> Store:
        """Open a keyset file, with what it is sealed for: it is written anew for the same.

        `count_in_file=False` counts in this process alone, where the folder cannot be written to. `replace_bad_usage`
        replaces a usage file that does not verify, whose counters are then lost: rotate.

        Raises:
            KeyStateError: the file was put back, or the usage file does not verify.
            As `Keyset.load`.
        """

    @property
    def keyset(self) -> Keyset:
        """The newest revision that this process saw, to be used and not changed."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    def refresh(self) -> bool:
        """Look at the file now, and return whether it had a newer revision. It is looked at once a second anyway.

        Raises:
            KeyStateError: the file has a lower revision than this process saw, or the same with other contents.
            As `open`.
        """

    def seal(self, data: Buffer, *, context: Context | None = None) -> bytes:
        """Seal a token under the newest revision.

        Raises:
            As `Keyset.seal`; once in many calls the file is written to, so OSError too.
        """

    def open_token(self, token: Buffer, *, context: Context | None = None) -> bytes:
        """Open a token with the newest revision.

        Raises:
            As `Keyset.open`.
        """

    def rotate(self, suite: Suite | None = None) -> str:
        """Add a fresh version, which seals from now on. Return its id, in hex.

        Here as in the calls that follow, the file is locked, read, changed and written at once and durably.

        Raises:
            MisuseError: the file is sealed for somebody whose key was not given; otherwise as `Keyset.rotate`.
            KeyStateError: the file was put back.
            OSError: the operating system refused.
        """

    def rotate_if_due(self) -> str | None:
        """Rotate if policy, times or limits want it. Return the new version's id, or None.

        Raises:
            As `rotate`.
        """

    def prepare(self, suite: Suite | None = None) -> str:
        """Add a fresh pre-active version, and return its id: hand it out to every reader, then `activate` it.

        Raises:
            As `rotate`.
        """

    def activate(self, version: str, reason: str = "") -> None:
        """Make a pre-active version active, and the primary. A version is named by its id, eight digits of hex.

        Raises:
            KeyStateError: its state has no such move.
            LimitError: its history is full.
            MisuseError: no id, a reason over 255 bytes, a closed keyset, or one from a newer version of sealwax.
            UnknownKeyError: there is no such version.
        """

    def suspend(self, version: str, reason: str = "") -> None:
        """Take an active version out of use: it neither seals nor opens until `resume`.

        Raises:
            As `activate`.
        """

    def resume(self, version: str, reason: str = "") -> None:
        """Put a suspended version back into use.

        Raises:
            As `activate`.
        """

    def deactivate(self, version: str, reason: str = "") -> None:
        """End the use of a version for sealing, for good; it goes on opening. Rotate first where it is the primary.

        Raises:
            As `activate`.
        """

    def mark_compromised(self, version: str, reason: str = "") -> None:
        """Record that somebody else may have a version: it opens only to migrate from now on.

        Raises:
            As `activate`.
        """

    def destroy(
        self,
        version: str,
        reason: str = "",
        *,
        census: Census | None = None,
        danger_without_census: bool = False,
    ) -> None:
        """Wipe a version's secret. What it alone opens is lost for good.

        A verified census shows that nothing that it looked at depends on the version; `danger_without_census` says that
        the caller knows. Other copies of the keyset file hold the secret still.

        Raises:
            KeyStateError: it is the primary, or the census does not clear it; the text says what is in the way.
            MisuseError: neither a census nor the word, or both; otherwise as `activate`.
        """

    def schedule(self, version: str, *, activate_at: int | None = None, deactivate_at: int | None = None) -> None:
        """Set from when on a version may be used and from when on it no longer seals, in seconds since 1970.

        Raises:
            MisuseError: an end that is not after the start; otherwise as `activate`.
        """

    def set_policy(
        self,
        *,
        rotate_after_seconds: int | None = None,
        rotate_after_messages: int | None = None,
        rotate_after_bytes: int | None = None,
        algorithms: Iterable[Suite] | None = None,
        allow_raw_export: bool | None = None,
    ) -> None:
        """Change what the keyset allows, and when it wants to be rotated; 0 means never, None leaves it.

        Raises:
            MisuseError: symmetric keys and key pairs together, or those of the other family; a closed keyset.
        """

    def protect(
        self,
        *,
        passphrase: str | Passphrase | None = None,
        recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
        unprotected: bool = False,
    ) -> None:
        """Seal the keyset file for others from now on: a new passphrase, one more recipient. It is a new revision.

        Older copies of the file still open with what they were sealed for.

        Raises:
            As `rotate`, and as `Keyset.save` about its protection.
        """

    def record_backup(self, revision: int, *, at: int | None = None) -> None:
        """Record that a backup of this revision was made, in seconds since 1970; the newest one stays recorded.

        Make one with `store.keyset.backup_in_shares` or `store.keyset.to_bytes(recipients=...)`, store it, then record.

        Raises:
            MisuseError: the keyset has no such revision.
            OSError: the operating system refused.
        """

    def backed_up(self) -> BackedUp | None:
        """Return the newest backup that was recorded, or None.

        Raises:
            KeyStateError: the usage file does not verify.
            OSError: the operating system refused.
        """

    def usage(self) -> dict[str, Usage]:
        """Return what each version was used for by all processes, by version id.

        Raises:
            KeyStateError: the usage file does not verify.
            OSError: the operating system refused.
        """

    def close(self) -> None:
        """Give back what was counted ahead, and let go of the keys. Closing twice is fine.

        Raises:
            OSError: the counters could not be written; they are then too high.
        """

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Share:
    """A share of a backup's key: `SEALWAX-SHARE-1...`. It is secret; its repr does not show it."""

    def __new__(cls, text: str) -> Self:
        """Read a share string.

        Raises:
            FormatError: mistyped, or of another kind.
            LimitError: longer than 4,096 bytes.
        """

    @property
    def number(self) -> int:
        """Its number, from 1 on."""

    @property
    def count(self) -> int:
        """How many shares there are."""

    @property
    def threshold(self) -> int:
        """How many of them open the backup."""

    @property
    def backup(self) -> str:
        """The id of the backup, in hex."""

    def expose_text(self) -> str:
        """Return the share string: the secret itself."""

@final
class Census:
    """What sealed data depends on, as `census` found it."""

    @property
    def verified(self) -> bool:
        """Whether every data key was unwrapped and every mac verified; else it is advisory."""

    @property
    def envelopes(self) -> int:
        """Envelopes that were looked at."""

    @property
    def bytes(self) -> int:
        """Bytes of them, sealed."""

    @property
    def tokens(self) -> int:
        """Tokens that were looked at."""

    @property
    def unopenable(self) -> int:
        """Envelopes that no key at hand opens."""

    @property
    def unreadable(self) -> int:
        """Files and values that could not be read, or are not sealed."""

    @property
    def tallies(self) -> list[Dependence]:
        """What depends on each key."""

@final
class Recipient:
    """A public key that envelopes are sealed for: `sealwaxpub1...`."""

    def __new__(cls, text: str) -> Self:
        """Read a recipient string.

        Raises:
            FormatError: mistyped, or no safe public key.
            LimitError: longer than 4,096 bytes.
        """

    def hidden(self) -> Recipient:
        """Return the same public key, not named in what is sealed for it; openers try their keys."""

    @property
    def fingerprint(self) -> str:
        """Eight bytes of a hash of the public key, in hex."""

    @property
    def algorithm(self) -> Literal["x25519", "x-wing"]:
        """What kind of key it is; `x-wing` resists an adversary with a quantum computer."""

    @property
    def public_key(self) -> bytes:
        """The public key: 32 bytes, or 1,216."""

    def __hash__(self) -> int: ...

@final
class Passphrase:
    """A passphrase with costs of its own. Where the usual ones do, a str is enough."""

    def __new__(
        cls,
        text: str,
        *,
        memory_kib: int = 65536,
        passes: int = 3,
        lanes: int = 4,
        max_memory_kib: int | None = None,
    ) -> Self:
        """Take the text as it is, 1 to 65,536 bytes of UTF-8.

        The costs are Argon2id's and count when sealing; `max_memory_kib` bounds what opening may spend.

        Raises:
            MisuseError: an empty or too long passphrase, or costs that readers refuse.
        """

@final
class PreparedContext:
    """A context that is read and encoded once, for many tokens: every `context=` takes it in place of the mapping.

    >>> import sealwax
    >>> keyset = sealwax.Keyset.generate()
    >>> row = sealwax.PreparedContext({"table": "users", "column": "email"})
    >>> keyset.open(keyset.seal(b"a@b.example", context=row), context={"table": "users", "column": "email"})
    b'a@b.example'
    """

    def __new__(cls, context: Context, /) -> Self:
        """Take a mapping of names to text or bytes as it is now.

        Raises:
            MisuseError: a name that is empty, over 255 bytes or has a control character.
            LimitError: over 64 entries or 32 KiB.
            TypeError: names that are not str, values that are neither str nor bytes.
        """

    def to_dict(self) -> dict[str, bytes]:
        """Return the names and values; text as its UTF-8."""

@final
class RawKey:
    """A device key or a backup key: 32 random bytes under an id of 16 bytes that its owner chose."""

    def __new__(cls, key_id: Buffer, key: Buffer) -> Self:
        """Take id and key. The key must be uniformly random and used for nothing else.

        Raises:
            MisuseError: an id that is not 16 bytes, or a key that is not 32.
        """

    @property
    def id(self) -> str:
        """The id, in hex."""

@final
class ProvidedKey:
    """What a provider (a KMS, an HSM) decrypted for one envelope: a key that opens it."""

    def __new__(cls, provider: str, key_name: str, key: Buffer) -> Self:
        """Take the 32 bytes that the provider made of the entry's blob; `inspect` shows the entry.

        Ask only providers and keys that you expect: the header is not authenticated before the envelope is opened.

        Raises:
            MisuseError: a name that is not allowed.
            ProviderError: not 32 bytes.
        """

@final
class ProviderRecipient:
    """A provider's key as the recipient of one envelope."""

    def __new__(cls, provider: str, key_name: str, wrap: Callable[[bytes], bytes]) -> Self:
        """Draw a fresh key of 32 bytes and have `wrap` encrypt it; what it returns travels in the envelope.

        Raises:
            MisuseError: a name that is not allowed.
            ProviderError: `wrap` returned no bytes, none at all, or too many.
            RandomError: the system's random source failed.
            What `wrap` raises.
        """

@final
class Reader:
    """What `sealwax.open` reads through. Not for direct use."""

    @staticmethod
    def open(file: FileOrPath, **keywords: Any) -> Reader: ...
    def readinto(self, target: Buffer) -> int: ...
    def read(self, size: int) -> bytes: ...
    def readall(self) -> bytes: ...
    def seek(self, offset: int, whence: int = 0) -> int: ...
    def tell(self) -> int: ...
    def seekable(self) -> bool: ...
    def close(self) -> None: ...
    @property
    def plaintext_len(self) -> int | None: ...
    @property
    def opened_via(self) -> OpenedVia: ...
    @property
    def stored_context(self) -> dict[str, bytes]: ...

@final
class Writer:
    """What `sealwax.open` writes through. Not for direct use."""

    @staticmethod
    def open(file: FileOrPath, overwrite: bool, **keywords: Any) -> Writer: ...
    def write(self, data: Buffer) -> int: ...
    def tell(self) -> int: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...
    def try_abort(self) -> bool: ...

def seal_bytes(
    data: Buffer,
    *,
    keyset: Keyset | Store | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    passphrase: str | Passphrase | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    max_header_len: int | None = None,
    threads: int = 1,
) -> bytes:
    """Seal an envelope in memory: a value of any length, for one or more recipients.

    `context` travels readable in the envelope, authenticated; `external` does not and must be given again to open.
    `chunk_len`, in bytes, is 16384 with suite cobblestone-256, and 1024, 4096, 16384 or 65536 with chacha20-poly1305.
    With `threads` at 0 there is one per core.

    Raises:
        KeyStateError: a keyset has no version that may seal now.
        LimitError: a context over 32 KiB or 64 entries, a header over its limit, or over 2^32 chunks.
        MisuseError: no recipient, recipients that weaken each other (`danger_mix_recipients` allows them), a context
            name that is not allowed or is given twice, a closed keyset, a suite or a chunk length that is none.
        RandomError: the system's random source failed.
        TypeError: no bytes-like object, or an argument of the wrong type.
        BufferError: a buffer that is not contiguous.
    """

def seal_into(
    data: Buffer,
    target: Buffer,
    *,
    keyset: Keyset | Store | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    passphrase: str | Passphrase | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    max_header_len: int | None = None,
    threads: int = 1,
) -> int:
    """Seal an envelope into a writable buffer; `sealed_len` says how much room it takes. Return its length.

    Raises:
        MisuseError: a target that is read-only, too short, or overlaps the input; otherwise as `seal_bytes`.
    """

def sealed_len(
    plaintext_len: int,
    *,
    keyset: Keyset | Store | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    passphrase: str | Passphrase | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    max_header_len: int | None = None,
) -> int:
    """Return the length, in bytes, of what `seal_bytes` makes of so many bytes.

    Raises:
        As `seal_bytes`.
    """

def open_bytes(
    data: Buffer,
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    threads: int = 1,
) -> bytes:
    """Open an envelope in memory. Nothing is returned unless all of it verified.

    `context` and `external` are what is expected: an entry that travels must be equal, the others did not.
    `require` names the kinds of recipients that may open it. A public key proves nothing about who sealed.

    Raises:
        DecryptionError: wrong key or passphrase, another context, changed bytes, or a key block older than `min_epoch`.
        FormatError: no envelope, or a keyset file.
        KeyStateError: the state or the times of a version forbid it.
        LimitError: a header over its limit, Argon2id costs over theirs, or 16 trials that failed.
        MisuseError: a closed keyset, a context name that is not allowed, an empty `require`.
        TruncatedError: its end is missing.
        UnknownKeyError: none of the keys is one that it was sealed for.
        TypeError, BufferError: as `seal_bytes`.
    """

def open_into(
    data: Buffer,
    target: Buffer,
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    threads: int = 1,
) -> int:
    """Open an envelope into a writable buffer. Return the plaintext's length, in bytes.

    While it runs the target holds verified pieces; on an error it is wiped, or untouched.

    Raises:
        MisuseError: a target that is read-only, too short, or overlaps the input; otherwise as `open_bytes`.
    """

def seal_file(
    src: Path,
    dst: Path,
    *,
    keyset: Keyset | Store | None = None,
    recipients: AnyRecipient | Iterable[AnyRecipient] | None = None,
    passphrase: str | Passphrase | None = None,
    context: Context | None = None,
    external: Context | None = None,
    suite: Suite | None = None,
    chunk_len: int | None = None,
    danger_mix_recipients: bool = False,
    max_header_len: int | None = None,
    header: Path | None = None,
    overwrite: bool = False,
    progress: Progress = None,
    threads: int = 0,
) -> int:
    """Seal a regular file into another, which appears under its name when it is complete. Return its length before.

    With `header`, the header goes into that file and `dst` holds the payload alone, so that recipients can be changed
    where the payload cannot be: `rewrap` takes the header. It gets its name last.

    The whole job runs without the interpreter's lock, on `threads` threads (0: one per core). Ctrl-C, looked for every
    20 ms, stops it, except while a passphrase is stretched or the system syncs, and leaves nothing behind unless the
    file had its name already; so does an exception that `progress` raises, except from its last report, which comes
    when the file has its name.

    Raises:
        FileExistsError: `dst` exists and `overwrite` is False.
        OSError: the operating system refused.
        Otherwise as `seal_bytes`.
    """

def open_file(
    src: Path,
    dst: Path,
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    header: Path | None = None,
    overwrite: bool = False,
    progress: Progress = None,
    threads: int = 0,
) -> int:
    """Open a regular file into another, which appears under its name when all of it verified. Return its length.

    It runs as `seal_file` does. With `header` it opens the two files that `seal_file` made with it.

    Raises:
        FileExistsError: `dst` exists and `overwrite` is False.
        OSError: the operating system refused.
        Otherwise as `open_bytes`.
    """

def verify(
    path: Path,
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    external: Context | None = None,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    max_header_len: int | None = None,
    header: Path | None = None,
    progress: Progress = None,
    threads: int = 0,
) -> Verified:
    """Read and verify all of a regular file, and say how it was sealed. Nothing is written.

    Raises:
        DecryptionError: damage, whose ranges of plaintext are in its `damage`; otherwise as `open_bytes`.
        OSError: the operating system refused.
    """

def inspect(source: Path | Buffer) -> Inspection:
    """Return what an envelope says about itself: a str or path-like object is a file, a buffer is an envelope.

    It needs no key, and nothing of what it says is authenticated: anybody may have written it.

    Raises:
        FormatError: no envelope.
        LimitError: a header over 65,536 bytes.
        TruncatedError: it ends inside its header.
        OSError: the operating system refused.
    """

def rewrap(
    path: Path,
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    add: AnyRecipient | Iterable[AnyRecipient] | None = None,
    remove: Removal | Iterable[Removal] | None = None,
    remove_others: bool = False,
    danger_mix_recipients: bool = False,
    danger_allow_compromised: bool = False,
    min_epoch: int = 0,
    grow: bool = False,
    dry_run: bool = False,
    sync: bool = True,
) -> RewrapReport:
    """Give a sealed file new recipients, in place; the payload stays as it is. Say what became of it.

    Entries for older versions of `keyset` become entries for its primary; `keys`, `identities` and `passphrase` open
    and stay. It revokes nobody: whoever opened the file before can open a copy of it; `reencrypt_file` is the remedy.
    `grow` copies the file where its key block has no room. `sync=False` is many times faster and not safe in a crash.

    Raises:
        KeyStateError: a compromised version wrapped it; otherwise as `open_bytes`.
        LimitError: no room, and `grow` is False; otherwise as `open_bytes`.
        MisuseError: recipients that do not fit together, or none left; otherwise as `open_bytes`.
        OSError: the operating system refused.
    """

def rewrap_bytes(
    data: Buffer,
    *,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    add: AnyRecipient | Iterable[AnyRecipient] | None = None,
    remove: Removal | Iterable[Removal] | None = None,
    remove_others: bool = False,
    danger_mix_recipients: bool = False,
    danger_allow_compromised: bool = False,
    min_epoch: int = 0,
) -> bytes:
    """Give an envelope in memory new recipients, and return it.

    Raises:
        As `rewrap`, but for OSError.
    """

def reencrypt_file(
    src: Path,
    dst: Path,
    *,
    recipients: AnyRecipient | Iterable[AnyRecipient],
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    context: Context | None = None,
    min_epoch: int = 0,
    require: Kind | Iterable[Kind] | None = None,
    migrate: bool = False,
    danger_mix_recipients: bool = False,
    header: Path | None = None,
    dst_header: Path | None = None,
    overwrite: bool = False,
    progress: Progress = None,
    threads: int = 0,
) -> ReencryptReport:
    """Open a sealed file and seal its plaintext anew, under a fresh data key: the remedy where a key may be known.

    `dst` may be `src`, with `overwrite`. The plaintext never touches the disk. `migrate` opens also what a compromised
    version sealed; the report then says `compromised`, and what the file held is not to be believed for that.

    `header` is the header of `src`, where that is apart. With `dst_header` the new header goes apart too, and both
    files are new ones: two cannot be replaced at once.

    Raises:
        MisuseError: `dst_header` without `header`.
        As `open_file` and `seal_file`.
    """

def census(
    paths: Path | Iterable[Path] | None = None,
    *,
    tokens: Iterable[Buffer] | None = None,
    verified: bool = False,
    keyset: Keyset | Store | Iterable[Keyset | Store] | None = None,
    identities: AnyKey | Iterable[AnyKey] | None = None,
    passphrase: str | Passphrase | None = None,
    keys: AnyKey | Iterable[AnyKey] | None = None,
    progress: Progress = None,
    threads: int = 0,
) -> Census:
    """Look at sealed files (in folders, those that end in .swx) and at tokens, and say which keys they depend on.

    Without `verified` only public bytes are read: fast, and advisory. With it every data key is unwrapped, and it
    may clear a version for `Keyset.destroy`. `progress` gets numbers of files.

    Raises:
        MisuseError: a closed keyset.
        TypeError: an argument of the wrong type.
    """

@final
class Handshake:
    """One side of a handshake, without I/O: messages out, messages in, and then a session.

    Import it from `sealwax.transit`. The arguments are those of `Terms`, and:

    `mode` says what carries the messages: `"stream"`, where every failure is final, or `"datagram"`, where messages may
    be lost, repeated, reordered and made up, and one that fails changes nothing. The caller sends a message again that
    is not answered, and answers a repeated one with the bytes of last time.

    Raises `KeyStateError` where the identity has no active version, and `MisuseError` for arguments that do not go
    together.
    """

    def __new__(
        cls,
        initiator: bool,
        *,
        identity: Keyset | None = None,
        peers: Sequence[Recipient] | None = None,
        psk: Buffer | None = None,
        context: Context | None = None,
        accept: Callable[[Recipient | None, dict[str, bytes], bool], bool] | None = None,
        pattern: Literal["XX", "IK", "KK", "NNpsk0", "IKpsk2"] | None = None,
        suite: Literal["cobblestone-256", "chacha20-poly1305"] = "chacha20-poly1305",
        mode: Literal["stream", "datagram"] = "stream",
        post_quantum: bool = True,
        prologue: bytes | None = None,
        limits: Limits | None = None,
    ) -> Handshake: ...
    def write(self) -> bytes:
        """The next message for the peer.

        Raises `MisuseError` where it is not this side's turn or the arguments do not fit the pattern, `LimitError` for
        a context above 1,024 bytes, `KeyStateError`, and `RandomError`.
        """

    def read(self, message: Buffer) -> dict[str, bytes] | None:
        """Read a message of the peer's: its context, or `None` for one that was read before (in datagram mode).

        Raises `DecryptionError`, `FormatError`, `UnknownKeyError` where the peer is not one of `peers` or `accept` says
        so, `LimitError`, `KeyStateError`, `MisuseError` where the handshake has failed, and what `accept` raises.
        """

    @property
    def writes_next(self) -> bool:
        """Whether the next step is `write`."""

    @property
    def is_finished(self) -> bool:
        """Whether all messages were exchanged."""

    @property
    def peer(self) -> Recipient | None:
        """The peer's key, once it is known. Before the end it may be somebody who repeats its words."""

    def session(self) -> Session:
        """What a finished handshake leaves. Raises `MisuseError` before the end, and the second time."""

@final
class Limits:
    """When a session changes its keys, and when it ends. Import it from `sealwax.transit`.

    What is not given is as format.md 13.12 has it, and nothing goes beyond that. `epoch_records`, `epoch_bytes` and
    `epoch_seconds`: the keys of what is sent change after so much, whichever comes first (2^23 records, 2^36 bytes, an
    hour). `previous_records` and `previous_seconds`: how long the keys before still open what comes late, in datagram
    mode (1,024 records of the new ones, 60 seconds). `window`: how many records below the newest are still accepted, in
    datagram mode (1,024; 64 to 8,192). `failed_opens`: a key opens nothing more after so many records that failed.
    `handshake_seconds` and `end_seconds`: when `wants_handshake` says so (24 hours), and when the session ends (48).

    With `kept` a session of datagrams outlives restarts: it seals and opens nothing before `Session.reserve`.

    Raises `MisuseError` for a number that is too large or too small.
    """

    def __new__(
        cls,
        *,
        epoch_records: int | None = None,
        epoch_bytes: int | None = None,
        epoch_seconds: float | None = None,
        previous_records: int | None = None,
        previous_seconds: float | None = None,
        window: int | None = None,
        failed_opens: int | None = None,
        handshake_seconds: float | None = None,
        end_seconds: float | None = None,
        kept: bool = False,
    ) -> Limits: ...

@final
class Session:
    """Seals records for the peer and opens the peer's, without I/O. Import it from `sealwax.transit`.

    Keys change by themselves. One thread may seal while another opens.
    """

    def seal(self, data: Buffer, associated: Buffer | None = None, *, block: int | None = None) -> bytes:
        """One record of data, at most 16,384 bytes. `associated` does not travel; the peer gives it again.

        With `block` it is padded, so that its length tells only how many blocks of that many bytes the data fills.

        Raises `LimitError` for more data or where the session is too old, and `MisuseError` after `close` and in a
        forked child.
        """

    def open(
        self, record: Buffer, associated: Buffer | None = None
    ) -> tuple[Literal["data", "close", "rekey", "empty"], bytes]:
        """What a record is, and its data.

        Raises `DecryptionError` for a record that is not the peer's, that came before, or that is too old to know (in a
        stream each of these is final), and `FormatError` and `LimitError` where it is no record.
        """

    def close(self) -> bytes:
        """The record that ends this direction. As `seal`; `MisuseError` for a session that is kept, which has `end`."""

    def empty(self) -> bytes:
        """A record without content, which keeps a path open. As `seal`."""

    def rekey(self) -> None:
        """The next record has new keys."""

    def reserve(self, block: int, *, device: Buffer, slot: bytes, store: Callable[[bytes], object]) -> None:
        """Make room for `block` more records each way: `store` writes the state to where it outlives a restart.

        For a session whose limits say `kept`. When `store` has returned, the session goes on up to the end of the
        block; then it raises `LimitError` until the next call. So no number is used twice, whenever power fails.
        `store` must be atomic and durable: where an attacker, or a backup, can put back an older state, records are
        sealed twice under one nonce, which shows their data. `device` is a key of 32 random bytes of this device alone,
        `slot` names the place, at most 255 bytes.

        Raises what `store` raises, `MisuseError` for a session that is not kept or that ended, and `RandomError`; the
        session then stops where it did before. `store` cannot use the session.
        """

    @staticmethod
    def import_(
        kept: Buffer, *, device: Buffer, slot: bytes, peer: Recipient | None = None, limits: Limits | None = None
    ) -> Session:
        """A session that `reserve` kept, with the same `device`, `slot` and `peer`, where its block ended.

        It seals and opens after the next `reserve`. As `wants_rekey_request` says, the peer must be asked for other
        keys before it is heard again: send `rekey_request` until a record opens. The time that the device was off is
        not counted.

        Raises `DecryptionError` where it was not kept under this key, in this slot and for this peer, `FormatError`
        and `TruncatedError` where it is no kept session, such as the zeros that `end` leaves, and `MisuseError`.
        """

    def end(self, store: Callable[[bytes], object]) -> bytes:
        """End a session that is kept: `store` writes zeros over the state; then the record that ends this direction.

        Raises what `store` raises, `LimitError` where the block is used up, and `MisuseError` for a session that is not
        kept.
        """

    def tick(self) -> None:
        """Forget keys whose time is over, without a record. Raises `LimitError` where epochs are used up."""

    def rekey_request(self) -> bytes:
        """The record that asks the peer to change its keys. As `seal`."""

    def seal_stream(self, data: Buffer) -> bytes:
        """Data as records of a stream, each with its length before it. As `seal`; any length."""

    def open_stream(self, read: Buffer) -> tuple[int, bytes]:
        """Open the whole records at the beginning of what was read of a stream: how many bytes, and their data.

        Where one does not open, those before it are returned, and the next call raises. As `open`.
        """

    @property
    def is_ended(self) -> bool:
        """Whether the peer has said that this was all."""

    @property
    def is_closed(self) -> bool:
        """Whether this side has."""

    @property
    def is_confirmed(self) -> bool:
        """Whether the peer has shown that it is there now. Until then only `empty` seals.

        Somebody who recorded the first message of a pattern other than XX can repeat it. A record that opens shows that
        nobody did.
        """

    @property
    def epochs(self) -> tuple[int, int]:
        """How often the keys of each direction have changed: what is sealed, what is opened."""

    @property
    def wants_rekey_request(self) -> bool:
        """Whether to send a `rekey_request`: after `import_` until a record opened, and after many failed opens."""

    @property
    def wants_handshake(self) -> bool:
        """Whether it is time for a fresh handshake."""

    @property
    def binding(self) -> bytes:
        """The handshake's hash: the same on both sides and in no other session."""
