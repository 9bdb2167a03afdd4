# SPDX-License-Identifier: MIT OR Apache-2.0
"""Seal an export, read it back, and forget about nonces."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import sealwax


def main(folder: Path) -> list[dict[str, str]]:
    """Seal a table and read it back."""
    keyset = sealwax.Keyset.generate("exports")
    # A real passphrase comes from a secret store, and its usual costs are right.
    passphrase = sealwax.Passphrase("correct horse battery staple", memory_kib=8192, passes=1)
    keyset.save(folder / "exports.swxk", passphrase=passphrase)
    path = folder / "export.csv.swx"
    with sealwax.open(path, "wt", keyset=keyset, newline="", context={"what": "people"}) as file:
        writer = csv.DictWriter(file, ["name", "amount"])
        writer.writeheader()
        writer.writerow({"name": "Ada", "amount": "42"})

    with sealwax.Keyset.load(folder / "exports.swxk", passphrase=passphrase) as keyset:
        # Not only sealed under our keyset: also the one that we mean.
        with sealwax.open(path, "rt", keyset=keyset, newline="", context={"what": "people"}) as text:
            return list(csv.DictReader(text))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(main(Path(name)))
