// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether time tells two classes of inputs apart: a smoke test after Reparaz, Balasch and Verbauwhede, "Dude, is my code
//! constant time?". Welch's t over interleaved measurements; beyond 10 there is a leak, below it none was found.
//!
//! The last line leaks on purpose. A loaded machine finds less; it never finds more.

use std::hint::black_box;
use std::time::Instant;

use sealwax::{Context, Keyset, Suite};

fn main() {
    println!("backend {}", sealwax::BACKEND);
    let context = Context::new();
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let keyset = Keyset::generate("timing", suite).expect("generated");
        let sealed = keyset.seal(&[0; 200], &context).expect("sealed");
        // The first and the last byte of the commitment, and of the tag: where a comparison would give up.
        for (what, first, last) in
            [("commitment", 29, 60), ("tag", sealed.len() - 16, sealed.len() - 1)]
        {
            let changed = |at: usize| {
                let mut token = sealed.clone();
                token[at] ^= 1;
                token
            };
            let tokens = [changed(first), changed(last)];
            let mut out = [0; 300];
            let t = compare(|class| {
                let _ = black_box(keyset.open_into(black_box(&tokens[class]), &context, &mut out));
            });
            say(&format!("{suite:?}, {what}, changed in front or at the end"), t);
        }
        let texts = [[0u8; 200], [0xff; 200]];
        let sealed = texts.map(|text| keyset.seal(&text, &context).expect("sealed"));
        let mut out = [0; 300];
        let t = compare(|class| {
            keyset.open_into(black_box(&sealed[class]), &context, &mut out).expect("as sealed");
        });
        say(&format!("{suite:?}, plaintext of zeros or of ones"), t);
    }
    let inputs = [[1u8; 4096], [0u8; 4096]];
    let t = compare(|class| {
        black_box(black_box(&inputs[class]).iter().all(|byte| *byte == 0));
    });
    say("planted: a comparison that gives up early", t);
}

fn say(what: &str, t: f64) {
    let found = if t.abs() > 10.0 { "a difference" } else { "no difference found" };
    println!("t = {t:8.2}  {found}: {what}");
}

/// Welch's t of two classes of work, measured in an order that looks random. The slowest tenth is left out: interruptions.
fn compare(mut work: impl FnMut(usize)) -> f64 {
    const COUNT: usize = 60_000;
    let mut times = [Vec::with_capacity(COUNT), Vec::with_capacity(COUNT)];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..COUNT {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let class = (state >> 40) as usize & 1;
        let begin = Instant::now();
        work(class);
        times[class].push(begin.elapsed().as_nanos() as f64);
    }
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let limit = all[all.len() * 9 / 10];
    let [one, other] = times.map(|times| moments(times.into_iter().filter(|time| *time <= limit)));
    (one.0 - other.0) / (one.1 + other.1).sqrt().max(f64::MIN_POSITIVE)
}

/// The mean, and the square of its error.
fn moments(times: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for time in times {
        count += 1.0;
        let off = time - mean;
        mean += off / count;
        squares += off * (time - mean);
    }
    (mean, squares / (count - 1.0) / count)
}
