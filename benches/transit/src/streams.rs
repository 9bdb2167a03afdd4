// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams of tokio over loopback: a thread that sends, a thread that receives, beside the same over plain TCP.

use std::time::Instant;

use sealwax::Suite;
use sealwax::transit::{AsyncStream, Hybrid, Terms, Verdict};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::clock::{median, median_and_ratio, process_time};
use crate::sessions::{key_pair, party, xx};

/// How the program on either side reads and writes.
#[derive(Clone, Copy)]
enum By {
    /// `tokio::io::copy`, which has a buffer of 8 KiB.
    Copy,
    /// Calls of 64 KiB.
    Large,
}

/// A round takes long enough to count for several.
pub(crate) fn rounds(rounds: usize) -> usize {
    rounds.div_ceil(5)
}

pub(crate) fn table(rounds: usize, bytes: u64) {
    println!("| tokio over loopback | GB/s | of plain TCP | processor time of plain TCP |");
    println!("|---|--:|--:|--:|");
    for (by, how) in [(By::Copy, "`tokio::io::copy`"), (By::Large, "calls of 64 KiB")] {
        let subjects = [
            ("plain TCP", None),
            ("sealwax, AES-256-GCM", Some(Suite::Cobblestone256)),
            ("sealwax, ChaCha20-Poly1305", Some(Suite::ChaCha20Poly1305)),
        ];
        let (mut walls, mut processors) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let (mut wall, mut processor) = (Vec::new(), Vec::new());
            for (_, suite) in subjects {
                let begin = Instant::now();
                processor.push(process_time(|| run(suite, by, bytes)));
                wall.push(begin.elapsed().as_secs_f64());
            }
            if round > 0 {
                walls.push(wall);
                processors.push(processor);
            }
        }
        for (at, (who, _)) in subjects.iter().enumerate() {
            let (time, ratio) = median_and_ratio(&walls, at);
            let of_processor = median(processors.iter().map(|of| of[at] / of[0]).collect());
            println!(
                "| {how}, {who} | {:.2} | {:.2} | {of_processor:.2} |",
                bytes as f64 / time / 1e9,
                1.0 / ratio
            );
        }
    }
    println!();
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_io().build().expect("there is a system")
}

/// One connection, from the first byte to the end.
fn run(suite: Option<Suite>, by: By, bytes: u64) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            runtime().block_on(async {
                listener.set_nonblocking(true).expect("it is a socket");
                let listener = TcpListener::from_std(listener).expect("it is a socket");
                let (tcp, _) = listener.accept().await.expect("somebody comes");
                let received = match suite {
                    None => receive(tcp, by).await,
                    Some(suite) => receive(shake(tcp, suite, false).await, by).await,
                };
                assert_eq!(received, bytes);
            });
        });
        runtime().block_on(async {
            let tcp = TcpStream::connect(address).await.expect("somebody listens");
            match suite {
                None => send(tcp, by, bytes).await,
                Some(suite) => send(shake(tcp, suite, true).await, by, bytes).await,
            }
        });
    });
}

async fn shake(tcp: TcpStream, suite: Suite, is_first: bool) -> AsyncStream<TcpStream> {
    let key = key_pair(u8::from(is_first) + 1);
    let terms = Terms::new(party(xx(suite, Hybrid::Off), &key));
    let accept = &mut |_: &sealwax::transit::Peer<'_>| Verdict::Accept;
    match is_first {
        true => AsyncStream::connect(tcp, &terms, accept).await,
        false => AsyncStream::accept(tcp, &terms, accept).await,
    }
    .expect("both are there")
}

async fn send(mut stream: impl AsyncWrite + Unpin, by: By, bytes: u64) {
    match by {
        By::Copy => {
            let mut source = tokio::io::repeat(0x5a).take(bytes);
            tokio::io::copy(&mut source, &mut stream).await.expect("the peer reads");
        }
        By::Large => {
            let piece = vec![0x5a; LARGE];
            for _ in 0..bytes / LARGE as u64 {
                stream.write_all(&piece).await.expect("the peer reads");
            }
        }
    }
    stream.shutdown().await.expect("the peer reads");
}

async fn receive(mut stream: impl AsyncRead + Unpin, by: By) -> u64 {
    match by {
        By::Copy => {
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.expect("the peer writes")
        }
        By::Large => {
            let (mut piece, mut received) = (vec![0; LARGE], 0);
            loop {
                match stream.read(&mut piece).await.expect("the peer writes") {
                    0 => return received,
                    len => received += len as u64,
                }
            }
        }
    }
}

const LARGE: usize = 1 << 16;
