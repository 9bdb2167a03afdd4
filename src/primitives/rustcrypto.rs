// SPDX-License-Identifier: MIT OR Apache-2.0
//! RustCrypto: without std, and the pure-Rust build on hosts. No C, no heap, wipes its schedules.

#[cfg(feature = "suite-1")]
use aes_gcm::Aes256Gcm;
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use zeroize::Zeroizing;

use super::{NONCE_LEN, TAG_LEN};
use crate::error::{Error, Result};
use crate::id::Suite;
use crate::secret::KEY_LEN;

pub(super) const NAME: &str = "RustCrypto";

// The schedules differ in size, and a box would need a heap.
#[allow(clippy::large_enum_variant)]
pub(super) enum AeadKey {
    #[cfg(feature = "suite-1")]
    Aes256Gcm(Aes256Gcm),
    ChaCha20Poly1305(ChaCha20Poly1305),
}

impl AeadKey {
    pub(super) fn new(suite: Suite, key: &[u8; KEY_LEN]) -> Self {
        match suite {
            #[cfg(feature = "suite-1")]
            Suite::Cobblestone256 => AeadKey::Aes256Gcm(Aes256Gcm::new(key.into())),
            Suite::ChaCha20Poly1305 => AeadKey::ChaCha20Poly1305(ChaCha20Poly1305::new(key.into())),
        }
    }

    #[inline]
    pub(super) fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> [u8; TAG_LEN] {
        self.seal(nonce, aad, InOutBuf::from(in_out))
    }

    #[inline]
    pub(super) fn seal_into(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> [u8; TAG_LEN] {
        self.seal(nonce, aad, InOutBuf::new(plaintext, out).expect("the two are of one length"))
    }

    #[inline]
    pub(super) fn open_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<()> {
        self.open(nonce, aad, InOutBuf::from(in_out), tag)
    }

    #[inline]
    pub(super) fn open_into(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG_LEN],
        out: &mut [u8],
    ) -> Result<()> {
        let in_out = InOutBuf::new(ciphertext, out).expect("the two are of one length");
        self.open(nonce, aad, in_out, tag)
    }

    #[inline]
    fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: InOutBuf<'_, '_, u8>,
    ) -> [u8; TAG_LEN] {
        let tag = match self {
            #[cfg(feature = "suite-1")]
            AeadKey::Aes256Gcm(aead) => aead.encrypt_inout_detached(nonce.into(), aad, in_out),
            AeadKey::ChaCha20Poly1305(aead) => {
                aead.encrypt_inout_detached(nonce.into(), aad, in_out)
            }
        };
        tag.expect("a piece is far below the AEAD's length limit").into()
    }

    #[inline]
    fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: InOutBuf<'_, '_, u8>,
        tag: &[u8; TAG_LEN],
    ) -> Result<()> {
        let opened = match self {
            #[cfg(feature = "suite-1")]
            AeadKey::Aes256Gcm(aead) => {
                aead.decrypt_inout_detached(nonce.into(), aad, in_out, tag.into())
            }
            AeadKey::ChaCha20Poly1305(aead) => {
                aead.decrypt_inout_detached(nonce.into(), aad, in_out, tag.into())
            }
        };
        opened.map_err(|_| Error::Decrypt)
    }
}

/// X25519(private key, 9): RFC 7748 section 6.1.
pub(super) fn x25519_public(private: &[u8; 32]) -> [u8; 32] {
    #[cfg(feature = "std")]
    return x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*private)).to_bytes();
    // The ladder is there for `x25519` anyway; without its tables the other way is no faster, and takes 3 KiB of flash.
    #[cfg(not(feature = "std"))]
    x25519_dalek::x25519(*private, x25519_dalek::X25519_BASEPOINT_BYTES)
}

/// X25519(private key, public key): RFC 7748 section 6.1. Whether it is zero is for the caller to see.
pub(super) fn x25519(private: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    Some(Zeroizing::new(x25519_dalek::x25519(*private, *public)))
}

/// An X25519 private key.
// With a heap, what moves with its owner is the pointer, so that no copy of the key stays behind.
#[cfg(feature = "alloc")]
pub(super) struct X25519Private(alloc::boxed::Box<Zeroizing<[u8; 32]>>);
#[cfg(not(feature = "alloc"))]
pub(super) struct X25519Private(Zeroizing<[u8; 32]>);

impl X25519Private {
    pub(super) fn new(private: &[u8; 32]) -> Self {
        let copy = Zeroizing::new([0; 32]);
        #[cfg(feature = "alloc")]
        let copy = alloc::boxed::Box::new(copy);
        let mut key = X25519Private(copy);
        key.0.copy_from_slice(private);
        key
    }

    pub(super) fn public(&self) -> [u8; 32] {
        x25519_public(&self.0)
    }

    pub(super) fn agree(&self, public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        x25519(&self.0, public)
    }

    pub(super) fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn duplicate(&self) -> Self {
        Self::new(&self.0)
    }
}

#[cfg(feature = "x-wing")]
#[cfg_attr(feature = "aws-lc", allow(unused_imports))]
pub(super) use ml_kem_768::MlKem;

#[cfg(feature = "x-wing")]
mod ml_kem_768 {
    use ml_kem::Decapsulate;
    use ml_kem::ml_kem_768::DecapsulationKey;
    use zeroize::Zeroizing;

    use crate::primitives::kem::ML_KEM_CIPHERTEXT_LEN;

    /// An ML-KEM-768 decapsulation key: FIPS 203.
    pub(in crate::primitives) struct MlKem(DecapsulationKey);

    impl MlKem {
        pub(in crate::primitives) fn new(key: DecapsulationKey) -> Self {
            MlKem(key)
        }

        /// ML-KEM.Decaps: FIPS 203 section 7.3. A changed ciphertext gives another secret.
        pub(in crate::primitives) fn decapsulate(
            &self,
            ct: &[u8; ML_KEM_CIPHERTEXT_LEN],
        ) -> Zeroizing<[u8; 32]> {
            Zeroizing::new(self.0.decapsulate(ct.into()).into())
        }
    }
}
