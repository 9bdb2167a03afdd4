// SPDX-License-Identifier: MIT OR Apache-2.0
//! The caller's functions, and how they are called.

use core::ffi::c_void;

/// `int32_t fill(void *context, uint8_t *out, size_t out_len)`.
pub(crate) type Fill = unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> i32;
/// `int32_t now(void *context, uint64_t *seconds)`.
pub(crate) type NowCallback = unsafe extern "C" fn(*mut c_void, *mut u64) -> i32;
/// `int32_t release(void *context, size_t offset, const uint8_t *piece, size_t piece_len)`.
pub(crate) type Release = unsafe extern "C" fn(*mut c_void, usize, *const u8, usize) -> i32;

pub(crate) fn fill(callback: Fill, context: *mut c_void, out: &mut [u8]) -> i32 {
    // SAFETY: C4, and the range is `out`.
    unsafe { callback(context, out.as_mut_ptr(), out.len()) }
}

pub(crate) fn now(callback: NowCallback, context: *mut c_void, seconds: &mut u64) -> i32 {
    // SAFETY: C4, and the pointer is `seconds`.
    unsafe { callback(context, seconds) }
}

pub(crate) fn release(callback: Release, context: *mut c_void, offset: usize, piece: &[u8]) -> i32 {
    // SAFETY: C4, and the range is `piece`.
    unsafe { callback(context, offset, piece.as_ptr(), piece.len()) }
}

/// `int32_t accept(void *context, const sealwax_peer *peer)`.
#[cfg(any(feature = "hosted", feature = "transit"))]
pub(crate) type Accept<P> = unsafe extern "C" fn(*mut c_void, *const P) -> i32;
/// `int32_t store(void *context, const uint8_t *bytes, size_t bytes_len)`.
#[cfg(any(feature = "hosted", feature = "transit"))]
pub(crate) type Store = unsafe extern "C" fn(*mut c_void, *const u8, usize) -> i32;

#[cfg(any(feature = "hosted", feature = "transit"))]
pub(crate) fn accept<P>(callback: Accept<P>, context: *mut c_void, peer: &P) -> i32 {
    // SAFETY: C4, and the pointer is `peer`.
    unsafe { callback(context, peer) }
}

#[cfg(any(feature = "hosted", feature = "transit"))]
pub(crate) fn store(callback: Store, context: *mut c_void, bytes: &[u8]) -> i32 {
    // SAFETY: C4, and the range is `bytes`.
    unsafe { callback(context, bytes.as_ptr(), bytes.len()) }
}

/// `int64_t read(void *context, uint8_t *out, size_t out_size)`.
#[cfg(feature = "hosted")]
pub(crate) type ReadCallback = unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> i64;

#[cfg(feature = "hosted")]
pub(crate) fn read(callback: ReadCallback, context: *mut c_void, out: &mut [u8]) -> i64 {
    // SAFETY: C4, and the range is `out`.
    unsafe { callback(context, out.as_mut_ptr(), out.len()) }
}

/// `int32_t wrap(void *context, const uint8_t *bytes, size_t bytes_len, uint8_t *out,
/// size_t out_size, size_t *out_len)`, and `unwrap` alike.
#[cfg(feature = "hosted")]
pub(crate) type Provider =
    unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut u8, usize, *mut usize) -> i32;

#[cfg(feature = "hosted")]
pub(crate) fn provide(
    callback: Provider,
    context: *mut c_void,
    bytes: &[u8],
    out: &mut [u8],
    out_len: &mut usize,
) -> i32 {
    // SAFETY: C4, the ranges are `bytes` and `out`, and the pointer is `out_len`.
    unsafe { callback(context, bytes.as_ptr(), bytes.len(), out.as_mut_ptr(), out.len(), out_len) }
}

/// `int32_t progress(void *context, uint64_t done, uint64_t total)`.
#[cfg(feature = "hosted")]
pub(crate) type Progress = unsafe extern "C" fn(*mut c_void, u64, u64) -> i32;

/// A progress callback, with the context that it is called with.
#[cfg(feature = "hosted")]
pub(crate) struct Told {
    callback: Progress,
    context: *mut c_void,
}

// SAFETY: C6: the callback may be called from any thread, and `context` is for it alone.
#[cfg(feature = "hosted")]
unsafe impl Send for Told {}
// SAFETY: as above; that it is one thread at a time is `Watch`'s to see to.
#[cfg(feature = "hosted")]
unsafe impl Sync for Told {}

#[cfg(feature = "hosted")]
impl Told {
    pub(crate) fn new(callback: Progress, context: *mut c_void) -> Self {
        Told { callback, context }
    }

    pub(crate) fn tell(&self, done: u64, total: u64) -> i32 {
        // SAFETY: C4.
        unsafe { (self.callback)(self.context, done, total) }
    }
}

#[cfg(target_os = "none")]
pub(crate) fn panic_hook() -> ! {
    unsafe extern "C" {
        fn sealwax_panic() -> !;
    }
    // SAFETY: the header says that the program defines it and that it does not return.
    unsafe { sealwax_panic() }
}
