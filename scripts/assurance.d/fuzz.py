# SPDX-License-Identifier: MIT OR Apache-2.0
"""Each fuzz target for its share of the time."""
import re

from part import ROOT, Part

part = Part("Fuzzing")
targets = re.search(r"^targets=\((.+)\)$", (ROOT / "scripts/fuzz").read_text(), re.M).group(1).split()
each = max(part.seconds // len(targets), 3)
code, text = part.run(["scripts/fuzz", each])
rows = re.findall(r"^fuzz: (\S+) +ok: (\d+) runs in (\d+) s, (\d+) edges", text, re.M)
for line in re.findall(r"^fuzz: skipped: .*|^fuzz: \S+ +FAILED.*", text, re.M):
    part.skip(line) if "skipped" in line else part.fail(line)
if code != 0 and not part.wrong:
    part.fail("fuzzing did not run to its end; see fuzz.log")
if rows:
    part.say(f"{sum(int(runs) for _, runs, *_ in rows):,} executions over {len(rows)} targets, {each} s each")
    part.table(["target", "executions", "seconds", "edges"], rows)
    part.plot("executions", [[name, {"executions": int(runs)}] for name, runs, *_ in rows])
part.end()
