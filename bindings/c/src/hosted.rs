// SPDX-License-Identifier: MIT OR Apache-2.0
//! What needs an operating system: keys on the heap, files, streams, stores, backups.

pub mod backup;
pub mod inspect;
pub mod job;
pub mod key;
pub mod keyset;
pub mod provider;
pub mod store;
pub mod stream;
pub mod watch;
