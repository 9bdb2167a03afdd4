// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chunked payloads in place, 1 MiB at a time, beside the backend's bare AEAD over 16 KiB pieces.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{
    AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use criterion::{BatchSize, Criterion, Throughput};
use sealwax::chunked::{Opening, Sealing};
use sealwax::envelope::{ChunkLen, DEFAULT_MAX_HEADER_LEN, Header, Requirements};
use sealwax::rng::OsRandom;
use sealwax::{Keyset, Sealer, Suite};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut group = criterion.benchmark_group("payload");
    group.throughput(Throughput::Bytes(MIB as u64));
    for case in &CASES {
        let (mut sealing, opening, sealed) = begin(case);
        let (name, mut batch) = (case.name, sealed.clone());
        group.bench_function(format!("seal 1 MiB in place {name}"), |bencher| {
            bencher.iter(|| sealing.seal_batch(black_box(&mut batch)));
        });
        // Opening leaves plaintext behind, so that each run needs the sealed bytes again.
        let fresh = || sealed.clone();
        group.bench_function(format!("open 1 MiB in place {name}"), |bencher| {
            let open = |batch: &mut Vec<u8>| opening.open_batch(0, black_box(batch));
            bencher.iter_batched_ref(fresh, open, BatchSize::SmallInput);
        });
    }
    for (name, algorithm) in BACKENDS {
        let raw = Raw::new(algorithm);
        let mut batch = vec![0; MIB / PIECE * (PIECE + 16)];
        group.bench_function(format!("backend aws-lc-rs seal 1 MiB in place {name}"), |bencher| {
            bencher.iter(|| raw.seal(black_box(&mut batch)));
        });
        raw.seal(&mut batch);
        let fresh = || batch.clone();
        group.bench_function(format!("backend aws-lc-rs open 1 MiB in place {name}"), |bencher| {
            bencher.iter_batched_ref(fresh, |batch| raw.open(batch), BatchSize::SmallInput);
        });
    }
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--bench") {
        ratios();
    }
}

/// A payload as one suite and chunk length make it.
struct Case {
    name: &'static str,
    suite: Suite,
    chunk_len: ChunkLen,
    backend: &'static Algorithm,
}

/// The bare AEAD of the backend: one key, pieces of 16 KiB each followed by its tag, nonces that count.
struct Raw(LessSafeKey);

impl Raw {
    fn new(algorithm: &'static Algorithm) -> Self {
        let key = UnboundKey::new(algorithm, &[7; 32]).expect("32 bytes");
        Raw(LessSafeKey::new(key))
    }

    fn seal(&self, batch: &mut [u8]) {
        for (index, chunk) in (0u64..).zip(batch.chunks_mut(PIECE + 16)) {
            let (piece, tag_out) = chunk.split_at_mut(PIECE);
            let tag = self.0.seal_in_place_separate_tag(nonce(index), Aad::empty(), piece);
            tag_out.copy_from_slice(tag.expect("far below the limit").as_ref());
        }
    }

    fn open(&self, batch: &mut [u8]) {
        for (index, chunk) in (0u64..).zip(batch.chunks_mut(PIECE + 16)) {
            let (piece, tag) = chunk.split_at_mut(PIECE);
            let opened = self.0.open_in_place_separate_tag(nonce(index), Aad::empty(), tag, piece);
            opened.expect("sealed here");
        }
    }
}

fn nonce(index: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// A sealing that has room for more chunks, and an opening with 1 MiB of its first chunks.
fn begin(case: &Case) -> (Sealing, Opening, Vec<u8>) {
    let keyset = Keyset::generate("bench", case.suite).expect("a keyset");
    let sealer = Sealer::new().recipient(&keyset).chunk_len(case.chunk_len);
    let (front, mut sealing) = sealer.begin_with_rng(&mut OsRandom).expect("a header");
    let header = Header::parse(&front, DEFAULT_MAX_HEADER_LEN).expect("sealed here");
    let key = header.open(&[&keyset], &Requirements::default()).expect("sealed here");
    let prefix = front[header.len()..].try_into().expect("the front ends with the prefix");
    let opening = key.opening(prefix).expect("sealed here");
    let mut batch = vec![0; MIB / case.chunk_len.plaintext_len() * case.chunk_len.sealed_len()];
    sealing.seal_batch(&mut batch).expect("full chunks");
    (sealing, opening, batch)
}

/// Times sealwax and the bare backend in turn, so that both see the same state of the machine.
fn ratios() {
    println!("sealing and opening 1 MiB in place: time of sealwax over that of the bare backend");
    println!("with pieces of 16 KiB, medians of {ROUNDS} interleaved runs");
    for case in &CASES {
        let (mut sealing, opening, sealed) = begin(case);
        let raw = Raw::new(case.backend);
        let mut raw_batch = vec![0; MIB / PIECE * (PIECE + 16)];
        let mut batch = sealed.clone();
        let [mut seal, mut raw_seal, mut open, mut raw_open] = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            batch.copy_from_slice(&sealed);
            seal.push(time(|| sealing.seal_batch(&mut batch).expect("full chunks")));
            batch.copy_from_slice(&sealed);
            open.push(time(|| opening.open_batch(0, &mut batch).expect("sealed here")));
            raw_seal.push(time(|| raw.seal(&mut raw_batch)));
            raw_open.push(time(|| raw.open(&mut raw_batch)));
        }
        let (seal, open) = (median(seal) / median(raw_seal), median(open) / median(raw_open));
        println!("  {:36} seal {seal:.3}  open {open:.3}", case.name);
    }
}

fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

const MIB: usize = 1024 * 1024;
const PIECE: usize = 16 * 1024;
const ROUNDS: usize = 501;

const CASES: [Case; 3] = [
    Case {
        name: "cobblestone-256 16 KiB chunks",
        suite: Suite::Cobblestone256,
        chunk_len: ChunkLen::KIB_16,
        backend: &AES_256_GCM,
    },
    Case {
        name: "chacha20-poly1305 16 KiB chunks",
        suite: Suite::ChaCha20Poly1305,
        chunk_len: ChunkLen::KIB_16,
        backend: &CHACHA20_POLY1305,
    },
    Case {
        name: "chacha20-poly1305 4 KiB chunks",
        suite: Suite::ChaCha20Poly1305,
        chunk_len: ChunkLen::KIB_4,
        backend: &CHACHA20_POLY1305,
    },
];

const BACKENDS: [(&str, &Algorithm); 2] =
    [("AES-256-GCM", &AES_256_GCM), ("ChaCha20-Poly1305", &CHACHA20_POLY1305)];
