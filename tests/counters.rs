// SPDX-License-Identifier: MIT OR Apache-2.0
//! A keyset file that somebody else changes meanwhile: what is counted, and who can read it.
#![cfg(feature = "std")]

use sealwax::rng::Now;
use sealwax::store::{Guard, Options, Store};
use sealwax::{Context, Keyset, Suite};

fn open(path: &std::path::Path) -> Store {
    Store::open(path, Guard::Unprotected, Options::default()).expect("the store opens")
}

#[test]
fn counters_and_backups_are_seen_also_after_somebody_else_changed_the_keyset() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("orders.swxk");
    let keyset = Keyset::generate("orders", Suite::Cobblestone256).expect("generated");
    keyset.save_new(&path, sealwax::keyset::file::Protection::Unprotected).expect("saved");
    let (ours, theirs) = (open(&path), open(&path));
    theirs.seal(b"value", &Context::new()).expect("sealed");
    theirs.change(|keyset| keyset.rotate(Suite::Cobblestone256)).expect("rotated");
    theirs.record_backup(2, Now::Seconds(1_800_000_000)).expect("recorded");
    theirs.release().expect("given back");
    let counted: Vec<_> = ours.usage().expect("counted").into_values().collect();
    assert_eq!(counted.iter().map(|usage| usage.messages).sum::<u64>(), 1);
    theirs.change(|keyset| keyset.rotate(Suite::Cobblestone256)).expect("rotated");
    let backup = ours.backed_up().expect("it can be read").expect("there is one");
    assert_eq!((backup.revision, backup.at), (2, Now::Seconds(1_800_000_000)));
}

#[cfg(unix)]
#[test]
fn a_changed_keyset_file_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("orders.swxk");
    let keyset = Keyset::generate("orders", Suite::Cobblestone256).expect("generated");
    let store = Store::create(&path, keyset, Guard::Unprotected, Options::default());
    let store = store.expect("created");
    for mode in [0o600, 0o640] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("changed");
        store.change(|keyset| keyset.rotate(Suite::Cobblestone256)).expect("rotated");
        assert_eq!(path.metadata().expect("it is there").permissions().mode() & 0o777, mode);
    }
}
