// SPDX-License-Identifier: MIT OR Apache-2.0
//! Over `Read + Seek`.

use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Mutex;

use zeroize::Zeroizing;

use super::geometry::Geometry;
use super::position::{ReadAt, open_front, read_exact_at};
use crate::envelope::{Opener, Ready};
use crate::error::{Error, Result};
use crate::format::context::Context;
use crate::primitives::TAG_LEN;
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack};
use crate::wrap::OpenedVia;

/// Reads an envelope's plaintext from any position.
///
/// The header and the last chunk were verified when it was opened: no byte is released of an envelope
/// whose end is missing.
pub struct SeekReader<R> {
    inner: Shared<R>,
    ready: Ready,
    geometry: Geometry,
    position: u64,
    /// Opened chunks, with their tags between them.
    batch: Zeroizing<Vec<u8>>,
    batch_first: u64,
    /// Where the last batch ended: reading on from there takes larger batches.
    sequential_at: u64,
}

impl Opener<'_> {
    /// Opens an envelope in something that can seek; the envelope is all of it.
    ///
    /// # Errors
    /// As [`Opener::open`]; `Io`.
    pub fn seek_reader<R: Read + Seek + Send>(&self, mut inner: R) -> Result<SeekReader<R>> {
        let len = inner.seek(SeekFrom::End(0))?;
        let inner = Shared { inner: Mutex::new(inner), len };
        let (ready, geometry) = open_front(self, &inner)?;
        let batch_len = geometry.batch_chunks() * (geometry.piece_len() + TAG_LEN);
        let mut reader = SeekReader {
            inner,
            ready,
            geometry,
            position: 0,
            // Given its final capacity first: growing would leave copies of the plaintext.
            batch: Zeroizing::new(Vec::with_capacity(batch_len)),
            batch_first: 0,
            sequential_at: 0,
        };
        // Authenticates the end before the first byte is released (format.md 5A.6).
        reader.load(geometry.extent.last_chunk, 1)?;
        Ok(reader)
    }
}

impl<R: Read + Seek + Send> SeekReader<R> {
    /// Length of the plaintext, in bytes.
    pub fn plaintext_len(&self) -> u64 {
        self.geometry.extent.plaintext_len
    }

    /// Through which entry the envelope was opened.
    pub fn opened_via(&self) -> OpenedVia {
        self.ready.sealed.opened_via
    }

    /// The stored context.
    pub fn stored_context(&self) -> &Context {
        &self.ready.sealed.stored_context
    }

    fn load(&mut self, first: u64, count: usize) -> Result<()> {
        let (offset, len) = self.geometry.sealed_range(first, count);
        self.batch.resize(len, 0);
        let loaded = read_exact_at(&self.inner, offset, &mut self.batch).and_then(|()| {
            let (engine, batch) = (&self.ready.engine, &mut self.batch);
            try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.open_batch(first, batch))
        });
        if let Err(error) = loaded {
            self.batch.clear();
            return Err(error);
        }
        self.batch_first = first;
        self.sequential_at = first + count as u64;
        Ok(())
    }

    /// The rest of the piece at the position, where its chunk is in the batch.
    fn loaded(&self) -> Option<&[u8]> {
        let (chunk, within) = self.geometry.locate(self.position);
        let index = usize::try_from(chunk.checked_sub(self.batch_first)?).ok()?;
        self.geometry.pieces(&self.batch).nth(index)?.get(within..)
    }
}

impl<R: Read + Seek + Send> BufRead for SeekReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position >= self.plaintext_len() {
            return Ok(&[]);
        }
        if self.loaded().is_none() {
            let (chunk, _) = self.geometry.locate(self.position);
            let count = if chunk == self.sequential_at { self.geometry.batch_chunks() } else { 1 };
            self.load(chunk, count)?;
        }
        Ok(self.loaded().unwrap_or(&[]))
    }

    fn consume(&mut self, len: usize) {
        self.position += len as u64;
    }
}

impl<R: Read + Seek + Send> Read for SeekReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let plaintext = self.fill_buf()?;
        let len = plaintext.len().min(out.len());
        out[..len].copy_from_slice(&plaintext[..len]);
        self.consume(len);
        Ok(len)
    }
}

impl<R: Read + Seek + Send> Seek for SeekReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(offset) => (self.position, offset),
            SeekFrom::End(offset) => (self.plaintext_len(), offset),
        };
        let position = base
            .checked_add_signed(offset)
            .ok_or(Error::Misuse("a seek before the start or beyond what can be counted"))?;
        self.position = position;
        Ok(position)
    }
}

/// Something that can seek, read by position.
struct Shared<R> {
    inner: Mutex<R>,
    len: u64,
}

impl<R: Read + Seek + Send> ReadAt for Shared<R> {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        // A panic in the caller's reader leaves nothing of ours half done.
        let mut inner = self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        inner.seek(SeekFrom::Start(offset))?;
        inner.read(out)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.len)
    }
}
