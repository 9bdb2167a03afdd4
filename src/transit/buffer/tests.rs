// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::*;
use crate::error::ErrorKind;
use crate::id::Suite;
use crate::secret::{Key, Traffic};
use crate::transit::{Limits, Mode, Role, Session};

fn secret(fill: u8) -> Key<Traffic> {
    Key::init_with(|bytes| {
        bytes.fill(fill);
        Ok(())
    })
    .expect("filling does not fail")
}

/// One side's sealing and the other's opening.
fn ends() -> (SealBuffer, OpenBuffer) {
    let (a, b, suite) = (secret(1), secret(2), Suite::ChaCha20Poly1305);
    let limits = Limits::of(suite);
    let side = |role, own, other| {
        let mut session = Session::closed();
        let kind = (suite, Mode::Stream, role);
        session.danger_from_secrets(kind, own, other, [0; 32], &limits, 0).expect("they differ");
        session.split().expect("it is not kept")
    };
    let (sending, _) = side(Role::Initiator, &a, &b);
    let (_, receiving) = side(Role::Responder, &b, &a);
    let watch = Stopwatch::start();
    (SealBuffer::new(sending, watch), OpenBuffer::new(receiving, watch))
}

/// So many records with so much data of sevens each, as they travel.
fn records(sealing: &mut SealBuffer, count: usize, len: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    for _ in 0..count {
        assert_eq!(sealing.fill(&vec![7; len]).expect("it is open"), len);
        sealing.seal_filled().expect("it is open");
        wire.extend_from_slice(sealing.pending());
        sealing.wrote(sealing.pending().len());
    }
    wire
}

/// Whether there are sevens in a row, which ciphertext has not.
fn has_data(bytes: &[u8]) -> bool {
    bytes.windows(8).any(|bytes| bytes == [7; 8])
}

fn feed(opening: &mut OpenBuffer, bytes: &[u8]) {
    opening.space()[..bytes.len()].copy_from_slice(bytes);
    opening.advance(bytes.len()).expect("some bytes");
}

#[test]
fn a_stopwatch_counts_milliseconds() {
    let begun = Instant::now().checked_sub(Duration::from_millis(1_500));
    let milliseconds = Stopwatch(begun.expect("the machine runs for longer")).milliseconds();
    assert!(milliseconds >= 1_500, "{milliseconds}");
}

#[test]
fn a_length_that_no_record_has_is_refused_before_more_is_waited_for() {
    for (len, refused) in [
        (0, Some(ErrorKind::Format)),
        (OVERHEAD - 1, Some(ErrorKind::Format)),
        (OVERHEAD, None),
        (MAX_RECORD_LEN, None),
        (MAX_RECORD_LEN + 1, Some(ErrorKind::Limit)),
        (usize::from(u16::MAX), Some(ErrorKind::Limit)),
    ] {
        let (_, mut opening) = ends();
        feed(&mut opening, &prefix_of(len)[..1]);
        assert_eq!(opening.read(&mut []).expect("a length is still to come"), Step::More);
        feed(&mut opening, &prefix_of(len)[1..]);
        let read = opening.read(&mut []);
        assert_eq!(read.as_ref().err().map(|error| error.kind()), refused, "{len}");
        // What was refused stays so.
        let again = opening.read(&mut []);
        assert_eq!(again.is_ok(), refused.is_none());
    }
}

#[test]
fn a_record_is_handed_out_with_its_last_byte_and_none_is_waited_for_after_it() {
    let (mut sealing, mut opening) = ends();
    let mut out = [0; 10];
    for len in [1, 9, 10, 11, 25] {
        let wire = records(&mut sealing, 1, len);
        feed(&mut opening, &wire[..wire.len() - 1]);
        assert_eq!(opening.read(&mut out).expect("it is genuine"), Step::More);
        feed(&mut opening, &wire[wire.len() - 1..]);
        let mut left = len;
        while left > 0 {
            let step = opening.read(&mut out).expect("it is genuine");
            assert_eq!(step, Step::Data(left.min(10)));
            left -= left.min(10);
        }
        assert_eq!(opening.read(&mut out).expect("all was read"), Step::More);
    }
}

#[test]
fn room_grows_while_it_is_filled_and_goes_when_nothing_waits() {
    let (mut sealing, mut opening) = ends();
    let wire = records(&mut sealing, 300, 1_000);
    let mut out = [0; 1_000];
    let (mut at, mut rooms) = (0, Vec::new());
    for _ in 0..5 {
        let len = opening.space().len();
        rooms.push(opening.bytes.len());
        feed(&mut opening, &wire[at..at + len]);
        at += len;
        while opening.read(&mut out).expect("it is genuine") != Step::More {}
    }
    assert_eq!(rooms, [SMALL, 4 * SMALL, 16 * SMALL, LARGE, LARGE]);
    // Half of a record waits: it is not given up.
    opening.release();
    assert_eq!(opening.bytes.len(), LARGE);
    let rest = opening.wanted() - (opening.end - opening.start);
    feed(&mut opening, &wire[at..at + rest]);
    assert_eq!(opening.read(&mut out).expect("it is genuine"), Step::Data(1_000));
    opening.release();
    assert_eq!((opening.bytes.len(), opening.space().len()), (0, SMALL));
}

#[test]
fn what_was_opened_in_place_is_wiped_when_the_room_is_used_anew() {
    let (mut sealing, mut opening) = ends();
    for _ in 0..3 {
        let wire = records(&mut sealing, 2, 100);
        feed(&mut opening, &wire);
        for _ in 0..200 {
            assert_eq!(opening.read(&mut [0]).expect("it is genuine"), Step::Data(1));
        }
        assert!(has_data(&opening.bytes), "it was opened in place");
        opening.wipe();
        assert!(!has_data(&opening.bytes));
    }
}

#[test]
fn data_that_was_sealed_is_nowhere_in_the_room_of_what_is_sent() {
    let (mut sealing, _) = ends();
    records(&mut sealing, 1, 5_000);
    for len in [0, 1, 20, 3_000] {
        assert_eq!(sealing.fill(&[7; 3_000]).expect("it is open"), 3_000);
        sealing.seal_filled().expect("it is open");
        assert!(!has_data(&sealing.bytes));
        assert_eq!(sealing.fill(&vec![7; len]).expect("it is open"), len);
        let written = sealing.pending().len();
        sealing.wrote(written);
        assert!(sealing.pending().is_empty());
        assert_eq!(sealing.filled(), len);
        assert!(!has_data(&sealing.bytes[sealing.end..]), "it was moved, and stayed");
        sealing.seal_filled().expect("it is open");
        assert!(!has_data(&sealing.bytes));
        sealing.wrote(sealing.pending().len());
    }
    sealing.release();
    assert!(sealing.bytes.is_empty());
}
