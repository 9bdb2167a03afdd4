// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets as bytes and as text (format.md 8.1, 8.4, 9.2).

use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{Keyset, Version};
use crate::error::{Error, Result};
use crate::format::keyset::{
    CHECK_LEN, MAX_LEN, Policy, UNPROTECTED_MAGIC, USAGE_KEY_TAG, VERSION, View,
};
use crate::format::reader::{End, Reader};
use crate::id::{Algorithm, KeyState, KeysetId, VersionId};
#[cfg(feature = "std")]
use crate::primitives::Prk;
use crate::primitives::{ct_eq, hash};
use crate::secret::Held;
use crate::secret::memory::{VALUE_DEPTH, try_with_wiped_stack, with_wiped_stack};

/// What names one encoding, byte for byte. Public, as the fingerprint is.
#[derive(Clone, Copy)]
pub(super) struct Digests {
    #[cfg_attr(not(feature = "std"), allow(dead_code))]
    hash: [u8; 32],
    fingerprint: [u8; 16],
}

impl Digests {
    pub(super) fn of(encoding: &[u8]) -> Self {
        let named = hash_of_secrets(&[b"sealwax/v1/keyset-fingerprint\0", encoding]);
        let fingerprint = *named.first_chunk().expect("16 of 32 bytes");
        Digests { hash: hash_of_secrets(&[encoding]), fingerprint }
    }
}

impl Keyset {
    /// The encoding of format.md 8.1, with every secret in it.
    ///
    /// # Errors
    /// `Misuse` in a process that was forked since: the secrets are gone there.
    pub(crate) fn encode(&self) -> Result<Zeroizing<Vec<u8>>> {
        let Keyset {
            id,
            name,
            revision,
            parent,
            primary,
            policy,
            versions,
            usage_key,
            read_only: _,
        } = self;
        let records: usize = versions.iter().map(Version::encoded_len).sum();
        // Given its final capacity first: a growing Vec would leave copies of secrets.
        let mut out = Zeroizing::new(Vec::with_capacity(128 + name.len() + records));
        out.push(VERSION);
        out.extend_from_slice(&id.0);
        out.push(u8::try_from(name.len()).expect("a name is at most 64 bytes"));
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&revision.to_be_bytes());
        out.extend_from_slice(parent);
        out.extend_from_slice(&primary.map_or(0, VersionId::value).to_be_bytes());
        policy.encode(&mut out);
        let count = u32::try_from(versions.len()).expect("at most 65,536 versions");
        out.extend_from_slice(&count.to_be_bytes());
        versions.iter().try_for_each(|version| version.encode(&mut out))?;
        if let Some(usage_key) = usage_key {
            out.extend_from_slice(&[USAGE_KEY_TAG, 0, 32]);
            out.extend_from_slice(usage_key.get()?.expose_bytes());
        }
        Ok(out)
    }

    /// The encoding, to be put into a file that can be read again.
    pub(crate) fn encode_for_file(&self) -> Result<Zeroizing<Vec<u8>>> {
        self.check_writable()?;
        let encoding = self.encode()?;
        match encoding.len() > MAX_LEN {
            true => Err(Error::Limit("a keyset is at most 16 MiB: begin a new one")),
            false => Ok(encoding),
        }
    }

    /// Reads the encoding of format.md 8.1.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let view = View::parse(bytes)?;
        let mut versions = Vec::with_capacity(view.count as usize);
        for record in view.records() {
            versions.push(Version::from_record(view.id, &record)?);
        }
        Ok(Keyset {
            id: view.id,
            name: view.name.into(),
            revision: view.revision,
            parent: view.parent,
            primary: view.primary,
            policy: view.policy,
            versions,
            usage_key: view.usage_key.map(Held::copy_of).transpose()?,
            read_only: view.read_only.then(|| Digests::of(bytes)),
        })
    }

    /// H of the encoding: which revision this is, byte for byte.
    #[cfg(feature = "std")]
    pub(crate) fn encoding_hash(&self) -> Result<[u8; 32]> {
        Ok(self.digests()?.hash)
    }

    fn digests(&self) -> Result<Digests> {
        match self.read_only {
            Some(digests) => Ok(digests),
            None => Ok(Digests::of(&self.encode()?)),
        }
    }

    /// The mac of a usage file (format.md 8.7); `None` without a usage key.
    #[cfg(feature = "std")]
    pub(crate) fn usage_mac(&self, before_mac: &[u8]) -> Result<Option<[u8; 32]>> {
        let Some(key) = &self.usage_key else { return Ok(None) };
        let key = key.get()?;
        let mac = || Prk::new(key).mac(&[b"sealwax/v1/usage\0", before_mac]);
        Ok(Some(with_wiped_stack::<VALUE_DEPTH, _>(mac)))
    }

    /// H("sealwax/v1/keyset-fingerprint" || 0x00 || keyset)[..16]: names this revision, its secrets included, in front of
    /// people (format.md 8.6b). It is public.
    ///
    /// # Errors
    /// `Misuse` in a process that was forked since the keyset was loaded: its secrets are gone there.
    pub fn fingerprint(&self) -> Result<[u8; 16]> {
        Ok(self.digests()?.fingerprint)
    }

    /// The unprotected keyset of format.md 8.4: every secret readable by whoever has these bytes.
    ///
    /// # Errors
    /// `Misuse` where the keyset was made by a newer version of sealwax, `Limit` where it is over 16 MiB.
    pub fn expose_unprotected(&self) -> Result<Zeroizing<Vec<u8>>> {
        let encoding = self.encode_for_file()?;
        let mut out = Zeroizing::new(Vec::with_capacity(encoding.len() + 5 + CHECK_LEN));
        out.extend_from_slice(UNPROTECTED_MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&encoding);
        out.extend_from_slice(&unprotected_check(&encoding));
        Ok(out)
    }

    /// Reads an unprotected keyset (format.md 8.4). Nothing authenticates it.
    ///
    /// # Errors
    /// `Format` or `Truncated` where the bytes are not an unprotected keyset.
    pub fn parse_unprotected(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, End::Input);
        if !UNPROTECTED_MAGIC.starts_with(&bytes[..bytes.len().min(4)]) {
            return Err(Error::format("8.4", "not an unprotected keyset"));
        }
        reader.array::<4>()?;
        if reader.u8()? != VERSION {
            return Err(Error::format("8.4", "unknown keyset version"));
        }
        let (encoding, check) =
            reader.rest().split_last_chunk::<CHECK_LEN>().ok_or(Error::Truncated)?;
        if !ct_eq(check, &unprotected_check(encoding)) {
            return Err(Error::format("8.4", "the keyset is damaged: its check does not hold"));
        }
        Keyset::parse(encoding)
    }

    /// The 32 secret bytes of a version, where the policy allows raw export.
    ///
    /// The caller's duty: they have no id, no state and no times; whoever has them can open and forge.
    ///
    /// # Errors
    /// `UnknownKey` where there is no such version, `Misuse` where the policy does not allow it, `KeyState` where the version
    /// is destroyed.
    pub fn expose_raw_secret(&self, version: VersionId) -> Result<&[u8; 32]> {
        let version = &self.versions[self.index(version)?];
        if !self.policy.allow_raw_export {
            return Err(Error::Misuse("the keyset's policy does not allow raw export"));
        }
        version.expose_secret()
    }

    /// The identity string of the primary version: `SEALWAX-SECRET-1...` (format.md 9.2).
    ///
    /// # Errors
    /// `Misuse` where the keyset is symmetric, `KeyState` where it has no usable primary.
    pub fn expose_identity_text(&self) -> Result<Zeroizing<String>> {
        let primary = self.sealing_version()?;
        let Some(secret) = primary.expose_pair_secret()? else {
            return Err(Error::Misuse("a symmetric keyset has no identity string"));
        };
        let mut payload = Zeroizing::new(Vec::with_capacity(61));
        payload.push(primary.algorithm().number());
        payload.extend_from_slice(&self.id.0);
        payload.extend_from_slice(&primary.id().value().to_be_bytes());
        payload.extend_from_slice(&primary.created().to_be_bytes());
        payload.extend_from_slice(secret);
        let encode = || crate::format::strings::encode_identity(&payload);
        Ok(with_wiped_stack::<VALUE_DEPTH, _>(encode))
    }

    /// Reads an identity string (format.md 9.2).
    ///
    /// # Errors
    /// `Format` where it is mistyped or of another kind.
    pub fn parse_identity_text(text: &str) -> Result<Self> {
        let decode = || crate::format::strings::decode_identity(text);
        let payload = try_with_wiped_stack::<VALUE_DEPTH, _>(decode)?;
        let mut reader = Reader::new(&payload, End::of("9.2"));
        let algorithm = Algorithm::from_u8(reader.u8()?)?;
        if !algorithm.is_pair() {
            return Err(Error::format("9.2", "not the algorithm of a key pair"));
        }
        let id = KeysetId(*reader.array()?);
        let version =
            VersionId::new(reader.u32()?).ok_or(Error::format("1.5", "a version id is 0"))?;
        let created = reader.u64()?;
        let secret = reader.array()?;
        let mut keyset = Keyset {
            id,
            name: "identity".into(),
            revision: 1,
            parent: [0; 32],
            primary: None,
            policy: Policy::of_family(algorithm),
            versions: Vec::with_capacity(1),
            usage_key: None,
            read_only: None,
        };
        let state = KeyState::Active;
        let version = Version::new(id, version, algorithm, state, secret, created)?;
        keyset.primary = Some(keyset.insert(version));
        reader.finish("9.2")?;
        Ok(keyset)
    }
}

/// H, of what holds secrets: its schedule of the message dies on the stack.
pub(super) fn hash_of_secrets(pieces: &[&[u8]]) -> [u8; 32] {
    with_wiped_stack::<VALUE_DEPTH, _>(|| hash(pieces))
}

fn unprotected_check(encoding: &[u8]) -> [u8; CHECK_LEN] {
    let hash = hash_of_secrets(&[b"sealwax/v1/unprotected\0", encoding]);
    *hash.first_chunk().expect("16 of 32 bytes")
}
