// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the chunks of an envelope are.

use crate::envelope::ChunkLen;
use crate::error::Result;
use crate::format::payload::{Extent, PREFIX_LEN};
use crate::primitives::TAG_LEN;

/// About how many bytes of plaintext one batch has.
const BATCH_LEN: usize = 512 * 1024;

/// Where the chunks of an envelope of known length are.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    chunks_at: u64,
    chunk_len: ChunkLen,
    pub(super) extent: Extent,
}

impl Geometry {
    pub(super) fn new(payload_at: u64, payload_len: u64, chunk_len: ChunkLen) -> Result<Self> {
        let extent = Extent::of_payload(payload_len, chunk_len)?;
        Ok(Geometry { chunks_at: payload_at + PREFIX_LEN as u64, chunk_len, extent })
    }

    pub(super) fn piece_len(&self) -> usize {
        self.chunk_len.plaintext_len()
    }

    pub(super) fn batch_chunks(&self) -> usize {
        (BATCH_LEN / self.piece_len()).max(1)
    }

    /// Chunk and position within its piece of a plaintext offset.
    pub(super) fn locate(&self, offset: u64) -> (u64, usize) {
        let piece_len = self.piece_len() as u64;
        (offset / piece_len, (offset % piece_len) as usize)
    }

    /// Offset and length in the envelope of `count` chunks from `first` on, or as many as there are.
    pub(super) fn sealed_range(&self, first: u64, count: usize) -> (u64, usize) {
        let sealed_len = self.chunk_len.sealed_len();
        let offset = self.chunks_at + first * sealed_len as u64;
        let left = self.extent.last_chunk.saturating_sub(first);
        let len = match (count as u64) <= left {
            true => count * sealed_len,
            false => left as usize * sealed_len + self.extent.last_len + TAG_LEN,
        };
        (offset, len)
    }

    /// Plaintext offset of a chunk.
    pub(super) fn plaintext_at(&self, chunk: u64) -> u64 {
        chunk * self.piece_len() as u64
    }

    /// The pieces of an opened batch, without the tags between them.
    pub(super) fn pieces<'a>(&self, batch: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        batch.chunks(self.chunk_len.sealed_len()).map(|chunk| &chunk[..chunk.len() - TAG_LEN])
    }
}
