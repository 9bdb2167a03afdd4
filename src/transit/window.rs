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
        let used = self.used();
        for above in counter..counter.saturating_add(BITS) {
            if above % BITS == 0 {
                break;
            }
            self.words[(above / BITS) as usize % used] &= !(1 << (above % BITS));
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
        self.words[self.word(counter)] & (1 << (counter % BITS)) == 0
    }

    /// Takes a counter as seen. The caller's duty: a fresh one, of a record whose tag held.
    pub(super) fn mark(&mut self, counter: u64) {
        if counter >= self.next {
            // Words that the highest counter enters for the first time still hold what was a ring ago.
            let entered = if self.next == 0 { 0 } else { (self.next - 1) / BITS + 1 };
            let used = self.used();
            let fresh = (counter / BITS + 1).saturating_sub(entered).min(used as u64);
            for word in 0..fresh {
                self.words[((counter / BITS - word) % used as u64) as usize] = 0;
            }
            self.next = counter + 1;
        }
        let word = self.word(counter);
        self.words[word] |= 1 << (counter % BITS);
    }

    fn word(&self, counter: u64) -> usize {
        ((counter / BITS) % self.used() as u64) as usize
    }

    fn used(&self) -> usize {
        words(self.bits)
    }
}

/// Bits of a word.
const BITS: u64 = u32::BITS as u64;

const fn words(bits: u16) -> usize {
    bits.div_ceil(BITS as u16) as usize + 1
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
                let (mut window, mut seen) = (Window::new(bits), BTreeSet::new());
                let (mut state, mut front) = (seed, 0u64);
                if seed % 4 == 0 {
                    front = u64::MAX - 3000 - seed;
                    window.seen_below(front);
                    seen.extend(front - 400..front);
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
