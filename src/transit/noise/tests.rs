// SPDX-License-Identifier: MIT OR Apache-2.0
//! The core of the handshake against other people's vectors, and in lock-step with two other implementations.

use std::collections::BTreeMap;

use clatter::NqHandshake;
use clatter::bytearray::ByteArray;
use clatter::crypto::cipher::{AesGcm, ChaChaPoly};
use clatter::crypto::dh::X25519;
use clatter::crypto::hash::Sha256;
use clatter::handshakepattern::{HandshakePattern, noise_ik, noise_kk, noise_nn, noise_xx};
use clatter::traits::{Cipher, Dh, Handshaker};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::primitives::{AeadKey, NONCE_LEN};
use crate::secret::Traffic;
use crate::shared_vectors::{Tally, folder, text, unhex, unhex_array};
use crate::transit::identity::{KeyPair, PeerKey};
use crate::transit::pattern::Base;
use crate::transit::{Hybrid, Pattern};

const SUITES: [Suite; 2] = [Suite::Cobblestone256, Suite::ChaCha20Poly1305];
const PATTERNS: [Pattern; 5] =
    [Pattern::XX, Pattern::IK, Pattern::KK, Pattern::NNpsk0, Pattern::IKpsk2];

/// A source that gives these bytes, once.
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let given: Vec<u8> = self.0.drain(..out.len()).collect();
        out.copy_from_slice(&given);
        Ok(())
    }
}

fn key<P>(bytes: &[u8; 32]) -> Key<P> {
    let mut key = Key::zeroed();
    *key.expose_bytes_mut() = *bytes;
    key
}

/// Everything that one handshake starts from.
#[derive(Clone, Debug)]
struct Start {
    shape: Shape,
    suite: Suite,
    prologue: Vec<u8>,
    /// The initiator's and the responder's.
    statics: [[u8; 32]; 2],
    ephemerals: [[u8; 32]; 2],
    /// Psk n in place n.
    psks: [[u8; 32]; 4],
}

impl Start {
    fn side(&self, role: Role) -> Noise {
        let at = usize::from(role == Role::Responder);
        let own = KeyPair::new(&key(&self.statics[at]));
        let other = KeyPair::new(&key(&self.statics[1 - at])).public();
        let knows = match role {
            Role::Initiator => self.shape.is_known_before(Role::Responder),
            Role::Responder => self.shape.is_known_before(Role::Initiator),
        };
        let rs = knows.then_some(other.as_bytes());
        let prologue: &[&[u8]] = &[&self.prologue];
        let Start { shape, suite, .. } = *self;
        let before = Before { shape, suite, role, prologue, s: own.pair.as_ref(), rs };
        Noise::initialize(&before).expect("all keys are given")
    }

    /// The psk of the message with this index.
    fn psk(&self, index: u8) -> Key<Psk> {
        let first = index == 0 && self.shape.psks & 1 != 0;
        key(&self.psks[if first { 0 } else { usize::from(index) + 1 }])
    }
}

fn write(noise: &mut Noise, start: &Start, payload: &[u8]) -> Vec<u8> {
    let index = noise.number() - 1;
    let mut message = vec![0; noise.message_len(payload.len())];
    let mut random = Fixed(start.ephemerals[usize::from(noise.role == Role::Responder)].to_vec());
    noise.write(&start.psk(index), payload, &mut random, &mut message).expect("it is its turn");
    message
}

fn read(noise: &mut Noise, start: &Start, message: &[u8]) -> Vec<u8> {
    let mut out = vec![0; message.len()];
    let (heard, len) =
        noise.read(&start.psk(noise.number() - 1), message, &mut out).expect("the message holds");
    noise.advance(heard);
    out.truncate(len);
    out
}

/// All messages of a handshake between two of ours, its hash, and the two keys of Split().
fn run(start: &Start, payloads: &[Vec<u8>]) -> (Vec<Vec<u8>>, [u8; 32], [Key<Traffic>; 2]) {
    let (mut writer, mut reader) = (start.side(Role::Initiator), start.side(Role::Responder));
    let mut messages = Vec::new();
    for payload in &payloads[..usize::from(start.shape.len())] {
        assert!(writer.writes_next() && !reader.writes_next());
        let message = write(&mut writer, start, payload);
        assert_eq!(&read(&mut reader, start, &message), payload);
        messages.push(message);
        (writer, reader) = (reader, writer);
    }
    assert!(writer.is_finished() && reader.is_finished());
    let (one, other) = (writer.symmetric(), reader.symmetric());
    assert_eq!(one.handshake_hash(), other.handshake_hash());
    let (first, second) = one.split();
    let (first_too, second_too) = other.split();
    assert_eq!(first.expose_bytes(), first_too.expose_bytes());
    assert_eq!(second.expose_bytes(), second_too.expose_bytes());
    (messages, one.handshake_hash(), [first, second])
}

/// A message after the handshake: Noise section 5.1 with the n-th nonce.
fn transport(suite: Suite, key: &Key<Traffic>, n: u64, payload: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE_LEN];
    nonce[4..].copy_from_slice(&match suite {
        Suite::Cobblestone256 => n.to_be_bytes(),
        Suite::ChaCha20Poly1305 => n.to_le_bytes(),
    });
    let mut message = payload.to_vec();
    let tag = AeadKey::new(suite, key.expose_bytes()).seal_in_place(&nonce, &[], &mut message);
    message.extend_from_slice(&tag);
    message
}

/// What stands behind a name of Noise; none where it is not ours.
fn parse_name(name: &str) -> Option<(Shape, Suite)> {
    let rest = name.strip_prefix("Noise_").expect("a name begins so");
    let (pattern, algorithms) = rest.split_once('_').expect("a name has a pattern");
    let suite = match algorithms {
        "25519_AESGCM_SHA256" => Suite::Cobblestone256,
        "25519_ChaChaPoly_SHA256" => Suite::ChaCha20Poly1305,
        _ => return None,
    };
    let modifiers = pattern.get(2..).filter(|rest| rest.is_empty() || rest.starts_with("psk"))?;
    let base = match &pattern[..2] {
        "NN" => Base::NN,
        "IK" => Base::IK,
        "KK" => Base::KK,
        "XX" => Base::XX,
        _ => return None,
    };
    let mut psks = 0;
    for modifier in modifiers.split('+').filter(|modifier| !modifier.is_empty()) {
        psks |= 1 << modifier["psk".len()..].parse::<u8>().expect("a number");
    }
    // One message has one psk here.
    (psks & 0b11 != 0b11).then_some((Shape { base, psks }, suite))
}

#[test]
fn names_are_those_of_the_specification() {
    for name in ["NN", "NNpsk0", "NNpsk0+psk2", "IK", "IKpsk2", "KK", "KKpsk2", "XX", "XXpsk2"] {
        let whole = format!("Noise_{name}_25519_AESGCM_SHA256");
        let (shape, _) = parse_name(&whole).expect("it is one of ours");
        assert_eq!(shape.name().as_bytes(), name.as_bytes());
    }
}

#[test]
fn the_vectors_of_cacophony_and_snow_hold() {
    let Some(folder) = folder("noise") else { return };
    let mut ran: BTreeMap<String, usize> = BTreeMap::new();
    let mut tally = Tally::default();
    for file in ["cacophony.txt", "snow.txt"] {
        let json: Value = serde_json::from_str(&text(&folder, file)).expect("the file is JSON");
        for vector in json["vectors"].as_array().expect("a list of vectors") {
            let name = vector["protocol_name"].as_str().expect("a name");
            match parse_name(name) {
                Some((shape, suite)) => {
                    run_vector(vector, shape, suite);
                    *ran.entry(name.into()).or_default() += 1;
                    tally.ran += 1;
                }
                None if name.ends_with("_25519_AESGCM_SHA256")
                    || name.ends_with("_25519_ChaChaPoly_SHA256") =>
                {
                    tally.skip("a pattern that is not offered");
                }
                None => tally.skip("algorithms that are not offered"),
            }
        }
    }
    println!("{ran:?}");
    for pattern in PATTERNS {
        for hybrid in [Hybrid::Off, Hybrid::On] {
            let shape = pattern.shape(hybrid);
            let mut name = String::from_utf8(shape.name().as_bytes().to_vec()).expect("ASCII");
            // Nobody has vectors of the one without the other.
            if name == "XXpsk2" {
                name = "XXpsk0+psk2".into();
            }
            for algorithms in ["25519_AESGCM_SHA256", "25519_ChaChaPoly_SHA256"] {
                let name = format!("Noise_{name}_{algorithms}");
                assert!(ran.contains_key(&name), "no vector of {name} ran");
            }
        }
    }
    tally.finish("Noise", 30);
}

fn run_vector(vector: &Value, shape: Shape, suite: Suite) {
    let known = [
        "protocol_name",
        "init_prologue",
        "init_psks",
        "init_static",
        "init_ephemeral",
        "init_remote_static",
        "resp_prologue",
        "resp_psks",
        "resp_static",
        "resp_ephemeral",
        "resp_remote_static",
        "handshake_hash",
        "messages",
    ];
    for field in vector.as_object().expect("a vector is an object").keys() {
        assert!(known.contains(&field.as_str()), "unknown field {field}");
    }
    let optional = |field: &str| vector[field].as_str().map_or([0; 32], unhex_array);
    let prologue = unhex(vector["init_prologue"].as_str().expect("a prologue"));
    assert_eq!(vector["init_prologue"], vector["resp_prologue"]);
    assert_eq!(vector["init_psks"], vector["resp_psks"]);
    let mut given = vector["init_psks"].as_array().into_iter().flatten();
    let psks = std::array::from_fn(|at| match shape.psks & 1 << at {
        0 => [0; 32],
        _ => unhex_array(given.next().and_then(Value::as_str).expect("a psk for each modifier")),
    });
    let start = Start {
        shape,
        suite,
        prologue,
        statics: [optional("init_static"), optional("resp_static")],
        ephemerals: [optional("init_ephemeral"), optional("resp_ephemeral")],
        psks,
    };
    for (field, own) in [("init_remote_static", 1), ("resp_remote_static", 0)] {
        if let Some(public) = vector[field].as_str() {
            let own = KeyPair::new(&key(&start.statics[own])).public();
            assert_eq!(own.as_bytes(), &unhex_array(public));
        }
    }
    let messages = vector["messages"].as_array().expect("a list of messages");
    let hex = |message: &Value, field: &str| unhex(message[field].as_str().expect("hex"));
    let payloads: Vec<Vec<u8>> = messages.iter().map(|message| hex(message, "payload")).collect();
    let (ours, hash, keys) = run(&start, &payloads);
    let name = &vector["protocol_name"];
    for (ours, theirs) in ours.iter().zip(messages) {
        assert_eq!(ours, &hex(theirs, "ciphertext"), "{name}");
    }
    if let Some(theirs) = vector["handshake_hash"].as_str() {
        assert_eq!(hash.to_vec(), unhex(theirs), "{name}");
    }
    // The messages after the handshake go on in turns.
    for (at, message) in messages.iter().enumerate().skip(ours.len()) {
        let (side, n) = (at % 2, ((at - ours.len()) / 2) as u64);
        let ours = transport(suite, &keys[side], n, &hex(message, "payload"));
        assert_eq!(ours, hex(message, "ciphertext"), "{name}");
    }
}

fn snow_side(start: &Start, role: Role) -> snow::HandshakeState {
    let at = usize::from(role == Role::Responder);
    let algorithms = match start.suite {
        Suite::Cobblestone256 => "25519_AESGCM_SHA256",
        Suite::ChaCha20Poly1305 => "25519_ChaChaPoly_SHA256",
    };
    let pattern = String::from_utf8(start.shape.name().as_bytes().to_vec()).expect("ASCII");
    let name = format!("Noise_{pattern}_{algorithms}");
    let other = KeyPair::new(&key(&start.statics[1 - at])).public();
    let mut builder = snow::Builder::new(name.parse().expect("snow knows the name"))
        .prologue(&start.prologue)
        .expect("a prologue")
        .fixed_ephemeral_key_for_testing_only(&start.ephemerals[at]);
    if start.shape.base != Base::NN {
        builder = builder.local_private_key(&start.statics[at]).expect("a key");
    }
    let other_role = if role == Role::Initiator { Role::Responder } else { Role::Initiator };
    if start.shape.is_known_before(other_role) {
        builder = builder.remote_public_key(other.as_bytes()).expect("a key");
    }
    for number in 0..4u8 {
        if start.shape.psks & 1 << number != 0 {
            builder = builder.psk(number, &start.psks[usize::from(number)]).expect("a psk");
        }
    }
    match role {
        Role::Initiator => builder.build_initiator().expect("all is given"),
        Role::Responder => builder.build_responder().expect("all is given"),
    }
}

type Clatter<C> = NqHandshake<X25519, C, Sha256>;

fn clatter_side<C: Cipher>(start: &Start, role: Role) -> Clatter<C> {
    let pattern: HandshakePattern = match start.shape.base {
        Base::NN => noise_nn(),
        Base::IK => noise_ik(),
        Base::KK => noise_kk(),
        Base::XX => noise_xx(),
    };
    let numbers: Vec<usize> = (0..4).filter(|n| start.shape.psks & 1 << n != 0).collect();
    let name = String::from_utf8(start.shape.name().as_bytes().to_vec()).expect("ASCII");
    let pattern = match numbers.is_empty() {
        true => pattern,
        false => pattern.add_psks(&numbers, name.leak()),
    };
    let at = usize::from(role == Role::Responder);
    let pair = |private: &[u8; 32]| {
        let public = X25519::pubkey(&clatter::bytearray::SensitiveByteArray::from_slice(private));
        clatter::KeyPair {
            public,
            secret: clatter::bytearray::SensitiveByteArray::from_slice(private),
        }
    };
    let other = KeyPair::new(&key(&start.statics[1 - at])).public();
    let other_role = if role == Role::Initiator { Role::Responder } else { Role::Initiator };
    let knows = start.shape.is_known_before(other_role);
    let mut side = Clatter::<C>::new(
        pattern,
        &start.prologue,
        role == Role::Initiator,
        (start.shape.base != Base::NN).then(|| pair(&start.statics[at])),
        Some(pair(&start.ephemerals[at])),
        knows.then(|| *other.as_bytes()),
        None,
    )
    .expect("all is given");
    numbers.iter().for_each(|number| side.push_psk(&start.psks[*number]));
    side
}

/// What the other implementations are, one message at a time.
trait Other {
    fn write(&mut self, payload: &[u8]) -> Vec<u8>;
    fn read(&mut self, message: &[u8]) -> Vec<u8>;
}

impl Other for snow::HandshakeState {
    fn write(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 65_535];
        let len = self.write_message(payload, &mut out).expect("it is its turn");
        out.truncate(len);
        out
    }

    fn read(&mut self, message: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 65_535];
        let len = self.read_message(message, &mut out).expect("the message holds");
        out.truncate(len);
        out
    }
}

impl<C: Cipher> Other for Clatter<C> {
    fn write(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 65_535];
        let len = self.write_message(payload, &mut out).expect("it is its turn");
        out.truncate(len);
        out
    }

    fn read(&mut self, message: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 65_535];
        let len = self.read_message(message, &mut out).expect("the message holds");
        out.truncate(len);
        out
    }
}

/// Ours on one side and another implementation on the other; every message is that of two of ours.
fn lock_step<O: Other>(
    start: &Start,
    role: Role,
    mut other: O,
    payloads: &[Vec<u8>],
    expected: &[Vec<u8>],
) -> O {
    let mut ours = start.side(role);
    for (payload, expected) in payloads.iter().zip(expected) {
        match ours.writes_next() {
            true => {
                let message = write(&mut ours, start, payload);
                assert_eq!(&message, expected);
                assert_eq!(&other.read(&message), payload);
            }
            false => {
                let message = other.write(payload);
                assert_eq!(&message, expected);
                assert_eq!(&read(&mut ours, start, &message), payload);
            }
        }
    }
    assert!(ours.is_finished());
    other
}

fn check_with_snow(start: &Start, payloads: &[Vec<u8>]) {
    let (expected, hash, keys) = run(start, payloads);
    for role in [Role::Initiator, Role::Responder] {
        let other_role = if role == Role::Initiator { Role::Responder } else { Role::Initiator };
        let snow = snow_side(start, other_role);
        let snow = lock_step(start, role, snow, payloads, &expected);
        assert_eq!(snow.get_handshake_hash(), hash);
        let mut session = snow.into_transport_mode().expect("the handshake is finished");
        let mut out = vec![0; 100];
        let len = session.write_message(b"after", &mut out).expect("it can be sealed");
        let side = usize::from(other_role == Role::Responder);
        assert_eq!(out[..len], transport(start.suite, &keys[side], 0, b"after"));
    }
}

fn check_with_clatter<C: Cipher>(start: &Start, payloads: &[Vec<u8>]) {
    let (expected, hash, keys) = run(start, payloads);
    for role in [Role::Initiator, Role::Responder] {
        let other_role = if role == Role::Initiator { Role::Responder } else { Role::Initiator };
        let other = clatter_side::<C>(start, other_role);
        let other = lock_step(start, role, other, payloads, &expected);
        let mut session = other.finalize().expect("the handshake is finished");
        assert_eq!(session.get_handshake_hash().as_slice(), hash);
        let mut out = vec![0; 100];
        let len = session.send(b"after", &mut out).expect("it can be sealed");
        let side = usize::from(other_role == Role::Responder);
        assert_eq!(out[..len], transport(start.suite, &keys[side], 0, b"after"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn every_pattern_goes_in_lock_step_with_snow_and_clatter(
        prologue in prop::collection::vec(any::<u8>(), 0..200),
        statics: [[u8; 32]; 2],
        ephemerals: [[u8; 32]; 2],
        psks: [[u8; 32]; 4],
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1100), 3),
    ) {
        for suite in SUITES {
            for pattern in PATTERNS {
                for hybrid in [Hybrid::Off, Hybrid::On] {
                    let shape = pattern.shape(hybrid);
                    let prologue = prologue.clone();
                    let start = Start { shape, suite, prologue, statics, ephemerals, psks };
                    check_with_snow(&start, &payloads);
                    match suite {
                        Suite::Cobblestone256 => check_with_clatter::<AesGcm>(&start, &payloads),
                        Suite::ChaCha20Poly1305 => {
                            check_with_clatter::<ChaChaPoly>(&start, &payloads);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_message_that_fails_leaves_the_state_as_it_was() {
    for pattern in PATTERNS {
        let start = Start {
            shape: pattern.shape(Hybrid::On),
            suite: Suite::ChaCha20Poly1305,
            prologue: b"prologue".to_vec(),
            statics: [[1; 32], [2; 32]],
            ephemerals: [[3; 32], [4; 32]],
            psks: [[5; 32]; 4],
        };
        let (mut writer, mut reader) = (start.side(Role::Initiator), start.side(Role::Responder));
        for _ in 0..start.shape.len() {
            let message = write(&mut writer, &start, b"payload");
            let psk = start.psk(reader.number() - 1);
            let before = reader.symmetric().handshake_hash();
            for at in 0..message.len() {
                let mut changed = message.clone();
                changed[at] ^= 1;
                let mut out = [0xaa; 100];
                // The first message of XX is not authenticated.
                if reader.read(&psk, &changed, &mut out).is_err() {
                    assert!(out.iter().all(|byte| *byte == 0xaa || *byte == 0));
                }
                assert_eq!(reader.symmetric().handshake_hash(), before);
                assert!(
                    reader.read(&psk, &message[..at], &mut out).is_err() || reader.number() == 1
                );
            }
            assert_eq!(read(&mut reader, &start, &message), b"payload");
            (writer, reader) = (reader, writer);
        }
    }
}

#[test]
fn a_peer_key_is_taken_whole_or_not_at_all() {
    assert!(PeerKey::parse(&[0; 32]).is_err());
    assert!(PeerKey::parse(&[0xff; 32]).is_err());
    assert!(PeerKey::parse(&[9; 32]).is_ok());
}
