// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax rewrap`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use sealwax::envelope::{Change, Removal};
use sealwax::stream::{
    Durability, FileRewrap, Folders, HeaderReader, RewrapJob, Room, Unreadable, Writing,
};
use sealwax::{Error, OpenedVia, Rewrapper};
use serde_json::{Value, json};

use super::Outcome;
use crate::amount::bytes_shown;
use crate::bulk::{self, Depth};
use crate::changes::{ChangeOptions, Changes, Others};
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, shown};
use crate::interrupt;
use crate::keyring::{KeyOptions, Keyring, Purpose};
use crate::progress::Progress;
use crate::{removal, via};

/// Options of `sealwax rewrap`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Rewrap {
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    changes: ChangeOptions,
    /// Remove a recipient: a keyset (its id, or its name in the home folder), one version of it (ID:VERSION), a
    /// fingerprint, a kind (passphrase, x25519, ...), or hidden. May be repeated.
    #[arg(long, value_name = "WHO")]
    remove: Vec<String>,
    /// Files, or folders with -R: every .swx file in them, detached headers too. Links in them are not followed.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Go into folders.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Where a file has no room for its recipients, copy it to make room. Takes as long as copying it.
    #[arg(long)]
    grow: bool,
    /// Do not wait for the disk. Many times faster; after a crash of the machine files may be lost.
    #[arg(long)]
    no_sync: bool,
    /// Say what would be done, and do nothing. Keys are not tried.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Rewrap also what a compromised version wrapped. Whoever has it may have the data keys, which stay: reencrypt is
    /// the remedy.
    #[arg(long)]
    allow_compromised: bool,
    /// Threads to use; 0 means one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// The report as one JSON object; with --verbose one object per file before it, on one line each.
    #[arg(long)]
    json: bool,
    /// Say of each file what was done.
    #[arg(short, long)]
    verbose: bool,
    /// Show no progress and no report, only what failed.
    #[arg(short, long)]
    quiet: bool,
}

/// What became of all files.
#[derive(Default)]
struct Report {
    current: u64,
    in_place: u64,
    copied: u64,
    recovered: u64,
    would_change: u64,
    failed: u64,
    /// Of the files that changed, sealed.
    bytes: u64,
    exit: Option<Exit>,
}

/// What each thread has for itself.
struct Worker {
    report: Report,
    reader: HeaderReader,
}

impl Rewrap {
    /// Rewraps all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let begin = Instant::now();
        let folders = bulk::folders(&self.paths, Depth::of(self.recursive), self.threads)?;
        let purpose = if self.dry_run { Purpose::Open } else { Purpose::Wrap };
        let mut keyring = Keyring::of_keys(&self.keys, purpose)?;
        let expected = keyring.prepare_all(&folders)?;
        let changes = Changes::load(&self.changes, &keyring)?;
        let removals = removal::parse_all("--remove", &self.remove, keyring.home())?;
        if interrupt::is_cancelled() {
            return Err(interrupt::failure());
        }
        let rewrapper = self.rewrapper(&keyring, &changes, &removals);
        let report = self.rewrap_all(&rewrapper, &folders, expected);
        drop(rewrapper);
        changes.close();
        keyring.close();
        self.print(&report, begin.elapsed())?;
        Ok(report.exit.map_or(Ok(()), Err))
    }

    fn rewrapper<'a>(
        &self,
        keyring: &'a Keyring,
        changes: &'a Changes,
        removals: &[Removal],
    ) -> Rewrapper<'a> {
        let mut rewrapper = Rewrapper::new();
        for keyset in keyring.keysets() {
            rewrapper = rewrapper.keyset(keyset);
        }
        if let Some(passphrase) = keyring.passphrase() {
            rewrapper = rewrapper.key(passphrase);
        }
        for recipient in changes.recipients() {
            rewrapper = rewrapper.recipient(recipient);
        }
        let replaced = changes.passphrase.as_ref().map(|_| removal::PASSPHRASE);
        for removal in removals.iter().copied().chain(replaced) {
            rewrapper = rewrapper.remove(removal);
        }
        if changes.others == Others::Go {
            rewrapper = rewrapper.remove_others();
        }
        if changes.mix {
            rewrapper = rewrapper.danger_mix_recipients();
        }
        match self.allow_compromised {
            true => rewrapper.danger_allow_compromised(),
            false => rewrapper,
        }
    }

    fn rewrap_all(&self, rewrapper: &Rewrapper<'_>, folders: &Folders, expected: u64) -> Report {
        let progress = Progress::of_files("rewrap".into(), self.quiet, expected);
        let copying = Progress::new("copy".into(), self.quiet);
        let job = RewrapJob {
            room: if self.grow { Room::Grow } else { Room::AsItIs },
            durability: if self.no_sync { Durability::Unsynced } else { Durability::Synced },
            writing: if self.dry_run { Writing::DryRun } else { Writing::Write },
            control: Some(&copying),
        };
        // What was begun with a file is brought to its end.
        let _guard = interrupt::leave_to_library();
        let start = || Worker { report: Report::default(), reader: HeaderReader::new() };
        let workers = folders.each(Some(&progress), start, |worker, found| {
            let (path, done) = match found {
                Ok(path) => {
                    let done = rewrapper.rewrap_path_with(&path, &job, &mut worker.reader);
                    (path, done)
                }
                Err(Unreadable { path, error }) => (path, Err(error)),
            };
            let done = done.map_err(explain).and_then(refuse_foreign);
            worker.report.count(&path, &done);
            progress.aside(|| self.tell(&path, done));
        });
        workers.into_iter().fold(Report::default(), |sum, worker| sum.and(worker.report))
    }

    /// Says what became of one file, as far as that is wanted.
    fn tell(&self, path: &Path, done: Result<FileRewrap>) {
        let name = shown(path);
        let is_current = matches!(done, Ok(FileRewrap::Current));
        let wanted = self.verbose || self.dry_run && !self.json && !is_current;
        match done {
            Err(failure) if interrupt::is_cancelled() && failure.is_interruption() => {}
            Err(failure) => {
                let failure = failure.at(path);
                if self.json && self.verbose {
                    let (what, exit) = (failure.what(), failure.exit.code());
                    say(&json!({"file": name, "outcome": "failed", "error": what, "exit": exit}));
                }
                console::report(&failure);
            }
            Ok(done) if wanted && self.json => say(&file_json(&name, &done)),
            Ok(done) if wanted && !self.quiet => say(&file_text(&name, &done)),
            Ok(_) => {}
        }
    }

    fn print(&self, report: &Report, took: Duration) -> Result<()> {
        match (self.json, self.quiet) {
            (true, _) => console::print(&format!("{}\n", report.to_json(self.dry_run, took))),
            (false, true) => Ok(()),
            (false, false) => console::print(&report.to_text(took)),
        }
    }
}

impl Report {
    fn count(&mut self, path: &Path, done: &Result<FileRewrap>) {
        let counter = match done {
            Ok(FileRewrap::InPlace(..)) => &mut self.in_place,
            Ok(FileRewrap::Copied(..)) => &mut self.copied,
            Ok(FileRewrap::Recovered(_)) => &mut self.recovered,
            Ok(FileRewrap::WouldChange(_)) => &mut self.would_change,
            Ok(_) => &mut self.current,
            Err(failure) => {
                self.exit = self.exit.or(Some(failure.exit));
                &mut self.failed
            }
        };
        *counter += 1;
        if let Ok(FileRewrap::InPlace(..) | FileRewrap::Copied(..) | FileRewrap::WouldChange(_)) =
            done
        {
            self.bytes += path.metadata().map_or(0, |metadata| metadata.len());
        }
    }

    fn and(self, other: Report) -> Report {
        Report {
            current: self.current + other.current,
            in_place: self.in_place + other.in_place,
            copied: self.copied + other.copied,
            recovered: self.recovered + other.recovered,
            would_change: self.would_change + other.would_change,
            failed: self.failed + other.failed,
            bytes: self.bytes + other.bytes,
            exit: self.exit.or(other.exit),
        }
    }

    fn to_json(&self, dry_run: bool, took: Duration) -> Value {
        json!({
            "summary": true,
            "dry_run": dry_run,
            "current": self.current,
            "in_place": self.in_place,
            "copied": self.copied,
            "recovered": self.recovered,
            "would_change": self.would_change,
            "failed": self.failed,
            "bytes": self.bytes,
            "seconds": took.as_secs_f64(),
        })
    }

    fn to_text(&self, took: Duration) -> String {
        let mut parts = vec![format!("{} current", self.current)];
        for (count, what) in [
            (self.in_place, "rewrapped in place"),
            (self.copied, "rewrapped into a copy"),
            (self.recovered, "recovered"),
            (self.would_change, "would be rewrapped"),
            (self.failed, "failed"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        let (bytes, seconds) = (bytes_shown(self.bytes), took.as_secs_f64());
        let have = if self.would_change > 0 { "would have" } else { "have" };
        format!("{}; {bytes} {have} new recipients; {seconds:.1} s\n", parts.join(", "))
    }
}

/// A line of results. Whoever stopped reading them does not stop the work.
fn say(line: &dyn std::fmt::Display) {
    let _ = console::print(&format!("{line}\n"));
}

fn explain(error: Error) -> Failure {
    match error {
        Error::Limit(what) if what.contains("no room") => {
            let what = "the key block has no room for these recipients";
            Failure::new(Exit::Malformed, what).hint("--grow copies the file to make room")
        }
        other => other.into(),
    }
}

/// A file that nothing at hand opens may depend on whatever: it is not as it should be.
fn refuse_foreign(done: FileRewrap) -> Result<FileRewrap> {
    match done {
        FileRewrap::NotAtHand(wanted) => Err(Error::UnknownKey(wanted).into()),
        other => Ok(other),
    }
}

fn file_json(name: &str, done: &FileRewrap) -> Value {
    let changed = |outcome: &str, changes: &[Change], opened_via: Option<OpenedVia>| {
        let changes: Vec<_> = changes.iter().map(change_text).collect();
        json!({
            "file": name,
            "outcome": outcome,
            "changes": changes,
            "opened_via": opened_via.map(|via| via.kind().name()),
            "compromised": opened_via.is_some_and(via::is_compromised),
        })
    };
    match done {
        FileRewrap::InPlace(changes, via) => changed("in-place", changes, Some(*via)),
        FileRewrap::Copied(changes, via) => changed("copied", changes, Some(*via)),
        FileRewrap::Recovered(via) => changed("recovered", &[], Some(*via)),
        FileRewrap::WouldChange(changes) => changed("would-change", changes, None),
        _ => json!({"file": name, "outcome": "current"}),
    }
}

fn file_text(name: &str, done: &FileRewrap) -> String {
    let (outcome, changes): (_, &[Change]) = match done {
        FileRewrap::InPlace(changes, _) => ("rewrapped in place", changes),
        FileRewrap::Copied(changes, _) => ("rewrapped into a copy", changes),
        FileRewrap::Recovered(_) => ("recovered", &[]),
        FileRewrap::WouldChange(changes) if changes.is_empty() => ("would be recovered", changes),
        FileRewrap::WouldChange(changes) => ("would be rewrapped", changes),
        _ => ("current", &[]),
    };
    let changes: Vec<_> = changes.iter().map(change_text).collect();
    let colon = if changes.is_empty() { "" } else { ": " };
    format!("{name}: {outcome}{colon}{}", changes.join("; "))
}

fn change_text(change: &Change) -> String {
    match change {
        Change::Refreshed { from, to } => format!("{from}, now {to}"),
        Change::Added(wanted) => format!("added: {wanted}"),
        Change::Removed(wanted) => format!("removed: {wanted}"),
        Change::KeptUnknown(kind) => format!("kept: a recipient of type {kind}, not known here"),
        _ => "changed".into(),
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax rewrap -R /mnt/backup                  to the primary versions of the keysets they are sealed for
  sealwax rewrap -R --dry-run /mnt/backup
  sealwax rewrap -k work --add sealwaxpub1... report.pdf.swx
  sealwax rewrap -R --add-keyset archive --remove work /mnt/backup
  sealwax rewrap --to-keyset archive report.pdf.swx
  sealwax rewrap --remove 4c3e...:0a1b2c3d report.pdf.swx

Only a few hundred bytes of each file are written, in place: a reader at any moment and after any crash finds recipients
that open it. What is current is skipped, so that a run that was interrupted is run again. Keysets in the home folder
are found by their ids; with -k and -i only those given are used.

Rewrap keeps the data keys. Whoever could open a file can go on opening it, and what they kept of it: where a key is
in other hands, `sealwax reencrypt` is the remedy.";
