// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's side of the C programs in transit.
//!
//! `transit_peer firmware FIXTURES COMMAND...` starts the command, in which `{socket}` stands for a
//! Unix socket, and serves a firmware image to it: datagrams, each after its length in two bytes,
//! on a path that loses, repeats and reorders them.
//!
//! `transit_peer client FIXTURES COMMAND...` starts the command, in which `{port}` stands for a TCP
//! port, and answers each record with the same data, until the client closes.
//!
//! `transit_peer server FIXTURES COMMAND...` starts the command, which prints a TCP port and answers
//! each record with the same data, and talks to it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use sealwax::context::Encoded;
use sealwax::id::Suite;
use sealwax::rng::{Now, OsRandom};
use sealwax::secret::{Key, Pair, Psk};
use sealwax::transit::{
    Content, Handshake, Hybrid, KeyPair, Limits, MAX_CONTEXT_LEN, MAX_MESSAGE_LEN, Mode, Party,
    Pattern, PeerKey, Peers, Received, Session, Settings, Stream, Terms, Verdict,
};

type Failure = Box<dyn std::error::Error>;

const DATAGRAM: usize = 1200;
const PIECE: usize = 512;
const TELEMETRY: u8 = 32;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let served = match arguments.as_slice() {
        [what, folder, command @ ..] if what == "firmware" && !command.is_empty() => {
            firmware(Path::new(folder), command)
        }
        [what, folder, command @ ..] if what == "client" && !command.is_empty() => {
            client(Path::new(folder), command)
        }
        [what, folder, command @ ..] if what == "server" && !command.is_empty() => {
            server(Path::new(folder), command)
        }
        _ => Err("usage: transit_peer firmware|client|server FIXTURES COMMAND...".into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transit_peer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Who this side is, and whom it takes.
struct Server {
    keys: [KeyPair; 1],
    peers: [PeerKey; 1],
    psk: Key<Psk>,
    settings: Settings,
    prologue: &'static [u8],
}

impl Server {
    fn new(folder: &Path, mode: Mode, prologue: &'static [u8]) -> Result<Self, Failure> {
        Self::named(folder, ["server", "device"], mode, prologue)
    }

    fn named(
        folder: &Path,
        [own, other]: [&str; 2],
        mode: Mode,
        prologue: &'static [u8],
    ) -> Result<Self, Failure> {
        let read = |name: &str| -> Result<[u8; 32], Failure> {
            Ok(std::fs::read(folder.join(name))?.as_slice().try_into()?)
        };
        let mut private = Key::<Pair>::zeroed();
        *private.expose_bytes_mut() = read(&format!("transit_{own}_private"))?;
        let mut psk = Key::<Psk>::zeroed();
        *psk.expose_bytes_mut() = read("transit_psk")?;
        Ok(Server {
            keys: [KeyPair::new(&private)],
            peers: [PeerKey::parse(&read(&format!("transit_{other}_public"))?)?],
            psk,
            settings: Settings {
                pattern: Pattern::IKpsk2,
                suite: Suite::ChaCha20Poly1305,
                mode,
                hybrid: Hybrid::Off,
            },
            prologue,
        })
    }

    fn party(&self) -> Party<'_> {
        Party {
            settings: self.settings,
            prologue: self.prologue,
            keys: &self.keys,
            peers: Peers::Pinned(&self.peers),
            psk: Some(&self.psk),
            now: Now::Unknown,
        }
    }

    /// Reads message 1 and writes the answer; none for what does not hold.
    fn answer(&self, handshake: &mut Handshake, message: &[u8]) -> Option<Vec<u8>> {
        let party = self.party();
        let mut context = [0; MAX_CONTEXT_LEN];
        let read = handshake.read(&party, message, &mut |_| Verdict::Accept, &mut context).ok()?;
        if let Received::Duplicate = read {
            return None;
        }
        let mut out = vec![0; MAX_MESSAGE_LEN];
        let len = handshake.write(&party, Encoded::EMPTY, &mut OsRandom, &mut out).ok()?;
        out.truncate(len);
        Some(out)
    }
}

/// Starts the command with `place` filled in. It has this program's input and output.
fn start(command: &[String], place: &str, value: &str) -> Result<Child, Failure> {
    let filled: Vec<String> = command.iter().map(|word| word.replace(place, value)).collect();
    Ok(Command::new(&filled[0]).args(&filled[1..]).spawn()?)
}

/// A path that loses one datagram in six, repeats one in six, and holds one in six back.
struct BadPath {
    state: u32,
    held: Vec<Vec<u8>>,
    lost: u32,
    repeated: u32,
    reordered: u32,
}

impl BadPath {
    fn new(state: u32) -> Self {
        BadPath { state, held: Vec::new(), lost: 0, repeated: 0, reordered: 0 }
    }

    fn next(&mut self, below: u32) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state % below
    }

    /// What comes out at the other end where this goes in.
    fn carry(&mut self, datagram: Vec<u8>) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        match self.next(6) {
            0 => self.lost += 1,
            1 => {
                self.repeated += 1;
                out.extend([datagram.clone(), datagram]);
            }
            2 => {
                self.reordered += 1;
                self.held.push(datagram);
            }
            _ => out.push(datagram),
        }
        if !self.held.is_empty() && self.next(4) == 0 {
            let at = self.next(self.held.len() as u32) as usize;
            out.push(self.held.swap_remove(at));
        }
        out
    }
}

fn receive(stream: &mut UnixStream) -> Result<Option<Vec<u8>>, Failure> {
    let mut len = [0; 2];
    match stream.read_exact(&mut len) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(None),
        read => read?,
    }
    let len = usize::from(u16::from_be_bytes(len));
    if len == 0 || len > DATAGRAM {
        return Err("a datagram of no such length".into());
    }
    let mut datagram = vec![0; len];
    stream.read_exact(&mut datagram)?;
    Ok(Some(datagram))
}

/// The server of the board.
struct Board<'a> {
    server: &'a Server,
    handshake: Handshake,
    answer: Option<Vec<u8>>,
    session: Session,
    image: &'a [u8],
    telemetry: BTreeSet<u8>,
    opened: u32,
    refused: u32,
    is_done: bool,
}

impl Board<'_> {
    /// What is said to a datagram.
    fn serve(&mut self, mut datagram: Vec<u8>) -> Result<Vec<Vec<u8>>, Failure> {
        if datagram[0] == 0x20 {
            if let Some(answer) = self.server.answer(&mut self.handshake, &datagram) {
                let limits = Limits::of(self.server.settings.suite);
                self.session.begin(&mut self.handshake, &limits, 0)?;
                self.answer = Some(answer);
            }
            return Ok(self.answer.iter().cloned().collect());
        }
        let Ok(record) = self.session.open_in_place(0, &mut datagram, &[]) else {
            self.refused += 1;
            return Ok(Vec::new());
        };
        self.opened += 1;
        if record.content != Content::Data {
            return Ok(Vec::new());
        }
        match &datagram[13..13 + record.len] {
            [b'T', number, check] if *check == number ^ 0x5a && *number < TELEMETRY => {
                match self.telemetry.insert(*number) {
                    true => Ok(Vec::new()),
                    false => Err("telemetry was accepted twice".into()),
                }
            }
            // An old request that the path delivers after the end.
            [b'W', ..] if self.is_done => Ok(Vec::new()),
            [b'W', wanted @ ..] => wanted.chunks_exact(2).map(|at| self.piece(at)).collect(),
            b"D" => {
                self.is_done = true;
                match self.session.sending().is_closed() {
                    // The close was lost: what was sealed last is said again.
                    true => Ok(self.answer.iter().cloned().collect()),
                    false => {
                        let mut out = vec![0; 29];
                        self.session.close_into(0, &mut out)?;
                        self.answer = Some(out.clone());
                        Ok(vec![out])
                    }
                }
            }
            _ => Err("a record that the board does not make".into()),
        }
    }

    fn piece(&mut self, at: &[u8]) -> Result<Vec<u8>, Failure> {
        let index = usize::from(u16::from_be_bytes([at[0], at[1]]));
        let piece = self.image.chunks(PIECE).nth(index).ok_or("there is no such piece")?;
        let plaintext = [b"P", at, piece].concat();
        let mut out = vec![0; plaintext.len() + 29];
        self.session.seal_into(0, &plaintext, &[], &mut out)?;
        Ok(out)
    }
}

fn firmware(folder: &Path, command: &[String]) -> Result<(), Failure> {
    let server = Server::new(folder, Mode::Datagram, b"board-telemetry/1")?;
    let image = std::fs::read(folder.join("image_envelope"))?;
    let socket = folder.join("transit.socket");
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket)?;
    let mut child = start(command, "{socket}", &socket.display().to_string())?;
    let (mut stream, _) = listener.accept()?;
    let mut board = Board {
        server: &server,
        handshake: Handshake::responder(),
        answer: None,
        session: Session::closed(),
        image: &image,
        telemetry: BTreeSet::new(),
        opened: 0,
        refused: 0,
        is_done: false,
    };
    let (mut to, mut from) = (BadPath::new(0x1234_5678), BadPath::new(0x9abc_def1));
    while let Some(datagram) = receive(&mut stream)? {
        for arrived in from.carry(datagram) {
            for answer in board.serve(arrived)? {
                for sent in to.carry(answer) {
                    let framed = [&(sent.len() as u16).to_be_bytes(), sent.as_slice()].concat();
                    // A board that is done hears nothing more.
                    if stream.write_all(&framed).is_err() && board.is_done {
                        break;
                    }
                }
            }
        }
    }
    let status = child.wait()?;
    println!(
        "transit_peer: {} records opened, {} refused; {} of {TELEMETRY} telemetry records arrived; \
         lost {} and {}, repeated {} and {}, reordered {} and {}",
        board.opened,
        board.refused,
        board.telemetry.len(),
        to.lost,
        from.lost,
        to.repeated,
        from.repeated,
        to.reordered,
        from.reordered,
    );
    match status.success() && board.is_done && !board.telemetry.is_empty() {
        true => Ok(()),
        false => Err(format!("the board did not finish: {status}").into()),
    }
}

/// A message or record of a stream, after its length in two bytes.
fn framed(stream: &mut impl Read) -> Result<Vec<u8>, Failure> {
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn put(stream: &mut impl Write, bytes: &[u8]) -> Result<(), Failure> {
    let len = u16::try_from(bytes.len())?;
    Ok(stream.write_all(&[&len.to_be_bytes(), bytes].concat())?)
}

fn server(folder: &Path, command: &[String]) -> Result<(), Failure> {
    let own = Server::named(folder, ["device", "server"], Mode::Stream, b"echo/1")?;
    let mut child = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::piped()).spawn()?;
    let mut port = String::new();
    let printed = child.stdout.as_mut().ok_or("the command prints nothing")?;
    BufReader::new(printed).read_line(&mut port)?;
    let connection = TcpStream::connect(("127.0.0.1", port.trim().parse()?))?;
    let terms = Terms::new(own.party());
    let mut stream = Stream::connect(connection, &terms, &mut |_| Verdict::Accept)?;
    for len in [1, 13, 16_384, 50_000] {
        let said: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        stream.write_all(&said)?;
        // The other side changes its keys, and so does this one.
        stream.request_rekey()?;
        stream.rekey();
        stream.flush()?;
        let mut heard = vec![0; len];
        stream.read_exact(&mut heard)?;
        if heard != said {
            return Err("another answer than what was said".into());
        }
    }
    stream.close()?;
    if stream.read(&mut [0; 1])? != 0 {
        return Err("more than what was said".into());
    }
    match child.wait()?.success() {
        true => Ok(()),
        false => Err("the server failed".into()),
    }
}

fn client(folder: &Path, command: &[String]) -> Result<(), Failure> {
    let server = Server::new(folder, Mode::Stream, b"echo/1")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut child = start(command, "{port}", &listener.local_addr()?.port().to_string())?;
    let (mut stream, _) = listener.accept()?;
    let mut handshake = Handshake::responder();
    let first = framed(&mut stream)?;
    let answer = server.answer(&mut handshake, &first).ok_or("message 1 does not hold")?;
    put(&mut stream, &answer)?;
    let mut session = Session::closed();
    let limits = Limits::of(server.settings.suite);
    session.begin(&mut handshake, &limits, 0)?;
    let mut echoed = 0;
    loop {
        let mut record = framed(&mut stream)?;
        let opened = session.open_in_place(0, &mut record, &[])?;
        match opened.content {
            Content::Data => {
                let mut out = vec![0; opened.len + 29];
                session.seal_into(0, &record[13..13 + opened.len], &[], &mut out)?;
                put(&mut stream, &out)?;
                echoed += 1;
            }
            Content::Close => break,
            Content::RekeyRequest | Content::Empty => {}
        }
    }
    let mut out = vec![0; 29];
    session.close_into(0, &mut out)?;
    put(&mut stream, &out)?;
    let status = child.wait()?;
    eprintln!("transit_peer: {echoed} records echoed");
    match status.success() {
        true => Ok(()),
        false => Err(format!("the client failed: {status}").into()),
    }
}
