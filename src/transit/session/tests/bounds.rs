// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limits at their last value that holds and the first that does not.

use super::*;

#[test]
fn a_limit_may_be_set_to_its_bound_and_not_beyond() {
    const HOURS_48: u64 = 48 * 3_600_000;
    let limits = Limits::of(SUITES[1]);
    let (records, bytes, failed) = (1 << 23, 1 << 36, 1 << 36);
    for (holds, limits) in [
        (true, limits.epoch(1, 1, 1)),
        (true, limits.epoch(records, bytes, u64::MAX)),
        (false, limits.epoch(0, bytes, 1)),
        (false, limits.epoch(records + 1, bytes, 1)),
        (false, limits.epoch(records + (1 << 32), bytes, 1)),
        (false, limits.epoch(records, 0, 1)),
        (false, limits.epoch(records, bytes + 1, 1)),
        (false, limits.epoch(records, bytes, 0)),
        (true, limits.window(64)),
        (true, limits.window(8192)),
        (false, limits.window(63)),
        (false, limits.window(8193)),
        (true, limits.failed_opens(1)),
        (true, limits.failed_opens(failed)),
        (false, limits.failed_opens(0)),
        (false, limits.failed_opens(failed + 1)),
        (true, limits.age(0, 0)),
        (true, limits.age(HOURS_48, HOURS_48)),
        (false, limits.age(2, 1)),
        (false, limits.age(1, HOURS_48 + 1)),
    ] {
        match limits {
            Ok(limits) => assert!(holds, "{limits:?}"),
            Err(error) => assert!(!holds && error.kind() == ErrorKind::Misuse, "{error}"),
        }
    }
    let more = Limits::of(SUITES[0]).failed_opens(1 << 52).expect("AES-GCM bears more");
    assert_eq!(kind_of(more.failed_opens((1 << 52) + 1)), ErrorKind::Misuse);
}

#[test]
fn the_limits_of_a_suite_are_those_of_the_format() {
    const HOUR: u64 = 3_600_000;
    for (suite, failed_opens) in SUITES.into_iter().zip([1 << 52, 1 << 36]) {
        let written = Limits::of(suite)
            .epoch(1 << 23, 1 << 36, HOUR)
            .and_then(|limits| limits.age(24 * HOUR, 48 * HOUR))
            .and_then(|limits| limits.failed_opens(failed_opens))
            .and_then(|limits| limits.window(1024))
            .map(|limits| limits.previous_epoch(1024, 60_000));
        assert_eq!(written.expect("sound"), Limits::of(suite));
    }
}

#[test]
fn a_session_asks_for_another_when_1024_epochs_are_left() {
    let (suite, limits) = (SUITES[1], Limits::of(SUITES[1]));
    let [mut one, mut other] = pair(suite, Mode::Datagram, &limits);
    let (start, clock) = ((u32::MAX - 1025, 0), Clock::begin(0, 0));
    one.sending.begin((suite, Mode::Datagram), &key(1), start, &limits, clock);
    other.receiving.begin((suite, Mode::Datagram), &key(1), start, &limits, clock);
    for wants in [false, true] {
        let record = seal(&mut one, 0);
        open(&mut other, 0, &record).expect("it is genuine");
        assert_eq!([one.wants_handshake(0), other.wants_handshake(0)], [wants; 2]);
        one.sending.rekey();
    }
}

#[test]
fn an_epoch_takes_all_of_its_bytes_and_begins_with_a_record() {
    let limits = Limits::of(SUITES[1]).epoch(100, 8, 1_000).expect("sound");
    let [mut one, _] = pair(SUITES[1], Mode::Stream, &limits);
    // Where nothing was sealed under the present keys there is nothing to leave.
    for now in [0, 999, 1_000, 5_000] {
        one.sending.rekey();
        one.tick(now).expect("it does nothing");
        assert_eq!(one.sending.epoch(), 0);
    }
    let [mut one, _] = pair(SUITES[1], Mode::Stream, &limits);
    let mut epochs = |times: [u64; 5]| times.map(|now| epoch_of(&seal(&mut one, now)));
    assert_eq!(epochs([0, 0, 0, 0, 0]), [0, 0, 1, 1, 2], "two records of 4 bytes are 8");
    assert_eq!(epochs([999, 1_000, 1_999, 2_000, 2_000]), [2, 3, 3, 4, 4]);
}

#[test]
fn a_tick_leaves_an_epoch_when_its_time_is_over_and_no_sooner() {
    let limits = Limits::of(SUITES[1]).epoch(100, 1 << 20, 1_000).expect("sound");
    for mode in [Mode::Stream, Mode::Datagram] {
        let [mut one, mut other] = pair(SUITES[1], mode, &limits);
        let record = seal(&mut one, 0);
        open(&mut other, 0, &record).expect("it is genuine");
        one.tick(999).expect("epochs are left");
        assert_eq!(one.sending.epoch(), 0);
        one.tick(1_000).expect("epochs are left");
        assert_eq!(one.sending.epoch(), 1);
        one.tick(9_000).expect("epochs are left");
        assert_eq!(one.sending.epoch(), 1, "an epoch without a record goes on");
        one.close_into(9_000, &mut [0; 64]).expect("it is open");
        one.tick(20_000).expect("there is nothing to do");
        assert_eq!(one.sending.epoch(), 1, "a direction that ended has no keys to change");
    }
    let mut session = Session::closed();
    session.tick(u64::MAX).expect("there is nothing to do");
    assert_eq!(session.sending.epoch(), 0);
}

#[test]
fn padding_fills_a_record_to_its_last_byte() {
    let limits = Limits::of(SUITES[1]);
    let [mut one, mut other] = pair(SUITES[1], Mode::Stream, &limits);
    let mut out = vec![0; MAX_PLAINTEXT_LEN + RECORD_OVERHEAD];
    for (len, block) in [(MAX_PLAINTEXT_LEN - 1, 1), (1, MAX_PLAINTEXT_LEN), (0, 16)] {
        let plaintext = vec![7; len];
        let sealed = one.sending.seal_padded_into(0, &plaintext, block, b"", &mut out);
        let sealed = sealed.expect("it fits");
        let record = other.open_in_place(0, &mut out[..sealed], b"").expect("it is genuine");
        assert_eq!((record.len, &out[13..13 + len]), (len, &plaintext[..]));
    }
}

#[test]
fn nothing_follows_a_close_whatever_the_peer_seals() {
    for mode in [Mode::Stream, Mode::Datagram] {
        let limits = Limits::of(SUITES[1]);
        let [mut one, mut other] = pair(SUITES[1], mode, &limits);
        let mut close = [0; RECORD_OVERHEAD];
        one.sending.seal_kind(Kind::Close, b"", &mut close).expect("the type is not looked at");
        open(&mut other, 0, &close).expect("it is genuine");
        for _ in 0..2 {
            let late = seal(&mut one, 0);
            assert_eq!(kind_of(open(&mut other, 0, &late)), ErrorKind::Decrypt);
            one.sending.rekey();
        }
        assert!(other.receiving.is_closed());
    }
}

#[test]
fn a_stream_takes_an_epoch_from_its_first_record_on() {
    let limits = Limits::of(SUITES[1]);
    let [mut one, mut other] = pair(SUITES[1], Mode::Stream, &limits);
    let before = seal(&mut one, 0);
    open(&mut other, 0, &before).expect("in order");
    one.sending.rekey();
    let [_, second] = [seal(&mut one, 0), seal(&mut one, 0)];
    assert_eq!(kind_of(open(&mut other, 0, &second)), ErrorKind::Decrypt);
}

#[test]
fn only_an_open_session_that_is_kept_reserves_a_block_that_is_not_empty() {
    let (suite, device) = (SUITES[1], key(9));
    let reserve = |session: &mut Session, block| {
        session.reserve(block, &keeping(&device), &mut Counter(0), &mut |_| Ok(()))
    };
    let limits = Limits::of(suite);
    let [mut one, _] = pair(suite, Mode::Datagram, &limits);
    assert_eq!(kind_of(reserve(&mut one, 1)), ErrorKind::Misuse, "it is not kept");
    let [mut one, mut other] = pair(suite, Mode::Datagram, &limits.kept());
    for session in [&mut one, &mut other] {
        assert_eq!(kind_of(reserve(session, 0)), ErrorKind::Misuse, "no records");
        reserve(session, 1).expect("it is open");
    }
    let mut close = [0; RECORD_OVERHEAD];
    one.end(0, &mut |_| Ok(()), &mut close).expect("it is open");
    open(&mut other, 0, &close).expect("it is genuine");
    for session in [&mut one, &mut other] {
        assert_eq!(kind_of(reserve(session, 1)), ErrorKind::Misuse, "a direction ended");
    }
}

#[test]
fn a_direction_of_a_stream_that_is_over_has_no_secret() {
    let limits = Limits::of(SUITES[1]);
    for is_closed in [true, false] {
        let [mut one, mut other] = pair(SUITES[1], Mode::Stream, &limits);
        let mut last = [0; RECORD_OVERHEAD];
        one.close_into(0, &mut last).expect("it is open");
        last[RECORD_OVERHEAD - 1] ^= u8::from(!is_closed);
        assert_eq!(open(&mut other, 0, &last).is_ok(), is_closed);
        for chain in [&one.sending.chain, &other.receiving.chain] {
            assert_eq!(chain.expose_secret().expose_bytes(), &[0; 32]);
        }
        assert_ne!(other.sending.chain.expose_secret().expose_bytes(), &[0; 32]);
    }
}
