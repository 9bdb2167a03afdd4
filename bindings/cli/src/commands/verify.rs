// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax verify`.

use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;
use sealwax::OpenedVia;
use sealwax::stream::{Damage, Job};
use serde_json::{Value, json};

use super::{Outcome, each};
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::flow::{self, Source};
use crate::front;
use crate::input::{self, Found, Input, Wanted};
use crate::interrupt;
use crate::keyring::{Keyring, OpenOptions};
use crate::progress::Progress;

/// Options of `sealwax verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    #[command(flatten)]
    keys: OpenOptions,
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

impl Verify {
    /// Verifies all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let mut keyring = Keyring::new(self.keys.clone())?;
        let files = match self.files.is_empty() {
            true => &[PathBuf::from("-")],
            false => self.files.as_slice(),
        };
        let found = input::find(files, self.recursive, Wanted::Sealed);
        Ok(each(found, |Found { input, .. }| {
            let name = input.name();
            let verdict = self.verify(&mut keyring, &input).map_err(|f| f.about(&name));
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
        let mut source = Source::open(input)?;
        if let Input::File(path) = input {
            keyring.prepare(&front::read_again(keyring, &mut source.file)?)?;
            let job = Job { threads: self.threads, control: Some(&progress), ..Job::default() };
            let verified = keyring.opener().verify_path(path, &job)?;
            let sealwax::stream::Verified { plaintext_len, opened_via, damage, .. } = verified;
            return Ok(Verdict { plaintext_len, opened_via, damage });
        }
        let front = front::read(keyring, &mut source.file)?;
        keyring.prepare(&front)?;
        let mut reader = keyring.opener().reader(front.as_slice().chain(&source.file))?;
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
                let via = via(verdict.opened_via);
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
        "damage": damage,
        "exit": exit,
    })
}

fn via(opened_via: OpenedVia) -> String {
    match opened_via {
        OpenedVia::Keyset(keyset, version) => format!("version {version} of keyset {keyset}"),
        OpenedVia::X25519(..) | OpenedVia::XWing(..) => {
            format!(
                "an {} identity, which says nothing about who sealed it",
                opened_via.kind().name()
            )
        }
        other => format!("a {}", other.kind().name()),
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax verify report.pdf.swx
  sealwax verify -R --json /mnt/backup
  ssh host cat dump.swx | sealwax verify -k work

Reads everything, and writes nothing. Damaged ranges of a file are listed by their place in the plaintext; reading
from a pipe stops at the first.";
