// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every crate that a manifest names has a reason in docs/design.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names in the tables of dependencies, whichever of them.
fn direct(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_table = false;
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            is_table = table.trim_end_matches(']').ends_with("dependencies");
            continue;
        }
        if let Some((name, _)) = line.split_once('=').filter(|_| is_table && !line.starts_with('#'))
        {
            names.insert(name.trim().to_owned());
        }
    }
    names
}

/// What a section of a page says.
fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let begin = page.find(&format!("\n## {title}\n")).expect("there is such a section") + 1;
    let rest = &page[begin..];
    rest[3..].find("\n## ").map_or(rest, |end| &rest[..end + 3])
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let design = read("docs/design.md");
    let reasons = section(&design, "Dependencies");
    let mut missing = Vec::new();
    let mut count = 0;
    for manifest in MANIFESTS {
        for name in direct(&read(manifest)) {
            count += 1;
            if !name.starts_with("sealwax") && !reasons.contains(&format!("`{name}`")) {
                missing.push(format!("{manifest}: {name}"));
            }
        }
    }
    assert!(count > 50, "only {count} dependencies were found");
    assert!(missing.is_empty(), "no reason in docs/design.md for {missing:#?}");
}

#[test]
fn a_table_of_dependencies_is_found_by_any_name() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\none = \"1\"\n# two = \"1\"\n\
                    [target.'cfg(unix)'.dev-dependencies]\nthree = { version = \"1\" }\n[lints]\nfour = true\n";
    assert_eq!(direct(manifest), BTreeSet::from(["one".to_owned(), "three".to_owned()]));
}

const MANIFESTS: &[&str] = &[
    "Cargo.toml",
    "benches/transit/Cargo.toml",
    "bindings/cli/Cargo.toml",
    "bindings/c/Cargo.toml",
    "bindings/c/firmware/bare/Cargo.toml",
    "bindings/python/Cargo.toml",
    "fuzz/Cargo.toml",
    "tests/constant_time/Cargo.toml",
    "tests/interleavings/Cargo.toml",
];
