# SPDX-License-Identifier: MIT OR Apache-2.0
"""Files and streams, as whole processes."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from job import MIB, Job, Subject, Unavailable, failed, not_installed, size_text
from environment import command


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
