// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups: for recovery recipients and in shares; who can restore, and who is told what.
#![cfg(feature = "std")]

mod kit;

use kit::keys::raw_key;
use sealwax::keyset::backup::Share;
use sealwax::{Algorithm, Error, ErrorKind, Keyset, Result, Suite};

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn keyset() -> Keyset {
    Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated")
}

fn copy(share: &Share) -> Share {
    Share::parse_text(&share.expose_text()).expect("written by us")
}

/// The share with another value, and a checksum that holds.
fn forged(share: &Share) -> Share {
    use bech32::primitives::decode::CheckedHrpstring;
    let text = share.expose_text();
    let checked = CheckedHrpstring::new::<bech32::Bech32m>(&text).expect("a checksum");
    let mut payload: Vec<u8> = checked.byte_iter().collect();
    *payload.last_mut().expect("not empty") ^= 1;
    let hrp = bech32::Hrp::parse("sealwax-share-").expect("a word");
    let text = bech32::encode_upper::<bech32::Bech32m>(hrp, &payload).expect("short");
    Share::parse_text(&text).expect("the checksum holds")
}

#[test]
fn any_enough_shares_restore_and_fewer_do_not() {
    let keyset = keyset();
    for (threshold, count) in [(2, 2), (2, 3), (3, 5), (64, 64)] {
        let backup = keyset.backup_in_shares(threshold, count).expect("backed up");
        assert_eq!(backup.shares.len(), usize::from(count));
        let restore = |shares: &[Share]| Keyset::restore_from_shares(&backup.file, shares);
        let numbers = backup.shares.iter().map(|share| share.number());
        assert!(numbers.eq(1..=count));
        let last: Vec<_> = backup.shares.iter().rev().take(threshold.into()).map(copy).collect();
        let restored = restore(&last).expect("enough");
        assert_eq!(restored.fingerprint().expect("here"), keyset.fingerprint().expect("here"));
        assert_eq!(
            restore(&backup.shares).expect("all").fingerprint().expect("here"),
            keyset.fingerprint().expect("here")
        );
        let few = &last[1..];
        let error = restore(few).expect_err("too few");
        assert_eq!(error.kind(), ErrorKind::UnknownKey);
        assert!(error.to_string().contains("one more share"), "{error}");
        // The same share twice is one share.
        let twice: Vec<_> = few.iter().chain(few.first()).map(copy).collect();
        assert_eq!(kind(restore(&twice)), Some(ErrorKind::UnknownKey));
    }
}

#[test]
fn all_pairs_of_three_shares_give_the_same_keyset() {
    let keyset = keyset();
    let backup = keyset.backup_in_shares(2, 3).expect("backed up");
    for (one, other) in [(0, 1), (0, 2), (1, 2), (2, 0)] {
        let pair = [copy(&backup.shares[one]), copy(&backup.shares[other])];
        let restored = Keyset::restore_from_shares(&backup.file, &pair).expect("enough");
        assert_eq!(restored.fingerprint().expect("here"), keyset.fingerprint().expect("here"));
    }
}

#[test]
fn a_bad_share_is_named() {
    let keyset = keyset();
    let backup = keyset.backup_in_shares(2, 3).expect("backed up");
    let shares = [copy(&backup.shares[0]), forged(&backup.shares[2])];
    let error = Keyset::restore_from_shares(&backup.file, &shares).expect_err("forged");
    assert!(matches!(error, Error::Share { number: 3 }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Format);
    let other = keyset.backup_in_shares(2, 3).expect("backed up");
    let shares = [copy(&backup.shares[0]), copy(&other.shares[1])];
    let error = Keyset::restore_from_shares(&backup.file, &shares).expect_err("of another");
    assert_eq!(error.kind(), ErrorKind::UnknownKey);
    assert!(error.to_string().contains(&other.shares[1].backup().to_string()), "{error}");
}

#[test]
fn share_strings_find_typing_errors_and_say_nothing_in_debug() {
    let backup = keyset().backup_in_shares(2, 3).expect("backed up");
    let text = backup.shares[0].expose_text();
    assert!(text.starts_with("SEALWAX-SHARE-1"));
    assert!(!format!("{:?}", backup.shares[0]).contains(&text[60..70]));
    for at in 0..text.len() {
        let mut typo = text.as_bytes().to_vec();
        typo[at] = if typo[at] == b'Q' { b'P' } else { b'Q' };
        let typo = String::from_utf8(typo).expect("ASCII");
        assert_eq!(kind(Share::parse_text(&typo)), Some(ErrorKind::Format), "at {at}");
        assert!(Share::parse_text(&text[..at]).is_err());
    }
    assert_eq!(kind(Share::parse_text(&text.to_lowercase())), Some(ErrorKind::Format));
    Share::parse_text(&format!(" {}\r\n", text.as_str())).expect("white space around it");
}

#[test]
fn a_backup_with_shares_opens_with_nothing_else() {
    let keyset = keyset();
    let backup = keyset.backup_in_shares(2, 3).expect("backed up");
    assert_eq!(kind(Keyset::restore(&backup.file, &[&raw_key(1, 1)])), Some(ErrorKind::UnknownKey));
    for counts in [(1, 3), (0, 0), (3, 2), (2, 65)] {
        let refused = keyset.backup_in_shares(counts.0, counts.1);
        assert_eq!(kind(refused), Some(ErrorKind::Misuse), "{counts:?}");
    }
    let plain = keyset.to_file_bytes(sealwax::keyset::file::Protection::Sealed(&[&raw_key(1, 1)]));
    let plain = plain.expect("written");
    let refused = Keyset::restore_from_shares(&plain, &backup.shares);
    assert_eq!(kind(refused), Some(ErrorKind::Format), "it lists no shares");
}

#[test]
fn every_changed_byte_of_a_backup_is_refused() {
    let keyset = keyset();
    let backup = keyset.backup_in_shares(2, 2).expect("backed up");
    for at in 0..backup.file.len() {
        let mut flipped = backup.file.clone();
        flipped[at] ^= 1;
        let refused = Keyset::restore_from_shares(&flipped, &backup.shares);
        assert!(refused.is_err(), "byte {at}");
        assert!(Keyset::restore_from_shares(&backup.file[..at], &backup.shares).is_err());
    }
}

#[test]
fn a_recovery_recipient_restores() {
    let keyset = keyset();
    for algorithm in [Algorithm::X25519, Algorithm::XWing] {
        let identity = Keyset::generate("recovery", algorithm).expect("generated");
        let recipient = identity.recipient().expect("a pair").clone();
        let backup = keyset.backup_for(&[recipient]).expect("backed up");
        let restored = Keyset::restore(&backup, &[&identity]).expect("restored");
        assert_eq!(restored.fingerprint().expect("here"), keyset.fingerprint().expect("here"));
        let stranger = Keyset::generate("stranger", algorithm).expect("generated");
        assert_eq!(kind(Keyset::restore(&backup, &[&stranger])), Some(ErrorKind::UnknownKey));
    }
    assert_eq!(kind(keyset.backup_for(&[])), Some(ErrorKind::Misuse));
}

#[test]
fn a_fingerprint_names_one_revision() {
    let mut keyset = keyset();
    let before = keyset.fingerprint().expect("here");
    assert_eq!(keyset.fingerprint().expect("here"), before);
    keyset.rotate(Suite::ChaCha20Poly1305).expect("rotated");
    assert_ne!(keyset.fingerprint().expect("here"), before);
}
