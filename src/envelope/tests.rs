// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::id::RawKeyId;
use crate::wrap::raw_key::RawKey;

fn key(id: u8) -> RawKey {
    RawKey::new(RawKeyId([id; 16]), Key::zeroed())
}

/// With the shortest chunks.
fn sealer(key: &RawKey) -> Sealer<'_> {
    Sealer::new().recipient(key).suite(Suite::ChaCha20Poly1305).chunk_len(ChunkLen::KIB_1)
}

#[test]
fn symmetric_keys_alone_are_shallow() {
    use RecipientKind::{Keyset, Passphrase, Provider, RawKey, X25519, XWing};
    for kind in [Keyset, Passphrase, X25519, XWing, RawKey, Provider] {
        assert_eq!(is_shallow(kind), kind == Keyset || kind == RawKey, "{kind:?}");
    }
}

#[test]
fn what_is_sealed_in_place_is_as_long_as_was_said_and_opens_in_place() {
    let key = key(1);
    for len in [0, 1, 1023, 1024, 1025, 2047, 2048, 3000] {
        let plaintext: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let sealed_len = sealer(&key).sealed_len(len).expect("short");
        let mut buffer = Vec::with_capacity(sealed_len);
        buffer.extend_from_slice(&plaintext);
        sealer(&key).seal_in_place(&mut buffer).expect("sealed");
        assert_eq!((buffer.len(), buffer.capacity()), (sealed_len, sealed_len));
        let opener = Opener::new().key(&key);
        assert_eq!(*opener.open(&buffer).expect("it opens").plaintext, plaintext);
        opener.open_in_place(&mut buffer).expect("it opens");
        assert_eq!(buffer, plaintext);
    }
}

#[test]
fn an_envelope_has_at_most_2_to_the_32_chunks() {
    let key = key(1);
    let longest = (1usize << 42) - 1;
    let sealed = sealer(&key).sealed_len(longest).expect("2^32 chunks");
    assert_eq!(sealed - sealer(&key).sealed_len(0).expect("short"), longest + 16 * ((1 << 32) - 1));
    assert!(matches!(sealer(&key).sealed_len(longest + 1), Err(Error::Limit(_))));
}

#[test]
fn a_header_is_sealed_up_to_the_limit_and_up_to_64_entries() {
    let keys: Vec<RawKey> = (0..65).map(key).collect();
    let len_of = |count: usize, limit| {
        let sealer = keys[..count].iter().fold(Sealer::new(), |sealer, key| sealer.recipient(key));
        sealer.max_header_len(limit).sealed_len(0)
    };
    // One slot of 5 and 48 bytes, entries of 123, a payload of 72.
    let header = 29 + 5 + 5 + 48 + 64 * 123;
    assert_eq!(len_of(64, header).expect("just as long"), header + 72);
    assert!(matches!(len_of(64, header - 1), Err(Error::Limit(_))));
    assert!(matches!(len_of(65, DEFAULT_MAX_HEADER_LEN), Err(Error::Misuse(_))));
}

#[test]
fn a_rewrap_hides_up_to_8_recipients() {
    use crate::id::Algorithm;
    let (raw, others) = (key(1), 0..9);
    let hidden: Vec<_> = others
        .map(|_| crate::Keyset::generate("r", Algorithm::X25519).expect("generated"))
        .map(|keyset| keyset.recipient().expect("a pair").clone().hidden())
        .collect();
    let envelope = sealer(&raw).seal(b"value").expect("sealed");
    let rewrap = |count: usize| {
        let rewrapper = Rewrapper::new().key(&raw).danger_mix_recipients();
        hidden[..count].iter().fold(rewrapper, |all, key| all.recipient(key)).rewrap(&envelope)
    };
    assert!(rewrap(8).expect("8 are allowed").is_some());
    assert!(matches!(rewrap(9), Err(Error::Misuse(_))));
}
