// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a context: what is read has one encoding, whoever writes it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwax::context::{Context, Encoded};

fuzz_target!(|bytes: &[u8]| {
    let Ok(encoded) = Encoded::parse(bytes) else { return };
    let entries: Vec<_> = encoded.entries().map(|entry| (entry.name, entry.value)).collect();
    let mut out = vec![0xa5; bytes.len()];
    let again = Encoded::encode_into(&entries, &mut out).expect("it was read");
    assert_eq!(again.as_bytes(), bytes);

    let mut context = Context::new();
    for (name, value) in entries.iter().rev() {
        context.insert(name, value).expect("it was read");
        assert_eq!(encoded.value(name), Some(*value));
    }
    assert_eq!(context.as_encoded(), encoded);
    assert_eq!(Context::from(encoded).as_encoded(), encoded);
    for (name, value) in &entries {
        assert!(context.insert(name, value).is_err(), "a name twice is refused");
    }
});
