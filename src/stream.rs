// SPDX-License-Identifier: MIT OR Apache-2.0
//! Envelopes as streams: over `Read` and `Write`, over `Read + Seek`, by position, from path to path.

mod buffer;
mod geometry;
mod io;
mod path;
mod position;
mod seek;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use io::{Reader, Writer};
pub use path::{Control, Damage, Job, Outcome, Verified};
pub use position::{Positioned, ReadAt};
pub use seek::SeekReader;
