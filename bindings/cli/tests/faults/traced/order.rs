// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a loss of power could undo: a file gets its name only when its bytes are durable, and
//! nothing that was written or named is left for the system to make durable later.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::calls::Call;
use super::room::Room;

/// What is wrong with the calls of a run that succeeded.
pub(crate) fn mistake(room: &Room, calls: &[Call]) -> Option<String> {
    let mut fleeting = BTreeSet::new();
    for call in calls.iter().filter(|call| call.answer.is_some_and(|answer| answer >= 0)) {
        let paths: Vec<_> = call.paths.iter().map(|path| plain(room, path)).collect();
        match call.name {
            "write" | "pwrite64" | "writev" | "pwritev" | "pwritev2" | "copy_file_range"
            | "sendfile" | "ftruncate" | "fallocate" => {
                fleeting.insert(paths[0].clone());
            }
            "fsync" | "fdatasync" => {
                fleeting.remove(&paths[0]);
            }
            "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
                if fleeting.contains(&paths[0]) {
                    return Some(format!("{call}: named before it is durable"));
                }
                fleeting.insert(folder(&paths[1]));
            }
            "mkdir" | "mkdirat" => {
                fleeting.insert(folder(&paths[0]));
            }
            "unlink" | "unlinkat" => {
                fleeting.remove(&paths[0]);
            }
            _ => {}
        }
    }
    (!fleeting.is_empty()).then(|| format!("not durable at the end: {fleeting:?}"))
}

/// A path as the system shows that of an open file.
fn plain(room: &Room, path: &str) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in room.path("work").join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

fn folder(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traced::calls::Extent;

    #[test]
    fn what_a_loss_of_power_could_undo_is_found() {
        let write = ("write", &["new"][..]);
        let sync = ("fsync", &["new"][..]);
        let name = ("renameat2", &["new", "old"][..]);
        let sync_folder = ("fsync", &["."][..]);
        let is_right = |calls: &[(&'static str, &[&str])]| {
            let calls = calls.iter().map(|(name, paths)| Call {
                name,
                paths: paths.iter().map(|path| (*path).to_owned()).collect(),
                extent: Extent::Whole,
                needs_room: false,
                answer: Some(0),
            });
            let calls: Vec<_> = calls.collect();
            mistake(&Room::new(), &calls).is_none()
        };
        assert!(is_right(&[write, sync, name, sync_folder]));
        assert!(!is_right(&[write, name, sync, sync_folder]));
        assert!(!is_right(&[write, name, sync_folder]));
        assert!(!is_right(&[write, sync, name]));
        assert!(!is_right(&[write, sync, sync_folder, name]));
        assert!(!is_right(&[write, sync, write]));
        assert!(!is_right(&[("mkdir", &["folder"])]));
        assert!(is_right(&[("mkdir", &["folder"]), sync_folder]));
    }
}
