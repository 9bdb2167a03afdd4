# SPDX-License-Identifier: MIT OR Apache-2.0
"""Miri over the places where `unsafe` has its addresses, as far as it can run them.

The memory of secrets is plain memory there: Miri has no pages of its own, no locks of memory and no forked children.
"""
from part import ROOT, Part

part = Part("Miri")
env = {"MIRIFLAGS": "-Zmiri-disable-isolation -Zmiri-permissive-provenance", "CARGO_TARGET_DIR": str(ROOT / "target/miri")}
features = ["--no-default-features", "--features", "std"]
# What is run, and what of it.
RUNS = [
    ("secrets and their memory", ["-p", "sealwax", *features, "--lib", "--", "secret::"]),
    ("the boundary of the C face", ["-p", "sealwax-c", "--no-default-features", "--features", "transit", "--lib", "--", "boundary::"]),
]
rows = []
if part.nightly("miri", "rust-src"):
    part.build(["cargo", "+nightly", "miri", "setup"], env=env)
    for name, arguments in RUNS:
        part.build(["cargo", "+nightly", "miri", "test", "--no-run", *arguments[:arguments.index("--")]], env=env)
        seconds = max(part.left(), 60)
        code, text = part.run(["cargo", "+nightly", "miri", "test", *arguments], env=env, seconds=seconds)
        tests = sum(int(line.split()[3]) for line in text.splitlines() if line.startswith("test result: "))
        if code is None:
            outcome = f"stopped after {seconds:.0f} s"
            part.skip(f"{name}: {outcome}")
        else:
            outcome = "ok" if code == 0 else "FAILED"
        if code not in (0, None):
            part.fail(f"{name}; see miri.log")
        elif code == 0 and tests == 0:
            outcome = "not run"
            part.fail(f"{name}: there is no such test")
        rows.append([name, tests, outcome])
    part.table(["what", "tests", "outcome"], rows)
    part.say(f"{sum(row[1] for row in rows)} tests ran under Miri")
part.end()
