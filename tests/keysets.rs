// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets: rotation, states and times, files, identities.
#![cfg(feature = "std")]

mod kit;

use kit::keys::{KeysetMaterial, VersionMaterial, cheap_passphrase, raw_key, unprotected};
use kit::random::Repeatable;
use kit::specimens::{keyset, pair, row};
use sealwax::id::{KeyState, RecipientKind, VersionId};
use sealwax::keyset::Clearance;
use sealwax::keyset::file::{Description, Protection};
use sealwax::rng::Now;
use sealwax::{Algorithm, Context, Error, ErrorKind, Keyset, Opener, Result, Sealer, Suite};

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn what_was_sealed_before_a_rotation_opens_after_it() {
    let mut keyset = Keyset::generate("orders", Suite::Cobblestone256).expect("generated");
    let mut sealed = Vec::new();
    for round in 0..20u8 {
        let token = keyset.seal(&[round], &row()).expect("it can be sealed");
        let envelope = Sealer::new().recipient(&keyset).seal(&[round]).expect("it can be sealed");
        sealed.push((token, envelope));
        let before = keyset.primary().expect("a primary").id();
        let suite = if round % 2 == 0 { Suite::ChaCha20Poly1305 } else { Suite::Cobblestone256 };
        let id = keyset.rotate(suite).expect("it can be rotated");
        assert_eq!(keyset.primary().expect("a primary").id(), id);
        assert_ne!(id, before);
        assert_eq!(keyset.revision(), u64::from(round) + 2);
    }
    let file = keyset.expose_unprotected().expect("it can be written");
    let again = Keyset::parse_unprotected(&file).expect("it was written by us");
    for keyset in [&keyset, &again] {
        assert_eq!(keyset.versions().len(), 21);
        assert!(keyset.versions().is_sorted_by_key(|version| version.id()));
        for (round, (token, envelope)) in (0u8..).zip(&sealed) {
            assert_eq!(keyset.open(token, &row()).expect("it opens").as_slice(), [round]);
            let opened = Opener::new().key(keyset).open(envelope).expect("it opens");
            assert_eq!(opened.plaintext.as_slice(), [round]);
        }
    }
}

#[test]
fn a_revision_names_its_parent() {
    let mut keyset = Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated");
    let parent_at = 5 + 1 + 16 + 1 + "orders".len() + 8;
    let mut before = keyset.expose_unprotected().expect("it can be written");
    assert_eq!(before[parent_at..parent_at + 32], [0; 32]);
    for _ in 0..3 {
        keyset.rotate(Suite::ChaCha20Poly1305).expect("it can be rotated");
        let after = keyset.expose_unprotected().expect("it can be written");
        let hash = kit::envelopes::sha256(&[&before[5..before.len() - 16]]);
        assert_eq!(after[parent_at..parent_at + 32], hash);
        before = after;
    }
}

#[test]
fn a_failed_rotation_changes_nothing() {
    let mut keyset = Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated");
    let before = keyset.expose_unprotected().expect("it can be written");
    assert_eq!(kind(keyset.rotate(Algorithm::X25519)), Some(ErrorKind::Misuse));
    for calls in 0..2 {
        let mut random = kit::random::Failing(calls);
        let algorithm = Suite::ChaCha20Poly1305.into();
        let result = keyset.rotate_with_rng(algorithm, Now::Unknown, &mut random);
        assert_eq!(kind(result), Some(ErrorKind::Random));
    }
    assert_eq!(before, keyset.expose_unprotected().expect("it can be written"));
    let last = KeysetMaterial {
        revision: u64::MAX,
        ..KeysetMaterial::of_one([1; 16], VersionMaterial::active(1, 2, [1; 32]))
    };
    let result = last.keyset().rotate(Suite::ChaCha20Poly1305);
    assert_eq!(kind(result), Some(ErrorKind::Limit));
}

#[test]
fn states_decide_what_a_version_does() {
    let active = keyset(2, 1);
    let token = active.seal(b"value", &row()).expect("it can be sealed");
    let envelope = Sealer::new().recipient(&active).seal(b"value").expect("it can be sealed");
    let pair = keyset(4, 1);
    let recipient = pair.recipient().expect("a key pair").clone();
    let public = Sealer::new().recipient(&recipient).seal(b"value").expect("it can be sealed");
    let hidden = recipient.hidden();
    let hidden = Sealer::new().recipient(&hidden).seal(b"value").expect("it can be sealed");
    for (state, opens) in [(1, false), (2, true), (3, false), (4, true), (5, false), (6, false)] {
        let of = |algorithm, secret| {
            let material = VersionMaterial::active(kit::specimens::VERSION, algorithm, secret);
            let version = VersionMaterial { state, ..material };
            let id = kit::specimens::KEYSET.0;
            KeysetMaterial { id, primary: 0, revision: 1, versions: vec![version] }.keyset()
        };
        let (symmetric, pair) = (of(2, [1; 32]), of(4, [1; 32]));
        assert_eq!(symmetric.versions()[0].state() as u8, state);
        let wanted = (!opens).then_some(ErrorKind::KeyState);
        assert_eq!(kind(symmetric.open(&token, &row())), wanted, "state {state}");
        assert_eq!(kind(Opener::new().key(&symmetric).open(&envelope)), wanted, "state {state}");
        // A destroyed key pair has no public key left to compare with.
        let unknown = Some(ErrorKind::UnknownKey);
        let wanted_pair = if state == 6 { unknown } else { wanted };
        assert_eq!(kind(Opener::new().key(&pair).open(&public)), wanted_pair, "state {state}");
        let wanted_hidden = if opens { None } else { unknown };
        assert_eq!(kind(Opener::new().key(&pair).open(&hidden)), wanted_hidden, "state {state}");
        let sealed = symmetric.seal(b"value", &row());
        assert_eq!(kind(sealed), Some(ErrorKind::KeyState), "no primary");
    }
}

#[test]
fn moves_between_states_are_those_of_the_table() {
    let allowed: [&[u8]; 6] = [&[2, 5, 6], &[3, 4, 5, 6], &[2, 4, 5, 6], &[5, 6], &[6], &[]];
    for from in 1..=6u8 {
        for to in 1..=6u8 {
            let state = |number| KeyState::from_u8(number).expect("1 to 6 are states");
            let wanted = allowed[usize::from(from) - 1].contains(&to);
            assert_eq!(state(from).may_become(state(to)), wanted, "{from} to {to}");
        }
    }
    assert!(KeyState::from_u8(0).is_err() && KeyState::from_u8(7).is_err());
}

#[test]
fn times_only_restrict() {
    let (past, future) = (1_000_000_000, 32_000_000_000);
    let token = keyset(2, 1).seal(b"value", &row()).expect("it can be sealed");
    for ((activate_at, deactivate_at), seals, opens) in [
        ((0, 0), true, true),
        ((past, 0), true, true),
        ((future, 0), false, false),
        ((0, past), false, true),
        ((0, future), true, true),
        ((past, future), true, true),
        ((past, past + 1), false, true),
    ] {
        let version = VersionMaterial::active(kit::specimens::VERSION, 2, [1; 32]);
        let version = VersionMaterial { activate_at, deactivate_at, ..version };
        let keyset = KeysetMaterial::of_one(kit::specimens::KEYSET.0, version).keyset();
        let wanted = |allowed: bool| (!allowed).then_some(ErrorKind::KeyState);
        assert_eq!(kind(keyset.seal(b"v", &row())), wanted(seals), "{activate_at} {deactivate_at}");
        assert_eq!(kind(Sealer::new().recipient(&keyset).seal(b"v")), wanted(seals));
        assert_eq!(
            kind(keyset.open(&token, &row())),
            wanted(opens),
            "{activate_at} {deactivate_at}"
        );
    }
}

#[test]
fn an_imported_secret_is_the_key() {
    for algorithm in 1..=4 {
        let algorithm = Algorithm::from_u8(algorithm).expect("1 to 4 are algorithms");
        let keyset = Keyset::import_raw("device", algorithm, &[7; 32]).expect("imported");
        let other = Keyset::import_raw("device", algorithm, &[7; 32]).expect("imported");
        assert_ne!(keyset.id(), other.id());
        assert_eq!(keyset.is_identity(), algorithm.is_pair());
        let version = keyset.primary().expect("a primary").id().value();
        let version = VersionMaterial::active(version, algorithm.number(), [7; 32]);
        let same = KeysetMaterial::of_one(keyset.id().0, version).keyset();
        let envelope = Sealer::new().recipient(&keyset).seal(b"value").expect("it can be sealed");
        assert_eq!(kind(Opener::new().key(&same).open(&envelope)), None);
        if algorithm.is_pair() {
            assert_eq!(keyset.recipient().expect("a pair"), other.recipient().expect("a pair"));
            assert_eq!(kind(keyset.seal(b"value", &row())), Some(ErrorKind::Misuse));
        } else {
            let token = keyset.seal(b"value", &row()).expect("it can be sealed");
            assert_eq!(same.open(&token, &row()).expect("it opens").as_slice(), b"value");
            assert_eq!(kind(keyset.recipient().map(drop)), Some(ErrorKind::Misuse));
            assert_eq!(kind(keyset.expose_identity_text()), Some(ErrorKind::Misuse));
        }
    }
}

#[test]
fn names_are_bounded_text() {
    for name in ["a", &"n".repeat(64), "Größe 価格 🔑"] {
        assert_eq!(Keyset::generate(name, Suite::Cobblestone256).expect("allowed").name(), name);
    }
    for name in ["", &"n".repeat(65), "a\nb", "\u{7f}", "\u{85}", &"é".repeat(33)] {
        let refused = Keyset::generate(name, Suite::Cobblestone256);
        assert_eq!(kind(refused), Some(ErrorKind::Misuse), "{name:?}");
    }
}

#[test]
fn generating_fails_with_its_random_source_and_never_makes_version_0() {
    let algorithm = Algorithm::Symmetric(Suite::Cobblestone256);
    for calls in 0..3 {
        let mut random = kit::random::Failing(calls);
        let result = Keyset::generate_with_rng("name", algorithm, Now::Unknown, &mut random);
        assert_eq!(kind(result), Some(ErrorKind::Random));
    }
    struct Zeros;
    impl sealwax::rng::Random for Zeros {
        fn fill(&mut self, out: &mut [u8]) -> Result<()> {
            out.fill(0);
            Ok(())
        }
    }
    let result = Keyset::generate_with_rng("name", algorithm, Now::Unknown, &mut Zeros);
    assert_eq!(kind(result), Some(ErrorKind::Random), "a source that repeats is found out");
    let now = Now::Seconds(1_767_225_600);
    let keyset = Keyset::generate_with_rng("name", algorithm, now, &mut Repeatable(1));
    assert_eq!(keyset.expect("generated").versions()[0].created(), 1_767_225_600);
}

#[test]
fn an_identity_string_reads_back_as_the_same_keyset() {
    for algorithm in [Algorithm::X25519, Algorithm::XWing] {
        let keyset = Keyset::generate("me", algorithm).expect("generated");
        let text = keyset.expose_identity_text().expect("a key pair");
        assert!(text.starts_with("SEALWAX-SECRET-1"));
        let again = Keyset::parse_identity_text(&format!("\r\n \t{}\n", text.as_str()));
        let again = again.expect("written by us");
        assert_eq!((again.id(), again.name(), again.revision()), (keyset.id(), "identity", 1));
        assert_eq!(again.recipient().expect("a pair"), keyset.recipient().expect("a pair"));
        assert_eq!(again.expose_identity_text().expect("a pair"), text);
        let recipient = keyset.recipient().expect("a pair");
        let envelope = Sealer::new().recipient(recipient).seal(b"value").expect("it can be sealed");
        assert_eq!(kind(Opener::new().key(&again).open(&envelope)), None);
        // One mistyped character is always found, and so are two that are swapped.
        let bytes = text.as_bytes();
        for at in 0..bytes.len() {
            let mut typo = bytes.to_vec();
            typo[at] = if typo[at] == b'Q' { b'P' } else { b'Q' };
            let typo = String::from_utf8(typo).expect("ASCII");
            assert_eq!(kind(Keyset::parse_identity_text(&typo)), Some(ErrorKind::Format));
            if at > 0 && bytes[at] != bytes[at - 1] {
                let mut swapped = bytes.to_vec();
                swapped.swap(at, at - 1);
                let swapped = String::from_utf8(swapped).expect("ASCII");
                assert_eq!(kind(Keyset::parse_identity_text(&swapped)), Some(ErrorKind::Format));
            }
            assert!(Keyset::parse_identity_text(&text[..at]).is_err());
        }
        let lower = text.to_lowercase();
        assert_eq!(kind(Keyset::parse_identity_text(&lower)), Some(ErrorKind::Format));
        let long = "Q".repeat(4097);
        assert_eq!(kind(Keyset::parse_identity_text(&long)), Some(ErrorKind::Limit));
    }
}

fn load(file: &[u8], protection: Protection<'_>) -> Option<ErrorKind> {
    kind(Keyset::parse_file_bytes(file, protection))
}

#[test]
fn a_keyset_file_loads_with_its_protection_only() {
    let keyset = keyset(2, 1);
    let (passphrase, key, other) =
        (cheap_passphrase("correct horse"), raw_key(1, 1), raw_key(2, 2));
    let identity = kit::specimens::keyset(4, 5);
    let sealed = keyset.to_file_bytes(Protection::Sealed(&[&key])).expect("it can be written");
    let by_passphrase = keyset.to_file_bytes(Protection::Sealed(&[&passphrase])).expect("written");
    let to_public = keyset.to_file_bytes(Protection::Sealed(&[&identity])).expect("written");
    let unprotected = keyset.to_file_bytes(Protection::Unprotected).expect("it can be written");
    assert_eq!(load(&sealed, Protection::Sealed(&[&key])), None);
    assert_eq!(load(&sealed, Protection::Sealed(&[&other, &key])), None);
    assert_eq!(load(&by_passphrase, Protection::Sealed(&[&passphrase])), None);
    assert_eq!(load(&unprotected, Protection::Unprotected), None);
    assert_eq!(load(&sealed, Protection::Sealed(&[&other])), Some(ErrorKind::UnknownKey));
    assert_eq!(load(&sealed, Protection::Unprotected), Some(ErrorKind::Format));
    assert_eq!(load(&unprotected, Protection::Sealed(&[&key])), Some(ErrorKind::Format));
    assert_eq!(load(&unprotected, Protection::Restore(&[&key])), Some(ErrorKind::Format));
    for (file, protection, says) in [
        (&sealed, Protection::Unprotected, "if it is sealed, give its passphrase or key"),
        (&unprotected, Protection::Sealed(&[&key]), "this keyset file is not protected"),
    ] {
        let error = Keyset::parse_file_bytes(file, protection).expect_err("not as expected");
        assert!(error.to_string().contains(says), "{error}");
    }
    // format.md 8.5: a public-key entry proves nothing about who made the file.
    assert_eq!(load(&to_public, Protection::Sealed(&[&identity])), Some(ErrorKind::UnknownKey));
    assert_eq!(load(&to_public, Protection::Restore(&[&identity])), None);
    let provider = pair("provider");
    let by_provider = keyset.to_file_bytes(Protection::Sealed(&[&*provider.recipient]));
    let by_provider = by_provider.expect("it can be written");
    assert_eq!(load(&by_provider, Protection::Sealed(&[&*provider.key])), None, "it was listed");
    assert_eq!(load(&by_provider, Protection::Sealed(&[&key])), Some(ErrorKind::UnknownKey));
    let described = Description::parse(&sealed).expect("it describes itself");
    assert_eq!(described.recipients, [RecipientKind::RawKey]);
    assert!(Description::parse(&unprotected).expect("it describes itself").recipients.is_empty());
}

#[test]
fn a_keyset_file_is_written_with_suite_2_and_three_entries() {
    let key = raw_key(1, 1);
    let file = keyset(1, 1).to_file_bytes(Protection::Sealed(&[&key])).expect("it can be written");
    assert_eq!(file[..9], *b"SWAX\x01\x02\x02\x00\x0c");
    let header = sealwax::envelope::Header::parse(&file, 65_536).expect("it parses");
    let names: Vec<_> = header.stored_context().entries().map(|entry| entry.name).collect();
    assert_eq!(names, ["sealwax.keyset", "sealwax.keyset-name", "sealwax.keyset-revision"]);
}

#[test]
fn a_keyset_is_not_sealed_under_itself() {
    let (keyset, other) = (keyset(2, 1), Keyset::generate("other", Suite::Cobblestone256));
    let other = other.expect("generated");
    let itself = keyset.to_file_bytes(Protection::Sealed(&[&keyset]));
    assert_eq!(kind(itself), Some(ErrorKind::Misuse));
    let both = keyset.to_file_bytes(Protection::Sealed(&[&other, &keyset]));
    assert_eq!(kind(both), Some(ErrorKind::Misuse));
    let file = keyset.to_file_bytes(Protection::Sealed(&[&other])).expect("under another");
    let loaded = Keyset::parse_file_bytes(&file, Protection::Sealed(&[&other]));
    assert_eq!(loaded.expect("it loads").id(), keyset.id());
}

#[test]
fn saving_never_overwrites() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let path = folder.path().join("keys.swks");
    let (keyset, key) = (keyset(2, 1), raw_key(1, 1));
    keyset.save_new(&path, Protection::Sealed(&[&key])).expect("a new file");
    let before = std::fs::read(&path).expect("it was written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    for protection in [Protection::Sealed(&[&key]), Protection::Unprotected] {
        match keyset.save_new(&path, protection) {
            Err(Error::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(std::fs::read(&path).expect("it is there"), before);
    let loaded = Keyset::load(&path, Protection::Sealed(&[&key])).expect("it loads");
    assert_eq!(loaded.id(), keyset.id());
    assert_eq!(Description::load(&path).expect("it describes itself").id, keyset.id());
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1, "nothing unfinished");
    // A link without a target is a file that is there, too.
    #[cfg(unix)]
    {
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).expect("a link");
        assert!(keyset.save_new(&link, Protection::Unprotected).is_err());
        assert!(!folder.path().join("nowhere").exists());
    }
    let missing = Keyset::load(&folder.path().join("missing"), Protection::Unprotected);
    assert_eq!(kind(missing), Some(ErrorKind::Io));
}

#[test]
fn an_older_revision_of_the_same_keyset_is_saved_over_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let path = folder.path().join("keys.swks");
    let key = raw_key(1, 1);
    let sealed = Protection::Sealed(&[&key]);
    let revision = || Keyset::load(&path, sealed).expect("it loads").revision();
    let mut keyset = keyset(2, 1);
    keyset.save_over(&path, 0, sealed).expect("nothing is there");
    assert_eq!(revision(), 1);
    // The same number again may be something else.
    assert_eq!(kind(keyset.save_over(&path, 1, sealed)), Some(ErrorKind::KeyState));
    keyset.rotate(Suite::ChaCha20Poly1305).expect("it can be rotated");
    assert_eq!(kind(keyset.save_over(&path, 0, sealed)), Some(ErrorKind::KeyState), "newer");
    assert_eq!(revision(), 1);
    keyset.save_over(&path, 1, sealed).expect("made from what is there");
    assert_eq!(revision(), 2);
    let old = Keyset::load(&path, sealed).expect("it loads");
    keyset.rotate(Suite::ChaCha20Poly1305).expect("it can be rotated");
    // What it was made from may be newer than what is there: it was put back, or never saved.
    keyset.save_over(&path, 7, sealed).expect("older");
    assert_eq!(kind(old.save_over(&path, 7, sealed)), Some(ErrorKind::KeyState), "put back");
    let other = Keyset::generate("other", Suite::Cobblestone256).expect("generated");
    assert_eq!(kind(other.save_over(&path, 9, sealed)), Some(ErrorKind::Misuse));
    assert_eq!(revision(), 3);
    std::fs::write(&path, b"no keyset").expect("written");
    assert_eq!(kind(keyset.save_over(&path, 9, sealed)), Some(ErrorKind::Format));
    let nowhere = folder.path().join("missing/keys.swks");
    assert_eq!(kind(keyset.save_over(&nowhere, 9, sealed)), Some(ErrorKind::Io));
    let folder_there = folder.path().join("folder");
    std::fs::create_dir(&folder_there).expect("made");
    assert!(keyset.save_over(&folder_there, 9, sealed).is_err());
    assert_eq!(std::fs::read(&path).expect("it is there"), b"no keyset");
}

#[test]
fn a_keyset_file_is_read_up_to_18_mib() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let path = folder.path().join("keys.swks");
    for (len, expected) in [(18 << 20, ErrorKind::Format), ((18 << 20) + 1, ErrorKind::Limit)] {
        let file = std::fs::File::create(&path).expect("made");
        file.set_len(len).expect("a sparse file");
        assert_eq!(kind(Keyset::load(&path, Protection::Unprotected)), Some(expected), "{len}");
    }
}

#[test]
fn an_id_that_is_taken_is_drawn_again() {
    /// Each draw is bytes of one value.
    struct Given(std::vec::IntoIter<u8>);
    impl sealwax::rng::Random for Given {
        fn fill(&mut self, out: &mut [u8]) -> Result<()> {
            out.fill(self.0.next().ok_or(Error::Random)?);
            Ok(())
        }
    }
    let version = VersionMaterial::active(0x0707_0707, 2, [1; 32]);
    let mut keyset = KeysetMaterial::of_one([9; 16], version).keyset();
    let draws = vec![7, 0, 7, 9, 5, 4, 3, 2];
    let suite = Algorithm::Symmetric(Suite::ChaCha20Poly1305);
    let id = keyset.rotate_with_rng(suite, Now::Seconds(1), &mut Given(draws.into_iter()));
    assert_eq!(id.expect("rotated").value(), 0x0909_0909);
    assert_eq!(keyset.versions().len(), 2);
}

#[test]
fn an_entry_names_a_version_of_its_own_keyset_only() {
    let with_id = |id| KeysetMaterial::of_one(id, VersionMaterial::active(7, 2, [1; 32])).keyset();
    let (ours, other) = (with_id([1; 16]), with_id([2; 16]));
    let envelope = Sealer::new().recipient(&ours).seal(b"").expect("sealed");
    let header = sealwax::envelope::Header::parse(&envelope, 65_536).expect("it parses");
    let entry = header.entries().next().expect("one entry");
    assert_eq!(ours.version_of(&entry).map(|version| version.id().value()), Some(7));
    assert!(other.version_of(&entry).is_none());
}

#[test]
fn a_keyset_of_a_newer_version_is_used_and_not_changed() {
    let mut encoding =
        KeysetMaterial::of_one([1; 16], VersionMaterial::active(1, 2, [1; 32])).encode();
    encoding.extend([5, 0, 2, 1, 2]);
    let mut keyset = Keyset::parse_unprotected(&unprotected(&encoding)).expect("it may be ignored");
    assert!(keyset.is_read_only());
    let token = keyset.seal(b"value", &Context::new()).expect("it can be used");
    assert_eq!(kind(keyset.open(&token, &Context::new())), None);
    assert_eq!(kind(keyset.rotate(Suite::ChaCha20Poly1305)), Some(ErrorKind::Misuse));
    assert_eq!(keyset.versions().len(), 1, "a refused rotation changes nothing");
    assert_eq!(keyset.primary().expect("a primary").id().value(), 1);
    assert_eq!(kind(keyset.expose_unprotected()), Some(ErrorKind::Misuse));
    let key = raw_key(1, 1);
    assert_eq!(kind(keyset.to_file_bytes(Protection::Sealed(&[&key]))), Some(ErrorKind::Misuse));
    for tag in [128, 255] {
        let at = encoding.len() - 5;
        encoding[at] = tag;
        let refused = Keyset::parse_unprotected(&unprotected(&encoding));
        assert_eq!(kind(refused), Some(ErrorKind::Format), "a tag that must be known");
    }
}

#[test]
fn a_raw_secret_is_exposed_only_where_the_policy_allows_it() {
    let secret = [7; 32];
    let mut keyset = Keyset::import_raw("k", Suite::Cobblestone256, &secret).expect("imported");
    let version = keyset.primary().expect("a primary").id();
    let refused = keyset.expose_raw_secret(version).map(drop);
    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Misuse));
    let mut policy = *keyset.policy();
    policy.allow_raw_export = true;
    keyset.set_policy(policy).expect("set");
    assert_eq!(keyset.expose_raw_secret(version).expect("allowed"), &secret);
    let other = VersionId::new(version.value() ^ 1).expect("not 0");
    let unknown = keyset.expose_raw_secret(other).map(drop);
    assert_eq!(unknown.map_err(|error| error.kind()), Err(ErrorKind::UnknownKey));
    keyset.rotate(Suite::Cobblestone256).expect("rotated");
    let clearance = Clearance::danger_without_census();
    keyset.destroy(version, &clearance, "", Now::Unknown).expect("destroyed");
    let gone = keyset.expose_raw_secret(version).map(drop);
    assert_eq!(gone.map_err(|error| error.kind()), Err(ErrorKind::KeyState));
}

#[test]
fn a_keyset_file_that_a_compromised_version_wrapped_is_not_loaded_for_use() {
    let mut wrapping = Keyset::generate("wrapping", Suite::ChaCha20Poly1305).expect("generated");
    let old = wrapping.primary().expect("a primary").id();
    let keyset = Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated");
    let file = keyset.to_file_bytes(Protection::Sealed(&[&wrapping])).expect("sealed");
    wrapping.rotate(Suite::ChaCha20Poly1305).expect("rotated");
    wrapping.mark_compromised(old, "", Now::Unknown).expect("marked");
    let migrating = wrapping.migrating();
    let loaded = Keyset::parse_file_bytes(&file, Protection::Sealed(&[&migrating]));
    assert_eq!(loaded.err().map(|error| error.kind()), Some(ErrorKind::KeyState));
    let restored = Keyset::parse_file_bytes(&file, Protection::Restore(&[&migrating]));
    assert_eq!(restored.expect("restored").id(), keyset.id());
}

#[test]
fn a_keyset_that_no_reader_takes_is_not_written() {
    const MAX_LEN: usize = 16 << 20;
    const WITHOUT_CHANGES: usize = 67;
    let record = |id: u32, lens: &[usize]| {
        let mut body = id.to_be_bytes().to_vec();
        body.extend([1, 2]);
        body.extend([0; 24]);
        body.extend((lens.len() as u16).to_be_bytes());
        for (at, len) in lens.iter().enumerate() {
            body.push(if at % 2 == 0 { 3 } else { 2 });
            body.extend([0; 8]);
            body.push(*len as u8);
            body.extend(vec![b'x'; *len]);
        }
        body.push(32);
        body.extend([7; 32]);
        let mut record = (body.len() as u16).to_be_bytes().to_vec();
        record.extend(body);
        record
    };
    let mut encoding = KeysetMaterial::of_one([9; 16], VersionMaterial::active(1, 1, [7; 32]));
    encoding.versions.clear();
    encoding.primary = 0;
    let mut encoding = encoding.encode();
    let count_at = encoding.len() - 4;
    let mut count = 0u32;
    while encoding.len() + 66_000 < MAX_LEN {
        count += 1;
        encoding.extend(record(count, &[255; 246]));
    }
    // Two more records, to the last byte.
    let left = MAX_LEN - encoding.len();
    for len in [left / 2, left - left / 2] {
        count += 1;
        let of_changes = len - WITHOUT_CHANGES;
        let changes = of_changes.div_ceil(265).next_multiple_of(2);
        let of_reasons = of_changes - 10 * changes;
        let len_of = |at| of_reasons / changes + usize::from(at < of_reasons % changes);
        encoding.extend(record(count, &(0..changes).map(len_of).collect::<Vec<_>>()));
    }
    encoding[count_at..].first_chunk_mut().map(|at| *at = count.to_be_bytes()).expect("4 bytes");
    assert_eq!(encoding.len(), MAX_LEN);
    let file = unprotected(&encoding);
    let mut keyset = Keyset::parse_unprotected(&file).expect("it fits");
    assert!(*keyset.expose_unprotected().expect("it fits") == file);
    keyset.rotate(Suite::Cobblestone256).expect("rotated");
    assert_eq!(keyset.expose_unprotected().err().map(|e| e.kind()), Some(ErrorKind::Limit));
    let key = raw_key(1, 1);
    let file = keyset.to_file_bytes(Protection::Sealed(&[&key]));
    assert_eq!(file.err().map(|e| e.kind()), Some(ErrorKind::Limit));
}

#[test]
fn what_a_compromised_version_opens_comes_only_from_calls_that_say_so() {
    let mut keyset = Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated");
    let old = keyset.primary().expect("a primary").id();
    let envelope = Sealer::new().recipient(&keyset).seal(b"plaintext").expect("sealed");
    keyset.rotate(Suite::ChaCha20Poly1305).expect("rotated");
    keyset.mark_compromised(old, "", Now::Unknown).expect("marked");
    let migrating = keyset.migrating();
    let opener = Opener::new().key(&migrating);
    let via = opener.open(&envelope).expect("opened").opened_via;
    assert_eq!(via, sealwax::OpenedVia::Compromised(keyset.id(), old));
    let refused = |result: Result<usize>| {
        assert_eq!(result.err().map(|error| error.kind()), Some(ErrorKind::KeyState));
    };
    let mut out = [0; 9];
    refused(opener.open_into(&envelope, &mut out));
    assert_eq!(out, [0; 9]);
    let mut buffer = envelope.clone();
    refused(opener.open_in_place(&mut buffer).map(|()| 0));
    assert_eq!(buffer, envelope);
    refused(opener.begin(&envelope).map(|_| 0));
}

#[test]
fn a_token_that_is_refused_for_its_length_is_not_counted() {
    let keyset = Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated");
    let sealed = keyset.seal(&[0; 65_537], &Context::new());
    assert_eq!(sealed.err().map(|error| error.kind()), Some(ErrorKind::Limit));
    let usage = keyset.primary().expect("a primary").usage();
    assert_eq!((usage.messages, usage.bytes), (0, 0));
}

#[test]
fn a_time_of_zero_is_no_time_to_schedule() {
    let mut keyset = Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated");
    let version = keyset.primary().expect("a primary").id();
    for (from, to) in [(Some(0), None), (None, Some(0)), (Some(0), Some(5))] {
        let scheduled = keyset.schedule(version, from, to);
        assert_eq!(scheduled.err().map(|error| error.kind()), Some(ErrorKind::Misuse));
    }
}
