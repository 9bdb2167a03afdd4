// SPDX-License-Identifier: MIT OR Apache-2.0
//! A handshake from its first message to its two traffic secrets: the state machine of format.md 13.6.

use zeroize::Zeroize;

use crate::error::{Error, Result};
use crate::format::context::Encoded;
use crate::format::transit::{
    FIRST_HEAD_LEN, LATER_HEAD_LEN, Offer, PROLOGUE, is_first, later_head, parts, split,
};
use crate::id::{Suite, Wanted};
use crate::primitives::{HASH_LEN, ct_eq, hash};
use crate::rng::{Now, Random};
use crate::secret::memory::try_with_wiped_stack;
use crate::secret::memory::{HANDSHAKE_DEPTH, PUBLIC_KEY_DEPTH, X_WING_DEPTH};
use crate::secret::{Key, Psk};
#[cfg(feature = "x-wing")]
use crate::transit::hedge;
use crate::transit::hedge::Hedged;
#[cfg(feature = "x-wing")]
use crate::transit::hybrid::{self, Exchange};
use crate::transit::identity::{KeyPair, Pair, Peer, PeerKey, Peers, Verdict};
use crate::transit::noise::{Before, Heard, Noise};
use crate::transit::pattern::{Hybrid, Pattern};
use crate::transit::{Established, Mode, Role};

/// Longest context in a handshake message, in its encoding, in bytes.
pub const MAX_CONTEXT_LEN: usize = 1024;
/// Longest handshake message, in bytes: message 1 of IK with X-Wing and the longest context.
pub const MAX_MESSAGE_LEN: usize = FIRST_HEAD_LEN + 1216 + 32 + 48 + MAX_CONTEXT_LEN + 16;
/// Most own keys that a message is tried with.
const MAX_OWN_KEYS: usize = 16;
/// Most own keys under KK, where each is tried with each pinned peer.
const MAX_OWN_KEYS_OF_KK: usize = 4;
/// Most pinned peers under KK. Elsewhere a peer shows its key, which is looked up.
const MAX_PEERS_OF_KK: usize = 16;

/// What both sides must be set to alike. Nothing is negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which keys are exchanged.
    pub pattern: Pattern,
    /// Which AEAD messages and records have.
    pub suite: Suite,
    /// What carries them.
    pub mode: Mode,
    /// Whether X-Wing is mixed in.
    pub hybrid: Hybrid,
}

impl Settings {
    /// A pattern and a mode with suite 2; with X-Wing where there is a heap.
    pub const fn new(pattern: Pattern, mode: Mode) -> Self {
        #[cfg(feature = "alloc")]
        let hybrid = Hybrid::On;
        #[cfg(not(feature = "alloc"))]
        let hybrid = Hybrid::Off;
        Settings { pattern, suite: Suite::ChaCha20Poly1305, mode, hybrid }
    }

    /// Whether a message's work goes as deep as X-Wing goes.
    fn has_x_wing(&self) -> bool {
        match self.hybrid {
            #[cfg(feature = "x-wing")]
            Hybrid::On => true,
            Hybrid::Off => false,
        }
    }
}

/// One side of a handshake: what it is set to, who it is, and whom it takes.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// What both sides are set to.
    pub settings: Settings,
    /// What else both sides agree on, such as the name of the application's protocol. At most 65,535 bytes.
    pub prologue: &'a [u8],
    /// Own key pairs. The primary is shown; a responder is also found by the others.
    pub keys: &'a [KeyPair],
    /// Whose keys are taken. The initiator of IK, IKpsk2 and KK pins exactly one.
    pub peers: Peers<'a>,
    /// The pre-shared key of NNpsk0 and IKpsk2.
    pub psk: Option<&'a Key<Psk>>,
    /// The time, which the key pairs' times are compared with.
    pub now: Now,
}

/// What a message was.
#[derive(Debug)]
pub enum Received<'a> {
    /// It held, and carries this context of the other side's.
    Context(Encoded<'a>),
    /// It was read before, in datagram mode: answer with the bytes of last time, or with nothing where there was no
    /// answer.
    Duplicate,
}

/// A handshake of either side. Everything secret in it is wiped when it is finished, fails or is dropped.
pub struct Handshake {
    role: Role,
    /// Those of the first message that was written or held, or given before.
    settings: Option<Settings>,
    stage: Stage,
    /// H of the message that was read last.
    last: Option<[u8; HASH_LEN]>,
    #[cfg(feature = "x-wing")]
    exchange: Exchange,
    /// The process that made it: parent and child would use one key for different messages, and have one session.
    #[cfg(feature = "std")]
    process: u64,
}

// Without a heap there is no box to put the state into, and it is there for most of the time.
#[allow(clippy::large_enum_variant)]
enum Stage {
    /// Message 1 was neither written nor read.
    Waiting,
    Running(Noise),
    /// The secrets were taken.
    Done,
    Failed,
}

impl Handshake {
    /// The side that writes the first message.
    pub fn initiator() -> Self {
        Self::of_role(Role::Initiator)
    }

    /// The side that waits for it.
    pub fn responder() -> Self {
        Self::of_role(Role::Responder)
    }

    /// The same, which refuses other settings from the first message on.
    pub fn set_to(mut self, settings: Settings) -> Self {
        self.settings = Some(settings);
        self
    }

    fn of_role(role: Role) -> Self {
        Handshake {
            role,
            settings: None,
            stage: Stage::Waiting,
            last: None,
            #[cfg(feature = "x-wing")]
            exchange: Exchange::new(),
            #[cfg(feature = "std")]
            process: crate::secret::memory::fork_generation(),
        }
    }

    /// Whether this is the process that made it.
    ///
    /// # Errors
    /// `Misuse` in one that was forked since.
    pub fn check_process(&self) -> Result<()> {
        #[cfg(feature = "std")]
        if self.process != crate::secret::memory::fork_generation() {
            return Err(Error::misuse(
                "a forked process cannot go on with a handshake that its parent began",
            ));
        }
        Ok(())
    }

    /// Which side this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What it is set to: by [`Handshake::set_to`], or by the first message.
    pub fn settings(&self) -> Option<Settings> {
        self.settings
    }

    /// Whether the next step is [`Handshake::write`].
    pub fn writes_next(&self) -> bool {
        match &self.stage {
            Stage::Waiting => self.role == Role::Initiator,
            Stage::Running(noise) => !noise.is_finished() && noise.writes_next(),
            Stage::Done | Stage::Failed => false,
        }
    }

    /// Whether all messages were exchanged and the session can begin.
    pub fn is_finished(&self) -> bool {
        matches!(&self.stage, Stage::Running(noise) if noise.is_finished())
    }

    /// Whether no message was written or read yet.
    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    /// Whether the session was taken.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Whether it failed: nothing more comes of it.
    pub fn has_failed(&self) -> bool {
        matches!(self.stage, Stage::Failed)
    }

    /// Length of the next message, whichever side writes it, with a context of `context_len` bytes; 0 where none follows.
    pub fn message_len(&self, settings: &Settings, context_len: usize) -> usize {
        let (number, head_len, len) = match &self.stage {
            Stage::Waiting => {
                let shape = settings.pattern.shape(settings.hybrid);
                (1, FIRST_HEAD_LEN, shape.message_len(0, false) + context_len)
            }
            Stage::Running(noise) if !noise.is_finished() => {
                (noise.number(), LATER_HEAD_LEN, noise.message_len(context_len))
            }
            _ => return 0,
        };
        head_len + settings.kem_len(number) + len
    }

    /// The other side's static key, once it is known. Before the handshake is finished the other side may be somebody
    /// who repeats its words.
    pub fn peer(&self) -> Option<PeerKey> {
        match &self.stage {
            Stage::Running(noise) => noise.remote().copied().map(PeerKey),
            _ => None,
        }
    }

    /// Writes the next message into `out`, with a context for the other side. Returns its length.
    ///
    /// The first message of XX is readable, so its context is empty. The first message of the other patterns can be
    /// replayed to a responder, and its context is then believed once more: put nothing into it that acts.
    /// The caller keeps the message in datagram mode, to send it again.
    ///
    /// # Errors
    /// `Misuse` where it is not this side's turn, the party does not fit the pattern or has other settings than before,
    /// `out` is too short or the process was forked since the handshake was made; `Limit`
    /// above 1,024 bytes of context; `KeyState` where the primary may not be used now; `Random`, which ends the handshake.
    pub fn write(
        &mut self,
        party: &Party<'_>,
        context: Encoded<'_>,
        random: &mut dyn Random,
        out: &mut [u8],
    ) -> Result<usize> {
        self.check_process()?;
        self.check_settings(party)?;
        context.check_sealable()?;
        if context.as_bytes().len() > MAX_CONTEXT_LEN {
            return Err(Error::limit("the context of a handshake message is at most 1,024 bytes"));
        }
        let write = || match &self.stage {
            Stage::Waiting if self.role == Role::Initiator => {
                self.write_first(party, context.as_bytes(), random, out)
            }
            Stage::Running(noise) if !noise.is_finished() && noise.writes_next() => {
                self.write_later(party, context.as_bytes(), random, out)
            }
            _ => Err(Error::misuse("it is not this side's turn to write")),
        };
        match party.settings.has_x_wing() {
            true => try_with_wiped_stack::<X_WING_DEPTH, _>(write),
            false => try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(write),
        }
    }

    fn write_first(
        &mut self,
        party: &Party<'_>,
        context: &[u8],
        random: &mut dyn Random,
        out: &mut [u8],
    ) -> Result<usize> {
        party.check()?;
        // format.md 13.2: with X-Wing it is encrypted, under a key that anybody can compute.
        if !(context.is_empty() || party.settings.pattern.is_first_replayable()) {
            return Err(Error::misuse("anybody can read the first message of XX: no context"));
        }
        let head = party.settings.head();
        let own = party.primary()?;
        let psk = party.psk();
        let mut hedged =
            Hedged::new(random, own.map_or(psk.expose_bytes(), |own| own.private.expose_bytes()));
        #[cfg(feature = "x-wing")]
        let kem: &[u8] = match party.settings.hybrid {
            Hybrid::On => self.exchange.offer(hedged.draw(hedge::KEM, &[&head, context]))?,
            Hybrid::Off => &[],
        };
        #[cfg(not(feature = "x-wing"))]
        let kem: &[u8] = &[];
        let known = party.known_peer()?;
        let mut noise = party.begin(Role::Initiator, kem, own, known)?;
        let (out_kem, message) = parts(out, &head, kem.len(), noise.message_len(context.len()))?;
        out_kem.copy_from_slice(kem);
        hedged.write(&mut noise, &psk, context, message)?;
        (self.settings, self.stage) = (Some(party.settings), Stage::Running(noise));
        Ok(head.len() + out_kem.len() + message.len())
    }

    fn write_later(
        &mut self,
        party: &Party<'_>,
        context: &[u8],
        random: &mut dyn Random,
        out: &mut [u8],
    ) -> Result<usize> {
        let Stage::Running(noise) = &mut self.stage else { return Err(NOT_EXPECTED) };
        let number = noise.number();
        let kem_len = party.settings.kem_len(number);
        let head = later_head(number);
        let (kem, message) = parts(out, &head, kem_len, noise.message_len(context.len()))?;
        let given = party.psk();
        let secret = noise.own_static().unwrap_or(given.expose_bytes());
        let mut hedged = Hedged::new(random, secret);
        let psk = match kem.is_empty() {
            true => Ok(given),
            #[cfg(feature = "x-wing")]
            false => {
                let Settings { suite, .. } = party.settings;
                let h = noise.symmetric().handshake_hash();
                let random = hedged.draw(hedge::KEM, &[&h, context]);
                self.exchange.answer(&given, suite, &party.settings.head(), random, kem)
            }
            #[cfg(not(feature = "x-wing"))]
            false => Err(NOT_EXPECTED),
        };
        let written = psk.and_then(|psk| hedged.write(noise, &psk, context, message));
        // Half a message was mixed into the state.
        written.inspect_err(|_| self.end(Stage::Failed))?;
        Ok(head.len() + kem.len() + message.len())
    }

    /// Reads a message of the other side's. Its context is decrypted into `out`; [`MAX_CONTEXT_LEN`] bytes are enough.
    ///
    /// `accept` is asked before anything is answered, once for each message that carries a context or shows who the
    /// other side is. In stream mode every failure is final. In datagram mode a message that fails changes nothing, and the
    /// next one may hold.
    ///
    /// # Errors
    /// `Format` for another head, length or an unsafe ephemeral key, and for a message that nobody waits for;
    /// `Decrypt`; `UnknownKey` where the peer's key is not pinned or `accept` refuses, of which the peer must not be told;
    /// `Limit` where the context is longer than `out` or 1,024 bytes, or there are more than 16 own keys, under KK 4 or 16
    /// peers; `KeyState` where no own key may be used now; `Misuse` where the party does not fit the pattern or has other
    /// settings than before, the handshake failed before or the process was forked since it was made. `out` then holds nothing.
    pub fn read<'o>(
        &mut self,
        party: &Party<'_>,
        message: &[u8],
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
        out: &'o mut [u8],
    ) -> Result<Received<'o>> {
        self.check_process()?;
        self.check_settings(party)?;
        let datagram = party.settings.mode == Mode::Datagram;
        let this = hash(&[message]);
        if datagram && self.last == Some(this) {
            return Ok(Received::Duplicate);
        }
        let role = self.role;
        let may_begin = datagram && role == Role::Responder && is_first(message);
        let read = || match &self.stage {
            Stage::Failed => Err(Error::misuse("the handshake has failed")),
            Stage::Waiting if self.role == Role::Responder => {
                self.read_first(party, message, accept, out)
            }
            Stage::Waiting => Err(Error::misuse("an initiator writes first")),
            // Anybody can make a first message of XX, and repeat those of the others: it is not the last word.
            Stage::Running(noise) if may_begin && !noise.is_finished() => {
                self.read_first(party, message, accept, out)
            }
            Stage::Running(noise) if !noise.is_finished() && !noise.writes_next() => {
                self.read_later(party, message, accept, out)
            }
            Stage::Running(_) | Stage::Done => Err(NOT_EXPECTED),
        };
        let read = match role {
            _ if party.settings.has_x_wing() => try_with_wiped_stack::<X_WING_DEPTH, _>(read),
            Role::Initiator => try_with_wiped_stack::<PUBLIC_KEY_DEPTH, _>(read),
            // Its first message is tried with each of its keys.
            Role::Responder => try_with_wiped_stack::<HANDSHAKE_DEPTH, _>(read),
        };
        match read {
            Ok(len) => {
                self.last = Some(this);
                Ok(Received::Context(Encoded::parse(&out[..len])?))
            }
            Err(error) => {
                out.zeroize();
                if !datagram && !matches!(error, Error::Misuse(_)) {
                    self.end(Stage::Failed);
                }
                Err(error)
            }
        }
    }

    fn read_first(
        &mut self,
        party: &Party<'_>,
        message: &[u8],
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
        out: &mut [u8],
    ) -> Result<usize> {
        party.check()?;
        let Settings { pattern, .. } = party.settings;
        let (kem, message) = split(message, &party.settings.head(), party.settings.kem_len(1))?;
        #[cfg(feature = "x-wing")]
        let offered = match kem.is_empty() {
            true => None,
            false => {
                let public = kem.try_into().expect("the kem of message 1 has its length");
                hybrid::check(public)?;
                Some(public)
            }
        };
        let (mut noise, heard, len) = try_keys(party, kem, message, out)?;
        match pattern.is_first_replayable() {
            true => party.judge(heard.remote(), &out[..len], true, accept)?,
            false if len != 0 => {
                return Err(Error::format("13.2", "the first message of XX has no context"));
            }
            false => {}
        }
        noise.advance(heard);
        #[cfg(feature = "x-wing")]
        if let Some(public) = offered {
            self.exchange.take(public);
        }
        (self.settings, self.stage) = (Some(party.settings), Stage::Running(noise));
        Ok(len)
    }

    fn read_later(
        &mut self,
        party: &Party<'_>,
        message: &[u8],
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
        out: &mut [u8],
    ) -> Result<usize> {
        let Stage::Running(noise) = &mut self.stage else { return Err(NOT_EXPECTED) };
        let number = noise.number();
        let kem_len = party.settings.kem_len(number);
        let (kem, message) = split(message, &later_head(number), kem_len)?;
        let psk = match kem.is_empty() {
            true => party.psk(),
            #[cfg(feature = "x-wing")]
            false => {
                let ciphertext = kem.try_into().expect("the kem of message 2 has its length");
                let Settings { suite, .. } = party.settings;
                self.exchange.open(&party.psk(), suite, &party.settings.head(), ciphertext)?
            }
            #[cfg(not(feature = "x-wing"))]
            false => return Err(NOT_EXPECTED),
        };
        let out_len = out.len().min(MAX_CONTEXT_LEN);
        let (heard, len) = noise.read(&psk, message, &mut out[..out_len])?;
        party.judge(heard.remote(), &out[..len], false, accept)?;
        noise.advance(heard);
        Ok(len)
    }

    /// Takes the secrets of a finished handshake, once. What is left of it knows duplicates and no secret. The caller
    /// wipes the stack.
    pub(crate) fn finish(&mut self) -> Result<Established> {
        self.check_process()?;
        let (Stage::Running(noise), Some(settings)) = (&self.stage, self.settings) else {
            return Err(UNFINISHED);
        };
        if !noise.is_finished() {
            return Err(UNFINISHED);
        }
        let symmetric = noise.symmetric();
        let (first, second) = symmetric.split();
        let (sending, receiving) = match self.role {
            Role::Initiator => (first, second),
            Role::Responder => (second, first),
        };
        let established = Established {
            settings,
            role: self.role,
            sending,
            receiving,
            binding: symmetric.handshake_hash(),
        };
        self.end(Stage::Done);
        Ok(established)
    }

    /// Nothing is negotiated, and nothing changes on the way.
    fn check_settings(&self, party: &Party<'_>) -> Result<()> {
        match self.settings.is_none_or(|settings| settings == party.settings) {
            true => Ok(()),
            false => Err(Error::misuse("a handshake goes on with the settings it began with")),
        }
    }

    /// Nothing more comes of it: what was secret is wiped.
    fn end(&mut self, stage: Stage) {
        self.stage = stage;
        #[cfg(feature = "x-wing")]
        self.exchange.end();
    }
}

impl core::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Handshake").field("role", &self.role).finish_non_exhaustive()
    }
}

impl Settings {
    fn head(&self) -> [u8; FIRST_HEAD_LEN] {
        let Settings { pattern, suite, mode, hybrid } = *self;
        Offer { pattern: pattern as u8, suite: suite as u8, mode: mode as u8, hybrid: hybrid as u8 }
            .head()
    }

    /// Bytes of the kem of message `number`.
    fn kem_len(&self, number: u8) -> usize {
        match (self.hybrid, number) {
            #[cfg(feature = "x-wing")]
            (Hybrid::On, 1) => hybrid::PUBLIC_LEN,
            #[cfg(feature = "x-wing")]
            (Hybrid::On, 2) => hybrid::CIPHERTEXT_LEN,
            _ => 0,
        }
    }
}

impl Party<'_> {
    /// Whether it has what the pattern wants, and not too much to try.
    fn check(&self) -> Result<()> {
        let pattern = self.settings.pattern;
        if pattern.has_psk() != self.psk.is_some() {
            return Err(Error::misuse("NNpsk0 and IKpsk2 have a pre-shared key, the others none"));
        }
        if self.psk.is_some_and(|psk| ct_eq(psk.expose_bytes(), &[0; 32])) {
            return Err(Error::misuse("a pre-shared key of zeros is none"));
        }
        // Whoever is met by oneself was sent back one's own messages.
        if let Peers::Pinned(peers) = self.peers
            && peers.iter().any(|peer| self.is_own(peer))
        {
            return Err(Error::misuse("one's own key is not a peer's"));
        }
        if self.prologue.len() > usize::from(u16::MAX) {
            return Err(Error::limit("a prologue is at most 65,535 bytes"));
        }
        // format.md 13.4: of each its own, so that a rotation does not lock out peers.
        let most_keys = match (pattern, self.peers) {
            (Pattern::KK, Peers::Any) => {
                return Err(Error::misuse("KK knows its peers before: pin them"));
            }
            (Pattern::KK, Peers::Pinned(peers)) if peers.len() > MAX_PEERS_OF_KK => {
                return Err(Error::limit("KK tries at most 16 pinned peers"));
            }
            (Pattern::KK, _) => MAX_OWN_KEYS_OF_KK,
            _ => MAX_OWN_KEYS,
        };
        match self.keys.len() > most_keys {
            true => Err(Error::limit("a message is tried with at most 16 own keys, under KK 4")),
            false => Ok(()),
        }
    }

    fn is_own(&self, key: &PeerKey) -> bool {
        let own = self.keys.iter().filter_map(|own| own.pair.as_ref());
        key.is_among(own.map(|own| &own.public))
    }

    /// The pre-shared key, or the zeros that stand in its place in format.md 13.5.
    fn psk(&self) -> Key<Psk> {
        let mut psk = Key::zeroed();
        if let Some(given) = self.psk {
            *psk.expose_bytes_mut() = *given.expose_bytes();
        }
        psk
    }

    /// The key pair that is shown; none where the pattern has no static keys.
    fn primary(&self) -> Result<Option<&Pair>> {
        if !self.settings.pattern.has_statics() {
            return Ok(None);
        }
        let none = Error::misuse("the pattern wants a static key, and no primary is given");
        let primary = self.keys.iter().find(|pair| pair.is_primary()).ok_or(none)?;
        primary.check_usable(self.now)?;
        Ok(primary.pair.as_ref())
    }

    /// The one peer that an initiator knows before.
    fn known_peer(&self) -> Result<Option<&PeerKey>> {
        match (self.settings.pattern, self.peers) {
            (Pattern::XX | Pattern::NNpsk0, _) => Ok(None),
            (_, Peers::Pinned([peer])) => Ok(Some(peer)),
            _ => Err(Error::misuse("the initiator of this pattern pins exactly one peer")),
        }
    }

    fn begin(
        &self,
        role: Role,
        kem: &[u8],
        s: Option<&Pair>,
        rs: Option<&PeerKey>,
    ) -> Result<Noise> {
        let Settings { pattern, suite, hybrid, .. } = self.settings;
        let head = self.settings.head();
        let len = u16::try_from(self.prologue.len()).expect("checked: at most 65,535 bytes");
        let prologue: [&[u8]; 5] = [PROLOGUE, &head, &len.to_be_bytes(), self.prologue, kem];
        Noise::initialize(&Before {
            shape: pattern.shape(hybrid),
            suite,
            role,
            prologue: &prologue,
            s,
            rs: rs.map(|peer| &peer.0),
        })
    }

    /// Decides on the other side and on what it says of itself.
    fn judge(
        &self,
        key: Option<&[u8; 32]>,
        context: &[u8],
        replayable: bool,
        accept: &mut dyn FnMut(&Peer<'_>) -> Verdict,
    ) -> Result<()> {
        let key = key.copied().map(PeerKey);
        // It was decided with a key in hand, though not on a tag.
        let context = Encoded::parse(context).map_err(|_| Error::Decrypt)?;
        let pinned = match (self.peers, &key) {
            (Peers::Pinned(peers), Some(key)) => key.is_among(peers.iter().map(|peer| &peer.0)),
            _ => true,
        };
        let own = key.as_ref().is_some_and(|key| self.is_own(key));
        match pinned && !own && accept(&Peer { key, context, replayable }) == Verdict::Accept {
            true => Ok(()),
            false => Err(Error::unknown_key(match key {
                Some(key) => Wanted::Peer(key.fingerprint()),
                None => Wanted::None,
            })),
        }
    }
}

/// Reads message 1 with each own key, and under KK with each pinned peer, until one of them fits.
fn try_keys(
    party: &Party<'_>,
    kem: &[u8],
    message: &[u8],
    out: &mut [u8],
) -> Result<(Noise, Heard, usize)> {
    let pattern = party.settings.pattern;
    let out_len = out.len().min(MAX_CONTEXT_LEN);
    let out = &mut out[..out_len];
    // KK alone knows the peer before.
    let peers: Option<&[PeerKey]> = match party.peers {
        Peers::Pinned(peers) if pattern == Pattern::KK => Some(peers),
        _ => None,
    };
    // Under XX the primary is shown, and nothing is tried.
    let shown = matches!(pattern, Pattern::XX | Pattern::NNpsk0);
    let mut outcome = Error::misuse("the pattern wants a static key that is not given");
    for at in 0..if shown { 1 } else { party.keys.len() } {
        let own = match (shown, &party.keys.get(at)) {
            (true, _) => party.primary()?,
            (false, Some(KeyPair { pair: None, .. }) | None) => continue,
            (false, Some(key)) => match key.check_usable(party.now) {
                Ok(()) => key.pair.as_ref(),
                Err(forbidden) => {
                    if !matches!(outcome, Error::Decrypt) {
                        outcome = forbidden;
                    }
                    continue;
                }
            },
        };
        outcome = Error::Decrypt;
        for at in 0..peers.map_or(1, <[_]>::len) {
            let peer = peers.and_then(|peers| peers.get(at));
            let noise = party.begin(Role::Responder, kem, own, peer)?;
            match noise.read(&party.psk(), message, out) {
                Ok((heard, len)) => return Ok((noise, heard, len)),
                Err(Error::Decrypt) => {}
                Err(decided) => return Err(decided),
            }
        }
    }
    Err(outcome)
}

const NOT_EXPECTED: Error = Error::format("13.6", "no message is expected now");
const UNFINISHED: Error = Error::misuse("the handshake is not finished");
const _: () = assert!(LATER_HEAD_LEN < FIRST_HEAD_LEN);

#[cfg(all(test, feature = "std"))]
mod tests;
