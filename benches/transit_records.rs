// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records of 16 KiB in transit, beside the backend's bare AEAD and snow with its default resolver, and the size of a session.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{
    AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use sealwax::Suite;
use sealwax::secret::{Key, Traffic};
use sealwax::transit::{Limits, MAX_PLAINTEXT_LEN, Mode, RECORD_OVERHEAD, Role, Session};

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("size_of Session: {} bytes", size_of::<Session>());
    for (name, suite, algorithm, snow) in [
        ("AES-256-GCM", Suite::Cobblestone256, &AES_256_GCM, "Noise_NN_25519_AESGCM_SHA256"),
        (
            "ChaCha20-Poly1305",
            Suite::ChaCha20Poly1305,
            &CHACHA20_POLY1305,
            "Noise_NN_25519_ChaChaPoly_SHA256",
        ),
    ] {
        measure(name, suite, algorithm, snow);
    }
}

/// Rates of everything, one after the other in each of many rounds, so that the machine's moods meet all alike.
fn measure(name: &str, suite: Suite, algorithm: &'static Algorithm, snow: &str) {
    let [mut one, mut other] = pair(suite);
    let plaintext = vec![0x5a; MAX_PLAINTEXT_LEN];
    let mut record = vec![0; MAX_PLAINTEXT_LEN + RECORD_OVERHEAD];
    let mut out = vec![0; MAX_PLAINTEXT_LEN];
    let bare = LessSafeKey::new(UnboundKey::new(algorithm, &[1; 32]).expect("32 bytes"));
    let (mut sender, mut receiver) = snow_pair(snow);
    let mut message = vec![0; MAX_PLAINTEXT_LEN + 16];
    let mut times = [[0.0; 4]; ROUNDS];
    for times in &mut times {
        times[0] = time(|| {
            one.seal_into(0, black_box(&plaintext), &[], &mut record).expect("it fits");
        });
        let mut number = 0u64;
        times[1] = time(|| {
            number += 1;
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&number.to_be_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let (body, tag) = record[13..].split_at_mut(MAX_PLAINTEXT_LEN);
            let plaintext = black_box(&plaintext);
            bare.seal_out_of_place_scatter(nonce, Aad::from([0; 13]), plaintext, body, &[], tag)
                .expect("the lengths fit");
        });
        times[2] = time(|| {
            sender.write_message(black_box(&plaintext), &mut message).expect("it fits");
        });
        // The nonces that the timing above left behind.
        receiver.set_receiving_nonce(sender.sending_nonce());
        let sealed: Vec<_> = (0..PER_ROUND)
            .map(|_| {
                let mut record = vec![0; MAX_PLAINTEXT_LEN + RECORD_OVERHEAD];
                one.seal_into(0, &plaintext, &[], &mut record).expect("it fits");
                record
            })
            .collect();
        let begin = Instant::now();
        for record in &sealed {
            other.open_into(0, black_box(record), &[], &mut out).expect("it is genuine");
        }
        times[3] = begin.elapsed().as_secs_f64() / PER_ROUND as f64;
    }
    for (at, what) in ["seal", "seal, bare backend", "seal, snow", "open"].iter().enumerate() {
        let mut of: Vec<f64> = times.iter().map(|times| times[at]).collect();
        of.sort_by(f64::total_cmp);
        let rate = MAX_PLAINTEXT_LEN as f64 / of[ROUNDS / 2] / 1e9;
        let mut ratios: Vec<f64> = times.iter().map(|times| times[at] / times[0]).collect();
        ratios.sort_by(f64::total_cmp);
        println!("{name} {what}: {rate:.2} GB/s; seal is {:.3} of it", ratios[ROUNDS / 2]);
    }
}

fn time(mut work: impl FnMut()) -> f64 {
    let begin = Instant::now();
    (0..PER_ROUND).for_each(|_| work());
    begin.elapsed().max(Duration::from_nanos(1)).as_secs_f64() / PER_ROUND as f64
}

fn pair(suite: Suite) -> [Session; 2] {
    let secret = |fill| {
        Key::<Traffic>::init_with(|bytes| {
            bytes.fill(fill);
            Ok(())
        })
        .expect("filling does not fail")
    };
    let (a, b, limits) = (secret(1), secret(2), Limits::of(suite));
    let mut pair = [Session::closed(), Session::closed()];
    let [one, other] = &mut pair;
    let mode = Mode::Datagram;
    one.danger_from_secrets((suite, mode, Role::Initiator), &a, &b, [0; 32], &limits, 0)
        .expect("the secrets differ");
    other
        .danger_from_secrets((suite, mode, Role::Responder), &b, &a, [0; 32], &limits, 0)
        .expect("the secrets differ");
    pair
}

fn snow_pair(name: &str) -> (snow::TransportState, snow::TransportState) {
    let builder = || snow::Builder::new(name.parse().expect("a name of Noise"));
    let mut one = builder().build_initiator().expect("it has no keys");
    let mut other = builder().build_responder().expect("it has no keys");
    let (mut message, mut payload) = ([0; 200], [0; 200]);
    let len = one.write_message(&[], &mut message).expect("it fits");
    other.read_message(&message[..len], &mut payload).expect("it is genuine");
    let len = other.write_message(&[], &mut message).expect("it fits");
    one.read_message(&message[..len], &mut payload).expect("it is genuine");
    let transport = |state: snow::HandshakeState| state.into_transport_mode().expect("finished");
    (transport(one), transport(other))
}

const ROUNDS: usize = 41;
const PER_ROUND: usize = 200;
