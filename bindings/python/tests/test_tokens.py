# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tokens and envelopes in memory."""

from __future__ import annotations

import array
import ctypes
import os
import types
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sealwax
from sealwax import Keyset

KEYSET = Keyset.generate("test")
ROW = {"table": "cards", "row": b"42"}
names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
contexts = st.dictionaries(
    names.filter(lambda name: not name.startswith("sealwax.")),
    st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.binary(max_size=300)),
    max_size=12,
)


@settings(deadline=None, max_examples=150)
@given(data=st.binary(max_size=300), context=contexts)
def test_what_is_sealed_opens_with_its_context_alone(data: bytes, context: dict[str, Any]) -> None:
    token = KEYSET.seal(data, context=context)
    assert len(token) == len(data) + sealwax.TOKEN_OVERHEAD
    shuffled = dict(sorted(context.items(), reverse=True))
    as_bytes = {name: value.encode() if isinstance(value, str) else value for name, value in shuffled.items()}
    assert KEYSET.open(token, context=as_bytes) == data
    assert KEYSET.open(token, context=types.MappingProxyType(context)) == data
    with pytest.raises(sealwax.DecryptionError):
        KEYSET.open(token, context=context | {"one more": "x"})
    envelope = sealwax.seal_bytes(data, keyset=KEYSET, external=context)
    assert sealwax.open_bytes(envelope, keyset=KEYSET, context=as_bytes) == data
    if context:
        with pytest.raises(sealwax.DecryptionError):
            KEYSET.open(token)
        with pytest.raises(sealwax.DecryptionError):
            sealwax.open_bytes(envelope, keyset=KEYSET)


@settings(deadline=None, max_examples=50)
@given(context=contexts)
def test_a_prepared_context_is_the_context_that_it_was_made_of(context: dict[str, Any]) -> None:
    prepared = sealwax.PreparedContext(context)
    assert prepared.to_dict() == {name: v.encode() if isinstance(v, str) else v for name, v in context.items()}
    assert KEYSET.open(KEYSET.seal(b"x", context=prepared), context=context) == b"x"
    assert KEYSET.open(KEYSET.seal(b"x", context=context), context=sealwax.PreparedContext(prepared)) == b"x"
    for one in (prepared, [prepared, context]):
        tokens = KEYSET.seal_many([b"x", b"y"], context=one)
        assert KEYSET.open_many(tokens, context=context) == [b"x", b"y"]
    envelope = sealwax.seal_bytes(b"x", keyset=KEYSET, external=prepared)
    assert sealwax.open_bytes(envelope, keyset=KEYSET, context=prepared) == b"x"


def test_a_field_may_have_any_name() -> None:
    rows = numpy.array([(1, 2.5), (3, 4.5)], dtype=[("Open", "i4"), ("O", "f8")])
    assert KEYSET.open(KEYSET.seal(rows)) == rows.tobytes()


class Pair(ctypes.Structure):
    _fields_ = (("first", ctypes.c_int), ("second", ctypes.c_double))


@pytest.mark.parametrize(
    "make", [ctypes.c_ubyte * 100, ctypes.c_int * 25, Pair, Pair * 3, lambda: ctypes.create_string_buffer(100)]
)
def test_the_memory_of_ctypes_is_a_buffer(make: Callable[[], Any]) -> None:
    value, target = make(), make()
    content = bytes(os.urandom(ctypes.sizeof(value)))
    ctypes.memmove(ctypes.addressof(value), content, len(content))
    token = KEYSET.seal(value)
    assert KEYSET.open(token) == content
    assert KEYSET.open_into(token, target) == len(content)
    assert ctypes.string_at(ctypes.addressof(target), len(content)) == content
    mixed = numpy.zeros(20, dtype=[("Price", "i4"), ("object", "O")])
    for objects in ((ctypes.py_object * 2)(), ctypes.py_object(), mixed):
        with pytest.raises(TypeError):
            KEYSET.open_into(token, objects)


def test_a_prepared_context_is_read_once() -> None:
    row = {"row": "1"}
    prepared = sealwax.PreparedContext(row)
    row["row"] = "2"
    assert prepared.to_dict() == {"row": b"1"}
    assert repr(prepared) == "sealwax.PreparedContext({'row': b'1'})"
    for wrong in (None, 5, "row", {"row": 5}, {5: "row"}):
        with pytest.raises(TypeError):
            sealwax.PreparedContext(wrong)  # type: ignore[arg-type]
    with pytest.raises(sealwax.MisuseError):
        sealwax.PreparedContext({"": "x"})


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_very_many_are_sealed_in_order(threads: int) -> None:
    values = [b"%d" % number * (1 + number % 50) for number in range(20_000)] + [bytes(65536)] * 40
    tokens = KEYSET.seal_many(values, context=ROW, threads=threads)
    assert KEYSET.open_many(tokens, context=ROW, threads=threads) == values
    tokens[15_000] = tokens[15_000][:-1] + bytes([tokens[15_000][-1] ^ 1])
    with pytest.raises(sealwax.DecryptionError) as raised:
        KEYSET.open_many(tokens, context=ROW, threads=threads)
    assert raised.value.__notes__ == ["value 15000 of 20040"]


@pytest.mark.parametrize(
    "make", [bytes, bytearray, memoryview, lambda b: array.array("B", b), lambda b: numpy.frombuffer(b, "u1")]
)
@pytest.mark.parametrize("size", [0, 1, 64, 4096, 4097, 65536])
def test_every_buffer_is_data(make: Callable[[bytes], Any], size: int) -> None:
    data = os.urandom(size)
    token = KEYSET.seal(make(data), context=ROW)
    assert KEYSET.open(make(token), context=ROW) == data
    envelope = sealwax.seal_bytes(make(data), keyset=KEYSET)
    assert sealwax.open_bytes(make(envelope), keyset=KEYSET) == data


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 1 << 19, (1 << 19) + 1, 20 << 20])
@pytest.mark.parametrize("threads", [1, 0])
def test_envelopes_of_every_size(size: int, threads: int) -> None:
    data = os.urandom(size)
    envelope = sealwax.seal_bytes(data, keyset=KEYSET, threads=threads)
    assert len(envelope) == sealwax.sealed_len(size, keyset=KEYSET)
    assert sealwax.open_bytes(envelope, keyset=KEYSET, threads=threads) == data
    target = bytearray(len(envelope) + 5)
    assert sealwax.seal_into(bytearray(data), target, keyset=KEYSET, threads=threads) == len(envelope)
    assert target[len(envelope) :] == bytes(5), "what lies behind is untouched"
    opened = bytearray(size + 5)
    assert sealwax.open_into(target[:-5], opened, keyset=KEYSET, threads=threads) == size
    assert opened[:size] == data and opened[size:] == bytes(5)


def test_a_failed_open_leaves_a_wiped_target() -> None:
    envelope = bytearray(sealwax.seal_bytes(bytes(b"secret" * 50_000), keyset=KEYSET))
    envelope[-1] ^= 1
    target = bytearray(b"\xff" * 300_000)
    with pytest.raises(sealwax.DecryptionError):
        sealwax.open_into(envelope, target, keyset=KEYSET)
    assert target == bytes(300_000)
    with pytest.raises(sealwax.DecryptionError):
        sealwax.open_bytes(bytes(envelope), keyset=KEYSET)
    token = bytearray(KEYSET.seal(b"secret"))
    token[-1] ^= 1
    small = bytearray(b"\xff" * 6)
    with pytest.raises(sealwax.DecryptionError):
        KEYSET.open_into(token, small)
    assert small == b"\xff" * 6


CALLS: list[tuple[str, Callable[[Any, Any], int], int]] = [
    ("token", lambda data, target: KEYSET.seal_into(data, target), 77 + 10),
    ("token", lambda _, target: KEYSET.open_into(KEYSET.seal(b"x" * 10), target), 10),
    ("envelope", lambda data, target: sealwax.seal_into(data, target, keyset=KEYSET), 0),
    (
        "envelope",
        lambda _, target: sealwax.open_into(sealwax.seal_bytes(b"x" * 10, keyset=KEYSET), target, keyset=KEYSET),
        10,
    ),
]


@pytest.mark.parametrize(("kind", "call", "room"), CALLS)
def test_targets_that_are_no_good(kind: str, call: Callable[[Any, Any], int], room: int) -> None:
    room = room or sealwax.sealed_len(10, keyset=KEYSET)
    data = b"x" * 10
    assert call(data, bytearray(room)) == room
    with pytest.raises(sealwax.MisuseError, match="needed"):
        call(data, bytearray(room - 1))
    with pytest.raises(sealwax.MisuseError, match="read-only"):
        call(data, bytes(room))
    with pytest.raises(sealwax.MisuseError, match="read-only"):
        call(data, memoryview(bytearray(room)).toreadonly())
    with pytest.raises(TypeError):
        call(data, "text")
    with pytest.raises(TypeError):
        call(data, None)
    with pytest.raises(BufferError):
        call(data, memoryview(bytearray(2 * room))[::2])
    released = memoryview(bytearray(room))
    released.release()
    with pytest.raises(ValueError):
        call(data, released)


def test_a_target_that_overlaps_its_input_is_misuse() -> None:
    room = bytearray(100_000)
    for call in (
        lambda: sealwax.seal_into(memoryview(room)[:10], room, keyset=KEYSET),
        lambda: sealwax.seal_into(memoryview(room)[50:60], memoryview(room)[55:], keyset=KEYSET),
        lambda: sealwax.open_into(room, room, keyset=KEYSET),
        lambda: KEYSET.seal_into(memoryview(room)[:10], room),
        lambda: KEYSET.open_into(room, room),
    ):
        with pytest.raises(sealwax.MisuseError, match="overlaps"):
            call()
    beside = memoryview(room)
    assert sealwax.seal_into(beside[:10], beside[10:], keyset=KEYSET) > 10


def test_wrong_data_and_contexts() -> None:
    for call in (KEYSET.seal, KEYSET.open, lambda data: sealwax.seal_bytes(data, keyset=KEYSET)):
        for data in ("text", None, 5, [1, 2], object()):
            with pytest.raises(TypeError):
                call(data)
        with pytest.raises(BufferError):
            call(memoryview(bytes(10))[::2])
        with pytest.raises(BufferError):
            call(numpy.zeros((4, 4))[:, 1])
    for context in ("text", 5, [("a", "b")], {"a": 1}, {"a": None}, {1: "a"}, {"a": ["b"]}, {b"a": "b"}):
        with pytest.raises(TypeError):
            KEYSET.seal(b"", context=context)  # type: ignore[arg-type]
    for bad in ({"": "x"}, {"a\n": "x"}, {"x" * 256: "x"}, {"\ud800": "x"}, {"a": "\ud800"}):
        with pytest.raises(sealwax.MisuseError):
            KEYSET.seal(b"", context=bad)
    with pytest.raises(sealwax.MisuseError):
        KEYSET.seal(b"", context={"sealwax.x": "y"})
    for large in ({str(n): "x" for n in range(65)}, {"a": "x" * 40_000}, {"a": b"x" * 32_768}):
        with pytest.raises(sealwax.LimitError):
            KEYSET.seal(b"", context=large)
    with pytest.raises(sealwax.LimitError):
        KEYSET.seal(bytes(65_537))
    with pytest.raises(sealwax.LimitError):
        KEYSET.seal_many([b"", bytes(65_537)])
    with pytest.raises(TypeError):
        KEYSET.seal(b"", nothing=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        sealwax.seal_bytes(b"", keyset=KEYSET, nothing=None)  # type: ignore[call-arg]
    with pytest.raises(sealwax.MisuseError):
        sealwax.seal_bytes(b"", keyset=KEYSET, threads=-1)


def test_errors_say_who_must_act() -> None:
    other = Keyset.generate("other")
    token = KEYSET.seal(b"value")
    with pytest.raises(sealwax.UnknownKeyError) as unknown:
        other.open(token)
    assert KEYSET.primary is not None and KEYSET.primary in unknown.value.wanted
    with pytest.raises(sealwax.FormatError) as malformed:
        KEYSET.open(b"\x99" * 100)
    assert malformed.value.clause in str(malformed.value)
    with pytest.raises(sealwax.FormatError):
        KEYSET.open(token[:76])
    identity = Keyset.generate("identity", "x25519")
    with pytest.raises(sealwax.MisuseError):
        identity.seal(b"value")
    assert issubclass(sealwax.MisuseError, ValueError)
    assert not issubclass(sealwax.TruncatedError, (EOFError, OSError))
    for error in (sealwax.DecryptionError, sealwax.FormatError, sealwax.LimitError, sealwax.UnknownKeyError):
        assert issubclass(error, sealwax.SealwaxError) and error.__module__ == "sealwax"


def test_many_are_as_one_by_one() -> None:
    values = [os.urandom(n % 90) for n in range(3000)]
    for threads in (0, 1, 2, 7):
        tokens = KEYSET.seal_many(values, context=ROW, threads=threads)
        assert [KEYSET.open(token, context=ROW) for token in tokens] == values
        assert KEYSET.open_many(tokens, context=ROW, threads=threads) == values
    contexts = [{"row": str(n)} for n in range(3000)]
    tokens = KEYSET.seal_many(iter(values), context=contexts)
    assert KEYSET.open_many(tuple(tokens), context=iter(contexts)) == values
    with pytest.raises(sealwax.DecryptionError) as raised:
        KEYSET.open_many(tokens, context=contexts[:-1] + [{"row": "0"}])
    assert raised.value.__notes__ == ["value 2999 of 3000"]
    with pytest.raises(sealwax.MisuseError, match="as many contexts"):
        KEYSET.seal_many(values, context=contexts[:-1])
    assert KEYSET.seal_many([]) == []
    assert KEYSET.open_many(KEYSET.seal_many([b""])) == [b""]
    with pytest.raises(TypeError, match="sequence"):
        KEYSET.seal_many(b"one")
    with pytest.raises(TypeError):
        KEYSET.seal_many([b"one", "two"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        KEYSET.seal_many(5)  # type: ignore[arg-type]


def test_rows_of_an_array_are_values() -> None:
    rows = numpy.random.default_rng(1).integers(0, 256, (100, 16), dtype="u1")
    tokens = KEYSET.seal_many(list(rows))
    opened = KEYSET.open_many(tokens)
    assert numpy.array_equal(numpy.frombuffer(b"".join(opened), "u1").reshape(rows.shape), rows)


def test_several_keysets_open_what_one_of_them_sealed() -> None:
    others = [Keyset.generate(str(n)) for n in range(3)]
    token = others[1].seal(b"value", context=ROW)
    assert Keyset.open_any(others, token, context=ROW) == b"value"
    with pytest.raises(sealwax.UnknownKeyError):
        Keyset.open_any([], token)
    with pytest.raises(TypeError):
        Keyset.open_any([5], token)  # type: ignore[list-item]


@pytest.mark.parametrize("kind", ["keyset", "passphrase", "x25519", "x-wing", "raw-key", "provider"])
def test_every_kind_of_recipient(kind: str, cheap: sealwax.Passphrase) -> None:
    seal: dict[str, Any]
    opening: dict[str, Any]
    if kind in ("x25519", "x-wing"):
        identity = Keyset.generate("identity", kind)  # type: ignore[arg-type]
        seal, opening = {"recipients": identity.recipient()}, {"identities": identity.expose_identity()}
    elif kind == "raw-key":
        key = sealwax.RawKey(bytes(range(16)), os.urandom(32))
        seal, opening = {"recipients": [key]}, {"keys": [key]}
    elif kind == "passphrase":
        seal, opening = {"passphrase": cheap}, {"passphrase": "correct horse"}
    elif kind == "provider":
        drawn: list[bytes] = []
        wrap = lambda key: drawn.append(key) or b"blob"  # noqa: E731
        seal = {"recipients": sealwax.ProviderRecipient("kms", "key 1", wrap)}
        opening = {"keys": sealwax.ProvidedKey("kms", "key 1", drawn[0])}
    else:
        seal, opening = {"keyset": KEYSET}, {"keyset": [Keyset.generate("other"), KEYSET]}
    envelope = sealwax.seal_bytes(b"content", context={"a": "b"}, **seal)
    assert sealwax.open_bytes(envelope, require=kind, context={"a": "b"}, **opening) == b"content"
    [entry] = sealwax.inspect(envelope)["recipients"]
    assert entry["kind"] == kind
    other = "keyset" if kind != "keyset" else "passphrase"
    with pytest.raises(sealwax.UnknownKeyError):
        sealwax.open_bytes(envelope, require=[other], **opening)
    with pytest.raises(sealwax.DecryptionError):
        sealwax.open_bytes(envelope, context={"a": "c"}, **opening)
    with pytest.raises(sealwax.DecryptionError):
        sealwax.open_bytes(envelope, min_epoch=2, **opening)


def test_recipients_that_weaken_each_other_need_a_word() -> None:
    weak = Keyset.generate("weak", "x25519").recipient()
    with pytest.raises(sealwax.MisuseError):
        sealwax.seal_bytes(b"", keyset=KEYSET, recipients=weak)
    envelope = sealwax.seal_bytes(b"", keyset=KEYSET, recipients=weak.hidden(), danger_mix_recipients=True)
    entries = sealwax.inspect(envelope)["recipients"]
    assert [entry["kind"] for entry in entries] == ["keyset", "x25519"]
    assert entries[1]["fingerprint"] is None


def test_a_provider_that_does_not_do_its_part() -> None:
    for wrap in (lambda key: None, lambda key: "text", lambda key: b"", lambda key: b"x" * 70_000):
        with pytest.raises(sealwax.ProviderError):
            sealwax.ProviderRecipient("kms", "key", wrap)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        sealwax.ProviderRecipient("kms", "key", lambda key: 1 // 0)  # type: ignore[arg-type, return-value]
    with pytest.raises(sealwax.MisuseError):
        sealwax.ProviderRecipient("", "key", bytes)


def test_a_buffer_that_changes_meanwhile_never_opens_to_something_else() -> None:
    import threading

    true = os.urandom(3_000_000)
    envelope = bytearray(sealwax.seal_bytes(true, keyset=KEYSET))
    stop = threading.Event()

    def disturb() -> None:
        while not stop.is_set():
            for at in range(2000, len(envelope), 100_001):
                envelope[at] ^= 1
                envelope[at] ^= 1

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(20):
            try:
                assert sealwax.open_bytes(envelope, keyset=KEYSET, threads=2) == true
            except sealwax.DecryptionError:
                pass
    finally:
        stop.set()
        thread.join()


def test_what_is_no_key_is_told_what_is(keyset: Keyset) -> None:
    for path in ("keys.swxk", "/home/me/keys.swxk", "", "correct horse"):
        with pytest.raises(sealwax.FormatError, match=r"Keyset\.load"):
            sealwax.open_bytes(b"", keyset=path)  # type: ignore[arg-type]
        with pytest.raises(sealwax.FormatError, match=r"Keyset\.load"):
            sealwax.seal_bytes(b"", recipients=path)
    with pytest.raises(sealwax.FormatError, match="9.1"):
        sealwax.seal_bytes(b"", recipients="sealwaxpub1mistyped")
    with pytest.raises(sealwax.FormatError, match="upper case"):
        sealwax.open_bytes(b"", identities="sealwax-secret-1mistyped")
    with pytest.raises(sealwax.MisuseError, match="give keyset, recipients or passphrase"):
        sealwax.seal_bytes(b"")
    with pytest.raises(TypeError, match='"row" is a str or bytes, not int'):
        keyset.seal(b"", context={"row": 42})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="name is a str, not int"):
        keyset.seal(b"", context={42: "row"})  # type: ignore[dict-item]
