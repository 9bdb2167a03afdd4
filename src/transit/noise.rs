// SPDX-License-Identifier: MIT OR Apache-2.0
//! The handshake state of the Noise specification, section 5.3 (format.md 13.3).

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::format::reader::{End, Reader};
use crate::format::writer::Writer;
use crate::id::Suite;
use crate::primitives::kem::{X25519Private, x25519_check_public};
use crate::rng::Random;
use crate::secret::{Ephemeral, Key, Psk};
use crate::transit::Role;
use crate::transit::identity::{PEER_KEY_LEN, Pair};
use crate::transit::pattern::{Shape, Token, tag_len};
use crate::transit::symmetric::Symmetric;

/// A handshake under way: s, e, rs, re and the symmetric state.
pub(super) struct Noise {
    shape: Shape,
    role: Role,
    next: u8,
    s: Option<Pair>,
    e: Option<X25519Private>,
    heard: Heard,
}

/// What reading a message changes; it is worked on as a copy, which takes the place of the original when all of the
/// message held.
pub(super) struct Heard {
    symmetric: Symmetric,
    // public: the other side's keys.
    rs: Option<[u8; PEER_KEY_LEN]>,
    re: Option<[u8; PEER_KEY_LEN]>,
}

/// What a side knows before the first message.
pub(super) struct Before<'a> {
    pub(super) shape: Shape,
    pub(super) suite: Suite,
    pub(super) role: Role,
    /// In pieces, one after the other.
    pub(super) prologue: &'a [&'a [u8]],
    pub(super) s: Option<&'a Pair>,
    pub(super) rs: Option<&'a [u8; PEER_KEY_LEN]>,
}

impl Noise {
    /// Initialize(): Noise section 5.3.
    pub(super) fn initialize(before: &Before<'_>) -> Result<Self> {
        let Before { shape, suite, role, prologue, s, rs } = *before;
        let name = shape.name();
        let mut symmetric = Symmetric::initialize(name.as_bytes(), suite, prologue);
        for side in [Role::Initiator, Role::Responder] {
            if shape.is_known_before(side) {
                let own = s.map(|pair| &pair.public);
                let public = if side == role { own } else { rs };
                let none = Error::misuse("the pattern wants a static key that is not given");
                symmetric.mix_hash(&[public.ok_or(none)?]);
            }
        }
        Ok(Noise {
            shape,
            role,
            next: 0,
            s: s.map(Pair::duplicate),
            e: None,
            heard: Heard { symmetric, rs: rs.copied(), re: None },
        })
    }

    /// The other side's static key, once it is known.
    pub(super) fn remote(&self) -> Option<&[u8; PEER_KEY_LEN]> {
        self.heard.rs.as_ref()
    }

    /// Whether this side writes the next message.
    pub(super) fn writes_next(&self) -> bool {
        self.next.is_multiple_of(2) == (self.role == Role::Initiator)
    }

    /// The number of the next message, from 1.
    pub(super) fn number(&self) -> u8 {
        self.next + 1
    }

    pub(super) fn is_finished(&self) -> bool {
        self.next == self.shape.len()
    }

    /// Length of the next message with a payload of this length.
    pub(super) fn message_len(&self, payload_len: usize) -> usize {
        self.shape.message_len(self.next, self.heard.symmetric.has_key()) + payload_len
    }

    /// WriteMessage(payload) into `out`, which has exactly [`Noise::message_len`] bytes. `psk` is that of this message.
    pub(super) fn write(
        &mut self,
        psk: &Key<Psk>,
        payload: &[u8],
        random: &mut dyn Random,
        out: &mut [u8],
    ) -> Result<()> {
        let mut writer = Writer::new(out);
        for token in self.shape.tokens(self.next).as_slice() {
            match *token {
                Token::E => {
                    let mut private = Key::<Ephemeral>::zeroed();
                    random.fill(private.expose_bytes_mut())?;
                    let e = X25519Private::new(private.expose_bytes());
                    let public = e.public();
                    writer.put(&public);
                    self.heard.hear_ephemeral(self.shape, &public);
                    self.e = Some(e);
                }
                Token::S => {
                    let keyed = self.heard.symmetric.has_key();
                    let out = writer.reserve(PEER_KEY_LEN + tag_len(keyed));
                    let s = self.s.as_ref().ok_or(MISSING)?;
                    out[..PEER_KEY_LEN].copy_from_slice(&s.public);
                    self.heard.symmetric.encrypt_and_hash(out);
                }
                token => self.mix(token, psk)?,
            }
        }
        let out = writer.reserve(payload.len() + tag_len(self.heard.symmetric.has_key()));
        writer.finish();
        out[..payload.len()].copy_from_slice(payload);
        self.heard.symmetric.encrypt_and_hash(out);
        self.next += 1;
        Ok(())
    }

    fn mix(&mut self, token: Token, psk: &Key<Psk>) -> Result<()> {
        let keys = Own { role: self.role, s: &self.s, e: &self.e, psk };
        self.heard.mix(token, &keys)
    }

    /// ReadMessage(message), with the payload into `out`, which is at least as long. Returns the payload's length and
    /// what [`Noise::advance`] takes; until then nothing is changed.
    ///
    /// On an error `out` is wiped or untouched.
    pub(super) fn read(
        &self,
        psk: &Key<Psk>,
        message: &[u8],
        out: &mut [u8],
    ) -> Result<(Heard, usize)> {
        let keys = Own { role: self.role, s: &self.s, e: &self.e, psk };
        let mut heard = self.heard.duplicate();
        let mut reader = Reader::new(message, End::of("13.3"));
        for token in self.shape.tokens(self.next).as_slice() {
            match *token {
                Token::E => {
                    let public = reader.array()?;
                    x25519_check_public(public)?;
                    heard.re = Some(*public);
                    heard.hear_ephemeral(self.shape, public);
                }
                Token::S => {
                    let keyed = heard.symmetric.has_key();
                    let sealed = reader.take(PEER_KEY_LEN + tag_len(keyed))?;
                    let mut public = [0; PEER_KEY_LEN];
                    heard.symmetric.decrypt_and_hash(sealed, &mut public)?;
                    // A key that is not canonical would be one peer under two names.
                    x25519_check_public(&public).map_err(|_| Error::Decrypt)?;
                    heard.rs = Some(public);
                }
                token => heard.mix(token, &keys)?,
            }
        }
        let sealed = reader.rest();
        let short = Error::format("13.3", "a length runs past the end");
        let tag_len = tag_len(heard.symmetric.has_key());
        let len = sealed.len().checked_sub(tag_len).ok_or(short)?;
        // Not the caller's mistake: anybody can make a message long.
        let room = Error::limit("the payload of a handshake message is longer than there is room");
        let out = out.get_mut(..len).ok_or(room)?;
        heard.symmetric.decrypt_and_hash(sealed, out)?;
        Ok((heard, len))
    }

    /// Takes what was heard in the message that was read last.
    pub(super) fn advance(&mut self, heard: Heard) {
        self.heard = heard;
        self.next += 1;
    }

    /// The private half of its static key, where it has one.
    pub(super) fn own_static(&self) -> Option<&[u8; 32]> {
        self.s.as_ref().map(|pair| pair.private.expose_bytes())
    }

    /// The symmetric state, for whoever finishes.
    pub(super) fn symmetric(&self) -> &Symmetric {
        &self.heard.symmetric
    }
}

/// What a side has of its own.
struct Own<'a> {
    role: Role,
    s: &'a Option<Pair>,
    e: &'a Option<X25519Private>,
    psk: &'a Key<Psk>,
}

impl Heard {
    pub(super) fn remote(&self) -> Option<&[u8; PEER_KEY_LEN]> {
        self.rs.as_ref()
    }

    /// The token `e`: with a psk its public key is mixed into the key too (Noise section 9.2).
    fn hear_ephemeral(&mut self, shape: Shape, public: &[u8; PEER_KEY_LEN]) {
        self.symmetric.mix_hash(&[public]);
        if shape.has_psk() {
            self.symmetric.mix_key(public);
        }
    }

    /// The tokens that mix a key in and put nothing into the message.
    fn mix(&mut self, token: Token, own: &Own<'_>) -> Result<()> {
        if token == Token::Psk {
            self.symmetric.mix_key_and_hash(own.psk.expose_bytes());
            return Ok(());
        }
        // The first letter is the initiator's key and the second the responder's.
        let (initiators, responders) = match token {
            Token::Ss => (true, true),
            Token::Se => (true, false),
            Token::Es => (false, true),
            _ => (false, false),
        };
        let (own_is_static, other_is_static) = match own.role {
            Role::Initiator => (initiators, responders),
            Role::Responder => (responders, initiators),
        };
        let s = own.s.as_ref().map(|pair| &pair.private);
        let private = if own_is_static { s } else { own.e.as_ref() };
        let public = if other_is_static { &self.rs } else { &self.re };
        let public = public.as_ref().ok_or(MISSING)?;
        let shared: Zeroizing<[u8; 32]> = private.ok_or(MISSING)?.agree(public)?;
        self.symmetric.mix_key(&shared);
        Ok(())
    }

    fn duplicate(&self) -> Self {
        let Heard { symmetric, rs, re } = self;
        Heard { symmetric: symmetric.duplicate(), rs: *rs, re: *re }
    }
}

const MISSING: Error = Error::misuse("the pattern wants a static key that is not given");

#[cfg(all(test, feature = "std"))]
mod tests;
