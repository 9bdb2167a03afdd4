// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes to values and back: docs/format.md. No keys, no I/O.

pub(crate) mod backup;
pub mod context;
pub(crate) mod core;
pub(crate) mod entry;
pub(crate) mod key_block;
// Without a heap there is no `Keyset` to be exported with its policy.
#[cfg_attr(not(feature = "alloc"), allow(unreachable_pub))]
pub(crate) mod keyset;
pub(crate) mod payload;
pub(crate) mod reader;
// Its lengths are public in `transit`.
#[allow(unreachable_pub)]
pub(crate) mod record;
#[cfg(feature = "alloc")]
pub(crate) mod strings;
pub(crate) mod token;
pub(crate) mod transit;
#[cfg(feature = "std")]
pub(crate) mod usage;
pub(crate) mod writer;
