// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax keyset restore`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::id::RecipientKind;
use sealwax::keyset::backup::Share;
use sealwax::keyset::file::Description;
use sealwax::rng::Now;
use sealwax::store::{BadUsage, Options, Store};
use sealwax::{KeyWrap, Keyset};
use serde_json::json;
use zeroize::Zeroizing;

use crate::confirm::{Recognition, hex};
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, shown};
use crate::home::Home;
use crate::interrupt;
use crate::passphrase::{self, Source, Typing};
use crate::protection::{Chosen, NewProtection};
use crate::unlock::{self, Unlocker};

/// Options of `sealwax keyset restore`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Restore {
    /// The backup, or a copy of a keyset file.
    backup: PathBuf,
    #[command(flatten)]
    keys: BackupKeys,
    #[command(flatten)]
    recognition: Recognition,
    #[command(flatten)]
    target: NewFile,
    #[command(flatten)]
    protection: NewProtection,
    /// Replace a usage file that does not verify; what was sealed is counted anew.
    #[arg(long)]
    discard_usage: bool,
    /// Open the backup and show what is in it, and write nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// What opens a backup.
#[derive(Args, Clone, Debug)]
pub(super) struct BackupKeys {
    /// An identity that it was made for. May be repeated.
    #[arg(short, long = "identity", value_name = "FILE")]
    identities: Vec<PathBuf>,
    /// A file with shares, one per line, or - for stdin. May be repeated. Without it, shares are
    /// asked for.
    #[arg(long = "share", value_name = "FILE")]
    shares: Vec<PathBuf>,
    #[command(flatten)]
    passphrase: Source,
}

/// Where a keyset goes that comes from elsewhere.
#[derive(Args, Clone, Debug)]
pub(super) struct NewFile {
    /// Its name in the home folder; by default the keyset's own.
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Write it to this file, and not into the home folder.
    #[arg(short, long, value_name = "FILE", conflicts_with = "name")]
    output: Option<PathBuf>,
}

impl Restore {
    pub(super) fn run(self) -> Result<()> {
        let bytes = read(&self.backup)?;
        let opened = self.keys.open(&self.backup, &bytes)?;
        let keyset = opened.keyset;
        let path = self.target.free_path(&keyset)?;
        self.recognition.confirm(&keyset)?;
        let fingerprint = hex(&keyset.fingerprint()?);
        let (name, id) = (keyset.name().to_owned(), keyset.id());
        let of_backup = keyset.revision();
        let report = |revision: Option<u64>| match self.json {
            true => {
                let value = json!({
                    "keyset": name, "id": id.to_string(), "file": path.to_string_lossy(),
                    "backup_revision": of_backup, "backup_fingerprint": fingerprint,
                    "revision": revision, "dry_run": self.dry_run,
                });
                format!("{value}\n")
            }
            false => match revision {
                Some(revision) => format!("{}: revision {revision}\n", shown(&path)),
                None => format!("{}: would be written (dry run)\n", shown(&path)),
            },
        };
        if self.dry_run {
            return console::print(&report(None));
        }
        let chosen = self.protection.choose("for the restored keyset")?;
        let store = self.write(&path, keyset, &chosen)?;
        if opened.is_backup && store.backed_up().is_ok_and(|backup| backup.is_none()) {
            // It is there, and from when is not written in it.
            let _ = store.record_backup(of_backup, Now::Unknown);
        }
        chosen.announce(&path);
        console::note(&format!(
            "what was sealed before is not counted: rotate soon, with `sealwax keyset rotate {}`",
            Home::name_of(&path)
        ));
        console::print(&report(Some(store.keyset().revision())))
    }

    fn write(&self, path: &Path, keyset: Keyset, chosen: &Chosen) -> Result<Store> {
        let bad_usage = match self.discard_usage {
            true => BadUsage::Replace,
            false => BadUsage::Refuse,
        };
        let options = Options { bad_usage, ..Options::default() };
        self.target.make_home()?;
        let _guard = interrupt::leave_to_library();
        Store::restore(path, keyset, chosen.guard()?, options).map_err(|error| {
            let failure = Failure::from(error).at(path);
            match failure.exit {
                Exit::KeyUnavailable | Exit::Malformed | Exit::CannotDecrypt => {
                    failure.hint("--discard-usage replaces the usage file that is left there")
                }
                _ => failure,
            }
        })
    }
}

/// A keyset from elsewhere.
pub(super) struct Opened {
    pub(super) keyset: Keyset,
    /// Whether it was opened as a backup: its makers are not proven.
    pub(super) is_backup: bool,
}

impl BackupKeys {
    /// Opens a backup, or a copy of a keyset file.
    pub(super) fn open(&self, path: &Path, bytes: &[u8]) -> Result<Opened> {
        self.try_open(path, bytes).map_err(|failure| failure.at(path))
    }

    fn try_open(&self, path: &Path, bytes: &[u8]) -> Result<Opened> {
        let kinds = Description::parse(bytes)?.recipients;
        let is_pair =
            |kind: &RecipientKind| matches!(kind, RecipientKind::X25519 | RecipientKind::XWing);
        if kinds.contains(&RecipientKind::RawKey) {
            let keyset = Keyset::restore_from_shares(bytes, &self.read_shares()?)?;
            return Ok(Opened { keyset, is_backup: true });
        }
        if !self.shares.is_empty() {
            return Err(Failure::usage("this file has no shares").hint("see `sealwax inspect`"));
        }
        let given = self.passphrase.read("of the identity or keyset", Typing::Once)?;
        if !kinds.iter().any(is_pair) {
            let keyset = Unlocker::of_keyset(given).load(path)?;
            return Ok(Opened { keyset, is_backup: false });
        }
        if self.identities.is_empty() {
            let what = "this file is sealed for an identity";
            return Err(Failure::new(Exit::KeyUnavailable, what).hint("give it with -i FILE"));
        }
        let unlocker = Unlocker::of_keyset(given).expecting_any();
        let mut identities = Vec::new();
        for identity in &self.identities {
            identities.extend(unlock::load_identities(identity, &unlocker)?);
        }
        let keys: Vec<&dyn KeyWrap> = identities.iter().map(|key| key as &dyn KeyWrap).collect();
        Ok(Opened { keyset: Keyset::restore(bytes, &keys)?, is_backup: true })
    }

    fn read_shares(&self) -> Result<Vec<Share>> {
        let mut shares = Vec::new();
        for path in &self.shares {
            read_shares(path, &mut shares).map_err(|failure| failure.at(path))?;
        }
        if self.shares.is_empty() {
            if !passphrase::can_ask() {
                let what = "this backup is opened by shares";
                return Err(Failure::new(Exit::KeyUnavailable, what)
                    .hint("give each with --share FILE, or all on stdin with --share -"));
            }
            ask_shares(&mut shares)?;
        }
        Ok(shares)
    }
}

impl NewFile {
    /// The name that was given.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Makes the home folder, where the keyset goes there.
    pub(super) fn make_home(&self) -> Result<()> {
        match self.output {
            Some(_) => Ok(()),
            None => Home::find()?.create(),
        }
    }

    /// Where the keyset goes; nothing is there yet.
    pub(super) fn free_path(&self, keyset: &Keyset) -> Result<PathBuf> {
        let path = match &self.output {
            Some(path) => path.clone(),
            None => Home::find()?.file_of(self.name.as_deref().unwrap_or(keyset.name()))?,
        };
        match path.symlink_metadata().is_ok() {
            true => Err(Failure::new(Exit::Io, "exists already, and a keyset is never replaced")
                .hint("move it away, or choose another name with --as")
                .at(&path)),
            false => Ok(path),
        }
    }
}

/// Reads a whole file, of at most the length of a keyset file.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let at = |error: std::io::Error| Failure::from(error).at(path);
    let file = std::fs::File::open(path).map_err(at)?;
    let len = usize::try_from(file.metadata().map_err(at)?.len()).unwrap_or(usize::MAX);
    // Given its final capacity first: an unprotected keyset is secret.
    let mut bytes = Zeroizing::new(Vec::with_capacity(len.min(MAX_LEN) + 1));
    file.take(MAX_LEN as u64 + 1).read_to_end(&mut bytes).map_err(at)?;
    match bytes.len() > MAX_LEN {
        true => Err(Failure::new(Exit::Malformed, "longer than any keyset file").at(path)),
        false => Ok(bytes),
    }
}

fn read_shares(path: &Path, shares: &mut Vec<Share>) -> Result<()> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SHARES_LEN));
    let limit = MAX_SHARES_LEN as u64;
    match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?,
        false => {
            let file = std::fs::File::open(path)?;
            console::warn_if_shared(path, &file.metadata()?, "this share");
            file.take(limit).read_to_end(&mut bytes)?
        }
    };
    let before = shares.len();
    for line in unlock::lines(std::str::from_utf8(&bytes).unwrap_or_default()) {
        shares.push(Share::parse_text(line)?);
    }
    match shares.len() == before {
        true => Err(Failure::new(Exit::Malformed, "there is no share in this file")),
        false => Ok(()),
    }
}

/// Asks for shares until there are enough.
fn ask_shares(shares: &mut Vec<Share>) -> Result<()> {
    loop {
        let wanted = shares.first().map(|share| share.threshold().to_string());
        let wanted = wanted.as_deref().unwrap_or("several");
        let prompt = format!("share {} of {wanted} (SEALWAX-SHARE-1...)", shares.len() + 1);
        match passphrase::ask_hidden(&prompt).and_then(|text| Ok(Share::parse_text(&text)?)) {
            Ok(share) if shares.iter().any(|other| other.number() == share.number()) => {
                console::note(&format!("share {} was given already", share.number()));
            }
            Ok(share) => shares.push(share),
            // A typing error costs one line, and not all that was typed before.
            Err(failure) if failure.exit == Exit::Malformed => console::report(&failure),
            Err(failure) => return Err(failure),
        }
        if shares.first().is_some_and(|first| shares.len() >= first.threshold().into()) {
            return Ok(());
        }
    }
}

/// The longest keyset file, in bytes.
const MAX_LEN: usize = 18 * 1024 * 1024;
/// More than 64 shares with comments.
const MAX_SHARES_LEN: usize = 64 * 1024;

const EXAMPLES: &str = "\
Examples:
  sealwax keyset restore /mnt/usb/default.backup -i recovery.swxk
  sealwax keyset restore work.backup --share ann.txt --share bob.txt --as work
  sealwax keyset restore work.backup             asks for the shares
  sealwax keyset restore default.backup -i recovery.swxk --fingerprint 0123... --unprotected

What opened it does not prove who made it: name, id, revision and fingerprint are shown first, to
be compared with what was written down. The restored keyset is a new revision. An existing keyset
is never replaced: move it away first.";
