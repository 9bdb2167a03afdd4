// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the C face adds to a call: the same token sealed and opened by the Rust call and through
//! the header's function.

// It calls the functions of the header, as C does.
#![allow(unsafe_code)]

use std::hint::black_box;
use std::ptr;
use std::time::Instant;

use sealwax::{Context, Keyset, Suite, token};
use sealwax_c::hosted::key::{
    sealwax_key, sealwax_key_free, sealwax_key_open_token, sealwax_key_parse_keyset,
    sealwax_key_seal_token,
};

const CALLS: u32 = 1_000;
const ROUNDS: usize = 2_001;

fn main() {
    let keyset = Keyset::generate("overhead", Suite::Cobblestone256).expect("a random source");
    let blob = keyset.expose_unprotected().expect("a keyset");
    let mut key: *mut sealwax_key = ptr::null_mut();
    // SAFETY: the pointers are those of a live slice and a live variable.
    let status =
        unsafe { sealwax_key_parse_keyset(blob.as_ptr(), blob.len(), ptr::null(), &mut key) };
    assert_eq!(status, 0);
    let context = Context::new().with("table", "users").expect("an entry");
    let (encoded, plaintext) = (context.as_encoded().as_bytes().to_vec(), [7u8; 16]);
    let mut out = [0u8; 16 + token::OVERHEAD];
    let mut opened = [0u8; 16];
    let mut len = 0usize;
    let sealed = keyset.seal(&plaintext, &context).expect("an active key");
    let seal_rust = measure(|| {
        black_box(keyset.seal_into(black_box(&plaintext), &context, &mut out)).expect("sealed");
    });
    let seal_c = measure(|| {
        // SAFETY: every pointer is that of a live array with its length; `key` was just made.
        let status = unsafe {
            sealwax_key_seal_token(
                key,
                encoded.as_ptr(),
                encoded.len(),
                black_box(&plaintext).as_ptr(),
                16,
                out.as_mut_ptr(),
                out.len(),
                &mut len,
            )
        };
        assert_eq!(black_box(status), 0);
    });
    let open_rust = measure(|| {
        black_box(keyset.open_into(black_box(&sealed), &context, &mut opened)).expect("opened");
    });
    let open_c = measure(|| {
        // SAFETY: as above.
        let status = unsafe {
            sealwax_key_open_token(
                key,
                encoded.as_ptr(),
                encoded.len(),
                black_box(&sealed).as_ptr(),
                sealed.len(),
                opened.as_mut_ptr(),
                opened.len(),
                &mut len,
            )
        };
        assert_eq!(black_box(status), 0);
    });
    println!("seal: Rust {seal_rust:.0} ns, C {seal_c:.0} ns: {:+.0} ns", seal_c - seal_rust);
    println!("open: Rust {open_rust:.0} ns, C {open_c:.0} ns: {:+.0} ns", open_c - open_rust);
    // SAFETY: made above and used no more.
    unsafe { sealwax_key_free(key) };
}

/// Nanoseconds of one call: the fastest of many short rounds, which no other program disturbed.
fn measure(mut call: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            (0..CALLS).for_each(|_| call());
            begin.elapsed().as_nanos() as f64 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[0]
}
