// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups whose key is split into shares (format.md 8.8).

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use sealwax::keyset::backup;

use crate::buffer::Source;
use crate::errors::Raise;
use crate::keys::{no_pickle, secret_text};

/// A share of a backup's key: `SEALWAX-SHARE-1...`. It is secret.
#[pyclass(frozen, module = "sealwax")]
pub(crate) struct Share {
    inner: backup::Share,
}

#[pymethods]
impl Share {
    /// Reads a share string.
    #[new]
    fn new(py: Python<'_>, text: &Bound<'_, PyString>) -> PyResult<Self> {
        Ok(Share { inner: backup::Share::parse_text(secret_text(text)?).raise(py)? })
    }

    /// Its number, from 1 on.
    #[getter]
    fn number(&self) -> u8 {
        self.inner.number()
    }

    /// How many shares there are.
    #[getter]
    fn count(&self) -> u8 {
        self.inner.count()
    }

    /// How many of them open the backup.
    #[getter]
    fn threshold(&self) -> u8 {
        self.inner.threshold()
    }

    /// The id of the backup, in hex.
    #[getter]
    fn backup(&self) -> String {
        self.inner.backup().to_string()
    }

    /// The share string, with its secret.
    fn expose_text<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, &self.inner.expose_text())
    }

    fn __repr__(&self) -> String {
        let (number, count) = (self.number(), self.count());
        format!("<sealwax.Share {number} of {count} of backup {}>", self.inner.backup())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(no_pickle("Share"))
    }
}

/// A backup, and its shares.
pub(crate) fn make<'py>(
    py: Python<'py>,
    keyset: &sealwax::Keyset,
    threshold: u8,
    count: u8,
) -> PyResult<(Bound<'py, PyBytes>, Vec<Share>)> {
    let backup = py.detach(|| keyset.backup_in_shares(threshold, count)).raise(py)?;
    let shares = backup.shares.into_iter().map(|inner| Share { inner }).collect();
    Ok((PyBytes::new(py, &backup.file), shares))
}

/// The keyset of a backup. Shares are `Share`s or share strings.
pub(crate) fn restore(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    shares: &Bound<'_, PyAny>,
) -> PyResult<sealwax::Keyset> {
    let data = Source::of(data)?.snapshot();
    let mut given = Vec::new();
    for share in shares.try_iter()? {
        let share = share?;
        let share = match share.cast::<Share>() {
            Ok(share) => backup::Share::parse_text(&share.get().inner.expose_text()),
            Err(_) => backup::Share::parse_text(secret_text(share.cast::<PyString>()?)?),
        };
        given.push(share.raise(py)?);
    }
    py.detach(|| sealwax::Keyset::restore_from_shares(&data, &given)).raise(py)
}
