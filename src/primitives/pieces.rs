// SPDX-License-Identifier: MIT OR Apache-2.0
//! ChaCha20-Poly1305 (RFC 8439) piece by piece, for ciphertext that is read twice.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit, UniversalHash};
use zeroize::Zeroize;

use super::{NONCE_LEN, TAG_LEN};
use crate::secret::{Chunk, Key};

/// The authenticator and the key stream of one chunk without associated data.
///
/// Pieces are a multiple of 64 bytes long, but for the last.
pub(crate) struct Pieces {
    cipher: ChaCha20,
    mac: Poly1305,
    len: u64,
}

impl Pieces {
    pub(crate) fn new(key: &Key<Chunk>, nonce: &[u8; NONCE_LEN]) -> Self {
        let mut cipher = ChaCha20::new(key.expose_bytes().into(), nonce.into());
        // RFC 8439 section 2.6: the one-time key is the start of block 0, and the text begins with
        // block 1.
        let mut mac_key = poly1305::Key::default();
        cipher.apply_keystream(&mut mac_key);
        let mac = Poly1305::new(&mac_key);
        mac_key.as_mut_slice().zeroize();
        cipher.seek(64u32);
        Pieces { cipher, mac, len: 0 }
    }

    /// Takes the next piece of ciphertext into the authenticator.
    pub(crate) fn absorb(&mut self, ciphertext: &[u8]) {
        self.mac.update_padded(ciphertext);
        self.len += ciphertext.len() as u64;
    }

    /// Poly1305 of what was absorbed. Secret: the one-time key makes more than one of them, so none
    /// may be shown to anyone.
    pub(crate) fn checkpoint(&self) -> [u8; TAG_LEN] {
        self.mac.clone().finalize().into()
    }

    /// The chunk's tag, after its last piece.
    pub(crate) fn tag(&self) -> [u8; TAG_LEN] {
        let mut lengths = poly1305::Block::default();
        lengths[8..].copy_from_slice(&self.len.to_le_bytes());
        let mut mac = self.mac.clone();
        mac.update(&[lengths]);
        mac.finalize().into()
    }

    /// Decrypts the next piece in place. The caller absorbed and compared it before.
    pub(crate) fn decrypt(&mut self, in_out: &mut [u8]) {
        self.cipher.apply_keystream(in_out);
    }
}
