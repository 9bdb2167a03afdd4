// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets in their files, in stores, in backups.

use std::hint::black_box;
use std::sync::{Arc, Mutex};

use super::case::{Call, Case, case, known, leaked};
use super::envelopes::Recipient;
use super::kit::random::Repeatable;
use super::needles::{Needles, Secrets};
use super::sources::{Recorded, plaintext, text};
use super::tokens::add_version;
use sealwax::id::RawKeyId;
use sealwax::keyset::backup::Share;
use sealwax::keyset::file::Protection;
use sealwax::rng::Now;
use sealwax::store::{Guard, Options, Store};
use sealwax::wrap::raw_key::RawKey;
use sealwax::{Algorithm, Context, KeyWrap, Keyset, Suite};

const SUITE: Suite = Suite::Cobblestone256;
const ROOT: u64 = 800;
const KEEPER: u64 = 801;
const KEEPER_ID: [u8; 16] = [8; 16];

/// A keyset whose root is known.
fn keyset() -> &'static Keyset {
    let keyset = Keyset::import_raw("orders", SUITE, &Repeatable(ROOT).array());
    leaked(keyset.expect("imported"))
}

/// The key that keeps its file.
fn keeper() -> RawKey {
    let mut key = RawKey::empty();
    key.fill(RawKeyId(KEEPER_ID), &Repeatable(KEEPER).array()).expect("not forked");
    key
}

fn secrets(keyset: &Keyset) -> Secrets {
    let mut secrets = Secrets::default();
    add_version(&mut secrets, &Repeatable(ROOT).array(), SUITE as u8, keyset);
    secrets.add("raw key", &Repeatable(KEEPER).array::<32>());
    secrets.add("plaintext", &plaintext());
    secrets
}

pub(crate) fn cases() -> Vec<Case> {
    let keyset = keyset();
    let mut cases = fresh();
    cases.extend(files(keyset));
    cases.extend(stores(keyset));
    cases.extend(backups(keyset));
    cases
}

/// Keysets whose secrets are drawn: they are what the source gave first.
fn fresh() -> Vec<Case> {
    let drawn = |name: &str, call: fn(&mut Recorded)| {
        let source = Arc::new(Mutex::new(Recorded::new(802)));
        let after = source.clone();
        let prepare = move || -> Call {
            let mut fresh = Recorded::new(802);
            fresh.1.reserve(64);
            *source.lock().expect("nobody else") = fresh;
            let source = source.clone();
            Box::new(move || call(&mut source.lock().expect("nobody else")))
        };
        Case::told_after(name, prepare, move || {
            let source = after.lock().expect("nobody else");
            let mut secrets = Secrets::default();
            let draws = source.1.iter().filter(|draw| draw.len() == 32);
            draws.for_each(|draw| secrets.add("root secret", draw));
            known(secrets)
        })
    };
    vec![
        drawn("keyset generate", |random| {
            let now = Now::Seconds(1);
            let keyset = Keyset::generate_with_rng("orders", SUITE.into(), now, random);
            black_box(keyset.expect("generated"));
        })
        .ends_early(),
        drawn("identity generate", |random| {
            let now = Now::Seconds(1);
            let keyset = Keyset::generate_with_rng("me", Algorithm::X25519, now, random);
            black_box(keyset.expect("generated"));
        }),
        drawn("keyset rotate and destroy", |random| {
            let now = Now::Seconds(1);
            let keyset = Keyset::generate_with_rng("orders", SUITE.into(), now, random);
            let mut keyset = keyset.expect("generated");
            let first = keyset.primary().expect("a primary").id();
            keyset.rotate_with_rng(SUITE.into(), now, random).expect("rotated");
            keyset.prepare_with_rng(SUITE.into(), now, random).expect("prepared");
            let clearance = sealwax::keyset::Clearance::danger_without_census();
            keyset.destroy(first, &clearance, "old", now).expect("destroyed");
        }),
    ]
}

/// A folder, and a keyset file in it that was made before. What calls make is named `out`.
fn in_folder(
    name: &str,
    needles: &Arc<Needles>,
    call: impl Fn(&std::path::Path) + Send + Sync + 'static,
) -> Case {
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    let call = Arc::new(call);
    Case::of(name, needles, move || -> Call {
        let (folder, call) = (folder.clone(), call.clone());
        for entry in folder.path().read_dir().expect("it is there") {
            std::fs::remove_file(entry.expect("an entry").path()).expect("removed");
        }
        Box::new(move || call(&folder.path().join("out.swxk")))
    })
}

fn files(keyset: &'static Keyset) -> Vec<Case> {
    let keeper = leaked(keeper());
    let keys: &'static [&'static dyn KeyWrap] = leaked([keeper as &dyn KeyWrap]);
    let file: &'static [u8] =
        keyset.to_file_bytes(Protection::Sealed(keys)).expect("sealed").to_vec().leak();
    let mut secrets = secrets(keyset);
    secrets.extend(Recipient::raw("keeper", KEEPER, KEEPER_ID).secrets(file));
    let needles = &known(secrets);
    vec![
        case("keyset file, made", needles, move || {
            black_box(keyset.to_file_bytes(Protection::Sealed(keys)).expect("sealed"));
        }),
        case("keyset file, read", needles, move || {
            black_box(Keyset::parse_file_bytes(file, Protection::Sealed(keys)).expect("read"));
        }),
        case("keyset file, changed", needles, move || {
            let mut changed = file.to_vec();
            *changed.last_mut().expect("not empty") ^= 1;
            Keyset::parse_file_bytes(&changed, Protection::Sealed(keys)).expect_err("changed");
        }),
        in_folder("keyset file, saved and loaded", needles, move |path| {
            keyset.save_new(path, Protection::Sealed(keys)).expect("saved");
            black_box(Keyset::load(path, Protection::Sealed(keys)).expect("loaded"));
        }),
        in_folder("keyset file, not protected", needles, move |path| {
            keyset.save_new(path, Protection::Unprotected).expect("saved");
            black_box(Keyset::load(path, Protection::Unprotected).expect("loaded"));
        }),
    ]
}

fn stores(keyset: &'static Keyset) -> Vec<Case> {
    let needles = &known(secrets(keyset));
    let create = |path: &std::path::Path, guard: Guard| {
        let keyset = keyset.duplicate().expect("copied");
        Store::create(path, keyset, guard, Options::default()).expect("created")
    };
    let work = |store: &Store| {
        let context = Context::new();
        let token = store.seal(text(), &context).expect("sealed");
        black_box(store.open_token(&token, &context).expect("opened"));
        store.change(|keyset| keyset.rotate(SUITE)).expect("rotated");
        black_box(store.open_token(&token, &context).expect("opened"));
    };
    vec![
        in_folder("store, sealed", needles, move |path| {
            work(&create(path, Guard::sealed(keeper())));
            black_box(Store::open(path, Guard::sealed(keeper()), Options::default()))
                .expect("opened");
        }),
        in_folder("store, not protected", needles, move |path| {
            work(&create(path, Guard::Unprotected));
        }),
        in_folder("store, for others from now on", needles, move |path| {
            create(path, Guard::Unprotected).protect(Guard::sealed(keeper())).expect("sealed");
        }),
    ]
}

fn backups(keyset: &'static Keyset) -> Vec<Case> {
    let identity = Keyset::import_raw("me", Algorithm::X25519, &Repeatable(803).array());
    let identity: &'static Keyset = leaked(identity.expect("imported"));
    let recipient = leaked([identity.recipient().expect("an identity").clone()]);
    let backup: &'static [u8] = keyset.backup_for(recipient).expect("made").leak();
    let shared = leaked(keyset.backup_in_shares(2, 3).expect("made"));
    let text: &'static str = shared.shares[0].expose_text().to_string().leak();
    let mut secrets = secrets(keyset);
    secrets.add("private key", &Repeatable(803).array::<32>());
    secrets.add("share string", &text.as_bytes()[text.len() - 48..]);
    let needles = &known(secrets);
    vec![
        case("backup for an identity", needles, move || {
            black_box(keyset.backup_for(recipient).expect("made"));
        }),
        case("backup restored by an identity", needles, move || {
            black_box(Keyset::restore(backup, &[identity as &dyn KeyWrap]).expect("restored"));
        }),
        case("backup restored by shares", needles, move || {
            let shares = &shared.shares[1..];
            black_box(Keyset::restore_from_shares(&shared.file, shares).expect("restored"));
        }),
        case("backup, too few shares", needles, move || {
            let shares = &shared.shares[..1];
            Keyset::restore_from_shares(&shared.file, shares).expect_err("one is missing");
        })
        .ends_early(),
        case("share as a string", needles, move || {
            black_box(shared.shares[0].expose_text());
        }),
        case("share of a string", needles, move || {
            black_box(Share::parse_text(text).expect("parsed"));
        }),
    ]
}
