// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cutting envelopes into their parts and putting them together again, from docs/format.md alone.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// An envelope cut into its parts (format.md 4).
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) core: Vec<u8>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) payload: Vec<u8>,
}

/// A slot cut into its parts (format.md 4.3).
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) epoch: u32,
    pub(crate) count: u8,
    /// Type and body.
    pub(crate) entries: Vec<(u8, Vec<u8>)>,
    pub(crate) padding: Vec<u8>,
    pub(crate) mac: [u8; 32],
    pub(crate) check: [u8; 16],
}

pub(crate) fn sha256(pieces: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    pieces.iter().for_each(|piece| hash.update(piece));
    hash.finalize().into()
}

pub(crate) fn hmac256(key: &[u8], pieces: &[&[u8]]) -> [u8; 32] {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key");
    pieces.iter().for_each(|piece| hmac.update(piece));
    hmac.finalize().into_bytes().into()
}

/// HKDF-Expand with SHA-256.
pub(crate) fn expand(key: &[u8], info: &[&[u8]], len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut previous = Vec::new();
    for counter in 1u8..=255 {
        if out.len() >= len {
            break;
        }
        let mut pieces = vec![previous.as_slice()];
        pieces.extend(info);
        let counter = [counter];
        pieces.push(&counter);
        previous = hmac256(key, &pieces).to_vec();
        out.extend(&previous);
    }
    out.truncate(len);
    out
}

impl Parts {
    pub(crate) fn cut(envelope: &[u8]) -> Parts {
        let stored = u32::from_be_bytes(envelope[25..29].try_into().expect("4 bytes")) as usize;
        let (core, rest) = envelope.split_at(29 + stored);
        let (count, rest) = rest.split_at(1);
        let (len, mut rest) = rest.split_at(4);
        let len = u32::from_be_bytes(len.try_into().expect("4 bytes")) as usize;
        let mut slots = Vec::new();
        for _ in 0..count[0] {
            slots.push(Slot::cut(&rest[..len]));
            rest = &rest[len..];
        }
        Parts { core: core.to_vec(), slots, payload: rest.to_vec() }
    }

    pub(crate) fn header_len(&self) -> usize {
        self.core.len() + 5 + self.slots.iter().map(|slot| slot.encode().len()).sum::<usize>()
    }

    pub(crate) fn core_hash(&self) -> [u8; 32] {
        sha256(&[&self.core])
    }

    fn frame(&self) -> [u8; 5] {
        let len = (self.slots[0].encode().len() as u32).to_be_bytes();
        [self.slots.len() as u8, len[0], len[1], len[2], len[3]]
    }

    /// Computes the check of a slot anew: anybody can (format.md 11.7).
    pub(crate) fn remake_check(&mut self, index: usize) {
        let slot = self.slots[index].encode();
        let before = &slot[..slot.len() - 16];
        let core_hash = self.core_hash();
        let hash = sha256(&[b"sealwax/v1/check\0", &core_hash, &self.frame(), before]);
        self.slots[index].check.copy_from_slice(&hash[..16]);
    }

    /// Computes the mac and the check of a slot anew: only a holder of the data key can.
    pub(crate) fn remake_mac(&mut self, index: usize, data_key: &[u8; 32]) {
        let slot = self.slots[index].encode();
        let before = &slot[..slot.len() - 48];
        let block_key = expand(data_key, &[b"sealwax/v1/key-block\0", &self.core[5..6]], 32);
        self.slots[index].mac = hmac256(&block_key, &[&self.core_hash(), &self.frame(), before]);
        self.remake_check(index);
    }

    pub(crate) fn join(&self) -> Vec<u8> {
        let mut out = self.core.clone();
        out.extend(self.frame());
        self.slots.iter().for_each(|slot| out.extend(slot.encode()));
        out.extend(&self.payload);
        out
    }

    /// The chunks of the payload, without salt and commitment.
    pub(crate) fn chunks(&self) -> Vec<Vec<u8>> {
        let sealed = (1usize << self.core[8]) + 16;
        self.payload[56..].chunks(sealed).map(<[u8]>::to_vec).collect()
    }

    pub(crate) fn with_chunks(&self, chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut parts = self.clone();
        parts.payload.truncate(56);
        chunks.iter().for_each(|chunk| parts.payload.extend(chunk));
        parts.join()
    }
}

impl Slot {
    fn cut(slot: &[u8]) -> Slot {
        let (front, back) = slot.split_at(slot.len() - 48);
        let (mac, check) = back.split_at(32);
        let mut rest = &front[5..];
        let mut entries = Vec::new();
        for _ in 0..front[4] {
            let len = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
            entries.push((rest[0], rest[3..3 + len].to_vec()));
            rest = &rest[3 + len..];
        }
        Slot {
            epoch: u32::from_be_bytes(front[..4].try_into().expect("4 bytes")),
            count: front[4],
            entries,
            padding: rest.to_vec(),
            mac: mac.try_into().expect("32 bytes"),
            check: check.try_into().expect("16 bytes"),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.epoch.to_be_bytes().to_vec();
        out.push(self.count);
        for (kind, body) in &self.entries {
            out.push(*kind);
            out.extend((body.len() as u16).to_be_bytes());
            out.extend(body);
        }
        out.extend(&self.padding);
        out.extend(self.mac);
        out.extend(self.check);
        out
    }
}
