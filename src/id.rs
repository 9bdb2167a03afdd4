// SPDX-License-Identifier: MIT OR Apache-2.0
//! Public ids and the small public words of the format: none of them is secret.

use core::fmt;
use core::num::NonZeroU32;

use crate::error::{Error, Result};

/// The id of a keyset: 16 random bytes (format.md 1.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeysetId(pub [u8; 16]);

/// The id of an envelope: 16 random bytes (format.md 1.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvelopeId(pub [u8; 16]);

/// The id of a raw key (a device key, a backup key): 16 bytes chosen by its owner (format.md 5.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawKeyId(pub [u8; 16]);

/// The id of a key version: a random u32, never 0 (format.md 1.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(NonZeroU32);

/// The first 8 bytes of a hash of a public key; all zero means hidden (format.md 5.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 8]);

impl VersionId {
    /// `None` for 0, which is not a version id.
    pub const fn new(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(VersionId(id)),
            None => None,
        }
    }

    /// The number.
    pub const fn value(self) -> u32 {
        self.0.get()
    }
}

impl Fingerprint {
    /// Eight zero bytes: the recipient does not want to be named.
    pub const HIDDEN: Fingerprint = Fingerprint([0; 8]);
}

/// The AEAD of a symmetric key version or of an envelope (format.md 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Suite {
    /// Suite 1: AES-256-GCM, SHA-512 for the payload. C2SP Cobblestone-256. For hosts.
    /// Without a heap, only with the feature `suite-1`.
    #[cfg(feature = "suite-1")]
    Cobblestone256 = 1,
    /// Suite 2: ChaCha20-Poly1305, SHA-256. For microcontrollers and hosts without AES hardware.
    ChaCha20Poly1305 = 2,
}

impl Suite {
    /// What envelopes get for recipients that have no suite of their own.
    #[cfg(feature = "suite-1")]
    pub const DEFAULT: Suite = Suite::Cobblestone256;
    /// What envelopes get for recipients that have no suite of their own.
    #[cfg(not(feature = "suite-1"))]
    pub const DEFAULT: Suite = Suite::ChaCha20Poly1305;

    /// The suite with this number.
    ///
    /// # Errors
    /// `Format` for a number that is no suite.
    pub const fn from_u8(number: u8) -> Result<Self> {
        match number {
            #[cfg(feature = "suite-1")]
            1 => Ok(Suite::Cobblestone256),
            #[cfg(not(feature = "suite-1"))]
            1 => Err(Error::unsupported("this build has no suite 1")),
            2 => Ok(Suite::ChaCha20Poly1305),
            _ => Err(Error::format("1.3", "unknown suite")),
        }
    }

    /// The name that the command line and `docs/format.md` use.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "suite-1")]
            Suite::Cobblestone256 => "cobblestone-256",
            Suite::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }
}

/// What a key version is (format.md 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// A symmetric key of a suite.
    Symmetric(Suite),
    /// An X25519 key pair.
    X25519,
    /// An X-Wing key pair (ML-KEM-768 with X25519).
    XWing,
}

impl Algorithm {
    /// The algorithm with this number.
    ///
    /// # Errors
    /// `Format` for a number that is no algorithm.
    pub const fn from_u8(number: u8) -> Result<Self> {
        match number {
            #[cfg(feature = "suite-1")]
            1 => Ok(Algorithm::Symmetric(Suite::Cobblestone256)),
            #[cfg(not(feature = "suite-1"))]
            1 => Err(Error::unsupported("this build has no suite 1")),
            2 => Ok(Algorithm::Symmetric(Suite::ChaCha20Poly1305)),
            3 => Ok(Algorithm::X25519),
            4 => Ok(Algorithm::XWing),
            _ => Err(Error::format("1.4", "unknown algorithm")),
        }
    }

    /// Its number in the format.
    pub const fn number(self) -> u8 {
        match self {
            Algorithm::Symmetric(suite) => suite as u8,
            Algorithm::X25519 => 3,
            Algorithm::XWing => 4,
        }
    }

    /// Whether it is a key pair.
    pub const fn is_pair(self) -> bool {
        matches!(self, Algorithm::X25519 | Algorithm::XWing)
    }

    /// The name that the command line and `docs/format.md` use.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Symmetric(suite) => suite.name(),
            Algorithm::X25519 => "x25519",
            Algorithm::XWing => "x-wing",
        }
    }
}

/// The state of a key version: NIST SP 800-57 Part 1 Rev. 5 section 7 (format.md 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyState {
    /// Made, not yet in use.
    PreActive = 1,
    /// Opens, and seals if it is the primary.
    Active = 2,
    /// Does nothing for now; reversible.
    Suspended = 3,
    /// Opens only.
    Deactivated = 4,
    /// Somebody else may have it.
    Compromised = 5,
    /// The secret is wiped; a tombstone stays.
    Destroyed = 6,
}

impl KeyState {
    /// The state with this number.
    ///
    /// # Errors
    /// `Format` for a number that is no state.
    pub const fn from_u8(number: u8) -> Result<Self> {
        match number {
            1 => Ok(KeyState::PreActive),
            2 => Ok(KeyState::Active),
            3 => Ok(KeyState::Suspended),
            4 => Ok(KeyState::Deactivated),
            5 => Ok(KeyState::Compromised),
            6 => Ok(KeyState::Destroyed),
            _ => Err(Error::format("7.1", "unknown key state")),
        }
    }

    /// Whether a version may go from this state to that one (format.md 7.1).
    pub const fn may_become(self, to: KeyState) -> bool {
        use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActive, Suspended};
        match self {
            PreActive => matches!(to, Active | Compromised | Destroyed),
            Active => matches!(to, Suspended | Deactivated | Compromised | Destroyed),
            Suspended => matches!(to, Active | Deactivated | Compromised | Destroyed),
            Deactivated => matches!(to, Compromised | Destroyed),
            Compromised => matches!(to, Destroyed),
            Destroyed => false,
        }
    }

    /// The state in words.
    pub const fn name(self) -> &'static str {
        match self {
            KeyState::PreActive => "pre-active",
            KeyState::Active => "active",
            KeyState::Suspended => "suspended",
            KeyState::Deactivated => "deactivated",
            KeyState::Compromised => "compromised",
            KeyState::Destroyed => "destroyed",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an envelope carries (format.md 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Somebody's data.
    Data = 1,
    /// A keyset.
    Keyset = 2,
}

/// The kinds of recipient entries (format.md 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecipientKind {
    /// Type 1.
    Keyset,
    /// Type 2.
    Passphrase,
    /// Type 3.
    X25519,
    /// Type 4.
    XWing,
    /// Type 5.
    RawKey,
    /// Type 128.
    Provider,
    /// A type that this version does not know; it is skipped and kept.
    Unknown(u8),
}

impl RecipientKind {
    pub(crate) const fn from_u8(number: u8) -> Result<Self> {
        match number {
            0 => Err(Error::format("5.1", "recipient type 0")),
            1 => Ok(RecipientKind::Keyset),
            2 => Ok(RecipientKind::Passphrase),
            3 => Ok(RecipientKind::X25519),
            4 => Ok(RecipientKind::XWing),
            5 => Ok(RecipientKind::RawKey),
            128 => Ok(RecipientKind::Provider),
            other => Ok(RecipientKind::Unknown(other)),
        }
    }

    /// Its number in the format.
    pub const fn number(self) -> u8 {
        match self {
            RecipientKind::Keyset => 1,
            RecipientKind::Passphrase => 2,
            RecipientKind::X25519 => 3,
            RecipientKind::XWing => 4,
            RecipientKind::RawKey => 5,
            RecipientKind::Provider => 128,
            RecipientKind::Unknown(other) => other,
        }
    }

    /// The name that the command line and `docs/format.md` use.
    pub const fn name(self) -> &'static str {
        match self {
            RecipientKind::Keyset => "keyset",
            RecipientKind::Passphrase => "passphrase",
            RecipientKind::X25519 => "x25519",
            RecipientKind::XWing => "x-wing",
            RecipientKind::RawKey => "raw-key",
            RecipientKind::Provider => "provider",
            RecipientKind::Unknown(_) => "unknown",
        }
    }
}

/// Which key the input wants: the first recipient that could have opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// A token names this version; no keyset given has it with the token's suite.
    Token(VersionId),
    /// The envelope's first recipient is this version of this keyset.
    Keyset(KeysetId, VersionId),
    /// The envelope's first recipient is a key pair.
    Pair(RecipientKind, Fingerprint),
    /// The envelope's first recipient is a raw key.
    RawKey(RawKeyId),
    /// The envelope's first recipient is of this kind.
    Recipient(RecipientKind),
    /// The backup wants so many more of its shares.
    MoreShares(RawKeyId, u8),
    /// The other side of a handshake has this key, and it is not accepted here.
    Peer(Fingerprint),
    /// The share is of this backup, and not of the one at hand.
    ShareOf(RawKeyId),
    /// The envelope names nobody.
    None,
}

impl Wanted {
    /// As [`crate::Error::made_anew`].
    #[cfg(feature = "error-text")]
    pub(crate) fn made_anew(&self) -> Self {
        match *self {
            Wanted::Token(version) => Wanted::Token(version),
            Wanted::Keyset(keyset, version) => Wanted::Keyset(keyset, version),
            Wanted::Pair(kind, fingerprint) => Wanted::Pair(kind, fingerprint),
            Wanted::RawKey(id) => Wanted::RawKey(id),
            Wanted::Recipient(kind) => Wanted::Recipient(kind),
            Wanted::MoreShares(id, count) => Wanted::MoreShares(id, count),
            Wanted::Peer(fingerprint) => Wanted::Peer(fingerprint),
            Wanted::ShareOf(id) => Wanted::ShareOf(id),
            Wanted::None => Wanted::None,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Token(version) => write!(f, "the token was sealed under key version {version}"),
            Wanted::Keyset(keyset, version) => {
                write!(f, "sealed for version {version} of keyset {keyset}")
            }
            Wanted::Pair(kind, Fingerprint::HIDDEN) => {
                write!(f, "sealed for an {} recipient that is not named", kind.name())
            }
            Wanted::Pair(kind, fingerprint) => {
                write!(f, "sealed for the {} recipient {fingerprint}", kind.name())
            }
            Wanted::RawKey(id) => write!(f, "sealed for the raw key {id}"),
            Wanted::Recipient(RecipientKind::Passphrase) => f.write_str("sealed with a passphrase"),
            Wanted::Peer(key) => write!(f, "the peer's key {key} is not accepted here"),
            Wanted::MoreShares(id, 1) => write!(f, "one more share of backup {id} is wanted"),
            Wanted::MoreShares(id, more) => {
                write!(f, "{more} more shares of backup {id} are wanted")
            }
            Wanted::ShareOf(id) => write!(f, "this share belongs to backup {id}, not to this one"),
            Wanted::None => f.write_str("sealed for nobody"),
            Wanted::Recipient(kind) => write!(f, "sealed for a recipient of kind {}", kind.name()),
        }
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for KeysetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for KeysetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for RawKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for RawKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.value())
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.value())
    }
}
