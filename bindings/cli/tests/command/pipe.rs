// SPDX-License-Identifier: MIT OR Apache-2.0
//! An encrypted pipe between two processes, and what comes between them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Stdio};
use std::thread::scope;

use crate::kit::{Room, Run, kill, noise};

/// A running pipe.
struct Pipe {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Pipe {
    fn start(room: &Room, arguments: &[&str]) -> Self {
        let mut command = room.command(["pipe"].iter().chain(arguments));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Pipe { child, stderr }
    }

    /// One that listens, and its address.
    fn listen(room: &Room, arguments: &[&str]) -> (Self, String) {
        let mut pipe = Pipe::start(room, &[&["--listen", "127.0.0.1:0"], arguments].concat());
        let line = pipe.line();
        let address = line.strip_prefix("sealwax: listening on ").expect("an address").to_owned();
        (pipe, address)
    }

    fn connect(room: &Room, address: &str, arguments: &[&str]) -> Self {
        Pipe::start(room, &[&["--connect", address], arguments].concat())
    }

    /// The next line that it says.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Gives it this as stdin, and waits for its end.
    fn finish(mut self, stdin: &[u8]) -> Run {
        let mut input = self.child.stdin.take();
        scope(|scope| {
            if let Some(mut input) = input.take() {
                // A pipe that failed does not read to the end.
                scope.spawn(move || input.write_all(stdin));
            }
            self.end()
        })
    }

    /// Waits for its end, while its stdin stays as it is.
    fn end(mut self) -> Run {
        let (mut stdout, mut stderr) = (Vec::new(), String::new());
        if let Some(mut output) = self.child.stdout.take() {
            output.read_to_end(&mut stdout).expect("stdout");
        }
        self.stderr.read_to_string(&mut stderr).expect("stderr");
        let code = self.child.wait().expect("it ends").code();
        Run { code, stdout, stderr }
    }
}

/// A room with two identities, `a` and `b`, that know each other; and a stranger, `c`.
fn identities() -> Room {
    let room = Room::new();
    for name in ["a", "b", "c"] {
        let public = room.ok(["identity", "new", "--x25519", "-o", name]);
        room.write(format!("{name}.pub"), public);
    }
    room.write_secret("psk", "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n");
    room
}

const A: [&str; 4] = ["-i", "a", "--peer", "b.pub"];
const B: [&str; 4] = ["-i", "b", "--peer", "a.pub"];

/// Runs both ends with these standard inputs, over a connection to `address`.
fn run_both(listening: Pipe, connecting: Pipe, stdin: [&[u8]; 2]) -> [Run; 2] {
    run_open(|| listening.finish(stdin[0]), connecting, stdin[1])
}

/// Runs both ends; the one that listens as `listening` says.
fn run_open(listening: impl FnOnce() -> Run + Send, connecting: Pipe, stdin: &[u8]) -> [Run; 2] {
    scope(|scope| {
        let listening = scope.spawn(listening);
        let connecting = connecting.finish(stdin);
        [listening.join().expect("no panic"), connecting]
    })
}

/// Stands between two ends and carries what each says, changed by `change`, which gets the direction (0 from who
/// connects), the position and the bytes, and says whether to go on.
fn between(
    address: &str,
    change: impl Fn(usize, u64, &mut [u8]) -> bool + Copy + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (here, there) = (listener.local_addr().expect("an address"), address.to_owned());
    std::thread::spawn(move || {
        let (near, _) = listener.accept().expect("a connection");
        let far = TcpStream::connect(there).expect("a connection");
        let again = |tcp: &TcpStream| tcp.try_clone().expect("a second handle");
        let ways = [(again(&near), again(&far)), (far, near)];
        for (direction, (mut from, mut to)) in ways.into_iter().enumerate() {
            std::thread::spawn(move || {
                let (mut bytes, mut at) = (vec![0; 1000], 0);
                while let Ok(len @ 1..) = from.read(&mut bytes) {
                    let goes_on = change(direction, at, &mut bytes[..len]);
                    at += len as u64;
                    if !goes_on {
                        // Both directions are cut, as by a machine that goes down.
                        let _ = from.shutdown(Shutdown::Both);
                        break;
                    }
                    if to.write_all(&bytes[..len]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(Shutdown::Both);
            });
        }
    });
    here.to_string()
}

#[test]
fn both_directions_arrive_whole_at_once() {
    let room = identities();
    let (up, down) = (noise(5_000_001), noise(3_000_000)[1..].to_vec());
    let (listening, address) = Pipe::listen(&room, &B);
    let connecting = Pipe::connect(&room, &address, &A);
    let [b, a] = run_both(listening, connecting, [&down, &up]);
    assert!(b.stderr.contains("connected to 127.0.0.1:"), "{}", b.stderr);
    assert!(b.ok() == up);
    assert!(a.ok() == down);
}

#[test]
fn every_pattern_suite_and_strength_carries_data() {
    let room = identities();
    for options in [
        &["--pattern", "xx"][..],
        &["--pattern", "kk", "--suite", "1"],
        &["--pattern", "ik", "--no-post-quantum"],
        &["--psk-file", "psk", "--suite", "1"],
        &["--pattern", "xx", "--no-post-quantum"],
    ] {
        let (listening, address) = Pipe::listen(&room, &[&B, options].concat());
        let connecting = Pipe::connect(&room, &address, &[&A, options].concat());
        let [b, a] = run_both(listening, connecting, [b"down", b"up"]);
        assert_eq!((b.ok(), a.ok()), (b"up".to_vec(), b"down".to_vec()), "{options:?}");
    }
    // Without identities.
    let options = ["--psk-file", "psk"];
    let (listening, address) = Pipe::listen(&room, &options);
    let [b, a] = run_both(listening, Pipe::connect(&room, &address, &options), [b"down", b""]);
    assert_eq!((b.ok(), a.ok()), (Vec::new(), b"down".to_vec()));
}

#[test]
fn one_direction_goes_on_after_the_other_ended() {
    let room = identities();
    let (mut listening, address) = Pipe::listen(&room, &B);
    let mut connecting = Pipe::connect(&room, &address, &A);
    drop(connecting.child.stdin.take());
    // Whoever reads its stdout need not wait for the end of the other direction.
    let output = listening.child.stdout.as_mut().expect("a pipe");
    assert_eq!(output.read(&mut [0]).expect("its end"), 0);
    let sent = noise(100_000);
    assert_eq!(listening.finish(&sent).code, Some(0));
    assert!(connecting.end().ok() == sent);
}

#[test]
fn what_is_typed_is_sent_at_once() {
    let room = identities();
    let (mut listening, address) = Pipe::listen(&room, &B);
    let mut connecting = Pipe::connect(&room, &address, &A);
    for (from, to) in [(0, 1), (1, 0), (0, 1)] {
        let ends = [&mut listening, &mut connecting];
        let input = ends[from].child.stdin.as_mut().expect("a pipe");
        input.write_all(b"word").expect("written");
        let mut word = [0; 4];
        let output = ends[to].child.stdout.as_mut().expect("a pipe");
        output.read_exact(&mut word).expect("a word");
        assert_eq!(&word, b"word");
    }
    let [b, a] = run_both(listening, connecting, [b"", b""]);
    assert_eq!((b.code, a.code), (Some(0), Some(0)));
}

#[test]
fn strangers_are_refused_and_the_right_peer_is_waited_for() {
    let room = identities();
    let (mut listening, address) = Pipe::listen(&room, &B);
    let refused = Pipe::connect(&room, &address, &["-i", "c", "--peer", "b.pub"]).finish(b"");
    refused.fails(3, &["the peer ended the connection in the handshake"]);
    assert!(listening.line().contains("the peer's key"));
    // It takes the listening side for another one.
    Pipe::connect(&room, &address, &["-i", "a", "--peer", "c.pub"]).finish(b"").fails(3, &[]);
    assert!(listening.line().contains("the handshake failed"));
    Pipe::connect(&room, &address, &[&A[..], &["--suite", "1"]].concat()).finish(b"").fails(3, &[]);
    assert!(listening.line().contains("alike on both sides"));
    for words in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\x05abcde", b"\0", b""] {
        let mut tcp = TcpStream::connect(&address).expect("a connection");
        tcp.write_all(words).expect("written");
        let _ = tcp.shutdown(Shutdown::Write);
        assert!(listening.line().contains("warning"));
    }
    let [b, a] = run_both(listening, Pipe::connect(&room, &address, &A), [b"down", b"up"]);
    assert_eq!((b.ok(), a.ok()), (b"up".to_vec(), b"down".to_vec()));
}

#[test]
fn strangers_who_say_nothing_keep_nobody_waiting() {
    let room = identities();
    let (listening, address) = Pipe::listen(&room, &[&A[..], &["--timeout", "3600"]].concat());
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(&address)).collect();
    let connecting = Pipe::connect(&room, &address, &B);
    let [a, b] = run_both(listening, connecting, [b"from a", b"from b"]);
    assert_eq!((a.code, a.stdout), (Some(0), b"from b".to_vec()), "{}", a.stderr);
    assert_eq!((b.code, b.stdout), (Some(0), b"from a".to_vec()), "{}", b.stderr);
    assert!(silent.iter().all(Result::is_ok));
}

#[test]
fn who_repeats_a_first_message_is_not_the_peer() {
    let room = identities();
    let recorder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let recorded = recorder.local_addr().expect("an address").to_string();
    let mut connecting = Pipe::connect(&room, &recorded, &A);
    let (mut tcp, _) = recorder.accept().expect("a connection");
    let mut first = vec![0; 2];
    tcp.read_exact(&mut first).expect("a length");
    let mut message = vec![0; usize::from(u16::from_be_bytes([first[0], first[1]]))];
    tcp.read_exact(&mut message).expect("a message");
    connecting.child.kill().expect("killed");
    connecting.end();
    first.extend(message);

    let (mut listening, address) = Pipe::listen(&room, &[&B[..], &["--timeout", "1"]].concat());
    let mut tcp = TcpStream::connect(&address).expect("a connection");
    tcp.write_all(&first).expect("written");
    tcp.read_exact(&mut [0; 2]).expect("an answer");
    assert!(listening.line().contains("took too long"));
    let [b, a] = run_both(listening, Pipe::connect(&room, &address, &A), [b"down", b"up"]);
    assert_eq!((b.ok(), a.ok()), (b"up".to_vec(), b"down".to_vec()));
}

#[test]
fn who_connects_refuses_another_listener() {
    let room = identities();
    let options = ["-i", "c", "--peer", "a.pub", "--pattern", "xx"];
    let (mut listening, address) = Pipe::listen(&room, &options);
    let arguments = [&A[..], &["--pattern", "xx"]].concat();
    Pipe::connect(&room, &address, &arguments).finish(b"").fails(5, &["the peer's key", "--peer"]);
    assert!(listening.line().contains("ended the connection"));
    let _ = listening.child.kill();
    listening.end();
}

#[test]
fn changed_data_is_an_error_and_what_came_before_is_genuine() {
    let room = identities();
    let up = noise(400_000);
    let (listening, address) = Pipe::listen(&room, &B);
    let change = |direction, at: u64, bytes: &mut [u8]| {
        if direction == 0 && (200_000..201_000).contains(&at) {
            bytes[0] ^= 1;
        }
        true
    };
    let connecting = Pipe::connect(&room, &between(&address, change), &A);
    // It would have more to say, so nobody takes silence for the end.
    let [b, a] = run_open(|| listening.end(), connecting, &up);
    b.fails(3, &["changed on its way"]);
    assert!(up.starts_with(&b.stdout) && b.stdout.len() > 100_000 && b.stdout.len() < 300_000);
    assert_eq!(a.code, Some(3), "{}", a.stderr);
}

#[test]
fn a_connection_that_is_cut_is_an_error_on_both_sides() {
    let room = identities();
    for cut in [0, 100, 10_000, 200_000] {
        let (mut listening, address) = Pipe::listen(&room, &B);
        let change = move |direction, at: u64, _: &mut [u8]| direction == 1 || at < cut;
        let connecting = Pipe::connect(&room, &between(&address, change), &A);
        let up = noise(400_000);
        // In the handshake the listening side waits for somebody else.
        if cut < 10_000 {
            connecting.finish(&up).fails(3, &["ended the connection"]);
            assert!(listening.line().contains("ended the connection"));
            listening.child.kill().expect("killed");
            listening.end();
            continue;
        }
        let [b, a] = run_open(|| listening.end(), connecting, &up);
        b.fails(3, &["before the peer said that it was all"]);
        a.fails(3, &["before the peer said that it was all"]);
        assert!(up.starts_with(&b.stdout));
    }
}

#[test]
fn a_reader_that_waits_makes_the_writer_wait() {
    let room = identities();
    let (mut listening, address) = Pipe::listen(&room, &B);
    let mut connecting = Pipe::connect(&room, &address, &A);
    let mut input = connecting.child.stdin.take().expect("a pipe");
    let sent = noise(48 << 20);
    scope(|scope| {
        let (feeding, read) = (&sent, listening.child.stdout.as_mut().expect("a pipe"));
        let feeder = scope.spawn(move || input.write_all(feeding).map(|()| input));
        let mut received = vec![0; sent.len()];
        // Most of it does not fit into any buffer of the system's, and waits in the feeder.
        std::thread::sleep(std::time::Duration::from_millis(300));
        read.read_exact(&mut received).expect("all of it");
        assert!(received == sent);
        for pipe in [&listening, &connecting] {
            let status = std::fs::read_to_string(format!("/proc/{}/status", pipe.child.id()));
            let Ok(status) = status else { continue };
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
            let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
            assert!(peak < 32 << 10, "{peak} KiB");
        }
        drop(feeder.join().expect("no panic").expect("written"));
    });
    let [b, a] = run_both(listening, connecting, [b"", b""]);
    assert_eq!((b.code, a.code), (Some(0), Some(0)), "{} {}", b.stderr, a.stderr);
}

#[test]
fn an_interruption_is_no_end_of_the_data() {
    let room = identities();
    let (mut listening, address) = Pipe::listen(&room, &B);
    let mut connecting = Pipe::connect(&room, &address, &A);
    connecting.child.stdin.as_mut().expect("a pipe").write_all(b"half").expect("written");
    let mut half = [0; 4];
    listening.child.stdout.as_mut().expect("a pipe").read_exact(&mut half).expect("half of it");
    kill("INT", connecting.child.id());
    assert_eq!(connecting.end().code, Some(130));
    listening.end().fails(3, &["before the peer said that it was all"]);
}

#[test]
fn an_output_that_nobody_reads_is_an_error_of_both() {
    let room = identities();
    let (mut listening, address) = Pipe::listen(&room, &B);
    drop(listening.child.stdout.take());
    let connecting = Pipe::connect(&room, &address, &A);
    let [b, a] = run_both(listening, connecting, [b"", &noise(4 << 20)]);
    assert_eq!((b.code, a.code), (Some(6), Some(3)), "{} {}", b.stderr, a.stderr);
}

#[test]
fn a_listener_that_says_nothing_is_given_up() {
    let room = identities();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let run = Pipe::connect(&room, &address, &[&A[..], &["--timeout", "1"]].concat()).finish(b"");
    run.fails(6, &["took too long", "--timeout"]);
    drop(silent);
    Pipe::connect(&room, &address, &A).finish(b"").fails(6, &["connection refused"]);
}

#[test]
fn what_cannot_be_meant_is_said() {
    let room = identities();
    room.ok(["identity", "new", "-o", "x-wing"]);
    room.write("x-wing.pub", room.ok(["identity", "show", "x-wing"]));
    room.write_secret("short", "0011");
    let connect = ["--connect", "127.0.0.1:1"];
    for (arguments, code, said) in [
        (&["-i", "a"][..], 2, "go together"),
        (&["--peer", "a.pub"], 2, "go together"),
        (&[], 2, "who may take part"),
        (&["-i", "x-wing", "--peer", "b.pub"], 2, "no X25519 identity"),
        (&["-i", "a", "--peer", "x-wing.pub"], 2, "--x25519"),
        (&["-i", "a", "--peer", "b.pub", "--peer", "c.pub"], 2, "exactly one --peer"),
        (&["-i", "a", "--peer", "b.pub", "--psk-file", "short"], 2, "64 hexadecimal digits"),
        (&["-i", "a", "--peer", "b.pub", "--psk-file", "no"], 6, "no: no such file"),
        (&["--pattern", "kk", "--psk-file", "psk"], 2, "--pattern ik"),
        (&["-i", "a", "--peer", "b.pub", "--pattern", "nn"], 2, "ik, xx and kk"),
        (&["-i", "a", "--peer", "a"], 4, "a:"),
    ] {
        let run = room.run(["pipe"].iter().chain(&connect).chain(arguments));
        run.fails(code, &[said]);
    }
    room.run([&["pipe"], &A[..]].concat()).fails(2, &["--listen"]);
    room.run([&["pipe", "--listen", "127.0.0.1:0"], &connect[..], &A].concat()).fails(2, &[]);
}

#[test]
fn a_suspended_identity_takes_part_in_nothing() {
    let room = identities();
    let identity = room.json(["keyset", "show", "./a", "--json"]);
    let version = identity["primary"].as_str().expect("a version");
    room.ok(["keyset", "suspend", "./a", version]);
    let arguments = [&["pipe", "--connect", "127.0.0.1:1"], &A[..]].concat();
    room.run(arguments).fails(5, &["suspended"]);
}
