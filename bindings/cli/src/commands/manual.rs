// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax completions` and `sealwax man`.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::console;
use crate::failure::{Failure, Result};

/// Options of `sealwax completions`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Examples:\n  sealwax completions bash > ~/.local/share/bash-completion/completions/sealwax"
)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Options of `sealwax man`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Examples:\n  sealwax man | man -l -\n  sealwax man ~/.local/share/man/man1"
)]
pub(crate) struct Manual {
    /// Write one page per subcommand into this folder. Without it: the main page, to stdout.
    folder: Option<PathBuf>,
}

impl Completions {
    /// Prints the script.
    pub(crate) fn run(self, mut command: Command) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "sealwax", &mut script);
        console::print(&String::from_utf8_lossy(&script))
    }
}

impl Manual {
    /// Prints the main page, or writes all.
    pub(crate) fn run(self, command: Command) -> Result<()> {
        match self.folder {
            Some(folder) => std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(command, &folder))
                .map_err(|error| Failure::from(error).at(&folder)),
            None => {
                let mut page = Vec::new();
                Man::new(command).render(&mut page)?;
                console::print(&String::from_utf8_lossy(&page))
            }
        }
    }
}
