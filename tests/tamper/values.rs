// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contexts, tokens and keyset files.

use sealwax::keyset::file::{Description, Protection};
use sealwax::{Context, ErrorKind, Keyset, Opener, Sealer, token};

use super::{BY_BYTES, PLAINTEXT, kind};
use crate::kit::envelopes::Parts;
use crate::kit::keys::{KeysetMaterial, VersionMaterial, raw_key, unprotected};
use crate::kit::specimens::{KEYSET, VERSION, keyset, row, stored};

#[test]
fn a_context_that_is_not_canonical_is_refused() {
    let key = raw_key(1, 1);
    let encoded = |entries: &[(&[u8], &[u8])]| {
        let mut out = Vec::new();
        for (name, value) in entries {
            out.push(name.len() as u8);
            out.extend(*name);
            out.extend((value.len() as u16).to_be_bytes());
            out.extend(*value);
        }
        out
    };
    let envelope = Sealer::new().recipient(&key).seal(PLAINTEXT).expect("it can be sealed");
    let many: Vec<_> =
        (0..65u8).map(|index| [b'n', b'0' + index / 10, b'0' + index % 10]).collect();
    let many: Vec<(&[u8], &[u8])> = many.iter().map(|name| (&name[..], &b""[..])).collect();
    for (what, stored, wanted) in [
        ("not ascending", encoded(&[(b"b", b""), (b"a", b"")]), ErrorKind::Format),
        ("twice", encoded(&[(b"a", b"1"), (b"a", b"2")]), ErrorKind::Format),
        ("longer before its beginning", encoded(&[(b"ab", b""), (b"a", b"")]), ErrorKind::Format),
        ("no name", encoded(&[(b"", b"")]), ErrorKind::Format),
        ("a control character", encoded(&[(b"a\x7f", b"")]), ErrorKind::Format),
        ("a C1 control character", encoded(&[("a\u{85}".as_bytes(), b"")]), ErrorKind::Format),
        ("not UTF-8", encoded(&[(b"\xff", b"")]), ErrorKind::Format),
        ("over-long UTF-8", encoded(&[(b"\xc1\x81", b"")]), ErrorKind::Format),
        ("a surrogate", encoded(&[(b"\xed\xa0\x80", b"")]), ErrorKind::Format),
        ("cut", encoded(&[(b"a", b"1234")])[..5].to_vec(), ErrorKind::Format),
        ("65 entries", encoded(&many), ErrorKind::Limit),
        ("canonical", encoded(&[(b"a", b"1"), (b"ab", b"2")]), ErrorKind::Format),
    ] {
        let mut parts = Parts::cut(&envelope);
        parts.core[25..29].copy_from_slice(&(stored.len() as u32).to_be_bytes());
        parts.core.extend(&stored);
        // Format in the last case comes from the check, which is not remade.
        let got = kind(Opener::new().key(&key).open(&parts.join()));
        assert_eq!(got, Some(wanted), "{what}");
        parts.remake_check(0);
        let got = kind(Opener::new().key(&key).open(&parts.join()));
        let wanted = if what == "canonical" { ErrorKind::Decrypt } else { wanted };
        assert_eq!(got, Some(wanted), "{what}, check remade");
    }
}

#[test]
fn a_keyset_file_is_no_data_and_data_is_no_keyset_file() {
    let keyset = keyset(2, 1);
    let key = raw_key(1, 1);
    let file = keyset.to_file_bytes(Protection::Sealed(&[&key])).expect("it can be written");
    assert_eq!(kind(Opener::new().key(&key).open(&file)), Some(ErrorKind::Format));
    let encoding = KeysetMaterial::of_one([1; 16], VersionMaterial::active(1, 2, [1; 32])).encode();
    let data = Sealer::new().recipient(&key).seal(&encoding).expect("it can be sealed");
    let loaded = Keyset::parse_file_bytes(&data, Protection::Sealed(&[&key]));
    assert_eq!(kind(loaded), Some(ErrorKind::Format));
    assert_eq!(kind(Description::parse(&data)), Some(ErrorKind::Format));
    // With the kind changed, nothing fits any more.
    for (bytes, kind_byte) in [(file.to_vec(), 1), (data, 2)] {
        let mut parts = Parts::cut(&bytes);
        parts.core[6] = kind_byte;
        parts.remake_check(0);
        let bytes = parts.join();
        let got = match kind_byte {
            1 => kind(Opener::new().key(&key).open(&bytes)),
            _ => kind(Keyset::parse_file_bytes(&bytes, Protection::Sealed(&[&key]))),
        };
        assert_eq!(got, Some(ErrorKind::Decrypt));
    }
}

#[test]
fn a_changed_token_is_refused() {
    for algorithm in [1, 2] {
        let keyset = keyset(algorithm, 1);
        let token = keyset.seal(PLAINTEXT, &row()).expect("it can be sealed");
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut changed = token.clone();
                changed[at] ^= 1 << bit;
                let wanted: &[ErrorKind] = match at {
                    0 => &[ErrorKind::Format, ErrorKind::UnknownKey],
                    1..5 => &[ErrorKind::UnknownKey],
                    _ => &[ErrorKind::Decrypt],
                };
                let got = kind(keyset.open(&changed, &row())).expect("a changed token");
                assert!(wanted.contains(&got), "byte {at}: {got:?}");
                let mut out = [0xaa; PLAINTEXT.len()];
                assert!(keyset.open_into(&changed, &row(), &mut out).is_err());
                assert!(out == [0xaa; PLAINTEXT.len()] || out == [0; PLAINTEXT.len()]);
            }
        }
        for len in 0..token.len() {
            let wanted = if len < 77 { ErrorKind::Format } else { ErrorKind::Decrypt };
            assert_eq!(kind(keyset.open(&token[..len], &row())), Some(wanted), "cut to {len}");
        }
        for extra in 1..=40 {
            let longer = [token.as_slice(), &vec![0; extra]].concat();
            assert_eq!(kind(keyset.open(&longer, &row())), Some(ErrorKind::Decrypt));
        }
        for context in [Context::new(), stored(), row().with("more", "").expect("allowed")] {
            assert_eq!(kind(keyset.open(&token, &context)), Some(ErrorKind::Decrypt));
        }
        let wrong = crate::kit::specimens::keyset(algorithm, 2);
        assert_eq!(kind(wrong.open(&token, &row())), Some(ErrorKind::Decrypt));
        let other = crate::kit::specimens::keyset(3 - algorithm, 1);
        assert_eq!(kind(other.open(&token, &row())), Some(ErrorKind::UnknownKey));
        let mut zero_version = token.clone();
        zero_version[1..5].fill(0);
        assert_eq!(kind(keyset.open(&zero_version, &row())), Some(ErrorKind::Format));
    }
}

#[test]
fn a_token_has_a_longest_plaintext() {
    let keyset = keyset(2, 1);
    let longest = vec![7; token::MAX_PLAINTEXT_LEN];
    let token = keyset.seal(&longest, &row()).expect("the longest");
    assert_eq!(keyset.open(&token, &row()).expect("the longest").as_slice(), longest);
    let longer = vec![7; token::MAX_PLAINTEXT_LEN + 1];
    assert_eq!(kind(keyset.seal(&longer, &row())), Some(ErrorKind::Limit));
    let longer = [token.as_slice(), &[0]].concat();
    assert_eq!(kind(keyset.open(&longer, &row())), Some(ErrorKind::Limit));
    assert_eq!(kind(token::key_version(&longer)), Some(ErrorKind::Limit));
}

#[test]
fn a_token_and_an_entry_of_the_same_key_do_not_stand_for_each_other() {
    let keyset = keyset(2, 1);
    let envelope = Sealer::new().recipient(&keyset).seal(PLAINTEXT).expect("it can be sealed");
    let parts = Parts::cut(&envelope);
    let (_, body) = &parts.slots[0].entries[0];
    // The T of the entry as the T of a token, under the context that it has: H(core).
    let token = [&[0x12][..], &VERSION.to_be_bytes(), &body[20..]].concat();
    assert_eq!(kind(keyset.open(&token, &Context::new())), Some(ErrorKind::Decrypt));
}

#[test]
fn a_changed_keyset_file_is_refused() {
    let key = raw_key(1, 1);
    let keyset = keyset(2, 1);
    for (name, file, protection) in [
        ("sealed", keyset.to_file_bytes(Protection::Sealed(&[&key])), Protection::Sealed(&[&key])),
        ("unprotected", keyset.to_file_bytes(Protection::Unprotected), Protection::Unprotected),
    ] {
        let file = file.expect("it can be written");
        assert_eq!(Keyset::parse_file_bytes(&file, protection).expect("whole").id(), KEYSET);
        for at in 0..file.len() {
            let mut changed = file.to_vec();
            changed[at] ^= 1 << (at % 8);
            let got = kind(Keyset::parse_file_bytes(&changed, protection)).expect("changed");
            assert!(BY_BYTES.contains(&got), "{name}, byte {at}: {got:?}");
        }
        for len in 0..file.len() {
            let got = kind(Keyset::parse_file_bytes(&file[..len], protection)).expect("cut");
            assert!(BY_BYTES.contains(&got), "{name} cut to {len}: {got:?}");
        }
        for extra in 1..=40 {
            let longer = [file.as_slice(), &vec![0; extra]].concat();
            assert!(Keyset::parse_file_bytes(&longer, protection).is_err(), "{name} and {extra}");
        }
    }
}

#[test]
fn a_changed_keyset_encoding_is_a_good_keyset_or_format() {
    // With the check remade, as anybody can: the parser must never panic, and what it takes it must write back.
    let mut versions =
        vec![VersionMaterial::active(7, 1, [1; 32]), VersionMaterial::active(9, 2, [2; 32])];
    versions.push(VersionMaterial { state: 6, ..VersionMaterial::active(11, 2, [0; 32]) });
    versions.push(VersionMaterial { state: 4, ..VersionMaterial::active(12, 2, [3; 32]) });
    let encoding = KeysetMaterial { id: [1; 16], primary: 7, revision: 1, versions }.encode();
    let (mut good, mut refused) = (0, 0);
    for at in 0..encoding.len() {
        for bit in 0..8 {
            let mut changed = encoding.clone();
            changed[at] ^= 1 << bit;
            match Keyset::parse_unprotected(&unprotected(&changed)) {
                Ok(keyset) if keyset.is_read_only() => good += 1,
                Ok(keyset) => {
                    let written = keyset.expose_unprotected().expect("it can be written");
                    assert_eq!(written.as_slice(), unprotected(&changed), "byte {at}, bit {bit}");
                    good += 1;
                }
                Err(error) => {
                    let kinds = [ErrorKind::Format, ErrorKind::Limit];
                    assert!(kinds.contains(&error.kind()), "byte {at}: {error:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(good > 500 && refused > 500, "{good} good, {refused} refused");
    for len in 0..encoding.len() {
        let got = kind(Keyset::parse_unprotected(&unprotected(&encoding[..len])));
        assert_eq!(got, Some(ErrorKind::Format), "cut to {len}");
    }
}

#[test]
fn a_keyset_file_does_not_take_another_name_from_outside() {
    let key = raw_key(1, 1);
    let file = keyset(2, 1).to_file_bytes(Protection::Sealed(&[&key])).expect("it can be written");
    let described = Description::parse(&file).expect("it describes itself");
    assert_eq!((described.id, described.name.as_str(), described.revision), (KEYSET, "test", 1));
    let mut parts = Parts::cut(&file);
    let id_at = 29 + 1 + "sealwax.keyset".len() + 2;
    parts.core[id_at] ^= 1;
    parts.remake_check(0);
    let renamed = parts.join();
    assert_ne!(Description::parse(&renamed).expect("nobody authenticates it").id, KEYSET);
    let got = kind(Keyset::parse_file_bytes(&renamed, Protection::Sealed(&[&key])));
    assert_eq!(got, Some(ErrorKind::Decrypt));
}
