// SPDX-License-Identifier: MIT OR Apache-2.0
//! Census: which keys the sealed data depends on.

use std::collections::BTreeMap;
use std::path::Path;

use crate::envelope::Header;
use crate::error::{Error, Result};
use crate::format::entry::Entry;
use crate::id::{
    Algorithm, Fingerprint, KeyState, KeysetId, RawKeyId, RecipientKind, VersionId, Wanted,
};
use crate::keyset::{Clearance, Keyset, Migrating};
use crate::locked::open_regular;
use crate::secret::memory::{PUBLIC_KEY_DEPTH, try_with_wiped_stack};
use crate::secret::{Data, Key};
use crate::stream::HeaderReader;
use crate::token;
use crate::wrap::{KeyWrap, OpenedVia};

/// Looks at headers and tokens, and says what they depend on.
///
/// Without [`Surveyor::verified`] it reads public bytes alone: fast, and only advisory, because anybody could have written
/// them. With it every data key is unwrapped and every mac verified, and the census can clear a version for destruction.
#[derive(Clone)]
pub struct Surveyor<'a> {
    keysets: Vec<&'a Keyset>,
    keys: Vec<&'a dyn KeyWrap>,
    proof: Proof,
}

/// Whether what was counted was also verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Public bytes were read: advisory.
    Advisory,
    /// Every data key was unwrapped and every mac verified.
    Verified,
}

/// What an envelope or a token depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dependence {
    /// A version of a keyset, or of an identity that is at hand.
    Version(KeysetId, VersionId),
    /// A version of a keyset that is not at hand, named by a token.
    UnknownKeyset(VersionId),
    /// A key pair that is not at hand.
    Pair(Fingerprint),
    /// A key pair that is not named.
    Hidden,
    /// A raw key.
    RawKey(RawKeyId),
    /// A passphrase.
    Passphrase,
    /// A provider's key.
    Provider,
    /// A type of recipient that this version of sealwax does not know.
    UnknownType(u8),
}

/// How much depends on one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Envelopes that have it among their recipients.
    pub envelopes: u64,
    /// Bytes of them, sealed.
    pub bytes: u64,
    /// Tokens that name it.
    pub tokens: u64,
}

/// What was found about one envelope.
#[derive(Debug)]
pub enum Finding {
    /// It was opened through this entry, and its mac holds.
    Verified(OpenedVia),
    /// It names a key at hand; that this key opens it was not tried.
    Named,
    /// No key at hand opens it.
    Unopenable(Error),
}

/// What sealed data depends on.
#[derive(Debug)]
pub struct Census {
    proof: Proof,
    envelopes: u64,
    bytes: u64,
    tokens: u64,
    unopenable: u64,
    unreadable: u64,
    tallies: BTreeMap<Dependence, Tally>,
}

impl<'a> Surveyor<'a> {
    /// A surveyor without keys.
    pub fn new() -> Self {
        Surveyor { keysets: Vec::new(), keys: Vec::new(), proof: Proof::Advisory }
    }

    /// Adds a keyset or identity. Its compromised versions count as keys at hand: what they opened can be migrated.
    pub fn keyset(mut self, keyset: &'a Keyset) -> Self {
        self.keysets.push(keyset);
        self
    }

    /// Adds another key.
    pub fn key(mut self, key: &'a dyn KeyWrap) -> Self {
        self.keys.push(key);
        self
    }

    /// Unwraps every data key and verifies every mac.
    pub fn verified(mut self) -> Self {
        self.proof = Proof::Verified;
        self
    }

    /// An empty census for what this surveyor finds. Several threads fill one each; [`Census::merge`] puts them together.
    pub fn census(&self) -> Census {
        Census {
            proof: self.proof,
            envelopes: 0,
            bytes: 0,
            tokens: 0,
            unopenable: 0,
            unreadable: 0,
            tallies: BTreeMap::new(),
        }
    }

    /// Counts the envelope with this header; `len` is its length in bytes, payload included.
    pub fn survey(&self, header: &Header<'_>, len: u64, census: &mut Census) -> Finding {
        census.envelopes += 1;
        census.bytes += len;
        for entry in header.entries() {
            let tally = census.tallies.entry(self.dependence(&entry)).or_default();
            tally.envelopes += 1;
            tally.bytes += len;
        }
        let finding = match self.proof {
            Proof::Verified => match self.open(header) {
                Ok(via) => Finding::Verified(via),
                Err(error) => Finding::Unopenable(error),
            },
            Proof::Advisory => self.look(header),
        };
        match finding {
            Finding::Verified(via) => self.count_hidden(via, header, len, census),
            Finding::Named => {}
            Finding::Unopenable(_) => census.unopenable += 1,
        }
        finding
    }

    /// Counts the version that a hidden entry was for: only opening it showed which.
    fn count_hidden(&self, via: OpenedVia, header: &Header<'_>, len: u64, census: &mut Census) {
        let (OpenedVia::X25519(keyset, version)
        | OpenedVia::XWing(keyset, version)
        | OpenedVia::Compromised(keyset, version)) = via
        else {
            return;
        };
        let dependence = Dependence::Version(keyset, version);
        if header.entries().all(|entry| self.dependence(&entry) != dependence) {
            let tally = census.tallies.entry(dependence).or_default();
            tally.envelopes += 1;
            tally.bytes += len;
        }
    }

    /// Counts a sealed file or a detached header.
    ///
    /// # Errors
    /// `Format`, `Truncated`, `Limit`, `Io`: the file is counted as unreadable.
    pub fn survey_path(
        &self,
        path: &Path,
        reader: &mut HeaderReader,
        census: &mut Census,
    ) -> Result<Finding> {
        let result = open_regular(path).and_then(|file| {
            reader.read_whole(&file, |header, len| {
                // Of small files the read has said it already: that is a call to the system less.
                let len = len.map_or_else(|| Ok(file.metadata()?.len()), Ok::<_, Error>)?;
                Ok(self.survey(header, len, census))
            })
        });
        result.inspect_err(|_| census.count_unreadable())
    }

    /// Counts a token; its bytes alone say what it depends on.
    ///
    /// # Errors
    /// `Format`, `Limit` where these bytes are no token; it is counted as unreadable.
    pub fn survey_token(&self, token: &[u8], census: &mut Census) -> Result<Dependence> {
        let (suite, version) =
            token::key_version(token).inspect_err(|_| census.count_unreadable())?;
        let is_meant = |keyset: &&&Keyset| {
            keyset.version(version).is_some_and(|v| v.algorithm() == Algorithm::Symmetric(suite))
        };
        let dependence = match self.keysets.iter().find(is_meant) {
            Some(keyset) => Dependence::Version(keyset.id(), version),
            None => Dependence::UnknownKeyset(version),
        };
        census.tokens += 1;
        census.tallies.entry(dependence).or_default().tokens += 1;
        Ok(dependence)
    }

    fn dependence(&self, entry: &Entry<'_>) -> Dependence {
        match entry.wanted() {
            Wanted::Keyset(keyset, version) => Dependence::Version(keyset, version),
            Wanted::Pair(_, Fingerprint::HIDDEN) => Dependence::Hidden,
            Wanted::Pair(_, fingerprint) => {
                let held = |keyset: &&Keyset| {
                    keyset.version_of(entry).map(|version| (keyset.id(), version.id()))
                };
                match self.keysets.iter().find_map(held) {
                    Some((keyset, version)) => Dependence::Version(keyset, version),
                    None => Dependence::Pair(fingerprint),
                }
            }
            Wanted::RawKey(id) => Dependence::RawKey(id),
            Wanted::Recipient(RecipientKind::Passphrase) => Dependence::Passphrase,
            Wanted::Recipient(RecipientKind::Provider) => Dependence::Provider,
            _ => Dependence::UnknownType(entry.kind().number()),
        }
    }

    /// Whether a key at hand is named; passphrases and other keys say so by their shape.
    fn look(&self, header: &Header<'_>) -> Finding {
        let opens = |state| !matches!(state, KeyState::Suspended | KeyState::Destroyed);
        for entry in header.entries() {
            let by_keyset = self.keysets.iter().any(|keyset| {
                keyset.version_of(&entry).is_some_and(|version| opens(version.state()))
            });
            let by_key = self.keys.iter().any(|key| {
                key.shape().is_ok_and(|shape| {
                    shape.is_named_by(&entry)
                        || (shape.kind, entry.kind())
                            == (RecipientKind::Passphrase, RecipientKind::Passphrase)
                })
            });
            if by_keyset || by_key {
                return Finding::Named;
            }
        }
        let wanted = header.entries().next().map_or(Wanted::None, |entry| entry.wanted());
        Finding::Unopenable(Error::UnknownKey(wanted))
    }

    fn open(&self, header: &Header<'_>) -> Result<OpenedVia> {
        try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(|| {
            let migrating: Vec<Migrating<'_>> =
                self.keysets.iter().map(|keyset| keyset.migrating()).collect();
            let mut keys: Vec<&dyn KeyWrap> =
                migrating.iter().map(|keyset| keyset as &dyn KeyWrap).collect();
            keys.extend(&self.keys);
            let mut data_key = Key::<Data>::zeroed();
            header.authenticate(&keys, &[], &mut data_key).map(|(via, _)| via)
        })
    }
}

impl Census {
    /// Whether everything was verified.
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// Envelopes that were looked at.
    pub fn envelopes(&self) -> u64 {
        self.envelopes
    }

    /// Bytes of them, sealed.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Tokens that were looked at.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Envelopes that no key at hand opens.
    pub fn unopenable(&self) -> u64 {
        self.unopenable
    }

    /// Files and lines that could not be read, or are not sealed.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Counts something that could not be looked at at all.
    pub fn count_unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// What depends on each key. An envelope with several recipients counts for each of them.
    pub fn tallies(&self) -> &BTreeMap<Dependence, Tally> {
        &self.tallies
    }

    /// What depends on this version.
    pub fn of_version(&self, keyset: KeysetId, version: VersionId) -> Tally {
        self.tallies.get(&Dependence::Version(keyset, version)).copied().unwrap_or_default()
    }

    /// Adds what another thread counted. The weaker proof counts.
    pub fn merge(&mut self, other: Census) {
        let Census { proof, envelopes, bytes, tokens, unopenable, unreadable, tallies } = other;
        if proof == Proof::Advisory {
            self.proof = Proof::Advisory;
        }
        self.envelopes += envelopes;
        self.bytes += bytes;
        self.tokens += tokens;
        self.unopenable += unopenable;
        self.unreadable += unreadable;
        for (dependence, tally) in tallies {
            let sum = self.tallies.entry(dependence).or_default();
            sum.envelopes += tally.envelopes;
            sum.bytes += tally.bytes;
            sum.tokens += tally.tokens;
        }
    }

    /// Clears a version for [`Keyset::destroy`], if the census is verified, has no holes, and nothing in it depends on it.
    ///
    /// It says nothing about data that was not looked at: tokens in databases, backups, other machines, and keyset files that
    /// are sealed under this version (`Folders` looks for `.swx` alone). A keyset that seals nothing but tokens is never
    /// cleared by a census.
    ///
    /// # Errors
    /// `KeyState`, saying what is in the way; `UnknownKey` where the keyset has no such version.
    pub fn clearance(&self, keyset: &Keyset, version: VersionId) -> Result<Clearance> {
        let wanted = Wanted::Keyset(keyset.id(), version);
        let meant = keyset.version(version).ok_or(Error::UnknownKey(wanted))?;
        let state = meant.state();
        let refuse = |remedy| Err(Error::KeyState { keyset: keyset.id(), version, state, remedy });
        // Whoever counted may not have had the keyset, and counted by what bytes alone say.
        let pair = meant.recipient().map(|own| Dependence::Pair(own.fingerprint()));
        let names = [
            Some(Dependence::Version(keyset.id(), version)),
            Some(Dependence::UnknownKeyset(version)),
            pair,
        ];
        if names.iter().flatten().any(|name| self.tallies.contains_key(name)) {
            return refuse(
                "sealed data depends on it still: rewrap, reencrypt or migrate it first",
            );
        }
        if self.proof == Proof::Advisory {
            return refuse("the census was made without keys: make a verified one");
        }
        if self.unopenable != 0 || self.unreadable != 0 {
            return refuse("the census has holes: there are files that could not be verified");
        }
        if self.envelopes == 0 {
            return refuse("the census looked at nothing");
        }
        Ok(Clearance::of(keyset.id(), version))
    }
}

impl Default for Surveyor<'_> {
    fn default() -> Self {
        Surveyor::new()
    }
}
