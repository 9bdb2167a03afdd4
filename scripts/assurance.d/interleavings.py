# SPDX-License-Identifier: MIT OR Apache-2.0
"""Threads in every order: the leases that count messages, and the arena of secrets, under shuttle's scheduler."""
import re

from part import ROOT, Part

part = Part("Interleavings of threads")
how = {"folder": ROOT / "tests/interleavings",
       "env": {"CARGO_TARGET_DIR": str(ROOT / "target/interleavings"), "SEALWAX_SCHEDULES": "20000"}}
test = ["cargo", "test", "--release", "--locked"]
code, text = part.build([*test, "--no-run"], **how)
if code != 0:
    part.fail("it does not build; see interleavings.log")
    part.end()
code, text = part.run([*test, "--", "--nocapture"], **how)
rows = re.findall(r"interleavings: (.+): (\d+) schedules", text)
if code != 0:
    part.fail("an order was found in which something does not hold; see interleavings.log")
part.table(["what", "schedules"], rows)
part.say(f"{sum(int(number) for _, number in rows):,} schedules")
part.end()
