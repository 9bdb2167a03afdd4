// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs that last: on a thread of their own, while the caller's waits for Ctrl-C and reports progress.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use sealwax::stream::Control;

/// Watches a job: what the library's threads and the caller's tell each other.
#[derive(Default)]
pub(crate) struct Watch {
    cancelled: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
    news: Mutex<News>,
    changed: Condvar,
}

/// What the job has to say to the thread that waits for it.
#[derive(Default)]
struct News {
    ended: bool,
    /// It waits to hear whether it may go on.
    asks: bool,
}

impl Control for Watch {
    fn progress(&self, done: u64, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        // Threads report out of order.
        self.done.fetch_max(done, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn may_commit(&self) -> bool {
        // The caller's thread looks now: what came since it looked last counts.
        self.tell(|news| news.asks = true);
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_while(news, |news| news.asks);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        !self.is_cancelled()
    }
}

impl Watch {
    fn tell(&self, say: impl FnOnce(&mut News)) {
        say(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn asks(&self) -> bool {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).asks
    }

    /// Waits until the job ended or asks, or for `time`; whether it ended.
    fn wait(&self, time: Duration) -> bool {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = |news: &mut News| !news.ended && !news.asks;
        let waited = self.changed.wait_timeout_while(news, time, silent);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }
}

/// Runs `work` without the interpreter's lock, and returns what it returned.
///
/// A signal's exception (Ctrl-C), or one that `progress` raised, stops the job; it is raised when the job has cleaned up.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Watch) -> T + Send,
) -> PyResult<T> {
    let result = run_reporting(py, progress, work);
    if let Some(progress) = progress
        && let Ok(close) = progress.getattr("close_bar")
    {
        close.call0()?;
    }
    result
}

fn run_reporting<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Watch) -> T + Send,
) -> PyResult<T> {
    let watch = Watch::default();
    let progress = progress.map(|callable| callable.clone().unbind());
    let (result, stopped, reported) = py.detach(|| {
        thread::scope(|scope| {
            let job = || {
                let _end = EndOnDrop(&watch);
                work(&watch)
            };
            let job = thread::Builder::new().name("sealwax-job".into()).spawn_scoped(scope, job);
            let job = match job {
                Ok(job) => job,
                Err(error) => return (Err(error), None, None),
            };
            let (mut stopped, mut reported) = (None, None);
            let mut reports_at = Instant::now() + REPORT_EVERY;
            while !watch.wait(LOOK_EVERY) {
                if stopped.is_none() {
                    let looked = Python::attach(|py| -> PyResult<()> {
                        py.check_signals()?;
                        // Before a file gets its name, all that was done is reported.
                        if Instant::now() < reports_at && !watch.asks() {
                            return Ok(());
                        }
                        reports_at = Instant::now() + REPORT_EVERY;
                        report(py, &progress, &watch, &mut reported)
                    });
                    if let Err(exception) = looked {
                        watch.cancelled.store(true, Ordering::Relaxed);
                        stopped = Some(exception);
                    }
                }
                watch.tell(|news| news.asks = false);
            }
            let result = job.join().unwrap_or_else(|panic| resume_unwind(panic));
            (Ok(result), stopped, reported)
        })
    });
    if let Some(exception) = stopped {
        return Err(exception);
    }
    let result = result?;
    let mut reported = reported;
    report(py, &progress, &watch, &mut reported)?;
    Ok(result)
}

/// Calls `progress` where there is news.
fn report(
    py: Python<'_>,
    progress: &Option<Py<PyAny>>,
    watch: &Watch,
    reported: &mut Option<(u64, u64)>,
) -> PyResult<()> {
    let Some(progress) = progress else { return Ok(()) };
    let now = (watch.done.load(Ordering::Relaxed), watch.total.load(Ordering::Relaxed));
    // Before the first piece the total is not known.
    if *reported == Some(now) || now == (0, 0) {
        return Ok(());
    }
    *reported = Some(now);
    progress.call1(py, now)?;
    Ok(())
}

/// Also where the job panics.
struct EndOnDrop<'a>(&'a Watch);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.tell(|news| news.ended = true);
    }
}

/// Ctrl-C is looked for as often.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Less than a twentieth of a second would be more than 20 reports a second; the last report comes without a wait.
const REPORT_EVERY: Duration = Duration::from_millis(55);
