# SPDX-License-Identifier: MIT OR Apache-2.0
"""Changes the code that touches keys, one place after another, and sees whether a test notices.

All of it takes hours. Each run goes on where the last one stopped, shard by shard, until its time is over; when all were
done it begins anew. `docs/mutants.md` says why each of those that nothing noticed is no fault.
"""
import json
import os
import re
import shutil
import sys

from part import OUT, ROOT, Part

SHARD = 12
part = Part("Mutants: changes of the code that a test notices")
folder = OUT / "mutants"
# The tests look for vectors beside the tree, and the tree is copied.
trees = OUT / "mutants-trees"
trees.mkdir(parents=True, exist_ok=True)
if (ROOT / "../shared").exists() and not (trees / "shared").exists():
    os.symlink((ROOT / "../shared").resolve(), trees / "shared")
env = {"TMPDIR": str(trees), "CARGO_TARGET_DIR": str(ROOT / "target/mutants"), "CARGO_INCREMENTAL": "1"}


def justified():
    """The names in docs/mutants.md, without the places, which move."""
    text = (ROOT / "docs/mutants.md").read_text()
    return set(re.findall(r"^\| `([^`]+)`", text, re.M))


def plain(name):
    return re.sub(r":\d+:\d+: ", ": ", name)


if part.tool("cargo-mutants"):
    code, text = part.run(["cargo", "mutants", "--list", "--json"])
    if code != 0:
        part.fail("cargo mutants cannot list the mutants")
        part.end()
    whole = len(json.loads(text[text.index("["):]))
    shards = max(-(-whole // SHARD), 1)
    done = {int(path.name) for path in folder.glob("[0-9]*") if (path / "done").exists()}
    if len(done) == shards:
        shutil.rmtree(folder)
        done = set()
    for shard in range(shards):
        if shard in done:
            continue
        if part.left() <= 0:
            break
        at = folder / str(shard)
        shutil.rmtree(at, ignore_errors=True)
        at.mkdir(parents=True)
        code, text = part.run(["cargo", "mutants", "--shard", f"{shard}/{shards}", "--sharding", "round-robin",
                               "--baseline", "skip" if done else "run", "--timeout", "240", "--no-shuffle", "-o", at],
                              env=env)
        # 2: some were missed; 3: some ran too long.
        if code not in (0, 2, 3):
            part.fail(f"shard {shard} did not run: exit code {code}")
            break
        (at / "done").touch()
        done.add(shard)
    known, missed, modules = justified(), [], {}
    counts = {"caught": 0, "missed": 0, "unviable": 0, "too slow": 0}
    words = {"CaughtMutant": "caught", "MissedMutant": "missed", "Unviable": "unviable", "Timeout": "too slow"}
    for path in sorted(folder.glob("*/mutants.out/outcomes.json")):
        if not (path.parents[1] / "done").exists():
            continue
        for outcome in json.loads(path.read_text())["outcomes"]:
            word = words.get(outcome["summary"])
            if not word or outcome["scenario"] == "Baseline":
                continue
            mutant = outcome["scenario"]["Mutant"]
            counts[word] += 1
            modules.setdefault(mutant["file"], dict.fromkeys(counts, 0))[word] += 1
            if word == "missed":
                missed.append(plain(mutant["name"]))
    unknown = [name for name in missed if name not in known]
    part.say(f"{sum(counts.values())} of {whole} tried, {len(done)} of {shards} shards: " +
             ", ".join(f"{number} {word}" for word, number in counts.items()))
    part.say(f"{len(missed) - len(unknown)} of those missed are justified in docs/mutants.md")
    for name in unknown:
        part.fail(f"nothing notices: {name}")
    part.table(["file", *counts], [[name, *pieces.values()] for name, pieces in sorted(modules.items())])
    part.plot("mutants by file", [[name.removeprefix("src/"), pieces] for name, pieces in sorted(modules.items())])
part.end()
