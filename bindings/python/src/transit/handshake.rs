// SPDX-License-Identifier: MIT OR Apache-2.0
//! A handshake: messages in, messages out, and then a session.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sealwax::context::{Context, Encoded};
use sealwax::rng::{Now, OsRandom};
use sealwax::secret::{Key, Psk};
use sealwax::transit::{
    self, Hybrid, KeyPair, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Party, Pattern, Peer, PeerKey,
    Peers, Received, Settings, Verdict,
};
use sealwax::wrap::hpke::{self, PublicKey};
use sealwax::{Algorithm, Error};
use zeroize::Zeroizing;

use super::{Limits, Session};
use crate::context;
use crate::errors::{self, Raise};
use crate::guarded::Guarded;
use crate::keys::{self, Recipient};
use crate::keyset::{self, Keyset};

/// One side of a handshake.
#[pyclass(frozen, module = "sealwax.transit")]
pub(crate) struct Handshake {
    state: Guarded<transit::Handshake>,
    held: Held,
    accept: Option<Py<PyAny>>,
}

/// What a handshake is made with.
struct Held {
    settings: Settings,
    prologue: Vec<u8>,
    keys: Vec<KeyPair>,
    peers: Option<Vec<PeerKey>>,
    psk: Option<Key<Psk>>,
    context: Context,
    limits: transit::Limits,
    is_kept: bool,
}

/// What reading a message came to.
enum Heard {
    Context(Context),
    Duplicate,
}

#[pymethods]
impl Handshake {
    /// Nothing is written or read yet.
    #[new]
    #[pyo3(signature = (
        initiator, *, identity=None, peers=None, psk=None, context=None, accept=None, pattern=None,
        suite="chacha20-poly1305", mode="stream", post_quantum=true, prologue=None, limits=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments of Python")]
    fn new(
        py: Python<'_>,
        initiator: bool,
        identity: Option<&Bound<'_, Keyset>>,
        peers: Option<Vec<Bound<'_, Recipient>>>,
        psk: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
        accept: Option<Py<PyAny>>,
        pattern: Option<&str>,
        suite: &str,
        mode: &str,
        post_quantum: bool,
        prologue: Option<&Bound<'_, PyBytes>>,
        limits: Option<&Bound<'_, Limits>>,
    ) -> PyResult<Self> {
        let is_named = identity.is_some();
        if is_named && peers.is_none() && accept.is_none() {
            let what = "say who the peer may be: give peers, or accept";
            return Err(errors::misuse(py, what));
        }
        let pattern = match pattern {
            Some(name) => pattern_of(py, name)?,
            None => match (is_named, psk.is_some()) {
                (true, false) => Pattern::IK,
                (true, true) => Pattern::IKpsk2,
                (false, true) => Pattern::NNpsk0,
                (false, false) => return Err(errors::misuse(py, "give an identity, or a psk")),
            },
        };
        let mode = match mode {
            "stream" => Mode::Stream,
            "datagram" => Mode::Datagram,
            _ => return Err(errors::misuse(py, "the modes are stream and datagram")),
        };
        let mut settings = Settings::new(pattern, mode);
        settings.hybrid = if post_quantum { Hybrid::On } else { Hybrid::Off };
        settings.suite = match keyset::algorithm_of(py, suite)? {
            Algorithm::Symmetric(suite) => suite,
            _ => return Err(errors::misuse(py, "a suite is a symmetric one")),
        };
        let limits = limits.map_or_else(Limits::default, |limits| limits.get().clone());
        if limits.is_kept && mode == Mode::Stream {
            return Err(errors::misuse(py, "a session of a stream is not kept"));
        }
        let own = identity.map(|keyset| keyset.get().share(py)).transpose()?;
        let keys = own.map(|keyset| KeyPair::of_keyset(&keyset)).transpose().raise(py)?;
        let key = |peer: Bound<'_, Recipient>| PeerKey::of(&peer.get().inner).raise(py);
        let held = Held {
            settings,
            prologue: prologue.map(|bytes| bytes.as_bytes().to_vec()).unwrap_or_default(),
            keys: keys.unwrap_or_default(),
            peers: peers.map(|peers| peers.into_iter().map(key).collect()).transpose()?,
            psk: psk.map(|psk| keys::key_of(py, psk)).transpose()?,
            context: context::of(context)?,
            limits: limits.of(settings.suite).raise(py)?,
            is_kept: limits.is_kept,
        };
        let state = match initiator {
            true => transit::Handshake::initiator(),
            false => transit::Handshake::responder(),
        };
        Ok(Handshake { state: Guarded::new(state), held, accept })
    }

    /// The next message for the peer.
    fn write<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut message = [0; MAX_MESSAGE_LEN];
        let written = self.state.with(py, |state| {
            let context = self.held.context.as_encoded();
            state.write(&self.held.party(), context, &mut OsRandom, &mut message)
        })?;
        Ok(PyBytes::new(py, &message[..written.raise(py)?]))
    }

    /// Reads a message of the peer's: its context, or `None` for a message that was read before.
    fn read<'py>(
        &self,
        py: Python<'py>,
        message: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let message = crate::buffer::Source::of(message)?.snapshot();
        let mut raised = None;
        let heard = self.state.with(py, |state| {
            let mut context = Zeroizing::new([0; MAX_CONTEXT_LEN]);
            let mut ask = |peer: &Peer<'_>| match self.ask(peer) {
                Ok(verdict) => verdict,
                Err(exception) => {
                    raised = Some(exception);
                    Verdict::Refuse
                }
            };
            let held = self.held.party();
            match state.read(&held, &message, &mut ask, context.as_mut_slice())? {
                Received::Context(encoded) => owned(encoded).map(Heard::Context),
                Received::Duplicate => Ok(Heard::Duplicate),
            }
        })?;
        if let Some(exception) = raised {
            return Err(exception);
        }
        match heard.raise(py)? {
            Heard::Context(context) => context::to_dict(py, context.as_encoded()).map(Some),
            Heard::Duplicate => Ok(None),
        }
    }

    /// Whether the next step is `write`.
    #[getter]
    fn writes_next(&self, py: Python<'_>) -> PyResult<bool> {
        self.state.with(py, |state| state.writes_next())
    }

    /// Whether all messages were exchanged.
    #[getter]
    fn is_finished(&self, py: Python<'_>) -> PyResult<bool> {
        self.state.with(py, |state| state.is_finished())
    }

    /// The peer's key, once it is known.
    #[getter]
    fn peer(&self, py: Python<'_>) -> PyResult<Option<Recipient>> {
        match self.state.with(py, |state| state.peer())? {
            Some(key) => recipient(&key).map(Some).raise(py),
            None => Ok(None),
        }
    }

    /// What a finished handshake leaves, once.
    fn session(&self, py: Python<'_>) -> PyResult<Session> {
        let Held { limits, is_kept, .. } = &self.held;
        self.state.with(py, |state| Session::begin(state, limits, *is_kept))?.raise(py)
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(keys::no_pickle("Handshake"))
    }
}

impl Handshake {
    fn ask(&self, peer: &Peer<'_>) -> PyResult<Verdict> {
        let Some(accept) = &self.accept else { return Ok(Verdict::Accept) };
        Python::attach(|py| {
            let key = peer.key.as_ref().map(recipient).transpose().raise(py)?;
            let context = context::to_dict(py, peer.context)?;
            let answer = accept.bind(py).call1((key, context, peer.replayable))?;
            match answer.is_truthy()? {
                true => Ok(Verdict::Accept),
                false => Ok(Verdict::Refuse),
            }
        })
    }
}

impl Held {
    fn party(&self) -> Party<'_> {
        Party {
            settings: self.settings,
            prologue: &self.prologue,
            keys: &self.keys,
            peers: self.peers.as_deref().map_or(Peers::Any, Peers::Pinned),
            psk: self.psk.as_ref(),
            now: Now::system(),
        }
    }
}

fn owned(encoded: Encoded<'_>) -> sealwax::Result<Context> {
    let mut context = Context::new();
    for entry in encoded.entries() {
        context.insert(entry.name, entry.value)?;
    }
    Ok(context)
}

fn recipient(key: &PeerKey) -> sealwax::Result<Recipient> {
    let public = PublicKey::parse(Algorithm::X25519, key.as_bytes())?;
    Ok(Recipient { inner: std::sync::Arc::new(hpke::Recipient::new(public)?) })
}

fn pattern_of(py: Python<'_>, name: &str) -> PyResult<Pattern> {
    let known = (1..=5).filter_map(|number| Pattern::from_u8(number).ok());
    let names = ["XX", "IK", "KK", "NNpsk0", "IKpsk2"];
    let found = known.zip(names).find(|(_, known)| *known == name);
    let error = Error::Misuse("the patterns are XX, IK, KK, NNpsk0 and IKpsk2");
    found.map(|(pattern, _)| pattern).ok_or_else(|| errors::from(py, error))
}
