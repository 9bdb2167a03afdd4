# SPDX-License-Identifier: MIT OR Apache-2.0
"""Nothing depends on a secret: valgrind follows secrets through each backend, firmware is looked at as it was compiled,
and a clock looks for what those two did not see."""
import re
import shutil

import branches
from part import ROOT, Part

part = Part("Constant time")
rows, reports = [], {}
if not shutil.which("valgrind"):
    part.skip("no valgrind")
else:
    for backend, features in (("RustCrypto", ""), ("ring", "ring"), ("aws-lc-rs", "aws-lc")):
        target = ROOT / f"target/constant_time/{features}"
        build = ["cargo", "build", "--release", "--locked", *(["--features", features] if features else [])]
        code, _ = part.build(build, env={"CARGO_TARGET_DIR": str(target)}, folder=ROOT / "tests/constant_time")
        if code != 0:
            part.fail(f"{backend}: it does not build")
            continue
        code, text = part.run(["valgrind", "--quiet", "--error-limit=no", "--num-callers=30",
                               "--suppressions=tests/constant_time/public.supp",
                               target / "release/sealwax-constant-time"], seconds=600)
        if code != 0:
            part.fail(f"{backend}: see timing.log")
        for name, found in re.findall(r"^constant time: (.+): (\d+) reports", text, re.M):
            reports.setdefault(name, {})[backend] = found
    backends = ["RustCrypto", "ring", "aws-lc-rs"]
    part.table(["operation (reports)", *backends],
               [[name, *(found.get(backend, "-") for backend in backends)] for name, found in reports.items()])
    clean = [name for name in reports if not name.startswith("planted")]
    part.say(f"{len(clean)} operations with secrets marked, {len(reports) - len(clean)} planted leaks, {len(backends)} backends")
branches.look(part)

# "Dude, is my code constant time?": a smoke test. A busy machine finds less, so that only the planted leak must be found.
part.build(["cargo", "bench", "--bench", "timing", "--no-run"])
code, text = part.run(["cargo", "bench", "--bench", "timing"])
measured = re.findall(r"^t = +(-?[\d.]+|NaN|inf) +(a difference|no difference found): (.+)$", text, re.M)
if code != 0 or not measured:
    part.fail("benches/timing.rs; see timing.log")
for t, found, what in measured:
    if (found == "a difference") != what.startswith("planted"):
        part.fail(f"by the clock: {found}, t = {t}: {what}")
part.table(["two classes of inputs, by the clock", "t", "found"], [[what, t, found] for t, found, what in measured])
part.say(f"{len(measured) - 1} pairs of classes measured by the clock, and a planted leak")
part.end()
