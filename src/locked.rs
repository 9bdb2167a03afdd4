// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files under an advisory lock that holds for what the path names now (format.md 4.9, 8.6a).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::secret::memory::fork_generation;

/// What the file is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    ReadWrite,
}

/// An open file under a lock, which goes when this is dropped.
pub(crate) struct Locked {
    file: File,
    /// The process that locked it.
    owner: u64,
}

impl Locked {
    /// Takes care of a lock that is held on this file.
    pub(crate) fn new(file: File) -> Self {
        Locked { file, owner: fork_generation() }
    }
}

impl std::ops::Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing does not unlock while a child that was forked meanwhile has the file open too. Such a child, in turn,
        // has nothing to unlock.
        if self.owner == fork_generation() {
            let _ = self.file.unlock();
        }
    }
}

/// Opens a regular file to read it. A pipe is refused, and not waited for.
///
/// # Errors
/// `Io`, of kind `IsADirectory` or `InvalidInput` where it is no regular file.
pub fn open_regular(path: &Path) -> Result<File> {
    open_regular_for(path, Access::Read)
}

fn open_regular_for(path: &Path, access: Access) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(access == Access::ReadWrite);
    #[cfg(unix)]
    {
        // To open a pipe would wait for whoever is at its other end. Regular files know no such wait.
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    let what = if kind.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::InvalidInput };
    Err(io::Error::new(what, "not a regular file").into())
}

/// Opens the file that the path names and locks it for this process alone.
///
/// A file that was replaced while we waited is not the one that the path names any more: the new one is locked then.
pub(crate) fn open_locked(path: &Path, access: Access) -> Result<Locked> {
    let begin = Instant::now();
    loop {
        let file = open_regular_for(path, access)?;
        lock(&file, begin)?;
        let file = Locked::new(file);
        if is_named_by(&file, path)? {
            return Ok(file);
        }
    }
}

/// Locks a file that nobody else knows yet. Some file systems have no locks: there it goes without, and nobody can take
/// it for a leftover either.
pub(crate) fn lock_new(file: &File) -> Result<()> {
    match lock(file, Instant::now()) {
        Err(Error::Io(error)) if has_no_locks(&error) => Ok(()),
        other => other,
    }
}

fn has_no_locks(error: &io::Error) -> bool {
    #[cfg(unix)]
    if rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOLCK) {
        return true;
    }
    error.kind() == ErrorKind::Unsupported
}

/// Whether nobody holds the lock; it is ours then until the file is closed. Where there are no locks, somebody may.
pub(crate) fn try_lock(file: &File) -> Result<bool> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) if has_no_locks(&error) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// Whether the path names this very file.
pub(crate) fn is_named_by(file: &File, path: &Path) -> Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let named = match std::fs::metadata(path) {
            Ok(named) => named,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let ours = file.metadata()?;
        Ok((ours.dev(), ours.ino()) == (named.dev(), named.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        Ok(true)
    }
}

fn lock(file: &File, begin: Instant) -> Result<()> {
    let mut pause = Duration::from_micros(50);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let what = "another process has held the lock on this file for 30 seconds";
                return Err(io::Error::new(ErrorKind::WouldBlock, what).into());
            }
        }
    }
}

/// How long a lock that somebody else holds is waited for: whoever can open the file could hold it for ever.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        let kind = |opened: Result<()>| match opened {
            Err(Error::Io(error)) => Some(error.kind()),
            _ => None,
        };
        assert_eq!(kind(open_regular(&pipe).map(drop)), Some(ErrorKind::InvalidInput));
        for access in [Access::Read, Access::ReadWrite] {
            assert_eq!(kind(open_locked(&pipe, access).map(drop)), Some(ErrorKind::InvalidInput));
        }
        let opened = open_regular(folder.path()).map(drop);
        assert_eq!(kind(opened), Some(ErrorKind::IsADirectory));
    }

    #[test]
    fn a_lock_goes_although_a_forked_child_has_the_file_open_still() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let ours = open_locked(file.path(), Access::Read).expect("nobody holds it");
        // What a child that is forked now has: another handle of the same open file.
        let childs = ours.try_clone().expect("it is open");
        let other = File::open(file.path()).expect("it is there");
        assert!(!try_lock(&other).expect("it can be asked"), "we hold it");
        drop(ours);
        assert!(try_lock(&other).expect("it can be asked"));
        drop(childs);
    }
}
