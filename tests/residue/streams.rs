// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams over a connection (format.md 13.11). The other side is the test's, which knows all that both sides share.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::case::{Call, Case};
use super::handshakes::Setup;
use super::noise::Known;
use super::sources::{Recorded, plaintext, text};
use super::watch::unwatched;
use sealwax::Suite;
use sealwax::context::Encoded;
use sealwax::transit::{
    Content, Handshake, Hybrid, Limits, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Pattern,
    RECORD_OVERHEAD, Session, Settings, Stream, Terms, Verdict,
};

/// What the other side does that is not meant to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Its last message is changed.
    Message,
    /// Its data is changed.
    Record,
    /// It goes away where data is awaited.
    Gone,
}

/// The other side: 0 begins, 1 answers. It sends the plaintext once it was sent something, and then its end.
struct Other {
    setup: &'static Setup,
    side: usize,
    fault: Fault,
    connection: UnixStream,
    known: Known,
}

impl Other {
    /// Until the connection ends, whichever way. Returns what it knows of the session.
    fn run(mut self) -> Known {
        let mut session = Box::new(Session::closed());
        if let Ok(true) = self.shake(&mut session) {
            // What is cut off or refused ends it too.
            let _ = self.talk(&mut session);
        }
        self.known
    }

    /// Whether the handshake was finished.
    fn shake(&mut self, session: &mut Session) -> io::Result<bool> {
        let (mut handshake, mut random) = match self.side {
            0 => (Handshake::initiator(), Recorded::new(600)),
            _ => (Handshake::responder(), Recorded::new(601)),
        };
        let party = self.setup.party(self.side);
        for number in 1..=self.setup.messages() {
            if handshake.writes_next() {
                let mut message = vec![0; MAX_MESSAGE_LEN];
                let written = handshake.write(&party, Encoded::EMPTY, &mut random, &mut message);
                message.truncate(written.map_err(io::Error::other)?);
                self.known.messages.push(message.clone());
                self.remember(number - 1, &random.1);
                if self.fault == Fault::Message && number + 1 >= self.setup.messages() {
                    *message.last_mut().expect("not empty") ^= 1;
                }
                self.send(&message)?;
            } else {
                let message = self.receive()?;
                let mut context = [0; MAX_CONTEXT_LEN];
                let accept = &mut |_: &sealwax::transit::Peer<'_>| Verdict::Accept;
                let read = handshake.read(&party, &message, accept, &mut context);
                read.map_err(io::Error::other)?;
                self.known.messages.push(message);
            }
        }
        let limits = Limits::of(self.setup.settings.suite);
        session.begin(&mut handshake, &limits, 0).map_err(io::Error::other)?;
        Ok(true)
    }

    /// What the draws for message `at`, counted from 0, became. The third draws nothing.
    fn remember(&mut self, at: usize, draws: &[Vec<u8>]) {
        let (settings, known) = (&self.setup.settings, &mut self.known);
        let (Some(first), Some(last), 0..2) = (draws.first(), draws.last(), at) else { return };
        known.ephemerals[at] = Some(known.hedged(settings, at, &[], last, false));
        if at == 0 && settings.hybrid != Hybrid::Off {
            known.seed = Some(known.hedged(settings, at, &[], first, true));
        }
    }

    fn talk(&mut self, session: &mut Session) -> sealwax::Result<()> {
        let mut record = [0; RECORD_OVERHEAD];
        if self.side == 0 {
            session.sending().seal_empty_into(0, &mut record)?;
            self.send(&record)?;
        }
        loop {
            let (sealed, mut out) = (self.receive()?, vec![0; 1 << 15]);
            match session.open_into(0, &sealed, &[], &mut out)?.content {
                Content::Data if session.sending().is_closed() => {}
                Content::Data if self.fault == Fault::Gone => return Ok(()),
                Content::Data => {
                    let mut data = vec![0; plaintext().len() + RECORD_OVERHEAD];
                    session.seal_into(0, &plaintext(), &[], &mut data)?;
                    data[20] ^= u8::from(self.fault == Fault::Record);
                    self.send(&data)?;
                    session.close_into(0, &mut record)?;
                    self.send(&record)?;
                }
                Content::Close => return Ok(()),
                Content::Empty | Content::RekeyRequest => {}
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = u16::try_from(bytes.len()).expect("short").to_be_bytes();
        self.connection.write_all(&[&len, bytes].concat())
    }

    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut len = [0; 2];
        self.connection.read_exact(&mut len)?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(len))];
        self.connection.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// A call over a connection. `side` is the other's.
fn over(
    what: &str,
    setup: &'static Setup,
    side: usize,
    fault: Fault,
    call: impl Fn(&'static Setup, UnixStream, &mut [u8]) + Send + Sync + 'static,
) -> Case {
    let Settings { pattern, suite, hybrid, .. } = setup.settings;
    let name = format!("stream {what}, {pattern:?} hybrid {hybrid:?}, suite {}", suite as u8);
    let call = Arc::new(call);
    let other: Arc<Mutex<Option<JoinHandle<Box<Known>>>>> = Arc::default();
    let running = other.clone();
    let prepare = move || -> Call {
        let (own, connection) = UnixStream::pair().expect("the system has them");
        let known = Known {
            messages: Vec::new(),
            ephemerals: [None; 2],
            seed: None,
            ..setup.known.lock().expect("nobody else").clone()
        };
        // In a box: what a thread is begun with and ends with is given back by who begins and ends it.
        let other = Box::new(Other { setup, side, fault, connection, known });
        let thread = std::thread::spawn(move || unwatched(move || Box::new(other.run())));
        let before = running.lock().expect("nobody else").replace(thread);
        // It is over, but who ends last gives back what it leaves.
        if let Some(before) = before {
            before.join().expect("it does not panic");
        }
        let (call, mut own, mut out) = (call.clone(), Some(own), vec![0; 4096]);
        Box::new(move || call(setup, own.take().expect("once"), &mut out))
    };
    Case::told_after(name, prepare, move || {
        let thread = other.lock().expect("nobody else").take().expect("it was begun");
        *setup.known.lock().expect("nobody else") = *thread.join().expect("it does not panic");
        setup.needles()
    })
}

fn begin(
    setup: &'static Setup,
    side: usize,
    connection: UnixStream,
) -> sealwax::Result<Stream<UnixStream>> {
    let terms = Terms::new(setup.party(1 - side));
    match side {
        0 => Stream::accept(connection, &terms, &mut |_| Verdict::Accept),
        _ => Stream::connect(connection, &terms, &mut |_| Verdict::Accept),
    }
}

/// Writes twice, in two epochs.
fn write_all(stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(text())?;
    stream.flush()
}

fn read_all(stream: &mut impl Read, out: &mut [u8]) -> io::Result<()> {
    while stream.read(out)? > 0 {}
    Ok(())
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let on = [
        // This side's X-Wing seed would not be known where it begins.
        (1, Pattern::XX, Suite::Cobblestone256, Hybrid::Off),
        (1, Pattern::IKpsk2, Suite::ChaCha20Poly1305, Hybrid::Off),
        (0, Pattern::XX, Suite::ChaCha20Poly1305, Hybrid::On),
        (0, Pattern::IK, Suite::Cobblestone256, Hybrid::On),
    ];
    for (side, pattern, suite, hybrid) in on {
        let setup = Setup::new(Settings { pattern, suite, mode: Mode::Stream, hybrid });
        let who = ["accepted", "connected"][side];
        let name = |what: &str| format!("{who}, {what}");
        cases.push(over(
            &name("written and read"),
            setup,
            side,
            Fault::None,
            move |setup, own, out| {
                let mut stream = begin(setup, side, own).expect("the handshake is finished");
                write_all(&mut stream).expect("written");
                stream.rekey();
                write_all(&mut stream).expect("written");
                read_all(&mut stream, out).expect("read");
                stream.close().expect("closed");
            },
        ));
        cases.push(over(&name("in halves"), setup, side, Fault::None, move |setup, own, out| {
            let stream = begin(setup, side, own).expect("the handshake is finished");
            let halves = stream.split_with(|own| Ok((own.try_clone()?, own)));
            let (mut reader, mut writer) = halves.expect("cloned");
            write_all(&mut writer).expect("written");
            read_all(&mut reader, out).expect("read");
            writer.close().expect("closed");
        }));
        cases.push(over(&name("dropped"), setup, side, Fault::None, move |setup, own, _| {
            let mut stream = begin(setup, side, own).expect("the handshake is finished");
            // Sealed never: it waits in a buffer.
            stream.write_all(text()).expect("taken");
        }));
        cases.push(over(
            &name("a message changed"),
            setup,
            side,
            Fault::Message,
            move |setup, own, _| {
                assert!(begin(setup, side, own).is_err());
            },
        ));
        for (what, fault) in [("a record changed", Fault::Record), ("cut off", Fault::Gone)] {
            cases.push(over(&name(what), setup, side, fault, move |setup, own, out| {
                let mut stream = begin(setup, side, own).expect("the handshake is finished");
                write_all(&mut stream).expect("written");
                read_all(&mut stream, out).expect_err("not what was sent");
            }));
        }
    }
    cases
}
