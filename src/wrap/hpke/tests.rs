// SPDX-License-Identifier: MIT OR Apache-2.0
//! HPKE against RFC 9180 and the draft with X-Wing.

use serde_json::Value;

use super::*;
use crate::shared_vectors::{Tally, folder, text, unhex, unhex_array};

#[test]
fn hpke_agrees_with_rfc_9180() {
    run("rfc9180-test-vectors.json", 1);
}

#[test]
fn hpke_with_x_wing_agrees_with_its_draft() {
    run("hpke-pq-test-vectors-74dafaa.json", 1);
}

fn run(file: &str, at_least: usize) {
    let Some(folder) = folder("hpke") else { return };
    let vectors: Value = serde_json::from_str(&text(&folder, file)).expect("JSON");
    let mut tally = Tally::default();
    for vector in vectors.as_array().expect("a list") {
        let number = |name: &str| vector[name].as_u64().expect("a number");
        match (number("mode"), number("kem_id"), number("kdf_id"), number("aead_id")) {
            (0, 0x0020, 1, 3) => agrees(vector, Kem::X25519),
            (0, 0x647a, 1, 3) => agrees(vector, Kem::XWing),
            (1..=3, ..) => {
                tally.skip("another mode");
                continue;
            }
            (0, 0x0020 | 0x647a, 1, 1 | 2 | 0xffff) => {
                tally.skip("another AEAD");
                continue;
            }
            (0, 0x0020 | 0x647a, ..) => {
                tally.skip("another KDF");
                continue;
            }
            (0, 0x0010..=0x0012 | 0x0021 | 0x0040..=0x0042 | 0x0050 | 0x0051, ..) => {
                tally.skip("another KEM");
                continue;
            }
            unknown => panic!("an unrecognised vector: {unknown:x?}"),
        }
        tally.ran += 1;
    }
    tally.finish(file, at_least);
}

fn agrees(vector: &Value, kem: Kem) {
    let bytes = |name: &str| unhex(vector[name].as_str().expect("hex"));
    let (enc, wanted) = (bytes("enc"), bytes("shared_secret"));
    let shared = match kem {
        Kem::X25519 => {
            let (public, enc) =
                (unhex_array(&hex::encode(bytes("pkRm"))), unhex_array(&hex::encode(&enc)));
            let private = unhex_array(&hex::encode(bytes("skRm")));
            assert_eq!(x25519_public(&private), public);
            let dh = x25519(&private, &enc).expect("not zero");
            // The sealer's side gives the same.
            let ephemeral = unhex_array(&hex::encode(bytes("skEm")));
            assert_eq!(x25519_public(&ephemeral), enc);
            assert_eq!(x25519(&ephemeral, &public).expect("not zero"), dh);
            dhkem_shared_secret(&dh, &enc, &public)
        }
        Kem::XWing => {
            // skRm is the seed.
            let key = XWing::expand(&unhex_array(&hex::encode(bytes("skRm"))));
            assert_eq!(key.public().to_vec(), bytes("pkRm"));
            let enc = enc.as_slice().try_into().expect("1,120 bytes");
            key.decapsulate(enc).expect("not zero")
        }
    };
    assert_eq!(shared.to_vec(), wanted);
    let (key, base_nonce) = key_schedule(kem, &shared, [&bytes("info"), &[]]);
    assert_eq!(base_nonce.to_vec(), bytes("base_nonce"));
    let wanted = AeadKey::new(Suite::ChaCha20Poly1305, &unhex_array(&hex::encode(bytes("key"))));
    let first = &vector["encryptions"][0];
    let field = |name: &str| unhex(first[name].as_str().expect("hex"));
    assert_eq!(field("nonce"), base_nonce, "the first message has sequence number 0");
    for key in [key, wanted] {
        let mut in_out = field("pt");
        let tag = key.seal_in_place(&base_nonce, &field("aad"), &mut in_out);
        assert_eq!([in_out.as_slice(), &tag].concat(), field("ct"));
        key.open_in_place(&base_nonce, &field("aad"), &mut in_out, &tag).expect("just sealed");
        assert_eq!(in_out, field("pt"));
    }
}

#[test]
fn info_is_bound() {
    let core_hash = CoreHash([1; 32]);
    let binding = Binding { core_hash, suite: Suite::Cobblestone256 };
    for algorithm in [Algorithm::X25519, Algorithm::XWing] {
        let mut secret = Key::<Pair>::zeroed();
        secret.expose_bytes_mut().fill(5);
        let private = PrivateKey::expand(algorithm, &secret);
        let recipient = Recipient::new(private.public()).expect("an honest key");
        let data_key = Key::<Data>::init_with(|key| {
            key.fill(8);
            Ok(())
        })
        .expect("filling does not fail");
        let mut body = vec![0; recipient.shape().expect("a public key seals").body_len];
        recipient
            .wrap_key(&binding, &data_key, &mut crate::rng::OsRandom, &mut body)
            .expect("the key is good");
        let (enc, ct) = body[8..].split_last_chunk::<48>().expect("enc and ct");
        let mut out = Key::<Data>::zeroed();
        assert!(private.open(core_hash, enc, ct, &mut out).expect("here"));
        assert_eq!(out.expose_bytes(), data_key.expose_bytes());
        assert!(!private.open(CoreHash([2; 32]), enc, ct, &mut out).expect("here"));
        assert_eq!(out.expose_bytes(), &[0; 32], "a failed trial leaves nothing");
    }
}
