// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passphrases: from a prompt, a file or a file descriptor; never from an argument or the environment.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::interrupt;

/// Where a passphrase comes from.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Source {
    /// Ask for a passphrase on the terminal.
    #[arg(short, long, conflicts_with_all = ["passphrase_file", "passphrase_fd"])]
    passphrase: bool,
    /// Read the passphrase from a file; one line break at its end does not count.
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_fd")]
    passphrase_file: Option<PathBuf>,
    /// Read the passphrase from a file descriptor that is open already.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

/// Where another passphrase comes from, for a file that has one already.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct NewSource {
    /// Ask for the new passphrase on the terminal.
    #[arg(long, conflicts_with_all = ["new_passphrase_file", "new_passphrase_fd"])]
    new_passphrase: bool,
    /// Read the new passphrase from a file; one line break at its end does not count.
    #[arg(long, value_name = "FILE", conflicts_with = "new_passphrase_fd")]
    new_passphrase_file: Option<PathBuf>,
    /// Read the new passphrase from a file descriptor that is open already.
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<u32>,
}

/// How often a passphrase is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typing {
    /// To open.
    Once,
    /// To seal: a typing error would lock everybody out.
    Twice,
}

/// A passphrase; wiped when it is dropped.
pub(crate) type Secret = Zeroizing<String>;

impl Source {
    /// Whether the user chose one.
    pub(crate) fn is_given(&self) -> bool {
        self.passphrase || self.passphrase_file.is_some() || self.passphrase_fd.is_some()
    }

    /// Reads the passphrase, where the user chose a source.
    pub(crate) fn read(&self, what: &str, typing: Typing) -> Result<Option<Secret>> {
        if let Some(path) = &self.passphrase_file {
            return from_file(path).map(Some);
        }
        if let Some(number) = self.passphrase_fd {
            // Opened by its name: a number alone cannot be turned into a file safely.
            return from_file(Path::new(&format!("/dev/fd/{number}"))).map(Some);
        }
        match self.passphrase {
            true => ask(what, typing).map(Some),
            false => Ok(None),
        }
    }
}

impl NewSource {
    /// As a source like any other.
    pub(crate) fn source(&self) -> Source {
        Source {
            passphrase: self.new_passphrase,
            passphrase_file: self.new_passphrase_file.clone(),
            passphrase_fd: self.new_passphrase_fd,
        }
    }
}

/// Whether somebody is there to be asked without having asked for it.
pub(crate) fn can_ask() -> bool {
    std::io::stderr().is_terminal() && terminal_opens()
}

/// Asks on the terminal. The answer is not empty.
pub(crate) fn ask(what: &str, typing: Typing) -> Result<Secret> {
    let passphrase = ask_optional(what, typing)?;
    match passphrase {
        Some(passphrase) => Ok(passphrase),
        None => Err(Failure::usage("the passphrase is empty")),
    }
}

/// Asks on the terminal; `None` where the answer is empty.
pub(crate) fn ask_optional(what: &str, typing: Typing) -> Result<Option<Secret>> {
    let passphrase = prompt(&format!("Passphrase {what}: "))?;
    if passphrase.is_empty() {
        return Ok(None);
    }
    if typing == Typing::Twice && prompt("The same again: ")? != passphrase {
        return Err(Failure::usage("the two passphrases differ"));
    }
    Ok(Some(passphrase))
}

/// Asks on the terminal for a secret of another kind, which is not shown either.
pub(crate) fn ask_hidden(what: &str) -> Result<Secret> {
    prompt(&format!("{what}: "))
}

/// Reads a passphrase from a file.
pub(crate) fn from_file(path: &Path) -> Result<Secret> {
    let failure = |error: std::io::Error| Failure::from(error).at(path);
    let file = std::fs::File::open(path).map_err(failure)?;
    console::warn_if_shared(path, &file.metadata().map_err(failure)?, "this passphrase file");
    // Given its final capacity first: growing would leave copies of the passphrase.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN + 3));
    file.take(MAX_LEN as u64 + 3).read_to_end(&mut bytes).map_err(failure)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage("the passphrase is not UTF-8 text").at(path))?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    match text.len() {
        0 => Err(Failure::usage("the passphrase is empty").at(path)),
        1..=MAX_LEN => Ok(Zeroizing::new(text.to_owned())),
        _ => Err(Failure::usage("the passphrase is longer than 65,536 bytes").at(path)),
    }
}

fn prompt(text: &str) -> Result<Secret> {
    if !terminal_opens() {
        let failure = Failure::new(Exit::KeyUnavailable, "no terminal to ask for a passphrase");
        return Err(failure.hint("give it with --passphrase-file FILE or --passphrase-fd N"));
    }
    let _guard = interrupt::restore_terminal();
    Ok(Zeroizing::new(rpassword::prompt_password(text)?))
}

fn terminal_opens() -> bool {
    match cfg!(unix) {
        true => std::fs::File::open("/dev/tty").is_ok(),
        false => std::io::stdin().is_terminal(),
    }
}

const MAX_LEN: usize = sealwax::wrap::passphrase::MAX_LEN;
