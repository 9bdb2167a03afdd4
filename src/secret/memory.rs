// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory of secrets: the arena where long-lived ones are held, and wiping of dead stack.
#![allow(unsafe_code)]

#[cfg(feature = "std")]
mod arena;
#[cfg(feature = "alloc")]
mod boxed;
#[cfg(feature = "std")]
mod fork;
#[cfg(feature = "std")]
mod page;
#[cfg(feature = "std")]
mod protection;
#[cfg(all(feature = "std", target_arch = "x86_64", not(miri)))]
mod registers;
mod stack;
#[cfg(all(test, feature = "std", target_os = "linux", not(miri)))]
pub(crate) mod tests;

#[cfg(feature = "std")]
pub(crate) use arena::Slot;
#[cfg(feature = "alloc")]
pub(crate) use boxed::Boxed;
#[cfg(all(feature = "std", target_os = "linux"))]
pub(crate) use fork::ForkPage;
#[cfg(feature = "std")]
pub(crate) use fork::fork_generation;
#[cfg(feature = "std")]
pub use protection::{Outcome, Protection, memory_protection};
pub(crate) use stack::{
    CHUNKS_DEPTH, EPOCH_DEPTH, FACE_DEPTH, HANDSHAKE_DEPTH, HEADER_DEPTH, KEPT_DEPTH,
    KEY_PAIR_DEPTH, OPENING_DEPTH, PLAIN_KEYSET_DEPTH, PUBLIC_KEY_DEPTH, RECORD_DEPTH,
    SEALING_DEPTH, SESSION_DEPTH, TOKEN_DEPTH, VALUE_DEPTH, X_WING_DEPTH, X_WING_PAIR_DEPTH,
    X_WING_SEALING_DEPTH, try_with_wiped_stack, with_wiped_stack,
};
