// SPDX-License-Identifier: MIT OR Apache-2.0
//! What needs an operating system: keys on the heap, files, streams.

pub mod inspect;
pub mod job;
pub mod key;
pub mod stream;
