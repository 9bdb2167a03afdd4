// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session over a UDP socket of its own (format.md 13.10).

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::buffer::Stopwatch;
use super::handshake::Received;
use super::stream::Terms;
use super::{
    Content, Handshake, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Pattern, Peer, PeerKey, Session,
    Verdict,
};
use crate::error::{Error, ErrorKind, Result};
use crate::format::record::{MAX_PLAINTEXT_LEN, OVERHEAD};
use crate::format::transit::is_first;
use crate::rng::OsRandom;

/// A session over UDP: one socket, one peer.
///
/// Handshake messages are sent again until they are answered; records are not. What arrives may be late, out of order,
/// or never there, and arrives once. Packets of others are dropped without a word. For many peers on one socket, use
/// [`Session`] itself.
pub struct Datagram {
    socket: UdpSocket,
    session: Box<Session>,
    peer: Option<PeerKey>,
    watch: Stopwatch,
    /// The peer's last handshake message and the answer to it, until the peer speaks in records.
    last: Exchange,
    /// What came in the record that confirmed the session.
    early: Option<Early>,
    packet: Zeroizing<Vec<u8>>,
}

#[derive(Default)]
struct Exchange {
    heard: Vec<u8>,
    said: Vec<u8>,
}

enum Early {
    Data(Zeroizing<Vec<u8>>),
    Close,
}

/// A handshake with one address, which may come to nothing.
struct Attempt {
    // In a box: a move would leave a copy of its keys.
    handshake: Box<Handshake>,
    /// What it came to, while the peer has not shown that it has the keys.
    session: Option<Box<Session>>,
    peer: Option<PeerKey>,
    with: SocketAddr,
    last: Exchange,
    wait: Duration,
    /// When the last message is sent once more.
    again: Instant,
}

impl Datagram {
    /// Makes a session with the address that the socket is connected to, within `patience`.
    ///
    /// # Errors
    /// `Misuse` for settings that do not fit, `Io` (of the kind `TimedOut` where nobody answers), and those of
    /// [`Handshake::write`]. What is refused of the peer's is dropped like a stranger's packet.
    pub fn connect(
        socket: UdpSocket,
        terms: &Terms<'_>,
        patience: Duration,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        check_mode(terms)?;
        let (watch, end) = (Stopwatch::start(), Instant::now() + patience);
        let mut attempt = Attempt::new(Handshake::initiator(), socket.peer_addr()?);
        let mut packet = Zeroizing::new(vec![0; PACKET_LEN]);
        attempt.say(&socket, terms, &[])?;
        while !attempt.handshake.is_finished() {
            let until = end.min(attempt.repeat(&socket)?);
            let Some((len, from)) = packet_until(&socket, until, end, &mut packet)? else {
                continue;
            };
            let heard = &packet[..len];
            if from == attempt.with && read(&mut attempt.handshake, terms, heard, accept)? {
                attempt.say(&socket, terms, heard)?;
            }
        }
        attempt.begin(terms, watch)?;
        let with = attempt.with;
        let mut datagram = attempt.finish(socket, watch, None, packet)?;
        // format.md 13.7a: the answer to message 2 where there is no message 3.
        if terms.party.settings.pattern != Pattern::XX {
            let len = datagram
                .session
                .sending()
                .seal_empty_into(watch.milliseconds(), &mut datagram.packet)?;
            datagram.last.said = datagram.packet[..len].to_vec();
            send(&datagram.socket, &datagram.last.said, with)?;
        }
        Ok(datagram)
    }

    /// Waits for a peer on a bound socket, for `patience` in all, and connects the socket to its address.
    ///
    /// The peer has shown that it is there now, and not somebody who repeats its first message. Until then, the 16
    /// newest first messages are kept in mind, so that strangers do not take the place unless there are many of them.
    ///
    /// # Errors
    /// Those of [`Datagram::connect`].
    pub fn accept(
        socket: UdpSocket,
        terms: &Terms<'_>,
        patience: Duration,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        check_mode(terms)?;
        let (watch, end) = (Stopwatch::start(), Instant::now() + patience);
        let mut attempts: VecDeque<Attempt> = VecDeque::new();
        let mut packet = Zeroizing::new(vec![0; PACKET_LEN]);
        loop {
            let mut until = end;
            for attempt in &mut attempts {
                until = until.min(attempt.repeat(&socket)?);
            }
            let Some((len, from)) = packet_until(&socket, until, end, &mut packet)? else {
                continue;
            };
            let heard = &mut packet[..len];
            let ours = |attempt: &&mut Attempt| attempt.with == from;
            if let Some(attempt) =
                attempts.iter_mut().filter(ours).find(|attempt| attempt.last.heard == heard)
            {
                send(&socket, &attempt.last.said, from)?;
                continue;
            }
            if is_first(heard) {
                let mut attempt = Attempt::new(Handshake::responder(), from);
                if read(&mut attempt.handshake, terms, heard, accept)? {
                    attempt.say(&socket, terms, heard)?;
                    attempt.begin(terms, watch)?;
                    attempts.truncate(MAX_ATTEMPTS - 1);
                    attempts.push_front(attempt);
                }
                continue;
            }
            for at in 0..attempts.len() {
                let attempt = &mut attempts[at];
                if attempt.with == from
                    && let Some(early) = attempt.hear(terms, watch, heard, accept)?
                {
                    let attempt = attempts.swap_remove_back(at).expect("it is there");
                    return attempt.finish(socket, watch, early, packet);
                }
            }
        }
    }

    /// Sends data as one record. Up to 1,171 bytes fit into a packet of 1,200.
    ///
    /// # Errors
    /// Those of [`super::Sending::seal_into`] and of the socket.
    pub fn send(&mut self, data: &[u8]) -> Result<()> {
        self.send_with(|session, now, out| session.seal_into(now, data, &[], out))
    }

    /// Waits for the next data and copies it to `out`, which has room for [`super::MAX_PLAINTEXT_LEN`] bytes or for
    /// what the peer sends at most. `None` when the peer closed its direction.
    ///
    /// # Errors
    /// `Io` where the socket's timeout is over; `Limit` where the session is too old; `Misuse` where the data is longer
    /// than `out`.
    pub fn receive(&mut self, out: &mut [u8]) -> Result<Option<usize>> {
        let short = Error::misuse("the output is shorter than the data");
        match &self.early {
            None => {}
            Some(Early::Close) => return Ok(None),
            Some(Early::Data(data)) => {
                let len = data.len();
                out.get_mut(..len).ok_or(short)?.copy_from_slice(data);
                self.early = None;
                return Ok(Some(len));
            }
        }
        loop {
            let len = match self.socket.recv(&mut self.packet) {
                Ok(len) => len,
                // What a socket was told of an earlier packet is not of this one.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error.into()),
            };
            let packet = &mut self.packet[..len];
            if !self.last.said.is_empty() && self.last.heard == packet {
                let _ = self.socket.send(&self.last.said);
                continue;
            }
            if len == PACKET_LEN {
                continue;
            }
            let now = self.watch.milliseconds();
            let record = match self.session.open_in_place(now, packet, &[]) {
                Ok(record) => record,
                Err(error) if is_strangers(&error) => continue,
                Err(error) => return Err(error),
            };
            self.last = Exchange::default();
            match record.content {
                Content::Data => {
                    let data = &packet[OVERHEAD - TAG_LEN..][..record.len];
                    out.get_mut(..record.len).ok_or(short)?.copy_from_slice(data);
                    return Ok(Some(record.len));
                }
                Content::Close => return Ok(None),
                Content::RekeyRequest | Content::Empty => {}
            }
        }
    }

    /// Tells the peer that this direction is over. The packet may be lost.
    ///
    /// # Errors
    /// Those of [`Datagram::send`].
    pub fn close(&mut self) -> Result<()> {
        self.send_with(|session, now, out| session.close_into(now, out))
    }

    /// The peer's static key; none under NNpsk0.
    pub fn peer(&self) -> Option<&PeerKey> {
        self.peer.as_ref()
    }

    /// The session, for all that has no call here.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The socket, for its timeouts. Whoever sends or receives there loses packets.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    fn send_with(
        &mut self,
        seal: impl FnOnce(&mut Session, u64, &mut [u8]) -> Result<usize>,
    ) -> Result<()> {
        let len = seal(&mut self.session, self.watch.milliseconds(), &mut self.packet)?;
        match self.socket.send(&self.packet[..len]) {
            // Nobody listens there, or did not a moment ago: as if the packet were lost.
            Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Attempt {
    fn new(handshake: Handshake, with: SocketAddr) -> Self {
        let (last, wait) = (Exchange::default(), FIRST_WAIT);
        let again = Instant::now() + wait;
        let handshake = Box::new(handshake);
        Attempt { handshake, session: None, peer: None, with, last, wait, again }
    }

    /// Answers what was heard, if it is this side's turn.
    fn say(&mut self, socket: &UdpSocket, terms: &Terms<'_>, heard: &[u8]) -> Result<()> {
        self.last.heard = heard.to_vec();
        self.last.said.clear();
        if self.handshake.writes_next() {
            self.last.said = message(&mut self.handshake, terms)?;
            send(socket, &self.last.said, self.with)?;
        }
        self.wait = FIRST_WAIT;
        self.again = Instant::now() + self.wait;
        Ok(())
    }

    /// Sends the last message again if it is time. Returns the next time.
    ///
    /// Packets that are not the answer do not put it off.
    fn repeat(&mut self, socket: &UdpSocket) -> Result<Instant> {
        let now = Instant::now();
        if now >= self.again {
            send(socket, &self.last.said, self.with)?;
            self.wait = LONGEST_WAIT.min(self.wait * 2);
            self.again = now + self.wait;
        }
        Ok(self.again)
    }

    /// Takes the session of a finished handshake.
    fn begin(&mut self, terms: &Terms<'_>, watch: Stopwatch) -> Result<()> {
        if self.handshake.is_finished() {
            self.peer = self.handshake.peer();
            let session = self.session.insert(Box::new(Session::closed()));
            let now = watch.milliseconds();
            session.begin(&mut self.handshake, &terms.limits, now)?;
        }
        Ok(())
    }

    /// Looks at a packet of the peer's: `Some` where it showed that the peer has the keys, with what else it said.
    fn hear(
        &mut self,
        terms: &Terms<'_>,
        watch: Stopwatch,
        packet: &mut [u8],
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Option<Option<Early>>> {
        let Some(session) = &mut self.session else {
            if !read(&mut self.handshake, terms, packet, accept)? {
                return Ok(None);
            }
            self.last = Exchange { heard: packet.to_vec(), said: Vec::new() };
            self.begin(terms, watch)?;
            return Ok(Some(None));
        };
        // Another attempt with this address may want the packet as it is.
        let mut data = Zeroizing::new(vec![0; packet.len()]);
        let record = match session.open_into(watch.milliseconds(), packet, &[], &mut data) {
            Ok(record) => record,
            Err(error) if is_strangers(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.last = Exchange::default();
        data.truncate(record.len);
        Ok(Some(match record.content {
            Content::Data => Some(Early::Data(data)),
            Content::Close => Some(Early::Close),
            Content::RekeyRequest | Content::Empty => None,
        }))
    }

    fn finish(
        self,
        socket: UdpSocket,
        watch: Stopwatch,
        early: Option<Early>,
        packet: Zeroizing<Vec<u8>>,
    ) -> Result<Datagram> {
        let Attempt { session, peer, with, last, .. } = self;
        let session = session.expect("a handshake that is finished has left its session");
        socket.connect(with)?;
        socket.set_read_timeout(None)?;
        Ok(Datagram { socket, session, peer, watch, last, early, packet })
    }
}

/// Waits for a packet until some time, and fails where `end` has come.
fn packet_until(
    socket: &UdpSocket,
    until: Instant,
    end: Instant,
    packet: &mut [u8],
) -> Result<Option<(usize, SocketAddr)>> {
    let now = Instant::now();
    if now >= end {
        return Err(Error::Io(io::ErrorKind::TimedOut.into()));
    }
    // A timeout of nothing would mean none.
    let wait = until.saturating_duration_since(now).max(Duration::from_millis(1));
    socket.set_read_timeout(Some(wait))?;
    match socket.recv_from(packet) {
        Ok((PACKET_LEN, _)) => Ok(None),
        Ok(received) => Ok(Some(received)),
        Err(error) if is_no_packet(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn check_mode(terms: &Terms<'_>) -> Result<()> {
    match terms.party.settings.mode {
        Mode::Datagram => Ok(()),
        Mode::Stream => Err(Error::misuse("datagrams want the settings of datagrams")),
    }
}

/// The next message of this side.
fn message(handshake: &mut Handshake, terms: &Terms<'_>) -> Result<Vec<u8>> {
    let mut out = vec![0; MAX_MESSAGE_LEN];
    let len = handshake.write(&terms.party, terms.context, &mut OsRandom, &mut out)?;
    out.truncate(len);
    Ok(out)
}

/// Whether this was the message that is expected.
fn read(
    handshake: &mut Handshake,
    terms: &Terms<'_>,
    packet: &[u8],
    accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
) -> Result<bool> {
    let mut context = Zeroizing::new([0; MAX_CONTEXT_LEN]);
    match handshake.read(&terms.party, packet, accept, context.as_mut_slice()) {
        Ok(Received::Context(_)) => Ok(true),
        Ok(Received::Duplicate) => Ok(false),
        Err(error) => match error.kind() {
            ErrorKind::Misuse | ErrorKind::KeyState | ErrorKind::Random => Err(error),
            _ => Ok(false),
        },
    }
}

/// Sends what was said last, if anything was.
fn send(socket: &UdpSocket, bytes: &[u8], to: SocketAddr) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let sent = match socket.peer_addr() {
        Ok(_) => socket.send(bytes),
        Err(_) => socket.send_to(bytes, to),
    };
    match sent {
        Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether the wait was over, or the system only passed on that an earlier packet found nobody.
fn is_no_packet(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), ConnectionRefused | Interrupted | TimedOut | WouldBlock)
}

/// Whether anybody on the way could have caused this.
fn is_strangers(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Decrypt | ErrorKind::Format)
}

const TAG_LEN: usize = 16;
/// Longer than any message or record, so that what is too long is seen to be so.
const PACKET_LEN: usize = OVERHEAD + MAX_PLAINTEXT_LEN + 1;
/// Handshakes that are kept in mind until one of them is confirmed.
const MAX_ATTEMPTS: usize = 16;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(4);
