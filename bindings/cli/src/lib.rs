// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `sealwax` command: a thin face over the library `sealwax`.
//!
//! A library of its own so that what reads arguments can be fuzzed; the program calls [`main`].
#![cfg(feature = "host")]
#![forbid(unsafe_code)]

mod amount;
mod bulk;
mod changes;
mod cli;
mod commands;
mod confirm;
mod console;
mod context;
mod exit;
mod failure;
mod flow;
mod front;
mod header_file;
mod home;
mod input;
mod interrupt;
mod keyring;
mod passphrase;
mod pipeline;
mod plan;
mod progress;
mod protection;
mod recipients;
mod removal;
mod store;
mod suite;
mod time;
mod unlock;
mod via;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

/// Does what the arguments of this process say.
pub fn main() -> ExitCode {
    // Usage errors exit with 2 here; --help and --version with 0.
    let cli = Cli::parse();
    let outcome = interrupt::watch().and_then(|()| cli.run());
    if let Some(code) = interrupt::exit_code() {
        console::note("interrupted; nothing unfinished was left behind");
        return ExitCode::from(code);
    }
    let exit = match outcome {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(exit)) => exit,
        Err(failure) => {
            console::report(&failure);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

/// Reads arguments, the first of which is the name of the program, and does nothing with them.
///
/// # Errors
/// What the command would say of them, `--help` and `--version` too.
pub fn parse<T: Into<std::ffi::OsString> + Clone>(
    arguments: impl IntoIterator<Item = T>,
) -> Result<(), String> {
    Cli::try_parse_from(arguments).map(drop).map_err(|error| error.to_string())
}
