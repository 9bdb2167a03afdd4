// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arena: many small secrets on each protected page, between canaries.

use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroize;

use super::fork::fork_generation;
use super::page::{Granted, Page};
use super::protection::Protection;

/// A value in the arena, owned. It is dropped, and its bytes wiped, when this is.
///
/// In a forked child there is nothing behind it any more, and nothing is touched.
pub(crate) struct Slot<T> {
    value: NonNull<T>,
    pool: &'static Pool,
    owned: PhantomData<T>,
}

// SAFETY: a slot owns its value, as a box does.
unsafe impl<T: Send> Send for Slot<T> {}
// SAFETY: a slot gives out its value as a box does.
unsafe impl<T: Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// Takes the value over. The caller wipes the stack that it was made on.
    pub(crate) fn new(value: T) -> Self {
        const {
            assert!(align_of::<T>() <= GRANULE && size_of::<T>() <= LONGEST);
        }
        let pool = Pool::current();
        let slot = pool.allocate(size_of::<T>()).cast::<T>();
        // SAFETY: the slot has the value's length and alignment, and is nobody else's.
        unsafe { slot.write(value) };
        Slot { value: slot, pool, owned: PhantomData }
    }

    /// `None` in a process that was forked since.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        if !self.is_here() {
            return None;
        }
        // SAFETY: in the process that made it the value lives as long as self, and `&self` keeps it from being changed.
        Some(unsafe { self.value.as_ref() })
    }

    /// `None` in a process that was forked since.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        if !self.is_here() {
            return None;
        }
        // SAFETY: as in `get`, and `&mut self` makes it the only reference.
        Some(unsafe { self.value.as_mut() })
    }

    #[inline]
    fn is_here(&self) -> bool {
        self.pool.generation == fork_generation()
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: the value was written by `new` and is dropped once.
            unsafe { self.value.drop_in_place() };
            self.pool.free(self.value.cast(), size_of::<T>());
        }
    }
}

/// All pages of one process. A forked child begins another pool: what it inherits may be locked by a thread that it
/// does not have.
struct Pool {
    generation: u64,
    canary: u64,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    /// By address.
    all: BTreeMap<usize, Usage>,
    /// A page that had room when it was last looked at.
    roomy: usize,
}

/// A page, and which of its granules are taken.
struct Usage {
    page: Page,
    taken: Vec<bool>,
    secrets: usize,
}

static CURRENT: AtomicPtr<Pool> = AtomicPtr::new(core::ptr::null_mut());

impl Pool {
    fn current() -> &'static Pool {
        let found = CURRENT.load(Ordering::Acquire);
        // SAFETY: what is stored here came from a box that is never freed.
        match unsafe { found.as_ref() } {
            Some(pool) if pool.generation == fork_generation() => pool,
            _ => Pool::begin(found),
        }
    }

    #[cold]
    fn begin(old: *mut Pool) -> &'static Pool {
        let mut canary = [0; 8];
        // Without randomness, addresses are what an overwriting program would have to know.
        let _ = getrandom::fill(&mut canary);
        let canary = u64::from_ne_bytes(canary);
        let generation = fork_generation();
        let fresh = Box::into_raw(Box::new(Pool { generation, canary, pages: Mutex::default() }));
        match CURRENT.compare_exchange(old, fresh, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: the box is never freed from here on.
            Ok(_) => unsafe { &*fresh },
            Err(other) => {
                // SAFETY: nobody else saw the box.
                drop(unsafe { Box::from_raw(fresh) });
                // SAFETY: as in `current`. Another thread of this process put it there just now.
                unsafe { &*other }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for `len` bytes, with a canary before and behind.
    fn allocate(&self, len: usize) -> NonNull<u8> {
        let granules = granules_of(len);
        let start = self.lock().take(granules);
        for canary in ends(start, granules) {
            // SAFETY: both ends of the run are in the page, aligned, and this slot's alone.
            unsafe { canary.write(self.canary_at(canary)) };
        }
        // SAFETY: the run has more than one granule.
        unsafe { start.add(GRANULE) }
    }

    /// Wipes the room and gives it back.
    fn free(&self, slot: NonNull<u8>, len: usize) {
        let granules = granules_of(len);
        // SAFETY: `allocate` put a canary of one granule before the slot.
        let start = unsafe { slot.sub(GRANULE) };
        // SAFETY: both ends are canaries of this slot.
        let whole = ends(start, granules).iter().all(|c| unsafe { c.read() } == self.canary_at(*c));
        // SAFETY: the run is this slot's alone, and nothing refers to it any more.
        unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), granules * GRANULE) }.zeroize();
        if !whole {
            // Something wrote out of its bounds and into keys: nothing here is to be believed any more.
            eprintln!("sealwax: the memory of a key was overwritten");
            std::process::abort();
        }
        self.lock().give_back(start, granules);
    }

    fn canary_at(&self, address: NonNull<u64>) -> u64 {
        self.canary ^ address.as_ptr().addr() as u64
    }
}

/// Where the canaries of a run are.
fn ends(start: NonNull<u8>, granules: usize) -> [NonNull<u64>; 2] {
    // SAFETY: a run of so many granules begins there.
    let last = unsafe { start.add((granules - 1) * GRANULE) };
    [start.cast(), last.cast()]
}

impl Pages {
    /// Takes a run of granules, on the first page that has one.
    fn take(&mut self, granules: usize) -> NonNull<u8> {
        if let Some(start) = self.all.get_mut(&self.roomy).and_then(|page| page.take(granules)) {
            return start;
        }
        for (base, page) in &mut self.all {
            if let Some(start) = page.take(granules) {
                self.roomy = *base;
                return start;
            }
        }
        self.roomy = self.add();
        let page = self.all.get_mut(&self.roomy).expect("it was just put there");
        page.take(granules).expect("a slot is shorter than an empty page")
    }

    fn add(&mut self) -> usize {
        let page = Page::new();
        let (base, granules) = (page.address().as_ptr().addr(), page.len() / GRANULE);
        self.all.insert(base, Usage { page, taken: vec![false; granules], secrets: 0 });
        base
    }

    fn give_back(&mut self, start: NonNull<u8>, granules: usize) {
        let base = Page::base_of(start);
        let page = self.all.get_mut(&base).expect("a slot is on a page");
        let first = (start.as_ptr().addr() - base) / GRANULE;
        page.taken[first..first + granules].fill(false);
        page.secrets -= 1;
        self.roomy = base;
        // One empty page stays, for whoever comes and goes.
        if page.secrets == 0 && self.all.values().filter(|page| page.secrets == 0).count() > 1 {
            self.all.remove(&base);
        }
    }
}

impl Usage {
    fn take(&mut self, granules: usize) -> Option<NonNull<u8>> {
        let mut free = 0;
        for at in 0..self.taken.len() {
            free = if self.taken[at] { 0 } else { free + 1 };
            if free == granules {
                let first = at + 1 - granules;
                self.taken[first..=at].fill(true);
                self.secrets += 1;
                // SAFETY: the granule is in the page.
                return Some(unsafe { self.page.address().add(first * GRANULE) });
            }
        }
        None
    }
}

pub(super) fn protection() -> Protection {
    let mut pages = Pool::current().lock();
    if pages.all.is_empty() {
        pages.add();
    }
    let granted = pages.all.values().map(|page| page.page.granted);
    let Granted { locked, secret_memory, no_dump, gone_on_fork, guarded } =
        granted.reduce(Granted::and).expect("there is a page");
    let bytes = |is_locked: bool| -> usize {
        let of_kind = |page: &&Usage| page.page.granted.locked.is_on() == is_locked;
        pages.all.values().filter(of_kind).map(|page| page.page.len()).sum()
    };
    Protection {
        locked,
        secret_memory,
        no_dump,
        gone_on_fork,
        guarded,
        secrets: pages.all.values().map(|page| page.secrets).sum(),
        locked_bytes: bytes(true),
        unlocked_bytes: bytes(false),
    }
}

/// How many granules a secret takes, with its two canaries.
fn granules_of(len: usize) -> usize {
    len.div_ceil(GRANULE) + 2
}

/// What places on a page are counted in, in bytes: a canary.
const GRANULE: usize = 8;
/// The longest value, in bytes.
const LONGEST: usize = 2048;

#[cfg(test)]
mod tests;
