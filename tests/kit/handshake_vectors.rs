// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors of handshakes: both sides, from the random bytes that the file gives (format.md 13).

use sealwax::rng::{Now, Random};
use sealwax::secret::Key;
use sealwax::transit::{
    Handshake, Hybrid, KeyPair, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Party, Pattern, Peer,
    Peers, Received, Settings, Verdict,
};
use sealwax::{Context, Suite};
use serde_json::Value;

use super::keys::{list, number, string};
use super::shared::{unhex, unhex_array};

/// A source that gives these bytes, once.
pub(crate) struct Fixed(pub(crate) Vec<u8>);

impl Random for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> sealwax::Result<()> {
        let given: Vec<u8> = self.0.drain(..out.len()).collect();
        out.copy_from_slice(&given);
        Ok(())
    }
}

fn settings(vector: &Value) -> Settings {
    let byte = |name: &str| u8::try_from(number(vector, name)).expect("a u8");
    Settings {
        pattern: Pattern::from_u8(byte("pattern")).expect("a pattern"),
        suite: Suite::from_u8(byte("suite")).expect("a suite"),
        mode: Mode::from_u8(byte("mode")).expect("a mode"),
        hybrid: if byte("hybrid") == 1 { Hybrid::On } else { Hybrid::Off },
    }
}

fn key<P>(hex: &str) -> Option<Key<P>> {
    let mut key = Key::zeroed();
    *key.expose_bytes_mut() = if hex.is_empty() { return None } else { unhex_array(hex) };
    Some(key)
}

fn contexts(vector: &Value) -> Vec<Context> {
    list(&vector["contexts"])
        .iter()
        .map(|context| {
            let entries = context.as_object().expect("a context is an object");
            entries.iter().fold(Context::new(), |context, (name, value)| {
                context.with(name, unhex(value.as_str().expect("hex"))).expect("a good entry")
            })
        })
        .collect()
}

pub(crate) fn run_handshake(vector: &Value) {
    let settings = settings(vector);
    let pair = |name: &str| key(string(vector, name)).map(|key| KeyPair::new(&key));
    let keys = [pair("initiator_static"), pair("responder_static")].map(Vec::from_iter);
    let publics = keys.each_ref().map(|keys| keys.iter().map(KeyPair::public).collect::<Vec<_>>());
    let (prologue, psk) = (unhex(string(vector, "prologue")), key(string(vector, "psk")));
    let party = |at: usize| Party {
        settings,
        prologue: &prologue,
        keys: &keys[at],
        peers: Peers::Pinned(&publics[1 - at]),
        psk: psk.as_ref(),
        now: Now::Seconds(0),
    };
    let encapsulation = unhex(string(vector, "encapsulation"));
    // aws-lc-rs draws ML-KEM's bytes itself: with it, what the responder answers is only read.
    let makes_second = encapsulation.is_empty() || sealwax::BACKEND != "aws-lc-rs";
    let mut random =
        ["initiator_random", "responder_random"].map(|name| Fixed(unhex(string(vector, name))));
    let mut sides = [Handshake::initiator(), Handshake::responder()];
    let messages: Vec<_> =
        list(&vector["messages"]).iter().map(|hex| unhex(hex.as_str().expect("hex"))).collect();
    for (at, (message, context)) in messages.iter().zip(contexts(vector)).enumerate() {
        let (writer, reader) = (at % 2, 1 - at % 2);
        if writer == 0 || makes_second {
            let mut out = [0; MAX_MESSAGE_LEN];
            let context = context.as_encoded();
            let len = sides[writer]
                .write(&party(writer), context, &mut random[writer], &mut out)
                .expect("it is its turn");
            assert_eq!(hex::encode(&out[..len]), hex::encode(message), "message {}", at + 1);
        }
        if reader == 0 || makes_second || at == 0 {
            let mut out = [0; MAX_CONTEXT_LEN];
            let mut accept = |_: &Peer<'_>| Verdict::Accept;
            let incoming = sides[reader]
                .read(&party(reader), message, &mut accept, &mut out)
                .expect("the message holds");
            let Received::Context(read) = incoming else { panic!("it is read once") };
            assert_eq!(read, context.as_encoded());
        }
    }
    assert!(sides[0].is_finished());
    assert_eq!(sides[1].is_finished(), makes_second);
}
