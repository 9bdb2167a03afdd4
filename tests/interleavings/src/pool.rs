// SPDX-License-Identifier: MIT OR Apache-2.0

/// What must hold of an arena, whichever file it was made of.
#[cfg(test)]
pub(crate) mod pool {
    use shuttle::sync::{Arc, Barrier};
    use shuttle::thread;

    use super::*;

    type Secret = [u8; 32];

    /// Holds a secret for a while, so often, and looks whether it is still its own.
    fn holder(number: u8, times: u8) -> thread::JoinHandle<()> {
        thread::spawn(move || {
            for time in 0..times {
                let secret = [number << 4 | time | 0x80; 32];
                let mut slot = Slot::<Secret>::new(secret);
                thread::yield_now();
                assert_eq!(slot.get(), Some(&secret), "another's secret, or none");
                let slot = slot.get_mut().expect("it is here");
                slot[0] ^= 1;
                thread::yield_now();
                assert_eq!((slot[0], slot[31]), (secret[0] ^ 1, secret[31]), "another's secret");
            }
        })
    }

    fn all(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
        threads.into_iter().for_each(|one| one.join().expect("no panic"));
    }

    /// Nothing is held any more: one page at most is left, and gives itself back without a secret.
    fn nothing_is_left() {
        let pages = std::mem::take(&mut *Pool::current().lock());
        assert!(pages.all.len() <= 1, "{} pages are left", pages.all.len());
        assert!(pages.all.values().all(|page| page.secrets == 0 && !page.taken.contains(&true)));
    }

    /// Each secret is its holder's alone until it is wiped, on a page that all share.
    pub(crate) fn no_secret_is_another_s() {
        all((0..3).map(|number| holder(number, 2)).collect::<Vec<_>>());
        nothing_is_left();
    }

    /// Pages that fill up and empty again while others look for room are given back, and wiped.
    pub(crate) fn pages_come_and_go() {
        let mut slots: Vec<_> = (0..4).map(|n| Slot::<Secret>::new([n + 1; 32])).collect();
        let holders: Vec<_> = (0..3).map(|number| holder(number, 2)).collect();
        let kept = slots.split_off(2);
        drop(slots);
        assert_eq!(kept[1].get(), Some(&[4; 32]));
        drop(kept);
        all(holders);
        nothing_is_left();
    }

    /// Threads that come first at once begin one pool.
    pub(crate) fn one_pool_is_begun() {
        let first = || thread::spawn(|| Pool::current() as *const Pool as usize);
        let pools: Vec<_> = [first(), first(), first()].into_iter().map(|one| one.join().expect("no panic")).collect();
        assert!(pools.iter().all(|one| *one == pools[0]), "two pools were begun");
    }

    /// A forked child waits for no lock that a thread of its parent held, has nothing of its parent's, and can have its own.
    pub(crate) fn a_child_begins_its_own() {
        let slot = Slot::<Secret>::new([7; 32]);
        let parents: *const Pool = Pool::current();
        let (held, over) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let other = {
            let (held, over) = (held.clone(), over.clone());
            thread::spawn(move || {
                let pages = Pool::current().lock();
                held.wait();
                over.wait();
                drop(pages);
            })
        };
        held.wait();
        crate::memory::fork::fork();
        assert_eq!(slot.get(), None);
        let holders: Vec<_> = (0..2).map(|number| holder(number, 2)).collect();
        // It is its parent's: nothing is touched, nothing is waited for.
        drop(slot);
        all(holders);
        assert!(!std::ptr::eq(parents, Pool::current()));
        nothing_is_left();
        over.wait();
        other.join().expect("no panic");
    }
}
