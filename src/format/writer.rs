// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes fields into a buffer of exactly the right length.

/// Writes fields from the front of a buffer whose length the caller computed beforehand.
pub(crate) struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Writer { rest: buffer }
    }

    /// The next `len` bytes, to be filled by the caller.
    pub(crate) fn reserve(&mut self, len: usize) -> &'a mut [u8] {
        let (taken, rest) = core::mem::take(&mut self.rest)
            .split_at_mut_checked(len)
            .expect("the caller computed the length of what it writes");
        self.rest = rest;
        taken
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.reserve(bytes.len()).copy_from_slice(bytes);
        self
    }

    pub(crate) fn finish(self) {
        assert!(self.rest.is_empty(), "the caller computed the length of what it writes");
    }
}
