// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes, records and kept sessions, whose private keys, pre-shared keys and random bytes are secret.

use sealwax::context::Encoded;
use sealwax::rng::{Now, Random};
use sealwax::secret::Key;
use sealwax::transit::{
    EXPORT_LEN, Handshake, Hybrid, Keeping, KeyPair, Limits, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN,
    Mode, Party, Pattern, Peer, PeerKey, Peers, Session, Settings, Verdict,
};
use sealwax::{Error, Result, Suite};

use crate::Secretive;
use crate::valgrind::{mark_public, mark_public_within};

const DATA: &[u8] = &[0x52; 100];

fn secret<P>(seed: u64) -> Key<P> {
    Key::init_with(|bytes| Secretive(seed).fill(bytes)).expect("it never fails")
}

/// A key pair whose public half everybody may see.
fn pair(seed: u64) -> KeyPair {
    let pair = KeyPair::new(&secret(seed));
    let public = pair.public();
    mark_public(public.as_bytes());
    mark_public_within(&pair, public.as_bytes());
    pair
}

struct Side {
    handshake: Handshake,
    keys: [KeyPair; 1],
    peers: Vec<PeerKey>,
    random: Secretive,
}

fn sides() -> [Side; 2] {
    let (one, other) = (pair(21), pair(22));
    let (of_one, of_other) = (vec![one.public()], vec![other.public()]);
    [
        Side {
            handshake: Handshake::initiator(),
            keys: [one],
            peers: of_other,
            random: Secretive(23),
        },
        Side {
            handshake: Handshake::responder(),
            keys: [other],
            peers: of_one,
            random: Secretive(24),
        },
    ]
}

impl Side {
    fn with_party<R>(
        &mut self,
        settings: Settings,
        work: impl FnOnce(&mut Handshake, &Party<'_>, &mut Secretive) -> R,
    ) -> R {
        let psk = secret(25);
        let has_psk = matches!(settings.pattern, Pattern::NNpsk0 | Pattern::IKpsk2);
        let party = Party {
            settings,
            prologue: b"constant time",
            keys: &self.keys,
            peers: Peers::Pinned(&self.peers),
            psk: has_psk.then_some(&psk),
            now: Now::Unknown,
        };
        work(&mut self.handshake, &party, &mut self.random)
    }

    fn write(&mut self, settings: Settings) -> Vec<u8> {
        let mut out = vec![0; MAX_MESSAGE_LEN];
        let written = self.with_party(settings, |handshake, party, random| {
            handshake.write(party, Encoded::EMPTY, random, &mut out)
        });
        out.truncate(written.expect("it is its turn"));
        mark_public(&out);
        out
    }

    fn read(&mut self, settings: Settings, message: &[u8]) -> Result<()> {
        let mut out = [0; MAX_CONTEXT_LEN];
        let mut accept = |_: &Peer<'_>| Verdict::Accept;
        self.with_party(settings, |handshake, party, _| {
            handshake.read(party, message, &mut accept, &mut out).map(|_| ())
        })
    }
}

fn settings(pattern: Pattern, suite: Suite, hybrid: Hybrid) -> Settings {
    Settings { pattern, suite, mode: Mode::Datagram, hybrid }
}

/// Two sessions, after a handshake whose messages are each handed to `between` before they arrive.
fn sessions(settings: Settings, between: impl FnMut(&mut Side, &[u8])) -> [Session; 2] {
    limited_sessions(settings, &Limits::of(settings.suite), between)
}

fn limited_sessions(
    settings: Settings,
    limits: &Limits,
    mut between: impl FnMut(&mut Side, &[u8]),
) -> [Session; 2] {
    let mut sides = sides();
    while let Some(writer) = sides.iter().position(|side| side.handshake.writes_next()) {
        let message = sides[writer].write(settings);
        between(&mut sides[1 - writer], &message);
        sides[1 - writer].read(settings, &message).expect("the message holds");
    }
    sides.map(|mut side| {
        let mut session = Session::closed();
        session.begin(&mut side.handshake, limits, 0).expect("it is finished");
        session
    })
}

/// Data from one side to the other.
fn exchange(sessions: &mut [Session; 2], from: usize) {
    let (mut record, mut out) = ([0; 200], [0; 200]);
    let sealed = sessions[from].seal_into(0, DATA, b"associated", &mut record);
    let record = &record[..sealed.expect("it may speak")];
    mark_public(record);
    let opened = sessions[1 - from].open_into(0, record, b"associated", &mut out);
    let len = opened.expect("as sealed").len;
    mark_public(&out);
    assert_eq!(&out[..len], DATA);
}

pub fn handshake(pattern: Pattern, hybrid: Hybrid) {
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let mut sessions = sessions(settings(pattern, suite, hybrid), |_, _| {});
        exchange(&mut sessions, 0);
        exchange(&mut sessions, 1);
    }
}

/// The last byte, which is a tag's where there is a tag, and one of what was encrypted before it.
pub fn changed_messages() {
    for pattern in [Pattern::XX, Pattern::IK, Pattern::KK, Pattern::NNpsk0, Pattern::IKpsk2] {
        let settings = settings(pattern, Suite::ChaCha20Poly1305, Hybrid::Off);
        sessions(settings, |reader, message| {
            if pattern == Pattern::XX && message[0] == 0x20 {
                return;
            }
            for from_end in [1, 17] {
                let mut changed = message.to_vec();
                let at = changed.len() - from_end;
                changed[at] ^= 1;
                reader.read(settings, &changed).expect_err("it was changed");
            }
        });
    }
}

pub fn peers() {
    let settings = settings(Pattern::IK, Suite::ChaCha20Poly1305, Hybrid::Off);
    let others: Vec<PeerKey> = (31..35).map(|seed| pair(seed).public()).collect();
    sessions(settings, |reader, message| {
        if message[0] == 0x20 {
            let one = reader.peers[0];
            reader.peers = others.clone();
            let refused = reader.read(settings, message);
            assert!(matches!(refused, Err(Error::UnknownKey(_))));
            reader.peers.push(one);
        }
    });
}

pub fn records(suite: Suite) {
    let settings = settings(Pattern::KK, suite, Hybrid::Off);
    let mut sessions = sessions(settings, |_, _| {});
    for round in 0..4 {
        exchange(&mut sessions, round % 2);
        sessions[round % 2].sending().rekey();
        let (mut record, mut out) = ([0; 200], [0; 200]);
        let [sender, receiver] = &mut sessions;
        let sealed = sender.sending().seal_padded_into(0, DATA, 64, b"", &mut record);
        let record = &mut record[..sealed.expect("it may speak")];
        mark_public(record);
        for at in [20, record.len() - 1] {
            record[at] ^= 1;
            receiver.open_into(0, record, b"", &mut out).expect_err("it was changed");
            record[at] ^= 1;
        }
        receiver.open_into(0, record, b"", &mut out).expect("as sealed");
    }
}

/// What is stored of a session, and what is stored when somebody changed it. What an import takes out of it (mode, role, age
/// and places) is no secret, but for the chains.
pub fn kept() {
    let settings = settings(Pattern::KK, Suite::ChaCha20Poly1305, Hybrid::Off);
    let (device, limits) = (secret(26), Limits::of(settings.suite).kept());
    let mut sessions = limited_sessions(settings, &limits, |_, _| {});
    let keeping = Keeping { device: &device, slot: b"slot" };
    let mut stored = [0; EXPORT_LEN];
    for session in &mut sessions {
        let mut store = |kept: &[u8; EXPORT_LEN]| {
            stored = *kept;
            Ok(())
        };
        session.reserve(9, &keeping, &mut Secretive(27), &mut store).expect("it is open");
    }
    exchange(&mut sessions, 0);
    mark_public(&stored);
    let peer = pair(21).public();
    for from_end in [1, 20] {
        stored[EXPORT_LEN - from_end] ^= 1;
        let mut again = Session::closed();
        let imported = again.import(&stored, &keeping, Some(&peer), &limits, 0);
        assert!(matches!(imported, Err(Error::Decrypt)));
    }
}
