// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secrets do not get out by accident: through `Debug`, through errors, through repeated salts.
#![cfg(feature = "std")]

mod kit;

use std::collections::HashSet;

use kit::keys::{KeysetMaterial, VersionMaterial, cheap_passphrase, raw_key};
use kit::random::Repeatable;
use kit::specimens::{keyset, row};
use sealwax::secret::{Key, Root};
use sealwax::wrap::provider::Request;
use sealwax::{Context, Error, Keyset, Opener, Sealer, Suite};

/// Fails where `printed` shows the bytes in one of the ways that bytes are shown.
fn shows_nothing(printed: &str, secret: &[u8]) {
    let lower = printed.to_lowercase();
    let list: Vec<String> = secret.iter().map(u8::to_string).collect();
    assert!(!lower.contains(&hex::encode(secret)), "{printed}");
    assert!(!lower.contains(&list.join(", ")), "{printed}");
    assert!(!lower.contains(&list.join(",")), "{printed}");
    // Not even the beginning.
    assert!(!lower.contains(&hex::encode(&secret[..4])), "{printed}");
}

#[test]
fn secrets_print_nothing() {
    let secret = *b"\xd1\x77\x3a\xc6\x11\x5b\x09\xe2 thirty-two bytes in all";
    let key = Key::<Root>::init_with(|bytes| {
        *bytes = secret;
        Ok(())
    })
    .expect("filling does not fail");
    assert_eq!(format!("{key:?}"), "Key(secret)");
    assert_eq!(format!("{key:#?}"), "Key(secret)");
    for algorithm in 1..=4 {
        let version = VersionMaterial::active(1, algorithm, secret);
        let keyset = KeysetMaterial::of_one([9; 16], version).keyset();
        shows_nothing(&format!("{keyset:?} {keyset:#?}"), &secret);
        let versions = keyset.versions();
        shows_nothing(&format!("{versions:?} {:#?}", keyset.primary()), &secret);
    }
}

#[test]
fn errors_carry_no_secret() {
    let secret = *b"\xd1\x77\x3a\xc6\x11\x5b\x09\xe2 thirty-two bytes in all";
    let with_secret = |algorithm, state| {
        let version = VersionMaterial { state, ..VersionMaterial::active(1, algorithm, secret) };
        let primary = u32::from(state == 2);
        KeysetMaterial { id: [9; 16], primary, revision: 1, versions: vec![version] }.keyset()
    };
    let keyset = with_secret(1, 2);
    let plaintext = b"\xd1\x77\x3a\xc6 a plaintext that is a secret as well";
    let mut token = keyset.seal(plaintext, &row()).expect("it can be sealed");
    let mut envelope = Sealer::new().recipient(&keyset).seal(plaintext).expect("it can be sealed");
    let mut errors: Vec<Error> = Vec::new();
    errors.extend(with_secret(1, 3).open(&token, &row()).err());
    errors.extend(with_secret(2, 2).open(&token, &row()).err());
    errors.extend(Opener::new().key(&with_secret(1, 5)).open(&envelope).err());
    errors.extend(with_secret(3, 2).seal(plaintext, &row()).err());
    errors.extend(with_secret(1, 4).seal(plaintext, &row()).err());
    *token.last_mut().expect("a token has bytes") ^= 1;
    *envelope.last_mut().expect("an envelope has bytes") ^= 1;
    errors.extend(keyset.open(&token, &row()).err());
    errors.extend(keyset.open(&token, &Context::new()).err());
    errors.extend(Opener::new().key(&keyset).open(&envelope).err());
    let text = with_secret(4, 2).expose_identity_text().expect("an identity");
    errors.extend(Keyset::parse_identity_text(&text.to_lowercase()).err());
    errors.extend(Keyset::parse_identity_text(&text[..text.len() - 1]).err());
    errors.extend(text.parse::<sealwax::wrap::hpke::Recipient>().err());
    let mut file = keyset.expose_unprotected().expect("it can be written");
    file[30] ^= 1;
    errors.extend(Keyset::parse_unprotected(&file).err());
    errors.extend(
        Keyset::generate(std::str::from_utf8(&[b'x'; 65]).expect("text"), Suite::Cobblestone256)
            .err(),
    );
    assert_eq!(errors.len(), 13);
    for error in errors {
        let printed = format!(
            "{error} {error:?} {:?}",
            std::error::Error::source(&error).map(|e| e.to_string())
        );
        shows_nothing(&printed, &secret);
        shows_nothing(&printed, plaintext);
        assert!(!printed.to_uppercase().contains(&text[20..40]), "{printed}");
        let first = error.to_string();
        assert!(!first.ends_with('.') && first.starts_with(char::is_lowercase), "{first}");
    }
}

#[test]
fn errors_travel_through_io_and_back() {
    let key = raw_key(1, 1);
    let mut envelope = Sealer::new().recipient(&key).seal(b"plaintext").expect("it can be sealed");
    *envelope.last_mut().expect("an envelope has bytes") ^= 1;
    let mut reader = Opener::new().key(&key).reader(envelope.as_slice()).expect("a good header");
    let error = std::io::Read::read(&mut reader, &mut [0; 9]).expect_err("changed");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    assert!(matches!(Error::from_io(error), Error::Decrypt));
    let system = std::io::Error::from(std::io::ErrorKind::NotFound);
    assert!(matches!(Error::from_io(system), Error::Io(_)));
}

fn salt_of(token: &[u8]) -> [u8; 24] {
    token[5..29].try_into().expect("24 bytes")
}

#[test]
fn salts_of_tokens_never_repeat_across_threads() {
    let keyset = keyset(2, 1);
    let salts = std::thread::scope(|scope| {
        let draw = || -> Vec<_> {
            (0..500)
                .map(|_| salt_of(&keyset.seal(b"same", &Context::new()).expect("sealed")))
                .collect()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(draw)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
    });
    assert_eq!(salts.iter().collect::<HashSet<_>>().len(), 4000);
}

#[test]
fn nothing_random_repeats_between_two_envelopes() {
    let (key, passphrase) = (raw_key(1, 1), cheap_passphrase("correct horse"));
    let sealer = Sealer::new().recipient(&key).recipient(&passphrase).danger_mix_recipients();
    let [one, other] = [(), ()].map(|()| sealer.seal(&[0; 64]).expect("it can be sealed"));
    assert_eq!(one.len(), other.len());
    // What is equal is public and of the layout; no run of 16 equal bytes is anything else.
    let parts = kit::envelopes::Parts::cut(&one);
    let layout = parts.core.len() + 5 + 5 + 3 + 16;
    let mut run = 0;
    for at in layout..one.len() {
        run = if one[at] == other[at] { run + 1 } else { 0 };
        // The type, length and costs of the passphrase entry: 12 bytes in a row.
        assert!(run < 16, "equal bytes at {at}");
    }
    assert_ne!(one[9..25], other[9..25], "the envelope id");
}

#[test]
fn hedged_tokens_of_a_repeating_source_differ_where_their_contents_do() {
    let keyset = keyset(1, 1);
    let seal = |plaintext: &[u8], context: &Context| {
        let mut stuck = Repeatable(1);
        keyset.seal_with_rng(plaintext, context, &mut stuck).expect("it can be sealed")
    };
    let same = seal(b"one", &row());
    assert_eq!(same, seal(b"one", &row()), "all that shows is equality");
    for other in [seal(b"two", &row()), seal(b"one", &Context::new()), seal(b"one\0", &row())] {
        assert_ne!(salt_of(&same), salt_of(&other));
    }
}

#[test]
fn a_provider_request_prints_nothing_and_has_a_fresh_key() {
    let mut random = sealwax::rng::OsRandom;
    let [one, other] = [(), ()].map(|()| Request::new("kms", "key", &mut random).expect("allowed"));
    assert_ne!(one.expose_key(), other.expose_key());
    assert_ne!(one.expose_key(), &[0; 32]);
}

#[test]
fn what_was_opened_before_a_chunk_failed_is_wiped() {
    let key = raw_key(1, 1);
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let sealer = Sealer::new().suite(suite).recipient(&key);
        let mut changed = sealer.seal(&[7; 40_000]).expect("sealed");
        *changed.last_mut().expect("not empty") ^= 1;
        let mut out = vec![0xaa; 40_000];
        let opened = Opener::new().key(&key).open_into(&changed, &mut out);
        assert!(matches!(opened, Err(Error::Decrypt)), "{opened:?}");
        assert!(out.iter().all(|byte| *byte == 0));
        let opened = Opener::new().key(&key).open_in_place(&mut changed);
        assert!(matches!(opened, Err(Error::Decrypt)), "{opened:?}");
        assert!(changed.is_empty());
    }
}
