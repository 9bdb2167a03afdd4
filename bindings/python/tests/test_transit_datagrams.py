# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions over UDP, limits, and sessions that outlive restarts."""

from __future__ import annotations

import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import sealwax
from sealwax import transit

PSK = bytes(range(32))
DEVICE = bytes(32 - i for i in range(32))
ANN, BOB, EVE = (sealwax.Keyset.generate(name, "x25519") for name in ("ann", "bob", "eve"))
ENDS: list[dict[str, Any]] = [
    {"identity": ANN, "peers": [BOB.recipient()]},
    {"identity": BOB, "peers": [ANN.recipient()]},
]


def udp() -> socket.socket:
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


class Relay:
    """Carries packets between one that comes first and a server, badly, until it is closed."""

    def __init__(self, server: Any, seed: int) -> None:
        self.sock, self.server, self.random = udp(), server, random.Random(seed)
        self.sock.settimeout(0.02)
        self.lost = self.repeated = self.forged = 0
        self.is_over = False
        self.thread = threading.Thread(target=self.carry)
        self.thread.start()

    def carry(self) -> None:
        client, held = None, []
        while not self.is_over:
            try:
                packet, came = self.sock.recvfrom(70_000)
            except TimeoutError:
                for late in held:
                    self.sock.sendto(*late)
                held = []
                continue
            if came != self.server:
                client = client or came
            to = client if came == self.server else self.server
            what = self.random.randrange(10)
            if what < 2:
                self.lost += 1
                continue
            if what == 2:
                held.append((packet, to))
                continue
            if what == 3:
                self.repeated += 1
                held.append((packet, to))
            if what == 4:
                self.forged += 1
                at = self.random.randrange(len(packet))
                self.sock.sendto(packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1 :], to)
            self.sock.sendto(packet, to)

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over = True
        self.thread.join()
        self.sock.close()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pattern": "XX", "suite": "cobblestone-256"},
        {"pattern": "KK", "post_quantum": False},
        {"identity": None, "peers": None, "psk": PSK},
    ],
)
def test_a_bad_network_delays_a_handshake_and_repeats_no_record(options: dict[str, Any]) -> None:
    server = udp()

    def echo() -> int:
        with transit.Datagram.accept(server, **(ENDS[1] | options)) as session:
            session.settimeout(30)
            seen = set()
            while (data := session.recv()) is not None and data != b"enough":
                assert data not in seen
                seen.add(data)
                session.send(data)
            return len(seen)

    with Relay(server.getsockname(), len(options)) as relay, ThreadPoolExecutor() as pool:
        answering = pool.submit(echo)
        client = udp()
        client.connect(relay.sock.getsockname())
        with transit.Datagram.connect(client, **(ENDS[0] | options)) as session:
            assert session.peer == (BOB.recipient() if options.get("identity", ANN) else None)
            session.settimeout(0.02)
            answers: set[bytes] = set()
            number = 0
            while len(answers) < 40:
                session.send(number.to_bytes(4, "big"))
                number += 1
                if number % 20 == 0:
                    session.rekey()
                try:
                    data = session.recv()
                except TimeoutError:
                    continue
                assert data is not None and data not in answers
                answers.add(data)
            while not answering.done():
                session.send(b"enough")
                time.sleep(0.01)
        assert answering.result() >= 40
        assert relay.lost and relay.repeated and relay.forged


def test_nobody_answers_and_strangers_are_dropped() -> None:
    here, there = udp(), udp()
    here.connect(there.getsockname())
    with pytest.raises(TimeoutError):
        transit.Datagram.connect(here, timeout=0.6, **ENDS[0])
    assert here.fileno() == -1
    there.settimeout(1)
    first, again = there.recv(3000), there.recv(3000)
    assert first == again, "it is sent again, and is the same"
    for packet in (b"", b"\x20", b"\x2b" + bytes(40), transit.Handshake(True, mode="datagram", **ENDS[0]).write()):
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            stranger.sendto(packet, there.getsockname())
    with pytest.raises(TimeoutError):
        transit.Datagram.accept(there, timeout=0.3, **ENDS[1])
    with udp() as sock, pytest.raises(sealwax.MisuseError):
        sock.setblocking(False)
        transit.Datagram.accept(sock, **ENDS[1])
    with pytest.raises(OSError):
        transit.Datagram.connect(udp(), **ENDS[0])
    with pytest.raises(ZeroDivisionError), ThreadPoolExecutor() as pool:
        server, client = udp(), udp()
        client.connect(server.getsockname())
        pool.submit(lambda: transit.Datagram.connect(client, timeout=0.3, **ENDS[0]))
        transit.Datagram.accept(server, identity=BOB, accept=lambda *_: 1 / 0)


def test_the_end_of_a_datagram_session_is_heard() -> None:
    server, client = udp(), udp()
    client.connect(server.getsockname())
    with ThreadPoolExecutor() as pool:
        answering = pool.submit(transit.Datagram.accept, server, **ENDS[1])
        left, right = transit.Datagram.connect(client, **ENDS[0]), answering.result()
    right.settimeout(5)
    left.send(b"")
    left.send(b"last")
    left.close()
    left.close()
    assert [right.recv() for _ in range(4)] == [b"", b"last", None, None]
    right.abort()
    assert right.recv() is None
    with pytest.raises(OSError):
        left.recv()


def pair(**options: Any) -> tuple[transit.Session, transit.Session]:
    """Both ends of a session; the initiator has the limits that are given."""
    initiator = transit.Handshake(True, mode="datagram", **ENDS[0], **options)
    responder = transit.Handshake(False, mode="datagram", **ENDS[1])
    assert responder.read(initiator.write()) == {}
    assert initiator.read(responder.write()) == {}
    return initiator.session(), responder.session()


def test_limits_begin_epochs_and_end_sessions() -> None:
    left, right = pair(limits=transit.Limits(epoch_records=2))
    for number in range(6):
        record = left.seal(b"x")
        assert int.from_bytes(record[1:5], "big") == number // 2
        right.open(record)
    left, right = pair(limits=transit.Limits(epoch_bytes=10))
    assert [left.seal(b"123456")[4] for _ in range(3)] == [0, 1, 2]
    left, right = pair(limits=transit.Limits(epoch_seconds=0.05))
    left.seal(b"x")
    time.sleep(0.06)
    assert left.seal(b"x")[4] == 1
    left.tick()
    left, right = pair(limits=transit.Limits(handshake_seconds=0.01, end_seconds=0.05))
    time.sleep(0.06)
    assert left.wants_handshake
    with pytest.raises(sealwax.LimitError):
        left.seal(b"x")
    left, right = pair(limits=transit.Limits(failed_opens=1, window=64, previous_records=1, previous_seconds=1))
    right.open(left.empty())
    record = right.seal(b"x")
    with pytest.raises(sealwax.DecryptionError):
        left.open(record[:-1] + bytes([record[-1] ^ 1]))
    assert left.wants_rekey_request
    with pytest.raises(sealwax.LimitError):
        left.open(record)


@pytest.mark.parametrize(
    "arguments",
    [
        {"epoch_records": 0},
        {"epoch_records": (1 << 23) + 1},
        {"epoch_bytes": (1 << 36) + 1},
        {"epoch_seconds": 0},
        {"epoch_seconds": -1.0},
        {"epoch_seconds": float("nan")},
        {"window": 63},
        {"window": 8193},
        {"failed_opens": 0},
        {"failed_opens": (1 << 52) + 1},
        {"handshake_seconds": 2, "end_seconds": 1},
        {"end_seconds": 49 * 3600},
    ],
)
def test_limits_are_lowered_and_never_raised(arguments: dict[str, Any]) -> None:
    with pytest.raises(sealwax.MisuseError):
        transit.Limits(**arguments)


def test_limits_that_another_suite_could_bear_are_misuse() -> None:
    limits = transit.Limits(failed_opens=1 << 40)
    transit.Handshake(True, suite="cobblestone-256", limits=limits, **ENDS[0])
    with pytest.raises(sealwax.MisuseError):
        transit.Handshake(True, suite="chacha20-poly1305", limits=limits, **ENDS[0])
    with pytest.raises(sealwax.MisuseError):
        transit.Handshake(True, limits=transit.Limits(kept=True), **ENDS[0])


def test_a_restart_repeats_no_number_and_the_peer_is_heard_again() -> None:
    place = {"device": DEVICE, "slot": b"uplink"}
    left, right = pair(limits=transit.Limits(kept=True))
    stored: list[bytes] = []
    with pytest.raises(sealwax.LimitError):
        left.seal(b"too early")
    with pytest.raises(ZeroDivisionError):
        left.reserve(10, store=lambda _: 1 / 0, **place)
    with pytest.raises(sealwax.MisuseError):
        left.reserve(10, store=lambda _: left.seal(b"within"), **place)
    left.reserve(3, store=stored.append, **place)
    sealed = [left.seal(b"x") for _ in range(3)]
    for record in sealed:
        assert right.open(record) == ("data", b"x")
    with pytest.raises(sealwax.LimitError):
        left.seal(b"x")
    before = right.seal(b"before")
    with pytest.raises(sealwax.MisuseError):
        left.close()

    back = transit.Session.import_(stored[-1], peer=BOB.recipient(), **place)
    assert back.binding == left.binding and back.wants_rekey_request
    with pytest.raises(sealwax.LimitError):
        back.seal(b"x")
    back.reserve(10, store=stored.append, **place)
    assert back.seal(b"x")[:13] not in [record[:13] for record in sealed]
    with pytest.raises(sealwax.DecryptionError):
        back.open(before)
    assert right.open(back.rekey_request()) == ("rekey", b"")
    after = right.seal(b"after")
    with pytest.raises(sealwax.LimitError):
        back.open(after)
    back.reserve(10, store=stored.append, **place)
    assert back.open(after) == ("data", b"after")
    assert not back.wants_rekey_request
    assert right.open(back.end(stored.append)) == ("close", b"")
    assert stored[-1] == bytes(len(stored[0]))
    with pytest.raises(sealwax.FormatError):
        transit.Session.import_(stored[-1], peer=BOB.recipient(), **place)


def test_a_kept_session_is_read_by_its_device_alone() -> None:
    place = {"device": DEVICE, "slot": b"uplink"}
    left, right = pair(limits=transit.Limits(kept=True))
    stored: list[bytes] = []
    left.reserve(3, store=stored.append, **place)
    peer = BOB.recipient()
    for other in (
        {"device": PSK, "slot": b"uplink", "peer": peer},
        {"device": DEVICE, "slot": b"downlink", "peer": peer},
        {"device": DEVICE, "slot": b"uplink", "peer": EVE.recipient()},
        {"device": DEVICE, "slot": b"uplink"},
    ):
        with pytest.raises(sealwax.DecryptionError):
            transit.Session.import_(stored[0], **other)
    with pytest.raises(sealwax.TruncatedError):
        transit.Session.import_(stored[0][:-1], peer=peer, **place)
    with pytest.raises(sealwax.FormatError):
        transit.Session.import_(stored[0] + b"\0", peer=peer, **place)
    with pytest.raises(sealwax.MisuseError):
        transit.Session.import_(stored[0], device=b"short", slot=b"uplink")
    for wrong in (
        lambda: right.reserve(3, store=stored.append, **place),
        lambda: right.end(stored.append),
        lambda: left.reserve(0, store=stored.append, **place),
        lambda: left.reserve(1, device=DEVICE, slot=bytes(256), store=stored.append),
    ):
        with pytest.raises(sealwax.MisuseError):
            wrong()
    assert len(stored) == 1
