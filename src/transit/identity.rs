// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is who in a handshake: own key pairs, and the other side's keys (format.md 13.4).

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::derive::fingerprint;
use crate::error::{Error, Result};
use crate::format::context::Encoded;
use crate::id::{Fingerprint, KeyState, KeysetId, RecipientKind, VersionId};
#[cfg(feature = "alloc")]
use crate::keyset::Keyset;
use crate::primitives::ct_eq;
use crate::primitives::kem::{X25519Private, x25519_check_public};
use crate::rng::Now;
use crate::secret::Key;
use crate::secret::memory::{KEY_PAIR_DEPTH, with_wiped_stack};
#[cfg(feature = "alloc")]
use crate::wrap::hpke::PrivateKey;
use crate::wrap::hpke::{PublicKey, Recipient};

/// Length of a peer's key, in bytes.
pub const PEER_KEY_LEN: usize = 32;

/// An X25519 key pair of one's own, ready for handshakes.
pub struct KeyPair {
    /// None in a place that was not filled.
    pub(super) pair: Option<Pair>,
    life: Option<Life>,
}

/// The two halves.
pub(super) struct Pair {
    pub(super) private: X25519Private,
    pub(super) public: [u8; PEER_KEY_LEN],
}

/// Which version of which keyset a key pair is, and when it may be used.
#[derive(Clone, Copy)]
pub(crate) struct Life {
    pub(crate) keyset: KeysetId,
    pub(crate) version: VersionId,
    pub(crate) activate_at: u64,
    pub(crate) deactivate_at: u64,
    pub(crate) is_primary: bool,
}

impl Pair {
    fn new(private: &[u8; 32]) -> Self {
        let private = X25519Private::new(private);
        let public = private.public();
        Pair { private, public }
    }

    pub(super) fn duplicate(&self) -> Self {
        Pair { private: self.private.duplicate(), public: self.public }
    }
}

impl KeyPair {
    /// The key pair of a private key that is kept without a keyset. It has no times, and is always a primary.
    pub fn new(private: &Key<crate::secret::Pair>) -> Self {
        let pair = with_wiped_stack::<KEY_PAIR_DEPTH, _>(|| Pair::new(private.expose_bytes()));
        KeyPair { pair: Some(pair), life: None }
    }

    /// A place for a key pair, such as [`crate::device::Keyset::key_pairs`] fills. Before that it holds none, and takes
    /// part in nothing.
    pub fn vacant() -> Self {
        KeyPair { pair: None, life: None }
    }

    /// The key pair of a version whose public half is known.
    pub(crate) fn of_version(private: &[u8; 32], public: [u8; PEER_KEY_LEN], life: Life) -> Self {
        #[cfg(feature = "std")]
        let private = with_wiped_stack::<KEY_PAIR_DEPTH, _>(|| X25519Private::new(private));
        // A copy of 32 bytes, which goes less deep than wiping would.
        #[cfg(not(feature = "std"))]
        let private = X25519Private::new(private);
        let pair = Pair { private, public };
        KeyPair { pair: Some(pair), life: Some(life) }
    }

    /// The key pairs of an identity that may take part in handshakes: its active versions, the primary first.
    ///
    /// They are those of this moment: make them anew when the keyset changes. The times of a version are looked at in
    /// each handshake.
    ///
    /// # Errors
    /// `Misuse` where the keyset has no X25519 key pairs, `KeyState` where none of them is active.
    #[cfg(feature = "alloc")]
    pub fn of_keyset(keyset: &Keyset) -> Result<Vec<KeyPair>> {
        let mut pairs = Vec::with_capacity(keyset.versions().len());
        let mut refused = None;
        for version in keyset.versions() {
            let Some((PrivateKey::X25519 { private, .. }, _)) = version.pair() else { continue };
            if version.state() != KeyState::Active {
                let remedy = "only an active version takes part in a handshake";
                let why = Error::key_state(keyset.id(), version.id(), version.state(), remedy);
                refused = refused.or(Some(why));
                continue;
            }
            let is_primary = keyset.primary().is_some_and(|primary| primary.id() == version.id());
            let life = Life {
                keyset: keyset.id(),
                version: version.id(),
                activate_at: version.activate_at().unwrap_or(0),
                deactivate_at: version.deactivate_at().unwrap_or(0),
                is_primary,
            };
            let private = private.get()?.expose_bytes();
            let pair = Some(with_wiped_stack::<KEY_PAIR_DEPTH, _>(|| Pair::new(private)));
            pairs.push(KeyPair { pair, life: Some(life) });
        }
        // A stable sort of false before true.
        pairs.sort_by_key(|pair| !pair.is_primary());
        match refused {
            _ if !pairs.is_empty() => Ok(pairs),
            Some(refused) => Err(refused),
            None => Err(Error::misuse("the keyset has no X25519 key pairs")),
        }
    }

    /// The public half, for the other side; zeros, which are nobody's, where there is none.
    pub fn public(&self) -> PeerKey {
        PeerKey(self.pair.as_ref().map_or([0; PEER_KEY_LEN], |pair| pair.public))
    }

    /// The version that it is, where it is one of a keyset.
    pub fn version(&self) -> Option<(KeysetId, VersionId)> {
        self.life.map(|life| (life.keyset, life.version))
    }

    pub(super) fn is_primary(&self) -> bool {
        self.pair.is_some() && self.life.is_none_or(|life| life.is_primary)
    }

    /// Whether its times let it take part now (format.md 7.2). Its state was looked at when it was made.
    pub(super) fn check_usable(&self, now: Now) -> Result<()> {
        let Some(life) = self.life else { return Ok(()) };
        let refuse =
            |remedy| Err(Error::key_state(life.keyset, life.version, KeyState::Active, remedy));
        if life.activate_at == 0 && life.deactivate_at == 0 {
            return Ok(());
        }
        match now {
            Now::Unknown => refuse("it has times and there is no clock here"),
            Now::Seconds(now) if now < life.activate_at => {
                refuse("its activation time has not come")
            }
            Now::Seconds(now) if life.deactivate_at != 0 && now >= life.deactivate_at => {
                refuse("its time is over: rotate the keyset")
            }
            Now::Seconds(_) => Ok(()),
        }
    }
}

impl core::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public()).finish_non_exhaustive()
    }
}

/// The other side's static public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerKey(pub(super) [u8; PEER_KEY_LEN]);

impl PeerKey {
    /// Takes 32 bytes.
    ///
    /// # Errors
    /// `Format` where they are not a safe public key (format.md 5.4).
    pub fn parse(bytes: &[u8; PEER_KEY_LEN]) -> Result<Self> {
        x25519_check_public(bytes)?;
        Ok(PeerKey(*bytes))
    }

    /// The key of a recipient.
    ///
    /// # Errors
    /// `Misuse` where it is an X-Wing key: a handshake authenticates with X25519.
    pub fn of(recipient: &Recipient) -> Result<Self> {
        match recipient.public_key() {
            PublicKey::X25519(bytes) => Ok(PeerKey(*bytes)),
            #[cfg(feature = "x-wing")]
            PublicKey::XWing(_) => Err(Error::misuse("a peer's key is an X25519 key")),
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; PEER_KEY_LEN] {
        &self.0
    }

    /// Whether it is one of these, in a time that does not tell which: handshakes hide who calls.
    pub(super) fn is_among<'a>(&self, keys: impl Iterator<Item = &'a [u8; PEER_KEY_LEN]>) -> bool {
        keys.fold(false, |found, key| found | ct_eq(key, &self.0))
    }

    /// Its fingerprint (format.md 5.4).
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(RecipientKind::X25519, &self.0)
    }
}

/// Whose static keys are taken.
#[derive(Clone, Copy, Debug)]
pub enum Peers<'a> {
    /// One of these, and the callback may still refuse it.
    Pinned(&'a [PeerKey]),
    /// Any: the callback alone decides.
    Any,
}

/// The other side, when it is known who it is and before anything is answered.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// Its static key; none where the pattern has none.
    pub key: Option<PeerKey>,
    /// What it says of itself.
    pub context: Encoded<'a>,
    /// Whether somebody else may have sent this message once more: the handshake does not finish for them.
    pub replayable: bool,
}

/// What a callback says of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Accept,
    /// Refuse; nothing is answered.
    Refuse,
}
