// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long keys and sessions are used (format.md 13.12).

use crate::error::{Error, Result};
use crate::id::Suite;

/// When a session changes its keys, and when it ends. Limits are lowered from the suite's, never raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(super) sending: SendingLimits,
    pub(super) receiving: ReceivingLimits,
    pub(super) age: Ages,
    pub(super) is_kept: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SendingLimits {
    pub(super) bytes: u64,
    pub(super) records: u32,
    pub(super) epoch_ms: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReceivingLimits {
    pub(super) failed_opens: u64,
    pub(super) previous_ms: u32,
    pub(super) previous_records: u32,
    pub(super) window: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ages {
    pub(super) handshake_ms: u32,
    pub(super) end_ms: u32,
}

impl Limits {
    /// Those of a session that was not begun.
    pub(super) const NONE: Limits = Limits {
        sending: SendingLimits { bytes: 0, records: 0, epoch_ms: 0 },
        receiving: ReceivingLimits {
            failed_opens: 0,
            previous_ms: 0,
            previous_records: 0,
            window: 0,
        },
        age: Ages { handshake_ms: 0, end_ms: 0 },
        is_kept: false,
    };

    /// The limits of a suite (format.md 13.12).
    pub const fn of(suite: Suite) -> Self {
        let failed_opens = match suite {
            #[cfg(feature = "suite-1")]
            Suite::Cobblestone256 => 1 << 52,
            Suite::ChaCha20Poly1305 => 1 << 36,
        };
        Limits {
            sending: SendingLimits { bytes: MAX_BYTES, records: MAX_RECORDS, epoch_ms: HOUR_MS },
            receiving: ReceivingLimits {
                failed_opens,
                previous_ms: 60_000,
                previous_records: 1024,
                window: DEFAULT_WINDOW,
            },
            age: Ages { handshake_ms: 24 * HOUR_MS, end_ms: END_MS },
            is_kept: false,
        }
    }

    /// A direction's keys change after so many records, so many bytes and so many milliseconds, whichever comes first.
    ///
    /// # Errors
    /// `Misuse` for 0, above 2^23 records or above 2^36 bytes.
    pub fn epoch(mut self, records: u64, bytes: u64, milliseconds: u64) -> Result<Self> {
        let many = Error::misuse("an epoch has at most 2^23 records and 2^36 bytes");
        let records = u32::try_from(records).ok().filter(|count| (1..=MAX_RECORDS).contains(count));
        let Some(records) = records else { return Err(many) };
        if !(1..=MAX_BYTES).contains(&bytes) || milliseconds == 0 {
            return Err(many);
        }
        self.sending = SendingLimits { bytes, records, epoch_ms: within(milliseconds) };
        Ok(self)
    }

    /// The epoch before the present one opens records until so many came in the present one, or so much time went by.
    pub fn previous_epoch(mut self, records: u32, milliseconds: u64) -> Self {
        self.receiving.previous_records = records;
        self.receiving.previous_ms = within(milliseconds);
        self
    }

    /// How many counters below the highest are still accepted, in datagram mode.
    ///
    /// # Errors
    /// `Misuse` for less than 64 or more than 8,192 bits; without a heap, for more than 256.
    pub fn window(mut self, bits: u16) -> Result<Self> {
        if !(64..=MAX_WINDOW).contains(&bits) {
            return Err(Error::misuse("this build has no window of this length"));
        }
        self.receiving.window = bits;
        Ok(self)
    }

    /// A session refuses to go on after so many records that failed to open.
    ///
    /// # Errors
    /// `Misuse` for 0 and above the suite's limit.
    pub fn failed_opens(mut self, count: u64) -> Result<Self> {
        if !(1..=self.receiving.failed_opens).contains(&count) {
            return Err(Error::misuse("more failed opens than the suite can bear"));
        }
        self.receiving.failed_opens = count;
        Ok(self)
    }

    /// A session asks for a fresh handshake after `handshake` milliseconds and ends after `end`.
    ///
    /// # Errors
    /// `Misuse` where the end comes before the handshake, or after more than 48 hours.
    pub fn age(mut self, handshake: u64, end: u64) -> Result<Self> {
        if handshake > end || end > u64::from(END_MS) {
            return Err(Error::misuse("a session ends after its handshake, within 48 hours"));
        }
        self.age = Ages { handshake_ms: within(handshake), end_ms: within(end) };
        Ok(self)
    }

    /// The session outlives restarts: it seals and opens nothing before [`super::Session::reserve`] stored it.
    pub fn kept(mut self) -> Self {
        self.is_kept = true;
        self
    }
}

/// How old a session is, from a clock that may stand or jump.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    last: u64,
    age: u32,
}

impl Clock {
    pub(super) fn begin(now: u64, age: u64) -> Self {
        Clock { last: now, age: within(age) }
    }

    /// Milliseconds since the beginning: the sum of all steps forward. A step back counts as none.
    pub(super) fn age_at(&mut self, now: u64) -> u32 {
        self.age = self.age.saturating_add(within(now.saturating_sub(self.last)));
        self.last = now;
        self.age
    }

    pub(super) fn age(&self) -> u32 {
        self.age
    }
}

/// Milliseconds as a session counts them: it ends long before they are over, after 48 hours.
fn within(milliseconds: u64) -> u32 {
    u32::try_from(milliseconds).unwrap_or(u32::MAX)
}

/// Longest window, in bits.
pub(super) const MAX_WINDOW: u16 = if cfg!(feature = "alloc") { 8192 } else { 256 };
/// The window where nobody chose one.
const DEFAULT_WINDOW: u16 = if cfg!(feature = "alloc") { 1024 } else { 256 };
const MAX_RECORDS: u32 = 1 << 23;
const MAX_BYTES: u64 = 1 << 36;
const HOUR_MS: u32 = 3_600_000;
/// The oldest that a session may be.
const END_MS: u32 = 48 * HOUR_MS;
