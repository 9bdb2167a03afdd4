// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing and opening files, and making keysets.

use super::matrix::{Again, Scenario, USUAL, survives_every_fault};
use super::room::{Files, Room};

#[test]
fn a_new_keyset_is_whole_or_not_there() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            room.ok(["keyset", "new", "other", "--unprotected"]);
        },
        arguments: &["keyset", "new", "--unprotected"],
        changes: &[DEFAULT],
        holds: default_is_whole,
        done: |room, _| assert_eq!(room.keyset("default").revision(), 1),
        again: Again::RefusesToReplace(DEFAULT),
        ..USUAL
    });
}

#[test]
fn the_first_seal_leaves_a_whole_keyset_and_a_whole_file_or_none() {
    survives_every_fault(&Scenario {
        prepare: |room| room.write("work/a", PLAINTEXT),
        arguments: &["seal", "a"],
        changes: &[DEFAULT, SEALED],
        holds: |room, before| {
            default_is_whole(room, before);
            if room.has(SEALED) {
                sealed_opens(room, before);
            }
        },
        done: sealed_opens,
        again: Again::RefusesToReplace(SEALED),
        ..USUAL
    });
}

#[test]
fn sealing_over_a_file_leaves_the_old_one_or_the_new_one() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            room.write("work/a", b"before");
            room.ok(["keyset", "new", "--unprotected"]);
            room.ok(["seal", "a"]);
            room.write("work/a", PLAINTEXT);
        },
        arguments: &["seal", "--force", "a"],
        changes: &[SEALED],
        holds: |room, before| {
            if room.read(SEALED).as_ref() != before.get(SEALED) {
                sealed_opens(room, before);
            }
        },
        done: sealed_opens,
        ..USUAL
    });
}

#[test]
fn sealing_a_stream_leaves_a_whole_file_or_none() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            room.ok(["keyset", "new", "--unprotected"]);
        },
        arguments: &["seal", "-o", "a.swx"],
        stdin: PLAINTEXT,
        changes: &[SEALED],
        holds: |room, before| {
            if room.has(SEALED) {
                sealed_opens(room, before);
            }
        },
        done: sealed_opens,
        again: Again::RefusesToReplace(SEALED),
        ..USUAL
    });
}

#[test]
fn opening_a_file_leaves_all_of_it_or_nothing() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            room.write("work/a", PLAINTEXT);
            room.ok(["keyset", "new", "--unprotected"]);
            room.ok(["seal", "a"]);
            std::fs::remove_file(room.path("work/a")).expect("removed");
        },
        arguments: &["open", "a.swx"],
        changes: &["work/a"],
        holds: |room, _| assert!(room.read("work/a").is_none_or(|bytes| bytes == PLAINTEXT)),
        done: |room, _| assert!(room.has("work/a")),
        again: Again::RefusesToReplace("work/a"),
        ..USUAL
    });
}

#[test]
fn a_folder_of_files_is_sealed_whole_file_by_whole_file() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            room.write("work/from/a", PLAINTEXT);
            room.write("work/from/deep/b", b"");
            room.write("work/to/other", b"other");
            room.ok(["keyset", "new", "--unprotected"]);
        },
        arguments: &["seal", "--force", "-R", "from", "-o", "to"],
        changes: &["work/to/from/a.swx", "work/to/from/deep/b.swx"],
        holds: |room, _| {
            let sealed = [("work/to/from/a.swx", PLAINTEXT), ("work/to/from/deep/b.swx", b"")];
            for (name, plaintext) in sealed.into_iter().filter(|(name, _)| room.has(name)) {
                room.opens(name, &room.keyset("default"), plaintext);
            }
        },
        done: |room, _| {
            assert!(room.has("work/to/from/a.swx") && room.has("work/to/from/deep/b.swx"));
        },
        jobs: 2,
        ..USUAL
    });
}

#[test]
fn many_threads_seal_a_whole_file_or_none() {
    const LARGE: &[u8] = &[0xa5; 600_000];
    survives_every_fault(&Scenario {
        prepare: |room| {
            room.write("work/a", LARGE);
            room.ok(["keyset", "new", "--unprotected"]);
        },
        arguments: &["seal", "--threads", "3", "a"],
        changes: &[SEALED],
        holds: |room, _| {
            if room.has(SEALED) {
                room.opens(SEALED, &room.keyset("default"), LARGE);
            }
        },
        done: |room, _| assert!(room.has(SEALED)),
        again: Again::RefusesToReplace(SEALED),
        ..USUAL
    });
}

#[test]
fn a_new_identity_is_whole_or_not_there() {
    survives_every_fault(&Scenario {
        arguments: &["identity", "new", "-o", "me.swxk"],
        changes: &["work/me.swxk"],
        holds: |room, _| {
            if room.has("work/me.swxk") {
                room.ok(["identity", "show", "me.swxk"]);
            }
        },
        done: |room, _| assert!(room.has("work/me.swxk")),
        again: Again::RefusesToReplace("work/me.swxk"),
        ..USUAL
    });
}

fn default_is_whole(room: &Room, _: &Files) {
    if room.has(DEFAULT) {
        room.keyset("default");
    }
}

fn sealed_opens(room: &Room, _: &Files) {
    room.opens(SEALED, &room.keyset("default"), PLAINTEXT);
}

const DEFAULT: &str = "home/default.swxk";
const SEALED: &str = "work/a.swx";
const PLAINTEXT: &[u8] = &[0x5a; 40_000];
