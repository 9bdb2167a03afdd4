// SPDX-License-Identifier: MIT OR Apache-2.0
//! Repeatable randomness for tests: never for keys outside of them.

use sealwax::Result;
use sealwax::rng::Random;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Repeatable(pub(crate) u64);

impl Repeatable {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill_bytes(&mut bytes);
        bytes
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let word = self.next().to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

impl Random for Repeatable {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        self.fill_bytes(out);
        Ok(())
    }
}

/// A random source that fails after so many calls.
pub(crate) struct Failing(pub(crate) usize);

impl Random for Failing {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        self.0 = self.0.checked_sub(1).ok_or(sealwax::Error::Random)?;
        out.fill(7);
        Ok(())
    }
}
