// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pipes, redirects and devices; and the ways in which they end.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::kit::{BINARY, CHUNK, Room, Run, kill, noise};

#[test]
fn stdin_goes_to_stdout() {
    let room = Room::with_keyset();
    let edges = [CHUNK, BATCH, 2 * BATCH, 7 * BATCH].map(|edge| [edge - 1, edge, edge + 1]);
    for len in [[0, 1, 100 * CHUNK + 7]].into_iter().chain(edges).flatten() {
        let plaintext = noise(len);
        let sealed = room.ok_with(["seal"], &plaintext);
        assert_eq!(room.ok_with(["open"], &sealed), plaintext, "{len}");
        let sealed = room.ok_with(["seal", "--suite", "2", "-", "-o", "-"], &plaintext);
        assert_eq!(room.ok_with(["open", "-"], &sealed), plaintext, "{len}");
        let sealed = room.ok_with(["seal", "--threads", "1"], &plaintext);
        assert_eq!(room.ok_with(["open", "--threads", "1"], &sealed), plaintext, "{len}");
    }
}

#[test]
fn pipes_redirects_and_files_mix() {
    let room = Room::with_keyset();
    let plaintext = noise(5 * CHUNK);
    room.write("a", &plaintext);
    let script = "set -e
        $SEALWAX seal < a > redirect
        cat a | $SEALWAX seal -o named
        $SEALWAX seal -o - a | cat > piped
        mkfifo fifo; cat a > fifo & $SEALWAX seal -o from-fifo fifo; wait
        for sealed in redirect named piped from-fifo; do
            $SEALWAX open < $sealed | cmp - a
            cat $sealed | $SEALWAX open -o back; cmp back a; rm back
            $SEALWAX open -o back < $sealed; cmp back a; rm back
            $SEALWAX verify < $sealed > verdict; cat $sealed | $SEALWAX verify >> verdict
        done";
    Run::of(room.shell(script)).ok();
    room.write("two", [b"ab".as_slice(), &room.read("redirect")].concat());
    // Of a redirect that was read from before, what is left counts.
    let script = "{ dd bs=1 count=2 of=skipped 2>log; $SEALWAX open; } < two | cmp - a";
    Run::of(room.shell(script)).ok();
}

#[test]
fn a_fifo_needs_an_output() {
    let room = Room::with_keyset();
    room.run(["seal", "/dev/null"]).fails(2, &["/dev/null: is not a regular file", "-o"]);
    room.ok(["seal", "-o", "empty.swx", "/dev/null"]);
    assert_eq!(room.ok(["open", "-o", "-", "empty.swx"]), b"");
}

#[test]
fn stdin_stands_alone() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.run(["seal", "-", "a"]).fails(2, &["stands alone"]);
    room.run(["seal", "-o", "."]).fails(2, &["is a folder"]);
}

#[test]
fn to_a_pipe_only_verified_bytes_are_written() {
    let room = Room::with_keyset();
    let plaintext = noise(64 * CHUNK + 100);
    let sealed = room.ok_with(["seal"], &plaintext);
    let mut flipped = sealed.clone();
    let at = flipped.len() - 40 * CHUNK;
    flipped[at] ^= 1;
    for (bytes, code) in [(&flipped[..], 3), (&sealed[..sealed.len() - 3], 3)] {
        let run = room.run_with(["open"], bytes);
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        assert!(plaintext.starts_with(&run.stdout));
        assert!(run.stdout.len() < plaintext.len());
    }
}

#[test]
fn of_a_redirected_file_nothing_is_written_where_the_end_is_missing() {
    let room = Room::with_keyset();
    room.write("cut", &room.ok_with(["seal"], &noise(64 * CHUNK))[..30 * CHUNK]);
    let run = Run::of(room.shell("$SEALWAX open < cut"));
    assert_eq!((run.code, run.stdout.len()), (Some(3), 0));
    let run = room.run(["open", "-o", "-", "cut"]);
    assert_eq!((run.code, run.stdout.len()), (Some(3), 0));
}

#[test]
fn a_full_disk_is_an_error_of_writing() {
    let room = Room::with_keyset();
    room.write("a", noise(20 * CHUNK));
    room.ok(["seal", "a"]);
    for script in [
        "$SEALWAX seal < a > /dev/full",
        "cat a | $SEALWAX seal > /dev/full",
        "$SEALWAX open -o - a.swx > /dev/full",
        "$SEALWAX inspect a.swx > /dev/full",
        "echo x | $SEALWAX token seal > /dev/full",
        "yes x | head -1000 | $SEALWAX token seal --lines > /dev/full",
    ] {
        Run::of(room.shell(script)).fails(6, &["no space left"]);
    }
}

#[test]
fn a_file_size_limit_leaves_nothing_behind() {
    let room = Room::with_keyset();
    room.write("a", noise(20 * CHUNK));
    room.ok(["seal", "a"]);
    for script in [
        "ulimit -f 8; $SEALWAX seal -o b a",
        "ulimit -f 8; cat a | $SEALWAX seal -o b",
        "ulimit -f 8; $SEALWAX open -o b a.swx",
        "ulimit -f 8; cat a.swx | $SEALWAX open -o b",
    ] {
        let run = Run::of(room.shell(script));
        run.fails(6, &["too large"]);
        assert_eq!(room.names(), ["a", "a.swx"], "{script}");
    }
}

#[test]
fn a_broken_pipe_is_quiet() {
    let room = Room::with_keyset();
    // So that nothing is said about that.
    room.ok(["keyset", "backup", "--shares", "2/2", "-o", "backup"]);
    room.write("a", noise(400 * CHUNK));
    room.ok(["seal", "a"]);
    for script in [
        "{ $SEALWAX seal < a; echo $? >&2; } | head -c1 > /dev/null",
        "{ $SEALWAX open -o - a.swx; echo $? >&2; } | head -c1 > /dev/null",
        "{ yes | head -400000 | $SEALWAX token seal --lines; echo $? >&2; } | head -c1 > /dev/null",
    ] {
        let run = Run::of(room.shell(script));
        assert_eq!(run.stderr.trim(), "6", "{script}");
    }
}

#[test]
fn an_interruption_in_mid_seal_leaves_nothing_behind() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let room = Room::with_keyset();
        let mut command = room.command(["seal", "-o", "out.swx"]);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        pipe.write_all(&noise(40 * CHUNK)).expect("written");
        // The pipe stays open: the command is blocked in a read.
        wait_until(|| !room.names().is_empty());
        kill(signal, child.id());
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{signal}");
        assert_eq!(room.names(), [""; 0], "{signal}");
        drop(pipe);
    }
}

#[test]
fn an_interruption_from_path_to_path_leaves_nothing_behind() {
    let room = Room::with_keyset();
    // Sparse: large to work on, and small on the disk.
    let sparse = std::fs::File::create(room.path("a")).expect("a file");
    sparse.set_len(3 << 30).expect("a length");
    let mut command = room.command(["seal", "--threads", "1", "a"]);
    let mut child = command.stderr(Stdio::null()).spawn().expect("it starts");
    wait_until(|| room.names().len() > 1);
    kill("INT", child.id());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(room.names(), ["a"]);
}

#[test]
fn an_ignored_hangup_stays_ignored() {
    let room = Room::with_keyset();
    let mut command = room.shell("trap '' HUP; exec $SEALWAX seal -o out.swx");
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&noise(CHUNK)).expect("written");
    wait_until(|| !room.names().is_empty());
    kill("HUP", child.id());
    std::thread::sleep(Duration::from_millis(50));
    drop(pipe);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(room.names(), ["out.swx"]);
}

#[test]
fn without_a_terminal_an_asked_for_prompt_is_an_error() {
    let room = Room::with_keyset();
    if Command::new("setsid").arg("true").status().is_err() {
        eprintln!("skipped: there is no setsid");
        return;
    }
    let mut command = Command::new("setsid");
    command.args(["-w", BINARY, "seal", "-p"]).env("SEALWAX_HOME", room.home());
    let run = Run::of(command);
    run.fails(5, &["no terminal", "--passphrase-file"]);
}

#[test]
fn what_is_verified_is_released_as_it_comes() {
    let room = Room::with_keyset();
    let plaintext = noise(3 * CHUNK);
    let sealed = room.ok_with(["seal"], &plaintext);
    for threads in ["1", "2"] {
        let mut command = room.command(["open", "--threads", threads]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut input = child.stdin.take().expect("a pipe");
        let mut output = child.stdout.take().expect("a pipe");
        let mut rest = sealed.as_slice();
        for piece in plaintext.chunks(CHUNK) {
            let len = sealed.len() - 3 * (CHUNK + 16) - 16;
            let now = if rest.len() == sealed.len() { len + CHUNK + 16 } else { CHUNK + 16 };
            input.write_all(&rest[..now]).expect("written");
            rest = &rest[now..];
            let mut released = vec![0; CHUNK];
            output.read_exact(&mut released).expect("a chunk");
            assert!(released == piece);
        }
        input.write_all(rest).expect("written");
        drop(input);
        assert!(child.wait().expect("it ends").success());
    }
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "it takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Streams work on so many bytes of plaintext at a time.
const BATCH: usize = 16 * CHUNK;
