# SPDX-License-Identifier: MIT OR Apache-2.0
"""Puts what was measured into a table, holds it against the budgets:  table.py FOLDER BUDGETS DOC [--write]"""
import os
import pathlib
import sys

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SETS = {
    "calls": "sealing and opening tokens, opening chunks; nothing that loads a keyset or begins",
    "tokens": "tokens, with loading a keyset",
    "images": "images page by page, with loading a keyset",
    "symmetric": "both",
    "sealed-keyset": "both, and keysets sealed under a device key",
    "mapped": "both, and two-pass opening",
    "x25519": "both, and X25519: open and seal",
    "suite-1": "both, with suite 1 built in",
    "x-wing": "both, X25519 and X-Wing, suite 1 built in",
    "transit": "handshakes and records",
    "transit-all": "handshakes, records, kept sessions, and both",
}


def measured(folder):
    found = {}
    for name in ("measure.txt", "measure-full.txt", "measure-transit.txt"):
        for line in (folder / name).read_text(encoding="ascii").splitlines():
            words = line.split()
            if words[:1] == ["measure"] and len(words) == 4:
                full = name == "measure-full.txt"
                if full == ("x_wing" in words[1]):
                    found[words[1]] = (int(words[2]), int(words[3]))
    flash = {}
    for line in (folder / "flash.txt").read_text(encoding="ascii").splitlines():
        _, name, total, code, constants = line.split()
        flash[name] = (int(total), int(code), int(constants))
    return found, flash


def tables(found, flash):
    lines = ["| linked | flash, bytes | code | constants |", "|---|---|---|---|"]
    for name, (total, code, constants) in flash.items():
        lines.append(f"| {SETS[name]} | {total:,} | {code:,} | {constants:,} |")
    lines += ["", "| call | stack, bytes | instructions | for each byte |", "|---|---|---|---|"]
    for name, (stack, instructions) in found.items():
        if name == "nothing":
            continue
        length = next((length for length in (1024, 4096) if name.endswith(f"_{length}")), 0)
        each = f"{instructions / length:.1f}" if length else ""
        lines.append(f"| `{name}` | {stack:,} | {instructions:,} | {each} |")
    return "\n".join(lines)


def main():
    folder, budgets, doc = map(pathlib.Path, sys.argv[1:4])
    found, flash = measured(folder)
    table = tables(found, flash)
    print(table)
    values = {f"flash-{name}": total for name, (total, _, _) in flash.items()}
    for name, (stack, instructions) in found.items():
        values[f"stack-{name}"] = stack
        if name.endswith("_4096"):
            values[f"instructions-{name}"] = instructions * 100 // 4096
    over = []
    for line in budgets.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            name, most = line.split()
            if values[name] > int(most):
                over.append(f"{name}: {values[name]}, not at most {most}")
    text = doc.read_text(encoding="utf-8") if doc.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if os.environ.get("SEALWAX_BLESS"):
        doc.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
    if over:
        sys.exit("firmware: over budget: " + "; ".join(over))
    print("firmware: within the budgets")


main()
