// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax recover`.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::stream::{Durability, FileRewrap, Folders, HeaderReader, Unreadable};
use sealwax::{Error, Rewrapper, atomic};
use serde_json::json;

use super::Outcome;
use crate::bulk::{self, Depth};
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, shown};
use crate::front;
use crate::interrupt;
use crate::keyring::{KeyOptions, Keyring, Purpose};
use crate::progress::Progress;

/// Options of `sealwax recover`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Recover {
    #[command(flatten)]
    keys: KeyOptions,
    /// Files, or folders with -R: the .swx files in them, and unfinished files beside them. Links are not followed.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Go into folders.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Say what would be done, and do nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Threads to use; 0 means one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// One JSON object per file that was left unfinished, and a summary, on one line each.
    #[arg(long)]
    json: bool,
    /// Say nothing but what failed.
    #[arg(short, long)]
    quiet: bool,
}

/// What was found.
#[derive(Default)]
struct Found {
    looked_at: u64,
    /// Sealed files with a slot that an interrupted rewrap left.
    slots: Vec<PathBuf>,
    /// Files that somebody did not finish.
    unfinished: Vec<PathBuf>,
    failed: Vec<Failure>,
}

/// What was done.
#[derive(Default)]
struct Report {
    cleared: u64,
    removed: u64,
    in_use: u64,
    failed: u64,
    exit: Option<Exit>,
}

impl Recover {
    /// Recovers all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let folders = bulk::folders(&self.paths, Depth::of(self.recursive), self.threads)?;
        let mut keyring = Keyring::of_keys(&self.keys, Purpose::Open)?;
        let mut found = self.look(&folders.with_unfinished());
        let home = keyring.home().unfinished_files()?;
        found.unfinished.extend(home);
        let mut report = Report::default();
        for failure in found.failed {
            report.fail(failure);
        }
        // Under this, an interruption waits for the file at hand.
        let _guard = interrupt::leave_to_library();
        for path in found.slots {
            if interrupt::is_cancelled() {
                return Err(interrupt::failure());
            }
            match self.clear(&mut keyring, &path) {
                Ok(false) => {}
                Ok(true) => {
                    report.cleared += 1;
                    self.tell(&path, "cleared", "the slot that an interrupted rewrap left")?;
                }
                Err(failure) => report.fail(failure.at(&path)),
            }
        }
        for path in found.unfinished {
            match self.remove(&path) {
                Ok(true) => {
                    report.removed += 1;
                    self.tell(&path, "removed", "it was left unfinished")?;
                }
                Ok(false) => {
                    report.in_use += 1;
                    self.tell(&path, "in-use", "somebody is writing it")?;
                }
                Err(error) => report.fail(Failure::from(error).at(&path)),
            }
        }
        self.print(&report, found.looked_at)?;
        Ok(report.exit.map_or(Ok(()), Err))
    }

    /// Finds what is unfinished; needs no key and changes nothing.
    fn look(&self, folders: &Folders) -> Found {
        let progress = Progress::of_files("recover".into(), self.quiet, 0);
        let start = || (Found::default(), HeaderReader::new());
        let workers = folders.each(Some(&progress), start, |(all, reader), found| {
            all.looked_at += 1;
            let path = match found {
                Ok(path) => path,
                Err(Unreadable { path, error }) => {
                    all.failed.push(Failure::from(error).at(&path));
                    return;
                }
            };
            if atomic::is_unfinished_name(&path) {
                all.unfinished.push(path);
                return;
            }
            let leftover = File::open(&path)
                .map_err(Error::from)
                .and_then(|file| reader.read(&file, |header| Ok(header.has_leftover())));
            match leftover {
                Ok(true) => all.slots.push(path),
                Ok(false) => {}
                Err(error) => all.failed.push(Failure::from(error).at(&path)),
            }
        });
        workers.into_iter().fold(Found::default(), |mut sum, (found, _)| {
            sum.looked_at += found.looked_at;
            sum.slots.extend(found.slots);
            sum.unfinished.extend(found.unfinished);
            sum.failed.extend(found.failed);
            sum
        })
    }

    /// Clears a slot, after the other one was verified. Whether there was one.
    fn clear(&self, keyring: &mut Keyring, path: &Path) -> Result<bool> {
        keyring.prepare(&front::read_header(&mut File::open(path)?)?)?;
        // Nothing is wrapped and nothing is opened: a compromised version proves as much as is needed here.
        let mut rewrapper = Rewrapper::new().danger_allow_compromised();
        for keyset in keyring.keysets() {
            rewrapper = rewrapper.keyset(keyset);
        }
        if let Some(passphrase) = keyring.passphrase() {
            rewrapper = rewrapper.key(passphrase);
        }
        if self.dry_run {
            return Ok(true);
        }
        let done = rewrapper.recover_path(path, Durability::Synced)?;
        Ok(matches!(done, FileRewrap::Recovered(_)))
    }

    /// Whether a file was left unfinished by somebody who is gone, and is removed.
    fn remove(&self, path: &Path) -> sealwax::Result<bool> {
        match self.dry_run {
            true => atomic::is_leftover(path),
            false => atomic::remove_leftover(path),
        }
    }

    fn tell(&self, path: &Path, outcome: &str, what: &str) -> Result<()> {
        let name = shown(path);
        let would = if self.dry_run && outcome != "in-use" { "would be " } else { "" };
        match (self.json, self.quiet) {
            (true, _) => {
                let value = json!({"file": name, "outcome": outcome, "dry_run": self.dry_run});
                console::print(&format!("{value}\n"))
            }
            (false, true) => Ok(()),
            (false, false) => console::print(&format!("{name}: {would}{outcome}: {what}\n")),
        }
    }

    fn print(&self, report: &Report, looked_at: u64) -> Result<()> {
        let Report { cleared, removed, in_use, failed, .. } = *report;
        match (self.json, self.quiet) {
            (true, _) => {
                let value = json!({
                    "summary": true,
                    "dry_run": self.dry_run,
                    "files": looked_at,
                    "cleared": cleared,
                    "removed": removed,
                    "in_use": in_use,
                    "failed": failed,
                });
                console::print(&format!("{value}\n"))
            }
            (false, true) => Ok(()),
            (false, false) => {
                let would = if self.dry_run { "would be " } else { "" };
                console::print(&format!(
                    "{looked_at} files: {cleared} slots {would}cleared, {removed} unfinished files {would}removed, \
                     {in_use} being written, {failed} failed\n"
                ))
            }
        }
    }
}

impl Report {
    fn fail(&mut self, failure: Failure) {
        self.failed += 1;
        self.exit = self.exit.or(Some(failure.exit));
        console::report(&failure);
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax recover                                what is unfinished in the home folder
  sealwax recover -R /mnt/backup
  sealwax recover -R --dry-run /mnt/backup
  sealwax recover -k work report.pdf.swx

A rewrap that was killed leaves a slot of old recipients behind, and whatever was killed while it wrote a file leaves
.NAME.XXXXXX.swx-tmp. Neither does harm, and the next rewrap clears the slots of the files it touches; this clears
them all. A slot is cleared only after the other one was verified with a key. What somebody is writing stays.";
