// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing a sealed file while other threads seal and write what came before.

use std::collections::VecDeque;
use std::fs::File;
use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use zeroize::Zeroizing;

use super::path::{Control, check_commit, default_mode, write_all_at};
use crate::atomic::{AtomicFile, Existing};
use crate::chunked::Engine;
use crate::envelope::{Place, Sealer, Started};
use crate::error::{Error, Result};
use crate::format::payload::DEFAULT_MAX_CHUNKS;
use crate::primitives::TAG_LEN;
use crate::rng::OsRandom;
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack};

/// Seals what is written to it into a file that appears under its name when it is finished.
///
/// Only [`PathWriter::finish`] seals the last chunk and gives the file its name; dropped before, it leaves nothing.
/// In a forked child it refuses to work and touches nothing: the file is the parent's.
pub struct PathWriter {
    /// Taken by [`PathWriter::finish`] and by drop.
    parts: Option<Parts>,
    process: u32,
}

struct Parts {
    file: AtomicFile,
    shared: Arc<Shared>,
    batch: Batch,
    /// Bytes of plaintext in the batch.
    filled: usize,
    /// Number of the batch's first chunk.
    first: u64,
    threads: usize,
    crew: Option<Crew>,
}

/// Chunks with room for their tags. It holds plaintext at one time, so that it is wiped.
type Batch = Zeroizing<Vec<u8>>;

struct Shared {
    engine: Engine,
    file: File,
    chunks_at: u64,
    /// The first failure of a worker; nothing is written after it.
    error: Mutex<Option<Error>>,
    failed: AtomicBool,
}

/// The threads, and the buffers on their way to them and back.
struct Crew {
    tasks: Sender<Task>,
    free: Receiver<Batch>,
    spare: VecDeque<Batch>,
    workers: Vec<JoinHandle<()>>,
}

struct Task {
    first: u64,
    batch: Batch,
}

impl Sealer<'_> {
    /// Starts a sealed file at `target`. With `threads` at 0 there is one per core; at 1 the caller's does all.
    ///
    /// # Errors
    /// As [`Sealer::seal`]; `Io`.
    pub fn path_writer(
        &self,
        target: &Path,
        existing: Existing,
        threads: usize,
    ) -> Result<PathWriter> {
        let Started { front, engine } = self.start(Place::File, &mut OsRandom)?;
        let mut file = AtomicFile::create(target, existing)?;
        file.set_mode(default_mode(target))?;
        file.write_all(&front)?;
        let threads = match threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let batch = new_batch(&engine);
        let shared = Arc::new(Shared {
            engine,
            file: file.file().try_clone()?,
            chunks_at: front.len() as u64,
            error: Mutex::new(None),
            failed: AtomicBool::new(false),
        });
        let threads = threads.min(MAX_THREADS);
        let parts = Parts { file, shared, batch, filled: 0, first: 0, threads, crew: None };
        Ok(PathWriter { parts: Some(parts), process: std::process::id() })
    }
}

impl PathWriter {
    /// Takes all of `plaintext`. A failure to write what came before may be reported here.
    ///
    /// # Errors
    /// `Io`, `Limit`; `Misuse` after a failure, and in a forked child.
    pub fn write_all(&mut self, plaintext: &[u8]) -> Result<()> {
        self.write_with(plaintext.len(), &mut |offset, out| {
            out.copy_from_slice(&plaintext[offset..offset + out.len()]);
        })
    }

    /// Takes `len` bytes of plaintext, which `copy` puts where it is told, from its offset on.
    ///
    /// # Errors
    /// As [`PathWriter::write_all`].
    pub fn write_with(&mut self, len: usize, copy: &mut dyn FnMut(usize, &mut [u8])) -> Result<()> {
        let parts = self.parts()?;
        let mut done = 0;
        while done < len {
            parts.shared.check()?;
            let space = parts.space();
            let taken = space.len().min(len - done);
            copy(done, &mut space[..taken]);
            parts.filled += taken;
            done += taken;
            if parts.filled == parts.batch_plaintext_len() {
                parts.send_batch()?;
            }
        }
        Ok(())
    }

    /// How many bytes of plaintext were taken.
    ///
    /// # Errors
    /// `Misuse` in a forked child.
    pub fn plaintext_len(&mut self) -> Result<u64> {
        let parts = self.parts()?;
        let piece_len = parts.shared.engine.chunk_len().plaintext_len() as u64;
        Ok(parts.first * piece_len + parts.filled as u64)
    }

    /// Seals the last chunk, waits for the other threads, makes the file durable and gives it its name.
    ///
    /// # Errors
    /// As [`PathWriter::write_all`]; nothing is left behind then.
    pub fn finish(self) -> Result<()> {
        self.finish_watched(None)
    }

    /// [`PathWriter::finish`], where `control` does not object when all is durable and only the name is missing.
    ///
    /// # Errors
    /// As [`PathWriter::finish`]; `Io` of kind `Interrupted`.
    pub fn finish_watched(mut self, control: Option<&dyn Control>) -> Result<()> {
        self.parts()?;
        let Some(mut parts) = self.parts.take() else { return Err(FINISHED) };
        let last = parts.seal_last();
        parts.dismiss();
        parts.shared.check()?;
        last?;
        parts.file.commit_if(|| check_commit(control))
    }

    fn parts(&mut self) -> Result<&mut Parts> {
        if self.process != std::process::id() {
            return Err(FORKED);
        }
        self.parts.as_mut().ok_or(FINISHED)
    }
}

impl Drop for PathWriter {
    fn drop(&mut self) {
        let Some(mut parts) = self.parts.take() else { return };
        if self.process != std::process::id() {
            // The file, its name and the threads are the parent's.
            mem::forget(parts);
            return;
        }
        parts.shared.failed.store(true, Ordering::Relaxed);
        parts.dismiss();
    }
}

impl Parts {
    fn batch_plaintext_len(&self) -> usize {
        batch_chunks(&self.shared.engine) * self.shared.engine.chunk_len().plaintext_len()
    }

    /// Where the next plaintext of the current piece goes.
    fn space(&mut self) -> &mut [u8] {
        let chunk_len = self.shared.engine.chunk_len();
        let (piece_len, sealed_len) = (chunk_len.plaintext_len(), chunk_len.sealed_len());
        let (piece, within) = (self.filled / piece_len, self.filled % piece_len);
        let from = piece * sealed_len;
        &mut self.batch[from + within..from + piece_len]
    }

    /// Hands the full batch to a worker, or seals and writes it here.
    fn send_batch(&mut self) -> Result<()> {
        let count = batch_chunks(&self.shared.engine) as u64;
        check_limit(self.first + count)?;
        let first = self.first;
        self.first += count;
        self.filled = 0;
        if self.threads < 2 {
            return self.shared.seal(first, &mut self.batch);
        }
        let crew = self.crew.get_or_insert_with(|| Crew::start(&self.shared, self.threads));
        if crew.workers.is_empty() {
            return self.shared.seal(first, &mut self.batch);
        }
        let Some(next) = crew.next_batch() else { return Err(GONE) };
        let batch = mem::replace(&mut self.batch, next);
        crew.tasks.send(Task { first, batch }).map_err(|_| GONE)
    }

    /// Seals what is left and the last, shorter chunk, and writes it.
    fn seal_last(&mut self) -> Result<()> {
        let chunk_len = self.shared.engine.chunk_len();
        let (piece_len, sealed_len) = (chunk_len.plaintext_len(), chunk_len.sealed_len());
        let pieces = self.filled / piece_len;
        check_limit(self.first + pieces as u64 + 1)?;
        let end = pieces * sealed_len + self.filled % piece_len + TAG_LEN;
        self.shared.seal(self.first, &mut self.batch[..end])
    }

    /// Lets the workers finish what they have, and waits for them.
    fn dismiss(&mut self) {
        let Some(Crew { tasks, free, spare, workers }) = self.crew.take() else { return };
        drop((tasks, spare));
        for worker in workers {
            if worker.join().is_err() {
                self.shared.fail(std::io::Error::other("a worker thread panicked").into());
            }
        }
        drop(free);
    }
}

impl Shared {
    fn seal(&self, first: u64, batch: &mut [u8]) -> Result<()> {
        let engine = &self.engine;
        let sealed = try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.seal_batch(first, batch));
        let offset = self.chunks_at + first * engine.chunk_len().sealed_len() as u64;
        let written = sealed.and_then(|()| write_all_at(&self.file, offset, batch));
        if written.is_err() {
            // What went out in part cannot be sealed again.
            self.failed.store(true, Ordering::Relaxed);
        }
        written
    }

    fn fail(&self, error: Error) {
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
        self.failed.store(true, Ordering::Relaxed);
    }

    /// The first failure, once; afterwards that there was one.
    fn check(&self) -> Result<()> {
        if !self.failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(error.unwrap_or(Error::Misuse("a write failed before; the file is not complete")))
    }

    fn work(&self, tasks: &Mutex<Receiver<Task>>, free: &Sender<Batch>) {
        loop {
            let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Task { first, mut batch }) = task else { return };
            if !self.failed.load(Ordering::Relaxed)
                && let Err(error) = self.seal(first, &mut batch)
            {
                self.fail(error);
            }
            // Nobody takes buffers back when the writer is finishing.
            let _ = free.send(batch);
        }
    }
}

impl Crew {
    fn start(shared: &Arc<Shared>, threads: usize) -> Self {
        let (tasks, receiver) = channel();
        let (give, free) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let mut workers = Vec::new();
        for _ in 0..threads {
            let (shared, receiver, give) = (shared.clone(), receiver.clone(), give.clone());
            let work = move || shared.work(&receiver, &give);
            // Without another thread the work is done all the same, on fewer.
            match thread::Builder::new().name("sealwax-seal".into()).spawn(work) {
                Ok(worker) => workers.push(worker),
                Err(_) => break,
            }
        }
        // One more than there are workers waits for the next that is free.
        let spare = (0..=workers.len()).map(|_| new_batch(&shared.engine)).collect();
        Crew { tasks, free, spare, workers }
    }

    fn next_batch(&mut self) -> Option<Batch> {
        match self.spare.pop_front() {
            Some(batch) => Some(batch),
            None => self.free.recv().ok(),
        }
    }
}

fn new_batch(engine: &Engine) -> Batch {
    let len = batch_chunks(engine) * engine.chunk_len().sealed_len();
    // With room for the tag of an empty last chunk.
    Zeroizing::new(vec![0; len])
}

fn batch_chunks(engine: &Engine) -> usize {
    (BATCH_LEN / engine.chunk_len().plaintext_len()).max(1)
}

fn check_limit(chunks: u64) -> Result<()> {
    match chunks > DEFAULT_MAX_CHUNKS {
        true => Err(Error::Limit("an envelope has at most 2^32 chunks")),
        false => Ok(()),
    }
}

/// About how many bytes of plaintext one batch has.
const BATCH_LEN: usize = 512 * 1024;
/// More threads than this wait for memory and not for the processor.
const MAX_THREADS: usize = 16;
const FORKED: Error = Error::Misuse("this file was begun by another process, before a fork");
const FINISHED: Error = Error::Misuse("the file is finished");
const GONE: Error = Error::Misuse("the threads that write this file are gone");
