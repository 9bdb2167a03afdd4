// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backups of keysets, with recovery keys or with shares (format.md 8.8).

use core::ffi::c_char;
use std::sync::Arc;

use sealwax::Keyset;
use sealwax::keyset::backup::Share;
use sealwax::keyset::file::Protection;
use sealwax::wrap::KeyWrap;

use crate::boundary::{Handle, Plain, call, free};
use crate::hosted::key::{Kind, make, make_key, put, sealwax_key, text};
use crate::status::{Failure, INVALID_ARGUMENT};

/// Length of a share's string, in bytes.
pub const SEALWAX_SHARE_LEN: usize = 103;

/// A backup: the bytes of its file, and those of its shares that are at hand. The library owns it;
/// free it with sealwax_backup_free, which wipes it. Any number of threads may read one at once;
/// adding a share and freeing it need it alone.
pub struct sealwax_backup {
    file: Vec<u8>,
    shares: Vec<Share>,
}

impl Handle for sealwax_backup {}

/// What a share of a backup says about itself. Nothing of it is secret.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_share_description {
    /// Its number, from 1 on.
    pub number: u8,
    /// How many shares open the backup.
    pub threshold: u8,
    /// How many shares there are.
    pub share_count: u8,
    /// 0.
    pub reserved: u8,
    /// The id of the backup.
    pub backup: [u8; 16],
}

impl Plain for sealwax_share_description {}

/// Makes a backup of a keyset that any `threshold` of `share_count` shares open. Its key is fresh
/// and kept nowhere else.
///
/// 2 <= `threshold` <= `share_count` <= 64. `*backup` becomes the backup, with its file and all of
/// its shares, which the caller gives out and frees; NULL on errors: SEALWAX_ERROR_INVALID_ARGUMENT
/// (NULL, overlap, not a keyset, other numbers), _LIMIT, _RANDOM. Threads: any number with one
/// keyset. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_backup_in_shares(
    keyset: *const sealwax_key,
    threshold: u8,
    share_count: u8,
    backup: *mut *mut sealwax_backup,
) -> i32 {
    make(backup, |borrows| {
        let made = borrows.handle(keyset)?.keyset()?.backup_in_shares(threshold, share_count)?;
        Ok(sealwax_backup { file: made.file, shares: made.shares })
    })
}

/// Makes a backup of a keyset that each of `key_count` recovery keys opens: public keys, for
/// example.
///
/// `*backup` becomes the backup, without shares, which the caller frees; NULL on errors:
/// SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap, not a keyset, no key, keys that do not fit
/// together), _BAD_STATE, _LIMIT, _RANDOM. Threads: any number with one keyset. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_backup_for_keys(
    keyset: *const sealwax_key,
    keys: *const *const sealwax_key,
    key_count: usize,
    backup: *mut *mut sealwax_backup,
) -> i32 {
    make(backup, |borrows| {
        let keyset = borrows.handle(keyset)?.keyset()?;
        let keys: Vec<&dyn KeyWrap> =
            borrows.handles(keys, key_count)?.into_iter().map(sealwax_key::wrap).collect();
        if keys.is_empty() {
            return Err(INVALID_ARGUMENT);
        }
        let file = keyset.to_file_bytes(Protection::Sealed(&keys))?.to_vec();
        Ok(sealwax_backup { file, shares: Vec::new() })
    })
}

/// Takes the bytes of a backup's file, which are copied; they are looked at by
/// sealwax_backup_restore.
///
/// `*backup` becomes the backup, without shares, which the caller frees; NULL on errors:
/// SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap). Threads: any. Stack: 32 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_backup_from_file(
    file: *const u8,
    file_len: usize,
    backup: *mut *mut sealwax_backup,
) -> i32 {
    make(backup, |borrows| {
        Ok(sealwax_backup { file: borrows.input(file, file_len)?.to_vec(), shares: Vec::new() })
    })
}

/// Writes the bytes of a backup's file, which opens with its keys or with enough shares only.
///
/// `*out_len` becomes their number, with SEALWAX_ERROR_BUFFER_TOO_SMALL the number that is needed,
/// with other errors 0. Errors: also _INVALID_ARGUMENT (NULL, overlap). `out` is then untouched.
/// Threads: any number with one backup. Stack: 32 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_backup_file(
    backup: *const sealwax_backup,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let backup = borrows.handle(backup)?;
        put(borrows.output(out, out_size)?, &backup.file, out_len)
    })
}

/// Writes the string of a share, `SEALWAX-SHARE-1...`, without a terminator:
/// SEALWAX_SHARE_LEN bytes. It is secret: each goes to its holder, and `out` is overwritten.
///
/// `index` counts the shares that are at hand, from 0 on. `*out_len` becomes the string's length,
/// with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed, with other errors 0. Errors: also
/// _INVALID_ARGUMENT (NULL, overlap, no such share). `out` is then untouched. Threads: any number
/// with one backup. Stack: 32 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_backup_share(
    backup: *const sealwax_backup,
    index: usize,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let share = borrows.handle(backup)?.shares.get(index).ok_or(INVALID_ARGUMENT)?;
        put(borrows.output(out.cast(), out_size)?, share.expose_text().as_bytes(), out_len)
    })
}

/// Adds a share to a backup that is to be restored: its string, `text_len` bytes, in any order.
///
/// Errors: SEALWAX_ERROR_FORMAT (mistyped), _LIMIT, _INVALID_ARGUMENT (NULL, overlap, not UTF-8);
/// the backup is then as it was. Whether it is a share of this backup is seen when that is
/// restored. Threads: the backup alone. Stack: 32 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_backup_add_share(
    backup: *mut sealwax_backup,
    share: *const c_char,
    share_len: usize,
) -> i32 {
    call(|borrows| {
        let backup = borrows.handle_mut(backup)?;
        backup.shares.push(Share::parse_text(text(borrows, share, share_len)?)?);
        Ok(())
    })
}

/// Writes what a share says about itself: its string, `share_len` bytes.
///
/// Errors: SEALWAX_ERROR_FORMAT (mistyped), _LIMIT, _INVALID_ARGUMENT (NULL, overlap, not UTF-8);
/// nothing is then written. Threads: any. Stack: 32 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_share_describe(
    share: *const c_char,
    share_len: usize,
    description: *mut sealwax_share_description,
) -> i32 {
    call(|borrows| {
        let share = text(borrows, share, share_len)?;
        let description = borrows.output_value(description)?;
        let share = Share::parse_text(share)?;
        *description = sealwax_share_description {
            number: share.number(),
            threshold: share.threshold(),
            share_count: share.count(),
            reserved: 0,
            backup: share.backup().0,
        };
        Ok(())
    })
}

/// Opens a backup: with any of `key_count` keys, public keys' identities among them, or, where
/// `key_count` is 0, with the shares that were added.
///
/// A public key proves nothing about who made a backup: show what sealwax_key_describe and
/// sealwax_key_fingerprint say to somebody who knows, before the keyset is used;
/// sealwax_store_restore then puts it in place.
///
/// `*key` becomes the keyset, which the caller frees; NULL on errors: SEALWAX_ERROR_UNKNOWN_KEY
/// (too few shares, or one of another backup; none of the keys), _DECRYPT, _FORMAT (also a forged
/// share), _TRUNCATED, _LIMIT, _BAD_STATE, _INVALID_ARGUMENT (NULL, overlap). Threads: any number
/// with one backup. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_backup_restore(
    backup: *const sealwax_backup,
    keys: *const *const sealwax_key,
    key_count: usize,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let backup = borrows.handle(backup)?;
        let keys: Vec<&dyn KeyWrap> =
            borrows.handles(keys, key_count)?.into_iter().map(sealwax_key::wrap).collect();
        let keyset = match keys.is_empty() {
            true => Keyset::restore_from_shares(&backup.file, &backup.shares),
            false => Keyset::restore(&backup.file, &keys),
        };
        Ok(Kind::Keyset(Arc::new(keyset.map_err(Failure::from)?)))
    })
}

/// Frees a backup and wipes its shares. NULL is fine. Threads: the backup alone: nobody may be
/// using it. Stack: 32 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_backup_free(backup: *mut sealwax_backup) {
    free(backup);
}
