// SPDX-License-Identifier: MIT OR Apache-2.0
//! Length arithmetic of payloads (format.md 5A).

use crate::error::{Error, Result};
use crate::format::core::ChunkLen;

/// Length of a payload's salt, in bytes.
pub(crate) const SALT_LEN: usize = 24;
/// Length of a commitment, in bytes.
pub(crate) const COMMITMENT_LEN: usize = 32;
/// Bytes of a payload before its first chunk.
pub const PREFIX_LEN: usize = SALT_LEN + COMMITMENT_LEN;
/// Most chunks of a payload (format.md 5A.4).
pub(crate) const MAX_CHUNKS: u64 = 1 << 38;
/// Most chunks that a sealer writes by default (format.md 5A.4).
pub(crate) const DEFAULT_MAX_CHUNKS: u64 = 1 << 32;

const TAG_LEN: u64 = 16;

/// Where the last chunk of a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Number of the last chunk.
    pub(crate) last_chunk: u64,
    /// Bytes of plaintext in the last chunk.
    pub(crate) last_len: usize,
    /// Bytes of plaintext in all.
    pub(crate) plaintext_len: u64,
}

impl Extent {
    /// Of a payload of `payload_len` bytes (format.md 5A.5).
    pub(crate) fn of_payload(payload_len: u64, chunk_len: ChunkLen) -> Result<Self> {
        let sealed = chunk_len.sealed_len() as u64;
        let chunks = payload_len.checked_sub(PREFIX_LEN as u64).ok_or(Error::Truncated)?;
        let last_chunk = chunks / sealed;
        let last_len = (chunks % sealed).checked_sub(TAG_LEN).ok_or(Error::Truncated)?;
        if last_chunk >= MAX_CHUNKS {
            return Err(Error::limit("a payload has at most 2^38 chunks"));
        }
        Ok(Extent {
            last_chunk,
            last_len: last_len as usize,
            plaintext_len: last_chunk * chunk_len.plaintext_len() as u64 + last_len,
        })
    }
}

/// Length of the payload of a plaintext; `None` where it does not fit into u64.
pub(crate) fn payload_len(plaintext_len: u64, chunk_len: ChunkLen) -> Option<u64> {
    let tags = (plaintext_len / chunk_len.plaintext_len() as u64 + 1).checked_mul(TAG_LEN)?;
    plaintext_len.checked_add(tags)?.checked_add(PREFIX_LEN as u64)
}
