# SPDX-License-Identifier: MIT OR Apache-2.0
"""The Python side of run.py: does one job for a while whenever a line asks for it.

`worker.py PEER` says `ready`, or `missing: reason`; it then reads lines `job seconds` and answers each
with nanoseconds per call, or `-` where the peer has no such job. peers.rs does the same in Rust.

Every peer gets long-lived key objects, the same plaintext, and the context as associated data where it
has such a thing.
"""

import os
import sys
import timeit

VALUE = b"\x07" * 64
MESSAGE = b"\x07" * 1024
CONTEXT = {"table": "users", "row": "42"}
ASSOCIATED = b"table=users,row=00042"


def sealwax():
    import sealwax

    keyset = sealwax.Keyset.generate("bench")
    token = keyset.seal(VALUE, context=CONTEXT)
    assert keyset.open(token, context=CONTEXT) == VALUE
    jobs = {
        "token-seal-64": lambda: keyset.seal(VALUE, context=CONTEXT),
        "token-open-64": lambda: keyset.open(token, context=CONTEXT),
    }
    envelope = sealwax.seal_bytes(MESSAGE, keyset=keyset, external=CONTEXT)
    assert sealwax.open_bytes(envelope, keyset=keyset, external=CONTEXT) == MESSAGE
    jobs["envelope-seal-1k"] = lambda: sealwax.seal_bytes(MESSAGE, keyset=keyset, external=CONTEXT)
    jobs["envelope-open-1k"] = lambda: sealwax.open_bytes(envelope, keyset=keyset, external=CONTEXT)
    return jobs


def tink():
    import tink
    from tink import aead

    aead.register()
    template = aead.aead_key_templates.AES256_GCM
    primitive = tink.new_keyset_handle(template).primitive(aead.Aead)
    # The "KMS" is a local keyset: no network is in these figures.
    remote = tink.new_keyset_handle(template).primitive(aead.Aead)
    envelopes = aead.KmsEnvelopeAead(template, remote)
    token = primitive.encrypt(VALUE, ASSOCIATED)
    envelope = envelopes.encrypt(MESSAGE, ASSOCIATED)
    return {
        "token-seal-64": lambda: primitive.encrypt(VALUE, ASSOCIATED),
        "token-open-64": lambda: primitive.decrypt(token, ASSOCIATED),
        "envelope-seal-1k": lambda: envelopes.encrypt(MESSAGE, ASSOCIATED),
        "envelope-open-1k": lambda: envelopes.decrypt(envelope, ASSOCIATED),
    }


def aesgcm():
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = AESGCM(AESGCM.generate_key(256))

    def seal():
        nonce = os.urandom(12)
        return nonce + key.encrypt(nonce, VALUE, ASSOCIATED)

    token = seal()
    return {
        "token-seal-64": seal,
        "token-open-64": lambda: key.decrypt(token[:12], token[12:], ASSOCIATED),
    }


def fernet():
    from cryptography.fernet import Fernet

    key = Fernet(Fernet.generate_key())
    token = key.encrypt(VALUE)
    return {
        "token-seal-64": lambda: key.encrypt(VALUE),
        "token-open-64": lambda: key.decrypt(token),
    }


def secretbox():
    from nacl.secret import SecretBox
    from nacl.utils import random

    key = SecretBox(random(SecretBox.KEY_SIZE))
    token = key.encrypt(VALUE)
    return {
        "token-seal-64": lambda: key.encrypt(VALUE),
        "token-open-64": lambda: key.decrypt(token),
    }


def aws_esdk():
    import aws_encryption_sdk
    from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
    from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
    from aws_cryptographic_material_providers.mpl.models import (
        AesWrappingAlg,
        CreateRawAesKeyringInput,
    )
    from aws_encryption_sdk.identifiers import AlgorithmSuite

    client = aws_encryption_sdk.EncryptionSDKClient()
    providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
    keyring = providers.create_raw_aes_keyring(
        input=CreateRawAesKeyringInput(
            key_namespace="bench",
            key_name="bench",
            wrapping_key=os.urandom(32),
            wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )
    # Committing, and without the ECDSA signature that its default suite adds: the faster choice.
    suite = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY

    def seal(plaintext):
        sealed, _ = client.encrypt(
            source=plaintext, keyring=keyring, encryption_context=CONTEXT, algorithm=suite
        )
        return sealed

    def opened(sealed):
        plaintext, _ = client.decrypt(source=sealed, keyring=keyring, encryption_context=CONTEXT)
        return plaintext

    token, envelope = seal(VALUE), seal(MESSAGE)
    return {
        "token-seal-64": lambda: seal(VALUE),
        "token-open-64": lambda: opened(token),
        "envelope-seal-1k": lambda: seal(MESSAGE),
        "envelope-open-1k": lambda: opened(envelope),
    }


PEERS = {
    "sealwax": sealwax,
    "tink": tink,
    "aesgcm": aesgcm,
    "fernet": fernet,
    "secretbox": secretbox,
    "aws-esdk": aws_esdk,
}


def nanoseconds(call, seconds):
    """Per call: batches that grow until one takes about `seconds`, and the last one counts."""
    timer, calls = timeit.Timer(call), 1
    while True:
        elapsed = timer.timeit(calls)
        if elapsed >= seconds * 0.5:
            return elapsed / calls * 1e9
        calls = int(calls * min(max(seconds * 0.8 / max(elapsed, 1e-9), 2), 100))


def main():
    # Whatever a library prints must not be taken for an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    try:
        jobs = PEERS[sys.argv[1]]()
    except Exception as error:  # the reason goes into the table
        reason = str(error).splitlines()
        print(f"missing: {type(error).__name__}: {reason[0] if reason else ''}", file=answers)
        return
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        job, seconds = line.split()
        call = jobs.get(job)
        print("-" if call is None else nanoseconds(call, float(seconds)), file=answers, flush=True)


if __name__ == "__main__":
    main()
