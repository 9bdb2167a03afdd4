// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that other threads seal and open meanwhile, and memory that others may touch.
#![cfg(feature = "std")]

mod kit;

use std::fs;
use std::path::Path;

use kit::faces::Shelf;
use sealwax::atomic::Existing;
use sealwax::envelope::ChunkLen;
use sealwax::stream::Job;
use sealwax::{Error, ErrorKind, Keyset, Opener, Sealer, Suite};

/// Around chunks, batches of half a MiB, and more batches than there are threads.
const SIZES: [usize; 11] =
    [0, 1, 1023, 1024, 16_384, 16_385, 524_287, 524_288, 524_289, 3 * 524_288, 4_000_001];

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 3 + at / 1000) as u8).collect()
}

fn keyset() -> Keyset {
    Keyset::generate("test", Suite::Cobblestone256).expect("a keyset")
}

fn sealers(keyset: &Keyset) -> [Sealer<'_>; 2] {
    let small = Sealer::new().recipient(keyset).suite(Suite::ChaCha20Poly1305);
    [Sealer::new().recipient(keyset), small.chunk_len(ChunkLen::KIB_1)]
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be listed");
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    entries.map(|entry| name(entry.expect("the folder can be listed"))).collect()
}

#[test]
fn what_is_written_in_any_steps_is_what_opens() {
    let (keyset, folder) = (keyset(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("sealed");
    for sealer in sealers(&keyset) {
        for len in SIZES {
            for (threads, step) in [(0, 1 << 20), (1, 100_000), (3, 777_777), (2, 4_000_001)] {
                let content = content(len);
                let mut writer =
                    sealer.path_writer(&path, Existing::Replace, threads).expect("a writer");
                for piece in content.chunks(step) {
                    writer.write_all(piece).expect("it is written");
                }
                assert_eq!(writer.plaintext_len().expect("ours"), len as u64);
                writer.finish().expect("it is finished");
                let envelope = fs::read(&path).expect("the file is there");
                let opened = Opener::new().key(&keyset).open(&envelope).expect("it opens");
                assert!(*opened.plaintext == content, "{len} bytes, {threads} threads");
            }
        }
    }
    assert_eq!(names(folder.path()), ["sealed"]);
}

#[test]
fn what_is_dropped_unfinished_leaves_nothing() {
    let (keyset, folder) = (keyset(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("sealed");
    fs::write(&path, "older").expect("a file");
    for threads in [0, 1] {
        let sealer = Sealer::new().recipient(&keyset);
        let mut writer = sealer.path_writer(&path, Existing::Replace, threads).expect("a writer");
        writer.write_all(&content(5_000_000)).expect("it is written");
        assert_eq!(names(folder.path()).len(), 2);
        drop(writer);
        assert_eq!(names(folder.path()), ["sealed"]);
        assert_eq!(fs::read(&path).expect("the file is there"), b"older");
    }
    let kept = Sealer::new().recipient(&keyset).path_writer(&path, Existing::Keep, 0).err();
    assert!(
        matches!(kept, Some(Error::Io(error)) if error.kind() == std::io::ErrorKind::AlreadyExists)
    );
}

#[test]
fn any_place_is_read_while_others_read_ahead() {
    let keyset = keyset();
    for sealer in sealers(&keyset) {
        for len in SIZES {
            let content = content(len);
            let envelope = sealer.seal(&content).expect("it is sealed");
            for threads in [0, 1, 3] {
                let opener = Opener::new().key(&keyset);
                let mut reader = opener.ahead_reader(envelope.clone(), threads).expect("a reader");
                // On and on, with jumps between.
                for (at, step, count) in [(0, 100_000, 20), (len / 2, 7, 3), (len / 3, 300_000, 9)]
                {
                    reader.set_position(at as u64);
                    let mut at = at;
                    for _ in 0..count {
                        let mut out = vec![0; step];
                        let read = reader.read(&mut out).expect("it opens");
                        assert!(out[..read] == content[at..at + read]);
                        assert_eq!(read, step.min(len - at));
                        at += read;
                        assert_eq!(reader.position(), at as u64);
                    }
                }
                reader.set_position(u64::MAX);
                assert_eq!(reader.read(&mut [0; 10]).expect("nothing is there"), 0);
            }
        }
    }
}

#[test]
fn a_damaged_chunk_fails_where_it_is() {
    let keyset = keyset();
    let content = content(4_000_000);
    let mut envelope = Sealer::new().recipient(&keyset).seal(&content).expect("it is sealed");
    let damaged = 100;
    let at = envelope.len() - 20 - (content.len() / 16_384 - damaged) * 16_400;
    envelope[at] ^= 1;
    for threads in [0, 1] {
        let opener = Opener::new().key(&keyset);
        let mut reader = opener.ahead_reader(envelope.clone(), threads).expect("a reader");
        let mut released = Vec::new();
        let mut out = vec![0; 50_000];
        let error = loop {
            match reader.read(&mut out) {
                Ok(read) => released.extend(&out[..read]),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Decrypt);
        assert!(content.starts_with(&released) && released.len() <= (damaged + 1) * 16_384);
        reader.set_position((damaged as u64 + 2) * 16_384);
        assert_eq!(reader.read(&mut out).expect("what lies behind opens"), 50_000);
    }
}

#[test]
fn memory_is_sealed_and_opened_as_slices_are() {
    let keyset = keyset();
    for sealer in sealers(&keyset) {
        for len in SIZES {
            let content = content(len);
            for threads in [1, 3] {
                let job = Job { threads, ..Job::default() };
                let (sealed, opened) = (Shelf::default(), Shelf::default());
                let total =
                    sealer.seal_at(content.as_slice(), &sealed, &job).expect("it is sealed");
                let sealed = sealed.0.into_inner().expect("no test panics with it");
                assert_eq!(total, sealed.len() as u64);
                assert_eq!(sealed.len(), sealer.sealed_len(len).expect("it fits"));
                let opener = Opener::new().key(&keyset);
                opener.open_at(sealed.as_slice(), &opened, &job).expect("it opens");
                assert!(opened.0.into_inner().expect("no test panics with it") == content);
            }
        }
    }
}
