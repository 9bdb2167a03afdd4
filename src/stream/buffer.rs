// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two buffers behind every stream: pieces in and chunks out, chunks in and pieces out. No I/O.

use zeroize::Zeroize;

use crate::chunked::Engine;
use crate::envelope::{Header, Need, Opener, Ready, Sealed, Started};
use crate::error::{Error, Result};
use crate::format::payload::{DEFAULT_MAX_CHUNKS, PREFIX_LEN};
use crate::primitives::TAG_LEN;
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack};

/// About how many bytes of plaintext a buffer holds: few calls to the system, and still in the cache.
const BATCH_LEN: usize = 256 * 1024;

/// Collects plaintext, laid out with gaps for the tags, and seals it in place a batch at a time.
pub(super) struct SealBuffer {
    engine: Engine,
    /// Chunks with room for their tags; what is beyond `filled` is old ciphertext or zeros.
    batch: Vec<u8>,
    /// Bytes of plaintext in the batch.
    filled: usize,
    /// Number of the batch's first chunk.
    first: u64,
    batch_pieces: usize,
}

impl SealBuffer {
    /// The bytes that come before the first chunk, and the buffer for what follows.
    pub(super) fn new(started: Started) -> (Vec<u8>, Self) {
        let Started { front, engine } = started;
        let batch_pieces = batch_chunks(&engine);
        let batch_len = batch_pieces * engine.chunk_len().sealed_len();
        // With room for the tag of an empty last chunk: growing would leave a copy of the plaintext.
        let mut batch = Vec::with_capacity(batch_len + TAG_LEN);
        batch.resize(batch_len, 0);
        (front, SealBuffer { engine, batch, filled: 0, first: 0, batch_pieces })
    }

    /// Takes plaintext from the front of `plaintext`; how many bytes. 0 where the batch is full.
    pub(super) fn fill(&mut self, plaintext: &[u8]) -> usize {
        let mut rest = plaintext;
        while !rest.is_empty() {
            let space = self.space();
            if space.is_empty() {
                break;
            }
            let len = space.len().min(rest.len());
            let (taken, after) = rest.split_at(len);
            space[..len].copy_from_slice(taken);
            self.filled += len;
            rest = after;
        }
        plaintext.len() - rest.len()
    }

    /// Where the next plaintext of the current piece goes; empty where the batch is full.
    fn space(&mut self) -> &mut [u8] {
        let piece_len = self.engine.chunk_len().plaintext_len();
        let (piece, within) = (self.filled / piece_len, self.filled % piece_len);
        if piece == self.batch_pieces {
            return &mut [];
        }
        let from = piece * self.engine.chunk_len().sealed_len();
        &mut self.batch[from + within..from + piece_len]
    }

    pub(super) fn is_full(&self) -> bool {
        self.filled == self.batch_pieces * self.engine.chunk_len().plaintext_len()
    }

    /// Seals the full pieces of the batch and returns their chunks. A piece begun stays for later.
    pub(super) fn seal_full(&mut self) -> Result<&[u8]> {
        let piece_len = self.engine.chunk_len().plaintext_len();
        let pieces = self.filled / piece_len;
        let end = pieces * self.engine.chunk_len().sealed_len();
        self.check_limit(pieces as u64)?;
        let (engine, batch, first) = (&self.engine, &mut self.batch, self.first);
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.seal_batch(first, &mut batch[..end]))?;
        self.first += pieces as u64;
        let begun = self.filled % piece_len;
        self.filled = begun;
        if begun > 0 && end > 0 {
            // Only a caller who flushes in mid-piece comes here: the chunks go out before the piece moves.
            return Ok(self.split_off(end, begun));
        }
        Ok(&self.batch[..end])
    }

    /// Seals what is left and the last, shorter chunk, and returns the chunks.
    pub(super) fn seal_last(&mut self) -> Result<&[u8]> {
        let (piece_len, sealed_len) =
            (self.engine.chunk_len().plaintext_len(), self.engine.chunk_len().sealed_len());
        let pieces = self.filled / piece_len;
        let end = pieces * sealed_len + self.filled % piece_len + TAG_LEN;
        self.check_limit(pieces as u64 + 1)?;
        if self.batch.len() < end {
            // The batch is full to its last byte, and the last chunk is an empty one.
            self.batch.resize(end, 0);
        }
        let (engine, batch, first) = (&self.engine, &mut self.batch, self.first);
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.seal_batch(first, &mut batch[..end]))?;
        self.first += pieces as u64 + 1;
        self.filled = 0;
        Ok(&self.batch[..end])
    }

    /// Puts the begun piece behind the finished chunks to the front of a fresh batch; the old one is returned.
    fn split_off(&mut self, end: usize, begun: usize) -> &[u8] {
        self.batch[..end + begun].rotate_right(begun);
        &self.batch[begun..begun + end]
    }

    fn check_limit(&self, more: u64) -> Result<()> {
        match self.first + more > DEFAULT_MAX_CHUNKS {
            true => Err(Error::Limit("an envelope has at most 2^32 chunks")),
            false => Ok(()),
        }
    }
}

impl Drop for SealBuffer {
    fn drop(&mut self) {
        self.batch.zeroize();
    }
}

/// Collects an envelope's bytes, and opens whole chunks in place as they come.
pub(super) struct OpenBuffer<'a> {
    opener: Option<Opener<'a>>,
    ready: Option<Ready>,
    /// Before the header is open: the bytes so far. Afterwards: opened pieces, then sealed bytes.
    batch: Vec<u8>,
    /// Bytes of the batch that hold something.
    filled: usize,
    /// Bytes of the batch, from the front, that are opened chunks.
    opened: usize,
    /// Bytes of the opened part, counted with tags, that were handed out.
    released: usize,
    /// Number of the first chunk that is not opened.
    next: u64,
    ended: bool,
}

impl<'a> OpenBuffer<'a> {
    pub(super) fn new(opener: Opener<'a>) -> Self {
        OpenBuffer {
            opener: Some(opener),
            ready: None,
            batch: Vec::new(),
            filled: 0,
            opened: 0,
            released: 0,
            next: 0,
            ended: false,
        }
    }

    /// Lets go of the keys, which only the header needs.
    pub(super) fn without_keys(mut self) -> OpenBuffer<'static> {
        OpenBuffer {
            opener: None,
            ready: self.ready.take(),
            batch: std::mem::take(&mut self.batch),
            filled: self.filled,
            opened: self.opened,
            released: self.released,
            next: self.next,
            ended: self.ended,
        }
    }

    /// What the authenticated header says.
    pub(super) fn sealed(&self) -> Option<&Sealed> {
        self.ready.as_ref().map(|ready| &ready.sealed)
    }

    /// Whether all was read, verified, and handed out.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.plaintext().is_empty()
    }

    /// Where the next bytes of the envelope go. Never empty while there is no plaintext to hand out.
    pub(super) fn space(&mut self) -> Result<&mut [u8]> {
        match &self.ready {
            None => {
                let need = self.front_len()?;
                self.batch.resize(need, 0);
            }
            Some(_) if self.released == self.opened => {
                // What is left is at most one begun chunk.
                self.batch.copy_within(self.opened..self.filled, 0);
                self.filled -= self.opened;
                self.opened = 0;
                self.released = 0;
            }
            Some(_) => {}
        }
        Ok(&mut self.batch[self.filled..])
    }

    /// Says that `len` bytes were put into [`OpenBuffer::space`]; 0 is the end of the input.
    pub(super) fn advance(&mut self, len: usize) -> Result<()> {
        self.filled += len;
        if self.ready.is_none() {
            if len == 0 {
                return Err(self.why_short());
            }
            return self.open_header();
        }
        let Some(Ready { engine, .. }) = &self.ready else { return Ok(()) };
        let sealed_len = engine.chunk_len().sealed_len();
        let sealed = &mut self.batch[self.opened..self.filled];
        let end = match len {
            // The last chunk is always shorter; a tag that is not all there is a missing end (format.md 5A.5).
            0 if sealed.len() < TAG_LEN => return Err(Error::Truncated),
            0 => sealed.len(),
            _ => sealed.len() - sealed.len() % sealed_len,
        };
        let (batch, first) = (&mut sealed[..end], self.next);
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.open_batch(first, batch))?;
        self.next += end.div_ceil(sealed_len) as u64;
        self.opened += end;
        self.ended = len == 0;
        Ok(())
    }

    /// The next verified plaintext in one piece; empty where more must be read.
    pub(super) fn plaintext(&self) -> &[u8] {
        let Some(Ready { engine, .. }) = &self.ready else { return &[] };
        let sealed_len = engine.chunk_len().sealed_len();
        let chunk_start = self.released - self.released % sealed_len;
        let chunk_end = self.opened.min(chunk_start + sealed_len);
        &self.batch[self.released..chunk_end.saturating_sub(TAG_LEN).max(self.released)]
    }

    /// Says that `len` bytes of [`OpenBuffer::plaintext`] were taken.
    pub(super) fn consume(&mut self, len: usize) {
        self.released += len;
        if self.plaintext().is_empty() {
            // Over the tag, to the next chunk.
            self.released = self.opened.min(self.released + TAG_LEN);
        }
    }

    /// How long the front must be before more can be said.
    fn front_len(&self) -> Result<usize> {
        let max = self.opener.as_ref().map_or(0, Opener::header_limit);
        Ok(match Header::need(&self.batch[..self.filled], max)? {
            Need::AtLeast(len) => len,
            Need::Whole(len) => len + PREFIX_LEN,
        })
    }

    fn open_header(&mut self) -> Result<()> {
        if self.front_len()? > self.filled {
            return Ok(());
        }
        let Some(opener) = &self.opener else { return Ok(()) };
        let ready = opener.start(&self.batch[..self.filled], None)?;
        let batch_len = batch_chunks(&ready.engine) * ready.engine.chunk_len().sealed_len();
        self.batch = vec![0; batch_len];
        self.filled = 0;
        self.ready = Some(ready);
        Ok(())
    }

    /// An input that ends inside its first bytes: a foreign file, or a truncated one.
    fn why_short(&self) -> Error {
        let front = &self.batch[..self.filled];
        match &self.opener {
            // Header and mac come before the payload's length (format.md 4.10a).
            Some(opener) => opener.start(front, None).err().unwrap_or(Error::Truncated),
            None => Error::Truncated,
        }
    }
}

impl Drop for OpenBuffer<'_> {
    fn drop(&mut self) {
        self.batch.zeroize();
    }
}

fn batch_chunks(engine: &Engine) -> usize {
    (BATCH_LEN / engine.chunk_len().plaintext_len()).max(1)
}
