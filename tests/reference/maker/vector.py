# SPDX-License-Identifier: MIT OR Apache-2.0
"""One vector: its bytes, its steps, its file; and what most of them need, contexts, T and key material."""
import hashlib, json
from maker.primitives import hkdf_expand, seal_aead, u16, u32, u8

FILES = {}


class Vector:
    def __init__(self, name, comment, expect="ok"):
        self.file, self.comment, self.expect, self.steps = name + ".json", comment, expect, {}

    def bytes(self, field, n):
        return hashlib.shake_256(("sealwax-vector/" + self.file + "/" + field).encode()).digest(n)

    def step(self, name, value):
        self.steps[name] = value.hex()
        return value

    def keyset(self, field, *algorithms):
        """A keyset in the shape of `keys`, with one version of each algorithm given."""
        versions = [{"version_id": int.from_bytes(self.bytes("%s.version%d.id" % (field, i), 4), "big"), "algorithm": a,
                     "secret": self.bytes("%s.version%d.secret" % (field, i), 32).hex()} for i, a in enumerate(algorithms)]
        return {"keyset_id": self.bytes(field + ".id", 16).hex(), "versions": versions}

    def write(self, kind, **fields):
        out = {"comment": self.comment, "expect": self.expect, "type": kind}
        out.update({k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items() if v is not None})
        if kind not in ("recipient", "identity", "share"):
            shown = self.expect in ("ok", "Decrypt", "UnknownKey", "KeyState")
            out["intermediates"] = self.steps if shown else {}
        assert self.file not in FILES, self.file
        FILES[self.file] = json.dumps(out, indent=1, ensure_ascii=True) + "\n"


def make_keys(keysets=(), passphrase=None, raw=(), provider=()):
    keys = {}
    if keysets:
        keys["keysets"] = list(keysets)
    if passphrase is not None:
        keys["passphrase"] = passphrase
    if raw:
        keys["raw_keys"] = [{"key_id": i.hex(), "key": k.hex()} for i, k in raw]
    if provider:
        keys["provider_keys"] = [{"provider": p, "key_name": n, "key": k.hex()} for p, n, k in provider]
    return keys


def hex_map(context): return {name: value.hex() for name, value in context.items()}


def encode_pairs(pairs):
    return b"".join(u8(len(n)) + n + u16(len(v)) + v for n, v in pairs)


def encode_context(context):
    return encode_pairs(sorted((name.encode(), value) for name, value in context.items()))


def seal_t(v, label, k, suite, ctx, plaintext, salt):
    """Clause 3.1."""
    v.step(label + ".salt", salt)
    key_and_commitment = hkdf_expand(k, b"sealwax/v1/T" + salt + ctx, 64)
    key = v.step(label + ".key", key_and_commitment[:32])
    commitment = v.step(label + ".commitment", key_and_commitment[32:])
    sealed = seal_aead(suite, key, bytes(12), plaintext)
    v.step(label + ".ciphertext", sealed[:-16])
    v.step(label + ".tag", sealed[-16:])
    return salt + commitment + sealed


def derived(root, use, suite, keyset_id, version_id):
    """Clause 6.1."""
    return hkdf_expand(root, b"sealwax/v1/" + use + b"\x00" + u8(suite) + keyset_id + u32(version_id), 32)
