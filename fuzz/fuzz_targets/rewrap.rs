// SPDX-License-Identifier: MIT OR Apache-2.0
//! A new key block for an envelope, whole or changed: what opened before opens afterwards, to the same, and the payload is
//! not touched.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sealwax::envelope::Header;
use sealwax::{Opener, Rewrapper};
use sealwax_fuzz::{Change, Plan, keys};

#[derive(Arbitrary, Debug)]
struct Input {
    plan: Plan,
    changes: Vec<Change>,
    /// Which recipients are added.
    added: u8,
    others: bool,
    mixed: bool,
    min_epoch: u8,
}

fuzz_target!(|input: Input| {
    let (plaintext, mut envelope) = (input.plan.plaintext(), input.plan.seal());
    for change in &input.changes {
        change.apply(&mut envelope);
    }
    let keys = keys();
    let mut rewrapper = Rewrapper::new().keyset(&keys.rotated).keyset(&keys.cobblestone);
    rewrapper = rewrapper.key(&keys.raw).key(&keys.x25519).key(&keys.x_wing);
    rewrapper = rewrapper.min_epoch(u32::from(input.min_epoch));
    if input.added & 1 != 0 {
        rewrapper = rewrapper.recipient(&keys.raw);
    }
    if input.added & 2 != 0 {
        rewrapper = rewrapper.recipient(&keys.x25519);
    }
    if input.added & 4 != 0 {
        rewrapper = rewrapper.recipient(&keys.cobblestone);
    }
    if input.others {
        rewrapper = rewrapper.remove_others();
    }
    if input.mixed {
        rewrapper = rewrapper.danger_mix_recipients();
    }
    let opener = Opener::new().key(&keys.cobblestone).key(&keys.rotated).key(&keys.raw);
    let opener = opener.key(&keys.x25519).key(&keys.x_wing);
    let before = opener.open(&envelope).map(|opened| opened.plaintext);

    let Ok(Some(rewrapped)) = rewrapper.rewrap(&envelope) else { return };
    // A changed payload is not noticed here: only the header is read.
    let header = Header::parse(&envelope, envelope.len()).expect("it was rewrapped");
    let new = Header::parse(&rewrapped, rewrapped.len()).expect("just written");
    assert_eq!(envelope[header.len()..], rewrapped[new.len()..], "the payload was touched");
    assert!(!new.has_leftover());
    match (before, opener.open(&rewrapped)) {
        (Ok(before), after) => {
            assert_eq!(before.as_slice(), plaintext);
            assert_eq!(after.expect("it opened before").plaintext.as_slice(), plaintext);
        }
        (Err(error), after) => assert_eq!(after.expect_err("it did not open").kind(), error.kind()),
    }
});
