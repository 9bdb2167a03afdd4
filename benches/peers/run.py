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
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
MIB = 1 << 20

EXAMPLES = """examples:
  python3 benches/peers/run.py                     all jobs, under 15 minutes after building
  python3 benches/peers/run.py --quick             smaller files, under 2 minutes after building
  python3 benches/peers/run.py --only call         tokens and small envelopes only
  python3 benches/peers/run.py --only file,memory --output /tmp --no-install
"""

GROUPS = ["call", "file", "pipe", "null", "small", "memory"]


@dataclass
class Subject:
    """One peer in one job: a way to run it once, or the reason why it cannot run."""

    name: str
    run: object = None  # () -> float
    missing: str = ""
    note: str = ""
    values: list = field(default_factory=list)


@dataclass
class Job:
    """One row group of the table. The first subject is sealwax: ratios are against it."""

    group: str
    name: str
    unit: str  # "s" or "B"
    subjects: list


class Unavailable(Exception):
    """A peer cannot be had, or fails; the text goes into the table."""


def not_installed(reason):
    return f"not installed: {reason}"


def failed(reason):
    return f"failed: {reason}"


# ---------------------------------------------------------------- setting up


def command(argv, **kwargs):
    """Runs a command to its end; its output where it went well, else Unavailable with its last line."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, **kwargs)
    except OSError as error:
        raise Unavailable(f"{argv[0]}: {error.strerror}") from error
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        # Cargo's first error says more than its last.
        lines = [line for line in lines if line.lower().startswith("error")] or lines[-1:]
        raise Unavailable((lines or [f"{argv[0]} failed"])[0][:160])
    return done.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)


class Setup:
    """Finds or installs everything, and remembers why something could not be had."""

    def __init__(self, arguments):
        self.install = not arguments.no_install
        self.target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        self.venv = ROOT / "target" / "peers-venv"
        self.missing = {}
        self.given = arguments.sealwax
        self.sealwax = self.attempt("sealwax", lambda: self.find_sealwax(arguments.sealwax))
        self.rust = self.attempt("rust", self.build_rust)
        self.age = self.attempt("age", lambda: self.system("age", "age"))
        self.time = self.attempt("time", lambda: self.system("time", "time"))
        self.openssl = self.attempt("openssl", lambda: self.system("openssl", "openssl"))
        self.python = self.attempt("python", self.make_venv)
        for package in ["cryptography", "tink", "pynacl", "aws-encryption-sdk", "matplotlib"]:
            self.attempt(package, lambda package=package: self.package(package))
        self.attempt("python sealwax", self.build_python)

    def attempt(self, name, action):
        try:
            return action()
        except Unavailable as reason:
            self.missing[name] = str(reason)
            say(f"not available: {name}: {reason}")
            return None

    def find_sealwax(self, given):
        if given:
            if not Path(given).is_file():
                raise Unavailable(f"{given} is no program")
            return str(Path(given).resolve())
        say("building the sealwax command ...")
        self.cargo(["build", "--release", "-p", "sealwax-cli"])
        built = self.target / "release" / "sealwax"
        if not built.exists():
            raise Unavailable("cargo made no target/release/sealwax")
        return str(built)

    def build_rust(self):
        say("building the Rust side of the peers ...")
        messages = self.cargo(
            ["build", "--release", "--bench", "peers", "--message-format", "json"]
        )
        for line in messages.splitlines():
            message = json.loads(line)
            if message.get("target", {}).get("name") == "peers" and message.get("executable"):
                return message["executable"]
        raise Unavailable("cargo made no peers program")

    def cargo(self, arguments):
        return command(["cargo", *arguments], cwd=ROOT)

    def system(self, program, package):
        found = shutil.which(program)
        if found is None and self.install and os.geteuid() == 0 and shutil.which("apt-get"):
            say(f"installing {package} ...")
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            command(["apt-get", "install", "-y", "-q", package], env=environment)
            found = shutil.which(program)
        if found is None:
            raise Unavailable(f"{program} is not installed (as root: apt-get install {package})")
        return found

    def make_venv(self):
        python = self.venv / "bin" / "python"
        if not python.exists():
            if not self.install:
                raise Unavailable("target/peers-venv does not exist, and --no-install was given")
            command([sys.executable, "-m", "venv", str(self.venv)])
        return str(python)

    def package(self, package):
        if self.python is None:
            raise Unavailable(self.missing["python"])
        wanted = {"cryptography": ["cryptography>=50"]}.get(package, [package])
        if package == "aws-encryption-sdk":
            wanted.append("aws-cryptographic-material-providers")
        if self.version_of(package) is None:
            if not self.install:
                raise Unavailable("not in target/peers-venv, and --no-install was given")
            say(f"installing {package} into target/peers-venv ...")
            self.pip(wanted)

    def build_python(self):
        if not (ROOT / "bindings" / "python" / "pyproject.toml").exists():
            raise Unavailable("bindings/python cannot be built yet: it has no pyproject.toml")
        if self.python is None:
            raise Unavailable(self.missing["python"])
        if self.install:
            say("building sealwax for Python ...")
            self.pip([str(ROOT / "bindings" / "python")])

    def pip(self, wanted):
        command([self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted])

    def version_of(self, package):
        """The version in the venv, read from its metadata without starting it."""
        places = [str(place) for place in self.venv.glob("lib/python3*/site-packages")]
        for found in importlib.metadata.distributions(name=package, path=places):
            return found.version
        return None

    def versions(self):
        """Lines (name, version) for the head of the report."""
        head = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
        lines = [("sealwax", self.first_line([self.sealwax, "--version"]) if self.sealwax else "-")]
        source = self.first_line(head)
        lines.append(("source", f"{source}, but for the command: {self.given}" if self.given else source))
        lines.append(("rustc", self.first_line(["rustc", "--version"])))
        for crate in ["aws-lc-rs", "ring"]:
            lines.append((crate, locked_version(crate)))
        lines.append(("python", platform.python_version()))
        for package in ["cryptography", "tink", "pynacl", "aws-encryption-sdk"]:
            lines.append((package, self.version_of(package) or "-"))
        lines.append(("age", self.first_line([self.age, "--version"]) if self.age else "-"))
        openssl = [self.openssl, "version"]
        lines.append(("openssl", self.first_line(openssl) if self.openssl else "-"))
        lines.append(("cp, cat", self.first_line(["cp", "--version"])))
        return lines

    @staticmethod
    def first_line(argv):
        try:
            return command(argv).strip().splitlines()[0]
        except (Unavailable, IndexError):
            return "-"


def locked_version(crate):
    lines = (ROOT / "Cargo.lock").read_text().splitlines()
    for name, version in zip(lines, lines[1:]):
        if name == f'name = "{crate}"':
            return version.split('"')[1]
    return "-"


def machine():
    """What the figures were taken on."""
    model = "unknown"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return {
        "processor": f"{model}, {os.cpu_count()} cores visible",
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load at the start": f"{os.getloadavg()[0]:.2f}",
    }


# ---------------------------------------------------------------- calls, in processes that stay


class Worker:
    """A process that does a job for a while when asked: peers.rs or worker.py."""

    def __init__(self, argv):
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        first = self.process.stdout.readline().strip()
        if first != "ready":
            self.stop()
            raise Unavailable(first.removeprefix("missing: ") or "its worker did not start")

    def seconds_per_call(self, job, seconds):
        self.process.stdin.write(f"{job} {seconds}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer == "":
            raise Unavailable("its worker stopped")
        return None if answer == "-" else float(answer) / 1e9

    def stop(self):
        # A process that reads its input ends when there is no more.
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# name in the table, side, name of the worker, needs, note
CALLERS = [
    ("sealwax, Rust", "rust", "sealwax", None, "AES-256-GCM, committing, key id, context"),
    ("sealwax, Python", "python", "sealwax", "python sealwax", "the same through the binding"),
    ("aws-lc-rs AES-256-GCM, Rust", "rust", "aws-lc-rs", None, "bare AEAD, one key, random nonce"),
    ("ring AES-256-GCM, Rust", "rust", "ring", None, "bare AEAD, one key, random nonce"),
    ("cryptography AESGCM, Python", "python", "aesgcm", "cryptography", "bare AEAD, random nonce"),
    ("Tink, Python", "python", "tink", "tink", "AES256_GCM; envelope: KmsEnvelopeAead, local key"),
    ("Fernet, Python", "python", "fernet", "cryptography", "AES-128-CBC and HMAC, base64, no context"),
    ("SecretBox, Python", "python", "secretbox", "pynacl", "XSalsa20-Poly1305, no context"),
    ("AWS Encryption SDK, Python", "python", "aws-esdk", "aws-encryption-sdk",
     "raw AES keyring, committing suite without signature"),
]  # fmt: skip

CALL_JOBS = [
    ("token-seal-64", "token, seal 64 B"),
    ("token-open-64", "token, open 64 B"),
    ("envelope-seal-1k", "envelope in memory, seal 1 KiB"),
    ("envelope-open-1k", "envelope in memory, open 1 KiB"),
]

# Peers that have envelopes; the others have one long-lived key and no job here.
WITH_ENVELOPES = {"sealwax", "tink", "aws-esdk"}


def call_jobs(setup, stack, seconds):
    workers = {}
    for name, side, peer, needs, _ in CALLERS:
        reason = setup.missing.get(needs) or setup.missing.get(side)
        if reason:
            workers[name] = not_installed(reason)
            continue
        argv = [setup.rust, peer] if side == "rust" else [setup.python, HERE / "worker.py", peer]
        try:
            workers[name] = Worker([str(part) for part in argv])
            stack.callback(workers[name].stop)
        except Unavailable as reason:
            workers[name] = failed(reason)
    for key, title in CALL_JOBS:
        subjects = []
        for name, _, peer, _, note in CALLERS:
            if key.startswith("envelope") and peer not in WITH_ENVELOPES:
                continue
            worker = workers[name]
            if isinstance(worker, str):
                subjects.append(Subject(name, missing=worker, note=note))
                continue
            run = lambda worker=worker, key=key: worker.seconds_per_call(key, seconds)
            subjects.append(Subject(name, run=run, note=note))
        yield Job("call", title, "s", subjects)


# ---------------------------------------------------------------- whole processes


def timed(stages, source=None, target=None, memory_of=None):
    """Seconds that a pipeline takes from its start to the end of its last process.

    `target` is removed before the clock starts. With `memory_of` (GNU time), the peak resident bytes of the only
    stage instead.
    """
    if target is not None:
        Path(target).unlink(missing_ok=True)
    report = None
    if memory_of is not None:
        report = tempfile.NamedTemporaryFile()
        stages = [[memory_of, "-f", "%M", "-o", report.name, *stages[0]]]
    processes = []
    with contextlib.ExitStack() as files:
        begin = files.enter_context(open(source or os.devnull, "rb"))
        end = files.enter_context(open(os.devnull, "wb"))
        errors = files.enter_context(tempfile.TemporaryFile())
        start = perf_counter()
        try:
            for index, argv in enumerate(stages):
                last = index + 1 == len(stages)
                process = subprocess.Popen(
                    argv,
                    stdin=begin,
                    stdout=end if last else subprocess.PIPE,
                    stderr=errors,
                )
                if begin is not None:
                    begin.close()
                begin = process.stdout
                processes.append(process)
            codes = [process.wait() for process in processes]
            elapsed = perf_counter() - start
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        if any(codes):
            errors.seek(0)
            text = errors.read().decode(errors="replace").strip().splitlines()
            program = Path(stages[next(i for i, code in enumerate(codes) if code)][0]).name
            raise Unavailable(f"{program}: {(text or ['failed'])[-1][:120]}")
    if report is not None:
        with report:
            return int(report.read().split()[-1]) * 1024
    return elapsed


class Tools:
    """How each peer is told to do the same work. `-` is standard input or output."""

    def __init__(self, setup, folder):
        self.setup = setup
        self.folder = folder
        self.identity = folder / "identity.txt"
        self.age_key = folder / "age.txt"
        self.recipient = self.age_recipient = None
        if setup.sealwax:
            setup.sealwax = setup.attempt("sealwax", self.make_identity)
        if setup.age:
            setup.age = setup.attempt("age", self.make_age_key)

    def make_identity(self):
        """An X25519 pair, as age has; made by the library, so that no option of the command matters."""
        if self.setup.rust is None:
            raise Unavailable(self.setup.missing["rust"])
        identity, self.recipient = command([self.setup.rust, "identity"]).split()
        self.identity.touch(mode=0o600)
        self.identity.write_text(identity + "\n")
        return self.setup.sealwax

    def make_age_key(self):
        command(["age-keygen", "-o", str(self.age_key)])
        self.age_recipient = command(["age-keygen", "-y", str(self.age_key)]).strip()
        return self.setup.age

    def sealwax(self, verb, source, target, threads=None, suite=None):
        argv = [self.setup.sealwax, verb, "--quiet"]
        argv += ["-r", self.recipient] if verb == "seal" else ["-i", str(self.identity)]
        argv += ["--suite", suite] if suite and verb == "seal" else []
        argv += ["--threads", str(threads)] if threads else []
        argv += ["-o", str(target)] if (source, target) != ("-", "-") else []
        argv += [str(source)] if source != "-" else []
        return argv

    def age(self, verb, source, target):
        argv = [self.setup.age]
        argv += ["-r", self.age_recipient] if verb == "seal" else ["-d", "-i", str(self.age_key)]
        argv += ["-o", str(target)] if target != "-" else []
        argv += [str(source)] if source != "-" else []
        return argv

    def openssl(self, verb, source, target):
        argv = [self.setup.openssl, "enc", "-aes-256-ctr", "-K", "07" * 32, "-iv", "07" * 16]
        argv += ["-d"] if verb == "open" else []
        argv += ["-in", str(source)] if source != "-" else []
        argv += ["-out", str(target)] if target != "-" else []
        return argv


@dataclass
class Variant:
    """A peer among those that work on files."""

    name: str
    needs: str
    argv: object  # (verb, source, target) -> argv
    sealed: str  # name of the file that it opens
    note: str = ""


def variants(tools):
    def sealwax(threads, suite=None):
        return lambda verb, source, target: tools.sealwax(verb, source, target, threads, suite)

    other = "chacha20-poly1305"
    gcm = "AES-256-GCM, X25519 recipient"
    return [
        Variant("sealwax, 1 thread", "sealwax", sealwax(1), "sealed.swx", gcm),
        Variant("sealwax, 2 threads", "sealwax", sealwax(2), "sealed.swx", gcm),
        Variant(f"sealwax {other}, 1 thread", "sealwax", sealwax(1, other), "sealed2.swx",
                "age's cipher, X25519 recipient"),
        Variant("age", "age", tools.age, "sealed.age", "ChaCha20-Poly1305, X25519 recipient"),
        Variant("openssl aes-256-ctr, UNAUTHENTICATED", "openssl", tools.openssl, "sealed.ctr",
                "openssl enc: detects no change; bare key"),
    ]  # fmt: skip


class Files:
    """A file of one size, and that file sealed by each peer."""

    def __init__(self, tools, folder, size):
        self.tools, self.folder, self.size = tools, folder, size
        folder.mkdir()
        self.plain = folder / "plain"
        self.out = folder / "out"
        with open(self.plain, "wb") as file:
            left = size
            while left > 0:
                file.write(os.urandom(min(left, 16 * MIB)))
                left -= 16 * MIB
        self.faults = {}
        for variant in variants(tools):
            self.check(variant)

    def check(self, variant):
        """Seals once, opens once, compares: a peer that fails this is not timed."""
        if variant.needs in self.tools.setup.missing:
            self.faults[variant.name] = not_installed(self.tools.setup.missing[variant.needs])
            return
        sealed = self.folder / variant.sealed
        try:
            timed([variant.argv("seal", self.plain, sealed)], target=sealed)
            timed([variant.argv("open", sealed, self.out)], target=self.out)
            command(["cmp", str(self.plain), str(self.out)])
        except Unavailable as reason:
            self.faults[variant.name] = failed(reason)
        self.out.unlink(missing_ok=True)

    def subject(self, variant, run):
        fault = self.faults.get(variant.name, "")
        return Subject(variant.name, run=None if fault else run, missing=fault, note=variant.note)

    def source_of(self, variant, verb):
        return self.plain if verb == "seal" else self.folder / variant.sealed

    def file_to_file(self, verb, group="file", memory_of=None):
        unit = "s" if memory_of is None else "B"
        what = "file to file" if memory_of is None else "peak memory, file to file"
        subjects = []
        for variant in variants(self.tools):
            argv = variant.argv(verb, self.source_of(variant, verb), self.out)
            run = lambda argv=argv: timed([argv], target=self.out, memory_of=memory_of)
            subjects.append(self.subject(variant, run))
        if memory_of is None:
            argv = ["cp", str(self.plain), str(self.out)]
            subjects.append(Subject("cp", run=lambda: timed([argv], target=self.out), note="copies"))
        return Job(group, f"{what}, {verb} {size_text(self.size)}", unit, subjects)

    def pipe_to_pipe(self, verb):
        """`cat FILE | PEER | cat > /dev/null`: every peer between the same two cats."""
        subjects = []
        for variant in without_threads(variants(self.tools)):
            source = self.source_of(variant, verb)
            stages = [["cat", str(source)], variant.argv(verb, "-", "-"), ["cat"]]
            subjects.append(self.subject(variant, lambda stages=stages: timed(stages)))
        stages = [["cat", str(self.plain)], ["cat"], ["cat"]]
        subjects.append(Subject("cat", run=lambda: timed(stages), note="copies"))
        return Job("pipe", f"pipe to pipe, {verb} {size_text(self.size)}", "s", subjects)

    def to_null(self, verb):
        """`PEER FILE > /dev/null`."""
        subjects = []
        for variant in without_threads(variants(self.tools)):
            argv = variant.argv(verb, self.source_of(variant, verb), "-")
            subjects.append(self.subject(variant, lambda argv=argv: timed([argv])))
        return Job("null", f"file to /dev/null, {verb} {size_text(self.size)}", "s", subjects)

    def remove(self):
        shutil.rmtree(self.folder)


def without_threads(variants):
    """Streams have no place to put threads: one row for sealwax per suite."""
    kept = [variant for variant in variants if variant.name != "sealwax, 2 threads"]
    for variant in kept:
        variant.name = variant.name.removesuffix(", 1 thread")
    return kept


def size_text(size):
    for unit, length in [("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10)]:
        if size >= length:
            return f"{size / length:g} {unit}"
    return f"{size} B"


# ---------------------------------------------------------------- measuring


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


# ---------------------------------------------------------------- reporting


def value_text(value, unit):
    if unit == "B":
        return f"{value / MIB:.1f} MiB"
    for name, length in [("s", 1), ("ms", 1e-3), ("µs", 1e-6)]:
        if value >= length:
            return f"{value / length:.3g} {name}"
    return f"{value * 1e9:.3g} ns"


def ratio_of(subject, job):
    base = job.subjects[0].values
    if not base or not subject.values:
        return None
    return statistics.median(subject.values) / statistics.median(base)


def rows(done):
    """The table as lists of cells."""
    yield ["job", "who", "median", "minimum", "maximum", "ratio", "remarks"]
    for job in done:
        title = job.name
        for subject in job.subjects:
            if subject.values:
                figures = [statistics.median(subject.values), min(subject.values), max(subject.values)]
                cells = [value_text(figure, job.unit) for figure in figures]
                ratio = ratio_of(subject, job)
                cells.append("-" if ratio is None else f"{ratio:.2f}")
                note = subject.note
            else:
                cells = ["-"] * 4
                note = subject.missing or "no figure"
            yield [title, subject.name, *cells, note]
            title = ""


def print_table(done):
    table = list(rows(done))
    widths = [max(len(row[column]) for row in table) for column in range(6)]
    for index, row in enumerate(table):
        if row[0] and index > 1:
            print()
        left = [cell.ljust(width) for cell, width in zip(row[:2], widths)]
        right = [cell.rjust(width) for cell, width in zip(row[2:6], widths[2:])]
        print("  ".join([*left, *right, row[6]]).rstrip())


READING = """\
Ratio is the median over that of the first row of the same job: above 1 takes longer (or more memory) than sealwax.
Every row is the median of {rounds} runs, interleaved with the other rows of its job (A B C A B C ...) after one
run that does not count; minimum and maximum are of the same runs. Each file that was opened was compared with the original
once, outside the timed runs.

- Rows that say Python include the cost of a call from Python; rows that say Rust do not. Compare rows of one language.
- The bare AEAD rows do less: one key for all messages, no key id, no commitment, and a limit on messages that the caller keeps.
- Files lie in memory (`/dev/shm`): this is the cost of the programs without a disk. Syncing, which sealwax does and others do
  not, is nearly free there.
- File to file times a whole process from start to end, its target removed beforehand. Pipe to pipe is
  `cat FILE | PEER | cat > /dev/null`, the same two `cat`s around everybody; the row `cat` has a third one as the peer.
- `openssl enc` authenticates nothing: a changed byte goes unnoticed. It stands here as a floor, and as what is still found in scripts.
- age and `openssl enc` use one thread for the cipher. age's cipher is ChaCha20-Poly1305; the row of sealwax with that suite is like for like.
- The envelopes of Tink wrap their data keys with a key in the same process, where a KMS would be; the AWS Encryption SDK uses a raw AES
  keyring. No network is in any figure.
- Peak memory is the largest resident set of the process, from GNU time.
"""


def markdown(done, facts, arguments):
    lines = ["# Benchmarks", ""]
    lines += [f"Generated by `{arguments.command}`; do not edit.", ""]
    lines += ["![Bars: time and memory of each peer over those of sealwax](benchmarks.svg)", ""]
    lines += ["## Machine and versions", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in facts]
    lines += ["", "## How to read this", "", READING.format(rounds=arguments.rounds)]
    lines += ["## Figures", ""]
    table = list(rows(done))
    lines.append("| " + " | ".join(table[0]) + " |")
    lines.append("|---|---|--:|--:|--:|--:|---|")
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table[1:]]
    return "\n".join(lines) + "\n"


def plot_data(done, facts):
    panels = []
    for job in done:
        bars = []
        for subject in job.subjects:
            bar = {"name": subject.name, "missing": subject.missing}
            ratio = ratio_of(subject, job)
            if ratio is not None:
                base = statistics.median(job.subjects[0].values)
                median = statistics.median(subject.values)
                bar |= {"ratio": ratio, "text": value_text(median, job.unit)}
                bar |= {"low": min(subject.values) / base, "high": max(subject.values) / base}
            bars.append(bar)
        if any("ratio" in bar for bar in bars):
            panels.append({"name": job.name, "unit": job.unit, "bars": bars})
    names = dict(facts)
    return {"panels": panels, "machine": f"{names['processor']}, {names['kernel']}"}


def write_reports(done, facts, setup, arguments):
    arguments.output.mkdir(parents=True, exist_ok=True)
    page = arguments.output / "benchmarks.md"
    page.write_text(markdown(done, facts, arguments), encoding="utf-8")
    say(f"wrote {page}")
    if "matplotlib" in setup.missing:
        say(f"no plot: {setup.missing['matplotlib']}")
        return
    plot = arguments.output / "benchmarks.svg"
    data = json.dumps(plot_data(done, facts))
    try:
        command([setup.python, str(HERE / "plot.py"), str(plot)], input=data)
        say(f"wrote {plot}")
    except Unavailable as reason:
        say(f"no plot: {reason}")


# ---------------------------------------------------------------- the command


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
