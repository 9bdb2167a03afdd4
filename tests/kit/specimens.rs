// SPDX-License-Identifier: MIT OR Apache-2.0
//! One recipient of every kind with the key that opens for it.

use sealwax::id::{KeysetId, VersionId};
use sealwax::secret::Key;
use sealwax::wrap::provider::{Request, Unwrapped};
use sealwax::{Context, KeyWrap, Sealer, Suite};

use super::keys::{KeysetMaterial, VersionMaterial, cheap_passphrase, raw_key};
use super::random::Repeatable;

pub(crate) const SUITES: [Suite; 2] = [Suite::Cobblestone256, Suite::ChaCha20Poly1305];

/// A recipient, and the key that opens what is sealed for it.
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    pub(crate) recipient: Box<dyn KeyWrap + Send>,
    pub(crate) key: Box<dyn KeyWrap + Send>,
    /// A key of the same kind and names that does not open.
    pub(crate) wrong: Box<dyn KeyWrap + Send>,
}

/// Ids of the keyset that [`pair`] makes.
pub(crate) const KEYSET: KeysetId = KeysetId([0x11; 16]);
pub(crate) const VERSION: u32 = 0x0102_0304;

pub(crate) fn version() -> VersionId {
    VersionId::new(VERSION).expect("not 0")
}

pub(crate) const NAMES: [&str; 7] =
    ["keyset-suite1", "keyset-suite2", "passphrase", "x25519", "x-wing", "raw-key", "provider"];

/// A keyset with these ids whose one version has the secret [byte; 32].
pub(crate) fn keyset(algorithm: u8, byte: u8) -> sealwax::Keyset {
    let version = VersionMaterial::active(VERSION, algorithm, [byte; 32]);
    KeysetMaterial::of_one(KEYSET.0, version).keyset()
}

pub(crate) fn provided(byte: u8) -> Unwrapped {
    let key = Key::init_with(|bytes| {
        bytes.fill(byte);
        Ok(())
    });
    Unwrapped::new("kms", "key/1", key.expect("filling does not fail")).expect("allowed names")
}

pub(crate) fn pair(name: &'static str) -> Pair {
    let keysets = |algorithm| {
        let boxed = |byte| Box::new(keyset(algorithm, byte)) as Box<dyn KeyWrap + Send>;
        Pair { name, recipient: boxed(1), key: boxed(1), wrong: boxed(2) }
    };
    match name {
        "keyset-suite1" => keysets(1),
        "keyset-suite2" => keysets(2),
        "x25519" | "x-wing" => {
            // A wrong private key under the right fingerprint does not exist: the wrong one is for hidden entries.
            keysets(if name == "x25519" { 3 } else { 4 })
        }
        "passphrase" => {
            let boxed = |text| {
                // Flipped cost bytes must not make a test slow.
                Box::new(cheap_passphrase(text).with_max_memory_kib(256)) as Box<dyn KeyWrap + Send>
            };
            Pair {
                name,
                recipient: boxed("correct horse"),
                key: boxed("correct horse"),
                wrong: boxed("battery staple"),
            }
        }
        "raw-key" => Pair {
            name,
            recipient: Box::new(raw_key(5, 6)),
            key: Box::new(raw_key(5, 6)),
            wrong: Box::new(raw_key(5, 7)),
        },
        "provider" => {
            let request = Request::new("kms", "key/1", &mut Repeatable(3)).expect("allowed names");
            let mut key = Key::zeroed();
            *key.expose_bytes_mut() = *request.expose_key();
            let recipient = request.finish(b"wrapped by the kms").expect("a short blob");
            Pair {
                name,
                recipient: Box::new(recipient),
                key: Box::new(Unwrapped::new("kms", "key/1", key).expect("allowed names")),
                wrong: Box::new(provided(9)),
            }
        }
        other => panic!("no pair is called {other}"),
    }
}

/// One of each kind.
pub(crate) fn pairs() -> Vec<Pair> {
    NAMES.map(pair).into()
}

/// An external context of one entry.
pub(crate) fn row() -> Context {
    Context::new().with("row", "42").expect("an allowed name")
}

/// A stored context of two entries.
pub(crate) fn stored() -> Context {
    Context::new()
        .with("purpose", "test")
        .and_then(|context| context.with("tenant", [1, 2, 3]))
        .expect("allowed names")
}

pub(crate) fn sealer<'a>(recipient: &'a dyn KeyWrap, suite: Suite) -> Sealer<'a> {
    Sealer::new().recipient(recipient).suite(suite).stored_context(stored()).external_context(row())
}

/// With two slots, as files and streams have.
pub(crate) fn seal_as_stream(sealer: &Sealer<'_>, plaintext: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = sealer.writer(Vec::new()).expect("a Vec takes the header");
    writer.write_all(plaintext).expect("a Vec takes all");
    writer.finish().expect("a Vec takes all")
}
