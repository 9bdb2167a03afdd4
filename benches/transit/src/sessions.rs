// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pairs of sealwax and of snow, with keys between them.

use sealwax::Suite;
use sealwax::rng::Now;
use sealwax::secret::{Key, Pair, Traffic};
use sealwax::transit::{
    Hybrid, KeyPair, Limits, Mode, Party, Pattern, Peers, Role, Session, Settings,
};
use snow::resolvers::{DefaultResolver, FallbackResolver, RingResolver};

/// Whose arithmetic snow uses.
#[derive(Clone, Copy)]
pub(crate) enum Resolver {
    Default,
    Ring,
}

pub(crate) fn pair(suite: Suite, mode: Mode) -> [Session; 2] {
    let secret = |fill| {
        Key::<Traffic>::init_with(|bytes| {
            bytes.fill(fill);
            Ok(())
        })
        .expect("filling does not fail")
    };
    let (a, b, limits) = (secret(1), secret(2), Limits::of(suite));
    let mut pair = [Session::closed(), Session::closed()];
    let [one, other] = &mut pair;
    one.danger_from_secrets((suite, mode, Role::Initiator), &a, &b, [0; 32], &limits, 0)
        .expect("the secrets differ");
    other
        .danger_from_secrets((suite, mode, Role::Responder), &b, &a, [0; 32], &limits, 0)
        .expect("the secrets differ");
    pair
}

pub(crate) fn key_pair(fill: u8) -> KeyPair {
    let mut private = Key::<Pair>::zeroed();
    *private.expose_bytes_mut() = [fill; 32];
    KeyPair::new(&private)
}

pub(crate) fn xx(suite: Suite, hybrid: Hybrid) -> Settings {
    Settings { pattern: Pattern::XX, suite, mode: Mode::Stream, hybrid }
}

pub(crate) fn party(settings: Settings, own: &KeyPair) -> Party<'_> {
    Party {
        settings,
        prologue: b"bench",
        keys: std::slice::from_ref(own),
        peers: Peers::Any,
        psk: None,
        now: Now::Unknown,
    }
}

/// What Noise calls a suite.
pub(crate) fn noise_name(suite: Suite) -> &'static str {
    match suite {
        Suite::Cobblestone256 => "AESGCM",
        Suite::ChaCha20Poly1305 => "ChaChaPoly",
    }
}

pub(crate) fn snow_builder<'a>(name: &str, resolver: Resolver) -> snow::Builder<'a> {
    let params = name.parse().expect("a name of Noise");
    match resolver {
        Resolver::Default => snow::Builder::new(params),
        Resolver::Ring => {
            // It has no X25519.
            let resolver = FallbackResolver::new(Box::new(RingResolver), Box::new(DefaultResolver));
            snow::Builder::with_resolver(params, Box::new(resolver))
        }
    }
}
