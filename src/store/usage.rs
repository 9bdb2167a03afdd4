// SPDX-License-Identifier: MIT OR Apache-2.0
//! The usage file of a store: leases, marks, backups (format.md 8.7).

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{BadUsage, Counting, Inner, put_back};
use crate::atomic::{AtomicFile, Existing};
use crate::error::{Error, Result};
use crate::format::usage::{Backup, MAX_LEN, Record, UsageFile};
use crate::id::VersionId;
use crate::keyset::meter::{FULL, Grant, Grantor};
use crate::keyset::{Keyset, MAX_BYTES, MAX_MESSAGES, Usage};
use crate::locked::Locked;
use crate::primitives::{ct_eq, hash};
use crate::rng::Now;

/// A backup that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The revision that it holds.
    pub revision: u64,
    /// When it was made.
    pub at: Now,
}

/// Where the usage file is.
pub(super) struct UsagePath(PathBuf);

impl UsagePath {
    /// `NAME.swxl` for `NAME.swxk`; any other name gets `.swxl` appended (format.md 8.7).
    pub(super) fn beside(keyset: &Path) -> Self {
        if keyset.extension().is_some_and(|extension| extension == "swxk") {
            return UsagePath(keyset.with_extension("swxl"));
        }
        let mut name = keyset.file_name().unwrap_or_default().to_os_string();
        name.push(".swxl");
        UsagePath(keyset.with_file_name(name))
    }

    pub(super) fn into_path(self) -> PathBuf {
        self.0
    }

    /// The bytes; `None` where there is no file.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>> {
        let file = match File::open(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_LEN as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Whoever can read the keyset file, whose metadata `like` is, can read it too.
    fn write(&self, bytes: &[u8], like: &Metadata) -> Result<()> {
        let mut file = AtomicFile::create(&self.0, Existing::Replace)?;
        file.set_mode_of(like)?;
        file.write_all(bytes)?;
        file.commit()
    }
}

/// The newest usage file that this process saw; serial 0 where there was none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    serial: u64,
    hash: [u8; 32],
}

impl Seen {
    fn of(serial: u64, bytes: &[u8]) -> Self {
        Seen { serial, hash: hash(&[bytes]) }
    }
}

impl UsageFile {
    pub(super) fn usages(&self) -> BTreeMap<VersionId, Usage> {
        let of = |record: &Record| {
            let Record { version, messages, bytes, failed_opens } = *record;
            (version, Usage { messages, bytes, failed_opens })
        };
        self.records.iter().map(of).collect()
    }
}

/// The newest revision that a usage file of this keyset has seen.
pub(super) fn newest_revision(bytes: &[u8], keyset: &Keyset) -> Result<u64> {
    verify_mac(bytes, keyset).map(|usage| usage.revision)
}

/// Parses and verifies a usage file of this keyset (format.md 8.7a), and what is seen from then on.
pub(super) fn verify(bytes: &[u8], keyset: &Keyset, seen: Seen) -> Result<(UsageFile, Seen)> {
    let usage = verify_mac(bytes, keyset)?;
    if usage.revision > keyset.revision()
        || (usage.revision == keyset.revision() && usage.fingerprint != keyset.fingerprint()?)
    {
        return Err(put_back(keyset));
    }
    let now = Seen::of(usage.serial, bytes);
    if now.serial < seen.serial {
        let what = "an older usage file was put back beside its file";
        return Err(Error::Keyset { keyset: keyset.id(), what });
    }
    if now.serial == seen.serial && now.hash != seen.hash {
        let what = "the usage file beside its file is another one of the same serial: two copies \
                    were counted apart from each other";
        return Err(Error::Keyset { keyset: keyset.id(), what });
    }
    Ok((usage, now))
}

fn verify_mac(bytes: &[u8], keyset: &Keyset) -> Result<UsageFile> {
    let (usage, mac, before_mac) = UsageFile::parse(bytes)?;
    let refuse = |what| Err(Error::Keyset { keyset: keyset.id(), what });
    if usage.keyset != keyset.id() {
        return refuse("the usage file beside its file is of another keyset: move that away");
    }
    let Some(wanted) = keyset.usage_mac(before_mac)? else {
        return refuse("there is a usage file beside its file, and it has no key for one");
    };
    match ct_eq(&wanted, mac) {
        true => Ok(usage),
        false => refuse("the usage file beside its file was changed: its mac does not hold"),
    }
}

impl Inner {
    /// The usage file as it is now, and no keyset that is older than it.
    fn look_at_usage(&self) -> Result<UsageFile> {
        // Before the file, which is then never older than what was seen of it.
        let seen = self.seen();
        let bytes = self.usage_path.read()?;
        // Somebody may have changed the keyset since this process looked, and raised the mark in the usage file.
        self.refresh()?;
        self.parse_usage(bytes, seen, &self.current())
    }

    pub(super) fn seen(&self) -> Seen {
        self.lock_state().usage
    }

    fn saw(&self, usage: Seen) {
        let mut state = self.lock_state();
        if usage.serial > state.usage.serial {
            state.usage = usage;
        }
    }

    /// The usage file of these bytes, or of no file.
    pub(super) fn parse_usage(
        &self,
        bytes: Option<Vec<u8>>,
        seen: Seen,
        keyset: &Keyset,
    ) -> Result<UsageFile> {
        let fingerprint = keyset.fingerprint()?;
        let none = || UsageFile {
            keyset: keyset.id(),
            serial: 0,
            revision: keyset.revision(),
            fingerprint,
            backup: None,
            records: Vec::new(),
        };
        let Some(bytes) = bytes else {
            if seen.serial == 0 || self.options.bad_usage == BadUsage::Replace {
                return Ok(UsageFile { serial: seen.serial, ..none() });
            }
            let what = "the usage file beside its file is gone: put it back, or open it anew to count anew";
            return Err(Error::Keyset { keyset: keyset.id(), what });
        };
        match verify(&bytes, keyset, seen) {
            Err(Error::Io(error)) => Err(error.into()),
            Err(_) if self.options.bad_usage == BadUsage::Replace => {
                // One more than what is there, so that nobody takes the new file for an older one.
                let found = UsageFile::parse(&bytes).map_or(0, |(usage, ..)| usage.serial);
                Ok(UsageFile { serial: found.max(seen.serial), ..none() })
            }
            Ok((usage, now)) => {
                self.saw(now);
                Ok(usage)
            }
            Err(other) => Err(other),
        }
    }

    /// Reads, changes and writes the usage file; the caller holds the lock of the keyset file.
    pub(super) fn update_usage<R>(
        &self,
        change: impl FnOnce(&mut UsageFile) -> Result<R>,
    ) -> Result<R> {
        let keyset = self.current();
        let mut usage = self.parse_usage(self.usage_path.read()?, self.seen(), &keyset)?;
        let changed = change(&mut usage)?;
        let full = Error::Limit("the usage file has no serial left");
        usage.serial = usage.serial.checked_add(1).ok_or(full)?;
        (usage.revision, usage.fingerprint) = (keyset.revision(), keyset.fingerprint()?);
        let mut bytes = usage.encode();
        let without = Error::Keyset { keyset: keyset.id(), what: "it has no key for a usage file" };
        let mac = keyset.usage_mac(&bytes)?.ok_or(without)?;
        bytes.extend_from_slice(&mac);
        self.usage_path.write(&bytes, &std::fs::metadata(&self.path)?)?;
        self.saw(Seen::of(usage.serial, &bytes));
        Ok(changed)
    }

    pub(super) fn usage(&self) -> Result<BTreeMap<VersionId, Usage>> {
        if self.options.counting == Counting::Memory {
            let keyset = self.current();
            return Ok(keyset.versions().iter().map(|v| (v.id(), v.usage())).collect());
        }
        Ok(self.look_at_usage()?.usages())
    }

    pub(super) fn backed_up(&self) -> Result<Option<BackedUp>> {
        let backup = self.look_at_usage()?.backup;
        Ok(backup.map(|Backup { revision, at }| BackedUp {
            revision,
            at: if at == 0 { Now::Unknown } else { Now::Seconds(at) },
        }))
    }

    pub(super) fn record_backup(&self, backup: BackedUp) -> Result<()> {
        let _file = self.lock_file_with_usage_key()?;
        let BackedUp { revision, at } = backup;
        if revision == 0 || revision > self.current().revision() {
            return Err(Error::Misuse("the keyset has no such revision that could be backed up"));
        }
        self.update_usage(|usage| {
            if usage.backup.is_none_or(|newest| newest.revision <= revision) {
                usage.backup = Some(Backup { revision, at: at.seconds() });
            }
            Ok(())
        })
    }

    pub(super) fn release(&self) -> Result<()> {
        if self.options.counting == Counting::Memory {
            return Ok(());
        }
        let meters: Vec<_> =
            self.lock_state().meters.iter().map(|(id, meter)| (*id, Arc::clone(meter))).collect();
        let returned: Vec<_> = meters
            .into_iter()
            .map(|(id, meter)| (id, meter.take_back()))
            .filter(|(_, usage)| *usage != Usage::default())
            .collect();
        if returned.is_empty() {
            return Ok(());
        }
        let _file = self.lock_file_with_usage_key()?;
        self.update_usage(|usage| {
            for (version, back) in &returned {
                let record = usage.record_mut(*version);
                record.messages = record.messages.saturating_sub(back.messages);
                record.bytes = record.bytes.saturating_sub(back.bytes);
                record.failed_opens = record.failed_opens.saturating_add(back.failed_opens);
            }
            Ok(())
        })
    }

    /// The lock of the keyset file, which has a usage key afterwards.
    fn lock_file_with_usage_key(&self) -> Result<Locked> {
        let file = self.lock_file()?;
        if self.current().has_usage_key() {
            return Ok(file);
        }
        drop(file);
        self.change(None, Keyset::touch)?;
        self.lock_file()
    }
}

impl Grantor for Inner {
    fn grant(&self, version: VersionId, bytes: u64, failed_opens: u64) -> Result<Grant> {
        let _file = self.lock_file_with_usage_key()?;
        // The revision that is in the file now decides, not the one that the caller holds.
        self.current().check_seals(version)?;
        self.update_usage(|usage| {
            let record = usage.record_mut(version);
            let (messages_left, bytes_left) = (
                MAX_MESSAGES.saturating_sub(record.messages),
                MAX_BYTES.saturating_sub(record.bytes),
            );
            if messages_left == 0 || bytes_left < bytes {
                return Err(FULL);
            }
            let messages = self.options.lease_messages.clamp(1, messages_left);
            let bytes = self.options.lease_bytes.max(bytes).min(bytes_left);
            record.messages = record.messages.saturating_add(messages);
            record.bytes = record.bytes.saturating_add(bytes);
            record.failed_opens = record.failed_opens.saturating_add(failed_opens);
            let Record { messages: all_messages, bytes: all_bytes, failed_opens, .. } = *record;
            let usage = Usage { messages: all_messages, bytes: all_bytes, failed_opens };
            Ok(Grant { messages, bytes, usage })
        })
    }
}
