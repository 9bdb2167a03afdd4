// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header in one file, the payload in another.

use crate::kit::{CHUNK, Room, Run, json, noise};

/// A room with `a` sealed as `h.swx` and `p`.
fn detached(len: usize) -> (Room, Vec<u8>) {
    let room = Room::with_keyset();
    let plaintext = noise(len);
    room.write("a", &plaintext);
    room.ok(["seal", "--header", "h.swx", "-o", "p", "a"]);
    (room, plaintext)
}

#[test]
fn header_and_payload_are_sealed_opened_verified_and_inspected_apart() {
    for len in [0, 1, CHUNK, 20 * CHUNK + 5] {
        let (room, plaintext) = detached(len);
        assert_eq!(room.names(), ["a", "h.swx", "p"]);
        room.ok(["open", "--header", "h.swx", "-o", "b", "p"]);
        assert_eq!(room.read("b"), plaintext);
        assert_eq!(room.ok(["open", "--header", "h.swx", "-o", "-", "p"]), plaintext);
        let script = "cat p | $SEALWAX open --header h.swx";
        assert_eq!(Run::of(room.shell(script)).ok(), plaintext);
        let text = String::from_utf8(room.ok(["verify", "--header", "h.swx", "p"])).expect("text");
        assert!(text.starts_with(&format!("p: ok, {len} bytes")), "{text}");
        let script = "cat p | $SEALWAX verify --header h.swx";
        Run::of(room.shell(script)).ok();
        let value = json(&room.ok(["inspect", "--json", "--header", "h.swx", "p"]));
        assert_eq!((&value["plaintext_len"], &value["truncated"]), (&len.into(), &false.into()));
        let value = json(&room.ok(["inspect", "--json", "h.swx"]));
        assert_eq!((&value["header_only"], &value["truncated"]), (&true.into(), &false.into()));
        let whole = [room.read("h.swx"), room.read("p")].concat();
        assert_eq!(room.ok_with(["open"], &whole), plaintext);
    }
}

#[test]
fn a_stream_is_sealed_with_its_header_elsewhere() {
    let room = Room::with_keyset();
    let plaintext = noise(3 * CHUNK);
    let payload = room.ok_with(["seal", "--header", "h.swx", "-o", "-"], &plaintext);
    assert_eq!(room.ok_with(["open", "--header", "h.swx"], &payload), plaintext);
    let run = room.run_with(["seal", "--header", "h.swx", "-o", "-"], &plaintext);
    run.fails(6, &["h.swx: exists already", "--force"]);
    assert_eq!(room.names(), ["h.swx"]);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (room, _) = detached(2 * CHUNK);
    room.ok(["seal", "--header", "h2.swx", "-o", "p2", "a"]);
    for verb in ["open", "verify"] {
        let run = |header: &str, payload: &str| {
            let out: &[&str] = if verb == "open" { &["-o", "-"] } else { &[] };
            room.run([&[verb, "--header", header, payload][..], out].concat())
        };
        run("h.swx", "p2").fails(3, &["p2: cannot decrypt"]);
        room.write("long.swx", [room.read("h.swx"), vec![0]].concat());
        run("long.swx", "p").fails(4, &["long.swx: malformed", "bytes follow the header"]);
        room.write("short.swx", &room.read("h.swx")[..100]);
        run("short.swx", "p").fails(3, &["truncated"]);
        run("gone.swx", "p").fails(6, &["gone.swx: no such"]);
        run("p", "h.swx").fails(4, &["p: malformed"]);
    }
    room.run(["inspect", "--header", "long.swx", "p"]).fails(4, &["bytes follow the header"]);
}

#[test]
fn a_header_option_that_makes_no_sense_is_refused() {
    let (room, _) = detached(5);
    room.write("b", "b");
    room.run(["seal", "--header", "x.swx", "b"]).fails(2, &["-o"]);
    room.run(["seal", "--header", "x.swx", "-o", ".", "a", "b"]).fails(2, &["one file"]);
    room.run(["seal", "--header", "x", "-o", "x", "b"]).fails(2, &["the same file"]);
    room.run(["open", "--header", "p", "-o", "y", "p"]).fails(2, &["the same file"]);
    room.run(["verify", "--header", "h.swx", "p", "p"]).fails(2, &["one file"]);
    room.run(["seal", "--header", "h.swx", "-o", "q", "b"]).fails(6, &["h.swx: exists already"]);
    room.run(["seal", "--header", "x.swx", "-o", "p", "b"]).fails(6, &["p: exists already"]);
    assert_eq!(room.names(), ["a", "b", "h.swx", "p"]);
}

#[test]
fn a_header_is_rewrapped_counted_and_reencrypted() {
    let (room, plaintext) = detached(4 * CHUNK);
    let payload = room.read("p");
    room.ok(["keyset", "rotate"]);
    assert_eq!(json(&room.ok(["rewrap", "--json", "-R", "."]))["in_place"], 1);
    assert_eq!(room.read("p"), payload);
    assert_eq!(room.ok(["open", "--header", "h.swx", "-o", "-", "p"]), plaintext);
    let census = json(&room.ok(["census", "--json", "--verify", "."]));
    assert_eq!((&census["envelopes"], &census["unreadable"]), (&1.into(), &0.into()));
    let source = ["reencrypt", "--header", "h.swx", "p"];
    room.run([&source[..], &["--in-place"]].concat()).fails(2, &["cannot be used"]);
    room.ok([&source[..], &["-o", "p2", "--new-header", "h2.swx"]].concat());
    assert_eq!(room.ok(["open", "--header", "h2.swx", "-o", "-", "p2"]), plaintext);
    room.run(["open", "--header", "h.swx", "-o", "-", "p2"]).fails(3, &["cannot decrypt"]);
    room.run([&source[..], &["-o", "p3", "--new-header", "h.swx"]].concat())
        .fails(6, &["h.swx: exists already"]);
    room.ok([&source[..], &["-o", "whole.swx"]].concat());
    assert_eq!(room.ok(["open", "-o", "-", "whole.swx"]), plaintext);
}
