// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bytes of a record in transit (format.md 13.8).

use crate::error::{Error, Result};
use crate::format::reader::{End, Reader};

/// What a record is: its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Data = 0x28,
    Close = 0x29,
    RekeyRequest = 0x2a,
    Empty = 0x2b,
    Padded = 0x2c,
}

/// What stands in front of a record's ciphertext, readable and authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) epoch: u32,
    pub(crate) counter: u64,
}

impl Kind {
    fn from_u8(number: u8) -> Result<Self> {
        match number {
            0x28 => Ok(Kind::Data),
            0x29 => Ok(Kind::Close),
            0x2a => Ok(Kind::RekeyRequest),
            0x2b => Ok(Kind::Empty),
            0x2c => Ok(Kind::Padded),
            // format.md 13.8
            _ => Err(Error::format("13.8", "unknown type of record")),
        }
    }
}

impl Header {
    /// Looks at one whole record. Nothing of it is authenticated.
    pub(crate) fn parse(record: &[u8]) -> Result<Self> {
        // format.md 13.8
        let Some(len) = record.len().checked_sub(OVERHEAD) else {
            return Err(Error::format("13.8", "a record has at least 29 bytes"));
        };
        if len > MAX_PLAINTEXT_LEN {
            return Err(Error::limit("a record has at most 16,384 bytes of plaintext"));
        }
        let mut reader = Reader::new(record, End::of("13.8"));
        let kind = Kind::from_u8(reader.u8()?)?;
        let (epoch, counter) = (reader.u32()?, reader.u64()?);
        // format.md 13.9
        if counter == u64::MAX {
            return Err(Error::format("13.9", "the last counter is never used"));
        }
        Ok(Header { kind, epoch, counter })
    }

    pub(crate) fn encode(self) -> [u8; HEADER_LEN] {
        let Header { kind, epoch, counter } = self;
        let mut out = [0; HEADER_LEN];
        out[0] = kind as u8;
        out[1..5].copy_from_slice(&epoch.to_be_bytes());
        out[5..].copy_from_slice(&counter.to_be_bytes());
        out
    }
}

/// Length of a record's header, in bytes.
pub const HEADER_LEN: usize = 1 + 4 + 8;
/// Bytes that a record is longer than its plaintext.
pub const OVERHEAD: usize = HEADER_LEN + 16;
/// Longest plaintext of a record, padding included, in bytes.
pub const MAX_PLAINTEXT_LEN: usize = 1 << 14;
/// How much of the caller's associated data a record binds, in bytes.
pub const MAX_ASSOCIATED_LEN: usize = 256;
/// What a padded plaintext has after its data: ISO/IEC 7816-4.
pub(crate) const PAD: u8 = 0x80;

/// The data of a padded plaintext; `None` where the padding is not one.
// By itself, so that tests/constant_time/public.supp can name what shows here, and no more.
#[cfg_attr(feature = "std", inline(never))]
pub(crate) fn unpadded(plaintext: &[u8]) -> Option<usize> {
    let end = plaintext.iter().rposition(|byte| *byte != 0)?;
    (plaintext[end] == PAD).then_some(end)
}
