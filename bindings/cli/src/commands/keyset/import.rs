// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset import`.

use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::atomic::{AtomicFile, Existing};
use sealwax::{Keyset, Suite};
use serde_json::json;
use zeroize::Zeroizing;

use super::restore::{BackupKeys, NewFile, Opened, read};
use crate::confirm::{Recognition, hex};
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, shown};
use crate::home;
use crate::interrupt;
use crate::protection::{Chosen, NewProtection};
use crate::store;
use crate::suite;
use crate::unlock::UNPROTECTED_MAGIC;

/// Options of `sealwax keyset import`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Import {
    /// A keyset file.
    #[arg(required_unless_present = "raw")]
    file: Option<PathBuf>,
    #[command(flatten)]
    keys: BackupKeys,
    #[command(flatten)]
    recognition: Recognition,
    #[command(flatten)]
    target: NewFile,
    #[command(flatten)]
    protection: NewProtection,
    /// Make a new keyset whose one version has the 32 bytes of this file as its secret.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "shares", "identities"])]
    raw: Option<PathBuf>,
    /// With --raw: what the version is for.
    #[arg(long, value_parser = suite::parse, default_value = "cobblestone-256", requires = "raw")]
    suite: Suite,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl Import {
    pub(super) fn run(self) -> Result<()> {
        let (keyset, path) = match (&self.raw, &self.file) {
            (Some(raw), _) => self.import_raw(raw)?,
            (None, Some(file)) => self.import_file(file)?,
            (None, None) => return Err(Failure::usage("there is nothing to import")),
        };
        store::note_no_backup(&path);
        console::print(&match self.json {
            true => {
                let value = json!({
                    "keyset": keyset.name(), "id": keyset.id().to_string(),
                    "file": path.to_string_lossy(), "revision": keyset.revision(),
                    "fingerprint": hex(&keyset.fingerprint()?),
                });
                format!("{value}\n")
            }
            false => format!("{}\n", shown(&path)),
        })
    }

    fn import_file(&self, file: &Path) -> Result<(Keyset, PathBuf)> {
        let bytes = read(file)?;
        let Opened { keyset, is_backup } = self.keys.open(file, &bytes)?;
        let path = self.target.free_path(&keyset)?;
        if is_backup {
            self.recognition.confirm(&keyset)?;
        }
        let what = "for the imported keyset";
        let chosen = match is_backup {
            true => Some(self.protection.choose(what)?),
            false => self.protection.given(what)?,
        };
        self.target.make_home()?;
        match chosen {
            Some(chosen) => {
                chosen.save(&keyset, &path)?;
                chosen.announce(&path);
            }
            // As it is: also what was made by a newer version, which is not to be written anew.
            None => {
                copy(&bytes, &path)?;
                if bytes.starts_with(UNPROTECTED_MAGIC) {
                    Chosen::Unprotected.announce(&path);
                }
            }
        }
        Ok((keyset, path))
    }

    fn import_raw(&self, raw: &Path) -> Result<(Keyset, PathBuf)> {
        let secret = read(raw)?;
        let secret: &[u8; 32] = secret.as_slice().try_into().map_err(|_| {
            let what = "a raw secret is 32 bytes";
            Failure::new(Exit::Malformed, what)
                .hint("a keyset file is imported without --raw")
                .at(raw)
        })?;
        let name = self.target.name().unwrap_or(home::DEFAULT);
        let keyset = Keyset::import_raw(name, self.suite, secret)?;
        let path = self.target.free_path(&keyset)?;
        let chosen = self.protection.choose("for the imported keyset")?;
        self.target.make_home()?;
        chosen.save(&keyset, &path)?;
        chosen.announce(&path);
        Ok((keyset, path))
    }
}

fn copy(bytes: &Zeroizing<Vec<u8>>, path: &Path) -> Result<()> {
    let create = || AtomicFile::create(path, Existing::Keep);
    let write = || {
        let (mut file, guard) = interrupt::make(create, AtomicFile::path)?;
        file.write_all(bytes)?;
        file.commit()?;
        drop(guard);
        Ok(())
    };
    write().map_err(|error: sealwax::Error| Failure::from(error).at(path))
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset import work-server.swxk --passphrase-file server.pass
  sealwax keyset import for-ann.swxk -i me.swxk --new-passphrase --as work
  sealwax keyset import --raw device.key --suite chacha20-poly1305 --as device --unprotected

The file keeps its protection unless another is given. An existing keyset is never replaced. What
is sealed for an identity says nothing about who made it: its id and fingerprint are shown first.";
