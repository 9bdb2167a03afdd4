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

use case::{Case, Found};

/// Some cases, made when they are wanted.
type Group = (&'static str, fn() -> Vec<Case>);

const GROUPS: &[Group] = &[
    ("tokens", tokens::cases),
    ("envelopes", envelopes::cases),
    ("providers", providers::cases),
    ("identities", identities::cases),
    ("stores", stores::cases),
    ("devices", devices::cases),
    ("sessions", sessions::cases),
    ("handshakes", handshakes::cases),
    #[cfg(unix)]
    ("files", files::cases),
    #[cfg(unix)]
    ("streams", streams::cases),
];

/// Those of the groups that are named, or all whose name contains what is given.
fn chosen() -> Vec<Case> {
    let only: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_named = |name: &str| only.iter().any(|only| only == name);
    let mut cases = Vec::new();
    let by_group = GROUPS.iter().any(|(name, _)| is_named(name));
    for (name, of_group) in GROUPS {
        if !by_group || is_named(name) {
            cases.extend(of_group());
        }
    }
    if !by_group {
        let is_meant = |case: &Case| only.iter().any(|only| case.name.contains(only.as_str()));
        cases.retain(|case| only.is_empty() || is_meant(case));
    }
    cases
}

fn main() {
    if std::env::args().any(|word| word == "--list") {
        // As other tests say what there is.
        GROUPS.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    aes::check();
    authenticators::check();
    sources::install_hook();
    let cases = chosen();
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
