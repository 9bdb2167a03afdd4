// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every kind of error of the library as its Python exception (docs/errors.md).

use std::error::Error as _;
use std::io;
use std::path::Path;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use sealwax::Error;

/// The exceptions are made in Python, where their documentation is read.
fn class<'py>(
    py: Python<'py>,
    cell: &'static PyOnceLock<Py<PyType>>,
    name: &str,
) -> PyResult<&'py Bound<'py, PyType>> {
    cell.import(py, "sealwax._errors", name)
}

/// A `MisuseError`: the program is to be changed.
pub(crate) fn misuse(py: Python<'_>, what: &str) -> PyErr {
    raise(py, "MisuseError", what.to_owned(), &[])
}

/// A `ProviderError`.
pub(crate) fn provider(py: Python<'_>, what: &str) -> PyErr {
    raise(py, "ProviderError", format!("key provider failed: {what}"), &[])
}

/// The exception for an error of the library.
pub(crate) fn from(py: Python<'_>, error: Error) -> PyErr {
    from_with_path(py, error, None)
}

/// The exception for an error of the library; an `OSError` names the path.
pub(crate) fn from_with_path(py: Python<'_>, error: Error, path: Option<&Path>) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Io(error) => from_io(py, error, path),
        Error::Decrypt => raise(py, "DecryptionError", text, &[]),
        Error::Format { clause, .. } => {
            raise(py, "FormatError", text, &[("clause", clause.into())])
        }
        Error::UnknownKey(wanted) => {
            raise(py, "UnknownKeyError", text, &[("wanted", wanted.to_string())])
        }
        Error::KeyState { keyset, version, state, remedy } => raise(
            py,
            "KeyStateError",
            text,
            &[
                ("keyset", keyset.to_string()),
                ("version", version.to_string()),
                ("state", state.name().into()),
                ("remedy", remedy.into()),
            ],
        ),
        Error::Share { .. } => raise(py, "FormatError", text, &[("clause", "8.8b".into())]),
        Error::Keyset { keyset, what } => raise(
            py,
            "KeyStateError",
            text,
            &[("keyset", keyset.to_string()), ("remedy", what.into())],
        ),
        Error::Truncated => raise(py, "TruncatedError", text, &[]),
        Error::Limit(_) => raise(py, "LimitError", text, &[]),
        Error::Misuse(_) => raise(py, "MisuseError", text, &[]),
        Error::Provider(_) => raise(py, "ProviderError", text, &[]),
        Error::Random => raise(py, "RandomError", text, &[]),
        _ => raise(py, "SealwaxError", text, &[]),
    }
}

/// What an object of Python raised comes out as it was; one of ours is taken out; the rest is an `OSError`.
fn from_io(py: Python<'_>, error: io::Error, path: Option<&Path>) -> PyErr {
    if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
        return from_with_path(py, Error::from_io(error), path);
    }
    if error.get_ref().is_some_and(|inner| inner.is::<PyErr>()) {
        return PyErr::from(error);
    }
    let text = error.to_string();
    let Some(number) = os_number(&error) else { return PyOSError::new_err(text) };
    // With a number, Python makes FileNotFoundError and its kind of it.
    let message = match number {
        // What we say ourselves says more.
        22 => text,
        _ => io::Error::from_raw_os_error(number).to_string(),
    };
    let message = message.split(" (os error").next().unwrap_or_default().to_owned();
    match path {
        Some(path) => PyOSError::new_err((number, message, path.as_os_str().to_owned())),
        None => PyOSError::new_err((number, message)),
    }
}

fn os_number(error: &io::Error) -> Option<i32> {
    if let Some(number) = error.raw_os_error() {
        return Some(number);
    }
    // Whoever adds a path to an error hides the number in its source.
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(number) = inner.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(number);
        }
        source = inner.source();
    }
    match error.kind() {
        io::ErrorKind::AlreadyExists => Some(17),
        io::ErrorKind::NotFound => Some(2),
        io::ErrorKind::PermissionDenied => Some(13),
        io::ErrorKind::IsADirectory => Some(21),
        io::ErrorKind::InvalidInput => Some(22),
        io::ErrorKind::Interrupted => Some(4),
        _ => None,
    }
}

fn raise(py: Python<'_>, name: &'static str, text: String, fields: &[(&str, String)]) -> PyErr {
    let made = || -> PyResult<PyErr> {
        let value = class(py, cell(name), name)?.call1((text,))?;
        for (field, content) in fields {
            value.setattr(*field, content)?;
        }
        Ok(PyErr::from_value(value))
    };
    made().unwrap_or_else(|error| error)
}

fn cell(name: &str) -> &'static PyOnceLock<Py<PyType>> {
    static CELLS: [PyOnceLock<Py<PyType>>; NAMES.len()] =
        [const { PyOnceLock::new() }; NAMES.len()];
    let index = NAMES.iter().position(|known| *known == name).unwrap_or_default();
    &CELLS[index]
}

const NAMES: [&str; 10] = [
    "SealwaxError",
    "DecryptionError",
    "FormatError",
    "TruncatedError",
    "UnknownKeyError",
    "KeyStateError",
    "LimitError",
    "MisuseError",
    "ProviderError",
    "RandomError",
];

/// Turns the library's errors into exceptions.
pub(crate) trait Raise<T> {
    /// The value, or the exception.
    fn raise(self, py: Python<'_>) -> PyResult<T>;

    /// The value, or the exception; an `OSError` names the path.
    fn raise_at(self, py: Python<'_>, path: &Path) -> PyResult<T>;
}

impl<T> Raise<T> for sealwax::Result<T> {
    fn raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| from(py, error))
    }

    fn raise_at(self, py: Python<'_>, path: &Path) -> PyResult<T> {
        self.map_err(|error| from_with_path(py, error, Some(path)))
    }
}
