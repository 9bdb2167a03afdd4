# SPDX-License-Identifier: MIT OR Apache-2.0
"""What every part does: run commands within a time, keep what they say, and leave its figures for the report."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "target/assurance"
# Building what a part runs takes what it takes, and is not taken from its share: a part is stopped this much later. A busy machine
# may want more.
GRACE = int(os.environ.get("SEALWAX_GRACE", 900))


class Part:
    def __init__(self, title):
        self.name = pathlib.Path(sys.argv[0]).stem
        self.title = title
        self.seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
        self.begin = time.monotonic()
        self.built = 0
        self.said, self.tables, self.plots, self.wrong, self.skipped = [], [], [], [], []
        OUT.mkdir(parents=True, exist_ok=True)
        self.log = OUT / f"{self.name}.log"
        self.log.write_text("")
        self.child = None
        signal.signal(signal.SIGTERM, self.stopped)
        os.chdir(ROOT)
        # Of what it begins with: a tree may change meanwhile.
        self.commit = commit()

    def left(self):
        """Seconds of its share; builds do not count."""
        return max(self.seconds - (time.monotonic() - self.begin - self.built), 0)

    def stopped(self, *_):
        """The time and the grace are over: what was found until now is kept."""
        if self.child:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.fail(f"it was stopped after {time.monotonic() - self.begin:.0f} s")
        self.end()

    def run(self, command, seconds=None, env=None, folder=None):
        """The exit code (none where the time was over) and all that was printed."""
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(map(str, command))}\n")
            log.flush()
            at = log.tell()
            self.child = child = subprocess.Popen(
                list(map(str, command)), stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env={**os.environ, **(env or {})}, cwd=folder, start_new_session=True)
            try:
                code = child.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                # The whole group: what it started goes with it.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                code = None
            self.child = None
        text = self.log.read_bytes()[at:].decode("utf-8", "replace")
        return code, text

    def build(self, command, **how):
        """As `run`, and for what only makes ready. What has no room in the grace any more is not built."""
        begin = time.monotonic()
        code, text = self.run(command, seconds=max(GRACE - 30 - self.built, 1), **how)
        self.built += time.monotonic() - begin
        return code, text

    def tool(self, name):
        """A cargo command, installed where there is none. Whether it is there."""
        own = ROOT / "target/tools/bin"
        os.environ["PATH"] = f"{own}{os.pathsep}{os.environ['PATH']}"
        if shutil.which(name):
            return True
        # Unoptimised: they wait for compilers, and are there sooner.
        code, _ = self.build(["cargo", "install", name, "--debug", "--locked", "--root", "target/tools"])
        if code != 0:
            self.skip(f"{name} is not here and could not be installed")
        return code == 0

    def python(self, *packages):
        """Packages of Python for this program, in a folder of their own. Whether they are there."""
        own = ROOT / "target/tools/python"
        sys.path.insert(0, str(own))
        if all((own / package).exists() for package in packages):
            return True
        code, _ = self.build([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade",
                            "--target", own, *packages])
        if code != 0:
            self.skip(f"{', '.join(packages)} could not be installed")
            return False
        # What is there, and of which version.
        for package in packages:
            (own / package).touch()
        return True

    def nightly(self, *components):
        """Whether there is a nightly toolchain with these components."""
        if not shutil.which("rustup"):
            self.skip("no rustup, hence no nightly toolchain")
            return False
        code, _ = self.build(["rustup", "component", "add", "--toolchain", "nightly", *components])
        if code != 0:
            self.skip(f"no nightly toolchain with {', '.join(components)}")
        return code == 0

    def say(self, text):
        self.said.append(text)
        print(f"assurance: {self.name}: {text}", flush=True)

    def fail(self, text):
        self.wrong.append(text)
        self.say(f"WRONG: {text}")

    def skip(self, text):
        self.skipped.append(text)
        self.say(f"not run: {text}")

    def table(self, columns, rows):
        self.tables.append({"columns": columns, "rows": [[str(cell) for cell in row] for row in rows]})

    def plot(self, title, rows, unit=""):
        """Rows are a label and a dictionary of names and numbers, drawn as one bar of pieces; the unit is what is counted."""
        self.plots.append({"title": title, "rows": rows, "unit": unit})

    def end(self):
        if self.wrong:
            outcome = "failed"
        elif self.skipped:
            outcome = "in part" if any(table["rows"] for table in self.tables) else "not run"
        else:
            outcome = "ok"
        keep = {
            "title": self.title, "outcome": outcome, "commit": self.commit, "said": self.said, "tables": self.tables, "plots": self.plots,
            "seconds": round(time.monotonic() - self.begin), "built": round(self.built),
            "ended": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        }
        (OUT / f"{self.name}.json").write_text(json.dumps(keep, indent=1, ensure_ascii=False))
        sys.exit(1 if self.wrong else 0)


def commit():
    """The commit that is looked at, with a + where files differ from it."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
