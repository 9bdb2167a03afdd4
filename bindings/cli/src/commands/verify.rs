// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax verify`.

use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;
use sealwax::OpenedVia;
use sealwax::stream::{Damage, DetachedPaths, Job, Verified};
use serde_json::{Value, json};

use super::{Outcome, each};
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::flow::{self, Source};
use crate::front;
use crate::header_file::{self, HeaderOption};
use crate::input::{self, Found, Input, Wanted};
use crate::interrupt;
use crate::keyring::{Keyring, OpenOptions, Purpose};
use crate::progress::Progress;
use crate::via;

/// Options of `sealwax verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    #[command(flatten)]
    keys: OpenOptions,
    #[command(flatten)]
    header: HeaderOption,
    /// Files, or - for stdin. Without any: stdin.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Go into folders, to every .swx file. Links in them are not followed.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// One JSON object per file, on one line each.
    #[arg(long)]
    json: bool,
    /// Threads to use; 0 means one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Show no progress, and say nothing about files that are well.
    #[arg(short, long)]
    quiet: bool,
}

/// What reading all of an envelope showed.
struct Verdict {
    plaintext_len: u64,
    opened_via: OpenedVia,
    /// Ranges of plaintext; known only where the input can be read from any position.
    damage: Vec<Damage>,
}

impl Verdict {
    fn of(verified: Verified) -> Self {
        let Verified { plaintext_len, opened_via, damage, .. } = verified;
        Verdict { plaintext_len, opened_via, damage }
    }
}

impl Verify {
    /// Verifies all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let mut keyring = Keyring::new(self.keys.clone(), Purpose::Open)?;
        let files = match self.files.is_empty() {
            true => &[PathBuf::from("-")],
            false => self.files.as_slice(),
        };
        let found = input::find(files, self.recursive, Wanted::Sealed);
        if self.header.path().is_some() && found.len() != 1 {
            return Err(Failure::usage("--header goes with one file"));
        }
        Ok(each(found, |Found { input, .. }| {
            let name = input.name();
            let verdict = self.verify(&mut keyring, &input).map_err(|f| f.about(&name));
            if let Ok(verdict) = &verdict {
                via::warn_if_compromised(&name, verdict.opened_via);
            }
            if !interrupt::is_cancelled() {
                self.print(&name, &verdict)?;
            }
            let verdict = verdict?;
            match verdict.damage.is_empty() {
                true => Ok(()),
                false => Err(damaged(&verdict).about(name)),
            }
        }))
    }

    fn verify(&self, keyring: &mut Keyring, input: &Input) -> Result<Verdict> {
        let progress = Progress::new(input.name(), self.quiet);
        let job = Job { threads: self.threads, control: Some(&progress), ..Job::default() };
        let header = self.header.path();
        let mut source = Source::open(input)?;
        let front = match header {
            Some(header) => header_file::read(header)?,
            None if matches!(input, Input::File(_)) => {
                front::read_again(keyring, &mut source.file)?
            }
            None => front::read(keyring, &mut source.file)?,
        };
        keyring.prepare(&front)?;
        let migrating = keyring.migrating();
        let opener = keyring.opener(&migrating);
        if let Input::File(path) = input {
            let verified = match header {
                Some(header) => {
                    opener.verify_path_detached(DetachedPaths { header, payload: path }, &job)
                }
                None => opener.verify_path(path, &job),
            };
            return Ok(Verdict::of(verified.map_err(via::explain)?));
        }
        let mut reader =
            opener.reader(front.as_slice().chain(&source.file)).map_err(via::explain)?;
        let plaintext_len = flow::carry(&mut reader, &mut io::sink(), &progress, None)?;
        let opened_via = reader.opened_via();
        Ok(Verdict { plaintext_len, opened_via, damage: Vec::new() })
    }

    fn print(&self, name: &str, verdict: &Result<Verdict>) -> Result<()> {
        let text = match (self.json, verdict) {
            (true, Ok(verdict)) => format!("{}\n", json_of(name, verdict)),
            (true, Err(failure)) => {
                let exit = failure.exit.code();
                format!(
                    "{}\n",
                    json!({"file": name, "ok": false, "error": failure.what(), "exit": exit})
                )
            }
            (false, Ok(verdict)) if verdict.damage.is_empty() && !self.quiet => {
                let via = via::words(verdict.opened_via);
                format!("{name}: ok, {} bytes, opened through {via}\n", verdict.plaintext_len)
            }
            _ => return Ok(()),
        };
        console::print(&text)
    }
}

fn damaged(verdict: &Verdict) -> Failure {
    let ranges: Vec<_> =
        verdict.damage.iter().map(|range| format!("{}..{}", range.from, range.to)).collect();
    let total = verdict.plaintext_len;
    let what =
        format!("damaged: of {total} bytes of plaintext, these do not open: {}", ranges.join(", "));
    Failure::new(Exit::CannotDecrypt, what).hint("get another copy of the file")
}

fn json_of(name: &str, verdict: &Verdict) -> Value {
    let ok = verdict.damage.is_empty();
    let damage: Vec<_> =
        verdict.damage.iter().map(|range| json!({"from": range.from, "to": range.to})).collect();
    let exit = if ok { 0 } else { Exit::CannotDecrypt.code() };
    json!({
        "file": name,
        "ok": ok,
        "plaintext_len": verdict.plaintext_len,
        "opened_via": verdict.opened_via.kind().name(),
        "unauthentic": via::is_compromised(verdict.opened_via),
        "damage": damage,
        "exit": exit,
    })
}

const EXAMPLES: &str = "\
Examples:
  sealwax verify report.pdf.swx
  sealwax verify -R --json /mnt/backup
  ssh host cat dump.swx | sealwax verify -k work
  sealwax verify --header dump.header.swx dump.payload

Reads everything, and writes nothing. Damaged ranges of a file are listed by their place in the plaintext; reading
from a pipe stops at the first.";
