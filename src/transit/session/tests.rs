// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions at their edges: the table of format.md 13.14, limits that take years to reach, and restarts.

mod bounds;

use super::*;
use crate::error::ErrorKind;
use crate::format::record::{Kind, MAX_PLAINTEXT_LEN};
use crate::rng::Random;
use crate::secret::Raw;
use crate::transit::{Content, EXPORT_LEN, Keeping, PeerKey, RECORD_OVERHEAD};

const SUITES: [Suite; 2] = [Suite::Cobblestone256, Suite::ChaCha20Poly1305];

/// Counts up: salts must not be what keeps the tests apart.
struct Counter(u8);

impl Random for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        out.fill(self.0);
        self.0 += 1;
        Ok(())
    }
}

fn key<P>(fill: u8) -> Key<P> {
    let mut key = Key::zeroed();
    key.expose_bytes_mut().fill(fill);
    key
}

fn pair(suite: Suite, mode: Mode, limits: &Limits) -> [Session; 2] {
    let mut pair = [Session::closed(), Session::closed()];
    let [one, other] = &mut pair;
    let (a, b) = (key(1), key(2));
    one.danger_from_secrets((suite, mode, Role::Initiator), &a, &b, [7; 32], limits, 0)
        .expect("the secrets differ");
    other
        .danger_from_secrets((suite, mode, Role::Responder), &b, &a, [7; 32], limits, 0)
        .expect("the secrets differ");
    pair
}

fn keeping(device: &Key<Raw>) -> Keeping<'_> {
    Keeping { device, slot: b"a" }
}

fn seal(session: &mut Session, now: u64) -> Vec<u8> {
    let mut out = vec![0; 64];
    let len = session.seal_into(now, b"what", b"", &mut out).expect("nothing forbids it");
    out.truncate(len);
    out
}

fn open(session: &mut Session, now: u64, record: &[u8]) -> Result<Record> {
    let mut out = vec![0; MAX_PLAINTEXT_LEN];
    let opened = session.open_into(now, record, b"", &mut out);
    match &opened {
        Ok(record) if record.content == Content::Data => assert_eq!(out[..record.len], *b"what"),
        Ok(_) => {}
        Err(_) => assert!(out.iter().all(|byte| *byte == 0), "a refused record left bytes"),
    }
    opened
}

fn kind_of<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("it is refused").kind()
}

fn epoch_of(record: &[u8]) -> u32 {
    u32::from_be_bytes(record[1..5].try_into().expect("4 bytes"))
}

#[test]
fn a_session_that_was_not_begun_does_nothing() {
    let mut session = Session::closed();
    assert_eq!(kind_of(session.seal_into(0, b"", b"", &mut [0; 64])), ErrorKind::Misuse);
    assert_eq!(kind_of(session.open_into(0, &[0x28; 40], b"", &mut [0; 64])), ErrorKind::Misuse);
    assert_eq!(kind_of(session.close_into(0, &mut [0; 64])), ErrorKind::Misuse);
    let (same, limits) = (key(1), Limits::of(SUITES[0]));
    let kind = (SUITES[0], Mode::Stream, Role::Initiator);
    let begun = session.danger_from_secrets(kind, &same, &same, [0; 32], &limits, 0);
    assert_eq!(kind_of(begun), ErrorKind::Misuse);
}

#[test]
fn every_length_goes_in_place_and_into_a_buffer_alike() {
    for suite in SUITES {
        let limits = Limits::of(suite);
        let [mut one, mut other] = pair(suite, Mode::Datagram, &limits);
        let [mut same, _] = pair(suite, Mode::Datagram, &limits);
        for len in [0, 1, 15, 16, 17, 1200, MAX_PLAINTEXT_LEN - 1, MAX_PLAINTEXT_LEN] {
            let plaintext = vec![0x5a; len];
            let mut into = vec![0; len + RECORD_OVERHEAD + 3];
            let sealed = one.seal_into(0, &plaintext, b"ad", &mut into).expect("it fits");
            let mut in_place = vec![0; len + RECORD_OVERHEAD];
            in_place[13..13 + len].copy_from_slice(&plaintext);
            same.seal_in_place(0, &mut in_place, b"ad").expect("it fits");
            assert_eq!(into[..sealed], in_place);
            assert_eq!(kind_of(other.open_into(0, &in_place, b"", &mut into)), ErrorKind::Decrypt);
            let record = other.open_in_place(0, &mut in_place, b"ad").expect("it is genuine");
            assert_eq!((record.len, &in_place[13..13 + len]), (len, &plaintext[..]));
        }
        let long = vec![0; MAX_PLAINTEXT_LEN + 1];
        let mut out = vec![0; long.len() + RECORD_OVERHEAD];
        assert_eq!(kind_of(one.seal_into(0, &long, b"", &mut out)), ErrorKind::Limit);
        out[0] = 0x28;
        assert_eq!(kind_of(other.open_into(0, &out, b"", &mut vec![0; 20_000])), ErrorKind::Limit);
        assert_eq!(kind_of(one.seal_into(0, b"12", b"", &mut [0; 30])), ErrorKind::Misuse);
        assert_eq!(kind_of(one.seal_into(0, b"1", &[0; 257], &mut [0; 30])), ErrorKind::Misuse);
        assert!(one.seal_into(0, b"1", &[0; 256], &mut [0; 30]).is_ok());
        let record = seal(&mut one, 0);
        let short = other.open_into(0, &record, b"", &mut [0; 3]);
        assert_eq!(kind_of(short), ErrorKind::Misuse);
        assert!(open(&mut other, 0, &record).is_ok(), "misuse changed something");
    }
}

#[test]
fn padding_hides_all_but_the_number_of_blocks() {
    let limits = Limits::of(SUITES[1]);
    let [mut one, mut other] = pair(SUITES[1], Mode::Stream, &limits);
    for (len, block, padded) in [(0, 1, 1), (0, 64, 64), (63, 64, 64), (64, 64, 128), (5, 7, 7)] {
        let plaintext = vec![0; len];
        let mut out = vec![0; 300];
        let sealed = one.sending().seal_padded_into(0, &plaintext, block, b"", &mut out);
        let sealed = sealed.expect("it fits");
        assert_eq!(sealed, padded + RECORD_OVERHEAD);
        let record = other.open_in_place(0, &mut out[..sealed], b"").expect("it is genuine");
        assert_eq!((record.content, record.len), (Content::Data, len));
    }
    let mut out = vec![0; 20_000];
    let sending = one.sending();
    for (len, block) in [(MAX_PLAINTEXT_LEN, 1), (1, usize::MAX), (1, MAX_PLAINTEXT_LEN + 1)] {
        let sealed = sending.seal_padded_into(0, &vec![0; len], block, b"", &mut out);
        assert_eq!(kind_of(sealed), ErrorKind::Limit);
    }
    assert_eq!(kind_of(sending.seal_padded_into(0, b"", 0, b"", &mut out)), ErrorKind::Misuse);
}

#[test]
fn a_peer_that_seals_what_is_no_content_is_refused() {
    for (plaintext, kind) in
        [(&b""[..], Kind::Padded), (&[0, 0], Kind::Padded), (&[0x80, 1], Kind::Padded)]
            .into_iter()
            .chain([(&b"1"[..], Kind::Close), (b"1", Kind::Empty), (b"123", Kind::RekeyRequest)])
    {
        let limits = Limits::of(SUITES[0]);
        let [mut one, mut other] = pair(SUITES[0], Mode::Datagram, &limits);
        let mut out = [0; 64];
        let len =
            one.sending.seal_kind(kind, plaintext, &mut out).expect("the type is not looked at");
        assert_eq!(kind_of(open(&mut other, 0, &out[..len])), ErrorKind::Decrypt);
        assert!(!other.receiving.is_closed());
    }
}

#[test]
fn no_changed_record_opens_and_none_changes_a_datagram_session() {
    for suite in SUITES {
        let limits = Limits::of(suite);
        let [mut one, mut other] = pair(suite, Mode::Datagram, &limits);
        let [mut stranger, _] = {
            let mut pair = pair(suite, Mode::Datagram, &limits);
            let kind = (suite, Mode::Datagram, Role::Initiator);
            pair[0].danger_from_secrets(kind, &key(3), &key(4), [7; 32], &limits, 0).expect("ok");
            pair
        };
        for close in [false, true] {
            let mut record = vec![0; 64];
            let len = match close {
                false => one.seal_into(0, b"what", b"", &mut record),
                true => one.close_into(0, &mut record),
            };
            record.truncate(len.expect("nothing forbids it"));
            let mut wrong: Vec<Vec<u8>> =
                (0..record.len()).map(|len| record[..len].into()).collect();
            wrong.extend([[&record[..], &[0]].concat(), [&[0], &record[..]].concat()]);
            for bit in 0..record.len() * 8 {
                let mut changed = record.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                wrong.push(changed);
            }
            wrong.push(seal(&mut stranger, 0));
            for wrong in &wrong {
                let kind = kind_of(open(&mut other, 0, wrong));
                assert!(matches!(kind, ErrorKind::Decrypt | ErrorKind::Format), "{kind:?}");
            }
            if !one.sending.is_closed() {
                assert_eq!(kind_of(open(&mut one, 0, &record)), ErrorKind::Decrypt, "reflected");
            }
            assert!(open(&mut other, 0, &record).is_ok(), "a forgery changed something");
            assert_eq!(kind_of(open(&mut other, 0, &record)), ErrorKind::Decrypt, "replayed");
        }
        assert!(other.receiving.is_closed());
    }
}

#[test]
fn a_stream_ends_with_the_first_wrong_record() {
    let limits = Limits::of(SUITES[0]);
    let make = || {
        let [mut one, other] = pair(SUITES[0], Mode::Stream, &limits);
        let records = [seal(&mut one, 0), seal(&mut one, 0), seal(&mut one, 0)];
        (one, other, records)
    };
    // Left out, repeated, swapped, cut, flipped, of an epoch too far.
    let (_, mut other, [_, second, _]) = make();
    assert_eq!(kind_of(open(&mut other, 0, &second)), ErrorKind::Decrypt);
    let (_, mut other, [first, second, _]) = make();
    assert!(open(&mut other, 0, &first).is_ok());
    assert_eq!(kind_of(open(&mut other, 0, &first)), ErrorKind::Decrypt);
    assert_eq!(kind_of(open(&mut other, 0, &second)), ErrorKind::Decrypt, "it goes on");
    let (_, mut other, [first, ..]) = make();
    assert_eq!(kind_of(open(&mut other, 0, &first[..28])), ErrorKind::Format);
    assert_eq!(kind_of(open(&mut other, 0, &first)), ErrorKind::Decrypt, "it goes on");
    let (_, mut other, [mut first, ..]) = make();
    first[20] ^= 1;
    assert_eq!(kind_of(open(&mut other, 0, &first)), ErrorKind::Decrypt);
    first[20] ^= 1;
    assert_eq!(kind_of(open(&mut other, 0, &first)), ErrorKind::Decrypt, "it goes on");
    let (mut one, mut other, [first, second, third]) = make();
    for record in [first, second, third] {
        open(&mut other, 0, &record).expect("in order");
    }
    one.sending.rekey();
    let next = seal(&mut one, 0);
    assert_eq!(epoch_of(&next), 1);
    open(&mut other, 0, &next).expect("the next epoch");
    one.sending.rekey();
    seal(&mut one, 0);
    one.sending.rekey();
    let far = seal(&mut one, 0);
    assert_eq!(kind_of(open(&mut other, 0, &far)), ErrorKind::Decrypt);
}

#[test]
fn after_a_close_only_what_was_sealed_before_is_opened() {
    for mode in [Mode::Stream, Mode::Datagram] {
        let limits = Limits::of(SUITES[1]);
        let [mut one, mut other] = pair(SUITES[1], mode, &limits);
        let (first, late) = (seal(&mut one, 0), seal(&mut one, 0));
        let mut close = [0; RECORD_OVERHEAD];
        let len = one.close_into(0, &mut close).expect("it is open");
        assert_eq!(len, RECORD_OVERHEAD);
        assert_eq!(kind_of(one.seal_into(0, b"", b"", &mut [0; 64])), ErrorKind::Misuse);
        assert_eq!(kind_of(one.close_into(0, &mut [0; 64])), ErrorKind::Misuse);
        open(&mut other, 0, &first).expect("in order");
        if mode == Mode::Stream {
            open(&mut other, 0, &late).expect("in order");
        }
        let closed = open(&mut other, 0, &close).expect("it is genuine");
        assert_eq!(closed.content, Content::Close);
        assert_eq!(open(&mut other, 0, &late).is_ok(), mode == Mode::Datagram);
        assert!(other.receiving.is_closed());
        // The other direction goes on.
        let answer = seal(&mut other, 0);
        open(&mut one, 0, &answer).expect("this direction is open");
    }
}

#[test]
fn counters_and_epochs_end_before_their_last_value() {
    for suite in SUITES {
        let limits = Limits::of(suite);
        let [mut one, mut other] = pair(suite, Mode::Datagram, &limits);
        // A counter so high is never reached: an epoch ends before. Set all the same, it is not used twice.
        one.sending.begin(
            (suite, Mode::Datagram),
            &key(1),
            (0, u64::MAX - 1),
            &limits,
            Clock::begin(0, 0),
        );
        let record = seal(&mut one, 0);
        assert_eq!(epoch_of(&record), 1, "an epoch that is used up did not end");
        open(&mut other, 0, &record).expect("one epoch ahead");

        let [mut one, mut other] = pair(suite, Mode::Datagram, &limits);
        let (last, clock) = ((u32::MAX - 1, 0), Clock::begin(0, 0));
        one.sending.begin((suite, Mode::Datagram), &key(1), last, &limits, clock);
        other.receiving.begin((suite, Mode::Datagram), &key(1), last, &limits, clock);
        for epoch in [u32::MAX - 1, u32::MAX] {
            let record = seal(&mut one, 0);
            assert_eq!(epoch_of(&record), epoch);
            open(&mut other, 0, &record).expect("it is genuine");
            one.sending.rekey();
        }
        assert!(one.wants_handshake(0) && other.wants_handshake(0));
        assert_eq!(kind_of(one.seal_into(0, b"what", b"", &mut [0; 64])), ErrorKind::Limit);
        let mut forged = record;
        forged[5..13].fill(0xff);
        assert_eq!(kind_of(open(&mut other, 0, &forged)), ErrorKind::Format);
    }
}

#[test]
fn epochs_end_by_records_by_bytes_and_by_time() {
    let suite = SUITES[1];
    let by = |records, bytes, time| {
        let limits = Limits::of(suite).epoch(records, bytes, time).expect("sound");
        let [mut one, mut other] = pair(suite, Mode::Stream, &limits);
        let epochs: Vec<u32> = (0..6)
            .map(|at| {
                let record = seal(&mut one, at * 10);
                open(&mut other, at * 10, &record).expect("in order");
                epoch_of(&record)
            })
            .collect();
        epochs
    };
    assert_eq!(by(2, 1 << 30, 1 << 30), [0, 0, 1, 1, 2, 2]);
    assert_eq!(by(1, 1 << 30, 1 << 30), [0, 1, 2, 3, 4, 5]);
    assert_eq!(by(1 << 20, 11, 1 << 30), [0, 0, 1, 1, 2, 2]);
    assert_eq!(by(1 << 20, 1 << 30, 20), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn a_clock_that_stands_or_jumps_makes_nothing_last_longer() {
    let suite = SUITES[0];
    let limits = Limits::of(suite).age(500, 1_000).expect("sound").previous_epoch(1_000, 100);
    let [mut one, mut other] = pair(suite, Mode::Datagram, &limits);
    let late = [seal(&mut one, 0), seal(&mut one, 0), seal(&mut one, 0)];
    one.sending.rekey();
    let next = seal(&mut one, 0);
    open(&mut other, 0, &next).expect("one epoch ahead");
    open(&mut other, 99, &late[0]).expect("the previous epoch is known for 100 ms");
    // Back, and on again: what went by before is not given back.
    open(&mut other, 0, &late[1]).expect("a step back is none");
    assert_eq!(kind_of(open(&mut other, 1, &late[2])), ErrorKind::Decrypt);
    assert!(!other.wants_handshake(1));
    assert!(other.wants_handshake(401));
    assert!(other.wants_handshake(0), "a step back made it young again");
    // Far ahead: it is over.
    assert_eq!(kind_of(one.seal_into(u64::MAX, b"", b"", &mut [0; 64])), ErrorKind::Limit);
    assert_eq!(kind_of(one.seal_into(0, b"", b"", &mut [0; 64])), ErrorKind::Limit);
    assert_eq!(kind_of(open(&mut other, u64::MAX, &next)), ErrorKind::Limit);
    assert_eq!(kind_of(open(&mut other, 0, &next)), ErrorKind::Limit);
}

#[test]
fn the_previous_epoch_is_forgotten_by_records_and_by_a_call() {
    let suite = SUITES[1];
    let limits = Limits::of(suite).previous_epoch(2, 100);
    let [mut one, mut other] = pair(suite, Mode::Datagram, &limits);
    let late = [seal(&mut one, 0), seal(&mut one, 0)];
    one.sending.rekey();
    for _ in 0..2 {
        let next = seal(&mut one, 0);
        open(&mut other, 0, &next).expect("it is genuine");
    }
    open(&mut other, 0, &late[0]).expect("one more record of the new epoch may come");
    let next = seal(&mut one, 0);
    open(&mut other, 0, &next).expect("it is genuine");
    assert_eq!(kind_of(open(&mut other, 0, &late[1])), ErrorKind::Decrypt);
    other.receiving.tick(1_000);
}

#[test]
fn too_many_forgeries_end_a_session_and_replays_do_not_count() {
    let suite = SUITES[0];
    let limits = Limits::of(suite).failed_opens(3).expect("sound");
    let [mut one, mut other] = pair(suite, Mode::Datagram, &limits);
    let (good, mut forged) = (seal(&mut one, 0), seal(&mut one, 0));
    open(&mut other, 0, &good).expect("it is genuine");
    for _ in 0..5 {
        assert_eq!(kind_of(open(&mut other, 0, &good)), ErrorKind::Decrypt);
    }
    forged[16] ^= 1;
    for _ in 0..3 {
        assert_eq!(kind_of(open(&mut other, 0, &forged)), ErrorKind::Decrypt);
    }
    assert!(other.wants_handshake(0) && other.receiving.wants_rekey_request());
    let good = seal(&mut one, 0);
    assert_eq!(kind_of(open(&mut other, 0, &good)), ErrorKind::Limit);
    // The limit is that of a key: the next one is as good as new.
    let mut request = [0; 64];
    let len = other.seal_rekey_request_into(0, &mut request).expect("nothing forbids it");
    open(&mut one, 0, &request[..len]).expect("it is genuine");
    let good = seal(&mut one, 0);
    open(&mut other, 0, &good).expect("another key");
    assert!(!other.wants_handshake(0) && !other.receiving.wants_rekey_request());
}

#[test]
fn a_peer_that_says_nothing_is_not_left_too_far_behind() {
    let limits = Limits::of(SUITES[0]).epoch(50, 1 << 30, 10).expect("sound");
    let [mut one, mut other] = pair(SUITES[0], Mode::Datagram, &limits);
    let mut last = Vec::new();
    for at in 0..49 {
        one.sending.rekey();
        last = seal(&mut one, at * 100);
        one.tick(at * 100 + 50).expect("epochs are left");
    }
    assert_eq!(one.sending.epoch(), 32, "time and wishes go on for 32 epochs");
    assert!(one.wants_handshake(5_000));
    open(&mut other, 0, &last).expect("it is not too far ahead");
    let answer = seal(&mut other, 0);
    open(&mut one, 5_000, &answer).expect("it is genuine");
    assert_eq!(epoch_of(&seal(&mut one, 5_000)), 33, "it was heard");
}

#[test]
fn records_without_data_open_whatever_the_caller_associates() {
    for mode in [Mode::Stream, Mode::Datagram] {
        let limits = Limits::of(SUITES[1]);
        let [mut one, mut other] = pair(SUITES[1], mode, &limits);
        let mut out = [0; 64];
        let len = one.sending.seal_empty_into(0, &mut out).expect("nothing forbids it");
        other.open_in_place(0, &mut out[..len], b"port 7").expect("it has no data");
        let len = one.seal_rekey_request_into(0, &mut out).expect("nothing forbids it");
        other.open_in_place(0, &mut out[..len], b"port 7").expect("it has no data");
        let len = one.close_into(0, &mut out).expect("nothing forbids it");
        other.open_in_place(0, &mut out[..len], b"port 7").expect("it has no data");
    }
}

#[test]
fn whoever_repeats_a_first_message_is_told_nothing() {
    let limits = Limits::of(SUITES[0]);
    let [mut one, mut other] = pair(SUITES[0], Mode::Datagram, &limits);
    other.receiving.news.confirmed = false;
    other.tell();
    let mut out = [0; 64];
    assert_eq!(kind_of(other.seal_into(0, b"what", b"", &mut out)), ErrorKind::Misuse);
    let len = other.sending.seal_empty_into(0, &mut out).expect("it says nothing");
    open(&mut one, 0, &out[..len]).expect("it is genuine");
    let first = seal(&mut one, 0);
    open(&mut other, 0, &first).expect("it is genuine");
    assert!(other.is_confirmed());
    seal(&mut other, 0);
}

#[test]
fn a_flood_of_rekey_requests_makes_one_new_epoch() {
    let limits = Limits::of(SUITES[0]);
    let [mut one, mut other] = pair(SUITES[0], Mode::Datagram, &limits);
    for round in 0..3 {
        for _ in 0..500 {
            let mut request = [0; 64];
            let len = other.seal_rekey_request_into(0, &mut request).expect("nothing forbids it");
            open(&mut one, 0, &request[..len]).expect("it is genuine");
            // What it seals meanwhile does not reach the peer, which goes on asking.
            assert_eq!(epoch_of(&seal(&mut one, 0)), round + 1);
        }
        let answer = seal(&mut one, 0);
        open(&mut other, 0, &answer).expect("it is genuine");
        assert_eq!(other.receiving.epoch(), round + 1);
    }
    // An authenticated peer that asks for an epoch which is not there gets none.
    let mut out = [0; 64];
    let lie = RekeyRequest(77);
    let len = other.sending.seal_rekey_request_into(0, lie, &mut out).expect("it can be sealed");
    open(&mut one, 0, &out[..len]).expect("it is genuine");
    assert_eq!(epoch_of(&seal(&mut one, 0)), 3);
}

#[test]
fn split_halves_answer_each_other() {
    let limits = Limits::of(SUITES[0]);
    let [one, mut other] = pair(SUITES[0], Mode::Stream, &limits);
    let (mut sending, mut receiving) = one.split().expect("it is not kept");
    let mut out = [0; 64];
    let len = other.seal_rekey_request_into(0, &mut out).expect("nothing forbids it");
    let opened = receiving.open_in_place(0, &mut out[..len], b"").expect("it is genuine");
    assert_eq!((opened.content, opened.len), (Content::RekeyRequest, 0));
    let len = sending.seal_into(0, b"what", b"", &mut out).expect("nothing forbids it");
    assert_eq!(sending.epoch(), 1);
    open(&mut other, 0, &out[..len]).expect("one epoch ahead");
}

/// Two sessions under the same secrets, the second to be kept.
fn pairs(suite: Suite, limits: &Limits) -> ([Session; 2], [Session; 2]) {
    (pair(suite, Mode::Datagram, limits), pair(suite, Mode::Datagram, &limits.kept()))
}

#[test]
fn a_session_that_is_kept_does_nothing_before_it_is_stored() {
    for suite in SUITES {
        let device = key::<Raw>(9);
        let ([_, mut peer], [mut session, _]) = pairs(suite, &Limits::of(suite));
        let first = seal(&mut peer, 0);
        let (mut out, mut in_place) = ([0x5a; 64], first.clone());
        assert_eq!(kind_of(session.seal_into(0, b"what", b"", &mut out)), ErrorKind::Limit);
        assert_eq!(kind_of(session.seal_in_place(0, &mut out, b"")), ErrorKind::Limit);
        assert_eq!(kind_of(session.sending.seal_empty_into(0, &mut out)), ErrorKind::Limit);
        assert_eq!(out, [0x5a; 64], "what was not sealed is as it was");
        assert_eq!(kind_of(open(&mut session, 0, &first)), ErrorKind::Limit);
        assert_eq!(kind_of(session.open_in_place(0, &mut in_place, b"")), ErrorKind::Limit);
        assert_eq!(in_place, first, "what was not opened is as it was");
        let failing = session
            .reserve(4, &keeping(&device), &mut Counter(1), &mut |_| Err(Error::Random))
            .map_err(|error| error.kind());
        assert_eq!(failing, Err(ErrorKind::Random));
        assert_eq!(kind_of(session.seal_into(0, b"what", b"", &mut out)), ErrorKind::Limit);
        session.reserve(4, &keeping(&device), &mut Counter(1), &mut |_| Ok(())).expect("stored");
        open(&mut peer, 0, &seal(&mut session, 0)).expect("the first place");
        session.open_in_place(0, &mut in_place, b"").expect("it is opened once");
    }
    // Whoever is not begun to be kept never is, and a stream cannot be.
    let (limits, device) = (Limits::of(SUITES[1]), key::<Raw>(9));
    let mut never = |_: &[u8; EXPORT_LEN]| -> Result<()> { panic!("nothing is stored") };
    let [mut session, _] = pair(SUITES[1], Mode::Datagram, &limits);
    let kept = session.reserve(10, &keeping(&device), &mut Counter(1), &mut never);
    assert_eq!(kind_of(kept), ErrorKind::Misuse);
    let kind = (SUITES[1], Mode::Stream, Role::Initiator);
    let limits = limits.kept();
    let begun = session.danger_from_secrets(kind, &key(1), &key(2), [7; 32], &limits, 0);
    assert_eq!(kind_of(begun), ErrorKind::Misuse);
}

/// A device that seals and opens, whose storage and power fail wherever they can: no place is sealed or opened twice.
#[test]
fn a_restart_at_any_point_repeats_no_counter() {
    let (suite, device) = (SUITES[1], key::<Raw>(9));
    let limits = Limits::of(suite).epoch(25, 1 << 30, 1 << 40).expect("sound");
    let mut sealed = std::collections::BTreeSet::new();
    let mut delivered = std::collections::BTreeSet::new();
    let ([_, mut peer], [mut session, _]) = pairs(suite, &limits);
    let (mut stored, mut random) = (None::<[u8; EXPORT_LEN]>, Counter(0));
    let mut captured = Vec::new();
    for round in 0..60u32 {
        // Every kind of end: the store failed before it wrote, after it wrote, or not at all.
        let fails = round % 3;
        let reserved =
            session.reserve(4 + round % 5, &keeping(&device), &mut random, &mut |state| {
                if fails != 1 {
                    stored = Some(*state);
                }
                if fails == 0 { Ok(()) } else { Err(Error::Random) }
            });
        assert_eq!(reserved.is_ok(), fails == 0);
        random.0 %= 7;
        for _ in 0..round % 11 {
            let mut out = [0; 64];
            match session.seal_into(0, b"what", b"", &mut out) {
                Ok(len) => {
                    assert!(sealed.insert(out[..13].to_vec()), "a place was sealed twice");
                    let _ = open(&mut peer, 0, &out[..len]);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Limit);
                    break;
                }
            }
        }
        for _ in 0..round % 7 {
            captured.push(seal(&mut peer, 0));
        }
        for record in &captured {
            if open(&mut session, 0, record).is_ok() {
                assert!(delivered.insert(record[..13].to_vec()), "a record was opened twice");
            }
        }
        let Some(stored) = stored else { continue };
        if round % 4 == 3 {
            session = Session::closed();
            session.import(&stored, &keeping(&device), None, &limits, 0).expect("as it was kept");
            assert_eq!(session.binding(), &[7; 32]);
            assert_eq!(kind_of(session.seal_into(0, b"", b"", &mut [0; 64])), ErrorKind::Limit);
            assert!(session.receiving.wants_rekey_request());
        }
    }
    assert!(sealed.len() > 80 && delivered.len() > 20, "{} {}", sealed.len(), delivered.len());
}

#[test]
fn after_a_restart_the_peer_is_heard_again_when_it_changed_its_keys() {
    let (suite, device) = (SUITES[0], key::<Raw>(9));
    let limits = Limits::of(suite);
    let ([_, mut peer], [mut session, _]) = pairs(suite, &limits);
    let mut stored = [0; EXPORT_LEN];
    let mut keep = |state: &[u8; EXPORT_LEN]| {
        stored = *state;
        Ok(())
    };
    session.reserve(1_000, &keeping(&device), &mut Counter(1), &mut keep).expect("it is stored");
    let before = seal(&mut peer, 0);
    let mut session = Session::closed();
    session.import(&stored, &keeping(&device), None, &limits, 0).expect("as it was kept");
    session
        .reserve(1_000, &keeping(&device), &mut Counter(2), &mut |_| Ok(()))
        .expect("it is stored");
    // What came, or could have come, before the restart.
    assert_eq!(kind_of(open(&mut session, 0, &before)), ErrorKind::Decrypt);
    let mut request = [0; 64];
    let len = session.seal_rekey_request_into(0, &mut request).expect("a block is reserved");
    open(&mut peer, 0, &request[..len]).expect("it is genuine");
    let after = seal(&mut peer, 0);
    assert_eq!(epoch_of(&after), 1);
    // Its epoch is another than the one that was reserved for; the record waits for the next block.
    assert_eq!(kind_of(open(&mut session, 0, &after)), ErrorKind::Limit);
    let mut in_place = after.clone();
    let opened = session.open_in_place(0, &mut in_place, b"");
    assert_eq!((kind_of(opened), &in_place), (ErrorKind::Limit, &after), "it is as it was");
    session
        .reserve(1_000, &keeping(&device), &mut Counter(3), &mut |_| Ok(()))
        .expect("it is stored");
    session.open_in_place(0, &mut in_place, b"").expect("it is opened once");
    assert_eq!(in_place[13..17], *b"what");
    assert!(!session.receiving.wants_rekey_request());
    assert_eq!(kind_of(open(&mut session, 0, &after)), ErrorKind::Decrypt);
}

#[test]
fn a_kept_session_is_read_by_its_device_alone() {
    let (suite, device) = (SUITES[1], key::<Raw>(9));
    let limits = Limits::of(suite).kept();
    let [mut session, _] = pair(suite, Mode::Datagram, &limits);
    let mut stored = [0; EXPORT_LEN];
    let mut keep = |state: &[u8; EXPORT_LEN]| {
        stored = *state;
        Ok(())
    };
    session.reserve(10, &keeping(&device), &mut Counter(1), &mut keep).expect("it is stored");
    let mut place = Session::closed();
    assert_eq!(
        kind_of(place.import(&stored, &keeping(&key(8)), None, &limits, 0)),
        ErrorKind::Decrypt
    );
    for at in 0..EXPORT_LEN {
        let mut changed = stored;
        changed[at] ^= 1;
        let kind = kind_of(place.import(&changed, &keeping(&device), None, &limits, 0));
        assert!(matches!(kind, ErrorKind::Decrypt | ErrorKind::Format), "{at}");
        assert_eq!(
            kind_of(place.import(&stored[..at], &keeping(&device), None, &limits, 0)),
            ErrorKind::Truncated
        );
    }
    let other = Keeping { device: &device, slot: b"b" };
    assert_eq!(kind_of(place.import(&stored, &other, None, &limits, 0)), ErrorKind::Decrypt);
    let peer = PeerKey::parse(&[9; 32]).expect("it is a public key");
    let opened = place.import(&stored, &keeping(&device), Some(&peer), &limits, 0);
    assert_eq!(kind_of(opened), ErrorKind::Decrypt, "another peer's session");
    let long = [&stored[..], &[0]].concat();
    assert_eq!(
        kind_of(place.import(&long, &keeping(&device), None, &limits, 0)),
        ErrorKind::Format
    );
    let mut never = |_: &[u8; EXPORT_LEN]| -> Result<()> { panic!("nothing is stored") };
    assert_eq!(kind_of(session.close_into(0, &mut [0; 64])), ErrorKind::Misuse);
    let mut erase = |state: &[u8; EXPORT_LEN]| {
        stored = *state;
        Ok(())
    };
    session.end(0, &mut erase, &mut [0; 64]).expect("it is open");
    let opened = place.import(&stored, &keeping(&device), None, &limits, 0);
    assert_eq!(kind_of(opened), ErrorKind::Format, "a session that ended came back");
    let [mut session, _] = pair(suite, Mode::Datagram, &limits);
    session.reserve(1, &keeping(&device), &mut Counter(1), &mut |_| Ok(())).expect("stored");
    assert_eq!(kind_of(session.split()), ErrorKind::Misuse);
    let [mut session, _] = pair(suite, Mode::Datagram, &limits);
    assert_eq!(
        kind_of(session.reserve(0, &keeping(&device), &mut Counter(1), &mut never)),
        ErrorKind::Misuse
    );
}

#[test]
fn what_was_heard_before_a_session_was_kept_is_kept_with_it() {
    const HOUR_MS: u64 = 3_600_000;
    let (suite, device) = (SUITES[1], key::<Raw>(9));
    let limits = Limits::of(suite);
    let ([_, mut peer], [mut session, _]) = pairs(suite, &limits);
    let mut stored = [0; EXPORT_LEN];
    let mut keep = |state: &[u8; EXPORT_LEN]| {
        stored = *state;
        Ok(())
    };
    // As many epochs as a peer that is not heard is led ahead (format.md 13.12).
    for _ in 0..32 {
        session.reserve(10, &keeping(&device), &mut Counter(1), &mut keep).expect("stored");
        seal(&mut session, 0);
        session.sending.rekey();
        session.tick(0).expect("there are epochs");
    }
    assert_eq!(session.sending.epoch(), 32);
    open(&mut session, 25 * HOUR_MS, &seal(&mut peer, 0)).expect("the peer is heard");
    session.reserve(10, &keeping(&device), &mut Counter(1), &mut keep).expect("stored");
    let mut session = Session::closed();
    session.import(&stored, &keeping(&device), None, &limits, 0).expect("as it was kept");
    // The epoch was left, and the time that only one half was told counts.
    assert_eq!((session.sending.epoch(), session.wants_handshake(0)), (33, true));
}
