// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session over tokio's `AsyncRead` and `AsyncWrite`.
//!
//! Records are sealed and opened in the caller's task: 64 KiB take well under a tenth of a millisecond.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffer::{OpenBuffer, SealBuffer, Step, Stopwatch};
use super::stream::{Terms, begin, check_mode, message_len, read_message, write_message};
use super::{Handshake, Peer, PeerKey, Verdict};
use crate::error::{Error, Result};

/// [`super::Stream`] for tokio. `shutdown` is its close.
pub struct AsyncStream<S> {
    inner: S,
    opening: OpenBuffer,
    sealing: SealBuffer,
    peer: Option<PeerKey>,
    binding: [u8; 32],
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
        mut handshake: Handshake,
        terms: &Terms<'_>,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        let watch = Stopwatch::start();
        check_mode(terms)?;
        while !handshake.is_finished() {
            if handshake.writes_next() {
                write_all(&mut inner, &write_message(&mut handshake, terms)?).await?;
            } else {
                let mut prefix = [0; 2];
                read_exact(&mut inner, &mut prefix).await?;
                let mut message = vec![0; message_len(prefix)?];
                read_exact(&mut inner, &mut message).await?;
                read_message(&mut handshake, terms, &message, accept)?;
            }
        }
        let peer = handshake.peer();
        let (mut opening, mut sealing, binding) = begin(&mut handshake, terms, watch)?;
        poll_fn(|task| poll_drain(&mut inner, &mut sealing, task)).await?;
        while !opening.receiving.is_confirmed() {
            let mut space = ReadBuf::new(opening.space());
            poll_fn(|task| Pin::new(&mut inner).poll_read(task, &mut space)).await?;
            let len = space.filled().len();
            opening.advance(len)?;
            // Data that comes so early is kept.
            opening.read(&mut [])?;
        }
        sealing.release();
        poll_fn(|task| Pin::new(&mut inner).poll_flush(task)).await?;
        Ok(AsyncStream { inner, opening, sealing, peer, binding })
    }
}

impl<S> AsyncStream<S> {
    /// The peer's static key; none under NNpsk0.
    pub fn peer(&self) -> Option<&PeerKey> {
        self.peer.as_ref()
    }

    /// The handshake's hash: the same on both sides and in no other session.
    pub fn binding(&self) -> &[u8; 32] {
        &self.binding
    }

    /// What the session goes over. Whoever reads or writes there breaks it.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The next record begins an epoch.
    pub fn rekey(&mut self) {
        self.sealing.sending.rekey();
    }

    /// Two halves, for two tasks, without a lock between them; `split` makes two of the connection, as
    /// `TcpStream::into_split` does.
    pub fn split_with<R, W>(
        self,
        split: impl FnOnce(S) -> (R, W),
    ) -> (AsyncReader<R>, AsyncWriter<W>) {
        let AsyncStream { inner, opening, sealing, peer: _, binding: _ } = self;
        let (reader, writer) = split(inner);
        (AsyncReader { inner: reader, opening }, AsyncWriter { inner: writer, sealing })
    }
}

impl<W> AsyncWriter<W> {
    /// The next record begins an epoch.
    pub fn rekey(&mut self) {
        self.sealing.sending.rekey();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for AsyncStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let AsyncStream { inner, opening, .. } = &mut *self;
        poll_read(inner, opening, task, out)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AsyncStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let AsyncStream { inner, sealing, .. } = &mut *self;
        poll_write(inner, sealing, task, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let AsyncStream { inner, sealing, .. } = &mut *self;
        poll_flush(inner, sealing, task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        let AsyncStream { inner, sealing, .. } = &mut *self;
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

async fn write_all<W: AsyncWrite + Unpin>(inner: &mut W, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match poll_fn(|task| Pin::new(&mut *inner).poll_write(task, bytes)).await? {
            0 => return Err(Error::Io(io::ErrorKind::WriteZero.into())),
            len => bytes = &bytes[len..],
        }
    }
    poll_fn(|task| Pin::new(&mut *inner).poll_flush(task)).await?;
    Ok(())
}

async fn read_exact<R: AsyncRead + Unpin>(inner: &mut R, out: &mut [u8]) -> Result<()> {
    let mut space = ReadBuf::new(out);
    while space.remaining() > 0 {
        let before = space.filled().len();
        poll_fn(|task| Pin::new(&mut *inner).poll_read(task, &mut space)).await?;
        if space.filled().len() == before {
            return Err(Error::Truncated);
        }
    }
    Ok(())
}
