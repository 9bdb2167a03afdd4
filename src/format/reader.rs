// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one place where bytes from outside are cut into pieces.

use crate::error::{Error, Result, Text, text};

/// Reads fields from the front of a byte string; each length is compared with what remains.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    end: End,
}

/// What running out of bytes means.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// The input itself ends here: more may have been cut off.
    Input,
    /// A structure inside the input ends here: the named clause is broken.
    Structure(Text),
}

impl End {
    /// The end of a structure that this clause describes.
    #[inline(always)]
    pub(crate) const fn of(clause: &'static str) -> Self {
        End::Structure(text(clause))
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], end: End) -> Self {
        Reader { rest: bytes, end }
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(len) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(match self.end {
                End::Input => Error::Truncated,
                End::Structure(clause) => {
                    Error::Format { clause, what: text("a length runs past the end") }
                }
            }),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N]> {
        Ok(self.take(N)?.try_into().expect("take returned N bytes"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_be_bytes(*self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(*self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(*self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(*self.array()?))
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses anything after the last field.
    pub(crate) fn finish(self, clause: &'static str) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Error::format(clause, "bytes after the end"))
        }
    }
}
