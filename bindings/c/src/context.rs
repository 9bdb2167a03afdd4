// SPDX-License-Identifier: MIT OR Apache-2.0
//! Context: names and values that are authenticated (format.md 2).

use core::ffi::c_char;

use sealwax::context::Encoded;

use crate::boundary::{Borrows, call};
use crate::status::{BUFFER_TOO_SMALL, Failure, INVALID_ARGUMENT};

/// Longest encoded context, in bytes.
pub const SEALWAX_CONTEXT_MAX_LEN: usize = 32768;
/// Bytes that an entry takes besides its name and its value.
pub const SEALWAX_CONTEXT_ENTRY_OVERHEAD: usize = 3;

/// Puts an entry into an encoded context, wherever its place is: names may come in any order, each
/// once.
///
/// `context` is the caller's buffer of `context_size` bytes, of which the first `*context_len` are
/// the context so far (0 at first). On success `*context_len` is its new length. `name` is
/// `name_len` bytes of UTF-8 without control characters, 1 to 255, no terminator counted; `value`
/// any bytes, NULL if `value_len` is 0. The buffer's first `*context_len` bytes are what every
/// other function takes as a context.
///
/// Errors: SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap, a name that is not allowed or there
/// already), _BUFFER_TOO_SMALL, _LIMIT (64 entries, 32 KiB), _FORMAT (the buffer holds no context).
/// The buffer and its length are then as they were. Threads: each buffer one at a time. Stack:
/// under 512 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_context_insert(
    context: *mut u8,
    context_size: usize,
    context_len: *mut usize,
    name: *const c_char,
    name_len: usize,
    value: *const u8,
    value_len: usize,
) -> i32 {
    call(|borrows| {
        let len = borrows.output_value(context_len)?;
        let name = borrows.input(name.cast(), name_len)?;
        let value = borrows.input(value, value_len)?;
        let context = borrows.output(context, context_size)?;
        let name = core::str::from_utf8(name).map_err(|_| INVALID_ARGUMENT)?;
        if *len > context.len() {
            return Err(INVALID_ARGUMENT);
        }
        let entry_len = SEALWAX_CONTEXT_ENTRY_OVERHEAD + name.len();
        let fits =
            context.len() - *len >= entry_len && context.len() - *len - entry_len >= value.len();
        if !fits && value.len() <= SEALWAX_CONTEXT_MAX_LEN {
            return Err(BUFFER_TOO_SMALL);
        }
        *len = Encoded::insert_into(context, *len, name, value)?;
        Ok(())
    })
}

/// An encoded context that the caller gives.
pub(crate) fn encoded<'a>(
    borrows: &mut Borrows<'a>,
    context: *const u8,
    context_len: usize,
) -> Result<Encoded<'a>, Failure> {
    Ok(Encoded::parse(borrows.input(context, context_len)?)?)
}
