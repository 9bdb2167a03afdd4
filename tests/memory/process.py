# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a debugger and a core dump see of a running process."""
import pathlib
import subprocess


def memory_of(process):
    """Everything that can be written to, as /proc/PID/mem gives it."""
    pieces = []
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in pathlib.Path(f"/proc/{process}/maps").read_text(encoding="utf-8", errors="replace").splitlines():
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(address, 16) for address in span.split("-"))
            try:
                memory.seek(begin)
                piece = bytearray()
                while len(piece) < end - begin and (more := memory.read(end - begin - len(piece))):
                    piece += more
            except OSError:
                # Secret memory, and what the kernel keeps to itself.
                continue
            # Zeros between them, so that no key is made of two pieces.
            pieces.append(bytes(piece) + bytes(32))
    return b"".join(pieces)


def core_of(process, folder):
    """The core dump that `gcore` makes; None where there is none, or it may not look."""
    try:
        run = subprocess.run(["gcore", "-o", f"{folder}/core", str(process)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    dump = pathlib.Path(f"{folder}/core.{process}")
    if not dump.exists():
        if "not permitted" in run.stderr:
            return None
        raise AssertionError(run.stderr)
    core = dump.read_bytes()
    dump.unlink()
    return core


class Stepped:
    """A program that says a word and waits for a line, again and again."""

    def __init__(self, arguments, folder, **options):
        self.folder = folder
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        self.sealed = []

    def step(self):
        """The next word. Lines `sealed NAME HEX` before it are kept."""
        while True:
            line = self.process.stdout.readline()
            words = line.split()
            if words[:1] != ["sealed"]:
                return line.strip()
            self.sealed.append((words[1], bytes.fromhex(words[2])))

    def look(self):
        """What is in its memory and, where that can be had, in its core dump."""
        return memory_of(self.process.pid), core_of(self.process.pid, self.folder)

    def go_on(self):
        self.process.stdin.write("go on\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        status = self.process.wait(timeout=60)
        self.process.stdout.close()
        return status
