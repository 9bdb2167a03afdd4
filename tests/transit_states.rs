// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of docs/format.md 13.6 and 13.14, row by row: what each state answers to each event, and where it leads.
#![cfg(feature = "std")]

mod kit;

use sealwax::rng::{Now, OsRandom, Random};
use sealwax::secret::{Key, Traffic};
use sealwax::transit::{
    Handshake, Hybrid, KeyPair, Limits, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Party, Pattern,
    Peer, Peers, Received, Role, Session, Settings, Verdict,
};
use sealwax::{Context, Error, ErrorKind, Result, Suite};

/// A source that has nothing.
struct Nothing;

impl Random for Nothing {
    fn fill(&mut self, _: &mut [u8]) -> Result<()> {
        Err(Error::Random)
    }
}

fn key<P>(fill: u8) -> Key<P> {
    Key::init_with(|bytes| {
        bytes.fill(fill);
        Ok(())
    })
    .expect("filling does not fail")
}

/// Both sides' keys.
struct Keys {
    settings: Settings,
    own: [[KeyPair; 1]; 2],
}

/// One side somewhere in a handshake.
struct Scene<'a> {
    keys: &'a Keys,
    role: Role,
    subject: Handshake,
    /// What the peer says next, where it is the peer's turn.
    good: Option<Vec<u8>>,
    /// What the subject read last.
    last: Option<Vec<u8>>,
}

impl Keys {
    fn new(pattern: Pattern, mode: Mode) -> Self {
        let settings = Settings { hybrid: Hybrid::Off, ..Settings::new(pattern, mode) };
        Keys { settings, own: [[KeyPair::new(&key(1))], [KeyPair::new(&key(2))]] }
    }

    fn is_datagram(&self) -> bool {
        self.settings.mode == Mode::Datagram
    }

    fn messages(&self) -> usize {
        if self.settings.pattern == Pattern::XX { 3 } else { 2 }
    }

    fn with_party<R>(&self, role: Role, work: impl FnOnce(&Party<'_>) -> R) -> R {
        let at = usize::from(role == Role::Responder);
        let peers = [self.own[1 - at][0].public()];
        work(&Party {
            settings: self.settings,
            prologue: b"a test",
            keys: &self.own[at],
            peers: Peers::Pinned(&peers),
            psk: None,
            now: Now::Unknown,
        })
    }

    fn write(&self, side: &mut Handshake, random: &mut dyn Random) -> Result<Vec<u8>> {
        let mut out = vec![0; MAX_MESSAGE_LEN];
        let nothing = Context::new();
        let len = self.with_party(side.role(), |party| {
            side.write(party, nothing.as_encoded(), random, &mut out)
        })?;
        out.truncate(len);
        Ok(out)
    }

    /// Whether it was a duplicate.
    fn read(&self, side: &mut Handshake, message: &[u8]) -> Result<bool> {
        let (mut out, mut accept) = ([0; MAX_CONTEXT_LEN], |_: &Peer<'_>| Verdict::Accept);
        self.with_party(side.role(), |party| {
            side.read(party, message, &mut accept, &mut out)
                .map(|received| matches!(received, Received::Duplicate))
        })
    }

    fn first_message(&self) -> Vec<u8> {
        self.write(&mut Handshake::initiator(), &mut OsRandom).expect("it is its turn")
    }

    /// A side after so many messages.
    fn scene(&self, role: Role, exchanged: usize) -> Scene<'_> {
        let mut sides = [Handshake::initiator(), Handshake::responder()];
        let (own, mut last) = (usize::from(role == Role::Responder), None);
        for at in 0..exchanged {
            let message = self.write(&mut sides[at % 2], &mut OsRandom).expect("it is its turn");
            self.read(&mut sides[1 - at % 2], &message).expect("it holds");
            if at % 2 != own {
                last = Some(message);
            }
        }
        let is_peers = exchanged < self.messages() && exchanged % 2 != own;
        let good = is_peers
            .then(|| self.write(&mut sides[exchanged % 2], &mut OsRandom).expect("its turn"));
        let [initiator, responder] = sides;
        let subject = if own == 0 { initiator } else { responder };
        Scene { keys: self, role, subject, good, last }
    }
}

impl Scene<'_> {
    fn state(&self) -> char {
        match &self.subject {
            side if side.has_failed() => 'X',
            side if side.is_done() => 'D',
            side if side.is_finished() => 'F',
            side if side.writes_next() => 'W',
            _ => 'R',
        }
    }

    fn write(&mut self) -> Option<ErrorKind> {
        self.keys.write(&mut self.subject, &mut OsRandom).err().map(|error| error.kind())
    }

    /// Reads, and sees whether it is a duplicate.
    fn read(&mut self, message: &[u8], is_duplicate: bool) -> Option<ErrorKind> {
        match self.keys.read(&mut self.subject, message) {
            Ok(duplicate) => {
                assert_eq!(duplicate, is_duplicate);
                None
            }
            Err(error) => Some(error.kind()),
        }
    }

    fn take(&mut self) -> Option<ErrorKind> {
        let limits = Limits::of(self.keys.settings.suite);
        let begun = Session::closed().begin(&mut self.subject, &limits, 0);
        begun.err().map(|error| error.kind())
    }

    fn check(&self, came: Option<ErrorKind>, error: Option<ErrorKind>, state: char, what: &str) {
        let (settings, role) = (self.keys.settings, self.role);
        let name = format!("{what}, {role:?}, {:?}, {:?}", settings.pattern, settings.mode);
        assert_eq!((came, self.state()), (error, state), "{name}");
    }
}

/// Every side of every handshake here, after every number of messages.
fn each(mut work: impl FnMut(&Keys, Role, usize, char)) {
    for mode in [Mode::Stream, Mode::Datagram] {
        for pattern in [Pattern::XX, Pattern::IK, Pattern::KK] {
            let keys = Keys::new(pattern, mode);
            for role in [Role::Initiator, Role::Responder] {
                let own = usize::from(role == Role::Responder);
                for exchanged in 0..=keys.messages() {
                    let state = match exchanged {
                        all if all == keys.messages() => 'F',
                        next if next % 2 == own => 'W',
                        _ => 'R',
                    };
                    let scene = keys.scene(role, exchanged);
                    scene.check(None, None, state, "the beginning");
                    work(&keys, role, exchanged, state);
                }
            }
        }
    }
}

const MISUSE: Option<ErrorKind> = Some(ErrorKind::Misuse);
const FORMAT: Option<ErrorKind> = Some(ErrorKind::Format);
const DECRYPT: Option<ErrorKind> = Some(ErrorKind::Decrypt);

#[test]
fn a_handshake_writes_in_its_turn_and_ends_where_its_random_source_does() {
    each(|keys, role, exchanged, state| {
        let mut scene = keys.scene(role, exchanged);
        let came = scene.write();
        if state != 'W' {
            return scene.check(came, MISUSE, state, "write out of turn");
        }
        let next = if exchanged + 1 == keys.messages() { 'F' } else { 'R' };
        scene.check(came, None, next, "write");
        // Message 3 of XX is made from what is there.
        if exchanged < 2 {
            let mut scene = keys.scene(role, exchanged);
            let failed = keys.write(&mut scene.subject, &mut Nothing).err();
            let after = if exchanged == 0 { 'W' } else { 'X' };
            scene.check(
                failed.map(|error| error.kind()),
                Some(ErrorKind::Random),
                after,
                "write without random bytes",
            );
        }
    });
}

#[test]
fn a_good_message_leads_on_where_it_is_awaited_and_nowhere_else() {
    each(|keys, role, exchanged, state| {
        let mut scene = keys.scene(role, exchanged);
        if let Some(good) = scene.good.take() {
            let came = scene.read(&good, false);
            let next = if exchanged + 1 == keys.messages() { 'F' } else { 'W' };
            return scene.check(came, None, next, "the message that is awaited");
        }
        // Message 2 of another handshake, good for who awaits it.
        let mut other = keys.scene(Role::Responder, 1);
        let second = keys.write(&mut other.subject, &mut OsRandom).expect("it is its turn");
        let came = scene.read(&second, false);
        let is_first = role == Role::Initiator && exchanged == 0;
        match (is_first, keys.is_datagram()) {
            (true, _) => scene.check(came, MISUSE, state, "a message before one's own first"),
            (_, true) => scene.check(came, FORMAT, state, "a message out of turn"),
            (_, false) => scene.check(came, FORMAT, 'X', "a message out of turn"),
        }
    });
}

#[test]
fn another_first_message_begins_anew_only_at_a_responder_of_datagrams_that_is_not_finished() {
    each(|keys, role, exchanged, state| {
        let mut scene = keys.scene(role, exchanged);
        let came = scene.read(&keys.first_message(), false);
        let begins =
            role == Role::Responder && (exchanged == 0 || (keys.is_datagram() && state != 'F'));
        let is_first = role == Role::Initiator && exchanged == 0;
        match (begins, is_first, keys.is_datagram()) {
            (true, ..) => {
                scene.check(came, None, 'W', "another first message");
                let came = scene.write();
                let next = if keys.messages() == 2 { 'F' } else { 'R' };
                scene.check(came, None, next, "the answer to it");
            }
            (_, true, _) => scene.check(came, MISUSE, state, "a first message to an initiator"),
            (_, _, true) => scene.check(came, FORMAT, state, "another first message"),
            (_, _, false) => scene.check(came, FORMAT, 'X', "another first message"),
        }
    });
}

#[test]
fn a_bad_message_changes_nothing_in_datagrams_and_ends_a_stream() {
    each(|keys, role, exchanged, state| {
        let is_first = role == Role::Initiator && exchanged == 0;
        let good = keys.scene(role, exchanged).good;
        let mut bad = vec![vec![], vec![0x21], b"\x25\x01and more".to_vec(), vec![0x20; 200]];
        if let Some(good) = &good {
            bad.push(good[..good.len() - 1].to_vec());
            bad.push([&good[..], &[0]].concat());
        }
        for bad in bad {
            let mut scene = keys.scene(role, exchanged);
            let good = scene.good.take();
            let came = scene.read(&bad, false);
            if is_first {
                scene.check(came, MISUSE, state, "a bad message before one's own first");
                continue;
            }
            let after = if keys.is_datagram() { state } else { 'X' };
            // What is decided with keys in hand is `Decrypt`; only who awaits a message has them.
            let error = if came == DECRYPT && state == 'R' { DECRYPT } else { FORMAT };
            scene.check(came, error, after, "a bad message");
            match (good, keys.is_datagram()) {
                (Some(good), true) => assert_eq!(scene.read(&good, false), None, "still good"),
                (Some(good), false) => {
                    let came = scene.read(&good, false);
                    scene.check(came, MISUSE, 'X', "a good message after the end");
                }
                (None, _) => {}
            }
        }
    });
}

#[test]
fn a_message_read_last_is_known_again_in_datagrams_in_every_state() {
    each(|keys, role, exchanged, state| {
        let mut scene = keys.scene(role, exchanged);
        let Some(last) = scene.last.clone() else { return };
        let came = scene.read(&last, keys.is_datagram());
        if !keys.is_datagram() {
            return scene.check(came, FORMAT, 'X', "a message once more");
        }
        scene.check(came, None, state, "a message once more");
        if state == 'F' {
            assert_eq!(scene.take(), None);
            let came = scene.read(&last, true);
            scene.check(came, None, 'D', "a message once more after the secrets were taken");
        }
        if state == 'W' && exchanged == 1 {
            assert!(keys.write(&mut scene.subject, &mut Nothing).is_err());
            let came = scene.read(&last, true);
            scene.check(came, None, 'X', "a message once more after a failure");
        }
    });
}

#[test]
fn secrets_are_taken_once_and_from_a_finished_handshake_alone() {
    each(|keys, role, exchanged, state| {
        let mut scene = keys.scene(role, exchanged);
        let came = scene.take();
        if state != 'F' {
            return scene.check(came, MISUSE, state, "taken too early");
        }
        scene.check(came, None, 'D', "taken");
        let came = scene.take();
        scene.check(came, MISUSE, 'D', "taken twice");
        let came = scene.write();
        scene.check(came, MISUSE, 'D', "write after the end");
        let after = if keys.is_datagram() { 'D' } else { 'X' };
        let came = scene.read(b"\x21\x01bad", false);
        scene.check(came, FORMAT, after, "a bad message after the end");
        let came = scene.take();
        scene.check(came, MISUSE, after, "taken after the end");
    });
}

#[test]
fn a_handshake_that_failed_goes_nowhere() {
    for pattern in [Pattern::XX, Pattern::IK, Pattern::KK] {
        let keys = Keys::new(pattern, Mode::Stream);
        let mut scene = keys.scene(Role::Responder, 0);
        scene.read(b"bad", false);
        let came = scene.read(&keys.first_message(), false);
        scene.check(came, MISUSE, 'X', "a good message");
        let came = scene.read(b"bad", false);
        scene.check(came, MISUSE, 'X', "a bad message");
        let came = scene.write();
        scene.check(came, MISUSE, 'X', "write");
        let came = scene.take();
        scene.check(came, MISUSE, 'X', "secrets taken");
    }
}

/// A sender and a receiver of one direction.
fn direction(mode: Mode, limits: &Limits) -> [Session; 2] {
    let mut pair = [Session::closed(), Session::closed()];
    for (at, role) in [Role::Initiator, Role::Responder].into_iter().enumerate() {
        let (sending, receiving): (Key<Traffic>, Key<Traffic>) =
            (key(1 + at as u8), key(2 - at as u8));
        let kind = (Suite::ChaCha20Poly1305, mode, role);
        pair[at]
            .danger_from_secrets(kind, &sending, &receiving, [7; 32], limits, 0)
            .expect("the secrets differ");
    }
    pair
}

fn opened(session: &mut Session, now: u64, record: &[u8]) -> Option<ErrorKind> {
    let mut out = vec![0; record.len()];
    session.open_into(now, record, b"", &mut out).err().map(|error| error.kind())
}

fn sealed(session: &mut Session, work: impl FnOnce(&mut Session, &mut [u8]) -> usize) -> Vec<u8> {
    let mut out = vec![0; 20_000];
    let len = work(session, &mut out);
    out.truncate(len);
    out
}

fn data(session: &mut Session) -> Vec<u8> {
    sealed(session, |one, out| one.seal_into(0, b"data", b"", out).expect("it is open"))
}

#[test]
fn each_half_of_a_session_goes_through_the_states_that_are_written() {
    let limits = Limits::of(Suite::ChaCha20Poly1305).age(10, 20).expect("sound");
    for mode in [Mode::Stream, Mode::Datagram] {
        let is_stream = mode == Mode::Stream;
        // N
        let [mut one, mut other] = direction(mode, &limits);
        let mut nobody = Session::closed();
        let record = data(&mut one);
        for _ in 0..2 {
            assert_eq!(opened(&mut nobody, 0, &record), MISUSE);
            assert_eq!(nobody.seal_into(0, b"", b"", &mut [0; 64]).err().map(|e| e.kind()), MISUSE);
        }
        // O, by every type of record.
        assert_eq!(opened(&mut other, 0, &record), None);
        let padded = sealed(&mut one, |one, out| {
            one.sending().seal_padded_into(0, b"data", 16, b"", out).expect("it is open")
        });
        let empty =
            sealed(&mut one, |one, out| one.sending().seal_empty_into(0, out).expect("it is open"));
        let request =
            sealed(&mut one, |one, out| one.seal_rekey_request_into(0, out).expect("it is open"));
        for record in [padded, empty, request] {
            assert_eq!(opened(&mut other, 0, &record), None);
            assert!(!other.receiving().is_closed());
        }
        // C
        let late = data(&mut one);
        let close = sealed(&mut one, |one, out| one.close_into(0, out).expect("it is open"));
        let again = one.close_into(0, &mut [0; 64]).err().map(|error| error.kind());
        assert_eq!(again, MISUSE);
        assert_eq!(one.seal_into(0, b"", b"", &mut [0; 64]).err().map(|e| e.kind()), MISUSE);
        if is_stream {
            assert_eq!(opened(&mut other, 0, &late), None);
        }
        assert_eq!(opened(&mut other, 0, &close), None);
        assert!(other.receiving().is_closed());
        if !is_stream {
            assert_eq!(opened(&mut other, 0, &late), None, "it was on its way");
        }
        let long = [&[0x28; 5][..], &[0; 20_000]].concat();
        for (record, error) in [
            (&late[..], DECRYPT),
            (&close, DECRYPT),
            (&close[..20], FORMAT),
            (&long, Some(ErrorKind::Limit)),
        ] {
            assert_eq!(opened(&mut other, 0, record), error);
            assert!(other.receiving().is_closed());
        }
        assert_eq!(opened(&mut other, 20, &late), Some(ErrorKind::Limit), "C and too old");
        // O and too old.
        let [mut one, mut other] = direction(mode, &limits);
        assert_eq!(opened(&mut other, 20, &data(&mut one)), Some(ErrorKind::Limit));
        assert_eq!(
            other.seal_into(20, b"", b"", &mut [0; 64]).err().map(|error| error.kind()),
            Some(ErrorKind::Limit)
        );
        // X, by each kind of refusal, in streams alone.
        let long = [&[0x28; 5][..], &[0; 20_000]].concat();
        for (bad, error) in [
            (vec![0; 29], FORMAT),
            (vec![0x28; 10], FORMAT),
            (long, Some(ErrorKind::Limit)),
            ([&[0x28][..], &[0; 40]].concat(), DECRYPT),
        ] {
            let [mut one, mut other] = direction(mode, &limits);
            assert_eq!(opened(&mut other, 0, &bad), error);
            let good = data(&mut one);
            let after = if is_stream { DECRYPT } else { None };
            assert_eq!(opened(&mut other, 0, &good), after);
            assert_eq!(opened(&mut other, 0, &good), DECRYPT);
            // The other direction goes on.
            assert_eq!(opened(&mut one, 0, &data(&mut other)), None);
        }
    }
}
