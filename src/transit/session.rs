// SPDX-License-Identifier: MIT OR Apache-2.0
//! What two parties have after a handshake: one half that seals and one that opens.

use super::limits::{Clock, Limits};
use super::receiving::{Receiving, Record};
#[cfg(feature = "std")]
use super::sending::Shared;
use super::sending::{News, Sending};
use super::{Established, Handshake, Mode, Pattern, Role};
use crate::error::{Error, Result};
use crate::id::Suite;
use crate::secret::memory::{SESSION_DEPTH, try_with_wiped_stack, with_wiped_stack};
use crate::secret::{Key, Traffic};

/// A session: seals records for the peer and opens the peer's, without I/O and without a heap.
///
/// Keys change by themselves (format.md 13.12). There is no clone: two of one would seal under the same nonces.
pub struct Session {
    pub(super) sending: Sending,
    pub(super) receiving: Receiving,
    pub(super) role: Role,
    // public: the same on both sides, and tells nothing of the keys.
    pub(super) binding: [u8; 32],
    /// The peer's static key; zeros where it has none.
    pub(super) peer: [u8; 32],
}

impl Session {
    /// A place for a session, to be filled in place: a move would leave a copy of its keys. Until then it does nothing.
    pub fn closed() -> Self {
        Session {
            sending: Sending::closed(),
            receiving: Receiving::closed(0),
            role: Role::Initiator,
            binding: [0; 32],
            peer: [0; 32],
        }
    }

    /// Fills this place with what a finished handshake leaves, whose secrets are taken out of it.
    ///
    /// `now` is in milliseconds, of a clock that starts anywhere.
    ///
    /// # Errors
    /// `Misuse` where the handshake is not finished, or was used before, and for a session of a stream that is to be
    /// kept.
    pub fn begin(&mut self, handshake: &mut Handshake, limits: &Limits, now: u64) -> Result<()> {
        let peer = handshake.peer();
        try_with_wiped_stack::<SESSION_DEPTH, _>(|| {
            if let Some(settings) = handshake.settings() {
                check_kept(limits, settings.mode)?;
            }
            let Established { settings, role, sending, receiving, binding } = handshake.finish()?;
            let kind = (settings.suite, settings.mode, role);
            self.fill(kind, &sending, &receiving, binding, limits, now);
            self.peer = peer.map_or([0; 32], |peer| *peer.as_bytes());
            // format.md 13.7
            let confirmed = role == Role::Initiator || settings.pattern == Pattern::XX;
            self.receiving.news.confirmed = confirmed;
            self.tell();
            Ok(())
        })
    }

    fn fill(
        &mut self,
        (suite, mode, role): (Suite, Mode, Role),
        sending: &Key<Traffic>,
        receiving: &Key<Traffic>,
        binding: [u8; 32],
        limits: &Limits,
        now: u64,
    ) {
        let (kind, clock) = ((suite, mode), Clock::begin(now, 0));
        self.sending.begin(kind, sending, (0, 0), limits, clock);
        self.receiving.begin(kind, receiving, (0, 0), limits, clock);
        (self.role, self.binding, self.peer) = (role, binding, [0; 32]);
    }

    /// Fills this place from secrets that no handshake of ours made: of a protocol of your own, or of a test.
    ///
    /// The caller's duty: both secrets are fresh, known to the two parties alone, and never used for another session,
    /// which would repeat nonces. What one side sends with, the other receives with.
    ///
    /// # Errors
    /// `Misuse` where the two secrets are one, and for a session of a stream that is to be kept.
    pub fn danger_from_secrets(
        &mut self,
        kind: (Suite, Mode, Role),
        sending: &Key<Traffic>,
        receiving: &Key<Traffic>,
        binding: [u8; 32],
        limits: &Limits,
        now: u64,
    ) -> Result<()> {
        if crate::primitives::ct_eq(sending.expose_bytes(), receiving.expose_bytes()) {
            return Err(Error::misuse("each direction has a secret of its own"));
        }
        check_kept(limits, kind.1)?;
        with_wiped_stack::<SESSION_DEPTH, _>(|| {
            self.fill(kind, sending, receiving, binding, limits, now);
        });
        Ok(())
    }

    /// Seals data into `out`: [`Sending::seal_into`].
    ///
    /// # Errors
    /// Those of [`Sending::seal_into`].
    pub fn seal_into(
        &mut self,
        now: u64,
        plaintext: &[u8],
        associated: &[u8],
        out: &mut [u8],
    ) -> Result<usize> {
        self.sending.seal_into(now, plaintext, associated, out)
    }

    /// Seals data where it stands: [`Sending::seal_in_place`].
    ///
    /// # Errors
    /// Those of [`Sending::seal_in_place`].
    pub fn seal_in_place(&mut self, now: u64, record: &mut [u8], associated: &[u8]) -> Result<()> {
        self.sending.seal_in_place(now, record, associated)
    }

    /// Opens a record where it stands, and answers a rekey request: [`Receiving::open_in_place`].
    ///
    /// # Errors
    /// Those of [`Receiving::open_in_place`].
    pub fn open_in_place(
        &mut self,
        now: u64,
        record: &mut [u8],
        associated: &[u8],
    ) -> Result<Record> {
        let received = self.receiving.open_in_place(now, record, associated);
        self.tell();
        received
    }

    /// Opens a record into `out`, and answers a rekey request: [`Receiving::open_into`].
    ///
    /// # Errors
    /// Those of [`Receiving::open_into`].
    pub fn open_into(
        &mut self,
        now: u64,
        record: &[u8],
        associated: &[u8],
        out: &mut [u8],
    ) -> Result<Record> {
        let received = self.receiving.open_into(now, record, associated, out);
        self.tell();
        received
    }

    /// Asks the peer to change its keys: [`Sending::seal_rekey_request_into`]. Returns the record's length.
    ///
    /// # Errors
    /// Those of [`Sending::seal_into`].
    pub fn seal_rekey_request_into(&mut self, now: u64, out: &mut [u8]) -> Result<usize> {
        self.sending.seal_rekey_request_into(now, self.receiving.rekey_request(), out)
    }

    /// Ends this direction: [`Sending::close_into`]. Returns the record's length.
    ///
    /// # Errors
    /// Those of [`Sending::seal_into`].
    pub fn close_into(&mut self, now: u64, out: &mut [u8]) -> Result<usize> {
        if self.sending.is_kept() {
            return Err(Error::misuse("a session that is kept ends with what is stored of it"));
        }
        self.sending.close_into(now, out)
    }

    /// Forgets keys whose time is over, without waiting for a record. To be called now and then.
    ///
    /// # Errors
    /// `Limit` where epochs are used up.
    pub fn tick(&mut self, now: u64) -> Result<()> {
        self.receiving.tick(now);
        self.sending.tick(now)
    }

    /// Whether the peer proved that it has the keys. Until then a responder seals nothing but empty records: message 1
    /// of the patterns with two messages may be an old one, repeated by anybody.
    pub fn is_confirmed(&self) -> bool {
        self.receiving.is_confirmed()
    }

    /// What the half that opens has for the half that seals.
    fn tell(&mut self) {
        let heard = core::mem::take(&mut self.receiving.news.heard);
        let News { asked, confirmed, .. } = self.receiving.news;
        self.sending.news = News { asked, confirmed, heard: heard || self.sending.news.heard };
    }

    /// The half that seals.
    pub fn sending(&mut self) -> &mut Sending {
        &mut self.sending
    }

    /// The half that opens.
    pub fn receiving(&mut self) -> &mut Receiving {
        &mut self.receiving
    }

    /// Whether it is time for a fresh handshake (format.md 13.12).
    pub fn wants_handshake(&mut self, now: u64) -> bool {
        self.sending.wants_handshake(now) | self.receiving.wants_handshake(now)
    }

    /// The handshake's hash: the same on both sides and in no other session. For protocols that bind themselves to it.
    pub fn binding(&self) -> &[u8; 32] {
        &self.binding
    }

    /// Which side this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The two halves, for two threads. A rekey request that the one opens is answered by the other.
    ///
    /// # Errors
    /// `Misuse` for a session that is kept, which must be whole to reserve its next block.
    #[cfg(feature = "std")]
    pub fn split(self) -> Result<(Sending, Receiving)> {
        let Session { mut sending, mut receiving, role: _, binding: _, peer: _ } = self;
        if sending.is_kept() {
            return Err(Error::misuse("a session that is kept is not split"));
        }
        let News { asked, .. } = sending.news;
        let News { confirmed, .. } = receiving.news;
        let shared = Shared::new(News { asked, heard: false, confirmed });
        sending.shared = Some(shared.clone());
        receiving.shared = Some(shared);
        Ok((sending, receiving))
    }
}

/// Streams end with their connection.
fn check_kept(limits: &Limits, mode: Mode) -> Result<()> {
    match limits.is_kept && mode == Mode::Stream {
        true => Err(Error::misuse("only a session of datagrams is kept")),
        false => Ok(()),
    }
}

/// A peer's wish that the other side leave the epoch named in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RekeyRequest(pub(super) u32);

#[cfg(all(test, feature = "std"))]
mod tests;
