// SPDX-License-Identifier: MIT OR Apache-2.0
//! A keyset in its file: changed under a lock, followed while others change it, counted across
//! processes (format.md 8.6, 8.7).

use core::ffi::c_char;

use sealwax::id::VersionId;
use sealwax::keyset::{Clearance, Transition};
use sealwax::rng::Now;
use sealwax::store::{BadUsage, Counting, Guard, Options, Store};
use sealwax::{Algorithm, Error, Keyset, token};

use crate::boundary::{Borrows, Handle, Plain, call, free};
use crate::hosted::job::path;
use crate::hosted::key::{Kind, make, make_key, owned, put, sealwax_key, text};
use crate::hosted::keyset::{describe, put_all};
use crate::keyset::sealwax_keyset_description;
use crate::status::{BUFFER_TOO_SMALL, Failure, INVALID_ARGUMENT};

/// The keyset file is readable by whoever can read the file.
pub const SEALWAX_STORE_UNPROTECTED: u32 = 1;
/// Usage is counted in this process alone, for keyset files that cannot be written beside.
pub const SEALWAX_STORE_COUNT_IN_MEMORY: u32 = 2;
/// A usage file that does not verify is replaced at the next writing, and its counters are lost.
pub const SEALWAX_STORE_REPLACE_BAD_USAGE: u32 = 4;
/// A pre-active version becomes active, and the primary.
pub const SEALWAX_MOVE_ACTIVATE: u8 = 1;
/// An active version is taken out of use, for now.
pub const SEALWAX_MOVE_SUSPEND: u8 = 2;
/// A suspended version is put back into use.
pub const SEALWAX_MOVE_RESUME: u8 = 3;
/// A version no longer seals, for good.
pub const SEALWAX_MOVE_DEACTIVATE: u8 = 4;
/// Somebody else may have a version: it neither seals nor opens any more.
pub const SEALWAX_MOVE_MARK_COMPROMISED: u8 = 5;

/// A keyset and the file that it lives in. The library owns it; free it with sealwax_store_free.
/// Any number of threads may use one at once; freeing it needs it alone.
pub struct sealwax_store {
    store: Store,
}

impl Handle for sealwax_store {}

/// How a keyset file is protected, and how its usage is counted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_store_options {
    /// What the file is sealed for and opened with: `key_count` keys, which may be freed before the
    /// store. None only with SEALWAX_STORE_UNPROTECTED.
    pub keys: *const *const sealwax_key,
    /// How many.
    pub key_count: usize,
    /// A file of a lower revision is refused: it was put back. 0: any that the usage file allows.
    pub min_revision: u64,
    /// Messages that are leased at once; 0: 2^20. More cost fewer writes; after a crash the
    /// counters are too high by so many.
    pub lease_messages: u64,
    /// Bytes that are leased at once; 0: 2^36.
    pub lease_bytes: u64,
    /// SEALWAX_STORE_UNPROTECTED, SEALWAX_STORE_COUNT_IN_MEMORY, SEALWAX_STORE_REPLACE_BAD_USAGE,
    /// or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// What a version was used for, by all processes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_version_usage {
    /// Messages sealed: tokens, and data keys wrapped. What is leased counts as used until it is
    /// given back.
    pub messages: u64,
    /// Bytes of plaintext in them.
    pub bytes: u64,
    /// Tokens that named the version and did not open.
    pub failed_opens: u64,
    /// The version.
    pub version: u32,
    /// 0.
    pub reserved: u32,
}

impl Plain for sealwax_store_options {}
impl Plain for sealwax_version_usage {}

/// Writes a new keyset file, with mode 0600, and opens it. A file that exists is never overwritten.
///
/// `file` is a path, zero-terminated; `keyset` a keyset, of which the store has its own copy.
/// `*store` becomes the store, which the caller frees; NULL on errors: SEALWAX_ERROR_IO (also a
/// file that exists), _INVALID_ARGUMENT (NULL, overlap, not a keyset, neither keys nor
/// SEALWAX_STORE_UNPROTECTED, or both), _BAD_STATE (also a usage file that is not this keyset's),
/// _FORMAT, _TRUNCATED, _LIMIT (a usage file), _RANDOM. There is then no new file. Threads: any.
/// Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_create(
    file: *const c_char,
    keyset: *const sealwax_key,
    options: *const sealwax_store_options,
    store: *mut *mut sealwax_store,
) -> i32 {
    make_store(store, file, options, |borrows, file, guard, options| {
        let keyset = borrows.handle(keyset)?.keyset()?.duplicate()?;
        Ok(Store::create(file, keyset, guard, options)?)
    })
}

/// Opens a keyset file.
///
/// As sealwax_store_create, of a file that is there. Errors: SEALWAX_ERROR_IO, _FORMAT (also
/// another protection than expected), _TRUNCATED, _LIMIT, _UNKNOWN_KEY, _DECRYPT, _BAD_STATE (the
/// file was put back; the usage file was changed), _INVALID_ARGUMENT. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_open(
    file: *const c_char,
    options: *const sealwax_store_options,
    store: *mut *mut sealwax_store,
) -> i32 {
    make_store(store, file, options, |_, file, guard, options| {
        Ok(Store::open(file, guard, options)?)
    })
}

/// Writes a keyset that was restored from a backup, and opens it: as the revision that follows all
/// that were seen (format.md 8.8b).
///
/// As sealwax_store_create. The counters of the usage file go on, if it is still there; without it
/// they begin anew, too low: rotate. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_restore(
    file: *const c_char,
    keyset: *const sealwax_key,
    options: *const sealwax_store_options,
    store: *mut *mut sealwax_store,
) -> i32 {
    make_store(store, file, options, |borrows, file, guard, options| {
        let keyset = borrows.handle(keyset)?.keyset()?.duplicate()?;
        Ok(Store::restore(file, keyset, guard, options)?)
    })
}

/// Looks at the file now, and writes what the keyset is. Without this call the file is looked at
/// once a second, where the store is used.
///
/// Errors: as sealwax_store_open; the keyset that is in use stays in use, and nothing is written.
/// Threads: any number with one store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_refresh(
    store: *const sealwax_store,
    description: *mut sealwax_keyset_description,
) -> i32 {
    call(|borrows| {
        let store = &borrows.handle(store)?.store;
        let description = borrows.output_value(description)?;
        store.refresh()?;
        *description = describe(&store.keyset());
        Ok(())
    })
}

/// Gives out the newest revision as a key, for envelopes and tokens, with what it seals counted by
/// the store.
///
/// Ask again for each job: whoever keeps a revision gets SEALWAX_ERROR_BAD_STATE some time after it
/// was rotated elsewhere. `*key` becomes a keyset, which the caller frees and which may live longer
/// than the store; NULL on errors: _INVALID_ARGUMENT (NULL, overlap). Threads: any number with one
/// store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_keyset(
    store: *const sealwax_store,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| Ok(Kind::Revision(borrows.handle(store)?.store.keyset())))
}

/// Seals a token under the newest revision: as sealwax_key_seal_token.
///
/// Errors: also those of sealwax_store_rotate, because once in many messages a lease is taken.
/// Threads: any number with one store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_seal_token(
    store: *const sealwax_store,
    context: *const u8,
    context_len: usize,
    plaintext: *const u8,
    plaintext_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let store = &borrows.handle(store)?.store;
        let context = owned(borrows, context, context_len)?;
        let plaintext = borrows.input(plaintext, plaintext_len)?;
        let out = borrows.output(out, out_size)?;
        let len = plaintext.len() + token::OVERHEAD;
        if plaintext.len() <= token::MAX_PLAINTEXT_LEN && out.len() < len {
            *out_len = len;
            return Err(BUFFER_TOO_SMALL);
        }
        put(out, &store.seal(plaintext, &context)?, out_len)
    })
}

/// Opens a token with the newest revision: as sealwax_key_open_token. Threads: any number with one
/// store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_open_token(
    store: *const sealwax_store,
    context: *const u8,
    context_len: usize,
    token: *const u8,
    token_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let store = &borrows.handle(store)?.store;
        let context = owned(borrows, context, context_len)?;
        let token = borrows.input(token, token_len)?;
        let out = borrows.output(out, out_size)?;
        put(out, &store.open_token(token, &context)?, out_len)
    })
}

/// Adds a fresh version and makes it the primary, in the file. The older ones go on opening.
///
/// `algorithm` is one of SEALWAX_ALGORITHM_, or 0: that of the primary. `*version` becomes the new
/// version's id; 0 on errors: SEALWAX_ERROR_IO, _INVALID_ARGUMENT (NULL, overlap, an algorithm that
/// the policy does not allow, a file that is sealed for somebody whose key the store has not),
/// _BAD_STATE (the file or the usage file was put back or changed), _UNKNOWN_KEY, _DECRYPT,
/// _FORMAT, _TRUNCATED, _LIMIT, _RANDOM. The file is then as it was; where the usage file alone
/// could not be written, it is changed. Threads: any number with one store; other processes wait.
/// Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_rotate(
    store: *const sealwax_store,
    algorithm: u8,
    version: *mut u32,
) -> i32 {
    add(store, version, |keyset| {
        let algorithm = algorithm_of(keyset, algorithm)?;
        keyset.rotate(algorithm).map(Some)
    })
}

/// Rotates if policy, times or limits want it.
///
/// As sealwax_store_rotate; `*version` becomes 0 where it was not due. Threads: any number with one
/// store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_rotate_if_due(
    store: *const sealwax_store,
    version: *mut u32,
) -> i32 {
    add(store, version, |keyset| keyset.rotate_if_due(Now::system()))
}

/// Adds a fresh version that is not yet in use: once every reader has it, SEALWAX_MOVE_ACTIVATE
/// makes it the primary.
///
/// As sealwax_store_rotate. Threads: any number with one store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_prepare(
    store: *const sealwax_store,
    algorithm: u8,
    version: *mut u32,
) -> i32 {
    add(store, version, |keyset| {
        let algorithm = algorithm_of(keyset, algorithm)?;
        keyset.prepare(algorithm).map(Some)
    })
}

/// Changes the state of a version, in the file (format.md 7.1).
///
/// `change` is one of SEALWAX_MOVE_. `reason` is `reason_len` bytes of UTF-8 without control
/// characters, up to 255, kept in the keyset; NULL if `reason_len` is 0.
///
/// Errors: as sealwax_store_rotate; _UNKNOWN_KEY (no such version), _BAD_STATE (its state has no
/// such move), _INVALID_ARGUMENT (no such change, a reason that is not allowed). The file is then
/// as there. Threads: any number with one store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_change_state(
    store: *const sealwax_store,
    version: u32,
    change: u8,
    reason: *const c_char,
    reason_len: usize,
) -> i32 {
    call(|borrows| {
        let store = &borrows.handle(store)?.store;
        let reason = text(borrows, reason, reason_len)?;
        let transition = match change {
            SEALWAX_MOVE_ACTIVATE => Transition::Activate,
            SEALWAX_MOVE_SUSPEND => Transition::Suspend,
            SEALWAX_MOVE_RESUME => Transition::Resume,
            SEALWAX_MOVE_DEACTIVATE => Transition::Deactivate,
            SEALWAX_MOVE_MARK_COMPROMISED => Transition::MarkCompromised,
            _ => return Err(INVALID_ARGUMENT),
        };
        let (version, now) = (version_of(version)?, Now::system());
        Ok(store.change(|keyset| match transition {
            Transition::Activate => keyset.activate(version, reason, now),
            Transition::Suspend => keyset.suspend(version, reason, now),
            Transition::Resume => keyset.resume(version, reason, now),
            Transition::Deactivate => keyset.deactivate(version, reason, now),
            _ => keyset.mark_compromised(version, reason, now),
        })?)
    })
}

/// Wipes a version's secret, in the file, without a census: whatever still depends on it is lost
/// for good, and the caller knows it.
///
/// As sealwax_store_change_state; the primary is refused with SEALWAX_ERROR_BAD_STATE: rotate
/// first. Copies of the file hold the secret still. Threads: any number with one store. Stack: 96
/// KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_danger_destroy_without_census(
    store: *const sealwax_store,
    version: u32,
    reason: *const c_char,
    reason_len: usize,
) -> i32 {
    call(|borrows| {
        let store = &borrows.handle(store)?.store;
        let reason = text(borrows, reason, reason_len)?;
        let (version, clearance) = (version_of(version)?, Clearance::danger_without_census());
        Ok(store.change(|keyset| keyset.destroy(version, &clearance, reason, Now::system()))?)
    })
}

/// Sets from when on a version may be used and from when on it no longer seals, in the file:
/// seconds since 1970-01-01T00:00:00Z, 0 for no limit. Times only restrict (format.md 7.2).
///
/// Errors: as sealwax_store_rotate; _UNKNOWN_KEY (no such version), _BAD_STATE (it is destroyed),
/// _INVALID_ARGUMENT (the end is not after the beginning). The file is then as there. Threads: any
/// number with one store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_schedule(
    store: *const sealwax_store,
    version: u32,
    activate_at: u64,
    deactivate_at: u64,
) -> i32 {
    call(|borrows| {
        let store = &borrows.handle(store)?.store;
        let version = version_of(version)?;
        let [from, to] = [activate_at, deactivate_at].map(|time| (time != 0).then_some(time));
        Ok(store.change(|keyset| keyset.schedule(version, from, to))?)
    })
}

/// Seals the keyset file for others from now on: `key_count` keys, or none and `flags` is
/// SEALWAX_STORE_UNPROTECTED. It is a new revision. Older copies of the file still open with the
/// older keys.
///
/// Errors: as sealwax_store_rotate; _INVALID_ARGUMENT (keys that do not fit together, other flags).
/// The file is then as there. Threads: any number with one store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_protect(
    store: *const sealwax_store,
    keys: *const *const sealwax_key,
    key_count: usize,
    flags: u32,
) -> i32 {
    call(|borrows| {
        let store = &borrows.handle(store)?.store;
        Ok(store.protect(guard(borrows, keys, key_count, flags)?)?)
    })
}

/// Writes what each version was used for, in ascending order of their ids; versions that were not
/// used may be missing.
///
/// `usages` is room for `usage_room` of them. `*usage_count` becomes their number, with
/// SEALWAX_ERROR_BUFFER_TOO_SMALL the number that is needed, with other errors 0. Errors: also _IO,
/// _FORMAT, _TRUNCATED, _LIMIT (the usage file), _BAD_STATE (it was changed, put back or taken
/// away), those of sealwax_store_refresh, _INVALID_ARGUMENT (NULL, overlap). `usages` is then zero
/// or untouched. Threads: any number with one store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_usage(
    store: *const sealwax_store,
    usages: *mut sealwax_version_usage,
    usage_room: usize,
    usage_count: *mut usize,
) -> i32 {
    call(|borrows| {
        let count = borrows.output_len(usage_count)?;
        let store = &borrows.handle(store)?.store;
        let usages = borrows.output_values(usages, usage_room)?;
        let used = store.usage()?;
        let of = |(version, usage): (&VersionId, &sealwax::keyset::Usage)| sealwax_version_usage {
            messages: usage.messages,
            bytes: usage.bytes,
            failed_opens: usage.failed_opens,
            version: version.value(),
            reserved: 0,
        };
        put_all(usages, used.iter().map(of), count)
    })
}

/// Writes the newest backup that was recorded: its revision, and when it was made, in seconds since
/// 1970-01-01T00:00:00Z. Both are 0 where none was; the time is 0 where nobody knew it.
///
/// Errors: as sealwax_store_usage; nothing is then written. Threads: any number with one store.
/// Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_backed_up(
    store: *const sealwax_store,
    revision: *mut u64,
    at: *mut u64,
) -> i32 {
    call(|borrows| {
        let (revision, at) = (borrows.output_value(revision)?, borrows.output_value(at)?);
        let backup = borrows.handle(store)?.store.backed_up()?;
        *revision = backup.map_or(0, |backup| backup.revision);
        *at = match backup.map(|backup| backup.at) {
            Some(Now::Seconds(seconds)) => seconds,
            Some(Now::Unknown) | None => 0,
        };
        Ok(())
    })
}

/// Records that a backup of this revision was made, at `at` seconds since 1970-01-01T00:00:00Z; 0:
/// nobody knows. Where a newer one was recorded, that stays.
///
/// Errors: as sealwax_store_rotate; _INVALID_ARGUMENT (a revision that never was). The usage file
/// is then as it was. Threads: any number with one store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_record_backup(
    store: *const sealwax_store,
    revision: u64,
    at: u64,
) -> i32 {
    call(|borrows| {
        let at = if at == 0 { Now::Unknown } else { Now::Seconds(at) };
        Ok(borrows.handle(store)?.store.record_backup(revision, at)?)
    })
}

/// Gives back what was leased and not used, and records failed opens. sealwax_store_free does it
/// too, and does not say where it failed.
///
/// Errors: as sealwax_store_rotate: the counters are then too high. Threads: any number with one
/// store. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_release(store: *const sealwax_store) -> i32 {
    call(|borrows| Ok(borrows.handle(store)?.store.release()?))
}

/// Frees a store, and wipes its keyset once the keys that sealwax_store_keyset gave out are freed
/// too. NULL is fine. Threads: the store alone: nobody may be using it. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_store_free(store: *mut sealwax_store) {
    free(store);
}

fn make_store(
    store: *mut *mut sealwax_store,
    file: *const c_char,
    options: *const sealwax_store_options,
    work: impl FnOnce(&mut Borrows<'_>, &std::path::Path, Guard, Options) -> Result<Store, Failure>,
) -> i32 {
    make(store, |borrows| {
        let given = *borrows.value(options)?.ok_or(INVALID_ARGUMENT)?;
        let known = SEALWAX_STORE_UNPROTECTED
            | SEALWAX_STORE_COUNT_IN_MEMORY
            | SEALWAX_STORE_REPLACE_BAD_USAGE;
        if given.flags & !known != 0 || given.reserved != 0 {
            return Err(INVALID_ARGUMENT);
        }
        let has = |flag: u32| given.flags & flag != 0;
        let unprotected = given.flags & SEALWAX_STORE_UNPROTECTED;
        let guard = guard(borrows, given.keys, given.key_count, unprotected)?;
        let mut options = Options { min_revision: given.min_revision, ..Options::default() };
        if has(SEALWAX_STORE_COUNT_IN_MEMORY) {
            options.counting = Counting::Memory;
        }
        if has(SEALWAX_STORE_REPLACE_BAD_USAGE) {
            options.bad_usage = BadUsage::Replace;
        }
        if given.lease_messages != 0 {
            options.lease_messages = given.lease_messages;
        }
        if given.lease_bytes != 0 {
            options.lease_bytes = given.lease_bytes;
        }
        let file = path(borrows, file)?;
        Ok(sealwax_store { store: work(borrows, file, guard, options)? })
    })
}

/// A change that may add a version.
fn add(
    store: *const sealwax_store,
    version: *mut u32,
    change: impl FnOnce(&mut Keyset) -> sealwax::Result<Option<VersionId>>,
) -> i32 {
    call(|borrows| {
        let version = borrows.output_value(version)?;
        *version = 0;
        let added = borrows.handle(store)?.store.change(change)?;
        *version = added.map_or(0, VersionId::value);
        Ok(())
    })
}

fn algorithm_of(keyset: &Keyset, number: u8) -> Result<Algorithm, Error> {
    match number {
        0 => Ok(keyset.usual_algorithm()),
        number => Algorithm::from_u8(number),
    }
}

fn version_of(version: u32) -> Result<VersionId, Failure> {
    VersionId::new(version).ok_or(INVALID_ARGUMENT)
}

/// What protects the file. Nothing is unprotected because somebody forgot a key.
fn guard(
    borrows: &mut Borrows<'_>,
    keys: *const *const sealwax_key,
    count: usize,
    flags: u32,
) -> Result<Guard, Failure> {
    let keys: Vec<_> = borrows.handles(keys, count)?.into_iter().map(sealwax_key::share).collect();
    match (flags, keys.is_empty()) {
        (SEALWAX_STORE_UNPROTECTED, true) => Ok(Guard::Unprotected),
        (0, false) => Ok(Guard::Sealed(keys)),
        _ => Err(INVALID_ARGUMENT),
    }
}
