// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets and their versions, for people and for programs.

use std::fmt::Write;
use std::path::Path;

use sealwax::Keyset;
use sealwax::keyset::file::Description;
use sealwax::keyset::{Policy, Usage, Version};
use sealwax::rng::Now;
use sealwax::store::{BackedUp, Store};
use serde_json::{Value, json};

use crate::amount::{bytes_shown, count_shown};
use crate::confirm::hex;
use crate::failure::escaped;
use crate::store::{self, Backup};
use crate::time;

/// What a file says about itself without any key.
pub(super) fn description_json(path: &Path, description: &Description) -> Value {
    let recipients: Vec<_> = description.recipients.iter().map(|kind| kind.name()).collect();
    json!({
        "file": path.to_string_lossy(),
        "name": description.name,
        "id": description.id.to_string(),
        "revision": description.revision,
        "protected": !recipients.is_empty(),
        "recipients": recipients,
    })
}

/// Adds what only an open keyset shows.
pub(super) fn add_keyset_json(value: &mut Value, keyset: &Keyset) {
    let versions: Vec<_> =
        keyset.versions().iter().map(|version| version_json(keyset, version)).collect();
    value["fingerprint"] = hex(&keyset.fingerprint().expect("the command does not fork")).into();
    value["primary"] = keyset.primary().map(|primary| primary.id().to_string()).into();
    value["policy"] = policy_json(keyset.policy());
    value["rotation_due"] = store::rotation_due(keyset).into();
    value["read_only"] = keyset.is_read_only().into();
    value["versions"] = versions.into();
}

/// A version.
pub(super) fn version_json(keyset: &Keyset, version: &Version) -> Value {
    let changes = version.changes().iter().map(
        |change| json!({"state": change.state.name(), "at": change.at, "reason": change.reason}),
    );
    let Usage { messages, bytes, failed_opens } = version.usage();
    json!({
        "id": version.id().to_string(),
        "algorithm": version.algorithm().name(),
        "state": version.state().name(),
        "primary": is_primary(keyset, version),
        "created": version.created(),
        "activate_at": version.activate_at(),
        "deactivate_at": version.deactivate_at(),
        "usage": {"messages": messages, "bytes": bytes, "failed_opens": failed_opens},
        "changes": changes.collect::<Vec<_>>(),
    })
}

/// A version, its history and its usage: a line each.
pub(super) fn version_text(keyset: &Keyset, version: &Version) -> String {
    let mut text = format!(
        "version     {}  {}  {}{}  created {}",
        version.id(),
        version.algorithm().name(),
        version.state(),
        if is_primary(keyset, version) { ", primary" } else { "" },
        time::shown(version.created()),
    );
    for (label, at) in [("from", version.activate_at()), ("seals until", version.deactivate_at())] {
        text.extend(at.map(|at| format!("  {label} {}", time::shown(at))));
    }
    text.push('\n');
    for change in version.changes() {
        let reason = match change.reason.as_str() {
            "" => String::new(),
            reason => format!(": {}", escaped(reason)),
        };
        let at = time::shown(change.at);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "              {} {at}{reason}", change.state);
    }
    let Usage { messages, bytes, failed_opens } = version.usage();
    if version.usage() != Usage::default() {
        let bytes = bytes_shown(bytes);
        let failed = match failed_opens {
            0 => String::new(),
            failed => format!(", {failed} tokens that did not open"),
        };
        let _ = writeln!(text, "              sealed {messages} messages, {bytes}{failed}");
    }
    text
}

/// The policy.
pub(super) fn policy_json(policy: &Policy) -> Value {
    let algorithms: Vec<_> = policy.algorithms().map(|algorithm| algorithm.name()).collect();
    let limit = |limit: u64| (limit != 0).then_some(limit);
    json!({
        "rotate_after_seconds": limit(policy.rotate_after_seconds),
        "rotate_after_messages": limit(policy.rotate_after_messages),
        "rotate_after_bytes": limit(policy.rotate_after_bytes),
        "algorithms": algorithms,
        "allow_raw_export": policy.allow_raw_export,
    })
}

/// The policy, in one line.
pub(super) fn policy_text(policy: &Policy) -> String {
    let limits = [
        (policy.rotate_after_seconds, time::duration_shown(policy.rotate_after_seconds)),
        (
            policy.rotate_after_messages,
            format!("{} messages", count_shown(policy.rotate_after_messages)),
        ),
        (policy.rotate_after_bytes, bytes_shown(policy.rotate_after_bytes)),
    ];
    let limits: Vec<_> =
        limits.into_iter().filter(|(limit, _)| *limit != 0).map(|(_, text)| text).collect();
    let rotate = match limits.is_empty() {
        true => "never by itself".to_owned(),
        false => format!("after {}", limits.join(" or ")),
    };
    let algorithms: Vec<_> = policy.algorithms().map(|algorithm| algorithm.name()).collect();
    let export = if policy.allow_raw_export { "allowed" } else { "not allowed" };
    format!("rotate {rotate}; {}; raw export {export}", algorithms.join(", "))
}

/// Whether there is a backup.
pub(super) fn backup_json(store: &Store) -> Value {
    let made = |BackedUp { revision, at }: BackedUp, covers_primary: bool| {
        let at = match at {
            Now::Seconds(at) => Some(at),
            Now::Unknown => None,
        };
        json!({"revision": revision, "at": at, "covers_primary": covers_primary})
    };
    match Backup::of(store) {
        Backup::Good(backup) => made(backup, true),
        Backup::Older(backup) => made(backup, false),
        Backup::None | Backup::Unknown => Value::Null,
    }
}

/// Whether there is a backup, in a few words.
pub(super) fn backup_text(store: &Store) -> String {
    let made = |BackedUp { revision, at }: BackedUp| match at {
        Now::Seconds(at) => format!("of revision {revision}, made {}", time::shown(at)),
        Now::Unknown => format!("of revision {revision}"),
    };
    match Backup::of(store) {
        Backup::None => "none".into(),
        Backup::Unknown => "unknown: the usage file cannot be read".into(),
        Backup::Good(backup) => made(backup),
        Backup::Older(backup) => {
            format!("{}; older than the newest version", made(backup))
        }
    }
}

/// What protects a file.
pub(super) fn protection(description: &Description) -> String {
    match description.recipients.is_empty() {
        true => "NOT PROTECTED".into(),
        false => {
            let kinds: Vec<_> = description.recipients.iter().map(|kind| kind.name()).collect();
            format!("sealed for: {}", kinds.join(", "))
        }
    }
}

fn is_primary(keyset: &Keyset, version: &Version) -> bool {
    keyset.primary().is_some_and(|primary| primary.id() == version.id())
}
