// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens (format.md 6.2): one, or very many in one call.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sealwax::context::Encoded;
use sealwax::token::{MAX_PLAINTEXT_LEN, OVERHEAD};
use sealwax::{Context, Error};
use zeroize::Zeroizing;

use crate::buffer::{Source, Target};
use crate::context;
use crate::errors::{self, Raise};
use crate::keyset::Keyset;

/// Seals a token.
pub(crate) fn seal<'py>(
    py: Python<'py>,
    keyset: &Keyset,
    data: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    context::with(context, |context| {
        with_plaintext(py, data, |plaintext| {
            PyBytes::new_with(py, plaintext.len() + OVERHEAD, |out| {
                seal_slice(py, keyset, plaintext, context, out)
            })
        })
    })
}

/// Seals a token into a target; its length.
pub(crate) fn seal_into(
    py: Python<'_>,
    keyset: &Keyset,
    data: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    context: Option<&Bound<'_, PyAny>>,
) -> PyResult<usize> {
    let context = context::of(context)?;
    let source = Source::of(data)?;
    let target = target_beside(py, &source, target)?;
    let len = source.len().saturating_add(OVERHEAD);
    check_room(py, &target, len)?;
    let plaintext = source.snapshot();
    let mut token = vec![0; len];
    seal_slice(py, keyset, &plaintext, context.as_encoded(), &mut token)?;
    target.copy_in(0, &token);
    Ok(len)
}

/// Opens a token.
pub(crate) fn open<'py>(
    py: Python<'py>,
    keyset: &Keyset,
    token: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    context::with(context, |context| {
        with_bytes(token, |token| {
            PyBytes::new_with(py, token.len().saturating_sub(OVERHEAD), |out| {
                open_slice(py, keyset, token, context, out).map(|_| ())
            })
        })
    })
}

/// Opens a token into a target; the plaintext's length.
pub(crate) fn open_into(
    py: Python<'_>,
    keyset: &Keyset,
    token: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    context: Option<&Bound<'_, PyAny>>,
) -> PyResult<usize> {
    let context = context::of(context)?;
    let source = Source::of(token)?;
    let target = target_beside(py, &source, target)?;
    let token = source.snapshot();
    let mut plaintext = Zeroizing::new(vec![0; token.len().saturating_sub(OVERHEAD)]);
    check_room(py, &target, plaintext.len())?;
    let len = open_slice(py, keyset, &token, context.as_encoded(), &mut plaintext)?;
    target.copy_in(0, &plaintext);
    Ok(len)
}

/// Opens a token with whichever of these keysets sealed it.
pub(crate) fn open_any<'py>(
    py: Python<'py>,
    keysets: &Bound<'py, PyAny>,
    token: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut shared = Vec::new();
    for keyset in keysets.try_iter()? {
        let keyset = keyset?;
        let wrong = |_| PyTypeError::new_err("open_any takes keysets");
        shared.push(keyset.cast::<Keyset>().map_err(wrong)?.get().share(py)?);
    }
    let context = context::of(context)?;
    let token = Source::of(token)?.snapshot();
    let keysets: Vec<_> = shared.iter().map(|keyset| &**keyset).collect();
    let opened = py.detach(|| sealwax::Keyset::open_with_any(&keysets, &token, &context));
    Ok(PyBytes::new(py, &opened.raise(py)?))
}

/// Seals very many; their tokens, in order.
pub(crate) fn seal_many<'py>(
    py: Python<'py>,
    keyset: &Keyset,
    values: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
    threads: usize,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let many = Many::of(values, context)?;
    let keyset = keyset.share(py)?;
    let lens = many.values.iter().map(|value| value.len().saturating_add(OVERHEAD));
    many.run(py, lens.collect(), threads, &|value, context, out| {
        keyset.seal_into(value, context, out).map(|_| ())
    })
}

/// Opens very many; their plaintexts, in order.
pub(crate) fn open_many<'py>(
    py: Python<'py>,
    keyset: &Keyset,
    tokens: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
    threads: usize,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let many = Many::of(tokens, context)?;
    let keyset = keyset.share(py)?;
    let lens = many.values.iter().map(|value| value.len().saturating_sub(OVERHEAD));
    many.run(py, lens.collect(), threads, &|token, context, out| {
        keyset.open_into(token, context, out).map(|_| ())
    })
}

/// The values of one call, and their contexts.
struct Many {
    values: Vec<Source>,
    /// One for all, or one for each.
    contexts: Vec<Context>,
}

/// What is done with one value: from, context, to.
type One<'a> = dyn Fn(&[u8], &Context, &mut [u8]) -> sealwax::Result<()> + Sync + 'a;

impl Many {
    fn of(values: &Bound<'_, PyAny>, context: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let py = values.py();
        if values.is_instance_of::<PyBytes>() {
            let what = "a sequence of values is required, not one; seal and open take one";
            return Err(PyTypeError::new_err(what));
        }
        let mut taken = Vec::new();
        for value in values.try_iter()? {
            // A generator may go on for very long.
            if taken.len() % BATCH_COUNT == 0 {
                py.check_signals()?;
            }
            taken.push(Source::of(&value?)?);
        }
        let values = taken;
        let contexts = match context {
            Some(each) if !context::is_one(each)? => {
                let each = each.try_iter()?.map(|one| context::of(Some(&one?)));
                each.collect::<PyResult<Vec<_>>>()?
            }
            one_or_none => vec![context::of(one_or_none)?; 1],
        };
        let one_for_all = context.map_or(Ok(true), context::is_one)?;
        if !one_for_all && contexts.len() != values.len() {
            let what = "give one context for all values, or as many contexts as there are values";
            return Err(errors::misuse(py, what));
        }
        // A single context in a list of one is one for each as well.
        Ok(Many { values, contexts })
    }

    fn context(&self, index: usize) -> &Context {
        match self.contexts.len() {
            1 => &self.contexts[0],
            _ => &self.contexts[index],
        }
    }

    /// Does `one` with each value, on several threads, and makes objects of the results.
    ///
    /// A batch at a time: what is written stays in the cache until the objects are made, and Ctrl-C is heard in between.
    fn run<'py>(
        &self,
        py: Python<'py>,
        lens: Vec<usize>,
        threads: usize,
        one: &One<'_>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let threads = threads_of(threads);
        let mut objects = Vec::with_capacity(lens.len());
        let mut scratch = Zeroizing::new(Vec::new());
        let mut rest = lens.as_slice();
        while !rest.is_empty() {
            py.check_signals()?;
            let first = lens.len() - rest.len();
            let (batch, after) = rest.split_at(batch_count(rest, threads));
            rest = after;
            let total = batch.iter().map(bounded).sum();
            let failed = py.detach(|| {
                if scratch.len() < total {
                    // Growing would leave a copy of older plaintext behind.
                    scratch = Zeroizing::new(vec![0; total]);
                }
                let outs = outs_of(&mut scratch, batch.iter().map(bounded));
                self.spread(first, outs, threads, one)
            });
            if let Some((index, error)) = failed {
                let exception = errors::from(py, error);
                exception.add_note(py, format!("value {index} of {}", self.values.len()))?;
                return Err(exception);
            }
            let mut made = scratch.as_slice();
            objects.extend(batch.iter().map(bounded).map(|len| {
                let (now, after) = made.split_at(len);
                made = after;
                PyBytes::new(py, now)
            }));
        }
        Ok(objects)
    }

    /// The first failure, with the place of its value.
    fn spread(
        &self,
        first: usize,
        mut outs: Vec<&mut [u8]>,
        threads: usize,
        one: &One<'_>,
    ) -> Option<(usize, Error)> {
        // A thread costs as much as some hundred tokens.
        let threads = threads.clamp(1, outs.len() / 512 + 1);
        let share = outs.len().div_ceil(threads).max(1);
        let work = |first: usize, outs: &mut [&mut [u8]]| {
            for (index, out) in (first..).zip(outs) {
                let source = &self.values[index];
                let done = match source.fixed() {
                    Some(value) => one(value, self.context(index), out),
                    None => one(&source.snapshot(), self.context(index), out),
                };
                if let Err(error) = done {
                    return Some((index, error));
                }
            }
            None
        };
        std::thread::scope(|scope| {
            let mut shares = (first..).step_by(share).zip(outs.chunks_mut(share));
            let own = shares.next();
            let others: Vec<_> =
                shares.map(|(first, outs)| scope.spawn(move || work(first, outs))).collect();
            let own = own.and_then(|(first, outs)| work(first, outs));
            let others = others.into_iter().filter_map(|other| match other.join() {
                Ok(failed) => failed,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            own.into_iter().chain(others).min_by_key(|(index, _)| *index)
        })
    }
}

/// As many threads as were asked for; 0 means one per core.
pub(crate) fn threads_of(asked: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    if asked == 0 { cores() } else { asked }.clamp(1, MAX_THREADS)
}

/// How many values are done in one go.
fn batch_count(lens: &[usize], threads: usize) -> usize {
    let mut total = 0;
    let fits = lens.iter().map(bounded).take_while(|len| {
        total += len;
        total <= BATCH_LEN * threads
    });
    fits.take(BATCH_COUNT * threads).count().max(1)
}

/// Longer ones are refused anyway: nothing is allocated for them.
fn bounded(len: &usize) -> usize {
    (*len).min(MAX_PLAINTEXT_LEN + OVERHEAD)
}

/// Cuts `bytes` into pieces of these lengths.
fn outs_of(bytes: &mut [u8], lens: impl Iterator<Item = usize>) -> Vec<&mut [u8]> {
    let mut rest = bytes;
    lens.map(|len| {
        let (now, after) = std::mem::take(&mut rest).split_at_mut(len);
        rest = after;
        now
    })
    .collect()
}

/// Releases the interpreter's lock only where the work lasts longer than getting it back.
fn seal_slice(
    py: Python<'_>,
    keyset: &Keyset,
    plaintext: &[u8],
    context: Encoded<'_>,
    out: &mut [u8],
) -> PyResult<()> {
    let sealed = match plaintext.len() > SHORT {
        false => keyset.held(py)?.get().seal_encoded_into(plaintext, context, out),
        true => {
            let keyset = keyset.share(py)?;
            py.detach(|| keyset.seal_encoded_into(plaintext, context, out))
        }
    };
    sealed.map(|_| ()).raise(py)
}

fn open_slice(
    py: Python<'_>,
    keyset: &Keyset,
    token: &[u8],
    context: Encoded<'_>,
    out: &mut [u8],
) -> PyResult<usize> {
    let opened = match token.len() > SHORT {
        false => keyset.held(py)?.get().open_encoded_into(token, context, out),
        true => {
            let keyset = keyset.share(py)?;
            py.detach(|| keyset.open_encoded_into(token, context, out))
        }
    };
    opened.raise(py)
}

/// A plaintext that is too long for a token is refused before anything is allocated for it.
fn with_plaintext<T>(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    work: impl FnOnce(&[u8]) -> PyResult<T>,
) -> PyResult<T> {
    with_bytes(data, |plaintext| match plaintext.len() > MAX_PLAINTEXT_LEN {
        true => Err(errors::from(
            py,
            Error::Limit("a token holds at most 65,536 bytes; seal an envelope (seal_bytes)"),
        )),
        false => work(plaintext),
    })
}

fn with_bytes<T>(
    object: &Bound<'_, PyAny>,
    work: impl FnOnce(&[u8]) -> PyResult<T>,
) -> PyResult<T> {
    if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        return work(bytes.as_bytes());
    }
    work(&Source::of(object)?.snapshot())
}

/// A target that is not the source.
pub(crate) fn target_beside(
    py: Python<'_>,
    source: &Source,
    target: &Bound<'_, PyAny>,
) -> PyResult<Target> {
    let target = Target::of(target)?;
    match target.overlaps(source) {
        true => Err(errors::misuse(py, "the target overlaps the input; give another one")),
        false => Ok(target),
    }
}

pub(crate) fn check_room(py: Python<'_>, target: &Target, len: usize) -> PyResult<()> {
    match target.len() < len {
        true => {
            let has = target.len();
            Err(errors::misuse(py, &format!("the target has {has} bytes, and {len} are needed")))
        }
        false => Ok(()),
    }
}

/// Longest value that is sealed or opened with the interpreter's lock held, in bytes: about a microsecond of work.
const SHORT: usize = 4096;
/// As many values are done in one go by a thread, if they are not too long: some milliseconds of work.
pub(crate) const BATCH_COUNT: usize = 2048;
/// As long is the output of one go for each thread, in bytes.
pub(crate) const BATCH_LEN: usize = 512 << 10;
const MAX_THREADS: usize = 64;
