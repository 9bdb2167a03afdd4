// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust half of `scripts/overhead`: what a call of the C face is compared with.
//!
//! `overhead keyset FILE` makes a keyset; `overhead seal|open ROUNDS CALLS FILE` seals or opens a
//! token of 16 bytes so many times, and prints the nanoseconds of a call in the fastest round.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use sealwax::keyset::file::Protection;
use sealwax::{Context, Keyset, Result, Suite, token};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["keyset", file] => make(Path::new(file)).expect("a keyset can be written"),
        [what @ ("seal" | "open"), rounds, calls, file] => {
            let [rounds, calls] = [rounds, calls].map(|text| text.parse().expect("a number"));
            let ns =
                run(what, rounds, calls, Path::new(file)).expect("a keyset of `overhead keyset`");
            println!("{ns:.1}");
        }
        // `cargo bench` runs every bench; this one has nothing to say without its other half.
        _ => println!("see scripts/overhead"),
    }
}

fn make(file: &Path) -> Result<()> {
    let keyset = Keyset::generate("overhead", Suite::Cobblestone256)?;
    Ok(fs::write(file, keyset.expose_unprotected()?)?)
}

fn run(what: &str, rounds: u32, calls: u32, file: &Path) -> Result<f64> {
    let keyset = Keyset::parse_file_bytes(&fs::read(file)?, Protection::Unprotected)?;
    let context = Context::new().with("table", "users")?;
    let plaintext = [7u8; 16];
    let mut sealed = [0u8; 16 + token::OVERHEAD];
    let mut opened = [0u8; 16];
    keyset.seal_into(&plaintext, &context, &mut sealed)?;
    let mut fastest = f64::INFINITY;
    for _ in 0..rounds {
        let begin = Instant::now();
        for _ in 0..calls {
            let len = match what {
                "seal" => keyset.seal_into(black_box(&plaintext), &context, &mut sealed)?,
                _ => keyset.open_into(black_box(&sealed), &context, &mut opened)?,
            };
            black_box(len);
        }
        fastest = fastest.min(begin.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    Ok(fastest)
}
