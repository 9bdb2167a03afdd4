// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax.Keyset`: its life and its files. What it seals and opens is in `token.rs`.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use sealwax::atomic::{AtomicFile, Existing};
use sealwax::keyset::file::{Description, Protection};
use sealwax::{Algorithm, Error, Suite};

use crate::buffer::Source;
use crate::errors::{self, Raise};
use crate::info;
use crate::job;
use crate::keys::{Keys, Recipient, Use, no_pickle};
use crate::path::path_of;
use crate::token;

/// One logical key: an id, a name, and versions, one of which seals.
///
/// What runs longer than a moment shares the keyset, so that closing or rotating it does not wait; its secrets are
/// wiped when the last job that began before is done.
#[pyclass(frozen, module = "sealwax", weakref)]
pub(crate) struct Keyset {
    state: RwLock<Option<Arc<sealwax::Keyset>>>,
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
    fn from_identity(py: Python<'_>, text: &str) -> PyResult<Self> {
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
        let saved = job::run(py, None, |_| {
            guard.apply(|protection| match overwrite {
                false => keyset.save_new(&path, protection),
                true => replace(&keyset, &path, protection),
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

    /// Adds a fresh version, which seals from now on; the older ones go on opening. Returns its id.
    #[pyo3(signature = (suite=None))]
    fn rotate(&self, py: Python<'_>, suite: Option<&str>) -> PyResult<String> {
        let algorithm = suite.map(|name| algorithm_of(py, name)).transpose()?;
        let rotated = self.change(py, |keyset| {
            let own = || keyset.versions().last().map(sealwax::keyset::Version::algorithm);
            let own = keyset.primary().map(sealwax::keyset::Version::algorithm).or_else(own);
            let default = Algorithm::Symmetric(Suite::Cobblestone256);
            keyset.rotate(algorithm.or(own).unwrap_or(default))
        })?;
        Ok(rotated.to_string())
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
        let recipient = self.held(py)?.get().recipient().raise(py)?.clone();
        Ok(Recipient { inner: Arc::new(recipient) })
    }

    /// The identity string of the primary version, with its secret.
    fn expose_identity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let text = self.held(py)?.get().expose_identity_text().raise(py)?;
        Ok(PyString::new(py, &text))
    }

    /// What there is to know, without any secret.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        info::of_keyset(py, self.held(py)?.get())
    }

    /// The id, in hex.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.held(py)?.get().id().to_string())
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
    fn close(&self) {
        let shared = self.state.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(shared);
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
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        self.close();
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
        Keyset { state: RwLock::new(Some(Arc::new(keyset))) }
    }

    /// For a call that does not last and calls nothing of Python.
    pub(crate) fn held(&self, py: Python<'_>) -> PyResult<Held<'_>> {
        let guard = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match guard.is_some() {
            true => Ok(Held(guard)),
            false => Err(closed(py)),
        }
    }

    /// For a job that lasts.
    pub(crate) fn share(&self, py: Python<'_>) -> PyResult<Arc<sealwax::Keyset>> {
        let guard = self.state.read().unwrap_or_else(PoisonError::into_inner);
        guard.clone().ok_or_else(|| closed(py))
    }

    /// Changes the keyset; what was begun before goes on with it as it was.
    fn change<T: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut sealwax::Keyset) -> sealwax::Result<T> + Send,
    ) -> PyResult<T> {
        let changed = py.detach(|| {
            let mut guard = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let shared = guard.as_mut()?;
            if let Some(keyset) = Arc::get_mut(shared) {
                return Some(change(keyset));
            }
            // A job holds it: it keeps the keyset that it began with.
            let copied = shared.expose_unprotected();
            let copied = copied.and_then(|bytes| sealwax::Keyset::parse_unprotected(&bytes));
            Some(copied.and_then(|mut copy| {
                let result = change(&mut copy)?;
                *shared = Arc::new(copy);
                Ok(result)
            }))
        });
        changed.ok_or_else(|| closed(py))?.raise(py)
    }
}

impl Held<'_> {
    pub(crate) fn get(&self) -> &sealwax::Keyset {
        self.0.as_ref().expect("held only where there is one")
    }
}

/// What protects a keyset file.
struct Guard {
    keys: Keys,
    kind: GuardKind,
}

#[derive(Clone, Copy)]
enum GuardKind {
    Sealed,
    Restore,
    Unprotected,
}

impl Guard {
    fn to_open(
        py: Python<'_>,
        passphrase: Option<&Bound<'_, PyAny>>,
        identity: Option<&Bound<'_, PyAny>>,
        keyset: Option<&Bound<'_, PyAny>>,
        keys: Option<&Bound<'_, PyAny>>,
        unprotected: bool,
    ) -> PyResult<Self> {
        let held = Keys::default().add(keyset, Use::Open)?.add(identity, Use::Open)?;
        let held = held.passphrase(passphrase)?.add(keys, Use::Open)?;
        let given = [passphrase, identity, keyset, keys].iter().any(Option::is_some);
        let kind = match (unprotected, given, identity.is_some()) {
            (true, true, _) => return Err(errors::misuse(py, BOTH)),
            (true, false, _) => GuardKind::Unprotected,
            (false, false, _) => return Err(errors::misuse(py, NEITHER)),
            (false, true, true) => GuardKind::Restore,
            (false, true, false) => GuardKind::Sealed,
        };
        Ok(Guard { keys: held, kind })
    }

    fn to_seal(
        py: Python<'_>,
        passphrase: Option<&Bound<'_, PyAny>>,
        recipients: Option<&Bound<'_, PyAny>>,
        unprotected: bool,
    ) -> PyResult<Self> {
        let keys = Keys::default().add(recipients, Use::Seal)?.passphrase(passphrase)?;
        let kind = match (unprotected, passphrase.is_some() || recipients.is_some()) {
            (true, true) => return Err(errors::misuse(py, BOTH)),
            (true, false) => GuardKind::Unprotected,
            (false, false) => return Err(errors::misuse(py, NEITHER)),
            (false, true) => GuardKind::Sealed,
        };
        Ok(Guard { keys, kind })
    }

    fn apply<T>(&self, work: impl FnOnce(Protection<'_>) -> T) -> T {
        let wraps = self.keys.wraps();
        work(match self.kind {
            GuardKind::Sealed => Protection::Sealed(&wraps),
            GuardKind::Restore => Protection::Restore(&wraps),
            GuardKind::Unprotected => Protection::Unprotected,
        })
    }
}

/// Puts the keyset in place of an older revision of itself.
fn replace(
    keyset: &sealwax::Keyset,
    path: &Path,
    protection: Protection<'_>,
) -> sealwax::Result<()> {
    match Description::load(path) {
        Ok(there) if there.id != keyset.id() => {
            return Err(Error::Misuse("another keyset is there; choose another name"));
        }
        Ok(there) if there.revision > keyset.revision() => {
            return Err(Error::Misuse("a newer revision is there; load it and change that one"));
        }
        Ok(_) => {}
        Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let bytes = keyset.to_file_bytes(protection)?;
    let mut file = AtomicFile::create(path, Existing::Replace)?;
    file.write_all(&bytes)?;
    file.commit()
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

const BOTH: &str = "a keyset file is either unprotected or sealed: give a key, or unprotected=True";
const NEITHER: &str =
    "say what protects the keyset file: a passphrase or a key, or unprotected=True";
