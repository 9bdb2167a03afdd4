// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records of 16 KiB, sealed into a buffer and opened into one.

use std::hint::black_box;
use std::io::{Read, Write};

use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::ConnectionState;
use rustls::{ClientConnection, ServerConnection};
use sealwax::Suite;
use sealwax::transit::{MAX_PLAINTEXT_LEN, Mode, Session};

use crate::clock::{median_and_ratio, thread_time};
use crate::sessions::{self, Resolver, noise_name, snow_builder};
use crate::tls;

/// Two ends that seal and open.
trait Ends {
    /// The length of the record.
    fn seal(&mut self, plaintext: &[u8], out: &mut [u8]) -> usize;
    fn open(&mut self, record: &mut [u8], out: &mut [u8]);
}

struct Sealwax([Session; 2]);

struct Bare {
    key: LessSafeKey,
    sealed: u64,
    opened: u64,
}

struct Snow(snow::TransportState, snow::TransportState);

struct Tls(ClientConnection, ServerConnection);

struct Unbuffered(UnbufferedClientConnection, UnbufferedServerConnection);

pub(crate) fn table(rounds: usize) {
    println!(
        "| 16 KiB records | seal, GB/s | open, GB/s | time to seal over ours | time to open over ours |"
    );
    println!("|---|--:|--:|--:|--:|");
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let name = match suite {
            Suite::Cobblestone256 => "AES-256-GCM",
            Suite::ChaCha20Poly1305 => "ChaCha20-Poly1305",
        };
        measure(name, suite, rounds);
    }
    println!();
}

fn measure(name: &str, suite: Suite, rounds: usize) {
    let (client, server) = tls::pair(suite);
    let (near, far) = tls::unbuffered_pair(suite);
    let mut subjects: [(&str, Box<dyn Ends>); 7] = [
        ("sealwax, datagram", Box::new(Sealwax(sessions::pair(suite, Mode::Datagram)))),
        ("sealwax, stream", Box::new(Sealwax(sessions::pair(suite, Mode::Stream)))),
        ("aws-lc-rs, bare AEAD", Box::new(Bare::new(suite))),
        ("rustls over aws-lc-rs", Box::new(Tls(client, server))),
        ("rustls over aws-lc-rs, unbuffered", Box::new(Unbuffered(near, far))),
        ("snow", Box::new(Snow::new(suite, Resolver::Default))),
        ("snow over ring", Box::new(Snow::new(suite, Resolver::Ring))),
    ];
    let plaintext = vec![0x5a; MAX_PLAINTEXT_LEN];
    let mut out = vec![0; MAX_PLAINTEXT_LEN];
    let mut records = vec![(vec![0; MAX_PLAINTEXT_LEN + 64], 0); AT_ONCE];
    let (mut seals, mut opens) = (Vec::new(), Vec::new());
    // The first round warms up.
    for round in 0..=rounds {
        let (mut seal_times, mut open_times) =
            (vec![0.0; subjects.len()], vec![0.0; subjects.len()]);
        for (at, (who, ends)) in subjects.iter_mut().enumerate() {
            for _ in 0..REPEATS {
                seal_times[at] += thread_time(|| {
                    for (record, len) in &mut records {
                        *len = ends.seal(black_box(&plaintext), record);
                    }
                });
                open_times[at] += thread_time(|| {
                    for (record, len) in &mut records {
                        let record = black_box(&mut record[..*len]);
                        ends.open(record, &mut out);
                    }
                });
            }
            let (record, _) = &mut records[0];
            let len = ends.seal(&plaintext, record);
            out.fill(0);
            ends.open(&mut record[..len], &mut out);
            assert_eq!(out, plaintext, "{who}");
        }
        if round > 0 {
            seals.push(seal_times);
            opens.push(open_times);
        }
    }
    let bytes = (MAX_PLAINTEXT_LEN * AT_ONCE * REPEATS) as f64 / 1e9;
    for (at, (who, _)) in subjects.iter().enumerate() {
        let (seal, seal_ratio) = median_and_ratio(&seals, at);
        let (open, open_ratio) = median_and_ratio(&opens, at);
        let (seal, open) = (bytes / seal, bytes / open);
        println!("| {name}, {who} | {seal:.2} | {open:.2} | {seal_ratio:.2} | {open_ratio:.2} |");
    }
}

impl Ends for Sealwax {
    fn seal(&mut self, plaintext: &[u8], out: &mut [u8]) -> usize {
        self.0[0].seal_into(0, plaintext, &[], out).expect("nothing forbids it")
    }

    fn open(&mut self, record: &mut [u8], out: &mut [u8]) {
        self.0[1].open_into(0, record, &[], out).expect("it is genuine");
    }
}

impl Bare {
    fn new(suite: Suite) -> Self {
        let algorithm = match suite {
            Suite::Cobblestone256 => &AES_256_GCM,
            Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        };
        let key = UnboundKey::new(algorithm, &[1; 32]).expect("32 bytes");
        Bare { key: LessSafeKey::new(key), sealed: 0, opened: 0 }
    }
}

/// The nonce of the next record.
fn next(number: &mut u64) -> Nonce {
    *number += 1;
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

impl Ends for Bare {
    fn seal(&mut self, plaintext: &[u8], out: &mut [u8]) -> usize {
        let (body, tag) = out[..plaintext.len() + 16].split_at_mut(plaintext.len());
        let (nonce, aad) = (next(&mut self.sealed), Aad::from([0; 13]));
        self.key
            .seal_out_of_place_scatter(nonce, aad, plaintext, body, &[], tag)
            .expect("the lengths fit");
        plaintext.len() + 16
    }

    fn open(&mut self, record: &mut [u8], out: &mut [u8]) {
        let (body, tag) = record.split_at(record.len() - 16);
        let (nonce, aad) = (next(&mut self.opened), Aad::from([0; 13]));
        self.key.open_separate_gather(nonce, aad, body, tag, out).expect("it is genuine");
    }
}

impl Snow {
    fn new(suite: Suite, resolver: Resolver) -> Self {
        let name = format!("Noise_NN_25519_{}_SHA256", noise_name(suite));
        let mut one = snow_builder(&name, resolver).build_initiator().expect("it has no keys");
        let mut other = snow_builder(&name, resolver).build_responder().expect("it has no keys");
        let (mut message, mut payload) = ([0; 200], [0; 200]);
        let len = one.write_message(&[], &mut message).expect("it fits");
        other.read_message(&message[..len], &mut payload).expect("it is genuine");
        let len = other.write_message(&[], &mut message).expect("it fits");
        one.read_message(&message[..len], &mut payload).expect("it is genuine");
        let transport =
            |state: snow::HandshakeState| state.into_transport_mode().expect("finished");
        Snow(transport(one), transport(other))
    }
}

impl Ends for Snow {
    fn seal(&mut self, plaintext: &[u8], out: &mut [u8]) -> usize {
        self.0.write_message(plaintext, out).expect("it fits")
    }

    fn open(&mut self, record: &mut [u8], out: &mut [u8]) {
        self.1.read_message(record, out).expect("it is genuine");
    }
}

impl Ends for Tls {
    fn seal(&mut self, plaintext: &[u8], out: &mut [u8]) -> usize {
        self.0.writer().write_all(plaintext).expect("its buffer takes it");
        let mut rest = &mut *out;
        while self.0.wants_write() {
            self.0.write_tls(&mut rest).expect("it fits");
        }
        let left = rest.len();
        out.len() - left
    }

    fn open(&mut self, record: &mut [u8], out: &mut [u8]) {
        let (mut record, mut filled) = (&*record, 0);
        while !record.is_empty() {
            self.1.read_tls(&mut record).expect("memory gives it");
            self.1.process_new_packets().expect("it is genuine");
        }
        while filled < out.len() {
            filled += self.1.reader().read(&mut out[filled..]).expect("it is there");
        }
    }
}

impl Ends for Unbuffered {
    fn seal(&mut self, plaintext: &[u8], out: &mut [u8]) -> usize {
        match self.0.process_tls_records(&mut []).state.expect("it is open") {
            ConnectionState::WriteTraffic(mut traffic) => {
                traffic.encrypt(plaintext, out).expect("it fits")
            }
            other => panic!("not the state to write in: {other:?}"),
        }
    }

    fn open(&mut self, record: &mut [u8], out: &mut [u8]) {
        match self.1.process_tls_records(record).state.expect("it is open") {
            ConnectionState::ReadTraffic(mut traffic) => {
                let opened = traffic.next_record().expect("it is there").expect("it is genuine");
                out.copy_from_slice(opened.payload);
            }
            other => panic!("not the state to read in: {other:?}"),
        }
    }
}

/// Records that are sealed before they are opened: as many as stay in a second-level cache.
const AT_ONCE: usize = 16;
const REPEATS: usize = 8;
