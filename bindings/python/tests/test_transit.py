# SPDX-License-Identifier: MIT OR Apache-2.0
"""Connections and sessions between two parties."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import sealwax
from conftest import ROOT, skipped
from sealwax import transit

PSK = bytes(range(32))
ANN, BOB, EVE = (sealwax.Keyset.generate(name, "x25519") for name in ("ann", "bob", "eve"))
ENDS: list[dict[str, Any]] = [
    {"identity": ANN, "peers": [BOB.recipient()]},
    {"identity": BOB, "peers": [ANN.recipient()]},
]


def pair(left: dict[str, Any], right: dict[str, Any]) -> tuple[transit.Connection, transit.Connection]:
    """Both ends of a connection."""
    near, far = socket.socketpair()
    with ThreadPoolExecutor() as pool:
        answering = pool.submit(transit.accept, far, **right)
        return transit.connect(near, **left), answering.result()


def ends(**options: Any) -> tuple[transit.Connection, transit.Connection]:
    return pair(ENDS[0] | options, ENDS[1] | options)


@contextlib.contextmanager
def in_background(work: Callable[[], Any]) -> Iterator[None]:
    with ThreadPoolExecutor() as pool:
        running = pool.submit(work)
        yield
        running.result()


def received(connection: transit.Connection) -> bytes:
    data = bytearray()
    while piece := connection.recv(100_000):
        data += piece
    return bytes(data)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pattern": "XX", "suite": "cobblestone-256"},
        {"pattern": "KK", "post_quantum": False},
        {"psk": PSK, "prologue": b"a protocol"},
        {"pattern": "IKpsk2", "psk": PSK, "post_quantum": False},
        {"identity": None, "peers": None, "psk": PSK},
    ],
)
def test_both_directions_carry_data_to_their_ends(options: dict[str, Any]) -> None:
    left, right = ends(**options)
    with left, right:
        assert left.session.binding == right.session.binding
        if options.get("identity", ANN):
            assert (left.peer, right.peer) == (BOB.recipient(), ANN.recipient())
        left.sendall(b"hello")
        assert right.recv(3) + right.recv(9) == b"hello"
        assert right.send(memoryview(b"back")) == 4
        assert left.recv(100) == b"back"
        left.shutdown()
        assert right.recv(1) == right.recv(1) == b""
        right.sendall(b"more")
        assert left.recv(100) == b"more"
        with pytest.raises(sealwax.MisuseError):
            left.sendall(b"too late")


def test_much_data_goes_both_ways_at_once() -> None:
    up, down = random.randbytes(3_000_001), random.randbytes(2_000_000)
    left, right = ends()

    def carry(connection: transit.Connection, data: bytes) -> bytes:
        with ThreadPoolExecutor() as pool:
            reading = pool.submit(received, connection)
            for start in range(0, len(data), 70_000):
                connection.sendall(data[start : start + 70_000])
                if start == 140_000:
                    connection.rekey()
            connection.shutdown()
            return reading.result()

    with ThreadPoolExecutor() as pool:
        there, here = pool.submit(carry, left, up), pool.submit(carry, right, down)
        assert (here.result(), there.result()) == (up, down)
    # Each side changed its own keys, and those that the other asked it to change.
    assert all(min(connection.session.epochs) >= 1 for connection in (left, right))
    left.close()
    right.close()


def test_many_threads_send_whole_pieces() -> None:
    left, right = ends()

    def send() -> None:
        run_all(lambda: left.sendall(b"x" * 999 + b"\n"), 200)
        left.close()

    with in_background(send):
        lines = received(right).splitlines()
    assert lines == [b"x" * 999] * 200
    right.close()


def run_all(work: Callable[[], None], count: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work) for _ in range(count)]:
            done.result()


def test_a_file_over_a_connection_is_a_file() -> None:
    left, right = ends()
    with left, right, left.makefile("rw", encoding="utf-8", newline="\n") as text, right.makefile("rwb") as file:
        text.write("zwölf\nzeilen\n")
        text.flush()
        assert file.readline() == "zwölf\n".encode()
        assert file.read(7) == b"zeilen\n"
        file.write(b"back\n")
        file.flush()
        assert text.readline() == "back\n"
        target = bytearray(4)
        right.sendall(b"abcdef")
        assert left.recv_into(target) == 4 and target == b"abcd" and left.pending() == 2
        assert left.recv_into(target, 1) == 1
    with pytest.raises(sealwax.MisuseError):
        left.makefile("a")


def test_an_end_that_the_peer_did_not_set_is_an_error() -> None:
    left, right = ends()
    left.sendall(b"half")
    left.abort()
    assert right.recv(100) == b"half"
    with pytest.raises(sealwax.TruncatedError):
        right.recv(100)
    right.close()
    left, right = ends()
    with pytest.raises(RuntimeError), left:
        raise RuntimeError
    with pytest.raises(sealwax.TruncatedError), right:
        right.recv(1)


def test_changed_data_is_found_and_what_came_before_is_genuine() -> None:
    near, middle = socket.socketpair()
    other, far = socket.socketpair()

    def change() -> None:
        while data := middle.recv(100_000):
            other.sendall(data)
        other.close()

    def back() -> None:
        while data := other.recv(100_000):
            middle.sendall(data)

    with ThreadPoolExecutor() as pool:
        answering = pool.submit(transit.accept, far, **ENDS[1])
        pool.submit(change)
        pool.submit(back)
        left, right = transit.connect(near, **ENDS[0]), answering.result()
        left.sendall(b"good")
        assert right.recv(100) == b"good"
        record = bytearray(left.session.seal_stream(b"evil"))
        record[-1] ^= 1
        near.sendall(record)
        for _ in range(2):
            with pytest.raises(sealwax.DecryptionError):
                right.recv(100)
        left.abort()
        right.abort()
    middle.close()
    other.close()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"identity": EVE}, {}, sealwax.UnknownKeyError),
        ({"peers": [EVE.recipient()]}, {}, sealwax.DecryptionError),
        ({"suite": "cobblestone-256"}, {}, sealwax.FormatError),
        ({"pattern": "XX"}, {}, sealwax.FormatError),
        ({"prologue": b"another"}, {}, sealwax.DecryptionError),
        ({"psk": PSK}, {"psk": PSK[::-1]}, None),
        ({}, {"accept": lambda *_: False}, sealwax.UnknownKeyError),
        ({}, {"accept": lambda *_: 1 / 0}, ZeroDivisionError),
    ],
)
def test_who_does_not_fit_is_refused_without_a_word(
    left: dict[str, Any], right: dict[str, Any], expected: type[BaseException] | None
) -> None:
    near, far = socket.socketpair()
    with ThreadPoolExecutor() as pool:
        answering = pool.submit(transit.accept, far, **(ENDS[1] | right))
        # Of IKpsk2 the second message shows that the pre-shared keys differ.
        with pytest.raises(sealwax.TruncatedError if expected else sealwax.DecryptionError):
            transit.connect(near, **(ENDS[0] | left))
        with pytest.raises(expected or sealwax.TruncatedError):
            answering.result()
    assert near.fileno() == far.fileno() == -1


def test_accept_is_told_who_asks_and_what_they_say() -> None:
    asked: list[Any] = []

    def accept(*peer: Any) -> bool:
        asked.append(peer)
        return True

    left, right = pair(ENDS[0] | {"context": {"name": "ann"}}, {"identity": BOB, "accept": accept})
    assert asked == [(ANN.recipient(), {"name": b"ann"}, True)]
    left.close()
    right.close()


def test_a_first_message_that_is_repeated_is_not_a_peer() -> None:
    first = transit.Handshake(True, **ENDS[0]).write()
    near, far = socket.socketpair()
    near.sendall(len(first).to_bytes(2, "big") + first)
    with pytest.raises(TimeoutError):
        transit.accept(far, timeout=0.2, **ENDS[1])
    near.close()


def test_a_peer_that_says_nothing_is_given_up() -> None:
    near, far = socket.socketpair()
    with pytest.raises(TimeoutError):
        transit.connect(near, timeout=0.1, **ENDS[0])
    with pytest.raises(OSError):
        transit.accept(near, **ENDS[1])
    far.close()


@pytest.mark.parametrize("words", [b"", b"\0", b"\0\5hello", b"\xff\xff" + bytes(70_000), b"GET / HTTP/1.1\r\n\r\n"])
def test_strangers_words_are_malformed_or_cut(words: bytes) -> None:
    near, far = socket.socketpair()
    near.sendall(words[:1000])
    near.close()
    with pytest.raises((sealwax.FormatError, sealwax.TruncatedError)):
        transit.accept(far, **ENDS[1])


def test_timeouts_of_the_socket_are_heard_and_receiving_goes_on() -> None:
    left, right = ends()
    with left, right:
        right.settimeout(0.05)
        with pytest.raises(TimeoutError):
            right.recv(1)
        left.sendall(b"late")
        assert right.recv(10) == b"late"
        assert right.gettimeout() == 0.05
        with pytest.raises(sealwax.MisuseError):
            right.settimeout(0)


def test_a_writer_waits_for_the_reader_and_an_error_ends_sending() -> None:
    left, right = ends()
    left.settimeout(0.1)
    with pytest.raises(TimeoutError):
        left.sendall(bytes(16 << 20))
    with pytest.raises(sealwax.MisuseError):
        left.sendall(b"more")
    left.close()
    with pytest.raises(sealwax.TruncatedError):
        received(right)
    right.close()


def test_ctrl_c_is_heard_while_receiving() -> None:
    left, right = ends()
    main = threading.main_thread().ident
    assert main is not None
    thread = threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT])
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        right.recv(1)
    left.sendall(b"on")
    assert right.recv(9) == b"on"
    left.close()
    right.close()


def test_a_forked_child_sends_nothing() -> None:
    left, right = ends()
    child = os.fork()
    if child == 0:
        try:
            left.session.seal(b"x")
        except sealwax.SealwaxError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    left.sendall(b"parent")
    assert right.recv(10) == b"parent"
    left.close()
    right.close()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"identity": ANN},
        {"identity": ANN, "peers": [BOB.recipient()], "pattern": "NN"},
        {"identity": ANN, "peers": [BOB.recipient()], "suite": "x25519"},
        {"identity": ANN, "peers": [BOB.recipient()], "mode": "carrier pigeon"},
        {"identity": ANN, "peers": [BOB.recipient()], "limits": transit.Limits(kept=True)},
        {"identity": sealwax.Keyset.generate("tokens"), "peers": [BOB.recipient()]},
        {"identity": ANN, "peers": [sealwax.Keyset.generate("x", "x-wing").recipient()]},
        {"psk": b"short"},
    ],
)
def test_arguments_that_do_not_go_together_are_misuse(arguments: dict[str, Any]) -> None:
    with pytest.raises(sealwax.MisuseError):
        transit.Handshake(True, **arguments)
    with pytest.raises(TypeError):
        transit.Handshake(True, psk="text")  # type: ignore[arg-type]


def test_an_identity_that_is_not_active_takes_part_in_nothing() -> None:
    keyset = sealwax.Keyset.generate("x", "x25519")
    keyset.suspend(keyset.primary or "")
    with pytest.raises(sealwax.KeyStateError):
        transit.Handshake(True, identity=keyset, peers=[BOB.recipient()])


def datagrams(**options: Any) -> tuple[transit.Session, transit.Session]:
    initiator = transit.Handshake(True, mode="datagram", **ENDS[0], **options)
    responder = transit.Handshake(False, mode="datagram", **ENDS[1], **options)
    first = initiator.write()
    with pytest.raises(sealwax.SealwaxError):
        responder.read(first[:-1])
    assert responder.read(first) == {}
    second = responder.write()
    assert responder.read(first) is None
    with pytest.raises(sealwax.SealwaxError):
        initiator.read(bytes([*second[:-1], second[-1] ^ 1]))
    assert initiator.read(second) == {}
    assert initiator.is_finished and responder.is_finished
    left, right = initiator.session(), responder.session()
    with pytest.raises(sealwax.MisuseError):
        initiator.session()
    assert right.open(left.empty()) == ("empty", b"")
    return left, right


def test_datagrams_are_opened_in_any_order_and_once() -> None:
    left, right = datagrams(limits=transit.Limits(window=64))
    records = [left.seal(bytes([number]), b"port 7") for number in range(50)]
    order = random.sample(range(50), 50)
    for number in order:
        assert right.open(records[number], b"port 7") == ("data", bytes([number]))
        with pytest.raises(sealwax.DecryptionError):
            right.open(records[number], b"port 7")
    record = left.seal(b"x")
    for wrong in (record[:-1], record + b"x", record[:20] + b"\0" + record[21:], b"", bytes(29)):
        with pytest.raises(sealwax.SealwaxError):
            right.open(wrong)
    assert right.open(record) == ("data", b"x")
    padded = left.seal(b"abc", block=100)
    assert len(padded) == 129 and right.open(padded) == ("data", b"abc")
    assert left.open(right.rekey_request()) == ("rekey", b"")
    assert right.open(left.seal(b"y")) == ("data", b"y")
    assert left.epochs == (1, 0) and right.epochs == (0, 1)
    assert right.open(left.close()) == ("close", b"")
    assert right.is_ended and left.is_closed and not left.wants_handshake
    with pytest.raises(sealwax.MisuseError):
        left.seal(b"z")
    with pytest.raises(sealwax.LimitError):
        right.seal(bytes(16_385))


def test_datagrams_go_over_udp() -> None:
    left, right = datagrams()
    with socket.socket(type=socket.SOCK_DGRAM) as here, socket.socket(type=socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        here.sendto(b"noise", there.getsockname())
        here.sendto(left.seal(b"telemetry"), there.getsockname())
        with pytest.raises(sealwax.SealwaxError):
            right.open(there.recv(2000))
        assert right.open(there.recv(2000)) == ("data", b"telemetry")


def run(work: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(work(), 60))


def test_streams_of_asyncio_carry_data_to_their_ends() -> None:
    up, down = random.randbytes(1_000_001), random.randbytes(500_000)

    async def work() -> None:
        served: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert writer.get_extra_info("sealwax_peer") == ANN.recipient()
            writer.write(down)
            await writer.drain()
            writer.write_eof()
            served.set_result(await reader.read())
            writer.close()

        server = await transit.start_server(serve, "127.0.0.1", 0, **ENDS[1])
        host, port = server.sockets[0].getsockname()
        async with server:
            reader, writer = await transit.open_connection(host, port, **ENDS[0])
            assert writer.get_extra_info("peername") == (host, port)
            assert writer.can_write_eof() and len(writer.get_extra_info("sealwax_session").binding) == 32
            line = b"first line\n"
            writer.writelines([line, up])
            await writer.drain()
            assert await reader.readexactly(1000) == down[:1000]
            writer.write_eof()
            assert await reader.read() == down[1000:]
            assert await served == line + up
            writer.close()
            await writer.wait_closed()

    run(work)


def test_asyncio_tells_a_cut_connection_from_its_end() -> None:
    async def work() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"half")
            await writer.drain()
            await reader.readexactly(2)
            writer.transport.abort()

        server = await transit.start_server(serve, "127.0.0.1", 0, **ENDS[1])
        async with server:
            reader, writer = await transit.open_connection(*server.sockets[0].getsockname(), **ENDS[0])
            assert await reader.readexactly(4) == b"half"
            writer.write(b"go")
            with pytest.raises((sealwax.TruncatedError, ConnectionResetError)):
                await reader.read()
            writer.close()
            with contextlib.suppress(sealwax.TruncatedError, ConnectionResetError):
                await writer.wait_closed()

    run(work)


def test_what_comes_after_the_peers_end_fills_no_memory() -> None:
    async def work() -> None:
        served: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await reader.read() == b"all"
            protocol: Any = writer.transport._close.__self__  # type: ignore[attr-defined]
            protocol.data_received(bytes(100_000))
            served.set_result(len(protocol._sealed))
            writer.close()

        server = await transit.start_server(serve, "127.0.0.1", 0, **ENDS[1])
        async with server:
            reader, writer = await transit.open_connection(*server.sockets[0].getsockname(), **ENDS[0])
            writer.write(b"all")
            writer.write_eof()
            assert await reader.read() == b""
            assert await served == 0
            writer.close()

    run(work)


def test_asyncio_refuses_strangers_and_serves_on() -> None:
    async def work() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()

        server = await transit.start_server(serve, "127.0.0.1", 0, timeout=0.5, **ENDS[1])
        address = server.sockets[0].getsockname()
        async with server:
            with pytest.raises((sealwax.TruncatedError, ConnectionResetError)):
                await transit.open_connection(*address, **(ENDS[0] | {"identity": EVE}))
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            # One that says nothing is closed after a while.
            reader, silent = await asyncio.open_connection(*address)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            silent.close()
            reader, writer = await transit.open_connection(*address, **ENDS[0])
            writer.write(b"hello\n")
            assert await reader.read() == b"HELLO\n"
            writer.close()
            await writer.wait_closed()

    run(work)


def test_asyncio_waits_for_a_reader_that_is_slow() -> None:
    async def work() -> None:
        read = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read.wait()
            writer.write(str(len(await reader.read())).encode())
            writer.close()

        server = await transit.start_server(serve, "127.0.0.1", 0, **ENDS[1])
        async with server:
            reader, writer = await transit.open_connection(*server.sockets[0].getsockname(), **ENDS[0])
            writer.write(bytes(32 << 20))
            draining = asyncio.ensure_future(writer.drain())
            await asyncio.sleep(0.1)
            assert not draining.done()
            read.set()
            await draining
            writer.write_eof()
            assert await reader.read() == str(32 << 20).encode()
            writer.close()

    run(work)


class Command:
    """A running `sealwax pipe`."""

    def __init__(self, command: str, folder: Path, *arguments: str) -> None:
        me, peer = folder / "bob", folder / "ann.pub"
        me.write_text(BOB.expose_identity())
        me.chmod(0o600)
        peer.write_text(str(ANN.recipient()))
        self.process = subprocess.Popen(
            [command, "pipe", *arguments, "-i", str(me), "--peer", str(peer)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self.process.stderr is not None
        line = self.process.stderr.readline().decode()
        host, port = line.removeprefix("sealwax: listening on ").strip().rsplit(":", 1)
        return host, int(port)


PIPE: dict[str, Any] = {"prologue": b"sealwax pipe"}


@pytest.mark.parametrize("options", [{}, {"pattern": "XX"}, {"suite": "cobblestone-256"}, {"post_quantum": False}])
def test_the_command_answers_python(command: str, tmp_path: Path, options: dict[str, Any]) -> None:
    flags = {
        "pattern": ["--pattern", "xx"],
        "suite": ["--suite", "1"],
        "post_quantum": ["--no-post-quantum"],
    }
    arguments = [flag for name in options for flag in flags[name]]
    pipe = Command(command, tmp_path, "--listen", "127.0.0.1:0", *arguments)
    up, down = random.randbytes(300_000), random.randbytes(200_000)
    with transit.connect(socket.create_connection(pipe.address()), **ENDS[0], **PIPE, **options) as connection:

        def send() -> None:
            connection.sendall(up)
            connection.shutdown()

        with in_background(send):
            out, _ = pipe.process.communicate(down)
        assert received(connection) == down
    assert out == up and pipe.process.returncode == 0


def test_python_answers_the_command(command: str, tmp_path: Path) -> None:
    up, down = random.randbytes(300_000), random.randbytes(200_000)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        pipe = Command(command, tmp_path, "--connect", f"127.0.0.1:{port}")
        got: list[bytes] = []

        def serve() -> None:
            with transit.accept(listening.accept()[0], **ENDS[0], **PIPE) as connection:
                connection.sendall(down)
                connection.shutdown()
                got.append(received(connection))

        with in_background(serve):
            out, _ = pipe.process.communicate(up)
    assert (out, got, pipe.process.returncode) == (down, [up], 0)


def test_the_command_tells_a_cut_connection_of_pythons(command: str, tmp_path: Path) -> None:
    pipe = Command(command, tmp_path, "--listen", "127.0.0.1:0")
    connection = transit.connect(socket.create_connection(pipe.address()), **ENDS[0], **PIPE)
    connection.sendall(b"half")
    assert pipe.process.stdout is not None
    assert pipe.process.stdout.read(4) == b"half"
    connection.abort()
    assert pipe.process.wait() == 3
    pipe.process.communicate()


def test_a_connection_says_little_of_itself() -> None:
    left, right = ends()
    assert BOB.recipient().fingerprint in repr(left)
    for secret in (left.session, transit.Handshake(True, **ENDS[0])):
        with pytest.raises(TypeError):
            secret.__reduce__()
    assert left.getpeername() == right.getsockname() and left.fileno() >= 0
    left.close()
    left.close()
    right.close()


def test_python_answers_c(tmp_path: Path) -> None:
    x25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.x25519")
    client = ROOT / "target" / "c" / "transit_client"
    if not client.exists():
        skipped("examples/transit_client.c is not built (scripts/c)")
    device = x25519.X25519PrivateKey.generate()
    keys = {
        "device": device.private_bytes_raw(),
        "server": BOB.recipient().public_key,
        "psk": PSK,
    }
    for name, key in keys.items():
        (tmp_path / name).write_bytes(key)
    lines = b"".join(b"line %d\n" % number for number in range(50))

    def accept(key: sealwax.Recipient | None, context: dict[str, bytes], replayable: bool) -> bool:
        return key is not None and key.public_key == device.public_key().public_bytes_raw()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def serve() -> None:
            terms: dict[str, Any] = {"psk": PSK, "post_quantum": False, "prologue": b"echo/1"}
            with transit.accept(listening.accept()[0], identity=BOB, accept=accept, **terms) as connection:
                while data := connection.recv(4096):
                    connection.sendall(data)

        with in_background(serve):
            arguments = [str(client), "127.0.0.1", str(port), *(str(tmp_path / name) for name in keys)]
            library = ROOT / "target" / "c" / "installed" / "usr" / "local" / "lib"
            ran = subprocess.run(
                arguments,
                input=lines,
                capture_output=True,
                timeout=60,
                env=os.environ | {"LD_LIBRARY_PATH": str(library)},
            )
    assert (ran.stdout, ran.returncode) == (lines, 0), ran.stderr
