// SPDX-License-Identifier: MIT OR Apache-2.0
//! Randomness and time come from the program.

use core::ffi::c_void;

use sealwax::rng::{Now, Random};
use sealwax::{Error, Result};
use zeroize::Zeroize;

use crate::boundary::{self, Borrows, Fill, NowCallback, Plain};
use crate::status::{Failure, INVALID_ARGUMENT};

/// A random source.
///
/// `fill` writes `out_len` unpredictable, uniform bytes to `out` and returns 0; anything else says
/// that there is not enough entropy, and the call that asked ends with SEALWAX_ERROR_RANDOM, its
/// outputs wiped or untouched. Bytes must not repeat after a reset: there is no fallback that
/// counts instead, and a source that repeats itself shows plaintexts (format.md 11.8). `context` is
/// passed to `fill` as it is; the library keeps neither.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_random {
    /// Fills `out`. Not NULL.
    pub fill:
        Option<unsafe extern "C" fn(context: *mut c_void, out: *mut u8, out_len: usize) -> i32>,
    /// Passed to `fill`. May be NULL.
    pub context: *mut c_void,
}

/// A clock.
///
/// `now` writes the seconds since 1970-01-01T00:00:00Z to `seconds` and returns 0; anything else
/// says that the time is not known. `context` is passed to `now` as it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_clock {
    /// Tells the time. Not NULL.
    pub now: Option<unsafe extern "C" fn(context: *mut c_void, seconds: *mut u64) -> i32>,
    /// Passed to `now`. May be NULL.
    pub context: *mut c_void,
}

impl Plain for sealwax_random {}
impl Plain for sealwax_clock {}

/// The caller's random source.
pub(crate) struct CallersRandom {
    fill: Fill,
    context: *mut c_void,
}

impl CallersRandom {
    pub(crate) fn borrow(
        borrows: &mut Borrows<'_>,
        random: *const sealwax_random,
    ) -> Result<Self, Failure> {
        let random = borrows.value(random)?.ok_or(INVALID_ARGUMENT)?;
        let fill = random.fill.ok_or(INVALID_ARGUMENT)?;
        Ok(CallersRandom { fill, context: random.context })
    }
}

impl Random for CallersRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        if boundary::fill(self.fill, self.context, out) == 0 {
            return Ok(());
        }
        out.zeroize();
        Err(Error::Random)
    }
}

/// The caller's clock.
#[derive(Clone, Copy)]
pub(crate) struct CallersClock {
    now: NowCallback,
    context: *mut c_void,
}

impl CallersClock {
    /// `None` for NULL.
    pub(crate) fn borrow(
        borrows: &mut Borrows<'_>,
        clock: *const sealwax_clock,
    ) -> Result<Option<Self>, Failure> {
        let Some(clock) = borrows.value(clock)? else { return Ok(None) };
        let now = clock.now.ok_or(INVALID_ARGUMENT)?;
        Ok(Some(CallersClock { now, context: clock.context }))
    }

    pub(crate) fn now(&self) -> Now {
        let mut seconds = 0;
        match boundary::now(self.now, self.context, &mut seconds) {
            0 => Now::Seconds(seconds),
            _ => Now::Unknown,
        }
    }
}
