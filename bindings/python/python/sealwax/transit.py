# SPDX-License-Identifier: MIT OR Apache-2.0
"""Encrypted connections between two parties that know each other's keys.

>>> import socket, threading, sealwax, sealwax.transit
>>> ann, bob = (sealwax.Keyset.generate(name, "x25519") for name in ("ann", "bob"))
>>> left, right = socket.socketpair()
>>> def answer():
...     with sealwax.transit.accept(right, identity=bob, peers=[ann.recipient()]) as connection:
...         connection.sendall(connection.recv(100).upper())
>>> thread = threading.Thread(target=answer)
>>> thread.start()
>>> with sealwax.transit.connect(left, identity=ann, peers=[bob.recipient()]) as connection:
...     connection.sendall(b"hello")
...     connection.recv(100)
b'HELLO'
>>> thread.join()

`connect` and `accept` work over a connected socket, `open_connection` and `start_server` in asyncio, `Datagram` over
UDP. `Handshake` and `Session` do no I/O: for whatever else carries bytes, and for sessions that a device keeps over
restarts. All take the same keyword arguments, `Terms`, and both sides must be set alike: nothing is negotiated.
"""

from sealwax._native import Handshake, Limits, Session
from sealwax._transit_asyncio import open_connection, start_server
from sealwax._transit_datagram import Datagram
from sealwax._transit_socket import Connection, accept, connect
from sealwax._types import Terms

__all__ = [
    "Connection",
    "Datagram",
    "Handshake",
    "Limits",
    "Session",
    "Terms",
    "accept",
    "connect",
    "open_connection",
    "start_server",
]
