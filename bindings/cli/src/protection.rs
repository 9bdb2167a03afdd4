// SPDX-License-Identifier: MIT OR Apache-2.0
//! What protects a new keyset file: a passphrase, or only the file's mode.

use std::path::Path;

use clap::Args;
use sealwax::keyset::file::Protection;
use sealwax::store::{Guard, Store};
use sealwax::wrap::passphrase::Passphrase;
use sealwax::{Error, Keyset, Suite};

use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, shown};
use crate::home::{self, Home};
use crate::interrupt;
use crate::passphrase::{self, NewSource, Secret, Source, Typing};
use crate::store::{self, Lease};
use crate::unlock::Unlocker;

/// What is to protect a keyset file from now on. Nothing is unprotected unless that is asked for.
#[derive(Args, Clone, Debug)]
pub(crate) struct NewProtection {
    #[command(flatten)]
    passphrase: NewSource,
    /// Protect it by the mode of its file alone: whoever can read the file has its keys.
    #[arg(long, conflicts_with_all = ["new_passphrase", "new_passphrase_file", "new_passphrase_fd"])]
    unprotected: bool,
}

/// The options of [`NewProtection`], for those that exclude them.
pub(crate) const NEW_PROTECTION: [&str; 4] =
    ["new_passphrase", "new_passphrase_file", "new_passphrase_fd", "unprotected"];

/// What protects a new keyset file.
pub(crate) enum Chosen {
    /// Sealed with a passphrase.
    Passphrase(Secret),
    /// Readable by whoever can read the file.
    Unprotected,
}

impl NewProtection {
    /// What was given; `None` where nothing was.
    pub(crate) fn given(&self, what: &str) -> Result<Option<Chosen>> {
        match self.passphrase.source().read(what, Typing::Twice)? {
            Some(secret) => Ok(Some(Chosen::Passphrase(secret))),
            None => Ok(self.unprotected.then_some(Chosen::Unprotected)),
        }
    }

    /// What was given; else, on a terminal, what is answered.
    pub(crate) fn choose(&self, what: &str) -> Result<Chosen> {
        if let Some(chosen) = self.given(what)? {
            return Ok(chosen);
        }
        if !passphrase::can_ask() {
            return Err(Failure::usage("it is not said what is to protect the keyset")
                .hint("give --new-passphrase-file FILE, or --unprotected"));
        }
        passphrase::ask(what, Typing::Twice).map(Chosen::Passphrase)
    }
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

    /// What opens and writes the file from then on.
    pub(crate) fn guard(&self) -> Result<Guard> {
        Ok(match self {
            Chosen::Passphrase(secret) => Guard::sealed(Passphrase::new(secret)?),
            Chosen::Unprotected => Guard::Unprotected,
        })
    }

    /// Whether a passphrase protects it.
    pub(crate) fn is_protected(&self) -> bool {
        matches!(self, Chosen::Passphrase(_))
    }

    /// In a few words.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Chosen::Passphrase(_) => "sealed with the new passphrase",
            Chosen::Unprotected => "NOT PROTECTED by a passphrase",
        }
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
pub(crate) fn make_default(
    home: &Home,
    path: &Path,
    unlocker: &Unlocker,
    lease: Lease,
) -> Result<Store> {
    home.create()?;
    console::note(&format!("there is no keyset yet; making {}", shown(path)));
    let chosen = match unlocker.given() {
        Some(secret) => Chosen::Passphrase(secret.clone()),
        None => Chosen::of(&Source::default(), "for the new keyset")?,
    };
    let keyset = Keyset::generate(home::DEFAULT, Suite::Cobblestone256)?;
    if let Err(failure) = chosen.save(&keyset, path) {
        let open = || store::open_to_seal(path, unlocker, lease);
        return match path.exists().then(open).transpose()? {
            // Somebody else made it at the same time: theirs it is.
            Some(theirs) if theirs.keyset().id() != keyset.id() => Ok(theirs),
            // Nobody did, or it is ours, and may not be durable.
            _ => Err(failure),
        };
    }
    chosen.announce(path);
    store::open_guarded_to_seal(path, &chosen.guard()?, lease)
}
