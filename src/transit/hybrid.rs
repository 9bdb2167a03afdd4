// SPDX-License-Identifier: MIT OR Apache-2.0
//! The X-Wing exchange that stands beside the messages of Noise (format.md 13.5).

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use crate::derive::hybrid_psk;
#[cfg(feature = "alloc")]
use crate::error::Error;
use crate::error::Result;
use crate::id::Suite;
use crate::primitives::kem::{
    X_WING_ENC_LEN, X_WING_PUBLIC_LEN, XWing, x_wing_check_public, x_wing_encapsulate,
};
use crate::rng::Random;
use crate::secret::{Ephemeral, Key, Psk};

/// Bytes of message 1's kem: a public key.
pub(super) const PUBLIC_LEN: usize = X_WING_PUBLIC_LEN;
/// Bytes of message 2's kem: a ciphertext.
pub(super) const CIPHERTEXT_LEN: usize = X_WING_ENC_LEN;

/// What a side keeps between the first two messages.
pub(super) struct Exchange {
    /// The initiator's. With a heap it is expanded once; a device has room for its seed alone.
    #[cfg(feature = "alloc")]
    pair: Option<Box<XWing>>,
    #[cfg(not(feature = "alloc"))]
    seed: Key<Ephemeral>,
    // public: it travels in message 1.
    public: [u8; PUBLIC_LEN],
}

impl Exchange {
    pub(super) fn new() -> Self {
        Exchange {
            #[cfg(feature = "alloc")]
            pair: None,
            #[cfg(not(feature = "alloc"))]
            seed: Key::zeroed(),
            public: [0; PUBLIC_LEN],
        }
    }

    /// The initiator's part of message 1: a fresh public key.
    pub(super) fn offer(&mut self, random: &mut dyn Random) -> Result<&[u8; PUBLIC_LEN]> {
        let mut seed = Key::<Ephemeral>::zeroed();
        random.fill(seed.expose_bytes_mut())?;
        let pair = XWing::expand(seed.expose_bytes());
        self.public = pair.public();
        #[cfg(feature = "alloc")]
        {
            self.pair = Some(Box::new(pair));
        }
        #[cfg(not(feature = "alloc"))]
        {
            *self.seed.expose_bytes_mut() = *seed.expose_bytes();
        }
        Ok(&self.public)
    }

    /// The responder keeps what it saw in message 1, once that held.
    pub(super) fn take(&mut self, public: &[u8; PUBLIC_LEN]) {
        self.public = *public;
    }

    /// The responder's part of message 2. Returns the psk.
    pub(super) fn answer(
        &self,
        given: &Key<Psk>,
        suite: Suite,
        head: &[u8],
        random: &mut dyn Random,
        ciphertext: &mut [u8],
    ) -> Result<Key<Psk>> {
        let (enc, shared) = x_wing_encapsulate(&self.public, random)?;
        ciphertext.copy_from_slice(&enc);
        Ok(hybrid_psk(given, suite, head, &shared, &self.public, &enc))
    }

    /// The initiator's psk from message 2. A message 2 that fails may be followed by one that holds.
    pub(super) fn open(
        &self,
        given: &Key<Psk>,
        suite: Suite,
        head: &[u8],
        ciphertext: &[u8; CIPHERTEXT_LEN],
    ) -> Result<Key<Psk>> {
        #[cfg(feature = "alloc")]
        let pair = self.pair.as_ref().ok_or(Error::Decrypt)?;
        #[cfg(not(feature = "alloc"))]
        let pair = XWing::expand(self.seed.expose_bytes());
        let shared = pair.decapsulate(ciphertext)?;
        Ok(hybrid_psk(given, suite, head, &shared, &self.public, ciphertext))
    }

    /// Forgets the pair: the handshake is over.
    pub(super) fn end(&mut self) {
        #[cfg(feature = "alloc")]
        {
            self.pair = None;
        }
        #[cfg(not(feature = "alloc"))]
        zeroize::Zeroize::zeroize(self.seed.expose_bytes_mut());
    }
}

/// Whether the kem of message 1 may be a public key (format.md 5.4).
pub(super) fn check(public: &[u8; PUBLIC_LEN]) -> Result<()> {
    x_wing_check_public(public)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::rng::OsRandom;

    #[test]
    fn an_exchange_that_ended_opens_nothing() {
        let (suite, given) = (Suite::ChaCha20Poly1305, Key::zeroed());
        let (mut initiator, mut responder) = (Exchange::new(), Exchange::new());
        let public = initiator.offer(&mut OsRandom).expect("there is randomness");
        check(public).expect("it is a public key");
        responder.take(public);
        let mut ciphertext = [0; CIPHERTEXT_LEN];
        let answered = responder.answer(&given, suite, b"", &mut OsRandom, &mut ciphertext);
        let opened = initiator.open(&given, suite, b"", &ciphertext).expect("it is genuine");
        assert_eq!(opened.expose_bytes(), answered.expect("a good key").expose_bytes());
        initiator.end();
        let late = initiator.open(&given, suite, b"", &ciphertext);
        assert_eq!(late.expect_err("the pair is gone").kind(), ErrorKind::Decrypt);
    }

    #[test]
    fn what_is_no_public_key_is_not_taken() {
        let refused = check(&[0xff; PUBLIC_LEN]).expect_err("above the modulus");
        assert_eq!(refused.kind(), ErrorKind::Format);
    }
}
