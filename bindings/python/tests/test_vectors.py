# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every file of tests/vectors, through every way that Python has to open it (format.md 12)."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sealwax
import sealwax.transit
from conftest import ROOT, left, shared

EXPECTED = {
    "Decrypt": sealwax.DecryptionError,
    "Format": sealwax.FormatError,
    "Truncated": sealwax.TruncatedError,
    "Limit": sealwax.LimitError,
    "UnknownKey": sealwax.UnknownKeyError,
    "KeyState": sealwax.KeyStateError,
}
#: A pipe's reader cannot tell a cut chunk from a changed one (format.md 11.6).
END_OF_PIPE = (sealwax.TruncatedError, sealwax.DecryptionError)
#: Type, fields always there, fields there only where `expect` is `ok`.
FIELDS = {
    "token": (["keys", "context", "token", "token_text", "salt", "intermediates"], ["plaintext"]),
    "envelope": (["keys", "external", "envelope", "intermediates"], ["stored", "plaintext", "opened_via"]),
    "keyset": (["protection", "keys", "file", "intermediates"], ["parsed"]),
    "recipient": (["string"], ["algorithm", "public_key", "fingerprint"]),
    "identity": (["string"], ["algorithm", "keyset_id", "version_id", "created", "secret"]),
    "share": (["string"], ["backup_id", "k", "n", "x", "value", "digest"]),
    "backup": (["shares", "keys", "file", "intermediates"], ["parsed"]),
    "usage": (["keyset", "seen", "file", "intermediates"], ["parsed"]),
    "handshake": (
        "pattern suite mode hybrid prologue psk initiator_static responder_static initiator_random responder_random "
        "initiator_ephemeral responder_ephemeral seed encapsulation messages intermediates".split(),
        ["contexts", "initiator_to_responder", "responder_to_initiator", "binding"],
    ),
    "session": (["device", "slot", "peer", "kept", "intermediates"], ["parsed", "steps"]),
}
#: Types that this face has no calls for.
NOT_OURS = ("record-",)
PATHS = sorted(path for path in (ROOT / "tests" / "vectors").glob("*.json") if not path.name.startswith(NOT_OURS))
ALGORITHMS = ["cobblestone-256", "chacha20-poly1305", "x25519", "x-wing"]


def test_the_vectors_are_there() -> None:
    assert len(PATHS) >= 614


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_vector(path: Path, tmp_path: Path) -> None:
    vector = json.loads(path.read_text(encoding="utf-8"))
    always, if_ok = FIELDS[vector["type"]]
    fields = {"comment", "expect", "type", *always}
    if vector["expect"] == "ok":
        fields |= set(if_ok)
    assert set(vector) == fields, "an unknown field, or a missing one"
    RUNNERS[vector["type"]](vector, tmp_path)


def outcome(call: Callable[[], Any], expect: str, also: tuple[type[BaseException], ...] = ()) -> Any:
    """What `call` returns, where that is what should happen; None where it raises what it should."""
    if expect == "ok":
        return call()
    with pytest.raises(EXPECTED[expect]) if EXPECTED[expect] not in also else pytest.raises(also):
        call()
    return None


def unprotected(encoding: bytes) -> bytes:
    """format.md 8.4."""
    check = hashlib.sha256(b"sealwax/v1/unprotected\0" + encoding).digest()[:16]
    return b"SWKS\x01" + encoding + check


def keyset_of(keyset_id: str, versions: list[dict[str, Any]], primary: int = 0) -> sealwax.Keyset:
    """A keyset of this material (format.md 8.1), unless told without a primary."""
    pairs = versions[0]["algorithm"] > 2
    out = b"\x01" + bytes.fromhex(keyset_id) + b"\x04test" + (1).to_bytes(8, "big") + bytes(32)
    out += (
        primary.to_bytes(4, "big") + bytes(24) + bytes([0x0C if pairs else 0x03, 0]) + len(versions).to_bytes(4, "big")
    )
    for version in sorted(versions, key=lambda version: version["version_id"]):
        body = version["version_id"].to_bytes(4, "big") + bytes([version["algorithm"], 2])
        body += (1_700_000_000).to_bytes(8, "big") + bytes(16) + bytes(2)
        body += b"\x20" + bytes.fromhex(version["secret"])
        out += len(body).to_bytes(2, "big") + body
    return sealwax.Keyset.from_bytes(unprotected(out), unprotected=True)


def held(keys: dict[str, Any]) -> dict[str, Any]:
    """The keys of a vector, as the keywords that open."""
    assert set(keys) <= {"keysets", "passphrase", "raw_keys", "provider_keys"}
    given: dict[str, Any] = {}
    keysets = []
    for keyset in keys.get("keysets", []):
        # A keyset of a vector may hold both families; a keyset of ours has one.
        for family in (lambda v: v["algorithm"] <= 2, lambda v: v["algorithm"] > 2):
            if versions := [version for version in keyset["versions"] if family(version)]:
                keysets.append(keyset_of(keyset["keyset_id"], versions))
    if keysets:
        given["keyset"] = keysets
    if "passphrase" in keys:
        given["passphrase"] = keys["passphrase"]
    others: list[Any] = [
        sealwax.RawKey(bytes.fromhex(key["key_id"]), bytes.fromhex(key["key"])) for key in keys.get("raw_keys", [])
    ]
    for key in keys.get("provider_keys", []):
        secret = bytes.fromhex(key["key"])
        if len(secret) != 32:
            # A key of another length never gets as far: it is a failed trial, as a wrong one is (format.md 5.6).
            with pytest.raises(sealwax.ProviderError):
                sealwax.ProvidedKey(key["provider"], key["key_name"], secret)
            secret = bytes(32)
        others.append(sealwax.ProvidedKey(key["provider"], key["key_name"], secret))
    if others:
        given["keys"] = others
    return given


def unhex(mapping: dict[str, str]) -> dict[str, bytes]:
    return {name: bytes.fromhex(value) for name, value in mapping.items()}


def run_token(vector: dict[str, Any], _: Path) -> None:
    keysets = held(vector["keys"]).get("keyset", [])
    context, token, expect = unhex(vector["context"]), bytes.fromhex(vector["token"]), vector["expect"]
    wanted = bytes.fromhex(vector.get("plaintext", ""))
    opened = outcome(lambda: sealwax.Keyset.open_any(keysets, token, context=context), expect)
    assert opened in (None, wanted)
    if len(keysets) != 1:
        return
    [keyset] = keysets

    def into() -> bytes:
        target = bytearray(len(token))
        return bytes(target[: keyset.open_into(bytearray(token), target, context=context)])

    for call in (
        lambda: keyset.open(token, context=context),
        lambda: keyset.open(memoryview(bytearray(token)), context=context),
        into,
        lambda: keyset.open_many([token], context=context)[0],
        lambda: keyset.open_many([bytearray(token)], context=[context])[0],
    ):
        opened = outcome(call, expect)
        assert opened in (None, wanted)


class Pipe(io.RawIOBase):
    """Cannot seek, and gives little at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__()
        self.data, self.step, self.at = data, step, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.data[self.at : self.at + min(self.step, len(buffer))]
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)


def run_envelope(vector: dict[str, Any], tmp_path: Path) -> None:
    keys = held(vector["keys"])
    keys["external"] = unhex(vector["external"])
    envelope, expect = bytes.fromhex(vector["envelope"]), vector["expect"]
    wanted = bytes.fromhex(vector.get("plaintext", ""))
    source, target = tmp_path / "sealed", tmp_path / "opened"
    source.write_bytes(envelope)

    def into() -> bytes:
        room = bytearray(len(envelope))
        return bytes(room[: sealwax.open_into(envelope, room, **keys)])

    def file_to_file() -> bytes:
        try:
            sealwax.open_file(source, target, **keys)
            return target.read_bytes()
        finally:
            target.unlink(missing_ok=True)
            assert left(tmp_path) == ["sealed"], "nothing unfinished is left behind"

    def read_all(file: Any) -> bytes:
        with sealwax.open(file, **keys) as reader:
            data = reader.read()
            if expect == "ok":
                assert reader.opened_via["kind"] == vector["opened_via"]
                assert reader.stored_context == unhex(vector["stored"])
            return data

    def backwards() -> bytes:
        with sealwax.open(source, buffering=0, **keys) as reader:
            starts = range(0, reader.plaintext_len, 777)
            pieces = []
            for start in reversed(starts):
                reader.seek(start)
                pieces.append(reader.read(777))
            return b"".join(reversed(pieces))

    def verified() -> bytes:
        report = sealwax.verify(source, **keys)
        assert report["plaintext_len"] == len(wanted)
        assert report["opened_via"]["kind"] == vector["opened_via"]
        return wanted

    calls: list[tuple[Callable[[], bytes], tuple[type[BaseException], ...]]] = [
        (lambda: sealwax.open_bytes(envelope, **keys), ()),
        (lambda: sealwax.open_bytes(bytearray(envelope), threads=2, **keys), ()),
        (into, ()),
        (file_to_file, ()),
        (lambda: read_all(source), ()),
        (lambda: read_all(io.BytesIO(envelope)), ()),
        (backwards, ()),
        (lambda: read_all(Pipe(envelope, 97)), END_OF_PIPE),
        (lambda: read_all(Pipe(envelope, 1 << 20)), END_OF_PIPE),
    ]
    if vector["expect"] in ("ok", "Format", "UnknownKey", "KeyState"):
        calls.append((verified, ()))
    for call, also in calls:
        opened = outcome(call, expect, also)
        assert opened in (None, wanted)


def run_keyset(vector: dict[str, Any], tmp_path: Path) -> None:
    keys = held(vector["keys"])
    if {"unprotected": True, "envelope": False}[vector["protection"]]:
        # Python asks for one or the other, before it looks at the file.
        keys = {"unprotected": True}
    elif not keys:
        keys["keys"] = [sealwax.RawKey(bytes(16), bytes(32))]
    data, path = bytes.fromhex(vector["file"]), tmp_path / "keyset"
    path.write_bytes(data)
    for call in (
        lambda: sealwax.Keyset.from_bytes(data, **keys),
        lambda: sealwax.Keyset.from_bytes(bytearray(data), **keys),
        lambda: sealwax.Keyset.load(path, **keys),
    ):
        keyset = outcome(call, vector["expect"])
        if keyset is not None:
            check_keyset(keyset, vector)


def check_keyset(keyset: sealwax.Keyset, vector: dict[str, Any]) -> None:
    parsed, info = vector["parsed"], keyset.info()
    assert info["id"] == keyset.id == parsed["keyset_id"]
    assert info["name"] == keyset.name == parsed["name"]
    assert info["revision"] == keyset.revision == parsed["revision"]
    assert info["primary"] == (f"{parsed['primary']:08x}" if parsed["primary"] else None)
    assert info["read_only"] == parsed["read_only"]
    assert keyset.fingerprint == vector["intermediates"]["fingerprint"]
    policy = parsed["policy"]
    allowed = [name for bit, name in enumerate(ALGORITHMS) if policy["algorithms"] >> bit & 1]
    assert info["policy"] == {
        "rotate_after_seconds": policy["rotate_after_seconds"],
        "rotate_after_messages": policy["rotate_after_messages"],
        "rotate_after_bytes": policy["rotate_after_bytes"],
        "algorithms": allowed,
        "allow_raw_export": policy["flags"] == 1,
    }
    states = ["pre-active", "active", "suspended", "deactivated", "compromised", "destroyed"]
    assert len(info["versions"]) == len(parsed["versions"])
    for version, wanted in zip(info["versions"], parsed["versions"], strict=True):
        assert version["id"] == f"{wanted['version_id']:08x}"
        assert version["algorithm"] == ALGORITHMS[wanted["algorithm"] - 1]
        assert version["state"] == states[wanted["state"] - 1]
        assert version["created"] == wanted["created"]
        assert (version["activate_at"] or 0) == wanted["activate_at"]
        assert (version["deactivate_at"] or 0) == wanted["deactivate_at"]
        assert version["changes"] == [
            {"state": states[change["state"] - 1], "at": change["at"], "reason": change["reason"]}
            for change in wanted["changes"]
        ]
    if parsed["read_only"]:
        with pytest.raises(sealwax.MisuseError):
            keyset.to_bytes(unprotected=True)
    else:
        encoding = bytes.fromhex(vector["intermediates"]["encoding"])
        assert keyset.to_bytes(unprotected=True) == unprotected(encoding)


def run_recipient(vector: dict[str, Any], _: Path) -> None:
    text = vector["string"]
    recipient = outcome(lambda: sealwax.Recipient(text), vector["expect"])
    if recipient is None:
        return
    assert recipient.algorithm == ALGORITHMS[vector["algorithm"] - 1]
    assert recipient.public_key.hex() == vector["public_key"]
    assert recipient.fingerprint == vector["fingerprint"]
    assert str(recipient) == text.strip("\t\n\r ")
    assert recipient == sealwax.Recipient(str(recipient))


def run_identity(vector: dict[str, Any], _: Path) -> None:
    text = vector["string"]
    identity = outcome(lambda: sealwax.Keyset.from_identity(text), vector["expect"])
    if identity is None:
        return
    info = identity.info()
    [version] = info["versions"]
    assert version["algorithm"] == ALGORITHMS[vector["algorithm"] - 1]
    assert (info["id"], info["name"], info["revision"]) == (vector["keyset_id"], "identity", 1)
    assert version["id"] == info["primary"] == f"{vector['version_id']:08x}"
    assert version["created"] == vector["created"]
    assert identity.to_bytes(unprotected=True)[-48:-16].hex() == vector["secret"]
    assert identity.expose_identity() == text.strip("\t\n\r ")


def run_share(vector: dict[str, Any], _: Path) -> None:
    text = vector["string"]
    share = outcome(lambda: sealwax.Share(text), vector["expect"])
    if share is None:
        return
    assert (share.backup, share.threshold, share.count) == (vector["backup_id"], vector["k"], vector["n"])
    assert share.number == vector["x"]
    assert share.expose_text() == text.strip("\t\n\r ")
    assert text.strip() not in repr(share)


def run_backup(vector: dict[str, Any], _: Path) -> None:
    data = bytes.fromhex(vector["file"])

    def restore() -> sealwax.Keyset:
        if vector["keys"]:
            keys = held(vector["keys"])
            keys["identity"] = keys.pop("keyset", ())
            return sealwax.Keyset.from_bytes(data, **keys)
        return sealwax.Keyset.restore_from_shares(data, vector["shares"])

    keyset = outcome(restore, vector["expect"])
    if keyset is not None:
        check_keyset(keyset, vector)


def run_usage(vector: dict[str, Any], tmp_path: Path) -> None:
    """Through a store, which reads the usage file beside its keyset file."""
    keyset = sealwax.Keyset.from_bytes(bytes.fromhex(vector["keyset"]), unprotected=True)
    path, beside = tmp_path / "test.swxk", tmp_path / "test.swxl"
    path.write_bytes(bytes.fromhex(vector["keyset"]))
    file = bytes.fromhex(vector["file"])

    def usage() -> dict[str, Any]:
        # What the store saw before, where that matters.
        beside.write_bytes(bytes.fromhex(vector["seen"]) or file)
        with sealwax.Store.open(path, unprotected=True) as store:
            beside.write_bytes(file)
            assert store.keyset.id == keyset.id
            return store.usage()

    usages = outcome(usage, vector["expect"])
    if usages is not None:
        fields = ("messages", "bytes", "failed_opens")
        wanted = {f"{row['version_id']:08x}": [row[name] for name in fields] for row in vector["parsed"]["usages"]}
        assert {version: [used[name] for name in fields] for version, used in usages.items()} == wanted


def run_handshake(vector: dict[str, Any], _: Path) -> None:
    """Message 1, by the responder: what follows it is made from randomness that Python does not take from outside."""
    keys = [
        keyset_of(f"{at:032x}", [{"version_id": 1, "algorithm": 3, "secret": secret}], primary=1) if secret else None
        for at, secret in enumerate((vector["initiator_static"], vector["responder_static"]))
    ]
    pattern = ["XX", "IK", "KK", "NNpsk0", "IKpsk2"][vector["pattern"] - 1]
    terms: dict[str, Any] = {
        "identity": keys[1],
        "peers": [keys[0].recipient()] if keys[0] else None,
        "psk": bytes.fromhex(vector["psk"]) or None,
        "pattern": pattern,
        "suite": ALGORITHMS[vector["suite"] - 1],
        "mode": ["stream", "datagram"][vector["mode"] - 1],
        "post_quantum": vector["hybrid"] == 1,
        "prologue": bytes.fromhex(vector["prologue"]),
    }
    first, context = bytes.fromhex(vector["messages"][0]), unhex(vector["contexts"][0])
    # Nothing authenticates the first message of XX without X-Wing.
    if pattern != "XX" or vector["hybrid"] == 1:
        other = sealwax.transit.Handshake(False, **{**terms, "prologue": b"other"})
        with pytest.raises(sealwax.DecryptionError):
            other.read(first)
        with pytest.raises(sealwax.DecryptionError):
            sealwax.transit.Handshake(False, **terms).read(first[:-1] + bytes([first[-1] ^ 1]))
    handshake = sealwax.transit.Handshake(False, **terms)
    assert not handshake.writes_next
    assert handshake.read(first) == context
    assert handshake.writes_next
    assert handshake.peer == (terms["peers"][0] if terms["peers"] and pattern != "XX" else None)
    assert handshake.write()[:2] == b"\x21\x01"


def run_session(vector: dict[str, Any], _: Path) -> None:
    """A session that was kept, and what it does then; the salt of what it keeps is drawn here and not given."""
    place: dict[str, Any] = {name: bytes.fromhex(vector[name]) for name in ("device", "slot")}
    public_key = bytes.fromhex(vector["peer"])
    place["peer"] = sealwax.Recipient(x25519_text(public_key)) if public_key else None
    kept = bytes.fromhex(vector["kept"])
    session = outcome(lambda: sealwax.transit.Session.import_(kept, **place), vector["expect"])
    if session is None:
        return
    parsed = vector["parsed"]
    assert session.binding.hex() == parsed["binding"] and session.wants_rekey_request
    assert session.epochs[1] == parsed["receiving"]["epoch"]
    for step in vector["steps"]:
        if step["do"] == "store":
            stored: list[bytes] = []
            session.reserve(step["block"], device=place["device"], slot=place["slot"], store=stored.append)
            [state] = stored
            assert len(state) == len(kept) and state[:6] == kept[:6]
            again = sealwax.transit.Session.import_(state, **place)
            assert again.epochs[1] == session.epochs[1] and again.binding == session.binding
        elif step["do"] == "seal":
            assert outcome(lambda step=step: seal_step(session, step), step["expect"]) == step.get("record")
        else:
            record, associated = bytes.fromhex(step["record"]), bytes.fromhex(step["associated"])
            opened = outcome(lambda given=(record, associated): session.open(*given), step["expect"])
            if opened is not None:
                assert opened == (CONTENTS.get(step["content"], step["content"]), bytes.fromhex(step["plaintext"]))


def seal_step(session: sealwax.transit.Session, step: dict[str, Any]) -> str:
    if step["new_epoch"]:
        session.rekey()
    if step["content"] == "data":
        return session.seal(bytes.fromhex(step["plaintext"]), bytes.fromhex(step["associated"])).hex()
    assert step["content"] == "rekey-request"
    return session.rekey_request().hex()


def x25519_text(public_key: bytes) -> str:
    """The recipient string of a public key (format.md 9): Bech32m, of the algorithm's number and the key."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    bits = int.from_bytes(b"\x03" + public_key, "big") << 1
    words = [bits >> 5 * i & 31 for i in range(53)][::-1]
    human = "sealwaxpub"
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human] + words
    check = 1
    for value in values + [0] * 6:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, constant in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= constant if top >> i & 1 else 0
    check ^= 0x2BC830A3
    words += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return human + "1" + "".join(alphabet[word] for word in words)


#: What Python calls the contents of a record.
CONTENTS = {"rekey-request": "rekey"}
RUNNERS = {
    "session": run_session,
    "handshake": run_handshake,
    "share": run_share,
    "backup": run_backup,
    "usage": run_usage,
    "token": run_token,
    "envelope": run_envelope,
    "keyset": run_keyset,
    "recipient": run_recipient,
    "identity": run_identity,
}


def test_public_keys_of_x_wing_are_those_of_its_draft() -> None:
    """Needs ../shared/vectors; of it, only these keys can be reached from Python."""
    vectors = json.loads((shared("xwing") / "xwing-test-vectors.json").read_text(encoding="utf-8"))
    assert len(vectors) >= 3
    for vector in vectors:
        identity = sealwax.Keyset.import_raw(bytes.fromhex(vector["sk"]), suite="x-wing")
        assert identity.recipient().public_key.hex() == vector["pk"]
