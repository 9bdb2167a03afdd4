# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which lines of the library its tests run, and which functions that touch keys none of them calls."""
import fnmatch
import json
import re
import shutil
import tomllib
from collections import defaultdict

from part import OUT, ROOT, Part

part = Part("Coverage of the library by its tests")
if shutil.which("rustup"):
    part.run(["rustup", "component", "add", "llvm-tools"])


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


if part.tool("cargo-llvm-cov"):
    out = OUT / "coverage-raw.json"
    # RustCrypto, so that all that runs is Rust and is seen.
    code, text = part.run(["cargo", "llvm-cov", "test", "-p", "sealwax", "--no-default-features", "--features", "std,tokio",
                           "--lib", "--tests", "--json", "--ignore-filename-regex", "tests(/|\\.rs)", "--output-path", out],
                          env={"CARGO_PROFILE_DEV_DEBUG": "0"})
    if code != 0:
        part.fail("the tests did not pass under coverage; see coverage.log")
    else:
        folders = defaultdict(lambda: [0, 0])
        rows = []
        whole = json.loads(out.read_text())["data"][0]
        for file in whole["files"]:
            name = file["filename"].rsplit("/src/", 1)[-1]
            lines = file["summary"]["lines"]
            rows.append((lines["percent"], name, lines["covered"], lines["count"]))
            folder = folders[name.split("/")[0].removesuffix(".rs")]
            folder[0] += lines["covered"]
            folder[1] += lines["count"]
        total = whole["totals"]["lines"]
        part.say(f"{total['covered']:,} of {total['count']:,} lines run: {total['percent']:.1f} %")
        never = list(uncalled(whole["functions"], touch_keys()))
        part.say(f"{len(never)} functions and closures of modules that touch keys are called by no test")
        part.table(["called by no test", "name"], never)
        part.table(["file", "lines run", "lines", "%"],
                   [[name, covered, count, f"{percent:.1f}"] for percent, name, covered, count in sorted(rows)])
        part.plot("lines by module", [[name, {"run": covered, "not run": count - covered}]
                                      for name, (covered, count) in sorted(folders.items())])
        out.unlink()
part.end()
