// SPDX-License-Identifier: MIT OR Apache-2.0
//! Detached headers: the header in one object and the payload in another, the same bytes (format.md 4.12).

use std::fs::{File, Metadata};
use std::io::{self, Chain, Cursor, Read};
use std::path::Path;

use super::header::HeaderReader;
use super::io::Reader;
use super::path::{Job, Outcome, SealFile, Verified};
use super::position::ReadAt;
use super::reencrypt::{Reencrypted, Target};
use crate::atomic::{AtomicFile, Existing};
use crate::envelope::{Header, Opener, Place, Sealer, Started};
use crate::error::{Error, Result};
use crate::format::payload::PREFIX_LEN;
use crate::locked::{Access, open_locked, open_regular};
use crate::rng::OsRandom;

/// A header object and a payload object, read as the one envelope that they are.
///
/// Whether they belong together shows when they are opened: a payload under another header is `Decrypt`.
pub struct Detached<H, P> {
    header: H,
    header_len: u64,
    payload: P,
}

/// Where the two objects are.
#[derive(Clone, Copy, Debug)]
pub struct DetachedPaths<'a> {
    /// The header object. To be found in folders its name ends in `.swx`.
    pub header: &'a Path,
    /// The payload object.
    pub payload: &'a Path,
}

impl<H: ReadAt, P> Detached<H, P> {
    /// The envelope of these two objects.
    ///
    /// # Errors
    /// `Format` where the header object does not end with its header, `Truncated`, `Limit`, `Io`.
    pub fn new(header: H, payload: P) -> Result<Self> {
        Detached::with_reader(header, payload, &mut HeaderReader::new())
    }

    /// [`Detached::new`] for headers of up to `max_header_len` bytes.
    ///
    /// # Errors
    /// As [`Detached::new`].
    pub fn with_max_header_len(header: H, payload: P, max_header_len: usize) -> Result<Self> {
        Detached::with_reader(header, payload, &mut HeaderReader::with_max_len(max_header_len))
    }

    fn with_reader(header: H, payload: P, reader: &mut HeaderReader) -> Result<Self> {
        let header_len = reader.read(&header, |parsed| Ok(parsed.len() as u64))?;
        match ReadAt::len(&header)? == header_len {
            true => Ok(Detached { header, header_len, payload }),
            false => Err(trailing()),
        }
    }
}

impl Detached<File, File> {
    fn open(paths: DetachedPaths<'_>, max_header_len: usize) -> Result<Self> {
        let header = open_regular(paths.header)?;
        let payload = open_regular(paths.payload)?;
        Detached::with_max_header_len(header, payload, max_header_len)
    }
}

impl<H: ReadAt, P: ReadAt> ReadAt for Detached<H, P> {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        match self.header_len.checked_sub(offset) {
            None | Some(0) => self.payload.read_at(offset - self.header_len, out),
            Some(left) => {
                let len = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.header.read_at(offset, &mut out[..len])
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.header_len.saturating_add(ReadAt::len(&self.payload)?))
    }
}

impl Sealer<'_> {
    /// Seals a regular file into a header object and a payload object. The header gets its name last: where it is there,
    /// the payload is.
    ///
    /// # Errors
    /// As [`Sealer::seal_path`].
    pub fn seal_path_detached(
        &self,
        source: &Path,
        target: DetachedPaths<'_>,
        job: &Job<'_>,
    ) -> Result<Outcome> {
        let mut header = AtomicFile::create(target.header, job.existing)?;
        let mut payload = SealFile::create(source, target.payload, job)?;
        header.set_mode_of(payload.like())?;
        let Started { front, engine } = self.start(Place::File, &mut OsRandom)?;
        let (header_bytes, prefix) = front.split_at(front.len() - PREFIX_LEN);
        header.write_all(header_bytes)?;
        payload.seal(prefix, &engine, job)?;
        let outcome = payload.commit(job)?;
        header.commit()?;
        Ok(outcome)
    }
}

impl<'a> Opener<'a> {
    /// Opens a header object and a payload object into a file, as [`Opener::open_path`] does.
    ///
    /// # Errors
    /// As [`Opener::open_path`]; `Format` where bytes follow the header; `Decrypt` where the two do not belong together.
    pub fn open_path_detached(
        &self,
        source: DetachedPaths<'_>,
        target: &Path,
        job: &Job<'_>,
    ) -> Result<Outcome> {
        let source = Detached::open(source, self.header_limit())?;
        let like = source.payload.metadata()?;
        self.open_into_path(&source, &like, target, job)
    }

    /// Reads and verifies all of a header object and a payload object, as [`Opener::verify_path`] does.
    ///
    /// # Errors
    /// As [`Opener::verify_path`] and [`Opener::open_path_detached`].
    pub fn verify_path_detached(
        &self,
        source: DetachedPaths<'_>,
        job: &Job<'_>,
    ) -> Result<Verified> {
        self.verify_at(&Detached::open(source, self.header_limit())?, job)
    }

    /// Reads an envelope whose header is these bytes from its payload.
    ///
    /// # Errors
    /// As [`Opener::reader`]; `Format` where bytes follow the header.
    pub fn reader_detached<R: Read>(
        &self,
        header: &[u8],
        payload: R,
    ) -> Result<Reader<'a, Chain<Cursor<Vec<u8>>, R>>> {
        if Header::parse(header, self.header_limit())?.len() != header.len() {
            return Err(trailing());
        }
        self.reader(Cursor::new(header.to_vec()).chain(payload))
    }

    /// Opens a header object and a payload object and seals the plaintext anew into one file, as
    /// [`Opener::reencrypt_path`] does.
    ///
    /// # Errors
    /// As [`Opener::reencrypt_path`].
    pub fn reencrypt_path_attached(
        &self,
        sealer: &Sealer<'_>,
        source: DetachedPaths<'_>,
        target: &Path,
        job: &Job<'_>,
    ) -> Result<Reencrypted> {
        self.reencrypt_detached(sealer, source, job, |like| Target::create(target, None, like, job))
    }

    /// Opens a header object and a payload object and seals the plaintext anew into two others, as
    /// [`Opener::reencrypt_path`] does. The targets are new objects: two files cannot be replaced at once.
    ///
    /// # Errors
    /// As [`Opener::reencrypt_path`]; `Io` where a target exists.
    pub fn reencrypt_path_detached(
        &self,
        sealer: &Sealer<'_>,
        source: DetachedPaths<'_>,
        target: DetachedPaths<'_>,
        job: &Job<'_>,
    ) -> Result<Reencrypted> {
        let job = Job { existing: Existing::Keep, ..*job };
        self.reencrypt_detached(sealer, source, &job, |like| {
            Target::create(target.payload, Some(target.header), like, &job)
        })
    }

    fn reencrypt_detached(
        &self,
        sealer: &Sealer<'_>,
        source: DetachedPaths<'_>,
        job: &Job<'_>,
        target: impl FnOnce(&Metadata) -> Result<Target>,
    ) -> Result<Reencrypted> {
        // Nobody rewraps it meanwhile: whom they gave it to would lose it.
        let locked = open_locked(source.header, Access::Read)?;
        let (header, payload): (&File, _) = (&locked, open_regular(source.payload)?);
        let like = payload.metadata()?;
        let mut reader = HeaderReader::with_max_len(self.header_limit());
        let joined = Detached::with_reader(header, payload, &mut reader)?;
        self.reencrypt_into(sealer, &joined, target(&like)?, job, || Ok(()))
    }
}

fn trailing() -> Error {
    Error::format("4.12", "bytes follow the header in the header object")
}
