// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changing keysets: the file is the old revision or the next one, and its counters go on.

use sealwax::id::KeyState;

use super::matrix::{Again, Scenario, USUAL, survives_every_fault};
use super::room::{Files, Room};

#[test]
fn a_rotated_keyset_is_the_old_revision_or_the_next() {
    survives_every_fault(&Scenario {
        prepare: used_keyset,
        arguments: &["keyset", "rotate"],
        changes: &[KEYSET],
        holds: old_or_newer,
        done: |room, before| assert!(room.keyset("default").revision() > revision(room, before)),
        ..USUAL
    });
}

#[test]
fn a_suspended_version_is_suspended_or_not() {
    survives_every_fault(&Scenario {
        prepare: used_keyset,
        arguments: &["keyset", "suspend", "default", "OLDER", "--reason", "suspected"],
        changes: &[KEYSET],
        holds: old_or_newer,
        done: |room, _| assert!(has(room, KeyState::Suspended)),
        again: Again::RefusesWhenDone(
            |room, _| has(room, KeyState::Suspended),
            5,
            "it is suspended already",
        ),
        ..USUAL
    });
}

#[test]
fn a_destroyed_version_is_destroyed_or_not() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            used_keyset(room);
            let older = room.older_version("default").expect("there is one").to_string();
            room.ok(["keyset", "deactivate", "default", &older]);
        },
        arguments: &["keyset", "destroy", "default", "OLDER", "--yes", "--without-census"],
        changes: &[KEYSET],
        holds: old_or_newer,
        done: |room, _| assert!(has(room, KeyState::Destroyed)),
        again: Again::RefusesWhenDone(
            |room, _| has(room, KeyState::Destroyed),
            5,
            "its secret is gone for good",
        ),
        ..USUAL
    });
}

#[test]
fn a_policy_is_the_old_one_or_the_new_one() {
    survives_every_fault(&Scenario {
        prepare: used_keyset,
        arguments: &["keyset", "policy", "--rotate-after", "30d"],
        changes: &[KEYSET],
        holds: old_or_newer,
        done: |room, _| {
            assert_eq!(room.keyset("default").policy().rotate_after_seconds, 30 * 86_400)
        },
        ..USUAL
    });
}

#[test]
fn a_keyset_that_is_protected_anew_is_the_old_revision_or_the_next() {
    survives_every_fault(&Scenario {
        prepare: used_keyset,
        arguments: &["keyset", "passwd", "--unprotected"],
        changes: &[KEYSET],
        holds: old_or_newer,
        done: |room, before| assert!(room.keyset("default").revision() > revision(room, before)),
        ..USUAL
    });
}

#[test]
fn an_exported_keyset_is_whole_or_not_there() {
    survives_every_fault(&Scenario {
        prepare: used_keyset,
        arguments: &["keyset", "export", "--unprotected", "-o", "out.swxk"],
        changes: &["work/out.swxk"],
        holds: |room, _| {
            if room.has("work/out.swxk") {
                room.ok(["keyset", "show", "./out.swxk"]);
            }
        },
        done: |room, _| assert!(room.has("work/out.swxk")),
        again: Again::RefusesToReplace("work/out.swxk"),
        ..USUAL
    });
}

#[test]
fn an_imported_keyset_is_whole_or_not_there() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            used_keyset(room);
            room.ok(["keyset", "export", "--unprotected", "-o", "out.swxk"]);
        },
        arguments: &["keyset", "import", "out.swxk", "--as", "copy", "--unprotected", "--yes"],
        changes: &["home/copy.swxk"],
        holds: |room, _| {
            if room.has("home/copy.swxk") {
                room.opens(SEALED, &room.keyset("copy"), PLAINTEXT);
            }
        },
        done: |room, _| assert!(room.has("home/copy.swxk")),
        again: Again::RefusesToReplace("home/copy.swxk"),
        ..USUAL
    });
}

#[test]
fn a_backup_for_a_recipient_restores_or_is_not_there() {
    survives_every_fault(&Scenario {
        prepare: keyset_and_recovery,
        arguments: &["keyset", "backup", "-r", "recovery.pub", "-o", "default.backup"],
        changes: &[BACKUP],
        holds: |room, _| {
            if room.has(BACKUP) {
                restores(room, &["default.backup", "-i", "recovery.swxk"]);
            }
        },
        done: |room, _| assert!(room.has(BACKUP)),
        again: Again::RefusesToReplace(BACKUP),
        ..USUAL
    });
}

#[test]
fn a_backup_in_shares_restores_or_is_not_there() {
    survives_every_fault(&Scenario {
        prepare: used_keyset,
        arguments: &["keyset", "backup", "--shares", "2/3", "-o", "shares"],
        changes: &[
            SHARED,
            "work/shares/share-1-of-3.txt",
            "work/shares/share-2-of-3.txt",
            "work/shares/share-3-of-3.txt",
        ],
        holds: |room, _| {
            if room.has("work/shares") {
                let (first, last) = ("shares/share-1-of-3.txt", "shares/share-3-of-3.txt");
                let shares = ["--share", first, "--share", last];
                restores(room, &[&["shares/backup.swx-backup"], &shares[..]].concat());
                assert!(room.has("work/shares/share-2-of-3.txt"));
            }
        },
        done: |room, _| assert!(room.has(SHARED)),
        again: Again::RefusesToReplace(SHARED),
        ..USUAL
    });
}

#[test]
fn a_restored_keyset_is_whole_or_not_there_and_its_counters_go_on() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            keyset_and_recovery(room);
            room.ok(["keyset", "backup", "-r", "recovery.pub", "-o", "default.backup"]);
            std::fs::remove_file(room.path(KEYSET)).expect("removed");
        },
        arguments: &[
            "keyset",
            "restore",
            "default.backup",
            "-i",
            "recovery.swxk",
            "--unprotected",
            "--yes",
        ],
        changes: &[KEYSET],
        holds: |room, _| {
            if room.has(KEYSET) {
                room.opens(SEALED, &room.keyset("default"), PLAINTEXT);
                assert!(room.messages("default") >= 1, "what was sealed before is counted");
            }
        },
        done: |room, _| assert!(room.has(KEYSET)),
        again: Again::RefusesToReplace(KEYSET),
        ..USUAL
    });
}

/// A keyset that was used and rotated.
fn used_keyset(room: &Room) {
    room.ok(["keyset", "new", "--unprotected"]);
    room.write("work/a", PLAINTEXT);
    room.ok(["seal", "a"]);
    room.ok(["keyset", "rotate"]);
}

fn keyset_and_recovery(room: &Room) {
    used_keyset(room);
    let public = room.ok(["identity", "new", "--x25519", "-o", "recovery.swxk"]);
    room.write("work/recovery.pub", public);
}

fn revision(room: &Room, before: &Files) -> u64 {
    let old = room.copy();
    old.write(KEYSET, &before[KEYSET]);
    old.keyset("default").revision()
}

/// The file is the old one, byte for byte, or a whole newer revision that opens what the old one
/// sealed.
fn old_or_newer(room: &Room, before: &Files) {
    if room.read(KEYSET).as_ref() != before.get(KEYSET) {
        let keyset = room.keyset("default");
        assert!(keyset.revision() > revision(room, before));
        let destroyed = keyset.versions().iter().any(|v| v.state() == KeyState::Destroyed);
        let suspended = keyset.versions().iter().any(|v| v.state() == KeyState::Suspended);
        if !destroyed && !suspended {
            room.opens(SEALED, &keyset, PLAINTEXT);
        }
    }
}

fn has(room: &Room, state: KeyState) -> bool {
    room.keyset("default").versions().iter().any(|version| version.state() == state)
}

#[track_caller]
fn restores(room: &Room, arguments: &[&str]) {
    let restore = ["keyset", "restore", "--as", "restored", "--unprotected", "--yes", "--dry-run"];
    let run = room.run(restore.iter().chain(arguments), b"");
    assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
}

const KEYSET: &str = "home/default.swxk";
const SEALED: &str = "work/a.swx";
const BACKUP: &str = "work/default.backup";
const SHARED: &str = "work/shares/backup.swx-backup";
const PLAINTEXT: &[u8] = &[0x5a; 1_000];
