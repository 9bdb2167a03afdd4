// SPDX-License-Identifier: MIT OR Apache-2.0
//! What handshakes and sessions derive, with the formulas of docs/format.md written down once more over another HKDF.

use hkdf::Hkdf;
use sha2::Sha256;

use super::*;

const SUITES: [Suite; 2] = [Suite::Cobblestone256, Suite::ChaCha20Poly1305];

fn key<P>(bytes: &[u8; 32]) -> Key<P> {
    let mut key = Key::zeroed();
    *key.expose_bytes_mut() = *bytes;
    key
}

/// Expand(key, pieces, N).
fn wanted<const N: usize>(key: &[u8; 32], pieces: &[&[u8]]) -> [u8; N] {
    let mut okm = [0; N];
    let hkdf = Hkdf::<Sha256>::from_prk(key).expect("32 bytes are enough");
    hkdf.expand(&pieces.concat(), &mut okm).expect("at most 255 blocks");
    okm
}

/// HMAC(salt, ikm), which is HKDF-Extract.
fn hmac(salt: &[u8; 32], ikm: &[u8; 32]) -> [u8; 32] {
    Hkdf::<Sha256>::extract(Some(salt), ikm).0.into()
}

/// Whether a key that is ready for use has these bytes.
fn has<P>(ready: &Prk<P>, bytes: &[u8; 32]) -> bool {
    ready.mac(&[b"anything"]) == Prk::new(&key::<P>(bytes)).mac(&[b"anything"])
}

#[test]
fn records_of_each_epoch_have_the_keys_of_their_clause() {
    for suite in SUITES {
        let mut secret = key::<Traffic>(&[9; 32]);
        let mut bytes = [9; 32];
        for epoch in [0u32, 1, 2, 0x0102_0304] {
            let mut record = Key::zeroed();
            let iv = record_key_into(&secret, suite, epoch, &mut record);
            // format.md 13.9.
            let label = b"sealwax/v1/transit/record\0";
            let okm: [u8; 44] = wanted(&bytes, &[label, &[suite as u8], &epoch.to_be_bytes()]);
            assert_eq!([&record.expose_bytes()[..], &iv].concat(), okm);
            step_traffic(&mut secret, suite);
            bytes = wanted(&bytes, &[b"sealwax/v1/transit/next\0", &[suite as u8]]);
            assert_eq!(secret.expose_bytes(), &bytes);
        }
    }
}

#[test]
fn kept_sessions_have_the_keys_of_their_clause() {
    for suite in SUITES {
        // format.md 13.13.
        let (export, salt) = export_keys(&key(&[5; 32]), suite);
        let of = |label: &[u8]| wanted(&[5; 32], &[label, &[0, suite as u8]]);
        assert!(has(&export, &of(b"sealwax/v1/transit/export")));
        assert!(has(&salt, &of(b"sealwax/v1/transit/export-salt")));
    }
}

#[test]
fn handshakes_are_hedged_and_made_hybrid_as_their_clauses_say() {
    // format.md 13.3a.
    let hedge = hedge_key(&[3; 32]);
    let bytes = wanted(&[3; 32], &[b"sealwax/v1/transit/hedge\0"]);
    assert_eq!(hedge.expose_bytes(), &bytes);
    for number in [0, 1, 2] {
        let mut out = [0; 32];
        hedged_into(&hedge, &key(&[4; 32]), number, &[6; 32], &mut out);
        let prk = hmac(&bytes, &[4; 32]);
        let label = b"sealwax/v1/transit/ephemeral\0";
        assert_eq!(out, wanted(&prk, &[label, &[number], &[6; 32]]));
    }
    // format.md 13.5.
    for suite in SUITES {
        let psk =
            hybrid_psk(&key(&[7; 32]), suite, b"head", &[8; 32], b"public key", b"ciphertext");
        let salt = wanted(&[7; 32], &[b"sealwax/v1/transit/psk\0", &[suite as u8]]);
        let exchanged = hash(&[b"public keyciphertext"]);
        let label = b"sealwax/v1/transit/hybrid\0";
        let bytes: [u8; 32] = wanted(&hmac(&salt, &[8; 32]), &[label, b"head", &exchanged]);
        assert_eq!(psk.expose_bytes(), &bytes);
    }
}
