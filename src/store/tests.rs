// SPDX-License-Identifier: MIT OR Apache-2.0
//! Leases near the limits, where only the crate itself can bring the counters.

use super::{Guard, Options, Store};
use crate::error::ErrorKind;
use crate::format::context::Context;
use crate::id::Suite;
use crate::keyset::{Keyset, MAX_BYTES, MAX_MESSAGES, RotationDue};
use crate::rng::Now;

fn store(folder: &std::path::Path, messages: u64, bytes: u64) -> Store {
    let keyset = Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated");
    let version = keyset.primary().expect("a primary").id();
    let options = Options { lease_messages: 7, lease_bytes: 1 << 20, ..Options::default() };
    let path = folder.join("orders.swxk");
    let store = Store::create(&path, keyset, Guard::Unprotected, options).expect("created");
    store
        .inner
        .update_usage(|usage| {
            let record = usage.record_mut(version);
            (record.messages, record.bytes) = (messages, bytes);
            Ok(())
        })
        .expect("written");
    drop(store);
    Store::open(&path, Guard::Unprotected, options).expect("opened")
}

#[test]
fn no_message_is_sealed_past_the_limit_however_many_seal() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = store(folder.path(), MAX_MESSAGES - 100, 0);
    let open = || {
        let options = Options { lease_messages: 7, ..Options::default() };
        Store::open(one.path(), Guard::Unprotected, options).expect("opened")
    };
    let stores: Vec<Store> = (0..4).map(|_| open()).collect();
    let until_full = |store: &Store| {
        let mut sealed = 0;
        loop {
            match store.seal(b"", &Context::new()) {
                Ok(_) => sealed += 1,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Limit);
                    return sealed;
                }
            }
        }
    };
    let sealed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            stores.iter().map(|store| scope.spawn(move || until_full(store))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it ended")).sum()
    });
    assert_eq!(sealed, 100);
    // After a rotation it goes on.
    one.change(|keyset| keyset.rotate(Suite::ChaCha20Poly1305)).expect("rotated");
    one.seal(b"", &Context::new()).expect("a new version");
}

#[test]
fn no_byte_is_sealed_past_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path(), 0, MAX_BYTES - 100);
    store.seal(&[0; 60], &Context::new()).expect("40 are left");
    let over = store.seal(&[0; 41], &Context::new()).map_err(|error| error.kind());
    assert_eq!(over.err(), Some(ErrorKind::Limit));
    store.seal(&[0; 40], &Context::new()).expect("exactly what is left");
    store.seal(b"", &Context::new()).expect("it takes none");
}

#[test]
fn a_version_near_its_limit_is_due_for_rotation() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path(), MAX_MESSAGES / 2, 0);
    let due = store.change(|keyset| {
        let mut never = *keyset.policy();
        never.rotate_after_messages = 0;
        keyset.set_policy(never)?;
        Ok(keyset.is_rotation_due(Now::Unknown))
    });
    assert_eq!(due.expect("asked"), Some(RotationDue::HardLimit));
}
