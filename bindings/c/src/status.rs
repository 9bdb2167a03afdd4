// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every function returns: 0, or a negative number whose meaning never changes
//! (docs/errors.md).

use core::ffi::c_char;

use sealwax::{Error, ErrorKind};

/// It was done.
pub const SEALWAX_OK: i32 = 0;
/// This build was made without that part of the format.
pub const SEALWAX_ERROR_NOT_SUPPORTED: i32 = -134;
/// The program passed something that is never right: NULL, overlapping buffers, a length that
/// cannot be.
pub const SEALWAX_ERROR_INVALID_ARGUMENT: i32 = -135;
/// A context is not in the state for this call, or the state or times of a key forbid it.
pub const SEALWAX_ERROR_BAD_STATE: i32 = -137;
/// An output buffer is too short. Nothing was written to it.
pub const SEALWAX_ERROR_BUFFER_TOO_SMALL: i32 = -138;
/// No key given is one that the input was sealed for.
pub const SEALWAX_ERROR_UNKNOWN_KEY: i32 = -140;
/// The random source failed. Outputs are wiped or untouched.
pub const SEALWAX_ERROR_RANDOM: i32 = -148;
/// A check made with a key in hand failed: wrong key, wrong context and changed bytes are one
/// answer.
pub const SEALWAX_ERROR_DECRYPT: i32 = -149;
/// The bytes are not what docs/format.md allows.
pub const SEALWAX_ERROR_FORMAT: i32 = -153;
/// A limit of the format or of the caller would be passed.
pub const SEALWAX_ERROR_LIMIT: i32 = -1001;
/// The input ends too early.
pub const SEALWAX_ERROR_TRUNCATED: i32 = -1002;
/// A key provider did not do its part.
pub const SEALWAX_ERROR_PROVIDER: i32 = -1003;
/// The operating system refused, or a read, write or release callback did.
pub const SEALWAX_ERROR_IO: i32 = -1004;

/// What a call ends with where it does not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) i32);

pub(crate) const INVALID_ARGUMENT: Failure = Failure(SEALWAX_ERROR_INVALID_ARGUMENT);
pub(crate) const BAD_STATE: Failure = Failure(SEALWAX_ERROR_BAD_STATE);
pub(crate) const BUFFER_TOO_SMALL: Failure = Failure(SEALWAX_ERROR_BUFFER_TOO_SMALL);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure(match error.kind() {
            ErrorKind::Decrypt => SEALWAX_ERROR_DECRYPT,
            ErrorKind::Format => SEALWAX_ERROR_FORMAT,
            ErrorKind::UnknownKey => SEALWAX_ERROR_UNKNOWN_KEY,
            ErrorKind::KeyState => SEALWAX_ERROR_BAD_STATE,
            ErrorKind::Truncated => SEALWAX_ERROR_TRUNCATED,
            ErrorKind::Limit => SEALWAX_ERROR_LIMIT,
            ErrorKind::Unsupported => SEALWAX_ERROR_NOT_SUPPORTED,
            ErrorKind::Provider => SEALWAX_ERROR_PROVIDER,
            ErrorKind::Random => SEALWAX_ERROR_RANDOM,
            ErrorKind::Io => SEALWAX_ERROR_IO,
            _ => SEALWAX_ERROR_INVALID_ARGUMENT,
        })
    }
}

/// The name of a status, such as `"SEALWAX_ERROR_DECRYPT"`, for logs.
///
/// Returns text that lives as long as the program, never NULL; `"SEALWAX_ERROR_UNKNOWN_STATUS"` for
/// other numbers. Any thread may call it. Stack: under 64 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn sealwax_status_name(status: i32) -> *const c_char {
    // One text with all names: the linker then drops them together where this function is not called.
    let number = NAMED.iter().position(|named| *named == status).unwrap_or(NAMED.len());
    let start = NAMES.split_inclusive('\0').take(number).map(str::len).sum();
    NAMES[start..].as_ptr().cast()
}

const NAMED: [i32; 13] = [
    SEALWAX_OK,
    SEALWAX_ERROR_NOT_SUPPORTED,
    SEALWAX_ERROR_INVALID_ARGUMENT,
    SEALWAX_ERROR_BAD_STATE,
    SEALWAX_ERROR_BUFFER_TOO_SMALL,
    SEALWAX_ERROR_UNKNOWN_KEY,
    SEALWAX_ERROR_RANDOM,
    SEALWAX_ERROR_DECRYPT,
    SEALWAX_ERROR_FORMAT,
    SEALWAX_ERROR_LIMIT,
    SEALWAX_ERROR_TRUNCATED,
    SEALWAX_ERROR_PROVIDER,
    SEALWAX_ERROR_IO,
];

/// The names in the order of [`NAMED`], and last that of all other numbers.
const NAMES: &str = "\
    SEALWAX_OK\0\
    SEALWAX_ERROR_NOT_SUPPORTED\0\
    SEALWAX_ERROR_INVALID_ARGUMENT\0\
    SEALWAX_ERROR_BAD_STATE\0\
    SEALWAX_ERROR_BUFFER_TOO_SMALL\0\
    SEALWAX_ERROR_UNKNOWN_KEY\0\
    SEALWAX_ERROR_RANDOM\0\
    SEALWAX_ERROR_DECRYPT\0\
    SEALWAX_ERROR_FORMAT\0\
    SEALWAX_ERROR_LIMIT\0\
    SEALWAX_ERROR_TRUNCATED\0\
    SEALWAX_ERROR_PROVIDER\0\
    SEALWAX_ERROR_IO\0\
    SEALWAX_ERROR_UNKNOWN_STATUS\0\
    ";
