// SPDX-License-Identifier: MIT OR Apache-2.0
//! The core: the part of a header that never changes (format.md 4.1).

use crate::error::{Error, Result};
use crate::format::context::Encoded;
use crate::format::reader::Reader;
use crate::format::writer::Writer;
use crate::id::{EnvelopeId, Kind, Suite};

/// The first bytes of an envelope.
pub(crate) const MAGIC: &[u8; 4] = b"SWAX";
/// The version of the format.
pub(crate) const VERSION: u8 = 1;
/// Length of a core without its stored context, in bytes.
pub(crate) const FIXED_LEN: usize = 29;

/// Length of a payload's chunks: a power of two that the suite allows (format.md 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLen(u8);

impl ChunkLen {
    /// 1 KiB, suite 2.
    pub const KIB_1: ChunkLen = ChunkLen(10);
    /// 4 KiB, suite 2: its default.
    pub const KIB_4: ChunkLen = ChunkLen(12);
    /// 16 KiB: suite 1's only one, and for suite 2 on hosts.
    pub const KIB_16: ChunkLen = ChunkLen(14);
    /// 64 KiB, suite 2.
    pub const KIB_64: ChunkLen = ChunkLen(16);

    pub(crate) fn new(suite: Suite, log2: u8) -> Result<Self> {
        match (suite, log2) {
            #[cfg(feature = "suite-1")]
            (Suite::Cobblestone256, 14) => Ok(ChunkLen(log2)),
            (Suite::ChaCha20Poly1305, 10 | 12 | 14 | 16) => Ok(ChunkLen(log2)),
            _ => Err(Error::format("4.1", "this suite has no such chunk length")),
        }
    }

    /// The default of a suite.
    pub const fn default_of(suite: Suite) -> Self {
        match suite {
            #[cfg(feature = "suite-1")]
            Suite::Cobblestone256 => ChunkLen::KIB_16,
            Suite::ChaCha20Poly1305 => ChunkLen::KIB_4,
        }
    }

    /// The base-2 logarithm, as the core carries it.
    pub const fn log2(self) -> u8 {
        self.0
    }

    /// Bytes of plaintext in a full chunk.
    pub const fn plaintext_len(self) -> usize {
        1 << self.0
    }

    /// Bytes of a full chunk with its tag.
    pub const fn sealed_len(self) -> usize {
        (1 << self.0) + 16
    }
}

/// A parsed core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Core<'a> {
    pub(crate) suite: Suite,
    pub(crate) kind: Kind,
    pub(crate) chunk_len: ChunkLen,
    pub(crate) envelope_id: EnvelopeId,
    pub(crate) stored: Encoded<'a>,
}

impl<'a> Core<'a> {
    /// Parses a core from the front of `reader`.
    pub(crate) fn parse(reader: &mut Reader<'a>) -> Result<Self> {
        // format.md 4.1
        if !MAGIC.starts_with(&reader.rest()[..reader.rest().len().min(4)]) {
            return Err(Error::format("4.1", "not a sealwax envelope"));
        }
        reader.array::<4>()?;
        if reader.u8()? != VERSION {
            return Err(Error::format("4.1", "unknown format version"));
        }
        let suite = Suite::from_u8(reader.u8()?)?;
        let kind = match reader.u8()? {
            1 => Kind::Data,
            2 => Kind::Keyset,
            _ => return Err(Error::format("4.1", "unknown kind")),
        };
        if reader.u8()? != 0 {
            return Err(Error::format("4.1", "unknown flag"));
        }
        let chunk_len = ChunkLen::new(suite, reader.u8()?)?;
        let envelope_id = EnvelopeId(*reader.array()?);
        let stored_len = reader.u32()? as usize;
        if stored_len > super::context::MAX_LEN {
            return Err(Error::limit("a context is at most 32 KiB"));
        }
        let stored = Encoded::parse(reader.take(stored_len)?)?;
        Ok(Core { suite, kind, chunk_len, envelope_id, stored })
    }

    /// Length of the encoding, in bytes.
    pub(crate) fn len(&self) -> usize {
        FIXED_LEN + self.stored.as_bytes().len()
    }

    /// Writes the encoding.
    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        let Core { suite, kind, chunk_len, envelope_id, stored } = self;
        let stored = stored.as_bytes();
        let stored_len = u32::try_from(stored.len()).expect("a context is at most 32 KiB");
        writer.put(MAGIC).put(&[VERSION, *suite as u8, *kind as u8, 0, chunk_len.log2()]);
        writer.put(&envelope_id.0).put(&stored_len.to_be_bytes()).put(stored);
    }
}
