// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax census`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::BufReader;
use std::path::PathBuf;

use base64ct::{Base64UrlUnpadded, Encoding};
use clap::Args;
use sealwax::census::{Census, Dependence, Finding, Proof, Surveyor, Tally};
use sealwax::id::{KeyState, KeysetId, VersionId};
use sealwax::stream::{Folders, HeaderReader, Unreadable};
use serde_json::{Value, json};

use super::{Outcome, token};
use crate::amount::bytes_shown;
use crate::bulk::{self, Depth};
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, escaped, shown};
use crate::flow::Source;
use crate::input::Input;
use crate::interrupt;
use crate::keyring::{KeyOptions, Keyring, Locked, Purpose};
use crate::progress::Progress;

/// Options of `sealwax census`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CensusCommand {
    #[command(flatten)]
    keys: KeyOptions,
    /// Files, and folders with all .swx files in them. Links in folders are not followed.
    #[arg(value_name = "PATH", required_unless_present = "lines")]
    paths: Vec<PathBuf>,
    /// Unwrap every data key and verify every file's recipients. Without it public bytes are read, which anybody may
    /// have written.
    #[arg(long)]
    verify: bool,
    /// Count tokens too: one on each line of stdin, as base64url text.
    #[arg(short, long)]
    lines: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Threads to use; 0 means one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

/// All that was counted.
struct Count {
    census: Census,
    /// Files that nothing at hand opens, and which key they want.
    unopenable: Vec<(PathBuf, Failure)>,
    exit: Option<Exit>,
}

/// One line of the table.
struct Row {
    /// The keyset's name, or the kind of recipient.
    name: Option<String>,
    dependence: Dependence,
    /// Known where the keyset is at hand.
    state: Option<KeyState>,
    primary: bool,
    tally: Tally,
}

impl CensusCommand {
    /// Counts all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let folders = bulk::folders(&self.paths, Depth::Folders, self.threads)?;
        let mut keyring = Keyring::of_keys(&self.keys, Purpose::Open)?;
        let locked = if self.verify { Locked::Ask } else { Locked::LeaveOut };
        keyring.prepare_home(&folders, locked)?;
        let count = self.count(&keyring, &folders)?;
        if interrupt::is_cancelled() {
            return Err(interrupt::failure());
        }
        let rows = rows(&mut keyring, &count.census)?;
        let has_keys = keyring.keysets().next().is_some() || keyring.passphrase().is_some();
        match self.json {
            true => console::print(&format!("{}\n", count.to_json(&rows, has_keys)))?,
            false => console::print(&count.to_text(&rows, has_keys))?,
        }
        // Only who asks for proof is told that there is none.
        let hole = !count.unopenable.is_empty() && self.verify;
        let exit = count.exit.or(hole.then_some(Exit::KeyUnavailable));
        Ok(exit.map_or(Ok(()), Err))
    }

    fn count(&self, keyring: &Keyring, folders: &Folders) -> Result<Count> {
        let mut surveyor = Surveyor::new();
        for keyset in keyring.keysets() {
            surveyor = surveyor.keyset(keyset);
        }
        if let Some(passphrase) = keyring.passphrase() {
            surveyor = surveyor.key(passphrase);
        }
        if self.verify {
            surveyor = surveyor.verified();
        }
        let progress = Progress::of_files("census".into(), self.quiet, 0);
        let start = || (Count::new(surveyor.census()), HeaderReader::new());
        let workers = folders.each(Some(&progress), start, |(count, reader), found| {
            let (path, finding) = match found {
                Ok(path) => {
                    let finding = surveyor.survey_path(&path, reader, &mut count.census);
                    (path, finding)
                }
                Err(Unreadable { path, error }) => {
                    count.census.count_unreadable();
                    (path, Err(error))
                }
            };
            match finding {
                Ok(Finding::Unopenable(error)) => count.unopenable.push((path, error.into())),
                Ok(_) => {}
                Err(error) => {
                    let failure = Failure::from(error).at(&path);
                    count.exit = count.exit.or(Some(failure.exit));
                    progress.aside(|| console::report(&failure));
                }
            }
        });
        let mut sum = Count::new(surveyor.census());
        for (count, _) in workers {
            sum.census.merge(count.census);
            sum.unopenable.extend(count.unopenable);
            sum.exit = sum.exit.or(count.exit);
        }
        sum.unopenable.sort_by(|(one, _), (other, _)| one.cmp(other));
        if self.lines {
            sum.count_lines(&surveyor)?;
        }
        Ok(sum)
    }
}

impl Count {
    fn new(census: Census) -> Self {
        Count { census, unopenable: Vec::new(), exit: None }
    }

    fn count_lines(&mut self, surveyor: &Surveyor<'_>) -> Result<()> {
        let mut input = BufReader::new(Source::open(&Input::Stdin)?.file);
        let mut line = Vec::new();
        for number in 1u64.. {
            if !token::read_line(&mut input, &mut line)? {
                break;
            }
            let text = std::str::from_utf8(&line).ok();
            let token = text.and_then(|text| Base64UrlUnpadded::decode_vec(text).ok());
            let counted = match token {
                Some(token) => {
                    surveyor.survey_token(&token, &mut self.census).map_err(Failure::from)
                }
                None => {
                    self.census.count_unreadable();
                    Err(token::not_text())
                }
            };
            if let Err(failure) = counted {
                self.exit = self.exit.or(Some(failure.exit));
                console::report(&failure.about(format!("stdin, line {number}")));
            }
        }
        Ok(())
    }

    fn to_json(&self, rows: &[Row], has_keys: bool) -> Value {
        let unopenable = self.unopenable.iter().map(
            |(path, failure)| json!({"file": path.to_string_lossy(), "error": failure.what()}),
        );
        json!({
            "verified": self.census.proof() == Proof::Verified,
            "keys_at_hand": has_keys,
            "envelopes": self.census.envelopes(),
            "bytes": self.census.bytes(),
            "tokens": self.census.tokens(),
            "unreadable": self.census.unreadable(),
            "dependences": rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "unopenable": unopenable.collect::<Vec<_>>(),
        })
    }

    fn to_text(&self, rows: &[Row], has_keys: bool) -> String {
        let census = &self.census;
        let mut text = table(rows);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n{} envelopes, {}; {} tokens",
            census.envelopes(),
            bytes_shown(census.bytes()),
            census.tokens()
        );
        if census.unreadable() > 0 {
            let _ = write!(text, "; {} could not be read", census.unreadable());
        }
        text.push('\n');
        match has_keys {
            true if !self.unopenable.is_empty() => {
                let _ = writeln!(text, "\nNo key at hand opens these {}:", self.unopenable.len());
                for (path, failure) in &self.unopenable {
                    let _ = writeln!(text, "  {}: {}", shown(path), failure.what());
                }
            }
            true => {}
            false => text.push_str("No key is at hand: whether anything opens is not known.\n"),
        }
        if census.proof() == Proof::Advisory {
            text.push_str("Advisory: nothing of this is authenticated. With --verify it is.\n");
        }
        text
    }
}

/// All that something depends on, and the other versions of those keysets.
fn rows(keyring: &mut Keyring, census: &Census) -> Result<Vec<Row>> {
    let mut tallies = census.tallies().clone();
    // Those that the user gave are shown in any case.
    let given = !keyring.wants_header();
    let is_named = |id: KeysetId| {
        let of_it =
            |dependence: &Dependence| matches!(dependence, Dependence::Version(of, _) if *of == id);
        given || census.tallies().keys().any(of_it)
    };
    let mut versions: BTreeMap<(KeysetId, VersionId), (KeyState, bool)> = BTreeMap::new();
    for keyset in keyring.keysets() {
        let primary = keyset.primary().map(sealwax::keyset::Version::id);
        for version in keyset.versions() {
            let key = (keyset.id(), version.id());
            versions.insert(key, (version.state(), primary == Some(version.id())));
            if version.state() != KeyState::Destroyed && is_named(keyset.id()) {
                tallies.entry(Dependence::Version(key.0, key.1)).or_default();
            }
        }
    }
    let mut rows = Vec::new();
    for (dependence, tally) in tallies {
        let (name, known) = match dependence {
            Dependence::Version(keyset, version) => {
                (keyring.name_of(keyset)?, versions.get(&(keyset, version)).copied())
            }
            _ => (None, None),
        };
        let (state, primary) = known.map_or((None, false), |(state, is)| (Some(state), is));
        rows.push(Row { name, dependence, state, primary, tally });
    }
    Ok(rows)
}

impl Row {
    fn to_json(&self) -> Value {
        let mut value = json!({
            "kind": self.kind(),
            "envelopes": self.tally.envelopes,
            "bytes": self.tally.bytes,
            "tokens": self.tally.tokens,
        });
        match self.dependence {
            Dependence::Version(keyset, version) => {
                value["keyset"] = keyset.to_string().into();
                value["version"] = version.to_string().into();
                value["name"] = self.name.clone().into();
                value["state"] = self.state.map(KeyState::name).into();
                value["primary"] = self.primary.into();
            }
            Dependence::UnknownKeyset(version) => value["version"] = version.to_string().into(),
            Dependence::Pair(fingerprint) => value["fingerprint"] = fingerprint.to_string().into(),
            Dependence::RawKey(id) => value["key"] = id.to_string().into(),
            Dependence::UnknownType(number) => value["type"] = number.into(),
            _ => {}
        }
        value
    }

    fn kind(&self) -> &'static str {
        match self.dependence {
            Dependence::Version(..) => "version",
            Dependence::UnknownKeyset(_) => "unknown-keyset",
            Dependence::Pair(_) => "key-pair",
            Dependence::Hidden => "hidden",
            Dependence::RawKey(_) => "raw-key",
            Dependence::Passphrase => "passphrase",
            Dependence::Provider => "provider",
            _ => "unknown-type",
        }
    }

    fn cells(&self) -> [String; 6] {
        let (who, which) = match self.dependence {
            Dependence::Version(keyset, version) => {
                let name = self.name.as_deref().map(escaped);
                (name.unwrap_or_else(|| keyset.to_string()), version.to_string())
            }
            Dependence::UnknownKeyset(version) => ("unknown keyset".into(), version.to_string()),
            Dependence::Pair(fingerprint) => ("key pair".into(), fingerprint.to_string()),
            Dependence::Hidden => ("hidden key pair".into(), String::new()),
            Dependence::RawKey(id) => ("raw key".into(), id.to_string()),
            Dependence::UnknownType(number) => ("unknown type".into(), number.to_string()),
            _ => (self.kind().into(), String::new()),
        };
        let state = match (self.state, self.primary, self.dependence) {
            (Some(state), true, _) => format!("{state}, primary"),
            (Some(state), false, _) => state.to_string(),
            (None, _, Dependence::Version(..)) => "not at hand".into(),
            (None, ..) => String::new(),
        };
        let Tally { envelopes, bytes, tokens } = self.tally;
        [who, which, state, envelopes.to_string(), bytes_shown(bytes), tokens.to_string()]
    }
}

/// Columns as wide as their widest cell; the numbers to the right.
fn table(rows: &[Row]) -> String {
    let head = ["sealed for", "version", "state", "envelopes", "bytes", "tokens"].map(String::from);
    let lines: Vec<_> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width =
        |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    lines.iter().fold(String::new(), |mut text, cells| {
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            // Writing to a string cannot fail.
            let _ = match column < 3 {
                true => write!(text, "{cell:width$}  "),
                false => write!(text, "{cell:>width$}  "),
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    })
}

const EXAMPLES: &str = "\
Examples:
  sealwax census /mnt/backup
  sealwax census --verify /mnt/backup /srv/data
  sealwax census --verify --json /mnt/backup | jq '.dependences[] | select(.state == \"compromised\")'
  psql -Atc 'select card from users' | sealwax census --lines -k crm

Says which version of which keyset each file depends on, so that one sees what would be lost with it. Without --verify
it reads public bytes alone, needs no key, and is advisory. A file with several recipients counts for each of them.
What was not looked at is not counted: other machines, backups, databases.";
