// SPDX-License-Identifier: MIT OR Apache-2.0
//! Envelopes over the caller's read and write callbacks.

use core::ffi::c_void;
use std::io::{self, Read, Write};

use sealwax::Error;
use zeroize::Zeroizing;

use crate::boundary::{self, call};
use crate::hosted::job::{Options, sealwax_options};
use crate::status::{Failure, INVALID_ARGUMENT};

/// Reads up to `out_size` bytes into `out`. Returns how many, 0 at the end, or a negative number to
/// stop.
pub type sealwax_read =
    Option<unsafe extern "C" fn(context: *mut c_void, out: *mut u8, out_size: usize) -> i64>;

/// Writes all of `bytes_len` bytes. Returns 0, or anything else to stop.
pub type sealwax_write =
    Option<unsafe extern "C" fn(context: *mut c_void, bytes: *const u8, bytes_len: usize) -> i32>;

/// Seals what `read` gives until its end, and writes the envelope to `write`.
///
/// Each callback gets its context as it is; neither may use the keys' files. What was written
/// before an error is an envelope that every reader refuses as truncated.
///
/// Errors: SEALWAX_ERROR_IO (a callback stopped), _INVALID_ARGUMENT (NULL, no key, keys that do not
/// fit together), _BAD_STATE, _LIMIT, _FORMAT, _RANDOM. Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_seal_stream(
    options: *const sealwax_options,
    read: sealwax_read,
    read_context: *mut c_void,
    write: sealwax_write,
    write_context: *mut c_void,
) -> i32 {
    call(|borrows| {
        let options = Options::borrow(borrows, options)?;
        let mut source = Source { read: read.ok_or(INVALID_ARGUMENT)?, context: read_context };
        let sink = Sink { write: write.ok_or(INVALID_ARGUMENT)?, context: write_context };
        let mut writer = options.sealer()?.writer(sink)?;
        copy(&mut source, &mut writer)?;
        writer.finish()?;
        Ok(())
    })
}

/// Opens the envelope that `read` gives, and writes its plaintext to `write`.
///
/// Every byte that is written is verified; only SEALWAX_OK says that the plaintext is complete
/// (format.md 11.6).
///
/// Errors: as sealwax_seal_stream, and SEALWAX_ERROR_UNKNOWN_KEY, _DECRYPT, _TRUNCATED,
/// _INVALID_ARGUMENT (a stored context). Threads: any. Stack: 96 KiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sealwax_open_stream(
    options: *const sealwax_options,
    read: sealwax_read,
    read_context: *mut c_void,
    write: sealwax_write,
    write_context: *mut c_void,
) -> i32 {
    call(|borrows| {
        let options = Options::borrow(borrows, options)?;
        let source = Source { read: read.ok_or(INVALID_ARGUMENT)?, context: read_context };
        let mut sink = Sink { write: write.ok_or(INVALID_ARGUMENT)?, context: write_context };
        let mut reader = options.opener()?.reader(source)?;
        copy(&mut reader, &mut sink)
    })
}

struct Source {
    read: boundary::ReadCallback,
    context: *mut c_void,
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = boundary::read(self.read, self.context, out);
        // A callback that says more than it was asked for is as wrong as one that fails.
        match usize::try_from(read) {
            Ok(read) if read <= out.len() => Ok(read),
            _ => Err(io::Error::other("the read callback stopped")),
        }
    }
}

struct Sink {
    write: boundary::WriteCallback,
    context: *mut c_void,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match boundary::write(self.write, self.context, bytes) {
            0 => Ok(bytes.len()),
            _ => Err(io::Error::other("the write callback stopped")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Copies to the end, through a buffer that is wiped.
fn copy(source: &mut dyn Read, sink: &mut dyn Write) -> Result<(), Failure> {
    let mut buffer = Zeroizing::new(vec![0; 64 * 1024]);
    loop {
        match source.read(&mut buffer).map_err(Error::from_io)? {
            0 => return Ok(()),
            read => sink.write_all(&buffer[..read]).map_err(Error::from_io)?,
        }
    }
}
