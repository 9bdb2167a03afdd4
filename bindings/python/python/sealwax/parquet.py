# SPDX-License-Identifier: MIT OR Apache-2.0
"""Keysets as the KMS of Parquet Modular Encryption, for pyarrow.

    factory = sealwax.parquet.crypto_factory(keyset)
    properties = factory.file_encryption_properties(
        pyarrow.parquet.encryption.KmsConnectionConfig(),
        pyarrow.parquet.encryption.EncryptionConfiguration(footer_key="footer", column_keys={"salary": ["salary"]}),
    )
    pyarrow.parquet.write_table(table, path, encryption_properties=properties)

Parquet's data keys are then wrapped by tokens of the keyset: `Keyset.rotate` lets new files use a new version, older
files go on opening, and the states of versions count. Where whole files may be sealed, `sealwax.open` is simpler and
hides more: names of columns, statistics and sizes are visible in some of Parquet's modes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import pyarrow.parquet.encryption as pe

from sealwax._errors import FormatError, UnknownKeyError
from sealwax._native import Keyset


class KeysetKms(pe.KmsClient):  # type: ignore[misc]
    """Wraps Parquet's keys by tokens, bound to the name of the master key.

    `keysets` is one keyset for every name, or one for each name.
    """

    def __init__(self, keysets: Keyset | Mapping[str, Keyset]) -> None:
        """Take the keysets; they must stay open as long as files are read or written."""
        super().__init__()
        self._keysets = keysets

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        """Seal a key of Parquet's.

        Raises:
            UnknownKeyError: there is no keyset of that name.
            As `Keyset.seal`.
        """
        token = self._keyset(master_key_identifier).seal(key_bytes, context=_context(master_key_identifier))
        return base64.urlsafe_b64encode(token).decode("ascii")

    def unwrap_key(self, wrapped_key: str | bytes, master_key_identifier: str) -> bytes:
        """Open a key of Parquet's.

        Raises:
            FormatError: no token in base64.
            UnknownKeyError: there is no keyset of that name, or it has not that version.
            As `Keyset.open`.
        """
        try:
            token = base64.b64decode(wrapped_key, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise FormatError("malformed input: a wrapped key is not base64") from None
        keyset = self._keyset(master_key_identifier)
        return keyset.open(token, context=_context(master_key_identifier))

    def _keyset(self, name: str) -> Keyset:
        if isinstance(self._keysets, Keyset):
            return self._keysets
        try:
            return self._keysets[name]
        except KeyError:
            raise UnknownKeyError(f"no matching key: there is no keyset for the master key {name!r}") from None


def crypto_factory(keysets: Keyset | Mapping[str, Keyset]) -> pe.CryptoFactory:
    """Return a factory of Parquet's encryption and decryption properties over these keysets."""
    return pe.CryptoFactory(lambda _config: KeysetKms(keysets))


def _context(master_key_identifier: str) -> dict[str, str]:
    return {"purpose": "parquet", "master key": master_key_identifier}
