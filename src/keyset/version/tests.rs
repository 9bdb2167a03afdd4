// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::error::Error;

fn version(state: KeyState) -> Version {
    let id = VersionId::new(7).expect("not 0");
    let algorithm = Algorithm::Symmetric(Suite::ChaCha20Poly1305);
    let keyset = KeysetId([1; 16]);
    let mut version = Version::new(keyset, id, algorithm, KeyState::PreActive, &[2; 32], 0)
        .expect("a secret is a root");
    if state != KeyState::PreActive {
        version.change_state(state, 0, "");
    }
    version
}

/// What is to be done where it is refused.
fn remedy(result: Result<()>) -> Option<&'static str> {
    match result {
        Ok(()) => None,
        Err(Error::KeyState { remedy, .. }) => Some(remedy),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn each_state_says_what_is_to_be_done_before_it_seals_or_opens() {
    use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActive, Suspended};
    let ended = Some("rotate the keyset: this version no longer seals");
    let gone = Some("its secret is gone for good");
    let migrate = Some("it opens only for an explicit migration");
    let (activate, resume) = (Some("activate it first"), Some("resume it first"));
    for (state, seals, opens, migrates) in [
        (PreActive, Some("activate it, or rotate the keyset"), activate, activate),
        (Active, None, None, None),
        (Suspended, Some("resume it, or rotate the keyset"), resume, resume),
        (Deactivated, ended, None, None),
        (Compromised, ended, migrate, None),
        (Destroyed, ended, gone, gone),
    ] {
        let version = version(state);
        assert_eq!(remedy(version.check_seals()), seals, "{state:?}");
        assert_eq!(remedy(version.check_opens(Purpose::Use)), opens, "{state:?}");
        assert_eq!(remedy(version.check_opens(Purpose::Migrate)), migrates, "{state:?}");
    }
}

#[test]
fn a_version_is_used_from_its_first_second_on_and_seals_before_its_last() {
    let now = clock().expect("there is a clock");
    let far = now + 1_000_000;
    let over = Some("its time is over: rotate the keyset");
    let early = Some("its activation time has not come");
    for ((activate_at, deactivate_at), seals, opens) in [
        ((now, 0), None, None),
        ((now, far), None, None),
        ((0, now), over, None),
        ((now - 1, now), over, None),
        ((far, 0), early, early),
        ((far, far + 1), early, early),
    ] {
        let mut version = version(KeyState::Active);
        version.schedule(activate_at, deactivate_at);
        assert_eq!(remedy(version.check_seals()), seals, "{activate_at} {deactivate_at}");
        let opened = remedy(version.check_opens(Purpose::Use));
        assert_eq!(opened, opens, "{activate_at} {deactivate_at}");
    }
}
