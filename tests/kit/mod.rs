// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests share. Encodings and derivations here are written from docs/format.md, not from `src`.
#![allow(dead_code)]

pub(crate) mod beside;
pub(crate) mod envelopes;
pub(crate) mod expect;
pub(crate) mod faces;
pub(crate) mod handshake_vectors;
pub(crate) mod keys;
pub(crate) mod keyset_vectors;
pub(crate) mod perfect;
pub(crate) mod random;
pub(crate) mod record_vectors;
pub(crate) mod shared;
pub(crate) mod specimens;
