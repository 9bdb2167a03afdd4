// SPDX-License-Identifier: MIT OR Apache-2.0
//! Paths: str, bytes or anything with `__fspath__`, UTF-8 or not.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The path that an object names.
pub(crate) fn path_of(object: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let os = object.py().import("os")?;
    // It decodes bytes so that they come out again as they were, and refuses what is no path.
    let decoded = os.call_method1("fsdecode", (object,))?;
    let path = PathBuf::from(decoded.extract::<OsString>()?);
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(pyo3::exceptions::PyValueError::new_err("embedded null byte in a path"));
    }
    Ok(path)
}

/// Whether an object is a path, and not bytes or a file.
pub(crate) fn is_path(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if object.is_instance_of::<PyBytes>() {
        return Ok(false);
    }
    Ok(object.is_instance_of::<pyo3::types::PyString>() || object.hasattr("__fspath__")?)
}
