# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions over sockets that block."""

from __future__ import annotations

import io
import socket
import threading
import time
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, Unpack

from sealwax._errors import FormatError, MisuseError, TruncatedError
from sealwax._native import Handshake, Recipient, Session
from sealwax._types import Terms

if TYPE_CHECKING:
    from typing_extensions import Buffer


def connect(sock: socket.socket, *, timeout: float | None = 30, **terms: Unpack[Terms]) -> Connection:
    """Make a session over a connected socket, as the side that speaks first.

    The socket belongs to the connection from then on; it is closed where the handshake fails. The handshake must end
    within `timeout` seconds. After it the socket's own timeout counts.

    Raises `DecryptionError`, `FormatError`, `TruncatedError` where the peer ends the connection (it does not say why),
    `UnknownKeyError` where the peer is not one of `peers` or `accept` refuses it, `KeyStateError` where `identity` has
    no active version, `LimitError`, `MisuseError`, `TimeoutError`, and the socket's `OSError`.
    """
    return _shake(sock, True, timeout, terms)


def accept(sock: socket.socket, *, timeout: float | None = 30, **terms: Unpack[Terms]) -> Connection:
    """Make a session over a connected socket, as the side that waits. As `connect`.

    It returns when the peer has shown that it is there now: a first message that somebody repeats is not enough.
    """
    return _shake(sock, False, timeout, terms)


class Connection:
    """An encrypted connection that is used like a socket.

    One thread may send while another receives. What is received is in order, and is never repeated. `recv` returns
    `b""` only where the peer has said that this was all; where the connection ends without that, it raises
    `TruncatedError`.
    """

    def __init__(self, sock: socket.socket, session: Session, peer: Recipient | None) -> None:
        """Use `connect` or `accept`."""
        self._sock = sock
        self._session = session
        self._peer = peer
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        #: What was read and not yet opened; what was opened and not yet handed out.
        self._sealed = bytearray()
        self._data = memoryview(b"")
        self._broken = False

    @property
    def peer(self) -> Recipient | None:
        """The peer's key; `None` where only a pre-shared key was used."""
        return self._peer

    @property
    def session(self) -> Session:
        """The session. Whoever seals or opens with it breaks the connection."""
        return self._session

    def sendall(self, data: Buffer, /) -> None:
        """Seal and send all of `data`, now.

        After an error nobody knows how much was sent, and nothing more can be.

        Raises `MisuseError` after `shutdown`, after an error, and in a forked child, `LimitError` where the session is
        too old, and the socket's `OSError`.
        """
        with memoryview(data) as whole, whole.cast("B") as view, self._sending:
            for start in range(0, len(view), _STEP):
                self._send(self._session.seal_stream(view[start : start + _STEP]))

    def send(self, data: Buffer, /) -> int:
        """Send all of `data`; how many bytes that are. As `sendall`."""
        self.sendall(data)
        return memoryview(data).nbytes

    def recv(self, size: int, /) -> bytes:
        """Receive up to `size` bytes; `b""` at the end that the peer has set.

        Raises `TruncatedError` where the connection ends without that, `DecryptionError` and `FormatError` where what
        came is not the peer's, `LimitError` where the session is too old, and the socket's `OSError`. What was received
        before is genuine.
        """
        if size < 0:
            raise MisuseError("a size is not negative")
        with self._receiving:
            if size == 0 or not self._fill():
                return b""
            data = bytes(self._data[:size])
            self._data = self._data[size:]
            return data

    def recv_into(self, buffer: Buffer, nbytes: int = 0, /) -> int:
        """Receive into `buffer`, at most `nbytes` where that is not 0; how many bytes came. As `recv`."""
        with memoryview(buffer) as whole, whole.cast("B") as view:
            if nbytes < 0 or nbytes > len(view):
                raise MisuseError("the buffer is too short")
            data = self.recv(nbytes or len(view))
            view[: len(data)] = data
            return len(data)

    def pending(self) -> int:
        """How many bytes `recv` returns without the socket."""
        return len(self._data)

    def makefile(
        self, mode: str = "r", buffering: int = -1, *, encoding: str | None = None, newline: str | None = None
    ) -> IO[Any]:
        """A file over this connection, as of a socket. To close it does not close the connection."""
        if not set(mode) <= set("rwb") or not set(mode) & set("rw"):
            raise MisuseError("a mode is made of r, w and b")
        reads, writes, size = "r" in mode, "w" in mode, buffering if buffering > 0 else io.DEFAULT_BUFFER_SIZE
        raw = _Raw(self, reads, writes)
        if buffering == 0:
            if "b" not in mode:
                raise MisuseError("text is buffered")
            return raw  # type: ignore[return-value]
        buffered: io.BufferedRWPair | io.BufferedReader | io.BufferedWriter
        if reads and writes:
            buffered = io.BufferedRWPair(raw, raw, size)
        else:
            buffered = io.BufferedReader(raw, size) if reads else io.BufferedWriter(raw, size)
        if "b" in mode:
            return buffered  # type: ignore[return-value]
        return io.TextIOWrapper(buffered, encoding, newline=newline)  # type: ignore[type-var]

    def shutdown(self, how: int = socket.SHUT_WR, /) -> None:
        """Tell the peer that this was all (`SHUT_WR`). Receiving goes on. As `sendall`."""
        if how != socket.SHUT_WR:
            raise MisuseError("only the sending direction is shut down: SHUT_WR")
        with self._sending:
            if not self._session.is_closed:
                self._send(_framed(self._session.close()))

    def close(self) -> None:
        """Tell the peer that this was all, where it is still there, and close the socket. Twice is fine."""
        try:
            if self._sock.fileno() >= 0 and not self._broken:
                self.shutdown()
        except (BrokenPipeError, ConnectionResetError):
            # A peer that has heard enough may be gone.
            pass
        finally:
            self._sock.close()

    def abort(self) -> None:
        """Close the socket; the peer's `recv` raises `TruncatedError`."""
        self._sock.close()

    def rekey(self) -> None:
        """Change the keys of what is sent next, and ask the peer to change its keys. They change by themselves too."""
        with self._sending:
            self._session.rekey()
            self._send(_framed(self._session.rekey_request()))

    def fileno(self) -> int:
        """The socket's. Bytes may be waiting in `pending` while the socket has none."""
        return self._sock.fileno()

    def settimeout(self, timeout: float | None, /) -> None:
        """Set the socket's timeout. Receiving can go on after a `TimeoutError`; sending cannot."""
        if timeout == 0:
            raise MisuseError("the socket blocks; asyncio has open_connection")
        self._sock.settimeout(timeout)

    def gettimeout(self) -> float | None:
        """The socket's timeout."""
        return self._sock.gettimeout()

    def getpeername(self) -> Any:
        """The address of the socket's other end, which proves nothing: `peer` does."""
        return self._sock.getpeername()

    def getsockname(self) -> Any:
        """The address of the socket."""
        return self._sock.getsockname()

    def __enter__(self) -> Self:
        """Of a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; after an exception without telling the peer that this was all."""
        if kind is None:
            self.close()
        else:
            self.abort()

    def __repr__(self) -> str:
        """Names the peer."""
        return f"<sealwax.transit.Connection to {self._peer!r}>"

    def _send(self, records: bytes) -> None:
        if self._broken:
            raise MisuseError("sending failed before; make a new connection")
        try:
            self._sock.sendall(records)
        except BaseException:
            self._broken = True
            raise

    def _fill(self) -> bool:
        """Wait for data; whether there is any before the end."""
        while not self._data:
            if self._session.is_ended:
                return False
            if not self._open():
                self._read()
        return True

    def _open(self) -> bool:
        """Open what was read; whether a whole record was there."""
        consumed, data = self._session.open_stream(self._sealed)
        del self._sealed[:consumed]
        if data:
            self._data = memoryview(data)
        return consumed > 0

    def _read(self) -> None:
        read = self._sock.recv(_STEP)
        if not read:
            raise TruncatedError("the connection ended before the peer said that it was all")
        self._sealed += read


class _Raw(io.RawIOBase):
    """What `makefile` buffers."""

    def __init__(self, connection: Connection, reads: bool, writes: bool) -> None:
        self._connection, self._reads, self._writes = connection, reads, writes

    def readable(self) -> bool:
        return self._reads

    def writable(self) -> bool:
        return self._writes

    def readinto(self, buffer: Buffer, /) -> int:
        return self._connection.recv_into(buffer)

    def write(self, data: Buffer, /) -> int:
        return self._connection.send(data)


def _shake(sock: socket.socket, initiator: bool, timeout: float | None, terms: Terms) -> Connection:
    usual = sock.gettimeout()
    if usual == 0:
        raise MisuseError("the socket blocks; asyncio has open_connection")
    until = None if timeout is None else time.monotonic() + timeout
    try:
        handshake = Handshake(initiator, **terms)
        while not handshake.is_finished:
            _hurry(sock, until)
            if handshake.writes_next:
                sock.sendall(_framed(handshake.write()))
            else:
                handshake.read(_message(sock, until))
        peer = handshake.peer
        connection = Connection(sock, handshake.session(), peer)
        if initiator:
            connection._send(_framed(connection.session.empty()))
        while not connection.session.is_confirmed:
            if not connection._open():
                _hurry(sock, until)
                connection._read()
        sock.settimeout(usual)
    except BaseException:
        sock.close()
        raise
    return connection


def _hurry(sock: socket.socket, until: float | None) -> None:
    """Leave the socket the time that is left, of which a peer that sends a byte now and then gets no more."""
    if until is not None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the handshake took too long")
        sock.settimeout(left)


def _message(sock: socket.socket, until: float | None) -> bytes:
    length = int.from_bytes(_exactly(sock, 2, until), "big")
    if length > MAX_MESSAGE:
        raise FormatError("malformed (format.md 13.11): a handshake message is not so long")
    return _exactly(sock, length, until)


def _exactly(sock: socket.socket, size: int, until: float | None) -> bytes:
    read = bytearray()
    while len(read) < size:
        _hurry(sock, until)
        piece = sock.recv(size - len(read))
        if not piece:
            raise TruncatedError("the peer ended the connection in the handshake")
        read += piece
    return bytes(read)


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


#: Longest handshake message, in bytes (format.md 13.11).
MAX_MESSAGE = 6 + 1216 + 32 + 48 + 1024 + 16
_STEP = 1 << 17
