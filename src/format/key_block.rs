// SPDX-License-Identifier: MIT OR Apache-2.0
//! The key block: the mutable part of a header (format.md 4.3 to 4.8).

use crate::error::{Error, Result};
use crate::format::entry::{Entry, FRAME_LEN};
use crate::format::reader::{End, Reader};

/// Bytes of a key block before its slots.
pub(crate) const FRAME: usize = 5;
/// Length of a slot's mac, in bytes.
pub(crate) const MAC_LEN: usize = 32;
/// Length of a slot's check, in bytes.
pub(crate) const CHECK_LEN: usize = 16;
/// Bytes of a slot around its entries and padding: epoch, count, mac, check.
pub(crate) const SLOT_FIXED_LEN: usize = 4 + 1 + MAC_LEN + CHECK_LEN;
/// Shortest slot, in bytes.
pub(crate) const MIN_SLOT_LEN: usize = SLOT_FIXED_LEN + FRAME_LEN;
/// Most entries in a slot.
pub(crate) const MAX_ENTRIES: usize = 64;

/// How a key block is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) slots: u8,
    pub(crate) slot_len: usize,
}

impl Layout {
    /// One slot, without padding: envelopes in memory (format.md 4.8).
    pub(crate) fn memory(entries_len: usize) -> Self {
        Layout { slots: 1, slot_len: SLOT_FIXED_LEN + entries_len }
    }

    /// Two slots, with room for one more entry as long as the longest (format.md 4.8).
    pub(crate) fn file(entries_len: usize, longest_entry: usize) -> Self {
        let used = SLOT_FIXED_LEN + entries_len + longest_entry;
        Layout { slots: 2, slot_len: used.next_multiple_of(512) }
    }

    /// Parses the frame of a key block. `limit` bounds the key block as a whole.
    pub(crate) fn parse(reader: &mut Reader<'_>, limit: usize) -> Result<Self> {
        let slots = reader.u8()?;
        if !(1..=2).contains(&slots) {
            return Err(Error::format("4.3", "a key block has 1 or 2 slots"));
        }
        let slot_len = reader.u32()? as usize;
        if slot_len < MIN_SLOT_LEN {
            return Err(Error::format("4.4", "a slot is too short"));
        }
        if slot_len > limit || FRAME + usize::from(slots) * slot_len > limit {
            return Err(Error::limit("the header is longer than the limit"));
        }
        Ok(Layout { slots, slot_len })
    }

    /// Length of the whole key block, in bytes.
    pub(crate) fn len(self) -> usize {
        FRAME + usize::from(self.slots) * self.slot_len
    }

    /// The frame: slots u8 || slot_len u32.
    pub(crate) fn frame(self) -> [u8; FRAME] {
        let len = u32::try_from(self.slot_len).expect("a header is at most 1 MiB").to_be_bytes();
        [self.slots, len[0], len[1], len[2], len[3]]
    }
}

/// One slot of a key block, cut into its fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) epoch: u32,
    pub(crate) count: u8,
    /// Entries and padding.
    pub(crate) body: &'a [u8],
    pub(crate) mac: &'a [u8; MAC_LEN],
    pub(crate) check: &'a [u8; CHECK_LEN],
    /// The slot from its first byte to the last before the mac.
    pub(crate) before_mac: &'a [u8],
    /// The slot without its check.
    pub(crate) before_check: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Slot<'a> {
    /// Cuts a slot. `None` where all bytes are zero: it is empty.
    pub(crate) fn cut(slot: &'a [u8]) -> Result<Option<Self>> {
        if slot.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let mut reader = Reader::new(slot, End::of("4.3"));
        let epoch = reader.u32()?;
        let count = reader.u8()?;
        let body_len = slot.len().saturating_sub(SLOT_FIXED_LEN);
        let body = reader.take(body_len)?;
        let mac = reader.array()?;
        let check = reader.array()?;
        reader.finish("4.3")?;
        let before_check = &slot[..slot.len() - CHECK_LEN];
        let before_mac = &before_check[..before_check.len() - MAC_LEN];
        Ok(Some(Slot { epoch, count, body, mac, check, before_mac, before_check, bytes: slot }))
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Parses a good slot's entries all the way, so that [`Slot::entries`] cannot fail.
    pub(crate) fn check_contents(&self) -> Result<()> {
        if self.count == 0 || usize::from(self.count) > MAX_ENTRIES {
            return Err(Error::format("4.4", "a slot has 1 to 64 recipients"));
        }
        let mut reader = Reader::new(self.body, End::of("4.5"));
        let mut passphrases = 0;
        for _ in 0..self.count {
            let entry = Entry::parse(&mut reader)?;
            passphrases += u8::from(matches!(entry, Entry::Passphrase { .. }));
        }
        if passphrases > 1 {
            return Err(Error::format("5.3", "more than one passphrase entry"));
        }
        if reader.rest().iter().any(|byte| *byte != 0) {
            return Err(Error::format("4.3", "the padding is not zero"));
        }
        Ok(())
    }

    /// The entries in order, of a slot whose contents were checked.
    pub(crate) fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        self.encoded_entries().map(|(entry, _)| entry)
    }

    /// The entries in order, each with its bytes: type, length and body.
    pub(crate) fn encoded_entries(self) -> impl Iterator<Item = (Entry<'a>, &'a [u8])> {
        let mut reader = Reader::new(self.body, End::of("4.5"));
        (0..self.count).map(move |_| {
            let before = reader.rest();
            let entry = Entry::parse(&mut reader).expect("the slot was checked");
            (entry, &before[..before.len() - reader.rest().len()])
        })
    }
}
