// SPDX-License-Identifier: MIT OR Apache-2.0
//! The outer bytes of messages in transit (format.md 13.2).

use crate::error::{Error, Result};
use crate::format::reader::{End, Reader};

/// The first byte of handshake message 1; those of messages 2 and 3 follow.
const HANDSHAKE: u8 = 0x20;
/// The version of the chapter.
const VERSION: u8 = 1;
/// Bytes of message 1 before its kem.
pub(crate) const FIRST_HEAD_LEN: usize = 6;
/// Bytes of messages 2 and 3 before their kem.
pub(crate) const LATER_HEAD_LEN: usize = 2;
/// What the prologue begins with.
pub(crate) const PROLOGUE: &[u8] = b"sealwax/v1/transit\0";

/// What message 1 says of the handshake, each as its number.
#[derive(Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) pattern: u8,
    pub(crate) suite: u8,
    pub(crate) mode: u8,
    pub(crate) hybrid: u8,
}

impl Offer {
    /// The head of message 1.
    pub(crate) fn head(self) -> [u8; FIRST_HEAD_LEN] {
        let Offer { pattern, suite, mode, hybrid } = self;
        [HANDSHAKE, VERSION, pattern, suite, mode, hybrid]
    }
}

/// The head of message `number`, which is 2 or 3.
pub(crate) fn later_head(number: u8) -> [u8; LATER_HEAD_LEN] {
    [HANDSHAKE + number - 1, VERSION]
}

/// Whether these bytes claim to be message 1.
pub(crate) fn is_first(message: &[u8]) -> bool {
    message.first() == Some(&HANDSHAKE)
}

/// Cuts a message into its kem and the message of Noise. Nothing is negotiated: any other head is refused.
pub(crate) fn split<'m>(
    message: &'m [u8],
    head: &[u8],
    kem_len: usize,
) -> Result<(&'m [u8], &'m [u8])> {
    let mut reader = Reader::new(message, End::of("13.2"));
    if reader.take(head.len())? != head {
        return Err(Error::format("13.2", "not the message that is expected here"));
    }
    let kem = reader.take(kem_len)?;
    Ok((kem, reader.rest()))
}

/// Writes the head, and returns the places of the kem and of the message of Noise.
pub(crate) fn parts<'o>(
    out: &'o mut [u8],
    head: &[u8],
    kem_len: usize,
    message_len: usize,
) -> Result<(&'o mut [u8], &'o mut [u8])> {
    let len = head.len() + kem_len + message_len;
    let out = out.get_mut(..len).ok_or(Error::misuse("the output is shorter than the message"))?;
    let (out_head, rest) = out.split_at_mut(head.len());
    out_head.copy_from_slice(head);
    Ok(rest.split_at_mut(kem_len))
}
