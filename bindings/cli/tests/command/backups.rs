// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups: who restores them, what is shown before, and what is said while there is none.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::kit::Room;

/// A room with a keyset, a token of it, and its fingerprint.
fn room_with_token() -> (Room, Vec<u8>, String) {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"precious");
    let keyset = room.json(["keyset", "show", "--json"]);
    let fingerprint = keyset["fingerprint"].as_str().expect("a fingerprint").to_owned();
    (room, token, fingerprint)
}

fn lose(room: &Room) {
    std::fs::remove_dir_all(room.home()).expect("removed");
}

#[test]
fn a_recovery_recipient_restores() {
    let (room, token, fingerprint) = room_with_token();
    for algorithm in [&[][..], &["--x25519"]] {
        let new = ["identity", "new", "-o", "recovery.swxk"].iter().chain(algorithm);
        room.write("recovery.pub", room.ok(new));
        let made = room.json(["keyset", "backup", "-r", "recovery.pub", "-o", "b", "--json"]);
        assert_eq!(made["fingerprint"], *fingerprint);
        let mode = room.path("b").metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let moved = room.path("before");
        std::fs::rename(room.home(), &moved).expect("moved");
        let restore = ["keyset", "restore", "b", "--unprotected"];
        room.run(restore).fails(5, &["b: this file is sealed for an identity", "-i FILE"]);
        let restore = || restore.into_iter().chain(["-i", "recovery.swxk"]);
        room.run(restore())
            .fails(2, &["fingerprint", "no terminal", "--fingerprint HEX, or --yes"]);
        let wrong = "0".repeat(32);
        room.run(restore().chain(["--fingerprint", &wrong]))
            .fails(3, &[&fingerprint, "not the expected one"]);
        assert!(!room.home_file("default.swxk").exists());
        let run = room.run(restore().chain(["--fingerprint", &fingerprint]));
        assert!(run.stderr.contains("rotate soon"), "{}", run.stderr);
        let said = String::from_utf8(run.ok()).expect("text");
        assert!(said.contains("default.swxk: revision 2"), "{said}");
        assert_eq!(room.ok_with(["token", "open"], &token), b"precious");
        room.run(restore().chain(["--yes"])).fails(6, &["never replaced", "--as"]);
        std::fs::remove_dir_all(room.home()).expect("removed");
        std::fs::rename(&moved, room.home()).expect("moved back");
        std::fs::remove_file(room.path("recovery.swxk")).expect("removed");
        std::fs::remove_file(room.path("b")).expect("removed");
    }
}

#[test]
fn what_is_in_a_backup_is_shown_before_it_is_written() {
    let (room, _, fingerprint) = room_with_token();
    room.write("recovery.pub", room.ok(["identity", "new", "-o", "recovery.swxk"]));
    room.ok(["keyset", "backup", "-r", "recovery.pub", "-o", "b"]);
    let id = room.json(["keyset", "show", "--json"])["id"].clone();
    let restore = ["keyset", "restore", "b", "-i", "recovery.swxk", "--yes", "-n", "--as", "new"];
    let run = room.run(restore);
    for said in ["name        default", id.as_str().expect("an id"), "revision    1", &fingerprint]
    {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    run.ok();
    assert!(!room.home_file("new.swxk").exists());
    lose(&room);
    let json = room.json(restore.iter().chain(&["--json"]));
    assert_eq!(
        (&json["dry_run"], &json["backup_fingerprint"]),
        (&true.into(), &(*fingerprint).into())
    );
    assert!(!room.home().exists(), "a dry run makes nothing");
}

#[test]
fn any_two_of_three_shares_restore() {
    let (room, token, fingerprint) = room_with_token();
    room.ok(["keyset", "backup", "--shares", "2/3", "-o", "shares"]);
    let files = ["backup.swx-backup", "share-1-of-3.txt", "share-2-of-3.txt", "share-3-of-3.txt"];
    let paths = files.map(|name| format!("shares/{name}"));
    assert_eq!(room.names(), paths);
    for path in &paths {
        let mode = room.path(path).metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    lose(&room);
    let restore = |shares: &[&str]| {
        let shares = shares.iter().flat_map(|share| ["--share", share]);
        let known = ["--fingerprint", &fingerprint, "--unprotected"];
        room.run(["keyset", "restore", &paths[0]].into_iter().chain(shares).chain(known))
    };
    restore(&[]).fails(5, &["opened by shares", "--share FILE"]);
    restore(&[&paths[1]]).fails(5, &["one more share of backup", "--share"]);
    restore(&[&paths[2], &paths[2]]).fails(5, &["one more share of backup"]);
    assert!(!room.home_file("default.swxk").exists());
    for (one, other) in [(1, 2), (2, 3), (3, 1)] {
        restore(&[&paths[one], &paths[other]]).ok();
        assert_eq!(room.ok_with(["token", "open"], &token), b"precious");
        lose(&room);
    }
    let all: Vec<u8> = paths[1..].iter().flat_map(|path| room.read(path)).collect();
    let from_stdin = ["keyset", "restore", &paths[0], "--share", "-", "--yes", "--unprotected"];
    room.ok_with(from_stdin, &all);
    assert_eq!(room.ok_with(["token", "open"], &token), b"precious");
}

#[test]
fn a_bad_share_is_named() {
    let room = Room::with_keyset();
    room.ok(["keyset", "backup", "--shares", "2/3", "-o", "s"]);
    room.ok(["keyset", "backup", "--shares", "2/3", "-o", "other"]);
    let share = |name: &str| String::from_utf8(room.read(name)).expect("text");
    let restore = |shares: [&str; 2]| {
        let shares = shares.into_iter().flat_map(|share| ["--share", share]);
        let how = ["--yes", "--unprotected", "--as", "new"];
        room.run(["keyset", "restore", "s/backup.swx-backup"].into_iter().chain(shares).chain(how))
    };
    restore(["s/share-1-of-3.txt", "other/share-2-of-3.txt"])
        .fails(5, &["this share belongs to backup", "the shares of this backup"]);
    let text = share("s/share-3-of-3.txt");
    let line = text.lines().last().expect("a share");
    room.write_secret("forged.txt", forged(line));
    restore(["s/share-1-of-3.txt", "forged.txt"]).fails(4, &["share 3 is not the one"]);
    let typo = match line.ends_with('Q') {
        true => format!("{}P", &line[..line.len() - 1]),
        false => format!("{}Q", &line[..line.len() - 1]),
    };
    room.write_secret("typo.txt", &typo);
    let run = restore(["s/share-1-of-3.txt", "typo.txt"]);
    run.fails(4, &["typo.txt: malformed"]);
    assert!(!run.stderr.contains(&line[20..60]), "a share is secret");
    room.write_secret("none.txt", "# nothing\n");
    restore(["s/share-1-of-3.txt", "none.txt"]).fails(4, &["none.txt: there is no share"]);
    assert!(!room.home_file("new.swxk").exists());
}

/// The share with another value, and a checksum that holds.
fn forged(share: &str) -> String {
    use bech32::primitives::decode::CheckedHrpstring;
    let checked = CheckedHrpstring::new::<bech32::Bech32m>(share).expect("a checksum");
    let mut payload: Vec<u8> = checked.byte_iter().collect();
    *payload.last_mut().expect("not empty") ^= 1;
    let hrp = bech32::Hrp::parse("sealwax-share-").expect("a word");
    bech32::encode_upper::<bech32::Bech32m>(hrp, &payload).expect("short")
}

#[test]
fn a_backup_replaces_nothing_and_comes_whole() {
    let room = Room::with_keyset();
    room.write("taken", "mine");
    room.write("recovery.pub", room.ok(["identity", "new", "-o", "recovery.swxk"]));
    room.run(["keyset", "backup", "-r", "recovery.pub", "-o", "taken"])
        .fails(6, &["taken: exists already", "never replaced"]);
    room.run(["keyset", "backup", "--shares", "2/2", "-o", "taken"]).fails(6, &["taken: exists"]);
    room.run(["keyset", "backup", "--shares", "2/2", "-o", "absent/s"]).fails(6, &["no such file"]);
    assert_eq!(room.read("taken"), b"mine");
    assert_eq!(room.names(), ["recovery.pub", "recovery.swxk", "taken"]);
    std::fs::create_dir(room.path("empty")).expect("a folder");
    room.ok(["keyset", "backup", "--shares", "64/64", "-o", "empty"]);
    assert_eq!(room.names().iter().filter(|name| name.starts_with("empty/")).count(), 65);
    for shares in ["1/3", "3/2", "2/65", "2", "a/b", "0/0"] {
        room.run(["keyset", "backup", "--shares", shares, "-o", "x"]).fails(2, &["2/3"]);
    }
    room.run(["keyset", "backup", "-o", "x"]).fails(2, &["--recipient", "--shares"]);
    room.run(["keyset", "backup", "-r", "taken", "-o", "x"]).fails(4, &["taken: "]);
}

#[test]
fn a_keyset_says_that_it_has_no_backup_until_it_has_one() {
    let room = Room::new();
    let reminder = "keyset work has no backup; make one with `sealwax keyset backup work`";
    let run = room.run(["keyset", "new", "work", "--unprotected"]);
    assert!(run.stderr.contains(reminder), "{}", run.stderr);
    for name in ["a", "b"] {
        room.write(name, name);
    }
    let said = |arguments: &[&str]| {
        let run = room.run_with(arguments, b"x");
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stderr
    };
    assert_eq!(said(&["seal", "-k", "work", "a", "b"]).matches(reminder).count(), 1);
    assert!(said(&["token", "seal", "-k", "work"]).contains(reminder));
    assert!(room.text(["keyset", "show", "work"]).contains("backup      none"));
    assert!(room.text(["keyset", "list"]).contains("backup none"));
    room.ok(["keyset", "backup", "work", "--shares", "2/2", "-o", "s"]);
    assert_eq!(said(&["seal", "-f", "-k", "work", "a"]), "");
    assert_eq!(said(&["token", "seal", "-k", "work"]), "");
    let shown = room.text(["keyset", "show", "work"]);
    assert!(shown.contains("backup      of revision 1, made 20"), "{shown}");
    let backup = &room.json(["keyset", "list", "--json"])[0]["backup"];
    assert_eq!((&backup["revision"], &backup["covers_primary"]), (&1.into(), &true.into()));
    // Times are in seconds.
    std::thread::sleep(Duration::from_millis(1100));
    let older = "the backup of keyset work is older than its newest version";
    assert!(said(&["keyset", "rotate", "work"]).contains(older));
    assert!(said(&["seal", "-f", "-k", "work", "a"]).contains(older));
    assert!(room.text(["keyset", "list"]).contains("older than the newest version"));
}

#[test]
fn a_restored_keyset_follows_what_was_seen() {
    let (room, token, fingerprint) = room_with_token();
    room.ok(["keyset", "backup", "--shares", "2/2", "-o", "s"]);
    room.ok(["keyset", "rotate"]);
    room.ok(["keyset", "rotate"]);
    std::fs::remove_file(room.home_file("default.swxk")).expect("removed");
    let all = ["--share", "s/share-1-of-2.txt", "--share", "s/share-2-of-2.txt"];
    let restore = ["keyset", "restore", "s/backup.swx-backup", "--unprotected"];
    let known = ["--fingerprint", fingerprint.as_str()];
    let restore = || restore.iter().chain(&all).chain(&known);
    let usage = std::fs::read(room.home_file("default.swxl")).expect("a file");
    let mut damaged = usage.clone();
    *damaged.last_mut().expect("not empty") ^= 1;
    std::fs::write(room.home_file("default.swxl"), &damaged).expect("written");
    room.run(restore()).fails(5, &["usage file", "--discard-usage"]);
    assert!(!room.home_file("default.swxk").exists());
    std::fs::write(room.home_file("default.swxl"), &usage).expect("written");
    let said = String::from_utf8(room.ok(restore())).expect("text");
    assert!(said.contains("revision 4"), "one more than the usage file has seen: {said}");
    assert_eq!(room.ok_with(["token", "open"], &token), b"precious");
    let keyset = room.json(["keyset", "show", "--json"]);
    assert_eq!(keyset["versions"][0]["usage"]["messages"], 1, "counters go on");
    std::fs::remove_file(room.home_file("default.swxk")).expect("removed");
    std::fs::write(room.home_file("default.swxl"), &damaged).expect("written");
    room.ok(restore().chain(&["--discard-usage"]));
    room.ok(["keyset", "rotate"]);
}

#[test]
fn a_copy_of_a_keyset_file_is_restored_with_its_passphrase() {
    let room = Room::new();
    room.write_secret("p", "pass");
    room.ok(["keyset", "new", "--passphrase-file", "p"]);
    std::fs::rename(room.home_file("default.swxk"), room.path("copy")).expect("moved");
    let restore = ["keyset", "restore", "copy", "--yes", "--passphrase-file", "p"];
    room.run(restore).fails(2, &["--new-passphrase-file"]);
    room.run(restore.iter().chain(&["--share", "p"])).fails(2, &["no shares"]);
    let json = room.json(restore.iter().chain(&["--new-passphrase-file", "p", "--json"]));
    assert_eq!((&json["backup_revision"], &json["revision"]), (&1.into(), &2.into()));
    room.ok(["keyset", "rotate", "--passphrase-file", "p"]);
}
