// SPDX-License-Identifier: MIT OR Apache-2.0
//! Headers of many files, read into one buffer.

use std::io;
use std::time::Duration;

use super::position::ReadAt;
use crate::envelope::{DEFAULT_MAX_HEADER_LEN, Header, Need};
use crate::error::{Error, Result};

/// Reads headers, one after the other, and nothing else of the files.
pub struct HeaderReader {
    buffer: Vec<u8>,
    max_len: usize,
}

impl HeaderReader {
    /// A reader of headers of at most 65,536 bytes.
    pub fn new() -> Self {
        HeaderReader::with_max_len(DEFAULT_MAX_HEADER_LEN)
    }

    /// A reader of headers of at most `max_len` bytes, and never over 1 MiB.
    pub fn with_max_len(max_len: usize) -> Self {
        HeaderReader { buffer: vec![0; USUAL_LEN], max_len }
    }

    /// Reads the header at the front of `inner` and hands it to `work`. Nothing of it is authenticated.
    ///
    /// Where no slot is good, a rewrap in place may be under way: it is read again up to three times (format.md 4.6).
    ///
    /// # Errors
    /// `Format`, `Truncated`, `Limit`, `Io`; those of `work`.
    pub fn read<R>(
        &mut self,
        inner: &(impl ReadAt + ?Sized),
        mut work: impl FnMut(&Header<'_>) -> Result<R>,
    ) -> Result<R> {
        self.read_whole(inner, |header, _| work(header))
    }

    /// [`HeaderReader::read`], and how many bytes there are in all, where reading the header showed it: where it met the end.
    pub(crate) fn read_whole<R>(
        &mut self,
        inner: &(impl ReadAt + ?Sized),
        mut work: impl FnMut(&Header<'_>, Option<u64>) -> Result<R>,
    ) -> Result<R> {
        let mut attempt = 0;
        loop {
            let (len, total) = self.fill(inner)?;
            match Header::parse(&self.buffer[..len], self.max_len) {
                Err(Error::Format { clause: "4.6", .. }) if attempt < 3 => {
                    attempt += 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(other) => return Err(other),
                Ok(header) => return work(&header, total),
            }
        }
    }

    /// Reads until the header is whole; how many bytes were read, and how many there are if the end was met.
    fn fill(&mut self, inner: &(impl ReadAt + ?Sized)) -> Result<(usize, Option<u64>)> {
        let (mut len, mut wanted) = (0, USUAL_LEN);
        loop {
            if self.buffer.len() < wanted {
                self.buffer.resize(wanted, 0);
            }
            let read = match inner.read_at(len as u64, &mut self.buffer[len..wanted]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            // Fewer bytes than there was room for are the last ones of a file.
            let ended = read < wanted - len;
            len += read;
            match Header::need(&self.buffer[..len], self.max_len)? {
                Need::Whole(need) if need <= len => {
                    return Ok((len, ended.then_some(len as u64)));
                }
                _ if read == 0 => return Err(Error::Truncated),
                Need::Whole(need) | Need::AtLeast(need) => wanted = need.max(len + 1),
            }
        }
    }
}

impl Default for HeaderReader {
    fn default() -> Self {
        HeaderReader::new()
    }
}

/// Long enough for the headers that sealers write into files for a few recipients.
const USUAL_LEN: usize = 4096;
