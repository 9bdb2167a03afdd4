// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the targets share: fixed keys, envelopes made with them, and ways to change bytes that get past the
//! checks that need no key.

pub mod callbacks;

use std::sync::OnceLock;

use arbitrary::Arbitrary;
use sealwax::envelope::ChunkLen;
use sealwax::id::RawKeyId;
use sealwax::rng::{Now, Random};
use sealwax::secret::Key;
use sealwax::wrap::raw_key::RawKey;
use sealwax::{Algorithm, Keyset, Result, Sealer, Suite};
use sha2::{Digest, Sha256};

/// Bytes that look random and are the same in every run, so that a crash can be repeated.
pub struct Repeatable(pub u64);

impl Random for Repeatable {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        for byte in out {
            // The constants of Knuth's MMIX generator.
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
        Ok(())
    }
}

/// One key of every kind that costs little.
pub struct Keys {
    pub cobblestone: Keyset,
    pub chacha: Keyset,
    /// `chacha` with one version more, which is the primary.
    pub rotated: Keyset,
    pub x25519: Keyset,
    pub x_wing: Keyset,
    pub raw: RawKey,
}

pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut random = Repeatable(1);
        let mut keyset = |name: &str, algorithm| {
            Keyset::generate_with_rng(name, algorithm, Now::Unknown, &mut random)
                .expect("no key is refused")
        };
        let cobblestone = keyset("cobblestone", Algorithm::Symmetric(Suite::Cobblestone256));
        let chacha = keyset("chacha", Algorithm::Symmetric(Suite::ChaCha20Poly1305));
        let (x25519, x_wing) =
            (keyset("x25519", Algorithm::X25519), keyset("x-wing", Algorithm::XWing));
        let mut rotated = chacha.duplicate().expect("it was just made");
        let suite = Algorithm::Symmetric(Suite::ChaCha20Poly1305);
        rotated.rotate_with_rng(suite, Now::Unknown, &mut random).expect("no key is refused");
        let key = Key::init_with(|bytes| random.fill(bytes)).expect("never fails");
        Keys {
            cobblestone,
            chacha,
            rotated,
            x25519,
            x_wing,
            raw: RawKey::new(RawKeyId([7; 16]), key),
        }
    })
}

/// An envelope to be sealed.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Plan {
    seed: u8,
    recipients: u8,
    chunks: u8,
    /// Near the edges of this many pieces of 1 KiB.
    pieces: u8,
    off_edge: i8,
    pub place: Place,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One slot, no padding.
    Memory,
    /// Two slots.
    File,
}

impl Plan {
    pub fn plaintext(&self) -> Vec<u8> {
        let len = (usize::from(self.pieces % 6) * 1024).saturating_add_signed(self.off_edge.into());
        let mut plaintext = vec![0; len];
        Repeatable(u64::from(self.seed)).fill(&mut plaintext).expect("never fails");
        plaintext
    }

    /// The same plan gives the same bytes.
    pub fn seal(&self) -> Vec<u8> {
        let keys = keys();
        let mut sealer = Sealer::new();
        sealer = match self.recipients % 8 {
            0 => sealer.recipient(&keys.cobblestone),
            1 => sealer.recipient(&keys.chacha),
            2 => sealer.recipient(&keys.raw),
            3 => sealer.recipient(&keys.chacha).recipient(&keys.raw),
            4 => sealer.recipient(&keys.x25519),
            5 => sealer.recipient(&keys.x_wing),
            6 => sealer.recipient(&keys.raw).recipient(&keys.x_wing).recipient(&keys.cobblestone),
            _ => sealer.recipient(&keys.cobblestone).recipient(&keys.cobblestone),
        };
        // Suite 1 has one chunk length, in which all of these plaintexts are one chunk: mostly suite 2.
        if self.chunks % 4 != 0 {
            sealer = sealer.suite(Suite::ChaCha20Poly1305);
            sealer = sealer.chunk_len(if self.chunks % 4 == 1 {
                ChunkLen::KIB_4
            } else {
                ChunkLen::KIB_1
            });
        } else {
            sealer = sealer.suite(Suite::Cobblestone256);
        }
        let (plaintext, random) =
            (self.plaintext(), &mut Repeatable(u64::from(self.seed) << 32 | 1));
        match self.place {
            Place::Memory => {
                let mut out = vec![0; sealer.sealed_len(plaintext.len()).expect("a plan is sound")];
                sealer.seal_into_with_rng(&plaintext, &mut out, random).expect("a plan is sound");
                out
            }
            Place::File => {
                let (mut out, mut sealing) =
                    sealer.begin_with_rng(random).expect("a plan is sound");
                let piece_len = sealing.chunk_len().plaintext_len();
                let mut pieces: Vec<_> = plaintext.chunks(piece_len).map(<[u8]>::to_vec).collect();
                if plaintext.len().is_multiple_of(piece_len) {
                    pieces.push(Vec::new());
                }
                for mut piece in pieces {
                    let tag = sealing.seal_chunk(&mut piece).expect("a plan is sound");
                    out.extend_from_slice(&piece);
                    out.extend_from_slice(&tag);
                }
                out
            }
        }
    }
}

/// A change of an envelope.
#[derive(Arbitrary, Debug)]
pub enum Change {
    Xor {
        at: u16,
        with: u8,
    },
    Cut {
        len: u16,
    },
    Append {
        bytes: Vec<u8>,
    },
    Remove {
        at: u16,
        len: u16,
    },
    Copy {
        from: u16,
        to: u16,
        len: u16,
    },
    /// As an adversary would who has no key: the check is not keyed.
    FixChecks,
}

impl Change {
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        let clamp = |at: u16| usize::from(at).min(bytes.len());
        match *self {
            Change::Xor { at, with } => {
                if let Some(byte) = bytes.get_mut(usize::from(at)) {
                    *byte ^= with;
                }
            }
            Change::Cut { len } => bytes.truncate(bytes.len() - clamp(len)),
            Change::Append { bytes: ref more } => bytes.extend_from_slice(more),
            Change::Remove { at, len } => {
                let from = clamp(at);
                let to = (from + usize::from(len)).min(bytes.len());
                bytes.drain(from..to);
            }
            Change::Copy { from, to, len } => {
                let (from, to) = (clamp(from), clamp(to));
                let len = usize::from(len).min(bytes.len() - from.max(to));
                bytes.copy_within(from..from + len, to);
            }
            Change::FixChecks => {
                fix_checks(bytes);
            }
        }
    }
}

/// Writes the right check (format.md 4.3) into every slot. `None` where there is no key block to be found.
pub fn fix_checks(envelope: &mut [u8]) -> Option<()> {
    const FIXED_LEN: usize = 29;
    let stored_len = u32::from_be_bytes(*envelope.get(FIXED_LEN - 4..)?.first_chunk()?) as usize;
    let core_len = FIXED_LEN.checked_add(stored_len).filter(|len| *len <= envelope.len())?;
    let (core, key_block) = envelope.split_at_mut(core_len);
    let core_hash = Sha256::digest(&*core);
    let (frame, slots) = key_block.split_first_chunk_mut::<5>()?;
    let slot_len = u32::from_be_bytes(*frame[1..].first_chunk()?) as usize;
    if slot_len < 16 {
        return None;
    }
    for slot in slots.chunks_exact_mut(slot_len).take(usize::from(frame[0].min(2))) {
        if slot.iter().all(|byte| *byte == 0) {
            continue;
        }
        let (before_check, check) = slot.split_at_mut(slot_len - 16);
        let hash = Sha256::new_with_prefix(b"sealwax/v1/check\0")
            .chain_update(core_hash)
            .chain_update(*frame)
            .chain_update(before_check)
            .finalize();
        check.copy_from_slice(&hash[..16]);
    }
    Some(())
}

/// SHA-256 of a label of ours and bytes, cut to 16 bytes: the check of an unprotected keyset (format.md 8.4).
pub fn unprotected_check(encoding: &[u8]) -> [u8; 16] {
    let hash =
        Sha256::new_with_prefix(b"sealwax/v1/unprotected\0").chain_update(encoding).finalize();
    *hash.first_chunk().expect("16 of 32 bytes")
}
