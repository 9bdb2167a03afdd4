// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset policy`.

use clap::Args;
use sealwax::Algorithm;
use sealwax::keyset::Policy;

use super::change::{Changed, KeysetTarget};
use super::describe;
use crate::amount::{or_never, parse_bytes, parse_count};
use crate::console;
use crate::failure::{Result, escaped};
use crate::store;
use crate::suite;
use crate::time::parse_duration;

/// Options of `sealwax keyset policy`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct PolicyCommand {
    #[command(flatten)]
    target: KeysetTarget,
    /// Rotate when the primary version is this old: 2y, 90d, 12h, never.
    #[arg(
        long, value_name = "DURATION",
        value_parser = |text: &str| or_never(text, parse_duration),
    )]
    rotate_after: Option<u64>,
    /// Rotate after so many messages, or never.
    #[arg(long, value_name = "N", value_parser = |text: &str| or_never(text, parse_count))]
    rotate_after_messages: Option<u64>,
    /// Rotate after so many bytes (500GB, 1TiB), or never.
    #[arg(long, value_name = "BYTES", value_parser = |text: &str| or_never(text, parse_bytes))]
    rotate_after_bytes: Option<u64>,
    /// What new versions may be. The versions that there are stay.
    #[arg(
        long, value_name = "NAME,...", value_delimiter = ',',
        value_parser = suite::parse_algorithm,
    )]
    algorithms: Vec<Algorithm>,
    /// Allow `sealwax keyset export --raw`.
    #[arg(long, conflicts_with = "no_raw_export")]
    allow_raw_export: bool,
    /// Do not allow it.
    #[arg(long)]
    no_raw_export: bool,
}

impl PolicyCommand {
    pub(super) fn run(self) -> Result<()> {
        let subject = self.target.open()?;
        if !self.changes_anything() {
            let keyset = subject.store.keyset();
            let due = store::rotation_due(&keyset);
            return console::print(&match self.target.how.json {
                true => {
                    let mut value = describe::policy_json(keyset.policy());
                    value["rotation_due"] = due.into();
                    format!("{value}\n")
                }
                false => {
                    let due = due.map_or("no rotation is due".into(), |why| format!("due: {why}"));
                    let policy = describe::policy_text(keyset.policy());
                    format!("{}: {policy}; {due}\n", escaped(keyset.name()))
                }
            });
        }
        subject.change(|keyset| {
            let mut policy = *keyset.policy();
            self.apply(&mut policy)?;
            if policy != *keyset.policy() {
                keyset.set_policy(policy)?;
            }
            Ok(Changed { what: describe::policy_text(&policy), versions: Vec::new() })
        })?;
        Ok(())
    }

    fn changes_anything(&self) -> bool {
        let limits = [self.rotate_after, self.rotate_after_messages, self.rotate_after_bytes];
        limits.iter().any(Option::is_some)
            || !self.algorithms.is_empty()
            || self.allow_raw_export
            || self.no_raw_export
    }

    fn apply(&self, policy: &mut Policy) -> Result<()> {
        let set = |place: &mut u64, given: Option<u64>| *place = given.unwrap_or(*place);
        set(&mut policy.rotate_after_seconds, self.rotate_after);
        set(&mut policy.rotate_after_messages, self.rotate_after_messages);
        set(&mut policy.rotate_after_bytes, self.rotate_after_bytes);
        if !self.algorithms.is_empty() {
            policy.allow_only(&self.algorithms)?;
        }
        if self.allow_raw_export || self.no_raw_export {
            policy.allow_raw_export = self.allow_raw_export;
        }
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset policy work                     shows it
  sealwax keyset policy work --rotate-after 90d --rotate-after-bytes 1TiB
  sealwax keyset policy work --rotate-after never
  sealwax keyset policy work --algorithms cobblestone-256
  sealwax keyset policy device --allow-raw-export

A policy rotates nothing by itself: `sealwax keyset rotate --if-due`, run by a timer, does. A year
is 365.25 days. New keysets rotate after two years, 2^46 messages or 2^56 bytes; a version stops at
2^48 messages or 2^58 bytes.";
