// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets in their files: changed under a lock, and counted beside it when they seal.

use std::path::Path;

use sealwax::rng::Now;
use sealwax::store::{BackedUp, Counting, Guard, Options, Store, usage_path};
use sealwax::{Error, Keyset};

use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, shown};
use crate::home::Home;
use crate::interrupt;
use crate::unlock::Unlocker;

/// How much is leased at once, to be counted in the usage file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Messages.
    pub(crate) messages: u64,
    /// Bytes of plaintext in them; at least those of the message at hand.
    pub(crate) bytes: u64,
}

impl Lease {
    /// For this many envelopes: exactly what they take, so that nothing is left to be given back.
    pub(crate) fn envelopes(count: usize) -> Self {
        let messages = count as u64;
        Lease { messages, bytes: messages.saturating_mul(DATA_KEY_LEN) }
    }
}

/// Opens a keyset to look at it or to change it. A usage file that does not verify is a failure.
pub(crate) fn open(path: &Path, unlocker: &Unlocker) -> Result<Store> {
    let guard = unlocker.guard(path).map_err(|failure| failure.at(path))?;
    open_guarded(path, &guard, Options::default())
}

/// Opens a keyset to seal with it. Where nothing can be written beside it, it is counted in this
/// process alone, and that is said.
pub(crate) fn open_to_seal(path: &Path, unlocker: &Unlocker, lease: Lease) -> Result<Store> {
    let guard = unlocker.guard(path).map_err(|failure| failure.at(path))?;
    open_guarded_to_seal(path, &guard, lease)
}

/// [`open_to_seal`], where it is known what protects the file.
pub(crate) fn open_guarded_to_seal(path: &Path, guard: &Guard, lease: Lease) -> Result<Store> {
    let options =
        Options { lease_messages: lease.messages, lease_bytes: lease.bytes, ..Options::default() };
    if can_write_beside(path) {
        let store = open_guarded(path, guard, options)?;
        remind_of_backup(&store);
        return Ok(store);
    }
    let path_shown = shown(path);
    console::warn(&format!(
        "{path_shown}: nothing can be written beside it, so what it seals is not counted"
    ));
    open_guarded(path, guard, Options { counting: Counting::Memory, ..options })
}

/// Opens a keyset to open tokens with it. Counting what does not open is worth no failure.
pub(crate) fn open_to_open(path: &Path, unlocker: &Unlocker) -> Result<Store> {
    let guard = unlocker.guard(path).map_err(|failure| failure.at(path))?;
    if can_write_beside(path) {
        match Store::open(path, guard.clone(), Options::default()) {
            Ok(store) => return Ok(store),
            Err(Error::Decrypt) => return Err(wrong_passphrase().at(path)),
            Err(_) => {}
        }
    }
    open_guarded(path, &guard, Options { counting: Counting::Memory, ..Options::default() })
}

/// Opens a keyset to show it, also where its usage file does not verify; then what is wrong with
/// that comes too.
pub(crate) fn open_to_show(path: &Path, unlocker: &Unlocker) -> Result<(Store, Option<Failure>)> {
    let guard = unlocker.guard(path).map_err(|failure| failure.at(path))?;
    match Store::open(path, guard.clone(), Options::default()) {
        Ok(store) => Ok((store, None)),
        Err(Error::Decrypt) => Err(wrong_passphrase().at(path)),
        Err(error) => {
            let store = open_guarded(path, &guard, MEMORY)?;
            Ok((store, Some(bad_usage(path, error))))
        }
    }
}

/// Gives back what was leased and not used, before an interruption can come between.
pub(crate) fn close(store: Store) {
    let _guard = interrupt::leave_to_library();
    drop(store);
}

/// Says that a keyset has no backup, or one that is older than its primary version.
pub(crate) fn remind_of_backup(store: &Store) {
    match Backup::of(store) {
        Backup::None => note_no_backup(store.path()),
        Backup::Older(_) => {
            let name = Home::name_of(store.path());
            let what = "is older than its newest version; make one anew with";
            console::note(&format!("the backup of keyset {name} {what} `{BACKUP_COMMAND} {name}`"));
        }
        Backup::Good(_) | Backup::Unknown => {}
    }
}

/// Says that a keyset has no backup.
pub(crate) fn note_no_backup(path: &Path) {
    let name = Home::name_of(path);
    console::note(&format!("keyset {name} has no backup; make one with `{BACKUP_COMMAND} {name}`"));
}

/// Whether a keyset has a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backup {
    /// None was recorded.
    None,
    /// What is sealed now opens with it.
    Good(BackedUp),
    /// It was made before the primary version was, as far as is known.
    Older(BackedUp),
    /// The record of it cannot be read.
    Unknown,
}

impl Backup {
    /// As it was recorded.
    pub(crate) fn of(store: &Store) -> Self {
        match store.backed_up() {
            Err(_) => Backup::Unknown,
            Ok(None) => Backup::None,
            Ok(Some(backup)) if is_older(backup, &store.keyset()) => Backup::Older(backup),
            Ok(Some(backup)) => Backup::Good(backup),
        }
    }
}

/// A revision may be newer for other reasons; whether there is a newer primary shows in the time
/// that it was made.
fn is_older(backup: BackedUp, keyset: &Keyset) -> bool {
    match (backup.at, keyset.primary()) {
        (Now::Seconds(at), Some(primary)) => primary.created() > at,
        (Now::Seconds(_), None) => false,
        // What is restored is one revision newer than its backup, whose time is not known.
        (Now::Unknown, _) => keyset.revision() > backup.revision.saturating_add(1),
    }
}

fn open_guarded(path: &Path, guard: &Guard, options: Options) -> Result<Store> {
    let error = match Store::open(path, guard.clone(), options) {
        Ok(store) => return Ok(store),
        Err(Error::Decrypt) => return Err(wrong_passphrase().at(path)),
        Err(error) => error,
    };
    // The keyset file opens without the usage file: then it is that which is wrong.
    if options.counting == Counting::File && Store::open(path, guard.clone(), MEMORY).is_ok() {
        return Err(bad_usage(path, error));
    }
    Err(Failure::from(error).at(path))
}

/// What is said where the passphrase does not open a keyset file.
pub(crate) fn wrong_passphrase() -> Failure {
    let what = "wrong passphrase for this keyset, or the file was changed";
    Failure::new(Exit::CannotDecrypt, what)
}

/// What is wrong with a usage file, and what to do.
fn bad_usage(path: &Path, error: Error) -> Failure {
    let usage = usage_path(&path.canonicalize().unwrap_or_else(|_| path.to_path_buf()));
    let away = shown(&usage);
    let failure = Failure::from(error);
    let hint = format!("to go on with what is there, move {away} away, and rotate the keyset");
    // Other hints are about files that somebody sealed.
    let failure = Failure::new(failure.exit, failure.what()).hint(hint);
    match failure.exit {
        Exit::KeyUnavailable => failure.at(path),
        _ => failure.about(format!("usage file {away}")),
    }
}

/// Whether new files can be made in the folder that a file is in.
fn can_write_beside(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, AtFlags, CWD, accessat};
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let folder = real.parent().unwrap_or(Path::new("."));
        accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok()
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        true
    }
}

/// Why a keyset is to be rotated, in words.
pub(crate) fn rotation_due(keyset: &Keyset) -> Option<&'static str> {
    use sealwax::keyset::RotationDue;
    Some(match keyset.is_rotation_due(Now::system())? {
        RotationDue::NoPrimary => "it has no primary version",
        RotationDue::Age => "the primary is as old as the policy allows",
        RotationDue::Deactivation => "the primary's time is over, or nearly",
        RotationDue::Messages => "the primary sealed as many messages as the policy allows",
        RotationDue::Bytes => "the primary sealed as many bytes as the policy allows",
        RotationDue::HardLimit => "the primary comes near the limits where it stops",
        _ => "it is time",
    })
}

const MEMORY: Options = Options {
    counting: Counting::Memory,
    lease_messages: 1,
    lease_bytes: 1,
    min_revision: 0,
    bad_usage: sealwax::store::BadUsage::Refuse,
};
const BACKUP_COMMAND: &str = "sealwax keyset backup";
/// What sealing an envelope is counted as (format.md 8.7b).
const DATA_KEY_LEN: u64 = 32;
