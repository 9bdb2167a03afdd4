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
