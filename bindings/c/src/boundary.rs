// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where C's pointers become Rust's references: the `unsafe` of this crate stands here and in the
//! files of this module.
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
//! - C6: a progress callback may be called by any thread, by one at a time.
//!
//! What can be checked is: NULL, alignment, lengths, overlap, and the state of a context.
#![allow(unsafe_code)]

mod callback;
mod context;
#[cfg(feature = "hosted")]
mod handle;

use core::marker::PhantomData;

#[cfg(target_os = "none")]
pub(crate) use callback::panic_hook;
pub(crate) use callback::{Fill, NowCallback, fill, now, release};
#[cfg(feature = "hosted")]
pub(crate) use callback::{
    Provider, ReadCallback, Store as WriteCallback, Told, provide, read, store as write,
};
#[cfg(any(feature = "hosted", feature = "transit"))]
pub(crate) use callback::{Store, accept, store};
pub(crate) use context::{Kept, Stored, as_places, filled, wipe};
#[cfg(feature = "hosted")]
pub(crate) use handle::{Handle, free, give};

use crate::status::{Failure, INVALID_ARGUMENT, SEALWAX_OK};

/// Runs the body of a function of the header.
pub(crate) fn call<'a>(body: impl FnOnce(&mut Borrows<'a>) -> Result<(), Failure>) -> i32 {
    match body(&mut Borrows::nothing()) {
        Ok(()) => SEALWAX_OK,
        Err(Failure(status)) => status,
    }
}

/// What one call has borrowed. Inputs may overlap each other; an output overlaps nothing else.
pub(crate) struct Borrows<'a> {
    regions: [Region; MAX_REGIONS],
    count: u16,
    /// A bit for each region, set where it is written to.
    written: u16,
    call: PhantomData<&'a ()>,
}

#[derive(Clone, Copy)]
struct Region {
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl<'a> Borrows<'a> {
    fn nothing() -> Self {
        let regions = [Region { start: 0, end: 0 }; MAX_REGIONS];
        Borrows { regions, count: 0, written: 0, call: PhantomData }
    }

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

    /// A length to write, 0 until the call succeeds; NULL is refused. Borrowed before all else, so
    /// that it is 0 after every other error.
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
        let writes = access == Access::Write;
        for (index, other) in self.regions.iter().enumerate().take(usize::from(self.count)) {
            let apart = end <= other.start || other.end <= start;
            if !apart && (writes || self.written >> index & 1 == 1) {
                return Err(INVALID_ARGUMENT);
            }
        }
        let free = self.regions.get_mut(usize::from(self.count)).ok_or(INVALID_ARGUMENT)?;
        *free = Region { start, end };
        self.written |= u16::from(writes) << self.count;
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
        for (index, byte) in out.iter_mut().enumerate() {
            // No offset is so high that it comes round to the beginning.
            let at = offset.saturating_add(index);
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

/// At most 16, which have a bit each.
const MAX_REGIONS: usize = 12;

#[cfg(test)]
mod tests;
