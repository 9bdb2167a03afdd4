// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset`: one file per verb, and what they share.

mod backup;
mod change;
mod compromise;
mod describe;
mod destroy;
mod export;
mod import;
mod list;
mod new;
mod passwd;
mod policy;
mod restore;
mod rotate;
mod schedule;
mod show;
mod transition;

use clap::{Args, Subcommand};

use super::Outcome;
use crate::failure::Result;

/// `sealwax keyset`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeysetCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Clone, Debug)]
enum Verb {
    /// Make a new keyset, and print where it is.
    New(new::New),
    /// List the keysets in the home folder. Needs no key.
    List(list::List),
    /// Describe a keyset: states, times, usage, backup. Without its passphrase: what its file says
    /// about itself.
    Show(show::Show),
    /// Make a fresh version and seal under it from now on. The older ones go on opening.
    Rotate(rotate::Rotate),
    /// Make a prepared version the primary.
    Activate(transition::Activate),
    /// Take a version out of use for the moment: it neither seals nor opens.
    Suspend(transition::Suspend),
    /// Put a suspended version back into use.
    Resume(transition::Resume),
    /// End the use of a version for sealing, for good. It goes on opening.
    Deactivate(transition::Deactivate),
    /// Record that somebody else may have a version: it opens for migration only.
    Compromise(compromise::Compromise),
    /// Wipe the secret of a version. What only it opens is lost for good.
    Destroy(Box<destroy::Destroy>),
    /// Set from when on a version may be used, and from when on it no longer seals.
    Schedule(schedule::Schedule),
    /// Show or set when a keyset is to be rotated, and what it allows.
    Policy(policy::PolicyCommand),
    /// Protect a keyset file with another passphrase.
    Passwd(passwd::Passwd),
    /// Write a keyset for somewhere else, with a protection of its own.
    Export(Box<export::Export>),
    /// Put a keyset file into the home folder, or make a keyset of 32 bytes.
    Import(Box<import::Import>),
    /// Make a backup that recovery recipients, or holders of shares, restore.
    Backup(backup::BackupCommand),
    /// Restore a keyset from a backup.
    Restore(Box<restore::Restore>),
}

impl KeysetCommand {
    /// Runs the verb.
    pub(crate) fn run(self) -> Result<Outcome> {
        match self.verb {
            Verb::New(new) => new.run().map(Ok),
            Verb::List(list) => list.run(),
            Verb::Show(show) => show.run(),
            Verb::Rotate(rotate) => rotate.run().map(Ok),
            Verb::Activate(activate) => activate.run().map(Ok),
            Verb::Suspend(suspend) => suspend.run().map(Ok),
            Verb::Resume(resume) => resume.run().map(Ok),
            Verb::Deactivate(deactivate) => deactivate.run().map(Ok),
            Verb::Compromise(compromise) => compromise.run().map(Ok),
            Verb::Schedule(schedule) => schedule.run().map(Ok),
            Verb::Policy(policy) => policy.run().map(Ok),
            Verb::Destroy(destroy) => destroy.run().map(Ok),
            Verb::Passwd(passwd) => passwd.run().map(Ok),
            Verb::Export(export) => export.run().map(Ok),
            Verb::Import(import) => import.run().map(Ok),
            Verb::Backup(backup) => backup.run().map(Ok),
            Verb::Restore(restore) => restore.run().map(Ok),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax keyset new                             the keyset `default`
  sealwax keyset backup -r recovery.pub -o default.backup
  sealwax keyset show                            versions, states, usage, whether a rotation is due
  sealwax keyset rotate --if-due                 for a timer: does nothing until it is time
  sealwax keyset suspend default 1f3a --reason \"laptop lost\"
  sealwax keyset compromise default primary --rotate --reason \"found in a log\"

Keysets with names are in $SEALWAX_HOME, else in $XDG_DATA_HOME/sealwax, else in
~/.local/share/sealwax, as NAME.swxk; beside each, NAME.swxl counts what its versions were used
for. A version is named by the first digits of its id, or as `primary`. Each change is one new
revision of the file, all or nothing, also when others change it at the same time.";
