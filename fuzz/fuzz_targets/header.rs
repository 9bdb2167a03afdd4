// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a header: refused or read, never a panic, and the same however many bytes there are at first.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Header, Need};

fuzz_target!(|bytes: &[u8]| {
    parse(bytes);
    let mut fixed = bytes.to_vec();
    if sealwax_fuzz::fix_checks(&mut fixed).is_some() {
        parse(&fixed);
    }
});

fn parse(bytes: &[u8]) {
    let whole = read_in_steps(bytes);
    let Ok(header) = Header::parse(bytes, DEFAULT_MAX_HEADER_LEN) else { return };
    assert_eq!(whole, Some(header.len()));
    assert!(header.len() <= bytes.len());
    assert!(header.epoch() >= 1);
    let (slots, slot_len, chosen) = header.slots();
    assert!(chosen < slots && slot_len < header.len());
    assert!(sealwax::context::Encoded::parse(header.stored_context().as_bytes()).is_ok());
    let count = header.entries().filter(|entry| !entry.wanted().to_string().is_empty()).count();
    assert!((1..=64).contains(&count));
    // What follows a header is ignored.
    let alone = Header::parse(&bytes[..header.len()], DEFAULT_MAX_HEADER_LEN).expect("it was read");
    assert_eq!(alone.envelope_id(), header.envelope_id());
    assert!(Header::parse(&bytes[..header.len() - 1], DEFAULT_MAX_HEADER_LEN).is_err());
    assert!(Header::parse(bytes, header.len() - 1).is_err());
}

/// As a reader of a pipe does it: what it is told to read next always leads further.
fn read_in_steps(bytes: &[u8]) -> Option<usize> {
    let mut there = 0;
    loop {
        match Header::need(&bytes[..there], DEFAULT_MAX_HEADER_LEN).ok()? {
            Need::Whole(len) => return Some(len),
            Need::AtLeast(len) => {
                assert!(len > there);
                there = len;
            }
        }
        if there > bytes.len() {
            return None;
        }
    }
}
