// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every file of tests/vectors, through every Rust face that it fits (format.md 12).
#![cfg(feature = "std")]

mod kit;

use std::collections::BTreeMap;
use std::path::Path;

use kit::expect::Expect;
use kit::faces::{self, Answer, Request, Sees};
use kit::handshake_vectors;
use kit::keys::{Held, list, number, only, string, trimmed};
use kit::keyset_vectors;
use kit::record_vectors;
use kit::shared::{unhex, unhex_array};
use sealwax::id::{KeysetId, VersionId};
use sealwax::secret::{Key, Root};
use sealwax::wrap::hpke::Recipient;
use sealwax::wrap::version_key::VersionKey;
use sealwax::{Algorithm, Context, Error, ErrorKind, Keyset, token};
use serde_json::Value;

/// Type, fields always there, fields there only where `expect` is `ok`.
const FIELDS: [(&str, &[&str], &[&str]); 11] = [
    ("token", &["keys", "context", "token", "token_text", "salt", "intermediates"], &["plaintext"]),
    (
        "envelope",
        &["keys", "external", "envelope", "intermediates"],
        &["stored", "plaintext", "opened_via"],
    ),
    ("keyset", &["protection", "keys", "file", "intermediates"], &["parsed"]),
    ("usage", &["keyset", "seen", "file", "intermediates"], &["parsed"]),
    ("share", &["string"], &["backup_id", "k", "n", "x", "value", "digest"]),
    ("backup", &["shares", "keys", "file", "intermediates"], &["parsed"]),
    ("recipient", &["string"], &["algorithm", "public_key", "fingerprint"]),
    ("identity", &["string"], &["algorithm", "keyset_id", "version_id", "created", "secret"]),
    (
        "handshake",
        &[
            "pattern",
            "suite",
            "mode",
            "hybrid",
            "prologue",
            "psk",
            "initiator_static",
            "responder_static",
            "initiator_random",
            "responder_random",
            "initiator_ephemeral",
            "responder_ephemeral",
            "seed",
            "encapsulation",
            "messages",
            "intermediates",
        ],
        &["contexts", "initiator_to_responder", "responder_to_initiator", "binding"],
    ),
    (
        "record",
        &[
            "suite",
            "mode",
            "window",
            "initiator_to_responder",
            "responder_to_initiator",
            "steps",
            "intermediates",
        ],
        &[],
    ),
    ("session", &["device", "slot", "peer", "kept", "intermediates"], &["parsed", "steps"]),
];
const AT_LEAST: usize = 714;

#[test]
fn every_vector_gives_its_result_through_every_face() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut counts = BTreeMap::new();
    let mut failed = Vec::new();
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("the vectors are here")
        .map(|file| file.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    names.sort();
    for path in names {
        let text = std::fs::read_to_string(&path).expect("a vector can be read");
        let vector: Value = serde_json::from_str(&text).expect("a vector is JSON");
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        // A panic names the file it came from, and the other files run all the same.
        match std::panic::catch_unwind(|| run(&vector)) {
            Ok(kind) => *counts.entry(kind).or_insert(0) += 1,
            Err(panic) => failed.push(format!("{name}: {}", message(&*panic))),
        }
    }
    println!("ran {counts:?}");
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    let ran: usize = counts.values().sum();
    assert!(ran >= AT_LEAST, "only {ran} vectors ran");
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn run(vector: &Value) -> &'static str {
    let kind = string(vector, "type");
    let expect = Expect::parse(string(vector, "expect"));
    let (kind, always, if_ok) =
        FIELDS.into_iter().find(|(name, ..)| *name == kind).expect("the type is known");
    let mut fields = vec!["comment", "expect", "type"];
    fields.extend(always);
    if expect == Expect::Ok {
        fields.extend(if_ok);
    }
    only(vector, &fields);
    match kind {
        "token" => run_token(vector, expect),
        "envelope" => run_envelope(vector, expect),
        "keyset" => keyset_vectors::run_keyset(vector, expect),
        "usage" => keyset_vectors::run_usage(vector, expect),
        "share" => keyset_vectors::run_share(vector, expect),
        "backup" => keyset_vectors::run_backup(vector, expect),
        "recipient" => run_recipient(vector, expect),
        "handshake" => handshake_vectors::run_handshake(vector),
        "record" => record_vectors::run_record(vector, expect),
        "session" => record_vectors::run_session(vector, expect),
        _ => run_identity(vector, expect),
    }
    kind
}

/// The context that the reader gives. Ours is refused when it is made, before there is anything to open.
fn given(entries: &Value, expect: Expect) -> Option<Context> {
    let entries = entries.as_object().expect("a context is an object");
    let context = entries.iter().try_fold(Context::new(), |context, (name, value)| {
        context.with(name, unhex(value.as_str().expect("a value is hex")))
    });
    match context {
        Ok(context) => Some(context),
        refused => expect.check("Context::with", refused),
    }
}

fn run_token(vector: &Value, expect: Expect) {
    let held = Held::parse(&vector["keys"]);
    let Some(context) = given(&vector["context"], expect) else { return };
    let token = unhex(string(vector, "token"));
    let plaintext = |vector: &Value| unhex(string(vector, "plaintext"));

    let keysets: Vec<&Keyset> = held.keysets.iter().collect();
    let opened = Keyset::open_with_any(&keysets, &token, &context);
    if let Some(opened) = expect.check("Keyset::open_with_any", opened) {
        assert_eq!(opened.as_slice(), plaintext(vector));
    }
    if held.keysets.len() > 16 {
        // What takes one keyset has no trials to count.
        return;
    }
    let opened = in_order(&token, &held.keysets, |keyset| {
        keyset.open(&token, &context).map(|plaintext| plaintext.to_vec())
    });
    if let Some(opened) = expect.check("Keyset::open", opened) {
        assert_eq!(opened, plaintext(vector));
    }
    let opened = in_order(&token, &held.keysets, |keyset| {
        let mut out = vec![0; token.len()];
        let len = keyset.open_into(&token, &context, &mut out)?;
        assert_eq!(len, token.len() - token::OVERHEAD);
        out.truncate(len);
        Ok(out)
    });
    if let Some(opened) = expect.check("Keyset::open_into", opened) {
        assert_eq!(opened, plaintext(vector));
    }
    let keys = version_keys(&vector["keys"]);
    let opened = in_order(&token, &keys, |key| {
        let mut out = vec![0; token.len()];
        let len = token::open_into(key, context.as_encoded(), &token, &mut out)?;
        out.truncate(len);
        Ok(out)
    });
    if let Some(opened) = expect.check("token::open_into", opened) {
        assert_eq!(opened, plaintext(vector));
        let (suite, version) = token::key_version(&token).expect("it is a token");
        assert_eq!((suite as u8, version.value()), {
            let id: [u8; 4] = token[1..5].try_into().expect("4 bytes");
            (token[0] & 15, u32::from_be_bytes(id))
        });
    }
}

/// Tries keys in order, and reports what format.md 4.7a says where none opens.
fn in_order<K>(
    token: &[u8],
    keys: &[K],
    open: impl Fn(&K) -> Result<Vec<u8>, Error>,
) -> Result<Vec<u8>, Error> {
    let rank = |error: &Error| match error.kind() {
        ErrorKind::UnknownKey => 0,
        ErrorKind::KeyState => 1,
        ErrorKind::Decrypt => 2,
        _ => 3,
    };
    let mut worst: Option<Error> = None;
    for key in keys {
        match open(key) {
            Ok(plaintext) => return Ok(plaintext),
            Err(error) if worst.as_ref().is_none_or(|worst| rank(&error) > rank(worst)) => {
                worst = Some(error);
            }
            Err(_) => {}
        }
    }
    // Without any key the token is still parsed.
    Err(match worst {
        Some(error) => error,
        None => match token::key_version(token) {
            Ok((_, version)) => Error::UnknownKey(sealwax::id::Wanted::Token(version)),
            Err(error) => error,
        },
    })
}

fn version_keys(keys: &Value) -> Vec<VersionKey> {
    let mut out = Vec::new();
    for keyset in keys["keysets"].as_array().into_iter().flatten() {
        let id = KeysetId(unhex_array(string(keyset, "keyset_id")));
        for version in list(&keyset["versions"]) {
            let number = version["algorithm"].as_u64().expect("an algorithm is a number");
            let number = u8::try_from(number).expect("an algorithm is a u8");
            let Ok(Algorithm::Symmetric(suite)) = Algorithm::from_u8(number) else { continue };
            let version_id = version["version_id"].as_u64().expect("a version id is a number");
            let version_id = u32::try_from(version_id).ok().and_then(VersionId::new);
            let mut root = Key::<Root>::zeroed();
            root.expose_bytes_mut().copy_from_slice(&unhex(string(version, "secret")));
            let version_id = version_id.expect("a version id is not 0");
            out.push(VersionKey::derive(&root, suite, id, version_id));
        }
    }
    out
}

fn run_envelope(vector: &Value, expect: Expect) {
    let held = Held::parse(&vector["keys"]);
    let keys = held.wraps();
    let Some(context) = given(&vector["external"], expect) else { return };
    let envelope = unhex(string(vector, "envelope"));
    let request = Request { keys: &keys, context, envelope: &envelope };
    for face in faces::all() {
        let result = (face.open)(&request);
        let answer = match face.sees {
            Sees::Whole => expect.check(face.name, result),
            Sees::Pipe => expect.check_pipe(face.name, result),
        };
        let Some(Answer { plaintext, opened_via, stored }) = answer else { continue };
        assert_eq!(plaintext, unhex(string(vector, "plaintext")), "{}", face.name);
        if let Some(opened_via) = opened_via {
            assert_eq!(opened_via, string(vector, "opened_via"), "{}", face.name);
        }
        if let Some(stored) = stored {
            let wanted: BTreeMap<String, Vec<u8>> = vector["stored"]
                .as_object()
                .expect("stored is an object")
                .iter()
                .map(|(name, value)| (name.clone(), unhex(value.as_str().expect("hex"))))
                .collect();
            assert_eq!(stored, wanted, "{}", face.name);
        }
    }
}

fn run_recipient(vector: &Value, expect: Expect) {
    let text = string(vector, "string");
    let result = Recipient::parse_text(text);
    let Some(recipient) = expect.check("Recipient::parse_text", result) else {
        assert!(text.parse::<Recipient>().is_err());
        return;
    };
    assert_eq!(u64::from(recipient.public_key().algorithm().number()), number(vector, "algorithm"));
    assert_eq!(hex::encode(recipient.public_key().as_bytes()), string(vector, "public_key"));
    assert_eq!(recipient.fingerprint().to_string(), string(vector, "fingerprint"));
    assert_eq!(recipient.to_text(), trimmed(text));
    assert_eq!(recipient.to_string(), trimmed(text));
    assert_eq!(text.parse::<Recipient>().expect("parsed before"), recipient);
}

fn run_identity(vector: &Value, expect: Expect) {
    let text = string(vector, "string");
    let result = Keyset::parse_identity_text(text);
    let Some(keyset) = expect.check("Keyset::parse_identity_text", result) else { return };
    let version = keyset.primary().expect("an identity has a primary");
    assert_eq!(u64::from(version.algorithm().number()), number(vector, "algorithm"));
    assert_eq!(keyset.id().0, unhex_array(string(vector, "keyset_id")));
    assert_eq!(u64::from(version.id().value()), number(vector, "version_id"));
    assert_eq!(version.created(), number(vector, "created"));
    assert_eq!((keyset.name(), keyset.revision()), ("identity", 1));
    assert_eq!(keyset.versions().len(), 1);
    let encoding = keyset.expose_unprotected().expect("an identity can be written");
    let secret = &encoding[encoding.len() - 48..encoding.len() - 16];
    assert_eq!(hex::encode(secret), string(vector, "secret"));
    let written = keyset.expose_identity_text().expect("an identity can be written");
    assert_eq!(written.as_str(), trimmed(text));
}
