#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Times sealwax beside the same work done by others, on this machine, and prints one table.

Peers that are missing are installed (Python packages into target/peers-venv; age and GNU time with
apt-get where this runs as root). One that cannot be installed is named in the table with the reason.
Every figure is the median of at least five interleaved runs; nothing is kept from an earlier run.
Writes docs/benchmarks.md and docs/benchmarks.svg. Large files live in /dev/shm and are removed.
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from calls import call_jobs
from files import Files, Tools, timed, without_threads
from job import MIB, Subject, Unavailable, failed, not_installed, size_text
from report import print_table, write_reports
from environment import ROOT, Setup, machine, say

EXAMPLES = """examples:
  python3 benches/peers/run.py                     all jobs, under 15 minutes after building
  python3 benches/peers/run.py --quick             smaller files, under 2 minutes after building
  python3 benches/peers/run.py --only call         tokens and small envelopes only
  python3 benches/peers/run.py --only file,memory --output /tmp --no-install
"""

GROUPS = ["call", "file", "pipe", "null", "small", "memory"]


def measure(job, rounds):
    """A B C A B C ...: every subject sees the same state of the machine. One untimed round first."""
    for round_number in range(rounds + 1):
        for subject in job.subjects:
            if subject.run is None:
                continue
            try:
                value = subject.run()
            except Unavailable as reason:
                subject.run, subject.missing, subject.values = None, failed(reason), []
                continue
            if value is None:
                subject.run, subject.missing = None, failed("has no such job")
            elif round_number > 0:
                subject.values.append(value)


def jobs(setup, folder, stack, arguments, groups):
    """Every job, one after the other; files are made when their job comes and removed after it."""
    tools = Tools(setup, folder)
    if "call" in groups:
        yield from call_jobs(setup, stack, 0.05 if arguments.quick else 0.2)
    if groups & {"file", "pipe", "null"}:
        large = Files(tools, folder / "large", arguments.size)
        for verb in ["seal", "open"]:
            if "file" in groups:
                yield large.file_to_file(verb)
            if "pipe" in groups:
                yield large.pipe_to_pipe(verb)
            if "null" in groups:
                yield large.to_null(verb)
        large.remove()
    if "small" in groups:
        small = Files(tools, folder / "small", 1024)
        for verb in ["seal", "open"]:
            job = small.file_to_file(verb, "small")
            job.name = f"whole process, {verb} a file of 1 KiB"
            job.subjects = without_threads(job.subjects)
            job.subjects.append(Subject("true", run=lambda: timed([["true"]]), note="does nothing"))
            yield job
        small.remove()
    if "memory" in groups:
        for size in arguments.memory_sizes:
            files = Files(tools, folder / "memory", size)
            for verb in ["seal", "open"]:
                job = files.file_to_file(verb, "memory", memory_of=setup.time or "")
                if setup.time is None:
                    for subject in job.subjects:
                        subject.run, subject.missing = None, not_installed(setup.missing["time"])
                yield job
            files.remove()


def parse_size(text):
    units = {"K": 1 << 10, "M": MIB, "G": 1 << 30}
    digits, unit = (text[:-1], text[-1].upper()) if text[-1:].upper() in units else (text, "")
    if not digits.isdigit() or int(digits) == 0:
        raise argparse.ArgumentTypeError(f"not a size: {text} (for example 256M or 1G)")
    return int(digits) * units.get(unit, 1)


def parse_groups(text):
    groups = set(text.split(","))
    if not groups <= set(GROUPS):
        raise argparse.ArgumentTypeError(f"groups are {','.join(GROUPS)}")
    return groups


def parse_rounds(text):
    if not text.isdigit() or int(text) < 5:
        raise argparse.ArgumentTypeError("a median of fewer than five runs says little")
    return int(text)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="64 MiB files, shorter calls")
    parser.add_argument("--size", type=parse_size, help="size of the large file (1G; quick: 64M)")
    parser.add_argument("--rounds", type=parse_rounds, default=5, help="timed runs of each row (5)")
    parser.add_argument(
        "--only", type=parse_groups, default=set(GROUPS), metavar="GROUP,...",
        help=f"only these groups of jobs: {', '.join(GROUPS)}",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, default=ROOT / "docs", metavar="FOLDER", help="for the report (docs)"
    )
    parser.add_argument("--sealwax", metavar="PROGRAM", help="use this one and do not build it")
    parser.add_argument("--no-install", action="store_true", help="install no peers")
    arguments = parser.parse_args()
    arguments.size = arguments.size or (64 * MIB if arguments.quick else 1 << 30)
    arguments.memory_sizes = [16 * MIB, 64 * MIB] if arguments.quick else [64 * MIB, 1 << 30]
    arguments.command = " ".join(["python3 benches/peers/run.py", *sys.argv[1:]])
    return arguments


def memory_folder(needed):
    """/dev/shm where it is there and large enough, else the temporary folder, said aloud."""
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free >= needed:
        return str(memory)
    say(f"/dev/shm has no {size_text(needed)}: files will lie in {tempfile.gettempdir()}")
    return None


def interrupt(signum, frame):
    # A second one must not stop the removal of the files.
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(signum).name)


STOPPING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def main():
    arguments = parse_arguments()
    for number in STOPPING:
        signal.signal(number, interrupt)
    if os.cpu_count() > 1 and os.getloadavg()[0] > 0.5:
        say(f"the machine is busy (load {os.getloadavg()[0]:.2f}): figures will be worse than they are")
    facts = list(machine().items())
    try:
        setup = Setup(arguments)
        facts += setup.versions()
        largest = max([arguments.size, *arguments.memory_sizes])
        done = []
        with contextlib.ExitStack() as stack:
            parent = memory_folder(largest * 7)
            folder = tempfile.TemporaryDirectory(prefix="sealwax-peers-", dir=parent)
            place = Path(stack.enter_context(folder))
            facts.append(("files in", str(place.parent)))
            # Nobody's own keysets are looked at.
            os.environ |= {"LC_ALL": "C", "SEALWAX_HOME": str(place / "home")}
            for job in jobs(setup, place, stack, arguments, arguments.only):
                say(f"{job.name} ...")
                measure(job, arguments.rounds)
                done.append(job)
    except KeyboardInterrupt as stopped:
        say(f"interrupted by {stopped}: nothing was written")
        return 130
    for name, value in facts:
        print(f"{name}: {value}")
    print()
    print_table(done)
    write_reports(done, facts, setup, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
