// SPDX-License-Identifier: MIT OR Apache-2.0
//! Detached headers: two objects, the same bytes (format.md 4.12).
#![cfg(feature = "std")]

use std::io::{Read, Write};
use std::path::PathBuf;

use sealwax::census::{Finding, Surveyor};
use sealwax::stream::{
    Detached, DetachedPaths, Durability, FileRewrap, HeaderReader, Job, RewrapJob, Room,
};
use sealwax::{Context, Error, ErrorKind, Keyset, Opener, Result, Rewrapper, Sealer, Suite};

const CHUNK: usize = 16_384;

fn kind(result: Result<impl Sized>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// A folder with a plaintext file in it, and names for the two objects.
struct Pair {
    folder: tempfile::TempDir,
    plaintext: Vec<u8>,
}

impl Pair {
    fn new(len: usize) -> Self {
        let room = Pair { folder: tempfile::tempdir().expect("a folder"), plaintext: noise(len) };
        std::fs::write(room.path("plain"), &room.plaintext).expect("written");
        room
    }

    /// The same, sealed for this keyset as `a.swx` and `a.payload`.
    fn sealed(keyset: &Keyset, len: usize) -> Self {
        let room = Pair::new(len);
        room.seal(keyset, "a");
        room
    }

    fn seal(&self, keyset: &Keyset, name: &str) {
        let (header, payload) = self.pair(name);
        let paths = DetachedPaths { header: &header, payload: &payload };
        let sealer = Sealer::new().recipient(keyset);
        sealer.seal_path_detached(&self.path("plain"), paths, &Job::default()).expect("sealed");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pair(&self, name: &str) -> (PathBuf, PathBuf) {
        (self.path(&format!("{name}.swx")), self.path(&format!("{name}.payload")))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("it is there")
    }

    /// Opens a header and a payload through every face, which all agree.
    fn opens(&self, keyset: &Keyset, header: &str, payload: &str) -> Option<ErrorKind> {
        let opener = Opener::new().key(keyset);
        let (header_path, payload_path) = (self.path(header), self.path(payload));
        let paths = DetachedPaths { header: &header_path, payload: &payload_path };
        let target = self.path("opened");
        let by_path = kind(opener.open_path_detached(paths, &target, &Job::default()));
        if by_path.is_none() {
            assert_eq!(self.bytes("opened"), self.plaintext);
            std::fs::remove_file(&target).expect("removed");
        }
        assert!(!target.exists(), "nothing half done stays");
        assert_eq!(kind(opener.verify_path_detached(paths, &Job::default())), by_path);
        let (header, payload) = (self.bytes(header), self.bytes(payload));
        let joined = Detached::new(header.clone(), payload.clone());
        let positioned = joined.and_then(|joined| {
            let positioned = opener.positioned(joined)?;
            let mut out = vec![0; usize::try_from(positioned.plaintext_len()).expect("small")];
            positioned.read_at(0, &mut out)?;
            assert_eq!(out, self.plaintext);
            Ok(())
        });
        assert_eq!(kind(positioned), by_path);
        let read = opener.reader_detached(&header, payload.as_slice()).and_then(|mut reader| {
            let mut out = Vec::new();
            reader.read_to_end(&mut out).map_err(Error::from_io)?;
            assert_eq!(out, self.plaintext);
            Ok(())
        });
        assert_eq!(kind(read), by_path);
        by_path
    }
}

fn keyset() -> Keyset {
    Keyset::generate("orders", Suite::Cobblestone256).expect("generated")
}

#[test]
fn two_objects_are_the_bytes_of_one_envelope_and_open_through_every_face() {
    let keyset = keyset();
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 40 * CHUNK + 7] {
        let room = Pair::sealed(&keyset, len);
        assert_eq!(room.opens(&keyset, "a.swx", "a.payload"), None, "{len}");
        let whole = [room.bytes("a.swx"), room.bytes("a.payload")].concat();
        let opened = Opener::new().key(&keyset).open(&whole).expect("opened");
        assert_eq!(opened.plaintext.as_slice(), room.plaintext);
    }
}

#[test]
fn a_writer_puts_the_header_elsewhere() {
    let keyset = keyset();
    let room = Pair::new(3 * CHUNK + 1);
    let sealer = Sealer::new()
        .recipient(&keyset)
        .external_context(Context::new().with("host", "db1").expect("context"));
    let mut header = Vec::new();
    let mut writer = sealer.writer_detached(&mut header, Vec::new()).expect("begun");
    writer.write_all(&room.plaintext).expect("written");
    let payload = writer.finish().expect("finished");
    let opener =
        Opener::new().key(&keyset).context(Context::new().with("host", "db1").expect("context"));
    let mut out = Vec::new();
    let mut reader = opener.reader_detached(&header, payload.as_slice()).expect("begun");
    reader.read_to_end(&mut out).expect("read");
    assert_eq!(out, room.plaintext);
    let without = Opener::new().key(&keyset).reader_detached(&header, payload.as_slice());
    assert_eq!(kind(without), Some(ErrorKind::Decrypt));
}

#[test]
fn a_payload_under_another_header_does_not_open() {
    let keyset = keyset();
    let room = Pair::sealed(&keyset, 2 * CHUNK);
    room.seal(&keyset, "b");
    assert_eq!(room.opens(&keyset, "a.swx", "b.payload"), Some(ErrorKind::Decrypt));
    assert_eq!(room.opens(&keyset, "b.swx", "a.payload"), Some(ErrorKind::Decrypt));
    assert_eq!(room.opens(&keyset, "b.swx", "b.payload"), None);
}

#[test]
fn a_header_object_ends_with_its_header() {
    let keyset = keyset();
    let room = Pair::sealed(&keyset, 100);
    let header = room.bytes("a.swx");
    for more in [&[0][..], &room.bytes("a.payload")] {
        std::fs::write(room.path("long.swx"), [&header, more].concat()).expect("written");
        assert_eq!(room.opens(&keyset, "long.swx", "a.payload"), Some(ErrorKind::Format));
    }
    for len in [0, 1, 28, 29, 33, 34, 35, header.len() / 2, header.len() - 1] {
        std::fs::write(room.path("short.swx"), &header[..len]).expect("written");
        assert_eq!(room.opens(&keyset, "short.swx", "a.payload"), Some(ErrorKind::Truncated));
    }
    let payload = room.bytes("a.payload");
    for len in [0, 1, 55, 56, 71] {
        std::fs::write(room.path("short.payload"), &payload[..len]).expect("written");
        let refused = room.opens(&keyset, "a.swx", "short.payload");
        assert_eq!(refused, Some(ErrorKind::Truncated), "{len}");
    }
}

#[test]
fn a_header_is_rewrapped_recovered_and_counted_without_its_payload() {
    let mut keyset = keyset();
    let room = Pair::sealed(&keyset, CHUNK);
    let payload = room.bytes("a.payload");
    let old = keyset.primary().expect("a primary").id();
    keyset.rotate(Suite::Cobblestone256).expect("rotated");
    let (header, _) = room.pair("a");
    let rewrapper = Rewrapper::new().keyset(&keyset);
    let job = RewrapJob { durability: Durability::Unsynced, ..RewrapJob::default() };
    let outcome = rewrapper.rewrap_path(&header, &job).expect("rewrapped");
    assert!(matches!(outcome, FileRewrap::InPlace(..)), "{outcome:?}");
    assert_eq!(room.opens(&keyset, "a.swx", "a.payload"), None);
    let others: Vec<_> = (0..4).map(|_| self::keyset()).collect();
    let more = others.iter().fold(rewrapper, |rewrapper, other| rewrapper.recipient(other));
    assert_eq!(kind(more.rewrap_path(&header, &job)), Some(ErrorKind::Limit));
    let job = RewrapJob { room: Room::Grow, ..job };
    let outcome = more.rewrap_path(&header, &job).expect("rewrapped");
    assert!(matches!(outcome, FileRewrap::Copied(..)), "{outcome:?}");
    assert_eq!(room.opens(&keyset, "a.swx", "a.payload"), None);
    assert_eq!(room.opens(&others[3], "a.swx", "a.payload"), None);
    assert_eq!(room.bytes("a.payload"), payload, "untouched");
    let surveyor = Surveyor::new().keyset(&keyset).verified();
    let mut census = surveyor.census();
    let finding = surveyor.survey_path(&header, &mut HeaderReader::new(), &mut census);
    assert!(matches!(finding, Ok(Finding::Verified(_))), "{finding:?}");
    assert!(census.clearance(&keyset, old).is_ok());
}

#[test]
fn reencrypt_makes_two_new_objects_and_replaces_none() {
    let keyset = keyset();
    let other = self::keyset();
    let room = Pair::sealed(&keyset, 5 * CHUNK);
    let ((header, payload), (new_header, new_payload)) = (room.pair("a"), room.pair("b"));
    let opener = Opener::new().key(&keyset);
    let sealer = Sealer::new().recipient(&other);
    let reencrypt = |header_to, payload_to| {
        let source = DetachedPaths { header: &header, payload: &payload };
        let target = DetachedPaths { header: header_to, payload: payload_to };
        opener.reencrypt_path_detached(&sealer, source, target, &Job::default())
    };
    let before = (room.bytes("a.swx"), room.bytes("a.payload"));
    assert_eq!(kind(reencrypt(&header, &new_payload)), Some(ErrorKind::Io));
    assert_eq!(kind(reencrypt(&new_header, &payload)), Some(ErrorKind::Io));
    assert_eq!((room.bytes("a.swx"), room.bytes("a.payload")), before);
    let count = std::fs::read_dir(room.folder.path()).expect("a folder").count();
    assert_eq!(count, 3, "nothing is left behind");
    assert_eq!(reencrypt(&new_header, &new_payload).expect("done").plaintext_len, 5 * CHUNK as u64);
    assert_eq!(room.opens(&other, "b.swx", "b.payload"), None);
    assert_eq!(room.opens(&keyset, "a.swx", "a.payload"), None);
    assert_eq!(room.opens(&other, "a.swx", "a.payload"), Some(ErrorKind::UnknownKey));
}
