// SPDX-License-Identifier: MIT OR Apache-2.0
//! What became of every fault, written down where `SEALWAX_FAULTS` says: command, fault, outcome.

use std::fs::File;
use std::io::Write;

use super::injector::Ended;

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did its work all the same.
    Done,
    /// It said what failed.
    Refused,
    /// It said that it was interrupted.
    Interrupted,
    /// It died.
    Died,
}

impl Outcome {
    pub(crate) fn of(ended: &Ended) -> Self {
        match ended.code {
            Some(0) => Outcome::Done,
            Some(129 | 130 | 143) => Outcome::Interrupted,
            Some(_) => Outcome::Refused,
            None => Outcome::Died,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Outcome::Done => "done all the same",
            Outcome::Refused => "refused with words",
            Outcome::Interrupted => "interrupted",
            Outcome::Died => "died, nothing lost",
        }
    }
}

/// Adds a line. What it says holds where the test passes.
pub(crate) fn record(arguments: &[&str], fault: &str, outcome: Outcome) {
    let Some(path) = std::env::var_os("SEALWAX_FAULTS") else { return };
    let command = arguments.iter().take_while(|word| !word.starts_with('-') && !word.contains('.'));
    let command: Vec<_> = command.take(2).copied().collect();
    let file = File::options().create(true).append(true).open(path);
    let line = format!("{}\t{fault}\t{}\n", command.join(" "), outcome.word());
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the table can be written");
}
