# SPDX-License-Identifier: MIT OR Apache-2.0
"""Address and undefined-behaviour sanitizers over the C tests and the Rust that they call, and over the Rust tests. One mistake of
each kind is planted, and must be reported."""
import re
import shutil

from part import OUT, ROOT, Part

part = Part("Sanitizers")
HOST = "x86_64-unknown-linux-gnu"
C, RUST = "C and Rust: address, leak, undefined", "Rust: address"
# What each planted mistake is called where it is found, and a place in what is printed that shows who made it.
PLANTED = {
    "c": r"heap-buffer-overflow(?s:.*?)#0 \S+ in main",
    "rust": r"heap-buffer-overflow(?s:.*?)#[01] \S+ in \S*(sealwax|core)",
    "freed": r"heap-use-after-free(?s:.*?)#[01] \S+ in \S*(sealwax|core)",
    "leak": r"LeakSanitizer: detected memory leaks",
    "undefined": r"runtime error: signed integer overflow",
}
RUST_TESTS = ("--lib", "key_memory", "round_trip", "tamper", "secrets", "detached", "transit_model", "transit_stream")
rows = []


def environment(flags):
    return {"RUSTFLAGS": flags, "ASAN_OPTIONS": "detect_leaks=1", "CARGO_TARGET_DIR": str(ROOT / "target/sanitizers"),
            "SEALWAX_TEST_FOLDER": str(OUT / "sanitized-files"), "SANITIZERS": "address,undefined"}


def found(group, test, code):
    rows.append([group, test, "ok" if code == 0 else "stopped: the time was over" if code is None else "FAILED"])
    if code is None:
        part.skip(f"{group}: {test}: the time was over")
    elif code != 0:
        part.fail(f"{group}: {test}; see sanitizers.log")


def through_c():
    env = environment("-Zsanitizer=address -Zexternal-clangrt")
    code, _ = part.build(["cargo", "+nightly", "rustc", "-p", "sealwax-c", "--crate-type", "staticlib", "--target", HOST], env=env)
    if code != 0:
        found(C, "building", code)
        return
    part.build(["cargo", "run", "--quiet", "-p", "sealwax-c", "--example", "fixtures", "--", "make", "target/c/fixtures"])
    compile = ["clang", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-g", "-O1", "-DSEALWAX_HOSTED", "-DSEALWAX_X_WING",
               "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Iinclude", "-Ibindings/c/tests", "-Itarget/c/fixtures"]
    archive = [ROOT / f"target/sanitizers/{HOST}/debug/libsealwax_c.a", "-lpthread", "-lm", "-ldl"]
    program = OUT / "sanitized-planted"
    part.build([*compile, "-O0", "scripts/assurance.d/planted.c", *archive, "-o", program])
    for mistake, words in PLANTED.items():
        code, text = part.run([program, mistake], env=env, seconds=60)
        if code == 0 or not re.search(words, text):
            part.fail(f"the planted mistake was not found: {mistake}")
    # As scripts/c names them: what runs alone, without a file of vectors.
    tests = re.search(r"^tests=\((.+)\)$", (ROOT / "scripts/c").read_text(), re.M).group(1).split()
    for test in tests:
        if part.left() == 0:
            found(C, test, None)
            continue
        program = OUT / f"sanitized-{test}"
        shutil.rmtree(OUT / "sanitized-files", ignore_errors=True)
        (OUT / "sanitized-files").mkdir()
        code, _ = part.build([*compile, f"bindings/c/tests/{test}.c", *archive, "-o", program])
        if code == 0:
            code, _ = part.run([program], env=env, seconds=300)
        found(C, test, code)
        program.unlink(missing_ok=True)


def in_rust():
    env = environment("-Zsanitizer=address")
    program = OUT / "sanitized-planted-rust"
    part.build(["rustc", "+nightly", "-Zsanitizer=address", "--edition", "2024", "scripts/assurance.d/planted_read.rs", "-o", program])
    code, text = part.run([program], env=env, seconds=60)
    if code == 0 or "heap-buffer-overflow" not in text:
        part.fail("the planted mistake was not found: a read beyond a block, in Rust")
    cargo = ["cargo", "+nightly", "test", "-p", "sealwax", "--no-default-features", "--features", "std", "--target", HOST]
    chosen = [["--lib"] if test == "--lib" else ["--test", test] for test in RUST_TESTS]
    code, _ = part.build([*cargo, "--no-run", *(word for one in chosen for word in one)], env=env)
    if code != 0:
        found(RUST, "building", code)
        return
    for one in chosen:
        code = part.run([*cargo, *one], env=env, seconds=part.left() + 60)[0] if part.left() > 0 else None
        found(RUST, one[-1], code)


# Written as it is filled, so that a part that is stopped keeps what it found.
part.tables.append({"columns": ["sanitizers", "tests", "outcome"], "rows": rows})
if part.nightly("rust-src"):
    if shutil.which("clang"):
        through_c()
    else:
        part.skip("the C tests: no clang")
    in_rust()
    part.say(f"{sum(row[2] == 'ok' for row in rows)} of {len(rows)} groups of tests ran without a report; "
             f"{len(PLANTED) + 1} planted mistakes")
part.end()
