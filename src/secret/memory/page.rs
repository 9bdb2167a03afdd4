// SPDX-License-Identifier: MIT OR Apache-2.0
//! One page for secrets between two that cannot be touched, with what the system grants for it.

use core::ptr::NonNull;

use super::protection::Outcome;

/// What one page has of each protection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    pub(super) locked: Outcome,
    pub(super) secret_memory: Outcome,
    pub(super) no_dump: Outcome,
    pub(super) gone_on_fork: Outcome,
    pub(super) guarded: Outcome,
}

impl Granted {
    #[cfg(all(unix, not(miri)))]
    pub(super) const EVERYTHING: Granted = Granted {
        locked: Outcome::On,
        secret_memory: Outcome::On,
        no_dump: Outcome::On,
        gone_on_fork: Outcome::On,
        guarded: Outcome::On,
    };

    pub(super) fn and(self, other: Granted) -> Granted {
        Granted {
            locked: self.locked.and(other.locked),
            secret_memory: self.secret_memory.and(other.secret_memory),
            no_dump: self.no_dump.and(other.no_dump),
            gone_on_fork: self.gone_on_fork.and(other.gone_on_fork),
            guarded: self.guarded.and(other.guarded),
        }
    }
}

/// A page of zeros, aligned to its length, and what was granted for it.
pub(super) struct Page {
    bytes: NonNull<u8>,
    len: usize,
    pub(super) granted: Granted,
}

// SAFETY: the page is owned memory without thread affinity.
unsafe impl Send for Page {}

impl Page {
    pub(super) fn address(&self) -> NonNull<u8> {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The page that an address is in.
    pub(super) fn base_of(address: NonNull<u8>) -> usize {
        address.as_ptr().addr() & !(page_len() - 1)
    }

    /// Never fails: where the system refuses pages, it is plain memory and says so.
    pub(super) fn new() -> Self {
        #[cfg(all(unix, not(miri)))]
        if let Some(page) = mapped::new(page_len()) {
            return page;
        }
        Page::plain()
    }

    fn plain() -> Self {
        let layout = Self::layout();
        // SAFETY: the layout has a length.
        let bytes = unsafe { std::alloc::alloc_zeroed(layout) };
        let Some(bytes) = NonNull::new(bytes) else { std::alloc::handle_alloc_error(layout) };
        let none = Outcome::Off("this system gives no pages of its own to secrets");
        let granted = Granted {
            locked: none,
            secret_memory: none,
            no_dump: none,
            gone_on_fork: none,
            guarded: none,
        };
        Page { bytes, len: page_len(), granted }
    }

    fn layout() -> std::alloc::Layout {
        std::alloc::Layout::from_size_align(page_len(), page_len()).expect("a page is aligned")
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        #[cfg(all(unix, not(miri)))]
        if self.granted.guarded.is_on() {
            mapped::release(self.bytes, self.len);
            return;
        }
        // SAFETY: `plain` took it with this layout, and nothing refers to it any more.
        unsafe { std::alloc::dealloc(self.bytes.as_ptr(), Self::layout()) };
    }
}

#[cfg(all(unix, not(miri)))]
fn page_len() -> usize {
    rustix::param::page_size()
}

#[cfg(not(all(unix, not(miri))))]
fn page_len() -> usize {
    4096
}

#[cfg(all(unix, not(miri)))]
mod mapped {
    use core::ffi::c_void;
    use core::ptr::NonNull;
    use std::os::fd::OwnedFd;

    use rustix::io::Errno;
    #[cfg(target_os = "linux")]
    use rustix::mm::{Advice, madvise};
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mlock, mmap_anonymous, mprotect, munmap};

    use super::{Granted, Outcome, Page};

    /// Maps three pages of which the one in the middle can be used.
    pub(super) fn new(len: usize) -> Option<Page> {
        match secret_file(len) {
            Ok(file) => of_file(&file, len),
            Err(reason) => plain(len, reason),
        }
    }

    /// The page in the middle is this file's, or plain where the system refuses that.
    pub(super) fn of_file(file: &OwnedFd, len: usize) -> Option<Page> {
        let all = reserve(len)?;
        match map_secret(file, all.wrapping_byte_add(len), len) {
            Ok(granted) => page(all, len, granted),
            Err(reason) => {
                // A mapping that failed may have left a hole, and another thread may have filled it: only the guards are ours.
                for guard in [all, all.wrapping_byte_add(2 * len)] {
                    // SAFETY: the mapping just made, which nothing refers to.
                    let _ = unsafe { munmap(guard, len) };
                }
                plain(len, reason)
            }
        }
    }

    pub(super) fn plain(len: usize, no_secret_memory: &'static str) -> Option<Page> {
        let all = reserve(len)?;
        let middle = all.wrapping_byte_add(len);
        // SAFETY: the range is the middle of the mapping just made, which nothing refers to yet.
        if unsafe { mprotect(middle, len, MprotectFlags::READ | MprotectFlags::WRITE) }.is_err() {
            release(NonNull::new(middle.cast())?, len);
            return None;
        }
        page(all, len, protect(middle, len, no_secret_memory))
    }

    fn reserve(len: usize) -> Option<*mut c_void> {
        // SAFETY: a fresh private anonymous mapping overlaps nothing.
        unsafe {
            mmap_anonymous(core::ptr::null_mut(), 3 * len, ProtFlags::empty(), MapFlags::PRIVATE)
        }
        .ok()
    }

    fn page(all: *mut c_void, len: usize, granted: Granted) -> Option<Page> {
        Some(Page { bytes: NonNull::new(all.wrapping_byte_add(len).cast())?, len, granted })
    }

    pub(super) fn release(bytes: NonNull<u8>, len: usize) {
        let all = bytes.as_ptr().wrapping_sub(len).cast();
        // SAFETY: these three pages were mapped by `reserve`, and nothing refers to them any more.
        let _ = unsafe { munmap(all, 3 * len) };
    }

    /// What an anonymous page can have. The caller mapped it, and nothing refers to it yet.
    fn protect(page: *mut c_void, len: usize, no_secret_memory: &'static str) -> Granted {
        // SAFETY: the range is the caller's mapping.
        let locked = match unsafe { mlock(page, len) } {
            Ok(()) => Outcome::On,
            Err(Errno::PERM) => Outcome::Off("the system permits no locked memory to this process"),
            Err(Errno::NOMEM | Errno::AGAIN) => Outcome::Off(LOCKED_LIMIT),
            Err(_) => Outcome::Off("the system refused to lock memory"),
        };
        let (no_dump, gone_on_fork) = advise(page, len);
        let secret_memory = Outcome::Off(no_secret_memory);
        Granted { locked, secret_memory, no_dump, gone_on_fork, guarded: Outcome::On }
    }

    #[cfg(target_os = "linux")]
    fn advise(page: *mut c_void, len: usize) -> (Outcome, Outcome) {
        let refused = Outcome::Off("the system refused it");
        let advise = |advice| {
            // SAFETY: the range is a mapping that nothing refers to yet.
            match unsafe { madvise(page, len, advice) } {
                Ok(()) => Outcome::On,
                Err(_) => refused,
            }
        };
        (advise(Advice::LinuxDontDump), advise(Advice::LinuxWipeOnFork))
    }

    #[cfg(not(target_os = "linux"))]
    fn advise(_: *mut c_void, _: usize) -> (Outcome, Outcome) {
        let none = Outcome::Off("this system has no such protection");
        (none, none)
    }

    /// Memory of so many bytes that not even the kernel has mapped.
    #[cfg(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
    ))]
    pub(super) fn secret_file(len: usize) -> Result<OwnedFd, &'static str> {
        use core::ffi::{c_int, c_long};
        use std::os::fd::FromRawFd;
        /// The same number on these architectures. rustix has no name for the call.
        const MEMFD_SECRET: c_long = 447;
        const CLOSE_ON_EXEC: c_long = 0o2_000_000;
        unsafe extern "C" {
            fn syscall(number: c_long, ...) -> c_long;
        }
        // SAFETY: the call takes flags and touches no memory of ours.
        let number = unsafe { syscall(MEMFD_SECRET, CLOSE_ON_EXEC) };
        let Ok(number @ 0..) = c_int::try_from(number) else {
            return Err("this kernel has no secret memory, or does not permit it");
        };
        // SAFETY: the number of a file that the call just opened, and nobody else has.
        let file = unsafe { OwnedFd::from_raw_fd(number) };
        rustix::fs::ftruncate(&file, len as u64).map_err(|_| LOCKED_LIMIT)?;
        Ok(file)
    }

    /// Maps the file over the page. A forked child would share it, so it has none.
    #[cfg(target_os = "linux")]
    fn map_secret(file: &OwnedFd, page: *mut c_void, len: usize) -> Result<Granted, &'static str> {
        let (access, flags) =
            (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED | MapFlags::FIXED);
        // SAFETY: it replaces a page of the caller's mapping, which nothing refers to yet.
        unsafe { rustix::mm::mmap(page, len, access, flags, file, 0) }.map_err(|_| LOCKED_LIMIT)?;
        // SAFETY: as above.
        match unsafe { madvise(page, len, Advice::LinuxDontFork) } {
            Ok(()) => Ok(Granted::EVERYTHING),
            Err(_) => {
                // SAFETY: as above.
                let _ = unsafe { munmap(page, len) };
                Err("the system would share it with a forked child")
            }
        }
    }

    const LOCKED_LIMIT: &str = "the limit of locked memory is reached (RLIMIT_MEMLOCK)";

    #[cfg(not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
    )))]
    fn secret_file(_: usize) -> Result<OwnedFd, &'static str> {
        Err("this system has no secret memory")
    }

    #[cfg(not(target_os = "linux"))]
    fn map_secret(_: &OwnedFd, _: *mut c_void, _: usize) -> Result<Granted, &'static str> {
        Err("this system has no secret memory")
    }
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests;
