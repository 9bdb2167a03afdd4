// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that only read change nothing, whatever fails.

use super::matrix::{Scenario, USUAL, survives_every_fault};
use super::room::Room;

/// What nothing happens to.
fn reads(arguments: &'static [&'static str]) {
    survives_every_fault(&Scenario { prepare: sealed, arguments, ..USUAL });
}

#[test]
fn inspecting_changes_nothing() {
    reads(&["inspect", "a.swx"]);
}

#[test]
fn verifying_changes_nothing() {
    reads(&["verify", "a.swx"]);
}

#[test]
fn a_census_changes_nothing() {
    reads(&["census", "--verify", "."]);
}

#[test]
fn listing_keysets_changes_nothing() {
    reads(&["keyset", "list"]);
}

#[test]
fn showing_a_keyset_changes_nothing() {
    reads(&["keyset", "show"]);
}

#[test]
fn opening_a_stream_changes_nothing() {
    survives_every_fault(&Scenario {
        prepare: sealed,
        arguments: &["open", "-o", "-", "a.swx"],
        printed: |_, stdout| assert!(PLAINTEXT.starts_with(stdout), "what is not true was printed"),
        ..USUAL
    });
}

fn sealed(room: &Room) {
    room.write("work/a", PLAINTEXT);
    room.ok(["keyset", "new", "--unprotected"]);
    room.ok(["seal", "a"]);
}

const PLAINTEXT: &[u8] = &[0x5a; 40_000];
