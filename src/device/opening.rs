// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opening an envelope page by page: a chunk is verified before a byte of it may be used.

use zeroize::Zeroize;

use super::mapped::MAX_PIECES;
use super::{MAX_FRONT_LEN, Progress, progress};
use crate::envelope::{self, ChunkLen, Header, PAYLOAD_PREFIX_LEN, PayloadKey};
use crate::error::{Error, Result};
use crate::format::context::{COUNTER, Encoded};
use crate::format::payload::{MAX_CHUNKS, SALT_LEN};
use crate::id::{Kind, Suite};
use crate::primitives::{AeadKey, NONCE_LEN, RunningHash, TAG_LEN, ct_eq};
use crate::secret::memory::{
    CHUNKS_DEPTH, OPENING_DEPTH, PUBLIC_KEY_DEPTH, X_WING_DEPTH, try_with_wiped_stack,
    with_wiped_stack,
};
use crate::secret::{Chunk, Key};
use crate::wrap::{KeyWrap, OpenedVia};

/// What must be true of an envelope before a chunk of it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'c> {
    /// Entries that must be stored in it, with these values.
    pub stored: Encoded<'c>,
    /// Entries that do not travel (format.md 2.5).
    pub external: Encoded<'c>,
    /// Refuse a key block with a lower epoch.
    pub min_epoch: u32,
    /// Refuse a lower `sealwax.counter`, or none (format.md 2.6).
    pub min_counter: Option<u64>,
    /// Whether the plaintext is hashed, so that [`Opening::finish`] can compare it.
    pub digest: Digest,
}

/// Whether an opening hashes the plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// Only [`Opening::finish_unsigned`] can end it.
    Without,
}

/// Chunks of one payload, opened in the caller's buffers. Wiped on drop.
pub struct Opening {
    pub(super) key: Key<Chunk>,
    base_nonce: [u8; NONCE_LEN],
    pub(super) suite: Suite,
    pub(super) chunk_len: ChunkLen,
    commitment: [u8; 32],
    pub(super) next: u64,
    ended: bool,
    pub(super) digest: Option<RunningHash>,
    /// Secret: see [`crate::primitives::Pieces::checkpoint`].
    pub(super) checkpoints: [[u8; TAG_LEN]; MAX_PIECES],
    counter: Option<u64>,
    epoch: u32,
    opened_via: OpenedVia,
}

impl Opening {
    /// A place for an opening, to be filled in place by [`Opening::begin`]: a move would leave a
    /// copy of the key.
    pub fn closed() -> Self {
        Opening {
            key: Key::zeroed(),
            base_nonce: [0; NONCE_LEN],
            suite: Suite::ChaCha20Poly1305,
            chunk_len: ChunkLen::KIB_4,
            commitment: [0; 32],
            next: 0,
            ended: false,
            digest: None,
            checkpoints: [[0; TAG_LEN]; MAX_PIECES],
            counter: None,
            epoch: 0,
            opened_via: OpenedVia::Provider,
        }
    }

    /// Authenticates the header at the start of `front`, which goes on at least to the payload's
    /// first 56 bytes. Returns where chunk 0 begins.
    ///
    /// The caller's duty: `front` is a copy that nobody else can change, and after an error the
    /// opening is not used.
    ///
    /// # Errors
    /// `Format`, `Truncated`; `Limit` above 2,048 bytes; `UnknownKey`, `KeyState`, `Decrypt`;
    /// `Unsupported`.
    pub fn begin(
        &mut self,
        front: &[u8],
        keys: &[&dyn KeyWrap],
        requirements: &Requirements<'_>,
    ) -> Result<usize> {
        try_with_wiped_stack::<OPENING_DEPTH, _>(|| self.authenticate(front, keys, requirements))
    }

    /// [`Opening::begin`] with keys whose work goes deeper: key pairs.
    pub fn begin_with_pairs(
        &mut self,
        front: &[u8],
        keys: &[&dyn KeyWrap],
        requirements: &Requirements<'_>,
    ) -> Result<usize> {
        try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(|| self.authenticate(front, keys, requirements))
    }

    /// [`Opening::begin`] with keys whose work goes deepest: X-Wing key pairs.
    pub fn begin_with_x_wing(
        &mut self,
        front: &[u8],
        keys: &[&dyn KeyWrap],
        requirements: &Requirements<'_>,
    ) -> Result<usize> {
        try_with_wiped_stack::<X_WING_DEPTH, _>(|| self.authenticate(front, keys, requirements))
    }

    fn authenticate(
        &mut self,
        front: &[u8],
        keys: &[&dyn KeyWrap],
        requirements: &Requirements<'_>,
    ) -> Result<usize> {
        // By reference, here and below: a move would be another copy on a small stack.
        match Header::parse(front, MAX_FRONT_LEN - PAYLOAD_PREFIX_LEN) {
            Ok(ref header) => self.begin_at(header, front, keys, requirements),
            Err(error) => Err(error),
        }
    }

    fn begin_at(
        &mut self,
        header: &Header<'_>,
        front: &[u8],
        keys: &[&dyn KeyWrap],
        requirements: &Requirements<'_>,
    ) -> Result<usize> {
        let Requirements { external, min_epoch, digest, .. } = *requirements;
        let wanted =
            envelope::Requirements { context: external, min_epoch, kinds: &[], kind: Kind::Data };
        let rest = front.get(header.len()..).and_then(|payload| payload.first_chunk());
        match header.open_unwiped(keys, &wanted) {
            Ok(ref payload_key) => self.start(header, payload_key, rest, requirements)?,
            Err(error) => return Err(error),
        }
        self.suite = header.suite();
        self.chunk_len = header.chunk_len();
        self.epoch = header.epoch();
        self.begin_digest(digest);
        Ok(header.len() + PAYLOAD_PREFIX_LEN)
    }

    /// A call of its own: what it moves is not on the stack below the header's work.
    #[inline(never)]
    fn begin_digest(&mut self, digest: Digest) {
        self.digest = (digest == Digest::Sha256).then(RunningHash::new);
    }

    fn start(
        &mut self,
        header: &Header<'_>,
        payload_key: &PayloadKey<'_>,
        prefix: Option<&[u8; PAYLOAD_PREFIX_LEN]>,
        requirements: &Requirements<'_>,
    ) -> Result<()> {
        // The mac held: what is stored is what the sealer wrote.
        self.counter = check_stored(header.stored_context(), requirements)?;
        let Some(prefix) = prefix else { return Err(Error::Truncated) };
        self.base_nonce = payload_key.chunk_key_into(prefix, &mut self.key)?;
        self.commitment.copy_from_slice(&prefix[SALT_LEN..]);
        self.opened_via = payload_key.opened_via();
        Ok(())
    }

    /// Opens chunk `index` in place. The next chunk in order advances the opening; without a digest
    /// one that was opened before may be opened again, and changes nothing. On an error the piece
    /// is wiped.
    ///
    /// # Errors
    /// `Decrypt`; `Misuse` where it is not this chunk's turn ([`Opening::check_turn`]), or the
    /// piece is longer than a chunk.
    pub fn open_chunk(&mut self, index: u64, piece: &mut [u8], tag: &[u8; TAG_LEN]) -> Result<()> {
        self.check_turn(index)?;
        self.read_chunk(index, piece, tag)?;
        if index == self.next {
            if let Some(digest) = &mut self.digest {
                with_wiped_stack::<CHUNKS_DEPTH, _>(|| digest.update(piece));
            }
            self.advance(piece.len());
        }
        Ok(())
    }

    /// Opens any chunk in place, and changes nothing. On an error the piece is wiped.
    ///
    /// # Errors
    /// `Decrypt`; `Limit` from chunk 2^38 on; `Misuse` where the piece is longer than a chunk.
    pub fn read_chunk(&self, index: u64, piece: &mut [u8], tag: &[u8; TAG_LEN]) -> Result<()> {
        if piece.len() > self.chunk_len.plaintext_len() {
            return Err(Error::misuse("a piece is longer than a chunk"));
        }
        let nonce = self.nonce(index).inspect_err(|_| piece.zeroize())?;
        // The error is made out here: the unused bytes of one that is made on that stack are what stood there.
        let opened = with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
            let aead = AeadKey::new(self.suite, self.key.expose_bytes());
            aead.open_in_place(&nonce, &[], piece, tag).is_ok()
        });
        if !opened {
            piece.zeroize();
            return Err(Error::Decrypt);
        }
        Ok(())
    }

    /// How far it came, to be kept over a power cut.
    pub fn progress(&self, out: &mut [u8; progress::LEN]) {
        let Opening { commitment, next, ended, digest, .. } = self;
        with_wiped_stack::<CHUNKS_DEPTH, _>(|| {
            let digest = digest.clone();
            Progress { commitment: *commitment, next: *next, ended: *ended, digest }.encode(out);
        });
    }

    /// Goes on where another opening of the same payload stopped.
    ///
    /// # Errors
    /// `Decrypt` where it is another payload's progress; `Misuse` where a chunk was opened already,
    /// or one of both hashes the plaintext and the other does not.
    pub fn resume(&mut self, progress: &Progress) -> Result<()> {
        if !ct_eq(&self.commitment, &progress.commitment) {
            return Err(Error::Decrypt);
        }
        if self.next != 0 || self.digest.is_some() != progress.digest.is_some() {
            return Err(Error::misuse("this opening cannot go on from there"));
        }
        let Progress { commitment: _, next, ended, digest } = progress;
        (self.next, self.ended) = (*next, *ended);
        self.digest.clone_from(digest);
        Ok(())
    }

    /// Whether this is all of the plaintext, and the one whose SHA-256 the caller trusts.
    ///
    /// # Errors
    /// `Truncated` where the last chunk was not opened; `Decrypt` where the digest differs;
    /// `Misuse` where none was made.
    pub fn finish(&self, digest: &[u8; 32]) -> Result<()> {
        let Some(hashed) = &self.digest else {
            return Err(Error::misuse("this opening was begun without a digest"));
        };
        self.finish_unsigned()?;
        let value = with_wiped_stack::<CHUNKS_DEPTH, _>(|| hashed.value());
        match ct_eq(&value, digest) {
            true => Ok(()),
            false => Err(Error::Decrypt),
        }
    }

    /// Whether this is all of the plaintext. Says nothing about who made it (format.md 11.3).
    ///
    /// # Errors
    /// `Truncated` where the last chunk was not opened.
    pub fn finish_unsigned(&self) -> Result<()> {
        if self.ended { Ok(()) } else { Err(Error::Truncated) }
    }

    /// Length of the chunks.
    pub fn chunk_len(&self) -> ChunkLen {
        self.chunk_len
    }

    /// The number of the chunk whose turn it is.
    pub fn next_chunk(&self) -> u64 {
        self.next
    }

    /// Whether the last chunk was opened.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// The image's counter, if it has one.
    pub fn counter(&self) -> Option<u64> {
        self.counter
    }

    /// The epoch of the key block.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Through which entry it was opened.
    pub fn opened_via(&self) -> OpenedVia {
        self.opened_via
    }

    /// Whether chunk `index` may be opened now.
    ///
    /// # Errors
    /// `Misuse` where a chunk was left out, the last one was opened before, or a chunk is to be
    /// opened again while there is a digest: a sealer who knows the chunk key can make two chunks
    /// for one index, and only the first would be hashed.
    pub fn check_turn(&self, index: u64) -> Result<()> {
        if index < self.next && self.digest.is_some() {
            return Err(Error::misuse("the digest would not cover a chunk that is opened again"));
        }
        if index > self.next {
            return Err(Error::misuse("a chunk was left out"));
        }
        if index == self.next && self.ended {
            return Err(Error::misuse("the last chunk was opened before"));
        }
        Ok(())
    }

    pub(super) fn advance(&mut self, piece_len: usize) {
        self.next += 1;
        self.ended = piece_len < self.chunk_len.plaintext_len();
    }

    /// base nonce XOR index: format.md 5A.3.
    pub(super) fn nonce(&self, index: u64) -> Result<[u8; NONCE_LEN]> {
        nonce(&self.base_nonce, index, MAX_CHUNKS)
    }
}

/// Whether what must be stored is; the counter, where there is one.
fn check_stored(held: Encoded<'_>, requirements: &Requirements<'_>) -> Result<Option<u64>> {
    for entry in requirements.stored.entries() {
        if held.value(entry.name) != Some(entry.value) {
            return Err(Error::Decrypt);
        }
    }
    let counter = held.value(COUNTER).and_then(|value| value.try_into().ok());
    let counter = counter.map(u64::from_be_bytes);
    // format.md 2.6
    if requirements.min_counter.is_some() && counter.is_none() {
        return Err(Error::format("2.6", "no counter of 8 bytes"));
    }
    match counter < requirements.min_counter {
        true => Err(Error::Decrypt),
        false => Ok(counter),
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.checkpoints.as_flattened_mut().zeroize();
    }
}

/// base nonce XOR index: format.md 5A.3.
pub(super) fn nonce(
    base_nonce: &[u8; NONCE_LEN],
    index: u64,
    max_chunks: u64,
) -> Result<[u8; NONCE_LEN]> {
    if index >= max_chunks {
        return Err(Error::limit("a payload has too many chunks"));
    }
    let mut nonce = *base_nonce;
    for (byte, counter) in nonce[NONCE_LEN - 8..].iter_mut().zip(index.to_be_bytes()) {
        *byte ^= counter;
    }
    Ok(nonce)
}
