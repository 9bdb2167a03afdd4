// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax.Keyset`: its life and its files. What it seals and opens is in `token.rs`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use sealwax::Algorithm;
use sealwax::rng::Now;

use crate::backup::{self, Share};
use crate::buffer::Source;
use crate::census::Census;
use crate::errors::{self, Raise};
use crate::guard::Guard;
use crate::info;
use crate::job;
use crate::keys::{Recipient, no_pickle, secret_text};
use crate::life::{self, Change, Move};
use crate::packed::{self, Given};
use crate::path::path_of;
use crate::token;

/// One logical key: an id, a name, and versions, one of which seals.
///
/// What runs longer than a moment shares the keyset, so that closing or rotating it does not wait; its secrets are
/// wiped when the last job that began before is done.
#[pyclass(frozen, module = "sealwax", weakref)]
pub(crate) struct Keyset {
    state: RwLock<Option<Arc<sealwax::Keyset>>>,
    /// Whether it belongs to a store.
    store: bool,
    /// The revision that was loaded, or saved last: a file with a newer one has a change that is not here.
    base: AtomicU64,
}

/// The keyset of a call that does not last.
pub(crate) struct Held<'a>(RwLockReadGuard<'a, Option<Arc<sealwax::Keyset>>>);

#[pymethods]
impl Keyset {
    /// A new keyset with one fresh version.
    #[staticmethod]
    #[pyo3(signature = (name="default", suite="cobblestone-256"))]
    fn generate(py: Python<'_>, name: &str, suite: &str) -> PyResult<Self> {
        let algorithm = algorithm_of(py, suite)?;
        Ok(Keyset::new(py.detach(|| sealwax::Keyset::generate(name, algorithm)).raise(py)?))
    }

    /// A keyset whose one version has these 32 bytes as its secret.
    #[staticmethod]
    #[pyo3(signature = (secret, name="default", suite="cobblestone-256"))]
    fn import_raw(
        py: Python<'_>,
        secret: &Bound<'_, PyAny>,
        name: &str,
        suite: &str,
    ) -> PyResult<Self> {
        let algorithm = algorithm_of(py, suite)?;
        let secret = Source::of(secret)?.snapshot();
        let Ok(secret) = <&[u8; 32]>::try_from(secret.as_slice()) else {
            return Err(errors::misuse(py, "a secret is 32 uniformly random bytes"));
        };
        Ok(Keyset::new(sealwax::Keyset::import_raw(name, algorithm, secret).raise(py)?))
    }

    /// Reads an identity string, `SEALWAX-SECRET-1...`.
    #[staticmethod]
    fn from_identity(py: Python<'_>, text: &Bound<'_, PyString>) -> PyResult<Self> {
        let text = secret_text(text)?;
        Ok(Keyset::new(sealwax::Keyset::parse_identity_text(text).raise(py)?))
    }

    /// Reads a keyset file.
    #[staticmethod]
    #[pyo3(signature = (path, *, passphrase=None, identity=None, keyset=None, keys=None, unprotected=false))]
    fn load(
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        passphrase: Option<&Bound<'_, PyAny>>,
        identity: Option<&Bound<'_, PyAny>>,
        keyset: Option<&Bound<'_, PyAny>>,
        keys: Option<&Bound<'_, PyAny>>,
        unprotected: bool,
    ) -> PyResult<Self> {
        let path = path_of(path)?;
        let guard = Guard::to_open(py, passphrase, identity, keyset, keys, unprotected)?;
        let loaded = job::run(py, None, |_| {
            guard.apply(|protection| sealwax::Keyset::load(&path, protection))
        })?;
        Ok(Keyset::new(loaded.raise_at(py, &path)?))
    }

    /// Reads the bytes of a keyset file.
    #[staticmethod]
    #[pyo3(signature = (data, *, passphrase=None, identity=None, keyset=None, keys=None, unprotected=false))]
    fn from_bytes(
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        passphrase: Option<&Bound<'_, PyAny>>,
        identity: Option<&Bound<'_, PyAny>>,
        keyset: Option<&Bound<'_, PyAny>>,
        keys: Option<&Bound<'_, PyAny>>,
        unprotected: bool,
    ) -> PyResult<Self> {
        let data = Source::of(data)?.snapshot();
        let guard = Guard::to_open(py, passphrase, identity, keyset, keys, unprotected)?;
        let parsed = py.detach(|| {
            guard.apply(|protection| sealwax::Keyset::parse_file_bytes(&data, protection))
        });
        Ok(Keyset::new(parsed.raise(py)?))
    }

    /// Writes a keyset file with mode 0600.
    #[pyo3(signature = (path, *, passphrase=None, recipients=None, unprotected=false, overwrite=false))]
    fn save(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        passphrase: Option<&Bound<'_, PyAny>>,
        recipients: Option<&Bound<'_, PyAny>>,
        unprotected: bool,
        overwrite: bool,
    ) -> PyResult<()> {
        let path = path_of(path)?;
        let keyset = self.share(py)?;
        let guard = Guard::to_seal(py, passphrase, recipients, unprotected)?;
        let base = self.base.load(Ordering::Relaxed);
        let saved = job::run(py, None, |_| {
            let saved = guard.apply(|protection| match overwrite {
                false => keyset.save_new(&path, protection),
                true => keyset.save_over(&path, base, protection),
            });
            // Also where Ctrl-C comes now.
            saved.inspect(|()| {
                self.base.fetch_max(keyset.revision(), Ordering::Relaxed);
            })
        })?;
        saved.raise_at(py, &path)
    }

    /// The bytes of a keyset file.
    #[pyo3(signature = (*, passphrase=None, recipients=None, unprotected=false))]
    fn to_bytes<'py>(
        &self,
        py: Python<'py>,
        passphrase: Option<&Bound<'py, PyAny>>,
        recipients: Option<&Bound<'py, PyAny>>,
        unprotected: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let keyset = self.share(py)?;
        let guard = Guard::to_seal(py, passphrase, recipients, unprotected)?;
        let bytes = py.detach(|| guard.apply(|protection| keyset.to_file_bytes(protection)));
        Ok(PyBytes::new(py, &bytes.raise(py)?))
    }

    /// Opens a backup with its shares.
    #[staticmethod]
    fn restore_from_shares(
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        shares: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        backup::restore(py, data, shares).map(Keyset::new)
    }

    /// A backup whose key is split into shares: the file, and the shares.
    fn backup_in_shares<'py>(
        &self,
        py: Python<'py>,
        threshold: u8,
        count: u8,
    ) -> PyResult<(Bound<'py, PyBytes>, Vec<Share>)> {
        backup::make(py, &*self.share(py)?, threshold, count)
    }

    /// Adds a fresh version, which seals from now on; the older ones go on opening. Returns its id.
    #[pyo3(signature = (suite=None))]
    fn rotate(&self, py: Python<'_>, suite: Option<&str>) -> PyResult<String> {
        let rotated = self.make(py, Change::rotate(py, suite)?)?;
        Ok(rotated.unwrap_or_default())
    }

    /// Rotates if policy, times or limits want it; the new version's id, or None.
    fn rotate_if_due(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.make(py, Change::RotateIfDue)
    }

    /// Why a rotation is due, or None.
    fn rotation_due(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        Ok(self.held(py)?.get().is_rotation_due(Now::system()).map(life::why))
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
        let keyset = self.share(py)?;
        let version = life::version_of(py, version)?;
        let clearance = life::clearance(py, &keyset, version, census, danger_without_census)?;
        drop(keyset);
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

    /// Opens a token also under a compromised version: the plaintext, and through which version.
    #[pyo3(signature = (token, *, context=None))]
    fn open_migrating<'py>(
        &self,
        py: Python<'py>,
        token: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyDict>)> {
        let context = crate::context::of(context)?;
        let token = Source::of(token)?.snapshot();
        let migrated = self.share(py)?.migrating().open(&token, &context).raise(py)?;
        let via = info::opened_via(py, migrated.opened_via)?;
        Ok((PyBytes::new(py, &migrated.plaintext), via))
    }

    /// Seals a token: a small value under the primary version.
    #[pyo3(signature = (data, *, context=None))]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        token::seal(py, self, data, context)
    }

    /// Opens a token.
    #[pyo3(signature = (token, *, context=None))]
    fn open<'py>(
        &self,
        py: Python<'py>,
        token: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        token::open(py, self, token, context)
    }

    /// Seals a token into a buffer. Returns its length.
    #[pyo3(signature = (data, target, *, context=None))]
    fn seal_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        target: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        token::seal_into(py, self, data, target, context)
    }

    /// Opens a token into a buffer. Returns the plaintext's length.
    #[pyo3(signature = (token, target, *, context=None))]
    fn open_into(
        &self,
        py: Python<'_>,
        token: &Bound<'_, PyAny>,
        target: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        token::open_into(py, self, token, target, context)
    }

    /// Seals many values in one call.
    #[pyo3(signature = (values, *, context=None, threads=0))]
    fn seal_many<'py>(
        &self,
        py: Python<'py>,
        values: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
        threads: usize,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        token::seal_many(py, self, values, context, threads)
    }

    /// Opens many tokens in one call.
    #[pyo3(signature = (tokens, *, context=None, threads=0))]
    fn open_many<'py>(
        &self,
        py: Python<'py>,
        tokens: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
        threads: usize,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        token::open_many(py, self, tokens, context, threads)
    }

    /// Seals a column: values in one buffer, cut by offsets. The tokens in one buffer, and their offsets.
    #[pyo3(signature = (data, offsets, *, valid=None, context=None, rows=None, threads=0))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn seal_packed<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        offsets: &Bound<'py, PyAny>,
        valid: Option<&Bound<'py, PyAny>>,
        context: Option<&Bound<'py, PyAny>>,
        rows: Option<&Bound<'py, PyAny>>,
        threads: usize,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        packed::seal(py, self, &Given { data, offsets, valid, context, rows, threads })
    }

    /// Opens a column of tokens, as `seal_packed` returned it.
    #[pyo3(signature = (data, offsets, *, valid=None, context=None, rows=None, threads=0))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn open_packed<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        offsets: &Bound<'py, PyAny>,
        valid: Option<&Bound<'py, PyAny>>,
        context: Option<&Bound<'py, PyAny>>,
        rows: Option<&Bound<'py, PyAny>>,
        threads: usize,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        packed::open(py, self, &Given { data, offsets, valid, context, rows, threads })
    }

    /// Opens a token with whichever of these keysets sealed it.
    #[staticmethod]
    #[pyo3(signature = (keysets, token, *, context=None))]
    fn open_any<'py>(
        py: Python<'py>,
        keysets: &Bound<'py, PyAny>,
        token: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        token::open_any(py, keysets, token, context)
    }

    /// The public key of the primary version, of an identity.
    fn recipient(&self, py: Python<'_>) -> PyResult<Recipient> {
        let recipient = self.share(py)?.recipient().raise(py)?.clone();
        Ok(Recipient { inner: Arc::new(recipient) })
    }

    /// The identity string of the primary version, with its secret.
    fn expose_identity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let text = self.share(py)?.expose_identity_text().raise(py)?;
        Ok(PyString::new(py, &text))
    }

    /// What there is to know, without any secret.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        info::of_keyset(py, &*self.share(py)?)
    }

    /// The id, in hex.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.held(py)?.get().id().to_string())
    }

    /// What to compare with somebody who knows the keyset, after it was restored: 16 bytes in hex.
    #[getter]
    fn fingerprint(&self, py: Python<'_>) -> PyResult<String> {
        let fingerprint = self.held(py)?.get().fingerprint().raise(py)?;
        Ok(fingerprint.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.held(py)?.get().name().to_owned())
    }

    /// The revision: 1 at first, one more with each change.
    #[getter]
    fn revision(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.held(py)?.get().revision())
    }

    /// The id of the version that seals, in hex.
    #[getter]
    fn primary(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.held(py)?.get().primary().map(|version| version.id().to_string()))
    }

    /// Wipes the secrets. What was begun before goes on.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.state.write().unwrap_or_else(PoisonError::into_inner).take()));
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.state.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().held(slf.py())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            None => "<sealwax.Keyset closed>".into(),
            Some(keyset) => {
                let (name, versions) = (keyset.name(), keyset.versions().len());
                format!("<sealwax.Keyset {name:?} {} versions={versions}>", keyset.id())
            }
        }
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(no_pickle("Keyset"))
    }

    fn __copy__(&self) -> PyResult<()> {
        Err(no_pickle("Keyset"))
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(no_pickle("Keyset"))
    }
}

impl Keyset {
    pub(crate) fn new(keyset: sealwax::Keyset) -> Self {
        let base = AtomicU64::new(keyset.revision());
        Keyset { state: RwLock::new(Some(Arc::new(keyset))), store: false, base }
    }

    /// For a call that does not last and calls nothing of Python: whatever makes an object there may
    /// collect garbage, or let another thread run, that wants to close or change this keyset.
    pub(crate) fn held(&self, py: Python<'_>) -> PyResult<Held<'_>> {
        let guard = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if guard.is_some() {
            return Ok(Held(guard));
        }
        drop(guard);
        Err(closed(py))
    }

    /// For a job that lasts.
    pub(crate) fn share(&self, py: Python<'_>) -> PyResult<Arc<sealwax::Keyset>> {
        let shared = self.state.read().unwrap_or_else(PoisonError::into_inner).clone();
        shared.ok_or_else(|| closed(py))
    }

    /// As a store hands it out: to be used, and changed through the store.
    pub(crate) fn snapshot(keyset: Arc<sealwax::Keyset>) -> Self {
        let base = AtomicU64::new(keyset.revision());
        Keyset { state: RwLock::new(Some(keyset)), store: true, base }
    }

    /// Makes a change; what was begun before goes on with the keyset as it was. The new version's id, where there is one.
    fn make(&self, py: Python<'_>, change: Change) -> PyResult<Option<String>> {
        if self.store {
            return Err(errors::misuse(py, "this keyset is a store's: change the store"));
        }
        let changed = py.detach(|| {
            let mut guard = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let shared = guard.as_mut()?;
            if let Some(keyset) = Arc::get_mut(shared) {
                return Some(change.make(keyset));
            }
            // A job holds it: it keeps the keyset that it began with.
            Some(shared.duplicate().and_then(|mut copy| {
                let result = change.make(&mut copy)?;
                *shared = Arc::new(copy);
                Ok(result)
            }))
        });
        let version = changed.ok_or_else(|| closed(py))?.raise(py)?;
        Ok(version.map(|version| version.to_string()))
    }
}

impl Held<'_> {
    pub(crate) fn get(&self) -> &sealwax::Keyset {
        self.0.as_ref().expect("held only where there is one")
    }
}

/// The algorithm of this name.
pub(crate) fn algorithm_of(py: Python<'_>, name: &str) -> PyResult<Algorithm> {
    let known = (1..=4).filter_map(|number| Algorithm::from_u8(number).ok());
    known.into_iter().find(|algorithm| algorithm.name() == name).ok_or_else(|| {
        errors::misuse(
            py,
            "a suite is cobblestone-256 or chacha20-poly1305; of an identity, x25519 or x-wing",
        )
    })
}

fn closed(py: Python<'_>) -> PyErr {
    errors::misuse(py, "this keyset is closed")
}
