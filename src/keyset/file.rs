// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keyset files: sealed to a passphrase or recipients, or, only when asked, unprotected (format.md 8.3, 8.4).

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use zeroize::Zeroizing;

use crate::atomic::{AtomicFile, Existing, remove_leftovers_of};
use crate::envelope::rewrap::LOADED_KINDS;
use crate::envelope::{Header, Opener, Sealer};
use crate::error::{Error, Result};
use crate::format::backup::{STORED_BACKUP, ShareList};
use crate::format::context::Context;
use crate::format::keyset::{MAX_LEN, STORED_ID, STORED_NAME, STORED_REVISION, UNPROTECTED_MAGIC};
use crate::id::{KeyState, KeysetId, Kind, RecipientKind, Suite};
use crate::keyset::{Keyset, refuse};
use crate::locked::{Access, open_locked, open_regular};
use crate::wrap::{KeyWrap, OpenedVia};

/// What protects a keyset file: how it is written, and what a loader expects of it.
///
/// A loader that is given keys refuses an unprotected file, and the other way round: whoever can put a file in
/// place could otherwise put in keys of their own.
#[derive(Clone, Copy)]
pub enum Protection<'a> {
    /// Sealed for these: passphrases, keysets, raw keys; public keys too when writing.
    Sealed(&'a [&'a dyn KeyWrap]),
    /// Opens also through public-key entries and, with [`Keyset::migrating`], under compromised versions, which prove
    /// nothing about who made the file. For backups.
    Restore(&'a [&'a dyn KeyWrap]),
    /// Readable by whoever can read the file.
    Unprotected,
}

/// What a keyset file says about itself without any key. Nothing of it is authenticated.
#[derive(Clone, Debug)]
pub struct Description {
    /// The keyset's id.
    pub id: KeysetId,
    /// Its name.
    pub name: String,
    /// Its revision.
    pub revision: u64,
    /// The kinds of its recipients; none where it is unprotected.
    pub recipients: Vec<RecipientKind>,
}

impl Keyset {
    /// The bytes of a keyset file with this protection.
    ///
    /// # Errors
    /// `Misuse` where the keyset was made by a newer version, or would be sealed under itself; `Limit` where it is over
    /// 16 MiB; those of [`Sealer::seal`].
    pub fn to_file_bytes(&self, protection: Protection<'_>) -> Result<Zeroizing<Vec<u8>>> {
        let keys = match protection {
            Protection::Unprotected => return self.expose_unprotected(),
            Protection::Sealed(keys) | Protection::Restore(keys) => keys,
        };
        self.seal_file(keys, self.stored_context()?)
    }

    /// The bytes of a keyset file that stores this context.
    pub(super) fn seal_file(
        &self,
        keys: &[&dyn KeyWrap],
        stored: Context,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let encoding = self.encode_for_file()?;
        let mut sealer = Sealer::new()
            .suite(Suite::ChaCha20Poly1305)
            .stored_context(stored)
            .keyset_file(self.id());
        for key in keys {
            sealer = sealer.recipient(*key);
        }
        sealer.seal(&encoding).map(Zeroizing::new)
    }

    /// Reads the bytes of a keyset file.
    ///
    /// # Errors
    /// `Format` where the file's protection is not the expected one or the contents are no keyset; those of
    /// [`Opener::open`].
    pub fn parse_file_bytes(bytes: &[u8], protection: Protection<'_>) -> Result<Self> {
        let unprotected = bytes.starts_with(UNPROTECTED_MAGIC);
        // A provider is asked by the caller beforehand: whoever gives its answer listed its key (format.md 8.5).
        let (keys, kinds): (_, &[RecipientKind]) = match protection {
            Protection::Unprotected if unprotected => return Keyset::parse_unprotected(bytes),
            Protection::Unprotected => {
                return Err(Error::format(
                    "8.4",
                    "not an unprotected keyset file; if it is sealed, give its passphrase or key",
                ));
            }
            _ if unprotected => {
                return Err(Error::format(
                    "8.4",
                    "this keyset file is not protected, as was expected",
                ));
            }
            Protection::Sealed(keys) => (keys, &LOADED_KINDS),
            Protection::Restore(keys) => (keys, &[]),
        };
        let mut opener = Opener::new().require(kinds).keyset_file();
        for key in keys {
            opener = opener.key(*key);
        }
        let opened = opener.open(bytes)?;
        if let (OpenedVia::Compromised(keyset, version), Protection::Sealed(_)) =
            (opened.opened_via, protection)
        {
            let remedy = "whoever has it may have made this keyset file: restore it, and look at \
                          its fingerprint";
            return Err(refuse(keyset, version, KeyState::Compromised, remedy));
        }
        let keyset = Keyset::parse(&opened.plaintext)?;
        if !keyset.is_described_by(&opened.stored_context)? {
            return Err(Error::format(
                "8.3",
                "the file's outside names another keyset than its inside",
            ));
        }
        Ok(keyset)
    }

    /// Writes a new keyset file with mode 0600. An existing file is never overwritten.
    ///
    /// # Errors
    /// As [`Keyset::to_file_bytes`]; `Io`, also where the file exists.
    pub fn save_new(&self, path: &Path, protection: Protection<'_>) -> Result<()> {
        let bytes = self.to_file_bytes(protection)?;
        let mut file = AtomicFile::create(path, Existing::Keep)?;
        file.write_all(&bytes)?;
        file.commit()
    }

    /// Writes the keyset file in the place of an older revision, with mode 0600, under the lock that a store takes too
    /// (format.md 8.6a). Where no file is, as [`Keyset::save_new`].
    ///
    /// `base` is the revision that this one was made from: the one that was loaded, or saved last. A file with a newer one
    /// was changed by somebody else meanwhile, and stays.
    ///
    /// # Errors
    /// As [`Keyset::save_new`]; `Misuse` where another keyset is there, `KeyState` where this revision is, or one that
    /// is newer than `base`; `Format` where no keyset file is.
    pub fn save_over(&self, path: &Path, base: u64, protection: Protection<'_>) -> Result<()> {
        let bytes = self.to_file_bytes(protection)?;
        let locked = match open_locked(path, Access::Read) {
            Err(Error::Io(error)) if error.kind() == ErrorKind::NotFound => {
                let mut file = AtomicFile::create(path, Existing::Keep)?;
                file.write_all(&bytes)?;
                return file.commit();
            }
            other => other?,
        };
        let there = Description::parse(&read_open(&locked)?)?;
        if there.id != self.id() {
            return Err(Error::Misuse("another keyset is there; choose another name"));
        }
        // One of the same number may hold a version that somebody else made.
        if there.revision > base || there.revision >= self.revision() {
            let what = "its file has this revision or a newer one than it was made from: load that \
                        one and change it, or keep the keyset in a store";
            return Err(Error::Keyset { keyset: self.id(), what });
        }
        let mut file = AtomicFile::create(path, Existing::Replace)?;
        file.write_all(&bytes)?;
        file.commit_locked(|| Ok(()))?;
        // An older revision that a killed writer left holds secrets that may be destroyed by now.
        let _ = remove_leftovers_of(path);
        Ok(())
    }

    /// Reads a keyset file.
    ///
    /// # Errors
    /// As [`Keyset::parse_file_bytes`]; `Io`.
    pub fn load(path: &Path, protection: Protection<'_>) -> Result<Self> {
        Keyset::load_open(&open_regular(path)?, protection)
    }

    /// Reads a keyset file that is open, from its start.
    pub(crate) fn load_open(file: &File, protection: Protection<'_>) -> Result<Self> {
        Keyset::parse_file_bytes(&read_open(file)?, protection)
    }

    /// Whether a file stores what it must of this keyset, and nothing else but a list of shares (format.md 8.3, 8.8).
    fn is_described_by(&self, stored: &Context) -> Result<bool> {
        let mut expected = self.stored_context()?;
        if let Some(list) = stored.as_encoded().value(STORED_BACKUP) {
            ShareList::parse(list)?;
            expected.insert(STORED_BACKUP, list)?;
        }
        Ok(*stored == expected)
    }

    pub(super) fn stored_context(&self) -> Result<Context> {
        Context::new()
            .with(STORED_ID, self.id().0)?
            .with(STORED_NAME, self.name())?
            .with(STORED_REVISION, self.revision().to_be_bytes())
    }
}

impl Description {
    /// Of the bytes of a keyset file.
    ///
    /// # Errors
    /// `Format`, `Truncated`, `Limit` where these bytes are no keyset file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(UNPROTECTED_MAGIC) {
            let keyset = Keyset::parse_unprotected(bytes)?;
            let name = keyset.name().to_owned();
            let (id, revision) = (keyset.id(), keyset.revision());
            return Ok(Description { id, name, revision, recipients: Vec::new() });
        }
        let header = Header::parse(bytes, crate::envelope::DEFAULT_MAX_HEADER_LEN)?;
        if header.kind() != Kind::Keyset {
            return Err(Error::format("8.3", "this is sealed data, not a keyset file"));
        }
        let wrong = Error::format("8.3", "the file does not name its keyset");
        let stored = header.stored_context();
        let read = || {
            let id = KeysetId(stored.value(STORED_ID)?.try_into().ok()?);
            let name = core::str::from_utf8(stored.value(STORED_NAME)?).ok()?.to_owned();
            let revision = u64::from_be_bytes(stored.value(STORED_REVISION)?.try_into().ok()?);
            Some((id, name, revision))
        };
        let (id, name, revision) = read().ok_or(wrong)?;
        let recipients = header.entries().map(|entry| entry.kind()).collect();
        Ok(Description { id, name, revision, recipients })
    }

    /// Of a keyset file.
    ///
    /// # Errors
    /// As [`Description::parse`]; `Io`.
    pub fn load(path: &Path) -> Result<Self> {
        Description::parse(&read_open(&open_regular(path)?)?)
    }
}

/// Reads a whole keyset file from its start, bounded.
pub(crate) fn read_open(mut file: &File) -> Result<Zeroizing<Vec<u8>>> {
    // The limit of the encoding, and room for the longest header around it.
    let limit = MAX_LEN + 2 * crate::envelope::HARD_MAX_HEADER_LEN;
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if len > limit {
        return Err(Error::Limit("a keyset file is at most 18 MiB"));
    }
    // Given its final capacity first: growing would leave copies of an unprotected keyset's secrets.
    let mut bytes = Zeroizing::new(Vec::with_capacity(len + 1));
    file.seek(SeekFrom::Start(0))?;
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(Error::Limit("a keyset file is at most 18 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
