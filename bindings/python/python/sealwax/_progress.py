# SPDX-License-Identifier: MIT OR Apache-2.0
"""A bar on standard error, for `progress=True`."""

from __future__ import annotations

import os
import sys
import time


class Bar:
    """Shows how far a job is, how fast it goes, and how long it will take."""

    WIDTH = 24

    def __init__(self, label: str | os.PathLike[str]) -> None:
        """Name the job after the file that is read."""
        name = os.path.basename(os.fspath(label))
        # A name may hold anything, also what moves a cursor.
        self._label = "".join(c if c.isprintable() else "?" for c in name)[:32]
        self._begin = time.monotonic()
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        """Draw the bar anew."""
        fraction = done / total if total else 1.0
        filled = round(fraction * self.WIDTH)
        seconds = max(time.monotonic() - self._begin, 1e-9)
        rate = done / seconds / 2**20
        left = (total - done) / (done / seconds) if done else 0.0
        bar = "#" * filled + "-" * (self.WIDTH - filled)
        line = f"\r{self._label} [{bar}] {fraction:4.0%} {rate:8.1f} MiB/s {left:5.0f} s left"
        sys.stderr.write(line)
        sys.stderr.flush()
        self._shown = True

    def close_bar(self) -> None:
        """End the line."""
        if self._shown:
            sys.stderr.write("\n")
            sys.stderr.flush()
