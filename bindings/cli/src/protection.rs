// SPDX-License-Identifier: MIT OR Apache-2.0
//! What protects a new keyset file: a passphrase, or only the file's mode.

use std::path::Path;

use sealwax::keyset::file::Protection;
use sealwax::wrap::passphrase::Passphrase;
use sealwax::{Error, Keyset, Suite};

use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, shown};
use crate::home::{self, Home};
use crate::interrupt;
use crate::passphrase::{self, Secret, Source, Typing};
use crate::unlock::Unlocker;

/// What protects a new keyset file.
pub(crate) enum Chosen {
    /// Sealed with a passphrase.
    Passphrase(Secret),
    /// Readable by whoever can read the file.
    Unprotected,
}

impl Chosen {
    /// What was given; on a terminal, what is answered; else unprotected.
    pub(crate) fn of(source: &Source, what: &str) -> Result<Self> {
        if let Some(secret) = source.read(what, Typing::Twice)? {
            return Ok(Chosen::Passphrase(secret));
        }
        if !passphrase::can_ask() {
            return Ok(Chosen::Unprotected);
        }
        let what = format!("{what} (empty for none)");
        Ok(match passphrase::ask_optional(&what, Typing::Twice)? {
            Some(secret) => Chosen::Passphrase(secret),
            None => Chosen::Unprotected,
        })
    }

    /// Writes a new keyset file, with mode 0600.
    pub(crate) fn save(&self, keyset: &Keyset, path: &Path) -> Result<()> {
        let _guard = interrupt::leave_to_library();
        let saved = match self {
            Chosen::Passphrase(secret) => {
                let passphrase = Passphrase::new(secret)?;
                keyset.save_new(path, Protection::Sealed(&[&passphrase]))
            }
            Chosen::Unprotected => keyset.save_new(path, Protection::Unprotected),
        };
        saved.map_err(|error| match error {
            // Unlike other files it is not replaced even with --force: what it sealed would be lost.
            Error::Io(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let failure =
                    Failure::new(Exit::Io, "exists already, and a keyset is never replaced");
                failure.hint("choose another name").at(path)
            }
            other => Failure::from(other).at(path),
        })
    }

    /// Says how a new file is protected.
    pub(crate) fn announce(&self, path: &Path) {
        let path = shown(path);
        match self {
            Chosen::Passphrase(_) => console::note(&format!("{path}: sealed with the passphrase")),
            Chosen::Unprotected => console::warn(&format!(
                "{path}: NOT PROTECTED by a passphrase; whoever can read this file (mode 600) can open what it seals"
            )),
        }
    }
}

/// Makes the keyset `default`, and says so.
pub(crate) fn make_default(home: &Home, path: &Path, unlocker: &Unlocker) -> Result<Keyset> {
    home.create()?;
    console::note(&format!("there is no keyset yet; making {}", shown(path)));
    let chosen = match unlocker.given() {
        Some(secret) => Chosen::Passphrase(secret.clone()),
        None => Chosen::of(&Source::default(), "for the new keyset")?,
    };
    let keyset = Keyset::generate(home::DEFAULT, Suite::Cobblestone256)?;
    if let Err(failure) = chosen.save(&keyset, path) {
        let found = path.exists().then(|| unlocker.load(path)).transpose()?;
        return match found {
            // Somebody else made it at the same time: theirs it is.
            Some(theirs) if theirs.id() != keyset.id() => Ok(theirs),
            // Nobody did, or it is ours, and may not be durable.
            _ => Err(failure),
        };
    }
    chosen.announce(path);
    console::warn("this keyset has no backup; copy it to a safe place: without it nothing opens");
    Ok(keyset)
}
