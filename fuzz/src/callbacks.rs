// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a caller of the C face hands in: a source and a sink of bytes, and a provider.

use std::ffi::c_void;
use std::{ptr, slice};

/// What a callback reads, and how often it may be called.
pub struct Pipe {
    pub left: Vec<u8>,
    pub written: Vec<u8>,
    pub piece: usize,
    pub calls: u8,
}

impl Pipe {
    /// Whether this call fails.
    fn fails(&mut self) -> bool {
        self.calls = self.calls.saturating_sub(1);
        self.calls == 0
    }
}

pub unsafe extern "C" fn read(context: *mut c_void, out: *mut u8, out_size: usize) -> i64 {
    // SAFETY: `context` is the pipe that the call gave.
    let pipe = unsafe { &mut *context.cast::<Pipe>() };
    if pipe.fails() {
        return -1;
    }
    let len = pipe.left.len().min(out_size).min(pipe.piece);
    let rest = pipe.left.split_off(len);
    // SAFETY: `out` has `out_size` bytes.
    unsafe { ptr::copy_nonoverlapping(pipe.left.as_ptr(), out, len) };
    pipe.left = rest;
    len as i64
}

pub unsafe extern "C" fn write(context: *mut c_void, bytes: *const u8, bytes_len: usize) -> i32 {
    // SAFETY: as above.
    let pipe = unsafe { &mut *context.cast::<Pipe>() };
    // SAFETY: `bytes` has `bytes_len` bytes.
    pipe.written.extend_from_slice(unsafe { slice::from_raw_parts(bytes, bytes_len) });
    i32::from(pipe.fails())
}

/// A provider whose cipher is the complement. `context` is how much it says that it made; 0: as much as it was given.
pub unsafe extern "C" fn turn(
    context: *mut c_void,
    bytes: *const u8,
    bytes_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    let said = context.addr();
    let len = bytes_len.min(out_size);
    // SAFETY: `bytes` and `out` have so many bytes, and `out_len` is the library's.
    unsafe {
        let given = slice::from_raw_parts(bytes, len);
        given.iter().enumerate().for_each(|(at, byte)| out.add(at).write(!byte));
        out_len.write(if said == 0 { len } else { said });
    }
    0
}

pub unsafe extern "C" fn refuse(
    _: *mut c_void,
    _: *const u8,
    _: usize,
    _: *mut u8,
    _: usize,
    _: *mut usize,
) -> i32 {
    1
}
