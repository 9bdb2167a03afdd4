// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens: small values sealed under a keyset, beside the bare AEAD with a random nonce.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use sealwax::{Context, Keyset, Suite};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let row = Context::new().with("table", "users").and_then(|row| row.with("row", "42"));
    let row = row.expect("two short entries");
    let suites = [(Suite::Cobblestone256, ""), (Suite::ChaCha20Poly1305, " chacha20-poly1305")];
    for (suite, suffix) in suites {
        let keyset = Keyset::generate("bench", suite).expect("a keyset");
        for (size, len) in [("64 B", 64), ("1 KiB", 1024)] {
            let plaintext = vec![7; len];
            let token = keyset.seal(&plaintext, &row).expect("a token");
            criterion.bench_function(&format!("token/seal {size}{suffix}"), |bencher| {
                bencher.iter(|| keyset.seal(black_box(&plaintext), &row));
            });
            criterion.bench_function(&format!("token/open {size}{suffix}"), |bencher| {
                bencher.iter(|| keyset.open(black_box(&token), &row));
            });
        }
    }
    peer_ring(&mut criterion);
    peer_aws_lc(&mut criterion);
    criterion.final_summary();
}

/// The same value under one long-lived ring key: nonce from the system, owned output, no key
/// commitment, no key id, and a limit of 2^32 messages that the caller keeps.
fn peer_ring(criterion: &mut Criterion) {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = UnboundKey::new(&AES_256_GCM, &random::<32>()).expect("32 bytes");
    let key = LessSafeKey::new(key);
    let seal = |plaintext: &[u8]| {
        let nonce = random::<12>();
        let mut sealed = Vec::with_capacity(12 + plaintext.len() + 16);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(AAD), &mut sealed[12..]);
        sealed.extend_from_slice(tag.expect("far below the limit").as_ref());
        sealed
    };
    let open = |sealed: &[u8]| {
        let (nonce, body) = sealed.split_first_chunk::<12>().expect("nonce first");
        let mut plaintext = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let len = key.open_in_place(nonce, Aad::from(AAD), &mut plaintext).expect("sealed here");
        let len = len.len();
        plaintext.truncate(len);
        plaintext
    };
    let (plaintext, sealed) = ([7; 64], seal(&[7; 64]));
    criterion.bench_function("token/peer ring AES-256-GCM seal 64 B", |bencher| {
        bencher.iter(|| seal(black_box(&plaintext)));
    });
    criterion.bench_function("token/peer ring AES-256-GCM open 64 B", |bencher| {
        bencher.iter(|| open(black_box(&sealed)));
    });
}

/// As [`peer_ring`], with aws-lc-rs.
fn peer_aws_lc(criterion: &mut Criterion) {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = UnboundKey::new(&AES_256_GCM, &random::<32>()).expect("32 bytes");
    let key = LessSafeKey::new(key);
    let seal = |plaintext: &[u8]| {
        let nonce = random::<12>();
        let mut sealed = Vec::with_capacity(12 + plaintext.len() + 16);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(AAD), &mut sealed[12..]);
        sealed.extend_from_slice(tag.expect("far below the limit").as_ref());
        sealed
    };
    let open = |sealed: &[u8]| {
        let (nonce, body) = sealed.split_first_chunk::<12>().expect("nonce first");
        let mut plaintext = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let len = key.open_in_place(nonce, Aad::from(AAD), &mut plaintext).expect("sealed here");
        let len = len.len();
        plaintext.truncate(len);
        plaintext
    };
    let (plaintext, sealed) = ([7; 64], seal(&[7; 64]));
    criterion.bench_function("token/peer aws-lc-rs AES-256-GCM seal 64 B", |bencher| {
        bencher.iter(|| seal(black_box(&plaintext)));
    });
    criterion.bench_function("token/peer aws-lc-rs AES-256-GCM open 64 B", |bencher| {
        bencher.iter(|| open(black_box(&sealed)));
    });
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system's random source");
    bytes
}

/// As long as the encoded context of the tokens.
const AAD: &[u8; 21] = b"table=users,row=00042";
