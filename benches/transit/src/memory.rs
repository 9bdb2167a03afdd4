// SPDX-License-Identifier: MIT OR Apache-2.0
//! What many idle sessions add to the process, each.

use sealwax::Suite;
use sealwax::transit::{AsyncStream, Hybrid, Mode, Session, Terms, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::sessions::{self, key_pair, party, xx};

/// What can be idle.
const KINDS: [(&str, Suite, Option<Mode>); 6] = [
    ("AES-256-GCM, datagram, without I/O", Suite::Cobblestone256, Some(Mode::Datagram)),
    ("AES-256-GCM, stream, without I/O", Suite::Cobblestone256, Some(Mode::Stream)),
    ("AES-256-GCM, stream of tokio", Suite::Cobblestone256, None),
    ("ChaCha20-Poly1305, datagram, without I/O", Suite::ChaCha20Poly1305, Some(Mode::Datagram)),
    ("ChaCha20-Poly1305, stream, without I/O", Suite::ChaCha20Poly1305, Some(Mode::Stream)),
    ("ChaCha20-Poly1305, stream of tokio", Suite::ChaCha20Poly1305, None),
];

pub(crate) fn table(count: usize) {
    println!("| idle session | bytes of the process |");
    println!("|---|--:|");
    let program = std::env::current_exe().expect("this is a program");
    for (at, (name, ..)) in KINDS.iter().enumerate() {
        // Each in a process of its own: memory that another kind gave back would hide what this one takes.
        let child = std::process::Command::new(&program)
            .args([IDLE, &at.to_string(), &count.to_string()])
            .output()
            .expect("it starts again");
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        println!("| {name} | {} |", String::from_utf8_lossy(&child.stdout).trim());
    }
    println!("\n`Session` itself is {} bytes of that.", size_of::<Session>());
}

/// The child's part, where the arguments ask for it.
pub(crate) fn child(arguments: &[String]) -> bool {
    let [_, word, kind, count] = arguments else { return false };
    if word != IDLE {
        return false;
    }
    let (_, suite, mode) = KINDS[kind.parse::<usize>().expect("a number")];
    let count = count.parse().expect("a number");
    let each = match mode {
        Some(mode) => each_of(count, || {
            let [mut one, mut other] = sessions::pair(suite, mode);
            let (mut record, mut out) = ([0; 64], [0; 64]);
            let len = one.seal_into(0, b"data", b"", &mut record).expect("nothing forbids it");
            other.open_into(0, &record[..len], b"", &mut out).expect("it is genuine");
            [one, other]
        }),
        None => {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.expect("it needs nothing");
            each_of(count, || runtime.block_on(idle(suite)))
        }
    };
    println!("{each}");
    true
}

/// A stream over nothing, of both sides, after 100 KiB each way. What carried it is gone.
async fn idle(suite: Suite) -> [impl Sized; 2] {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (one, other) = (key_pair(1), key_pair(2));
    let terms = [&one, &other].map(|own| Terms::new(party(xx(suite, Hybrid::Off), own)));
    let mut accept = [|_: &sealwax::transit::Peer<'_>| Verdict::Accept; 2];
    let [first, second] = &mut accept;
    let (one, other) = tokio::join!(
        AsyncStream::connect(near, &terms[0], first),
        AsyncStream::accept(far, &terms[1], second)
    );
    let mut ends = [one.expect("both are there"), other.expect("both are there")];
    for at in [0, 1] {
        let [one, other] = &mut ends;
        let (from, to) = if at == 0 { (one, other) } else { (other, one) };
        let mut out = vec![0; TRAFFIC];
        let send = async {
            from.write_all(&[7; TRAFFIC]).await?;
            from.flush().await
        };
        let (sent, received) = tokio::join!(send, to.read_exact(&mut out));
        sent.and(received).expect("both are there");
        // Waits for what does not come.
        let mut more = [0; 1];
        let waiting = to.read(&mut more);
        tokio::select! {
            biased;
            _ = waiting => panic!("nothing was sent"),
            () = std::future::ready(()) => {}
        }
    }
    ends.map(|end| Box::new(end.split_with(|_| ((), ()))))
}

/// What one session of `count` pairs adds to what the process has in memory.
fn each_of<T>(count: usize, make: impl Fn() -> T) -> usize {
    // What is made once is there before.
    drop(make());
    let before = resident();
    let sessions: Vec<T> = (0..count).map(|_| make()).collect();
    let after = resident();
    std::hint::black_box(&sessions);
    after.saturating_sub(before) / (2 * count)
}

/// The resident set of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    let kib: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}

const IDLE: &str = "--idle";
const TRAFFIC: usize = 100 << 10;
