// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset passwd`.

use clap::Args;
use sealwax::id::RecipientKind;
use sealwax::keyset::file::Description;
use serde_json::json;

use super::change::KeysetTarget;
use crate::console;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::protection::NewProtection;

/// Options of `sealwax keyset passwd`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Passwd {
    #[command(flatten)]
    target: KeysetTarget,
    #[command(flatten)]
    protection: NewProtection,
}

impl Passwd {
    pub(super) fn run(self) -> Result<()> {
        let subject = self.target.open()?;
        let description =
            Description::load(&subject.path).map_err(|e| Failure::from(e).at(&subject.path))?;
        if description.recipients.iter().any(|kind| *kind != RecipientKind::Passphrase) {
            let what = "this keyset file is sealed for others too, who would be locked out";
            return Err(Failure::usage(what).hint("change it with the library").at(&subject.path));
        }
        let chosen = self.protection.choose("for the keyset, the new one")?;
        if self.target.how.dry_run {
            let what = format!("would be {} from now on", chosen.what());
            return subject.say(&what, json!({"changed": false}));
        }
        let protected = {
            let _guard = interrupt::leave_to_library();
            subject.store.protect(chosen.guard()?)
        };
        protected.map_err(|error| Failure::from(error).at(&subject.path))?;
        chosen.announce(&subject.path);
        let revision = subject.store.keyset().revision();
        let what = format!("{} (revision {revision})", chosen.what());
        subject.say(&what, json!({"changed": true, "protected": chosen.is_protected()}))?;
        console::note("older copies and backups of the file still open as before");
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset passwd work --passphrase        asks for the old one, then twice for the new one
  sealwax keyset passwd work --passphrase-file old --new-passphrase-file new
  sealwax keyset passwd ci --passphrase-file old --unprotected

The versions stay the same: whoever had the file and its passphrase has them. Where that may be
somebody else, see `sealwax keyset compromise`.";
