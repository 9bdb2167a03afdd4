// SPDX-License-Identifier: MIT OR Apache-2.0
//! T: one small value in one piece, committed (format.md 3).

use crate::derive::{Commitment, value_key_into};
use crate::error::{Error, Result};
use crate::id::Suite;
use crate::primitives::{AeadKey, NONCE_LEN, Prk, TAG_LEN};
use crate::secret::{Key, Salt};

/// Bytes that T adds to the plaintext.
pub(crate) const OVERHEAD: usize = SALT_LEN + COMMITMENT_LEN + TAG_LEN;
/// Length of T's salt, in bytes.
pub(crate) const SALT_LEN: usize = 24;

const COMMITMENT_LEN: usize = 32;
const HEAD_LEN: usize = SALT_LEN + COMMITMENT_LEN;
const NONCE: [u8; NONCE_LEN] = [0; NONCE_LEN];

/// T(key, context, plaintext) into `out`, which is `OVERHEAD` longer than the plaintext.
///
/// The caller's duty: a salt that never repeats under this key (format.md 3.2).
pub(crate) fn seal_into<P>(
    key: &Prk<P>,
    suite: Suite,
    salt: &[u8; SALT_LEN],
    context: &[&[u8]],
    plaintext: &[u8],
    out: &mut [u8],
) -> Result<()> {
    let (head, body) = out.split_at_mut(HEAD_LEN);
    let (ciphertext, tag) = body.split_at_mut(plaintext.len());
    let (salt_out, commitment) = head.split_at_mut(SALT_LEN);
    salt_out.copy_from_slice(salt);
    let commitment = commitment.try_into().expect("56 - 24 bytes");
    let mut value_key = Key::zeroed();
    value_key_into(key, salt, context, Commitment::Write(commitment), &mut value_key)?;
    let aead = AeadKey::new(suite, value_key.expose_bytes());
    // Each derived key seals one value, hence the fixed nonce (format.md 3.2).
    tag.copy_from_slice(&aead.seal_into(&NONCE, &[], plaintext, ciphertext));
    Ok(())
}

/// HMAC(K_salt, random[24] || u64 len(context) || context || plaintext)[..24]: format.md 3.5.
pub(crate) fn hedged_salt(
    key: &Prk<Salt>,
    drawn: &[u8; SALT_LEN],
    context: &[u8],
    plaintext: &[u8],
) -> [u8; SALT_LEN] {
    let len = (context.len() as u64).to_be_bytes();
    let mac = key.mac(&[drawn, &len, context, plaintext]);
    *mac.first_chunk().expect("a mac has 32 bytes")
}

/// Opens T into `out`, which is `OVERHEAD` shorter than `sealed`. On an error `out` is wiped.
pub(crate) fn open_into<P>(
    key: &Prk<P>,
    suite: Suite,
    context: &[&[u8]],
    sealed: &[u8],
    out: &mut [u8],
) -> Result<()> {
    let wrong = Error::Decrypt;
    let Some((salt, rest)) = sealed.split_first_chunk::<SALT_LEN>() else { return Err(wrong) };
    let Some((commitment, rest)) = rest.split_first_chunk() else { return Err(wrong) };
    let Some((ciphertext, tag)) = rest.split_last_chunk() else { return Err(wrong) };
    let mut value_key = Key::zeroed();
    value_key_into(key, salt, context, Commitment::Expect(commitment), &mut value_key)?;
    let aead = AeadKey::new(suite, value_key.expose_bytes());
    let opened = aead.open_into(&NONCE, &[], ciphertext, tag, out);
    if opened.is_err() {
        zeroize::Zeroize::zeroize(out);
    }
    opened
}
