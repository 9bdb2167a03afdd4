// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs on a device: in the caller's memory, without a heap, without an operating system.
//!
//! Keysets are loaded from a provisioned blob, images are opened page by page, and telemetry is
//! sealed chunk by chunk.

pub mod keyset;
mod mapped;
pub mod opening;
pub mod progress;
pub mod sealing;

pub use keyset::{Expected, Family, Head, Identity, Keyset, Version};
pub use mapped::PIECE_LEN;
pub use opening::{Opening, Requirements};
pub use progress::Progress;
pub use sealing::{Plan, Sealing};

pub use crate::envelope::PAYLOAD_PREFIX_LEN;

/// Runs `work` in a call of its own and wipes the stack that it used: for a face that copies keys which its caller gave.
///
/// It wipes as deep as such copies go; what the library does below wipes itself.
pub fn with_wiped_copies<R>(work: impl FnOnce() -> R) -> R {
    crate::secret::memory::with_wiped_stack::<{ crate::secret::memory::FACE_DEPTH }, R>(work)
}

/// Longest start of an envelope that is looked at here: header, salt and commitment, in bytes.
pub const MAX_FRONT_LEN: usize = 2048;
