// SPDX-License-Identifier: MIT OR Apache-2.0
//! The traffic secrets of one direction and the keys of its epochs (format.md 13.7, 13.9).

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use zeroize::Zeroizing;

use crate::derive::{record_key_into, step_traffic};
use crate::error::{Error, Result};
use crate::id::Suite;
use crate::primitives::{AeadKey, NONCE_LEN};
#[cfg(feature = "alloc")]
use crate::secret::memory::Boxed;
use crate::secret::{Key, Record, Traffic};

/// S_e of one direction: the secret from which the keys of epoch e and the next secret come.
pub(super) struct Chain {
    suite: Suite,
    epoch: u32,
    // With a heap, what moves with a session is the pointer, so that no copy of the secret stays behind.
    #[cfg(feature = "alloc")]
    secret: Box<Key<Traffic>>,
    #[cfg(not(feature = "alloc"))]
    secret: Key<Traffic>,
}

/// Key and IV of one epoch. With a heap the key is kept as its schedule, without one as its 32 bytes.
pub(super) struct EpochKey {
    suite: Suite,
    iv: Zeroizing<[u8; NONCE_LEN]>,
    #[cfg(feature = "alloc")]
    aead: Option<Boxed<AeadKey>>,
    #[cfg(not(feature = "alloc"))]
    key: Key<Record>,
}

impl Chain {
    pub(super) fn closed() -> Self {
        #[cfg(feature = "alloc")]
        let secret = Box::new(Key::zeroed());
        #[cfg(not(feature = "alloc"))]
        let secret = Key::zeroed();
        Chain { suite: Suite::ChaCha20Poly1305, epoch: 0, secret }
    }

    pub(super) fn begin(&mut self, suite: Suite, epoch: u32, secret: &Key<Traffic>) {
        self.suite = suite;
        self.epoch = epoch;
        self.secret.expose_bytes_mut().copy_from_slice(secret.expose_bytes());
    }

    pub(super) fn copy_from(&mut self, other: &Chain) {
        self.begin(other.suite, other.epoch, &other.secret);
    }

    pub(super) fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(super) fn expose_secret(&self) -> &Key<Traffic> {
        &self.secret
    }

    /// S_{e+1} in the place of S_e, which is gone then.
    pub(super) fn advance(&mut self) -> Result<()> {
        // format.md 13.9
        let Some(next) = self.epoch.checked_add(1) else {
            return Err(Error::limit("the last epoch of the session is used up"));
        };
        step_traffic(&mut self.secret, self.suite);
        self.epoch = next;
        Ok(())
    }

    pub(super) fn wipe(&mut self) {
        zeroize::Zeroize::zeroize(self.secret.expose_bytes_mut());
    }
}

impl EpochKey {
    /// A place for a key. Until it is filled, it is not used.
    pub(super) fn closed() -> Self {
        EpochKey {
            suite: Suite::ChaCha20Poly1305,
            iv: Zeroizing::new([0; NONCE_LEN]),
            #[cfg(feature = "alloc")]
            aead: None,
            #[cfg(not(feature = "alloc"))]
            key: Key::zeroed(),
        }
    }

    /// The key of the epoch where the chain stands.
    pub(super) fn fill(&mut self, chain: &Chain) {
        self.suite = chain.suite;
        #[cfg(feature = "alloc")]
        {
            let mut key = Key::<Record>::zeroed();
            *self.iv = record_key_into(&chain.secret, chain.suite, chain.epoch, &mut key);
            self.aead = Some(Boxed::new(AeadKey::new(chain.suite, key.expose_bytes())));
        }
        #[cfg(not(feature = "alloc"))]
        {
            *self.iv = record_key_into(&chain.secret, chain.suite, chain.epoch, &mut self.key);
        }
    }

    /// Forgets the key.
    pub(super) fn wipe(&mut self) {
        zeroize::Zeroize::zeroize(&mut *self.iv);
        #[cfg(feature = "alloc")]
        {
            self.aead = None;
        }
        #[cfg(not(feature = "alloc"))]
        zeroize::Zeroize::zeroize(self.key.expose_bytes_mut());
    }

    #[cfg(feature = "alloc")]
    pub(super) fn aead(&self) -> &AeadKey {
        self.aead.as_ref().expect("a session that was begun has its keys")
    }

    #[cfg(not(feature = "alloc"))]
    pub(super) fn aead(&self) -> AeadKey {
        AeadKey::new(self.suite, self.key.expose_bytes())
    }

    /// iv XOR counter: format.md 13.9.
    pub(super) fn nonce(&self, counter: u64) -> [u8; NONCE_LEN] {
        let mut nonce = *self.iv;
        for (byte, counter) in nonce[NONCE_LEN - 8..].iter_mut().zip(counter.to_be_bytes()) {
            *byte ^= counter;
        }
        nonce
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_wiped_has_neither_secret_nor_key() {
        let secret = Key::init_with(|bytes| {
            bytes.fill(7);
            Ok(())
        });
        let (mut chain, mut key) = (Chain::closed(), EpochKey::closed());
        chain.begin(Suite::ChaCha20Poly1305, 1, &secret.expect("filling does not fail"));
        key.fill(&chain);
        assert!(key.aead.is_some() && *key.iv != [0; NONCE_LEN]);
        key.wipe();
        assert!(key.aead.is_none() && *key.iv == [0; NONCE_LEN]);
        chain.wipe();
        assert_eq!(chain.expose_secret().expose_bytes(), &[0; 32]);
    }
}
