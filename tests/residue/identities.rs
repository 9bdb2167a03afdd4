// SPDX-License-Identifier: MIT OR Apache-2.0
//! Identities: keysets of key pairs, and their strings.

use std::hint::black_box;

use super::case::{Case, case, known, leaked};
use super::kit::random::Repeatable;
use super::needles::Secrets;
use super::x_wing;
use sealwax::secret::{Key, Pair};
use sealwax::transit::KeyPair;
use sealwax::{Algorithm, Keyset};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for algorithm in [Algorithm::X25519, Algorithm::XWing] {
        let secret = Repeatable(70 + u64::from(algorithm.number())).array::<32>();
        let keyset = Keyset::import_raw("me", algorithm, &secret).expect("imported");
        let text = keyset.expose_identity_text().expect("an identity").to_string().leak();
        let keyset: &'static Keyset = leaked(keyset);
        let mut secrets = Secrets::default();
        secrets.add("private key", &secret);
        secrets.add("identity string", &text.as_bytes()[64..]);
        if algorithm == Algorithm::XWing {
            x_wing::add_private(&mut secrets, &secret);
        }
        let needles = &known(secrets);
        let secret: &'static [u8; 32] = leaked(secret);
        let name = |what: &str| format!("identity {what}, {algorithm:?}");
        cases.push(case(name("import"), needles, move || {
            black_box(Keyset::import_raw("me", algorithm, secret).expect("imported"));
        }));
        cases.push(case(name("text"), needles, move || {
            black_box(keyset.expose_identity_text().expect("an identity"));
        }));
        cases.push(case(name("parse"), needles, move || {
            black_box(Keyset::parse_identity_text(text).expect("parsed"));
        }));
        if algorithm == Algorithm::X25519 {
            cases.push(case(name("key pairs for handshakes"), needles, move || {
                black_box(KeyPair::of_keyset(keyset).expect("key pairs"));
            }));
            let key: &'static Key<Pair> = leaked(
                Key::init_with(|bytes| {
                    *bytes = *secret;
                    Ok(())
                })
                .expect("filling does not fail"),
            );
            cases.push(case(name("key pair of a private key"), needles, move || {
                black_box(KeyPair::new(key));
            }));
        }
    }
    cases
}
