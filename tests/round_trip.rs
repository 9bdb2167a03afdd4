// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is sealed opens: every size, suite, recipient, context and face.
#![cfg(feature = "std")]

mod kit;

use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use kit::faces::{self, Request, Trickle};
use kit::keys::raw_key;
use kit::random::Repeatable;
use kit::specimens::{SUITES, pairs, row, seal_as_stream, sealer, stored};
use proptest::prelude::*;
use sealwax::atomic::Existing;
use sealwax::envelope::{ChunkLen, Header};
use sealwax::stream::{Control, Job};
use sealwax::wrap::raw_key::RawKey;
use sealwax::{Context, Error, ErrorKind, KeyWrap, Opener, Sealer, Suite, token};

const SHAPES: [(Suite, ChunkLen); 5] = [
    (Suite::Cobblestone256, ChunkLen::KIB_16),
    (Suite::ChaCha20Poly1305, ChunkLen::KIB_1),
    (Suite::ChaCha20Poly1305, ChunkLen::KIB_4),
    (Suite::ChaCha20Poly1305, ChunkLen::KIB_16),
    (Suite::ChaCha20Poly1305, ChunkLen::KIB_64),
];
/// Streams seal and open about so many bytes of plaintext at a time.
const BATCH_LEN: usize = 256 * 1024;
/// RustCrypto's AEADs are compiled into our crate, and slow where that is built for debugging. Where batches begin
/// and end does not depend on the backend.
const FAST: bool = cfg!(any(feature = "aws-lc", feature = "ring"));
const CASES: u32 = if FAST { 48 } else { 12 };

fn key() -> RawKey {
    raw_key(1, 1)
}

fn sealer_of<'a>(key: &'a dyn KeyWrap, (suite, chunk_len): (Suite, ChunkLen)) -> Sealer<'a> {
    sealer(key, suite).chunk_len(chunk_len)
}

fn edges(chunk_len: ChunkLen) -> Vec<usize> {
    let (chunk, batch) = (chunk_len.plaintext_len(), BATCH_LEN);
    let mut edges = vec![0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1];
    if FAST {
        edges.extend([batch - 1, batch, batch + 1]);
    }
    edges
}

/// Everything that makes an envelope, one after the other.
fn sealed_by_every_face(sealer: &Sealer<'_>, plaintext: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut out = vec![("seal", sealer.seal(plaintext).expect("it can be sealed"))];
    let mut buffer = vec![0xaa; sealer.sealed_len(plaintext.len()).expect("a length") + 3];
    let len = sealer.seal_into(plaintext, &mut buffer).expect("it can be sealed");
    assert_eq!(len + 3, buffer.len());
    buffer.truncate(len);
    out.push(("seal_into", buffer));
    let mut buffer = plaintext.to_vec();
    sealer.seal_in_place(&mut buffer).expect("it can be sealed");
    assert_eq!(buffer.len(), len);
    out.push(("seal_in_place", buffer));
    out.push(("writer", seal_as_stream(sealer, plaintext)));
    let (mut begun, mut sealing) =
        sealer.begin_with_rng(&mut Repeatable(1)).expect("it can be sealed");
    let chunk_len = sealing.chunk_len().plaintext_len();
    for piece in plaintext
        .chunks(chunk_len)
        .chain(plaintext.len().is_multiple_of(chunk_len).then_some(&[][..]))
    {
        let mut piece = piece.to_vec();
        let tag = sealing.seal_chunk(&mut piece).expect("within the limits");
        begun.extend(piece);
        begun.extend(tag);
    }
    assert!(sealing.is_finished());
    out.push(("begin_with_rng", begun));
    out
}

#[test]
fn every_size_at_an_edge_goes_through_every_face() {
    let key = key();
    for shape in SHAPES {
        for len in edges(shape.1) {
            let plaintext = Repeatable(len as u64).bytes(len);
            let sealer = sealer_of(&key, shape);
            for (made_by, envelope) in sealed_by_every_face(&sealer, &plaintext) {
                // Large ones by the one-byte readers would take the time of all other tests.
                for face in faces::all() {
                    let small = face.name.ends_with("by 1") || face.name.ends_with("by 7");
                    if (small || made_by != "seal") && len > 3000 && face.name != "Opener::open" {
                        continue;
                    }
                    let keys: [&dyn KeyWrap; 1] = [&key];
                    let request = Request { keys: &keys, context: row(), envelope: &envelope };
                    let answer = (face.open)(&request);
                    let place = format!("{shape:?}, {len} bytes, {made_by} to {}", face.name);
                    let answer = answer.unwrap_or_else(|error| panic!("{place}: {error}"));
                    assert!(answer.plaintext == plaintext, "{place}");
                    if let Some(stored_context) = answer.stored {
                        assert_eq!(stored_context.len(), stored().len(), "{place}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_last_chunk_is_always_shorter() {
    let key = key();
    for shape in SHAPES {
        for len in edges(shape.1) {
            let envelope = sealer_of(&key, shape).seal(&vec![0; len]).expect("it can be sealed");
            let header = Header::parse(&envelope, 65_536).expect("it parses");
            let chunks = envelope.len() - header.len() - 56;
            let count = len / shape.1.plaintext_len() + 1;
            assert_eq!(chunks, len + 16 * count);
        }
    }
}

#[test]
fn every_recipient_opens_in_every_suite_and_says_so() {
    for suite in SUITES {
        for pair in pairs() {
            for envelope in [
                sealer(&*pair.recipient, suite).seal(b"plaintext").expect("it can be sealed"),
                seal_as_stream(&sealer(&*pair.recipient, suite), b"plaintext"),
            ] {
                for face in faces::all() {
                    let keys: [&dyn KeyWrap; 1] = [&*pair.key];
                    let request = Request { keys: &keys, context: row(), envelope: &envelope };
                    let answer = (face.open)(&request);
                    let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", pair.name));
                    assert_eq!(answer.plaintext, b"plaintext");
                    if let Some(via) = answer.opened_via {
                        assert!(pair.name.starts_with(via), "{} opened via {via}", pair.name);
                    }
                }
            }
        }
    }
}

#[test]
fn every_combination_of_recipients_opens_for_each_of_them() {
    let pairs = pairs();
    // The two keysets have the same ids, so that only one of them may be a recipient.
    for chosen in 1u32..1 << pairs.len() {
        if chosen & 3 == 3 {
            continue;
        }
        let among: Vec<_> =
            (0..pairs.len()).filter(|index| chosen >> index & 1 == 1).map(|i| &pairs[i]).collect();
        let sealer =
            among.iter().fold(Sealer::new(), |sealer, pair| sealer.recipient(&*pair.recipient));
        let strict = sealer.seal(b"plaintext");
        let names: Vec<_> = among.iter().map(|pair| pair.name).collect();
        let classical = names.iter().filter(|name| ["x25519", "provider"].contains(name)).count();
        let alone = names.len() == 1 || classical == names.len();
        let mixes =
            (classical > 0 && classical < names.len()) || (names.contains(&"passphrase") && !alone);
        match mixes {
            true => {
                let error = strict.expect_err("format.md 5.8");
                assert_eq!(error.kind(), ErrorKind::Misuse, "{names:?}");
            }
            false => assert!(strict.is_ok(), "{names:?}"),
        }
        let envelope = sealer.danger_mix_recipients().seal(b"plaintext").expect("allowed now");
        for pair in &among {
            let opened = Opener::new().key(&*pair.key).open(&envelope);
            let opened =
                opened.unwrap_or_else(|error| panic!("{} of {names:?}: {error}", pair.name));
            assert_eq!(opened.plaintext.as_slice(), b"plaintext");
            assert!(pair.name.starts_with(opened.opened_via.kind().name()));
        }
    }
}

fn contexts() -> Vec<Context> {
    let of = |entries: Vec<(String, Vec<u8>)>| {
        let all = entries.into_iter().try_fold(Context::new(), |c, (n, v)| c.with(&n, v));
        all.expect("allowed entries")
    };
    vec![
        Context::new(),
        of(vec![("a".into(), vec![])]),
        of((0..64).map(|index| (format!("name {index}"), vec![index; 9])).collect()),
        of(vec![("longest".into(), vec![1; 32 * 1024 - 3 - 7])]),
        of(vec![("n".repeat(255), vec![2; 65])]),
        of(vec![
            ("Größe".into(), "zwölf".into()),
            ("größe".into(), vec![0]),
            ("価格".into(), vec![255]),
        ]),
        // The same letter in two normal forms is two names.
        of(vec![("\u{e9}".into(), vec![1]), ("e\u{301}".into(), vec![2]), ("🔑".into(), vec![3])]),
        of(vec![("a".into(), vec![1]), ("ab".into(), vec![2]), ("b".into(), vec![3])]),
        of(vec![("sealwax.counter".into(), vec![0, 0, 0, 0, 0, 0, 0, 7])]),
    ]
}

#[test]
fn every_shape_of_context_is_bound_stored_and_external() {
    let key = key();
    let keyset = kit::specimens::keyset(2, 1);
    let contexts = contexts();
    for suite in SUITES {
        for (index, context) in contexts.iter().enumerate() {
            let token = keyset.seal(b"value", context).expect("it can be sealed");
            let external = Sealer::new().recipient(&key).suite(suite);
            let stored = external.clone().stored_context(context.clone());
            let external = external.external_context(context.clone()).seal(b"value");
            let (external, stored) =
                (external.expect("sealed"), stored.seal(b"value").expect("sealed"));
            let opened = Opener::new().key(&key).open(&stored).expect("it opens");
            assert_eq!(&opened.stored_context, context);
            for (other, given) in contexts.iter().enumerate() {
                let opener = Opener::new().key(&key).context(given.clone());
                let same = index == other;
                assert_eq!(keyset.open(&token, given).is_ok(), same, "{index} and {other}");
                assert_eq!(opener.open(&external).is_ok(), same, "{index} and {other}");
                let empty = given.is_empty();
                assert_eq!(opener.open(&stored).is_ok(), same || empty, "{index} and {other}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_context_is_the_same_in_any_order(
        entries in prop::collection::btree_map("\\PC{1,20}", prop::collection::vec(any::<u8>(), 0..40), 0..20),
        seed: u64,
    ) {
        let mut shuffled: Vec<_> = entries.clone().into_iter().collect();
        let mut random = Repeatable(seed);
        for index in (1..shuffled.len()).rev() {
            shuffled.swap(index, random.below(index + 1));
        }
        let mut context = Context::new();
        for (name, value) in &shuffled {
            context.insert(name, value).expect("an allowed entry");
        }
        let mut encoded = Vec::new();
        for (name, value) in &entries {
            encoded.push(name.len() as u8);
            encoded.extend(name.as_bytes());
            encoded.extend((value.len() as u16).to_be_bytes());
            encoded.extend(value);
        }
        prop_assert_eq!(context.as_encoded().as_bytes(), &encoded);
        let parsed = sealwax::context::Encoded::parse(&encoded).expect("canonical");
        prop_assert_eq!(parsed.entries().count(), entries.len());
        let pairs: Vec<(&str, &[u8])> =
            entries.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let mut out = vec![0; encoded.len()];
        let again = sealwax::context::Encoded::encode_into(&pairs, &mut out).expect("ascending");
        prop_assert_eq!(again.as_bytes(), &encoded);
    }

    #[test]
    fn a_token_opens_to_what_was_sealed(
        plaintext in prop::collection::vec(any::<u8>(), 0..3000),
        value in prop::collection::vec(any::<u8>(), 0..100),
        algorithm in 1u8..=2,
        seed: u64,
    ) {
        let keyset = kit::specimens::keyset(algorithm, 1);
        let context = Context::new().with("entry", &value).expect("an allowed entry");
        for token in [
            keyset.seal(&plaintext, &context).expect("it can be sealed"),
            keyset.seal_with_rng(&plaintext, &context, &mut Repeatable(seed)).expect("sealed"),
        ] {
            prop_assert_eq!(token.len(), plaintext.len() + token::OVERHEAD);
            let opened = keyset.open(&token, &context).expect("it opens");
            prop_assert_eq!(opened.as_slice(), &plaintext);
        }
    }

    #[test]
    fn random_writes_and_flushes_give_what_random_reads_return(
        len in 0usize..700_000,
        shape in 0usize..SHAPES.len(),
        seed: u64,
    ) {
        let key = key();
        let mut random = Repeatable(seed);
        let plaintext = random.bytes(len);
        let chunk = SHAPES[shape].1.plaintext_len();
        let mut writer = sealer_of(&key, SHAPES[shape]).writer(Vec::new()).expect("a Vec");
        let mut rest = plaintext.as_slice();
        while !rest.is_empty() {
            let most = [1, 100, chunk, chunk + 1, 3 * chunk, 300_000][random.below(6)];
            let step = (1 + random.below(most)).min(rest.len());
            let written = writer.write(&rest[..step]).expect("a Vec takes all");
            prop_assert!(written > 0);
            rest = &rest[written..];
            if random.below(4) == 0 {
                writer.flush().expect("a Vec flushes");
            }
        }
        let envelope = writer.finish().expect("a Vec takes all");
        // Flushing changes nothing about the layout.
        let header = Header::parse(&envelope, 65_536).expect("it parses").len();
        prop_assert_eq!(envelope.len() - header - 56, len + 16 * (len / chunk + 1));

        let step = 1 + random.below(100_000);
        let opener = Opener::new().key(&key).context(row());
        let mut reader = opener.reader(Trickle { rest: &envelope, step }).expect("it opens");
        let mut read: Vec<u8> = Vec::new();
        loop {
            let mut out = vec![0; 1 + random.below(2 * chunk)];
            match reader.read(&mut out).expect("it opens") {
                0 => break,
                taken => read.extend(&out[..taken]),
            }
        }
        prop_assert!(read == plaintext);
        prop_assert_eq!(reader.read(&mut [0; 9]).expect("still the end"), 0);
    }

    #[test]
    fn a_seek_reader_behaves_as_a_cursor(
        len in 0usize..400_000,
        shape in 0usize..SHAPES.len(),
        seed: u64,
    ) {
        let key = key();
        let mut random = Repeatable(seed);
        let plaintext = random.bytes(len);
        let envelope = sealer_of(&key, SHAPES[shape]).seal(&plaintext).expect("it can be sealed");
        let opener = Opener::new().key(&key).context(row());
        let mut ours = opener.seek_reader(Cursor::new(&envelope)).expect("it opens");
        let mut theirs = Cursor::new(&plaintext);
        for _ in 0..40 {
            let to = match random.below(6) {
                0 => SeekFrom::Start(random.below(len + 100) as u64),
                1 => SeekFrom::End(-(random.below(len + 100) as i64)),
                2 => SeekFrom::Current(random.below(len + 100) as i64 - len as i64 / 2),
                3 => SeekFrom::End(random.below(100) as i64),
                _ => SeekFrom::Current(0),
            };
            let (one, other) = (ours.seek(to), theirs.seek(to));
            prop_assert_eq!(one.is_ok(), other.is_ok(), "{:?}", to);
            prop_assert_eq!(ours.stream_position()?, theirs.stream_position()?);
            let mut out = vec![0; random.below(40_000)];
            let mut wanted = out.clone();
            let read = read_up_to(&mut ours, &mut out);
            prop_assert_eq!(read, read_up_to(&mut theirs, &mut wanted));
            prop_assert!(out == wanted);
        }
    }
}

fn read_up_to(reader: &mut impl Read, out: &mut [u8]) -> usize {
    let mut read = 0;
    while read < out.len() {
        match reader.read(&mut out[read..]).expect("it opens") {
            0 => break,
            more => read += more,
        }
    }
    read
}

#[test]
fn four_threads_read_one_envelope_by_position() {
    let key = key();
    for shape in SHAPES {
        let plaintext = Repeatable(3).bytes(300_001);
        let envelope = sealer_of(&key, shape).seal(&plaintext).expect("it can be sealed");
        let opener = Opener::new().key(&key).context(row());
        let positioned = opener.positioned(envelope).expect("it opens");
        assert_eq!(positioned.plaintext_len(), 300_001);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (positioned, plaintext) = (&positioned, &plaintext);
                scope.spawn(move || {
                    let mut random = Repeatable(thread);
                    for _ in 0..CASES / 2 {
                        let from = random.below(plaintext.len() + 10);
                        let mut out = vec![0; random.below(90_000)];
                        let read = positioned.read_at(from as u64, &mut out).expect("it opens");
                        let there = plaintext.get(from..).unwrap_or(&[]);
                        assert_eq!(read, out.len().min(there.len()));
                        assert!(out[..read] == there[..read]);
                    }
                });
            }
        });
        assert_eq!(positioned.read_at(u64::MAX, &mut [0; 4]).expect("beyond the end"), 0);
    }
}

struct Watch {
    done: std::sync::atomic::AtomicU64,
    cancel: bool,
}

impl Control for Watch {
    fn progress(&self, done: u64, total: u64) {
        assert!(done <= total);
        self.done.fetch_max(done, std::sync::atomic::Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.cancel
    }
}

#[test]
fn files_go_from_path_to_path_on_any_number_of_threads() {
    let key = key();
    let folder = tempfile::tempdir().expect("a folder for tests");
    let path = |name: &str| folder.path().join(name);
    for shape in SHAPES {
        for len in [0, 1, shape.1.plaintext_len(), BATCH_LEN, BATCH_LEN + 1, 3 * BATCH_LEN + 7] {
            let plaintext = Repeatable(len as u64).bytes(len);
            std::fs::write(path("plain"), &plaintext).expect("it can be written");
            let few = len < BATCH_LEN || !FAST && shape != SHAPES[0];
            for threads in if few { 2..=2 } else { 1..=3 } {
                let watch = Watch { done: 0.into(), cancel: false };
                let job = Job { threads, existing: Existing::Replace, control: Some(&watch) };
                let sealer = sealer_of(&key, shape);
                let outcome =
                    sealer.seal_path(&path("plain"), &path("sealed"), &job).expect("sealed");
                assert_eq!((outcome.plaintext_len, outcome.opened_via), (len as u64, None));
                assert_eq!(watch.done.into_inner(), len as u64);
                let opener = Opener::new().key(&key).context(row());
                let sealed = std::fs::read(path("sealed")).expect("it was written");
                assert!(opener.open(&sealed).expect("it opens").plaintext.as_slice() == plaintext);
                let job = Job { threads, existing: Existing::Replace, control: None };
                let outcome = opener.open_path(&path("sealed"), &path("opened"), &job);
                assert_eq!(outcome.expect("it opens").plaintext_len, len as u64);
                assert!(std::fs::read(path("opened")).expect("it was written") == plaintext);
                let verified = opener.verify_path(&path("sealed"), &job).expect("it opens");
                assert!(verified.damage.is_empty() && verified.plaintext_len == len as u64);
            }
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 3, "nothing unfinished");
}

#[test]
fn a_job_that_stops_or_fails_leaves_nothing_behind() {
    let key = key();
    let folder = tempfile::tempdir().expect("a folder for tests");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("plain"), [7; 100_000]).expect("it can be written");
    let sealer = Sealer::new().recipient(&key).suite(Suite::ChaCha20Poly1305);
    let watch = Watch { done: 0.into(), cancel: true };
    let job = Job { control: Some(&watch), ..Job::default() };
    match sealer.seal_path(&path("plain"), &path("sealed"), &job) {
        Err(Error::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::Interrupted),
        other => panic!("{other:?}"),
    }
    assert!(!path("sealed").exists());
    sealer.seal_path(&path("plain"), &path("sealed"), &Job::default()).expect("sealed");
    // An existing target stays, unless it is to be replaced.
    for (source, target) in [("plain", "sealed"), ("sealed", "plain")] {
        let before = std::fs::read(path(target)).expect("it is there");
        let error = match source {
            "plain" => sealer.seal_path(&path(source), &path(target), &Job::default()),
            _ => Opener::new().key(&key).open_path(&path(source), &path(target), &Job::default()),
        };
        match error {
            Err(Error::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists),
            other => panic!("{other:?}"),
        }
        assert!(std::fs::read(path(target)).expect("it is there") == before);
    }
    // Damage in the middle: nothing appears, and verifying says where.
    let mut sealed = std::fs::read(path("sealed")).expect("it is there");
    let header = Header::parse(&sealed, 65_536).expect("it parses").len();
    for chunk in [3, 4, 9] {
        sealed[header + 56 + chunk * (4096 + 16) + 5] ^= 1;
    }
    std::fs::write(path("damaged"), &sealed).expect("it can be written");
    let opener = Opener::new().key(&key);
    let error = opener.open_path(&path("damaged"), &path("opened"), &Job::default());
    assert_eq!(error.expect_err("damaged").kind(), ErrorKind::Decrypt);
    assert!(!path("opened").exists());
    let verified =
        opener.verify_path(&path("damaged"), &Job::default()).expect("its header is good");
    let damage: Vec<_> = verified.damage.iter().map(|range| (range.from, range.to)).collect();
    assert_eq!(damage, [(3 * 4096, 5 * 4096), (9 * 4096, 10 * 4096)]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 3, "nothing unfinished");
}

#[cfg(feature = "tokio")]
#[test]
fn async_writers_and_readers_agree_with_the_others() {
    use kit::faces::hesitant::Hesitant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let key = key();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for shape in SHAPES {
        for len in edges(shape.1) {
            let plaintext = Repeatable(len as u64).bytes(len);
            let sealer = sealer_of(&key, shape);
            let envelope = runtime.block_on(async {
                let mut writer =
                    sealer.async_writer(Hesitant::new(Vec::new())).expect("it can be sealed");
                let mut random = Repeatable(len as u64);
                let mut rest = plaintext.as_slice();
                while !rest.is_empty() {
                    let step = (1 + random.below(100_000)).min(rest.len());
                    writer.write_all(&rest[..step]).await.expect("a Vec takes all");
                    rest = &rest[step..];
                    if random.below(3) == 0 {
                        writer.flush().await.expect("a Vec flushes");
                    }
                }
                writer.shutdown().await.expect("a Vec takes all");
                assert!(writer.write_all(b"more").await.is_err(), "it is shut down");
                writer.shutdown().await.expect("shutting down twice is no error");
                writer.into_inner().inner
            });
            let opener = Opener::new().key(&key).context(row());
            assert!(opener.open(&envelope).expect("it opens").plaintext.as_slice() == plaintext);
            let read = runtime.block_on(async {
                let inner = Hesitant::new(Trickle { rest: &envelope, step: 50_000 });
                let mut reader = opener.async_reader(inner);
                assert!(reader.opened_via().is_none());
                let mut read = Vec::new();
                reader.read_to_end(&mut read).await.expect("it opens");
                assert!(reader.stored_context().is_some_and(|context| *context == stored()));
                read
            });
            assert!(read == plaintext);
        }
    }
}

#[test]
fn an_unfinished_writer_leaves_an_envelope_that_nobody_opens() {
    let key = key();
    for written in [0, 10, 1024, 5000, 300_000] {
        let mut sink = Vec::new();
        let mut writer = sealer_of(&key, SHAPES[1]).writer(&mut sink).expect("a Vec");
        writer.write_all(&vec![1; written]).expect("a Vec takes all");
        writer.flush().expect("a Vec flushes");
        drop(writer);
        let opened = Opener::new().key(&key).context(row()).open(&sink);
        assert_eq!(opened.expect_err("no last chunk").kind(), ErrorKind::Truncated);
    }
}

/// Takes so many bytes, and fails afterwards.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        let len = bytes.len().min(self.0);
        self.0 -= len;
        Ok(len)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_failed_does_not_go_on() {
    let key = key();
    let mut writer = sealer_of(&key, SHAPES[1]).writer(Full(5000)).expect("the header fits");
    let error = writer.write_all(&vec![1; 600_000]).expect_err("the sink is full");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let again = writer.write(b"more").expect_err("it failed before");
    assert_eq!(Error::from_io(again).kind(), ErrorKind::Misuse);
    assert_eq!(writer.finish().err().map(|error| error.kind()), Some(ErrorKind::Misuse));
}

#[test]
fn a_failing_random_source_seals_nothing() {
    let key = key();
    let other = kit::specimens::keyset(1, 1);
    // The header of one keyset is drawn in one call; the second recipient takes another.
    let sealer = Sealer::new().recipient(&key).recipient(&other);
    for calls in 0..2 {
        let mut out = vec![0xcc; sealer.sealed_len(9).expect("a length")];
        let mut random = kit::random::Failing(calls);
        let result = sealer.seal_into_with_rng(b"plaintext", &mut out, &mut random);
        assert_eq!(result.expect_err("the source fails").kind(), ErrorKind::Random);
        // What was written of the header is gone, and the chunks were not begun.
        assert!(out.iter().all(|byte| [0, 0xcc].contains(byte)), "{calls}");
    }
    let keyset = kit::specimens::keyset(1, 1);
    let result = keyset.seal_with_rng(b"v", &Context::new(), &mut kit::random::Failing(0));
    assert_eq!(result.expect_err("the source fails").kind(), ErrorKind::Random);
}

#[test]
fn a_buffer_that_is_too_short_is_misuse_and_stays_as_it_was() {
    let key = key();
    let sealer = sealer_of(&key, SHAPES[1]);
    let len = sealer.sealed_len(2000).expect("a length");
    let plaintext = [7; 2000];
    let mut short = vec![0xaa; len - 1];
    let error = sealer.seal_into(&plaintext, &mut short).expect_err("too short");
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert!(short.iter().all(|byte| *byte == 0xaa));
    let envelope = sealer.seal(&plaintext).expect("it can be sealed");
    let opener = Opener::new().key(&key).context(row());
    let mut short = vec![0xaa; 1999];
    let error = opener.open_into(&envelope, &mut short).expect_err("too short");
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert!(short.iter().all(|byte| *byte == 0xaa));
    let mut long = vec![0xaa; 2003];
    assert_eq!(opener.open_into(&envelope, &mut long).expect("long enough"), 2000);
    assert!(long[..2000] == plaintext && long[2000..] == [0xaa; 3]);
    let keyset = kit::specimens::keyset(1, 1);
    let token = keyset.seal(b"value", &row()).expect("it can be sealed");
    let error = keyset.open_into(&token, &row(), &mut [0; 4]).expect_err("too short");
    assert_eq!(error.kind(), ErrorKind::Misuse);
    let error = keyset.seal_into(b"value", &row(), &mut [0; 81]).expect_err("too short");
    assert_eq!(error.kind(), ErrorKind::Misuse);
}
