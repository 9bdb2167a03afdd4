// SPDX-License-Identifier: MIT OR Apache-2.0
//! What pages are to the system. In children of one thread, where nobody else maps anything.

use std::io::Read;

use super::*;
use crate::secret::memory::ForkPage;
use crate::secret::memory::tests::in_forked_child;

/// /proc/self/smaps, into room that was there before: to read it maps nothing.
struct Mappings(String);

impl Mappings {
    fn new() -> Self {
        Mappings(String::with_capacity(4 << 20))
    }

    fn read(&mut self) {
        self.0.clear();
        let mut file = std::fs::File::open("/proc/self/smaps").expect("it is ours");
        file.read_to_string(&mut self.0).expect("it can be read");
        assert!(self.0.capacity() == 4 << 20, "there was room");
    }

    /// Each mapping's addresses, access and flags.
    fn all(&self) -> impl Iterator<Item = (std::ops::Range<usize>, &str, &str)> {
        let mut head = None;
        self.0.lines().filter_map(move |line| {
            if let Some(flags) = line.strip_prefix("VmFlags:") {
                let (range, access) = head.take()?;
                return Some((range, access, flags));
            }
            let mut words = line.split(' ');
            let (from, to) = words.next()?.split_once('-')?;
            let parse = |text| usize::from_str_radix(text, 16).ok();
            head = Some((parse(from)?..parse(to)?, words.next()?));
            None
        })
    }

    fn len(&self) -> usize {
        self.all().map(|(range, ..)| range.len()).sum()
    }

    /// Access and flags at this address; nothing where nothing is mapped.
    fn at(&self, address: usize) -> (&str, &str) {
        let found = self.all().find(|(range, ..)| range.contains(&address));
        found.map_or(("", ""), |(_, access, flags)| (access, flags))
    }
}

/// Makes a page, looks at it, and drops it: what it was, and what is mapped then that was not before.
fn look(make: impl FnOnce() -> Page, mut mappings: Mappings) -> usize {
    mappings.read();
    let before = mappings.len();
    let page = make();
    let (len, base) = (page.len(), page.address().as_ptr().addr());
    assert_eq!((len, base % len), (rustix::param::page_size(), 0));
    assert_eq!(Page::base_of(page.address()), base);
    // SAFETY: the page is ours, and has so many bytes.
    let bytes = unsafe { core::slice::from_raw_parts_mut(page.address().as_ptr(), len) };
    assert!(bytes.iter().all(|byte| *byte == 0));
    bytes.fill(7);
    mappings.read();
    for guard in [base - len, base - 1, base + len, base + 2 * len - 1] {
        assert_eq!(mappings.at(guard).0, "---p");
    }
    for inside in [base, base + len - 1] {
        let (access, flags) = mappings.at(inside);
        assert!(access.starts_with("rw-"), "{access}");
        let has = |flag| flags.split(' ').any(|word| word == flag);
        let Granted { locked, secret_memory, no_dump, gone_on_fork, guarded } = page.granted;
        assert!(guarded.is_on());
        assert_eq!(locked.is_on(), has("lo"), "{flags}");
        assert_eq!(no_dump.is_on(), has("dd"), "{flags}");
        assert_eq!(gone_on_fork.is_on(), has("wf") || has("dc"), "{flags}");
        assert_eq!(secret_memory.is_on(), has("sh"), "{flags}");
    }
    drop(page);
    mappings.read();
    mappings.len() - before
}

#[test]
fn a_page_lies_between_two_that_cannot_be_touched_and_all_three_go_with_it() {
    let mappings = Mappings::new();
    in_forked_child(|| assert_eq!(look(Page::new, mappings), 0));
    let mappings = Mappings::new();
    in_forked_child(|| {
        let plain = || mapped::plain(page_len(), "not asked for").expect("mapped");
        assert_eq!(look(plain, mappings), 0);
    });
}

#[test]
fn the_page_that_tells_a_child_from_its_parent_goes_when_it_is_dropped() {
    let mut mappings = Mappings::new();
    in_forked_child(|| {
        mappings.read();
        let before = mappings.len();
        let page = ForkPage::new();
        drop(page);
        mappings.read();
        assert_eq!(mappings.len(), before);
    });
}

#[test]
fn a_page_is_of_secret_memory_where_the_kernel_has_it() {
    in_forked_child(|| {
        let has = mapped::secret_file(page_len()).is_ok();
        assert_eq!(Page::new().granted.secret_memory.is_on(), has);
    });
}

#[test]
fn a_page_is_plain_where_a_file_cannot_be_mapped_and_no_guard_is_left() {
    let mappings = Mappings::new();
    in_forked_child(|| {
        // Nobody may write to it.
        let file = std::fs::File::open("/dev/zero").expect("it is there").into();
        let plain = || mapped::of_file(&file, page_len()).expect("mapped");
        // What lay between the guards may have been another thread's by then, and stays.
        assert!(look(plain, mappings) <= page_len());
    });
}

#[test]
fn a_page_that_the_system_does_not_give_says_so() {
    let page = Page::plain();
    let Granted { locked, secret_memory, no_dump, gone_on_fork, guarded } = page.granted;
    for outcome in [locked, secret_memory, no_dump, gone_on_fork, guarded] {
        assert!(!outcome.is_on());
    }
    assert_eq!(page.len(), page_len());
}
