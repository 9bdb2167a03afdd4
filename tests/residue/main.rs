// SPDX-License-Identifier: MIT OR Apache-2.0
//! After each public call no secret is left: not on the dead stack below the caller, and in no block of the heap that was
//! given back, whether the call succeeded, failed, returned early or panicked.
//!
//! A program of its own, because it has an allocator of its own. What it looks for it computes from docs/format.md. Two
//! calls leak on purpose, and the program fails unless they are found.
#![cfg(feature = "std")]
#![allow(unsafe_code)]

mod kit;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use kit::envelopes::{Parts, expand, hmac256};
use kit::keys::cheap_passphrase;
use kit::random::Repeatable;
use sealwax::id::RawKeyId;
use sealwax::rng::{Now, Random};
use sealwax::secret::{Key, Raw};
use sealwax::wrap::raw_key::RawKey;
use sealwax::{Algorithm, Context, KeyWrap, Keyset, Opener, Rewrapper, Sealer, Suite};

/// Half of a secret, with all bits flipped, so that what is looked for is not found in the search itself.
struct Needle {
    name: &'static str,
    flipped: [u64; 2],
}

/// What the allocator looks for while a call runs.
static NEEDLES: AtomicPtr<Vec<Needle>> = AtomicPtr::new(std::ptr::null_mut());
static ARMED: AtomicBool = AtomicBool::new(false);
/// How many blocks were given back with a secret in them, and which needle was found last.
static FOUND: AtomicUsize = AtomicUsize::new(0);
static LAST: AtomicUsize = AtomicUsize::new(0);

struct Watching;

// SAFETY: the system's allocator does the work; blocks are only read before they are given back. `realloc` is the trait's own,
// which gives the old block back through `dealloc`.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if ARMED.load(Ordering::Relaxed) {
            // SAFETY: the block is whole and initialised: `alloc` zeroed it.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            // SAFETY: what is stored is never freed.
            let needles = unsafe { &*NEEDLES.load(Ordering::Relaxed) };
            if let Some((at, _)) = search(needles, bytes) {
                FOUND.fetch_add(1, Ordering::Relaxed);
                LAST.store(at, Ordering::Relaxed);
            }
        }
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// The first needle that is in there, and where.
fn search(needles: &[Needle], bytes: &[u8]) -> Option<(usize, usize)> {
    let word =
        |at: usize| -> u64 { u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("8 bytes")) };
    for at in (0..(bytes.len().max(16) - 16)).step_by(4).chain(bytes.len().checked_sub(16)) {
        let (first, second) = (!word(at), !word(at + 8));
        for (number, needle) in needles.iter().enumerate() {
            if needle.flipped == [first, second] {
                return Some((number, at));
            }
        }
    }
    None
}

const STACK: usize = 512 * 1024;
/// Bytes below the caller that are not looked at: they are in use by whoever looks.
const SKIPPED: usize = 2048;
const PAINT: u64 = 0xc3a5_c3a5_c3a5_c3a5;

/// Writes or reads the stack below this frame, word by word.
#[inline(never)]
fn each_dead_word(mut work: impl FnMut(*mut u64)) {
    let here = 0u64;
    let top = (&raw const here).cast_mut().addr() - SKIPPED;
    for word in 0..STACK / 8 {
        work(std::ptr::without_provenance_mut(top - 8 * word));
    }
}

/// Calls below what painting and looking take for themselves, so that all of the call's frames are looked at.
#[inline(never)]
fn deeper(call: &dyn Fn()) {
    let mut room = [0u8; 2 * SKIPPED];
    black_box(&mut room);
    call();
    black_box(&mut room);
}

/// What is on the dead stack after the call, the shallowest word first.
#[inline(never)]
fn dead_stack_after(call: &dyn Fn(), out: &mut [u64]) {
    // SAFETY: the thread's stack is long enough, and nothing lives below the frame.
    each_dead_word(|word| unsafe { word.write_volatile(PAINT) });
    ARMED.store(true, Ordering::Relaxed);
    deeper(call);
    ARMED.store(false, Ordering::Relaxed);
    let mut words = out.iter_mut();
    // SAFETY: as above.
    each_dead_word(|word| *words.next().expect("as long") = unsafe { word.read_volatile() });
}

/// What a call left, or how deep it went.
struct Left {
    on_stack: Option<(&'static str, usize)>,
    in_heap: Option<&'static str>,
    depth: usize,
    /// Whether the deepest that it went was wiped: then it went no deeper than what wipes it.
    is_wiped: bool,
}

fn run(call: &(dyn Fn() + Sync), needles: &'static Vec<Needle>) -> Left {
    NEEDLES.store(std::ptr::from_ref(needles).cast_mut(), Ordering::Relaxed);
    FOUND.store(0, Ordering::Relaxed);
    let mut words = vec![0; STACK / 8];
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK + (1 << 20));
        let run = || dead_stack_after(&|| call(), &mut words);
        thread.spawn_scoped(scope, run).expect("a thread").join().expect("no panic gets out");
    });
    // The lowest address first, as the needles are.
    words.reverse();
    let deepest = words.iter().position(|word| *word != PAINT).unwrap_or(words.len());
    // Below what was wiped is the frame of what wiped it.
    let is_wiped = words[deepest..].iter().skip(64).take(64).all(|word| *word == 0);
    let depth = STACK - 8 * deepest;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let on_stack = search(needles, &bytes).map(|(number, at)| (needles[number].name, STACK - at));
    let in_heap = match FOUND.load(Ordering::Relaxed) {
        0 => None,
        _ => Some(needles[LAST.load(Ordering::Relaxed)].name),
    };
    Left { on_stack, in_heap, depth, is_wiped }
}

/// Collects needles.
#[derive(Default)]
struct Secrets(Vec<Needle>);

impl Secrets {
    /// Each 16 bytes of it.
    fn add(&mut self, name: &'static str, secret: &[u8]) {
        for half in secret.chunks_exact(16) {
            let word = |at: usize| !u64::from_ne_bytes(half[at..at + 8].try_into().expect("8"));
            self.0.push(Needle { name, flipped: [word(0), word(8)] });
        }
    }

    /// A key of HMAC, with its two first states and its padded blocks.
    fn add_hmac_key(&mut self, name: &'static str, key: &[u8]) {
        self.add(name, key);
        for pad in [0x36, 0x5c] {
            let mut block = [pad; 64];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            self.add(name, &block[..32]);
            let mut state = [
                0x6a09_e667u32,
                0xbb67_ae85,
                0x3c6e_f372,
                0xa54f_f53a,
                0x510e_527f,
                0x9b05_688c,
                0x1f83_d9ab,
                0x5be0_cd19,
            ];
            sha2::block_api::compress256(&mut state, &[block]);
            let state: Vec<u8> = state.iter().flat_map(|word| word.to_ne_bytes()).collect();
            self.add(name, &state);
        }
    }

    /// format.md 6.1.
    fn add_version(&mut self, root: &[u8; 32], suite: u8, keyset: &Keyset) -> [Vec<u8>; 2] {
        self.add_hmac_key("root secret", root);
        let version = keyset.primary().expect("a primary").id().value().to_be_bytes();
        let derive =
            |label: &[u8]| expand(root, &[label, &[0, suite], &keyset.id().0, &version], 32);
        let [token, wrap, salt] =
            [&b"sealwax/v1/token"[..], b"sealwax/v1/wrap", b"sealwax/v1/salt"].map(derive);
        self.add_hmac_key("K_token", &token);
        self.add_hmac_key("K_wrap", &wrap);
        self.add_hmac_key("K_salt", &salt);
        [token, wrap]
    }

    /// The key of T: format.md 3.1, with AES's round keys where it is AES's.
    fn add_value_key(&mut self, name: &'static str, key: &[u8], sealed: &[u8], context: &[u8]) {
        let okm = expand(key, &[b"sealwax/v1/T", &sealed[..24], context], 64);
        self.add(name, &okm[..32]);
        self.add("AES round keys", &round_keys(&okm[..32]));
    }

    /// What follows from the data key: format.md 4.2 and 5A.1.
    fn add_data_key(&mut self, data_key: &[u8], suite: u8, envelope: &[u8]) {
        self.add_hmac_key("data key", data_key);
        let block = expand(data_key, &[b"sealwax/v1/key-block\0", &[suite]], 32);
        let payload = expand(data_key, &[b"sealwax/v1/payload\0", &[suite]], 32);
        self.add_hmac_key("K_block", &block);
        self.add_hmac_key("K_payload", &payload);
        let parts = Parts::cut(envelope);
        let (salt, core_hash) = (&parts.payload[..24], parts.core_hash());
        let chunk = match suite {
            1 => {
                let label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
                expand512_first(&payload, &[label, salt, &core_hash])
            }
            _ => {
                let label = b"sealwax/v1/chunked+AEAD_CHACHA20_POLY1305\0";
                expand(&payload, &[label, &[parts.core[8]], salt, &core_hash], 32)
            }
        };
        self.add("chunk key", &chunk);
        if suite == 1 {
            self.add("AES round keys", &round_keys(&chunk));
        }
    }

    /// Never freed: the allocator looks into it whenever it is asked.
    fn keep(self) -> &'static Vec<Needle> {
        Box::leak(Box::new(self.0))
    }
}

/// The first 32 bytes of HKDF-Expand with SHA-512.
fn expand512_first(key: &[u8], info: &[&[u8]]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    let mut hmac = Hmac::<sha2::Sha512>::new_from_slice(key).expect("any key");
    info.iter().for_each(|piece| hmac.update(piece));
    hmac.update(&[1]);
    hmac.finalize().into_bytes()[..32].to_vec()
}

/// Round keys 2 to 14 of AES-256: FIPS 197 section 5.2. The first two are the key.
fn round_keys(key: &[u8]) -> Vec<u8> {
    let mut words: Vec<[u8; 4]> =
        key.chunks_exact(4).map(|word| word.try_into().expect("4 bytes")).collect();
    for at in 8..60usize {
        let mut word = words[at - 1];
        if at % 8 == 0 {
            word.rotate_left(1);
        }
        if at % 4 == 0 {
            word = word.map(substitute);
        }
        if at % 8 == 0 {
            word[0] ^= 1 << (at / 8 - 1);
        }
        let before = words[at - 8];
        words.push(std::array::from_fn(|byte| word[byte] ^ before[byte]));
    }
    words[8..].concat()
}

/// The S-box of AES: FIPS 197 section 5.1.1.
fn substitute(byte: u8) -> u8 {
    let times = |a: u8, b: u8| {
        (0..8).fold((0u8, a), |(sum, a), bit| {
            let sum = if b >> bit & 1 == 1 { sum ^ a } else { sum };
            (sum, a << 1 ^ if a & 0x80 == 0 { 0 } else { 0x1b })
        })
    };
    let inverse = (1..=255).find(|other| times(byte, *other).0 == 1).unwrap_or(0);
    (0..5).fold(0x63, |sum, by| sum ^ inverse.rotate_left(by))
}

/// A source that remembers what it gave out.
struct Recorded(Repeatable, Vec<Vec<u8>>);

impl Random for Recorded {
    fn fill(&mut self, out: &mut [u8]) -> sealwax::Result<()> {
        self.0.fill(out)?;
        self.1.push(out.to_vec());
        Ok(())
    }
}

/// A source that panics after so many draws.
struct Panicking(usize, Repeatable);

impl Random for Panicking {
    fn fill(&mut self, out: &mut [u8]) -> sealwax::Result<()> {
        self.0 = self.0.checked_sub(1).expect("the test wants a panic here");
        self.1.fill(out)
    }
}

struct Case {
    name: String,
    call: Box<dyn Fn() + Sync>,
    needles: &'static Vec<Needle>,
}

fn case(
    name: impl Into<String>,
    needles: &'static Vec<Needle>,
    call: impl Fn() + Sync + 'static,
) -> Case {
    Case { name: name.into(), call: Box::new(call), needles }
}

fn plaintext() -> Vec<u8> {
    let mut plaintext = b"plaintext: 4111 ".to_vec();
    plaintext.extend(Repeatable(77).bytes(1008));
    plaintext
}

fn token_cases(suite: Suite) -> Vec<Case> {
    let root = Repeatable(suite as u64).array::<32>();
    let keyset = || Keyset::import_raw("orders", suite, &root).expect("imported");
    let keyset: &'static Keyset = Box::leak(Box::new(keyset()));
    let context = Context::new().with("row", "42").expect("a context");
    let mut random = Repeatable(5);
    let token = keyset.seal_with_rng(&plaintext(), &context, &mut random).expect("sealed");
    let mut secrets = Secrets::default();
    let [k_token, _] = secrets.add_version(&root, suite as u8, keyset);
    secrets.add_value_key("T's key", &k_token, &token[5..], context.as_encoded().as_bytes());
    secrets.add("plaintext", &plaintext());
    let needles = secrets.keep();
    let text: &'static [u8] = plaintext().leak();
    let (token, context): (&'static [u8], &'static Context) =
        (token.leak(), Box::leak(Box::new(context)));
    let file: &'static [u8] = keyset.expose_unprotected().expect("encoded").to_vec().leak();
    let root: &'static [u8; 32] = Box::leak(Box::new(root));
    let name = |what: &str| format!("{what}, suite {}", suite as u8);
    vec![
        case(name("token seal"), needles, move || {
            black_box(keyset.seal_with_rng(text, context, &mut Repeatable(5)).expect("sealed"));
        }),
        case(name("token seal, salts of the pool"), needles, move || {
            black_box(keyset.seal(text, context).expect("sealed"));
        }),
        case(name("token open"), needles, move || {
            black_box(keyset.open(token, context).expect("opened"));
        }),
        case(name("token open, another context"), needles, move || {
            keyset.open(token, &Context::new()).expect_err("another context");
        }),
        case(name("token open, changed"), needles, move || {
            let mut changed = token.to_vec();
            *changed.last_mut().expect("not empty") ^= 1;
            keyset.open(&changed, context).expect_err("changed");
        }),
        case(name("token open, no room"), needles, move || {
            keyset.open_into(token, context, &mut [0; 9]).expect_err("no room");
        }),
        case(name("token seal, the source panics"), needles, move || {
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                keyset.seal_with_rng(text, context, &mut Panicking(0, Repeatable(5)))
            }));
            assert!(panicked.is_err());
        }),
        case(name("keyset import and first use"), needles, move || {
            let keyset = Keyset::import_raw("orders", suite, root).expect("imported");
            black_box(keyset.seal(b"x", context).expect("sealed"));
        }),
        case(name("keyset parse and first use"), needles, move || {
            let keyset = Keyset::parse_unprotected(file).expect("parsed");
            black_box(keyset.open(token, context).expect("opened"));
        }),
        case(name("keyset encode"), needles, move || {
            black_box(keyset.expose_unprotected().expect("encoded"));
        }),
        case(name("keyset fingerprint"), needles, move || {
            black_box(keyset.fingerprint().expect("here"));
        }),
        case(name("keyset duplicate and rotate"), needles, move || {
            let mut copy = keyset.duplicate().expect("copied");
            copy.rotate_with_rng(suite.into(), Now::Seconds(1), &mut Repeatable(8)).expect("new");
        }),
        case(name("backup in shares and back"), needles, move || {
            let backup = keyset.backup_in_shares(2, 3).expect("made");
            let shares = &backup.shares[..2];
            black_box(Keyset::restore_from_shares(&backup.file, shares).expect("restored"));
        }),
    ]
}

/// An envelope for one recipient, sealed, opened, changed, rewrapped.
fn envelope_cases(
    of: &'static str,
    suite: Suite,
    key: &'static (dyn KeyWrap + Sync),
    mut secrets: Secrets,
    derive: impl Fn(&mut Secrets, &[Vec<u8>], &[u8]),
) -> Vec<Case> {
    let sealer = move || Sealer::new().suite(suite).recipient(key);
    let text: &'static [u8] = plaintext().leak();
    let mut recorded = Recorded(Repeatable(99), Vec::new());
    let mut envelope = vec![0; sealer().sealed_len(text.len()).expect("a length")];
    sealer().seal_into_with_rng(text, &mut envelope, &mut recorded).expect("sealed");
    let mut drawn = recorded.1;
    // The first draw begins with the data key; ids and salts follow, which become public.
    let data_key = drawn.remove(0)[..32].to_vec();
    assert!(opens_block(&data_key, &envelope), "the data key was not found");
    secrets.add_data_key(&data_key, suite as u8, &envelope);
    derive(&mut secrets, &drawn, &envelope);
    secrets.add("plaintext", &plaintext());
    let needles = secrets.keep();
    let len = envelope.len();
    let envelope: &'static [u8] = envelope.leak();
    let name = |what: &str| format!("envelope {what}, {of}, suite {}", suite as u8);
    vec![
        case(name("seal"), needles, move || {
            let mut out = vec![0; len];
            sealer().seal_into_with_rng(text, &mut out, &mut Repeatable(99)).expect("sealed");
        }),
        case(name("seal, the source panics"), needles, move || {
            for draws in 0..3 {
                let mut out = vec![0; len];
                let mut random = Panicking(draws, Repeatable(99));
                let seal = || sealer().seal_into_with_rng(text, &mut out, &mut random);
                black_box(std::panic::catch_unwind(std::panic::AssertUnwindSafe(seal)).is_err());
            }
        }),
        case(name("open"), needles, move || {
            black_box(Opener::new().key(key).open(envelope).expect("opened"));
        }),
        case(name("open, changed payload"), needles, move || {
            let mut changed = envelope.to_vec();
            *changed.last_mut().expect("not empty") ^= 1;
            Opener::new().key(key).open(&changed).expect_err("changed");
        }),
        case(name("open, changed header"), needles, move || {
            let mut changed = envelope.to_vec();
            changed[10] ^= 1;
            Opener::new().key(key).open(&changed).expect_err("changed");
        }),
        case(name("read as a stream"), needles, move || {
            let mut reader = Opener::new().key(key).reader(envelope).expect("opened");
            let mut block = zeroize::Zeroizing::new([0; 256]);
            while std::io::Read::read(&mut reader, &mut *block).expect("read") > 0 {}
        }),
        case(name("rewrap"), needles, move || {
            let rewrapper = Rewrapper::new().key(key).recipient(EXTRA.get_or_init(extra));
            black_box(rewrapper.rewrap_header_with_rng(envelope, &mut Repeatable(4)).is_ok());
        }),
    ]
}

/// Another recipient, so that rewrap has something to do.
static EXTRA: std::sync::OnceLock<RawKey> = std::sync::OnceLock::new();

fn extra() -> RawKey {
    kit::keys::raw_key(9, 9)
}

/// Whether this data key's K_block gives the mac of the first slot.
fn opens_block(data_key: &[u8], envelope: &[u8]) -> bool {
    let mut parts = Parts::cut(envelope);
    let mac = parts.slots[0].mac;
    parts.remake_mac(0, data_key.try_into().expect("32 bytes"));
    parts.slots[0].mac == mac
}

fn envelopes() -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let root = Repeatable(40 + suite as u64).array::<32>();
        let keyset: &'static Keyset =
            Box::leak(Box::new(Keyset::import_raw("orders", suite, &root).expect("imported")));
        let mut secrets = Secrets::default();
        secrets.add_version(&root, suite as u8, keyset);
        cases.extend(envelope_cases("keyset", suite, keyset, secrets, |_, _, _| {}));

        let raw = Repeatable(50).array::<32>();
        let mut key = Key::<Raw>::zeroed();
        *key.expose_bytes_mut() = raw;
        let key: &'static RawKey = Box::leak(Box::new(RawKey::new(RawKeyId([6; 16]), key)));
        let mut secrets = Secrets::default();
        secrets.add_hmac_key("raw key", &raw);
        let wrap = expand(&raw, &[b"sealwax/v1/raw-key\0", &[suite as u8], &[6; 16]], 32);
        secrets.add_hmac_key("K_raw", &wrap);
        cases.extend(envelope_cases("raw key", suite, key, secrets, |_, _, _| {}));

        let passphrase: &'static _ =
            Box::leak(Box::new(cheap_passphrase("correct horse battery staple, forty-two")));
        let mut secrets = Secrets::default();
        secrets.add("passphrase", b"correct horse battery staple, fo");
        cases.extend(envelope_cases("passphrase", suite, passphrase, secrets, |_, _, _| {}));

        for (name, algorithm) in [("X25519", Algorithm::X25519), ("X-Wing", Algorithm::XWing)] {
            let secret = Repeatable(60 + algorithm.number() as u64).array::<32>();
            let pair: &'static Keyset = Box::leak(Box::new(
                Keyset::import_raw("me", algorithm, &secret).expect("imported"),
            ));
            let mut secrets = Secrets::default();
            secrets.add("private key", &secret);
            let of_draws = move |secrets: &mut Secrets, drawn: &[Vec<u8>], envelope: &[u8]| {
                for draw in drawn.iter().filter(|draw| draw.len() >= 32) {
                    secrets.add("ephemeral key", draw);
                }
                if algorithm == Algorithm::X25519 {
                    let (_, body) = &Parts::cut(envelope).slots[0].entries[0];
                    add_dhkem(secrets, &secret, &body[8..40]);
                }
            };
            cases.extend(envelope_cases(name, suite, pair, secrets, of_draws));
        }
    }
    cases
}

/// The shared secrets of RFC 9180 section 4.1, from the private key.
fn add_dhkem(secrets: &mut Secrets, private: &[u8; 32], enc: &[u8]) {
    let dh = x25519_dalek::x25519(*private, enc.try_into().expect("32 bytes"));
    let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*private));
    let suite = b"KEM\x00\x20";
    let prk = hmac256(&[], &[b"HPKE-v1", suite, b"eae_prk", &dh]);
    let info: [&[u8]; 6] = [&[0, 32], b"HPKE-v1", suite, b"shared_secret", enc, public.as_bytes()];
    secrets.add("Diffie-Hellman secret", &dh);
    secrets.add_hmac_key("eae_prk", &prk);
    secrets.add("HPKE shared secret", &expand(&prk, &info, 32));
}

fn identity_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for algorithm in [Algorithm::X25519, Algorithm::XWing] {
        let secret = Repeatable(70 + algorithm.number() as u64).array::<32>();
        let keyset = Keyset::import_raw("me", algorithm, &secret).expect("imported");
        let text = keyset.expose_identity_text().expect("an identity").to_string().leak();
        let keyset: &'static Keyset = Box::leak(Box::new(keyset));
        let mut secrets = Secrets::default();
        secrets.add("private key", &secret);
        secrets.add("identity string", &text.as_bytes()[64..]);
        let needles = secrets.keep();
        let secret: &'static [u8; 32] = Box::leak(Box::new(secret));
        let name = |what: &str| format!("identity {what}, {algorithm:?}");
        cases.push(case(name("import"), needles, move || {
            black_box(Keyset::import_raw("me", algorithm, secret).expect("imported"));
        }));
        cases.push(case(name("text"), needles, move || {
            black_box(keyset.expose_identity_text().expect("an identity"));
        }));
        cases.push(case(name("parse"), needles, move || {
            black_box(Keyset::parse_identity_text(text).expect("parsed"));
        }));
    }
    cases
}

/// Leaks, so that whoever looks for leaks can be seen to find them.
fn planted() -> [Case; 2] {
    let secret = Repeatable(90).array::<32>();
    let mut secrets = Secrets::default();
    secrets.add("planted", &secret);
    let needles = secrets.keep();
    #[inline(never)]
    fn on_stack() {
        let mut copy = [0; 4096];
        copy[..32].copy_from_slice(&Repeatable(90).array::<32>());
        black_box(&mut copy);
    }
    let in_heap = || drop(black_box(Repeatable(90).bytes(32)));
    [case("planted on the stack", needles, on_stack), case("planted in the heap", needles, in_heap)]
}

/// Calls that are over before there is a key to work with: nothing is wiped after them.
const ENDS_EARLY: [&str; 4] =
    ["the source panics", "changed header", "rewrap, passphrase", "rewrap, X25519"];

fn main() {
    // A panic that is meant prints nothing: its message takes stack and heap of its own.
    std::panic::set_hook(Box::new(|_| ()));
    let [stack, heap] = planted();
    assert!(
        run(&*stack.call, stack.needles).on_stack.is_some(),
        "a leak on the stack is not found"
    );
    assert!(run(&*heap.call, heap.needles).in_heap.is_some(), "a leak in the heap is not found");
    let _ = std::panic::take_hook();
    let mut cases = token_cases(Suite::Cobblestone256);
    cases.extend(token_cases(Suite::ChaCha20Poly1305));
    cases.extend(envelopes());
    cases.extend(identity_cases());
    std::panic::set_hook(Box::new(|_| ()));
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let (mut leaks, mut too_deep) = (0, 0);
    for Case { name, call, needles } in &cases {
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        // Once before: what is allocated once is there, and what is derived at the first use.
        call();
        let Left { on_stack, in_heap, depth, is_wiped } = run(&**call, needles);
        let stack = on_stack.map_or("-".into(), |(what, depth)| format!("{what} at {depth}"));
        let unwiped = if is_wiped { ' ' } else { '!' };
        println!(
            "{name:60} depth {depth:6}{unwiped} stack {stack}  heap {}",
            in_heap.unwrap_or("-")
        );
        leaks += usize::from(on_stack.is_some() || in_heap.is_some());
        // The depths were measured in release builds.
        let reaches_keys = !ENDS_EARLY.iter().any(|early| name.contains(early));
        too_deep += usize::from(!is_wiped && reaches_keys && !cfg!(debug_assertions));
    }
    println!("{} calls, {leaks} of them leave a secret", cases.len());
    println!("{too_deep} of them go deeper than what is wiped");
    std::process::exit(i32::from(leaks + too_deep != 0));
}
