// SPDX-License-Identifier: MIT OR Apache-2.0
//! When keys change and sessions end, as the caller wishes (format.md 13.12).

use pyo3::prelude::*;
use sealwax::{Suite, transit};

use crate::errors::{self, Raise};

/// Wishes, which are held against a suite where a session begins.
#[pyclass(frozen, module = "sealwax.transit")]
#[derive(Clone, Default)]
pub(crate) struct Limits {
    epoch: Option<(u64, u64, u64)>,
    previous: Option<(u32, u64)>,
    window: Option<u16>,
    failed_opens: Option<u64>,
    age: Option<(u64, u64)>,
    pub(super) is_kept: bool,
}

#[pymethods]
impl Limits {
    /// What is not given is as the suite has it.
    #[new]
    #[pyo3(signature = (
        *, epoch_records=None, epoch_bytes=None, epoch_seconds=None, previous_records=None,
        previous_seconds=None, window=None, failed_opens=None, handshake_seconds=None,
        end_seconds=None, kept=false,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments of Python")]
    fn new(
        py: Python<'_>,
        epoch_records: Option<u64>,
        epoch_bytes: Option<u64>,
        epoch_seconds: Option<f64>,
        previous_records: Option<u32>,
        previous_seconds: Option<f64>,
        window: Option<u16>,
        failed_opens: Option<u64>,
        handshake_seconds: Option<f64>,
        end_seconds: Option<f64>,
        kept: bool,
    ) -> PyResult<Self> {
        let milliseconds = |seconds: Option<f64>| match seconds {
            Some(seconds) if !(0.0..1e12).contains(&seconds) => {
                Err(errors::misuse(py, "a number of seconds is not negative"))
            }
            seconds => Ok(seconds.map(|seconds| (seconds * 1e3) as u64)),
        };
        let (epoch_ms, previous_ms) =
            (milliseconds(epoch_seconds)?, milliseconds(previous_seconds)?);
        let (handshake_ms, end_ms) = (milliseconds(handshake_seconds)?, milliseconds(end_seconds)?);
        let (epoch_records, epoch_bytes, epoch_ms) = match (epoch_records, epoch_bytes, epoch_ms) {
            (None, None, None) => (None, 0, 0),
            (records, bytes, ms) => (
                Some(records.unwrap_or(EPOCH_RECORDS)),
                bytes.unwrap_or(EPOCH_BYTES),
                ms.unwrap_or(HOUR_MS),
            ),
        };
        let limits = Limits {
            epoch: epoch_records.map(|records| (records, epoch_bytes, epoch_ms)),
            previous: (previous_records.is_some() || previous_ms.is_some()).then(|| {
                (previous_records.unwrap_or(PREVIOUS_RECORDS), previous_ms.unwrap_or(PREVIOUS_MS))
            }),
            window,
            failed_opens,
            age: (handshake_ms.is_some() || end_ms.is_some()).then(|| {
                let end = end_ms.unwrap_or(48 * HOUR_MS);
                (handshake_ms.unwrap_or(end.min(24 * HOUR_MS)), end)
            }),
            is_kept: kept,
        };
        // What no suite bears is wrong here already.
        limits.of(Suite::Cobblestone256).raise(py)?;
        Ok(limits)
    }
}

impl Limits {
    /// The limits of a session of this suite.
    pub(super) fn of(&self, suite: Suite) -> sealwax::Result<transit::Limits> {
        let Limits { epoch, previous, window, failed_opens, age, is_kept } = self;
        let mut limits = transit::Limits::of(suite);
        if let Some((records, bytes, milliseconds)) = *epoch {
            limits = limits.epoch(records, bytes, milliseconds)?;
        }
        if let Some((records, milliseconds)) = *previous {
            limits = limits.previous_epoch(records, milliseconds);
        }
        if let Some(bits) = *window {
            limits = limits.window(bits)?;
        }
        if let Some(count) = *failed_opens {
            limits = limits.failed_opens(count)?;
        }
        if let Some((handshake, end)) = *age {
            limits = limits.age(handshake, end)?;
        }
        Ok(if *is_kept { limits.kept() } else { limits })
    }
}

/// Those of format.md 13.10 and 13.12, for who changes one of several that go together.
const EPOCH_RECORDS: u64 = 1 << 23;
const EPOCH_BYTES: u64 = 1 << 36;
const PREVIOUS_RECORDS: u32 = 1024;
const PREVIOUS_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;
