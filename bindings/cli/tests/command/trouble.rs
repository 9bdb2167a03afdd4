// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bad luck with keyset files: wrong passphrases, locks, old copies, odd clocks, and the future.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::kit::{Made, Room};

fn file(room: &Room) -> Vec<u8> {
    std::fs::read(room.home_file("default.swxk")).expect("a file")
}

#[test]
fn a_wrong_passphrase_changes_nothing() {
    let room = Room::new();
    room.write_secret("p", "right");
    room.write_secret("wrong", "wrong");
    room.ok(["keyset", "new", "--passphrase-file", "p"]);
    let before = file(&room);
    room.run(["keyset", "rotate", "--passphrase-file", "wrong"])
        .fails(3, &["default.swxk: wrong passphrase for this keyset"]);
    room.run(["keyset", "rotate"])
        .fails(5, &["sealed with a passphrase", "--passphrase-file FILE"]);
    room.run(["keyset", "show", "--passphrase-file", "wrong"]).fails(3, &["wrong passphrase"]);
    assert_eq!(file(&room), before);
    room.ok(["keyset", "suspend", "default", "primary", "--passphrase-file", "p"]);
    for passphrase in [&[][..], &["--passphrase-file", "wrong"]] {
        let list = room.text(["keyset", "list"].iter().chain(passphrase));
        assert!(list.contains("revision 2  sealed for: passphrase\n"), "{list}");
    }
    let list = room.text(["keyset", "list", "--passphrase-file", "p"]);
    assert!(list.contains("sealed for: passphrase  versions: 1 suspended"), "{list}");
}

#[test]
fn an_unprotected_file_in_place_of_a_sealed_one_is_not_changed() {
    let room = Room::with_keyset();
    room.write_secret("p", "pass");
    room.run(["keyset", "rotate", "--passphrase-file", "p"]).fails(2, &["is not protected"]);
}

#[test]
fn a_change_waits_for_the_lock_and_an_interruption_does_not() {
    let room = Room::with_keyset();
    let before = file(&room);
    let lock = File::open(room.home_file("default.swxk")).expect("a file");
    lock.lock().expect("locked");
    let rotate = |arguments: &[&str]| {
        let mut command = room.command(["keyset", "rotate"].iter().chain(arguments));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let mut interrupted = rotate(&[]);
    let waiting = rotate(&[]);
    std::thread::sleep(Duration::from_millis(500));
    let kill = ["-INT", &interrupted.id().to_string()].map(str::to_owned);
    assert!(std::process::Command::new("kill").args(kill).status().expect("kill").success());
    let begun = Instant::now();
    assert_eq!(interrupted.wait().expect("it ends").code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(file(&room), before, "the lock is ours");
    // Readers do not wait.
    room.ok(["keyset", "show"]);
    drop(lock);
    assert!(waiting.wait_with_output().expect("it ends").status.success());
    assert_eq!(room.json(["keyset", "show", "--json"])["revision"], 2);
}

#[test]
fn changes_at_the_same_time_come_one_after_the_other() {
    let room = Room::with_keyset();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| room.ok(["keyset", "rotate"]));
        }
    });
    let keyset = room.json(["keyset", "show", "--json"]);
    assert_eq!(keyset["revision"], 9);
    assert_eq!(keyset["versions"].as_array().map(Vec::len), Some(9));
    let mut left: Vec<_> = std::fs::read_dir(room.home())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["default.swxk", "default.swxl"]);
}

#[test]
fn a_file_that_was_put_back_is_reported() {
    let room = Room::with_keyset();
    let old = file(&room);
    room.ok(["keyset", "rotate"]);
    let token = room.ok_with(["token", "seal"], b"x");
    let new = file(&room);
    std::fs::write(room.home_file("default.swxk"), &old).expect("written");
    let said =
        ["default.swxk: ", "an older revision of its file was put back", "default.swxl away"];
    room.write("a", "a");
    room.run(["keyset", "rotate"]).fails(5, &said);
    room.run(["seal", "a"]).fails(5, &said);
    room.run_with(["token", "seal"], b"x").fails(5, &said);
    room.run(["keyset", "export", "--unprotected", "-o", "x"]).fails(5, &said);
    room.run(["keyset", "backup", "--shares", "2/2", "-o", "x"]).fails(5, &said);
    let shown = room.run(["keyset", "show"]);
    shown.fails(5, &said);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("revision    1"));
    let listed = room.run(["keyset", "list"]);
    listed.fails(5, &said);
    assert_eq!(listed.stdout.iter().filter(|&&byte| byte == b'\n').count(), 1);
    assert_eq!(file(&room), old);
    // Both remedies work.
    std::fs::rename(room.home_file("default.swxl"), room.path("away")).expect("moved");
    room.ok(["keyset", "rotate"]);
    std::fs::write(room.home_file("default.swxk"), &new).expect("written");
    std::fs::rename(room.path("away"), room.home_file("default.swxl")).expect("moved back");
    assert_eq!(room.ok_with(["token", "open"], &token), b"x");
    room.ok(["keyset", "rotate"]);
}

#[test]
fn a_usage_file_that_does_not_verify_is_reported_with_the_remedy() {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"x");
    room.write("a", "a");
    let usage = room.home_file("default.swxl");
    let good = std::fs::read(&usage).expect("a file");
    let mut flipped = good.clone();
    flipped[84] ^= 1;
    for (bytes, said) in [
        (&flipped[..], "the usage file beside its file was changed"),
        (&good[..good.len() - 1], "truncated"),
        (b"", "truncated"),
        (b"something else, and long enough to be looked at", "malformed"),
    ] {
        std::fs::write(&usage, bytes).expect("written");
        for arguments in [&["keyset", "rotate"][..], &["seal", "-f", "a"], &["keyset", "show"]] {
            let run = room.run(arguments);
            assert!(run.code != Some(0), "{said}");
            for part in [said, "default.swxl", "away", "rotate the keyset"] {
                assert!(run.stderr.contains(part), "{part:?}: {}", run.stderr);
            }
        }
        // What only opens does not depend on it.
        assert_eq!(room.ok_with(["token", "open"], &token), b"x");
        assert_eq!(std::fs::read(&usage).expect("a file"), bytes);
    }
    std::fs::remove_file(&usage).expect("removed");
    std::fs::create_dir(&usage).expect("a folder");
    room.run(["keyset", "rotate"]).fails(6, &["usage file", "default.swxl: is a directory"]);
    std::fs::remove_dir(&usage).expect("removed");
    room.ok(["keyset", "rotate"]);
    room.ok(["seal", "a"]);
}

#[test]
fn a_usage_file_of_another_keyset_is_reported() {
    let room = Room::with_keyset();
    room.ok(["keyset", "new", "other", "--unprotected"]);
    room.ok_with(["token", "seal", "-k", "other"], b"x");
    std::fs::rename(room.home_file("other.swxl"), room.home_file("default.swxl")).expect("moved");
    room.run(["keyset", "rotate"])
        .fails(5, &["the usage file beside its file is of another keyset"]);
}

#[test]
fn a_home_that_is_a_file_is_an_error_of_writing() {
    let room = Room::new();
    std::fs::write(room.home(), "a file").expect("written");
    room.run(["keyset", "new", "--unprotected"]).fails(6, &["home: "]);
    room.run(["keyset", "list"]).fails(6, &["home: not a directory"]);
    room.run(["keyset", "rotate"]).fails(6, &["default.swxk: not a directory"]);
    room.run(["keyset", "rotate", "absent.swxk"]).fails(6, &["absent.swxk: no such file"]);
}

#[test]
fn a_clock_that_went_back_loses_nothing() {
    let room = Room::new();
    let ten_years_on = 4_102_444_800;
    room.keyset_file("ahead", &Made { created: ten_years_on, ..Made::default() });
    assert!(room.text(["keyset", "rotate", "ahead", "--if-due"]).contains("no rotation is due"));
    let old = room.primary("ahead");
    room.ok(["keyset", "rotate", "ahead"]);
    room.ok(["keyset", "deactivate", "ahead", &old]);
    let keyset = room.json(["keyset", "show", "ahead", "--json"]);
    let versions = keyset["versions"].as_array().expect("versions");
    let old = versions.iter().find(|version| version["id"] == *old).expect("the old version");
    assert_eq!(old["created"], ten_years_on);
    assert!(old["changes"][0]["at"].as_u64() < Some(ten_years_on));
    room.ok_with(["token", "seal", "-k", "ahead"], b"x");
    room.keyset_file("unknown", &Made { created: 0, ..Made::default() });
    assert!(room.text(["keyset", "show", "unknown"]).contains("created unknown"));
    room.keyset_file("late", &Made { created: u64::MAX, ..Made::default() });
    assert!(room.text(["keyset", "list"]).contains("late"));
}

#[test]
fn a_keyset_from_the_future_is_used_and_not_changed() {
    let room = Room::new();
    let optional = Made { tag: Some(100), ..Made::default() };
    room.keyset_file("newer", &optional);
    let before = std::fs::read(room.home_file("newer.swxk")).expect("a file");
    let token = room.ok_with(["token", "seal", "-k", "newer"], b"x");
    assert_eq!(room.ok_with(["token", "open", "-k", "newer"], &token), b"x");
    room.write_secret("p", "pass");
    for arguments in [
        &["rotate", "newer"][..],
        &["suspend", "newer", "primary"],
        &["schedule", "newer", "primary", "--deactivate-at", "+1d"],
        &["policy", "newer", "--rotate-after", "1d"],
        &["passwd", "newer", "--new-passphrase-file", "p"],
        &["export", "newer", "--new-passphrase-file", "p", "-o", "x"],
        &["backup", "newer", "--shares", "2/2", "-o", "x"],
    ] {
        room.run(["keyset"].iter().chain(arguments))
            .fails(2, &["this keyset was made by a newer version of sealwax"]);
    }
    assert!(room.text(["keyset", "show", "newer"]).contains("made by a newer version"));
    assert_eq!(std::fs::read(room.home_file("newer.swxk")).expect("a file"), before);
    // A file is copied as it is.
    let path = room.home_file("newer.swxk");
    room.ok(["keyset", "import", path.to_str().expect("UTF-8"), "--as", "copy"]);
    assert_eq!(std::fs::read(room.home_file("copy.swxk")).expect("a file"), before);
    room.keyset_file("mandatory", &Made { tag: Some(200), ..Made::default() });
    for verb in ["rotate", "show", "policy"] {
        room.run(["keyset", verb, "mandatory"])
            .fails(4, &["mandatory.swxk: ", "needs a newer version of sealwax"]);
    }
}

#[test]
fn ten_thousand_versions_are_rotated_in_seconds() {
    let room = Room::new();
    room.keyset_file("many", &Made { versions: 10_000, ..Made::default() });
    let begun = Instant::now();
    room.ok(["keyset", "rotate", "many"]);
    room.ok(["keyset", "suspend", "many", "00000001"]);
    let keyset = room.json(["keyset", "show", "many", "--json"]);
    assert_eq!(keyset["versions"].as_array().map(Vec::len), Some(10_001));
    assert!(room.text(["keyset", "list"]).contains("10000 active, 1 suspended"));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
