// SPDX-License-Identifier: MIT OR Apache-2.0
//! A keyset as a recipient: its primary wraps, all its versions unwrap (format.md 5.2, 5.4).

use super::Keyset;
use super::version::{Purpose, Version};
use crate::error::{Error, Result};
use crate::id::{Algorithm, Fingerprint, KeyState};
use crate::rng::Random;
use crate::secret::{Data, Key};
use crate::wrap::{Binding, Entry, KeyWrap, OpenedVia, Shape, Trials, Unwrap};

/// An entry of type 3 or 4.
struct SealedForPair<'a> {
    algorithm: Algorithm,
    fingerprint: Fingerprint,
    enc: &'a [u8],
    ct: &'a [u8; 48],
}

impl KeyWrap for Keyset {
    fn shape(&self) -> Result<Shape> {
        let primary = self.sealing_version()?;
        match (primary.symmetric()?, primary.pair()) {
            (Some(key), _) => key.shape(),
            (None, Some((_, recipient))) => recipient.shape(),
            (None, None) => Err(Error::Misuse("the primary version has no secret")),
        }
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        let primary = self.sealing_version()?;
        primary.charge(data_key.expose_bytes().len())?;
        match (primary.symmetric()?, primary.pair()) {
            (Some(key), _) => key.wrap_key(binding, data_key, random, body),
            (None, Some((_, recipient))) => recipient.wrap_key(binding, data_key, random, body),
            (None, None) => Err(Error::Misuse("the primary version has no secret")),
        }
    }

    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        self.unwrap_for(Purpose::Use, binding, entry, trials, data_key)
    }
}

impl Keyset {
    pub(super) fn unwrap_for(
        &self,
        purpose: Purpose,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        match *entry {
            Entry::Keyset { keyset, version, .. } if keyset == self.id => {
                let Some(version) = self.version(version) else { return Ok(Unwrap::NotAtHand) };
                if let Err(forbidden) = version.check_opens(purpose) {
                    return Ok(Unwrap::Forbidden(forbidden));
                }
                let Some(key) = version.symmetric()? else { return Ok(Unwrap::NotAtHand) };
                let outcome = key.unwrap_key(binding, entry, trials, data_key)?;
                Ok(match outcome {
                    Unwrap::Opened(via) => Unwrap::Opened(self.via(version, via)),
                    other => other,
                })
            }
            Entry::X25519 { fingerprint, enc, ct } => {
                let sealed = SealedForPair { algorithm: Algorithm::X25519, fingerprint, enc, ct };
                self.try_pairs(purpose, binding, &sealed, trials, data_key)
            }
            Entry::XWing { fingerprint, enc, ct } => {
                let sealed = SealedForPair { algorithm: Algorithm::XWing, fingerprint, enc, ct };
                self.try_pairs(purpose, binding, &sealed, trials, data_key)
            }
            _ => Ok(Unwrap::NotAtHand),
        }
    }

    /// What a compromised version opened is marked: it proves nothing.
    fn via(&self, version: &Version, via: OpenedVia) -> OpenedVia {
        match version.state() {
            KeyState::Compromised => OpenedVia::Compromised(self.id, version.id()),
            _ => via,
        }
    }

    fn try_pairs(
        &self,
        purpose: Purpose,
        binding: &Binding,
        sealed: &SealedForPair<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        let SealedForPair { algorithm, fingerprint, enc, ct } = *sealed;
        let mut outcome = Unwrap::NotAtHand;
        for version in &self.versions {
            let Some((private, recipient)) = version.pair() else { continue };
            let named = fingerprint == recipient.fingerprint();
            if version.algorithm() != algorithm || !(named || fingerprint == Fingerprint::HIDDEN) {
                continue;
            }
            if let Err(forbidden) = version.check_opens(purpose) {
                // A hidden entry does not say that it means this version.
                if named && !matches!(outcome, Unwrap::Failed) {
                    outcome = Unwrap::Forbidden(forbidden);
                }
                continue;
            }
            trials.spend()?;
            if private.open(binding.core_hash, enc, ct, data_key)? {
                let via = match algorithm {
                    Algorithm::XWing => OpenedVia::XWing(self.id, version.id()),
                    _ => OpenedVia::X25519(self.id, version.id()),
                };
                return Ok(Unwrap::Opened(self.via(version, via)));
            }
            outcome = Unwrap::Failed;
        }
        Ok(outcome)
    }
}
