// SPDX-License-Identifier: MIT OR Apache-2.0
//! One error for the whole library, sorted by who must act.

use crate::id::{KeyState, KeysetId, VersionId, Wanted};

/// The result of every fallible call.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What went wrong, sorted by who must act.
///
/// No variant carries a secret, a secret's length or unauthenticated plaintext.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A check made with a key in hand failed. Wrong key, wrong context and changed bytes are one
    /// answer on purpose.
    #[error("cannot decrypt: wrong key, wrong context, or the bytes were changed")]
    Decrypt,
    /// The bytes are not what docs/format.md allows.
    #[error("malformed input: {what} (format.md {clause})")]
    Format {
        /// The clause of docs/format.md that is broken.
        clause: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// A share and the backup do not belong together.
    #[error(
        "share {number} is not the one that the backup lists under that number (format.md 8.8b)"
    )]
    Share {
        /// The share's number.
        number: u8,
    },
    /// None of the keys given is one that the input was sealed for.
    #[error("no matching key: {0}")]
    UnknownKey(Wanted),
    /// The key exists and its state forbids the operation.
    #[error("version {version} of keyset {keyset} is {state}: {remedy}")]
    KeyState {
        /// The keyset.
        keyset: KeysetId,
        /// The version in it.
        version: VersionId,
        /// The state it is in.
        state: KeyState,
        /// What the operator can do.
        remedy: &'static str,
    },
    /// The keyset exists and what it is forbids the operation.
    #[error("keyset {keyset}: {what}")]
    Keyset {
        /// The keyset.
        keyset: KeysetId,
        /// What is wrong, and what the operator can do.
        what: &'static str,
    },
    /// The input ends too early.
    #[error("truncated input: the end is missing")]
    Truncated,
    /// A limit of the format or of the caller would be passed.
    #[error("limit reached: {0}")]
    Limit(&'static str),
    /// The program called the library wrongly. Never caused by input bytes.
    #[error("misuse: {0}")]
    Misuse(&'static str),
    /// A provider (KMS, HSM) did not do its part.
    #[error("key provider failed: {0}")]
    Provider(&'static str),
    /// The random source failed; nothing was written.
    #[error("random source failed: not enough entropy")]
    Random,
    /// The operating system refused.
    #[cfg(feature = "std")]
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// The kinds of [`Error`], for programs that decide by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// See [`Error::Decrypt`].
    Decrypt,
    /// See [`Error::Format`] and [`Error::Share`].
    Format,
    /// See [`Error::UnknownKey`].
    UnknownKey,
    /// See [`Error::KeyState`] and [`Error::Keyset`].
    KeyState,
    /// See [`Error::Truncated`].
    Truncated,
    /// See [`Error::Limit`].
    Limit,
    /// See [`Error::Misuse`].
    Misuse,
    /// See [`Error::Provider`].
    Provider,
    /// See [`Error::Random`].
    Random,
    /// See `Error::Io` (with the feature `std`).
    Io,
}

impl Error {
    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Decrypt => ErrorKind::Decrypt,
            Error::Format { .. } | Error::Share { .. } => ErrorKind::Format,
            Error::UnknownKey(_) => ErrorKind::UnknownKey,
            Error::KeyState { .. } | Error::Keyset { .. } => ErrorKind::KeyState,
            Error::Truncated => ErrorKind::Truncated,
            Error::Limit(_) => ErrorKind::Limit,
            Error::Misuse(_) => ErrorKind::Misuse,
            Error::Provider(_) => ErrorKind::Provider,
            Error::Random => ErrorKind::Random,
            #[cfg(feature = "std")]
            Error::Io(_) => ErrorKind::Io,
        }
    }

    pub(crate) const fn format(clause: &'static str, what: &'static str) -> Self {
        Error::Format { clause, what }
    }
}

/// Inside `Read` and `Write` our errors travel as the source of an `std::io::Error`.
#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind as Kind;
        let kind = match error {
            Error::Io(inner) => return inner,
            Error::Truncated => Kind::UnexpectedEof,
            Error::Misuse(_) => Kind::InvalidInput,
            _ => Kind::InvalidData,
        };
        std::io::Error::new(kind, error)
    }
}

#[cfg(feature = "std")]
impl Error {
    /// Takes our error back out of an `std::io::Error` that a reader or writer of ours returned.
    pub fn from_io(error: std::io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(ours) => ours,
            Err(system) => Error::Io(system),
        }
    }
}
