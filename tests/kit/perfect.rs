// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two halves of a session as docs/format.md 13.9 to 13.14 says them: which places are sealed and which records are
//! taken, without keys, without a ring and without bounds of memory.
//!
//! The fuzz target `records` includes this file too.

use std::collections::BTreeSet;

use sealwax::ErrorKind;
use sealwax::transit::{Content, Mode};

/// Epoch and counter.
pub(crate) type Place = (u32, u64);

/// What both halves are set to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) mode: Mode,
    pub(crate) window: u64,
    pub(crate) previous_records: u32,
    pub(crate) previous_ms: u64,
    pub(crate) epoch_records: u64,
    pub(crate) epoch_bytes: u64,
    pub(crate) epoch_ms: u64,
    pub(crate) failed_opens: u64,
    pub(crate) end_ms: u64,
    pub(crate) is_kept: bool,
}

impl Terms {
    /// Where a direction stops before anything is stored: format.md 13.13.
    fn first_end(&self) -> Option<Place> {
        self.is_kept.then_some((0, 0))
    }
}

/// The sum of a clock's steps forward.
#[derive(Clone, Copy)]
struct Age {
    last: u64,
    sum: u64,
}

impl Age {
    fn at(&mut self, now: u64) -> u64 {
        // A session ends long before so many milliseconds.
        let sum = self.sum.saturating_add(now.saturating_sub(self.last));
        self.sum = sum.min(u32::MAX.into());
        self.last = now;
        self.sum
    }
}

/// What a kept session holds of a direction, and of the whole.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    sending: Place,
    receiving: Place,
    age: u64,
    failed: u64,
    unheard: u32,
}

/// The half that seals.
pub(crate) struct Sender {
    terms: Terms,
    age: Age,
    epoch: u32,
    counter: u64,
    bytes: u64,
    began: u64,
    wanted: bool,
    asked: Option<u32>,
    heard: bool,
    unheard: u32,
    reserved: Option<Place>,
    closed: bool,
}

impl Sender {
    pub(crate) fn new(terms: Terms, now: u64) -> Self {
        Sender {
            terms,
            age: Age { last: now, sum: 0 },
            epoch: 0,
            counter: 0,
            bytes: 0,
            began: 0,
            wanted: false,
            asked: None,
            heard: false,
            unheard: 0,
            reserved: terms.first_end(),
            closed: false,
        }
    }

    /// Where a record of so many bytes is sealed, or why it is not.
    pub(crate) fn seal(&mut self, now: u64, len: u64) -> Result<Place, ErrorKind> {
        if self.closed {
            return Err(ErrorKind::Misuse);
        }
        if len > 16_384 {
            return Err(ErrorKind::Limit);
        }
        self.listen();
        let age = self.age.at(now);
        if age >= self.terms.end_ms {
            return Err(ErrorKind::Limit);
        }
        if self.is_due(age, len) {
            self.advance(age)?;
        }
        let place = (self.epoch, self.counter);
        if self.reserved.is_some_and(|end| place >= end) {
            return Err(ErrorKind::Limit);
        }
        self.counter += 1;
        self.bytes += len;
        Ok(place)
    }

    /// As [`Sender::seal`], of a record after which there is none.
    pub(crate) fn close(&mut self, now: u64) -> Result<Place, ErrorKind> {
        let place = self.seal(now, 0)?;
        self.closed = true;
        Ok(place)
    }

    pub(crate) fn rekey(&mut self) {
        self.wanted = true;
    }

    pub(crate) fn tick(&mut self, now: u64) -> Result<(), ErrorKind> {
        self.listen();
        let age = self.age.at(now);
        if !self.closed && self.is_due(age, 0) {
            self.advance(age)?;
        }
        Ok(())
    }

    /// The other half took a record, which asked for an epoch to be left or for nothing.
    pub(crate) fn hear(&mut self, asked: Option<u32>) {
        self.heard = true;
        self.asked = asked.or(self.asked);
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.reserved.is_some()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    fn listen(&mut self) {
        if std::mem::take(&mut self.heard) {
            self.unheard = 0;
        }
    }

    fn is_due(&self, age: u64, len: u64) -> bool {
        let Terms { epoch_records, epoch_bytes, epoch_ms, mode, .. } = self.terms;
        let must = self.counter >= epoch_records || self.bytes + len > epoch_bytes;
        let may = mode == Mode::Stream || self.unheard < 32;
        let wished = self.wanted || age - self.began >= epoch_ms;
        self.asked == Some(self.epoch) || (self.counter > 0 && (must || (may && wished)))
    }

    fn advance(&mut self, age: u64) -> Result<(), ErrorKind> {
        self.epoch = self.epoch.checked_add(1).ok_or(ErrorKind::Limit)?;
        (self.counter, self.bytes, self.began, self.wanted) = (0, 0, age, false);
        self.unheard += 1;
        Ok(())
    }
}

/// The half that opens.
pub(crate) struct Receiver {
    terms: Terms,
    age: Age,
    epoch: u32,
    present: Seen,
    previous: Option<Previous>,
    /// Tags that did not hold in epochs ahead.
    failed_ahead: u64,
    /// One more than the highest place that was authenticated.
    heard: Place,
    reserved: Option<Place>,
    closed: Option<Place>,
    has_failed: bool,
    /// How many records were the peer's, whether or not they were taken.
    pub(crate) authentic: u64,
}

/// The counters of an epoch that came.
struct Seen {
    came: BTreeSet<u64>,
    /// All below came, or count as if they had.
    floor: u64,
    next: u64,
    failed: u64,
}

struct Previous {
    epoch: u32,
    seen: Seen,
    left: u32,
    until: u64,
}

enum Which {
    Previous,
    Present,
    Ahead,
}

impl Seen {
    fn from(floor: u64) -> Self {
        Seen { came: BTreeSet::new(), floor, next: floor, failed: 0 }
    }

    fn is_fresh(&self, counter: u64, window: u64) -> bool {
        let known = counter < self.floor || self.came.contains(&counter);
        !known && self.next.saturating_sub(counter) <= window
    }

    fn mark(&mut self, counter: u64, window: u64) {
        self.came.insert(counter);
        self.next = self.next.max(counter + 1);
        // What is below the window is refused for that: only so much is remembered.
        while self.came.first().is_some_and(|lowest| self.next - lowest > window) {
            self.came.pop_first();
        }
    }
}

impl Receiver {
    pub(crate) fn new(terms: Terms, now: u64) -> Self {
        Receiver {
            terms,
            age: Age { last: now, sum: 0 },
            epoch: 0,
            present: Seen::from(0),
            previous: None,
            failed_ahead: 0,
            heard: (0, 0),
            reserved: terms.first_end(),
            closed: None,
            has_failed: false,
            authentic: 0,
        }
    }

    /// What these bytes get. `genuine` is what they are where they are a record that the peer sealed, with the associated data
    /// that it is opened with.
    pub(crate) fn open(
        &mut self,
        now: u64,
        bytes: &[u8],
        genuine: Option<Content>,
    ) -> Result<Place, ErrorKind> {
        if self.has_failed {
            return Err(ErrorKind::Decrypt);
        }
        self.tick(now);
        if self.age.sum >= self.terms.end_ms {
            return Err(ErrorKind::Limit);
        }
        let place = parse(bytes).inspect_err(|_| self.refuse())?;
        let Some(which) = self.which(place) else {
            self.refuse();
            return Err(ErrorKind::Decrypt);
        };
        let failed = match (&which, &mut self.previous) {
            (Which::Previous, Some(previous)) => &mut previous.seen.failed,
            (Which::Ahead, _) => &mut self.failed_ahead,
            _ => &mut self.present.failed,
        };
        if *failed >= self.terms.failed_opens {
            return Err(ErrorKind::Limit);
        }
        let Some(content) = genuine else {
            *failed += 1;
            self.refuse();
            return Err(ErrorKind::Decrypt);
        };
        self.accept(which, place, content)
    }

    pub(crate) fn tick(&mut self, now: u64) {
        let age = self.age.at(now);
        if self
            .previous
            .as_ref()
            .is_some_and(|previous| previous.left == 0 || age >= previous.until)
        {
            self.previous = None;
        }
    }

    /// The epoch that a rekey request of this side's asks the peer to leave.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    fn which(&self, (epoch, counter): Place) -> Option<Which> {
        let window = self.terms.window;
        if self.closed.is_some_and(|closed| (epoch, counter) > closed) {
            return None;
        }
        let ahead = epoch.checked_sub(self.epoch);
        if self.terms.mode == Mode::Stream {
            return match ahead {
                Some(0) if counter == self.present.next => Some(Which::Present),
                Some(1) if counter == 0 => Some(Which::Ahead),
                _ => None,
            };
        }
        match (ahead, &self.previous) {
            (Some(0), _) => self.present.is_fresh(counter, window).then_some(Which::Present),
            (Some(1..=64), _) => Some(Which::Ahead),
            (None, Some(previous)) if previous.epoch == epoch => {
                previous.seen.is_fresh(counter, window).then_some(Which::Previous)
            }
            _ => None,
        }
    }

    fn accept(&mut self, which: Which, place: Place, content: Content) -> Result<Place, ErrorKind> {
        let (epoch, counter) = place;
        if let Which::Ahead = which {
            let mut seen = Seen::from(0);
            seen.failed = std::mem::take(&mut self.failed_ahead);
            let seen = std::mem::replace(&mut self.present, seen);
            self.previous = (self.terms.mode == Mode::Datagram).then(|| Previous {
                epoch: self.epoch,
                seen,
                // And the one that begins the epoch.
                left: self.terms.previous_records.saturating_add(1),
                until: self.age.sum.saturating_add(self.terms.previous_ms),
            });
            self.epoch = epoch;
        }
        self.authentic += 1;
        self.heard = self.heard.max((epoch, counter + 1));
        if self.reserved.is_some_and(|end| place >= end) {
            return Err(ErrorKind::Limit);
        }
        match (which, &mut self.previous) {
            (Which::Previous, Some(previous)) => previous.seen.mark(counter, self.terms.window),
            (_, previous) => {
                self.present.mark(counter, self.terms.window);
                if let Some(previous) = previous {
                    previous.left = previous.left.saturating_sub(1);
                }
            }
        }
        if content == Content::Close {
            self.closed = Some(place);
        }
        Ok(place)
    }

    /// In a stream nothing follows a record that was refused.
    fn refuse(&mut self) {
        if self.terms.mode == Mode::Stream && self.closed.is_none() {
            self.has_failed = true;
        }
    }
}

/// Both halves store their places and go on up to the end of a block.
pub(crate) fn reserve(
    sender: &mut Sender,
    receiver: &mut Receiver,
    block: u32,
) -> Result<Kept, ErrorKind> {
    let is_over = sender.closed || receiver.closed.is_some();
    if !sender.is_kept() || is_over || block == 0 {
        return Err(ErrorKind::Misuse);
    }
    let after = |(epoch, counter): Place| (epoch, counter + u64::from(block));
    let sending = after((sender.epoch, sender.counter));
    let receiving = after(receiver.heard.max((receiver.epoch, receiver.present.next)));
    (sender.reserved, receiver.reserved) = (Some(sending), Some(receiving));
    let (age, unheard) = (sender.age.sum, sender.unheard);
    Ok(Kept { sending, receiving, age, failed: receiver.present.failed, unheard })
}

/// Both halves after a restart.
pub(crate) fn import(terms: Terms, kept: Kept, now: u64) -> (Sender, Receiver) {
    let Kept { sending, receiving, age, failed, unheard } = kept;
    let age = Age { last: now, sum: age };
    let mut sender = Sender::new(terms, now);
    (sender.age, sender.unheard) = (age, unheard);
    (sender.epoch, sender.counter) = sending;
    // As much as records below the place can have had.
    (sender.bytes, sender.began) = (sending.1.saturating_mul(16_384), age.sum);
    if unheard < 32 {
        // There is always a next one: nobody begins so many.
        let _ = sender.advance(age.sum);
    }
    sender.reserved = Some((sender.epoch, sender.counter));
    let mut receiver = Receiver::new(terms, now);
    (receiver.age, receiver.epoch) = (age, receiving.0);
    receiver.present = Seen { failed, ..Seen::from(receiving.1) };
    (receiver.heard, receiver.reserved) = (receiving, Some(receiving));
    (sender, receiver)
}

/// The place that bytes claim: format.md 13.8.
pub(crate) fn parse(bytes: &[u8]) -> Result<Place, ErrorKind> {
    let (Some(head), true) = (bytes.first_chunk::<13>(), bytes.len() >= 29) else {
        return Err(ErrorKind::Format);
    };
    if bytes.len() > 29 + 16_384 {
        return Err(ErrorKind::Limit);
    }
    let epoch = u32::from_be_bytes(head[1..5].try_into().expect("4 bytes"));
    let counter = u64::from_be_bytes(head[5..].try_into().expect("8 bytes"));
    match (0x28..=0x2c).contains(&head[0]) && counter != u64::MAX {
        true => Ok((epoch, counter)),
        false => Err(ErrorKind::Format),
    }
}
