// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words aead, hash, hmac, expand, kem. Only this module and its backends name a primitive crate.

#[cfg(feature = "aws-lc")]
pub(crate) mod aws_lc;
pub(crate) mod kem;
mod pieces;
#[cfg(feature = "std")]
pub(crate) mod sharing;
// Where aws-lc is on too, only the tests that compare the backends use it.
#[cfg(feature = "ring")]
#[cfg_attr(feature = "aws-lc", allow(dead_code))]
pub(crate) mod ring;
mod running_hash;
#[cfg_attr(any(feature = "aws-lc", feature = "ring"), allow(dead_code))]
pub(crate) mod rustcrypto;

#[cfg(feature = "aws-lc")]
use self::aws_lc as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc")))]
use self::ring as backend;
#[cfg(not(any(feature = "aws-lc", feature = "ring")))]
use self::rustcrypto as backend;

pub(crate) use pieces::Pieces;
pub(crate) use running_hash::{RunningHash, STATE_LEN};

use core::marker::PhantomData;

use hmac::EagerHash;
use hmac::KeyInit;
use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, BufferKindUser, FixedOutputCore, UpdateCore};
use sha2::Sha256;
#[cfg(feature = "suite-1")]
use sha2::Sha512;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::error::Result;
use crate::id::Suite;
use crate::secret::{KEY_LEN, Key};

/// Length of an AEAD nonce, in bytes, in both suites.
pub(crate) const NONCE_LEN: usize = 12;
/// Length of an AEAD tag, in bytes, in both suites.
pub(crate) const TAG_LEN: usize = 16;
/// Length of a SHA-256 hash, in bytes.
pub(crate) const HASH_LEN: usize = 32;

/// The name of the AEAD backend that this build uses.
pub const BACKEND: &str = backend::NAME;

/// A key of a suite's AEAD, with its schedule.
pub(crate) struct AeadKey(backend::AeadKey);

impl AeadKey {
    pub(crate) fn new(suite: Suite, key: &[u8; KEY_LEN]) -> Self {
        AeadKey(backend::AeadKey::new(suite, key))
    }

    /// Encrypts `in_out` in place and returns the tag. The caller never repeats a nonce.
    #[inline]
    pub(crate) fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> [u8; TAG_LEN] {
        self.0.seal_in_place(nonce, aad, in_out)
    }

    /// Encrypts `plaintext` into `out`, of the same length, and returns the tag. The caller never repeats a nonce.
    #[inline]
    pub(crate) fn seal_into(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> [u8; TAG_LEN] {
        self.0.seal_into(nonce, aad, plaintext, out)
    }

    /// Decrypts `ciphertext` into `out`, of the same length. On `Decrypt`, `out` holds nothing that may be used.
    #[inline]
    pub(crate) fn open_into(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG_LEN],
        out: &mut [u8],
    ) -> Result<()> {
        self.0.open_into(nonce, aad, ciphertext, tag, out)
    }

    /// Decrypts `in_out` in place. On `Decrypt`, `in_out` holds nothing that may be used.
    #[inline]
    pub(crate) fn open_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<()> {
        self.0.open_in_place(nonce, aad, in_out, tag)
    }
}

/// SHA-256 of the pieces, one after the other (FIPS 180-4).
pub(crate) fn hash(pieces: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut hash = <Sha256 as EagerHash>::Core::default();
    let mut buffer = Buffer::<<Sha256 as EagerHash>::Core>::default();
    pieces.iter().for_each(|piece| absorb(&mut hash, &mut buffer, piece));
    let mut out = Output::<Sha256>::default();
    hash.finalize_fixed_core(&mut buffer, &mut out);
    out.into()
}

/// A key as HMAC-SHA-256's two first states: what HKDF-Expand starts from each time.
pub(crate) struct Prk<P> {
    hmac: HmacCore<Sha256>,
    purpose: PhantomData<fn() -> P>,
}

impl<P> Prk<P> {
    pub(crate) fn new(key: &Key<P>) -> Self {
        Prk { hmac: keyed(key.expose_bytes()), purpose: PhantomData }
    }

    /// HKDF-Expand(key, head || info, out.len()) with SHA-256: RFC 5869 section 2.3.
    ///
    /// `head` and `info` are pieces, one after the other. At most 255 x 32 bytes.
    pub(crate) fn expand(&self, head: &[&[u8]], info: &[&[u8]], out: &mut [u8]) {
        expand_from(&self.hmac, head, info, out);
    }

    /// HMAC(key, pieces) with SHA-256: RFC 2104.
    pub(crate) fn mac(&self, pieces: &[&[u8]]) -> [u8; HASH_LEN] {
        mac(&self.hmac, &[], pieces, &[], &[]).into()
    }
}

/// HKDF-Extract(salt, head || ikm) with SHA-256: RFC 5869 section 2.2.
pub(crate) fn extract(salt: &[u8], head: &[&[u8]], ikm: &[&[u8]]) -> [u8; HASH_LEN] {
    mac(&keyed::<Sha256>(salt), &[], head, ikm, &[]).into()
}

/// HKDF-Expand(prk, head || info, out.len()) with SHA-256: RFC 5869 section 2.3.
pub(crate) fn expand(prk: &[u8; HASH_LEN], head: &[&[u8]], info: &[&[u8]], out: &mut [u8]) {
    expand_from(&keyed::<Sha256>(prk), head, info, out);
}

/// HKDF-Expand with SHA-512 and a 32-byte PRK: RFC 5869 section 2.3.
///
/// The hkdf crate would refuse it: the PRK is shorter than the hash.
#[cfg(feature = "suite-1")]
pub(crate) fn expand512(prk: &[u8; KEY_LEN], head: &[&[u8]], info: &[&[u8]], out: &mut [u8]) {
    expand_from(&keyed::<Sha512>(prk), head, info, out);
}

fn keyed<H: EagerHash>(key: &[u8]) -> HmacCore<H> {
    HmacCore::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// HMAC of all pieces, from a keyed first state.
///
/// The crate's block interface: its buffered one copies and wipes a buffer more for each short input.
#[inline]
fn mac<H: EagerHash>(
    keyed: &HmacCore<H>,
    first: &[u8],
    head: &[&[u8]],
    info: &[&[u8]],
    last: &[u8],
) -> Output<HmacCore<H>> {
    let mut hmac = keyed.clone();
    let mut buffer = Buffer::<HmacCore<H>>::default();
    for pieces in [&[first][..], head, info, &[last][..]] {
        pieces.iter().for_each(|piece| absorb(&mut hmac, &mut buffer, piece));
    }
    let mut out = Output::<HmacCore<H>>::default();
    hmac.finalize_fixed_core(&mut buffer, &mut out);
    out
}

/// One more piece of what is hashed. On firmware one function, where a host has it in each place.
#[cfg_attr(feature = "std", inline)]
#[cfg_attr(not(feature = "std"), inline(never))]
fn absorb<C: UpdateCore + BufferKindUser>(core: &mut C, buffer: &mut Buffer<C>, piece: &[u8]) {
    buffer.digest_blocks(piece, |blocks| core.update_blocks(blocks));
}

/// T(i) = HMAC(prk, T(i-1) || head || info || i): RFC 5869 section 2.3.
fn expand_from<H: EagerHash>(prk: &HmacCore<H>, head: &[&[u8]], info: &[&[u8]], out: &mut [u8]) {
    let mut previous = Output::<HmacCore<H>>::default();
    let mut first = 0;
    for (block, counter) in out.chunks_mut(previous.len()).zip(1u8..=255) {
        previous = mac(prk, &previous[..first], head, info, &[counter]);
        first = previous.len();
        block.copy_from_slice(&previous[..block.len()]);
    }
    previous.as_mut_slice().zeroize();
}

/// Whether two public-length values are equal, in time that depends on the length only.
///
/// A function of its own in every build, so that its machine code can be looked at (scripts/assurance.d/branches.py).
#[inline(never)]
pub(crate) fn ct_eq<const N: usize>(one: &[u8; N], other: &[u8; N]) -> bool {
    const { assert!(N.is_multiple_of(8)) };
    // Eight bytes at a time: the barrier that keeps the compiler from being clever costs as much for one.
    let (one, other) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    let mut equal = Choice::from(1);
    // By index: the bounds are constants here, and an iterator would compare lengths.
    #[allow(clippy::needless_range_loop)]
    for index in 0..N / 8 {
        equal &= u64::from_ne_bytes(one[index]).ct_eq(&u64::from_ne_bytes(other[index]));
    }
    equal.into()
}

#[cfg(feature = "alloc")]
pub(crate) use passphrase::argon2id;

#[cfg(feature = "alloc")]
mod passphrase {
    use crate::error::{Error, Result};
    use crate::secret::{Key, Stretched};

    /// Argon2id, version 0x13, no secret and no data: RFC 9106 section 3.
    ///
    /// Takes `m_kib` KiB of memory. Errors: `Limit` where the costs are not Argon2's or memory is refused.
    pub(crate) fn argon2id(
        passphrase: &[u8],
        salt: &[u8; 16],
        m_kib: u32,
        t: u32,
        p: u8,
    ) -> Result<Key<Stretched>> {
        let refused = Error::limit("Argon2id does not take these costs");
        let Ok(params) = argon2::Params::new(m_kib, t, u32::from(p), Some(32)) else {
            return Err(refused);
        };
        let mut blocks = alloc::vec::Vec::new();
        if blocks.try_reserve_exact(params.block_count()).is_err() {
            return Err(Error::limit("not enough memory for these Argon2id costs"));
        }
        blocks.resize(params.block_count(), argon2::Block::default());
        let argon2 =
            argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let key = Key::init_with(|out| {
            argon2
                .hash_password_into_with_memory(passphrase, salt, out, &mut blocks)
                .map_err(|_| refused)
        });
        zeroize::Zeroize::zeroize(&mut blocks);
        key
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
