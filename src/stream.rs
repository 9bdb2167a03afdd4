// SPDX-License-Identifier: MIT OR Apache-2.0
//! Envelopes as streams: over `Read` and `Write`, over `Read + Seek`, by position, from path to path.

mod ahead;
mod background;
mod buffer;
mod detached;
mod folders;
mod geometry;
mod header;
mod io;
mod memory;
mod path;
mod position;
mod reencrypt;
mod rewrap;
mod seek;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use ahead::AheadReader;
pub use background::PathWriter;
pub use detached::{Detached, DetachedPaths};
pub use folders::{Folders, Found, Unreadable};
pub use header::HeaderReader;
pub use io::{Reader, Writer};
pub use memory::WriteAt;
pub use path::{Control, Damage, Job, Outcome, Verified};
pub use position::{Positioned, ReadAt};
pub use reencrypt::Reencrypted;
pub use rewrap::{Durability, FileRewrap, RewrapJob, Room, Writing};
pub use seek::SeekReader;

pub use crate::locked::open_regular;
