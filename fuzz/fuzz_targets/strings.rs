// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any text, and any payload with a right checksum, as a recipient, an identity or a share: one text for one value.
#![no_main]

use bech32::{Checksum, Hrp};
use libfuzzer_sys::fuzz_target;
use sealwax::Keyset;
use sealwax::keyset::backup::Share;
use sealwax::wrap::hpke::Recipient;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        recipient(text);
        identity(text);
        share(text);
    }
    let payload = &bytes[..bytes.len().min(1300)];
    let encoded = |part: &str| {
        let part = Hrp::parse(part).expect("printable");
        bech32::encode_lower::<Long>(part, payload).expect("it is short")
    };
    recipient(&encoded("sealwaxpub"));
    identity(&encoded("sealwax-secret-").to_uppercase());
    share(&encoded("sealwax-share-").to_uppercase());
});

fn recipient(text: &str) {
    let Ok(recipient) = Recipient::parse_text(text) else { return };
    assert_eq!(recipient.to_text(), trim(text));
}

fn identity(text: &str) {
    let Ok(identity) = Keyset::parse_identity_text(text) else { return };
    assert_eq!(
        identity.expose_identity_text().expect("its version is active").as_str(),
        trim(text)
    );
    let recipient = identity.recipient().expect("its version is active");
    assert_eq!(&Recipient::parse_text(&recipient.to_text()).expect("just written"), recipient);
}

fn share(text: &str) {
    let Ok(share) = Share::parse_text(text) else { return };
    assert!((2..=share.count()).contains(&share.threshold()));
    assert!((1..=share.count()).contains(&share.number()));
    assert_eq!(share.expose_text().as_str(), trim(text));
}

fn trim(text: &str) -> &str {
    text.trim_matches(['\t', '\n', '\r', ' '])
}

/// Bech32m without its length limit (format.md 9.1).
enum Long {}

impl Checksum for Long {
    type MidstateRepr = u32;
    type CorrectionField = <bech32::Bech32m as Checksum>::CorrectionField;
    const ROOT_GENERATOR: Self::CorrectionField = bech32::Bech32m::ROOT_GENERATOR;
    const ROOT_EXPONENTS: std::ops::RangeInclusive<usize> = bech32::Bech32m::ROOT_EXPONENTS;
    const CODE_LENGTH: usize = 4096;
    const CHECKSUM_LENGTH: usize = bech32::Bech32m::CHECKSUM_LENGTH;
    const GENERATOR_SH: [u32; 5] = bech32::Bech32m::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = bech32::Bech32m::TARGET_RESIDUE;
}
