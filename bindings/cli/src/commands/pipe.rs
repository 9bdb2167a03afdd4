// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax pipe`.

mod carry;
mod line;
mod terms;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::line::{End, Line};
use self::terms::Terms;
use super::Outcome;
use crate::failure::Result;

/// Options of `sealwax pipe`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Pipe {
    #[command(flatten)]
    end: End,
    #[command(flatten)]
    terms: Terms,
    /// Give up where no connection, or no handshake over it, comes about in so many seconds. Listening has no end.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Say nothing of connections, and show no progress.
    #[arg(short, long)]
    quiet: bool,
}

impl Pipe {
    /// Carries both directions to their ends.
    pub(crate) fn run(self) -> Result<Outcome> {
        let Pipe { end, terms, timeout, quiet } = self;
        let held = Arc::new(terms.load(end.role())?);
        let Line { stream, name } = end.join(&held, Duration::from_secs(timeout), quiet)?;
        carry::both(stream, name, quiet).map(Ok)
    }
}

const EXAMPLES: &str = "\
Examples:
  sealwax identity new --x25519 -o me.swxk       on both hosts; each gives the other what it prints
  sealwax pipe --listen 0.0.0.0:7000 -i me.swxk --peer ann.pub < /dev/null > src.tar
  tar c src | sealwax pipe --connect db1:7000 -i me.swxk --peer sealwaxpub1...
  sealwax pipe --connect db1:7000 -i me.swxk --peer db1.pub --psk-file psk
  openssl rand -hex 32 > psk                     a pre-shared key, beside the identities or without any

Stdin goes to the peer, and what the peer sends to stdout, both at once. At the end of stdin the peer is told that this
was all, and receiving goes on until the peer has said the same. A connection that ends before that is an error. Exit code
0 says that all the peer sent is here and that all of stdin is on its way; whether that arrived, the peer's exit code says.

Both sides are set alike: --pattern, --suite, --psk-file and --no-post-quantum. ik: who connects knows the key of who
listens, and a stranger gets no answer. xx: both show their keys in the handshake. kk: both know both. With --psk-file
and ik, the pre-shared key comes on top; with it and without identities, it alone says who may take part.

Who listens goes on listening until the right peer came. What is recorded today stays closed to a quantum computer of
later (X-Wing); who the peer is rests on X25519. Addresses, times and amounts of data are not hidden.";
