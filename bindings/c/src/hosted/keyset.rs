// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a keyset on the heap is: its revision, its versions, its fingerprint.

use sealwax::Keyset;
use sealwax::device::Family;
use sealwax::keyset::Version;

use crate::boundary::{Plain, call};
use crate::hosted::key::sealwax_key;
use crate::keyset::sealwax_keyset_description;
use crate::status::{BUFFER_TOO_SMALL, Failure};

/// Length of a keyset's fingerprint, in bytes.
pub const SEALWAX_KEYSET_FINGERPRINT_LEN: usize = 16;
/// A version that is made and not yet in use.
pub const SEALWAX_STATE_PRE_ACTIVE: u8 = 1;
/// A version that opens, and seals if it is the primary.
pub const SEALWAX_STATE_ACTIVE: u8 = 2;
/// A version that does nothing for now.
pub const SEALWAX_STATE_SUSPENDED: u8 = 3;
/// A version that only opens.
pub const SEALWAX_STATE_DEACTIVATED: u8 = 4;
/// A version that somebody else may have.
pub const SEALWAX_STATE_COMPROMISED: u8 = 5;
/// A version whose secret is gone.
pub const SEALWAX_STATE_DESTROYED: u8 = 6;

/// What a version of a keyset is. Times are seconds since 1970-01-01T00:00:00Z.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_version_description {
    /// When it was made; 0 where nobody knew.
    pub created: u64,
    /// From when on it may be used; 0: from the beginning.
    pub activate_at: u64,
    /// From when on it no longer seals; 0: never.
    pub deactivate_at: u64,
    /// Its id.
    pub id: u32,
    /// One of SEALWAX_ALGORITHM_.
    pub algorithm: u8,
    /// One of SEALWAX_STATE_.
    pub state: u8,
    /// 0.
    pub reserved: [u8; 2],
}

impl Plain for sealwax_version_description {}

/// Writes what a keyset is. Nothing of it is secret.
///
/// Errors: SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap, not a keyset); nothing is then written.
/// Threads: any number with one key. Stack: 16 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_describe(
    key: *const sealwax_key,
    description: *mut sealwax_keyset_description,
) -> i32 {
    call(|borrows| {
        let keyset = borrows.handle(key)?.keyset()?;
        *borrows.output_value(description)? = describe(keyset);
        Ok(())
    })
}

/// Writes what the versions of a keyset are, in ascending order of their ids.
///
/// `versions` is room for `version_room` descriptions. `*version_count` becomes their number, with
/// SEALWAX_ERROR_BUFFER_TOO_SMALL the number that is needed, with other errors 0. Errors: also
/// _INVALID_ARGUMENT (NULL, overlap, not a keyset). `versions` is then zero or untouched. Threads:
/// any number with one key. Stack: 16 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_versions(
    key: *const sealwax_key,
    versions: *mut sealwax_version_description,
    version_room: usize,
    version_count: *mut usize,
) -> i32 {
    call(|borrows| {
        let count = borrows.output_len(version_count)?;
        let keyset = borrows.handle(key)?.keyset()?;
        let versions = borrows.output_values(versions, version_room)?;
        put_all(versions, keyset.versions().iter().map(describe_version), count)
    })
}

/// Writes the fingerprint of a keyset, by which people compare what they restored
/// (format.md 8.6b): SEALWAX_KEYSET_FINGERPRINT_LEN bytes, which are not secret.
///
/// Errors: SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap, not a keyset), _BAD_STATE (the process
/// forked since it was loaded); nothing is then written. Threads: any number with one key. Stack:
/// 16 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_fingerprint(key: *const sealwax_key, out: *mut u8) -> i32 {
    call(|borrows| {
        let keyset = borrows.handle(key)?.keyset()?;
        let out = borrows.output_array::<SEALWAX_KEYSET_FINGERPRINT_LEN>(out.cast())?;
        *out = keyset.fingerprint()?;
        Ok(())
    })
}

pub(crate) fn describe(keyset: &Keyset) -> sealwax_keyset_description {
    let family = if keyset.is_identity() { Family::Pairs } else { Family::Symmetric };
    sealwax_keyset_description {
        revision: keyset.revision(),
        primary: keyset.primary().map_or(0, |version| version.id().value()),
        version_count: keyset.versions().len() as u32,
        id: keyset.id().0,
        family: family as u8,
        reserved: [0; 7],
    }
}

fn describe_version(version: &Version) -> sealwax_version_description {
    sealwax_version_description {
        created: version.created(),
        activate_at: version.activate_at().unwrap_or(0),
        deactivate_at: version.deactivate_at().unwrap_or(0),
        id: version.id().value(),
        algorithm: version.algorithm().number(),
        state: version.state() as u8,
        reserved: [0; 2],
    }
}

/// Writes all of the values, or says how many there are.
pub(crate) fn put_all<T>(
    out: &mut [T],
    values: impl ExactSizeIterator<Item = T>,
    count: &mut usize,
) -> Result<(), Failure> {
    *count = values.len();
    if out.len() < values.len() {
        return Err(BUFFER_TOO_SMALL);
    }
    out.iter_mut().zip(values).for_each(|(place, value)| *place = value);
    Ok(())
}
