// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes and sessions without I/O, for `sealwax.transit`. Sockets and event loops are in Python.

mod handshake;
mod session;

pub(crate) use handshake::Handshake;
pub(crate) use session::Session;
