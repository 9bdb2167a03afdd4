// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes, message by message: each is written and read by itself, with success, with an error, with a refusal.

use std::sync::{Arc, Mutex};

use super::case::{Call, Case, known, leaked};
use super::kit::random::{Failing, Repeatable};
use super::needles::Needles;
use super::noise::Known;
use super::sources::{Panicking, Recorded, panics};
use sealwax::rng::{Now, Random};
use sealwax::secret::{Key, Pair, Psk};
use sealwax::transit::{
    Handshake, Hybrid, KeyPair, Limits, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Party, Pattern,
    Peer, PeerKey, Peers, RECORD_OVERHEAD, Received, Session, Settings, Verdict,
};
use sealwax::{Context, Result, Suite};

/// Both sides of a handshake, for as long as the program runs.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    keys: [Vec<KeyPair>; 2],
    publics: [Vec<PeerKey>; 2],
    psk: Option<Key<Psk>>,
    context: Context,
    /// What the last run showed.
    pub(crate) known: Mutex<Known>,
    /// The sides of the last run.
    last: Mutex<Option<Arc<Mutex<Sides>>>>,
}

/// A key of these bytes.
fn key<P>(bytes: [u8; 32]) -> Key<P> {
    let filled = Key::init_with(|key| {
        *key = bytes;
        Ok(())
    });
    filled.expect("filling does not fail")
}

impl Setup {
    pub(crate) fn new(settings: Settings) -> &'static Setup {
        let statics = [400, 401].map(|seed| Repeatable(seed).array::<32>());
        let has_statics = settings.pattern.has_statics();
        let pair = |private: [u8; 32]| -> Vec<KeyPair> {
            has_statics.then(|| KeyPair::new(&key::<Pair>(private))).into_iter().collect()
        };
        let psk = settings.pattern.has_psk().then(|| Repeatable(402).array::<32>());
        let keys = statics.map(pair);
        let publics = keys.each_ref().map(|keys| keys.iter().map(KeyPair::public).collect());
        let known = Known {
            statics: statics.map(|key| has_statics.then_some(key)),
            psk,
            ..Known::default()
        };
        let context = Context::new().with("name", Repeatable(403).bytes(64)).expect("short");
        let (psk, known, last) = (psk.map(key), Mutex::new(known), Mutex::default());
        leaked(Setup { settings, keys, publics, psk, context, known, last })
    }

    pub(crate) fn party(&'static self, side: usize) -> Party<'static> {
        Party {
            settings: self.settings,
            prologue: b"a test",
            keys: &self.keys[side],
            peers: Peers::Pinned(&self.publics[1 - side]),
            psk: self.psk.as_ref(),
            now: Now::Seconds(0),
        }
    }

    /// The context of message `number`, from 1: message 1 of XX has none.
    fn context(&'static self, number: usize) -> sealwax::context::Encoded<'static> {
        match (self.settings.pattern, number) {
            (Pattern::XX, 1) => sealwax::context::Encoded::EMPTY,
            _ => self.context.as_encoded(),
        }
    }

    pub(crate) fn messages(&self) -> usize {
        if self.settings.pattern == Pattern::XX { 3 } else { 2 }
    }

    pub(crate) fn needles(&self) -> Arc<Needles> {
        // Not within the call: it handles what is looked for.
        if let Some(sides) = &*self.last.lock().expect("nobody else") {
            let mut sides = sides.lock().expect("nobody else");
            if std::mem::take(&mut sides.has_written) {
                sides.remember();
            }
        }
        let known_now = self.known.lock().expect("nobody else");
        let (mut secrets, traffic) = known_now.secrets(&self.settings);
        secrets.add("context", &Repeatable(403).bytes(64));
        if let Some(traffic) = traffic {
            check(&self.settings, &traffic);
        }
        known(secrets)
    }
}

/// Both sides, each in a place of its own, and the random bytes that each drew.
pub(crate) struct Sides {
    setup: &'static Setup,
    handshakes: [Option<Box<Handshake>>; 2],
    random: [Recorded; 2],
    message: Vec<u8>,
    len: usize,
    context: Vec<u8>,
    /// Whether the call that is looked at wrote a message.
    has_written: bool,
}

impl Sides {
    pub(crate) fn new(setup: &'static Setup) -> Sides {
        let mut known = setup.known.lock().expect("nobody else");
        known.messages.clear();
        (known.ephemerals, known.seed) = ([None; 2], None);
        Sides {
            setup,
            handshakes: [Handshake::initiator(), Handshake::responder()]
                .map(|handshake| Some(Box::new(handshake))),
            random: [500, 501].map(Recorded::new),
            message: vec![0; MAX_MESSAGE_LEN],
            len: 0,
            context: vec![0; MAX_CONTEXT_LEN],
            has_written: false,
        }
    }

    /// Runs messages up to this number, and reads the last one only if wanted.
    fn until(setup: &'static Setup, number: usize, read: bool) -> Sides {
        let mut sides = Sides::new(setup);
        for at in 1..=number {
            sides.write(at).expect("written");
            sides.remember();
            if at < number || read {
                sides.read(at, &mut |_| Verdict::Accept).expect("read");
            }
        }
        sides
    }

    fn side(&mut self, at: usize) -> &mut Handshake {
        self.handshakes[at].as_mut().expect("it was not dropped")
    }

    fn write(&mut self, number: usize) -> Result<()> {
        let side = (number + 1) % 2;
        let (party, context) = (self.setup.party(side), self.setup.context(number));
        let handshake = self.handshakes[side].as_mut().expect("it was not dropped");
        let random = &mut self.random[side];
        self.len = handshake.write(&party, context, random, &mut self.message)?;
        Ok(())
    }

    fn write_with(&mut self, number: usize, random: &mut dyn Random) -> Result<usize> {
        let side = (number + 1) % 2;
        let (party, context) = (self.setup.party(side), self.setup.context(number));
        let handshake = self.handshakes[side].as_mut().expect("it was not dropped");
        handshake.write(&party, context, random, &mut self.message)
    }

    fn read(&mut self, number: usize, accept: &mut dyn FnMut(&Peer<'_>) -> Verdict) -> Result<()> {
        let side = number % 2;
        let party = self.setup.party(side);
        let handshake = self.handshakes[side].as_mut().expect("it was not dropped");
        let read = handshake.read(&party, &self.message[..self.len], accept, &mut self.context)?;
        assert!(matches!(read, Received::Context(_)), "read before");
        Ok(())
    }

    /// What the last message shows, for whoever looks for its secrets.
    fn remember(&self) {
        let mut known = self.setup.known.lock().expect("nobody else");
        known.messages.push(self.message[..self.len].to_vec());
        // Each side's last draw becomes its ephemeral key, and with X-Wing the initiator's first its seed.
        let (settings, number) = (&self.setup.settings, known.messages.len());
        let Some(draws) = self.random.get(number - 1).map(|random| &random.1) else { return };
        let (at, context) = (number - 1, self.setup.context(number));
        if let (Some(first), Some(last)) = (draws.first(), draws.last()) {
            let ephemeral = known.hedged(settings, at, context.as_bytes(), last, false);
            known.ephemerals[at] = Some(ephemeral);
            if at == 0 && settings.hybrid != Hybrid::Off {
                known.seed = Some(known.hedged(settings, at, context.as_bytes(), first, true));
            }
        }
    }
}

/// That these are the secrets of a session: one that is made of them opens what the handshake's own seals.
fn check(settings: &Settings, traffic: &[Vec<u8>; 2]) {
    static CHECKED: Mutex<Vec<Settings>> = Mutex::new(Vec::new());
    if CHECKED.lock().expect("nobody else").contains(settings) {
        return;
    }
    CHECKED.lock().expect("nobody else").push(*settings);
    let setup = Setup::new(*settings);
    let mut sides = Sides::until(setup, setup.messages(), true);
    let (mut session, limits) = (Session::closed(), Limits::of(settings.suite));
    session.begin(sides.side(0), &limits, 0).expect("finished");
    let mut record = [0; RECORD_OVERHEAD + 4];
    session.seal_into(0, b"text", &[], &mut record).expect("sealed");
    // With aws-lc-rs X-Wing's share is another one each time.
    let traffic = match setup.known.lock().expect("nobody else").secrets(settings) {
        (_, Some(own)) => own,
        _ => traffic.clone(),
    };
    let [first, second] = traffic.map(|secret| key(secret.try_into().expect("32 bytes")));
    let mut other = Session::closed();
    let kind = (settings.suite, settings.mode, sealwax::transit::Role::Responder);
    let (binding, limits) = (*session.binding(), Limits::of(settings.suite));
    other.danger_from_secrets(kind, &second, &first, binding, &limits, 0).expect("two secrets");
    other.open_into(0, &record, &[], &mut [0; 4]).expect("these are the session's secrets");
}

/// A call on both sides after so many messages.
fn on_sides(
    name: String,
    setup: &'static Setup,
    before: impl Fn() -> Sides + 'static,
    call: impl Fn(&mut Sides) + Send + Sync + 'static,
) -> Case {
    let call = Arc::new(call);
    let prepare = move || -> Call {
        let (call, sides) = (call.clone(), Arc::new(Mutex::new(before())));
        *setup.last.lock().expect("nobody else") = Some(sides.clone());
        Box::new(move || call(&mut sides.lock().expect("no panic gets out")))
    };
    Case::told_after(name, prepare, || setup.needles())
}

pub(crate) fn cases() -> Vec<Case> {
    let on = [
        (Pattern::XX, Suite::ChaCha20Poly1305, Mode::Stream, Hybrid::On),
        (Pattern::XX, Suite::Cobblestone256, Mode::Datagram, Hybrid::Off),
        (Pattern::IK, Suite::Cobblestone256, Mode::Stream, Hybrid::Off),
        (Pattern::IK, Suite::ChaCha20Poly1305, Mode::Datagram, Hybrid::On),
        (Pattern::KK, Suite::ChaCha20Poly1305, Mode::Datagram, Hybrid::Off),
        (Pattern::NNpsk0, Suite::Cobblestone256, Mode::Datagram, Hybrid::On),
        (Pattern::NNpsk0, Suite::ChaCha20Poly1305, Mode::Stream, Hybrid::Off),
        (Pattern::IKpsk2, Suite::ChaCha20Poly1305, Mode::Datagram, Hybrid::Off),
        (Pattern::IKpsk2, Suite::Cobblestone256, Mode::Datagram, Hybrid::On),
    ];
    on.into_iter()
        .flat_map(|(pattern, suite, mode, hybrid)| {
            of(Setup::new(Settings { pattern, suite, mode, hybrid }))
        })
        .collect()
}

fn of(setup: &'static Setup) -> Vec<Case> {
    let Settings { pattern, suite, mode, hybrid } = setup.settings;
    let name = |what: &str| {
        format!("handshake {what}, {pattern:?} {mode:?} hybrid {hybrid:?}, suite {}", suite as u8)
    };
    let mut cases = Vec::new();
    for number in 1..=setup.messages() {
        let before = move || match number {
            1 => Sides::new(setup),
            _ => Sides::until(setup, number - 1, true),
        };
        let written = move || Sides::until(setup, number, false);
        let case = |what: &str, before: Box<dyn Fn() -> Sides>, call| {
            on_sides(name(&format!("{what} {number}")), setup, before, call)
        };
        type Work = Box<dyn Fn(&mut Sides) + Send + Sync>;
        let accept = |_: &Peer<'_>| Verdict::Accept;
        let calls: [(&str, Work); 3] = [
            (
                "write",
                Box::new(move |sides| {
                    sides.write(number).expect("written");
                    sides.has_written = true;
                }),
            ),
            (
                "write, no randomness",
                Box::new(move |sides| {
                    // Message 3 of XX draws nothing.
                    assert!(sides.write_with(number, &mut Failing(0)).is_err() || number == 3);
                }),
            ),
            (
                "write, the source panics",
                Box::new(move |sides| {
                    let mut random = Panicking(usize::from(hybrid == Hybrid::On), Repeatable(500));
                    panics(|| sides.write_with(number, &mut random).is_ok());
                }),
            ),
        ];
        cases.extend(calls.map(|(what, call)| case(what, Box::new(before), call)));
        let calls: [(&str, Work); 4] = [
            ("read", Box::new(move |sides| sides.read(number, &mut { accept }).expect("read"))),
            (
                "read, changed",
                Box::new(move |sides| {
                    sides.message[sides.len - 1] ^= 1;
                    // Message 1 of XX has no tag without X-Wing.
                    let _ = sides.read(number, &mut { accept });
                }),
            ),
            (
                "read, refused",
                Box::new(move |sides| {
                    let _ = sides.read(number, &mut |_| Verdict::Refuse);
                }),
            ),
            (
                "read, no room",
                Box::new(move |sides| {
                    sides.context.truncate(7);
                    let _ = sides.read(number, &mut { accept });
                }),
            ),
        ];
        cases.extend(calls.map(|(what, call)| case(what, Box::new(written), call)));
    }
    let finished = move || Sides::until(setup, setup.messages(), true);
    for (side, who) in ["initiator", "responder"].into_iter().enumerate() {
        cases.push(on_sides(
            name(&format!("session begins, {who}")),
            setup,
            finished,
            move |sides| {
                let mut session = Box::new(Session::closed());
                let limits = Limits::of(suite);
                session.begin(sides.side(side), &limits, 0).expect("finished");
            },
        ));
        cases.push(
            on_sides(name(&format!("drop, {who}")), setup, finished, move |sides| {
                sides.handshakes[side] = None;
            })
            .ends_early(),
        );
    }
    cases
}
