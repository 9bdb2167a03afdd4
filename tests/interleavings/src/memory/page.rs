// SPDX-License-Identifier: MIT OR Apache-2.0
//! A page so short that few secrets fill it, which notices when it is given back before it was wiped.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::protection::Outcome;

/// Room for five secrets of 32 bytes.
const LEN: usize = 256;
const LAYOUT: Layout = match Layout::from_size_align(LEN, LEN) {
    Ok(layout) => layout,
    Err(_) => panic!("a page is aligned"),
};

#[derive(Clone, Copy)]
pub(super) struct Granted {
    pub(super) locked: Outcome,
    pub(super) secret_memory: Outcome,
    pub(super) no_dump: Outcome,
    pub(super) gone_on_fork: Outcome,
    pub(super) guarded: Outcome,
}

impl Granted {
    const NOTHING: Granted = {
        let none = Outcome::Off("a page of a test");
        Granted {
            locked: none,
            secret_memory: none,
            no_dump: none,
            gone_on_fork: none,
            guarded: none,
        }
    };

    pub(super) fn and(self, _: Granted) -> Granted {
        self
    }
}

pub(super) struct Page {
    bytes: NonNull<u8>,
    pub(super) granted: Granted,
}

// SAFETY: the page is owned memory without thread affinity.
unsafe impl Send for Page {}

impl Page {
    pub(super) fn new() -> Self {
        // SAFETY: the layout has a length.
        let Some(bytes) = NonNull::new(unsafe { alloc_zeroed(LAYOUT) }) else {
            handle_alloc_error(LAYOUT)
        };
        Page { bytes, granted: Granted::NOTHING }
    }

    pub(super) fn address(&self) -> NonNull<u8> {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        LEN
    }

    pub(super) fn base_of(address: NonNull<u8>) -> usize {
        address.as_ptr().addr() & !(LEN - 1)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the page was allocated with this length, and whoever drops it has the last word.
        let is_wiped = unsafe { self.bytes.cast::<[u8; LEN]>().read() } == [0; LEN];
        // SAFETY: `new` took it with this layout, and nothing refers to it any more.
        unsafe { dealloc(self.bytes.as_ptr(), LAYOUT) };
        assert!(is_wiped || std::thread::panicking(), "a page was given back with a secret");
    }
}
