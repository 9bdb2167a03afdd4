// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session over `Read` and `Write` (format.md 13.11).

use std::io::{self, Read, Write};

use super::buffer::{OpenBuffer, SealBuffer, Step};
use super::greeting::{Ends, Greeting, Next};
use super::{Handshake, Limits, Party, Peer, PeerKey, RekeyRequest, Verdict};
use crate::error::{Error, Result};
use crate::format::context::Encoded;

/// An encrypted stream: what is written to it is sealed for the peer, what is read from it was sealed by the peer.
///
/// Written data is sealed in records of 16 KiB; [`Write::flush`] seals what is there, so flush where the peer waits for
/// it. [`Stream::close`] tells the peer that all was said: without it, the peer's reader ends with
/// [`Error::Truncated`], as after a cut connection.
///
/// A peer that stops is found by the timeouts of the connection, which the caller sets. What is read was in order and
/// is never repeated; how far the peer has read is known only if it says so.
pub struct Stream<S> {
    inner: S,
    ends: Ends,
}

/// The half of a [`Stream`] that reads.
pub struct StreamReader<R> {
    inner: R,
    opening: OpenBuffer,
}

/// The half of a [`Stream`] that writes.
pub struct StreamWriter<W> {
    inner: W,
    sealing: SealBuffer,
}

/// Whom and how: what [`Stream::connect`] and [`Stream::accept`] need besides the connection.
pub struct Terms<'a> {
    /// Keys, peers and settings, which are the same on both sides.
    pub party: Party<'a>,
    /// When keys change and sessions end.
    pub limits: Limits,
    /// What the peer is told in the handshake. Its encoding is at most 1,024 bytes.
    pub context: Encoded<'a>,
}

impl<'a> Terms<'a> {
    /// The suite's limits, and no context.
    pub fn new(party: Party<'a>) -> Self {
        Terms { party, limits: Limits::of(party.settings.suite), context: Encoded::EMPTY }
    }
}

impl<S: Read + Write> Stream<S> {
    /// Makes a session over a connection, as the side that speaks first.
    ///
    /// `accept` is asked whether the peer is the right one: [`Handshake::read`].
    ///
    /// # Errors
    /// `Misuse` for settings that do not fit, `Io`, `Truncated` where the connection ends, and those of
    /// [`Handshake::read`] and [`Handshake::write`].
    pub fn connect(
        inner: S,
        terms: &Terms<'_>,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        Self::shake(inner, Handshake::initiator(), terms, accept)
    }

    /// Makes a session over a connection, as the side that waits: [`Stream::connect`].
    ///
    /// # Errors
    /// Those of [`Stream::connect`].
    pub fn accept(
        inner: S,
        terms: &Terms<'_>,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        Self::shake(inner, Handshake::responder(), terms, accept)
    }

    fn shake(
        mut inner: S,
        handshake: Handshake,
        terms: &Terms<'_>,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        let mut greeting = Greeting::new(handshake, terms)?;
        loop {
            match greeting.next(accept)? {
                Next::Write => {
                    let Some(len) = unless_interrupted(inner.write(greeting.pending()))? else {
                        continue;
                    };
                    if len == 0 {
                        return Err(Error::Io(io::ErrorKind::WriteZero.into()));
                    }
                    greeting.wrote(len);
                    if greeting.pending().is_empty() {
                        inner.flush()?;
                    }
                }
                Next::Read => {
                    if let Some(len) = unless_interrupted(inner.read(greeting.space()))? {
                        greeting.advance(len)?;
                    }
                }
                Next::Finish => return Ok(Stream { inner, ends: greeting.finish() }),
            }
        }
    }

    /// Seals what was written and the end of this direction. Reading goes on.
    ///
    /// # Errors
    /// Those of writing.
    pub fn close(&mut self) -> io::Result<()> {
        close(&mut self.inner, &mut self.ends.sealing)
    }
}

impl<S> Stream<S> {
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

    /// Asks the peer to change its keys: its next record begins an epoch. The request goes out with what is written or
    /// flushed next.
    ///
    /// # Errors
    /// Those of [`super::Sending::seal_into`].
    pub fn request_rekey(&mut self) -> Result<()> {
        self.ends.request_rekey()
    }

    /// Two halves, for two threads; `split` makes two of the connection.
    ///
    /// ```no_run
    /// # use std::net::TcpStream;
    /// # fn halves(stream: sealwax::transit::Stream<TcpStream>) -> std::io::Result<()> {
    /// let (reader, writer) = stream.split_with(|tcp| Ok((tcp.try_clone()?, tcp)))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of `split`.
    pub fn split_with<R, W>(
        self,
        split: impl FnOnce(S) -> io::Result<(R, W)>,
    ) -> io::Result<(StreamReader<R>, StreamWriter<W>)> {
        let Stream { inner, ends: Ends { opening, sealing, peer: _, binding: _ } } = self;
        let (reader, writer) = split(inner)?;
        Ok((StreamReader { inner: reader, opening }, StreamWriter { inner: writer, sealing }))
    }
}

impl<S: Read> Read for Stream<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read(&mut self.inner, &mut self.ends.opening, out)
    }
}

impl<S: Write> Write for Stream<S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        write(&mut self.inner, &mut self.ends.sealing, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        flush(&mut self.inner, &mut self.ends.sealing)
    }
}

impl<R: Read> Read for StreamReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read(&mut self.inner, &mut self.opening, out)
    }
}

impl<R> StreamReader<R> {
    /// What [`StreamWriter::request_rekey`] takes to ask the peer for other keys.
    pub fn rekey_request(&self) -> RekeyRequest {
        self.opening.receiving.rekey_request()
    }
}

impl<W> StreamWriter<W> {
    /// The next record begins an epoch.
    pub fn rekey(&mut self) {
        self.sealing.sending.rekey();
    }

    /// [`Stream::request_rekey`], with what [`StreamReader::rekey_request`] says.
    ///
    /// # Errors
    /// Those of [`super::Sending::seal_into`].
    pub fn request_rekey(&mut self, request: RekeyRequest) -> Result<()> {
        self.sealing.request_rekey(request)
    }

    /// Gives back what was written to. Without [`StreamWriter::close`], the peer finds the stream truncated.
    pub fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> StreamWriter<W> {
    /// Seals what was written and the end of this direction.
    ///
    /// # Errors
    /// Those of writing.
    pub fn close(&mut self) -> io::Result<()> {
        close(&mut self.inner, &mut self.sealing)
    }
}

impl<W: Write> Write for StreamWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        write(&mut self.inner, &mut self.sealing, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        flush(&mut self.inner, &mut self.sealing)
    }
}

fn read(inner: &mut impl Read, opening: &mut OpenBuffer, out: &mut [u8]) -> io::Result<usize> {
    if out.is_empty() {
        return Ok(0);
    }
    loop {
        match opening.read(out)? {
            Step::Data(len) => {
                opening.release();
                return Ok(len);
            }
            Step::End => return Ok(0),
            Step::More => match inner.read(opening.space()) {
                Ok(len) => opening.advance(len)?,
                Err(error) => {
                    opening.release();
                    return Err(error);
                }
            },
        }
    }
}

fn write(inner: &mut impl Write, sealing: &mut SealBuffer, data: &[u8]) -> io::Result<usize> {
    if data.is_empty() {
        return Ok(0);
    }
    loop {
        match sealing.fill(data)? {
            0 => drain(inner, sealing)?,
            taken => return Ok(taken),
        }
    }
}

/// Writes whole records on. An error leaves what was not written for the next call.
fn drain(inner: &mut impl Write, sealing: &mut SealBuffer) -> io::Result<()> {
    while !sealing.pending().is_empty() {
        match unless_interrupted(inner.write(sealing.pending()))? {
            Some(0) => return Err(io::ErrorKind::WriteZero.into()),
            Some(len) => sealing.wrote(len),
            None => {}
        }
    }
    Ok(())
}

fn flush(inner: &mut impl Write, sealing: &mut SealBuffer) -> io::Result<()> {
    sealing.seal_filled()?;
    drain(inner, sealing)?;
    sealing.release();
    inner.flush()
}

fn close(inner: &mut impl Write, sealing: &mut SealBuffer) -> io::Result<()> {
    if !sealing.sending.is_closed() {
        sealing.close()?;
    }
    flush(inner, sealing)
}

fn unless_interrupted(done: io::Result<usize>) -> io::Result<Option<usize>> {
    match done {
        Ok(len) => Ok(Some(len)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error),
    }
}
