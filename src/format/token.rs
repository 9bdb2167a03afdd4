// SPDX-License-Identifier: MIT OR Apache-2.0
//! The outer bytes of a token (format.md 6.2).

use crate::error::{Error, Result};
use crate::format::reader::{End, Reader};
use crate::id::{Suite, VersionId};

/// Bytes of a token before T: prefix and version id.
pub(crate) const HEAD_LEN: usize = 5;
/// Longest plaintext of a token, in bytes; larger values are envelopes.
pub const MAX_PLAINTEXT_LEN: usize = 65_536;

/// A token cut into version, suite and T.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) suite: Suite,
    pub(crate) version: VersionId,
    pub(crate) sealed: &'a [u8],
}

impl<'a> Token<'a> {
    pub(crate) fn parse(token: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(token, End::of("6.2"));
        let prefix = reader.u8()?;
        if prefix & 0xf0 != 0x10 {
            return Err(Error::format("6.2", "not a token"));
        }
        let suite = Suite::from_u8(prefix & 0x0f)?;
        let version =
            VersionId::new(reader.u32()?).ok_or(Error::format("1.5", "a version id is 0"))?;
        let sealed = reader.rest();
        if sealed.len() < crate::format::token::MIN_SEALED_LEN {
            return Err(Error::format("6.2", "a token is at least 77 bytes"));
        }
        if sealed.len() > MIN_SEALED_LEN + MAX_PLAINTEXT_LEN {
            return Err(Error::limit("a token holds at most 65,536 bytes"));
        }
        Ok(Token { suite, version, sealed })
    }
}

/// The bytes before T.
pub(crate) fn head(suite: Suite, version: VersionId) -> [u8; HEAD_LEN] {
    let id = version.value().to_be_bytes();
    [0x10 | suite as u8, id[0], id[1], id[2], id[3]]
}

/// Length of T of an empty plaintext, in bytes.
const MIN_SEALED_LEN: usize = 72;
