// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chunks whose ciphertext stays where it is mapped: read twice, and released piece by piece.

use zeroize::Zeroize;

use super::Opening;
use crate::error::{Error, Result};
use crate::id::Suite;
use crate::primitives::{Pieces, TAG_LEN, ct_eq};
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack};

/// Length of the pieces, and of the one buffer that they need, in bytes.
pub const PIECE_LEN: usize = 512;
/// Most pieces of a chunk.
pub(super) const MAX_PIECES: usize = 8;

impl Opening {
    /// Opens chunk `index`, of `sealed_len` bytes, without a buffer for all of it.
    ///
    /// `read` copies bytes of the chunk from an offset on. The first pass reads all of it, verifies
    /// the tag, and keeps the authenticator's value after each piece. The second pass reads each
    /// piece again and hands it to `release` only where the authenticator has that value again:
    /// memory that was changed in between is found before a byte of the changed piece is released.
    /// Where this fails, what was released is a true beginning of the chunk.
    ///
    /// The chunk counts as [`Opening::open_chunk`] says, once all of it was released.
    ///
    /// # Errors
    /// As [`Opening::open_chunk`]; `Unsupported` for suite 1 and for chunks over 4 KiB; what
    /// `release` returns.
    pub fn open_mapped(
        &mut self,
        index: u64,
        sealed_len: usize,
        buffer: &mut [u8; PIECE_LEN],
        read: &mut dyn FnMut(usize, &mut [u8]),
        release: &mut dyn FnMut(usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        if self.suite != Suite::ChaCha20Poly1305
            || self.chunk_len.plaintext_len() > MAX_PIECES * PIECE_LEN
        {
            return Err(Error::unsupported("two passes are for suite 2 and chunks up to 4 KiB"));
        }
        self.check_turn(index)?;
        let Some(len) = sealed_len.checked_sub(TAG_LEN) else { return Err(Error::Truncated) };
        if len > self.chunk_len.plaintext_len() {
            return Err(Error::misuse("a piece is longer than a chunk"));
        }
        let kept = self.digest.clone();
        let opened = try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
            self.verify(index, len, buffer, read)?;
            self.release(index, len, buffer, read, release)
        });
        buffer.zeroize();
        self.checkpoints.as_flattened_mut().zeroize();
        match opened {
            Ok(()) if index == self.next => self.advance(len),
            // A chunk that failed will be hashed when it comes again. One that was opened before
            // comes only where there is no digest.
            _ => self.digest = kept,
        }
        opened
    }

    /// The first pass.
    fn verify(
        &mut self,
        index: u64,
        len: usize,
        buffer: &mut [u8; PIECE_LEN],
        read: &mut dyn FnMut(usize, &mut [u8]),
    ) -> Result<()> {
        let mut pieces = Pieces::new(&self.key, &self.nonce(index)?);
        for (offset, checkpoint) in (0..len).step_by(PIECE_LEN).zip(&mut self.checkpoints) {
            let piece = &mut buffer[..PIECE_LEN.min(len - offset)];
            read(offset, piece);
            pieces.absorb(piece);
            *checkpoint = pieces.checkpoint();
        }
        let mut tag = [0; TAG_LEN];
        read(len, &mut tag);
        match ct_eq(&pieces.tag(), &tag) {
            true => Ok(()),
            false => Err(Error::Decrypt),
        }
    }

    /// The second pass.
    fn release(
        &mut self,
        index: u64,
        len: usize,
        buffer: &mut [u8; PIECE_LEN],
        read: &mut dyn FnMut(usize, &mut [u8]),
        release: &mut dyn FnMut(usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut pieces = Pieces::new(&self.key, &self.nonce(index)?);
        for (offset, checkpoint) in (0..len).step_by(PIECE_LEN).zip(&self.checkpoints) {
            let piece = &mut buffer[..PIECE_LEN.min(len - offset)];
            read(offset, piece);
            pieces.absorb(piece);
            if !ct_eq(&pieces.checkpoint(), checkpoint) {
                return Err(Error::Decrypt);
            }
            pieces.decrypt(piece);
            if let Some(digest) = &mut self.digest {
                digest.update(piece);
            }
            release(offset, piece)?;
        }
        Ok(())
    }
}
