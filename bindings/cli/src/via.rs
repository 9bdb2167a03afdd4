// SPDX-License-Identifier: MIT OR Apache-2.0
//! Through which recipient something was opened, and what that says about who made it.

use sealwax::id::KeyState;
use sealwax::{Error, OpenedVia};

use crate::console;
use crate::exit::Exit;
use crate::failure::Failure;

/// In words.
pub(crate) fn words(opened_via: OpenedVia) -> String {
    match opened_via {
        OpenedVia::Keyset(keyset, version) => format!("version {version} of keyset {keyset}"),
        OpenedVia::X25519(..) | OpenedVia::XWing(..) => {
            format!(
                "an {} identity, which says nothing about who sealed it",
                opened_via.kind().name()
            )
        }
        OpenedVia::Compromised(keyset, version) => {
            format!("the COMPROMISED version {version} of keyset {keyset}: it may be forged")
        }
        other => format!("a {}", other.kind().name()),
    }
}

/// Whether the key was in other hands: what it opened may be forged.
pub(crate) fn is_compromised(opened_via: OpenedVia) -> bool {
    matches!(opened_via, OpenedVia::Compromised(..))
}

/// Says of what was opened under a compromised version that it is not to be believed.
pub(crate) fn warn_if_compromised(name: &str, opened_via: OpenedVia) {
    if let OpenedVia::Compromised(keyset, version) = opened_via {
        console::warn(&format!(
            "{name}: UNAUTHENTIC: version {version} of keyset {keyset} is compromised, and whoever has it may have made this"
        ));
    }
}

/// Of a refusal because a version is compromised: which option does it all the same.
pub(crate) fn explain(error: Error) -> Failure {
    let exit = Exit::of(error.kind());
    match error {
        Error::KeyState { keyset, version, state: KeyState::Compromised, .. } => {
            let what = format!("version {version} of keyset {keyset} is compromised");
            Failure::new(exit, what).hint(
                "with --allow-compromised it opens, but whoever has that key may have made it",
            )
        }
        other => other.into(),
    }
}
