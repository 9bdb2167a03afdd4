// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small envelopes in memory, and headers by kind of recipient.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Header, Requirements};
use sealwax::rng::OsRandom;
use sealwax::{Algorithm, Keyset, Opener, Sealer, Suite};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    small(&mut criterion);
    headers(&mut criterion);
    floor(&mut criterion);
    criterion.final_summary();
}

fn small(criterion: &mut Criterion) {
    let keyset = Keyset::generate("bench", Suite::Cobblestone256).expect("a keyset");
    let (sealer, opener) = (Sealer::new().recipient(&keyset), Opener::new().key(&keyset));
    let plaintext = [7; 1024];
    let envelope = sealer.seal(&plaintext).expect("an envelope");
    criterion.bench_function("envelope/seal keyset 1 KiB", |bencher| {
        bencher.iter(|| sealer.seal(black_box(&plaintext)));
    });
    criterion.bench_function("envelope/open keyset 1 KiB", |bencher| {
        bencher.iter(|| opener.open(black_box(&envelope)));
    });
}

/// A file's header: two slots. `wrap` seals one, `unwrap` opens a parsed one up to the payload's key.
fn headers(criterion: &mut Criterion) {
    let kinds = [
        ("keyset", Algorithm::Symmetric(Suite::Cobblestone256)),
        ("X25519", Algorithm::X25519),
        ("X-Wing", Algorithm::XWing),
    ];
    for (name, algorithm) in kinds {
        let keyset = Keyset::generate("bench", algorithm).expect("a keyset");
        let sealer = Sealer::new().recipient(&keyset);
        let (front, _) = sealer.begin_with_rng(&mut OsRandom).expect("a header");
        let parse = |front| Header::parse(front, DEFAULT_MAX_HEADER_LEN).expect("sealed here");
        let header = parse(&front);
        criterion.bench_function(&format!("header/parse {name} {} B", header.len()), |bencher| {
            bencher.iter(|| parse(black_box(&front)));
        });
        criterion.bench_function(&format!("header/wrap {name}"), |bencher| {
            bencher.iter(|| sealer.begin_with_rng(&mut OsRandom));
        });
        criterion.bench_function(&format!("header/unwrap {name}"), |bencher| {
            let requirements = Requirements::default();
            bencher.iter(|| header.open(&[&keyset], black_box(&requirements)).map(drop));
        });
    }
}

/// The bare key agreements of aws-lc-rs: what wrapping and unwrapping cannot be much faster than.
fn floor(criterion: &mut Criterion) {
    use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
    use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
    let private = PrivateKey::generate(&X25519).expect("a key pair");
    let public = private.compute_public_key().expect("its public key");
    let peer = UnparsedPublicKey::new(&X25519, public.as_ref());
    let agree =
        |private: &PrivateKey| agreement::agree(private, peer, "refused", |secret| Ok(secret[0]));
    criterion.bench_function("floor/aws-lc-rs X25519 generate and agree", |bencher| {
        bencher.iter(|| {
            let ephemeral = PrivateKey::generate(&X25519).expect("a key pair");
            (ephemeral.compute_public_key().expect("its public key"), agree(&ephemeral))
        });
    });
    criterion.bench_function("floor/aws-lc-rs X25519 agree", |bencher| {
        bencher.iter(|| agree(black_box(&private)));
    });
    let decapsulation = DecapsulationKey::generate(&ML_KEM_768).expect("a key pair");
    let public = decapsulation.encapsulation_key().expect("its public key");
    let public = public.key_bytes().expect("its bytes");
    let encapsulate = || {
        let public = EncapsulationKey::new(&ML_KEM_768, public.as_ref()).expect("1184 bytes");
        public.encapsulate().expect("a shared secret")
    };
    let (ciphertext, _) = encapsulate();
    let ciphertext = ciphertext.as_ref().to_vec();
    criterion.bench_function("floor/aws-lc-rs ML-KEM-768 encapsulate", |bencher| {
        bencher.iter(encapsulate);
    });
    criterion.bench_function("floor/aws-lc-rs ML-KEM-768 decapsulate", |bencher| {
        bencher.iter(|| decapsulation.decapsulate(Ciphertext::from(black_box(&*ciphertext))));
    });
}
