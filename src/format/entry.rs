// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recipient entries (format.md 5).

use crate::error::{Error, Result};
use crate::format::reader::{End, Reader};
use crate::format::text;
use crate::id::{Fingerprint, KeysetId, RawKeyId, RecipientKind, VersionId, Wanted};

/// Length of T of a data key, in bytes.
pub(crate) const WRAPPED_LEN: usize = 104;
/// Bytes before the body of an entry: type and length.
pub(crate) const FRAME_LEN: usize = 3;
/// Length of the body of a keyset entry, in bytes.
pub(crate) const KEYSET_LEN: usize = 16 + 4 + WRAPPED_LEN;
/// Length of the body of a passphrase entry, in bytes.
pub(crate) const PASSPHRASE_LEN: usize = 4 + 4 + 1 + 16 + WRAPPED_LEN;
/// Length of the body of an X25519 entry, in bytes.
pub(crate) const X25519_LEN: usize = 8 + 32 + 48;
/// Length of the body of an X-Wing entry, in bytes.
pub(crate) const X_WING_LEN: usize = 8 + 1120 + 48;
/// Length of the body of a raw-key entry, in bytes.
pub(crate) const RAW_KEY_LEN: usize = 16 + WRAPPED_LEN;

/// One recipient entry of a key block, parsed. What it wraps is not verified yet.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Entry<'a> {
    /// Type 1.
    Keyset {
        /// The keyset that unwraps it.
        keyset: KeysetId,
        /// The version of the keyset.
        version: VersionId,
        /// T of the data key.
        wrapped: &'a [u8; WRAPPED_LEN],
    },
    /// Type 2.
    Passphrase {
        /// Argon2id memory in KiB.
        m_kib: u32,
        /// Argon2id passes.
        t: u32,
        /// Argon2id lanes.
        p: u8,
        /// Argon2id salt.
        salt: &'a [u8; 16],
        /// T of the data key.
        wrapped: &'a [u8; WRAPPED_LEN],
    },
    /// Type 3.
    X25519 {
        /// Of the recipient's public key, or hidden.
        fingerprint: Fingerprint,
        /// HPKE's enc.
        enc: &'a [u8; 32],
        /// HPKE's ciphertext of the data key.
        ct: &'a [u8; 48],
    },
    /// Type 4.
    XWing {
        /// Of the recipient's public key, or hidden.
        fingerprint: Fingerprint,
        /// HPKE's enc.
        enc: &'a [u8; 1120],
        /// HPKE's ciphertext of the data key.
        ct: &'a [u8; 48],
    },
    /// Type 5.
    RawKey {
        /// The id of the key.
        id: RawKeyId,
        /// T of the data key.
        wrapped: &'a [u8; WRAPPED_LEN],
    },
    /// Type 128.
    Provider {
        /// Which provider.
        provider: &'a str,
        /// Which of its keys.
        key_name: &'a str,
        /// What the provider made of K_p.
        blob: &'a [u8],
        /// T of the data key.
        wrapped: &'a [u8; WRAPPED_LEN],
    },
    /// A type that this version does not know.
    Unknown(u8),
}

impl<'a> Entry<'a> {
    /// Parses the entry at the front of `reader`.
    pub(crate) fn parse(reader: &mut Reader<'a>) -> Result<Self> {
        let kind = RecipientKind::from_u8(reader.u8()?)?;
        let len = reader.u16()?;
        let body = reader.take(usize::from(len))?;
        let mut body = Reader::new(body, End::of("5.1"));
        let entry = match kind {
            RecipientKind::Keyset => Entry::Keyset {
                keyset: KeysetId(*body.array()?),
                version: VersionId::new(body.u32()?)
                    .ok_or(Error::format("1.5", "a version id is 0"))?,
                wrapped: body.array()?,
            },
            RecipientKind::Passphrase => {
                let (m_kib, t, p) = (body.u32()?, body.u32()?, body.u8()?);
                // format.md 5.3
                if p == 0 || t == 0 || m_kib < 8 * u32::from(p) {
                    return Err(Error::format("5.3", "not costs of Argon2id"));
                }
                Entry::Passphrase { m_kib, t, p, salt: body.array()?, wrapped: body.array()? }
            }
            RecipientKind::X25519 => Entry::X25519 {
                fingerprint: Fingerprint(*body.array()?),
                enc: body.array()?,
                ct: body.array()?,
            },
            RecipientKind::XWing => Entry::XWing {
                fingerprint: Fingerprint(*body.array()?),
                enc: body.array()?,
                ct: body.array()?,
            },
            RecipientKind::RawKey => {
                Entry::RawKey { id: RawKeyId(*body.array()?), wrapped: body.array()? }
            }
            RecipientKind::Provider => {
                let provider_len = body.u8()?;
                let provider = name(body.take(usize::from(provider_len))?, 255)?;
                let key_name_len = body.u16()?;
                let key_name = name(body.take(usize::from(key_name_len))?, 2048)?;
                let blob_len = body.u16()?;
                let blob = body.take(usize::from(blob_len))?;
                Entry::Provider { provider, key_name, blob, wrapped: body.array()? }
            }
            RecipientKind::Unknown(kind) => return Ok(Entry::Unknown(kind)),
        };
        body.finish("5.1")?;
        Ok(entry)
    }

    /// Its kind.
    pub fn kind(&self) -> RecipientKind {
        match self {
            Entry::Keyset { .. } => RecipientKind::Keyset,
            Entry::Passphrase { .. } => RecipientKind::Passphrase,
            Entry::X25519 { .. } => RecipientKind::X25519,
            Entry::XWing { .. } => RecipientKind::XWing,
            Entry::RawKey { .. } => RecipientKind::RawKey,
            Entry::Provider { .. } => RecipientKind::Provider,
            Entry::Unknown(kind) => RecipientKind::Unknown(*kind),
        }
    }

    /// Which key opens it.
    pub fn wanted(&self) -> Wanted {
        match *self {
            Entry::Keyset { keyset, version, .. } => Wanted::Keyset(keyset, version),
            Entry::X25519 { fingerprint, .. } | Entry::XWing { fingerprint, .. } => {
                Wanted::Pair(self.kind(), fingerprint)
            }
            Entry::RawKey { id, .. } => Wanted::RawKey(id),
            Entry::Passphrase { .. } | Entry::Provider { .. } | Entry::Unknown(_) => {
                Wanted::Recipient(self.kind())
            }
        }
    }
}

fn name(bytes: &[u8], max_len: usize) -> Result<&str> {
    // format.md 5.6
    text::parse(bytes)
        .filter(|name| !name.is_empty() && name.len() <= max_len)
        .ok_or(Error::format("5.6", "a provider's or key's name is not allowed"))
}
