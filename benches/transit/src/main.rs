// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records, handshakes, streams and idle sessions beside snow, rustls and plain TCP, as tables in Markdown:
//! `cargo run --release --manifest-path benches/transit/Cargo.toml [-- --short]`.

mod clock;
mod handshakes;
mod memory;
mod records;
mod sessions;
mod streams;
mod tls;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if memory::child(&arguments) {
        return;
    }
    let is_short = arguments.iter().any(|argument| argument == "--short");
    let rounds = if is_short { 5 } else { 61 };
    println!(
        "Medians of {rounds} interleaved rounds ({} of streams). Times of records and handshakes are processor time.\n",
        streams::rounds(rounds)
    );
    records::table(rounds);
    handshakes::table(rounds);
    streams::table(streams::rounds(rounds), if is_short { 64 << 20 } else { 1 << 30 });
    memory::table(if is_short { 500 } else { 5_000 });
}
