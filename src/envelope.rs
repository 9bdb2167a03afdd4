// SPDX-License-Identifier: MIT OR Apache-2.0
//! Envelopes: files, streams and messages under a data key that is wrapped for recipients (format.md 4).

#[cfg(feature = "alloc")]
mod open;
#[cfg(feature = "alloc")]
pub(crate) mod rewrap;
#[cfg(feature = "alloc")]
mod seal;

#[cfg(feature = "alloc")]
pub use open::{Opened, Opener};
#[cfg(feature = "std")]
pub(crate) use open::{Ready, Sealed};
#[cfg(feature = "alloc")]
pub use rewrap::{Change, Removal, Rewrapped, Rewrapper};
#[cfg(feature = "alloc")]
pub use seal::Sealer;
#[cfg(feature = "std")]
pub(crate) use seal::{Place, Started};

pub use crate::format::core::ChunkLen;
pub use crate::format::entry::Entry;
pub use crate::format::payload::PREFIX_LEN as PAYLOAD_PREFIX_LEN;

use crate::chunked::{Engine, Opening};
use crate::derive::{Commitment, CoreHash, block_key, chunk_key_into, payload_key};
use crate::error::{Error, Result};
use crate::format::context::{Encoded, External, MAX_PIECES};
use crate::format::core::{Core, FIXED_LEN};
use crate::format::key_block::{FRAME, Layout, Slot};
use crate::format::payload::PREFIX_LEN;
use crate::format::reader::{End, Reader};
use crate::id::{EnvelopeId, Kind, RecipientKind, Suite, Wanted};
use crate::primitives::{NONCE_LEN, Prk, ct_eq, hash};
use crate::secret::memory::{HEADER_DEPTH, PUBLIC_KEY_DEPTH, try_with_wiped_stack};
use crate::secret::{Chunk, Data, Key, Payload};
use crate::wrap::{Binding, KeyWrap, OpenedVia, Trials, Unwrap};

/// Longest header that is read unless the caller raises the limit, in bytes.
pub const DEFAULT_MAX_HEADER_LEN: usize = 65_536;
/// Longest header that is read at all, in bytes.
pub const HARD_MAX_HEADER_LEN: usize = 1_048_576;

/// A parsed header: core and the chosen slot of the key block. Needs no key and no heap.
///
/// Nothing it says is authenticated until [`Header::open`] succeeded.
pub struct Header<'a> {
    core: Core<'a>,
    core_hash: CoreHash,
    pub(crate) layout: Layout,
    slot_index: u8,
    pub(crate) slot: Slot<'a>,
    /// Whether the slot that was not chosen holds anything.
    leftover: bool,
    len: usize,
}

/// How much of a header there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// At least this many bytes from the start are needed to know more.
    AtLeast(usize),
    /// The header is this many bytes long.
    Whole(usize),
}

/// What opening wants to be true.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Context entries: those stored must be equal, the others are external (format.md 2.5).
    pub context: Encoded<'a>,
    /// Refuse a key block with a lower epoch.
    pub min_epoch: u32,
    /// Only these kinds of recipients are at hand; all where empty.
    pub kinds: &'a [RecipientKind],
    /// What the envelope carries.
    pub kind: Kind,
}

impl Default for Requirements<'_> {
    fn default() -> Self {
        Requirements { context: Encoded::EMPTY, min_epoch: 0, kinds: &[], kind: Kind::Data }
    }
}

/// The key of a payload, after the header was authenticated.
pub struct PayloadKey<'a> {
    // With a heap, what moves is the pointer, so that no copy of the key stays behind.
    #[cfg(feature = "alloc")]
    key: alloc::boxed::Box<Key<Payload>>,
    #[cfg(not(feature = "alloc"))]
    key: Key<Payload>,
    suite: Suite,
    chunk_len: ChunkLen,
    core_hash: CoreHash,
    external: External<'a>,
    opened_via: OpenedVia,
}

impl<'a> Header<'a> {
    /// How many bytes the header at the start of `bytes` has; `max_len` bounds it.
    ///
    /// # Errors
    /// `Format` where this is no header, `Limit` above `max_len` or 1 MiB.
    pub fn need(bytes: &[u8], max_len: usize) -> Result<Need> {
        let max_len = max_len.min(HARD_MAX_HEADER_LEN);
        let mut reader = Reader::new(bytes, End::Input);
        let core_len = match Core::parse(&mut reader) {
            Ok(core) => core.len(),
            Err(Error::Truncated) if bytes.len() < FIXED_LEN => {
                return Ok(Need::AtLeast(FIXED_LEN));
            }
            Err(Error::Truncated) => {
                let stored_len: &[u8; 4] =
                    bytes[FIXED_LEN - 4..].first_chunk().expect("FIXED_LEN bytes are there");
                let len = FIXED_LEN + u32::from_be_bytes(*stored_len) as usize;
                return match len > max_len {
                    true => Err(Error::limit("the header is longer than the limit")),
                    false => Ok(Need::AtLeast(len)),
                };
            }
            Err(other) => return Err(other),
        };
        if core_len + FRAME > max_len {
            return Err(Error::limit("the header is longer than the limit"));
        }
        match Layout::parse(&mut reader, max_len - core_len) {
            Ok(layout) => Ok(Need::Whole(core_len + layout.len())),
            Err(Error::Truncated) => Ok(Need::AtLeast(core_len + FRAME)),
            Err(other) => Err(other),
        }
    }

    /// Parses the header at the start of `bytes`; what follows it is ignored.
    ///
    /// # Errors
    /// `Truncated`, `Format`, or `Limit` above `max_len`.
    pub fn parse(bytes: &'a [u8], max_len: usize) -> Result<Self> {
        let Need::Whole(len) = Self::need(bytes, max_len)? else { return Err(Error::Truncated) };
        let mut reader = Reader::new(bytes, End::Input);
        let core = Core::parse(&mut reader)?;
        let core_hash = CoreHash(hash(&[&bytes[..core.len()]]));
        let layout = Layout::parse(&mut reader, len)?;
        let slots = reader.take(usize::from(layout.slots) * layout.slot_len)?;
        let Choice { slot_index, slot, leftover } = choose_slot(&core_hash, layout, slots)?;
        slot.check_contents()?;
        Ok(Header { core, core_hash, layout, slot_index, slot, leftover, len })
    }

    /// Length of the header, in bytes: where the payload begins.
    // It is never empty.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.core.suite
    }

    /// What the envelope carries.
    pub fn kind(&self) -> Kind {
        self.core.kind
    }

    /// Length of the payload's chunks.
    pub fn chunk_len(&self) -> ChunkLen {
        self.core.chunk_len
    }

    /// The envelope's id.
    pub fn envelope_id(&self) -> EnvelopeId {
        self.core.envelope_id
    }

    /// The stored context. Not authenticated before [`Header::open`] succeeded.
    pub fn stored_context(&self) -> Encoded<'a> {
        self.core.stored
    }

    /// The epoch of the key block. Not authenticated before [`Header::open`] succeeded.
    pub fn epoch(&self) -> u32 {
        self.slot.epoch
    }

    /// Where the key block begins: the length of the core, in bytes.
    pub(crate) fn key_block_at(&self) -> u64 {
        self.core.len() as u64
    }

    /// How many slots the key block has, how long each is in bytes, and which of them was chosen.
    pub fn slots(&self) -> (u8, usize, u8) {
        (self.layout.slots, self.layout.slot_len, self.slot_index)
    }

    /// Whether the other slot is not empty: a rewrap in place was interrupted, and the next one, or
    /// `Rewrapper::recover_path`, clears it.
    pub fn has_leftover(&self) -> bool {
        self.leftover
    }

    /// The recipient entries. Not authenticated before [`Header::open`] succeeded.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        self.slot.entries()
    }

    /// Unwraps the data key, verifies the key block's mac, and derives the payload's key.
    ///
    /// # Errors
    /// The kinds of format.md 4.7a; `Decrypt` where the context differs or the epoch is too low.
    pub fn open<'c>(
        &self,
        keys: &[&dyn KeyWrap],
        requirements: &Requirements<'c>,
    ) -> Result<PayloadKey<'c>>
    where
        'a: 'c,
    {
        try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(|| self.open_unwiped(keys, requirements))
    }

    /// [`Header::open`] for whoever wipes the stack afterwards.
    pub(crate) fn open_unwiped<'c>(
        &self,
        keys: &[&dyn KeyWrap],
        requirements: &Requirements<'c>,
    ) -> Result<PayloadKey<'c>>
    where
        'a: 'c,
    {
        if self.core.kind != requirements.kind {
            return Err(match self.core.kind {
                Kind::Data => Error::format("4.1a", "this is sealed data, not a keyset"),
                Kind::Keyset => Error::format("4.1a", "this is a keyset file, not sealed data"),
            });
        }
        if self.slot.epoch < requirements.min_epoch {
            return Err(Error::Decrypt);
        }
        let mut data_key = Key::zeroed();
        let opened_via = self.unwrap_data_key(keys, requirements.kinds, &mut data_key)?;
        let key = self.payload_key(&data_key)?;
        let external = External::of(requirements.context, self.core.stored)?;
        #[cfg(feature = "alloc")]
        let key = alloc::boxed::Box::new(key);
        Ok(PayloadKey {
            key,
            suite: self.core.suite,
            chunk_len: self.core.chunk_len,
            core_hash: self.core_hash,
            external,
            opened_via,
        })
    }

    /// Unwraps the data key and verifies the mac; the same key, ready to derive from, comes out only after that.
    ///
    /// Nothing else is derived from the data key before its mac held (format.md 4.7).
    pub(crate) fn authenticate(
        &self,
        keys: &[&dyn KeyWrap],
        kinds: &[RecipientKind],
        data_key: &mut Key<Data>,
    ) -> Result<(OpenedVia, Prk<Data>)> {
        let opened_via = self.unwrap_data_key(keys, kinds, data_key)?;
        Ok((opened_via, self.verified(data_key)?))
    }

    /// The data key, ready to derive from, if the mac holds under it.
    fn verified(&self, data_key: &Key<Data>) -> Result<Prk<Data>> {
        let prk = Prk::new(data_key);
        let mac = slot_mac(&prk, &self.binding(), self.layout, self.slot.before_mac);
        match ct_eq(&mac, self.slot.mac) {
            true => Ok(prk),
            false => Err(Error::Decrypt),
        }
    }

    /// K_payload, if the mac holds. A call of its own: what it needs is not on the stack below the unwrapping.
    #[inline(never)]
    fn payload_key(&self, data_key: &Key<Data>) -> Result<Key<Payload>> {
        Ok(payload_key(&self.verified(data_key)?, self.core.suite))
    }

    /// Which of these keys have an entry: one that the key opens, or that names its public key. `None` where there is an
    /// entry for somebody else.
    ///
    /// # Errors
    /// `Limit` where too many trials would be needed.
    #[cfg(feature = "std")]
    pub(crate) fn keys_of_all_entries(&self, keys: &[&dyn KeyWrap]) -> Result<Option<Vec<bool>>> {
        try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(|| {
            let (binding, mut data_key) = (self.binding(), Key::zeroed());
            let mut has = vec![false; keys.len()];
            for entry in self.entries() {
                let (mut trials, mut is_known) = (Trials::new(), false);
                for (key, has) in keys.iter().zip(&mut has) {
                    let is_its = key.shape().is_ok_and(|shape| shape.is_named_by(&entry))
                        || matches!(
                            key.unwrap_key(&binding, &entry, &mut trials, &mut data_key)?,
                            Unwrap::Opened(_)
                        );
                    is_known |= is_its;
                    *has |= is_its;
                }
                if !is_known {
                    return Ok(None);
                }
            }
            Ok(Some(has))
        })
    }

    /// What its entries are bound to.
    fn binding(&self) -> Binding {
        Binding { core_hash: self.core_hash, suite: self.core.suite }
    }

    /// Tries the entries in order (format.md 4.7a).
    #[inline(never)]
    fn unwrap_data_key(
        &self,
        keys: &[&dyn KeyWrap],
        kinds: &[RecipientKind],
        data_key: &mut Key<Data>,
    ) -> Result<OpenedVia> {
        let binding = self.binding();
        let mut trials = Trials::new();
        let mut forbidden = None;
        for entry in self.slot.entries() {
            if !(kinds.is_empty() || kinds.contains(&entry.kind())) {
                continue;
            }
            for key in keys {
                match key.unwrap_key(&binding, &entry, &mut trials, data_key)? {
                    Unwrap::Opened(via) => return Ok(via),
                    Unwrap::Forbidden(error) => forbidden = forbidden.or(Some(error)),
                    Unwrap::Failed | Unwrap::NotAtHand => {}
                }
            }
        }
        let wanted = self.slot.entries().next().map_or(Wanted::None, |entry| entry.wanted());
        Err(match forbidden {
            _ if trials.any_spent() => Error::Decrypt,
            Some(error) => error,
            None => Error::unknown_key(wanted),
        })
    }
}

impl PayloadKey<'_> {
    /// Starts the payload whose first bytes are `prefix`: salt and commitment.
    pub(crate) fn engine(&self, prefix: &[u8; PREFIX_LEN]) -> Result<Engine> {
        let mut pieces: [&[u8]; MAX_PIECES] = [&[]; MAX_PIECES];
        let context = self.external.pieces(&self.core_hash.0, &mut pieces);
        Engine::open(&self.key, self.suite, self.chunk_len, context, prefix)
    }

    /// Starts to open the payload, whose first 56 bytes are `prefix`.
    ///
    /// # Errors
    /// `Decrypt` where the payload is not this envelope's, or the external context differs.
    pub fn opening(&self, prefix: &[u8; PREFIX_LEN]) -> Result<Opening> {
        try_with_wiped_stack::<HEADER_DEPTH, _>(|| self.opening_unwiped(prefix))
    }

    /// [`PayloadKey::opening`] for whoever wipes the stack afterwards.
    pub(crate) fn opening_unwiped(&self, prefix: &[u8; PREFIX_LEN]) -> Result<Opening> {
        self.engine(prefix).map(Opening::new)
    }

    /// [`PayloadKey::engine`] for whoever keeps the chunks' key as its 32 bytes. Returns the base nonce.
    ///
    /// A call of its own: the pieces take their stack after the header's work, and not under it.
    #[inline(never)]
    pub(crate) fn chunk_key_into(
        &self,
        prefix: &[u8; PREFIX_LEN],
        key: &mut Key<Chunk>,
    ) -> Result<[u8; NONCE_LEN]> {
        let (salt, commitment) = prefix.split_first_chunk().expect("56 bytes begin with a salt");
        let commitment = Commitment::Expect(commitment.try_into().expect("56 - 24 bytes"));
        let mut pieces: [&[u8]; MAX_PIECES] = [&[]; MAX_PIECES];
        let context = self.external.pieces(&self.core_hash.0, &mut pieces);
        chunk_key_into(&self.key, self.suite, self.chunk_len, salt, context, commitment, key)
    }

    /// Through which entry the envelope was opened.
    pub fn opened_via(&self) -> OpenedVia {
        self.opened_via
    }
}

/// HMAC(K_block, H(core) || slots || slot_len || epoch..padding): format.md 4.3.
fn slot_mac(
    data_key: &Prk<Data>,
    binding: &Binding,
    layout: Layout,
    before_mac: &[u8],
) -> [u8; 32] {
    let block_key = Prk::new(&block_key(data_key, binding.suite));
    block_key.mac(&[&binding.core_hash.0, &layout.frame(), before_mac])
}

/// Writes mac and check at the end of a slot whose other bytes are written.
#[cfg(feature = "alloc")]
fn finish_slot(data_key: &Prk<Data>, binding: &Binding, layout: Layout, slot: &mut [u8]) {
    use crate::format::key_block::{CHECK_LEN, MAC_LEN};
    let (before_check, check) = slot.split_at_mut(slot.len() - CHECK_LEN);
    let (before_mac, mac) = before_check.split_at_mut(before_check.len() - MAC_LEN);
    mac.copy_from_slice(&slot_mac(data_key, binding, layout, before_mac));
    check.copy_from_slice(&slot_check(&binding.core_hash, layout, before_check));
}

/// Whether entries of this kind are made and opened without public keys and passphrases, which go far deeper.
#[cfg(feature = "alloc")]
fn is_shallow(kind: RecipientKind) -> bool {
    matches!(kind, RecipientKind::Keyset | RecipientKind::RawKey)
}

/// check: format.md 4.3.
pub(crate) fn slot_check(core_hash: &CoreHash, layout: Layout, before_check: &[u8]) -> [u8; 16] {
    let hash = hash(&[b"sealwax/v1/check\0", &core_hash.0, &layout.frame(), before_check]);
    *hash.first_chunk().expect("16 of 32 bytes")
}

/// Which slot counts.
struct Choice<'a> {
    slot_index: u8,
    slot: Slot<'a>,
    leftover: bool,
}

/// The good slot with the highest epoch: format.md 4.5 and 4.6.
fn choose_slot<'a>(core_hash: &CoreHash, layout: Layout, slots: &'a [u8]) -> Result<Choice<'a>> {
    let mut chosen: Option<(u8, Slot<'_>)> = None;
    let mut filled = 0;
    for (index, slot) in (0u8..).zip(slots.chunks_exact(layout.slot_len)) {
        let Some(slot) = Slot::cut(slot)? else { continue };
        filled += 1;
        if slot.epoch == 0 || slot_check(core_hash, layout, slot.before_check) != *slot.check {
            continue;
        }
        match chosen {
            Some((_, other)) if other.epoch == slot.epoch => {
                return Err(Error::format("4.6", "two slots have the same epoch"));
            }
            Some((_, other)) if other.epoch > slot.epoch => {}
            _ => chosen = Some((index, slot)),
        }
    }
    let damaged = Error::format("4.6", "the key block is damaged: no slot's check holds");
    let (slot_index, slot) = chosen.ok_or(damaged)?;
    Ok(Choice { slot_index, slot, leftover: filled > 1 })
}

#[cfg(all(test, feature = "std"))]
mod tests;
