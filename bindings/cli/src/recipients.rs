// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may open what is sealed: keysets, public keys, a passphrase; by default the keyset `default`.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use sealwax::store::Store;
use sealwax::wrap::hpke::Recipient;
use sealwax::wrap::passphrase::Passphrase;
use sealwax::{Keyset, Sealer};

use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::home::{self, Home};
use crate::passphrase::{Source, Typing};
use crate::protection;
use crate::store::{self, Lease};
use crate::unlock::{self, Expectation, Unlocker};

/// Who may open what is sealed.
#[derive(Args, Clone, Debug)]
pub(crate) struct RecipientOptions {
    /// Seal for this keyset: a name in the home folder, or a file. May be repeated.
    #[arg(short, long = "keyset", value_name = "NAME|FILE")]
    keysets: Vec<OsString>,
    /// Seal for this recipient string, or for those in a file, one per line. May be repeated.
    #[arg(short, long = "recipient", value_name = "RECIPIENT|FILE")]
    recipients: Vec<OsString>,
    #[command(flatten)]
    passphrase: Source,
    /// Unlock keysets with the passphrase in this file.
    #[arg(long, value_name = "FILE")]
    keyset_passphrase_file: Option<std::path::PathBuf>,
    /// Allow X25519 beside stronger recipients, and a passphrase beside others. Whoever breaks the weakest of them
    /// opens the file.
    #[arg(long)]
    mix: bool,
}

/// The recipients, loaded.
pub(crate) struct Recipients {
    keysets: Vec<Counted>,
    public: Vec<Recipient>,
    passphrase: Option<Passphrase>,
    mix: bool,
}

/// A keyset that is counted in its store, at one revision.
struct Counted {
    store: Store,
    keyset: Arc<Keyset>,
}

impl Recipients {
    /// Loads what was given, or the default keyset, which is made where there is none; to seal so many envelopes.
    pub(crate) fn new(options: &RecipientOptions, envelopes: usize) -> Result<Self> {
        let home = Home::find()?;
        let own = unlock::from_own_file(&options.keyset_passphrase_file)?;
        let for_keysets = !options.keysets.is_empty() && own.is_none();
        let general = match for_keysets {
            true => options.passphrase.read("of the keyset", Typing::Once)?,
            false => options.passphrase.read("to seal with", Typing::Twice)?,
        };
        let (passphrase, for_keysets) = match for_keysets {
            true => (None, general),
            false => (general.map(|secret| Passphrase::new(&secret)).transpose()?, own),
        };
        let unlocker = Unlocker::new(for_keysets, Expectation::Sealed);
        let lease = Lease::envelopes(envelopes);
        let mut keysets = Vec::new();
        for argument in &options.keysets {
            let store = store::open_to_seal(&home.resolve(argument)?, &unlocker, lease)?;
            keysets.push(Counted::new(store));
        }
        let mut public = Vec::new();
        for argument in &options.recipients {
            parse_recipients(argument, &mut public)?;
        }
        if keysets.is_empty() && public.is_empty() && passphrase.is_none() {
            keysets.push(Counted::new(default_keyset(&home, &unlocker, lease)?));
        }
        Ok(Recipients { keysets, public, passphrase, mix: options.mix })
    }

    /// A sealer for all of them.
    pub(crate) fn sealer(&self) -> Sealer<'_> {
        let mut sealer = Sealer::new();
        for Counted { keyset, .. } in &self.keysets {
            sealer = sealer.recipient(&**keyset);
        }
        for recipient in &self.public {
            sealer = sealer.recipient(recipient);
        }
        if let Some(passphrase) = &self.passphrase {
            sealer = sealer.recipient(passphrase);
        }
        match self.mix {
            true => sealer.danger_mix_recipients(),
            false => sealer,
        }
    }

    /// Goes on with the newest revisions of the keysets; whether there was a newer one.
    pub(crate) fn follow(&mut self) -> bool {
        let mut followed = false;
        for Counted { store, keyset } in &mut self.keysets {
            let newest = store.keyset();
            followed |= newest.revision() != keyset.revision();
            *keyset = newest;
        }
        followed
    }

    /// Gives back what was leased and not used.
    pub(crate) fn close(self) {
        self.keysets.into_iter().for_each(|counted| store::close(counted.store));
    }
}

impl Counted {
    fn new(store: Store) -> Self {
        Counted { keyset: store.keyset(), store }
    }
}

/// The keyset `default`; made, with a notice, where there is none.
pub(crate) fn default_keyset(home: &Home, unlocker: &Unlocker, lease: Lease) -> Result<Store> {
    let path = home.file_of(home::DEFAULT)?;
    match path.exists() {
        true => store::open_to_seal(&path, unlocker, lease),
        false => protection::make_default(home, &path, unlocker, lease),
    }
}

/// Reads a recipient string, or a file of them.
pub(crate) fn parse_recipients(argument: &OsStr, recipients: &mut Vec<Recipient>) -> Result<()> {
    let text = argument.to_string_lossy();
    if text.starts_with("sealwaxpub1") {
        recipients.push(parse_recipient(&text)?);
        return Ok(());
    }
    if is_secret(&text) {
        return Err(Failure::usage("this is a secret identity, which is now in your history")
            .hint("seal for what `sealwax identity show FILE` prints, and replace the identity"));
    }
    let path = Path::new(argument);
    let at = |failure: Failure| failure.at(path);
    let missing = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            at(Failure::usage("neither a recipient string (sealwaxpub1...) nor a file"))
        }
        _ => at(error.into()),
    };
    let bytes = std::fs::read(path).map_err(missing)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let before = recipients.len();
    for line in unlock::lines(text) {
        if is_secret(line) {
            return Err(at(Failure::usage("this is a secret identity")
                .hint("seal for what `sealwax identity show FILE` prints")));
        }
        recipients.push(parse_recipient(line).map_err(at)?);
    }
    match recipients.len() == before {
        true => Err(at(Failure::new(Exit::Malformed, "there is no recipient string in this file"))),
        false => Ok(()),
    }
}

fn parse_recipient(text: &str) -> Result<Recipient> {
    Recipient::parse_text(text).map_err(|error| {
        Failure::from(error).hint("copy the recipient string again, from sealwaxpub1 to its end")
    })
}

fn is_secret(text: &str) -> bool {
    text.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("SEALWAX-SECRET-"))
}
