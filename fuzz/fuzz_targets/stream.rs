// SPDX-License-Identifier: MIT OR Apache-2.0
//! An envelope, whole or changed, read in pieces of any size: every reader agrees with `Opener::open`.
#![no_main]

use std::io::{Cursor, Read, Seek, SeekFrom};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sealwax::{Error, ErrorKind, Opener};
use sealwax_fuzz::{Change, Plan, keys};

#[derive(Arbitrary, Debug)]
struct Input {
    plan: Plan,
    changes: Vec<Change>,
    /// How much is read at once, from the envelope and by the program.
    sizes: Vec<u16>,
    positions: Vec<u16>,
}

fuzz_target!(|input: Input| {
    let (plaintext, mut envelope) = (input.plan.plaintext(), input.plan.seal());
    for change in &input.changes {
        change.apply(&mut envelope);
    }
    let keys = keys();
    let opener = Opener::new().key(&keys.cobblestone).key(&keys.chacha).key(&keys.raw);
    let opener = opener.key(&keys.x25519).key(&keys.x_wing);
    let expected = opener.open(&envelope).map(|opened| opened.plaintext);

    let dribble = Dribble { inner: Cursor::new(&envelope), sizes: &input.sizes, next: 0 };
    let (read, outcome) = match opener.reader(dribble) {
        Ok(mut reader) => read_all(&mut reader, &input.sizes),
        Err(error) => (Vec::new(), Err(error.kind())),
    };
    match &expected {
        Ok(expected) => {
            assert_eq!(outcome, Ok(()));
            assert_eq!(&read, &**expected);
        }
        Err(_) => {
            assert!(outcome.is_err());
            assert!(plaintext.starts_with(&read), "more was released than what is true");
        }
    }

    // Readers that can seek look at a torn header again, and wait in between.
    if matches!(expected, Err(Error::Format { clause: "4.6", .. })) {
        return;
    }
    match (&expected, opener.seek_reader(Cursor::new(&envelope))) {
        (Ok(expected), reader) => {
            let mut reader = reader.expect("as open");
            assert_eq!(reader.plaintext_len(), expected.len() as u64);
            assert_eq!(read_all(&mut reader, &input.sizes), (expected.to_vec(), Ok(())));
            let positioned = opener.positioned(&envelope).expect("as open");
            for (position, size) in input.positions.iter().zip(input.sizes.iter().cycle()) {
                let at = usize::from(*position).min(expected.len());
                let there = &expected[at..expected.len().min(at + usize::from(*size))];
                reader.seek(SeekFrom::Start(u64::from(*position))).expect("forward is allowed");
                let mut out = vec![0; usize::from(*size)];
                let len = reader.read(&mut out).expect("it was read before");
                assert_eq!(&out[..len], &there[..len]);
                assert_eq!(len == 0, there.is_empty());
                let len = positioned.read_at(u64::from(*position), &mut out).expect("as open");
                assert_eq!(&out[..len], there);
            }
        }
        (Err(error), Ok(mut reader)) => {
            let (read, outcome) = read_all(&mut reader, &input.sizes);
            assert_eq!(outcome, Err(error.kind()));
            assert!(plaintext.starts_with(&read), "more was released than what is true");
        }
        (Err(error), Err(other)) => assert_eq!(other.kind(), error.kind()),
    }
});

fn read_all(reader: &mut impl Read, sizes: &[u16]) -> (Vec<u8>, Result<(), ErrorKind>) {
    let mut sizes = sizes.iter().cycle().map(|size| usize::from(*size) + 1);
    let mut all = Vec::new();
    loop {
        let mut out = vec![0; sizes.next().unwrap_or(1000)];
        match reader.read(&mut out) {
            Ok(0) => return (all, Ok(())),
            Ok(len) => all.extend_from_slice(&out[..len]),
            Err(error) => return (all, Err(Error::from_io(error).kind())),
        }
    }
}

/// Gives its bytes a few at a time, as a pipe may.
struct Dribble<'a> {
    inner: Cursor<&'a Vec<u8>>,
    sizes: &'a [u16],
    next: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let size = match self.sizes {
            [] => out.len(),
            sizes => usize::from(sizes[self.next % sizes.len()]) + 1,
        };
        self.next += 1;
        let len = out.len().min(size);
        self.inner.read(&mut out[..len])
    }
}
