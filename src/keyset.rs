// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets: one logical key with versions, one of them primary (format.md 7 and 8).

#[cfg(feature = "std")]
pub mod backup;
mod encoding;
#[cfg(feature = "std")]
pub mod file;
mod lifecycle;
#[cfg(feature = "std")]
pub(crate) mod meter;
mod migrating;
mod recipient;
mod usage;
mod version;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::format::context::{Context, Encoded};
pub use crate::format::keyset::Policy;
use crate::format::keyset::check_name;
use crate::format::token::Token;
use crate::id::{Algorithm, KeyState, KeysetId, VersionId, Wanted};
use crate::rng::{Now, Random};
use crate::secret::{self, Held, Key};
use crate::token;
use crate::wrap::version_key::VersionKey;
use crate::wrap::{Entry, Trials, hpke};
pub use lifecycle::{Clearance, RotationDue, Transition};
pub use migrating::{Migrated, Migrating};
pub use usage::Usage;
#[cfg(feature = "std")]
pub(crate) use usage::{MAX_BYTES, MAX_MESSAGES};
use version::Purpose;
pub use version::{Change, Version};

/// One logical key: an id, a name, and versions of which one is primary.
///
/// A keyset of symmetric keys seals tokens and envelopes; a keyset of key pairs is an identity: it
/// opens what was sealed for its recipient string. Every secret in it is wiped when it is dropped.
///
/// ```
/// # fn main() -> sealwax::Result<()> {
/// use sealwax::{Context, Keyset, Suite};
/// let keyset = Keyset::generate("default", Suite::Cobblestone256)?;
/// let context = Context::new().with("table", "users")?;
/// let token = keyset.seal(b"top secret", &context)?;
/// assert_eq!(keyset.open(&token, &context)?.as_slice(), b"top secret");
/// # Ok(()) }
/// ```
pub struct Keyset {
    id: KeysetId,
    name: String,
    revision: u64,
    parent: [u8; 32],
    primary: Option<VersionId>,
    policy: Policy,
    /// In ascending order of id.
    versions: Vec<Version>,
    /// Authenticates the usage file (format.md 8.2); none in what was never a keyset file of ours.
    usage_key: Option<Held<Key<secret::Usage>>>,
    /// Set where the bytes that were read hold fields that are not known: they must not be changed, and what we would write
    /// is not what was read (format.md 8.2).
    read_only: Option<encoding::Digests>,
}

impl From<crate::id::Suite> for Algorithm {
    fn from(suite: crate::id::Suite) -> Self {
        Algorithm::Symmetric(suite)
    }
}

impl Keyset {
    /// A new keyset with one fresh version, active and primary.
    ///
    /// # Errors
    /// `Misuse` where the name is empty, longer than 64 bytes or has a control character; `Random`.
    #[cfg(feature = "std")]
    pub fn generate(name: &str, algorithm: impl Into<Algorithm>) -> Result<Self> {
        Self::generate_with_rng(name, algorithm.into(), Now::system(), &mut crate::rng::OsRandom)
    }

    /// [`Keyset::generate`] with a clock and a random source of the caller's.
    pub fn generate_with_rng(
        name: &str,
        algorithm: Algorithm,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Self> {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut_slice())?;
        Self::import_raw_with_rng(name, algorithm, &secret, now, random)
    }

    /// A new keyset whose one version has these 32 bytes as its secret.
    ///
    /// The caller's duty: the bytes are uniformly random and used for nothing else, and the caller
    /// wipes its copy.
    ///
    /// # Errors
    /// As [`Keyset::generate`].
    #[cfg(feature = "std")]
    pub fn import_raw(
        name: &str,
        algorithm: impl Into<Algorithm>,
        secret: &[u8; 32],
    ) -> Result<Self> {
        let (now, random) = (Now::system(), &mut crate::rng::OsRandom);
        Self::import_raw_with_rng(name, algorithm.into(), secret, now, random)
    }

    /// [`Keyset::import_raw`] with a clock and a random source of the caller's.
    pub fn import_raw_with_rng(
        name: &str,
        algorithm: Algorithm,
        secret: &[u8; 32],
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Self> {
        check_name(name).map_err(Error::Misuse)?;
        let mut id = KeysetId([0; 16]);
        random.fill(&mut id.0)?;
        let mut keyset = Keyset {
            id,
            name: name.into(),
            revision: 1,
            parent: [0; 32],
            primary: None,
            policy: Policy::recommended(algorithm),
            versions: Vec::new(),
            usage_key: None,
            read_only: None,
        };
        let version = keyset.fresh_version_id(random)?;
        let state = KeyState::Active;
        let version = Version::new(id, version, algorithm, state, secret, now.seconds())?;
        keyset.primary = Some(keyset.insert(version));
        keyset.draw_usage_key(random)?;
        Ok(keyset)
    }

    /// The keyset's id.
    pub fn id(&self) -> KeysetId {
        self.id
    }

    /// The keyset's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The revision: 1 at first, one more with each change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What the keyset allows.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The versions, in ascending order of id.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The primary version: the only one that seals.
    pub fn primary(&self) -> Option<&Version> {
        self.primary.and_then(|id| self.version(id))
    }

    /// The version with this id.
    pub fn version(&self, id: VersionId) -> Option<&Version> {
        let at = self.versions.binary_search_by_key(&id, Version::id).ok()?;
        Some(&self.versions[at])
    }

    /// The version of this keyset that a recipient entry names; none where it is hidden.
    pub fn version_of(&self, entry: &Entry<'_>) -> Option<&Version> {
        match entry.wanted() {
            Wanted::Keyset(keyset, version) if keyset == self.id => self.version(version),
            Wanted::Pair(_, fingerprint) => {
                let is_meant = |version: &&Version| {
                    version.recipient().is_some_and(|own| own.fingerprint() == fingerprint)
                };
                self.versions.iter().find(is_meant)
            }
            _ => None,
        }
    }

    fn index(&self, id: VersionId) -> Result<usize> {
        self.versions
            .binary_search_by_key(&id, Version::id)
            .map_err(|_| Error::UnknownKey(Wanted::Keyset(self.id, id)))
    }

    /// Whether it was made by a newer version of sealwax: it can be used and must not be changed.
    pub fn is_read_only(&self) -> bool {
        self.read_only.is_some()
    }

    /// Whether its versions are key pairs.
    pub fn is_identity(&self) -> bool {
        self.policy.allows(Algorithm::X25519) || self.policy.allows(Algorithm::XWing)
    }

    /// The public key of the primary version, of a keyset of key pairs.
    ///
    /// # Errors
    /// `Misuse` where the keyset is symmetric, `KeyState` where it has no usable primary.
    pub fn recipient(&self) -> Result<&hpke::Recipient> {
        let primary = self.sealing_version()?;
        primary.pair().map(|(_, recipient)| recipient).ok_or(Error::Misuse(
            "a symmetric keyset has no public key; seal with the keyset itself",
        ))
    }

    /// Seals a token: a small value under the primary version (format.md 6.2).
    ///
    /// # Errors
    /// `Limit` above 65,536 bytes, `Misuse` for a keyset of key pairs, `KeyState`, `Random`.
    #[cfg(feature = "std")]
    pub fn seal(&self, plaintext: &[u8], context: &Context) -> Result<Vec<u8>> {
        let mut token = alloc::vec![0; plaintext.len() + token::OVERHEAD];
        self.seal_into(plaintext, context, &mut token)?;
        Ok(token)
    }

    /// Seals a token into `out`, which needs `token::OVERHEAD` bytes more than the plaintext. Returns its length.
    ///
    /// # Errors
    /// As [`Keyset::seal`]; `Misuse` where `out` is too short.
    #[cfg(feature = "std")]
    pub fn seal_into(&self, plaintext: &[u8], context: &Context, out: &mut [u8]) -> Result<usize> {
        self.seal_encoded_into(plaintext, context.as_encoded(), out)
    }

    /// [`Keyset::seal_into`] for whoever has the context in its encoding.
    ///
    /// # Errors
    /// As [`Keyset::seal_into`].
    #[cfg(feature = "std")]
    pub fn seal_encoded_into(
        &self,
        plaintext: &[u8],
        context: Encoded<'_>,
        out: &mut [u8],
    ) -> Result<usize> {
        let key = self.token_key(plaintext)?;
        let mut salt = [0; 24];
        crate::rng::pooled_salt(&mut salt)?;
        token::seal_with_salt(key, context, plaintext, &salt, out)
    }

    /// Seals a token with a random source of the caller's; the salt is hedged (format.md 3.5).
    ///
    /// # Errors
    /// As [`Keyset::seal`].
    pub fn seal_with_rng(
        &self,
        plaintext: &[u8],
        context: &Context,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>> {
        let key = self.token_key(plaintext)?;
        let mut out = alloc::vec![0; plaintext.len() + token::OVERHEAD];
        token::seal_into(key, context.as_encoded(), plaintext, random, &mut out)?;
        Ok(out)
    }

    /// Opens a token. The plaintext is wiped when it is dropped.
    ///
    /// # Errors
    /// `Format` where these bytes are no token, `UnknownKey` where no version here matches, `KeyState`, `Decrypt`.
    pub fn open(&self, token: &[u8], context: &Context) -> Result<Zeroizing<Vec<u8>>> {
        let mut plaintext =
            Zeroizing::new(alloc::vec![0; token.len().saturating_sub(token::OVERHEAD)]);
        self.open_into(token, context, &mut plaintext)?;
        Ok(plaintext)
    }

    /// Opens a token into `out`, which needs `token::OVERHEAD` bytes fewer than the token. Returns the plaintext's length.
    ///
    /// # Errors
    /// As [`Keyset::open`]; `Misuse` where `out` is too short.
    pub fn open_into(&self, token: &[u8], context: &Context, out: &mut [u8]) -> Result<usize> {
        self.open_encoded_into(token, context.as_encoded(), out)
    }

    /// [`Keyset::open_into`] for whoever has the context in its encoding.
    ///
    /// # Errors
    /// As [`Keyset::open`].
    pub fn open_encoded_into(
        &self,
        token: &[u8],
        context: Encoded<'_>,
        out: &mut [u8],
    ) -> Result<usize> {
        self.open_token(token, context, Purpose::Use, out).map(|(len, _)| len)
    }

    fn open_token(
        &self,
        token: &[u8],
        context: Encoded<'_>,
        purpose: Purpose,
        out: &mut [u8],
    ) -> Result<(usize, &Version)> {
        let token = Token::parse(token)?;
        let len = token.sealed.len() - crate::value::OVERHEAD;
        let unknown = Error::UnknownKey(Wanted::Token(token.version));
        let Some(version) = self.version(token.version) else { return Err(unknown) };
        if version.algorithm() != Algorithm::Symmetric(token.suite) {
            return Err(unknown);
        }
        version.check_opens(purpose)?;
        let key = version.symmetric()?.ok_or(unknown)?;
        let out =
            out.get_mut(..len).ok_or(Error::Misuse("the output is shorter than the plaintext"))?;
        token::open_parsed(key, context, &token, out)
            .inspect_err(|_| version.count_failed_open())?;
        Ok((len, version))
    }

    /// Opens a token with whichever of these keysets sealed it (format.md 6.4).
    ///
    /// # Errors
    /// As [`Keyset::open`]; `Limit` where more than 16 versions of that id and suite are at hand.
    pub fn open_with_any(
        keysets: &[&Keyset],
        token: &[u8],
        context: &Context,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let Token { suite, version: wanted, .. } = Token::parse(token)?;
        let mut trials = Trials::new();
        let mut forbidden = None;
        for keyset in keysets {
            let Some(version) = keyset.version(wanted) else { continue };
            if version.algorithm() != Algorithm::Symmetric(suite) {
                continue;
            }
            if let Err(error) = version.check_opens(Purpose::Use) {
                forbidden = forbidden.or(Some(error));
                continue;
            }
            trials.spend()?;
            match keyset.open(token, context) {
                Err(Error::Decrypt) => {}
                decided => return decided,
            }
        }
        Err(match forbidden {
            _ if trials.any_spent() => Error::Decrypt,
            Some(error) => error,
            None => Error::UnknownKey(Wanted::Token(wanted)),
        })
    }

    /// A keyset of nobody with nothing in it, until another takes its place.
    #[cfg(feature = "std")]
    pub(crate) fn nobody() -> Self {
        Keyset {
            id: KeysetId([0; 16]),
            name: String::new(),
            revision: 0,
            parent: [0; 32],
            primary: None,
            policy: Policy::of_family(Algorithm::X25519),
            versions: Vec::new(),
            usage_key: None,
            read_only: Some(encoding::Digests::of(&[])),
        }
    }

    /// Another keyset of the same contents, to be changed while this one is in use. Both count their
    /// messages together.
    ///
    /// # Errors
    /// As [`Keyset::expose_unprotected`].
    #[cfg(feature = "std")]
    pub fn duplicate(&self) -> Result<Self> {
        let mut copy = Keyset::parse_unprotected(&self.expose_unprotected()?)?;
        copy.versions.iter_mut().for_each(|version| {
            if let Some(ours) = self.version(version.id()) {
                version.set_meter(ours.meter());
            }
        });
        Ok(copy)
    }

    /// Gives each version the meter that counts for it.
    #[cfg(feature = "std")]
    pub(crate) fn set_meters(
        &mut self,
        mut meter: impl FnMut(VersionId) -> alloc::sync::Arc<meter::Meter>,
    ) {
        for version in &mut self.versions {
            version.set_meter(meter(version.id()));
        }
    }

    /// Whether this version seals now: it is the primary, and its state and times let it.
    #[cfg(feature = "std")]
    pub(crate) fn check_seals(&self, version: VersionId) -> Result<()> {
        let meant = &self.versions[self.index(version)?];
        meant.check_seals()?;
        if self.primary != Some(version) {
            let remedy = "it is not the primary any more: seal with the newest revision";
            return Err(refuse(self.id, version, meant.state(), remedy));
        }
        Ok(())
    }

    /// Tells the meters what all processes were granted.
    #[cfg(feature = "std")]
    pub(crate) fn learn_usage(&self, usages: &alloc::collections::BTreeMap<VersionId, Usage>) {
        for version in &self.versions {
            version.learn_usage(usages.get(&version.id()).copied().unwrap_or_default());
        }
    }

    #[cfg(feature = "std")]
    /// Whether its secrets are here, and not in the process that this one was forked from.
    pub(crate) fn is_here(&self) -> bool {
        match &self.usage_key {
            Some(key) => key.get().is_ok(),
            None => self.versions.iter().all(Version::is_here),
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn has_usage_key(&self) -> bool {
        self.usage_key.is_some()
    }

    /// Draws a usage key where there is none, as a part of the revision that is being made.
    pub(crate) fn draw_usage_key(&mut self, random: &mut dyn Random) -> Result<()> {
        if self.usage_key.is_none() {
            let mut key = Held::<Key<_>>::zeroed();
            random.fill(key.get_mut()?.expose_bytes_mut())?;
            self.usage_key = Some(key);
        }
        Ok(())
    }

    pub(crate) fn check_writable(&self) -> Result<()> {
        match self.read_only {
            Some(_) => Err(Error::Misuse("this keyset was made by a newer version of sealwax")),
            None => Ok(()),
        }
    }

    /// What seals a token, which is charged here.
    fn token_key(&self, plaintext: &[u8]) -> Result<&VersionKey> {
        let primary = self.sealing_version()?;
        let key = primary.symmetric()?.ok_or(PAIRS_SEAL_NO_TOKENS)?;
        token::check_len(plaintext)?;
        primary.charge(plaintext.len())?;
        Ok(key)
    }

    /// The primary version, if it may seal now.
    fn sealing_version(&self) -> Result<&Version> {
        let none = "it has no primary version: rotate it, or resume the suspended one";
        let primary = self.primary().ok_or(Error::Keyset { keyset: self.id, what: none })?;
        primary.check_seals()?;
        Ok(primary)
    }
}

impl fmt::Debug for Keyset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyset")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("revision", &self.revision)
            .field("versions", &self.versions.len())
            .finish_non_exhaustive()
    }
}

const PAIRS_SEAL_NO_TOKENS: Error =
    Error::Misuse("a keyset of key pairs seals no tokens; seal an envelope for its recipient");

/// Whether a state forbids what was asked for, as the error that says so.
pub(crate) fn refuse(
    keyset: KeysetId,
    version: VersionId,
    state: KeyState,
    remedy: &'static str,
) -> Error {
    Error::KeyState { keyset, version, state, remedy }
}

#[cfg(all(test, feature = "std"))]
mod tests;
