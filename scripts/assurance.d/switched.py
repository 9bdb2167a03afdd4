# SPDX-License-Identifier: MIT OR Apache-2.0
"""A copy of the tree whose switches are built in, and its tests, each of which can be started with a switch on."""
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

import switches

# What says nothing but that the change and its place do not fit: the same change in the plain source would not build either.
UNVIABLE = {"E0061", "E0277", "E0282", "E0283", "E0308", "E0369", "E0368", "E0423", "E0433", "E0599", "E0600", "E0604",
            "E0605", "E0606", "E0614", "E0689", "E0004", "E0384", "E0596", "E0271"}
LEFT_OUT = {"target", ".git", ".venv", "__pycache__", ".pytest_cache"}
MEMORY = 12 << 30
C_TESTS = ("tokens", "openings", "sealings", "misuse", "hosted", "stores", "transit", "transit_sessions", "forks",
           "vectors", "handshakes", "kept")


class Refused(Exception):
    """The tree cannot be built or its tests fail with every switch off."""


class Tree:
    """The copy in `folder`. `switches` are numbers with what they change: a mutant's dictionary, or (file, node of a wipe)."""

    def __init__(self, root, folder, features, log):
        self.root, self.folder, self.features, self.log = root, folder, features, log
        self.tree = folder / "tree"
        self.sources = {}
        self.at_fault = {}
        self.tests = []
        self.programs = {}
        self.is_copied = False

    def copy(self):
        """Copies what has changed. Source files with switches are written by [`Tree.build`]."""
        wanted = set(files(self.root))
        for relative in sorted(wanted):
            if relative not in self.sources and relative != pathlib.Path("src/lib.rs"):
                path = self.root / relative
                write(self.tree / relative, path.read_bytes(), path.stat().st_mode)
        for relative in files(self.tree):
            if relative not in wanted:
                (self.tree / relative).unlink()

    def source(self, name):
        relative = pathlib.Path(name)
        if relative not in self.sources:
            self.sources[relative] = switches.Source((self.root / relative).read_text())
        return self.sources[relative]

    def command(self, *command):
        environment = os.environ | {"CARGO_TARGET_DIR": str(self.folder / "target"), "CARGO_PROFILE_DEV_DEBUG": "0"}
        return subprocess.run(list(map(str, command)), cwd=self.tree, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)

    def cargo(self, arguments):
        run = self.command("cargo", *arguments, "--message-format=json", "--package", "sealwax", *self.features)
        messages = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        return run, messages

    def write(self, count):
        """Writes the source with all switches that are viable. Which switch stands where."""
        # Once: what is built is of one moment, whatever is changed meanwhile.
        if not self.is_copied:
            self.copy()
            self.library = (self.root / "src/lib.rs").read_text()
            self.is_copied = True
        places = {}
        for relative, source in self.sources.items():
            text, places[str(relative)] = source.written(self.at_fault)
            if relative.name == "lib.rs" and len(relative.parts) == 2:
                continue
            write(self.tree / relative, text.encode())
        # What would overflow or panic for certain is a change like any other.
        allowed = "#![allow(arithmetic_overflow, unconditional_panic, unconditional_recursion)]\n"
        write(self.tree / "src/lib.rs", (allowed + self.library + switches.MODULE % count).encode())
        return places

    def build(self, count, check_first=True):
        """Builds the tests, without the switches that do not compile: those go to `at_fault`, with the error's code.

        Where many do not, `check_first` finds them sooner.
        """
        steps = [["check", "--lib"]] if check_first else []
        for arguments in steps + [["test", "--no-run", "--lib", "--tests"]]:
            while True:
                places = self.write(count)
                run, messages = self.cargo(arguments)
                if run.returncode == 0:
                    break
                errors = [message["message"] for message in messages
                          if message["reason"] == "compiler-message" and message["message"]["level"] == "error"]
                before = self.state()
                for error in errors:
                    self.blame(error, places)
                if self.state() == before:
                    raise Refused("\n".join(error["rendered"] for error in errors)[-3000:] + run.stderr[-500:])
                self.log(f"{len(self.at_fault)} switches do not compile")
        self.binaries = executables(messages)

    def build_c(self):
        """The C face's tests, with the switches in their library."""
        out = self.folder / "c"
        out.mkdir(parents=True, exist_ok=True)
        archive = self.folder / "target/debug/libsealwax_c.a"
        steps = [["cargo", "run", "-p", "sealwax-c", "--example", "fixtures", "--", "make", out / "fixtures"],
                 [sys.executable, "bindings/c/tests/vectors.py", out / "vectors.txt", out / "handshakes.txt", out / "kept.txt"],
                 ["cargo", "rustc", "-p", "sealwax-c", "--crate-type", "staticlib"]]
        for name in C_TESTS:
            steps.append(["gcc", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-O1", "-DSEALWAX_HOSTED", "-DSEALWAX_X_WING", "-Iinclude",
                          "-Ibindings/c/tests", f"-I{out / 'fixtures'}", f"bindings/c/tests/{name}.c", archive,
                          "-lpthread", "-lm", "-ldl", "-o", out / name])
        for step in steps:
            run = self.command(*step)
            if run.returncode:
                raise Refused(run.stderr[-3000:])
        for name in C_TESTS:
            given = out / f"{name}.txt"
            self.programs[f"c/{name}"] = (str(out / name), [str(given)] if given.exists() else [])

    def state(self):
        return len(self.at_fault), sum(len(source.constant) for source in self.sources.values())

    def blame(self, message, places):
        """The switches at whose place the compiler is unhappy: the smallest change around it, or the smallest place."""
        code = (message["code"] or {}).get("code") or "none"
        called = re.search(r"`(?:[^`]*::)?(\w+)(?:::<[^`]*>)?`", message["message"])
        if code == "E0015" and called and any([source.keep_constant(called[1]) for source in self.sources.values()]):
            return
        for span in [span for span in message["spans"] if span["is_primary"]] + message["spans"]:
            while span.get("expansion") and span["file_name"] not in places:
                span = span["expansion"]["span"]
            around = [(not whole, end - begin, number) for number, begin, end, whole in places.get(span["file_name"], ())
                      if begin <= span["byte_start"] and span["byte_end"] <= end]
            if not around:
                continue
            whole, size, _ = min(around)
            for other, length, number in around:
                if (other, length) == (whole, size):
                    self.at_fault.setdefault(number, code)
            return

    def find_tests(self, left_out=()):
        """Finds all tests, each with its seconds and the switches that it comes by. Those that fail with every switch off."""
        listed = []
        for name, binary in self.binaries.items():
            if name in left_out:
                continue
            run = self.start(binary, ["--list", "--format", "terse"], seconds=60)
            names = re.findall(r"^(.+): test$", run.text, re.M) if run.code == 0 else []
            listed += [(name, binary, test, [test, "--exact"]) for test in names] or [(name, binary, None, [])]
        listed += [(name, binary, None, arguments) for name, (binary, arguments) in self.programs.items()]
        # As long as the programs are the same, what they come by is.
        kept = self.folder / "tests.json"
        state = [[*item, os.stat(item[1]).st_mtime] for item in listed]
        found = json.loads(kept.read_text()) if kept.exists() else {}
        if found.get("state") == state:
            tests = [test | {"reached": set(test["reached"]), "kills": 0} for test in found["tests"]]
        else:
            with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
                tests = list(pool.map(lambda item: self.look(*item), listed))
            plain = [test | {"reached": sorted(test["reached"])} for test in tests]
            kept.write_text(json.dumps({"state": state, "tests": plain}))
        self.tests = [test for test in tests if test["code"] == 0]
        return [test for test in tests if test["code"] != 0]

    def look(self, name, binary, test, arguments):
        with tempfile.TemporaryDirectory() as folder:
            reached = pathlib.Path(folder) / "reached"
            run = self.start(binary, arguments, {"SEALWAX_REACHED": str(reached)})
            numbers = set(map(int, reached.read_text().split())) if reached.exists() else set()
        return {"binary": binary, "of": name, "test": test, "arguments": arguments, "seconds": run.seconds, "code": run.code,
                "reached": numbers, "text": run.text, "kills": 0}

    def start(self, binary, arguments, environment=None, seconds=600, processor=None):
        begin = time.monotonic()

        def limits():
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if processor:
                resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 2))

        with tempfile.TemporaryDirectory(prefix="swx-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
            environment = os.environ | {"TMPDIR": folder, "SEALWAX_TEST_FOLDER": folder,
                                        "SEALWAX_VECTORS": str(self.root / "../shared/vectors"),
                                        "PROPTEST_CASES": "16"} | (environment or {})
            if not (self.root / "../shared/vectors").is_dir():
                del environment["SEALWAX_VECTORS"]
            with tempfile.TemporaryFile() as output:
                child = subprocess.Popen([binary, *arguments], cwd=self.tree, env=environment, stdin=subprocess.DEVNULL,
                                         stdout=output, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limits)
                try:
                    code = child.wait(timeout=seconds)
                except subprocess.TimeoutExpired:
                    code = None
                finally:
                    try:
                        os.killpg(child.pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                    child.wait()
                output.seek(0)
                text = output.read().decode("utf-8", "replace")
        return Run(code, text, time.monotonic() - begin)

    def try_switch(self, number, tests=None, most=None, module=None):
        """Which test notices the switch, or nothing, and the tests that are left where `most` seconds of them noticed nothing.

        First the tests of the `module` itself, then those that noticed most in least time.
        """
        waiting = tests if tests is not None else [test for test in self.tests if number in test["reached"]]

        def order(test):
            is_own = module is not None and (test["test"] or "").startswith(module + "::")
            return not is_own, (test["seconds"] + 0.01) / (1 + 3 * test["kills"])

        waiting.sort(key=order)
        budget, whole = 0.5, 0.0
        while waiting:
            batch, spent = [], 0.0
            while waiting and (not batch or spent + waiting[0]["seconds"] < budget):
                batch.append(waiting.pop(0))
                spent += batch[-1]["seconds"]
            whole += spent
            if most is not None and whole > most:
                return "missed", "", batch + waiting
            budget *= 3
            by_binary = {}
            for test in batch:
                by_binary.setdefault(test["binary"], []).append(test)
            for binary, chosen in by_binary.items():
                names = [test["test"] for test in chosen if test["test"]]
                arguments = [*names, "--exact", "--test-threads=1"] if names else chosen[0]["arguments"]
                expected = sum(test["seconds"] for test in chosen)
                run = self.start(binary, arguments, {"SEALWAX_MUTANT": str(number)},
                                 seconds=60 + 20 * expected, processor=int(3 + 3 * expected))
                if run.code != 0:
                    failed = set(re.findall(r"^test (\S+) \.\.\. FAILED", run.text, re.M))
                    for test in chosen:
                        if test["test"] in failed or len(chosen) == 1:
                            test["kills"] += 1
                    slow = run.code is None or run.code in (-signal.SIGXCPU, -signal.SIGKILL)
                    name = chosen[0]["of"] + ("::" + sorted(failed)[0] if failed else "")
                    return ("too slow" if slow else "caught"), name, []
        return "missed", "", []

    def try_alone(self, mutant, module):
        """The same for a change that is built by itself: with the library's own tests, and then with all others."""
        source = self.sources[pathlib.Path(mutant["file"])]
        start, end = source.offset(mutant["span"]["start"]), source.offset(mutant["span"]["end"])
        path = self.tree / mutant["file"]
        kept = path.read_bytes()
        write(path, source.bytes[:start] + mutant["replacement"].encode() + source.bytes[end:])
        try:
            for targets in (["--lib"], ["--tests"]):
                run, messages = self.cargo(["test", "--no-run", *targets])
                if run.returncode:
                    return "unviable", "does not compile"
                built = executables(messages)
                tests = [test | {"binary": built[test["of"]]} for test in self.tests
                         if test["of"] in built and (test["of"] == "lib") == (targets == ["--lib"])]
                word, by, _ = self.try_switch("none", tests, module=module)
                if word != "missed":
                    break
            return word, by
        finally:
            write(path, kept)


class Run:
    def __init__(self, code, text, seconds):
        self.code, self.text, self.seconds = code, text, seconds


JOBS = int(os.environ.get("SEALWAX_JOBS") or os.cpu_count() or 1)


def executables(messages):
    """The programs of tests that cargo built, by name."""
    return {message["target"]["name"] if message["target"]["kind"] == ["test"] else "lib": message["executable"]
            for message in messages
            if message["reason"] == "compiler-artifact" and message.get("executable") and message["profile"]["test"]}


def files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            yield (pathlib.Path(folder) / name).relative_to(root)


def write(path, content, mode=None):
    """Writes only what is new, so that nothing is built again for nothing."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if mode is not None:
        path.chmod(mode)

