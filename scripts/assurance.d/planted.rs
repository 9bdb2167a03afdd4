// SPDX-License-Identifier: MIT OR Apache-2.0
//! A comparison that returns early: the look at machine code must find its branches.
#![no_std]
#![crate_type = "lib"]

/// Whether two arrays are equal, in time that depends on where they differ.
#[unsafe(no_mangle)]
#[inline(never)]
pub fn ct_eq_planted(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}
