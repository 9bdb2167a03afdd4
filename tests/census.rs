// SPDX-License-Identifier: MIT OR Apache-2.0
//! Census: what depends on which key, what is advisory and what is proof.
#![cfg(feature = "std")]

mod kit;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use kit::envelopes::sha256;
use kit::keys::{cheap_passphrase, raw_key};
use sealwax::census::{Census, Dependence, Finding, Proof, Surveyor, Tally};
use sealwax::id::VersionId;
use sealwax::rng::Now;
use sealwax::stream::{Control, Folders, HeaderReader};
use sealwax::{Algorithm, Context, ErrorKind, Keyset, OpenedVia, Result, Sealer, Suite};

const SUITE: Suite = Suite::ChaCha20Poly1305;
const NOW: Now = Now::Seconds(1_800_000_000);

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn keyset() -> Keyset {
    Keyset::generate("orders", SUITE).expect("generated")
}

fn primary(keyset: &Keyset) -> VersionId {
    keyset.primary().expect("a primary").id()
}

fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    std::fs::write(&path, bytes).expect("written");
    path
}

/// The envelope with a mac that does not hold behind a check that does: whoever has no key cannot tell.
fn with_another_mac(envelope: &[u8]) -> Vec<u8> {
    const CORE: usize = 29;
    let header = sealwax::envelope::Header::parse(envelope, 65_536).expect("a header").len();
    let mut changed = envelope.to_vec();
    changed[header - 48] ^= 1;
    let core = sha256(&[&changed[..CORE]]);
    let check = sha256(&[b"sealwax/v1/check\0", &core, &changed[CORE..header - 16]]);
    changed[header - 16..header].copy_from_slice(&check[..16]);
    changed
}

/// Surveys all, on some threads.
fn survey(surveyor: &Surveyor<'_>, folder: &tempfile::TempDir, threads: usize) -> Census {
    let start = || (surveyor.census(), HeaderReader::new());
    let folders = Folders::new([folder.path()]).threads(threads);
    let all = folders.each(None, start, |(census, reader), found| match found {
        Ok(path) => drop(surveyor.survey_path(&path, reader, census)),
        Err(_) => census.count_unreadable(),
    });
    let mut whole = surveyor.census();
    all.into_iter().for_each(|(census, _)| whole.merge(census));
    whole
}

#[test]
fn each_version_is_counted_with_its_bytes() {
    let (folder, mut keyset) = (tempfile::tempdir().expect("a folder"), keyset());
    let first = primary(&keyset);
    for number in 0..30 {
        if number == 20 {
            keyset.rotate(SUITE).expect("rotated");
        }
        let envelope = Sealer::new().recipient(&keyset).seal(&[0; 100]).expect("sealed");
        write(&folder, &format!("deep/{number}/{number}.swx"), &envelope);
    }
    write(&folder, "not-sealed.txt", b"left alone");
    let len = std::fs::metadata(folder.path().join("deep/0/0.swx")).expect("there").len();
    for threads in [1, 2, 7] {
        for surveyor in [Surveyor::new(), Surveyor::new().keyset(&keyset).verified()] {
            let census = survey(&surveyor, &folder, threads);
            assert_eq!((census.envelopes(), census.bytes()), (30, 30 * len));
            let wanted = |envelopes| Tally { envelopes, bytes: envelopes * len, tokens: 0 };
            assert_eq!(census.of_version(keyset.id(), first), wanted(20));
            assert_eq!(census.of_version(keyset.id(), primary(&keyset)), wanted(10));
        }
    }
}

#[test]
fn what_nothing_at_hand_opens_is_found() {
    let (folder, ours, theirs) = (tempfile::tempdir().expect("a folder"), keyset(), keyset());
    let identity = Keyset::generate("me", Algorithm::X25519).expect("generated");
    let public = identity.recipient().expect("a pair").clone();
    let passphrase = cheap_passphrase("correct horse");
    let hidden = public.clone().hidden();
    let sealed = [
        Sealer::new().recipient(&ours).seal(b"1"),
        Sealer::new().recipient(&theirs).seal(b"2"),
        Sealer::new().recipient(&public).seal(b"3"),
        Sealer::new().recipient(&hidden).seal(b"4"),
        Sealer::new().recipient(&passphrase).seal(b"5"),
        Sealer::new().recipient(&raw_key(1, 1)).seal(b"6"),
        Sealer::new().recipient(&theirs).recipient(&ours).seal(b"7"),
    ];
    for (number, envelope) in sealed.into_iter().enumerate() {
        write(&folder, &format!("{number}.swx"), &envelope.expect("sealed"));
    }
    write(&folder, "damaged.swx", b"SWAX and nothing else");
    let advisory = survey(&Surveyor::new().keyset(&ours), &folder, 1);
    assert_eq!((advisory.envelopes(), advisory.unopenable(), advisory.unreadable()), (7, 5, 1));
    assert_eq!(advisory.proof(), Proof::Advisory);
    let own = raw_key(1, 1);
    let all = Surveyor::new().keyset(&ours).keyset(&theirs).keyset(&identity).key(&own);
    let all = all.key(&passphrase).verified();
    let census = survey(&all, &folder, 1);
    assert_eq!((census.envelopes(), census.unopenable(), census.unreadable()), (7, 0, 1));
    let named: Vec<_> = census.tallies().keys().collect();
    for wanted in [
        Dependence::Version(ours.id(), primary(&ours)),
        Dependence::Version(identity.id(), primary(&identity)),
        Dependence::Hidden,
        Dependence::Passphrase,
    ] {
        assert!(named.contains(&&wanted), "{wanted:?} in {named:?}");
    }
    assert_eq!(census.of_version(theirs.id(), primary(&theirs)).envelopes, 2);
}

#[test]
fn only_a_verified_census_without_holes_clears_a_version() {
    let (folder, mut keyset) = (tempfile::tempdir().expect("a folder"), keyset());
    let old = primary(&keyset);
    let on_old = Sealer::new().recipient(&keyset).seal(b"value").expect("sealed");
    let token = keyset.seal(b"value", &Context::new()).expect("sealed");
    keyset.rotate(SUITE).expect("rotated");
    let verified = || Surveyor::new().keyset(&keyset).verified();
    let refused =
        |census: &Census| kind(census.clearance(&keyset, old)) == Some(ErrorKind::KeyState);
    assert!(refused(&survey(&verified(), &folder, 1)), "it looked at nothing");
    let on_new = Sealer::new().recipient(&keyset).seal(b"value").expect("sealed");
    write(&folder, "new.swx", &on_new);
    assert!(!refused(&survey(&verified(), &folder, 1)));
    assert!(refused(&survey(&Surveyor::new().keyset(&keyset), &folder, 1)), "advisory");
    let mut with_token = survey(&verified(), &folder, 1);
    let dependence = verified().survey_token(&token, &mut with_token).expect("a token");
    assert_eq!(dependence, Dependence::Version(keyset.id(), old));
    assert!(refused(&with_token), "a token depends on it");
    let mut mixed = survey(&verified(), &folder, 1);
    mixed.merge(survey(&Surveyor::new(), &folder, 1));
    assert!(refused(&mixed), "the weaker proof counts");
    for (name, bytes) in [
        ("old.swx", on_old.clone()),
        ("cut.swx", on_new[..50].to_vec()),
        ("changed.swx", with_another_mac(&on_new)),
        ("stranger.swx", Sealer::new().recipient(&self::keyset()).seal(b"").expect("sealed")),
    ] {
        let path = write(&folder, name, &bytes);
        assert!(refused(&survey(&verified(), &folder, 1)), "{name}");
        std::fs::remove_file(path).expect("removed");
    }
    assert!(!refused(&survey(&verified(), &folder, 1)));
    let unknown = VersionId::new(1).expect("not 0");
    let census = survey(&verified(), &folder, 1);
    assert_eq!(kind(census.clearance(&keyset, unknown)), Some(ErrorKind::UnknownKey));
}

#[test]
fn a_suspended_version_is_a_hole_and_a_compromised_one_can_be_migrated() {
    let mut keyset = keyset();
    let first = primary(&keyset);
    let envelope = Sealer::new().recipient(&keyset).seal(b"value").expect("sealed");
    let header = sealwax::envelope::Header::parse(&envelope, 65_536).expect("a header");
    keyset.rotate(SUITE).expect("rotated");
    let find = |keyset: &Keyset| {
        let surveyor = Surveyor::new().keyset(keyset).verified();
        surveyor.survey(&header, 0, &mut surveyor.census())
    };
    assert!(matches!(find(&keyset), Finding::Verified(OpenedVia::Keyset(..))));
    keyset.suspend(first, "", NOW).expect("a move");
    assert!(
        matches!(find(&keyset), Finding::Unopenable(error) if error.kind() == ErrorKind::KeyState)
    );
    keyset.resume(first, "", NOW).expect("a move");
    keyset.mark_compromised(first, "", NOW).expect("a move");
    assert!(matches!(find(&keyset), Finding::Verified(OpenedVia::Compromised(..))));
}

#[test]
fn tokens_say_what_they_depend_on_without_a_key() {
    let keyset = keyset();
    let token = keyset.seal(b"value", &Context::new()).expect("sealed");
    let stranger = Surveyor::new();
    let mut census = stranger.census();
    let dependence = stranger.survey_token(&token, &mut census).expect("a token");
    assert_eq!(dependence, Dependence::UnknownKeyset(primary(&keyset)));
    assert_eq!(kind(stranger.survey_token(b"no token", &mut census)), Some(ErrorKind::Format));
    assert_eq!((census.tokens(), census.unreadable()), (1, 1));
}

#[test]
fn a_walk_is_stopped_between_files_and_tells_how_far_it_is() {
    struct Stop(AtomicU64);
    impl Control for Stop {
        fn progress(&self, done: u64, found: u64) {
            assert!(done <= found);
            self.0.fetch_max(done, Ordering::Relaxed);
        }
        fn is_cancelled(&self) -> bool {
            self.0.load(Ordering::Relaxed) >= 10
        }
    }
    let (folder, keyset) = (tempfile::tempdir().expect("a folder"), keyset());
    let envelope = Sealer::new().recipient(&keyset).seal(b"value").expect("sealed");
    for number in 0..500 {
        write(&folder, &format!("{number}.swx"), &envelope);
    }
    for threads in [1, 4] {
        let (stop, done) = (Stop(AtomicU64::new(0)), AtomicU64::new(0));
        let stops = Folders::new([folder.path()]).threads(threads).each(
            Some(&stop),
            || 0,
            |stops, found| match found {
                Ok(_) => drop(done.fetch_add(1, Ordering::Relaxed)),
                Err(_) => *stops += 1,
            },
        );
        assert!((10..20).contains(&done.load(Ordering::Relaxed)), "on {threads} threads");
        assert_eq!(stops.iter().sum::<u32>(), 1, "what was stopped does not look complete");
    }
    let missing = Folders::new([folder.path().join("nothing here")]);
    let seen = missing.each(None, Vec::new, |seen, found| seen.push(found.is_err()));
    assert_eq!(seen.concat(), [true]);
}
