// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset compromise`.

use clap::Args;
use sealwax::rng::Now;

use super::change::{Changed, VersionTarget, find_version};
use super::transition::state_text;
use crate::failure::Result;

/// Options of `sealwax keyset compromise`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Compromise {
    #[command(flatten)]
    target: VersionTarget,
    /// Also make a fresh primary version, in the same change.
    #[arg(long)]
    rotate: bool,
}

impl Compromise {
    pub(super) fn run(self) -> Result<()> {
        let subject = self.target.open()?;
        subject.change(|keyset| {
            let version = find_version(keyset, &self.target.version)?;
            let algorithm = keyset.usual_algorithm();
            keyset.mark_compromised(version, &self.target.reason, Now::system())?;
            let mut changed =
                Changed { what: state_text(keyset, version), versions: vec![version] };
            if self.rotate {
                let fresh = keyset.rotate(algorithm)?;
                match self.target.how.dry_run {
                    true => changed.what += ", and a new version would be the primary",
                    false => {
                        changed.what += &format!(", and version {fresh} is the primary now");
                        changed.versions.push(fresh);
                    }
                }
            }
            Ok(changed)
        })?;
        subject.remind();
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset compromise work primary --rotate --reason \"found in a build log\"
  sealwax keyset compromise work 1f3a --dry-run

This cannot be taken back. What is sealed under the version opens only with --allow-compromised
from now on, and nothing says who sealed it: whoever has the version can forge it. `sealwax
reencrypt` moves what is worth keeping to the new version; `rewrap` would keep data keys that the
adversary may have.";
