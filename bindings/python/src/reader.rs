// SPDX-License-Identifier: MIT OR Apache-2.0
//! What reads a sealed file for `sealwax.open`. The io classes around it are in Python.

use std::fs::File;
use std::io::{self, Chain, Cursor, Read};

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sealwax::envelope::HARD_MAX_HEADER_LEN;
use sealwax::stream::{self, AheadReader, Detached, ReadAt};
use sealwax::{Context, Error, OpenedVia};
use zeroize::Zeroizing;

use crate::buffer::{Source, Target, new_bytes};
use crate::context;
use crate::errors::{self, Raise};
use crate::guarded::Guarded;
use crate::info;
use crate::job;
use crate::object::Object;
use crate::options::Opening;
use crate::path::{is_path, path_of};

/// Reads a sealed file: from any position, or in one pass where it cannot seek.
#[pyclass(frozen, module = "sealwax._native")]
pub(crate) struct Reader {
    state: Guarded<Option<State>>,
    plaintext_len: Option<u64>,
    opened_via: OpenedVia,
    stored_context: Context,
}

enum State {
    Seekable(AheadReader<Input>),
    Pipe { reader: stream::Reader<'static, Chain<Cursor<Vec<u8>>, Object>>, position: u64 },
}

/// What is read from any position.
enum Input {
    Whole(Payload),
    Detached(Detached<Header, Payload>),
}

/// An envelope, or one without its header.
enum Payload {
    File(File),
    Object(Object),
}

/// The header of a detached envelope.
enum Header {
    File(File),
    Bytes(Vec<u8>),
}

#[pymethods]
impl Reader {
    /// Opens a path, or a file object.
    #[staticmethod]
    #[pyo3(signature = (file, **keywords))]
    fn open(
        py: Python<'_>,
        file: &Bound<'_, PyAny>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = Opening::of(py, keywords, &["threads", "header"])?;
        let threads = options.run.threads.unwrap_or(0);
        let header = options.run.header.as_ref().map(|header| header.bind(py));
        if is_path(file)? || file.is_instance_of::<PyBytes>() {
            let path = path_of(file)?;
            let header = header.map(given_header).transpose()?;
            let state = job::run(py, None, |_| {
                // A pipe or a device that has a name is for file objects.
                let payload = Payload::File(stream::open_regular(&path)?);
                seekable(&options, header, payload, threads)
            })?;
            return Ok(Reader::new(state.raise_at(py, &path)?));
        }
        let state = match Object::seekable(file)? {
            Some(object) => {
                let base = object.base();
                let header = header.map(given_header).transpose()?;
                let state = py.detach(|| seekable(&options, header, Payload::Object(object), 1));
                if state.is_err() {
                    // Whoever takes it for something else then finds it as it was. A failure of
                    // this says less than the one that there is.
                    let _ = file.call_method1("seek", (base,));
                }
                state
            }
            None => {
                let header = header.map(header_bytes).transpose()?;
                let object = Object::new(file);
                py.detach(|| {
                    let opener = options.opener();
                    let reader = match header {
                        Some(header) => opener.reader_detached(&header, object)?,
                        None => opener.reader(Cursor::new(Vec::new()).chain(object))?,
                    };
                    Ok(State::Pipe { reader: reader.without_keys(), position: 0 })
                })
            }
        };
        Ok(Reader::new(state.raise(py)?))
    }

    /// Reads into a buffer; how many bytes, 0 at the end.
    fn readinto(&self, py: Python<'_>, target: &Bound<'_, PyAny>) -> PyResult<usize> {
        let target = Target::of(target)?;
        self.with(py, |state| {
            state.read_with(target.len(), &mut |offset, piece| target.copy_in(offset, piece))
        })
    }

    /// Reads at most `size` bytes.
    fn read<'py>(&self, py: Python<'py>, size: usize) -> PyResult<Bound<'py, PyBytes>> {
        let size = match self.remaining(py)? {
            Some(remaining) => size.min(usize::try_from(remaining).unwrap_or(usize::MAX)),
            None => size.min(MAX_PIPE_READ),
        };
        let mut buffer = Zeroizing::new(vec![0; size]);
        let read = self.with(py, |state| {
            state.read_with(size, &mut |offset, piece| {
                buffer[offset..offset + piece.len()].copy_from_slice(piece);
            })
        })?;
        Ok(PyBytes::new(py, &buffer[..read]))
    }

    /// Reads all that is left.
    fn readall<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let Some(remaining) = self.remaining(py)? else { return self.read_pipe(py) };
        let too_long =
            |_| PyOverflowError::new_err("too long for a bytes object; read it in pieces");
        let len = usize::try_from(remaining).map_err(too_long)?;
        new_bytes(py, len, |fresh| {
            let mut done = 0;
            while done < len {
                // In steps, so that Ctrl-C is heard.
                let step = (len - done).min(STEP);
                let read = self.with(py, |state| {
                    state.read_with(step, &mut |offset, piece| {
                        fresh.copy_in(done + offset, piece);
                    })
                })?;
                if read == 0 {
                    return Err(errors::misuse(py, "the position was moved by another thread"));
                }
                done += read;
                py.check_signals()?;
            }
            Ok(())
        })
    }

    /// Moves to a position; it.
    #[pyo3(signature = (offset, whence=0))]
    fn seek(&self, py: Python<'_>, offset: i128, whence: i32) -> PyResult<u64> {
        let Some(plaintext_len) = self.plaintext_len else {
            return Err(errors::misuse(py, "this file cannot seek: it comes from a pipe"));
        };
        self.with(py, |state| {
            let base = match whence {
                0 => 0,
                1 => state.position(),
                2 => plaintext_len,
                _ => return Err(Error::Misuse("whence is 0, 1 or 2")),
            };
            let to = i128::from(base).saturating_add(offset);
            let to = match u64::try_from(to) {
                Ok(to) if to <= MAX_POSITION => to,
                Ok(_) => return Err(Error::Misuse("a position is at most 2^63 - 1")),
                // As io.BytesIO does: relative to something, before the start is the start.
                Err(_) if to < 0 && whence != 0 => 0,
                Err(_) => return Err(Error::Misuse("a position is not negative")),
            };
            state.set_position(to);
            Ok(to)
        })
    }

    /// The position.
    fn tell(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |state| Ok(state.position()))
    }

    /// Whether it can seek.
    fn seekable(&self) -> bool {
        self.plaintext_len.is_some()
    }

    /// Lets go of the file and the keys.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.state.with(py, |state| drop(state.take()))
    }

    /// Length of the plaintext, in bytes; None where it comes from a pipe.
    #[getter]
    fn plaintext_len(&self) -> Option<u64> {
        self.plaintext_len
    }

    /// Through which entry it was opened.
    #[getter]
    fn opened_via<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        info::opened_via(py, self.opened_via)
    }

    /// The stored context.
    #[getter]
    fn stored_context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        context::to_dict(py, self.stored_context.as_encoded())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(crate::keys::no_pickle("Reader"))
    }
}

impl Reader {
    fn new(state: State) -> Self {
        let (plaintext_len, opened_via, stored_context) = match &state {
            State::Seekable(reader) => {
                (Some(reader.plaintext_len()), reader.opened_via(), reader.stored_context().clone())
            }
            State::Pipe { reader, .. } => {
                (None, reader.opened_via(), reader.stored_context().clone())
            }
        };
        Reader { state: Guarded::new(Some(state)), plaintext_len, opened_via, stored_context }
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut State) -> sealwax::Result<T> + Send,
    ) -> PyResult<T> {
        let closed = Error::Misuse("I/O operation on closed file");
        self.state.with(py, |state| work(state.as_mut().ok_or(closed)?))?.raise(py)
    }

    fn remaining(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        let position = self.tell(py)?;
        Ok(self.plaintext_len.map(|len| len.saturating_sub(position)))
    }

    fn read_pipe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut pieces: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        loop {
            let mut piece = Zeroizing::new(Vec::with_capacity(MAX_PIPE_READ));
            let read = self.with(py, |state| {
                state.read_with(MAX_PIPE_READ, &mut |_, bytes| piece.extend_from_slice(bytes))
            })?;
            if read == 0 {
                break;
            }
            pieces.push(piece);
            py.check_signals()?;
        }
        let len = pieces.iter().map(|piece| piece.len()).sum();
        new_bytes(py, len, |fresh| {
            let mut at = 0;
            for piece in &pieces {
                fresh.copy_in(at, piece);
                at += piece.len();
            }
            Ok(())
        })
    }
}

impl State {
    fn read_with(
        &mut self,
        len: usize,
        put: &mut (dyn FnMut(usize, &[u8]) + Send),
    ) -> sealwax::Result<usize> {
        match self {
            State::Seekable(reader) => reader.read_with(len, put),
            State::Pipe { reader, position } => {
                let mut piece = Zeroizing::new(vec![0; len.min(MAX_PIPE_READ)]);
                let read = reader.read(&mut piece).map_err(Error::from_io)?;
                put(0, &piece[..read]);
                *position += read as u64;
                Ok(read)
            }
        }
    }

    fn position(&self) -> u64 {
        match self {
            State::Seekable(reader) => reader.position(),
            State::Pipe { position, .. } => *position,
        }
    }

    fn set_position(&mut self, to: u64) {
        match self {
            State::Seekable(reader) => reader.set_position(to),
            State::Pipe { .. } => {}
        }
    }
}

impl ReadAt for Input {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Whole(payload) => payload.read_at(offset, out),
            Input::Detached(detached) => detached.read_at(offset, out),
        }
    }

    fn len(&self) -> io::Result<u64> {
        match self {
            Input::Whole(payload) => payload.len(),
            Input::Detached(detached) => detached.len(),
        }
    }
}

impl ReadAt for Payload {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Payload::File(file) => file.read_at(offset, out),
            Payload::Object(object) => object.read_at(offset, out),
        }
    }

    fn len(&self) -> io::Result<u64> {
        match self {
            Payload::File(file) => file.len(),
            Payload::Object(object) => object.len(),
        }
    }
}

impl ReadAt for Header {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Header::File(file) => file.read_at(offset, out),
            Header::Bytes(bytes) => bytes.read_at(offset, out),
        }
    }

    fn len(&self) -> io::Result<u64> {
        match self {
            Header::File(file) => ReadAt::len(file),
            Header::Bytes(bytes) => ReadAt::len(bytes),
        }
    }
}

fn seekable(
    options: &Opening,
    header: Option<Header>,
    payload: Payload,
    threads: usize,
) -> sealwax::Result<State> {
    let input = match header {
        None => Input::Whole(payload),
        Some(header) => {
            let limit = options.header_limit();
            Input::Detached(Detached::with_max_header_len(header, payload, limit)?)
        }
    };
    let reader = options.opener().ahead_reader(input, threads)?;
    Ok(State::Seekable(reader))
}

/// A header that a path names, or that is in a buffer.
fn given_header(given: &Bound<'_, PyAny>) -> PyResult<Header> {
    if !is_path(given)? {
        return header_bytes(given).map(Header::Bytes);
    }
    let (py, path) = (given.py(), path_of(given)?);
    py.detach(|| stream::open_regular(&path)).map(Header::File).raise_at(py, &path)
}

fn header_bytes(given: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    // public: a header.
    if !is_path(given)? {
        return Ok(Source::of(given)?.snapshot().to_vec());
    }
    let (py, path) = (given.py(), path_of(given)?);
    let read = py.detach(|| {
        let mut bytes = Vec::new();
        let limit = HARD_MAX_HEADER_LEN as u64 + 1;
        stream::open_regular(&path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    read.raise_at(py, &path)
}

/// Most that is read from a pipe at once, in bytes.
const MAX_PIPE_READ: usize = 256 * 1024;
/// Between two looks at signals, in bytes.
const STEP: usize = 16 << 20;
const MAX_POSITION: u64 = i64::MAX as u64;
