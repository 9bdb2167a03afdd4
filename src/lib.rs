// SPDX-License-Identifier: MIT OR Apache-2.0
//! Envelope encryption and key management with one published format.
//!
//! The format is [docs/format.md](https://github.com/sealwax/sealwax/blob/main/docs/format.md): seekable,
//! committing, with key ids, recipients and context.
//!
//! - A [`Keyset`] is one logical key with versions. It seals *tokens*: small values such as database fields.
//! - A [`Sealer`] makes *envelopes*: messages, streams and files for one or more recipients.
//! - An [`Opener`] opens them: in memory, as a stream, by position, from path to path.
//!
//! ```
//! # fn main() -> sealwax::Result<()> {
//! use sealwax::{Context, Keyset, Opener, Sealer, Suite};
//!
//! let mut keyset = Keyset::generate("default", Suite::Cobblestone256)?;
//! let row = Context::new().with("table", "users")?.with("row", "42")?;
//! let token = keyset.seal(b"4111 1111 1111 1111", &row)?;
//!
//! keyset.rotate(Suite::Cobblestone256)?;
//! assert_eq!(keyset.open(&token, &row)?.as_slice(), b"4111 1111 1111 1111");
//!
//! let envelope = Sealer::new().recipient(&keyset).seal(b"a longer message")?;
//! let opened = Opener::new().key(&keyset).open(&envelope)?;
//! assert_eq!(opened.plaintext.as_slice(), b"a longer message");
//! # Ok(()) }
//! ```
//!
//! # Features
//!
//! `std` (default): files, threads, the system's random source. `aws-lc` (default) or `ring`: the AEAD backend; with neither,
//! RustCrypto. `alloc`: without `std`, owned keysets and sealing into a `Vec`. `tokio`: adapters for async streams.
//! With no features at all the crate needs neither `std` nor a heap: [`device`], tokens, and opening of envelopes, all with suite 2;
//! `suite-1` and `x-wing` add what their names say.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Without `std`, the parts of the format that only the upper tiers write have no user.
#![cfg_attr(not(feature = "std"), allow(dead_code))]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "std")]
pub mod atomic;
#[cfg(feature = "std")]
pub mod census;
pub mod chunked;
mod derive;
pub mod device;
pub mod envelope;
pub mod error;
mod format;
pub mod id;
#[cfg(feature = "alloc")]
pub mod keyset;
#[cfg(feature = "std")]
mod locked;
mod primitives;
pub mod rng;
pub mod secret;
#[cfg(all(test, feature = "std"))]
#[path = "../tests/kit/shared.rs"]
mod shared_vectors;
#[cfg(feature = "std")]
pub mod store;
#[cfg(feature = "std")]
pub mod stream;
pub mod token;
pub mod transit;
mod value;
pub mod wrap;

#[cfg(feature = "alloc")]
pub use envelope::{Opened, Opener, Rewrapper, Sealer};
pub use error::{Error, ErrorKind, Result};
pub use format::context;
#[cfg(feature = "alloc")]
pub use format::context::Context;
pub use id::{Algorithm, Suite};
#[cfg(feature = "alloc")]
pub use keyset::Keyset;
pub use primitives::BACKEND;
#[cfg(feature = "std")]
pub use secret::memory_protection;
pub use wrap::{KeyWrap, OpenedVia};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
