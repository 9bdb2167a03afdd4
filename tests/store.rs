// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets in files: changed under a lock, followed, counted; put back, damaged, forked.
#![cfg(all(feature = "std", unix))]

mod kit;

use std::path::PathBuf;
use std::sync::Arc;

use kit::keys::{cheap_passphrase, raw_key};
use sealwax::id::KeyState;
use sealwax::keyset::file::{Description, Protection};
use sealwax::rng::Now;
use sealwax::store::{BadUsage, Counting, Guard, Options, Refreshed, Store};
use sealwax::{Algorithm, Context, Error, ErrorKind, Keyset, Result, Sealer, Suite};

const SUITE: Suite = Suite::ChaCha20Poly1305;
const NOW: Now = Now::Seconds(1_800_000_000);

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// A keyset file in a folder of its own.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Home { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("orders.swxk")
    }

    fn usage(&self) -> PathBuf {
        self.folder.path().join("orders.swxl")
    }

    fn create(&self) -> Store {
        let keyset = Keyset::generate("orders", SUITE).expect("generated");
        Store::create(&self.path(), keyset, Guard::Unprotected, small()).expect("created")
    }

    fn open(&self) -> Store {
        self.try_open(small()).expect("opened")
    }

    fn try_open(&self, options: Options) -> Result<Store> {
        Store::open(&self.path(), Guard::Unprotected, options)
    }

    fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let read = |path| std::fs::read(path).expect("it is there");
        (read(self.path()), read(self.usage()))
    }

    fn put(&self, keyset: &[u8], usage: &[u8]) {
        std::fs::write(self.path(), keyset).expect("written");
        std::fs::write(self.usage(), usage).expect("written");
    }
}

/// Leases that a test can count.
fn small() -> Options {
    Options { lease_messages: 10, lease_bytes: 1000, ..Options::default() }
}

fn seal(store: &Store, times: usize) {
    for _ in 0..times {
        store.seal(b"12345", &Context::new()).expect("sealed");
    }
}

fn messages(store: &Store) -> (u64, u64) {
    let primary = store.keyset().primary().expect("a primary").id();
    let usage = store.usage().expect("read").get(&primary).copied().unwrap_or_default();
    (usage.messages, usage.bytes)
}

#[test]
fn what_one_store_changes_another_picks_up() {
    let home = Home::new();
    let (one, other) = (home.create(), home.open());
    let token = one.seal(b"value", &Context::new()).expect("sealed");
    assert_eq!(other.refresh().expect("looked"), Refreshed::Unchanged);
    let new = one.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    assert_eq!(other.keyset().revision(), 1, "nobody looked yet");
    assert_eq!(other.refresh().expect("looked"), Refreshed::Newer(2));
    assert_eq!(other.keyset().primary().expect("a primary").id(), new);
    let opened = other.open_token(&token, &Context::new()).expect("it opens");
    assert_eq!(opened.as_slice(), b"value");
    // A change starts from what is in the file, also where this store did not look.
    one.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    other.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    assert_eq!(other.keyset().versions().len(), 4);
    let stale = one.change_from(3, |keyset| keyset.rotate(SUITE));
    assert_eq!(kind(stale), Some(ErrorKind::KeyState), "it is at revision 4");
    one.change_from(4, |keyset| keyset.rotate(SUITE)).expect("changed");
}

#[test]
fn a_service_notices_within_about_a_second_without_being_told() {
    let home = Home::new();
    let (one, service) = (home.create(), home.open());
    one.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while service.keyset().revision() == 1 {
        assert!(std::time::Instant::now() < patience, "it never noticed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_change_that_fails_or_changes_nothing_writes_nothing() {
    let home = Home::new();
    let store = home.create();
    seal(&store, 1);
    let before = home.bytes();
    let refused = store.change(|keyset| {
        keyset.rotate(SUITE)?;
        Err::<(), _>(Error::Misuse("told so"))
    });
    assert_eq!(kind(refused), Some(ErrorKind::Misuse));
    store.change(|_| Ok(())).expect("nothing to do");
    assert_eq!(home.bytes(), before);
    assert_eq!(store.keyset().revision(), 1);
}

#[test]
fn messages_are_counted_in_blocks_and_what_is_left_is_given_back() {
    let home = Home::new();
    let store = home.create();
    assert!(!home.usage().exists(), "nothing was sealed");
    seal(&store, 3);
    assert_eq!(messages(&store), (10, 1000), "a block was charged");
    let written = home.bytes().1;
    seal(&store, 7);
    assert_eq!(home.bytes().1, written, "no write for each message");
    seal(&store, 1);
    assert_eq!(messages(&store), (20, 2000));
    let primary = store.keyset().primary().expect("a primary").usage();
    assert_eq!((primary.messages, primary.bytes), (11, 55), "what was sealed");
    store.release().expect("given back");
    assert_eq!(messages(&store), (11, 55));
    store.release().expect("once");
    assert_eq!(messages(&store), (11, 55));
    seal(&store, 1);
    assert_eq!(messages(&store), (21, 1055));
    drop(store);
    assert_eq!(messages(&home.open()), (12, 60));
}

#[test]
fn an_envelope_is_a_message_of_32_bytes() {
    let home = Home::new();
    let store = home.create();
    Sealer::new().recipient(&*store.keyset()).seal(&[0; 5000]).expect("sealed");
    store.release().expect("given back");
    assert_eq!(messages(&store), (1, 32));
}

#[test]
fn a_crash_leaves_the_counters_too_high_and_never_too_low() {
    let home = Home::new();
    let store = home.create();
    seal(&store, 4);
    std::mem::forget(store);
    let store = home.open();
    assert_eq!(messages(&store), (10, 1000));
    seal(&store, 1);
    drop(store);
    assert_eq!(messages(&home.open()), (11, 1005));
}

#[test]
fn several_stores_count_together_and_failed_opens_are_added() {
    let home = Home::new();
    let stores: Vec<Store> =
        (0..4).map(|n| if n == 0 { home.create() } else { home.open() }).collect();
    for store in &stores {
        seal(store, 25);
        let mut token = store.seal(b"value", &Context::new()).expect("sealed");
        *token.last_mut().expect("not empty") ^= 1;
        assert_eq!(kind(store.open_token(&token, &Context::new())), Some(ErrorKind::Decrypt));
    }
    drop(stores);
    let store = home.open();
    let primary = store.keyset().primary().expect("a primary").id();
    let usage = store.usage().expect("read")[&primary];
    assert_eq!((usage.messages, usage.bytes, usage.failed_opens), (104, 520, 4));
}

#[test]
fn a_rotation_is_due_by_what_all_processes_sealed() {
    let home = Home::new();
    let store = home.create();
    store
        .change(|keyset| {
            let mut policy = *keyset.policy();
            policy.rotate_after_messages = 30;
            keyset.set_policy(policy)
        })
        .expect("changed");
    seal(&store, 31);
    drop(store);
    let other = home.open();
    assert!(other.change(|keyset| keyset.rotate_if_due(Now::Unknown)).expect("asked").is_some());
    assert!(other.change(|keyset| keyset.rotate_if_due(Now::Unknown)).expect("asked").is_none());
}

#[test]
fn a_suspended_version_seals_no_more_than_its_lease_elsewhere() {
    let home = Home::new();
    let (operator, service) = (home.create(), home.open());
    seal(&service, 1);
    let primary = operator.keyset().primary().expect("a primary").id();
    let held = service.keyset();
    operator.change(|keyset| keyset.suspend(primary, "", NOW)).expect("changed");
    // Whoever goes on with an old revision stops where its lease ends.
    for _ in 0..9 {
        held.seal(b"12345", &Context::new()).expect("leased before");
    }
    assert_eq!(kind(held.seal(b"12345", &Context::new())), Some(ErrorKind::KeyState));
    assert_eq!(service.keyset().versions()[0].state(), KeyState::Suspended, "it looked meanwhile");
}

#[test]
fn a_keyset_file_put_back_is_reported_and_not_used() {
    let home = Home::new();
    let store = home.create();
    seal(&store, 1);
    store.release().expect("given back");
    let old = home.bytes();
    store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    let new = home.bytes();
    home.put(&old.0, &new.1);
    // This process saw a newer one, and another finds the mark beside the file.
    assert_eq!(kind(store.refresh()), Some(ErrorKind::KeyState));
    assert_eq!(store.keyset().revision(), 2, "what was in use stays in use");
    assert_eq!(kind(store.change(|k| k.rotate(SUITE))), Some(ErrorKind::KeyState));
    assert_eq!(home.bytes(), (old.0.clone(), new.1.clone()), "nothing was written over it");
    assert_eq!(kind(home.try_open(small())), Some(ErrorKind::KeyState));
    let told = Options { min_revision: 2, counting: Counting::Memory, ..small() };
    assert_eq!(kind(home.try_open(told)), Some(ErrorKind::KeyState));
    // Both put back are not found without outside memory, and that is said (format.md 11.4b).
    home.put(&old.0, &old.1);
    assert_eq!(home.open().keyset().revision(), 1);
}

#[test]
fn two_copies_that_were_changed_apart_are_a_conflict() {
    let home = Home::new();
    let store = home.create();
    seal(&store, 1);
    store.release().expect("given back");
    let start = home.bytes();
    store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    let ours = home.bytes();
    home.put(&start.0, &start.1);
    home.open().change(|keyset| keyset.rotate(SUITE)).expect("changed");
    let theirs = home.bytes();
    assert_eq!(kind(store.refresh()), Some(ErrorKind::KeyState));
    home.put(&theirs.0, &ours.1);
    assert_eq!(kind(home.try_open(small())), Some(ErrorKind::KeyState), "the fingerprints differ");
}

#[test]
fn every_changed_bit_of_a_usage_file_is_refused() {
    let home = Home::new();
    let store = home.create();
    seal(&store, 1);
    drop(store);
    let (keyset, usage) = home.bytes();
    for at in 0..usage.len() {
        for bit in 0..8 {
            let mut flipped = usage.clone();
            flipped[at] ^= 1 << bit;
            home.put(&keyset, &flipped);
            assert!(home.try_open(small()).is_err(), "byte {at}, bit {bit}");
        }
        home.put(&keyset, &usage[..at]);
        let wanted = Some(ErrorKind::Truncated);
        assert_eq!(kind(home.try_open(small())), wanted, "cut at {at}");
    }
    home.put(&keyset, &[usage.as_slice(), b"x"].concat());
    assert_eq!(kind(home.try_open(small())), Some(ErrorKind::Format));
    // Told to, a store counts anew, with a serial that nobody takes for an older one.
    let mut flipped = usage.clone();
    flipped[100] ^= 1;
    home.put(&keyset, &flipped);
    let anew = home.try_open(Options { bad_usage: BadUsage::Replace, ..small() }).expect("told so");
    seal(&anew, 1);
    drop(anew);
    assert_eq!(messages(&home.open()), (1, 5));
    let serial = |file: &[u8]| u64::from_be_bytes(file[21..29].try_into().expect("8 bytes"));
    assert!(serial(&home.bytes().1) > serial(&usage));
}

#[test]
fn a_usage_file_that_is_put_back_or_gone_is_noticed_by_who_saw_it() {
    let home = Home::new();
    let store = home.create();
    seal(&store, 1);
    let old = home.bytes();
    seal(&store, 10);
    home.put(&old.0, &old.1);
    let more = || store.seal(&[0; 5000], &Context::new());
    assert_eq!(kind(more()), Some(ErrorKind::KeyState), "an older one");
    std::fs::remove_file(home.usage()).expect("removed");
    assert_eq!(kind(more()), Some(ErrorKind::KeyState), "none");
    assert_eq!(kind(store.release()), Some(ErrorKind::KeyState), "nothing is given back to it");
}

#[test]
fn a_file_is_written_again_for_all_of_its_recipients_or_not_at_all() {
    let home = Home::new();
    let keyset = Keyset::generate("orders", SUITE).expect("generated");
    let identity = Keyset::generate("recovery", Algorithm::XWing).expect("generated");
    let recovery = identity.recipient().expect("a pair").clone();
    let all = || Guard::sealed(raw_key(1, 1)).and(raw_key(2, 2)).and(recovery.clone());
    let store = Store::create(&home.path(), keyset, all(), small()).expect("created");
    store.change(|keyset| keyset.rotate(SUITE)).expect("all are given");
    for some in [Guard::sealed(raw_key(1, 1)), Guard::sealed(raw_key(2, 2)).and(raw_key(1, 1))] {
        let store = Store::open(&home.path(), some, small()).expect("it opens");
        let refused = store.change(|keyset| keyset.rotate(SUITE));
        assert_eq!(kind(refused), Some(ErrorKind::Misuse), "somebody would be locked out");
        store.seal(b"value", &Context::new()).expect("using it is no change");
    }
    let one = Store::open(&home.path(), Guard::sealed(raw_key(1, 1)), small()).expect("it opens");
    one.protect(Guard::sealed(cheap_passphrase("correct horse"))).expect("told so");
    one.change(|keyset| keyset.rotate(SUITE)).expect("with the new one");
    let passphrase = cheap_passphrase("correct horse");
    let again = Keyset::load(&home.path(), Protection::Sealed(&[&passphrase])).expect("it opens");
    assert_eq!(again.revision(), 4);
    let lost = Keyset::load(&home.path(), Protection::Sealed(&[&raw_key(1, 1)]));
    assert_eq!(kind(lost), Some(ErrorKind::UnknownKey));
}

#[test]
fn in_memory_nothing_is_written_beside_the_file() {
    let home = Home::new();
    drop(home.create());
    let store = home.try_open(Options { counting: Counting::Memory, ..small() }).expect("opened");
    seal(&store, 100);
    let primary = store.keyset().primary().expect("a primary").usage();
    assert_eq!((primary.messages, primary.bytes), (100, 500));
    drop(store);
    assert!(!home.usage().exists());
}

#[test]
fn a_keyset_without_a_usage_key_gets_one_when_it_is_first_used() {
    let home = Home::new();
    let identity = Keyset::generate("me", Algorithm::X25519).expect("generated");
    let text = identity.expose_identity_text().expect("a pair");
    let identity = Keyset::parse_identity_text(&text).expect("read");
    let store =
        Store::create(&home.path(), identity, Guard::Unprotected, small()).expect("created");
    store.record_backup(1, NOW).expect("recorded");
    assert_eq!(store.keyset().revision(), 2, "it has a usage key now");
    let backup = store.backed_up().expect("read").expect("recorded");
    assert_eq!((backup.revision, backup.at), (1, NOW));
    assert!(home.open().backed_up().expect("read").is_some());
}

#[test]
fn links_share_lock_and_usage_file() {
    let home = Home::new();
    let store = home.create();
    let link = home.folder.path().join("link.swxk");
    std::os::unix::fs::symlink(home.path(), &link).expect("linked");
    let linked = Store::open(&link, Guard::Unprotected, small()).expect("opened");
    seal(&linked, 1);
    linked.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    assert_eq!(store.refresh().expect("looked"), Refreshed::Newer(2));
    assert!(link.symlink_metadata().expect("there").file_type().is_symlink());
    assert!(home.usage().exists() && !home.folder.path().join("link.swxl").exists());
}

#[test]
fn threads_share_a_store() {
    let home = Home::new();
    let store = Arc::new(home.create());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| seal(&store, 500));
        }
        scope.spawn(|| {
            for _ in 0..5 {
                store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
            }
        });
    });
    store.release().expect("given back");
    let all: u64 = store.usage().expect("read").values().map(|usage| usage.messages).sum();
    assert_eq!(all, 4000);
    assert_eq!(store.keyset().versions().len(), 6);
    assert_eq!(Description::load(store.path()).expect("described").revision, 6);
}

#[test]
fn a_closed_store_seals_no_more() {
    let home = Home::new();
    let keyset = home.create().keyset();
    assert_eq!(kind(keyset.seal(b"value", &Context::new())), Some(ErrorKind::Misuse));
}

#[test]
fn a_restored_keyset_follows_all_that_were_seen() {
    let home = Home::new();
    let store = home.create();
    seal(&store, 1);
    let backup = store.keyset().backup_in_shares(2, 3).expect("backed up");
    for _ in 0..3 {
        store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    }
    std::fs::remove_file(home.path()).expect("lost");
    let restored = Keyset::restore_from_shares(&backup.file, &backup.shares).expect("restored");
    assert_eq!(restored.revision(), 1);
    let again = Store::restore(&home.path(), restored, Guard::Unprotected, small());
    let again = again.expect("restored");
    assert_eq!(again.keyset().revision(), 5, "after the newest that was seen, which was 4");
    assert_eq!(store.refresh().expect("looked"), Refreshed::Newer(5));
    let taken = Keyset::restore_from_shares(&backup.file, &backup.shares).expect("restored");
    let refused = Store::restore(&home.path(), taken, Guard::Unprotected, small());
    assert_eq!(kind(refused), Some(ErrorKind::Io), "never over an existing file");
}

#[test]
fn asking_for_usage_within_a_change_does_not_wait_for_a_seal_that_waits_for_the_file() {
    let home = Home::new();
    let store = home.create();
    let begin = std::time::Instant::now();
    std::thread::scope(|threads| {
        store
            .change(|keyset| {
                threads.spawn(|| store.seal(b"12345", &Context::new()).expect("sealed"));
                // The seal takes its first lease, and waits for the lock that is held here.
                std::thread::sleep(std::time::Duration::from_millis(200));
                keyset.rotate_if_due(NOW)
            })
            .expect("changed");
    });
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
}

#[test]
fn a_store_seals_under_the_new_primary_as_soon_as_it_takes_a_lease() {
    let home = Home::new();
    let (one, other) = (home.create(), home.open());
    let rotated = other.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    let token = one.seal(b"12345", &Context::new()).expect("sealed");
    let (_, version) = sealwax::token::key_version(&token).expect("a token");
    assert_eq!(version, rotated, "only the primary seals");
}

#[test]
fn a_change_to_another_keyset_or_an_older_revision_is_not_written() {
    let home = Home::new();
    let store = home.create();
    store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    let (file, _) = home.bytes();
    let other = || Keyset::generate("other", SUITE);
    let older = || -> Result<Keyset> {
        let mut keyset = Keyset::parse_unprotected(&file)?;
        let id = keyset.primary().expect("a primary").id();
        keyset.suspend(id, "", NOW)?;
        Ok(keyset)
    };
    store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    let before = home.bytes();
    let put = |made: Keyset| {
        store.change(|keyset| {
            *keyset = made;
            Ok(())
        })
    };
    assert_eq!(kind(put(other().expect("generated"))), Some(ErrorKind::Misuse));
    assert_eq!(kind(put(older().expect("read"))), Some(ErrorKind::Misuse));
    assert_eq!(home.bytes(), before);
}

#[test]
fn who_can_read_the_keyset_file_can_read_the_usage_file() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let store = home.create();
    let shared = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(home.path(), shared).expect("changed");
    seal(&store, 1);
    let mode = std::fs::metadata(home.usage()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_usage_file_is_replaced_by_one_that_nobody_takes_for_an_older_one() {
    let home = Home::new();
    let store = home.create();
    seal(&store, 1);
    let (_, older) = home.bytes();
    seal(&store, 50);
    let seen = store.usage().map(|_| home.bytes().1).expect("it holds");
    std::fs::write(home.usage(), &older).expect("written");
    let replacing =
        home.try_open(Options { bad_usage: BadUsage::Replace, ..small() }).expect("opened");
    std::fs::write(home.usage(), &seen).expect("written");
    seal(&replacing, 11);
    std::fs::write(home.usage(), &older).expect("written");
    seal(&replacing, 11);
    let serial = |bytes: &[u8]| u64::from_be_bytes(bytes[21..29].try_into().expect("8 bytes"));
    assert!(serial(&home.bytes().1) > serial(&seen));
}

#[test]
fn a_usage_file_of_the_same_serial_with_other_bytes_is_noticed() {
    let home = Home::new();
    let store = home.create();
    seal(&store, 1);
    let begin = home.bytes();
    seal(&store, 10);
    let one = home.bytes();
    drop(store);
    home.put(&begin.0, &begin.1);
    let apart = home.open();
    apart.record_backup(1, NOW).expect("recorded");
    let other = home.bytes();
    std::mem::forget(apart);
    assert_ne!(one.1, other.1);
    assert_eq!(one.1[21..29], other.1[21..29], "they have the same serial");
    home.put(&one.0, &one.1);
    let store = home.open();
    home.put(&other.0, &other.1);
    assert_eq!(kind(store.usage()), Some(ErrorKind::KeyState));
}

#[test]
fn a_store_that_was_protected_anew_reads_its_file_although_the_usage_file_fails() {
    let home = Home::new();
    let keyset = Keyset::generate("orders", SUITE).expect("generated");
    let guard = Guard::sealed(raw_key(1, 1));
    let store = Store::create(&home.path(), keyset, guard, small()).expect("created");
    seal(&store, 1);
    // No usage file can be put in the place of a folder.
    std::fs::remove_file(home.usage()).expect("removed");
    std::fs::create_dir(home.usage()).expect("made");
    assert_eq!(kind(store.protect(Guard::sealed(raw_key(2, 2)))), Some(ErrorKind::Io));
    std::fs::remove_dir(home.usage()).expect("removed");
    let other = Store::open(&home.path(), Guard::sealed(raw_key(2, 2)), small()).expect("opened");
    other.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    store.refresh().expect("it knows what its file is sealed for");
}

#[test]
fn a_backup_of_a_revision_that_never_was_is_not_recorded() {
    let home = Home::new();
    let store = home.create();
    store.record_backup(1, NOW).expect("recorded");
    for revision in [0, 2, u64::MAX] {
        assert_eq!(kind(store.record_backup(revision, NOW)), Some(ErrorKind::Misuse));
    }
    store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    store.record_backup(2, NOW).expect("recorded");
    store.record_backup(1, Now::Seconds(1)).expect("an older one changes nothing");
    let backed_up = store.backed_up().expect("it holds").expect("recorded");
    assert_eq!((backed_up.revision, backed_up.at), (2, NOW));
}

#[test]
fn a_change_seals_the_file_for_the_recipients_that_it_has_and_for_no_other_key_at_hand() {
    let home = Home::new();
    let keyset = Keyset::generate("orders", SUITE).expect("generated");
    let guard = Guard::sealed(raw_key(1, 1));
    drop(Store::create(&home.path(), keyset, guard, small()).expect("created"));
    let more = Guard::sealed(raw_key(1, 1)).and(raw_key(2, 2));
    let store = Store::open(&home.path(), more, small()).expect("opened");
    store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    let other = raw_key(2, 2);
    let loaded = Keyset::load(&home.path(), Protection::Sealed(&[&other]));
    assert_eq!(kind(loaded), Some(ErrorKind::UnknownKey));
    assert_eq!(Description::load(&home.path()).expect("read").recipients.len(), 1);
}

#[test]
fn what_a_killed_writer_left_of_an_older_revision_goes_with_the_next_change() {
    let home = Home::new();
    let store = home.create();
    let older = std::fs::read(home.path()).expect("it is there");
    let left = home.folder.path().join(".orders.swxk.a1B2c3.swx-tmp");
    let of_another = home.folder.path().join(".orders.swxk.swx-tmp.d4.swx");
    for path in [&left, &of_another] {
        std::fs::write(path, &older).expect("written");
    }
    let being_written = home.folder.path().join(".orders.swxk.E5f6G7.swx-tmp");
    std::fs::write(&being_written, &older).expect("written");
    let held = std::fs::File::open(&being_written).expect("it is there");
    held.try_lock().expect("nobody holds it");
    store.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    assert!(!left.exists(), "its secrets may be destroyed by now");
    assert!(of_another.exists() && being_written.exists());
}

#[test]
fn a_keyset_from_the_future_is_counted_in_memory_and_not_changed() {
    use kit::keys::{KeysetMaterial, VersionMaterial, unprotected};
    let home = Home::new();
    let one = KeysetMaterial::of_one([1; 16], VersionMaterial::active(1, 2, [1; 32]));
    // A tag that may be ignored, of a version of sealwax that is to come.
    let encoding = [one.encode(), vec![5, 0, 2, 1, 2]].concat();
    std::fs::write(home.path(), unprotected(&encoding)).expect("written");
    let store = home.open();
    seal(&store, 25);
    assert_eq!(store.keyset().primary().expect("a primary").usage().messages, 25);
    assert_eq!(kind(store.change(|keyset| keyset.rotate(SUITE))), Some(ErrorKind::Misuse));
    store.release().expect("there is nothing to give back");
    assert!(!home.usage().exists());
}

#[test]
fn what_others_sealed_makes_a_rotation_due_also_for_who_opened_before() {
    let home = Home::new();
    let (first, other) = (home.create(), home.open());
    let limit = |keyset: &mut Keyset| {
        let mut policy = *keyset.policy();
        policy.rotate_after_messages = 30;
        keyset.set_policy(policy)
    };
    first.change(limit).expect("changed");
    // A version that the first store learns of only by its file.
    other.change(|keyset| keyset.rotate(SUITE)).expect("changed");
    seal(&other, 31);
    other.release().expect("given back");
    assert!(first.change(|keyset| keyset.rotate_if_due(Now::Unknown)).expect("asked").is_some());
}

#[test]
fn no_keyset_is_written_beside_the_usage_file_of_another() {
    let home = Home::new();
    seal(&home.create(), 1);
    std::fs::remove_file(home.path()).expect("removed");
    let keyset = Keyset::generate("orders", SUITE).expect("generated");
    let refused = Store::create(&home.path(), keyset, Guard::Unprotected, small());
    assert_eq!(kind(refused), Some(ErrorKind::KeyState));
    assert!(!home.path().exists());
}
