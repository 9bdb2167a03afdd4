// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tells a forked child from its parent: a page that the child sees as zeros.

#[cfg(target_os = "linux")]
pub(crate) use fork_page::ForkPage;

/// A number that is another in each process that came about by forking. Costs one load, no call to the system.
pub(crate) fn fork_generation() -> u64 {
    #[cfg(target_os = "linux")]
    if let Some(generation) = generation::current() {
        return generation;
    }
    u64::from(std::process::id())
}

#[cfg(target_os = "linux")]
mod generation {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::ForkPage;

    /// The page holds a number, which is 0 in a forked child until that takes one of its own.
    static PAGE: OnceLock<Option<ForkPage>> = OnceLock::new();

    /// `None` where the system does not wipe pages on fork.
    pub(super) fn current() -> Option<u64> {
        let page = PAGE.get_or_init(ForkPage::new).as_ref()?;
        match page.number().load(Ordering::Relaxed) {
            0 => Some(renew(page.number())),
            generation => Some(generation),
        }
    }

    #[cold]
    fn renew(number: &AtomicU64) -> u64 {
        let time = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let fresh = fresh(std::process::id(), time);
        match number.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(other) => other,
        }
    }

    /// The process id differs from that of every living ancestor, and the time from that of a dead one. Never 0.
    fn fresh(id: u32, time: Duration) -> u64 {
        (u64::from(id) << 32) ^ (time.as_secs() << 20) ^ u64::from(time.subsec_nanos()) | 1
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_system_gives_a_number_and_no_call_is_made_for_it() {
            assert_eq!(current().is_some(), ForkPage::new().is_some());
            assert_eq!(current(), current());
        }

        #[test]
        fn a_number_changes_with_every_bit_of_process_and_time_and_is_never_0() {
            for (id, secs, nanos) in
                [(0, 0, 0), (0, 0, 1), (0x0012_3456, 1_800_000_000, 999_999_999)]
            {
                let number = fresh(id, Duration::new(secs, nanos));
                assert_ne!(number, 0);
                for bit in 0..22 {
                    assert_ne!(fresh(id ^ 1 << bit, Duration::new(secs, nanos)), number, "{bit}");
                }
                for bit in 0..32 {
                    assert_ne!(fresh(id, Duration::new(secs ^ 1 << bit, nanos)), number, "{bit}");
                }
                // The lowest bit is always set; what a clock tells apart is longer.
                for bit in 1..29 {
                    assert_ne!(fresh(id, Duration::new(secs, nanos ^ 1 << bit)), number, "{bit}");
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod fork_page {
    use core::ptr::NonNull;
    use core::sync::atomic::AtomicU64;

    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
    use zeroize::Zeroize;

    /// Length of a [`ForkPage`], in bytes.
    pub(crate) const LEN: usize = 4096;

    /// A page of its own that reads as zeros in a forked child and stays out of core dumps.
    pub(crate) struct ForkPage(NonNull<[u8; LEN]>);

    impl ForkPage {
        /// `None` where the system refuses to wipe on fork: the caller then keeps nothing.
        pub(crate) fn new() -> Option<Self> {
            // Miri has no pages and no forked children.
            if cfg!(miri) {
                return None;
            }
            // SAFETY: a fresh private anonymous mapping overlaps nothing.
            let page = unsafe {
                mmap_anonymous(
                    core::ptr::null_mut(),
                    LEN,
                    ProtFlags::READ | ProtFlags::WRITE,
                    MapFlags::PRIVATE,
                )
            }
            .ok()?;
            let page = ForkPage(NonNull::new(page.cast())?);
            let address = page.0.as_ptr().cast();
            // SAFETY: the range is the mapping just made, which nothing refers to yet.
            unsafe { madvise(address, LEN, Advice::LinuxWipeOnFork) }.ok()?;
            // Staying out of core dumps is an extra here: salts become public anyway.
            // SAFETY: as above.
            let _ = unsafe { madvise(address, LEN, Advice::LinuxDontDump) };
            Some(page)
        }

        pub(crate) fn bytes(&mut self) -> &mut [u8; LEN] {
            // SAFETY: the mapping lives as long as self, is readable and writable, and `&mut self`
            // makes this the only reference.
            unsafe { self.0.as_mut() }
        }
    }

    // SAFETY: the page is owned memory without thread affinity.
    unsafe impl Send for ForkPage {}
    // SAFETY: through a shared reference only `number` reaches the page, which is atomic.
    unsafe impl Sync for ForkPage {}

    impl ForkPage {
        /// The first 8 bytes of the page as a number that threads share.
        pub(crate) fn number(&self) -> &AtomicU64 {
            // SAFETY: the page is aligned, readable and writable and lives as long as self; `bytes` needs `&mut self`,
            // so that nothing else refers to it meanwhile.
            unsafe { AtomicU64::from_ptr(self.0.as_ptr().cast()) }
        }
    }

    impl Drop for ForkPage {
        fn drop(&mut self) {
            self.bytes().zeroize();
            // SAFETY: the mapping was made by `new` with this length; no reference outlives self.
            let _ = unsafe { munmap(self.0.as_ptr().cast(), LEN) };
        }
    }

    // Miri has no such pages.
    #[cfg(all(test, not(miri)))]
    mod tests {
        use std::sync::atomic::Ordering;

        use super::*;

        #[test]
        fn the_number_is_the_first_bytes_of_the_page() {
            let Some(mut page) = ForkPage::new() else { return };
            assert_eq!(page.bytes(), &[0; LEN]);
            page.bytes()[..8].fill(7);
            page.bytes()[LEN - 1] = 8;
            assert_eq!(page.number().load(Ordering::Relaxed), 0x0707_0707_0707_0707);
            page.number().store(0, Ordering::Relaxed);
            assert_eq!((page.bytes()[7], page.bytes()[LEN - 1]), (0, 8));
        }
    }
}
