# SPDX-License-Identifier: MIT OR Apache-2.0
"""Suite 1 payloads through another implementation of C2SP chunked-encryption: the one of `cryptography`.

    cobblestone.py < JOBS.json

Each job has `envelope`, `keys` and `context` as the jobs of decrypt.py have them, and `plaintext`, all byte strings in hex.
The answer of each: `opened`, the plaintext that cryptography's decryptor finds in the envelope's payload, and `envelope`, the
same header before a payload that cryptography's encryptor made of the job's plaintext under the same key and context.
"""
import json, sys
import decrypt
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor


def header_len(envelope):
    core = 29 + int.from_bytes(envelope[25:29], "big")                                          # 4.1
    slots, slot_len = envelope[core], int.from_bytes(envelope[core + 1:core + 5], "big")        # 4.3
    return core + 5 + slots * slot_len


def run(job):
    envelope = bytes.fromhex(job["envelope"])
    assert envelope[5] == 1, "Cobblestone-256 is suite 1"
    decrypt.NOTES.clear()
    context = {name: bytes.fromhex(value) for name, value in job["context"].items()}
    decrypt.open_envelope(envelope, decrypt.Keys(job["keys"]), context)
    notes = dict(decrypt.NOTES)
    key, bound = notes["K_payload"], notes["payload.context"]
    at = header_len(envelope)
    decryptor = Cobblestone256Decryptor(key, bound)
    opened = decryptor.update(envelope[at:]) + decryptor.finalize()
    encryptor = Cobblestone256Encryptor(key, bound)
    payload = encryptor.update(bytes.fromhex(job["plaintext"])) + encryptor.finalize()
    return {"opened": bytes(opened).hex(), "envelope": (envelope[:at] + bytes(payload)).hex()}


if __name__ == "__main__":
    print(json.dumps([run(job) for job in json.load(sys.stdin)]))
