// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::id::Suite;

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn in_a_forked_child_no_keyset_is_here_and_nothing_is_sealed_or_opened() {
    use crate::secret::memory::tests::in_forked_child;
    let symmetric = Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated");
    let context = Context::new();
    let token = symmetric.seal(b"value", &context).expect("it seals");
    let without = |mut keyset: Keyset| {
        keyset.usage_key = None;
        keyset
    };
    let generate = |algorithm| {
        Keyset::generate_with_rng("orders", algorithm, Now::Unknown, &mut crate::rng::OsRandom)
            .expect("generated")
    };
    let keysets = [
        symmetric,
        without(generate(Algorithm::Symmetric(Suite::Cobblestone256))),
        without(generate(Algorithm::X25519)),
    ];
    assert!(keysets.iter().all(Keyset::is_here));
    in_forked_child(|| {
        assert!(!keysets.iter().any(Keyset::is_here));
        let [symmetric, ..] = &keysets;
        assert!(matches!(symmetric.seal(b"value", &context), Err(Error::Misuse(_))));
        assert!(matches!(symmetric.open(&token, &context), Err(Error::Misuse(_))));
        assert!(symmetric.duplicate().is_err());
        let own = generate(Algorithm::X25519);
        assert!(own.is_here());
    });
    assert!(keysets.iter().all(Keyset::is_here));
}

#[test]
fn a_keyset_is_written_up_to_its_longest_and_no_longer() {
    const LONGEST: usize = 16 << 20;
    let algorithm = Algorithm::Symmetric(Suite::ChaCha20Poly1305);
    let mut keyset = Keyset::generate("orders", algorithm).expect("generated");
    let id = keyset.id;
    let fresh = |number| {
        let number = VersionId::new(number).expect("not 0");
        Version::new(id, number, algorithm, KeyState::Active, &[7; 32], 0).expect("a root")
    };
    let mut len = keyset.encode().expect("it is here").len();
    // Long histories that fill it to the last byte.
    for number in 1.. {
        let record = match LONGEST - len {
            0 => break,
            130_000.. => 60_000,
            left @ 65_000.. => left / 2,
            left => left,
        };
        let mut version = fresh(number);
        let history = record - version.encoded_len();
        let changes = history.div_ceil(265);
        let reasons = history - 10 * changes;
        for at in 0..changes {
            let reason = reasons / changes + usize::from(at < reasons % changes);
            version.change_state(KeyState::Suspended, 0, &"r".repeat(reason));
        }
        len += record;
        keyset.insert(version);
    }
    assert_eq!(keyset.encode_for_file().expect("it fits").len(), LONGEST);
    keyset.insert(fresh(u32::MAX));
    assert!(matches!(keyset.encode_for_file(), Err(Error::Limit(_))));
}
