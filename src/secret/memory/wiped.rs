// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plain values of other crates that do not wipe themselves.

use core::mem::MaybeUninit;

/// A value without drop glue, whose bytes are wiped where it lies when this is dropped.
///
/// The caller's duty: wipe the stack that it was made on and moved over, and hold what moves in a box.
pub(crate) struct Wiped<T>(MaybeUninit<T>);

impl<T> Wiped<T> {
    pub(crate) fn new(value: T) -> Self {
        // What owns nothing can be overwritten instead of dropped.
        const { assert!(!core::mem::needs_drop::<T>()) };
        Wiped(MaybeUninit::new(value))
    }

    #[inline]
    pub(crate) fn get(&self) -> &T {
        // SAFETY: `new` wrote the value, and nothing but `drop` writes over it.
        unsafe { self.0.assume_init_ref() }
    }
}

impl<T> Drop for Wiped<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer is valid for writes of one value, and any bytes are a valid `MaybeUninit`.
        unsafe { self.0.as_mut_ptr().write_bytes(0, 1) };
        // The compiler must assume that the value is looked at here, so it cannot drop the writes.
        core::hint::black_box(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::Wiped;

    #[test]
    fn what_was_dropped_in_its_place_is_zeros() {
        let mut place = core::mem::MaybeUninit::new(Wiped::new([0xa5u8; 600]));
        // SAFETY: it was just written, and is dropped once.
        unsafe { core::ptr::drop_in_place(place.as_mut_ptr()) };
        let place: *const [u8; 600] = place.as_ptr().cast();
        // SAFETY: the bytes are there and initialised: those of the value, or what was written over them.
        assert_eq!(unsafe { place.read_volatile() }, [0; 600]);
    }
}
