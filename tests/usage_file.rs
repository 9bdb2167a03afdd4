// SPDX-License-Identifier: MIT OR Apache-2.0
//! A changed usage file is refused, and so is a keyset file that was put back beside it (format.md 8.7a).
#![cfg(feature = "std")]

mod kit;

use kit::beside::{Beside, UsageFields, bytes, vector};
use kit::envelopes::sha256;
use sealwax::rng::Now;
use sealwax::store::{Guard, Options, Store};
use sealwax::{Context, ErrorKind, Keyset, Result, Suite};

/// Usage files with several versions, with a backup, and with nothing in them.
const SPECIMENS: [&str; 3] = ["usage-several-versions", "usage-backup", "usage-no-usages"];

fn specimens() -> impl Iterator<Item = (Beside, Vec<u8>)> {
    SPECIMENS.into_iter().map(|name| {
        let vector = vector(name);
        (Beside::new(&bytes(&vector, "keyset")), bytes(&vector, "file"))
    })
}

fn read(beside: &Beside, usage: &[u8]) -> Result<()> {
    beside.put_usage(usage);
    beside.open()?.usage().map(drop)
}

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// What a file of the right length must be refused with, in the order of format.md 8.7a.
fn wanted(changed: &[u8], honest: &UsageFields) -> ErrorKind {
    let count = u32::from_be_bytes(changed[69..73].try_into().expect("4 bytes")) as usize;
    if changed[..5] != *b"SWXL\x01" {
        return ErrorKind::Format;
    }
    if count > 65_536 {
        return ErrorKind::Limit;
    }
    if count != honest.usages.len() {
        return match count > honest.usages.len() {
            true => ErrorKind::Truncated,
            false => ErrorKind::Format,
        };
    }
    let fields = UsageFields::parse(changed);
    let ids: Vec<u64> = fields.usages.iter().map(|usage| usage[0]).collect();
    if fields.serial == 0
        || fields.revision == 0
        || fields.backup_revision > fields.revision
        || (fields.backup_revision == 0 && fields.backup_at != 0)
        || ids.contains(&0)
        || !ids.is_sorted_by(|a, b| a < b)
    {
        return ErrorKind::Format;
    }
    // Another keyset id, or a mac that does not hold.
    ErrorKind::KeyState
}

#[test]
fn every_flipped_bit_is_refused_for_what_it_is() {
    for (beside, file) in specimens() {
        let honest = UsageFields::parse(&file);
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut changed = file.clone();
                changed[at] ^= 1 << bit;
                let got = kind(read(&beside, &changed));
                assert_eq!(got, Some(wanted(&changed, &honest)), "bit {bit} of byte {at}");
            }
        }
        read(&beside, &file).expect("the honest file is read");
    }
}

#[test]
fn every_truncation_is_truncated() {
    for (beside, file) in specimens() {
        for len in 0..file.len() {
            assert_eq!(
                kind(read(&beside, &file[..len])),
                Some(ErrorKind::Truncated),
                "{len} bytes"
            );
        }
    }
}

#[test]
fn bytes_after_the_mac_are_refused() {
    for (beside, mut file) in specimens() {
        for _ in 0..64 {
            file.push(0);
            assert_eq!(kind(read(&beside, &file)), Some(ErrorKind::Format));
        }
    }
}

#[test]
fn the_usage_file_of_one_keyset_is_refused_beside_another() {
    for ((beside, _), (_, other)) in specimens().zip(specimens().skip(1)) {
        assert_eq!(kind(read(&beside, &other)), Some(ErrorKind::KeyState));
    }
}

#[test]
fn a_keyset_file_put_back_is_noticed() {
    let (beside, _) = specimens().next().expect("there is one");
    let old = std::fs::read(beside.keyset_path()).expect("it is there");
    let store = beside.open().expect("it opens without a usage file");
    store.change(|keyset| keyset.rotate(Suite::ChaCha20Poly1305)).expect("it can be changed");
    let seen = beside.usage();
    assert_eq!(seen.revision, store.keyset().revision());
    assert_eq!(seen.fingerprint, store.keyset().fingerprint().expect("here"));
    drop(store);

    std::fs::write(beside.keyset_path(), old).expect("it can be written");
    assert_eq!(kind(beside.open()), Some(ErrorKind::KeyState));
}

#[test]
fn a_usage_file_put_back_is_noticed_by_whoever_saw_a_newer_one() {
    for (beside, file) in specimens() {
        beside.put_usage(&file);
        let store = beside.open().expect("it opens");
        let revision = store.keyset().revision();
        store.record_backup(revision, Now::Seconds(1)).expect("it can be written");

        beside.put_usage(&file);
        assert_eq!(kind(store.usage()), Some(ErrorKind::KeyState));
        // Whoever comes later cannot know (format.md 11.4b).
        beside.open().expect("it opens").usage().expect("it is genuine");
    }
}

#[test]
fn a_usage_file_taken_away_is_noticed_by_whoever_saw_one() {
    for (beside, file) in specimens() {
        beside.put_usage(&file);
        let store = beside.open().expect("it opens");
        std::fs::remove_file(beside.usage_path()).expect("it can be removed");
        assert_eq!(kind(store.usage()), Some(ErrorKind::KeyState));
        let revision = store.keyset().revision();
        let written = store.record_backup(revision, Now::Seconds(1));
        assert_eq!(kind(written), Some(ErrorKind::KeyState));
        assert!(!beside.usage_path().exists(), "nothing was written");
    }
}

#[test]
fn a_lease_is_refused_where_the_usage_file_does_not_hold() {
    let (beside, file) = specimens().next().expect("there is one");
    for at in [21, 60, 73 + 11, file.len() - 1] {
        beside.put_usage(&file);
        let store = beside.open().expect("it opens");
        let mut changed = file.clone();
        changed[at] ^= 1;
        beside.put_usage(&changed);
        assert!(store.seal(b"x", &Context::new()).is_err(), "byte {at}");
        assert_eq!(std::fs::read(beside.usage_path()).expect("it is there"), changed);
    }
}

#[test]
fn what_another_writer_changed_is_no_alarm() {
    let (beside, file) = specimens().next().expect("there is one");
    beside.put_usage(&file);
    let (one, other) = (beside.open().expect("it opens"), beside.open().expect("it opens"));
    for _ in 0..4 {
        other.change(|keyset| keyset.rotate(Suite::ChaCha20Poly1305)).expect("it can be changed");
        one.usage().expect("the other's revision is loaded first");
        one.backed_up().expect("the other's revision is loaded first");
        one.seal(b"x", &Context::new()).expect("a lease is taken under the newest revision");
        assert_eq!(one.keyset().revision(), other.keyset().revision());
    }
}

#[test]
fn readers_and_writers_of_one_store_raise_no_alarm() {
    let (beside, file) = specimens().next().expect("there is one");
    beside.put_usage(&file);
    let store = beside.open().expect("it opens");
    let revision = store.keyset().revision();
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                for at in 1..60 {
                    let now = Now::Seconds(at);
                    store.record_backup(revision, now).expect("it can be written");
                }
            });
            threads.spawn(|| {
                for _ in 0..300 {
                    store.usage().expect("it holds");
                }
            });
        }
    });
    assert_eq!(beside.usage().serial, UsageFields::parse(&file).serial + 2 * 59);
}

#[test]
fn refreshing_while_others_change_raises_no_alarm() {
    let (beside, file) = specimens().next().expect("there is one");
    beside.put_usage(&file);
    let store = beside.open().expect("it opens");
    let (first, changes) = (store.keyset().revision(), 40);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..changes {
                store.change(|keyset| keyset.rotate(Suite::Cobblestone256)).expect("it is ours");
            }
        });
        for _ in 0..2 {
            threads.spawn(|| {
                while store.keyset().revision() < first + changes {
                    store.refresh().expect("the file is never older");
                    store.usage().expect("it holds");
                }
            });
        }
    });
}

#[test]
fn no_lease_is_lost_where_many_seal_and_rotate_at_once() {
    let (beside, _) = specimens().next().expect("there is one");
    let (stores, messages, len) = (4, 150u64, 5u64);
    std::thread::scope(|threads| {
        for number in 0..stores {
            let options = Options { lease_messages: 7, lease_bytes: 40, ..Options::default() };
            let store = Store::open(&beside.keyset_path(), Guard::Unprotected, options);
            let store = store.expect("it opens");
            threads.spawn(move || {
                for message in 0..messages {
                    store.seal(&[0; 5], &Context::new()).expect("it can be sealed");
                    if message % 8 == number {
                        let rotate = |keyset: &mut Keyset| keyset.rotate(Suite::Cobblestone256);
                        store.change(rotate).expect("it can be changed");
                    }
                }
                store.release().expect("what is left is given back");
            });
        }
    });
    let used = beside
        .usage()
        .usages
        .iter()
        .fold([0; 2], |sum, usage| [sum[0] + usage[1], sum[1] + usage[2]]);
    assert_eq!(used, [stores * messages, stores * messages * len]);
    let revision = beside.open().expect("it opens").keyset().revision();
    assert_eq!(revision, beside.usage().revision);
}

#[test]
fn a_restored_keyset_follows_all_revisions_that_were_seen() {
    let (beside, file) = specimens().next().expect("there is one");
    beside.put_usage(&file);
    let store = beside.open().expect("it opens");
    let backup = store.keyset().backup_in_shares(2, 2).expect("it can be made");
    let (backed_up, encoding) = (store.keyset().revision(), encoding(&store.keyset()));
    for _ in 0..3 {
        store.change(|keyset| keyset.rotate(Suite::Cobblestone256)).expect("it can be changed");
    }
    drop(store);

    std::fs::remove_file(beside.keyset_path()).expect("it can be removed");
    let restored = || Keyset::restore_from_shares(&backup.file, &backup.shares);
    let store = Store::restore(
        &beside.keyset_path(),
        restored().expect("all shares are here"),
        Guard::Unprotected,
        Options::default(),
    );
    let store = store.expect("the usage file says which revisions there were");
    assert_eq!(store.keyset().revision(), backed_up + 4);
    assert_eq!(parent(&store.keyset()), sha256(&[&encoding]), "H of the backup's encoding");
    store.usage().expect("the usage file goes on counting");
    store.change(|keyset| keyset.rotate(Suite::Cobblestone256)).expect("it can be changed");
    assert_eq!(beside.usage().revision, backed_up + 5);

    // A keyset file that is there is never replaced.
    let again = restored().expect("all shares are here");
    let again =
        Store::restore(&beside.keyset_path(), again, Guard::Unprotected, Options::default());
    assert_eq!(kind(again), Some(ErrorKind::Io));
}

fn encoding(keyset: &Keyset) -> Vec<u8> {
    let file = keyset.expose_unprotected().expect("it can be written");
    file[5..file.len() - 16].to_vec()
}

/// The field of format.md 8.1.
fn parent(keyset: &Keyset) -> [u8; 32] {
    let at = 1 + 16 + 1 + keyset.name().len() + 8;
    encoding(keyset)[at..at + 32].try_into().expect("32 bytes")
}

#[test]
fn a_restored_keyset_names_its_backup_as_parent() {
    // As before a keyset had a usage key.
    let beside = Beside::new(&bytes(&vector("usage-no-usage-key"), "keyset"));
    let file = std::fs::read(beside.keyset_path()).expect("it is there");
    let keyset = Keyset::parse_unprotected(&file).expect("it is a keyset");
    std::fs::remove_file(beside.keyset_path()).expect("it can be removed");
    let (revision, backup) = (keyset.revision(), encoding(&keyset));
    let store =
        Store::restore(&beside.keyset_path(), keyset, Guard::Unprotected, Options::default());
    let store = store.expect("nothing stands in its way");
    assert_eq!(store.keyset().revision(), revision + 1);
    assert_eq!(parent(&store.keyset()), sha256(&[&backup]));
}
