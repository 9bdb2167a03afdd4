// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of suites on the command line.

use sealwax::Suite;

/// The suite with this name or number.
pub(crate) fn parse(text: &str) -> Result<Suite, String> {
    let suites = [Suite::Cobblestone256, Suite::ChaCha20Poly1305];
    let is_meant = |suite: &Suite| suite.name() == text || (*suite as u8).to_string() == text;
    suites
        .into_iter()
        .find(is_meant)
        .ok_or_else(|| format!("the suites are {} and {}", suites[0].name(), suites[1].name()))
}
