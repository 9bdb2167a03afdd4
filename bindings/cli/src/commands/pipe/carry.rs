// SPDX-License-Identifier: MIT OR Apache-2.0
//! Both directions of a pipe, at once, until each has ended.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use sealwax::atomic::Existing;
use sealwax::transit::{Stream, StreamReader, StreamWriter};
use sealwax::{Error, ErrorKind};
use zeroize::Zeroizing;

use super::line::{Connection, is_broken};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::flow::{self, Sink, Source};
use crate::input::Input;
use crate::plan::Output;
use crate::progress::Progress;

/// Carries stdin to the peer and the peer's data to stdout.
///
/// The first failure of either direction ends both, and the process: a thread may be waiting for input that never comes.
pub(crate) fn both(stream: Stream<Connection>, name: String, quiet: bool) -> Result<()> {
    let source = Source::open(&Input::Stdin)?;
    let sink = Sink::open(&Output::Stdout, Existing::Keep)?;
    let (reader, writer) = stream.split_with(|connection| {
        let tcp = connection.into_tcp()?;
        Ok((tcp.try_clone()?, tcp))
    })?;
    // A bar would be in the way of what is typed and shown.
    let progress = Progress::new(name.clone(), quiet || flow::stdout_is_terminal());
    let count = Arc::new(Count { progress, done: AtomicU64::new(0) });
    let (told, outcomes) = mpsc::channel();
    let (also_told, sent, received) = (told.clone(), count.clone(), count.clone());
    spawn(move || told.send(send(source.file, writer, &sent)))?;
    spawn(move || also_told.send(receive(reader, sink, &received)))?;
    let outcome = outcomes.into_iter().collect::<Result<()>>();
    count.progress.clear();
    outcome.map_err(|failure| failure.about(name))
}

/// What both directions have carried.
struct Count {
    progress: Progress,
    done: AtomicU64,
}

impl Count {
    fn add(&self, len: usize) {
        let done = self.done.fetch_add(len as u64, Ordering::Relaxed) + len as u64;
        self.progress.update(done, None);
    }
}

fn send(mut from: File, mut writer: StreamWriter<TcpStream>, count: &Count) -> Result<()> {
    let mut buffer = Zeroizing::new(vec![0; BUFFER_LEN]);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => {
                // What was typed is not held back for more.
                let sent = writer.write_all(&buffer[..len]).and_then(|()| writer.flush());
                sent.map_err(explain)?;
                count.add(len);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::from(error).about("stdin")),
        }
    }
    writer.close().map_err(explain)
}

fn receive(mut reader: StreamReader<TcpStream>, sink: Sink, count: &Count) -> Result<()> {
    let mut buffer = Zeroizing::new(vec![0; BUFFER_LEN]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => {
                drop(sink);
                return Ok(flow::close_standard_output()?);
            }
            Ok(len) => {
                let written = sink.file().write_all(&buffer[..len]);
                written.map_err(|error| Failure::from(error).about("stdout"))?;
                count.add(len);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(explain(error)),
        }
    }
}

/// What went wrong between the two hosts.
fn explain(error: io::Error) -> Failure {
    if is_broken(&error) {
        return Failure::new(
            Exit::CannotDecrypt,
            "the connection ended before the peer said that it was all",
        )
        .hint("the peer's side says why; what was received is genuine and not all");
    }
    match Error::from_io(error) {
        error if error.kind() == ErrorKind::Decrypt => {
            Failure::new(Exit::CannotDecrypt, "the data was changed on its way")
                .hint("what was received before is genuine and not all")
        }
        error => error.into(),
    }
}

fn spawn<T>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<()>
where
    T: Send + 'static,
{
    std::thread::Builder::new().spawn(work).map(|_| ())
}

/// Four full records.
const BUFFER_LEN: usize = 64 * 1024;
