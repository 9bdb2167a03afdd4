// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the library owns and the caller holds by its address: keys, stores, backups.

use core::ffi::{CStr, c_char};

use super::{Access, Borrows, Plain};
use crate::hosted::key::sealwax_key;
use crate::status::{Failure, INVALID_ARGUMENT};

/// Longest path, in bytes.
const MAX_PATH_LEN: usize = 4096;

/// What `give` gives out and `free` takes back.
pub(crate) trait Handle {}

impl<T> Plain for *const T {}
impl<T: Handle> Plain for *mut T {}

impl<'a> Borrows<'a> {
    /// Text that ends with a zero byte.
    pub(crate) fn terminated(&mut self, text: *const c_char) -> Result<&'a CStr, Failure> {
        if text.is_null() {
            return Err(INVALID_ARGUMENT);
        }
        for len in 0..MAX_PATH_LEN {
            // SAFETY: the header says that paths are zero-terminated, and no byte before this one
            // was zero.
            if unsafe { *text.add(len) } == 0 {
                let bytes = self.input(text.cast(), len + 1)?;
                return CStr::from_bytes_with_nul(bytes).map_err(|_| INVALID_ARGUMENT);
            }
        }
        Err(INVALID_ARGUMENT)
    }

    /// What `give` gave out and was not freed.
    pub(crate) fn handle<T: Handle>(&mut self, at: *const T) -> Result<&'a T, Failure> {
        self.claim(at.addr(), size_of::<T>(), align_of::<T>(), Access::Read)?;
        // SAFETY: the header says that it comes from this library and is not freed while it is
        // used.
        Ok(unsafe { &*at })
    }

    /// The same, for this call alone.
    pub(crate) fn handle_mut<T: Handle>(&mut self, at: *mut T) -> Result<&'a mut T, Failure> {
        self.claim(at.addr(), size_of::<T>(), align_of::<T>(), Access::Write)?;
        // SAFETY: as above, and the header says that changing it needs it alone.
        Ok(unsafe { &mut *at })
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

/// Gives a value out to the caller, who gives it back to `free`.
pub(crate) fn give<T: Handle>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes back what `give` gave out, and drops it. NULL is fine.
pub(crate) fn free<T: Handle>(at: *mut T) {
    if !at.is_null() {
        // SAFETY: the header says that it came from this library and is freed once.
        drop(unsafe { Box::from_raw(at) });
    }
}
