// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the program asks of valgrind: which bytes are secret, and how often one decided something.
//!
//! Valgrind's memcheck follows undefined bits through every instruction and reports a jump or an address that depends
//! on one. A secret is marked undefined, and then each report is a leak into time.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint, c_void};

unsafe extern "C" {
    fn requests_are_heard() -> c_int;
    fn requests_reports() -> c_uint;
    fn requests_mark_secret(at: *mut c_void, len: usize);
    fn requests_mark_public(at: *const c_void, len: usize);
}

/// Whether valgrind runs this program.
pub fn is_heard() -> bool {
    // SAFETY: takes nothing and reads no memory of ours.
    unsafe { requests_are_heard() != 0 }
}

/// How many reports there were, those that are suppressed not counted.
pub fn reports() -> u32 {
    // SAFETY: as above.
    unsafe { requests_reports() }
}

/// From here on nothing may depend on what these bytes are. Through `&mut`, so that the compiler forgets them too.
pub fn mark_secret(bytes: &mut [u8]) {
    // SAFETY: the range is a live slice; the request changes what valgrind knows of it, and no byte.
    unsafe { requests_mark_secret(bytes.as_mut_ptr().cast(), bytes.len()) }
}

/// Text whose bytes are secret, and whose length is not.
pub fn secret_text(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    mark_secret(&mut bytes);
    // SAFETY: the bytes are those of `text`. Checking them would depend on them.
    unsafe { String::from_utf8_unchecked(bytes) }
}

/// Everybody may see these bytes.
pub fn mark_public(bytes: &[u8]) {
    // SAFETY: as above.
    unsafe { requests_mark_public(bytes.as_ptr().cast(), bytes.len()) }
}

/// Everybody may see these bytes, of which `value` holds a copy.
pub fn mark_public_within<T>(value: &T, bytes: &[u8]) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    // SAFETY: each byte is inside the value. Some may be padding: valgrind takes the copy for defined from the next line on.
    let copy: Vec<u8> =
        (0..size_of::<T>()).map(|at| unsafe { start.add(at).read_volatile() }).collect();
    mark_public(&copy);
    let at = copy.windows(bytes.len()).position(|window| window == bytes);
    let at = at.expect("the value holds these bytes");
    // SAFETY: the range is inside the value; the request changes what valgrind knows of it, and no byte.
    unsafe { requests_mark_public(start.add(at).cast(), bytes.len()) }
}
