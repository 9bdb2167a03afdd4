// SPDX-License-Identifier: MIT OR Apache-2.0
//! Questions before what cannot be taken back.

use std::io::{BufRead, BufReader, Write};

use clap::Args;
use sealwax::Keyset;

use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, escaped};
use crate::passphrase;

/// Whether this is the keyset that is meant: what opened it proves nothing about who made it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Recognition {
    /// Take it, whatever its fingerprint.
    #[arg(short, long, conflicts_with = "fingerprint")]
    yes: bool,
    /// Take it only if it has this fingerprint, as `keyset backup` and `keyset show` print it.
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
}

impl Recognition {
    /// Shows what a file holds, and gets an answer to whether it is meant.
    pub(crate) fn confirm(&self, keyset: &Keyset) -> Result<()> {
        let fingerprint = hex(&keyset.fingerprint()?);
        let (name, revision) = (escaped(keyset.name()), keyset.revision());
        let versions = keyset.versions().len();
        console::say(&format!(
            "name        {name}\nid          {}\nrevision    {revision}, with {versions} versions\n\
             fingerprint {fingerprint}",
            keyset.id(),
        ));
        if let Some(expected) = &self.fingerprint {
            return match expected.to_ascii_lowercase() == fingerprint {
                true => Ok(()),
                false => Err(Failure::new(
                    Exit::CannotDecrypt,
                    format!("the keyset's fingerprint is {fingerprint}, and not the expected one"),
                )
                .hint("get the file from whoever made it")),
            };
        }
        if self.yes {
            return Ok(());
        }
        let hint = "give --fingerprint HEX, or --yes";
        match ask("Is this the keyset that you mean? Type yes: ", "yes", hint)? {
            true => Ok(()),
            false => Err(declined()),
        }
    }
}

/// Asks on the terminal; whether the answer is the one that is wanted.
pub(crate) fn ask(question: &str, wanted: &str, without_terminal: &str) -> Result<bool> {
    if !passphrase::can_ask() {
        return Err(Failure::usage("there is no terminal to ask on").hint(without_terminal));
    }
    let mut answer = String::new();
    if cfg!(unix) {
        let mut terminal = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        terminal.write_all(question.as_bytes())?;
        BufReader::new(terminal).read_line(&mut answer)?;
    } else {
        std::io::stderr().write_all(question.as_bytes())?;
        std::io::stdin().read_line(&mut answer)?;
    }
    Ok(answer.trim() == wanted)
}

/// The failure of what was asked about and not wanted.
pub(crate) fn declined() -> Failure {
    Failure::new(Exit::Other, "not done: the answer was another one")
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
