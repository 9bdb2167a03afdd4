// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parts of envelopes taken away, moved, repeated, or given to others.

use sealwax::envelope::ChunkLen;
use sealwax::{Context, ErrorKind, KeyWrap, Opener, Sealer, Suite};

use super::{PLAINTEXT, kind, opener};
use crate::kit::envelopes::Parts;
use crate::kit::faces::{self, Request};
use crate::kit::keys::raw_key;
use crate::kit::random::Repeatable;
use crate::kit::specimens::{NAMES, SUITES, keyset, pair, pairs, row, sealer};

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
