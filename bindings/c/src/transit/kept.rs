// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session kept over a restart, in blocks that are reserved ahead (format.md 13.13).

use core::ffi::c_void;

use sealwax::Error;
use sealwax::device::with_wiped_copies;
use sealwax::id::Suite;
use sealwax::secret::{Key, Raw};
use sealwax::transit::{EXPORT_LEN, Keeping, PeerKey, RECORD_OVERHEAD};

use crate::boundary::{self, Borrows, Store, call};
use crate::callback::{CallersRandom, sealwax_random};
use crate::status::{BAD_STATE, Failure, INVALID_ARGUMENT, SEALWAX_ERROR_IO};
use crate::transit::session::{Kept, limits_of, of_state, room, sealwax_limits, sealwax_session};

/// Length of a session that is kept over a restart, in bytes.
pub const SEALWAX_KEPT_SESSION_LEN: usize = 220;

/// Writes a kept session to where it outlives a restart, in the place of the one before, and
/// returns 0 when it is there; anything else says that it is not. `kept` is
/// SEALWAX_KEPT_SESSION_LEN bytes, and must not be used for the session that is in use.
pub type sealwax_keep =
    Option<unsafe extern "C" fn(context: *mut c_void, kept: *const u8, kept_len: usize) -> i32>;

/// Makes room for `block` more records in each direction, for a session that outlives restarts:
/// seals its state under a device key and hands it to `store`.
///
/// For a session that was begun with `is_kept` of sealwax_limits: sealing and opening wait for the
/// first call, and stop at the end of each block (SEALWAX_ERROR_LIMIT) until the next call. What is left of a block is lost in a restart, so that
/// no number is used twice and no record opened twice. Whoever can put an older state back into the
/// storage makes the session repeat nonces: where that is not excluded, keep no session.
///
/// `device_key` is SEALWAX_DEVICE_KEY_LEN bytes and is not kept. `slot` names the place where the
/// session is kept, so that what is kept in one does not open in another: at most 255 bytes, NULL
/// if `slot_len` is 0. `store` must not use the session; `store_context` is passed to it as it is.
/// Errors: SEALWAX_ERROR_BAD_STATE (no session, not begun to be kept, closed), _RANDOM, _IO (`store`
/// failed), _INVALID_ARGUMENT (NULL, overlap, a block of 0 records). The session then stops where
/// it did before. Threads: the session alone. Stack: 3 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_reserve(
    session: *mut sealwax_session,
    block: u32,
    device_key: *const u8,
    slot: *const u8,
    slot_len: usize,
    random: *const sealwax_random,
    store: sealwax_keep,
    store_context: *mut c_void,
) -> i32 {
    call(|borrows| {
        let mut session = borrows.exclusive::<Kept>(session)?;
        let device_key = borrows.array::<32>(device_key.cast())?;
        let slot = slot_of(borrows, slot, slot_len)?;
        let mut random = CallersRandom::borrow(borrows, random)?;
        let store = store.ok_or(INVALID_ARGUMENT)?;
        if block == 0 {
            return Err(INVALID_ARGUMENT);
        }
        with_wiped_copies(|| {
            let keeping = Keeping { device: &key_of(device_key), slot };
            stored(store, store_context, |store| {
                session.reserve(block, &keeping, &mut random, store)
            })
        })
    })
}

/// Fills a session with one that was kept. It goes on where its block ended.
///
/// Before it seals or opens, it must reserve the next block; before it hears the peer, the peer
/// must be asked for other keys (sealwax_session_request_rekey), until `wants_rekey_request` of its
/// description is 0. The first record under other keys is past the block: reserve, and open it
/// again.
///
/// `kept` is what `store` was given; `device_key` and `slot` are those of sealwax_session_reserve,
/// and `peer_key` is the peer's static key, SEALWAX_PEER_KEY_LEN bytes, NULL where the pattern had
/// none. `limits` may be NULL. Errors: SEALWAX_ERROR_BAD_STATE (the
/// session is in use or was not zero), _DECRYPT (kept under another key, in
/// another slot, for another peer, or changed), _FORMAT,
/// _TRUNCATED, _INVALID_ARGUMENT, _NOT_SUPPORTED (a suite that this build has not). The session is
/// then zero. Threads: the session alone. Stack: 3 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_import(
    session: *mut sealwax_session,
    kept: *const u8,
    kept_len: usize,
    device_key: *const u8,
    slot: *const u8,
    slot_len: usize,
    peer_key: *const u8,
    limits: *const sealwax_limits,
    now: u64,
) -> i32 {
    call(|borrows| {
        let mut place = borrows.vacant::<Kept>(session)?;
        let kept = borrows.input(kept, kept_len)?;
        let device_key = borrows.array::<32>(device_key.cast())?;
        let slot = slot_of(borrows, slot, slot_len)?;
        let peer = match peer_key.is_null() {
            true => None,
            false => Some(PeerKey::parse(borrows.array(peer_key.cast())?)?),
        };
        let limits = limits_of(borrows, limits, Suite::ChaCha20Poly1305)?;
        let session = place.occupy(Kept::closed);
        with_wiped_copies(|| {
            let keeping = Keeping { device: &key_of(device_key), slot };
            session.import(kept, &keeping, peer.as_ref(), &limits, now)
        })?;
        place.keep();
        Ok(())
    })
}

/// Ends a session that is kept: hands zeros to `store`, to write over what it kept, and then seals
/// the end of this direction, as sealwax_session_close does.
///
/// Errors: also SEALWAX_ERROR_IO (`store` failed; nothing is then sealed). Threads: the session
/// alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_end(
    session: *mut sealwax_session,
    now: u64,
    store: sealwax_keep,
    store_context: *mut c_void,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let mut session = borrows.exclusive::<Kept>(session)?;
        let store = store.ok_or(INVALID_ARGUMENT)?;
        let record = room(borrows, out, out_size, RECORD_OVERHEAD, out_len)?;
        if session.sending().is_closed() {
            return Err(BAD_STATE);
        }
        stored(store, store_context, |store| session.end(now, store, record).map(|_| ()))?;
        *out_len = RECORD_OVERHEAD;
        Ok(())
    })
}

/// A copy of a device key. The caller wipes the stack.
fn key_of(device_key: &[u8; 32]) -> Key<Raw> {
    let mut key = Key::zeroed();
    *key.expose_bytes_mut() = *device_key;
    key
}

fn slot_of<'a>(
    borrows: &mut Borrows<'a>,
    slot: *const u8,
    len: usize,
) -> Result<&'a [u8], Failure> {
    let slot = borrows.input(slot, len)?;
    if slot.len() > MAX_SLOT_LEN { Err(INVALID_ARGUMENT) } else { Ok(slot) }
}

type Write<'w> = &'w mut dyn FnMut(&[u8; EXPORT_LEN]) -> sealwax::Result<()>;

/// Works with the caller's store, and says so where that is what failed.
fn stored(
    store: Store,
    context: *mut c_void,
    work: impl FnOnce(Write<'_>) -> sealwax::Result<()>,
) -> Result<(), Failure> {
    let mut failed = false;
    let worked = work(&mut |kept| match boundary::store(store, context, kept) {
        0 => Ok(()),
        _ => {
            failed = true;
            Err(Error::Random)
        }
    });
    match failed {
        true => Err(Failure(SEALWAX_ERROR_IO)),
        false => worked.map_err(of_state),
    }
}

const MAX_SLOT_LEN: usize = 255;
const _: () = assert!(SEALWAX_KEPT_SESSION_LEN == EXPORT_LEN);
