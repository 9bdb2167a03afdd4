// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs on a device, from Rust: keysets in the caller's memory, and what is left of a call that failed.
#![cfg(feature = "std")]

mod kit;

use kit::keys::{KeysetMaterial, VersionMaterial, raw_key};
use kit::random::{Failing, Repeatable};
use sealwax::context::Encoded;
use sealwax::device::keyset::Family;
use sealwax::device::opening::{Digest, Requirements};
use sealwax::device::sealing::Place;
use sealwax::device::{
    Expected, Head, Identity, Keyset, MAX_FRONT_LEN, Opening, PAYLOAD_PREFIX_LEN, PIECE_LEN, Plan,
    Progress, Sealing, Version, progress,
};
use sealwax::id::{KeyState, VersionId};
use sealwax::keyset::file::Protection;
use sealwax::rng::{Now, Random};
use sealwax::secret::{Data, Key};
use sealwax::transit::KeyPair;
use sealwax::wrap::{Binding, Entry, Shape, Trials, Unwrap};
use sealwax::{
    Context, Error, ErrorKind, KeyWrap, OpenedVia, Opener, Result, Sealer, Suite, token,
};

const ID: [u8; 16] = [9; 16];
const NOTHING: Requirements<'_> = Requirements {
    stored: Encoded::EMPTY,
    external: Encoded::EMPTY,
    min_epoch: 0,
    min_counter: None,
    digest: Digest::Without,
};

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn expected(family: Family) -> Expected {
    Expected { id: None, min_revision: 0, family }
}

fn places(count: usize) -> Vec<Version> {
    (0..count).map(|_| Version::EMPTY).collect()
}

fn load(material: &KeysetMaterial, family: Family) -> (Head, Vec<Version>) {
    let mut versions = places(material.versions.len());
    let mut needed = 0;
    let blob = material.unprotected();
    let head = Head::load_unprotected(&blob, &expected(family), &mut versions, &mut needed);
    assert_eq!(needed, versions.len());
    if family == Family::Pairs {
        Head::fill_public(&mut versions).expect("key pairs");
    }
    (head.expect("it loads"), versions)
}

fn of_states(algorithm: u8, states: &[KeyState]) -> KeysetMaterial {
    let version = |(id, state): (u32, &KeyState)| VersionMaterial {
        state: *state as u8,
        ..VersionMaterial::active(id, algorithm, [id as u8; 32])
    };
    let versions: Vec<_> = (1..).zip(states).map(version).collect();
    let active = versions.iter().rev().find(|version| version.state == KeyState::Active as u8);
    KeysetMaterial {
        id: ID,
        primary: active.map_or(0, |version| version.id),
        revision: 1,
        versions,
    }
}

#[test]
fn state_and_times_decide_what_a_version_seals_and_opens() {
    let hosted = KeysetMaterial::of_one(ID, VersionMaterial::active(7, 2, [3; 32])).keyset();
    let sealed = hosted.seal(b"plaintext", &Context::new()).expect("sealed");
    let envelope = Sealer::new().recipient(&hosted).seal(b"plaintext").expect("sealed");
    use KeyState::{Active, Compromised, Deactivated, PreActive, Suspended};
    let at = Now::Seconds;
    for (state, activate_at, deactivate_at, now, seals, opens) in [
        (Active, 0, 0, Now::Unknown, true, true),
        (Active, 0, 0, at(1), true, true),
        (Active, 100, 0, Now::Unknown, false, true),
        (Active, 0, 200, Now::Unknown, false, true),
        (Active, 100, 0, at(99), false, false),
        (Active, 100, 0, at(100), true, true),
        (Active, 100, 0, at(101), true, true),
        (Active, 100, 200, at(199), true, true),
        (Active, 100, 200, at(200), false, true),
        (Active, 0, 200, at(1), true, true),
        (Active, 0, 200, at(201), false, true),
        (Deactivated, 0, 0, at(1), false, true),
        (Deactivated, 100, 0, at(1), false, true),
        (PreActive, 0, 0, at(1), false, false),
        (Suspended, 0, 0, at(1), false, false),
        (Compromised, 0, 0, at(1), false, false),
    ] {
        let version = VersionMaterial {
            state: state as u8,
            activate_at,
            deactivate_at,
            ..VersionMaterial::active(7, 2, [3; 32])
        };
        let primary = if state == Active { 7 } else { 0 };
        let material = KeysetMaterial { id: ID, primary, revision: 1, versions: vec![version] };
        let (head, versions) = load(&material, Family::Symmetric);
        let keyset = Keyset { head, versions: &versions, now };
        let case = format!("{state} {activate_at} {deactivate_at} {now:?}");
        let refused = if primary == 0 { ErrorKind::Misuse } else { ErrorKind::KeyState };
        let refused = (!seals).then_some(refused);
        let mut out = [0; 200];
        let token = keyset.seal_token(Encoded::EMPTY, b"plaintext", &mut Repeatable(1), &mut out);
        assert_eq!(token.as_ref().err().map(|error| error.kind()), refused, "{case}");
        if let Ok(len) = token {
            let opened = hosted.open(&out[..len], &Context::new()).expect("its own");
            assert_eq!(opened.as_slice(), b"plaintext");
        }
        let made = Sealer::new().recipient(&keyset).seal(b"plaintext");
        assert_eq!(made.as_ref().err().map(|error| error.kind()), refused, "{case}");
        if let Ok(envelope) = made {
            let opened = Opener::new().key(&hosted).open(&envelope).expect("its own");
            assert_eq!(opened.plaintext.as_slice(), b"plaintext");
        }
        let refused = (!opens).then_some(ErrorKind::KeyState);
        let len = keyset.open_token(Encoded::EMPTY, &sealed, &mut out);
        assert_eq!(len.as_ref().err().map(|error| error.kind()), refused, "{case}");
        if let Ok(len) = len {
            assert_eq!(&out[..len], b"plaintext");
        }
        let opened = Opener::new().key(&keyset).open(&envelope);
        assert_eq!(opened.as_ref().err().map(|error| error.kind()), refused, "{case}");
        if let Ok(opened) = opened {
            let via = OpenedVia::Keyset(hosted.id(), VersionId::new(7).expect("not 0"));
            assert_eq!((opened.plaintext.as_slice(), opened.opened_via), (&b"plaintext"[..], via));
        }
    }
}

#[test]
fn an_identity_opens_what_its_states_let_it_and_names_what_it_does_not() {
    use KeyState::{Active, Suspended};
    for algorithm in [3, 4] {
        let hosted = of_states(algorithm, &[Active]).keyset();
        let recipient = hosted.recipient().expect("a pair");
        let named = Sealer::new().recipient(recipient).seal(b"plaintext").expect("sealed");
        let hidden = recipient.clone().hidden();
        let hidden = Sealer::new().recipient(&hidden).seal(b"plaintext").expect("sealed");
        let of = |states: &[KeyState], envelope: &[u8]| {
            let (head, versions) = load(&of_states(algorithm, states), Family::Pairs);
            let identity = Identity(Keyset { head, versions: &versions, now: Now::Unknown });
            Opener::new().key(&identity).open(envelope)
        };
        let version = VersionId::new(1).expect("not 0");
        let via = match algorithm {
            3 => OpenedVia::X25519(hosted.id(), version),
            _ => OpenedVia::XWing(hosted.id(), version),
        };
        for envelope in [&named, &hidden] {
            assert_eq!(of(&[Active], envelope).expect("it opens").opened_via, via);
            assert_eq!(of(&[Active, Active], envelope).expect("it opens").opened_via, via);
        }
        assert_eq!(kind(of(&[Suspended, Active], &named)), Some(ErrorKind::KeyState));
        // A hidden entry does not say that it means the suspended one.
        assert_eq!(kind(of(&[Suspended, Active], &hidden)), Some(ErrorKind::Decrypt));
        assert_eq!(kind(of(&[Suspended], &hidden)), Some(ErrorKind::UnknownKey));
    }
}

#[test]
fn what_only_opens_wraps_nothing() {
    let (head, versions) = load(&of_states(3, &[KeyState::Active]), Family::Pairs);
    let identity = Identity(Keyset { head, versions: &versions, now: Now::Unknown });
    assert_eq!(kind(identity.shape()), Some(ErrorKind::Misuse));
    assert_eq!(kind(Sealer::new().recipient(&identity).seal(b"")), Some(ErrorKind::Misuse));
    let claimed = OfLength { body_len: 1, key: &identity };
    let wrapped = Sealer::new().recipient(&claimed).seal(b"");
    assert_eq!(kind(wrapped), Some(ErrorKind::Misuse));
}

#[test]
fn the_active_key_pairs_take_part_in_handshakes_the_primary_first() {
    use KeyState::{Active, Deactivated, Suspended};
    let material = of_states(3, &[Active, Deactivated, Active, Suspended, Active]);
    let hosted = material.keyset();
    let (head, versions) = load(&material, Family::Pairs);
    let keyset = Keyset { head, versions: &versions, now: Now::Unknown };
    let mut pairs: Vec<_> = (0..3).map(|_| KeyPair::vacant()).collect();
    assert_eq!(keyset.key_pairs(&mut pairs).expect("there is room"), 3);
    let ids: Vec<u32> =
        pairs.iter().map(|pair| pair.version().expect("of a keyset").1.value()).collect();
    assert_eq!(ids[0], 5, "the primary");
    assert!(ids.contains(&1) && ids.contains(&3), "{ids:?}");
    let public = keyset.public_key().expect("an X25519 primary");
    assert_eq!(public, pairs[0].public().as_bytes());
    let primary = hosted.recipient().expect("a pair").fingerprint();
    assert_eq!(pairs[0].public().fingerprint(), primary);
    assert_eq!(kind(keyset.key_pairs(&mut pairs[..2])), Some(ErrorKind::Limit));
    let (head, versions) = load(&of_states(3, &[Suspended]), Family::Pairs);
    let none = Keyset { head, versions: &versions, now: Now::Unknown };
    assert_eq!(kind(none.key_pairs(&mut pairs)), Some(ErrorKind::KeyState));
    assert_eq!(kind(none.public_key()), Some(ErrorKind::Misuse));
}

#[test]
fn a_keyset_file_of_several_chunks_is_loaded_and_its_scratch_is_wiped() {
    let material = of_states(2, &[KeyState::Active; 130]);
    let hosted = material.keyset();
    let (key, other) = (raw_key(1, 1), raw_key(1, 2));
    let blob = hosted.to_file_bytes(Protection::Sealed(&[&key])).expect("written");
    assert!(blob.len() > 2 * 4096 + 1000, "three chunks");
    let mut scratch = vec![0xaa; blob.len() + 1];
    let mut versions = places(130);
    let mut needed = 0;
    let (expected, behind) = (expected(Family::Symmetric), blob.len());
    let mut load = |key, scratch: &mut [u8], versions: &mut [Version]| {
        Head::load_sealed(&blob, key, &expected, scratch, versions, &mut needed)
    };
    let head = load(&key, &mut scratch, &mut versions).expect("it loads");
    assert!(scratch[..behind].iter().all(|byte| *byte == 0) && scratch[behind] == 0xaa);
    let keyset = Keyset { head, versions: &versions, now: Now::Unknown };
    let mut out = [0; 200];
    let len = keyset.seal_token(Encoded::EMPTY, b"x", &mut Repeatable(1), &mut out);
    let opened = hosted.open(&out[..len.expect("sealed")], &Context::new()).expect("its own");
    assert_eq!(opened.as_slice(), b"x");
    // Each version came over, those behind the joints of the chunks too.
    for version in &material.versions {
        let one = KeysetMaterial { primary: version.id, ..material.clone() }.keyset();
        let token = one.seal(b"y", &Context::new()).expect("sealed");
        assert_eq!(keyset.open_token(Encoded::EMPTY, &token, &mut out).expect("it opens"), 1);
    }
    scratch.fill(0xaa);
    assert_eq!(kind(load(&other, &mut scratch, &mut versions)), Some(ErrorKind::Decrypt));
    assert!(scratch[..behind].iter().all(|byte| *byte == 0));
    let wiped = Keyset { head, versions: &versions, now: Now::Unknown };
    assert_eq!(kind(wiped.primary_token()), Some(ErrorKind::Misuse));
    assert_eq!(
        kind(load(&key, &mut scratch[..behind - 1], &mut versions)),
        Some(ErrorKind::Misuse)
    );
}

/// Seals a token of nothing, to see whether there is a primary.
trait PrimaryToken {
    fn primary_token(&self) -> Result<usize>;
}

impl PrimaryToken for Keyset<'_> {
    fn primary_token(&self) -> Result<usize> {
        self.seal_token(Encoded::EMPTY, b"", &mut Repeatable(1), &mut [0; token::OVERHEAD])
    }
}

fn plan() -> Plan<'static> {
    Plan {
        suite: Some(Suite::ChaCha20Poly1305),
        log2chunk: Some(12),
        place: Place::Memory,
        stored: Encoded::EMPTY,
        external: Encoded::EMPTY,
    }
}

#[test]
fn what_was_not_finished_or_did_not_open_is_wiped() {
    let key = raw_key(1, 1);
    let mut front = vec![0xaa; Sealing::front_len(&key, &plan()).expect("a length")];
    assert!(front.len() <= MAX_FRONT_LEN);
    for draws in 0..4 {
        front.fill(0xaa);
        let mut sealing = Sealing::closed();
        let begun = sealing.begin(&key, &plan(), &mut Failing(draws), &mut front);
        assert_eq!(kind(begun), Some(ErrorKind::Random));
        assert!(front.iter().all(|byte| *byte == 0), "after {draws} draws");
    }
    let mut sealing = Sealing::closed();
    sealing.begin(&key, &plan(), &mut Repeatable(1), &mut front).expect("begun");
    let mut chunk = [7; 1000];
    let tag = sealing.seal_chunk(&mut chunk).expect("sealed");
    let mut opening = Opening::closed();
    assert_eq!(opening.begin(&front, &[&key], &NOTHING).expect("it opens"), front.len());
    let mut wrong = tag;
    wrong[0] ^= 1;
    let mut piece = chunk;
    assert_eq!(kind(opening.read_chunk(0, &mut piece, &wrong)), Some(ErrorKind::Decrypt));
    assert_eq!(piece, [0; 1000]);
    let mut piece = chunk;
    opening.read_chunk(0, &mut piece, &tag).expect("it opens");
    assert_eq!(piece, [7; 1000]);
    let mut sealed = chunk.to_vec();
    sealed.extend(tag);
    let mut buffer = [0xaa; PIECE_LEN];
    let mut released = Vec::new();
    let mut read = |at: usize, out: &mut [u8]| out.copy_from_slice(&sealed[at..at + out.len()]);
    let mut release = |at: usize, piece: &[u8]| {
        assert_eq!(at, released.len());
        released.extend_from_slice(piece);
        Ok(())
    };
    let opened = opening.open_mapped(0, 1016, &mut buffer, &mut read, &mut release);
    opened.expect("it opens");
    assert_eq!((released, buffer), (vec![7; 1000], [0; PIECE_LEN]));
    assert!(opening.is_ended());
}

/// The front of an envelope, and its chunks with their tags: of sevens, of these lengths.
fn sealed_by(plan: &Plan<'_>, lens: &[usize]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let key = raw_key(1, 1);
    let mut front = vec![0; Sealing::front_len(&key, plan).expect("a length")];
    let mut sealing = Sealing::closed();
    sealing.begin(&key, plan, &mut Repeatable(1), &mut front).expect("begun");
    let seal = |len: &usize| {
        let mut chunk = vec![7; *len];
        let tag = sealing.seal_chunk(&mut chunk).expect("sealed");
        chunk.extend(tag);
        chunk
    };
    (front, lens.iter().map(seal).collect())
}

fn begun(front: &[u8], requirements: &Requirements<'_>) -> Opening {
    let mut opening = Opening::closed();
    opening.begin(front, &[&raw_key(1, 1)], requirements).expect("it opens");
    opening
}

/// Opens a chunk where it stands, and takes at most so many bytes of it.
fn open_mapped(opening: &mut Opening, index: u64, chunk: &[u8], most: usize) -> Result<Vec<u8>> {
    let (mut buffer, mut released) = ([0xaa; PIECE_LEN], Vec::new());
    let mut read = |at: usize, out: &mut [u8]| out.copy_from_slice(&chunk[at..at + out.len()]);
    let mut release = |at: usize, piece: &[u8]| {
        assert_eq!(at, released.len());
        if at + piece.len() > most {
            return Err(Error::Random);
        }
        released.extend_from_slice(piece);
        Ok(())
    };
    let opened = opening.open_mapped(index, chunk.len(), &mut buffer, &mut read, &mut release);
    assert!(buffer == [0; PIECE_LEN] || buffer == [0xaa; PIECE_LEN], "wiped, or as it was");
    opened.map(|()| released)
}

#[test]
fn two_passes_are_for_chunks_of_suite_2_up_to_4_kib() {
    use Suite::{ChaCha20Poly1305, Cobblestone256};
    for (suite, log2chunk, holds) in [
        (ChaCha20Poly1305, 10, true),
        (ChaCha20Poly1305, 12, true),
        (ChaCha20Poly1305, 14, false),
        (ChaCha20Poly1305, 16, false),
        (Cobblestone256, 14, false),
    ] {
        let plan = Plan { suite: Some(suite), log2chunk: Some(log2chunk), ..plan() };
        let full = 1 << log2chunk;
        for last in [0, 1, 511, 512, 513, full - 1] {
            let (front, chunks) = sealed_by(&plan, &[full, last]);
            let mut opening = begun(&front, &NOTHING);
            let first = open_mapped(&mut opening, 0, &chunks[0], usize::MAX);
            if !holds {
                assert_eq!(kind(first), Some(ErrorKind::Unsupported), "{plan:?}");
                break;
            }
            assert_eq!(first.expect("it opens"), vec![7; full]);
            assert!(!opening.is_ended());
            let rest = open_mapped(&mut opening, 1, &chunks[1], usize::MAX);
            assert_eq!(rest.expect("it opens"), vec![7; last]);
            assert!(opening.is_ended());
        }
    }
}

#[test]
fn a_chunk_counts_once_and_only_when_all_of_it_was_released() {
    let (front, chunks) = sealed_by(&plan(), &[4096, 1000]);
    let hashed = kit::envelopes::sha256(&[&[7; 5096]]);
    for digest in [Digest::Without, Digest::Sha256] {
        let mut opening = begun(&front, &Requirements { digest, ..NOTHING });
        assert_eq!(kind(open_mapped(&mut opening, 1, &chunks[1], 0)), Some(ErrorKind::Misuse));
        for (chunk, index) in chunks.iter().zip(0..) {
            let mut wrong = chunk.clone();
            wrong[600] ^= 1;
            let mut open = |chunk: &[u8], most| open_mapped(&mut opening, index, chunk, most);
            assert_eq!(kind(open(&wrong, usize::MAX)), Some(ErrorKind::Decrypt));
            assert_eq!(kind(open(chunk, 512)), Some(ErrorKind::Random), "as the caller said");
            assert_eq!(kind(open(&chunk[..15], 0)), Some(ErrorKind::Truncated));
            assert_eq!(kind(open(&[0; 4096 + 17], 0)), Some(ErrorKind::Misuse));
            assert_eq!(opening.next_chunk(), index);
            open_mapped(&mut opening, index, chunk, usize::MAX).expect("it opens");
            assert_eq!(opening.next_chunk(), index + 1);
        }
        let again = open_mapped(&mut opening, 0, &chunks[0], usize::MAX);
        assert_eq!(again.is_ok(), digest == Digest::Without, "the digest covers each chunk once");
        assert_eq!((opening.next_chunk(), opening.is_ended()), (2, true));
        let finished = opening.finish(&hashed);
        assert_eq!(finished.is_ok(), digest == Digest::Sha256);
        assert!(opening.finish(&[0; 32]).is_err());
        opening.finish_unsigned().expect("the last chunk was opened");
    }
}

/// A recipient whose entries are as long as it says.
struct OfLength<'k> {
    body_len: usize,
    key: &'k dyn KeyWrap,
}

impl KeyWrap for OfLength<'_> {
    fn shape(&self) -> Result<Shape> {
        Ok(Shape { body_len: self.body_len, ..raw_key(1, 1).shape()? })
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        self.key.wrap_key(binding, data_key, random, body)
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
fn a_header_is_sealed_up_to_its_limit() {
    let key = raw_key(1, 1);
    let front_len = |body_len| Sealing::front_len(&OfLength { body_len, key: &key }, &plan());
    let most = 65_536 + PAYLOAD_PREFIX_LEN;
    let body_len = most - front_len(0).expect("short");
    assert_eq!(front_len(body_len).expect("just short enough"), most);
    assert_eq!(kind(front_len(body_len + 1)), Some(ErrorKind::Limit));
}

/// An opening of this envelope's first chunk of 4 KiB.
fn opened_one(envelope: &[u8]) -> Opening {
    let key = raw_key(1, 1);
    let mut opening = Opening::closed();
    let at = opening.begin(envelope, &[&key], &NOTHING).expect("it opens");
    let mut piece = envelope[at..at + 4096].to_vec();
    let tag = envelope[at + 4096..].first_chunk().expect("a tag");
    opening.open_chunk(0, &mut piece, tag).expect("it opens");
    assert_eq!(piece, [7; 4096]);
    opening
}

#[test]
fn progress_is_read_back_and_nothing_else_is() {
    let key = raw_key(1, 1);
    let sealer = Sealer::new().suite(Suite::ChaCha20Poly1305).recipient(&key);
    let envelope = sealer.seal(&[7; 9000]).expect("sealed");
    let mut kept = [0; progress::LEN];
    opened_one(&envelope).progress(&mut kept);
    let mut again = Opening::closed();
    again.begin(&envelope, &[&key], &NOTHING).expect("it opens");
    again.resume(&Progress::parse(&kept).expect("ours")).expect("the same payload");
    assert_eq!((again.next_chunk(), again.is_ended()), (1, false));
    let checked = progress::LEN - 16;
    for (at, value) in [(0, b'x'), (4, 0), (4, 2), (5, 2), (6, 2), (7, 1)] {
        let mut changed = kept;
        changed[at] = value;
        assert_eq!(kind(Progress::parse(&changed)), Some(ErrorKind::Format), "its check");
        let check = kit::envelopes::sha256(&[b"sealwax/progress\0", &changed[..checked]]);
        changed[checked..].copy_from_slice(&check[..16]);
        assert_eq!(kind(Progress::parse(&changed)), Some(ErrorKind::Format), "{at}: {value}");
    }
}

#[test]
fn a_front_is_looked_at_up_to_its_limit() {
    let key = raw_key(1, 1);
    let sealed = |value_len| {
        let context = Context::new().with("row", vec![7; value_len]).expect("a context");
        let sealer = Sealer::new().stored_context(context).recipient(&key);
        sealer.seal(b"value").expect("sealed")
    };
    let len = |envelope: &[u8]| {
        sealwax::envelope::Header::parse(envelope, 65_536).expect("a header").len()
    };
    let most = MAX_FRONT_LEN - PAYLOAD_PREFIX_LEN;
    let value_len = 1000 + most - len(&sealed(1000));
    let begin = |envelope: &[u8]| Opening::closed().begin(envelope, &[&key], &NOTHING);
    let longest = sealed(value_len);
    assert_eq!(len(&longest), most);
    assert_eq!(begin(&longest).expect("it opens"), MAX_FRONT_LEN);
    assert_eq!(kind(begin(&sealed(value_len + 1))), Some(ErrorKind::Limit));
}

#[test]
fn an_opening_says_which_key_block_it_believed() {
    let (key, other) = (raw_key(1, 1), raw_key(2, 2));
    let envelope = Sealer::new().recipient(&key).seal(b"value").expect("sealed");
    let again = sealwax::Rewrapper::new().key(&key).recipient(&other).rewrap(&envelope);
    let again = again.expect("it opens").expect("it changes");
    for (envelope, epoch) in [(&envelope, 1), (&again, 2)] {
        let mut opening = Opening::closed();
        opening.begin(envelope, &[&key], &NOTHING).expect("it opens");
        assert_eq!(opening.epoch(), epoch);
        let wanting = Requirements { min_epoch: epoch + 1, ..NOTHING };
        let refused = Opening::closed().begin(envelope, &[&key], &wanting);
        assert_eq!(kind(refused), Some(ErrorKind::Decrypt));
    }
}
