# SPDX-License-Identifier: MIT OR Apache-2.0
"""Secrets found in memory after each call, with each backend, in builds with and without optimisation; and before and after, as
other residue tests print it."""
import re

from part import ROOT, Part

BACKENDS = {"aws-lc-rs": "std,tokio,aws-lc", "ring": "std,tokio,ring", "RustCrypto": "std,tokio"}
BUILDS = {"optimised": ["--release"], "unoptimised": []}
part = Part("Residue: secrets found in memory after each call")
tests = sorted(path.stem for path in (ROOT / "tests").glob("*residue*"))
if not tests:
    part.skip("no residue tests in this tree")
rows, summary, found, deepest = [], [], [], {}
for test, build, backend in ((t, u, b) for t in tests for u in BUILDS for b in BACKENDS):
    where = f"{backend}, {build}"
    if part.left() == 0:
        part.skip(f"{where}: the time was over")
        continue
    cargo = ["cargo", "test", *BUILDS[build], "-p", "sealwax", "--no-default-features", "--features", BACKENDS[backend], "--test", test]
    code, text = part.build([*cargo, "--no-run"])
    if code is None:
        part.skip(f"{where}: no time was left to build it")
        continue
    if code == 0:
        code, text = part.run([*cargo, "--", "--nocapture"])
    if code != 0:
        part.fail(f"tests/{test}, {where}; see residue.log")
    rows += re.findall(r"^residue: (.+) before=(\d+) after=(\d+)", text, re.M)
    calls = re.findall(r"^(.+?) +depth +(\d+)[ !] stack (.+?)  heap (.+)$", text, re.M)
    left = [(where, name, stack, heap) for name, _, stack, heap in calls if (stack, heap) != ("-", "-")]
    planted = re.search(r"^(\d+) kinds of secrets were leaked on purpose", text, re.M)
    found += left
    summary.append((backend, build, len(calls), len(left), planted[1] if planted else "-", max([int(c[1]) for c in calls], default=0)))
    if build == "optimised":
        deepest[backend] = {name: int(depth) for name, depth, *_ in calls}
if summary:
    part.say(f"{sum(row[2] for row in summary)} calls whose dead stack and freed blocks were looked at; {len(found)} left a secret")
    part.table(["backend", "build", "calls", "left a secret", "planted kinds, all found", "deepest, in bytes"], summary)
if found:
    part.table(["build", "call", "left on the stack", "left in the heap"], found)
for backend, depths in deepest.items():
    longest = sorted(depths.items(), key=lambda pair: -pair[1])[:20]
    part.plot(f"The deepest calls, {backend}, optimised", [[name[:40], {"bytes": depth}] for name, depth in longest], "bytes of stack")
if rows:
    part.say(f"{len(rows)} places looked at; {sum(int(after) for _, _, after in rows)} secrets were left")
    part.table(["where", "before", "after"], rows)
    part.plot("Secrets found before and after", [[name, {"before": int(before), "after": int(after)}] for name, before, after in rows],
              "secrets")
    if any(int(after) for _, _, after in rows):
        part.fail("a secret was left")
part.end()
