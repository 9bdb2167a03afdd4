// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which process this is: a test says.

use shuttle::sync::atomic::{AtomicU64, Ordering};

shuttle::lazy_static! {
    static ref GENERATION: AtomicU64 = AtomicU64::new(1);
}

pub fn fork_generation() -> u64 {
    GENERATION.load(Ordering::SeqCst)
}

/// What a forked child sees.
pub fn fork() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
}
