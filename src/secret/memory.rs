// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wiping of dead stack, and a page that a forked child sees as zeros.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

/// Bytes of stack below the caller that [`with_wiped_stack`] wipes after symmetric work.
pub(crate) const SYMMETRIC_DEPTH: usize = 4096;
/// The same after public-key work: ML-KEM keeps its vectors on the stack.
pub(crate) const PUBLIC_KEY_DEPTH: usize = 64 * 1024;

/// Runs `work` in a call of its own and then wipes `DEPTH` bytes of the stack it used.
///
/// What is deeper than `DEPTH` stays. The depths above were chosen by measurement.
#[inline(always)]
pub(crate) fn with_wiped_stack<const DEPTH: usize, R>(work: impl FnOnce() -> R) -> R {
    let result = outlined(work);
    wipe_stack::<DEPTH>();
    result
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

#[cfg(all(feature = "std", target_os = "linux"))]
pub(crate) use fork_page::ForkPage;

#[cfg(all(feature = "std", target_os = "linux"))]
mod fork_page {
    use core::ptr::NonNull;

    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
    use zeroize::Zeroize;

    /// Length of a [`ForkPage`], in bytes.
    pub(crate) const LEN: usize = 4096;

    /// A page of its own that reads as zeros in a forked child and stays out of core dumps.
    pub(crate) struct ForkPage(NonNull<[u8; LEN]>);

    impl ForkPage {
        /// `None` where the system refuses to wipe on fork: the caller then keeps nothing.
        pub(crate) fn new() -> Option<Self> {
            // SAFETY: a fresh private anonymous mapping overlaps nothing.
            let page = unsafe {
                mmap_anonymous(
                    core::ptr::null_mut(),
                    LEN,
                    ProtFlags::READ | ProtFlags::WRITE,
                    MapFlags::PRIVATE,
                )
            }
            .ok()?;
            let page = ForkPage(NonNull::new(page.cast())?);
            let address = page.0.as_ptr().cast();
            // SAFETY: the range is the mapping just made, which nothing refers to yet.
            unsafe { madvise(address, LEN, Advice::LinuxWipeOnFork) }.ok()?;
            // Not dumping and not swapping are extras here: salts become public anyway.
            // SAFETY: as above.
            let _ = unsafe { madvise(address, LEN, Advice::LinuxDontDump) };
            // SAFETY: as above.
            let _ = unsafe { mlock(address, LEN) };
            Some(page)
        }

        pub(crate) fn bytes(&mut self) -> &mut [u8; LEN] {
            // SAFETY: the mapping lives as long as self, is readable and writable, and `&mut self`
            // makes this the only reference.
            unsafe { self.0.as_mut() }
        }
    }

    impl Drop for ForkPage {
        fn drop(&mut self) {
            self.bytes().zeroize();
            // SAFETY: the mapping was made by `new` with this length; no reference outlives self.
            let _ = unsafe { munmap(self.0.as_ptr().cast(), LEN) };
        }
    }
}
