// SPDX-License-Identifier: MIT OR Apache-2.0
//! The symmetric state of a handshake: Noise sections 5.1 and 5.2 (format.md 13.3).

use crate::error::{Error, Result};
use crate::id::Suite;
use crate::primitives::{AeadKey, HASH_LEN, NONCE_LEN, TAG_LEN, expand, extract, hash};
use crate::secret::{Chaining, Key, Message, Traffic};
use zeroize::{Zeroize, Zeroizing};

/// h, ck and the cipher state k, n.
pub(super) struct Symmetric {
    suite: Suite,
    // public: a hash of what both sides saw.
    h: [u8; HASH_LEN],
    ck: Key<Chaining>,
    /// None until the first key was mixed in: payloads before that are readable.
    k: Option<Key<Message>>,
    n: u8,
}

impl Symmetric {
    /// InitializeSymmetric(protocol name) and MixHash(prologue). `pattern` is what follows `Noise_`.
    pub(super) fn initialize(pattern: &[u8], suite: Suite, prologue: &[&[u8]]) -> Self {
        let rest: &[u8] = match suite {
            #[cfg(feature = "suite-1")]
            Suite::Cobblestone256 => b"_25519_AESGCM_SHA256",
            Suite::ChaCha20Poly1305 => b"_25519_ChaChaPoly_SHA256",
        };
        let (mut name, mut len) = ([0; MAX_NAME_LEN], 0);
        for piece in [b"Noise_", pattern, rest] {
            name[len..len + piece.len()].copy_from_slice(piece);
            len += piece.len();
        }
        // A name that fits is padded with zeros, and a longer one hashed.
        let h = match name.first_chunk() {
            Some(padded) if len <= HASH_LEN => *padded,
            _ => hash(&[&name[..len]]),
        };
        let mut ck = Key::zeroed();
        *ck.expose_bytes_mut() = h;
        let mut symmetric = Symmetric { suite, h, ck, k: None, n: 0 };
        symmetric.mix_hash(prologue);
        symmetric
    }

    /// MixHash(data).
    pub(super) fn mix_hash(&mut self, pieces: &[&[u8]]) {
        // Six pieces are the longest prologue (format.md 13.2).
        let mut all: [&[u8]; 7] = [&[]; 7];
        let h = self.h;
        all[0] = &h;
        all[1..=pieces.len()].copy_from_slice(pieces);
        self.h = hash(&all);
    }

    /// MixKey(input key material).
    pub(super) fn mix_key(&mut self, ikm: &[u8; 32]) {
        let mut okm = self.derive::<64>(ikm);
        let (ck, k) = okm.split_at_mut(32);
        self.ck.expose_bytes_mut().copy_from_slice(ck);
        self.set_key(k);
    }

    /// MixKeyAndHash(input key material).
    pub(super) fn mix_key_and_hash(&mut self, ikm: &[u8; 32]) {
        let okm = self.derive::<96>(ikm);
        let (ck, rest) = okm.split_at(32);
        let (temp_h, k) = rest.split_at(32);
        self.ck.expose_bytes_mut().copy_from_slice(ck);
        self.mix_hash(&[temp_h]);
        self.set_key(k);
    }

    fn set_key(&mut self, k: &[u8]) {
        let key = self.k.get_or_insert_with(Key::zeroed);
        key.expose_bytes_mut().copy_from_slice(k);
        self.n = 0;
    }

    /// HKDF(ck, input key material, LEN / 32): Noise section 4.3, which is RFC 5869 without info.
    fn derive<const LEN: usize>(&self, ikm: &[u8]) -> Zeroizing<[u8; LEN]> {
        let mut okm = Zeroizing::new([0; LEN]);
        let prk = Zeroizing::new(extract(self.ck.expose_bytes(), &[], &[ikm]));
        expand(&prk, &[], &[], okm.as_mut_slice());
        okm
    }

    /// HasKey(): whether what follows is encrypted.
    pub(super) fn has_key(&self) -> bool {
        self.k.is_some()
    }

    /// EncryptAndHash of the plaintext at the start of `out`, which has room for exactly that and, where there is a
    /// key, a tag.
    pub(super) fn encrypt_and_hash(&mut self, out: &mut [u8]) {
        if let Some(k) = &self.k {
            let (text, tag) = out
                .split_last_chunk_mut::<TAG_LEN>()
                .expect("the caller computed the length of what it writes");
            let aead = AeadKey::new(self.suite, k.expose_bytes());
            *tag = aead.seal_in_place(&self.nonce(), &self.h, text);
            self.n += 1;
        }
        self.mix_hash(&[out]);
    }

    /// DecryptAndHash into `out`, which has exactly the plaintext's length. On an error `out` is wiped.
    pub(super) fn decrypt_and_hash(&mut self, sealed: &[u8], out: &mut [u8]) -> Result<()> {
        match &self.k {
            None => out.copy_from_slice(sealed),
            Some(k) => {
                let (text, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(Error::Decrypt)?;
                out.copy_from_slice(text);
                let aead = AeadKey::new(self.suite, k.expose_bytes());
                aead.open_in_place(&self.nonce(), &self.h, out, tag)
                    .inspect_err(|_| out.zeroize())?;
                self.n += 1;
            }
        }
        self.mix_hash(&[sealed]);
        Ok(())
    }

    /// The nonce of a message: Noise section 12. A handshake has a few of them under each key.
    fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        let at = match self.suite {
            #[cfg(feature = "suite-1")]
            Suite::Cobblestone256 => NONCE_LEN - 1,
            Suite::ChaCha20Poly1305 => 4,
        };
        nonce[at] = self.n;
        nonce
    }

    /// Split(): the secrets of the initiator's and of the responder's direction.
    pub(super) fn split(&self) -> (Key<Traffic>, Key<Traffic>) {
        let okm = self.derive::<64>(&[]);
        let (mut first, mut second) = (Key::zeroed(), Key::zeroed());
        first.expose_bytes_mut().copy_from_slice(&okm[..32]);
        second.expose_bytes_mut().copy_from_slice(&okm[32..]);
        (first, second)
    }

    /// GetHandshakeHash().
    pub(super) fn handshake_hash(&self) -> [u8; HASH_LEN] {
        self.h
    }

    /// A copy to try a message on; it is wiped like the original.
    pub(super) fn duplicate(&self) -> Self {
        let Symmetric { suite, h, ck, k, n } = self;
        let mut copy = Symmetric { suite: *suite, h: *h, ck: Key::zeroed(), k: None, n: *n };
        *copy.ck.expose_bytes_mut() = *ck.expose_bytes();
        if let Some(k) = k {
            *copy.k.insert(Key::zeroed()).expose_bytes_mut() = *k.expose_bytes();
        }
        copy
    }
}

/// With as many modifiers as a pattern can have.
const MAX_NAME_LEN: usize = b"Noise_NNpsk0+psk1+psk2+psk3_25519_ChaChaPoly_SHA256".len();
