# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sealing beside an event loop: every call that lasts releases the interpreter's lock."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import sealwax


async def main(folder: Path) -> list[int]:
    """Seal three files at once, off the event loop."""
    keyset = sealwax.Keyset.generate("uploads")
    for number in range(3):
        (folder / f"{number}").write_bytes(os.urandom(100_000))
    jobs = [asyncio.to_thread(sealwax.seal_file, folder / f"{n}", folder / f"{n}.swx", keyset=keyset) for n in range(3)]
    return list(await asyncio.gather(*jobs))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(asyncio.run(main(Path(name))))
