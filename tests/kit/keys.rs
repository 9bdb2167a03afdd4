// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys for tests: keysets from their material, and the key material of the vectors.

use sealwax::id::RawKeyId;
use sealwax::secret::Key;
use sealwax::wrap::passphrase::{Params, Passphrase};
use sealwax::wrap::provider::Unwrapped;
use sealwax::wrap::raw_key::RawKey;
use sealwax::{KeyWrap, Keyset};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::shared::{unhex, unhex_array};

/// What a version of a keyset is made of.
#[derive(Clone, Debug)]
pub(crate) struct VersionMaterial {
    pub(crate) id: u32,
    pub(crate) algorithm: u8,
    pub(crate) state: u8,
    pub(crate) activate_at: u64,
    pub(crate) deactivate_at: u64,
    pub(crate) secret: [u8; 32],
}

/// What a keyset is made of.
#[derive(Clone, Debug)]
pub(crate) struct KeysetMaterial {
    pub(crate) id: [u8; 16],
    pub(crate) primary: u32,
    pub(crate) revision: u64,
    pub(crate) versions: Vec<VersionMaterial>,
}

impl VersionMaterial {
    pub(crate) fn active(id: u32, algorithm: u8, secret: [u8; 32]) -> Self {
        VersionMaterial { id, algorithm, state: 2, activate_at: 0, deactivate_at: 0, secret }
    }

    fn encode(&self) -> Vec<u8> {
        let mut body = self.id.to_be_bytes().to_vec();
        body.extend([self.algorithm, self.state]);
        for time in [1_700_000_000, self.activate_at, self.deactivate_at] {
            body.extend(time.to_be_bytes());
        }
        if self.state > 2 {
            body.extend([0, 1, self.state]);
            body.extend(1_700_000_001u64.to_be_bytes());
            body.extend([4, b't', b'e', b's', b't']);
        } else {
            body.extend([0, 0]);
        }
        if self.state == 6 {
            body.push(0);
        } else {
            body.push(32);
            body.extend(self.secret);
        }
        let mut record = (body.len() as u16).to_be_bytes().to_vec();
        record.extend(body);
        record
    }
}

impl KeysetMaterial {
    /// One active version, which is the primary.
    pub(crate) fn of_one(id: [u8; 16], version: VersionMaterial) -> Self {
        KeysetMaterial { id, primary: version.id, revision: 1, versions: vec![version] }
    }

    /// format.md 8.1.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut versions = self.versions.clone();
        versions.sort_by_key(|version| version.id);
        let mut out = vec![1];
        out.extend(self.id);
        out.extend([4, b't', b'e', b's', b't']);
        out.extend(self.revision.to_be_bytes());
        out.extend([0; 32]);
        out.extend(self.primary.to_be_bytes());
        out.extend([0; 24]);
        let pairs = versions.first().is_some_and(|version| version.algorithm > 2);
        out.extend([if pairs { 0x0c } else { 0x03 }, 0]);
        out.extend((versions.len() as u32).to_be_bytes());
        versions.iter().for_each(|version| out.extend(version.encode()));
        out
    }

    /// format.md 8.4.
    pub(crate) fn unprotected(&self) -> Vec<u8> {
        unprotected(&self.encode())
    }

    pub(crate) fn keyset(&self) -> Keyset {
        Keyset::parse_unprotected(&self.unprotected()).expect("the material makes a keyset")
    }
}

/// format.md 8.4, around any encoding.
pub(crate) fn unprotected(encoding: &[u8]) -> Vec<u8> {
    let hash = Sha256::new().chain_update(b"sealwax/v1/unprotected\0").chain_update(encoding);
    let mut out = b"SWKS\x01".to_vec();
    out.extend(encoding);
    out.extend(&hash.finalize()[..16]);
    out
}

/// Passphrase costs that a test can afford.
pub(crate) const CHEAP: Params = Params { m_kib: 64, t: 1, p: 1 };

pub(crate) fn cheap_passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).and_then(|key| key.with_params(CHEAP)).expect("cheap costs are allowed")
}

pub(crate) fn raw_key(id: u8, key: u8) -> RawKey {
    let filled = Key::init_with(|bytes| {
        bytes.fill(key);
        Ok(())
    });
    RawKey::new(RawKeyId([id; 16]), filled.expect("filling does not fail"))
}

/// The keys that a vector gives its reader.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) keysets: Vec<Keyset>,
    pub(crate) passphrase: Option<Passphrase>,
    pub(crate) raw_keys: Vec<RawKey>,
    pub(crate) unwrapped: Vec<Unwrapped>,
}

impl Held {
    /// Of the `keys` of a vector; a field that nobody knows is a panic.
    pub(crate) fn parse(keys: &Value) -> Self {
        let mut held = Held::default();
        for (field, value) in keys.as_object().expect("keys is an object") {
            match field.as_str() {
                "keysets" => {
                    held.keysets = list(value).iter().flat_map(keysets).collect();
                }
                "passphrase" => {
                    let text = value.as_str().expect("a passphrase is text");
                    held.passphrase = Some(Passphrase::new(text).expect("a passphrase is allowed"));
                }
                "raw_keys" => held.raw_keys = list(value).iter().map(one_raw_key).collect(),
                "provider_keys" => held.unwrapped = list(value).iter().map(provided).collect(),
                other => panic!("unknown field keys.{other}"),
            }
        }
        held
    }

    pub(crate) fn wraps(&self) -> Vec<&dyn KeyWrap> {
        let mut wraps: Vec<&dyn KeyWrap> = Vec::new();
        self.keysets.iter().for_each(|key| wraps.push(key));
        self.passphrase.iter().for_each(|key| wraps.push(key));
        self.raw_keys.iter().for_each(|key| wraps.push(key));
        self.unwrapped.iter().for_each(|key| wraps.push(key));
        wraps
    }
}

/// A keyset of a vector may hold both families; a keyset of ours has one.
fn keysets(material: &Value) -> Vec<Keyset> {
    only(material, &["keyset_id", "versions"]);
    let id = unhex_array(string(material, "keyset_id"));
    let versions = list(&material["versions"]).iter().map(|version| {
        only(version, &["version_id", "algorithm", "secret"]);
        let number = |name: &str| version[name].as_u64().expect("a number");
        let id = u32::try_from(number("version_id")).expect("a version id is a u32");
        let algorithm = u8::try_from(number("algorithm")).expect("an algorithm is a u8");
        VersionMaterial::active(id, algorithm, unhex_array(string(version, "secret")))
    });
    let (pairs, symmetric): (Vec<_>, Vec<_>) = versions.partition(|v| v.algorithm > 2);
    let families = [symmetric, pairs].into_iter().filter(|family| !family.is_empty());
    families
        .map(|versions| KeysetMaterial { id, primary: 0, revision: 1, versions }.keyset())
        .collect()
}

fn one_raw_key(material: &Value) -> RawKey {
    only(material, &["key_id", "key"]);
    let key = key_of(string(material, "key"));
    RawKey::new(RawKeyId(unhex_array(string(material, "key_id"))), key)
}

fn provided(material: &Value) -> Unwrapped {
    only(material, &["provider", "key_name", "key"]);
    let names = [string(material, "provider"), string(material, "key_name")];
    match string(material, "key") {
        key if key.len() == 64 => Unwrapped::new(names[0], names[1], key_of(key)),
        // A key of another length is a failed trial (format.md 5.6).
        _ => Unwrapped::of_wrong_length(names[0], names[1]),
    }
    .expect("the vector's names are allowed")
}

fn key_of<P>(hex: &str) -> Key<P> {
    let mut key = Key::zeroed();
    key.expose_bytes_mut().copy_from_slice(&unhex(hex));
    key
}

pub(crate) fn string<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_else(|| panic!("{name} is not text"))
}

/// A string without what is ignored around it (format.md 9.3).
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(['\t', '\n', '\r', ' '])
}

pub(crate) fn number(object: &Value, name: &str) -> u64 {
    object[name].as_u64().unwrap_or_else(|| panic!("{name} is not a number"))
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// Fails where an object has other fields than these.
pub(crate) fn only(object: &Value, fields: &[&str]) {
    let object = object.as_object().expect("an object");
    for name in object.keys() {
        assert!(fields.contains(&name.as_str()), "unknown field {name}");
    }
    for name in fields {
        assert!(object.contains_key(*name), "missing field {name}");
    }
}
