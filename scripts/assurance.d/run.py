# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the parts one after another, each with its share of the time, and writes the report."""
import pathlib
import subprocess
import sys
import time

import report
from part import GRACE

HERE = pathlib.Path(__file__).parent
# What each part gets of a hundred.
SHARES = {
    "supply": 8,
    "timing": 8,
    "coverage": 14,
    "residue": 8,
    "faults": 12,
    "sanitizers": 8,
    "miri": 6,
    "interleavings": 2,
    "records": 2,
    "fuzz": 14,
    "unwiped": 6,
    "mutants": 20,
}


def main(arguments):
    seconds = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 3600
    parts = arguments or list(SHARES)
    if unknown := [part for part in parts if part not in SHARES]:
        sys.exit(f"assurance: no such part: {' '.join(unknown)}; there are {' '.join(SHARES)}")
    whole = sum(SHARES[part] for part in parts)
    failed = []
    for part in parts:
        share = max(seconds * SHARES[part] // whole, 10)
        print(f"assurance: {part}, {share} s", flush=True)
        begin = time.monotonic()
        # What an earlier run left says nothing of this one.
        report.forget(part)
        child = subprocess.Popen([sys.executable, str(HERE / f"{part}.py"), str(share)])
        try:
            done = child.wait(timeout=share + GRACE) == 0
        except subprocess.TimeoutExpired:
            # It stops what it started, and keeps what it has.
            child.terminate()
            done = child.wait() == 0
        print(f"assurance: {part}: {'ok' if done else 'FAILED'}, {time.monotonic() - begin:.0f} s", flush=True)
        if not done:
            failed.append(part)
        report.write(list(SHARES))
    print("assurance: target/assurance/report.md and report.html are written")
    if failed:
        sys.exit(f"assurance: failed: {' '.join(failed)}")


main(sys.argv[1:])
