// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chunks on their way from a pipe to a pipe: read, sealed or opened in place, and written, each on its own thread.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};

use sealwax::chunked::{Opening, Sealing};
use sealwax::envelope::ChunkLen;
use zeroize::Zeroizing;

use crate::failure::Result;
use crate::interrupt;
use crate::progress::Progress;

/// How a pipeline is run.
pub(crate) struct Run<'a> {
    /// 0 means one thread per core, 1 means none but the caller's.
    pub(crate) threads: usize,
    /// Sees how much was sealed or opened.
    pub(crate) progress: &'a Progress,
    /// How much there is, where that is known.
    pub(crate) total: Option<u64>,
}

/// Chunks, one behind the other: sealed, or opened with the tags still between them.
struct Batch {
    /// Plaintext is in it at one time, so that it is wiped.
    bytes: Zeroizing<Vec<u8>>,
    /// Bytes of chunks, tags included.
    len: usize,
    /// Whether the payload's last chunk is in it.
    ended: bool,
}

/// What fills batches. It has the input for itself, and may be left behind, blocked in a read.
type Fill = Box<dyn FnMut(&mut Batch) -> io::Result<()> + Send>;

/// Reads plaintext from `from`, and writes its chunks to `to`.
pub(crate) fn seal(mut from: File, to: &File, mut sealing: Sealing, run: &Run<'_>) -> Result<()> {
    let chunk_len = sealing.chunk_len();
    let fill = Box::new(move |batch: &mut Batch| fill_pieces(&mut from, chunk_len, batch));
    let work = |batch: &mut Batch| Ok(sealing.seal_batch(&mut batch.bytes[..batch.len])?);
    let write = |mut to: &File, batch: &Batch| to.write_all(&batch.bytes[..batch.len]);
    drive(fill, work, write, to, chunk_len, run)
}

/// Reads chunks from `from`, and writes their plaintext to `to`: none that is not verified.
pub(crate) fn open(mut from: File, to: &File, opening: &Opening, run: &Run<'_>) -> Result<()> {
    let chunk_len = opening.chunk_len();
    // public: ciphertext.
    let mut begun = Vec::with_capacity(chunk_len.sealed_len());
    let fill =
        Box::new(move |batch: &mut Batch| fill_chunks(&mut from, chunk_len, &mut begun, batch));
    let mut next = 0;
    let work = |batch: &mut Batch| {
        opening.open_batch(next, &mut batch.bytes[..batch.len])?;
        next += (batch.len / chunk_len.sealed_len()) as u64;
        match batch.len {
            // Input that ends behind a full chunk: the last one is not there (format.md 5A.5).
            0 => Err(sealwax::Error::Truncated.into()),
            _ => Ok(()),
        }
    };
    let write = move |to: &File, batch: &Batch| write_pieces(to, chunk_len, batch);
    drive(fill, work, write, to, chunk_len, run)
}

/// Passes batches through the three stages until the last.
fn drive(
    mut fill: Fill,
    mut work: impl FnMut(&mut Batch) -> Result<()>,
    write: impl Fn(&File, &Batch) -> io::Result<()> + Send,
    to: &File,
    chunk_len: ChunkLen,
    run: &Run<'_>,
) -> Result<()> {
    let mut done = 0;
    let mut work = |batch: &mut Batch| {
        work(batch)?;
        done += plaintext_len(chunk_len, batch) as u64;
        run.progress.update(done, run.total);
        match interrupt::is_cancelled() {
            true => Err(interrupt::failure()),
            false => Ok(()),
        }
    };
    let mut batch = Batch::new(chunk_len);
    // What is done after one batch is done before a thread has started.
    let alone = run.threads == 1 || run.threads == 0 && cores() == 1;
    loop {
        fill(&mut batch)?;
        work(&mut batch)?;
        write(to, &batch)?;
        if batch.ended {
            return Ok(());
        }
        if !alone {
            break;
        }
    }
    let (to_fill, empty) = channel();
    let filled = read_ahead(fill, empty)?;
    for batch in [batch].into_iter().chain((1..BATCHES).map(|_| Batch::new(chunk_len))) {
        // The reader may have ended already, and then says so below.
        let _ = to_fill.send(batch);
    }
    std::thread::scope(|scope| {
        let (to_write, worked) = channel::<Batch>();
        let writer = std::thread::Builder::new().spawn_scoped(scope, move || {
            for batch in worked {
                write(to, &batch)?;
                let _ = to_fill.send(batch);
            }
            Ok(())
        })?;
        let mut outcome = Ok(());
        for batch in filled {
            let worked = batch.map_err(Into::into).and_then(|mut batch| {
                work(&mut batch)?;
                Ok(batch)
            });
            let ended = match worked {
                Ok(batch) => {
                    let ended = batch.ended;
                    // A writer that is gone has the reason.
                    ended | to_write.send(batch).is_err()
                }
                Err(failure) => {
                    outcome = Err(failure);
                    true
                }
            };
            if ended {
                break;
            }
        }
        // What was verified before a failure goes out, as it would without threads.
        drop(to_write);
        let panicked = |_| Err(io::Error::other("the writing thread panicked"));
        let written: io::Result<()> = writer.join().unwrap_or_else(panicked);
        outcome.and(written.map_err(Into::into))
    })
}

/// Starts the thread that reads. It is not waited for: a pipe that stays open may keep it forever.
fn read_ahead(mut fill: Fill, empty: Receiver<Batch>) -> io::Result<Receiver<io::Result<Batch>>> {
    let (to_work, filled): (Sender<io::Result<Batch>>, _) = channel();
    std::thread::Builder::new().spawn(move || {
        for mut batch in empty {
            let read = fill(&mut batch);
            let ended = batch.ended || read.is_err();
            if to_work.send(read.map(|()| batch)).is_err() || ended {
                return;
            }
        }
    })?;
    Ok(filled)
}

/// Fills the batch with plaintext, each piece followed by room for its tag.
fn fill_pieces(from: &mut File, chunk_len: ChunkLen, batch: &mut Batch) -> io::Result<()> {
    let (piece_len, sealed_len) = (chunk_len.plaintext_len(), chunk_len.sealed_len());
    let capacity = batch.bytes.len() / sealed_len * piece_len;
    let mut filled = 0;
    while filled < capacity && !batch.ended {
        let (piece, within) = (filled / piece_len, filled % piece_len);
        let mut chunks = batch.bytes.chunks_mut(sealed_len).skip(piece);
        let first = chunks.next().map(|chunk| &mut chunk[within..piece_len]);
        let others = chunks.map(|chunk| &mut chunk[..piece_len]);
        let mut pieces: Vec<_> = first.into_iter().chain(others).map(IoSliceMut::new).collect();
        let read = retry(|| from.read_vectored(&mut pieces))?;
        filled += read;
        batch.ended = read == 0;
    }
    batch.len = filled / piece_len * sealed_len;
    if batch.ended {
        // The last chunk is always shorter than a full one, and may be empty (format.md 5A.3).
        batch.len += filled % piece_len + sealed_len - piece_len;
    }
    Ok(())
}

/// Puts whole chunks into the batch, as they come; what is begun waits in `begun` for its end.
fn fill_chunks(
    from: &mut File,
    chunk_len: ChunkLen,
    begun: &mut Vec<u8>,
    batch: &mut Batch,
) -> io::Result<()> {
    let sealed_len = chunk_len.sealed_len();
    let mut filled = begun.len();
    batch.bytes[..filled].copy_from_slice(begun);
    while filled < batch.bytes.len() && !batch.ended {
        let read = retry(|| from.read(&mut batch.bytes[filled..]))?;
        filled += read;
        batch.ended = read == 0;
        // A pipe that is drained for now: what is whole is not held back.
        if filled >= sealed_len && read < DRAINED {
            break;
        }
    }
    // At the end of the input, whole chunks go first, and what remains is the last.
    batch.ended &= filled < sealed_len;
    batch.len = if batch.ended { filled } else { filled - filled % sealed_len };
    begun.clear();
    begun.extend_from_slice(&batch.bytes[batch.len..filled]);
    Ok(())
}

/// Writes the pieces of an opened batch, without the tags between them.
fn write_pieces(mut to: &File, chunk_len: ChunkLen, batch: &Batch) -> io::Result<()> {
    let tag_len = chunk_len.sealed_len() - chunk_len.plaintext_len();
    let chunks = batch.bytes[..batch.len].chunks(chunk_len.sealed_len());
    let mut pieces: Vec<_> =
        chunks.map(|chunk| IoSlice::new(&chunk[..chunk.len() - tag_len])).collect();
    let mut pieces = pieces.as_mut_slice();
    IoSlice::advance_slices(&mut pieces, 0);
    while !pieces.is_empty() {
        match retry(|| to.write_vectored(pieces))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => IoSlice::advance_slices(&mut pieces, written),
        }
    }
    Ok(())
}

fn plaintext_len(chunk_len: ChunkLen, batch: &Batch) -> usize {
    let tag_len = chunk_len.sealed_len() - chunk_len.plaintext_len();
    batch.len - batch.len.div_ceil(chunk_len.sealed_len()) * tag_len
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Batch {
    fn new(chunk_len: ChunkLen) -> Self {
        let chunks = (BATCH_LEN / chunk_len.plaintext_len()).max(1);
        let bytes = Zeroizing::new(vec![0; chunks * chunk_len.sealed_len()]);
        Batch { bytes, len: 0, ended: false }
    }
}

/// About how much plaintext a batch has: few calls to the system, and still in the cache.
const BATCH_LEN: usize = 256 * 1024;
/// How many batches there are: one per stage, and one that waits.
const BATCHES: usize = 4;
/// A read that gives fewer bytes has emptied the pipe.
const DRAINED: usize = 32 * 1024;
