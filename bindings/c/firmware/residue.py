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
from reader.base import expand, NOTES, Reader, SealwaxError  # noqa: E402
from reader.envelopes import open_envelope  # noqa: E402
from reader.handshakes import hedged, take_part  # noqa: E402
from reader.hpke import x25519_public  # noqa: E402
from reader.keysets import open_keyset  # noqa: E402
from reader.tokens import decode_context, Keys, open_t, open_token, version_key  # noqa: E402

# Calls that work with no key, so that nothing is wiped after them.
WITHOUT_KEYS = (
    "keyset_wipe", "opening_wipe", "opening_progress", "opening_resume", "opening_finish_unsigned", "sealing_wipe", "sealing_finish",
    "sealing_begin, no room", "identity_public_key", "handshake_begin", "handshake_wipe", "session_rekey", "session_describe",
    "session_tick", "session_wipe", "opening_begin, changed", "opening_finish", "planted")
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
    sets = [open_keyset(read(name), Keys({}), "unprotected")["parsed"] for name in ("keyset_blob", "identity_blob")]
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
        if algorithm == 2:
            for use in (b"token", b"wrap", b"salt"):
                needles.add_hmac_key("K_" + use.decode(), version_key(secret, use, 2, keyset_id + version.to_bytes(4, "big")))
        else:
            needles.add_scalar("private key", secret)
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
    for name, token in [("token", token) for token in printed.of("token")] + [("old token", read("old_token"))]:
        with recording(needles, name):
            open_token(token, keys, context)
    public = printed.of("token") + printed.of("keyset") + printed.of("device") + printed.of("pair") + printed.of("message")
    public += printed.of("chunk") + printed.of("kept")
    for name, given in (("image_envelope", {}), ("settings_envelope", decode_context(read("settings_context"))), ("pair_envelope", {})):
        with recording(needles, name):
            open_envelope(read(name), keys, given)
        public.append(read(name))
    for name in ("sealed_keyset_blob", "sealed_identity_blob"):
        # What a keyset is called, and its times, are no secrets.
        with recording(needles, name, secret=False):
            open_keyset(read(name), keys, restore=True)
        public.append(read(name))
    chunks = b"".join(printed.of("chunk"))
    for name in ("keyset", "device", "pair"):
        for front in printed.of(name):
            with recording(needles, "sealing for " + name):
                try:
                    open_envelope(front + (chunks if name == "keyset" else bytes(16)), keys, {})
                except SealwaxError:
                    # Nothing was sealed after the front of the others.
                    assert name != "keyset"
    transit(needles, read, printed, public)
    for output in public + [nonce for name, nonce in NOTES if name.endswith("nonce")]:
        needles.forget_public(output)
    for name in ("transit_device_private", "transit_server_private"):
        needles.forget_public(x25519_public(read(name)))
    return needles


def transit(needles, read, printed, public):
    """The handshakes, both directions' secrets, and what was kept (format.md 13)."""
    messages, draws = printed.of("message"), [draw for draw in printed.of("draws") if len(draw) == 32]
    # Two messages and two draws for each.
    for at in range(0, len(messages), 2):
        fields = {
            "pattern": 5, "suite": 2, "mode": 2, "hybrid": 0, "prologue": b"", "psk": read("transit_psk"), "seed": b"",
            "messages": [message.hex() for message in messages[at:at + 2]]}
        for draw, side, private in zip(draws[at:at + 2], ("initiator", "responder"), ("transit_device_private", "transit_server_private")):
            fields |= {side + "_static": read(private), side + "_ephemeral": draw, side + "_random": draw}
        # An ephemeral key follows from the draw and from h before the message (13.3a), which the reference comes to know on its way.
        for side, before in (("initiator", "start.h"), ("responder", "message1.h")):
            try:
                take_part(fields)
            except SealwaxError:
                h = [value for name, value in NOTES if name == before][-1]
                fields[side + "_ephemeral"] = hedged(fields[side + "_static"], fields[side + "_random"], 0, h)
        with recording(needles, "handshake"):
            secrets = take_part(fields)
        public.append(secrets["binding"])
        for direction in ("initiator_to_responder", "responder_to_initiator"):
            direct(needles, secrets[direction])
    device_key = read("device_key")
    k_export = expand(device_key, b"sealwax/v1/transit/export\0\x02", 32)
    needles.add_hmac_key("K_export", k_export)
    needles.add_hmac_key("K_export-salt", expand(device_key, b"sealwax/v1/transit/export-salt\0\x02", 32))
    for kept in printed.of("kept"):
        reader = Reader(kept)
        head = reader.take(6)
        with recording(needles, "kept session", secret=False):
            open_t(k_export, 2, head + b"\0" + read("transit_server_public"), reader.take(reader.left()))


def direct(needles, secret):
    """The keys of one direction and what they are used with: format.md 13.9."""
    for epoch in range(4):
        needles.add_hmac_key("secret of an epoch", secret)
        key = expand(secret, b"sealwax/v1/transit/record\0\x02" + epoch.to_bytes(4, "big"), 44)
        needles.add_hmac_key("key of records", key[:32])
        for counter in range(3):
            nonce = (int.from_bytes(key[32:], "big") ^ counter).to_bytes(12, "big")
            needles.add_stream("record", key[:32], nonce, bytes(1024))
        secret = expand(secret, b"sealwax/v1/transit/next\0\x02", 32)


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
