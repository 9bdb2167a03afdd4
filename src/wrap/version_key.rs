// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recipient type 1: a symmetric version of a keyset (format.md 5.2).

use super::{Binding, Class, Entry, KeyWrap, OpenedVia, Shape, Trials, Unwrap};
use crate::derive::{VersionKeys, version_keys};
use crate::error::Result;
use crate::format::entry::KEYSET_LEN;
use crate::format::writer::Writer;
use crate::id::{KeysetId, RecipientKind, Suite, VersionId, Wanted};
use crate::rng::Random;
use crate::secret::{Data, Key, Root};

/// The derived keys of one symmetric key version, ready for use. Needs no heap.
///
/// It knows no state and no times: whoever makes one has checked them.
pub struct VersionKey {
    pub(crate) keyset: KeysetId,
    pub(crate) version: VersionId,
    pub(crate) suite: Suite,
    pub(crate) keys: VersionKeys,
}

impl VersionKey {
    /// Derives K_token, K_wrap and K_salt from a root secret (format.md 6.1).
    pub fn derive(root: &Key<Root>, suite: Suite, keyset: KeysetId, version: VersionId) -> Self {
        let keys = version_keys(root, suite, keyset, version);
        VersionKey { keyset, version, suite, keys }
    }

    /// The keyset it belongs to.
    pub fn keyset(&self) -> KeysetId {
        self.keyset
    }

    /// Its version id.
    pub fn version(&self) -> VersionId {
        self.version
    }

    /// Its suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }
}

impl KeyWrap for VersionKey {
    fn shape(&self) -> Result<Shape> {
        Ok(Shape {
            kind: RecipientKind::Keyset,
            body_len: KEYSET_LEN,
            class: Class::PostQuantum,
            hidden: false,
            suite: self.suite,
            wanted: Wanted::Keyset(self.keyset, self.version),
        })
    }

    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()> {
        let mut writer = Writer::new(body);
        writer.put(&self.keyset.0).put(&self.version.value().to_be_bytes());
        let wrapped = writer.reserve(super::super::format::entry::WRAPPED_LEN);
        writer.finish();
        super::wrap_value(&self.keys.wrap, self.suite, binding, data_key, random, wrapped)
    }

    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        match entry {
            Entry::Keyset { keyset, version, wrapped }
                if (*keyset, *version) == (self.keyset, self.version) =>
            {
                trials.spend()?;
                let key = &self.keys.wrap;
                let opened = super::unwrap_value(key, self.suite, binding, *wrapped, data_key);
                Ok(match opened {
                    true => Unwrap::Opened(OpenedVia::Keyset(self.keyset, self.version)),
                    false => Unwrap::Failed,
                })
            }
            _ => Ok(Unwrap::NotAtHand),
        }
    }
}
