# SPDX-License-Identifier: MIT OR Apache-2.0
"""Changes the code that touches keys, one place after another, and sees whether a test notices:  mutants.py [SECONDS [PATTERN]]

`cargo mutants` says which changes there are. All of them are built once, each behind a switch (switched.py), so that one costs
the time of the tests that come by its place, and no build. The few that cannot stand behind a switch are built one at a time.
What was found out is kept in target/mutants, by the text of the function: each run goes on where the last one stopped.
With PATTERN only changes whose name contains it are looked at. With SEALWAX_WRITE=1 the line of figures in `docs/mutants.md`
is written anew. That page also says why each of those that nothing noticed is no fault.
"""
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import re
import sys
import threading
import time
import tomllib

from part import ROOT, Part

part = Part("Mutants: changes of the code that a test notices")
FOLDER = ROOT / "target/mutants"
KEPT = FOLDER / "results.json"
PAGE = ROOT / "docs/mutants.md"
PATTERN = sys.argv[2] if len(sys.argv) > 2 else ""
# Programs that look at whole processes take long and notice little more; and tests of the source see it without switches.
LEFT_OUT = {"crowd", "process_memory", "layers", "dependencies"}
SAVING = threading.Lock()
WORDS = ("caught", "too slow", "missed", "unviable")
# The pure Rust backend after the default one: what is compiled in one of them only.
# Seconds of tests that each change gets at first.
QUICK = 15
PASSES = [("aws-lc", []), ("RustCrypto", ["--no-default-features", "--features", "std"])]


def justified():
    """The names in docs/mutants.md, without the places, which move."""
    return set(re.findall(r"^\| `([^`]+)`", PAGE.read_text(), re.M))


def plain(name):
    return re.sub(r":\d+:\d+: ", ": ", name).replace("|", "/")


def keys(mutants):
    """For each mutant what stays the same while its function does."""
    texts, counts = {}, {}
    for mutant in mutants:
        lines = texts.setdefault(mutant["file"], (ROOT / mutant["file"]).read_text().splitlines())
        span = (mutant["function"] or mutant)["span"]
        text = "\n".join(lines[span["start"]["line"] - 1 : span["end"]["line"]])
        begin = mutant["span"]["start"]
        where = f"{begin['line'] - span['start']['line']}:{begin['column']}"
        key = hashlib.sha256(f"{plain(mutant['name'])}\n{where}\n{text}".encode()).hexdigest()[:24]
        counts[key] = counts.get(key, 0) + 1
        yield f"{key}-{counts[key]}"


def save(results):
    with SAVING:
        write_down(dict(results))


def write_down(results):
    FOLDER.mkdir(parents=True, exist_ok=True)
    aside = KEPT.with_suffix(".new")
    aside.write_text(json.dumps(results, indent=0))
    aside.replace(KEPT)


def importance(mutant):
    order = tomllib.loads((ROOT / ".cargo/mutants.toml").read_text())["examine_globs"]
    return next((index for index, glob in enumerate(order) if fnmatch.fnmatch(mutant["file"], glob)), len(order))


def module_of(mutant):
    return mutant["file"].removeprefix("src/").removesuffix(".rs").replace("/", "::")


def one_pass(name, features, waiting, results, known_at):
    """Tries these mutants with one set of features. What is missed may still be noticed with another."""
    import switched
    import switches

    def say(text):
        print(f"assurance: mutants: {name}: {text}", flush=True)

    tree = switched.Tree(ROOT, FOLDER / name, features, say)
    alone = []
    for number, mutant in enumerate(waiting):
        try:
            if "impl " in (mutant["function"] or {}).get("return_type", "") and mutant["genre"] == "FnValue":
                raise switches.Unswitchable("another type")
            tree.source(mutant["file"]).add(number, mutant)
        except switches.Unswitchable as why:
            if "chain with let" in str(why):
                results[known_at[number]] = ["unviable", "a chain with let", name]
            else:
                alone.append(number)
    tree.build(len(waiting))
    for number, code in tree.at_fault.items():
        if code in switched.UNVIABLE:
            results[known_at[number]] = ["unviable", code, name]
        elif number not in alone:
            alone.append(number)
    say(f"{len(waiting)} changes, {len(tree.at_fault)} do not compile, {len(alone)} are built alone")
    if name == PASSES[0][0]:
        try:
            tree.build_c()
        except switched.Refused as error:
            part.fail(f"the C face's tests cannot be built: {error}")
    failing = tree.find_tests(LEFT_OUT)
    for test in failing:
        part.fail(f"with every switch off, {test['of']} {test['test'] or ''} fails: {test['text'][-500:]}")
    say(f"{len(tree.tests)} tests, {sum(test['seconds'] for test in tree.tests):.0f} s")
    begin = time.monotonic()

    left = {}

    def look(number, most):
        if known_at[number] in results and number not in left or number in alone or part.left() <= 0:
            return
        word, by, left_over = tree.try_switch(number, left.pop(number, None), most, module_of(waiting[number]))
        if left_over:
            left[number] = left_over
        if word == "missed" and not any(number in test["reached"] for test in tree.tests):
            by = "no test comes by"
        results[known_at[number]] = [word, by, name]
        save(results)
        if word == "missed":
            print(f"MISSED {waiting[number]['name']} ({by or ('so far' if left_over else 'tests come by')})", flush=True)

    def look_at_all(most):
        with concurrent.futures.ThreadPoolExecutor(switched.JOBS) as pool:
            list(pool.map(lambda number: look(number, most), range(len(waiting))))

    # First the quick tests for each, then the long ones for those that the quick ones did not notice.
    look_at_all(QUICK)
    look_at_all(None)
    for number in alone:
        if part.left() <= 0:
            break
        mutant = waiting[number]
        word, by = tree.try_alone(mutant, module_of(mutant))
        results[known_at[number]] = [word, by, name]
        save(results)
        if word == "missed":
            say(f"MISSED {mutant['name']} (built alone)")
    save(results)
    say(f"{time.monotonic() - begin:.0f} s of trying")


def main():
    if not part.tool("cargo-mutants") or not part.python("tree-sitter==0.26.1", "tree-sitter-rust==0.24.2"):
        return
    code, text = part.run(["cargo", "mutants", "--list", "--json"])
    if code != 0:
        return part.fail("cargo mutants cannot list the mutants")
    mutants = json.loads(text[text.index("[") :])
    mutants.sort(key=importance)
    everything = list(zip(keys(mutants), mutants))
    looked_at = [(key, mutant) for key, mutant in everything if PATTERN in mutant["name"]]
    results = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    known = justified()

    def is_open(key, mutant):
        return key not in results or results[key][0] == "missed" and plain(mutant["name"]) not in known

    # Those that were missed without a reason are tried anew: there may be new tests.
    if part.left() > 0:
        opened = {key for key, mutant in everything if is_open(key, mutant)}
        results = {key: result for key, result in results.items() if key not in opened}
    for name, features in PASSES:
        waiting = [(key, mutant) for key, mutant in looked_at if is_open(key, mutant)]
        if not waiting or part.left() <= 0:
            break
        before = {key: results.pop(key) for key, _ in waiting if key in results}
        try:
            one_pass(name, features, [mutant for _, mutant in waiting], results, [key for key, _ in waiting])
        except Exception as error:
            part.fail(f"{name}: {error}")
        # What does not compile here did so before, and was missed there.
        results |= {key: result for key, result in before.items() if results.get(key, ["unviable"])[0] == "unviable"}
        save(results)
    figures(everything, results)


def figures(everything, results):
    known, modules, missed = justified(), {}, []
    for key, mutant in everything:
        counts = modules.setdefault(mutant["file"], dict.fromkeys((*WORDS, "not tried"), 0))
        word = results.get(key, ["not tried"])[0]
        counts[word] += 1
        if word == "missed":
            missed.append(mutant["name"])
    unknown = [name for name in missed if plain(name) not in known]
    whole = {word: sum(counts[word] for counts in modules.values()) for word in (*WORDS, "not tried")}
    tried = len(everything) - whole["not tried"]
    line = (f"{tried} of {len(everything)} changes tried in {len(modules)} files: " +
            ", ".join(f"{whole[word]} {word}" for word in WORDS) +
            f"; of those missed {len(missed) - len(unknown)} stand below.")
    part.say(line)
    for name in unknown:
        part.fail(f"nothing notices: {name}")
    part.table(["file", *WORDS, "not tried"], [[name, *counts.values()] for name, counts in sorted(modules.items())])
    part.plot("mutants by file", [[name.removeprefix("src/"), counts] for name, counts in sorted(modules.items())])
    if os.environ.get("SEALWAX_WRITE"):
        line = f"Last run, {time.strftime('%Y-%m-%d', time.gmtime())}: {line}"
        if partly := sum(counts["not tried"] > 0 for counts in modules.values()):
            line += f" In {partly} files some are not tried yet."
        PAGE.write_text(re.sub(r"^Last run.*$", lambda _: line, PAGE.read_text(), flags=re.M))


main()
part.end()
