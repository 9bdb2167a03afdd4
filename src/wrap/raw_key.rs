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
        self.key.get_mut()?.expose_bytes_mut().copy_from_slice(key);
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

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::wrap::CoreHash;

    fn filled(byte: u8) -> Key<Raw> {
        let mut key = Key::zeroed();
        key.expose_bytes_mut().fill(byte);
        key
    }

    #[test]
    fn a_key_that_is_filled_in_its_place_is_that_key_and_no_other() {
        let (id, other) = (RawKeyId([1; 16]), RawKeyId([2; 16]));
        let binding = Binding { core_hash: CoreHash([7; 32]), suite: Suite::ChaCha20Poly1305 };
        let mut body = [0; RAW_KEY_LEN];
        let data_key = Key::init_with(|key| {
            key.fill(8);
            Ok(())
        })
        .expect("filling does not fail");
        RawKey::new(id, filled(3))
            .wrap_key(&binding, &data_key, &mut crate::rng::OsRandom, &mut body)
            .expect("the body has its length");
        let wrapped = body.last_chunk().expect("an entry ends with the wrapped key");
        let entry = Entry::RawKey { id, wrapped };
        let mut key = RawKey::empty();
        for (id, byte, opens) in [(other, 3, None), (id, 4, Some(false)), (id, 3, Some(true))] {
            key.fill(id, &[byte; 32]).expect("not forked");
            assert_eq!(key.id(), id);
            let (mut trials, mut out) = (Trials::new(), Key::zeroed());
            let outcome =
                key.unwrap_key(&binding, &entry, &mut trials, &mut out).expect("trials are left");
            let found = match outcome {
                Unwrap::NotAtHand => None,
                Unwrap::Opened(via) => Some(via == OpenedVia::RawKey(id)),
                _ => Some(false),
            };
            assert_eq!(found, opens, "{id:?} {byte}");
            assert_eq!(
                trials.any_spent(),
                opens.is_some(),
                "an entry for another key costs nothing"
            );
            let is_it = out.expose_bytes() == data_key.expose_bytes();
            assert_eq!(is_it, opens == Some(true));
        }
    }
}
