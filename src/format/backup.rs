// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list of shares in a backup, and the payload of a share string (format.md 8.8, 9.4).

use crate::error::{Error, Result};
use crate::format::reader::{End, Reader};
use crate::id::RawKeyId;
use crate::secret::KEY_LEN;

/// The stored entry of a keyset file that lists its shares.
pub(crate) const STORED_BACKUP: &str = "sealwax.backup";
/// Most shares of a backup.
pub(crate) const MAX_SHARES: u8 = 64;
/// Length of a share's digest, in bytes.
pub(crate) const DIGEST_LEN: usize = 16;

/// How many shares there are, and how many give the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) backup: RawKeyId,
    pub(crate) threshold: u8,
    pub(crate) count: u8,
}

/// The stored entry `sealwax.backup`, parsed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShareList<'a> {
    pub(crate) split: Split,
    digests: &'a [u8],
}

/// A share, parsed.
pub(crate) struct Payload<'a> {
    pub(crate) split: Split,
    pub(crate) number: u8,
    pub(crate) value: &'a [u8; KEY_LEN],
}

impl Split {
    /// `None` unless 2 <= threshold <= count <= 64.
    pub(crate) fn new(backup: RawKeyId, threshold: u8, count: u8) -> Option<Self> {
        let fits = 2 <= threshold && threshold <= count && count <= MAX_SHARES;
        fits.then_some(Split { backup, threshold, count })
    }

    /// backup id || k || n.
    pub(crate) fn encode(&self) -> [u8; 18] {
        let mut out = [0; 18];
        out[..16].copy_from_slice(&self.backup.0);
        out[16..].copy_from_slice(&[self.threshold, self.count]);
        out
    }

    fn parse(reader: &mut Reader<'_>, clause: &'static str) -> Result<Self> {
        let backup = RawKeyId(*reader.array()?);
        Split::new(backup, reader.u8()?, reader.u8()?).ok_or(Error::format(
            clause,
            "a backup has 2 to 64 shares, of which 2 or more are wanted",
        ))
    }
}

impl<'a> ShareList<'a> {
    pub(crate) fn parse(entry: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(entry, End::of("8.8"));
        let split = Split::parse(&mut reader, "8.8")?;
        let digests = reader.take(usize::from(split.count) * DIGEST_LEN)?;
        reader.finish("8.8")?;
        Ok(ShareList { split, digests })
    }

    /// The digest of a share by its number, from 1 on.
    pub(crate) fn digest(&self, number: u8) -> Option<&'a [u8; DIGEST_LEN]> {
        let at = usize::from(number.checked_sub(1)?) * DIGEST_LEN;
        self.digests.get(at..)?.first_chunk()
    }
}

impl<'a> Payload<'a> {
    pub(crate) fn parse(payload: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(payload, End::of("9.4"));
        let split = Split::parse(&mut reader, "9.4")?;
        let number = reader.u8()?;
        let value = reader.array()?;
        reader.finish("9.4")?;
        if number == 0 || number > split.count {
            return Err(Error::format("9.4", "a share's number is higher than there are shares"));
        }
        Ok(Payload { split, number, value })
    }
}
