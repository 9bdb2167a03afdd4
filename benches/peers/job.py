# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is compared: a job, and those who do it."""

from dataclasses import dataclass, field

MIB = 1 << 20


@dataclass
class Subject:
    """One peer in one job: a way to run it once, or the reason why it cannot run."""

    name: str
    run: object = None  # () -> float
    missing: str = ""
    note: str = ""
    values: list = field(default_factory=list)


@dataclass
class Job:
    """One row group of the table. The first subject is sealwax: ratios are against it."""

    group: str
    name: str
    unit: str  # "s" or "B"
    subjects: list


class Unavailable(Exception):
    """A peer cannot be had, or fails; the text goes into the table."""


def not_installed(reason):
    return f"not installed: {reason}"


def failed(reason):
    return f"failed: {reason}"


def size_text(size):
    for unit, length in [("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10)]:
        if size >= length:
            return f"{size / length:g} {unit}"
    return f"{size} B"
