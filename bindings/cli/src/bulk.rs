// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many sealed files at once: those that are named, and those in folders.

use std::path::PathBuf;

use sealwax::census::{Census, Surveyor};
use sealwax::stream::{Control, Folders, HeaderReader};

use crate::failure::{Failure, Result};
use crate::interrupt;

/// Whether folders are gone into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Only where the user says so.
    FilesOnly,
    /// All the way down.
    Folders,
}

impl Depth {
    /// As -R says.
    pub(crate) fn of(recursive: bool) -> Self {
        if recursive { Depth::Folders } else { Depth::FilesOnly }
    }
}

/// These files and folders, for so many threads.
pub(crate) fn folders(paths: &[PathBuf], depth: Depth, threads: usize) -> Result<Folders> {
    if depth == Depth::FilesOnly
        && let Some(folder) = paths.iter().find(|path| path.is_dir())
    {
        return Err(Failure::usage("is a folder").hint("use -R to go into it").at(folder));
    }
    Ok(Folders::new(paths).threads(threads))
}

/// What public bytes say about which keys these files name. What cannot be read is for those who come after to report.
pub(crate) fn survey(folders: &Folders) -> Census {
    let surveyor = Surveyor::new();
    let found = folders.each(
        Some(&Interruption),
        || (surveyor.census(), HeaderReader::new()),
        |(census, reader), found| match found {
            Ok(path) => drop(surveyor.survey_path(&path, reader, census)),
            Err(_) => census.count_unreadable(),
        },
    );
    found.into_iter().fold(surveyor.census(), |mut sum, (census, _)| {
        sum.merge(census);
        sum
    })
}

/// Stops work between two files.
pub(crate) struct Interruption;

impl Control for Interruption {
    fn progress(&self, _: u64, _: u64) {}

    fn is_cancelled(&self) -> bool {
        interrupt::is_cancelled()
    }
}
