// SPDX-License-Identifier: MIT OR Apache-2.0
//! A keyset file and the usage file beside it, in a folder of their own (format.md 8.7).

use std::path::PathBuf;

use sealwax::Result;
use sealwax::store::{Guard, Options, Store};
use serde_json::Value;

use super::shared::unhex;

/// The folder; it goes with this value.
pub(crate) struct Beside {
    folder: tempfile::TempDir,
}

impl Beside {
    /// With an unprotected keyset and no usage file.
    pub(crate) fn new(keyset: &[u8]) -> Self {
        let beside = Beside { folder: tempfile::tempdir().expect("a folder can be made") };
        std::fs::write(beside.keyset_path(), keyset).expect("it can be written");
        beside
    }

    pub(crate) fn keyset_path(&self) -> PathBuf {
        self.folder.path().join("billing.swxk")
    }

    pub(crate) fn usage_path(&self) -> PathBuf {
        self.folder.path().join("billing.swxl")
    }

    /// Puts the usage file in place, as a writer does: all at once.
    pub(crate) fn put_usage(&self, usage: &[u8]) {
        let aside = self.folder.path().join("aside");
        std::fs::write(&aside, usage).expect("it can be written");
        std::fs::rename(&aside, self.usage_path()).expect("it can be renamed");
    }

    pub(crate) fn usage(&self) -> UsageFields {
        UsageFields::parse(&std::fs::read(self.usage_path()).expect("there is a usage file"))
    }

    pub(crate) fn open(&self) -> Result<Store> {
        Store::open(&self.keyset_path(), Guard::Unprotected, Options::default())
    }
}

/// The fields of a good usage file, by their places in format.md 8.7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsageFields {
    pub(crate) keyset_id: [u8; 16],
    pub(crate) serial: u64,
    pub(crate) revision: u64,
    pub(crate) fingerprint: [u8; 16],
    pub(crate) backup_revision: u64,
    pub(crate) backup_at: u64,
    /// Version id, messages, bytes, failed opens.
    pub(crate) usages: Vec<[u64; 4]>,
}

impl UsageFields {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let number = |at: usize, len: usize| {
            bytes[at..at + len].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        assert_eq!(&bytes[..5], b"SWXL\x01");
        let count = usize::try_from(number(69, 4)).expect("a count is a u32");
        assert_eq!(bytes.len(), 73 + 28 * count + 32);
        let usage = |at| [number(at, 4), number(at + 4, 8), number(at + 12, 8), number(at + 20, 8)];
        UsageFields {
            keyset_id: bytes[5..21].try_into().expect("16 bytes"),
            serial: number(21, 8),
            revision: number(29, 8),
            fingerprint: bytes[37..53].try_into().expect("16 bytes"),
            backup_revision: number(53, 8),
            backup_at: number(61, 8),
            usages: (0..count).map(|i| usage(73 + 28 * i)).collect(),
        }
    }
}

/// A vector that other tests change.
pub(crate) fn vector(name: &str) -> Value {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let text = std::fs::read_to_string(folder.join(name).with_extension("json"));
    serde_json::from_str(&text.expect("there is such a vector")).expect("a vector is JSON")
}

/// A byte string of a vector.
pub(crate) fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    unhex(vector[field].as_str().unwrap_or_else(|| panic!("{field} is not text")))
}
