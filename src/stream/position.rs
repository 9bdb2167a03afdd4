// SPDX-License-Identifier: MIT OR Apache-2.0
//! By position, through `&self`, from many threads.

use std::fs::File;
use std::io;

use zeroize::Zeroizing;

use super::geometry::Geometry;
use crate::envelope::{Header, Need, Opener, Ready};
use crate::error::{Error, Result};
use crate::format::context::Context;
use crate::format::payload::PREFIX_LEN;
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack};
use crate::wrap::OpenedVia;

/// Bytes that can be read at any position through `&self`.
pub trait ReadAt: Sync {
    /// Reads at `offset` into `out`; how many bytes, 0 at the end.
    ///
    /// # Errors
    /// As the system says.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize>;

    /// How many bytes there are.
    ///
    /// # Errors
    /// As the system says.
    fn len(&self) -> io::Result<u64>;

    /// All of the bytes, where they are in memory and never change.
    fn fixed(&self) -> Option<&[u8]> {
        None
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// As the system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(<[u8]>::len(self));
        let len = out.len().min(<[u8]>::len(self) - from);
        out[..len].copy_from_slice(&self[from..from + len]);
        Ok(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(<[u8]>::len(self) as u64)
    }

    fn fixed(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.as_slice().read_at(offset, out)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.as_slice().len() as u64)
    }

    fn fixed(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl ReadAt for File {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(self, out, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(self, out, offset);
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, out)
    }

    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }

    fn fixed(&self) -> Option<&[u8]> {
        (**self).fixed()
    }
}

/// An envelope whose plaintext is read by position, from many threads at once.
///
/// The header and the last chunk were verified when it was opened, so its length is authentic.
pub struct Positioned<R> {
    inner: R,
    ready: Ready,
    geometry: Geometry,
}

impl Opener<'_> {
    /// Opens an envelope for reading by position.
    ///
    /// # Errors
    /// As [`Opener::open`]; `Io`.
    pub fn positioned<R: ReadAt>(&self, inner: R) -> Result<Positioned<R>> {
        let (ready, geometry) = open_front(self, &inner)?;
        let positioned = Positioned { inner, ready, geometry };
        // The last chunk decides how long the plaintext is (format.md 5A.6).
        positioned.open_chunks(geometry.extent.last_chunk, 1)?;
        Ok(positioned)
    }
}

impl<R: ReadAt> Positioned<R> {
    /// Length of the plaintext, in bytes.
    pub fn plaintext_len(&self) -> u64 {
        self.geometry.extent.plaintext_len
    }

    /// Through which entry the envelope was opened.
    pub fn opened_via(&self) -> OpenedVia {
        self.ready.sealed.opened_via
    }

    /// The stored context.
    pub fn stored_context(&self) -> &Context {
        &self.ready.sealed.stored_context
    }

    /// Reads plaintext at `offset` into `out`: as much as there is, so fewer bytes only at the end.
    ///
    /// # Errors
    /// `Decrypt`, `Truncated`, `Io`; `out` then holds nothing that may be used.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize> {
        let available = self.plaintext_len().saturating_sub(offset);
        let len = out.len().min(usize::try_from(available).unwrap_or(usize::MAX));
        let mut done = 0;
        while done < len {
            let (chunk, within) = self.geometry.locate(offset + done as u64);
            let wanted = (within + len - done).div_ceil(self.geometry.piece_len());
            let chunks = wanted.min(self.geometry.batch_chunks());
            let batch = self.open_chunks(chunk, chunks)?;
            let mut within = within;
            for piece in self.geometry.pieces(&batch) {
                let taken = (piece.len() - within).min(len - done);
                out[done..done + taken].copy_from_slice(&piece[within..within + taken]);
                done += taken;
                within = 0;
            }
        }
        Ok(len)
    }

    /// Reads and opens `count` chunks from `first` on, or as many as there are.
    fn open_chunks(&self, first: u64, count: usize) -> Result<Zeroizing<Vec<u8>>> {
        let (offset, len) = self.geometry.sealed_range(first, count);
        let mut batch = Zeroizing::new(vec![0; len]);
        read_exact_at(&self.inner, offset, &mut batch)?;
        let engine = &self.ready.engine;
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.open_batch(first, &mut batch))?;
        Ok(batch)
    }
}

/// Reads and authenticates the header and the payload's commitment; computes where everything is.
pub(super) fn open_front(
    opener: &Opener<'_>,
    inner: &(impl ReadAt + ?Sized),
) -> Result<(Ready, Geometry)> {
    let total = inner.len()?;
    let mut attempt = 0;
    loop {
        match try_open_front(opener, inner, total) {
            // A rewrap in place may be under way: read again (format.md 4.6).
            Err(Error::Format { clause: "4.6", .. }) if attempt < 3 => {
                attempt += 1;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

fn try_open_front(
    opener: &Opener<'_>,
    inner: &(impl ReadAt + ?Sized),
    total: u64,
) -> Result<(Ready, Geometry)> {
    let mut front = Vec::new();
    let mut need = 0;
    loop {
        let header_len = match Header::need(&front, opener.header_limit())? {
            Need::AtLeast(len) if len > need => {
                need = len;
                None
            }
            Need::AtLeast(_) => return Err(Error::Truncated),
            Need::Whole(len) => {
                need = len + PREFIX_LEN;
                Some(len)
            }
        };
        if total < need as u64 && header_len.is_none_or(|len| total < len as u64) {
            // What is there may be refused for a better reason than its length.
            let there = total.min(need as u64) as usize;
            front.resize(there, 0);
            read_exact_at(inner, 0, &mut front)?;
            Header::need(&front, opener.header_limit())?;
            return Err(Error::Truncated);
        }
        let there = total.min(need as u64) as usize;
        let from = front.len();
        front.resize(there, 0);
        read_exact_at(inner, from as u64, &mut front[from..])?;
        if header_len.is_some() {
            break;
        }
    }
    let ready = opener.start(&front, Some(total))?;
    let payload_at = ready.sealed.header_len as u64;
    let geometry = Geometry::new(payload_at, total - payload_at, ready.engine.chunk_len())?;
    Ok((ready, geometry))
}

/// Fills `out`; an input that became shorter is truncated.
pub(super) fn read_exact_at(
    inner: &(impl ReadAt + ?Sized),
    mut offset: u64,
    mut out: &mut [u8],
) -> Result<()> {
    while !out.is_empty() {
        match inner.read_at(offset, out) {
            Ok(0) => return Err(Error::Truncated),
            Ok(read) => {
                offset += read as u64;
                out = &mut out[read..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
