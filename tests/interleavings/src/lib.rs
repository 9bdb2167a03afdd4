// SPDX-License-Identifier: MIT OR Apache-2.0
//! The leases of a store and the arena of secrets, in every order of threads that shuttle tries.
//!
//! What they need of the library stands here in its least form; they themselves are the library's files. Shuttle's
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

pub mod memory;

pub mod secret {
    pub use crate::memory;
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
    use crate::memory::{arena, late_wipe, two_pools};

    /// How many orders a planted race gets to be found in.
    const ENOUGH: usize = 20_000;

    /// Random orders, and orders that change the thread that runs at few places.
    fn every_order(name: &str, claim: fn()) {
        let asked = std::env::var("SEALWAX_SCHEDULES").ok();
        let schedules = asked.map_or(1_000, |asked| asked.parse().expect("a number"));
        shuttle::check_random(claim, schedules);
        shuttle::check_pct(claim, schedules, 3);
        println!("interleavings: {name}: {} schedules", 2 * schedules);
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
    fn a_planted_race_of_leases_is_found() {
        shuttle::check_random(racy::leases::never_past_the_limit, ENOUGH);
    }

    #[test]
    fn no_secret_in_the_arena_is_another_s() {
        every_order("no secret in the arena is another's", arena::pool::no_secret_is_another_s);
    }

    #[test]
    fn pages_of_the_arena_come_and_go() {
        every_order("pages of the arena come and go", arena::pool::pages_come_and_go);
    }

    #[test]
    fn threads_begin_one_arena() {
        every_order("threads begin one arena", arena::pool::one_pool_is_begun);
    }

    #[test]
    fn a_forked_child_begins_its_own_arena() {
        every_order("a forked child begins its own arena", arena::pool::a_child_begins_its_own);
    }

    #[test]
    #[should_panic(expected = "another's secret")]
    fn a_wipe_that_is_planted_too_late_is_found() {
        shuttle::check_random(late_wipe::pool::no_secret_is_another_s, ENOUGH);
    }

    #[test]
    #[should_panic(expected = "two pools")]
    fn a_second_pool_that_is_planted_is_found() {
        shuttle::check_random(two_pools::pool::one_pool_is_begun, ENOUGH);
    }
}
