// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rewrap: other recipients, the same payload; in memory, in place and into a copy.
#![cfg(feature = "std")]

mod kit;

use std::path::{Path, PathBuf};

use kit::keys::{cheap_passphrase, raw_key};
use sealwax::envelope::{Change, DEFAULT_MAX_HEADER_LEN, Header, Removal};
use sealwax::id::{Fingerprint, RecipientKind, Wanted};
use sealwax::rng::Now;
use sealwax::stream::{Durability, FileRewrap, Job, RewrapJob, Room, Writing};
use sealwax::{Algorithm, ErrorKind, Keyset, OpenedVia, Opener, Result, Rewrapper, Sealer, Suite};

const SUITE: Suite = Suite::Cobblestone256;
const NOW: Now = Now::Seconds(1_800_000_000);

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn keyset() -> Keyset {
    Keyset::generate("orders", SUITE).expect("generated")
}

fn primary(keyset: &Keyset) -> Wanted {
    Wanted::Keyset(keyset.id(), keyset.primary().expect("a primary").id())
}

fn recipients(envelope: &[u8]) -> Vec<Wanted> {
    let header = Header::parse(envelope, DEFAULT_MAX_HEADER_LEN).expect("a header");
    header.entries().map(|entry| entry.wanted()).collect()
}

fn opens(envelope: &[u8], key: &dyn sealwax::KeyWrap) -> Option<ErrorKind> {
    kind(Opener::new().key(key).open(envelope))
}

/// A folder with a sealed file in it.
struct Sealed {
    folder: tempfile::TempDir,
    plaintext: Vec<u8>,
}

impl Sealed {
    fn new(sealer: &Sealer<'_>, len: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let plaintext: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let sealed = Sealed { folder, plaintext };
        std::fs::write(sealed.folder.path().join("plain"), &sealed.plaintext).expect("written");
        let plain = sealed.folder.path().join("plain");
        sealer.seal_path(&plain, &sealed.path(), &Job::default()).expect("sealed");
        std::fs::remove_file(plain).expect("removed");
        sealed
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("file.swx")
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("it is there")
    }

    fn opens(&self, key: &dyn sealwax::KeyWrap) -> Option<ErrorKind> {
        match Opener::new().key(key).open(&self.bytes()) {
            Ok(opened) => {
                assert_eq!(opened.plaintext.as_slice(), self.plaintext);
                None
            }
            Err(error) => Some(error.kind()),
        }
    }

    fn names(&self) -> usize {
        std::fs::read_dir(self.folder.path()).expect("a folder").count()
    }
}

#[test]
fn a_rewrap_goes_to_the_primary_and_leaves_the_payload_alone() {
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let mut keyset = Keyset::generate("orders", suite).expect("generated");
        let old = Sealer::new().recipient(&keyset).seal(b"value").expect("sealed");
        keyset.rotate(suite).expect("rotated");
        let rewrapper = Rewrapper::new().keyset(&keyset);
        let rewrapped = rewrapper.rewrap_header(&old).expect("it opens").expect("it is stale");
        let from = recipients(&old)[0];
        assert_eq!(rewrapped.changes, [Change::Refreshed { from, to: primary(&keyset) }]);
        let new = rewrapper.rewrap(&old).expect("it opens").expect("it is stale");
        let header_len = Header::parse(&old, 65_536).expect("a header").len();
        assert_eq!(new.len(), old.len());
        assert_eq!(new[header_len..], old[header_len..], "the payload stays");
        assert_eq!(recipients(&new), [primary(&keyset)]);
        assert_eq!(Header::parse(&new, 65_536).expect("a header").epoch(), 2);
        assert_eq!(opens(&new, &keyset), None);
        assert!(rewrapper.rewrap(&new).expect("it opens").is_none(), "idempotent");
        let min_epoch = Opener::new().key(&keyset).min_epoch(2);
        assert_eq!(kind(min_epoch.open(&old)), Some(ErrorKind::Decrypt));
        assert_eq!(kind(min_epoch.open(&new)), None);
    }
}

#[test]
fn what_is_current_is_not_unwrapped() {
    let keyset = keyset();
    let mut envelope = Sealer::new().recipient(&keyset).seal(b"value").expect("sealed");
    let header_len = Header::parse(&envelope, 65_536).expect("a header").len();
    envelope.truncate(header_len);
    // A key block whose mac no longer holds is still current: the question needs no key.
    let rewrapper = Rewrapper::new().keyset(&keyset);
    assert!(rewrapper.rewrap(&envelope).expect("not looked at").is_none());
}

#[test]
fn identities_are_rewrapped_to_their_newest_key_pair() {
    for algorithm in [Algorithm::X25519, Algorithm::XWing] {
        let mut identity = Keyset::generate("me", algorithm).expect("generated");
        let public = identity.recipient().expect("a pair").clone();
        let old = Sealer::new().recipient(&public).seal(b"value").expect("sealed");
        identity.rotate(algorithm).expect("rotated");
        let rewrapper = Rewrapper::new().keyset(&identity);
        let new = rewrapper.rewrap(&old).expect("it opens").expect("it is stale");
        let wanted = identity.recipient().expect("a pair").fingerprint();
        assert!(matches!(recipients(&new)[..], [Wanted::Pair(_, is)] if is == wanted));
        assert_eq!(opens(&new, &identity), None);
        // A hidden entry does not say for which key pair it is: it stays.
        let hidden = public.hidden();
        let hidden = Sealer::new().recipient(&hidden).seal(b"value").expect("sealed");
        assert!(rewrapper.rewrap(&hidden).expect("parsed").is_none());
    }
}

#[test]
fn recipients_come_and_go() {
    let (alice, bob, key) = (keyset(), keyset(), raw_key(1, 1));
    let envelope = Sealer::new().recipient(&alice).seal(b"value").expect("sealed");
    let both = Rewrapper::new().keyset(&alice).recipient(&bob).recipient(&key);
    let both = both.rewrap(&envelope).expect("it opens").expect("it changes");
    assert_eq!(recipients(&both).len(), 3);
    for key in [&alice as &dyn sealwax::KeyWrap, &bob, &key] {
        assert_eq!(opens(&both, key), None);
    }
    let again = Rewrapper::new().keyset(&alice).recipient(&bob);
    assert!(again.rewrap(&both).expect("parsed").is_none(), "bob is there already");
    let removed = Rewrapper::new().key(&key).remove(Removal::Keyset(alice.id()));
    let removed = removed.rewrap(&both).expect("it opens").expect("it changes");
    assert_eq!(opens(&removed, &alice), Some(ErrorKind::UnknownKey));
    assert_eq!(opens(&removed, &bob), None);
    let only = Rewrapper::new().keyset(&alice).recipient(&bob).remove_others();
    let only = only.rewrap(&both).expect("it opens").expect("it changes");
    assert_eq!(recipients(&only), [primary(&bob)]);
    for removal in [Removal::Keyset(bob.id()), Removal::Kind(RecipientKind::Keyset)] {
        let nobody = Rewrapper::new().keyset(&bob).remove(removal);
        assert_eq!(kind(nobody.rewrap(&only)), Some(ErrorKind::Misuse), "somebody must be left");
    }
    let stranger = keyset();
    let refused = Rewrapper::new().keyset(&stranger).recipient(&stranger).rewrap(&envelope);
    assert_eq!(kind(refused), Some(ErrorKind::UnknownKey));
}

#[test]
fn recipients_that_do_not_fit_together_are_refused() {
    let keyset = keyset();
    let envelope = Sealer::new().recipient(&keyset).seal(b"value").expect("sealed");
    let identity = Keyset::generate("me", Algorithm::X25519).expect("generated");
    let public = identity.recipient().expect("a pair");
    let weaker = Rewrapper::new().keyset(&keyset).recipient(public);
    assert_eq!(kind(weaker.rewrap(&envelope)), Some(ErrorKind::Misuse));
    let mixed = weaker.danger_mix_recipients().rewrap(&envelope).expect("told so");
    let mixed = mixed.expect("it changes");
    assert_eq!(opens(&mixed, &identity), None);
    let passphrase = cheap_passphrase("correct horse");
    let beside = Rewrapper::new().keyset(&keyset).recipient(&passphrase);
    assert_eq!(kind(beside.rewrap(&envelope)), Some(ErrorKind::Misuse));
    let alone = beside.remove(Removal::Keyset(keyset.id())).rewrap(&envelope);
    let alone = alone.expect("it opens").expect("it changes");
    assert_eq!(opens(&alone, &passphrase), None);
    let hidden: Vec<_> = (0..9).map(|_| public.clone().hidden()).collect();
    let many =
        hidden.iter().fold(Rewrapper::new().keyset(&keyset), |many, one| many.recipient(one));
    let many = many.remove(Removal::Keyset(keyset.id()));
    assert_eq!(kind(many.rewrap(&envelope)), Some(ErrorKind::Misuse));
    let none = Removal::Pair(Fingerprint::HIDDEN);
    assert!(Rewrapper::new().remove(none).rewrap(&envelope).expect("parsed").is_none());
}

#[test]
fn what_a_compromised_version_wrapped_is_not_rewrapped_unless_asked() {
    let mut keyset = keyset();
    let other = raw_key(1, 1);
    let sealer = Sealer::new().recipient(&keyset).recipient(&other);
    let envelope = sealer.seal(b"value").expect("sealed");
    let stolen = keyset.primary().expect("a primary").id();
    keyset.rotate(SUITE).expect("rotated");
    keyset.mark_compromised(stolen, "found on a public site", NOW).expect("a move");
    // Also where another key opens it: whoever stole the version has had the data key.
    let rewrapper = Rewrapper::new().keyset(&keyset).key(&other);
    assert_eq!(kind(rewrapper.rewrap(&envelope)), Some(ErrorKind::KeyState));
    let asked = rewrapper.danger_allow_compromised();
    let rewrapped = asked.rewrap_header(&envelope).expect("asked").expect("stale");
    assert_eq!(rewrapped.opened_via, OpenedVia::Compromised(keyset.id(), stolen));
    let envelope = asked.rewrap(&envelope).expect("asked").expect("stale");
    assert_eq!(opens(&envelope, &keyset), None);
}

#[test]
fn a_flipped_bit_anywhere_in_the_header_is_not_rewrapped() {
    let mut keyset = keyset();
    let envelope = Sealer::new().recipient(&keyset).seal(b"value").expect("sealed");
    keyset.rotate(SUITE).expect("rotated");
    let rewrapper = Rewrapper::new().keyset(&keyset);
    let header_len = Header::parse(&envelope, 65_536).expect("a header").len();
    for at in 0..header_len {
        for bit in 0..8 {
            let mut flipped = envelope.clone();
            flipped[at] ^= 1 << bit;
            assert!(!matches!(rewrapper.rewrap(&flipped), Ok(Some(_))), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_file_is_rewrapped_in_place() {
    let mut keyset = keyset();
    let sealed = Sealed::new(&Sealer::new().recipient(&keyset), 100_000);
    let before = sealed.bytes();
    for round in 2..6 {
        keyset.rotate(SUITE).expect("rotated");
        let rewrapper = Rewrapper::new().keyset(&keyset);
        let dry = RewrapJob { writing: Writing::DryRun, ..RewrapJob::default() };
        let told = rewrapper.rewrap_path(&sealed.path(), &dry).expect("told");
        assert!(matches!(told, FileRewrap::WouldChange(changes) if changes.len() == 1));
        let done = rewrapper.rewrap_path(&sealed.path(), &RewrapJob::default()).expect("done");
        assert!(matches!(done, FileRewrap::InPlace(..)), "{done:?}");
        let again = rewrapper.rewrap_path(&sealed.path(), &RewrapJob::default());
        assert_eq!(again.expect("nothing to do"), FileRewrap::Current);
        let after = sealed.bytes();
        let header = Header::parse(&after, 65_536).expect("a header");
        assert_eq!((header.epoch(), header.slots().2), (round, ((round + 1) % 2) as u8));
        assert!(!header.has_leftover());
        assert_eq!(after[header.len()..], before[header.len()..]);
        assert_eq!(sealed.opens(&keyset), None);
    }
    assert_eq!(sealed.names(), 1);
}

#[test]
fn a_key_block_without_room_grows_by_a_copy() {
    let keyset = keyset();
    let sealed = Sealed::new(&Sealer::new().recipient(&keyset), 100_000);
    let identities: Vec<_> =
        (0..3).map(|_| Keyset::generate("me", Algorithm::XWing).expect("generated")).collect();
    let rewrapper =
        identities.iter().fold(Rewrapper::new().keyset(&keyset), |r, id| r.recipient(id));
    let before = sealed.bytes();
    let refused = rewrapper.rewrap_path(&sealed.path(), &RewrapJob::default());
    assert_eq!(kind(refused), Some(ErrorKind::Limit));
    assert_eq!(sealed.bytes(), before);
    let grow = RewrapJob { room: Room::Grow, ..RewrapJob::default() };
    let done = rewrapper.rewrap_path(&sealed.path(), &grow).expect("done");
    assert!(matches!(done, FileRewrap::Copied(changes, _) if changes.len() == 3));
    for identity in &identities {
        assert_eq!(sealed.opens(identity), None);
    }
    assert_eq!(sealed.opens(&keyset), None);
    assert_eq!(sealed.names(), 1);
    // There is room for one more now.
    let one_more = Keyset::generate("me", Algorithm::XWing).expect("generated");
    let rewrapper = Rewrapper::new().keyset(&keyset).recipient(&one_more);
    let done = rewrapper.rewrap_path(&sealed.path(), &RewrapJob::default()).expect("done");
    assert!(matches!(done, FileRewrap::InPlace(..)));
}

#[test]
fn a_detached_header_and_an_envelope_of_one_slot_are_rewrapped_too() {
    let mut keyset = keyset();
    let sealed = Sealed::new(&Sealer::new().recipient(&keyset), 1000);
    let bytes = sealed.bytes();
    let header_len = Header::parse(&bytes, 65_536).expect("a header").len();
    std::fs::write(sealed.path(), &bytes[..header_len]).expect("written");
    keyset.rotate(SUITE).expect("rotated");
    let rewrapper = Rewrapper::new().keyset(&keyset);
    let done = rewrapper.rewrap_path(&sealed.path(), &RewrapJob::default()).expect("done");
    assert!(matches!(done, FileRewrap::InPlace(..)));
    let whole = [sealed.bytes(), bytes[header_len..].to_vec()].concat();
    assert_eq!(opens(&whole, &keyset), None);
    let one_slot = Sealer::new().recipient(&keyset).seal(&sealed.plaintext).expect("sealed");
    std::fs::write(sealed.path(), &one_slot).expect("written");
    keyset.rotate(SUITE).expect("rotated");
    let rewrapper = Rewrapper::new().keyset(&keyset);
    let refused = rewrapper.rewrap_path(&sealed.path(), &RewrapJob::default());
    assert_eq!(kind(refused), Some(ErrorKind::Limit), "one slot cannot be rewrapped in place");
    let grow =
        RewrapJob { room: Room::Grow, durability: Durability::Unsynced, ..RewrapJob::default() };
    let done = rewrapper.rewrap_path(&sealed.path(), &grow).expect("done");
    assert!(matches!(done, FileRewrap::Copied(..)));
    assert_eq!(sealed.opens(&keyset), None);
}

#[test]
fn a_leftover_slot_is_cleared_by_recover_and_by_the_next_rewrap() {
    let mut keyset = keyset();
    let sealed = Sealed::new(&Sealer::new().recipient(&keyset), 1000);
    let old = sealed.bytes();
    keyset.rotate(SUITE).expect("rotated");
    let rewrapper = Rewrapper::new().keyset(&keyset);
    let rewrap = || rewrapper.rewrap_path(&sealed.path(), &RewrapJob::default()).expect("done");
    rewrap();
    let new = sealed.bytes();
    let header = Header::parse(&old, 65_536).expect("a header");
    let (slot_len, core_len) = (header.slots().1, header.len() - 5 - 2 * header.slots().1);
    let mut both = new.clone();
    let slot_0 = core_len + 5..core_len + 5 + slot_len;
    both[slot_0.clone()].copy_from_slice(&old[slot_0]);
    std::fs::write(sealed.path(), &both).expect("written");
    assert!(Header::parse(&both, 65_536).expect("a header").has_leftover());
    assert_eq!(sealed.opens(&keyset), None);
    let recovered = rewrapper.recover_path(&sealed.path(), Durability::Synced).expect("done");
    assert!(matches!(recovered, FileRewrap::Recovered(_)));
    assert_eq!(sealed.bytes(), new);
    std::fs::write(sealed.path(), &both).expect("written");
    assert!(matches!(rewrap(), FileRewrap::Recovered(_)));
    assert_eq!(sealed.bytes(), new);
    assert!(matches!(rewrap(), FileRewrap::Current));
    // Without a key nothing is cleared: the check that chose the slot is not a mac.
    std::fs::write(sealed.path(), &both).expect("written");
    let keyless = Rewrapper::new().recover_path(&sealed.path(), Durability::Synced);
    assert_eq!(kind(keyless), Some(ErrorKind::UnknownKey));
    assert_eq!(sealed.bytes(), both);
}

#[test]
fn what_is_reencrypted_has_a_new_data_key() {
    let mut keyset = keyset();
    let stored = sealwax::Context::new().with("purpose", "backup").expect("a context");
    let external = sealwax::Context::new().with("host", "db1").expect("a context");
    for len in [0, 1, 16_383, 16_384, 1_500_000] {
        let sealer = Sealer::new().recipient(&keyset).stored_context(stored.clone());
        let sealer = sealer.external_context(external.clone());
        let sealed = Sealed::new(&sealer, len);
        let before = sealed.bytes();
        keyset.rotate(SUITE).expect("rotated");
        let context = external.clone().with("purpose", "backup").expect("a context");
        let opener = Opener::new().key(&keyset).context(context);
        let sealer = Sealer::new().recipient(&keyset);
        let target = sealed.folder.path().join("new.swx");
        let job = Job::default();
        let done = opener.reencrypt_path(&sealer, &sealed.path(), &target, &job).expect("done");
        assert_eq!(done.plaintext_len, len as u64);
        let after = std::fs::read(&target).expect("it is there");
        assert_eq!(after.len(), before.len());
        let opened = opener.open(&after).expect("it opens");
        assert_eq!(opened.plaintext.as_slice(), sealed.plaintext);
        assert_eq!(opened.stored_context, stored);
        // A payload under another data key shares nothing with the old one.
        let header_len = Header::parse(&after, 65_536).expect("a header").len();
        assert_ne!(after[header_len..header_len + 72], before[header_len..header_len + 72]);
        let replace = Job { existing: sealwax::atomic::Existing::Replace, ..Job::default() };
        opener.reencrypt_path(&sealer, &target, &target, &replace).expect("onto itself");
        assert_ne!(std::fs::read(&target).expect("it is there"), after);
        assert_eq!(
            opener
                .open(&std::fs::read(&target).expect("read"))
                .expect("it opens")
                .plaintext
                .as_slice(),
            sealed.plaintext
        );
        let wrong = Opener::new().key(&keyset);
        let refused = wrong.reencrypt_path(&sealer, &sealed.path(), Path::new("/nowhere"), &job);
        assert_eq!(kind(refused), Some(ErrorKind::Decrypt), "the external context is missing");
    }
}

/// Puts another file in the place of the one that is being copied.
struct Replaces<'a> {
    path: &'a Path,
    by: &'a [u8],
}

impl sealwax::stream::Control for Replaces<'_> {
    fn progress(&self, _done: u64, _total: u64) {
        let beside = self.path.with_extension("new");
        std::fs::write(&beside, self.by).expect("written");
        std::fs::rename(&beside, self.path).expect("renamed");
    }
}

#[test]
fn a_file_that_was_replaced_while_it_was_copied_is_not_put_back() {
    let keyset = keyset();
    let newer = Sealer::new().recipient(&keyset).seal(b"newer contents").expect("sealed");
    let others: Vec<_> = (1..=12).map(|id| raw_key(id, id)).collect();
    let mut rewrapper = Rewrapper::new().keyset(&keyset);
    for other in &others {
        rewrapper = rewrapper.recipient(other);
    }
    let sealed = Sealed::new(&Sealer::new().recipient(&keyset), 100_000);
    let path = sealed.path();
    let control = Replaces { path: &path, by: &newer };
    let job = RewrapJob { room: Room::Grow, control: Some(&control), ..RewrapJob::default() };
    assert_eq!(kind(rewrapper.rewrap_path(&path, &job)), Some(ErrorKind::Io));
    assert_eq!(sealed.bytes(), newer);

    let sealed = Sealed::new(&Sealer::new().recipient(&keyset), 100_000);
    let path = sealed.path();
    let control = Replaces { path: &path, by: &newer };
    let existing = sealwax::atomic::Existing::Replace;
    let job = Job { existing, control: Some(&control), ..Job::default() };
    let (opener, sealer) = (Opener::new().key(&keyset), Sealer::new().recipient(&keyset));
    let reencrypted = opener.reencrypt_path(&sealer, &path, &path, &job);
    assert_eq!(kind(reencrypted), Some(ErrorKind::Io));
    assert_eq!(sealed.bytes(), newer);
}

#[test]
fn a_header_over_the_limit_is_not_made_in_memory() {
    let keyset = keyset();
    let identities: Vec<_> =
        (0..63).map(|_| Keyset::generate("backup", Algorithm::XWing).expect("generated")).collect();
    let envelope = Sealer::new().recipient(&keyset).seal(b"plaintext").expect("sealed");
    let mut rewrapper = Rewrapper::new().keyset(&keyset);
    for identity in &identities {
        rewrapper = rewrapper.recipient(identity);
    }
    assert_eq!(kind(rewrapper.rewrap(&envelope)), Some(ErrorKind::Limit));
    let raised = rewrapper.max_header_len(1 << 20).rewrap(&envelope).expect("rewrapped");
    assert!(raised.expect("recipients came").len() > DEFAULT_MAX_HEADER_LEN);
}

#[test]
fn a_migrating_key_does_not_rewrap_what_a_compromised_version_wrapped() {
    let mut keyset = keyset();
    let envelope = Sealer::new().recipient(&keyset).seal(b"plaintext").expect("sealed");
    let Wanted::Keyset(_, old) = primary(&keyset) else { panic!("a keyset") };
    keyset.rotate(SUITE).expect("rotated");
    keyset.mark_compromised(old, "", NOW).expect("marked");
    let (migrating, other) = (keyset.migrating(), raw_key(1, 1));
    let rewrapper = Rewrapper::new().key(&migrating).recipient(&other);
    assert_eq!(kind(rewrapper.rewrap(&envelope)), Some(ErrorKind::KeyState));
    let allowed = rewrapper.danger_allow_compromised().rewrap(&envelope).expect("rewrapped");
    assert_eq!(opens(&allowed.expect("a recipient came"), &other), None);
}

#[test]
fn a_file_that_no_key_at_hand_opens_is_not_called_current() {
    let keyset = keyset();
    let stranger = self::keyset();
    let sealed = Sealed::new(&Sealer::new().recipient(&keyset), 10);
    let before = sealed.bytes();
    for rewrapper in [Rewrapper::new(), Rewrapper::new().keyset(&stranger)] {
        for writing in [Writing::Write, Writing::DryRun] {
            let job = RewrapJob { writing, ..RewrapJob::default() };
            let outcome = rewrapper.rewrap_path(&sealed.path(), &job).expect("looked at");
            assert_eq!(outcome, FileRewrap::NotAtHand(primary(&keyset)));
        }
    }
    let asked = Rewrapper::new().keyset(&stranger).recipient(&stranger);
    let refused = kind(asked.rewrap_path(&sealed.path(), &RewrapJob::default()));
    assert_eq!(refused, Some(ErrorKind::UnknownKey));
    assert_eq!(sealed.bytes(), before);
    let outcome =
        Rewrapper::new().keyset(&keyset).rewrap_path(&sealed.path(), &RewrapJob::default());
    assert_eq!(outcome.expect("current"), FileRewrap::Current);
}

#[test]
fn an_older_key_block_is_refused_also_where_nothing_is_to_be_done() {
    let keyset = keyset();
    let envelope = Sealer::new().recipient(&keyset).seal(b"plaintext").expect("sealed");
    let rewrapper = Rewrapper::new().keyset(&keyset).min_epoch(2);
    assert_eq!(kind(rewrapper.rewrap(&envelope)), Some(ErrorKind::Decrypt));
    let sealed = Sealed::new(&Sealer::new().recipient(&keyset), 10);
    let path = sealed.path();
    assert_eq!(kind(rewrapper.rewrap_path(&path, &RewrapJob::default())), Some(ErrorKind::Decrypt));
    // What it leaves is not cleared either: it may be a newer slot that somebody damaged.
    let mut bytes = sealed.bytes();
    let header = Header::parse(&bytes, DEFAULT_MAX_HEADER_LEN).expect("a header");
    let at = header.len() - header.slots().1;
    bytes[at] = 1;
    std::fs::write(&path, &bytes).expect("written");
    assert_eq!(kind(rewrapper.recover_path(&path, Durability::Synced)), Some(ErrorKind::Decrypt));
    assert_eq!(sealed.bytes(), bytes);
}

#[test]
fn a_keyset_is_not_lost_where_the_entry_for_its_primary_is_to_go() {
    let mut keyset = keyset();
    let other = raw_key(1, 1);
    let sealer = Sealer::new().recipient(&keyset).recipient(&other);
    let envelope = sealer.seal(b"plaintext").expect("sealed");
    let new = keyset.rotate(SUITE).expect("rotated");
    let both = Rewrapper::new().key(&keyset).recipient(&keyset);
    let envelope = both.rewrap(&envelope).expect("rewrapped").expect("a recipient came");
    assert_eq!(recipients(&envelope).len(), 3);
    let rewrapper = Rewrapper::new().keyset(&keyset).remove(Removal::Version(keyset.id(), new));
    let rewrapped = rewrapper.rewrap(&envelope).expect("rewrapped").expect("changed");
    assert_eq!(opens(&rewrapped, &keyset), None, "its older entry was refreshed, as it says");
}

#[test]
fn a_keyset_file_that_a_public_key_opened_is_not_sealed_for_what_proves_something() {
    use sealwax::keyset::file::Protection;
    let recovery = Keyset::generate("recovery", Algorithm::X25519).expect("generated");
    let next = Keyset::generate("recovery", Algorithm::X25519).expect("generated");
    // Whoever has the public key can make this file.
    let forged = keyset().backup_for(&[recovery.recipient().expect("one").clone()]);
    let forged = forged.expect("made");
    let passphrase = cheap_passphrase("correct horse");
    let rewrapper = Rewrapper::new().keyset(&recovery);
    let laundered = rewrapper.clone().recipient(&passphrase).remove_others();
    assert_eq!(kind(laundered.rewrap(&forged)), Some(ErrorKind::UnknownKey));
    let moved = rewrapper.recipient(&next).remove_others().rewrap(&forged);
    let moved = moved.expect("rewrapped").expect("a recipient came");
    assert!(Keyset::parse_file_bytes(&moved, Protection::Restore(&[&next])).is_ok());
}
