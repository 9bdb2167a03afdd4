// SPDX-License-Identifier: MIT OR Apache-2.0
//! Providers, a KMS or an HSM: they wrap and unwrap a fresh key for one envelope (format.md 5.6).

use core::ffi::{c_char, c_void};
use std::sync::Arc;

use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Entry, Header};
use sealwax::id::Wanted;
use sealwax::rng::OsRandom;
use sealwax::secret::Key;
use sealwax::wrap::provider::{Request, Unwrapped};
use sealwax::{Error, id::RecipientKind};
use zeroize::Zeroizing;

use crate::boundary::{self, Borrows};
use crate::hosted::inspect::read_front;
use crate::hosted::job::path;
use crate::hosted::key::{Kind, make_key, sealwax_key, text};
use crate::status::{Failure, INVALID_ARGUMENT};

/// Length of the key that a provider wraps, in bytes.
pub const SEALWAX_PROVIDED_KEY_LEN: usize = 32;
/// Room for what a provider makes of a key, in bytes.
pub const SEALWAX_PROVIDER_BLOB_MAX_LEN: usize = 32768;

/// Has a provider encrypt `key_len` bytes under a key of its own.
///
/// It writes what comes back to `out`, at most `out_size` bytes, their number to `out_len`, and
/// returns 0; anything else stops the call with SEALWAX_ERROR_PROVIDER. `key` is a secret, of which
/// it keeps nothing. `context` is what the call was given.
pub type sealwax_provider_wrap = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        key: *const u8,
        key_len: usize,
        out: *mut u8,
        out_size: usize,
        out_len: *mut usize,
    ) -> i32,
>;

/// Has a provider decrypt `blob_len` bytes, which nothing has authenticated.
///
/// It writes the key to `out`, at most `out_size` bytes, their number to `out_len`, and returns 0;
/// anything else stops the call with SEALWAX_ERROR_PROVIDER. `context` is what the call was given.
pub type sealwax_provider_unwrap = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        blob: *const u8,
        blob_len: usize,
        out: *mut u8,
        out_size: usize,
        out_len: *mut usize,
    ) -> i32,
>;

/// A provider's key as a recipient of one envelope: draws a fresh key and has `wrap` wrap it, once,
/// before this call returns.
///
/// `provider` is `provider_len` bytes of UTF-8 without control characters, 1 to 255; `key_name`
/// `key_name_len`, 1 to 2,048: they travel readable, and whoever opens names them. `*key` becomes a
/// key that seals and does not open, which the caller frees; NULL on errors: SEALWAX_ERROR_PROVIDER
/// (`wrap` stopped, or gave nothing or too much), _RANDOM, _INVALID_ARGUMENT (NULL, overlap, a name
/// that is not allowed). Threads: any. Stack: 96 KiB, and what `wrap` uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_wrapped_by_provider(
    provider: *const c_char,
    provider_len: usize,
    key_name: *const c_char,
    key_name_len: usize,
    wrap: sealwax_provider_wrap,
    wrap_context: *mut c_void,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let provider = text(borrows, provider, provider_len)?;
        let key_name = text(borrows, key_name, key_name_len)?;
        let wrap = wrap.ok_or(INVALID_ARGUMENT)?;
        let request = Request::new(provider, key_name, &mut OsRandom)?;
        let mut blob = vec![0; SEALWAX_PROVIDER_BLOB_MAX_LEN];
        let len = ask(wrap, wrap_context, request.expose_key(), &mut blob)?;
        Ok(Kind::Wrapped(Arc::new(request.finish(&blob[..len])?)))
    })
}

/// A key for one envelope, in memory, that was sealed for a provider's key: finds the entry with
/// these names and has `unwrap` unwrap it, once, before this call returns.
///
/// `envelope` is an envelope of `envelope_len` bytes, or its beginning with at least all of the
/// header. Names as in sealwax_key_wrapped_by_provider; of several entries with these names the
/// first counts. A key that is not SEALWAX_PROVIDED_KEY_LEN bytes long will not open (format.md
/// 5.6). `*key` becomes a key that opens, which the caller frees; NULL on errors:
/// SEALWAX_ERROR_UNKNOWN_KEY (there is no such entry), _PROVIDER (`unwrap` stopped), _FORMAT,
/// _TRUNCATED, _LIMIT (the header), _INVALID_ARGUMENT (NULL, overlap, a name that is not allowed).
/// Threads: any. Stack: 96 KiB, and what `unwrap` uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_unwrapped_by_provider(
    envelope: *const u8,
    envelope_len: usize,
    provider: *const c_char,
    provider_len: usize,
    key_name: *const c_char,
    key_name_len: usize,
    unwrap: sealwax_provider_unwrap,
    unwrap_context: *mut c_void,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let envelope = borrows.input(envelope, envelope_len)?;
        let names = (provider, provider_len, key_name, key_name_len);
        unwrapped(borrows, envelope, names, unwrap, unwrap_context)
    })
}

/// A key for one sealed file or keyset file: as sealwax_key_unwrapped_by_provider.
///
/// `file` is a path, zero-terminated. Errors: also SEALWAX_ERROR_IO. Threads: any. Stack: 96 KiB,
/// and what `unwrap` uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_key_unwrapped_by_provider_for_path(
    file: *const c_char,
    provider: *const c_char,
    provider_len: usize,
    key_name: *const c_char,
    key_name_len: usize,
    unwrap: sealwax_provider_unwrap,
    unwrap_context: *mut c_void,
    key: *mut *mut sealwax_key,
) -> i32 {
    make_key(key, |borrows| {
        let front = read_front(path(borrows, file)?)?;
        let names = (provider, provider_len, key_name, key_name_len);
        unwrapped(borrows, &front, names, unwrap, unwrap_context)
    })
}

/// Asks the provider for what the first entry with these names wraps. The caller listed the names:
/// nothing else is asked for, whatever the header says.
fn unwrapped(
    borrows: &mut Borrows<'_>,
    envelope: &[u8],
    (provider, provider_len, key_name, key_name_len): (*const c_char, usize, *const c_char, usize),
    unwrap: sealwax_provider_unwrap,
    context: *mut c_void,
) -> Result<Kind, Failure> {
    let wanted_provider = text(borrows, provider, provider_len)?;
    let wanted_name = text(borrows, key_name, key_name_len)?;
    let unwrap = unwrap.ok_or(INVALID_ARGUMENT)?;
    let header = Header::parse(envelope, DEFAULT_MAX_HEADER_LEN)?;
    let blob = header.entries().find_map(|entry| match entry {
        Entry::Provider { provider, key_name, blob, .. }
            if provider == wanted_provider && key_name == wanted_name =>
        {
            Some(blob)
        }
        _ => None,
    });
    let unknown = Error::UnknownKey(Wanted::Recipient(RecipientKind::Provider));
    let blob = blob.ok_or(unknown)?;
    // Room for one byte too many, so that a longer key is not taken for a good one.
    let mut out = Zeroizing::new([0; SEALWAX_PROVIDED_KEY_LEN + 1]);
    let len = ask(unwrap, context, blob, out.as_mut_slice())?;
    let key = match out[..len].try_into() {
        Ok(bytes) => {
            let bytes: &[u8; SEALWAX_PROVIDED_KEY_LEN] = bytes;
            let mut key = Key::zeroed();
            *key.expose_bytes_mut() = *bytes;
            Unwrapped::new(wanted_provider, wanted_name, key)?
        }
        Err(_) => Unwrapped::of_wrong_length(wanted_provider, wanted_name)?,
    };
    Ok(Kind::Unwrapped(Arc::new(key)))
}

/// What the provider made of `input`: the first so many bytes of `out`.
fn ask(
    callback: boundary::Provider,
    context: *mut c_void,
    input: &[u8],
    out: &mut [u8],
) -> Result<usize, Failure> {
    let mut len = 0;
    let failed = Error::Provider("its callback stopped, or wrote more than there is room for");
    match boundary::provide(callback, context, input, out, &mut len) {
        0 if len <= out.len() => Ok(len),
        _ => Err(failed.into()),
    }
}
