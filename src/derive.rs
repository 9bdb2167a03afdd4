// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which key comes from which: every derivation of docs/format.md, one function per clause.

use crate::error::Result;
use crate::format::core::ChunkLen;
use crate::id::{Fingerprint, KeysetId, RawKeyId, RecipientKind, Suite, VersionId};
#[cfg(feature = "suite-1")]
use crate::primitives::expand512;
use crate::primitives::{NONCE_LEN, Prk, ct_eq, extract, hash};
use crate::secret::{
    Block, Chunk, Data, Ephemeral, Hedge, Key, Payload, Provided, Psk, Raw, Record, Root, Salt,
    Stretched, Token, Traffic, Value, Wrap,
};
use zeroize::Zeroizing;

/// H(core): what every wrap and the payload are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreHash(pub(crate) [u8; 32]);

/// The keys of a symmetric version, ready for use: K_token, K_wrap and K_salt of format.md 6.1.
pub(crate) struct VersionKeys {
    pub(crate) token: Prk<Token>,
    pub(crate) wrap: Prk<Wrap>,
    pub(crate) salt: Prk<Salt>,
}

/// Where a symmetric version stands: what its keys are bound to.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) suite: Suite,
    pub(crate) keyset: KeysetId,
    pub(crate) version: VersionId,
}

/// format.md 6.1.
pub(crate) fn version_keys(
    root: &Key<Root>,
    suite: Suite,
    keyset: KeysetId,
    version: VersionId,
) -> VersionKeys {
    let (root, place) = (Prk::new(root), Place { suite, keyset, version });
    VersionKeys {
        token: token_key(&root, place),
        wrap: wrap_key(&root, place),
        salt: salt_key(&root, place),
    }
}

/// K_token: format.md 6.1.
pub(crate) fn token_key(root: &Prk<Root>, place: Place) -> Prk<Token> {
    version_key(root, b"sealwax/v1/token", place)
}

/// K_wrap: format.md 6.1.
pub(crate) fn wrap_key(root: &Prk<Root>, place: Place) -> Prk<Wrap> {
    version_key(root, b"sealwax/v1/wrap", place)
}

/// K_salt: format.md 6.1.
pub(crate) fn salt_key(root: &Prk<Root>, place: Place) -> Prk<Salt> {
    version_key(root, b"sealwax/v1/salt", place)
}

fn version_key<P>(root: &Prk<Root>, label: &[u8], place: Place) -> Prk<P> {
    let Place { suite, keyset, version } = place;
    let version = version.value().to_be_bytes();
    Prk::new(&expand(root, label, [&[0], &[suite as u8], &keyset.0, &version]))
}

/// K_block: format.md 4.2.
pub(crate) fn block_key(data_key: &Prk<Data>, suite: Suite) -> Key<Block> {
    expand(data_key, b"sealwax/v1/key-block", [&[0], &[suite as u8], &[], &[]])
}

/// K_payload: format.md 4.2.
pub(crate) fn payload_key(data_key: &Prk<Data>, suite: Suite) -> Key<Payload> {
    expand(data_key, b"sealwax/v1/payload", [&[0], &[suite as u8], &[], &[]])
}

/// K_pw from what Argon2id made: format.md 5.3.
pub(crate) fn passphrase_key(
    stretched: &Key<Stretched>,
    suite: Suite,
    m_kib: u32,
    t: u32,
    p: u8,
) -> Prk<Wrap> {
    let (m_kib, t) = (m_kib.to_be_bytes(), t.to_be_bytes());
    let costs: [&[u8]; 4] = [&[0, suite as u8], &m_kib, &t, &[p]];
    Prk::new(&expand(&Prk::new(stretched), b"sealwax/v1/passphrase", costs))
}

/// K_raw: format.md 5.5.
pub(crate) fn raw_key(key: &Key<Raw>, suite: Suite, id: RawKeyId) -> Prk<Wrap> {
    let place: [&[u8]; 4] = [&[0], &[suite as u8], &id.0, &[]];
    Prk::new(&expand(&Prk::new(key), b"sealwax/v1/raw-key", place))
}

/// K_prov: format.md 5.6. `names` is the two names with their lengths.
pub(crate) fn provider_key(
    provided: &Key<Provided>,
    suite: Suite,
    provider: &str,
    key_name: &str,
) -> Prk<Wrap> {
    let provider_len =
        u8::try_from(provider.len()).expect("a provider's name is at most 255 bytes");
    let key_name_len = u16::try_from(key_name.len()).expect("a key's name is at most 2,048 bytes");
    let mut key = Key::zeroed();
    let info: [&[u8]; 6] = [
        b"sealwax/v1/provider\0",
        &[suite as u8],
        &[provider_len],
        provider.as_bytes(),
        &key_name_len.to_be_bytes(),
        key_name.as_bytes(),
    ];
    Prk::new(provided).expand(&info, &[], key.expose_bytes_mut());
    Prk::new(&key)
}

/// K_salt for the T of an entry, from that T's own key: format.md 3.5.
pub(crate) fn wrap_salt_key(key: &Prk<Wrap>) -> Prk<Salt> {
    Prk::new(&expand(key, b"sealwax/v1/wrap-salt", [&[0], &[], &[], &[]]))
}

/// Fingerprint of a public key: format.md 5.4.
pub(crate) fn fingerprint(kind: RecipientKind, public: &[u8]) -> Fingerprint {
    let hash = hash(&[b"sealwax/v1/fingerprint\0", &[kind.number()], public]);
    Fingerprint(*hash.first_chunk().expect("a hash has 32 bytes"))
}

/// K_hedge of a side, from a secret of its own: format.md 13.3a.
pub(crate) fn hedge_key(secret: &[u8; 32]) -> Key<Hedge> {
    let mut key = Key::zeroed();
    let label: [&[u8]; 1] = [b"sealwax/v1/transit/hedge\0"];
    crate::primitives::expand(secret, &label, &[], key.expose_bytes_mut());
    key
}

/// An ephemeral secret, from what the random source gave: format.md 13.3a.
pub(crate) fn hedged_into(
    key: &Key<Hedge>,
    drawn: &Key<Ephemeral>,
    number: u8,
    transcript: &[u8; 32],
    out: &mut [u8],
) {
    let prk = Zeroizing::new(extract(key.expose_bytes(), &[], &[drawn.expose_bytes()]));
    let info: [&[u8]; 3] = [b"sealwax/v1/transit/ephemeral\0", &[number], transcript];
    crate::primitives::expand(&prk, &info, &[], out);
}

/// The psk that X-Wing makes: format.md 13.5. `given` is the caller's psk, or zeros; `head` that of message 1.
pub(crate) fn hybrid_psk(
    given: &Key<Psk>,
    suite: Suite,
    head: &[u8],
    shared: &[u8; 32],
    public: &[u8],
    ciphertext: &[u8],
) -> Key<Psk> {
    let place: [&[u8]; 4] = [&[0], &[suite as u8], &[], &[]];
    let salt: Key<Psk> = expand(&Prk::new(given), b"sealwax/v1/transit/psk", place);
    let prk = Zeroizing::new(extract(salt.expose_bytes(), &[], &[shared]));
    let exchanged = hash(&[public, ciphertext]);
    let mut psk = Key::zeroed();
    let info: [&[u8]; 3] = [b"sealwax/v1/transit/hybrid\0", head, &exchanged];
    crate::primitives::expand(&prk, &info, &[], psk.expose_bytes_mut());
    psk
}

/// key and commitment of T: format.md 3.1. The key comes out only if the commitment is the given one.
///
/// In its place, and not within a `Result`: the place of an error is the caller's, and compilers write there what it may hold.
pub(crate) fn value_key_into<P>(
    key: &Prk<P>,
    salt: &[u8; 24],
    context: &[&[u8]],
    commitment: Commitment<'_>,
    value_key: &mut Key<Value>,
) -> Result<()> {
    let mut okm = Zeroizing::new([0u8; 64]);
    key.expand(&[b"sealwax/v1/T", salt], context, okm.as_mut_slice());
    let (bytes, derived) = okm.split_at(32);
    commitment.settle(derived.try_into().expect("64 - 32 bytes"))?;
    value_key.expose_bytes_mut().copy_from_slice(bytes);
    Ok(())
}

/// key, base nonce and commitment of M: format.md 5A.1. The key comes out only if the commitment is the given one. Returns the
/// base nonce.
pub(crate) fn chunk_key_into(
    key: &Key<Payload>,
    suite: Suite,
    chunk_len: ChunkLen,
    salt: &[u8; 24],
    context: &[&[u8]],
    commitment: Commitment<'_>,
    chunk_key: &mut Key<Chunk>,
) -> Result<[u8; NONCE_LEN]> {
    let mut okm = Zeroizing::new([0u8; 76]);
    match suite {
        #[cfg(feature = "suite-1")]
        Suite::Cobblestone256 => {
            let label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
            expand512(key.expose_bytes(), &[label, salt], context, okm.as_mut_slice());
        }
        Suite::ChaCha20Poly1305 => {
            let label = b"sealwax/v1/chunked+AEAD_CHACHA20_POLY1305\0";
            let head: [&[u8]; 3] = [label, &[chunk_len.log2()], salt];
            Prk::new(key).expand(&head, context, okm.as_mut_slice());
        }
    }
    let (bytes, rest) = okm.split_at(32);
    let (base_nonce, derived) = rest.split_at(NONCE_LEN);
    commitment.settle(derived.try_into().expect("76 - 44 bytes"))?;
    chunk_key.expose_bytes_mut().copy_from_slice(bytes);
    Ok(base_nonce.try_into().expect("12 of 76 bytes"))
}

/// Key and IV of the records of an epoch, from S_e: format.md 13.9. Returns the IV.
pub(crate) fn record_key_into(
    secret: &Key<Traffic>,
    suite: Suite,
    epoch: u32,
    key: &mut Key<Record>,
) -> [u8; NONCE_LEN] {
    let mut okm = Zeroizing::new([0u8; 44]);
    let place: [&[u8]; 2] = [&[suite as u8], &epoch.to_be_bytes()];
    Prk::new(secret).expand(&[b"sealwax/v1/transit/record\0"], &place, okm.as_mut_slice());
    let (bytes, iv) = okm.split_at(32);
    key.expose_bytes_mut().copy_from_slice(bytes);
    iv.try_into().expect("12 of 44 bytes")
}

/// S_{e+1} in the place of S_e: format.md 13.9.
pub(crate) fn step_traffic(secret: &mut Key<Traffic>, suite: Suite) {
    let next: Key<Traffic> =
        expand(&Prk::new(secret), b"sealwax/v1/transit/next", [&[0], &[suite as u8], &[], &[]]);
    secret.expose_bytes_mut().copy_from_slice(next.expose_bytes());
}

/// K_export, which seals the state of a session, and K_salt for its salts: format.md 13.13.
pub(crate) fn export_keys(device: &Key<Raw>, suite: Suite) -> (Prk<Wrap>, Prk<Salt>) {
    let (device, place) = (Prk::new(device), [&[0][..], &[suite as u8], &[], &[]]);
    (
        Prk::new(&expand(&device, b"sealwax/v1/transit/export", place)),
        Prk::new(&expand(&device, b"sealwax/v1/transit/export-salt", place)),
    )
}

/// What to do with a derived commitment.
pub(crate) enum Commitment<'a> {
    /// Sealing: write it here.
    Write(&'a mut [u8; 32]),
    /// Opening: it must be this one.
    Expect(&'a [u8; 32]),
}

impl Commitment<'_> {
    fn settle(self, derived: &[u8; 32]) -> Result<()> {
        match self {
            Commitment::Write(out) => *out = *derived,
            Commitment::Expect(given) if ct_eq(given, derived) => {}
            Commitment::Expect(_) => return Err(crate::Error::Decrypt),
        }
        Ok(())
    }
}

/// Expand(key, label || place, 32).
fn expand<P, Q>(key: &Prk<P>, label: &[u8], place: [&[u8]; 4]) -> Key<Q> {
    let mut out = Key::zeroed();
    key.expand(&[label], &place, out.expose_bytes_mut());
    out
}

#[cfg(all(test, feature = "std"))]
mod tests;
