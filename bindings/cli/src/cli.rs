// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line as a whole.

use std::sync::LazyLock;

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::Outcome;
use crate::commands::census::CensusCommand;
use crate::commands::doctor::Doctor;
use crate::commands::identity::Identity;
use crate::commands::inspect::Inspect;
use crate::commands::keyset::KeysetCommand;
use crate::commands::manual::{Completions, Manual};
use crate::commands::open::Open;
use crate::commands::pipe::Pipe;
use crate::commands::recover::Recover;
use crate::commands::reencrypt::Reencrypt;
use crate::commands::rewrap::Rewrap;
use crate::commands::seal::Seal;
use crate::commands::token::Token;
use crate::commands::verify::Verify;
use crate::exit;
use crate::failure::Result;

/// Seals and opens files, streams and small values, with keys that have names, versions and states.
#[derive(Parser, Debug)]
#[command(name = "sealwax", version = VERSION.as_str(), after_help = AFTER_HELP.as_str())]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Seal files, folders, or stdin.
    Seal(Box<Seal>),
    /// Open what was sealed.
    Open(Box<Open>),
    /// Show what a sealed file says about itself. Needs no key.
    Inspect(Inspect),
    /// Read and check all of sealed files, and write nothing.
    Verify(Box<Verify>),
    /// Change who may open sealed files, without touching what is in them.
    Rewrap(Box<Rewrap>),
    /// Seal files anew under new data keys: where a data key may be in other hands.
    Reencrypt(Box<Reencrypt>),
    /// Count which keys sealed files and tokens depend on.
    Census(CensusCommand),
    /// Clear what interrupted rewraps and killed commands left behind.
    Recover(Box<Recover>),
    /// Seal and open small values: database fields, cookies.
    Token(Box<Token>),
    /// Make, show, rotate, back up and retire keysets.
    Keyset(KeysetCommand),
    /// Make and show identities: secret key pairs that others can seal for.
    Identity(Identity),
    /// Say which protections of keys in memory are on, on this machine.
    Doctor(Doctor),
    /// Carry stdin and stdout to another host and back, encrypted and authenticated.
    Pipe(Box<Pipe>),
    /// Print completions for a shell.
    Completions(Completions),
    /// Print the manual page, or write all pages into a folder.
    Man(Manual),
}

impl Cli {
    /// Does what the command line says.
    pub(crate) fn run(self) -> Result<Outcome> {
        match self.command {
            Command::Seal(seal) => seal.run(),
            Command::Open(open) => open.run(),
            Command::Inspect(inspect) => inspect.run(),
            Command::Verify(verify) => verify.run(),
            Command::Rewrap(rewrap) => rewrap.run(),
            Command::Reencrypt(reencrypt) => reencrypt.run(),
            Command::Census(census) => census.run(),
            Command::Recover(recover) => recover.run(),
            Command::Token(token) => token.run(),
            Command::Keyset(keyset) => keyset.run(),
            Command::Identity(identity) => identity.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Pipe(pipe) => pipe.run(),
            Command::Completions(completions) => completions.run(Cli::command()).map(Ok),
            Command::Man(manual) => manual.run(Cli::command()).map(Ok),
        }
    }
}

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (format 1, {})", env!("CARGO_PKG_VERSION"), sealwax::BACKEND));

static AFTER_HELP: LazyLock<String> = LazyLock::new(|| format!("{EXAMPLES}\n\n{}", exit::HELP));

const EXAMPLES: &str = "\
Examples:
  sealwax seal report.pdf                        report.pdf.swx beside it
  sealwax open report.pdf.swx
  tar c src | sealwax seal > src.tar.swx
  sealwax seal --help";
