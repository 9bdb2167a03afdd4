# SPDX-License-Identifier: MIT OR Apache-2.0
"""Seal files, streams and small values, under keys that it also looks after.

>>> import sealwax
>>> keyset = sealwax.Keyset.generate("billing")
>>> row = {"table": "cards", "row": "42"}
>>> token = keyset.seal(b"4111 1111 1111 1111", context=row)
>>> version = keyset.rotate()
>>> keyset.open(token, context=row)
b'4111 1111 1111 1111'

`Keyset` holds keys and seals tokens, which are small values such as database fields. `open` gives sealed files that
behave like files; `seal_file` and `open_file` go from path to path, `seal_bytes` and `open_bytes` stay in memory.

Every call that lasts releases the interpreter's lock, so that `asyncio.to_thread` and threads work as they should.
Those that go from file to file stop at Ctrl-C, where they run in the main thread.
"""

from sealwax._errors import (
    DecryptionError,
    FormatError,
    KeyStateError,
    LimitError,
    MisuseError,
    ProviderError,
    RandomError,
    SealwaxError,
    TruncatedError,
    UnknownKeyError,
)
from sealwax._files import open
from sealwax._io import SealedReader, SealedTextReader, SealedTextWriter, SealedWriter
from sealwax._native import (
    TOKEN_OVERHEAD,
    Census,
    Keyset,
    Passphrase,
    PreparedContext,
    ProvidedKey,
    ProviderRecipient,
    RawKey,
    Recipient,
    Share,
    Store,
    __version__,
    census,
    inspect,
    open_bytes,
    open_file,
    open_into,
    reencrypt_file,
    rewrap,
    rewrap_bytes,
    seal_bytes,
    seal_file,
    seal_into,
    sealed_len,
    verify,
)

__all__ = [
    "TOKEN_OVERHEAD",
    "Census",
    "DecryptionError",
    "FormatError",
    "KeyStateError",
    "Keyset",
    "LimitError",
    "MisuseError",
    "Passphrase",
    "PreparedContext",
    "ProvidedKey",
    "ProviderError",
    "ProviderRecipient",
    "RandomError",
    "RawKey",
    "Recipient",
    "SealedReader",
    "SealedTextReader",
    "SealedTextWriter",
    "SealedWriter",
    "SealwaxError",
    "Share",
    "Store",
    "TruncatedError",
    "UnknownKeyError",
    "__version__",
    "census",
    "inspect",
    "open",
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
