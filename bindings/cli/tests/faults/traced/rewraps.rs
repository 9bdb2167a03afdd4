// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rewrapping in place and by a copy, reencrypting, and clearing what was left behind.

use std::fs;

use sealwax::envelope::Header;
use sealwax::keyset::file::Protection;
use sealwax::{Keyset, Rewrapper};

use super::matrix::{Again, Scenario, USUAL, survives_every_fault};
use super::room::Room;

#[test]
fn a_file_rewrapped_in_place_opens_at_any_moment() {
    survives_every_fault(&Scenario {
        prepare: stale_file,
        arguments: &["rewrap", "a.swx"],
        changes: &[SEALED],
        holds: |room, _| room.opens(SEALED, &room.keyset("default"), PLAINTEXT),
        done: |room, _| is_current(room, SEALED),
        calls: &[(SEALED, &["flock", "pwritev", "fdatasync", "pwritev", "fdatasync"])],
        ..USUAL
    });
}

#[test]
fn a_file_with_an_interrupted_rewrap_is_rewrapped_in_place() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            interrupted_file(room);
            room.ok(["keyset", "rotate"]);
        },
        arguments: &["rewrap", "a.swx"],
        changes: &[SEALED],
        holds: |room, _| room.opens(SEALED, &room.keyset("default"), PLAINTEXT),
        done: |room, _| is_current(room, SEALED),
        // What was left may not be on the disk: that comes first.
        calls: &[(
            SEALED,
            &["flock", "pwritev", "fdatasync", "pwritev", "fdatasync", "pwritev", "fdatasync"],
        )],
        ..USUAL
    });
}

#[test]
fn a_file_that_grows_is_the_old_one_or_the_new_one() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            stale_file(room);
            let public = room.ok(["identity", "new", "-o", "ann.swxk"]);
            room.write("work/ann.pub", public);
        },
        arguments: &["rewrap", "--grow", "--add", "ann.pub", "a.swx"],
        changes: &[SEALED],
        holds: |room, _| room.opens(SEALED, &room.keyset("default"), PLAINTEXT),
        done: |room, _| {
            is_current(room, SEALED);
            let identity = Protection::Unprotected;
            let identity = Keyset::load(&room.path("work/ann.swxk"), identity);
            room.opens(SEALED, &identity.expect("the identity is whole"), PLAINTEXT);
        },
        ..USUAL
    });
}

#[test]
fn a_folder_is_rewrapped_file_by_file() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            stale_file(room);
            for name in ["work/deep/b", "work/deep/c"] {
                room.write(&format!("{name}.swx"), room.read(SEALED).expect("it is there"));
            }
            room.write("work/deep/plain", b"not sealed");
        },
        arguments: &["rewrap", "-R", "."],
        changes: FOLDER,
        holds: |room, _| {
            for name in FOLDER {
                room.opens(name, &room.keyset("default"), PLAINTEXT);
            }
        },
        done: |room, _| FOLDER.iter().for_each(|name| is_current(room, name)),
        jobs: FOLDER.len(),
        ..USUAL
    });
}

#[test]
fn a_detached_header_is_rewrapped_in_place() {
    survives_every_fault(&Scenario {
        prepare: detached_file,
        arguments: &["rewrap", "a.header.swx"],
        changes: &[HEADER],
        holds: |room, _| joined_opens(room, HEADER, PAYLOAD),
        done: |room, _| is_current(room, HEADER),
        calls: &[(HEADER, &["flock", "pwritev", "fdatasync", "pwritev", "fdatasync"])],
        ..USUAL
    });
}

#[test]
fn a_detached_header_is_there_only_with_its_payload() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            room.ok(["keyset", "new", "--unprotected"]);
            room.write("work/a", PLAINTEXT);
        },
        arguments: &["seal", "--force", "--header", "a.header.swx", "-o", "a.payload", "a"],
        changes: &[HEADER, PAYLOAD],
        holds: |room, _| {
            if room.has(HEADER) {
                joined_opens(room, HEADER, PAYLOAD);
            }
        },
        done: |room, _| assert!(room.has(HEADER)),
        ..USUAL
    });
}

#[test]
fn a_reencrypted_header_is_there_only_with_its_payload() {
    const NEW_HEADER: &str = "work/b.header.swx";
    const NEW_PAYLOAD: &str = "work/b.payload";
    survives_every_fault(&Scenario {
        prepare: detached_file,
        arguments: &[
            "reencrypt",
            "--header",
            "a.header.swx",
            "--new-header",
            "b.header.swx",
            "-o",
            "b.payload",
            "a.payload",
        ],
        changes: &[NEW_HEADER, NEW_PAYLOAD],
        holds: |room, _| {
            if room.has(NEW_HEADER) {
                joined_opens(room, NEW_HEADER, NEW_PAYLOAD);
            }
        },
        // A payload without its header opens nowhere; whoever runs it again chooses other names.
        done: |room, _| assert!(room.has(NEW_PAYLOAD)),
        again: Again::RefusesToReplace(NEW_PAYLOAD),
        ..USUAL
    });
}

#[test]
fn recover_leaves_files_that_open() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            interrupted_file(room);
            room.write("work/.b.swx.abcdef.swx-tmp", b"half of something");
        },
        arguments: &["recover", "-R", "."],
        changes: &[SEALED, "work/.b.swx.abcdef.swx-tmp"],
        holds: |room, _| room.opens(SEALED, &room.keyset("default"), PLAINTEXT),
        done: |room, _| {
            is_current(room, SEALED);
            assert!(!room.has("work/.b.swx.abcdef.swx-tmp"));
        },
        calls: &[(SEALED, &["flock", "pwritev", "fdatasync", "pwritev", "fdatasync"])],
        jobs: 2,
        ..USUAL
    });
}

#[test]
fn a_file_reencrypted_in_place_is_the_old_one_or_the_new_one() {
    survives_every_fault(&Scenario {
        prepare: stale_file,
        arguments: &["reencrypt", "--in-place", "a.swx"],
        changes: &[SEALED],
        holds: |room, _| room.opens(SEALED, &room.keyset("default"), PLAINTEXT),
        done: |room, before| {
            is_current(room, SEALED);
            let payload = |bytes: &[u8]| bytes[bytes.len() - PLAINTEXT.len()..].to_vec();
            let now = room.read(SEALED).expect("it is there");
            assert_ne!(payload(&now), payload(&before[SEALED]), "the payload is new");
        },
        ..USUAL
    });
}

#[test]
fn a_file_reencrypted_into_another_is_whole_or_not_there() {
    survives_every_fault(&Scenario {
        prepare: stale_file,
        arguments: &["reencrypt", "-o", "b.swx", "a.swx"],
        changes: &["work/b.swx"],
        holds: |room, _| {
            if room.has("work/b.swx") {
                room.opens("work/b.swx", &room.keyset("default"), PLAINTEXT);
            }
        },
        done: |room, _| is_current(room, "work/b.swx"),
        again: Again::RefusesToReplace("work/b.swx"),
        ..USUAL
    });
}

/// A sealed file, and a keyset that was rotated since.
fn stale_file(room: &Room) {
    room.ok(["keyset", "new", "--unprotected"]);
    room.write("work/a", PLAINTEXT);
    room.ok(["seal", "a"]);
    room.ok(["keyset", "rotate"]);
}

/// A header and a payload, and a keyset that was rotated since.
fn detached_file(room: &Room) {
    room.ok(["keyset", "new", "--unprotected"]);
    room.write("work/a", PLAINTEXT);
    room.ok(["seal", "--header", "a.header.swx", "-o", "a.payload", "a"]);
    room.ok(["keyset", "rotate"]);
}

#[track_caller]
fn joined_opens(room: &Room, header: &str, payload: &str) {
    let read = |name| room.read(name).expect("it is there");
    room.write("work/joined.swx", [read(header), read(payload)].concat());
    room.opens("work/joined.swx", &room.keyset("default"), PLAINTEXT);
    fs::remove_file(room.path("work/joined.swx")).expect("removed");
}

/// A file whose rewrap was killed before it cleared the old slot.
fn interrupted_file(room: &Room) {
    stale_file(room);
    let old = room.read(SEALED).expect("it is there");
    room.ok(["rewrap", "a.swx"]);
    let mut both = room.read(SEALED).expect("it is there");
    let header = Header::parse(&old, 65_536).expect("a header");
    let (_, slot_len, _) = header.slots();
    let first = header.len() - 2 * slot_len..header.len() - slot_len;
    both[first.clone()].copy_from_slice(&old[first]);
    assert!(Header::parse(&both, 65_536).expect("a header").has_leftover());
    fs::write(room.path(SEALED), both).expect("written");
}

/// A file is for the primary, and nothing of an older slot is left.
#[track_caller]
fn is_current(room: &Room, name: &str) {
    let keyset = room.keyset("default");
    let bytes = room.read(name).expect("it is there");
    let header = Header::parse(&bytes, 65_536).expect("a header");
    assert!(!header.has_leftover(), "{name} has a leftover");
    let is_current = Rewrapper::new().keyset(&keyset).is_current(&header);
    assert!(is_current.expect("there is a primary"), "{name} is not current");
}

const SEALED: &str = "work/a.swx";
const HEADER: &str = "work/a.header.swx";
const PAYLOAD: &str = "work/a.payload";
const FOLDER: &[&str] = &["work/a.swx", "work/deep/b.swx", "work/deep/c.swx"];
const PLAINTEXT: &[u8] = &[0x5a; 20_000];
