// SPDX-License-Identifier: MIT OR Apache-2.0
//! X-Wing: ML-KEM-768 with X25519 (format.md 5.4).

use ml_kem::KeyExport;
use ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
use sha3::{Digest, Sha3_256};
use shake::{ExtendableOutput, Shake256, Update, XofReader};
use zeroize::{Zeroize, Zeroizing};

use super::{X25519Private, backend, x25519, x25519_check_public, x25519_public};
use crate::error::{Error, Result};
use crate::rng::Random;

const NOT_ML_KEM: Error = Error::format("5.4", "not an ML-KEM-768 encapsulation key");
/// Length of an ML-KEM-768 encapsulation key, in bytes.
pub(in crate::primitives) const ML_KEM_PUBLIC_LEN: usize = 1184;
/// Length of an ML-KEM-768 ciphertext, in bytes.
pub(in crate::primitives) const ML_KEM_CIPHERTEXT_LEN: usize = 1088;
/// Length of an X-Wing public key, in bytes.
pub(crate) const X_WING_PUBLIC_LEN: usize = ML_KEM_PUBLIC_LEN + 32;
/// Length of an X-Wing ciphertext, in bytes.
pub(crate) const X_WING_ENC_LEN: usize = ML_KEM_CIPHERTEXT_LEN + 32;

/// An X-Wing key pair expanded from its seed: draft-connolly-cfrg-xwing-kem section 5.2.
pub(crate) struct Expanded {
    ml_kem: backend::MlKem,
    ml_kem_public: [u8; ML_KEM_PUBLIC_LEN],
    x25519_private: Zeroizing<[u8; 32]>,
    x25519_public: [u8; 32],
}

/// An X-Wing key pair where there is no heap: its seed, expanded whenever it is used and in calls of their own, so that what is
/// for X25519 alone does not need the stack of ML-KEM.
#[cfg(not(feature = "alloc"))]
pub(crate) struct Seed(Zeroizing<[u8; 32]>);

#[cfg(not(feature = "alloc"))]
impl Seed {
    /// Takes the seed.
    pub(crate) fn expand(seed: &[u8; 32]) -> Self {
        Seed(Zeroizing::new(*seed))
    }

    /// [`Expanded::public`].
    #[inline(never)]
    pub(crate) fn public(&self) -> [u8; X_WING_PUBLIC_LEN] {
        Expanded::expand(&self.0).public()
    }

    /// [`Expanded::decapsulate`].
    #[inline(never)]
    pub(crate) fn decapsulate(&self, enc: &[u8; X_WING_ENC_LEN]) -> Result<Zeroizing<[u8; 32]>> {
        Expanded::expand(&self.0).decapsulate(enc)
    }
}

impl Expanded {
    /// expandDecapsulationKey(seed).
    pub(crate) fn expand(seed: &[u8; 32]) -> Self {
        let mut shake = Shake256::default();
        shake.update(seed);
        let mut expanded = Zeroizing::new([0u8; 96]);
        shake.finalize_xof().read(expanded.as_mut_slice());
        let (ml_kem_seed, x25519_private) = expanded.split_at(64);
        let mut ml_kem_seed = ml_kem::Seed::try_from(ml_kem_seed).expect("64 of 96 bytes");
        let ml_kem = DecapsulationKey::from_seed(ml_kem_seed);
        ml_kem_seed.as_mut_slice().zeroize();
        let ml_kem_public = ml_kem.encapsulation_key().to_bytes().into();
        let ml_kem = backend::MlKem::new(ml_kem);
        let mut private = Zeroizing::new([0u8; 32]);
        private.copy_from_slice(x25519_private);
        let x25519_public = x25519_public(&private);
        Expanded { ml_kem, ml_kem_public, x25519_private: private, x25519_public }
    }

    /// The public key: ML-KEM-768 encapsulation key || X25519 public key.
    pub(crate) fn public(&self) -> [u8; X_WING_PUBLIC_LEN] {
        let mut public = [0; X_WING_PUBLIC_LEN];
        let (ml_kem, x25519) = public.split_at_mut(ML_KEM_PUBLIC_LEN);
        ml_kem.copy_from_slice(&self.ml_kem_public);
        x25519.copy_from_slice(&self.x25519_public);
        public
    }

    /// Decapsulate(ct, seed): section 5.5, with an all-zero X25519 secret refused.
    pub(crate) fn decapsulate(&self, enc: &[u8; X_WING_ENC_LEN]) -> Result<Zeroizing<[u8; 32]>> {
        let (ct_m, ct_x) = enc.split_first_chunk().expect("1088 of 1120 bytes");
        let ct_x: &[u8; 32] = ct_x.try_into().expect("1120 - 1088 bytes");
        let ss_m = self.ml_kem.decapsulate(ct_m);
        let ss_x = x25519(&self.x25519_private, ct_x)?;
        Ok(combine(ss_m.as_slice(), &ss_x, ct_x, &self.x25519_public))
    }
}

/// Whether these bytes may be an X-Wing public key (FIPS 203 section 7.2, format.md 5.4).
#[inline(never)]
pub(crate) fn x_wing_check_public(public: &[u8; X_WING_PUBLIC_LEN]) -> Result<()> {
    x25519_check_public(public[ML_KEM_PUBLIC_LEN..].try_into().expect("1216 - 1184 bytes"))?;
    ml_kem_public(public).map(drop)
}

/// Encapsulate(pk): section 5.4. Returns enc and the shared secret.
///
/// With aws-lc-rs the ML-KEM half draws from that library's own source, which the system seeds; `random` gives the rest.
#[inline(never)]
pub(crate) fn x_wing_encapsulate(
    public: &[u8; X_WING_PUBLIC_LEN],
    random: &mut dyn Random,
) -> Result<([u8; X_WING_ENC_LEN], Zeroizing<[u8; 32]>)> {
    let mut ephemeral = Zeroizing::new([0; 32]);
    random.fill(ephemeral.as_mut_slice())?;
    #[cfg(feature = "aws-lc")]
    {
        let pk_m = public.first_chunk().expect("1184 of 1216 bytes");
        let share = backend::ml_kem_encapsulate(pk_m).ok_or(NOT_ML_KEM)?;
        x_wing_combine_shares(public, share, &ephemeral)
    }
    #[cfg(not(feature = "aws-lc"))]
    {
        let mut eseed = Zeroizing::new([0; 64]);
        random.fill(&mut eseed[..32])?;
        eseed[32..].copy_from_slice(ephemeral.as_slice());
        x_wing_encapsulate_derand(public, &eseed)
    }
}

/// EncapsulateDerand(pk, eseed): section 5.4. Returns enc and the shared secret.
#[cfg(any(test, not(feature = "aws-lc")))]
pub(crate) fn x_wing_encapsulate_derand(
    public: &[u8; X_WING_PUBLIC_LEN],
    eseed: &[u8; 64],
) -> Result<([u8; X_WING_ENC_LEN], Zeroizing<[u8; 32]>)> {
    let (m, ephemeral) = eseed.split_first_chunk::<32>().expect("half of 64 bytes");
    let ephemeral: &[u8; 32] = ephemeral.try_into().expect("half of 64 bytes");
    let (ct_m, ss_m) = ml_kem_public(public)?.encapsulate_deterministic(m.into());
    x_wing_combine_shares(public, (ct_m.into(), Zeroizing::new(ss_m.into())), ephemeral)
}

/// The rest of section 5.4, after ML-KEM's share.
fn x_wing_combine_shares(
    public: &[u8; X_WING_PUBLIC_LEN],
    (ct_m, ss_m): ([u8; ML_KEM_CIPHERTEXT_LEN], Zeroizing<[u8; 32]>),
    ephemeral: &[u8; 32],
) -> Result<([u8; X_WING_ENC_LEN], Zeroizing<[u8; 32]>)> {
    let pk_x: &[u8; 32] = public[ML_KEM_PUBLIC_LEN..].try_into().expect("1216 - 1184 bytes");
    let ephemeral = X25519Private::new(ephemeral);
    let (ct_x, ss_x) = (ephemeral.public(), ephemeral.agree(pk_x)?);
    let shared = combine(ss_m.as_slice(), &ss_x, &ct_x, pk_x);
    let mut enc = [0; X_WING_ENC_LEN];
    enc[..ML_KEM_CIPHERTEXT_LEN].copy_from_slice(&ct_m);
    enc[ML_KEM_CIPHERTEXT_LEN..].copy_from_slice(&ct_x);
    Ok((enc, shared))
}

fn ml_kem_public(public: &[u8; X_WING_PUBLIC_LEN]) -> Result<EncapsulationKey> {
    let bytes = public[..ML_KEM_PUBLIC_LEN].try_into().expect("1184 of 1216 bytes");
    EncapsulationKey::new(bytes).map_err(|_| NOT_ML_KEM)
}

/// Combiner: SHA3-256(ss_M || ss_X || ct_X || pk_X || XWingLabel), section 5.3.
fn combine(ss_m: &[u8], ss_x: &[u8; 32], ct_x: &[u8; 32], pk_x: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha3_256::new();
    for piece in [ss_m, ss_x, ct_x, pk_x, br"\.//^\"] {
        Digest::update(&mut hash, piece);
    }
    Zeroizing::new(hash.finalize().into())
}
