// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the system granted for the memory where long-lived secrets are held.

/// Whether a protection is on, or why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on.
    On,
    /// It is not, for this reason.
    Off(&'static str),
}

impl Outcome {
    /// Whether it is on.
    pub fn is_on(self) -> bool {
        self == Outcome::On
    }

    /// The worse of two: what holds for all pages together.
    pub(super) fn and(self, other: Outcome) -> Outcome {
        match self {
            Outcome::On => other,
            off => off,
        }
    }
}

/// The protections of the memory where long-lived secrets are held: those of keysets, and raw keys.
///
/// A protection is on where it is on for every page that is held now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Protection {
    /// Kept out of swap (`mlock`).
    pub locked: Outcome,
    /// Out of reach of the kernel's own mappings, of debuggers and of `/proc/PID/mem` (`memfd_secret`).
    pub secret_memory: Outcome,
    /// Left out of core dumps.
    pub no_dump: Outcome,
    /// Zeros in a forked child, or not there at all.
    pub gone_on_fork: Outcome,
    /// Between pages that cannot be touched.
    pub guarded: Outcome,
    /// How many secrets are held.
    pub secrets: usize,
    /// Bytes of pages that are locked.
    pub locked_bytes: usize,
    /// Bytes of pages that the system refused to lock.
    pub unlocked_bytes: usize,
}

/// What the system grants here and now. Where no secret is held yet, a page is asked for, to see.
///
/// Nothing is refused because a protection is off: a caller that insists looks here, at its start and after it loaded its keys.
pub fn memory_protection() -> Protection {
    super::arena::protection()
}
