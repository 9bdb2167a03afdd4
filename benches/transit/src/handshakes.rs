// SPDX-License-Identifier: MIT OR Apache-2.0
//! XX with both sides on one core, fresh ephemeral keys, and the sessions that follow.

use std::hint::black_box;

use sealwax::rng::OsRandom;
use sealwax::transit::{
    Handshake, Hybrid, KeyPair, Limits, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Session, Settings,
    Verdict,
};
use sealwax::{Context, Suite};

use crate::clock::{median_and_ratio, thread_time};
use crate::sessions::{Resolver, key_pair, noise_name, party, snow_builder, xx};

/// Who shakes hands, and how.
type Subject<'a> = (&'static str, Box<dyn Fn() + 'a>);

pub(crate) fn table(rounds: usize) {
    println!("| handshake XX, both sides | per second | time over ours |");
    println!("|---|--:|--:|");
    let (initiator, responder) = (key_pair(1), key_pair(2));
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let cipher = noise_name(suite);
        let name = format!("Noise_XX_25519_{cipher}_SHA256");
        let own = |hybrid| {
            let (settings, keys) = (xx(suite, hybrid), [&initiator, &responder]);
            Box::new(move || shake(settings, black_box(keys)))
        };
        let snow = |resolver| {
            let name = &name;
            Box::new(move || shake_snow(name, resolver))
        };
        let subjects: [Subject<'_>; 4] = [
            ("sealwax", own(Hybrid::Off)),
            ("sealwax with X-Wing", own(Hybrid::On)),
            ("snow", snow(Resolver::Default)),
            ("snow over ring", snow(Resolver::Ring)),
        ];
        let mut times = Vec::new();
        for round in 0..=rounds {
            let of_round =
                subjects.iter().map(|(_, work)| thread_time(|| (0..AT_ONCE).for_each(|_| work())));
            let of_round: Vec<f64> = of_round.collect();
            if round > 0 {
                times.push(of_round);
            }
        }
        for (at, (who, _)) in subjects.iter().enumerate() {
            let (time, ratio) = median_and_ratio(&times, at);
            println!("| {cipher}, {who} | {:.0} | {ratio:.2} |", AT_ONCE as f64 / time);
        }
    }
    println!();
}

fn shake(settings: Settings, keys: [&KeyPair; 2]) {
    let parties = keys.map(|own| party(settings, own));
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
    for mut side in sides {
        let mut session = Session::closed();
        session.begin(&mut side, &Limits::of(settings.suite), 0).expect("it is finished");
        black_box(&session);
    }
}

fn shake_snow(name: &str, resolver: Resolver) {
    let side = |private: &[u8], is_initiator: bool| {
        let builder = snow_builder(name, resolver).local_private_key(private).expect("a key");
        let builder = builder.prologue(b"bench").expect("a prologue");
        if is_initiator { builder.build_initiator() } else { builder.build_responder() }
            .expect("all is given")
    };
    let mut sides = [side(black_box(&[1; 32]), true), side(&[2; 32], false)];
    let (mut message, mut out) = ([0; MAX_MESSAGE_LEN], [0; MAX_CONTEXT_LEN]);
    for at in 0..3 {
        let len = sides[at % 2].write_message(&[], &mut message).expect("its turn");
        sides[1 - at % 2].read_message(&message[..len], &mut out).expect("it holds");
    }
    for side in sides {
        black_box(side.into_transport_mode().expect("finished"));
    }
}

const AT_ONCE: usize = 8;
