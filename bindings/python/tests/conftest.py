# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the tests share."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

import sealwax

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> None:
    """Interrupts are heard, also in a job that a shell began in the background and told to ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def keyset() -> sealwax.Keyset:
    """A symmetric keyset."""
    return sealwax.Keyset.generate("test")


@pytest.fixture
def cheap() -> sealwax.Passphrase:
    """A passphrase whose costs a test can afford."""
    return sealwax.Passphrase("correct horse", memory_kib=64, passes=1, lanes=1)


@pytest.fixture(scope="session")
def command() -> str:
    """The command line: another face of the same library, built from Rust."""
    for folder in ("debug", "release"):
        built = ROOT / "target" / folder / "sealwax"
        if built.exists():
            return str(built)
    found = shutil.which("sealwax")
    return found or skipped("the command sealwax is not built (cargo build)")


def shared(name: str) -> Path:
    """A folder of other people's vectors, which lies beside the project and is never copied into it."""
    root = Path(os.environ.get("SEALWAX_VECTORS", ROOT.parent / "shared" / "vectors"))
    folder = root / name
    return folder if folder.is_dir() else Path(skipped(f"{folder} is absent"))


def skipped(why: str) -> str:
    """Skip a test; with CI=true nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"must not be skipped with CI=true: {why}")
    pytest.skip(why)


def left(folder: Path) -> list[str]:
    """The names in a folder."""
    return sorted(os.listdir(folder))
