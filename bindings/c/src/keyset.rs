// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets in the caller's memory.

use sealwax::device::{Expected, Family, Head, Keyset, Version};
use sealwax::id::{KeysetId, RawKeyId};
use sealwax::rng::Now;
use sealwax::wrap::raw_key::RawKey;

use crate::boundary::{Borrows, Kept, Plain, Stored, as_places, call, filled, wipe};
use crate::callback::{CallersClock, sealwax_clock};
use crate::status::{BAD_STATE, BUFFER_TOO_SMALL, Failure, INVALID_ARGUMENT};

/// Size of a sealwax_keyset, in bytes.
pub const SEALWAX_KEYSET_SIZE: usize = 96;
/// Size of a sealwax_key_version, in bytes.
pub const SEALWAX_KEY_VERSION_SIZE: usize = 96;
/// Length of a keyset's id and of a device key's id, in bytes.
pub const SEALWAX_ID_LEN: usize = 16;
/// Length of a device key, in bytes.
pub const SEALWAX_DEVICE_KEY_LEN: usize = 32;
/// Length of an X25519 public key, in bytes.
pub const SEALWAX_X25519_PUBLIC_KEY_LEN: usize = 32;
/// The versions of a keyset are symmetric keys.
pub const SEALWAX_FAMILY_SYMMETRIC: u8 = 1;
/// The versions of a keyset are key pairs: it is an identity.
pub const SEALWAX_FAMILY_PAIRS: u8 = 2;

/// A loaded keyset. The caller owns it; it is zero before its first use: `sealwax_keyset keyset =
/// SEALWAX_KEYSET_INIT;`.
///
/// It keeps the address of the versions that it was loaded into, so these stay where they are until
/// it is wiped. It may itself be moved. Any number of threads may use a loaded keyset at once;
/// loading and wiping need it alone.
#[repr(C)]
pub struct sealwax_keyset {
    opaque: [u64; 12],
}

/// Room for one version of a keyset.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_key_version {
    opaque: [u64; 12],
}

/// What a program expects of the keyset that it loads.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_expected_keyset {
    /// SEALWAX_ID_LEN bytes: another id is refused. NULL: any.
    pub id: *const u8,
    /// A lower revision is refused. 0: any. Only a revision kept elsewhere finds an older keyset
    /// put back.
    pub min_revision: u64,
}

/// What a loaded keyset is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_keyset_description {
    /// Its revision.
    pub revision: u64,
    /// The id of the version that seals; 0 where there is none.
    pub primary: u32,
    /// How many versions it has, destroyed ones included.
    pub version_count: u32,
    /// Its id.
    pub id: [u8; 16],
    /// SEALWAX_FAMILY_SYMMETRIC or SEALWAX_FAMILY_PAIRS.
    pub family: u8,
    /// 0.
    pub reserved: [u8; 7],
}

impl Plain for sealwax_key_version {}
impl Plain for sealwax_expected_keyset {}
impl Plain for sealwax_keyset_description {}

/// What a sealwax_keyset holds.
pub(crate) struct Loaded {
    head: Head,
    versions: Kept<Version>,
    clock: Option<CallersClock>,
}

impl Stored for Loaded {
    type Place = sealwax_keyset;
    const WORD: u32 = 0x6b65_7973;
}

impl Loaded {
    /// The keyset, at the time that it is now.
    pub(crate) fn keyset(&self) -> Keyset<'_> {
        let now = self.clock.map_or(Now::Unknown, |clock| clock.now());
        Keyset { head: self.head, versions: self.versions.as_slice(), now }
    }

    /// The keyset, which must have a version that seals.
    pub(crate) fn with_primary(&self) -> Result<Keyset<'_>, Failure> {
        match self.head.primary {
            Some(_) => Ok(self.keyset()),
            None => Err(BAD_STATE),
        }
    }
}

/// A keyset of this family.
pub(crate) fn loaded<'a>(
    borrows: &mut Borrows<'a>,
    keyset: *const sealwax_keyset,
    family: Family,
) -> Result<&'a Loaded, Failure> {
    let loaded = borrows.shared::<Loaded>(keyset)?;
    match loaded.head.family == family {
        true => Ok(loaded),
        false => Err(INVALID_ARGUMENT),
    }
}

/// Fills a device key where it is: 32 bytes under an id that its owner chose.
pub(crate) fn fill_device_key(
    borrows: &mut Borrows<'_>,
    id: *const u8,
    key: *const u8,
    out: &mut RawKey,
) -> Result<(), Failure> {
    let id = RawKeyId(*borrows.array(id.cast())?);
    out.fill(id, borrows.array(key.cast())?)?;
    Ok(())
}

/// Loads an unprotected keyset blob: symmetric keys, for tokens and envelopes.
///
/// `versions` is room for `version_count` versions, which the keyset uses until it is wiped;
/// `*needed` becomes the number of versions in the blob as soon as that is known, else 0.
/// `expected` may be NULL. Nothing authenticates the blob: whoever can change it chooses the keys.
/// It may be overwritten afterwards.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (the keyset is loaded, or was not zero), _FORMAT, _TRUNCATED,
/// _LIMIT (the blob), _DECRYPT (another id), _BAD_STATE (also a lower revision), _BUFFER_TOO_SMALL
/// (`*needed` versions are needed), _NOT_SUPPORTED (a suite that this build has not),
/// _INVALID_ARGUMENT (NULL, overlap, a keyset of key pairs). The versions are then wiped and the
/// keyset is zero. Threads: the keyset alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_keyset_load(
    keyset: *mut sealwax_keyset,
    versions: *mut sealwax_key_version,
    version_count: usize,
    blob: *const u8,
    blob_len: usize,
    expected: *const sealwax_expected_keyset,
    needed: *mut usize,
) -> i32 {
    call(|borrows| {
        let needed = borrows.output_len(needed)?;
        let room = Room { keyset, versions, version_count, expected, needed };
        load(borrows, room, Family::Symmetric, blob, blob_len, &mut load_unprotected)
    })
}

/// Loads a keyset file that is sealed under a device key: symmetric keys, for tokens and envelopes.
///
/// As sealwax_keyset_load, but for: `device_key_id` (SEALWAX_ID_LEN bytes) and `device_key`
/// (SEALWAX_DEVICE_KEY_LEN bytes), which are not kept; `scratch`, at least as long as the blob and
/// apart from it, in which the file is opened and which is wiped before the call returns.
///
/// Errors: also SEALWAX_ERROR_UNKNOWN_KEY (not sealed under that key), _DECRYPT (changed, or
/// another key of that id), _BUFFER_TOO_SMALL (also the scratch; `*needed` is then 0). Threads: the
/// keyset alone. Stack: 3 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_keyset_load_sealed(
    keyset: *mut sealwax_keyset,
    versions: *mut sealwax_key_version,
    version_count: usize,
    blob: *const u8,
    blob_len: usize,
    device_key_id: *const u8,
    device_key: *const u8,
    expected: *const sealwax_expected_keyset,
    scratch: *mut u8,
    scratch_size: usize,
    needed: *mut usize,
) -> i32 {
    call(|borrows| {
        let needed = borrows.output_len(needed)?;
        let room = Room { keyset, versions, version_count, expected, needed };
        let (blob, key) = ((blob, blob_len), (device_key_id, device_key));
        load_sealed(borrows, room, Family::Symmetric, blob, key, (scratch, scratch_size))
    })
}

/// Loads an unprotected keyset blob of key pairs: an identity, for envelopes sealed to its public
/// keys.
///
/// As sealwax_keyset_load, with symmetric keys refused. Computes the public keys, which takes one
/// X25519 for each version. Threads: the identity alone. Stack: 4 KiB; with X-Wing keys see
/// docs/c-api.md.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_identity_load(
    identity: *mut sealwax_keyset,
    versions: *mut sealwax_key_version,
    version_count: usize,
    blob: *const u8,
    blob_len: usize,
    expected: *const sealwax_expected_keyset,
    needed: *mut usize,
) -> i32 {
    call(|borrows| {
        let needed = borrows.output_len(needed)?;
        let room = Room { keyset: identity, versions, version_count, expected, needed };
        load(borrows, room, Family::Pairs, blob, blob_len, &mut load_unprotected)?;
        fill_public(borrows, identity)
    })
}

/// Loads a keyset file of key pairs that is sealed under a device key.
///
/// As sealwax_keyset_load_sealed and sealwax_identity_load. Threads: the identity alone. Stack: 4
/// KiB; with X-Wing keys see docs/c-api.md.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_identity_load_sealed(
    identity: *mut sealwax_keyset,
    versions: *mut sealwax_key_version,
    version_count: usize,
    blob: *const u8,
    blob_len: usize,
    device_key_id: *const u8,
    device_key: *const u8,
    expected: *const sealwax_expected_keyset,
    scratch: *mut u8,
    scratch_size: usize,
    needed: *mut usize,
) -> i32 {
    call(|borrows| {
        let needed = borrows.output_len(needed)?;
        let room = Room { keyset: identity, versions, version_count, expected, needed };
        let (blob, key) = ((blob, blob_len), (device_key_id, device_key));
        load_sealed(borrows, room, Family::Pairs, blob, key, (scratch, scratch_size))?;
        fill_public(borrows, identity)
    })
}

/// Gives a loaded keyset a clock, or with NULL takes it away.
///
/// Without one the stored states of versions alone count, and a version with times does not seal
/// (format.md 7.2). The clock's callback and context are copied and used until the keyset is wiped.
///
/// Errors: SEALWAX_ERROR_BAD_STATE, _INVALID_ARGUMENT (NULL where it is not allowed). Threads: the
/// keyset alone. Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_keyset_set_clock(
    keyset: *mut sealwax_keyset,
    clock: *const sealwax_clock,
) -> i32 {
    call(|borrows| {
        let clock = CallersClock::borrow(borrows, clock)?;
        borrows.exclusive::<Loaded>(keyset)?.clock = clock;
        Ok(())
    })
}

/// Writes what a loaded keyset is. Nothing of it is secret.
///
/// Errors: SEALWAX_ERROR_BAD_STATE, _INVALID_ARGUMENT (NULL, overlap); nothing is then written.
/// Threads: any number. Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_keyset_describe(
    keyset: *const sealwax_keyset,
    description: *mut sealwax_keyset_description,
) -> i32 {
    call(|borrows| {
        let loaded = borrows.shared::<Loaded>(keyset)?;
        let Head { id, revision, primary, family } = loaded.head;
        *borrows.output_value(description)? = sealwax_keyset_description {
            revision,
            primary: primary.map_or(0, |id| id.value()),
            version_count: loaded.versions.as_slice().len() as u32,
            id: id.0,
            family: family as u8,
            reserved: [0; 7],
        };
        Ok(())
    })
}

/// Writes the X25519 public key of an identity's primary version: what others seal to.
///
/// `out` is SEALWAX_X25519_PUBLIC_KEY_LEN bytes. Errors: SEALWAX_ERROR_BAD_STATE (not loaded, no
/// primary, or its state forbids), _INVALID_ARGUMENT (NULL, overlap, not an X25519 identity);
/// nothing is then written. Threads: any number. Stack: under 512 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_identity_public_key(
    identity: *const sealwax_keyset,
    out: *mut u8,
) -> i32 {
    call(|borrows| {
        let loaded = loaded(borrows, identity, Family::Pairs)?;
        let out = borrows.output_array(out.cast())?;
        *out = *loaded.with_primary()?.public_key()?;
        Ok(())
    })
}

/// Overwrites a keyset and its versions. NULL is fine, and so is one that was never loaded.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (another thread is loading or wiping it). Threads: the keyset
/// alone: nobody may be using it. Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_keyset_wipe(keyset: *mut sealwax_keyset) -> i32 {
    wipe::<Loaded>(keyset, |loaded| {
        loaded.versions.as_mut_slice().iter_mut().for_each(Version::wipe);
    })
}

/// SEALWAX_KEYSET_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn sealwax_keyset_size() -> usize {
    SEALWAX_KEYSET_SIZE
}

/// SEALWAX_KEY_VERSION_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn sealwax_key_version_size() -> usize {
    SEALWAX_KEY_VERSION_SIZE
}

/// Where a keyset is loaded to.
struct Room<'a> {
    keyset: *mut sealwax_keyset,
    versions: *mut sealwax_key_version,
    version_count: usize,
    expected: *const sealwax_expected_keyset,
    needed: &'a mut usize,
}

/// How the blob becomes a keyset.
type Load<'l> =
    &'l mut dyn FnMut(&[u8], &Expected, &mut [Version], &mut usize) -> Result<Head, Failure>;

fn load(
    borrows: &mut Borrows<'_>,
    room: Room<'_>,
    family: Family,
    blob: *const u8,
    blob_len: usize,
    load: Load<'_>,
) -> Result<(), Failure> {
    let Room { keyset, versions, version_count, expected, needed } = room;
    let blob = borrows.input(blob, blob_len)?;
    let mut wanted = Expected { id: None, min_revision: 0, family };
    if let Some(expected) = borrows.value(expected)? {
        wanted.min_revision = expected.min_revision;
        if !expected.id.is_null() {
            wanted.id = Some(KeysetId(*borrows.array(expected.id.cast())?));
        }
    }
    let vacant = borrows.vacant::<Loaded>(keyset)?;
    let versions = as_places(borrows.output_values(versions, version_count)?);
    let versions = filled(versions, || Version::EMPTY);
    let head = match load(blob, &wanted, versions, needed) {
        Err(_) if *needed > versions.len() => return Err(BUFFER_TOO_SMALL),
        other => other?,
    };
    let versions = Kept::of(&mut versions[..*needed]);
    vacant.fill(Loaded { head, versions, clock: None });
    Ok(())
}

fn load_unprotected(
    blob: &[u8],
    expected: &Expected,
    versions: &mut [Version],
    needed: &mut usize,
) -> Result<Head, Failure> {
    Ok(Head::load_unprotected(blob, expected, versions, needed)?)
}

/// As [`load`], of a file that is sealed under a device key.
fn load_sealed(
    borrows: &mut Borrows<'_>,
    room: Room<'_>,
    family: Family,
    (blob, blob_len): (*const u8, usize),
    (id, key): (*const u8, *const u8),
    (scratch, scratch_size): (*mut u8, usize),
) -> Result<(), Failure> {
    let mut device_key = RawKey::empty();
    fill_device_key(borrows, id, key, &mut device_key)?;
    let scratch = borrows.output(scratch, scratch_size)?;
    load(borrows, room, family, blob, blob_len, &mut |blob, expected, versions, needed| {
        if scratch.len() < blob.len() {
            return Err(BUFFER_TOO_SMALL);
        }
        Ok(Head::load_sealed(blob, &device_key, expected, scratch, versions, needed)?)
    })
}

fn fill_public(borrows: &mut Borrows<'_>, identity: *mut sealwax_keyset) -> Result<(), Failure> {
    let mut loaded = borrows.again::<Loaded>(identity)?;
    match Head::fill_public(loaded.versions.as_mut_slice()) {
        Ok(()) => Ok(()),
        Err(error) => {
            loaded.close();
            Err(error.into())
        }
    }
}
