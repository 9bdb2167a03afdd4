// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ctrl-C, hangup, termination: nothing half written stays, and the terminal is as it was.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use crate::failure::{Failure, Result};

/// What must happen before the process may end.
enum Before {
    /// It may end at once, also in the middle of a blocked read.
    Nothing,
    /// The library is at work; it sees the flag, and removes what it made.
    Library,
    /// This unfinished file is removed.
    Remove(PathBuf),
    /// The terminal shows what is typed again.
    #[cfg(unix)]
    Terminal(Box<rustix::termios::Termios>),
}

/// As long as it lives, an interruption does what it was made for.
pub(crate) struct Guard(());

/// Starts to watch for signals, but for those that whoever started us wants ignored (`nohup`).
pub(crate) fn watch() -> Result<()> {
    // Its default is to kill: a file size limit is an error of one write here.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let ignored = ignored_signals();
    let watched = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|n| ignored & (1 << (n - 1)) == 0);
    let mut signals = signal_hook::iterator::Signals::new(watched)?;
    std::thread::Builder::new().spawn(move || {
        let mut first: Option<Instant> = None;
        for signal in signals.forever() {
            SIGNAL.store(signal, Ordering::SeqCst);
            let since = first.get_or_insert_with(Instant::now).elapsed();
            let before = before();
            match &*before {
                // Whoever asks again after a while does not want to wait for a slow disk.
                Before::Library if since < PATIENCE => continue,
                Before::Library | Before::Nothing => {}
                Before::Remove(path) => {
                    let _ = std::fs::remove_file(path);
                }
                #[cfg(unix)]
                Before::Terminal(settings) => {
                    use rustix::termios::{OptionalActions, tcsetattr};
                    if let Ok(terminal) = std::fs::File::open("/dev/tty") {
                        let _ = tcsetattr(terminal, OptionalActions::Now, settings);
                        eprintln!();
                    }
                }
            }
            // The lock is held until the end, so that no file is begun meanwhile.
            std::process::exit(128 + signal);
        }
    })?;
    Ok(())
}

/// Whether a signal came.
pub(crate) fn is_cancelled() -> bool {
    SIGNAL.load(Ordering::Relaxed) != 0
}

/// The exit code that says which signal came.
pub(crate) fn exit_code() -> Option<u8> {
    match SIGNAL.load(Ordering::SeqCst) {
        0 => None,
        signal => u8::try_from(128 + signal).ok(),
    }
}

/// While the library works from path to path.
pub(crate) fn leave_to_library() -> Guard {
    *before() = Before::Library;
    Guard(())
}

/// Makes an unfinished file, which an interruption removes. None comes between.
pub(crate) fn make<T, E>(
    make: impl FnOnce() -> Result<T, E>,
    path: impl FnOnce(&T) -> &Path,
) -> Result<(T, Guard), E> {
    let mut before = before();
    let made = make()?;
    *before = Before::Remove(path(&made).to_path_buf());
    Ok((made, Guard(())))
}

/// While the terminal does not show what is typed.
pub(crate) fn restore_terminal() -> Guard {
    #[cfg(unix)]
    if let Ok(terminal) = std::fs::File::open("/dev/tty")
        && let Ok(settings) = rustix::termios::tcgetattr(terminal)
    {
        *before() = Before::Terminal(Box::new(settings));
    }
    Guard(())
}

impl Drop for Guard {
    fn drop(&mut self) {
        *before() = Before::Nothing;
    }
}

fn before() -> MutexGuard<'static, Before> {
    BEFORE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The signals ignored from the start, as a mask. Where the system has no such file, none.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// The failure of a job that was interrupted.
pub(crate) fn failure() -> Failure {
    Failure::from(std::io::Error::from(std::io::ErrorKind::Interrupted))
}

static SIGNAL: AtomicI32 = AtomicI32::new(0);
static BEFORE: Mutex<Before> = Mutex::new(Before::Nothing);
/// How long the library has to stop by itself.
const PATIENCE: Duration = Duration::from_secs(2);
