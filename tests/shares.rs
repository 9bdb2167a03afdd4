// SPDX-License-Identifier: MIT OR Apache-2.0
//! A changed share or backup gives no keyset, and fewer shares than are wanted give nothing (format.md 8.8, 9.4).
#![cfg(feature = "std")]

mod kit;

use bech32::{Bech32, Bech32m, Hrp};
use kit::beside::{bytes, vector};
use kit::keys::{list, raw_key};
use kit::specimens::{keyset, pairs};
use sealwax::keyset::backup::Share;
use sealwax::keyset::file::Protection;
use sealwax::{Algorithm, ErrorKind, KeyWrap, Keyset, Result, Suite};

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn share(text: &str) -> Share {
    Share::parse_text(text).expect("it is a share")
}

fn text_of(payload: &[u8]) -> String {
    let part = Hrp::parse("sealwax-share-").expect("printable");
    // 103 characters: within the crate's limit for Bech32m.
    bech32::encode_upper::<Bech32m>(part, payload).expect("it is short")
}

/// File and share strings of a vector.
fn backup(name: &str) -> (Vec<u8>, Vec<String>) {
    let vector = vector(name);
    let texts = list(&vector["shares"]).iter();
    let texts = texts.map(|text| text.as_str().expect("a share is text").to_owned()).collect();
    (bytes(&vector, "file"), texts)
}

fn restore(file: &[u8], texts: &[impl AsRef<str>]) -> Result<Keyset> {
    let shares =
        texts.iter().map(|text| Share::parse_text(text.as_ref())).collect::<Result<Vec<_>>>()?;
    Keyset::restore_from_shares(file, &shares)
}

#[test]
fn a_mistyped_character_is_noticed() {
    const ALPHABET: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let (_, texts) = backup("backup-2-of-3");
    for text in texts {
        assert_eq!(text.len(), 103);
        for at in 0..text.len() {
            for other in ALPHABET.chars().chain(['1', 'B', 'I', 'O', '-', ' ', 'é']) {
                let mut typed: Vec<char> = text.chars().collect();
                if typed[at] == other {
                    continue;
                }
                typed[at] = other;
                let typed: String = typed.into_iter().collect();
                assert_eq!(kind(Share::parse_text(&typed)), Some(ErrorKind::Format), "{typed}");
            }
            let (front, back) = (&text[..at], &text[at + 1..]);
            let missing = format!("{front}{back}");
            assert_eq!(kind(Share::parse_text(&missing)), Some(ErrorKind::Format), "{missing}");
            let lower = format!("{front}{}{back}", text[at..=at].to_lowercase());
            if lower != text {
                assert_eq!(kind(Share::parse_text(&lower)), Some(ErrorKind::Format), "{lower}");
            }
        }
        for len in 0..text.len() {
            assert_eq!(kind(Share::parse_text(&text[..len])), Some(ErrorKind::Format), "{len}");
        }
        assert_eq!(kind(Share::parse_text(&text.to_lowercase())), Some(ErrorKind::Format));
    }
}

#[test]
fn two_characters_exchanged_are_noticed() {
    let (_, texts) = backup("backup-2-of-3");
    for text in texts {
        for at in 1..text.len() {
            let mut typed = text.clone().into_bytes();
            typed.swap(at - 1, at);
            let typed = String::from_utf8(typed).expect("ASCII");
            if typed != text {
                assert_eq!(kind(Share::parse_text(&typed)), Some(ErrorKind::Format), "{typed}");
            }
        }
    }
}

#[test]
fn the_checksum_of_bech32_is_no_checksum() {
    let (_, texts) = backup("backup-2-of-3");
    let (part, payload) = bech32::decode(&texts[0]).expect("a share is Bech32m");
    let old = bech32::encode_upper::<Bech32>(part, &payload).expect("it is short");
    assert_eq!(kind(Share::parse_text(&old)), Some(ErrorKind::Format));
}

#[test]
fn a_flipped_bit_under_a_right_checksum_opens_nothing() {
    let (file, texts) = backup("backup-2-of-3");
    let (_, payload) = bech32::decode(&texts[1]).expect("a share is Bech32m");
    assert_eq!(text_of(&payload), texts[1]);
    for at in 0..payload.len() {
        for bit in 0..8 {
            let mut changed = payload.clone();
            changed[at] ^= 1 << bit;
            let wanted = match at {
                // Another backup, or a threshold or count of another one.
                0..18 if has_good_numbers(&changed) => ErrorKind::UnknownKey,
                // Numbers that no share has; or another number, or another value under its number.
                _ => ErrorKind::Format,
            };
            let got = kind(restore(&file, &[texts[0].as_str(), &text_of(&changed)]));
            assert_eq!(got, Some(wanted), "bit {bit} of byte {at}");
        }
    }
    restore(&file, &texts).expect("the honest shares open it");
}

/// Whether the payload of a share has numbers that format.md 9.4 allows.
fn has_good_numbers(payload: &[u8]) -> bool {
    let [k, n, x] = payload[16..19].try_into().expect("3 bytes");
    2 <= k && k <= n && n <= 64 && 1 <= x && x <= n
}

#[test]
fn a_flipped_bit_of_the_backup_gives_the_same_keyset_or_none() {
    let (file, texts) = backup("backup-2-of-3");
    let honest = restore(&file, &texts).expect("it opens").fingerprint().expect("here");
    let mut ignored = 0;
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        match restore(&changed, &texts) {
            // A byte of the unused slot (format.md 11.5).
            Ok(keyset) => {
                ignored += 1;
                assert_eq!(keyset.fingerprint().expect("here"), honest, "byte {at}");
            }
            Err(error) => {
                let allowed = [
                    ErrorKind::Decrypt,
                    ErrorKind::Format,
                    ErrorKind::Truncated,
                    ErrorKind::Limit,
                    ErrorKind::UnknownKey,
                ];
                assert!(allowed.contains(&error.kind()), "byte {at}: {error}");
            }
        }
    }
    assert_eq!(ignored % 512, 0, "one slot is not used, and nothing else");
    assert!(ignored > 0);
}

#[test]
fn every_truncation_of_the_backup_is_refused() {
    let (file, texts) = backup("backup-2-of-3");
    for len in 0..file.len() {
        let got = kind(restore(&file[..len], &texts)).expect("a part opens nothing");
        assert!([ErrorKind::Truncated, ErrorKind::Decrypt].contains(&got), "{len} bytes: {got:?}");
    }
}

#[test]
fn any_threshold_of_shares_opens_and_one_fewer_does_not() {
    let keyset = keyset(2, 3);
    for (threshold, count) in [(2, 2), (2, 5), (3, 5), (5, 5), (4, 6)] {
        let backup = keyset.backup_in_shares(threshold, count).expect("it can be made");
        let texts: Vec<_> = backup.shares.iter().map(Share::expose_text).collect();
        assert_eq!(texts.len(), usize::from(count));
        for chosen in 0..1u32 << count {
            let some: Vec<&str> = (0..usize::from(count))
                .filter(|number| chosen >> number & 1 == 1)
                .map(|number| texts[number].as_str())
                .collect();
            let restored = restore(&backup.file, &some);
            match some.len() >= usize::from(threshold) {
                true => {
                    let restored = restored.expect("enough shares");
                    assert_eq!(
                        restored.fingerprint().expect("here"),
                        keyset.fingerprint().expect("here")
                    );
                }
                false => assert_eq!(kind(restored), Some(ErrorKind::UnknownKey), "{some:?}"),
            }
        }
    }
}

#[test]
fn shares_of_two_backups_of_one_keyset_do_not_mix() {
    let keyset = keyset(1, 3);
    let [one, other] = [(); 2].map(|()| keyset.backup_in_shares(2, 3).expect("it can be made"));
    assert_ne!(one.shares[0].backup(), other.shares[0].backup());
    for file in [&one.file, &other.file] {
        let mixed = [one.shares[0].expose_text(), other.shares[1].expose_text()];
        let mixed: Vec<&str> = mixed.iter().map(|text| text.as_str()).collect();
        assert_eq!(kind(restore(file, &mixed)), Some(ErrorKind::UnknownKey));
    }
}

#[test]
fn fewer_shares_than_two_or_more_than_64_are_misuse() {
    let keyset = keyset(2, 3);
    for (threshold, count) in
        [(0, 0), (0, 3), (1, 1), (1, 3), (3, 2), (2, 65), (65, 65), (255, 255)]
    {
        let made = keyset.backup_in_shares(threshold, count);
        assert_eq!(kind(made), Some(ErrorKind::Misuse), "{threshold} of {count}");
    }
    let most = keyset.backup_in_shares(64, 64).expect("64 of 64 are allowed");
    let restored = Keyset::restore_from_shares(&most.file, &most.shares).expect("all of them");
    assert_eq!(restored.fingerprint().expect("here"), keyset.fingerprint().expect("here"));
}

#[test]
fn a_file_without_a_list_takes_no_shares() {
    let (_, texts) = backup("backup-2-of-3");
    let key = raw_key(1, 2);
    let keys: [&dyn KeyWrap; 1] = [&key];
    let file = keyset(2, 3).to_file_bytes(Protection::Sealed(&keys)).expect("it can be written");
    for file in [&file[..], &keyset(2, 3).expose_unprotected().expect("it can be written")] {
        assert_eq!(kind(restore(file, &texts)), Some(ErrorKind::Format));
        assert_eq!(kind(Keyset::restore_from_shares(file, &[])), Some(ErrorKind::Format));
    }
}

#[test]
fn no_key_but_the_shares_opens_a_backup_in_shares() {
    let backup = keyset(2, 3).backup_in_shares(2, 3).expect("it can be made");
    for pair in pairs() {
        let keys: [&dyn KeyWrap; 1] = [&*pair.key];
        for protection in [Protection::Sealed(&keys), Protection::Restore(&keys)] {
            let opened = Keyset::parse_file_bytes(&backup.file, protection);
            assert_eq!(kind(opened), Some(ErrorKind::UnknownKey), "{}", pair.name);
        }
    }
    assert_eq!(kind(Keyset::restore(&backup.file, &[])), Some(ErrorKind::UnknownKey));
}

#[test]
fn a_backup_for_recovery_recipients_opens_for_each_of_them_in_a_restore_only() {
    let keyset = Keyset::generate("orders", Suite::Cobblestone256).expect("generated");
    let pairs =
        [(); 2].map(|()| Keyset::generate("recovery", Algorithm::XWing).expect("generated"));
    let recipients = pairs.each_ref().map(|pair| pair.recipient().expect("a pair").clone());
    let file = keyset.backup_for(&recipients).expect("it can be made");
    for pair in &pairs {
        let keys: [&dyn KeyWrap; 1] = [pair];
        let restored = Keyset::restore(&file, &keys).expect("it is for this one");
        assert_eq!(restored.fingerprint().expect("here"), keyset.fingerprint().expect("here"));
        let loaded = Keyset::parse_file_bytes(&file, Protection::Sealed(&keys));
        assert_eq!(kind(loaded), Some(ErrorKind::UnknownKey));
    }
    assert_eq!(kind(keyset.backup_for(&[])), Some(ErrorKind::Misuse));
}

#[test]
fn the_number_of_a_wrong_share_is_named() {
    let (file, texts) = backup("backup-digest-last-byte");
    let error = restore(&file, &texts).expect_err("share 3 was changed");
    assert!(error.to_string().contains("share 3"), "{error}");
    assert_eq!(share(&texts[0]).number(), 3);
}
