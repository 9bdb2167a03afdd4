// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `sealwax` command: a thin face over the library `sealwax`.

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

fn main() -> ExitCode {
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
