// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which counters of an epoch came already: the window of RFC 6479 (format.md 13.10).

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use super::limits::MAX_WINDOW;

/// The counters seen, as bits in a ring of words. It moves only by [`Window::mark`], which follows a good tag.
pub(super) struct Window {
    /// One more than the highest counter seen.
    next: u64,
    bits: u16,
    // One word more than the window has, so that the words between the highest counter and the next whole word can be
    // cleared without losing any of the window.
    #[cfg(feature = "alloc")]
    words: Box<[u32]>,
    #[cfg(not(feature = "alloc"))]
    words: [u32; WORDS],
}

impl Window {
    /// A window of so many bits that saw nothing; 0 bits where counters come in order.
    pub(super) fn new(bits: u16) -> Self {
        debug_assert!(bits <= MAX_WINDOW);
        Window {
            next: 0,
            bits,
            #[cfg(feature = "alloc")]
            words: alloc::vec![0; words(bits)].into(),
            #[cfg(not(feature = "alloc"))]
            words: [0; WORDS],
        }
    }

    /// Becomes a window of so many bits that saw nothing.
    pub(super) fn begin(&mut self, bits: u16) {
        debug_assert!(bits <= MAX_WINDOW);
        self.bits = bits;
        #[cfg(feature = "alloc")]
        if self.words.len() != words(bits) {
            self.words = alloc::vec![0; words(bits)].into();
        }
        self.clear();
    }

    /// Forgets everything: for another epoch.
    pub(super) fn clear(&mut self) {
        self.next = 0;
        self.words.fill(0);
    }

    /// Takes all counters below this one for seen.
    pub(super) fn seen_below(&mut self, counter: u64) {
        self.next = counter;
        self.words.fill(u32::MAX);
        // The ring's words above the highest counter must be clear.
        for above in counter..counter.saturating_add(BITS) {
            if above % BITS == 0 {
                break;
            }
            *self.word_mut(above / BITS) &= !(1 << (above % BITS));
        }
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether this counter did not come yet and is not too old to know.
    pub(super) fn is_fresh(&self, counter: u64) -> bool {
        if counter >= self.next {
            return true;
        }
        if self.next - counter > u64::from(self.bits) {
            return false;
        }
        self.words[self.place(counter / BITS)] & (1 << (counter % BITS)) == 0
    }

    /// Takes a counter as seen. The caller's duty: a fresh one, of a record whose tag held.
    pub(super) fn mark(&mut self, counter: u64) {
        if counter >= self.next {
            // Words that the highest counter enters for the first time still hold what was a ring ago.
            let entered = if self.next == 0 { 0 } else { (self.next - 1) / BITS + 1 };
            let fresh = (counter / BITS + 1).saturating_sub(entered).min(self.words.len() as u64);
            for back in 0..fresh {
                *self.word_mut(counter / BITS - back) = 0;
            }
            self.next = counter + 1;
        }
        *self.word_mut(counter / BITS) |= 1 << (counter % BITS);
    }

    /// Where the ring has this word: its length is a power of two.
    fn place(&self, word: u64) -> usize {
        word as usize & (self.words.len() - 1)
    }

    fn word_mut(&mut self, word: u64) -> &mut u32 {
        let place = self.place(word);
        &mut self.words[place]
    }
}

/// Bits of a word.
const BITS: u64 = u32::BITS as u64;

/// A power of two: a processor without long division finds a word by a mask.
const fn words(bits: u16) -> usize {
    (bits.div_ceil(BITS as u16) as usize + 1).next_power_of_two()
}

#[cfg(not(feature = "alloc"))]
const WORDS: usize = words(MAX_WINDOW);

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every counter, in every order that a generator makes, against a set of what came.
    #[test]
    fn a_window_accepts_what_a_set_accepts() {
        for bits in [64, 65, 100, 128, 255, 256] {
            for seed in 1..40u64 {
                // One that was used for an epoch of another window before.
                let mut window = Window::new([bits, 0, 64, MAX_WINDOW][seed as usize % 4]);
                window.mark(seed);
                window.begin(bits);
                let (mut seen, mut state, mut front) = (BTreeSet::new(), seed, 0u64);
                if seed % 4 < 2 {
                    front = if seed % 4 == 0 { u64::MAX - 3000 - seed } else { seed };
                    window.seen_below(front);
                    seen.extend(front.saturating_sub(400)..front);
                }
                let first = front;
                for _ in 0..600 {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                    let step = [0, 1, 1, 2, 64, 0, 1, 300][(state >> 33) as usize % 8];
                    front = front.saturating_add(step).min(u64::MAX - 1);
                    let back = (state >> 40) % (u64::from(bits) + 70);
                    let counter = front.saturating_sub(back);
                    let next = seen.last().map_or(0, |last| last + 1);
                    let fresh =
                        next.saturating_sub(counter) <= u64::from(bits) && !seen.contains(&counter);
                    assert_eq!(window.is_fresh(counter), fresh, "{bits} {seed} {counter} {first}");
                    if fresh {
                        window.mark(counter);
                        seen.insert(counter);
                        assert!(!window.is_fresh(counter));
                    }
                    assert_eq!(window.next(), seen.last().map_or(0, |last| last + 1));
                }
            }
        }
    }
}
