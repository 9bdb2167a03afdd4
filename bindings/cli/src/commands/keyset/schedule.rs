// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset schedule`.

use std::ffi::OsString;

use clap::Args;
use sealwax::rng::Now;

use super::change::{Changed, How, find_version};
use crate::failure::Result;
use crate::time::{self, Moment};

/// Options of `sealwax keyset schedule`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Schedule {
    /// A name in the home folder, or a file.
    #[arg(value_name = "NAME|FILE")]
    keyset: OsString,
    /// The first digits of a version's id, or `primary`.
    version: String,
    /// From when on it may be used.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    activate_at: Option<Moment>,
    /// From when on it no longer seals.
    #[arg(
        long, value_name = "TIME", value_parser = Moment::parse,
        required_unless_present = "activate_at",
    )]
    deactivate_at: Option<Moment>,
    #[command(flatten)]
    how: How,
}

impl Schedule {
    pub(super) fn run(self) -> Result<()> {
        let now = Now::system();
        let subject = self.how.open(&self.keyset)?;
        subject.change(|keyset| {
            let id = find_version(keyset, &self.version)?;
            let version = keyset.version(id).expect("found in this keyset");
            // What is not given stays as it is.
            let from = self.activate_at.map_or(Ok(version.activate_at()), |at| at.seconds(now))?;
            let to =
                self.deactivate_at.map_or(Ok(version.deactivate_at()), |at| at.seconds(now))?;
            keyset.schedule(id, from, to)?;
            let shown = |at: Option<u64>| at.map_or("no time".into(), time::shown);
            let what =
                format!("version {id} may be used from {}, seals until {}", shown(from), shown(to));
            Ok(Changed { what, versions: vec![id] })
        })?;
        subject.remind();
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset schedule work primary --deactivate-at 2027-06-30
  sealwax keyset schedule work 1f3a --activate-at 2027-01-01T06:00:00Z --deactivate-at never
  sealwax keyset schedule work primary --deactivate-at +90d

TIME is a date (2027-01-31), a date and a time in UTC (2027-01-31T12:00:00Z), a duration from now
(+90d), or never. What is not given stays as it is. Times only restrict: before its start a version
neither seals nor opens, after its end it opens. They are kept by the clock of whoever uses the
keyset; without a clock, a version with times does not seal.";
