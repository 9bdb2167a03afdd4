// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session: data in, records out, and the other way round.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sealwax::Error;
use sealwax::transit::{
    self, Content, Limits, MAX_PLAINTEXT_LEN, RECORD_OVERHEAD, Receiving, Sending,
};
use zeroize::{Zeroize, Zeroizing};

use crate::buffer::Source;
use crate::errors::{self, Raise};
use crate::guarded::Guarded;
use crate::keys;

/// Two halves, each used by one thread at a time.
#[pyclass(frozen, module = "sealwax.transit")]
pub(crate) struct Session {
    sending: Guarded<Sending>,
    receiving: Guarded<Receiving>,
    binding: [u8; 32],
    begun: Instant,
}

#[pymethods]
impl Session {
    /// One record of data.
    #[pyo3(signature = (data, associated=None, *, block=None))]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
        associated: Option<&Bound<'_, PyAny>>,
        block: Option<usize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = Source::of(data)?;
        if data.len() > MAX_PLAINTEXT_LEN {
            return Err(errors::from(py, LONG));
        }
        let (data, associated) = (data.snapshot(), associated_of(associated)?);
        self.record(py, data.len() + block.unwrap_or(0), |sending, now, out| match block {
            Some(block) => sending.seal_padded_into(now, &data, block, &associated, out),
            None => sending.seal_into(now, &data, &associated, out),
        })
    }

    /// What is in a record, and its data: `data`, `close`, `rekey` or `empty`.
    #[pyo3(signature = (record, associated=None))]
    fn open<'py>(
        &self,
        py: Python<'py>,
        record: &Bound<'_, PyAny>,
        associated: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(&'static str, Bound<'py, PyBytes>)> {
        let (record, associated) = (Source::of(record)?.snapshot(), associated_of(associated)?);
        let now = self.now();
        let mut out = Zeroizing::new(vec![0; record.len().saturating_sub(RECORD_OVERHEAD)]);
        let opened = self
            .receiving
            .with(py, |receiving| receiving.open_into(now, &record, &associated, &mut out))?;
        let opened = opened.raise(py)?;
        let content = match opened.content {
            Content::Data => "data",
            Content::Close => "close",
            Content::RekeyRequest => "rekey",
            Content::Empty => "empty",
        };
        Ok((content, PyBytes::new(py, &out[..opened.len])))
    }

    /// The end of this direction.
    fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.record(py, 0, |sending, now, out| sending.close_into(now, out))
    }

    /// A record without content.
    fn empty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.record(py, 0, |sending, now, out| sending.seal_empty_into(now, out))
    }

    /// A record that asks the peer to change its keys.
    fn rekey_request<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let request = self.receiving.with(py, |receiving| receiving.rekey_request())?;
        self.record(py, 4, |sending, now, out| sending.seal_rekey_request_into(now, request, out))
    }

    /// The next record begins an epoch.
    fn rekey(&self, py: Python<'_>) -> PyResult<()> {
        self.sending.with(py, |sending| sending.rekey())
    }

    /// Data as records of a stream, each with its length before it.
    fn seal_stream<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (data, now) = (Source::of(data)?, self.now());
        let sealed = self.sending.with(py, |sending| seal_stream(sending, now, &data))?;
        Ok(PyBytes::new(py, &sealed.raise(py)?))
    }

    /// Opens the whole records at the beginning of what was read of a stream: how many bytes they are, their data, and
    /// whether a record came at all.
    ///
    /// Where one does not open, those before it are returned, and the next call says what is wrong.
    fn open_stream<'py>(
        &self,
        py: Python<'py>,
        read: &Bound<'_, PyAny>,
    ) -> PyResult<(usize, Bound<'py, PyBytes>)> {
        let (read, now) = (Source::of(read)?.snapshot(), self.now());
        let opened = self.receiving.with(py, |receiving| open_stream(receiving, now, &read))?;
        let (consumed, data) = opened.raise(py)?;
        Ok((consumed, PyBytes::new(py, &data)))
    }

    /// Whether the peer ended its direction.
    #[getter]
    fn is_ended(&self, py: Python<'_>) -> PyResult<bool> {
        self.receiving.with(py, |receiving| receiving.is_closed())
    }

    /// Whether this direction was closed.
    #[getter]
    fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        self.sending.with(py, |sending| sending.is_closed())
    }

    /// Whether the peer has shown that it is there now.
    #[getter]
    fn is_confirmed(&self, py: Python<'_>) -> PyResult<bool> {
        self.receiving.with(py, |receiving| receiving.is_confirmed())
    }

    /// The epochs of what is sealed and of what was opened.
    #[getter]
    fn epochs(&self, py: Python<'_>) -> PyResult<(u32, u32)> {
        let sending = self.sending.with(py, |sending| sending.epoch())?;
        Ok((sending, self.receiving.with(py, |receiving| receiving.epoch())?))
    }

    /// Whether it is time for a fresh handshake.
    #[getter]
    fn wants_handshake(&self, py: Python<'_>) -> PyResult<bool> {
        let now = self.now();
        let sending = self.sending.with(py, |sending| sending.wants_handshake(now))?;
        Ok(sending || self.receiving.with(py, |receiving| receiving.wants_handshake(now))?)
    }

    /// The handshake's hash: the same on both sides and in no other session.
    #[getter]
    fn binding<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.binding)
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(keys::no_pickle("Session"))
    }
}

impl Session {
    /// Takes the secrets of a finished handshake.
    pub(super) fn begin(
        handshake: &mut transit::Handshake,
        limits: &Limits,
    ) -> sealwax::Result<Self> {
        let mut session = transit::Session::closed();
        session.begin(handshake, limits, 0)?;
        let binding = *session.binding();
        let (sending, receiving) = session.split()?;
        Ok(Session {
            sending: Guarded::new(sending),
            receiving: Guarded::new(receiving),
            binding,
            begun: Instant::now(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A record of up to `len` bytes.
    fn record<'py>(
        &self,
        py: Python<'py>,
        len: usize,
        seal: impl FnOnce(&mut Sending, u64, &mut [u8]) -> sealwax::Result<usize> + Send,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let now = self.now();
        let mut out = vec![0; len.min(MAX_PLAINTEXT_LEN) + RECORD_OVERHEAD];
        let sealed = self.sending.with(py, |sending| seal(sending, now, &mut out))?;
        Ok(PyBytes::new(py, &out[..sealed.raise(py)?]))
    }
}

fn seal_stream(sending: &mut Sending, now: u64, data: &Source) -> sealwax::Result<Vec<u8>> {
    let records = data.len().div_ceil(MAX_PLAINTEXT_LEN);
    let mut out = vec![0; data.len() + records * (PREFIX_LEN + RECORD_OVERHEAD)];
    let mut piece = Zeroizing::new([0; MAX_PLAINTEXT_LEN]);
    let mut rest = out.as_mut_slice();
    for from in (0..data.len()).step_by(MAX_PLAINTEXT_LEN) {
        let len = MAX_PLAINTEXT_LEN.min(data.len() - from);
        let (record, after) = rest.split_at_mut(PREFIX_LEN + RECORD_OVERHEAD + len);
        let (prefix, record) = record.split_at_mut(PREFIX_LEN);
        let record_len = u16::try_from(record.len()).expect("a record is at most 16,413 bytes");
        prefix.copy_from_slice(&record_len.to_be_bytes());
        match data.fixed() {
            Some(bytes) => sending.seal_into(now, &bytes[from..from + len], &[], record)?,
            None => {
                data.copy_out(from, &mut piece[..len]);
                sending.seal_into(now, &piece[..len], &[], record)?
            }
        };
        rest = after;
    }
    Ok(out)
}

fn open_stream(
    receiving: &mut Receiving,
    now: u64,
    read: &[u8],
) -> sealwax::Result<(usize, Zeroizing<Vec<u8>>)> {
    // Given its final capacity first: growing would leave copies of the data.
    let mut data = Zeroizing::new(vec![0; read.len()]);
    let (mut consumed, mut filled) = (0, 0);
    while !receiving.is_closed() {
        let next = next_record(&read[consumed..]).and_then(|record| match record {
            Some(record) => receiving
                .open_into(now, record, &[], &mut data[filled..])
                .map(|opened| Some((record.len(), opened))),
            None => Ok(None),
        });
        match next {
            Ok(Some((len, opened))) => {
                consumed += PREFIX_LEN + len;
                filled += opened.len;
            }
            Ok(None) => break,
            // What was opened before is genuine. In a stream a failure is final, and comes again.
            Err(_) if consumed > 0 => break,
            Err(error) => return Err(error),
        }
    }
    data[filled..].zeroize();
    data.truncate(filled);
    Ok((consumed, data))
}

/// The record at the beginning of what was read, where it is whole (format.md 13.11).
fn next_record(read: &[u8]) -> sealwax::Result<Option<&[u8]>> {
    let Some((prefix, rest)) = read.split_first_chunk::<PREFIX_LEN>() else { return Ok(None) };
    let len = usize::from(u16::from_be_bytes(*prefix));
    if len < RECORD_OVERHEAD {
        return Err(Error::Format { clause: "13.11", what: "a record has at least 29 bytes" });
    }
    if len > RECORD_OVERHEAD + MAX_PLAINTEXT_LEN {
        return Err(LONG);
    }
    Ok(rest.get(..len))
}

fn associated_of(associated: Option<&Bound<'_, PyAny>>) -> PyResult<Zeroizing<Vec<u8>>> {
    associated.map_or(Ok(Zeroizing::default()), |given| Ok(Source::of(given)?.snapshot()))
}

const PREFIX_LEN: usize = 2;
const LONG: Error = Error::Limit("a record has at most 16,384 bytes of plaintext");
