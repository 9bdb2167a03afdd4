// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing an envelope chunk by chunk: telemetry, logs.

use sealwax::device::sealing::Place;
use sealwax::device::{Family, Plan, Sealing};
use sealwax::id::Suite;
use sealwax::rng::Random;
use sealwax::wrap::KeyWrap;
use sealwax::wrap::hpke::{PublicKey, Recipient};
use sealwax::wrap::raw_key::RawKey;
use sealwax::{Algorithm, Result as SealwaxResult};

use crate::boundary::{Borrows, InOut, Plain, Stored, call, wipe};
use crate::callback::{CallersRandom, sealwax_random};
use crate::context::encoded;
use crate::keyset::{SEALWAX_X25519_PUBLIC_KEY_LEN, fill_device_key, loaded, sealwax_keyset};
use crate::opening::SEALWAX_CHUNK_OVERHEAD;
use crate::status::{BAD_STATE, BUFFER_TOO_SMALL, Failure, INVALID_ARGUMENT};

/// Size of a sealwax_sealing, in bytes.
pub const SEALWAX_SEALING_SIZE: usize = 96;
/// Suite 1, AES-256-GCM: only where the build has it.
pub const SEALWAX_SUITE_COBBLESTONE_256: u8 = 1;
/// Suite 2, ChaCha20-Poly1305.
pub const SEALWAX_SUITE_CHACHA20_POLY1305: u8 = 2;
/// A message: one slot, without room for another recipient.
pub const SEALWAX_PLACE_MEMORY: u8 = 0;
/// A file: two slots with room, so that it can be rewrapped in place.
pub const SEALWAX_PLACE_FILE: u8 = 1;
/// Length of an X-Wing public key, in bytes.
pub const SEALWAX_X_WING_PUBLIC_KEY_LEN: usize = 1216;

/// An envelope being sealed. The caller owns it; it is zero before its first use: `sealwax_sealing
/// sealing = SEALWAX_SEALING_INIT;`. It holds keys: wipe it. It must not be copied: two copies
/// would use a nonce twice.
#[repr(C)]
pub struct sealwax_sealing {
    opaque: [u64; 12],
}

/// What an envelope will be. Zero everywhere is a message without context, in the recipient's own
/// suite.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_plan {
    /// Encoded context that travels readable, authenticated. May be NULL.
    pub stored: *const u8,
    /// Its length.
    pub stored_len: usize,
    /// Encoded context that does not travel: whoever opens gives it again. May be NULL.
    pub external: *const u8,
    /// Its length.
    pub external_len: usize,
    /// SEALWAX_SUITE_COBBLESTONE_256, SEALWAX_SUITE_CHACHA20_POLY1305, or 0: the recipient's own,
    /// or the build's default.
    pub suite: u8,
    /// Base-2 logarithm of the chunk length: 14 in suite 1; 10, 12, 14 or 16 in suite 2; 0: the
    /// suite's default.
    pub log2chunk: u8,
    /// SEALWAX_PLACE_MEMORY or SEALWAX_PLACE_FILE.
    pub place: u8,
    /// 0.
    pub reserved: u8,
}

impl Plain for sealwax_plan {}

impl Stored for Sealing {
    type Place = sealwax_sealing;
    const WORD: u32 = 0x7365_616c;
}

/// Begins to seal an envelope for a keyset: writes its header, salt and commitment, after which the
/// chunks follow.
///
/// `plan` may be NULL. `out` overlaps nothing. The data key, the envelope's id and the salts come
/// from `random`.
///
/// `*out_len` becomes the length written, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
/// with other errors 0. Errors: also _BAD_STATE (the sealing is in use or was not zero; the keyset
/// is not loaded, has no primary, or its state or times forbid), _RANDOM, _LIMIT, _FORMAT (a
/// context that is not encoded), _NOT_SUPPORTED, _INVALID_ARGUMENT (NULL, overlap, a plan that does
/// not fit together, a reserved context name). `out` is then wiped or untouched, and the sealing
/// zero. Threads: the sealing alone, any number with one keyset. Stack: 3 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_sealing_begin(
    sealing: *mut sealwax_sealing,
    keyset: *const sealwax_keyset,
    plan: *const sealwax_plan,
    random: *const sealwax_random,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let begun = Begun { sealing, plan, random, out, out_size, out_len };
        let keyset = loaded(borrows, keyset, Family::Symmetric)?.with_primary()?;
        begin(borrows, begun, &keyset, Sealing::begin)
    })
}

/// Begins to seal an envelope under a device key.
///
/// As sealwax_sealing_begin, with `device_key_id` (SEALWAX_ID_LEN bytes) and `device_key`
/// (SEALWAX_DEVICE_KEY_LEN bytes), which are not kept. Threads: the sealing alone. Stack: 3 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_sealing_begin_with_device_key(
    sealing: *mut sealwax_sealing,
    device_key_id: *const u8,
    device_key: *const u8,
    plan: *const sealwax_plan,
    random: *const sealwax_random,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let begun = Begun { sealing, plan, random, out, out_size, out_len };
        let mut key = RawKey::empty();
        fill_device_key(borrows, device_key_id, device_key, &mut key)?;
        begin(borrows, begun, &key, Sealing::begin)
    })
}

/// Begins to seal an envelope to an X25519 public key, SEALWAX_X25519_PUBLIC_KEY_LEN bytes.
///
/// As sealwax_sealing_begin. Whoever has a quantum computer later can open it. Errors: also
/// SEALWAX_ERROR_FORMAT for a public key that is not safe. Threads: the sealing alone. Stack: 5
/// KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_sealing_begin_for_x25519(
    sealing: *mut sealwax_sealing,
    public_key: *const u8,
    plan: *const sealwax_plan,
    random: *const sealwax_random,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let begun = Begun { sealing, plan, random, out, out_size, out_len };
        let public = borrows.input(public_key, SEALWAX_X25519_PUBLIC_KEY_LEN)?;
        let recipient = Recipient::new(PublicKey::parse(Algorithm::X25519, public)?)?;
        begin(borrows, begun, &recipient, Sealing::begin_for_public_key)
    })
}

/// Begins to seal an envelope to an X-Wing public key, SEALWAX_X_WING_PUBLIC_KEY_LEN bytes.
///
/// As sealwax_sealing_begin_for_x25519, and it stays closed to a quantum computer. Threads: the
/// sealing alone. Stack: see docs/c-api.md.
#[cfg(feature = "x-wing")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_sealing_begin_for_x_wing(
    sealing: *mut sealwax_sealing,
    public_key: *const u8,
    plan: *const sealwax_plan,
    random: *const sealwax_random,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let begun = Begun { sealing, plan, random, out, out_size, out_len };
        let public = borrows.input(public_key, SEALWAX_X_WING_PUBLIC_KEY_LEN)?;
        let recipient = Recipient::new(PublicKey::parse(Algorithm::XWing, public)?)?;
        begin(borrows, begun, &recipient, Sealing::begin_for_x_wing)
    })
}

/// Seals the next piece: a full one (the chunk length), or a shorter one, which may be empty and is
/// the last.
///
/// `out` needs SEALWAX_CHUNK_OVERHEAD bytes more than `in`; it is the same address as `in`, or
/// overlaps nothing. Without a last piece the envelope is truncated, and every reader says so.
///
/// `*out_len` becomes the length written, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
/// with other errors 0. Errors: also _BAD_STATE (not begun, or the last was sealed before; the
/// process was forked since it was begun), _INVALID_ARGUMENT (NULL, overlap, longer than a chunk),
/// _LIMIT (2^32 chunks). Nothing is then written, and the sealing stays as it was. Threads: the
/// sealing alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_sealing_seal_chunk(
    sealing: *mut sealwax_sealing,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let mut sealing = borrows.exclusive::<Sealing>(sealing)?;
        if sealing.is_finished() {
            return Err(BAD_STATE);
        }
        if in_len > sealing.chunk_len().plaintext_len() {
            return Err(INVALID_ARGUMENT);
        }
        let sealed_len = in_len + SEALWAX_CHUNK_OVERHEAD;
        if out_size < sealed_len {
            borrows.input(r#in, in_len)?;
            *out_len = sealed_len;
            return Err(BUFFER_TOO_SMALL);
        }
        // Before the plaintext is in the output.
        sealing.check_process().map_err(|_| BAD_STATE)?;
        sealing.check_room()?;
        let out = match borrows.in_out(r#in, in_len, out, sealed_len)? {
            InOut::Two(input, output) => {
                output[..in_len].copy_from_slice(input);
                output
            }
            InOut::One(in_out) => in_out,
        };
        let (piece, tag) = out.split_at_mut(in_len);
        tag.copy_from_slice(&sealing.seal_chunk(piece)?);
        *out_len = sealed_len;
        Ok(())
    })
}

/// Ends a sealing: succeeds only where the last chunk was sealed. The sealing is then zero.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (not begun, or the last piece is still missing: the sealing
/// stays as it was), _INVALID_ARGUMENT (NULL). Threads: the sealing alone. Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_sealing_finish(sealing: *mut sealwax_sealing) -> i32 {
    call(|borrows| {
        let sealing = borrows.exclusive::<Sealing>(sealing)?;
        if !sealing.is_finished() {
            return Err(BAD_STATE);
        }
        sealing.close();
        Ok(())
    })
}

/// Overwrites a sealing. NULL is fine, and so is one that was never begun.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (another thread is using it). Threads: the sealing alone. Stack:
/// under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_sealing_wipe(sealing: *mut sealwax_sealing) -> i32 {
    wipe::<Sealing>(sealing, |_| {})
}

/// SEALWAX_SEALING_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn sealwax_sealing_size() -> usize {
    SEALWAX_SEALING_SIZE
}

/// What every begin is given besides its recipient.
struct Begun<'a> {
    sealing: *mut sealwax_sealing,
    plan: *const sealwax_plan,
    random: *const sealwax_random,
    out: *mut u8,
    out_size: usize,
    out_len: &'a mut usize,
}

type Begin =
    fn(&mut Sealing, &dyn KeyWrap, &Plan<'_>, &mut dyn Random, &mut [u8]) -> SealwaxResult<()>;

#[inline]
fn begin(
    borrows: &mut Borrows<'_>,
    begun: Begun<'_>,
    recipient: &dyn KeyWrap,
    begin: Begin,
) -> Result<(), Failure> {
    let Begun { sealing, plan, random, out, out_size, out_len } = begun;
    let mut sealing = borrows.vacant::<Sealing>(sealing)?;
    let plan = plan_of(borrows, plan)?;
    let mut random = CallersRandom::borrow(borrows, random)?;
    let out = borrows.output(out, out_size)?;
    let len = Sealing::front_len(recipient, &plan)?;
    let Some(front) = out.get_mut(..len) else {
        *out_len = len;
        return Err(BUFFER_TOO_SMALL);
    };
    begin(sealing.occupy(Sealing::closed), recipient, &plan, &mut random, front)?;
    sealing.keep();
    *out_len = len;
    Ok(())
}

fn plan_of<'a>(borrows: &mut Borrows<'a>, plan: *const sealwax_plan) -> Result<Plan<'a>, Failure> {
    let none = sealwax_plan {
        stored: core::ptr::null(),
        stored_len: 0,
        external: core::ptr::null(),
        external_len: 0,
        suite: 0,
        log2chunk: 0,
        place: SEALWAX_PLACE_MEMORY,
        reserved: 0,
    };
    let given = borrows.value(plan)?.copied().unwrap_or(none);
    if given.reserved != 0 {
        return Err(INVALID_ARGUMENT);
    }
    Ok(Plan {
        suite: match given.suite {
            0 => None,
            1 | 2 => Some(Suite::from_u8(given.suite)?),
            _ => return Err(INVALID_ARGUMENT),
        },
        log2chunk: (given.log2chunk != 0).then_some(given.log2chunk),
        place: match given.place {
            SEALWAX_PLACE_MEMORY => Place::Memory,
            SEALWAX_PLACE_FILE => Place::File,
            _ => return Err(INVALID_ARGUMENT),
        },
        stored: encoded(borrows, given.stored, given.stored_len)?,
        external: encoded(borrows, given.external, given.external_len)?,
    })
}
