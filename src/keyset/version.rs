// SPDX-License-Identifier: MIT OR Apache-2.0
//! One version of a keyset: a secret, a state, times.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "std")]
use super::meter::Meter;
use super::refuse;
use super::usage::Usage;
use crate::error::Result;
use crate::format::keyset::Record;
use crate::id::{Algorithm, KeyState, KeysetId, Suite, VersionId};
#[cfg(feature = "std")]
use crate::secret::memory::with_wiped_stack;
use crate::secret::memory::{HEADER_DEPTH, PUBLIC_KEY_DEPTH, try_with_wiped_stack};
use crate::secret::{Held, Key, Pair, Root};
use crate::wrap::hpke::{PrivateKey, Recipient};
use crate::wrap::version_key::VersionKey;

/// A version of a keyset.
pub struct Version {
    keyset: KeysetId,
    id: VersionId,
    algorithm: Algorithm,
    state: KeyState,
    created: u64,
    activate_at: u64,
    deactivate_at: u64,
    changes: Vec<Change>,
    material: Material,
    #[cfg(feature = "std")]
    meter: alloc::sync::Arc<Meter>,
}

/// What a version is asked to open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To use what is in it.
    Use,
    /// To seal it anew: compromised versions open too.
    Migrate,
}

/// A change of a version's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The state it went to.
    pub state: KeyState,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why.
    pub reason: String,
}

// Boxed, so that moving a version moves no secret: a list of versions that grows would leave copies behind.
enum Material {
    Symmetric(Box<SymmetricMaterial>),
    Pair(Box<PairMaterial>),
    Destroyed,
}

struct SymmetricMaterial {
    root: Held<Key<Root>>,
    /// Derived at the first use: held keys are locked memory, of which there is little, and most old versions are never
    /// used.
    #[cfg(feature = "std")]
    key: std::sync::OnceLock<Held<VersionKey>>,
    #[cfg(not(feature = "std"))]
    key: VersionKey,
}

struct PairMaterial {
    secret: Held<Key<Pair>>,
    private: PrivateKey,
    recipient: Recipient,
}

impl Version {
    /// A fresh version with this secret, pre-active or active.
    pub(super) fn new(
        keyset: KeysetId,
        id: VersionId,
        algorithm: Algorithm,
        state: KeyState,
        secret: &[u8; 32],
        created: u64,
    ) -> Result<Self> {
        Ok(Version {
            keyset,
            id,
            algorithm,
            state,
            created,
            activate_at: 0,
            deactivate_at: 0,
            changes: Vec::new(),
            material: Material::new(keyset, id, algorithm, secret)?,
            #[cfg(feature = "std")]
            meter: Meter::alone(),
        })
    }

    pub(super) fn from_record(keyset: KeysetId, record: &Record<'_>) -> Result<Self> {
        let material = match record.secret {
            Some(secret) => Material::new(keyset, record.id, record.algorithm, secret)?,
            None => Material::Destroyed,
        };
        let changes = record.changes().map(|change| Change {
            state: change.state,
            at: change.at,
            reason: change.reason.into(),
        });
        Ok(Version {
            keyset,
            id: record.id,
            algorithm: record.algorithm,
            state: record.state,
            created: record.created,
            activate_at: record.activate_at,
            deactivate_at: record.deactivate_at,
            changes: changes.collect(),
            material,
            #[cfg(feature = "std")]
            meter: Meter::alone(),
        })
    }

    /// Its id.
    pub fn id(&self) -> VersionId {
        self.id
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its state.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// When it was made, in seconds since 1970; 0 where nobody knew.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// From when on it may be used, in seconds since 1970.
    pub fn activate_at(&self) -> Option<u64> {
        (self.activate_at != 0).then_some(self.activate_at)
    }

    /// From when on it no longer seals, in seconds since 1970.
    pub fn deactivate_at(&self) -> Option<u64> {
        (self.deactivate_at != 0).then_some(self.deactivate_at)
    }

    /// The changes of its state, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Its public key, of a key pair that is not destroyed.
    pub fn recipient(&self) -> Option<&Recipient> {
        self.pair().map(|(_, recipient)| recipient)
    }

    /// Its keys, where it is a symmetric one.
    #[inline]
    pub(crate) fn symmetric(&self) -> Result<Option<&VersionKey>> {
        match (&self.material, self.algorithm) {
            (Material::Symmetric(symmetric), Algorithm::Symmetric(suite)) => {
                symmetric.key(suite, self.keyset, self.id).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Its keys, where it is a pair.
    pub(crate) fn pair(&self) -> Option<(&PrivateKey, &Recipient)> {
        match &self.material {
            Material::Pair(pair) => Some((&pair.private, &pair.recipient)),
            _ => None,
        }
    }

    pub(super) fn expose_pair_secret(&self) -> Result<Option<&[u8; 32]>> {
        match &self.material {
            Material::Pair(pair) => Ok(Some(pair.secret.get()?.expose_bytes())),
            _ => Ok(None),
        }
    }

    pub(super) fn expose_secret(&self) -> Result<&[u8; 32]> {
        match &self.material {
            Material::Symmetric(symmetric) => Ok(symmetric.root.get()?.expose_bytes()),
            Material::Pair(pair) => Ok(pair.secret.get()?.expose_bytes()),
            Material::Destroyed => {
                Err(refuse(self.keyset, self.id, self.state, "its secret is gone for good"))
            }
        }
    }

    #[cfg(feature = "std")]
    pub(super) fn is_here(&self) -> bool {
        match &self.material {
            Material::Symmetric(symmetric) => symmetric.root.get().is_ok(),
            Material::Pair(pair) => pair.secret.get().is_ok(),
            Material::Destroyed => true,
        }
    }

    /// Whether state and times let it seal (format.md 7.1, 7.2).
    pub(crate) fn check_seals(&self) -> Result<()> {
        let refuse = |remedy| Err(refuse(self.keyset, self.id, self.state, remedy));
        match self.state {
            KeyState::Active => {}
            KeyState::PreActive => return refuse("activate it, or rotate the keyset"),
            KeyState::Suspended => return refuse("resume it, or rotate the keyset"),
            _ => return refuse("rotate the keyset: this version no longer seals"),
        }
        if self.activate_at == 0 && self.deactivate_at == 0 {
            return Ok(());
        }
        match clock() {
            None => refuse("it has times and there is no clock here"),
            Some(now) if now < self.activate_at => refuse("its activation time has not come"),
            Some(now) if self.deactivate_at != 0 && now >= self.deactivate_at => {
                refuse("its time is over: rotate the keyset")
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether state and times let it open (format.md 7.1, 7.2).
    pub(super) fn check_opens(&self, purpose: Purpose) -> Result<()> {
        let refuse = |remedy| Err(refuse(self.keyset, self.id, self.state, remedy));
        match self.state {
            // Without a time, no clock is asked: that costs as much as deriving a key.
            KeyState::Active if self.activate_at == 0 => Ok(()),
            KeyState::Active => match clock() {
                Some(now) if now < self.activate_at => refuse("its activation time has not come"),
                _ => Ok(()),
            },
            KeyState::Deactivated => Ok(()),
            KeyState::PreActive => refuse("activate it first"),
            KeyState::Suspended => refuse("resume it first"),
            KeyState::Compromised if purpose == Purpose::Migrate => Ok(()),
            KeyState::Compromised => refuse("it opens only for an explicit migration"),
            KeyState::Destroyed => refuse("its secret is gone for good"),
        }
    }

    /// What it was used for, as far as this process knows: with a store, what all processes were granted; without one,
    /// what this process did.
    pub fn usage(&self) -> Usage {
        #[cfg(feature = "std")]
        return self.meter.usage();
        #[cfg(not(feature = "std"))]
        Usage::default()
    }

    /// Counts one message of `bytes` bytes before it is sealed. Public keys are not counted: others seal for them too.
    pub(super) fn charge(&self, bytes: usize) -> Result<()> {
        #[cfg(feature = "std")]
        if !self.algorithm.is_pair() {
            return self.meter.charge(self.id, bytes as u64);
        }
        let _ = bytes;
        Ok(())
    }

    pub(super) fn count_failed_open(&self) {
        #[cfg(feature = "std")]
        self.meter.count_failed_open();
    }

    #[cfg(feature = "std")]
    pub(super) fn learn_usage(&self, usage: Usage) {
        self.meter.learn(usage);
    }

    #[cfg(feature = "std")]
    pub(super) fn meter(&self) -> alloc::sync::Arc<Meter> {
        self.meter.clone()
    }

    #[cfg(feature = "std")]
    pub(super) fn set_meter(&mut self, meter: alloc::sync::Arc<Meter>) {
        self.meter = meter;
    }

    pub(super) fn schedule(&mut self, activate_at: u64, deactivate_at: u64) {
        self.activate_at = activate_at;
        self.deactivate_at = deactivate_at;
    }

    /// Whether one more change with this reason fits into the record (format.md 8.1).
    pub(super) fn has_room_for(&self, reason: &str) -> bool {
        self.encoded_len() - 2 + 10 + reason.len() <= usize::from(u16::MAX)
    }

    /// Goes to another state, which the caller found in the table. A destroyed version's secret is wiped here.
    pub(super) fn change_state(&mut self, to: KeyState, at: u64, reason: &str) {
        self.state = to;
        self.changes.push(Change { state: to, at, reason: reason.into() });
        if to == KeyState::Destroyed {
            self.material = Material::Destroyed;
        }
    }

    pub(super) fn encoded_len(&self) -> usize {
        let changes: usize = self.changes.iter().map(|change| 10 + change.reason.len()).sum();
        2 + 4 + 1 + 1 + 24 + 2 + changes + 1 + 32
    }

    /// Appends the record of format.md 8.1.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<()> {
        let Version {
            keyset: _,
            id,
            algorithm,
            state,
            created,
            activate_at,
            deactivate_at,
            changes,
            material,
            #[cfg(feature = "std")]
                meter: _,
        } = self;
        let secret: &[u8] = match material {
            Material::Symmetric(symmetric) => symmetric.root.get()?.expose_bytes(),
            Material::Pair(pair) => pair.secret.get()?.expose_bytes(),
            Material::Destroyed => &[],
        };
        let len = self.encoded_len() - 2 - 32 + secret.len();
        let fits = "the history of a version is bounded when it grows";
        out.extend_from_slice(&u16::try_from(len).expect(fits).to_be_bytes());
        out.extend_from_slice(&id.value().to_be_bytes());
        out.extend_from_slice(&[algorithm.number(), *state as u8]);
        for time in [created, activate_at, deactivate_at] {
            out.extend_from_slice(&time.to_be_bytes());
        }
        out.extend_from_slice(&u16::try_from(changes.len()).expect(fits).to_be_bytes());
        for Change { state, at, reason } in changes {
            out.push(*state as u8);
            out.extend_from_slice(&at.to_be_bytes());
            out.push(u8::try_from(reason.len()).expect(fits));
            out.extend_from_slice(reason.as_bytes());
        }
        out.push(u8::try_from(secret.len()).expect("0 or 32"));
        out.extend_from_slice(secret);
        Ok(())
    }
}

impl SymmetricMaterial {
    #[cfg(feature = "std")]
    fn new(_: Suite, _: KeysetId, _: VersionId, root: &[u8; 32]) -> Result<Self> {
        Ok(SymmetricMaterial { root: Held::copy_of(root)?, key: std::sync::OnceLock::new() })
    }

    #[cfg(not(feature = "std"))]
    fn new(suite: Suite, keyset: KeysetId, id: VersionId, root: &[u8; 32]) -> Result<Self> {
        try_with_wiped_stack::<HEADER_DEPTH, _>(|| {
            let root = Held::copy_of(root)?;
            let key = VersionKey::derive(root.get()?, suite, keyset, id);
            Ok(SymmetricMaterial { root, key })
        })
    }

    #[cfg(feature = "std")]
    #[inline]
    fn key(&self, suite: Suite, keyset: KeysetId, id: VersionId) -> Result<&VersionKey> {
        if let Some(key) = self.key.get() {
            return key.get();
        }
        let root = self.root.get()?;
        let derive = || {
            with_wiped_stack::<HEADER_DEPTH, _>(|| {
                Held::new(VersionKey::derive(root, suite, keyset, id))
            })
        };
        self.key.get_or_init(derive).get()
    }

    #[cfg(not(feature = "std"))]
    fn key(&self, _: Suite, _: KeysetId, _: VersionId) -> Result<&VersionKey> {
        Ok(&self.key)
    }
}

impl Material {
    fn new(
        keyset: KeysetId,
        id: VersionId,
        algorithm: Algorithm,
        secret: &[u8; 32],
    ) -> Result<Self> {
        match algorithm {
            Algorithm::Symmetric(suite) => {
                let material = SymmetricMaterial::new(suite, keyset, id, secret)?;
                Ok(Material::Symmetric(Box::new(material)))
            }
            Algorithm::X25519 | Algorithm::XWing => {
                try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(|| {
                    let pair = Held::copy_of(secret)?;
                    let private = PrivateKey::expand(algorithm, pair.get()?);
                    let recipient = Recipient::new(private.public())?;
                    Ok(Material::Pair(Box::new(PairMaterial { secret: pair, private, recipient })))
                })
            }
        }
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Seconds since 1970, where there is a clock.
fn clock() -> Option<u64> {
    #[cfg(feature = "std")]
    if let crate::rng::Now::Seconds(now) = crate::rng::Now::system() {
        return Some(now);
    }
    None
}

#[cfg(all(test, feature = "std"))]
mod tests;
