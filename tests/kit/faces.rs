// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every way to open an envelope, as functions of one shape.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};

use sealwax::context::Encoded;
use sealwax::envelope::{Header, PAYLOAD_PREFIX_LEN, Requirements};
use sealwax::stream::Job;
use sealwax::{Context, Error, KeyWrap, OpenedVia, Opener, Result};

/// What opening tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) plaintext: Vec<u8>,
    pub(crate) opened_via: Option<&'static str>,
    pub(crate) stored: Option<BTreeMap<String, Vec<u8>>>,
}

/// What an opener is given.
pub(crate) struct Request<'a> {
    pub(crate) keys: &'a [&'a dyn KeyWrap],
    pub(crate) context: Context,
    pub(crate) envelope: &'a [u8],
}

/// Whether a face sees the length of its input before it releases anything (format.md 11.6).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sees {
    Whole,
    Pipe,
}

/// A way to open an envelope.
pub(crate) struct Face {
    pub(crate) name: &'static str,
    pub(crate) sees: Sees,
    pub(crate) open: fn(&Request<'_>) -> Result<Answer>,
}

/// All of them.
pub(crate) fn all() -> Vec<Face> {
    let whole = |name, open| Face { name, sees: Sees::Whole, open };
    let pipe = |name, open| Face { name, sees: Sees::Pipe, open };
    let mut faces = vec![
        whole("Opener::open", open as fn(&Request<'_>) -> Result<Answer>),
        whole("Opener::open_into", open_into),
        whole("Opener::open_in_place", open_in_place),
        whole("Opener::seek_reader", seek_reader),
        whole("Opener::positioned", positioned),
        whole("Opener::open_path", open_path),
        whole("Opener::ahead_reader", ahead_reader),
        whole("Opener::open_at", open_at),
        whole("Header::open", header_open),
        pipe("Opener::reader by 1", |request| reader(request, 1)),
        pipe("Opener::reader by 7", |request| reader(request, 7)),
        pipe("Opener::reader by 4096", |request| reader(request, 4096)),
    ];
    if cfg!(feature = "tokio") {
        faces.push(pipe("Opener::async_reader", async_reader));
    }
    faces
}

impl<'a> Request<'a> {
    pub(crate) fn opener(&self) -> Opener<'a> {
        let opener = Opener::new().context(self.context.clone());
        self.keys.iter().fold(opener, |opener, key| opener.key(*key))
    }
}

fn answer(plaintext: Vec<u8>, via: OpenedVia, stored: &Context) -> Answer {
    Answer {
        plaintext,
        opened_via: Some(via.kind().name()),
        stored: Some(map(stored.as_encoded())),
    }
}

fn map(context: Encoded<'_>) -> BTreeMap<String, Vec<u8>> {
    context.entries().map(|entry| (entry.name.to_owned(), entry.value.to_vec())).collect()
}

fn open(request: &Request<'_>) -> Result<Answer> {
    let opened = request.opener().open(request.envelope)?;
    Ok(answer(opened.plaintext.to_vec(), opened.opened_via, &opened.stored_context))
}

fn open_into(request: &Request<'_>) -> Result<Answer> {
    let mut out = vec![0; request.envelope.len()];
    let len = request.opener().open_into(request.envelope, &mut out)?;
    assert_eq!(request.opener().plaintext_len(request.envelope)?, len);
    out.truncate(len);
    Ok(Answer { plaintext: out, opened_via: None, stored: None })
}

fn open_in_place(request: &Request<'_>) -> Result<Answer> {
    let mut buffer = request.envelope.to_vec();
    request.opener().open_in_place(&mut buffer)?;
    Ok(Answer { plaintext: buffer, opened_via: None, stored: None })
}

fn seek_reader(request: &Request<'_>) -> Result<Answer> {
    let mut reader = request.opener().seek_reader(Cursor::new(request.envelope))?;
    let mut plaintext = Vec::new();
    reader.read_to_end(&mut plaintext).map_err(Error::from_io)?;
    assert_eq!(reader.plaintext_len(), plaintext.len() as u64);
    Ok(answer(plaintext, reader.opened_via(), reader.stored_context()))
}

fn positioned(request: &Request<'_>) -> Result<Answer> {
    let positioned = request.opener().positioned(request.envelope.to_vec())?;
    let mut plaintext = vec![0; positioned.plaintext_len() as usize];
    // From the end to the start, in steps that no chunk length divides.
    for from in (0..plaintext.len()).step_by(777).rev() {
        let to = plaintext.len().min(from + 777);
        let read = positioned.read_at(from as u64, &mut plaintext[from..to])?;
        assert_eq!(read, to - from);
    }
    Ok(answer(plaintext, positioned.opened_via(), positioned.stored_context()))
}

fn ahead_reader(request: &Request<'_>) -> Result<Answer> {
    let mut reader = request.opener().ahead_reader(request.envelope.to_vec(), 2)?;
    let mut plaintext = Vec::new();
    let mut out = [0; 3001];
    loop {
        match reader.read(&mut out)? {
            0 => break,
            read => plaintext.extend(&out[..read]),
        }
    }
    assert_eq!(reader.plaintext_len(), plaintext.len() as u64);
    Ok(answer(plaintext, reader.opened_via(), reader.stored_context()))
}

/// Memory that grows as it is written to.
#[derive(Default)]
pub(crate) struct Shelf(pub(crate) std::sync::Mutex<Vec<u8>>);

impl sealwax::stream::WriteAt for Shelf {
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut shelf = self.0.lock().expect("no test panics with it");
        let end = offset as usize + bytes.len();
        let len = shelf.len().max(end);
        shelf.resize(len, 0);
        shelf[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }
}

fn open_at(request: &Request<'_>) -> Result<Answer> {
    let shelf = Shelf::default();
    let outcome = request.opener().open_at(request.envelope, &shelf, &Job::default())?;
    let plaintext = shelf.0.into_inner().expect("no test panics with it");
    assert_eq!(outcome.plaintext_len, plaintext.len() as u64);
    let opened_via = outcome.opened_via.map(|via| via.kind().name());
    Ok(Answer { plaintext, opened_via, stored: None })
}

fn open_path(request: &Request<'_>) -> Result<Answer> {
    let folder = tempfile::tempdir()?;
    let (source, target) = (folder.path().join("sealed"), folder.path().join("opened"));
    std::fs::write(&source, request.envelope)?;
    let outcome = request.opener().open_path(&source, &target, &Job::default());
    assert_eq!(target.exists(), outcome.is_ok(), "a file appears only when all of it verified");
    let names = std::fs::read_dir(folder.path())?.count();
    assert_eq!(names, 1 + usize::from(outcome.is_ok()), "nothing unfinished is left behind");
    let via = outcome?.opened_via.expect("opening says through what");
    let plaintext = std::fs::read(&target)?;
    let verified = request.opener().verify_path(&source, &Job::default())?;
    assert!(verified.damage.is_empty());
    Ok(answer(plaintext, via, &verified.stored_context))
}

/// The calls of a caller without a heap, with format.md 5A.5 done here.
fn header_open(request: &Request<'_>) -> Result<Answer> {
    let header = Header::parse(request.envelope, 65_536)?;
    let requirements =
        Requirements { context: request.context.as_encoded(), ..Requirements::default() };
    let key = header.open(request.keys, &requirements)?;
    let payload = &request.envelope[header.len()..];
    let sealed_len = header.chunk_len().sealed_len();
    let Some((prefix, chunks)) = payload.split_first_chunk::<PAYLOAD_PREFIX_LEN>() else {
        return Err(Error::Truncated);
    };
    if chunks.len() % sealed_len < 16 {
        return Err(Error::Truncated);
    }
    let opening = key.opening(prefix)?;
    let mut pieces = Vec::new();
    let numbered: Vec<_> = (0u64..).zip(chunks.chunks(sealed_len)).collect();
    for &(index, chunk) in numbered.iter().rev() {
        let (piece, tag) = chunk.split_last_chunk::<16>().expect("the length was checked");
        let mut piece = piece.to_vec();
        opening.open_chunk(index, &mut piece, tag)?;
        pieces.push(piece);
    }
    pieces.reverse();
    let stored = Context::from(header.stored_context());
    Ok(answer(pieces.concat(), key.opened_via(), &stored))
}

fn reader(request: &Request<'_>, step: usize) -> Result<Answer> {
    let inner = Trickle { rest: request.envelope, step };
    let mut reader = request.opener().reader(inner)?;
    let mut plaintext = Vec::new();
    let mut out = vec![0; step];
    loop {
        match reader.read(&mut out).map_err(Error::from_io) {
            Ok(0) => break,
            Ok(read) => plaintext.extend(&out[..read]),
            Err(error) => {
                // After an error there is never plaintext again, and never a clean end.
                assert!(reader.read(&mut out).is_err());
                return Err(error);
            }
        }
    }
    Ok(answer(plaintext, reader.opened_via(), reader.stored_context()))
}

/// Gives at most `step` bytes at a time.
pub(crate) struct Trickle<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) step: usize,
}

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = out.len().min(self.step).min(self.rest.len());
        let (now, rest) = self.rest.split_at(len);
        out[..len].copy_from_slice(now);
        self.rest = rest;
        Ok(len)
    }
}

#[cfg(feature = "tokio")]
fn async_reader(request: &Request<'_>) -> Result<Answer> {
    use tokio::io::AsyncReadExt;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let inner = hesitant::Hesitant::new(Trickle { rest: request.envelope, step: 97 });
        let mut reader = request.opener().async_reader(inner);
        let mut plaintext = Vec::new();
        reader.read_to_end(&mut plaintext).await.map_err(Error::from_io)?;
        let via = reader.opened_via().expect("the header was read");
        Ok(answer(plaintext, via, reader.stored_context().expect("the header was read")))
    })
}

#[cfg(not(feature = "tokio"))]
fn async_reader(_: &Request<'_>) -> Result<Answer> {
    unreachable!("not in the list without the feature")
}

#[cfg(feature = "tokio")]
pub(crate) mod hesitant {
    use std::io::{self, Read, Write};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    /// Is not ready every other time.
    pub(crate) struct Hesitant<T> {
        pub(crate) inner: T,
        ready: bool,
    }

    impl<T> Hesitant<T> {
        pub(crate) fn new(inner: T) -> Self {
            Hesitant { inner, ready: false }
        }

        fn is_ready(&mut self, task: &Context<'_>) -> bool {
            self.ready = !self.ready;
            if !self.ready {
                task.waker().wake_by_ref();
            }
            self.ready
        }
    }

    impl<T: Read + Unpin> AsyncRead for Hesitant<T> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            task: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if !self.is_ready(task) {
                return Poll::Pending;
            }
            let read = self.inner.read(out.initialize_unfilled())?;
            out.advance(read);
            Poll::Ready(Ok(()))
        }
    }

    impl<T: Write + Unpin> AsyncWrite for Hesitant<T> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            task: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if !self.is_ready(task) {
                return Poll::Pending;
            }
            // Never all at once.
            let len = bytes.len().min(1000);
            Poll::Ready(self.inner.write(&bytes[..len]))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(self.inner.flush())
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
