// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random bytes of a handshake, hedged with a secret of this side's (format.md 13.3a).

use crate::derive::{hedge_key, hedged_into};
use crate::error::Result;
use crate::primitives::{HASH_LEN, hash};
use crate::rng::Random;
use crate::secret::{Ephemeral, Hedge, Key, Psk};
use crate::transit::noise::Noise;

/// What the caller's source gives, mixed with a secret and with what is at hand: RFC 8937 section 3. Where the source
/// repeats itself, an ephemeral key comes again in the same message of the same handshake, and in no other.
pub(super) struct Hedged<'a> {
    random: &'a mut dyn Random,
    key: Key<Hedge>,
    /// What is drawn next.
    number: u8,
    // public: a hash of what both sides see, but for a context, which is hidden in it.
    transcript: [u8; HASH_LEN],
}

impl<'a> Hedged<'a> {
    /// `secret` is this side's static private key, or its pre-shared key where it has none.
    pub(super) fn new(random: &'a mut dyn Random, secret: &[u8; 32]) -> Self {
        Hedged { random, key: hedge_key(secret), number: 0, transcript: [0; HASH_LEN] }
    }

    /// What follows is drawn as this number, and the next ones, with this transcript.
    pub(super) fn draw(&mut self, number: u8, transcript: &[&[u8]]) -> &mut Self {
        (self.number, self.transcript) = (number, hash(transcript));
        self
    }
}

impl Hedged<'_> {
    /// [`Noise::write`] with an ephemeral key that is hedged.
    pub(super) fn write(
        &mut self,
        noise: &mut Noise,
        psk: &Key<Psk>,
        context: &[u8],
        out: &mut [u8],
    ) -> Result<()> {
        let h = noise.symmetric().handshake_hash();
        noise.write(psk, context, self.draw(EPHEMERAL, &[&h, context]), out)
    }
}

impl Random for Hedged<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let mut drawn = Key::<Ephemeral>::zeroed();
        self.random.fill(drawn.expose_bytes_mut())?;
        hedged_into(&self.key, &drawn, self.number, &self.transcript, out);
        self.number += 1;
        Ok(())
    }
}

/// The number of e.
const EPHEMERAL: u8 = 0;
/// The number of what the kem draws first.
#[cfg(feature = "x-wing")]
pub(super) const KEM: u8 = 1;
