# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a handshake of IKpsk2 in suite 2 and its session work with, from its two messages and from what each side drew (format.md 13)."""
from needles import recording
from reader.base import expand, NOTES, SealwaxError
from reader.handshakes import hedged, take_part

SIDES = ("initiator", "responder")


def add_handshake(needles, messages, draws, privates, psk):
    """The public binding comes back, which is no secret."""
    fields = {
        "pattern": 5, "suite": 2, "mode": 2, "hybrid": 0, "prologue": b"", "psk": psk, "seed": b"",
        "messages": [message.hex() for message in messages]}
    for draw, side, private in zip(draws, SIDES, privates):
        fields |= {side + "_static": private, side + "_ephemeral": draw, side + "_random": draw}
    # An ephemeral key follows from the draw and from h before the message (13.3a), which the reference comes to know on its way.
    for side, before in zip(SIDES, ("start.h", "message1.h")):
        try:
            take_part(fields)
        except SealwaxError:
            h = [value for name, value in NOTES if name == before][-1]
            fields[side + "_ephemeral"] = hedged(fields[side + "_static"], fields[side + "_random"], 0, h)
    with recording(needles, "handshake"):
        secrets = take_part(fields)
    for direction in ("initiator_to_responder", "responder_to_initiator"):
        add_direction(needles, secrets[direction])
    return secrets["binding"]


def add_direction(needles, secret):
    """The keys of one direction and what they are used with: format.md 13.9."""
    for epoch in range(4):
        needles.add_hmac_key("secret of an epoch", secret)
        key = expand(secret, b"sealwax/v1/transit/record\0\x02" + epoch.to_bytes(4, "big"), 44)
        needles.add_hmac_key("key of records", key[:32])
        for counter in range(3):
            nonce = (int.from_bytes(key[32:], "big") ^ counter).to_bytes(12, "big")
            needles.add_stream("record", key[:32], nonce, bytes(1024))
        secret = expand(secret, b"sealwax/v1/transit/next\0\x02", 32)
