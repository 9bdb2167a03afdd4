// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contexts in the caller's memory: the word that says what one is, and the value behind it.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

use super::{Access, Borrows, Plain, call};
use crate::status::{BAD_STATE, Failure, SEALWAX_OK};

impl<'a> Borrows<'a> {
    /// A context that is not in use: filled, it is.
    pub(crate) fn vacant<T: Stored>(
        &mut self,
        at: *mut T::Place,
    ) -> Result<Vacant<'a, T>, Failure> {
        let cell = self.cell::<T>(at, Access::Write)?;
        change(word(cell), VACANT, BUSY)?;
        Ok(Vacant { cell, content: Content::Nothing, call: PhantomData })
    }

    /// A context in use, for this call alone.
    pub(crate) fn exclusive<T: Stored>(
        &mut self,
        at: *mut T::Place,
    ) -> Result<Exclusive<'a, T>, Failure> {
        let cell = self.cell::<T>(at, Access::Write)?;
        change(word(cell), T::WORD, BUSY)?;
        Ok(Exclusive { cell, call: PhantomData })
    }

    /// A context that this call has just filled.
    pub(crate) fn again<T: Stored>(
        &mut self,
        at: *mut T::Place,
    ) -> Result<Exclusive<'a, T>, Failure> {
        (self.count, self.written) = (0, 0);
        self.exclusive(at)
    }

    /// A context in use, which several threads may read.
    pub(crate) fn shared<T: Stored>(&mut self, at: *const T::Place) -> Result<&'a T, Failure> {
        let cell = self.cell::<T>(at.cast_mut(), Access::Read)?;
        if word(cell).load(Ordering::Acquire) != T::WORD {
            return Err(BAD_STATE);
        }
        // SAFETY: the word says that `Vacant::fill` stored a T here, and C3 that nobody else wrote.
        Ok(unsafe { (*cell).value.assume_init_ref() })
    }

    /// A context as a cell: not NULL, aligned, and apart from the outputs.
    fn cell<T: Stored>(
        &mut self,
        at: *mut T::Place,
        access: Access,
    ) -> Result<*mut Cell<T>, Failure> {
        const {
            assert!(size_of::<Cell<T>>() <= size_of::<T::Place>());
            assert!(align_of::<Cell<T>>() <= align_of::<T::Place>());
        }
        self.claim(at.addr(), size_of::<T::Place>(), align_of::<T::Place>(), access)?;
        Ok(at.cast())
    }
}

/// What a context holds.
pub(crate) trait Stored: Sized {
    /// The C type that it lives in.
    type Place;
    /// The word that marks a context of this kind as in use.
    const WORD: u32;
}

/// How a value lies in a context.
#[repr(C)]
struct Cell<T> {
    word: AtomicU32,
    value: MaybeUninit<T>,
}

/// A context that was not in use. Dropped before it is kept, it is zero again.
pub(crate) struct Vacant<'a, T: Stored> {
    cell: *mut Cell<T>,
    content: Content,
    call: PhantomData<&'a mut T>,
}

/// What is in a vacant context.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Nothing,
    Unfinished,
    Kept,
}

impl<T: Stored> Vacant<'_, T> {
    /// A value in the context, to be finished in place.
    ///
    /// A call of its own: what it moves is not on the stack below the work that finishes it.
    #[inline(never)]
    pub(crate) fn occupy(&mut self, value: impl FnOnce() -> T) -> &mut T {
        self.content = Content::Unfinished;
        // SAFETY: the word is BUSY, so this call alone has the cell.
        unsafe { (*self.cell).value.write(value()) }
    }

    /// The value is finished, and the context in use.
    pub(crate) fn keep(mut self) {
        if self.content == Content::Unfinished {
            self.content = Content::Kept;
        }
    }

    pub(crate) fn fill(mut self, value: T) {
        self.occupy(|| value);
        self.keep();
    }
}

impl<T: Stored> Drop for Vacant<'_, T> {
    fn drop(&mut self) {
        if self.content == Content::Unfinished {
            // SAFETY: `occupy` stored a value, and nothing is read after this.
            unsafe {
                (*self.cell).value.assume_init_drop();
                overwrite(&raw mut (*self.cell).value, 0);
            }
        }
        let state = if self.content == Content::Kept { T::WORD } else { VACANT };
        word(self.cell).store(state, Ordering::Release);
    }
}

/// A context in use, which this call alone may touch.
pub(crate) struct Exclusive<'a, T: Stored> {
    cell: *mut Cell<T>,
    call: PhantomData<&'a mut T>,
}

impl<T: Stored> Exclusive<'_, T> {
    /// Ends its use: the value is dropped, and its memory overwritten.
    pub(crate) fn close(self) {
        let cell = self.cell;
        // Its drop would say that there still is a value.
        core::mem::forget(self);
        // SAFETY: the word was T's when this was made, so there is a T; it is dropped once, because
        // nothing is read after.
        unsafe {
            (*cell).value.assume_init_drop();
            overwrite(&raw mut (*cell).value, 0);
        }
        word(cell).store(VACANT, Ordering::Release);
    }
}

impl<T: Stored> Deref for Exclusive<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the word was T's when this was made, so there is a T.
        unsafe { (*self.cell).value.assume_init_ref() }
    }
}

impl<T: Stored> DerefMut for Exclusive<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and this call alone has the context.
        unsafe { (*self.cell).value.assume_init_mut() }
    }
}

impl<T: Stored> Drop for Exclusive<'_, T> {
    fn drop(&mut self) {
        word(self.cell).store(T::WORD, Ordering::Release);
    }
}

/// Overwrites a context in whatever state it is, but for one that is in use by another thread. NULL
/// is fine.
pub(crate) fn wipe<T: Stored>(at: *mut T::Place, closing: impl FnOnce(&mut T)) -> i32 {
    if at.is_null() {
        return SEALWAX_OK;
    }
    call(|borrows| {
        let cell = borrows.cell::<T>(at, Access::Write)?;
        let state = word(cell);
        let found = state.load(Ordering::Acquire);
        if found == BUSY {
            return Err(BAD_STATE);
        }
        // Whatever it was, it is this call's until all of it is zero.
        change(state, found, BUSY)?;
        if found == T::WORD {
            // SAFETY: the word was T's, so there is a T, which this call alone has; it is dropped
            // once, because nothing is read after.
            unsafe {
                closing((*cell).value.assume_init_mut());
                (*cell).value.assume_init_drop();
            }
        }
        overwrite(at, size_of::<AtomicU32>());
        state.store(VACANT, Ordering::Release);
        Ok(())
    })
}

/// Values at an address that a context kept (C5).
#[derive(Clone, Copy)]
pub(crate) struct Kept<T> {
    at: *mut T,
    count: usize,
}

impl<T> Kept<T> {
    pub(crate) fn of(values: &mut [T]) -> Self {
        Kept { at: values.as_mut_ptr(), count: values.len() }
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        match self.count {
            0 => &[],
            // SAFETY: C5: where `of` found them, and untouched since.
            _ => unsafe { core::slice::from_raw_parts(self.at, self.count) },
        }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        match self.count {
            0 => &mut [],
            // SAFETY: as above, and `&mut self` is the context that they belong to.
            _ => unsafe { core::slice::from_raw_parts_mut(self.at, self.count) },
        }
    }
}

/// Memory of one plain type as memory of another that it was made for.
pub(crate) fn as_places<P: Plain, T>(places: &mut [P]) -> &mut [MaybeUninit<T>] {
    const { assert!(size_of::<P>() == size_of::<T>() && align_of::<T>() <= align_of::<P>()) };
    // SAFETY: the same bytes, as large and at least as aligned; MaybeUninit asks nothing of what
    // they are.
    unsafe { core::slice::from_raw_parts_mut(places.as_mut_ptr().cast(), places.len()) }
}

/// Fills every place, and has the values.
pub(crate) fn filled<T>(places: &mut [MaybeUninit<T>], value: impl Fn() -> T) -> &mut [T] {
    for place in &mut *places {
        place.write(value());
    }
    // SAFETY: the same places, each of which was just written.
    unsafe { core::slice::from_raw_parts_mut(places.as_mut_ptr().cast(), places.len()) }
}

/// Changes a context's word, or says that the context is in another state or in use by another
/// thread.
fn change(word: &AtomicU32, from: u32, to: u32) -> Result<(), Failure> {
    #[cfg(target_has_atomic = "32")]
    let changed = word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    // ARMv6-M has no compare-and-swap. With interrupts off nothing comes between on one core; a
    // second core does, and so does whatever interrupts unprivileged code, which cannot turn them
    // off: the header says so.
    #[cfg(not(target_has_atomic = "32"))]
    let changed = without_interrupts(|| {
        let same = word.load(Ordering::Acquire) == from;
        if same {
            word.store(to, Ordering::Release);
        }
        same
    });
    if changed { Ok(()) } else { Err(BAD_STATE) }
}

/// Runs a few instructions with interrupts off, and leaves them as they were.
#[cfg(all(not(target_has_atomic = "32"), target_arch = "arm"))]
fn without_interrupts<R>(work: impl FnOnce() -> R) -> R {
    use core::arch::asm;
    let primask: u32;
    // SAFETY: reads PRIMASK and sets it, which every ARMv6-M has. Not `nomem`: the work stays
    // between the two.
    unsafe {
        asm!("mrs {}, PRIMASK", "cpsid i", out(reg) primask, options(nostack, preserves_flags));
    }
    let result = work();
    // SAFETY: puts back what was read.
    unsafe { asm!("msr PRIMASK, {}", in(reg) primask, options(nostack, preserves_flags)) };
    result
}

/// Other processors without compare-and-swap are not among those that archives are built for.
#[cfg(all(not(target_has_atomic = "32"), not(target_arch = "arm")))]
fn without_interrupts<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// The word of a cell that `Borrows::cell` returned: any thread may look at it.
fn word<'a, T>(cell: *mut Cell<T>) -> &'a AtomicU32 {
    // SAFETY: C3: a cell fits there, and its word, which is any u32, is only ever touched as an
    // atomic.
    unsafe { &(*cell).word }
}

/// Zeros over a value, from a byte on, that nobody looks at again as what it was.
fn overwrite<T>(at: *mut T, from: usize) {
    let bytes = at.cast::<MaybeUninit<u8>>();
    for offset in from..size_of::<T>() {
        // SAFETY: inside the T that `at` points to, which the caller has for itself. Volatile, so
        // that it is done.
        unsafe { bytes.add(offset).write_volatile(MaybeUninit::new(0)) };
    }
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}
const VACANT: u32 = 0;
const BUSY: u32 = 0x6275_7379;
