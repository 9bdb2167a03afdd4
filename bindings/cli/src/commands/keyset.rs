// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset`.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealwax::keyset::Version;
use sealwax::keyset::file::Description;
use sealwax::{Keyset, Suite};
use serde_json::{Value, json};

use super::{Outcome, each};
use crate::console;
use crate::failure::{Failure, Result, escaped, shown};
use crate::home::{self, Home};
use crate::passphrase::{Source, Typing};
use crate::protection::Chosen;
use crate::unlock::{Expectation, Unlocker};
use crate::{suite, time};

/// `sealwax keyset`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeysetCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Clone, Debug)]
enum Verb {
    /// Make a new keyset, and print where it is.
    #[command(after_help = EXAMPLES)]
    New(New),
    /// List the keysets in the home folder. Needs no key.
    #[command(after_help = EXAMPLES)]
    List(List),
    /// Describe a keyset. Without its passphrase: what its file says about itself.
    #[command(after_help = EXAMPLES)]
    Show(Show),
}

#[derive(Args, Clone, Debug)]
struct New {
    /// The keyset's name.
    #[arg(default_value = home::DEFAULT)]
    name: String,
    /// cobblestone-256, or chacha20-poly1305 for devices without AES hardware.
    #[arg(long, value_parser = suite::parse, default_value = "cobblestone-256")]
    suite: Suite,
    #[command(flatten)]
    passphrase: Source,
    /// Protect it by the mode of its file alone, and do not ask.
    #[arg(long, conflicts_with_all = ["passphrase", "passphrase_file", "passphrase_fd"])]
    unprotected: bool,
    /// Write it to this file, and not into the home folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
struct List {
    /// One JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Clone, Debug)]
struct Show {
    /// A name in the home folder, or a file.
    #[arg(value_name = "NAME|FILE", default_value = home::DEFAULT)]
    keyset: OsString,
    #[command(flatten)]
    passphrase: Source,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl KeysetCommand {
    /// Runs the verb.
    pub(crate) fn run(self) -> Result<Outcome> {
        match self.verb {
            Verb::New(new) => new.run().map(Ok),
            Verb::List(list) => list.run(),
            Verb::Show(show) => show.run().map(Ok),
        }
    }
}

impl New {
    fn run(self) -> Result<()> {
        let home = Home::find()?;
        let named = home.file_of(&self.name)?;
        let path = match self.output {
            Some(output) => output,
            None => {
                home.create()?;
                named
            }
        };
        let chosen = match self.unprotected {
            true => Chosen::Unprotected,
            false => Chosen::of(&self.passphrase, "for the new keyset")?,
        };
        chosen.save(&Keyset::generate(&self.name, self.suite)?, &path)?;
        chosen.announce(&path);
        console::note("keep a copy of this file in a safe place: without it nothing opens");
        console::print(&format!("{}\n", shown(&path)))
    }
}

impl List {
    fn run(self) -> Result<Outcome> {
        let mut listed = Vec::new();
        let files = Home::find()?.keyset_files()?.into_iter().map(Ok).collect();
        let outcome = each(files, |path: PathBuf| {
            let description = Description::load(&path).map_err(|e| Failure::from(e).at(&path))?;
            listed.push((path, description));
            Ok(())
        });
        let text = match self.json {
            true => {
                let all: Vec<_> =
                    listed.iter().map(|(path, found)| describe(path, found)).collect();
                format!("{}\n", Value::from(all))
            }
            false => listed.iter().fold(String::new(), |mut text, (path, found)| {
                let called = path.file_stem().unwrap_or_default().to_string_lossy();
                let (called, protection) = (escaped(&called), protection(found));
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "{called}  {}  revision {}  {protection}",
                    found.id, found.revision
                );
                text
            }),
        };
        console::print(&text)?;
        Ok(outcome)
    }
}

impl Show {
    fn run(self) -> Result<()> {
        let path = Home::find()?.resolve(&self.keyset)?;
        let description = Description::load(&path).map_err(|e| Failure::from(e).at(&path))?;
        let keyset = match self.passphrase.is_given() || description.recipients.is_empty() {
            true => {
                let given = self.passphrase.read("of the keyset", Typing::Once)?;
                Some(Unlocker::new(given, Expectation::Sealed).load(&path)?)
            }
            false => None,
        };
        if self.json {
            let mut value = describe(&path, &description);
            if let Some(keyset) = &keyset {
                let versions: Vec<_> =
                    keyset.versions().iter().map(|version| version_json(keyset, version)).collect();
                value["versions"] = versions.into();
            }
            return console::print(&format!("{value}\n"));
        }
        let mut text = format!(
            "name       {}\nfile       {}\nid         {}\nrevision   {}\nprotection {}\n",
            escaped(&description.name),
            shown(&path),
            description.id,
            description.revision,
            protection(&description),
        );
        match &keyset {
            Some(keyset) => {
                let versions = keyset.versions().iter();
                text.extend(versions.map(|version| version_text(keyset, version)));
            }
            None => text.push_str(
                "Nothing of this is authenticated; with the passphrase its versions are shown too.\n",
            ),
        }
        console::print(&text)
    }
}

fn describe(path: &Path, description: &Description) -> Value {
    let recipients: Vec<_> = description.recipients.iter().map(|kind| kind.name()).collect();
    json!({
        "file": path.to_string_lossy(),
        "name": description.name,
        "id": description.id.to_string(),
        "revision": description.revision,
        "protected": !recipients.is_empty(),
        "recipients": recipients,
    })
}

fn version_json(keyset: &Keyset, version: &Version) -> Value {
    let changes = version.changes().iter().map(
        |change| json!({"state": change.state.name(), "at": change.at, "reason": change.reason}),
    );
    json!({
        "id": version.id().to_string(),
        "algorithm": version.algorithm().name(),
        "state": version.state().name(),
        "primary": is_primary(keyset, version),
        "created": version.created(),
        "activate_at": version.activate_at(),
        "deactivate_at": version.deactivate_at(),
        "changes": changes.collect::<Vec<_>>(),
    })
}

fn version_text(keyset: &Keyset, version: &Version) -> String {
    let mut text = format!(
        "version    {}  {}  {}{}  created {}",
        version.id(),
        version.algorithm().name(),
        version.state(),
        if is_primary(keyset, version) { ", primary" } else { "" },
        time::shown(version.created()),
    );
    for (label, at) in [("from", version.activate_at()), ("seals until", version.deactivate_at())] {
        text.extend(at.map(|at| format!("  {label} {}", time::shown(at))));
    }
    text.push('\n');
    text
}

fn is_primary(keyset: &Keyset, version: &Version) -> bool {
    keyset.primary().is_some_and(|primary| primary.id() == version.id())
}

fn protection(description: &Description) -> String {
    match description.recipients.is_empty() {
        true => "NOT PROTECTED".into(),
        false => {
            let kinds: Vec<_> = description.recipients.iter().map(|kind| kind.name()).collect();
            format!("sealed for: {}", kinds.join(", "))
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset new                             the keyset `default`
  sealwax keyset new work --passphrase
  sealwax keyset new ci --passphrase-file /run/secrets/keyset
  sealwax keyset new device --suite chacha20-poly1305 --unprotected -o device.swxk
  sealwax keyset list
  sealwax keyset show work --passphrase --json

Keysets with names are in $SEALWAX_HOME, else in $XDG_DATA_HOME/sealwax, else in ~/.local/share/sealwax, as NAME.swxk.
On a terminal a passphrase is asked for; elsewhere, without one, the file is not protected, and that is said.";
