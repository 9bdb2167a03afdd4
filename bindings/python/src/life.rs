// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of a keyset (format.md 7), the same for a keyset in memory and for one in its file.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use sealwax::id::VersionId;
use sealwax::keyset::{Clearance, RotationDue};
use sealwax::rng::Now;
use sealwax::{Algorithm, Keyset, Result};

use crate::census::Census;
use crate::errors::{self, Raise};
use crate::keyset::algorithm_of;

/// A change, with what it needs.
pub(crate) enum Change {
    Rotate(Option<Algorithm>),
    RotateIfDue,
    Prepare(Option<Algorithm>),
    State(Move, VersionId, String),
    Destroy(VersionId, Clearance, String),
    Schedule(VersionId, Option<u64>, Option<u64>),
    Policy(PolicyChange),
}

/// A move along the table of format.md 7.1.
#[derive(Clone, Copy)]
pub(crate) enum Move {
    Activate,
    Suspend,
    Resume,
    Deactivate,
    MarkCompromised,
}

/// What of a policy is to be another.
pub(crate) struct PolicyChange {
    pub(crate) rotate_after_seconds: Option<u64>,
    pub(crate) rotate_after_messages: Option<u64>,
    pub(crate) rotate_after_bytes: Option<u64>,
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    pub(crate) allow_raw_export: Option<bool>,
}

impl Change {
    /// Rotates to a suite, or to the usual one.
    pub(crate) fn rotate(py: Python<'_>, suite: Option<&str>) -> PyResult<Self> {
        Ok(Change::Rotate(suite.map(|name| algorithm_of(py, name)).transpose()?))
    }

    /// Prepares a version of a suite, or of the usual one.
    pub(crate) fn prepare(py: Python<'_>, suite: Option<&str>) -> PyResult<Self> {
        Ok(Change::Prepare(suite.map(|name| algorithm_of(py, name)).transpose()?))
    }

    /// Moves a version.
    pub(crate) fn state(
        py: Python<'_>,
        kind: Move,
        version: &str,
        reason: String,
    ) -> PyResult<Self> {
        Ok(Change::State(kind, version_of(py, version)?, reason))
    }

    /// Makes the change; the new version, where there is one.
    pub(crate) fn make(self, keyset: &mut Keyset) -> Result<Option<VersionId>> {
        let now = Now::system();
        match self {
            Change::Rotate(algorithm) => {
                keyset.rotate(algorithm.unwrap_or(keyset.usual_algorithm())).map(Some)
            }
            Change::RotateIfDue => keyset.rotate_if_due(now),
            Change::Prepare(algorithm) => {
                keyset.prepare(algorithm.unwrap_or(keyset.usual_algorithm())).map(Some)
            }
            Change::State(kind, version, reason) => match kind {
                Move::Activate => keyset.activate(version, &reason, now),
                Move::Suspend => keyset.suspend(version, &reason, now),
                Move::Resume => keyset.resume(version, &reason, now),
                Move::Deactivate => keyset.deactivate(version, &reason, now),
                Move::MarkCompromised => keyset.mark_compromised(version, &reason, now),
            }
            .map(|()| None),
            Change::Destroy(version, clearance, reason) => {
                keyset.destroy(version, &clearance, &reason, now).map(|()| None)
            }
            Change::Schedule(version, activate_at, deactivate_at) => {
                keyset.schedule(version, activate_at, deactivate_at).map(|()| None)
            }
            Change::Policy(change) => change.make(keyset).map(|()| None),
        }
    }
}

impl PolicyChange {
    fn make(self, keyset: &mut Keyset) -> Result<()> {
        let mut policy = *keyset.policy();
        policy.rotate_after_seconds =
            self.rotate_after_seconds.unwrap_or(policy.rotate_after_seconds);
        policy.rotate_after_messages =
            self.rotate_after_messages.unwrap_or(policy.rotate_after_messages);
        policy.rotate_after_bytes = self.rotate_after_bytes.unwrap_or(policy.rotate_after_bytes);
        policy.allow_raw_export = self.allow_raw_export.unwrap_or(policy.allow_raw_export);
        if let Some(algorithms) = self.algorithms {
            policy.allow_only(&algorithms)?;
        }
        keyset.set_policy(policy)
    }
}

/// A version id in hex.
pub(crate) fn version_of(py: Python<'_>, text: &str) -> PyResult<VersionId> {
    let number = u32::from_str_radix(text, 16).ok().filter(|_| text.len() == 8);
    number.and_then(VersionId::new).ok_or_else(|| {
        errors::misuse(py, "a version is named by its id, eight digits of hex as info() shows it")
    })
}

/// Why a rotation is due, in a word.
pub(crate) fn why(due: RotationDue) -> &'static str {
    match due {
        RotationDue::NoPrimary => "no-primary",
        RotationDue::Age => "age",
        RotationDue::Deactivation => "deactivation",
        RotationDue::Messages => "messages",
        RotationDue::Bytes => "bytes",
        RotationDue::HardLimit => "hard-limit",
        _ => "other",
    }
}

/// What lets a version be destroyed.
pub(crate) fn clearance(
    py: Python<'_>,
    keyset: &Keyset,
    version: VersionId,
    census: Option<&Census>,
    danger_without_census: bool,
) -> PyResult<Clearance> {
    match (census, danger_without_census) {
        (Some(census), false) => census.inner.clearance(keyset, version).raise(py),
        (None, true) => Ok(Clearance::danger_without_census()),
        _ => Err(errors::misuse(
            py,
            "give the census that shows that nothing depends on the version, or danger_without_census=True",
        )),
    }
}

/// What of a policy is to be another.
pub(crate) fn policy_of(
    py: Python<'_>,
    changes: Option<&Bound<'_, PyDict>>,
) -> PyResult<PolicyChange> {
    let mut policy = PolicyChange {
        rotate_after_seconds: None,
        rotate_after_messages: None,
        rotate_after_bytes: None,
        algorithms: None,
        allow_raw_export: None,
    };
    for (name, value) in changes.into_iter().flat_map(|changes| changes.iter()) {
        match name.extract::<String>()?.as_str() {
            "rotate_after_seconds" => policy.rotate_after_seconds = value.extract()?,
            "rotate_after_messages" => policy.rotate_after_messages = value.extract()?,
            "rotate_after_bytes" => policy.rotate_after_bytes = value.extract()?,
            "allow_raw_export" => policy.allow_raw_export = value.extract()?,
            "algorithms" => {
                let names = value.extract::<Option<Vec<String>>>()?;
                let algorithms = names.map(|names| {
                    names.iter().map(|name| algorithm_of(py, name)).collect::<PyResult<Vec<_>>>()
                });
                policy.algorithms = algorithms.transpose()?;
            }
            other => {
                let what = format!("unexpected keyword argument '{other}'");
                return Err(pyo3::exceptions::PyTypeError::new_err(what));
            }
        }
    }
    Ok(policy)
}
