// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recipient and identity strings: Bech32m without its length limit (format.md 9).

use alloc::string::String;
use alloc::vec::Vec;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Checksum, Hrp};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Human-readable part of recipient strings, lower case.
const RECIPIENT: &str = "sealwaxpub";
/// Human-readable part of identity strings; the whole string is upper case.
const IDENTITY: &str = "sealwax-secret-";
/// Human-readable part of share strings; the whole string is upper case.
#[cfg(feature = "std")]
const SHARE: &str = "sealwax-share-";
/// What is ignored around a string (format.md 9.3).
const BLANK: [char; 4] = ['\t', '\n', '\r', ' '];
/// Longest string that is read, in characters.
const MAX_LEN: usize = 4096;

/// BIP 350's checksum, for strings of any length that we read.
enum LongBech32m {}

impl Checksum for LongBech32m {
    type MidstateRepr = u32;
    type CorrectionField = <bech32::Bech32m as Checksum>::CorrectionField;
    const ROOT_GENERATOR: Self::CorrectionField = bech32::Bech32m::ROOT_GENERATOR;
    const ROOT_EXPONENTS: core::ops::RangeInclusive<usize> = bech32::Bech32m::ROOT_EXPONENTS;
    const CODE_LENGTH: usize = MAX_LEN;
    const CHECKSUM_LENGTH: usize = bech32::Bech32m::CHECKSUM_LENGTH;
    const GENERATOR_SH: [u32; 5] = bech32::Bech32m::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = bech32::Bech32m::TARGET_RESIDUE;
}

/// Encodes type u8 || public key.
pub(crate) fn encode_recipient(payload: &[u8]) -> String {
    let hrp = Hrp::parse_unchecked(RECIPIENT);
    bech32::encode_lower::<LongBech32m>(hrp, payload).expect("a public key is at most 1,216 bytes")
}

/// Decodes a recipient string to type u8 || public key.
pub(crate) fn decode_recipient(text: &str) -> Result<Vec<u8>> {
    let text = text.trim_matches(BLANK);
    let start = text.as_bytes().get(..IDENTITY.len());
    if start.is_some_and(|start| start.eq_ignore_ascii_case(IDENTITY.as_bytes())) {
        return Err(Error::format("9.1", "this is a secret identity, not a recipient"));
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(Error::format("9.1", "a recipient string is lower case"));
    }
    decode(text, RECIPIENT, "9.1", "not a recipient string, or mistyped")
}

/// Encodes the payload of an identity string.
pub(crate) fn encode_identity(payload: &[u8]) -> Zeroizing<String> {
    let hrp = Hrp::parse_unchecked(IDENTITY);
    Zeroizing::new(
        bech32::encode_upper::<LongBech32m>(hrp, payload).expect("an identity is 61 bytes"),
    )
}

/// Decodes the payload of an identity string.
pub(crate) fn decode_identity(text: &str) -> Result<Zeroizing<Vec<u8>>> {
    let text = text.trim_matches(BLANK);
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(Error::format("9.2", "an identity string is upper case"));
    }
    decode(text, IDENTITY, "9.2", "not an identity string, or mistyped").map(Zeroizing::new)
}

/// Encodes the payload of a share string (format.md 9.4).
#[cfg(feature = "std")]
pub(crate) fn encode_share(payload: &[u8]) -> Zeroizing<String> {
    let hrp = Hrp::parse_unchecked(SHARE);
    Zeroizing::new(bech32::encode_upper::<LongBech32m>(hrp, payload).expect("a share is 51 bytes"))
}

/// Decodes the payload of a share string.
#[cfg(feature = "std")]
pub(crate) fn decode_share(text: &str) -> Result<Zeroizing<Vec<u8>>> {
    let text = text.trim_matches(BLANK);
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(Error::format("9.4", "a share string is upper case"));
    }
    decode(text, SHARE, "9.4", "not a share string, or mistyped").map(Zeroizing::new)
}

fn decode(text: &str, hrp: &str, clause: &'static str, what: &'static str) -> Result<Vec<u8>> {
    let wrong = || Error::format(clause, what);
    if text.len() > MAX_LEN {
        return Err(Error::Limit(
            "a recipient, identity or share string is at most 4,096 characters",
        ));
    }
    let checked = CheckedHrpstring::new::<LongBech32m>(text).map_err(|_| wrong())?;
    if !checked.hrp().as_bytes().eq_ignore_ascii_case(hrp.as_bytes()) {
        return Err(wrong());
    }
    checked.validate_segwit_padding().map_err(|_| wrong())?;
    // Reserved before it is filled, so that no copy of a secret is left by growing.
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend(checked.byte_iter());
    Ok(bytes)
}
