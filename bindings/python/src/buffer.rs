// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory of Python objects: the one place with `unsafe` in this crate.
//!
//! Whatever Python can write to, another thread may write to at any time, also while it is read here. It is
//! therefore never borrowed as a slice: bytes are copied out once, by loads that the compiler cannot repeat, and what is
//! verified or sealed is the copy. Objects of type `bytes` never change and are borrowed.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use sealwax::stream::{ReadAt, WriteAt};

use crate::errors;

/// What a caller gave to be read.
pub(crate) enum Source {
    /// Never changes.
    Bytes { contents: Address, _object: Py<PyBytes> },
    /// May change at any time.
    Shared(Exported),
}

/// What a caller gave to be written to.
pub(crate) struct Target(Exported);

/// A new bytes object that nobody else sees yet, being filled.
pub(crate) struct Fresh {
    contents: Address,
    /// Nothing was written from here on.
    end: AtomicUsize,
}

/// Where bytes are that live as long as what this stands beside.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    start: *const u8,
    len: usize,
}

// SAFETY: an address is only used through what keeps its memory alive, by atomic accesses or, for bytes that
// never change, by reads.
unsafe impl Send for Address {}
// SAFETY: as above.
unsafe impl Sync for Address {}

/// A buffer that its owner may neither free nor resize while this lives (the buffer protocol's promise).
pub(crate) struct Exported {
    address: Address,
    view: View,
}

/// What the exporter filled in, at an address that stays: it keeps the memory where it is.
///
/// pyo3's own buffers want a shape and strides, which ctypes does not give.
struct View(Box<ffi::Py_buffer>);

// SAFETY: after it was filled in it is only read, and given back with the interpreter's lock held.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut view = Box::new(ffi::Py_buffer::new());
        // SAFETY: the object is alive and the view is ours to fill in.
        match unsafe {
            ffi::PyObject_GetBuffer(object.as_ptr(), &raw mut *view, ffi::PyBUF_FULL_RO)
        } {
            0 => Ok(View(view)),
            _ => Err(PyErr::fetch(object.py())),
        }
    }

    fn is_contiguous(&self) -> bool {
        // SAFETY: the view was filled in and not given back.
        let contiguous =
            unsafe { ffi::PyBuffer_IsContiguous(&raw const *self.0, b'C' as std::ffi::c_char) };
        contiguous == 1
    }

    /// Whether its bytes are addresses of Python objects.
    fn has_objects(&self) -> bool {
        // SAFETY: where the exporter gives a format, it is text that ends with 0 and lives as long as the view.
        let format = (!self.0.format.is_null()).then(|| unsafe { CStr::from_ptr(self.0.format) });
        // Names of fields stand between colons, and may have any letter.
        let mut kinds = format
            .into_iter()
            .flat_map(|format| format.to_bytes().split(|byte| *byte == b':').step_by(2));
        kinds.any(|kinds| kinds.contains(&b'O'))
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // While the interpreter ends nobody wants it back any more.
        // SAFETY: it was filled in, and is given back once.
        let _ = Python::try_attach(|_| unsafe { ffi::PyBuffer_Release(&raw mut *self.0) });
    }
}

impl Source {
    /// Of any object with a contiguous buffer.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            let slice = bytes.as_bytes();
            let contents = Address { start: slice.as_ptr(), len: slice.len() };
            return Ok(Source::Bytes { contents, _object: bytes.clone().unbind() });
        }
        Exported::of(object).map(Source::Shared)
    }

    pub(crate) fn len(&self) -> usize {
        self.address().len
    }

    /// The bytes, where they never change.
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        match self {
            Source::Bytes { contents: Address { start, len }, .. } => {
                // SAFETY: the bytes object is alive while self is, and never changes.
                Some(unsafe { std::slice::from_raw_parts(*start, *len) })
            }
            Source::Shared(_) => None,
        }
    }

    /// A copy of all of it.
    pub(crate) fn snapshot(&self) -> zeroize::Zeroizing<Vec<u8>> {
        let mut copy = zeroize::Zeroizing::new(vec![0; self.len()]);
        self.copy_out(0, &mut copy);
        copy
    }

    /// Copies from `offset` on into `out`; a caller asks for what is there.
    pub(crate) fn copy_out(&self, offset: usize, out: &mut [u8]) {
        match self.fixed() {
            Some(bytes) => out.copy_from_slice(&bytes[offset..offset + out.len()]),
            None => self.address().load(offset, out),
        }
    }

    fn address(&self) -> Address {
        match self {
            Source::Bytes { contents, .. } => *contents,
            Source::Shared(exported) => exported.address,
        }
    }
}

impl Target {
    /// Of any object with a contiguous buffer that can be written to.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let exported = Exported::of(object)?;
        if exported.view.0.readonly != 0 {
            return Err(errors::misuse(
                object.py(),
                "the target is read-only; give a bytearray, a writable memoryview or an array",
            ));
        }
        Ok(Target(exported))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.address.len
    }

    /// Copies `bytes` to `offset`; a caller writes where there is room.
    pub(crate) fn copy_in(&self, offset: usize, bytes: &[u8]) {
        match self.len() < STREAMED {
            true => self.0.address.store(offset, bytes),
            false => self.0.address.stream(offset, bytes),
        }
    }

    /// Overwrites the first `len` bytes with zeros.
    pub(crate) fn wipe(&self, len: usize) {
        let zeros = [0; 4096];
        let len = len.min(self.len());
        for offset in (0..len).step_by(zeros.len()) {
            self.copy_in(offset, &zeros[..zeros.len().min(len - offset)]);
        }
    }

    /// Whether writing here would change `source`.
    pub(crate) fn overlaps(&self, source: &Source) -> bool {
        let (ours, theirs) = (self.0.address.range(), source.address().range());
        !ours.is_empty() && !theirs.is_empty() && ours.start < theirs.end && theirs.start < ours.end
    }
}

/// A new bytes object of `len` bytes, all of which `fill` writes.
///
/// On an error the memory is wiped before it is given back.
pub(crate) fn new_bytes<'py>(
    py: Python<'py>,
    len: usize,
    fill: impl FnOnce(&Fresh) -> PyResult<()>,
) -> PyResult<Bound<'py, PyBytes>> {
    let too_long = || pyo3::exceptions::PyOverflowError::new_err("too long for a bytes object");
    let wanted = isize::try_from(len).map_err(|_| too_long())?;
    // SAFETY: without a source this makes an object of `wanted` bytes that are not yet written; null is an error.
    let object = unsafe {
        let object = pyo3::ffi::PyBytes_FromStringAndSize(std::ptr::null(), wanted);
        Bound::from_owned_ptr_or_err(py, object)?
    };
    // SAFETY: it is a bytes object, and its contents stay where they are for its life.
    let start = unsafe { pyo3::ffi::PyBytes_AsString(object.as_ptr()) };
    let contents = Address { start: start.cast_const().cast(), len };
    let fresh = Fresh { contents, end: AtomicUsize::new(0) };
    if let Err(error) = fill(&fresh) {
        let end = fresh.end.load(Ordering::Relaxed);
        // SAFETY: the first `end` bytes are inside the object just made, which nobody else has.
        unsafe { std::ptr::write_bytes(start, 0, end) };
        return Err(error);
    }
    Ok(object.cast_into::<PyBytes>()?)
}

impl Fresh {
    /// Copies `bytes` to `offset`; a caller writes where there is room.
    pub(crate) fn copy_in(&self, offset: usize, bytes: &[u8]) {
        self.end.fetch_max(offset + bytes.len(), Ordering::Relaxed);
        self.contents.store(offset, bytes);
    }
}

impl WriteAt for Fresh {
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let len = self.contents.len;
        if offset > len || bytes.len() > len - offset {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.copy_in(offset, bytes);
        Ok(())
    }
}

impl Exported {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() {
            let what =
                "a bytes-like object is required, not str: encode it, for example with .encode()";
            return Err(PyTypeError::new_err(what));
        }
        let view = View::of(object).map_err(|error| {
            let py = object.py();
            match error.is_instance_of::<PyTypeError>(py) {
                true => {
                    let kind = object.get_type();
                    let kind = kind.name().map_or_else(|_| "?".into(), |name| name.to_string());
                    PyTypeError::new_err(format!("a bytes-like object is required, not {kind}"))
                }
                false => error,
            }
        })?;
        if view.has_objects() {
            // Its bytes are addresses: to write them would end in a crash, to seal them in nonsense.
            return Err(PyTypeError::new_err("a buffer of Python objects has no bytes of its own"));
        }
        if !view.is_contiguous() {
            return Err(PyBufferError::new_err(
                "the buffer is not contiguous; copy it first, for example with bytes(...)",
            ));
        }
        let len = usize::try_from(view.0.len).unwrap_or(0);
        // An empty buffer may have no address at all.
        let start = if len == 0 { std::ptr::dangling() } else { view.0.buf.cast_const().cast() };
        Ok(Exported { address: Address { start, len }, view })
    }
}

impl Address {
    fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.len
    }

    /// Copies `out.len()` bytes from `offset` on.
    fn load(self, offset: usize, out: &mut [u8]) {
        assert!(offset <= self.len && out.len() <= self.len - offset, "the caller stays inside");
        // SAFETY: that many bytes are inside the buffer, which lives as long as its owner of this address.
        unsafe { shared::load(self.start.add(offset), out) }
    }

    /// Copies `bytes` to `offset`. Only for buffers that may be written to.
    fn store(self, offset: usize, bytes: &[u8]) {
        let len = bytes.len();
        assert!(offset <= self.len && len <= self.len - offset, "the caller stays inside");
        // SAFETY: that many bytes are inside a writable buffer, which lives as long as its owner of this address.
        unsafe { shared::store(bytes, self.start.add(offset).cast_mut()) }
    }

    /// As `store`, for one piece of very much.
    fn stream(self, offset: usize, bytes: &[u8]) {
        let len = bytes.len();
        assert!(offset <= self.len && len <= self.len - offset, "the caller stays inside");
        // SAFETY: as in `store`.
        unsafe { shared::stream(bytes, self.start.add(offset).cast_mut()) }
    }
}

/// Memory in which other threads of Python may be at work: what they do to a byte at the same time is what they want
/// in it. Each byte is accessed once.
///
/// Instructions of the processor, which the compiler does not look into: for it this is as good as a relaxed atomic
/// access to each byte, and it is as fast as copying gets.
#[cfg(target_arch = "x86_64")]
mod shared {
    /// Copies `$blocks` blocks from `$from` to `$to` with the instruction `$store`. SSE2 is part of x86-64; what went
    /// through its registers does not stay there.
    macro_rules! blocks {
        ($store:literal, $blocks:expr, $from:expr, $to:expr) => {
            if $blocks > 0 {
                std::arch::asm!(
                    "2:",
                    "movdqu {a}, xmmword ptr [{from}]",
                    "movdqu {b}, xmmword ptr [{from} + 16]",
                    "movdqu {c}, xmmword ptr [{from} + 32]",
                    "movdqu {d}, xmmword ptr [{from} + 48]",
                    concat!($store, " xmmword ptr [{to}], {a}"),
                    concat!($store, " xmmword ptr [{to} + 16], {b}"),
                    concat!($store, " xmmword ptr [{to} + 32], {c}"),
                    concat!($store, " xmmword ptr [{to} + 48], {d}"),
                    "add {from}, 64",
                    "add {to}, 64",
                    "dec {blocks}",
                    "jnz 2b",
                    "pxor {a}, {a}",
                    "pxor {b}, {b}",
                    "pxor {c}, {c}",
                    "pxor {d}, {d}",
                    blocks = inout(reg) $blocks => _,
                    from = inout(reg) $from => _,
                    to = inout(reg) $to => _,
                    a = out(xmm_reg) _,
                    b = out(xmm_reg) _,
                    c = out(xmm_reg) _,
                    d = out(xmm_reg) _,
                    options(nostack)
                );
            }
        };
    }

    /// # Safety
    /// `from` is valid for reads of `out.len()` bytes.
    pub(super) unsafe fn load(from: *const u8, out: &mut [u8]) {
        // SAFETY: by the contract above; `out` is nobody else's.
        unsafe { copy(from, out.as_mut_ptr(), out.len()) }
    }

    /// # Safety
    /// `to` is valid for writes of `bytes.len()` bytes.
    pub(super) unsafe fn store(bytes: &[u8], to: *mut u8) {
        // SAFETY: by the contract above; nobody changes `bytes`.
        unsafe { copy(bytes.as_ptr(), to, bytes.len()) }
    }

    /// As `store`, past the caches: for so much that nobody finds the beginning there when the end is written.
    ///
    /// # Safety
    /// `to` is valid for writes of `bytes.len()` bytes.
    pub(super) unsafe fn stream(bytes: &[u8], to: *mut u8) {
        let (head, body) = bytes.split_at(to.align_offset(BLOCK).min(bytes.len()));
        // SAFETY: by the contract above; all of `head` is written before where `body` goes, which is then aligned. The
        // fence makes the writes visible before whatever this thread does next.
        unsafe {
            copy(head.as_ptr(), to, head.len());
            let to = to.add(head.len());
            let blocks = body.len() / BLOCK;
            blocks!("movntdq", blocks, body.as_ptr(), to);
            let done = blocks * BLOCK;
            copy(body.as_ptr().add(done), to.add(done), body.len() - done);
            std::arch::x86_64::_mm_sfence();
        }
    }

    /// 64 bytes at a time, and what is left by `rep movsb`, which some processors make slow for more than a few bytes.
    ///
    /// # Safety
    /// `from` is valid for reads and `to` for writes of `len` bytes, and they do not overlap.
    unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
        let (blocks, rest) = (len / BLOCK, len % BLOCK);
        // SAFETY: by the contract above; the direction flag is clear wherever Rust runs.
        unsafe {
            blocks!("movdqu", blocks, from, to);
            std::arch::asm!(
                "rep movsb",
                inout("rcx") rest => _,
                inout("rsi") from.add(len - rest) => _,
                inout("rdi") to.add(len - rest) => _,
                options(nostack, preserves_flags)
            );
        }
    }

    /// What one round of the loop copies, in bytes: a line of the cache.
    const BLOCK: usize = 64;
}

/// Memory in which other threads of Python may be at work: what they do to a byte at the same time is what they want
/// in it. Each byte is accessed once, by atomic accesses of a word where that is aligned.
#[cfg(not(target_arch = "x86_64"))]
mod shared {
    use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

    /// # Safety
    /// `from` is valid for reads of `out.len()` bytes.
    pub(super) unsafe fn load(from: *const u8, out: &mut [u8]) {
        let from = from.cast_mut();
        let head = from.align_offset(WORD).min(out.len());
        let words = (out.len() - head) / WORD;
        let byte = |at: usize| {
            // SAFETY: inside, by the contract above.
            unsafe { AtomicU8::from_ptr(from.add(at)) }.load(Relaxed)
        };
        let tail = head + words * WORD;
        (0..head).chain(tail..out.len()).for_each(|at| out[at] = byte(at));
        for (number, word) in out[head..tail].chunks_exact_mut(WORD).enumerate() {
            // SAFETY: a whole word is inside, and aligned.
            let value = unsafe { AtomicU64::from_ptr(from.add(head + number * WORD).cast()) };
            word.copy_from_slice(&value.load(Relaxed).to_ne_bytes());
        }
    }

    /// # Safety
    /// `to` is valid for writes of `bytes.len()` bytes.
    pub(super) unsafe fn store(bytes: &[u8], to: *mut u8) {
        let head = to.align_offset(WORD).min(bytes.len());
        let words = (bytes.len() - head) / WORD;
        let tail = head + words * WORD;
        for at in (0..head).chain(tail..bytes.len()) {
            // SAFETY: inside, by the contract above.
            unsafe { AtomicU8::from_ptr(to.add(at)) }.store(bytes[at], Relaxed);
        }
        for (number, word) in bytes[head..tail].chunks_exact(WORD).enumerate() {
            let value = u64::from_ne_bytes(word.try_into().expect("a chunk of eight bytes"));
            // SAFETY: a whole word is inside, and aligned.
            unsafe { AtomicU64::from_ptr(to.add(head + number * WORD).cast()) }
                .store(value, Relaxed);
        }
    }

    /// As `store`.
    pub(super) use store as stream;

    const WORD: usize = 8;
}

impl ReadAt for Source {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let len = out.len().min(self.len() - from);
        self.copy_out(from, &mut out[..len]);
        Ok(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(Source::len(self) as u64)
    }

    fn fixed(&self) -> Option<&[u8]> {
        Source::fixed(self)
    }
}

impl WriteAt for Target {
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        if offset > self.len() || bytes.len() > self.len() - offset {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.copy_in(offset, bytes);
        Ok(())
    }
}

/// From here on a target is longer than what caches keep, in bytes.
const STREAMED: usize = 16 << 20;
