// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealed files, and what else several threads seal and open: from path to path, by position, ahead of who reads, behind who
//! writes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::case::{Call, Case, known};
use super::envelopes::{Recipient, add_extra, extra};
use super::needles::Secrets;
use super::sources::{plaintext, text};
use sealwax::atomic::Existing;
use sealwax::census::{Finding, Surveyor};
use sealwax::stream::{
    DetachedPaths, HeaderReader, Job, ReadAt, RewrapJob, Room, WriteAt, open_regular,
};
use sealwax::{Opener, Rewrapper, Sealer, Suite};
use zeroize::Zeroizing;

/// A folder with what calls work on. Whatever they make is named `out`.
struct Files {
    folder: tempfile::TempDir,
    of: Recipient,
    suite: Suite,
}

impl Files {
    fn new(of: Recipient, suite: Suite) -> Arc<Files> {
        let files = Files { folder: tempfile::tempdir().expect("a folder"), of, suite };
        let [plain, sealed, changed] = ["plain", "sealed", "changed"].map(|name| files.path(name));
        // More than two batches, so that each of two threads has one.
        std::fs::write(&plain, plaintext().repeat(1200)).expect("written");
        files.sealer().seal_path(&plain, &sealed, &job()).expect("sealed");
        let mut envelope = std::fs::read(sealed).expect("read");
        let middle = envelope.len() / 2;
        envelope[middle] ^= 1;
        std::fs::write(changed, envelope).expect("written");
        let detached =
            DetachedPaths { header: &files.path("header"), payload: &files.path("body") };
        files.sealer().seal_path_detached(&plain, detached, &job()).expect("sealed");
        Arc::new(files)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, name: &str) -> File {
        open_regular(&self.path(name)).expect("opened")
    }

    fn sealer(&self) -> Sealer<'static> {
        Sealer::new().suite(self.suite).recipient(self.of.key)
    }

    fn opener(&self) -> Opener<'static> {
        Opener::new().key(self.of.key)
    }

    /// All that sealing or opening these files took.
    fn secrets(&self, names: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add("plaintext", &plaintext());
        for name in names {
            let name = self.path(name);
            let parts = [Some(name.clone()), name.ends_with("header").then(|| self.path("body"))];
            let read = |path: PathBuf| std::fs::read(path).expect("it was made");
            let envelope: Vec<u8> = parts.into_iter().flatten().flat_map(read).collect();
            secrets.extend(self.of.secrets(&envelope));
        }
        secrets
    }
}

fn job() -> Job<'static> {
    Job { threads: 2, existing: Existing::Replace, control: None }
}

/// Memory that others may write to meanwhile.
struct Shared(Mutex<Vec<u8>>);

impl Shared {
    fn new(bytes: Vec<u8>) -> Self {
        Shared(Mutex::new(bytes))
    }
}

impl ReadAt for Shared {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").read_at(offset, out)
    }

    fn len(&self) -> io::Result<u64> {
        ReadAt::len(&*self.0.lock().expect("no panic"))
    }
}

impl WriteAt for Shared {
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let from = usize::try_from(offset).expect("in memory");
        self.0.lock().expect("no panic")[from..from + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

/// Reads all of it in blocks.
fn read_all(mut read: impl FnMut(&mut [u8]) -> usize) {
    let mut block = Zeroizing::new(vec![0; 200_000]);
    while read(&mut block) > 0 {}
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        for of in Recipient::all(suite) {
            // What differs between recipients is the header's work: one that is shallow, one that is deep.
            if ["keyset", "X25519"].contains(&of.name) {
                let files = Files::new(of, suite);
                cases.extend(jobs(&files));
                cases.extend(handles(&files));
            }
        }
    }
    cases
}

/// A call on the files. `names` are those whose secrets are looked for, `out` among them where the call makes it.
fn on(
    files: &Arc<Files>,
    what: &str,
    names: &'static [&'static str],
    call: impl Fn(&Files) + Send + Sync + 'static,
) -> Case {
    let name = format!("file {what}, {}, suite {}", files.of.name, files.suite as u8);
    let (call, files, after) = (Arc::new(call), files.clone(), files.clone());
    let prepare = move || -> Call {
        let (call, files) = (call.clone(), files.clone());
        for name in ["out", "out header"] {
            // It is there from the run before, or not.
            let _ = std::fs::remove_file(files.path(name));
        }
        Box::new(move || call(&files))
    };
    Case::told_after(name, prepare, move || known(after.secrets(names)))
}

/// From path to path.
fn jobs(files: &Arc<Files>) -> Vec<Case> {
    let detached = |files: &Files| (files.path("header"), files.path("body"));
    vec![
        on(files, "seal", &["out"], |files| {
            let sealer = files.sealer();
            sealer.seal_path(&files.path("plain"), &files.path("out"), &job()).expect("sealed");
        }),
        on(files, "open", &["sealed"], |files| {
            let opener = files.opener();
            opener.open_path(&files.path("sealed"), &files.path("out"), &job()).expect("opened");
        }),
        on(files, "open, changed", &["sealed"], |files| {
            let opener = files.opener();
            let opened = opener.open_path(&files.path("changed"), &files.path("out"), &job());
            opened.expect_err("changed");
        }),
        on(files, "verify", &["sealed"], |files| {
            let verified = files.opener().verify_path(&files.path("sealed"), &job());
            assert!(verified.expect("verified").damage.is_empty());
        }),
        on(files, "verify, changed", &["sealed"], |files| {
            let verified = files.opener().verify_path(&files.path("changed"), &job());
            assert_eq!(verified.expect("verified").damage.len(), 1);
        }),
        on(files, "reencrypt", &["sealed", "out"], |files| {
            let (source, target) = (files.path("sealed"), files.path("out"));
            let opener = files.opener();
            opener.reencrypt_path(&files.sealer(), &source, &target, &job()).expect("done");
        }),
        on(files, "open a detached one", &["header"], move |files| {
            let (header, payload) = detached(files);
            let paths = DetachedPaths { header: &header, payload: &payload };
            let opened = files.opener().open_path_detached(paths, &files.path("out"), &job());
            opened.expect("opened");
        }),
        on(files, "verify a detached one", &["header"], move |files| {
            let (header, payload) = detached(files);
            let paths = DetachedPaths { header: &header, payload: &payload };
            files.opener().verify_path_detached(paths, &job()).expect("verified");
        }),
        on(files, "survey", &["sealed"], |files| {
            let surveyor = Surveyor::new().key(files.of.key).verified();
            let (mut census, mut reader) = (surveyor.census(), HeaderReader::new());
            let found = surveyor.survey_path(&files.path("sealed"), &mut reader, &mut census);
            assert!(matches!(found, Ok(Finding::Verified(_))));
        }),
        rewrap(files, "rewrap", Room::AsItIs, 1),
        rewrap(files, "rewrap into a copy", Room::Grow, 6),
    ]
}

/// Adds `times` recipients, of which the first few have room.
fn rewrap(files: &Arc<Files>, what: &str, room: Room, times: u8) -> Case {
    let added: Arc<Vec<Recipient>> = Arc::new((0..times).map(extra).collect());
    let (call, after) = (added.clone(), files.clone());
    let mut case = on(files, what, &["sealed"], move |files| {
        let out = files.path("out");
        std::fs::copy(files.path("sealed"), &out).expect("copied");
        let rewrapper = Rewrapper::new().key(files.of.key).danger_mix_recipients();
        let rewrapper = call.iter().fold(rewrapper, |all, of| all.recipient(of.key));
        rewrapper.rewrap_path(&out, &RewrapJob { room, ..RewrapJob::default() }).expect("done");
    });
    case.needles = Box::new(move || {
        let mut secrets = after.secrets(&["sealed"]);
        let rewrapped = std::fs::read(after.path("out")).expect("it was made");
        added.iter().for_each(|of| add_extra(&mut secrets, of, &rewrapped));
        known(secrets)
    });
    case
}

/// By position, ahead of who reads, behind who writes.
fn handles(files: &Arc<Files>) -> Vec<Case> {
    let write = |files: &Files, out: &Path| {
        let mut writer = files.sealer().path_writer(out, Existing::Replace, 2).expect("begun");
        let text = std::fs::read(files.path("plain")).map(Zeroizing::new).expect("read");
        text.chunks(100_000).for_each(|text| writer.write_all(text).expect("written"));
        writer
    };
    vec![
        on(files, "write in the background", &["out"], move |files| {
            write(files, &files.path("out")).finish().expect("finished");
        }),
        on(files, "write in the background, dropped", &[], move |files| {
            drop(write(files, &files.path("out")));
        }),
        on(files, "write without threads", &["out"], |files| {
            let writer = files.sealer().path_writer(&files.path("out"), Existing::Replace, 1);
            let mut writer = writer.expect("begun");
            (0..700).for_each(|_| writer.write_all(text()).expect("written"));
            writer.finish().expect("finished");
        }),
        on(files, "read ahead", &["sealed"], |files| {
            let mut reader = files.opener().ahead_reader(files.open("sealed"), 2).expect("opened");
            read_all(|block| reader.read(block).expect("read"));
        }),
        on(files, "read ahead and jump about", &["sealed"], |files| {
            let mut reader = files.opener().ahead_reader(files.open("sealed"), 2).expect("opened");
            for position in [0, 900_000, 3, 1_100_000, 5] {
                reader.set_position(position);
                reader.read(&mut Zeroizing::new([0; 20_000])[..]).expect("read");
            }
            reader.set_position(0);
            (0..4).for_each(|_| {
                reader.read(&mut Zeroizing::new(vec![0; 200_000])).expect("read");
            });
        }),
        on(files, "read ahead, changed", &["sealed"], |files| {
            let mut reader = files.opener().ahead_reader(files.open("changed"), 2).expect("opened");
            let mut block = Zeroizing::new(vec![0; 200_000]);
            while reader.read(&mut block).is_ok() {}
        }),
        on(files, "read by position", &["sealed"], |files| {
            let positioned = files.opener().positioned(files.open("sealed")).expect("opened");
            for offset in [0, 500_000, 1_200_000] {
                let mut out = Zeroizing::new(vec![0; 50_000]);
                positioned.read_at(offset, &mut out).expect("read");
            }
        }),
        on(files, "read by position, changed", &["sealed"], |files| {
            let positioned = files.opener().positioned(files.open("changed")).expect("opened");
            positioned.read_at(0, &mut Zeroizing::new(vec![0; 1_200_000])).expect_err("changed");
        }),
        on(files, "seal from memory to memory", &["out"], |files| {
            let source = Zeroizing::new(std::fs::read(files.path("plain")).expect("read"));
            seal_at(files, source.as_slice());
        }),
        on(files, "seal from memory that may change", &["out"], |files| {
            let source = Shared::new(std::fs::read(files.path("plain")).expect("read"));
            seal_at(files, &source);
            zeroize::Zeroize::zeroize(&mut *source.0.lock().expect("no panic"));
        }),
        on(files, "open from memory to memory", &["sealed"], |files| {
            let source = std::fs::read(files.path("sealed")).expect("read");
            assert!(open_at(files, source.as_slice()));
        }),
        on(files, "open from memory that may change", &["sealed"], |files| {
            let source = Shared::new(std::fs::read(files.path("sealed")).expect("read"));
            assert!(open_at(files, &source));
        }),
        on(files, "open from memory to memory, changed", &["sealed"], |files| {
            let source = std::fs::read(files.path("changed")).expect("read");
            assert!(!open_at(files, source.as_slice()));
        }),
    ]
}

fn seal_at<S: ReadAt + ?Sized>(files: &Files, source: &S) {
    let target = Shared::new(vec![0; 2_000_000]);
    let len = files.sealer().seal_at(source, &target, &job()).expect("sealed");
    let sealed = &target.0.lock().expect("no panic")[..usize::try_from(len).expect("short")];
    std::fs::write(files.path("out"), sealed).expect("written");
}

/// Whether it opened. What it opened into is wiped: that is the caller's duty.
fn open_at<S: ReadAt + ?Sized>(files: &Files, source: &S) -> bool {
    let target = Shared::new(vec![0; 2_000_000]);
    let opened = files.opener().open_at(source, &target, &job());
    zeroize::Zeroize::zeroize(&mut *target.0.lock().expect("no panic"));
    opened.is_ok()
}
