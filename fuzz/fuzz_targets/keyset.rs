// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a keyset: what is read is written again byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwax::KeyWrap;
use sealwax::Keyset;
use sealwax::keyset::file::{Description, Protection};
use sealwax_fuzz::{fix_checks, keys, unprotected_check};

fuzz_target!(|bytes: &[u8]| {
    let _ = Description::parse(bytes);
    let keys: [&dyn KeyWrap; 3] = [&keys().raw, &keys().chacha, &keys().x25519];
    let sealed = Protection::Sealed(&keys);
    assert!(Keyset::parse_file_bytes(bytes, sealed).is_err(), "nobody sealed this for these keys");
    assert!(Keyset::restore(bytes, &keys).is_err(), "nobody sealed this for these keys");
    assert!(Keyset::restore_from_shares(bytes, &[]).is_err(), "no share is too few");
    let mut fixed = bytes.to_vec();
    if fix_checks(&mut fixed).is_some() {
        let _ = Description::parse(&fixed);
    }

    unprotected(bytes);
    // The seeds are whole files and encodings: both are tried with the check that they need.
    let encoding = match bytes.strip_prefix(b"SWKS\x01") {
        Some(rest) => &rest[..rest.len().saturating_sub(16)],
        None => bytes,
    };
    unprotected(&[b"SWKS\x01", encoding, &unprotected_check(encoding)].concat());
});

fn unprotected(bytes: &[u8]) {
    let Ok(keyset) = Keyset::parse_unprotected(bytes) else { return };
    let description = Description::parse(bytes).expect("it was read");
    assert_eq!((description.id, description.revision), (keyset.id(), keyset.revision()));
    assert!(keyset.revision() >= 1);
    assert!(keyset.versions().is_sorted_by(|a, b| a.id() < b.id()));
    if keyset.is_read_only() {
        assert!(keyset.expose_unprotected().is_err());
    } else {
        assert_eq!(keyset.expose_unprotected().expect("it can be written").as_slice(), bytes);
    }
}
