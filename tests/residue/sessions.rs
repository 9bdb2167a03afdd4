// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions and their halves: records in both directions, changes of keys, sessions that are kept (format.md 13.7 to 13.13).

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use super::case::{Call, Case, known, leaked};
use super::kit::envelopes::expand;
use super::kit::random::Repeatable;
use super::needles::{Needles, Secrets, counted};
use super::sources::{plaintext, text};
use sealwax::secret::{Key, Raw, Traffic};
use sealwax::transit::{EXPORT_LEN, Keeping, Limits, Mode, RECORD_OVERHEAD, Role, Session};
use sealwax::{Error, Result, Suite};

/// format.md 13.9, for the first epochs of a direction.
pub(crate) fn add_traffic(secrets: &mut Secrets, first: &[u8], suite: u8) {
    let mut secret = first.to_vec();
    for epoch in 0u32..4 {
        secrets.add_hmac_key("traffic secret", &secret);
        let label = b"sealwax/v1/transit/record\0";
        let okm = expand(&secret, &[label, &[suite], &epoch.to_be_bytes()], 44);
        secrets.add_aead_key("record key", &okm[..32], suite, &counted(&okm[32..]));
        secret = expand(&secret, &[b"sealwax/v1/transit/next\0", &[suite]], 32);
    }
}

#[derive(Clone, Copy)]
struct Kind {
    suite: Suite,
    mode: Mode,
    is_kept: bool,
}

/// Two ends of a session, in places of their own: what moves is the pointer.
struct Ends {
    mine: Box<Session>,
    peers: Box<Session>,
    record: Vec<u8>,
    out: Vec<u8>,
}

const SEEDS: [u64; 2] = [300, 301];
const DEVICE: u64 = 302;
const NOW: u64 = 1_000;
const BINDING: [u8; 32] = [7; 32];

fn key<P>(seed: u64) -> Key<P> {
    let filled = Key::init_with(|bytes| {
        *bytes = Repeatable(seed).array();
        Ok(())
    });
    filled.expect("filling does not fail")
}

// Made once, and not within a call: what makes them leaves copies.
static TRAFFIC: LazyLock<[Key<Traffic>; 2]> = LazyLock::new(|| SEEDS.map(key));
static KEEPER: LazyLock<Key<Raw>> = LazyLock::new(|| key(DEVICE));

impl Kind {
    fn limits(self) -> Limits {
        let limits = Limits::of(self.suite).epoch(1 << 20, 1 << 30, 60_000);
        let limits = limits.expect("lower than the suite's");
        if self.is_kept { limits.kept() } else { limits }
    }

    fn begin(self, session: &mut Session, role: Role) {
        let [first, second] = &*TRAFFIC;
        let (sending, receiving) = match role {
            Role::Initiator => (first, second),
            Role::Responder => (second, first),
        };
        let kind = (self.suite, self.mode, role);
        session
            .danger_from_secrets(kind, sending, receiving, BINDING, &self.limits(), NOW)
            .expect("two secrets");
    }

    fn ends(self) -> Ends {
        let mut ends = Ends {
            mine: Box::new(Session::closed()),
            peers: Box::new(Session::closed()),
            record: vec![0; text().len() + RECORD_OVERHEAD],
            out: vec![0; 2 * text().len()],
        };
        self.begin(&mut ends.mine, Role::Initiator);
        self.begin(&mut ends.peers, Role::Responder);
        ends
    }

    fn secrets(self) -> Secrets {
        let mut secrets = Secrets::default();
        for seed in SEEDS {
            add_traffic(&mut secrets, &Repeatable(seed).array::<32>(), self.suite as u8);
        }
        secrets.add("plaintext", &plaintext());
        secrets
    }
}

impl Ends {
    /// The next record of the peer's.
    fn of_peer(&mut self) {
        self.peers.seal_into(NOW, text(), b"bound", &mut self.record).expect("sealed");
    }

    fn open_into(&mut self) -> Result<sealwax::transit::Record> {
        self.mine.open_into(NOW, &self.record, b"bound", &mut self.out)
    }

    fn seal(&mut self) {
        self.mine.seal_into(NOW, text(), b"bound", &mut self.record).expect("sealed");
    }
}

/// A call on one end, after what leads to it.
fn on_ends(
    name: String,
    kind: Kind,
    needles: &Arc<Needles>,
    before: impl Fn(&mut Ends) + 'static,
    call: impl Fn(&mut Ends) + Send + Sync + 'static,
) -> Case {
    let call = Arc::new(call);
    Case::of(name, needles, move || -> Call {
        let (call, mut ends) = (call.clone(), kind.ends());
        before(&mut ends);
        Box::new(move || call(&mut ends))
    })
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        for mode in [Mode::Stream, Mode::Datagram] {
            let kind = Kind { suite, mode, is_kept: false };
            cases.extend(sealing(kind));
            cases.extend(opening(kind));
            if mode == Mode::Datagram {
                cases.extend(kept(Kind { is_kept: true, ..kind }));
            }
        }
    }
    cases
}

fn name(what: &str, kind: Kind) -> String {
    format!("session {what}, {:?}, suite {}", kind.mode, kind.suite as u8)
}

fn sealing(kind: Kind) -> Vec<Case> {
    let needles = &known(kind.secrets());
    let nothing = |_: &mut Ends| ();
    let on_ends =
        |what: &str, call: fn(&mut Ends)| on_ends(name(what, kind), kind, needles, nothing, call);
    vec![
        on_ends("seal", Ends::seal),
        on_ends("seal in place", |ends| {
            ends.record[13..13 + text().len()].copy_from_slice(text());
            ends.mine.seal_in_place(NOW, &mut ends.record, b"bound").expect("sealed");
        }),
        on_ends("seal padded", |ends| {
            let sealed = ends.mine.sending().seal_padded_into(NOW, text(), 256, &[], &mut ends.out);
            sealed.expect("sealed");
        }),
        on_ends("seal, no room", |ends| {
            ends.mine.seal_into(NOW, text(), &[], &mut [0; 40]).expect_err("no room");
        })
        .ends_early(),
        on_ends("seal after a change of keys", |ends| {
            ends.mine.seal_into(NOW, b"x", &[], &mut [0; 40]).expect("sealed");
            ends.mine.sending().rekey();
            ends.seal();
        }),
        on_ends("rekey request", |ends| {
            ends.mine.seal_rekey_request_into(NOW, &mut [0; 40]).expect("sealed");
        }),
        on_ends("tick", |ends| {
            ends.mine.seal_into(NOW, b"x", &[], &mut [0; 40]).expect("sealed");
            ends.mine.tick(NOW + 61_000).expect("an epoch began");
        }),
        on_ends("close", |ends| {
            ends.mine.close_into(NOW, &mut [0; 40]).expect("sealed");
        }),
        on_ends("drop", |ends| {
            *ends.mine = Session::closed();
        })
        .ends_early(),
        on_ends("split, a half seals, the other opens", |ends| {
            let session = std::mem::replace(&mut *ends.mine, Session::closed());
            let (mut sending, mut receiving) = session.split().expect("not kept");
            sending.seal_into(NOW, text(), b"bound", &mut ends.out).expect("sealed");
            receiving.open_into(NOW, &ends.record, b"bound", &mut ends.out).expect_err("zeros");
        }),
        Case::of(name("begin from secrets", kind), needles, move || -> Call {
            let mut session = Box::new(Session::closed());
            Box::new(move || kind.begin(&mut session, Role::Initiator))
        }),
    ]
}

fn opening(kind: Kind) -> Vec<Case> {
    let needles = &known(kind.secrets());
    let after = |what: &str, before: fn(&mut Ends), call: fn(&mut Ends)| {
        on_ends(name(what, kind), kind, needles, before, call)
    };
    let opened = |ends: &mut Ends| {
        ends.open_into().expect("opened");
    };
    vec![
        after("open", Ends::of_peer, opened),
        after("open in place", Ends::of_peer, |ends| {
            ends.mine.open_in_place(NOW, &mut ends.record, b"bound").expect("opened");
        }),
        after("open, changed", Ends::of_peer, |ends| {
            *ends.record.last_mut().expect("not empty") ^= 1;
            ends.open_into().expect_err("changed");
        }),
        after("open in place, changed", Ends::of_peer, |ends| {
            ends.record[20] ^= 1;
            ends.mine.open_in_place(NOW, &mut ends.record, b"bound").expect_err("changed");
        }),
        after("open, associated data differs", Ends::of_peer, |ends| {
            ends.mine.open_into(NOW, &ends.record, b"other", &mut ends.out).expect_err("other");
        }),
        after("open twice", Ends::of_peer, |ends| {
            ends.open_into().expect("opened");
            ends.open_into().expect_err("it came before");
        }),
        after(
            "open padded",
            |ends| {
                ends.record.resize(1280 + RECORD_OVERHEAD, 0);
                let sealing = ends.peers.sending();
                let sealed = sealing.seal_padded_into(NOW, text(), 256, b"bound", &mut ends.record);
                assert_eq!(sealed.expect("sealed"), ends.record.len());
            },
            opened,
        ),
        after(
            "open, an epoch ahead",
            |ends| {
                ends.of_peer();
                ends.open_into().expect("opened");
                ends.peers.sending().rekey();
                ends.of_peer();
            },
            opened,
        ),
        after(
            "open, an epoch ahead, changed",
            |ends| {
                ends.of_peer();
                ends.open_into().expect("opened");
                ends.peers.sending().rekey();
                ends.of_peer();
                ends.record[20] ^= 1;
            },
            |ends| {
                ends.open_into().expect_err("changed");
            },
        ),
        after(
            "open the end",
            |ends| {
                ends.of_peer();
                ends.open_into().expect("opened");
                ends.record.truncate(RECORD_OVERHEAD);
                ends.peers.close_into(NOW, &mut ends.record).expect("sealed");
            },
            |ends| {
                ends.mine.open_into(NOW, &ends.record, &[], &mut ends.out).expect("opened");
            },
        ),
        after(
            "open a rekey request and follow it",
            |ends| {
                ends.record.truncate(RECORD_OVERHEAD + 4);
                let sealed = ends.peers.seal_rekey_request_into(NOW, &mut ends.record);
                sealed.expect("sealed");
            },
            |ends| {
                ends.mine.open_into(NOW, &ends.record, &[], &mut ends.out).expect("opened");
                ends.mine.seal_into(NOW, text(), &[], &mut ends.out).expect("sealed");
            },
        ),
    ]
}

fn keeping() -> Keeping<'static> {
    Keeping { device: &KEEPER, slot: b"slot" }
}

/// What is kept of a session that was just begun.
fn reserve(session: &mut Session) -> [u8; EXPORT_LEN] {
    let mut kept = [0; EXPORT_LEN];
    let reserved = session.reserve(16, &keeping(), &mut Repeatable(9), &mut |bytes| {
        kept = *bytes;
        Ok(())
    });
    reserved.expect("kept");
    kept
}

/// format.md 13.13.
fn kept(kind: Kind) -> Vec<Case> {
    let suite = kind.suite as u8;
    let mut secrets = kind.secrets();
    let device = Repeatable(DEVICE).array::<32>();
    secrets.add_hmac_key("device key", &device);
    let export = expand(&device, &[b"sealwax/v1/transit/export\0", &[suite]], 32);
    let salt = expand(&device, &[b"sealwax/v1/transit/export-salt\0", &[suite]], 32);
    secrets.add_hmac_key("K_export", &export);
    secrets.add_hmac_key("K_salt of exports", &salt);
    let first: &'static [u8; EXPORT_LEN] = leaked(reserve(&mut kind.ends().mine));
    let context = [&b"SWXS\x01"[..], &[suite, 4], b"slot", &[0; 32]].concat();
    secrets.add_value_key(&export, suite, &first[6..], &context);
    let needles = &known(secrets);
    let nothing = |_: &mut Ends| ();
    let import = |ends: &mut Ends, kept: &[u8]| {
        let limits = Limits::of(suite_of(kept));
        ends.mine.import(kept, &keeping(), None, &limits, NOW)
    };
    let on_ends =
        |what: &str, before: fn(&mut Ends), call: Box<dyn Fn(&mut Ends) + Send + Sync>| {
            on_ends(name(what, kind), kind, needles, before, call)
        };
    vec![
        on_ends(
            "reserve",
            nothing,
            Box::new(|ends| {
                black_box(reserve(&mut ends.mine));
            }),
        ),
        on_ends(
            "reserve, not stored",
            nothing,
            Box::new(|ends| {
                let mut store = |_: &[u8; EXPORT_LEN]| Err(Error::Random);
                let session = &mut ends.mine;
                session
                    .reserve(16, &keeping(), &mut Repeatable(9), &mut store)
                    .expect_err("refused");
            }),
        ),
        on_ends("import", nothing, Box::new(move |ends| import(ends, first).expect("imported"))),
        on_ends(
            "import, reserve and seal",
            nothing,
            Box::new(move |ends| {
                import(ends, first).expect("imported");
                black_box(reserve(&mut ends.mine));
                ends.seal();
            }),
        ),
        on_ends(
            "import, changed",
            nothing,
            Box::new(move |ends| {
                let mut changed = *first;
                changed[EXPORT_LEN - 1] ^= 1;
                import(ends, &changed).expect_err("changed");
            }),
        ),
        on_ends(
            "end of what is kept",
            |ends| {
                reserve(&mut ends.mine);
            },
            Box::new(|ends| {
                ends.mine.end(NOW, &mut |_| Ok(()), &mut ends.out).expect("ended");
            }),
        ),
    ]
}

fn suite_of(kept: &[u8]) -> Suite {
    Suite::from_u8(kept[5]).expect("a suite")
}
