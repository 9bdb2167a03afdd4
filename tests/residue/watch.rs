// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a call leaves behind: its dead stack and those of the threads that it began, and a copy of each block that was given
//! back to the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::threads;

/// Whether blocks that are given back are copied.
static WATCHING: AtomicBool = AtomicBool::new(false);
/// Where they are copied to, and how much of it is used.
static FREED: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static FREED_LEN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread is one of the test's, which is not looked at.
    static OURS: Cell<bool> = const { Cell::new(false) };
}

struct Watching;

// SAFETY: the system's allocator does the work; blocks are only read before they are given back. `realloc` is the trait's own,
// which gives the old block back through `dealloc`.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_watched() {
            let at = FREED_LEN.fetch_add(layout.size(), Ordering::SeqCst);
            if at + layout.size() <= FREED_ROOM {
                let room = FREED.load(Ordering::SeqCst);
                // SAFETY: the block is whole and initialised (`alloc` zeroed it), and the room is this block's alone.
                unsafe { room.add(at).copy_from_nonoverlapping(block, layout.size()) };
            }
        }
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// Whether a call runs, and this thread is not one of the test's.
pub(crate) fn is_watched() -> bool {
    WATCHING.load(Ordering::SeqCst) && !OURS.get()
}

/// Writes or reads the stack below this frame, word by word.
#[inline(never)]
fn each_dead_word(mut work: impl FnMut(*mut u64)) {
    let here = 0u64;
    let top = (&raw const here).cast_mut().addr() - SKIPPED;
    for word in 0..STACK / 8 {
        work(std::ptr::without_provenance_mut(top - 8 * word));
    }
}

/// Calls below what painting and looking take for themselves, so that all of the call's frames are looked at.
#[inline(never)]
fn deeper(call: &mut dyn FnMut()) {
    let mut room = [0u8; 2 * SKIPPED];
    black_box(&mut room);
    call();
    black_box(&mut room);
}

/// Runs the call, and then what may not touch its dead stack. Returns the latter from its deepest word on.
#[inline(never)]
pub(crate) fn dead_stack_after(call: &mut dyn FnMut(), then: fn()) -> Vec<u64> {
    let mut out = unwatched(|| vec![0; STACK / 8]);
    // SAFETY: the thread's stack is long enough, and nothing lives below the frame.
    each_dead_word(|word| unsafe { word.write_volatile(PAINT) });
    deeper(call);
    then();
    let mut at = out.len();
    each_dead_word(|word| {
        at -= 1;
        // SAFETY: as above.
        out[at] = unsafe { word.read_volatile() };
    });
    unwatched(|| out.drain(..deepest(&out)).for_each(drop));
    out
}

fn deepest(stack: &[u64]) -> usize {
    stack.iter().position(|word| *word != PAINT).unwrap_or(stack.len())
}

/// What a call left.
pub(crate) struct Left {
    stack: Vec<u64>,
    of_threads: Vec<Vec<u64>>,
}

/// Runs the call in a thread of its own, and keeps what it leaves. One at a time.
pub(crate) fn left_by(call: &mut (dyn FnMut() + Send)) -> Left {
    if FREED.load(Ordering::SeqCst).is_null() {
        // Given out by the system when it is first touched.
        FREED.store(vec![0u8; FREED_ROOM].leak().as_mut_ptr(), Ordering::SeqCst);
    }
    FREED_LEN.store(0, Ordering::SeqCst);
    let stack = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK + (1 << 20));
        let run = || {
            let watched = &mut || {
                WATCHING.store(true, Ordering::SeqCst);
                call();
            };
            dead_stack_after(watched, || {
                threads::wait();
                WATCHING.store(false, Ordering::SeqCst);
            })
        };
        thread.spawn_scoped(scope, run).expect("a thread").join().expect("no panic gets out")
    });
    assert!(FREED_LEN.load(Ordering::SeqCst) <= FREED_ROOM, "more was given back than is kept");
    Left { stack, of_threads: threads::take() }
}

/// What runs in here on this thread is not looked at: it plays the other side.
pub(crate) fn unwatched<R>(work: impl FnOnce() -> R) -> R {
    let before = OURS.replace(true);
    let result = work();
    OURS.set(before);
    result
}

impl Left {
    /// The dead stack, the deepest byte first.
    pub(crate) fn stack(&self) -> &[u8] {
        bytes(&self.stack)
    }

    /// The dead stacks of the threads that it began.
    pub(crate) fn stacks_of_threads(&self) -> impl Iterator<Item = &[u8]> {
        self.of_threads.iter().map(|stack| bytes(stack))
    }

    /// All blocks that were given back, one after the other, until the next call is run.
    pub(crate) fn heap(&self) -> &[u8] {
        let (room, len) = (FREED.load(Ordering::SeqCst), FREED_LEN.load(Ordering::SeqCst));
        // SAFETY: so many bytes were written there; nothing is written while no call runs.
        unsafe { std::slice::from_raw_parts(room, len) }
    }

    /// How deep the call went, in bytes.
    pub(crate) fn depth(&self) -> usize {
        8 * self.stack.len()
    }

    /// How many bytes of the call lie below what was wiped.
    pub(crate) fn below_wiped(&self) -> usize {
        let wiped = self.stack.windows(64).position(|words| words.iter().all(|word| *word == 0));
        8 * wiped.unwrap_or(self.stack.len())
    }
}

fn bytes(words: &[u64]) -> &[u8] {
    // SAFETY: words are bytes, in this order.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

const STACK: usize = 512 * 1024;
/// Bytes below the caller that are not looked at: they are in use by whoever looks.
const SKIPPED: usize = 2048;
const PAINT: u64 = 0xc3a5_c3a5_c3a5_c3a5;
/// The most that a call may give back.
const FREED_ROOM: usize = 64 << 20;
