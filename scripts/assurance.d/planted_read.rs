// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads one byte beyond a block: the address sanitizer must report it.

fn main() {
    let block = vec![1u8; std::env::args().count() * 16];
    // SAFETY: none: this is the mistake that must be found.
    let beyond = unsafe { block.as_ptr().add(block.len()).read_volatile() };
    println!("{beyond}");
}
