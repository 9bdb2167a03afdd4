// SPDX-License-Identifier: MIT OR Apache-2.0
//! Over `Write` and over `Read`.

use std::io::{self, BufRead, Read, Write};

use super::buffer::{OpenBuffer, SealBuffer};
use crate::envelope::{Opener, Place, Sealer};
use crate::error::{Error, Result};
use crate::format::context::Context;
use crate::format::payload::PREFIX_LEN;
use crate::rng::OsRandom;
use crate::wrap::OpenedVia;

/// Seals what is written to it, and writes the envelope on.
///
/// Only [`Writer::finish`] seals the last chunk. A writer that is dropped unfinished leaves an envelope that
/// every reader refuses as truncated.
pub struct Writer<W: Write> {
    inner: W,
    buffer: SealBuffer,
    failed: bool,
}

/// Reads an envelope, and yields its plaintext.
///
/// Every byte it yields is verified. The end may still be missing: only a read that returns 0 says that the plaintext
/// is complete; a cut is `Truncated` or `Decrypt` (format.md 11.6).
pub struct Reader<'a, R: Read> {
    inner: R,
    buffer: OpenBuffer<'a>,
    failed: bool,
}

impl Sealer<'_> {
    /// Starts an envelope that is written to `inner`: its header goes out at once.
    ///
    /// # Errors
    /// As [`Sealer::seal`]; `Io`.
    pub fn writer<W: Write>(&self, mut inner: W) -> Result<Writer<W>> {
        let (front, buffer) = SealBuffer::new(self.start(Place::File, &mut OsRandom)?);
        inner.write_all(&front)?;
        Ok(Writer { inner, buffer, failed: false })
    }

    /// Starts an envelope whose header goes out at once to `header`, and whose payload is written to `payload`
    /// (format.md 4.12).
    ///
    /// # Errors
    /// As [`Sealer::writer`].
    pub fn writer_detached<W: Write>(
        &self,
        mut header: impl Write,
        mut payload: W,
    ) -> Result<Writer<W>> {
        let (front, buffer) = SealBuffer::new(self.start(Place::File, &mut OsRandom)?);
        let (header_bytes, prefix) = front.split_at(front.len() - PREFIX_LEN);
        header.write_all(header_bytes)?;
        header.flush()?;
        payload.write_all(prefix)?;
        Ok(Writer { inner: payload, buffer, failed: false })
    }
}

impl<'a> Opener<'a> {
    /// Reads an envelope from `inner`, header first.
    ///
    /// # Errors
    /// As [`Opener::open`]; `Io`.
    pub fn reader<R: Read>(&self, inner: R) -> Result<Reader<'a, R>> {
        let buffer = OpenBuffer::new(self.clone());
        let mut reader = Reader { inner, buffer, failed: false };
        while reader.buffer.sealed().is_none() {
            reader.read_more()?;
        }
        Ok(reader)
    }
}

impl<W: Write> Writer<W> {
    /// Seals the last chunk, flushes, and gives back what was written to.
    ///
    /// # Errors
    /// `Io`, `Limit`; `Misuse` where a write failed before.
    pub fn finish(mut self) -> Result<W> {
        if self.failed {
            return Err(Error::Misuse("a write failed before; the envelope is not complete"));
        }
        self.inner.write_all(self.buffer.seal_last()?)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn write_full(&mut self) -> io::Result<()> {
        // Pessimistic: chunks that went out in part cannot be sealed again.
        self.failed = true;
        self.inner.write_all(self.buffer.seal_full()?)?;
        self.failed = false;
        Ok(())
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        if self.failed {
            return Err(Error::Misuse("a write failed before; the envelope is not complete").into());
        }
        if self.buffer.is_full() {
            self.write_full()?;
        }
        Ok(self.buffer.fill(plaintext))
    }

    /// Writes every full chunk on. A piece that was begun stays here: only [`Writer::finish`] seals it.
    fn flush(&mut self) -> io::Result<()> {
        if self.failed {
            return Err(Error::Misuse("a write failed before; the envelope is not complete").into());
        }
        self.write_full()?;
        self.inner.flush()
    }
}

impl<R: Read> Reader<'_, R> {
    /// Lets go of the keys, which only the header needs: the reader may then live longer than they do.
    pub fn without_keys(self) -> Reader<'static, R> {
        let Reader { inner, buffer, failed } = self;
        Reader { inner, buffer: buffer.without_keys(), failed }
    }

    /// Through which entry the envelope was opened.
    pub fn opened_via(&self) -> OpenedVia {
        self.buffer.sealed().expect("the header was opened first").opened_via
    }

    /// The stored context.
    pub fn stored_context(&self) -> &Context {
        &self.buffer.sealed().expect("the header was opened first").stored_context
    }

    /// Gives back what was read from.
    pub fn into_inner(self) -> R {
        self.inner
    }

    fn read_more(&mut self) -> Result<()> {
        let read = loop {
            match self.inner.read(self.buffer.space()?) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.failed = true;
        self.buffer.advance(read)?;
        self.failed = false;
        Ok(())
    }
}

impl<R: Read> BufRead for Reader<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.buffer.plaintext().is_empty() && !self.buffer.is_done() {
            if self.failed {
                return Err(Error::Decrypt.into());
            }
            self.read_more()?;
        }
        Ok(self.buffer.plaintext())
    }

    fn consume(&mut self, len: usize) {
        self.buffer.consume(len);
    }
}

impl<R: Read> Read for Reader<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let plaintext = self.fill_buf()?;
        let len = plaintext.len().min(out.len());
        out[..len].copy_from_slice(&plaintext[..len]);
        self.consume(len);
        Ok(len)
    }
}
