# SPDX-License-Identifier: MIT OR Apache-2.0
"""Finds or installs the peers, and says what the figures were taken on."""

import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from job import Unavailable

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


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
