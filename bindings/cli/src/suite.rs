// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of suites and algorithms on the command line.

use sealwax::{Algorithm, Suite};

/// The suite with this name or number.
pub(crate) fn parse(text: &str) -> Result<Suite, String> {
    let suites = [Suite::Cobblestone256, Suite::ChaCha20Poly1305];
    let is_meant = |suite: &Suite| suite.name() == text || (*suite as u8).to_string() == text;
    suites
        .into_iter()
        .find(is_meant)
        .ok_or_else(|| format!("the suites are {} and {}", suites[0].name(), suites[1].name()))
}

/// The algorithm with this name, or the suite with this number.
pub(crate) fn parse_algorithm(text: &str) -> Result<Algorithm, String> {
    let pairs = [Algorithm::X25519, Algorithm::XWing];
    match pairs.into_iter().find(|algorithm| algorithm.name() == text) {
        Some(algorithm) => Ok(algorithm),
        None => parse(text).map(Algorithm::from).map_err(|suites| {
            format!("{suites}; of identities, {} and {}", pairs[0].name(), pairs[1].name())
        }),
    }
}
