# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes a token in Python, and opens what C sealed, with the reference and not with the library.

peer.py make FOLDER: writes FOLDER/peer.h.   peer.py check FOLDER SEALED: opens the lines `token HEX`.
"""
import hmac
import os
import pathlib
import secrets
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../tests/reference"))
import decrypt  # noqa: E402
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: E402


def keys(folder):
    return decrypt.open_keyset((folder / "keyset_blob").read_bytes(), decrypt.Keys({}), "unprotected")["parsed"]


def expand(key, info, length):
    """HKDF-Expand with SHA-256: RFC 5869 section 2.3."""
    out = block = b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        out += block
    return out[:length]


def seal(parsed, context, plaintext):
    """format.md 6.2 and 3.1, from the text."""
    version = next(version for version in parsed["versions"] if version["version_id"] == parsed["primary"])
    ids = bytes.fromhex(parsed["keyset_id"]) + parsed["primary"].to_bytes(4, "big")
    k_token = expand(bytes.fromhex(version["secret"]), b"sealwax/v1/token\0\x02" + ids, 32)
    salt = secrets.token_bytes(24)
    okm = expand(k_token, b"sealwax/v1/T" + salt + context, 64)
    sealed = ChaCha20Poly1305(okm[:32]).encrypt(bytes(12), plaintext, b"")
    return b"\x12" + parsed["primary"].to_bytes(4, "big") + salt + okm[32:] + sealed


def main():
    command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    parsed = keys(folder)
    context = (folder / "token_context").read_bytes()
    if command == "make":
        token = seal(parsed, context, b"made by Python")
        text = ",".join(str(byte) for byte in token)
        (folder / "peer.h").write_text(
            "/* Made by bindings/c/tests/peer.py. */\n#include <stdint.h>\n"
            f"static const uint8_t python_token[{len(token)}] = {{{text}}};\n", encoding="ascii")
        return
    held = decrypt.Keys({"keysets": [{"keyset_id": parsed["keyset_id"], "versions": [
        {name: version[name] for name in ("version_id", "algorithm", "secret")} for version in parsed["versions"]]}]})
    opened = 0
    for line in open(sys.argv[3], encoding="ascii", errors="replace"):
        if line.startswith("token "):
            plaintext = decrypt.open_token(bytes.fromhex(line.split()[1]), held, {"device": b"board-7", "sensor": b"4"})
            assert plaintext["plaintext"].startswith(b"sealed in C"), line
            opened += 1
    print(f"peer.py: Python opened {opened} tokens that C sealed")
    sys.exit(0 if opened else 1)


main()
