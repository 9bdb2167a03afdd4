// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions over connections: every way to cut reads and writes gives the same bytes, and a cut is seen.
#![cfg(feature = "std")]

mod kit;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use kit::random::Repeatable;
use proptest::prelude::*;
use sealwax::rng::Now;
use sealwax::secret::{Key, Psk};
use sealwax::transit::{
    Hybrid, KeyPair, Mode, Party, Pattern, Peers, Settings, Stream, Terms, Verdict,
};
use sealwax::{Error, ErrorKind, Suite};

/// One end of a pipe that holds little, and hands out less than was asked for.
struct Pipe {
    to: Option<SyncSender<Vec<u8>>>,
    from: Receiver<Vec<u8>>,
    rest: Vec<u8>,
    at_most: usize,
}

fn pipes(at_most: usize) -> (Pipe, Pipe) {
    let (to_one, from_other) = sync_channel(2);
    let (to_other, from_one) = sync_channel(2);
    let end = |to, from| Pipe { to: Some(to), from, rest: Vec::new(), at_most };
    (end(to_other, from_other), end(to_one, from_one))
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let Ok(bytes) = self.from.recv() else { return Ok(0) };
            self.rest = bytes;
        }
        let len = self.rest.len().min(out.len()).min(self.at_most);
        out[..len].copy_from_slice(&self.rest[..len]);
        self.rest.drain(..len);
        Ok(len)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.at_most * 3);
        let to = self.to.as_ref().expect("the pipe is open");
        to.send(bytes[..len].to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings(pattern: Pattern, suite: Suite) -> Settings {
    Settings { suite, hybrid: Hybrid::Off, ..Settings::new(pattern, Mode::Stream) }
}

fn psk() -> Key<Psk> {
    Key::init_with(|bytes| {
        bytes.fill(5);
        Ok(())
    })
    .expect("filling does not fail")
}

fn party<'a>(settings: Settings, psk: &'a Key<Psk>) -> Party<'a> {
    Party {
        settings,
        prologue: b"a test",
        keys: &[],
        peers: Peers::Any,
        psk: Some(psk),
        now: Now::Unknown,
    }
}

/// A pair of streams over pipes, with a pre-shared key.
fn streams(suite: Suite, at_most: usize) -> (Stream<Pipe>, Stream<Pipe>) {
    let (one, other) = pipes(at_most);
    let responder = std::thread::spawn(move || {
        let psk = psk();
        let terms = Terms::new(party(settings(Pattern::NNpsk0, suite), &psk));
        Stream::accept(other, &terms, &mut |_| Verdict::Accept).expect("the same key")
    });
    let psk = psk();
    let terms = Terms::new(party(settings(Pattern::NNpsk0, suite), &psk));
    let one = Stream::connect(one, &terms, &mut |_| Verdict::Accept).expect("the same key");
    (one, responder.join().expect("it does not panic"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_way_to_cut_reads_and_writes_gives_the_same_bytes(
        writes in prop::collection::vec((0usize..40_000, any::<bool>()), 1..8),
        reads in prop::collection::vec(1usize..40_000, 1..5),
        at_most in prop_oneof![Just(1usize << 20), 700usize..9_000],
        chacha in any::<bool>(),
    ) {
        let suite = if chacha { Suite::ChaCha20Poly1305 } else { Suite::Cobblestone256 };
        let (mut one, mut other) = streams(suite, at_most);
        let total: usize = writes.iter().map(|(len, _)| len).sum();
        let data = Repeatable(total as u64).bytes(total);
        let sent = data.clone();
        let writer = std::thread::spawn(move || {
            let mut rest = &sent[..];
            for (at, (len, flush)) in writes.into_iter().enumerate() {
                let (piece, after) = rest.split_at(len);
                one.write_all(piece).expect("the peer reads");
                rest = after;
                if flush {
                    one.flush().expect("the peer reads");
                }
                if at % 3 == 2 {
                    one.rekey();
                }
            }
            one.close().expect("the peer reads");
            one
        });
        let mut received = Vec::new();
        for len in reads.iter().cycle() {
            let mut out = vec![0; *len];
            match other.read(&mut out).expect("nothing was changed") {
                0 => break,
                len => received.extend_from_slice(&out[..len]),
            }
        }
        prop_assert_eq!(received, data);
        prop_assert_eq!(other.read(&mut [0; 9]).expect("it stays at its end"), 0);
        // The other direction is still open.
        let mut one = writer.join().expect("it does not panic");
        other.write_all(b"thanks").expect("the peer is there");
        other.flush().expect("the peer is there");
        let mut thanks = [0; 6];
        one.read_exact(&mut thanks).expect("it was written");
        prop_assert_eq!(&thanks, b"thanks");
    }
}

#[test]
fn a_stream_without_its_close_is_truncated_and_never_at_its_end() {
    for flushed in [false, true] {
        let (mut one, mut other) = streams(Suite::Cobblestone256, 1 << 20);
        one.write_all(b"half").expect("there is room");
        if flushed {
            one.flush().expect("the peer is there");
        }
        drop(one);
        let mut out = Vec::new();
        let error = other.read_to_end(&mut out).expect_err("nobody closed it");
        assert_eq!(out, if flushed { &b"half"[..] } else { b"" });
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(Error::from_io(error).kind(), ErrorKind::Truncated);
        assert!(other.read(&mut [0; 9]).is_err(), "an error became an end");
    }
}

#[test]
fn the_end_fits_after_as_many_full_records_as_are_kept() {
    for len in (1..10).map(|records| records * 16_384) {
        let (mut one, mut other) = streams(Suite::Cobblestone256, 1 << 20);
        let data = Repeatable(len as u64).bytes(len);
        let reader = std::thread::spawn(move || {
            let mut out = Vec::new();
            other.read_to_end(&mut out).map(|_| out)
        });
        one.write_all(&data).expect("the peer reads");
        one.close().expect("the peer reads");
        let received = reader.join().expect("it does not panic").expect("the peer closes");
        assert!(received == data, "{len}");
    }
}

#[test]
fn a_changed_byte_or_a_lying_length_ends_the_stream() {
    for (at, what) in [(0, 0x80), (1, 1), (2, 0x80), (6, 1), (14, 1), (16, 0x40), (34, 1)] {
        let (mut one, other) = streams(Suite::ChaCha20Poly1305, 1 << 20);
        let (carried, mut back) = pipes(1 << 20);
        one.write_all(b"what").expect("there is room");
        // Records pass through here, and one byte of them is changed.
        let (mut reader, _writer) =
            other.split_with(|pipe| Ok((carried, pipe))).expect("it splits");
        let (_reader, mut writer) =
            one.split_with(|pipe| Ok((pipe, Tap(Vec::new())))).expect("it splits");
        writer.flush().expect("a tap takes all");
        let mut bytes = writer.into_inner().0;
        assert_eq!(bytes.len(), 2 + 29 + 4);
        bytes[at] ^= what;
        back.write_all(&bytes).expect("there is room");
        drop(back);
        let error = reader.read(&mut [0; 64]).expect_err("it was changed");
        let kind = Error::from_io(error).kind();
        let expected = match at {
            0 => ErrorKind::Limit,
            1 => ErrorKind::Decrypt,
            2 => ErrorKind::Format,
            _ => ErrorKind::Decrypt,
        };
        // One byte less than the record: what is left of it is never read.
        assert_eq!(kind, expected, "byte {at}");
        assert!(reader.read(&mut [0; 64]).is_err());
    }
}

/// Keeps what is written.
struct Tap(Vec<u8>);

impl Write for Tap {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes nothing for a while.
struct Busy {
    refusals: usize,
    taken: Vec<u8>,
}

impl Write for Busy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.refusals > 0 {
            self.refusals -= 1;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = bytes.len().min(1000);
        self.taken.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_peer_that_does_not_read_stops_the_writer_and_loses_nothing() {
    let (one, other) = streams(Suite::Cobblestone256, 1 << 20);
    let (_reader, mut writer) = one
        .split_with(|pipe| Ok((pipe, Busy { refusals: 40, taken: Vec::new() })))
        .expect("it splits");
    let data = Repeatable(8).bytes(300_000);
    let (mut rest, mut refused) = (&data[..], 0);
    while !rest.is_empty() {
        match writer.write(rest) {
            Ok(len) => rest = &rest[len..],
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                refused += 1;
                assert!(data.len() - rest.len() <= 66_000, "it takes more than it can hold");
            }
        }
    }
    while let Err(error) = writer.close() {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
    assert_eq!(refused, 40);
    let taken = writer.into_inner().taken;
    let (mut reader, _writer) =
        other.split_with(|pipe| Ok((io::Cursor::new(taken), pipe))).expect("it splits");
    let mut received = Vec::new();
    reader.read_to_end(&mut received).expect("all of it came");
    assert!(received == data);
}

/// The halves of a pipe.
fn halves(pipe: Pipe) -> io::Result<(Pipe, Pipe)> {
    let Pipe { to, from, rest, at_most } = pipe;
    let (_, nothing) = sync_channel(1);
    Ok((Pipe { to: None, from, rest, at_most }, Pipe { to, from: nothing, rest: vec![], at_most }))
}

#[test]
fn a_request_makes_the_peer_change_its_keys_and_silence_does_not() {
    fn say(to: &mut impl Write, what: &[u8]) {
        to.write_all(what).expect("the pipe is open");
        to.flush().expect("the pipe is open");
    }
    fn hear(from: &mut impl Read) -> u8 {
        let mut byte = [0];
        from.read_exact(&mut byte).expect("the pipe is open");
        byte[0]
    }
    let (mut one, mut other) = streams(Suite::ChaCha20Poly1305, 1 << 20);
    one.request_rekey().expect("the session is open");
    say(&mut one, b"1");
    assert_eq!(hear(&mut other), b'1');
    let (mut reader, mut writer) = one.split_with(halves).expect("it can be split");
    // A request names the epoch of what came last.
    let at_first = reader.rekey_request();
    say(&mut other, b"2");
    assert_eq!(hear(&mut reader), b'2');
    let asked = reader.rekey_request();
    assert_ne!(asked, at_first);
    say(&mut other, b"3");
    assert_eq!(hear(&mut reader), b'3');
    assert_eq!(reader.rekey_request(), asked);
    writer.request_rekey(asked).expect("the session is open");
    say(&mut writer, b"4");
    assert_eq!(hear(&mut other), b'4');
    say(&mut other, b"5");
    assert_eq!(hear(&mut reader), b'5');
    assert_ne!(reader.rekey_request(), asked);
}

#[test]
fn two_threads_talk_over_tcp_with_static_keys_and_x_wing() {
    let key = |fill| {
        let private = Key::init_with(|bytes: &mut [u8; 32]| {
            bytes.fill(fill);
            Ok(())
        });
        KeyPair::new(&private.expect("filling does not fail"))
    };
    let (client, server) = (key(1), key(2));
    let (client_key, server_key) = (client.public(), server.public());
    for pattern in [Pattern::XX, Pattern::IK, Pattern::KK] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let settings = Settings::new(pattern, Mode::Stream);
        assert_eq!(settings.hybrid, Hybrid::On);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (tcp, _) = listener.accept().expect("it connects");
                let pinned = [client_key];
                let party = Party {
                    settings,
                    prologue: b"",
                    keys: std::slice::from_ref(&server),
                    peers: Peers::Pinned(&pinned),
                    psk: None,
                    now: Now::Unknown,
                };
                let stream = Stream::accept(tcp, &Terms::new(party), &mut |_| Verdict::Accept)
                    .expect("it is pinned");
                assert_eq!(stream.peer(), Some(&client_key));
                let (mut reader, mut writer) =
                    stream.split_with(|tcp| Ok((tcp.try_clone()?, tcp))).expect("it splits");
                io::copy(&mut reader, &mut writer).expect("an echo");
                writer.close().expect("the peer reads");
            });
            let tcp = TcpStream::connect(address).expect("it listens");
            let pinned = [server_key];
            let party = Party {
                settings,
                prologue: b"",
                keys: std::slice::from_ref(&client),
                peers: Peers::Pinned(&pinned),
                psk: None,
                now: Now::Unknown,
            };
            let stream = Stream::connect(tcp, &Terms::new(party), &mut |_| Verdict::Accept)
                .expect("it is pinned");
            assert_eq!(stream.peer(), Some(&server_key));
            let (mut reader, mut writer) =
                stream.split_with(|tcp| Ok((tcp.try_clone()?, tcp))).expect("it splits");
            let data = Repeatable(3).bytes(1_000_000);
            scope.spawn({
                let data = data.clone();
                move || {
                    writer.write_all(&data).expect("the peer reads");
                    writer.close().expect("the peer reads");
                }
            });
            let mut received = Vec::new();
            reader.read_to_end(&mut received).expect("the peer closes");
            assert!(received == data);
        });
    }
}

#[test]
fn a_handshake_that_ends_early_is_truncated_and_one_too_long_is_not_read() {
    let psk = psk();
    let terms = Terms::new(party(settings(Pattern::NNpsk0, Suite::Cobblestone256), &psk));
    for (bytes, kind) in [
        (&b""[..], ErrorKind::Truncated),
        (&[0], ErrorKind::Truncated),
        (&[0, 50, 0x20], ErrorKind::Truncated),
        (&[0xff, 0xff, 0x20], ErrorKind::Format),
        (&[0, 3, 0x20, 1, 9], ErrorKind::Format),
    ] {
        let (one, mut other) = pipes(1 << 20);
        if !bytes.is_empty() {
            other.write_all(bytes).expect("there is room");
        }
        drop(other);
        let refused = Stream::accept(one, &terms, &mut |_| Verdict::Accept);
        assert_eq!(refused.err().expect("it is no message").kind(), kind, "{bytes:?}");
    }
    let datagram = Settings::new(Pattern::NNpsk0, Mode::Datagram);
    let refused =
        Stream::accept(pipes(9).0, &Terms::new(party(datagram, &psk)), &mut |_| Verdict::Accept);
    assert_eq!(refused.err().expect("another mode").kind(), ErrorKind::Misuse);
}

#[cfg(feature = "tokio")]
mod with_tokio {
    use sealwax::transit::AsyncStream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn anyone(_: &sealwax::transit::Peer<'_>) -> Verdict {
        Verdict::Accept
    }

    #[tokio::test]
    async fn halves_of_a_tokio_stream_give_the_same_bytes_under_backpressure() {
        for (room, len) in [(64, 20_000), (1 << 16, 500_000)] {
            let (one, other) = tokio::io::duplex(room);
            let psk = psk();
            let terms = Terms::new(party(settings(Pattern::NNpsk0, Suite::Cobblestone256), &psk));
            let (mut accept, mut also) = (anyone, anyone);
            let (one, other) = tokio::join!(
                AsyncStream::connect(one, &terms, &mut accept),
                AsyncStream::accept(other, &terms, &mut also)
            );
            let (one, other) = (one.expect("the same key"), other.expect("the same key"));
            assert_eq!(one.binding(), other.binding());
            let (mut reader, mut writer) = one.split_with(tokio::io::split);
            let echo = async {
                let (mut reader, mut writer) = other.split_with(tokio::io::split);
                tokio::io::copy(&mut reader, &mut writer).await.expect("an echo");
                writer.shutdown().await.expect("the peer reads");
            };
            let data = Repeatable(4).bytes(len);
            let write = async {
                for piece in data.chunks(7_001) {
                    writer.write_all(piece).await.expect("the peer reads");
                    writer.flush().await.expect("the peer reads");
                }
                writer.shutdown().await.expect("the peer reads");
            };
            let mut received = Vec::new();
            let (read, (), ()) = tokio::join!(reader.read_to_end(&mut received), write, echo);
            read.expect("the peer closes");
            assert!(received == data);
        }
    }

    #[tokio::test]
    async fn a_tokio_stream_that_is_dropped_is_truncated() {
        let (one, other) = tokio::io::duplex(1 << 16);
        let psk = psk();
        let terms = Terms::new(party(settings(Pattern::NNpsk0, Suite::Cobblestone256), &psk));
        let (mut accept, mut also) = (anyone, anyone);
        let (one, other) = tokio::join!(
            AsyncStream::connect(one, &terms, &mut accept),
            AsyncStream::accept(other, &terms, &mut also)
        );
        let (mut one, mut other) = (one.expect("the same key"), other.expect("the same key"));
        one.write_all(b"half").await.expect("there is room");
        one.flush().await.expect("there is room");
        drop(one);
        let mut out = Vec::new();
        let error = other.read_to_end(&mut out).await.expect_err("nobody closed it");
        assert_eq!((out.as_slice(), error.kind()), (&b"half"[..], io::ErrorKind::UnexpectedEof));
    }
}
