// SPDX-License-Identifier: MIT OR Apache-2.0
//! An envelope, changed at chosen places: it opens to its own plaintext or not at all.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sealwax::Opener;
use sealwax::envelope::Header;
use sealwax_fuzz::{Change, Place, Plan, keys};

#[derive(Arbitrary, Debug)]
struct Input {
    plan: Plan,
    changes: Vec<Change>,
}

fuzz_target!(|input: Input| {
    let (plaintext, sealed) = (input.plan.plaintext(), input.plan.seal());
    let mut changed = sealed.clone();
    for change in &input.changes {
        change.apply(&mut changed);
    }
    let keys = keys();
    let opener = Opener::new().key(&keys.cobblestone).key(&keys.chacha).key(&keys.raw);
    let opener = opener.key(&keys.x25519).key(&keys.x_wing);

    let opened = opener.open(&changed);
    let mut out = vec![0x5a; changed.len()];
    let into = opener.open_into(&changed, &mut out);
    let mut buffer = changed.clone();
    let in_place = opener.open_in_place(&mut buffer);
    match opened {
        Ok(opened) => {
            assert_eq!(opened.plaintext.as_slice(), plaintext);
            assert_eq!(&out[..into.expect("as open")], plaintext);
            in_place.expect("as open");
            assert_eq!(buffer, plaintext);
            assert!(may_open(&sealed, &changed, input.plan.place), "a change was not noticed");
        }
        Err(error) => {
            assert_ne!(changed, sealed, "{error}");
            assert_eq!(into.expect_err("as open").kind(), error.kind());
            assert_eq!(in_place.expect_err("as open").kind(), error.kind());
            assert!(buffer == changed || buffer.is_empty());
            assert!(
                out.iter().all(|byte| *byte == 0x5a || *byte == 0),
                "plaintext was left behind"
            );
        }
    }
});

/// Only bytes of the slot that is not used may differ (format.md 11.5).
fn may_open(sealed: &[u8], changed: &[u8], place: Place) -> bool {
    let header = Header::parse(sealed, sealed.len()).expect("just sealed");
    let (_, slot_len, _) = header.slots();
    let unused = match place {
        Place::Memory => header.len()..header.len(),
        Place::File => header.len() - slot_len..header.len(),
    };
    sealed.len() == changed.len()
        && sealed[..unused.start] == changed[..unused.start]
        && sealed[unused.end..] == changed[unused.end..]
}
