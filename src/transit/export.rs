// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session kept over a restart, in blocks that are reserved ahead (format.md 13.13).

use zeroize::Zeroizing;

use super::limits::{Clock, Limits};
use super::sending::Place;
use super::{Mode, PeerKey, Role, Session};
use crate::derive::export_keys;
use crate::error::{Error, Result};
use crate::format::reader::{End, Reader};
use crate::format::writer::Writer;
use crate::id::Suite;
use crate::rng::Random;
use crate::secret::memory::{KEPT_DEPTH, try_with_wiped_stack};
use crate::secret::{Key, Raw, Traffic};
use crate::value::{self, SALT_LEN};

/// Length of a kept session, in bytes.
pub const EXPORT_LEN: usize = HEAD_LEN + value::OVERHEAD + STATE_LEN;

/// Where a session is kept, and for whom.
#[derive(Clone, Copy)]
pub struct Keeping<'a> {
    /// The device's own key, which seals what is kept.
    pub device: &'a Key<Raw>,
    /// The name of the place, so that what is kept in one does not open in another. At most 255 bytes.
    pub slot: &'a [u8],
}

impl Session {
    /// Makes room for `block` more records in each direction: hands the session's state to `store`, which writes it to
    /// where it outlives a restart, and only then lets the session go on up to the end of the block.
    ///
    /// For a session that was begun with [`Limits::kept`]: it seals and opens nothing before the first call, and then up
    /// to the end of the block (`Limit`), until the next call. After an import, whatever was left of the block is lost,
    /// so that no counter is used twice and no record opened twice. For datagrams only, where sessions outlive
    /// connections.
    ///
    /// An attacker who can put back an older state makes the session repeat nonces; where storage does not exclude
    /// that, do not keep sessions.
    ///
    /// # Errors
    /// `Misuse` for a session that is not kept, one that ended, or a block of 0 records; `Random`; those of `store`. The
    /// session then stops where it did before.
    pub fn reserve(
        &mut self,
        block: u32,
        keeping: &Keeping<'_>,
        random: &mut dyn Random,
        store: &mut dyn FnMut(&[u8; EXPORT_LEN]) -> Result<()>,
    ) -> Result<()> {
        let is_over = self.sending.is_closed() || self.receiving.is_closed();
        if !self.sending.is_kept() || is_over || block == 0 {
            return Err(Error::misuse("only an open session that was begun to be kept has blocks"));
        }
        let block = u64::from(block);
        // What came since the last record was sealed is part of the state.
        self.sending.listen();
        let after = |(epoch, counter): Place| (epoch, counter.saturating_add(block));
        let sending = after((self.sending.epoch(), self.sending.counter));
        let receiving = after(self.receiving.heard());
        let mut out = [0; EXPORT_LEN];
        try_with_wiped_stack::<KEPT_DEPTH, _>(|| {
            self.export(keeping, random, sending.1, receiving.1, &mut out)
        })?;
        store(&out)?;
        (self.sending.end, self.receiving.end) = (sending, receiving);
        Ok(())
    }

    /// Fills this place with a session that was kept. It goes on where its block ended: before it seals or opens, it
    /// must reserve the next block, and before it hears the peer, the peer must be asked to change its keys
    /// ([`super::Receiving::wants_rekey_request`]).
    ///
    /// How long the device was off is not known to it; the session's age counts what it was on.
    ///
    /// # Errors
    /// `Decrypt` where the state was not kept under this key, `Format` where these bytes are no kept session.
    pub fn import(
        &mut self,
        kept: &[u8],
        keeping: &Keeping<'_>,
        peer: Option<&PeerKey>,
        limits: &Limits,
        now: u64,
    ) -> Result<()> {
        let peer = peer.map_or([0; 32], |peer| *peer.as_bytes());
        try_with_wiped_stack::<KEPT_DEPTH, _>(|| self.import_from(kept, keeping, peer, limits, now))
    }

    /// Ends a session that is kept: hands `store` zeros to write over what it kept, and then seals the end of this
    /// direction into `out`. Returns the record's length.
    ///
    /// # Errors
    /// Those of `store`, and of [`super::Sending::close_into`].
    pub fn end(
        &mut self,
        now: u64,
        store: &mut dyn FnMut(&[u8; EXPORT_LEN]) -> Result<()>,
        out: &mut [u8],
    ) -> Result<usize> {
        store(&[0; EXPORT_LEN])?;
        self.sending.close_into(now, out)
    }

    fn export(
        &mut self,
        keeping: &Keeping<'_>,
        random: &mut dyn Random,
        sending_end: u64,
        receiving_end: u64,
        out: &mut [u8; EXPORT_LEN],
    ) -> Result<()> {
        let failed = *self.receiving.failed_opens();
        let (sending, receiving) = (&self.sending, &self.receiving);
        let suite = sending.chain.suite();
        let mut state = Zeroizing::new([0; STATE_LEN]);
        let mut writer = Writer::new(state.as_mut_slice());
        writer.put(&[sending.mode() as u8, self.role as u8]).put(&self.binding);
        // Each half counts the time that it was told.
        let age = sending.clock.age().max(receiving.clock.age());
        writer.put(&u64::from(age).to_be_bytes()).put(&failed.to_be_bytes());
        writer.put(&sending.unheard.to_be_bytes());
        for (chain, end) in [(&sending.chain, sending_end), (&receiving.chain, receiving_end)] {
            writer.put(&chain.epoch().to_be_bytes()).put(&end.to_be_bytes());
            writer.put(chain.expose_secret().expose_bytes());
        }
        writer.finish();

        let (key, salt_key) = export_keys(keeping.device, suite);
        let mut drawn = [0; SALT_LEN];
        random.fill(&mut drawn)?;
        let head = head(suite);
        let slot_len = [keeping.slot_len()?];
        let context: [&[u8]; 4] = [&head, &slot_len, keeping.slot, &self.peer];
        let len = context.iter().map(|piece| piece.len() as u64).sum::<u64>().to_be_bytes();
        // format.md 3.5: a device's source may repeat itself after a restart.
        let salt = salt_key.mac(&[
            &drawn,
            &len,
            context[0],
            context[1],
            context[2],
            context[3],
            state.as_slice(),
        ]);
        let salt = salt.first_chunk().expect("a mac has 32 bytes");
        let (front, sealed) = out.split_at_mut(HEAD_LEN);
        front.copy_from_slice(&head);
        value::seal_into(&key, suite, salt, &context, state.as_slice(), sealed)
    }

    fn import_from(
        &mut self,
        kept: &[u8],
        keeping: &Keeping<'_>,
        peer: [u8; 32],
        limits: &Limits,
        now: u64,
    ) -> Result<()> {
        let mut reader = Reader::new(kept, End::Input);
        // format.md 13.13
        if reader.array()? != MAGIC || reader.u8()? != VERSION {
            return Err(Error::format("13.13", "not a kept session"));
        }
        let suite = Suite::from_u8(reader.u8()?)?;
        let sealed = reader.take(value::OVERHEAD + STATE_LEN)?;
        reader.finish("13.13")?;
        let (key, _) = export_keys(keeping.device, suite);
        let mut state = Zeroizing::new([0; STATE_LEN]);
        let (head, slot_len) = (head(suite), [keeping.slot_len()?]);
        let context: [&[u8]; 4] = [&head, &slot_len, keeping.slot, &peer];
        value::open_into(&key, suite, &context, sealed, state.as_mut_slice())?;

        let mut reader = Reader::new(state.as_slice(), End::of("13.13"));
        let mode = Mode::from_u8(reader.u8()?)?;
        let role = match reader.u8()? {
            1 => Role::Initiator,
            2 => Role::Responder,
            _ => return Err(Error::format("13.13", "unknown role")),
        };
        let binding = *reader.array()?;
        let (age, failed, unheard) = (reader.u64()?, reader.u64()?, reader.u32()?);
        let clock = Clock::begin(now, age);
        let mut place = [(0, 0); 2];
        let mut secrets = [Key::<Traffic>::zeroed(), Key::zeroed()];
        for (place, secret) in place.iter_mut().zip(&mut secrets) {
            *place = (reader.u32()?, reader.u64()?);
            secret.expose_bytes_mut().copy_from_slice(reader.array::<32>()?);
        }
        reader.finish("13.13")?;
        self.sending.begin((suite, mode), &secrets[0], place[0], limits, clock);
        self.receiving.begin((suite, mode), &secrets[1], place[1], limits, clock);
        self.sending.unheard = unheard;
        self.sending.leave()?;
        self.sending.end = (self.sending.epoch(), self.sending.counter);
        self.receiving.end = place[1];
        (*self.receiving.failed_opens(), self.receiving.wants_rekey) = (failed, true);
        (self.role, self.binding, self.peer) = (role, binding, peer);
        Ok(())
    }
}

impl Keeping<'_> {
    fn slot_len(&self) -> Result<u8> {
        let long = Error::misuse("the name of a place has at most 255 bytes");
        u8::try_from(self.slot.len()).map_err(|_| long)
    }
}

/// What stands in front of a kept session, readable and bound.
fn head(suite: Suite) -> [u8; HEAD_LEN] {
    let [s, w, x, session] = *MAGIC;
    [s, w, x, session, VERSION, suite as u8]
}

const MAGIC: &[u8; 4] = b"SWXS";
const VERSION: u8 = 1;
const HEAD_LEN: usize = 4 + 1 + 1;
const STATE_LEN: usize = 2 + 32 + 2 * 8 + 4 + 2 * (4 + 8 + 32);
