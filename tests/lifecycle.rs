// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key life: states and times, policy, what is refused and why; and a naive model to compare with.
#![cfg(feature = "std")]

mod kit;

use std::collections::BTreeMap;

use kit::keys::{KeysetMaterial, VersionMaterial};
use kit::random::Repeatable;
use kit::specimens::row;
use proptest::prelude::*;
use sealwax::id::{KeyState, VersionId};
use sealwax::keyset::{Clearance, Policy, RotationDue, Transition};
use sealwax::rng::Now;
use sealwax::{
    Algorithm, Context, Error, ErrorKind, Keyset, OpenedVia, Opener, Result, Sealer, Suite,
};

const SUITE: Suite = Suite::ChaCha20Poly1305;
const NOW: Now = Now::Seconds(1_800_000_000);
const DAY: u64 = 86_400;

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn keyset() -> Keyset {
    let random = &mut Repeatable(7);
    Keyset::generate_with_rng("orders", SUITE.into(), NOW, random).expect("generated")
}

fn primary(keyset: &Keyset) -> VersionId {
    keyset.primary().expect("a primary").id()
}

fn unproven() -> Clearance {
    Clearance::danger_without_census()
}

/// Does one move by its name.
fn apply(keyset: &mut Keyset, version: VersionId, transition: Transition) -> Result<()> {
    match transition {
        Transition::Activate => keyset.activate(version, "test", NOW),
        Transition::Suspend => keyset.suspend(version, "test", NOW),
        Transition::Resume => keyset.resume(version, "test", NOW),
        Transition::Deactivate => keyset.deactivate(version, "test", NOW),
        Transition::MarkCompromised => keyset.mark_compromised(version, "test", NOW),
        Transition::Destroy => keyset.destroy(version, &unproven(), "test", NOW),
    }
}

/// What is said of a move that is refused.
fn said(from: KeyState, transition: Transition) -> &'static str {
    use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActive, Suspended};
    match (transition, from) {
        (_, Destroyed) => "its secret is gone for good",
        (Transition::MarkCompromised, Compromised) => "it is marked already",
        (_, Compromised) => "it can only be destroyed",
        (Transition::Suspend | Transition::Deactivate, PreActive) => {
            "it is not in use yet: activate or destroy it"
        }
        (Transition::Suspend, Suspended) => "it is suspended already",
        (Transition::Deactivate, Deactivated) => "it is deactivated already",
        (_, Deactivated) => "its use for sealing has ended for good: rotate the keyset",
        (Transition::Activate, Active | Suspended) => "only a pre-active version can be activated",
        (Transition::Resume, _) => "only a suspended version can be resumed",
        _ => "its state has no such move (format.md 7.1)",
    }
}

#[test]
fn every_move_of_the_table_is_made_and_every_other_refused() {
    for state in 1..=6u8 {
        for transition in Transition::ALL {
            let id = 0x0102_0304;
            let version = VersionMaterial { state, ..VersionMaterial::active(id, 2, [1; 32]) };
            let material =
                KeysetMaterial { id: [9; 16], primary: 0, revision: 1, versions: vec![version] };
            let mut keyset = material.keyset();
            let id = VersionId::new(id).expect("not 0");
            let from = KeyState::from_u8(state).expect("a state");
            let to = transition.from_state(from);
            let result = apply(&mut keyset, id, transition);
            assert_eq!(result.is_ok(), to.is_some(), "{transition:?} from {from}");
            let version = keyset.version(id).expect("versions are never lost");
            assert_eq!(version.state(), to.unwrap_or(from));
            assert_eq!(keyset.revision(), if to.is_some() { 2 } else { 1 });
            if let Some(to) = to {
                assert!(from.may_become(to), "the format allows what is done");
                let change = version.changes().last().expect("a change");
                assert_eq!((change.state, change.at, &*change.reason), (to, 1_800_000_000, "test"));
            }
            if let Err(error) = result {
                // The refusal names keyset, version, state and remedy.
                let text = error.to_string();
                let names = [keyset.id().to_string(), id.to_string(), from.to_string()];
                assert!(names.iter().all(|name| text.contains(name)), "{text}");
                let Error::KeyState { remedy, .. } = error else { panic!("{error:?}") };
                assert_eq!(remedy, said(from, transition), "{transition:?} from {from}");
            }
            // What we write, we read.
            let file = keyset.expose_unprotected().expect("written");
            assert_eq!(
                Keyset::parse_unprotected(&file).expect("read").revision(),
                keyset.revision()
            );
        }
    }
}

#[test]
fn the_primary_is_neither_deactivated_nor_destroyed_by_accident() {
    let mut keyset = keyset();
    let first = primary(&keyset);
    for refused in [Transition::Deactivate, Transition::Destroy] {
        assert_eq!(kind(apply(&mut keyset, first, refused)), Some(ErrorKind::KeyState));
    }
    keyset.rotate(SUITE).expect("rotated");
    keyset.deactivate(first, "old", NOW).expect("it is not the primary any more");
    keyset.destroy(first, &unproven(), "old", NOW).expect("a move");
    let file = keyset.expose_unprotected().expect("written");
    assert_eq!(Keyset::parse_unprotected(&file).expect("read").versions().len(), 2, "a tombstone");
}

#[test]
fn a_suspended_primary_seals_nothing_until_it_is_resumed() {
    let mut keyset = keyset();
    let (first, token) = (primary(&keyset), keyset.seal(b"value", &row()).expect("sealed"));
    keyset.suspend(first, "looking into it", NOW).expect("a move");
    assert!(keyset.primary().is_none());
    assert_eq!(keyset.is_rotation_due(NOW), Some(RotationDue::NoPrimary));
    assert_eq!(kind(keyset.seal(b"value", &row())), Some(ErrorKind::KeyState));
    assert_eq!(kind(keyset.open(&token, &row())), Some(ErrorKind::KeyState));
    let mut resumed = keyset;
    resumed.resume(first, "nothing found", NOW).expect("a move");
    assert_eq!(primary(&resumed), first);
    assert_eq!(resumed.open(&token, &row()).expect("it opens").as_slice(), b"value");
    // Resumed after a rotation it opens, and the new primary stays.
    resumed.suspend(first, "again", NOW).expect("a move");
    let second = resumed.rotate(SUITE).expect("rotated");
    resumed.resume(first, "nothing found", NOW).expect("a move");
    assert_eq!(primary(&resumed), second);
    assert_eq!(resumed.open(&token, &row()).expect("it opens").as_slice(), b"value");
}

#[test]
fn a_prepared_version_is_used_only_after_it_is_activated() {
    let mut keyset = keyset();
    let first = primary(&keyset);
    let next = keyset.prepare(SUITE).expect("prepared");
    assert_eq!(keyset.version(next).expect("it is there").state(), KeyState::PreActive);
    assert_eq!(primary(&keyset), first);
    keyset.activate(next, "everybody has it", NOW).expect("a move");
    assert_eq!(primary(&keyset), next);
    let token = keyset.seal(b"value", &row()).expect("sealed");
    assert_eq!(sealwax::token::key_version(&token).expect("a token").1, next);
}

#[test]
fn a_compromised_version_opens_for_migration_only_and_what_it_yields_is_marked() {
    let mut keyset = keyset();
    let stolen = primary(&keyset);
    let token = keyset.seal(b"value", &row()).expect("sealed");
    let envelope = Sealer::new().recipient(&keyset).seal(b"value").expect("sealed");
    keyset.mark_compromised(stolen, "a laptop was stolen", NOW).expect("a move");
    assert!(keyset.primary().is_none());
    keyset.rotate(SUITE).expect("rotated");
    assert_eq!(kind(keyset.open(&token, &row())), Some(ErrorKind::KeyState));
    assert_eq!(kind(Opener::new().key(&keyset).open(&envelope)), Some(ErrorKind::KeyState));
    let marked = OpenedVia::Compromised(keyset.id(), stolen);
    let migrated = keyset.migrating().open(&token, &row()).expect("it opens");
    assert_eq!((migrated.plaintext.as_slice(), migrated.opened_via), (&b"value"[..], marked));
    let migrating = keyset.migrating();
    let opened = Opener::new().key(&migrating).open(&envelope).expect("it opens");
    assert_eq!((opened.plaintext.as_slice(), opened.opened_via), (&b"value"[..], marked));
    // What is sealed under the new version is not marked.
    let fresh = keyset.seal(b"new", &row()).expect("sealed");
    let fresh = keyset.migrating().open(&fresh, &row()).expect("it opens");
    assert_eq!(fresh.opened_via, OpenedVia::Keyset(keyset.id(), primary(&keyset)));
}

#[test]
fn a_destroyed_secret_is_in_no_encoding_and_its_id_is_never_used_again() {
    let mut keyset = keyset();
    let first = primary(&keyset);
    let before = keyset.expose_unprotected().expect("written");
    keyset.rotate(SUITE).expect("rotated");
    keyset.destroy(first, &unproven(), "no longer wanted", NOW).expect("a move");
    let after = keyset.expose_unprotected().expect("written");
    // The record of the only version: its last 32 bytes before the usage key are the secret.
    let secret = &before[before.len() - 16 - 35 - 32..before.len() - 16 - 35];
    assert!(!after.windows(32).any(|window| window == secret));
    let tombstone = keyset.version(first).expect("a tombstone");
    assert_eq!(tombstone.changes()[0].reason, "no longer wanted");
    for _ in 0..2000 {
        assert_ne!(keyset.rotate(SUITE).expect("rotated"), first);
    }
}

#[test]
fn a_clearance_is_for_one_version() {
    let mut one = keyset();
    let first = primary(&one);
    let second = one.rotate(SUITE).expect("rotated");
    one.rotate(SUITE).expect("rotated");
    let envelope = Sealer::new().recipient(&one).seal(b"value").expect("sealed");
    let surveyor = sealwax::census::Surveyor::new().keyset(&one).verified();
    let mut census = surveyor.census();
    let header = sealwax::envelope::Header::parse(&envelope, 65_536).expect("a header");
    surveyor.survey(&header, 100, &mut census);
    let clearance = census.clearance(&one, first).expect("nothing depends on it");
    assert_eq!(kind(census.clearance(&one, primary(&one))), Some(ErrorKind::KeyState));
    let refused = one.destroy(second, &clearance, "", NOW);
    assert_eq!(kind(refused), Some(ErrorKind::Misuse));
    let same_id = VersionMaterial::active(first.value(), 2, [1; 32]);
    let mut other = KeysetMaterial::of_one([9; 16], same_id).keyset();
    other.rotate(SUITE).expect("rotated");
    assert_eq!(kind(other.destroy(first, &clearance, "", NOW)), Some(ErrorKind::Misuse));
    one.destroy(first, &clearance, "nothing depends on it", NOW).expect("cleared");
}

#[test]
fn rotation_is_due_by_age_by_use_and_by_times() {
    let mut keyset = keyset();
    let at = |days: u64| Now::Seconds(1_800_000_000 + days * DAY);
    let with = |policy: &Policy, change: fn(&mut Policy)| {
        let mut policy = *policy;
        change(&mut policy);
        policy
    };
    let never = with(keyset.policy(), |policy| policy.rotate_after_seconds = 0);
    keyset.set_policy(never).expect("a policy");
    assert_eq!(keyset.is_rotation_due(at(36_500)), None);
    let quarterly = with(&never, |policy| policy.rotate_after_seconds = 90 * DAY);
    keyset.set_policy(quarterly).expect("a policy");
    assert_eq!(keyset.is_rotation_due(at(89)), None);
    assert_eq!(keyset.is_rotation_due(at(90)), Some(RotationDue::Age));
    assert_eq!(keyset.is_rotation_due(Now::Unknown), None, "without a clock nothing is old");
    assert_eq!(keyset.is_rotation_due(Now::Seconds(5)), None, "a clock that went back");
    let first = primary(&keyset);
    assert_eq!(keyset.rotate_if_due(at(1)).expect("asked"), None);
    let second = keyset.rotate_if_due(at(90)).expect("asked").expect("due");
    assert_eq!((primary(&keyset), keyset.version(first).is_some()), (second, true));
    assert_eq!(keyset.is_rotation_due(at(91)), None);
    for (policy, due) in [
        (with(&never, |policy| policy.rotate_after_messages = 3), RotationDue::Messages),
        (with(&never, |policy| policy.rotate_after_bytes = 15), RotationDue::Bytes),
    ] {
        keyset.set_policy(policy).expect("a policy");
        keyset.rotate(SUITE).expect("rotated");
        for _ in 0..3 {
            assert_eq!(keyset.is_rotation_due(at(91)), None);
            keyset.seal(b"value", &row()).expect("sealed");
        }
        assert_eq!(keyset.is_rotation_due(at(91)), Some(due));
    }
    keyset.set_policy(never).expect("a policy");
    keyset.rotate_with_rng(SUITE.into(), at(0), &mut Repeatable(3)).expect("rotated");
    let end = 1_800_000_000 + 100 * DAY;
    keyset.schedule(primary(&keyset), None, Some(end)).expect("times");
    assert_eq!(keyset.is_rotation_due(at(89)), None);
    assert_eq!(keyset.is_rotation_due(at(91)), Some(RotationDue::Deactivation));
}

#[test]
fn a_new_keyset_has_safe_limits() {
    let keyset = keyset();
    assert_eq!(keyset.policy().rotate_after_seconds, 2 * 365 * DAY);
    assert!(keyset.policy().rotate_after_messages < 1 << 47);
    assert!(!keyset.policy().allow_raw_export);
    let identity = Keyset::generate("me", Algorithm::XWing).expect("generated");
    assert_eq!(identity.policy().rotate_after_messages, 0, "others seal for it: nobody counts");
}

#[test]
fn a_policy_bounds_what_new_versions_may_be() {
    let mut keyset = keyset();
    let mut policy = *keyset.policy();
    policy.allow_only(&[SUITE.into()]).expect("a family");
    keyset.set_policy(policy).expect("a policy");
    assert_eq!(kind(keyset.rotate(Suite::Cobblestone256)), Some(ErrorKind::Misuse));
    keyset.rotate(SUITE).expect("allowed");
    assert_eq!(kind(policy.allow_only(&[])), Some(ErrorKind::Misuse));
    let mixed = policy.allow_only(&[SUITE.into(), Algorithm::X25519]);
    assert_eq!(kind(mixed), Some(ErrorKind::Misuse));
    let identity = Keyset::generate("me", Algorithm::XWing).expect("generated");
    assert_eq!(kind(keyset.set_policy(*identity.policy())), Some(ErrorKind::Misuse));
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut keyset = keyset();
    let (first, stranger) = (primary(&keyset), VersionId::new(1).expect("not 0"));
    let before = keyset.expose_unprotected().expect("written");
    let long = "x".repeat(256);
    assert_eq!(kind(keyset.suspend(first, &long, NOW)), Some(ErrorKind::Misuse));
    assert_eq!(kind(keyset.suspend(first, "a\nb", NOW)), Some(ErrorKind::Misuse));
    assert_eq!(kind(keyset.suspend(stranger, "", NOW)), Some(ErrorKind::UnknownKey));
    assert_eq!(kind(keyset.schedule(first, Some(5), Some(5))), Some(ErrorKind::Misuse));
    assert_eq!(kind(keyset.schedule(stranger, None, None)), Some(ErrorKind::UnknownKey));
    assert_eq!(keyset.expose_unprotected().expect("written"), before);
}

#[test]
fn a_history_that_is_full_is_said_to_be() {
    let mut keyset = keyset();
    let first = primary(&keyset);
    let reason = "r".repeat(255);
    let mut moves = 0;
    let full = loop {
        let moved = match moves % 2 {
            0 => keyset.suspend(first, &reason, NOW),
            _ => keyset.resume(first, &reason, NOW),
        };
        match moved {
            Ok(()) => moves += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::Limit);
    assert_eq!(moves, 247);
    // 65 bytes and 247 changes of 265: a last change of 15 bytes makes 65,535.
    assert_eq!(kind(keyset.resume(first, "sixsix", NOW)), Some(ErrorKind::Limit));
    keyset.resume(first, "fives", NOW).expect("it fits to the byte");
    let file = keyset.expose_unprotected().expect("written");
    assert_eq!(Keyset::parse_unprotected(&file).expect("read").versions()[0].changes().len(), 248);
}

#[test]
fn ten_thousand_versions_are_read_rotated_and_used() {
    let versions = (1..=10_000).map(|id| VersionMaterial::active(id, 2, [1; 32])).collect();
    let material = KeysetMaterial { id: [9; 16], primary: 10_000, revision: 1, versions };
    let mut keyset = material.keyset();
    let token = keyset.seal(b"value", &row()).expect("sealed");
    keyset.rotate(SUITE).expect("rotated");
    assert_eq!(keyset.open(&token, &row()).expect("it opens").as_slice(), b"value");
    let file = keyset.expose_unprotected().expect("written");
    assert_eq!(Keyset::parse_unprotected(&file).expect("read").versions().len(), 10_001);
}

/// What a keyset should be, said as simply as can be.
#[derive(Default)]
struct Model {
    states: BTreeMap<VersionId, KeyState>,
    primary: Option<VersionId>,
    revision: u64,
}

impl Model {
    /// Whether the move is made.
    fn apply(&mut self, version: VersionId, transition: Transition) -> bool {
        use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActive, Suspended};
        let state = self.states[&version];
        let is_primary = self.primary == Some(version);
        let to = match transition {
            Transition::Activate if state == PreActive => Active,
            Transition::Suspend if state == Active => Suspended,
            Transition::Resume if state == Suspended => Active,
            Transition::Deactivate if matches!(state, Active | Suspended) && !is_primary => {
                Deactivated
            }
            Transition::MarkCompromised if !matches!(state, Compromised | Destroyed) => Compromised,
            Transition::Destroy if state != Destroyed && !is_primary => Destroyed,
            _ => return false,
        };
        self.states.insert(version, to);
        if is_primary && to != Active {
            self.primary = None;
        }
        if transition == Transition::Activate
            || (transition == Transition::Resume && self.primary.is_none())
        {
            self.primary = Some(version);
        }
        self.revision += 1;
        true
    }
}

#[derive(Clone, Debug)]
enum Step {
    Rotate,
    Prepare,
    Move(prop::sample::Index, prop::sample::Index),
    Seal,
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Rotate),
        1 => Just(Step::Prepare),
        6 => (any::<prop::sample::Index>(), any::<prop::sample::Index>())
            .prop_map(|(version, transition)| Step::Move(version, transition)),
        2 => Just(Step::Seal),
        1 => Just(Step::Reload),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_lives_agree_with_a_naive_model(steps in prop::collection::vec(step(), 1..60)) {
        let mut keyset = keyset();
        let context = Context::new();
        let mut model = Model { primary: Some(primary(&keyset)), revision: 1, ..Model::default() };
        model.states.insert(primary(&keyset), KeyState::Active);
        let mut tokens: Vec<(VersionId, Vec<u8>)> = Vec::new();
        for step in steps {
            match step {
                Step::Rotate => {
                    let id = keyset.rotate(SUITE).expect("allowed");
                    model.states.insert(id, KeyState::Active);
                    (model.primary, model.revision) = (Some(id), model.revision + 1);
                }
                Step::Prepare => {
                    let id = keyset.prepare(SUITE).expect("allowed");
                    model.states.insert(id, KeyState::PreActive);
                    model.revision += 1;
                }
                Step::Move(version, transition) => {
                    let ids: Vec<_> = model.states.keys().copied().collect();
                    let id = ids[version.index(ids.len())];
                    let transition = Transition::ALL[transition.index(Transition::ALL.len())];
                    let made = model.apply(id, transition);
                    prop_assert_eq!(apply(&mut keyset, id, transition).is_ok(), made);
                }
                Step::Seal => match (keyset.seal(b"value", &context), model.primary) {
                    (Ok(token), Some(primary)) => tokens.push((primary, token)),
                    (Err(error), None) => prop_assert_eq!(error.kind(), ErrorKind::KeyState),
                    (sealed, primary) => prop_assert!(false, "{sealed:?} {primary:?}"),
                },
                Step::Reload => {
                    let file = keyset.expose_unprotected().expect("written");
                    keyset = Keyset::parse_unprotected(&file).expect("what we write, we read");
                }
            }
            prop_assert_eq!(keyset.primary().map(|version| version.id()), model.primary);
            prop_assert_eq!(keyset.revision(), model.revision);
            let states = keyset.versions().iter().map(|v| (v.id(), v.state())).collect();
            prop_assert_eq!(&model.states, &states);
            for (version, token) in &tokens {
                let opens = keyset.open(token, &context).is_ok();
                let migrates = keyset.migrating().open(token, &context).is_ok();
                let state = model.states[version];
                let wanted = matches!(state, KeyState::Active | KeyState::Deactivated);
                prop_assert_eq!(opens, wanted);
                prop_assert_eq!(migrates, wanted || state == KeyState::Compromised);
            }
        }
    }
}
