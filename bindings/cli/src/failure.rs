// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the command says when it fails: which file, what is wrong, what to do.

use std::fmt;
use std::io;
use std::path::Path;

use sealwax::Error;
use sealwax::id::{RecipientKind, Wanted};

use crate::exit::Exit;

/// The result of whatever can fail in front of the user.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// One line for the user, and an exit code for the script.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    subject: Option<String>,
    what: String,
    hint: Option<String>,
    quiet: bool,
    interruption: bool,
}

impl Failure {
    /// A failure of this kind.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Failure {
            exit,
            subject: None,
            what: what.into(),
            hint: None,
            quiet: false,
            interruption: false,
        }
    }

    /// The command line asks for what is not possible.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Failure::new(Exit::Usage, what)
    }

    /// Adds what the user can do. The first hint stays: it knows most.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert(hint.into());
        self
    }

    /// Says which file it is about, where that is not said yet.
    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject.get_or_insert(subject.into());
        self
    }

    /// Says which file it is about, where that is not said yet.
    pub(crate) fn at(self, path: &Path) -> Self {
        self.about(shown(path))
    }

    /// Whether there is nobody left to tell: whoever read our output went away.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether it says that a job was interrupted.
    pub(crate) fn is_interruption(&self) -> bool {
        self.interruption
    }

    /// What is wrong, without the file and the hint.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(subject) = &self.subject {
            write!(f, "{subject}: ")?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = Exit::of(error.kind());
        match error {
            Error::Io(error) => error.into(),
            Error::Misuse(what) => Failure::new(exit, what),
            Error::UnknownKey(wanted) => {
                Failure::new(exit, format!("no matching key: {wanted}")).hint(remedy(wanted))
            }
            Error::KeyState { keyset, version, state, remedy } => {
                let what = format!("version {version} of keyset {keyset} is {state}");
                Failure::new(exit, what).hint(remedy)
            }
            Error::Truncated => {
                Failure::new(exit, error.to_string()).hint("get a whole copy and try again")
            }
            Error::Decrypt => Failure::new(exit, error.to_string()).hint(
                "try the key and the --context it was sealed with, or another copy of the file",
            ),
            other => Failure::new(exit, other.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let error = match Error::from_io(error) {
            Error::Io(error) => error,
            ours => return ours.into(),
        };
        let failure = Failure::new(Exit::Io, plain(&error));
        match error.kind() {
            io::ErrorKind::AlreadyExists => failure.hint("use --force to replace it"),
            io::ErrorKind::BrokenPipe => Failure { quiet: true, ..failure },
            io::ErrorKind::Interrupted => Failure { interruption: true, ..failure },
            _ => failure,
        }
    }
}

/// A path as it may be shown on a terminal: without characters that steer it.
pub(crate) fn shown(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

/// Text from elsewhere as it may be shown on a terminal.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => out.extend(character.escape_default()),
            false => out.push(character),
        }
    }
    out
}

/// The system's words, without Rust's "(os error 2)".
fn plain(error: &io::Error) -> String {
    let text = match error.kind() {
        io::ErrorKind::AlreadyExists => "exists already".into(),
        io::ErrorKind::Interrupted => "interrupted".into(),
        _ => error.to_string(),
    };
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => "the system gave no reason".into(),
    }
}

fn remedy(wanted: Wanted) -> String {
    match wanted {
        Wanted::Keyset(id, _) => {
            format!("give the keyset file of {id} with -k, or put it into the home folder")
        }
        Wanted::Token(_) => "give its keyset with -k".into(),
        Wanted::Pair(..) => "give the identity with -i FILE".into(),
        Wanted::Recipient(RecipientKind::Passphrase) => {
            "give the passphrase with -p or --passphrase-file FILE".into()
        }
        Wanted::RawKey(_) | Wanted::Recipient(RecipientKind::Provider) => {
            "this command does not hold such keys; open it with the library".into()
        }
        Wanted::MoreShares(..) => "give each with --share FILE, or all with --share -".into(),
        Wanted::ShareOf(_) => "give the shares of this backup, or that backup".into(),
        _ => "`sealwax inspect` shows its recipients".into(),
    }
}
