# SPDX-License-Identifier: MIT OR Apache-2.0
"""Parquet, two ways: a whole file sealed and read by range, and Parquet's own encryption with our keys."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

import sealwax
import sealwax.parquet


def main(folder: Path) -> tuple[list[str], int]:
    """Write both, and read them back."""
    keyset = sealwax.Keyset.generate("warehouse")
    frame = pd.DataFrame({"name": ["Ada", "Grace"], "salary": [1, 2]})

    url = f"sealwax::file://{folder / 'people.parquet.swx'}"
    frame.to_parquet(url, storage_options={"keyset": keyset})
    names = pd.read_parquet(url, columns=["name"], storage_options={"keyset": keyset})

    factory = sealwax.parquet.crypto_factory(keyset)
    config = pe.KmsConnectionConfig()
    encryption = pe.EncryptionConfiguration(footer_key="footer", column_keys={"salary": ["salary"]})
    path = folder / "people.parquet"
    properties = factory.file_encryption_properties(config, encryption)
    pq.write_table(pa.Table.from_pandas(frame), path, encryption_properties=properties)
    keyset.rotate()
    opened = pq.read_table(path, decryption_properties=factory.file_decryption_properties(config))
    return names["name"].to_list(), sum(opened["salary"].to_pylist())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(main(Path(name)))
