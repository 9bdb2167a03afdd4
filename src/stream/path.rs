// SPDX-License-Identifier: MIT OR Apache-2.0
//! From path to path, on several threads, with progress; and verifying a file.

use std::fs::{File, Metadata};
use std::io::{self, IoSlice, IoSliceMut};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::geometry::Geometry;
use super::position::{ReadAt, open_front, read_exact_at};
use crate::atomic::{AtomicFile, Existing};
use crate::chunked::Engine;
use crate::envelope::{Opener, Place, Ready, Sealer, Started};
use crate::error::{Error, Result};
use crate::format::context::Context;
use crate::format::payload::{DEFAULT_MAX_CHUNKS, payload_len};
use crate::locked::open_regular;
use crate::primitives::TAG_LEN;
use crate::rng::OsRandom;
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack, with_wiped_stack};
use crate::wrap::OpenedVia;

/// How a long job is run.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// Threads to use; 0 means as many as there are cores.
    pub threads: usize,
    /// What becomes of a target that exists.
    pub existing: Existing,
    /// Watches the job and may stop it.
    pub control: Option<&'a dyn Control>,
}

/// Watches a long job. Called from several threads.
pub trait Control: Sync {
    /// `done` of `total` bytes of plaintext are finished.
    fn progress(&self, done: u64, total: u64);

    /// Whether the job is to stop; it then ends with `Io` of kind `Interrupted` and leaves nothing behind.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Whether a new file may get its name, now that all else is done: the last word, asked once for each file.
    fn may_commit(&self) -> bool {
        !self.is_cancelled()
    }
}

/// What a job did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Bytes of plaintext.
    pub plaintext_len: u64,
    /// Through which entry the envelope was opened; `None` after sealing.
    pub opened_via: Option<OpenedVia>,
}

/// What verifying a file found.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Bytes of plaintext.
    pub plaintext_len: u64,
    /// Through which entry it was opened.
    pub opened_via: OpenedVia,
    /// The stored context.
    pub stored_context: Context,
    /// The damaged ranges, in ascending order; none where all is well.
    pub damage: Vec<Damage>,
}

/// A range of plaintext that cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset of the first byte.
    pub from: u64,
    /// Offset after the last byte.
    pub to: u64,
}

impl Default for Job<'_> {
    fn default() -> Self {
        Job { threads: 0, existing: Existing::Keep, control: None }
    }
}

impl Job<'_> {
    /// `Io` of kind `Interrupted` where the job is not to be completed.
    pub(super) fn check_commit(&self) -> Result<()> {
        check_commit(self.control)
    }
}

/// As [`Job::check_commit`].
pub(super) fn check_commit(control: Option<&dyn Control>) -> Result<()> {
    match control.is_none_or(Control::may_commit) {
        true => Ok(()),
        false => Err(io::Error::from(io::ErrorKind::Interrupted).into()),
    }
}

impl Sealer<'_> {
    /// Seals a regular file into another, which appears under its name when it is complete.
    ///
    /// # Errors
    /// As [`Sealer::seal`]; `Io`, also where the source changed its length meanwhile.
    pub fn seal_path(&self, source: &Path, target: &Path, job: &Job<'_>) -> Result<Outcome> {
        let mut file = SealFile::create(source, target, job)?;
        let Started { front, engine } = self.start(Place::File, &mut OsRandom)?;
        file.seal(&front, &engine, job)?;
        file.commit(job)
    }
}

/// A regular file on its way into another.
pub(super) struct SealFile {
    source: File,
    metadata: Metadata,
    file: AtomicFile,
}

impl SealFile {
    pub(super) fn create(source: &Path, target: &Path, job: &Job<'_>) -> Result<Self> {
        let source = open_regular(source)?;
        let metadata = source.metadata()?;
        let file = AtomicFile::create(target, job.existing)?;
        file.set_mode_of(&metadata)?;
        Ok(SealFile { source, metadata, file })
    }

    /// Of the source.
    pub(super) fn like(&self) -> &Metadata {
        &self.metadata
    }

    /// Writes `front`, which ends with the payload's first 56 bytes, and the chunks.
    pub(super) fn seal(&mut self, front: &[u8], engine: &Engine, job: &Job<'_>) -> Result<()> {
        let SealFile { source, metadata, file } = self;
        file.write_all(front)?;
        let plaintext_len = metadata.len();
        let payload = payload_len(plaintext_len, engine.chunk_len()).unwrap_or(u64::MAX);
        if plaintext_len / engine.chunk_len().plaintext_len() as u64 >= DEFAULT_MAX_CHUNKS {
            return Err(Error::Limit("an envelope has at most 2^32 chunks"));
        }
        let payload_at = (front.len() - crate::format::payload::PREFIX_LEN) as u64;
        let geometry = Geometry::new(payload_at, payload, engine.chunk_len())?;
        run(&geometry, job, &|first, count, buffer| {
            seal_batch(source, file.file(), engine, &geometry, first, count, buffer)
        })?;
        match read_at(source, plaintext_len, &mut [0])? {
            0 => Ok(()),
            _ => Err(changed()),
        }
    }

    pub(super) fn commit(self, job: &Job<'_>) -> Result<Outcome> {
        self.file.commit_if(|| job.check_commit())?;
        Ok(Outcome { plaintext_len: self.metadata.len(), opened_via: None })
    }
}

impl Opener<'_> {
    /// Opens a regular file into another, which appears under its name when all of it verified.
    ///
    /// # Errors
    /// As [`Opener::open`]; `Io`.
    pub fn open_path(&self, source: &Path, target: &Path, job: &Job<'_>) -> Result<Outcome> {
        let source = open_regular(source)?;
        self.open_into_path(&source, &source.metadata()?, target, job)
    }

    /// Opens what is in `source`, whose permissions are those of `like`.
    pub(super) fn open_into_path(
        &self,
        source: &impl ReadAt,
        like: &Metadata,
        target: &Path,
        job: &Job<'_>,
    ) -> Result<Outcome> {
        let (ready, geometry) = open_front(self, source)?;
        let file = AtomicFile::create(target, job.existing)?;
        file.set_mode_of(like)?;
        check_last(source, &ready, &geometry)?;
        run(&geometry, job, &|first, count, buffer| {
            open_batch(source, &ready.engine, &geometry, first, count, buffer)?;
            write_pieces(file.file(), &geometry, first, buffer)
        })?;
        file.commit_if(|| job.check_commit())?;
        let plaintext_len = geometry.extent.plaintext_len;
        Ok(Outcome { plaintext_len, opened_via: Some(ready.sealed.opened_via) })
    }

    /// Reads and verifies all of a regular file, and says which ranges are damaged.
    ///
    /// # Errors
    /// As [`Opener::open`], but damaged chunks are reported and not an error; `Io`.
    pub fn verify_path(&self, source: &Path, job: &Job<'_>) -> Result<Verified> {
        self.verify_at(&open_regular(source)?, job)
    }

    /// [`Opener::verify_path`] of what can be read at any position.
    pub(super) fn verify_at(&self, source: &impl ReadAt, job: &Job<'_>) -> Result<Verified> {
        let (ready, geometry) = open_front(self, source)?;
        let damage = Mutex::new(Vec::new());
        let add =
            |range| damage.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(range);
        run(&geometry, job, &|first, count, buffer| {
            let (offset, len) = geometry.sealed_range(first, count);
            buffer.resize(len, 0);
            read_exact_at(source, offset, buffer)?;
            let sealed_len = geometry.piece_len() + TAG_LEN;
            with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
                for (index, chunk) in (first..).zip(buffer.chunks_mut(sealed_len)) {
                    let piece_len = chunk.len() - TAG_LEN;
                    if ready.engine.open_batch(index, chunk).is_err() {
                        let from = geometry.plaintext_at(index);
                        add(Damage { from, to: from + piece_len as u64 });
                    }
                }
            });
            Ok(())
        })?;
        let mut damage = damage.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        damage.sort_by_key(|range| range.from);
        damage.dedup_by(|next, range| {
            let touches = range.to == next.from;
            if touches {
                range.to = next.to;
            }
            touches
        });
        let sealed = ready.sealed;
        Ok(Verified {
            plaintext_len: geometry.extent.plaintext_len,
            opened_via: sealed.opened_via,
            stored_context: sealed.stored_context,
            damage,
        })
    }
}

/// What a worker does with the batch of `count` chunks from `first` on.
pub(super) type Work<'a> = dyn Fn(u64, usize, &mut Vec<u8>) -> Result<()> + Sync + 'a;

/// Runs `work` over all batches of a payload, on the job's threads. The first error wins.
pub(super) fn run(geometry: &Geometry, job: &Job<'_>, work: &Work<'_>) -> Result<()> {
    let batch_chunks = geometry.batch_chunks() as u64;
    let batches = geometry.extent.last_chunk / batch_chunks + 1;
    let total = geometry.extent.plaintext_len;
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let worker = || -> Result<()> {
        let mut buffer = Zeroizing::new(Vec::new());
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            if batch >= batches || stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if job.control.is_some_and(|control| control.is_cancelled()) {
                return Err(io::Error::from(io::ErrorKind::Interrupted).into());
            }
            let first = batch * batch_chunks;
            work(first, batch_chunks as usize, &mut buffer)?;
            let end = geometry.plaintext_at(first + batch_chunks).min(total);
            let len = end - geometry.plaintext_at(first).min(end);
            let done = done.fetch_add(len, Ordering::Relaxed) + len;
            if let Some(control) = job.control {
                control.progress(done, total);
            }
        }
    };
    let threads = match job.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let threads = threads.min(usize::try_from(batches).unwrap_or(usize::MAX)).min(MAX_THREADS);
    let guarded = || worker().inspect_err(|_| stop.store(true, Ordering::Relaxed));
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        for _ in 1..threads {
            // Without another thread the work is done all the same, on fewer.
            match std::thread::Builder::new().spawn_scoped(scope, guarded) {
                Ok(handle) => others.push(handle),
                Err(_) => break,
            }
        }
        let mut result = guarded();
        for other in others {
            let panicked = || Err(io::Error::other("a worker thread panicked").into());
            result = result.and(other.join().unwrap_or_else(|_| panicked()));
        }
        result
    })
}

fn seal_batch(
    source: &File,
    target: &File,
    engine: &Engine,
    geometry: &Geometry,
    first: u64,
    count: usize,
    buffer: &mut Vec<u8>,
) -> Result<()> {
    let (offset, len) = geometry.sealed_range(first, count);
    buffer.resize(len, 0);
    read_pieces(source, geometry, first, buffer)?;
    try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.seal_batch(first, buffer))?;
    write_all_at(target, offset, buffer)
}

pub(super) fn open_batch(
    source: &impl ReadAt,
    engine: &Engine,
    geometry: &Geometry,
    first: u64,
    count: usize,
    buffer: &mut Vec<u8>,
) -> Result<()> {
    let (offset, len) = geometry.sealed_range(first, count);
    buffer.resize(len, 0);
    read_exact_at(source, offset, buffer)?;
    try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.open_batch(first, buffer))
}

/// Authenticates the end before the first byte is written (format.md 5A.6).
pub(super) fn check_last(source: &impl ReadAt, ready: &Ready, geometry: &Geometry) -> Result<()> {
    let mut buffer = Zeroizing::new(Vec::new());
    let last = geometry.extent.last_chunk;
    open_batch(source, &ready.engine, geometry, last, 1, &mut buffer)
}

fn changed() -> Error {
    io::Error::other("the file changed its length while it was read; try again").into()
}

fn read_at(file: &File, offset: u64, out: &mut [u8]) -> Result<usize> {
    loop {
        match ReadAt::read_at(file, offset, out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return Ok(other?),
        }
    }
}

/// Reads plaintext to where its chunks will be, leaving room for the tags.
fn read_pieces(source: &File, geometry: &Geometry, first: u64, batch: &mut [u8]) -> Result<()> {
    let mut offset = geometry.plaintext_at(first);
    let sealed_len = geometry.piece_len() + TAG_LEN;
    let mut pieces: Vec<IoSliceMut<'_>> = batch
        .chunks_mut(sealed_len)
        .map(|chunk| {
            let piece_len = chunk.len() - TAG_LEN;
            IoSliceMut::new(&mut chunk[..piece_len])
        })
        .collect();
    let mut pieces = pieces.as_mut_slice();
    while pieces.iter().any(|piece| !piece.is_empty()) {
        match read_vectored_at(source, pieces, offset) {
            Ok(0) => return Err(changed()),
            Ok(read) => {
                offset += read as u64;
                IoSliceMut::advance_slices(&mut pieces, read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Writes the pieces of an opened batch, without the tags between them.
fn write_pieces(target: &File, geometry: &Geometry, first: u64, batch: &[u8]) -> Result<()> {
    let mut offset = geometry.plaintext_at(first);
    let mut pieces: Vec<IoSlice<'_>> = geometry.pieces(batch).map(IoSlice::new).collect();
    let mut pieces = pieces.as_mut_slice();
    while pieces.iter().any(|piece| !piece.is_empty()) {
        match write_vectored_at(target, pieces, offset) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
            Ok(written) => {
                offset += written as u64;
                IoSlice::advance_slices(&mut pieces, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The permissions of a new file at `target`: those of the file it replaces, else what the system gives new files.
pub(super) fn default_mode(target: &Path) -> u32 {
    #[cfg(unix)]
    if let Ok(metadata) = target.metadata() {
        use std::os::unix::fs::PermissionsExt;
        return metadata.permissions().mode() & 0o666;
    }
    // Asking by setting it would change it for other threads meanwhile.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    let umask = umask.and_then(|umask| u32::from_str_radix(umask.trim(), 8).ok());
    umask.map_or(0o600, |umask| 0o666 & !umask)
}

pub(super) fn write_all_at(target: &File, offset: u64, bytes: &[u8]) -> Result<()> {
    let mut slices = [IoSlice::new(bytes)];
    let (mut slices, mut offset) = (slices.as_mut_slice(), offset);
    while !slices.is_empty() {
        match write_vectored_at(target, slices, offset) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
            Ok(written) => {
                offset += written as u64;
                IoSlice::advance_slices(&mut slices, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn read_vectored_at(file: &File, out: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
    Ok(rustix::io::preadv(file, out, offset)?)
}

#[cfg(target_os = "linux")]
fn write_vectored_at(file: &File, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    Ok(rustix::io::pwritev(file, pieces, offset)?)
}

#[cfg(not(target_os = "linux"))]
fn read_vectored_at(file: &File, out: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
    match out.iter_mut().find(|piece| !piece.is_empty()) {
        Some(piece) => ReadAt::read_at(file, offset, piece),
        None => Ok(0),
    }
}

#[cfg(not(target_os = "linux"))]
fn write_vectored_at(file: &File, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
    let Some(piece) = pieces.iter().find(|piece| !piece.is_empty()) else { return Ok(0) };
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_at(file, piece, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_write(file, piece, offset);
}

/// More threads than this wait for memory and not for the processor.
pub(super) const MAX_THREADS: usize = 64;
