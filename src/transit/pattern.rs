// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which keys are exchanged and which are known before: the patterns of Noise that are offered (format.md 13.1).

use crate::error::{Error, Result};
use crate::primitives::TAG_LEN;
use crate::transit::Role;
use crate::transit::identity::PEER_KEY_LEN;

/// A handshake pattern of the Noise specification, section 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Pattern {
    /// Both send their static keys: three messages, nobody needs to know anything before.
    XX = 1,
    /// The initiator knows the responder's static key: two messages.
    IK = 2,
    /// Both know each other's static keys: two messages.
    KK = 3,
    /// No static keys, only a pre-shared key: two messages.
    NNpsk0 = 4,
    /// IK with a pre-shared key beside the static keys.
    IKpsk2 = 5,
}

/// Whether an X-Wing shared secret is mixed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Hybrid {
    /// X25519 alone.
    Off = 0,
    /// X25519 and X-Wing: recorded messages stay closed to a later quantum computer.
    #[cfg(feature = "x-wing")]
    On = 1,
}

/// A step of a message: Noise section 5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    E,
    S,
    Ee,
    Es,
    Se,
    Ss,
    Psk,
}

use Token::{E, Ee, Es, Psk, S, Se, Ss};

/// A pattern as the messages that it stands for, with the psk modifiers of Noise section 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) base: Base,
    /// Bit n is the modifier `psk`n.
    pub(super) psks: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    NN,
    IK,
    KK,
    XX,
}

impl Pattern {
    /// The pattern with this number.
    ///
    /// # Errors
    /// `Format` for a number that is no pattern.
    pub const fn from_u8(number: u8) -> Result<Self> {
        match number {
            1 => Ok(Pattern::XX),
            2 => Ok(Pattern::IK),
            3 => Ok(Pattern::KK),
            4 => Ok(Pattern::NNpsk0),
            5 => Ok(Pattern::IKpsk2),
            _ => Err(Error::format("13.1", "unknown pattern")),
        }
    }

    /// Whether it has a pre-shared key of the caller's.
    pub const fn has_psk(self) -> bool {
        matches!(self, Pattern::NNpsk0 | Pattern::IKpsk2)
    }

    /// Whether both sides have static keys.
    pub const fn has_statics(self) -> bool {
        !matches!(self, Pattern::NNpsk0)
    }

    /// Whether the first message carries a context, which can then be replayed to a responder that has not seen it. The
    /// first message of XX is open to anybody, and carries none.
    pub const fn is_first_replayable(self) -> bool {
        !matches!(self, Pattern::XX)
    }

    /// What is run: format.md 13.1.
    pub(super) const fn shape(self, hybrid: Hybrid) -> Shape {
        let hybrid = match hybrid {
            Hybrid::Off => 0,
            #[cfg(feature = "x-wing")]
            Hybrid::On => 0b100,
        };
        let (base, psks) = match self {
            Pattern::XX => (Base::XX, 0),
            Pattern::IK => (Base::IK, 0),
            Pattern::KK => (Base::KK, 0),
            Pattern::NNpsk0 => (Base::NN, 0b001),
            Pattern::IKpsk2 => (Base::IK, 0b100),
        };
        Shape { base, psks: psks | hybrid }
    }
}

impl Shape {
    /// Length of message `index`, counted from 0, with an empty payload; `keyed` says whether a key was mixed in
    /// before it.
    pub(super) fn message_len(self, index: u8, mut keyed: bool) -> usize {
        let mut len = 0;
        for token in self.tokens(index).as_slice() {
            match token {
                Token::E => {
                    len += PEER_KEY_LEN;
                    keyed |= self.has_psk();
                }
                Token::S => len += PEER_KEY_LEN + tag_len(keyed),
                Token::Psk | Token::Ee | Token::Es | Token::Se | Token::Ss => keyed = true,
            }
        }
        len + tag_len(keyed)
    }

    /// The steps of message `index`, counted from 0.
    pub(super) fn tokens(self, index: u8) -> Tokens {
        let modified = |at: u8| self.psks & 1 << at != 0;
        let mut tokens = Tokens { tokens: [Psk; MAX_TOKENS], len: 0 };
        if index == 0 && modified(0) {
            tokens.push(Psk);
        }
        for token in self.base.messages().get(usize::from(index)).copied().unwrap_or(&[]) {
            tokens.push(*token);
        }
        if modified(index + 1) {
            tokens.push(Psk);
        }
        tokens
    }

    /// How many messages there are.
    pub(super) fn len(self) -> u8 {
        match self.base {
            Base::XX => 3,
            _ => 2,
        }
    }

    pub(super) fn has_psk(self) -> bool {
        self.psks != 0
    }

    /// Whether this side's static key is known to the other before.
    pub(super) fn is_known_before(self, role: Role) -> bool {
        match self.base {
            Base::KK => true,
            Base::IK => role == Role::Responder,
            Base::NN | Base::XX => false,
        }
    }

    /// What is between `Noise_` and the names of the algorithms: Noise section 8.
    pub(super) fn name(self) -> Name {
        let base = match self.base {
            Base::NN => b"NN",
            Base::IK => b"IK",
            Base::KK => b"KK",
            Base::XX => b"XX",
        };
        let mut name = Name { bytes: [0; MAX_NAME_LEN], len: 0 };
        name.push(base);
        for at in 0..4 {
            if self.psks & 1 << at != 0 {
                // The first modifier has no plus.
                let from = usize::from(name.len == base.len());
                name.push(&[b'+', b'p', b's', b'k', b'0' + at][from..]);
            }
        }
        name
    }
}

/// Bytes of a tag, where there is a key.
pub(super) fn tag_len(keyed: bool) -> usize {
    if keyed { TAG_LEN } else { 0 }
}

/// The steps of a message.
pub(super) struct Tokens {
    tokens: [Token; MAX_TOKENS],
    len: usize,
}

impl Tokens {
    fn push(&mut self, token: Token) {
        self.tokens[self.len] = token;
        self.len += 1;
    }

    pub(super) fn as_slice(&self) -> &[Token] {
        &self.tokens[..self.len]
    }
}

impl Base {
    /// Noise section 7.5.
    const fn messages(self) -> &'static [&'static [Token]] {
        match self {
            Base::NN => &[&[E], &[E, Ee]],
            Base::IK => &[&[E, Es, S, Ss], &[E, Ee, Se]],
            Base::KK => &[&[E, Es, Ss], &[E, Ee, Se]],
            Base::XX => &[&[E], &[E, Ee, S, Es], &[S, Se]],
        }
    }
}

/// The name of a pattern with its modifiers.
pub(super) struct Name {
    bytes: [u8; MAX_NAME_LEN],
    len: usize,
}

impl Name {
    fn push(&mut self, text: &[u8]) {
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Two letters and four modifiers.
const MAX_NAME_LEN: usize = b"NNpsk0+psk1+psk2+psk3".len();
/// Message 1 of IK, with a psk before and after it.
const MAX_TOKENS: usize = 6;
