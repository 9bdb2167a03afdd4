// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes and sessions without I/O, for `sealwax.transit`. Sockets and event loops are in Python.

mod halves;
mod handshake;
mod limits;
mod session;

pub(crate) use handshake::Handshake;
pub(crate) use limits::Limits;
pub(crate) use session::Session;
