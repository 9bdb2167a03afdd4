// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pool of salts.

use std::collections::HashSet;

use super::*;

#[test]
fn salts_do_not_repeat_within_and_across_threads() {
    let draw = || {
        let mut salts = Vec::new();
        // More than a page holds, so that the pool is filled again.
        for _ in 0..1000 {
            let mut salt = [0; 24];
            pooled_salt(&mut salt).expect("the system has random bytes");
            salts.push(salt);
        }
        salts
    };
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(draw)).collect();
    let mut all = draw();
    for thread in threads {
        all.extend(thread.join().expect("drawing does not panic"));
    }
    let distinct: HashSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert!(!distinct.contains(&[0; 24]));
}

#[test]
fn salts_are_drawn_while_a_thread_ends() {
    struct AtTheEnd(std::sync::mpsc::Sender<[u8; 24]>);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            let mut salt = [0; 24];
            pooled_salt(&mut salt).expect("the system has random bytes");
            let _ = self.0.send(salt);
        }
    }
    thread_local! {
        static LATE: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        LATE.with(|late| *late.borrow_mut() = Some(AtTheEnd(sender)));
        let mut salt = [0; 24];
        pooled_salt(&mut salt).expect("the system has random bytes");
    });
    thread.join().expect("drawing does not panic");
    assert_ne!(receiver.recv().expect("a salt was drawn"), [0; 24]);
}

#[test]
fn the_clock_is_past_the_day_this_was_written() {
    let Now::Seconds(now) = Now::system() else { return };
    assert!(now > 1_750_000_000);
}

/// A fork needs `unsafe`; what the kernel says about the page does not.
#[cfg(target_os = "linux")]
#[test]
fn the_pool_is_wiped_in_a_forked_child_and_is_not_dumped() {
    let count = || {
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("Linux says what it maps");
        let flags = maps.lines().filter_map(|line| line.strip_prefix("VmFlags:"));
        let flags = flags.map(|flags| flags.split_whitespace().collect::<Vec<_>>());
        flags.filter(|flags| flags.contains(&"wf") && flags.contains(&"dd")).count()
    };
    pooled_salt(&mut [0; 24]).expect("the system has random bytes");
    assert!(count() >= 1, "this thread's pool");
}
