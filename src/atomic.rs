// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that appear under their name only when they are complete: write aside, fsync, rename, fsync the folder.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::error::Result;

/// What becomes of a file that already has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the new one is an error.
    Keep,
    /// It is replaced at once, when the new one is complete.
    Replace,
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
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{}.", name.chars().take(64).collect::<String>());
        let file =
            Builder::new().prefix(&prefix).suffix(".swx-tmp").tempfile_in(folder(&target))?;
        Ok(AtomicFile { file, target, existing })
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
    /// `Io`; the unfinished file is removed, and a file that had the name is untouched.
    pub fn commit(self) -> Result<()> {
        let AtomicFile { file, target, existing } = self;
        file.as_file().sync_all()?;
        match existing {
            Existing::Keep => file.persist_noclobber(&target),
            Existing::Replace => file.persist(&target),
        }
        .map_err(|error| error.error)?;
        // The name is durable once the folder is; some file systems cannot sync folders, and say so.
        #[cfg(unix)]
        if let Ok(folder) = File::open(folder(&target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

fn folder(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
