// SPDX-License-Identifier: MIT OR Apache-2.0
//! The caller's progress callback: it watches a long job, and may stop it.

use core::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use sealwax::stream::Control;

use crate::boundary::Told;

/// Hears that `done` of `total` bytes are finished. Returns 0 to go on, anything else to stop: the
/// call then ends with SEALWAX_ERROR_IO, and there is no new file.
///
/// It is called from threads of the library's too, by one at a time; `done` never falls. `context`
/// is what the options say.
pub type sealwax_progress =
    Option<unsafe extern "C" fn(context: *mut c_void, done: u64, total: u64) -> i32>;

/// A job as the caller sees it.
pub(crate) struct Watch {
    told: Option<Told>,
    /// The most that was finished so far; held while the callback runs.
    most: Mutex<u64>,
    cancelled: AtomicBool,
}

impl Watch {
    pub(crate) fn new(progress: sealwax_progress, context: *mut c_void) -> Self {
        Watch {
            told: progress.map(|progress| Told::new(progress, context)),
            most: Mutex::new(0),
            cancelled: AtomicBool::new(false),
        }
    }

    /// Nothing to call where the caller gave no callback.
    pub(crate) fn control(&self) -> Option<&dyn Control> {
        self.told.as_ref().map(|_| self as &dyn Control)
    }
}

impl Control for Watch {
    fn progress(&self, done: u64, total: u64) {
        let Some(told) = &self.told else { return };
        let mut most = self.most.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever stopped a job is not told about it again.
        if self.is_cancelled() || (done < *most) {
            return;
        }
        *most = done;
        if told.tell(done, total) != 0 {
            self.cancelled.store(true, Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
