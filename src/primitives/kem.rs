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

#[cfg(all(feature = "x-wing", feature = "alloc"))]
pub(crate) use x_wing::Expanded as XWing;
#[cfg(feature = "x-wing")]
pub(super) use x_wing::ML_KEM_CIPHERTEXT_LEN;
#[cfg(feature = "aws-lc")]
pub(super) use x_wing::ML_KEM_PUBLIC_LEN;
#[cfg(all(feature = "x-wing", not(feature = "alloc")))]
pub(crate) use x_wing::Seed as XWing;
#[cfg(all(test, feature = "x-wing"))]
pub(crate) use x_wing::x_wing_encapsulate_derand;
#[cfg(feature = "x-wing")]
pub(crate) use x_wing::{
    X_WING_ENC_LEN, X_WING_PUBLIC_LEN, x_wing_check_public, x_wing_encapsulate,
};

/// X25519(private key, 9): RFC 7748 section 6.1.
pub(crate) fn x25519_public(private: &[u8; 32]) -> [u8; 32] {
    backend::x25519_public(private)
}

/// An X25519 private key, ready to be used more than once.
///
/// aws-lc-rs computes the public key whenever it takes a private one, so it is taken once.
pub(crate) struct X25519Private(backend::X25519Private);

impl X25519Private {
    pub(crate) fn new(private: &[u8; 32]) -> Self {
        X25519Private(backend::X25519Private::new(private))
    }

    /// X25519(private key, 9): RFC 7748 section 6.1.
    pub(crate) fn public(&self) -> [u8; 32] {
        self.0.public()
    }

    /// X25519(private key, public key): RFC 7748 section 6.1. An all-zero result is refused.
    pub(crate) fn agree(&self, public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>> {
        refuse_zero(self.0.agree(public))
    }

    /// The key's bytes, for whoever derives from them.
    pub(crate) fn expose_bytes(&self) -> &[u8; 32] {
        self.0.expose_bytes()
    }

    /// The same key once more; both are wiped.
    pub(crate) fn duplicate(&self) -> Self {
        X25519Private(self.0.duplicate())
    }
}

/// X25519(private key, public key): RFC 7748 section 6.1. An all-zero result is refused.
pub(crate) fn x25519(private: &[u8; 32], public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>> {
    refuse_zero(backend::x25519(private, public))
}

fn refuse_zero(shared: Option<Zeroizing<[u8; 32]>>) -> Result<Zeroizing<[u8; 32]>> {
    match shared {
        Some(shared) if !ct_eq(&shared, &[0; 32]) => Ok(shared),
        _ => Err(Error::Decrypt),
    }
}

/// Whether these bytes may be an X25519 public key: canonical, and not of low order (format.md 5.4).
pub(crate) fn x25519_check_public(public: &[u8; 32]) -> Result<()> {
    // The points whose order divides 4 are 0, 1 and p - 1: the least and the greatest that are canonical.
    match is_above_one(public) && is_below_minus_one(public) && !ORDER_8.contains(public) {
        true => Ok(()),
        false => Err(Error::format("5.4", "not a safe X25519 public key")),
    }
}

fn is_above_one(public: &[u8; 32]) -> bool {
    public[0] > 1 || public[1..].iter().any(|byte| *byte != 0)
}

fn is_below_minus_one(public: &[u8; 32]) -> bool {
    // 2^255 - 20 is ec ff .. ff 7f in little-endian order.
    public[31] < 0x7f
        || public[31] == 0x7f
            && (public[1..31].iter().any(|byte| *byte != 0xff) || public[0] < 0xec)
}

/// The canonical encodings of the points of order 8, on the curve and on its twist. With them, and with those of lower
/// order, X25519 is zero whatever the private key is.
const ORDER_8: [[u8; 32]; 2] = [
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_secret_of_zeros_is_refused() {
        let mut shared = Zeroizing::new([0; 32]);
        shared[31] = 1;
        assert_eq!(*refuse_zero(Some(shared.clone())).expect("not zero"), *shared);
        assert!(refuse_zero(Some(Zeroizing::new([0; 32]))).is_err());
        assert!(refuse_zero(None).is_err());
    }
}
