// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--header FILE`: the header in a file of its own, beside a payload (format.md 4.12).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Header};
use sealwax::stream::Positioned;

use crate::failure::{Failure, Result};
use crate::front;
use crate::input::Input;
use crate::plan::{Item, Output};

/// Where a detached header is.
#[derive(Args, Clone, Debug)]
pub(crate) struct HeaderOption {
    /// The header is in this file, and the payload alone in the other: for payloads in object stores. Name it *.swx,
    /// so that rewrap and census find it in folders.
    #[arg(long, value_name = "FILE")]
    header: Option<PathBuf>,
}

impl HeaderOption {
    /// The file with the header, where there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.header.as_deref()
    }

    /// Refuses what a header of its own cannot be used with: many files, and one file for two things.
    pub(crate) fn check(&self, items: &[Result<Item>]) -> Result<()> {
        let Some(header) = &self.header else { return Ok(()) };
        if items.len() != 1 {
            return Err(Failure::usage("--header goes with one file"));
        }
        let Some(Ok(Item { input, output })) = items.first() else { return Ok(()) };
        let paths = [
            matches!(input, Input::File(path) | Input::Stream(path) if is_same(path, header)),
            matches!(output, Output::File(path) if is_same(path, header)),
        ];
        match paths.contains(&true) {
            true => Err(Failure::usage("--header names the same file as the input or the output")),
            false => Ok(()),
        }
    }
}

/// Reads a header that is alone in its file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let read = || {
        let mut file = File::open(path)?;
        let header = front::read_header(&mut file)?;
        if Header::parse(&header, DEFAULT_MAX_HEADER_LEN)?.len() < header.len()
            || io::copy(&mut file.take(1), &mut io::sink())? != 0
        {
            return Err(Failure::from(sealwax::Error::Format {
                clause: "4.12",
                what: "bytes follow the header in the header file",
            }));
        }
        Ok(header)
    };
    read().map_err(|failure: Failure| failure.at(path))
}

/// Plaintext in order, from something that is read by position.
pub(crate) struct InOrder<R> {
    positioned: Positioned<R>,
    offset: u64,
}

impl<R> InOrder<R> {
    /// From the start.
    pub(crate) fn new(positioned: Positioned<R>) -> Self {
        InOrder { positioned, offset: 0 }
    }
}

impl<R: sealwax::stream::ReadAt> Read for InOrder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.positioned.read_at(self.offset, out)?;
        self.offset += read as u64;
        Ok(read)
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || match (one.canonicalize(), other.canonicalize()) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        }
}
