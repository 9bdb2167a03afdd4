// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory module, with pages and forked processes of the tests' own; the arena itself is the library's file.

pub mod fork;
pub mod page;
#[path = "../../../src/secret/memory/protection.rs"]
pub mod protection;

pub use fork::fork_generation;

pub mod arena {
    use super::getrandom;
    include!(concat!(env!("OUT_DIR"), "/arena.rs"));
    include!("pool.rs");
}
/// Gives a place back before it is wiped.
pub mod late_wipe {
    use super::getrandom;
    include!(concat!(env!("OUT_DIR"), "/late_wipe.rs"));
    include!("pool.rs");
}
/// Looks whether there is a pool, and then puts one there, whatever came meanwhile.
pub mod two_pools {
    use super::getrandom;
    include!(concat!(env!("OUT_DIR"), "/two_pools.rs"));
    include!("pool.rs");
}

/// The same canaries each time: what a schedule does must not depend on chance.
mod getrandom {
    pub(super) fn fill(out: &mut [u8]) -> Result<(), ()> {
        out.fill(0x5a);
        Ok(())
    }
}
