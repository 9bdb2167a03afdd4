// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session over `Read` and `Write` (format.md 13.11).

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use super::buffer::{OpenBuffer, SealBuffer, Step, Stopwatch};
use super::handshake::Received;
use super::{
    Handshake, Limits, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Party, Pattern, Peer, PeerKey, Role,
    Session, Verdict,
};
use crate::error::{Error, Result};
use crate::format::context::Encoded;
use crate::rng::OsRandom;

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
    opening: OpenBuffer,
    sealing: SealBuffer,
    peer: Option<PeerKey>,
    binding: [u8; 32],
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
        mut handshake: Handshake,
        terms: &Terms<'_>,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        let watch = Stopwatch::start();
        check_mode(terms)?;
        while !handshake.is_finished() {
            if handshake.writes_next() {
                inner.write_all(&write_message(&mut handshake, terms)?)?;
                inner.flush()?;
            } else {
                let mut prefix = [0; 2];
                read_exact(&mut inner, &mut prefix)?;
                let mut message = vec![0; message_len(prefix)?];
                read_exact(&mut inner, &mut message)?;
                read_message(&mut handshake, terms, &message, accept)?;
            }
        }
        let peer = handshake.peer();
        let (mut opening, mut sealing, binding) = begin(&mut handshake, terms, watch)?;
        drain(&mut inner, &mut sealing)?;
        while !opening.receiving.is_confirmed() {
            let len = inner.read(opening.space())?;
            opening.advance(len)?;
            // Data that comes so early is kept.
            opening.read(&mut [])?;
        }
        sealing.release();
        inner.flush()?;
        Ok(Stream { inner, opening, sealing, peer, binding })
    }

    /// Seals what was written and the end of this direction. Reading goes on.
    ///
    /// # Errors
    /// Those of writing.
    pub fn close(&mut self) -> io::Result<()> {
        close(&mut self.inner, &mut self.sealing)
    }
}

impl<S> Stream<S> {
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
        let Stream { inner, opening, sealing, peer: _, binding: _ } = self;
        let (reader, writer) = split(inner)?;
        Ok((StreamReader { inner: reader, opening }, StreamWriter { inner: writer, sealing }))
    }
}

impl<S: Read> Read for Stream<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read(&mut self.inner, &mut self.opening, out)
    }
}

impl<S: Write> Write for Stream<S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        write(&mut self.inner, &mut self.sealing, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        flush(&mut self.inner, &mut self.sealing)
    }
}

impl<R: Read> Read for StreamReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read(&mut self.inner, &mut self.opening, out)
    }
}

impl<W> StreamWriter<W> {
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

    /// The next record begins an epoch.
    pub fn rekey(&mut self) {
        self.sealing.sending.rekey();
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
        match inner.write(sealing.pending()) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => sealing.wrote(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
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

fn read_exact(inner: &mut impl Read, out: &mut [u8]) -> Result<()> {
    inner.read_exact(out).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated,
        _ => Error::from_io(error),
    })
}

pub(super) fn check_mode(terms: &Terms<'_>) -> Result<()> {
    match terms.party.settings.mode {
        Mode::Stream => Ok(()),
        Mode::Datagram => Err(Error::misuse("a stream wants the settings of a stream")),
    }
}

/// The next message with its length before it.
pub(super) fn write_message(handshake: &mut Handshake, terms: &Terms<'_>) -> Result<Vec<u8>> {
    let mut message = vec![0; 2 + MAX_MESSAGE_LEN];
    let len = handshake.write(&terms.party, terms.context, &mut OsRandom, &mut message[2..])?;
    let prefix = u16::try_from(len).expect("a message is shorter than 2,500 bytes");
    message[..2].copy_from_slice(&prefix.to_be_bytes());
    message.truncate(2 + len);
    Ok(message)
}

/// The length of a message, before anything is set aside for it.
pub(super) fn message_len(prefix: [u8; 2]) -> Result<usize> {
    let len = usize::from(u16::from_be_bytes(prefix));
    // format.md 13.11
    match len > MAX_MESSAGE_LEN {
        true => Err(Error::format("13.11", "a handshake message is not so long")),
        false => Ok(len),
    }
}

pub(super) fn read_message(
    handshake: &mut Handshake,
    terms: &Terms<'_>,
    message: &[u8],
    accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
) -> Result<()> {
    let mut context = Zeroizing::new([0; MAX_CONTEXT_LEN]);
    match handshake.read(&terms.party, message, accept, context.as_mut_slice())? {
        Received::Context(_) | Received::Duplicate => Ok(()),
    }
}

pub(super) fn begin(
    handshake: &mut Handshake,
    terms: &Terms<'_>,
    watch: Stopwatch,
) -> Result<(OpenBuffer, SealBuffer, [u8; 32])> {
    let mut session = Session::closed();
    session.begin(handshake, &terms.limits, watch.milliseconds())?;
    let (role, binding) = (session.role(), *session.binding());
    let (sending, receiving) = session.split()?;
    let mut sealing = SealBuffer::new(sending, watch);
    // format.md 13.7: under XX the last message confirms.
    if role == Role::Initiator && terms.party.settings.pattern != Pattern::XX {
        sealing.confirm()?;
    }
    Ok((OpenBuffer::new(receiving, watch), sealing, binding))
}
