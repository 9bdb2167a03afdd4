// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unfinished files and folders: gone when they are given up, cleared when a killed process left
//! them, and never taken from whoever is writing them.
#![cfg(feature = "std")]

use std::fs;
use std::path::{Path, PathBuf};

use sealwax::atomic::{AtomicFile, AtomicFolder, Existing, is_leftover, remove_leftover};
use sealwax::stream::Folders;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

#[test]
fn an_unfinished_folder_gets_its_name_with_all_in_it_or_is_gone() {
    let temp = tempfile::tempdir().expect("a folder");
    let target = temp.path().join("shares");
    let folder = AtomicFolder::create(&target).expect("made");
    fs::write(folder.path().join("share"), "secret").expect("written");
    assert!(!target.exists());
    drop(folder);
    assert_eq!(names(temp.path()), [""; 0]);

    let folder = AtomicFolder::create(&target).expect("made");
    fs::write(folder.path().join("share"), "secret").expect("written");
    folder.commit().expect("named");
    assert_eq!(names(temp.path()), ["shares"]);
    assert_eq!(fs::read(target.join("share")).expect("it is there"), b"secret");
    let refused = AtomicFolder::create(&target).err().expect("it is not empty");
    assert!(
        matches!(refused, sealwax::Error::Io(e) if e.kind() == std::io::ErrorKind::AlreadyExists)
    );

    // An empty folder is as good as none.
    let empty = temp.path().join("empty");
    fs::create_dir(&empty).expect("made");
    AtomicFolder::create(&empty).expect("made").commit().expect("named");
    assert_eq!(names(temp.path()), ["empty", "shares"]);
}

#[test]
fn what_is_being_written_is_no_leftover() {
    let temp = tempfile::tempdir().expect("a folder");
    let file = AtomicFile::create(&temp.path().join("a"), Existing::Keep).expect("made");
    let folder = AtomicFolder::create(&temp.path().join("b")).expect("made");
    for path in [file.path(), folder.path()] {
        assert!(!is_leftover(path).expect("looked at"));
        assert!(!remove_leftover(path).expect("looked at"));
        assert!(path.exists());
    }
}

#[test]
fn leftovers_are_found_and_removed_whole_and_nothing_else_is() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = |name: &str| temp.path().join(name);
    fs::write(path(".a.swx.x1y2z3.swx-tmp"), "half").expect("written");
    fs::create_dir_all(path(".shares.x1y2z3.swx-tmp/deep")).expect("made");
    fs::write(path(".shares.x1y2z3.swx-tmp/share"), "secret").expect("written");
    fs::write(path(".shares.x1y2z3.swx-tmp/deep/.b.x1y2z3.swx-tmp"), "half").expect("written");
    for name in ["a.swx-tmp", ".swx-tmp-not", ".hidden", "b.swx"] {
        fs::write(path(name), "whole").expect("written");
    }
    let folders = Folders::new([temp.path()]).with_unfinished();
    let found = folders.each(None, Vec::new, |all: &mut Vec<PathBuf>, found| {
        all.push(found.expect("it can be looked at"));
    });
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.sort();
    let unfinished = [path(".a.swx.x1y2z3.swx-tmp"), path(".shares.x1y2z3.swx-tmp")];
    assert_eq!(found, [&unfinished[..], &[path("b.swx")]].concat());
    for name in names(temp.path()) {
        let is_unfinished = unfinished.contains(&path(&name));
        assert_eq!(is_leftover(&path(&name)).expect("looked at"), is_unfinished, "{name}");
        assert_eq!(remove_leftover(&path(&name)).expect("looked at"), is_unfinished, "{name}");
    }
    assert_eq!(names(temp.path()), [".hidden", ".swx-tmp-not", "a.swx-tmp", "b.swx"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_owner() {
    use std::os::unix::fs::{MetadataExt, chown};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    std::fs::write(&path, b"old").expect("written");
    // Only a superuser can give a file away; for others it is theirs before and after.
    let _ = chown(&path, Some(1234), Some(1234));
    let before = path.metadata().expect("there");
    let mut file = AtomicFile::create(&path, Existing::Replace).expect("created");
    file.write_all(b"new").expect("written");
    file.commit().expect("committed");
    let after = path.metadata().expect("there");
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_eq!(std::fs::read(&path).expect("read"), b"new");
}
