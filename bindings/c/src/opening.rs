// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening an envelope page by page: firmware images, settings.

use core::ffi::c_void;

use sealwax::context::Encoded;
use sealwax::device::opening::Digest;
use sealwax::device::{self, Family, Identity, MAX_FRONT_LEN, Opening, Progress, Requirements};
use sealwax::envelope::{Header, Need};
use sealwax::wrap::raw_key::RawKey;
use sealwax::wrap::{KeyWrap, OpenedVia};
use sealwax::{Error, Result as SealwaxResult};

use crate::boundary::{self, Borrows, InOut, Plain, Stored, call, wipe};
use crate::context::encoded;
use crate::keyset::{fill_device_key, loaded, sealwax_keyset};
use crate::status::{BAD_STATE, BUFFER_TOO_SMALL, Failure, INVALID_ARGUMENT, SEALWAX_ERROR_IO};

/// Size of a sealwax_opening, in bytes.
pub const SEALWAX_OPENING_SIZE: usize = 512;
/// Bytes that a chunk is longer than its plaintext.
pub const SEALWAX_CHUNK_OVERHEAD: usize = 16;
/// Longest start of an envelope that is looked at: header, salt and commitment, in bytes.
pub const SEALWAX_FRONT_MAX_LEN: usize = 2048;
/// Length of a kept progress, in bytes.
pub const SEALWAX_PROGRESS_LEN: usize = 168;
/// Length of the buffer of sealwax_opening_open_mapped, in bytes.
pub const SEALWAX_PIECE_LEN: usize = 512;
/// Length of a SHA-256 digest, in bytes.
pub const SEALWAX_DIGEST_LEN: usize = 32;
/// The envelope must store sealwax.counter, not below `min_counter`.
pub const SEALWAX_REQUIRE_COUNTER: u32 = 1;
/// The plaintext is not hashed: only sealwax_opening_finish_unsigned can end the opening.
pub const SEALWAX_WITHOUT_DIGEST: u32 = 2;
/// Opened through a version of a keyset.
pub const SEALWAX_VIA_KEYSET: u8 = 1;
/// Opened through an X25519 key pair: says nothing about who sealed.
pub const SEALWAX_VIA_X25519: u8 = 3;
/// Opened through an X-Wing key pair: says nothing about who sealed.
pub const SEALWAX_VIA_X_WING: u8 = 4;
/// Opened through a device key.
pub const SEALWAX_VIA_DEVICE_KEY: u8 = 5;

/// An envelope being opened. The caller owns it; it is zero before its first use: `sealwax_opening
/// opening = SEALWAX_OPENING_INIT;`. It holds keys: wipe it. It may be moved while no call uses it.
#[repr(C)]
pub struct sealwax_opening {
    opaque: [u64; 64],
}

/// What must be true of an envelope. Zero everywhere asks for nothing.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_requirements {
    /// Encoded context: entries that must be stored in the envelope with these values, such as
    /// purpose and device. May be NULL.
    pub stored: *const u8,
    /// Its length.
    pub stored_len: usize,
    /// Encoded context: entries that do not travel with the envelope. May be NULL.
    pub external: *const u8,
    /// Its length.
    pub external_len: usize,
    /// With SEALWAX_REQUIRE_COUNTER: an image with a lower counter is refused. Without it: 0.
    pub min_counter: u64,
    /// A key block with a lower epoch is refused.
    pub min_epoch: u32,
    /// SEALWAX_REQUIRE_COUNTER, SEALWAX_WITHOUT_DIGEST, or 0.
    pub flags: u32,
}

/// What an opening is and how far it came. Nothing of it is secret. All of it is authenticated, but
/// for `next_chunk` and `ended` after sealwax_opening_resume: those are the record's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_opening_description {
    /// The image's counter; 0 where it has none.
    pub counter: u64,
    /// The number of the chunk whose turn it is.
    pub next_chunk: u64,
    /// Bytes of plaintext in a full chunk.
    pub chunk_len: u32,
    /// The epoch of the key block.
    pub epoch: u32,
    /// The version that opened it; 0 for a device key.
    pub version: u32,
    /// SEALWAX_VIA_KEYSET, _X25519, _X_WING or _DEVICE_KEY.
    pub opened_via: u8,
    /// 1 where it has a counter.
    pub has_counter: u8,
    /// 1 where the last chunk was opened.
    pub ended: u8,
    /// 0.
    pub reserved: u8,
    /// The id of the keyset, or of the device key.
    pub id: [u8; 16],
}

impl Plain for sealwax_requirements {}
impl Plain for sealwax_opening_description {}

impl Stored for Opening {
    type Place = sealwax_opening;
    const WORD: u32 = 0x6f70_656e;
}

/// Takes a released piece: `piece_len` bytes of plaintext at `offset` in its chunk. Returns 0, or
/// anything else to stop.
pub type sealwax_release = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        offset: usize,
        piece: *const u8,
        piece_len: usize,
    ) -> i32,
>;

/// Writes how many bytes from the start of an envelope sealwax_opening_begin needs, as far as the
/// bytes given tell.
///
/// Where `*need` is not above `front_len`, there are enough; otherwise ask again with `*need`
/// bytes. Chunk 0 begins there then. Needs no key, and nothing is authenticated.
///
/// Errors: SEALWAX_ERROR_FORMAT, _LIMIT (over SEALWAX_FRONT_MAX_LEN), _NOT_SUPPORTED,
/// _INVALID_ARGUMENT (NULL, overlap); `*need` is then 0. Threads: any number. Stack: under 512
/// bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_envelope_need(
    front: *const u8,
    front_len: usize,
    need: *mut usize,
) -> i32 {
    call(|borrows| {
        let need = borrows.output_len(need)?;
        let front = borrows.input(front, front_len)?;
        let prefix = device::PAYLOAD_PREFIX_LEN;
        *need = match Header::need(front, MAX_FRONT_LEN - prefix)? {
            Need::AtLeast(len) => len,
            Need::Whole(len) => len + prefix,
        };
        Ok(())
    })
}

/// Begins to open an envelope that was sealed for a keyset.
///
/// `front` is the start of the envelope, at least as long as sealwax_envelope_need says; it may be
/// mapped memory that changes. Up to SEALWAX_FRONT_MAX_LEN bytes of it are copied to `scratch`,
/// which must be that long or as long as `front`, and only the copy is looked at; `scratch` may be
/// `front` itself. `requirements` may be NULL. Nothing of the payload is opened yet. `*chunks_at`
/// becomes where chunk 0 begins in the envelope.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (the opening is in use or was not zero; the keyset is not
/// loaded; a version's state or times forbid), _FORMAT (also a counter that is required and
/// absent), _TRUNCATED, _LIMIT (the header), _UNKNOWN_KEY, _DECRYPT (wrong key, changed bytes,
/// wrong context, counter or epoch too low), _NOT_SUPPORTED, _BUFFER_TOO_SMALL (scratch),
/// _INVALID_ARGUMENT (NULL, overlap, unknown flags, a counter without its flag, an identity). The
/// opening is then zero and `*chunks_at` 0. Threads: the opening alone, any number with one keyset.
/// Stack: 4 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_begin(
    opening: *mut sealwax_opening,
    keyset: *const sealwax_keyset,
    requirements: *const sealwax_requirements,
    front: *const u8,
    front_len: usize,
    scratch: *mut u8,
    scratch_size: usize,
    chunks_at: *mut usize,
) -> i32 {
    call(|borrows| {
        let chunks_at = borrows.output_len(chunks_at)?;
        let begun =
            Begun { opening, requirements, front, front_len, scratch, scratch_size, chunks_at };
        let keyset = loaded(borrows, keyset, Family::Symmetric)?.keyset();
        begin(borrows, begun, &keyset, Opening::begin)
    })
}

/// Begins to open an envelope that was sealed under a device key.
///
/// As sealwax_opening_begin, with `device_key_id` (SEALWAX_ID_LEN bytes) and `device_key`
/// (SEALWAX_DEVICE_KEY_LEN bytes), which are not kept. Threads: the opening alone. Stack: 4 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_begin_with_device_key(
    opening: *mut sealwax_opening,
    device_key_id: *const u8,
    device_key: *const u8,
    requirements: *const sealwax_requirements,
    front: *const u8,
    front_len: usize,
    scratch: *mut u8,
    scratch_size: usize,
    chunks_at: *mut usize,
) -> i32 {
    call(|borrows| {
        let chunks_at = borrows.output_len(chunks_at)?;
        let begun =
            Begun { opening, requirements, front, front_len, scratch, scratch_size, chunks_at };
        let mut key = RawKey::empty();
        fill_device_key(borrows, device_key_id, device_key, &mut key)?;
        begin(borrows, begun, &key, Opening::begin)
    })
}

/// Begins to open an envelope that was sealed to a public key of an identity.
///
/// As sealwax_opening_begin. A public key is known to anyone, so this says nothing about who sealed
/// (format.md 11.3). Threads: the opening alone, any number with one identity. Stack: 5 KiB; with
/// X-Wing see docs/c-api.md.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_begin_with_identity(
    opening: *mut sealwax_opening,
    identity: *const sealwax_keyset,
    requirements: *const sealwax_requirements,
    front: *const u8,
    front_len: usize,
    scratch: *mut u8,
    scratch_size: usize,
    chunks_at: *mut usize,
) -> i32 {
    call(|borrows| {
        let chunks_at = borrows.output_len(chunks_at)?;
        let begun =
            Begun { opening, requirements, front, front_len, scratch, scratch_size, chunks_at };
        let identity = Identity(loaded(borrows, identity, Family::Pairs)?.keyset());
        let begin_with: Begin = match identity.0.has_x_wing() {
            true => Opening::begin_with_x_wing,
            false => Opening::begin_with_pairs,
        };
        begin(borrows, begun, &identity, begin_with)
    })
}

/// Opens chunk `index` in its turn: `in` is its ciphertext and tag, `out` gets its plaintext once
/// the tag is verified.
///
/// Every chunk but the last is full: `chunk_len` bytes of plaintext and SEALWAX_CHUNK_OVERHEAD of
/// tag. `out` needs SEALWAX_CHUNK_OVERHEAD bytes fewer than `in`; it is the same address as `in`,
/// or overlaps nothing. The chunk whose turn it is advances the opening. With
/// SEALWAX_WITHOUT_DIGEST one that was opened before may be opened again, and changes nothing.
/// Otherwise it may not: the digest would vouch for the first and not for what came again. After a
/// failed write to flash write `out` again.
///
/// `*out_len` becomes the plaintext's length, with SEALWAX_ERROR_BUFFER_TOO_SMALL the length
/// needed, with other errors 0. Errors: also _DECRYPT (changed bytes; `out` is wiped), _TRUNCATED
/// (under 16 bytes), _BAD_STATE (not begun, a chunk was left out or comes again, or the last was
/// opened before), _INVALID_ARGUMENT (NULL, overlap, longer than a chunk), _LIMIT. The opening
/// stays as it was and can go on. Threads: the opening alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_open_chunk(
    opening: *mut sealwax_opening,
    index: u64,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let mut opening = borrows.exclusive::<Opening>(opening)?;
        check_turn(&opening, index)?;
        let (piece, tag) = chunk(borrows, &opening, r#in, in_len, out, out_size, out_len)?;
        opening.open_chunk(index, piece, &tag)?;
        *out_len = piece.len();
        Ok(())
    })
}

/// Opens any chunk, in any order and as often as wanted, and changes nothing.
///
/// As sealwax_opening_open_chunk, but for the order. What it gives is no part of the digest, and
/// sealwax_opening_finish does not vouch for it. Threads: any number with one opening. Stack: 2
/// KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_read_chunk(
    opening: *const sealwax_opening,
    index: u64,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_size: usize,
    out_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let out_len = borrows.output_len(out_len)?;
        let opening = borrows.shared::<Opening>(opening)?;
        let (piece, tag) = chunk(borrows, opening, r#in, in_len, out, out_size, out_len)?;
        opening.read_chunk(index, piece, &tag)?;
        *out_len = piece.len();
        Ok(())
    })
}

/// Opens chunk `index` in its turn, of up to 4 KiB, from memory that is mapped and may change, with
/// 512 bytes of RAM.
///
/// `mapped` is the chunk's ciphertext and tag, which is read twice: the first pass verifies the
/// tag, the second hands each piece of plaintext to `release` only if the authenticator has again
/// the value that it had after that piece. Memory that was changed in between ends the call with
/// SEALWAX_ERROR_DECRYPT before a byte of the changed piece is released; what was released before
/// is a true beginning of the chunk. `buffer` is SEALWAX_PIECE_LEN bytes and is wiped. `release`
/// gets pieces in order, of SEALWAX_PIECE_LEN bytes but for the last, in `buffer`, and
/// `release_context` as it is; it must not use this opening. Turns and repeats are as in
/// sealwax_opening_open_chunk; the chunk counts once all of it was released. Until then it comes
/// again from its first piece, and what was released of it before must be overwritten.
///
/// Errors: as there, and SEALWAX_ERROR_IO (`release` stopped), _NOT_SUPPORTED (suite 1, larger
/// chunks). The opening stays as it was. Threads: the opening alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_open_mapped(
    opening: *mut sealwax_opening,
    index: u64,
    mapped: *const u8,
    mapped_len: usize,
    buffer: *mut u8,
    release: sealwax_release,
    release_context: *mut c_void,
) -> i32 {
    call(|borrows| {
        let release = release.ok_or(INVALID_ARGUMENT)?;
        let mut opening = borrows.exclusive::<Opening>(opening)?;
        let mapped = borrows.mapped(mapped, mapped_len)?;
        let buffer = borrows.output_array::<SEALWAX_PIECE_LEN>(buffer.cast())?;
        check_turn(&opening, index)?;
        let mut stopped = false;
        let opened = opening.open_mapped(
            index,
            mapped.len(),
            buffer,
            &mut |offset, out| mapped.copy(offset, out),
            &mut |offset, piece| {
                stopped = boundary::release(release, release_context, offset, piece) != 0;
                if stopped { Err(Error::misuse("stopped")) } else { Ok(()) }
            },
        );
        match stopped {
            true => Err(Failure(SEALWAX_ERROR_IO)),
            false => Ok(opened?),
        }
    })
}

/// Writes what an opening is and how far it came.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (not begun), _INVALID_ARGUMENT (NULL, overlap); nothing is then
/// written. Threads: any number. Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_describe(
    opening: *const sealwax_opening,
    description: *mut sealwax_opening_description,
) -> i32 {
    call(|borrows| {
        let opening = borrows.shared::<Opening>(opening)?;
        let description = borrows.output_value(description)?;
        let opened_via = opening.opened_via();
        let (id, version) = match opened_via {
            OpenedVia::Keyset(id, version)
            | OpenedVia::X25519(id, version)
            | OpenedVia::XWing(id, version) => (id.0, version.value()),
            OpenedVia::RawKey(id) => (id.0, 0),
            _ => ([0; 16], 0),
        };
        *description = sealwax_opening_description {
            counter: opening.counter().unwrap_or(0),
            next_chunk: opening.next_chunk(),
            chunk_len: opening.chunk_len().plaintext_len() as u32,
            epoch: opening.epoch(),
            version,
            opened_via: opened_via.kind().number(),
            has_counter: u8::from(opening.counter().is_some()),
            ended: u8::from(opening.is_ended()),
            reserved: 0,
            id,
        };
        Ok(())
    })
}

/// Writes how far the opening came, to be kept over a power cut: SEALWAX_PROGRESS_LEN bytes.
///
/// It names the payload by its commitment and holds the running digest, which shows up to 63 bytes
/// of plaintext once the last chunk was opened. A torn write of it is found. Nothing authenticates
/// it: keep it where the opened image is, and trust it as much.
///
/// Write it once after begin, before the first chunk is put in its place, so that no record of
/// another image outlives the bytes that it speaks of; then after each chunk is in its place. Erase
/// it when the image is complete, and when the place is given to anything else:
/// sealwax_opening_resume does not look at what lies there, and sealwax_opening_finish vouches for
/// what was opened.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (not begun), _INVALID_ARGUMENT (NULL, overlap); nothing is then
/// written. Threads: any number. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_progress(
    opening: *const sealwax_opening,
    progress: *mut u8,
) -> i32 {
    call(|borrows| {
        let opening = borrows.shared::<Opening>(opening)?;
        opening.progress(borrows.output_array(progress.cast())?);
        Ok(())
    })
}

/// Goes on where an opening of the same payload stopped: after sealwax_opening_begin, before the
/// first chunk.
///
/// `progress` is SEALWAX_PROGRESS_LEN bytes that sealwax_opening_progress wrote. Errors:
/// SEALWAX_ERROR_FORMAT (torn, or something else: begin again from chunk 0), _DECRYPT (of another
/// payload: begin again from chunk 0), _BAD_STATE (not begun, a chunk was opened, or only one of
/// both has a digest), _INVALID_ARGUMENT. The opening then stays as it was; before chunk 0 is put
/// in its place, replace the record, as sealwax_opening_progress says. Threads: the opening alone.
/// Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_resume(
    opening: *mut sealwax_opening,
    progress: *const u8,
) -> i32 {
    call(|borrows| {
        let mut opening = borrows.exclusive::<Opening>(opening)?;
        let progress = borrows.array(progress.cast())?;
        match device::with_wiped_copies(|| opening.resume(&Progress::parse(progress)?)) {
            Err(Error::Misuse(_)) => Err(BAD_STATE),
            other => Ok(other?),
        }
    })
}

/// Ends an opening: succeeds only where every chunk was opened in order, the last one too, and the
/// SHA-256 of the plaintext is `digest`, SEALWAX_DIGEST_LEN bytes that the caller took from a
/// manifest whose signature it checked.
///
/// Errors: SEALWAX_ERROR_TRUNCATED (the last chunk was not opened: the opening can go on), _DECRYPT
/// (another digest: do not use the image), _BAD_STATE (not begun, or begun without a digest),
/// _INVALID_ARGUMENT (NULL). After success and _DECRYPT the opening is zero. Threads: the opening
/// alone. Stack: 2 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_finish(
    opening: *mut sealwax_opening,
    digest: *const u8,
) -> i32 {
    call(|borrows| {
        let digest = borrows.array(digest.cast())?;
        let opening = borrows.exclusive::<Opening>(opening)?;
        let finished = opening.finish(digest);
        match finished {
            Err(Error::Misuse(_)) => return Err(BAD_STATE),
            Err(Error::Truncated) => {}
            _ => opening.close(),
        }
        Ok(finished?)
    })
}

/// Ends an opening without a digest: succeeds only where every chunk was opened in order, the last
/// one too.
///
/// An envelope does not say who made it: whoever has the keyset or device key can make one, and
/// anyone can seal to a public key. For images use sealwax_opening_finish.
///
/// Errors: SEALWAX_ERROR_TRUNCATED (the last chunk was not opened: the opening can go on),
/// _BAD_STATE (not begun), _INVALID_ARGUMENT (NULL). After success the opening is zero. Threads:
/// the opening alone. Stack: under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_finish_unsigned(opening: *mut sealwax_opening) -> i32 {
    call(|borrows| {
        let opening = borrows.exclusive::<Opening>(opening)?;
        opening.finish_unsigned()?;
        opening.close();
        Ok(())
    })
}

/// Overwrites an opening. NULL is fine, and so is one that was never begun.
///
/// Errors: SEALWAX_ERROR_BAD_STATE (another thread is using it). Threads: the opening alone. Stack:
/// under 256 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_opening_wipe(opening: *mut sealwax_opening) -> i32 {
    wipe::<Opening>(opening, |_| {})
}

/// SEALWAX_OPENING_SIZE, for other languages. Threads: any. Stack: under 64 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn sealwax_opening_size() -> usize {
    SEALWAX_OPENING_SIZE
}

/// What every begin is given besides its key.
struct Begun<'a> {
    opening: *mut sealwax_opening,
    requirements: *const sealwax_requirements,
    front: *const u8,
    front_len: usize,
    scratch: *mut u8,
    scratch_size: usize,
    chunks_at: &'a mut usize,
}

type Begin = fn(&mut Opening, &[u8], &[&dyn KeyWrap], &Requirements<'_>) -> SealwaxResult<usize>;

#[inline]
fn begin(
    borrows: &mut Borrows<'_>,
    begun: Begun<'_>,
    key: &dyn KeyWrap,
    begin: Begin,
) -> Result<(), Failure> {
    let Begun { opening, requirements, front, front_len, scratch, scratch_size, chunks_at } = begun;
    let mut opening = borrows.vacant::<Opening>(opening)?;
    let requirements = requirements_of(borrows, requirements)?;
    let len = front_len.min(SEALWAX_FRONT_MAX_LEN);
    if scratch_size < len {
        return Err(BUFFER_TOO_SMALL);
    }
    let front = match front.addr() == scratch.addr() {
        true => borrows.input(front, len)?,
        false => {
            let front = borrows.mapped(front, len)?;
            let scratch = borrows.output(scratch, len)?;
            // Only the copy is looked at: what is mapped may change.
            front.copy(0, scratch);
            scratch
        }
    };
    *chunks_at = begin(opening.occupy(Opening::closed), front, &[key], &requirements)?;
    opening.keep();
    Ok(())
}

fn requirements_of<'a>(
    borrows: &mut Borrows<'a>,
    requirements: *const sealwax_requirements,
) -> Result<Requirements<'a>, Failure> {
    let mut wanted = Requirements {
        stored: Encoded::EMPTY,
        external: Encoded::EMPTY,
        min_epoch: 0,
        min_counter: None,
        digest: Digest::Sha256,
    };
    let Some(given) = borrows.value(requirements)? else { return Ok(wanted) };
    if given.flags & !(SEALWAX_REQUIRE_COUNTER | SEALWAX_WITHOUT_DIGEST) != 0 {
        return Err(INVALID_ARGUMENT);
    }
    wanted.stored = encoded(borrows, given.stored, given.stored_len)?;
    wanted.external = encoded(borrows, given.external, given.external_len)?;
    wanted.min_epoch = given.min_epoch;
    if given.flags & SEALWAX_REQUIRE_COUNTER != 0 {
        wanted.min_counter = Some(given.min_counter);
    } else if given.min_counter != 0 {
        // Whoever names a counter wants it checked.
        return Err(INVALID_ARGUMENT);
    }
    if given.flags & SEALWAX_WITHOUT_DIGEST != 0 {
        wanted.digest = Digest::Without;
    }
    Ok(wanted)
}

fn check_turn(opening: &Opening, index: u64) -> Result<(), Failure> {
    opening.check_turn(index).map_err(|_| BAD_STATE)
}

/// A chunk's ciphertext, where its plaintext will be, and a copy of its tag.
fn chunk<'a>(
    borrows: &mut Borrows<'a>,
    opening: &Opening,
    input: *const u8,
    input_len: usize,
    output: *mut u8,
    output_size: usize,
    needed: &mut usize,
) -> Result<(&'a mut [u8], [u8; SEALWAX_CHUNK_OVERHEAD]), Failure> {
    let Some(len) = input_len.checked_sub(SEALWAX_CHUNK_OVERHEAD) else {
        borrows.input(input, input_len)?;
        return Err(Error::Truncated.into());
    };
    if len > opening.chunk_len().plaintext_len() {
        return Err(INVALID_ARGUMENT);
    }
    if output_size < len {
        borrows.input(input, input_len)?;
        *needed = len;
        return Err(BUFFER_TOO_SMALL);
    }
    let mut tag = [0; SEALWAX_CHUNK_OVERHEAD];
    let piece = match borrows.in_out(input, input_len, output, len)? {
        InOut::Two(input, output) => {
            let (ciphertext, given) = input.split_at(len);
            tag.copy_from_slice(given);
            output.copy_from_slice(ciphertext);
            output
        }
        InOut::One(in_out) => {
            let (piece, given) = in_out.split_at_mut(len);
            tag.copy_from_slice(given);
            piece
        }
    };
    Ok((piece, tag))
}

const _: () = assert!(SEALWAX_FRONT_MAX_LEN == MAX_FRONT_LEN);
const _: () = assert!(SEALWAX_PROGRESS_LEN == device::progress::LEN);
const _: () = assert!(SEALWAX_PIECE_LEN == device::PIECE_LEN);
