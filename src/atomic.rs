// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that appear under their name only when they are complete: write aside, fsync, rename, fsync the folder.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::error::{Error, Result};
use crate::locked::{Locked, is_named_by, lock_new, try_lock};
use crate::rng::{OsRandom, Random};

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
    unfinished: UnfinishedFile,
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
        loop {
            let file = new_file(&target)?;
            // Held while the file is being written: what nobody holds is a leftover. It goes on under the final name, so
            // that nobody comes between the new file and what is written after it (format.md 8.6a).
            lock_new(file.as_file())?;
            // Whoever clears leftovers may have come between the two.
            if is_named_by(file.as_file(), file.path())? {
                let unfinished = UnfinishedFile(Some(file));
                let file = AtomicFile { unfinished, target, existing };
                if existing == Existing::Replace
                    && let Ok(replaced) = file.target.metadata()
                {
                    file.set_owner_of(&replaced);
                }
                return Ok(file);
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

    /// Gives the file to whom `like` belongs, where the system lets us: what a superuser changes stays with its owner.
    fn set_owner_of(&self, like: &std::fs::Metadata) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            // Whoever may not give it away goes on owning it, as with any file that is written anew.
            let _ = fchown(self.file(), Some(like.uid()), Some(like.gid()));
        }
        #[cfg(not(unix))]
        let _ = like;
    }

    /// Gives the file these permissions, where the system has such.
    ///
    /// # Errors
    /// `Io`.
    pub fn set_mode(&self, mode: u32) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            self.file().set_permissions(std::fs::Permissions::from_mode(mode))?;
        }
        #[cfg(not(unix))]
        let _ = mode;
        Ok(())
    }

    /// Where the unfinished file is, for whoever must remove it when the process ends at once.
    pub fn path(&self) -> &Path {
        self.unfinished.get().path()
    }

    /// The open file.
    pub fn file(&self) -> &File {
        self.unfinished.get().as_file()
    }

    /// Writes bytes at the end.
    ///
    /// # Errors
    /// `Io`.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.file().write_all(bytes)?)
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// `Io`; the unfinished file is removed, and a file that had the name is untouched. Only where the folder alone
    /// cannot be made durable the new file has its name already, and a loss of power may take that back.
    pub fn commit(self) -> Result<()> {
        self.commit_if(|| Ok(()))
    }

    /// [`AtomicFile::commit`], where `may_commit` does not object when all is durable and only the name is missing.
    ///
    /// # Errors
    /// As [`AtomicFile::commit`]; that of `may_commit`, and nothing is left behind.
    pub(crate) fn commit_if(self, may_commit: impl FnOnce() -> Result<()>) -> Result<()> {
        self.commit_locked(may_commit).map(drop)
    }

    /// [`AtomicFile::commit_if`], and the file is still locked for this process until what comes back is dropped.
    pub(crate) fn commit_locked(self, may_commit: impl FnOnce() -> Result<()>) -> Result<Locked> {
        let AtomicFile { mut unfinished, target, existing } = self;
        unfinished.get().as_file().sync_all()?;
        may_commit()?;
        let file = unfinished.0.take().expect(THERE);
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

/// A file that goes with this value: its name at once, and what is in it as soon as may be.
struct UnfinishedFile(Option<NamedTempFile>);

impl UnfinishedFile {
    fn get(&self) -> &NamedTempFile {
        self.0.as_ref().expect(THERE)
    }
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        let Some(file) = self.0.take() else { return };
        let (file, name) = file.into_parts();
        drop(name);
        // To give back gigabytes takes the system longer than whoever stopped the job wants to wait. Without another
        // thread they are given back here.
        if file.metadata().is_ok_and(|metadata| metadata.len() >= LONG) {
            let _ = std::thread::Builder::new().spawn(move || drop(file));
        }
    }
}

/// A folder being filled beside its final name. Dropped before [`AtomicFolder::commit`], it is removed with all in it.
pub struct AtomicFolder {
    folder: Unfinished,
    /// Held while the folder is being filled: what nobody holds is a leftover.
    lock: File,
    target: PathBuf,
}

impl AtomicFolder {
    /// Starts a folder, for its owner alone.
    ///
    /// # Errors
    /// `Io`; of kind `AlreadyExists` where `target` exists and is not an empty folder.
    pub fn create(target: &Path) -> Result<Self> {
        let is_empty = |mut entries: std::fs::ReadDir| entries.next().is_none();
        if target.symlink_metadata().is_ok() && !std::fs::read_dir(target).is_ok_and(is_empty) {
            return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists).into());
        }
        loop {
            let folder = new_folder(target)?;
            let lock = File::open(&folder.0)?;
            lock_new(&lock)?;
            // Whoever clears leftovers may have come between the two.
            if is_named_by(&lock, &folder.0)? {
                return Ok(AtomicFolder { folder, lock, target: target.to_path_buf() });
            }
        }
    }

    /// Where the unfinished folder is. The files that are put into it are durable before [`AtomicFolder::commit`].
    pub fn path(&self) -> &Path {
        &self.folder.0
    }

    /// Makes the folder durable and gives it its name.
    ///
    /// # Errors
    /// `Io`; the unfinished folder is removed, unless only its new name could not be made durable.
    pub fn commit(self) -> Result<()> {
        let AtomicFolder { folder, lock, target } = self;
        sync_open_folder(&lock)?;
        std::fs::rename(&folder.0, &target)?;
        // It is not there any more under the name that would be removed.
        std::mem::forget(folder);
        sync_folder(&target)
    }
}

/// A folder that goes with this value, and all in it.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether a file or a folder is named as unfinished ones are: `.NAME.XXXXXX.swx-tmp`.
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
    let Some(file) = lock_leftover(path)? else { return Ok(false) };
    match file.metadata()?.is_dir() {
        true => std::fs::remove_dir_all(path)?,
        false => std::fs::remove_file(path)?,
    }
    Ok(true)
}

/// `None` also where it is gone: its writer gave it its name, or somebody else cleared it.
fn lock_leftover(path: &Path) -> Result<Option<File>> {
    match try_lock_leftover(path) {
        Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => other,
    }
}

fn try_lock_leftover(path: &Path) -> Result<Option<File>> {
    // A link or a pipe of that name is nobody's unfinished file, and opening a pipe would wait.
    let is_ours = |metadata: std::fs::Metadata| metadata.is_file() || metadata.is_dir();
    if !is_unfinished_name(path) || !is_ours(path.symlink_metadata()?) {
        return Ok(None);
    }
    let file = File::open(path)?;
    match is_ours(file.metadata()?) && try_lock(&file)? && is_named_by(&file, path)? {
        true => Ok(Some(file)),
        false => Ok(None),
    }
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

/// A new file beside `target`, for its owner alone.
fn new_file(target: &Path) -> Result<NamedTempFile> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let (path, file) = new_name(target, |path| options.open(path))?;
    Ok(NamedTempFile::from_parts(file, TempPath::try_from_path(path)?))
}

/// A new folder beside `target`, for its owner alone.
fn new_folder(target: &Path) -> Result<Unfinished> {
    #[allow(unused_mut)]
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let (path, ()) = new_name(target, |path| builder.create(path))?;
    Ok(Unfinished(path))
}

/// Makes something under a name that nothing has. The names of `tempfile` come from a source that panics where the system has
/// no random bytes.
fn new_name<T>(target: &Path, make: impl Fn(&Path) -> std::io::Result<T>) -> Result<(PathBuf, T)> {
    loop {
        let mut number = [0; 4];
        OsRandom.fill(&mut number)?;
        let name = format!("{}{:08x}{TEMPORARY}", prefix_of(target), u32::from_ne_bytes(number));
        let path = folder(target).join(name);
        match make(&path) {
            Ok(made) => return Ok((path, made)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// How the names of unfinished files and folders begin that will be this one.
fn prefix_of(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let fits = |(at, character): &(usize, char)| at + character.len_utf8() <= MAX_NAME_LEN;
    let name: String = name.char_indices().take_while(fits).map(|(_, c)| c).collect();
    format!(".{name}.")
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
        sync_open_folder(&folder)?;
    }
    #[cfg(not(unix))]
    let _ = target;
    Ok(())
}

fn sync_open_folder(folder: &File) -> Result<()> {
    match folder.sync_all() {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        other => Ok(other?),
    }
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

/// Why an unfinished file can be asked for its file.
const THERE: &str = "only the commit takes it, and that ends its life";
/// From here on a file takes long to be given back, in bytes.
const LONG: u64 = 64 << 20;
