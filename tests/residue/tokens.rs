// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tokens, and keysets as they come and go.

use std::hint::black_box;

use super::case::{Case, case, known, leaked};
use super::kit::envelopes::expand;
use super::kit::random::Repeatable;
use super::needles::Secrets;
use super::sources::{Panicking, panics, plaintext};
use sealwax::rng::Now;
use sealwax::{Context, Keyset, Suite};

/// format.md 6.1. Returns K_token and K_wrap.
pub(crate) fn add_version(
    secrets: &mut Secrets,
    root: &[u8; 32],
    suite: u8,
    keyset: &Keyset,
) -> [Vec<u8>; 2] {
    secrets.add_hmac_key("root secret", root);
    let version = keyset.primary().expect("a primary").id().value().to_be_bytes();
    let derive = |label: &[u8]| expand(root, &[label, &[0, suite], &keyset.id().0, &version], 32);
    let [token, wrap, salt] =
        [&b"sealwax/v1/token"[..], b"sealwax/v1/wrap", b"sealwax/v1/salt"].map(derive);
    secrets.add_hmac_key("K_token", &token);
    secrets.add_wrap_key("K_wrap", &wrap);
    secrets.add_hmac_key("K_salt", &salt);
    [token, wrap]
}

pub(crate) fn cases() -> Vec<Case> {
    [Suite::Cobblestone256, Suite::ChaCha20Poly1305].into_iter().flat_map(of).collect()
}

fn of(suite: Suite) -> Vec<Case> {
    let root: &'static [u8; 32] = leaked(Repeatable(suite as u64).array());
    let keyset: &'static Keyset =
        leaked(Keyset::import_raw("orders", suite, root).expect("imported"));
    let context: &'static Context = leaked(Context::new().with("row", "42").expect("a context"));
    let mut random = Repeatable(5);
    let token = keyset.seal_with_rng(&plaintext(), context, &mut random).expect("sealed");
    let token: &'static [u8] = token.leak();
    let mut secrets = Secrets::default();
    let [k_token, _] = add_version(&mut secrets, root, suite as u8, keyset);
    let encoded = context.as_encoded().as_bytes();
    secrets.add_value_key(&k_token, suite as u8, &token[5..], encoded);
    secrets.add("plaintext", &plaintext());
    let needles = &known(secrets);
    let text: &'static [u8] = plaintext().leak();
    let file: &'static [u8] = keyset.expose_unprotected().expect("encoded").to_vec().leak();
    let name = |what: &str| format!("{what}, suite {}", suite as u8);
    vec![
        case(name("token seal"), needles, move || {
            black_box(keyset.seal_with_rng(text, context, &mut Repeatable(5)).expect("sealed"));
        }),
        case(name("token seal, salts of the pool"), needles, move || {
            black_box(keyset.seal(text, context).expect("sealed"));
        }),
        case(name("token open"), needles, move || {
            black_box(keyset.open(token, context).expect("opened"));
        }),
        case(name("token open, another context"), needles, move || {
            keyset.open(token, &Context::new()).expect_err("another context");
        }),
        case(name("token open, changed"), needles, move || {
            let mut changed = token.to_vec();
            *changed.last_mut().expect("not empty") ^= 1;
            keyset.open(&changed, context).expect_err("changed");
        }),
        case(name("token open, no room"), needles, move || {
            keyset.open_into(token, context, &mut [0; 9]).expect_err("no room");
        }),
        case(name("token seal, the source panics"), needles, move || {
            let mut random = Panicking(0, Repeatable(5));
            assert!(panics(|| keyset.seal_with_rng(text, context, &mut random)));
        })
        .ends_early(),
        case(name("token seal, a name that is reserved"), needles, move || {
            let context = Context::new().with("sealwax.row", "42").expect("a context");
            keyset.seal_with_rng(text, &context, &mut Repeatable(5)).expect_err("reserved");
        }),
        case(name("keyset import and first use"), needles, move || {
            let keyset = Keyset::import_raw("orders", suite, root).expect("imported");
            black_box(keyset.seal(b"x", context).expect("sealed"));
        }),
        case(name("keyset parse and first use"), needles, move || {
            let keyset = Keyset::parse_unprotected(file).expect("parsed");
            black_box(keyset.open(token, context).expect("opened"));
        }),
        case(name("keyset encode"), needles, move || {
            black_box(keyset.expose_unprotected().expect("encoded"));
        }),
        case(name("keyset fingerprint"), needles, move || {
            black_box(keyset.fingerprint().expect("here"));
        }),
        case(name("keyset duplicate and rotate"), needles, move || {
            let mut copy = keyset.duplicate().expect("copied");
            copy.rotate_with_rng(suite.into(), Now::Seconds(1), &mut Repeatable(8)).expect("new");
        }),
        case(name("backup in shares and back"), needles, move || {
            let backup = keyset.backup_in_shares(2, 3).expect("made");
            let shares = &backup.shares[..2];
            black_box(Keyset::restore_from_shares(&backup.file, shares).expect("restored"));
        }),
    ]
}
