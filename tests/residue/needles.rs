// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is looked for: secrets in 16-byte pieces, computed from docs/format.md and the standards that it names.

use super::aes::{inverse_round_keys, round_keys, swapped};
use super::authenticators::{add_ghash_key, add_poly1305_key};
use super::kit::envelopes::{Parts, expand, hmac256};

/// Collects secrets, with the names that they are found under.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    pieces: Vec<(&'static str, [u64; 2])>,
}

/// Secrets, ready to be looked for.
pub(crate) struct Needles {
    pieces: Vec<(&'static str, [u64; 2])>,
    /// Whether a piece begins with a word that has these low bits.
    begins: Vec<bool>,
}

impl Secrets {
    /// Each 16 bytes of it, and the last 16.
    pub(crate) fn add(&mut self, name: &'static str, secret: &[u8]) {
        let last = &secret[secret.len() - 16..];
        for piece in secret.chunks_exact(16).chain([last]) {
            let distinct: std::collections::BTreeSet<_> = piece.iter().collect();
            assert!(distinct.len() > 6, "{name}: nobody can tell that it is secret");
            let word = |at: usize| u64::from_ne_bytes(piece[at..at + 8].try_into().expect("8"));
            self.pieces.push((name, [word(0), word(8)]));
        }
    }

    pub(crate) fn extend(&mut self, other: Secrets) {
        self.pieces.extend(other.pieces);
    }

    /// A key of HMAC-SHA-256, with its padded blocks and its two first states.
    pub(crate) fn add_hmac_key(&mut self, name: &'static str, key: &[u8]) {
        self.add(name, key);
        for pad in [0x36, 0x5c] {
            let mut block = [pad; 64];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            self.add("padded key", &block[..32]);
            let mut state = SHA256_BEGIN;
            sha2::block_api::compress256(&mut state, &[block]);
            // In the order of FIPS 180-4, and in that of the instructions for it.
            for order in [[0, 1, 2, 3, 4, 5, 6, 7], [5, 4, 1, 0, 7, 6, 3, 2]] {
                let state: Vec<u8> = order.iter().flat_map(|at| state[*at].to_ne_bytes()).collect();
                self.add("keyed state", &state);
            }
        }
    }

    /// A key of HMAC-SHA-512, in the same way.
    pub(crate) fn add_hmac512_key(&mut self, name: &'static str, key: &[u8]) {
        self.add(name, key);
        for pad in [0x36, 0x5c] {
            let mut block = [pad; 128];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let mut state = SHA512_BEGIN;
            sha2::block_api::compress512(&mut state, &[block]);
            let state: Vec<u8> = state.iter().flat_map(|word| word.to_ne_bytes()).collect();
            self.add("keyed state", &state);
        }
    }

    /// A key of a suite's AEAD that was used with these nonces, with AES's schedules where it is AES's, and with those of the
    /// authenticator.
    pub(crate) fn add_aead_key(
        &mut self,
        name: &'static str,
        key: &[u8],
        suite: u8,
        nonces: &[[u8; 12]],
    ) {
        self.add(name, key);
        if suite != 1 {
            nonces.iter().for_each(|nonce| add_poly1305_key(self, key, nonce));
            return;
        }
        add_ghash_key(self, key);
        let (forth, back) = (round_keys(key), inverse_round_keys(key));
        self.add("AES round keys", &forth);
        self.add("AES round keys", &swapped(&forth));
        self.add("AES round keys, swapped", &swapped(key));
        self.add("AES round keys, inverse", &back);
        self.add("AES round keys, inverse", &swapped(&back));
    }

    /// A key that wraps data keys, and what hedges its salts: format.md 3.5.
    pub(crate) fn add_wrap_key(&mut self, name: &'static str, key: &[u8]) {
        self.add_hmac_key(name, key);
        self.add_hmac_key("K_salt of an entry", &expand(key, &[b"sealwax/v1/wrap-salt\0"], 32));
    }

    /// The key of T: format.md 3.1. Returns what `sealed` holds.
    pub(crate) fn add_value_key(
        &mut self,
        key: &[u8],
        suite: u8,
        sealed: &[u8],
        context: &[u8],
    ) -> Vec<u8> {
        let okm = expand(key, &[b"sealwax/v1/T", &sealed[..24], context], 64);
        assert_eq!(okm[32..], sealed[24..56], "the commitment is another key's");
        self.add_aead_key("T's key", &okm[..32], suite, &[[0; 12]]);
        open(suite, &okm[..32], &[0; 12], &sealed[56..])
    }

    /// What follows from the data key: format.md 4.2 and 5A.1.
    pub(crate) fn add_data_key(&mut self, data_key: &[u8], envelope: &[u8]) {
        let parts = Parts::cut(envelope);
        let suite = parts.core[5];
        self.add_hmac_key("data key", data_key);
        let block = expand(data_key, &[b"sealwax/v1/key-block\0", &[suite]], 32);
        let payload = expand(data_key, &[b"sealwax/v1/payload\0", &[suite]], 32);
        self.add_hmac_key("K_block", &block);
        let (salt, core_hash) = (&parts.payload[..24], parts.core_hash());
        let okm = match suite {
            1 => {
                self.add_hmac512_key("K_payload", &payload);
                let label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
                expand512(&payload, &[label, salt, &core_hash])
            }
            _ => {
                self.add_hmac_key("K_payload", &payload);
                let label = b"sealwax/v1/chunked+AEAD_CHACHA20_POLY1305\0";
                expand(&payload, &[label, &[parts.core[8]], salt, &core_hash], 76)
            }
        };
        assert_eq!(okm[44..76], parts.payload[24..56], "the commitment is another key's");
        self.add_aead_key("chunk key", &okm[..32], suite, &counted(&okm[32..44]));
    }

    pub(crate) fn ready(mut self) -> Needles {
        self.pieces.sort_by_key(|(_, words)| *words);
        // What is part of two secrets is found under one name.
        self.pieces.dedup_by_key(|(_, words)| *words);
        let mut begins = vec![false; 1 << 16];
        self.pieces.iter().for_each(|(_, [word, _])| begins[*word as usize & 0xffff] = true);
        Needles { pieces: self.pieces, begins }
    }
}

impl Needles {
    /// The first of them that is in there, at any place: its name and where.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<(&'static str, usize)> {
        bytes.windows(16).enumerate().find_map(|(at, piece)| {
            if !self.begins[usize::from(u16::from_ne_bytes([piece[0], piece[1]]))] {
                return None;
            }
            let word = |at: usize| u64::from_ne_bytes(piece[at..at + 8].try_into().expect("8"));
            let words = [word(0), word(8)];
            let found = self.pieces.binary_search_by_key(&words, |(_, words)| *words).ok()?;
            Some((self.pieces[found].0, at))
        })
    }

    /// Each name once, with the bytes of one piece.
    pub(crate) fn families(&self) -> impl Iterator<Item = (&'static str, [u8; 16])> {
        let mut seen = std::collections::BTreeSet::new();
        self.pieces.iter().filter_map(move |(name, [one, other])| {
            let mut piece = [0; 16];
            piece[..8].copy_from_slice(&one.to_ne_bytes());
            piece[8..].copy_from_slice(&other.to_ne_bytes());
            seen.insert(*name).then_some((*name, piece))
        })
    }
}

/// The first nonces that are counted from this one: format.md 5A.3 and 13.9.
pub(crate) fn counted(first: &[u8]) -> [[u8; 12]; 4] {
    std::array::from_fn(|count| {
        let mut nonce: [u8; 12] = first.try_into().expect("12 bytes");
        nonce[11] ^= count as u8;
        nonce
    })
}

/// What was sealed without associated data, with its tag at the end: it opens under the key that is looked for.
pub(crate) fn open(suite: u8, key: &[u8], nonce: &[u8], sealed: &[u8]) -> Vec<u8> {
    use aes_gcm::Aes256Gcm;
    use chacha20poly1305::ChaCha20Poly1305;
    use chacha20poly1305::aead::{AeadInOut, KeyInit};
    let (mut opened, tag) = (sealed[..sealed.len() - 16].to_vec(), &sealed[sealed.len() - 16..]);
    let (nonce, tag) = (nonce.try_into().expect("12 bytes"), tag.try_into().expect("16 bytes"));
    let in_out = opened.as_mut_slice().into();
    let held = match suite {
        1 => {
            let aead = Aes256Gcm::new_from_slice(key).expect("32 bytes");
            aead.decrypt_inout_detached(nonce, &[], in_out, tag)
        }
        _ => {
            let aead = ChaCha20Poly1305::new_from_slice(key).expect("32 bytes");
            aead.decrypt_inout_detached(nonce, &[], in_out, tag)
        }
    };
    held.expect("it was sealed under this key");
    opened
}

/// HKDF-Expand with SHA-512, 76 bytes.
fn expand512(key: &[u8], info: &[&[u8]]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    let block = |previous: &[u8], counter: u8| {
        let mut hmac = Hmac::<sha2::Sha512>::new_from_slice(key).expect("any key");
        hmac.update(previous);
        info.iter().for_each(|piece| hmac.update(piece));
        hmac.update(&[counter]);
        hmac.finalize().into_bytes().to_vec()
    };
    let first = block(&[], 1);
    [first.clone(), block(&first, 2)].concat()[..76].to_vec()
}

/// LabeledExtract and LabeledExpand of RFC 9180 section 4, with SHA-256 and 32 bytes.
pub(crate) fn labeled_extract(
    salt: &[u8],
    suite_id: &[u8],
    label: &[u8],
    ikm: &[&[u8]],
) -> [u8; 32] {
    let head: [&[u8]; 3] = [b"HPKE-v1", suite_id, label];
    hmac256(salt, &[&head, ikm].concat())
}

pub(crate) fn labeled_expand(prk: &[u8], suite_id: &[u8], label: &[u8], info: &[&[u8]]) -> Vec<u8> {
    let head: [&[u8]; 4] = [&[0, 32], b"HPKE-v1", suite_id, label];
    expand(prk, &[&head, info].concat(), 32)
}

/// FIPS 180-4 section 5.3.3.
const SHA256_BEGIN: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
/// FIPS 180-4 section 5.3.5.
const SHA512_BEGIN: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];
