// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lengths, counts and costs that lie.

use std::io::Read;

use sealwax::wrap::passphrase::{Params, Passphrase};
use sealwax::wrap::provider;
use sealwax::{Context, ErrorKind, KeyWrap, Opener, Sealer, Suite};

use super::{PLAINTEXT, kind, opener};
use crate::kit::envelopes::{Parts, sha256};
use crate::kit::faces::{self, Request};
use crate::kit::keys::{cheap_passphrase, raw_key};
use crate::kit::random::Repeatable;
use crate::kit::specimens::{pair, sealer};

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
