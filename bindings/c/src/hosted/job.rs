// SPDX-License-Identifier: MIT OR Apache-2.0
//! Envelopes from path to path, and in memory.

use core::ffi::{CStr, c_char, c_void};
use std::path::Path;

use sealwax::atomic::Existing;
use sealwax::envelope::{ChunkLen, Rewrapper};
use sealwax::id::Suite;
use sealwax::stream::{FileRewrap, Job, RewrapJob, Room};
use sealwax::wrap::KeyWrap;
use sealwax::{Context, Error, Opener, Sealer};

use crate::boundary::{Borrows, Plain, call};
use crate::hosted::key::{owned, put, sealwax_key};
use crate::hosted::watch::{Watch, sealwax_progress};
use crate::status::{BUFFER_TOO_SMALL, Failure, INVALID_ARGUMENT};

/// A file that exists is replaced, at once, when the new one is complete.
pub const SEALWAX_REPLACE: u32 = 1;
/// X25519 is allowed beside stronger recipients, and a passphrase beside others (format.md 5.8).
pub const SEALWAX_DANGER_MIX_RECIPIENTS: u32 = 2;
/// A rewrap that has no room copies the file.
pub const SEALWAX_GROW: u32 = 4;
/// Recipients of the file that are not among the keys are removed by a rewrap.
pub const SEALWAX_REMOVE_OTHERS: u32 = 8;

/// How envelopes are sealed and opened. Zero everywhere but the keys is a good choice.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_options {
    /// What to seal for or to open with: `key_count` keys.
    pub keys: *const *const sealwax_key,
    /// How many.
    pub key_count: usize,
    /// Sealing: encoded context that travels readable. Otherwise there is none: what must be stored
    /// is given in `external`. May be NULL.
    pub stored: *const u8,
    /// Its length.
    pub stored_len: usize,
    /// Sealing: encoded context that does not travel. Opening: entries that are expected; those
    /// that are stored must be equal (format.md 2.5). May be NULL.
    pub external: *const u8,
    /// Its length.
    pub external_len: usize,
    /// Files: hears of the progress, and may stop the job. May be NULL.
    pub progress: sealwax_progress,
    /// Passed to `progress`. May be NULL.
    pub progress_context: *mut c_void,
    /// Threads for files; 0: as many as there are cores.
    pub threads: usize,
    /// Opening: a key block with a lower epoch is refused.
    pub min_epoch: u32,
    /// SEALWAX_REPLACE, SEALWAX_DANGER_MIX_RECIPIENTS, SEALWAX_GROW, SEALWAX_REMOVE_OTHERS, or 0.
    pub flags: u32,
    /// Sealing: SEALWAX_SUITE_COBBLESTONE_256, SEALWAX_SUITE_CHACHA20_POLY1305, or 0: the first
    /// key's own.
    pub suite: u8,
    /// Sealing: base-2 logarithm of the chunk length, or 0: the suite's default.
    pub log2chunk: u8,
    /// 0.
    pub reserved: [u8; 6],
}

impl Plain for sealwax_options {}

/// What a call is to do.
pub(crate) struct Options<'a> {
    keys: Vec<&'a dyn KeyWrap>,
    stored: Context,
    external: Context,
    watch: Watch,
    given: sealwax_options,
}

impl<'a> Options<'a> {
    pub(crate) fn borrow(
        borrows: &mut Borrows<'a>,
        options: *const sealwax_options,
    ) -> Result<Self, Failure> {
        let given = *borrows.value(options)?.ok_or(INVALID_ARGUMENT)?;
        let known =
            SEALWAX_REPLACE | SEALWAX_DANGER_MIX_RECIPIENTS | SEALWAX_GROW | SEALWAX_REMOVE_OTHERS;
        if given.flags & !known != 0 || given.reserved != [0; 6] {
            return Err(INVALID_ARGUMENT);
        }
        let keys = borrows.handles(given.keys, given.key_count)?;
        Ok(Options {
            keys: keys.into_iter().map(sealwax_key::wrap).collect(),
            stored: owned(borrows, given.stored, given.stored_len)?,
            external: owned(borrows, given.external, given.external_len)?,
            watch: Watch::new(given.progress, given.progress_context),
            given,
        })
    }

    pub(crate) fn sealer(&self) -> Result<Sealer<'a>, Failure> {
        let mut sealer = Sealer::new()
            .stored_context(self.stored.clone())
            .external_context(self.external.clone());
        for key in &self.keys {
            sealer = sealer.recipient(*key);
        }
        if self.given.suite != 0 {
            sealer = sealer.suite(Suite::from_u8(self.given.suite)?);
        }
        sealer = match self.given.log2chunk {
            0 => sealer,
            10 => sealer.chunk_len(ChunkLen::KIB_1),
            12 => sealer.chunk_len(ChunkLen::KIB_4),
            14 => sealer.chunk_len(ChunkLen::KIB_16),
            16 => sealer.chunk_len(ChunkLen::KIB_64),
            _ => return Err(INVALID_ARGUMENT),
        };
        Ok(match self.has(SEALWAX_DANGER_MIX_RECIPIENTS) {
            true => sealer.danger_mix_recipients(),
            false => sealer,
        })
    }

    pub(crate) fn opener(&self) -> Result<Opener<'a>, Failure> {
        self.check_nothing_to_store()?;
        let mut opener =
            Opener::new().context(self.external.clone()).min_epoch(self.given.min_epoch);
        for key in &self.keys {
            opener = opener.key(*key);
        }
        Ok(opener)
    }

    /// Whoever gives stored context where nothing is sealed may want it checked, which this is not
    /// for.
    fn check_nothing_to_store(&self) -> Result<(), Failure> {
        if self.given.stored_len == 0 { Ok(()) } else { Err(INVALID_ARGUMENT) }
    }

    fn job(&self) -> Job<'_> {
        let existing = match self.has(SEALWAX_REPLACE) {
            true => Existing::Replace,
            false => Existing::Keep,
        };
        Job { threads: self.given.threads, existing, control: self.watch.control() }
    }

    fn has(&self, flag: u32) -> bool {
        self.given.flags & flag != 0
    }
}

/// Seals a regular file into another, which appears under its name when it is complete.
///
/// `source` and `target` are paths, zero-terminated. `options` says what for; at least one key.
///
/// Errors: SEALWAX_ERROR_IO (also a target that exists without SEALWAX_REPLACE), _INVALID_ARGUMENT
/// (NULL, no key, keys that do not fit together), _BAD_STATE, _LIMIT, _FORMAT, _RANDOM. There is
/// then no new file, and a file that was there is untouched. Threads: any; it starts threads of its
/// own and joins them. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_seal_path(
    options: *const sealwax_options,
    source: *const c_char,
    target: *const c_char,
) -> i32 {
    call(|borrows| {
        let options = Options::borrow(borrows, options)?;
        let (source, target) = (path(borrows, source)?, path(borrows, target)?);
        options.sealer()?.seal_path(source, target, &options.job())?;
        Ok(())
    })
}

/// Opens a sealed file into another, which appears under its name when all of it is verified.
///
/// As sealwax_seal_path, with no stored context: SEALWAX_ERROR_INVALID_ARGUMENT where there is one.
/// Errors: also SEALWAX_ERROR_UNKNOWN_KEY, _DECRYPT, _TRUNCATED. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_open_path(
    options: *const sealwax_options,
    source: *const c_char,
    target: *const c_char,
) -> i32 {
    call(|borrows| {
        let options = Options::borrow(borrows, options)?;
        let (source, target) = (path(borrows, source)?, path(borrows, target)?);
        options.opener()?.open_path(source, target, &options.job())?;
        Ok(())
    })
}

/// Reads and verifies all of a sealed file, and writes nothing.
///
/// Errors: as sealwax_open_path; SEALWAX_ERROR_DECRYPT where any of it is damaged. Threads: any.
/// Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_verify_path(
    options: *const sealwax_options,
    source: *const c_char,
) -> i32 {
    call(|borrows| {
        let options = Options::borrow(borrows, options)?;
        let source = path(borrows, source)?;
        match options.opener()?.verify_path(source, &options.job())?.damage.is_empty() {
            true => Ok(()),
            false => Err(Error::Decrypt.into()),
        }
    })
}

/// Rewraps a sealed file in place: the keysets among the keys get an entry for their primary
/// version instead of an older one, and `added` becomes a recipient, if it is not NULL. The payload
/// and its data key stay: rewrap revokes nobody (format.md 11.4).
///
/// The keys open the file. With SEALWAX_REMOVE_OTHERS recipients that are none of them go.
/// `*changed` becomes 1 where something was written, else 0. Everybody who rewraps the file must
/// honour the advisory lock on it.
///
/// Errors: SEALWAX_ERROR_IO, _LIMIT (no room, without SEALWAX_GROW), _FORMAT, _TRUNCATED,
/// _UNKNOWN_KEY, _DECRYPT, _BAD_STATE, _INVALID_ARGUMENT (also a stored context), _RANDOM. The file
/// is then as it was, or opens as it did before. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_rewrap_path(
    options: *const sealwax_options,
    added: *const sealwax_key,
    file: *const c_char,
    changed: *mut u32,
) -> i32 {
    call(|borrows| {
        let changed = borrows.output_value(changed)?;
        *changed = 0;
        let options = Options::borrow(borrows, options)?;
        options.check_nothing_to_store()?;
        let keys = borrows.handles(options.given.keys, options.given.key_count)?;
        let mut rewrapper = Rewrapper::new().min_epoch(options.given.min_epoch);
        for key in keys {
            rewrapper = match key.keyset() {
                Ok(keyset) => rewrapper.keyset(keyset),
                Err(_) => rewrapper.key(key.wrap()),
            };
            // Who stays when others go is named.
            if options.has(SEALWAX_REMOVE_OTHERS) {
                rewrapper = rewrapper.recipient(key.wrap());
            }
        }
        if !added.is_null() {
            rewrapper = rewrapper.recipient(borrows.handle(added)?.wrap());
        }
        if options.has(SEALWAX_REMOVE_OTHERS) {
            rewrapper = rewrapper.remove_others();
        }
        if options.has(SEALWAX_DANGER_MIX_RECIPIENTS) {
            rewrapper = rewrapper.danger_mix_recipients();
        }
        let room = if options.has(SEALWAX_GROW) { Room::Grow } else { Room::AsItIs };
        let job = RewrapJob { room, control: options.watch.control(), ..RewrapJob::default() };
        *changed = match rewrapper.rewrap_path(path(borrows, file)?, &job)? {
            FileRewrap::Current => 0,
            FileRewrap::NotAtHand(wanted) => return Err(Error::UnknownKey(wanted).into()),
            _ => 1,
        };
        Ok(())
    })
}

/// Seals an envelope in memory.
///
/// `*out_len` becomes its length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed, with other
/// errors 0. Errors: also as sealwax_seal_path, but _IO. `out` overlaps nothing, and is wiped or
/// untouched then. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_seal_message(
    options: *const sealwax_options,
    plaintext: *const u8,
    plaintext_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let options = Options::borrow(borrows, options)?;
        let plaintext = borrows.input(plaintext, plaintext_len)?;
        let out = borrows.output(out, out_size)?;
        let sealer = options.sealer()?;
        let len = sealer.sealed_len(plaintext.len())?;
        if out.len() < len {
            *out_len = len;
            return Err(BUFFER_TOO_SMALL);
        }
        *out_len = sealer.seal_into(plaintext, out)?;
        Ok(())
    })
}

/// Opens an envelope in memory. Nothing is written unless every chunk is verified.
///
/// As sealwax_seal_message, with no stored context: SEALWAX_ERROR_INVALID_ARGUMENT where there is
/// one. Errors: also SEALWAX_ERROR_UNKNOWN_KEY, _DECRYPT, _TRUNCATED. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_open_message(
    options: *const sealwax_options,
    envelope: *const u8,
    envelope_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let options = Options::borrow(borrows, options)?;
        let envelope = borrows.input(envelope, envelope_len)?;
        let out = borrows.output(out, out_size)?;
        let opened = options.opener()?.open(envelope)?;
        put(out, &opened.plaintext, out_len)
    })
}

/// A path: zero-terminated, at most 4,096 bytes.
pub(crate) fn path<'a>(
    borrows: &mut Borrows<'a>,
    path: *const c_char,
) -> Result<&'a Path, Failure> {
    let path: &'a CStr = borrows.terminated(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(Path::new(std::ffi::OsStr::from_bytes(path.to_bytes())))
    }
    #[cfg(not(unix))]
    path.to_str().map(Path::new).map_err(|_| INVALID_ARGUMENT)
}
