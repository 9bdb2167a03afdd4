// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes: XX with both sides on one core, beside snow with its default resolver.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use sealwax::rng::{Now, OsRandom};
use sealwax::secret::{Key, Pair};
use sealwax::transit::{
    Handshake, Hybrid, KeyPair, Limits, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Party, Pattern,
    Peers, Session, Settings, Verdict,
};
use sealwax::{Context, Suite};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    for (suite, name) in
        [(Suite::ChaCha20Poly1305, "ChaChaPoly"), (Suite::Cobblestone256, "AESGCM")]
    {
        peer_snow(&mut criterion, name);
        for (hybrid, suffix) in [(Hybrid::Off, ""), (Hybrid::On, " with X-Wing")] {
            let (initiator, responder) = (key_pair(1), key_pair(2));
            let settings = Settings { pattern: Pattern::XX, suite, mode: Mode::Stream, hybrid };
            criterion.bench_function(&format!("handshake/XX {name}{suffix}"), |bencher| {
                bencher.iter(|| handshake(settings, black_box(&initiator), &responder));
            });
        }
    }
    criterion.final_summary();
}

fn key_pair(byte: u8) -> KeyPair {
    let mut private = Key::<Pair>::zeroed();
    *private.expose_bytes_mut() = [byte; 32];
    KeyPair::new(&private)
}

/// Three messages, each written and read, and the sessions that follow from them.
fn handshake(settings: Settings, initiator: &KeyPair, responder: &KeyPair) -> [Session; 2] {
    let party = |own| Party {
        settings,
        prologue: b"bench",
        keys: std::slice::from_ref(own),
        peers: Peers::Any,
        psk: None,
        now: Now::Unknown,
    };
    let parties = [party(initiator), party(responder)];
    let mut sides = [Handshake::initiator(), Handshake::responder()];
    let (mut message, mut out) = ([0; MAX_MESSAGE_LEN], [0; MAX_CONTEXT_LEN]);
    let nothing = Context::new();
    for at in 0..3 {
        let (writer, reader) = (at % 2, 1 - at % 2);
        let len = sides[writer]
            .write(&parties[writer], nothing.as_encoded(), &mut OsRandom, &mut message)
            .expect("it is its turn");
        sides[reader]
            .read(&parties[reader], &message[..len], &mut |_| Verdict::Accept, &mut out)
            .expect("the message holds");
    }
    sides.map(|mut side| {
        let mut session = Session::closed();
        session.begin(&mut side, &Limits::of(settings.suite), 0).expect("it is finished");
        session
    })
}

/// What people use instead: the same pattern, and fresh ephemeral keys likewise.
fn peer_snow(criterion: &mut Criterion, cipher: &str) {
    let name = format!("Noise_XX_25519_{cipher}_SHA256");
    let side = |private: &[u8], initiator: bool| {
        let builder = snow::Builder::new(name.parse().expect("a name"));
        let builder = builder.local_private_key(private).expect("a key");
        let builder = builder.prologue(b"bench").expect("a prologue");
        if initiator { builder.build_initiator() } else { builder.build_responder() }
            .expect("all is given")
    };
    criterion.bench_function(&format!("handshake/XX {cipher} of snow"), |bencher| {
        bencher.iter(|| {
            let mut sides = [side(black_box(&[1; 32]), true), side(&[2; 32], false)];
            let (mut message, mut out) = ([0; MAX_MESSAGE_LEN], [0; MAX_CONTEXT_LEN]);
            for at in 0..3 {
                let len = sides[at % 2].write_message(&[], &mut message).expect("its turn");
                sides[1 - at % 2].read_message(&message[..len], &mut out).expect("it holds");
            }
            sides.map(|side| side.into_transport_mode().expect("finished"))
        });
    });
}
