// SPDX-License-Identifier: MIT OR Apache-2.0
//! Columns of tokens: very many values in one buffer, cut by offsets as Arrow lays them out, without an object for each.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, thread};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyString};
use sealwax::context::Encoded;
use sealwax::stream::Control;
use sealwax::token::{MAX_PLAINTEXT_LEN, OVERHEAD};
use sealwax::{Context, Error};
use zeroize::Zeroizing;

use crate::buffer::{Fresh, Source, new_bytes};
use crate::context;
use crate::errors::{self, Raise};
use crate::job::{self, Watch};
use crate::keyset::Keyset;
use crate::token::{BATCH_COUNT, BATCH_LEN, threads_of};

/// Data and offsets of a new column.
type Packed<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// What is done with one value: from, context, to.
type One<'a> = dyn Fn(&[u8], Encoded<'_>, &mut [u8]) -> sealwax::Result<()> + Sync + 'a;

/// A column as a caller gave it.
pub(crate) struct Given<'a, 'py> {
    pub(crate) data: &'a Bound<'py, PyAny>,
    pub(crate) offsets: &'a Bound<'py, PyAny>,
    pub(crate) valid: Option<&'a Bound<'py, PyAny>>,
    pub(crate) context: Option<&'a Bound<'py, PyAny>>,
    pub(crate) rows: Option<&'a Bound<'py, PyAny>>,
    pub(crate) threads: usize,
}

/// Seals a column: the tokens, and where each ends.
pub(crate) fn seal<'py>(
    py: Python<'py>,
    keyset: &Keyset,
    given: &Given<'_, 'py>,
) -> PyResult<Packed<'py>> {
    let work = Work::of(given)?;
    let too_long = |index: &usize| work.column.range(*index).len() > MAX_PLAINTEXT_LEN;
    if let Some(index) = work.column.indices().find(too_long) {
        let error = Error::Limit("a token holds at most 65,536 bytes; seal an envelope");
        return Err(work.column.about(py, index, error));
    }
    let keyset = keyset.share(py)?;
    work.run(py, given.threads, |len| len + OVERHEAD, &|value, context, out| {
        keyset.seal_encoded_into(value, context, out).map(|_| ())
    })
}

/// Opens a column of tokens: the plaintexts, and where each ends.
pub(crate) fn open<'py>(
    py: Python<'py>,
    keyset: &Keyset,
    given: &Given<'_, 'py>,
) -> PyResult<Packed<'py>> {
    let work = Work::of(given)?;
    let keyset = keyset.share(py)?;
    work.run(py, given.threads, |len| len.saturating_sub(OVERHEAD), &|token, context, out| {
        keyset.open_encoded_into(token, context, out).map(|_| ())
    })
}

/// Values in one buffer.
struct Column {
    data: Source,
    /// Where each value begins, and where the last one ends.
    offsets: Vec<usize>,
    /// A byte for each value; 0 where there is none.
    valid: Option<Zeroizing<Vec<u8>>>,
}

impl Column {
    fn of(
        data: &Bound<'_, PyAny>,
        offsets: &Bound<'_, PyAny>,
        valid: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = data.py();
        let data = Source::of(data)?;
        let encoded = Source::of(offsets)?.snapshot();
        let (numbers, rest) = encoded.as_chunks::<8>();
        if numbers.is_empty() || !rest.is_empty() {
            let what = "offsets are 64-bit integers, one more than there are values";
            return Err(errors::misuse(py, what));
        }
        let numbers = numbers.iter().map(|number| i64::from_ne_bytes(*number));
        let offsets: Option<Vec<_>> = numbers.map(|number| usize::try_from(number).ok()).collect();
        let inside = |offsets: &Vec<usize>| {
            offsets.is_sorted() && offsets.last().is_some_and(|end| *end <= data.len())
        };
        let wrong = || errors::misuse(py, "offsets ascend from 0 on and stay inside the data");
        let offsets = offsets.filter(inside).ok_or_else(wrong)?;
        let valid = valid.map(|valid| Ok::<_, PyErr>(Source::of(valid)?.snapshot())).transpose()?;
        if valid.as_ref().is_some_and(|valid| valid.len() + 1 != offsets.len()) {
            return Err(errors::misuse(py, "valid has one byte for each value"));
        }
        Ok(Column { data, offsets, valid })
    }

    fn count(&self) -> usize {
        self.offsets.len() - 1
    }

    fn range(&self, index: usize) -> Range<usize> {
        self.offsets[index]..self.offsets[index + 1]
    }

    fn is_valid(&self, index: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid[index] != 0)
    }

    /// Those where there is a value.
    fn indices(&self) -> impl Iterator<Item = usize> {
        (0..self.count()).filter(|index| self.is_valid(*index))
    }

    /// The exception for an error in one value.
    fn about(&self, py: Python<'_>, index: usize, error: Error) -> PyErr {
        let exception = errors::from(py, error);
        let note = format!("value {index} of {}", self.count());
        exception.add_note(py, note).err().unwrap_or(exception)
    }
}

/// What is bound to each value: the same for all, and of other columns what stands in the same row.
struct Contexts {
    common: Context,
    rows: Vec<(String, Column, Zeroizing<Vec<u8>>)>,
}

impl Contexts {
    fn of(given: &Given<'_, '_>, count: usize) -> PyResult<Self> {
        let py = given.data.py();
        let common = context::of(given.context)?;
        let mut rows: Vec<(String, Column, Zeroizing<Vec<u8>>)> = Vec::new();
        let wrong = || PyTypeError::new_err("rows maps names to pairs of data and offsets");
        for item in given.rows.map_or(Ok(None), |rows| items_of(rows).map(Some))?.iter().flatten() {
            let (name, column) = item;
            let name = name.cast::<PyString>().map_err(|_| wrong())?;
            let name = name.to_str().map_err(|_| errors::misuse(py, "a name is not UTF-8"))?;
            let (data, offsets): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
                column.extract().map_err(|_| wrong())?;
            let column = Column::of(&data, &offsets, None)?;
            if column.count() != count {
                let what =
                    format!("the context {name:?} has {} values for {count}", column.count());
                return Err(errors::misuse(py, &what));
            }
            let given_before = rows.iter().any(|(other, ..)| other == name);
            if given_before || common.as_encoded().value(name).is_some() {
                return Err(errors::misuse(
                    py,
                    &format!("the context name {name:?} is given twice"),
                ));
            }
            let copy = column.data.snapshot();
            rows.push((name.to_owned(), column, copy));
        }
        Ok(Contexts { common, rows })
    }

    /// Does `work` with the context of a row, encoded into `buffer`.
    fn with<T>(
        &self,
        index: usize,
        buffer: &mut Vec<u8>,
        work: impl FnOnce(Encoded<'_>) -> sealwax::Result<T>,
    ) -> sealwax::Result<T> {
        let common = self.common.as_encoded();
        if self.rows.is_empty() {
            return work(common);
        }
        let fixed = common.entries().map(|entry| (entry.name, entry.value));
        let rows = self.rows.iter();
        let rows = rows.map(|(name, column, copy)| (name.as_str(), &copy[column.range(index)]));
        let mut entries: Vec<(&str, &[u8])> = fixed.chain(rows).collect();
        entries.sort_unstable_by_key(|(name, _)| name.as_bytes());
        buffer.resize(MAX_CONTEXT_LEN, 0);
        work(Encoded::encode_into(&entries, buffer)?)
    }
}

/// The items of a mapping.
fn items_of<'py>(
    mapping: &Bound<'py, PyAny>,
) -> PyResult<Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
    let wrong = |_| PyTypeError::new_err("rows maps names to pairs of data and offsets");
    let items = mapping.cast::<PyMapping>().map_err(wrong)?.items()?;
    items.iter().map(|item| item.extract()).collect()
}

/// A column and its contexts.
struct Work {
    column: Column,
    contexts: Contexts,
}

/// What came of one call, in the making.
struct Made<'a> {
    fresh: &'a Fresh,
    /// Where each value begins, and where the last one ends.
    offsets: &'a [usize],
    one: &'a One<'a>,
    /// The batches that nobody took yet begin here.
    next: AtomicUsize,
    failed: Mutex<Option<(usize, Error)>>,
}

impl Work {
    fn of(given: &Given<'_, '_>) -> PyResult<Self> {
        let column = Column::of(given.data, given.offsets, given.valid)?;
        let contexts = Contexts::of(given, column.count())?;
        Ok(Work { column, contexts })
    }

    fn run<'py>(
        &self,
        py: Python<'py>,
        threads: usize,
        len_of: impl Fn(usize) -> usize,
        one: &One<'_>,
    ) -> PyResult<Packed<'py>> {
        let mut offsets = vec![0];
        let mut end = 0;
        offsets.extend((0..self.column.count()).map(|index| {
            if self.column.is_valid(index) {
                end += len_of(self.column.range(index).len());
            }
            end
        }));
        let data = new_bytes(py, end, |fresh| {
            let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
            let made = Made { fresh, offsets: &offsets, one, next, failed };
            match self.column.count() < FEW {
                true => py.detach(|| self.work(&made, &Watch::default())),
                false => job::run(py, None, |watch| self.spread(&made, threads, watch))?,
            }
            .map_err(Error::from)
            .raise(py)?;
            let failed = made.failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
            failed.map_or(Ok(()), |(index, error)| Err(self.column.about(py, index, error)))
        })?;
        let offsets: Vec<u8> = offsets.iter().flat_map(|at| (*at as u64).to_ne_bytes()).collect();
        Ok((data, PyBytes::new(py, &offsets)))
    }

    /// On several threads, or on fewer where there are no more to be had.
    fn spread(&self, made: &Made<'_>, threads: usize, watch: &Watch) -> io::Result<()> {
        let work = || self.work(made, watch);
        thread::scope(|scope| {
            let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
            let others: Vec<_> = (1..threads_of(threads)).map_while(spawn).collect();
            let own = work();
            others.into_iter().fold(own, |done, other| match other.join() {
                Ok(theirs) => done.and(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    /// Batch after batch, until none is left, one failed, or the job is to stop.
    fn work(&self, made: &Made<'_>, watch: &Watch) -> io::Result<()> {
        // public: contexts.
        let mut context = Vec::new();
        let (mut copy, mut out) = (Zeroizing::new(Vec::new()), Zeroizing::new(Vec::new()));
        while let Some(batch) = self.take(made) {
            if watch.is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if let Err(failed) = self.batch(made, batch, &mut context, &mut copy, &mut out) {
                made.next.store(self.column.count(), Ordering::Relaxed);
                let mut first = made.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if first.as_ref().is_none_or(|(index, _)| *index > failed.0) {
                    *first = Some(failed);
                }
            }
        }
        Ok(())
    }

    /// The next batch: so many values that their tokens stay in the cache.
    fn take(&self, made: &Made<'_>) -> Option<Range<usize>> {
        let count = self.column.count();
        let batch_from = |first: usize| {
            let last = (first + BATCH_COUNT).min(count);
            let sizes = |index: usize| self.column.offsets[index].max(made.offsets[index]);
            let begin = sizes(first);
            let fits = |index: &usize| sizes(*index).saturating_sub(begin) <= BATCH_LEN;
            (first + 1..=last).take_while(fits).last().unwrap_or(first + 1)
        };
        let mut first = made.next.load(Ordering::Relaxed);
        while first < count {
            let end = batch_from(first);
            match made.next.compare_exchange(first, end, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(first..end),
                Err(other) => first = other,
            }
        }
        None
    }

    fn batch(
        &self,
        made: &Made<'_>,
        batch: Range<usize>,
        context: &mut Vec<u8>,
        copy: &mut Zeroizing<Vec<u8>>,
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), (usize, Error)> {
        let span = self.column.offsets[batch.start]..self.column.offsets[batch.end];
        let input = match self.column.data.fixed() {
            Some(bytes) => &bytes[span.clone()],
            // Each byte is read once: what is verified is what was copied.
            None => {
                let copy = room(copy, span.len());
                self.column.data.copy_out(span.start, copy);
                &*copy
            }
        };
        let begin = made.offsets[batch.start];
        let out = room(out, made.offsets[batch.end] - begin);
        for index in batch.filter(|index| self.column.is_valid(*index)) {
            let from = self.column.range(index);
            let value = &input[from.start - span.start..from.end - span.start];
            let piece = &mut out[made.offsets[index] - begin..made.offsets[index + 1] - begin];
            self.contexts
                .with(index, context, |context| (made.one)(value, context, piece))
                .map_err(|error| (index, error))?;
        }
        made.fresh.copy_in(begin, out);
        Ok(())
    }
}

/// The first `len` bytes of a buffer, which is made longer where it must be. Growing would leave a copy of older
/// plaintext behind.
fn room(buffer: &mut Zeroizing<Vec<u8>>, len: usize) -> &mut [u8] {
    if buffer.len() < len {
        *buffer = Zeroizing::new(vec![0; len]);
    }
    &mut buffer[..len]
}

/// Fewer values than this are not worth a thread.
const FEW: usize = 512;
/// Longest encoding of a context, in bytes (format.md 2.2).
const MAX_CONTEXT_LEN: usize = 32 * 1024;
