// SPDX-License-Identifier: MIT OR Apache-2.0
//! What keysets and envelopes say about themselves, as dicts.

use std::path::Path;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use sealwax::OpenedVia;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Entry, Header, PAYLOAD_PREFIX_LEN};
use sealwax::id::{Fingerprint, Kind};
use sealwax::stream::{ReadAt, open_regular};
use sealwax::{Algorithm, Error};

use crate::buffer::Source;
use crate::context;
use crate::errors::Raise;
use crate::path::{is_path, path_of};

/// `Keyset.info()`.
pub(crate) fn of_keyset<'py>(
    py: Python<'py>,
    keyset: &sealwax::Keyset,
) -> PyResult<Bound<'py, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("id", keyset.id().to_string())?;
    info.set_item("name", keyset.name())?;
    info.set_item("revision", keyset.revision())?;
    info.set_item("primary", keyset.primary().map(|version| version.id().to_string()))?;
    info.set_item("read_only", keyset.is_read_only())?;
    info.set_item("identity", keyset.is_identity())?;
    let policy = PyDict::new(py);
    let ours = keyset.policy();
    policy.set_item("rotate_after_seconds", ours.rotate_after_seconds)?;
    policy.set_item("rotate_after_messages", ours.rotate_after_messages)?;
    policy.set_item("rotate_after_bytes", ours.rotate_after_bytes)?;
    let known = (1..=4).filter_map(|number| Algorithm::from_u8(number).ok());
    let allowed = known.filter(|algorithm| ours.allows(*algorithm)).map(Algorithm::name);
    policy.set_item("algorithms", allowed.collect::<Vec<_>>())?;
    policy.set_item("allow_raw_export", ours.allow_raw_export)?;
    info.set_item("policy", policy)?;
    let versions = PyList::empty(py);
    for version in keyset.versions() {
        let row = PyDict::new(py);
        row.set_item("id", version.id().to_string())?;
        row.set_item("algorithm", version.algorithm().name())?;
        row.set_item("state", version.state().name())?;
        row.set_item("created", version.created())?;
        row.set_item("activate_at", version.activate_at())?;
        row.set_item("deactivate_at", version.deactivate_at())?;
        row.set_item("recipient", version.recipient().map(|recipient| recipient.to_text()))?;
        let changes = PyList::empty(py);
        for change in version.changes() {
            let one = PyDict::new(py);
            one.set_item("state", change.state.name())?;
            one.set_item("at", change.at)?;
            one.set_item("reason", &change.reason)?;
            changes.append(one)?;
        }
        row.set_item("changes", changes)?;
        versions.append(row)?;
    }
    info.set_item("versions", versions)?;
    Ok(info)
}

/// What an envelope says about itself. Needs no key, and nothing of it is authenticated.
#[pyfunction]
pub(crate) fn inspect<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    if is_path(source)? {
        let path = path_of(source)?;
        let read = py.detach(|| -> sealwax::Result<_> {
            let file = open_regular(&path)?;
            Ok((read_header(&file)?, Some(ReadAt::len(&file)?)))
        });
        let (front, total) = read.raise_at(py, &path)?;
        return describe(py, &front, total, Some(&path));
    }
    let source = Source::of(source)?;
    let front = read_header(&source).raise(py)?;
    describe(py, &front, Some(source.len() as u64), None)
}

/// The header at the start of `source`, or as much of it as there is.
fn read_header(source: &impl ReadAt) -> sealwax::Result<Vec<u8>> {
    use sealwax::envelope::Need;
    let mut front = Vec::new();
    loop {
        let need = match Header::need(&front, DEFAULT_MAX_HEADER_LEN)? {
            Need::AtLeast(len) | Need::Whole(len) => len,
        };
        let begin = front.len();
        if need <= begin {
            return Ok(front);
        }
        front.resize(need, 0);
        let mut filled = begin;
        while filled < need {
            match source.read_at(filled as u64, &mut front[filled..])? {
                0 => {
                    front.truncate(filled);
                    return Ok(front);
                }
                read => filled += read,
            }
        }
    }
}

fn describe<'py>(
    py: Python<'py>,
    front: &[u8],
    total: Option<u64>,
    path: Option<&Path>,
) -> PyResult<Bound<'py, PyDict>> {
    let header = Header::parse(front, DEFAULT_MAX_HEADER_LEN);
    let header = match path {
        Some(path) => header.raise_at(py, path),
        None => header.raise(py),
    }?;
    let (slots, slot_len, slot) = header.slots();
    let info = PyDict::new(py);
    info.set_item("authenticated", false)?;
    info.set_item("kind", if header.kind() == Kind::Data { "data" } else { "keyset" })?;
    info.set_item("suite", header.suite().name())?;
    info.set_item("envelope_id", header.envelope_id().to_string())?;
    info.set_item("chunk_len", header.chunk_len().plaintext_len())?;
    info.set_item("header_len", header.len())?;
    let plaintext_len = total.map(|total| plaintext_len(total, &header));
    info.set_item("plaintext_len", plaintext_len.as_ref().and_then(|len| len.as_ref().ok()))?;
    info.set_item("truncated", matches!(plaintext_len, Some(Err(_))))?;
    info.set_item("epoch", header.epoch())?;
    info.set_item("slots", slots)?;
    info.set_item("slot_len", slot_len)?;
    info.set_item("slot", slot)?;
    info.set_item("stored_context", context::to_dict(py, header.stored_context())?)?;
    let recipients = PyList::empty(py);
    for entry in header.entries() {
        recipients.append(recipient(py, &entry)?)?;
    }
    info.set_item("recipients", recipients)?;
    Ok(info)
}

/// What the length says about the plaintext (format.md 5A.5).
pub(crate) fn plaintext_len(total: u64, header: &Header<'_>) -> sealwax::Result<u64> {
    let sealed_len = header.chunk_len().sealed_len() as u64;
    let tag_len = sealed_len - header.chunk_len().plaintext_len() as u64;
    let front = (header.len() + PAYLOAD_PREFIX_LEN) as u64;
    let chunks = total.checked_sub(front).ok_or(Error::Truncated)?;
    let last = (chunks % sealed_len).checked_sub(tag_len).ok_or(Error::Truncated)?;
    Ok(chunks / sealed_len * (sealed_len - tag_len) + last)
}

fn recipient<'py>(py: Python<'py>, entry: &Entry<'_>) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("kind", entry.kind().name())?;
    row.set_item("type", entry.kind().number())?;
    match entry {
        Entry::Keyset { keyset, version, .. } => {
            row.set_item("keyset", keyset.to_string())?;
            row.set_item("version", version.to_string())?;
        }
        Entry::Passphrase { m_kib, t, p, .. } => {
            row.set_item("memory_kib", m_kib)?;
            row.set_item("passes", t)?;
            row.set_item("lanes", p)?;
        }
        Entry::X25519 { fingerprint, .. } | Entry::XWing { fingerprint, .. } => {
            let named = (*fingerprint != Fingerprint::HIDDEN).then(|| fingerprint.to_string());
            row.set_item("fingerprint", named)?;
        }
        Entry::RawKey { id, .. } => row.set_item("key", id.to_string())?,
        Entry::Provider { provider, key_name, blob, .. } => {
            row.set_item("provider", provider)?;
            row.set_item("key_name", key_name)?;
            row.set_item("blob", pyo3::types::PyBytes::new(py, blob))?;
        }
        _ => {}
    }
    Ok(row)
}

/// Through which entry an envelope was opened, as a dict.
pub(crate) fn opened_via(py: Python<'_>, via: OpenedVia) -> PyResult<Bound<'_, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("kind", via.kind().name())?;
    row.set_item("compromised", matches!(via, OpenedVia::Compromised(..)))?;
    match via {
        OpenedVia::Keyset(keyset, version)
        | OpenedVia::X25519(keyset, version)
        | OpenedVia::XWing(keyset, version)
        | OpenedVia::Compromised(keyset, version) => {
            row.set_item("keyset", keyset.to_string())?;
            row.set_item("version", version.to_string())?;
        }
        OpenedVia::RawKey(id) => row.set_item("key", id.to_string())?,
        OpenedVia::Passphrase | OpenedVia::Provider => {}
    }
    Ok(row)
}
