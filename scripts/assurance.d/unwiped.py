# SPDX-License-Identifier: MIT OR Apache-2.0
"""Leaves out each wipe of the library in turn and shows that a test then fails:  unwiped.py [SECONDS [PATTERN]]

A wipe is a call of `zeroize` or `write_bytes`, or a call whose stack is wiped. All stand behind switches (switched.py), so that the tests are built
once. With PATTERN only those whose name contains it are looked at. `docs/mutants.md` says why those that no test misses stay.
"""
import concurrent.futures
import re
import sys

from part import ROOT, Part

part = Part("Wipes: each left out in turn, and a test fails")
PATTERN = sys.argv[2] if len(sys.argv) > 2 else ""
# Quickest first, and the one that looks for what is left before those that see it by chance.
FIRST = ("residue", "key_memory")
# Seconds of tests that each gets: those that look for secrets are among them.
MOST = 60
# Other processes take long, and tests of the source see it without switches.
LEFT_OUT = {"crowd", "layers", "dependencies"}


def function_around(node):
    """The name of the function, with that of the type or trait."""
    names = []
    while node:
        if node.type == "function_item":
            names.append(node.child_by_field_name("name").text.decode())
        elif node.type == "impl_item":
            names.append(node.child_by_field_name("type").text.decode())
        node = node.parent
    return "::".join(reversed(names))


def main():
    if not part.python("tree-sitter==0.26.1", "tree-sitter-rust==0.24.2"):
        return
    import switched

    tree = switched.Tree(ROOT, ROOT / "target/unwiped", [], part.say)
    wipes = []
    for path in sorted((ROOT / "src").rglob("*.rs")):
        name = str(path.relative_to(ROOT))
        wiping = (b"zeroize", b"write_bytes", b"with_wiped_stack")
        if path.name == "tests.rs" or not any(word in path.read_bytes() for word in wiping):
            continue
        for node in tree.source(name).wipes():
            tree.source(name).add_wipe(len(wipes), node)
            text = " ".join(node.text.decode().split())
            text = text if len(text) < 70 else text[:67] + "..."
            wipes.append((f"{name}:{node.start_point[0] + 1}", f"{name}: {function_around(node)}: {text}".replace("|", "/")))
    try:
        tree.build(len(wipes), check_first=False)
    except switched.Refused as error:
        return part.fail(str(error))
    for test in tree.find_tests(LEFT_OUT):
        part.fail(f"with every wipe in its place, {test['of']} {test['test'] or ''} fails: {test['text'][-800:]}")
    for test in tree.tests:
        test["kills"] = 1000 if test["of"] in FIRST else 0
    known = set(re.findall(r"^\| `(src/[^`]+)`", (ROOT / "docs/mutants.md").read_text(), re.M))
    rows = []

    def look(number):
        place, name = wipes[number]
        if number in tree.at_fault or PATTERN not in name or part.left() <= 0:
            return
        reached = any(number in test["reached"] for test in tree.tests)
        word, by, _ = tree.try_switch(number, most=MOST)
        word = {"missed": "missed" if reached else "not reached", "too slow": "caught"}.get(word, word)
        rows.append((place, name, word, by))
        print(f"{word:12} {place:36} {name.split(': ', 1)[1]}  {by}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(switched.JOBS) as pool:
        list(pool.map(look, range(len(wipes))))
    for number, code in tree.at_fault.items():
        part.fail(f"{wipes[number][0]}: cannot be left out: {code}")
    for place, name, word, _ in sorted(rows):
        if word != "caught" and name not in known:
            part.fail(f"no test misses the wipe at {place} ({word}): {name}")
    counts = {word: sum(row[2] == word for row in rows) for word in ("caught", "missed", "not reached")}
    part.say(f"{len(rows)} of {len(wipes)} wipes left out: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
    part.table(["wipe", "outcome", "by"], [(place, word, by) for place, _, word, by in sorted(rows)])


main()
part.end()
