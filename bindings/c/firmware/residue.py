# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looks for secrets in what residue.c printed:  residue.py FIXTURES PRINTED [planted]

The dead stack after each call, and the contexts before they are wiped (where the search must find something) and after. With
"planted" the program leaked on purpose, and it is an error not to find that.
"""
import os
import pathlib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../tests/memory"))
from needles import Needles, recording  # noqa: E402
from sessions import add_handshake  # noqa: E402
from reader.base import expand, NOTES, Reader, SealwaxError  # noqa: E402
from reader.envelopes import open_envelope  # noqa: E402
from reader.hpke import x25519_public  # noqa: E402
from reader.keysets import open_keyset  # noqa: E402
from reader.tokens import decode_context, Keys, open_t, open_token, version_key  # noqa: E402

# Calls that work with no key, so that nothing is wiped after them.
WITHOUT_KEYS = (
    "keyset_wipe", "opening_wipe", "opening_progress", "opening_resume", "opening_finish_unsigned", "sealing_wipe", "sealing_finish",
    "sealing_begin, no room", "identity_public_key", "handshake_begin", "handshake_wipe", "session_rekey", "session_describe",
    "session_tick", "session_wipe", "opening_begin, changed", "opening_finish", "planted")
# The keysets that the calls load.
BLOBS = ("keyset_blob", "identity_blob", "suite_1_blob", "x_wing_blob")
# The deepest bytes that a call wrote, and how many of them are not zero where they were wiped: the frames of what wipes, and of memset.
DEEPEST, WIPER = 320, 96


class Printed:
    """The program's words: calls, contexts and outputs, in order."""

    def __init__(self, text):
        self.calls, self.memories, self.sealed = [], [], []
        into = bytearray()
        for line in text.splitlines():
            what, _, name = line.partition(" ")
            if what in ("call", "memory", "sealed"):
                into = bytearray()
                {"call": self.calls, "memory": self.memories, "sealed": self.sealed}[what].append((name, into))
            elif line == "0":
                into += bytes(32)
            elif line and set(line) <= set("0123456789abcdef"):
                into += bytes.fromhex(line)

    def of(self, name):
        return [bytes(output) for sealed, output in self.sealed if sealed == name]


def keys_of(folder):
    """Every key of the fixtures, as the reference reader takes them."""
    read = lambda name: (folder / name).read_bytes()  # noqa: E731
    sets = [open_keyset(read(name), Keys({}), "unprotected")["parsed"] for name in BLOBS]
    return sets, Keys({
        "keysets": [{"keyset_id": one["keyset_id"], "versions": one["versions"]} for one in sets],
        "raw_keys": [{"key_id": read("device_key_id").hex(), "key": read("device_key").hex()}]})


def secrets_of(folder, printed):
    """All that the calls worked with."""
    needles = Needles()
    read = lambda name: (folder / name).read_bytes()  # noqa: E731
    sets, keys = keys_of(folder)
    for keyset_id, version, algorithm, secret in keys.versions:
        needles.add_hmac_key("root secret", secret)
        if algorithm <= 2:
            for use in (b"token", b"wrap", b"salt"):
                needles.add_hmac_key("K_" + use.decode(), version_key(secret, use, algorithm, keyset_id + version.to_bytes(4, "big")))
        elif algorithm == 3:
            needles.add_scalar("private key", secret)
        else:
            needles.add_x_wing("X-Wing", secret)
    for name in ("device_key", "transit_psk", "transit_device_private", "transit_server_private"):
        needles.add_hmac_key(name, read(name))
        if name.endswith("private"):
            needles.add_scalar(name, read(name))
    needles.add("plaintext", read("image"))
    needles.add("plaintext", read("settings"))
    for draws in printed.of("draws"):
        # Salts and ids become public, and are forgotten below.
        needles.add("what the random source gave", draws)
    context = decode_context(read("token_context"))
    tokens = printed.of("token") + printed.of("suite 1 token")
    for name, token in [("token", token) for token in tokens] + [("old token", read("old_token"))]:
        with recording(needles, name):
            open_token(token, keys, context)
    public = [bytes(sealed) for name, sealed in printed.sealed if name != "draws"]
    for name in ("image_envelope", "settings_envelope", "pair_envelope", "suite_1_envelope", "x_wing_envelope"):
        given = decode_context(read("settings_context")) if name == "settings_envelope" else {}
        with recording(needles, name):
            open_envelope(read(name), keys, given)
        public.append(read(name))
    for name in ("sealed_keyset_blob", "sealed_identity_blob"):
        # What a keyset is called, and its times, are no secrets.
        with recording(needles, name, secret=False):
            open_keyset(read(name), keys, restore=True)
        public.append(read(name))
    chunks = {"keyset": b"".join(printed.of("chunk")), "suite 1": b"".join(printed.of("suite 1 chunk"))}
    for name in ("keyset", "device", "pair", "suite 1", "wing"):
        for front in printed.of(name):
            with recording(needles, "sealing for " + name):
                try:
                    open_envelope(front + chunks.get(name, bytes(16)), keys, {})
                except SealwaxError:
                    # Nothing was sealed after the front of the others.
                    assert name not in chunks
    transit(needles, read, printed, public)
    for output in public + [nonce for name, nonce in NOTES if name.endswith("nonce")]:
        needles.forget_public(output)
    for name in ("transit_device_private", "transit_server_private"):
        needles.forget_public(x25519_public(read(name)))
    return needles


def transit(needles, read, printed, public):
    """The handshakes, both directions' secrets, and what was kept (format.md 13)."""
    messages, draws = printed.of("message"), [draw for draw in printed.of("draws") if len(draw) == 32]
    privates = [read(name) for name in ("transit_device_private", "transit_server_private")]
    # Two messages and two draws for each.
    for at in range(0, len(messages), 2):
        public.append(add_handshake(needles, messages[at:at + 2], draws[at:at + 2], privates, read("transit_psk")))
    device_key = read("device_key")
    k_export = expand(device_key, b"sealwax/v1/transit/export\0\x02", 32)
    needles.add_hmac_key("K_export", k_export)
    needles.add_hmac_key("K_export-salt", expand(device_key, b"sealwax/v1/transit/export-salt\0\x02", 32))
    for kept in printed.of("kept"):
        reader = Reader(kept)
        head = reader.take(6)
        with recording(needles, "kept session", secret=False):
            open_t(k_export, 2, head + b"\0" + read("transit_server_public"), reader.take(reader.left()))


def main():
    folder, printed = pathlib.Path(sys.argv[1]), Printed(pathlib.Path(sys.argv[2]).read_text(encoding="ascii", errors="replace"))
    planted = sys.argv[3:] == ["planted"]
    needles = secrets_of(folder, printed)
    leaks, wrong = [], []
    for name, memory in printed.calls:
        left = needles.found(bytes(memory))
        wiped = DEEPEST - memory[:DEEPEST].count(0) <= WIPER
        places = "; ".join(f"{what} at {len(memory) - at}" for what, at in left) or "-"
        print(f"{name:34} depth {len(memory):5}{' ' if wiped else '!'} stack {places}")
        leaks += [name] if left else []
        if not wiped and not name.startswith(WITHOUT_KEYS):
            wrong.append(f"{name} goes deeper than what is wiped")
    for name, memory in printed.memories:
        held = needles.found(bytes(memory))
        print(f"{name:34} {len(memory):5} bytes: {', '.join(sorted({what for what, _ in held})) or '-'}")
        if name.startswith("before") and not held:
            wrong.append(f"nothing was found {name}: the search is blind")
        if name.startswith("after") and held:
            leaks.append(name)
    print(f"{len(printed.calls)} calls and {len(printed.memories)} looks into contexts, {len(needles.windows)} windows of {len(needles.names)} "
          f"kinds of secrets: {len(leaks)} leaks")
    if planted:
        wanted = {"planted on the stack", "after a plant"}
        if set(leaks) != wanted:
            wrong.append(f"of what was planted {sorted(set(leaks) & wanted)} was found, and besides {sorted(set(leaks) - wanted)}")
    elif leaks:
        wrong.append("secrets are left by: " + ", ".join(leaks))
    if not printed.calls:
        wrong.append("nothing was printed")
    sys.exit("residue: " + "; ".join(wrong) if wrong else 0)


main()
