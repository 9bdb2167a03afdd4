// SPDX-License-Identifier: MIT OR Apache-2.0
//! File objects of Python under our streams. What they return is checked: they may lie, and they may raise.

use std::io::{self, Read, Write};

use pyo3::exceptions::PyBlockingIOError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sealwax::Error;
use sealwax::stream::ReadAt;

use crate::buffer::Source;

/// A file object that is read from its start or its position on, or written to.
pub(crate) struct Object {
    file: Py<PyAny>,
    /// Where the envelope begins.
    base: u64,
    len: u64,
}

impl Object {
    /// For one pass.
    pub(crate) fn new(file: &Bound<'_, PyAny>) -> Self {
        Object { file: file.clone().unbind(), base: 0, len: 0 }
    }

    /// For any position: the envelope is what lies between the position and the end. `None` where it cannot seek.
    pub(crate) fn seekable(file: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        if !file.hasattr("seek")? {
            return Ok(None);
        }
        if file.hasattr("seekable")? && !file.call_method0("seekable")?.is_truthy()? {
            return Ok(None);
        }
        let base: u64 = file.call_method0("tell")?.extract()?;
        file.call_method1("seek", (0, 2))?;
        let end: u64 = file.call_method0("tell")?.extract()?;
        let len = end.saturating_sub(base);
        Ok(Some(Object { file: file.clone().unbind(), base, len }))
    }

    /// Where the envelope begins.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    fn read_object(&self, py: Python<'_>, out: &mut [u8]) -> PyResult<usize> {
        let read = self.file.call_method1(py, "read", (out.len(),))?;
        if read.is_none(py) {
            return Err(PyBlockingIOError::new_err("the file object has no bytes right now"));
        }
        let read = Source::of(read.bind(py))?;
        if read.len() > out.len() {
            return Err(lie(py, "the file object's read returned more bytes than were asked for"));
        }
        read.copy_out(0, &mut out[..read.len()]);
        Ok(read.len())
    }
}

impl ReadAt for Object {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        Python::attach(|py| {
            self.file.call_method1(py, "seek", (self.base + offset,))?;
            self.read_object(py, out)
        })
        .map_err(wrapped)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.len)
    }
}

impl Read for Object {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Python::attach(|py| self.read_object(py, out)).map_err(wrapped)
    }
}

impl Write for Object {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Python::attach(|py| {
            let written = self.file.call_method1(py, "write", (PyBytes::new(py, bytes),))?;
            if written.is_none(py) {
                let what =
                    "the file object took no bytes: it is not blocking, or its write says nothing";
                return Err(PyBlockingIOError::new_err(what));
            }
            match written.extract::<usize>(py) {
                Ok(written) if written <= bytes.len() => Ok(written),
                _ => Err(lie(
                    py,
                    "the file object's write returned something else than a count of its bytes",
                )),
            }
        })
        .map_err(wrapped)
    }

    fn flush(&mut self) -> io::Result<()> {
        Python::attach(|py| match self.file.bind(py).hasattr("flush")? {
            true => self.file.call_method0(py, "flush").map(|_| ()),
            false => Ok(()),
        })
        .map_err(wrapped)
    }
}

/// Not `io::Error::from`: a kind of `Interrupted` would be taken for a reason to try again.
fn wrapped(error: PyErr) -> io::Error {
    io::Error::other(error)
}

fn lie(py: Python<'_>, what: &'static str) -> PyErr {
    crate::errors::from(py, Error::Misuse(what))
}
