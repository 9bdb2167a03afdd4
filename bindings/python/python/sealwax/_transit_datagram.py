# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions over UDP: one socket, one peer."""

from __future__ import annotations

import socket
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from sealwax._errors import (
    DecryptionError,
    FormatError,
    KeyStateError,
    MisuseError,
    RandomError,
    SealwaxError,
)
from sealwax._native import Handshake, Recipient, Session
from sealwax._types import Terms

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Datagram:
    """An encrypted session over a UDP socket: what `recv` returns is the peer's, and comes once.

    Records may be lost, or come in another order; nothing is sent again. Packets of others are dropped without a word.
    One thread may send while another receives. For many peers on one socket, use `Handshake` and `Session`; a session
    that is kept over restarts needs them too.
    """

    def __init__(self, sock: socket.socket, session: Session, peer: Recipient | None, last: _Exchange) -> None:
        """Use `connect` or `accept`."""
        self._sock = sock
        self._session = session
        self._peer = peer
        self._last = last
        self._early: tuple[str, bytes] | None = None

    @classmethod
    def connect(cls, sock: socket.socket, *, timeout: float | None = 30, **terms: Unpack[Terms]) -> Datagram:
        """Make a session with the address that the socket is connected to, as the side that speaks first.

        Messages are sent again until they are answered. The socket belongs to the session from then on; it is closed
        where the handshake fails. What is refused of the peer's is dropped like a stranger's packet, so that a wrong
        key shows as nothing but the time running out.

        Raises `TimeoutError` after `timeout` seconds, `KeyStateError` where `identity` has no active version,
        `LimitError` for a context above 1,024 bytes, `MisuseError`, what `accept` in the terms raises, and the socket's
        `OSError`.
        """
        return _closing_on_failure(sock, lambda: _connect(sock, timeout, terms))

    @classmethod
    def accept(cls, sock: socket.socket, *, timeout: float | None = 30, **terms: Unpack[Terms]) -> Datagram:
        """Wait for a peer on a bound socket, and connect the socket to its address. As `connect`.

        It returns when the peer has shown that it is there now. Until then the 16 newest first messages are kept in
        mind, so that strangers do not take the place unless there are many of them.
        """
        return _closing_on_failure(sock, lambda: _accept(sock, timeout, terms))

    @property
    def peer(self) -> Recipient | None:
        """The peer's key; `None` where only a pre-shared key was used."""
        return self._peer

    @property
    def session(self) -> Session:
        """The session, for all that has no call here, such as padding; `fileno` is where its records go."""
        return self._session

    def send(self, data: Buffer, /) -> None:
        """Send `data` as one record, at most 16,384 bytes; up to 1,171 fit into a packet of 1,200. It may be lost.

        Raises `LimitError` for more, and where the session is too old, `MisuseError` after `close` and in a forked
        child, and the socket's `OSError`.
        """
        _send(self._sock, self._session.seal(data))

    def recv(self) -> bytes | None:
        """Wait for the next record's data; `None` where the peer has said that this was all.

        Raises `LimitError` where the session is too old, `MisuseError` in a forked child, and the socket's `OSError`,
        `TimeoutError` among them.
        """
        if self._session.is_ended:
            return None
        while True:
            came, self._early = self._early or self._open(self._sock.recv(_PACKET)), None
            if came is None:
                continue
            content, data = came
            if content == "data":
                return data
            if content == "close":
                return None

    def close(self) -> None:
        """Tell the peer that this was all, which may be lost, and close the socket. Twice is fine."""
        try:
            if self._sock.fileno() >= 0 and not self._session.is_closed:
                _send(self._sock, self._session.close())
        finally:
            self._sock.close()

    def abort(self) -> None:
        """Close the socket without a word."""
        self._sock.close()

    def rekey(self) -> None:
        """Change the keys of what is sent next, and ask the peer to change its keys. They change by themselves too."""
        self._session.rekey()
        _send(self._sock, self._session.rekey_request())

    def fileno(self) -> int:
        """The socket's."""
        return self._sock.fileno()

    def settimeout(self, timeout: float | None, /) -> None:
        """Set how long `recv` waits. Receiving can go on after a `TimeoutError`."""
        if timeout == 0:
            raise MisuseError("the socket blocks")
        self._sock.settimeout(timeout)

    def gettimeout(self) -> float | None:
        """The socket's timeout."""
        return self._sock.gettimeout()

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
        return f"<sealwax.transit.Datagram to {self._peer!r}>"

    def _open(self, packet: bytes) -> tuple[str, bytes] | None:
        """What a packet is, where it is the peer's and new."""
        if self._last.answers(packet):
            _send(self._sock, self._last.said)
            return None
        came = _opened(self._session, packet)
        if came is not None:
            self._last = _Exchange()
        return came


class _Exchange:
    """The peer's last handshake message and the answer to it."""

    def __init__(self, heard: bytes = b"", said: bytes = b"") -> None:
        self.heard, self.said = heard, said

    def answers(self, packet: bytes) -> bool:
        return bool(self.said) and packet == self.heard


class _Attempt:
    """A handshake with one address, and when its last message is sent once more."""

    def __init__(self, initiator: bool, address: Any, terms: Terms) -> None:
        self.handshake = Handshake(initiator, mode="datagram", **terms)
        self.address = address
        self.session: Session | None = None
        self.peer: Recipient | None = None
        self.last = _Exchange()
        self.begin_waiting()

    def begin_waiting(self) -> None:
        self.wait = _FIRST_WAIT
        self.again = time.monotonic() + self.wait

    def say(self, sock: socket.socket, heard: bytes) -> None:
        """Answer, if it is this side's turn, and take the session where this was the end."""
        said = self.handshake.write() if self.handshake.writes_next else b""
        self.last = _Exchange(heard, said)
        if said:
            _send(sock, said, self.address)
        self.begin_waiting()
        if self.handshake.is_finished:
            self.peer = self.handshake.peer
            self.session = self.handshake.session()

    def repeat(self, sock: socket.socket) -> None:
        now = time.monotonic()
        if now >= self.again:
            if self.last.said:
                _send(sock, self.last.said, self.address)
            self.wait = min(self.wait * 2, _LONGEST_WAIT)
            self.again = now + self.wait

    def read(self, packet: bytes) -> bool:
        """Whether this was the message that is expected. What is wrong on this side is raised."""
        try:
            return self.handshake.read(packet) is not None
        except (MisuseError, KeyStateError, RandomError):
            raise
        except SealwaxError:
            return False

    def finish(self, sock: socket.socket, usual: float | None) -> Datagram:
        assert self.session is not None
        if self.address is not None:
            sock.connect(self.address)
        sock.settimeout(usual)
        return Datagram(sock, self.session, self.peer, self.last)


def _connect(sock: socket.socket, timeout: float | None, terms: Terms) -> Datagram:
    # Without a peer's address there is nothing to begin.
    sock.getpeername()
    usual, until = _patience(sock, timeout)
    attempt = _Attempt(True, None, terms)
    attempt.say(sock, b"")
    while attempt.session is None:
        attempt.repeat(sock)
        packet, _ = _packet(sock, attempt.again, until)
        if packet is not None and attempt.read(packet):
            attempt.say(sock, packet)
    if not attempt.last.said:
        # The answer to message 2 where there is no message 3 (format.md 13.7a).
        attempt.last.said = attempt.session.empty()
        _send(sock, attempt.last.said)
    return attempt.finish(sock, usual)


def _accept(sock: socket.socket, timeout: float | None, terms: Terms) -> Datagram:
    usual, until = _patience(sock, timeout)
    attempts: deque[_Attempt] = deque(maxlen=_ATTEMPTS)
    # What is wrong here is wrong for every peer.
    Handshake(False, mode="datagram", **terms)
    while True:
        for attempt in attempts:
            attempt.repeat(sock)
        packet, address = _packet(sock, min((attempt.again for attempt in attempts), default=None), until)
        if packet is None:
            continue
        known = [attempt for attempt in attempts if attempt.address == address]
        again = next((attempt for attempt in known if attempt.last.answers(packet)), None)
        if again is not None:
            _send(sock, again.last.said, address)
        elif packet[:1] == _FIRST:
            attempt = _Attempt(False, address, terms)
            if attempt.read(packet):
                attempt.say(sock, packet)
                attempts.appendleft(attempt)
        else:
            for attempt in known:
                if attempt.session is None:
                    if attempt.read(packet):
                        attempt.say(sock, packet)
                        return attempt.finish(sock, usual)
                elif (came := _opened(attempt.session, packet)) is not None:
                    attempt.last = _Exchange()
                    datagram = attempt.finish(sock, usual)
                    datagram._early = came
                    return datagram


def _closing_on_failure(sock: socket.socket, make: Any) -> Datagram:
    try:
        made: Datagram = make()
    except BaseException:
        sock.close()
        raise
    return made


def _patience(sock: socket.socket, timeout: float | None) -> tuple[float | None, float | None]:
    """The socket's own timeout, and until when to wait for the peer."""
    usual = sock.gettimeout()
    if usual == 0:
        raise MisuseError("the socket blocks")
    return usual, None if timeout is None else time.monotonic() + timeout


def _packet(sock: socket.socket, again: float | None, until: float | None) -> tuple[bytes | None, Any]:
    """The next packet before it is time for something else, and whose it is."""
    now = time.monotonic()
    if until is not None and now >= until:
        raise TimeoutError("the handshake took too long")
    ends = [end for end in (again, until) if end is not None]
    sock.settimeout(max(min(ends) - now, 0.001) if ends else None)
    try:
        return sock.recvfrom(_PACKET)
    except (TimeoutError, ConnectionRefusedError):
        # Nobody listens there yet, or did not a moment ago.
        return None, None


def _opened(session: Session, packet: bytes) -> tuple[str, bytes] | None:
    """What a packet is, where it is the peer's and new."""
    if len(packet) == _PACKET:
        return None
    try:
        return session.open(packet)
    except (DecryptionError, FormatError):
        # Anybody on the way could have caused this.
        return None


def _send(sock: socket.socket, packet: bytes, address: Any = None) -> None:
    try:
        if address is None:
            sock.send(packet)
        else:
            sock.sendto(packet, address)
    except ConnectionRefusedError:
        # As if the packet were lost.
        pass


_ATTEMPTS = 16
_FIRST = b"\x20"
#: Longer than any message or record, so that what is too long is seen to be so.
_PACKET = 13 + 16_384 + 16 + 1
_FIRST_WAIT = 0.25
_LONGEST_WAIT = 4.0
