// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recipients: who may stand beside whom, who is tried, and what an opener can demand.
#![cfg(feature = "std")]

mod kit;

use kit::envelopes::Parts;
use kit::keys::{KeysetMaterial, VersionMaterial, cheap_passphrase, raw_key};
use kit::specimens::{keyset, pair, pairs};
use sealwax::envelope::Header;
use sealwax::id::{Fingerprint, KeysetId, RawKeyId, RecipientKind, VersionId, Wanted};
use sealwax::rng::Random;
use sealwax::secret::{Data, Key, Root};
use sealwax::wrap::hpke::{PublicKey, Recipient};
use sealwax::wrap::passphrase::Passphrase;
use sealwax::wrap::provider::{Request, Unwrapped};
use sealwax::wrap::raw_key::RawKey;
use sealwax::wrap::version_key::VersionKey;
use sealwax::wrap::{Binding, Entry, Shape, Trials, Unwrap};
use sealwax::{
    Algorithm, Context, Error, ErrorKind, KeyWrap, Keyset, OpenedVia, Opener, Result, Sealer, Suite,
};

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn an_envelope_needs_1_to_64_recipients() {
    assert_eq!(kind(Sealer::new().seal(b"")), Some(ErrorKind::Misuse));
    let keys: Vec<RawKey> = (0..65).map(|id| raw_key(id, id)).collect();
    let sealer =
        |count| keys[..count].iter().fold(Sealer::new(), |sealer, key| sealer.recipient(key));
    assert_eq!(kind(sealer(65).seal(b"")), Some(ErrorKind::Misuse));
    let envelope = sealer(64).seal(b"plaintext").expect("64 are allowed");
    for key in &keys[..64] {
        // An entry that names no key at hand costs no trial: all 64 open.
        let opened = Opener::new().key(key).open(&envelope).expect("it opens");
        assert_eq!(opened.plaintext.as_slice(), b"plaintext");
    }
    assert_eq!(kind(Opener::new().key(&keys[64]).open(&envelope)), Some(ErrorKind::UnknownKey));
}

#[test]
fn at_most_8_recipients_are_hidden() {
    let recipients: Vec<Recipient> = (0..9)
        .map(|_| Keyset::generate("r", Algorithm::X25519).expect("generated"))
        .map(|keyset| keyset.recipient().expect("a pair").clone().hidden())
        .collect();
    let sealer = |count: usize| {
        recipients[..count].iter().fold(Sealer::new(), |sealer, key| sealer.recipient(key))
    };
    assert_eq!(kind(sealer(8).seal(b"")), None);
    assert_eq!(kind(sealer(9).seal(b"")), Some(ErrorKind::Misuse));
}

#[test]
fn sixteen_trials_are_made_and_no_seventeenth() {
    // Eight hidden entries and identities that open none of them: 8 trials for each.
    let strangers: Vec<Recipient> = (0..8)
        .map(|_| Keyset::generate("r", Algorithm::X25519).expect("generated"))
        .map(|keyset| keyset.recipient().expect("a pair").clone().hidden())
        .collect();
    let known = raw_key(1, 1);
    let sealer = strangers.iter().fold(Sealer::new(), |sealer, key| sealer.recipient(key));
    let sealer = sealer.recipient(&known).danger_mix_recipients();
    let envelope = sealer.seal(b"plaintext").expect("it can be sealed");
    let ours: Vec<Keyset> =
        (0..3).map(|_| Keyset::generate("r", Algorithm::X25519).expect("generated")).collect();
    let opener = |count: usize| ours[..count].iter().fold(Opener::new(), |o, key| o.key(key));
    assert_eq!(kind(opener(1).open(&envelope)), Some(ErrorKind::Decrypt));
    assert_eq!(kind(opener(2).open(&envelope)), Some(ErrorKind::Decrypt), "16 trials");
    assert_eq!(kind(opener(3).open(&envelope)), Some(ErrorKind::Limit), "a 17th");
    assert_eq!(kind(opener(1).key(&known).open(&envelope)), None, "the 9th trial");
    assert_eq!(kind(opener(2).key(&known).open(&envelope)), Some(ErrorKind::Limit));
}

#[test]
fn a_hidden_entry_shows_no_fingerprint() {
    for algorithm in [3, 4] {
        let identity = keyset(algorithm, 1);
        let recipient = identity.recipient().expect("a pair").clone().hidden();
        assert_ne!(recipient.fingerprint(), Fingerprint::HIDDEN);
        let envelope = Sealer::new().recipient(&recipient).seal(b"plaintext").expect("sealed");
        let header = Header::parse(&envelope, 65_536).expect("it parses");
        let entry = header.entries().next().expect("one entry");
        assert_eq!(entry.wanted(), Wanted::Pair(entry.kind(), Fingerprint::HIDDEN));
        let public = identity.recipient().expect("a pair").fingerprint().0;
        assert!(!envelope.windows(8).any(|window| window == public));
        assert_eq!(kind(Opener::new().key(&identity).open(&envelope)), None);
    }
}

#[test]
fn an_opener_can_require_kinds() {
    let (key, identity) = (raw_key(1, 1), keyset(4, 1));
    let sealer = Sealer::new().recipient(&identity).recipient(&key);
    let envelope = sealer.seal(b"plaintext").expect("it can be sealed");
    let opener = Opener::new().key(&identity).key(&key);
    let via = |kinds: &[RecipientKind]| {
        opener.clone().require(kinds).open(&envelope).map(|opened| opened.opened_via.kind())
    };
    let (raw, x_wing) = (RecipientKind::RawKey, RecipientKind::XWing);
    assert_eq!(via(&[]).expect("any"), x_wing, "the first entry decides");
    assert_eq!(via(&[raw]).expect("it is there"), raw);
    assert_eq!(via(&[raw, x_wing]).expect("it is there"), x_wing);
    assert_eq!(kind(via(&[RecipientKind::Keyset])), Some(ErrorKind::UnknownKey));
    // A kind that is required and whose key is not given is not opened through another.
    let only_pair = Opener::new().key(&identity).require(&[raw]);
    assert_eq!(kind(only_pair.open(&envelope)), Some(ErrorKind::UnknownKey));
}

#[test]
fn an_opener_can_require_an_epoch() {
    let key = raw_key(1, 1);
    let envelope = Sealer::new().recipient(&key).seal(b"plaintext").expect("it can be sealed");
    let at = |min_epoch| Opener::new().key(&key).min_epoch(min_epoch).open(&envelope);
    assert_eq!(at(1).expect("its epoch").epoch, 1);
    assert_eq!(kind(at(2)), Some(ErrorKind::Decrypt));
    assert_eq!(kind(at(u32::MAX)), Some(ErrorKind::Decrypt));
    // The epoch is refused before the keys are tried.
    let none = Opener::new().min_epoch(2).open(&envelope);
    assert_eq!(kind(none), Some(ErrorKind::Decrypt));
}

#[test]
fn reserved_context_names_are_refused_wherever_they_are_sealed() {
    let key = raw_key(1, 1);
    let keyset = keyset(2, 1);
    let of = |name: &str, value: &[u8]| Context::new().with(name, value).expect("parsed");
    for (context, wanted) in [
        (of("sealwax.counter", &[0; 8]), None),
        (of("sealwax.counter", &[0; 7]), Some(ErrorKind::Misuse)),
        (of("sealwax.counter", &[]), Some(ErrorKind::Misuse)),
        (of("sealwax.keyset", &[0; 16]), Some(ErrorKind::Misuse)),
        (of("sealwax.", &[]), Some(ErrorKind::Misuse)),
        (of("sealwax", &[]), None),
        (of("Sealwax.counter", &[]), None),
    ] {
        let sealer = Sealer::new().recipient(&key);
        assert_eq!(kind(sealer.clone().stored_context(context.clone()).seal(b"")), wanted);
        assert_eq!(kind(sealer.external_context(context.clone()).seal(b"")), wanted);
        assert_eq!(kind(keyset.seal(b"", &context)), wanted, "{context:?}");
    }
    let twice = Context::new().with("a", "1").and_then(|context| context.with("a", "1"));
    assert_eq!(kind(twice), Some(ErrorKind::Misuse));
    let both = Sealer::new().recipient(&key).stored_context(of("a", b"1"));
    let both = both.external_context(of("a", b"1")).seal(b"");
    assert_eq!(kind(both), Some(ErrorKind::Misuse));
}

#[test]
fn context_limits_hold() {
    let with = |name: &str, len: usize| Context::new().with(name, vec![0; len]);
    assert_eq!(kind(with("n", 32 * 1024 - 4)), None);
    assert_eq!(kind(with("n", 32 * 1024 - 3)), Some(ErrorKind::Limit));
    assert_eq!(kind(with("n", 70_000)), Some(ErrorKind::Limit));
    for name in ["", &"n".repeat(256), "a\0b", "\u{9f}"] {
        assert_eq!(kind(with(name, 1)), Some(ErrorKind::Misuse), "{name:?}");
    }
    let mut full = Context::new();
    (0..64).for_each(|index| full.insert(&format!("{index}"), b"").expect("up to 64"));
    assert_eq!(kind(full.insert("one more", b"")), Some(ErrorKind::Limit));
    assert_eq!(full.len(), 64);
}

#[test]
fn a_provider_is_called_outside_and_its_key_goes_in() {
    // A provider that encrypts by XOR, for the test's sake.
    let call = |bytes: &[u8]| -> Vec<u8> { bytes.iter().map(|byte| byte ^ 0x77).collect() };
    let request = Request::new("kms.example", "orders/2", &mut sealwax::rng::OsRandom);
    let request = request.expect("allowed names");
    let blob = call(request.expose_key());
    let recipient = request.finish(&blob).expect("a short blob");
    let envelope = Sealer::new().recipient(&recipient).seal(b"plaintext").expect("sealed");

    let header = Header::parse(&envelope, 65_536).expect("it parses");
    let entry = header.entries().next().expect("one entry");
    let Entry::Provider { provider, key_name, blob, .. } = entry else { panic!("{entry:?}") };
    assert_eq!((provider, key_name), ("kms.example", "orders/2"));
    let mut key = Key::zeroed();
    key.expose_bytes_mut().copy_from_slice(&call(blob));
    let unwrapped = Unwrapped::new(provider, key_name, key).expect("allowed names");
    let opened = Opener::new().key(&unwrapped).open(&envelope).expect("it opens");
    assert_eq!(opened.plaintext.as_slice(), b"plaintext");
    assert_eq!(opened.opened_via.kind(), RecipientKind::Provider);
    // What was unwrapped only opens, and the recipient only seals.
    assert_eq!(kind(Sealer::new().recipient(&unwrapped).seal(b"")), Some(ErrorKind::Misuse));
    assert_eq!(kind(Opener::new().key(&recipient).open(&envelope)), Some(ErrorKind::UnknownKey));
}

#[test]
fn provider_names_and_blobs_are_bounded() {
    let request = |provider: &str, key_name: &str| {
        Request::new(provider, key_name, &mut sealwax::rng::OsRandom)
    };
    assert_eq!(kind(request(&"p".repeat(255), &"k".repeat(2048))), None);
    for (provider, key_name) in
        [("", "k"), ("p", ""), (&*"p".repeat(256), "k"), ("p", &"k".repeat(2049)), ("p\n", "k")]
    {
        assert_eq!(kind(request(provider, key_name)), Some(ErrorKind::Misuse));
        let unwrapped = Unwrapped::new(provider, key_name, Key::zeroed());
        assert_eq!(kind(unwrapped), Some(ErrorKind::Misuse));
    }
    let finish = |len: usize| request("p", "k").expect("allowed").finish(&vec![1; len]);
    assert_eq!(kind(finish(0)), Some(ErrorKind::Provider));
    assert_eq!(kind(finish(65_535 - 104 - 7)), None);
    assert_eq!(kind(finish(65_535 - 104 - 6)), Some(ErrorKind::Provider));
}

#[test]
fn a_recipient_string_reads_back_and_typing_errors_are_found() {
    for algorithm in [3, 4] {
        let identity = keyset(algorithm, 1);
        let recipient = identity.recipient().expect("a pair");
        let text = recipient.to_text();
        assert!(text.starts_with("sealwaxpub1"));
        assert_eq!(&format!(" {text}\r\n").parse::<Recipient>().expect("written by us"), recipient);
        for at in (0..text.len()).step_by(if algorithm == 3 { 1 } else { 37 }) {
            let mut typo = text.clone().into_bytes();
            typo[at] = if typo[at] == b'q' { b'p' } else { b'q' };
            let typo = String::from_utf8(typo).expect("ASCII");
            assert_eq!(kind(typo.parse::<Recipient>()), Some(ErrorKind::Format));
            assert_eq!(kind(text[..at].parse::<Recipient>()), Some(ErrorKind::Format));
        }
        assert_eq!(kind(text.to_uppercase().parse::<Recipient>()), Some(ErrorKind::Format));
        let secret = identity.expose_identity_text().expect("a pair");
        assert_eq!(kind(secret.parse::<Recipient>()), Some(ErrorKind::Format));
        assert_eq!(kind(Keyset::parse_identity_text(&text)), Some(ErrorKind::Format));
    }
    assert_eq!(kind("q".repeat(4097).parse::<Recipient>()), Some(ErrorKind::Limit));
    assert_eq!(kind("".parse::<Recipient>()), Some(ErrorKind::Format));
}

#[test]
fn unsafe_public_keys_are_refused() {
    let mut order_8 = [0; 32];
    hex::decode_to_slice(
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        &mut order_8,
    )
    .expect("hex");
    let mut one = [0; 32];
    one[0] = 1;
    let mut p = [0xff; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    let mut p_plus_9 = p;
    p_plus_9[0] = 0xf6;
    let mut high_bit = *keyset(3, 1)
        .recipient()
        .expect("a pair")
        .public_key()
        .as_bytes()
        .first_chunk()
        .expect("32");
    high_bit[31] |= 0x80;
    for public in [[0; 32], one, order_8, p, p_plus_9, [0xff; 32], high_bit] {
        let parsed = PublicKey::parse(Algorithm::X25519, &public);
        assert_eq!(kind(parsed), Some(ErrorKind::Format), "{public:x?}");
        let x_wing = keyset(4, 1);
        let mut long = x_wing.recipient().expect("a pair").public_key().as_bytes().to_vec();
        long[1184..].copy_from_slice(&public);
        assert_eq!(kind(PublicKey::parse(Algorithm::XWing, &long)), Some(ErrorKind::Format));
    }
    let x_wing = keyset(4, 1);
    let mut overflow = x_wing.recipient().expect("a pair").public_key().as_bytes().to_vec();
    overflow[..2].fill(0xff);
    assert_eq!(kind(PublicKey::parse(Algorithm::XWing, &overflow)), Some(ErrorKind::Format));
    for len in [0, 31, 33, 1215, 1217] {
        assert_eq!(
            kind(PublicKey::parse(Algorithm::X25519, &vec![9; len])),
            Some(ErrorKind::Format)
        );
        assert_eq!(
            kind(PublicKey::parse(Algorithm::XWing, &vec![9; len])),
            Some(ErrorKind::Format)
        );
    }
}

#[test]
fn passphrases_are_bounded_and_never_normalised() {
    assert_eq!(kind(Passphrase::new("")), Some(ErrorKind::Misuse));
    assert_eq!(kind(Passphrase::new(&"p".repeat(65_536))), None);
    assert_eq!(kind(Passphrase::new(&"p".repeat(65_537))), Some(ErrorKind::Misuse));
    let (composed, decomposed) = (cheap_passphrase("é"), cheap_passphrase("e\u{301}"));
    let envelope = Sealer::new().recipient(&composed).seal(b"plaintext").expect("sealed");
    assert_eq!(kind(Opener::new().key(&composed).open(&envelope)), None);
    assert_eq!(kind(Opener::new().key(&decomposed).open(&envelope)), Some(ErrorKind::Decrypt));
}

#[test]
fn unknown_entries_are_skipped_and_known_ones_open() {
    let key = raw_key(1, 1);
    let envelope = Sealer::new().recipient(&key).seal(b"plaintext").expect("it can be sealed");
    let mut parts = Parts::cut(&envelope);
    parts.slots[0].entries.insert(0, (77, vec![1, 2, 3]));
    parts.slots[0].count = 2;
    parts.remake_check(0);
    // The mac does not hold: nobody adds an entry without the data key. But the key is found behind it.
    assert_eq!(kind(Opener::new().key(&key).open(&parts.join())), Some(ErrorKind::Decrypt));
    let other = raw_key(2, 2);
    let error = Opener::new().key(&other).open(&parts.join()).expect_err("another key");
    match error {
        Error::UnknownKey(Wanted::Recipient(RecipientKind::Unknown(77))) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unknown_key_is_named() {
    let wanted = |pair: &kit::specimens::Pair| {
        let envelope = Sealer::new().recipient(&*pair.recipient).seal(b"").expect("sealed");
        match Opener::new().open(&envelope) {
            Err(Error::UnknownKey(wanted)) => wanted,
            other => panic!("{other:?}"),
        }
    };
    let (id, version) = (kit::specimens::KEYSET, kit::specimens::version());
    for pair in pairs() {
        let expected = match pair.name {
            "keyset-suite1" | "keyset-suite2" => Wanted::Keyset(id, version),
            "raw-key" => Wanted::RawKey(RawKeyId([5; 16])),
            "passphrase" => Wanted::Recipient(RecipientKind::Passphrase),
            "provider" => Wanted::Recipient(RecipientKind::Provider),
            "x25519" => Wanted::Pair(
                RecipientKind::X25519,
                keyset(3, 1).recipient().expect("a pair").fingerprint(),
            ),
            _ => Wanted::Pair(
                RecipientKind::XWing,
                keyset(4, 1).recipient().expect("a pair").fingerprint(),
            ),
        };
        assert_eq!(wanted(&pair), expected);
    }
    let pair = pair("raw-key");
    assert_eq!(wanted(&pair).to_string(), format!("sealed for the raw key {}", "05".repeat(16)));
}

#[test]
fn another_keyset_s_version_of_the_same_id_is_not_the_one_that_is_wanted() {
    let with_id = |id| KeysetMaterial::of_one(id, VersionMaterial::active(7, 2, [1; 32])).keyset();
    let (ours, mut other) = (with_id([1; 16]), with_id([2; 16]));
    let envelope = Sealer::new().recipient(&ours).seal(b"").expect("sealed");
    let wanted = other.primary().expect("a primary").id();
    other.suspend(wanted, "", sealwax::rng::Now::Unknown).expect("it is active");
    let refused = Opener::new().key(&other).open(&envelope);
    // Whether its own version might be used is not what stands in the way.
    assert_eq!(kind(refused), Some(ErrorKind::UnknownKey));
}

#[test]
fn only_whoever_holds_a_secret_key_is_an_authentic_maker() {
    let (keyset, version) = (KeysetId([1; 16]), VersionId::new(1).expect("not 0"));
    for (via, kind, is_authentic) in [
        (OpenedVia::Keyset(keyset, version), RecipientKind::Keyset, true),
        (OpenedVia::Passphrase, RecipientKind::Passphrase, true),
        (OpenedVia::RawKey(RawKeyId([1; 16])), RecipientKind::RawKey, true),
        (OpenedVia::X25519(keyset, version), RecipientKind::X25519, false),
        (OpenedVia::XWing(keyset, version), RecipientKind::XWing, false),
        (OpenedVia::Provider, RecipientKind::Provider, false),
        (OpenedVia::Compromised(keyset, version), RecipientKind::Keyset, false),
    ] {
        assert_eq!((via.kind(), via.has_authentic_maker()), (kind, is_authentic), "{via:?}");
    }
}

#[test]
fn a_version_s_key_is_tried_on_its_own_entries_only() {
    let key = |keyset, version| {
        let version = VersionId::new(version).expect("not 0");
        VersionKey::derive(&Key::<Root>::zeroed(), Suite::Cobblestone256, keyset, version)
    };
    let ours = key(KeysetId([1; 16]), 7);
    let envelope = Sealer::new().recipient(&ours).seal(b"plaintext").expect("sealed");
    assert_eq!(kind(Opener::new().key(&ours).open(&envelope)), None);
    for other in [key(KeysetId([1; 16]), 8), key(KeysetId([2; 16]), 7)] {
        let opened = Opener::new().key(&other).open(&envelope);
        assert_eq!(kind(opened), Some(ErrorKind::UnknownKey));
    }
}

#[test]
fn what_a_provider_unwrapped_is_tried_on_entries_of_that_key_only() {
    let sealed = pair("provider");
    let envelope = Sealer::new().recipient(&*sealed.recipient).seal(b"").expect("sealed");
    assert_eq!(kind(Opener::new().key(&*sealed.key).open(&envelope)), None);
    for (provider, key_name) in [("kms", "key/2"), ("other", "key/1")] {
        let other = Unwrapped::new(provider, key_name, Key::zeroed()).expect("allowed names");
        let opened = Opener::new().key(&other).open(&envelope);
        assert_eq!(kind(opened), Some(ErrorKind::UnknownKey), "{provider} {key_name}");
    }
}

/// Says that it seals as `shape` does, and leaves the wrapping to one that may not.
struct Posing<'a>(&'a dyn KeyWrap, &'a dyn KeyWrap);

impl KeyWrap for Posing<'_> {
    fn shape(&self) -> Result<Shape> {
        self.0.shape()
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        self.1.wrap_key(binding, data_key, random, body)
    }

    fn unwrap_key(
        &self,
        _: &Binding,
        _: &Entry<'_>,
        _: &mut Trials,
        _: &mut Key<Data>,
    ) -> Result<Unwrap> {
        Ok(Unwrap::NotAtHand)
    }
}

#[test]
fn what_only_opens_wraps_nothing_whatever_its_shape_is_said_to_be() {
    let provider = pair("provider");
    let posing = Posing(&*provider.recipient, &*provider.key);
    assert_eq!(kind(Sealer::new().recipient(&posing).seal(b"")), Some(ErrorKind::Misuse));
}

#[test]
fn what_is_sealed_for_a_migrating_keyset_is_sealed_for_the_keyset() {
    let keyset = Keyset::generate("orders", Suite::Cobblestone256).expect("generated");
    let migrating = keyset.migrating();
    let envelope = Sealer::new().recipient(&migrating).seal(b"plaintext").expect("sealed");
    let opened = Opener::new().key(&keyset).open(&envelope).expect("it opens");
    assert_eq!(opened.plaintext.as_slice(), b"plaintext");
}
