// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two sessions over a network that does anything, with restarts of either side, beside the model of the tests: exactly
//! what the model accepts is accepted, once each, and no place is sealed twice.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/kit/perfect.rs"]
mod perfect;

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use perfect::{Kept, Place, Receiver, Sender, Terms, import, parse, reserve};
use sealwax::secret::{Key, Raw, Traffic};
use sealwax::transit::{Content, EXPORT_LEN, Keeping, Limits, Mode, Role, Session};
use sealwax::{Error, ErrorKind, Suite};
use sealwax_fuzz::Repeatable;

#[derive(Arbitrary, Debug)]
struct Input {
    stream: bool,
    suite_1: bool,
    is_kept: bool,
    window: u16,
    previous_records: u8,
    previous_ms: u16,
    epoch_records: u8,
    epoch_bytes: u16,
    epoch_ms: u16,
    failed_opens: u8,
    end_ms: Option<u16>,
    began: u32,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Seal { side: bool, what: What, len: u8, in_place: bool },
    Deliver { side: bool, at: u8, keep: bool, in_place: bool },
    Drop { side: bool, at: u8 },
    Change { side: bool, at: u8, change: Change, in_place: bool },
    Invent { side: bool, bytes: Vec<u8> },
    OtherAssociated { side: bool, at: u8 },
    Reflect { side: bool, at: u8 },
    Rekey { side: bool },
    Tick { side: bool },
    Close { side: bool },
    Forward { by: u16 },
    Back { by: u16 },
    Jump { to: u64 },
    Reserve { side: bool, block: u8, is_long: bool, fails: bool },
    Restart { side: bool },
}

#[derive(Arbitrary, Debug)]
enum What {
    Data,
    Padded {
        block: u8,
    },
    Empty,
    Request,
    /// Near the longest.
    Long,
}

#[derive(Arbitrary, Debug)]
enum Change {
    Xor { at: u16, with: u8 },
    Cut { by: u8 },
    Append { bytes: [u8; 3] },
    Header { kind: u8, epoch: i8, counter: i16 },
}

struct Sealed {
    bytes: Vec<u8>,
    content: Content,
    data: Vec<u8>,
}

struct Side {
    session: Session,
    sender: Sender,
    receiver: Receiver,
    /// On the way to it.
    network: Vec<Sealed>,
    storage: Option<([u8; EXPORT_LEN], Kept)>,
    sealed: BTreeSet<Place>,
    opened: BTreeSet<Vec<u8>>,
}

struct World {
    terms: Terms,
    limits: Limits,
    sides: [Side; 2],
    device: Key<Raw>,
    random: Repeatable,
    number: u32,
    now: u64,
}

const ASSOCIATED: &[u8] = b"port 7";

impl World {
    fn step(&mut self, step: Step) {
        match step {
            Step::Seal { side, what, len, in_place } => self.seal(side.into(), what, len, in_place),
            Step::Deliver { side, at, keep, in_place } => {
                let to = usize::from(side);
                let Some(at) = self.at(to, at) else { return };
                let sealed = self.sides[to].network.remove(at);
                self.open(to, &sealed.bytes, Some(&sealed), in_place);
                if keep {
                    self.sides[to].network.insert(at, sealed);
                }
            }
            Step::Drop { side, at } => {
                if let Some(at) = self.at(side.into(), at) {
                    self.sides[usize::from(side)].network.remove(at);
                }
            }
            Step::Change { side, at, change, in_place } => {
                let to = usize::from(side);
                let Some(at) = self.at(to, at) else { return };
                let sealed = self.sides[to].network.remove(at);
                let mut bytes = sealed.bytes.clone();
                change.apply(&mut bytes);
                let same = bytes == sealed.bytes;
                self.open(to, &bytes, same.then_some(&sealed), in_place);
                self.sides[to].network.insert(at, sealed);
            }
            Step::Invent { side, bytes } => self.open(side.into(), &bytes, None, false),
            Step::OtherAssociated { side, at } => self.open_with_other(side.into(), at),
            Step::Reflect { side, at } => {
                let to = usize::from(side);
                let Some(at) = self.at(to, at) else { return };
                let bytes = self.sides[to].network[at].bytes.clone();
                self.open(1 - to, &bytes, None, false);
            }
            Step::Rekey { side } => {
                let side = &mut self.sides[usize::from(side)];
                side.session.sending().rekey();
                side.sender.rekey();
            }
            Step::Tick { side } => {
                let side = &mut self.sides[usize::from(side)];
                let ticked = side.session.tick(self.now).map_err(|error| error.kind());
                side.receiver.tick(self.now);
                assert_eq!(ticked, side.sender.tick(self.now));
            }
            Step::Close { side } => self.close(side.into()),
            Step::Forward { by } => self.now = self.now.saturating_add(by.into()),
            Step::Back { by } => self.now = self.now.saturating_sub(by.into()),
            Step::Jump { to } => self.now = to,
            Step::Reserve { side, block, is_long, fails } => {
                let block = if is_long { u32::MAX - u32::from(block) } else { block.into() };
                self.reserve(side.into(), block, fails);
            }
            Step::Restart { side } => self.restart(side.into()),
        }
        for side in &mut self.sides {
            assert_eq!(side.session.receiving().epoch(), side.receiver.epoch());
            assert_eq!(side.session.receiving().is_closed(), side.receiver.is_closed());
            assert_eq!(side.session.sending().is_closed(), side.sender.is_closed());
        }
    }

    fn at(&self, to: usize, at: u8) -> Option<usize> {
        usize::from(at).checked_rem(self.sides[to].network.len())
    }

    fn seal(&mut self, from: usize, what: What, len: u8, in_place: bool) {
        self.number += 1;
        let mut data = self.number.to_be_bytes().to_vec();
        match what {
            What::Long => data.resize(16_300 + usize::from(len), 1),
            _ => data.resize(usize::from(len), 2),
        }
        let now = self.now;
        let session = &mut self.sides[from].session;
        let asked = session.receiving().epoch();
        let mut out = vec![0; data.len() + 29 + 256];
        let (content, written, len) = match what {
            What::Padded { block } => {
                let block = usize::from(block.max(1));
                let written =
                    session.sending().seal_padded_into(now, &data, block, ASSOCIATED, &mut out);
                (Content::Data, written, (data.len() + 1).next_multiple_of(block))
            }
            What::Empty => (Content::Empty, session.sending().seal_empty_into(now, &mut out), 0),
            What::Request => {
                (Content::RekeyRequest, session.seal_rekey_request_into(now, &mut out), 4)
            }
            What::Data | What::Long if in_place => {
                let record = &mut out[..data.len() + 29];
                record[13..13 + data.len()].copy_from_slice(&data);
                let before = record.to_vec();
                let written = session.seal_in_place(now, record, ASSOCIATED);
                assert!(written.is_ok() || record == before);
                (Content::Data, written.map(|()| record.len()), data.len())
            }
            What::Data | What::Long => {
                let written = session.seal_into(now, &data, ASSOCIATED, &mut out);
                assert!(written.is_ok() || out.iter().all(|byte| *byte == 0));
                (Content::Data, written, data.len())
            }
        };
        match content {
            Content::Data => {}
            Content::RekeyRequest => data = asked.to_be_bytes().to_vec(),
            _ => data.clear(),
        }
        let expected = self.sides[from].sender.seal(now, len as u64);
        self.sealed(from, expected, written, out, content, data);
    }

    fn sealed(
        &mut self,
        from: usize,
        expected: Result<Place, ErrorKind>,
        written: sealwax::Result<usize>,
        mut out: Vec<u8>,
        content: Content,
        data: Vec<u8>,
    ) {
        match written {
            Ok(len) => {
                out.truncate(len);
                let place = parse(&out).expect("it is a record");
                assert_eq!(expected, Ok(place));
                assert!(self.sides[from].sealed.insert(place), "{place:?} was sealed twice");
                let network = &mut self.sides[1 - from].network;
                network.push(Sealed { bytes: out, content, data });
                if network.len() > 64 {
                    network.remove(0);
                }
            }
            Err(error) => assert_eq!(expected, Err(error.kind()), "{error}"),
        }
    }

    /// Hands bytes over; `sealed` is what they are where they are a record as it was sealed.
    fn open(&mut self, to: usize, bytes: &[u8], sealed: Option<&Sealed>, in_place: bool) {
        let (now, content) = (self.now, sealed.map(|sealed| sealed.content));
        let Side { session, sender, receiver, opened, .. } = &mut self.sides[to];
        let authentic = receiver.authentic;
        let expected = receiver.open(now, bytes, content);
        let (received, out) = if in_place {
            let mut record = bytes.to_vec();
            let received = session.open_in_place(now, &mut record, ASSOCIATED);
            let body = record.get(13..).unwrap_or_default().to_vec();
            if received.is_err() && bytes.len() >= 29 {
                let (body, before) = (&body[..bytes.len() - 29], &bytes[13..bytes.len() - 16]);
                assert!(body == before || body.iter().all(|byte| *byte == 0));
            }
            (received, body)
        } else {
            let mut out = vec![0; bytes.len()];
            let received = session.open_into(now, bytes, ASSOCIATED, &mut out);
            assert!(received.is_ok() || out.iter().all(|byte| *byte == 0));
            (received, out)
        };
        let place = received.as_ref().map(|received| (received.epoch, received.counter));
        assert_eq!(place.map_err(Error::kind), expected);
        let mut asked = None;
        if let (Ok(received), Some(sealed)) = (received, sealed) {
            assert_eq!(received.content, sealed.content);
            match sealed.content {
                Content::RekeyRequest => {
                    asked = sealed.data.first_chunk().copied().map(u32::from_be_bytes);
                }
                _ => assert_eq!(out[..received.len], sealed.data),
            }
            assert!(opened.insert(sealed.bytes.clone()), "a record opened twice");
        }
        if receiver.authentic > authentic {
            sender.hear(asked);
        }
    }

    fn open_with_other(&mut self, to: usize, at: u8) {
        let Some(at) = self.at(to, at) else { return };
        let (now, side) = (self.now, &mut self.sides[to]);
        let Sealed { bytes, content, .. } = &side.network[at];
        // Records without data bind none.
        if *content != Content::Data {
            return;
        }
        let expected = side.receiver.open(now, bytes, None);
        let mut out = vec![0; bytes.len()];
        let opened = side.session.open_into(now, bytes, b"port 8", &mut out);
        assert_eq!(opened.map_err(|error| error.kind()).err(), expected.err());
        assert!(out.iter().all(|byte| *byte == 0));
    }

    fn close(&mut self, from: usize) {
        let mut out = vec![0; 29];
        let Side { session, sender, storage, .. } = &mut self.sides[from];
        let written = if sender.is_kept() {
            let refused = session.close_into(self.now, &mut out);
            assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Misuse));
            let mut store = |kept: &[u8; EXPORT_LEN]| {
                assert_eq!(*kept, [0; EXPORT_LEN]);
                *storage = None;
                Ok(())
            };
            session.end(self.now, &mut store, &mut out)
        } else {
            session.close_into(self.now, &mut out)
        };
        let expected = sender.close(self.now);
        self.sealed(from, expected, written, out, Content::Close, Vec::new());
    }

    fn reserve(&mut self, side: usize, block: u32, fails: bool) {
        let Side { session, sender, receiver, storage, .. } = &mut self.sides[side];
        let keeping = Keeping { device: &self.device, slot: b"slot" };
        let mut stored = None;
        let mut store = |kept: &[u8; EXPORT_LEN]| {
            if fails {
                return Err(Error::Random);
            }
            stored = Some(*kept);
            Ok(())
        };
        let reserved = session.reserve(block, &keeping, &mut self.random, &mut store);
        let reserved = reserved.map_err(|error| error.kind());
        if fails {
            assert!(matches!(reserved, Err(ErrorKind::Random | ErrorKind::Misuse)));
            return;
        }
        let expected = reserve(sender, receiver, block);
        assert_eq!(reserved, expected.map(|_| ()));
        if let (Some(stored), Ok(kept)) = (stored, expected) {
            *storage = Some((stored, kept));
        }
    }

    fn restart(&mut self, side: usize) {
        let side = &mut self.sides[side];
        let Some((stored, kept)) = &side.storage else { return };
        let keeping = Keeping { device: &self.device, slot: b"slot" };
        side.session = Session::closed();
        side.session.import(stored, &keeping, None, &self.limits, self.now).expect("as stored");
        (side.sender, side.receiver) = import(self.terms, *kept, self.now);
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match *self {
            Change::Xor { at, with } => {
                let at = usize::from(at) % bytes.len();
                bytes[at] ^= with;
            }
            Change::Cut { by } => bytes.truncate(bytes.len().saturating_sub(by.into())),
            Change::Append { bytes: more } => bytes.extend(more),
            Change::Header { kind, epoch, counter } => {
                let (old_epoch, old_counter) = parse(bytes).expect("it is a record");
                bytes[0] = 0x28 + kind % 6;
                let epoch = old_epoch.wrapping_add_signed(epoch.into());
                bytes[1..5].copy_from_slice(&epoch.to_be_bytes());
                let counter = old_counter.wrapping_add_signed(counter.into());
                bytes[5..13].copy_from_slice(&counter.to_be_bytes());
            }
        }
    }
}

fn key<P>(fill: u8) -> Key<P> {
    Key::init_with(|bytes| {
        bytes.fill(fill);
        Ok(())
    })
    .expect("filling does not fail")
}

fuzz_target!(|input: Input| {
    let suite = if input.suite_1 { Suite::Cobblestone256 } else { Suite::ChaCha20Poly1305 };
    let terms = Terms {
        mode: if input.stream { Mode::Stream } else { Mode::Datagram },
        window: (64 + input.window % 300).into(),
        previous_records: input.previous_records.into(),
        previous_ms: input.previous_ms.into(),
        epoch_records: u64::from(input.epoch_records) + 1,
        epoch_bytes: u64::from(input.epoch_bytes) + 1,
        epoch_ms: u64::from(input.epoch_ms) + 1,
        failed_opens: u64::from(input.failed_opens) + 1,
        end_ms: input.end_ms.map_or(48 * 3_600_000, u64::from),
        // Streams are not kept.
        is_kept: input.is_kept && !input.stream,
    };
    let limits = Limits::of(suite)
        .epoch(terms.epoch_records, terms.epoch_bytes, terms.epoch_ms)
        .and_then(|limits| limits.window(terms.window as u16))
        .and_then(|limits| limits.failed_opens(terms.failed_opens))
        .and_then(|limits| limits.age(terms.end_ms / 2, terms.end_ms))
        .expect("the limits are sound")
        .previous_epoch(terms.previous_records, terms.previous_ms);
    let limits = if terms.is_kept { limits.kept() } else { limits };
    let now = input.began.into();
    let sides = [Role::Initiator, Role::Responder].map(|role| {
        let (mut session, at) = (Session::closed(), role as u8);
        let (sending, receiving) = (key::<Traffic>(at), key::<Traffic>(3 - at));
        let kind = (suite, terms.mode, role);
        session
            .danger_from_secrets(kind, &sending, &receiving, [7; 32], &limits, now)
            .expect("the secrets differ");
        Side {
            session,
            sender: Sender::new(terms, now),
            receiver: Receiver::new(terms, now),
            network: Vec::new(),
            storage: None,
            sealed: BTreeSet::new(),
            opened: BTreeSet::new(),
        }
    });
    let mut world =
        World { terms, limits, sides, device: key(9), random: Repeatable(1), number: 0, now };
    for step in input.steps.into_iter().take(200) {
        world.step(step);
    }
});
