# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the command did when the system failed it: the tests write down every fault, and this makes a table of them."""
from collections import Counter, defaultdict

from part import OUT, Part

part = Part("Faults, by outcome")
raw = OUT / "faults.tsv"
raw.unlink(missing_ok=True)
test = ["cargo", "test", "-p", "sealwax-cli", "--test", "faults", "--no-fail-fast"]
code, _ = part.build([*test, "--no-run"])
if code != 0:
    part.fail("it does not build; see faults.log")
    part.end()
code, text = part.run(test, env={"SEALWAX_FAULTS": str(raw)})
if code != 0:
    part.fail("a fault lost something; see faults.log")
if not raw.exists():
    part.skip("nothing was injected: the system does not let a test trace a process")
    part.end()
commands, faults, outcomes = defaultdict(Counter), defaultdict(Counter), Counter()
for line in raw.read_text().splitlines():
    command, fault, outcome = line.split("\t")
    commands[command][outcome] += 1
    faults[fault][outcome] += 1
    outcomes[outcome] += 1
columns = [outcome for outcome, _ in outcomes.most_common()]
part.say(f"{sum(outcomes.values())} faults: " + ", ".join(f"{outcomes[word]} {word}" for word in columns))
for title, counted in (("fault", faults), ("command", commands)):
    part.table([title, *columns], [[name, *(counts[word] for word in columns)] for name, counts in sorted(counted.items())])
part.plot("Outcomes by fault", [[name, {word: counts[word] for word in columns}] for name, counts in sorted(faults.items())], "faults")
rows = "\n".join(f"| {name} | {' | '.join(str(counts[word]) for word in columns)} |" for name, counts in sorted(commands.items()))
head = f"| command | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|\n"
(OUT / "faults.md").write_text(f"# What every command did under faults\n\n{head}{rows}\n")
part.end()
