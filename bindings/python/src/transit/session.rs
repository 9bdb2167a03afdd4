// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session: data in, records out, and the other way round.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sealwax::rng::OsRandom;
use sealwax::secret::{Key, Raw};
use sealwax::transit::{
    self, Content, EXPORT_LEN, Keeping, MAX_PLAINTEXT_LEN, PeerKey, RECORD_OVERHEAD, Receiving,
    Sending,
};
use sealwax::{Error, Suite};
use zeroize::{Zeroize, Zeroizing};

use super::Limits;
use super::halves::Halves;
use crate::buffer::Source;
use crate::errors::{self, Raise};
use crate::keys::{self, Recipient};

/// Each half is used by one thread at a time; a session that is kept, as a whole.
#[pyclass(frozen, module = "sealwax.transit")]
pub(crate) struct Session {
    halves: Halves,
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
        let opened = self.halves.open_into(py, now, &record, &associated, &mut out)?.raise(py)?;
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
        if let Halves::Kept(_) = self.halves {
            return Err(errors::misuse(py, "a session that is kept ends with what is stored: end"));
        }
        self.record(py, 0, |sending, now, out| sending.close_into(now, out))
    }

    /// A record without content.
    fn empty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.record(py, 0, |sending, now, out| sending.seal_empty_into(now, out))
    }

    /// A record that asks the peer to change its keys.
    fn rekey_request<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let request = self.halves.receiving(py, |receiving| receiving.rekey_request())?;
        self.record(py, 4, |sending, now, out| sending.seal_rekey_request_into(now, request, out))
    }

    /// The next record begins an epoch.
    fn rekey(&self, py: Python<'_>) -> PyResult<()> {
        self.halves.sending(py, |sending| sending.rekey())
    }

    /// Data as records of a stream, each with its length before it.
    fn seal_stream<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (data, now) = (Source::of(data)?, self.now());
        let sealed = self.halves.sending(py, |sending| seal_stream(sending, now, &data))?;
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
        let opened = self.halves.receiving(py, |receiving| open_stream(receiving, now, &read))?;
        let (consumed, data) = opened.raise(py)?;
        Ok((consumed, PyBytes::new(py, &data)))
    }

    /// Makes room for `block` more records each way, after `store` took the state.
    #[pyo3(signature = (block, *, device, slot, store))]
    fn reserve(
        &self,
        py: Python<'_>,
        block: u32,
        device: &Bound<'_, PyAny>,
        slot: &Bound<'_, PyBytes>,
        store: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let device: Key<Raw> = keys::key_of(py, device)?;
        let (slot, store) = (slot.as_bytes(), store.clone().unbind());
        let Halves::Kept(session) = &self.halves else {
            return Err(errors::misuse(py, "only a session with limits of kept=True is kept"));
        };
        let mut raised = None;
        let reserved = session.with(py, |session| {
            let keeping = Keeping { device: &device, slot };
            session.reserve(block, &keeping, &mut OsRandom, &mut |state| {
                call_store(&store, state).map_err(|exception| keep(&mut raised, exception))
            })
        })?;
        raised.map_or(Ok(()), Err)?;
        reserved.raise(py)
    }

    /// A session that was kept, which goes on where its block ended.
    #[staticmethod]
    #[pyo3(signature = (kept, *, device, slot, peer=None, limits=None))]
    fn import_(
        py: Python<'_>,
        kept: &Bound<'_, PyAny>,
        device: &Bound<'_, PyAny>,
        slot: &Bound<'_, PyBytes>,
        peer: Option<&Bound<'_, Recipient>>,
        limits: Option<&Bound<'_, Limits>>,
    ) -> PyResult<Self> {
        let kept = Source::of(kept)?.snapshot();
        let device: Key<Raw> = keys::key_of(py, device)?;
        let peer = peer.map(|peer| PeerKey::of(&peer.get().inner)).transpose().raise(py)?;
        // What is no suite is refused where the rest is read.
        let suite = kept.get(SUITE_AT).and_then(|suite| Suite::from_u8(*suite).ok());
        let suite = suite.unwrap_or(Suite::ChaCha20Poly1305);
        let limits = limits.map_or_else(Limits::default, |limits| limits.get().clone());
        let limits = limits.of(suite).raise(py)?.kept();
        let keeping = Keeping { device: &device, slot: slot.as_bytes() };
        let mut session = transit::Session::closed();
        session.import(&kept, &keeping, peer.as_ref(), &limits, 0).raise(py)?;
        Session::of(session, true).raise(py)
    }

    /// The end of a session that is kept, after `store` took zeros.
    fn end<'py>(&self, py: Python<'py>, store: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let Halves::Kept(session) = &self.halves else {
            return Err(errors::misuse(py, "a session that is not kept ends with close"));
        };
        let (store, now) = (store.clone().unbind(), self.now());
        let (mut raised, mut out) = (None, [0; RECORD_OVERHEAD]);
        let ended = session.with(py, |session| {
            let mut store = |state: &[u8; EXPORT_LEN]| {
                call_store(&store, state).map_err(|exception| keep(&mut raised, exception))
            };
            session.end(now, &mut store, &mut out)
        })?;
        raised.map_or(Ok(()), Err)?;
        Ok(PyBytes::new(py, &out[..ended.raise(py)?]))
    }

    /// Forgets keys whose time is over.
    fn tick(&self, py: Python<'_>) -> PyResult<()> {
        let now = self.now();
        self.halves.receiving(py, |receiving| receiving.tick(now))?;
        self.halves.sending(py, |sending| sending.tick(now))?.raise(py)
    }

    /// Whether the peer must be asked for other keys before it is heard again.
    #[getter]
    fn wants_rekey_request(&self, py: Python<'_>) -> PyResult<bool> {
        self.halves.receiving(py, |receiving| receiving.wants_rekey_request())
    }

    /// Whether the peer ended its direction.
    #[getter]
    fn is_ended(&self, py: Python<'_>) -> PyResult<bool> {
        self.halves.receiving(py, |receiving| receiving.is_closed())
    }

    /// Whether this direction was closed.
    #[getter]
    fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        self.halves.sending(py, |sending| sending.is_closed())
    }

    /// Whether the peer has shown that it is there now.
    #[getter]
    fn is_confirmed(&self, py: Python<'_>) -> PyResult<bool> {
        self.halves.receiving(py, |receiving| receiving.is_confirmed())
    }

    /// The epochs of what is sealed and of what was opened.
    #[getter]
    fn epochs(&self, py: Python<'_>) -> PyResult<(u32, u32)> {
        let sending = self.halves.sending(py, |sending| sending.epoch())?;
        Ok((sending, self.halves.receiving(py, |receiving| receiving.epoch())?))
    }

    /// Whether it is time for a fresh handshake.
    #[getter]
    fn wants_handshake(&self, py: Python<'_>) -> PyResult<bool> {
        let now = self.now();
        let sending = self.halves.sending(py, |sending| sending.wants_handshake(now))?;
        Ok(sending || self.halves.receiving(py, |receiving| receiving.wants_handshake(now))?)
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
        limits: &transit::Limits,
        is_kept: bool,
    ) -> sealwax::Result<Self> {
        let mut session = transit::Session::closed();
        session.begin(handshake, limits, 0)?;
        Self::of(session, is_kept)
    }

    /// A session whose clock begins now.
    fn of(session: transit::Session, is_kept: bool) -> sealwax::Result<Self> {
        let binding = *session.binding();
        Ok(Session { halves: Halves::new(session, is_kept)?, binding, begun: Instant::now() })
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
        let sealed = self.halves.sending(py, |sending| seal(sending, now, &mut out))?;
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

/// Hands a state to the caller's function.
fn call_store(store: &Py<PyAny>, state: &[u8; EXPORT_LEN]) -> PyResult<()> {
    Python::attach(|py| store.bind(py).call1((PyBytes::new(py, state),)).map(|_| ()))
}

/// Keeps what was raised, which is what the caller sees in the end.
fn keep(raised: &mut Option<PyErr>, exception: PyErr) -> Error {
    *raised = Some(exception);
    Error::Misuse("storing raised")
}

fn associated_of(associated: Option<&Bound<'_, PyAny>>) -> PyResult<Zeroizing<Vec<u8>>> {
    associated.map_or(Ok(Zeroizing::default()), |given| Ok(Source::of(given)?.snapshot()))
}

/// Where a kept session says its suite: format.md 13.13.
const SUITE_AT: usize = 5;
const PREFIX_LEN: usize = 2;
const LONG: Error = Error::Limit("a record has at most 16,384 bytes of plaintext");
