// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a sealed file from any position; where it is read on and on, other threads open what comes next.

use std::collections::VecDeque;
use std::mem;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use zeroize::{Zeroize, Zeroizing};

use super::geometry::Geometry;
use super::position::{ReadAt, open_front, read_exact_at};
use crate::envelope::{Opener, Ready};
use crate::error::{Error, Result};
use crate::format::context::Context;
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack};
use crate::wrap::OpenedVia;

/// Reads an envelope's plaintext from any position, and ahead of a caller who reads on and on.
///
/// The header and the last chunk were verified when it was opened: no byte is released of an envelope whose end is
/// missing. What lies between is read only where it is asked for, or next to come.
pub struct AheadReader<R> {
    shared: Arc<Shared<R>>,
    position: u64,
    batch: Batch,
    /// Where the last batch ended: reading on from there is reading in order.
    next: u64,
    /// How many batches in a row were read in order.
    in_order: u32,
    threads: usize,
    crew: Option<Crew>,
    process: u32,
}

struct Shared<R> {
    inner: R,
    ready: Ready,
    geometry: Geometry,
}

/// Opened chunks, with their tags between them.
struct Batch {
    first: u64,
    bytes: Zeroizing<Vec<u8>>,
}

/// The threads that read ahead.
struct Crew {
    requests: Sender<Request>,
    coming: VecDeque<Coming>,
    /// They hold what was plaintext.
    used: Vec<Zeroizing<Vec<u8>>>,
}

struct Coming {
    first: u64,
    batch: Receiver<Result<Batch>>,
}

struct Request {
    first: u64,
    buffer: Zeroizing<Vec<u8>>,
    reply: SyncSender<Result<Batch>>,
}

impl Opener<'_> {
    /// Opens the envelope that is all of `inner`. With `threads` at 0 there is one per core; at 1 the caller's does all.
    ///
    /// # Errors
    /// As [`Opener::open`]; `Io`.
    pub fn ahead_reader<R: ReadAt + Send + Sync + 'static>(
        &self,
        inner: R,
        threads: usize,
    ) -> Result<AheadReader<R>> {
        let (ready, geometry) = open_front(self, &inner)?;
        let threads = match threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let shared = Arc::new(Shared { inner, ready, geometry });
        // Authenticates the end before the first byte is released (format.md 5A.6).
        let batch = shared.load(geometry.extent.last_chunk, 1, Zeroizing::default())?;
        Ok(AheadReader {
            shared,
            position: 0,
            batch,
            next: 0,
            in_order: 0,
            threads: threads.min(MAX_THREADS),
            crew: None,
            process: std::process::id(),
        })
    }
}

impl<R: ReadAt + Send + Sync + 'static> AheadReader<R> {
    /// Length of the plaintext, in bytes.
    pub fn plaintext_len(&self) -> u64 {
        self.shared.geometry.extent.plaintext_len
    }

    /// Through which entry the envelope was opened.
    pub fn opened_via(&self) -> OpenedVia {
        self.shared.ready.sealed.opened_via
    }

    /// The stored context.
    pub fn stored_context(&self) -> &Context {
        &self.shared.ready.sealed.stored_context
    }

    /// Where the next read begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Lets the next read begin at `position`, which may be beyond the end.
    pub fn set_position(&mut self, position: u64) {
        self.position = position;
    }

    /// Hands up to `len` verified bytes, in pieces, to `put` with their offsets; fewer only at the end, or before a chunk
    /// that does not open: the next read then fails.
    ///
    /// # Errors
    /// `Decrypt`, `Truncated`, `Io`.
    pub fn read_with(&mut self, len: usize, put: &mut dyn FnMut(usize, &[u8])) -> Result<usize> {
        let available = self.plaintext_len().saturating_sub(self.position);
        let len = len.min(usize::try_from(available).unwrap_or(usize::MAX));
        let mut done = 0;
        while done < len {
            if let Err(error) = self.prepare(len - done) {
                return if done == 0 { Err(error) } else { Ok(done) };
            }
            let (chunk, within) = self.shared.geometry.locate(self.position);
            let Some(index) = chunk.checked_sub(self.batch.first) else { break };
            let pieces = self.shared.geometry.pieces(&self.batch.bytes).skip(index as usize);
            let mut within = within;
            let begin = done;
            for piece in pieces {
                let piece = &piece[within.min(piece.len())..];
                let taken = piece.len().min(len - done);
                put(done, &piece[..taken]);
                done += taken;
                within = 0;
            }
            self.position += (done - begin) as u64;
        }
        Ok(done)
    }

    /// Reads up to `out.len()` bytes; fewer only at the end, or before a chunk that does not open.
    ///
    /// # Errors
    /// As [`AheadReader::read_with`].
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        self.read_with(out.len(), &mut |offset, piece| {
            out[offset..offset + piece.len()].copy_from_slice(piece);
        })
    }

    /// Sees to it that the chunk at the position is in the batch.
    fn prepare(&mut self, wanted: usize) -> Result<()> {
        let geometry = self.shared.geometry;
        let (chunk, within) = geometry.locate(self.position);
        let held = geometry.pieces(&self.batch.bytes).count() as u64;
        if (self.batch.first..self.batch.first + held).contains(&chunk) {
            return Ok(());
        }
        if self.process != std::process::id() {
            // A forked child has none of the threads, and what belongs to them is left alone.
            mem::forget(self.crew.take());
            self.threads = 1;
        }
        let in_order = chunk == self.next;
        self.in_order = if in_order { self.in_order.saturating_add(1) } else { 0 };
        let used = mem::take(&mut self.batch.bytes);
        let coming = self.crew.as_mut().and_then(|crew| crew.take(chunk));
        self.batch = match coming {
            Some(Coming { batch, .. }) => {
                if let Some(crew) = &mut self.crew {
                    crew.used.push(used);
                }
                batch.recv().unwrap_or(Err(GONE))?
            }
            None => {
                // Larger steps the longer it is read in order: whoever jumps about asks for what they need.
                let wanted = (within + wanted).div_ceil(geometry.piece_len());
                let count = wanted << self.in_order.saturating_sub(1).min(5);
                self.shared.load(chunk, count.min(geometry.batch_chunks()), used)?
            }
        };
        let held = geometry.pieces(&self.batch.bytes).count() as u64;
        self.next = self.batch.first + held;
        let whole = held >= geometry.batch_chunks() as u64;
        if self.in_order >= IN_ORDER && whole && self.threads > 1 {
            self.read_ahead();
        }
        Ok(())
    }

    /// Asks for the batches that come next.
    fn read_ahead(&mut self) {
        let geometry = self.shared.geometry;
        let crew = match &mut self.crew {
            Some(crew) => crew,
            // Without other threads it goes on as before.
            none => match Crew::start(&self.shared, self.threads) {
                Some(crew) => none.insert(crew),
                None => {
                    self.threads = 1;
                    return;
                }
            },
        };
        let step = geometry.batch_chunks() as u64;
        let mut first = crew.coming.back().map_or(self.next, |coming| coming.first + step);
        while crew.coming.len() <= self.threads && first <= geometry.extent.last_chunk {
            let (reply, batch) = sync_channel(1);
            let buffer = crew.used.pop().unwrap_or_default();
            if crew.requests.send(Request { first, buffer, reply }).is_err() {
                return;
            }
            crew.coming.push_back(Coming { first, batch });
            first += step;
        }
    }
}

impl<R: ReadAt> Shared<R> {
    /// Reads and opens `count` chunks from `first` on, or as many as there are.
    fn load(&self, first: u64, count: usize, mut bytes: Zeroizing<Vec<u8>>) -> Result<Batch> {
        let (offset, len) = self.geometry.sealed_range(first, count);
        if bytes.capacity() < len {
            // Growing would leave a copy of older plaintext behind.
            bytes.zeroize();
            *bytes = vec![0; len];
        }
        bytes.resize(len, 0);
        read_exact_at(&self.inner, offset, &mut bytes)?;
        let engine = &self.ready.engine;
        try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.open_batch(first, &mut bytes))?;
        Ok(Batch { first, bytes })
    }
}

impl Crew {
    fn start<R: ReadAt + Send + Sync + 'static>(
        shared: &Arc<Shared<R>>,
        threads: usize,
    ) -> Option<Self> {
        let (requests, receiver) = channel::<Request>();
        let receiver = Arc::new(Mutex::new(receiver));
        let mut started = 0;
        for _ in 0..threads {
            let (shared, receiver) = (shared.clone(), receiver.clone());
            let work = move || {
                loop {
                    let request = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(Request { first, buffer, reply }) = request else { return };
                    let batch = shared.load(first, shared.geometry.batch_chunks(), buffer);
                    // The reader went elsewhere meanwhile: nobody waits.
                    let _ = reply.send(batch);
                }
            };
            let spawned = thread::Builder::new().name("sealwax-open".into()).spawn(work);
            started += usize::from(spawned.is_ok());
        }
        (started > 0).then(|| Crew { requests, coming: VecDeque::new(), used: Vec::new() })
    }

    /// The batch that begins with `chunk`, if it is the next to come; otherwise nothing more is awaited.
    fn take(&mut self, chunk: u64) -> Option<Coming> {
        match self.coming.pop_front() {
            Some(coming) if coming.first == chunk => Some(coming),
            _ => {
                self.coming.clear();
                None
            }
        }
    }
}

impl<R> Drop for AheadReader<R> {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            mem::forget(self.crew.take());
        }
    }
}

/// So many batches read in order are taken for reading on and on.
const IN_ORDER: u32 = 2;
/// More threads than this wait for memory and not for the processor.
const MAX_THREADS: usize = 16;
const GONE: Error = Error::Misuse("the threads that read ahead are gone");
