// SPDX-License-Identifier: MIT OR Apache-2.0
//! The key schedules of AES-256, from FIPS 197.

use std::sync::OnceLock;

/// Round keys 2 to 14: section 5.2. The first two are the key.
pub(crate) fn round_keys(key: &[u8]) -> Vec<u8> {
    let mut words: Vec<[u8; 4]> =
        key.chunks_exact(4).map(|word| word.try_into().expect("4 bytes")).collect();
    for at in 8..60usize {
        let mut word = words[at - 1];
        if at % 8 == 0 {
            word.rotate_left(1);
        }
        if at % 4 == 0 {
            word = word.map(substitute);
        }
        if at % 8 == 0 {
            word[0] ^= 1 << (at / 8 - 1);
        }
        let before = words[at - 8];
        words.push(std::array::from_fn(|byte| word[byte] ^ before[byte]));
    }
    words[8..].concat()
}

/// Round keys 1 to 13 as decryption takes them: sections 5.3.3 and 5.3.5.
pub(crate) fn inverse_round_keys(key: &[u8]) -> Vec<u8> {
    let all = [key, &round_keys(key)].concat();
    all[16..14 * 16].chunks_exact(4).flat_map(inverse_mix_column).collect()
}

/// The same words with their bytes the other way round, as those keep them who work on words.
pub(crate) fn swapped(schedule: &[u8]) -> Vec<u8> {
    schedule.chunks_exact(4).flat_map(|word| [word[3], word[2], word[1], word[0]]).collect()
}

/// The S-box: section 5.1.1.
fn substitute(byte: u8) -> u8 {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    let substitute = |byte: u8| {
        let inverse = (1..=255).find(|other| times(byte, *other) == 1).unwrap_or(0);
        (0..5).fold(0x63, |sum, by| sum ^ inverse.rotate_left(by))
    };
    TABLE.get_or_init(|| (0..=255).map(substitute).collect())[usize::from(byte)]
}

fn inverse_mix_column(column: &[u8]) -> [u8; 4] {
    const FACTORS: [u8; 4] = [0x0e, 0x0b, 0x0d, 0x09];
    std::array::from_fn(|row| {
        (0..4).fold(0, |sum, at| sum ^ times(column[(row + at) % 4], FACTORS[at]))
    })
}

/// Multiplication in the field: section 4.2.
fn times(a: u8, b: u8) -> u8 {
    let step = |(sum, a): (u8, u8), bit: u8| {
        let sum = if b >> bit & 1 == 1 { sum ^ a } else { sum };
        (sum, a << 1 ^ if a & 0x80 == 0 { 0 } else { 0x1b })
    };
    (0..8).fold((0, a), step).0
}

/// What is looked for must be right.
pub(crate) fn check() {
    let key: Vec<u8> = (0..32).collect();
    let last = &round_keys(&key)[12 * 16..];
    // Appendix C.3: the last round key of the key 00 01 .. 1f.
    let wanted = [
        0x24, 0xfc, 0x79, 0xcc, 0xbf, 0x09, 0x79, 0xe9, 0x37, 0x1a, 0xc2, 0x3c, 0x6d, 0x68, 0xde,
        0x36,
    ];
    assert_eq!(last, wanted);
    // Mixing (2, 1, 1, 3) is undone: the first column of the matrix comes from a single byte.
    assert_eq!(inverse_mix_column(&[2, 1, 1, 3]), [1, 0, 0, 0]);
}
