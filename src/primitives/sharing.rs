// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shamir's secret sharing of a 32-byte key over GF(2^8) (format.md 8.8a), without tables and branches on secrets.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use vsss_rs::Gf256;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::rng::Random;
use crate::secret::KEY_LEN;

/// The values of shares 1 to `count`, of which any `threshold` give the key.
///
/// The caller's duty: 2 <= threshold <= count <= 64, and a key that is split once.
pub(crate) fn split(
    key: &[u8; KEY_LEN],
    threshold: u8,
    count: u8,
    random: &mut dyn Random,
) -> Result<Vec<Zeroizing<[u8; KEY_LEN]>>> {
    // One word for each coefficient, drawn beforehand: the crate has no way to hear that a source failed.
    let mut drawn = Zeroizing::new(vec![0; KEY_LEN * usize::from(threshold - 1) * WORD_LEN]);
    random.fill(&mut drawn)?;
    let mut words = Words { rest: &drawn, missed: 0 };
    let split = Gf256::split_bytes(threshold.into(), count.into(), key, &mut words);
    let shares: Zeroizing<Vec<Vec<u8>>> = Zeroizing::new(split.map_err(|_| Error::Random)?);
    if words.missed != 0 {
        return Err(Error::Random);
    }
    let mut values = Vec::with_capacity(shares.len());
    for (number, share) in (1u8..).zip(shares.iter()) {
        let (x, value) = share.split_first().ok_or(Error::Random)?;
        assert_eq!(*x, number, "shares are numbered from 1");
        let mut copy = Zeroizing::new([0; KEY_LEN]);
        copy.copy_from_slice(value);
        values.push(copy);
    }
    Ok(values)
}

/// The key of which these are shares, as number and value; all numbers differ, none is 0, and there are at least 2.
pub(crate) fn combine(shares: &[(u8, &[u8; KEY_LEN])], out: &mut [u8; KEY_LEN]) -> Result<()> {
    let with_number = |(number, value): &(u8, &[u8; KEY_LEN])| {
        let mut share = Vec::with_capacity(1 + KEY_LEN);
        share.push(*number);
        share.extend_from_slice(*value);
        share
    };
    let shares: Zeroizing<Vec<Vec<u8>>> = Zeroizing::new(shares.iter().map(with_number).collect());
    let key = Zeroizing::new(Gf256::combine_bytes(&*shares).map_err(|_| Error::Decrypt)?);
    out.copy_from_slice(&key);
    Ok(())
}

/// Random words that were drawn beforehand.
struct Words<'a> {
    rest: &'a [u8],
    missed: usize,
}

impl TryRng for Words<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut word = Zeroizing::new([0; WORD_LEN]);
        self.try_fill_bytes(word.as_mut_slice())?;
        Ok(u32::from_be_bytes(*word))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut word = Zeroizing::new([0; 8]);
        self.try_fill_bytes(word.as_mut_slice())?;
        Ok(u64::from_be_bytes(*word))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        match self.rest.split_at_checked(out.len()) {
            Some((word, rest)) => {
                out.copy_from_slice(word);
                self.rest = rest;
            }
            None => self.missed += out.len(),
        }
        Ok(())
    }
}

impl TryCryptoRng for Words<'_> {}

const WORD_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Bytes that count up.
    struct Counting(u8);

    impl Random for Counting {
        fn fill(&mut self, out: &mut [u8]) -> Result<()> {
            for byte in out {
                self.0 = self.0.wrapping_mul(5).wrapping_add(1);
                *byte = self.0;
            }
            Ok(())
        }
    }

    #[test]
    fn every_byte_of_the_key_has_a_coefficient_of_its_own() {
        let key = [0x5a; KEY_LEN];
        let shares = split(&key, 2, 3, &mut Counting(1)).expect("allowed numbers");
        for share in shares {
            // The key is the same everywhere, so that what differs was drawn.
            assert!(share.iter().collect::<BTreeSet<_>>().len() > KEY_LEN / 2, "{share:?}");
        }
    }

    #[test]
    fn words_are_what_was_drawn_and_what_is_missing_is_counted() {
        let drawn = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let mut words = Words { rest: &drawn, missed: 0 };
        assert_eq!(words.try_next_u32(), Ok(0x0102_0304));
        assert_eq!(words.try_next_u64(), Ok(0x0506_0708_090a_0b0c));
        assert_eq!(words.missed, 0);
        assert_eq!(words.try_next_u32(), Ok(0));
        assert_eq!(words.missed, 4);
        assert_eq!(words.try_next_u64(), Ok(0));
        assert_eq!(words.missed, 12);
    }
}
