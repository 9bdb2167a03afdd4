// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax open`.

use std::path::Path;

use clap::Args;
use sealwax::OpenedVia;
use sealwax::envelope::PAYLOAD_PREFIX_LEN;
use sealwax::stream::{self, Detached, DetachedPaths, Job};

use super::{Outcome, each};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::flow::{self, Sink, Source};
use crate::front;
use crate::header_file::{self, HeaderOption, InOrder};
use crate::input::Input;
use crate::interrupt;
use crate::keyring::{Keyring, OpenOptions, Purpose};
use crate::pipeline::{self, Run};
use crate::plan::{FileOptions, Item, Naming, Output};
use crate::progress::Progress;
use crate::via;

/// Options of `sealwax open`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Open {
    #[command(flatten)]
    keys: OpenOptions,
    #[command(flatten)]
    header: HeaderOption,
    #[command(flatten)]
    files: FileOptions,
}

impl Open {
    /// Opens all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let Open { keys, header, files } = self;
        let items = files.plan(Naming::StripSuffix)?;
        header.check(&items)?;
        let mut keyring = Keyring::new(keys, Purpose::Open)?;
        let mut opening = Opening { keyring: &mut keyring, files: &files, header: &header };
        Ok(each(items, |item| {
            opening.open(&item).map_err(|failure| failure.about(item.input.name()))
        }))
    }
}

/// With which keys and options the items are opened.
struct Opening<'a> {
    keyring: &'a mut Keyring,
    files: &'a FileOptions,
    header: &'a HeaderOption,
}

impl Opening<'_> {
    fn open(&mut self, item: &Item) -> Result<()> {
        let opened_via = match self.header.path() {
            Some(header) => self.open_detached(header, item)?,
            None => self.open_whole(item)?,
        };
        via::warn_if_compromised(&item.input.name(), opened_via);
        Ok(())
    }

    fn open_whole(&mut self, item: &Item) -> Result<OpenedVia> {
        let Opening { keyring, files, .. } = self;
        let progress = Progress::new(item.input.name(), files.quiet);
        let mut source = Source::open(&item.input)?;
        if let (Input::File(path), Output::File(target)) = (&item.input, &item.output) {
            keyring.prepare(&front::read_again(keyring, &mut source.file)?)?;
            flow::make_parents(target)?;
            let _guard = interrupt::leave_to_library();
            let job = self.job(&progress);
            let migrating = self.keyring.migrating();
            let opened = self.keyring.opener(&migrating).open_path(path, target, &job);
            return self.outcome(opened, target);
        }
        if source.is_whole_file() {
            keyring.prepare(&front::read_again(keyring, &mut source.file)?)?;
            let migrating = keyring.migrating();
            // Verifies the end before the first byte is released.
            let opened = keyring.opener(&migrating).seek_reader(&source.file);
            let mut reader = opened.map_err(via::explain)?;
            let sink = open_sink(&source, item, files)?;
            flow::carry(&mut reader, &mut sink.file(), &progress, source.len())?;
            sink.finish()?;
            return Ok(reader.opened_via());
        }
        let mut front = front::read_header(&mut source.file)?;
        keyring.prepare(&front)?;
        front::read_on(&mut front, &mut source.file, PAYLOAD_PREFIX_LEN)?;
        self.open_stream(&front, source, item, &progress)
    }

    /// The header is in a file of its own, and the input is the payload alone.
    fn open_detached(&mut self, header: &Path, item: &Item) -> Result<OpenedVia> {
        let Opening { keyring, files, .. } = self;
        let progress = Progress::new(item.input.name(), files.quiet);
        let mut front = header_file::read(header)?;
        keyring.prepare(&front)?;
        if let (Input::File(payload), Output::File(target)) = (&item.input, &item.output) {
            flow::make_parents(target)?;
            let _guard = interrupt::leave_to_library();
            let job = self.job(&progress);
            let migrating = self.keyring.migrating();
            let opener = self.keyring.opener(&migrating);
            let paths = DetachedPaths { header, payload };
            return self.outcome(opener.open_path_detached(paths, target, &job), target);
        }
        let mut source = Source::open(&item.input)?;
        if source.is_whole_file() {
            let migrating = keyring.migrating();
            let joined = Detached::new(front, &source.file);
            let opened = joined.and_then(|joined| keyring.opener(&migrating).positioned(joined));
            let positioned = opened.map_err(via::explain)?;
            let opened_via = positioned.opened_via();
            let sink = open_sink(&source, item, files)?;
            let mut reader = InOrder::new(positioned);
            flow::carry(&mut reader, &mut sink.file(), &progress, source.len())?;
            sink.finish()?;
            return Ok(opened_via);
        }
        front::read_on(&mut front, &mut source.file, PAYLOAD_PREFIX_LEN)?;
        self.open_stream(&front, source, item, &progress)
    }

    /// `front` is the header and the payload's first 56 bytes; the chunks come from `source`.
    fn open_stream(
        &self,
        front: &[u8],
        source: Source,
        item: &Item,
        progress: &Progress,
    ) -> Result<OpenedVia> {
        let migrating = self.keyring.migrating();
        let begun = self.keyring.opener(&migrating).begin_with_via(front);
        let (opening, opened_via) = begun.map_err(via::explain)?;
        let sink = open_sink(&source, item, self.files)?;
        let run = Run { threads: self.files.threads, progress, total: None };
        pipeline::open(source.file, sink.file(), &opening, &run)?;
        sink.finish()?;
        Ok(opened_via)
    }

    fn job<'p>(&self, progress: &'p Progress) -> Job<'p> {
        let existing = self.files.existing();
        Job { threads: self.files.threads, existing, control: Some(progress) }
    }

    fn outcome(
        &self,
        opened: sealwax::Result<stream::Outcome>,
        target: &Path,
    ) -> Result<OpenedVia> {
        match opened {
            Ok(stream::Outcome { opened_via: Some(opened_via), .. }) => Ok(opened_via),
            Ok(_) => Err(Failure::new(Exit::Other, "nothing says through whom it was opened")),
            Err(error) => Err(self.files.explain(error, target)),
        }
    }
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
  sealwax open --header dump.header.swx -o dump.sql dump.payload

Without -k and -i the file's own recipients decide: keysets in the home folder are found by their ids, and a
passphrase is asked for where the file has one. A given context entry must equal the stored one of that name; names
not stored are external.

A file appears under its name when all of it verified. To a pipe only verified bytes are written, but the end may
turn out to be missing: only exit code 0 says that it was all.";
