// SPDX-License-Identifier: MIT OR Apache-2.0
//! Over tokio's `AsyncRead` and `AsyncWrite`.
//!
//! Sealing and opening are done in the caller's task: a batch of 256 KiB takes well under a millisecond.
//! A passphrase does not: unwrap those envelopes on a blocking thread.

use std::io;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffer::{OpenBuffer, SealBuffer};
use crate::envelope::{Opener, Place, Sealer};
use crate::error::{Error, Result};
use crate::format::context::Context;
use crate::rng::OsRandom;
use crate::wrap::OpenedVia;

/// Seals what is written to it, and writes the envelope on.
///
/// Only `shutdown` seals the last chunk: a writer that is dropped before leaves an envelope that every reader refuses.
pub struct AsyncWriter<W> {
    inner: W,
    buffer: SealBuffer,
    /// Chunks that are on their way.
    pending: Vec<u8>,
    written: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Sealed,
    Failed,
}

/// Reads an envelope, and yields its plaintext; what [`crate::stream::Reader`] says holds here too.
pub struct AsyncReader<'a, R> {
    inner: R,
    buffer: OpenBuffer<'a>,
    failed: bool,
}

impl Sealer<'_> {
    /// Starts an envelope that is written to `inner`, header first.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn async_writer<W: AsyncWrite + Unpin>(&self, inner: W) -> Result<AsyncWriter<W>> {
        let (front, buffer) = SealBuffer::new(self.start(Place::File, &mut OsRandom)?);
        Ok(AsyncWriter { inner, buffer, pending: front, written: 0, state: State::Open })
    }
}

impl<'a> Opener<'a> {
    /// Reads an envelope from `inner`; the header is read with the first read.
    pub fn async_reader<R: AsyncRead + Unpin>(&self, inner: R) -> AsyncReader<'a, R> {
        AsyncReader { inner, buffer: OpenBuffer::new(self.clone()), failed: false }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWriter<W> {
    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.inner
    }

    fn poll_pending(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        while self.written < self.pending.len() {
            let rest = &self.pending[self.written..];
            match ready!(Pin::new(&mut self.inner).poll_write(task, rest)) {
                Ok(0) => return Poll::Ready(Err(self.fail(io::ErrorKind::WriteZero.into()))),
                Ok(written) => self.written += written,
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn fail(&mut self, error: io::Error) -> io::Error {
        self.state = State::Failed;
        error
    }

    fn check_open(&self) -> io::Result<()> {
        match self.state {
            State::Open => Ok(()),
            State::Sealed => Err(Error::Misuse("the envelope was shut down").into()),
            State::Failed => {
                Err(Error::Misuse("a write failed before; the envelope is not complete").into())
            }
        }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for AsyncWriter<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        plaintext: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_open()?;
        if self.buffer.is_full() {
            ready!(self.poll_pending(task))?;
            let this = &mut *self;
            let chunks = this.buffer.seal_full()?;
            this.pending.clear();
            this.pending.extend_from_slice(chunks);
            this.written = 0;
        }
        Poll::Ready(Ok(self.buffer.fill(plaintext)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(task))?;
        if self.state == State::Open {
            let this = &mut *self;
            let chunks = this.buffer.seal_full()?;
            this.pending.clear();
            this.pending.extend_from_slice(chunks);
            this.written = 0;
            ready!(self.poll_pending(task))?;
        }
        Pin::new(&mut self.inner).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        if self.state == State::Failed {
            self.check_open()?;
        }
        ready!(self.poll_pending(task))?;
        if self.state == State::Open {
            let this = &mut *self;
            let chunks = this.buffer.seal_last()?;
            this.pending.clear();
            this.pending.extend_from_slice(chunks);
            this.written = 0;
            this.state = State::Sealed;
            ready!(self.poll_pending(task))?;
        }
        Pin::new(&mut self.inner).poll_shutdown(task)
    }
}

impl<R: AsyncRead + Unpin> AsyncReader<'_, R> {
    /// Through which entry the envelope was opened; `None` before the first read.
    pub fn opened_via(&self) -> Option<OpenedVia> {
        self.buffer.sealed().map(|sealed| sealed.opened_via)
    }

    /// The stored context; `None` before the first read.
    pub fn stored_context(&self) -> Option<&Context> {
        self.buffer.sealed().map(|sealed| &sealed.stored_context)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for AsyncReader<'_, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.buffer.plaintext().is_empty() && !this.buffer.is_done() {
            if this.failed {
                return Poll::Ready(Err(Error::Decrypt.into()));
            }
            let mut space = ReadBuf::new(this.buffer.space()?);
            ready!(Pin::new(&mut this.inner).poll_read(task, &mut space))?;
            let read = space.filled().len();
            this.failed = true;
            this.buffer.advance(read)?;
            this.failed = false;
        }
        let plaintext = this.buffer.plaintext();
        let len = plaintext.len().min(out.remaining());
        out.put_slice(&plaintext[..len]);
        this.buffer.consume(len);
        Poll::Ready(Ok(()))
    }
}
