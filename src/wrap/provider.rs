// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recipient type 128: a provider (KMS, HSM) that wraps a fresh key (format.md 5.6).
//!
//! Nothing here does I/O. To seal: make a [`Request`], have the provider encrypt its 32 bytes, and
//! [`Request::finish`] with what came back; the result is a recipient. To open: read the entry's blob from
//! the header, have the provider decrypt it, and hand the 32 bytes to [`Unwrapped::new`].
//! Call only providers and keys that you listed yourself: the header is not authenticated yet.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Binding, Class, Entry, KeyWrap, OpenedVia, Shape, Trials, Unwrap};
use crate::derive;
use crate::error::{Error, Result};
use crate::format::entry::WRAPPED_LEN;
use crate::format::writer::Writer;
use crate::id::{RecipientKind, Suite, Wanted};
use crate::rng::Random;
use crate::secret::{Data, Key, Provided};

/// A call that the caller carries out: encrypt these 32 bytes under that key.
pub struct Request {
    names: Names,
    /// Boxed here and below, so that what moves is the pointer and no copy of the key stays behind.
    provided: Box<Key<Provided>>,
}

/// A provider's key as a recipient of one envelope, after the provider was called.
pub struct Recipient {
    names: Names,
    blob: Vec<u8>,
    provided: Box<Key<Provided>>,
}

/// What a provider decrypted, as a key for one envelope.
pub struct Unwrapped {
    names: Names,
    /// Nothing where it was not 32 bytes.
    provided: Option<Box<Key<Provided>>>,
}

struct Names {
    provider: String,
    key_name: String,
}

impl Request {
    /// Draws a fresh key to be wrapped.
    ///
    /// # Errors
    /// `Misuse` where a name is empty, too long (255 and 2,048 bytes) or has a control character; `Random`.
    pub fn new(provider: &str, key_name: &str, random: &mut dyn Random) -> Result<Self> {
        let names = Names::new(provider, key_name)?;
        let mut provided = Box::new(Key::zeroed());
        random.fill(provided.expose_bytes_mut())?;
        Ok(Request { names, provided })
    }

    /// The 32 bytes that the provider encrypts.
    pub fn expose_key(&self) -> &[u8; 32] {
        self.provided.expose_bytes()
    }

    /// Takes what the provider returned.
    ///
    /// # Errors
    /// `Provider` where the blob is empty or does not fit into an entry.
    pub fn finish(self, blob: &[u8]) -> Result<Recipient> {
        let Request { names, provided } = self;
        if blob.is_empty() || names.body_len(blob.len()) > usize::from(u16::MAX) {
            return Err(Error::Provider("the wrapped key is empty or too long"));
        }
        Ok(Recipient { names, blob: blob.to_vec(), provided })
    }
}

impl Unwrapped {
    /// Takes the 32 bytes that the provider decrypted for an entry with these names.
    ///
    /// # Errors
    /// `Misuse` as [`Request::new`].
    pub fn new(provider: &str, key_name: &str, provided: Key<Provided>) -> Result<Self> {
        Ok(Unwrapped { names: Names::new(provider, key_name)?, provided: Some(Box::new(provided)) })
    }

    /// What stands for a provider's answer that is not 32 bytes: each trial with it fails (format.md 5.6).
    ///
    /// # Errors
    /// `Misuse` as [`Request::new`].
    pub fn of_wrong_length(provider: &str, key_name: &str) -> Result<Self> {
        Ok(Unwrapped { names: Names::new(provider, key_name)?, provided: None })
    }
}

impl Names {
    fn new(provider: &str, key_name: &str) -> Result<Self> {
        for (name, max_len) in [(provider, 255), (key_name, 2048)] {
            if name.is_empty() || name.len() > max_len || name.chars().any(char::is_control) {
                return Err(Error::Misuse("a provider's or key's name is not allowed"));
            }
        }
        Ok(Names { provider: provider.into(), key_name: key_name.into() })
    }

    fn body_len(&self, blob_len: usize) -> usize {
        5 + self.provider.len() + self.key_name.len() + blob_len + WRAPPED_LEN
    }

    fn key(
        &self,
        provided: &Key<Provided>,
        suite: Suite,
    ) -> crate::primitives::Prk<crate::secret::Wrap> {
        derive::provider_key(provided, suite, &self.provider, &self.key_name)
    }
}

impl KeyWrap for Recipient {
    fn shape(&self) -> Result<Shape> {
        Ok(Shape {
            kind: RecipientKind::Provider,
            body_len: self.names.body_len(self.blob.len()),
            class: Class::Classical,
            hidden: false,
            suite: Suite::Cobblestone256,
            wanted: Wanted::Recipient(RecipientKind::Provider),
        })
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        let Names { provider, key_name } = &self.names;
        let fits = "Names and Request checked the lengths";
        let mut writer = Writer::new(body);
        writer.put(&[u8::try_from(provider.len()).expect(fits)]).put(provider.as_bytes());
        let key_name_len = u16::try_from(key_name.len()).expect(fits);
        writer.put(&key_name_len.to_be_bytes()).put(key_name.as_bytes());
        let blob_len = u16::try_from(self.blob.len()).expect(fits);
        writer.put(&blob_len.to_be_bytes()).put(&self.blob);
        let wrapped = writer.reserve(WRAPPED_LEN);
        writer.finish();
        let key = self.names.key(&self.provided, binding.suite);
        super::wrap_value(&key, binding.suite, binding, data_key, random, wrapped)
    }

    fn unwrap_key(
        &self,
        _: &Binding,
        _: &Entry<'_>,
        _: &mut Trials,
        _: &mut Key<Data>,
    ) -> Result<Unwrap> {
        Ok(Unwrap::NotAtHand)
    }
}

impl KeyWrap for Unwrapped {
    fn shape(&self) -> Result<Shape> {
        Err(Error::Misuse("a key that a provider unwrapped only opens"))
    }

    fn wrap_key(&self, _: &Binding, _: &Key<Data>, _: &mut dyn Random, _: &mut [u8]) -> Result<()> {
        Err(Error::Misuse("a key that a provider unwrapped only opens"))
    }

    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        match entry {
            Entry::Provider { provider, key_name, wrapped, .. }
                if *provider == self.names.provider && *key_name == self.names.key_name =>
            {
                trials.spend()?;
                let Some(provided) = &self.provided else { return Ok(Unwrap::Failed) };
                let key = self.names.key(provided, binding.suite);
                let opened = super::unwrap_value(&key, binding.suite, binding, *wrapped, data_key);
                Ok(match opened {
                    true => Unwrap::Opened(OpenedVia::Provider),
                    false => Unwrap::Failed,
                })
            }
            _ => Ok(Unwrap::NotAtHand),
        }
    }
}
