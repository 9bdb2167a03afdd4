// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recipient types 3 and 4: HPKE to X25519 and to X-Wing (format.md 5.4, RFC 9180 base mode).

use zeroize::Zeroizing;

use super::{Binding, Class, CoreHash, Entry, KeyWrap, Shape, Trials, Unwrap};
use crate::derive::fingerprint;
use crate::error::{Error, Result};
#[cfg(feature = "x-wing")]
use crate::format::entry::X_WING_LEN;
use crate::format::entry::X25519_LEN;
use crate::id::{Algorithm, Fingerprint, RecipientKind, Suite, Wanted};
#[cfg(feature = "x-wing")]
use crate::primitives::kem::{
    X_WING_ENC_LEN, X_WING_PUBLIC_LEN, XWing, x_wing_check_public, x_wing_encapsulate,
};
use crate::primitives::kem::{x25519, x25519_check_public, x25519_public};
use crate::primitives::{AeadKey, expand, extract};
use crate::rng::Random;
use crate::secret::{Data, Held, Key, Pair};

/// A public key that data keys are wrapped for.
// Without a heap there is no box to put the long key into.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// 32 bytes.
    X25519([u8; 32]),
    /// 1,216 bytes: ML-KEM-768 encapsulation key || X25519 public key.
    #[cfg(feature = "x-wing")]
    XWing([u8; X_WING_PUBLIC_LEN]),
}

/// A public key as a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    public: PublicKey,
    fingerprint: Fingerprint,
    hidden: bool,
}

/// A private key, expanded. Whoever has a heap boxes it.
#[allow(clippy::large_enum_variant)]
pub(crate) enum PrivateKey {
    X25519 {
        private: Held<Key<Pair>>,
        public: [u8; 32],
    },
    #[cfg(feature = "x-wing")]
    XWing {
        expanded: XWing,
    },
}

impl PublicKey {
    /// Parses a public key of this algorithm.
    ///
    /// # Errors
    /// `Format` where the length is wrong or the key is not a safe one (format.md 5.4).
    pub fn parse(algorithm: Algorithm, bytes: &[u8]) -> Result<Self> {
        let wrong = Error::format("5.4", "a public key has the wrong length");
        match algorithm {
            Algorithm::X25519 => {
                let bytes = bytes.try_into().map_err(|_| wrong)?;
                x25519_check_public(bytes)?;
                Ok(PublicKey::X25519(*bytes))
            }
            #[cfg(feature = "x-wing")]
            Algorithm::XWing => {
                let bytes = bytes.try_into().map_err(|_| wrong)?;
                x_wing_check_public(bytes)?;
                Ok(PublicKey::XWing(*bytes))
            }
            #[cfg(not(feature = "x-wing"))]
            Algorithm::XWing => Err(Error::unsupported("this build has no X-Wing")),
            Algorithm::Symmetric(_) => Err(Error::misuse("a symmetric key has no public key")),
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            PublicKey::X25519(bytes) => bytes,
            #[cfg(feature = "x-wing")]
            PublicKey::XWing(bytes) => bytes,
        }
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::X25519(_) => Algorithm::X25519,
            #[cfg(feature = "x-wing")]
            PublicKey::XWing(_) => Algorithm::XWing,
        }
    }

    fn kind(&self) -> RecipientKind {
        match self {
            PublicKey::X25519(_) => RecipientKind::X25519,
            #[cfg(feature = "x-wing")]
            PublicKey::XWing(_) => RecipientKind::XWing,
        }
    }

    /// Its fingerprint (format.md 5.4).
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(self.kind(), self.as_bytes())
    }
}

impl Recipient {
    /// A recipient whose entry carries the key's fingerprint.
    ///
    /// # Errors
    /// `Format` where the fingerprint is eight zero bytes, which no honest key has.
    // By itself, so that tests/constant_time/public.supp can name what is public here, and no more.
    #[cfg_attr(feature = "std", inline(never))]
    pub fn new(public: PublicKey) -> Result<Self> {
        let fingerprint = public.fingerprint();
        if fingerprint == Fingerprint::HIDDEN {
            return Err(Error::format("5.4", "this public key's fingerprint is not allowed"));
        }
        Ok(Recipient { public, fingerprint, hidden: false })
    }

    /// The same recipient, not named in the entry: openers try their keys.
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The public key's fingerprint, also where it is hidden in the entry.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The recipient string: `sealwaxpub1...` (format.md 9.1).
    #[cfg(feature = "alloc")]
    pub fn to_text(&self) -> alloc::string::String {
        let mut payload = alloc::vec::Vec::with_capacity(1 + X_WING_PUBLIC_LEN);
        payload.push(self.public.kind().number());
        payload.extend_from_slice(self.public.as_bytes());
        crate::format::strings::encode_recipient(&payload)
    }

    /// Reads a recipient string (format.md 9.1).
    ///
    /// # Errors
    /// `Format` where it is mistyped, of another kind, or not a safe public key.
    #[cfg(feature = "alloc")]
    pub fn parse_text(text: &str) -> Result<Self> {
        let payload = crate::format::strings::decode_recipient(text)?;
        let Some((kind, public)) = payload.split_first() else {
            return Err(Error::format("9.1", "an empty recipient string"));
        };
        match Algorithm::from_u8(*kind)? {
            Algorithm::Symmetric(_) => Err(Error::format("9.1", "not the type of a public key")),
            pair => Recipient::new(PublicKey::parse(pair, public)?),
        }
    }
}

#[cfg(feature = "alloc")]
impl core::fmt::Display for Recipient {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[cfg(feature = "alloc")]
impl core::str::FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Recipient::parse_text(text)
    }
}

impl KeyWrap for Recipient {
    fn shape(&self) -> Result<Shape> {
        let (body_len, class) = match self.public {
            PublicKey::X25519(_) => (X25519_LEN, Class::Classical),
            #[cfg(feature = "x-wing")]
            PublicKey::XWing(_) => (X_WING_LEN, Class::PostQuantum),
        };
        let (kind, hidden) = (self.public.kind(), self.hidden);
        let suite = Suite::DEFAULT;
        let fingerprint = if hidden { Fingerprint::HIDDEN } else { self.fingerprint };
        let wanted = Wanted::Pair(kind, fingerprint);
        Ok(Shape { kind, body_len, class, hidden, suite, wanted })
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        let (fingerprint, rest) =
            body.split_first_chunk_mut::<8>().expect("the body has the length of its kind");
        *fingerprint = if self.hidden { Fingerprint::HIDDEN.0 } else { self.fingerprint.0 };
        let (enc_out, ct) =
            rest.split_last_chunk_mut::<48>().expect("the body has the length of its kind");
        let (kem, shared) = match &self.public {
            PublicKey::X25519(public) => {
                let mut ephemeral = Zeroizing::new([0; 32]);
                random.fill(ephemeral.as_mut_slice())?;
                let enc = x25519_public(&ephemeral);
                let dh = x25519(&ephemeral, public)?;
                enc_out.copy_from_slice(&enc);
                (Kem::X25519, dhkem_shared_secret(&dh, &enc, public))
            }
            #[cfg(feature = "x-wing")]
            PublicKey::XWing(public) => (Kem::XWing, encapsulate(public, random, enc_out)?),
        };
        let (key, nonce) = key_schedule(kem, &shared, kem.info(&binding.core_hash));
        let (plaintext, tag) = ct.split_at_mut(32);
        plaintext.copy_from_slice(data_key.expose_bytes());
        tag.copy_from_slice(&key.seal_in_place(&nonce, &[], plaintext));
        Ok(())
    }

    fn unwrap_key(
        &self,
        _: &Binding,
        _: &Entry<'_>,
        _: &mut Trials,
        _: &mut Key<Data>,
    ) -> Result<Unwrap> {
        Ok(Unwrap::NotAtHand)
    }
}

/// A call of its own: an X25519 key's work does not need the stack for it.
#[cfg(feature = "x-wing")]
#[inline(never)]
fn encapsulate(
    public: &[u8; X_WING_PUBLIC_LEN],
    random: &mut dyn Random,
    enc_out: &mut [u8],
) -> Result<Zeroizing<[u8; 32]>> {
    let (enc, shared) = x_wing_encapsulate(public, random)?;
    enc_out.copy_from_slice(&enc);
    Ok(shared)
}

impl PrivateKey {
    /// Expands the 32 secret bytes of a key pair.
    #[cfg(feature = "alloc")]
    pub(crate) fn expand(algorithm: Algorithm, private: &Key<Pair>) -> Self {
        match algorithm {
            Algorithm::XWing => PrivateKey::x_wing(private),
            _ => PrivateKey::x25519(private),
        }
    }

    /// The private key of an X25519 key pair.
    pub(crate) fn x25519(private: &Key<Pair>) -> Self {
        let (public, mut copy) = (x25519_public(private.expose_bytes()), Key::zeroed());
        *copy.expose_bytes_mut() = *private.expose_bytes();
        PrivateKey::X25519 { private: Held::new(copy), public }
    }

    /// The private key of an X-Wing key pair, from its seed.
    #[cfg(feature = "x-wing")]
    pub(crate) fn x_wing(seed: &Key<Pair>) -> Self {
        PrivateKey::XWing { expanded: XWing::expand(seed.expose_bytes()) }
    }

    pub(crate) fn public(&self) -> PublicKey {
        match self {
            PrivateKey::X25519 { public, .. } => PublicKey::X25519(*public),
            #[cfg(feature = "x-wing")]
            PrivateKey::XWing { expanded } => PublicKey::XWing(expanded.public()),
        }
    }

    /// The fingerprint of its public key.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        match self {
            PrivateKey::X25519 { public, .. } => fingerprint(RecipientKind::X25519, public),
            #[cfg(feature = "x-wing")]
            PrivateKey::XWing { .. } => self.x_wing_fingerprint(),
        }
    }

    /// A call of its own: an X25519 key's work does not need the stack for it.
    #[cfg(feature = "x-wing")]
    #[inline(never)]
    fn x_wing_fingerprint(&self) -> Fingerprint {
        self.public().fingerprint()
    }

    /// HPKE Open of an entry's `enc` and `ct`. Whether it opened.
    pub(crate) fn open(
        &self,
        core_hash: CoreHash,
        enc: &[u8],
        ct: &[u8; 48],
        data_key: &mut Key<Data>,
    ) -> Result<bool> {
        let shared = match self {
            PrivateKey::X25519 { private, public } => {
                let enc: &[u8; 32] = enc.try_into().expect("the entry's length was checked");
                x25519(private.get()?.expose_bytes(), enc)
                    .map(|dh| (Kem::X25519, dhkem_shared_secret(&dh, enc, public)))
            }
            #[cfg(feature = "x-wing")]
            PrivateKey::XWing { expanded } => {
                let enc: &[u8; X_WING_ENC_LEN] =
                    enc.try_into().expect("the entry's length was checked");
                expanded.decapsulate(enc).map(|shared| (Kem::XWing, shared))
            }
        };
        let Ok((kem, shared)) = shared else { return Ok(false) };
        let (key, nonce) = key_schedule(kem, &shared, kem.info(&core_hash));
        let (ciphertext, tag) = ct.split_first_chunk::<32>().expect("32 of 48 bytes");
        let tag = tag.try_into().expect("48 - 32 bytes");
        let out = data_key.expose_bytes_mut();
        *out = *ciphertext;
        let opened = key.open_in_place(&nonce, &[], out, tag).is_ok();
        if !opened {
            zeroize::Zeroize::zeroize(out);
        }
        Ok(opened)
    }
}

/// The two KEMs of RFC 9180's registry that we use.
#[derive(Clone, Copy)]
enum Kem {
    X25519,
    #[cfg(feature = "x-wing")]
    XWing,
}

impl Kem {
    /// suite_id = "HPKE" || kem id || kdf id (HKDF-SHA256) || aead id (ChaCha20Poly1305).
    fn suite_id(self) -> &'static [u8; 10] {
        match self {
            Kem::X25519 => b"HPKE\x00\x20\x00\x01\x00\x03",
            #[cfg(feature = "x-wing")]
            Kem::XWing => b"HPKE\x64\x7a\x00\x01\x00\x03",
        }
    }

    /// info: format.md 5.4.
    fn info(self, core_hash: &CoreHash) -> [&[u8]; 2] {
        let label: &[u8] = match self {
            Kem::X25519 => b"sealwax/v1/x25519\0",
            #[cfg(feature = "x-wing")]
            Kem::XWing => b"sealwax/v1/x-wing\0",
        };
        [label, &core_hash.0]
    }
}

const KEM_SUITE_ID: &[u8; 5] = b"KEM\x00\x20";

/// ExtractAndExpand(dh, enc || pkR): RFC 9180 section 4.1.
fn dhkem_shared_secret(dh: &[u8; 32], enc: &[u8; 32], public: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let eae_prk = labeled_extract(&[], KEM_SUITE_ID, b"eae_prk", &[dh]);
    let mut shared = Zeroizing::new([0; 32]);
    labeled_expand(&eae_prk, KEM_SUITE_ID, b"shared_secret", &[enc, public], shared.as_mut_slice());
    shared
}

/// KeySchedule(mode_base, shared secret, info): RFC 9180 section 5.1. Key and base nonce.
fn key_schedule(kem: Kem, shared: &[u8; 32], info: [&[u8]; 2]) -> (AeadKey, [u8; 12]) {
    let id = kem.suite_id();
    let psk_id_hash = labeled_extract(&[], id, b"psk_id_hash", &[]);
    let info_hash = labeled_extract(&[], id, b"info_hash", &info);
    let context: &[&[u8]] = &[&[0], psk_id_hash.as_slice(), info_hash.as_slice()];
    let secret = labeled_extract(shared, id, b"secret", &[]);
    let mut key = Zeroizing::new([0; 32]);
    let mut base_nonce = [0; 12];
    labeled_expand(&secret, id, b"key", context, key.as_mut_slice());
    labeled_expand(&secret, id, b"base_nonce", context, &mut base_nonce);
    (AeadKey::new(Suite::ChaCha20Poly1305, &key), base_nonce)
}

/// LabeledExtract(salt, label, ikm): RFC 9180 section 4.
fn labeled_extract(
    salt: &[u8],
    suite_id: &[u8],
    label: &[u8],
    ikm: &[&[u8]],
) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(extract(salt, &[b"HPKE-v1", suite_id, label], ikm))
}

/// LabeledExpand(prk, label, info, out.len()): RFC 9180 section 4.
fn labeled_expand(prk: &[u8; 32], suite_id: &[u8], label: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let len = u16::try_from(out.len()).expect("at most 32 bytes are asked for").to_be_bytes();
    expand(prk, &[&len, b"HPKE-v1", suite_id, label], info, out);
}

#[cfg(all(test, feature = "std"))]
mod tests;
