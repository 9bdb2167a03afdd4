# SPDX-License-Identifier: MIT OR Apache-2.0
"""The figures of the Python module against its goals, in one run: the same work done beside it by what it is compared with.

    python3 benches/peers/python_figures.py                 all of them, with 1 GiB files, some minutes after building
    python3 benches/peers/python_figures.py --quick         with 128 MiB files
    python3 benches/peers/python_figures.py --only token    those whose name begins with a word

It builds what it needs (the command and the Rust side in release, the module into target/python-figures-venv) and says what
is missing. Each run is interleaved with what it is compared with; a figure is the median of five, after one that does not
count, and a ratio is the median of those five ratios. Work of one thread is measured in its processor time, which other
programs disturb less; work of several threads, and files, in time on the clock. Files lie in /dev/shm where there is
room. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "target" / "python-figures-venv"
PACKAGES = ["cryptography>=50,<51", "tink", "numpy", "pandas", "pyarrow", "fsspec"]
MIB = 1 << 20
ROUNDS = 5


def build():
    """Builds all, and starts this script again with the Python that has it."""
    run = lambda *line: subprocess.run(line, cwd=ROOT, check=True)
    run("cargo", "build", "--quiet", "--release", "-p", "sealwax-cli")
    if not VENV.exists():
        run(sys.executable, "-m", "venv", str(VENV))
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, *PACKAGES)
    run(*pip, "--force-reinstall", "--no-deps", str(ROOT / "bindings" / "python"))
    again = [str(VENV / "bin" / "python"), __file__, "--built", *sys.argv[1:]]
    sys.exit(subprocess.run(again, check=False).returncode)


def rust_side():
    """The program of peers.rs, built by cargo."""
    line = ["cargo", "build", "--quiet", "--release", "--bench", "peers", "--message-format", "json"]
    output = subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for message in map(json.loads, output.splitlines()):
        if message.get("target", {}).get("name") == "peers" and message.get("executable"):
            return message["executable"]
    raise SystemExit("cargo made no peers program")


class Rust:
    """Asks the Rust side for seconds of processor time per call."""

    def __init__(self):
        line = [rust_side(), "sealwax"]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def __call__(self, job, seconds=0.4):
        begin, used = time.perf_counter(), self.processor_time()
        self.process.stdin.write(f"{job} {seconds}\n")
        self.process.stdin.flush()
        per_call = float(self.process.stdout.readline()) / 1e9
        # It counts time on the clock, and its one thread had the processor for a part of that.
        return per_call * min(1, (self.processor_time() - used) / (time.perf_counter() - begin))

    def processor_time(self):
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9


def per_call(work, seconds=0.2):
    """Seconds of processor time per call, as the Rust side counts: batches that grow until one takes about `seconds`."""
    calls = 1
    while True:
        begin = time.process_time()
        for _ in range(calls):
            work()
        elapsed = time.process_time() - begin
        if elapsed >= seconds * 0.5:
            return elapsed / calls
        calls = int(calls * min(max(seconds * 0.8 / max(elapsed, 1e-9), 2), 100))


def once(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def once_on_processor(work):
    begin = time.process_time()
    work()
    return time.process_time() - begin


def measured(*runs):
    """What functions return that each return seconds: the values of all rounds, which are interleaved."""
    times = [[] for _ in runs]
    for number in range(ROUNDS + 1):
        for run, values in zip(runs, times):
            value = run()
            if number:
                values.append(value)
    return times


def ratio_of(some, others):
    """The median of the ratios of runs that were made one after the other."""
    return statistics.median(one / other for one, other in zip(some, others))


class Table:
    def __init__(self, only):
        self.only = only
        self.rows = []

    def wants(self, name):
        return self.only is None or name.startswith(self.only)

    def compare(self, what, some, others, goal, met, upside_down=False):
        """A row for what `measured` gave, with the ratio of the first to the others; or, where that is a speed, of the others."""
        ratio = ratio_of(others, some) if upside_down else ratio_of(some, others)
        self.add(what, statistics.median(some), statistics.median(others), ratio, goal, met(ratio))

    def add(self, what, ours, theirs, ratio, goal, met, unit="s"):
        row = (what, text(ours, unit), text(theirs, unit), f"{ratio:.3f}", goal, "met" if met else "MISSED")
        self.rows.append(row)
        print(" | ".join(row), flush=True)

    def print(self):
        head = ("what", "ours", "theirs", "ratio", "goal", "")
        widths = [max(len(row[column]) for row in [head, *self.rows]) for column in range(6)]
        for row in [head, *self.rows]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def text(value, unit):
    if value is None:
        return "-"
    if unit == "s":
        for scale, name in ((1, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns")):
            if value * scale >= 1:
                return f"{value * scale:.4g} {name}"
    if unit == "B":
        return f"{value / MIB:.1f} MiB"
    return f"{value:.4g}"


def memory_figures(table, rust):
    import sealwax
    from cryptography.cobblestone import Cobblestone256Encryptor

    keyset = sealwax.Keyset.generate("bench")
    data = bytes([7]) * (64 * MIB)
    target = bytearray(sealwax.sealed_len(len(data), keyset=keyset))
    other = bytearray(len(data) + len(data) // 16384 * 16 + 4096)
    key = Cobblestone256Encryptor.generate_key()
    half = data[: len(data) // 2]
    targets = [bytearray(sealwax.sealed_len(len(half), keyset=keyset)) for _ in range(2)]

    def ours():
        return once_on_processor(lambda: sealwax.seal_into(data, target, keyset=keyset))

    def peer():
        return once_on_processor(lambda: Cobblestone256Encryptor(key, b"context").update_into(data, other))

    def one_thread():
        return once(lambda: [sealwax.seal_into(half, t, keyset=keyset) for t in targets])

    def from_rust():
        return rust("envelope-seal-into-64m", 0.1)

    def halves():
        # The same bytes, half of them in each of two threads.
        threads = [
            threading.Thread(target=sealwax.seal_into, args=(half, t), kwargs={"keyset": keyset}) for t in targets
        ]

        def both():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        return once(both)

    def in_threads():
        return once(lambda: sealwax.seal_into(data, target, keyset=keyset, threads=2))

    a, b, c = measured(ours, from_rust, peer)
    table.compare("seal_into 64 MiB: speed beside Rust", a, b, ">= 0.9", lambda r: r >= 0.9, upside_down=True)
    table.compare("seal_into 64 MiB: speed beside Cobblestone256", a, c, ">= 1.3", lambda r: r >= 1.3, upside_down=True)
    a, d, e = measured(one_thread, halves, in_threads)
    for what, some in (("in two Python threads", d), ("with threads=2", e)):
        table.compare(f"seal_into 64 MiB {what}: speed beside one", some, a, ">= 1.7", lambda r: r >= 1.7, True)


def token_figures(table, rust):
    import sealwax
    import tink
    from tink import aead

    aead.register()
    primitive = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM).primitive(aead.Aead)
    value, associated = b"\x07" * 64, b"table=users,row=00042"
    keyset = sealwax.Keyset.generate("bench")
    theirs = primitive.encrypt(value, associated)
    row = {"table": "users", "row": "42"}
    contexts = {
        "no context": {},
        "two entries prepared": {"context": sealwax.PreparedContext(row)},
        "two entries in a dict": {"context": row},
    }
    fast_enough = lambda r: r <= 0.55
    for name, bound in contexts.items():
        token = keyset.seal(value, **bound)
        # Written out, as callers write it: to spread a dict over a call costs more than the call.
        context = bound.get("context")
        seal = (lambda: keyset.seal(value, context=context)) if bound else (lambda: keyset.seal(value))  # noqa: B023
        open_ = (lambda: keyset.open(token, context=context)) if bound else (lambda: keyset.open(token))  # noqa: B023
        a, b, c, d = measured(
            lambda: per_call(seal),  # noqa: B023
            lambda: per_call(lambda: primitive.encrypt(value, associated)),
            lambda: per_call(open_),  # noqa: B023
            lambda: per_call(lambda: primitive.decrypt(theirs, associated)),
        )
        table.compare(f"token seal 64 B, {name}, beside Tink", a, b, "<= 0.55", fast_enough)
        table.compare(f"token open 64 B, {name}, beside Tink", c, d, "<= 0.55", fast_enough)
    values = [value] * 100_000
    a, b, c = measured(
        lambda: once(lambda: keyset.seal_many(values, context=row)),
        lambda: once_on_processor(lambda: keyset.seal_many(values, context=row, threads=1)),
        lambda: rust("token-seal-64", 0.2) * len(values),
    )
    table.compare("seal_many of 100,000 beside the Rust loop", a, c, "<= 1.15", lambda r: r <= 1.15)
    table.compare("seal_many, threads=1, beside the Rust loop", b, c, "(<= 1.15)", lambda r: r <= 1.15)


def file_figures(table, folder, size):
    import sealwax

    keyset = sealwax.Keyset.generate("bench")
    keys, plain, sealed = (str(folder / name) for name in ("keys.swxk", "plain", "sealed"))
    keyset.save(keys, unprotected=True)
    block = os.urandom(MIB)
    with open(plain, "wb") as file:
        for _ in range(size // MIB):
            file.write(block)
    command = [str(ROOT / "target" / "release" / "sealwax"), "seal", "-k", keys, "-q", "-o", sealed, plain]

    def fresh(work):
        Path(sealed).unlink(missing_ok=True)
        return once(work)

    a, b = measured(
        lambda: fresh(lambda: sealwax.seal_file(plain, sealed, keyset=keyset)),
        lambda: fresh(lambda: subprocess.run(command, check=True, stderr=subprocess.DEVNULL)),
    )
    table.compare(f"seal_file of {size // MIB} MiB beside the command", a, b, "<= 1.05", lambda r: r <= 1.05)
    other = str(folder / "other")
    count = size // MIB

    def write(file):
        with file:
            for _ in range(count):
                file.write(block)

    def read(file):
        with file:
            while file.read(MIB):
                pass

    def write_plain():
        Path(other).unlink(missing_ok=True)
        return once(lambda: write(open(other, "wb")))

    a, b = measured(lambda: fresh(lambda: write(sealwax.open(sealed, "wb", keyset=keyset))), write_plain)
    table.compare("open wb fed 1 MiB blocks beside a plain file", a, b, "<= 1.5", lambda r: r <= 1.5)
    a, b = measured(
        lambda: once(lambda: read(sealwax.open(sealed, "rb", keyset=keyset))),
        lambda: once(lambda: read(open(other, "rb"))),
    )
    table.compare("open rb by 1 MiB blocks beside a plain file", a, b, "<= 1.5", lambda r: r <= 1.5)
    Path(other).unlink()
    for name, work in (
        ("seal_file", "sealwax.seal_file(plain, sealed, keyset=keyset, overwrite=True)"),
        (
            "open wb",
            "file = sealwax.open(sealed, 'wb', keyset=keyset)\nfor _ in range(count): file.write(block)\nfile.close()",
        ),
        ("open rb", "file = sealwax.open(sealed, 'rb', keyset=keyset)\nwhile file.read(1 << 20): pass"),
    ):
        program = (
            "import os, sealwax, sys\n"
            "keys, plain, sealed, count = *sys.argv[1:4], int(sys.argv[4])\n"
            "keyset = sealwax.Keyset.load(keys, unprotected=True)\nblock = os.urandom(1 << 20)\n"
            f"{work}\n"
            # Not getrusage: its peak counts the process that this one was forked from, too.
            "status = open('/proc/self/status').read()\nprint(int(status.split('VmHWM:')[1].split()[0]) * 1024)"
        )
        line = [sys.executable, "-c", program, keys, plain, sealed, str(count)]
        peak = int(subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout)
        table.add(f"peak memory of {name}", peak, 64 * MIB, peak / (64 * MIB), "< 64 MiB", peak < 64 * MIB, "B")


def pandas_figures(table, folder, size):
    import io

    import numpy
    import pandas
    import sealwax

    keyset = sealwax.Keyset.generate("bench")
    rows = size // (50 * 8)
    source = numpy.random.default_rng(1)
    frame = pandas.DataFrame({f"c{n}": source.random(rows) for n in range(50)})
    path = folder / "wide.parquet.swx"
    with sealwax.open(path, "wb", keyset=keyset) as file:
        frame.to_parquet(file)

    class Counting(io.FileIO):
        count = 0

        def read(self, length=-1):
            data = super().read(length)
            self.count += len(data)
            return data

    with Counting(path) as counting, sealwax.open(counting, "rb", keyset=keyset) as file:
        two = pandas.read_parquet(file, columns=["c7", "c31"])
        assert two["c31"].equals(frame["c31"])
        read, total = counting.count, path.stat().st_size
    table.add("read_parquet of 2 of 50 columns: bytes read", read, total, read / total, "< 0.1", read < total / 10, "B")
    path.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="128 MiB files")
    parser.add_argument("--only", choices=["memory", "token", "file", "pandas"])
    parser.add_argument("--built", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.built:
        build()
    size = 128 * MIB if arguments.quick else 1024 * MIB
    shared = Path("/dev/shm")
    parent = shared if shared.is_dir() and shutil.disk_usage(shared).free > 6 * size else None
    table, rust = Table(arguments.only), Rust()
    load = os.getloadavg()[0]
    print(f"load {load:.2f} on {os.cpu_count()} cores, files in {parent or tempfile.gettempdir()}", flush=True)
    if load > 0.5:
        print("the machine is busy: figures will be worse than they are", flush=True)
    with tempfile.TemporaryDirectory(prefix="sealwax-python-", dir=parent) as name:
        folder = Path(name)
        if table.wants("memory"):
            memory_figures(table, rust)
        if table.wants("token"):
            token_figures(table, rust)
        if table.wants("file"):
            file_figures(table, folder, size)
        if table.wants("pandas"):
            pandas_figures(table, folder, size)
    print()
    table.print()


if __name__ == "__main__":
    main()
