// SPDX-License-Identifier: MIT OR Apache-2.0
//! All secrets of a handshake, from both sides' private keys: the Noise specification, sections 5 and 9, and format.md
//! 13.3, 13.5 and 13.7.

use super::kit::envelopes::{expand, hmac256, sha256};
use super::needles::Secrets;
use super::sessions::add_traffic;
use super::x_wing;
use sealwax::Suite;
use sealwax::transit::{Hybrid, Pattern, Settings};

/// What both sides know of a handshake together. Private keys may be missing on one side of each exchange.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// The messages, as they travelled.
    pub(crate) messages: Vec<Vec<u8>>,
    /// Initiator's and responder's.
    pub(crate) statics: [Option<[u8; 32]>; 2],
    pub(crate) ephemerals: [Option<[u8; 32]>; 2],
    pub(crate) psk: Option<[u8; 32]>,
    /// The initiator's X-Wing seed.
    pub(crate) seed: Option<[u8; 32]>,
}

/// The chain of keys: ck, and whether anything secret was mixed into it.
struct Chain {
    ck: [u8; 32],
    suite: u8,
    is_secret: bool,
}

impl Chain {
    /// MixKey, and MixKeyAndHash where there is a third output, which is public.
    fn mix(&mut self, secrets: &mut Secrets, ikm: &[u8], is_secret: bool, outputs: u8) {
        self.is_secret |= is_secret;
        let temporary = hmac256(&self.ck, &[ikm]);
        let okm = expand(&temporary, &[], 32 * usize::from(outputs));
        self.ck = okm[..32].try_into().expect("32 bytes");
        if self.is_secret {
            secrets.add_hmac_key("temporary key", &temporary);
            secrets.add_hmac_key("chaining key", &self.ck);
            // Noise section 12: the counter, behind 4 bytes of zeros; AES's from the other end.
            let nonces: [[u8; 12]; 3] = std::array::from_fn(|count| {
                let mut nonce = [0; 12];
                nonce[if self.suite == 1 { 11 } else { 4 }] = count as u8;
                nonce
            });
            secrets.add_aead_key("message key", &okm[okm.len() - 32..], self.suite, &nonces);
        }
    }
}

/// The steps of each message that mix a key in: format.md 13.1, without what only goes into the hash.
fn steps(pattern: Pattern, hybrid: bool) -> Vec<&'static str> {
    let mut messages: Vec<Vec<&str>> = match pattern {
        Pattern::XX => vec![vec!["e"], vec!["e", "ee", "es"], vec!["se"]],
        Pattern::IK | Pattern::IKpsk2 => vec![vec!["e", "es", "ss"], vec!["e", "ee", "se"]],
        Pattern::KK => vec![vec!["e", "es", "ss"], vec!["e", "ee", "se"]],
        Pattern::NNpsk0 => vec![vec!["psk0", "e"], vec!["e", "ee"]],
    };
    if hybrid || pattern == Pattern::IKpsk2 {
        messages[1].push("psk2");
    }
    messages.concat()
}

fn protocol_name(settings: &Settings, hybrid: bool) -> [u8; 32] {
    let pattern = match (settings.pattern, hybrid) {
        (Pattern::XX, false) => "XX",
        (Pattern::XX, true) => "XXpsk2",
        (Pattern::IK, false) => "IK",
        (Pattern::IK, true) | (Pattern::IKpsk2, _) => "IKpsk2",
        (Pattern::KK, false) => "KK",
        (Pattern::KK, true) => "KKpsk2",
        (Pattern::NNpsk0, false) => "NNpsk0",
        (Pattern::NNpsk0, true) => "NNpsk0+psk2",
    };
    let aead = match settings.suite {
        Suite::Cobblestone256 => "AESGCM",
        Suite::ChaCha20Poly1305 => "ChaChaPoly",
    };
    let name = format!("Noise_{pattern}_25519_{aead}_SHA256");
    let mut ck = [0; 32];
    match ck.get_mut(..name.len()) {
        Some(start) => start.copy_from_slice(name.as_bytes()),
        None => ck = sha256(&[name.as_bytes()]),
    }
    ck
}

impl Known {
    /// What a side's last draw, or its first, became: format.md 13.3a. `at` counts the messages from 0.
    pub(crate) fn hedged(
        &self,
        settings: &Settings,
        at: usize,
        context: &[u8],
        drawn: &[u8],
        is_seed: bool,
    ) -> [u8; 32] {
        let secret = self.statics[at].or(self.psk).expect("each pattern has a secret");
        let key = expand(&secret, &[b"sealwax/v1/transit/hedge\0"], 32);
        let prk = hmac256(&key, &[drawn]);
        let transcript = match is_seed {
            true => sha256(&[&self.messages[0][..6], context]),
            false => sha256(&[&self.h(settings, at), context]),
        };
        let number = [u8::from(is_seed)];
        let info: [&[u8]; 3] = [b"sealwax/v1/transit/ephemeral\0", &number, &transcript];
        expand(&prk, &info, 32).try_into().expect("32 bytes")
    }

    /// The handshake hash before message 1 or 2, of which the first was written.
    fn h(&self, settings: &Settings, at: usize) -> [u8; 32] {
        let hybrid = settings.hybrid != Hybrid::Off;
        let mut h = protocol_name(settings, hybrid);
        let first = &self.messages[0];
        let (kem, noise) = first[6..].split_at(if hybrid { 1216 } else { 0 });
        let prologue = b"a test";
        let len = (prologue.len() as u16).to_be_bytes();
        h = sha256(&[&h, b"sealwax/v1/transit\0", &first[..6], &len, prologue, kem]);
        let mut mix = |data: &[u8]| h = sha256(&[&h, data]);
        let public = |side: usize| base(&self.statics[side].expect("the pattern has them"));
        if settings.pattern == Pattern::KK {
            mix(&public(0));
        }
        let has_s = matches!(settings.pattern, Pattern::IK | Pattern::IKpsk2);
        if has_s || settings.pattern == Pattern::KK {
            mix(&public(1));
        }
        if at == 1 {
            if settings.pattern == Pattern::NNpsk0 {
                let psk = self.psk.expect("the pattern has one");
                let temporary = hmac256(&protocol_name(settings, hybrid), &[&psk]);
                mix(&expand(&temporary, &[], 96)[32..64]);
            }
            let (e, rest) = noise.split_at(32);
            mix(e);
            let (s, payload) = rest.split_at(if has_s { 48 } else { 0 });
            if has_s {
                mix(s);
            }
            mix(payload);
        }
        h
    }

    /// All secrets up to what is known. Returns the two traffic secrets where the last message is known.
    pub(crate) fn secrets(&self, settings: &Settings) -> (Secrets, Option<[Vec<u8>; 2]>) {
        let mut secrets = Secrets::default();
        let hybrid = settings.hybrid != Hybrid::Off;
        let suite = settings.suite as u8;
        self.statics.iter().flatten().for_each(|key| secrets.add("static key", key));
        self.ephemerals.iter().flatten().for_each(|key| secrets.add("ephemeral key", key));
        for secret in self.statics.iter().flatten().chain(&self.psk) {
            let key = expand(secret, &[b"sealwax/v1/transit/hedge\0"], 32);
            secrets.add_hmac_key("hedging key", &key);
        }
        self.psk.iter().for_each(|psk| secrets.add_hmac_key("pre-shared key", psk));
        self.seed.iter().for_each(|seed| x_wing::add_private(&mut secrets, seed));
        // The ephemeral public keys stand behind the head and the kem.
        let kem_lens = if hybrid { [1216, 1120] } else { [0, 0] };
        let public = |at: usize| -> Option<[u8; 32]> {
            let message = self.messages.get(at)?;
            let from = [6, 2][at] + kem_lens[at];
            Some(message[from..from + 32].try_into().expect("32 bytes"))
        };
        for (at, private) in self.ephemerals.iter().enumerate() {
            if let (Some(private), Some(public)) = (private, public(at)) {
                assert_eq!(base(private), public, "the ephemeral key is another");
            }
        }
        let mut chain = Chain { ck: protocol_name(settings, hybrid), suite, is_secret: false };
        let has_psk = hybrid || self.psk.is_some();
        let mut e = 0;
        for step in steps(settings.pattern, hybrid) {
            match step {
                "e" => {
                    let Some(public) = public(e) else { return (secrets, None) };
                    if has_psk {
                        chain.mix(&mut secrets, &public, false, 2);
                    }
                    e += 1;
                }
                "psk0" => {
                    chain.mix(&mut secrets, &self.psk.expect("the pattern has one"), true, 3);
                }
                "psk2" => {
                    let psk = match hybrid {
                        true => self.hybrid_psk(&mut secrets, suite),
                        false => self.psk.expect("the pattern has one"),
                    };
                    secrets.add_hmac_key("pre-shared key", &psk);
                    chain.mix(&mut secrets, &psk, true, 3);
                }
                exchange => {
                    let side = |letter: u8, at: usize| match letter {
                        b'e' => (self.ephemerals[at], public(at)),
                        _ => (self.statics[at], self.statics[at].as_ref().map(base)),
                    };
                    let letters = exchange.as_bytes();
                    let (one, other) = (side(letters[0], 0), side(letters[1], 1));
                    let shared = agree(one, other).expect("one side's private key is known");
                    secrets.add("Diffie-Hellman secret", &shared);
                    chain.mix(&mut secrets, &shared, true, 2);
                }
            }
        }
        if settings.pattern == Pattern::XX && self.messages.len() < 3 {
            return (secrets, None);
        }
        let temporary = hmac256(&chain.ck, &[]);
        secrets.add_hmac_key("temporary key", &temporary);
        let okm = expand(&temporary, &[], 64);
        let traffic = [okm[..32].to_vec(), okm[32..].to_vec()];
        traffic.iter().for_each(|secret| add_traffic(&mut secrets, secret, suite));
        (secrets, Some(traffic))
    }

    /// format.md 13.5.
    fn hybrid_psk(&self, secrets: &mut Secrets, suite: u8) -> [u8; 32] {
        let (head, public) = (&self.messages[0][..6], &self.messages[0][6..6 + 1216]);
        let ciphertext = &self.messages[1][2..2 + 1120];
        let seed = self.seed.expect("the initiator is the test's");
        assert_eq!(x_wing::public(&seed), public, "the seed is another's");
        let shared = x_wing::add_shared(secrets, &seed, ciphertext);
        let given = self.psk.unwrap_or([0; 32]);
        let salt = expand(&given, &[b"sealwax/v1/transit/psk\0", &[suite]], 32);
        let prk = hmac256(&salt, &[&shared]);
        if self.psk.is_some() {
            secrets.add_hmac_key("salt of the pre-shared key", &salt);
        }
        secrets.add_hmac_key("hybrid secret", &prk);
        let exchanged = sha256(&[public, ciphertext]);
        let info: [&[u8]; 3] = [b"sealwax/v1/transit/hybrid\0", head, &exchanged];
        expand(&prk, &info, 32).try_into().expect("32 bytes")
    }
}

type Half = (Option<[u8; 32]>, Option<[u8; 32]>);

fn agree(one: Half, other: Half) -> Option<[u8; 32]> {
    match (one, other) {
        ((Some(private), _), (_, Some(public))) | ((_, Some(public)), (Some(private), _)) => {
            Some(x25519_dalek::x25519(private, public))
        }
        _ => None,
    }
}

pub(crate) fn base(private: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::x25519(*private, x25519_dalek::X25519_BASEPOINT_BYTES)
}
