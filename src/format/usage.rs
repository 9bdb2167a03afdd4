// SPDX-License-Identifier: MIT OR Apache-2.0
//! The usage file beside a keyset file (format.md 8.7).

use alloc::vec::Vec;

use crate::error::{Error, Result};
use crate::format::keyset::MAX_VERSIONS;
use crate::format::reader::{End, Reader};
use crate::id::{KeysetId, VersionId};

/// A usage file without its mac.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsageFile {
    pub(crate) keyset: KeysetId,
    /// One more with each writing; 0 where there is no file yet.
    pub(crate) serial: u64,
    /// The newest revision of the keyset that a writer saw.
    pub(crate) revision: u64,
    pub(crate) fingerprint: [u8; 16],
    pub(crate) backup: Option<Backup>,
    /// In ascending order of version id.
    pub(crate) records: Vec<Record>,
}

/// The newest backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    /// Which revision it holds.
    pub(crate) revision: u64,
    /// When it was made, in seconds since 1970; 0 where nobody knew.
    pub(crate) at: u64,
}

/// What one version was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) version: VersionId,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) failed_opens: u64,
}

impl UsageFile {
    /// Parses a usage file. The file, its mac, and the bytes that the mac is over.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Self, &[u8; MAC_LEN], &[u8])> {
        let mut reader = Reader::new(bytes, End::Input);
        // format.md 8.7a
        if !MAGIC.starts_with(&bytes[..bytes.len().min(4)]) {
            return Err(Error::format("8.7", "not a usage file"));
        }
        reader.array::<4>()?;
        if reader.u8()? != VERSION {
            return Err(Error::format("8.7", "unknown version of a usage file"));
        }
        let keyset = KeysetId(*reader.array()?);
        let (serial, revision) = (reader.u64()?, reader.u64()?);
        let fingerprint = *reader.array()?;
        let backup = Backup { revision: reader.u64()?, at: reader.u64()? };
        let count = reader.u32()?;
        if count > MAX_VERSIONS {
            return Err(Error::Limit("a usage file has at most 65,536 usages"));
        }
        let mut records = Reader::new(reader.take(count as usize * RECORD_LEN)?, End::Input);
        let mac = reader.array()?;
        reader.finish("8.7a")?;
        if serial == 0 || revision == 0 {
            return Err(Error::format("8.7a", "a serial or revision is 0"));
        }
        if backup.revision > revision || (backup.revision == 0 && backup.at != 0) {
            return Err(Error::format("8.7a", "the backup is of a revision that never was"));
        }
        let backup = (backup.revision != 0).then_some(backup);
        let records: Vec<Record> =
            (0..count).map(|_| Record::parse(&mut records)).collect::<Result<_>>()?;
        if !records.is_sorted_by(|a, b| a.version < b.version) {
            return Err(Error::format("8.7a", "version ids are not ascending"));
        }
        let before_mac = &bytes[..bytes.len() - MAC_LEN];
        Ok((UsageFile { keyset, serial, revision, fingerprint, backup, records }, mac, before_mac))
    }

    /// The bytes before the mac.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let UsageFile { keyset, serial, revision, fingerprint, backup, records } = self;
        let backup = backup.unwrap_or(Backup { revision: 0, at: 0 });
        let mut out = Vec::with_capacity(FIXED_LEN + records.len() * RECORD_LEN + MAC_LEN);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&keyset.0);
        out.extend_from_slice(&serial.to_be_bytes());
        out.extend_from_slice(&revision.to_be_bytes());
        out.extend_from_slice(fingerprint);
        out.extend_from_slice(&backup.revision.to_be_bytes());
        out.extend_from_slice(&backup.at.to_be_bytes());
        let count = u32::try_from(records.len()).expect("at most one for each version");
        out.extend_from_slice(&count.to_be_bytes());
        for Record { version, messages, bytes, failed_opens } in records {
            out.extend_from_slice(&version.value().to_be_bytes());
            for number in [messages, bytes, failed_opens] {
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
        out
    }

    /// The record of a version, which is made where there is none.
    pub(crate) fn record_mut(&mut self, version: VersionId) -> &mut Record {
        let at = match self.records.binary_search_by_key(&version, |record| record.version) {
            Ok(at) => at,
            Err(at) => {
                let record = Record { version, messages: 0, bytes: 0, failed_opens: 0 };
                self.records.insert(at, record);
                at
            }
        };
        &mut self.records[at]
    }
}

impl Record {
    fn parse(reader: &mut Reader<'_>) -> Result<Self> {
        let version =
            VersionId::new(reader.u32()?).ok_or(Error::format("8.7a", "a version id is 0"))?;
        let (messages, bytes, failed_opens) = (reader.u64()?, reader.u64()?, reader.u64()?);
        Ok(Record { version, messages, bytes, failed_opens })
    }
}

/// Length of the mac, in bytes.
pub(crate) const MAC_LEN: usize = 32;
/// Longest usage file, in bytes.
pub(crate) const MAX_LEN: usize = FIXED_LEN + MAX_VERSIONS as usize * RECORD_LEN + MAC_LEN;
const MAGIC: &[u8; 4] = b"SWXL";
const VERSION: u8 = 1;
const FIXED_LEN: usize = 5 + 16 + 8 + 8 + 16 + 8 + 8 + 4;
const RECORD_LEN: usize = 4 + 3 * 8;
