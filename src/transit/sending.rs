// SPDX-License-Identifier: MIT OR Apache-2.0
//! The half of a session that seals (format.md 13.9, 13.12).

#[cfg(feature = "std")]
use std::sync::Arc;
#[cfg(feature = "std")]
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::limits::{Ages, Clock, Limits, SendingLimits};
use super::traffic::{Chain, EpochKey};
use super::{Mode, RekeyRequest};
use crate::error::{Error, Result};
use crate::format::record::{
    HEADER_LEN, Header, Kind, MAX_ASSOCIATED_LEN, MAX_PLAINTEXT_LEN, OVERHEAD, PAD,
};
use crate::id::Suite;
use crate::primitives::{NONCE_LEN, TAG_LEN};
use crate::secret::memory::{EPOCH_DEPTH, RECORD_DEPTH, try_with_wiped_stack, with_wiped_stack};
use crate::secret::{Key, Traffic};

/// Seals records, each once. Changes its own keys; never comes back to an old one.
pub struct Sending {
    pub(super) chain: Chain,
    key: EpochKey,
    pub(super) counter: u64,
    bytes: u64,
    /// The session's age when the epoch began.
    epoch_began: u32,
    pub(super) clock: Clock,
    limits: SendingLimits,
    ages: Ages,
    mode: Mode,
    state: State,
    /// The caller wants the next record to begin an epoch.
    wanted: bool,
    /// What the other half heard.
    pub(super) news: News,
    /// Epochs that began since a record of the peer's was opened.
    pub(super) unheard: u32,
    /// Where sealing stops until the next block is reserved.
    pub(super) end: Place,
    #[cfg(feature = "std")]
    pub(super) shared: Option<Arc<Shared>>,
    /// The process that began: parent and child would seal different records under the same nonces.
    #[cfg(feature = "std")]
    process: u64,
}

/// Where a record stands in its direction: its epoch, and its counter in it.
pub(super) type Place = (u32, u64);
/// The end of a direction that is not kept over restarts: no record stands there.
pub(super) const NO_END: Place = (u32::MAX, u64::MAX);

/// Where a direction stops that just began: format.md 13.13.
pub(super) fn first_end(limits: &Limits) -> Place {
    if limits.is_kept { (0, 0) } else { NO_END }
}

/// What the half that opens tells the half that seals.
#[derive(Clone, Copy)]
pub(super) struct News {
    /// The epoch that the peer asked to be left.
    pub(super) asked: Option<u32>,
    /// Whether a record came since the last look.
    pub(super) heard: bool,
    /// Whether the peer proved that it has the keys.
    pub(super) confirmed: bool,
}

/// [`News`] between two halves that were split.
#[cfg(feature = "std")]
pub(super) struct Shared {
    /// One more than the epoch that the peer asked to be left; 0 where it did not ask.
    asked: AtomicU64,
    heard: AtomicBool,
    confirmed: AtomicBool,
}

#[cfg(feature = "std")]
impl Shared {
    pub(super) fn new(news: News) -> Arc<Self> {
        let shared = Shared {
            asked: AtomicU64::new(0),
            heard: AtomicBool::new(false),
            confirmed: AtomicBool::new(false),
        };
        shared.tell(news);
        Arc::new(shared)
    }

    /// Takes what the half that opens has to tell. What was heard stays so until it is looked at.
    pub(super) fn tell(&self, News { asked, heard, confirmed }: News) {
        self.asked.store(asked.map_or(0, |epoch| u64::from(epoch) + 1), Ordering::Relaxed);
        self.heard.fetch_or(heard, Ordering::Relaxed);
        self.confirmed.store(confirmed, Ordering::Relaxed);
    }

    fn listen(&self) -> News {
        let asked = self.asked.load(Ordering::Relaxed).checked_sub(1);
        News {
            asked: asked.and_then(|epoch| u32::try_from(epoch).ok()),
            heard: self.heard.swap(false, Ordering::Relaxed),
            confirmed: self.confirmed.load(Ordering::Relaxed),
        }
    }
}

impl News {
    pub(super) const NONE: News = News { asked: None, heard: false, confirmed: true };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not begun.
    None,
    Open,
    Closed,
}

impl Sending {
    pub(super) fn closed() -> Self {
        let Limits { sending, age, .. } = Limits::NONE;
        Sending {
            chain: Chain::closed(),
            key: EpochKey::closed(),
            counter: 0,
            bytes: 0,
            epoch_began: 0,
            clock: Clock::begin(0, 0),
            limits: sending,
            ages: age,
            mode: Mode::Stream,
            state: State::None,
            wanted: false,
            news: News::NONE,
            unheard: 0,
            end: NO_END,
            #[cfg(feature = "std")]
            shared: None,
            #[cfg(feature = "std")]
            process: 0,
        }
    }

    pub(super) fn begin(
        &mut self,
        (suite, mode): (Suite, Mode),
        secret: &Key<Traffic>,
        (epoch, counter): (u32, u64),
        limits: &Limits,
        clock: Clock,
    ) {
        self.chain.begin(suite, epoch, secret);
        self.key.fill(&self.chain);
        self.counter = counter;
        // Where records of this epoch were sealed before a restart, as much as there can have been.
        self.bytes = counter.saturating_mul(MAX_PLAINTEXT_LEN as u64);
        self.epoch_began = clock.age();
        (self.clock, self.limits, self.ages, self.mode) = (clock, limits.sending, limits.age, mode);
        (self.state, self.wanted, self.end) = (State::Open, false, first_end(limits));
        (self.news, self.unheard) = (News::NONE, 0);
        #[cfg(feature = "std")]
        {
            self.shared = None;
            self.process = crate::secret::memory::fork_generation();
        }
    }

    /// Seals a record of data into `out`. Returns its length, which is [`super::RECORD_OVERHEAD`] more than the
    /// plaintext's.
    ///
    /// `now` is in milliseconds, of a clock that starts anywhere. `associated` does not travel; the peer gives it again.
    ///
    /// # Errors
    /// `Misuse` where `out` or the session is not for this; `Limit` for more than 16,384 bytes, where the session is too
    /// old, where epochs are used up, and where a block must be reserved first. Nothing of the plaintext is in `out`
    /// then.
    pub fn seal_into(
        &mut self,
        now: u64,
        plaintext: &[u8],
        associated: &[u8],
        out: &mut [u8],
    ) -> Result<usize> {
        self.seal_from(Kind::Data, now, plaintext, associated, out)
    }

    /// Seals a record of data where it stands: `record` has 13 bytes of room before the plaintext and 16 after it.
    ///
    /// # Errors
    /// As [`Sending::seal_into`]; `record` is as it was then.
    pub fn seal_in_place(&mut self, now: u64, record: &mut [u8], associated: &[u8]) -> Result<()> {
        self.seal(Kind::Data, now, None, associated, record)
    }

    /// Seals data with padding into `out`, so that the record's length tells only how many blocks of `block` bytes the
    /// data fills. At least one byte is padding. How long the reader takes to find the end is not hidden.
    ///
    /// # Errors
    /// As [`Sending::seal_into`]; `Misuse` for a block of 0 bytes.
    pub fn seal_padded_into(
        &mut self,
        now: u64,
        plaintext: &[u8],
        block: usize,
        associated: &[u8],
        out: &mut [u8],
    ) -> Result<usize> {
        if block == 0 {
            return Err(Error::misuse("a block of padding has at least one byte"));
        }
        let long = Error::limit("a record has at most 16,384 bytes of plaintext");
        let Some(len) = (plaintext.len() + 1).checked_next_multiple_of(block) else {
            return Err(long);
        };
        if len > MAX_PLAINTEXT_LEN {
            return Err(long);
        }
        let record = out.get_mut(..len + OVERHEAD).ok_or(SHORT)?;
        let padded = &mut record[HEADER_LEN..HEADER_LEN + len];
        padded.fill(0);
        padded[..plaintext.len()].copy_from_slice(plaintext);
        padded[plaintext.len()] = PAD;
        let sealed = self.seal(Kind::Padded, now, None, associated, record);
        if sealed.is_err() {
            zeroize::Zeroize::zeroize(record);
        }
        sealed.map(|()| record.len())
    }

    /// Seals a record without content, which keeps a path open. Returns its length.
    ///
    /// # Errors
    /// As [`Sending::seal_into`].
    pub fn seal_empty_into(&mut self, now: u64, out: &mut [u8]) -> Result<usize> {
        self.seal_from(Kind::Empty, now, &[], &[], out)
    }

    /// Seals the peer's part of [`super::Receiving::rekey_request`]: it changes the keys that it seals with. Returns the
    /// record's length.
    ///
    /// # Errors
    /// As [`Sending::seal_into`].
    pub fn seal_rekey_request_into(
        &mut self,
        now: u64,
        request: RekeyRequest,
        out: &mut [u8],
    ) -> Result<usize> {
        self.seal_from(Kind::RekeyRequest, now, &request.0.to_be_bytes(), &[], out)
    }

    /// Seals the end of this direction. Returns the record's length; nothing can be sealed after it.
    ///
    /// # Errors
    /// As [`Sending::seal_into`].
    pub fn close_into(&mut self, now: u64, out: &mut [u8]) -> Result<usize> {
        let len = self.seal_from(Kind::Close, now, &[], &[], out)?;
        self.state = State::Closed;
        // What the keys were for is over.
        self.key.wipe();
        self.chain.wipe();
        Ok(len)
    }

    /// The next record begins an epoch, if the present one was used.
    pub fn rekey(&mut self) {
        self.wanted = true;
    }

    /// The epoch of the record sealed last.
    pub fn epoch(&self) -> u32 {
        self.chain.epoch()
    }

    /// Whether this direction was closed.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether it is time for a fresh handshake: the session is old, or its epochs are nearly used up.
    pub fn wants_handshake(&mut self, now: u64) -> bool {
        self.listen();
        let unheard = self.mode == Mode::Datagram && self.unheard >= MAX_UNHEARD;
        self.clock.age_at(now) >= self.ages.handshake_ms
            || self.chain.epoch() >= LAST_EPOCHS
            || unheard
    }

    /// Leaves an epoch whose time is over, so that its keys do not wait for the next record.
    ///
    /// # Errors
    /// `Limit` where epochs are used up.
    pub fn tick(&mut self, now: u64) -> Result<()> {
        self.listen();
        let age = self.clock.age_at(now);
        match self.state == State::Open && self.is_due(age, 0) {
            true => try_with_wiped_stack::<EPOCH_DEPTH, _>(|| self.advance(age)),
            false => Ok(()),
        }
    }

    /// Seals a plaintext that stands elsewhere.
    fn seal_from(
        &mut self,
        kind: Kind,
        now: u64,
        plaintext: &[u8],
        associated: &[u8],
        out: &mut [u8],
    ) -> Result<usize> {
        let len = plaintext.len().saturating_add(OVERHEAD);
        let record = out.get_mut(..len).ok_or(SHORT)?;
        self.seal(kind, now, Some(plaintext), associated, record)?;
        Ok(len)
    }

    /// Seals into the whole of `record` a plaintext of that length, or the one that stands there. Nothing is written
    /// before all that can be refused was looked at.
    fn seal(
        &mut self,
        kind: Kind,
        now: u64,
        plaintext: Option<&[u8]>,
        associated: &[u8],
        record: &mut [u8],
    ) -> Result<()> {
        let len = record.len().checked_sub(OVERHEAD).ok_or(SHORT)?;
        let (header, nonce) = self.next(kind, now, len, associated)?;
        let (head, body) = record.split_at_mut(HEADER_LEN);
        head.copy_from_slice(&header.encode());
        let (text, tag) = body.split_at_mut(len);
        let key = &self.key;
        tag.copy_from_slice(&with_wiped_stack::<RECORD_DEPTH, _>(|| {
            with_associated(&header, associated, |aad| match plaintext {
                Some(plaintext) => key.aead().seal_into(&nonce, aad, plaintext, text),
                None => key.aead().seal_in_place(&nonce, aad, text),
            })
        }));
        Ok(())
    }

    /// The header and nonce of the next record, which are counted before they are used.
    fn next(
        &mut self,
        kind: Kind,
        now: u64,
        len: usize,
        associated: &[u8],
    ) -> Result<(Header, [u8; NONCE_LEN])> {
        self.check(len, associated)?;
        self.listen();
        // format.md 13.7: whoever only repeats message 1 is told nothing.
        if !self.news.confirmed && kind != Kind::Empty {
            return Err(Error::misuse("the peer did not prove yet that it has the keys"));
        }
        let age = self.clock.age_at(now);
        if age >= self.ages.end_ms {
            return Err(Error::limit("the session is too old; make a fresh handshake"));
        }
        if self.is_due(age, len) {
            try_with_wiped_stack::<EPOCH_DEPTH, _>(|| self.advance(age))?;
        }
        let place = (self.chain.epoch(), self.counter);
        if place >= self.end {
            return Err(Error::limit("reserve a block first"));
        }
        // format.md 13.9: a limit of the epoch comes long before, unless its start was set.
        if self.counter == u64::MAX {
            return Err(Error::limit("the last counter is never used"));
        }
        let header = Header { kind, epoch: place.0, counter: place.1 };
        self.counter += 1;
        self.bytes = self.bytes.saturating_add(len as u64);
        Ok((header, self.key.nonce(header.counter)))
    }

    fn check(&self, len: usize, associated: &[u8]) -> Result<()> {
        match self.state {
            State::Open => {}
            State::None => return Err(Error::misuse("the session was not begun")),
            State::Closed => return Err(Error::misuse("this direction was closed")),
        }
        #[cfg(feature = "std")]
        if self.process != crate::secret::memory::fork_generation() {
            return Err(Error::misuse(
                "a forked process cannot go on sealing what its parent began",
            ));
        }
        if len > MAX_PLAINTEXT_LEN {
            return Err(Error::limit("a record has at most 16,384 bytes of plaintext"));
        }
        check_associated(associated)
    }

    /// Takes what the other half has to tell.
    pub(super) fn listen(&mut self) {
        #[cfg(feature = "std")]
        if let Some(shared) = &self.shared {
            self.news = shared.listen();
        }
        if core::mem::take(&mut self.news.heard) {
            self.unheard = 0;
        }
    }

    /// Whether the next record, of so many bytes, begins an epoch: format.md 13.12.
    fn is_due(&self, age: u32, len: usize) -> bool {
        // A request names the epoch to be left: told again, it asks for nothing more. One for an epoch that was not
        // begun asks for nothing at all.
        if self.news.asked == Some(self.chain.epoch()) {
            return true;
        }
        let SendingLimits { bytes, records, epoch_ms } = self.limits;
        let must = self.counter >= records.into() || self.bytes.saturating_add(len as u64) > bytes;
        // A peer that hears nothing must not be left too far behind.
        let may = self.mode == Mode::Stream || self.unheard < MAX_UNHEARD;
        let wished = self.wanted || age - self.epoch_began >= epoch_ms;
        self.counter > 0 && (must || (may && wished))
    }

    fn advance(&mut self, age: u32) -> Result<()> {
        self.chain.advance()?;
        self.key.fill(&self.chain);
        (self.counter, self.bytes, self.epoch_began, self.wanted) = (0, 0, age, false);
        self.unheard = self.unheard.saturating_add(1);
        Ok(())
    }

    /// A record of any type, as a peer could make it that does not keep to the format.
    #[cfg(all(test, feature = "std"))]
    pub(super) fn seal_kind(
        &mut self,
        kind: Kind,
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<usize> {
        self.seal_from(kind, 0, plaintext, &[], out)
    }

    /// Leaves the epoch after a restart: the peer takes a new one whatever it reserved of this one.
    pub(super) fn leave(&mut self) -> Result<()> {
        match self.unheard < MAX_UNHEARD && self.chain.epoch() < u32::MAX {
            true => self.advance(self.clock.age()),
            false => Ok(()),
        }
    }

    /// Whether the session is kept over restarts.
    pub(super) fn is_kept(&self) -> bool {
        self.end != NO_END
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }
}

/// Whether the caller's associated data fits.
pub(super) fn check_associated(associated: &[u8]) -> Result<()> {
    match associated.len() > MAX_ASSOCIATED_LEN {
        true => Err(Error::misuse("a record binds at most 256 bytes of associated data")),
        false => Ok(()),
    }
}

/// Header || associated data: format.md 13.9. Records without data bind the header alone. The caller's duty:
/// [`check_associated`].
pub(super) fn with_associated<R>(
    header: &Header,
    associated: &[u8],
    work: impl FnOnce(&[u8]) -> R,
) -> R {
    let head = header.encode();
    if associated.is_empty() || !matches!(header.kind, Kind::Data | Kind::Padded) {
        return work(&head);
    }
    // public: associated data is no secret.
    let mut both = [0; HEADER_LEN + MAX_ASSOCIATED_LEN];
    both[..HEADER_LEN].copy_from_slice(&head);
    both[HEADER_LEN..HEADER_LEN + associated.len()].copy_from_slice(associated);
    work(&both[..HEADER_LEN + associated.len()])
}

const SHORT: Error = Error::misuse("the output is shorter than the record");
/// How many epochs begin without a word of the peer's, but for those that must.
pub(super) const MAX_UNHEARD: u32 = 32;
/// From here on a session asks for another.
pub(super) const LAST_EPOCHS: u32 = u32::MAX - 1024;
const _: () = assert!(OVERHEAD == HEADER_LEN + TAG_LEN);
