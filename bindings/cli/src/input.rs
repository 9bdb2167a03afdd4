// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inputs: stdin, files, and what is found in folders.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::console;
use crate::failure::{Failure, Result, shown};

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Standard input.
    Stdin,
    /// A regular file.
    File(PathBuf),
    /// A pipe or a device that has a name.
    Stream(PathBuf),
}

/// Which files of a folder are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Those that are not sealed yet.
    Plain,
    /// Those that end in `.swx`.
    Sealed,
}

/// An input that was named or found, and its path below an output folder.
#[derive(Debug)]
pub(crate) struct Found {
    /// The input.
    pub(crate) input: Input,
    /// Where it belongs below an output folder.
    pub(crate) below: PathBuf,
}

impl Input {
    /// How it is called in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Input::Stdin => "stdin".into(),
            Input::File(path) | Input::Stream(path) => shown(path),
        }
    }
}

/// The inputs of these arguments, in order; what cannot be used is a failure in its place.
pub(crate) fn find(arguments: &[PathBuf], recursive: bool, wanted: Wanted) -> Vec<Result<Found>> {
    let mut found = Vec::new();
    for path in arguments {
        let name = PathBuf::from(path.file_name().unwrap_or_default());
        match std::fs::metadata(path) {
            _ if path.as_os_str() == "-" => {
                found.push(Ok(Found { input: Input::Stdin, below: PathBuf::new() }));
            }
            Err(error) => found.push(Err(Failure::from(error).at(path))),
            Ok(metadata) if metadata.is_dir() && recursive => {
                let before = found.len();
                walk(path, &name, wanted, &mut found);
                if found.len() == before {
                    console::note(&format!("{}: nothing to do in this folder", shown(path)));
                }
            }
            Ok(metadata) if metadata.is_dir() => {
                let failure = Failure::usage("is a folder").hint("use -R to go into it");
                found.push(Err(failure.at(path)));
            }
            Ok(metadata) if metadata.is_file() => {
                found.push(Ok(Found { input: Input::File(path.clone()), below: name }));
            }
            Ok(_) => found.push(Ok(Found { input: Input::Stream(path.clone()), below: name })),
        }
    }
    found
}

/// Whether a file is named as a sealed one.
pub(crate) fn is_sealed_name(path: &Path) -> bool {
    path.extension() == Some(OsStr::new(SUFFIX))
}

fn walk(folder: &Path, below: &Path, wanted: Wanted, found: &mut Vec<Result<Found>>) {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            found.push(Err(Failure::from(error).at(folder)));
            return;
        }
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, below) = (entry.path(), below.join(entry.file_name()));
        let is_wanted = match wanted {
            Wanted::Plain => !is_sealed_name(&path) && !is_unfinished(&path),
            Wanted::Sealed => is_sealed_name(&path),
        };
        match entry.file_type() {
            Err(error) => found.push(Err(Failure::from(error).at(&path))),
            Ok(kind) if kind.is_dir() => walk(&path, &below, wanted, found),
            Ok(_) if !is_wanted => {}
            Ok(kind) if kind.is_file() => found.push(Ok(Found { input: Input::File(path), below })),
            // Left out in silence it would be missing from somebody's backup.
            Ok(kind) => {
                let what = if kind.is_symlink() { "a link" } else { "not a regular file" };
                console::warn(&format!("{}: {what}; left out", shown(&path)));
            }
        }
    }
}

/// Whether another run is writing this file, or was killed while it did.
fn is_unfinished(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("swx-tmp"))
}

/// How the names of sealed files end.
pub(crate) const SUFFIX: &str = "swx";
