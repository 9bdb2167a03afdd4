// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset export`.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::KeyWrap;
use sealwax::Keyset;
use sealwax::atomic::{AtomicFile, Existing};
use sealwax::keyset::file::Protection;
use sealwax::wrap::passphrase::Passphrase;
use serde_json::json;
use zeroize::Zeroizing;

use super::change::find_version;
use crate::confirm::hex;
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, escaped, shown};
use crate::flow;
use crate::home::{self, Home};
use crate::interrupt;
use crate::passphrase::{Source, Typing};
use crate::protection::{Chosen, NEW_PROTECTION, NewProtection};
use crate::recipients::parse_recipients;
use crate::store;
use crate::unlock::Unlocker;

/// Options of `sealwax keyset export`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// A name in the home folder, or a file.
    #[arg(value_name = "NAME|FILE", default_value = home::DEFAULT)]
    keyset: OsString,
    #[command(flatten)]
    passphrase: Source,
    #[command(flatten)]
    protection: NewProtection,
    /// Seal it for this recipient: a recipient string, or a file of them. May be repeated.
    #[arg(
        short,
        long = "recipient",
        value_name = "RECIPIENT|FILE",
        conflicts_with_all = NEW_PROTECTION
    )]
    recipients: Vec<OsString>,
    /// Only the 32 secret bytes of this version, where the policy allows it.
    #[arg(
        long, value_name = "VERSION",
        conflicts_with = "recipients", conflicts_with_all = NEW_PROTECTION,
    )]
    raw: Option<String>,
    /// Write it to this file, which does not exist yet, or - for stdout.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// One JSON object, about what was written.
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(super) fn run(self) -> Result<()> {
        let path = Home::find()?.resolve(&self.keyset)?;
        let to_stdout = self.output.as_os_str() == "-";
        if to_stdout && (flow::stdout_is_terminal() || self.json) {
            return Err(Failure::usage("keys are not for a terminal, and not among JSON")
                .hint("use -o FILE, or a pipe"));
        }
        let given = self.passphrase.read("of the keyset", Typing::Once)?;
        let store = store::open(&path, &Unlocker::of_keyset(given))?;
        let keyset = store.keyset();
        let (bytes, what) = self.contents(&keyset).map_err(|failure| failure.at(&path))?;
        match to_stdout {
            true => {
                let mut out = flow::standard_output()?;
                out.write_all(&bytes)?;
            }
            false => write_new(&self.output, &bytes)?,
        }
        let (name, revision) = (escaped(keyset.name()), keyset.revision());
        let is_secret = self.raw.is_some() || bytes.starts_with(crate::unlock::UNPROTECTED_MAGIC);
        if is_secret {
            console::warn(&format!("what was exported of {name} is NOT PROTECTED"));
        }
        if to_stdout {
            return Ok(());
        }
        console::print(&match self.json {
            true => {
                let value = json!({
                    "keyset": keyset.name(), "id": keyset.id().to_string(), "revision": revision,
                    "fingerprint": hex(&keyset.fingerprint()?),
                    "file": self.output.to_string_lossy(),
                    "protected": !is_secret,
                });
                format!("{value}\n")
            }
            false => format!("{name}: revision {revision}, {what}: {}\n", shown(&self.output)),
        })
    }

    fn contents(&self, keyset: &Keyset) -> Result<(Zeroizing<Vec<u8>>, &'static str)> {
        if let Some(text) = &self.raw {
            let version = find_version(keyset, text)?;
            let secret = keyset.expose_raw_secret(version).map_err(|error| match error {
                sealwax::Error::Misuse(_) => Failure::from(error)
                    .hint("`sealwax keyset policy --allow-raw-export` allows it from then on"),
                other => other.into(),
            })?;
            return Ok((Zeroizing::new(secret.to_vec()), "the raw secret of a version"));
        }
        if !self.recipients.is_empty() {
            let mut recipients = Vec::new();
            for argument in &self.recipients {
                parse_recipients(argument, &mut recipients)?;
            }
            let keys: Vec<_> = recipients.iter().map(|key| key as &dyn KeyWrap).collect();
            let bytes = keyset.to_file_bytes(Protection::Sealed(&keys))?;
            return Ok((bytes, "sealed for the recipients"));
        }
        let chosen = self.protection.choose("for the exported keyset")?;
        let bytes = match &chosen {
            Chosen::Passphrase(secret) => {
                let passphrase = Passphrase::new(secret)?;
                keyset.to_file_bytes(Protection::Sealed(&[&passphrase]))?
            }
            Chosen::Unprotected => keyset.to_file_bytes(Protection::Unprotected)?,
        };
        Ok((bytes, chosen.what()))
    }
}

/// A file with mode 0600 that appears when it is complete.
fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let create = || AtomicFile::create(path, Existing::Keep);
    let write = || {
        let (mut file, guard) = interrupt::make(create, AtomicFile::path)?;
        file.write_all(bytes)?;
        file.commit()?;
        drop(guard);
        Ok(())
    };
    write().map_err(|error: sealwax::Error| match path.symlink_metadata().is_ok() {
        true => Failure::new(Exit::Io, "exists already, and keys are never replaced")
            .hint("choose another name")
            .at(path),
        false => Failure::from(error).at(path),
    })
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset export work --new-passphrase-file server.pass -o work-server.swxk
  sealwax keyset export work -r sealwaxpub1... -o for-ann.swxk
  sealwax keyset export device --unprotected -o device.swxk              to provision a device with
  sealwax keyset export device --raw primary -o device.key

The keyset stays as it is. Each copy counts what it seals for itself, and learns of a rotation only
by a new export. Raw bytes are written only where the policy allows it: they have no states, no
times and no id.";
