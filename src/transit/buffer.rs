// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records of a stream, on their way between a transport and the caller (format.md 13.11). No I/O.

use std::cell::Cell;
use std::time::Instant;

use zeroize::Zeroize;

use super::RekeyRequest;
use super::receiving::{Content, Receiving};
use super::sending::Sending;
use crate::error::{Error, Result};
use crate::format::record::{HEADER_LEN, MAX_PLAINTEXT_LEN, OVERHEAD};

/// Milliseconds since it was made.
#[derive(Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    pub(super) fn start() -> Self {
        Stopwatch(Instant::now())
    }

    pub(super) fn milliseconds(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What came of asking for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes of data.
    Data(usize),
    /// There is no whole record: read on.
    More,
    /// The peer closed its direction.
    End,
}

/// What was read of the peer's records, and the data of the one that was opened last. Takes no memory while it is empty.
pub(super) struct OpenBuffer {
    pub(super) receiving: Receiving,
    watch: Stopwatch,
    bytes: Vec<u8>,
    /// What was read and not yet opened.
    start: usize,
    end: usize,
    /// What was opened and not yet handed out.
    data: std::ops::Range<usize>,
    /// Where data lay that was opened in place: the rest is ciphertext, and no secret.
    opened: std::ops::Range<usize>,
    /// How much room to make for reading.
    size: usize,
    failed: bool,
}

impl OpenBuffer {
    pub(super) fn new(receiving: Receiving, watch: Stopwatch) -> Self {
        OpenBuffer {
            receiving,
            watch,
            bytes: Vec::new(),
            start: 0,
            end: 0,
            data: 0..0,
            opened: 0..0,
            size: SMALL,
            failed: false,
        }
    }

    /// Hands out data: of a record opened before, or of the next one.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<Step> {
        loop {
            if !self.data.is_empty() {
                let len = self.data.len().min(out.len());
                out[..len].copy_from_slice(&self.bytes[self.data.start..][..len]);
                self.data.start += len;
                return Ok(Step::Data(len));
            }
            if self.receiving.is_closed() {
                self.release();
                return Ok(Step::End);
            }
            if self.failed {
                return Err(Error::Decrypt);
            }
            let Some(record) = self.next_record().inspect_err(|_| self.failed = true)? else {
                return Ok(Step::More);
            };
            if let Some(len) = self.open(record, out).inspect_err(|_| self.failed = true)? {
                return Ok(Step::Data(len));
            }
        }
    }

    /// Room for reading, at least one byte. Only where [`OpenBuffer::read`] wants more.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let waiting = self.end - self.start;
        let needed = self.wanted().max(self.size);
        if self.bytes.len() < needed {
            let mut bytes = buffer_of(needed);
            bytes[..waiting].copy_from_slice(&self.bytes[self.start..self.end]);
            self.wipe();
            self.bytes = bytes;
        } else {
            self.bytes.copy_within(self.start..self.end, 0);
        }
        (self.start, self.end) = (0, waiting);
        &mut self.bytes[waiting..]
    }

    /// Takes so many bytes that were read into the room; 0 at the end of the input.
    pub(super) fn advance(&mut self, len: usize) -> Result<()> {
        if len == 0 {
            self.failed = true;
            return Err(Error::Truncated);
        }
        self.end += len;
        if self.end == self.bytes.len() {
            self.size = LARGE.min(self.size * 4);
        }
        Ok(())
    }

    /// Gives the memory back while nothing is waiting. The next reading takes as much as the last.
    #[cfg(feature = "tokio")]
    pub(super) fn pause(&mut self) {
        if self.start == self.end && self.data.is_empty() && !self.bytes.is_empty() {
            self.wipe();
            give_back(std::mem::take(&mut self.bytes));
            (self.start, self.end) = (0, 0);
        }
    }

    /// Gives the memory back while nothing is waiting. The next reading begins small.
    pub(super) fn release(&mut self) {
        if self.start == self.end && self.data.is_empty() {
            self.wipe();
            give_back(std::mem::take(&mut self.bytes));
            (self.start, self.end, self.size) = (0, 0, SMALL);
        }
    }

    /// Forgets what was opened in place.
    fn wipe(&mut self) {
        self.bytes[std::mem::take(&mut self.opened)].zeroize();
    }

    /// How long what is waiting must become for its first record to be whole.
    fn wanted(&self) -> usize {
        match self.bytes[self.start..self.end].first_chunk() {
            Some(len) => PREFIX_LEN + usize::from(u16::from_be_bytes(*len)),
            None => PREFIX_LEN,
        }
    }

    /// Where the next whole record lies.
    fn next_record(&mut self) -> Result<Option<std::ops::Range<usize>>> {
        let waiting = self.end - self.start;
        if waiting < PREFIX_LEN {
            return Ok(None);
        }
        let len = self.wanted() - PREFIX_LEN;
        // format.md 13.11: before anything is waited for.
        if len < OVERHEAD {
            return Err(Error::format("13.11", "a record has at least 29 bytes"));
        }
        if len > MAX_RECORD_LEN {
            return Err(Error::limit("a record has at most 16,384 bytes of plaintext"));
        }
        if waiting < PREFIX_LEN + len {
            return Ok(None);
        }
        let begin = self.start + PREFIX_LEN;
        self.start = begin + len;
        Ok(Some(begin..begin + len))
    }

    /// Opens a record: into `out` where its data fits, so that it is not copied once more.
    fn open(&mut self, record: std::ops::Range<usize>, out: &mut [u8]) -> Result<Option<usize>> {
        let (now, begin) = (self.watch.milliseconds(), record.start + HEADER_LEN);
        let fits = record.len() - OVERHEAD <= out.len();
        if !fits {
            let first = if self.opened.is_empty() { begin } else { self.opened.start.min(begin) };
            self.opened = first..self.opened.end.max(record.end);
        }
        let record = &mut self.bytes[record];
        let opened = match fits {
            true => self.receiving.open_into(now, record, &[], out)?,
            false => self.receiving.open_in_place(now, record, &[])?,
        };
        if opened.content != Content::Data || opened.len == 0 {
            return Ok(None);
        }
        if fits {
            return Ok(Some(opened.len));
        }
        self.data = begin..begin + opened.len;
        Ok(None)
    }
}

impl Drop for OpenBuffer {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Data on its way into records, and records that were not written yet. Takes no memory while it is empty.
pub(super) struct SealBuffer {
    pub(super) sending: Sending,
    watch: Stopwatch,
    /// Whole records, then one that is being filled (its prefix, its header, and data), then room.
    bytes: Vec<u8>,
    written: usize,
    /// Where the record that is being filled begins, and where it ends so far.
    whole: usize,
    end: usize,
}

impl SealBuffer {
    pub(super) fn new(sending: Sending, watch: Stopwatch) -> Self {
        SealBuffer { sending, watch, bytes: Vec::new(), written: 0, whole: 0, end: 0 }
    }

    /// Takes data, as much as there is room for: 0 bytes where [`SealBuffer::pending`] must be written before.
    pub(super) fn fill(&mut self, data: &[u8]) -> Result<usize> {
        let mut rest = data;
        while !rest.is_empty() && self.whole + PREFIX_LEN + MAX_RECORD_LEN <= LARGE {
            let filled = self.filled();
            if filled == 0 && rest.len() >= MAX_PLAINTEXT_LEN {
                let (piece, after) = rest.split_at(MAX_PLAINTEXT_LEN);
                self.seal_piece(piece)?;
                rest = after;
                continue;
            }
            let (piece, after) = rest.split_at(rest.len().min(MAX_PLAINTEXT_LEN - filled));
            let begin = self.whole + FRONT_LEN + filled;
            self.reserve(FRONT_LEN + filled + piece.len() + TAG_LEN);
            self.bytes[begin..begin + piece.len()].copy_from_slice(piece);
            self.end = begin + piece.len();
            rest = after;
            if self.filled() == MAX_PLAINTEXT_LEN {
                self.seal_filled()?;
            }
        }
        Ok(data.len() - rest.len())
    }

    /// Seals what was filled in, however little it is.
    pub(super) fn seal_filled(&mut self) -> Result<()> {
        match self.filled() {
            0 => Ok(()),
            filled => {
                self.seal(filled, |sending, now, record| sending.seal_in_place(now, record, &[]))
            }
        }
    }

    /// Seals an empty record, by which the peer sees that this side has the keys.
    pub(super) fn confirm(&mut self) -> Result<()> {
        self.seal(0, |sending, now, record| sending.seal_empty_into(now, record).map(|_| ()))
    }

    /// Seals a request for other keys, after what was filled in.
    pub(super) fn request_rekey(&mut self, request: RekeyRequest) -> Result<()> {
        self.seal_filled()?;
        self.seal(REQUEST_LEN, |sending, now, record| {
            sending.seal_rekey_request_into(now, request, record).map(|_| ())
        })
    }

    /// Seals the end of this direction, after what was filled in.
    pub(super) fn close(&mut self) -> Result<()> {
        self.seal_filled()?;
        self.seal(0, |sending, now, record| sending.close_into(now, record).map(|_| ()))
    }

    /// Whole records that were not written yet.
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.written..self.whole]
    }

    /// So many bytes of them were written.
    pub(super) fn wrote(&mut self, len: usize) {
        self.written += len;
        if self.written == self.whole {
            self.bytes.copy_within(self.whole..self.end, 0);
            let moved = self.end - self.whole;
            self.bytes[self.whole.max(moved)..self.end].zeroize();
            (self.written, self.whole, self.end) = (0, 0, moved);
        }
    }

    /// Gives the memory back while nothing is waiting.
    pub(super) fn release(&mut self) {
        if self.end == 0 {
            give_back(std::mem::take(&mut self.bytes));
        }
    }

    /// Seals one full record from where the data is.
    fn seal_piece(&mut self, piece: &[u8]) -> Result<()> {
        self.seal(MAX_PLAINTEXT_LEN, |sending, now, record| {
            sending.seal_into(now, piece, &[], record).map(|_| ())
        })
    }

    /// Makes a record of `len` bytes of plaintext at the end: it is whole, or it never was.
    fn seal(
        &mut self,
        len: usize,
        work: impl FnOnce(&mut Sending, u64, &mut [u8]) -> Result<()>,
    ) -> Result<()> {
        let (len, now) = (len + OVERHEAD, self.watch.milliseconds());
        self.reserve(PREFIX_LEN + len);
        let (prefix, record) = self.bytes[self.whole..].split_at_mut(PREFIX_LEN);
        let record = &mut record[..len];
        prefix.copy_from_slice(&prefix_of(len));
        let sealed = work(&mut self.sending, now, record);
        match sealed {
            Ok(()) => self.whole += PREFIX_LEN + len,
            Err(_) => record.zeroize(),
        }
        self.end = self.whole;
        sealed
    }

    /// How much data the record at the end has.
    fn filled(&self) -> usize {
        (self.end - self.whole).saturating_sub(FRONT_LEN)
    }

    /// Sees to it that so many bytes fit after the whole records, without a copy of data that stays behind.
    fn reserve(&mut self, len: usize) {
        let needed = self.whole + len;
        if self.bytes.len() < needed {
            // The end comes after as many full records as there are, too.
            let len = needed.next_power_of_two().clamp(SMALL, LARGE).max(needed);
            let mut bytes = buffer_of(len);
            bytes[..self.end].copy_from_slice(&self.bytes[..self.end]);
            self.wipe();
            self.bytes = bytes;
        }
    }

    /// Forgets what was not sealed. Whole records are no secret.
    fn wipe(&mut self) {
        self.bytes[self.whole..self.end].zeroize();
    }
}

impl Drop for SealBuffer {
    fn drop(&mut self) {
        self.wipe();
    }
}

thread_local! {
    /// The large buffer that a stream of this thread gave back last: streams that read and wait in turn would otherwise
    /// make, clear and free one each time. There is no secret in it.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer of so many bytes, which hold nothing of use.
fn buffer_of(len: usize) -> Vec<u8> {
    let spare = match len {
        LARGE => SPARE.try_with(Cell::take).unwrap_or_default(),
        _ => Vec::new(),
    };
    if spare.len() == len { spare } else { vec![0; len] }
}

/// Takes a buffer that is no longer needed. The caller's duty: what was secret in it is wiped.
fn give_back(buffer: Vec<u8>) {
    if buffer.len() == LARGE {
        // Where the thread ends it is freed.
        let _ = SPARE.try_with(|spare| spare.set(buffer));
    }
}

/// The length that stands before each record in a stream.
fn prefix_of(len: usize) -> [u8; PREFIX_LEN] {
    u16::try_from(len).expect("a record is at most 16,413 bytes").to_be_bytes()
}

const PREFIX_LEN: usize = 2;
const TAG_LEN: usize = OVERHEAD - HEADER_LEN;
/// Bytes before the data of a record.
const FRONT_LEN: usize = PREFIX_LEN + HEADER_LEN;
/// Bytes of plaintext in a rekey request.
const REQUEST_LEN: usize = 4;
const MAX_RECORD_LEN: usize = OVERHEAD + MAX_PLAINTEXT_LEN;
/// What a session that says little takes.
const SMALL: usize = 1 << 12;
/// Four full records, which go to the system in one call.
const LARGE: usize = 4 * (PREFIX_LEN + MAX_RECORD_LEN);

#[cfg(test)]
mod tests;
