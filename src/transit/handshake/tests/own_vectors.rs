// SPDX-License-Identifier: MIT OR Apache-2.0
//! The secrets of our own vectors, which the public calls do not show.

use super::*;

/// The secrets of our own vectors, which the public calls do not show.
#[test]
fn our_own_vectors_end_with_their_secrets() {
    use crate::primitives::kem::x_wing_encapsulate_derand;
    use crate::shared_vectors::{unhex, unhex_array};
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut ran = 0;
    for file in std::fs::read_dir(folder).expect("the vectors are here") {
        let path = file.expect("the folder can be listed").path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("handshake-")) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a vector can be read");
        let vector: serde_json::Value = serde_json::from_str(&text).expect("a vector is JSON");
        let hex = |name: &str| vector[name].as_str().expect("hex");
        let step = |name: &str| vector["intermediates"][name].as_str().map(unhex);
        let byte = |name: &str| u8::try_from(vector[name].as_u64().expect("a number")).expect("u8");
        let suite = Suite::from_u8(byte("suite")).expect("a suite");
        let pattern = Pattern::from_u8(byte("pattern")).expect("a pattern");
        let hybrid = if byte("hybrid") == 1 { Hybrid::On } else { Hybrid::Off };
        let mut given = Key::<Psk>::zeroed();
        if pattern.has_psk() {
            *given.expose_bytes_mut() = unhex_array(hex("psk"));
        }
        let mut psk = Key::<Psk>::zeroed();
        *psk.expose_bytes_mut() = *given.expose_bytes();
        if hybrid == Hybrid::On {
            let seed = unhex_array(hex("seed"));
            let public = crate::primitives::kem::XWing::expand(&seed).public();
            let encapsulation = unhex_array(hex("encapsulation"));
            let (enc, shared) = x_wing_encapsulate_derand(&public, &encapsulation).expect("good");
            assert_eq!(Some(shared.to_vec()), step("ss"), "{path:?}");
            let first = unhex(vector["messages"][0].as_str().expect("hex"));
            let head = &first[..FIRST_HEAD_LEN];
            psk = crate::derive::hybrid_psk(&given, suite, head, &shared, &public, &enc);
            assert_eq!(Some(psk.expose_bytes().to_vec()), step("psk"), "{path:?}");
        }
        let pair = |name: &str| match hex(name) {
            "" => None,
            private => {
                let mut key = Key::zeroed();
                *key.expose_bytes_mut() = unhex_array(private);
                Some(KeyPair::new(&key))
            }
        };
        let (initiator, responder) = (pair("initiator_static"), pair("responder_static"));
        let side = |role, own: &Option<KeyPair>, other: &Option<KeyPair>| {
            let shape = pattern.shape(hybrid);
            let other_role =
                if role == Role::Initiator { Role::Responder } else { Role::Initiator };
            let other = other.as_ref().map(|pair| pair.public().0);
            let rs = other.as_ref().filter(|_| shape.is_known_before(other_role));
            let s = own.as_ref().and_then(|own| own.pair.as_ref());
            let prologue = step("prologue").expect("a prologue");
            let before = Before { shape, suite, role, prologue: &[&prologue], s, rs };
            Noise::initialize(&before).expect("all is given")
        };
        let mut sides = [
            side(Role::Initiator, &initiator, &responder),
            side(Role::Responder, &responder, &initiator),
        ];
        assert_eq!(Some(sides[0].symmetric().handshake_hash().to_vec()), step("start.h"));
        let settings = Settings { pattern, suite, mode: Mode::Stream, hybrid };
        for (at, message) in vector["messages"].as_array().expect("a list").iter().enumerate() {
            let number = at as u8 + 1;
            let head_len = if number == 1 { FIRST_HEAD_LEN } else { LATER_HEAD_LEN };
            let message = unhex(message.as_str().expect("hex"));
            let message = &message[head_len + settings.kem_len(number)..];
            let mut random = Fixed(unhex(hex(match at % 2 {
                0 => "initiator_ephemeral",
                _ => "responder_ephemeral",
            })));
            let psk = if number == 1 { &given } else { &psk };
            let [one, two] = &mut sides;
            let (writer, reader) = if at % 2 == 0 { (one, two) } else { (two, one) };
            let mut payload = [0; MAX_CONTEXT_LEN];
            let (heard, len) = reader.read(psk, message, &mut payload).expect("it holds");
            reader.advance(heard);
            let mut out = vec![0; writer.message_len(len)];
            writer.write(psk, &payload[..len], &mut random, &mut out).expect("its turn");
            assert_eq!(out, message, "{path:?}");
            let h = step(&format!("message{number}.h"));
            assert_eq!(Some(writer.symmetric().handshake_hash().to_vec()), h, "{path:?}");
        }
        for side in &sides {
            let (first, second) = side.symmetric().split();
            assert_eq!(first.expose_bytes().to_vec(), unhex(hex("initiator_to_responder")));
            assert_eq!(second.expose_bytes().to_vec(), unhex(hex("responder_to_initiator")));
            assert_eq!(side.symmetric().handshake_hash().to_vec(), unhex(hex("binding")));
        }
        ran += 1;
    }
    assert_eq!(ran, 20);
}

/// A source that gives these bytes, once.
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let given: Vec<u8> = self.0.drain(..out.len()).collect();
        out.copy_from_slice(&given);
        Ok(())
    }
}
