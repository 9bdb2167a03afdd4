// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mappings of Python as contexts (format.md 2), and back.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString};
use sealwax::Context;
use sealwax::context::Encoded;

use crate::buffer::Source;
use crate::errors::{self, Raise};

/// The context of a mapping of names to text or bytes; none is the empty one.
pub(crate) fn of(mapping: Option<&Bound<'_, PyAny>>) -> PyResult<Context> {
    let Some(mapping) = mapping else { return Ok(Context::new()) };
    if let Ok(dict) = mapping.cast::<PyDict>() {
        if dict.is_empty() {
            return Ok(Context::new());
        }
        return match Short::of(dict) {
            Some(context) => Ok(context),
            None => from_pairs(mapping.py(), dict.iter()),
        };
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
            return Err(PyTypeError::new_err("a context name is a str"));
        };
        let name = name.to_str().map_err(|_| errors::misuse(py, "a context name is not UTF-8"))?;
        match value.cast::<PyString>() {
            Ok(text) => {
                let text = text.to_str();
                let text = text.map_err(|_| errors::misuse(py, "a context value is not UTF-8"))?;
                context.insert(name, text.as_bytes())
            }
            Err(_) => {
                let wrong = |_| PyTypeError::new_err("a context value is a str or bytes");
                context.insert(name, &Source::of(&value).map_err(wrong)?.snapshot())
            }
        }
        .raise(py)?;
    }
    Ok(context)
}

/// Few short entries, encoded on the stack: what nearly every token has.
struct Short {
    bytes: [u8; 256],
    len: usize,
    /// Where each entry begins and ends.
    entries: [(usize, usize); 8],
    count: usize,
}

impl Short {
    /// `None` where anything is unusual: then the long way says what.
    fn of(dict: &Bound<'_, PyDict>) -> Option<Context> {
        let mut short = Short { bytes: [0; 256], len: 0, entries: [(0, 0); 8], count: 0 };
        for (name, value) in dict.iter() {
            let name = name.cast::<PyString>().ok()?.to_str().ok()?.as_bytes();
            if let Ok(text) = value.cast::<PyString>() {
                short.put(name, text.to_str().ok()?.as_bytes())?;
            } else {
                short.put(name, value.cast_exact::<PyBytes>().ok()?.as_bytes())?;
            }
        }
        short.sorted()
    }

    fn put(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        let end = self.len.checked_add(3 + name.len())?.checked_add(value.len())?;
        if self.count == self.entries.len() {
            return None;
        }
        let room = self.bytes.get_mut(self.len..end)?;
        room[0] = u8::try_from(name.len()).ok()?;
        room[1..=name.len()].copy_from_slice(name);
        let room = &mut room[1 + name.len()..];
        room[..2].copy_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
        room[2..].copy_from_slice(value);
        self.entries[self.count] = (self.len, end);
        self.len = end;
        self.count += 1;
        Some(())
    }

    fn sorted(mut self) -> Option<Context> {
        let bytes = &self.bytes;
        let name = |&(from, _): &(usize, usize)| &bytes[from + 1..][..usize::from(bytes[from])];
        let entries = &mut self.entries[..self.count];
        if entries.is_sorted_by_key(name) {
            return Encoded::parse(&bytes[..self.len]).ok().map(Context::from);
        }
        entries.sort_unstable_by_key(name);
        let (mut sorted, mut len) = ([0; 256], 0);
        for &mut (from, to) in entries {
            sorted[len..len + to - from].copy_from_slice(&bytes[from..to]);
            len += to - from;
        }
        Encoded::parse(&sorted[..len]).ok().map(Context::from)
    }
}
