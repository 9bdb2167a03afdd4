// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax open`.

use clap::Args;
use sealwax::envelope::PAYLOAD_PREFIX_LEN;
use sealwax::stream::Job;

use super::{Outcome, each};
use crate::failure::Result;
use crate::flow::{self, Sink, Source};
use crate::front;
use crate::input::Input;
use crate::interrupt;
use crate::keyring::{Keyring, OpenOptions};
use crate::pipeline::{self, Run};
use crate::plan::{FileOptions, Item, Naming, Output};
use crate::progress::Progress;

/// Options of `sealwax open`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Open {
    #[command(flatten)]
    keys: OpenOptions,
    #[command(flatten)]
    files: FileOptions,
}

impl Open {
    /// Opens all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let Open { keys, files } = self;
        let items = files.plan(Naming::StripSuffix)?;
        let mut keyring = Keyring::new(keys)?;
        Ok(each(items, |item| {
            open(&mut keyring, &files, &item).map_err(|failure| failure.about(item.input.name()))
        }))
    }
}

fn open(keyring: &mut Keyring, files: &FileOptions, item: &Item) -> Result<()> {
    let progress = Progress::new(item.input.name(), files.quiet);
    let existing = files.existing();
    let mut source = Source::open(&item.input)?;
    if let (Input::File(path), Output::File(target)) = (&item.input, &item.output) {
        keyring.prepare(&front::read_again(keyring, &mut source.file)?)?;
        flow::make_parents(target)?;
        let _guard = interrupt::leave_to_library();
        let job = Job { threads: files.threads, existing, control: Some(&progress) };
        return files.explain(keyring.opener().open_path(path, target, &job), target);
    }
    if source.is_whole_file() {
        keyring.prepare(&front::read_again(keyring, &mut source.file)?)?;
        // Verifies the end before the first byte is released.
        let mut reader = keyring.opener().seek_reader(&source.file)?;
        let sink = open_sink(&source, item, files)?;
        flow::carry(&mut reader, &mut sink.file(), &progress, source.len())?;
        return sink.finish();
    }
    let mut front = front::read_header(&mut source.file)?;
    keyring.prepare(&front)?;
    front::read_on(&mut front, &mut source.file, PAYLOAD_PREFIX_LEN)?;
    let opening = keyring.opener().begin(&front)?;
    let sink = open_sink(&source, item, files)?;
    let run = Run { threads: files.threads, progress: &progress, total: None };
    pipeline::open(source.file, sink.file(), &opening, &run)?;
    sink.finish()
}

fn open_sink(source: &Source, item: &Item, files: &FileOptions) -> Result<Sink> {
    if let Output::File(target) = &item.output {
        flow::make_parents(target)?;
    }
    let sink = Sink::open(&item.output, files.existing())?;
    sink.set_mode_of(&source.metadata)?;
    Ok(sink)
}

const EXAMPLES: &str = "\
Examples:
  sealwax open report.pdf.swx                    report.pdf beside it
  sealwax open -R /mnt/backup/photos -o .        every .swx file in it, to ./photos
  sealwax open -k work < src.tar.swx | tar x
  sealwax open -i identity.swxk -o letter.txt for-ann.swx
  sealwax open --context host=db1 dump.sql.swx

Without -k and -i the file's own recipients decide: keysets in the home folder are found by their ids, and a
passphrase is asked for where the file has one. A given context entry must equal the stored one of that name; names
not stored are external.

A file appears under its name when all of it verified. To a pipe only verified bytes are written, but the end may
turn out to be missing: only exit code 0 says that it was all.";
