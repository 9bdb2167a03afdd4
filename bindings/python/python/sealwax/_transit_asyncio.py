# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sessions in asyncio: the usual reader and writer, over a transport that seals and opens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Unpack, cast

from sealwax._errors import FormatError, MisuseError, SealwaxError, TruncatedError
from sealwax._native import Handshake, Recipient, Session
from sealwax._transit_socket import MAX_MESSAGE, _framed
from sealwax._types import Terms

if TYPE_CHECKING:
    from typing_extensions import Buffer


async def open_connection(
    host: str, port: int, *, timeout: float | None = 30, limit: int = 1 << 16, **terms: Unpack[Terms]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect and make a session, as the side that speaks first: `asyncio.open_connection`, encrypted.

    `writer.write_eof()` and `writer.close()` tell the peer that this was all. The reader ends only where the peer has
    said so; where the connection ends without that, it raises `TruncatedError`. `writer.get_extra_info` also knows
    `sealwax_peer` and `sealwax_session`. Raises as `connect`.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    upper = asyncio.StreamReaderProtocol(reader, loop=loop)
    protocol = _Protocol(loop, True, terms, reader, upper)
    async with asyncio.timeout(timeout):
        await loop.create_connection(lambda: protocol, host, port)
        try:
            transport = await protocol.ready
        except BaseException:
            protocol.abort()
            raise
    return reader, asyncio.StreamWriter(transport, upper, reader, loop)


async def start_server(
    connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None],
    host: str | None,
    port: int,
    *,
    timeout: float | None = 30,
    limit: int = 1 << 16,
    **terms: Unpack[Terms],
) -> asyncio.Server:
    """Listen, and call `connected` with each peer that is taken: `asyncio.start_server`, encrypted.

    A connection that does not become a session within `timeout` seconds is closed without an answer. `accept` in
    `terms` is called in the event loop and must not wait.
    """
    loop = asyncio.get_running_loop()
    # What is wrong here is wrong for every connection.
    Handshake(False, **terms)

    def make() -> _Protocol:
        reader = asyncio.StreamReader(limit=limit, loop=loop)
        upper = asyncio.StreamReaderProtocol(reader, connected, loop=loop)
        return _Protocol(loop, False, terms, reader, upper, timeout)

    return await loop.create_server(make, host, port)


class _Transport(asyncio.Transport):
    """What the writer writes to: seals, and passes on."""

    def __init__(
        self, lower: asyncio.Transport, session: Session, peer: Recipient | None, close: Callable[[], None]
    ) -> None:
        super().__init__({"sealwax_peer": peer, "sealwax_session": session})
        self._lower, self._session, self._close = lower, session, close

    def write(self, data: Buffer) -> None:
        if self._session.is_closed:
            raise MisuseError("this direction was closed")
        if not self._lower.is_closing():
            self._lower.write(self._session.seal_stream(data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._session.is_closed and not self._lower.is_closing():
            self._lower.write(_framed(self._session.close()))

    def close(self) -> None:
        try:
            self.write_eof()
        finally:
            self._close()

    def abort(self) -> None:
        self._lower.abort()

    def is_closing(self) -> bool:
        return self._lower.is_closing()

    def pause_reading(self) -> None:
        self._lower.pause_reading()

    def resume_reading(self) -> None:
        self._lower.resume_reading()

    def is_reading(self) -> bool:
        return self._lower.is_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._lower.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._lower.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._lower.get_write_buffer_limits()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        found = super().get_extra_info(name)
        return self._lower.get_extra_info(name, default) if found is None else found


class _Protocol(asyncio.Protocol):
    """What the socket's transport gives bytes to: first the handshake, then records."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        initiator: bool,
        terms: Terms,
        reader: asyncio.StreamReader,
        upper: asyncio.StreamReaderProtocol,
        timeout: float | None = None,
    ) -> None:
        self._handshake = Handshake(initiator, **terms)
        self._initiator = initiator
        self._reader, self._upper = reader, upper
        self._lower: asyncio.Transport | None = None
        self._session: Session | None = None
        self._peer: Recipient | None = None
        self._sealed = bytearray()
        self._told_end = self._closed_here = self._is_over = False
        self.ready: asyncio.Future[_Transport] = loop.create_future()
        self._alarm = None if timeout is None else loop.call_later(timeout, self.abort)

    def abort(self) -> None:
        if self._lower is not None:
            self._lower.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._lower = cast(asyncio.Transport, transport)
        self._try(self._shake)

    def data_received(self, data: bytes) -> None:
        if self._told_end:
            # After its end the peer has nothing to say, and whoever else says it fills no memory.
            return
        self._sealed += data
        self._try(self._shake if self._session is None else self._open)

    def eof_received(self) -> bool:
        if not self._told_end:
            # No word of the peer's: the end is somebody else's.
            self._fail(TruncatedError("the connection ended before the peer said that it was all"))
        # What was not sent yet is sent.
        return self._told_end

    def pause_writing(self) -> None:
        self._upper.pause_writing()

    def resume_writing(self) -> None:
        self._upper.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if error is None and not self._told_end:
            ended = TruncatedError("the connection ended before the peer said that it was all")
            if self._closed_here:
                # Whoever closes need not hear the peer out; whoever reads on must not take this for the end.
                self._reader.set_exception(ended)
            else:
                error = ended
        self._fail(error)

    def _close(self) -> None:
        assert self._lower is not None
        self._closed_here = True
        self._lower.close()

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._fail(error)

    def _shake(self) -> None:
        """Take the handshake as far as it goes."""
        assert self._lower is not None
        handshake = self._handshake
        while not handshake.is_finished:
            if handshake.writes_next:
                self._lower.write(_framed(handshake.write()))
                continue
            length = int.from_bytes(self._sealed[:2], "big")
            if length > MAX_MESSAGE:
                raise FormatError("malformed (format.md 13.11): a handshake message is not so long")
            if len(self._sealed) < 2 or len(self._sealed) < 2 + length:
                return
            message = bytes(self._sealed[2 : 2 + length])
            del self._sealed[: 2 + length]
            handshake.read(message)
        self._peer = handshake.peer
        self._session = handshake.session()
        if self._initiator:
            self._lower.write(_framed(self._session.empty()))
        if self._session.is_confirmed:
            self._begin()
        self._open()

    def _begin(self) -> None:
        """The peer is there: hand the connection out."""
        assert self._lower is not None and self._session is not None
        if self._alarm is not None:
            self._alarm.cancel()
        transport = _Transport(self._lower, self._session, self._peer, self._close)
        self._upper.connection_made(transport)
        if not self.ready.done():
            self.ready.set_result(transport)

    def _open(self) -> None:
        """Open the whole records that came."""
        assert self._session is not None
        while not self._session.is_ended:
            consumed, data = self._session.open_stream(self._sealed)
            if not consumed:
                return
            del self._sealed[:consumed]
            if not self.ready.done():
                self._begin()
            if data:
                self._upper.data_received(data)
        if not self._told_end:
            self._told_end = True
            if not self.ready.done():
                self._begin()
            self._upper.eof_received()

    def _fail(self, error: Exception | None) -> None:
        if not self.ready.done():
            # A server has nobody to tell, and tells the peer nothing.
            self.ready.set_exception(error or SealwaxError("the connection was closed"))
            self.ready.exception()
        elif not self._is_over:
            self._is_over = True
            self._upper.connection_lost(error)
        self.abort()
