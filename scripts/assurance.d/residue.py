# SPDX-License-Identifier: MIT OR Apache-2.0
"""Secrets found in memory before and after what should have wiped them, as the tests print it."""
import re

from part import ROOT, Part

part = Part("Residue: secrets found in memory before and after")
tests = sorted(path.stem for path in (ROOT / "tests").glob("*residue*"))
if not tests:
    part.skip("no residue tests in this tree")
rows, calls = [], []
for test in tests:
    code, text = part.run(["cargo", "test", "--release", "-p", "sealwax", "--test", test, "--", "--nocapture"])
    if code != 0:
        part.fail(f"tests/{test}.rs; see residue.log")
    rows += re.findall(r"^residue: (.+) before=(\d+) after=(\d+)", text, re.M)
    calls += re.findall(r"^(.+?) +depth +(\d+)[ !] stack (.+?)  heap (.+)$", text, re.M)
if calls:
    left = [name for name, _, stack, heap in calls if (stack, heap) != ("-", "-")]
    part.say(f"{len(calls)} calls whose dead stack and freed blocks were looked at; {len(left)} left a secret")
    part.table(["call", "depth in bytes", "left on the stack", "left in the heap"], calls)
    part.plot("depth of the stack that a call used, in bytes", [[name[:40], {"bytes": int(depth)}] for name, depth, *_ in calls])
if rows:
    part.say(f"{len(rows)} places looked at; {sum(int(after) for _, _, after in rows)} secrets were left")
    part.table(["where", "before", "after"], rows)
    part.plot("secrets found", [[name, {"before": int(before), "after": int(after)}] for name, before, after in rows])
    if any(int(after) for _, _, after in rows):
        part.fail("a secret was left")
part.end()
