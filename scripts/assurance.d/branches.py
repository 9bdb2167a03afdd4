# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looks at the comparison of secrets as it is compiled for firmware: it may loop over its length, and decides nothing else."""
import re
import shutil
import subprocess

from part import OUT, ROOT

# Conditional branches. What jumps always, calls or returns decides nothing.
CONDITIONAL = {
    "thumbv7em-none-eabihf": re.compile(r"^(b(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)(\.[nw])?|cbn?z|tb[bh])$"),
    "riscv32imac-unknown-none-elf": re.compile(r"^(c\.)?b(eq|ne|lt|ge|gt|le)u?z?$"),
}
# The profile of the archives for firmware, and that of everybody else.
PROFILES = ("firmware", "release")


def look(part):
    objdump = shutil.which("llvm-objdump") or own_objdump()
    if not objdump:
        part.skip("no llvm-objdump: firmware was not looked at")
        return
    rows = []
    for target, conditional in CONDITIONAL.items():
        for profile in PROFILES:
            code, _ = part.build(["cargo", "build", "--locked", "-p", "sealwax", "--no-default-features", "--profile", profile,
                                  "--target", target],
                                 env={"CARGO_TARGET_DIR": str(ROOT / "target/branches"), "CARGO_PROFILE_RELEASE_LTO": "off",
                                      "CARGO_PROFILE_FIRMWARE_LTO": "off"})
            if code != 0:
                part.fail(f"{target}: the crate does not build")
                continue
            library = ROOT / f"target/branches/{target}/{profile}/libsealwax.rlib"
            found = list(comparisons(objdump, library, conditional))
            if not found:
                part.fail(f"{target}, {profile}: the comparison was not found")
            for name, length, loops, decisions in found:
                rows.append([name, target, profile, length, loops, decisions])
                if decisions or loops > 1:
                    part.fail(f"{target}, {profile}: {name} decides {decisions} times and loops {loops} times")
        planted = OUT / f"planted-{target}.rlib"
        part.run(["rustc", "--edition", "2024", "-Copt-level=3", "--target", target, "scripts/assurance.d/planted.rs", "-o", planted])
        found = list(comparisons(objdump, planted, conditional))
        rows += [[name, target, "planted", length, loops, decisions] for name, length, loops, decisions in found]
        if not any(decisions or loops > 1 for *_, loops, decisions in found):
            part.fail(f"{target}: the planted early return was not found")
    part.table(["function", "processor", "profile", "instructions", "loops", "decisions"], rows)
    part.say(f"{len(rows)} comparisons looked at in machine code, a planted early return among them for each processor")


def own_objdump():
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True).stdout.strip()
    return next((str(path) for path in (ROOT / sysroot).glob("lib/rustlib/*/bin/llvm-objdump")), None)


def comparisons(objdump, library, conditional):
    """Each `ct_eq`: how many instructions it has, and how many of them branch back (a loop) or ahead (a decision)."""
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", str(library)], capture_output=True, text=True).stdout
    for block in re.split(r"\n(?=[0-9a-f]+ <)", text):
        head = re.match(r"([0-9a-f]+) <(\S*ct_eq\S*)>:", block)
        if not head:
            continue
        lines = re.findall(r"^\s*([0-9a-f]+):\s+([a-z][\w.]*)\s*(.*)$", block, re.M)
        loops = decisions = 0
        for at, word, operands in lines:
            if not conditional.match(word):
                continue
            to = re.search(r"(?:0x|#-?|^|, )([0-9a-f]+) <", operands)
            if re.search(r"#-\d+", operands) or (to and int(to.group(1), 16) <= int(at, 16)):
                loops += 1
            else:
                decisions += 1
        yield re.sub(r"17h[0-9a-f]{16}E.*", "", head.group(2)).lstrip("_ZN"), len(lines), loops, decisions
