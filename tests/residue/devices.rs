// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs without a heap, here on a host: keysets in the caller's memory, images opened and sealed chunk by chunk.

use std::sync::Arc;

use super::case::{Call, Case, known, leaked};
use super::envelopes::Recipient;
use super::kit::envelopes::Parts;
use super::kit::random::{Failing, Repeatable};
use super::needles::{Needles, Secrets};
use super::sources::plaintext;
use super::tokens::add_version;
use sealwax::context::Encoded;
use sealwax::device::opening::Digest;
use sealwax::device::sealing::Place;
use sealwax::device::{
    Expected, Family, Head, Keyset, Opening, PAYLOAD_PREFIX_LEN, PIECE_LEN, Plan, Requirements,
    Sealing, Version,
};
use sealwax::envelope::{Header, Requirements as Wanted};
use sealwax::rng::Now;
use sealwax::transit::KeyPair;
use sealwax::{Algorithm, KeyWrap, Result, Suite};

/// Where a device keeps its things.
struct Device {
    head: Option<Head>,
    versions: Box<[Version; 1]>,
    opening: Box<Opening>,
    sealing: Box<Sealing>,
    pairs: Box<[KeyPair; 1]>,
    buffer: Vec<u8>,
}

impl Device {
    fn new() -> Device {
        Device {
            head: None,
            versions: Box::new([Version::EMPTY]),
            opening: Box::new(Opening::closed()),
            sealing: Box::new(Sealing::closed()),
            pairs: Box::new([KeyPair::vacant()]),
            buffer: vec![0; 8192],
        }
    }

    fn load(&mut self, blob: &[u8], family: Family) {
        let expected = Expected { id: None, min_revision: 0, family };
        let loaded = Head::load_unprotected(blob, &expected, &mut *self.versions, &mut 0);
        self.head = Some(loaded.expect("loaded"));
    }

    fn keyset(&self) -> Keyset<'_> {
        Keyset { head: self.head.expect("loaded"), versions: &*self.versions, now: Now::Unknown }
    }
}

fn on_device(
    name: String,
    needles: &Arc<Needles>,
    before: impl Fn(&mut Device) + 'static,
    call: impl Fn(&mut Device) + Send + Sync + 'static,
) -> Case {
    let call = Arc::new(call);
    Case::of(name, needles, move || -> Call {
        let (call, mut device) = (call.clone(), Device::new());
        before(&mut device);
        Box::new(move || call(&mut device))
    })
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        cases.extend(tokens(suite));
        for of in Recipient::all(suite) {
            // Those need a heap.
            if !["passphrase", "provider"].contains(&of.name) {
                cases.extend(images(of, suite));
            }
        }
    }
    cases.extend(pairs());
    cases
}

fn tokens(suite: Suite) -> Vec<Case> {
    let root = Repeatable(700).array::<32>();
    let keyset = sealwax::Keyset::import_raw("device", suite, &root).expect("imported");
    let blob: &'static [u8] = keyset.expose_unprotected().expect("encoded").to_vec().leak();
    let token = {
        let mut device = Device::new();
        device.load(blob, Family::Symmetric);
        let mut out = vec![0; 2048];
        let random = &mut Repeatable(9);
        let sealed = device.keyset().seal_token(Encoded::EMPTY, &plaintext(), random, &mut out);
        out.truncate(sealed.expect("sealed"));
        out
    };
    let mut secrets = Secrets::default();
    let [k_token, _] = add_version(&mut secrets, &root, suite as u8, &keyset);
    secrets.add_value_key(&k_token, suite as u8, &token[5..], &[]);
    secrets.add("plaintext", &plaintext());
    let (needles, token): (_, &'static [u8]) = (known(secrets), token.leak());
    let text: &'static [u8] = plaintext().leak();
    let loaded = move |device: &mut Device| device.load(blob, Family::Symmetric);
    let name = |what: &str| format!("device {what}, suite {}", suite as u8);
    let seal = move |device: &mut Device, context: Encoded<'_>, room: usize| -> Result<usize> {
        let Device { head, versions, buffer, .. } = device;
        let keyset =
            Keyset { head: head.expect("loaded"), versions: &**versions, now: Now::Unknown };
        keyset.seal_token(context, text, &mut Repeatable(9), &mut buffer[..room])
    };
    vec![
        on_device(name("keyset load"), &needles, |_| (), loaded),
        on_device(name("token seal"), &needles, loaded, move |device| {
            seal(device, Encoded::EMPTY, 2048).expect("sealed");
        }),
        on_device(name("token seal, no room"), &needles, loaded, move |device| {
            seal(device, Encoded::EMPTY, 9).expect_err("no room");
        }),
        on_device(name("token open"), &needles, loaded, move |device| {
            let Device { head, versions, buffer, .. } = device;
            let keyset =
                Keyset { head: head.expect("loaded"), versions: &**versions, now: Now::Unknown };
            keyset.open_token(Encoded::EMPTY, token, buffer).expect("opened");
        }),
    ]
}

fn images(of: Recipient, suite: Suite) -> Vec<Case> {
    let plan = Plan {
        suite: Some(suite),
        log2chunk: None,
        place: Place::Memory,
        stored: Encoded::EMPTY,
        external: Encoded::EMPTY,
    };
    let text: &'static [u8] = plaintext().leak();
    let seal = move |device: &mut Device, random: &mut dyn sealwax::rng::Random| -> Result<usize> {
        let recipient = of.key as &dyn KeyWrap;
        let front_len = Sealing::front_len(recipient, &plan)?;
        let (front, chunk) = device.buffer.split_at_mut(front_len);
        let sealing = &mut device.sealing;
        match of.name {
            "keyset" | "raw key" => sealing.begin(recipient, &plan, random, front)?,
            _ => sealing.begin_for_public_key(recipient, &plan, random, front)?,
        }
        chunk[..text.len()].copy_from_slice(text);
        let tag = sealing.seal_chunk(&mut chunk[..text.len()])?;
        chunk[text.len()..][..16].copy_from_slice(&tag);
        Ok(front_len + text.len() + 16)
    };
    let sealed = move || {
        let mut device = Device::new();
        let len = seal(&mut device, &mut Repeatable(10)).expect("sealed");
        device.buffer[..len].to_vec()
    };
    let envelope: &'static [u8] = sealed().leak();
    let needles = &known(of.secrets(envelope));
    let front_len = Parts::cut(envelope).header_len() + PAYLOAD_PREFIX_LEN;
    let name = |what: &str| format!("device {what}, {}, suite {}", of.name, suite as u8);
    let begin = move |device: &mut Device| {
        let requirements = Requirements {
            stored: Encoded::EMPTY,
            external: Encoded::EMPTY,
            min_epoch: 0,
            min_counter: None,
            digest: Digest::Sha256,
        };
        let (front, key) = (&envelope[..front_len], of.key as &dyn KeyWrap);
        let begun = match of.name {
            "keyset" | "raw key" => device.opening.begin(front, &[key], &requirements),
            _ => device.opening.begin_with_pairs(front, &[key], &requirements),
        };
        begun.expect("opened");
    };
    let open_chunk = move |device: &mut Device| {
        let chunk = &mut device.buffer[..envelope.len() - front_len];
        chunk.copy_from_slice(&envelope[front_len..]);
        let (piece, tag) = chunk.split_last_chunk_mut().expect("a tag");
        device.opening.open_chunk(0, piece, tag).expect("opened");
    };
    let mut cases = vec![
        on_device(name("open, the header"), needles, |_| (), begin),
        on_device(name("open, a chunk"), needles, begin, open_chunk),
        on_device(
            name("open, the digest"),
            needles,
            move |device| {
                begin(device);
                open_chunk(device);
            },
            |device| {
                device.opening.finish(&[1; 32]).expect_err("another digest");
                device.opening.progress(&mut [0; sealwax::device::progress::LEN]);
            },
        )
        .ends_early(),
        on_device(name("open, changed"), needles, begin, move |device| {
            let chunk = &mut device.buffer[..envelope.len() - front_len];
            chunk.copy_from_slice(&envelope[front_len..]);
            chunk[0] ^= 1;
            let (piece, tag) = chunk.split_last_chunk_mut().expect("a tag");
            device.opening.open_chunk(0, piece, tag).expect_err("changed");
        }),
        on_device(name("open, dropped"), needles, begin, |device| {
            *device.opening = Opening::closed();
        })
        .ends_early(),
        on_device(
            name("seal, no randomness"),
            needles,
            |_| (),
            move |device| {
                seal(device, &mut Failing(1)).expect_err("no randomness");
            },
        )
        .ends_early(),
        on_device(
            name("open by the header's own calls"),
            needles,
            |_| (),
            move |device| {
                let header = Header::parse(envelope, 1 << 16).expect("a header");
                let keys: [&dyn KeyWrap; 1] = [of.key];
                let key = header.open(&keys, &Wanted::default()).expect("opened");
                let prefix = envelope[header.len()..].first_chunk().expect("56 bytes");
                let opening = key.opening(prefix).expect("opened");
                let chunk = &mut device.buffer[..envelope.len() - front_len];
                chunk.copy_from_slice(&envelope[front_len..]);
                let (piece, tag) = chunk.split_last_chunk_mut().expect("a tag");
                opening.open_chunk(0, piece, tag).expect("opened");
            },
        ),
    ];
    // With aws-lc-rs X-Wing's share is another one each time.
    if of.name != "X-Wing" {
        cases.push(on_device(
            name("seal"),
            needles,
            |_| (),
            move |device| {
                seal(device, &mut Repeatable(10)).expect("sealed");
            },
        ));
    }
    if suite == Suite::ChaCha20Poly1305 {
        cases.push(on_device(name("open in two passes"), needles, begin, move |device| {
            let chunk = &envelope[front_len..];
            let mut read = |at: usize, out: &mut [u8]| {
                out.copy_from_slice(&chunk[at..at + out.len()]);
            };
            let piece: &mut [u8; PIECE_LEN] =
                (&mut device.buffer[..PIECE_LEN]).try_into().expect("its length");
            let opening = &mut device.opening;
            let opened = opening.open_mapped(0, chunk.len(), piece, &mut read, &mut |_, _| Ok(()));
            opened.expect("opened");
        }));
    }
    cases
}

fn pairs() -> Vec<Case> {
    let private: &'static [u8; 32] = leaked(Repeatable(701).array());
    let keyset = sealwax::Keyset::import_raw("device", Algorithm::X25519, private);
    let blob = keyset.expect("imported").expose_unprotected().expect("encoded").to_vec();
    let blob: &'static [u8] = blob.leak();
    let mut secrets = Secrets::default();
    secrets.add("private key", private);
    let needles = &known(secrets);
    let load = move |device: &mut Device| {
        device.load(blob, Family::Pairs);
        Head::fill_public(&mut *device.versions).expect("filled");
    };
    vec![
        on_device("device identity load".into(), needles, |_| (), load),
        on_device("device key pairs for handshakes".into(), needles, load, |device| {
            let mut pairs = std::mem::replace(&mut device.pairs, Box::new([KeyPair::vacant()]));
            device.keyset().key_pairs(&mut *pairs).expect("filled");
        }),
    ]
}
