// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secrets in boxes of their own.

use alloc::boxed::Box;
use core::mem::MaybeUninit;
use core::ops::Deref;

/// A value in a box, all of whose bytes are wiped when it is dropped: also those that its type leaves, and those between and
/// beside its fields, where a move puts whatever stood on the stack. What moves with its owner is the pointer.
///
/// The caller's duty: wipe the stack that it was made on.
pub(crate) struct Boxed<T>(Box<MaybeUninit<T>>);

impl<T> Boxed<T> {
    pub(crate) fn new(value: T) -> Self {
        Boxed(Box::new(MaybeUninit::new(value)))
    }
}

impl<T> Deref for Boxed<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: `new` wrote the value, and nothing but `drop` ends it.
        unsafe { self.0.assume_init_ref() }
    }
}

impl<T> Drop for Boxed<T> {
    fn drop(&mut self) {
        // SAFETY: `new` wrote the value, and it is dropped here, once.
        unsafe { self.0.assume_init_drop() };
        // SAFETY: the pointer is valid for writes of one value, and any bytes are a valid `MaybeUninit`.
        unsafe { self.0.as_mut_ptr().write_bytes(0, 1) };
        // The compiler must assume that the bytes are looked at here, so it cannot drop the writes.
        core::hint::black_box(&mut *self.0);
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::Boxed;

    #[test]
    fn what_is_boxed_is_dropped_once_and_can_be_looked_at() {
        struct Counted<'a>(&'a Cell<u32>, [u8; 40]);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let times = Cell::new(0);
        let boxed = Boxed::new(Counted(&times, [7; 40]));
        let moved = Some(boxed);
        assert_eq!(moved.as_ref().map(|boxed| boxed.1), Some([7; 40]));
        assert_eq!(times.get(), 0);
        drop(moved);
        assert_eq!(times.get(), 1);
    }
}
