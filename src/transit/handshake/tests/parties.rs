// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who takes part in a handshake: keys, pinned peers, and what callbacks say.

use super::*;
use crate::id::Algorithm;
use crate::keyset::Keyset;

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
fn kk_without_pinned_peers_is_misuse_whatever_comes() {
    for mode in [Mode::Stream, Mode::Datagram] {
        let settings = settings(Pattern::KK, mode, Hybrid::Off);
        let (mut initiator, mut responder) = Side::two(settings);
        let anybody = Party { peers: Peers::Any, ..responder.party() };
        let mut handshake = Handshake::responder();
        let read = handshake.read(&anybody, b"", &mut accept, &mut []);
        assert!(matches!(read, Err(Error::Misuse(_))));
        // It was the caller's mistake, and the handshake is as it was.
        responder.handshake = handshake;
        complete(&mut initiator, &mut responder);
    }
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
