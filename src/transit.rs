// SPDX-License-Identifier: MIT OR Apache-2.0
//! In transit: a handshake between two parties, and then records (format.md 13).

#[cfg(feature = "std")]
mod buffer;
#[cfg(feature = "std")]
mod datagram;
mod export;
#[cfg(feature = "std")]
mod greeting;
mod handshake;
mod hedge;
#[cfg(feature = "x-wing")]
mod hybrid;
mod identity;
mod limits;
mod noise;
mod pattern;
mod receiving;
mod sending;
mod session;
#[cfg(feature = "std")]
mod stream;
mod symmetric;
#[cfg(feature = "tokio")]
mod tokio;
mod traffic;
mod window;

#[cfg(feature = "tokio")]
pub use self::tokio::{AsyncReader, AsyncStream, AsyncWriter};
#[cfg(feature = "std")]
pub use datagram::Datagram;
pub use export::{EXPORT_LEN, Keeping};
pub use handshake::{Handshake, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Party, Received, Settings};
pub(crate) use identity::Life;
pub use identity::{KeyPair, PEER_KEY_LEN, Peer, PeerKey, Peers, Verdict};
pub use limits::Limits;
pub use pattern::{Hybrid, Pattern};
pub use receiving::{Content, Receiving, Record};
pub use sending::Sending;
pub use session::{RekeyRequest, Session};
#[cfg(feature = "std")]
pub use stream::{Stream, StreamReader, StreamWriter, Terms};

pub use crate::format::record::{
    HEADER_LEN as RECORD_HEADER_LEN, MAX_ASSOCIATED_LEN, MAX_PLAINTEXT_LEN,
    OVERHEAD as RECORD_OVERHEAD,
};

use crate::error::{Error, Result};
use crate::secret::{Key, Traffic};

/// What carries the messages (format.md 13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Bytes arrive in order or not at all; every failure is final.
    Stream = 1,
    /// Messages may be lost, repeated, reordered and made up; those that fail change nothing.
    Datagram = 2,
}

/// Which side of a session this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Writes the first message.
    Initiator = 1,
    /// Answers it.
    Responder = 2,
}

/// What a finished handshake leaves: two one-way traffic secrets and the handshake hash (format.md 13.7).
pub(crate) struct Established {
    pub(crate) settings: Settings,
    pub(crate) role: Role,
    pub(crate) sending: Key<Traffic>,
    pub(crate) receiving: Key<Traffic>,
    // public: the same on both sides, and tells nothing of the keys.
    pub(crate) binding: [u8; 32],
}

impl Mode {
    /// The mode with this number.
    ///
    /// # Errors
    /// `Format` for a number that is no mode.
    pub const fn from_u8(number: u8) -> Result<Self> {
        match number {
            1 => Ok(Mode::Stream),
            2 => Ok(Mode::Datagram),
            _ => Err(Error::format("13.2", "unknown mode")),
        }
    }
}
