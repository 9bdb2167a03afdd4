// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset rotate`.

use clap::Args;
use sealwax::rng::Now;
use sealwax::{Algorithm, Keyset};

use super::change::{Changed, KeysetTarget};
use crate::console;
use crate::failure::Result;
use crate::home::Home;
use crate::store;
use crate::suite;
use crate::time::{self, Moment};

/// Options of `sealwax keyset rotate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Rotate {
    #[command(flatten)]
    target: KeysetTarget,
    /// Only where the keyset's policy, the primary's times or its limits want it.
    #[arg(long)]
    if_due: bool,
    /// Only make the new version, so that it can be handed out; `activate` makes it the primary
    /// later.
    #[arg(long, conflicts_with = "if_due")]
    prepare: bool,
    /// What the new version is: a suite, or x25519 or x-wing for an identity. By default as the
    /// primary.
    #[arg(long, value_name = "SUITE", value_parser = suite::parse_algorithm)]
    suite: Option<Algorithm>,
    /// With --prepare: from when on the new version may be used.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse, requires = "prepare")]
    activate_at: Option<Moment>,
    /// From when on the new version no longer seals.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    deactivate_at: Option<Moment>,
}

impl Rotate {
    pub(super) fn run(self) -> Result<()> {
        let now = Now::system();
        let seconds = |moment: Option<Moment>| moment.map_or(Ok(None), |m| m.seconds(now));
        let times = (seconds(self.activate_at)?, seconds(self.deactivate_at)?);
        let subject = self.target.open()?;
        subject.change(|keyset| {
            let why = store::rotation_due(keyset);
            if self.if_due && why.is_none() {
                return Ok(Changed { what: "no rotation is due".into(), versions: Vec::new() });
            }
            self.rotate(keyset, times, why.filter(|_| self.if_due))
        })?;
        let is_identity = subject.store.keyset().is_identity();
        if is_identity && !self.target.how.dry_run && !self.prepare {
            let name = Home::name_of(&subject.path);
            console::note(&format!(
                "hand out its new recipient string: `sealwax identity show {name}`"
            ));
        }
        subject.remind();
        Ok(())
    }

    fn rotate(
        &self,
        keyset: &mut Keyset,
        times: (Option<u64>, Option<u64>),
        why: Option<&str>,
    ) -> Result<Changed> {
        let algorithm = self.suite.unwrap_or(keyset.usual_algorithm());
        let version = match self.prepare {
            true => keyset.prepare(algorithm)?,
            false => keyset.rotate(algorithm)?,
        };
        if times != (None, None) {
            keyset.schedule(version, times.0, times.1)?;
        }
        let mut what = match (self.prepare, self.target.how.dry_run) {
            (true, true) => "a new version would be pre-active".into(),
            (false, true) => "a new version would be the primary".into(),
            (true, false) => {
                format!("version {version} is pre-active: `activate` makes it the primary")
            }
            (false, false) => format!("version {version} is the primary now"),
        };
        for (label, at) in [("from", times.0), ("sealing until", times.1)] {
            what.extend(at.map(|at| format!(", {label} {}", time::shown(at))));
        }
        what.extend(why.map(|why| format!(", because {why}")));
        // What a dry run drew is not what the next run draws.
        let versions = if self.target.how.dry_run { Vec::new() } else { vec![version] };
        Ok(Changed { what, versions })
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset rotate                          the keyset `default`
  sealwax keyset rotate work --if-due --passphrase-file /run/secrets/work
  sealwax keyset rotate work --suite chacha20-poly1305 --deactivate-at +365d
  sealwax keyset rotate work --prepare --activate-at 2027-01-01    hand the file out, then:
  sealwax keyset activate work 1f3a0c7d

What is sealed already goes on opening; `sealwax rewrap` moves it to the new version. A reader
without the new version opens nothing that is sealed under it: where files are copied to readers,
prepare, copy, then activate. TIME is a date (2027-01-31), a date and a time in UTC
(2027-01-31T12:00:00Z), a duration from now (+90d), or never.";
