// SPDX-License-Identifier: MIT OR Apache-2.0
//! A genuine handshake, with messages put in its way that are made of it or of others: nothing is accepted that nobody
//! wrote, a datagram that fails changes nothing, and a failure in a stream is the end.
#![no_main]

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sealwax::context::Encoded;
use sealwax::rng::{Now, Random};
use sealwax::secret::{Key, Psk};
use sealwax::transit::{
    Handshake, Hybrid, KeyPair, Limits, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Party, Pattern,
    Peer, PeerKey, Peers, Received, Role, Session, Settings, Verdict,
};
use sealwax::{Error, ErrorKind, Suite};
use sealwax_fuzz::{Change, Repeatable};

#[derive(Arbitrary, Debug)]
struct Input {
    choice: Choice,
    /// The responder has an older key pair besides.
    has_older: bool,
    attacks: Vec<Attack>,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Choice {
    pattern: u8,
    suite_1: bool,
    stream: bool,
    hybrid: bool,
    context: u8,
}

/// Something that is handed to a side before message `before` of the genuine ones arrives.
#[derive(Arbitrary, Debug)]
struct Attack {
    before: u8,
    to_writer: bool,
    message: Message,
}

#[derive(Arbitrary, Debug)]
enum Message {
    /// Of this handshake, changed or as it is.
    Own {
        number: u8,
        changes: Vec<Change>,
    },
    /// Of another between the same two.
    Other {
        number: u8,
        changes: Vec<Change>,
    },
    /// Of a handshake with other settings.
    Foreign {
        choice: Choice,
        number: u8,
    },
    /// Message 1 of one whose key is pinned nowhere.
    Stranger,
    /// Of this handshake, with an unsafe point where a public key may stand.
    Point {
        number: u8,
        at: u16,
        point: u8,
    },
    /// The next one, and the callback refuses.
    Refused,
    Raw(Vec<u8>),
}

/// What a handshake says that nobody disturbs.
struct Script {
    messages: Vec<Vec<u8>>,
}

struct Side {
    role: Role,
    handshake: Handshake,
    random: Repeatable,
    last: Option<Vec<u8>>,
}

/// What can be seen of a handshake.
#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    is_waiting: bool,
    writes_next: bool,
    is_finished: bool,
    peer: Option<PeerKey>,
}

/// How a run goes on after an attack.
enum Then {
    /// As if it had not been.
    Undisturbed,
    /// This handshake is over.
    Over,
}

struct World {
    settings: Settings,
    context: Vec<u8>,
    has_older: bool,
    own: Rc<Script>,
    other: Rc<Script>,
    sides: [Side; 2],
}

const PATTERNS: [Pattern; 5] =
    [Pattern::XX, Pattern::IK, Pattern::KK, Pattern::NNpsk0, Pattern::IKpsk2];
/// The seeds of the genuine handshake, and of another between the same two.
const OWN: u64 = 1;
const OTHER: u64 = 2;

impl Choice {
    fn settings(self) -> Settings {
        Settings {
            pattern: PATTERNS[usize::from(self.pattern) % 5],
            suite: if self.suite_1 { Suite::Cobblestone256 } else { Suite::ChaCha20Poly1305 },
            mode: if self.stream { Mode::Stream } else { Mode::Datagram },
            hybrid: if self.hybrid { Hybrid::On } else { Hybrid::Off },
        }
    }

    /// The context that both say, in its encoding.
    fn context(self) -> Vec<u8> {
        let value = vec![7; [0, 1, 40, 1000][usize::from(self.context) % 4]];
        let mut out = vec![0; MAX_CONTEXT_LEN];
        let map: &[(&str, &[u8])] = &[("device", &value)];
        let map = if value.is_empty() { &[] } else { map };
        Encoded::encode_into(map, &mut out).expect("a context").as_bytes().to_vec()
    }

    /// Each is made once.
    fn script(self, seed: u64) -> Rc<Script> {
        thread_local! {
            static MADE: RefCell<HashMap<(Choice, u64), Rc<Script>>> = RefCell::default();
        }
        let [pattern, context] = [self.pattern % 5, self.context % 4];
        let choice = Choice { pattern, context, ..self };
        let made = MADE.with_borrow(|made| made.get(&(choice, seed)).cloned());
        made.unwrap_or_else(|| {
            let script = Rc::new(undisturbed(choice, seed));
            MADE.with_borrow_mut(|made| made.insert((choice, seed), script.clone()));
            script
        })
    }
}

fn private<P>(fill: u8) -> Key<P> {
    Key::init_with(|bytes| {
        bytes.fill(fill);
        Ok(())
    })
    .expect("filling does not fail")
}

/// The initiator's, the responder's, the responder's older one, and a stranger's.
fn pairs() -> &'static [KeyPair; 4] {
    static PAIRS: OnceLock<[KeyPair; 4]> = OnceLock::new();
    PAIRS.get_or_init(|| [1, 2, 4, 5].map(|fill| KeyPair::new(&private(fill))))
}

fn psk() -> &'static Key<Psk> {
    static PSK: OnceLock<Key<Psk>> = OnceLock::new();
    PSK.get_or_init(|| private(77))
}

/// Hands `work` a side as the handshake takes it.
fn with_party<R>(
    settings: Settings,
    role: Role,
    keys: &[KeyPair],
    work: impl FnOnce(&Party<'_>) -> R,
) -> R {
    let peer: [PeerKey; 1] = match role {
        Role::Initiator => [pairs()[1].public()],
        Role::Responder => [pairs()[0].public()],
    };
    let has_psk = matches!(settings.pattern, Pattern::NNpsk0 | Pattern::IKpsk2);
    work(&Party {
        settings,
        prologue: b"fuzz",
        keys,
        peers: Peers::Pinned(&peer),
        psk: has_psk.then(psk),
        now: Now::Seconds(1_000),
    })
}

impl Side {
    fn new(role: Role, seed: u64) -> Self {
        let (handshake, seed) = match role {
            Role::Initiator => (Handshake::initiator(), seed << 8),
            Role::Responder => (Handshake::responder(), seed << 8 | 1),
        };
        Side { role, handshake, random: Repeatable(seed), last: None }
    }

    fn state(&self) -> State {
        State {
            is_waiting: self.handshake.is_waiting(),
            writes_next: self.handshake.writes_next(),
            is_finished: self.handshake.is_finished(),
            peer: self.handshake.peer(),
        }
    }

    fn keys(&self, has_older: bool) -> &'static [KeyPair] {
        match (self.role, has_older) {
            (Role::Initiator, _) => &pairs()[..1],
            (Role::Responder, false) => &pairs()[1..2],
            (Role::Responder, true) => &pairs()[1..3],
        }
    }

    fn write(&mut self, settings: Settings, context: &[u8]) -> Vec<u8> {
        // The first message of XX is readable.
        let is_readable = settings.pattern == Pattern::XX && self.handshake.is_waiting();
        let context = if is_readable { Encoded::EMPTY } else { parsed(context) };
        let mut out = vec![0; MAX_MESSAGE_LEN];
        let (keys, handshake) = (self.keys(false), &mut self.handshake);
        let promised = handshake.message_len(&settings, context.as_bytes().len());
        let len = with_party(settings, self.role, keys, |party| {
            handshake.write(party, context, &mut self.random, &mut out)
        })
        .expect("it is its turn");
        assert_eq!(len, promised);
        out.truncate(len);
        out
    }

    fn read(
        &mut self,
        settings: Settings,
        has_older: bool,
        message: &[u8],
        verdict: Verdict,
    ) -> Result<Option<Vec<u8>>, ErrorKind> {
        let mut out = [0; MAX_CONTEXT_LEN];
        let (keys, handshake) = (self.keys(has_older), &mut self.handshake);
        let read = with_party(settings, self.role, keys, |party| {
            let mut accept = |_: &Peer<'_>| verdict;
            let read = handshake.read(party, message, &mut accept, &mut out);
            read.map(|received| match received {
                Received::Context(context) => Some(context.as_bytes().to_vec()),
                Received::Duplicate => None,
            })
            .map_err(|error| error.kind())
        });
        match read {
            Ok(_) => self.last = Some(message.to_vec()),
            Err(_) => assert!(out.iter().all(|byte| *byte == 0), "an error, and something in out"),
        }
        read
    }
}

fn parsed(context: &[u8]) -> Encoded<'_> {
    Encoded::parse(context).expect("a context")
}

/// The messages of a handshake whose every message arrives.
fn undisturbed(choice: Choice, seed: u64) -> Script {
    let (settings, context) = (choice.settings(), choice.context());
    let mut sides = [Side::new(Role::Initiator, seed), Side::new(Role::Responder, seed)];
    let mut messages = Vec::new();
    while let Some(writer) = sides.iter().position(|side| side.handshake.writes_next()) {
        let message = sides[writer].write(settings, &context);
        sides[1 - writer]
            .read(settings, false, &message, Verdict::Accept)
            .expect("the message holds");
        messages.push(message);
    }
    Script { messages }
}

/// Message 1 of a stranger's.
fn of_stranger(settings: Settings) -> Vec<u8> {
    let (mut handshake, mut out) = (Handshake::initiator(), vec![0; MAX_MESSAGE_LEN]);
    let len = with_party(settings, Role::Initiator, &pairs()[3..], |party| {
        handshake.write(party, Encoded::EMPTY, &mut Repeatable(9), &mut out)
    })
    .expect("it is its turn");
    out.truncate(len);
    out
}

/// Points of low order, and encodings that are not canonical.
fn point(number: u8) -> [u8; 32] {
    let mut point = [0; 32];
    match number % 5 {
        0 => {}
        1 => point[0] = 1,
        2 => {
            point.fill(0xff);
            (point[0], point[31]) = (0xec, 0x7f);
        }
        3 => {
            point.fill(0xff);
            (point[0], point[31]) = (0xee, 0x7f);
        }
        _ => point.fill(0xff),
    }
    point
}

impl World {
    /// A message of a script, whose number may be any.
    fn numbered(script: &Script, number: u8) -> Vec<u8> {
        script.messages[usize::from(number) % script.messages.len()].clone()
    }

    fn bytes(&self, message: &Message, next: Option<usize>) -> Vec<u8> {
        match message {
            Message::Own { number, changes } => {
                changed(Self::numbered(&self.own, *number), changes)
            }
            Message::Other { number, changes } => {
                changed(Self::numbered(&self.other, *number), changes)
            }
            Message::Foreign { choice, number } => {
                let mut choice = *choice;
                choice.stream ^= choice.settings() == self.settings;
                Self::numbered(&choice.script(OWN), *number)
            }
            Message::Stranger => of_stranger(self.settings),
            Message::Point { number, at, point: which } => {
                let mut bytes = Self::numbered(&self.own, *number);
                let at = usize::from(*at) % (bytes.len() - 31);
                bytes[at..at + 32].copy_from_slice(&point(*which));
                bytes
            }
            Message::Refused => next.map(|at| self.own.messages[at].clone()).unwrap_or_default(),
            Message::Raw(bytes) => bytes.clone(),
        }
    }

    /// Hands a message to a side. `next` is the number of the genuine message that it waits for, from 0.
    fn attack(&mut self, side: usize, message: &Message, next: Option<usize>) -> Then {
        let bytes = self.bytes(message, next);
        let refuses = matches!(message, Message::Refused);
        if !refuses && next.is_some_and(|at| self.own.messages[at] == bytes) {
            return Then::Undisturbed;
        }
        let (settings, has_older) = (self.settings, self.has_older);
        let (pattern, datagram) = (settings.pattern, settings.mode == Mode::Datagram);
        let at = &mut self.sides[side];
        let (before, last) = (at.state(), at.last.clone());
        let is_duplicate = datagram && last.as_ref() == Some(&bytes);
        let verdict = if refuses { Verdict::Refuse } else { Verdict::Accept };
        let kind = match at.read(settings, has_older, &bytes, verdict) {
            Ok(None) => {
                assert!(is_duplicate, "new, and taken for a duplicate");
                return Then::Undisturbed;
            }
            Ok(Some(_)) => {
                // Nothing authenticates the first message of XX, and that of the others is believed again.
                let of_holder = pattern == Pattern::NNpsk0 && matches!(message, Message::Stranger);
                let is_first = [&self.own, &self.other].iter().any(|one| one.messages[0] == bytes);
                assert!(pattern == Pattern::XX || is_first || of_holder, "nobody wrote it");
                assert!(at.role == Role::Responder, "nobody answered so");
                // The callback is not asked about a message that shows nobody.
                assert!(!refuses || pattern == Pattern::XX);
                return self.deceived(side, &bytes, before);
            }
            Err(kind) => kind,
        };
        assert!(!is_duplicate, "a duplicate is no error");
        match kind {
            ErrorKind::Decrypt | ErrorKind::Format | ErrorKind::Limit => {}
            ErrorKind::UnknownKey => assert!(refuses || matches!(message, Message::Stranger)),
            other => panic!("{other:?} for a message"),
        }
        if datagram {
            assert_eq!(
                (before, last),
                (at.state(), at.last.clone()),
                "a failure changed something"
            );
            return Then::Undisturbed;
        }
        // A failure in a stream is the end: also for the genuine message.
        assert!(at.handshake.has_failed());
        let genuine = &self.own.messages[next.unwrap_or(0)];
        let after = at.read(settings, has_older, genuine, Verdict::Accept);
        assert_eq!(after, Err(ErrorKind::Misuse));
        assert_eq!(self.begin(side).err(), Some(ErrorKind::Misuse));
        Then::Over
    }

    /// A responder took a message 1 that is not this initiator's last word.
    fn deceived(&mut self, side: usize, bytes: &[u8], before: State) -> Then {
        let (settings, has_older) = (self.settings, self.has_older);
        if *bytes == *self.own.messages[0] {
            // The genuine one, about which nobody is asked.
            return Then::Undisturbed;
        }
        let at = &mut self.sides[side];
        if settings.mode == Mode::Datagram && (before.is_waiting || before.writes_next) {
            // The genuine one takes its place. What comes later is its duplicate.
            let read = at.read(settings, has_older, &self.own.messages[0], Verdict::Accept);
            assert!(matches!(read, Ok(Some(_))), "{read:?}");
            return Then::Undisturbed;
        }
        // Whoever is answered notices that the answer is not for it.
        let answer = at.write(settings, &self.context);
        let read = self.sides[1 - side].read(settings, false, &answer, Verdict::Accept);
        assert!(read.is_err(), "an answer to somebody else");
        Then::Over
    }

    fn begin(&mut self, side: usize) -> Result<Session, ErrorKind> {
        let mut session = Session::closed();
        let limits = Limits::of(self.settings.suite);
        let handshake = &mut self.sides[side].handshake;
        session.begin(handshake, &limits, 0).map_err(|error| error.kind())?;
        Ok(session)
    }

    /// Both sides have the same keys, and say so by records.
    fn talk(&mut self) {
        let mut sessions = [0, 1].map(|side| self.begin(side).expect("it is finished"));
        assert_eq!(sessions[0].binding(), sessions[1].binding());
        for (from, said) in [(0, b"one"), (1, b"two")] {
            let (mut record, mut out) = ([0; 64], [0; 64]);
            let len = sessions[from].seal_into(0, said, b"", &mut record).expect("it may speak");
            let received = sessions[1 - from].open_into(0, &record[..len], b"", &mut out);
            assert_eq!(&out[..received.expect("it was sealed for it").len], said);
        }
    }
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    changes.iter().take(8).for_each(|change| change.apply(&mut bytes));
    bytes
}

/// A source that nobody should ask.
struct Unasked;

impl Random for Unasked {
    fn fill(&mut self, _: &mut [u8]) -> sealwax::Result<()> {
        panic!("asked for randomness out of turn");
    }
}

fuzz_target!(|input: Input| {
    let choice = input.choice;
    let mut world = World {
        settings: choice.settings(),
        context: choice.context(),
        has_older: input.has_older,
        own: choice.script(OWN),
        other: choice.script(OTHER),
        sides: [Side::new(Role::Initiator, OWN), Side::new(Role::Responder, OWN)],
    };
    let (settings, own) = (world.settings, world.own.clone());
    for (number, expected) in own.messages.iter().enumerate() {
        let (writer, reader) = (number % 2, 1 - number % 2);
        let mut out = [0; 200];
        let early = &mut world.sides[reader];
        let early = with_party(settings, early.role, early.keys(false), |party| {
            early.handshake.write(party, Encoded::EMPTY, &mut Unasked, &mut out)
        });
        assert!(matches!(early, Err(Error::Misuse(_))), "not its turn");
        // To the byte what it is where nobody disturbs: what failed changed nothing.
        let message = world.sides[writer].write(settings, &world.context);
        assert_eq!(message, *expected);
        for attack in input.attacks.iter().filter(|one| usize::from(one.before % 4) == number) {
            let side = if attack.to_writer { writer } else { reader };
            let next = number + usize::from(attack.to_writer);
            let next = (next < own.messages.len()).then_some(next);
            if let Then::Over = world.attack(side, &attack.message, next) {
                return;
            }
        }
        let context =
            if settings.pattern == Pattern::XX && number == 0 { &[][..] } else { &world.context };
        let was_read = world.sides[reader].last.as_ref() == Some(expected);
        if was_read && settings.mode == Mode::Stream {
            continue;
        }
        let read = world.sides[reader].read(settings, world.has_older, &message, Verdict::Accept);
        let expected = if was_read { None } else { Some(context.to_vec()) };
        assert_eq!(read, Ok(expected));
    }
    for attack in input.attacks.iter().filter(|one| one.before % 4 == 3) {
        let side = usize::from(attack.to_writer);
        if let Then::Over = world.attack(side, &attack.message, None) {
            return;
        }
    }
    world.talk();
});
