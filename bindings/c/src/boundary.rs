// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where C's pointers become Rust's references: the one file of this crate with `unsafe`.
//!
//! The functions here are safe to name because only the functions of the header call them, and the
//! header states the contract that the `SAFETY` comments rely on:
//!
//! - C1: a pointer with a length points to that many readable, or for outputs writable, bytes,
//!   until the call returns.
//! - C2: nobody writes to them during the call, but for what the header calls mapped memory.
//! - C3: a context is memory of its C type that was zero before its first use, and that only this
//!   library writes.
//! - C4: a callback returns, does not unwind, and writes no more than it was given.
//! - C5: the versions of a keyset stay where they are, and untouched, until the keyset is wiped.
//!
//! What can be checked is: NULL, alignment, lengths, overlap, and the state of a context.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::status::{BAD_STATE, Failure, INVALID_ARGUMENT, SEALWAX_OK};

/// Runs the body of a function of the header.
pub(crate) fn call<'a>(body: impl FnOnce(&mut Borrows<'a>) -> Result<(), Failure>) -> i32 {
    match body(&mut Borrows { regions: [Region::NONE; MAX_REGIONS], count: 0, call: PhantomData }) {
        Ok(()) => SEALWAX_OK,
        Err(Failure(status)) => status,
    }
}

/// What one call has borrowed. Inputs may overlap each other; an output overlaps nothing else.
pub(crate) struct Borrows<'a> {
    regions: [Region; MAX_REGIONS],
    count: usize,
    call: PhantomData<&'a ()>,
}

#[derive(Clone, Copy)]
struct Region {
    start: usize,
    len: usize,
    access: Access,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl Region {
    const NONE: Region = Region { start: 0, len: 0, access: Access::Read };
}

impl<'a> Borrows<'a> {
    /// Bytes to read. NULL is allowed where the length is 0.
    pub(crate) fn input(&mut self, start: *const u8, len: usize) -> Result<&'a [u8], Failure> {
        if len == 0 {
            return Ok(&[]);
        }
        self.claim(start.addr(), len, 1, Access::Read)?;
        // SAFETY: C1 and C2; not NULL, and the range neither wraps nor is longer than isize::MAX
        // (claim).
        Ok(unsafe { core::slice::from_raw_parts(start, len) })
    }

    /// Bytes to write. NULL is allowed where the length is 0.
    pub(crate) fn output(&mut self, start: *mut u8, len: usize) -> Result<&'a mut [u8], Failure> {
        if len == 0 {
            return Ok(&mut []);
        }
        self.claim(start.addr(), len, 1, Access::Write)?;
        // SAFETY: C1 and C2; claimed as above, and nothing else that this call borrowed overlaps
        // it.
        Ok(unsafe { core::slice::from_raw_parts_mut(start, len) })
    }

    /// N bytes to read; NULL is refused.
    pub(crate) fn array<const N: usize>(
        &mut self,
        start: *const [u8; N],
    ) -> Result<&'a [u8; N], Failure> {
        self.input(start.cast(), N)?.try_into().map_err(|_| INVALID_ARGUMENT)
    }

    /// N bytes to write; NULL is refused.
    pub(crate) fn output_array<const N: usize>(
        &mut self,
        start: *mut [u8; N],
    ) -> Result<&'a mut [u8; N], Failure> {
        self.output(start.cast(), N)?.try_into().map_err(|_| INVALID_ARGUMENT)
    }

    /// A plain value to read; `None` for NULL.
    pub(crate) fn value<T: Plain>(&mut self, at: *const T) -> Result<Option<&'a T>, Failure> {
        if at.is_null() {
            return Ok(None);
        }
        self.claim(at.addr(), size_of::<T>(), align_of::<T>(), Access::Read)?;
        // SAFETY: C1 and C2; claimed; every pattern of bytes is a T (Plain).
        Ok(Some(unsafe { &*at }))
    }

    /// A plain value to write; NULL is refused.
    pub(crate) fn output_value<T: Plain>(&mut self, at: *mut T) -> Result<&'a mut T, Failure> {
        self.claim(at.addr(), size_of::<T>(), align_of::<T>(), Access::Write)?;
        // SAFETY: C1 and C2; claimed for this alone; every pattern of bytes is a T (Plain).
        Ok(unsafe { &mut *at })
    }

    /// A length to write, 0 until the call succeeds; NULL is refused. Borrowed before all else, so that it is 0 after every
    /// other error.
    pub(crate) fn output_len(&mut self, at: *mut usize) -> Result<&'a mut usize, Failure> {
        let len = self.output_value(at)?;
        *len = 0;
        Ok(len)
    }

    /// Values to write, all zero at first. NULL is allowed where there are none.
    pub(crate) fn output_values<T: Plain>(
        &mut self,
        at: *mut T,
        count: usize,
    ) -> Result<&'a mut [T], Failure> {
        if count == 0 {
            return Ok(&mut []);
        }
        let len = count.checked_mul(size_of::<T>()).ok_or(INVALID_ARGUMENT)?;
        self.claim(at.addr(), len, align_of::<T>(), Access::Write)?;
        // SAFETY: C1 and C2; claimed for this alone; zeros are values of T (Plain).
        unsafe {
            at.write_bytes(0, count);
            Ok(core::slice::from_raw_parts_mut(at, count))
        }
    }

    /// Bytes that go in and, where both pointers are the same, come out: `inner` of the `total`
    /// bytes are read.
    ///
    /// Copies the input to the output where they are two buffers. Partial overlap is refused.
    pub(crate) fn in_out(
        &mut self,
        input: *const u8,
        input_len: usize,
        output: *mut u8,
        output_len: usize,
    ) -> Result<InOut<'a>, Failure> {
        if input.addr() != output.addr() || input_len == 0 || output_len == 0 {
            let input = self.input(input, input_len)?;
            return Ok(InOut::Two(input, self.output(output, output_len)?));
        }
        let len = input_len.max(output_len);
        self.claim(output.addr(), len, 1, Access::Write)?;
        // SAFETY: C1 and C2 for both ranges, which begin at one place: together they are the longer
        // one.
        Ok(InOut::One(unsafe { core::slice::from_raw_parts_mut(output, len) }))
    }

    /// Memory that may change while it is read, such as mapped flash.
    pub(crate) fn mapped(&mut self, start: *const u8, len: usize) -> Result<Mapped<'a>, Failure> {
        if len != 0 {
            self.claim(start.addr(), len, 1, Access::Read)?;
        }
        Ok(Mapped { start, len, call: PhantomData })
    }

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
        self.count = 0;
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

    /// Notes a range, and refuses it where it cannot be or overlaps what must not overlap it.
    fn claim(
        &mut self,
        start: usize,
        len: usize,
        align: usize,
        access: Access,
    ) -> Result<(), Failure> {
        let longest = isize::MAX as usize;
        let end = start.checked_add(len).ok_or(INVALID_ARGUMENT)?;
        if start == 0 || len > longest || !start.is_multiple_of(align) {
            return Err(INVALID_ARGUMENT);
        }
        for other in &self.regions[..self.count] {
            let apart = end <= other.start || other.start + other.len <= start;
            if !apart && (access == Access::Write || other.access == Access::Write) {
                return Err(INVALID_ARGUMENT);
            }
        }
        let free = self.regions.get_mut(self.count).ok_or(INVALID_ARGUMENT)?;
        *free = Region { start, len, access };
        self.count += 1;
        Ok(())
    }
}

/// Types whose every pattern of bytes is a value.
pub(crate) trait Plain: Copy {}
impl Plain for usize {}
impl Plain for u32 {}
impl Plain for u64 {}

/// An input and an output.
pub(crate) enum InOut<'a> {
    /// Two buffers.
    Two(&'a [u8], &'a mut [u8]),
    /// One that is both.
    One(&'a mut [u8]),
}

/// Memory that may change while it is read.
#[derive(Clone, Copy)]
pub(crate) struct Mapped<'a> {
    start: *const u8,
    len: usize,
    call: PhantomData<&'a u8>,
}

impl Mapped<'_> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Copies bytes from `offset` on. What lies past the end reads as zero.
    pub(crate) fn copy(&self, offset: usize, out: &mut [u8]) {
        for (at, byte) in (offset..).zip(out) {
            if at >= self.len {
                *byte = 0;
                continue;
            }
            // SAFETY: C1, and at < len. Volatile: the memory may change, so each byte is read once
            // and never again.
            *byte = unsafe { self.start.add(at).read_volatile() };
        }
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

const VACANT: u32 = 0;
const BUSY: u32 = 0x6275_7379;
const MAX_REGIONS: usize = 12;

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

#[cfg(any(feature = "hosted", feature = "transit"))]
pub(crate) use transit::{Store, accept, store};

#[cfg(any(feature = "hosted", feature = "transit"))]
mod transit {
    use core::ffi::c_void;

    /// `int32_t accept(void *context, const sealwax_peer *peer)`.
    pub(crate) type Accept<P> = unsafe extern "C" fn(*mut c_void, *const P) -> i32;
    /// `int32_t store(void *context, const uint8_t *bytes, size_t bytes_len)`.
    pub(crate) type Store = unsafe extern "C" fn(*mut c_void, *const u8, usize) -> i32;

    pub(crate) fn accept<P>(callback: Accept<P>, context: *mut c_void, peer: &P) -> i32 {
        // SAFETY: C4, and the pointer is `peer`.
        unsafe { callback(context, peer) }
    }

    pub(crate) fn store(callback: Store, context: *mut c_void, bytes: &[u8]) -> i32 {
        // SAFETY: C4, and the range is `bytes`.
        unsafe { callback(context, bytes.as_ptr(), bytes.len()) }
    }
}

#[cfg(feature = "hosted")]
pub(crate) use hosted::{ReadCallback, free, give, read};
#[cfg(feature = "hosted")]
pub(crate) use transit::{Store as WriteCallback, store as write};

#[cfg(feature = "hosted")]
mod hosted {
    use core::ffi::{CStr, c_char, c_void};

    use super::{Access, Borrows, Plain};
    use crate::hosted::key::sealwax_key;
    use crate::status::{Failure, INVALID_ARGUMENT};

    /// Longest path, in bytes.
    const MAX_PATH_LEN: usize = 4096;

    /// `int64_t read(void *context, uint8_t *out, size_t out_size)`.
    pub(crate) type ReadCallback = unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> i64;

    impl<T> Plain for *const T {}

    impl<'a> Borrows<'a> {
        /// Text that ends with a zero byte.
        pub(crate) fn terminated(&mut self, text: *const c_char) -> Result<&'a CStr, Failure> {
            if text.is_null() {
                return Err(INVALID_ARGUMENT);
            }
            for len in 0..MAX_PATH_LEN {
                // SAFETY: the header says that paths are zero-terminated, and no byte before this
                // one was zero.
                if unsafe { *text.add(len) } == 0 {
                    let bytes = self.input(text.cast(), len + 1)?;
                    return CStr::from_bytes_with_nul(bytes).map_err(|_| INVALID_ARGUMENT);
                }
            }
            Err(INVALID_ARGUMENT)
        }

        /// A key that `give` gave out and that was not freed.
        pub(crate) fn handle(
            &mut self,
            key: *const sealwax_key,
        ) -> Result<&'a sealwax_key, Failure> {
            self.claim(
                key.addr(),
                size_of::<sealwax_key>(),
                align_of::<sealwax_key>(),
                Access::Read,
            )?;
            // SAFETY: the header says that a key comes from this library and is not freed while it
            // is used.
            Ok(unsafe { &*key })
        }

        /// A key that the caller has for this call alone.
        pub(crate) fn handle_mut(
            &mut self,
            key: *mut sealwax_key,
        ) -> Result<&'a mut sealwax_key, Failure> {
            self.claim(
                key.addr(),
                size_of::<sealwax_key>(),
                align_of::<sealwax_key>(),
                Access::Write,
            )?;
            // SAFETY: as above, and the header says that changing a key needs it alone.
            Ok(unsafe { &mut *key })
        }

        /// Many keys.
        pub(crate) fn handles(
            &mut self,
            keys: *const *const sealwax_key,
            count: usize,
        ) -> Result<Vec<&'a sealwax_key>, Failure> {
            if count == 0 {
                return Ok(Vec::new());
            }
            let len = count.checked_mul(size_of::<*const sealwax_key>()).ok_or(INVALID_ARGUMENT)?;
            self.claim(keys.addr(), len, align_of::<*const sealwax_key>(), Access::Read)?;
            // SAFETY: C1 and C2; claimed above.
            let keys = unsafe { core::slice::from_raw_parts(keys, count) };
            let aligned = |key: &*const sealwax_key| !key.is_null() && key.is_aligned();
            if !keys.iter().all(aligned) {
                return Err(INVALID_ARGUMENT);
            }
            // SAFETY: not NULL, and as `handle` says.
            Ok(keys.iter().map(|key| unsafe { &**key }).collect())
        }
    }

    /// Gives a key out to the caller, who gives it back to `free`.
    pub(crate) fn give(key: sealwax_key) -> *mut sealwax_key {
        Box::into_raw(Box::new(key))
    }

    pub(crate) fn free(key: *mut sealwax_key) {
        if !key.is_null() {
            // SAFETY: the header says that it came from this library and is freed once.
            drop(unsafe { Box::from_raw(key) });
        }
    }

    pub(crate) fn read(callback: ReadCallback, context: *mut c_void, out: &mut [u8]) -> i64 {
        // SAFETY: C4, and the range is `out`.
        unsafe { callback(context, out.as_mut_ptr(), out.len()) }
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
