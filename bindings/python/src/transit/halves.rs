// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session behind locks: two halves that do not wait for each other, or one that is kept over restarts and stays whole.

use pyo3::prelude::*;
use sealwax::transit::{self, Receiving, Record, Sending};

use crate::guarded::Guarded;

/// What the methods of a session work with.
pub(crate) enum Halves {
    Split { sending: Guarded<Sending>, receiving: Guarded<Receiving> },
    Kept(Guarded<transit::Session>),
}

impl Halves {
    pub(super) fn new(session: transit::Session, is_kept: bool) -> sealwax::Result<Self> {
        if is_kept {
            return Ok(Halves::Kept(Guarded::new(session)));
        }
        let (sending, receiving) = session.split()?;
        Ok(Halves::Split { sending: Guarded::new(sending), receiving: Guarded::new(receiving) })
    }

    /// Does `work` with the half that seals.
    pub(super) fn sending<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Sending) -> R + Send,
    ) -> PyResult<R> {
        match self {
            Halves::Split { sending, .. } => sending.with(py, work),
            Halves::Kept(session) => session.with(py, |session| work(session.sending())),
        }
    }

    /// Does `work` with the half that opens.
    pub(super) fn receiving<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Receiving) -> R + Send,
    ) -> PyResult<R> {
        match self {
            Halves::Split { receiving, .. } => receiving.with(py, work),
            Halves::Kept(session) => session.with(py, |session| work(session.receiving())),
        }
    }

    /// Opens a record; the half that seals hears of what it asks for.
    pub(super) fn open_into(
        &self,
        py: Python<'_>,
        now: u64,
        record: &[u8],
        associated: &[u8],
        out: &mut [u8],
    ) -> PyResult<sealwax::Result<Record>> {
        match self {
            Halves::Split { receiving, .. } => {
                receiving.with(py, |half| half.open_into(now, record, associated, out))
            }
            Halves::Kept(session) => {
                session.with(py, |session| session.open_into(now, record, associated, out))
            }
        }
    }
}
