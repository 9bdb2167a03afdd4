// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens: small values sealed directly under a key version (format.md 6.2).

use crate::error::{Error, Result};
use crate::format::context::Encoded;
use crate::format::token::{HEAD_LEN, Token, head};
use crate::id::{Suite, VersionId};
use crate::primitives::Prk;
use crate::rng::Random;
use crate::secret::Token as TokenKey;
use crate::secret::memory::{VALUE_DEPTH, try_with_wiped_stack, with_wiped_stack};
use crate::value::{self, SALT_LEN};
use crate::wrap::version_key::VersionKey;

/// Bytes that a token is longer than its plaintext.
pub const OVERHEAD: usize = HEAD_LEN + value::OVERHEAD;
pub use crate::format::token::MAX_PLAINTEXT_LEN;

/// The suite and key version that a token names. Needs no key; the answer is not authenticated.
///
/// # Errors
/// `Format` where these bytes are no token.
pub fn key_version(token: &[u8]) -> Result<(Suite, VersionId)> {
    Token::parse(token).map(|token| (token.suite, token.version))
}

/// Seals a token with a random source of the caller's, into `out`. Returns the token's length.
///
/// The salt is hedged (format.md 3.5): a source that repeats itself shows which of two equal values
/// under equal contexts are equal, and nothing else.
///
/// # Errors
/// `Misuse` where `out` is too short or a context name is reserved, `Limit` above 65,536 bytes of plaintext, `Random`. `out` then holds
/// nothing of the plaintext.
pub fn seal_into(
    key: &VersionKey,
    context: Encoded<'_>,
    plaintext: &[u8],
    random: &mut dyn Random,
    out: &mut [u8],
) -> Result<usize> {
    let mut drawn = [0; SALT_LEN];
    random.fill(&mut drawn)?;
    let salt = with_wiped_stack::<VALUE_DEPTH, _>(|| {
        value::hedged_salt(&key.keys.salt, &drawn, context.as_bytes(), plaintext)
    });
    seal_with_salt(key, context, plaintext, &salt, out)
}

/// Opens a token into `out`. Returns the plaintext's length, which is `token.len() - OVERHEAD`.
///
/// # Errors
/// `Format` and `Limit` where these bytes are no token, `UnknownKey` where it names another version, `Misuse`
/// where `out` is too short, `Decrypt`. On an error `out` is wiped or untouched.
pub fn open_into(
    key: &VersionKey,
    context: Encoded<'_>,
    token: &[u8],
    out: &mut [u8],
) -> Result<usize> {
    let token = Token::parse(token)?;
    if (token.version, token.suite) != (key.version, key.suite) {
        return Err(Error::unknown_key(crate::id::Wanted::Token(token.version)));
    }
    let len = token.sealed.len() - value::OVERHEAD;
    let out =
        out.get_mut(..len).ok_or(Error::misuse("the output is shorter than the plaintext"))?;
    open_parsed(key, context, &token, out)?;
    Ok(len)
}

/// Opens a parsed token into `out`, which has exactly the plaintext's length.
pub(crate) fn open_parsed(
    key: &VersionKey,
    context: Encoded<'_>,
    token: &Token<'_>,
    out: &mut [u8],
) -> Result<()> {
    open_under(&key.keys.token, context, token, out)
}

/// [`open_parsed`] with K_token alone.
pub(crate) fn open_under(
    key: &Prk<TokenKey>,
    context: Encoded<'_>,
    token: &Token<'_>,
    out: &mut [u8],
) -> Result<()> {
    try_with_wiped_stack::<VALUE_DEPTH, _>(|| {
        value::open_into(key, token.suite, &[context.as_bytes()], token.sealed, out)
    })
}

/// Whether this fits into a token.
pub(crate) fn check_len(plaintext: &[u8]) -> Result<()> {
    match plaintext.len() > MAX_PLAINTEXT_LEN {
        true => Err(Error::limit("a token holds at most 65,536 bytes; seal an envelope")),
        false => Ok(()),
    }
}

/// The caller's duty: a salt that never repeats under this key.
pub(crate) fn seal_with_salt(
    key: &VersionKey,
    context: Encoded<'_>,
    plaintext: &[u8],
    salt: &[u8; SALT_LEN],
    out: &mut [u8],
) -> Result<usize> {
    seal_under(&key.keys.token, (key.suite, key.version), context, plaintext, salt, out)
}

/// [`seal_with_salt`] with K_token alone.
pub(crate) fn seal_under(
    key: &Prk<TokenKey>,
    (suite, version): (Suite, VersionId),
    context: Encoded<'_>,
    plaintext: &[u8],
    salt: &[u8; SALT_LEN],
    out: &mut [u8],
) -> Result<usize> {
    let len = plaintext.len().saturating_add(OVERHEAD);
    context.check_sealable()?;
    check_len(plaintext)?;
    let out = out.get_mut(..len).ok_or(Error::misuse("the output is shorter than the token"))?;
    let (front, sealed) = out.split_at_mut(HEAD_LEN);
    front.copy_from_slice(&head(suite, version));
    try_with_wiped_stack::<VALUE_DEPTH, _>(|| {
        let context: &[&[u8]] = &[context.as_bytes()];
        value::seal_into(key, suite, salt, context, plaintext, sealed)
    })?;
    Ok(len)
}
