// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors of records and of kept sessions: what each side seals and opens, step by step (format.md 13.8 to 13.13).

use sealwax::secret::Key;
use sealwax::transit::{
    Content, EXPORT_LEN, Keeping, Limits, MAX_PLAINTEXT_LEN, Mode, PeerKey, RECORD_HEADER_LEN,
    RECORD_OVERHEAD, Role, Session,
};
use sealwax::{Error, ErrorKind, Suite};
use serde_json::Value;

use super::expect::Expect;
use super::handshake_vectors::Fixed;
use super::keys::{list, number, only, string};
use super::shared::{unhex, unhex_array};

/// Where a session is kept, of a vector that keeps one.
struct Place {
    device: [u8; 32],
    slot: Vec<u8>,
}

fn key<P>(bytes: [u8; 32]) -> Key<P> {
    let mut key = Key::zeroed();
    *key.expose_bytes_mut() = bytes;
    key
}

fn small<T: TryFrom<u64>>(value: &Value, name: &str) -> T {
    T::try_from(number(value, name)).ok().expect("the number is in its range")
}

pub(crate) fn run_record(vector: &Value, expect: Expect) {
    let suite = Suite::from_u8(small(vector, "suite")).expect("a suite");
    let mode = Mode::from_u8(small(vector, "mode")).expect("a mode");
    let limits = Limits::of(suite).window(small(vector, "window")).expect("a window");
    let secrets = ["initiator_to_responder", "responder_to_initiator"]
        .map(|name| key(unhex_array(string(vector, name))));
    let mut sides = [Session::closed(), Session::closed()];
    for (at, role) in [Role::Initiator, Role::Responder].into_iter().enumerate() {
        let (sending, receiving) = (&secrets[at], &secrets[1 - at]);
        sides[at]
            .danger_from_secrets((suite, mode, role), sending, receiving, [7; 32], &limits, 0)
            .expect("the secrets differ");
    }
    let steps = list(&vector["steps"]);
    steps.iter().for_each(|step| take(step, &mut sides[usize::from(role_of(step) == 2)], None));
    let last = steps.last().expect("a vector does something");
    assert_eq!(Expect::parse(string(last, "expect")), expect);
}

pub(crate) fn run_session(vector: &Value, expect: Expect) {
    let place = Place {
        device: unhex_array(string(vector, "device")),
        slot: unhex(string(vector, "slot")),
    };
    let peer = Some(string(vector, "peer")).filter(|peer| !peer.is_empty());
    let peer = peer.map(|peer| PeerKey::parse(&unhex_array(peer)).expect("a public key"));
    let (kept, device) = (unhex(string(vector, "kept")), key(place.device));
    let keeping = Keeping { device: &device, slot: &place.slot };
    let suite = kept.get(5).and_then(|suite| Suite::from_u8(*suite).ok());
    let limits = Limits::of(suite.unwrap_or(Suite::ChaCha20Poly1305));
    let mut session = Session::closed();
    let imported = session.import(&kept, &keeping, peer.as_ref(), &limits, 0);
    if expect.check("Session::import", imported).is_none() {
        let sealed = session.seal_into(0, b"", b"", &mut [0; 64]);
        assert_eq!(sealed.expect_err("nothing was imported").kind(), ErrorKind::Misuse);
        return;
    }
    let parsed = &vector["parsed"];
    assert_eq!(session.role() as u64, number(parsed, "role"));
    assert_eq!(hex::encode(session.binding()), string(parsed, "binding"));
    assert_eq!(u64::from(session.receiving().epoch()), number(&parsed["receiving"], "epoch"));
    assert!(session.receiving().wants_rekey_request());
    for step in list(&vector["steps"]) {
        assert_eq!(role_of(step), number(parsed, "role"));
        take(step, &mut session, Some(&place));
    }
}

/// The number of the role that takes a step.
fn role_of(step: &Value) -> u64 {
    match string(step, "by") {
        "initiator" => 1,
        "responder" => 2,
        other => panic!("{other} is no role"),
    }
}

/// One step, both ways that there are to take it.
fn take(step: &Value, session: &mut Session, place: Option<&Place>) {
    let expect = Expect::parse(string(step, "expect"));
    let (given, results): (&[&str], &[&str]) = match string(step, "do") {
        "seal" => (&["content", "plaintext", "associated", "block", "new_epoch"], &["record"]),
        "open" => (&["record", "associated"], &["content", "plaintext", "epoch", "counter"]),
        "store" => (&["block", "random"], &["kept"]),
        other => panic!("{other} is nothing to do"),
    };
    let mut fields = [&["by", "do", "expect"], given].concat();
    fields.extend(results.iter().filter(|_| expect == Expect::Ok));
    only(step, &fields);
    match string(step, "do") {
        "seal" => {
            if let Some(record) = expect.check("seal", seal(step, session)) {
                assert_eq!(hex::encode(record), string(step, "record"));
            }
        }
        "open" => open(step, session, expect),
        _ => {
            let kept = store(step, session, place.expect("this session is kept"));
            if let Some(kept) = expect.check("Session::reserve", kept) {
                assert_eq!(hex::encode(kept), string(step, "kept"));
            }
        }
    }
}

fn seal(step: &Value, session: &mut Session) -> Result<Vec<u8>, Error> {
    let (plaintext, associated) =
        (unhex(string(step, "plaintext")), unhex(string(step, "associated")));
    if step["new_epoch"].as_bool().expect("true or false") {
        session.sending().rekey();
    }
    let mut out = vec![0; MAX_PLAINTEXT_LEN + RECORD_OVERHEAD];
    let len = match string(step, "content") {
        // The two ways take turns: each record can be sealed only once.
        "data" if plaintext.len() % 2 == 0 => {
            session.seal_into(0, &plaintext, &associated, &mut out)?
        }
        "data" => {
            let len = plaintext.len() + RECORD_OVERHEAD;
            out[RECORD_HEADER_LEN..][..plaintext.len()].copy_from_slice(&plaintext);
            session.seal_in_place(0, &mut out[..len], &associated)?;
            len
        }
        "padded" => {
            let block = small(step, "block");
            session.sending().seal_padded_into(0, &plaintext, block, &associated, &mut out)?
        }
        "empty" => session.sending().seal_empty_into(0, &mut out)?,
        "rekey-request" => {
            // A session asks about the epoch that it receives in, and about no other.
            let epoch = session.receiving().epoch();
            assert_eq!(plaintext, epoch.to_be_bytes());
            session.seal_rekey_request_into(0, &mut out)?
        }
        "close" => session.close_into(0, &mut out)?,
        other => panic!("{other} cannot be sealed"),
    };
    out.truncate(len);
    Ok(out)
}

fn open(step: &Value, session: &mut Session, expect: Expect) {
    let (record, associated) = (unhex(string(step, "record")), unhex(string(step, "associated")));
    let room = record.len().saturating_sub(RECORD_OVERHEAD);
    let (mut out, mut in_place) = (vec![0; room], record.clone());
    let opened = match record.len() % 2 {
        0 => session.open_into(0, &record, &associated, &mut out),
        _ => {
            let opened = session.open_in_place(0, &mut in_place, &associated);
            out.copy_from_slice(&in_place[RECORD_HEADER_LEN.min(in_place.len())..][..room]);
            opened
        }
    };
    let touched = matches!(opened, Err(Error::Decrypt));
    let Some(opened) = expect.check("open", opened) else {
        // Refused before it was touched, or wiped.
        let is_clean = out.iter().all(|byte| *byte == 0) || in_place == record;
        assert!(is_clean || !touched, "something of a refused record was left");
        return;
    };
    let content = match opened.content {
        Content::Data => "data",
        Content::Close => "close",
        Content::RekeyRequest => "rekey-request",
        Content::Empty => "empty",
    };
    assert_eq!(content, string(step, "content"));
    assert_eq!(hex::encode(&out[..opened.len]), string(step, "plaintext"));
    assert_eq!(u64::from(opened.epoch), number(step, "epoch"));
    assert_eq!(opened.counter, number(step, "counter"));
}

fn store(step: &Value, session: &mut Session, place: &Place) -> Result<Vec<u8>, Error> {
    let device = key(place.device);
    let keeping = Keeping { device: &device, slot: &place.slot };
    let mut random = Fixed(unhex(string(step, "random")));
    let mut kept = Vec::new();
    session.reserve(small(step, "block"), &keeping, &mut random, &mut |state| {
        assert_eq!(state.len(), EXPORT_LEN);
        kept = state.to_vec();
        Ok(())
    })?;
    Ok(kept)
}
