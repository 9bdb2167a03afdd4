// SPDX-License-Identifier: MIT OR Apache-2.0
//! ring: for services that already ship it.
//!
//! ring does not wipe its key schedules, which are plain values without drop glue. Those that outlive a call lie in boxes whose
//! bytes we overwrite ([`crate::secret::memory::Boxed`]); the others, and what ring leaves on the stack, go with the stack of the call.

use ring::aead::{self, Aad, LessSafeKey, Nonce, Tag, UnboundKey};

use super::{NONCE_LEN, TAG_LEN};
use crate::error::{Error, Result};
use crate::id::Suite;
use crate::secret::KEY_LEN;

pub(super) const NAME: &str = "ring";

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
        let tag = Tag::from(*tag);
        match self.0.open_in_place_separate_tag(nonce, Aad::from(aad), tag, in_out, 0..) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Decrypt),
        }
    }

    // ring seals and opens in place only.
    #[inline]
    pub(super) fn seal_into(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> [u8; TAG_LEN] {
        out.copy_from_slice(plaintext);
        self.seal_in_place(nonce, aad, out)
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
        out.copy_from_slice(ciphertext);
        self.open_in_place(nonce, aad, out, tag)
    }
}
