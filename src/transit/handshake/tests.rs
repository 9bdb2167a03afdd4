// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state machine of format.md 13.6, transition by transition, and what bad messages get.

use super::*;
use crate::error::ErrorKind;
use crate::id::Algorithm;
use crate::keyset::Keyset;
use crate::rng::OsRandom;

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

/// Bad messages made from a good one, with what may be said of them.
fn bad_ones(good: &[u8], head_len: usize, kem_len: usize) -> Vec<Vec<u8>> {
    let mut bad = Vec::new();
    for at in 0..good.len() {
        // Each byte of a key of 1,216 bytes would cost a minute, and each of the rest with X-Wing another.
        let step = match at.checked_sub(head_len) {
            Some(in_kem) if in_kem < kem_len => 101,
            Some(_) if kem_len != 0 => 7,
            _ => 1,
        };
        if at % step == 0 || at + 1 == head_len + kem_len || at + 1 == good.len() {
            let mut changed = good.to_vec();
            changed[at] ^= 1 << (at % 8);
            bad.push(changed);
            bad.push(good[..at].to_vec());
        }
    }
    for more in [1, 16, 3_000] {
        bad.push([good, vec![0; more].as_slice()].concat());
    }
    bad.push(vec![0; good.len()]);
    bad.push(vec![0xff; good.len()]);
    bad
}

#[test]
fn a_datagram_that_fails_changes_nothing_and_the_good_one_still_holds() {
    for settings in all_settings(&[Mode::Datagram]) {
        let (mut initiator, mut responder) = Side::two(settings);
        let mut sent: Vec<Vec<u8>> = Vec::new();
        for number in 1..=3 {
            let (writer, reader) = match number % 2 {
                1 => (&mut initiator, &mut responder),
                _ => (&mut responder, &mut initiator),
            };
            if writer.handshake.is_finished() {
                break;
            }
            let good = writer.write();
            let head_len = if number == 1 { FIRST_HEAD_LEN } else { LATER_HEAD_LEN };
            for bad in bad_ones(&good, head_len, settings.kem_len(number)) {
                // Nothing authenticates the first message of XX: whoever changes it is found out by the second.
                if number == 1 && settings.pattern == Pattern::XX {
                    let mut deceived = Side::new(settings, Role::Responder, 2, 1);
                    if deceived.read(&bad).is_ok() {
                        let answer = deceived.write();
                        assert_eq!(writer.refused(&answer), ErrorKind::Decrypt);
                    }
                    continue;
                }
                let kind = reader.refused(&bad);
                let allowed = [ErrorKind::Decrypt, ErrorKind::Format, ErrorKind::Limit];
                assert!(allowed.contains(&kind), "{settings:?} {number} {kind:?}");
            }
            // Reflected, and out of order.
            for before in &sent {
                let again = reader.read(before);
                assert!(matches!(again, Ok(None) | Err(Error::Format { .. })), "{settings:?}");
            }
            assert!(writer.read(&good).is_err(), "{settings:?} {number}: reflected");
            assert_eq!(reader.read(&good).expect("the good one"), Some(vec![]));
            assert_eq!(reader.read(&good).expect("the good one again"), None);
            sent.push(good);
        }
        agree(&mut initiator, &mut responder);
        // What is left knows the last message, and refuses all others.
        let (last, reader, other) = match sent.len() {
            3 => (&sent[2], &mut responder, &mut initiator),
            _ => (&sent[1], &mut initiator, &mut responder),
        };
        assert_eq!(reader.read(last).expect("a duplicate"), None);
        assert_eq!(other.read(&sent[sent.len() - 2]).expect("a duplicate"), None);
        assert_eq!(other.refused(last), ErrorKind::Format);
        assert_eq!(reader.refused(&[]), ErrorKind::Format);
    }
}

#[test]
fn in_stream_mode_every_failure_is_final() {
    for settings in all_settings(&[Mode::Stream]) {
        for tampered in 1..=3 {
            let (mut initiator, mut responder) = Side::two(settings);
            for number in 1..=tampered {
                let (writer, reader) = match number % 2 {
                    1 => (&mut initiator, &mut responder),
                    _ => (&mut responder, &mut initiator),
                };
                if writer.handshake.is_finished() {
                    break;
                }
                let good = writer.write();
                if number < tampered {
                    reader.read(&good).expect("the message holds");
                    continue;
                }
                let mut bad = good.clone();
                bad.truncate(good.len() - 1);
                assert!(matches!(reader.refused(&bad), ErrorKind::Decrypt | ErrorKind::Format));
                assert_eq!(reader.refused(&good), ErrorKind::Misuse);
                assert!(!reader.handshake.writes_next() && !reader.handshake.is_finished());
                assert!(reader.write_with(NOTHING).is_err());
                assert!(reader.handshake.finish().is_err());
            }
        }
        let (mut initiator, mut responder) = Side::two(settings);
        let first = initiator.write();
        responder.read(&first).expect("the message holds");
        assert_eq!(responder.refused(&first), ErrorKind::Format, "a stream repeats nothing");
        assert!(responder.write_with(NOTHING).is_err());
    }
}

#[test]
fn messages_of_another_session_or_setting_are_refused() {
    for settings in all_settings(&[Mode::Datagram]) {
        let (mut initiator, mut responder) = Side::two(settings);
        let mut others: Vec<Side> = all_settings(&[Mode::Stream, Mode::Datagram])
            .into_iter()
            .filter(|other| *other != settings)
            .map(|other| Side::new(other, Role::Initiator, 1, 2))
            .collect();
        for other in &mut others {
            assert_eq!(responder.refused(&other.write()), ErrorKind::Format);
        }
        // Another session between the same two.
        let (mut initiator_2, mut responder_2) = Side::two(settings);
        initiator_2.random = Counting(9 << 40);
        responder_2.random = Counting(10 << 40);
        responder_2.read(&initiator_2.write()).expect("the message holds");
        let second_2 = responder_2.write();
        responder.read(&initiator.write()).expect("the message holds");
        assert_eq!(initiator.refused(&second_2), ErrorKind::Decrypt);
        complete(&mut initiator, &mut responder);
    }
}

#[test]
fn another_prologue_psk_or_key_is_refused() {
    for settings in all_settings(&[Mode::Datagram]) {
        let (mut initiator, mut responder) = Side::two(settings);
        let mut first = vec![0; MAX_MESSAGE_LEN];
        let mut other = Handshake::initiator();
        let party = Party { prologue: b"other", ..initiator.party() };
        let mut random = Counting(50);
        let len = other.write(&party, NOTHING, &mut random, &mut first).expect("its turn");
        match settings.pattern {
            Pattern::XX => {
                let mut deceived = Side::new(settings, Role::Responder, 2, 1);
                let read = deceived.read(&first[..len]);
                if settings.hybrid == Hybrid::On {
                    assert!(matches!(read, Err(Error::Decrypt)));
                    continue;
                }
                read.expect("nothing is authenticated yet");
                let (second, mut out) = (deceived.write(), [0; MAX_CONTEXT_LEN]);
                let read = other.read(&party, &second, &mut accept, &mut out);
                assert_eq!(read.expect_err("another prologue").kind(), ErrorKind::Decrypt);
            }
            _ => assert_eq!(responder.refused(&first[..len]), ErrorKind::Decrypt),
        }
        if settings.pattern.has_psk() {
            responder.psk = key(78);
            let first = initiator.write();
            match settings.pattern {
                Pattern::NNpsk0 => assert_eq!(responder.refused(&first), ErrorKind::Decrypt),
                _ => {
                    responder.read(&first).expect("the psk comes with message 2");
                    assert_eq!(initiator.refused(&responder.write()), ErrorKind::Decrypt);
                }
            }
        }
    }
}

/// Encodings that are no safe public keys: low order, and not canonical.
fn unsafe_keys() -> Vec<[u8; 32]> {
    let mut keys = vec![[0; 32], [0xff; 32]];
    for (first, last) in [(1, 0), (0xec, 0x7f), (0xed, 0x7f), (0xee, 0x7f), (0xff, 0x7f)] {
        let mut key = if last == 0 { [0; 32] } else { [0xff; 32] };
        (key[0], key[31]) = (first, last);
        keys.push(key);
    }
    let mut high = *pair(3).public().as_bytes();
    high[31] |= 0x80;
    keys.push(high);
    keys
}

#[test]
fn unsafe_public_keys_are_refused_wherever_they_stand() {
    for public in unsafe_keys() {
        assert!(PeerKey::parse(&public).is_err());
        for settings in all_settings(&[Mode::Datagram]) {
            let (mut initiator, mut responder) = Side::two(settings);
            let mut first = initiator.write();
            let at = FIRST_HEAD_LEN + settings.kem_len(1);
            let good = first.clone();
            first[at..at + 32].copy_from_slice(&public);
            assert_eq!(responder.refused(&first), ErrorKind::Format);
            if settings.hybrid == Hybrid::On {
                let mut first = good.clone();
                first[at - 32..at].copy_from_slice(&public);
                assert_eq!(responder.refused(&first), ErrorKind::Format);
                let mut first = good.clone();
                first[FIRST_HEAD_LEN..FIRST_HEAD_LEN + 3].copy_from_slice(&[0xff; 3]);
                assert_eq!(responder.refused(&first), ErrorKind::Format);
            }
            responder.read(&good).expect("the good one");
            let good = responder.write();
            let at = LATER_HEAD_LEN + settings.kem_len(2);
            let mut second = good.clone();
            second[at..at + 32].copy_from_slice(&public);
            assert_eq!(initiator.refused(&second), ErrorKind::Format);
            if settings.hybrid == Hybrid::On {
                let mut second = good.clone();
                second[at - 32..at].copy_from_slice(&public);
                assert_eq!(initiator.refused(&second), ErrorKind::Decrypt);
            }
            initiator.read(&good).expect("the good one");
            complete(&mut initiator, &mut responder);
        }
        // Under encryption: a peer that lies about its own key.
        for pattern in [Pattern::XX, Pattern::IK, Pattern::IKpsk2] {
            let settings = settings(pattern, Mode::Datagram, Hybrid::Off);
            let (mut initiator, mut responder) = Side::two(settings);
            initiator.keys[0].pair.as_mut().expect("a pair").public = public;
            let mut message = initiator.write();
            if pattern == Pattern::XX {
                responder.read(&message).expect("no static key yet");
                initiator.read(&responder.write()).expect("the responder is honest");
                message = initiator.write();
            }
            assert_eq!(responder.refused(&message), ErrorKind::Decrypt);
        }
    }
}

#[test]
fn strangers_and_refused_peers_get_no_answer() {
    for settings in all_settings(&[Mode::Stream, Mode::Datagram]) {
        if !settings.pattern.has_statics() {
            continue;
        }
        let (mut initiator, mut responder) = Side::two(settings);
        initiator.keys = vec![pair(9)];
        let first = initiator.write();
        let refused = match settings.pattern {
            Pattern::XX => {
                responder.read(&first).expect("no static key yet");
                initiator.read(&responder.write()).expect("the message holds");
                responder.refused(&initiator.write())
            }
            _ => responder.refused(&first),
        };
        let hidden = settings.pattern == Pattern::KK;
        let expected = if hidden { ErrorKind::Decrypt } else { ErrorKind::UnknownKey };
        assert_eq!(refused, expected, "{settings:?}");
        assert!(!responder.handshake.writes_next() && responder.handshake.peer().is_none());
    }
    for settings in all_settings(&[Mode::Datagram]) {
        if settings.pattern == Pattern::XX {
            continue;
        }
        let (mut initiator, mut responder) = Side::two(settings);
        let first = initiator.write();
        let refused = responder.read_asking(&first, &mut |_| Verdict::Refuse);
        assert_eq!(refused.expect_err("refused").kind(), ErrorKind::UnknownKey);
        responder.read(&first).expect("another answer of the callback");
        complete(&mut initiator, &mut responder);
    }
}

#[test]
fn any_peer_is_taken_where_the_callback_decides() {
    let settings = settings(Pattern::XX, Mode::Stream, Hybrid::Off);
    let (mut initiator, mut responder) = Side::two(settings);
    let first = initiator.write();
    let mut out = [0; MAX_CONTEXT_LEN];
    responder.read(&first).expect("the message holds");
    let second = responder.write();
    let party = Party { peers: Peers::Any, ..initiator.party() };
    let mut handshake = Handshake::initiator();
    let mut message = vec![0; MAX_MESSAGE_LEN];
    handshake.write(&party, NOTHING, &mut Counting(1 << 32), &mut message).expect("its turn");
    handshake.read(&party, &second, &mut accept, &mut out).expect("any peer");
    assert_eq!(handshake.peer(), Some(pair(2).public()));
}

#[test]
fn nobody_shakes_hands_with_themselves() {
    for settings in all_settings(&[Mode::Datagram]) {
        if !settings.pattern.has_statics() {
            continue;
        }
        // Both have one key, as where one's own messages are sent back.
        let (mut initiator, mut responder) = Side::two(settings);
        responder.keys = vec![pair(1)];
        assert_eq!(responder.refused(b""), ErrorKind::Misuse, "one's own key is pinned");
        let any = Party { peers: Peers::Any, ..initiator.party() };
        let mut out = [0; MAX_CONTEXT_LEN];
        if settings.pattern != Pattern::XX {
            initiator.peers = vec![pair(1).public()];
            assert!(matches!(initiator.write_with(NOTHING), Err(Error::Misuse(_))));
            continue;
        }
        let (mut one, mut other) = (Handshake::initiator(), Handshake::responder());
        let mut message = [0; MAX_MESSAGE_LEN];
        let mut random = Counting(5);
        let len = one.write(&any, NOTHING, &mut random, &mut message).expect("its turn");
        other.read(&any, &message[..len], &mut accept, &mut out).expect("no static key yet");
        let len = other.write(&any, NOTHING, &mut random, &mut message).expect("its turn");
        let read = one.read(&any, &message[..len], &mut accept, &mut out);
        assert_eq!(read.expect_err("its own key").kind(), ErrorKind::UnknownKey);
    }
}

#[test]
fn a_first_message_that_somebody_made_up_does_not_stop_the_genuine_one() {
    for settings in all_settings(&[Mode::Datagram]) {
        let (mut initiator, mut responder) = Side::two(settings);
        let mut other = Side::new(settings, Role::Initiator, 1, 2);
        other.random = Counting(99 << 32);
        let (injected, first) = (other.write(), initiator.write());
        responder.read(&injected).expect("it could be genuine");
        assert!(matches!(
            responder.refused(&first[..first.len() - 1]),
            ErrorKind::Format | ErrorKind::Decrypt
        ));
        responder.read(&first).expect("another first message takes its place");
        complete(&mut initiator, &mut responder);
        // After the answer too, where a third message is still to come.
        let (mut initiator, mut responder) = Side::two(settings);
        responder.read(&injected).expect("it could be genuine");
        responder.write();
        let read = responder.read(&initiator.write());
        match settings.pattern {
            Pattern::XX => {
                read.expect("another first message takes its place");
                complete(&mut initiator, &mut responder);
            }
            _ => assert!(matches!(read, Err(Error::Format { .. })), "it is finished"),
        }
    }
}

#[test]
fn a_pre_shared_key_of_zeros_is_misuse() {
    for pattern in [Pattern::NNpsk0, Pattern::IKpsk2] {
        let settings = settings(pattern, Mode::Stream, Hybrid::On);
        let (mut initiator, mut responder) = Side::two(settings);
        (initiator.psk, responder.psk) = (key(0), key(0));
        assert!(matches!(initiator.write_with(NOTHING), Err(Error::Misuse(_))));
        assert_eq!(responder.refused(b""), ErrorKind::Misuse);
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
fn a_party_that_does_not_fit_its_pattern_is_misuse() {
    let mut random = Counting(0);
    let mut out = [0; MAX_MESSAGE_LEN];
    for pattern in PATTERNS {
        let settings = settings(pattern, Mode::Stream, Hybrid::Off);
        let side = Side::new(settings, Role::Initiator, 1, 2);
        let party = side.party();
        let psk = key(5);
        let other_psk = if pattern.has_psk() { None } else { Some(&psk) };
        let two = [pair(2).public(), pair(3).public()];
        let mut wrong = vec![Party { psk: other_psk, ..party }];
        if pattern.has_statics() {
            wrong.push(Party { keys: &[], ..party });
        }
        if !matches!(pattern, Pattern::XX | Pattern::NNpsk0) {
            wrong.push(Party { peers: Peers::Any, ..party });
            wrong.push(Party { peers: Peers::Pinned(&two), ..party });
            wrong.push(Party { peers: Peers::Pinned(&[]), ..party });
        }
        for party in wrong {
            let mut handshake = Handshake::initiator();
            let written = handshake.write(&party, NOTHING, &mut random, &mut out);
            assert!(matches!(written, Err(Error::Misuse(_))), "{party:?}");
        }
        let mut handshake = Handshake::initiator();
        let written = handshake.write(&party, NOTHING, &mut random, &mut out[..20]);
        assert!(matches!(written, Err(Error::Misuse(_))));
        let long = vec![0; 65_536];
        let party = Party { prologue: &long, ..party };
        let written = handshake.write(&party, NOTHING, &mut random, &mut out);
        assert!(matches!(written, Err(Error::Limit(_))));
        let party = Party { prologue: &long[1..], ..party };
        handshake.write(&party, NOTHING, &mut random, &mut out).expect("nothing was spent");
    }
}

#[test]
fn contexts_are_bounded_and_are_contexts() {
    let settings = settings(Pattern::IK, Mode::Datagram, Hybrid::On);
    let (mut initiator, mut responder) = Side::two(settings);
    let mut bytes = [0; 2_000];
    let value = [7; 1_022];
    let too_long = Encoded::encode_into(&[("a", &value[1..])], &mut bytes).expect("a context");
    assert!(matches!(initiator.write_with(too_long), Err(Error::Limit(_))));
    let mut bytes = [0; 2_000];
    let reserved = Encoded::encode_into(&[("sealwax.x", b"")], &mut bytes).expect("a context");
    assert!(matches!(initiator.write_with(reserved), Err(Error::Misuse(_))));
    let mut bytes = [0; 2_000];
    let longest = Encoded::encode_into(&[("a", &value[2..])], &mut bytes).expect("a context");
    let first = initiator.write_with(longest).expect("it fits");
    assert_eq!(first.len(), MAX_MESSAGE_LEN);
    let mut out = [0xaa; MAX_CONTEXT_LEN - 1];
    let mut waiting = Handshake::responder();
    let read = waiting.read(&responder.party(), &first, &mut accept, &mut out);
    assert_eq!(read.expect_err("no room").kind(), ErrorKind::Limit);
    assert_eq!(responder.read(&first).expect("it holds").as_deref(), Some(longest.as_bytes()));

    let xx = Settings { pattern: Pattern::XX, ..settings };
    let (mut initiator, mut responder) = Side::two(xx);
    let mut bytes = [0; 100];
    let context = Encoded::encode_into(&[("a", b"b")], &mut bytes).expect("a context");
    assert!(matches!(initiator.write_with(context), Err(Error::Misuse(_))));
    let first = [initiator.write(), context.as_bytes().to_vec()].concat();
    assert_eq!(responder.refused(&first), ErrorKind::Decrypt);
    let (mut initiator, mut responder) = Side::two(Settings { hybrid: Hybrid::Off, ..xx });
    let first = [initiator.write(), context.as_bytes().to_vec()].concat();
    assert_eq!(responder.refused(&first), ErrorKind::Format);

    // With X-Wing anybody can seal a context into it.
    let (mut initiator, mut responder) = Side::two(xx);
    let mut exchange = Exchange::new();
    let public = *exchange.offer(&mut Counting(4)).expect("a source with luck");
    for said in [context.as_bytes(), &[1, 1]] {
        let party = initiator.party();
        let mut noise = party
            .begin(Role::Initiator, &public, party.primary().expect("one key"), None)
            .expect("it fits");
        let mut message = [&xx.head()[..], &public].concat();
        let head_len = message.len();
        message.resize(head_len + noise.message_len(said.len()), 0);
        noise
            .write(&party.psk(), said, &mut Counting(3), &mut message[head_len..])
            .expect("it fits");
        assert_eq!(responder.refused(&message), ErrorKind::Format);
        assert!(responder.handshake.is_waiting());
    }
    responder.read(&initiator.write()).expect("it is empty");
    complete(&mut initiator, &mut responder);

    // A peer that authenticates itself, and says what is no context.
    let settings = Settings { hybrid: Hybrid::Off, ..settings };
    let (initiator, mut responder) = Side::two(settings);
    let party = initiator.party();
    let known = party.known_peer().expect("one peer");
    let primary = party.primary().expect("one key");
    let mut noise = party.begin(Role::Initiator, &[], primary, known).expect("it fits");
    let mut message = settings.head().to_vec();
    message.resize(FIRST_HEAD_LEN + noise.message_len(2), 0);
    noise
        .write(&party.psk(), &[1, 1], &mut Counting(3), &mut message[FIRST_HEAD_LEN..])
        .expect("it fits");
    assert_eq!(responder.refused(&message), ErrorKind::Decrypt);
}

/// An identity of versions in these states, and its keyset.
fn identity() -> Keyset {
    Keyset::generate("identity", Algorithm::X25519).expect("a keyset")
}

#[test]
fn only_active_versions_take_part() {
    let now = Now::Seconds(2_000_000_000);
    type Change = fn(&mut Keyset, crate::id::VersionId, Now) -> Result<()>;
    let changes: [(Change, bool); 5] = [
        (|_, _, _| Ok(()), true),
        (|keyset, version, now| keyset.suspend(version, "", now), false),
        (|keyset, version, now| keyset.deactivate(version, "", now), false),
        (|keyset, version, now| keyset.mark_compromised(version, "", now), false),
        (
            |keyset, version, now| {
                keyset.suspend(version, "", now)?;
                keyset.resume(version, "", now)
            },
            true,
        ),
    ];
    for (change, stays) in changes {
        let mut keyset = identity();
        let old = keyset.primary().expect("a primary").id();
        let old_key = PeerKey::of(keyset.recipient().expect("a recipient")).expect("X25519");
        let new = keyset.rotate(Algorithm::X25519).expect("it can be rotated");
        let new_key = PeerKey::of(keyset.recipient().expect("a recipient")).expect("X25519");
        change(&mut keyset, old, now).expect("the table allows it");
        let pairs = KeyPair::of_keyset(&keyset).expect("the new one is active");
        assert_eq!(pairs[0].version().expect("of a keyset"), (keyset.id(), new));
        assert_eq!(pairs.len(), 1 + usize::from(stays));
        for (pinned, holds) in [(new_key, true), (old_key, stays)] {
            let settings = settings(Pattern::IK, Mode::Datagram, Hybrid::Off);
            let (mut initiator, mut responder) = Side::two(settings);
            initiator.peers = vec![pinned];
            responder.keys = KeyPair::of_keyset(&keyset).expect("the new one is active");
            let first = initiator.write();
            match holds {
                true => {
                    responder.read(&first).expect("an active version answers");
                    complete(&mut initiator, &mut responder);
                }
                false => assert_eq!(responder.refused(&first), ErrorKind::Decrypt),
            }
        }
    }
    let mut keyset = identity();
    let only = keyset.primary().expect("a primary").id();
    keyset.suspend(only, "lost", now).expect("the table allows it");
    let refused = KeyPair::of_keyset(&keyset).expect_err("no version is active");
    assert_eq!(refused.kind(), ErrorKind::KeyState);
    for algorithm in [Algorithm::XWing, Algorithm::Symmetric(Suite::ChaCha20Poly1305)] {
        let keyset = Keyset::generate("other", algorithm).expect("a keyset");
        let refused = KeyPair::of_keyset(&keyset).expect_err("no X25519 key pairs");
        assert_eq!(refused.kind(), ErrorKind::Misuse);
    }
}

#[test]
fn the_times_of_a_version_are_respected() {
    let mut keyset = identity();
    let version = keyset.primary().expect("a primary").id();
    keyset.schedule(version, None, Some(4_000_000_000)).expect("it can be scheduled");
    let settings = settings(Pattern::IK, Mode::Datagram, Hybrid::Off);
    for (now, holds) in [
        (Now::Seconds(3_999_999_999), true),
        (Now::Seconds(4_000_000_000), false),
        (Now::Unknown, false),
    ] {
        let (mut initiator, mut responder) = Side::two(settings);
        responder.keys = KeyPair::of_keyset(&keyset).expect("it is active");
        initiator.peers = vec![responder.keys[0].public()];
        responder.now = now;
        let first = initiator.write();
        match holds {
            true => drop(responder.read(&first).expect("within its time")),
            false => assert_eq!(responder.refused(&first), ErrorKind::KeyState),
        }
        let (mut initiator, _) = Side::two(settings);
        initiator.keys = KeyPair::of_keyset(&keyset).expect("it is active");
        initiator.now = now;
        let written = initiator.write_with(NOTHING).map(drop).map_err(|error| error.kind());
        assert_eq!(written, if holds { Ok(()) } else { Err(ErrorKind::KeyState) });
    }
}

#[test]
fn a_place_without_a_key_pair_takes_part_in_nothing() {
    for pattern in [Pattern::XX, Pattern::IK, Pattern::KK, Pattern::IKpsk2] {
        let settings = settings(pattern, Mode::Datagram, Hybrid::Off);
        let (mut initiator, mut responder) = Side::two(settings);
        let own = std::mem::replace(&mut initiator.keys, vec![KeyPair::vacant()]);
        assert!(matches!(initiator.write_with(NOTHING), Err(Error::Misuse(_))), "no key is shown");
        initiator.keys.extend(own);
        // Somebody who counts on zeros in an empty place.
        let mut stranger = Side::new(settings, Role::Initiator, 0, 2);
        stranger.peers = vec![pair(0).public()];
        stranger.keys = vec![pair(1)];
        let own = std::mem::replace(&mut responder.keys, vec![KeyPair::vacant()]);
        if pattern == Pattern::XX {
            assert_eq!(responder.refused(&initiator.write()), ErrorKind::Misuse);
        } else {
            let forged = stranger.write();
            assert_eq!(responder.refused(&forged), ErrorKind::Misuse);
            responder.keys.extend(own);
            assert_eq!(responder.refused(&forged), ErrorKind::Decrypt);
            responder.read(&initiator.write()).expect("the filled place answers");
            complete(&mut initiator, &mut responder);
        }
    }
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
fn own_keys_and_peers_have_bounds_of_their_own() {
    let tables = [
        (Pattern::IK, 16, 40, true),
        (Pattern::IK, 17, 1, false),
        (Pattern::KK, 4, 16, true),
        (Pattern::KK, 5, 1, false),
        (Pattern::KK, 1, 17, false),
    ];
    for (pattern, keys, peers, holds) in tables {
        let settings = settings(pattern, Mode::Datagram, Hybrid::Off);
        let (mut initiator, mut responder) = Side::two(settings);
        // The fitting ones are tried last.
        responder.keys = (100..100 + keys - 1).map(pair).chain([pair(2)]).collect();
        responder.peers = (200..200 + peers - 1)
            .map(|byte| pair(byte).public())
            .chain([pair(1).public()])
            .collect();
        let first = initiator.write();
        if holds {
            responder.read(&first).expect("the last key fits");
            complete(&mut initiator, &mut responder);
        } else {
            assert_eq!(responder.refused(&first), ErrorKind::Limit);
        }
    }
}

#[test]
fn a_random_source_that_fails_ends_the_handshake_it_fails_in() {
    struct Failing;
    impl Random for Failing {
        fn fill(&mut self, _: &mut [u8]) -> Result<()> {
            Err(Error::Random)
        }
    }
    for settings in all_settings(&[Mode::Datagram]) {
        let (mut initiator, mut responder) = Side::two(settings);
        let mut out = [0; MAX_MESSAGE_LEN];
        let mut handshake = Handshake::initiator();
        let party = initiator.party();
        let written = handshake.write(&party, NOTHING, &mut Failing, &mut out);
        assert_eq!(written.expect_err("no randomness").kind(), ErrorKind::Random);
        handshake.write(&party, NOTHING, &mut OsRandom, &mut out).expect("nothing was spent");
        responder.read(&initiator.write()).expect("the message holds");
        let mut handshake = std::mem::replace(&mut responder.handshake, Handshake::responder());
        let written = handshake.write(&responder.party(), NOTHING, &mut Failing, &mut out);
        assert_eq!(written.expect_err("no randomness").kind(), ErrorKind::Random);
        let written = handshake.write(&responder.party(), NOTHING, &mut OsRandom, &mut out);
        assert_eq!(written.expect_err("it has failed").kind(), ErrorKind::Misuse);
    }
}

/// A source that says always the same.
struct Same;

impl Random for Same {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        out.fill(7);
        Ok(())
    }
}

#[test]
fn a_source_that_repeats_makes_no_ephemeral_key_twice() {
    let mut bytes = [[0; 20]; 2];
    let [one, other] = &mut bytes;
    let contexts = [
        Encoded::encode_into(&[("a", b"1")], one).expect("a context"),
        Encoded::encode_into(&[("a", b"2")], other).expect("a context"),
    ];
    for settings in all_settings(&[Mode::Stream]) {
        let first = |own: u8, prologue: &[u8], context: Encoded<'_>| {
            let mut side = Side::new(settings, Role::Initiator, own, 2);
            side.psk = key(own + 70);
            let mut out = vec![0; MAX_MESSAGE_LEN];
            let party = Party { prologue, ..side.party() };
            let written = Handshake::initiator().write(&party, context, &mut Same, &mut out);
            out.truncate(written.expect("it is its turn"));
            out
        };
        let e = |message: &[u8], number: u8, head_len: usize| {
            message[head_len + settings.kem_len(number)..][..32].to_vec()
        };
        let usual = first(1, b"test", NOTHING);
        assert_eq!(usual, first(1, b"test", NOTHING), "the source is all that is random");
        let mut others = vec![first(3, b"test", NOTHING), first(1, b"other", NOTHING)];
        if settings.pattern != Pattern::XX {
            others.extend(contexts.map(|context| first(1, b"test", context)));
        }
        let mut seen = vec![e(&usual, 1, FIRST_HEAD_LEN)];
        seen.extend(others.iter().map(|message| e(message, 1, FIRST_HEAD_LEN)));
        // Answers to two messages that differ.
        for random in [1, 2] {
            let (mut initiator, mut responder) = Side::two(settings);
            initiator.random = Counting(random << 40);
            responder.read(&initiator.write()).expect("the message holds");
            let mut handshake = std::mem::replace(&mut responder.handshake, Handshake::responder());
            let mut out = vec![0; MAX_MESSAGE_LEN];
            handshake
                .write(&responder.party(), NOTHING, &mut Same, &mut out)
                .expect("it is its turn");
            seen.push(e(&out, 2, LATER_HEAD_LEN));
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count, "{settings:?}");
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

/// The secrets of our own vectors, which the public calls do not show.
#[test]
fn our_own_vectors_end_with_their_secrets() {
    use crate::primitives::kem::x_wing_encapsulate_derand;
    use crate::shared_vectors::{unhex, unhex_array};
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut ran = 0;
    for file in std::fs::read_dir(folder).expect("the vectors are here") {
        let path = file.expect("the folder can be listed").path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("handshake-")) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a vector can be read");
        let vector: serde_json::Value = serde_json::from_str(&text).expect("a vector is JSON");
        let hex = |name: &str| vector[name].as_str().expect("hex");
        let step = |name: &str| vector["intermediates"][name].as_str().map(unhex);
        let byte = |name: &str| u8::try_from(vector[name].as_u64().expect("a number")).expect("u8");
        let suite = Suite::from_u8(byte("suite")).expect("a suite");
        let pattern = Pattern::from_u8(byte("pattern")).expect("a pattern");
        let hybrid = if byte("hybrid") == 1 { Hybrid::On } else { Hybrid::Off };
        let mut given = Key::<Psk>::zeroed();
        if pattern.has_psk() {
            *given.expose_bytes_mut() = unhex_array(hex("psk"));
        }
        let mut psk = Key::<Psk>::zeroed();
        *psk.expose_bytes_mut() = *given.expose_bytes();
        if hybrid == Hybrid::On {
            let seed = unhex_array(hex("seed"));
            let public = crate::primitives::kem::XWing::expand(&seed).public();
            let encapsulation = unhex_array(hex("encapsulation"));
            let (enc, shared) = x_wing_encapsulate_derand(&public, &encapsulation).expect("good");
            assert_eq!(Some(shared.to_vec()), step("ss"), "{path:?}");
            let first = unhex(vector["messages"][0].as_str().expect("hex"));
            let head = &first[..FIRST_HEAD_LEN];
            psk = crate::derive::hybrid_psk(&given, suite, head, &shared, &public, &enc);
            assert_eq!(Some(psk.expose_bytes().to_vec()), step("psk"), "{path:?}");
        }
        let pair = |name: &str| match hex(name) {
            "" => None,
            private => {
                let mut key = Key::zeroed();
                *key.expose_bytes_mut() = unhex_array(private);
                Some(KeyPair::new(&key))
            }
        };
        let (initiator, responder) = (pair("initiator_static"), pair("responder_static"));
        let side = |role, own: &Option<KeyPair>, other: &Option<KeyPair>| {
            let shape = pattern.shape(hybrid);
            let other_role =
                if role == Role::Initiator { Role::Responder } else { Role::Initiator };
            let other = other.as_ref().map(|pair| pair.public().0);
            let rs = other.as_ref().filter(|_| shape.is_known_before(other_role));
            let s = own.as_ref().and_then(|own| own.pair.as_ref());
            let prologue = step("prologue").expect("a prologue");
            let before = Before { shape, suite, role, prologue: &[&prologue], s, rs };
            Noise::initialize(&before).expect("all is given")
        };
        let mut sides = [
            side(Role::Initiator, &initiator, &responder),
            side(Role::Responder, &responder, &initiator),
        ];
        assert_eq!(Some(sides[0].symmetric().handshake_hash().to_vec()), step("start.h"));
        let settings = Settings { pattern, suite, mode: Mode::Stream, hybrid };
        for (at, message) in vector["messages"].as_array().expect("a list").iter().enumerate() {
            let number = at as u8 + 1;
            let head_len = if number == 1 { FIRST_HEAD_LEN } else { LATER_HEAD_LEN };
            let message = unhex(message.as_str().expect("hex"));
            let message = &message[head_len + settings.kem_len(number)..];
            let mut random = Fixed(unhex(hex(match at % 2 {
                0 => "initiator_ephemeral",
                _ => "responder_ephemeral",
            })));
            let psk = if number == 1 { &given } else { &psk };
            let [one, two] = &mut sides;
            let (writer, reader) = if at % 2 == 0 { (one, two) } else { (two, one) };
            let mut payload = [0; MAX_CONTEXT_LEN];
            let (heard, len) = reader.read(psk, message, &mut payload).expect("it holds");
            reader.advance(heard);
            let mut out = vec![0; writer.message_len(len)];
            writer.write(psk, &payload[..len], &mut random, &mut out).expect("its turn");
            assert_eq!(out, message, "{path:?}");
            let h = step(&format!("message{number}.h"));
            assert_eq!(Some(writer.symmetric().handshake_hash().to_vec()), h, "{path:?}");
        }
        for side in &sides {
            let (first, second) = side.symmetric().split();
            assert_eq!(first.expose_bytes().to_vec(), unhex(hex("initiator_to_responder")));
            assert_eq!(second.expose_bytes().to_vec(), unhex(hex("responder_to_initiator")));
            assert_eq!(side.symmetric().handshake_hash().to_vec(), unhex(hex("binding")));
        }
        ran += 1;
    }
    assert_eq!(ran, 20);
}

/// A source that gives these bytes, once.
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let given: Vec<u8> = self.0.drain(..out.len()).collect();
        out.copy_from_slice(&given);
        Ok(())
    }
}

#[test]
fn messages_have_the_lengths_that_the_format_states() {
    let lengths: [(Pattern, [&[usize]; 2]); 3] = [
        (Pattern::XX, [&[38, 98, 66], &[1_270, 1_218, 66]]),
        (Pattern::IK, [&[102, 50], &[1_318, 1_170]]),
        (Pattern::KK, [&[54, 50], &[1_270, 1_170]]),
    ];
    for (pattern, both) in lengths {
        for (hybrid, stated) in [Hybrid::Off, Hybrid::On].into_iter().zip(both) {
            let (mut initiator, mut responder) =
                Side::two(settings(pattern, Mode::Datagram, hybrid));
            let mut lengths = Vec::new();
            while !initiator.handshake.is_finished() || !responder.handshake.is_finished() {
                let (writer, reader) = match initiator.handshake.writes_next() {
                    true => (&mut initiator, &mut responder),
                    false => (&mut responder, &mut initiator),
                };
                let message = writer.write();
                reader.read(&message).expect("the message holds");
                lengths.push(message.len());
            }
            assert_eq!(lengths, stated, "{pattern:?} {hybrid:?}");
        }
    }
}
