// SPDX-License-Identifier: MIT OR Apache-2.0
//! From memory to memory that others may touch meanwhile: what may change is read once, into a buffer of our own.

use std::io;

use super::geometry::Geometry;
use super::path::{Job, Outcome, run};
use super::position::{ReadAt, open_front, read_exact_at};
use crate::envelope::{Opener, Place, Sealer, Started};
use crate::error::{Error, Result};
use crate::format::payload::{DEFAULT_MAX_CHUNKS, PREFIX_LEN, payload_len};
use crate::primitives::TAG_LEN;
use crate::rng::OsRandom;
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack};

/// Memory or a file that is written at any position through `&self`, from several threads.
pub trait WriteAt: Sync {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// As the system says; `InvalidInput` beyond the end of what cannot grow.
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

impl Sealer<'_> {
    /// Seals all of `source` into `target`, as [`Sealer::seal`] does. Returns the envelope's length.
    ///
    /// `source` may change meanwhile: whatever was read is sealed. `target` gets ciphertext only.
    ///
    /// # Errors
    /// As [`Sealer::seal`]; `Io`.
    pub fn seal_at<S, T>(&self, source: &S, target: &T, job: &Job<'_>) -> Result<u64>
    where
        S: ReadAt + ?Sized,
        T: WriteAt + ?Sized,
    {
        let plaintext_len = source.len()?;
        let Started { front, engine } = self.start(Place::Memory, &mut OsRandom)?;
        let too_long = Error::Limit("an envelope has at most 2^32 chunks");
        if plaintext_len / engine.chunk_len().plaintext_len() as u64 >= DEFAULT_MAX_CHUNKS {
            return Err(too_long);
        }
        let payload_at = (front.len() - PREFIX_LEN) as u64;
        let payload_len = payload_len(plaintext_len, engine.chunk_len()).ok_or(too_long)?;
        let geometry = Geometry::new(payload_at, payload_len, engine.chunk_len())?;
        target.write_all_at(0, &front)?;
        let sealed_len = geometry.piece_len() + TAG_LEN;
        run(&geometry, job, &|first, count, buffer| {
            let (offset, len) = geometry.sealed_range(first, count);
            // A chunk at a time: it stays in the cache between reading, sealing and writing.
            buffer.resize(sealed_len, 0);
            try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
                for (index, from) in (first..).zip((0..len).step_by(sealed_len)) {
                    let chunk = &mut buffer[..sealed_len.min(len - from)];
                    let piece_at = geometry.plaintext_at(index);
                    let piece_len = chunk.len() - TAG_LEN;
                    match slice(source, piece_at, piece_len)? {
                        Some(piece) => engine.seal_chunk_into(index, piece, chunk)?,
                        None => {
                            read_exact_at(source, piece_at, &mut chunk[..piece_len])?;
                            engine.seal_batch(index, chunk)?;
                        }
                    }
                    target.write_all_at(offset + from as u64, chunk)?;
                }
                Ok(())
            })
        })?;
        Ok(payload_at + payload_len)
    }
}

impl Opener<'_> {
    /// Opens the envelope that is all of `source` into `target`, as [`Opener::open`] does.
    ///
    /// `source` may change meanwhile: what is verified is what is written.
    /// The caller's duty: on an error, to wipe `target`, which then holds a part of the plaintext.
    ///
    /// # Errors
    /// As [`Opener::open`]; `Io`.
    pub fn open_at<S, T>(&self, source: &S, target: &T, job: &Job<'_>) -> Result<Outcome>
    where
        S: ReadAt + ?Sized,
        T: WriteAt + ?Sized,
    {
        let (ready, geometry) = open_front(self, &source)?;
        let sealed_len = geometry.piece_len() + TAG_LEN;
        run(&geometry, job, &|first, count, buffer| {
            let (offset, len) = geometry.sealed_range(first, count);
            // As when sealing.
            buffer.resize(sealed_len, 0);
            try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
                for (index, from) in (first..).zip((0..len).step_by(sealed_len)) {
                    let chunk = &mut buffer[..sealed_len.min(len - from)];
                    let (chunk_at, piece_len) = (offset + from as u64, chunk.len() - TAG_LEN);
                    match slice(source, chunk_at, chunk.len())? {
                        Some(sealed) => {
                            ready.engine.open_chunk_into(index, sealed, &mut chunk[..piece_len])?;
                        }
                        None => {
                            read_exact_at(source, chunk_at, chunk)?;
                            ready.engine.open_batch(index, chunk)?;
                        }
                    }
                    target.write_all_at(geometry.plaintext_at(index), &chunk[..piece_len])?;
                }
                Ok(())
            })
        })?;
        Ok(Outcome {
            plaintext_len: geometry.extent.plaintext_len,
            opened_via: Some(ready.sealed.opened_via),
        })
    }
}

/// `len` bytes at `offset`, where they never change.
fn slice<S: ReadAt + ?Sized>(source: &S, offset: u64, len: usize) -> io::Result<Option<&[u8]>> {
    let Some(bytes) = source.fixed() else { return Ok(None) };
    let from = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
    let slice = from.and_then(|from| from.get(..len));
    slice.map(Some).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
