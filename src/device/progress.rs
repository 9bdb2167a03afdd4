// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far an opening came: what a device keeps over a power cut.

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::format::reader::{End, Reader};
use crate::format::writer::Writer;
use crate::primitives::{RunningHash, STATE_LEN, ct_eq, hash};

/// Length of a kept progress, in bytes.
pub const LEN: usize = 8 + 32 + 8 + STATE_LEN + CHECK_LEN;

/// How far an opening came, and of which payload.
///
/// `"SWXP" || 0x01 || ended u8 || digest u8 || 0x00 || commitment[32] || next u64 || SHA-256's
/// state || check[16]`. The check finds a torn write and authenticates nothing: progress is kept
/// where the opened image is, and trusted as much.
pub struct Progress {
    pub(super) commitment: [u8; 32],
    pub(super) next: u64,
    pub(super) ended: bool,
    pub(super) digest: Option<RunningHash>,
}

impl Progress {
    pub(super) fn encode(&self, out: &mut [u8; LEN]) {
        let Progress { commitment, next, ended, digest } = self;
        // Up to 63 bytes of plaintext.
        let mut state = Zeroizing::new([0; STATE_LEN]);
        if let Some(digest) = digest {
            digest.keep(&mut state);
        }
        let (record, check) = out.split_at_mut(LEN - CHECK_LEN);
        let mut writer = Writer::new(record);
        writer.put(MAGIC).put(&[1, u8::from(*ended), u8::from(digest.is_some()), 0]);
        writer.put(commitment).put(&next.to_be_bytes()).put(&*state);
        writer.finish();
        check.copy_from_slice(&hash(&[LABEL, record])[..CHECK_LEN]);
    }

    /// Reads what [`super::Opening::progress`] wrote.
    ///
    /// # Errors
    /// `Format` where it is torn or something else.
    pub fn parse(bytes: &[u8; LEN]) -> Result<Self> {
        let wrong = Error::format("progress", "this progress is torn or something else");
        let (record, check) = bytes.split_at(LEN - CHECK_LEN);
        let expected: [u8; 32] = hash(&[LABEL, record]);
        let (expected, check) = (expected.first_chunk::<CHECK_LEN>(), check.first_chunk());
        let (Some(expected), Some(check)) = (expected, check) else { return Err(wrong) };
        if !ct_eq(expected, check) || !record.starts_with(MAGIC) {
            return Err(wrong);
        }
        let mut reader = Reader::new(&record[MAGIC.len()..], End::of("progress"));
        let [version, ended, digest, zero] = *reader.array()?;
        if version != 1 || ended > 1 || digest > 1 || zero != 0 {
            return Err(wrong);
        }
        let commitment = *reader.array()?;
        let next = reader.u64()?;
        let state = reader.array()?;
        let digest = match digest {
            0 => None,
            _ => match RunningHash::restore(state) {
                Some(digest) => Some(digest),
                None => return Err(wrong),
            },
        };
        Ok(Progress { commitment, next, ended: ended == 1, digest })
    }
}

const MAGIC: &[u8; 4] = b"SWXP";
const LABEL: &[u8] = b"sealwax/progress\0";
const CHECK_LEN: usize = 16;
