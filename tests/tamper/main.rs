// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changed bytes never open as something else: flips, cuts, splices, lies (format.md 11.1).
#![cfg(feature = "std")]

#[path = "../kit/mod.rs"]
mod kit;

mod bytes;
mod limits;
mod parts;
mod values;

use kit::specimens::{NAMES, SUITES, pair, row, seal_as_stream, sealer};
use sealwax::envelope::ChunkLen;
use sealwax::{ErrorKind, KeyWrap, Opener, Suite};

const PLAINTEXT: &[u8] = b"the plaintext that nobody may change";

/// What bytes of the attacker's choice may give.
const BY_BYTES: [ErrorKind; 5] = [
    ErrorKind::Decrypt,
    ErrorKind::Format,
    ErrorKind::Truncated,
    ErrorKind::Limit,
    ErrorKind::UnknownKey,
];

fn opener<'a>(key: &'a dyn KeyWrap) -> Opener<'a> {
    Opener::new().key(key).context(row())
}

fn kind(result: sealwax::Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// Every envelope that is flipped and cut: every kind of recipient, both suites, one slot and two.
fn specimens() -> Vec<(String, kit::specimens::Pair, Vec<u8>)> {
    let mut out = Vec::new();
    for name in NAMES {
        for suite in SUITES {
            let recipient = pair(name);
            let envelope =
                sealer(&*recipient.recipient, suite).seal(PLAINTEXT).expect("it can be sealed");
            out.push((format!("{name} in {}", suite.name()), recipient, envelope));
        }
    }
    let recipient = pair("keyset-suite2");
    let sealer = sealer(&*recipient.recipient, Suite::ChaCha20Poly1305).chunk_len(ChunkLen::KIB_1);
    let envelope = seal_as_stream(&sealer, PLAINTEXT);
    out.push(("two slots".into(), recipient, envelope));
    out
}
