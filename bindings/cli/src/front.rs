// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first bytes of an envelope: enough to see which keys it names.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Header, Need};

use crate::failure::Result;
use crate::keyring::Keyring;

/// Reads the header, where the keyring wants to see it; else nothing. A header that is cut or malformed is for
/// the opener to refuse.
pub(crate) fn read(keyring: &Keyring, input: &mut impl Read) -> Result<Vec<u8>> {
    match keyring.wants_header() {
        true => read_header(input),
        false => Ok(Vec::new()),
    }
}

/// [`read`], and back to the start.
pub(crate) fn read_again(keyring: &Keyring, file: &mut File) -> Result<Vec<u8>> {
    let front = read(keyring, file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(front)
}

/// Reads a header, and nothing after it, as far as it is there.
pub(crate) fn read_header(input: &mut impl Read) -> Result<Vec<u8>> {
    let mut front = Vec::new();
    while let Ok(Need::AtLeast(len) | Need::Whole(len)) =
        Header::need(&front, DEFAULT_MAX_HEADER_LEN)
    {
        let missing = len.saturating_sub(front.len());
        let read = read_on(&mut front, input, missing)?;
        if read < missing || missing == 0 {
            break;
        }
    }
    Ok(front)
}

/// Reads `len` bytes more, or as many as there are.
pub(crate) fn read_on(front: &mut Vec<u8>, input: &mut impl Read, len: usize) -> Result<usize> {
    Ok(input.by_ref().take(len as u64).read_to_end(front)?)
}
