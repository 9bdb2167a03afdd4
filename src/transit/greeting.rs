// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a stream begins: its handshake, and what follows until each side has shown that it is there (format.md 13.11,
//! 13.7a). No I/O.

use zeroize::Zeroizing;

use super::buffer::{OpenBuffer, SealBuffer, Stopwatch};
use super::stream::Terms;
use super::{
    Handshake, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Pattern, Peer, PeerKey, RekeyRequest, Role,
    Session, Verdict,
};
use crate::error::{Error, Result};
use crate::rng::OsRandom;

/// What to do with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Write of [`Greeting::pending`], and flush where all of it was written.
    Write,
    /// Read into [`Greeting::space`].
    Read,
    /// Nothing: [`Greeting::finish`].
    Finish,
}

/// A stream that begins. Whoever has the connection does what [`Greeting::next`] says.
pub(super) struct Greeting<'a> {
    terms: &'a Terms<'a>,
    handshake: Handshake,
    watch: Stopwatch,
    /// The message to write, with its length before it.
    out: Vec<u8>,
    written: usize,
    prefix: [u8; PREFIX_LEN],
    /// The message to read, once its length is known.
    message: Option<Vec<u8>>,
    /// How much was read of what is read now.
    filled: usize,
    ends: Option<Ends>,
}

/// What a stream has once it began.
pub(super) struct Ends {
    pub(super) opening: OpenBuffer,
    pub(super) sealing: SealBuffer,
    pub(super) peer: Option<PeerKey>,
    pub(super) binding: [u8; 32],
}

impl<'a> Greeting<'a> {
    pub(super) fn new(handshake: Handshake, terms: &'a Terms<'a>) -> Result<Self> {
        match terms.party.settings.mode {
            Mode::Stream => {}
            Mode::Datagram => {
                return Err(Error::misuse("a stream wants the settings of a stream"));
            }
        }
        Ok(Greeting {
            terms,
            handshake,
            watch: Stopwatch::start(),
            out: Vec::new(),
            written: 0,
            prefix: [0; PREFIX_LEN],
            message: None,
            filled: 0,
            ends: None,
        })
    }

    /// Goes on as far as it can without the connection. `accept` is that of [`Handshake::read`].
    pub(super) fn next(&mut self, accept: &mut dyn FnMut(&Peer<'_>) -> Verdict) -> Result<Next> {
        loop {
            if !self.pending().is_empty() {
                return Ok(Next::Write);
            }
            if let Some(ends) = &mut self.ends {
                // Data that comes so early is kept.
                ends.opening.read(&mut [])?;
                return Ok(match ends.opening.receiving.is_confirmed() {
                    true => Next::Finish,
                    false => Next::Read,
                });
            }
            if self.handshake.is_finished() {
                self.begin()?;
            } else if self.handshake.writes_next() {
                self.write()?;
            } else if !self.space().is_empty() {
                return Ok(Next::Read);
            } else {
                self.read(accept)?;
            }
        }
    }

    /// What is to be written.
    pub(super) fn pending(&self) -> &[u8] {
        match &self.ends {
            Some(ends) => ends.sealing.pending(),
            None => &self.out[self.written..],
        }
    }

    /// So much of it was written.
    pub(super) fn wrote(&mut self, len: usize) {
        match &mut self.ends {
            Some(ends) => ends.sealing.wrote(len),
            None => self.written += len,
        }
    }

    /// Room for what is read. Before the session it is as long as what is missing, so that nothing of it is taken.
    pub(super) fn space(&mut self) -> &mut [u8] {
        match (&mut self.ends, &mut self.message) {
            (Some(ends), _) => ends.opening.space(),
            (None, Some(message)) => &mut message[self.filled..],
            (None, None) => &mut self.prefix[self.filled..],
        }
    }

    /// Takes so many bytes that were read; 0 at the end of the input.
    pub(super) fn advance(&mut self, len: usize) -> Result<()> {
        if let Some(ends) = &mut self.ends {
            return ends.opening.advance(len);
        }
        self.filled += len;
        if len == 0 { Err(Error::Truncated) } else { Ok(()) }
    }

    /// What [`Next::Finish`] stands for.
    pub(super) fn finish(self) -> Ends {
        let mut ends = self.ends.expect("both sides have shown that they are there");
        ends.sealing.release();
        ends
    }

    fn write(&mut self) -> Result<()> {
        let Terms { party, context, .. } = self.terms;
        self.out.resize(PREFIX_LEN + MAX_MESSAGE_LEN, 0);
        let (prefix, message) = self.out.split_at_mut(PREFIX_LEN);
        let len = self.handshake.write(party, *context, &mut OsRandom, message)?;
        let length = u16::try_from(len).expect("a message is shorter than 2,500 bytes");
        prefix.copy_from_slice(&length.to_be_bytes());
        self.out.truncate(PREFIX_LEN + len);
        self.written = 0;
        Ok(())
    }

    /// Takes what was read: a length, or a message.
    fn read(&mut self, accept: &mut dyn FnMut(&Peer<'_>) -> Verdict) -> Result<()> {
        self.filled = 0;
        let Some(message) = self.message.take() else {
            let len = usize::from(u16::from_be_bytes(self.prefix));
            // format.md 13.11: before anything is set aside for it.
            if len > MAX_MESSAGE_LEN || len == 0 {
                return Err(Error::format("13.11", "a handshake message is not of this length"));
            }
            self.message = Some(vec![0; len]);
            return Ok(());
        };
        let mut context = Zeroizing::new([0; MAX_CONTEXT_LEN]);
        self.handshake.read(&self.terms.party, &message, accept, context.as_mut_slice())?;
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        let Terms { party, limits, .. } = self.terms;
        let peer = self.handshake.peer();
        let mut session = Session::closed();
        session.begin(&mut self.handshake, limits, self.watch.milliseconds())?;
        let (role, binding) = (session.role(), *session.binding());
        let (sending, receiving) = session.split()?;
        let mut sealing = SealBuffer::new(sending, self.watch);
        // format.md 13.7a: under XX the last message confirms.
        if role == Role::Initiator && party.settings.pattern != Pattern::XX {
            sealing.confirm()?;
        }
        let opening = OpenBuffer::new(receiving, self.watch);
        self.ends = Some(Ends { opening, sealing, peer, binding });
        Ok(())
    }
}

impl Ends {
    /// The next record begins an epoch.
    pub(super) fn rekey(&mut self) {
        self.sealing.sending.rekey();
    }

    /// Seals what was filled in, and a request that the peer's next record begin an epoch.
    pub(super) fn request_rekey(&mut self) -> Result<()> {
        let request: RekeyRequest = self.opening.receiving.rekey_request();
        self.sealing.request_rekey(request)
    }
}

const PREFIX_LEN: usize = 2;
