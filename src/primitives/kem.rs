// SPDX-License-Identifier: MIT OR Apache-2.0
//! X25519, and with the feature `x-wing` X-Wing.

#[cfg(feature = "x-wing")]
mod x_wing;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::primitives::ct_eq;

#[cfg(feature = "aws-lc")]
use super::aws_lc as backend;
#[cfg(not(feature = "aws-lc"))]
use super::rustcrypto as backend;

#[cfg(feature = "x-wing")]
pub(super) use x_wing::ML_KEM_CIPHERTEXT_LEN;
#[cfg(feature = "aws-lc")]
pub(super) use x_wing::ML_KEM_PUBLIC_LEN;
#[cfg(all(test, feature = "x-wing"))]
pub(crate) use x_wing::x_wing_encapsulate_derand;
#[cfg(feature = "x-wing")]
pub(crate) use x_wing::{
    X_WING_ENC_LEN, X_WING_PUBLIC_LEN, XWing, x_wing_check_public, x_wing_encapsulate,
};

/// X25519(private key, 9): RFC 7748 section 6.1.
pub(crate) fn x25519_public(private: &[u8; 32]) -> [u8; 32] {
    backend::x25519_public(private)
}

/// X25519(private key, public key): RFC 7748 section 6.1. An all-zero result is refused.
pub(crate) fn x25519(private: &[u8; 32], public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>> {
    match backend::x25519(private, public) {
        Some(shared) if !ct_eq(&shared, &[0; 32]) => Ok(shared),
        _ => Err(Error::Decrypt),
    }
}

/// Whether these bytes may be an X25519 public key: canonical, and not of low order (format.md 5.4).
pub(crate) fn x25519_check_public(public: &[u8; 32]) -> Result<()> {
    // 2^255 - 19 is ed ff .. ff 7f in little-endian order.
    let canonical = public[31] < 0x7f
        || public[31] == 0x7f
            && (public[1..31].iter().any(|byte| *byte != 0xff) || public[0] < 0xed);
    // With a point of low order the result is zero whatever the private key is.
    if canonical && x25519(&[1; 32], public).is_ok() {
        Ok(())
    } else {
        Err(Error::format("5.4", "not a safe X25519 public key"))
    }
}
