// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may open what is sealed already from now on: recipients that are added, or that take the place of all others.

use std::ffi::OsString;

use clap::Args;
use sealwax::KeyWrap;
use sealwax::wrap::hpke::Recipient;
use sealwax::wrap::passphrase::Passphrase;

use crate::failure::Result;
use crate::keyring::{Held, Keyring};
use crate::passphrase::{NewSource, Typing};
use crate::recipients;

/// Which recipients come.
#[derive(Args, Clone, Debug)]
pub(crate) struct ChangeOptions {
    /// Add this recipient string, or those in a file, one per line. May be repeated.
    #[arg(long, value_name = "RECIPIENT|FILE", conflicts_with_all = ["to", "to_keysets"])]
    add: Vec<OsString>,
    /// Add this keyset: a name in the home folder, or a file. May be repeated.
    #[arg(long = "add-keyset", value_name = "NAME|FILE", conflicts_with_all = ["to", "to_keysets"])]
    add_keysets: Vec<OsString>,
    /// Make this recipient string, or those in a file, the only recipients. May be repeated.
    #[arg(long, value_name = "RECIPIENT|FILE")]
    to: Vec<OsString>,
    /// Make this keyset the only recipient, together with all that --to and --to-keyset name. May be repeated.
    #[arg(long = "to-keyset", value_name = "NAME|FILE")]
    to_keysets: Vec<OsString>,
    #[command(flatten)]
    passphrase: NewSource,
    /// Allow X25519 beside stronger recipients, and a passphrase beside others. Whoever breaks the weakest of them
    /// opens the file.
    #[arg(long)]
    pub(crate) mix: bool,
}

/// The recipients that come, loaded.
pub(crate) struct Changes {
    keysets: Vec<Held>,
    public: Vec<Recipient>,
    /// It takes the place of another passphrase.
    pub(crate) passphrase: Option<Passphrase>,
    /// What becomes of those that nothing is said about.
    pub(crate) others: Others,
    /// Whether recipients of different strength may stand side by side.
    pub(crate) mix: bool,
}

/// What becomes of recipients that nothing is said about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// They stay.
    Stay,
    /// They go.
    Go,
}

impl Changes {
    /// Loads what was given, with the keyring's ways to unlock keysets.
    pub(crate) fn load(options: &ChangeOptions, keyring: &Keyring) -> Result<Self> {
        let ChangeOptions { add, add_keysets, to, to_keysets, passphrase, mix } = options;
        let others = match to.is_empty() && to_keysets.is_empty() {
            true => Others::Stay,
            false => Others::Go,
        };
        let mut keysets = Vec::new();
        for argument in add_keysets.iter().chain(to_keysets) {
            keysets.push(keyring.recipient(argument)?);
        }
        let mut public = Vec::new();
        for argument in add.iter().chain(to) {
            recipients::parse_recipients(argument, &mut public)?;
        }
        let passphrase = passphrase.source().read("to seal with", Typing::Twice)?;
        let passphrase = passphrase.map(|secret| Passphrase::new(&secret)).transpose()?;
        Ok(Changes { keysets, public, passphrase, others, mix: *mix })
    }

    /// All that come, a new passphrase last.
    pub(crate) fn recipients(&self) -> impl Iterator<Item = &dyn KeyWrap> {
        let keysets = self.keysets.iter().map(|held| held.keyset() as &dyn KeyWrap);
        let public = self.public.iter().map(|recipient| recipient as &dyn KeyWrap);
        keysets.chain(public).chain(self.passphrase.iter().map(|key| key as &dyn KeyWrap))
    }

    /// Gives back what was leased and not used.
    pub(crate) fn close(self) {
        self.keysets.into_iter().for_each(Held::close);
    }
}
