// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is destroyed or dropped is nowhere in the heap any more.
#![cfg(all(feature = "std", target_os = "linux"))]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sealwax::device::keyset::Family;
use sealwax::device::{Expected, Head, Version};
use sealwax::keyset::Clearance;
use sealwax::keyset::backup::Share;
use sealwax::rng::Now;
use sealwax::secret::{Key, Root};
use sealwax::{Algorithm, Keyset, Suite};
use zeroize::Zeroizing;

const NOW: Now = Now::Seconds(1_800_000_000);
const MASK: u8 = 0x5a;

/// A secret, and the same under a mask: what is looked for must not be found in the search itself.
fn secret(seed: u8) -> (Zeroizing<[u8; 32]>, [u8; 32]) {
    let masked: [u8; 32] = std::array::from_fn(|at| (at as u8).wrapping_mul(37) ^ seed);
    let mut secret = Zeroizing::new([0; 32]);
    secret.iter_mut().zip(masked).for_each(|(to, byte)| *to = byte ^ MASK);
    (secret, masked)
}

/// One test at a time: a search that reads what another test plants has a copy of it for a while.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often the secret is in writable memory, this thread's stack excepted.
fn times_in_heap(masked: &[u8; 32]) -> usize {
    let here = 0u8;
    let here = std::ptr::from_ref(&here) as u64;
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the system says");
    let memory = File::open("/proc/self/mem").expect("it is ours");
    let mut times = 0;
    for line in maps.lines().filter(|line| line.contains(" rw-p ") && !line.contains("[stack]")) {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let (from, to) = range.expect("two addresses");
        let parse = |text| u64::from_str_radix(text, 16).expect("a number");
        let (from, to) = (parse(from), parse(to));
        if (from..to).contains(&here) {
            continue;
        }
        let mut page = Zeroizing::new(vec![0; 4096 + 31]);
        for at in (from..to).step_by(4096) {
            let len = (to - at).min(4096 + 31) as usize;
            if memory.read_exact_at(&mut page[..len], at).is_err() {
                continue;
            }
            let is_it = |at: &usize| page[*at..].iter().zip(masked).all(|(a, b)| a ^ b == MASK);
            let begins = page[..len].iter().enumerate().filter(|(_, b)| **b ^ MASK == masked[0]);
            times += begins.map(|(at, _)| at).filter(|at| at + 32 <= len).filter(is_it).count();
            zeroize::Zeroize::zeroize(&mut *page);
            page.resize(4096 + 31, 0);
        }
    }
    times
}

#[test]
fn a_destroyed_version_is_nowhere_in_the_heap_after_rotations() {
    let _alone = alone();
    let (bytes, masked) = secret(0xc1);
    // What lies behind a list keeps it from growing where it is.
    let mut keysets = Vec::new();
    for _ in 0..16 {
        let imported = Keyset::import_raw("orders", Suite::Cobblestone256, &bytes);
        keysets.push((imported.expect("imported"), vec![1u8; 64]));
    }
    let planted = Zeroizing::new(bytes.to_vec());
    drop(bytes);
    assert_ne!(times_in_heap(&masked), 0, "the search finds what is there");
    drop(planted);
    if sealwax::memory_protection().secret_memory.is_on() {
        assert_eq!(times_in_heap(&masked), 0, "what is held is out of reach");
    }
    let clearance = Clearance::danger_without_census();
    for (keyset, _) in &mut keysets {
        let first = keyset.primary().expect("a primary").id();
        for _ in 0..4 {
            keyset.rotate(Suite::Cobblestone256).expect("rotated");
        }
        keyset.destroy(first, &clearance, "", NOW).expect("destroyed");
    }
    assert_eq!(times_in_heap(&masked), 0);
}

#[test]
fn a_dropped_identity_is_nowhere_in_the_heap_after_rotations() {
    let _alone = alone();
    let (bytes, masked) = secret(0x9e);
    let mut keyset = Keyset::import_raw("backup", Algorithm::X25519, &bytes).expect("imported");
    drop(bytes);
    for _ in 0..10 {
        keyset.rotate(Algorithm::X25519).expect("rotated");
    }
    drop(keyset);
    assert_eq!(times_in_heap(&masked), 0);
}

#[test]
fn dropped_shares_are_nowhere_in_the_heap_although_they_were_collected_one_by_one() {
    let _alone = alone();
    let keyset = Keyset::generate("orders", Suite::Cobblestone256).expect("generated");
    let backup = keyset.backup_in_shares(2, 20).expect("made");
    let texts: Vec<_> = backup.shares.iter().map(Share::expose_text).collect();
    let text = backup.shares[1].expose_text();
    // The value, by the same alphabet that the string is in: 51 bytes, of which the last 32 are it.
    let payload = bech32::primitives::decode::UncheckedHrpstring::new(&text).expect("a string");
    let payload: Vec<u8> = payload
        .remove_checksum::<bech32::Bech32m>()
        .byte_iter()
        .skip(19)
        .map(|byte| byte ^ MASK)
        .collect();
    let masked: [u8; 32] = payload[..32].try_into().expect("32 bytes");
    drop(backup);
    // What lies behind a list keeps it from growing where it is.
    let mut lists = Vec::new();
    for _ in 0..16 {
        lists.push((Vec::with_capacity(4), vec![1u8; 64]));
    }
    for text in &texts[..5] {
        for (shares, _) in &mut lists {
            shares.push(Share::parse_text(text).expect("a share"));
        }
    }
    assert_ne!(times_in_heap(&masked), 0, "the search finds what is there");
    drop(lists);
    assert_eq!(times_in_heap(&masked), 0);
}

#[test]
fn dropped_keys_are_nowhere_in_the_heap() {
    let _alone = alone();
    let (bytes, masked) = secret(0xd3);
    let key = |_| {
        Key::<Root>::init_with(|key| {
            *key = *bytes;
            Ok(())
        })
        .expect("filling does not fail")
    };
    // The first bytes of a block that is given back are the allocator's: the keys behind them are looked for.
    let keys: Vec<_> = (0..4).map(key).collect();
    assert!(times_in_heap(&masked) >= 4);
    drop(keys);
    assert_eq!(times_in_heap(&masked), 0);
}

#[test]
fn dropped_versions_of_a_device_are_nowhere_in_the_heap() {
    let _alone = alone();
    let (bytes, masked) = secret(0xd7);
    let keyset = Keyset::import_raw("orders", Suite::ChaCha20Poly1305, &bytes).expect("imported");
    let blob = keyset.expose_unprotected().expect("encoded");
    drop(keyset);
    let mut versions: Vec<_> = (0..2).map(|_| Version::EMPTY).collect();
    let expected = Expected { id: None, min_revision: 0, family: Family::Symmetric };
    let loaded = Head::load_unprotected(&blob, &expected, &mut versions, &mut 0);
    loaded.expect("it loads");
    drop(blob);
    // Away from the beginning of the block, which is the allocator's when it is given back.
    versions.swap(0, 1);
    assert_eq!(times_in_heap(&masked), 1);
    drop(versions);
    assert_eq!(times_in_heap(&masked), 0);
}
