// SPDX-License-Identifier: MIT OR Apache-2.0
//! A handshake, message by message (format.md 13.1 to 13.7).

use sealwax::transit::{Handshake, MAX_CONTEXT_LEN, Received, Role};

use crate::boundary::{Borrows, Plain, Stored, call, wipe};
use crate::callback::{CallersRandom, sealwax_random};
use crate::context::encoded;
use crate::status::{BAD_STATE, BUFFER_TOO_SMALL, Failure, INVALID_ARGUMENT};
use crate::transit::party::{Given, sealwax_party};
use crate::transit::session::{Kept, limits_of, sealwax_limits, sealwax_session};

/// Size of a sealwax_handshake, in bytes.
#[cfg(any(feature = "hosted", feature = "x-wing"))]
pub const SEALWAX_HANDSHAKE_SIZE: usize = 1560;
/// Size of a sealwax_handshake, in bytes.
#[cfg(not(any(feature = "hosted", feature = "x-wing")))]
pub const SEALWAX_HANDSHAKE_SIZE: usize = 312;
/// Longest context in a handshake message, in its encoding, in bytes.
pub const SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN: usize = 1024;
/// Longest handshake message, in bytes, with X-Wing and the longest context. Without X-Wing it is
/// 1216 bytes shorter.
pub const SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN: usize = 2342;
/// This side writes the next message.
pub const SEALWAX_NEXT_WRITE: u8 = 1;
/// The other side does.
pub const SEALWAX_NEXT_READ: u8 = 2;
/// All messages were exchanged: sealwax_handshake_finish.
pub const SEALWAX_NEXT_FINISH: u8 = 3;
/// The session was taken.
pub const SEALWAX_NEXT_NOTHING: u8 = 4;
/// It failed.
pub const SEALWAX_NEXT_FAILED: u8 = 5;

/// A handshake. The caller owns it; it is zero before its first use: `sealwax_handshake handshake =
/// SEALWAX_HANDSHAKE_INIT;`. It holds keys: wipe it. It must not be copied: two copies would use a
/// nonce twice.
#[cfg(any(feature = "hosted", feature = "x-wing"))]
#[repr(C)]
pub struct sealwax_handshake {
    opaque: [u64; 195],
}

/// A handshake. The caller owns it; it is zero before its first use: `sealwax_handshake handshake =
/// SEALWAX_HANDSHAKE_INIT;`. It holds keys: wipe it. It must not be copied: two copies would use a
/// nonce twice.
#[cfg(not(any(feature = "hosted", feature = "x-wing")))]
#[repr(C)]
pub struct sealwax_handshake {
    opaque: [u64; 39],
}

/// Where a handshake is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_handshake_description {
    /// SEALWAX_NEXT_...
    pub next: u8,
    /// 1: `peer_key` is known. Until the handshake is finished, that may be somebody who repeats
    /// another's words.
    pub has_peer_key: u8,
    /// 0.
    pub reserved: [u8; 6],
    /// The other side's static key, or zeros.
    pub peer_key: [u8; 32],
}

impl Plain for sealwax_handshake_description {}
impl Plain for u8 {}

/// What a sealwax_handshake holds.
pub(crate) type Shaking = Handshake;

impl Stored for Shaking {
    type Place = sealwax_handshake;
    const WORD: u32 = 0x7368_616b;
}

/// Begins a handshake. No message is made and no key looked at yet.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (the handshake is in use or was not zero; the identity is not
/// loaded), _INVALID_ARGUMENT (NULL, overlap, a party that does not fit together), _NOT_SUPPORTED
/// (a suite, or X-Wing, that this build has not). The handshake is then as it was. Threads: the
/// handshake alone, any number with one identity. Stack: 1 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_handshake_begin(
    handshake: *mut sealwax_handshake,
    party: *const sealwax_party,
) -> i32 {
    call(|borrows| {
        let vacant = borrows.vacant::<Shaking>(handshake)?;
        let Given { settings, role, .. } = Given::borrow(borrows, party)?;
        let handshake = match role {
            Role::Initiator => Handshake::initiator(),
            Role::Responder => Handshake::responder(),
        };
        vacant.fill(handshake.set_to(settings));
        Ok(())
    })
}

/// Writes the next message, with an encoded context for the other side.
///
/// `context` may be NULL if `context_len` is 0; it is at most SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN
/// bytes. The first message of XX is readable, so its context is empty. The first message of the
/// other patterns can be replayed to a responder, and its context is then believed once more: put
/// nothing into it that acts. In datagram mode keep the message, to send it again until it is
/// answered, and when the other side repeats its own. `out` overlaps nothing.
///
/// `*out_len` becomes the message's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
/// with other errors 0. Errors: also _BAD_STATE (not begun, not this side's turn, or failed; the
/// process was forked; the identity is not loaded, or its state or times forbid), _RANDOM, _LIMIT
/// (the context is too long), _FORMAT (a context that is not encoded; a pinned key that is not
/// safe), _INVALID_ARGUMENT (NULL, overlap, a party that does not fit, or is not that of begin).
/// `out` is then wiped or untouched; after _RANDOM the handshake may have failed. Threads: the
/// handshake alone. Stack: 6 KiB; with X-Wing see docs/c-api.md.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_handshake_write(
    handshake: *mut sealwax_handshake,
    party: *const sealwax_party,
    random: *const sealwax_random,
    context: *const u8,
    context_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let mut handshake = borrows.exclusive::<Shaking>(handshake)?;
        let given = given_as_before(borrows, party, &handshake)?;
        let mut random = CallersRandom::borrow(borrows, random)?;
        let context = encoded(borrows, context, context_len)?;
        let out = borrows.output(out, out_size)?;
        if !handshake.writes_next() {
            return Err(BAD_STATE);
        }
        let needed = handshake.message_len(&given.settings, context_len);
        if context_len <= MAX_CONTEXT_LEN && out.len() < needed {
            *out_len = needed;
            return Err(BUFFER_TOO_SMALL);
        }
        let is_first = handshake.is_waiting();
        let written = given
            .with(is_first, &mut |party| Ok(handshake.write(party, context, &mut random, out)?));
        if written.is_err() {
            zeroize::Zeroize::zeroize(out);
        }
        *out_len = written?;
        Ok(())
    })
}

/// Reads a message of the other side's, and decrypts the context in it into `out`.
///
/// `out` has room for that context; SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN bytes are enough. It overlaps
/// nothing. The party's `accept` is asked before the call returns, once for each message that
/// carries a context or shows who the other side is. In stream mode every failure is final. In
/// datagram mode a message that fails changes nothing, and the next one may hold.
/// `*is_duplicate` becomes 1 where the message was read before (datagram mode): send the answer
/// of last time again. Else it is 0.
///
/// `*out_len` becomes the context's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed
/// (nothing is then read, and the message may come again), with other errors 0. Errors: also
/// _FORMAT (another setting, another length, an unsafe key, a message that nobody waits for),
/// _DECRYPT, _UNKNOWN_KEY (not pinned, or refused by `accept`; say nothing of it to the peer),
/// _LIMIT, _BAD_STATE (not begun, an initiator that has not written, or failed; the process was
/// forked; the state or times of every own key forbid), _INVALID_ARGUMENT (NULL, overlap),
/// _NOT_SUPPORTED. `out` is then wiped or untouched. Threads: the handshake alone. Stack: 8 KiB;
/// with X-Wing see docs/c-api.md.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_handshake_read(
    handshake: *mut sealwax_handshake,
    party: *const sealwax_party,
    message: *const u8,
    message_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
    is_duplicate: *mut u8,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let is_duplicate = borrows.output_value(is_duplicate)?;
        *is_duplicate = 0;
        let mut handshake = borrows.exclusive::<Shaking>(handshake)?;
        let given = given_as_before(borrows, party, &handshake)?;
        let message = borrows.input(message, message_len)?;
        let out = borrows.output(out, out_size)?;
        let is_first = handshake.is_waiting();
        if handshake.has_failed() || is_first && given.role == Role::Initiator {
            return Err(BAD_STATE);
        }
        if !handshake.writes_next() && !handshake.is_finished() {
            let context_len =
                message.len().saturating_sub(handshake.message_len(&given.settings, 0));
            if context_len <= MAX_CONTEXT_LEN && out.len() < context_len {
                *out_len = context_len;
                return Err(BUFFER_TOO_SMALL);
            }
        }
        *out_len = given.with(true, &mut |party| match handshake.read(
            party,
            message,
            &mut |peer| given.judge(peer),
            out,
        )? {
            Received::Context(context) => Ok(context.as_bytes().len()),
            Received::Duplicate => {
                *is_duplicate = 1;
                Ok(0)
            }
        })?;
        Ok(())
    })
}

/// Writes where a handshake is, and who the other side is, if that is known.
///
/// Errors: SEALWAX_ERROR_BAD_STATE, _INVALID_ARGUMENT (NULL, overlap); nothing is then written.
/// Threads: any number that only describe. Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_handshake_describe(
    handshake: *const sealwax_handshake,
    description: *mut sealwax_handshake_description,
) -> i32 {
    call(|borrows| {
        let handshake = borrows.shared::<Shaking>(handshake)?;
        let peer = handshake.peer();
        *borrows.output_value(description)? = sealwax_handshake_description {
            next: match handshake {
                failed if failed.has_failed() => SEALWAX_NEXT_FAILED,
                finished if finished.is_finished() => SEALWAX_NEXT_FINISH,
                writing if writing.writes_next() => SEALWAX_NEXT_WRITE,
                done if done.is_done() => SEALWAX_NEXT_NOTHING,
                _ => SEALWAX_NEXT_READ,
            },
            has_peer_key: u8::from(peer.is_some()),
            reserved: [0; 6],
            peer_key: peer.map_or([0; 32], |key| *key.as_bytes()),
        };
        Ok(())
    })
}

/// Takes the session out of a handshake whose messages were all exchanged.
///
/// `now` is in milliseconds, of a clock that starts anywhere and is the one that the session is
/// told later. `limits` may be NULL: the suite's own. What is left of the handshake holds no
/// secret; in datagram mode keep it as long as the other side may repeat its last message, then
/// wipe it.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (the handshake is not finished, or its session was taken; the
/// process was forked; the session is in use or was not zero), _INVALID_ARGUMENT (NULL, overlap,
/// limits above the suite's own, a stream that is to be kept). The session is then zero, and the
/// handshake as it was. Threads: both alone. Stack: 4 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_handshake_finish(
    handshake: *mut sealwax_handshake,
    limits: *const sealwax_limits,
    now: u64,
    session: *mut sealwax_session,
) -> i32 {
    call(|borrows| {
        let mut handshake = borrows.exclusive::<Shaking>(handshake)?;
        let mut place = borrows.vacant::<Kept>(session)?;
        handshake.check_process().map_err(|_| BAD_STATE)?;
        let settings = handshake.settings().filter(|_| handshake.is_finished());
        let limits = limits_of(borrows, limits, settings.ok_or(BAD_STATE)?.suite)?;
        place.occupy(Kept::closed).begin(&mut handshake, &limits, now)?;
        place.keep();
        Ok(())
    })
}

/// Overwrites a handshake. NULL is fine, and so is one that was never begun.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (another thread is using it). Threads: the handshake alone.
/// Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_handshake_wipe(handshake: *mut sealwax_handshake) -> i32 {
    wipe::<Shaking>(handshake, |_| {})
}

/// SEALWAX_HANDSHAKE_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn sealwax_handshake_size() -> usize {
    SEALWAX_HANDSHAKE_SIZE
}

/// The party, which is set to what the handshake was begun with.
fn given_as_before<'a>(
    borrows: &mut Borrows<'a>,
    party: *const sealwax_party,
    handshake: &Handshake,
) -> Result<Given<'a>, Failure> {
    handshake.check_process().map_err(|_| BAD_STATE)?;
    let given = Given::borrow(borrows, party)?;
    let same = handshake.settings() == Some(given.settings) && handshake.role() == given.role;
    if same { Ok(given) } else { Err(INVALID_ARGUMENT) }
}

const _: () = assert!(
    SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN == MAX_CONTEXT_LEN
        && SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN == sealwax::transit::MAX_MESSAGE_LEN
);
