// SPDX-License-Identifier: MIT OR Apache-2.0
//! A ciphertext that opens under two keys of the bare AEAD opens under one of ours (format.md 3.3, 5A.6).
#![cfg(feature = "std")]

mod kit;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{AeadInOut, Aes128Gcm, Aes256Gcm, KeyInit};
use hmac::{Hmac, Mac};
use kit::envelopes::{Parts, expand};
use kit::keys::raw_key;
use kit::shared::{Tally, folder, unhex, unhex_array};
use kit::specimens::{KEYSET, VERSION, keyset};
use sealwax::{Context, Error, ErrorKind, Opener, Sealer, Suite};
use sha2::Sha512;

const SALT: [u8; 24] = [0x5a; 24];

/// An AES-256-GCM key with the nonce of its one message.
struct Bare {
    key: [u8; 32],
    nonce: [u8; 12],
}

impl Bare {
    fn block(&self, block: u128) -> u128 {
        let aes = Aes256::new(&self.key.into());
        let mut block = block.to_be_bytes().into();
        aes.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    }

    /// H of GCM: the encrypted zero block.
    fn hash_key(&self) -> u128 {
        self.block(0)
    }

    /// The tag of whole blocks without associated data: SP 800-38D section 7.1.
    fn tag(&self, blocks: &[u128]) -> u128 {
        let lengths = blocks.len() as u128 * 128;
        let sum = |sum, block| multiply(sum ^ block, self.hash_key());
        let hash = blocks.iter().copied().chain([lengths]).fold(0, sum);
        let mut counter = [0; 16];
        counter[..12].copy_from_slice(&self.nonce);
        counter[15] = 1;
        hash ^ self.block(u128::from_be_bytes(counter))
    }

    fn opens(&self, sealed: &[u8]) -> bool {
        let (ciphertext, tag) = sealed.split_last_chunk::<16>().expect("a tag");
        let mut in_out = ciphertext.to_vec();
        Aes256Gcm::new(&self.key.into())
            .decrypt_inout_detached(
                &self.nonce.into(),
                &[],
                InOutBuf::from(in_out.as_mut_slice()),
                tag.into(),
            )
            .is_ok()
    }
}

/// The product in GCM's field of 2^128 elements: SP 800-38D section 6.3.
fn multiply(one: u128, other: u128) -> u128 {
    let (mut product, mut term) = (0, other);
    for bit in (0..128).rev() {
        if one >> bit & 1 == 1 {
            product ^= term;
        }
        term = term >> 1 ^ if term & 1 == 1 { 0xe1 << 120 } else { 0 };
    }
    product
}

/// The inverse: the power of 2^128 - 2.
fn inverse(one: u128) -> u128 {
    let (mut power, mut result) = (one, 1 << 127);
    for _ in 1..128 {
        power = multiply(power, power);
        result = multiply(result, power);
    }
    result
}

/// A ciphertext with its tag that AES-256-GCM opens under both: the last block is solved for.
fn for_two_keys(one: &Bare, other: &Bare) -> Vec<u8> {
    let mut blocks = [0x1234_5678, 0x9abc_def0, 0x0f1e_2d3c, 0];
    let square = |bare: &Bare| multiply(bare.hash_key(), bare.hash_key());
    let difference = one.tag(&blocks) ^ other.tag(&blocks);
    blocks[3] = multiply(difference, inverse(square(one) ^ square(other)));
    assert_eq!(one.tag(&blocks), other.tag(&blocks));
    let mut sealed: Vec<u8> = blocks.iter().flat_map(|block| block.to_be_bytes()).collect();
    sealed.extend(one.tag(&blocks).to_be_bytes());
    assert!(one.opens(&sealed) && other.opens(&sealed), "the bare AEAD opens it under both");
    sealed
}

/// Key and commitment of T (format.md 3.1).
fn value_key(key: &[u8], context: &[u8]) -> (Bare, Vec<u8>) {
    let okm = expand(key, &[b"sealwax/v1/T", &SALT, context], 64);
    let key = okm[..32].try_into().expect("32 bytes");
    (Bare { key, nonce: [0; 12] }, okm[32..].to_vec())
}

fn kind(result: Result<impl Sized, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn a_token_for_two_keys_opens_under_the_one_it_commits_to() {
    let context = Context::new().with("row", "42").expect("an allowed name");
    let keys = [1u8, 2].map(|byte| {
        let label = b"sealwax/v1/token\0\x01";
        let token_key = expand(&[byte; 32], &[label, &KEYSET.0, &VERSION.to_be_bytes()], 32);
        value_key(&token_key, context.as_encoded().as_bytes())
    });
    let sealed = for_two_keys(&keys[0].0, &keys[1].0);
    let keysets = [keyset(1, 1), keyset(1, 2)];
    for (committed, (_, commitment)) in keys.iter().enumerate() {
        let head = [&[0x11][..], &VERSION.to_be_bytes()].concat();
        let token = [&head, &SALT[..], commitment, &sealed].concat();
        for (index, keyset) in keysets.iter().enumerate() {
            let opened = keyset.open(&token, &context);
            match index == committed {
                true => assert_eq!(opened.expect("the committed key").len(), 64),
                false => assert_eq!(kind(opened), Some(ErrorKind::Decrypt)),
            }
        }
    }
}

#[test]
fn a_payload_for_two_data_keys_opens_under_the_one_it_commits_to() {
    let key = raw_key(5, 6);
    let headers = [0, 1].map(|_| {
        let sealer = Sealer::new().recipient(&key).suite(Suite::Cobblestone256);
        let mut parts = Parts::cut(&sealer.seal(b"").expect("it can be sealed"));
        let (bare, commitment) = chunk_key(&data_key(&parts), &parts.core_hash());
        parts.payload.clear();
        (parts.join(), bare, commitment)
    });
    let chunk = for_two_keys(&headers[0].1, &headers[1].1);
    for (committed, (_, _, commitment)) in headers.iter().enumerate() {
        for (index, (header, ..)) in headers.iter().enumerate() {
            let envelope = [header, &SALT[..], commitment, &chunk].concat();
            let opened = Opener::new().key(&key).open(&envelope);
            match index == committed {
                true => assert_eq!(opened.expect("the committed key").plaintext.len(), 64),
                false => assert_eq!(kind(opened), Some(ErrorKind::Decrypt)),
            }
        }
    }
}

/// The data key of an envelope for the raw key (5, 6): format.md 5.5 and 3.1.
fn data_key(parts: &Parts) -> [u8; 32] {
    let (_, body) = &parts.slots[0].entries[0];
    let wrap_key = expand(&[6; 32], &[b"sealwax/v1/raw-key\0\x01", &[5; 16]], 32);
    let (id, sealed) = body.split_at(16);
    assert_eq!(id, [5; 16]);
    let (salt, rest) = sealed.split_at(24);
    let okm = expand(&wrap_key, &[b"sealwax/v1/T", salt, &parts.core_hash()], 64);
    assert_eq!(&rest[..32], &okm[32..], "the commitment");
    let (ciphertext, tag) = rest[32..].split_at(32);
    let mut key: [u8; 32] = ciphertext.try_into().expect("32 bytes");
    let gcm = Aes256Gcm::new_from_slice(&okm[..32]).expect("32 bytes");
    let (nonce, tag) = ([0; 12], <[u8; 16]>::try_from(tag).expect("16 bytes"));
    gcm.decrypt_inout_detached(&nonce.into(), &[], InOutBuf::from(key.as_mut_slice()), &tag.into())
        .expect("sealed by us");
    key
}

/// Key, nonce of chunk 0 and commitment of M in suite 1 (format.md 4.2, 5A.1).
fn chunk_key(data_key: &[u8; 32], core_hash: &[u8; 32]) -> (Bare, Vec<u8>) {
    let payload_key = expand(data_key, &[b"sealwax/v1/payload\0\x01"], 32);
    let label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
    let mut okm = Vec::new();
    for counter in 1..=2 {
        let mut hmac = Hmac::<Sha512>::new_from_slice(&payload_key).expect("HMAC takes any key");
        hmac.update(&okm);
        for piece in [&label[..], &SALT, core_hash, &[counter]] {
            hmac.update(piece);
        }
        okm.extend(hmac.finalize().into_bytes());
    }
    let key = okm[..32].try_into().expect("32 bytes");
    let nonce = okm[32..44].try_into().expect("12 bytes");
    (Bare { key, nonce }, okm[44..76].to_vec())
}

#[test]
fn the_published_ambiguous_ciphertexts_open_under_neither_key_of_ours() {
    let Some(folder) = folder("commitment-attacks/mitra-gcm") else { return };
    let mut tally = Tally::default();
    for file in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = file.expect("the folder can be listed").path();
        let text = std::fs::read_to_string(&path).expect("a file of text");
        let field = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(':'));
            let value = lines.find(|(field, _)| *field == name).expect("the field is there").1;
            unhex(value.trim())
        };
        let (nonce, tag) = (field("nonce"), field("tag"));
        let nonce: [u8; 12] = nonce.try_into().expect("12 bytes");
        let tag: [u8; 16] = tag.try_into().expect("16 bytes");
        let keys = [field("key1"), field("key2")];
        for key in &keys {
            let mut in_out = field("ciphertext");
            Aes128Gcm::new_from_slice(key)
                .expect("16 bytes")
                .decrypt_inout_detached(
                    &nonce.into(),
                    &field("adata"),
                    InOutBuf::from(in_out.as_mut_slice()),
                    &tag.into(),
                )
                .unwrap_or_else(|_| panic!("{} opens under both keys", path.display()));
        }
        // The attack's keys, doubled to 32 bytes, as keys of ours; the ciphertext behind either commitment.
        let doubled =
            keys.map(|key| unhex_array::<32>(&hex::encode([key.as_slice(), &key].concat())));
        let derived = doubled.map(|root| {
            let label = b"sealwax/v1/token\0\x01";
            let token_key = expand(&root, &[label, &KEYSET.0, &VERSION.to_be_bytes()], 32);
            value_key(&token_key, &[])
        });
        for (_, commitment) in &derived {
            let head = [&[0x11][..], &VERSION.to_be_bytes()].concat();
            let token = [&head, &SALT[..], commitment, &field("ciphertext"), &tag].concat();
            for root in doubled {
                let version = kit::keys::VersionMaterial::active(VERSION, 1, root);
                let keyset = kit::keys::KeysetMaterial::of_one(KEYSET.0, version).keyset();
                assert_eq!(kind(keyset.open(&token, &Context::new())), Some(ErrorKind::Decrypt));
            }
        }
        tally.ran += 1;
    }
    // kste-siv-ocb: AES-GCM-SIV and OCB are no AEADs of ours.
    tally.skip("kste-siv-ocb");
    tally.finish("commitment attacks", 8);
}
