// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files and folders: from one name to another.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use crate::kit::{CHUNK, Room, noise};

#[test]
fn a_file_is_sealed_and_opened_beside_itself() {
    let room = Room::with_keyset();
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 40 * CHUNK + 7] {
        let plaintext = noise(len);
        room.write("a", &plaintext);
        room.ok(["seal", "-f", "a"]);
        assert_eq!(room.read("a"), plaintext, "the source stays");
        std::fs::remove_file(room.path("a")).expect("removed");
        room.ok(["open", "a.swx"]);
        assert_eq!(room.read("a"), plaintext);
        assert_eq!(room.names(), ["a", "a.swx"]);
    }
}

#[test]
fn an_output_can_be_named_or_put_into_a_folder() {
    let room = Room::with_keyset();
    room.write("a", "a");
    std::fs::create_dir(room.path("out")).expect("a folder");
    room.ok(["seal", "-o", "b.bin", "a"]);
    room.ok(["seal", "-o", "out", "a"]);
    room.ok(["open", "-o", "c", "b.bin"]);
    room.ok(["open", "-o", "out", "out/a.swx"]);
    assert_eq!(room.names(), ["a", "b.bin", "c", "out/a", "out/a.swx"]);
    assert_eq!(room.read("c"), b"a");
    assert_eq!(room.ok(["open", "-o", "-", "b.bin"]), b"a");
}

#[test]
fn a_name_that_does_not_end_in_swx_needs_an_output() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.ok(["seal", "-o", "b.bin", "a"]);
    room.run(["open", "b.bin"]).fails(2, &["b.bin: does not end in .swx", "-o"]);
    room.write(".swx", "a");
    room.run(["open", ".swx"]).fails(2, &["does not end in .swx"]);
}

#[test]
fn nothing_is_overwritten_without_force() {
    let room = Room::with_keyset();
    room.write("a", "new");
    room.write("a.swx", "old");
    room.run(["seal", "a"]).fails(6, &["a.swx: exists already", "--force"]);
    room.run(["seal", "-o", "a.swx", "-"]).fails(6, &["a.swx: exists already", "--force"]);
    assert_eq!(room.read("a.swx"), b"old");
    room.ok(["seal", "--force", "a"]);
    room.write("a", "precious");
    room.run(["open", "a.swx"]).fails(6, &["a: exists already", "--force"]);
    assert_eq!(room.read("a"), b"precious");
    room.ok(["open", "-f", "a.swx"]);
    assert_eq!(room.read("a"), b"new");
    assert_eq!(room.names(), ["a", "a.swx"]);
}

#[test]
fn an_input_is_never_its_own_output() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.run(["seal", "-f", "-o", "a", "a"]).fails(2, &["the same file"]);
    assert_eq!(room.read("a"), b"a");
}

#[test]
fn many_files_go_on_after_a_failure_and_the_first_code_stays() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.write("c", "c");
    room.write("c.swx", "old");
    room.write("d", "d");
    let run = room.run(["seal", "a", "missing", "c", "d"]);
    run.fails(6, &["missing: no such file", "c.swx: exists already"]);
    assert_eq!(room.names(), ["a", "a.swx", "c", "c.swx", "d", "d.swx"]);
    room.write("foreign.swx", "not sealed by anybody, but long enough to be");
    let run = room.run(["open", "-f", "a.swx", "foreign.swx", "gone.swx", "d.swx"]);
    run.fails(4, &["foreign.swx: malformed", "gone.swx: no such file"]);
}

#[test]
fn a_folder_needs_to_be_asked_for() {
    let room = Room::with_keyset();
    room.write("folder/a", "a");
    for verb in ["seal", "open", "verify"] {
        room.run([verb, "folder"]).fails(2, &["folder: is a folder", "-R"]);
    }
    assert_eq!(room.names(), ["folder/a"]);
}

#[test]
fn folders_are_sealed_and_opened_beside_themselves() {
    let room = Room::with_keyset();
    room.write("f/a", "a");
    room.write("f/deep/b", "b");
    std::os::unix::fs::symlink("a", room.path("f/link")).expect("a link");
    let run = room.run(["seal", "-R", "f"]);
    assert!(run.stderr.contains("f/link: a link; left out"), "{}", run.stderr);
    assert_eq!(room.names(), ["f/a", "f/a.swx", "f/deep/b", "f/deep/b.swx", "f/link"]);
    // What is sealed already is not sealed again.
    room.run(["seal", "-R", "-f", "f"]).ok();
    assert_eq!(room.names().len(), 5);
    room.ok(["verify", "-R", "f"]);
    std::fs::remove_file(room.path("f/a")).expect("removed");
    std::fs::remove_file(room.path("f/deep/b")).expect("removed");
    room.ok(["open", "-R", "f"]);
    assert_eq!((room.read("f/a"), room.read("f/deep/b")), (b"a".to_vec(), b"b".to_vec()));
}

#[test]
fn folders_are_mirrored_below_an_output_folder() {
    let room = Room::with_keyset();
    room.write("f/a", "a");
    room.write("f/deep/b", "b");
    room.write("top", "t");
    room.run(["seal", "-R", "-o", "out", "f"]).fails(2, &["-o names no folder"]);
    std::fs::create_dir(room.path("out")).expect("a folder");
    room.ok(["seal", "-R", "-o", "out", "f", "top"]);
    std::fs::create_dir(room.path("back")).expect("a folder");
    room.ok(["open", "-R", "-o", "back", "out/f", "out/top.swx"]);
    assert_eq!(room.read("back/f/deep/b"), b"b");
    assert_eq!(room.read("back/top"), b"t");
    assert!(room.names().contains(&"out/f/deep/b.swx".to_owned()));
}

#[test]
fn two_inputs_never_share_an_output() {
    let room = Room::with_keyset();
    room.write("x/a", "1");
    room.write("y/a", "2");
    std::fs::create_dir(room.path("out")).expect("a folder");
    let run = room.run(["seal", "-f", "-o", "out", "x/a", "y/a"]);
    run.fails(2, &["y/a: another input has the same output"]);
    assert_eq!(room.ok(["open", "-o", "-", "out/a.swx"]), b"1");
}

#[test]
fn names_with_spaces_and_without_utf8_work() {
    let room = Room::with_keyset();
    room.write("two words", "a");
    room.ok(["seal", "two words"]);
    assert_eq!(room.ok(["open", "-o", "-", "two words.swx"]), b"a");
    let name = OsStr::from_bytes(b"\xff\xfe name");
    room.write(name, "b");
    room.ok([OsStr::new("seal"), name]);
    std::fs::remove_file(room.path(name)).expect("removed");
    room.ok([OsStr::new("open"), OsStr::from_bytes(b"\xff\xfe name.swx")]);
    assert_eq!(room.read(name), b"b");
    // A name cannot steer the terminal it is shown on.
    let run = room.run(["seal", "\x1b[31mred"]);
    run.fails(6, &["[31mred"]);
    assert!(!run.stderr.contains('\x1b'), "{:?}", run.stderr);
}

#[test]
fn permissions_travel_but_for_those_to_run() {
    let room = Room::with_keyset();
    room.write("a", "a");
    std::fs::set_permissions(room.path("a"), PermissionsExt::from_mode(0o750)).expect("mode");
    room.ok(["seal", "a"]);
    let mode = |name| room.path(name).metadata().expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode("a.swx"), 0o640);
    room.ok_with(["seal", "-o", "from-pipe.swx"], b"x");
    assert_eq!(mode("from-pipe.swx"), 0o600);
}

#[test]
fn one_thread_and_many_make_what_each_opens() {
    let room = Room::with_keyset();
    let plaintext = noise(100 * CHUNK + 3);
    room.write("a", &plaintext);
    for threads in ["1", "2", "7"] {
        room.ok(["seal", "-f", "--threads", threads, "a"]);
        assert_eq!(room.ok(["open", "--threads", threads, "-o", "-", "a.swx"]), plaintext);
        room.ok(["open", "-f", "--threads", threads, "-o", "b", "a.swx"]);
        assert_eq!(room.read("b"), plaintext);
    }
}
