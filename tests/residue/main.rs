// SPDX-License-Identifier: MIT OR Apache-2.0
//! After each public call no secret is left: not on the dead stack below the caller nor on those of the threads that the call
//! began, and in no block of the heap that was given back, whether the call succeeded, failed, returned early or panicked.
//!
//! A program of its own, because it has an allocator of its own. What it looks for it computes from docs/format.md and the
//! standards named there. One secret of each name is leaked on purpose, in each of these places, and must be found.
#![cfg(feature = "std")]
#![allow(unsafe_code)]

mod aes;
mod authenticators;
mod case;
mod devices;
mod envelopes;
#[cfg(unix)]
mod files;
mod handshakes;
mod identities;
#[path = "../kit/mod.rs"]
mod kit;
mod needles;
mod noise;
mod planted;
mod providers;
mod sessions;
mod sources;
mod stores;
#[cfg(unix)]
mod streams;
mod threads;
mod tokens;
mod watch;
mod x_wing;

use case::Found;
use sealwax::Suite;

fn main() {
    aes::check();
    authenticators::check();
    sources::install_hook();
    let mut cases = tokens::cases(Suite::Cobblestone256);
    cases.extend(tokens::cases(Suite::ChaCha20Poly1305));
    cases.extend(envelopes::cases());
    cases.extend(providers::cases());
    cases.extend(identities::cases());
    cases.extend(stores::cases());
    cases.extend(devices::cases());
    cases.extend(sessions::cases());
    cases.extend(handshakes::cases());
    #[cfg(unix)]
    cases.extend(files::cases());
    #[cfg(unix)]
    cases.extend(streams::cases());
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    cases.retain(|case| only.as_ref().is_none_or(|only| case.name.contains(only)));
    let mut planted = planted::Planted::default();
    let (mut leaks, mut too_deep) = (0, 0);
    for case in &cases {
        let Found { on_stack, in_heap, depth, below_wiped, needles } = case.run();
        let stack = on_stack.map_or("-".into(), |(what, depth)| format!("{what} at {depth}"));
        // What wipes has a frame of its own.
        let is_wiped = below_wiped <= WIPING_FRAME;
        let unwiped = if is_wiped { ' ' } else { '!' };
        let heap = in_heap.unwrap_or("-");
        println!("{:60} depth {depth:6}{unwiped} stack {stack}  heap {heap}", case.name);
        leaks += usize::from(on_stack.is_some() || in_heap.is_some());
        // The depths were measured in release builds.
        if !is_wiped && !case.ends_early && !cfg!(debug_assertions) {
            println!("    {below_wiped} bytes of it are below what was wiped");
            too_deep += 1;
        }
        planted.look_for(&needles);
    }
    println!(
        "{} kinds of secrets were leaked on purpose and found, in each place",
        planted.count()
    );
    println!("{} calls, {leaks} of them leave a secret", cases.len());
    println!("{too_deep} of them go deeper than what is wiped");
    // With their folders.
    drop(cases);
    std::process::exit(i32::from(leaks + too_deep != 0));
}

/// Bytes that what wipes the stack takes below what it wipes.
const WIPING_FRAME: usize = 512;
