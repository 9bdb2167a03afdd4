// SPDX-License-Identifier: MIT OR Apache-2.0
//! The encoding of keysets (format.md 8). A view that needs no heap; secrets stay where they are.

use crate::error::{self, Error, Result, Text};
use crate::format::reader::{End, Reader};
use crate::format::text::{self, has_control_character};
use crate::id::{Algorithm, KeyState, KeysetId, VersionId};
use crate::secret::KEY_LEN;

/// The first bytes of an unprotected keyset.
pub(crate) const UNPROTECTED_MAGIC: &[u8; 4] = b"SWKS";
/// Length of an unprotected keyset's check, in bytes.
pub(crate) const CHECK_LEN: usize = 16;
/// Longest encoding, in bytes.
pub(crate) const MAX_LEN: usize = 16 * 1024 * 1024;
/// Most versions in a keyset.
pub(crate) const MAX_VERSIONS: u32 = 65_536;
/// Longest name, in bytes.
pub(crate) const MAX_NAME_LEN: usize = 64;
/// Stored entries of a keyset file (format.md 8.3).
pub(crate) const STORED_ID: &str = "sealwax.keyset";
pub(crate) const STORED_NAME: &str = "sealwax.keyset-name";
pub(crate) const STORED_REVISION: &str = "sealwax.keyset-revision";

/// Extension tags from here on must be known to whoever uses the keyset (format.md 8.2).
const FIRST_MANDATORY_TAG: u8 = 128;
/// The extension of a keyset that holds its usage key.
pub(crate) const USAGE_KEY_TAG: u8 = 1;
/// The version of the encoding.
pub(crate) const VERSION: u8 = 1;

/// What a keyset allows, and when it wants a new version (format.md 8.1). 0 means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Rotate when the primary is this old, in seconds.
    pub rotate_after_seconds: u64,
    /// Rotate after this many messages under the primary.
    pub rotate_after_messages: u64,
    /// Rotate after this many bytes under the primary.
    pub rotate_after_bytes: u64,
    pub(crate) algorithms: u8,
    /// Whether a root secret may be exported raw.
    pub allow_raw_export: bool,
}

impl Policy {
    /// Never rotates by itself, allows the algorithms of one family, no raw export.
    pub(crate) const fn of_family(algorithm: Algorithm) -> Self {
        Policy {
            rotate_after_seconds: 0,
            rotate_after_messages: 0,
            rotate_after_bytes: 0,
            algorithms: if algorithm.is_pair() { 0b1100 } else { 0b0011 },
            allow_raw_export: false,
        }
    }

    /// What a new keyset has: rotate after two years, which is as long as SP 800-57 Part 1 Rev. 5 (table 1) lets symmetric
    /// keys and static key-agreement keys seal; and well before the limits of format.md 8.7c.
    pub const fn recommended(algorithm: Algorithm) -> Self {
        let pairs = algorithm.is_pair();
        Policy {
            rotate_after_seconds: 2 * 365 * 86_400,
            rotate_after_messages: if pairs { 0 } else { 1 << 46 },
            rotate_after_bytes: if pairs { 0 } else { 1 << 56 },
            ..Policy::of_family(algorithm)
        }
    }

    /// Allows new versions of these algorithms only.
    ///
    /// # Errors
    /// `Misuse` where there is none, or where symmetric keys and key pairs are mixed.
    pub fn allow_only(&mut self, algorithms: &[Algorithm]) -> Result<()> {
        let bits = algorithms.iter().fold(0, |bits, a| bits | (1 << (a.number() - 1)));
        if (bits & 0b0011 != 0) == (bits & 0b1100 != 0) {
            return Err(Error::misuse("a policy allows symmetric keys or key pairs, not both"));
        }
        self.algorithms = bits;
        Ok(())
    }

    /// The algorithms that new versions may be of.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        let policy = *self;
        (1..=4u8).filter_map(|n| Algorithm::from_u8(n).ok()).filter(move |a| policy.allows(*a))
    }

    pub(crate) fn first_algorithm(&self) -> Algorithm {
        self.algorithms().next().expect("a policy allows at least one algorithm")
    }

    /// Whether a new version may be of this algorithm.
    pub const fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms & (1 << (algorithm.number() - 1)) != 0
    }

    pub(crate) const fn is_for_pairs(&self) -> bool {
        self.algorithms & 0b1100 != 0
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self> {
        let policy = Policy {
            rotate_after_seconds: reader.u64()?,
            rotate_after_messages: reader.u64()?,
            rotate_after_bytes: reader.u64()?,
            algorithms: reader.u8()?,
            allow_raw_export: match reader.u8()? {
                0 => false,
                1 => true,
                _ => return Err(Error::format("8.2", "unknown policy flag")),
            },
        };
        let families = (policy.algorithms & 0b0011 != 0, policy.algorithms & 0b1100 != 0);
        if policy.algorithms & 0xf0 != 0 || families.0 == families.1 {
            return Err(Error::format("8.2", "the policy's algorithms are not known"));
        }
        Ok(policy)
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn encode(&self, out: &mut alloc::vec::Vec<u8>) {
        let Policy {
            rotate_after_seconds,
            rotate_after_messages,
            rotate_after_bytes,
            algorithms,
            allow_raw_export,
        } = self;
        for number in [rotate_after_seconds, rotate_after_messages, rotate_after_bytes] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&[*algorithms, u8::from(*allow_raw_export)]);
    }
}

/// A parsed keyset.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) id: KeysetId,
    pub(crate) name: &'a str,
    pub(crate) revision: u64,
    pub(crate) parent: [u8; 32],
    pub(crate) primary: Option<VersionId>,
    pub(crate) policy: Policy,
    pub(crate) count: u32,
    records: &'a [u8],
    pub(crate) usage_key: Option<&'a [u8; KEY_LEN]>,
    /// Made by a newer version: may be used, must not be changed.
    pub(crate) read_only: bool,
}

/// A parsed version record.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) id: VersionId,
    pub(crate) algorithm: Algorithm,
    pub(crate) state: KeyState,
    pub(crate) created: u64,
    pub(crate) activate_at: u64,
    pub(crate) deactivate_at: u64,
    changes: &'a [u8],
    change_count: u16,
    /// The root secret; `None` in a tombstone.
    pub(crate) secret: Option<&'a [u8; KEY_LEN]>,
    extended: bool,
}

/// A parsed change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change<'a> {
    pub(crate) state: KeyState,
    pub(crate) at: u64,
    pub(crate) reason: &'a str,
}

impl<'a> View<'a> {
    /// Parses an encoding; every rule of format.md 8.2 holds afterwards.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self> {
        if bytes.len() > MAX_LEN {
            return Err(Error::limit("a keyset is at most 16 MiB"));
        }
        let mut reader = Reader::new(bytes, End::of("8.1"));
        if reader.u8()? != VERSION {
            return Err(Error::format("8.1", "unknown keyset version"));
        }
        let id = KeysetId(*reader.array()?);
        let name_len = reader.u8()?;
        let name = text(reader.take(usize::from(name_len))?)?;
        check_name(name).map_err(|what| Error::Format { clause: error::text("8.2"), what })?;
        let revision = reader.u64()?;
        let parent = *reader.array()?;
        if (revision == 0) || (revision == 1 && parent != [0; 32]) {
            return Err(Error::format("8.2", "revision and parent do not fit"));
        }
        let primary = VersionId::new(reader.u32()?);
        let policy = Policy::parse(&mut reader)?;
        let count = reader.u32()?;
        if count > MAX_VERSIONS {
            return Err(Error::limit("a keyset has at most 65,536 versions"));
        }
        let records = reader.rest();
        let mut previous: Option<Record<'_>> = None;
        let mut primary_found = primary.is_none();
        let mut read_only = false;
        for _ in 0..count {
            let record = Record::parse(&mut reader)?;
            if let Some(previous) = previous {
                if previous.id >= record.id {
                    return Err(Error::format("8.2", "version ids are not ascending"));
                }
                if previous.algorithm.is_pair() != record.algorithm.is_pair() {
                    return Err(Error::format("8.2", "symmetric keys and key pairs in one keyset"));
                }
            }
            primary_found |= Some(record.id) == primary && record.state == KeyState::Active;
            read_only |= record.extended;
            previous = Some(record);
        }
        if !primary_found {
            return Err(Error::format("8.2", "the primary is not an active version"));
        }
        let records = &records[..records.len() - reader.rest().len()];
        if previous.is_some_and(|record| record.algorithm.is_pair() != policy.is_for_pairs()) {
            return Err(Error::format("8.2", "policy and versions are of different families"));
        }
        let Extension { usage_key, unknown } = extension(&mut reader, Place::Keyset)?;
        read_only |= unknown;
        Ok(View {
            id,
            name,
            revision,
            parent,
            primary,
            policy,
            count,
            records,
            usage_key,
            read_only,
        })
    }

    /// Whether its versions are key pairs.
    pub(crate) fn is_for_pairs(&self) -> bool {
        self.policy.is_for_pairs()
    }

    /// The records, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let mut reader = Reader::new(self.records, End::of("8.1"));
        (0..self.count).map(move |_| Record::parse(&mut reader).expect("parsed before"))
    }
}

impl<'a> Record<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self> {
        let len = reader.u16()?;
        let mut body = Reader::new(reader.take(usize::from(len))?, End::of("8.1"));
        let id = VersionId::new(body.u32()?).ok_or(Error::format("8.2", "a version id is 0"))?;
        let algorithm = Algorithm::from_u8(body.u8()?)?;
        let state = KeyState::from_u8(body.u8()?)?;
        let created = body.u64()?;
        let activate_at = body.u64()?;
        let deactivate_at = body.u64()?;
        let change_count = body.u16()?;
        let changes = body.rest();
        let mut last: Option<KeyState> = None;
        for _ in 0..change_count {
            let to = read_change(&mut body)?.state;
            let allowed = match last {
                Some(from) => from.may_become(to),
                None => to != KeyState::PreActive,
            };
            if !allowed {
                return Err(Error::format("8.2", "a change of state that is not a move of 7.1"));
            }
            last = Some(to);
        }
        let changes = &changes[..changes.len() - body.rest().len()];
        match last {
            Some(last) if last != state => {
                return Err(Error::format("8.2", "the state is not that of the last change"));
            }
            None if !matches!(state, KeyState::PreActive | KeyState::Active) => {
                return Err(Error::format("8.2", "a state without a change that led to it"));
            }
            _ => {}
        }
        let secret = match (body.u8()?, state) {
            (0, KeyState::Destroyed) => None,
            (32, state) if state != KeyState::Destroyed => Some(body.array()?),
            _ => return Err(Error::format("8.2", "secret and state do not fit")),
        };
        let extended = extension(&mut body, Place::Record)?.unknown;
        Ok(Record {
            id,
            algorithm,
            state,
            created,
            activate_at,
            deactivate_at,
            changes,
            change_count,
            secret,
            extended,
        })
    }

    /// The changes of state, in order.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change<'a>> + use<'a> {
        let mut reader = Reader::new(self.changes, End::of("8.1"));
        (0..self.change_count).map(move |_| read_change(&mut reader).expect("parsed before"))
    }
}

fn read_change<'a>(reader: &mut Reader<'a>) -> Result<Change<'a>> {
    let state = KeyState::from_u8(reader.u8()?)?;
    let at = reader.u64()?;
    let reason_len = reader.u8()?;
    let reason = text(reader.take(usize::from(reason_len))?)?;
    Ok(Change { state, at, reason })
}

/// What the extension fields at the end of a keyset or a record hold.
#[derive(Default)]
struct Extension<'a> {
    usage_key: Option<&'a [u8; KEY_LEN]>,
    /// Whether there are tags that this version does not know.
    unknown: bool,
}

/// Where extension fields stand: each place has tags of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Keyset,
    Record,
}

/// Reads extension fields to the end. A mandatory one that is not known is refused.
fn extension<'a>(reader: &mut Reader<'a>, place: Place) -> Result<Extension<'a>> {
    let mut found = Extension::default();
    let mut previous = 0;
    while !reader.is_empty() {
        let tag = reader.u8()?;
        if tag <= previous {
            return Err(Error::format("8.1", "extension tags are not ascending"));
        }
        if tag >= FIRST_MANDATORY_TAG {
            return Err(Error::format("8.2", "this keyset needs a newer version of sealwax"));
        }
        previous = tag;
        let len = reader.u16()?;
        let value = reader.take(usize::from(len))?;
        match (place, tag) {
            (Place::Keyset, USAGE_KEY_TAG) => {
                let wrong = Error::format("8.2", "a usage key has 32 bytes");
                found.usage_key = Some(value.try_into().map_err(|_| wrong)?);
            }
            _ => found.unknown = true,
        }
    }
    Ok(found)
}

/// Whether a keyset may have this name; what is wrong otherwise (format.md 8.2).
pub(crate) fn check_name(name: &str) -> Result<(), Text> {
    if name.is_empty() {
        Err(error::text("a keyset's name is empty"))
    } else if name.len() > MAX_NAME_LEN {
        Err(error::text("a keyset's name is longer than 64 bytes"))
    } else if has_control_character(name) {
        Err(error::text("a keyset's name has a control character"))
    } else {
        Ok(())
    }
}

/// Whether a change of state may have this reason; what is wrong otherwise (format.md 8.2).
pub(crate) fn check_reason(reason: &str) -> Result<(), Text> {
    if reason.len() > 255 {
        Err(error::text("a reason is longer than 255 bytes"))
    } else if has_control_character(reason) {
        Err(error::text("a reason has a control character"))
    } else {
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    text::parse(bytes)
        .ok_or(Error::format("8.2", "a text is not UTF-8, or has a control character"))
}
