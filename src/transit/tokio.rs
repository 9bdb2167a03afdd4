// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session over tokio's `AsyncRead` and `AsyncWrite`.
//!
//! Records are sealed and opened in the caller's task: 64 KiB take well under a tenth of a millisecond.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffer::{OpenBuffer, SealBuffer, Step};
use super::greeting::{Ends, Greeting, Next};
use super::stream::Terms;
use super::{Handshake, Peer, PeerKey, RekeyRequest, Verdict};
use crate::error::{Error, Result};

/// [`super::Stream`] for tokio. `shutdown` is its close.
pub struct AsyncStream<S> {
    inner: S,
    ends: Ends,
}

/// The half of an [`AsyncStream`] that reads.
pub struct AsyncReader<R> {
    inner: R,
    opening: OpenBuffer,
}

/// The half of an [`AsyncStream`] that writes.
pub struct AsyncWriter<W> {
    inner: W,
    sealing: SealBuffer,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncStream<S> {
    /// Makes a session over a connection, as the side that speaks first: [`super::Stream::connect`].
    ///
    /// Waits for the peer as long as the connection stands: give it a timeout.
    ///
    /// # Errors
    /// Those of [`super::Stream::connect`].
    pub async fn connect(
        inner: S,
        terms: &Terms<'_>,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        Self::shake(inner, Handshake::initiator(), terms, accept).await
    }

    /// Makes a session over a connection, as the side that waits: [`AsyncStream::connect`].
    ///
    /// # Errors
    /// Those of [`super::Stream::connect`].
    pub async fn accept(
        inner: S,
        terms: &Terms<'_>,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        Self::shake(inner, Handshake::responder(), terms, accept).await
    }

    async fn shake(
        mut inner: S,
        handshake: Handshake,
        terms: &Terms<'_>,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        let mut greeting = Greeting::new(handshake, terms)?;
        loop {
            match greeting.next(accept)? {
                Next::Write => {
                    let write = |task: &mut Task<'_>| {
                        Pin::new(&mut inner).poll_write(task, greeting.pending())
                    };
                    match poll_fn(write).await? {
                        0 => return Err(Error::Io(io::ErrorKind::WriteZero.into())),
                        len => greeting.wrote(len),
                    }
                    if greeting.pending().is_empty() {
                        poll_fn(|task| Pin::new(&mut inner).poll_flush(task)).await?;
                    }
                }
                Next::Read => {
                    let mut space = ReadBuf::new(greeting.space());
                    poll_fn(|task| Pin::new(&mut inner).poll_read(task, &mut space)).await?;
                    let len = space.filled().len();
                    greeting.advance(len)?;
                }
                Next::Finish => return Ok(AsyncStream { inner, ends: greeting.finish() }),
            }
        }
    }
}

impl<S> AsyncStream<S> {
    /// The peer's static key; none under NNpsk0.
    pub fn peer(&self) -> Option<&PeerKey> {
        self.ends.peer.as_ref()
    }

    /// The handshake's hash: the same on both sides and in no other session.
    pub fn binding(&self) -> &[u8; 32] {
        &self.ends.binding
    }

    /// What the session goes over. Whoever reads or writes there breaks it.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The next record begins an epoch.
    pub fn rekey(&mut self) {
        self.ends.rekey();
    }

    /// Asks the peer to change its keys: [`super::Stream::request_rekey`].
    ///
    /// # Errors
    /// Those of [`super::Sending::seal_into`].
    pub fn request_rekey(&mut self) -> Result<()> {
        self.ends.request_rekey()
    }

    /// Two halves, for two tasks, without a lock between them; `split` makes two of the connection, as
    /// `TcpStream::into_split` does.
    pub fn split_with<R, W>(
        self,
        split: impl FnOnce(S) -> (R, W),
    ) -> (AsyncReader<R>, AsyncWriter<W>) {
        let AsyncStream { inner, ends: Ends { opening, sealing, peer: _, binding: _ } } = self;
        let (reader, writer) = split(inner);
        (AsyncReader { inner: reader, opening }, AsyncWriter { inner: writer, sealing })
    }
}

impl<R> AsyncReader<R> {
    /// What [`AsyncWriter::request_rekey`] takes to ask the peer for other keys.
    pub fn rekey_request(&self) -> RekeyRequest {
        self.opening.receiving.rekey_request()
    }
}

impl<W> AsyncWriter<W> {
    /// The next record begins an epoch.
    pub fn rekey(&mut self) {
        self.sealing.sending.rekey();
    }

    /// [`AsyncStream::request_rekey`], with what [`AsyncReader::rekey_request`] says.
    ///
    /// # Errors
    /// Those of [`super::Sending::seal_into`].
    pub fn request_rekey(&mut self, request: RekeyRequest) -> Result<()> {
        self.sealing.request_rekey(request)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for AsyncStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let AsyncStream { inner, ends: Ends { opening, .. } } = &mut *self;
        poll_read(inner, opening, task, out)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AsyncStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let AsyncStream { inner, ends: Ends { sealing, .. } } = &mut *self;
        poll_write(inner, sealing, task, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let AsyncStream { inner, ends: Ends { sealing, .. } } = &mut *self;
        poll_flush(inner, sealing, task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let AsyncStream { inner, ends: Ends { sealing, .. } } = &mut *self;
        poll_shutdown(inner, sealing, task)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for AsyncReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let AsyncReader { inner, opening } = &mut *self;
        poll_read(inner, opening, task, out)
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for AsyncWriter<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let AsyncWriter { inner, sealing } = &mut *self;
        poll_write(inner, sealing, task, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let AsyncWriter { inner, sealing } = &mut *self;
        poll_flush(inner, sealing, task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let AsyncWriter { inner, sealing } = &mut *self;
        poll_shutdown(inner, sealing, task)
    }
}

fn poll_read<R: AsyncRead + Unpin>(
    inner: &mut R,
    opening: &mut OpenBuffer,
    task: &mut Task<'_>,
    out: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if out.remaining() == 0 {
        return Poll::Ready(Ok(()));
    }
    loop {
        match opening.read(out.initialize_unfilled())? {
            Step::Data(len) => {
                out.advance(len);
                return Poll::Ready(Ok(()));
            }
            Step::End => return Poll::Ready(Ok(())),
            Step::More => {}
        }
        let mut space = ReadBuf::new(opening.space());
        let polled = Pin::new(&mut *inner).poll_read(task, &mut space);
        let len = space.filled().len();
        match polled {
            Poll::Ready(Ok(())) => opening.advance(len)?,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            // A session that waits takes no memory for reading.
            Poll::Pending => {
                opening.pause();
                return Poll::Pending;
            }
        }
    }
}

fn poll_write<W: AsyncWrite + Unpin>(
    inner: &mut W,
    sealing: &mut SealBuffer,
    task: &mut Task<'_>,
    data: &[u8],
) -> Poll<io::Result<usize>> {
    if data.is_empty() {
        return Poll::Ready(Ok(0));
    }
    loop {
        match sealing.fill(data)? {
            0 => ready!(poll_drain(inner, sealing, task))?,
            taken => return Poll::Ready(Ok(taken)),
        }
    }
}

fn poll_drain<W: AsyncWrite + Unpin>(
    inner: &mut W,
    sealing: &mut SealBuffer,
    task: &mut Task<'_>,
) -> Poll<io::Result<()>> {
    while !sealing.pending().is_empty() {
        match ready!(Pin::new(&mut *inner).poll_write(task, sealing.pending()))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            len => sealing.wrote(len),
        }
    }
    Poll::Ready(Ok(()))
}

fn poll_flush<W: AsyncWrite + Unpin>(
    inner: &mut W,
    sealing: &mut SealBuffer,
    task: &mut Task<'_>,
) -> Poll<io::Result<()>> {
    sealing.seal_filled()?;
    ready!(poll_drain(inner, sealing, task))?;
    sealing.release();
    Pin::new(inner).poll_flush(task)
}

fn poll_shutdown<W: AsyncWrite + Unpin>(
    inner: &mut W,
    sealing: &mut SealBuffer,
    task: &mut Task<'_>,
) -> Poll<io::Result<()>> {
    if !sealing.sending.is_closed() {
        sealing.close()?;
    }
    ready!(poll_flush(inner, sealing, task))?;
    Pin::new(inner).poll_shutdown(task)
}
