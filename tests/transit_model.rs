// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions over a bad network, beside a model that is written from docs/format.md 13.9 to 13.12: exactly the records
//! that the model accepts are accepted, once each, and nothing else changes anything.
#![cfg(feature = "std")]
#![allow(unsafe_code)]

mod kit;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;

use kit::perfect::{Place, Receiver, Sender, Terms, parse};
use kit::random::Repeatable;
use sealwax::secret::{Key, Traffic};
use sealwax::transit::{Content, Limits, Mode, RECORD_OVERHEAD, Role, Session};
use sealwax::{Error, ErrorKind, Suite};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
        let _ = LIVE.try_with(|live| live.set(live.get() + layout.size() as i64));
        // SAFETY: the caller's contract is ours.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = LIVE.try_with(|live| live.set(live.get() - layout.size() as i64));
        // SAFETY: the caller's contract is ours.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many records: in `SEALWAX_RECORDS`, or what a test run has time for.
fn records() -> u64 {
    let given = std::env::var("SEALWAX_RECORDS").ok();
    given.map_or(200_000, |given| given.parse().expect("SEALWAX_RECORDS is a number"))
}

fn secret(fill: u8) -> Key<Traffic> {
    Key::init_with(|bytes| {
        bytes.fill(fill);
        Ok(())
    })
    .expect("filling does not fail")
}

fn pair(suite: Suite, limits: &Limits) -> [Session; 2] {
    let mut pair = [Session::closed(), Session::closed()];
    for (at, (role, session)) in
        [Role::Initiator, Role::Responder].into_iter().zip(&mut pair).enumerate()
    {
        let (sending, receiving) = (secret(1 + at as u8), secret(2 - at as u8));
        let kind = (suite, Mode::Datagram, role);
        session
            .danger_from_secrets(kind, &sending, &receiving, [7; 32], limits, 0)
            .expect("the secrets differ");
    }
    pair
}

const WINDOW: u64 = 128;
const PREVIOUS_RECORDS: u32 = 90;
const PREVIOUS_MS: u64 = 500;
const EPOCH_RECORDS: u64 = 700;
const EPOCH_BYTES: u64 = 60_000;
const EPOCH_MS: u64 = 9_000;

struct Sealed {
    bytes: Vec<u8>,
    place: Place,
    content: Content,
    plaintext: Vec<u8>,
}

struct World {
    random: Repeatable,
    sessions: [Session; 2],
    senders: [Sender; 2],
    receivers: [Receiver; 2],
    /// On the way to each side.
    network: [VecDeque<Sealed>; 2],
    now: u64,
    accepted: u64,
    refused: u64,
}

impl World {
    fn seal(&mut self, from: usize) {
        let mut out = [0; 300];
        let plaintext = {
            let len = self.random.below(100);
            self.random.bytes(len)
        };
        let session = &mut self.sessions[from];
        let (content, len, size) = match self.random.below(200) {
            0 => (Content::Empty, session.sending().seal_empty_into(self.now, &mut out), 0),
            1 => (Content::RekeyRequest, session.seal_rekey_request_into(self.now, &mut out), 4),
            2..40 => {
                let block = 1 + self.random.below(40);
                let sealed = session
                    .sending()
                    .seal_padded_into(self.now, &plaintext, block, b"port 7", &mut out);
                (Content::Data, sealed, (plaintext.len() + 1).next_multiple_of(block) as u64)
            }
            _ => {
                let sealed = session.seal_into(self.now, &plaintext, b"port 7", &mut out);
                (Content::Data, sealed, plaintext.len() as u64)
            }
        };
        let bytes = out[..len.expect("nothing forbids it")].to_vec();
        assert_eq!(bytes.len() as u64, size + RECORD_OVERHEAD as u64);
        let place = parse(&bytes).expect("it is a record");
        assert_eq!(self.senders[from].seal(self.now, size), Ok(place));
        let plaintext = if content == Content::Data { plaintext } else { Vec::new() };
        self.network[1 - from].push_back(Sealed { bytes, place, content, plaintext });
    }

    /// Hands one record over, or a damaged one, or one that is another's.
    fn deliver(&mut self, to: usize) {
        let len = self.network[to].len();
        if len == 0 {
            return;
        }
        // Mostly the oldest; some far from their turn, within the window and beyond it.
        let at = match self.random.below(10) {
            0..5 => 0,
            5..8 => self.random.below(len.min(20)),
            _ => self.random.below(len),
        };
        match self.random.below(40) {
            0..3 => drop(self.network[to].remove(at)),
            3..6 => self.open(to, at),
            6 => self.damage(to, at),
            7 => self.reflect(to, at),
            _ => {
                self.open(to, at);
                self.network[to].remove(at);
            }
        }
    }

    fn open(&mut self, to: usize, at: usize) {
        let sealed = &self.network[to][at];
        let associated = b"port 7";
        let mut out = [0; 300];
        let received = if self.random.below(2) == 0 {
            self.sessions[to].open_into(self.now, &sealed.bytes, associated, &mut out)
        } else {
            let record = &mut out[..sealed.bytes.len()];
            record.copy_from_slice(&sealed.bytes);
            let received = self.sessions[to].open_in_place(self.now, record, associated);
            out.copy_within(13.., 0);
            received
        };
        let expected = self.receivers[to].open(self.now, &sealed.bytes, Some(sealed.content));
        let place = received.as_ref().map(|received| (received.epoch, received.counter));
        assert_eq!(place.map_err(Error::kind), expected, "{:?}", sealed.place);
        match received {
            Ok(received) => {
                assert_eq!(received.content, sealed.content);
                assert_eq!(out[..received.len], sealed.plaintext);
                self.accepted += 1;
                let is_request = received.content == Content::RekeyRequest;
                let asked = u32::from_be_bytes(out[..4].try_into().expect("4 bytes"));
                self.senders[to].hear(is_request.then_some(asked));
            }
            Err(_) => self.refused += 1,
        }
    }

    /// What nobody sealed: the model is not asked.
    fn damage(&mut self, to: usize, at: usize) {
        let sealed = &self.network[to][at];
        let mut bytes = sealed.bytes.clone();
        match self.random.below(4) {
            0 => bytes.truncate(self.random.below(bytes.len())),
            1 => bytes.extend(self.random.bytes(5)),
            _ => bytes[self.random.below(sealed.bytes.len())] ^= 1 << self.random.below(8),
        }
        let mut out = [0; 400];
        let associated = b"port 7";
        let error = self.sessions[to]
            .open_into(self.now, &bytes, associated, &mut out)
            .expect_err("nobody sealed it");
        assert!(matches!(error.kind(), ErrorKind::Decrypt | ErrorKind::Format), "{error}");
        assert_eq!(out, [0; 400]);
    }

    /// A record handed back to its own sender, and one with other associated data.
    fn reflect(&mut self, to: usize, at: usize) {
        let bytes = self.network[to][at].bytes.clone();
        let mut out = [0; 300];
        let is_data = self.network[to][at].content == Content::Data;
        let wrong = [(1 - to, &b"port 7"[..]), (to, b"port 8")];
        // Records without data bind no associated data.
        for (side, associated) in wrong.into_iter().take(1 + usize::from(is_data)) {
            let opened = self.sessions[side].open_into(self.now, &bytes, associated, &mut out);
            assert_eq!(opened.expect_err("it is not for it").kind(), ErrorKind::Decrypt);
        }
    }
}

fn run(suite: Suite, seed: u64, records: u64) {
    let limits = Limits::of(suite)
        .epoch(EPOCH_RECORDS, EPOCH_BYTES, EPOCH_MS)
        .and_then(|limits| limits.window(WINDOW as u16))
        .expect("the limits are sound")
        .previous_epoch(PREVIOUS_RECORDS, PREVIOUS_MS);
    let terms = Terms {
        mode: Mode::Datagram,
        window: WINDOW,
        previous_records: PREVIOUS_RECORDS,
        previous_ms: PREVIOUS_MS,
        epoch_records: EPOCH_RECORDS,
        epoch_bytes: EPOCH_BYTES,
        epoch_ms: EPOCH_MS,
        // Higher than what happens here.
        failed_opens: u64::MAX,
        end_ms: u64::MAX,
        is_kept: false,
    };
    let mut world = World {
        random: Repeatable(seed),
        sessions: pair(suite, &limits),
        senders: [Sender::new(terms, 0), Sender::new(terms, 0)],
        receivers: [Receiver::new(terms, 0), Receiver::new(terms, 0)],
        network: [VecDeque::new(), VecDeque::new()],
        now: 0,
        accepted: 0,
        refused: 0,
    };
    for step in 0..records {
        let side = world.random.below(2);
        world.seal(side);
        if world.random.below(300) == 0 {
            world.sessions[side].sending().rekey();
            world.senders[side].rekey();
        }
        // The clock stands, goes, or jumps, and a session's own idea of its age with it.
        world.now += [0, 0, 0, 1, 1, 30][world.random.below(6)];
        let backlog = if step / 5_000 % 2 == 0 { 15 } else { 160 };
        for side in 0..2 {
            while world.network[side].len() > backlog {
                world.deliver(side);
            }
            if world.random.below(3) == 0 {
                world.deliver(side);
            }
        }
    }
    println!("{} accepted, {} refused", world.accepted, world.refused);
    assert!(world.accepted > records / 2 && world.refused > records / 100);
}

#[test]
fn exactly_what_the_model_accepts_is_accepted_with_chacha20() {
    run(Suite::ChaCha20Poly1305, 1, records() / 2);
}

#[test]
fn exactly_what_the_model_accepts_is_accepted_with_aes_gcm() {
    run(Suite::Cobblestone256, 2, records() / 2);
}

#[test]
fn a_session_takes_no_memory_for_records_and_keeps_none_for_epochs() {
    for suite in [Suite::ChaCha20Poly1305, Suite::Cobblestone256] {
        let limits = Limits::of(suite).epoch(2_000, 1 << 30, 1 << 40).expect("sound");
        let [mut one, mut other] = pair(suite, &limits);
        let (mut record, mut out) = ([0; 100], [0; 100]);
        let mut exchange = |forged: bool| {
            let len = one.seal_into(0, b"what", b"", &mut record).expect("nothing forbids it");
            if forged {
                let mut forged = record;
                forged[4] = forged[4].wrapping_add(3);
                let opened = other.open_into(0, &forged[..len], b"", &mut out);
                assert!(opened.is_err());
            }
            other.open_into(0, &record[..len], b"", &mut out).expect("it was sealed for it");
        };
        exchange(false);
        let before = CALLS.get();
        (1..2_000).for_each(|_| exchange(false));
        assert_eq!(CALLS.get(), before, "a record took memory");
        // Epochs and forgeries of epochs have keys of their own, which replace each other.
        (0..4_000).for_each(|at| exchange(at % 7 == 0));
        let after = LIVE.get();
        (0..20_000).for_each(|at| exchange(at % 7 == 0));
        assert_eq!(LIVE.get(), after, "epochs keep memory");
    }
}

#[test]
fn an_idle_session_takes_less_than_4_kib() {
    for suite in [Suite::ChaCha20Poly1305, Suite::Cobblestone256] {
        let limits = Limits::of(suite);
        let make = || {
            let [mut one, mut other] = pair(suite, &limits);
            let (mut record, mut out) = ([0; 100], [0; 100]);
            // Two epochs, so that the previous one has its keys.
            for _ in 0..2 {
                let len = one.seal_into(0, b"what", b"", &mut record).expect("nothing forbids it");
                other.open_into(0, &record[..len], b"", &mut out).expect("it was sealed for it");
                one.sending().rekey();
            }
            [one, other]
        };
        // The first makes what there is once.
        drop(make());
        let before = LIVE.get();
        let sessions = make();
        let both = LIVE.get() - before + size_of_val(&sessions) as i64;
        println!("{suite:?}: {} bytes without I/O", both / 2);
        assert!(both / 2 < 4096);
    }
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn an_idle_stream_of_tokio_takes_less_than_4_kib() {
    use sealwax::rng::Now;
    use sealwax::transit::{
        AsyncReader, AsyncStream, AsyncWriter, KeyPair, Party, Pattern, Peer, Peers, Settings,
        Terms, Verdict,
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    type Ends = [(AsyncReader<()>, AsyncWriter<()>); 2];

    /// Both ends after traffic, each waiting for more. What carried it is gone.
    async fn idle(suite: Suite) -> Ends {
        let (near, far) = tokio::io::duplex(1 << 16);
        let settings = Settings { suite, ..Settings::new(Pattern::XX, Mode::Stream) };
        let keys = [3, 4].map(|fill| {
            KeyPair::new(
                &Key::init_with(|bytes: &mut [u8; 32]| {
                    bytes.fill(fill);
                    Ok(())
                })
                .expect("filling does not fail"),
            )
        });
        let terms = keys.each_ref().map(|own| {
            let keys = std::slice::from_ref(own);
            let party = Party {
                settings,
                prologue: b"",
                keys,
                peers: Peers::Any,
                psk: None,
                now: Now::Unknown,
            };
            Terms::new(party)
        });
        let mut accept = [|_: &Peer<'_>| Verdict::Accept; 2];
        let [first, second] = &mut accept;
        let (one, other) = tokio::join!(
            AsyncStream::connect(near, &terms[0], first),
            AsyncStream::accept(far, &terms[1], second)
        );
        let mut ends = [one.expect("both are there"), other.expect("both are there")];
        for _ in 0..2 {
            let [from, to] = &mut ends;
            let (data, mut out) = (vec![7; 100_000], vec![0; 100_000]);
            let send = async {
                from.write_all(&data).await?;
                from.flush().await
            };
            let (sent, received) = tokio::join!(send, to.read_exact(&mut out));
            sent.and(received.map(|_| ())).expect("both are there");
            let mut more = [0; 9_000];
            tokio::select! {
                biased;
                _ = to.read(&mut more) => panic!("nothing was sent"),
                () = std::future::ready(()) => {}
            }
            ends.reverse();
        }
        ends.map(|end| end.split_with(|_| ((), ())))
    }

    for suite in [Suite::ChaCha20Poly1305, Suite::Cobblestone256] {
        drop(idle(suite).await);
        let before = LIVE.get();
        let ends = idle(suite).await;
        let both = LIVE.get() - before + size_of_val(&ends) as i64;
        println!("{suite:?}: {} bytes over tokio", both / 2);
        assert!(both / 2 < 4096);
    }
}
