// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changed bytes, read by the library and by the reader that was written from docs/format.md in another language: both open
//! them to the same, or both refuse them for the same reason.
//!
//! `SEALWAX_DISAGREEMENTS=N` tries N of each kind. Every backend's tests compare with the same reader, and so with each other.
#![cfg(feature = "std")]

mod kit;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kit::envelopes::{Parts, Slot, sha256};
use kit::keys::{KeysetMaterial, VersionMaterial, raw_key, unprotected};
use kit::random::Repeatable;
use kit::shared::skipped;
use sealwax::rng::{OsRandom, Random};
use sealwax::{Context, Error, KeyWrap, Keyset, Opener, Result, Sealer, Suite};
use serde_json::{Value, json};

/// A Python with `cryptography`: in `SEALWAX_PYTHON`, or of the project's own environment.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let python =
        std::env::var_os("SEALWAX_PYTHON").map(PathBuf::from).or(own.exists().then_some(own));
    if python.is_none() {
        skipped("no Python with cryptography: set SEALWAX_PYTHON");
    }
    python
}

fn ask(python: &Path, jobs: &[Value]) -> Vec<Value> {
    let mut child = Command::new(python)
        .args(["decrypt.py", "-"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = serde_json::to_vec(jobs).expect("JSON");
    let writer = std::thread::spawn(move || stdin.write_all(&input).expect("it reads its jobs"));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic");
    assert!(output.status.success(), "the reader came to a bad end");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What the other reader would say.
fn answer(opened: Result<Vec<u8>>) -> Value {
    match opened {
        Ok(plaintext) => {
            json!({ "ok": true, "plaintext_sha256": hex::encode(sha256(&[&plaintext])) })
        }
        Err(error) => json!({ "ok": false, "error": kind(&error) }),
    }
}

fn kind(error: &Error) -> String {
    format!("{:?}", error.kind())
}

/// Asks the other reader, and fails with all that it sees differently.
fn compare(what: &str, python: &Path, jobs: &[Value], ours: &[Value]) {
    let theirs = ask(python, jobs);
    assert_eq!(theirs.len(), ours.len());
    let mut opened = 0;
    let mut wrong = Vec::new();
    for ((job, ours), theirs) in jobs.iter().zip(ours).zip(&theirs) {
        opened += usize::from(ours["ok"] == true);
        let same =
            ["ok", "error", "plaintext_sha256"].iter().all(|field| ours[field] == theirs[field]);
        if !same {
            wrong.push(format!("we say {ours}, they say {theirs}, of {job}"));
        }
    }
    println!("{what}: {} inputs, {opened} opened, {} seen differently", jobs.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(opened > 0 && opened < jobs.len(), "only one answer was tried");
}

fn count() -> usize {
    let asked = std::env::var("SEALWAX_DISAGREEMENTS").ok();
    asked.map_or(400, |asked| asked.parse().expect("SEALWAX_DISAGREEMENTS is a number"))
}

/// A seed that differs in each run, and is printed.
fn fresh() -> Repeatable {
    let seed = std::env::var("SEALWAX_SEED").ok().map_or_else(
        || {
            let mut seed = [0; 8];
            OsRandom.fill(&mut seed).expect("the system has random bytes");
            u64::from_be_bytes(seed)
        },
        |seed| seed.parse().expect("SEALWAX_SEED is a number"),
    );
    println!("SEALWAX_SEED={seed}");
    Repeatable(seed)
}

/// Changes bytes without knowing what they mean.
fn scramble(random: &mut Repeatable, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(at),
        1 => bytes.extend(random.bytes(1 + at % 20)),
        2 => drop(bytes.drain(at..(at + 1 + at % 9).min(bytes.len()))),
        3 => {
            let piece = bytes[at..(at + 16).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        4 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        _ => bytes[at] ^= 1 << random.below(8),
    }
}

/// Remembers what it gave, so that a test can do what a holder of the data key can.
struct Remembering(Repeatable, Vec<Vec<u8>>);

impl Random for Remembering {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        self.0.fill(out)?;
        self.1.push(out.to_vec());
        Ok(())
    }
}

/// The keys at hand, and the same for the other reader.
struct Keys {
    wraps: Vec<Box<dyn KeyWrap>>,
    json: Value,
}

fn keys(random: &mut Repeatable) -> Keys {
    let (mut wraps, mut keysets): (Vec<Box<dyn KeyWrap>>, _) = (Vec::new(), Vec::new());
    for algorithm in 1..=4u8 {
        let (id, secret): ([u8; 16], [u8; 32]) = (random.array(), random.array());
        let version = random.next() as u32 | 1;
        let material = VersionMaterial::active(version, algorithm, secret);
        wraps.push(Box::new(KeysetMaterial::of_one(id, material).keyset()));
        keysets.push(json!({
            "keyset_id": hex::encode(id),
            "versions": [{ "version_id": version, "algorithm": algorithm, "secret": hex::encode(secret) }],
        }));
    }
    wraps.push(Box::new(raw_key(5, 6)));
    let raw_keys = json!([{ "key_id": "05".repeat(16), "key": "06".repeat(32) }]);
    Keys { wraps, json: json!({ "keysets": keysets, "raw_keys": raw_keys }) }
}

/// An envelope for one of the keys, and its data key.
fn envelope(random: &mut Repeatable, keys: &Keys) -> (Vec<u8>, [u8; 32]) {
    let suite = [Suite::Cobblestone256, Suite::ChaCha20Poly1305][random.below(2)];
    let recipient = &keys.wraps[random.below(keys.wraps.len())];
    let stored = Context::new().with("name", random.bytes(5)).expect("allowed");
    let stored = if random.below(2) == 0 { stored } else { Context::new() };
    let sealer = Sealer::new().recipient(&**recipient).suite(suite).stored_context(stored);
    let len = [0, 1, 700, 4095, 4096, 5000][random.below(6)];
    let plaintext = random.bytes(len);
    let mut remembering = Remembering(Repeatable(random.next()), Vec::new());
    let mut sealed = vec![0; sealer.sealed_len(len).expect("it is short")];
    sealer.seal_into_with_rng(&plaintext, &mut sealed, &mut remembering).expect("sealed");
    // The data key is the first thing that is drawn.
    let data_key = remembering.1[0].first_chunk().expect("32 bytes of the first draw");
    (sealed, *data_key)
}

/// Changes what a holder of the data key can change, with a mac that holds.
fn forge(random: &mut Repeatable, sealed: &[u8], data_key: &[u8; 32]) -> Vec<u8> {
    let mut parts = Parts::cut(sealed);
    let slot = &mut parts.slots[0];
    let first = slot.entries[0].clone();
    match random.below(9) {
        0 => slot.epoch = [0, 1, 2, u32::MAX][random.below(4)],
        1 => slot.count = slot.count.wrapping_add(random.below(3) as u8).wrapping_sub(1),
        2 => push(slot, first),
        3 => push(slot, ([0, 6, 127, 129, 200][random.below(5)], vec![7; random.below(30)])),
        4 => slot.padding.extend([vec![0; 9], vec![1]][random.below(2)].clone()),
        5 => scramble(random, &mut slot.entries[0].1),
        6 => slot.entries[0].0 = random.below(8) as u8,
        7 => (0..70).for_each(|_| push(slot, (9, Vec::new()))),
        _ => scramble(random, &mut parts.payload),
    }
    parts.remake_mac(0, data_key);
    if random.below(8) == 0 {
        let empty = vec![0; parts.slots[0].encode().len()];
        let mut joined = parts.join();
        let at = parts.core.len();
        joined[at] = 2;
        joined.splice(parts.header_len()..parts.header_len(), empty);
        return joined;
    }
    parts.join()
}

fn push(slot: &mut Slot, entry: (u8, Vec<u8>)) {
    slot.entries.push(entry);
    slot.count = slot.count.wrapping_add(1);
}

#[test]
fn both_readers_see_the_same_in_changed_envelopes() {
    let Some(python) = python() else { return };
    let mut random = fresh();
    let keys = keys(&mut random);
    let mut opener = Opener::new();
    for key in &keys.wraps {
        opener = opener.key(&**key);
    }
    let (mut jobs, mut ours) = (Vec::new(), Vec::new());
    for index in 0..count() {
        let (sealed, data_key) = envelope(&mut random, &keys);
        let mut changed =
            if index % 2 == 0 { forge(&mut random, &sealed, &data_key) } else { sealed };
        if index % 4 != 0 {
            scramble(&mut random, &mut changed);
        }
        ours.push(answer(opener.open(&changed).map(|opened| opened.plaintext.to_vec())));
        jobs.push(json!({ "type": "envelope", "input": hex::encode(changed), "keys": keys.json, "context": {} }));
    }
    compare("envelopes", &python, &jobs, &ours);
}

#[test]
fn both_readers_see_the_same_in_changed_tokens() {
    let Some(python) = python() else { return };
    let mut random = fresh();
    let (mut jobs, mut ours) = (Vec::new(), Vec::new());
    for index in 0..count() {
        let (id, secret): ([u8; 16], [u8; 32]) = (random.array(), random.array());
        let (version, algorithm) = (random.next() as u32 | 1, 1 + (index % 2) as u8);
        let keyset =
            KeysetMaterial::of_one(id, VersionMaterial::active(version, algorithm, secret))
                .keyset();
        let context = Context::new().with("row", random.bytes(3)).expect("allowed");
        let len = random.below(100);
        let mut token = keyset
            .seal_with_rng(&random.bytes(len), &context, &mut Repeatable(random.next()))
            .expect("it is short");
        if index % 5 != 0 {
            scramble(&mut random, &mut token);
        }
        let row = context
            .as_encoded()
            .entries()
            .map(|e| (e.name.to_owned(), json!(hex::encode(e.value))))
            .collect();
        ours.push(answer(keyset.open(&token, &context).map(|opened| opened.to_vec())));
        jobs.push(json!({
            "type": "token",
            "input": hex::encode(token),
            "keys": { "keysets": [{
                "keyset_id": hex::encode(id),
                "versions": [{ "version_id": version, "algorithm": algorithm, "secret": hex::encode(secret) }],
            }] },
            "context": Value::Object(row),
        }));
    }
    compare("tokens", &python, &jobs, &ours);
}

#[test]
fn both_readers_see_the_same_in_changed_keysets() {
    let Some(python) = python() else { return };
    let mut random = fresh();
    let (mut jobs, mut ours) = (Vec::new(), Vec::new());
    for index in 0..count() {
        let mut material =
            KeysetMaterial::of_one(random.array(), VersionMaterial::active(7, 1, random.array()));
        for id in 8..8 + random.below(3) as u32 {
            let mut version =
                VersionMaterial::active(id, 1 + random.below(2) as u8, random.array());
            version.state = [1, 2, 3, 4, 5, 6][random.below(6)];
            version.activate_at = [0, 1, 2_000_000_000][random.below(3)];
            material.versions.push(version);
        }
        let mut encoding = material.encode();
        if index % 5 != 0 {
            scramble(&mut random, &mut encoding);
        }
        // The check needs no key, so that whoever changes the file makes it hold.
        let mut file = unprotected(&encoding);
        if index % 7 == 0 {
            scramble(&mut random, &mut file);
        }
        let encoding = file.get(5..file.len().saturating_sub(16)).unwrap_or_default().to_vec();
        ours.push(answer(Keyset::parse_unprotected(&file).map(|_| encoding)));
        jobs.push(json!({ "type": "keyset", "input": hex::encode(&file), "keys": {}, "protection": "unprotected" }));
    }
    compare("keysets", &python, &jobs, &ours);
}
