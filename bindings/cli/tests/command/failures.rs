// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changed bytes, wrong keys, wrong context: every refusal, and nothing left behind.

use crate::kit::{CHUNK, Room, Run, noise};

/// A sealed file, and the ways to damage it with the code that each ends in.
fn damages(sealed: &[u8]) -> Vec<(&'static str, Vec<u8>, i32)> {
    let flip = |at: usize| {
        let mut bytes = sealed.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let len = sealed.len();
    vec![
        ("magic", flip(0), 4),
        ("format version", flip(4), 4),
        ("envelope id", flip(12), 4),
        ("payload's salt", flip(1058), 3),
        ("first chunk", flip(1058 + 56), 3),
        ("middle chunk", flip(1058 + 56 + 2 * CHUNK), 3),
        ("last byte", flip(len - 1), 3),
        ("cut in the header", sealed[..500].to_vec(), 3),
        ("cut after the header", sealed[..1058].to_vec(), 3),
        ("cut in a chunk", sealed[..len - 100].to_vec(), 3),
        ("cut between chunks", sealed[..1058 + 56 + 2 * (CHUNK + 16)].to_vec(), 3),
        ("last byte cut", sealed[..len - 1].to_vec(), 3),
        ("a byte more", [sealed, b"x"].concat(), 3),
        ("a chunk more", [sealed, &noise(CHUNK + 16)].concat(), 3),
        ("foreign", noise(5000), 4),
    ]
}

#[test]
fn a_changed_file_never_opens_and_leaves_nothing_behind() {
    let room = Room::with_keyset();
    let sealed = room.ok_with(["seal"], &noise(4 * CHUNK + 100));
    for (damage, bytes, code) in damages(&sealed) {
        room.write("a.swx", &bytes);
        let run = room.run(["open", "a.swx"]);
        assert_eq!(run.code, Some(code), "{damage}: {}", run.stderr);
        assert!(run.stderr.starts_with("sealwax: a.swx: "), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        let run = Run::of(room.shell("cat a.swx | $SEALWAX open -o a"));
        assert_eq!(run.code, Some(code), "{damage} in a pipe: {}", run.stderr);
        let run = Run::of(room.shell("$SEALWAX open -o a < a.swx"));
        assert_eq!(run.code, Some(code), "{damage} redirected: {}", run.stderr);
        let run = room.run(["verify", "a.swx"]);
        assert_eq!(run.code, Some(code), "{damage} verified: {}", run.stderr);
        let run = room.run_with(["verify"], &bytes);
        assert_eq!(run.code, Some(code), "{damage} verified in a pipe: {}", run.stderr);
        assert_eq!(room.names(), ["a.swx"], "{damage}");
    }
}

#[test]
fn an_empty_file_is_truncated() {
    let room = Room::with_keyset();
    room.write("a.swx", "");
    for run in [room.run(["open", "a.swx"]), room.run(["open"]), room.run(["inspect", "a.swx"])] {
        run.fails(3, &["truncated input"]);
    }
    assert_eq!(room.names(), ["a.swx"]);
}

#[test]
fn a_failure_does_not_touch_what_exists() {
    let room = Room::with_keyset();
    room.write("a", "precious");
    let mut sealed = room.ok_with(["seal"], &noise(4 * CHUNK));
    sealed[2000] ^= 1;
    room.write("a.swx", &sealed);
    room.run(["open", "--force", "a.swx"]).fails(3, &["cannot decrypt"]);
    assert_eq!(room.read("a"), b"precious");
    assert_eq!(room.names(), ["a", "a.swx"]);
}

#[test]
fn another_keyset_does_not_open() {
    let room = Room::with_keyset();
    room.ok(["keyset", "new", "other", "--unprotected"]);
    room.write("a.swx", room.ok_with(["seal"], b"a"));
    room.run(["open", "-k", "other", "a.swx"]).fails(5, &["a.swx: no matching key", "-k"]);
    room.run(["open", "-k", "absent", "a.swx"]).fails(6, &["absent.swxk: no such file"]);
    let home = room.home().join("default.swxk");
    std::fs::rename(home, room.path("moved.swxk")).expect("moved");
    room.run(["open", "a.swx"]).fails(5, &["no matching key: sealed for version", "-k"]);
    room.ok(["open", "-k", "moved.swxk", "a.swx"]);
}

#[test]
fn context_must_be_the_same() {
    let room = Room::with_keyset();
    let arguments = ["seal", "--context", "purpose=backup", "--external", "host=db1"];
    room.write("a.swx", room.ok_with(arguments, b"a"));
    let open = |context: &[&str]| {
        let context = context.iter().flat_map(|entry| ["--context", entry]);
        room.run(["open", "-o", "-", "a.swx"].into_iter().chain(context))
    };
    assert_eq!(open(&["host=db1"]).ok(), b"a");
    assert_eq!(open(&["host=db1", "purpose=backup"]).ok(), b"a");
    let refused: [&[&str]; 5] = [
        &[],
        &["purpose=backup"],
        &["host=db2"],
        &["host=db1", "purpose=other"],
        &["host=db1", "more=x"],
    ];
    for context in refused {
        open(context).fails(3, &["a.swx: cannot decrypt", "--context"]);
    }
}

#[test]
fn arguments_that_make_no_sense_are_usage_errors() {
    let room = Room::with_keyset();
    room.write("a", "a");
    let long = format!("name={}", "x".repeat(40_000));
    for (arguments, said) in [
        (&["seal", "--context", "novalue", "a"][..], "NAME=VALUE"),
        (&["seal", "--context", "=x", "a"], "name"),
        (&["seal", "--context", "a=1", "--context", "a=2", "a"], "twice"),
        (&["seal", "--context", "a=1", "--external", "a=2", "a"], "both stored and external"),
        (&["seal", "--context", "sealwax.x=1", "a"], "reserved"),
        (&["seal", "--context", &long, "a"], "32 KiB"),
        (&["seal", "--suite", "rot13", "a"], "cobblestone-256"),
        (&["seal", "-k", "", "a"], "not empty"),
        (&["seal", "-k", ".hidden", "a"], "dot"),
        (&["seal", "-r", "nobody", "a"], "recipient"),
        (&["open", "--require", "magic", "a"], "keyset"),
        (&["frobnicate"], "frobnicate"),
        (&["seal", "--frobnicate"], "frobnicate"),
        (&[], "Usage"),
    ] {
        room.run(arguments).fails(2, &[said]);
    }
    assert_eq!(room.names(), ["a"]);
}

#[test]
fn requirements_are_required() {
    let room = Room::with_keyset();
    room.write("a.swx", room.ok_with(["seal"], b"a"));
    assert_eq!(room.ok(["open", "--require", "keyset,x-wing", "-o", "-", "a.swx"]), b"a");
    room.run(["open", "--require", "passphrase", "a.swx"]).fails(5, &["no matching key"]);
    room.ok(["open", "--min-epoch", "1", "a.swx"]);
    room.run(["open", "-f", "--min-epoch", "2", "a.swx"]).fails(3, &["cannot decrypt"]);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_of_reading() {
    use std::os::unix::fs::PermissionsExt;
    let room = Room::with_keyset();
    room.write("a", "a");
    std::fs::set_permissions(room.path("a"), PermissionsExt::from_mode(0o000)).expect("mode");
    if std::fs::read(room.path("a")).is_ok() {
        eprintln!("skipped: root reads everything");
        return;
    }
    room.run(["seal", "a"]).fails(6, &["a: permission denied"]);
}

#[test]
fn a_keyset_file_is_not_data() {
    let room = Room::new();
    room.write_secret("p", "pass");
    room.ok(["keyset", "new", "--passphrase-file", "p"]);
    let keyset = room.home().join("default.swxk");
    std::fs::copy(keyset, room.path("k.swx")).expect("copied");
    room.run(["open", "--passphrase-file", "p", "k.swx"]).fails(4, &["keyset file"]);
}
