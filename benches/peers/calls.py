# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tokens and small envelopes, in processes that stay."""

import contextlib
import subprocess

from job import Job, Subject, Unavailable, failed, not_installed
from environment import HERE


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
