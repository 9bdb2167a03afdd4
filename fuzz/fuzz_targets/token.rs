// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a token: nothing opens that was not sealed, and a changed token does not open.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwax::context::Context;
use sealwax::{Keyset, token};
use sealwax_fuzz::{Repeatable, keys};

fuzz_target!(|bytes: &[u8]| {
    let empty = Context::new();
    let _ = token::key_version(bytes);
    assert!(keys().cobblestone.open(bytes, &empty).is_err());
    assert!(keys().chacha.open(bytes, &empty).is_err());
    for keyset in [&keys().cobblestone, &keys().chacha] {
        change(keyset, bytes);
    }
});

/// Seals one half of the bytes and applies the other half to the token.
fn change(keyset: &Keyset, bytes: &[u8]) {
    let (plaintext, mask) = bytes.split_at(bytes.len() / 2);
    let context =
        Context::new().with("name", &plaintext[..plaintext.len().min(8)]).expect("8 bytes");
    let sealed =
        keyset.seal_with_rng(plaintext, &context, &mut Repeatable(3)).expect("it is short");
    assert_eq!(sealed.len(), plaintext.len() + token::OVERHEAD);
    assert_eq!(keyset.open(&sealed, &context).expect("as sealed").as_slice(), plaintext);
    assert!(plaintext.is_empty() || keyset.open(&sealed, &Context::new()).is_err());

    let mut changed = sealed.clone();
    changed.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    let mut out = vec![0; changed.len()];
    let opened = keyset.open_into(&changed, &context, &mut out);
    assert_eq!(opened.is_ok(), changed == sealed);
    assert!(
        opened.is_ok() || out.iter().all(|byte| *byte == 0),
        "a refused token left bytes behind"
    );
}
