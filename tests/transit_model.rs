// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions over a bad network, beside a model that is written from docs/format.md 13.9 to 13.12: exactly the records
//! that the model accepts are accepted, once each, and nothing else changes anything.
#![cfg(feature = "std")]
#![allow(unsafe_code)]

mod kit;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;

use kit::random::Repeatable;
use sealwax::secret::{Key, Traffic};
use sealwax::transit::{Content, Limits, Mode, RECORD_OVERHEAD, Role, Session};
use sealwax::{ErrorKind, Suite};

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

/// One direction as docs/format.md says it: which records came, without keys and without a ring.
struct Model {
    epoch: u32,
    seen: Vec<bool>,
    previous: Option<Previous>,
    closed: Option<(u32, u64)>,
}

struct Previous {
    epoch: u32,
    seen: Vec<bool>,
    left: u32,
    until: u64,
}

const WINDOW: u64 = 128;
const PREVIOUS_RECORDS: u32 = 90;
const PREVIOUS_MS: u64 = 500;
const EPOCH_RECORDS: u64 = 700;
const EPOCH_BYTES: u64 = 60_000;
const EPOCH_MS: u64 = 9_000;

impl Model {
    fn new() -> Self {
        Model { epoch: 0, seen: Vec::new(), previous: None, closed: None }
    }

    /// Whether a genuine record at this place is accepted now; takes it then.
    fn take(&mut self, (epoch, counter): (u32, u64), now: u64) -> bool {
        if self
            .previous
            .as_ref()
            .is_some_and(|previous| previous.left == 0 || now >= previous.until)
        {
            self.previous = None;
        }
        if self.closed.is_some_and(|closed| (epoch, counter) > closed) {
            return false;
        }
        if epoch > self.epoch && epoch - self.epoch <= 64 {
            let seen = std::mem::take(&mut self.seen);
            self.previous = Some(Previous {
                epoch: self.epoch,
                seen,
                left: PREVIOUS_RECORDS,
                until: now + PREVIOUS_MS,
            });
            self.epoch = epoch;
            return mark(&mut self.seen, counter);
        }
        if epoch == self.epoch {
            let fresh = mark(&mut self.seen, counter);
            if let (true, Some(previous)) = (fresh, &mut self.previous) {
                previous.left -= 1;
            }
            return fresh;
        }
        match &mut self.previous {
            Some(previous) if previous.epoch == epoch => mark(&mut previous.seen, counter),
            _ => false,
        }
    }
}

fn mark(seen: &mut Vec<bool>, counter: u64) -> bool {
    let (at, next) = (counter as usize, seen.len() as u64);
    if counter < next && (next - counter > WINDOW || seen[at]) {
        return false;
    }
    seen.resize(seen.len().max(at + 1), false);
    seen[at] = true;
    true
}

struct Sealed {
    bytes: Vec<u8>,
    place: (u32, u64),
    content: Content,
    plaintext: Vec<u8>,
}

fn place_of(record: &[u8]) -> (u32, u64) {
    let epoch = record[1..5].try_into().expect("4 bytes");
    let counter = record[5..13].try_into().expect("8 bytes");
    (u32::from_be_bytes(epoch), u64::from_be_bytes(counter))
}

/// What one direction's sender did last, to see that no place is sealed twice and that limits hold.
struct Sender {
    last: Option<(u32, u64)>,
    bytes: u64,
    began: u64,
    wanted: bool,
    asked: Option<u32>,
    unheard: u32,
}

impl Sender {
    fn check(&mut self, place: (u32, u64), len: u64, now: u64) {
        let (epoch, counter) = self.last.map_or((0, 0), |(epoch, counter)| (epoch, counter + 1));
        let due = counter > 0
            && (counter >= EPOCH_RECORDS
                || self.bytes + len > EPOCH_BYTES
                || (self.unheard < 32 && (self.wanted || now - self.began >= EPOCH_MS)));
        if due || self.asked == Some(epoch) {
            assert_eq!(place, (epoch + 1, 0), "an epoch that was due did not begin");
            (self.bytes, self.began, self.wanted) = (0, now, false);
            self.unheard += 1;
        } else {
            assert_eq!(place, (epoch, counter));
        }
        self.bytes += len;
        self.last = Some(place);
    }
}

struct World {
    random: Repeatable,
    sessions: [Session; 2],
    models: [Model; 2],
    senders: [Sender; 2],
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
        let place = place_of(&bytes);
        self.senders[from].check(place, size, self.now);
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
        let expected = self.models[to].take(sealed.place, self.now);
        match received {
            Ok(received) => {
                assert!(expected, "{:?} was accepted", sealed.place);
                assert_eq!((received.epoch, received.counter), sealed.place);
                assert_eq!(received.content, sealed.content);
                assert_eq!(out[..received.len], sealed.plaintext);
                self.accepted += 1;
                self.senders[to].unheard = 0;
                if received.content == Content::RekeyRequest {
                    let asked = u32::from_be_bytes(out[..4].try_into().expect("4 bytes"));
                    let sender = &mut self.senders[to];
                    sender.asked = Some(asked);
                }
            }
            Err(error) => {
                assert!(!expected, "{:?} was refused", sealed.place);
                assert_eq!(error.kind(), ErrorKind::Decrypt);
                self.refused += 1;
            }
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
    let sender =
        || Sender { last: None, bytes: 0, began: 0, wanted: false, asked: None, unheard: 0 };
    let mut world = World {
        random: Repeatable(seed),
        sessions: pair(suite, &limits),
        models: [Model::new(), Model::new()],
        senders: [sender(), sender()],
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
            world.senders[side].wanted = true;
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
