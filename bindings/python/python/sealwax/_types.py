# SPDX-License-Identifier: MIT OR Apache-2.0
"""The shapes of what `info`, `inspect` and `verify` return, and of what calls take."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypedDict

from sealwax._native import Keyset, Limits, PreparedContext, ProvidedKey, ProviderRecipient, RawKey, Recipient, Store

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: Names a file.
Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
#: Names a file, or is one.
FileOrPath: TypeAlias = Path | io.IOBase | Any
#: Names to text or bytes; text is sealed as its UTF-8. Or the same, prepared for many calls.
Context: TypeAlias = Mapping[str, str | bytes] | PreparedContext
#: Whom to seal for; a str is a recipient string, `sealwaxpub1...`.
AnyRecipient: TypeAlias = Keyset | Store | Recipient | RawKey | ProviderRecipient | str
#: What opens; a str is an identity string, `SEALWAX-SECRET-1...`.
AnyKey: TypeAlias = Keyset | Store | RawKey | ProvidedKey | str
#: True for a bar on standard error, or what is called with (done, total) in bytes, at most 20 times a second.
Progress: TypeAlias = bool | Callable[[int, int], object] | None
#: Suites of symmetric keys, and the algorithms of identities.
Suite: TypeAlias = Literal["cobblestone-256", "chacha20-poly1305", "x25519", "x-wing"]
#: Kinds of recipients.
Kind: TypeAlias = Literal["keyset", "passphrase", "x25519", "x-wing", "raw-key", "provider"]

#: What a rewrap takes out: a keyset under whichever version, a public key, or all of a kind.
Removal: TypeAlias = Keyset | Store | Recipient | Kind


class Change(TypedDict):
    """A change of a version's state; `at` is in seconds since 1970."""

    state: str
    at: int
    reason: str


class Version(TypedDict):
    """A version of a keyset; times are in seconds since 1970."""

    id: str
    algorithm: str
    state: str
    created: int
    activate_at: int | None
    deactivate_at: int | None
    recipient: str | None
    changes: list[Change]


class Policy(TypedDict):
    """What a keyset allows, and when it wants a new version; 0 means never."""

    rotate_after_seconds: int
    rotate_after_messages: int
    rotate_after_bytes: int
    algorithms: list[str]
    allow_raw_export: bool


class KeysetInfo(TypedDict):
    """What there is to know about a keyset, without any secret."""

    id: str
    name: str
    revision: int
    primary: str | None
    read_only: bool
    identity: bool
    policy: Policy
    versions: list[Version]


class OpenedVia(TypedDict):
    """Through which recipient an envelope was opened; ids are in hex."""

    kind: str
    compromised: bool
    keyset: NotRequired[str]
    version: NotRequired[str]
    key: NotRequired[str]


class RecipientInfo(TypedDict):
    """A recipient entry of an envelope."""

    kind: str
    type: int
    keyset: NotRequired[str]
    version: NotRequired[str]
    memory_kib: NotRequired[int]
    passes: NotRequired[int]
    lanes: NotRequired[int]
    fingerprint: NotRequired[str | None]
    key: NotRequired[str]
    provider: NotRequired[str]
    key_name: NotRequired[str]
    blob: NotRequired[bytes]


class Inspection(TypedDict):
    """What an envelope says about itself; lengths are in bytes. Nothing of it is authenticated."""

    authenticated: bool
    kind: str
    suite: str
    envelope_id: str
    chunk_len: int
    header_len: int
    plaintext_len: int | None
    truncated: bool
    epoch: int
    slots: int
    slot_len: int
    slot: int
    stored_context: dict[str, bytes]
    recipients: list[RecipientInfo]


class Verified(TypedDict):
    """What verifying a file showed; the length is in bytes."""

    plaintext_len: int
    opened_via: OpenedVia
    stored_context: dict[str, bytes]


class Usage(TypedDict):
    """What a version was used for; `near_limit` says that it comes near the limits where it stops."""

    messages: int
    bytes: int
    failed_opens: int
    near_limit: bool


class BackedUp(TypedDict):
    """The newest backup; `at` is in seconds since 1970, None where that was not known."""

    revision: int
    at: int | None


class Dependence(TypedDict):
    """What depends on one key; `kind` is version, unknown-keyset, or a kind of recipient."""

    kind: str
    envelopes: int
    bytes: int
    tokens: int
    keyset: NotRequired[str]
    version: NotRequired[str]
    fingerprint: NotRequired[str]
    key: NotRequired[str]
    type: NotRequired[int]


class RecipientChange(TypedDict):
    """What a rewrap did: `kind` is refreshed, added, removed, kept-unknown or other; the others are in words."""

    kind: str
    recipient: str
    before: NotRequired[str]


class RewrapReport(TypedDict):
    """What became of a file: `outcome` is current, in-place, copied, recovered or would-change."""

    outcome: str
    changes: list[RecipientChange]
    opened_via: OpenedVia | None


class ReencryptReport(TypedDict):
    """What was sealed anew; `compromised` says that the old contents prove nothing."""

    plaintext_len: int
    opened_via: OpenedVia
    compromised: bool


class Terms(TypedDict, total=False):
    """Who takes part in a session, and how both sides are set: the keyword arguments of `sealwax.transit`."""

    #: Own key pair: a keyset of algorithm `x25519`. Without one, `psk` alone says who may take part.
    identity: Keyset | None
    #: Whose keys are taken. Who connects with IK, IKpsk2 or KK gives exactly one.
    peers: Sequence[Recipient] | None
    #: A pre-shared key of 32 random bytes; not a passphrase.
    psk: Buffer | None
    #: What the peer is told: with every pattern but XX it can be repeated to a responder, so nothing that acts.
    context: Context | None
    #: Called with the peer's key, its context, and whether somebody may only be repeating its words. False refuses it.
    accept: Callable[[Recipient | None, dict[str, bytes], bool], bool] | None
    #: By default IK; with a `psk` IKpsk2; with a `psk` and no identity NNpsk0.
    pattern: Literal["XX", "IK", "KK", "NNpsk0", "IKpsk2"] | None
    #: The AEAD.
    suite: Literal["cobblestone-256", "chacha20-poly1305"]
    #: Whether X-Wing is mixed in, so that what is recorded today stays closed to a quantum computer.
    post_quantum: bool
    #: What else both sides agree on, such as the name of the application's protocol.
    prologue: bytes | None
    #: When keys change and the session ends; what is not given is as the suite has it.
    limits: Limits | None
