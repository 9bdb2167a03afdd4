// SPDX-License-Identifier: MIT OR Apache-2.0
//! The connection under a pipe, and the handshake over it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use clap::Args;
use sealwax::transit::{Role, Stream, Verdict};
use sealwax::{Error, ErrorKind};

use super::terms::Held;
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result};

/// Which end of the connection this is.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct End {
    /// Wait for the peer at this address; port 0 takes a free one and says which.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Connect to the peer at this address.
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,
}

/// A connection with a session over it.
pub(crate) struct Line {
    /// The session.
    pub(crate) stream: Stream<Connection>,
    /// What the peer is called in messages: its address.
    pub(crate) name: String,
}

/// A connection that must have served its purpose at some time, until that is taken off it.
pub(crate) struct Connection {
    tcp: TcpStream,
    until: Instant,
}

impl End {
    /// Who speaks first.
    pub(crate) fn role(&self) -> Role {
        match self.listen {
            Some(_) => Role::Responder,
            None => Role::Initiator,
        }
    }

    /// Makes a session with the peer.
    pub(crate) fn join(&self, held: &Arc<Held>, timeout: Duration, quiet: bool) -> Result<Line> {
        let line = match (&self.listen, &self.connect) {
            (Some(address), _) => listen(address, held, timeout, quiet)?,
            (None, Some(address)) => connect(address, held, timeout)?,
            (None, None) => return Err(Failure::usage("give --listen or --connect")),
        };
        if !quiet {
            let key = line.stream.peer().map(|key| format!(" ({})", key.fingerprint()));
            console::note(&format!("connected to {}{}", line.name, key.unwrap_or_default()));
        }
        Ok(line)
    }
}

impl Connection {
    fn new(tcp: TcpStream, until: Instant) -> io::Result<Self> {
        // What is flushed is waited for.
        tcp.set_nodelay(true)?;
        Ok(Connection { tcp, until })
    }

    /// The connection itself, with all the time in the world.
    pub(crate) fn into_tcp(self) -> io::Result<TcpStream> {
        self.tcp.set_read_timeout(None)?;
        self.tcp.set_write_timeout(None)?;
        Ok(self.tcp)
    }

    /// The time left, of which a peer that sends a byte now and then gets no more.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(Some(left)),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(self.left()?)?;
        self.tcp.read(out)
    }
}

impl Write for Connection {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(self.left()?)?;
        self.tcp.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// Whether a connection ended that the other side, or somebody between, did not end in order.
pub(crate) fn is_broken(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn connect(address: &str, held: &Held, timeout: Duration) -> Result<Line> {
    let until = Instant::now() + timeout;
    let at = |failure: Failure| failure.about(address);
    let mut failed = Failure::new(Exit::Io, "there is no such address");
    for place in address.to_socket_addrs().map_err(|error| at(error.into()))? {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&place, left) {
            Ok(tcp) => {
                let connection = Connection::new(tcp, until).map_err(|error| at(error.into()))?;
                let stream = Stream::connect(connection, &held.terms(), &mut |_| Verdict::Accept)
                    .map_err(|error| at(explain(error)))?;
                return Ok(Line { stream, name: address.to_owned() });
            }
            Err(error) => failed = error.into(),
        }
    }
    Err(at(failed))
}

/// Waits for the right peer. Connections that do not become a session with it are reported, and nothing else; none of
/// them keeps another waiting.
fn listen(address: &str, held: &Arc<Held>, timeout: Duration, quiet: bool) -> Result<Line> {
    let at = |error: io::Error| Failure::from(error).about(address);
    let listener = TcpListener::bind(address).map_err(at)?;
    listener.set_nonblocking(true).map_err(at)?;
    if !quiet {
        let place = listener.local_addr().map_err(at)?;
        console::note(&format!("listening on {place}"));
    }
    let (told, outcomes) = mpsc::channel();
    let mut running = 0;
    loop {
        // Whoever is told to wait here waits in the system's queue.
        while running < MAX_HANDSHAKES {
            let (tcp, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Whoever was first in the queue went away.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(at(error)),
            };
            tcp.set_nonblocking(false).map_err(at)?;
            let (held, told, until) = (held.clone(), told.clone(), Instant::now() + timeout);
            std::thread::Builder::new()
                .spawn(move || {
                    let accepted =
                        Connection::new(tcp, until).map_err(Error::from_io).and_then(|tcp| {
                            Stream::accept(tcp, &held.terms(), &mut |_| Verdict::Accept)
                        });
                    // Nobody listens any more where another was the right one.
                    let _ = told.send((accepted, peer));
                })
                .map_err(at)?;
            running += 1;
        }
        let Ok((accepted, peer)) = outcomes.recv_timeout(LOOK_AGAIN) else { continue };
        running -= 1;
        match accepted {
            Ok(stream) => return Ok(Line { stream, name: peer.to_string() }),
            // No connection changes what is wrong here.
            Err(error @ (Error::Misuse(_) | Error::KeyState { .. } | Error::Random)) => {
                return Err(error.into());
            }
            Err(error) => console::warn(&explain(error).about(peer.to_string()).to_string()),
        }
    }
}

/// How many connections may be in their handshakes at once.
const MAX_HANDSHAKES: usize = 64;
/// How long a new connection waits at most before it is seen.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What a handshake that failed means to somebody who has two hosts to look at.
fn explain(error: Error) -> Failure {
    let exit = Exit::of(error.kind());
    match error {
        Error::Io(error) if is_broken(&error) => ended(),
        Error::Truncated => ended(),
        Error::Io(error) if is_late(&error) => {
            Failure::new(exit, "the handshake took too long").hint("--timeout SECONDS allows more")
        }
        Error::Decrypt => Failure::new(exit, "the handshake failed").hint(
            "the peer has another identity, expects another one, or has other options or another --psk-file",
        ),
        Error::UnknownKey(wanted) => Failure::new(exit, wanted.to_string())
            .hint("give its recipient string with --peer where it is the right one"),
        other if other.kind() == ErrorKind::Format => {
            let failure = Failure::new(exit, "the peer does not begin as it is expected here");
            failure.hint("set --pattern, --suite, --psk-file and --no-post-quantum alike on both sides")
        }
        other => other.into(),
    }
}

fn ended() -> Failure {
    Failure::new(Exit::CannotDecrypt, "the peer ended the connection in the handshake")
        .hint("the listening side says why; it may not know this identity")
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}
