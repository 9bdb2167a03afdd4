// SPDX-License-Identifier: MIT OR Apache-2.0
//! State that one thread at a time works with, without the interpreter's lock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use pyo3::prelude::*;

use crate::errors;

/// State behind a lock that is never awaited with the interpreter's lock held, and never by who holds it already.
pub(crate) struct Guarded<T> {
    inner: Mutex<T>,
    /// The thread that works with it; 0 is none.
    owner: AtomicUsize,
    process: u32,
}

impl<T: Send> Guarded<T> {
    pub(crate) fn new(state: T) -> Self {
        let process = std::process::id();
        Guarded { inner: Mutex::new(state), owner: AtomicUsize::new(0), process }
    }

    /// Does `work` with the state; other threads wait.
    ///
    /// A `MisuseError` where this is called from inside itself (a file object that reads what is being read from it),
    /// or in a forked child while another thread of the parent was at work: nobody will ever finish that work.
    pub(crate) fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> R + Send,
    ) -> PyResult<R> {
        let own = thread_number();
        if self.owner.load(Ordering::Relaxed) == own {
            return Err(errors::misuse(py, "a file was used by the object that it is made of"));
        }
        let done = py.detach(|| {
            let mut state = match self.process == std::process::id() {
                true => self.inner.lock().unwrap_or_else(PoisonError::into_inner),
                false => self.try_lock()?,
            };
            self.owner.store(own, Ordering::Relaxed);
            let _release = Release(&self.owner);
            Some(work(&mut state))
        });
        let forked =
            "this file was in use by another thread when the process forked; open it again";
        done.ok_or_else(|| errors::misuse(py, forked))
    }

    /// Does `work` where nobody is at work with the state now.
    pub(crate) fn try_with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> R + Send,
    ) -> Option<R> {
        py.detach(|| self.try_lock().map(|mut state| work(&mut state)))
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.inner.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

struct Release<'a>(&'a AtomicUsize);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A number that no two living threads share: where their own variable is.
fn thread_number() -> usize {
    thread_local!(static OWN: u8 = const { 0 });
    OWN.with(|own| std::ptr::from_ref(own).addr())
}
