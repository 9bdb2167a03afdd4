// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exit codes: what a script may rely on.

use sealwax::ErrorKind;

/// Why the command ended. The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Something else went wrong.
    Other = 1,
    /// The command line asks for what is not possible.
    Usage = 2,
    /// Wrong key, wrong context, changed bytes, or the end is missing.
    CannotDecrypt = 3,
    /// The input is not what the format allows.
    Malformed = 4,
    /// The key is missing, or its state does not allow the use.
    KeyUnavailable = 5,
    /// The system refused to read, to write, or to give random bytes.
    Io = 6,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// The code for an error of the library.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Decrypt | ErrorKind::Truncated => Exit::CannotDecrypt,
            ErrorKind::Format | ErrorKind::Limit => Exit::Malformed,
            ErrorKind::UnknownKey | ErrorKind::KeyState | ErrorKind::Provider => {
                Exit::KeyUnavailable
            }
            ErrorKind::Io | ErrorKind::Random => Exit::Io,
            // The library is called with what the user gave: what it calls misuse is usage here.
            ErrorKind::Misuse => Exit::Usage,
            _ => Exit::Other,
        }
    }
}

/// For `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
    0  all is well
    1  something else went wrong
    2  the command line asks for what is not possible
    3  cannot decrypt: wrong key, wrong context, changed bytes, or the end is missing
    4  malformed: not a sealwax file, damaged in its outer parts, or above a limit
    5  the key is missing, or its state does not allow the use
    6  reading or writing failed (also where whoever reads our output went away)
  130  interrupted with Ctrl-C (129 after a hangup, 143 after a termination)
With many files the others are still done, and the code is that of the first failure.";
