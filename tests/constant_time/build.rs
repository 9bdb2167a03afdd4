// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles the requests to valgrind, which are macros of its C header.

fn main() {
    println!("cargo:rerun-if-changed=src/valgrind.c");
    cc::Build::new().file("src/valgrind.c").compile("valgrind_requests");
}
