// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that are changed, cut, out of turn, of others, or too long.

use super::*;

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

#[test]
fn messages_have_the_lengths_that_the_format_states() {
    let lengths: [(Pattern, [&[usize]; 2]); 3] = [
        (Pattern::XX, [&[38, 98, 66], &[1_270, 1_218, 66]]),
        (Pattern::IK, [&[102, 50], &[1_318, 1_170]]),
        (Pattern::KK, [&[54, 50], &[1_270, 1_170]]),
    ];
    for (pattern, both) in lengths {
        for (hybrid, stated) in [Hybrid::Off, Hybrid::On].into_iter().zip(both) {
            let settings = settings(pattern, Mode::Datagram, hybrid);
            let (mut initiator, mut responder) = Side::two(settings);
            let mut lengths = Vec::new();
            while !initiator.handshake.is_finished() || !responder.handshake.is_finished() {
                let (writer, reader) = match initiator.handshake.writes_next() {
                    true => (&mut initiator, &mut responder),
                    false => (&mut responder, &mut initiator),
                };
                let told = [&writer.handshake, &reader.handshake]
                    .map(|side| side.message_len(&settings, 9));
                let message = writer.write();
                assert_eq!(told, [message.len() + 9; 2]);
                reader.read(&message).expect("the message holds");
                lengths.push(message.len());
            }
            for side in [&mut initiator, &mut responder] {
                assert_eq!(side.handshake.message_len(&settings, 9), 0, "none follows");
                side.finish();
                assert_eq!(side.handshake.message_len(&settings, 9), 0, "none follows");
            }
            assert_eq!(lengths, stated, "{pattern:?} {hybrid:?}");
        }
    }
}
