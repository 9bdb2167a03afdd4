// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys of every kind, on the heap: what envelopes are sealed for and opened with.

use core::ffi::c_char;
use std::sync::Arc;

use sealwax::id::RawKeyId;
use sealwax::keyset::file::Protection;
use sealwax::wrap::hpke::Recipient;
use sealwax::wrap::passphrase::Passphrase;
use sealwax::wrap::raw_key::RawKey;
use sealwax::wrap::{KeyWrap, provider};
use sealwax::{Algorithm, Context, Keyset, token};

use crate::boundary::{Borrows, Handle, call, free, give};
use crate::context::encoded;
use crate::hosted::job::path;
use crate::status::{BAD_STATE, BUFFER_TOO_SMALL, Failure, INVALID_ARGUMENT};

/// A symmetric key of suite 1, AES-256-GCM.
pub const SEALWAX_ALGORITHM_COBBLESTONE_256: u8 = 1;
/// A symmetric key of suite 2, ChaCha20-Poly1305.
pub const SEALWAX_ALGORITHM_CHACHA20_POLY1305: u8 = 2;
/// An X25519 key pair.
pub const SEALWAX_ALGORITHM_X25519: u8 = 3;
/// An X-Wing key pair: ML-KEM-768 with X25519.
pub const SEALWAX_ALGORITHM_X_WING: u8 = 4;

/// A key of any kind: a keyset, a passphrase, a device key, a public key, or a provider's key. The
/// library owns it; free it with sealwax_key_free, which wipes it. Any number of threads may use
/// one at once; changing and freeing it need it alone.
pub struct sealwax_key {
    pub(crate) kind: Kind,
}

/// Shared, because a store goes on using the keys that protect its file.
pub(crate) enum Kind {
    Keyset(Arc<Keyset>),
    /// A revision of a store's keyset: the store alone changes it.
    Revision(Arc<Keyset>),
    Passphrase(Arc<Passphrase>),
    DeviceKey(Arc<RawKey>),
    Recipient(Arc<Recipient>),
    /// A fresh key that a provider wrapped.
    Wrapped(Arc<provider::Recipient>),
    /// What a provider unwrapped.
    Unwrapped(Arc<provider::Unwrapped>),
}

impl Handle for sealwax_key {}

impl sealwax_key {
    pub(crate) fn wrap(&self) -> &dyn KeyWrap {
        match &self.kind {
            Kind::Keyset(keyset) | Kind::Revision(keyset) => &**keyset,
            Kind::Passphrase(passphrase) => &**passphrase,
            Kind::DeviceKey(key) => &**key,
            Kind::Recipient(recipient) => &**recipient,
            Kind::Wrapped(recipient) => &**recipient,
            Kind::Unwrapped(key) => &**key,
        }
    }

    /// The key for as long as somebody else wants it.
    pub(crate) fn share(&self) -> Arc<dyn KeyWrap + Send + Sync> {
        match &self.kind {
            Kind::Keyset(keyset) | Kind::Revision(keyset) => Arc::clone(keyset) as _,
            Kind::Passphrase(passphrase) => Arc::clone(passphrase) as _,
            Kind::DeviceKey(key) => Arc::clone(key) as _,
            Kind::Recipient(recipient) => Arc::clone(recipient) as _,
            Kind::Wrapped(recipient) => Arc::clone(recipient) as _,
            Kind::Unwrapped(key) => Arc::clone(key) as _,
        }
    }

    pub(crate) fn keyset(&self) -> Result<&Keyset, Failure> {
        match &self.kind {
            Kind::Keyset(keyset) | Kind::Revision(keyset) => Ok(keyset),
            _ => Err(INVALID_ARGUMENT),
        }
    }
}

/// Makes a keyset with one fresh version.
///
/// `name` is `name_len` bytes of UTF-8, 1 to 64; `algorithm` one of SEALWAX_ALGORITHM_. `*key`
/// becomes the keyset, which the caller frees; NULL on errors: SEALWAX_ERROR_INVALID_ARGUMENT
/// (NULL, overlap, a name that is not allowed), _FORMAT (no such algorithm), _RANDOM. Threads: any.
/// Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_generate_keyset(
    name: *const c_char,
    name_len: usize,
    algorithm: u8,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let name = text(borrows, name, name_len)?;
        let keyset = Keyset::generate(name, Algorithm::from_u8(algorithm)?)?;
        Ok(Kind::Keyset(Arc::new(keyset)))
    })
}

/// Loads a keyset file.
///
/// `file` is a path, zero-terminated. `protection` is the key that the file is sealed for, a
/// passphrase for example; NULL says that the file is unprotected, and then a protected one is
/// refused, as an unprotected one is where a key is given.
///
/// `*key` becomes the keyset, which the caller frees; NULL on errors: SEALWAX_ERROR_IO, _FORMAT
/// (also another protection than expected), _TRUNCATED, _LIMIT, _UNKNOWN_KEY, _DECRYPT,
/// _INVALID_ARGUMENT. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_load_keyset(
    file: *const c_char,
    protection: *const sealwax_key,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let file = path(borrows, file)?;
        let keyset = protected(borrows, protection, |given| Ok(Keyset::load(file, given)?))?;
        Ok(Kind::Keyset(Arc::new(keyset)))
    })
}

/// Reads a keyset file that is in memory: as sealwax_key_load_keyset. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_parse_keyset(
    blob: *const u8,
    blob_len: usize,
    protection: *const sealwax_key,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let blob = borrows.input(blob, blob_len)?;
        let parse = |given: Protection<'_>| Ok(Keyset::parse_file_bytes(blob, given)?);
        Ok(Kind::Keyset(Arc::new(protected(borrows, protection, parse)?)))
    })
}

/// Writes a keyset to a new file with mode 0600; a file that exists is never overwritten.
///
/// `protection` as in sealwax_key_load_keyset; a public key is allowed too, for backups. Errors:
/// SEALWAX_ERROR_IO (also a file that exists), _INVALID_ARGUMENT (NULL, not a keyset), _BAD_STATE,
/// _RANDOM. There is then no new file. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_save_keyset(
    key: *const sealwax_key,
    file: *const c_char,
    protection: *const sealwax_key,
) -> i32 {
    call(|borrows| {
        let key = borrows.handle(key)?;
        let (keyset, file) = (key.keyset()?, path(borrows, file)?);
        protected(borrows, protection, |given| Ok(keyset.save_new(file, given)?))
    })
}

/// Adds a fresh version to a keyset in memory and makes it the primary. The older ones go on
/// opening.
///
/// Errors: SEALWAX_ERROR_INVALID_ARGUMENT (NULL, not a keyset, an algorithm that its policy does
/// not allow), _BAD_STATE (it is a store's, which sealwax_store_rotate changes, or a store's file
/// is sealed for it), _FORMAT (no such algorithm), _RANDOM; the keyset is then as it was. Threads:
/// the keyset alone. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_rotate(key: *mut sealwax_key, algorithm: u8) -> i32 {
    call(|borrows| {
        let keyset = match &mut borrows.handle_mut(key)?.kind {
            Kind::Keyset(keyset) => Arc::get_mut(keyset).ok_or(BAD_STATE)?,
            Kind::Revision(_) => return Err(BAD_STATE),
            _ => return Err(INVALID_ARGUMENT),
        };
        keyset.rotate(Algorithm::from_u8(algorithm)?)?;
        Ok(())
    })
}

/// A passphrase: `passphrase_len` bytes of UTF-8, 1 to 65,536, which are copied.
///
/// `*key` becomes the key, which the caller frees; NULL on errors: SEALWAX_ERROR_INVALID_ARGUMENT
/// (NULL, empty, not UTF-8), _LIMIT. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_from_passphrase(
    passphrase: *const c_char,
    passphrase_len: usize,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let passphrase = text(borrows, passphrase, passphrase_len)?;
        Ok(Kind::Passphrase(Arc::new(Passphrase::new(passphrase)?)))
    })
}

/// A device key: SEALWAX_ID_LEN bytes of id and SEALWAX_DEVICE_KEY_LEN uniformly random bytes,
/// which are copied.
///
/// `*key` becomes the key, which the caller frees; NULL on errors: SEALWAX_ERROR_INVALID_ARGUMENT
/// (NULL). Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_from_device_key(
    device_key_id: *const u8,
    device_key: *const u8,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let id = RawKeyId(*borrows.array(device_key_id.cast())?);
        // Filled where it stays: a move would leave a copy.
        let mut key = Arc::new(RawKey::empty());
        let place = Arc::get_mut(&mut key).expect("nobody shares it yet");
        place.fill(id, borrows.array(device_key.cast())?)?;
        Ok(Kind::DeviceKey(key))
    })
}

/// A public key from its recipient string, `sealwaxpub1...`, `text_len` bytes.
///
/// `*key` becomes the key, which seals and does not open, and which the caller frees; NULL on
/// errors: SEALWAX_ERROR_FORMAT (mistyped), _LIMIT, _INVALID_ARGUMENT. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_from_recipient(
    text: *const c_char,
    text_len: usize,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let text = self::text(borrows, text, text_len)?;
        Ok(Kind::Recipient(Arc::new(Recipient::parse_text(text)?)))
    })
}

/// An identity from its string, `SEALWAX-SECRET-1...`, `text_len` bytes.
///
/// `*key` becomes the keyset of key pairs, which the caller frees; NULL on errors:
/// SEALWAX_ERROR_FORMAT (mistyped), _LIMIT, _INVALID_ARGUMENT. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_from_identity(
    text: *const c_char,
    text_len: usize,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let text = self::text(borrows, text, text_len)?;
        Ok(Kind::Keyset(Arc::new(Keyset::parse_identity_text(text)?)))
    })
}

/// Writes the recipient string of an identity or of a public key, without a terminator.
///
/// `*out_len` becomes its length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed, with other
/// errors 0. Errors: also _INVALID_ARGUMENT (NULL, overlap, a key without a public one),
/// _BAD_STATE. Threads: any number with one key. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_recipient(
    key: *const sealwax_key,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let text = match &borrows.handle(key)?.kind {
            Kind::Keyset(keyset) | Kind::Revision(keyset) => keyset.recipient()?.to_text(),
            Kind::Recipient(recipient) => recipient.to_text(),
            _ => return Err(INVALID_ARGUMENT),
        };
        put(borrows.output(out.cast(), out_size)?, text.as_bytes(), out_len)
    })
}

/// Seals a token under a keyset's primary version: as sealwax_token_seal, with the system's random
/// source.
///
/// Threads: any number with one keyset. Stack: 32 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_seal_token(
    key: *const sealwax_key,
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
        let keyset = borrows.handle(key)?.keyset()?;
        let context = encoded(borrows, context, context_len)?;
        let plaintext = borrows.input(plaintext, plaintext_len)?;
        let out = borrows.output(out, out_size)?;
        let len = plaintext.len() + token::OVERHEAD;
        if plaintext.len() <= token::MAX_PLAINTEXT_LEN && out.len() < len {
            *out_len = len;
            return Err(BUFFER_TOO_SMALL);
        }
        *out_len = keyset.seal_encoded_into(plaintext, context, out)?;
        Ok(())
    })
}

/// Opens a token with a keyset: as sealwax_token_open. Threads: any number with one keyset. Stack:
/// 32 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_open_token(
    key: *const sealwax_key,
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
        let keyset = borrows.handle(key)?.keyset()?;
        let context = encoded(borrows, context, context_len)?;
        let token = borrows.input(token, token_len)?;
        let out = borrows.output(out, out_size)?;
        let len = token.len().saturating_sub(token::OVERHEAD);
        if out.len() < len {
            // What is no token needs no room.
            token::key_version(token)?;
            *out_len = len;
            return Err(BUFFER_TOO_SMALL);
        }
        *out_len = keyset.open_encoded_into(token, context, out)?;
        Ok(())
    })
}

/// Frees a key and wipes its secrets; where a store uses them, with that store. NULL is fine.
/// Threads: the key alone: nobody may be using it. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_free(key: *mut sealwax_key) {
    free(key);
}

/// A context as the library's own; the empty one costs nothing.
pub(crate) fn owned(
    borrows: &mut Borrows<'_>,
    context: *const u8,
    context_len: usize,
) -> Result<Context, Failure> {
    match context_len {
        0 => Ok(Context::new()),
        _ => Ok(Context::from(encoded(borrows, context, context_len)?)),
    }
}

/// Copies bytes out, or says how many there are.
pub(crate) fn put(out: &mut [u8], bytes: &[u8], out_len: &mut usize) -> Result<(), Failure> {
    *out_len = bytes.len();
    out.get_mut(..bytes.len()).ok_or(BUFFER_TOO_SMALL)?.copy_from_slice(bytes);
    Ok(())
}

/// Gives out what `value` makes; NULL where it fails.
pub(crate) fn make<T: Handle>(
    at: *mut *mut T,
    value: impl FnOnce(&mut Borrows<'_>) -> Result<T, Failure>,
) -> i32 {
    call(|borrows| {
        let at = borrows.output_value(at)?;
        *at = core::ptr::null_mut();
        *at = give(value(borrows)?);
        Ok(())
    })
}

pub(crate) fn make_key(
    key: *mut *mut sealwax_key,
    kind: impl FnOnce(&mut Borrows<'_>) -> Result<Kind, Failure>,
) -> i32 {
    make(key, |borrows| Ok(sealwax_key { kind: kind(borrows)? }))
}

pub(crate) fn text<'a>(
    borrows: &mut Borrows<'a>,
    text: *const c_char,
    len: usize,
) -> Result<&'a str, Failure> {
    core::str::from_utf8(borrows.input(text.cast(), len)?).map_err(|_| INVALID_ARGUMENT)
}

fn protected<'a, R>(
    borrows: &mut Borrows<'a>,
    protection: *const sealwax_key,
    use_it: impl FnOnce(Protection<'_>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    match protection.is_null() {
        true => use_it(Protection::Unprotected),
        false => use_it(Protection::Sealed(&[borrows.handle(protection)?.wrap()])),
    }
}
