// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/operations.md does what it says: its blocks are run, in order, in one shell that stops at the first failure.
#![cfg(feature = "host")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_walkthrough_and_the_runbook_run_as_they_stand() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let script = script_of(&page);
    assert!(script.matches("sealwax ").count() > 30, "the blocks were found");
    let folder = tempfile::tempdir().expect("a folder");
    let work = folder.path().join("work");
    std::fs::create_dir_all(work.join("data/more")).expect("folders");
    for (name, text) in [("work", "correct horse"), ("new", "battery staple"), ("old", "hunter2")] {
        let path = work.join(format!("{name}.pass"));
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    for (name, len) in [("report.txt", 100), ("more/photo", 100_000), ("more/empty", 0)] {
        std::fs::write(work.join("data").join(name), vec![b'x'; len]).expect("written");
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_sealwax"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(binary.parent().expect("a folder").to_path_buf());
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).expect("a path");
    let output = Command::new("sh")
        .args(["-euxc", &script])
        .current_dir(&work)
        .env("PATH", path)
        .env("SEALWAX_HOME", folder.path().join("home"))
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
    assert!(!said.contains("panicked"), "{said}");
    assert!(said.contains("UNAUTHENTIC"), "what a compromised version opened is marked: {said}");
}

/// What stands in blocks that begin with ```sh.
fn script_of(page: &str) -> String {
    let mut script = String::new();
    let mut inside = false;
    for line in page.lines() {
        match (line.starts_with("```"), inside) {
            (true, _) => inside = line == "```sh",
            (false, true) => script.extend([line, "\n"]),
            (false, false) => {}
        }
    }
    script
}
