// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset destroy`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::Keyset;
use sealwax::census::{Census, Finding, Surveyor};
use sealwax::id::VersionId;
use sealwax::keyset::Clearance;
use sealwax::keyset::file::Description;
use sealwax::rng::Now;
use sealwax::stream::{Control, Folders, Found, HeaderReader, Unreadable};

use super::change::{Changed, Subject, VersionTarget, find_version};
use super::transition::state_text;
use crate::amount::bytes_shown;
use crate::confirm;
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, escaped, shown};
use crate::home::Home;
use crate::interrupt;
use crate::passphrase;
use crate::unlock::{self, Expectation, Unlocker};

/// Options of `sealwax keyset destroy`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Destroy {
    #[command(flatten)]
    target: VersionTarget,
    /// First look at these files and folders with keys: all that is sealed must open, and nothing
    /// depend on the version.
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "without_census")]
    census: Vec<PathBuf>,
    /// Look at nothing: what still depends on the version is lost for good.
    #[arg(long, conflicts_with = "despite_dependents")]
    without_census: bool,
    /// Destroy it although the census shows files that depend on it, and lose what only it opens.
    #[arg(long)]
    despite_dependents: bool,
    /// Another keyset that files of the census are sealed for; those in the home folder without a
    /// passphrase are known. May be repeated.
    #[arg(short, long = "keyset", value_name = "NAME|FILE")]
    keysets: Vec<OsString>,
    /// Unlock the other keysets with the passphrase in this file.
    #[arg(long, value_name = "FILE")]
    keyset_passphrase_file: Option<PathBuf>,
    /// An identity that files of the census are sealed for. May be repeated.
    #[arg(short, long = "identity", value_name = "FILE")]
    identities: Vec<PathBuf>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Destroy {
    pub(super) fn run(self) -> Result<()> {
        if self.census.is_empty() && !self.without_census {
            return Err(Failure::usage("a census is missing")
                .hint("give --census PATH..., or --without-census to lose what depends on it"));
        }
        let is_asked = !self.yes && !self.target.how.dry_run;
        if is_asked && !passphrase::can_ask() {
            return Err(Failure::usage("there is no terminal to ask on")
                .hint("give --yes to destroy it without being asked"));
        }
        let subject = self.target.open()?;
        let keyset = subject.store.keyset();
        let version = find_version(&keyset, &self.target.version)?;
        let clearance = match is_refused_anyway(&keyset, version) || self.without_census {
            true => Clearance::danger_without_census(),
            false => self.clearance(&subject, &keyset, version)?,
        };
        if is_asked && !is_refused_anyway(&keyset, version) {
            let name = escaped(keyset.name());
            let question = format!(
                "What only version {version} of keyset {name} opens will be lost for good.\n\
                 Type {version} to destroy it: "
            );
            let hint = "give --yes to destroy it without being asked";
            if !confirm::ask(&question, &version.to_string(), hint)? {
                return Err(confirm::declined());
            }
        }
        subject.change(|keyset| {
            keyset.destroy(version, &clearance, &self.target.reason, Now::system())?;
            Ok(Changed { what: state_text(keyset, version), versions: vec![version] })
        })?;
        console::note(
            "not covered: tokens in databases; other copies of the keyset file and its backups, \
             which hold the version still",
        );
        Ok(())
    }

    /// What the census allows.
    fn clearance(
        &self,
        subject: &Subject,
        keyset: &Keyset,
        version: VersionId,
    ) -> Result<Clearance> {
        let others = self.other_keysets(subject)?;
        let surveyor = others.iter().fold(Surveyor::new().keyset(keyset), Surveyor::keyset);
        let census = survey(&self.census, &surveyor.verified())?;
        let tally = census.of_version(keyset.id(), version);
        let (envelopes, bytes) = (tally.envelopes, bytes_shown(tally.bytes));
        let holes = census.unopenable() + census.unreadable();
        if holes != 0 {
            let what = format!("the census has holes: {} could not be verified", files(holes));
            let hint = "give their keys with -k or -i, or destroy it --without-census";
            return Err(Failure::new(Exit::KeyUnavailable, what).hint(hint));
        }
        let what = format!("{} ({bytes}) depend on version {version}", files(envelopes));
        if envelopes != 0 && self.despite_dependents {
            console::warn(&format!("{} ({bytes}) depend on version {version}", files(envelopes)));
            return Ok(Clearance::danger_without_census());
        }
        if envelopes != 0 {
            let hint = "`sealwax rewrap` moves them to the primary version; \
                        --despite-dependents loses them";
            return Err(Failure::new(Exit::KeyUnavailable, what).hint(hint));
        }
        console::note(&format!(
            "census: verified {}, and nothing depends on version {version}",
            files(census.envelopes())
        ));
        Ok(census.clearance(keyset, version)?)
    }

    /// The keysets that were given, and those in the home folder that need no passphrase.
    fn other_keysets(&self, subject: &Subject) -> Result<Vec<Keyset>> {
        let home = Home::find()?;
        let given = unlock::from_own_file(&self.keyset_passphrase_file)?;
        let unlocker = Unlocker::new(given, Expectation::Any);
        let mut others = Vec::new();
        for argument in &self.keysets {
            others.push(unlocker.load(&home.resolve(argument)?)?);
        }
        for path in &self.identities {
            others.extend(unlock::load_identities(path, &unlocker)?);
        }
        let own = subject.store.keyset().id();
        for path in home.keyset_files()? {
            // What is no keyset, or not ours to read, is no key of the census.
            let is_other = Description::load(&path).is_ok_and(|found| found.id != own);
            if is_other && let Ok(Some(keyset)) = unlocker.load_unprotected(&path) {
                others.push(keyset);
            }
        }
        Ok(others)
    }
}

fn files(count: u64) -> String {
    format!("{count} {}", if count == 1 { "file" } else { "files" })
}

/// Whether the library refuses it whatever a census shows; then nobody is to wait or to be asked
/// first.
fn is_refused_anyway(keyset: &Keyset, version: VersionId) -> bool {
    let is_destroyed = keyset
        .version(version)
        .is_none_or(|version| version.state() == sealwax::id::KeyState::Destroyed);
    is_destroyed || keyset.primary().is_some_and(|primary| primary.id() == version)
}

/// Stops the census after a signal.
struct Interruption;

impl Control for Interruption {
    fn progress(&self, _: u64, _: u64) {}

    fn is_cancelled(&self) -> bool {
        interrupt::is_cancelled()
    }
}

/// Looks at all sealed files below these paths, on all cores. What does not open is named.
fn survey(paths: &[PathBuf], surveyor: &Surveyor<'_>) -> Result<Census> {
    let start = || (HeaderReader::new(), surveyor.census());
    let work = |own: &mut (HeaderReader, Census), found: Found| {
        let (reader, census) = own;
        let say = |path: &Path, error| {
            console::report(&Failure::from(error).about(shown(path)));
        };
        match found {
            Ok(path) => match surveyor.survey_path(&path, reader, census) {
                Ok(Finding::Unopenable(error)) | Err(error) => say(&path, error),
                Ok(_) => {}
            },
            Err(Unreadable { path, error }) => {
                census.count_unreadable();
                say(&path, error);
            }
        }
    };
    let counted = Folders::new(paths).each(Some(&Interruption), start, work);
    // What was interrupted did not look at everything.
    if interrupt::is_cancelled() {
        return Err(interrupt::failure());
    }
    let mut sum = surveyor.census();
    counted.into_iter().for_each(|(_, census)| sum.merge(census));
    Ok(sum)
}

const EXAMPLES: &str = "\
Examples:
  sealwax rewrap -R /srv/data
  sealwax keyset destroy work 1f3a --census /srv/data /mnt/archive --reason \"retired\"
  sealwax keyset destroy work 1f3a --without-census --yes
  sealwax keyset destroy work 1f3a --census /srv/data --dry-run

The secret is wiped, and a tombstone with the id, times and reasons stays. The census opens the
header of every .swx file below the paths; one that does not open, or depends on the version, stops
it. It says nothing about what it did not look at: tokens in databases, other machines, other
copies of the keyset file and its backups.";
