// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset backup`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use sealwax::Keyset;
use sealwax::atomic::{AtomicFile, AtomicFolder, Existing};
use sealwax::keyset::backup::Share;
use sealwax::rng::Now;
use serde_json::json;

use super::change::KeysetTarget;
use crate::confirm::hex;
use crate::console;
use crate::failure::{Failure, Result, escaped, shown};
use crate::interrupt;
use crate::recipients::parse_recipients;

/// Options of `sealwax keyset backup`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("for_whom").required(true))]
pub(super) struct BackupCommand {
    #[command(flatten)]
    target: KeysetTarget,
    /// For this recovery recipient: a recipient string, or a file of them, one per line. May be
    /// repeated.
    #[arg(short, long = "recipient", value_name = "RECIPIENT|FILE", group = "for_whom")]
    recipients: Vec<OsString>,
    /// For the holders of N shares, any K of whom restore it together.
    #[arg(long, value_name = "K/N", value_parser = parse_shares, group = "for_whom")]
    shares: Option<(u8, u8)>,
    /// With -r: the backup file. With --shares: a folder for the backup and a file for each share,
    /// which does not exist yet.
    #[arg(short, long, value_name = "FILE|FOLDER")]
    output: PathBuf,
}

impl BackupCommand {
    pub(super) fn run(self) -> Result<()> {
        let subject = self.target.open()?;
        let keyset = subject.store.keyset();
        if self.target.how.dry_run {
            let what = format!("a backup would be written to {}", shown(&self.output));
            return subject.say(&what, json!({"file": self.output.to_string_lossy()}));
        }
        let guard = interrupt::leave_to_library();
        let files = match self.shares {
            Some(split) => self.write_shares(&keyset, split)?,
            None => self.write_for_recipients(&keyset)?,
        };
        // The backup is there, whether or not that can be written down here.
        if let Err(error) = subject.store.record_backup(keyset.revision(), Now::system()) {
            console::warn(&format!("the backup is not recorded: {}", Failure::from(error)));
        }
        drop(guard);
        let fingerprint = hex(&keyset.fingerprint()?);
        let name = escaped(keyset.name());
        console::note(&format!(
            "write down the fingerprint of {name}, for `restore`; make a new backup after rotating"
        ));
        let shown_files: Vec<_> = files.iter().map(|path| shown(path)).collect();
        let what = format!(
            "backup of revision {}\nid          {}\nfingerprint {fingerprint}\nfiles       {}",
            keyset.revision(),
            keyset.id(),
            shown_files.join("\n            "),
        );
        let names: Vec<_> = files.iter().map(|path| path.to_string_lossy()).collect();
        subject.say(&what, json!({"fingerprint": fingerprint, "files": names}))
    }

    fn write_for_recipients(&self, keyset: &Keyset) -> Result<Vec<PathBuf>> {
        let mut recipients = Vec::new();
        for argument in &self.recipients {
            parse_recipients(argument, &mut recipients)?;
        }
        let backup = keyset.backup_for(&recipients)?;
        write_new(&self.output, &backup)?;
        Ok(vec![self.output.clone()])
    }

    /// Backup and shares appear together, or not at all: shares of a backup that is not there would
    /// be taken for something.
    fn write_shares(&self, keyset: &Keyset, (threshold, count): (u8, u8)) -> Result<Vec<PathBuf>> {
        let folder = self.output.as_path();
        let aside = AtomicFolder::create(folder).map_err(|error| {
            let failure = Failure::from(error);
            match folder.symlink_metadata() {
                Ok(_) => {
                    Failure::new(failure.exit, "exists already, and a backup is never replaced")
                        .hint("give a folder that does not exist yet")
                        .at(folder)
                }
                Err(_) => failure.at(folder),
            }
        })?;
        let backup = keyset.backup_in_shares(threshold, count)?;
        let names = write_all(aside.path(), keyset, &backup.file, &backup.shares)?;
        aside.commit().map_err(|error| Failure::from(error).at(folder))?;
        Ok(names.into_iter().map(|name| folder.join(name)).collect())
    }
}

/// Writes the backup and its shares into a folder.
fn write_all(
    folder: &Path,
    keyset: &Keyset,
    backup: &[u8],
    shares: &[Share],
) -> Result<Vec<String>> {
    let mut names = vec!["backup.swx-backup".to_owned()];
    write_new(&folder.join(&names[0]), backup)?;
    for share in shares {
        let (number, count, threshold) = (share.number(), share.count(), share.threshold());
        let name = format!("share-{number}-of-{count}.txt");
        let id = share.backup();
        let about = format!(
            "# SECRET. Share {number} of {count} of backup {id} of keyset {}.\n\
             # Any {threshold} restore it: sealwax keyset restore BACKUP --share FILE ...\n",
            escaped(keyset.name()),
        );
        let text = share.expose_text();
        // Given its final capacity first: growing would leave copies of the secret.
        let mut contents =
            zeroize::Zeroizing::new(Vec::with_capacity(about.len() + text.len() + 1));
        contents.extend_from_slice(about.as_bytes());
        contents.extend_from_slice(text.as_bytes());
        contents.push(b'\n');
        write_new(&folder.join(&name), &contents)?;
        names.push(name);
    }
    Ok(names)
}

/// A file with mode 0600 that appears when it is complete. One that exists is not replaced.
fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = AtomicFile::create(path, Existing::Keep)?;
        file.write_all(bytes)?;
        file.commit()
    };
    write().map_err(|error: sealwax::Error| {
        let failure = Failure::from(error);
        match path.exists() {
            true => Failure::new(failure.exit, "exists already, and a backup is never replaced")
                .hint("choose another name")
                .at(path),
            false => failure.at(path),
        }
    })
}

fn parse_shares(text: &str) -> Result<(u8, u8), String> {
    let max = sealwax::keyset::backup::MAX_COUNT;
    let wrong = || format!("shares are K/N, such as 2/3: from 2 to N of at most {max}");
    let (threshold, count) = text.split_once('/').ok_or_else(wrong)?;
    let (threshold, count) =
        (threshold.parse().map_err(|_| wrong())?, count.parse().map_err(|_| wrong())?);
    match 2 <= threshold && threshold <= count && count <= max {
        true => Ok((threshold, count)),
        false => Err(wrong()),
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax identity new -o recovery.swxk --passphrase > recovery.pub      once, for a safe
  sealwax keyset backup -r recovery.pub -o /mnt/usb/default.backup
  sealwax keyset backup work --shares 2/3 -o work-backup
  sealwax keyset restore /mnt/usb/default.backup -i recovery.swxk

With shares the folder gets the backup and a file per share, each of mode 0600: give each holder
one share and a copy of the backup, and delete the shares here. Fewer than K shares, even with the
backup, tell nothing. A backup holds every version as it is now, also those that are destroyed
later; make a new one after each rotation.";
