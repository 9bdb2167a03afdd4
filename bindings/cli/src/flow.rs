// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes from an input to an output, in order: pipes, redirects, devices.

use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Read, Seek, Write};
use std::path::Path;

use sealwax::atomic::{self, Access, AtomicFile, Existing};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};
use crate::input::Input;
use crate::interrupt::{self, Guard};
use crate::plan::Output;
use crate::progress::Progress;

/// An input that is open.
pub(crate) struct Source {
    /// The bytes.
    pub(crate) file: File,
    /// Of the file behind it.
    pub(crate) metadata: Metadata,
}

/// An output that is open.
pub(crate) enum Sink {
    /// Standard output.
    Stdout(File),
    /// A file that appears when it is complete.
    File(AtomicFile, Guard),
}

impl Source {
    /// Opens an input.
    pub(crate) fn open(input: &Input) -> io::Result<Self> {
        let file = match input {
            Input::Stdin => standard_input()?,
            Input::File(path) | Input::Stream(path) => File::open(path)?,
        };
        let metadata = file.metadata()?;
        grow_pipe(&file);
        Ok(Source { file, metadata })
    }

    /// How many bytes there are, where that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        self.metadata.is_file().then_some(self.metadata.len())
    }

    /// Whether all of it can be read from any position: a regular file that nobody read from before.
    pub(crate) fn is_whole_file(&mut self) -> bool {
        self.metadata.is_file() && self.file.stream_position().is_ok_and(|position| position == 0)
    }
}

impl Sink {
    /// Opens an output.
    pub(crate) fn open(output: &Output, existing: Existing) -> Result<Self> {
        match output {
            Output::Stdout => {
                let file = standard_output()?;
                grow_pipe(&file);
                Ok(Sink::Stdout(file))
            }
            Output::File(path) => {
                let create = || AtomicFile::create(path, existing);
                let (file, guard) = interrupt::make(create, AtomicFile::path)
                    .map_err(|error| Failure::from(error).at(path))?;
                Ok(Sink::File(file, guard))
            }
        }
    }

    /// The file that bytes are written to.
    pub(crate) fn file(&self) -> &File {
        match self {
            Sink::Stdout(file) => file,
            Sink::File(file, _) => file.file(),
        }
    }

    /// Gives a file the permissions of `like`, where that is a regular file too.
    pub(crate) fn set_mode_of(&self, like: &Metadata) -> Result<()> {
        match self {
            Sink::File(file, _) if like.is_file() => Ok(file.set_mode_of(like)?),
            _ => Ok(()),
        }
    }

    /// Says that all was written.
    pub(crate) fn finish(self) -> Result<()> {
        match self {
            Sink::Stdout(_) => Ok(()),
            Sink::File(file, guard) => {
                let done = file.commit();
                drop(guard);
                Ok(done?)
            }
        }
    }
}

/// Carries all bytes from `from` to `to`, in large pieces. How many there were.
pub(crate) fn carry(
    from: &mut dyn Read,
    to: &mut dyn Write,
    progress: &Progress,
    total: Option<u64>,
) -> Result<u64> {
    let mut buffer = Zeroizing::new(vec![0; BUFFER_LEN]);
    let mut done = 0;
    loop {
        // Our readers give a chunk at a time; a write is worth more than that.
        let mut filled = 0;
        while filled < BUFFER_LEN {
            match read_some(from, &mut buffer[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        to.write_all(&buffer[..filled])?;
        done += filled as u64;
        progress.update(done, total);
        if interrupt::is_cancelled() {
            return Err(interrupt::failure());
        }
        if filled < BUFFER_LEN {
            return Ok(done);
        }
    }
}

/// Whether sealed bytes would go to a terminal.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Reads the next bytes; 0 at the end.
fn read_some(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Stdin as a file.
#[cfg(unix)]
fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Stdout as a file: without a lock and a line buffer between.
#[cfg(unix)]
pub(crate) fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Lets whoever reads our stdout know that it has ended, while the process goes on.
pub(crate) fn close_standard_output() -> io::Result<()> {
    #[cfg(unix)]
    rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    Ok(())
}

/// Stdin as a file.
#[cfg(windows)]
fn standard_input() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?))
}

/// Stdout as a file: without a lock and a line buffer between.
#[cfg(windows)]
pub(crate) fn standard_output() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
}

/// Fewer, larger transfers. Where it is not a pipe, or there is no more room, it stays as it is.
fn grow_pipe(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(file, PIPE_LEN);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Makes the folders that a file goes into.
pub(crate) fn make_parents(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) if parent != Path::new("") && !parent.exists() => {
            atomic::create_folders(parent, Access::Default)
                .map_err(|error| Failure::from(error).at(parent))
        }
        _ => Ok(()),
    }
}

/// About what fits into the processor's cache.
const BUFFER_LEN: usize = 256 * 1024;
#[cfg(target_os = "linux")]
const PIPE_LEN: usize = 1 << 20;
