// SPDX-License-Identifier: MIT OR Apache-2.0
//! The leases of a store, in every order of threads that shuttle tries.
//!
//! What the meter needs of the library stands here in its least form; the meter itself is the library's file. Shuttle's
//! atomics are sequentially consistent: it tries orders of threads, not those of weak memory.
#![allow(dead_code)]

pub mod error {
    //! Errors, without their kinds.

    #[derive(Debug, PartialEq, Eq)]
    pub enum Error {
        Limit(&'static str),
        Misuse(&'static str),
    }

    pub type Result<T> = std::result::Result<T, Error>;
}

pub mod id {
    //! Ids.

    #[derive(Clone, Copy, Debug)]
    pub struct VersionId(pub u32);
}

pub mod secret {
    pub mod memory {
        //! Which process this is: a test says.

        use shuttle::sync::atomic::{AtomicU64, Ordering};

        shuttle::lazy_static! {
            static ref GENERATION: AtomicU64 = AtomicU64::new(1);
        }

        pub fn fork_generation() -> u64 {
            GENERATION.load(Ordering::SeqCst)
        }

        /// What a forked child sees.
        pub fn fork() {
            GENERATION.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[path = "../../../src/keyset/usage.rs"]
pub mod usage;

pub mod keyset {
    pub use crate::usage;

    pub mod meter {
        include!(concat!(env!("OUT_DIR"), "/meter.rs"));
        include!("leases.rs");
    }
    pub mod racy {
        include!(concat!(env!("OUT_DIR"), "/racy.rs"));
        include!("leases.rs");
    }
}

#[cfg(test)]
mod tests {
    use crate::keyset::{meter, racy};

    /// Random orders, and orders that change the thread that runs at few places.
    fn every_order(name: &str, claim: fn()) {
        const SCHEDULES: usize = 20_000;
        shuttle::check_random(claim, SCHEDULES);
        shuttle::check_pct(claim, SCHEDULES, 3);
        println!("interleavings: {name}: {} schedules", 2 * SCHEDULES);
    }

    #[test]
    fn no_lease_goes_past_the_limit() {
        every_order("no lease goes past the limit", meter::leases::never_past_the_limit);
    }

    #[test]
    fn what_is_given_back_was_not_used() {
        every_order("what is given back was not used", meter::leases::given_back_once);
    }

    #[test]
    fn failed_opens_are_counted_once() {
        every_order("failed opens are counted once", meter::leases::failed_opens_are_counted_once);
    }

    #[test]
    fn a_forked_child_owns_nothing() {
        every_order("a forked child owns nothing", meter::leases::a_child_owns_nothing);
    }

    #[test]
    #[should_panic(expected = "were sealed")]
    fn a_planted_race_is_found() {
        shuttle::check_random(racy::leases::never_past_the_limit, 20_000);
    }
}
