// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any arguments of the command: they are read or refused with words.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let words = bytes.split(|byte| *byte == b'\n' || *byte == 0).take(32);
    let words = words.map(|word| OsString::from_vec(word.to_vec()));
    let arguments: Vec<_> = std::iter::once(OsString::from("sealwax")).chain(words).collect();
    if let Err(said) = sealwax_cli::parse(arguments) {
        assert!(!said.is_empty());
    }
});
