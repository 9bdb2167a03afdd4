// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C face: `include/sealwax.h` is made from this crate, and docs/c-api.md is its manual.
//!
//! The firmware profile needs no heap and no operating system; the feature `hosted` adds files and
//! streams.
#![cfg_attr(not(feature = "hosted"), no_std)]
// To this lint an exported name is unsafe code too. tests/layers.rs sees to it that no other stands
// outside `boundary`.
#![allow(unsafe_code)]
// The names are those of the header.
#![allow(non_camel_case_types)]
// What C passes is checked at run time, in `boundary`; the header says what the caller owes.
#![allow(clippy::missing_safety_doc, clippy::too_many_arguments)]

mod boundary;
pub mod callback;
pub mod context;
#[cfg(feature = "hosted")]
pub mod hosted;
pub mod keyset;
pub mod opening;
pub mod sealing;
pub mod status;
pub mod token;
#[cfg(any(feature = "hosted", feature = "transit"))]
pub mod transit;

#[cfg(all(target_os = "none", not(test)))]
mod panic;
