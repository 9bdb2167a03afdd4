// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset activate`, `suspend`, `resume` and `deactivate`: moves between states.

use clap::Args;
use sealwax::Keyset;
use sealwax::id::VersionId;
use sealwax::rng::Now;

use super::change::{Changed, VersionTarget, find_version};
use crate::failure::Result;

/// Options of `sealwax keyset activate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = ACTIVATE)]
pub(super) struct Activate {
    #[command(flatten)]
    target: VersionTarget,
}

/// Options of `sealwax keyset suspend`.
#[derive(Args, Clone, Debug)]
#[command(after_help = SUSPEND)]
pub(super) struct Suspend {
    #[command(flatten)]
    target: VersionTarget,
}

/// Options of `sealwax keyset resume`.
#[derive(Args, Clone, Debug)]
#[command(after_help = RESUME)]
pub(super) struct Resume {
    #[command(flatten)]
    target: VersionTarget,
}

/// Options of `sealwax keyset deactivate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = DEACTIVATE)]
pub(super) struct Deactivate {
    #[command(flatten)]
    target: VersionTarget,
}

impl Activate {
    pub(super) fn run(self) -> Result<()> {
        change(&self.target, Keyset::activate)
    }
}

impl Suspend {
    pub(super) fn run(self) -> Result<()> {
        change(&self.target, Keyset::suspend)
    }
}

impl Resume {
    pub(super) fn run(self) -> Result<()> {
        change(&self.target, Keyset::resume)
    }
}

impl Deactivate {
    pub(super) fn run(self) -> Result<()> {
        change(&self.target, Keyset::deactivate)
    }
}

/// A move of the library, by its name.
type Move = fn(&mut Keyset, VersionId, &str, Now) -> sealwax::Result<()>;

fn change(target: &VersionTarget, make: Move) -> Result<()> {
    let subject = target.open()?;
    subject.change(|keyset| {
        let version = find_version(keyset, &target.version)?;
        make(keyset, version, &target.reason, Now::system())?;
        Ok(Changed { what: state_text(keyset, version), versions: vec![version] })
    })?;
    subject.remind();
    Ok(())
}

/// The state of a version after a change.
pub(super) fn state_text(keyset: &Keyset, version: VersionId) -> String {
    let state = keyset.version(version).map_or("gone", |version| version.state().name());
    match keyset.primary().is_some_and(|primary| primary.id() == version) {
        true => format!("version {version} is {state}, and the primary"),
        false => format!("version {version} is {state}"),
    }
}

const ACTIVATE: &str = "\
Examples:
  sealwax keyset rotate work --prepare           makes 1f3a0c7d, which seals nothing yet
  sealwax keyset activate work 1f3a

The version becomes the primary; the one before it goes on opening.";

const SUSPEND: &str = "\
Examples:
  sealwax keyset suspend work 1f3a --reason \"laptop lost, being looked for\"
  sealwax keyset suspend work primary --dry-run

A suspended version neither seals nor opens until `resume`. Suspending the primary leaves the
keyset without one: it does not seal until `rotate` or `resume`.";

const RESUME: &str = "\
Examples:
  sealwax keyset resume work 1f3a --reason \"laptop found\"

The version becomes the primary again where there is none meanwhile.";

const DEACTIVATE: &str = "\
Examples:
  sealwax keyset rotate work
  sealwax keyset deactivate work 1f3a --reason \"replaced\"

A deactivated version never seals again, and goes on opening. The primary is not deactivated:
rotate first.";
