// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset show`.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;
use sealwax::keyset::file::Description;
use sealwax::store::Store;

use super::super::Outcome;
use super::describe;
use crate::confirm::hex;
use crate::console;
use crate::failure::{Failure, Result, escaped, shown};
use crate::home::{self, Home};
use crate::passphrase::{Source, Typing};
use crate::store;
use crate::unlock::Unlocker;

/// Options of `sealwax keyset show`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    /// A name in the home folder, or a file.
    #[arg(value_name = "NAME|FILE", default_value = home::DEFAULT)]
    keyset: OsString,
    #[command(flatten)]
    passphrase: Source,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self) -> Result<Outcome> {
        let path = Home::find()?.resolve(&self.keyset)?;
        let description = Description::load(&path).map_err(|e| Failure::from(e).at(&path))?;
        let opened = match self.passphrase.is_given() || description.recipients.is_empty() {
            true => {
                let given = self.passphrase.read("of the keyset", Typing::Once)?;
                let unlocker = Unlocker::of_keyset(given);
                Some(store::open_to_show(&path, &unlocker)?)
            }
            false => None,
        };
        let (store, wrong) = match opened {
            Some((store, wrong)) => (Some(store), wrong),
            None => (None, None),
        };
        console::print(&match self.json {
            true => {
                let mut value = describe::description_json(&path, &description);
                if let Some(store) = &store {
                    describe::add_keyset_json(&mut value, &store.keyset());
                    value["backup"] = describe::backup_json(store);
                }
                format!("{value}\n")
            }
            false => to_text(&path, &description, store.as_ref()),
        })?;
        // What could be shown was shown; what is wrong with the usage file is the outcome.
        match wrong {
            Some(failure) => Err(failure),
            None => Ok(Ok(())),
        }
    }
}

fn to_text(path: &Path, description: &Description, store: Option<&Store>) -> String {
    let mut text = format!(
        "name        {}\nfile        {}\nid          {}\nrevision    {}\nprotection  {}\n",
        escaped(&description.name),
        shown(path),
        description.id,
        description.revision,
        describe::protection(description),
    );
    let Some(store) = store else {
        text.push_str(
            "Nothing of this is authenticated; with the passphrase its versions are shown too.\n",
        );
        return text;
    };
    let keyset = store.keyset();
    let due = match store::rotation_due(&keyset) {
        Some(why) => format!("DUE: {why}"),
        None => "not due".into(),
    };
    text += &format!(
        "fingerprint {}\nbackup      {}\npolicy      {}\nrotation    {due}\n",
        hex(&keyset.fingerprint().expect("the command does not fork")),
        describe::backup_text(store),
        describe::policy_text(keyset.policy()),
    );
    if keyset.is_read_only() {
        text += "made by a newer version of sealwax: it can be used, and not be changed\n";
    }
    text.extend(keyset.versions().iter().map(|version| describe::version_text(&keyset, version)));
    text
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset show
  sealwax keyset show work --passphrase --json
  sealwax keyset show --json | jq '.versions[] | select(.primary) | .usage'

Times are in UTC. What is counted is what was sealed with this file on this machine; what running
processes have leased counts as used until they give it back.";
