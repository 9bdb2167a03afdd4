// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mappings of Python as contexts (format.md 2), and back.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString};
use sealwax::Context;
use sealwax::context::Encoded;

use crate::buffer::Source;
use crate::errors::{self, Raise};

/// A context that was read once, for many calls.
#[pyclass(frozen, module = "sealwax")]
pub(crate) struct PreparedContext {
    inner: Context,
}

#[pymethods]
impl PreparedContext {
    #[new]
    #[pyo3(signature = (context, /))]
    fn new(context: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PreparedContext { inner: of(Some(context))? })
    }

    /// The names and values.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, self.inner.as_encoded())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("sealwax.PreparedContext({})", self.to_dict(py)?.repr()?))
    }
}

/// Whether this is one context, and not one for each of many values.
pub(crate) fn is_one(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.is_instance_of::<PreparedContext>() || object.hasattr("keys")?)
}

/// Does `work` with the context that was given, in its encoding: of a few entries of text or bytes without an allocation.
pub(crate) fn with<T>(
    given: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(Encoded<'_>) -> PyResult<T>,
) -> PyResult<T> {
    let Some(given) = given else { return work(Encoded::EMPTY) };
    if let Ok(dict) = given.cast::<PyDict>() {
        let mut buffer = [0; FEW_LEN];
        if let Some(encoded) = few(dict, &mut buffer) {
            return work(encoded);
        }
    } else if let Ok(prepared) = given.cast::<PreparedContext>() {
        return work(prepared.get().inner.as_encoded());
    }
    work(of(Some(given))?.as_encoded())
}

/// The context of a mapping of names to text or bytes; none is the empty one.
pub(crate) fn of(mapping: Option<&Bound<'_, PyAny>>) -> PyResult<Context> {
    let Some(mapping) = mapping else { return Ok(Context::new()) };
    if let Ok(dict) = mapping.cast::<PyDict>() {
        return from_pairs(mapping.py(), dict.iter());
    }
    if let Ok(prepared) = mapping.cast::<PreparedContext>() {
        return Ok(prepared.get().inner.clone());
    }
    let Ok(mapping) = mapping.cast::<PyMapping>() else {
        return Err(PyTypeError::new_err("a context is a mapping of names to text or bytes"));
    };
    let items = mapping.items()?;
    let pairs = items.iter().map(|item| item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>());
    let pairs = pairs.collect::<PyResult<Vec<_>>>()?;
    from_pairs(mapping.py(), pairs.into_iter())
}

/// Two contexts that are given in one: what was stored, and what was not.
pub(crate) fn given(
    context: Option<&Bound<'_, PyAny>>,
    external: Option<&Bound<'_, PyAny>>,
) -> PyResult<Context> {
    let mut given = of(context)?;
    if let Some(external) = external {
        for entry in of(Some(external))?.as_encoded().entries() {
            given.insert(entry.name, entry.value).raise(external.py())?;
        }
    }
    Ok(given)
}

/// A dict of names to bytes.
pub(crate) fn to_dict<'py>(py: Python<'py>, context: Encoded<'_>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for entry in context.entries() {
        dict.set_item(entry.name, PyBytes::new(py, entry.value))?;
    }
    Ok(dict)
}

fn from_pairs<'py>(
    py: Python<'py>,
    pairs: impl Iterator<Item = (Bound<'py, PyAny>, Bound<'py, PyAny>)>,
) -> PyResult<Context> {
    let mut context = Context::new();
    for (name, value) in pairs {
        let Ok(name) = name.cast::<PyString>() else {
            let what = format!("a context name is a str, not {}", name.get_type().name()?);
            return Err(PyTypeError::new_err(what));
        };
        let name = name.to_str().map_err(|_| errors::misuse(py, "a context name is not UTF-8"))?;
        match value.cast::<PyString>() {
            Ok(text) => {
                let text = text.to_str();
                let text = text.map_err(|_| errors::misuse(py, "a context value is not UTF-8"))?;
                context.insert(name, text.as_bytes())
            }
            Err(_) => {
                let Ok(bytes) = Source::of(&value) else {
                    let kind = value.get_type();
                    let kind = kind.name()?;
                    let what = format!(
                        "the context value of {name:?} is a str or bytes, not {kind}: decide how it is written, for \
                         example str(value)"
                    );
                    return Err(PyTypeError::new_err(what));
                };
                context.insert(name, &bytes.snapshot())
            }
        }
        .raise(py)?;
    }
    Ok(context)
}

/// Few entries of text or bytes: what nearly every token has. `None` where anything is unusual: then the long way says what.
fn few<'a>(dict: &Bound<'_, PyDict>, buffer: &'a mut [u8; FEW_LEN]) -> Option<Encoded<'a>> {
    let mut items: [Option<(Bound<'_, PyAny>, Bound<'_, PyAny>)>; FEW] = Default::default();
    let mut found = 0;
    for item in dict.iter() {
        *items.get_mut(found)? = Some(item);
        found += 1;
    }
    let mut entries: [(&str, &[u8]); FEW] = [("", &[]); FEW];
    for (entry, item) in entries.iter_mut().zip(items.iter().flatten()) {
        let name = item.0.cast::<PyString>().ok()?.to_str().ok()?;
        let value = match item.1.cast::<PyString>() {
            Ok(text) => text.to_str().ok()?.as_bytes(),
            Err(_) => item.1.cast_exact::<PyBytes>().ok()?.as_bytes(),
        };
        *entry = (name, value);
    }
    let entries = &mut entries[..found];
    entries.sort_unstable_by_key(|(name, _)| name.as_bytes());
    Encoded::encode_into(entries, buffer).ok()
}

/// As many entries as are worth a way of their own.
const FEW: usize = 4;
/// Longest encoding that is made on the stack, in bytes.
const FEW_LEN: usize = 256;
