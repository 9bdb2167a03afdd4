// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that appear under their name only when they are complete: write aside, fsync, rename, fsync the folder.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::error::Result;
use crate::locked::{Locked, is_named_by, lock_new, try_lock};

/// What becomes of a file that already has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the new one is an error.
    Keep,
    /// It is replaced at once, when the new one is complete.
    Replace,
}

/// Who may look into a new folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Its owner alone.
    Owner,
    /// Whoever the process lets.
    Default,
}

/// A file being written beside its final name. Dropped before [`AtomicFile::commit`], it is removed.
pub struct AtomicFile {
    file: NamedTempFile,
    target: PathBuf,
    existing: Existing,
}

impl AtomicFile {
    /// Starts a file, with mode 0600 until [`AtomicFile::commit`] or [`AtomicFile::set_mode_of`].
    ///
    /// # Errors
    /// `Io`; of kind `AlreadyExists` where `target` exists and is to be kept.
    pub fn create(target: &Path, existing: Existing) -> Result<Self> {
        if existing == Existing::Keep && target.symlink_metadata().is_ok() {
            return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists).into());
        }
        // A link is written through, so that it goes on pointing at the file.
        let target = match existing {
            Existing::Replace => target.canonicalize().unwrap_or_else(|_| target.to_path_buf()),
            Existing::Keep => target.to_path_buf(),
        };
        // A device or a pipe would be replaced by a file, which nobody wants who names one.
        match target.metadata() {
            Ok(there) if there.is_dir() => {
                return Err(std::io::Error::from(std::io::ErrorKind::IsADirectory).into());
            }
            Ok(there) if !there.is_file() => {
                let what = "the target is there and is not a regular file";
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, what).into());
            }
            _ => {}
        }
        let prefix = prefix_of(&target);
        loop {
            let file =
                Builder::new().prefix(&prefix).suffix(TEMPORARY).tempfile_in(folder(&target))?;
            // Held while the file is being written: what nobody holds is a leftover. It goes on under the final name, so
            // that nobody comes between the new file and what is written after it (format.md 8.6a).
            lock_new(file.as_file())?;
            // Whoever clears leftovers may have come between the two.
            if is_named_by(file.as_file(), file.path())? {
                return Ok(AtomicFile { file, target, existing });
            }
        }
    }

    /// Gives the file the permissions of `like`, without those to run it.
    ///
    /// # Errors
    /// `Io`.
    pub fn set_mode_of(&self, like: &std::fs::Metadata) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            self.set_mode(like.permissions().mode() & 0o666)?;
        }
        #[cfg(not(unix))]
        let _ = like;
        Ok(())
    }

    /// Gives the file these permissions, where the system has such.
    ///
    /// # Errors
    /// `Io`.
    pub fn set_mode(&self, mode: u32) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            self.file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
        }
        #[cfg(not(unix))]
        let _ = mode;
        Ok(())
    }

    /// Where the unfinished file is, for whoever must remove it when the process ends at once.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The open file.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Writes bytes at the end.
    ///
    /// # Errors
    /// `Io`.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.file.as_file_mut().write_all(bytes)?)
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// `Io`; the unfinished file is removed, and a file that had the name is untouched. Only where the folder alone
    /// cannot be made durable the new file has its name already, and a loss of power may take that back.
    pub fn commit(self) -> Result<()> {
        self.commit_locked().map(drop)
    }

    /// [`AtomicFile::commit`], and the file is still locked for this process until what comes back is dropped.
    pub(crate) fn commit_locked(self) -> Result<Locked> {
        let AtomicFile { file, target, existing } = self;
        file.as_file().sync_all()?;
        let file = match existing {
            Existing::Keep => file.persist_noclobber(&target),
            Existing::Replace => file.persist(&target),
        }
        .map_err(|error| error.error)?;
        let file = Locked::new(file);
        sync_folder(&target)?;
        Ok(file)
    }
}

/// Whether a file is named as unfinished ones are: `.NAME.XXXXXX.swx-tmp`.
pub fn is_unfinished_name(path: &Path) -> bool {
    let is_ours = |name: &str| name.starts_with('.') && name.ends_with(TEMPORARY);
    path.file_name().and_then(|name| name.to_str()).is_some_and(is_ours)
}

/// Whether this is what a killed process left unfinished: nobody is writing it now.
///
/// # Errors
/// `Io`.
pub fn is_leftover(path: &Path) -> Result<bool> {
    lock_leftover(path).map(|file| file.is_some())
}

/// Removes what a killed process left unfinished, if nobody is writing it now. Whether it was one and is gone.
///
/// # Errors
/// `Io`.
pub fn remove_leftover(path: &Path) -> Result<bool> {
    // Nobody takes it up while the lock is held.
    let Some(_file) = lock_leftover(path)? else { return Ok(false) };
    std::fs::remove_file(path)?;
    Ok(true)
}

/// Removes what killed processes left unfinished of this file.
///
/// # Errors
/// `Io`.
pub(crate) fn remove_leftovers_of(target: &Path) -> Result<()> {
    let prefix = prefix_of(target);
    for entry in std::fs::read_dir(folder(target))? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
            remove_leftover(&entry.path())?;
        }
    }
    Ok(())
}

/// How the names of unfinished files begin that will be this one.
fn prefix_of(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let fits = |(at, character): &(usize, char)| at + character.len_utf8() <= MAX_NAME_LEN;
    let name: String = name.char_indices().take_while(fits).map(|(_, c)| c).collect();
    format!(".{name}.")
}

fn lock_leftover(path: &Path) -> Result<Option<File>> {
    // A link or a pipe of that name is nobody's unfinished file, and opening a pipe would wait.
    if !is_unfinished_name(path) || !path.symlink_metadata()?.is_file() {
        return Ok(None);
    }
    let file = File::open(path)?;
    match file.metadata()?.is_file() && try_lock(&file) && is_named_by(&file, path)? {
        true => Ok(Some(file)),
        false => Ok(None),
    }
}

/// Makes a folder and those above it that are missing, durably.
///
/// # Errors
/// `Io`.
pub fn create_folders(path: &Path, access: Access) -> Result<()> {
    let missing = path.ancestors().take_while(|path| !path.as_os_str().is_empty());
    let missing: Vec<_> = missing.take_while(|path| !path.exists()).collect();
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    if access == Access::Owner {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    }
    #[cfg(not(unix))]
    let _ = access;
    builder.recursive(true).create(path)?;
    // A file in a folder whose own name is lost is lost too.
    missing.into_iter().try_for_each(sync_folder)
}

/// Makes a name durable. Some file systems cannot sync folders, and say so: there it is as durable as it gets.
fn sync_folder(target: &Path) -> Result<()> {
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder(target)) {
        match folder.sync_all() {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {}
            other => other?,
        }
    }
    #[cfg(not(unix))]
    let _ = target;
    Ok(())
}

/// How the names of unfinished files end.
const TEMPORARY: &str = ".swx-tmp";
/// How much of the final name is in that of the unfinished file, in bytes: systems limit names to 255.
const MAX_NAME_LEN: usize = 64;

fn folder(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
