// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flipped bits, cuts, and bytes after the end.

use std::io::Read;

use sealwax::envelope::ChunkLen;
use sealwax::{Error, ErrorKind, KeyWrap, Suite};

use super::{BY_BYTES, PLAINTEXT, kind, opener, specimens};
use crate::kit::envelopes::Parts;
use crate::kit::faces::{self, Request, Sees};
use crate::kit::keys::raw_key;
use crate::kit::random::Repeatable;
use crate::kit::specimens::{pair, row, sealer};

#[test]
fn a_flipped_bit_in_any_byte_is_refused() {
    for (name, pair, envelope) in specimens() {
        let opener = opener(&*pair.key);
        let parts = Parts::cut(&envelope);
        let slot_len = parts.slots[0].encode().len();
        let unused = match parts.slots.len() {
            2 => parts.header_len() - slot_len..parts.header_len(),
            _ => 0..0,
        };
        for at in 0..envelope.len() {
            let mut changed = envelope.clone();
            changed[at] ^= 1 << (at % 8);
            let place = format!("{name}, byte {at}");
            match opener.open(&changed) {
                Ok(opened) => {
                    // format.md 11.5
                    assert!(unused.contains(&at), "{place} opened");
                    assert_eq!(opened.plaintext.as_slice(), PLAINTEXT, "{place}");
                }
                Err(error) => {
                    assert!(BY_BYTES.contains(&error.kind()), "{place}: {error:?}");
                    assert!(!unused.contains(&at), "{place}: an unused slot is not looked at");
                }
            }
            let mut released = Vec::new();
            if let Ok(mut reader) = opener.reader(changed.as_slice()) {
                let result = reader.read_to_end(&mut released);
                assert_eq!(result.is_ok(), unused.contains(&at), "{place}");
                assert!(PLAINTEXT.starts_with(&released), "{place} released something else");
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_by_every_face() {
    let pair = pair("keyset-suite2");
    let sealer = sealer(&*pair.recipient, Suite::ChaCha20Poly1305).chunk_len(ChunkLen::KIB_1);
    let plaintext = Repeatable(1).bytes(2500);
    let envelope = sealer.seal(&plaintext).expect("it can be sealed");
    let header_len = Parts::cut(&envelope).header_len();
    // One place in each part: not in the slot's check, where readers that can re-read wait.
    let chunks = header_len + 56;
    for at in
        [0, 4, 5, 6, 8, 10, 30, header_len, header_len + 30, chunks, chunks + 1040, chunks + 1030]
    {
        let mut changed = envelope.clone();
        changed[at] ^= 0x10;
        for face in faces::all() {
            let keys: [&dyn KeyWrap; 1] = [&*pair.key];
            let request = Request { keys: &keys, context: row(), envelope: &changed };
            let error = (face.open)(&request).expect_err(face.name);
            assert!(BY_BYTES.contains(&error.kind()), "{} at {at}: {error:?}", face.name);
        }
    }
}

/// The kind that format.md 4.10a and 5A.5 give to an envelope cut or lengthened to `len` bytes.
fn kind_of_length(envelope: &[u8], len: usize) -> ErrorKind {
    let parts = Parts::cut(envelope);
    let f = (1usize << parts.core[8]) + 16;
    match len.checked_sub(parts.header_len() + 56) {
        None => ErrorKind::Truncated,
        Some(chunks) if chunks % f < 16 => ErrorKind::Truncated,
        Some(_) => ErrorKind::Decrypt,
    }
}

#[test]
fn every_truncation_is_refused() {
    let mut specimens = specimens();
    let recipient = pair("raw-key");
    let sealer = sealer(&*recipient.recipient, Suite::ChaCha20Poly1305).chunk_len(ChunkLen::KIB_1);
    let envelope = sealer.seal(&Repeatable(2).bytes(2048)).expect("it can be sealed");
    specimens.push(("two full chunks and an empty one".into(), recipient, envelope));
    for (name, pair, envelope) in specimens {
        let opener = opener(&*pair.key);
        let plaintext = opener.open(&envelope).expect("it opens whole").plaintext;
        for len in 0..envelope.len() {
            let cut = &envelope[..len];
            let wanted = kind_of_length(&envelope, len);
            assert_eq!(kind(opener.open(cut)), Some(wanted), "{name} cut to {len}");
            let mut reader = match opener.reader(cut) {
                Ok(reader) => reader,
                Err(error) => {
                    assert_eq!(error.kind(), wanted, "{name} cut to {len}, reader");
                    continue;
                }
            };
            let mut released = Vec::new();
            let error = reader.read_to_end(&mut released).expect_err("an end that is missing");
            assert_eq!(Error::from_io(error).kind(), wanted, "{name} cut to {len}, reader");
            assert!(plaintext.starts_with(&released), "{name} cut to {len}: a true prefix");
        }
    }
}

#[test]
fn every_truncation_is_refused_by_every_face_alike() {
    let pair = pair("raw-key");
    let sealer = sealer(&*pair.recipient, Suite::ChaCha20Poly1305).chunk_len(ChunkLen::KIB_1);
    let envelope = sealer.seal(&Repeatable(2).bytes(1500)).expect("it can be sealed");
    let header_len = Parts::cut(&envelope).header_len();
    let edges = [0, 1, 4, 28, 29, 40, header_len - 1, header_len, header_len + 1, header_len + 55];
    let chunks = [0, 1, 15, 16, 17, 1039, 1040, 1041, 1055, 1056, 1057, 1300];
    let lens = edges.into_iter().chain(chunks.map(|len| header_len + 56 + len));
    for len in lens {
        for face in faces::all() {
            let keys: [&dyn KeyWrap; 1] = [&*pair.key];
            let request = Request { keys: &keys, context: row(), envelope: &envelope[..len] };
            let error = (face.open)(&request).expect_err(face.name);
            assert_eq!(error.kind(), kind_of_length(&envelope, len), "{} at {len}", face.name);
        }
    }
}

#[test]
fn header_and_key_are_refused_before_the_length() {
    let pair = pair("raw-key");
    let envelope =
        sealer(&*pair.recipient, Suite::Cobblestone256).seal(PLAINTEXT).expect("it can be sealed");
    let header_len = Parts::cut(&envelope).header_len();
    let stranger = raw_key(99, 1);
    let cases: [(&dyn KeyWrap, ErrorKind); 2] =
        [(&stranger, ErrorKind::UnknownKey), (&*pair.wrong, ErrorKind::Decrypt)];
    for (key, wanted) in cases {
        for len in [header_len, header_len + 10, header_len + 60, envelope.len() - 1] {
            for face in faces::all() {
                let keys = [key];
                let request = Request { keys: &keys, context: row(), envelope: &envelope[..len] };
                let error = (face.open)(&request).expect_err(face.name);
                assert_eq!(error.kind(), wanted, "{} at {len}", face.name);
            }
        }
    }
}

#[test]
fn the_length_is_refused_before_the_commitment() {
    let pair = pair("raw-key");
    let mut envelope =
        sealer(&*pair.recipient, Suite::Cobblestone256).seal(PLAINTEXT).expect("it can be sealed");
    let header_len = Parts::cut(&envelope).header_len();
    envelope[header_len + 30] ^= 1;
    envelope.truncate(header_len + 56 + 15);
    for face in faces::all().into_iter().filter(|face| face.sees == Sees::Whole) {
        let keys: [&dyn KeyWrap; 1] = [&*pair.key];
        let request = Request { keys: &keys, context: row(), envelope: &envelope };
        let error = (face.open)(&request).expect_err(face.name);
        assert_eq!(error.kind(), ErrorKind::Truncated, "{}", face.name);
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    for (name, pair, envelope) in specimens() {
        let opener = opener(&*pair.key);
        for extra in 1..=40 {
            for tail in [vec![0; extra], Repeatable(extra as u64).bytes(extra)] {
                let longer = [envelope.as_slice(), &tail].concat();
                let wanted = kind_of_length(&envelope, longer.len());
                assert_eq!(kind(opener.open(&longer)), Some(wanted), "{name} and {extra}");
                let mut reader = opener.reader(longer.as_slice()).expect("the header is whole");
                let mut released = Vec::new();
                let error = reader.read_to_end(&mut released).expect_err("a changed end");
                assert_eq!(Error::from_io(error).kind(), wanted);
                assert!(PLAINTEXT.starts_with(&released));
            }
        }
        // A second copy behind the first.
        assert!(opener.open(&[envelope.as_slice(), &envelope].concat()).is_err());
    }
}
