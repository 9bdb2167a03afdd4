# SPDX-License-Identifier: MIT OR Apache-2.0
"""Address and undefined-behaviour sanitizers over the C tests and the Rust that they call, and over the Rust tests."""
import shutil

from part import OUT, ROOT, Part

part = Part("Sanitizers")
host = "x86_64-unknown-linux-gnu"
flags = {"RUSTFLAGS": "-Zsanitizer=address -Zexternal-clangrt", "ASAN_OPTIONS": "detect_leaks=1",
         "CARGO_TARGET_DIR": str(ROOT / "target/sanitizers")}
rows = []
if part.nightly("rust-src") and shutil.which("clang"):
    code, _ = part.run(["cargo", "+nightly", "rustc", "-p", "sealwax-c", "--crate-type", "staticlib", "--target", host,
                        "--no-default-features", "--features", "suite-1,x-wing,transit,sealwax/std"], env=flags)
    if code != 0:
        part.fail("the C face does not build with the address sanitizer")
    part.run(["cargo", "run", "--quiet", "-p", "sealwax-c", "--example", "fixtures", "--", "make", "target/c/fixtures"])
    archive = ROOT / f"target/sanitizers/{host}/debug/libsealwax_c.a"
    for test in ("tokens", "openings", "sealings", "misuse", "transit"):
        program = OUT / f"sanitized-{test}"
        code, _ = part.run(["clang", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-g", "-O1", "-DSEALWAX_X_WING", "-DSEALWAX_TRANSIT",
                            "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Iinclude", "-Ibindings/c/tests",
                            "-Itarget/c/fixtures", f"bindings/c/tests/{test}.c", archive, "-lpthread", "-lm", "-ldl",
                            "-o", program])
        if code == 0:
            code, _ = part.run([program], env=flags, seconds=300)
        rows.append(["C and Rust, address and undefined", test, "ok" if code == 0 else "FAILED"])
    flags["RUSTFLAGS"] = "-Zsanitizer=address"
    for test in ("--lib", "key_memory", "round_trip", "tamper", "secrets", "detached", "transit_model", "transit_stream"):
        chosen = ["--lib"] if test == "--lib" else ["--test", test]
        code, _ = part.run(["cargo", "+nightly", "test", "-p", "sealwax", "--no-default-features", "--features", "std",
                            "--target", host, *chosen], env=flags)
        rows.append(["Rust, address", test, "ok" if code == 0 else "FAILED"])
    part.table(["sanitizers", "tests", "outcome"], rows)
    for row in rows:
        if row[2] != "ok":
            part.fail(f"{row[0]}: {row[1]}")
    part.say(f"{len(rows)} groups of tests")
part.end()
