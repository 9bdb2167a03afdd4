// SPDX-License-Identifier: MIT OR Apache-2.0
//! A forked child, for tests.

use std::panic::{AssertUnwindSafe, catch_unwind};

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

/// Runs `work` in a forked child, which must come to its end without a panic. What it changes, it changes there.
pub(crate) fn in_forked_child(work: impl FnOnce()) {
    // SAFETY: the child calls nothing that waits for another thread.
    let child = unsafe { fork() };
    if child == 0 {
        let status = catch_unwind(AssertUnwindSafe(work));
        // SAFETY: ends the child.
        unsafe { _exit(i32::from(status.is_err())) };
    }
    let mut status = -1;
    // SAFETY: the status is ours to be written.
    assert_eq!(unsafe { waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "what the child claims does not hold");
}
