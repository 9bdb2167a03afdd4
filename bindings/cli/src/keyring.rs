// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys for opening: those given, or those that the envelope's own recipients name.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use sealwax::census::{Census, Dependence, Surveyor};
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Entry, Header};
use sealwax::id::{KeysetId, RecipientKind};
use sealwax::keyset::Migrating;
use sealwax::keyset::file::Description;
use sealwax::store::Store;
use sealwax::stream::Folders;
use sealwax::wrap::passphrase::Passphrase;
use sealwax::{Context, Keyset, Opener};

use crate::bulk;
use crate::console;
use crate::context;
use crate::failure::Result;
use crate::home::Home;
use crate::passphrase::{self, Source, Typing};
use crate::store::{self, Lease};
use crate::unlock::{self, Expectation, Unlocker};

/// Which keys are at hand.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyOptions {
    /// Open with this keyset: a name in the home folder, or a file. May be repeated.
    #[arg(short, long = "keyset", value_name = "NAME|FILE")]
    keysets: Vec<OsString>,
    /// Open with this secret identity: a keyset file, or text with an identity string. May be repeated.
    #[arg(short, long = "identity", value_name = "FILE")]
    identities: Vec<PathBuf>,
    #[command(flatten)]
    passphrase: Source,
    /// Unlock keysets with the passphrase in this file.
    #[arg(long, value_name = "FILE")]
    keyset_passphrase_file: Option<PathBuf>,
}

/// Which keys open, and what must be true.
#[derive(Args, Clone, Debug)]
pub(crate) struct OpenOptions {
    #[command(flatten)]
    keys: KeyOptions,
    /// Expect this context. Where it is stored it must be equal, else it is external. May be repeated.
    #[arg(short, long = "context", value_name = "NAME=VALUE")]
    context: Vec<OsString>,
    /// Open only through recipients of these kinds: keyset, passphrase, x25519, x-wing.
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', value_parser = parse_kind)]
    require: Vec<RecipientKind>,
    /// Refuse envelopes whose recipients are older than this epoch.
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_epoch: u32,
    /// Open also under compromised versions. Whoever has such a key may have made what opens: it proves nothing.
    #[arg(long)]
    allow_compromised: bool,
}

/// What is done with the keys at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// They open.
    Open,
    /// They open, and seal or wrap anew, which is counted.
    Wrap,
}

/// Whether somebody is asked for the passphrases of keysets that are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// Where somebody is there.
    Ask,
    /// Nobody: they are left out.
    LeaveOut,
}

/// A keyset at hand.
pub(crate) enum Held {
    /// It only opens, or nothing that it seals is counted.
    Loaded(Keyset),
    /// What it seals is counted in its file.
    Counted(Arc<Keyset>, Store),
}

/// The keys at hand, and what must be true.
pub(crate) struct Keyring {
    home: Home,
    unlocker: Unlocker,
    purpose: Purpose,
    requirements: Requirements,
    choice: Choice,
    held: Vec<Held>,
    passphrase: Option<Passphrase>,
    /// The keyset files in the home folder, read when first needed.
    known: Option<Vec<(PathBuf, Description)>>,
    /// Those that nobody could unlock, so that it is said once.
    left_out: Vec<PathBuf>,
}

/// What must be true when something is opened.
#[derive(Default)]
struct Requirements {
    context: Context,
    kinds: Vec<RecipientKind>,
    min_epoch: u32,
    allow_compromised: bool,
}

/// Who decides which keys are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// The user, with -k and -i.
    Given,
    /// The envelope's recipients.
    Named,
}

impl Held {
    /// The keyset, as it was when it was loaded.
    pub(crate) fn keyset(&self) -> &Keyset {
        match self {
            Held::Loaded(keyset) => keyset,
            Held::Counted(keyset, _) => keyset,
        }
    }

    /// Gives back what was leased and not used.
    pub(crate) fn close(self) {
        if let Held::Counted(_, store) = self {
            store::close(store);
        }
    }
}

impl Keyring {
    /// Loads what was given.
    pub(crate) fn new(options: OpenOptions, purpose: Purpose) -> Result<Self> {
        let OpenOptions { keys, context, require: kinds, min_epoch, allow_compromised } = options;
        let context = context::parse(&context)?;
        let requirements = Requirements { context, kinds, min_epoch, allow_compromised };
        Ok(Keyring { requirements, ..Keyring::of_keys(&keys, purpose)? })
    }

    /// Loads what was given; nothing else must be true.
    pub(crate) fn of_keys(options: &KeyOptions, purpose: Purpose) -> Result<Self> {
        let home = Home::find()?;
        let choice = match options.keysets.is_empty() && options.identities.is_empty() {
            true => Choice::Named,
            false => Choice::Given,
        };
        let own = unlock::from_own_file(&options.keyset_passphrase_file)?;
        // The passphrase is the keysets' where -k or -i names some and they have no other.
        let for_keysets = choice == Choice::Given && own.is_none();
        let what = if for_keysets { "of the keyset" } else { "of the file" };
        let general = options.passphrase.read(what, Typing::Once)?;
        let expectation = match own.is_some() || for_keysets {
            true => Expectation::Sealed,
            false => Expectation::Any,
        };
        let passphrase = match &general {
            Some(secret) if !for_keysets => Some(Passphrase::new(secret)?),
            _ => None,
        };
        let mut keyring = Keyring {
            home,
            unlocker: Unlocker::new(own.or(general), expectation),
            purpose,
            requirements: Requirements::default(),
            choice,
            held: Vec::new(),
            passphrase,
            known: None,
            left_out: Vec::new(),
        };
        for argument in &options.keysets {
            keyring.load(&keyring.home.resolve(argument)?)?;
        }
        for path in &options.identities {
            let identities = unlock::load_identities(path, &keyring.unlocker)?;
            keyring.held.extend(identities.into_iter().map(Held::Loaded));
        }
        Ok(keyring)
    }

    /// Whether [`Keyring::prepare`] wants to see each envelope's header.
    pub(crate) fn wants_header(&self) -> bool {
        self.choice == Choice::Named
    }

    /// Gets the keys that the header at the start of `front` names. A header that cannot be read is left to the opener.
    pub(crate) fn prepare(&mut self, front: &[u8]) -> Result<()> {
        match Header::parse(front, DEFAULT_MAX_HEADER_LEN) {
            Ok(header) if self.wants_header() => self.fetch(&header),
            _ => Ok(()),
        }
    }

    /// Gets all keys that a header names, and not only one that opens: whoever wraps anew wants them all.
    pub(crate) fn prepare_to_wrap(&mut self, header: &Header<'_>) -> Result<()> {
        if !self.wants_header() {
            return Ok(());
        }
        let surveyor = Surveyor::new();
        let mut census = surveyor.census();
        surveyor.survey(header, 0, &mut census);
        self.fetch_all(&census, Locked::Ask)?;
        let mut kinds = header.entries().map(|entry| entry.kind());
        if kinds.all(|kind| kind == RecipientKind::Passphrase) {
            self.fetch(header)?;
        }
        Ok(())
    }

    /// Gets all keys that sealed files name, where they decide: all headers are read once. How many files there are, as
    /// far as they were counted.
    pub(crate) fn prepare_all(&mut self, folders: &Folders) -> Result<u64> {
        if !self.wants_header() {
            return Ok(0);
        }
        let census = bulk::survey(folders);
        self.fetch_all(&census, Locked::Ask)?;
        Ok(census.envelopes() + census.unreadable())
    }

    /// Gets every keyset in the home folder that needs no passphrase; and those that need one and are named, where
    /// somebody is to be asked.
    pub(crate) fn prepare_home(&mut self, folders: &Folders, locked: Locked) -> Result<()> {
        if !self.wants_header() {
            return Ok(());
        }
        let files = self.files_of(None)?;
        for path in &files {
            self.load_or_leave_out(path, Locked::LeaveOut);
        }
        // Where all are open already, the headers are not read for this.
        if locked == Locked::Ask && self.held.len() < files.len() {
            self.prepare_all(folders)?;
        }
        Ok(())
    }

    fn fetch_all(&mut self, census: &Census, locked: Locked) -> Result<()> {
        for dependence in census.tallies().keys() {
            match *dependence {
                Dependence::Version(id, _) if !self.holds(id) => {
                    for path in self.files_of(Some(id))? {
                        self.load_or_leave_out(&path, locked);
                    }
                }
                Dependence::Pair(_) | Dependence::Hidden => self.fetch_identities()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The keysets at hand.
    pub(crate) fn keysets(&self) -> impl Iterator<Item = &Keyset> {
        self.held.iter().map(Held::keyset)
    }

    /// The passphrase of files, if there is one.
    pub(crate) fn passphrase(&self) -> Option<&Passphrase> {
        self.passphrase.as_ref()
    }

    /// The keysets as they open also under compromised versions, where that is allowed.
    pub(crate) fn migrating(&self) -> Vec<Migrating<'_>> {
        match self.requirements.allow_compromised {
            true => self.keysets().map(Keyset::migrating).collect(),
            false => Vec::new(),
        }
    }

    /// An opener with the keys at hand; `migrating` comes from [`Keyring::migrating`].
    pub(crate) fn opener<'a>(&'a self, migrating: &'a [Migrating<'a>]) -> Opener<'a> {
        let Requirements { context, kinds, min_epoch, allow_compromised } = &self.requirements;
        let mut opener =
            Opener::new().context(context.clone()).require(kinds).min_epoch(*min_epoch);
        match allow_compromised {
            true => opener = migrating.iter().fold(opener, |opener, key| opener.key(key)),
            false => opener = self.keysets().fold(opener, |opener, key| opener.key(key)),
        }
        if let Some(passphrase) = &self.passphrase {
            opener = opener.key(passphrase);
        }
        opener
    }

    /// What a keyset is called: by its file in the home folder, or by itself where it is at hand.
    pub(crate) fn name_of(&mut self, id: KeysetId) -> Result<Option<String>> {
        if let Some(path) = self.files_of(Some(id))?.first() {
            return Ok(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
        Ok(self.keysets().find(|keyset| keyset.id() == id).map(|keyset| keyset.name().to_owned()))
    }

    /// Gives back what was leased and not used.
    pub(crate) fn close(self) {
        self.held.into_iter().for_each(Held::close);
    }

    /// Loads a keyset that is to be a recipient: a name in the home folder, or a file.
    pub(crate) fn recipient(&self, argument: &OsStr) -> Result<Held> {
        self.load_held(&self.home.resolve(argument)?)
    }

    /// The home folder.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    fn load(&mut self, path: &Path) -> Result<()> {
        let held = self.load_held(path)?;
        self.held.push(held);
        Ok(())
    }

    fn load_held(&self, path: &Path) -> Result<Held> {
        Ok(match self.purpose {
            Purpose::Open => Held::Loaded(self.unlocker.load(path)?),
            Purpose::Wrap => {
                let store = store::open_to_seal(path, &self.unlocker, LEASE)?;
                Held::Counted(store.keyset(), store)
            }
        })
    }

    /// Loads a keyset file that needs no passphrase. Whether it was one.
    fn load_unprotected(&mut self, path: &Path) -> Result<bool> {
        match self.unlocker.load_unprotected(path).map_err(|failure| failure.at(path))? {
            Some(_) if self.purpose == Purpose::Wrap => self.load(path)?,
            Some(keyset) => self.held.push(Held::Loaded(keyset)),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Loads a keyset file. One that stays locked does not keep the others from their work.
    fn load_or_leave_out(&mut self, path: &Path, locked: Locked) {
        if self.left_out.iter().any(|left| left == path) {
            return;
        }
        let loaded = match (self.load_unprotected(path), locked) {
            (Ok(false), Locked::Ask) => self.load(path),
            (Ok(_), _) => return,
            (Err(failure), _) => Err(failure),
        };
        if let Err(failure) = loaded {
            console::warn(&format!("{failure}; its keyset is left out"));
            self.left_out.push(path.to_path_buf());
        }
    }

    fn fetch(&mut self, header: &Header<'_>) -> Result<()> {
        let kinds = &self.requirements.kinds;
        let allowed = |entry: &Entry<'_>| kinds.is_empty() || kinds.contains(&entry.kind());
        let entries: Vec<Entry<'_>> = header.entries().filter(allowed).collect();
        let mut locked = Vec::new();
        // First what costs nobody anything: a passphrase is asked for only where nothing else opens.
        for entry in &entries {
            match *entry {
                Entry::Keyset { keyset, .. } if self.holds(keyset) => return Ok(()),
                Entry::Keyset { keyset, .. } => {
                    for path in self.files_of(Some(keyset))? {
                        match self.load_unprotected(&path)? {
                            true => return Ok(()),
                            false => locked.push(path),
                        }
                    }
                }
                Entry::X25519 { .. } | Entry::XWing { .. } => self.fetch_identities()?,
                _ => {}
            }
        }
        let is_passphrase = |entry: &Entry<'_>| entry.kind() == RecipientKind::Passphrase;
        if entries.iter().any(is_passphrase) && self.passphrase.is_none() {
            if locked.is_empty() && passphrase::can_ask() {
                let secret = passphrase::ask("of the file", Typing::Once)?;
                self.passphrase = Some(Passphrase::new(&secret)?);
            }
        } else if let Some(path) = locked.first() {
            self.load(path)?;
        }
        Ok(())
    }

    /// Loads the identities in the home folder that need no passphrase.
    fn fetch_identities(&mut self) -> Result<()> {
        for path in self.files_of(None)? {
            if let Ok(Some(keyset)) = self.unlocker.load_unprotected(&path)
                && keyset.is_identity()
                && !self.holds(keyset.id())
            {
                self.held.push(Held::Loaded(keyset));
            }
        }
        Ok(())
    }

    fn holds(&self, id: KeysetId) -> bool {
        self.keysets().any(|keyset| keyset.id() == id)
    }

    /// The files in the home folder of this keyset, or of all.
    fn files_of(&mut self, id: Option<KeysetId>) -> Result<Vec<PathBuf>> {
        if self.known.is_none() {
            let mut known = Vec::new();
            for path in self.home.keyset_files()? {
                // A file that is no keyset, or not ours to read, does not keep the others from opening.
                if let Ok(description) = Description::load(&path) {
                    known.push((path, description));
                }
            }
            self.known = Some(known);
        }
        let known = self.known.iter().flatten();
        let wanted = known.filter(|(_, description)| id.is_none_or(|id| description.id == id));
        Ok(wanted.map(|(path, _)| path.clone()).collect())
    }
}

fn parse_kind(text: &str) -> Result<RecipientKind, String> {
    let kinds = [
        RecipientKind::Keyset,
        RecipientKind::Passphrase,
        RecipientKind::X25519,
        RecipientKind::XWing,
        RecipientKind::RawKey,
        RecipientKind::Provider,
    ];
    kinds
        .into_iter()
        .find(|kind| kind.name() == text)
        .ok_or_else(|| format!("the kinds are {}", kinds.map(|kind| kind.name()).join(", ")))
}

/// How much is leased at once where nobody knows how much will be wrapped. What is not used is given back.
const LEASE: Lease = Lease { messages: 1 << 16, bytes: 32 << 16 };
