// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a keyset seals is counted beside its file, for all processes together.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;

use crate::kit::{Room, Run};

fn usage(room: &Room) -> (u64, u64, u64) {
    let keyset = room.json(["keyset", "show", "--json"]);
    let usage = &keyset["versions"][0]["usage"];
    let number = |name: &str| usage[name].as_u64().expect("a number");
    (number("messages"), number("bytes"), number("failed_opens"))
}

/// How often the usage file was written (format.md 8.7).
fn serial(room: &Room) -> u64 {
    match std::fs::read(room.home_file("default.swxl")) {
        Ok(bytes) => u64::from_be_bytes(bytes[21..29].try_into().expect("8 bytes")),
        Err(_) => 0,
    }
}

#[test]
fn sealing_files_is_counted_in_one_writing() {
    let room = Room::with_keyset();
    for name in ["a", "b", "c"] {
        room.write(name, name);
    }
    room.ok(["seal", "a", "b", "c"]);
    assert_eq!((usage(&room), serial(&room)), ((3, 96, 0), 1));
    room.ok_with(["seal"], b"from a pipe");
    assert_eq!((usage(&room), serial(&room)), ((4, 128, 0), 2));
    room.run(["seal", "a", "missing"]).fails(6, &["a.swx: exists already"]);
    assert_eq!(usage(&room).0, 4, "what was leased and not used is given back");
    room.run(["seal", "-f", "a", "b", "missing"]).fails(6, &["missing"]);
    assert_eq!(usage(&room).0, 6);
    room.ok(["seal", "--suite", "2", "-f", "a"]);
    assert_eq!(usage(&room).0, 7);
}

#[test]
fn tokens_are_counted_to_the_last() {
    let room = Room::with_keyset();
    room.ok_with(["token", "seal"], b"12345");
    assert_eq!((usage(&room), serial(&room)), ((1, 5, 0), 1));
    let lines: Vec<u8> = (0..5000).flat_map(|_| *b"12\n").collect();
    let tokens = room.ok_with(["token", "seal", "--lines"], &lines);
    // Two writings: one lease for all, and what is left of it.
    assert_eq!((usage(&room), serial(&room)), ((5001, 10_005, 0), 3));
    room.ok_with(["token", "open", "--lines"], &tokens);
    assert_eq!(serial(&room), 3, "opening writes nothing");
    let token = tokens.split(|&byte| byte == b'\n').next().expect("a token");
    room.run_with(["token", "open", "--context", "a=b"], token).fails(3, &["cannot decrypt"]);
    assert_eq!(usage(&room), (5001, 10_005, 1));
}

#[test]
fn processes_count_together() {
    let room = Room::with_keyset();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| room.ok_with(["token", "seal", "--lines"], b"a\nb\nc\n"));
        }
        scope.spawn(|| room.ok(["keyset", "rotate", "--prepare"]));
    });
    let keyset = room.json(["keyset", "show", "--json"]);
    let counts = keyset["versions"].as_array().expect("versions").iter();
    let sum: u64 = counts.filter_map(|version| version["usage"]["messages"].as_u64()).sum();
    assert_eq!(sum, 18);
}

#[test]
fn sealing_goes_on_while_others_rotate() {
    let room = Room::with_keyset();
    room.write("a", "a");
    std::thread::scope(|scope| {
        for turn in 0..12 {
            let name = format!("{turn}.swx");
            scope.spawn(|| room.ok(["keyset", "rotate"]));
            scope.spawn(|| {
                let name = name;
                room.ok(["seal", "-o", &name, "a"])
            });
            scope.spawn(|| room.ok_with(["token", "seal"], b"x"));
        }
    });
    let keyset = room.json(["keyset", "show", "--json"]);
    assert_eq!(keyset["revision"], 13);
    let counts = keyset["versions"].as_array().expect("versions").iter();
    let sum: u64 = counts.filter_map(|version| version["usage"]["messages"].as_u64()).sum();
    assert_eq!(sum, 24);
    room.ok(["verify", "-R", "."]);
}

#[test]
fn where_nothing_can_be_written_sealing_goes_on_and_says_so_once() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.write("b", "b");
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("mode");
    };
    mode(&room.home(), 0o555);
    mode(&room.home_file("default.swxk"), 0o444);
    // Root writes everywhere: somebody else is to run it then.
    let is_root = std::fs::metadata("/proc/self").expect("a process").uid() == 0;
    let run = |arguments: &[&str]| {
        let mut command = room.command(arguments);
        if is_root {
            mode(room.work().parent().expect("a folder"), 0o755);
            mode(&room.work(), 0o777);
            command.uid(65_534).gid(65_534);
        }
        Run::of(command)
    };
    let sealed = run(&["seal", "a", "b"]);
    assert_eq!(sealed.code, Some(0), "{}", sealed.stderr);
    assert_eq!(sealed.stderr.matches("is not counted").count(), 1, "{}", sealed.stderr);
    assert!(!sealed.stderr.contains("no backup"), "{}", sealed.stderr);
    assert_eq!(run(&["open", "-o", "-", "a.swx"]).ok(), b"a");
    run(&["keyset", "rotate"]).fails(6, &["default.swxk: permission denied"]);
    run(&["keyset", "show"]).ok();
    mode(&room.home(), 0o755);
    mode(&room.home_file("default.swxk"), 0o600);
    assert_eq!(room.json(["keyset", "show", "--json"])["revision"], 1);
    assert_eq!(serial(&room), 0);
}

#[test]
fn a_mounted_secret_seals_through_its_link() {
    let room = Room::with_keyset();
    room.write("a", "a");
    std::fs::create_dir(room.path("mount")).expect("a folder");
    std::os::unix::fs::symlink(room.home_file("default.swxk"), room.path("mount/key.swxk"))
        .expect("a link");
    room.ok(["seal", "-k", "mount/key.swxk", "a"]);
    assert_eq!(usage(&room).0, 1, "all names of a keyset count together");
    assert!(!room.path("mount/key.swxl").exists());
}
