// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wiping of dead stack.

use core::mem::MaybeUninit;

pub(crate) use depth::{BEGIN_DEPTH, CHUNKS_DEPTH, HEADER_DEPTH, PUBLIC_KEY_DEPTH, VALUE_DEPTH};

// How deep each kind of work goes, measured in release builds on x86-64 with each backend, and a margin of a
// third or more. What is deeper stays. Builds without optimisation go far deeper, and are wiped farther.
#[cfg(not(target_os = "none"))]
mod depth {
    const fn depth(optimised: usize, other: usize) -> usize {
        if cfg!(debug_assertions) { other } else { optimised }
    }

    /// Sealing and opening one value: 1,688 bytes with aws-lc-rs, 4,784 with the others.
    pub(crate) const VALUE_DEPTH: usize =
        depth(if cfg!(feature = "aws-lc") { 2304 } else { 6656 }, 32 * 1024);
    /// Sealing and opening a batch of chunks: 3,248 bytes.
    pub(crate) const CHUNKS_DEPTH: usize = depth(4608, 32 * 1024);
    /// Making and opening a header with symmetric keys: 13,792 bytes.
    pub(crate) const HEADER_DEPTH: usize = depth(20 * 1024, 64 * 1024);
    /// The same without a heap.
    pub(crate) const BEGIN_DEPTH: usize = HEADER_DEPTH;
    /// The same with public keys and passphrases: 47,200 bytes. ML-KEM keeps its vectors on the stack.
    pub(crate) const PUBLIC_KEY_DEPTH: usize = depth(64 * 1024, 160 * 1024);
}

// Without an operating system the stack is small and nothing guards its end: no wipe goes deeper than the work before it.
#[cfg(target_os = "none")]
mod depth {
    pub(crate) const VALUE_DEPTH: usize = 512;
    pub(crate) const CHUNKS_DEPTH: usize = 768;
    pub(crate) const HEADER_DEPTH: usize = 1024;
    pub(crate) const BEGIN_DEPTH: usize = 1536;
    pub(crate) const PUBLIC_KEY_DEPTH: usize = 3072;
}

/// Runs `work` in a call of its own and then wipes `DEPTH` bytes of the stack it used.
///
/// What is deeper than `DEPTH` stays. The depths above were chosen by measurement.
#[inline(always)]
pub(crate) fn with_wiped_stack<const DEPTH: usize, R>(work: impl FnOnce() -> R) -> R {
    /// Wipes also where `work` panics and somebody goes on.
    struct Wipe<const DEPTH: usize>;
    impl<const DEPTH: usize> Drop for Wipe<DEPTH> {
        #[inline(always)]
        fn drop(&mut self) {
            wipe_stack::<DEPTH>();
        }
    }
    let _wipe = Wipe::<DEPTH>;
    outlined(work)
}

#[inline(never)]
fn outlined<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[inline(never)]
fn wipe_stack<const DEPTH: usize>() {
    let mut dead = MaybeUninit::<[u8; DEPTH]>::uninit();
    // SAFETY: the pointer is valid for writes of DEPTH bytes; zeros are a valid [u8; DEPTH].
    unsafe { dead.as_mut_ptr().write_bytes(0, 1) };
    // The compiler must assume that `dead` is looked at here, so it cannot drop the writes.
    core::hint::black_box(&mut dead);
}
