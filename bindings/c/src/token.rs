// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens: small values sealed directly under a key version (format.md 6.2).

use sealwax::device::Family;
use sealwax::token;

use crate::boundary::call;
use crate::callback::{CallersRandom, sealwax_random};
use crate::context::encoded;
use crate::keyset::{loaded, sealwax_keyset};
use crate::status::BUFFER_TOO_SMALL;

/// Bytes that a token is longer than its plaintext.
pub const SEALWAX_TOKEN_OVERHEAD: usize = 77;
/// Longest plaintext of a token, in bytes.
pub const SEALWAX_TOKEN_MAX_PLAINTEXT_LEN: usize = 65536;

/// Seals a token under the keyset's primary version.
///
/// `context` is an encoded context, NULL if `context_len` is 0; whoever opens gives the same. `out`
/// needs SEALWAX_TOKEN_OVERHEAD bytes more than the plaintext and overlaps nothing. The salt is
/// hedged with the plaintext: a random source that repeats itself shows only which equal values
/// have equal contexts.
///
/// `*out_len` becomes the token's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
/// with other errors 0. Errors: also _BAD_STATE (keyset not loaded, no primary, its state or times
/// forbid), _LIMIT (the plaintext is too long), _RANDOM, _FORMAT (the context is not encoded),
/// _INVALID_ARGUMENT (NULL, overlap, an identity, a reserved context name). `out` is then wiped or
/// untouched. Threads: any number with one keyset. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_token_seal(
    keyset: *const sealwax_keyset,
    random: *const sealwax_random,
    context: *const u8,
    context_len: usize,
    plaintext: *const u8,
    plaintext_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let keyset = loaded(borrows, keyset, Family::Symmetric)?;
        let mut random = CallersRandom::borrow(borrows, random)?;
        let context = encoded(borrows, context, context_len)?;
        let plaintext = borrows.input(plaintext, plaintext_len)?;
        let out = borrows.output(out, out_size)?;
        let keyset = keyset.with_primary()?;
        let len = plaintext.len() + SEALWAX_TOKEN_OVERHEAD;
        if plaintext.len() <= SEALWAX_TOKEN_MAX_PLAINTEXT_LEN && out.len() < len {
            *out_len = len;
            return Err(BUFFER_TOO_SMALL);
        }
        *out_len = keyset.seal_token(context, plaintext, &mut random, out)?;
        Ok(())
    })
}

/// Opens a token with the version of the keyset that sealed it.
///
/// `context` is what it was sealed with. `out` needs SEALWAX_TOKEN_OVERHEAD bytes fewer than the
/// token and overlaps nothing.
///
/// `*out_len` becomes the plaintext's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length
/// needed, with other errors 0. Errors: also _FORMAT and _LIMIT (no token), _UNKNOWN_KEY (another
/// keyset or version), _BAD_STATE (keyset not loaded, or the version's state or times forbid),
/// _DECRYPT, _NOT_SUPPORTED (a suite that this build has not), _INVALID_ARGUMENT (NULL, overlap).
/// `out` is then wiped or untouched. Threads: any number with one keyset. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_token_open(
    keyset: *const sealwax_keyset,
    context: *const u8,
    context_len: usize,
    token: *const u8,
    token_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let keyset = loaded(borrows, keyset, Family::Symmetric)?;
        let context = encoded(borrows, context, context_len)?;
        let token = borrows.input(token, token_len)?;
        let out = borrows.output(out, out_size)?;
        let len = token.len().saturating_sub(SEALWAX_TOKEN_OVERHEAD);
        if out.len() < len {
            // What is no token needs no room.
            token::key_version(token)?;
            *out_len = len;
            return Err(BUFFER_TOO_SMALL);
        }
        *out_len = keyset.keyset().open_token(context, token, out)?;
        Ok(())
    })
}

/// Writes which version of a keyset a token names. Needs no key; the answer is not authenticated.
///
/// Errors: SEALWAX_ERROR_FORMAT, _LIMIT (no token), _NOT_SUPPORTED, _INVALID_ARGUMENT (NULL,
/// overlap); nothing is then written. Threads: any number. Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_token_version(
    token: *const u8,
    token_len: usize,
    version: *mut u32,
) -> i32 {
    call(|borrows| {
        let token = borrows.input(token, token_len)?;
        let version = borrows.output_value(version)?;
        *version = token::key_version(token)?.1.value();
        Ok(())
    })
}

const _: () = assert!(SEALWAX_TOKEN_OVERHEAD == token::OVERHEAD);
const _: () = assert!(SEALWAX_TOKEN_MAX_PLAINTEXT_LEN == token::MAX_PLAINTEXT_LEN);
