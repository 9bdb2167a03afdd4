// SPDX-License-Identifier: MIT OR Apache-2.0
//! A folder with anything in it: a census counts what is there, and a rewrap leaves each file whole.
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sealwax::census::Surveyor;
use sealwax::stream::{Durability, Folders, HeaderReader, RewrapJob};
use sealwax::{Opener, Rewrapper};
use sealwax_fuzz::{Change, Plan, keys};

#[derive(Arbitrary, Debug)]
struct Thing {
    name: u8,
    folder: u8,
    content: Content,
}

#[derive(Arbitrary, Debug)]
enum Content {
    Sealed {
        plan: Plan,
        changes: Vec<Change>,
    },
    Raw(Vec<u8>),
    Folder,
    /// To another name, or to itself, or to nothing.
    Link(u8),
}

const NAMES: [&str; 8] =
    ["a.swx", "b.swx", "c", ".a.swx.1.swx-tmp", "d.header.swx", "\u{fc}.swx", ".swx", "a.swx.swx"];
const FOLDERS: [&str; 4] = ["", "deep", "deep/er", ".hidden"];

fuzz_target!(|things: Vec<Thing>| {
    let memory = Path::new("/dev/shm");
    let root = tempfile::tempdir_in(if memory.is_dir() { memory } else { Path::new("/tmp") });
    let root = root.expect("a folder");
    for thing in things.iter().take(12) {
        put(root.path(), thing);
    }
    let keys = keys();
    let surveyor = Surveyor::new().keyset(&keys.rotated).keyset(&keys.cobblestone).key(&keys.raw);
    let surveyor = surveyor.verified();
    let folders = Folders::new([root.path()]).with_unfinished().threads(1);
    let mut before = BTreeMap::new();
    let census = folders.each(
        None,
        || (surveyor.census(), HeaderReader::new(), 0u64, Vec::new()),
        |(census, reader, count, found), path| {
            let path = path.expect("all of it can be read").clone();
            *count += 1;
            let _ = surveyor.survey_path(&path, reader, census);
            found.push(path);
        },
    );
    for (.., found) in &census {
        for path in found.iter().filter(|path| path.is_file()) {
            before.insert(path.clone(), fs::read(path).expect("it can be read"));
        }
    }

    let rewrapper = Rewrapper::new().keyset(&keys.rotated).keyset(&keys.cobblestone).key(&keys.raw);
    let opener = Opener::new().key(&keys.cobblestone).key(&keys.rotated).key(&keys.raw);
    let job = RewrapJob { durability: Durability::Unsynced, ..RewrapJob::default() };
    for (path, bytes) in before {
        let done = rewrapper.rewrap_path(&path, &job);
        let now = fs::read(&path).expect("it is still there");
        let plaintext = |bytes: &[u8]| opener.open(bytes).map(|opened| opened.plaintext.to_vec());
        match plaintext(&bytes) {
            Ok(before) => assert_eq!(plaintext(&now).expect("it opened before"), before),
            Err(_) => assert!(done.is_ok() || now == bytes, "a refused file was changed"),
        }
    }
});

fn put(root: &Path, thing: &Thing) {
    let folder = root.join(FOLDERS[usize::from(thing.folder) % FOLDERS.len()]);
    if fs::create_dir_all(&folder).is_err() {
        return;
    }
    let at = |name: u8| -> PathBuf { folder.join(NAMES[usize::from(name) % NAMES.len()]) };
    // Whatever is there already stays: two things cannot have one name.
    let _ = match &thing.content {
        Content::Sealed { plan, changes } => {
            let mut sealed = plan.seal();
            changes.iter().for_each(|change| change.apply(&mut sealed));
            fs::write(at(thing.name), sealed)
        }
        Content::Raw(bytes) => fs::write(at(thing.name), bytes),
        Content::Folder => fs::create_dir(at(thing.name)),
        Content::Link(to) => std::os::unix::fs::symlink(at(*to), at(thing.name)),
    };
}
