// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax reencrypt`.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Entry, Header, Removal};
use sealwax::stream::{DetachedPaths, Job, Reencrypted};
use sealwax::{KeyWrap, Sealer};
use serde_json::json;

use super::{Outcome, each};
use crate::changes::{ChangeOptions, Changes, Others};
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, shown};
use crate::flow;
use crate::front;
use crate::header_file::{self, HeaderOption};
use crate::input::Input;
use crate::interrupt;
use crate::keyring::{Keyring, OpenOptions, Purpose};
use crate::plan::{FileOptions, Item, Naming, Output};
use crate::progress::Progress;
use crate::{removal, via};

/// Options of `sealwax reencrypt`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Reencrypt {
    #[command(flatten)]
    keys: OpenOptions,
    #[command(flatten)]
    changes: ChangeOptions,
    /// Only files with this recipient, named as for rewrap's --remove: a keyset, ID:VERSION, a kind. May be repeated.
    #[arg(long, value_name = "WHO")]
    only: Vec<String>,
    #[command(flatten)]
    header: HeaderOption,
    /// With --header: the new header goes into this file, and the new payload into OUT. Without, OUT holds both.
    #[arg(long, value_name = "FILE", requires = "header")]
    new_header: Option<PathBuf>,
    /// Replace each file by its successor, when that is complete and on the disk.
    #[arg(long, conflicts_with_all = ["output", "header"])]
    in_place: bool,
    #[command(flatten)]
    files: FileOptions,
    /// One JSON object per file, on one line each.
    #[arg(long)]
    json: bool,
}

impl Reencrypt {
    /// Reencrypts all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let items = match (self.in_place, self.files.names_output()) {
            (true, _) => self.files.plan_in_place()?,
            (false, true) => self.files.plan(Naming::Keep)?,
            (false, false) => {
                return Err(Failure::usage("nothing says where to").hint(
                    "give -o OUT, or --in-place to replace each file when its successor is complete",
                ));
            }
        };
        self.header.check(&items)?;
        let mut keyring = Keyring::new(self.keys.clone(), Purpose::Wrap)?;
        let changes = Changes::load(&self.changes, &keyring)?;
        let only = removal::parse_all("--only", &self.only, keyring.home())?;
        let outcome = each(items, |item| {
            let name = item.input.name();
            let done = self.reencrypt(&mut keyring, &changes, &only, &item);
            done.map_err(|failure| failure.about(name))
        });
        changes.close();
        keyring.close();
        Ok(outcome)
    }

    fn reencrypt(
        &self,
        keyring: &mut Keyring,
        changes: &Changes,
        only: &[Removal],
        item: &Item,
    ) -> Result<()> {
        let (Input::File(source), Output::File(target)) = (&item.input, &item.output) else {
            return Err(Failure::usage("reencrypt works from file to file")
                .hint("for pipes: `sealwax open | sealwax seal`"));
        };
        let header_bytes = match self.header.path() {
            Some(header) => header_file::read(header)?,
            None => front::read_header(&mut File::open(source)?)?,
        };
        let header = Header::parse(&header_bytes, DEFAULT_MAX_HEADER_LEN)?;
        let is_meant = |entry: Entry<'_>| only.iter().any(|who| who.means(&entry));
        if !only.is_empty() && !header.entries().any(is_meant) {
            return Ok(());
        }
        keyring.prepare_to_wrap(&header)?;
        let recipients = recipients_of(&header, keyring, changes)?;
        let mut sealer = Sealer::new();
        for recipient in recipients {
            sealer = sealer.recipient(recipient);
        }
        if changes.mix {
            sealer = sealer.danger_mix_recipients();
        }
        flow::make_parents(target)?;
        let progress = Progress::new(item.input.name(), self.files.quiet);
        let done = {
            let _guard = interrupt::leave_to_library();
            let done = self.run_job(keyring, &sealer, source, target, &progress);
            done.map_err(|error| self.explain(error, target))?
        };
        via::warn_if_compromised(&item.input.name(), done.opened_via);
        match self.json {
            true => self.print(&item.input.name(), target, &done),
            false => Ok(()),
        }
    }

    fn run_job(
        &self,
        keyring: &Keyring,
        sealer: &Sealer<'_>,
        source: &Path,
        target: &Path,
        progress: &Progress,
    ) -> sealwax::Result<Reencrypted> {
        let existing = match self.in_place {
            true => sealwax::atomic::Existing::Replace,
            false => self.files.existing(),
        };
        let job = Job { threads: self.files.threads, existing, control: Some(progress) };
        let migrating = keyring.migrating();
        let opener = keyring.opener(&migrating);
        let Some(header) = self.header.path() else {
            return opener.reencrypt_path(sealer, source, target, &job);
        };
        let source = DetachedPaths { header, payload: source };
        match &self.new_header {
            Some(header) => {
                let target = DetachedPaths { header, payload: target };
                opener.reencrypt_path_detached(sealer, source, target, &job)
            }
            None => opener.reencrypt_path_attached(sealer, source, target, &job),
        }
    }

    /// Puts the name on a failure that is about an output that exists.
    fn explain(&self, error: sealwax::Error, target: &Path) -> Failure {
        let Some(header) = &self.new_header else { return self.files.explain(error, target) };
        let exists = |io: &std::io::Error| io.kind() == std::io::ErrorKind::AlreadyExists;
        if !matches!(&error, sealwax::Error::Io(io) if exists(io)) {
            return self.files.explain(error, target);
        }
        // Even with --force: old and new halves of two envelopes would open neither.
        let what = "exists already, and a header and a payload cannot be replaced at once";
        let path = if header.exists() { header } else { target };
        Failure::new(Exit::Io, what).hint("choose names that do not exist yet").at(path)
    }

    fn print(&self, name: &str, target: &Path, done: &Reencrypted) -> Result<()> {
        let value = json!({
            "file": name,
            "output": shown(target),
            "plaintext_len": done.plaintext_len,
            "opened_via": done.opened_via.kind().name(),
            "unauthentic": via::is_compromised(done.opened_via),
        });
        console::print(&format!("{value}\n"))
    }
}

/// Who can open the new envelope: those that the old one has and that are at hand, and those that come. Whoever is
/// neither would lose the file, and that is not done without a word.
fn recipients_of<'a>(
    header: &Header<'_>,
    keyring: &'a Keyring,
    changes: &'a Changes,
) -> Result<Vec<&'a dyn KeyWrap>> {
    let mut recipients: Vec<&dyn KeyWrap> = Vec::new();
    let mut lost = Vec::new();
    if changes.others == Others::Stay {
        let only_passphrase = header.entries().count() == 1;
        for entry in header.entries() {
            if let Some(keyset) = keyring.keysets().find(|k| k.version_of(&entry).is_some()) {
                // Two versions of one keyset become one recipient.
                if !recipients.iter().any(|known| is_same(*known, keyset)) {
                    recipients.push(keyset);
                }
            } else if comes(changes, &entry) {
            } else if let (Entry::Passphrase { .. }, Some(passphrase), true) =
                (entry, keyring.passphrase(), only_passphrase)
            {
                // It is the one that opens the file, or opening fails.
                recipients.push(passphrase);
            } else {
                lost.push(entry.wanted().to_string());
            }
        }
    }
    if !lost.is_empty() {
        let what = format!("somebody would lose this file: it is {}", lost.join("; "));
        return Err(Failure::usage(what).hint(
            "give them again with --add, or say who is to have it with --to or --to-keyset",
        ));
    }
    for recipient in changes.recipients() {
        if !recipients.iter().any(|known| is_same(*known, recipient)) {
            recipients.push(recipient);
        }
    }
    Ok(recipients)
}

/// Whether a recipient that comes is for the same key, or is the passphrase that takes the place of this one.
fn comes(changes: &Changes, entry: &Entry<'_>) -> bool {
    let replaced = matches!(entry, Entry::Passphrase { .. }) && changes.passphrase.is_some();
    let is_named = |key: &dyn KeyWrap| key.shape().is_ok_and(|shape| shape.is_named_by(entry));
    replaced || changes.recipients().any(is_named)
}

/// Whether two recipients have the same entry.
fn is_same(one: &dyn KeyWrap, other: &dyn KeyWrap) -> bool {
    match (one.shape(), other.shape()) {
        (Ok(one), Ok(other)) => one.wanted == other.wanted && !one.hidden,
        _ => false,
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax reencrypt --in-place report.pdf.swx
  sealwax reencrypt -R --in-place /mnt/backup
  sealwax reencrypt -R /mnt/backup -o /mnt/new --to-keyset archive
  sealwax reencrypt --in-place --passphrase-file old --new-passphrase-file new letter.swx
  sealwax reencrypt -R --in-place --only work:0a1b2c3d --allow-compromised /mnt/backup
  sealwax reencrypt --in-place --allow-compromised --context host=db1 dump.sql.swx
  sealwax reencrypt --header dump.header.swx dump.payload -o new.payload --new-header new.header.swx

Opens each file and seals what is in it anew, under a new data key, in one pass; the plaintext never touches the disk.
It is the remedy where a data key may be in other hands; `sealwax rewrap` is far cheaper and keeps the data key. Copies
of the old file still open with the old key. The recipients stay the same, at their primary versions; those that are
not at hand are to be given again. Stored context stays, external context is to be given to open.";
