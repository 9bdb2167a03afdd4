// SPDX-License-Identifier: MIT OR Apache-2.0
//! Census: what sealed data depends on.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use sealwax::census::{Dependence, Proof, Surveyor};
use sealwax::stream::{Folders, HeaderReader};

use crate::buffer::Source;
use crate::job;
use crate::keys::{Keys, Use};
use crate::keyset::Keyset;
use crate::options::Running;
use crate::path::{is_path, path_of};
use crate::store::Store;

/// What sealed data depends on, as `census` found it.
#[pyclass(frozen, module = "sealwax")]
pub(crate) struct Census {
    pub(crate) inner: sealwax::census::Census,
}

#[pymethods]
impl Census {
    /// Whether every data key was unwrapped and every mac verified.
    #[getter]
    fn verified(&self) -> bool {
        self.inner.proof() == Proof::Verified
    }

    /// Envelopes that were looked at.
    #[getter]
    fn envelopes(&self) -> u64 {
        self.inner.envelopes()
    }

    /// Bytes of them, sealed.
    #[getter]
    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }

    /// Tokens that were looked at.
    #[getter]
    fn tokens(&self) -> u64 {
        self.inner.tokens()
    }

    /// Envelopes that no key at hand opens.
    #[getter]
    fn unopenable(&self) -> u64 {
        self.inner.unopenable()
    }

    /// Files and values that could not be read, or are not sealed.
    #[getter]
    fn unreadable(&self) -> u64 {
        self.inner.unreadable()
    }

    /// What depends on each key: one dict for each.
    #[getter]
    fn tallies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = PyList::empty(py);
        for (dependence, tally) in self.inner.tallies() {
            let row = PyDict::new(py);
            name(&row, *dependence)?;
            row.set_item("envelopes", tally.envelopes)?;
            row.set_item("bytes", tally.bytes)?;
            row.set_item("tokens", tally.tokens)?;
            rows.append(row)?;
        }
        Ok(rows)
    }

    fn __repr__(&self) -> String {
        let (envelopes, tokens) = (self.envelopes(), self.tokens());
        let proof = if self.verified() { "verified" } else { "advisory" };
        format!("<sealwax.Census {proof}, envelopes={envelopes} tokens={tokens}>")
    }
}

fn name(row: &Bound<'_, PyDict>, dependence: Dependence) -> PyResult<()> {
    let kind = match dependence {
        Dependence::Version(keyset, version) => {
            row.set_item("keyset", keyset.to_string())?;
            row.set_item("version", version.to_string())?;
            "version"
        }
        Dependence::UnknownKeyset(version) => {
            row.set_item("version", version.to_string())?;
            "unknown-keyset"
        }
        Dependence::Pair(fingerprint) => {
            row.set_item("fingerprint", fingerprint.to_string())?;
            "pair"
        }
        Dependence::RawKey(id) => {
            row.set_item("key", id.to_string())?;
            "raw-key"
        }
        Dependence::UnknownType(number) => {
            row.set_item("type", number)?;
            "unknown-type"
        }
        Dependence::Hidden => "hidden",
        Dependence::Passphrase => "passphrase",
        Dependence::Provider => "provider",
        _ => "other",
    };
    row.set_item("kind", kind)
}

/// Looks at sealed files (`.swx` in folders) and tokens, and says which keys they depend on.
#[pyfunction]
#[pyo3(
    signature = (paths=None, *, tokens=None, verified=false, **keywords),
    text_signature = "(paths=None, *, tokens=None, verified=False, keyset=None, identities=None, passphrase=None, \
                      keys=None, progress=None, threads=0)"
)]
pub(crate) fn census(
    py: Python<'_>,
    paths: Option<&Bound<'_, PyAny>>,
    tokens: Option<&Bound<'_, PyAny>>,
    verified: bool,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Census> {
    let (mut keysets, mut keys, mut running) = (Vec::new(), Keys::default(), Running::default());
    for (name, value) in keywords.into_iter().flat_map(|keywords| keywords.iter()) {
        let name = name.extract::<String>()?;
        match name.as_str() {
            _ if value.is_none() => running.check_known(&name, RUNNING, NAMES)?,
            "keyset" => keysets.extend(keysets_of(&value)?),
            "identities" | "keys" => keys = keys.add(Some(&value), Use::Open)?,
            "passphrase" => keys = keys.passphrase(Some(&value))?,
            _ => running.take(&name, value, RUNNING, NAMES)?,
        }
    }
    let paths = paths.map_or_else(|| Ok(Vec::new()), paths_of)?;
    let mut values = Vec::new();
    for token in tokens.into_iter() {
        for one in token.try_iter()? {
            values.push(Source::of(&one?)?);
        }
    }
    let progress = running.progress(py, std::path::Path::new("census"))?;
    let threads = running.threads.unwrap_or(0);
    let counted = job::run(py, progress.as_ref(), |watch| {
        let wraps = keys.wraps();
        let surveyor =
            keysets.iter().fold(Surveyor::new(), |surveyor, keyset| surveyor.keyset(keyset));
        let surveyor = wraps.iter().fold(surveyor, |surveyor, key| surveyor.key(*key));
        let surveyor = if verified { surveyor.verified() } else { surveyor };
        let start = || (surveyor.census(), HeaderReader::new());
        let mut all = surveyor.census();
        let parts = Folders::new(&paths).threads(threads).each(
            Some(watch),
            start,
            |(census, reader), found| match found {
                // What is wrong with it is counted.
                Ok(path) => drop(surveyor.survey_path(&path, reader, census)),
                Err(_) => census.count_unreadable(),
            },
        );
        parts.into_iter().for_each(|(part, _)| all.merge(part));
        for value in &values {
            let _ = match value.fixed() {
                Some(token) => surveyor.survey_token(token, &mut all),
                None => surveyor.survey_token(&value.snapshot(), &mut all),
            };
        }
        all
    })?;
    Ok(Census { inner: counted })
}

/// One path, or several.
pub(crate) fn paths_of(given: &Bound<'_, PyAny>) -> PyResult<Vec<PathBuf>> {
    if is_path(given)? || given.is_instance_of::<pyo3::types::PyBytes>() {
        return Ok(vec![path_of(given)?]);
    }
    given.try_iter()?.map(|one| path_of(&one?)).collect()
}

/// One keyset or store, or several.
pub(crate) fn keysets_of(given: &Bound<'_, PyAny>) -> PyResult<Vec<Arc<sealwax::Keyset>>> {
    if let Some(keyset) = keyset_of(given)? {
        return Ok(vec![keyset]);
    }
    let wrong =
        || pyo3::exceptions::PyTypeError::new_err("keyset is a Keyset or Store, or several");
    let given = given.try_iter().map_err(|_| wrong())?;
    given.map(|object| keyset_of(&object?)?.ok_or_else(wrong)).collect()
}

/// The keyset that this one object is or holds.
pub(crate) fn keyset_of(object: &Bound<'_, PyAny>) -> PyResult<Option<Arc<sealwax::Keyset>>> {
    if let Ok(keyset) = object.cast::<Keyset>() {
        return keyset.get().share(object.py()).map(Some);
    }
    match object.cast::<Store>() {
        Ok(store) => store.get().newest(object.py()).map(Some),
        Err(_) => Ok(None),
    }
}

const RUNNING: &[&str] = &["threads", "progress"];
const NAMES: &[&str] = &["keyset", "identities", "passphrase", "keys"];
