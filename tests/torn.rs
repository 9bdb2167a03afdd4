// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rewrap in place that stops anywhere: every state of the file that a crash could leave opens,
//! and is mended by the next rewrap and by recover (format.md 4.9).
#![cfg(feature = "std")]

mod kit;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use kit::keys::raw_key;
use sealwax::envelope::{Header, Removal};
use sealwax::stream::{Durability, FileRewrap, HeaderReader, Job, RewrapJob};
use sealwax::{Algorithm, Keyset, Opener, Rewrapper, Sealer, Suite};

/// A rewrap in place of a real file, taken apart.
struct Moments {
    keyset: Keyset,
    file: File,
    /// Before it, after the new slot was written, and after the old one was zeroed.
    before: Vec<u8>,
    written: Vec<u8>,
    cleared: Vec<u8>,
    new_slot: Range<usize>,
    old_slot: Range<usize>,
}

/// Makes of a new file what it is to be before the rewrap.
type Prepare = fn(&mut Keyset, &File);

/// A sealed file in a folder of its own.
struct File {
    folder: tempfile::TempDir,
}

impl Moments {
    /// Rewraps a file that a keyset sealed, to a new version of the keyset. `prepare` makes of the
    /// file what it is to be before that.
    fn new(keyset: Keyset, sealer: &Sealer<'_>, prepare: Prepare) -> Self {
        let mut keyset = keyset;
        let file = File::new(&sealer.clone().recipient(&keyset));
        prepare(&mut keyset, &file);
        rotate(&mut keyset);
        let before = file.read();
        file.rewrap(&keyset);
        let cleared = file.read();
        let [slot_0, slot_1] = slots(&before);
        let (new_slot, old_slot) = match cleared[slot_0.clone()].iter().all(|byte| *byte == 0) {
            true => (slot_1, slot_0),
            false => (slot_0, slot_1),
        };
        let mut written = before.clone();
        written[new_slot.clone()].copy_from_slice(&cleared[new_slot.clone()]);
        let mut zeroed = written.clone();
        zeroed[old_slot.clone()].fill(0);
        assert!(zeroed == cleared, "a rewrap writes one slot, zeroes the other, and nothing else");
        Moments { keyset, file, before, written, cleared, new_slot, old_slot }
    }

    /// Every prefix of the new slot over the old bytes of that slot, and every prefix of the
    /// zeroing.
    fn every_prefix(&self) -> Vec<Vec<u8>> {
        let steps = [
            (&self.before, &self.written, &self.new_slot),
            (&self.written, &self.cleared, &self.old_slot),
        ];
        let mut states = Vec::new();
        for (from, to, slot) in steps {
            for end in slot.start..=slot.end {
                let mut state = from.clone();
                state[slot.start..end].copy_from_slice(&to[slot.start..end]);
                states.push(state);
            }
        }
        states
    }

    /// The sectors of one write arrive in any order: every subset of those of the slot.
    fn every_choice_of_sectors(&self) -> Vec<Vec<u8>> {
        let steps = [
            (&self.before, &self.written, &self.new_slot),
            (&self.written, &self.cleared, &self.old_slot),
        ];
        let mut states = Vec::new();
        for (from, to, slot) in steps {
            let sectors: Vec<_> = (slot.start / SECTOR..=(slot.end - 1) / SECTOR)
                .map(|sector| sector * SECTOR..(sector + 1) * SECTOR)
                .map(|sector| sector.start.max(slot.start)..sector.end.min(slot.end))
                .collect();
            for choice in 0..1_u32 << sectors.len() {
                let mut state = from.clone();
                for (index, sector) in sectors.iter().enumerate() {
                    if choice >> index & 1 == 1 {
                        state[sector.clone()].copy_from_slice(&to[sector.clone()]);
                    }
                }
                states.push(state);
            }
        }
        states
    }

    /// The state opens; recover leaves one good slot and the same recipients; a rewrap leaves the
    /// new ones.
    fn check(&self, state: &[u8], keys: &[&dyn sealwax::KeyWrap]) {
        opens(state, keys);
        let epoch = |bytes: &[u8]| Header::parse(bytes, 65_536).expect("a header").epoch();
        let (old, new, now) = (epoch(&self.before), epoch(&self.cleared), epoch(state));
        let is_new = state[self.new_slot.clone()] == self.cleared[self.new_slot.clone()];
        assert_eq!(now, if is_new { new } else { old });
        let mut rewrapper = Rewrapper::new().keyset(&self.keyset);
        for key in keys {
            rewrapper = rewrapper.key(*key);
        }

        self.file.write(state);
        let recovered = rewrapper.recover_path(&self.file.path(), Durability::Unsynced);
        recovered.expect("recover finds a good slot");
        let mended = self.file.read();
        let header = Header::parse(&mended, 65_536).expect("a header");
        assert!(!header.has_leftover());
        assert_eq!(header.epoch(), now);
        opens(&mended, keys);

        self.file.write(state);
        let job = RewrapJob { durability: Durability::Unsynced, ..RewrapJob::default() };
        rewrapper.rewrap_path(&self.file.path(), &job).expect("a rewrap finds a good slot");
        let rewrapped = self.file.read();
        let header = Header::parse(&rewrapped, 65_536).expect("a header");
        assert!(!header.has_leftover());
        assert!(rewrapper.is_current(&header).expect("there is a primary"));
        opens(&rewrapped, keys);
    }
}

impl File {
    fn new(sealer: &Sealer<'_>) -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        let file = File { folder: folder.expect("a folder") };
        let plain = file.folder.path().join("plain");
        std::fs::write(&plain, PLAINTEXT).expect("written");
        sealer.seal_path(&plain, &file.path(), &Job::default()).expect("sealed");
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("file.swx")
    }

    fn read(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("it is there")
    }

    fn write(&self, bytes: &[u8]) {
        std::fs::write(self.path(), bytes).expect("written");
    }

    fn rewrap(&self, keyset: &Keyset) {
        let rewrapper = Rewrapper::new().keyset(keyset);
        let done = rewrapper.rewrap_path(&self.path(), &RewrapJob::default()).expect("rewrapped");
        assert!(matches!(done, FileRewrap::InPlace(..)), "{done:?}");
    }
}

fn keyset(suite: Suite) -> Keyset {
    Keyset::generate("orders", suite).expect("generated")
}

fn rotate(keyset: &mut Keyset) {
    keyset.rotate(keyset.usual_algorithm()).expect("rotated");
}

#[track_caller]
fn opens(envelope: &[u8], keys: &[&dyn sealwax::KeyWrap]) {
    let opener = keys.iter().fold(Opener::new(), |opener, key| opener.key(*key));
    let opened = opener.open(envelope).expect("every state opens");
    assert!(opened.plaintext.as_slice() == PLAINTEXT);
}

/// Where the two slots of a file are.
fn slots(envelope: &[u8]) -> [Range<usize>; 2] {
    let header = Header::parse(envelope, 65_536).expect("a header");
    let (_, slot_len, _) = header.slots();
    let end = header.len();
    [end - 2 * slot_len..end - slot_len, end - slot_len..end]
}

type Beginning = (&'static str, Prepare);

/// What a file can be before a rewrap in place, besides new.
const BEGINNINGS: [Beginning; 4] = [
    ("never rewrapped", |_, _| {}),
    ("rewrapped before: the other slot is the first one", |keyset, file| {
        rotate(keyset);
        file.rewrap(keyset);
    }),
    ("a leftover that is good", |keyset, file| leave(keyset, file, |_| {})),
    ("a leftover that is torn", |keyset, file| {
        leave(keyset, file, |slot| slot[..100].fill(0));
    }),
];

/// Rewraps, and puts back what a crash before the zeroing would have left of the old slot.
fn leave(keyset: &mut Keyset, file: &File, tear: impl Fn(&mut [u8])) {
    let old = file.read();
    rotate(keyset);
    file.rewrap(keyset);
    let mut both = file.read();
    let [slot_0, _] = slots(&both);
    both[slot_0.clone()].copy_from_slice(&old[slot_0.clone()]);
    tear(&mut both[slot_0]);
    file.write(&both);
    assert!(Header::parse(&both, 65_536).expect("a header").has_leftover());
}

#[test]
fn a_key_block_torn_anywhere_opens_and_is_mended() {
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        for (beginning, prepare) in BEGINNINGS {
            let moments = Moments::new(keyset(suite), &Sealer::new(), prepare);
            let states = moments.every_prefix();
            assert_eq!(states.len(), 2 * (512 + 1), "{beginning}");
            for state in &states {
                moments.check(state, &[&moments.keyset]);
            }
        }
    }
}

#[test]
fn sectors_that_arrive_in_any_order_leave_a_key_block_that_opens() {
    let identity = Keyset::generate("me", Algorithm::XWing).expect("generated");
    let public = identity.recipient().expect("a key pair");
    let sealer = Sealer::new().recipient(public);
    let moments = Moments::new(keyset(Suite::Cobblestone256), &sealer, |_, _| {});
    let states = moments.every_choice_of_sectors();
    assert!(states.len() >= 2 * 64, "a slot for X-Wing has many sectors: {}", states.len());
    for state in &states {
        moments.check(state, &[&moments.keyset]);
        opens(state, &[&identity]);
    }
}

#[test]
fn a_reader_never_sees_an_envelope_that_does_not_open() {
    // A header that a reader takes in at once, and one that it does not.
    for (others, rewraps) in [(0, 2_000), (40, 300)] {
        poll_while_rewrapping(others, rewraps);
    }
}

fn poll_while_rewrapping(others: u8, rewraps: usize) {
    let keyset = self::keyset(Suite::Cobblestone256);
    let others: Vec<_> = (0..others).map(|id| raw_key(100 + id, id)).collect();
    let sealer = others.iter().fold(Sealer::new(), |sealer, key| sealer.recipient(key));
    let file = File::new(&sealer.recipient(&keyset));
    let guest = self::keyset(Suite::Cobblestone256);
    let (done, path) = (AtomicBool::new(false), file.path());
    let job = RewrapJob { durability: Durability::Unsynced, ..RewrapJob::default() };
    let come = Rewrapper::new().keyset(&keyset).recipient(&guest);
    let go = Rewrapper::new().keyset(&keyset).remove(Removal::Keyset(guest.id()));
    let poll = || {
        let (mut polls, mut epoch) = (0, 0);
        while !done.load(Ordering::Relaxed) || polls == 0 {
            let open = std::fs::File::open(&path).expect("it is there");
            let opened = Opener::new().key(&keyset).positioned(&open).expect("it opens");
            let mut out = vec![0; PLAINTEXT.len()];
            assert_eq!(opened.read_at(0, &mut out).expect("it opens"), PLAINTEXT.len());
            assert!(out == PLAINTEXT);
            let seen = HeaderReader::new().read(&open, |header| Ok(header.epoch()));
            let seen = seen.expect("a good slot");
            assert!(seen >= epoch, "the epoch went from {epoch} back to {seen}");
            epoch = seen;
            polls += 1;
        }
        polls
    };
    std::thread::scope(|scope| {
        let readers = [scope.spawn(poll), scope.spawn(poll)];
        for _ in 0..rewraps {
            for rewrapper in [&come, &go] {
                let rewrapped = rewrapper.rewrap_path(&path, &job).expect("rewrapped");
                assert!(matches!(rewrapped, FileRewrap::InPlace(..)), "{rewrapped:?}");
            }
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().expect("the reader saw nothing wrong") > 0);
        }
    });
}

/// What a disk writes at once.
const SECTOR: usize = 512;
const PLAINTEXT: &[u8] = &[7; 100];
