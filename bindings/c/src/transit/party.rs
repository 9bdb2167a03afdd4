// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one side of a handshake is set to, who it is, and whom it takes.

use core::ffi::c_void;

use sealwax::device::{Family, with_wiped_copies};
use sealwax::id::Suite;
use sealwax::rng::Now;
use sealwax::secret::{Key, Pair, Psk};
use sealwax::transit::{Hybrid, KeyPair, Mode, Party, Pattern, Peer, PeerKey, Peers, Settings};
use sealwax::transit::{PEER_KEY_LEN, Role, Verdict};

use crate::boundary::{self, Borrows, Plain, call};
use crate::keyset::{Loaded, loaded, sealwax_keyset};
use crate::status::{Failure, INVALID_ARGUMENT};

/// Length of a static key of a handshake, public or private, in bytes.
pub const SEALWAX_PEER_KEY_LEN: usize = 32;
/// Length of a handshake's pre-shared key, in bytes.
pub const SEALWAX_PSK_LEN: usize = 32;
/// Most static keys of one's own that a responder answers with.
pub const SEALWAX_MAX_OWN_KEYS: usize = 4;
/// Most peers that are pinned.
pub const SEALWAX_MAX_PEERS: usize = 16;
/// Both send their static keys: three messages, nobody needs to know anything before.
pub const SEALWAX_PATTERN_XX: u8 = 1;
/// The initiator knows the responder's static key: two messages.
pub const SEALWAX_PATTERN_IK: u8 = 2;
/// Both know each other's static keys: two messages.
pub const SEALWAX_PATTERN_KK: u8 = 3;
/// No static keys, only a pre-shared key: two messages.
pub const SEALWAX_PATTERN_NNPSK0: u8 = 4;
/// IK with a pre-shared key beside the static keys.
pub const SEALWAX_PATTERN_IKPSK2: u8 = 5;
/// Bytes arrive in order or not at all; every failure is final.
pub const SEALWAX_MODE_STREAM: u8 = 1;
/// Messages may be lost, repeated, reordered and made up; those that fail change nothing.
pub const SEALWAX_MODE_DATAGRAM: u8 = 2;
/// This side writes the first message.
pub const SEALWAX_ROLE_INITIATOR: u8 = 1;
/// This side answers it.
pub const SEALWAX_ROLE_RESPONDER: u8 = 2;

/// The other side of a handshake, once it is known who it is and before anything is answered.
#[repr(C)]
pub struct sealwax_peer {
    /// Its static key, SEALWAX_PEER_KEY_LEN bytes; NULL where the pattern has none.
    pub key: *const u8,
    /// The encoded context that it sent. NULL where that is empty.
    pub context: *const u8,
    /// Its length.
    pub context_len: usize,
    /// 1: somebody else may have sent this message once more, and the handshake will not finish for
    /// them.
    pub replayable: u8,
    /// 0.
    pub reserved: [u8; 7],
}

/// Decides on a peer: 0 takes it, anything else refuses it, and then nothing is answered. What
/// `peer` points to is there until it returns. It must not use the handshake.
pub type sealwax_accept =
    Option<unsafe extern "C" fn(context: *mut c_void, peer: *const sealwax_peer) -> i32>;

/// What one side of a handshake is set to. Pattern, suite, mode, hybrid and prologue are alike on
/// both sides; nothing is negotiated.
///
/// The caller owns it and all that it points to; the library keeps none of the pointers. Give the
/// same with each call of one handshake.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealwax_party {
    /// SEALWAX_ROLE_...
    pub role: u8,
    /// SEALWAX_PATTERN_...
    pub pattern: u8,
    /// SEALWAX_SUITE_CHACHA20_POLY1305, SEALWAX_SUITE_COBBLESTONE_256, or 0: the first of them.
    pub suite: u8,
    /// SEALWAX_MODE_...
    pub mode: u8,
    /// 1: X-Wing is mixed in, so that what is recorded stays closed to a quantum computer; only
    /// where the build has it. 0: X25519 alone.
    pub hybrid: u8,
    /// 0.
    pub reserved: [u8; 3],
    /// How many keys `peers` has, at most SEALWAX_MAX_PEERS.
    pub peer_count: u32,
    /// What else both sides agree on, such as the name of the program's protocol. May be NULL.
    pub prologue: *const u8,
    /// Its length, at most 65535.
    pub prologue_len: usize,
    /// Own key pairs: a loaded identity of X25519 keys, of which the primary is shown and every
    /// active version is answered with, at most SEALWAX_MAX_OWN_KEYS. NULL where `private_key` is
    /// given, or where the pattern has no static keys.
    pub identity: *const sealwax_keyset,
    /// An own X25519 private key that is kept without a keyset, SEALWAX_PEER_KEY_LEN bytes. NULL
    /// where there is an identity.
    pub private_key: *const u8,
    /// The public keys that are taken, each SEALWAX_PEER_KEY_LEN bytes, one after the other. NULL
    /// where there are none: then `accept` alone decides. The initiator of IK, IKpsk2 and KK gives
    /// exactly one, the responder of KK at least one.
    pub peers: *const u8,
    /// The pre-shared key of NNpsk0 and IKpsk2, SEALWAX_PSK_LEN bytes. NULL for other patterns.
    pub psk: *const u8,
    /// Asked before anything is answered. May be NULL where peers are pinned or the pattern has no
    /// static keys.
    pub accept: sealwax_accept,
    /// Passed to `accept` as it is. May be NULL.
    pub accept_context: *mut c_void,
}

impl Plain for sealwax_party {}

/// Writes the public half of a private key that is kept without a keyset: what the other side pins.
///
/// Both are SEALWAX_PEER_KEY_LEN bytes. Any 32 unpredictable bytes are a private key. Errors:
/// SEALWAX_ERROR_INVALID_ARGUMENT (NULL, overlap); nothing is then written. Threads: any number.
/// Stack: 3 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_peer_key(private_key: *const u8, out: *mut u8) -> i32 {
    call(|borrows| {
        let private_key = borrows.array::<PEER_KEY_LEN>(private_key.cast())?;
        let out = borrows.output_array::<PEER_KEY_LEN>(out.cast())?;
        with_wiped_copies(|| {
            let mut private = Key::<Pair>::zeroed();
            *private.expose_bytes_mut() = *private_key;
            *out = *KeyPair::new(&private).public().as_bytes();
        });
        Ok(())
    })
}

/// A party as it was given: everything that it points to is borrowed and copied.
pub(crate) struct Given<'a> {
    pub(crate) settings: Settings,
    pub(crate) role: Role,
    prologue: &'a [u8],
    identity: Option<&'a Loaded>,
    private_key: Option<&'a [u8; PEER_KEY_LEN]>,
    peers: &'a [u8],
    psk: Option<&'a [u8; 32]>,
    accept: sealwax_accept,
    accept_context: *mut c_void,
}

impl<'a> Given<'a> {
    pub(crate) fn borrow(
        borrows: &mut Borrows<'a>,
        party: *const sealwax_party,
    ) -> Result<Self, Failure> {
        let party = borrows.value(party)?.ok_or(INVALID_ARGUMENT)?;
        let settings = settings_of(party)?;
        let has_statics = settings.pattern.has_statics();
        let has_own = !party.identity.is_null() || !party.private_key.is_null();
        let decides = party.peer_count > 0 || party.accept.is_some();
        // Whoever gives keys that a pattern has no place for expects something of them.
        let fits = match has_statics {
            true => has_own && decides,
            false => !has_own && party.peer_count == 0,
        };
        let role = match party.role {
            SEALWAX_ROLE_INITIATOR => Role::Initiator,
            SEALWAX_ROLE_RESPONDER => Role::Responder,
            _ => return Err(INVALID_ARGUMENT),
        };
        if party.reserved != [0; 3]
            || !fits
            || party.peer_count as usize > SEALWAX_MAX_PEERS
            || !party.identity.is_null() && !party.private_key.is_null()
            || settings.pattern.has_psk() == party.psk.is_null()
        {
            return Err(INVALID_ARGUMENT);
        }
        Ok(Given {
            settings,
            role,
            prologue: borrows.input(party.prologue, party.prologue_len)?,
            identity: match party.identity.is_null() {
                true => None,
                false => Some(loaded(borrows, party.identity, Family::Pairs)?),
            },
            private_key: optional(borrows, party.private_key)?,
            peers: borrows.input(party.peers, party.peer_count as usize * PEER_KEY_LEN)?,
            psk: optional(borrows, party.psk)?,
            accept: party.accept,
            accept_context: party.accept_context,
        })
    }

    /// Works with the party as the library has it. Whoever writes a later message needs no keys for
    /// it: the handshake keeps what it needs of them.
    pub(crate) fn with(
        &self,
        with_keys: bool,
        work: &mut dyn FnMut(&Party<'_>) -> Result<usize, Failure>,
    ) -> Result<usize, Failure> {
        with_wiped_copies(|| self.with_copies(with_keys, work))
    }

    fn with_copies(
        &self,
        with_keys: bool,
        work: &mut dyn FnMut(&Party<'_>) -> Result<usize, Failure>,
    ) -> Result<usize, Failure> {
        let mut own: [KeyPair; SEALWAX_MAX_OWN_KEYS] = core::array::from_fn(|_| KeyPair::vacant());
        let mut own_count = 0;
        let mut now = Now::Unknown;
        if with_keys {
            if let Some(loaded) = self.identity {
                let keyset = loaded.keyset();
                now = keyset.now;
                own_count = keyset.key_pairs(&mut own)?;
            }
            if let Some(bytes) = self.private_key {
                let mut private = Key::<Pair>::zeroed();
                *private.expose_bytes_mut() = *bytes;
                (own[0], own_count) = (KeyPair::new(&private), 1);
            }
        }
        let (keys, rest) = self.peers.as_chunks::<PEER_KEY_LEN>();
        debug_assert!(rest.is_empty());
        let mut psk = Key::<Psk>::zeroed();
        if let Some(bytes) = self.psk {
            *psk.expose_bytes_mut() = *bytes;
        }
        // Nobody's key, until it is filled.
        let mut pinned = [KeyPair::vacant().public(); SEALWAX_MAX_PEERS];
        for (key, bytes) in pinned.iter_mut().zip(keys) {
            *key = PeerKey::parse(bytes)?;
        }
        work(&Party {
            settings: self.settings,
            prologue: self.prologue,
            keys: &own[..own_count],
            peers: match keys {
                [] => Peers::Any,
                _ => Peers::Pinned(&pinned[..keys.len()]),
            },
            psk: self.psk.map(|_| &psk),
            now,
        })
    }

    /// What the caller says of a peer.
    pub(crate) fn judge(&self, peer: &Peer<'_>) -> Verdict {
        let Some(accept) = self.accept else { return Verdict::Accept };
        let context = peer.context.as_bytes();
        let null = core::ptr::null();
        let shown = sealwax_peer {
            key: peer.key.as_ref().map_or(null, |key| key.as_bytes().as_ptr()),
            context: if context.is_empty() { null } else { context.as_ptr() },
            context_len: context.len(),
            replayable: u8::from(peer.replayable),
            reserved: [0; 7],
        };
        match boundary::accept(accept, self.accept_context, &shown) {
            0 => Verdict::Accept,
            _ => Verdict::Refuse,
        }
    }
}

fn settings_of(party: &sealwax_party) -> Result<Settings, Failure> {
    Ok(Settings {
        pattern: Pattern::from_u8(party.pattern).map_err(|_| INVALID_ARGUMENT)?,
        suite: match party.suite {
            0 => Suite::ChaCha20Poly1305,
            1 | 2 => Suite::from_u8(party.suite)?,
            _ => return Err(INVALID_ARGUMENT),
        },
        mode: Mode::from_u8(party.mode).map_err(|_| INVALID_ARGUMENT)?,
        hybrid: match party.hybrid {
            0 => Hybrid::Off,
            #[cfg(feature = "x-wing")]
            1 => Hybrid::On,
            #[cfg(not(feature = "x-wing"))]
            1 => return Err(Failure(crate::status::SEALWAX_ERROR_NOT_SUPPORTED)),
            _ => return Err(INVALID_ARGUMENT),
        },
    })
}

fn optional<'a>(borrows: &mut Borrows<'a>, at: *const u8) -> Result<Option<&'a [u8; 32]>, Failure> {
    match at.is_null() {
        true => Ok(None),
        false => Ok(Some(borrows.array(at.cast())?)),
    }
}
