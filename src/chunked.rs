// SPDX-License-Identifier: MIT OR Apache-2.0
//! M: chunked payloads, chunk in and chunk out, without a heap (format.md 5A).

use crate::derive::{Commitment, chunk_key_into};
use crate::error::{Error, Result};
use crate::format::core::ChunkLen;
use crate::format::payload::{
    COMMITMENT_LEN, DEFAULT_MAX_CHUNKS, MAX_CHUNKS, PREFIX_LEN, SALT_LEN,
};
use crate::id::Suite;
use crate::primitives::{AeadKey, NONCE_LEN, TAG_LEN};
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack};
use crate::secret::{Chunk, Key, Payload};

/// Seals the chunks of one payload in order, in the caller's buffers.
///
/// The chunk that is shorter than the others is the last one; without it the payload is truncated.
pub struct Sealing {
    engine: Engine,
    next: u64,
    state: State,
}

/// Opens the chunks of one payload, in any order and as often as wanted, in the caller's buffers.
///
/// Whether the end is there is for the caller to see: the payload is complete only where the chunk that is shorter than
/// the others was opened.
pub struct Opening {
    engine: Engine,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Finished,
}

impl Sealing {
    pub(crate) fn new(engine: Engine) -> Self {
        Sealing { engine, next: 0, state: State::Open }
    }

    /// Length of the chunks.
    pub fn chunk_len(&self) -> ChunkLen {
        self.engine.chunk_len
    }

    /// Whether the last chunk was sealed.
    pub fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    /// Seals the next piece in place and returns its tag: a full piece, or a shorter one, which is then the last.
    ///
    /// # Errors
    /// `Misuse` where the piece is longer than a chunk or the last was sealed before; `Limit` at 2^32 chunks.
    pub fn seal_chunk(&mut self, piece: &mut [u8]) -> Result<[u8; TAG_LEN]> {
        let full = self.engine.chunk_len.plaintext_len();
        if piece.len() > full {
            return Err(Error::misuse("a piece is longer than a chunk"));
        }
        let index = self.next;
        self.account(1, piece.len() < full)?;
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| self.engine.seal_chunk(index, piece))
    }

    /// Seals many pieces in place, each followed by 16 bytes of room for its tag. If the last of them is shorter than a
    /// chunk, it is the payload's last.
    ///
    /// # Errors
    /// As [`Sealing::seal_chunk`]; `Misuse` where the last piece has no room for its tag.
    pub fn seal_batch(&mut self, batch: &mut [u8]) -> Result<()> {
        let sealed_len = self.engine.chunk_len.sealed_len();
        let over = batch.len() % sealed_len;
        if over != 0 && over < TAG_LEN {
            return Err(Error::misuse("the last piece has no room for its tag"));
        }
        let (first, count) = (self.next, batch.len().div_ceil(sealed_len) as u64);
        self.account(count, over != 0)?;
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| self.engine.seal_batch(first, batch))
    }

    fn account(&mut self, count: u64, last: bool) -> Result<()> {
        if self.state == State::Finished {
            return Err(Error::misuse("the last chunk was sealed before"));
        }
        if self.next + count > DEFAULT_MAX_CHUNKS {
            return Err(Error::limit("an envelope has at most 2^32 chunks"));
        }
        self.next += count;
        if last {
            self.state = State::Finished;
        }
        Ok(())
    }
}

impl Opening {
    pub(crate) fn new(engine: Engine) -> Self {
        Opening { engine }
    }

    /// Length of the chunks.
    pub fn chunk_len(&self) -> ChunkLen {
        self.engine.chunk_len
    }

    /// Opens chunk `index` in place. On an error the piece is wiped.
    ///
    /// # Errors
    /// `Decrypt`; `Limit` from chunk 2^38 on; `Misuse` where the piece is longer than a chunk.
    pub fn open_chunk(&self, index: u64, piece: &mut [u8], tag: &[u8; TAG_LEN]) -> Result<()> {
        if piece.len() > self.engine.chunk_len.plaintext_len() {
            return Err(Error::misuse("a piece is longer than a chunk"));
        }
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| self.engine.open_chunk(index, piece, tag))
    }

    /// Opens many chunks in place, from number `first` on: each piece stays where it is, followed by its tag.
    ///
    /// # Errors
    /// As [`Opening::open_chunk`]; `Truncated` where the last piece has no whole tag.
    pub fn open_batch(&self, first: u64, batch: &mut [u8]) -> Result<()> {
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| self.engine.open_batch(first, batch))
    }
}

/// The keys of one payload: seals and opens its chunks in any order, from many threads.
///
/// It does not keep count. Whoever holds it sees to it that each chunk is sealed once, that all but the
/// last are full, and that the last is shorter (format.md 5A.3); [`Sealing`] does that for one stream.
pub(crate) struct Engine {
    // With a heap, what moves with an engine is the pointer, so that no copy of the schedule stays behind.
    #[cfg(feature = "alloc")]
    aead: crate::secret::memory::Boxed<AeadKey>,
    #[cfg(not(feature = "alloc"))]
    aead: AeadKey,
    base_nonce: [u8; NONCE_LEN],
    chunk_len: ChunkLen,
    /// The process that began: parent and child would seal different chunks under the same nonces.
    #[cfg(feature = "std")]
    process: u64,
}

impl Engine {
    /// Starts a new payload: derives from `salt` and writes salt || commitment into `prefix`.
    ///
    /// The caller's duty: a salt that never repeats under this key.
    pub(crate) fn seal(
        key: &Key<Payload>,
        suite: Suite,
        chunk_len: ChunkLen,
        salt: &[u8; SALT_LEN],
        context: &[&[u8]],
        prefix: &mut [u8; PREFIX_LEN],
    ) -> Result<Self> {
        let (salt_out, commitment) = prefix.split_at_mut(SALT_LEN);
        salt_out.copy_from_slice(salt);
        let commitment = Commitment::Write(commitment.try_into().expect("56 - 24 bytes"));
        let mut chunk_key = Key::zeroed();
        let base_nonce =
            chunk_key_into(key, suite, chunk_len, salt, context, commitment, &mut chunk_key)?;
        Ok(Engine::of(suite, &chunk_key, base_nonce, chunk_len))
    }

    /// Starts to open the payload that begins with `prefix`. `Decrypt` where the commitment differs.
    pub(crate) fn open(
        key: &Key<Payload>,
        suite: Suite,
        chunk_len: ChunkLen,
        context: &[&[u8]],
        prefix: &[u8; PREFIX_LEN],
    ) -> Result<Self> {
        let (salt, commitment) = prefix.split_first_chunk().expect("56 bytes begin with a salt");
        let commitment: &[u8; COMMITMENT_LEN] = commitment.try_into().expect("56 - 24 bytes");
        let commitment = Commitment::Expect(commitment);
        let mut chunk_key = Key::zeroed();
        let base_nonce =
            chunk_key_into(key, suite, chunk_len, salt, context, commitment, &mut chunk_key)?;
        Ok(Engine::of(suite, &chunk_key, base_nonce, chunk_len))
    }

    fn of(
        suite: Suite,
        key: &Key<Chunk>,
        base_nonce: [u8; NONCE_LEN],
        chunk_len: ChunkLen,
    ) -> Self {
        let aead = AeadKey::new(suite, key.expose_bytes());
        #[cfg(feature = "alloc")]
        let aead = crate::secret::memory::Boxed::new(aead);
        Engine {
            aead,
            base_nonce,
            chunk_len,
            #[cfg(feature = "std")]
            process: crate::secret::memory::fork_generation(),
        }
    }

    pub(crate) fn chunk_len(&self) -> ChunkLen {
        self.chunk_len
    }

    /// Seals chunk `index` in place and returns its tag. `Misuse` in a process that was forked since it began.
    pub(crate) fn seal_chunk(&self, index: u64, in_out: &mut [u8]) -> Result<[u8; TAG_LEN]> {
        self.check_process()?;
        Ok(self.aead.seal_in_place(&self.nonce(index)?, &[], in_out))
    }

    /// Seals `piece` as chunk `index` into `chunk`, which is longer by a tag. Errors as [`Engine::seal_chunk`].
    #[cfg(feature = "alloc")]
    pub(crate) fn seal_chunk_into(&self, index: u64, piece: &[u8], chunk: &mut [u8]) -> Result<()> {
        self.check_process()?;
        let (out, tag) = chunk.split_at_mut(piece.len());
        tag.copy_from_slice(&self.aead.seal_into(&self.nonce(index)?, &[], piece, out));
        Ok(())
    }

    fn check_process(&self) -> Result<()> {
        #[cfg(feature = "std")]
        if self.process != crate::secret::memory::fork_generation() {
            return Err(Error::misuse(
                "a forked process cannot go on sealing what its parent began",
            ));
        }
        Ok(())
    }

    /// Opens chunk `index` in place.
    pub(crate) fn open_chunk(
        &self,
        index: u64,
        in_out: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<()> {
        let opened = self.aead.open_in_place(&self.nonce(index)?, &[], in_out, tag);
        if opened.is_err() {
            zeroize::Zeroize::zeroize(in_out);
        }
        opened
    }

    /// Opens chunk `index`, its ciphertext and its tag, into `out`, which is shorter by a tag. On an error `out` is wiped.
    pub(crate) fn open_chunk_into(&self, index: u64, chunk: &[u8], out: &mut [u8]) -> Result<()> {
        let (ciphertext, tag) = chunk.split_last_chunk().ok_or(Error::Truncated)?;
        let opened = self.aead.open_into(&self.nonce(index)?, &[], ciphertext, tag, out);
        if opened.is_err() {
            zeroize::Zeroize::zeroize(out);
        }
        opened
    }

    /// Seals chunks laid out as they will be written: each piece followed by room for its tag.
    ///
    /// Every chunk in `batch` is full but for the last one, if `batch` does not divide evenly.
    pub(crate) fn seal_batch(&self, first: u64, batch: &mut [u8]) -> Result<()> {
        for (index, chunk) in (first..).zip(batch.chunks_mut(self.chunk_len.sealed_len())) {
            let (piece, tag) =
                chunk.split_last_chunk_mut::<TAG_LEN>().expect("the caller left room for tags");
            *tag = self.seal_chunk(index, piece)?;
        }
        Ok(())
    }

    /// Opens chunks as they were read: each piece followed by its tag. How many opened before an error.
    pub(crate) fn open_batch(&self, first: u64, batch: &mut [u8]) -> Result<()> {
        for (index, chunk) in (first..).zip(batch.chunks_mut(self.chunk_len.sealed_len())) {
            let Some((piece, tag)) = chunk.split_last_chunk_mut::<TAG_LEN>() else {
                return Err(Error::Truncated);
            };
            self.open_chunk(index, piece, tag)?;
        }
        Ok(())
    }

    /// base nonce XOR index: format.md 5A.3.
    fn nonce(&self, index: u64) -> Result<[u8; NONCE_LEN]> {
        if index >= MAX_CHUNKS {
            return Err(Error::limit("a payload has at most 2^38 chunks"));
        }
        let mut nonce = self.base_nonce;
        for (byte, counter) in nonce[NONCE_LEN - 8..].iter_mut().zip(index.to_be_bytes()) {
            *byte ^= counter;
        }
        Ok(nonce)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
