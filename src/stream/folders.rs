// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealed files in folders, handed to several threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use walkdir::{DirEntry, WalkDir};

use super::path::{Control, MAX_THREADS};
use crate::atomic::is_unfinished_name;
use crate::error::Error;

/// Files, and folders with sealed files in them.
///
/// A file that is named is meant whatever it is called; in folders those that end in `.swx` are. Links in folders are
/// not followed.
#[derive(Clone, Debug)]
pub struct Folders {
    paths: Vec<PathBuf>,
    threads: usize,
    unfinished: bool,
}

/// A path that could not be looked at.
#[derive(Debug)]
pub struct Unreadable {
    /// The path.
    pub path: PathBuf,
    /// Why.
    pub error: Error,
}

/// What is found: a file, or why there is none.
pub type Found = Result<PathBuf, Unreadable>;

impl Folders {
    /// These files and folders.
    pub fn new(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let paths = paths.into_iter().map(Into::into).collect();
        Folders { paths, threads: 0, unfinished: false }
    }

    /// Works with so many threads; 0 means as many as there are cores.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Finds also files and folders that were left unfinished, or are being written ([`crate::atomic::is_unfinished_name`]).
    pub fn with_unfinished(mut self) -> Self {
        self.unfinished = true;
        self
    }

    /// Does `work` for each file. Each thread starts with a `W` of its own; all of them come back. Files come in no
    /// particular order. `control` is told how many files are done of those found so far, and may stop the work: `work` is
    /// then told once that not everything could be looked at, as `Io` of kind `Interrupted`.
    pub fn each<W: Send>(
        &self,
        control: Option<&dyn Control>,
        start: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, Found) + Sync,
    ) -> Vec<W> {
        let threads = match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads.min(MAX_THREADS),
        };
        let count = Count {
            found: AtomicU64::new(0),
            done: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            control,
        };
        if threads == 1 {
            let mut one = start();
            self.walk(&count, &mut |batch| count.through(batch, &mut one, &work));
            self.tell_of_stop(&count, &mut one, &work);
            return vec![one];
        }
        let (sender, receiver) = sync_channel(2 * threads);
        let receiver = Mutex::new(receiver);
        let body = || {
            let mut own = start();
            while let Some(batch) = next(&receiver) {
                count.through(batch, &mut own, &work);
            }
            own
        };
        std::thread::scope(|scope| {
            let mut workers = Vec::new();
            for _ in 1..threads {
                match std::thread::Builder::new().spawn_scoped(scope, body) {
                    Ok(worker) => workers.push(worker),
                    Err(_) => break,
                }
            }
            let mut own = start();
            self.walk(&count, &mut |batch| {
                // Where the others have enough to do, the walker works too.
                if let Some(batch) = hand_over(&sender, batch) {
                    count.through(batch, &mut own, &work);
                }
            });
            drop(sender);
            while let Some(batch) = next(&receiver) {
                count.through(batch, &mut own, &work);
            }
            let mut all = Vec::new();
            for worker in workers {
                match worker.join() {
                    Ok(other) => all.push(other),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            self.tell_of_stop(&count, &mut own, &work);
            all.push(own);
            all
        })
    }

    /// It is handed out as a whole.
    fn is_unfinished_folder(&self, entry: &DirEntry) -> bool {
        self.unfinished && entry.file_type().is_dir() && is_unfinished_name(entry.path())
    }

    fn is_meant(&self, path: &Path) -> bool {
        is_sealed_name(path) || self.unfinished && is_unfinished_name(path)
    }

    /// A census that was stopped would look like one of all there is.
    fn tell_of_stop<W>(&self, count: &Count<'_>, own: &mut W, work: &impl Fn(&mut W, Found)) {
        if count.stopped.load(Ordering::Relaxed) {
            let path = self.paths.first().cloned().unwrap_or_default();
            let error = std::io::Error::from(std::io::ErrorKind::Interrupted).into();
            work(own, Err(Unreadable { path, error }));
        }
    }

    fn walk(&self, count: &Count<'_>, batches: &mut dyn FnMut(Vec<Found>)) {
        let mut batch = Vec::with_capacity(BATCH);
        for path in &self.paths {
            let mut entries = WalkDir::new(path).into_iter();
            while let Some(entry) = entries.next() {
                if count.is_cancelled() {
                    return;
                }
                let found = match entry {
                    Ok(entry) if self.is_unfinished_folder(&entry) => {
                        entries.skip_current_dir();
                        entry.into_path()
                    }
                    Ok(entry) if entry.depth() == 0 && !entry.path().is_dir() => entry.into_path(),
                    Ok(entry) if entry.file_type().is_file() && self.is_meant(entry.path()) => {
                        entry.into_path()
                    }
                    Ok(_) => continue,
                    Err(error) => {
                        let path = error.path().unwrap_or(path).to_path_buf();
                        let looped = || std::io::Error::other("a loop of links");
                        let error = error.into_io_error().unwrap_or_else(looped).into();
                        batch.push(Err(Unreadable { path, error }));
                        continue;
                    }
                };
                batch.push(Ok(found));
                if batch.len() == BATCH {
                    count.found.fetch_add(BATCH as u64, Ordering::Relaxed);
                    batches(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
                }
            }
        }
        count.found.fetch_add(batch.len() as u64, Ordering::Relaxed);
        batches(batch);
    }
}

/// How many files were found and done.
struct Count<'a> {
    found: AtomicU64,
    done: AtomicU64,
    /// Whether something was left out because the work was to stop.
    stopped: AtomicBool,
    control: Option<&'a dyn Control>,
}

impl Count<'_> {
    /// Asked before something is done, which is left out then.
    fn is_cancelled(&self) -> bool {
        let cancelled = self.control.is_some_and(Control::is_cancelled);
        if cancelled {
            self.stopped.store(true, Ordering::Relaxed);
        }
        cancelled
    }

    fn through<W>(&self, batch: Vec<Found>, own: &mut W, work: &impl Fn(&mut W, Found)) {
        for found in batch {
            if self.is_cancelled() {
                return;
            }
            work(own, found);
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(control) = self.control {
                control.progress(done, self.found.load(Ordering::Relaxed));
            }
        }
    }
}

fn next(receiver: &Mutex<Receiver<Vec<Found>>>) -> Option<Vec<Found>> {
    receiver.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Gives the batch back where nobody takes it at once.
fn hand_over(sender: &SyncSender<Vec<Found>>, batch: Vec<Found>) -> Option<Vec<Found>> {
    use std::sync::mpsc::TrySendError::{Disconnected, Full};
    match sender.try_send(batch) {
        Ok(()) => None,
        Err(Full(batch) | Disconnected(batch)) => Some(batch),
    }
}

fn is_sealed_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "swx")
}

/// Files that a thread takes at once.
const BATCH: usize = 64;
