// SPDX-License-Identifier: MIT OR Apache-2.0
//! Randomness and clock as arguments, and what the operating system has of both.

use crate::error::Result;

/// A source of random bytes that an adversary cannot predict.
///
/// The caller's duty: bytes are uniform, never repeat after a reset or a fork, and an error is
/// returned when there is not enough entropy.
pub trait Random {
    /// Fills `out`.
    ///
    /// # Errors
    /// [`crate::Error::Random`] when the source fails; `out` is then not used.
    fn fill(&mut self, out: &mut [u8]) -> Result<()>;
}

/// Seconds since 1970-01-01T00:00:00Z, or that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now {
    /// The time is known.
    Seconds(u64),
    /// There is no clock: stored states alone count (format.md 7.2).
    Unknown,
}

impl Now {
    /// The operating system's clock.
    #[cfg(feature = "std")]
    pub fn system() -> Self {
        os::now()
    }

    /// Seconds since 1970; 0 where nobody knows.
    pub(crate) fn seconds(self) -> u64 {
        match self {
            Now::Seconds(seconds) => seconds,
            Now::Unknown => 0,
        }
    }
}

#[cfg(feature = "std")]
pub use os::OsRandom;
#[cfg(feature = "std")]
pub(crate) use os::pooled_salt;

#[cfg(feature = "std")]
mod os {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::{Now, Random};
    use crate::error::{Error, Result};

    /// The operating system's random source.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct OsRandom;

    impl Random for OsRandom {
        fn fill(&mut self, out: &mut [u8]) -> Result<()> {
            getrandom::fill(out).map_err(|_| Error::Random)
        }
    }

    pub(super) fn now() -> Now {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Now::Seconds(since.as_secs()),
            Err(_) => Now::Unknown,
        }
    }

    /// 24 bytes for a salt: from this thread's pool where the system wipes the pool on fork.
    ///
    /// A call to the system costs more than sealing a token. The pool holds at most one page, at
    /// most about one second, and each byte is erased when it is handed out. Keys never come from here.
    pub(crate) fn pooled_salt(out: &mut [u8; 24]) -> Result<()> {
        #[cfg(target_os = "linux")]
        return pool::take(out);
        #[cfg(not(target_os = "linux"))]
        OsRandom.fill(out)
    }

    #[cfg(target_os = "linux")]
    mod pool {
        use std::cell::RefCell;

        use rustix::time::{ClockId, clock_gettime};
        use zeroize::Zeroize;

        use super::{OsRandom, Random, Result};
        use crate::secret::memory::ForkPage;

        /// Bytes of the page before the salts: a mark that a fork turns to zero.
        const MARK_LEN: usize = 16;
        const ALIVE: u8 = 0xa5;
        const MAX_AGE_SECONDS: i64 = 1;

        struct Pool {
            page: Option<ForkPage>,
            next: usize,
            filled_at: i64,
        }

        thread_local! {
            static POOL: RefCell<Pool> =
                RefCell::new(Pool { page: ForkPage::new(), next: usize::MAX, filled_at: 0 });
        }

        pub(super) fn take(out: &mut [u8; 24]) -> Result<()> {
            // A thread that is ending, or a signal handler inside this function, gets system bytes.
            let taken = POOL.try_with(|pool| match pool.try_borrow_mut() {
                Ok(mut pool) => pool.take(out),
                Err(_) => OsRandom.fill(out),
            });
            taken.unwrap_or_else(|_| OsRandom.fill(out))
        }

        impl Pool {
            fn take(&mut self, out: &mut [u8; 24]) -> Result<()> {
                let Some(page) = &mut self.page else { return OsRandom.fill(out) };
                let page = page.bytes();
                let now = clock_gettime(ClockId::MonotonicCoarse).tv_sec;
                let fits = self.next.checked_add(out.len()).is_some_and(|end| end <= page.len());
                let fresh = now - self.filled_at <= MAX_AGE_SECONDS && page[0] == ALIVE;
                if !(fits && fresh) {
                    page[0] = 0;
                    OsRandom.fill(&mut page[MARK_LEN..])?;
                    page[0] = ALIVE;
                    self.next = MARK_LEN;
                    self.filled_at = now;
                }
                let salt = &mut page[self.next..self.next + out.len()];
                out.copy_from_slice(salt);
                salt.zeroize();
                self.next += out.len();
                Ok(())
            }
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
