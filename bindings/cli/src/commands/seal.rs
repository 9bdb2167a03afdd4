// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax seal`.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::Args;
use sealwax::atomic::{AtomicFile, Existing};
use sealwax::envelope::PAYLOAD_PREFIX_LEN;
use sealwax::rng::OsRandom;
use sealwax::stream::{DetachedPaths, Job};
use sealwax::{Context, Error, Sealer, Suite};

use super::{Outcome, each};
use crate::context;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::flow::{self, Sink, Source};
use crate::header_file::HeaderOption;
use crate::input::Input;
use crate::interrupt;
use crate::pipeline::{self, Run};
use crate::plan::{FileOptions, Item, Naming, Output};
use crate::progress::Progress;
use crate::recipients::{RecipientOptions, Recipients};
use crate::suite;

/// Options of `sealwax seal`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Seal {
    #[command(flatten)]
    recipients: RecipientOptions,
    /// Context that travels readable in the file, authenticated. May be repeated.
    #[arg(short, long = "context", value_name = "NAME=VALUE")]
    context: Vec<OsString>,
    /// Context that does not travel: whoever opens gives it again. May be repeated.
    #[arg(short, long = "external", value_name = "NAME=VALUE")]
    external: Vec<OsString>,
    /// cobblestone-256 or chacha20-poly1305. By default the keyset's own, else cobblestone-256.
    #[arg(long, value_parser = suite::parse)]
    suite: Option<Suite>,
    #[command(flatten)]
    header: HeaderOption,
    #[command(flatten)]
    files: FileOptions,
}

impl Seal {
    /// Seals all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let stored = context::parse(&self.context)?;
        let external = context::parse(&self.external)?;
        let items = self.files.plan(Naming::AddSuffix)?;
        self.header.check(&items)?;
        if self.header.path().is_some() && !self.files.names_output() {
            return Err(Failure::usage("with --header the other file is no whole envelope")
                .hint("name it with -o, or - for stdout"));
        }
        let to_stdout =
            |item: &Result<Item>| matches!(item, Ok(Item { output: Output::Stdout, .. }));
        if items.iter().any(to_stdout)
            && flow::stdout_is_terminal()
            && !(self.files.force || self.files.names_stdout())
        {
            return Err(Failure::usage("sealed bytes are not for a terminal")
                .hint("use -o FILE, a pipe, or -o -"));
        }
        let envelopes = items.iter().filter(|item| item.is_ok()).count();
        let mut recipients = Recipients::new(&self.recipients, envelopes)?;
        let contexts = (stored, external);
        // What does not fit together is said once, before the first file is touched.
        self.sealer(&recipients, &contexts).sealed_len(0)?;
        let outcome = each(items, |item| {
            let mut sealed = self.seal(&self.sealer(&recipients, &contexts), &item);
            // Somebody may have rotated a keyset since it was opened: its new primary seals.
            while sealed.as_ref().is_err_and(|failure| failure.exit == Exit::KeyUnavailable)
                && recipients.follow()
            {
                sealed = self.seal(&self.sealer(&recipients, &contexts), &item);
            }
            sealed.map_err(|failure| failure.about(item.input.name()))
        });
        recipients.close();
        Ok(outcome)
    }

    fn sealer<'a>(
        &self,
        recipients: &'a Recipients,
        (stored, external): &(Context, Context),
    ) -> Sealer<'a> {
        let sealer = recipients.sealer().stored_context(stored.clone());
        let sealer = sealer.external_context(external.clone());
        match self.suite {
            Some(suite) => sealer.suite(suite),
            None => sealer,
        }
    }

    fn seal(&self, sealer: &Sealer<'_>, item: &Item) -> Result<()> {
        let existing = self.files.existing();
        let progress = Progress::new(item.input.name(), self.files.quiet);
        if let Output::File(target) = &item.output {
            flow::make_parents(target)?;
            if let Input::File(source) = &item.input {
                let _guard = interrupt::leave_to_library();
                let job = Job { threads: self.files.threads, existing, control: Some(&progress) };
                let done = match self.header.path() {
                    Some(header) => {
                        let paths = DetachedPaths { header, payload: target };
                        sealer.seal_path_detached(source, paths, &job)
                    }
                    None => sealer.seal_path(source, target, &job),
                };
                return done.map(drop).map_err(|error| self.explain(error, target));
            }
        }
        self.seal_stream(sealer, item, &progress)
    }

    fn seal_stream(&self, sealer: &Sealer<'_>, item: &Item, progress: &Progress) -> Result<()> {
        let existing = self.files.existing();
        let source = Source::open(&item.input)?;
        let total = source.len();
        if let Some(header) = self.header.path()
            && existing == Existing::Keep
            && header.symlink_metadata().is_ok()
        {
            let exists = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(Failure::from(exists).at(header));
        }
        let (front, sealing) = {
            // Before the output is begun: the lease that this takes is a file that is written, too.
            let _guard = interrupt::leave_to_library();
            sealer.begin_with_rng(&mut OsRandom)?
        };
        if interrupt::is_cancelled() {
            return Err(interrupt::failure());
        }
        let sink = Sink::open(&item.output, existing)?;
        sink.set_mode_of(&source.metadata)?;
        let run = Run { threads: self.files.threads, progress, total };
        let Some(header) = self.header.path() else {
            sink.file().write_all(&front)?;
            pipeline::seal(source.file, sink.file(), sealing, &run)?;
            return sink.finish();
        };
        let (header_bytes, prefix) = front.split_at(front.len() - PAYLOAD_PREFIX_LEN);
        sink.file().write_all(prefix)?;
        pipeline::seal(source.file, sink.file(), sealing, &run)?;
        sink.finish()?;
        // Last: where the header is, the payload is.
        let _guard = interrupt::leave_to_library();
        let mut file = AtomicFile::create(header, existing)?;
        if source.metadata.is_file() {
            file.set_mode_of(&source.metadata)?;
        }
        file.write_all(header_bytes)?;
        Ok(file.commit()?)
    }

    /// Puts the name on a failure that is about an output that exists.
    fn explain(&self, error: Error, target: &Path) -> Failure {
        match self.header.path() {
            Some(header) if header.exists() && !target.exists() => {
                self.files.explain(error, header)
            }
            _ => self.files.explain(error, target),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax seal report.pdf                        report.pdf.swx beside it, for the keyset `default`
  sealwax seal -R photos -o /mnt/backup          every file in it, to /mnt/backup/photos
  tar c src | sealwax seal -k work > src.tar.swx
  sealwax seal -r sealwaxpub1... -o for-ann.swx letter.txt
  sealwax seal --passphrase letter.txt
  sealwax seal --context purpose=backup --external host=db1 dump.sql
  sealwax seal --header dump.header.swx -o dump.payload dump.sql

The source is never removed, and an existing file is never replaced without --force. A file appears under its
name when it is complete. With -k a passphrase option unlocks the keyset; without -k it is the passphrase that the
file is sealed with. The first seal makes the keyset `default`, and says so.";
