// SPDX-License-Identifier: MIT OR Apache-2.0
//! Leaks, so that whoever looks for leaks can be seen to find them: one of each name, in each place.

use std::collections::BTreeSet;
use std::hint::black_box;

use super::needles::Needles;
use super::watch::left_by;

#[derive(Default)]
pub(crate) struct Planted(BTreeSet<&'static str>);

impl Planted {
    /// Leaks a piece of each secret that was not leaked before, and fails unless it is found.
    pub(crate) fn look_for(&mut self, needles: &Needles) {
        for (name, piece) in needles.families() {
            if !self.0.insert(name) {
                continue;
            }
            let flipped = piece.map(|byte| !byte);
            let stack = left_by(&mut move || leak_on_stack(&flipped));
            let found = needles.find(stack.stack()).map(|(name, _)| name);
            assert_eq!(found, Some(name), "a leak on the stack is not found");
            #[cfg(all(target_os = "linux", target_env = "gnu"))]
            {
                let leak = move || leak_on_stack(&flipped);
                let thread = left_by(&mut || std::thread::spawn(leak).join().expect("it ends"));
                let found = thread.stacks_of_threads().find_map(|stack| needles.find(stack));
                let found = found.map(|(name, _)| name);
                assert_eq!(found, Some(name), "a leak on a thread's stack is not found");
            }
            let heap = left_by(&mut move || drop(black_box(flipped.map(|byte| !byte).to_vec())));
            let found = needles.find(heap.heap()).map(|(name, _)| name);
            assert_eq!(found, Some(name), "a leak in the heap is not found");
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

#[inline(never)]
fn leak_on_stack(flipped: &[u8; 16]) {
    // At an odd place, far from what the caller uses.
    let mut copy = [0; 4096];
    copy[1001..1017].iter_mut().zip(flipped).for_each(|(to, byte)| *to = !byte);
    black_box(&mut copy);
}
