# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which lines of the library its tests run."""
import json
import shutil
from collections import defaultdict

from part import OUT, Part

part = Part("Coverage of the library by its tests")
if shutil.which("rustup"):
    part.run(["rustup", "component", "add", "llvm-tools"])
if part.tool("cargo-llvm-cov"):
    out = OUT / "coverage-raw.json"
    # RustCrypto, so that all that runs is Rust and is seen.
    code, text = part.run(["cargo", "llvm-cov", "test", "-p", "sealwax", "--no-default-features", "--features", "std,tokio",
                           "--lib", "--tests", "--json", "--summary-only", "--ignore-filename-regex", "tests(/|\\.rs)",
                           "--output-path", out])
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
        part.say(f"{total['covered']} of {total['count']} lines: {total['percent']:.1f} %")
        part.table(["file", "lines run", "lines", "%"],
                   [[name, covered, count, f"{percent:.1f}"] for percent, name, covered, count in sorted(rows)])
        part.plot("lines by module", [[name, {"run": covered, "not run": count - covered}]
                                      for name, (covered, count) in sorted(folders.items())])
part.end()
