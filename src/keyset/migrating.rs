// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening under compromised versions, for migration only (format.md 7.1).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Keyset;
use super::version::Purpose;
use crate::error::Result;
use crate::format::context::Context;
use crate::rng::Random;
use crate::secret::{Data, Key};
use crate::token;
use crate::wrap::{Binding, Entry, KeyWrap, OpenedVia, Shape, Trials, Unwrap};

/// A keyset that opens also under its compromised versions. Made by [`Keyset::migrating`].
///
/// What such a version yields is unauthentic: whoever took the key may have made it. [`OpenedVia::Compromised`] says so.
/// Migrate by sealing it anew once you have reason to believe it; rewrapping keeps a data key that the adversary may have.
#[derive(Clone, Copy, Debug)]
pub struct Migrating<'a> {
    keyset: &'a Keyset,
}

/// An opened token, and under what it was sealed.
#[derive(Debug)]
pub struct Migrated {
    /// The plaintext, wiped when it is dropped.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The version; [`OpenedVia::Compromised`] where the plaintext is not to be believed.
    pub opened_via: OpenedVia,
}

impl Keyset {
    /// The same keyset, opening also under its compromised versions.
    pub fn migrating(&self) -> Migrating<'_> {
        Migrating { keyset: self }
    }
}

impl Migrating<'_> {
    /// Opens a token, also under a compromised version.
    ///
    /// # Errors
    /// As [`Keyset::open`].
    pub fn open(&self, token: &[u8], context: &Context) -> Result<Migrated> {
        let len = token.len().saturating_sub(token::OVERHEAD);
        let mut plaintext = Zeroizing::new(alloc::vec![0; len]);
        let keyset = self.keyset;
        let (_, version) =
            keyset.open_token(token, context.as_encoded(), Purpose::Migrate, &mut plaintext)?;
        let opened_via = match version.state() {
            crate::id::KeyState::Compromised => OpenedVia::Compromised(keyset.id(), version.id()),
            _ => OpenedVia::Keyset(keyset.id(), version.id()),
        };
        Ok(Migrated { plaintext, opened_via })
    }
}

impl KeyWrap for Migrating<'_> {
    fn shape(&self) -> Result<Shape> {
        self.keyset.shape()
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        self.keyset.wrap_key(binding, data_key, random, body)
    }

    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        self.keyset.unwrap_for(Purpose::Migrate, binding, entry, trials, data_key)
    }
}
