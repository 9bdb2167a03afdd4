// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a rewrap keeps, replaces and refuses, entry by entry, and what a header needs to be read.
#![cfg(feature = "std")]

mod kit;

use kit::keys::{cheap_passphrase, raw_key};
use kit::specimens::{NAMES, Pair, keyset, pair};
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Header, Need, Removal};
use sealwax::id::{Fingerprint, KeysetId, RecipientKind, VersionId, Wanted};
use sealwax::keyset::file::Protection;
use sealwax::stream::{FileRewrap, RewrapJob};
use sealwax::{
    Algorithm, Context, ErrorKind, KeyWrap, Keyset, Opener, Result, Rewrapper, Sealer, Suite,
};

/// Bytes of a core without stored context, and of what says how long the slots are (format.md 4.1, 4.4).
const FIXED_LEN: usize = 29;
const FRAME: usize = 5;

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn header(envelope: &[u8]) -> Header<'_> {
    Header::parse(envelope, DEFAULT_MAX_HEADER_LEN).expect("a header")
}

fn wanted(envelope: &[u8]) -> Vec<Wanted> {
    header(envelope).entries().map(|entry| entry.wanted()).collect()
}

#[test]
fn a_header_says_how_much_of_it_is_needed() {
    let context = Context::new().with("row", [7; 100]).expect("a context");
    let stored_len = context.as_encoded().as_bytes().len();
    let sealer = Sealer::new().stored_context(context);
    let key = raw_key(1, 1);
    let envelope = sealer.recipient(&key).seal(b"plaintext").expect("sealed");
    let (len, core_len) = (header(&envelope).len(), FIXED_LEN + stored_len);
    let need = |cut: usize, max_len| Header::need(&envelope[..cut], max_len);
    for cut in 0..=envelope.len() {
        let expected = match cut {
            _ if cut < FIXED_LEN => Need::AtLeast(FIXED_LEN),
            _ if cut < core_len => Need::AtLeast(core_len),
            _ if cut < core_len + FRAME => Need::AtLeast(core_len + FRAME),
            _ => Need::Whole(len),
        };
        let found = need(cut, DEFAULT_MAX_HEADER_LEN).expect("a beginning");
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{cut} bytes");
    }
    for (cut, enough) in [(FIXED_LEN, core_len), (core_len, core_len + FRAME), (len, len)] {
        assert_eq!(kind(need(cut, enough)), None, "{cut} bytes");
        assert_eq!(kind(need(cut, enough - 1)), Some(ErrorKind::Limit), "{cut} bytes");
    }
    assert_eq!(kind(Header::parse(&envelope, len)), None);
    assert_eq!(kind(Header::parse(&envelope, len - 1)), Some(ErrorKind::Limit));
}

#[test]
fn a_removal_means_what_it_names() {
    let (other, another) = (KeysetId([0xee; 16]), VersionId::new(1).expect("not 0"));
    let stranger = Fingerprint([0xee; 8]);
    for name in NAMES {
        let envelope = Sealer::new().recipient(&*pair(name).recipient).seal(b"").expect("sealed");
        let header = header(&envelope);
        let entry = header.entries().next().expect("one entry");
        let own = entry.kind();
        for kind in [
            RecipientKind::Keyset,
            RecipientKind::Passphrase,
            RecipientKind::X25519,
            RecipientKind::XWing,
            RecipientKind::RawKey,
            RecipientKind::Provider,
        ] {
            assert_eq!(Removal::Kind(kind).means(&entry), kind == own, "{name}");
        }
        let (mut keyset, mut version, mut fingerprint) = (other, another, stranger);
        match entry.wanted() {
            Wanted::Keyset(of, its) => (keyset, version) = (of, its),
            Wanted::Pair(_, its) => fingerprint = its,
            _ => {}
        }
        let (by_keyset, by_pair) = (keyset != other, fingerprint != stranger);
        assert_eq!(Removal::Keyset(keyset).means(&entry), by_keyset, "{name}");
        assert_eq!(Removal::Version(keyset, version).means(&entry), by_keyset, "{name}");
        assert_eq!(Removal::Pair(fingerprint).means(&entry), by_pair, "{name}");
        assert!(!Removal::Keyset(KeysetId([0xdd; 16])).means(&entry), "{name}");
        assert!(!Removal::Version(KeysetId([0xdd; 16]), version).means(&entry), "{name}");
        let next = VersionId::new(version.value() ^ 2).expect("not 0");
        assert!(!Removal::Version(keyset, next).means(&entry), "{name}");
        assert!(!Removal::Pair(Fingerprint([0xdd; 8])).means(&entry), "{name}");
    }
}

#[test]
fn what_is_kept_has_the_class_of_its_kind() {
    let raw = raw_key(1, 1);
    for (name, is_refused) in NAMES.into_iter().zip([false, false, true, true, false, false, true])
    {
        let pair = pair(name);
        let envelope = Sealer::new().recipient(&*pair.recipient).seal(b"value").expect("sealed");
        let beside = Rewrapper::new().key(&*pair.key).recipient(&raw);
        let refused = is_refused.then_some(ErrorKind::Misuse);
        assert_eq!(kind(beside.rewrap(&envelope)), refused, "{name}");
        let told = beside.danger_mix_recipients().rewrap(&envelope).expect("told so");
        let told = told.expect("it changes");
        assert_eq!(kind(Opener::new().key(&raw).open(&told)), None, "{name}");
        assert_eq!(kind(Opener::new().key(&*pair.key).open(&told)), None, "{name}");
    }
}

#[test]
fn old_and_new_versions_of_a_keyset_become_one_entry() {
    let mut keyset = Keyset::generate("orders", Suite::Cobblestone256).expect("generated");
    let first = keyset.duplicate().expect("copied");
    keyset.rotate(Suite::Cobblestone256).expect("rotated");
    let second = keyset.duplicate().expect("copied");
    keyset.rotate(Suite::Cobblestone256).expect("rotated");
    let newest = Wanted::Keyset(keyset.id(), keyset.primary().expect("a primary").id());
    let sealed_for: [&[&Keyset]; 3] =
        [&[&first, &second], &[&first, &keyset], &[&keyset, &first, &second]];
    for old in sealed_for {
        let sealer = old.iter().fold(Sealer::new(), |sealer, key| sealer.recipient(*key));
        let envelope = sealer.seal(b"value").expect("sealed");
        assert_eq!(header(&envelope).epoch(), 1);
        let again = Rewrapper::new().keyset(&keyset).rewrap(&envelope);
        let again = again.expect("it opens").expect("it changes");
        assert_eq!(wanted(&again), [newest]);
        assert_eq!(header(&again).epoch(), 2);
        assert_eq!(kind(Opener::new().key(&keyset).open(&again)), None);
        let third = Rewrapper::new().keyset(&keyset).recipient(&first).min_epoch(2);
        let third = third.rewrap(&again).expect("epoch 2 is enough").expect("it changes");
        assert_eq!(header(&third).epoch(), 3);
        let newer = Rewrapper::new().keyset(&keyset).recipient(&first).min_epoch(3);
        assert_eq!(kind(newer.rewrap(&again)), Some(ErrorKind::Decrypt));
    }
}

#[test]
fn one_recipient_is_added_once_and_hidden_ones_each() {
    let raw = raw_key(1, 1);
    let envelope = Sealer::new().recipient(&raw).seal(b"value").expect("sealed");
    let pairs: Vec<Keyset> =
        (0..2).map(|_| Keyset::generate("r", Algorithm::XWing).expect("generated")).collect();
    let [one, other] = [0, 1].map(|at| pairs[at].recipient().expect("a pair").clone());
    let twice = Rewrapper::new().key(&raw).recipient(&one).recipient(&one).rewrap(&envelope);
    assert_eq!(wanted(&twice.expect("it opens").expect("it changes")).len(), 2);
    let (one, other) = (one.hidden(), other.hidden());
    let both = Rewrapper::new().key(&raw).recipient(&one).recipient(&other).rewrap(&envelope);
    let both = both.expect("it opens").expect("it changes");
    assert_eq!(wanted(&both).len(), 3);
    for pair in &pairs {
        assert_eq!(kind(Opener::new().key(pair).open(&both)), None);
    }
}

#[test]
fn a_keyset_file_is_not_rewrapped_for_the_keyset_in_it() {
    let (raw, itself) = (raw_key(1, 1), keyset(2, 1));
    let file = itself.to_file_bytes(Protection::Sealed(&[&raw])).expect("written");
    let with = |recipient: &dyn KeyWrap| {
        let rewrapper = Rewrapper::new().key(&raw).recipient(recipient);
        kind(rewrapper.rewrap(&file).map(|changed| assert!(changed.is_some())))
    };
    assert_eq!(with(&itself), Some(ErrorKind::Misuse));
    let other = Keyset::generate("other", Suite::Cobblestone256).expect("generated");
    assert_eq!(with(&other), None);
    // What is no keyset file may be for whom it names.
    let envelope = Sealer::new().recipient(&raw).seal(b"value").expect("sealed");
    let rewrapper = Rewrapper::new().key(&raw).recipient(&itself);
    assert!(rewrapper.rewrap(&envelope).expect("it opens").is_some());
}

#[test]
fn a_header_is_rewrapped_up_to_the_limit() {
    let (raw, other) = (raw_key(1, 1), raw_key(2, 2));
    let envelope = Sealer::new().recipient(&raw).seal(b"value").expect("sealed");
    let rewrap = |limit| {
        let rewrapper = Rewrapper::new().key(&raw).recipient(&other).max_header_len(limit);
        rewrapper.rewrap(&envelope).map(|changed| changed.expect("it changes"))
    };
    let len = header(&rewrap(DEFAULT_MAX_HEADER_LEN).expect("short")).len();
    assert_eq!(header(&rewrap(len).expect("just as long")).len(), len);
    assert_eq!(kind(rewrap(len - 1)), Some(ErrorKind::Limit));
}

#[test]
fn a_file_that_stays_as_it_is_says_whether_a_key_at_hand_may_open_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let is_at_hand = |recipient: &dyn KeyWrap, rewrapper: &Rewrapper<'_>| {
        let path = folder.path().join("sealed");
        let envelope = Sealer::new().recipient(recipient).seal(b"value").expect("sealed");
        std::fs::write(&path, envelope).expect("written");
        match rewrapper.rewrap_path(&path, &RewrapJob::default()).expect("it parses") {
            FileRewrap::Current => true,
            FileRewrap::NotAtHand(_) => false,
            other => panic!("nothing was to be done: {other:?}"),
        }
    };
    let generate = |algorithm| Keyset::generate("stranger", algorithm).expect("generated");
    let symmetric = generate(Algorithm::Symmetric(Suite::Cobblestone256));
    let (x25519, x_wing) = (generate(Algorithm::X25519), generate(Algorithm::XWing));
    let passphrase = cheap_passphrase("another");
    for name in NAMES {
        let Pair { recipient, key, .. } = pair(name);
        assert!(is_at_hand(&*recipient, &Rewrapper::new().key(&*key)), "{name}");
        let by_key = |key: &dyn KeyWrap| is_at_hand(&*recipient, &Rewrapper::new().key(key));
        assert!(!by_key(&raw_key(9, 9)) && !by_key(&symmetric) && !by_key(&x_wing), "{name}");
        // A passphrase's entry does not say of which.
        assert_eq!(by_key(&passphrase), name == "passphrase");
        for keyset in [&symmetric, &x25519, &x_wing] {
            assert!(!is_at_hand(&*recipient, &Rewrapper::new().keyset(keyset)), "{name}");
        }
    }
    for keyset in [&symmetric, &x25519, &x_wing] {
        assert!(is_at_hand(keyset, &Rewrapper::new().keyset(keyset)));
    }
    let hidden = x25519.recipient().expect("a pair").clone().hidden();
    for keyset in [&x25519, &x_wing, &symmetric] {
        let at_hand = is_at_hand(&hidden, &Rewrapper::new().keyset(keyset));
        assert_eq!(at_hand, keyset.is_identity(), "a hidden entry is no symmetric keyset's");
    }
    assert!(is_at_hand(&hidden, &Rewrapper::new().key(&x25519)));
}
