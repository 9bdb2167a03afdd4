// SPDX-License-Identifier: MIT OR Apache-2.0
//! Envelopes in memory, and from file to file.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use sealwax::envelope::HARD_MAX_HEADER_LEN;
use sealwax::stream::{DetachedPaths, Job, Outcome, WriteAt};

use crate::buffer::{Source, new_bytes};
use crate::context;
use crate::errors::{self, Raise};
use crate::info;
use crate::job::{self, Watch};
use crate::options::{Opening, Running, Sealing};
use crate::path::path_of;
use crate::token::{check_room, target_beside};

/// Seals an envelope in memory.
#[pyfunction]
#[pyo3(
    signature = (data, **keywords),
    text_signature = "(data, *, keyset=None, recipients=None, passphrase=None, context=None, external=None, suite=None, \
                      chunk_len=None, danger_mix_recipients=False, max_header_len=None, threads=1)"
)]
pub(crate) fn seal_bytes<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let options = Sealing::of(py, keywords, IN_MEMORY)?;
    let source = Source::of(data)?;
    let len = options.sealer().sealed_len(source.len()).raise(py)?;
    new_bytes(py, len, |out| match seal_from(py, &options, &source, out)? == len as u64 {
        true => Ok(()),
        false => Err(errors::misuse(py, CHANGED)),
    })
}

/// Seals an envelope into a buffer. Returns its length.
#[pyfunction]
#[pyo3(
    signature = (data, target, **keywords),
    text_signature = "(data, target, *, keyset=None, recipients=None, passphrase=None, context=None, external=None, \
                      suite=None, chunk_len=None, danger_mix_recipients=False, max_header_len=None, threads=1)"
)]
pub(crate) fn seal_into<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    target: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<u64> {
    let options = Sealing::of(py, keywords, IN_MEMORY)?;
    let source = Source::of(data)?;
    let target = target_beside(py, &source, target)?;
    let len = options.sealer().sealed_len(source.len()).raise(py)?;
    check_room(py, &target, len)?;
    seal_from(py, &options, &source, &target)
}

/// Length of the envelope of a plaintext of `plaintext_len` bytes.
#[pyfunction]
#[pyo3(
    signature = (plaintext_len, **keywords),
    text_signature = "(plaintext_len, *, keyset=None, recipients=None, passphrase=None, context=None, external=None, \
                      suite=None, chunk_len=None, danger_mix_recipients=False, max_header_len=None)"
)]
pub(crate) fn sealed_len(
    py: Python<'_>,
    plaintext_len: usize,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<usize> {
    Sealing::of(py, keywords, &[])?.sealer().sealed_len(plaintext_len).raise(py)
}

/// Opens an envelope in memory. Nothing is returned unless all of it verified.
#[pyfunction]
#[pyo3(
    signature = (data, **keywords),
    text_signature = "(data, *, keyset=None, identities=None, passphrase=None, keys=None, context=None, external=None, \
                      min_epoch=0, require=None, max_header_len=None, threads=1)"
)]
pub(crate) fn open_bytes<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let options = Opening::of(py, keywords, IN_MEMORY)?;
    let source = Source::of(data)?;
    let Some(len) = plaintext_len(&options, &source) else {
        // What is wrong with it is said in the order of format.md 4.10a, which may need the key.
        return refused(py, &options, &source);
    };
    new_bytes(py, len, |out| {
        let outcome = open_from(py, &options, &source, out)?;
        match outcome.plaintext_len == len as u64 {
            true => Ok(()),
            false => Err(errors::misuse(py, CHANGED)),
        }
    })
}

/// Opens an envelope into a buffer. Returns the plaintext's length; on an error the buffer is wiped or untouched.
#[pyfunction]
#[pyo3(
    signature = (data, target, **keywords),
    text_signature = "(data, target, *, keyset=None, identities=None, passphrase=None, keys=None, context=None, \
                      external=None, min_epoch=0, require=None, max_header_len=None, threads=1)"
)]
pub(crate) fn open_into<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    target: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<u64> {
    let options = Opening::of(py, keywords, IN_MEMORY)?;
    let source = Source::of(data)?;
    let target = target_beside(py, &source, target)?;
    let Some(len) = plaintext_len(&options, &source) else {
        return refused(py, &options, &source);
    };
    check_room(py, &target, len)?;
    let opened = open_from(py, &options, &source, &target);
    if opened.is_err() {
        target.wipe(len);
    }
    Ok(opened?.plaintext_len)
}

/// Seals a file into another, which appears under its name when it is complete. Returns the plaintext's length.
#[pyfunction]
#[pyo3(
    signature = (src, dst, **keywords),
    text_signature = "(src, dst, *, keyset=None, recipients=None, passphrase=None, context=None, external=None, \
                      suite=None, chunk_len=None, danger_mix_recipients=False, max_header_len=None, header=None, \
                      overwrite=False, progress=None, threads=0)"
)]
pub(crate) fn seal_file(
    py: Python<'_>,
    src: &Bound<'_, PyAny>,
    dst: &Bound<'_, PyAny>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<u64> {
    let options = Sealing::of(py, keywords, &["threads", "header", "overwrite", "progress"])?;
    let (source, target) = (path_of(src)?, path_of(dst)?);
    let header = options.run.header_path(py)?;
    let outcome = run(py, &options.run, &source, |job| match &header {
        None => options.sealer().seal_path(&source, &target, &job),
        Some(header) => {
            let target = DetachedPaths { header, payload: &target };
            options.sealer().seal_path_detached(&source, target, &job)
        }
    })?;
    Ok(outcome.map_err(|error| file_error(py, error, &source, &target))?.plaintext_len)
}

/// Opens a file into another, which appears under its name when all of it verified. Returns the plaintext's length.
#[pyfunction]
#[pyo3(
    signature = (src, dst, **keywords),
    text_signature = "(src, dst, *, keyset=None, identities=None, passphrase=None, keys=None, context=None, \
                      external=None, min_epoch=0, require=None, max_header_len=None, header=None, overwrite=False, \
                      progress=None, threads=0)"
)]
pub(crate) fn open_file(
    py: Python<'_>,
    src: &Bound<'_, PyAny>,
    dst: &Bound<'_, PyAny>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<u64> {
    let options = Opening::of(py, keywords, &["threads", "header", "overwrite", "progress"])?;
    let (source, target) = (path_of(src)?, path_of(dst)?);
    let header = options.run.header_path(py)?;
    let outcome = run(py, &options.run, &source, |job| match &header {
        None => options.opener().open_path(&source, &target, &job),
        Some(header) => {
            let source = DetachedPaths { header, payload: &source };
            options.opener().open_path_detached(source, &target, &job)
        }
    })?;
    Ok(outcome.map_err(|error| file_error(py, error, &source, &target))?.plaintext_len)
}

/// Reads and verifies all of a file, and says how it was sealed. Damage is a `DecryptionError` that lists it.
#[pyfunction]
#[pyo3(
    signature = (path, **keywords),
    text_signature = "(path, *, keyset=None, identities=None, passphrase=None, keys=None, context=None, external=None, \
                      min_epoch=0, require=None, max_header_len=None, header=None, progress=None, threads=0)"
)]
pub(crate) fn verify<'py>(
    py: Python<'py>,
    path: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = Opening::of(py, keywords, &["threads", "header", "progress"])?;
    let path = path_of(path)?;
    let header = options.run.header_path(py)?;
    let verified = run(py, &options.run, &path, |job| match &header {
        None => options.opener().verify_path(&path, &job),
        Some(header) => {
            let source = DetachedPaths { header, payload: &path };
            options.opener().verify_path_detached(source, &job)
        }
    })?;
    let verified = verified.raise_at(py, &path)?;
    if !verified.damage.is_empty() {
        let ranges = verified.damage.iter().map(|range| (range.from, range.to));
        let exception = errors::from(py, sealwax::Error::Decrypt);
        exception.value(py).setattr("damage", PyTuple::new(py, ranges)?)?;
        return Err(exception);
    }
    let info = PyDict::new(py);
    info.set_item("plaintext_len", verified.plaintext_len)?;
    info.set_item("opened_via", info::opened_via(py, verified.opened_via)?)?;
    info.set_item("stored_context", context::to_dict(py, verified.stored_context.as_encoded())?)?;
    Ok(info)
}

/// A file's job, with progress.
fn run<T: Send>(
    py: Python<'_>,
    running: &Running,
    source: &std::path::Path,
    work: impl FnOnce(Job<'_>) -> T + Send,
) -> PyResult<T> {
    let progress = running.progress(py, source)?;
    job::run(py, progress.as_ref(), |watch| work(running.job(watch)))
}

/// An `OSError` names the file that it is about, as far as that is known.
pub(crate) fn file_error(
    py: Python<'_>,
    error: sealwax::Error,
    source: &std::path::Path,
    target: &std::path::Path,
) -> PyErr {
    let about = match &error {
        sealwax::Error::Io(error) if error.kind() == std::io::ErrorKind::AlreadyExists => target,
        _ if !source.exists() => source,
        _ if target
            .parent()
            .is_some_and(|folder| folder != std::path::Path::new("") && !folder.is_dir()) =>
        {
            target
        }
        _ => source,
    };
    errors::from_with_path(py, error, Some(about))
}

/// Seals `source` into `out`, in this thread where it is short.
fn seal_from(
    py: Python<'_>,
    options: &Sealing,
    source: &Source,
    out: &(impl WriteAt + ?Sized),
) -> PyResult<u64> {
    let sealer = options.sealer();
    let threads = options.run.threads.unwrap_or(1);
    match source.len() < LONG {
        true => py.detach(|| sealer.seal_at(source, out, &Job { threads, ..Job::default() })),
        false => job::run(py, None, |watch| sealer.seal_at(source, out, &watched(watch, threads)))?,
    }
    .raise(py)
}

fn open_from(
    py: Python<'_>,
    options: &Opening,
    source: &Source,
    out: &(impl WriteAt + ?Sized),
) -> PyResult<Outcome> {
    let opener = options.opener();
    let threads = options.run.threads.unwrap_or(1);
    let opened = match source.len() < LONG {
        true => py.detach(|| opener.open_at(source, out, &Job { threads, ..Job::default() })),
        false => job::run(py, None, |watch| opener.open_at(source, out, &watched(watch, threads)))?,
    };
    opened.map_err(|error| match error {
        sealwax::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
            errors::misuse(py, CHANGED)
        }
        error => errors::from(py, error),
    })
}

fn watched(watch: &Watch, threads: usize) -> Job<'_> {
    Job { threads, control: Some(watch), ..Job::default() }
}

/// What the lengths say, before anything is authenticated; `None` where this is no whole envelope.
fn plaintext_len(options: &Opening, source: &Source) -> Option<usize> {
    let opener = options.opener();
    if let Some(bytes) = source.fixed() {
        return opener.plaintext_len(bytes).ok();
    }
    // The header is looked at in a copy; the length is that of all.
    let front = source.len().min(HARD_MAX_HEADER_LEN);
    let mut copy = vec![0; front];
    source.copy_out(0, &mut copy);
    let header = sealwax::envelope::Header::parse(&copy, HARD_MAX_HEADER_LEN).ok()?;
    let total = source.len() as u64;
    usize::try_from(info::plaintext_len(total, &header).ok()?).ok()
}

/// The exception for what is no whole envelope.
fn refused<T>(py: Python<'_>, options: &Opening, source: &Source) -> PyResult<T> {
    let copy = source.snapshot();
    match py.detach(|| options.opener().open(&copy)) {
        Err(error) => Err(errors::from(py, error)),
        // It became whole meanwhile.
        Ok(_) => Err(errors::misuse(py, CHANGED)),
    }
}

/// Keywords of the calls for envelopes in memory.
const IN_MEMORY: &[&str] = &["threads"];
/// From here on a job is run so that Ctrl-C stops it, in bytes.
const LONG: usize = 16 << 20;
const CHANGED: &str = "the input changed its length while it was opened";
