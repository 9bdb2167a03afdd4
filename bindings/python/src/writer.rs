// SPDX-License-Identifier: MIT OR Apache-2.0
//! What writes a sealed file for `sealwax.open`. The io classes around it are in Python.

use std::io::Write;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sealwax::Error;
use sealwax::atomic::Existing;
use sealwax::stream::{self, PathWriter};
use zeroize::Zeroizing;

use crate::buffer::Source;
use crate::errors::Raise;
use crate::guarded::Guarded;
use crate::job;
use crate::object::Object;
use crate::options::Sealing;
use crate::path::{is_path, path_of};

/// Seals what is written to it. Only `finish` seals the last chunk and gives a file its name.
#[pyclass(frozen, module = "sealwax._native")]
pub(crate) struct Writer {
    state: Guarded<State>,
    path: Option<std::path::PathBuf>,
}

enum State {
    Path(PathWriter),
    Object {
        writer: stream::Writer<Object>,
        position: u64,
    },
    /// A write failed, or was interrupted: nobody knows what is in it.
    Failed,
    Closed,
}

#[pymethods]
impl Writer {
    /// Starts a sealed file at a path, or an envelope in a file object.
    #[staticmethod]
    #[pyo3(signature = (file, overwrite, **keywords))]
    fn open(
        py: Python<'_>,
        file: &Bound<'_, PyAny>,
        overwrite: bool,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = Sealing::of(py, keywords, &["threads"])?;
        if is_path(file)? || file.is_instance_of::<PyBytes>() {
            let path = path_of(file)?;
            let existing = if overwrite { Existing::Replace } else { Existing::Keep };
            let threads = options.run.threads.unwrap_or(0);
            let writer =
                job::run(py, None, |_| options.sealer().path_writer(&path, existing, threads))?;
            let state = Guarded::new(State::Path(writer.raise_at(py, &path)?));
            return Ok(Writer { state, path: Some(path) });
        }
        let object = Object::new(file);
        let writer = py.detach(|| options.sealer().writer(object)).raise(py)?;
        Ok(Writer { state: Guarded::new(State::Object { writer, position: 0 }), path: None })
    }

    /// Takes all of `data`; how many bytes that are.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let source = Source::of(data)?;
        let len = source.len();
        for from in (0..len.max(1)).step_by(STEP) {
            let step = STEP.min(len - from);
            let written = self.with(py, |state| state.write(&source, from, step));
            // In steps, so that Ctrl-C is heard. What was begun then stays unfinished.
            let written = written.and_then(|()| match from + step < len {
                true => py.check_signals(),
                false => Ok(()),
            });
            if let Err(exception) = written {
                self.fail(py)?;
                return Err(exception);
            }
        }
        Ok(len)
    }

    /// How many bytes were taken.
    fn tell(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |state| match state {
            State::Path(writer) => writer.plaintext_len(),
            State::Object { position, .. } => Ok(*position),
            State::Failed => Err(FAILED),
            State::Closed => Err(CLOSED),
        })
    }

    /// Seals the last chunk; a file gets its name.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.state.with(py, |state| std::mem::replace(state, State::Closed))?;
        let finished = match state {
            State::Path(writer) => job::run(py, None, |watch| writer.finish_watched(Some(watch)))?,
            State::Object { writer, .. } => py.detach(|| writer.finish().map(|_| ())),
            State::Failed => Err(FAILED),
            // Who finished it, or gave it up, knows what came of it.
            State::Closed => Err(CLOSED),
        };
        self.raise(py, finished)
    }

    /// Gives up: a file that is not finished is removed.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        self.state.with(py, |state| *state = State::Closed)
    }

    /// Gives up, unless another thread is at work with it; whether it did.
    fn try_abort(&self, py: Python<'_>) -> bool {
        self.state.try_with(py, |state| *state = State::Closed).is_some()
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(crate::keys::no_pickle("Writer"))
    }
}

impl Writer {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut State) -> sealwax::Result<T> + Send,
    ) -> PyResult<T> {
        let result = self.state.with(py, work)?;
        self.raise(py, result)
    }

    fn raise<T>(&self, py: Python<'_>, result: sealwax::Result<T>) -> PyResult<T> {
        match &self.path {
            Some(path) => result.raise_at(py, path),
            None => result.raise(py),
        }
    }

    /// Where it belongs to this process; otherwise it is left alone.
    fn fail(&self, py: Python<'_>) -> PyResult<()> {
        self.state.with(py, |state| {
            if !matches!(state, State::Closed) {
                *state = State::Failed;
            }
        })
    }
}

impl State {
    fn write(&mut self, source: &Source, from: usize, len: usize) -> sealwax::Result<()> {
        match self {
            State::Path(writer) => writer.write_with(len, &mut |offset, out| {
                source.copy_out(from + offset, out);
            }),
            State::Object { writer, position } => {
                match source.fixed() {
                    Some(bytes) => writer.write_all(&bytes[from..from + len]),
                    None => {
                        let mut copy = Zeroizing::new(vec![0; len]);
                        source.copy_out(from, &mut copy);
                        writer.write_all(&copy)
                    }
                }
                .map_err(Error::from_io)?;
                *position += len as u64;
                Ok(())
            }
            State::Failed => Err(FAILED),
            State::Closed => Err(CLOSED),
        }
    }
}

/// Between two looks at signals, in bytes.
const STEP: usize = 16 << 20;
const FAILED: Error =
    Error::Misuse("a write failed before; the file is not complete and will not be");
const CLOSED: Error = Error::Misuse("I/O operation on closed file");
