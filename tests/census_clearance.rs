// SPDX-License-Identifier: MIT OR Apache-2.0
//! A census clears no version on which something that it looked at depends.
#![cfg(feature = "std")]

use sealwax::census::Surveyor;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Header};
use sealwax::rng::Now;
use sealwax::{Algorithm, Context, ErrorKind, Keyset, Result, Sealer, Suite};

const SUITE: Suite = Suite::ChaCha20Poly1305;
const NOW: Now = Now::Seconds(1_800_000_000);

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn header(envelope: &[u8]) -> Header<'_> {
    Header::parse(envelope, DEFAULT_MAX_HEADER_LEN).expect("a header")
}

#[test]
fn a_version_that_opens_a_hidden_recipient_is_not_cleared() {
    let mut identity = Keyset::generate("backup", Algorithm::X25519).expect("generated");
    let old = identity.primary().expect("a primary").id();
    let hidden = identity.recipient().expect("a recipient").clone().hidden();
    let envelope = Sealer::new().recipient(&hidden).seal(b"the only copy").expect("sealed");
    identity.rotate(Algorithm::X25519).expect("rotated");
    for compromised in [false, true] {
        if compromised {
            identity.mark_compromised(old, "", NOW).expect("marked");
        }
        let surveyor = Surveyor::new().keyset(&identity).verified();
        let mut census = surveyor.census();
        surveyor.survey(&header(&envelope), envelope.len() as u64, &mut census);
        assert_eq!(census.unopenable(), 0);
        assert_eq!(kind(census.clearance(&identity, old)), Some(ErrorKind::KeyState));
    }
}

#[test]
fn a_version_whose_identity_was_not_at_hand_is_not_cleared() {
    let identity = Keyset::generate("backup", Algorithm::XWing).expect("generated");
    let keyset = Keyset::generate("orders", SUITE).expect("generated");
    let sealer = Sealer::new().recipient(&keyset).recipient(identity.recipient().expect("one"));
    let envelope = sealer.seal(b"for both").expect("sealed");
    let surveyor = Surveyor::new().keyset(&keyset).verified();
    let mut census = surveyor.census();
    surveyor.survey(&header(&envelope), envelope.len() as u64, &mut census);
    let version = identity.primary().expect("a primary").id();
    assert_eq!(kind(census.clearance(&identity, version)), Some(ErrorKind::KeyState));
}

#[test]
fn a_version_whose_keyset_was_not_at_hand_is_not_cleared_beside_tokens_that_name_it() {
    let orders = Keyset::generate("orders", SUITE).expect("generated");
    let other = Keyset::generate("other", SUITE).expect("generated");
    let token = orders.seal(b"12345", &Context::new()).expect("sealed");
    let envelope = Sealer::new().recipient(&other).seal(b"something").expect("sealed");
    let surveyor = Surveyor::new().keyset(&other).verified();
    let mut census = surveyor.census();
    surveyor.survey(&header(&envelope), envelope.len() as u64, &mut census);
    surveyor.survey_token(&token, &mut census).expect("a token");
    let version = orders.primary().expect("a primary").id();
    assert_eq!(kind(census.clearance(&orders, version)), Some(ErrorKind::KeyState));
}
