// SPDX-License-Identifier: MIT OR Apache-2.0
//! Context: names and values that are authenticated (format.md 2).

use crate::error::{self, Error, Result, Text};
use crate::format::reader::{End, Reader};
use crate::format::text::{self, has_control_character};
use crate::format::writer::Writer;

/// Most entries in a context.
pub const MAX_ENTRIES: usize = 64;
/// Longest encoded context, in bytes.
pub const MAX_LEN: usize = 32 * 1024;
/// The stored entry that carries a firmware image's anti-rollback counter (format.md 2.6).
pub const COUNTER: &str = "sealwax.counter";
/// What reserved names begin with (format.md 2.6).
const RESERVED: &str = "sealwax.";

/// A context in its canonical encoding `C(map)`: what is authenticated (format.md 2.2).
///
/// Without a heap, encode with [`Encoded::encode_into`]; with one, use `Context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded<'a>(&'a [u8]);

/// One entry of an encoded context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name.
    pub name: &'a str,
    /// The value.
    pub value: &'a [u8],
    encoded: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// The context without entries.
    pub const EMPTY: Encoded<'static> = Encoded(&[]);

    /// Parses an encoded context; anything but the one encoding is refused.
    ///
    /// # Errors
    /// `Format` where names are not ascending, unique, UTF-8 and free of control characters, or
    /// lengths do not add up; `Limit` above 64 entries or 32 KiB.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        if bytes.len() > MAX_LEN {
            return Err(Error::limit("a context is at most 32 KiB"));
        }
        let mut reader = Reader::new(bytes, End::of("2.2"));
        let mut previous: Option<&str> = None;
        let mut count = 0;
        while !reader.is_empty() {
            if count == MAX_ENTRIES {
                return Err(Error::limit("a context has at most 64 entries"));
            }
            let entry = read_entry(&mut reader)?;
            check_name(entry.name)
                .map_err(|what| Error::Format { clause: error::text("2.1"), what })?;
            if previous.is_some_and(|previous| previous.as_bytes() >= entry.name.as_bytes()) {
                return Err(Error::format("2.2", "context names are not ascending"));
            }
            previous = Some(entry.name);
            count += 1;
        }
        Ok(Encoded(bytes))
    }

    /// Encodes entries, given in ascending order of name, into `out`.
    ///
    /// # Errors
    /// `Misuse` where a name is not allowed, names do not ascend, or `out` is too short; `Limit`
    /// above 64 entries or 32 KiB.
    pub fn encode_into(entries: &[(&str, &[u8])], out: &'a mut [u8]) -> Result<Self> {
        let mut len = 0usize;
        let mut previous: Option<&str> = None;
        for &(name, value) in entries {
            check_name(name).map_err(Error::Misuse)?;
            if previous.is_some_and(|previous| previous.as_bytes() >= name.as_bytes()) {
                return Err(Error::misuse("context names must ascend, each once"));
            }
            previous = Some(name);
            if value.len() > MAX_LEN {
                return Err(Error::limit("a context is at most 32 KiB"));
            }
            len += 3 + name.len() + value.len();
        }
        if entries.len() > MAX_ENTRIES {
            return Err(Error::limit("a context has at most 64 entries"));
        }
        if len > MAX_LEN {
            return Err(Error::limit("a context is at most 32 KiB"));
        }
        let Some(out) = out.get_mut(..len) else {
            return Err(Error::misuse("the buffer is shorter than the encoded context"));
        };
        let mut writer = Writer::new(out);
        for &(name, value) in entries {
            let name_len = u8::try_from(name.len()).expect("checked: at most 255 bytes");
            let value_len = u16::try_from(value.len()).expect("checked: at most 32 KiB");
            writer.put(&[name_len]).put(name.as_bytes());
            writer.put(&value_len.to_be_bytes()).put(value);
        }
        writer.finish();
        Ok(Encoded(out))
    }

    /// Puts one more entry into the encoding that is the first `len` bytes of `buffer`. Returns its new length.
    ///
    /// # Errors
    /// `Format` where those bytes are no context; `Misuse` where the name is not allowed or there already, or the buffer is
    /// too short; `Limit` above 64 entries or 32 KiB. The buffer is then as it was.
    pub fn insert_into(buffer: &mut [u8], len: usize, name: &str, value: &[u8]) -> Result<usize> {
        let short = Error::misuse("the buffer is shorter than the encoded context");
        let Some(encoded) = buffer.get(..len) else { return Err(short) };
        let encoded = Encoded::parse(encoded)?;
        check_name(name).map_err(Error::Misuse)?;
        if encoded.entries().count() == MAX_ENTRIES {
            return Err(Error::limit("a context has at most 64 entries"));
        }
        let mut at = 0;
        for entry in encoded.entries() {
            match entry.name.as_bytes().cmp(name.as_bytes()) {
                core::cmp::Ordering::Less => at += entry.encoded.len(),
                core::cmp::Ordering::Equal => {
                    return Err(Error::misuse("a context name is given twice"));
                }
                core::cmp::Ordering::Greater => break,
            }
        }
        let entry_len = 3 + name.len() + value.len().min(MAX_LEN);
        let (Ok(name_len), Ok(value_len)) = (u8::try_from(name.len()), u16::try_from(value.len()))
        else {
            return Err(Error::limit("a context is at most 32 KiB"));
        };
        if len + entry_len > MAX_LEN {
            return Err(Error::limit("a context is at most 32 KiB"));
        }
        let Some(buffer) = buffer.get_mut(..len + entry_len) else { return Err(short) };
        buffer.copy_within(at..len, at + entry_len);
        let mut writer = Writer::new(&mut buffer[at..at + entry_len]);
        writer.put(&[name_len]).put(name.as_bytes());
        writer.put(&value_len.to_be_bytes()).put(value);
        writer.finish();
        Ok(len + entry_len)
    }

    /// The encoding.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The entries, in order.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        let mut reader = Reader::new(self.0, End::of("2.2"));
        core::iter::from_fn(move || {
            (!reader.is_empty()).then(|| read_entry(&mut reader).expect("parsed before"))
        })
    }

    /// The value of the entry of this name.
    pub fn value(self, name: &str) -> Option<&'a [u8]> {
        self.entries().find(|entry| entry.name == name).map(|entry| entry.value)
    }

    /// Whether a user's sealer takes these entries, stored or external (format.md 2.6).
    pub(crate) fn check_sealable(self) -> Result<()> {
        for entry in self.entries().filter(|entry| entry.name.starts_with(RESERVED)) {
            if entry.name != COUNTER {
                return Err(Error::misuse("context names that begin with sealwax. are reserved"));
            }
            if entry.value.len() != 8 {
                return Err(Error::misuse("sealwax.counter is 8 bytes"));
            }
        }
        Ok(())
    }
}

/// The given entries that a core does not store (format.md 2.5).
pub(crate) struct External<'a> {
    given: Encoded<'a>,
    stored: Encoded<'a>,
}

/// Most pieces that [`External::pieces`] returns: every second entry of a context is stored.
pub(crate) const MAX_PIECES: usize = MAX_ENTRIES / 2 + 2;

impl<'a> External<'a> {
    /// Compares what was given with what is stored. `Decrypt` where a value differs.
    pub(crate) fn of(given: Encoded<'a>, stored: Encoded<'a>) -> Result<Self> {
        for entry in given.entries() {
            if stored.value(entry.name).is_some_and(|value| value != entry.value) {
                return Err(Error::Decrypt);
            }
        }
        Ok(External { given, stored })
    }

    /// `first`, and then the pieces that, one after the other, are `C(external)`.
    ///
    /// Entries that follow each other are one piece.
    pub(crate) fn pieces<'p, 'b>(
        &self,
        first: &'b [u8],
        pieces: &'p mut [&'b [u8]; MAX_PIECES],
    ) -> &'p [&'b [u8]]
    where
        'a: 'b,
    {
        pieces[0] = first;
        let (mut count, mut at, mut begin) = (1, 0, 0);
        let given = self.given.as_bytes();
        for entry in self.given.entries() {
            let end = at + entry.encoded.len();
            if self.stored.value(entry.name).is_some() {
                if begin < at {
                    pieces[count] = &given[begin..at];
                    count += 1;
                }
                begin = end;
            }
            at = end;
        }
        if begin < at {
            pieces[count] = &given[begin..at];
            count += 1;
        }
        &pieces[..count]
    }
}

/// Whether a name is allowed (format.md 2.1); what is wrong otherwise.
pub(crate) fn check_name(name: &str) -> Result<(), Text> {
    if name.is_empty() {
        Err(error::text("a context name is empty"))
    } else if name.len() > 255 {
        Err(error::text("a context name is longer than 255 bytes"))
    } else if has_control_character(name) {
        Err(error::text("a context name has a control character"))
    } else {
        Ok(())
    }
}

fn read_entry<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>> {
    let whole = reader.rest();
    let name_len = reader.u8()?;
    let name = text::parse(reader.take(usize::from(name_len))?)
        .ok_or(Error::format("2.1", "a context name is not UTF-8, or has a control character"))?;
    let value_len = reader.u16()?;
    let value = reader.take(usize::from(value_len))?;
    let encoded = &whole[..3 + name.len() + value.len()];
    Ok(Entry { name, value, encoded })
}

#[cfg(feature = "alloc")]
pub use owned::Context;

#[cfg(feature = "alloc")]
mod owned {
    use alloc::vec::Vec;
    use core::fmt;

    use super::{Encoded, MAX_ENTRIES, MAX_LEN, check_name};
    use crate::error::{Error, Result};

    /// A context: names and values that are authenticated with what is sealed.
    ///
    /// ```
    /// # fn main() -> sealwax::Result<()> {
    /// let context = sealwax::Context::new().with("table", "users")?.with("row", "42")?;
    /// assert_eq!(context.len(), 2);
    /// # Ok(()) }
    /// ```
    #[derive(Clone, Default, PartialEq, Eq)]
    pub struct Context {
        // public: contexts are authenticated, not hidden.
        encoded: Vec<u8>,
    }

    impl Context {
        /// The context without entries.
        pub const fn new() -> Self {
            Context { encoded: Vec::new() }
        }

        /// The context of these entries, which come in any order and are sorted here: in one step, with one allocation.
        ///
        /// ```
        /// # fn main() -> sealwax::Result<()> {
        /// use sealwax::Context;
        /// let context = Context::of(&mut [("table", b"users"), ("row", b"42")])?;
        /// assert_eq!(context, Context::new().with("row", "42")?.with("table", "users")?);
        /// assert!(Context::of(&mut [("row", b"1"), ("row", b"2")]).is_err());
        /// # Ok(()) }
        /// ```
        ///
        /// # Errors
        /// As [`Context::with`].
        pub fn of(entries: &mut [(&str, &[u8])]) -> Result<Self> {
            entries.sort_unstable_by(|one, other| one.0.as_bytes().cmp(other.0.as_bytes()));
            if entries.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return Err(Error::Misuse("a context name is given twice"));
            }
            let lens = entries.iter().map(|(name, value)| 3 + name.len() + value.len());
            let mut encoded = alloc::vec![0; lens.sum::<usize>().min(MAX_LEN)];
            Encoded::encode_into(entries, &mut encoded)?;
            Ok(Context { encoded })
        }

        /// This context with one more entry. Text and bytes are both values; text is its UTF-8.
        ///
        /// # Errors
        /// `Misuse` where the name is empty, over 255 bytes, has a control character, or is
        /// there already; `Limit` above 64 entries or 32 KiB.
        pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self> {
            self.insert(name, value.as_ref())?;
            Ok(self)
        }

        /// Adds an entry; errors as [`Context::with`].
        pub fn insert(&mut self, name: &str, value: &[u8]) -> Result<()> {
            check_name(name).map_err(Error::Misuse)?;
            if self.len() == MAX_ENTRIES {
                return Err(Error::limit("a context has at most 64 entries"));
            }
            let len = 3 + name.len() + value.len();
            if value.len() > MAX_LEN || self.encoded.len() + len > MAX_LEN {
                return Err(Error::limit("a context is at most 32 KiB"));
            }
            let mut at = 0;
            for entry in self.as_encoded().entries() {
                match entry.name.as_bytes().cmp(name.as_bytes()) {
                    core::cmp::Ordering::Less => at += entry.encoded.len(),
                    core::cmp::Ordering::Equal => {
                        return Err(Error::misuse("a context name is given twice"));
                    }
                    core::cmp::Ordering::Greater => break,
                }
            }
            let mut encoded = Vec::with_capacity(self.encoded.len() + len);
            encoded.extend_from_slice(&self.encoded[..at]);
            encoded.push(u8::try_from(name.len()).expect("checked: at most 255 bytes"));
            encoded.extend_from_slice(name.as_bytes());
            let value_len = u16::try_from(value.len()).expect("checked: at most 32 KiB");
            encoded.extend_from_slice(&value_len.to_be_bytes());
            encoded.extend_from_slice(value);
            encoded.extend_from_slice(&self.encoded[at..]);
            self.encoded = encoded;
            Ok(())
        }

        /// The canonical encoding.
        pub fn as_encoded(&self) -> Encoded<'_> {
            Encoded(&self.encoded)
        }

        /// How many entries there are.
        pub fn len(&self) -> usize {
            self.as_encoded().entries().count()
        }

        /// Whether there is no entry.
        pub fn is_empty(&self) -> bool {
            self.encoded.is_empty()
        }
    }

    impl From<Encoded<'_>> for Context {
        fn from(encoded: Encoded<'_>) -> Self {
            Context { encoded: encoded.as_bytes().to_vec() }
        }
    }

    impl fmt::Debug for Context {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let entries = self.as_encoded();
            f.debug_map().entries(entries.entries().map(|entry| (entry.name, entry.value))).finish()
        }
    }
}
