// SPDX-License-Identifier: MIT OR Apache-2.0
//! A session over UDP, through a proxy that loses, repeats, reorders and makes up packets.
#![cfg(feature = "std")]

mod kit;

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kit::random::Repeatable;
use sealwax::context::Encoded;
use sealwax::rng::Now;
use sealwax::rng::OsRandom;
use sealwax::secret::Key;
use sealwax::transit::{
    Datagram, Handshake, Hybrid, KeyPair, Limits, MAX_MESSAGE_LEN, Mode, Party, Pattern, Peer,
    Peers, Session, Settings, Terms, Verdict,
};

const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);

fn bound() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("there is a port")
}

fn key(fill: u8) -> KeyPair {
    let private = Key::init_with(|bytes: &mut [u8; 32]| {
        bytes.fill(fill);
        Ok(())
    });
    KeyPair::new(&private.expect("filling does not fail"))
}

fn party<'a>(settings: Settings, keys: &'a [KeyPair], peers: Peers<'a>) -> Party<'a> {
    Party { settings, prologue: b"a test", keys, peers, psk: None, now: Now::Unknown }
}

/// Carries packets between one that comes first and a server, badly, until it is told to stop.
fn carry(proxy: &UdpSocket, server: std::net::SocketAddr, seed: u64, stop: &AtomicBool) {
    let mut random = Repeatable(seed);
    let (mut client, mut held) = (None, Vec::new());
    let mut packet = vec![0; 70_000];
    proxy.set_read_timeout(Some(TICK)).expect("it is a socket");
    while !stop.load(Ordering::Relaxed) {
        let Ok((len, from)) = proxy.recv_from(&mut packet) else {
            for (bytes, to) in held.drain(..) {
                let _ = proxy.send_to(&bytes as &Vec<u8>, to);
            }
            continue;
        };
        if from != server {
            client.get_or_insert(from);
        }
        let Some(to) = (if from == server { client } else { Some(server) }) else { continue };
        let bytes = packet[..len].to_vec();
        match random.below(10) {
            0..2 => {}
            2 => held.push((bytes, to)),
            3 => {
                let _ = proxy.send_to(&bytes, to);
                held.push((bytes, to));
            }
            4 => {
                let mut forged = bytes.clone();
                forged[random.below(len)] ^= 1 << random.below(8);
                let _ = proxy.send_to(&forged, to);
                let _ = proxy.send_to(&bytes, to);
            }
            _ => {
                let _ = proxy.send_to(&bytes, to);
            }
        }
    }
}

#[test]
fn a_bad_network_delays_a_handshake_and_repeats_no_record() {
    for (seed, pattern, hybrid) in
        [(1, Pattern::XX, Hybrid::On), (2, Pattern::IK, Hybrid::Off), (3, Pattern::KK, Hybrid::On)]
    {
        let settings = Settings { hybrid, ..Settings::new(pattern, Mode::Datagram) };
        let (client_key, server_key) = (key(1), key(2));
        let (client_public, server_public) = (client_key.public(), server_key.public());
        let (server, proxy, client) = (bound(), bound(), bound());
        let server_address = server.local_addr().expect("it is bound");
        client.connect(proxy.local_addr().expect("it is bound")).expect("it is there");
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let carrier = scope.spawn(|| carry(&proxy, server_address, seed, &stop));
            let echo = scope.spawn(|| {
                let pinned = [client_public];
                let keys = [server_key];
                let terms = Terms::new(party(settings, &keys, Peers::Pinned(&pinned)));
                let mut session =
                    Datagram::accept(server, &terms, PATIENCE, &mut |_| Verdict::Accept)
                        .expect("it comes through");
                session.socket().set_read_timeout(Some(PATIENCE)).expect("it is a socket");
                let (mut out, mut seen) = (vec![0; 20_000], BTreeSet::new());
                while let Some(len) = session.receive(&mut out).expect("the session goes on") {
                    assert!(seen.insert(out[..len].to_vec()), "a record came twice");
                    if &out[..len] == b"enough" {
                        break;
                    }
                    session.send(&out[..len]).expect("it is confirmed");
                }
                seen.len()
            });
            let (pinned, keys) = ([server_public], [client_key]);
            let terms = Terms::new(party(settings, &keys, Peers::Pinned(&pinned)));
            let mut session = Datagram::connect(client, &terms, PATIENCE, &mut |_| Verdict::Accept)
                .expect("it comes through");
            assert_eq!(session.peer(), Some(&server_public));
            session.socket().set_read_timeout(Some(TICK)).expect("it is a socket");
            let (mut out, mut answers) = (vec![0; 20_000], BTreeSet::new());
            let mut number = 0u32;
            while answers.len() < 50 {
                session.send(&number.to_be_bytes()).expect("nothing forbids it");
                number += 1;
                if number.is_multiple_of(20) {
                    session.session().sending().rekey();
                }
                match session.receive(&mut out) {
                    Ok(Some(len)) => {
                        assert!(answers.insert(out[..len].to_vec()), "a record came twice");
                    }
                    Ok(None) => panic!("nobody closed it"),
                    Err(error) => assert_eq!(error.kind(), sealwax::ErrorKind::Io, "{error}"),
                }
                // Answered or not, a network like this one loses some of them.
                assert!(number < 20_000, "only {} answers", answers.len());
            }
            while !echo.is_finished() {
                session.send(b"enough").expect("nothing forbids it");
                let _ = session.receive(&mut out);
            }
            assert!(echo.join().expect("it does not panic") >= 50);
            stop.store(true, Ordering::Relaxed);
            carrier.join().expect("it does not panic");
        });
    }
}

#[test]
fn a_handshake_without_an_answer_ends_in_time() {
    let settings = Settings::new(Pattern::XX, Mode::Datagram);
    let (silent, client) = (bound(), bound());
    client.connect(silent.local_addr().expect("it is bound")).expect("it is there");
    let keys = [key(1)];
    let terms = Terms::new(party(settings, &keys, Peers::Any));
    let patience = Duration::from_millis(600);
    let refused = Datagram::connect(client, &terms, patience, &mut |_| Verdict::Accept);
    assert_eq!(refused.err().expect("nobody answers").kind(), sealwax::ErrorKind::Io);
    silent.set_nonblocking(true).expect("it is a socket");
    let mut packet = [0; 3000];
    assert!(silent.recv(&mut packet).is_ok() && silent.recv(&mut packet).is_ok(), "sent again");
}

/// Message 1 of a party, as anybody can make or repeat it.
fn first_message(party: &Party<'_>) -> Vec<u8> {
    let mut out = vec![0; MAX_MESSAGE_LEN];
    let mut handshake = Handshake::initiator();
    let written = handshake.write(party, Encoded::EMPTY, &mut OsRandom, &mut out);
    out.truncate(written.expect("it is this side's turn"));
    out
}

#[test]
fn strangers_take_no_place_and_who_listens_may_speak_first() {
    for pattern in [Pattern::XX, Pattern::IK] {
        let settings = Settings { hybrid: Hybrid::Off, ..Settings::new(pattern, Mode::Datagram) };
        let (client_key, server_key) = (key(1), key(2));
        let (client_public, server_public) = (client_key.public(), server_key.public());
        let (server, client) = (bound(), bound());
        let address = server.local_addr().expect("it is bound");
        client.connect(address).expect("it is there");
        let (pinned, keys) = ([server_public], [client_key]);
        let party = party(settings, &keys, Peers::Pinned(&pinned));
        // Before the genuine one and once more while it is there, 10 in all: an old first message, and junk.
        let strangers: Vec<_> = (0..5).map(|_| bound()).collect();
        let disturb = || {
            for stranger in &strangers {
                let packets: [&[u8]; 3] = [&first_message(&party), &[0x22; 66], &[0x28; 40]];
                for packet in packets {
                    stranger.send_to(packet, address).expect("it is there");
                }
            }
        };
        disturb();
        std::thread::scope(|scope| {
            let server = scope.spawn(|| {
                let (pinned, keys) = ([client_public], [server_key]);
                let terms = Terms::new(self::party(settings, &keys, Peers::Pinned(&pinned)));
                let mut asked = 0;
                let mut session = Datagram::accept(server, &terms, PATIENCE, &mut |_| {
                    asked += 1;
                    if asked == 1 {
                        disturb();
                    }
                    Verdict::Accept
                })
                .expect("it comes through");
                session.send(b"welcome").expect("the peer is there");
                asked
            });
            let terms = Terms::new(party);
            let mut session = Datagram::connect(client, &terms, PATIENCE, &mut |_| Verdict::Accept)
                .expect("it comes through");
            session.socket().set_read_timeout(Some(PATIENCE)).expect("it is a socket");
            let mut out = [0; 100];
            let len = session.receive(&mut out).expect("it comes").expect("nobody closed it");
            assert_eq!(&out[..len], b"welcome", "{pattern:?}");
            assert!(server.join().expect("it does not panic") >= 1);
        });
    }
}

#[test]
fn who_connected_is_believed_without_another_word() {
    for pattern in [Pattern::XX, Pattern::IK, Pattern::KK] {
        let settings = Settings { hybrid: Hybrid::Off, ..Settings::new(pattern, Mode::Datagram) };
        let (client_key, server_key) = (key(1), key(2));
        let (client_public, server_public) = (client_key.public(), server_key.public());
        let (server, client) = (bound(), bound());
        client.connect(server.local_addr().expect("it is bound")).expect("it is there");
        std::thread::scope(|scope| {
            let accepted = scope.spawn(move || {
                let (pinned, keys) = ([client_public], [server_key]);
                let terms = Terms::new(party(settings, &keys, Peers::Pinned(&pinned)));
                Datagram::accept(server, &terms, PATIENCE, &mut |_| Verdict::Accept).map(drop)
            });
            let (pinned, keys) = ([server_public], [client_key]);
            let terms = Terms::new(party(settings, &keys, Peers::Pinned(&pinned)));
            let session = Datagram::connect(client, &terms, PATIENCE, &mut |_| Verdict::Accept);
            // It neither sends nor receives meanwhile.
            let session = session.expect("it comes through");
            accepted
                .join()
                .expect("it does not panic")
                .expect("it was shown that the peer is there");
            drop(session);
        });
    }
}

#[test]
fn a_first_message_that_is_only_repeated_makes_no_session() {
    let settings = Settings::new(Pattern::IK, Mode::Datagram);
    let (client_key, server_key) = (key(1), key(2));
    let (client_public, server_public) = (client_key.public(), server_key.public());
    let (server, stranger) = (bound(), bound());
    stranger.connect(server.local_addr().expect("it is bound")).expect("it is there");
    let (pinned, keys) = ([server_public], [client_key]);
    stranger
        .send(&first_message(&party(settings, &keys, Peers::Pinned(&pinned))))
        .expect("it is there");
    let (pinned, keys) = ([client_public], [server_key]);
    let terms = Terms::new(party(settings, &keys, Peers::Pinned(&pinned)));
    let patience = Duration::from_millis(600);
    let refused = Datagram::accept(server, &terms, patience, &mut |_| Verdict::Accept);
    assert_eq!(refused.err().expect("nobody is there").kind(), sealwax::ErrorKind::Io);
    // It was answered, and again where nothing came.
    stranger.set_nonblocking(true).expect("it is a socket");
    let mut packet = [0; 3000];
    assert!(stranger.recv(&mut packet).is_ok() && stranger.recv(&mut packet).is_ok());
}

/// One side of IK without X-Wing, whose packets a test sends itself.
struct Bare<'a> {
    socket: UdpSocket,
    party: Party<'a>,
    handshake: Handshake,
}

impl Bare<'_> {
    fn write(&mut self) -> Vec<u8> {
        let mut out = vec![0; MAX_MESSAGE_LEN];
        let written = self.handshake.write(&self.party, Encoded::EMPTY, &mut OsRandom, &mut out);
        out.truncate(written.expect("it is this side's turn"));
        out
    }

    fn read(&mut self, message: &[u8]) {
        let (mut accept, mut out) = (|_: &Peer<'_>| Verdict::Accept, [0; 1024]);
        let read = self.handshake.read(&self.party, message, &mut accept, &mut out);
        read.expect("it is genuine");
    }

    fn session(&mut self) -> Session {
        let mut session = Session::closed();
        let limits = Limits::of(self.party.settings.suite);
        session.begin(&mut self.handshake, &limits, 0).expect("it is finished");
        session
    }

    fn send(&self, packet: &[u8]) {
        self.socket.send(packet).expect("it is there");
    }

    /// The next packet that is no first message: those may come again.
    fn receive(&self) -> Vec<u8> {
        self.socket.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        let mut packet = vec![0; 3_000];
        loop {
            let len = self.socket.recv(&mut packet).expect("it comes");
            if packet[0] != 0x20 {
                return packet[..len].to_vec();
            }
        }
    }
}

#[test]
fn who_listens_answers_alike_again_and_keeps_the_16_newest_in_mind() {
    let settings = Settings { hybrid: Hybrid::Off, ..Settings::new(Pattern::IK, Mode::Datagram) };
    for (others, patience, comes) in [(15, PATIENCE, true), (16, Duration::from_secs(2), false)] {
        let (client_key, server_key) = (key(1), key(2));
        let (client_public, server_public) = (client_key.public(), server_key.public());
        let (server, socket) = (bound(), bound());
        let address = server.local_addr().expect("it is bound");
        socket.connect(address).expect("it is there");
        std::thread::scope(|scope| {
            let accepted = scope.spawn(move || {
                let (pinned, keys) = ([client_public], [server_key]);
                let terms = Terms::new(party(settings, &keys, Peers::Pinned(&pinned)));
                Datagram::accept(server, &terms, patience, &mut |_| Verdict::Accept).map(drop)
            });
            let (pinned, keys) = ([server_public], [client_key]);
            let party = party(settings, &keys, Peers::Pinned(&pinned));
            let mut client = Bare { socket, party, handshake: Handshake::initiator() };
            let first = client.write();
            client.send(&first);
            let second = client.receive();
            client.send(&first);
            assert_eq!(client.receive(), second);
            for _ in 0..others {
                bound().send_to(&first_message(&party), address).expect("it is there");
            }
            client.read(&second);
            let mut packet = [0; 100];
            let sealed = client.session().sending().seal_empty_into(0, &mut packet);
            client.send(&packet[..sealed.expect("it begins")]);
            let accepted = accepted.join().expect("it does not panic");
            assert_eq!(accepted.is_ok(), comes, "{others} others came after it");
        });
    }
}

#[test]
fn who_connected_answers_again_where_the_answer_was_lost() {
    let settings = Settings { hybrid: Hybrid::Off, ..Settings::new(Pattern::IK, Mode::Datagram) };
    let (client_key, server_key) = (key(1), key(2));
    let (client_public, server_public) = (client_key.public(), server_key.public());
    let (socket, client) = (bound(), bound());
    client.connect(socket.local_addr().expect("it is bound")).expect("it is there");
    socket.connect(client.local_addr().expect("it is bound")).expect("it is there");
    std::thread::scope(|scope| {
        let heard = scope.spawn(move || {
            let (pinned, keys) = ([server_public], [client_key]);
            let terms = Terms::new(party(settings, &keys, Peers::Pinned(&pinned)));
            let mut session = Datagram::connect(client, &terms, PATIENCE, &mut |_| Verdict::Accept)
                .expect("it comes through");
            session.socket().set_read_timeout(Some(PATIENCE)).expect("it is a socket");
            let mut out = [0; 100];
            let len = session.receive(&mut out).expect("it comes").expect("nobody closed it");
            out[..len].to_vec()
        });
        let (pinned, keys) = ([client_public], [server_key]);
        let party = party(settings, &keys, Peers::Pinned(&pinned));
        let mut server = Bare { socket, party, handshake: Handshake::responder() };
        let mut first = vec![0; 3_000];
        let len = server.socket.recv(&mut first).expect("it comes");
        server.read(&first[..len]);
        let second = server.write();
        server.send(&second);
        let answer = server.receive();
        server.send(&second);
        assert_eq!(server.receive(), answer);
        let mut session = server.session();
        session.open_into(0, &answer, b"", &mut [0; 100]).expect("it is genuine");
        let mut packet = [0; 100];
        let len = session.seal_into(0, b"welcome", b"", &mut packet).expect("it is there");
        server.send(&packet[..len]);
        assert_eq!(heard.join().expect("it does not panic"), b"welcome");
    });
}
