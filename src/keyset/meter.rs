// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts what a version seals in this process, within what it was granted (format.md 8.7b).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::usage::{MAX_BYTES, MAX_MESSAGES, Usage};
use crate::error::{Error, Result};
use crate::id::VersionId;
use crate::secret::memory::fork_generation;

/// Grants blocks of messages and bytes: the store that the keyset came from.
pub(crate) trait Grantor: Send + Sync {
    /// Charges a block for `version` that holds at least one message of `bytes` bytes, and adds `failed_opens`.
    ///
    /// # Errors
    /// `Limit` where the version's limits leave nothing; those of changing a file.
    fn grant(&self, version: VersionId, bytes: u64, failed_opens: u64) -> Result<Grant>;
}

/// A block that was charged already, and the version's usage with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) usage: Usage,
}

/// What one version may still seal in this process. Shared by all revisions of the keyset that this process loads.
pub(crate) struct Meter {
    messages_left: AtomicU64,
    bytes_left: AtomicU64,
    failed_opens: AtomicU64,
    /// The process that owns what is left: a forked child owns nothing.
    owner: AtomicU64,
    grantor: Option<Weak<dyn Grantor>>,
    /// Held while a lease is taken, which may wait for a file; nobody waits for it who holds that file's lock.
    leasing: Mutex<()>,
    /// The usage at the last grant; what is left was charged to it beforehand. Never held for longer than it takes.
    charged: Mutex<Usage>,
}

impl Meter {
    /// Without a file: counts within this process alone, up to the limits.
    pub(crate) fn alone() -> Arc<Self> {
        let charged = Usage { messages: MAX_MESSAGES, bytes: MAX_BYTES, failed_opens: 0 };
        Arc::new(Meter::new(None, MAX_MESSAGES, MAX_BYTES, charged))
    }

    /// With nothing to seal until `grantor` grants it.
    pub(crate) fn leasing(grantor: Weak<dyn Grantor>, usage: Usage) -> Arc<Self> {
        Arc::new(Meter::new(Some(grantor), 0, 0, usage))
    }

    fn new(grantor: Option<Weak<dyn Grantor>>, messages: u64, bytes: u64, charged: Usage) -> Self {
        Meter {
            messages_left: AtomicU64::new(messages),
            bytes_left: AtomicU64::new(bytes),
            failed_opens: AtomicU64::new(0),
            owner: AtomicU64::new(fork_generation()),
            grantor,
            leasing: Mutex::new(()),
            charged: Mutex::new(charged),
        }
    }

    /// Charges one message of `bytes` bytes.
    pub(crate) fn charge(&self, version: VersionId, bytes: u64) -> Result<()> {
        let owned =
            self.grantor.is_none() || self.owner.load(Ordering::Acquire) == fork_generation();
        if owned && self.take(bytes) {
            return Ok(());
        }
        self.refill(version, bytes)
    }

    /// Counts a token that named the version and did not open.
    pub(crate) fn count_failed_open(&self) {
        self.failed_opens.fetch_add(1, Ordering::Relaxed);
    }

    /// The usage as far as this process knows it.
    pub(crate) fn usage(&self) -> Usage {
        let charged = *lock(&self.charged);
        let left = |left: &AtomicU64| left.load(Ordering::Relaxed);
        Usage {
            messages: charged.messages.saturating_sub(left(&self.messages_left)),
            bytes: charged.bytes.saturating_sub(left(&self.bytes_left)),
            failed_opens: charged.failed_opens.saturating_add(left(&self.failed_opens)),
        }
    }

    /// Takes note of what the file says that all processes were granted, this one included.
    pub(crate) fn learn(&self, usage: Usage) {
        if self.grantor.is_some() {
            *lock(&self.charged) = usage;
        }
    }

    /// Takes back what is left and was not counted yet, to be given back to the file. Nothing in a forked child, and
    /// nothing where no file granted it.
    pub(crate) fn take_back(&self) -> Usage {
        if self.grantor.is_none() {
            return Usage::default();
        }
        let _leasing = lock(&self.leasing);
        let mut charged = lock(&self.charged);
        let taken = Usage {
            messages: self.messages_left.swap(0, Ordering::Relaxed),
            bytes: self.bytes_left.swap(0, Ordering::Relaxed),
            failed_opens: self.failed_opens.swap(0, Ordering::Relaxed),
        };
        if self.owner.load(Ordering::Relaxed) != fork_generation() {
            return Usage::default();
        }
        charged.messages = charged.messages.saturating_sub(taken.messages);
        charged.bytes = charged.bytes.saturating_sub(taken.bytes);
        charged.failed_opens = charged.failed_opens.saturating_add(taken.failed_opens);
        taken
    }

    /// Takes one message; whether there was one. Bytes are taken first, so that a message is never taken without them.
    fn take(&self, bytes: u64) -> bool {
        let take = |left: &AtomicU64, n: u64| {
            let less = |left: u64| left.checked_sub(n);
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
        };
        if !take(&self.bytes_left, bytes) {
            return false;
        }
        if take(&self.messages_left, 1) {
            return true;
        }
        self.bytes_left.fetch_add(bytes, Ordering::Relaxed);
        false
    }

    #[cold]
    fn refill(&self, version: VersionId, bytes: u64) -> Result<()> {
        let Some(grantor) = &self.grantor else { return Err(FULL) };
        let _leasing = lock(&self.leasing);
        let generation = fork_generation();
        if self.owner.load(Ordering::Relaxed) != generation {
            // What is left belongs to the parent.
            for left in [&self.messages_left, &self.bytes_left, &self.failed_opens] {
                left.store(0, Ordering::Relaxed);
            }
            // Only now: whoever sees the new owner takes nothing of what was left.
            self.owner.store(generation, Ordering::Release);
        }
        // Another thread may have refilled it meanwhile.
        if self.take(bytes) {
            return Ok(());
        }
        let gone = Error::Misuse("the store that this keyset came from is closed");
        let grantor = grantor.upgrade().ok_or(gone)?;
        let failed_opens = self.failed_opens.swap(0, Ordering::Relaxed);
        let grant = grantor.grant(version, bytes, failed_opens).inspect_err(|_| {
            self.failed_opens.fetch_add(failed_opens, Ordering::Relaxed);
        })?;
        let mut charged = lock(&self.charged);
        *charged = grant.usage;
        // The message that asked for it is taken here, where nobody can come between.
        self.bytes_left.fetch_add(grant.bytes - bytes, Ordering::Relaxed);
        self.messages_left.fetch_add(grant.messages - 1, Ordering::Relaxed);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a version at its limits answers.
pub(crate) const FULL: Error =
    Error::Limit("this key version sealed 2^48 messages or 2^58 bytes: rotate the keyset");

#[cfg(test)]
mod tests {
    use super::*;

    /// Grants blocks of 10 messages and counts them.
    #[derive(Default)]
    struct Granting(AtomicU64);

    impl Grantor for Granting {
        fn grant(&self, _: VersionId, _: u64, failed_opens: u64) -> Result<Grant> {
            let messages = 10 * (1 + self.0.fetch_add(1, Ordering::Relaxed));
            let usage = Usage { messages, bytes: messages * 100, failed_opens };
            Ok(Grant { messages: 10, bytes: 1000, usage })
        }
    }

    #[test]
    fn a_forked_child_takes_nothing_of_what_its_parent_was_granted() {
        let version = VersionId::new(1).expect("not 0");
        let granting = Arc::new(Granting::default());
        let grantor: Weak<dyn Grantor> = Arc::downgrade(&(granting.clone() as Arc<dyn Grantor>));
        let meter = Meter::leasing(grantor, Usage::default());
        for _ in 0..3 {
            meter.charge(version, 1).expect("granted");
        }
        assert_eq!((granting.0.load(Ordering::Relaxed), meter.usage().messages), (1, 3));
        // As it is in a child: what is left is another process's.
        meter.owner.store(!fork_generation(), Ordering::Release);
        meter.charge(version, 1).expect("granted");
        assert_eq!((granting.0.load(Ordering::Relaxed), meter.usage().messages), (2, 11));
        meter.charge(version, 1).expect("of the block that is its own");
        assert_eq!((granting.0.load(Ordering::Relaxed), meter.usage().messages), (2, 12));
    }

    #[test]
    fn without_a_file_a_child_counts_on_and_what_did_not_open_is_counted() {
        let meter = Meter::alone();
        meter.owner.store(!fork_generation(), Ordering::Release);
        meter.charge(VersionId::new(1).expect("not 0"), 7).expect("nobody grants it");
        meter.count_failed_open();
        let usage = meter.usage();
        assert_eq!((usage.messages, usage.bytes, usage.failed_opens), (1, 7, 1));
    }
}
