// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may open what: one trait for every kind of recipient.

pub mod hpke;
#[cfg(feature = "alloc")]
pub mod passphrase;
#[cfg(feature = "alloc")]
pub mod provider;
pub mod raw_key;
pub mod version_key;

pub use crate::derive::CoreHash;
pub use crate::format::entry::Entry;

use crate::derive;
use crate::error::{Error, Result};
use crate::id::{Fingerprint, KeysetId, RawKeyId, RecipientKind, Suite, VersionId, Wanted};
use crate::primitives::Prk;
use crate::rng::Random;
use crate::secret::{Data, Key, Wrap};
use crate::value;

/// Wraps data keys for a recipient, unwraps them for a holder of a key, or both.
///
/// The only joint for extension. It does no I/O: a call to a KMS is made beforehand, see [`provider`].
pub trait KeyWrap: Sync {
    /// What this recipient's entry looks like.
    ///
    /// # Errors
    /// `Misuse` where this key only opens; `KeyState` where its state forbids sealing.
    fn shape(&self) -> Result<Shape>;

    /// Writes the body of an entry for `data_key` into `body`, which has the length that
    /// [`KeyWrap::shape`] said.
    ///
    /// # Errors
    /// `Misuse`, `KeyState`, `Random`, or what the recipient's kind may fail with.
    fn wrap_key(
        &self,
        binding: &Binding,
        data_key: &Key<Data>,
        random: &mut dyn Random,
        body: &mut [u8],
    ) -> Result<()>;

    /// Tries to unwrap `entry` into `data_key`.
    ///
    /// An entry that names no key at hand is [`Unwrap::NotAtHand`] and costs nothing; before each
    /// trial one is taken from `trials`. The data key is not to be trusted until the key block's
    /// mac held (format.md 4.7).
    ///
    /// # Errors
    /// `Limit` where `trials` are used up or costs are above the caller's limit.
    fn unwrap_key(
        &self,
        binding: &Binding,
        entry: &Entry<'_>,
        trials: &mut Trials,
        data_key: &mut Key<Data>,
    ) -> Result<Unwrap>;
}

/// What a wrapped key is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// H(core).
    pub core_hash: CoreHash,
    /// The suite of the envelope.
    pub suite: Suite,
}

/// What a recipient's entry looks like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its kind.
    pub kind: RecipientKind,
    /// Length of its body, in bytes.
    pub body_len: usize,
    /// Whether it resists an adversary with a quantum computer (format.md 5.8).
    pub class: Class,
    /// Whether it does not name its key.
    pub hidden: bool,
    /// The suite that an envelope for it alone gets by default.
    pub suite: Suite,
    /// Which key its entry will name, as [`Entry::wanted`] then says.
    pub wanted: Wanted,
}

impl Shape {
    /// Whether `entry` is for the same key already. Never where entries do not say for whom they are.
    pub fn is_named_by(&self, entry: &Entry<'_>) -> bool {
        match self.wanted {
            Wanted::Keyset(..) | Wanted::RawKey(_) => entry.wanted() == self.wanted,
            Wanted::Pair(_, fingerprint) => {
                fingerprint != Fingerprint::HIDDEN && entry.wanted() == self.wanted
            }
            _ => false,
        }
    }
}

/// Classes of recipients that must not be mixed by accident (format.md 5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Keyset, raw key, X-Wing.
    PostQuantum,
    /// Passphrase: of the post-quantum class, and stands alone.
    Passphrase,
    /// X25519, and providers that do not say otherwise.
    Classical,
}

/// What became of an entry.
#[derive(Debug)]
pub enum Unwrap {
    /// It names no key at hand.
    NotAtHand,
    /// It names a key whose state or times forbid it; the error says which.
    Forbidden(Error),
    /// A trial failed.
    Failed,
    /// The data key is filled.
    Opened(OpenedVia),
}

/// Through which entry an envelope was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedVia {
    /// A version of a keyset.
    Keyset(KeysetId, VersionId),
    /// A passphrase.
    Passphrase,
    /// An X25519 key pair: says nothing about who sealed.
    X25519(KeysetId, VersionId),
    /// An X-Wing key pair: says nothing about who sealed.
    XWing(KeysetId, VersionId),
    /// A raw key.
    RawKey(RawKeyId),
    /// A provider's key.
    Provider,
    /// A compromised version of a keyset or identity, for migration: whoever took the key may have made the contents.
    Compromised(KeysetId, VersionId),
}

impl Class {
    /// The class of an entry that somebody else made (format.md 5.8).
    pub(crate) fn of_entry(kind: RecipientKind) -> Self {
        match kind {
            RecipientKind::Passphrase => Class::Passphrase,
            RecipientKind::X25519 | RecipientKind::Provider => Class::Classical,
            _ => Class::PostQuantum,
        }
    }
}

impl OpenedVia {
    /// Whether only a holder of a secret key could have made the contents: a keyset, a passphrase, a raw key. Not where a
    /// public key, a provider or a compromised version opened it (format.md 11.3).
    pub fn has_authentic_maker(&self) -> bool {
        match self {
            OpenedVia::Keyset(..) | OpenedVia::Passphrase | OpenedVia::RawKey(_) => true,
            OpenedVia::X25519(..)
            | OpenedVia::XWing(..)
            | OpenedVia::Provider
            | OpenedVia::Compromised(..) => false,
        }
    }

    /// The kind of the entry; of a compromised version, that of a keyset. It does not say whether the contents are to be
    /// believed: [`OpenedVia::has_authentic_maker`] does.
    pub fn kind(&self) -> RecipientKind {
        match self {
            OpenedVia::Keyset(..) | OpenedVia::Compromised(..) => RecipientKind::Keyset,
            OpenedVia::Passphrase => RecipientKind::Passphrase,
            OpenedVia::X25519(..) => RecipientKind::X25519,
            OpenedVia::XWing(..) => RecipientKind::XWing,
            OpenedVia::RawKey(_) => RecipientKind::RawKey,
            OpenedVia::Provider => RecipientKind::Provider,
        }
    }
}

/// What one open may still spend (format.md 4.7a).
#[derive(Debug)]
pub struct Trials {
    unwraps: u8,
    argon2: u8,
}

impl Trials {
    pub(crate) fn new() -> Self {
        Trials { unwraps: 16, argon2: 1 }
    }

    /// Takes one trial.
    ///
    /// # Errors
    /// `Limit` where none is left.
    pub fn spend(&mut self) -> Result<()> {
        let exhausted = Error::limit("16 trial unwraps did not open this");
        self.unwraps = self.unwraps.checked_sub(1).ok_or(exhausted)?;
        Ok(())
    }

    /// Takes one trial that runs Argon2id.
    ///
    /// # Errors
    /// `Limit` where none is left.
    pub fn spend_argon2(&mut self) -> Result<()> {
        self.spend()?;
        let exhausted = Error::limit("one passphrase is tried per open");
        self.argon2 = self.argon2.checked_sub(1).ok_or(exhausted)?;
        Ok(())
    }

    pub(crate) fn any_spent(&self) -> bool {
        self.unwraps < 16
    }
}

/// T of a data key, bound to H(core): what types 1, 2, 5 and 128 carry. The salt is hedged.
pub(crate) fn wrap_value(
    key: &Prk<Wrap>,
    suite: Suite,
    binding: &Binding,
    data_key: &Key<Data>,
    random: &mut dyn Random,
    out: &mut [u8],
) -> Result<()> {
    let mut drawn = [0; value::SALT_LEN];
    random.fill(&mut drawn)?;
    let salt = hedged_salt(key, binding, data_key, &drawn);
    value::seal_into(key, suite, &salt, &[&binding.core_hash.0], data_key.expose_bytes(), out)
}

/// A call of its own: its key is not on the stack below the sealing.
#[inline(never)]
fn hedged_salt(
    key: &Prk<Wrap>,
    binding: &Binding,
    data_key: &Key<Data>,
    drawn: &[u8; value::SALT_LEN],
) -> [u8; value::SALT_LEN] {
    let key = derive::wrap_salt_key(key);
    value::hedged_salt(&key, drawn, &binding.core_hash.0, data_key.expose_bytes())
}

pub(crate) fn unwrap_value(
    key: &Prk<Wrap>,
    suite: Suite,
    binding: &Binding,
    wrapped: &[u8],
    data_key: &mut Key<Data>,
) -> bool {
    let context: &[&[u8]] = &[&binding.core_hash.0];
    value::open_into(key, suite, context, wrapped, data_key.expose_bytes_mut()).is_ok()
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::format::entry::WRAPPED_LEN;
    use crate::wrap::passphrase::{Params, Passphrase};
    use crate::wrap::provider::Request;
    use crate::wrap::raw_key::RawKey;
    use crate::wrap::version_key::VersionKey;

    /// A source that gives the same bytes for ever.
    struct Stuck;

    impl Random for Stuck {
        fn fill(&mut self, out: &mut [u8]) -> Result<()> {
            out.fill(7);
            Ok(())
        }
    }

    fn key<P>(byte: u8) -> Key<P> {
        let filled = Key::init_with(|bytes| {
            bytes.fill(byte);
            Ok(())
        });
        filled.expect("filling does not fail")
    }

    #[test]
    fn salts_of_a_source_that_repeats_itself_differ_where_what_is_wrapped_does() {
        let id = KeysetId([1; 16]);
        let version = VersionId::new(1).expect("not zero");
        let version = VersionKey::derive(&key(2), Suite::ChaCha20Poly1305, id, version);
        let cheap = Params { m_kib: 8, t: 1, p: 1 };
        let passphrase = Passphrase::new("correct horse").and_then(|key| key.with_params(cheap));
        let provided = Request::new("kms", "key", &mut Stuck).and_then(|asked| asked.finish(&[9]));
        let recipients: [&dyn KeyWrap; 4] = [
            &RawKey::new(RawKeyId([3; 16]), key(3)),
            &version,
            &passphrase.expect("cheap costs are allowed"),
            &provided.expect("a short blob fits"),
        ];
        for recipient in recipients {
            let salt = |core: u8, data_key: u8| {
                let core_hash = CoreHash([core; 32]);
                let binding = Binding { core_hash, suite: Suite::ChaCha20Poly1305 };
                let shape = recipient.shape().expect("it seals");
                let mut body = vec![0; shape.body_len];
                recipient
                    .wrap_key(&binding, &key(data_key), &mut Stuck, &mut body)
                    .expect("the body has its length");
                body[body.len() - WRAPPED_LEN..][..value::SALT_LEN].to_vec()
            };
            assert_eq!(salt(1, 1), salt(1, 1), "all that shows is equality");
            assert_ne!(salt(1, 1), salt(2, 1), "another envelope");
            assert_ne!(salt(1, 1), salt(1, 2), "another data key");
        }
    }
}
