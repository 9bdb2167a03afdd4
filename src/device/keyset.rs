// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets in the caller's memory: 96 bytes for each version (format.md 8).

use core::fmt;

use zeroize::Zeroize;

use crate::chunked::Opening as Chunks;
use crate::derive::{Place, salt_key, token_key, wrap_key};
use crate::envelope::{HARD_MAX_HEADER_LEN, Header, Need, Requirements};
use crate::error::{Error, Result};
use crate::format::backup::{STORED_BACKUP, ShareList};
use crate::format::context::Encoded;
use crate::format::entry::WRAPPED_LEN;
use crate::format::keyset::{
    CHECK_LEN, Record, STORED_ID, STORED_NAME, STORED_REVISION, UNPROTECTED_MAGIC, VERSION, View,
};
use crate::format::payload::{Extent, PREFIX_LEN};
use crate::format::reader::{End, Reader};
use crate::format::token::Token;
use crate::format::writer::Writer;
use crate::id::{
    Algorithm, Fingerprint, KeyState, KeysetId, Kind, RecipientKind, Suite, VersionId, Wanted,
};
use crate::primitives::{Prk, ct_eq, hash};
use crate::rng::{Now, Random};
use crate::secret::memory::{
    HEADER_DEPTH, KEY_PAIR_DEPTH, PLAIN_KEYSET_DEPTH, TOKEN_DEPTH, X_WING_PAIR_DEPTH,
    try_with_wiped_stack,
};
use crate::secret::{Data, Held, Key, Pair, Root, Wrap};
use crate::token;
use crate::transit::{KeyPair, Life};
use crate::value::{self, SALT_LEN};
use crate::wrap::hpke::PrivateKey;
use crate::wrap::raw_key::RawKey;
use crate::wrap::{self, Binding, Entry, KeyWrap, OpenedVia, Shape, Trials, Unwrap};

/// One version of a keyset, in 96 bytes of the caller's. Wiped on drop.
#[repr(C)]
pub struct Version {
    secret: [u8; 32],
    /// Of an X25519 key pair; zeros otherwise.
    // public: the key that anyone may have.
    public: [u8; 32],
    fingerprint: [u8; 8],
    activate_at: u64,
    deactivate_at: u64,
    id: u32,
    algorithm: u8,
    state: u8,
    reserved: u16,
}

/// What a keyset is besides its versions. Nothing here is secret.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Its id.
    pub id: KeysetId,
    /// Its revision.
    pub revision: u64,
    /// The version that seals.
    pub primary: Option<VersionId>,
    /// What its versions are.
    pub family: Family,
}

/// What the versions of a keyset are (format.md 8.2: all of one family).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    /// Symmetric keys: they seal tokens and wrap data keys.
    Symmetric = 1,
    /// Key pairs: an identity.
    Pairs = 2,
}

/// What a loader expects of a keyset.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// Another id is refused.
    pub id: Option<KeysetId>,
    /// A lower revision is refused.
    pub min_revision: u64,
    /// Another family is refused.
    pub family: Family,
}

/// A loaded keyset: its head, its versions where the caller keeps them, and the time if it is
/// known.
#[derive(Clone, Copy)]
pub struct Keyset<'v> {
    /// The head.
    pub head: Head,
    /// The versions, in ascending order of id.
    pub versions: &'v [Version],
    /// The time, or that there is no clock (format.md 7.2).
    pub now: Now,
}

/// A keyset of key pairs, as what opens envelopes that were sealed to its public keys.
#[derive(Clone, Copy)]
pub struct Identity<'v>(pub Keyset<'v>);

impl Version {
    /// A place for a version.
    pub const EMPTY: Version = Version {
        secret: [0; 32],
        public: [0; 32],
        fingerprint: [0; 8],
        activate_at: 0,
        deactivate_at: 0,
        id: 0,
        algorithm: 0,
        state: 0,
        reserved: 0,
    };

    /// Overwrites everything in it.
    pub fn wipe(&mut self) {
        let Version {
            secret,
            public,
            fingerprint,
            activate_at,
            deactivate_at,
            id,
            algorithm,
            state,
            reserved,
        } = self;
        secret.zeroize();
        public.zeroize();
        fingerprint.zeroize();
        (*activate_at, *deactivate_at) = (0, 0);
        (*id, *algorithm, *state, *reserved) = (0, 0, 0, 0);
    }

    fn fill(&mut self, record: &Record<'_>) {
        self.id = record.id.value();
        self.algorithm = record.algorithm.number();
        self.state = record.state as u8;
        self.activate_at = record.activate_at;
        self.deactivate_at = record.deactivate_at;
        if let Some(secret) = record.secret {
            self.secret = *secret;
        }
    }

    fn is_x_wing(&self) -> bool {
        cfg!(feature = "x-wing") && self.algorithm == Algorithm::XWing.number()
    }

    /// Computes the public half of a key pair, once, when it is loaded.
    fn fill_public(&mut self) -> Result<()> {
        if self.state == KeyState::Destroyed as u8 {
            return Ok(());
        }
        let private = self.private()?;
        match &private {
            PrivateKey::X25519 { public, .. } => self.public = *public,
            // There is no room for it.
            #[cfg(feature = "x-wing")]
            PrivateKey::XWing { .. } => {}
        }
        self.fingerprint = private.fingerprint().0;
        Ok(())
    }

    fn private(&self) -> Result<PrivateKey> {
        let mut secret = Key::<Pair>::zeroed();
        *secret.expose_bytes_mut() = self.secret;
        match Algorithm::from_u8(self.algorithm)? {
            Algorithm::X25519 if self.public != [0; 32] => {
                Ok(PrivateKey::X25519 { private: Held::new(secret), public: self.public })
            }
            Algorithm::X25519 => Ok(PrivateKey::x25519(&secret)),
            #[cfg(feature = "x-wing")]
            Algorithm::XWing => Ok(PrivateKey::x_wing(&secret)),
            #[cfg(not(feature = "x-wing"))]
            Algorithm::XWing => Err(Error::unsupported("this build has no X-Wing")),
            Algorithm::Symmetric(_) => Err(Error::misuse("a symmetric key has no public key")),
        }
    }

    /// The root secret ready for use, and what the version's keys are bound to.
    fn root(&self, keyset: KeysetId) -> Result<(Prk<Root>, Place)> {
        let Ok(Algorithm::Symmetric(suite)) = Algorithm::from_u8(self.algorithm) else {
            return Err(Error::misuse("a keyset of key pairs has no symmetric key"));
        };
        let version = VersionId::new(self.id).ok_or(Error::misuse("an empty version"))?;
        let mut root = Key::<Root>::zeroed();
        *root.expose_bytes_mut() = self.secret;
        Ok((Prk::new(&root), Place { suite, keyset, version }))
    }

    /// K_wrap. A call of its own: the root is not on the stack below the work with it.
    #[inline(never)]
    fn wrap_key(&self, keyset: KeysetId) -> Result<(Prk<Wrap>, Place)> {
        let (root, place) = self.root(keyset)?;
        Ok((wrap_key(&root, place), place))
    }
}

impl Drop for Version {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl Head {
    /// Loads an unprotected keyset (format.md 8.4). Nothing authenticates it: whoever can change
    /// the blob chooses the keys.
    ///
    /// `needed` becomes how many versions there are, as soon as that is known. On an error the
    /// versions are wiped.
    ///
    /// # Errors
    /// `Format`, `Truncated`, `Limit` for the blob; `Decrypt` where it is not the expected keyset;
    /// `KeyState` where its revision is too low; `Unsupported` for a suite that this build does not
    /// have; `Misuse` where it is of the other family or there is too little room.
    pub fn load_unprotected(
        blob: &[u8],
        expected: &Expected,
        versions: &mut [Version],
        needed: &mut usize,
    ) -> Result<Self> {
        let loaded = unprotected_encoding(blob).and_then(|encoding| {
            try_with_wiped_stack::<PLAIN_KEYSET_DEPTH, _>(|| {
                let view = View::parse(encoding)?;
                Head::take(&view, expected, versions, needed)
            })
        });
        wiped_on_error(loaded, versions)
    }

    /// Loads a keyset file that is sealed under a device key: an envelope of kind 2 with an entry
    /// of type 5 (format.md 8.3).
    ///
    /// The blob is opened in `scratch`, which is at least as long and is wiped afterwards.
    ///
    /// # Errors
    /// As [`Head::load_unprotected`]; `UnknownKey` where it is not sealed under that key;
    /// `Decrypt`.
    pub fn load_sealed(
        blob: &[u8],
        device_key: &RawKey,
        expected: &Expected,
        scratch: &mut [u8],
        versions: &mut [Version],
        needed: &mut usize,
    ) -> Result<Self> {
        let short = Error::misuse("the scratch buffer is shorter than the keyset");
        let scratch = scratch.get_mut(..blob.len()).ok_or(short)?;
        scratch.copy_from_slice(blob);
        let loaded = try_with_wiped_stack::<HEADER_DEPTH, _>(|| {
            let (header, plaintext) = open_keyset_file(scratch, device_key)?;
            let view = View::parse(plaintext)?;
            check_outside(header, &view)?;
            Head::take(&view, expected, versions, needed)
        });
        scratch.zeroize();
        wiped_on_error(loaded, versions)
    }

    /// Computes the public halves of a keyset of key pairs. Called once after loading one.
    ///
    /// # Errors
    /// `Unsupported` for X-Wing in a build without it; the versions are then wiped.
    pub fn fill_public(versions: &mut [Version]) -> Result<()> {
        let has_x_wing = versions.iter().any(Version::is_x_wing);
        let fill = || versions.iter_mut().try_for_each(Version::fill_public);
        let filled = match has_x_wing {
            true => try_with_wiped_stack::<X_WING_PAIR_DEPTH, _>(fill),
            false => try_with_wiped_stack::<KEY_PAIR_DEPTH, _>(fill),
        };
        wiped_on_error(filled, versions)
    }

    fn take(
        view: &View<'_>,
        expected: &Expected,
        versions: &mut [Version],
        needed: &mut usize,
    ) -> Result<Self> {
        // format.md 8.5
        if expected.id.is_some_and(|id| id != view.id) {
            return Err(Error::Decrypt);
        }
        // format.md 8.6
        if view.revision < expected.min_revision {
            return Err(Error::keyset(view.id, "an older revision of it was put back"));
        }
        let family = if view.is_for_pairs() { Family::Pairs } else { Family::Symmetric };
        if family != expected.family {
            return Err(Error::misuse(
                "symmetric keys and key pairs are loaded by different calls",
            ));
        }
        *needed = view.count as usize;
        let room = Error::misuse("there is no room for all versions of the keyset");
        let versions = versions.get_mut(..*needed).ok_or(room)?;
        for (version, record) in versions.iter_mut().zip(view.records()) {
            version.fill(&record);
        }
        Ok(Head { id: view.id, revision: view.revision, primary: view.primary, family })
    }
}

impl<'v> Keyset<'v> {
    /// Seals a token under the primary version (format.md 6.2), with a hedged salt. Returns its
    /// length.
    ///
    /// # Errors
    /// `KeyState`; `Misuse` where there is no primary; those of [`token::seal_into`]. `out` then
    /// holds nothing of the plaintext.
    pub fn seal_token(
        &self,
        context: Encoded<'_>,
        plaintext: &[u8],
        random: &mut dyn Random,
        out: &mut [u8],
    ) -> Result<usize> {
        try_with_wiped_stack::<TOKEN_DEPTH, _>(|| {
            let mut drawn = [0; SALT_LEN];
            random.fill(&mut drawn)?;
            let (root, place) = self.primary()?.root(self.head.id)?;
            let key = salt_key(&root, place);
            let salt = value::hedged_salt(&key, &drawn, context.as_bytes(), plaintext);
            let (key, name) = (token_key(&root, place), (place.suite, place.version));
            token::seal_under(&key, name, context, plaintext, &salt, out)
        })
    }

    /// Opens a token into `out` (format.md 6.4). Returns the plaintext's length.
    ///
    /// # Errors
    /// As [`token::open_into`], and `KeyState`.
    pub fn open_token(&self, context: Encoded<'_>, token: &[u8], out: &mut [u8]) -> Result<usize> {
        let token = Token::parse(token)?;
        let unknown = Error::unknown_key(Wanted::Token(token.version));
        let Some(version) = self.version(token.version, Algorithm::Symmetric(token.suite)) else {
            return Err(unknown);
        };
        self.check_opens(version)?;
        let len = token.sealed.len() - value::OVERHEAD;
        let short = Error::misuse("the output is shorter than the plaintext");
        let out = out.get_mut(..len).ok_or(short)?;
        try_with_wiped_stack::<TOKEN_DEPTH, _>(|| {
            let (root, place) = version.root(self.head.id)?;
            token::open_under(&token_key(&root, place), context, &token, out)
        })?;
        Ok(len)
    }

    /// The public key of the primary version of an X25519 identity.
    ///
    /// # Errors
    /// `Misuse` where there is none; `KeyState`.
    pub fn public_key(&self) -> Result<&'v [u8; 32]> {
        let primary = self.primary()?;
        match primary.algorithm == Algorithm::X25519.number() {
            true => Ok(&primary.public),
            false => Err(Error::misuse("the primary version is not an X25519 key pair")),
        }
    }

    /// Fills in the key pairs of an X25519 identity that may take part in handshakes: its active versions, the primary
    /// first. Returns how many.
    ///
    /// # Errors
    /// `KeyState` where none is active, `Limit` where `out` has no room for all, `Misuse` where none is an X25519 key
    /// pair.
    pub fn key_pairs(&self, out: &mut [KeyPair]) -> Result<usize> {
        let mut count = 0;
        let mut refused = Error::misuse("the keyset has no X25519 key pairs");
        for version in
            self.versions.iter().filter(|version| version.algorithm == Algorithm::X25519.number())
        {
            if version.state != KeyState::Active as u8 {
                refused = self.refuse(version, "only an active version takes part in a handshake");
                continue;
            }
            let Some(id) = VersionId::new(version.id) else { continue };
            let life = Life {
                keyset: self.head.id,
                version: id,
                activate_at: version.activate_at,
                deactivate_at: version.deactivate_at,
                is_primary: self.head.primary == Some(id),
            };
            let more = Error::limit("more active versions than a handshake tries");
            *out.get_mut(count).ok_or(more)? =
                KeyPair::of_version(&version.secret, version.public, life);
            if life.is_primary {
                out.swap(0, count);
            }
            count += 1;
        }
        if count == 0 { Err(refused) } else { Ok(count) }
    }

    /// Whether one of its key pairs is of X-Wing, whose work goes deepest.
    pub fn has_x_wing(&self) -> bool {
        self.versions.iter().any(Version::is_x_wing)
    }

    fn version(&self, id: VersionId, algorithm: Algorithm) -> Option<&'v Version> {
        let is_it = |version: &&Version| {
            version.id == id.value() && version.algorithm == algorithm.number()
        };
        self.versions.iter().find(is_it)
    }

    /// The primary version, if it may seal now.
    fn primary(&self) -> Result<&'v Version> {
        let none = Error::misuse("the keyset has no primary version");
        let Some(id) = self.head.primary else { return Err(none) };
        let primary = self.versions.iter().find(|version| version.id == id.value());
        let Some(primary) = primary else { return Err(none) };
        self.check_seals(primary)?;
        Ok(primary)
    }

    /// format.md 7.1, 7.2.
    fn check_seals(&self, version: &Version) -> Result<()> {
        if version.state != KeyState::Active as u8 {
            return Err(self.refuse(version, "it no longer seals, or not yet"));
        }
        if version.activate_at == 0 && version.deactivate_at == 0 {
            return Ok(());
        }
        match self.now {
            Now::Unknown => Err(self.refuse(version, "it has times and there is no clock here")),
            Now::Seconds(now) if now < version.activate_at => {
                Err(self.refuse(version, "its activation time has not come"))
            }
            Now::Seconds(now) if version.deactivate_at != 0 && now >= version.deactivate_at => {
                Err(self.refuse(version, "its time is over"))
            }
            Now::Seconds(_) => Ok(()),
        }
    }

    /// format.md 7.1, 7.2.
    fn check_opens(&self, version: &Version) -> Result<()> {
        let early = matches!(self.now, Now::Seconds(now) if now < version.activate_at);
        match KeyState::from_u8(version.state) {
            Ok(KeyState::Active) if early => {
                Err(self.refuse(version, "its activation time has not come"))
            }
            Ok(KeyState::Active | KeyState::Deactivated) => Ok(()),
            _ => Err(self.refuse(version, "its state does not let it open")),
        }
    }

    fn refuse(&self, version: &Version, remedy: &'static str) -> Error {
        match (VersionId::new(version.id), KeyState::from_u8(version.state)) {
            (Some(id), Ok(state)) => Error::key_state(self.head.id, id, state, remedy),
            _ => Error::misuse("an empty version"),
        }
    }
}

impl KeyWrap for Keyset<'_> {
    fn shape(&self) -> Result<Shape> {
        let primary = self.primary()?;
        let suite = Suite::from_u8(primary.algorithm)?;
        let version = VersionId::new(primary.id).ok_or(Error::misuse("an empty version"))?;
        Ok(Shape {
            kind: RecipientKind::Keyset,
            body_len: crate::format::entry::KEYSET_LEN,
            class: crate::wrap::Class::PostQuantum,
            hidden: false,
            suite,
            wanted: Wanted::Keyset(self.head.id, version),
        })
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        // By reference, here and below: a move would be another copy on a small stack.
        match self.primary()?.wrap_key(self.head.id) {
            Ok((ref key, place)) => {
                let mut writer = Writer::new(body);
                writer.put(&place.keyset.0).put(&place.version.value().to_be_bytes());
                let wrapped = writer.reserve(WRAPPED_LEN);
                writer.finish();
                wrap::wrap_value(key, place.suite, binding, data_key, random, wrapped)
            }
            Err(error) => Err(error),
        }
    }

    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        let Entry::Keyset { keyset, version, wrapped } = *entry else {
            return Ok(Unwrap::NotAtHand);
        };
        let version = self.versions.iter().find(|held| held.id == version.value());
        let Some(version) = version.filter(|_| keyset == self.head.id) else {
            return Ok(Unwrap::NotAtHand);
        };
        if let Err(forbidden) = self.check_opens(version) {
            return Ok(Unwrap::Forbidden(forbidden));
        }
        trials.spend()?;
        match version.wrap_key(keyset) {
            Ok((ref key, place)) => {
                Ok(match wrap::unwrap_value(key, place.suite, binding, wrapped, data_key) {
                    true => Unwrap::Opened(OpenedVia::Keyset(keyset, place.version)),
                    false => Unwrap::Failed,
                })
            }
            Err(error) => Err(error),
        }
    }
}

impl KeyWrap for Identity<'_> {
    fn shape(&self) -> Result<Shape> {
        Err(Error::misuse("an identity opens; seal to its public key"))
    }

    fn wrap_key(&self, _: &Binding, _: &Key<Data>, _: &mut dyn Random, _: &mut [u8]) -> Result<()> {
        Err(Error::misuse("an identity opens; seal to its public key"))
    }

    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        let (algorithm, wanted, enc, ct): (_, _, &[u8], _) = match *entry {
            Entry::X25519 { fingerprint, enc, ct } => (Algorithm::X25519, fingerprint, enc, ct),
            #[cfg(feature = "x-wing")]
            Entry::XWing { fingerprint, enc, ct } => (Algorithm::XWing, fingerprint, enc, ct),
            _ => return Ok(Unwrap::NotAtHand),
        };
        let Identity(keyset) = self;
        let mut outcome = Unwrap::NotAtHand;
        for version in keyset.versions.iter().filter(|held| held.algorithm == algorithm.number()) {
            let named = version.fingerprint == wanted.0;
            if !(named || wanted == Fingerprint::HIDDEN) {
                continue;
            }
            if let Err(forbidden) = keyset.check_opens(version) {
                // A hidden entry does not say that it means this version.
                if named && !matches!(outcome, Unwrap::Failed) {
                    outcome = Unwrap::Forbidden(forbidden);
                }
                continue;
            }
            trials.spend()?;
            let id = VersionId::new(version.id).ok_or(Error::misuse("an empty version"))?;
            if version.private()?.open(binding.core_hash, enc, ct, data_key)? {
                return Ok(Unwrap::Opened(match algorithm {
                    Algorithm::XWing => OpenedVia::XWing(keyset.head.id, id),
                    _ => OpenedVia::X25519(keyset.head.id, id),
                }));
            }
            outcome = Unwrap::Failed;
        }
        Ok(outcome)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The encoding in an unprotected keyset: format.md 8.4.
fn unprotected_encoding(blob: &[u8]) -> Result<&[u8]> {
    let mut reader = Reader::new(blob, End::Input);
    if !UNPROTECTED_MAGIC.starts_with(&blob[..blob.len().min(4)]) {
        return Err(Error::format("8.4", "not an unprotected keyset"));
    }
    reader.array::<4>()?;
    if reader.u8()? != VERSION {
        return Err(Error::format("8.4", "unknown keyset version"));
    }
    let (encoding, check) =
        reader.rest().split_last_chunk::<CHECK_LEN>().ok_or(Error::Truncated)?;
    let hash = hash(&[b"sealwax/v1/unprotected\0", encoding]);
    match ct_eq(check, hash.first_chunk().expect("16 of 32 bytes")) {
        true => Ok(encoding),
        false => Err(Error::format("8.4", "the keyset is damaged: its check does not hold")),
    }
}

/// Opens a keyset file where it is: its header, and its plaintext.
fn open_keyset_file<'s>(file: &'s mut [u8], device_key: &RawKey) -> Result<(&'s [u8], &'s [u8])> {
    let Need::Whole(header_len) = Header::need(file, HARD_MAX_HEADER_LEN)? else {
        return Err(Error::Truncated);
    };
    let (header_bytes, payload) = file.split_at_mut_checked(header_len).ok_or(Error::Truncated)?;
    let header_bytes: &[u8] = header_bytes;
    let header = Header::parse(header_bytes, HARD_MAX_HEADER_LEN)?;
    let requirements = Requirements { kind: Kind::Keyset, ..Requirements::default() };
    let key = header.open_unwiped(&[device_key], &requirements)?;
    let extent = Extent::of_payload(payload.len() as u64, header.chunk_len())?;
    let (prefix, chunks) = payload.split_first_chunk_mut::<PREFIX_LEN>().ok_or(Error::Truncated)?;
    let opening: Chunks = key.opening_unwiped(prefix)?;
    opening.open_batch(0, chunks)?;
    let (piece_len, sealed_len) =
        (opening.chunk_len().plaintext_len(), opening.chunk_len().sealed_len());
    let plaintext_len = extent.plaintext_len as usize;
    for index in 1..=plaintext_len / piece_len {
        let from = index * sealed_len;
        let len = piece_len.min(plaintext_len - index * piece_len);
        chunks.copy_within(from..from + len, index * piece_len);
    }
    Ok((header_bytes, &chunks[..plaintext_len]))
}

/// The stored entries are exactly those of the plaintext: format.md 8.3.
fn check_outside(header: &[u8], view: &View<'_>) -> Result<()> {
    let stored = Header::parse(header, HARD_MAX_HEADER_LEN)?.stored_context();
    let revision = view.revision.to_be_bytes();
    let entries: [(&str, &[u8]); 3] = [
        (STORED_ID, &view.id.0),
        (STORED_NAME, view.name.as_bytes()),
        (STORED_REVISION, &revision),
    ];
    // A backup with shares lists them in a fourth entry.
    let list = stored.value(STORED_BACKUP);
    list.map(ShareList::parse).transpose()?;
    let same = stored.entries().count() == entries.len() + usize::from(list.is_some())
        && entries.iter().all(|(name, value)| stored.value(name) == Some(*value));
    match same {
        true => Ok(()),
        false => {
            Err(Error::format("8.3", "the file's outside names another keyset than its inside"))
        }
    }
}

fn wiped_on_error<T>(result: Result<T>, versions: &mut [Version]) -> Result<T> {
    if result.is_err() {
        versions.iter_mut().for_each(Version::wipe);
    }
    result
}

const _: () = assert!(size_of::<Version>() == 96);
