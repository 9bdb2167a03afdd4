// SPDX-License-Identifier: MIT OR Apache-2.0
//! A keyset in its file: changed under a lock, followed while others change it, counted across processes (format.md 8.6, 8.7).

mod guard;
mod usage;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

pub use guard::Guard;
pub use usage::BackedUp;

use crate::atomic::{AtomicFile, Existing, remove_leftovers_of};
use crate::error::{Error, ErrorKind, Result};
use crate::format::context::Context;
use crate::id::VersionId;
use crate::keyset::file::read_open;
use crate::keyset::meter::{Grantor, Meter};
use crate::keyset::{Keyset, Usage};
use crate::locked::{Access, Locked, is_named_by, open_locked, open_regular};
use crate::rng::OsRandom;
use usage::{Seen, UsagePath};

/// A keyset and the file that it lives in.
///
/// [`Store::keyset`] is the newest revision that this process saw; asking for it costs next to nothing, and at most once
/// a second the file is looked at. [`Store::change`] is the only way to change the file: under a lock, from what is in
/// it then, durably and all at once. What its symmetric versions seal is counted in the usage file beside it, in blocks, so
/// that there is no write per message; dropping the store gives back what was not used.
///
/// ```
/// # fn main() -> sealwax::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("orders.swxk");
/// use sealwax::rng::Now;
/// use sealwax::store::{Guard, Options, Store};
/// use sealwax::{Context, Keyset, Suite};
///
/// let keyset = Keyset::generate("orders", Suite::Cobblestone256)?;
/// let store = Store::create(&path, keyset, Guard::Unprotected, Options::default())?;
/// let token = store.seal(b"4111 1111 1111 1111", &Context::new())?;
/// store.change(|keyset| keyset.rotate_if_due(Now::system()))?;
/// assert_eq!(store.open_token(&token, &Context::new())?.as_slice(), b"4111 1111 1111 1111");
/// # Ok(()) }
/// ```
pub struct Store {
    inner: Arc<Inner>,
}

/// How a store counts, and what it expects.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where usage is counted.
    pub counting: Counting,
    /// Messages that are leased at once. More cost fewer writes; after a crash the counters are too high by so many.
    pub lease_messages: u64,
    /// Bytes that are leased at once.
    pub lease_bytes: u64,
    /// Refuses the file where its revision is lower: it was put back. What the usage file has seen counts too.
    pub min_revision: u64,
    /// What is done about a usage file that does not verify.
    pub bad_usage: BadUsage,
}

/// Where usage is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// In the usage file beside the keyset file, for all processes together.
    File,
    /// In this process alone, for keyset files that cannot be written beside. Limits hold per process only.
    Memory,
}

/// What is done about a usage file that does not verify, or has seen a newer revision of the keyset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadUsage {
    /// The store does not open.
    Refuse,
    /// It is replaced at the next writing. Its counters and marks are lost: rotate.
    Replace,
}

/// Where the usage file of a keyset file is (format.md 8.7). Links are to be followed before.
pub fn usage_path(keyset: &Path) -> PathBuf {
    UsagePath::beside(keyset).into_path()
}

/// Whether the file had a newer revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// No.
    Unchanged,
    /// Yes, this one; it is in use from now on.
    Newer(u64),
}

struct Inner {
    /// Itself, for the meters to come back to.
    me: Weak<Inner>,
    path: PathBuf,
    usage_path: UsagePath,
    options: Options,
    guard: RwLock<Guard>,
    current: RwLock<Arc<Keyset>>,
    state: Mutex<State>,
    begun: Instant,
    /// Milliseconds after `begun` at which the file was last looked at.
    looked_at: AtomicU64,
}

/// What this process saw last.
struct State {
    stamp: Stamp,
    /// H of the encoding of the current revision.
    encoding: [u8; 32],
    usage: Seen,
    meters: BTreeMap<VersionId, Arc<Meter>>,
}

/// What of a file's metadata changes whenever the file is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    object: (u64, u64),
    len: u64,
    modified: Option<std::time::SystemTime>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            counting: Counting::File,
            lease_messages: 1 << 20,
            lease_bytes: 1 << 36,
            min_revision: 0,
            bad_usage: BadUsage::Refuse,
        }
    }
}

impl Store {
    /// Writes a new keyset file, with mode 0600, and opens it. An existing file is never overwritten.
    ///
    /// # Errors
    /// As [`Keyset::save_new`]; those of format.md 8.7a where the usage file of another keyset stands there.
    pub fn create(path: &Path, keyset: Keyset, guard: Guard, options: Options) -> Result<Self> {
        if options.counting == Counting::File
            && options.bad_usage == BadUsage::Refuse
            && let Some(bytes) = UsagePath::beside(path).read()?
        {
            usage::verify(&bytes, &keyset, Seen::default())?;
        }
        guard.with(|protection| keyset.save_new(path, protection))?;
        Store::open(path, guard, options)
    }

    /// Opens a keyset file.
    ///
    /// # Errors
    /// As [`Keyset::load`]; `KeyState` where the file was put back: its revision is lower than the usage file or the
    /// options say; those of format.md 8.7a where the usage file does not verify.
    pub fn open(path: &Path, guard: Guard, options: Options) -> Result<Self> {
        // Links are followed once: all names of a keyset share its lock and its usage file.
        let path = path.canonicalize()?;
        let usage_path = UsagePath::beside(&path);
        // Before the keyset file, so that it is never newer than what is read after it (format.md 8.7a).
        let usage = match options.counting {
            Counting::File => usage_path.read()?,
            Counting::Memory => None,
        };
        let file = open_regular(&path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let keyset = guard.with(|protection| Keyset::load_open(&file, protection))?;
        if keyset.revision() < options.min_revision {
            return Err(put_back(&keyset));
        }
        let verify = |bytes: Vec<u8>| usage::verify(&bytes, &keyset, Seen::default());
        let usage = match usage.map(verify).transpose() {
            Err(_) if options.bad_usage == BadUsage::Replace => None,
            other => other?,
        };
        let encoding = keyset.encoding_hash()?;
        let inner = Arc::new_cyclic(|me| Inner {
            me: me.clone(),
            path,
            usage_path,
            options,
            guard: RwLock::new(guard),
            current: RwLock::new(Arc::new(Keyset::nobody())),
            state: Mutex::new(State {
                stamp,
                encoding,
                usage: usage.as_ref().map_or_else(Seen::default, |(_, seen)| *seen),
                meters: BTreeMap::new(),
            }),
            begun: Instant::now(),
            looked_at: AtomicU64::new(0),
        });
        let usages = usage.map_or_else(BTreeMap::new, |(usage, _)| usage.usages());
        inner.put(keyset, &mut inner.lock_state(), &usages);
        Ok(Store { inner })
    }

    /// Writes a keyset that was restored from a backup, and opens it: as the revision that follows all that were seen, so
    /// that whoever held a newer one does not take it for a file put back. An existing file is never overwritten.
    ///
    /// The counters of the usage file, if one is still there, go on; without it they begin anew, too low: rotate.
    ///
    /// # Errors
    /// As [`Store::create`]; those of format.md 8.7a where a usage file is there and does not verify.
    pub fn restore(
        path: &Path,
        mut keyset: Keyset,
        guard: Guard,
        options: Options,
    ) -> Result<Self> {
        let seen = match UsagePath::beside(path).read()? {
            None => 0,
            Some(bytes) => match usage::newest_revision(&bytes, &keyset) {
                Err(_) if options.bad_usage == BadUsage::Replace => 0,
                other => other?,
            },
        };
        keyset.follow(seen)?;
        keyset.draw_usage_key(&mut OsRandom)?;
        Store::create(path, keyset, guard, options)
    }

    /// The file, with links followed.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The newest revision that this process saw. At most once a second the file is looked at; a newer one is picked up.
    ///
    /// A file that is not there for the moment, does not open, or was put back changes nothing here: [`Store::refresh`]
    /// says so.
    ///
    /// The caller's duty: ask again for each job. Whoever keeps a revision seals with it until a lease ends; after a rotation
    /// elsewhere that is `KeyState`, and the keyset asked for anew has the new primary.
    pub fn keyset(&self) -> Arc<Keyset> {
        let now = u64::try_from(self.inner.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked_at = self.inner.looked_at.load(Ordering::Relaxed);
        let is_time = now.saturating_sub(looked_at) >= LOOK_EVERY.as_millis() as u64;
        if (is_time || !self.inner.current().is_here())
            && self
                .inner
                .looked_at
                .compare_exchange(looked_at, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            // What is wrong with the file is for whoever asks with `refresh`.
            let _ = self.refresh();
        }
        self.inner.current()
    }

    /// Looks at the file now: one call to the system where nothing changed.
    ///
    /// # Errors
    /// As [`Keyset::load`]; `KeyState` where the file has a lower revision than this process saw, or the same one with
    /// other contents. The keyset that is in use stays in use.
    pub fn refresh(&self) -> Result<Refreshed> {
        self.inner.refresh()
    }

    /// Changes the keyset: takes the lock, reads what is in the file then, lets `change` change it, and writes it. Others
    /// that change it meanwhile wait; readers see the old file or the new one. Where `change` changes nothing or
    /// fails, nothing is written. `change` is not to seal: a lease would wait for the lock that is held meanwhile.
    ///
    /// # Errors
    /// Those of `change` and of [`Store::refresh`]; `Misuse` where the file is sealed for somebody whose key the store does
    /// not have, or `change` puts another keyset in its place; `Io`. Where the usage file alone cannot be written, the
    /// error comes after the change: [`Store::keyset`] has it.
    pub fn change<R>(&self, change: impl FnOnce(&mut Keyset) -> Result<R>) -> Result<R> {
        self.inner.change(None, change)
    }

    /// [`Store::change`], but only where the file still has this revision.
    ///
    /// # Errors
    /// As [`Store::change`]; `KeyState` where somebody changed it meanwhile.
    pub fn change_from<R>(
        &self,
        revision: u64,
        change: impl FnOnce(&mut Keyset) -> Result<R>,
    ) -> Result<R> {
        self.inner.change(Some(revision), change)
    }

    /// Seals the keyset file for others from now on: a new passphrase, one more recipient. It is a new revision.
    ///
    /// The caller's duty: older copies of the file still open with the older keys.
    ///
    /// # Errors
    /// As [`Store::change`].
    pub fn protect(&self, guard: Guard) -> Result<()> {
        self.inner.protect(guard)
    }

    /// Seals a token under the newest revision.
    ///
    /// # Errors
    /// As [`Keyset::seal`]; once in many messages a lease is taken, with the errors of [`Store::change`].
    pub fn seal(&self, plaintext: &[u8], context: &Context) -> Result<Vec<u8>> {
        let mut keyset = self.keyset();
        loop {
            match keyset.seal(plaintext, context) {
                // Taking a lease shows when the primary is another one by now: that one seals.
                Err(error) if error.kind() == ErrorKind::KeyState => {
                    let newer = self.inner.current();
                    if newer.revision() == keyset.revision() {
                        return Err(error);
                    }
                    keyset = newer;
                }
                other => return other,
            }
        }
    }

    /// Opens a token with the newest revision.
    ///
    /// # Errors
    /// As [`Keyset::open`].
    pub fn open_token(
        &self,
        token: &[u8],
        context: &Context,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>> {
        self.keyset().open(token, context)
    }

    /// What each version was used for by all processes, leases that are out included.
    ///
    /// # Errors
    /// Those of format.md 8.7a; `Io`.
    pub fn usage(&self) -> Result<BTreeMap<VersionId, Usage>> {
        self.inner.usage()
    }

    /// The newest backup that was recorded.
    ///
    /// # Errors
    /// As [`Store::usage`].
    pub fn backed_up(&self) -> Result<Option<BackedUp>> {
        self.inner.backed_up()
    }

    /// Records that a backup of this revision was made; where a newer one was, that stays recorded.
    ///
    /// # Errors
    /// As [`Store::change`]; `Misuse` for a revision that never was.
    pub fn record_backup(&self, revision: u64, now: crate::rng::Now) -> Result<()> {
        self.inner.record_backup(BackedUp { revision, at: now })
    }

    /// Gives back what was leased and not used, and records failed opens. Dropping the store does the same, and is silent
    /// where it fails: the counters are then too high.
    ///
    /// # Errors
    /// As [`Store::change`].
    pub fn release(&self) -> Result<()> {
        self.inner.release()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.inner.release();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

impl Inner {
    fn current(&self) -> Arc<Keyset> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refresh(&self) -> Result<Refreshed> {
        loop {
            if Stamp::of(&std::fs::metadata(&self.path)?) == self.lock_state().stamp
                && self.current().is_here()
            {
                return Ok(Refreshed::Unchanged);
            }
            let file = open_regular(&self.path)?;
            let keyset = self.load(&file)?;
            match self.adopt(keyset, Stamp::of(&file.metadata()?)) {
                // Another thread may have written a newer one since it was opened: then this is not one put back.
                Err(_) if !is_named_by(&file, &self.path)? => {}
                other => return other,
            }
        }
    }

    fn load(&self, file: &File) -> Result<Keyset> {
        let guard = self.guard.read().unwrap_or_else(PoisonError::into_inner);
        guard.with(|protection| Keyset::load_open(file, protection))
    }

    /// Uses what was read from the file, if it is newer (format.md 8.6).
    fn adopt(&self, keyset: Keyset, stamp: Stamp) -> Result<Refreshed> {
        let mut state = self.lock_state();
        let current = self.current();
        let encoding = keyset.encoding_hash()?;
        let revision = keyset.revision();
        if keyset.id() != current.id() {
            let what = "its file holds another keyset now";
            return Err(Error::Keyset { keyset: current.id(), what });
        }
        if revision < current.revision() {
            return Err(put_back(&keyset));
        }
        if revision == current.revision() {
            if encoding != state.encoding {
                let what = "its file has the same revision with other contents: two copies were \
                            changed apart from each other";
                return Err(Error::Keyset { keyset: current.id(), what });
            }
            state.stamp = stamp;
            // What was loaded before a fork is wiped: the same revision takes its place.
            if !current.is_here() {
                self.put(keyset, &mut state, &BTreeMap::new());
            }
            return Ok(Refreshed::Unchanged);
        }
        (state.stamp, state.encoding) = (stamp, encoding);
        self.put(keyset, &mut state, &BTreeMap::new());
        Ok(Refreshed::Newer(revision))
    }

    fn put(&self, mut keyset: Keyset, state: &mut State, usages: &BTreeMap<VersionId, Usage>) {
        self.equip(&mut keyset, state, usages);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyset);
    }

    /// Gives each version its meter; one that was there in an older revision goes on counting.
    fn equip(&self, keyset: &mut Keyset, state: &mut State, usages: &BTreeMap<VersionId, Usage>) {
        // One of a newer version of sealwax that has no usage key cannot get one here.
        let counting = match keyset.has_usage_key() || !keyset.is_read_only() {
            true => self.options.counting,
            false => Counting::Memory,
        };
        keyset.set_meters(|version| {
            let fresh = || match counting {
                Counting::Memory => Meter::alone(),
                Counting::File => {
                    let usage = usages.get(&version).copied().unwrap_or_default();
                    let grantor: Weak<dyn Grantor> = self.me.clone();
                    Meter::leasing(grantor, usage)
                }
            };
            Arc::clone(state.meters.entry(version).or_insert_with(fresh))
        });
    }

    /// Locks the file that the path names, and makes sure that what is in it is what we use.
    fn lock_file(&self) -> Result<Locked> {
        let file = open_locked(&self.path, Access::Read)?;
        let stamp = Stamp::of(&file.metadata()?);
        if stamp != self.lock_state().stamp || !self.current().is_here() {
            let keyset = self.load(&file)?;
            self.adopt(keyset, stamp)?;
        }
        Ok(file)
    }

    fn change<R>(
        &self,
        from: Option<u64>,
        change: impl FnOnce(&mut Keyset) -> Result<R>,
    ) -> Result<R> {
        let file = self.lock_file()?;
        let guard = self.guard.read().unwrap_or_else(PoisonError::into_inner).clone();
        // A keyset is not copied: it is read again, from the file that nobody else can change now.
        let bytes = read_open(&file)?;
        let mut keyset = guard.with(|p| Keyset::parse_file_bytes(&bytes, p))?;
        let (id, revision) = (keyset.id(), keyset.revision());
        if from.is_some_and(|from| from != revision) {
            let what = "somebody changed it meanwhile: look at it again";
            return Err(Error::Keyset { keyset: id, what });
        }
        let recipients = guard.recipients_of(&bytes)?;
        // So that it knows what it was used for, by all processes.
        self.equip(&mut keyset, &mut self.lock_state(), &BTreeMap::new());
        if self.options.counting == Counting::File {
            let bytes = self.usage_path.read()?;
            if let Ok(usage) = self.parse_usage(bytes, self.seen(), &keyset) {
                keyset.learn_usage(&usage.usages());
            }
        }
        let changed = change(&mut keyset)?;
        if keyset.id() != id || keyset.revision() < revision {
            // It is a reference that another could be put behind, and what is in the file would be lost.
            return Err(Error::Misuse("a change puts no other keyset in the place of this one"));
        }
        if keyset.revision() != revision {
            self.write(keyset, &recipients, guard, &file)?;
        }
        Ok(changed)
    }

    fn protect(&self, guard: Guard) -> Result<()> {
        let file = self.lock_file()?;
        let mut keyset = self.load(&file)?;
        keyset.touch()?;
        self.write(keyset, &guard.clone(), guard, &file)
    }

    /// format.md 8.6a, from writing aside on: the caller holds the lock of the old file.
    fn write(
        &self,
        mut keyset: Keyset,
        recipients: &Guard,
        guard: Guard,
        old: &File,
    ) -> Result<()> {
        keyset.draw_usage_key(&mut OsRandom)?;
        let bytes = recipients.with(|protection| keyset.to_file_bytes(protection))?;
        let mut file = AtomicFile::create(&self.path, Existing::Replace)?;
        // A group that could read the old revision can read the new one.
        file.set_mode_of(&old.metadata()?)?;
        file.write_all(&bytes)?;
        let file = file.commit_locked(|| Ok(()))?;
        // Whatever fails from here on, the file opens with these keys now.
        *self.guard.write().unwrap_or_else(PoisonError::into_inner) = guard;
        // An older revision that a killed writer left holds secrets that may be destroyed by now.
        let _ = remove_leftovers_of(&self.path);
        self.adopt(keyset, Stamp::of(&file.metadata()?))?;
        match self.options.counting {
            // Raises the mark that finds a keyset file put back. Both locks are held.
            Counting::File => self.update_usage(|_| Ok(())),
            Counting::Memory => Ok(()),
        }
    }
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        #[cfg(unix)]
        let object = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let object = (0, 0);
        Stamp { object, len: metadata.len(), modified: metadata.modified().ok() }
    }
}

fn put_back(keyset: &Keyset) -> Error {
    let what =
        "an older revision of its file was put back; get the newest one, or restore it as a backup";
    Error::Keyset { keyset: keyset.id(), what }
}

/// How often [`Store::keyset`] looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
