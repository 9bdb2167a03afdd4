// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys for opening: those given, or those that the envelope's own recipients name.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Entry, Header};
use sealwax::id::{KeysetId, RecipientKind};
use sealwax::keyset::file::Description;
use sealwax::wrap::passphrase::Passphrase;
use sealwax::{Context, Keyset, Opener};

use crate::context;
use crate::failure::Result;
use crate::home::Home;
use crate::passphrase::{self, Source, Typing};
use crate::unlock::{self, Expectation, Unlocker};

/// Which keys open, and what must be true.
#[derive(Args, Clone, Debug)]
pub(crate) struct OpenOptions {
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
    /// Expect this context. Where it is stored it must be equal, else it is external. May be repeated.
    #[arg(short, long = "context", value_name = "NAME=VALUE")]
    context: Vec<OsString>,
    /// Open only through recipients of these kinds: keyset, passphrase, x25519, x-wing.
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', value_parser = parse_kind)]
    require: Vec<RecipientKind>,
    /// Refuse envelopes whose recipients are older than this epoch.
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_epoch: u32,
}

/// The keys at hand, and what must be true.
pub(crate) struct Keyring {
    home: Home,
    unlocker: Unlocker,
    context: Context,
    require: Vec<RecipientKind>,
    min_epoch: u32,
    choice: Choice,
    keysets: Vec<Keyset>,
    passphrase: Option<Passphrase>,
    /// The keyset files in the home folder, read when first needed.
    known: Option<Vec<(PathBuf, Description)>>,
}

/// Who decides which keys are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// The user, with -k and -i.
    Given,
    /// The envelope's recipients.
    Named,
}

impl Keyring {
    /// Loads what was given.
    pub(crate) fn new(options: OpenOptions) -> Result<Self> {
        let home = Home::find()?;
        let context = context::parse(&options.context)?;
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
        let unlocker = Unlocker::new(own.or(general), expectation);
        let mut keysets = Vec::new();
        for argument in &options.keysets {
            keysets.push(unlocker.load(&home.resolve(argument)?)?);
        }
        for path in &options.identities {
            keysets.extend(unlock::load_identities(path, &unlocker)?);
        }
        let OpenOptions { require, min_epoch, .. } = options;
        let known = None;
        Ok(Keyring {
            home,
            unlocker,
            context,
            require,
            min_epoch,
            choice,
            keysets,
            passphrase,
            known,
        })
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

    /// An opener with the keys at hand.
    pub(crate) fn opener(&self) -> Opener<'_> {
        let mut opener = Opener::new()
            .context(self.context.clone())
            .require(&self.require)
            .min_epoch(self.min_epoch);
        for keyset in &self.keysets {
            opener = opener.key(keyset);
        }
        if let Some(passphrase) = &self.passphrase {
            opener = opener.key(passphrase);
        }
        opener
    }

    fn fetch(&mut self, header: &Header<'_>) -> Result<()> {
        let allowed =
            |entry: &Entry<'_>| self.require.is_empty() || self.require.contains(&entry.kind());
        let entries: Vec<Entry<'_>> = header.entries().filter(allowed).collect();
        let mut locked = Vec::new();
        // First what costs nobody anything: a passphrase is asked for only where nothing else opens.
        for entry in &entries {
            match *entry {
                Entry::Keyset { keyset, .. } if self.holds(keyset) => return Ok(()),
                Entry::Keyset { keyset, .. } => {
                    for path in self.files_of(Some(keyset))? {
                        match self.unlocker.load_unprotected(&path) {
                            Ok(Some(keyset)) => {
                                self.keysets.push(keyset);
                                return Ok(());
                            }
                            Ok(None) => locked.push(path),
                            Err(failure) => return Err(failure.at(&path)),
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
            let keyset = self.unlocker.load(path)?;
            self.keysets.push(keyset);
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
                self.keysets.push(keyset);
            }
        }
        Ok(())
    }

    fn holds(&self, id: KeysetId) -> bool {
        self.keysets.iter().any(|keyset| keyset.id() == id)
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
