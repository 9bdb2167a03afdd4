// SPDX-License-Identifier: MIT OR Apache-2.0
//! The folder of other people's vectors, which lies beside the project and is never copied into it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder of vectors: in `SEALWAX_VECTORS`, or in `../shared/vectors`.
///
/// `None` where it is absent: the test then says so and returns. With `CI=true` it fails instead.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    let root = std::env::var_os("SEALWAX_VECTORS").map_or_else(beside, PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    skipped(&format!("{} is absent", folder.display()));
    None
}

/// Says that a test is skipped; with `CI=true` nothing may be skipped.
pub(crate) fn skipped(why: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "must not be skipped with CI=true: {why}"
    );
    println!("SKIPPED: {why}");
}

/// The text of one file of a folder.
pub(crate) fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("the folder has this file")
}

/// The records of a file of `name = value` lines; each record begins with `COUNT`.
pub(crate) fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut records: Vec<BTreeMap<String, String>> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some((name, value)) = line.split_once('=') else {
            assert!(line.trim().is_empty(), "not understood: {line}");
            continue;
        };
        if name.trim() == "COUNT" {
            records.push(BTreeMap::new());
        }
        let record = records.last_mut().expect("a file begins with COUNT");
        record.insert(name.trim().into(), value.trim().into());
    }
    records
}

/// Bytes from hex.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap_or_else(|error| panic!("{error}: {text:.60}"))
}

/// N bytes from hex.
pub(crate) fn unhex_array<const N: usize>(text: &str) -> [u8; N] {
    unhex(text).try_into().unwrap_or_else(|_| panic!("not {N} bytes: {text:.60}"))
}

/// Counts what was not run, each under a named reason.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) ran: usize,
    pub(crate) not_applicable: BTreeMap<&'static str, usize>,
}

impl Tally {
    pub(crate) fn skip(&mut self, reason: &'static str) {
        *self.not_applicable.entry(reason).or_default() += 1;
    }

    /// Prints the counts, and fails where fewer ran than there must be.
    pub(crate) fn finish(self, what: &str, at_least: usize) {
        println!("{what}: {} ran; not applicable: {:?}", self.ran, self.not_applicable);
        assert!(self.ran >= at_least, "{what}: only {} ran, {at_least} expected", self.ran);
    }
}
