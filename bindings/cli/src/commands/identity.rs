// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax identity`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealwax::{Algorithm, Keyset};
use zeroize::Zeroizing;

use super::Outcome;
use crate::console;
use crate::failure::{Failure, Result};
use crate::passphrase::{Source, Typing};
use crate::protection::Chosen;
use crate::unlock::{self, Expectation, Unlocker};

/// `sealwax identity`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Identity {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Clone, Debug)]
enum Verb {
    /// Make a secret identity, and print its public recipient string.
    #[command(after_help = EXAMPLES)]
    New(New),
    /// Print the recipient string of an identity.
    #[command(after_help = EXAMPLES)]
    Show(Show),
}

#[derive(Args, Clone, Debug)]
struct New {
    /// Write the secret identity to this file.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Make an X25519 identity: shorter strings, no protection against quantum computers.
    #[arg(long)]
    x25519: bool,
    #[command(flatten)]
    passphrase: Source,
}

#[derive(Args, Clone, Debug)]
struct Show {
    /// A keyset file of key pairs, or text with an identity string.
    file: PathBuf,
    /// Print the secret identity string.
    #[arg(long)]
    secret: bool,
    #[command(flatten)]
    passphrase: Source,
}

impl Identity {
    /// Runs the verb.
    pub(crate) fn run(self) -> Result<Outcome> {
        match self.verb {
            Verb::New(new) => new.run().map(Ok),
            Verb::Show(show) => show.run().map(Ok),
        }
    }
}

impl New {
    fn run(self) -> Result<()> {
        let algorithm = if self.x25519 { Algorithm::X25519 } else { Algorithm::XWing };
        let chosen = match self.passphrase.read("for the new identity", Typing::Twice)? {
            Some(secret) => Chosen::Passphrase(secret),
            None => Chosen::Unprotected,
        };
        let identity = Keyset::generate("identity", algorithm)?;
        chosen.save(&identity, &self.output)?;
        chosen.announce(&self.output);
        console::print(&format!("{}\n", identity.recipient()?.to_text()))
    }
}

impl Show {
    fn run(self) -> Result<()> {
        let given = self.passphrase.read("of the identity", Typing::Once)?;
        let unlocker = Unlocker::new(given, Expectation::Sealed);
        for identity in unlock::load_identities(&self.file, &unlocker)? {
            let at = |error: sealwax::Error| Failure::from(error).at(&self.file);
            let text = match self.secret {
                true => identity.expose_identity_text().map_err(at)?,
                false => Zeroizing::new(identity.recipient().map_err(at)?.to_text()),
            };
            console::print(&text)?;
            console::print("\n")?;
        }
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax identity new -o me.swxk > me.pub       the secret stays in me.swxk
  sealwax identity new -o me.swxk --passphrase
  sealwax identity show me.swxk
  sealwax seal -r me.pub letter.txt
  sealwax open -i me.swxk letter.txt.swx

An identity is a secret key pair, X-Wing (post-quantum) by default; whoever has its recipient string can seal for it,
and that says nothing about who they are.";
