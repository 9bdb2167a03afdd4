// SPDX-License-Identifier: MIT OR Apache-2.0
//! What we seal, a reader that was written from docs/format.md in another language opens; and the payload of suite 1
//! goes both ways between us and another implementation of the same public construction.
#![cfg(feature = "std")]

mod kit;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kit::beside::UsageFields;
use kit::keys::{KeysetMaterial, VersionMaterial, cheap_passphrase, raw_key};
use kit::random::Repeatable;
use kit::shared::{skipped, unhex};
use kit::specimens::{SUITES, seal_as_stream};
use sealwax::envelope::ChunkLen;
use sealwax::keyset::backup::Share;
use sealwax::keyset::file::Protection;
use sealwax::rng::{Now, Random};
use sealwax::store::{Guard, Options, Store};
use sealwax::wrap::provider::Request;
use sealwax::{Algorithm, Context, KeyWrap, Keyset, Opener, Sealer, Suite};
use serde_json::{Value, json};

/// A Python with `cryptography`: in `SEALWAX_PYTHON`, or of the project's own environment.
fn python() -> Option<PathBuf> {
    let own = || {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
        own.exists().then_some(own)
    };
    let python = std::env::var_os("SEALWAX_PYTHON").map(PathBuf::from).or_else(own);
    if python.is_none() {
        skipped("no Python with cryptography: set SEALWAX_PYTHON");
    }
    python
}

/// Runs one of the reference scripts over all jobs at once.
fn run(python: &Path, script: &[&str], jobs: &[Value]) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let mut child = Command::new(python)
        .args(script)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = serde_json::to_vec(jobs).expect("JSON");
    let writer = std::thread::spawn(move || stdin.write_all(&input).expect("it reads its jobs"));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic");
    assert!(output.status.success(), "{script:?} failed");
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answers.len(), jobs.len());
    answers
}

/// A recipient with the key material that the reference opens it with.
struct Known {
    via: &'static str,
    recipient: Box<dyn KeyWrap>,
    keys: Value,
}

fn known(random: &mut Repeatable) -> Vec<Known> {
    let mut out = Vec::new();
    for (algorithm, via) in [(1, "keyset"), (2, "keyset"), (3, "x25519"), (4, "x-wing")] {
        let (id, secret): ([u8; 16], [u8; 32]) = (random.array(), random.array());
        let version = random.next() as u32 | 1;
        let material = VersionMaterial::active(version, algorithm, secret);
        let keyset = KeysetMaterial::of_one(id, material).keyset();
        let keys = json!({ "keysets": [{
            "keyset_id": hex::encode(id),
            "versions": [{
                "version_id": version, "algorithm": algorithm, "secret": hex::encode(secret)
            }],
        }] });
        if via.starts_with('x') {
            let hidden = keyset.recipient().expect("a pair").clone().hidden();
            out.push(Known { via, recipient: Box::new(hidden), keys: keys.clone() });
        }
        out.push(Known { via, recipient: Box::new(keyset), keys });
    }
    let passphrase = "correct horse — battery staple";
    let keys = json!({ "passphrase": passphrase });
    out.push(Known { via: "passphrase", recipient: Box::new(cheap_passphrase(passphrase)), keys });
    let keys = json!({ "raw_keys": [{ "key_id": "05".repeat(16), "key": "06".repeat(32) }] });
    out.push(Known { via: "raw-key", recipient: Box::new(raw_key(5, 6)), keys });
    let request = Request::new("kms", "schlüssel/1", random).expect("allowed names");
    let keys = json!({ "provider_keys": [{
        "provider": "kms", "key_name": "schlüssel/1", "key": hex::encode(request.expose_key())
    }] });
    let recipient = request.finish(b"blob").expect("a short blob");
    out.push(Known { via: "provider", recipient: Box::new(recipient), keys });
    out
}

fn context(random: &mut Repeatable, prefix: &str) -> Context {
    let mut context = Context::new();
    for index in 0..random.below(4) {
        let len = random.below(40);
        context.insert(&format!("{prefix}{index}ü"), &random.bytes(len)).expect("allowed");
    }
    context
}

fn as_json(context: &Context) -> Value {
    let entries = context.as_encoded();
    let entries = entries.entries().map(|e| (e.name.to_owned(), json!(hex::encode(e.value))));
    Value::Object(entries.collect())
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(kit::envelopes::sha256(&[bytes]))
}

/// A seed that differs in each run, and is printed.
fn fresh() -> Repeatable {
    let mut seed = [0; 8];
    sealwax::rng::OsRandom.fill(&mut seed).expect("the system has random bytes");
    let seed = u64::from_be_bytes(seed);
    println!("seed {seed:#x}");
    Repeatable(seed)
}

#[test]
fn the_reference_opens_what_we_seal() {
    let Some(python) = python() else { return };
    let mut random = fresh();
    let (mut jobs, mut wanted) = (Vec::new(), Vec::new());
    for round in 0..3 {
        for known in known(&mut random) {
            for suite in SUITES {
                let chunk_lens = match suite {
                    Suite::Cobblestone256 => [ChunkLen::KIB_16; 3],
                    Suite::ChaCha20Poly1305 => [ChunkLen::KIB_4, ChunkLen::KIB_1, ChunkLen::KIB_64],
                };
                let chunk = chunk_lens[round].plaintext_len();
                let len = [random.below(100), chunk, chunk + random.below(2 * chunk)][round];
                let plaintext = random.bytes(len);
                let (stored, external) =
                    (context(&mut random, "stored"), context(&mut random, "external"));
                let sealer = Sealer::new()
                    .recipient(&*known.recipient)
                    .suite(suite)
                    .chunk_len(chunk_lens[round])
                    .stored_context(stored.clone())
                    .external_context(external.clone());
                let envelope = match round {
                    0 => sealer.seal(&plaintext).expect("it can be sealed"),
                    _ => seal_as_stream(&sealer, &plaintext),
                };
                jobs.push(json!({
                    "type": "envelope",
                    "input": hex::encode(envelope),
                    "keys": known.keys,
                    "context": as_json(&external),
                }));
                wanted.push(json!({
                    "ok": true,
                    "plaintext_sha256": digest(&plaintext),
                    "opened_via": known.via,
                    "stored": as_json(&stored),
                    "suite": suite as u8,
                    "epoch": 1,
                }));
            }
        }
    }
    let answers = run(&python, &["decrypt.py", "-"], &jobs);
    for (index, (answer, wanted)) in answers.iter().zip(&wanted).enumerate() {
        assert_eq!(answer, wanted, "envelope {index}: {}", jobs[index]);
    }
    println!("{} envelopes", answers.len());
    assert!(answers.len() >= 50);
}

#[test]
fn the_reference_opens_our_tokens_and_keyset_files() {
    let Some(python) = python() else { return };
    let mut random = fresh();
    let (mut jobs, mut wanted) = (Vec::new(), Vec::new());
    for known in known(&mut random).into_iter().filter(|known| known.via == "keyset") {
        let material = &known.keys["keysets"][0];
        let version = &material["versions"][0];
        let version = VersionMaterial::active(
            u32::try_from(version["version_id"].as_u64().expect("a number")).expect("a u32"),
            u8::try_from(version["algorithm"].as_u64().expect("a number")).expect("a u8"),
            unhex(version["secret"].as_str().expect("hex")).try_into().expect("32 bytes"),
        );
        let id = unhex(material["keyset_id"].as_str().expect("hex")).try_into().expect("16 bytes");
        let keyset = KeysetMaterial::of_one(id, version).keyset();
        for round in 0..10 {
            let len = random.below(2000);
            let (plaintext, context) = (random.bytes(len), context(&mut random, "external"));
            let token = match round % 2 {
                0 => keyset.seal(&plaintext, &context),
                _ => keyset.seal_with_rng(&plaintext, &context, &mut random),
            };
            jobs.push(json!({
                "type": "token",
                "input": hex::encode(token.expect("it can be sealed")),
                "keys": known.keys,
                "context": as_json(&context),
            }));
            wanted.push(digest(&plaintext));
        }
    }
    let (mut keyset, key) =
        (Keyset::generate("Größe", Suite::Cobblestone256).expect("generated"), raw_key(5, 6));
    keyset.rotate(Suite::ChaCha20Poly1305).expect("it can be rotated");
    let keys = json!({ "raw_keys": [{ "key_id": "05".repeat(16), "key": "06".repeat(32) }] });
    let unprotected = keyset.expose_unprotected().expect("it can be written");
    for (protection, file) in [
        ("envelope", keyset.to_file_bytes(Protection::Sealed(&[&key])).expect("it can be written")),
        ("unprotected", unprotected.clone()),
    ] {
        let input = hex::encode(&file);
        jobs.push(
            json!({ "type": "keyset", "input": input, "keys": keys, "protection": protection }),
        );
        wanted.push(digest(&unprotected[5..unprotected.len() - 16]));
    }
    let answers = run(&python, &["decrypt.py", "-"], &jobs);
    for (index, (answer, wanted)) in answers.iter().zip(&wanted).enumerate() {
        assert_eq!(answer["ok"], json!(true), "job {index}: {answer}");
        assert_eq!(answer["plaintext_sha256"].as_str(), Some(wanted.as_str()), "job {index}");
    }
    let parsed = &answers[answers.len() - 1]["parsed"];
    assert_eq!(parsed["name"], json!("Größe"));
    assert_eq!(parsed["revision"], json!(2));
    assert_eq!(parsed["keyset_id"], json!(keyset.id().to_string()));
    assert!(answers.len() >= 22);
}

#[test]
fn the_reference_reads_our_strings() {
    let Some(python) = python() else { return };
    let (mut jobs, mut wanted) = (Vec::new(), Vec::new());
    for algorithm in [sealwax::Algorithm::X25519, sealwax::Algorithm::XWing] {
        let identity = Keyset::generate("me", algorithm).expect("generated");
        let recipient = identity.recipient().expect("a pair");
        jobs.push(json!({ "type": "recipient", "input": recipient.to_text() }));
        wanted.push(("fingerprint", recipient.fingerprint().to_string()));
        let text = identity.expose_identity_text().expect("a pair");
        jobs.push(json!({ "type": "identity", "input": text.as_str() }));
        wanted.push(("keyset_id", identity.id().to_string()));
    }
    let answers = run(&python, &["decrypt.py", "-"], &jobs);
    for (answer, (field, value)) in answers.iter().zip(&wanted) {
        assert_eq!(answer[*field].as_str(), Some(value.as_str()), "{answer}");
    }
}

#[test]
fn the_reference_reads_our_usage_files() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (mut jobs, mut wanted) = (Vec::new(), Vec::new());
    for algorithm in [Suite::Cobblestone256, Suite::ChaCha20Poly1305]
        .map(Algorithm::from)
        .into_iter()
        .chain([Algorithm::X25519, Algorithm::XWing])
    {
        let path = folder.path().join(format!("{}.swxk", algorithm.number()));
        let keyset = Keyset::generate("counted", algorithm).expect("generated");
        let options = Options { lease_messages: 3, lease_bytes: 100, ..Options::default() };
        let store = Store::create(&path, keyset, Guard::Unprotected, options).expect("created");
        let mut seen = Vec::new();
        for step in 0..6u64 {
            let revision = store.keyset().revision();
            match step {
                0 | 2 | 3 if algorithm.number() < 3 => {
                    let messages = 4 * step + 1;
                    for _ in 0..messages {
                        store.seal(&[7; 30], &Context::new()).expect("it can be sealed");
                    }
                }
                4 => store.record_backup(revision, Now::Seconds(1_767_225_600)).expect("recorded"),
                _ => drop(store.change(|keyset| keyset.rotate(algorithm)).expect("rotated")),
            }
            let read = |path: &Path| std::fs::read(path).expect("it is there");
            let (keyset, usage) = (read(&path), read(&path.with_extension("swxl")));
            jobs.push(json!({
                "type": "usage",
                "input": hex::encode(&usage),
                "keyset": hex::encode(keyset),
                "seen": hex::encode(&seen),
            }));
            let fields = UsageFields::parse(&usage);
            let usages: Vec<Value> = fields
                .usages
                .iter()
                .map(|[version_id, messages, bytes, failed_opens]| {
                    json!({ "version_id": version_id, "messages": messages, "bytes": bytes,
                        "failed_opens": failed_opens })
                })
                .collect();
            wanted.push(json!({ "ok": true, "parsed": {
                "serial": fields.serial,
                "revision": store.keyset().revision(),
                "fingerprint": hex::encode(store.keyset().fingerprint().expect("here")),
                "backup_revision": if step < 4 { 0 } else { fields.backup_revision },
                "backup_at": if step < 4 { 0 } else { 1_767_225_600 },
                "usages": usages,
            } }));
            seen = usage;
        }
    }
    let answers = run(&python, &["decrypt.py", "-"], &jobs);
    for (index, (answer, wanted)) in answers.iter().zip(&wanted).enumerate() {
        assert_eq!(answer, wanted, "usage file {index}");
    }
    assert!(answers.len() >= 24);
}

#[test]
fn the_reference_restores_our_backups() {
    let Some(python) = python() else { return };
    let (mut jobs, mut wanted) = (Vec::new(), Vec::new());
    let mut keyset = Keyset::generate("kept", Suite::Cobblestone256).expect("generated");
    for (threshold, count) in [(2u8, 2u8), (2, 3), (3, 5), (7, 9), (64, 64), (2, 64)] {
        keyset.rotate(Suite::ChaCha20Poly1305).expect("it can be rotated");
        let backup = keyset.backup_in_shares(threshold, count).expect("it can be made");
        let texts: Vec<_> = backup.shares.iter().map(Share::expose_text).collect();
        for first in 0..=count - threshold {
            let chosen = &texts[first.into()..(first + threshold).into()];
            let chosen: Vec<&str> = chosen.iter().rev().map(|text| text.as_str()).collect();
            jobs.push(json!({
                "type": "backup", "input": hex::encode(&backup.file), "shares": chosen
            }));
            wanted.push(keyset.fingerprint().expect("here"));
        }
    }
    let recovery = Keyset::generate("recovery", Algorithm::XWing).expect("generated");
    let recipient = recovery.recipient().expect("a pair").clone();
    let text = recovery.expose_identity_text().expect("a pair");
    let file = keyset.backup_for(&[recipient]).expect("it can be made");
    let identity = json!({ "type": "identity", "input": text.as_str() });
    let identity = &run(&python, &["decrypt.py", "-"], &[identity])[0];
    let keys = json!({ "keysets": [{
        "keyset_id": identity["keyset_id"],
        "versions": [{
            "version_id": identity["version_id"],
            "algorithm": identity["algorithm"],
            "secret": identity["secret"],
        }],
    }] });
    jobs.push(json!({
        "type": "backup", "input": hex::encode(file), "keys": keys, "shares": Value::Array(vec![])
    }));
    wanted.push(keyset.fingerprint().expect("here"));

    let answers = run(&python, &["decrypt.py", "-"], &jobs);
    for (index, (answer, wanted)) in answers.iter().zip(&wanted).enumerate() {
        assert_eq!(answer["ok"], json!(true), "backup {index}: {answer}");
        assert_eq!(answer["fingerprint"], json!(hex::encode(wanted)), "backup {index}");
    }
    assert!(answers.len() >= 70);
}

#[test]
fn the_reference_refuses_what_we_refuse() {
    let Some(python) = python() else { return };
    let mut random = fresh();
    let key = raw_key(5, 6);
    let keys = json!({ "raw_keys": [{ "key_id": "05".repeat(16), "key": "06".repeat(32) }] });
    let (mut jobs, mut ours) = (Vec::new(), Vec::new());
    for round in 0..400 {
        let sealer = Sealer::new().recipient(&key).suite(SUITES[round % 2]);
        let plaintext = random.bytes(60);
        let sealer = sealer.stored_context(context(&mut random, "stored"));
        let mut envelope = match round % 4 {
            0 | 1 => sealer.seal(&plaintext).expect("it can be sealed"),
            _ => seal_as_stream(&sealer, &plaintext),
        };
        // One byte changed, or the end cut.
        let at = random.below(envelope.len());
        match round % 5 {
            0 => envelope.truncate(at),
            _ => envelope[at] ^= 1 << random.below(8),
        }
        let result = Opener::new().key(&key).open(&envelope);
        ours.push(match result {
            Ok(opened) => digest(&opened.plaintext),
            Err(error) => format!("{:?}", error.kind()),
        });
        jobs.push(json!({ "type": "envelope", "input": hex::encode(envelope), "keys": keys }));
    }
    let answers = run(&python, &["decrypt.py", "-"], &jobs);
    for (index, (answer, ours)) in answers.iter().zip(&ours).enumerate() {
        let theirs = answer["error"].as_str().or(answer["plaintext_sha256"].as_str());
        assert_eq!(theirs, Some(ours.as_str()), "job {index}: {}", jobs[index]["input"]);
    }
}

#[test]
fn payloads_of_suite_1_go_both_ways_to_another_cobblestone() {
    let Some(python) = python() else { return };
    let mut random = fresh();
    let (mut jobs, mut sealed) = (Vec::new(), Vec::new());
    for known in known(&mut random) {
        for len in [0, 1, 16_383, 16_384, 16_385, 40_000] {
            let (ours, theirs) = (random.bytes(len), random.bytes(len));
            let external = context(&mut random, "external");
            let sealer = Sealer::new()
                .recipient(&*known.recipient)
                .suite(Suite::Cobblestone256)
                .external_context(external.clone());
            let envelope = sealer.seal(&ours).expect("it can be sealed");
            jobs.push(json!({
                "envelope": hex::encode(envelope),
                "keys": known.keys,
                "context": as_json(&external),
                "plaintext": hex::encode(&theirs),
            }));
            sealed.push((ours, theirs, external));
        }
    }
    let answers = run(&python, &["cobblestone.py"], &jobs);
    for ((answer, (ours, theirs, external)), job) in answers.iter().zip(&sealed).zip(&jobs) {
        assert!(unhex(answer["opened"].as_str().expect("hex")) == *ours, "theirs opens ours");
        let envelope = unhex(answer["envelope"].as_str().expect("hex"));
        let held = kit::keys::Held::parse(&job["keys"]);
        let opener = Opener::new().context(external.clone());
        let opener = held.wraps().into_iter().fold(opener, |opener, key| opener.key(key));
        let opened = opener.open(&envelope).expect("ours opens theirs");
        assert!(opened.plaintext.as_slice() == theirs);
        // Under another context it does not.
        let other = Context::new().with("another", "").expect("allowed");
        assert!(opener.context(other).open(&envelope).is_err());
    }
}
