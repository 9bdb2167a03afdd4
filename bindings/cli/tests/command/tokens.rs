// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens: small values, one at a time and by the line.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::kit::{Room, noise};

#[test]
fn a_token_is_text_and_opens_with_its_context() {
    let room = Room::with_keyset();
    let value = b"4111\n1111\n";
    let token = room.ok_with(["token", "seal", "--context", "row=42"], value);
    let text = std::str::from_utf8(&token).expect("text").strip_suffix('\n').expect("a line");
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    for token in [&token[..], text.as_bytes()] {
        assert_eq!(room.ok_with(["token", "open", "--context", "row=42"], token), value);
    }
    room.run_with(["token", "open", "--context", "row=43"], &token).fails(3, &["cannot decrypt"]);
    room.run_with(["token", "open"], &token).fails(3, &["cannot decrypt"]);
}

#[test]
fn a_token_can_be_bytes() {
    let room = Room::with_keyset();
    for value in [&b""[..], b"x", &noise(65_536)] {
        let token = room.ok_with(["token", "seal", "--raw"], value);
        assert_eq!(token.len(), value.len() + 77);
        assert_eq!(room.ok_with(["token", "open", "--raw"], &token), value);
    }
    room.run_with(["token", "seal"], &noise(65_537)).fails(4, &["limit"]);
    room.run_with(["token", "seal"], &noise(200_000)).fails(4, &["longer than any token"]);
}

#[test]
fn bad_text_is_malformed() {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"longer than what is cut");
    let text = String::from_utf8(token).expect("text").trim().to_owned();
    for bad in [
        format!("{text}="),
        format!(" {text}"),
        format!("{text} "),
        format!("{text}\r\n"),
        format!("{text}\n\n"),
        text.replacen('E', "+", 1),
        String::new(),
        "!".into(),
    ] {
        room.run_with(["token", "open"], bad.as_bytes()).fails(4, &[]);
    }
    // Whole groups of four characters, so that what is left is well-formed text.
    let cut = &text.as_bytes()[..text.len() / 4 * 4 - 4];
    assert_eq!(room.run_with(["token", "open"], cut).code, Some(3));
    room.run_with(["token", "open", "--raw"], b"short").fails(4, &["malformed"]);
}

#[test]
fn lines_become_tokens_and_tokens_lines() {
    let room = Room::with_keyset();
    let lines = b"one\n\ntwo words \xff\r\nlast without a break";
    let tokens = room.ok_with(["token", "seal", "--lines"], lines);
    assert_eq!(tokens.split(|&byte| byte == b'\n').count(), 5);
    let opened = room.ok_with(["token", "open", "--lines"], &tokens);
    assert_eq!(opened, [lines.as_slice(), b"\n"].concat());
    assert_eq!(room.ok_with(["token", "seal", "--lines"], b""), b"");
}

#[test]
fn a_bad_line_stops_the_work_with_its_number() {
    let room = Room::with_keyset();
    let tokens = room.ok_with(["token", "seal", "--lines"], b"one\ntwo\nthree\n");
    let mut lines: Vec<&[u8]> = tokens.split(|&byte| byte == b'\n').collect();
    lines[1] = b"bad!";
    let bad = lines.join(&b"\n"[..]);
    let run = room.run_with(["token", "open", "--lines"], &bad);
    run.fails(4, &["line 2", "not base64url"]);
    assert_eq!(run.stdout, b"one\n");
    let run = room.run_with(["token", "open", "--lines", "--keep-going"], &bad);
    run.fails(4, &["line 2"]);
    assert_eq!(run.stdout, b"one\n\nthree\n");
    let long =
        [&noise(200_000).iter().map(|b| b | 0x40).collect::<Vec<_>>()[..], b"\nx\n"].concat();
    let run = room.run_with(["token", "seal", "--lines", "--keep-going"], &long);
    run.fails(4, &["line 1", "longer than any token"]);
    assert_eq!(run.stdout.split(|&byte| byte == b'\n').count(), 3);
}

#[test]
fn a_value_with_a_line_break_does_not_open_as_a_line() {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"two\nlines");
    room.run_with(["token", "open", "--lines"], &token).fails(2, &["line 1", "line break"]);
}

#[test]
fn lines_are_answered_as_they_come() {
    let room = Room::with_keyset();
    let mut command = room.command(["token", "seal", "--lines"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    for _ in 0..3 {
        input.write_all(b"value\n").expect("written");
        let mut line = String::new();
        output.read_line(&mut line).expect("an answer");
        assert!(line.len() > 100);
    }
    drop(input);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn the_keyset_that_knows_the_token_opens_it() {
    let room = Room::with_keyset();
    room.ok(["keyset", "new", "old", "--unprotected"]);
    let token = room.ok_with(["token", "seal", "-k", "old"], b"x");
    room.run_with(["token", "open"], &token).fails(5, &["sealed under key version", "-k"]);
    for order in [["default", "old"], ["old", "default"]] {
        let open = ["token", "open", "-k", order[0], "-k", order[1]];
        assert_eq!(room.ok_with(open, &token), b"x");
    }
    room.run_with(["token", "seal", "-k", "old", "-k", "default"], b"x").fails(2, &["one keyset"]);
}
