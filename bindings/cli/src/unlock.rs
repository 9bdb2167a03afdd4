// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keyset files, with the passphrases that unlock them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sealwax::id::RecipientKind;
use sealwax::keyset::file::{Description, Protection};
use sealwax::store::Guard;
use sealwax::wrap::passphrase::Passphrase;
use sealwax::{Error, Keyset};
use zeroize::Zeroizing;

use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, escaped};
use crate::passphrase::{self, Secret, Typing};
use crate::store;

/// Loads keyset files.
pub(crate) struct Unlocker {
    given: Option<Secret>,
    expectation: Expectation,
    /// What the command line calls the passphrase of keysets.
    option: &'static str,
}

/// What an unprotected keyset file means where a passphrase was given for keysets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// Somebody may have put a keyset of theirs in place of the sealed one: refused.
    Sealed,
    /// The passphrase may be meant for something else.
    Any,
}

impl Unlocker {
    /// With the passphrase that was given for keysets, if any.
    pub(crate) fn new(given: Option<Secret>, expectation: Expectation) -> Self {
        Unlocker { given, expectation, option: "--keyset-passphrase-file FILE" }
    }

    /// Of a command that is about one keyset: a passphrase can only be that of the keyset.
    pub(crate) fn of_keyset(given: Option<Secret>) -> Self {
        Unlocker { option: "--passphrase-file FILE", ..Unlocker::new(given, Expectation::Sealed) }
    }

    /// Whatever an unprotected file means.
    pub(crate) fn expecting_any(self) -> Self {
        Unlocker { expectation: Expectation::Any, ..self }
    }

    /// The passphrase that was given for keysets.
    pub(crate) fn given(&self) -> Option<&Secret> {
        self.given.as_ref()
    }

    /// Loads a keyset file; asks for its passphrase where none was given.
    pub(crate) fn load(&self, path: &Path) -> Result<Keyset> {
        self.try_load(path).map_err(|failure| failure.at(path))
    }

    /// Loads a keyset file that needs no passphrase; `None` where it needs one.
    pub(crate) fn load_unprotected(&self, path: &Path) -> Result<Option<Keyset>> {
        if self.given.is_some() && self.expectation == Expectation::Sealed {
            return Ok(None);
        }
        let mut file = File::open(path)?;
        let mut magic = [0; 4];
        if file.read_exact(&mut magic).is_ok() && &magic != UNPROTECTED_MAGIC {
            return Ok(None);
        }
        console::warn_if_shared(path, &file.metadata()?, "this unprotected keyset");
        Ok(Some(Keyset::load(path, Protection::Unprotected)?))
    }

    /// What protects a keyset file, for whoever changes it; asks for its passphrase where none was given.
    pub(crate) fn guard(&self, path: &Path) -> Result<Guard> {
        match self.load_unprotected(path)? {
            Some(_) => Ok(Guard::Unprotected),
            None => Ok(Guard::sealed(Passphrase::new(&self.passphrase(path)?)?)),
        }
    }

    fn try_load(&self, path: &Path) -> Result<Keyset> {
        match self.load_unprotected(path)? {
            Some(keyset) => Ok(keyset),
            None => unlock(path, &self.passphrase(path)?),
        }
    }

    /// The passphrase of a sealed keyset file.
    fn passphrase(&self, path: &Path) -> Result<Secret> {
        let description = Description::load(path)?;
        if description.recipients.is_empty() {
            let failure = Failure::usage("this keyset is not protected, and a passphrase is given");
            return Err(failure.hint("make sure that it is yours, then give no passphrase"));
        }
        if !description.recipients.contains(&RecipientKind::Passphrase) {
            let kinds: Vec<_> = description.recipients.iter().map(|kind| kind.name()).collect();
            let what = format!("this keyset is sealed for another key ({})", kinds.join(", "));
            return Err(Failure::new(Exit::KeyUnavailable, what)
                .hint("`sealwax keyset import` or `restore` opens it with -i IDENTITY"));
        }
        match &self.given {
            Some(given) => Ok(given.clone()),
            None if passphrase::can_ask() => {
                let name = escaped(&description.name);
                passphrase::ask(&format!("of keyset {name}"), Typing::Once)
            }
            None => {
                let what = "this keyset is sealed with a passphrase";
                Err(Failure::new(Exit::KeyUnavailable, what)
                    .hint(format!("give it with {}", self.option)))
            }
        }
    }
}

/// Loads an identity: a keyset file, or text with identity strings.
pub(crate) fn load_identities(path: &Path, unlocker: &Unlocker) -> Result<Vec<Keyset>> {
    let at = |failure: Failure| failure.at(path);
    let file = File::open(path).map_err(|error| at(error.into()))?;
    let metadata = file.metadata().map_err(|error| at(error.into()))?;
    // Given its final capacity first: growing would leave copies of the secret.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_TEXT_LEN + 1));
    file.take(MAX_TEXT_LEN as u64 + 1).read_to_end(&mut bytes).map_err(|error| at(error.into()))?;
    if bytes.starts_with(UNPROTECTED_MAGIC) || bytes.starts_with(SEALED_MAGIC) {
        return unlocker.load(path).map(|keyset| vec![keyset]);
    }
    console::warn_if_shared(path, &metadata, "this secret identity");
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let mut identities = Vec::new();
    for line in lines(text) {
        identities.push(Keyset::parse_identity_text(line).map_err(|error| at(error.into()))?);
    }
    match identities.is_empty() || bytes.len() > MAX_TEXT_LEN {
        true => Err(at(Failure::new(Exit::Malformed, "this is not a secret identity")
            .hint("`sealwax identity new` makes one"))),
        false => Ok(identities),
    }
}

/// The lines that say something: not empty, and not comments.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn unlock(path: &Path, given: &Secret) -> Result<Keyset> {
    let passphrase = Passphrase::new(given)?;
    match Keyset::load(path, Protection::Sealed(&[&passphrase])) {
        Err(Error::Decrypt) => Err(store::wrong_passphrase()),
        other => Ok(other?),
    }
}

/// A passphrase for keysets that has a file of its own.
pub(crate) fn from_own_file(file: &Option<PathBuf>) -> Result<Option<Secret>> {
    file.as_deref().map(passphrase::from_file).transpose()
}

/// How unprotected keyset files begin (format.md 8.4).
pub(crate) const UNPROTECTED_MAGIC: &[u8; 4] = b"SWKS";
/// How envelopes begin, sealed keyset files among them (format.md 4.1).
const SEALED_MAGIC: &[u8; 4] = b"SWAX";
/// Longest text with identity strings, in bytes.
const MAX_TEXT_LEN: usize = 64 * 1024;
