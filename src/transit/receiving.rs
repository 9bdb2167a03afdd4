// SPDX-License-Identifier: MIT OR Apache-2.0
//! The half of a session that opens (format.md 13.10).

#[cfg(feature = "std")]
use std::sync::Arc;

use super::limits::{Ages, Clock, Limits, ReceivingLimits};
#[cfg(feature = "std")]
use super::sending::Shared;
use super::sending::{
    LAST_EPOCHS, NO_END, News, Place, check_associated, first_end, with_associated,
};
use super::traffic::{Chain, EpochKey};
use super::window::Window;
use super::{Mode, RekeyRequest};
use crate::error::{Error, Result};
use crate::format::record::{HEADER_LEN, Header, Kind, OVERHEAD, unpadded};
use crate::id::Suite;
use crate::primitives::TAG_LEN;
use crate::secret::memory::{RECORD_DEPTH, try_with_wiped_stack};
use crate::secret::{Key, Traffic};
use zeroize::Zeroize;

/// Opens records, each once. Nothing changes it but a record whose tag holds.
pub struct Receiving {
    pub(super) chain: Chain,
    current: Epoch,
    previous: Option<Previous>,
    /// Records that failed to open under any key ahead since an epoch began.
    failed_ahead: u64,
    /// The place of the window and the key of an epoch that is over.
    spare: Epoch,
    pub(super) clock: Clock,
    limits: ReceivingLimits,
    ages: Ages,
    mode: Mode,
    state: State,
    /// One more than the last place at which a record was authenticated.
    heard: Place,
    /// Where opening stops until the next block is reserved.
    pub(super) end: Place,
    pub(super) wants_rekey: bool,
    /// What the other half must know.
    pub(super) news: News,
    #[cfg(feature = "std")]
    pub(super) shared: Option<Arc<Shared>>,
    /// The process that began: parent and child would each open the same record once.
    #[cfg(feature = "std")]
    process: u64,
}

struct Epoch {
    key: EpochKey,
    window: Window,
    /// Records that failed to open under the key.
    failed: u64,
}

/// The epoch heard before the present one, whose keys are in the place for it.
#[derive(Clone, Copy)]
struct Previous {
    epoch: u32,
    records_left: u32,
    until: u32,
}

/// Keys of an epoch that did not begin, worked out for a record that claims it.
struct Ahead {
    chain: Chain,
    key: EpochKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not begun.
    None,
    Open,
    /// The peer's direction ended at this place.
    Closed(u32, u64),
    /// A record in a stream was not what it must be.
    Failed,
}

/// Whose key a record needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Previous,
    Current,
    Ahead,
}

/// What a record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Data.
    Data,
    /// The end of the peer's direction.
    Close,
    /// The peer asks for other keys; the session answers by itself.
    RekeyRequest,
    /// Nothing: the peer keeps the path open.
    Empty,
}

/// A record that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it was.
    pub content: Content,
    /// The epoch that it came in.
    pub epoch: u32,
    /// Its number in that epoch.
    pub counter: u64,
    /// Length of the data, in bytes, at the beginning of the output.
    pub len: usize,
}

impl Receiving {
    pub(super) fn closed(window: u16) -> Self {
        let Limits { receiving, age, .. } = Limits::NONE;
        let epoch = || Epoch { key: EpochKey::closed(), window: Window::new(window), failed: 0 };
        Receiving {
            chain: Chain::closed(),
            current: epoch(),
            previous: None,
            failed_ahead: 0,
            spare: epoch(),
            clock: Clock::begin(0, 0),
            limits: receiving,
            ages: age,
            mode: Mode::Stream,
            state: State::None,
            heard: (0, 0),
            end: NO_END,
            wants_rekey: false,
            news: News::NONE,
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
        let window = match mode {
            Mode::Stream => 0,
            Mode::Datagram => limits.receiving.window,
        };
        self.chain.begin(suite, epoch, secret);
        self.current.key.fill(&self.chain);
        self.current.window.begin(window);
        self.spare.window.begin(window);
        self.current.window.seen_below(counter);
        self.heard = (epoch, counter);
        (self.current.failed, self.spare.failed, self.failed_ahead) = (0, 0, 0);
        self.previous = None;
        (self.clock, self.limits, self.ages, self.mode) =
            (clock, limits.receiving, limits.age, mode);
        // Limits of another suite may be higher than this one's.
        let highest = Limits::of(suite).receiving.failed_opens;
        self.limits.failed_opens = highest.min(self.limits.failed_opens);
        (self.state, self.end, self.wants_rekey) = (State::Open, first_end(limits), false);
        self.news = News::NONE;
        #[cfg(feature = "std")]
        {
            self.shared = None;
            self.process = crate::secret::memory::fork_generation();
        }
    }

    /// Opens a record where it stands: the data is then in `record[13..13 + len]`.
    ///
    /// `now` is in milliseconds, of a clock that starts anywhere.
    ///
    /// # Errors
    /// `Format` and `Limit` where these bytes are no record; `Decrypt` for a record that is not the peer's, that came
    /// before, or that is too old to know. In stream mode each of these is final. `Limit` where the session is too old,
    /// where too many records failed, and where a block must be reserved first: the record is then as it was, and may
    /// come again. After other errors it is wiped if it was touched.
    pub fn open_in_place(
        &mut self,
        now: u64,
        record: &mut [u8],
        associated: &[u8],
    ) -> Result<Record> {
        let header = self.parse(now, record, associated)?;
        let (_, body) = record.split_at_mut(HEADER_LEN);
        let (text, tag) = body.split_last_chunk_mut().expect("a record ends with its tag");
        self.open(header, associated, None, tag, text)
    }

    /// Opens a record into `out`, which has room for its ciphertext. The record stays as it is.
    ///
    /// # Errors
    /// As [`Receiving::open_in_place`]; `Misuse` where `out` is too short. `out` is wiped or untouched then.
    pub fn open_into(
        &mut self,
        now: u64,
        record: &[u8],
        associated: &[u8],
        out: &mut [u8],
    ) -> Result<Record> {
        if out.len() < record.len().saturating_sub(OVERHEAD) {
            return Err(Error::misuse("the output is shorter than the plaintext"));
        }
        let header = self.parse(now, record, associated)?;
        let (ciphertext, tag) =
            record[HEADER_LEN..].split_last_chunk().expect("a record ends with its tag");
        self.open(header, associated, Some(ciphertext), tag, &mut out[..ciphertext.len()])
    }

    /// What to seal with [`super::Sending::seal_rekey_request_into`], so that the peer leaves the present epoch.
    pub fn rekey_request(&self) -> RekeyRequest {
        RekeyRequest(self.chain.epoch())
    }

    /// Whether the peer must be asked for other keys before it is heard again: after an import, until a record
    /// came; and where half of the records that may fail to open under a key did.
    pub fn wants_rekey_request(&self) -> bool {
        self.wants_rekey || self.current.failed >= self.limits.failed_opens.div_ceil(2)
    }

    /// Whether the peer proved that it has the keys: by a record, or by its last handshake message.
    pub fn is_confirmed(&self) -> bool {
        self.news.confirmed
    }

    /// The failed opens of the present epoch, to be kept over a restart.
    pub(super) fn failed_opens(&mut self) -> &mut u64 {
        &mut self.current.failed
    }

    /// The epoch of the newest record.
    pub fn epoch(&self) -> u32 {
        self.chain.epoch()
    }

    /// Whether the peer ended its direction.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(..))
    }

    /// Whether it is time for a fresh handshake: the session is old, many records failed, or its epochs are nearly used up.
    pub fn wants_handshake(&mut self, now: u64) -> bool {
        self.clock.age_at(now) >= self.ages.handshake_ms
            || self.failed_ahead.max(self.current.failed) >= self.limits.failed_opens.div_ceil(2)
            || self.chain.epoch() >= LAST_EPOCHS
    }

    /// Forgets the previous epoch when its time is over. Opening does so too; this is for sessions that hear nothing.
    pub fn tick(&mut self, now: u64) {
        let age = self.clock.age_at(now);
        if self.previous.is_some_and(|previous| previous.records_left == 0 || age >= previous.until)
        {
            self.previous = None;
            self.spare.key.wipe();
        }
    }

    /// One more than the highest place that was authenticated.
    pub(super) fn heard(&self) -> Place {
        self.heard.max((self.chain.epoch(), self.current.window.next()))
    }

    /// The checks that need no key.
    fn parse(&mut self, now: u64, record: &[u8], associated: &[u8]) -> Result<Header> {
        check_associated(associated)?;
        match self.state {
            State::None => return Err(Error::misuse("the session was not begun")),
            State::Failed => return Err(Error::Decrypt),
            State::Open | State::Closed(..) => {}
        }
        #[cfg(feature = "std")]
        if self.process != crate::secret::memory::fork_generation() {
            return Err(Error::misuse("a forked process cannot open what its parent may open"));
        }
        self.tick(now);
        if self.clock.age() >= self.ages.end_ms {
            return Err(Error::limit("the session is too old; make a fresh handshake"));
        }
        Header::parse(record).map_err(|error| self.refuse(error))
    }

    /// Opens a ciphertext, or the one that stands in `text`, into `text`. What follows from its tag follows here.
    fn open(
        &mut self,
        header: Header,
        associated: &[u8],
        ciphertext: Option<&[u8]>,
        tag: &[u8; TAG_LEN],
        text: &mut [u8],
    ) -> Result<Record> {
        try_with_wiped_stack::<RECORD_DEPTH, _>(|| {
            let slot = self.find(header)?;
            let mut ahead = match slot {
                Slot::Ahead => Some(self.work_out(header.epoch)?),
                Slot::Previous | Slot::Current => None,
            };
            let key = match (&ahead, slot) {
                (Some(ahead), _) => &ahead.key,
                (None, Slot::Previous) => &self.spare.key,
                (None, _) => &self.current.key,
            };
            let (aead, nonce) = (key.aead(), key.nonce(header.counter));
            let is_reserved = (header.epoch, header.counter) < self.end;
            let opened = with_associated(&header, associated, |aad| {
                match ciphertext {
                    Some(ciphertext) => aead.open_into(&nonce, aad, ciphertext, tag, text)?,
                    None => aead.open_in_place(&nonce, aad, text, tag)?,
                }
                if !is_reserved && ciphertext.is_none() {
                    // The caller's record is as it was: the same plaintext under the same nonce is the same ciphertext.
                    aead.seal_in_place(&nonce, aad, text);
                }
                Ok(())
            });
            let accepted = match opened {
                Ok(()) => {
                    if let Some(ahead) = &mut ahead {
                        self.commit(ahead);
                    }
                    self.heard = self.heard.max((header.epoch, header.counter + 1));
                    if !is_reserved {
                        if ciphertext.is_some() {
                            text.zeroize();
                        }
                        return Err(Error::limit("reserve a block first"));
                    }
                    self.hear();
                    self.accept(slot, header, text)
                }
                Err(error) => {
                    *self.failed(slot) += 1;
                    Err(self.refuse(error))
                }
            };
            accepted.inspect_err(|_| text.zeroize())
        })
    }

    /// Whose key a record needs.
    fn find(&mut self, header: Header) -> Result<Slot> {
        let Header { epoch, counter, .. } = header;
        let (current, next) = (self.chain.epoch(), self.current.window.next());
        let after_close =
            matches!(self.state, State::Closed(at, last) if (epoch, counter) > (at, last));
        let ahead = epoch.checked_sub(current);
        let slot = match self.mode {
            _ if after_close => None,
            // format.md 13.11
            Mode::Stream => match ahead {
                Some(0) if counter == next => Some(Slot::Current),
                Some(1) if counter == 0 => Some(Slot::Ahead),
                _ => None,
            },
            // format.md 13.10
            Mode::Datagram => match ahead {
                Some(0) => self.current.window.is_fresh(counter).then_some(Slot::Current),
                Some(1..=MAX_AHEAD) => Some(Slot::Ahead),
                Some(_) => None,
                None => {
                    let known = self.previous.is_some_and(|previous| previous.epoch == epoch);
                    (known && self.spare.window.is_fresh(counter)).then_some(Slot::Previous)
                }
            },
        };
        let Some(slot) = slot else { return Err(self.refuse(Error::Decrypt)) };
        if *self.failed(slot) >= self.limits.failed_opens {
            return Err(Error::limit("too many records failed to open under this key"));
        }
        Ok(slot)
    }

    /// The keys of an epoch ahead, without changing anything.
    fn work_out(&self, epoch: u32) -> Result<Ahead> {
        let mut ahead = Ahead { chain: Chain::closed(), key: EpochKey::closed() };
        ahead.chain.copy_from(&self.chain);
        while ahead.chain.epoch() < epoch {
            ahead.chain.advance()?;
        }
        ahead.key.fill(&ahead.chain);
        Ok(ahead)
    }

    fn failed(&mut self, slot: Slot) -> &mut u64 {
        match slot {
            Slot::Previous => &mut self.spare.failed,
            Slot::Current => &mut self.current.failed,
            Slot::Ahead => &mut self.failed_ahead,
        }
    }

    /// Takes a record whose tag held, and whose epoch has begun.
    fn accept(&mut self, slot: Slot, header: Header, plaintext: &[u8]) -> Result<Record> {
        let Header { kind, epoch, counter } = header;
        if slot == Slot::Previous {
            self.spare.window.mark(counter);
        } else {
            self.current.window.mark(counter);
            if let Some(previous) = &mut self.previous {
                previous.records_left = previous.records_left.saturating_sub(1);
            }
        }
        self.wants_rekey = false;
        let (content, len) = match (kind, plaintext.len()) {
            (Kind::Data, len) => (Content::Data, len),
            (Kind::Padded, _) => match unpadded(plaintext) {
                Some(len) => (Content::Data, len),
                None => return Err(self.refuse(Error::Decrypt)),
            },
            (Kind::Close, 0) => (Content::Close, 0),
            (Kind::Empty, 0) => (Content::Empty, 0),
            (Kind::RekeyRequest, REQUEST_LEN) => (Content::RekeyRequest, 0),
            _ => return Err(self.refuse(Error::Decrypt)),
        };
        match content {
            Content::Close => self.end(epoch, counter),
            Content::RekeyRequest => self.ask(plaintext),
            Content::Data | Content::Empty => {}
        }
        Ok(Record { content, epoch, counter, len })
    }

    /// The epoch ahead becomes the present one, and that the previous one.
    fn commit(&mut self, ahead: &mut Ahead) {
        core::mem::swap(&mut self.current, &mut self.spare);
        core::mem::swap(&mut self.current.key, &mut ahead.key);
        self.current.window.clear();
        self.current.failed = core::mem::take(&mut self.failed_ahead);
        self.previous = match self.mode {
            Mode::Stream => None,
            Mode::Datagram => Some(Previous {
                epoch: self.chain.epoch(),
                // The record that began the epoch is one of them.
                records_left: self.limits.previous_records.saturating_add(1),
                until: self.clock.age().saturating_add(self.limits.previous_ms),
            }),
        };
        self.chain.copy_from(&ahead.chain);
        if self.previous.is_none() {
            self.spare.key.wipe();
        }
    }

    /// The peer's direction ends with this record; in datagram mode, earlier ones may still come.
    fn end(&mut self, epoch: u32, counter: u64) {
        self.state = State::Closed(epoch, counter);
        if self.mode == Mode::Stream {
            self.wipe();
        }
    }

    /// Takes a rekey request for the other half.
    fn ask(&mut self, plaintext: &[u8]) {
        let epoch = u32::from_be_bytes(plaintext.try_into().expect("a request has 4 bytes"));
        self.news.asked = Some(epoch);
        self.tell();
    }

    /// The peer spoke.
    fn hear(&mut self) {
        (self.news.heard, self.news.confirmed) = (true, true);
        self.tell();
    }

    /// Where the halves were split, the other one is told at once.
    fn tell(&self) {
        #[cfg(feature = "std")]
        if let Some(shared) = &self.shared {
            shared.tell(self.news);
        }
    }

    /// In a stream nothing can follow a record that was refused.
    fn refuse(&mut self, error: Error) -> Error {
        if self.mode == Mode::Stream && self.state == State::Open {
            self.state = State::Failed;
            self.wipe();
        }
        error
    }

    fn wipe(&mut self) {
        self.current.key.wipe();
        self.spare.key.wipe();
        self.chain.wipe();
    }
}

/// How far ahead of the present epoch a record may be: format.md 13.10.
const MAX_AHEAD: u32 = 64;
const REQUEST_LEN: usize = 4;
