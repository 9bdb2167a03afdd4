// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax.Store`: a keyset in its file, changed under a lock and followed while others change it (format.md 8.6, 8.7).

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use sealwax::rng::Now;
use sealwax::store::{BadUsage, Counting, Options, Refreshed};

use crate::buffer::Source;
use crate::census::Census;
use crate::context;
use crate::errors::{self, Raise};
use crate::guard::Guard;
use crate::job;
use crate::keys::no_pickle;
use crate::keyset::Keyset;
use crate::life::{self, Change, Move};
use crate::path::path_of;

/// A keyset and the file that it lives in.
#[pyclass(frozen, module = "sealwax")]
pub(crate) struct Store {
    state: RwLock<Option<Arc<sealwax::store::Store>>>,
}

#[pymethods]
impl Store {
    /// Writes a new keyset file, and opens it.
    #[staticmethod]
    #[pyo3(
        signature = (path, keyset, **keywords),
        text_signature = "(path, keyset, *, passphrase=None, recipients=None, unprotected=False, count_in_file=True, \
                          min_revision=0, replace_bad_usage=False)"
    )]
    fn create(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        keyset: &Keyset,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Store::begin(py, path, keyset, keywords, sealwax::store::Store::create)
    }

    /// Writes a keyset that was restored from a backup, and opens it.
    #[staticmethod]
    #[pyo3(
        signature = (path, keyset, **keywords),
        text_signature = "(path, keyset, *, passphrase=None, recipients=None, unprotected=False, count_in_file=True, \
                          min_revision=0, replace_bad_usage=False)"
    )]
    fn restore(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        keyset: &Keyset,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Store::begin(py, path, keyset, keywords, sealwax::store::Store::restore)
    }

    /// Opens a keyset file.
    #[staticmethod]
    #[pyo3(
        signature = (path, **keywords),
        text_signature = "(path, *, passphrase=None, recipients=None, unprotected=False, count_in_file=True, \
                          min_revision=0, replace_bad_usage=False)"
    )]
    fn open(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let path = path_of(path)?;
        let Settings { guard, options } = Settings::of(py, keywords)?;
        let opened =
            job::run(py, None, |_| sealwax::store::Store::open(&path, guard.for_store(), options))?;
        Ok(Store { state: RwLock::new(Some(Arc::new(opened.raise_at(py, &path)?))) })
    }

    /// The newest revision that this process saw.
    #[getter]
    fn keyset(&self, py: Python<'_>) -> PyResult<Keyset> {
        Ok(Keyset::snapshot(self.newest(py)?))
    }

    /// Looks at the file now; whether it had a newer revision.
    fn refresh(&self, py: Python<'_>) -> PyResult<bool> {
        let store = self.inner(py)?;
        let refreshed = job::run(py, None, |_| store.refresh())?.raise(py)?;
        Ok(matches!(refreshed, Refreshed::Newer(_)))
    }

    /// Seals a token under the newest revision.
    #[pyo3(signature = (data, *, context=None))]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (store, context) = (self.inner(py)?, context::of(context)?);
        let plaintext = Source::of(data)?.snapshot();
        // It may look at the file, or take a lease: that lasts.
        let token = py.detach(|| store.seal(&plaintext, &context)).raise(py)?;
        Ok(PyBytes::new(py, &token))
    }

    /// Opens a token with the newest revision.
    #[pyo3(signature = (token, *, context=None))]
    fn open_token<'py>(
        &self,
        py: Python<'py>,
        token: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (store, context) = (self.inner(py)?, context::of(context)?);
        let token = Source::of(token)?.snapshot();
        let plaintext = py.detach(|| store.open_token(&token, &context)).raise(py)?;
        Ok(PyBytes::new(py, &plaintext))
    }

    /// Adds a fresh version, which seals from now on. Returns its id.
    #[pyo3(signature = (suite=None))]
    fn rotate(&self, py: Python<'_>, suite: Option<&str>) -> PyResult<String> {
        Ok(self.make(py, Change::rotate(py, suite)?)?.unwrap_or_default())
    }

    /// Rotates if policy, times or limits want it; the new version's id, or None.
    fn rotate_if_due(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.make(py, Change::RotateIfDue)
    }

    /// Adds a fresh pre-active version. Returns its id.
    #[pyo3(signature = (suite=None))]
    fn prepare(&self, py: Python<'_>, suite: Option<&str>) -> PyResult<String> {
        Ok(self.make(py, Change::prepare(py, suite)?)?.unwrap_or_default())
    }

    /// Makes a pre-active version active, and the primary.
    #[pyo3(signature = (version, reason=String::new()), text_signature = "(self, version, reason='')")]
    fn activate(&self, py: Python<'_>, version: &str, reason: String) -> PyResult<()> {
        self.make(py, Change::state(py, Move::Activate, version, reason)?).map(|_| ())
    }

    /// Takes a version out of use until `resume`.
    #[pyo3(signature = (version, reason=String::new()), text_signature = "(self, version, reason='')")]
    fn suspend(&self, py: Python<'_>, version: &str, reason: String) -> PyResult<()> {
        self.make(py, Change::state(py, Move::Suspend, version, reason)?).map(|_| ())
    }

    /// Puts a suspended version back into use.
    #[pyo3(signature = (version, reason=String::new()), text_signature = "(self, version, reason='')")]
    fn resume(&self, py: Python<'_>, version: &str, reason: String) -> PyResult<()> {
        self.make(py, Change::state(py, Move::Resume, version, reason)?).map(|_| ())
    }

    /// Ends the use of a version for sealing, for good.
    #[pyo3(signature = (version, reason=String::new()), text_signature = "(self, version, reason='')")]
    fn deactivate(&self, py: Python<'_>, version: &str, reason: String) -> PyResult<()> {
        self.make(py, Change::state(py, Move::Deactivate, version, reason)?).map(|_| ())
    }

    /// Records that somebody else may have a version.
    #[pyo3(signature = (version, reason=String::new()), text_signature = "(self, version, reason='')")]
    fn mark_compromised(&self, py: Python<'_>, version: &str, reason: String) -> PyResult<()> {
        self.make(py, Change::state(py, Move::MarkCompromised, version, reason)?).map(|_| ())
    }

    /// Wipes a version's secret for good.
    #[pyo3(
        signature = (version, reason=String::new(), *, census=None, danger_without_census=false),
        text_signature = "(self, version, reason='', *, census=None, danger_without_census=False)"
    )]
    fn destroy(
        &self,
        py: Python<'_>,
        version: &str,
        reason: String,
        census: Option<&Census>,
        danger_without_census: bool,
    ) -> PyResult<()> {
        let version = life::version_of(py, version)?;
        let clearance =
            life::clearance(py, &*self.newest(py)?, version, census, danger_without_census)?;
        self.make(py, Change::Destroy(version, clearance, reason)).map(|_| ())
    }

    /// Sets from when on a version may be used and from when on it no longer seals.
    #[pyo3(signature = (version, *, activate_at=None, deactivate_at=None))]
    fn schedule(
        &self,
        py: Python<'_>,
        version: &str,
        activate_at: Option<u64>,
        deactivate_at: Option<u64>,
    ) -> PyResult<()> {
        let version = life::version_of(py, version)?;
        self.make(py, Change::Schedule(version, activate_at, deactivate_at)).map(|_| ())
    }

    /// Changes what the keyset allows, and when it wants to be rotated.
    #[pyo3(signature = (**changes), text_signature = "(self, *, rotate_after_seconds=None, rotate_after_messages=None, \
                        rotate_after_bytes=None, algorithms=None, allow_raw_export=None)")]
    fn set_policy(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        self.make(py, Change::Policy(life::policy_of(py, changes)?)).map(|_| ())
    }

    /// Seals the keyset file for others from now on.
    #[pyo3(signature = (*, passphrase=None, recipients=None, unprotected=false))]
    fn protect(
        &self,
        py: Python<'_>,
        passphrase: Option<&Bound<'_, PyAny>>,
        recipients: Option<&Bound<'_, PyAny>>,
        unprotected: bool,
    ) -> PyResult<()> {
        let store = self.inner(py)?;
        let guard = Guard::to_seal(py, passphrase, recipients, unprotected)?;
        let protected = job::run(py, None, |_| store.protect(guard.for_store()))?;
        protected.raise_at(py, store.path())
    }

    /// Records that a backup of a revision was made.
    #[pyo3(signature = (revision, *, at=None))]
    fn record_backup(&self, py: Python<'_>, revision: u64, at: Option<u64>) -> PyResult<()> {
        let store = self.inner(py)?;
        let at = at.map_or_else(Now::system, Now::Seconds);
        let recorded = job::run(py, None, |_| store.record_backup(revision, at))?;
        recorded.raise_at(py, store.path())
    }

    /// The newest backup that was recorded, or None.
    fn backed_up<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let store = self.inner(py)?;
        let Some(backup) = job::run(py, None, |_| store.backed_up())?.raise(py)? else {
            return Ok(None);
        };
        let row = PyDict::new(py);
        row.set_item("revision", backup.revision)?;
        let at = match backup.at {
            Now::Seconds(at) => Some(at),
            Now::Unknown => None,
        };
        row.set_item("at", at)?;
        Ok(Some(row))
    }

    /// What each version was used for by all processes: a dict by version id.
    fn usage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let store = self.inner(py)?;
        let usages = job::run(py, None, |_| store.usage())?.raise(py)?;
        let rows = PyDict::new(py);
        for (version, usage) in usages {
            let row = PyDict::new(py);
            row.set_item("messages", usage.messages)?;
            row.set_item("bytes", usage.bytes)?;
            row.set_item("failed_opens", usage.failed_opens)?;
            row.set_item("near_limit", usage.is_near_limit())?;
            rows.set_item(version.to_string(), row)?;
        }
        Ok(rows)
    }

    /// Gives back what was leased and not used, and lets go of file and keys.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let taken = py.detach(|| self.state.write().unwrap_or_else(PoisonError::into_inner).take());
        match taken {
            Some(store) => job::run(py, None, |_| store.release())?.raise(py),
            None => Ok(()),
        }
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.state.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().inner(slf.py())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.inner(py) {
            Ok(store) => format!("<sealwax.Store {:?}>", store.path()),
            Err(_) => "<sealwax.Store closed>".into(),
        }
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(no_pickle("Store"))
    }
}

/// How a store comes into being with a keyset that is there already.
type Begin = fn(
    &Path,
    sealwax::Keyset,
    sealwax::store::Guard,
    Options,
) -> sealwax::Result<sealwax::store::Store>;

impl Store {
    fn begin(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        keyset: &Keyset,
        keywords: Option<&Bound<'_, PyDict>>,
        begin: Begin,
    ) -> PyResult<Self> {
        let path = path_of(path)?;
        let Settings { guard, options } = Settings::of(py, keywords)?;
        let bytes = keyset.share(py)?.expose_unprotected().raise(py)?;
        let begun = job::run(py, None, |_| {
            let copy = sealwax::Keyset::parse_unprotected(&bytes)?;
            begin(&path, copy, guard.for_store(), options)
        })?;
        Ok(Store { state: RwLock::new(Some(Arc::new(begun.raise_at(py, &path)?))) })
    }

    /// The newest revision, for a job that lasts.
    pub(crate) fn newest(&self, py: Python<'_>) -> PyResult<Arc<sealwax::Keyset>> {
        let store = self.inner(py)?;
        Ok(py.detach(|| store.keyset()))
    }

    fn inner(&self, py: Python<'_>) -> PyResult<Arc<sealwax::store::Store>> {
        let shared = self.state.read().unwrap_or_else(PoisonError::into_inner).clone();
        shared.ok_or_else(|| errors::misuse(py, "this store is closed"))
    }

    fn make(&self, py: Python<'_>, change: Change) -> PyResult<Option<String>> {
        let store = self.inner(py)?;
        let changed = job::run(py, None, |_| store.change(|keyset| change.make(keyset)))?;
        let version = changed.raise_at(py, store.path())?;
        Ok(version.map(|version| version.to_string()))
    }
}

/// How a store is opened.
struct Settings {
    guard: Guard,
    options: Options,
}

impl Settings {
    fn of(py: Python<'_>, keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let (mut passphrase, mut recipients, mut unprotected) = (None, None, false);
        let mut options = Options::default();
        for (name, value) in keywords.into_iter().flat_map(|keywords| keywords.iter()) {
            match name.extract::<String>()?.as_str() {
                "passphrase" => passphrase = (!value.is_none()).then_some(value),
                "recipients" => recipients = (!value.is_none()).then_some(value),
                "unprotected" => unprotected = value.extract()?,
                "count_in_file" => {
                    let in_file = value.extract()?;
                    options.counting = if in_file { Counting::File } else { Counting::Memory };
                }
                "min_revision" => options.min_revision = value.extract()?,
                "replace_bad_usage" => {
                    let replace = value.extract()?;
                    options.bad_usage = if replace { BadUsage::Replace } else { BadUsage::Refuse };
                }
                other => {
                    let what = format!("unexpected keyword argument '{other}'");
                    return Err(pyo3::exceptions::PyTypeError::new_err(what));
                }
            }
        }
        let guard = Guard::to_seal(py, passphrase.as_ref(), recipients.as_ref(), unprotected)?;
        Ok(Settings { guard, options })
    }
}
