// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changed bytes never open as something else: flips, cuts, splices, lies (format.md 11.1).
#![cfg(feature = "std")]

mod kit;

use std::io::Read;

use kit::envelopes::{Parts, sha256};
use kit::faces::{self, Request, Sees};
use kit::keys::{KeysetMaterial, VersionMaterial, cheap_passphrase, raw_key, unprotected};
use kit::random::Repeatable;
use kit::specimens::{
    KEYSET, NAMES, SUITES, VERSION, keyset, pair, pairs, row, seal_as_stream, sealer, stored,
};
use sealwax::envelope::ChunkLen;
use sealwax::keyset::file::{Description, Protection};
use sealwax::wrap::passphrase::{Params, Passphrase};
use sealwax::wrap::provider;
use sealwax::{Context, Error, ErrorKind, KeyWrap, Keyset, Opener, Sealer, Suite, token};

const PLAINTEXT: &[u8] = b"the plaintext that nobody may change";

/// What bytes of the attacker's choice may give.
const BY_BYTES: [ErrorKind; 5] = [
    ErrorKind::Decrypt,
    ErrorKind::Format,
    ErrorKind::Truncated,
    ErrorKind::Limit,
    ErrorKind::UnknownKey,
];

fn opener<'a>(key: &'a dyn KeyWrap) -> Opener<'a> {
    Opener::new().key(key).context(row())
}

fn kind(result: sealwax::Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// Every envelope that is flipped and cut: every kind of recipient, both suites, one slot and two.
fn specimens() -> Vec<(String, kit::specimens::Pair, Vec<u8>)> {
    let mut out = Vec::new();
    for name in NAMES {
        for suite in SUITES {
            let recipient = pair(name);
            let envelope =
                sealer(&*recipient.recipient, suite).seal(PLAINTEXT).expect("it can be sealed");
            out.push((format!("{name} in {}", suite.name()), recipient, envelope));
        }
    }
    let recipient = pair("keyset-suite2");
    let sealer = sealer(&*recipient.recipient, Suite::ChaCha20Poly1305).chunk_len(ChunkLen::KIB_1);
    let envelope = seal_as_stream(&sealer, PLAINTEXT);
    out.push(("two slots".into(), recipient, envelope));
    out
}

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

#[test]
fn chunks_dropped_repeated_or_swapped_are_refused() {
    let pair = pair("raw-key");
    for suite in SUITES {
        let chunk_len = match suite {
            Suite::Cobblestone256 => ChunkLen::KIB_16,
            Suite::ChaCha20Poly1305 => ChunkLen::KIB_1,
        };
        let plaintext = Repeatable(4).bytes(3 * chunk_len.plaintext_len() + 100);
        let sealer = sealer(&*pair.recipient, suite).chunk_len(chunk_len);
        let envelope = sealer.seal(&plaintext).expect("it can be sealed");
        let parts = Parts::cut(&envelope);
        let chunks = parts.chunks();
        assert_eq!(chunks.len(), 4);
        let mut changed = Vec::new();
        for one in 0..4 {
            let mut dropped = chunks.clone();
            dropped.remove(one);
            changed.push((format!("{one} dropped"), dropped));
            let mut repeated = chunks.clone();
            repeated.insert(one, chunks[one].clone());
            changed.push((format!("{one} repeated"), repeated));
            for other in 0..one {
                let mut swapped = chunks.clone();
                swapped.swap(one, other);
                changed.push((format!("{one} and {other} swapped"), swapped));
                let mut copied = chunks.clone();
                copied[one] = chunks[other].clone();
                changed.push((format!("{other} copied over {one}"), copied));
            }
            changed.push((format!("only the first {one}"), chunks[..one].to_vec()));
        }
        for (what, chunks) in changed {
            let envelope = parts.with_chunks(&chunks);
            for face in faces::all() {
                let keys: [&dyn KeyWrap; 1] = [&*pair.key];
                let request = Request { keys: &keys, context: row(), envelope: &envelope };
                let got = kind((face.open)(&request));
                let end = [Some(ErrorKind::Decrypt), Some(ErrorKind::Truncated)];
                assert!(end.contains(&got), "{what}: {got:?} by {}", face.name);
            }
        }
    }
}

#[test]
fn parts_of_two_envelopes_for_the_same_key_do_not_fit() {
    for name in NAMES {
        let pair = pair(name);
        let sealer = sealer(&*pair.recipient, Suite::ChaCha20Poly1305).chunk_len(ChunkLen::KIB_1);
        let [a, b] = [5, 6].map(|seed| {
            let envelope = sealer.seal(&Repeatable(seed).bytes(2500)).expect("it can be sealed");
            Parts::cut(&envelope)
        });
        let mut spliced: Vec<(&str, Parts, ErrorKind)> = Vec::new();
        spliced.push((
            "payload",
            Parts { payload: b.payload.clone(), ..a.clone() },
            ErrorKind::Decrypt,
        ));
        spliced.push((
            "key block",
            Parts { slots: b.slots.clone(), ..a.clone() },
            ErrorKind::Format,
        ));
        spliced.push(("core", Parts { core: b.core.clone(), ..a.clone() }, ErrorKind::Format));
        let mut parts = Parts { slots: b.slots.clone(), ..a.clone() };
        parts.remake_check(0);
        spliced.push(("key block, check remade", parts, ErrorKind::Decrypt));
        let mut parts = Parts { core: b.core.clone(), ..a.clone() };
        parts.remake_check(0);
        spliced.push(("core, check remade", parts, ErrorKind::Decrypt));
        let mut parts = a.clone();
        parts.slots[0].entries = b.slots[0].entries.clone();
        parts.remake_check(0);
        spliced.push(("entry, check remade", parts, ErrorKind::Decrypt));
        let mut parts = a.clone();
        parts.slots[0].mac = b.slots[0].mac;
        parts.remake_check(0);
        spliced.push(("mac, check remade", parts, ErrorKind::Decrypt));
        let mut parts = a.clone();
        parts.slots[0].epoch = 2;
        parts.remake_check(0);
        spliced.push(("epoch, check remade", parts, ErrorKind::Decrypt));
        let mut parts = a.clone();
        parts.payload[..56].copy_from_slice(&b.payload[..56]);
        spliced.push(("salt and commitment", parts, ErrorKind::Decrypt));
        if name != "passphrase" {
            // A passphrase entry may not come twice; that is another refusal.
            let mut parts = a.clone();
            parts.slots[0].entries.push(b.slots[0].entries[0].clone());
            parts.slots[0].count = 2;
            parts.remake_check(0);
            spliced.push(("one more entry, check remade", parts, ErrorKind::Decrypt));
        }
        let mut chunks = a.chunks();
        chunks[1] = b.chunks()[1].clone();
        let parts = Parts::cut(&a.with_chunks(&chunks));
        spliced.push(("chunk", parts, ErrorKind::Decrypt));
        for (what, parts, wanted) in spliced {
            assert_eq!(
                kind(opener(&*pair.key).open(&parts.join())),
                Some(wanted),
                "{name}: {what}"
            );
        }
    }
}

#[test]
fn a_recipient_cannot_be_removed_or_moved_without_the_data_key() {
    let (one, two) = (raw_key(1, 1), raw_key(2, 2));
    let envelope = Sealer::new().recipient(&one).recipient(&two).seal(PLAINTEXT);
    let parts = Parts::cut(&envelope.expect("it can be sealed"));
    let mut removed = parts.clone();
    removed.slots[0].entries.remove(0);
    removed.slots[0].count = 1;
    removed.remake_check(0);
    let mut swapped = parts.clone();
    swapped.slots[0].entries.swap(0, 1);
    swapped.remake_check(0);
    let mut padded = parts.clone();
    padded.slots[0].padding = vec![0; 10];
    padded.remake_check(0);
    for changed in [removed, swapped, padded] {
        assert_eq!(kind(Opener::new().key(&two).open(&changed.join())), Some(ErrorKind::Decrypt));
    }
}

#[test]
fn a_wrong_key_is_told_from_an_unknown_one() {
    for suite in SUITES {
        for pair in pairs() {
            let envelope =
                sealer(&*pair.recipient, suite).seal(PLAINTEXT).expect("it can be sealed");
            let wrong = match pair.name {
                // These name their key by a fingerprint of it.
                "x25519" | "x-wing" => ErrorKind::UnknownKey,
                _ => ErrorKind::Decrypt,
            };
            assert_eq!(kind(opener(&*pair.wrong).open(&envelope)), Some(wrong), "{}", pair.name);
            for other in pairs().iter().filter(|other| other.name != pair.name) {
                let got = kind(opener(&*other.key).open(&envelope));
                // The two keysets share their ids, and differ in the suite.
                let same_ids = pair.name.starts_with("keyset") && other.name.starts_with("keyset");
                let wanted = if same_ids { ErrorKind::Decrypt } else { ErrorKind::UnknownKey };
                assert_eq!(got, Some(wanted), "{} for {}", other.name, pair.name);
            }
            let got = kind(Opener::new().context(row()).open(&envelope));
            assert_eq!(got, Some(ErrorKind::UnknownKey), "no key at all");
        }
    }
}

#[test]
fn a_hidden_recipient_is_tried_and_a_wrong_key_is_decrypt() {
    for algorithm in [3, 4] {
        let (right, wrong) = (keyset(algorithm, 1), keyset(algorithm, 2));
        let recipient = right.recipient().expect("a key pair").clone().hidden();
        let envelope =
            Sealer::new().recipient(&recipient).seal(PLAINTEXT).expect("it can be sealed");
        let opened = Opener::new().key(&wrong).key(&right).open(&envelope);
        assert_eq!(opened.expect("the second key opens").plaintext.as_slice(), PLAINTEXT);
        assert_eq!(kind(Opener::new().key(&wrong).open(&envelope)), Some(ErrorKind::Decrypt));
        let other = keyset(if algorithm == 3 { 4 } else { 3 }, 1);
        assert_eq!(kind(Opener::new().key(&other).open(&envelope)), Some(ErrorKind::UnknownKey));
    }
}

#[test]
fn a_context_that_differs_is_decrypt() {
    let pair = pair("raw-key");
    let context = |entries: &[(&str, &str)]| {
        let all = entries.iter().try_fold(Context::new(), |context, (n, v)| context.with(n, v));
        all.expect("allowed entries")
    };
    let wrong = [
        context(&[]),
        context(&[("row", "43")]),
        context(&[("row", "")]),
        context(&[("Row", "42")]),
        context(&[("row", "42"), ("more", "")]),
        context(&[("row", "42"), ("purpose", "another")]),
        context(&[("row", "42"), ("purpose", "")]),
        context(&[("ro", "w42")]),
    ];
    let right = [
        context(&[("row", "42")]),
        context(&[("row", "42"), ("purpose", "test")]),
        context(&[("row", "42"), ("purpose", "test"), ("tenant", "\x01\x02\x03")]),
    ];
    for suite in SUITES {
        let envelope = sealer(&*pair.recipient, suite).seal(PLAINTEXT).expect("it can be sealed");
        for face in faces::all() {
            let keys: [&dyn KeyWrap; 1] = [&*pair.key];
            for context in &wrong {
                let request =
                    Request { keys: &keys, context: context.clone(), envelope: &envelope };
                let got = kind((face.open)(&request));
                assert_eq!(got, Some(ErrorKind::Decrypt), "{} with {context:?}", face.name);
            }
            for context in &right {
                let request =
                    Request { keys: &keys, context: context.clone(), envelope: &envelope };
                let answer = (face.open)(&request).expect(face.name);
                assert_eq!(answer.plaintext, PLAINTEXT);
            }
        }
    }
}

#[test]
fn what_is_no_envelope_is_format_and_what_may_become_one_is_truncated() {
    let key = raw_key(1, 1);
    for (input, wanted) in [
        (&b""[..], ErrorKind::Truncated),
        (b"S", ErrorKind::Truncated),
        (b"SWAX", ErrorKind::Truncated),
        (b"SWAX\x01\x02\x01", ErrorKind::Truncated),
        (b"PK\x03\x04 a zip file of some length, longer than a core", ErrorKind::Format),
        (b"P", ErrorKind::Format),
        (b"SWAY", ErrorKind::Format),
        (b"SWKS\x01", ErrorKind::Format),
        (b"SWAX\x02", ErrorKind::Format),
        (&[0; 4096], ErrorKind::Format),
        (&[0xff; 4096], ErrorKind::Format),
    ] {
        for face in faces::all() {
            let keys: [&dyn KeyWrap; 1] = [&key];
            let request = Request { keys: &keys, context: Context::new(), envelope: input };
            let got = kind((face.open)(&request));
            assert_eq!(got, Some(wanted), "{} of {input:x?}", face.name);
        }
    }
}

/// Counts what is read from it; never ends.
struct Endless {
    front: std::io::Cursor<Vec<u8>>,
    read: usize,
}

impl Read for &mut Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let mut len = self.front.read(out)?;
        if len == 0 {
            out.fill(0);
            len = out.len();
        }
        self.read += len;
        Ok(len)
    }
}

#[test]
fn lengths_that_lie_are_refused_in_bounded_memory() {
    let pair = pair("raw-key");
    let envelope = sealer(&*pair.recipient, Suite::ChaCha20Poly1305)
        .seal(PLAINTEXT)
        .expect("it can be sealed");
    let core_len = Parts::cut(&envelope).core.len();
    let patched = |at: usize, bytes: &[u8]| {
        let mut patched = envelope.clone();
        patched[at..at + bytes.len()].copy_from_slice(bytes);
        patched
    };
    let (huge, limit) = (u32::MAX.to_be_bytes(), ErrorKind::Limit);
    let entry = core_len + 5 + 5;
    for (what, input, wanted) in [
        ("stored length", patched(25, &huge), limit),
        ("stored length over its limit", patched(25, &32_769u32.to_be_bytes()), limit),
        ("slot length", patched(core_len + 1, &huge), limit),
        ("slot length over the limit", patched(core_len + 1, &65_537u32.to_be_bytes()), limit),
        ("slots", patched(core_len, &[255]), ErrorKind::Format),
        ("name length", patched(29, &[255]), ErrorKind::Format),
        ("entry length", patched(entry + 1, &[255, 255]), ErrorKind::Format),
        ("count", patched(core_len + 9, &[255]), ErrorKind::Format),
    ] {
        assert_eq!(kind(opener(&*pair.key).open(&input)), Some(wanted), "{what}");
        let mut endless = Endless { front: std::io::Cursor::new(input), read: 0 };
        let got = kind(opener(&*pair.key).reader(&mut endless));
        assert_eq!(got, Some(wanted), "{what}, reader");
        assert!(endless.read <= 66_000, "{what}: {} bytes were read", endless.read);
    }
    // With checks that hold, so that the lie is inside a good slot.
    for (what, change) in [
        (
            "entry length",
            Box::new(|slot: &mut Vec<u8>| slot[6..8].fill(255)) as Box<dyn Fn(&mut Vec<u8>)>,
        ),
        ("count above the entries", Box::new(|slot| slot[4] = 2)),
        ("count of 65", Box::new(|slot| slot[4] = 65)),
        ("count of 0", Box::new(|slot| slot[4] = 0)),
    ] {
        let parts = Parts::cut(&envelope);
        let mut slot = parts.slots[0].encode();
        change(&mut slot);
        let frame = [&[1u8][..], &(slot.len() as u32).to_be_bytes()].concat();
        let before = slot.len() - 16;
        let check = sha256(&[b"sealwax/v1/check\0", &parts.core_hash(), &frame, &slot[..before]]);
        slot[before..].copy_from_slice(&check[..16]);
        let input = [parts.core, frame, slot, parts.payload].concat();
        assert_eq!(kind(opener(&*pair.key).open(&input)), Some(ErrorKind::Format), "{what}");
    }
}

fn provider_with_blob(len: usize) -> (provider::Recipient, provider::Unwrapped) {
    let request = provider::Request::new("p", "k", &mut Repeatable(8)).expect("allowed names");
    let mut key = sealwax::secret::Key::zeroed();
    *key.expose_bytes_mut() = *request.expose_key();
    let unwrapped = provider::Unwrapped::new("p", "k", key).expect("allowed names");
    (request.finish(&vec![1; len]).expect("a blob that fits"), unwrapped)
}

#[test]
fn a_header_at_the_limit_opens_and_one_byte_more_does_not() {
    // 29 + 5 + 53 + 3 + 5 + 2 + 104 bytes are around the blob.
    let around = 201;
    let (recipient, key) = provider_with_blob(65_536 - around);
    let envelope = Sealer::new().recipient(&recipient).seal(PLAINTEXT).expect("at the limit");
    assert_eq!(Parts::cut(&envelope).header_len(), 65_536);
    let keys: [&dyn KeyWrap; 1] = [&key];
    for face in faces::all() {
        let request = Request { keys: &keys, context: Context::new(), envelope: &envelope };
        assert_eq!((face.open)(&request).expect(face.name).plaintext, PLAINTEXT);
    }
    let (recipient, key) = provider_with_blob(65_537 - around);
    let sealer = Sealer::new().recipient(&recipient);
    assert_eq!(kind(sealer.seal(PLAINTEXT)), Some(ErrorKind::Limit));
    let envelope = sealer.max_header_len(65_537).seal(PLAINTEXT).expect("the limit was raised");
    assert_eq!(Parts::cut(&envelope).header_len(), 65_537);
    let keys: [&dyn KeyWrap; 1] = [&key];
    for face in faces::all() {
        let request = Request { keys: &keys, context: Context::new(), envelope: &envelope };
        assert_eq!(kind((face.open)(&request)), Some(ErrorKind::Limit), "{}", face.name);
    }
    let raised = Opener::new().key(&key).max_header_len(65_537);
    assert_eq!(
        raised.open(&envelope).expect("the limit was raised").plaintext.as_slice(),
        PLAINTEXT
    );
    let mut read = Vec::new();
    let mut reader = raised.reader(envelope.as_slice()).expect("the limit was raised");
    reader.read_to_end(&mut read).expect("the limit was raised");
    assert_eq!(read, PLAINTEXT);
    assert_eq!(raised.positioned(envelope).expect("the limit was raised").plaintext_len(), 36);
}

#[test]
fn no_limit_can_be_raised_above_a_mebibyte() {
    let pairs: Vec<_> = (0..17).map(|_| provider_with_blob(62_000)).collect();
    let sealer =
        pairs.iter().fold(Sealer::new(), |sealer, (recipient, _)| sealer.recipient(recipient));
    let sealer = sealer.max_header_len(usize::MAX);
    assert_eq!(kind(sealer.seal(PLAINTEXT)), Some(ErrorKind::Limit));
    let sealer = pairs[..16].iter().fold(Sealer::new(), |s, (recipient, _)| s.recipient(recipient));
    let envelope = sealer.max_header_len(usize::MAX).seal(PLAINTEXT).expect("under a mebibyte");
    let opener = Opener::new().key(&pairs[3].1);
    assert_eq!(kind(opener.open(&envelope)), Some(ErrorKind::Limit));
    let raised = opener.clone().max_header_len(usize::MAX);
    assert_eq!(raised.open(&envelope).expect("it was raised").plaintext.as_slice(), PLAINTEXT);
    let mut huge = Parts::cut(&envelope);
    huge.slots[0].padding = vec![0; 100_000];
    huge.remake_check(0);
    let opened = raised.open(&huge.join());
    assert_eq!(kind(opened), Some(ErrorKind::Limit));
}

#[test]
fn argon2id_costs_are_checked_before_they_are_spent() {
    let key = Passphrase::new("correct horse").expect("an allowed passphrase");
    let sealing = cheap_passphrase("correct horse");
    let envelope = Sealer::new().recipient(&sealing).seal(PLAINTEXT).expect("it can be sealed");
    let parts = Parts::cut(&envelope);
    let with_costs = |m: u32, t: u32, p: u8| {
        let mut parts = parts.clone();
        let body = &mut parts.slots[0].entries[0].1;
        body[..4].copy_from_slice(&m.to_be_bytes());
        body[4..8].copy_from_slice(&t.to_be_bytes());
        body[8] = p;
        parts.remake_check(0);
        parts.join()
    };
    let (format, limit) = (ErrorKind::Format, ErrorKind::Limit);
    for ((m, t, p), wanted) in [
        ((u32::MAX, u32::MAX, 255), limit),
        ((1_048_577, 1, 1), limit),
        ((64, 17, 1), limit),
        ((1024, 1, 17), limit),
        ((1_048_576, 5, 1), limit),
        ((0, 1, 1), format),
        ((7, 1, 1), format),
        ((31, 1, 4), format),
        ((64, 0, 1), format),
        ((64, 1, 0), format),
        ((0, 0, 0), format),
        ((65, 1, 1), ErrorKind::Decrypt),
        ((64, 2, 1), ErrorKind::Decrypt),
        ((64, 1, 2), ErrorKind::Decrypt),
    ] {
        let started = std::time::Instant::now();
        let got = kind(Opener::new().key(&key).open(&with_costs(m, t, p)));
        assert_eq!(got, Some(wanted), "m {m}, t {t}, p {p}");
        assert!(started.elapsed().as_secs() < 5, "m {m}, t {t}, p {p} took long");
    }
    // What is not Argon2's is refused whoever opens.
    let other = raw_key(1, 1);
    assert_eq!(kind(Opener::new().key(&other).open(&with_costs(7, 1, 1))), Some(format));
    let lower = Passphrase::new("correct horse").expect("allowed").with_max_memory_kib(63);
    assert_eq!(kind(Opener::new().key(&lower).open(&envelope)), Some(limit));
    let raised = Passphrase::new("correct horse").expect("allowed").with_max_memory_kib(u32::MAX);
    let got = kind(Opener::new().key(&raised).open(&with_costs(1_048_577, 1, 1)));
    assert_eq!(got, Some(limit), "the limit cannot be raised");
    for (m_kib, t, p) in [(7, 1, 1), (64, 0, 1), (64, 1, 0), (64, 17, 1), (1_048_577, 1, 1)] {
        let refused = Passphrase::new("p").expect("allowed").with_params(Params { m_kib, t, p });
        assert_eq!(kind(refused), Some(ErrorKind::Misuse), "m {m_kib}, t {t}, p {p}");
    }
}

#[test]
fn a_second_passphrase_entry_is_refused() {
    let pair = pair("passphrase");
    let envelope = sealer(&*pair.recipient, Suite::ChaCha20Poly1305)
        .seal(PLAINTEXT)
        .expect("it can be sealed");
    let mut parts = Parts::cut(&envelope);
    let entry = parts.slots[0].entries[0].clone();
    parts.slots[0].entries.push(entry);
    parts.slots[0].count = 2;
    parts.remake_check(0);
    assert_eq!(kind(opener(&*pair.key).open(&parts.join())), Some(ErrorKind::Format));
}

#[test]
fn a_second_passphrase_is_not_tried() {
    let (wrong, right) = (cheap_passphrase("wrong"), cheap_passphrase("right"));
    let envelope = Sealer::new().recipient(&right).seal(PLAINTEXT).expect("it can be sealed");
    let opened = Opener::new().key(&wrong).key(&right).open(&envelope);
    assert_eq!(kind(opened), Some(ErrorKind::Limit));
}

#[test]
fn a_context_that_is_not_canonical_is_refused() {
    let key = raw_key(1, 1);
    let encoded = |entries: &[(&[u8], &[u8])]| {
        let mut out = Vec::new();
        for (name, value) in entries {
            out.push(name.len() as u8);
            out.extend(*name);
            out.extend((value.len() as u16).to_be_bytes());
            out.extend(*value);
        }
        out
    };
    let envelope = Sealer::new().recipient(&key).seal(PLAINTEXT).expect("it can be sealed");
    let many: Vec<_> =
        (0..65u8).map(|index| [b'n', b'0' + index / 10, b'0' + index % 10]).collect();
    let many: Vec<(&[u8], &[u8])> = many.iter().map(|name| (&name[..], &b""[..])).collect();
    for (what, stored, wanted) in [
        ("not ascending", encoded(&[(b"b", b""), (b"a", b"")]), ErrorKind::Format),
        ("twice", encoded(&[(b"a", b"1"), (b"a", b"2")]), ErrorKind::Format),
        ("longer before its beginning", encoded(&[(b"ab", b""), (b"a", b"")]), ErrorKind::Format),
        ("no name", encoded(&[(b"", b"")]), ErrorKind::Format),
        ("a control character", encoded(&[(b"a\x7f", b"")]), ErrorKind::Format),
        ("a C1 control character", encoded(&[("a\u{85}".as_bytes(), b"")]), ErrorKind::Format),
        ("not UTF-8", encoded(&[(b"\xff", b"")]), ErrorKind::Format),
        ("over-long UTF-8", encoded(&[(b"\xc1\x81", b"")]), ErrorKind::Format),
        ("a surrogate", encoded(&[(b"\xed\xa0\x80", b"")]), ErrorKind::Format),
        ("cut", encoded(&[(b"a", b"1234")])[..5].to_vec(), ErrorKind::Format),
        ("65 entries", encoded(&many), ErrorKind::Limit),
        ("canonical", encoded(&[(b"a", b"1"), (b"ab", b"2")]), ErrorKind::Format),
    ] {
        let mut parts = Parts::cut(&envelope);
        parts.core[25..29].copy_from_slice(&(stored.len() as u32).to_be_bytes());
        parts.core.extend(&stored);
        // Format in the last case comes from the check, which is not remade.
        let got = kind(Opener::new().key(&key).open(&parts.join()));
        assert_eq!(got, Some(wanted), "{what}");
        parts.remake_check(0);
        let got = kind(Opener::new().key(&key).open(&parts.join()));
        let wanted = if what == "canonical" { ErrorKind::Decrypt } else { wanted };
        assert_eq!(got, Some(wanted), "{what}, check remade");
    }
}

#[test]
fn a_keyset_file_is_no_data_and_data_is_no_keyset_file() {
    let keyset = keyset(2, 1);
    let key = raw_key(1, 1);
    let file = keyset.to_file_bytes(Protection::Sealed(&[&key])).expect("it can be written");
    assert_eq!(kind(Opener::new().key(&key).open(&file)), Some(ErrorKind::Format));
    let encoding = KeysetMaterial::of_one([1; 16], VersionMaterial::active(1, 2, [1; 32])).encode();
    let data = Sealer::new().recipient(&key).seal(&encoding).expect("it can be sealed");
    let loaded = Keyset::parse_file_bytes(&data, Protection::Sealed(&[&key]));
    assert_eq!(kind(loaded), Some(ErrorKind::Format));
    assert_eq!(kind(Description::parse(&data)), Some(ErrorKind::Format));
    // With the kind changed, nothing fits any more.
    for (bytes, kind_byte) in [(file.to_vec(), 1), (data, 2)] {
        let mut parts = Parts::cut(&bytes);
        parts.core[6] = kind_byte;
        parts.remake_check(0);
        let bytes = parts.join();
        let got = match kind_byte {
            1 => kind(Opener::new().key(&key).open(&bytes)),
            _ => kind(Keyset::parse_file_bytes(&bytes, Protection::Sealed(&[&key]))),
        };
        assert_eq!(got, Some(ErrorKind::Decrypt));
    }
}

#[test]
fn a_changed_token_is_refused() {
    for algorithm in [1, 2] {
        let keyset = keyset(algorithm, 1);
        let token = keyset.seal(PLAINTEXT, &row()).expect("it can be sealed");
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut changed = token.clone();
                changed[at] ^= 1 << bit;
                let wanted: &[ErrorKind] = match at {
                    0 => &[ErrorKind::Format, ErrorKind::UnknownKey],
                    1..5 => &[ErrorKind::UnknownKey],
                    _ => &[ErrorKind::Decrypt],
                };
                let got = kind(keyset.open(&changed, &row())).expect("a changed token");
                assert!(wanted.contains(&got), "byte {at}: {got:?}");
                let mut out = [0xaa; PLAINTEXT.len()];
                assert!(keyset.open_into(&changed, &row(), &mut out).is_err());
                assert!(out == [0xaa; PLAINTEXT.len()] || out == [0; PLAINTEXT.len()]);
            }
        }
        for len in 0..token.len() {
            let wanted = if len < 77 { ErrorKind::Format } else { ErrorKind::Decrypt };
            assert_eq!(kind(keyset.open(&token[..len], &row())), Some(wanted), "cut to {len}");
        }
        for extra in 1..=40 {
            let longer = [token.as_slice(), &vec![0; extra]].concat();
            assert_eq!(kind(keyset.open(&longer, &row())), Some(ErrorKind::Decrypt));
        }
        for context in [Context::new(), stored(), row().with("more", "").expect("allowed")] {
            assert_eq!(kind(keyset.open(&token, &context)), Some(ErrorKind::Decrypt));
        }
        let wrong = kit::specimens::keyset(algorithm, 2);
        assert_eq!(kind(wrong.open(&token, &row())), Some(ErrorKind::Decrypt));
        let other = kit::specimens::keyset(3 - algorithm, 1);
        assert_eq!(kind(other.open(&token, &row())), Some(ErrorKind::UnknownKey));
        let mut zero_version = token.clone();
        zero_version[1..5].fill(0);
        assert_eq!(kind(keyset.open(&zero_version, &row())), Some(ErrorKind::Format));
    }
}

#[test]
fn a_token_has_a_longest_plaintext() {
    let keyset = keyset(2, 1);
    let longest = vec![7; token::MAX_PLAINTEXT_LEN];
    let token = keyset.seal(&longest, &row()).expect("the longest");
    assert_eq!(keyset.open(&token, &row()).expect("the longest").as_slice(), longest);
    let longer = vec![7; token::MAX_PLAINTEXT_LEN + 1];
    assert_eq!(kind(keyset.seal(&longer, &row())), Some(ErrorKind::Limit));
    let longer = [token.as_slice(), &[0]].concat();
    assert_eq!(kind(keyset.open(&longer, &row())), Some(ErrorKind::Limit));
    assert_eq!(kind(token::key_version(&longer)), Some(ErrorKind::Limit));
}

#[test]
fn a_token_and_an_entry_of_the_same_key_do_not_stand_for_each_other() {
    let keyset = keyset(2, 1);
    let envelope = Sealer::new().recipient(&keyset).seal(PLAINTEXT).expect("it can be sealed");
    let parts = Parts::cut(&envelope);
    let (_, body) = &parts.slots[0].entries[0];
    // The T of the entry as the T of a token, under the context that it has: H(core).
    let token = [&[0x12][..], &VERSION.to_be_bytes(), &body[20..]].concat();
    assert_eq!(kind(keyset.open(&token, &Context::new())), Some(ErrorKind::Decrypt));
}

#[test]
fn a_changed_keyset_file_is_refused() {
    let key = raw_key(1, 1);
    let keyset = keyset(2, 1);
    for (name, file, protection) in [
        ("sealed", keyset.to_file_bytes(Protection::Sealed(&[&key])), Protection::Sealed(&[&key])),
        ("unprotected", keyset.to_file_bytes(Protection::Unprotected), Protection::Unprotected),
    ] {
        let file = file.expect("it can be written");
        assert_eq!(Keyset::parse_file_bytes(&file, protection).expect("whole").id(), KEYSET);
        for at in 0..file.len() {
            let mut changed = file.to_vec();
            changed[at] ^= 1 << (at % 8);
            let got = kind(Keyset::parse_file_bytes(&changed, protection)).expect("changed");
            assert!(BY_BYTES.contains(&got), "{name}, byte {at}: {got:?}");
        }
        for len in 0..file.len() {
            let got = kind(Keyset::parse_file_bytes(&file[..len], protection)).expect("cut");
            assert!(BY_BYTES.contains(&got), "{name} cut to {len}: {got:?}");
        }
        for extra in 1..=40 {
            let longer = [file.as_slice(), &vec![0; extra]].concat();
            assert!(Keyset::parse_file_bytes(&longer, protection).is_err(), "{name} and {extra}");
        }
    }
}

#[test]
fn a_changed_keyset_encoding_is_a_good_keyset_or_format() {
    // With the check remade, as anybody can: the parser must never panic, and what it takes it must write back.
    let mut versions =
        vec![VersionMaterial::active(7, 1, [1; 32]), VersionMaterial::active(9, 2, [2; 32])];
    versions.push(VersionMaterial { state: 6, ..VersionMaterial::active(11, 2, [0; 32]) });
    versions.push(VersionMaterial { state: 4, ..VersionMaterial::active(12, 2, [3; 32]) });
    let encoding = KeysetMaterial { id: [1; 16], primary: 7, revision: 1, versions }.encode();
    let (mut good, mut refused) = (0, 0);
    for at in 0..encoding.len() {
        for bit in 0..8 {
            let mut changed = encoding.clone();
            changed[at] ^= 1 << bit;
            match Keyset::parse_unprotected(&unprotected(&changed)) {
                Ok(keyset) if keyset.is_read_only() => good += 1,
                Ok(keyset) => {
                    let written = keyset.expose_unprotected().expect("it can be written");
                    assert_eq!(written.as_slice(), unprotected(&changed), "byte {at}, bit {bit}");
                    good += 1;
                }
                Err(error) => {
                    let kinds = [ErrorKind::Format, ErrorKind::Limit];
                    assert!(kinds.contains(&error.kind()), "byte {at}: {error:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(good > 500 && refused > 500, "{good} good, {refused} refused");
    for len in 0..encoding.len() {
        let got = kind(Keyset::parse_unprotected(&unprotected(&encoding[..len])));
        assert_eq!(got, Some(ErrorKind::Format), "cut to {len}");
    }
}

#[test]
fn a_keyset_file_does_not_take_another_name_from_outside() {
    let key = raw_key(1, 1);
    let file = keyset(2, 1).to_file_bytes(Protection::Sealed(&[&key])).expect("it can be written");
    let described = Description::parse(&file).expect("it describes itself");
    assert_eq!((described.id, described.name.as_str(), described.revision), (KEYSET, "test", 1));
    let mut parts = Parts::cut(&file);
    let id_at = 29 + 1 + "sealwax.keyset".len() + 2;
    parts.core[id_at] ^= 1;
    parts.remake_check(0);
    let renamed = parts.join();
    assert_ne!(Description::parse(&renamed).expect("nobody authenticates it").id, KEYSET);
    let got = kind(Keyset::parse_file_bytes(&renamed, Protection::Sealed(&[&key])));
    assert_eq!(got, Some(ErrorKind::Decrypt));
}
