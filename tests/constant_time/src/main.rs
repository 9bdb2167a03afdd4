// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens tokens, envelopes, handshakes and records with keys that valgrind takes for undefined: whatever then depends on a secret is
//! reported, and each operation prints how often that was.
//!
//! Places where an outcome becomes public, as whether a commitment holds, are in `public.supp`. The last operations
//! leak on purpose, and must be reported.

mod transit;
mod valgrind;

use std::hint::black_box;

use sealwax::id::RawKeyId;
use sealwax::rng::{Now, Random};
use sealwax::secret::Key;
use sealwax::transit::{Hybrid, Pattern};
use sealwax::wrap::passphrase::{Params, Passphrase};
use sealwax::wrap::raw_key::RawKey;
use sealwax::{Algorithm, Context, Error, KeyWrap, Keyset, Opener, Result, Sealer, Suite};
use sha2::{Digest, Sha256};
use valgrind::{is_heard, mark_public, mark_secret, reports, secret_text};

/// Numbers that repeat in each run. Whatever is as long as a key is a secret.
struct Secretive(u64);

impl Random for Secretive {
    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        for byte in out.iter_mut() {
            // The constants of Knuth's MMIX generator.
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
        if out.len() >= 32 {
            mark_secret(out);
        }
        Ok(())
    }
}

fn main() {
    if !is_heard() {
        println!("constant time: run this under valgrind: it would notice nothing alone");
        std::process::exit(2);
    }
    println!("constant time: backend {}", sealwax::BACKEND);
    let mut wrong = Vec::new();
    for (name, operation) in OPERATIONS {
        let before = reports();
        operation();
        let found = reports() - before;
        println!("constant time: {name}: {found} reports");
        if (found > 0) != name.starts_with("planted") {
            wrong.push(*name);
        }
    }
    println!("constant time: {} operations, wrong: {wrong:?}", OPERATIONS.len());
    std::process::exit(i32::from(!wrong.is_empty()));
}

const OPERATIONS: &[(&str, fn())] = &[
    ("token, suite 1", || token(Suite::Cobblestone256)),
    ("token, suite 2", || token(Suite::ChaCha20Poly1305)),
    ("token, changed commitment", || changed_token(30)),
    ("token, changed tag", || changed_token(100)),
    ("key lookup in five keysets", lookup),
    ("envelope for a keyset, suite 1", || for_keyset(Suite::Cobblestone256)),
    ("envelope for a keyset, suite 2", || for_keyset(Suite::ChaCha20Poly1305)),
    ("envelope, changed key block", changed_key_block),
    ("envelope, changed payload", changed_payload),
    ("envelope for a raw key", for_raw_key),
    ("envelope for X25519", || for_pair(Algorithm::X25519)),
    ("envelope for X-Wing", || for_pair(Algorithm::XWing)),
    ("envelope for a passphrase", for_passphrase),
    ("handshake XX", || transit::handshake(Pattern::XX, Hybrid::Off)),
    ("handshake XX with X-Wing", || transit::handshake(Pattern::XX, Hybrid::On)),
    ("handshake IK", || transit::handshake(Pattern::IK, Hybrid::Off)),
    ("handshake IK with X-Wing", || transit::handshake(Pattern::IK, Hybrid::On)),
    ("handshake KK", || transit::handshake(Pattern::KK, Hybrid::Off)),
    ("handshake NNpsk0", || transit::handshake(Pattern::NNpsk0, Hybrid::Off)),
    ("handshake IKpsk2", || transit::handshake(Pattern::IKpsk2, Hybrid::Off)),
    ("handshake, changed messages", transit::changed_messages),
    ("peer's key among five pinned, and among none", transit::peers),
    ("records, suite 1", || transit::records(Suite::Cobblestone256)),
    ("records, suite 2", || transit::records(Suite::ChaCha20Poly1305)),
    ("kept session", transit::kept),
    ("planted: a branch on a key", planted_branch),
    ("planted: a table looked up by a key", planted_lookup),
    ("planted: an early return from a comparison", planted_comparison),
];

fn keyset(algorithm: impl Into<Algorithm>, seed: u64) -> Keyset {
    let mut random = Secretive(seed);
    let made = Keyset::generate_with_rng("test", algorithm.into(), Now::Unknown, &mut random);
    made.expect("no key is refused")
}

fn token(suite: Suite) {
    let (keyset, context) = (keyset(suite, 1), Context::new());
    let sealed = sealed_token(&keyset, &context);
    let opened = keyset.open(&sealed, &context).expect("as sealed");
    mark_public(&opened);
    assert_eq!(&**opened, PLAINTEXT);
}

fn sealed_token(keyset: &Keyset, context: &Context) -> Vec<u8> {
    let sealed = keyset.seal_with_rng(PLAINTEXT, context, &mut Secretive(2)).expect("it is short");
    mark_public(&sealed);
    sealed
}

/// A token's salt is from byte 5, its commitment from 29, its tag the last 16.
fn changed_token(at: usize) {
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let (keyset, context) = (keyset(suite, 1), Context::new());
        let mut sealed = sealed_token(&keyset, &context);
        let at = at.min(sealed.len() - 1);
        sealed[at] ^= 1;
        let refused = keyset.open(&sealed, &context);
        assert!(matches!(refused, Err(Error::Decrypt)), "a key was asked");
    }
}

fn lookup() {
    let keysets: Vec<_> = (1..=5).map(|seed| keyset(Suite::ChaCha20Poly1305, seed)).collect();
    let context = Context::new();
    let all: Vec<&Keyset> = keysets.iter().collect();
    for keyset in &keysets {
        let sealed = sealed_token(keyset, &context);
        let opened = Keyset::open_with_any(&all, &sealed, &context).expect("one of them");
        mark_public(&opened);
        assert_eq!(&**opened, PLAINTEXT);
    }
}

fn sealed_envelope(recipient: &dyn KeyWrap, suite: Suite) -> Vec<u8> {
    let sealer = Sealer::new().recipient(recipient).suite(suite);
    let mut out = vec![0; sealer.sealed_len(PLAINTEXT.len()).expect("it is short")];
    sealer.seal_into_with_rng(PLAINTEXT, &mut out, &mut Secretive(3)).expect("it is short");
    mark_public(&out);
    out
}

fn opens(key: &dyn KeyWrap, envelope: &[u8]) {
    let opened = Opener::new().key(key).open(envelope).expect("as sealed");
    mark_public(&opened.plaintext);
    assert_eq!(&**opened.plaintext, PLAINTEXT);
}

fn for_keyset(suite: Suite) {
    let keyset = keyset(suite, 1);
    opens(&keyset, &sealed_envelope(&keyset, suite));
}

/// The first and the last byte of the mac, which stands in the 48 bytes before the payload. The check after it, format.md 4.3, is made
/// anew, as whoever can hash makes it: without that no key would be asked.
fn changed_key_block() {
    let keyset = keyset(Suite::ChaCha20Poly1305, 1);
    let sealed = sealed_envelope(&keyset, Suite::ChaCha20Poly1305);
    let payload_at = sealed.len() - (24 + 32 + PLAINTEXT.len() + 16);
    let check_at = payload_at - 16;
    for at in [check_at - 32, check_at - 1] {
        let mut envelope = sealed.clone();
        envelope[at] ^= 1;
        // Nothing is stored, so that the core has 29 bytes.
        let (core, key_block) = envelope[..check_at].split_at(29);
        let core_hash = Sha256::digest(core);
        let parts = [b"sealwax/v1/check\0".as_slice(), &core_hash, key_block];
        let check = Sha256::digest(parts.concat());
        envelope[check_at..payload_at].copy_from_slice(&check[..16]);
        let refused = Opener::new().key(&keyset).open(&envelope);
        assert!(matches!(refused, Err(Error::Decrypt)), "the mac refuses it");
    }
}

fn changed_payload() {
    for (suite, from_end) in [
        (Suite::Cobblestone256, 1),
        (Suite::Cobblestone256, PLAINTEXT.len() + 20),
        (Suite::ChaCha20Poly1305, 1),
        (Suite::ChaCha20Poly1305, PLAINTEXT.len() + 20),
    ] {
        let keyset = keyset(suite, 1);
        let mut envelope = sealed_envelope(&keyset, suite);
        let at = envelope.len() - from_end;
        envelope[at] ^= 1;
        let refused = Opener::new().key(&keyset).open(&envelope);
        assert!(matches!(refused, Err(Error::Decrypt)), "a key was asked");
    }
}

fn for_raw_key() {
    let key = Key::init_with(|bytes| Secretive(4).fill(bytes)).expect("it never fails");
    let key = RawKey::new(RawKeyId([7; 16]), key);
    opens(&key, &sealed_envelope(&key, Suite::ChaCha20Poly1305));
}

fn for_pair(algorithm: Algorithm) {
    let pair = keyset(algorithm, 5);
    let recipient = pair.recipient().expect("a pair");
    mark_public(recipient.public_key().as_bytes());
    opens(&pair, &sealed_envelope(recipient, Suite::ChaCha20Poly1305));
}

/// Argon2id's second half reads memory at places that depend on the passphrase, by design (RFC 9106 section 3.4), and with it the
/// first half is hidden. What is made of the key before and afterwards must not.
fn for_passphrase() {
    let costs = Params { m_kib: 32, t: 1, p: 1 };
    let secret_passphrase = |text: &str| {
        let passphrase = Passphrase::new(&secret_text(text));
        passphrase.and_then(|one| one.with_params(costs)).expect("cheap costs are allowed")
    };
    let passphrase = secret_passphrase("correct horse battery staple");
    let envelope = sealed_envelope(&passphrase, Suite::ChaCha20Poly1305);
    opens(&passphrase, &envelope);
    let other = secret_passphrase("correct horse battery stable");
    Opener::new().key(&other).open(&envelope).expect_err("another passphrase");
}

fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    Secretive(6).fill(&mut secret).expect("it never fails");
    secret
}

#[inline(never)]
fn planted_branch() {
    // Two calls, so that no compiler makes a choice without a branch of it.
    match black_box(secret()[0]) & 1 {
        0 => black_box(say)("even"),
        _ => black_box(say)("odd"),
    }
}

#[inline(never)]
fn say(what: &str) {
    black_box(what);
}

#[inline(never)]
fn planted_lookup() {
    let table: [u8; 256] = black_box([7; 256]);
    black_box(table[usize::from(black_box(secret()[0]))]);
}

#[inline(never)]
fn planted_comparison() {
    let (one, other) = (black_box(secret()), black_box([0x5a; 32]));
    black_box(one.iter().zip(&other).all(|(one, other)| one == other));
}

const PLAINTEXT: &[u8] = &[0x50; 200];
