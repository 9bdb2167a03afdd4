// SPDX-License-Identifier: MIT OR Apache-2.0
//! The home folder: where keysets have names.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use sealwax::atomic::{self, Access};

use crate::exit::Exit;
use crate::failure::{Failure, Result, escaped, shown};

/// The folder with the keysets that have names.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    folder: PathBuf,
}

impl Home {
    /// `SEALWAX_HOME`, else `sealwax` in the XDG data folder.
    pub(crate) fn find() -> Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(folder) = set("SEALWAX_HOME") {
            return Ok(Home { folder: folder.into() });
        }
        // The XDG specification says to ignore what is not absolute.
        let data = set("XDG_DATA_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        let data = data.or_else(|| std::env::home_dir().map(|home| home.join(".local/share")));
        let data = data.ok_or_else(|| {
            Failure::new(Exit::Io, "there is no home folder").hint("set SEALWAX_HOME")
        })?;
        Ok(Home { folder: data.join("sealwax") })
    }

    /// Makes the folder, for its owner alone.
    pub(crate) fn create(&self) -> Result<()> {
        atomic::create_folders(&self.folder, Access::Owner)
            .map_err(|error| Failure::from(error).at(&self.folder))
    }

    /// The file of the keyset with this name.
    pub(crate) fn file_of(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        Ok(self.folder.join(format!("{name}{SUFFIX}")))
    }

    /// What `-k` means: a file where it looks like one, else a name.
    pub(crate) fn resolve(&self, argument: &OsStr) -> Result<PathBuf> {
        let path = Path::new(argument);
        let text = argument.to_string_lossy();
        let is_path = text.contains(std::path::is_separator) || text.ends_with(SUFFIX);
        if is_path {
            return Ok(path.to_path_buf());
        }
        let named = argument.to_str().map(|name| self.file_of(name));
        match named {
            // A name means the keyset of that name wherever one stands.
            Some(Ok(named)) if named.exists() || !path.is_file() => Ok(named),
            Some(Err(failure)) if !path.is_file() => Err(failure),
            _ => Ok(path.to_path_buf()),
        }
    }

    /// How a keyset file is named on the command line: by its name where it is in the home folder, else by its path.
    pub(crate) fn name_of(path: &Path) -> String {
        let named = || {
            let folder = Home::find().ok()?.folder.canonicalize().ok()?;
            let is_inside = path.canonicalize().ok()?.parent() == Some(&folder);
            let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
            is_inside.then(|| escaped(name))
        };
        named().unwrap_or_else(|| shown(path))
    }

    /// The keyset files in it, in order of name.
    pub(crate) fn keyset_files(&self) -> Result<Vec<PathBuf>> {
        let is_keyset = |path: &Path| path.extension() == Some(OsStr::new("swxk"));
        self.files(|path| is_keyset(path) && path.is_file())
    }

    /// The files in it that somebody is writing, or did not finish.
    pub(crate) fn unfinished_files(&self) -> Result<Vec<PathBuf>> {
        self.files(sealwax::atomic::is_unfinished_name)
    }

    fn files(&self, is_wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::from(error).at(&self.folder)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| Failure::from(error).at(&self.folder))?.path();
            if is_wanted(&path) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn check_name(name: &str) -> Result<()> {
    let wrong = match name {
        "" => "a keyset's name is not empty",
        _ if name.len() > 64 => "a keyset's name is at most 64 bytes",
        _ if name.starts_with(['.', '-']) => "a keyset's name does not begin with a dot or a dash",
        _ if name.contains(|c: char| c.is_control() || std::path::is_separator(c)) => {
            "a keyset's name has no separators and no control characters"
        }
        _ => return Ok(()),
    };
    Err(Failure::usage(wrong))
}

/// The keyset that is used where none is given.
pub(crate) const DEFAULT: &str = "default";
/// How the names of keyset files end.
pub(crate) const SUFFIX: &str = ".swxk";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for name in ["", ".", "..", "a/b", "-k", ".hidden", "a\nb", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["default", "a b", "ключ", &"x".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }
}
