// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening envelopes.

use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use crate::chunked::Engine;
use crate::envelope::{DEFAULT_MAX_HEADER_LEN, Header, Requirements, is_shallow};
use crate::error::{Error, Result};
use crate::format::context::Context;
use crate::format::payload::{Extent, PREFIX_LEN};
use crate::id::{EnvelopeId, KeyState, Kind, RecipientKind, Suite};
use crate::primitives::TAG_LEN;
use crate::secret::memory::{CHUNKS_DEPTH, HEADER_DEPTH, PUBLIC_KEY_DEPTH, try_with_wiped_stack};
use crate::wrap::{KeyWrap, OpenedVia};

/// Opens envelopes with the keys it is given.
///
/// ```
/// # fn main() -> sealwax::Result<()> {
/// use sealwax::{Context, Keyset, Opener, Sealer, Suite};
/// let keyset = Keyset::generate("default", Suite::ChaCha20Poly1305)?;
/// let purpose = Context::new().with("purpose", "backup")?;
/// let sealed = Sealer::new().recipient(&keyset).stored_context(purpose.clone()).seal(b"...")?;
/// let opened = Opener::new().key(&keyset).context(purpose).open(&sealed)?;
/// assert_eq!(opened.plaintext.as_slice(), b"...");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Opener<'a> {
    keys: Vec<&'a dyn KeyWrap>,
    context: Context,
    min_epoch: u32,
    kinds: Vec<RecipientKind>,
    max_header_len: usize,
    kind: Kind,
}

/// An opened envelope.
#[derive(Debug)]
pub struct Opened {
    /// The plaintext, wiped when it is dropped.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// Through which entry it was opened, and what that says about who sealed it (format.md 11.3).
    pub opened_via: OpenedVia,
    /// The stored context.
    pub stored_context: Context,
    /// The envelope's id.
    pub envelope_id: EnvelopeId,
    /// The epoch of its key block.
    pub epoch: u32,
}

/// What an authenticated header says.
pub(crate) struct Sealed {
    pub(crate) opened_via: OpenedVia,
    pub(crate) stored_context: Context,
    pub(crate) suite: Suite,
    pub(crate) header_len: usize,
}

/// An authenticated header with its payload's keys.
pub(crate) struct Ready {
    pub(crate) sealed: Sealed,
    pub(crate) engine: Engine,
}

impl<'a> Opener<'a> {
    /// An opener without keys.
    pub fn new() -> Self {
        Opener {
            keys: Vec::new(),
            context: Context::new(),
            min_epoch: 0,
            kinds: Vec::new(),
            max_header_len: DEFAULT_MAX_HEADER_LEN,
            kind: Kind::Data,
        }
    }

    /// Adds a key: a keyset, an identity, a passphrase, a raw key.
    pub fn key(mut self, key: &'a dyn KeyWrap) -> Self {
        self.keys.push(key);
        self
    }

    /// Context entries. Those that are stored must be equal, the others are external (format.md 2.5).
    pub fn context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }

    /// Refuses envelopes whose key block is older than this epoch.
    pub fn min_epoch(mut self, min_epoch: u32) -> Self {
        self.min_epoch = min_epoch;
        self
    }

    /// Opens only through recipients of these kinds.
    pub fn require(mut self, kinds: &[RecipientKind]) -> Self {
        self.kinds = kinds.to_vec();
        self
    }

    /// Raises or lowers the limit on the header's length, in bytes. At most 1 MiB.
    pub fn max_header_len(mut self, max_header_len: usize) -> Self {
        self.max_header_len = max_header_len;
        self
    }

    /// Opens keyset files instead of data.
    #[cfg(feature = "std")]
    pub(crate) fn keyset_file(mut self) -> Self {
        self.kind = Kind::Keyset;
        self
    }

    pub(crate) fn header_limit(&self) -> usize {
        self.max_header_len
    }

    /// The given context entries that an envelope with this stored context does not store.
    #[cfg(feature = "std")]
    pub(crate) fn external_beside(&self, stored: &Context) -> Result<Context> {
        let mut external = Context::new();
        for entry in self.context.as_encoded().entries() {
            if stored.as_encoded().value(entry.name).is_none() {
                external.insert(entry.name, entry.value)?;
            }
        }
        Ok(external)
    }

    /// Opens an envelope in memory. Nothing is returned unless every chunk verified.
    ///
    /// # Errors
    /// `Format`, `Truncated`, `Limit`, `UnknownKey`, `KeyState`, `Decrypt`.
    pub fn open(&self, envelope: &[u8]) -> Result<Opened> {
        let header = Header::parse(envelope, self.max_header_len)?;
        let payload = &envelope[header.len()..];
        let (opened_via, engine) = self.unwrap(&header, payload, Some(payload.len() as u64))?;
        let extent = Extent::of_payload(payload.len() as u64, header.chunk_len())?;
        let mut plaintext = Zeroizing::new(alloc::vec![0; extent.plaintext_len as usize]);
        open_chunks(&engine, &payload[PREFIX_LEN..], &mut plaintext)?;
        let stored_context = Context::from(header.stored_context());
        let (envelope_id, epoch) = (header.envelope_id(), header.epoch());
        Ok(Opened { plaintext, opened_via, stored_context, envelope_id, epoch })
    }

    /// Length of the plaintext of an envelope in memory. Needs no key; the answer is not authenticated.
    ///
    /// # Errors
    /// `Format`, `Truncated`, `Limit`.
    pub fn plaintext_len(&self, envelope: &[u8]) -> Result<usize> {
        let header = Header::parse(envelope, self.max_header_len)?;
        let payload_len = (envelope.len() - header.len()) as u64;
        let extent = Extent::of_payload(payload_len, header.chunk_len())?;
        Ok(extent.plaintext_len as usize)
    }

    /// Opens an envelope into `out`. Returns the plaintext's length. On an error `out` is wiped or untouched.
    ///
    /// # Errors
    /// As [`Opener::open`]; `Misuse` where `out` is too short; `KeyState` where a compromised version opened it, as of
    /// all calls that cannot say so.
    pub fn open_into(&self, envelope: &[u8], out: &mut [u8]) -> Result<usize> {
        let header = Header::parse(envelope, self.max_header_len)?;
        let payload = &envelope[header.len()..];
        let (via, engine) = self.unwrap(&header, payload, Some(payload.len() as u64))?;
        refuse_unmarked(via)?;
        let extent = Extent::of_payload(payload.len() as u64, header.chunk_len())?;
        let short = Error::Misuse("the output is shorter than the plaintext");
        let len = extent.plaintext_len as usize;
        let out = out.get_mut(..len).ok_or(short)?;
        open_chunks(&engine, &payload[PREFIX_LEN..], out)?;
        Ok(len)
    }

    /// Opens the buffer's envelope in place: afterwards it holds the plaintext.
    ///
    /// # Errors
    /// As [`Opener::open`]; where a chunk failed, the buffer is wiped and emptied.
    pub fn open_in_place(&self, buffer: &mut Vec<u8>) -> Result<()> {
        let header = Header::parse(buffer, self.max_header_len)?;
        let (header_len, payload) = (header.len(), &buffer[header.len()..]);
        let (via, engine) = self.unwrap(&header, payload, Some(payload.len() as u64))?;
        refuse_unmarked(via)?;
        let extent = Extent::of_payload(payload.len() as u64, header.chunk_len())?;
        let chunks_at = header_len + PREFIX_LEN;
        let opened = try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
            engine.open_batch(0, &mut buffer[chunks_at..])
        });
        if let Err(error) = opened {
            buffer.zeroize();
            return Err(error);
        }
        let (piece_len, sealed_len) =
            (engine.chunk_len().plaintext_len(), engine.chunk_len().sealed_len());
        let plaintext_len = extent.plaintext_len as usize;
        for index in 0..=plaintext_len / piece_len {
            let from = chunks_at + index * sealed_len;
            let len = piece_len.min(plaintext_len - index * piece_len);
            buffer.copy_within(from..from + len, index * piece_len);
        }
        buffer[plaintext_len..].zeroize();
        buffer.truncate(plaintext_len);
        Ok(())
    }

    /// Authenticates the header at the start of `front`, which goes on to the payload's first 56 bytes. What opens the
    /// chunks, which the caller reads.
    ///
    /// # Errors
    /// As [`Opener::open`].
    #[cfg(feature = "std")]
    pub fn begin(&self, front: &[u8]) -> Result<crate::chunked::Opening> {
        let (opening, via) = self.begin_with_via(front)?;
        refuse_unmarked(via)?;
        Ok(opening)
    }

    /// [`Opener::begin`], and through which entry the header was opened.
    ///
    /// # Errors
    /// As [`Opener::open`].
    #[cfg(feature = "std")]
    pub fn begin_with_via(&self, front: &[u8]) -> Result<(crate::chunked::Opening, OpenedVia)> {
        let ready = self.start(front, None)?;
        Ok((crate::chunked::Opening::new(ready.engine), ready.sealed.opened_via))
    }

    /// Authenticates the header at the start of `front`, which goes on to the payload's first 56 bytes.
    ///
    /// `total` is the length of the whole envelope, where it is known.
    #[cfg(feature = "std")]
    pub(crate) fn start(&self, front: &[u8], total: Option<u64>) -> Result<Ready> {
        let header = Header::parse(front, self.max_header_len)?;
        let payload_len = total.map(|total| total.saturating_sub(header.len() as u64));
        let (opened_via, engine) = self.unwrap(&header, &front[header.len()..], payload_len)?;
        let sealed = Sealed {
            opened_via,
            stored_context: Context::from(header.stored_context()),
            suite: header.suite(),
            header_len: header.len(),
        };
        Ok(Ready { sealed, engine })
    }

    /// Unwraps the data key, verifies the mac, and starts the payload whose first bytes are `payload`.
    ///
    /// A length that is known is checked before the commitment (format.md 4.10a).
    fn unwrap(
        &self,
        header: &Header<'_>,
        payload: &[u8],
        payload_len: Option<u64>,
    ) -> Result<(OpenedVia, Engine)> {
        let requirements = Requirements {
            context: self.context.as_encoded(),
            min_epoch: self.min_epoch,
            kinds: &self.kinds,
            kind: self.kind,
        };
        let shallow = header.entries().all(|entry| is_shallow(entry.kind()));
        let open = || {
            let key = header.open_unwiped(&self.keys, &requirements)?;
            if let Some(payload_len) = payload_len {
                Extent::of_payload(payload_len, header.chunk_len())?;
            }
            let prefix = payload.first_chunk().ok_or(Error::Truncated)?;
            Ok((key.opened_via(), key.engine(prefix)?))
        };
        match shallow {
            true => try_with_wiped_stack::<HEADER_DEPTH, _>(open),
            false => try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(open),
        }
    }
}

impl Default for Opener<'_> {
    fn default() -> Self {
        Opener::new()
    }
}

/// Calls that do not say through what they opened yield nothing that whoever took a compromised version may have made.
fn refuse_unmarked(via: OpenedVia) -> Result<()> {
    let OpenedVia::Compromised(keyset, version) = via else { return Ok(()) };
    let remedy = "this call cannot say that it is not to be believed: migrate with one that does";
    Err(Error::KeyState { keyset, version, state: KeyState::Compromised, remedy })
}

/// Opens all chunks of a payload into `out`, which has exactly the plaintext's length.
fn open_chunks(engine: &Engine, chunks: &[u8], out: &mut [u8]) -> Result<()> {
    let sealed_len = engine.chunk_len().sealed_len();
    let opened = try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
        // The last chunk may be empty, and then there is no piece for it in `out`.
        let mut rest = &mut *out;
        for (index, chunk) in (0u64..).zip(chunks.chunks(sealed_len)) {
            let len = chunk.len().checked_sub(TAG_LEN).ok_or(Error::Truncated)?;
            let (piece, after) = core::mem::take(&mut rest).split_at_mut(len);
            rest = after;
            engine.open_chunk_into(index, chunk, piece)?;
        }
        Ok(())
    });
    if opened.is_err() {
        out.zeroize();
    }
    opened
}
