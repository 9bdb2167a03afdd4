// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sources that fail, and sources that repeat themselves.

use super::*;
use crate::rng::OsRandom;

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
