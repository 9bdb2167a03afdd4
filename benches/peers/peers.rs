// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust side of `run.py`: does one job for a while whenever a line asks for it.
//!
//! `peers sealwax|ring|aws-lc-rs` says `ready`, reads lines `job seconds` and answers each with nanoseconds per call, or
//! `-` where the peer has no such job. `worker.py` does the same in Python. `peers identity` prints an
//! identity and its recipient string.

use std::hint::black_box;
use std::io::BufRead;
use std::time::Instant;

use sealwax::{Algorithm, Context, Keyset, Opener, Sealer, Suite};

fn main() {
    let peer = std::env::args().nth(1).unwrap_or_default();
    let run: Box<dyn Fn(&str, f64) -> Option<f64>> = match peer.as_str() {
        "sealwax" => Box::new(sealwax()),
        "ring" => Box::new(ring()),
        "aws-lc-rs" => Box::new(aws_lc()),
        "identity" => return identity(),
        // `cargo bench` and `cargo test` start every bench target.
        _ => return,
    };
    println!("ready");
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Some((job, seconds)) = line.split_once(' ') else { return };
        match run(job, seconds.parse().unwrap_or(0.1)) {
            Some(nanoseconds) => println!("{nanoseconds:.1}"),
            None => println!("-"),
        }
    }
}

/// Prints an X25519 identity and its recipient string, a line each.
fn identity() {
    let keyset = Keyset::generate("bench", Algorithm::X25519).expect("a keyset");
    println!("{}", keyset.expose_identity_text().expect("a key pair").as_str());
    println!("{}", keyset.recipient().expect("a key pair").to_text());
}

/// Nanoseconds per call: batches that grow until one takes about `seconds`, and the last one counts.
fn time<R>(seconds: f64, mut call: impl FnMut() -> R) -> f64 {
    let mut calls = 1u32;
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call());
        }
        let elapsed = start.elapsed().as_secs_f64();
        if elapsed >= seconds * 0.5 {
            return elapsed / f64::from(calls) * 1e9;
        }
        let growth = (seconds * 0.8 / elapsed.max(1e-9)).clamp(2.0, 100.0);
        calls = (f64::from(calls) * growth) as u32;
    }
}

fn sealwax() -> impl Fn(&str, f64) -> Option<f64> {
    let keyset = Keyset::generate("bench", Suite::Cobblestone256).expect("a keyset");
    let row = Context::new().with("table", "users").and_then(|row| row.with("row", "42"));
    let row = row.expect("two short entries");
    let token = keyset.seal(&[7; 64], &row).expect("a token");
    let sealer = Sealer::new().external_context(row.clone());
    let envelope = sealer.recipient(&keyset).seal(&[7; 1024]).expect("an envelope");
    let large = std::cell::RefCell::new((Vec::new(), Vec::new()));
    move |job, seconds| {
        let sealer = || Sealer::new().external_context(row.clone()).recipient(&keyset);
        let opener = || Opener::new().context(row.clone()).key(&keyset);
        Some(match job {
            "token-seal-64" => time(seconds, || keyset.seal(black_box(&[7; 64]), &row)),
            "token-open-64" => time(seconds, || keyset.open(black_box(&token), &row)),
            "envelope-seal-1k" => {
                let sealer = sealer();
                time(seconds, || sealer.seal(black_box(&[7; 1024])))
            }
            "envelope-open-1k" => {
                let opener = opener();
                time(seconds, || opener.open(black_box(&envelope)))
            }
            "envelope-seal-into-64m" => {
                let sealer = sealer();
                let (plaintext, out) = &mut *large.borrow_mut();
                plaintext.resize(64 << 20, 7);
                out.resize(sealer.sealed_len(plaintext.len()).expect("it fits"), 0);
                time(seconds, || sealer.seal_into(black_box(plaintext), out))
            }
            _ => return None,
        })
    }
}

fn ring() -> impl Fn(&str, f64) -> Option<f64> {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = UnboundKey::new(&AES_256_GCM, &random::<32>()).expect("32 bytes");
    let key = LessSafeKey::new(key);
    let seal = move |plaintext: &[u8]| {
        let nonce = random::<12>();
        let mut sealed = Vec::with_capacity(12 + plaintext.len() + 16);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(AAD), &mut sealed[12..]);
        sealed.extend_from_slice(tag.expect("far below the limit").as_ref());
        sealed
    };
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("32 bytes");
    let key = LessSafeKey::new(key);
    let mut sealed = vec![7; 64];
    let nonce = || Nonce::assume_unique_for_key([7; 12]);
    key.seal_in_place_append_tag(nonce(), Aad::from(AAD), &mut sealed).expect("short");
    move |job, seconds| {
        Some(match job {
            "token-seal-64" => time(seconds, || seal(black_box(&[7; 64]))),
            "token-open-64" => time(seconds, || {
                let mut plaintext = black_box(&sealed).clone();
                let opened = key.open_in_place(nonce(), Aad::from(AAD), &mut plaintext);
                let len = opened.expect("sealed here").len();
                plaintext.truncate(len);
                plaintext
            }),
            _ => return None,
        })
    }
}

fn aws_lc() -> impl Fn(&str, f64) -> Option<f64> {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = UnboundKey::new(&AES_256_GCM, &random::<32>()).expect("32 bytes");
    let key = LessSafeKey::new(key);
    let seal = move |plaintext: &[u8]| {
        let nonce = random::<12>();
        let mut sealed = Vec::with_capacity(12 + plaintext.len() + 16);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(AAD), &mut sealed[12..]);
        sealed.extend_from_slice(tag.expect("far below the limit").as_ref());
        sealed
    };
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("32 bytes");
    let key = LessSafeKey::new(key);
    let mut sealed = vec![7; 64];
    let nonce = || Nonce::assume_unique_for_key([7; 12]);
    key.seal_in_place_append_tag(nonce(), Aad::from(AAD), &mut sealed).expect("short");
    move |job, seconds| {
        Some(match job {
            "token-seal-64" => time(seconds, || seal(black_box(&[7; 64]))),
            "token-open-64" => time(seconds, || {
                let mut plaintext = black_box(&sealed).clone();
                let opened = key.open_in_place(nonce(), Aad::from(AAD), &mut plaintext);
                let len = opened.expect("sealed here").len();
                plaintext.truncate(len);
                plaintext
            }),
            _ => return None,
        })
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system's random source");
    bytes
}

/// As long as the encoded context of the tokens.
const AAD: &[u8; 21] = b"table=users,row=00042";
