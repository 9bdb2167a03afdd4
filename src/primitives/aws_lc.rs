// SPDX-License-Identifier: MIT OR Apache-2.0
//! aws-lc-rs: the hosts' default. Wipes its AEAD contexts when they are freed.

use alloc::sync::Arc;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::kem::{DecapsulationKey, EncapsulationKey, ML_KEM_768};
use zeroize::{Zeroize, Zeroizing};

use super::kem::{ML_KEM_CIPHERTEXT_LEN, ML_KEM_PUBLIC_LEN};
use super::{NONCE_LEN, TAG_LEN};
use crate::error::{Error, Result};
use crate::id::Suite;
use crate::secret::KEY_LEN;

pub(super) const NAME: &str = "aws-lc-rs";

pub(super) struct AeadKey(LessSafeKey);

impl AeadKey {
    pub(super) fn new(suite: Suite, key: &[u8; KEY_LEN]) -> Self {
        let algorithm = match suite {
            Suite::Cobblestone256 => &aead::AES_256_GCM,
            Suite::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        };
        let key = UnboundKey::new(algorithm, key).expect("both AEADs take 32-byte keys");
        AeadKey(LessSafeKey::new(key))
    }

    #[inline]
    pub(super) fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> [u8; TAG_LEN] {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), in_out)
            .expect("a piece is far below the AEAD's length limit");
        tag.as_ref().try_into().expect("both AEADs have 16-byte tags")
    }

    #[inline]
    pub(super) fn open_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<()> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        match self.0.open_in_place_separate_tag(nonce, Aad::from(aad), tag, in_out) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Decrypt),
        }
    }

    #[inline]
    pub(super) fn seal_into(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> [u8; TAG_LEN] {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut tag = [0; TAG_LEN];
        self.0
            .seal_out_of_place_scatter(nonce, Aad::from(aad), plaintext, out, &[], &mut tag)
            .expect("the output is as long as the input, which is far below the AEAD's limit");
        tag
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
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, out);
        opened.map_err(|_| Error::Decrypt)
    }
}

/// X25519(private key, 9): RFC 7748 section 6.1.
pub(super) fn x25519_public(private: &[u8; 32]) -> [u8; 32] {
    let public = x25519_private(private).compute_public_key().expect("every 32 bytes have one");
    public.as_ref().try_into().expect("an X25519 public key is 32 bytes")
}

/// X25519(private key, public key): RFC 7748 section 6.1. `None` where the result is zero.
pub(super) fn x25519(private: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    agree_with(&x25519_private(private), public)
}

fn agree_with(private: &PrivateKey, public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let public = UnparsedPublicKey::new(&X25519, public);
    agree(private, public, (), |secret| {
        let mut shared = Zeroizing::new([0; 32]);
        shared.copy_from_slice(secret);
        Ok(shared)
    })
    .ok()
}

/// An X25519 private key inside aws-lc-rs, which wipes it when the last owner goes.
///
/// Its bytes stand beside it: aws-lc-rs hands out none.
pub(super) struct X25519Private(Arc<(PrivateKey, Zeroizing<[u8; 32]>)>);

impl X25519Private {
    pub(super) fn new(private: &[u8; 32]) -> Self {
        X25519Private(Arc::new((x25519_private(private), Zeroizing::new(*private))))
    }

    pub(super) fn public(&self) -> [u8; 32] {
        let public = self.0.0.compute_public_key().expect("every 32 bytes have one");
        public.as_ref().try_into().expect("an X25519 public key is 32 bytes")
    }

    pub(super) fn agree(&self, public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        agree_with(&self.0.0, public)
    }

    pub(super) fn expose_bytes(&self) -> &[u8; 32] {
        &self.0.1
    }

    pub(super) fn duplicate(&self) -> Self {
        X25519Private(self.0.clone())
    }
}

fn x25519_private(private: &[u8; 32]) -> PrivateKey {
    PrivateKey::from_private_key(&X25519, private).expect("every 32 bytes are an X25519 key")
}

/// ML-KEM.Encaps: FIPS 203 section 7.2. `None` where these bytes are no encapsulation key.
pub(super) fn ml_kem_encapsulate(
    public: &[u8; ML_KEM_PUBLIC_LEN],
) -> Option<([u8; ML_KEM_CIPHERTEXT_LEN], Zeroizing<[u8; 32]>)> {
    let (ct, secret) = EncapsulationKey::new(&ML_KEM_768, public).ok()?.encapsulate().ok()?;
    let mut shared = Zeroizing::new([0; 32]);
    shared.copy_from_slice(secret.as_ref());
    Some((ct.as_ref().try_into().ok()?, shared))
}

/// An ML-KEM-768 decapsulation key: FIPS 203.
pub(super) struct MlKem(DecapsulationKey);

impl MlKem {
    /// Takes over a key that was expanded from its seed: aws-lc-rs has no call that takes seeds.
    #[allow(deprecated)]
    pub(super) fn new(key: ml_kem::ml_kem_768::DecapsulationKey) -> Self {
        let mut expanded = ml_kem::ExpandedKeyEncoding::to_expanded_bytes(&key);
        let key = DecapsulationKey::new(&ML_KEM_768, &expanded);
        expanded.as_mut_slice().zeroize();
        MlKem(key.expect("an expanded key has 2,400 bytes"))
    }

    /// ML-KEM.Decaps: FIPS 203 section 7.3. A changed ciphertext gives another secret.
    pub(super) fn decapsulate(&self, ct: &[u8; ML_KEM_CIPHERTEXT_LEN]) -> Zeroizing<[u8; 32]> {
        let secret =
            self.0.decapsulate(ct.as_slice().into()).expect("the ciphertext has its length");
        let mut shared = Zeroizing::new([0; 32]);
        shared.copy_from_slice(secret.as_ref());
        shared
    }
}
