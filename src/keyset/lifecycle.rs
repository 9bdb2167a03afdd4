// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a keyset changes: new versions, states, times, policy (format.md 7 and 8.2). Each change is one revision.

use zeroize::Zeroizing;

use super::encoding::hash_of_secrets;
use super::{Keyset, Policy, Version, refuse};
use crate::error::{Error, Result};
use crate::format::keyset::{MAX_VERSIONS, check_reason};
use crate::id::{Algorithm, KeyState, KeysetId, VersionId};
use crate::rng::{Now, Random};

/// What is done to the state of a version: the moves of format.md 7.1, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// From pre-active to active.
    Activate,
    /// From active to suspended.
    Suspend,
    /// From suspended back to active.
    Resume,
    /// From active or suspended to deactivated.
    Deactivate,
    /// From any state with a secret to compromised.
    MarkCompromised,
    /// From any state but destroyed to destroyed.
    Destroy,
}

impl Transition {
    /// All of them.
    pub const ALL: [Transition; 6] = [
        Transition::Activate,
        Transition::Suspend,
        Transition::Resume,
        Transition::Deactivate,
        Transition::MarkCompromised,
        Transition::Destroy,
    ];

    /// The state that a version in the state `from` goes to; `None` where this is no move from there.
    pub const fn from_state(self, from: KeyState) -> Option<KeyState> {
        use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActive, Suspended};
        match (self, from) {
            (Transition::Activate, PreActive) | (Transition::Resume, Suspended) => Some(Active),
            (Transition::Suspend, Active) => Some(Suspended),
            (Transition::Deactivate, Active | Suspended) => Some(Deactivated),
            (Transition::MarkCompromised, PreActive | Active | Suspended | Deactivated) => {
                Some(Compromised)
            }
            (Transition::Destroy, PreActive | Active | Suspended | Deactivated | Compromised) => {
                Some(Destroyed)
            }
            _ => None,
        }
    }
}

/// That nothing depends on a version any more, or that somebody takes the responsibility.
///
/// `Census::clearance` gives one after all of the data was looked at with keys.
#[derive(Debug)]
pub struct Clearance(Cleared);

#[derive(Debug)]
enum Cleared {
    Version(KeysetId, VersionId),
    Anything,
}

impl Clearance {
    /// Whatever still depends on the version is lost for good, and the caller knows it.
    pub fn danger_without_census() -> Self {
        Clearance(Cleared::Anything)
    }

    pub(crate) fn of(keyset: KeysetId, version: VersionId) -> Self {
        Clearance(Cleared::Version(keyset, version))
    }

    fn covers(&self, keyset: KeysetId, version: VersionId) -> bool {
        match self.0 {
            Cleared::Version(k, v) => (k, v) == (keyset, version),
            Cleared::Anything => true,
        }
    }
}

/// Why a keyset wants a new primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationDue {
    /// It has no primary that could seal.
    NoPrimary,
    /// The primary is as old as the policy allows.
    Age,
    /// The primary's time is over or will be within a tenth of its life.
    Deactivation,
    /// The primary sealed as many messages as the policy allows.
    Messages,
    /// The primary sealed as many bytes as the policy allows.
    Bytes,
    /// The primary comes near the limits of format.md 8.7c, where it stops.
    HardLimit,
}

impl Keyset {
    /// Adds a fresh version and makes it the primary. The older ones go on opening.
    ///
    /// # Errors
    /// `Misuse` where the policy does not allow the algorithm or the keyset was made by a newer version of
    /// sealwax; `Limit` at 65,536 versions; `Random`.
    #[cfg(feature = "std")]
    pub fn rotate(&mut self, algorithm: impl Into<Algorithm>) -> Result<VersionId> {
        self.rotate_with_rng(algorithm.into(), Now::system(), &mut crate::rng::OsRandom)
    }

    /// [`Keyset::rotate`] with a clock and a random source of the caller's.
    pub fn rotate_with_rng(
        &mut self,
        algorithm: Algorithm,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<VersionId> {
        let version = self.fresh_version(algorithm, KeyState::Active, now, random)?;
        self.begin_revision()?;
        self.primary = Some(version.id());
        Ok(self.insert(version))
    }

    /// Adds a fresh pre-active version: it can be handed out to every reader before [`Keyset::activate`] makes it the
    /// primary, so that no reader meets a version that it does not have yet.
    ///
    /// # Errors
    /// As [`Keyset::rotate`].
    #[cfg(feature = "std")]
    pub fn prepare(&mut self, algorithm: impl Into<Algorithm>) -> Result<VersionId> {
        self.prepare_with_rng(algorithm.into(), Now::system(), &mut crate::rng::OsRandom)
    }

    /// [`Keyset::prepare`] with a clock and a random source of the caller's.
    pub fn prepare_with_rng(
        &mut self,
        algorithm: Algorithm,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<VersionId> {
        let version = self.fresh_version(algorithm, KeyState::PreActive, now, random)?;
        self.begin_revision()?;
        Ok(self.insert(version))
    }

    /// Makes a pre-active version active, and the primary.
    ///
    /// # Errors
    /// `UnknownKey` where there is no such version, `KeyState` where its state has no such move, `Misuse` for a reason
    /// over 255 bytes or a keyset made by a newer version of sealwax, `Limit` where its history is full.
    pub fn activate(&mut self, version: VersionId, reason: &str, now: Now) -> Result<()> {
        self.transition(version, Transition::Activate, reason, now)?;
        self.primary = Some(version);
        Ok(())
    }

    /// Takes an active version out of use: it neither seals nor opens until [`Keyset::resume`].
    ///
    /// A keyset whose primary is suspended does not seal until that is resumed or the keyset is rotated.
    ///
    /// # Errors
    /// As [`Keyset::activate`].
    pub fn suspend(&mut self, version: VersionId, reason: &str, now: Now) -> Result<()> {
        self.transition(version, Transition::Suspend, reason, now)
    }

    /// Puts a suspended version back into use; it becomes the primary again where there is none meanwhile.
    ///
    /// # Errors
    /// As [`Keyset::activate`].
    pub fn resume(&mut self, version: VersionId, reason: &str, now: Now) -> Result<()> {
        self.transition(version, Transition::Resume, reason, now)?;
        self.primary = self.primary.or(Some(version));
        Ok(())
    }

    /// Ends the use of a version for sealing for good; it goes on opening.
    ///
    /// # Errors
    /// As [`Keyset::activate`]; `KeyState` for the primary: rotate first.
    pub fn deactivate(&mut self, version: VersionId, reason: &str, now: Now) -> Result<()> {
        self.refuse_primary(version)?;
        self.transition(version, Transition::Deactivate, reason, now)
    }

    /// Records that somebody else may have the version: it opens only through [`Keyset::migrating`] from now on.
    ///
    /// A keyset whose primary is compromised does not seal until it is rotated.
    ///
    /// # Errors
    /// As [`Keyset::activate`].
    pub fn mark_compromised(&mut self, version: VersionId, reason: &str, now: Now) -> Result<()> {
        self.transition(version, Transition::MarkCompromised, reason, now)
    }

    /// Wipes the version's secret. What it alone opens is lost for good; a tombstone with its id, times and reasons stays.
    ///
    /// The caller's duty: other copies of the keyset file hold the secret still (format.md 11.4a).
    ///
    /// # Errors
    /// As [`Keyset::activate`]; `KeyState` for the primary; `Misuse` where the clearance is for another version.
    pub fn destroy(
        &mut self,
        version: VersionId,
        clearance: &Clearance,
        reason: &str,
        now: Now,
    ) -> Result<()> {
        self.refuse_primary(version)?;
        if !clearance.covers(self.id, version) {
            return Err(Error::Misuse("the clearance is for another version"));
        }
        self.transition(version, Transition::Destroy, reason, now)
    }

    /// Sets from when on a version may be used and from when on it no longer seals, in seconds since 1970. Times only
    /// restrict (format.md 7.2); where there is no clock, a version with times does not seal.
    ///
    /// # Errors
    /// `UnknownKey`; `KeyState` for a destroyed version; `Misuse` for a time of 0, where the end is not after the start, or for a
    /// keyset made by a newer version of sealwax.
    pub fn schedule(
        &mut self,
        version: VersionId,
        activate_at: Option<u64>,
        deactivate_at: Option<u64>,
    ) -> Result<()> {
        if let (Some(from), Some(to)) = (activate_at, deactivate_at)
            && from >= to
        {
            return Err(Error::Misuse("a version's time ends before it begins"));
        }
        if activate_at == Some(0) || deactivate_at == Some(0) {
            // In the format 0 is no time at all, so that an end long past would be no end.
            return Err(Error::Misuse("a version's time is after the beginning of 1970"));
        }
        let at = self.index(version)?;
        if self.versions[at].state() == KeyState::Destroyed {
            return Err(refuse(self.id, version, KeyState::Destroyed, GONE));
        }
        self.begin_revision()?;
        self.versions[at].schedule(activate_at.unwrap_or(0), deactivate_at.unwrap_or(0));
        Ok(())
    }

    /// Changes what the keyset allows and when it wants to be rotated.
    ///
    /// # Errors
    /// `Misuse` where the policy's algorithms are of the other family, or for a keyset made by a newer version of sealwax.
    pub fn set_policy(&mut self, policy: Policy) -> Result<()> {
        if policy.is_for_pairs() != self.is_identity() {
            return Err(Error::Misuse("symmetric keys and key pairs do not mix in a keyset"));
        }
        self.begin_revision()?;
        self.policy = policy;
        Ok(())
    }

    /// Whether policy, times or limits want a new primary, and why. Without a clock, age is not looked at.
    pub fn is_rotation_due(&self, now: Now) -> Option<RotationDue> {
        let Some(primary) = self.primary() else { return Some(RotationDue::NoPrimary) };
        let policy = &self.policy;
        let reached = |used: u64, limit: u64| limit != 0 && used >= limit;
        if let Now::Seconds(now) = now {
            // A clock that went back makes nothing older than it is.
            let begin = primary.created().max(primary.activate_at().unwrap_or(0));
            if primary.created() != 0
                && reached(now.saturating_sub(begin), policy.rotate_after_seconds)
            {
                return Some(RotationDue::Age);
            }
            if let Some(end) = primary.deactivate_at()
                && now >= end.saturating_sub(end.saturating_sub(begin) / 10)
            {
                return Some(RotationDue::Deactivation);
            }
        }
        let usage = primary.usage();
        if reached(usage.messages, policy.rotate_after_messages) {
            Some(RotationDue::Messages)
        } else if reached(usage.bytes, policy.rotate_after_bytes) {
            Some(RotationDue::Bytes)
        } else if usage.is_near_limit() {
            Some(RotationDue::HardLimit)
        } else {
            None
        }
    }

    /// Rotates to the primary's algorithm (or the newest version's, where there is no primary) if it is due.
    ///
    /// # Errors
    /// As [`Keyset::rotate`].
    #[cfg(feature = "std")]
    pub fn rotate_if_due(&mut self, now: Now) -> Result<Option<VersionId>> {
        self.rotate_if_due_with_rng(now, &mut crate::rng::OsRandom)
    }

    /// [`Keyset::rotate_if_due`] with a random source of the caller's.
    pub fn rotate_if_due_with_rng(
        &mut self,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Option<VersionId>> {
        if self.is_rotation_due(now).is_none() {
            return Ok(None);
        }
        self.rotate_with_rng(self.usual_algorithm(), now, random).map(Some)
    }

    /// The algorithm of the primary; without one, that of the newest version; without any, the policy's first.
    pub fn usual_algorithm(&self) -> Algorithm {
        let newest = || self.versions.iter().max_by_key(|version| version.created());
        self.primary()
            .or_else(newest)
            .map_or_else(|| self.policy.first_algorithm(), Version::algorithm)
    }

    /// Moves a version along the table, as one revision. What was the primary and is no longer active is not the primary.
    fn transition(
        &mut self,
        version: VersionId,
        transition: Transition,
        reason: &str,
        now: Now,
    ) -> Result<()> {
        check_reason(reason).map_err(Error::Misuse)?;
        let at = self.index(version)?;
        let from = self.versions[at].state();
        let Some(to) = transition.from_state(from) else {
            return Err(refuse(self.id, version, from, remedy(transition, from)));
        };
        if !self.versions[at].has_room_for(reason) {
            return Err(Error::Limit("the history of this version is full; rotate and destroy it"));
        }
        self.begin_revision()?;
        self.versions[at].change_state(to, now.seconds(), reason);
        if self.primary == Some(version) && to != KeyState::Active {
            self.primary = None;
        }
        Ok(())
    }

    fn refuse_primary(&self, version: VersionId) -> Result<()> {
        if self.primary == Some(version) {
            let remedy = "it is the primary: rotate the keyset first";
            return Err(refuse(self.id, version, KeyState::Active, remedy));
        }
        Ok(())
    }

    fn fresh_version(
        &self,
        algorithm: Algorithm,
        state: KeyState,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Version> {
        if !self.policy.allows(algorithm) {
            return Err(Error::Misuse("the keyset's policy does not allow this algorithm"));
        }
        if self.versions.len() >= MAX_VERSIONS as usize {
            return Err(Error::Limit("a keyset has at most 65,536 versions"));
        }
        let id = self.fresh_version_id(random)?;
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut_slice())?;
        Version::new(self.id, id, algorithm, state, &secret, now.seconds())
    }

    pub(super) fn fresh_version_id(&self, random: &mut dyn Random) -> Result<VersionId> {
        // With at most 65,536 of 2^32 ids taken, 64 draws in a row fail only where the source repeats.
        for _ in 0..64 {
            let mut id = [0; 4];
            random.fill(&mut id)?;
            match VersionId::new(u32::from_be_bytes(id)) {
                Some(id) if self.version(id).is_none() => return Ok(id),
                _ => {}
            }
        }
        Err(Error::Random)
    }

    /// Makes a revision that differs from the one before in nothing else.
    #[cfg(feature = "std")]
    pub(crate) fn touch(&mut self) -> Result<()> {
        self.begin_revision()
    }

    fn begin_revision(&mut self) -> Result<()> {
        self.check_writable()?;
        let next =
            self.revision.checked_add(1).ok_or(Error::Limit("the keyset has no revision left"))?;
        self.parent = hash_of_secrets(&[&*self.encode()?]);
        self.revision = next;
        Ok(())
    }

    pub(super) fn insert(&mut self, version: Version) -> VersionId {
        let id = version.id();
        let at = self.versions.partition_point(|other| other.id() < id);
        self.versions.insert(at, version);
        id
    }
}

fn remedy(transition: Transition, from: KeyState) -> &'static str {
    match (from, transition) {
        (KeyState::Destroyed, _) => GONE,
        (KeyState::Compromised, Transition::MarkCompromised) => "it is marked already",
        (KeyState::Compromised, _) => "it can only be destroyed",
        (KeyState::PreActive, Transition::Deactivate | Transition::Suspend) => {
            "it is not in use yet: activate or destroy it"
        }
        (KeyState::Suspended, Transition::Suspend) => "it is suspended already",
        (KeyState::Deactivated, Transition::Deactivate) => "it is deactivated already",
        (KeyState::Deactivated, _) => "its use for sealing has ended for good: rotate the keyset",
        (_, Transition::Activate) => "only a pre-active version can be activated",
        (_, Transition::Resume) => "only a suspended version can be resumed",
        _ => "its state has no such move (format.md 7.1)",
    }
}

const GONE: &str = "its secret is gone for good";
