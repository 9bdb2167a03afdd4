// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random sources: one that remembers and one that panics; and the plaintext of all calls.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::kit::random::Repeatable;
use sealwax::rng::Random;

/// A source that remembers what it gave out.
pub(crate) struct Recorded(pub(crate) Repeatable, pub(crate) Vec<Vec<u8>>);

impl Recorded {
    pub(crate) fn new(seed: u64) -> Self {
        Recorded(Repeatable(seed), Vec::new())
    }
}

impl Random for Recorded {
    fn fill(&mut self, out: &mut [u8]) -> sealwax::Result<()> {
        self.0.fill(out)?;
        self.1.push(out.to_vec());
        Ok(())
    }
}

/// A source that panics after so many draws.
pub(crate) struct Panicking(pub(crate) usize, pub(crate) Repeatable);

impl Random for Panicking {
    fn fill(&mut self, out: &mut [u8]) -> sealwax::Result<()> {
        self.0 = self.0.checked_sub(1).expect("the test wants a panic here");
        self.1.fill(out)
    }
}

/// Whether a panic that is meant may come. It prints nothing: its message takes stack and heap of its own.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Runs what must panic, or may.
pub(crate) fn panics<R>(work: impl FnOnce() -> R) -> bool {
    QUIET.store(true, Ordering::SeqCst);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    QUIET.store(false, Ordering::SeqCst);
    result.is_err()
}

/// Keeps panics that are meant quiet.
pub(crate) fn install_hook() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !QUIET.load(Ordering::SeqCst) {
            hook(info);
        }
    }));
}

/// The plaintext, made once.
pub(crate) fn text() -> &'static [u8] {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    TEXT.get_or_init(plaintext)
}

pub(crate) fn plaintext() -> Vec<u8> {
    let mut plaintext = b"plaintext: 4111 ".to_vec();
    plaintext.extend(Repeatable(77).bytes(1008));
    plaintext
}
