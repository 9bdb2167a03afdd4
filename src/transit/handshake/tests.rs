// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state machine of format.md 13.6, transition by transition.

mod messages;
mod own_vectors;
mod parties;
mod randomness;

use super::*;
use crate::error::ErrorKind;

const PATTERNS: [Pattern; 5] =
    [Pattern::XX, Pattern::IK, Pattern::KK, Pattern::NNpsk0, Pattern::IKpsk2];
const SUITES: [Suite; 2] = [Suite::Cobblestone256, Suite::ChaCha20Poly1305];

/// Begin with a byte that is not a context's.
const NOTHING: Encoded<'static> = Encoded::EMPTY;

/// A source without luck: each byte string is another, and the same in each run.
struct Counting(u64);

impl Random for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&hash(&[&self.0.to_be_bytes()])[..chunk.len()]);
        }
        Ok(())
    }
}

fn key<P>(byte: u8) -> Key<P> {
    let mut key = Key::zeroed();
    *key.expose_bytes_mut() = [byte; 32];
    key
}

fn pair(byte: u8) -> KeyPair {
    KeyPair::new(&key(byte))
}

fn settings(pattern: Pattern, mode: Mode, hybrid: Hybrid) -> Settings {
    Settings { pattern, suite: Suite::ChaCha20Poly1305, mode, hybrid }
}

fn accept(_: &Peer<'_>) -> Verdict {
    Verdict::Accept
}

/// A side that owns what a `Party` borrows.
struct Side {
    settings: Settings,
    keys: Vec<KeyPair>,
    peers: Vec<PeerKey>,
    psk: Key<Psk>,
    random: Counting,
    handshake: Handshake,
    now: Now,
}

impl Side {
    fn new(settings: Settings, role: Role, own: u8, other: u8) -> Self {
        Side {
            settings,
            keys: vec![pair(own)],
            peers: vec![pair(other).public()],
            psk: key(77),
            random: Counting(u64::from(own) << 32),
            handshake: Handshake::of_role(role),
            now: Now::Seconds(1_000),
        }
    }

    /// The initiator and the responder.
    fn two(settings: Settings) -> (Self, Self) {
        (Self::new(settings, Role::Initiator, 1, 2), Self::new(settings, Role::Responder, 2, 1))
    }

    fn party(&self) -> Party<'_> {
        Party {
            settings: self.settings,
            prologue: b"test",
            keys: &self.keys,
            peers: Peers::Pinned(&self.peers),
            psk: self.settings.pattern.has_psk().then_some(&self.psk),
            now: self.now,
        }
    }

    fn write_with(&mut self, context: Encoded<'_>) -> Result<Vec<u8>> {
        let mut out = vec![0; MAX_MESSAGE_LEN];
        let mut handshake = std::mem::replace(&mut self.handshake, Handshake::initiator());
        let mut random = Counting(self.random.0);
        let written = handshake.write(&self.party(), context, &mut random, &mut out);
        (self.handshake, self.random) = (handshake, random);
        out.truncate(written?);
        Ok(out)
    }

    fn write(&mut self) -> Vec<u8> {
        self.write_with(NOTHING).expect("it is this side's turn")
    }

    fn read_asking(
        &mut self,
        message: &[u8],
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<Option<Vec<u8>>> {
        let mut out = [0; MAX_CONTEXT_LEN];
        let mut handshake = std::mem::replace(&mut self.handshake, Handshake::initiator());
        let read = handshake.read(&self.party(), message, accept, &mut out);
        let read = read.map(|received| match received {
            Received::Context(context) => Some(context.as_bytes().to_vec()),
            Received::Duplicate => None,
        });
        self.handshake = handshake;
        read
    }

    fn read(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>> {
        self.read_asking(message, &mut accept)
    }

    fn refused(&mut self, message: &[u8]) -> ErrorKind {
        self.read(message).expect_err("it must be refused").kind()
    }

    fn finish(&mut self) -> Established {
        self.handshake.finish().expect("it is finished")
    }
}

fn all_settings(modes: &[Mode]) -> Vec<Settings> {
    let mut all = Vec::new();
    for pattern in PATTERNS {
        for suite in SUITES {
            for mode in modes {
                for hybrid in [Hybrid::Off, Hybrid::On] {
                    all.push(Settings { pattern, suite, mode: *mode, hybrid });
                }
            }
        }
    }
    all
}

/// Exchanges what is left, and compares what both sides have in the end.
fn complete(initiator: &mut Side, responder: &mut Side) {
    while !(initiator.handshake.is_finished() && responder.handshake.is_finished()) {
        let (writer, reader) = match initiator.handshake.writes_next() {
            true => (&mut *initiator, &mut *responder),
            false => (&mut *responder, &mut *initiator),
        };
        let message = writer.write();
        assert_eq!(reader.read(&message).expect("the message holds"), Some(vec![]));
    }
    agree(initiator, responder);
}

fn agree(initiator: &mut Side, responder: &mut Side) {
    let (one, other) = (initiator.finish(), responder.finish());
    assert_eq!((one.role, other.role), (Role::Initiator, Role::Responder));
    assert_eq!(one.settings, other.settings);
    assert_eq!(one.binding, other.binding);
    assert_eq!(one.sending.expose_bytes(), other.receiving.expose_bytes());
    assert_eq!(one.receiving.expose_bytes(), other.sending.expose_bytes());
    assert_ne!(one.sending.expose_bytes(), one.receiving.expose_bytes());
}

#[test]
fn every_setting_ends_with_the_same_keys_and_both_know_each_other() {
    let mut bytes = [0; 100];
    let context =
        Encoded::encode_into(&[("device", b"17")], &mut bytes).expect("a context").as_bytes();
    let context = Encoded::parse(context).expect("a context");
    for settings in all_settings(&[Mode::Stream, Mode::Datagram]) {
        let (mut initiator, mut responder) = Side::two(settings);
        for number in 1..=3 {
            let (writer, reader, own) = match number % 2 {
                1 => (&mut initiator, &mut responder, 1),
                _ => (&mut responder, &mut initiator, 2),
            };
            if writer.handshake.is_finished() {
                break;
            }
            assert!(writer.handshake.writes_next() && !reader.handshake.writes_next());
            let readable = settings.pattern == Pattern::XX && number == 1;
            let said = if readable { NOTHING } else { context };
            let message = writer.write_with(said).expect("it is its turn");
            let mut asked = Vec::new();
            let mut ask = |peer: &Peer<'_>| {
                asked.push((peer.key, peer.context.as_bytes().to_vec(), peer.replayable));
                Verdict::Accept
            };
            let read = reader.read_asking(&message, &mut ask).expect("the message holds");
            assert_eq!(read.as_deref(), Some(said.as_bytes()));
            let key = settings.pattern.has_statics().then(|| pair(own).public());
            match readable {
                true => assert!(asked.is_empty()),
                false => assert_eq!(asked, [(key, said.as_bytes().to_vec(), number == 1)]),
            }
            assert_eq!(reader.handshake.peer(), if readable { None } else { key });
        }
        agree(&mut initiator, &mut responder);
    }
}

#[test]
fn calls_out_of_turn_are_misuse() {
    for settings in all_settings(&[Mode::Stream, Mode::Datagram]) {
        let (mut initiator, mut responder) = Side::two(settings);
        assert_eq!(initiator.refused(b"message"), ErrorKind::Misuse);
        assert!(matches!(responder.write_with(NOTHING), Err(Error::Misuse(_))));
        assert!(matches!(initiator.handshake.finish(), Err(Error::Misuse(_))));
        let first = initiator.write();
        assert!(matches!(initiator.write_with(NOTHING), Err(Error::Misuse(_))));
        responder.read(&first).expect("the message holds");
        assert!(matches!(responder.handshake.finish(), Err(Error::Misuse(_))));
        complete(&mut initiator, &mut responder);
        assert!(matches!(initiator.handshake.finish(), Err(Error::Misuse(_))));
        assert!(matches!(initiator.write_with(NOTHING), Err(Error::Misuse(_))));
    }
}

#[test]
fn a_message_that_is_not_awaited_is_not_read() {
    for pattern in PATTERNS {
        for mode in [Mode::Stream, Mode::Datagram] {
            let settings = settings(pattern, mode, Hybrid::Off);
            let (mut initiator, mut responder) = Side::two(settings);
            let mut twin = Side::new(settings, Role::Responder, 2, 1);
            let first = initiator.write();
            for side in [&mut responder, &mut twin] {
                side.read(&first).expect("it is the first");
            }
            assert_eq!(initiator.refused(&first), ErrorKind::Format, "one's own");
            let second = twin.write();
            assert_eq!(responder.refused(&second), ErrorKind::Format, "one's own turn");
            let mut other = Side::new(settings, Role::Initiator, 1, 2);
            other.random = Counting(7);
            let again = match mode {
                Mode::Datagram => responder.read(&other.write()).map(drop),
                Mode::Stream => {
                    let (_, mut responder) = Side::two(settings);
                    responder.read(&first).expect("it is the first");
                    let again = responder.read(&other.write()).map(drop);
                    assert!(responder.handshake.has_failed());
                    again
                }
            };
            assert_eq!(again.is_ok(), mode == Mode::Datagram, "another first message");
        }
    }
}

#[test]
fn in_another_process_a_handshake_goes_no_further() {
    let settings = settings(Pattern::IK, Mode::Datagram, Hybrid::Off);
    let (mut initiator, mut responder) = Side::two(settings);
    initiator.handshake.process ^= 1;
    assert!(matches!(initiator.write_with(NOTHING), Err(Error::Misuse(_))));
    initiator.handshake.process ^= 1;
    responder.read(&initiator.write()).expect("the process that made it");
    let second = responder.write();
    initiator.handshake.process ^= 1;
    assert_eq!(initiator.refused(&second), ErrorKind::Misuse);
    initiator.handshake.process ^= 1;
    initiator.read(&second).expect("nothing was changed");
    initiator.handshake.process ^= 1;
    assert!(matches!(initiator.handshake.finish(), Err(Error::Misuse(_))));
    initiator.handshake.process ^= 1;
    agree(&mut initiator, &mut responder);
}

#[test]
fn settings_do_not_change_on_the_way() {
    for settings in all_settings(&[Mode::Stream, Mode::Datagram]) {
        let (mut initiator, mut responder) = Side::two(settings);
        let first = initiator.write();
        responder.read(&first).expect("the message holds");
        let second = responder.write();
        for other in all_settings(&[Mode::Stream, Mode::Datagram]) {
            if other == settings {
                continue;
            }
            (initiator.settings, responder.settings) = (other, other);
            assert_eq!(initiator.refused(&second), ErrorKind::Misuse);
            assert_eq!(responder.refused(&first), ErrorKind::Misuse);
            assert!(matches!(responder.write_with(NOTHING), Err(Error::Misuse(_))));
        }
        (initiator.settings, responder.settings) = (settings, settings);
        initiator.read(&second).expect("the message holds");
        complete(&mut initiator, &mut responder);
    }
}

#[test]
fn a_handshake_prints_no_secret() {
    let settings = settings(Pattern::IK, Mode::Datagram, Hybrid::On);
    let (mut initiator, _) = Side::two(settings);
    initiator.write();
    let printed = format!("{:?} {:?}", initiator.handshake, initiator.party());
    let secret = format!("{:?}", [1u8; 32]);
    assert!(!printed.contains(&secret[1..secret.len() - 1]), "{printed}");
}
