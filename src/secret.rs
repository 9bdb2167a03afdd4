// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secrets: wiped on drop, print nothing, have no `==`, no `Clone`, no `Serialize`.

pub(crate) mod memory;

use core::fmt;
use core::marker::PhantomData;

use zeroize::Zeroize;

#[cfg(feature = "std")]
pub use self::memory::{Outcome, Protection, memory_protection};
use crate::error::Result;

/// Length of every key of the format, in bytes.
pub const KEY_LEN: usize = 32;

/// A 32-byte key with one purpose, wiped on drop.
///
/// The purpose is a type of this module ([`Root`], [`Data`], ...), so that a key cannot be
/// used in the place of another.
pub struct Key<P> {
    bytes: [u8; KEY_LEN],
    purpose: PhantomData<fn() -> P>,
}

/// Root secret of a key version (format.md 6.1).
pub enum Root {}
/// Data key of an envelope (format.md 4.2).
pub enum Data {}
/// A raw key: device key or backup key (format.md 5.5).
pub enum Raw {}
/// Private key or seed of a key pair (format.md 5.4).
pub enum Pair {}
/// K_p that a provider wraps (format.md 5.6).
pub enum Provided {}
/// What Argon2id made of a passphrase (format.md 5.3).
pub enum Stretched {}
/// K_token (format.md 6.1).
pub enum Token {}
/// K_wrap, K_pw, K_raw, K_prov: a key that wraps data keys by T (format.md 5).
pub enum Wrap {}
/// K_salt (format.md 6.1).
pub enum Salt {}
/// The usage key of a keyset (format.md 8.2).
pub enum Usage {}
/// The value of a share of a backup key (format.md 8.8a).
pub enum Share {}
/// K_block (format.md 4.2).
pub enum Block {}
/// K_payload (format.md 4.2).
pub enum Payload {}
/// The key of one small value (format.md 3.1).
pub enum Value {}
/// The key of a payload's chunks (format.md 5A.1).
pub enum Chunk {}
/// A pre-shared key of a handshake, or what X-Wing made in its place (format.md 13.5).
pub enum Psk {}
/// e: the private half of an ephemeral key pair, or the seed of one (format.md 13.3, 13.5).
pub enum Ephemeral {}
/// The key that hedges what a handshake draws (format.md 13.3a).
pub enum Hedge {}
/// ck: the chaining key of a handshake (format.md 13.3).
pub enum Chaining {}
/// k: the key of a handshake's messages (format.md 13.3).
pub enum Message {}
/// S: the secret from which one direction of a session derives its record keys (format.md 13.7).
pub enum Traffic {}
/// The key of an epoch's records (format.md 13.9).
pub enum Record {}

impl<P> Key<P> {
    /// A key of zeros, to be filled in place.
    pub fn zeroed() -> Self {
        Key { bytes: [0; KEY_LEN], purpose: PhantomData }
    }

    /// Fills a new key in place.
    ///
    /// # Errors
    /// Those of `fill`; the half-filled key is wiped.
    pub fn init_with(fill: impl FnOnce(&mut [u8; KEY_LEN]) -> Result<()>) -> Result<Self> {
        let mut key = Key::zeroed();
        fill(&mut key.bytes)?;
        Ok(key)
    }

    /// The bytes, for whoever must have them. The caller wipes every copy.
    pub fn expose_bytes(&self) -> &[u8; KEY_LEN] {
        &self.bytes
    }

    /// The bytes, to be filled.
    pub fn expose_bytes_mut(&mut self) -> &mut [u8; KEY_LEN] {
        &mut self.bytes
    }
}

impl<P> Drop for Key<P> {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl<P> fmt::Debug for Key<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(secret)")
    }
}

/// A secret that is held for long: with an operating system in the arena, otherwise in its place.
pub(crate) struct Held<T> {
    #[cfg(feature = "std")]
    slot: memory::Slot<T>,
    #[cfg(not(feature = "std"))]
    value: T,
}

impl<T> Held<T> {
    /// Takes the value over. The caller wipes the stack that it was made on.
    pub(crate) fn new(value: T) -> Self {
        #[cfg(feature = "std")]
        return Held { slot: memory::Slot::new(value) };
        #[cfg(not(feature = "std"))]
        Held { value }
    }

    /// The value.
    ///
    /// # Errors
    /// `Misuse` in a process that was forked since: the value is gone there.
    #[inline]
    pub(crate) fn get(&self) -> Result<&T> {
        #[cfg(feature = "std")]
        return self.slot.get().ok_or(FORKED);
        #[cfg(not(feature = "std"))]
        Ok(&self.value)
    }

    /// The value, to be changed.
    ///
    /// # Errors
    /// As [`Held::get`].
    pub(crate) fn get_mut(&mut self) -> Result<&mut T> {
        #[cfg(feature = "std")]
        return self.slot.get_mut().ok_or(FORKED);
        #[cfg(not(feature = "std"))]
        Ok(&mut self.value)
    }
}

impl<P> Held<Key<P>> {
    /// A key of zeros, to be filled in place.
    pub(crate) fn zeroed() -> Self {
        Held::new(Key::zeroed())
    }

    /// A copy of these bytes.
    pub(crate) fn copy_of(bytes: &[u8; KEY_LEN]) -> Result<Self> {
        let mut held = Held::<Key<P>>::zeroed();
        // An assignment may go by way of the stack.
        held.get_mut()?.expose_bytes_mut().copy_from_slice(bytes);
        Ok(held)
    }
}

/// What a forked child gets for its parent's keys.
#[cfg(feature = "std")]
const FORKED: crate::Error = crate::Error::Misuse(
    "this key was loaded before the process was forked, and is wiped here: load it again in the child",
);
