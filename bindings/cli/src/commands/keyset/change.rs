// SPDX-License-Identifier: MIT OR Apache-2.0
//! One change of a keyset file: options that all of them have, the change itself, and what is said
//! afterwards.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::Args;
use sealwax::id::VersionId;
use sealwax::store::Store;
use sealwax::{Error, Keyset};
use serde_json::{Value, json};

use super::describe;
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, escaped};
use crate::home::{self, Home};
use crate::interrupt;
use crate::passphrase::{Source, Typing};
use crate::store;
use crate::unlock::Unlocker;

/// Which version of which keyset, and why.
#[derive(Args, Clone, Debug)]
pub(super) struct VersionTarget {
    /// A name in the home folder, or a file.
    #[arg(value_name = "NAME|FILE")]
    keyset: OsString,
    /// The first digits of a version's id, or `primary`.
    pub(super) version: String,
    /// Why, for whoever reads the keyset's history: up to 255 bytes. It is not secret.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) how: How,
}

/// Which keyset.
#[derive(Args, Clone, Debug)]
pub(super) struct KeysetTarget {
    /// A name in the home folder, or a file.
    #[arg(value_name = "NAME|FILE", default_value = home::DEFAULT)]
    keyset: OsString,
    #[command(flatten)]
    pub(super) how: How,
}

/// How a change is made and reported.
#[derive(Args, Clone, Debug)]
pub(super) struct How {
    #[command(flatten)]
    passphrase: Source,
    /// Show what would be changed, and change nothing.
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    /// One JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// A keyset that is about to be changed.
pub(super) struct Subject {
    pub(super) store: Store,
    pub(super) path: PathBuf,
    how: How,
}

/// What a change came to, taken from the keyset before it is written.
pub(super) struct Changed {
    /// What happened, for people: `version 1f3a0c7d is suspended now`.
    pub(super) what: String,
    /// The versions that it is about.
    pub(super) versions: Vec<VersionId>,
}

impl VersionTarget {
    /// Opens the keyset.
    pub(super) fn open(&self) -> Result<Subject> {
        self.how.open(&self.keyset)
    }
}

impl KeysetTarget {
    /// Opens the keyset.
    pub(super) fn open(&self) -> Result<Subject> {
        self.how.open(&self.keyset)
    }
}

impl How {
    /// Opens the keyset; its passphrase is asked for once.
    pub(super) fn open(&self, keyset: &OsStr) -> Result<Subject> {
        let path = Home::find()?.resolve(keyset)?;
        let given = self.passphrase.read("of the keyset", Typing::Once)?;
        let unlocker = Unlocker::of_keyset(given);
        Ok(Subject { store: store::open(&path, &unlocker)?, path, how: self.clone() })
    }
}

impl Subject {
    /// Changes the keyset under the lock of its file, and says what became of it. With `--dry-run`
    /// all of it is tried, and nothing is written.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&mut Keyset) -> Result<Changed>,
    ) -> Result<Changed> {
        let mut report = None;
        let changed = self.try_change(|keyset| {
            let before = keyset.revision();
            let changed = change(keyset)?;
            report = Some(self.report(before, keyset, &changed));
            Ok(changed)
        });
        let changed = changed.map_err(|failure| failure.at(&self.path))?;
        if let Some(report) = report {
            console::print(&report)?;
        }
        Ok(changed)
    }

    fn try_change<R>(&self, change: impl FnOnce(&mut Keyset) -> Result<R>) -> Result<R> {
        let mut outcome = None;
        let mut guard = None;
        let written = self.store.change(|keyset| {
            // While the lock is waited for, an interruption ends us at once: nothing is begun yet.
            guard = Some(interrupt::leave_to_library());
            let done = change(keyset);
            let is_kept = done.is_ok() && !self.how.dry_run;
            outcome = Some(done);
            match is_kept {
                true => Ok(()),
                // Any error keeps the store from writing; this one is not shown.
                false => Err(Error::Misuse("nothing is to be written")),
            }
        });
        drop(guard);
        match outcome {
            Some(Ok(_)) if !self.how.dry_run => {
                written?;
            }
            None => written?,
            _ => {}
        }
        outcome.unwrap_or_else(|| Err(Failure::new(Exit::Other, "the store made no change")))
    }

    fn report(&self, before: u64, keyset: &Keyset, changed: &Changed) -> String {
        let dry_run = self.how.dry_run;
        if self.how.json {
            let versions: Vec<Value> = changed
                .versions
                .iter()
                .filter_map(|id| keyset.version(*id))
                .map(|version| describe::version_json(keyset, version))
                .collect();
            let value = json!({
                "keyset": keyset.name(),
                "id": keyset.id().to_string(),
                "file": self.path.to_string_lossy(),
                "revision": keyset.revision(),
                "changed": keyset.revision() != before && !dry_run,
                "dry_run": dry_run,
                "primary": keyset.primary().map(|primary| primary.id().to_string()),
                "versions": versions,
            });
            return format!("{value}\n");
        }
        let (name, what) = (escaped(keyset.name()), escaped(&changed.what));
        match (dry_run, keyset.revision() == before) {
            (_, true) => format!("{name}: {what}\n"),
            (true, _) => format!("{name}: {what} (dry run: nothing was written)\n"),
            (false, _) => format!("{name}: {what} (revision {})\n", keyset.revision()),
        }
    }

    /// Says what became of something else than the versions: a line, or an object with `more` in
    /// it.
    pub(super) fn say(&self, what: &str, more: Value) -> Result<()> {
        let keyset = self.store.keyset();
        if !self.how.json {
            return console::print(&format!("{}: {what}\n", escaped(keyset.name())));
        }
        let mut value = json!({
            "keyset": keyset.name(),
            "id": keyset.id().to_string(),
            "file": self.path.to_string_lossy(),
            "revision": keyset.revision(),
            "dry_run": self.how.dry_run,
        });
        if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
            value.extend(more);
        }
        console::print(&format!("{value}\n"))
    }

    /// Says what a keyset needs after a change: a primary, a backup.
    pub(super) fn remind(&self) {
        if self.how.dry_run {
            return;
        }
        let keyset = self.store.keyset();
        if keyset.primary().is_none() {
            let name = Home::name_of(&self.path);
            console::warn(&format!(
                "keyset {name} has no primary version and does not seal; `sealwax keyset rotate \
                 {name}` makes one"
            ));
        }
        store::remind_of_backup(&self.store);
    }
}

/// The version of a keyset that is meant by the first digits of its id, or by `primary`.
pub(super) fn find_version(keyset: &Keyset, text: &str) -> Result<VersionId> {
    let name = escaped(keyset.name());
    let all = format!("`sealwax keyset show {name}` lists its versions");
    if text == "primary" {
        let missing = || {
            Failure::new(Exit::KeyUnavailable, format!("keyset {name} has no primary version"))
                .hint(&all)
        };
        return keyset.primary().map(|primary| primary.id()).ok_or_else(missing);
    }
    let is_hex = (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex {
        let what = "a version is the first of its 8 hexadecimal digits, or `primary`";
        return Err(Failure::usage(what).hint(all));
    }
    let prefix = text.to_ascii_lowercase();
    let versions = keyset.versions().iter().map(sealwax::keyset::Version::id);
    let found: Vec<_> = versions.filter(|id| id.to_string().starts_with(&prefix)).collect();
    match found[..] {
        [] => {
            let what = format!("keyset {name} has no version {prefix}");
            Err(Failure::new(Exit::KeyUnavailable, what).hint(all))
        }
        [only] => Ok(only),
        [first, second, ..] => {
            let what = format!("{prefix} is not one version of keyset {name}: {first}, {second}");
            let more = if found.len() > 2 { ", ..." } else { "" };
            Err(Failure::usage(format!("{what}{more}")).hint("give more digits"))
        }
    }
}
