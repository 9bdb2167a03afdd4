// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing envelopes.

use alloc::vec::Vec;

use crate::chunked::{Engine, Sealing};
use crate::derive::{CoreHash, payload_key};
use crate::envelope::{
    ChunkLen, DEFAULT_MAX_HEADER_LEN, HARD_MAX_HEADER_LEN, finish_slot, is_shallow,
};
use crate::error::{Error, Result};
use crate::format::context::Context;
use crate::format::core::Core;
use crate::format::entry::FRAME_LEN;
use crate::format::key_block::{Layout, MAX_ENTRIES};
use crate::format::payload::{DEFAULT_MAX_CHUNKS, PREFIX_LEN, payload_len};
use crate::format::writer::Writer;
use crate::id::{EnvelopeId, KeysetId, Kind, Suite, Wanted};
#[cfg(feature = "std")]
use crate::primitives::TAG_LEN;
use crate::primitives::{Prk, hash};
use crate::rng::Random;
use crate::secret::memory::{CHUNKS_DEPTH, HEADER_DEPTH, PUBLIC_KEY_DEPTH, try_with_wiped_stack};
use crate::secret::{Data, Key};
use crate::wrap::{Binding, Class, KeyWrap, Shape};

/// Seals envelopes for recipients: keysets, public keys, passphrases, raw keys.
///
/// One sealer may seal many envelopes; each gets a fresh data key.
///
/// ```
/// # fn main() -> sealwax::Result<()> {
/// use sealwax::{Keyset, Opener, Sealer, Suite};
/// let keyset = Keyset::generate("default", Suite::Cobblestone256)?;
/// let envelope = Sealer::new().recipient(&keyset).seal(b"attack at dawn")?;
/// let opened = Opener::new().key(&keyset).open(&envelope)?;
/// assert_eq!(opened.plaintext.as_slice(), b"attack at dawn");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Sealer<'a> {
    recipients: Vec<&'a dyn KeyWrap>,
    suite: Option<Suite>,
    chunk_len: Option<ChunkLen>,
    stored: Context,
    external: Context,
    mixing: Mixing,
    max_header_len: usize,
    kind: Kind,
    sealing_keyset: Option<KeysetId>,
}

/// Whether recipients of different strength may stand side by side (format.md 5.8).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mixing {
    Refused,
    Allowed,
}

/// Where an envelope will live: in memory with one slot, or in a file with two (format.md 4.8).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Memory,
    File,
}

/// A sealed header with its payload's keys: the chunks are still to come.
pub(crate) struct Started {
    /// Header, and the payload's salt and commitment.
    pub(crate) front: Vec<u8>,
    pub(crate) engine: Engine,
}

/// What is known before the first random byte is drawn.
struct Plan {
    suite: Suite,
    chunk_len: ChunkLen,
    shapes: Vec<Shape>,
    layout: Layout,
    header_len: usize,
}

impl<'a> Sealer<'a> {
    /// A sealer without recipients.
    pub fn new() -> Self {
        Sealer {
            recipients: Vec::new(),
            suite: None,
            chunk_len: None,
            stored: Context::new(),
            external: Context::new(),
            mixing: Mixing::Refused,
            max_header_len: DEFAULT_MAX_HEADER_LEN,
            kind: Kind::Data,
            sealing_keyset: None,
        }
    }

    /// Adds a recipient; at most 64.
    pub fn recipient(mut self, recipient: &'a dyn KeyWrap) -> Self {
        self.recipients.push(recipient);
        self
    }

    /// Chooses the suite. By default the first recipient's: a keyset's own, else `cobblestone-256`.
    pub fn suite(mut self, suite: Suite) -> Self {
        self.suite = Some(suite);
        self
    }

    /// Chooses the chunk length. By default the suite's.
    pub fn chunk_len(mut self, chunk_len: ChunkLen) -> Self {
        self.chunk_len = Some(chunk_len);
        self
    }

    /// Context that travels readable in the envelope, authenticated.
    pub fn stored_context(mut self, context: Context) -> Self {
        self.stored = context;
        self
    }

    /// Context that does not travel: whoever opens gives it again.
    pub fn external_context(mut self, context: Context) -> Self {
        self.external = context;
        self
    }

    /// Allows X25519 beside stronger recipients, and a passphrase beside others. The envelope is as strong
    /// as its weakest recipient (format.md 5.8).
    pub fn danger_mix_recipients(mut self) -> Self {
        self.mixing = Mixing::Allowed;
        self
    }

    /// Raises the limit on the header's length; readers must raise theirs too. At most 1 MiB.
    pub fn max_header_len(mut self, max_header_len: usize) -> Self {
        self.max_header_len = max_header_len.min(HARD_MAX_HEADER_LEN);
        self
    }

    /// Makes a keyset file's envelope of it (format.md 8.3).
    #[cfg(feature = "std")]
    pub(crate) fn keyset_file(mut self, keyset: KeysetId) -> Self {
        self.kind = Kind::Keyset;
        self.sealing_keyset = Some(keyset);
        self
    }

    /// Length of the envelope of a plaintext of `plaintext_len` bytes, as [`Sealer::seal`] makes it.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        self.total_len(&self.plan(Place::Memory)?, plaintext_len)
    }

    /// Seals an envelope in memory.
    ///
    /// # Errors
    /// `Misuse` for recipients that do not fit together or none at all, `KeyState`, `Limit`, `Random`.
    #[cfg(feature = "std")]
    pub fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>> {
        let mut out = alloc::vec![0; self.sealed_len(plaintext.len())?];
        self.seal_into(plaintext, &mut out)?;
        Ok(out)
    }

    /// Seals an envelope into `out` and returns its length; [`Sealer::sealed_len`] says how much room it takes.
    ///
    /// # Errors
    /// As [`Sealer::seal`]; `Misuse` where `out` is too short.
    #[cfg(feature = "std")]
    pub fn seal_into(&self, plaintext: &[u8], out: &mut [u8]) -> Result<usize> {
        self.seal_into_with_rng(plaintext, out, &mut crate::rng::OsRandom)
    }

    /// [`Sealer::seal_into`] with a random source of the caller's.
    ///
    /// # Errors
    /// As [`Sealer::seal_into`].
    pub fn seal_into_with_rng(
        &self,
        plaintext: &[u8],
        out: &mut [u8],
        random: &mut dyn Random,
    ) -> Result<usize> {
        let plan = self.plan(Place::Memory)?;
        let len = self.total_len(&plan, plaintext.len())?;
        let short = Error::Misuse("the output is shorter than the envelope");
        let out = out.get_mut(..len).ok_or(short)?;
        let (front, chunks) = out.split_at_mut(plan.header_len + PREFIX_LEN);
        let wiped = self.wiped_depth();
        let engine = match wiped(&mut || self.write_front(&plan, front, random)) {
            Ok(engine) => engine,
            Err(error) => {
                // Nothing secret: half a header is of no use to anybody.
                front.fill(0);
                return Err(error);
            }
        };
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
            let piece_len = engine.chunk_len().plaintext_len();
            let sealed_len = engine.chunk_len().sealed_len();
            // There is one more chunk than full pieces: the last one is always shorter (format.md 5A.3).
            let pieces = plaintext
                .chunks(piece_len)
                .chain((plaintext.len().is_multiple_of(piece_len)).then_some(&[] as &[u8]));
            for ((index, chunk), piece) in (0u64..).zip(chunks.chunks_mut(sealed_len)).zip(pieces) {
                engine.seal_chunk_into(index, piece, chunk)?;
            }
            Ok(len)
        })
    }

    /// Seals the buffer's contents in place: afterwards it holds the envelope.
    ///
    /// The caller's duty: reserve [`Sealer::sealed_len`] beforehand, or growing may leave a copy of the plaintext behind.
    ///
    /// # Errors
    /// As [`Sealer::seal`]; the buffer is then as it was.
    #[cfg(feature = "std")]
    pub fn seal_in_place(&self, buffer: &mut Vec<u8>) -> Result<()> {
        let plan = self.plan(Place::Memory)?;
        let plaintext_len = buffer.len();
        let len = self.total_len(&plan, plaintext_len)?;
        let mut front = alloc::vec![0; plan.header_len + PREFIX_LEN];
        let random = &mut crate::rng::OsRandom;
        let wiped = self.wiped_depth();
        let engine = wiped(&mut || self.write_front(&plan, &mut front, random))?;
        let (piece_len, sealed_len) = (plan.chunk_len.plaintext_len(), plan.chunk_len.sealed_len());
        buffer.resize(len, 0);
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| -> Result<()> {
            // From the last piece to the first, so that no piece is overwritten before it moved.
            for index in (0..=plaintext_len / piece_len).rev() {
                let from = index * piece_len;
                let piece = from..plaintext_len.min(from + piece_len);
                let to = front.len() + index * sealed_len;
                let piece_end = to + piece.len();
                buffer.copy_within(piece, to);
                let tag = engine.seal_chunk(index as u64, &mut buffer[to..piece_end])?;
                buffer[piece_end..piece_end + TAG_LEN].copy_from_slice(&tag);
            }
            Ok(())
        })?;
        buffer[..front.len()].copy_from_slice(&front);
        Ok(())
    }

    /// Starts an envelope of two slots whose chunks the caller seals: the bytes that come first, and what seals the chunks.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn begin_with_rng(&self, random: &mut dyn Random) -> Result<(Vec<u8>, Sealing)> {
        let Started { front, engine } = self.start(Place::File, random)?;
        Ok((front, Sealing::new(engine)))
    }

    /// Starts an envelope whose chunks will follow.
    pub(crate) fn start(&self, place: Place, random: &mut dyn Random) -> Result<Started> {
        let plan = self.plan(place)?;
        let mut front = alloc::vec![0; plan.header_len + PREFIX_LEN];
        let wiped = self.wiped_depth();
        let engine = wiped(&mut || self.write_front(&plan, &mut front, random))?;
        Ok(Started { front, engine })
    }

    /// Checks the recipients against each other and computes all lengths.
    fn plan(&self, place: Place) -> Result<Plan> {
        if self.recipients.is_empty() {
            return Err(Error::Misuse("an envelope needs at least one recipient"));
        }
        if self.recipients.len() > MAX_ENTRIES {
            return Err(Error::Misuse("an envelope has at most 64 recipients"));
        }
        let shapes: Vec<Shape> =
            self.recipients.iter().map(|r| r.shape()).collect::<Result<_>>()?;
        self.check_recipients(&shapes)?;
        self.check_context()?;
        let suite = self.suite.unwrap_or(shapes[0].suite);
        let chunk_len = self.chunk_len.unwrap_or(ChunkLen::default_of(suite));
        if ChunkLen::new(suite, chunk_len.log2()).is_err() {
            return Err(Error::Misuse("this suite has no such chunk length"));
        }
        let entry_lens = || shapes.iter().map(|shape| FRAME_LEN + shape.body_len);
        let entries_len: usize = entry_lens().sum();
        let layout = match place {
            Place::Memory => Layout::memory(entries_len),
            Place::File => Layout::file(entries_len, entry_lens().max().unwrap_or(0)),
        };
        let core_len = crate::format::core::FIXED_LEN + self.stored.as_encoded().as_bytes().len();
        let header_len = core_len + layout.len();
        if header_len > self.max_header_len {
            return Err(Error::Limit("the header would be longer than the limit; raise it"));
        }
        Ok(Plan { suite, chunk_len, shapes, layout, header_len })
    }

    fn check_recipients(&self, shapes: &[Shape]) -> Result<()> {
        check_classes(shapes.iter().map(|shape| shape.class), self.mixing)?;
        if shapes.iter().filter(|shape| shape.hidden).count() > MAX_HIDDEN {
            return Err(TOO_MANY_HIDDEN);
        }
        let itself = |shape: &Shape| matches!(shape.wanted, Wanted::Keyset(id, _) if Some(id) == self.sealing_keyset);
        if shapes.iter().any(itself) {
            return Err(Error::Misuse("a keyset cannot be sealed under itself"));
        }
        Ok(())
    }

    fn check_context(&self) -> Result<()> {
        if self.kind == Kind::Data {
            self.stored.as_encoded().check_sealable()?;
            self.external.as_encoded().check_sealable()?;
        }
        let stored = self.stored.as_encoded();
        if self.external.as_encoded().entries().any(|entry| stored.value(entry.name).is_some()) {
            return Err(Error::Misuse("a context name is both stored and external"));
        }
        Ok(())
    }

    fn total_len(&self, plan: &Plan, plaintext_len: usize) -> Result<usize> {
        let too_long = Error::Limit("an envelope has at most 2^32 chunks");
        if plaintext_len as u64 / plan.chunk_len.plaintext_len() as u64 >= DEFAULT_MAX_CHUNKS {
            return Err(too_long);
        }
        payload_len(plaintext_len as u64, plan.chunk_len)
            .and_then(|len| usize::try_from(len).ok())
            .and_then(|len| len.checked_add(plan.header_len))
            .ok_or(too_long)
    }

    /// Public-key work uses far more stack than the rest.
    fn wiped_depth(&self) -> fn(&mut dyn FnMut() -> Result<Engine>) -> Result<Engine> {
        let mut shapes = self.recipients.iter().flat_map(|recipient| recipient.shape());
        match shapes.all(|shape| is_shallow(shape.kind)) {
            true => |work| try_with_wiped_stack::<HEADER_DEPTH, _>(work),
            false => |work| try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(work),
        }
    }

    /// Writes core, key block, salt and commitment (format.md 4).
    fn write_front(
        &self,
        plan: &Plan,
        front: &mut [u8],
        random: &mut dyn Random,
    ) -> Result<Engine> {
        let random = &mut Drawn::new(random)?;
        let mut drawn = zeroize::Zeroizing::new([0u8; 72]);
        random.fill(drawn.as_mut_slice())?;
        let (data_key_bytes, rest) = drawn.split_first_chunk::<32>().expect("32 of 72 bytes");
        let (envelope_id, salt) = rest.split_first_chunk::<16>().expect("16 of 40 bytes");
        let salt: &[u8; 24] = salt.try_into().expect("72 - 48 bytes");
        let mut data_key = Key::<Data>::zeroed();
        *data_key.expose_bytes_mut() = *data_key_bytes;

        let stored = self.stored.as_encoded();
        let (kind, envelope_id) = (self.kind, EnvelopeId(*envelope_id));
        let Plan { suite, chunk_len, .. } = *plan;
        let core = Core { suite, kind, chunk_len, envelope_id, stored };
        let (header, prefix) = front.split_at_mut(plan.header_len);
        let (core_bytes, key_block) = header.split_at_mut(core.len());
        let mut writer = Writer::new(core_bytes);
        core.encode(&mut writer);
        writer.finish();
        let core_hash = CoreHash(hash(&[core_bytes]));
        let binding = Binding { core_hash, suite };

        let mut writer = Writer::new(key_block);
        writer.put(&plan.layout.frame());
        let slot = writer.reserve(plan.layout.slot_len);
        self.write_slot(plan, &binding, &data_key, random, slot)?;

        let data_key = Prk::new(&data_key);
        finish_slot(&data_key, &binding, plan.layout, slot);

        let payload_key = payload_key(&data_key, suite);
        let prefix = prefix.try_into().expect("the front ends with salt and commitment");
        let context: &[&[u8]] = &[&core_hash.0, self.external.as_encoded().as_bytes()];
        Engine::seal(&payload_key, suite, chunk_len, salt, context, prefix)
    }

    /// Writes epoch 1, count and entries; the padding is zero already.
    fn write_slot(
        &self,
        plan: &Plan,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        slot: &mut [u8],
    ) -> Result<()> {
        let mut writer = Writer::new(slot);
        let count = u8::try_from(self.recipients.len()).expect("checked: at most 64 recipients");
        writer.put(&1u32.to_be_bytes()).put(&[count]);
        for (recipient, shape) in self.recipients.iter().zip(&plan.shapes) {
            let len = u16::try_from(shape.body_len)
                .map_err(|_| Error::Misuse("a recipient's entry is longer than 65,535 bytes"))?;
            writer.put(&[shape.kind.number()]).put(&len.to_be_bytes());
            recipient.wrap_key(binding, data_key, random, writer.reserve(shape.body_len))?;
        }
        Ok(())
    }
}

/// Refuses recipients that do not fit together (format.md 5.3, 5.8).
pub(super) fn check_classes(
    classes: impl Iterator<Item = Class> + Clone,
    mixing: Mixing,
) -> Result<()> {
    let count = |wanted| classes.clone().filter(|class| *class == wanted).count();
    let (all, passphrases) = (classes.clone().count(), count(Class::Passphrase));
    if mixing == Mixing::Refused {
        if count(Class::Classical) > 0 && count(Class::Classical) < all {
            return Err(Error::Misuse(
                "an X25519 or provider recipient beside post-quantum ones weakens the envelope",
            ));
        }
        if passphrases > 0 && all > 1 {
            return Err(Error::Misuse("a passphrase stands alone: it would be the weakest way in"));
        }
    }
    if passphrases > 1 {
        return Err(Error::Misuse("an envelope has at most one passphrase"));
    }
    Ok(())
}

/// What the header of an envelope for one keyset takes, drawn in one call to the system instead of two.
/// Whoever takes more gets it from the source.
struct Drawn<'r> {
    bytes: zeroize::Zeroizing<[u8; 96]>,
    used: usize,
    source: &'r mut dyn Random,
}

impl<'r> Drawn<'r> {
    fn new(source: &'r mut dyn Random) -> Result<Self> {
        let mut bytes = zeroize::Zeroizing::new([0; 96]);
        source.fill(bytes.as_mut_slice())?;
        Ok(Drawn { bytes, used: 0, source })
    }
}

impl Random for Drawn<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        match self.bytes[self.used..].get(..out.len()) {
            Some(drawn) => {
                out.copy_from_slice(drawn);
                self.used += out.len();
                Ok(())
            }
            None => self.source.fill(out),
        }
    }
}

impl Default for Sealer<'_> {
    fn default() -> Self {
        Sealer::new()
    }
}

/// Hidden recipients of an envelope at most: each costs every reader a trial (format.md 4.8).
pub(super) const MAX_HIDDEN: usize = 8;
pub(super) const TOO_MANY_HIDDEN: Error =
    Error::Misuse("an envelope has at most 8 hidden recipients");
