// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wiping of dead stack.

use core::mem::MaybeUninit;

pub(crate) use depth::{
    CHUNKS_DEPTH, EPOCH_DEPTH, FACE_DEPTH, HANDSHAKE_DEPTH, HEADER_DEPTH, KEPT_DEPTH,
    KEY_PAIR_DEPTH, OPENING_DEPTH, PLAIN_KEYSET_DEPTH, PUBLIC_KEY_DEPTH, RECORD_DEPTH,
    SEALING_DEPTH, SESSION_DEPTH, TOKEN_DEPTH, VALUE_DEPTH, X_WING_DEPTH, X_WING_PAIR_DEPTH,
    X_WING_SEALING_DEPTH,
};

// How deep each kind of work goes, measured in release builds on x86-64 with each backend, and a margin of a
// third or more. What is deeper stays. Builds without optimisation go far deeper, and are wiped farther.
#[cfg(not(target_os = "none"))]
mod depth {
    const fn depth(optimised: usize, other: usize) -> usize {
        if cfg!(debug_assertions) { other } else { optimised }
    }

    /// What the AEAD takes of the stack differs most: RustCrypto's AES keeps many blocks there.
    const fn aead(aws_lc: usize, ring: usize, rustcrypto: usize) -> usize {
        let optimised = if cfg!(feature = "aws-lc") {
            aws_lc
        } else if cfg!(feature = "ring") {
            ring
        } else {
            rustcrypto
        };
        depth(optimised, 32 * 1024)
    }

    /// Sealing and opening one value: 1,688 bytes with aws-lc-rs, 4,784 with ring, 11,728 with RustCrypto.
    pub(crate) const VALUE_DEPTH: usize = aead(2304, 6656, 16 * 1024);
    /// Sealing and opening a record: of suite 1, with aws-lc-rs deeper than a value.
    pub(crate) const RECORD_DEPTH: usize = aead(6656, 6656, 16 * 1024);
    /// Sealing and opening a batch of chunks: 3,248 bytes with aws-lc-rs, and as for a value with RustCrypto.
    pub(crate) const CHUNKS_DEPTH: usize = aead(4608, 6656, 16 * 1024);
    /// Making and opening a header with symmetric keys: 13,792 bytes.
    pub(crate) const HEADER_DEPTH: usize = depth(20 * 1024, 64 * 1024);
    /// The same with public keys and passphrases: 47,200 bytes. ML-KEM keeps its vectors on the stack.
    pub(crate) const PUBLIC_KEY_DEPTH: usize = depth(64 * 1024, 160 * 1024);
    /// What copies a key that a caller gave, above the work that uses it.
    pub(crate) const FACE_DEPTH: usize = depth(4096, 32 * 1024);

    // Where there is no heap these go less deep; here there is stack enough for one number.
    pub(crate) const TOKEN_DEPTH: usize = HEADER_DEPTH;
    pub(crate) const EPOCH_DEPTH: usize = RECORD_DEPTH;
    pub(crate) const PLAIN_KEYSET_DEPTH: usize = HEADER_DEPTH;
    pub(crate) const OPENING_DEPTH: usize = HEADER_DEPTH;
    pub(crate) const SEALING_DEPTH: usize = HEADER_DEPTH;
    pub(crate) const KEY_PAIR_DEPTH: usize = PUBLIC_KEY_DEPTH;
    pub(crate) const HANDSHAKE_DEPTH: usize = PUBLIC_KEY_DEPTH;
    pub(crate) const SESSION_DEPTH: usize = HEADER_DEPTH;
    pub(crate) const KEPT_DEPTH: usize = HEADER_DEPTH;
    pub(crate) const X_WING_PAIR_DEPTH: usize = PUBLIC_KEY_DEPTH;
    pub(crate) const X_WING_DEPTH: usize = PUBLIC_KEY_DEPTH;
    pub(crate) const X_WING_SEALING_DEPTH: usize = PUBLIC_KEY_DEPTH;
}

// Without an operating system the stack is small and nothing guards its end: each is a little more than the work uses, on
// ARMv7E-M for size and for speed and on ARMv6-M for size, and a call's stack in the C header has room for it.
// `scripts/firmware` fails where the work goes deeper.
#[cfg(target_os = "none")]
mod depth {
    /// AES without instructions for it keeps its round keys on the stack, where suite 1 is built in.
    const fn aead(suite_2: usize, both: usize) -> usize {
        if cfg!(feature = "suite-1") { both } else { suite_2 }
    }

    /// One value under a key that is ready: what a token does last.
    pub(crate) const VALUE_DEPTH: usize = aead(1024, 2048);
    /// A token, with the keys that lead to its own.
    pub(crate) const TOKEN_DEPTH: usize = aead(1536, 2560);
    /// A record, also the first that comes under other keys.
    pub(crate) const RECORD_DEPTH: usize = aead(1600, 2624);
    /// The keys of another epoch.
    pub(crate) const EPOCH_DEPTH: usize = 1344;
    /// A chunk, in one pass or in two.
    pub(crate) const CHUNKS_DEPTH: usize = aead(1216, 1984);
    /// Reading a keyset that is not protected.
    pub(crate) const PLAIN_KEYSET_DEPTH: usize = 1152;
    /// Opening a keyset file.
    pub(crate) const HEADER_DEPTH: usize = aead(2304, 4096);
    /// Authenticating a header with a symmetric key.
    pub(crate) const OPENING_DEPTH: usize = 3072;
    /// Making one.
    pub(crate) const SEALING_DEPTH: usize = aead(2176, 2752);
    /// The public half of an X25519 key pair.
    pub(crate) const KEY_PAIR_DEPTH: usize =
        if cfg!(target_arch = "riscv32") { 2432 } else { 2048 };
    /// A header and an X25519 key pair. Also a handshake's message, but for the first that is read.
    pub(crate) const PUBLIC_KEY_DEPTH: usize = 3776;
    /// Reading the first message of a handshake.
    pub(crate) const HANDSHAKE_DEPTH: usize = 5632;
    /// Taking a session out of a handshake.
    pub(crate) const SESSION_DEPTH: usize = 2560;
    /// Keeping a session, and taking it up again.
    pub(crate) const KEPT_DEPTH: usize = aead(1792, 2816);
    /// What copies a key that a caller gave, above the work that uses it.
    pub(crate) const FACE_DEPTH: usize = 1792;
    // ML-KEM keeps its vectors on the stack.
    /// The public half of an X-Wing key pair.
    pub(crate) const X_WING_PAIR_DEPTH: usize = 41 * 1024;
    /// A header with an X-Wing key pair, and a handshake's message.
    pub(crate) const X_WING_DEPTH: usize = 44 * 1024;
    /// A header for an X-Wing public key.
    pub(crate) const X_WING_SEALING_DEPTH: usize = 37 * 1024 + 512;
}

/// Runs `work` in a call of its own and then wipes `DEPTH` bytes of the stack it used, and on x86-64 the vector registers.
///
/// What is deeper than `DEPTH` stays. The depths above were chosen by measurement.
#[inline(always)]
pub(crate) fn with_wiped_stack<const DEPTH: usize, R>(work: impl FnOnce() -> R) -> R {
    /// Wipes also where `work` panics and somebody goes on.
    struct Wipe<const DEPTH: usize>;
    impl<const DEPTH: usize> Drop for Wipe<DEPTH> {
        #[inline(always)]
        fn drop(&mut self) {
            wipe_stack::<DEPTH>();
        }
    }
    let _wipe = Wipe::<DEPTH>;
    outlined(work)
}

/// [`with_wiped_stack`] for work that may fail.
///
/// An error is made on the stack that is wiped, and holds between its fields what stood there; so the caller gets one that
/// was made anew, where all is wiped.
#[cfg(feature = "error-text")]
#[inline(always)]
pub(crate) fn try_with_wiped_stack<const DEPTH: usize, T>(
    work: impl FnOnce() -> crate::Result<T>,
) -> crate::Result<T> {
    let mut result = MaybeUninit::uninit();
    with_wiped_stack::<DEPTH, _>(|| {
        result.write(work());
    });
    // SAFETY: it was written, and is not used any more.
    unsafe { taken(&mut result) }
}

/// [`with_wiped_stack`] for work that may fail. Without texts an error is one byte.
#[cfg(not(feature = "error-text"))]
#[inline(always)]
pub(crate) fn try_with_wiped_stack<const DEPTH: usize, T>(
    work: impl FnOnce() -> crate::Result<T>,
) -> crate::Result<T> {
    with_wiped_stack::<DEPTH, _>(work)
}

/// Takes the result out of its place, and wipes that.
///
/// # Safety
/// The place was written, and is not used any more.
#[cfg(feature = "error-text")]
#[inline(never)]
unsafe fn taken<T>(place: &mut MaybeUninit<crate::Result<T>>) -> crate::Result<T> {
    // SAFETY: the caller's contract.
    let result = match unsafe { place.assume_init_mut() } {
        // SAFETY: the value is moved out of its place, once.
        Ok(value) => Ok(unsafe { core::ptr::read(value) }),
        Err(error) => Err(error.made_anew()),
    };
    // SAFETY: the pointer is valid for writes of one result, and any bytes are a valid `MaybeUninit`.
    unsafe { place.as_mut_ptr().write_bytes(0, 1) };
    // The compiler must assume that the bytes are looked at here, so it cannot drop the writes.
    core::hint::black_box(place);
    result
}

#[inline(never)]
fn outlined<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[inline(never)]
fn wipe_stack<const DEPTH: usize>() {
    let mut dead = MaybeUninit::<[u8; DEPTH]>::uninit();
    // SAFETY: the pointer is valid for writes of DEPTH bytes; zeros are a valid [u8; DEPTH].
    unsafe { dead.as_mut_ptr().write_bytes(0, 1) };
    // The compiler must assume that `dead` is looked at here, so it cannot drop the writes.
    core::hint::black_box(&mut dead);
    #[cfg(all(feature = "std", target_arch = "x86_64", not(miri)))]
    super::registers::wipe_registers();
}
