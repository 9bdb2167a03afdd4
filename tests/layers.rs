// SPDX-License-Identifier: MIT OR Apache-2.0
//! The layers of the source: arrows point down, primitives have one home, and so has `unsafe`.
#![cfg(feature = "std")]

use std::path::{Path, PathBuf};

/// From the top to the bottom. A module may use those of its own rank and of those below.
const LADDER: [&[&str]; 6] = [
    &["device", "store", "census", "stream", "envelope", "token", "transit", "atomic", "whole"],
    &["keyset", "wrap"],
    &["value", "chunked"],
    &["derive"],
    &["primitives", "format"],
    &["secret", "rng", "error", "id", "locked"],
];
/// Of one rank, and not for each other: `format` never sees a key, and `primitives` no bytes of ours.
const STRANGERS: [&str; 2] = ["primitives", "format"];
/// The written exception: `Keyset::seal` and `Keyset::open` are the convenience face of tokens.
const EXCEPTIONS: [(&str, &str); 1] = [("keyset", "token")];
/// What lib.rs re-exports under the root, and where it lives.
const ROOT_NAMES: [(&str, &str); 12] = [
    ("Error", "error"),
    ("ErrorKind", "error"),
    ("Result", "error"),
    ("Algorithm", "id"),
    ("Suite", "id"),
    ("Context", "format"),
    ("Keyset", "keyset"),
    ("KeyWrap", "wrap"),
    ("OpenedVia", "wrap"),
    ("Opener", "envelope"),
    ("Sealer", "envelope"),
    ("Rewrapper", "envelope"),
];
const PRIMITIVE_CRATES: [&str; 17] = [
    "aes_gcm",
    "argon2",
    "aws_lc_rs",
    "chacha20",
    "chacha20poly1305",
    "hkdf",
    "hmac",
    "ml_kem",
    "poly1305",
    "rand_core",
    "ring",
    "sha2",
    "sha3",
    "shake",
    "subtle",
    "vsss_rs",
    "x25519_dalek",
];
/// Files, and folders with all that is in them.
const UNSAFE: [&str; 5] = [
    "src/secret/memory.rs",
    "src/secret/memory/",
    "bindings/c/src/boundary.rs",
    "bindings/c/src/boundary/",
    "bindings/python/src/buffer.rs",
];
const LONGEST_FILE: usize = 700;
const SPDX: &str = "SPDX-License-Identifier: MIT OR Apache-2.0";

struct Source {
    path: String,
    text: String,
}

/// The files under `folders` with one of these extensions, without what is built.
fn sources(folders: &[&str], extensions: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let of_kind = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extensions.iter().any(|e| *e == extension))
    };
    files
        .into_iter()
        .filter(of_kind)
        .map(|path| Source {
            text: std::fs::read_to_string(&path).expect("a source is text"),
            path: path.strip_prefix(root).expect("below the root").display().to_string(),
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("the folder can be listed").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        let built = ["target", "build", "dist", "node_modules", "__pycache__"];
        if path.is_dir() && !name.starts_with('.') && !built.contains(&name.as_str()) {
            collect(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}

/// The files of src that are not tests.
fn library() -> Vec<Source> {
    let sources = sources(&["src"], &["rs"]);
    assert!(sources.len() > 30, "the sources were not found");
    let is_test = |path: &str| path.ends_with("tests.rs") || path.contains("/tests/");
    sources.into_iter().filter(|source| !is_test(&source.path)).collect()
}

impl Source {
    /// The lines without comments, up to a module of tests at the end.
    fn code(&self) -> Vec<(usize, String)> {
        let mut code = Vec::new();
        for (number, line) in (1..).zip(self.text.lines()) {
            if line.starts_with("mod tests {") {
                break;
            }
            let line = line.split_once("//").map_or(line, |(before, _)| before);
            code.push((number, line.to_owned()));
        }
        code
    }

    /// The modules on the way from the crate's root to this file.
    fn modules(&self) -> Vec<&str> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.split('/').collect()
    }

    fn layer(&self) -> &str {
        layer_of(&self.modules())
    }
}

/// Keyset files and backups are about whole files: they may use envelopes.
fn layer_of<'a>(modules: &[&'a str]) -> &'a str {
    match modules {
        ["keyset", "file" | "backup", ..] => "whole",
        [first, ..] => first,
        [] => panic!("a path has a first module"),
    }
}

fn rank(layer: &str) -> Option<usize> {
    LADDER.iter().position(|rank| rank.contains(&layer))
}

/// Where `word` stands as a word of its own.
fn words<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !line[..*at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    })
}

/// The identifiers of a path at the start of `text`: `a::b::C`.
fn path_at(text: &str) -> Vec<&str> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let path = &text[..end.unwrap_or(text.len())];
    path.split("::").filter(|part| !part.is_empty()).collect()
}

/// The layers that a line of this file uses, through `crate::` and through `super::` up to the root.
fn used<'a>(source: &Source, line: &'a str) -> Vec<&'a str> {
    let mut used = Vec::new();
    for at in words(line, "crate") {
        let Some(rest) = line[at..].strip_prefix("crate::") else { continue };
        assert!(!rest.starts_with('{'), "{}: one `use` for each module: {line}", source.path);
        let path = path_at(rest);
        let root_name = ROOT_NAMES.iter().find(|(name, _)| path.first() == Some(name));
        used.push(root_name.map_or_else(|| layer_of(&path), |(_, layer)| layer));
    }
    for (at, _) in line.match_indices("super::") {
        if line[..at].ends_with("super::") {
            continue;
        }
        let path = path_at(&line[at..]);
        let ups = path.iter().take_while(|part| **part == "super").count();
        // Modules inside a file make it look higher than it is; their names are then no layer's.
        if ups == source.modules().len() && path.get(ups).is_some_and(|name| rank(name).is_some()) {
            used.push(layer_of(&path[ups..]));
        }
    }
    used
}

/// How many arrows go out of a file, and those of them that point up.
fn arrows(source: &Source) -> (usize, Vec<String>) {
    let from = source.layer();
    let Some(own) = rank(from) else {
        panic!("{} is in no layer: write it into the ladder", source.path);
    };
    let (mut count, mut wrong) = (0, Vec::new());
    for (number, line) in source.code() {
        for to in used(source, &line) {
            let Some(other) = rank(to) else {
                panic!("{}:{number}: {to} is in no layer: write it into the ladder", source.path);
            };
            count += 1;
            let strange = from != to && STRANGERS.contains(&from) && STRANGERS.contains(&to);
            if (other < own || strange) && !EXCEPTIONS.contains(&(from, to)) {
                wrong.push(format!("{}:{number}: {from} uses {to}", source.path));
            }
        }
    }
    (count, wrong)
}

#[test]
fn every_arrow_between_modules_points_down() {
    let (mut count, mut wrong) = (0, Vec::new());
    for source in library().iter().filter(|source| source.path != "src/lib.rs") {
        let (more, up) = arrows(source);
        count += more;
        wrong.extend(up);
    }
    assert!(count > 150, "only {count} arrows were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_arrow_that_points_up_is_found() {
    for (path, line, is_up) in [
        ("src/format/core.rs", "use crate::wrap::KeyWrap;", true),
        ("src/format/core.rs", "use crate::primitives::hash;", true),
        ("src/primitives/kem.rs", "    crate::format::core::Core::parse(bytes)", true),
        ("src/wrap/hpke.rs", "use super::super::envelope::Header;", true),
        ("src/wrap/hpke.rs", "fn header() -> crate::Sealer {", true),
        ("src/keyset/version.rs", "use crate::envelope::Sealer;", true),
        ("src/keyset/version.rs", "use super::file::Protection;", false),
        ("src/keyset/version.rs", "use crate::keyset::file::Protection;", true),
        ("src/keyset/file.rs", "use crate::envelope::Sealer;", false),
        ("src/keyset.rs", "use crate::token;", false),
        ("src/rng.rs", "use crate::secret::memory;", false),
        ("src/rng.rs", "// use crate::stream::Writer;", false),
        ("src/stream/io.rs", "use crate::envelope::Opener;", false),
    ] {
        let (_, up) = arrows(&Source { path: path.into(), text: line.into() });
        assert_eq!(!up.is_empty(), is_up, "{path}: {line}");
    }
}

#[test]
fn only_primitives_names_a_primitive_crate() {
    let mut wrong = Vec::new();
    for source in library() {
        if source.layer() == "primitives" {
            continue;
        }
        for (number, line) in source.code() {
            for name in PRIMITIVE_CRATES {
                if words(&line, name).any(|at| line[at + name.len()..].starts_with("::")) {
                    wrong.push(format!("{}:{number} names {name}", source.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_has_one_home_in_each_crate() {
    let folders = ["src", "bindings/c/src", "bindings/python/src", "bindings/cli/src"];
    let mut wrong = Vec::new();
    for source in sources(&folders, &["rs"]) {
        let is_address = |address: &str| match address.ends_with('/') {
            true => source.path.starts_with(address),
            false => source.path == address,
        };
        if UNSAFE.iter().any(|address| is_address(address)) {
            continue;
        }
        for (number, line) in source.code() {
            for at in words(&line, "unsafe") {
                let rest = line[at + "unsafe".len()..].trim_start();
                // An exported name is not code; a C function that callers must treat with care is not either.
                let declares =
                    rest.starts_with("(no_mangle)") || rest.starts_with("extern \"C\" fn");
                if source.path.starts_with("src/") || !declares {
                    wrong.push(format!("{}:{number}", source.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "unsafe in {}", wrong.join("\n"));
}

#[test]
fn every_source_file_begins_with_its_licence() {
    let folders = ["src", "tests", "benches", "bindings", "fuzz/fuzz_targets"];
    let files = sources(&folders, &["rs", "py", "pyi", "c"]);
    let wrong: Vec<_> = files
        .iter()
        .filter(|source| {
            let mut lines = source.text.lines().skip_while(|line| line.starts_with("#!/"));
            !lines.next().is_some_and(|line| line.contains(SPDX))
        })
        .map(|source| source.path.as_str())
        .collect();
    assert!(wrong.is_empty(), "no SPDX line in {wrong:?}");
}

#[test]
fn no_file_is_longer_than_can_be_read_at_once() {
    let folders = ["src", "bindings/c/src", "bindings/python/src", "bindings/cli/src"];
    let long: Vec<_> = sources(&folders, &["rs"])
        .into_iter()
        .filter(|source| !source.path.ends_with("tests.rs") && source.code().len() > LONGEST_FILE)
        .map(|source| source.path)
        .collect();
    assert!(long.is_empty(), "more than {LONGEST_FILE} lines without tests: {long:?}");
}
