// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys of the AEADs' authenticators, in the forms that the backends keep them in: whoever has one can forge.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};

use super::needles::Secrets;

/// H of GCM and its first powers: NIST SP 800-38D sections 6.3 and 7.
pub(crate) fn add_ghash_key(secrets: &mut Secrets, key: &[u8]) {
    let mut block = [0; 16].into();
    Aes256::new_from_slice(key).expect("32 bytes").encrypt_block(&mut block);
    let h = u128::from_be_bytes(block.into());
    let mut power = h;
    for _ in 0..POWERS {
        // Bit for bit as the standard writes it, and times x as a number, which is how carry-less multiplication wants it.
        for word in [power, times_x(power)] {
            for bytes in
                [word.to_be_bytes(), word.to_le_bytes(), word.rotate_left(64).to_le_bytes()]
            {
                secrets.add("GHASH's key", &bytes);
            }
        }
        power = times(power, h);
    }
}

/// The product in GCM's field, whose first bit is the highest: section 6.3, algorithm 1.
fn times(a: u128, b: u128) -> u128 {
    let step = |(sum, b): (u128, u128), bit: u32| {
        let sum = if a << bit >> 127 == 1 { sum ^ b } else { sum };
        (sum, b >> 1 ^ if b & 1 == 1 { 0xe1 << 120 } else { 0 })
    };
    (0..128).fold((0, b), step).0
}

/// Times x in POLYVAL's field: RFC 8452 appendix A.
fn times_x(word: u128) -> u128 {
    word << 1 ^ if word >> 127 == 1 { 0xc2 << 120 | 1 } else { 0 }
}

/// r and s of Poly1305 for this nonce: RFC 8439 sections 2.5 and 2.6. In bytes, and r in the limbs that it is computed in.
pub(crate) fn add_poly1305_key(secrets: &mut Secrets, key: &[u8], nonce: &[u8; 12]) {
    let mut one_time = [0; 32];
    ChaCha20::new_from_slices(key, nonce).expect("their lengths").apply_keystream(&mut one_time);
    let r = u128::from_le_bytes(one_time[..16].try_into().expect("half of 32 bytes"));
    let clamped = r & 0x0ffffffc_0ffffffc_0ffffffc_0fffffff;
    let limb = |at: usize, bits: usize| (clamped >> (at * bits)) as u64 & ((1 << bits) - 1);
    let short: Vec<u8> = (0..5).flat_map(|at| (limb(at, 26) as u32).to_ne_bytes()).collect();
    let long: Vec<u8> = (0..3).flat_map(|at| limb(at, 44).to_ne_bytes()).collect();
    for form in [&one_time[..], &clamped.to_le_bytes(), &short, &long] {
        secrets.add("Poly1305's key", form);
    }
}

/// What is looked for must be right: a tag that another computes, and the example of RFC 8452 appendix A.
pub(crate) fn check() {
    use aes_gcm::aead::AeadInOut;
    let (key, nonce, aad) = ([7; 32], [9; 12], *b"sixteen bytes...");
    let aead = aes_gcm::Aes256Gcm::new(&key.into());
    let tag = aead.encrypt_inout_detached(&nonce.into(), &aad, [].as_mut_slice().into());
    let cipher = Aes256::new(&key.into());
    let encrypt = |block: [u8; 16]| {
        let mut block = block.into();
        cipher.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    };
    let h = encrypt([0; 16]);
    let mut counter = [0; 16];
    counter[..12].copy_from_slice(&nonce);
    counter[15] = 1;
    // The lengths in bits: 128 of associated data, none of text.
    let hash = times(times(u128::from_be_bytes(aad), h) ^ 128 << 64, h);
    assert_eq!((hash ^ encrypt(counter)).to_be_bytes(), <[u8; 16]>::from(tag.expect("sealed")));
    let h = 0x2562_9347_5892_4276_1d31_f826_ba4b_757b;
    assert_eq!(times_x(h), 0x4ac5_268e_b124_84ec_3a63_f04d_7496_eaf6);
}

/// So many powers the widest code keeps.
const POWERS: usize = 8;
