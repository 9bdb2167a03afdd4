// SPDX-License-Identifier: MIT OR Apache-2.0
//! The threads that a call begins: what they leave on their stacks, which the C library keeps for those that come after.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The dead stacks of those that ended.
static ENDED: Mutex<Vec<Vec<u64>>> = Mutex::new(Vec::new());
/// How many have not.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Waits until all of them ended. On a shallow stack: the caller's is still to be looked at.
pub(crate) fn wait() {
    while RUNNING.load(Ordering::SeqCst) != 0 {
        std::thread::yield_now();
    }
}

/// The dead stacks, each once.
pub(crate) fn take() -> Vec<Vec<u64>> {
    std::mem::take(&mut *ENDED.lock().expect("nobody panics with it"))
}

/// Where a thread's begin can be taken over from the C library.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod begin {
    use std::ffi::{CStr, c_char, c_int, c_void};
    use std::sync::atomic::Ordering;

    use super::super::watch::{dead_stack_after, is_watched, unwatched};
    use super::{ENDED, RUNNING};

    type Start = extern "C" fn(*mut c_void) -> *mut c_void;
    type Create = unsafe extern "C" fn(*mut usize, *const c_void, Start, *mut c_void) -> c_int;

    /// What a thread was to begin with.
    struct Begin {
        start: Start,
        argument: *mut c_void,
    }

    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    /// Stands in the place of the C library's: threads of a call begin with [`watched`].
    #[unsafe(no_mangle)]
    unsafe extern "C" fn pthread_create(
        thread: *mut usize,
        attributes: *const c_void,
        start: Start,
        argument: *mut c_void,
    ) -> c_int {
        const NEXT: *mut c_void = std::ptr::without_provenance_mut(usize::MAX);
        const NAME: &CStr = c"pthread_create";
        // SAFETY: the C library has a function of this name and type.
        let create: Create = unsafe { std::mem::transmute(dlsym(NEXT, NAME.as_ptr())) };
        if !is_watched() {
            // SAFETY: the caller's contract.
            return unsafe { create(thread, attributes, start, argument) };
        }
        RUNNING.fetch_add(1, Ordering::SeqCst);
        let begin = unwatched(|| Box::into_raw(Box::new(Begin { start, argument })));
        // SAFETY: the caller's contract; `watched` takes the box over.
        let code = unsafe { create(thread, attributes, watched, begin.cast()) };
        if code != 0 {
            RUNNING.fetch_sub(1, Ordering::SeqCst);
        }
        code
    }

    extern "C" fn watched(begin: *mut c_void) -> *mut c_void {
        // SAFETY: `pthread_create` made it of a box, for this thread alone.
        let Begin { start, argument } =
            unwatched(|| *unsafe { Box::from_raw(begin.cast::<Begin>()) });
        let mut result = std::ptr::null_mut();
        let stack = dead_stack_after(&mut || result = start(argument), || ());
        unwatched(|| ENDED.lock().expect("nobody panics with it").push(stack));
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        result
    }
}
