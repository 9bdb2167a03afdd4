// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors of keysets, of the usage files beside them, and of backups (format.md 8).

use sealwax::id::KeyState;
use sealwax::keyset::backup::Share;
use sealwax::keyset::file::Protection;
use sealwax::rng::Now;
use sealwax::store::{Guard, Options, Store};
use sealwax::{Algorithm, ErrorKind, Keyset};
use serde_json::Value;

use super::beside::{Beside, UsageFields, bytes};
use super::expect::Expect;
use super::keys::{Held, list, number, only, string, trimmed};
use super::shared::{unhex, unhex_array};

pub(crate) fn run_keyset(vector: &Value, expect: Expect) {
    let held = Held::parse(&vector["keys"]);
    let keys = held.wraps();
    let protection = match string(vector, "protection") {
        "unprotected" => Protection::Unprotected,
        "envelope" => Protection::Sealed(&keys),
        other => panic!("unknown protection {other}"),
    };
    let file = unhex(string(vector, "file"));
    let result = Keyset::parse_file_bytes(&file, protection);
    let Some(keyset) = expect.check("Keyset::parse_file_bytes", result) else { return };
    check_keyset(&keyset, vector);
}

/// The keyset against the vector's `parsed`, and against its encoding and fingerprint.
fn check_keyset(keyset: &Keyset, vector: &Value) {
    let parsed = &vector["parsed"];
    only(
        parsed,
        &["keyset_id", "name", "revision", "parent", "primary", "policy", "versions", "read_only"],
    );
    assert_eq!(keyset.id().0, unhex_array(string(parsed, "keyset_id")));
    assert_eq!(keyset.name(), string(parsed, "name"));
    assert_eq!(keyset.revision(), number(parsed, "revision"));
    let primary = keyset.primary().map_or(0, |version| u64::from(version.id().value()));
    assert_eq!(primary, number(parsed, "primary"));
    check_policy(keyset, &parsed["policy"]);
    let versions = list(&parsed["versions"]);
    assert_eq!(keyset.versions().len(), versions.len());
    for (version, wanted) in keyset.versions().iter().zip(versions) {
        check_version(version, wanted);
    }
    assert_eq!(keyset.is_read_only(), parsed["read_only"].as_bool().expect("a bool"));
    let fingerprint = unhex_array(string(&vector["intermediates"], "fingerprint"));
    assert_eq!(keyset.fingerprint().expect("here"), fingerprint, "format.md 8.6b");
    // Parent and secrets, through the encoding.
    match keyset.expose_unprotected() {
        Ok(bytes) => {
            let encoding = unhex(string(&vector["intermediates"], "encoding"));
            assert_eq!(bytes[5..bytes.len() - 16], encoding, "the encoding is not the one read");
            assert_eq!(bytes.as_slice(), super::keys::unprotected(&encoding));
        }
        Err(error) => {
            assert!(keyset.is_read_only());
            assert_eq!(error.kind(), ErrorKind::Misuse);
        }
    }
}

fn check_policy(keyset: &Keyset, wanted: &Value) {
    let fields = [
        "rotate_after_seconds",
        "rotate_after_messages",
        "rotate_after_bytes",
        "algorithms",
        "flags",
    ];
    only(wanted, &fields);
    let policy = keyset.policy();
    assert_eq!(policy.rotate_after_seconds, number(wanted, "rotate_after_seconds"));
    assert_eq!(policy.rotate_after_messages, number(wanted, "rotate_after_messages"));
    assert_eq!(policy.rotate_after_bytes, number(wanted, "rotate_after_bytes"));
    for bit in 0..4 {
        let algorithm = Algorithm::from_u8(bit + 1).expect("1 to 4 are algorithms");
        assert_eq!(policy.allows(algorithm), number(wanted, "algorithms") >> bit & 1 == 1);
    }
    assert_eq!(u64::from(policy.allow_raw_export), number(wanted, "flags"));
}

fn check_version(version: &sealwax::keyset::Version, wanted: &Value) {
    only(
        wanted,
        &[
            "version_id",
            "algorithm",
            "state",
            "created",
            "activate_at",
            "deactivate_at",
            "changes",
            "secret",
        ],
    );
    assert_eq!(u64::from(version.id().value()), number(wanted, "version_id"));
    assert_eq!(u64::from(version.algorithm().number()), number(wanted, "algorithm"));
    assert_eq!(version.state() as u64, number(wanted, "state"));
    assert_eq!(version.created(), number(wanted, "created"));
    assert_eq!(version.activate_at().unwrap_or(0), number(wanted, "activate_at"));
    assert_eq!(version.deactivate_at().unwrap_or(0), number(wanted, "deactivate_at"));
    assert_eq!(version.state() == KeyState::Destroyed, string(wanted, "secret").is_empty());
    let changes = list(&wanted["changes"]);
    assert_eq!(version.changes().len(), changes.len());
    for (change, wanted) in version.changes().iter().zip(changes) {
        only(wanted, &["state", "at", "reason"]);
        assert_eq!(change.state as u64, number(wanted, "state"));
        assert_eq!(change.at, number(wanted, "at"));
        assert_eq!(change.reason, string(wanted, "reason"));
    }
}

pub(crate) fn run_usage(vector: &Value, expect: Expect) {
    let beside = Beside::new(&bytes(vector, "keyset"));
    let [seen, file] = ["seen", "file"].map(|field| bytes(vector, field));
    let read = || {
        if seen.is_empty() {
            beside.put_usage(&file);
        } else {
            beside.put_usage(&seen);
        }
        let store = beside.open()?;
        beside.put_usage(&file);
        let read = (store.usage()?, store.backed_up()?);
        Ok((store, read))
    };
    let Some((store, (usage, backed_up))) = expect.check("Store", read()) else { return };

    let parsed = &vector["parsed"];
    only(parsed, &["serial", "revision", "fingerprint", "backup_revision", "backup_at", "usages"]);
    let usages: Vec<[u64; 4]> = list(&parsed["usages"])
        .iter()
        .map(|usage| {
            let fields = ["version_id", "messages", "bytes", "failed_opens"];
            only(usage, &fields);
            fields.map(|field| number(usage, field))
        })
        .collect();
    let read: Vec<[u64; 4]> = usage
        .iter()
        .map(|(id, usage)| [u64::from(id.value()), usage.messages, usage.bytes, usage.failed_opens])
        .collect();
    assert_eq!(read, usages);
    let (revision, at) = match backed_up.map(|backup| (backup.revision, backup.at)) {
        Some((revision, Now::Seconds(at))) => (revision, at),
        Some((revision, Now::Unknown)) => (revision, 0),
        None => (0, 0),
    };
    assert_eq!(revision, number(parsed, "backup_revision"));
    assert_eq!(at, number(parsed, "backup_at"));

    // The rest shows in what is written next.
    let keyset = store.keyset();
    let wrote = store.record_backup(keyset.revision(), Now::Seconds(9));
    let Some(serial) = number(parsed, "serial").checked_add(1) else {
        assert_eq!(wrote.expect_err("no serial is left").kind(), ErrorKind::Limit);
        assert_eq!(beside.usage().serial, u64::MAX);
        return;
    };
    wrote.expect("it can be written");
    assert_eq!(
        beside.usage(),
        UsageFields {
            keyset_id: keyset.id().0,
            serial,
            revision: keyset.revision(),
            fingerprint: keyset.fingerprint().expect("here"),
            backup_revision: keyset.revision(),
            backup_at: 9,
            usages,
        }
    );
}

pub(crate) fn run_share(vector: &Value, expect: Expect) {
    let text = string(vector, "string");
    let Some(share) = expect.check("Share::parse_text", Share::parse_text(text)) else { return };
    assert_eq!(share.backup().0, unhex_array(string(vector, "backup_id")));
    let numbers = [share.threshold(), share.count(), share.number()].map(u64::from);
    assert_eq!(numbers, ["k", "n", "x"].map(|field| number(vector, field)));
    // Its value shows in the string that is written of it.
    assert_eq!(share.expose_text().as_str(), trimmed(text));
    let (_, payload) = bech32::decode(trimmed(text)).expect("it was read");
    assert_eq!(hex::encode(&payload[19..]), string(vector, "value"));
    assert!(!format!("{share:?}").contains(string(vector, "value")), "a share shows its value");
}

pub(crate) fn run_backup(vector: &Value, expect: Expect) {
    let file = bytes(vector, "file");
    let held = Held::parse(&vector["keys"]);
    let keys = held.wraps();
    let texts = list(&vector["shares"]);
    let restored = match keys.is_empty() {
        true => texts
            .iter()
            .map(|text| Share::parse_text(text.as_str().expect("a share is text")))
            .collect::<Result<Vec<_>, _>>()
            .and_then(|shares| Keyset::restore_from_shares(&file, &shares)),
        false => {
            assert!(texts.is_empty(), "keys or shares, not both");
            Keyset::restore(&file, &keys)
        }
    };
    let Some(keyset) = expect.check("Keyset::restore", restored) else { return };
    check_keyset(&keyset, vector);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("restored.swxk");
    let store = Store::restore(&path, keyset, Guard::Unprotected, Options::default());
    drop(store.expect("nothing stands in its way"));
    let encoding = unhex(string(&vector["intermediates"], "restored_encoding"));
    assert_eq!(std::fs::read(path).expect("it is there"), super::keys::unprotected(&encoding));
}
