// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset list`.

use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::id::KeyState;
use sealwax::keyset::file::Description;
use sealwax::store::Store;
use serde_json::Value;

use super::super::{Outcome, each};
use super::describe;
use crate::console;
use crate::failure::{Failure, Result, escaped};
use crate::home::Home;
use crate::passphrase::{Source, Typing};
use crate::store;
use crate::time;
use crate::unlock::Unlocker;

/// Options of `sealwax keyset list`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    #[command(flatten)]
    passphrase: Source,
    /// One JSON array.
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self) -> Result<Outcome> {
        let given = self.passphrase.read("of the keysets", Typing::Once)?;
        let unlocker = Unlocker::of_keyset(given).expecting_any();
        let mut listed = Vec::new();
        let files = Home::find()?.keyset_files()?.into_iter().map(Ok).collect();
        let outcome = each(files, |path: PathBuf| {
            let description = Description::load(&path).map_err(|e| Failure::from(e).at(&path))?;
            let (store, wrong) = open(&path, &description, &unlocker)?;
            listed.push(match self.json {
                true => Listed::Json(to_json(&path, &description, store.as_ref())),
                false => Listed::Text(to_text(&path, &description, store.as_ref())),
            });
            wrong.map_or(Ok(()), Err)
        });
        let text = match self.json {
            true => {
                let all = listed.into_iter().filter_map(|listed| match listed {
                    Listed::Json(value) => Some(value),
                    Listed::Text(_) => None,
                });
                format!("{}\n", Value::Array(all.collect()))
            }
            false => listed.into_iter().fold(String::new(), |all, listed| match listed {
                Listed::Text(text) => all + &text,
                Listed::Json(_) => all,
            }),
        };
        console::print(&text)?;
        Ok(outcome)
    }
}

enum Listed {
    Json(Value),
    Text(String),
}

/// Opens what needs no passphrase, or that which is given. Nothing is asked for to make a list.
fn open(
    path: &Path,
    description: &Description,
    unlocker: &Unlocker,
) -> Result<(Option<Store>, Option<Failure>)> {
    let is_sealed = !description.recipients.is_empty();
    if is_sealed && unlocker.given().is_none() {
        return Ok((None, None));
    }
    match store::open_to_show(path, unlocker) {
        Ok((store, wrong)) => Ok((Some(store), wrong)),
        // It has a passphrase of its own.
        Err(_) if is_sealed => Ok((None, None)),
        Err(failure) => Err(failure),
    }
}

fn to_json(path: &Path, description: &Description, store: Option<&Store>) -> Value {
    let mut value = describe::description_json(path, description);
    if let Some(store) = store {
        describe::add_keyset_json(&mut value, &store.keyset());
        value["backup"] = describe::backup_json(store);
    }
    value
}

fn to_text(path: &Path, description: &Description, store: Option<&Store>) -> String {
    let called = path.file_stem().unwrap_or_default().to_string_lossy();
    let (called, protection) = (escaped(&called), describe::protection(description));
    let mut line =
        format!("{called}  {}  revision {}  {protection}", description.id, description.revision);
    if let Some(store) = store {
        let keyset = store.keyset();
        let count =
            |state| keyset.versions().iter().filter(|version| version.state() == state).count();
        let states: Vec<_> = STATES
            .into_iter()
            .map(|state| (count(state), state))
            .filter(|(count, _)| *count != 0)
            .map(|(count, state)| format!("{count} {state}"))
            .collect();
        line += &format!("  versions: {}", states.join(", "));
        line += &match keyset.primary() {
            Some(primary) => {
                format!("  primary {} of {}", primary.id(), time::shown(primary.created()))
            }
            None => "  NO PRIMARY".into(),
        };
        line += &format!("  backup {}", describe::backup_text(store));
        if store::rotation_due(&keyset).is_some() {
            line += "  ROTATION DUE";
        }
    }
    line + "\n"
}

const STATES: [KeyState; 6] = [
    KeyState::Active,
    KeyState::PreActive,
    KeyState::Suspended,
    KeyState::Deactivated,
    KeyState::Compromised,
    KeyState::Destroyed,
];

const EXAMPLES: &str = "\
Examples:
  sealwax keyset list
  sealwax keyset list --passphrase               shows also what is in those that it opens
  sealwax keyset list --json | jq -r '.[] | select(.rotation_due) | .name'

Without a passphrase, keysets that have one are listed by what their files say about themselves.";
