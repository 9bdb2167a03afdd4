// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax token`.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use base64ct::{Base64UrlUnpadded, Encoding};
use clap::{Args, Subcommand};
use sealwax::keyset::Migrated;
use sealwax::store::Store;
use sealwax::{Context, Error, Keyset, token};
use zeroize::Zeroizing;

use super::Outcome;
use crate::console;
use crate::context;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::flow::{self, Source};
use crate::home::Home;
use crate::input::Input;
use crate::interrupt;
use crate::passphrase::{Source as PassphraseSource, Typing};
use crate::recipients;
use crate::store::{self, Lease};
use crate::unlock::{self, Expectation, Unlocker};
use crate::via;

/// `sealwax token`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Token {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Clone, Debug)]
enum Verb {
    /// Seal stdin into a token, or each of its lines into one.
    #[command(after_help = EXAMPLES)]
    Seal(TokenOptions),
    /// Open the token on stdin, or one on each of its lines.
    #[command(after_help = EXAMPLES)]
    Open(TokenOptions),
}

#[derive(Args, Clone, Debug)]
struct TokenOptions {
    /// The keyset: a name in the home folder, or a file. Opening tries all; sealing takes one. By default `default`.
    #[arg(short, long = "keyset", value_name = "NAME|FILE")]
    keysets: Vec<OsString>,
    #[command(flatten)]
    passphrase: PassphraseSource,
    /// Unlock keysets with the passphrase in this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase", "passphrase_file", "passphrase_fd"])]
    keyset_passphrase_file: Option<PathBuf>,
    /// Context of the tokens. It does not travel: opening needs the same. May be repeated.
    #[arg(short, long = "context", value_name = "NAME=VALUE")]
    context: Vec<OsString>,
    /// One value per line, one token per line.
    #[arg(short, long)]
    lines: bool,
    /// With --lines: report a bad line, write an empty one in its place, and go on.
    #[arg(long, requires = "lines")]
    keep_going: bool,
    /// The token is bytes, and not base64url text.
    #[arg(long, conflicts_with = "lines")]
    raw: bool,
    /// Open also under compromised versions. Whoever has such a key may have made what opens: it proves nothing.
    #[arg(long)]
    allow_compromised: bool,
}

/// What is done with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Seal,
    Open,
}

/// The keysets and the context of all values.
struct Worker {
    keysets: Vec<Store>,
    context: Context,
    direction: Direction,
    encoding: TokenEncoding,
    allow_compromised: bool,
    /// Whether it was said that something is not authentic.
    warned: Cell<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenEncoding {
    Base64Url,
    Raw,
}

impl Token {
    /// Seals or opens.
    pub(crate) fn run(self) -> Result<Outcome> {
        let (options, direction) = match self.verb {
            Verb::Seal(options) => (options, Direction::Seal),
            Verb::Open(options) => (options, Direction::Open),
        };
        let worker = Worker::new(&options, direction)?;
        let source = Source::open(&Input::Stdin)?;
        let outcome = match options.lines {
            true => worker.run_lines(source.file, options.keep_going),
            false => worker.run_whole(source.file).map(Ok),
        };
        worker.keysets.into_iter().for_each(store::close);
        outcome
    }
}

impl Worker {
    fn new(options: &TokenOptions, direction: Direction) -> Result<Self> {
        if direction == Direction::Seal && options.keysets.len() > 1 {
            return Err(Failure::usage("a token is sealed under one keyset").hint("give one -k"));
        }
        if direction == Direction::Seal && options.allow_compromised {
            return Err(Failure::usage("--allow-compromised is for opening"));
        }
        let context = context::parse(&options.context)?;
        let home = Home::find()?;
        let general = options.passphrase.read("of the keyset", Typing::Once)?;
        let given = general.or(unlock::from_own_file(&options.keyset_passphrase_file)?);
        let unlocker = Unlocker::new(given, Expectation::Sealed);
        let lease = if options.lines { LEASE } else { Lease { messages: 1, bytes: 0 } };
        let open = |path: &Path| match direction {
            Direction::Seal => store::open_to_seal(path, &unlocker, lease),
            Direction::Open => store::open_to_open(path, &unlocker),
        };
        let mut keysets = Vec::new();
        for argument in &options.keysets {
            keysets.push(open(&home.resolve(argument)?)?);
        }
        if keysets.is_empty() {
            keysets.push(match direction {
                Direction::Seal => recipients::default_keyset(&home, &unlocker, lease)?,
                Direction::Open => open(&home.file_of(crate::home::DEFAULT)?)?,
            });
        }
        let encoding = if options.raw { TokenEncoding::Raw } else { TokenEncoding::Base64Url };
        let (allow_compromised, warned) = (options.allow_compromised, Cell::new(false));
        Ok(Worker { keysets, context, direction, encoding, allow_compromised, warned })
    }

    /// All of stdin is one value.
    fn run_whole(&self, input: impl Read) -> Result<()> {
        let mut value = Zeroizing::new(Vec::with_capacity(MAX_LEN + 1));
        input.take(MAX_LEN as u64 + 1).read_to_end(&mut value)?;
        let is_text =
            self.direction == Direction::Open && self.encoding == TokenEncoding::Base64Url;
        let mut value = value.as_slice();
        if is_text {
            value = value.strip_suffix(b"\n").unwrap_or(value);
        }
        let mut out = io::stdout().lock();
        out.write_all(&self.work(value)?)?;
        if self.direction == Direction::Seal && self.encoding == TokenEncoding::Base64Url {
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }

    /// Each line of stdin is one value.
    fn run_lines(&self, input: impl Read, keep_going: bool) -> Result<Outcome> {
        let mut input = BufReader::with_capacity(BUFFER_LEN, input);
        let mut out = BufWriter::with_capacity(BUFFER_LEN, flow::standard_output()?);
        let mut outcome = Ok(());
        let mut line = Zeroizing::new(Vec::with_capacity(MAX_LEN + 1));
        for number in 1u64.. {
            if interrupt::is_cancelled() {
                return Err(interrupt::failure());
            }
            // What is done goes out before we wait for more: a program may be waiting for it.
            if input.buffer().is_empty() {
                out.flush()?;
            }
            if !read_line(&mut input, &mut line)? {
                break;
            }
            match self.work_line(&line) {
                Ok(done) => out.write_all(&done)?,
                Err(failure) => {
                    let failure = failure.about(format!("stdin, line {number}"));
                    if !keep_going {
                        out.flush()?;
                        return Err(failure);
                    }
                    console::report(&failure);
                    outcome = outcome.and(Err(failure.exit));
                }
            }
            out.write_all(b"\n")?;
        }
        out.flush()?;
        Ok(outcome)
    }

    fn work_line(&self, line: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let done = self.work(line)?;
        match self.direction == Direction::Open && done.contains(&b'\n') {
            true => Err(Failure::usage("the value has a line break in it")
                .hint("open this token without --lines")),
            false => Ok(done),
        }
    }

    fn work(&self, value: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        if value.len() > MAX_LEN {
            let failure = Failure::new(Exit::Malformed, "longer than any token");
            return Err(failure.hint("larger values are sealed with `sealwax seal`"));
        }
        match self.direction {
            Direction::Seal => {
                let token = {
                    // Once in many messages a lease is written.
                    let _guard = interrupt::leave_to_library();
                    self.keysets[0].seal(value, &self.context)?
                };
                Ok(Zeroizing::new(match self.encoding {
                    TokenEncoding::Raw => token,
                    TokenEncoding::Base64Url => {
                        Base64UrlUnpadded::encode_string(&token).into_bytes()
                    }
                }))
            }
            Direction::Open if self.encoding == TokenEncoding::Raw => self.open(value),
            Direction::Open => {
                let text = std::str::from_utf8(value).map_err(|_| not_text())?;
                self.open(&Base64UrlUnpadded::decode_vec(text).map_err(|_| not_text())?)
            }
        }
    }

    /// Opens with the keyset that has the token's version.
    fn open(&self, token: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let mut best: Option<Error> = None;
        for store in &self.keysets {
            match self.open_with(&store.keyset(), token) {
                Ok(plaintext) => return Ok(plaintext),
                // A keyset that knows the version has the last word, over one that does not.
                Err(error) if best.is_none() || !matches!(error, Error::UnknownKey(_)) => {
                    best = Some(error);
                }
                Err(_) => {}
            }
        }
        Err(best.map_or_else(|| Failure::usage("no keyset"), via::explain))
    }

    fn open_with(&self, keyset: &Keyset, token: &[u8]) -> sealwax::Result<Zeroizing<Vec<u8>>> {
        if !self.allow_compromised {
            return keyset.open(token, &self.context);
        }
        let Migrated { plaintext, opened_via } = keyset.migrating().open(token, &self.context)?;
        // Said once: there may be millions of tokens.
        if via::is_compromised(opened_via) && !self.warned.replace(true) {
            via::warn_if_compromised("token", opened_via);
        }
        Ok(plaintext)
    }
}

/// Reads a line without its line break; of one that is too long, as much as shows that. `false` at the end.
pub(crate) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if input.by_ref().take(MAX_LEN as u64 + 1).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > MAX_LEN {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

/// What is said of a line that is no token.
pub(crate) fn not_text() -> Failure {
    Failure::new(Exit::Malformed, "not base64url without padding (format.md 6.3)")
}

/// Lines are counted in blocks: few writes, and not much that is counted too high after a crash.
const LEASE: Lease = Lease { messages: 1 << 16, bytes: 1 << 32 };
/// Length of the longest token in text, in bytes.
const MAX_LEN: usize = (token::MAX_PLAINTEXT_LEN + token::OVERHEAD).div_ceil(3) * 4;
const BUFFER_LEN: usize = 256 * 1024;

const EXAMPLES: &str = "\
Examples:
  printf 4111111111111111 | sealwax token seal --context table=users --context row=42
  sealwax token open --context table=users --context row=42 < token.txt
  cut -f2 users.tsv | sealwax token seal --lines -k crm > sealed.txt
  sealwax token open --lines --keep-going -k crm -k crm-old < sealed.txt

A token is a small value, at most 64 KiB, sealed directly under a keyset; in text it is base64url without padding.
With --lines a bad line stops the work and is named, unless --keep-going is given.";
