// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recipient type 5: a raw 32-byte key (format.md 5.5).

use super::{Binding, Class, Entry, KeyWrap, OpenedVia, Shape, Trials, Unwrap};
use crate::derive;
use crate::error::Result;
use crate::format::entry::{RAW_KEY_LEN, WRAPPED_LEN};
use crate::format::writer::Writer;
use crate::id::{RawKeyId, RecipientKind, Suite, Wanted};
use crate::rng::Random;
use crate::secret::{Data, Held, Key, Raw};

/// A device key or a backup key: 32 uniformly random bytes under an id that its owner chose.
pub struct RawKey {
    id: RawKeyId,
    key: Held<Key<Raw>>,
}

impl RawKey {
    /// The caller's duty: `key` is uniformly random and used for nothing else.
    pub fn new(id: RawKeyId, key: Key<Raw>) -> Self {
        RawKey { id, key: Held::new(key) }
    }

    /// A place for a raw key, to be filled in place by [`RawKey::fill`].
    pub fn empty() -> Self {
        RawKey { id: RawKeyId([0; 16]), key: Held::zeroed() }
    }

    /// Becomes this key. The caller's duty is that of [`RawKey::new`].
    ///
    /// # Errors
    /// `Misuse` in a process that was forked since it was made.
    pub fn fill(&mut self, id: RawKeyId, key: &[u8; 32]) -> Result<()> {
        self.id = id;
        *self.key.get_mut()?.expose_bytes_mut() = *key;
        Ok(())
    }

    /// Its id.
    pub fn id(&self) -> RawKeyId {
        self.id
    }
}

impl KeyWrap for RawKey {
    fn shape(&self) -> Result<Shape> {
        Ok(Shape {
            kind: RecipientKind::RawKey,
            body_len: RAW_KEY_LEN,
            class: Class::PostQuantum,
            hidden: false,
            suite: Suite::DEFAULT,
            wanted: Wanted::RawKey(self.id),
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
        writer.put(&self.id.0);
        let wrapped = writer.reserve(WRAPPED_LEN);
        writer.finish();
        let key = derive::raw_key(self.key.get()?, binding.suite, self.id);
        super::wrap_value(&key, binding.suite, binding, data_key, random, wrapped)
    }

    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap> {
        match entry {
            Entry::RawKey { id, wrapped } if *id == self.id => {
                trials.spend()?;
                let key = derive::raw_key(self.key.get()?, binding.suite, self.id);
                let opened = super::unwrap_value(&key, binding.suite, binding, *wrapped, data_key);
                Ok(match opened {
                    true => Unwrap::Opened(OpenedVia::RawKey(self.id)),
                    false => Unwrap::Failed,
                })
            }
            _ => Ok(Unwrap::NotAtHand),
        }
    }
}
