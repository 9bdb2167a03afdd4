// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing an envelope chunk by chunk, for one recipient.

use zeroize::Zeroize;

use super::opening::nonce;
use crate::derive::{Commitment, CoreHash, block_key, chunk_key_into, payload_key};
use crate::envelope::{ChunkLen, DEFAULT_MAX_HEADER_LEN, PAYLOAD_PREFIX_LEN, slot_check};
use crate::error::{Error, Result};
use crate::format::context::Encoded;
use crate::format::core::{Core, FIXED_LEN};
use crate::format::entry::FRAME_LEN;
use crate::format::key_block::{CHECK_LEN, Layout, MAC_LEN};
use crate::format::payload::{DEFAULT_MAX_CHUNKS, SALT_LEN};
use crate::format::writer::Writer;
use crate::id::{EnvelopeId, Kind, Suite};
use crate::primitives::{AeadKey, NONCE_LEN, Prk, TAG_LEN, hash};
use crate::rng::Random;
use crate::secret::memory::{
    CHUNKS_DEPTH, PUBLIC_KEY_DEPTH, SEALING_DEPTH, X_WING_SEALING_DEPTH, try_with_wiped_stack,
    with_wiped_stack,
};
use crate::secret::{Chunk, Data, Key};
use crate::wrap::{Binding, KeyWrap, Shape};

/// What an envelope will be.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'c> {
    /// The suite; the recipient's own where there is none.
    pub suite: Option<Suite>,
    /// The base-2 logarithm of the chunk length; the suite's default where there is none.
    pub log2chunk: Option<u8>,
    /// How many slots the key block has.
    pub place: Place,
    /// Context that travels readable.
    pub stored: Encoded<'c>,
    /// Context that does not travel.
    pub external: Encoded<'c>,
}

/// Where the envelope will live (format.md 4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory or in a message: one slot, no room.
    Memory,
    /// In a file: two slots with room, so that it can be rewrapped in place.
    File,
}

/// Seals the chunks of one envelope in order, in the caller's buffers.
pub struct Sealing {
    key: Key<Chunk>,
    base_nonce: [u8; NONCE_LEN],
    suite: Suite,
    chunk_len: ChunkLen,
    next: u64,
    finished: bool,
    /// The process that began: parent and child would seal different chunks under the same nonces.
    #[cfg(feature = "std")]
    process: u64,
}

/// What is known before the first random byte is drawn.
struct Measured {
    suite: Suite,
    chunk_len: ChunkLen,
    shape: Shape,
    layout: Layout,
    core_len: usize,
}

impl Sealing {
    /// A place for a sealing, to be filled in place by [`Sealing::begin`]: a move would leave a
    /// copy of the key. Until then it seals nothing.
    pub fn closed() -> Self {
        Sealing {
            key: Key::zeroed(),
            base_nonce: [0; NONCE_LEN],
            suite: Suite::ChaCha20Poly1305,
            chunk_len: ChunkLen::KIB_4,
            next: 0,
            finished: true,
            #[cfg(feature = "std")]
            process: 0,
        }
    }

    /// Length of what [`Sealing::begin`] writes, in bytes.
    ///
    /// # Errors
    /// As [`Sealing::begin`].
    pub fn front_len(recipient: &dyn KeyWrap, plan: &Plan<'_>) -> Result<usize> {
        Ok(measure(recipient, plan)?.front_len())
    }

    /// Writes header, salt and commitment to `front`, which has exactly [`Sealing::front_len`]
    /// bytes.
    ///
    /// # Errors
    /// `Misuse` for a plan that does not fit together, `KeyState`, `Limit`, `Random`; `front` is
    /// then wiped, and the sealing is not used.
    pub fn begin(
        &mut self,
        recipient: &dyn KeyWrap,
        plan: &Plan<'_>,
        random: &mut dyn Random,
        front: &mut [u8],
    ) -> Result<()> {
        let begun = try_with_wiped_stack::<SEALING_DEPTH, _>(|| {
            self.write_front(recipient, plan, random, front)
        });
        wiped_on_error(begun, front)
    }

    /// [`Sealing::begin`] for a recipient whose work goes deeper: a public key.
    pub fn begin_for_public_key(
        &mut self,
        recipient: &dyn KeyWrap,
        plan: &Plan<'_>,
        random: &mut dyn Random,
        front: &mut [u8],
    ) -> Result<()> {
        let begun = try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(|| {
            self.write_front(recipient, plan, random, front)
        });
        wiped_on_error(begun, front)
    }

    /// [`Sealing::begin`] for the recipient whose work goes deepest: an X-Wing public key.
    pub fn begin_for_x_wing(
        &mut self,
        recipient: &dyn KeyWrap,
        plan: &Plan<'_>,
        random: &mut dyn Random,
        front: &mut [u8],
    ) -> Result<()> {
        let begun = try_with_wiped_stack::<X_WING_SEALING_DEPTH, _>(|| {
            self.write_front(recipient, plan, random, front)
        });
        wiped_on_error(begun, front)
    }

    /// Seals the next piece in place and returns its tag: a full piece, or a shorter one, which is
    /// then the last.
    ///
    /// # Errors
    /// `Misuse` where the piece is longer than a chunk, the last was sealed before, or in a process
    /// that was forked since it began; `Limit` at 2^32 chunks.
    pub fn seal_chunk(&mut self, piece: &mut [u8]) -> Result<[u8; TAG_LEN]> {
        if self.finished {
            return Err(Error::misuse("the last chunk was sealed before"));
        }
        self.check_process()?;
        if piece.len() > self.chunk_len.plaintext_len() {
            return Err(Error::misuse("a piece is longer than a chunk"));
        }
        let nonce = nonce(&self.base_nonce, self.next, DEFAULT_MAX_CHUNKS)?;
        // Counted before it is used: no nonce is used twice, whatever comes next.
        self.next += 1;
        self.finished = piece.len() < self.chunk_len.plaintext_len();
        Ok(with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
            AeadKey::new(self.suite, self.key.expose_bytes()).seal_in_place(&nonce, &[], piece)
        }))
    }

    /// Whether there is a number for one more chunk.
    ///
    /// # Errors
    /// `Limit` at 2^32 chunks.
    pub fn check_room(&self) -> Result<()> {
        match self.next < DEFAULT_MAX_CHUNKS {
            true => Ok(()),
            false => Err(Error::limit("a payload has too many chunks")),
        }
    }

    /// Whether this is the process that began.
    ///
    /// # Errors
    /// `Misuse` in one that was forked since.
    pub fn check_process(&self) -> Result<()> {
        #[cfg(feature = "std")]
        if self.process != crate::secret::memory::fork_generation() {
            return Err(Error::misuse(
                "a forked process cannot go on sealing what its parent began",
            ));
        }
        Ok(())
    }

    /// Whether the last chunk was sealed. Without it the envelope is truncated.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Length of the chunks.
    pub fn chunk_len(&self) -> ChunkLen {
        self.chunk_len
    }

    /// Writes core, key block, salt and commitment (format.md 4).
    fn write_front(
        &mut self,
        recipient: &dyn KeyWrap,
        plan: &Plan<'_>,
        random: &mut dyn Random,
        front: &mut [u8],
    ) -> Result<()> {
        let measured = measure(recipient, plan)?;
        let Measured { suite, chunk_len, shape, layout, core_len } = measured;
        if front.len() != measured.front_len() {
            return Err(Error::misuse("the output is not as long as the front"));
        }
        front.fill(0);
        let (header, prefix) = front.split_at_mut(core_len + layout.len());
        let (core_bytes, key_block) = header.split_at_mut(core_len);
        let prefix: &mut [u8; PAYLOAD_PREFIX_LEN] =
            prefix.try_into().expect("the front ends with salt and commitment");

        let mut data_key = Key::<Data>::zeroed();
        random.fill(data_key.expose_bytes_mut())?;
        let mut envelope_id = [0; 16];
        random.fill(&mut envelope_id)?;
        let mut salt = [0; SALT_LEN];
        random.fill(&mut salt)?;

        let envelope_id = EnvelopeId(envelope_id);
        let core = Core { suite, kind: Kind::Data, chunk_len, envelope_id, stored: plan.stored };
        let mut writer = Writer::new(core_bytes);
        core.encode(&mut writer);
        writer.finish();
        let core_hash = CoreHash(hash(&[core_bytes]));
        let binding = Binding { core_hash, suite };

        let mut writer = Writer::new(key_block);
        writer.put(&layout.frame());
        let slot = writer.reserve(layout.slot_len);
        let mut writer = Writer::new(slot);
        let body_len = u16::try_from(shape.body_len).expect("an entry of one key is short");
        // Epoch 1, one entry.
        writer.put(&1u32.to_be_bytes()).put(&[1]);
        writer.put(&[shape.kind.number()]).put(&body_len.to_be_bytes());
        recipient.wrap_key(&binding, &data_key, random, writer.reserve(shape.body_len))?;

        let data_key = Prk::new(&data_key);
        let (before_check, check) = slot.split_at_mut(slot.len() - CHECK_LEN);
        let (before_mac, mac) = before_check.split_at_mut(before_check.len() - MAC_LEN);
        let block_key = Prk::new(&block_key(&data_key, suite));
        mac.copy_from_slice(&block_key.mac(&[&core_hash.0, &layout.frame(), before_mac]));
        check.copy_from_slice(&slot_check(&core_hash, layout, before_check));

        let (salt_out, commitment) = prefix.split_at_mut(SALT_LEN);
        salt_out.copy_from_slice(&salt);
        let commitment = Commitment::Write(commitment.try_into().expect("56 - 24 bytes"));
        let context: &[&[u8]] = &[&core_hash.0, plan.external.as_bytes()];
        let payload_key = payload_key(&data_key, suite);
        let Sealing {
            key,
            base_nonce,
            suite: own,
            chunk_len: own_len,
            next,
            finished,
            #[cfg(feature = "std")]
            process,
        } = self;
        *base_nonce =
            chunk_key_into(&payload_key, suite, chunk_len, &salt, context, commitment, key)?;
        (*own, *own_len, *next, *finished) = (suite, chunk_len, 0, false);
        #[cfg(feature = "std")]
        {
            *process = crate::secret::memory::fork_generation();
        }
        Ok(())
    }
}

impl Measured {
    fn front_len(&self) -> usize {
        self.core_len + self.layout.len() + PAYLOAD_PREFIX_LEN
    }
}

fn measure(recipient: &dyn KeyWrap, plan: &Plan<'_>) -> Result<Measured> {
    let shape = recipient.shape()?;
    let suite = plan.suite.unwrap_or(shape.suite);
    let log2chunk = plan.log2chunk.unwrap_or(ChunkLen::default_of(suite).log2());
    let Ok(chunk_len) = ChunkLen::new(suite, log2chunk) else {
        return Err(Error::misuse("this suite has no such chunk length"));
    };
    plan.stored.check_sealable()?;
    plan.external.check_sealable()?;
    if plan.external.entries().any(|entry| plan.stored.value(entry.name).is_some()) {
        return Err(Error::misuse("a context name is both stored and external"));
    }
    let entry_len = FRAME_LEN + shape.body_len;
    let layout = match plan.place {
        Place::Memory => Layout::memory(entry_len),
        Place::File => Layout::file(entry_len, entry_len),
    };
    let core_len = FIXED_LEN + plan.stored.as_bytes().len();
    if core_len + layout.len() > DEFAULT_MAX_HEADER_LEN {
        return Err(Error::limit("the header would be longer than the limit"));
    }
    Ok(Measured { suite, chunk_len, shape, layout, core_len })
}

fn wiped_on_error<T>(result: Result<T>, front: &mut [u8]) -> Result<T> {
    if result.is_err() {
        front.zeroize();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealing_that_was_not_begun_seals_nothing() {
        assert!(matches!(Sealing::closed().seal_chunk(&mut [7; 16]), Err(Error::Misuse(_))));
    }

    #[test]
    fn past_the_last_number_there_is_no_room_and_the_piece_stays_as_it_was() {
        let mut sealing = Sealing::closed();
        (sealing.finished, sealing.next) = (false, DEFAULT_MAX_CHUNKS - 1);
        #[cfg(feature = "std")]
        {
            sealing.process = crate::secret::memory::fork_generation();
        }
        assert!(sealing.check_room().is_ok());
        sealing.seal_chunk(&mut [7; 4096]).expect("the last number");
        let mut piece = [7; 16];
        assert!(matches!(sealing.check_room(), Err(Error::Limit(_))));
        assert!(matches!(sealing.seal_chunk(&mut piece), Err(Error::Limit(_))));
        assert_eq!(piece, [7; 16]);
    }
}
