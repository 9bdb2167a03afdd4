// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session over a UDP socket of its own (format.md 13.10).

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::buffer::Stopwatch;
use super::handshake::Received;
use super::stream::Terms;
use super::{
    Content, Handshake, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Pattern, Peer, PeerKey, Role,
    Session, Verdict,
};
use crate::error::{Error, ErrorKind, Result};
use crate::format::record::{MAX_PLAINTEXT_LEN, OVERHEAD};
use crate::rng::OsRandom;

/// A session over UDP: one socket, one peer.
///
/// Handshake messages are sent again until they are answered; records are not. What arrives may be late, out of order,
/// or never there, and arrives once. Packets of others are dropped without a word. For many peers on one socket, use
/// [`Session`] itself.
pub struct Datagram {
    socket: UdpSocket,
    session: Session,
    peer: Option<PeerKey>,
    watch: Stopwatch,
    /// The peer's last handshake message and the answer to it, until the peer speaks in records.
    last: Exchange,
    packet: Zeroizing<Vec<u8>>,
}

#[derive(Default)]
struct Exchange {
    heard: Vec<u8>,
    said: Vec<u8>,
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
        let to = socket.peer_addr()?;
        Self::shake(socket, Handshake::initiator(), Some(to), terms, patience, accept)
    }

    /// Waits for a peer on a bound socket, for `patience` in all, and connects the socket to its address.
    ///
    /// A first message that nobody follows up is given up for the next good one, so that a stranger cannot take the place.
    ///
    /// # Errors
    /// Those of [`Datagram::connect`].
    pub fn accept(
        socket: UdpSocket,
        terms: &Terms<'_>,
        patience: Duration,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        Self::shake(socket, Handshake::responder(), None, terms, patience, accept)
    }

    fn shake(
        socket: UdpSocket,
        mut handshake: Handshake,
        mut to: Option<SocketAddr>,
        terms: &Terms<'_>,
        patience: Duration,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Self> {
        if terms.party.settings.mode != Mode::Datagram {
            return Err(Error::misuse("datagrams want the settings of datagrams"));
        }
        let is_responder = to.is_none();
        let (watch, end) = (Stopwatch::start(), Instant::now() + patience);
        let (mut last, mut wait) = (Exchange::default(), FIRST_WAIT);
        let mut packet = Zeroizing::new(vec![0; PACKET_LEN]);
        if handshake.writes_next() {
            last.said = message(&mut handshake, terms)?;
            send(&socket, &last.said, to)?;
        }
        // Packets that are not the answer do not put off the next try.
        let mut again = Instant::now() + wait;
        while !handshake.is_finished() {
            let now = Instant::now();
            if now >= end {
                return Err(Error::Io(io::ErrorKind::TimedOut.into()));
            }
            if now >= again {
                send(&socket, &last.said, to)?;
                wait = LONGEST_WAIT.min(wait * 2);
                again = now + wait;
            }
            socket.set_read_timeout(Some(again.min(end) - now))?;
            let (len, from) = match socket.recv_from(&mut packet) {
                Ok(received) => received,
                Err(error) if is_no_packet(&error) => continue,
                Err(error) => return Err(error.into()),
            };
            let heard = &packet[..len];
            if to == Some(from) && last.heard == heard {
                send(&socket, &last.said, to)?;
                continue;
            }
            if read(&mut handshake, terms, heard, accept)? {
                to = Some(from);
            } else {
                // Another first message may be the genuine one.
                let mut fresh = Handshake::responder();
                if !is_responder || !read(&mut fresh, terms, heard, accept)? {
                    continue;
                }
                (handshake, to) = (fresh, Some(from));
            }
            last.heard = heard.to_vec();
            last.said.clear();
            if handshake.writes_next() {
                last.said = message(&mut handshake, terms)?;
                send(&socket, &last.said, to)?;
            }
            wait = FIRST_WAIT;
            again = Instant::now() + wait;
        }
        let peer = handshake.peer();
        let mut session = Session::closed();
        session.begin(
            &mut handshake,
            &terms.party.settings,
            &terms.limits,
            watch.milliseconds(),
        )?;
        socket.connect(to.expect("a finished handshake has a peer"))?;
        socket.set_read_timeout(None)?;
        let mut datagram = Datagram { socket, session, peer, watch, last, packet };
        // format.md 13.7a
        if datagram.session.role() == Role::Initiator && terms.party.settings.pattern != Pattern::XX
        {
            datagram.send_with(|session, now, out| session.sending().seal_empty_into(now, out))?;
        }
        Ok(datagram)
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
            if packet.len() > OVERHEAD + MAX_PLAINTEXT_LEN {
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
                    let short = Error::misuse("the output is shorter than the data");
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

fn send(socket: &UdpSocket, bytes: &[u8], to: Option<SocketAddr>) -> Result<()> {
    let Some(to) = to.filter(|_| !bytes.is_empty()) else { return Ok(()) };
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
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(4);
