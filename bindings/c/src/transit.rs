// SPDX-License-Identifier: MIT OR Apache-2.0
//! In transit: a handshake between two parties, and then records (format.md 13).

pub mod handshake;
pub mod kept;
pub mod party;
pub mod session;
