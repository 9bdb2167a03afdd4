// SPDX-License-Identifier: MIT OR Apache-2.0
//! Providers: what asks one, and what it answered, as one key that seals and opens.

use std::hint::black_box;

use super::case::{Case, case, known, leaked};
use super::kit::envelopes::expand;
use super::kit::random::Repeatable;
use super::needles::Secrets;
use sealwax::rng::Random;
use sealwax::secret::{Data, Key};
use sealwax::wrap::provider::{Recipient, Request, Unwrapped};
use sealwax::wrap::{Binding, Entry, Shape, Trials, Unwrap};
use sealwax::{KeyWrap, Result};

const NAMES: [&str; 2] = ["kms", "a key of ours"];
const BLOB: &[u8] = b"what the provider made of it";

/// The recipient when sealing, the answer when opening.
pub(crate) struct Provider {
    recipient: Recipient,
    unwrapped: Unwrapped,
}

impl Provider {
    /// With the fresh key that this source gives.
    pub(crate) fn new(seed: u64) -> &'static Provider {
        let [provider, key_name] = NAMES;
        let request = Request::new(provider, key_name, &mut Repeatable(seed)).expect("drawn");
        let provided = Key::init_with(|key| {
            *key = *request.expose_key();
            Ok(())
        });
        let provided = provided.expect("filling does not fail");
        let recipient = request.finish(BLOB).expect("it fits");
        let unwrapped = Unwrapped::new(provider, key_name, provided).expect("allowed names");
        leaked(Provider { recipient, unwrapped })
    }
}

impl KeyWrap for Provider {
    fn shape(&self) -> Result<Shape> {
        self.recipient.shape()
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        self.recipient.wrap_key(binding, data_key, random, body)
    }

    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        self.unwrapped.unwrap_key(binding, entry, trials, data_key)
    }
}

/// format.md 5.6, for an entry with this body. Returns the key that wraps, and where what it wrapped begins.
pub(crate) fn add_provided(
    secrets: &mut Secrets,
    key: &[u8; 32],
    suite: u8,
    body: &[u8],
) -> (Vec<u8>, usize) {
    let [provider, key_name] = NAMES.map(str::as_bytes);
    let names_len = 3 + provider.len() + key_name.len();
    secrets.add_hmac_key("provider's key", key);
    let wrap = expand(key, &[b"sealwax/v1/provider\0", &[suite], &body[..names_len]], 32);
    secrets.add_wrap_key("K_prov", &wrap);
    (wrap, names_len + 2 + BLOB.len())
}

/// What asks a provider, and takes its answer.
pub(crate) fn cases() -> Vec<Case> {
    const SEED: u64 = 590;
    let key = Repeatable(SEED).array::<32>();
    let mut secrets = Secrets::default();
    secrets.add("provider's key", &key);
    let needles = &known(secrets);
    let [provider, key_name] = NAMES;
    vec![
        case("provider, asked", needles, move || {
            let request = Request::new(provider, key_name, &mut Repeatable(SEED)).expect("drawn");
            black_box(request.expose_key());
            black_box(request.finish(BLOB).expect("it fits"));
        })
        .ends_early(),
        case("provider, a name that is not allowed", needles, move || {
            assert!(Request::new("", key_name, &mut Repeatable(SEED)).is_err());
        })
        .ends_early(),
        case("provider, no answer", needles, move || {
            let request = Request::new(provider, key_name, &mut Repeatable(SEED)).expect("drawn");
            assert!(request.finish(&[]).is_err());
        })
        .ends_early(),
    ]
}
