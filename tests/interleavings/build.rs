// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's own meter, over shuttle's threads and locks instead of the system's; and one with a planted race.

use std::path::Path;
use std::{env, fs};

fn main() {
    let source = Path::new("../../src/keyset/meter.rs");
    println!("cargo:rerun-if-changed={}", source.display());
    let out = env::var("OUT_DIR").expect("cargo gives one");
    let text = fs::read_to_string(source).expect("the meter is there");
    // Inner comments may not stand where the text is included.
    let text = text.replace("//!", "//").replace("std::sync", "shuttle::sync");
    assert!(text.contains("shuttle::sync::atomic"), "the meter no longer uses atomics");
    fs::write(Path::new(&out).join("meter.rs"), &text).expect("written");

    let whole = "left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()";
    let torn = "less(left.load(Ordering::Relaxed)).inspect(|less| left.store(*less, Ordering::Relaxed)).is_some()";
    assert!(text.contains(whole), "the place for the planted race is gone");
    fs::write(Path::new(&out).join("racy.rs"), text.replace(whole, torn)).expect("written");
}
