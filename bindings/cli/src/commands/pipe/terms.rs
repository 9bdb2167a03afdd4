// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who takes part in a pipe, and how both sides are set.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::rng::Now;
use sealwax::secret::{Key, Psk};
use sealwax::transit::{
    Hybrid, KeyPair, Mode, Party, Pattern, PeerKey, Peers, Role, Settings, Terms as StreamTerms,
};
use sealwax::{Algorithm, Error, Suite};
use zeroize::Zeroizing;

use crate::console;
use crate::failure::{Failure, Result};
use crate::passphrase::{Source, Typing};
use crate::recipients;
use crate::suite;
use crate::unlock::{self, Expectation, Unlocker};

/// Who takes part, and how both sides are set.
#[derive(Args, Clone, Debug)]
pub(crate) struct Terms {
    /// Be this secret identity (X25519): a keyset file, or text with an identity string.
    #[arg(short, long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Take this peer: a recipient string, or a file of them. May be repeated where several are taken.
    #[arg(long = "peer", value_name = "RECIPIENT|FILE")]
    peers: Vec<OsString>,
    /// Mix in the pre-shared key in this file: 64 hexadecimal digits, or 32 bytes.
    #[arg(long, value_name = "FILE")]
    psk_file: Option<PathBuf>,
    /// Which keys are known before: ik, xx or kk.
    #[arg(long, value_name = "PATTERN", default_value = "ik", value_parser = parse_pattern)]
    pattern: Pattern,
    /// The suite, by name or number.
    #[arg(long, value_name = "SUITE", default_value = "2", value_parser = suite::parse)]
    suite: Suite,
    /// Leave X-Wing out: what is recorded today may be read with a quantum computer later.
    #[arg(long)]
    no_post_quantum: bool,
    #[command(flatten)]
    passphrase: Source,
}

/// The same, loaded.
pub(crate) struct Held {
    settings: Settings,
    keys: Vec<KeyPair>,
    peers: Vec<PeerKey>,
    psk: Option<Key<Psk>>,
}

impl Terms {
    /// Loads the identity, the peers and the pre-shared key, and checks that they go together.
    pub(crate) fn load(&self, role: Role) -> Result<Held> {
        let pattern = self.pattern()?;
        let mut settings = Settings::new(pattern, Mode::Stream);
        settings.suite = self.suite;
        if self.no_post_quantum {
            settings.hybrid = Hybrid::Off;
        }
        let peers = self.load_peers()?;
        if role == Role::Initiator
            && pattern.has_statics()
            && pattern != Pattern::XX
            && peers.len() != 1
        {
            return Err(Failure::usage("who connects gives exactly one --peer")
                .hint("with --pattern xx on both sides it may be one of several"));
        }
        let psk = self.psk_file.as_deref().map(load_psk).transpose()?;
        let keys = match &self.identity {
            Some(path) => self.load_keys(path)?,
            None => Vec::new(),
        };
        Ok(Held { settings, keys, peers, psk })
    }

    /// The pattern that the options amount to.
    fn pattern(&self) -> Result<Pattern> {
        let is_named = self.identity.is_some();
        if is_named == self.peers.is_empty() {
            return Err(Failure::usage("an identity (-i) and a peer (--peer) go together")
                .hint("`sealwax identity new --x25519 -o FILE` makes an identity"));
        }
        match (self.pattern, self.psk_file.is_some()) {
            (pattern, false) if is_named => Ok(pattern),
            (_, false) => Err(Failure::usage("nothing says who may take part")
                .hint("give -i FILE and --peer RECIPIENT, or --psk-file FILE")),
            (Pattern::IK, true) if is_named => Ok(Pattern::IKpsk2),
            (Pattern::IK, true) => Ok(Pattern::NNpsk0),
            (_, true) => Err(Failure::usage("--psk-file goes with --pattern ik only")),
        }
    }

    fn load_keys(&self, path: &Path) -> Result<Vec<KeyPair>> {
        let given = self.passphrase.read("of the identity", Typing::Once)?;
        let unlocker = Unlocker::new(given, Expectation::Sealed);
        let mut keys = Vec::new();
        for keyset in unlock::load_identities(path, &unlocker)? {
            keys.extend(KeyPair::of_keyset(&keyset).map_err(|error| {
                match error {
                    Error::Misuse(_) => Failure::usage("this is no X25519 identity")
                        .hint("`sealwax identity new --x25519 -o FILE` makes one")
                        .at(path),
                    other => Failure::from(other).at(path),
                }
            })?);
        }
        Ok(keys)
    }

    fn load_peers(&self) -> Result<Vec<PeerKey>> {
        let mut recipients = Vec::new();
        for argument in &self.peers {
            recipients::parse_recipients(argument, &mut recipients)?;
        }
        let key = |recipient| {
            PeerKey::of(recipient).map_err(|_| {
                let x_wing = Algorithm::XWing.name();
                Failure::usage(format!(
                    "this peer's key is of kind {x_wing}, which cannot authenticate"
                ))
                .hint("`sealwax identity new --x25519` prints one that can")
            })
        };
        recipients.iter().map(key).collect()
    }
}

impl Held {
    /// What the library makes a session with.
    pub(crate) fn terms(&self) -> StreamTerms<'_> {
        let Held { settings, keys, peers, psk } = self;
        let peers = match settings.pattern.has_statics() {
            true => Peers::Pinned(peers),
            false => Peers::Any,
        };
        StreamTerms::new(Party {
            settings: *settings,
            prologue: PROLOGUE,
            keys,
            peers,
            psk: psk.as_ref(),
            now: Now::system(),
        })
    }
}

fn parse_pattern(text: &str) -> Result<Pattern, String> {
    match text {
        "ik" => Ok(Pattern::IK),
        "xx" => Ok(Pattern::XX),
        "kk" => Ok(Pattern::KK),
        _ => Err("the patterns are ik, xx and kk".into()),
    }
}

/// Reads a pre-shared key.
fn load_psk(path: &Path) -> Result<Key<Psk>> {
    let at = |error: std::io::Error| Failure::from(error).at(path);
    let file = File::open(path).map_err(at)?;
    console::warn_if_shared(path, &file.metadata().map_err(at)?, "this pre-shared key");
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_PSK_FILE_LEN + 1));
    file.take(MAX_PSK_FILE_LEN as u64 + 1).read_to_end(&mut bytes).map_err(at)?;
    let mut psk = Key::zeroed();
    if bytes.len() == psk.expose_bytes().len() {
        psk.expose_bytes_mut().copy_from_slice(&bytes);
        return Ok(psk);
    }
    let digits = bytes.trim_ascii_end();
    let wrong = || {
        Failure::usage("a pre-shared key is 64 hexadecimal digits, or 32 bytes")
            .hint("`openssl rand -hex 32` makes one; a passphrase is not enough")
            .at(path)
    };
    if digits.len() != 2 * psk.expose_bytes().len() {
        return Err(wrong());
    }
    for (byte, pair) in psk.expose_bytes_mut().iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Err(wrong()) };
        *byte = u8::try_from(16 * high + low).expect("two hexadecimal digits are a byte");
    }
    Ok(psk)
}

/// What both sides of a pipe agree on, so that it is no session of another protocol with the same keys.
const PROLOGUE: &[u8] = b"sealwax pipe";
const MAX_PSK_FILE_LEN: usize = 128;
