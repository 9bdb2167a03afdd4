// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rewrap: other recipients, the same data key and payload (format.md 4.9).

use alloc::vec::Vec;

use crate::envelope::seal::{MAX_HIDDEN, Mixing, TOO_MANY_HIDDEN, check_classes};
use crate::envelope::{
    DEFAULT_MAX_HEADER_LEN, HARD_MAX_HEADER_LEN, Header, finish_slot, is_shallow,
};
use crate::error::{Error, Result};
use crate::format::entry::{Entry, FRAME_LEN};
#[cfg(feature = "std")]
use crate::format::key_block::SLOT_FIXED_LEN;
use crate::format::key_block::{FRAME, Layout, MAX_ENTRIES};
use crate::format::keyset::STORED_ID;
use crate::format::writer::Writer;
use crate::id::{Fingerprint, KeyState, KeysetId, Kind, RecipientKind, VersionId, Wanted};
use crate::keyset::{Keyset, Migrating};
use crate::rng::Random;
use crate::secret::memory::{HEADER_DEPTH, PUBLIC_KEY_DEPTH, try_with_wiped_stack};
use crate::secret::{Data, Key};
use crate::wrap::{Class, KeyWrap, OpenedVia, Shape};

/// Changes who may open an envelope, without touching its payload: to the primary version of its keysets, to more or
/// to fewer recipients.
///
/// The data key stays the same. Whoever ever held it can open the payload and make key blocks of their own: rewrap
/// revokes nobody (format.md 11.4). Where a data key or the version that wrapped it is in other hands, seal anew.
///
/// ```
/// # fn main() -> sealwax::Result<()> {
/// use sealwax::{Keyset, Opener, Rewrapper, Sealer, Suite};
/// let mut keyset = Keyset::generate("default", Suite::Cobblestone256)?;
/// let envelope = Sealer::new().recipient(&keyset).seal(b"attack at dawn")?;
/// keyset.rotate(Suite::Cobblestone256)?;
/// let rewrapper = Rewrapper::new().keyset(&keyset);
/// let envelope = rewrapper.rewrap(&envelope)?.expect("its version is not the primary");
/// assert!(rewrapper.rewrap(&envelope)?.is_none(), "there is nothing left to do");
/// let opened = Opener::new().key(&keyset).open(&envelope)?;
/// assert_eq!(opened.plaintext.as_slice(), b"attack at dawn");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Rewrapper<'a> {
    keysets: Vec<&'a Keyset>,
    keys: Vec<&'a dyn KeyWrap>,
    added: Vec<&'a dyn KeyWrap>,
    removed: Vec<Removal>,
    others: Others,
    mixing: Mixing,
    compromised: Compromised,
    min_epoch: u32,
    max_header_len: usize,
}

/// What becomes of recipients that nothing was said about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Kept,
    Removed,
}

/// What is done about envelopes that were wrapped under a compromised version.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compromised {
    Refused,
    Allowed,
}

/// Which recipients are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removal {
    /// A keyset, under whichever version.
    Keyset(KeysetId),
    /// One version of a keyset.
    Version(KeysetId, VersionId),
    /// The key pair with this fingerprint; [`Fingerprint::HIDDEN`] means all that are hidden.
    Pair(Fingerprint),
    /// All of a kind.
    Kind(RecipientKind),
}

/// One change that a rewrap makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// An entry for an older version went, one for the primary came.
    Refreshed {
        /// What the old entry named.
        from: Wanted,
        /// What the new one names.
        to: Wanted,
    },
    /// A recipient came.
    Added(Wanted),
    /// A recipient went.
    Removed(Wanted),
    /// An entry of a type that this version of sealwax does not know stays (format.md 5.8).
    KeptUnknown(u8),
}

/// A new header for an envelope.
#[derive(Debug)]
pub struct Rewrapped {
    /// The whole header, to be put in the place of the old one; the payload stays as it is.
    pub header: Vec<u8>,
    /// Through which entry the old one was opened.
    pub opened_via: OpenedVia,
    /// What changed.
    pub changes: Vec<Change>,
}

/// What a header's entries become.
pub(crate) struct Plan<'p> {
    items: Vec<Item<'p>>,
    pub(crate) changes: Vec<Change>,
    entries_len: usize,
    longest_entry: usize,
}

enum Item<'p> {
    /// Copied byte for byte.
    Kept(Entry<'p>, &'p [u8]),
    /// Made anew.
    Wrapped(&'p dyn KeyWrap, Shape),
}

impl<'a> Rewrapper<'a> {
    /// A rewrapper without keys, which changes nothing.
    pub fn new() -> Self {
        Rewrapper {
            keysets: Vec::new(),
            keys: Vec::new(),
            added: Vec::new(),
            removed: Vec::new(),
            others: Others::Kept,
            mixing: Mixing::Refused,
            compromised: Compromised::Refused,
            min_epoch: 0,
            max_header_len: DEFAULT_MAX_HEADER_LEN,
        }
    }

    /// Adds a keyset or identity: it opens, and entries for its older versions become entries for its primary.
    pub fn keyset(mut self, keyset: &'a Keyset) -> Self {
        self.keysets.push(keyset);
        self
    }

    /// Adds a key that opens, and whose entry stays as it is.
    pub fn key(mut self, key: &'a dyn KeyWrap) -> Self {
        self.keys.push(key);
        self
    }

    /// Adds a recipient. One that the envelope names already stays as it is; passphrases, providers and hidden recipients
    /// are not named, and are added each time.
    pub fn recipient(mut self, recipient: &'a dyn KeyWrap) -> Self {
        self.added.push(recipient);
        self
    }

    /// Takes recipients out. This revokes nobody: who opened the envelope before can open a copy of it.
    pub fn remove(mut self, removal: Removal) -> Self {
        self.removed.push(removal);
        self
    }

    /// Takes all recipients out that are not added.
    pub fn remove_others(mut self) -> Self {
        self.others = Others::Removed;
        self
    }

    /// Allows X25519 beside stronger recipients, and a passphrase beside others (format.md 5.8).
    pub fn danger_mix_recipients(mut self) -> Self {
        self.mixing = Mixing::Allowed;
        self
    }

    /// Rewraps also what a compromised version wrapped, although the adversary may have its data key.
    pub fn danger_allow_compromised(mut self) -> Self {
        self.compromised = Compromised::Allowed;
        self
    }

    /// Refuses envelopes whose key block is older than this epoch.
    pub fn min_epoch(mut self, min_epoch: u32) -> Self {
        self.min_epoch = min_epoch;
        self
    }

    /// Raises or lowers the limit on the header's length, in bytes. At most 1 MiB.
    pub fn max_header_len(mut self, max_header_len: usize) -> Self {
        self.max_header_len = max_header_len.min(HARD_MAX_HEADER_LEN);
        self
    }

    /// Rewraps an envelope in memory, or a detached header. `None` where there is nothing to do: it is as it should be
    /// already, or names none of the keysets.
    ///
    /// # Errors
    /// As [`Rewrapper::rewrap_header`].
    #[cfg(feature = "std")]
    pub fn rewrap(&self, envelope: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(Rewrapped { mut header, .. }) = self.rewrap_header(envelope)? else {
            return Ok(None);
        };
        let old_len = Header::parse(envelope, self.max_header_len)?.len();
        header.extend_from_slice(&envelope[old_len..]);
        Ok(Some(header))
    }

    /// The new header of the envelope that starts with these bytes, in one slot. `None` where it is as it should be already.
    ///
    /// # Errors
    /// Those of opening the header: `Format`, `Truncated`, `Limit`, `UnknownKey`, `KeyState`, `Decrypt`. `KeyState` where a
    /// compromised version wrapped it. Those of sealing: `Misuse` for recipients that do not fit together or none at all.
    #[cfg(feature = "std")]
    pub fn rewrap_header(&self, envelope: &[u8]) -> Result<Option<Rewrapped>> {
        self.rewrap_header_with_rng(envelope, &mut crate::rng::OsRandom)
    }

    /// [`Rewrapper::rewrap_header`] with a random source of the caller's.
    ///
    /// # Errors
    /// As [`Rewrapper::rewrap_header`].
    pub fn rewrap_header_with_rng(
        &self,
        envelope: &[u8],
        random: &mut dyn Random,
    ) -> Result<Option<Rewrapped>> {
        let header = Header::parse(envelope, self.max_header_len)?;
        if self.is_current(&header)? {
            return Ok(None);
        }
        let plan = self.plan(&header)?;
        let layout = Layout::memory(plan.entries_len);
        let core_len = header.core.len();
        if core_len + layout.len() > self.max_header_len {
            return Err(Error::Limit("the header would be longer than the limit; raise it"));
        }
        let mut out = alloc::vec![0; core_len + layout.len()];
        out[..core_len].copy_from_slice(&envelope[..core_len]);
        out[core_len..core_len + FRAME].copy_from_slice(&layout.frame());
        let slot = &mut out[core_len + FRAME..];
        let opened_via = self.write_slot(&header, &plan, layout, random, slot)?;
        Ok(Some(Rewrapped { header: out, opened_via, changes: plan.changes }))
    }

    /// Whether there is nothing to do for the envelope with this header. Needs no secret and unwraps nothing; the answer
    /// is not authenticated.
    ///
    /// # Errors
    /// `KeyState` where a keyset has no usable primary, `Decrypt` where the epoch is too low.
    pub fn is_current(&self, header: &Header<'_>) -> Result<bool> {
        self.check_epoch(header)?;
        for entry in header.entries() {
            if self.is_removed(&entry)? || self.fresh_recipient(&entry)?.is_some() {
                return Ok(false);
            }
        }
        for added in &self.added {
            let shape = added.shape()?;
            if !header.entries().any(|entry| shape.is_named_by(&entry)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a recipient is a key that opens, as far as that can be seen without trying.
    #[cfg(feature = "std")]
    pub(crate) fn names_a_key_at_hand(&self, header: &Header<'_>) -> bool {
        header.entries().any(|entry| {
            let hidden = matches!(entry.wanted(), Wanted::Pair(_, Fingerprint::HIDDEN));
            let by_keyset = |keyset: &&Keyset| {
                keyset.version_of(&entry).is_some() || hidden && keyset.is_identity()
            };
            let by_key = |key: &&dyn KeyWrap| match key.shape() {
                Ok(Shape { wanted: Wanted::Recipient(kind), .. }) => kind == entry.kind(),
                Ok(shape) => hidden || shape.is_named_by(&entry),
                // What only opens, as a provider's answer does, does not say whose entries.
                Err(_) => true,
            };
            self.keysets.iter().any(by_keyset) || self.keys.iter().any(by_key)
        })
    }

    pub(crate) fn header_limit(&self) -> usize {
        self.max_header_len
    }

    /// Decides about each entry, and checks that what comes out may stand side by side.
    pub(crate) fn plan<'p>(&self, header: &Header<'p>) -> Result<Plan<'p>>
    where
        'a: 'p,
    {
        self.check_compromised(header)?;
        let mut plan =
            Plan { items: Vec::new(), changes: Vec::new(), entries_len: 0, longest_entry: 0 };
        for (entry, bytes) in header.slot.encoded_entries() {
            if self.is_removed(&entry)? {
                plan.changes.push(Change::Removed(entry.wanted()));
                continue;
            }
            let Some(fresh) = self.fresh_recipient(&entry)? else {
                if let Entry::Unknown(kind) = entry {
                    plan.changes.push(Change::KeptUnknown(kind));
                }
                plan.items.push(Item::Kept(entry, bytes));
                continue;
            };
            let shape = fresh.shape()?;
            plan.changes.push(Change::Refreshed { from: entry.wanted(), to: shape.wanted });
            // Two old versions of one keyset become one entry.
            if !plan.has(&shape) && !self.keeps_one_for(&shape, header)? {
                plan.items.push(Item::Wrapped(fresh, shape));
            }
        }
        for added in &self.added {
            let shape = added.shape()?;
            if !plan.has(&shape) {
                plan.changes.push(Change::Added(shape.wanted));
                plan.items.push(Item::Wrapped(*added, shape));
            }
        }
        plan.check(self.mixing)?;
        check_not_itself(header, &plan)?;
        let lens = || plan.items.iter().map(Item::len);
        (plan.entries_len, plan.longest_entry) = (lens().sum(), lens().max().unwrap_or(0));
        Ok(plan)
    }

    /// Unwraps the data key, verifies the old mac, and writes a whole slot with the next epoch.
    pub(crate) fn write_slot(
        &self,
        header: &Header<'_>,
        plan: &Plan<'_>,
        layout: Layout,
        random: &mut dyn Random,
        slot: &mut [u8],
    ) -> Result<OpenedVia> {
        let write = || self.write_slot_now(header, plan, layout, random, slot);
        let old = header.entries().map(|entry| entry.kind());
        match old.chain(plan.items.iter().map(Item::kind)).all(is_shallow) {
            true => try_with_wiped_stack::<HEADER_DEPTH, _>(write),
            false => try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(write),
        }
    }

    fn write_slot_now(
        &self,
        header: &Header<'_>,
        plan: &Plan<'_>,
        layout: Layout,
        random: &mut dyn Random,
        slot: &mut [u8],
    ) -> Result<OpenedVia> {
        self.check_epoch(header)?;
        let epoch = header.epoch().checked_add(1);
        let epoch = epoch.ok_or(Error::Limit("the key block has no epoch left: seal anew"))?;
        let mut data_key = Key::<Data>::zeroed();
        let (opened_via, prk) =
            self.with_keys(|keys| header.authenticate(keys, plan.kinds(header), &mut data_key))?;
        if let OpenedVia::Compromised(keyset, version) = opened_via
            && self.compromised == Compromised::Refused
        {
            // A key that was given for migration opens it without being asked whether it may.
            return Err(keeps_compromised(keyset, version));
        }
        let binding = header.binding();
        let mut writer = Writer::new(slot);
        let count = u8::try_from(plan.items.len()).expect("checked: at most 64 entries");
        writer.put(&epoch.to_be_bytes()).put(&[count]);
        for item in &plan.items {
            match item {
                Item::Kept(_, bytes) => {
                    writer.put(bytes);
                }
                Item::Wrapped(recipient, shape) => {
                    let len = u16::try_from(shape.body_len).map_err(|_| {
                        Error::Misuse("a recipient's entry is longer than 65,535 bytes")
                    })?;
                    writer.put(&[shape.kind.number()]).put(&len.to_be_bytes());
                    let body = writer.reserve(shape.body_len);
                    recipient.wrap_key(&binding, &data_key, random, body)?;
                }
            }
        }
        finish_slot(&prk, &binding, layout, slot);
        Ok(opened_via)
    }

    /// Verifies the mac of the header with the keys at hand.
    #[cfg(feature = "std")]
    pub(crate) fn authenticate(&self, header: &Header<'_>) -> Result<OpenedVia> {
        self.check_epoch(header)?;
        try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(|| {
            let mut data_key = Key::<Data>::zeroed();
            self.with_keys(|keys| header.authenticate(keys, &[], &mut data_key)).map(|(via, _)| via)
        })
    }

    /// The keys that open, in the order they were given: keysets first.
    fn with_keys<R>(&self, work: impl FnOnce(&[&dyn KeyWrap]) -> R) -> R {
        let migrating: Vec<Migrating<'_>> = match self.compromised {
            Compromised::Allowed => self.keysets.iter().map(|keyset| keyset.migrating()).collect(),
            Compromised::Refused => Vec::new(),
        };
        let mut keys: Vec<&dyn KeyWrap> = Vec::with_capacity(self.keysets.len() + self.keys.len());
        match self.compromised {
            Compromised::Allowed => keys.extend(migrating.iter().map(|key| key as &dyn KeyWrap)),
            Compromised::Refused => keys.extend(self.keysets.iter().map(|k| *k as &dyn KeyWrap)),
        }
        keys.extend(&self.keys);
        work(&keys)
    }

    fn check_epoch(&self, header: &Header<'_>) -> Result<()> {
        match header.epoch() < self.min_epoch {
            true => Err(Error::Decrypt),
            false => Ok(()),
        }
    }

    /// Whether an entry of this shape is there and stays.
    fn keeps_one_for(&self, shape: &Shape, header: &Header<'_>) -> Result<bool> {
        for entry in header.entries() {
            if shape.is_named_by(&entry) && !self.is_removed(&entry)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Rewrap keeps the data key, which whoever has a compromised version may have.
    fn check_compromised(&self, header: &Header<'_>) -> Result<()> {
        if self.compromised == Compromised::Allowed {
            return Ok(());
        }
        for entry in header.entries() {
            for keyset in &self.keysets {
                if let Some(version) = keyset.version_of(&entry)
                    && version.state() == KeyState::Compromised
                {
                    return Err(keeps_compromised(keyset.id(), version.id()));
                }
            }
        }
        Ok(())
    }

    /// The keyset whose primary takes the place of this entry, which is for an older version of it.
    fn fresh_recipient(&self, entry: &Entry<'_>) -> Result<Option<&'a Keyset>> {
        for &keyset in &self.keysets {
            if let Some(version) = keyset.version_of(entry)
                && keyset.primary().is_none_or(|primary| primary.id() != version.id())
            {
                // Without a primary that seals this is the error that says so.
                keyset.shape()?;
                return Ok(Some(keyset));
            }
        }
        Ok(None)
    }

    fn is_removed(&self, entry: &Entry<'_>) -> Result<bool> {
        if self.removed.iter().any(|removal| removal.means(entry)) {
            return Ok(true);
        }
        if self.others == Others::Kept {
            return Ok(false);
        }
        for added in &self.added {
            if added.shape()?.is_named_by(entry) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The kinds that a keyset file is loaded through (format.md 8.5).
pub(crate) const LOADED_KINDS: [RecipientKind; 4] = [
    RecipientKind::Keyset,
    RecipientKind::Passphrase,
    RecipientKind::RawKey,
    RecipientKind::Provider,
];

fn keeps_compromised(keyset: KeysetId, version: VersionId) -> Error {
    let remedy = "rewrapping keeps a data key that others may have: reencrypt";
    Error::KeyState { keyset, version, state: KeyState::Compromised, remedy }
}

/// A keyset file for the keyset in it would open for nobody (format.md 8.3).
fn check_not_itself(header: &Header<'_>, plan: &Plan<'_>) -> Result<()> {
    let stored = header.stored_context().value(STORED_ID);
    let itself = |item: &Item<'_>| match item {
        Item::Wrapped(_, Shape { wanted: Wanted::Keyset(id, _), .. }) => stored == Some(&id.0),
        _ => false,
    };
    match header.kind() == Kind::Keyset && plan.items.iter().any(itself) {
        true => Err(Error::Misuse("a keyset cannot be sealed under itself")),
        false => Ok(()),
    }
}

impl Removal {
    /// Whether it means this entry.
    pub fn means(&self, entry: &Entry<'_>) -> bool {
        match (*self, entry.wanted()) {
            (Removal::Keyset(keyset), Wanted::Keyset(id, _)) => id == keyset,
            (Removal::Version(keyset, version), Wanted::Keyset(id, of)) => {
                (id, of) == (keyset, version)
            }
            (Removal::Pair(fingerprint), Wanted::Pair(_, of)) => of == fingerprint,
            (Removal::Kind(kind), _) => entry.kind() == kind,
            _ => false,
        }
    }
}

impl Plan<'_> {
    /// The layout of an envelope of two slots that has room for these entries and one more (format.md 4.8).
    #[cfg(feature = "std")]
    pub(crate) fn file_layout(&self) -> Layout {
        Layout::file(self.entries_len, self.longest_entry)
    }

    /// Through which kinds of entries the old header may be opened; all where empty.
    ///
    /// Whoever has a public key could have made the keyset file that it opens. What loaders believe is not wrapped on
    /// its word (format.md 8.5).
    fn kinds(&self, header: &Header<'_>) -> &'static [RecipientKind] {
        let proves = |item: &Item<'_>| match item {
            Item::Wrapped(_, shape) => LOADED_KINDS.contains(&shape.kind),
            Item::Kept(..) => false,
        };
        match header.kind() == Kind::Keyset && self.items.iter().any(proves) {
            true => &LOADED_KINDS,
            false => &[],
        }
    }

    /// Whether the entries fit into slots of this layout.
    #[cfg(feature = "std")]
    pub(crate) fn fits(&self, layout: Layout) -> bool {
        SLOT_FIXED_LEN + self.entries_len <= layout.slot_len
    }

    /// Whether an entry for the same key is in it already.
    fn has(&self, shape: &Shape) -> bool {
        self.items.iter().any(|item| match item {
            Item::Kept(entry, _) => shape.is_named_by(entry),
            Item::Wrapped(_, other) => {
                other.wanted == shape.wanted
                    && !other.hidden
                    && !matches!(shape.wanted, Wanted::Recipient(_))
            }
        })
    }

    fn check(&self, mixing: Mixing) -> Result<()> {
        if self.items.is_empty() {
            return Err(Error::Misuse("no recipient would be left: nobody could open it"));
        }
        if self.items.len() > MAX_ENTRIES {
            return Err(Error::Misuse("an envelope has at most 64 recipients"));
        }
        check_classes(self.items.iter().map(Item::class), mixing)?;
        match self.items.iter().filter(|item| item.is_hidden()).count() > MAX_HIDDEN {
            true => Err(TOO_MANY_HIDDEN),
            false => Ok(()),
        }
    }
}

impl Item<'_> {
    fn kind(&self) -> RecipientKind {
        match self {
            Item::Kept(entry, _) => entry.kind(),
            Item::Wrapped(_, shape) => shape.kind,
        }
    }

    fn class(&self) -> Class {
        match self {
            Item::Kept(entry, _) => Class::of_entry(entry.kind()),
            Item::Wrapped(_, shape) => shape.class,
        }
    }

    fn is_hidden(&self) -> bool {
        match self {
            Item::Kept(entry, _) => {
                matches!(entry.wanted(), Wanted::Pair(_, Fingerprint::HIDDEN))
            }
            Item::Wrapped(_, shape) => shape.hidden,
        }
    }

    fn len(&self) -> usize {
        match self {
            Item::Kept(_, bytes) => bytes.len(),
            Item::Wrapped(_, shape) => FRAME_LEN + shape.body_len,
        }
    }
}

impl Default for Rewrapper<'_> {
    fn default() -> Self {
        Rewrapper::new()
    }
}
