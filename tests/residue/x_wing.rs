// SPDX-License-Identifier: MIT OR Apache-2.0
//! X-Wing and HPKE from the private key's side: all that a sender or an opener has in hand (format.md 5.4).

use ml_kem::ml_kem_768::DecapsulationKey;
use ml_kem::{Decapsulate, KeyExport};
use sha3::{Digest, Sha3_256};
use shake::{ExtendableOutput, Shake256, Update, XofReader};

use super::kit::envelopes::{expand, hmac256};
use super::needles::{Secrets, labeled_expand, labeled_extract, open};

/// A private key, expanded: draft-connolly-cfrg-xwing-kem section 5.2.
struct Expanded {
    ml_kem: DecapsulationKey,
    x25519: [u8; 32],
}

fn expand_seed(secrets: &mut Secrets, seed: &[u8; 32]) -> Expanded {
    let mut shake = Shake256::default();
    shake.update(seed);
    let mut all = [0u8; 96];
    shake.finalize_xof().read(&mut all);
    secrets.add("X-Wing, expanded seed", &all);
    let ml_kem = DecapsulationKey::from_seed(all[..64].try_into().expect("64 bytes"));
    Expanded { ml_kem, x25519: all[64..].try_into().expect("32 bytes") }
}

/// The seed's expansion, and the decapsulation key of FIPS 203 in its encoding and as numbers.
pub(crate) fn add_private(secrets: &mut Secrets, seed: &[u8; 32]) {
    secrets.add("X-Wing seed", seed);
    let expanded = expand_seed(secrets, seed);
    #[allow(deprecated)]
    let encoded = ml_kem::ExpandedKeyEncoding::to_expanded_bytes(&expanded.ml_kem);
    // dk_PKE || ek || H(ek) || z: section 7.1. What is between is public.
    let dk_pke = &encoded[..1152];
    secrets.add("ML-KEM decapsulation key", dk_pke);
    secrets.add("ML-KEM decapsulation key", &encoded[encoded.len() - 32..]);
    // ByteDecode of 12 bits each: section 4.2.1.
    let number = |bytes: &[u8]| {
        let (low, high) = (u16::from(bytes[0]), u16::from(bytes[1]));
        [low | (high & 15) << 8, high >> 4 | u16::from(bytes[2]) << 4]
    };
    let numbers: Vec<u8> =
        dk_pke.chunks_exact(3).flat_map(number).flat_map(u16::to_ne_bytes).collect();
    secrets.add("ML-KEM decapsulation key, as numbers", &numbers);
}

/// Both halves and the shared secret that `enc` carries to this key. Returns the latter.
pub(crate) fn add_shared(secrets: &mut Secrets, seed: &[u8; 32], enc: &[u8]) -> [u8; 32] {
    let expanded = expand_seed(secrets, seed);
    let (ct_m, ct_x) = enc.split_at(1088);
    let ss_m = expanded.ml_kem.decapsulate(ct_m.try_into().expect("1088 bytes"));
    let ct_x: [u8; 32] = ct_x.try_into().expect("32 bytes");
    let ss_x = x25519_dalek::x25519(expanded.x25519, ct_x);
    let pk_x = x25519_dalek::x25519(expanded.x25519, x25519_dalek::X25519_BASEPOINT_BYTES);
    secrets.add("X-Wing, half of ML-KEM", &ss_m);
    secrets.add("X-Wing, half of X25519", &ss_x);
    let mut hash = Sha3_256::new();
    let pieces: [&[u8]; 5] = [&ss_m, &ss_x, &ct_x, &pk_x, br"\.//^\"];
    pieces.iter().for_each(|piece| Digest::update(&mut hash, piece));
    let shared: [u8; 32] = hash.finalize().into();
    secrets.add_hmac_key("X-Wing shared secret", &shared);
    shared
}

/// The public key of a seed: what it is compared with.
pub(crate) fn public(seed: &[u8; 32]) -> Vec<u8> {
    let expanded = expand_seed(&mut Secrets::default(), seed);
    let pk_x = x25519_dalek::x25519(expanded.x25519, x25519_dalek::X25519_BASEPOINT_BYTES);
    [expanded.ml_kem.encapsulation_key().to_bytes().as_slice(), &pk_x].concat()
}

/// The shared secrets of RFC 9180 section 4.1, from the private key. Returns the last.
pub(crate) fn add_dhkem(secrets: &mut Secrets, private: &[u8; 32], enc: &[u8]) -> Vec<u8> {
    let dh = x25519_dalek::x25519(*private, enc.try_into().expect("32 bytes"));
    let public = x25519_dalek::x25519(*private, x25519_dalek::X25519_BASEPOINT_BYTES);
    let suite = b"KEM\x00\x20";
    let prk = labeled_extract(&[], suite, b"eae_prk", &[&dh]);
    let shared = labeled_expand(&prk, suite, b"shared_secret", &[enc, &public]);
    secrets.add("Diffie-Hellman secret", &dh);
    secrets.add_hmac_key("eae_prk", &prk);
    secrets.add_hmac_key("HPKE shared secret", &shared);
    shared
}

/// The key schedule of RFC 9180 section 5.1 for an entry of this type. Returns the data key in its ciphertext.
pub(crate) fn add_schedule(
    secrets: &mut Secrets,
    kind: u8,
    shared: &[u8],
    core_hash: &[u8; 32],
    ct: &[u8],
) -> Vec<u8> {
    let (id, label): (&[u8; 10], &[u8]) = match kind {
        3 => (b"HPKE\x00\x20\x00\x01\x00\x03", b"sealwax/v1/x25519\0"),
        _ => (b"HPKE\x64\x7a\x00\x01\x00\x03", b"sealwax/v1/x-wing\0"),
    };
    let psk_id_hash = hmac256(&[], &[b"HPKE-v1", id, b"psk_id_hash"]);
    let info_hash = labeled_extract(&[], id, b"info_hash", &[label, core_hash]);
    let context: [&[u8]; 3] = [&[0], &psk_id_hash, &info_hash];
    let secret = labeled_extract(shared, id, b"secret", &[]);
    let key = labeled_expand(&secret, id, b"key", &context);
    secrets.add_hmac_key("HPKE secret", &secret);
    let head: [&[u8]; 5] = [&[0, 12], b"HPKE-v1", id, b"base_nonce", &context.concat()];
    let nonce = expand(&secret, &head, 12);
    secrets.add_aead_key("HPKE key", &key, 2, &[nonce[..].try_into().expect("12 bytes")]);
    open(2, &key, &nonce, ct)
}
