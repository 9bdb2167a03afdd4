// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to be done: which input goes to which output.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::atomic::Existing;

use crate::failure::{Failure, Result};
use crate::input::{self, Found, Input, SUFFIX, Wanted};
use crate::via;

/// Which files, and where the results go.
#[derive(Args, Clone, Debug)]
pub(crate) struct FileOptions {
    /// Files, or - for stdin. Without any: stdin to stdout.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write here: a file, a folder that exists, or - for stdout.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Go into folders. Links in them are not followed; with -o a folder keeps its name and its shape.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Replace what exists, and write sealed bytes to a terminal.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Threads to use; 0 means one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// Show no progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Where bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Standard output.
    Stdout,
    /// A file, which appears when it is complete.
    File(PathBuf),
}

/// One thing to do.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// From where.
    pub(crate) input: Input,
    /// To where.
    pub(crate) output: Output,
}

/// How the output's name comes from the input's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// FILE becomes FILE.swx; in folders what is sealed already is left out.
    AddSuffix,
    /// The name stays; in folders what is not sealed is left out.
    Keep,
    /// FILE.swx becomes FILE; in folders what is not sealed is left out.
    StripSuffix,
}

impl FileOptions {
    /// The things to do; those that cannot be done are failures in their places.
    ///
    /// A command line that makes no sense as a whole is one failure.
    pub(crate) fn plan(&self, naming: Naming) -> Result<Vec<Result<Item>>> {
        if self.files.is_empty() || self.files.iter().any(|file| is_dash(file)) {
            return self.plan_stdin();
        }
        let folder = self.output.as_deref().filter(|output| output.is_dir());
        let many = self.files.len() > 1 || self.files[0].is_dir();
        if many && folder.is_none() && self.output.is_some() {
            let failure =
                Failure::usage("-o names no folder that exists, and there are many files");
            return Err(failure);
        }
        let wanted = match naming {
            Naming::AddSuffix => Wanted::Plain,
            Naming::StripSuffix | Naming::Keep => Wanted::Sealed,
        };
        let mut taken = BTreeSet::new();
        let mut items = Vec::new();
        for found in input::find(&self.files, self.recursive, wanted) {
            let item = found.and_then(|found| {
                let name = found.input.name();
                let item = self.place(found, folder, naming).map_err(|f| f.about(&name))?;
                match &item.output {
                    Output::File(path) if !taken.insert(path.clone()) => {
                        Err(Failure::usage("another input has the same output").about(name))
                    }
                    _ => Ok(item),
                }
            });
            items.push(item);
        }
        Ok(items)
    }

    /// Each sealed file takes its own place.
    pub(crate) fn plan_in_place(&self) -> Result<Vec<Result<Item>>> {
        if self.files.is_empty() {
            return Err(Failure::usage("no file is named"));
        }
        let place = |found: Found| match found.input {
            Input::File(path) => {
                Ok(Item { input: Input::File(path.clone()), output: Output::File(path) })
            }
            other => Err(Failure::usage("is not a regular file").about(other.name())),
        };
        let found = input::find(&self.files, self.recursive, Wanted::Sealed);
        Ok(found.into_iter().map(|found| found.and_then(place)).collect())
    }

    /// Whether an output was named.
    pub(crate) fn names_output(&self) -> bool {
        self.output.is_some()
    }

    /// Whether stdout was asked for by name.
    pub(crate) fn names_stdout(&self) -> bool {
        self.output.as_deref().is_some_and(is_dash)
    }

    /// What becomes of files that exist.
    pub(crate) fn existing(&self) -> Existing {
        match self.force {
            true => Existing::Replace,
            false => Existing::Keep,
        }
    }

    /// Puts the target's name on a failure that is about it.
    pub(crate) fn explain(&self, error: sealwax::Error, target: &Path) -> Failure {
        match error {
            sealwax::Error::Io(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Failure::from(error).at(target)
            }
            other => via::explain(other),
        }
    }

    fn plan_stdin(&self) -> Result<Vec<Result<Item>>> {
        if self.files.len() > 1 {
            return Err(Failure::usage("- (stdin) stands alone"));
        }
        let output = match &self.output {
            Some(output) if output.is_dir() => {
                return Err(Failure::usage("is a folder, and stdin has no name")
                    .hint("give a file name to -o")
                    .at(output));
            }
            Some(output) if !is_dash(output) => Output::File(output.clone()),
            _ => Output::Stdout,
        };
        Ok(vec![Ok(Item { input: Input::Stdin, output })])
    }

    fn place(&self, found: Found, folder: Option<&Path>, naming: Naming) -> Result<Item> {
        let Found { input, below } = found;
        let output = match (&self.output, folder, &input) {
            (_, Some(folder), _) => Output::File(renamed(&folder.join(below), naming)?),
            (Some(output), ..) if is_dash(output) => Output::Stdout,
            (Some(output), ..) => Output::File(output.clone()),
            (None, _, Input::File(path)) => Output::File(renamed(path, naming)?),
            (None, ..) => {
                return Err(Failure::usage("is not a regular file").hint("say where to with -o"));
            }
        };
        if let (Output::File(output), Input::File(input)) = (&output, &input)
            && is_same(input, output)
        {
            return Err(Failure::usage("input and output are the same file"));
        }
        Ok(Item { input, output })
    }
}

fn renamed(path: &Path, naming: Naming) -> Result<PathBuf> {
    let no_name = || Failure::usage("has no file name").hint("say where to with -o");
    match naming {
        Naming::AddSuffix => {
            let mut name = path.file_name().ok_or_else(no_name)?.to_os_string();
            name.push(".");
            name.push(SUFFIX);
            Ok(path.with_file_name(name))
        }
        Naming::Keep => Ok(path.to_path_buf()),
        Naming::StripSuffix if input::is_sealed_name(path) => {
            Ok(path.with_file_name(path.file_stem().ok_or_else(no_name)?))
        }
        Naming::StripSuffix => {
            Err(Failure::usage("does not end in .swx")
                .hint("say with -o where the opened file goes"))
        }
    }
}

fn is_same(input: &Path, output: &Path) -> bool {
    match (input.canonicalize(), output.canonicalize()) {
        (Ok(input), Ok(output)) => input == output,
        _ => false,
    }
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}
