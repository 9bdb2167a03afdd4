// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset new`.

use std::path::PathBuf;

use clap::Args;
use sealwax::{Keyset, Suite};
use serde_json::json;

use crate::console;
use crate::failure::{Result, shown};
use crate::home::{self, Home};
use crate::passphrase::Source;
use crate::protection::Chosen;
use crate::{store, suite};

/// Options of `sealwax keyset new`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct New {
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
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl New {
    pub(super) fn run(self) -> Result<()> {
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
        let keyset = Keyset::generate(&self.name, self.suite)?;
        chosen.save(&keyset, &path)?;
        chosen.announce(&path);
        store::note_no_backup(&path);
        console::print(&match self.json {
            true => {
                let (id, primary) = (keyset.id(), keyset.primary().map(|v| v.id().to_string()));
                let file = path.to_string_lossy();
                let value = json!({
                    "keyset": keyset.name(), "id": id.to_string(), "file": file,
                    "revision": keyset.revision(), "primary": primary,
                });
                format!("{value}\n")
            }
            false => format!("{}\n", shown(&path)),
        })
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset new                             the keyset `default`
  sealwax keyset new work --passphrase
  sealwax keyset new ci --passphrase-file /run/secrets/keyset
  sealwax keyset new device --suite chacha20-poly1305 --unprotected -o device.swxk

On a terminal a passphrase is asked for; elsewhere, without one, the file is not protected, and
that is said.";
