// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups: a keyset file for recovery recipients, or for a key that is split into shares (format.md 8.8).

use std::fmt;

use zeroize::Zeroizing;

use super::Keyset;
use super::file::Protection;
use crate::envelope::{DEFAULT_MAX_HEADER_LEN, Header};
use crate::error::{Error, Result};
use crate::format::backup::{DIGEST_LEN, MAX_SHARES, Payload, STORED_BACKUP, ShareList, Split};
use crate::id::{Kind, RawKeyId, Wanted};
use crate::primitives::{ct_eq, hash, sharing};
use crate::rng::{OsRandom, Random};
use crate::secret::memory::{HEADER_DEPTH, VALUE_DEPTH, try_with_wiped_stack, with_wiped_stack};
use crate::secret::{self, Key, Raw};
use crate::wrap::KeyWrap;
use crate::wrap::hpke::Recipient;
use crate::wrap::raw_key::RawKey;

/// A backup whose key is split into shares.
#[derive(Debug)]
pub struct SharedBackup {
    /// The keyset file. It opens with enough shares only.
    pub file: Vec<u8>,
    /// The shares, one for each holder.
    pub shares: Vec<Share>,
}

/// A share of a backup's key: a secret. Wiped on drop.
pub struct Share {
    split: Split,
    number: u8,
    /// Boxed, so that a list of shares that grows leaves no copies behind.
    value: Box<Key<secret::Share>>,
}

impl Keyset {
    /// A backup that recovery recipients open: the bytes of a keyset file.
    ///
    /// # Errors
    /// `Misuse` without recipients or where they do not fit together; as [`Keyset::to_file_bytes`].
    pub fn backup_for(&self, recipients: &[Recipient]) -> Result<Vec<u8>> {
        let keys: Vec<&dyn KeyWrap> = recipients.iter().map(|key| key as &dyn KeyWrap).collect();
        self.to_file_bytes(Protection::Sealed(&keys)).map(|file| file.to_vec())
    }

    /// A backup that any `threshold` of `count` shares open. The key is fresh and kept nowhere else.
    ///
    /// # Errors
    /// `Misuse` unless 2 <= threshold <= count <= 64; `Random`; as [`Keyset::to_file_bytes`].
    pub fn backup_in_shares(&self, threshold: u8, count: u8) -> Result<SharedBackup> {
        // The key is moved on its way; what it was moved from dies here.
        try_with_wiped_stack::<HEADER_DEPTH, _>(|| self.backup_in_shares_now(threshold, count))
    }

    fn backup_in_shares_now(&self, threshold: u8, count: u8) -> Result<SharedBackup> {
        let random = &mut OsRandom;
        let mut backup = RawKeyId([0; 16]);
        random.fill(&mut backup.0)?;
        let wrong = Error::Misuse("a backup has 2 to 64 shares, of which 2 or more are wanted");
        let split = Split::new(backup, threshold, count).ok_or(wrong)?;
        let mut key = Key::<Raw>::zeroed();
        random.fill(key.expose_bytes_mut())?;
        let values = sharing::split(key.expose_bytes(), threshold, count, random)?;
        let mut list = split.encode().to_vec();
        let mut shares = Vec::with_capacity(values.len());
        for (number, bytes) in (1u8..).zip(&values) {
            let mut value = Box::new(Key::zeroed());
            *value.expose_bytes_mut() = **bytes;
            let share = Share { split, number, value };
            list.extend_from_slice(&share.digest());
            shares.push(share);
        }
        let stored = self.stored_context()?.with(STORED_BACKUP, list)?;
        let file = self.seal_file(&[&RawKey::new(backup, key)], stored)?.to_vec();
        Ok(SharedBackup { file, shares })
    }

    /// Opens a backup with an identity that it was made for.
    ///
    /// The caller's duty: a public key proves nothing about who made the file. Show [`Keyset::id`] and
    /// [`Keyset::fingerprint`] to somebody who knows them before the keyset is used.
    ///
    /// # Errors
    /// As [`Keyset::parse_file_bytes`].
    pub fn restore(backup: &[u8], keys: &[&dyn KeyWrap]) -> Result<Self> {
        Keyset::parse_file_bytes(backup, Protection::Restore(keys))
    }

    /// Opens a backup with its shares, in any order. More than are wanted do no harm.
    ///
    /// # Errors
    /// `UnknownKey` for a share of another backup and where too few are given, saying how many are missing; `Share` for one
    /// that is not what the backup lists under its number; as [`Keyset::parse_file_bytes`].
    pub fn restore_from_shares(backup: &[u8], shares: &[Share]) -> Result<Self> {
        // As above.
        try_with_wiped_stack::<HEADER_DEPTH, _>(|| Keyset::restore_from_shares_now(backup, shares))
    }

    fn restore_from_shares_now(backup: &[u8], shares: &[Share]) -> Result<Self> {
        let header = Header::parse(backup, DEFAULT_MAX_HEADER_LEN)?;
        if header.kind() != Kind::Keyset {
            return Err(Error::format("4.1a", "this is sealed data, not a backup"));
        }
        let none = Error::format("8.8b", "this is not a backup with shares");
        let list = ShareList::parse(header.stored_context().value(STORED_BACKUP).ok_or(none)?)?;
        let mut given: Vec<&Share> = Vec::new();
        for share in shares {
            share.check(&list)?;
            if given.iter().all(|other| other.number != share.number) {
                given.push(share);
            }
        }
        let Split { backup: id, threshold, .. } = list.split;
        let missing = usize::from(threshold).saturating_sub(given.len());
        if missing > 0 {
            let missing = u8::try_from(missing).expect("a threshold is at most 64");
            return Err(Error::UnknownKey(Wanted::MoreShares(id, missing)));
        }
        given.sort_by_key(|share| share.number);
        given.truncate(threshold.into());
        let values: Vec<_> =
            given.iter().map(|share| (share.number, share.value.expose_bytes())).collect();
        let mut key = Key::<Raw>::zeroed();
        sharing::combine(&values, key.expose_bytes_mut())?;
        Keyset::parse_file_bytes(backup, Protection::Sealed(&[&RawKey::new(id, key)]))
    }

    /// Makes of a restored keyset the revision that follows all that were seen, `seen` among them (format.md 8.8b).
    pub(crate) fn follow(&mut self, seen: u64) -> Result<()> {
        let highest = self.revision.max(seen);
        self.touch()?;
        let full = Error::Limit("the keyset has no revision left");
        self.revision = highest.checked_add(1).ok_or(full)?;
        Ok(())
    }
}

impl Share {
    /// Its number, from 1 on.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// How many shares there are.
    pub fn count(&self) -> u8 {
        self.split.count
    }

    /// How many of them open the backup.
    pub fn threshold(&self) -> u8 {
        self.split.threshold
    }

    /// The id of the backup.
    pub fn backup(&self) -> RawKeyId {
        self.split.backup
    }

    /// The share string: `SEALWAX-SHARE-1...` (format.md 9.4). It is secret.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let mut payload = Zeroizing::new(Vec::with_capacity(51));
        payload.extend_from_slice(&self.split.encode());
        payload.push(self.number);
        payload.extend_from_slice(self.value.expose_bytes());
        let encode = || crate::format::strings::encode_share(&payload);
        with_wiped_stack::<VALUE_DEPTH, _>(encode)
    }

    /// Reads a share string.
    ///
    /// # Errors
    /// `Format` where it is mistyped or of another kind, `Limit` where it is too long.
    pub fn parse_text(text: &str) -> Result<Self> {
        let decode = || crate::format::strings::decode_share(text);
        let payload = try_with_wiped_stack::<VALUE_DEPTH, _>(decode)?;
        let Payload { split, number, value: bytes } = Payload::parse(&payload)?;
        let mut value = Box::new(Key::zeroed());
        *value.expose_bytes_mut() = *bytes;
        Ok(Share { split, number, value })
    }

    fn check(&self, list: &ShareList<'_>) -> Result<()> {
        if self.split != list.split {
            return Err(Error::UnknownKey(Wanted::ShareOf(self.split.backup)));
        }
        match list.digest(self.number) {
            Some(digest) if ct_eq(digest, &self.digest()) => Ok(()),
            _ => Err(Error::Share { number: self.number }),
        }
    }

    /// H("sealwax/v1/share" || 0x00 || backup id || k || n || x || value)[..16]: format.md 8.8a.
    fn digest(&self) -> [u8; DIGEST_LEN] {
        let split = self.split.encode();
        let value = self.value.expose_bytes();
        let digest = with_wiped_stack::<HEADER_DEPTH, _>(|| {
            hash(&[b"sealwax/v1/share\0", &split, &[self.number], value])
        });
        *digest.first_chunk().expect("16 of 32 bytes")
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("backup", &self.split.backup)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Most shares of a backup.
pub const MAX_COUNT: u8 = MAX_SHARES;
