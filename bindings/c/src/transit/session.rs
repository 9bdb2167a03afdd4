// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session: records that are sealed and opened (format.md 13.8 to 13.12).

use sealwax::id::Suite;
use sealwax::transit::{Content, Limits, MAX_ASSOCIATED_LEN, MAX_PLAINTEXT_LEN};
use sealwax::transit::{RECORD_HEADER_LEN, RECORD_OVERHEAD, Record, Role, Session};
use sealwax::{Error, ErrorKind};

use crate::boundary::{Borrows, Plain, Stored, call, wipe};
use crate::status::{BAD_STATE, BUFFER_TOO_SMALL, Failure, INVALID_ARGUMENT, SEALWAX_ERROR_LIMIT};

/// Size of a sealwax_session, in bytes.
pub const SEALWAX_SESSION_SIZE: usize = 712;
/// Bytes of a record before its data.
pub const SEALWAX_RECORD_HEADER_LEN: usize = 13;
/// Bytes that a record is longer than its data.
pub const SEALWAX_RECORD_OVERHEAD: usize = 29;
/// Most data in a record, padding included, in bytes.
pub const SEALWAX_RECORD_MAX_PLAINTEXT_LEN: usize = 16384;
/// Most associated data of a record, in bytes.
pub const SEALWAX_RECORD_MAX_ASSOCIATED_LEN: usize = 256;
/// Length of a rekey request, in bytes.
pub const SEALWAX_REKEY_REQUEST_LEN: usize = 33;
/// The record carried data.
pub const SEALWAX_CONTENT_DATA: u8 = 1;
/// It ended the peer's direction: nothing follows it.
pub const SEALWAX_CONTENT_CLOSE: u8 = 2;
/// The peer asks for other keys; the session answers by itself.
pub const SEALWAX_CONTENT_REKEY_REQUEST: u8 = 3;
/// Nothing: the peer keeps the path open.
pub const SEALWAX_CONTENT_EMPTY: u8 = 4;

/// A session. The caller owns it; it is zero before its first use: `sealwax_session session =
/// SEALWAX_SESSION_INIT;`. It holds keys: wipe it. It must not be copied: two copies would use a
/// nonce twice.
#[repr(C)]
pub struct sealwax_session {
    opaque: [u64; 89],
}

/// When a session changes its keys, and when it ends. Zero everywhere is the suite's own limits;
/// they are lowered, never raised.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_limits {
    /// Records before the keys change, at most 2^23. 0: as many.
    pub epoch_records: u64,
    /// Bytes before the keys change, at most 2^36. 0: as many.
    pub epoch_bytes: u64,
    /// Milliseconds before the keys change. 0: an hour.
    pub epoch_ms: u64,
    /// How many milliseconds the keys before the present ones still open. 0: a minute.
    pub previous_ms: u64,
    /// Records that failed to open before the session refuses to go on. 0: the suite's limit.
    pub failed_opens: u64,
    /// Milliseconds before the session asks for a fresh handshake. 0: 24 hours.
    pub handshake_ms: u64,
    /// Milliseconds before it ends. 0: 48 hours, which is the most.
    pub end_ms: u64,
    /// How many records the keys before the present ones still open. 0: 1024.
    pub previous_records: u32,
    /// How many numbers below the highest are still accepted in datagram mode, 64 to 256, on hosts
    /// to 8192. 0: 256, on hosts 1024.
    pub window: u16,
    /// 1: the session outlives restarts, in datagram mode, and seals and opens nothing before
    /// sealwax_session_reserve. 0: it ends with the power.
    pub is_kept: u8,
    /// 0.
    pub reserved: u8,
}

/// A record that was opened.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_record {
    /// Its number in its epoch.
    pub counter: u64,
    /// The epoch that it came in.
    pub epoch: u32,
    /// SEALWAX_CONTENT_...
    pub content: u8,
    /// 0.
    pub reserved: [u8; 3],
}

/// Where a session is. Nothing of it is secret.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_session_description {
    /// The handshake's hash: the same on both sides and in no other session.
    pub binding: [u8; 32],
    /// The epoch of the record sealed last.
    pub sending_epoch: u32,
    /// The epoch of the newest record opened.
    pub receiving_epoch: u32,
    /// SEALWAX_ROLE_...
    pub role: u8,
    /// 1: it is time for a fresh handshake.
    pub wants_handshake: u8,
    /// 1: the peer is not heard until it was asked for other keys (sealwax_session_request_rekey).
    pub wants_rekey_request: u8,
    /// 1: this direction was closed.
    pub is_sending_closed: u8,
    /// 1: the peer closed its direction.
    pub is_receiving_closed: u8,
    /// 0: this responder has not heard a record of the initiator's yet, and seals no data before.
    pub is_confirmed: u8,
    /// 0.
    pub reserved: [u8; 2],
}

impl Plain for sealwax_limits {}
impl Plain for sealwax_record {}
impl Plain for sealwax_session_description {}

/// What a sealwax_session holds.
pub(crate) type Kept = Session;

impl Stored for Kept {
    type Place = sealwax_session;
    const WORD: u32 = 0x7365_7373;
}

/// Seals a record of data.
///
/// `now` is in milliseconds, of the clock of sealwax_handshake_finish. `associated` does not
/// travel, the peer gives it again; NULL if `associated_len` is 0. `out` needs
/// SEALWAX_RECORD_OVERHEAD bytes more than the data, and overlaps nothing, or the data stands at
/// `out + SEALWAX_RECORD_HEADER_LEN` and is sealed there.
///
/// `*out_len` becomes the record's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed,
/// with other errors 0. Errors: also _BAD_STATE (no session, or closed; the process was forked),
/// _LIMIT (more than SEALWAX_RECORD_MAX_PLAINTEXT_LEN bytes; the session is too old or its epochs
/// are used up; a kept session must reserve the next block), _INVALID_ARGUMENT (NULL, overlap, more
/// than SEALWAX_RECORD_MAX_ASSOCIATED_LEN bytes). Nothing is then written. Threads: the session
/// alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_seal(
    session: *mut sealwax_session,
    now: u64,
    plaintext: *const u8,
    plaintext_len: usize,
    associated: *const u8,
    associated_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let mut session = borrows.exclusive::<Kept>(session)?;
        let associated = associated_data(borrows, associated, associated_len)?;
        let stands = is_inside(plaintext, out) && plaintext_len > 0;
        let plaintext = match stands {
            true if plaintext_len > out_size => return Err(INVALID_ARGUMENT),
            true => &[],
            false => borrows.input(plaintext, plaintext_len)?,
        };
        if plaintext_len > MAX_PLAINTEXT_LEN {
            return Err(Failure(SEALWAX_ERROR_LIMIT));
        }
        let len = plaintext_len + RECORD_OVERHEAD;
        let record = room(borrows, out, out_size, len, out_len)?;
        match stands {
            true => session.seal_in_place(now, record, associated),
            false => session.seal_into(now, plaintext, associated, record).map(|_| ()),
        }
        .map_err(of_state)?;
        *out_len = len;
        Ok(())
    })
}

/// Seals a record of data with padding, so that its length tells only how many blocks of `block`
/// bytes the data fills. At least one byte is padding.
///
/// As sealwax_session_seal, but for: the data does not stand in `out`, which needs the data and one
/// byte, filled up to whole blocks, and SEALWAX_RECORD_OVERHEAD bytes more. A block of 0 bytes is
/// SEALWAX_ERROR_INVALID_ARGUMENT. Threads: the session alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_seal_padded(
    session: *mut sealwax_session,
    now: u64,
    plaintext: *const u8,
    plaintext_len: usize,
    block: usize,
    associated: *const u8,
    associated_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let mut session = borrows.exclusive::<Kept>(session)?;
        let associated = associated_data(borrows, associated, associated_len)?;
        let plaintext = borrows.input(plaintext, plaintext_len)?;
        if block == 0 {
            return Err(INVALID_ARGUMENT);
        }
        let padded = (plaintext_len + 1).checked_next_multiple_of(block);
        let Some(padded) = padded.filter(|len| *len <= MAX_PLAINTEXT_LEN) else {
            return Err(Failure(SEALWAX_ERROR_LIMIT));
        };
        let len = padded + RECORD_OVERHEAD;
        let record = room(borrows, out, out_size, len, out_len)?;
        let sealing = session.sending();
        sealing.seal_padded_into(now, plaintext, block, associated, record).map_err(of_state)?;
        *out_len = len;
        Ok(())
    })
}

/// Seals a record without content, which keeps a path open and tells the peer that this side is
/// there.
///
/// `out` is SEALWAX_RECORD_OVERHEAD bytes. Otherwise as sealwax_session_seal. Threads: the session
/// alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_seal_empty(
    session: *mut sealwax_session,
    now: u64,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        seal_small(borrows, session, (out, out_size, out_len), RECORD_OVERHEAD, |session, out| {
            session.sending().seal_empty_into(now, out)
        })
    })
}

/// Opens a record of the peer's, and answers a rekey request in it by itself.
///
/// `now` and `associated` are as in sealwax_session_seal. `out` needs SEALWAX_RECORD_OVERHEAD bytes
/// fewer than the record, and overlaps nothing, or is `record + SEALWAX_RECORD_HEADER_LEN`: then
/// the record is opened where it stands, and written to. In datagram mode a record that fails
/// changes nothing; in stream mode it ends this direction.
///
/// `*out_len` becomes the data's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length needed (the
/// record may then come again), with other errors 0; `*opened` says what it was. Errors: also
/// _DECRYPT (not the peer's, or came before, or too old to know), _FORMAT and _LIMIT (no record),
/// _LIMIT (the session is too old; too many records failed; a kept session must reserve the next
/// block, after which the record, which is as it was, may come again), _BAD_STATE (no session; the
/// process was forked), _INVALID_ARGUMENT (NULL, overlap). `out` is then wiped or untouched.
/// Threads: the session alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_open(
    session: *mut sealwax_session,
    now: u64,
    record: *const u8,
    record_len: usize,
    associated: *const u8,
    associated_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
    opened: *mut sealwax_record,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let opened = borrows.output_value(opened)?;
        let mut session = borrows.exclusive::<Kept>(session)?;
        let associated = associated_data(borrows, associated, associated_len)?;
        let needed = record_len.saturating_sub(RECORD_OVERHEAD);
        let stands = is_inside(out, record) && out_size > 0;
        let (mut whole, mut sealed, mut opened_into) = (&mut [][..], &[][..], &mut [][..]);
        if stands {
            whole = borrows.output(record.cast_mut(), record_len)?;
        } else {
            sealed = borrows.input(record, record_len)?;
            opened_into = borrows.output(out, out_size)?;
        }
        if out_size < needed && needed <= MAX_PLAINTEXT_LEN {
            *out_len = needed;
            return Err(BUFFER_TOO_SMALL);
        }
        let found = match stands {
            true => session.open_in_place(now, whole, associated),
            false => session.open_into(now, sealed, associated, opened_into),
        };
        let Record { content, epoch, counter, len } = found.map_err(of_state)?;
        let content = match content {
            Content::Data => SEALWAX_CONTENT_DATA,
            Content::Close => SEALWAX_CONTENT_CLOSE,
            Content::RekeyRequest => SEALWAX_CONTENT_REKEY_REQUEST,
            Content::Empty => SEALWAX_CONTENT_EMPTY,
        };
        *opened = sealwax_record { counter, epoch, content, reserved: [0; 3] };
        *out_len = len;
        Ok(())
    })
}

/// Seals the end of this direction. Nothing can be sealed after it; the peer's direction goes on. A
/// kept session is ended by sealwax_session_end, and is SEALWAX_ERROR_BAD_STATE here.
///
/// `out` is SEALWAX_RECORD_OVERHEAD bytes. Otherwise as sealwax_session_seal. Threads: the session
/// alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_close(
    session: *mut sealwax_session,
    now: u64,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        seal_small(borrows, session, (out, out_size, out_len), RECORD_OVERHEAD, |session, out| {
            session.close_into(now, out)
        })
    })
}

/// Lets the next record that is sealed begin an epoch, with other keys, if the present one was
/// used.
///
/// Keys also change by themselves, as the limits say. Errors: SEALWAX_ERROR_BAD_STATE,
/// _INVALID_ARGUMENT (NULL). Threads: the session alone. Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_rekey(session: *mut sealwax_session) -> i32 {
    call(|borrows| {
        borrows.exclusive::<Kept>(session)?.sending().rekey();
        Ok(())
    })
}

/// Seals a request that the peer change the keys that it seals with.
///
/// `out` is SEALWAX_REKEY_REQUEST_LEN bytes. Otherwise as sealwax_session_seal. Threads: the
/// session alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_request_rekey(
    session: *mut sealwax_session,
    now: u64,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let place = (out, out_size, out_len);
        seal_small(borrows, session, place, SEALWAX_REKEY_REQUEST_LEN, |session, out| {
            session.seal_rekey_request_into(now, out)
        })
    })
}

/// Writes where a session is.
///
/// Errors: SEALWAX_ERROR_BAD_STATE, _INVALID_ARGUMENT (NULL, overlap); nothing is then written.
/// Threads: the session alone. Stack: under 512 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_describe(
    session: *mut sealwax_session,
    now: u64,
    description: *mut sealwax_session_description,
) -> i32 {
    call(|borrows| {
        let mut session = borrows.exclusive::<Kept>(session)?;
        let description = borrows.output_value(description)?;
        let wants_handshake = session.wants_handshake(now);
        *description = sealwax_session_description {
            binding: *session.binding(),
            role: match session.role() {
                Role::Initiator => super::party::SEALWAX_ROLE_INITIATOR,
                Role::Responder => super::party::SEALWAX_ROLE_RESPONDER,
            },
            wants_handshake: u8::from(wants_handshake),
            sending_epoch: session.sending().epoch(),
            is_sending_closed: u8::from(session.sending().is_closed()),
            receiving_epoch: session.receiving().epoch(),
            wants_rekey_request: u8::from(session.receiving().wants_rekey_request()),
            is_receiving_closed: u8::from(session.receiving().is_closed()),
            is_confirmed: u8::from(session.is_confirmed()),
            reserved: [0; 2],
        };
        Ok(())
    })
}

/// Does what time alone asks for: forgets keys whose time is over, where nothing is sealed or
/// heard.
///
/// Call it now and then, such as once a minute. Errors: SEALWAX_ERROR_BAD_STATE, _LIMIT (epochs are
/// used up), _INVALID_ARGUMENT (NULL). Threads: the session alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_tick(session: *mut sealwax_session, now: u64) -> i32 {
    call(|borrows| borrows.exclusive::<Kept>(session)?.tick(now).map_err(of_state))
}

/// Overwrites a session. NULL is fine, and so is one that was never begun.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (another thread is using it). Threads: the session alone. Stack:
/// under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_session_wipe(session: *mut sealwax_session) -> i32 {
    wipe::<Kept>(session, |_| {})
}

/// SEALWAX_SESSION_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn sealwax_session_size() -> usize {
    SEALWAX_SESSION_SIZE
}

/// The limits that the caller gives, which are the suite's own where they say 0.
pub(crate) fn limits_of(
    borrows: &mut Borrows<'_>,
    limits: *const sealwax_limits,
    suite: Suite,
) -> Result<Limits, Failure> {
    let own = Limits::of(suite);
    let Some(given) = borrows.value(limits)? else { return Ok(own) };
    if given.reserved != 0 || given.is_kept > 1 {
        return Err(INVALID_ARGUMENT);
    }
    Ok(lowered(own, given)?)
}

/// What is not 0 in the place of the suite's own.
fn lowered(own: Limits, given: &sealwax_limits) -> sealwax::Result<Limits> {
    let or = |value: u64, default: u64| if value == 0 { default } else { value };
    let end = or(given.end_ms, 48 * HOUR_MS);
    let handshake = or(given.handshake_ms, end.min(24 * HOUR_MS));
    let previous_records = or(given.previous_records.into(), 1024) as u32;
    let mut limits = own
        .epoch(
            or(given.epoch_records, 1 << 23),
            or(given.epoch_bytes, 1 << 36),
            or(given.epoch_ms, HOUR_MS),
        )?
        .previous_epoch(previous_records, or(given.previous_ms, 60_000))
        .age(handshake, end)?;
    if given.window != 0 {
        limits = limits.window(given.window)?;
    }
    if given.failed_opens != 0 {
        limits = limits.failed_opens(given.failed_opens)?;
    }
    Ok(if given.is_kept == 1 { limits.kept() } else { limits })
}

/// A record of known length that `seal` makes.
fn seal_small(
    borrows: &mut Borrows<'_>,
    session: *mut sealwax_session,
    (out, out_size, out_len): (*mut u8, usize, *mut usize),
    len: usize,
    seal: impl FnOnce(&mut Kept, &mut [u8]) -> sealwax::Result<usize>,
) -> Result<(), Failure> {
    let out_len = borrows.output_len(out_len)?;
    let mut session = borrows.exclusive::<Kept>(session)?;
    let record = room(borrows, out, out_size, len, out_len)?;
    seal(&mut session, record).map_err(of_state)?;
    *out_len = len;
    Ok(())
}

/// The first `len` bytes of an output, or that it is too small.
pub(super) fn room<'a>(
    borrows: &mut Borrows<'a>,
    out: *mut u8,
    out_size: usize,
    len: usize,
    out_len: &mut usize,
) -> Result<&'a mut [u8], Failure> {
    let out = borrows.output(out, out_size)?;
    match out.get_mut(..len) {
        Some(out) => Ok(out),
        None => {
            *out_len = len;
            Err(BUFFER_TOO_SMALL)
        }
    }
}

fn associated_data<'a>(
    borrows: &mut Borrows<'a>,
    associated: *const u8,
    len: usize,
) -> Result<&'a [u8], Failure> {
    let associated = borrows.input(associated, len)?;
    if associated.len() > MAX_ASSOCIATED_LEN { Err(INVALID_ARGUMENT) } else { Ok(associated) }
}

/// Whether the data stands in its record.
fn is_inside(data: *const u8, record: *const u8) -> bool {
    !record.is_null() && data.addr() == record.addr().wrapping_add(RECORD_HEADER_LEN)
}

/// What a session says of a call whose arguments were looked at before: it is in no state for it.
pub(super) fn of_state(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::Misuse => BAD_STATE,
        _ => error.into(),
    }
}

const HOUR_MS: u64 = 3_600_000;
const _: () = assert!(
    SEALWAX_RECORD_HEADER_LEN == RECORD_HEADER_LEN
        && SEALWAX_RECORD_OVERHEAD == RECORD_OVERHEAD
        && SEALWAX_RECORD_MAX_PLAINTEXT_LEN == MAX_PLAINTEXT_LEN
        && SEALWAX_RECORD_MAX_ASSOCIATED_LEN == MAX_ASSOCIATED_LEN
);
