// SPDX-License-Identifier: MIT OR Apache-2.0
//! aws-lc-rs: the hosts' default. Wipes its AEAD contexts when they are freed.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};

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
}
