// SPDX-License-Identifier: MIT OR Apache-2.0
//! Envelopes for each kind of recipient: sealed, opened, changed, rewrapped, as a whole and as streams.

use std::hint::black_box;
use std::io::{Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use super::case::{Call, Case, case, known, leaked};
use super::kit::envelopes::{Parts, expand};
use super::kit::keys::cheap_passphrase;
use super::kit::random::Repeatable;
use super::needles::{Needles, Secrets};
use super::providers::Provider;
use super::sources::{Panicking, Recorded, panics, plaintext};
use super::{providers, tokens, x_wing};
use sealwax::id::RawKeyId;
use sealwax::secret::Key;
use sealwax::wrap::raw_key::RawKey;
use sealwax::{Algorithm, KeyWrap, Keyset, Opener, Rewrapper, Sealer, Suite};
use zeroize::Zeroizing;

/// A recipient, from what it is made of.
#[derive(Clone, Copy)]
pub(crate) struct Recipient {
    pub(crate) name: &'static str,
    pub(crate) key: &'static (dyn KeyWrap + Sync),
    material: Material,
}

#[derive(Clone, Copy)]
enum Material {
    Keyset { root: &'static [u8; 32], keyset: &'static Keyset },
    Raw(&'static [u8; 32], [u8; 16]),
    Passphrase,
    X25519(&'static [u8; 32]),
    XWing(&'static [u8; 32]),
    Provided([u8; 32]),
}

const PASSPHRASE: &str = "correct horse battery staple, forty-two";

impl Recipient {
    pub(crate) fn all(suite: Suite) -> Vec<Recipient> {
        let number = suite as u64;
        let root = leaked(Repeatable(40 + number).array());
        let keyset = leaked(Keyset::import_raw("orders", suite, root).expect("imported"));
        let pair = |algorithm: Algorithm| {
            let secret: &'static [u8; 32] =
                leaked(Repeatable(60 + u64::from(algorithm.number())).array());
            let keyset = Keyset::import_raw("me", algorithm, secret).expect("imported");
            (secret, leaked(keyset))
        };
        let (x25519, of_x25519) = pair(Algorithm::X25519);
        let (seed, of_x_wing) = pair(Algorithm::XWing);
        let passphrase = leaked(cheap_passphrase(PASSPHRASE));
        let recipient = |name, key, material| Recipient { name, key, material };
        vec![
            recipient("keyset", keyset, Material::Keyset { root, keyset }),
            Recipient::raw("raw key", 50, [6; 16]),
            recipient("passphrase", passphrase, Material::Passphrase),
            recipient("X25519", of_x25519, Material::X25519(x25519)),
            recipient("X-Wing", of_x_wing, Material::XWing(seed)),
            recipient("provider", Provider::new(55), Material::Provided(Repeatable(55).array())),
        ]
    }

    pub(crate) fn raw(name: &'static str, seed: u64, id: [u8; 16]) -> Recipient {
        let bytes: &'static [u8; 32] = leaked(Repeatable(seed).array());
        let key = Key::init_with(|key| {
            *key = *bytes;
            Ok(())
        });
        let key = RawKey::new(RawKeyId(id), key.expect("filling does not fail"));
        Recipient { name, key: leaked(key), material: Material::Raw(bytes, id) }
    }

    /// All that opening this envelope takes: format.md 5, 4 and 5A.
    pub(crate) fn secrets(&self, envelope: &[u8]) -> Secrets {
        let mut secrets = Secrets::default();
        let parts = Parts::cut(envelope);
        let (_, body) = &parts.slots[0].entries[0];
        let data_key = self.add_entry(&mut secrets, &parts, body);
        secrets.add_data_key(&data_key, envelope);
        secrets.add("plaintext", &plaintext());
        secrets
    }

    /// What its entry takes. Returns the data key.
    fn add_entry(&self, secrets: &mut Secrets, parts: &Parts, body: &[u8]) -> Vec<u8> {
        let (suite, core_hash) = (parts.core[5], parts.core_hash());
        match self.material {
            Material::Keyset { root, keyset } => {
                let [_, wrap] = tokens::add_version(secrets, root, suite, keyset);
                secrets.add_value_key(&wrap, suite, &body[20..], &core_hash)
            }
            Material::Raw(key, id) => {
                secrets.add_hmac_key("raw key", key);
                let wrap = expand(key, &[b"sealwax/v1/raw-key\0", &[suite], &id], 32);
                secrets.add_wrap_key("K_raw", &wrap);
                secrets.add_value_key(&wrap, suite, &body[16..], &core_hash)
            }
            Material::Passphrase => {
                secrets.add("passphrase", PASSPHRASE.as_bytes());
                let (costs, rest) = body.split_at(9);
                let stretched = stretch(secrets, costs, &rest[..16]);
                let info: [&[u8]; 3] = [b"sealwax/v1/passphrase\0", &[suite], costs];
                let wrap = expand(&stretched, &info, 32);
                secrets.add_wrap_key("K_pw", &wrap);
                secrets.add_value_key(&wrap, suite, &rest[16..], &core_hash)
            }
            Material::X25519(private) => {
                secrets.add("private key", private);
                let (enc, ct) = body[8..].split_at(32);
                let shared = x_wing::add_dhkem(secrets, private, enc);
                x_wing::add_schedule(secrets, 3, &shared, &core_hash, ct)
            }
            Material::XWing(seed) => {
                x_wing::add_private(secrets, seed);
                let (enc, ct) = body[8..].split_at(1120);
                let shared = x_wing::add_shared(secrets, seed, enc);
                x_wing::add_schedule(secrets, 4, &shared, &core_hash, ct)
            }
            Material::Provided(key) => {
                let (wrap, wrapped_at) = providers::add_provided(secrets, &key, suite, body);
                secrets.add_value_key(&wrap, suite, &body[wrapped_at..], &core_hash)
            }
        }
    }
}

/// Argon2id of the passphrase (RFC 9106), and the first and the last block of its memory. Returns the output.
fn stretch(secrets: &mut Secrets, costs: &[u8], salt: &[u8]) -> Vec<u8> {
    let number = |at: usize| u32::from_be_bytes(costs[at..at + 4].try_into().expect("4 bytes"));
    let params = argon2::Params::new(number(0), number(4), u32::from(costs[8]), Some(32));
    let params = params.expect("they are allowed");
    let mut blocks = vec![argon2::Block::default(); params.block_count()];
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut out = vec![0; 32];
    argon2
        .hash_password_into_with_memory(PASSPHRASE.as_bytes(), salt, &mut out, &mut blocks)
        .expect("there is memory");
    for block in [&blocks[0], &blocks[blocks.len() - 1]] {
        let words: &[u64] = block.as_ref();
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        secrets.add("Argon2id's memory", &bytes);
    }
    secrets.add_hmac_key("Argon2id's output", &out);
    out
}

/// Where a call leaves the envelope that it made, whose secrets are known only then.
type Made = Arc<Mutex<Vec<u8>>>;

/// A call that makes an envelope of its own.
fn making(
    name: String,
    of: Recipient,
    call: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
) -> Case {
    let (call, made) = (Arc::new(call), Made::default());
    let after = made.clone();
    let prepare = move || -> Call {
        let (call, made) = (call.clone(), made.clone());
        // Long enough from the start: what grows leaves the beginnings of an envelope, which are public.
        made.lock().expect("nobody else").clear();
        made.lock().expect("nobody else").reserve(16 * 1024);
        Box::new(move || call(&mut made.lock().expect("nobody else")))
    };
    Case::told_after(name, prepare, move || known(of.secrets(&after.lock().expect("nobody else"))))
}

/// Other recipients, so that rewrap has something to do.
pub(crate) fn extra(number: u8) -> Recipient {
    Recipient::raw("another", 500 + u64::from(number), [100 + number; 16])
}

/// What adding one of them took, where that was done.
pub(crate) fn add_extra(secrets: &mut Secrets, extra: &Recipient, header: &[u8]) {
    let Material::Raw(_, id) = extra.material else { panic!("they are raw keys") };
    let parts = Parts::cut(header);
    // A slot that was never used has no entries.
    let mut entries = parts.slots.iter().flat_map(|slot| &slot.entries);
    let body = entries.find(|(kind, body)| *kind == 5 && body[..16] == id);
    extra.add_entry(secrets, &parts, &body.expect("it was added").1);
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        for of in Recipient::all(suite) {
            cases.extend(sealing(of, suite));
            cases.extend(opening(of, suite));
        }
    }
    cases
}

fn sealer(of: Recipient, suite: Suite) -> Sealer<'static> {
    Sealer::new().suite(suite).recipient(of.key)
}

fn sealing(of: Recipient, suite: Suite) -> Vec<Case> {
    let name = |what: &str| format!("envelope {what}, {}, suite {}", of.name, suite as u8);
    let text: &'static [u8] = plaintext().leak();
    let sealer = move || sealer(of, suite);
    vec![
        making(name("seal"), of, move |out| {
            out.resize(sealer().sealed_len(text.len()).expect("a length"), 0);
            sealer().seal_into_with_rng(text, out, &mut Repeatable(99)).expect("sealed");
        }),
        making(name("seal in place"), of, move |out| {
            out.reserve(sealer().sealed_len(text.len()).expect("a length"));
            out.extend_from_slice(text);
            sealer().seal_in_place(out).expect("sealed");
        }),
        making(name("seal by the chunk"), of, move |out| {
            let (front, mut chunks) = sealer().begin_with_rng(&mut Repeatable(98)).expect("begun");
            out.extend(front);
            let at = out.len();
            out.extend_from_slice(text);
            let tag = chunks.seal_chunk(&mut out[at..]).expect("sealed");
            out.extend(tag);
        }),
        making(name("seal by the batch"), of, move |out| {
            let (front, mut chunks) = sealer().begin_with_rng(&mut Repeatable(98)).expect("begun");
            out.extend(front);
            let at = out.len();
            out.extend_from_slice(text);
            out.extend([0; 16]);
            chunks.seal_batch(&mut out[at..]).expect("sealed");
        }),
        making(name("write as a stream"), of, move |out| {
            let mut writer = sealer().writer(out).expect("begun");
            writer.write_all(text).expect("written");
            writer.finish().expect("finished");
        }),
        making(name("write as a stream, flushed in between"), of, move |out| {
            let long = Zeroizing::new(text.repeat(20));
            out.reserve(2 * long.len());
            let mut writer = sealer().writer(out).expect("begun");
            for _ in 0..2 {
                writer.write_all(&long).expect("written");
                writer.flush().expect("flushed");
            }
            writer.finish().expect("finished");
        }),
        // Sealed never: it waits in a buffer.
        making(name("write as a stream, dropped"), of, move |out| {
            sealer().writer(out).expect("begun").write_all(text).expect("written");
        }),
        // What is sealed and then dropped: the same draws as of the first.
        {
            let drawn = sealed_by(of, suite, 99);
            case(name("seal, the source panics"), &known(of.secrets(&drawn)), move || {
                for draws in 0..3 {
                    let mut out = vec![0; drawn.len()];
                    let mut random = Panicking(draws, Repeatable(99));
                    let seal = || sealer().seal_into_with_rng(text, &mut out, &mut random);
                    black_box(panics(seal));
                }
            })
            .ends_early()
        },
    ]
}

fn sealed_by(of: Recipient, suite: Suite, seed: u64) -> Vec<u8> {
    let (text, mut recorded) = (plaintext(), Recorded::new(seed));
    let mut envelope = vec![0; sealer(of, suite).sealed_len(text.len()).expect("a length")];
    let sealed = sealer(of, suite).seal_into_with_rng(&text, &mut envelope, &mut recorded);
    sealed.expect("sealed");
    envelope
}

fn opening(of: Recipient, suite: Suite) -> Vec<Case> {
    let name = |what: &str| format!("envelope {what}, {}, suite {}", of.name, suite as u8);
    let envelope: &'static [u8] = sealed_by(of, suite, 97).leak();
    let secrets = of.secrets(envelope);
    let needles: &Arc<Needles> = &known(secrets.clone());
    let header_len = Parts::cut(envelope).header_len();
    let opener = move || Opener::new().key(of.key);
    let read_all = |reader: &mut dyn Read| {
        let mut block = Zeroizing::new([0; 256]);
        while reader.read(&mut *block).expect("read") > 0 {}
    };
    let mut cases = vec![
        case(name("open"), needles, move || {
            black_box(opener().open(envelope).expect("opened"));
        }),
        case(name("open in place"), needles, move || {
            let mut buffer = Zeroizing::new(envelope.to_vec());
            opener().open_in_place(&mut buffer).expect("opened");
        }),
        // Who owns it wipes what it holds, and not what is behind its end.
        case(name("open in place, wiped by its owner"), needles, move || {
            let mut buffer = envelope.to_vec();
            opener().open_in_place(&mut buffer).expect("opened");
            black_box(&mut buffer).fill(0);
            black_box(&mut buffer);
        }),
        case(name("open, no room"), needles, move || {
            opener().open_into(envelope, &mut [0; 9]).expect_err("no room");
        }),
        case(name("open, changed payload"), needles, move || {
            let mut changed = envelope.to_vec();
            *changed.last_mut().expect("not empty") ^= 1;
            opener().open(&changed).expect_err("changed");
        }),
        case(name("open, changed header"), needles, move || {
            let mut changed = envelope.to_vec();
            changed[10] ^= 1;
            opener().open(&changed).expect_err("changed");
        })
        .ends_early(),
        case(name("open by the chunk"), needles, move || {
            let opening = opener().begin(&envelope[..header_len + 56]).expect("opened");
            let mut chunk = Zeroizing::new(envelope[header_len + 56..].to_vec());
            let (piece, tag) = chunk.split_last_chunk_mut().expect("a tag");
            opening.open_chunk(0, piece, tag).expect("opened");
        }),
        case(name("open by the batch"), needles, move || {
            let opening = opener().begin(&envelope[..header_len + 56]).expect("opened");
            let mut batch = Zeroizing::new(envelope[header_len + 56..].to_vec());
            opening.open_batch(0, &mut batch).expect("opened");
        }),
        case(name("read as a stream"), needles, move || {
            read_all(&mut opener().reader(envelope).expect("opened"));
        }),
        case(name("read with seeks"), needles, move || {
            read_all(&mut opener().seek_reader(Cursor::new(envelope)).expect("opened"));
        }),
    ];
    // With public keys and passphrases rewrap may have nothing that it may do.
    let extra = extra(0);
    let rewrap = move || {
        let rewrapper = Rewrapper::new().key(of.key).recipient(extra.key);
        rewrapper.rewrap_header_with_rng(envelope, &mut Repeatable(4)).ok().flatten()
    };
    let (mut secrets, rewrapped) = (secrets, rewrap());
    if let Some(rewrapped) = &rewrapped {
        add_extra(&mut secrets, &extra, &rewrapped.header);
    }
    let case = case(name("rewrap"), &known(secrets), move || {
        black_box(rewrap());
    });
    cases.push(if rewrapped.is_some() { case } else { case.ends_early() });
    cases
}
