# SPDX-License-Identifier: MIT OR Apache-2.0
"""Each fuzz target for its share of the time, and the Python face under atheris for another."""
import os
import re

from part import ROOT, Part

part = Part("Fuzzing")
targets = re.search(r"^targets=\((.+)\)$", (ROOT / "scripts/fuzz").read_text(), re.M).group(1).split()
each = max(part.seconds // (len(targets) + 1), 3)
rows = []


def rust():
    code, text = part.build(["scripts/fuzz", 0])
    if code == 0:
        code, text = part.run(["scripts/fuzz", each])
    rows.extend(re.findall(r"^fuzz: (\S+) +ok: (\d+) runs in (\d+) s, (\d+) edges", text, re.M))
    for line in re.findall(r"^fuzz: skipped|^fuzz: \S+ +FAILED.*", text, re.M):
        part.skip("the targets in Rust: no nightly toolchain") if "skipped" in line else part.fail(line)
    if code != 0 and not part.wrong:
        part.fail("fuzzing did not run to its end; see fuzz.log")


def python():
    own = ROOT / ".venv/bin"
    if not (own / "python").exists():
        part.skip("the Python face: no .venv (scripts/setup)")
        return
    env = {"PATH": f"{own}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(ROOT / ".venv")}
    code, _ = part.build([own / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "atheris"])
    if code != 0:
        part.skip("the Python face: atheris could not be installed")
        return
    code, _ = part.build(["maturin", "develop", "--quiet", "--manifest-path", "bindings/python/Cargo.toml"], env=env)
    if code != 0:
        part.fail("the Python module does not build; see fuzz.log")
        return
    corpus = ROOT / "fuzz/corpus/python"
    corpus.mkdir(parents=True, exist_ok=True)
    code, text = part.run([own / "python", "bindings/python/tests/fuzz.py", f"-max_total_time={each}", "-timeout=20",
                           f"-artifact_prefix={ROOT}/target/assurance/python-", corpus], env=env)
    runs = re.search(r"^Done (\d+) runs in (\d+) second", text, re.M)
    edges = re.findall(r" cov: (\d+) ", text)
    if code != 0 or not runs:
        part.fail("the Python face under atheris; see fuzz.log")
        return
    rows.append(("python", runs[1], runs[2], edges[-1] if edges else "0"))


rust()
python()
if rows:
    part.say(f"{sum(int(runs) for _, runs, *_ in rows):,} executions over {len(rows)} targets, {each} s each")
    part.table(["target", "executions", "seconds", "edges"], [[name, f"{int(runs):,}", *more] for name, runs, *more in rows])
    part.plot(f"Executions of each target in {each} s", [[name, {"executions": int(runs)}] for name, runs, *_ in rows], "executions")
part.end()
