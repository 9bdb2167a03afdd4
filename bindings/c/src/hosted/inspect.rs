// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a sealed file says about itself, without a key.

use core::ffi::c_char;
use std::fs::File;
use std::io::Read;

use sealwax::Error;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Entry, Header, Need};

use crate::boundary::{Plain, call};
use crate::hosted::job::path;
use crate::hosted::key::put;
use crate::status::Failure;

/// Most recipients of an envelope.
pub const SEALWAX_MAX_RECIPIENTS: usize = 64;

/// What an envelope says about itself. Nothing of it is authenticated.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_envelope_description {
    /// The header's length.
    pub header_len: u64,
    /// The epoch of the key block.
    pub epoch: u32,
    /// Bytes of plaintext in a full chunk.
    pub chunk_len: u32,
    /// How many recipients it has.
    pub recipient_count: u32,
    /// The suite.
    pub suite: u8,
    /// 1: data; 2: a keyset.
    pub kind: u8,
    /// How many slots the key block has.
    pub slots: u8,
    /// 0.
    pub reserved: u8,
    /// Its id.
    pub id: [u8; 16],
}

/// What a recipient entry names.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_recipient_description {
    /// The type of the entry (format.md 5.1).
    pub kind: u8,
    /// 0.
    pub reserved: [u8; 3],
    /// Of a keyset: its version; otherwise 0.
    pub version: u32,
    /// The id of a keyset or of a device key, or the 8 bytes of a fingerprint; zeros otherwise.
    pub id: [u8; 16],
}

impl Plain for sealwax_envelope_description {}
impl Plain for sealwax_recipient_description {}

/// Reads the header of a sealed file or keyset file. Needs no key, and nothing is authenticated.
///
/// `recipients` is room for `recipient_room` descriptions, of which the first ones are written;
/// `stored` is room for `stored_size` bytes of encoded context. `*stored_len` becomes its length.
///
/// Errors: SEALWAX_ERROR_BUFFER_TOO_SMALL (the stored context: `*stored_len` bytes are needed),
/// _IO, _FORMAT, _TRUNCATED, _LIMIT, _INVALID_ARGUMENT (NULL, overlap). `recipients` are then wiped
/// or untouched, and nothing else is written. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_inspect_path(
    file: *const c_char,
    description: *mut sealwax_envelope_description,
    recipients: *mut sealwax_recipient_description,
    recipient_room: usize,
    stored: *mut u8,
    stored_size: usize,
    stored_len: *mut usize,
) -> i32 {
    call(|borrows| {
        let stored_len = borrows.output_len(stored_len)?;
        let file = path(borrows, file)?;
        let description = borrows.output_value(description)?;
        let stored = borrows.output(stored, stored_size)?;
        let recipients = borrows.output_values(recipients, recipient_room)?;
        let front = read_front(file)?;
        let header = Header::parse(&front, DEFAULT_MAX_HEADER_LEN)?;
        put(stored, header.stored_context().as_bytes(), stored_len)?;
        for (out, entry) in recipients.iter_mut().zip(header.entries()) {
            *out = describe(&entry);
        }
        *description = sealwax_envelope_description {
            header_len: header.len() as u64,
            epoch: header.epoch(),
            chunk_len: header.chunk_len().plaintext_len() as u32,
            recipient_count: header.entries().count() as u32,
            suite: header.suite() as u8,
            kind: header.kind() as u8,
            slots: header.slots().0,
            reserved: 0,
            id: header.envelope_id().0,
        };
        Ok(())
    })
}

fn describe(entry: &Entry<'_>) -> sealwax_recipient_description {
    let mut description = sealwax_recipient_description {
        kind: entry.kind().number(),
        reserved: [0; 3],
        version: 0,
        id: [0; 16],
    };
    match entry {
        Entry::Keyset { keyset, version, .. } => {
            description.version = version.value();
            description.id = keyset.0;
        }
        Entry::X25519 { fingerprint, .. } | Entry::XWing { fingerprint, .. } => {
            description.id[..8].copy_from_slice(&fingerprint.0);
        }
        Entry::RawKey { id, .. } => description.id = id.0,
        _ => {}
    }
    description
}

/// As many bytes as the header has.
pub(crate) fn read_front(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    let mut file = File::open(path).map_err(Error::Io)?;
    let mut front = Vec::new();
    loop {
        let (Need::AtLeast(need) | Need::Whole(need)) =
            Header::need(&front, DEFAULT_MAX_HEADER_LEN)?;
        if need <= front.len() {
            return Ok(front);
        }
        let missing = (need - front.len()) as u64;
        if (&mut file).take(missing).read_to_end(&mut front).map_err(Error::Io)? == 0 {
            return Err(Error::Truncated.into());
        }
    }
}
