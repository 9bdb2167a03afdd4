// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rewrap: new recipients for the same payload (format.md 4.9); reencrypt: a new data key and payload.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use sealwax::envelope::{Change, Removal};
use sealwax::id::RecipientKind;
use sealwax::stream::{DetachedPaths, Durability, FileRewrap, RewrapJob, Room, Writing};
use sealwax::{KeyWrap, Keyset, OpenedVia, Rewrapper};

use crate::buffer::Source;
use crate::census::{keyset_of, keysets_of};
use crate::context;
use crate::envelope::file_error;
use crate::errors::{self, Raise};
use crate::info;
use crate::job;
use crate::keys::{Keys, Recipient, Use};
use crate::options::{Running, kinds_of};
use crate::path::path_of;

/// The keywords of a rewrap.
#[derive(Default)]
struct Plan {
    keysets: Vec<Arc<Keyset>>,
    keys: Keys,
    added: Keys,
    removed: Vec<Removal>,
    remove_others: bool,
    mix_recipients: bool,
    allow_compromised: bool,
    min_epoch: u32,
    grow: bool,
    dry_run: bool,
    unsynced: bool,
}

impl Plan {
    fn of(keywords: Option<&Bound<'_, PyDict>>, for_files: bool) -> PyResult<Self> {
        let mut plan = Plan::default();
        for (name, value) in keywords.into_iter().flat_map(|keywords| keywords.iter()) {
            let name = name.extract::<String>()?;
            if value.is_none() {
                continue;
            }
            match name.as_str() {
                "keyset" => plan.keysets.extend(keysets_of(&value)?),
                "identities" | "keys" => plan.keys = plan.keys.add(Some(&value), Use::Open)?,
                "passphrase" => plan.keys = plan.keys.passphrase(Some(&value))?,
                "add" => plan.added = plan.added.add(Some(&value), Use::Seal)?,
                "remove" => plan.removed.extend(removals_of(&value)?),
                "remove_others" => plan.remove_others = value.extract()?,
                "danger_mix_recipients" => plan.mix_recipients = value.extract()?,
                "danger_allow_compromised" => plan.allow_compromised = value.extract()?,
                "min_epoch" => plan.min_epoch = value.extract()?,
                "grow" if for_files => plan.grow = value.extract()?,
                "dry_run" if for_files => plan.dry_run = value.extract()?,
                "sync" if for_files => plan.unsynced = !value.extract::<bool>()?,
                other => {
                    let what = format!("unexpected keyword argument '{other}'");
                    return Err(PyTypeError::new_err(what));
                }
            }
        }
        Ok(plan)
    }

    fn with<T>(&self, work: impl FnOnce(&Rewrapper<'_>) -> T) -> T {
        let (keys, added) = (self.keys.wraps(), self.added.wraps());
        let rewrapper = self.keysets.iter().fold(Rewrapper::new(), |r, keyset| r.keyset(keyset));
        let rewrapper = keys.iter().fold(rewrapper, |r, key| r.key(*key));
        let rewrapper = added.iter().fold(rewrapper, |r, recipient| r.recipient(*recipient));
        let removed = self.removed.iter().copied();
        let mut rewrapper = removed.fold(rewrapper, |r, removal| r.remove(removal));
        if self.remove_others {
            rewrapper = rewrapper.remove_others();
        }
        if self.mix_recipients {
            rewrapper = rewrapper.danger_mix_recipients();
        }
        if self.allow_compromised {
            rewrapper = rewrapper.danger_allow_compromised();
        }
        work(&rewrapper.min_epoch(self.min_epoch))
    }
}

/// Gives a sealed file new recipients, in place; says what became of it.
#[pyfunction]
#[pyo3(
    signature = (path, **keywords),
    text_signature = "(path, *, keyset=None, identities=None, passphrase=None, keys=None, add=None, remove=None, \
                      remove_others=False, danger_mix_recipients=False, danger_allow_compromised=False, min_epoch=0, \
                      grow=False, dry_run=False, sync=True)"
)]
pub(crate) fn rewrap<'py>(
    py: Python<'py>,
    path: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let (plan, path) = (Plan::of(keywords, true)?, path_of(path)?);
    let done = job::run(py, None, |watch| {
        let job = RewrapJob {
            room: if plan.grow { Room::Grow } else { Room::AsItIs },
            durability: if plan.unsynced { Durability::Unsynced } else { Durability::Synced },
            writing: if plan.dry_run { Writing::DryRun } else { Writing::Write },
            control: Some(watch),
        };
        plan.with(|rewrapper| rewrapper.rewrap_path(&path, &job))
    })?;
    let (outcome, changes, via) = match done.raise_at(py, &path)? {
        FileRewrap::Current => ("current", Vec::new(), None),
        FileRewrap::InPlace(changes, via) => ("in-place", changes, Some(via)),
        FileRewrap::Copied(changes, via) => ("copied", changes, Some(via)),
        FileRewrap::Recovered(via) => ("recovered", Vec::new(), Some(via)),
        FileRewrap::WouldChange(changes) => ("would-change", changes, None),
        _ => return Err(errors::misuse(py, "this outcome is not known to the Python module")),
    };
    let report = PyDict::new(py);
    report.set_item("outcome", outcome)?;
    report.set_item("changes", changes_of(py, &changes)?)?;
    report.set_item("opened_via", via.map(|via| info::opened_via(py, via)).transpose()?)?;
    Ok(report)
}

/// Gives an envelope in memory new recipients; the envelope with them.
#[pyfunction]
#[pyo3(
    signature = (data, **keywords),
    text_signature = "(data, *, keyset=None, identities=None, passphrase=None, keys=None, add=None, remove=None, \
                      remove_others=False, danger_mix_recipients=False, danger_allow_compromised=False, min_epoch=0)"
)]
pub(crate) fn rewrap_bytes<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (plan, data) = (Plan::of(keywords, false)?, Source::of(data)?.snapshot());
    let rewrapped = py.detach(|| plan.with(|rewrapper| rewrapper.rewrap(&data))).raise(py)?;
    Ok(PyBytes::new(py, rewrapped.as_deref().unwrap_or(&data)))
}

/// Opens a sealed file and seals its plaintext anew. `dst` may be `src`, with `overwrite`.
#[pyfunction]
#[pyo3(
    signature = (src, dst, *, recipients, **keywords),
    text_signature = "(src, dst, *, recipients, keyset=None, identities=None, passphrase=None, keys=None, context=None, \
                      min_epoch=0, require=None, migrate=False, danger_mix_recipients=False, header=None, \
                      dst_header=None, overwrite=False, progress=None, threads=0)"
)]
pub(crate) fn reencrypt_file<'py>(
    py: Python<'py>,
    src: &Bound<'py, PyAny>,
    dst: &Bound<'py, PyAny>,
    recipients: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let recipients = Keys::default().add(Some(recipients), Use::Seal)?;
    let (mut keysets, mut keys, mut running) = (Vec::new(), Keys::default(), Running::default());
    let (mut given, mut migrate, mut mix) = (sealwax::Context::new(), false, false);
    let (mut min_epoch, mut require) = (0, Vec::new());
    for (name, value) in keywords.into_iter().flat_map(|keywords| keywords.iter()) {
        let name = name.extract::<String>()?;
        match name.as_str() {
            _ if value.is_none() => running.check_known(&name, RUNNING, NAMES)?,
            "keyset" => keysets.extend(keysets_of(&value)?),
            "identities" | "keys" => keys = keys.add(Some(&value), Use::Open)?,
            "passphrase" => keys = keys.passphrase(Some(&value))?,
            "context" => given = context::of(Some(&value))?,
            "min_epoch" => min_epoch = value.extract()?,
            "require" => require = kinds_of(py, &value)?,
            "migrate" => migrate = value.extract()?,
            "danger_mix_recipients" => mix = value.extract()?,
            _ => running.take(&name, value, RUNNING, NAMES)?,
        }
    }
    let (source, target) = (path_of(src)?, path_of(dst)?);
    let header = running.header_path(py)?;
    let dst_header = running.dst_header.as_ref().map(|header| path_of(header.bind(py)));
    let dst_header = dst_header.transpose()?;
    if dst_header.is_some() && header.is_none() {
        let what = "dst_header is for files whose header is apart: give header too";
        return Err(errors::misuse(py, what));
    }
    let progress = running.progress(py, &source)?;
    let done = job::run(py, progress.as_ref(), |watch| {
        let migrating: Vec<_> = keysets.iter().map(|keyset| keyset.migrating()).collect();
        let mut opener = keys.opener().context(given).min_epoch(min_epoch).require(&require);
        for (keyset, migrating) in keysets.iter().zip(&migrating) {
            let key: &dyn KeyWrap = if migrate { migrating } else { &**keyset };
            opener = opener.key(key);
        }
        let sealer = recipients.sealer();
        let sealer = if mix { sealer.danger_mix_recipients() } else { sealer };
        let job = running.job(watch);
        let Some(header) = &header else {
            return opener.reencrypt_path(&sealer, &source, &target, &job);
        };
        let source = DetachedPaths { header, payload: &source };
        match &dst_header {
            None => opener.reencrypt_path_attached(&sealer, source, &target, &job),
            Some(header) => {
                let target = DetachedPaths { header, payload: &target };
                opener.reencrypt_path_detached(&sealer, source, target, &job)
            }
        }
    })?;
    let done = done.map_err(|error| file_error(py, error, &source, &target))?;
    let report = PyDict::new(py);
    report.set_item("plaintext_len", done.plaintext_len)?;
    report.set_item("opened_via", info::opened_via(py, done.opened_via)?)?;
    report.set_item("compromised", matches!(done.opened_via, OpenedVia::Compromised(..)))?;
    Ok(report)
}

/// What is taken out: a keyset, a public key, or a kind of recipient by name.
fn removals_of(given: &Bound<'_, PyAny>) -> PyResult<Vec<Removal>> {
    let one = |object: &Bound<'_, PyAny>| -> PyResult<Option<Removal>> {
        if let Ok(recipient) = object.cast::<Recipient>() {
            return Ok(Some(Removal::Pair(recipient.get().inner.fingerprint())));
        }
        if object.is_instance_of::<pyo3::types::PyString>() {
            let kinds: Vec<RecipientKind> = kinds_of(object.py(), object)?;
            return Ok(kinds.first().copied().map(Removal::Kind));
        }
        Ok(keyset_of(object)?.map(|keyset| Removal::Keyset(keyset.id())))
    };
    let wrong = || PyTypeError::new_err("remove takes keysets, Recipients and kinds of recipients");
    if let Some(removal) = one(given)? {
        return Ok(vec![removal]);
    }
    given.try_iter().map_err(|_| wrong())?.map(|object| one(&object?)?.ok_or_else(wrong)).collect()
}

fn changes_of<'py>(py: Python<'py>, changes: &[Change]) -> PyResult<Bound<'py, PyList>> {
    let rows = PyList::empty(py);
    for change in changes {
        let row = PyDict::new(py);
        let (kind, about) = match change {
            Change::Refreshed { from, to } => {
                row.set_item("before", from.to_string())?;
                ("refreshed", to.to_string())
            }
            Change::Added(wanted) => ("added", wanted.to_string()),
            Change::Removed(wanted) => ("removed", wanted.to_string()),
            Change::KeptUnknown(number) => {
                ("kept-unknown", format!("a recipient of type {number}"))
            }
            _ => ("other", String::new()),
        };
        row.set_item("kind", kind)?;
        row.set_item("recipient", about)?;
        rows.append(row)?;
    }
    Ok(rows)
}

const RUNNING: &[&str] = &["threads", "header", "dst_header", "overwrite", "progress"];
const NAMES: &[&str] = &[
    "keyset",
    "identities",
    "passphrase",
    "keys",
    "context",
    "min_epoch",
    "require",
    "migrate",
    "danger_mix_recipients",
];
