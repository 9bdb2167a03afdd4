// SPDX-License-Identifier: MIT OR Apache-2.0
//! RustCrypto: without std, and the pure-Rust build on hosts. No C, no heap, wipes its schedules.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;

use super::{NONCE_LEN, TAG_LEN};
use crate::error::{Error, Result};
use crate::id::Suite;
use crate::secret::KEY_LEN;

pub(super) const NAME: &str = "RustCrypto";

// The schedules differ in size, and a box would need a heap.
#[allow(clippy::large_enum_variant)]
pub(super) enum AeadKey {
    Aes256Gcm(Aes256Gcm),
    ChaCha20Poly1305(ChaCha20Poly1305),
}

impl AeadKey {
    pub(super) fn new(suite: Suite, key: &[u8; KEY_LEN]) -> Self {
        match suite {
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
        let in_out = InOutBuf::from(in_out);
        let tag = match self {
            AeadKey::Aes256Gcm(aead) => aead.encrypt_inout_detached(nonce.into(), aad, in_out),
            AeadKey::ChaCha20Poly1305(aead) => {
                aead.encrypt_inout_detached(nonce.into(), aad, in_out)
            }
        };
        tag.expect("a piece is far below the AEAD's length limit").into()
    }

    #[inline]
    pub(super) fn open_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<()> {
        let in_out = InOutBuf::from(in_out);
        let opened = match self {
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
