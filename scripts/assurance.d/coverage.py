# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which lines of the library and of the command their tests run, and which functions that touch keys none of them calls."""
import fnmatch
import json
import os
import re
import shlex
import shutil
import tomllib
from collections import defaultdict

from part import OUT, ROOT, Part

part = Part("Coverage of the library and the command by their tests")
# Modules of which less is run are named.
LOW = 80
# Each of its many runs of the command would write down its counts, under a tracer.
LEFT_OUT = {"faults"}
if shutil.which("rustup"):
    part.build(["rustup", "component", "add", "llvm-tools"])


def touch_keys():
    """What mutants are made of: .cargo/mutants.toml."""
    return tomllib.loads((ROOT / ".cargo/mutants.toml").read_text())["examine_globs"]


def uncalled(functions, globs):
    """Functions at which every instance, of whatever types, was called never: file, line and name."""
    calls = defaultdict(int)
    names = {}
    for function in functions:
        path = function["filenames"][0].removeprefix(f"{ROOT}/")
        place = (path, function["regions"][0][0])
        calls[place] += function["count"]
        names.setdefault(place, plain(function["name"]))
    for (path, line), count in sorted(calls.items()):
        if count == 0 and any(fnmatch.fnmatch(path, glob) for glob in globs) and not path.endswith("tests.rs"):
            source = (ROOT / path).read_text().splitlines() if (ROOT / path).is_file() else []
            name = re.search(r"fn (\w+)", source[line - 1]) if line <= len(source) else None
            # A closure has no name of its own.
            yield [f"{path}:{line}", name[1] if name else names[path, line]]


def plain(mangled):
    """The last names in a mangled one."""
    words = re.findall(r"(?<!\d)\d+_?([a-z][a-z0-9_]*)", mangled)
    return "closure in " + "::".join(words[-2:])


def module(path):
    """The module of a file, the command's in front of its own."""
    face, _, rest = path.rpartition("src/")
    return ("command: " if face else "") + rest.split("/")[0].removesuffix(".rs")


def tests():
    """Each program of tests, of the library and of the command."""
    folders = (ROOT / "tests", ROOT / "bindings/cli/tests")
    names = [path.stem for folder in folders for path in folder.glob("*.rs")]
    names += [path.parent.name for folder in folders for path in folder.glob("*/main.rs")]
    return sorted(set(names) - LEFT_OUT)


def run_tests(out):
    """Where it failed, why: the tests, built and then run, and what they ran written to a file."""
    os.environ["CARGO_TARGET_DIR"] = str(ROOT / "target/coverage")
    code, text = part.build(["cargo", "llvm-cov", "show-env"])
    # In quotes, where they need some.
    env = dict(shlex.split(line)[0].split("=", 1) for line in text.splitlines() if re.match(r"[A-Z_]+=", line))
    env["CARGO_PROFILE_DEV_DEBUG"] = "0"
    part.build(["cargo", "llvm-cov", "clean", "--workspace", "--profraw-only"], env=env)
    chosen = ["-p", "sealwax", "-p", "sealwax-cli", "--no-default-features", "--features",
              # RustCrypto, so that all that runs is Rust and is seen.
              "sealwax/std,sealwax/tokio,sealwax-cli/host", "--lib", "--bins", *(word for name in tests() for word in ("--test", name))]
    code, _ = part.build(["cargo", "test", "--no-run", *chosen], env=env)
    if code != 0:
        return "the tests do not build under coverage; see coverage.log"
    code, _ = part.run(["cargo", "test", "--no-fail-fast", *chosen], env=env)
    if code != 0:
        return "the tests did not pass under coverage; see coverage.log"
    code, _ = part.run(["cargo", "llvm-cov", "report", "--json", "--ignore-filename-regex", "tests(/|\\.rs)", "--output-path", out],
                       env=env)
    return None if code == 0 else "no report could be made; see coverage.log"


if part.tool("cargo-llvm-cov"):
    out = OUT / "coverage-raw.json"
    why = run_tests(out)
    if why:
        part.fail(why)
    else:
        modules = defaultdict(lambda: [0, 0])
        rows = []
        whole = json.loads(out.read_text())["data"][0]
        for file in whole["files"]:
            name = file["filename"].removeprefix(f"{ROOT}/")
            lines = file["summary"]["lines"]
            rows.append((lines["percent"], name, lines["covered"], lines["count"]))
            of_module = modules[module(name)]
            of_module[0] += lines["covered"]
            of_module[1] += lines["count"]
        for what, is_ours in (("library", lambda name: name.startswith("src/")), ("command", lambda name: name.startswith("bindings/"))):
            covered, count = (sum(row[at] for row in rows if is_ours(row[1])) for at in (2, 3))
            part.say(f"{what}: {covered:,} of {count:,} lines run, {100 * covered / max(count, 1):.1f} %")
        low = [f"{name} ({100 * covered / count:.1f} %)" for name, (covered, count) in sorted(modules.items())
               if covered * 100 < LOW * count]
        part.say(f"modules of which less than {LOW} % is run: {', '.join(low) or 'none'}")
        never = list(uncalled(whole["functions"], touch_keys()))
        part.say(f"{len(never)} functions and closures of modules that touch keys are called by no test of these")
        part.say(f"not counted: the tests of the C and the Python face, and of the command {', '.join(sorted(LEFT_OUT))}")
        part.table(["called by no test", "name"], never)
        part.table(["module", "lines run", "lines", "%"],
                   [[name, covered, count, f"{100 * covered / count:.1f}"] for name, (covered, count) in sorted(modules.items())])
        part.table(["file", "lines run", "lines", "%"],
                   [[name, covered, count, f"{percent:.1f}"] for percent, name, covered, count in sorted(rows)])
        part.plot("Lines of each module", [[name, {"run": covered, "not run": count - covered}]
                                           for name, (covered, count) in sorted(modules.items())], "lines")
        out.unlink()
part.end()
