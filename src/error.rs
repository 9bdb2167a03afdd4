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
        clause: Text,
        /// What is wrong.
        what: Text,
    },
    /// A share and the backup do not belong together.
    #[cfg_attr(
        feature = "error-text",
        error(
            "share {number} is not the one that the backup lists under that number (format.md 8.8b)"
        )
    )]
    #[cfg_attr(not(feature = "error-text"), error("not a share of this backup"))]
    Share {
        /// The share's number.
        #[cfg(feature = "error-text")]
        number: u8,
    },
    /// None of the keys given is one that the input was sealed for.
    #[error("no matching key: {0}")]
    UnknownKey(Named),
    /// The key exists and its state forbids the operation.
    #[cfg_attr(
        feature = "error-text",
        error("version {version} of keyset {keyset} is {state}: {remedy}")
    )]
    #[cfg_attr(not(feature = "error-text"), error("the state of the key forbids it"))]
    KeyState {
        /// The keyset.
        #[cfg(feature = "error-text")]
        keyset: KeysetId,
        /// The version in it.
        #[cfg(feature = "error-text")]
        version: VersionId,
        /// The state it is in.
        #[cfg(feature = "error-text")]
        state: KeyState,
        /// What the operator can do.
        #[cfg(feature = "error-text")]
        remedy: &'static str,
    },
    /// The keyset exists and what it is forbids the operation.
    #[cfg_attr(feature = "error-text", error("keyset {keyset}: {what}"))]
    #[cfg_attr(not(feature = "error-text"), error("the state of the keyset forbids it"))]
    Keyset {
        /// The keyset.
        #[cfg(feature = "error-text")]
        keyset: KeysetId,
        /// What is wrong, and what the operator can do.
        #[cfg(feature = "error-text")]
        what: &'static str,
    },
    /// The input ends too early.
    #[error("truncated input: the end is missing")]
    Truncated,
    /// A limit of the format or of the caller would be passed.
    #[error("limit reached: {0}")]
    Limit(Text),
    /// The program called the library wrongly. Never caused by input bytes.
    #[error("misuse: {0}")]
    Misuse(Text),
    /// This build was made without a part of the format.
    #[error("not supported: {0}")]
    Unsupported(Text),
    /// A provider (KMS, HSM) did not do its part.
    #[error("key provider failed: {0}")]
    Provider(Text),
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
    /// See [`Error::Unsupported`].
    Unsupported,
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
            Error::Unsupported(_) => ErrorKind::Unsupported,
            Error::Provider(_) => ErrorKind::Provider,
            Error::Random => ErrorKind::Random,
            #[cfg(feature = "std")]
            Error::Io(_) => ErrorKind::Io,
        }
    }

    /// The same error from its fields alone. Each is short, and which error it is leaves much of it free: a move takes along
    /// what stood there before. What stays behind is of no use.
    #[cfg(feature = "error-text")]
    pub(crate) fn made_anew(&mut self) -> Self {
        match self {
            Error::Decrypt => Error::Decrypt,
            Error::Format { clause, what } => Error::Format { clause, what },
            Error::Share { number } => Error::Share { number: *number },
            Error::UnknownKey(wanted) => Error::UnknownKey(wanted.made_anew()),
            Error::KeyState { keyset, version, state, remedy } => {
                Error::KeyState { keyset: *keyset, version: *version, state: *state, remedy }
            }
            Error::Keyset { keyset, what } => Error::Keyset { keyset: *keyset, what },
            Error::Truncated => Error::Truncated,
            Error::Limit(what) => Error::Limit(what),
            Error::Misuse(what) => Error::Misuse(what),
            Error::Unsupported(what) => Error::Unsupported(what),
            Error::Provider(what) => Error::Provider(what),
            Error::Random => Error::Random,
            #[cfg(feature = "std")]
            Error::Io(inner) => {
                Error::Io(core::mem::replace(inner, std::io::ErrorKind::Other.into()))
            }
        }
    }

    pub(crate) const fn format(clause: &'static str, what: &'static str) -> Self {
        Error::Format { clause: text(clause), what: text(what) }
    }

    /// [`Error::Limit`], in builds with and without texts.
    pub const fn limit(what: &'static str) -> Self {
        Error::Limit(text(what))
    }

    /// [`Error::Misuse`], in builds with and without texts.
    pub const fn misuse(what: &'static str) -> Self {
        Error::Misuse(text(what))
    }

    /// [`Error::Unsupported`], in builds with and without texts.
    pub const fn unsupported(what: &'static str) -> Self {
        Error::Unsupported(text(what))
    }

    #[cfg(feature = "error-text")]
    pub(crate) const fn unknown_key(wanted: Wanted) -> Self {
        Error::UnknownKey(wanted)
    }

    #[cfg(not(feature = "error-text"))]
    #[inline(always)]
    pub(crate) const fn unknown_key(_: Wanted) -> Self {
        Error::UnknownKey(Nothing)
    }

    #[cfg(feature = "error-text")]
    pub(crate) const fn keyset(keyset: KeysetId, what: &'static str) -> Self {
        Error::Keyset { keyset, what }
    }

    #[cfg(not(feature = "error-text"))]
    #[inline(always)]
    pub(crate) const fn keyset(_: KeysetId, _: &'static str) -> Self {
        Error::Keyset {}
    }

    #[cfg(feature = "error-text")]
    pub(crate) const fn key_state(
        keyset: KeysetId,
        version: VersionId,
        state: KeyState,
        remedy: &'static str,
    ) -> Self {
        Error::KeyState { keyset, version, state, remedy }
    }

    #[cfg(not(feature = "error-text"))]
    #[inline(always)]
    pub(crate) const fn key_state(_: KeysetId, _: VersionId, _: KeyState, _: &'static str) -> Self {
        Error::KeyState {}
    }
}

/// What an error says.
#[cfg(feature = "error-text")]
pub type Text = &'static str;
/// What an error says: nothing, in a build without the feature `error-text`, where texts and ids would take flash.
#[cfg(not(feature = "error-text"))]
pub type Text = Nothing;
/// Which key is wanted.
#[cfg(feature = "error-text")]
pub type Named = Wanted;
/// Which key is wanted: nothing, in a build without the feature `error-text`.
#[cfg(not(feature = "error-text"))]
pub type Named = Nothing;

/// What an error carries in a build without the feature `error-text`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nothing;

impl core::fmt::Display for Nothing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("see its kind")
    }
}

#[cfg(feature = "error-text")]
pub(crate) const fn text(text: &'static str) -> Text {
    text
}

#[cfg(not(feature = "error-text"))]
#[inline(always)]
pub(crate) const fn text(_: &'static str) -> Text {
    Nothing
}

// One byte: every fallible call hands it on.
#[cfg(not(feature = "error-text"))]
const _: () = assert!(size_of::<Error>() == 1);

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
