// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys and recipients other than keysets, and whatever a call may be given as either.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use sealwax::id::RawKeyId;
use sealwax::secret::Key;
use sealwax::wrap::hpke;
use sealwax::wrap::passphrase::{self, Params};
use sealwax::wrap::provider;
use sealwax::wrap::raw_key;
use sealwax::{Error, KeyWrap, Opener, Sealer};

use crate::buffer::Source;
use crate::errors::{self, Raise};
use crate::keyset::Keyset;
use crate::store::Store;

/// A public key that envelopes are sealed for: `sealwaxpub1...`.
#[pyclass(frozen, module = "sealwax", eq)]
#[derive(PartialEq)]
pub(crate) struct Recipient {
    pub(crate) inner: Arc<hpke::Recipient>,
}

#[pymethods]
impl Recipient {
    /// Reads a recipient string.
    #[new]
    fn new(py: Python<'_>, text: &str) -> PyResult<Self> {
        Ok(Recipient { inner: Arc::new(hpke::Recipient::parse_text(text).raise(py)?) })
    }

    /// The same public key, not named in what is sealed for it: openers try their keys.
    fn hidden(&self) -> Self {
        Recipient { inner: Arc::new((*self.inner).clone().hidden()) }
    }

    /// Eight bytes of a hash of the public key, in hex.
    #[getter]
    fn fingerprint(&self) -> String {
        self.inner.fingerprint().to_string()
    }

    /// `x25519` or `x-wing`.
    #[getter]
    fn algorithm(&self) -> &'static str {
        self.inner.public_key().algorithm().name()
    }

    /// The public key.
    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.public_key().as_bytes())
    }

    fn __str__(&self) -> String {
        self.inner.to_text()
    }

    fn __repr__(&self) -> String {
        format!("<sealwax.Recipient {} {}>", self.algorithm(), self.fingerprint())
    }

    fn __hash__(&self) -> u64 {
        u64::from_be_bytes(self.inner.fingerprint().0)
    }
}

/// A passphrase with costs of its own; where the usual ones do, a str is enough.
#[pyclass(frozen, module = "sealwax")]
pub(crate) struct Passphrase {
    inner: Arc<passphrase::Passphrase>,
}

#[pymethods]
impl Passphrase {
    /// Takes the text as it is.
    #[new]
    #[pyo3(signature = (text, *, memory_kib=65536, passes=3, lanes=4, max_memory_kib=None))]
    fn new(
        py: Python<'_>,
        text: &Bound<'_, PyString>,
        memory_kib: u32,
        passes: u32,
        lanes: u8,
        max_memory_kib: Option<u32>,
    ) -> PyResult<Self> {
        let params = Params { m_kib: memory_kib, t: passes, p: lanes };
        let passphrase = passphrase::Passphrase::new(secret_text(text)?);
        let mut passphrase = passphrase.and_then(|p| p.with_params(params)).raise(py)?;
        if let Some(m_kib) = max_memory_kib {
            passphrase = passphrase.with_max_memory_kib(m_kib);
        }
        Ok(Passphrase { inner: Arc::new(passphrase) })
    }

    fn __repr__(&self) -> &'static str {
        "<sealwax.Passphrase>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(no_pickle("Passphrase"))
    }
}

/// A device key or a backup key: 32 random bytes under an id that its owner chose.
#[pyclass(frozen, module = "sealwax")]
pub(crate) struct RawKey {
    inner: Arc<raw_key::RawKey>,
}

#[pymethods]
impl RawKey {
    /// Takes the id (16 bytes) and the key (32 bytes).
    #[new]
    fn new(py: Python<'_>, key_id: &Bound<'_, PyAny>, key: &Bound<'_, PyAny>) -> PyResult<Self> {
        let id = Source::of(key_id)?.snapshot();
        let id = id.as_slice().try_into();
        let id = id.map_err(|_| errors::misuse(py, "the id of a raw key is 16 bytes"))?;
        let key = key_of(py, key)?;
        Ok(RawKey { inner: Arc::new(raw_key::RawKey::new(RawKeyId(id), key)) })
    }

    /// The id, in hex.
    #[getter]
    fn id(&self) -> String {
        self.inner.id().to_string()
    }

    fn __repr__(&self) -> String {
        format!("<sealwax.RawKey {}>", self.inner.id())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(no_pickle("RawKey"))
    }
}

/// The 32 bytes that a provider (a KMS, an HSM) decrypted for an envelope: a key that opens it.
#[pyclass(frozen, module = "sealwax")]
pub(crate) struct ProvidedKey {
    inner: Arc<provider::Unwrapped>,
}

#[pymethods]
impl ProvidedKey {
    /// Takes what the provider returned for the entry with these names.
    #[new]
    fn new(
        py: Python<'_>,
        provider: &str,
        key_name: &str,
        key: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let key = match Source::of(key)?.len() {
            32 => key_of(py, key)?,
            _ => return Err(errors::provider(py, "an unwrapped key has 32 bytes")),
        };
        let key = provider::Unwrapped::new(provider, key_name, key).raise(py)?;
        Ok(ProvidedKey { inner: Arc::new(key) })
    }

    fn __repr__(&self) -> &'static str {
        "<sealwax.ProvidedKey>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(no_pickle("ProvidedKey"))
    }
}

/// A provider's key as the recipient of one envelope: a fresh key that the provider wrapped.
#[pyclass(frozen, module = "sealwax")]
pub(crate) struct ProviderRecipient {
    inner: Arc<provider::Recipient>,
}

#[pymethods]
impl ProviderRecipient {
    /// Draws a fresh key and has it wrapped: `wrap` gets its 32 bytes and returns the blob.
    #[new]
    fn new(
        py: Python<'_>,
        provider: &str,
        key_name: &str,
        wrap: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let random = &mut sealwax::rng::OsRandom;
        let request = provider::Request::new(provider, key_name, random).raise(py)?;
        let blob = wrap.call1((PyBytes::new(py, request.expose_key()),))?;
        let Ok(blob) = blob.cast::<PyBytes>() else {
            return Err(errors::provider(
                py,
                "the provider's wrap returned something else than bytes",
            ));
        };
        Ok(ProviderRecipient { inner: Arc::new(request.finish(blob.as_bytes()).raise(py)?) })
    }

    fn __repr__(&self) -> &'static str {
        "<sealwax.ProviderRecipient>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(no_pickle("ProviderRecipient"))
    }
}

/// The keys or recipients of one call, alive as long as it runs.
#[derive(Clone, Default)]
pub(crate) struct Keys(Vec<Arc<dyn KeyWrap + Send + Sync>>);

/// What a list of keys is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Seal,
    Open,
}

impl Keys {
    /// Adds a passphrase: a str, or a `Passphrase`.
    pub(crate) fn passphrase(mut self, given: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(given) = given else { return Ok(self) };
        if let Ok(passphrase) = given.cast::<Passphrase>() {
            self.0.push(passphrase.get().inner.clone());
            return Ok(self);
        }
        let wrong = || PyTypeError::new_err("a passphrase is a str or a sealwax.Passphrase");
        let text = given.cast::<PyString>().map_err(|_| wrong())?;
        let passphrase = passphrase::Passphrase::new(secret_text(text)?).raise(given.py())?;
        self.0.push(Arc::new(passphrase));
        Ok(self)
    }

    /// Adds one key or a sequence of keys.
    pub(crate) fn add(mut self, given: Option<&Bound<'_, PyAny>>, purpose: Use) -> PyResult<Self> {
        let Some(given) = given else { return Ok(self) };
        if self.add_one(given, purpose)? {
            return Ok(self);
        }
        let wrong = |object: &Bound<'_, PyAny>| {
            let kind = object.get_type();
            let kind = kind.name().map_or_else(|_| "?".into(), |name| name.to_string());
            let what = match purpose {
                Use::Seal => "a recipient is a Keyset, a Recipient, a recipient string or a RawKey",
                Use::Open => "a key is a Keyset, an identity string, a RawKey or a ProvidedKey",
            };
            PyTypeError::new_err(format!("{what}, not {kind}"))
        };
        for one in given.try_iter().map_err(|_| wrong(given))? {
            let one = one?;
            if !self.add_one(&one, purpose)? {
                return Err(wrong(&one));
            }
        }
        Ok(self)
    }

    fn add_one(&mut self, given: &Bound<'_, PyAny>, purpose: Use) -> PyResult<bool> {
        let py = given.py();
        let key: Arc<dyn KeyWrap + Send + Sync> = if let Ok(keyset) = given.cast::<Keyset>() {
            keyset.get().share(py)?
        } else if let Ok(store) = given.cast::<Store>() {
            store.get().newest(py)?
        } else if let Ok(key) = given.cast::<RawKey>() {
            key.get().inner.clone()
        } else if let Ok(recipient) = given.cast::<Recipient>() {
            recipient.get().inner.clone()
        } else if let Ok(key) = given.cast::<ProvidedKey>() {
            key.get().inner.clone()
        } else if let Ok(recipient) = given.cast::<ProviderRecipient>() {
            recipient.get().inner.clone()
        } else if let Ok(text) = given.cast::<PyString>() {
            let text = secret_text(text)?;
            let begins = |start: &str| {
                text.get(..start.len()).is_some_and(|front| front.eq_ignore_ascii_case(start))
            };
            // What is mistyped is for the parser to say; a path is no key at all.
            match purpose {
                Use::Seal if begins("sealwaxpub") => {
                    Arc::new(hpke::Recipient::parse_text(text).raise(py)?)
                }
                Use::Open if begins("SEALWAX-SECRET-") => {
                    Arc::new(sealwax::Keyset::parse_identity_text(text).raise(py)?)
                }
                Use::Seal => return Err(errors::from(py, NO_RECIPIENT)),
                Use::Open => return Err(errors::from(py, NO_KEY)),
            }
        } else {
            return Ok(false);
        };
        self.0.push(key);
        Ok(true)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, for longer than one call.
    pub(crate) fn shared(self) -> Vec<Arc<dyn KeyWrap + Send + Sync>> {
        self.0
    }

    /// All of them, as the library takes them.
    pub(crate) fn wraps(&self) -> Vec<&dyn KeyWrap> {
        self.0.iter().map(|key| &**key as &dyn KeyWrap).collect()
    }

    /// A sealer for all of them.
    pub(crate) fn sealer(&self) -> Sealer<'_> {
        self.0.iter().fold(Sealer::new(), |sealer, key| sealer.recipient(&**key))
    }

    /// An opener with all of them.
    pub(crate) fn opener(&self) -> Opener<'_> {
        self.0.iter().fold(Opener::new(), |opener, key| opener.key(&**key))
    }
}

/// The text of what may be a secret: Python's exception for a lone surrogate would hold all of it.
pub(crate) fn secret_text<'a>(text: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    text.to_str().map_err(|_| errors::misuse(text.py(), "a text is not UTF-8"))
}

/// A key in a buffer.
pub(crate) fn key_of<P>(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<Key<P>> {
    let source = Source::of(object)?;
    if source.len() != 32 {
        return Err(errors::misuse(py, "a key is 32 bytes"));
    }
    let mut key = Key::zeroed();
    source.copy_out(0, key.expose_bytes_mut());
    Ok(key)
}

/// Why a secret is not pickled.
pub(crate) fn no_pickle(name: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "a {name} is not pickled or copied: it would carry its secret along"
    ))
}

const NO_RECIPIENT: Error = Error::Format {
    clause: "9.1",
    what: "a text is a recipient string, sealwaxpub1...; a keyset file is read by Keyset.load",
};
const NO_KEY: Error = Error::Format {
    clause: "9.2",
    what: "a text is an identity string, SEALWAX-SECRET-1...; a keyset file is read by Keyset.load, and a passphrase is \
           given as passphrase",
};
