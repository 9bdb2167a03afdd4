// SPDX-License-Identifier: MIT OR Apache-2.0
//! SHA-256 of what comes bit by bit, in a state that can be kept over a power cut.

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

use super::HASH_LEN;

/// Length of a kept state, in bytes.
pub(crate) const STATE_LEN: usize = size_of::<SerializedState<Sha256>>();

/// SHA-256 (FIPS 180-4) of the pieces taken so far.
#[derive(Clone)]
pub(crate) struct RunningHash(Sha256);

impl RunningHash {
    pub(crate) fn new() -> Self {
        let mut hash = Sha256::new();
        // Its buffer begins as what stood on the stack, keys among it, and would be moved with it: once filled, it does not.
        hash.update([0; 63]);
        hash.reset();
        RunningHash(hash)
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn value(&self) -> [u8; HASH_LEN] {
        self.0.clone().finalize().into()
    }

    /// The state as bytes. They show the last up to 63 bytes that were hashed.
    pub(crate) fn keep(&self, out: &mut [u8; STATE_LEN]) {
        out.copy_from_slice(&self.0.serialize());
    }

    /// `None` where these bytes are no state.
    pub(crate) fn restore(state: &[u8; STATE_LEN]) -> Option<Self> {
        let state: &SerializedState<Sha256> = state.as_slice().try_into().ok()?;
        Sha256::deserialize(state).ok().map(RunningHash)
    }
}
