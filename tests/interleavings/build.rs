// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's own meter and arena, over shuttle's threads and locks instead of the system's; and some with planted races.

use std::path::Path;
use std::{env, fs};

fn main() {
    let meter = read("../../src/keyset/meter.rs");
    write("meter", &meter);
    let whole = "left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()";
    let torn = "less(left.load(Ordering::Relaxed)).inspect(|less| left.store(*less, Ordering::Relaxed)).is_some()";
    write("racy", &with(&meter, whole, torn));

    let arena = read("../../src/secret/memory/arena.rs");
    // What is static lives as long as one order of threads.
    let given = "static CURRENT: AtomicPtr<Pool> = AtomicPtr::new(core::ptr::null_mut());";
    let fresh = "shuttle::lazy_static! { static ref CURRENT: AtomicPtr<Pool> = AtomicPtr::new(core::ptr::null_mut()); }";
    let arena = with(&arena, given, fresh);
    // A test that failed drops what it holds.
    let found = "assert!(std::thread::panicking(), \"another's secret is over a canary\")";
    let arena = with(&arena, "std::process::abort()", found);
    // Bytes are written between two steps that shuttle sees: others may come before that.
    let wipe = "        unsafe { core::slice::from_raw_parts_mut(";
    let write_canaries = "        for canary in ends(start, granules) {";
    let between = "        shuttle::thread::yield_now();\n";
    let arena = with(&arena, wipe, &format!("{between}{wipe}"));
    let arena = with(&arena, write_canaries, &format!("{between}{write_canaries}"));
    write("arena", &arena);
    let back = "        self.lock().give_back(start, granules);\n";
    let late = with(&with(&arena, back, ""), wipe, &format!("{back}{between}{wipe}"));
    write("late_wipe", &late);
    let exchanged =
        "match CURRENT.compare_exchange(old, fresh, Ordering::AcqRel, Ordering::Acquire) {";
    let stored =
        "CURRENT.store(fresh, Ordering::Release);\n        match Ok::<_, *mut Pool>(old) {";
    write("two_pools", &with(&arena, exchanged, stored));
}

/// A file of the library, without its own tests, as shuttle runs it.
fn read(source: &str) -> String {
    println!("cargo:rerun-if-changed={source}");
    let text = fs::read_to_string(source).expect("the file is there");
    let (text, _) = text.split_once("#[cfg(test)]\nmod tests").expect("tests are at the end");
    // Inner comments may not stand where the text is included.
    let text = text.replace("//!", "//").replace("core::sync::", "std::sync::");
    with(&text, "std::sync", "shuttle::sync")
}

/// The text with a change of what must be in it.
fn with(text: &str, given: &str, changed: &str) -> String {
    assert!(text.contains(given), "the place for a change is gone: {given}");
    text.replace(given, changed)
}

fn write(name: &str, text: &str) {
    let out = env::var("OUT_DIR").expect("cargo gives one");
    fs::write(Path::new(&out).join(name).with_extension("rs"), text).expect("written");
}
