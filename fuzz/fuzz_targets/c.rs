// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C face, with arbitrary sequences of calls: no call panics, writes past its output, or leaves
//! a half-written one.
#![no_main]

use std::ffi::c_void;
use std::ptr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sealwax_c::callback::sealwax_random;
use sealwax_c::context::*;
use sealwax_c::keyset::*;
use sealwax_c::opening::*;
use sealwax_c::sealing::*;
use sealwax_c::status::*;
use sealwax_c::token::*;

const KEYSETS: usize = 2;
const ROOM: usize = 6000;
const MARK: u8 = 0xcc;

#[derive(Arbitrary, Debug)]
enum Call {
    LoadKeyset { which: u8, room: u8, blob: Blob, sealed: bool, identity: bool },
    WipeKeyset { which: u8 },
    Insert { name: Vec<u8>, value: Vec<u8>, room: u16 },
    SealToken { which: u8, plaintext: Vec<u8>, room: u16, fails: bool },
    OpenToken { which: u8, token: Blob, room: u16 },
    Begin { which: u8, front: Blob, flags: u8, counter: u64, via: u8, same: bool },
    Chunk { index: u8, chunk: Blob, room: u16, read: bool, in_place: bool },
    Mapped { index: u8, chunk: Blob, stop_after: u8 },
    Progress,
    Resume { change: Option<u8> },
    Finish { signed: bool },
    WipeOpening,
    BeginSealing { which: u8, suite: u8, log2chunk: u8, place: u8, room: u16, via: u8, fails: u8 },
    SealChunk { plaintext: Vec<u8>, room: u16, in_place: bool },
    FinishSealing,
    WipeSealing,
}

/// Bytes of the fuzzer's, or what an earlier call made, with a change.
#[derive(Arbitrary, Debug)]
enum Blob {
    Raw(Vec<u8>),
    Made { change: Option<(u16, u8)>, cut: u8 },
}

struct World {
    keysets: [sealwax_keyset; KEYSETS],
    versions: [[sealwax_key_version; 4]; KEYSETS],
    opening: sealwax_opening,
    sealing: sealwax_sealing,
    context: Vec<u8>,
    context_len: usize,
    made: Vec<u8>,
    progress: [u8; SEALWAX_PROGRESS_LEN],
}

unsafe extern "C" fn fill(context: *mut c_void, out: *mut u8, len: usize) -> i32 {
    // SAFETY: `context` is the counter that `random` gave, and `out` has `len` bytes.
    let left = unsafe { &mut *context.cast::<u8>() };
    if *left == 0 {
        return -1;
    }
    *left -= 1;
    // SAFETY: as above.
    unsafe { ptr::write_bytes(out, 0x5a, len) };
    0
}

unsafe extern "C" fn release(context: *mut c_void, _: usize, _: *const u8, _: usize) -> i32 {
    // SAFETY: `context` is the counter that the call gave.
    let left = unsafe { &mut *context.cast::<u8>() };
    if *left == 0 {
        return 1;
    }
    *left -= 1;
    0
}

/// A context before its first use.
fn zero<T>() -> T {
    // SAFETY: only used for the contexts of the header, which are plain words.
    unsafe { std::mem::zeroed() }
}

fn random(left: &mut u8) -> sealwax_random {
    sealwax_random { fill: Some(fill), context: ptr::from_mut(left).cast() }
}

impl World {
    fn new() -> Box<Self> {
        Box::new(World {
            keysets: [zero(), zero()],
            versions: [[zero(); 4]; KEYSETS],
            opening: zero(),
            sealing: zero(),
            context: vec![0; 300],
            context_len: 0,
            made: Vec::new(),
            progress: [0; SEALWAX_PROGRESS_LEN],
        })
    }

    fn bytes(&self, blob: Blob) -> Vec<u8> {
        match blob {
            Blob::Raw(bytes) => bytes,
            Blob::Made { change, cut } => {
                let mut bytes = self.made.clone();
                if let Some((at, bits)) = change
                    && !bytes.is_empty()
                {
                    let at = usize::from(at) % bytes.len();
                    bytes[at] ^= bits;
                }
                bytes.truncate(bytes.len() - bytes.len().min(usize::from(cut)));
                bytes
            }
        }
    }

    fn call(&mut self, call: Call) {
        let mut out = vec![MARK; ROOM];
        let mut len = 77usize;
        let room = |room: u16| usize::from(room) % ROOM;
        let id = [7u8; 16];
        let key = [9u8; 32];
        // SAFETY of every call below: pointers and lengths are those of live vectors and arrays;
        // contexts began as zero and only the library writes them; the versions stay where they are
        // as long as `self`.
        match call {
            Call::LoadKeyset { which, room, blob, sealed, identity } => {
                let blob = self.bytes(blob);
                let which = usize::from(which) % KEYSETS;
                let (keyset, versions) = (&mut self.keysets[which], &mut self.versions[which]);
                let (versions, count) = (versions.as_mut_ptr(), usize::from(room) % 5);
                let mut scratch = vec![0; blob.len()];
                let (at, size) = (blob.as_ptr(), blob.len());
                let status = unsafe {
                    match (sealed, identity) {
                        (false, false) => sealwax_keyset_load(
                            keyset,
                            versions,
                            count,
                            at,
                            size,
                            ptr::null(),
                            &mut len,
                        ),
                        (false, true) => sealwax_identity_load(
                            keyset,
                            versions,
                            count,
                            at,
                            size,
                            ptr::null(),
                            &mut len,
                        ),
                        (true, false) => sealwax_keyset_load_sealed(
                            keyset,
                            versions,
                            count,
                            at,
                            size,
                            id.as_ptr(),
                            key.as_ptr(),
                            ptr::null(),
                            scratch.as_mut_ptr(),
                            size,
                            &mut len,
                        ),
                        (true, true) => sealwax_identity_load_sealed(
                            keyset,
                            versions,
                            count,
                            at,
                            size,
                            id.as_ptr(),
                            key.as_ptr(),
                            ptr::null(),
                            scratch.as_mut_ptr(),
                            size,
                            &mut len,
                        ),
                    }
                };
                known(status);
                assert!(status != SEALWAX_OK || len <= count);
            }
            Call::WipeKeyset { which } => {
                let keyset = &mut self.keysets[usize::from(which) % KEYSETS];
                assert_eq!(unsafe { sealwax_keyset_wipe(keyset) }, SEALWAX_OK);
            }
            Call::Insert { name, value, room } => {
                let size = usize::from(room) % (self.context.len() + 1);
                let (before, before_len) = (self.context.clone(), self.context_len);
                let status = unsafe {
                    sealwax_context_insert(
                        self.context.as_mut_ptr(),
                        size,
                        &mut self.context_len,
                        name.as_ptr().cast(),
                        name.len(),
                        value.as_ptr(),
                        value.len(),
                    )
                };
                known(status);
                if status == SEALWAX_OK {
                    assert!(self.context_len <= size);
                } else {
                    assert_eq!((before, before_len), (self.context.clone(), self.context_len));
                }
            }
            Call::SealToken { which, plaintext, room: size, fails } => {
                let mut left = if fails { 0 } else { 9 };
                let random = random(&mut left);
                let size = room(size);
                let status = unsafe {
                    sealwax_token_seal(
                        &self.keysets[usize::from(which) % KEYSETS],
                        &random,
                        self.context.as_ptr(),
                        self.context_len,
                        plaintext.as_ptr(),
                        plaintext.len(),
                        out.as_mut_ptr(),
                        size,
                        &mut len,
                    )
                };
                self.check(status, &out, size, len);
            }
            Call::OpenToken { which, token, room: size } => {
                let (token, size) = (self.bytes(token), room(size));
                let status = unsafe {
                    sealwax_token_open(
                        &self.keysets[usize::from(which) % KEYSETS],
                        self.context.as_ptr(),
                        self.context_len,
                        token.as_ptr(),
                        token.len(),
                        out.as_mut_ptr(),
                        size,
                        &mut len,
                    )
                };
                self.check(status, &out, size, len);
            }
            Call::Begin { which, front, flags, counter, via, same } => {
                let mut front = self.bytes(front);
                let mut scratch = vec![0; SEALWAX_FRONT_MAX_LEN];
                let wanted = sealwax_requirements {
                    stored: ptr::null(),
                    stored_len: 0,
                    external: self.context.as_ptr(),
                    external_len: self.context_len,
                    // Without its flag a counter is refused.
                    min_counter: if flags % 5 & 1 == 1 { counter } else { counter & 1 },
                    min_epoch: 0,
                    flags: u32::from(flags) % 5,
                };
                let copy = if same { front.as_mut_ptr() } else { scratch.as_mut_ptr() };
                let size = if same { front.len() } else { scratch.len() };
                let (at, front_len) = (front.as_ptr(), front.len());
                let keyset = &self.keysets[usize::from(which) % KEYSETS];
                let opening = &mut self.opening;
                let status = unsafe {
                    match via % 3 {
                        0 => sealwax_opening_begin(
                            opening, keyset, &wanted, at, front_len, copy, size, &mut len,
                        ),
                        1 => sealwax_opening_begin_with_identity(
                            opening, keyset, &wanted, at, front_len, copy, size, &mut len,
                        ),
                        _ => sealwax_opening_begin_with_device_key(
                            opening,
                            id.as_ptr(),
                            key.as_ptr(),
                            &wanted,
                            at,
                            front_len,
                            copy,
                            size,
                            &mut len,
                        ),
                    }
                };
                known(status);
                assert!(if status == SEALWAX_OK { len <= front_len } else { len == 0 });
            }
            Call::Chunk { index, chunk, room: size, read, in_place } => {
                let mut chunk = self.bytes(chunk);
                let (at, chunk_len) = (chunk.as_mut_ptr(), chunk.len());
                let size = if in_place { chunk_len } else { room(size) };
                let to = if in_place { at } else { out.as_mut_ptr() };
                let (index, opening) = (u64::from(index), &mut self.opening);
                let status = unsafe {
                    match read {
                        true => sealwax_opening_read_chunk(
                            opening, index, at, chunk_len, to, size, &mut len,
                        ),
                        false => sealwax_opening_open_chunk(
                            opening, index, at, chunk_len, to, size, &mut len,
                        ),
                    }
                };
                known(status);
                assert!(status != SEALWAX_OK || len <= size);
            }
            Call::Mapped { index, chunk, stop_after } => {
                let (chunk, mut left) = (self.bytes(chunk), stop_after);
                known(unsafe {
                    sealwax_opening_open_mapped(
                        &mut self.opening,
                        u64::from(index),
                        chunk.as_ptr(),
                        chunk.len(),
                        out.as_mut_ptr(),
                        Some(release),
                        ptr::from_mut(&mut left).cast(),
                    )
                });
            }
            Call::Progress => known(unsafe {
                sealwax_opening_progress(&self.opening, self.progress.as_mut_ptr())
            }),
            Call::Resume { change } => {
                let mut progress = self.progress;
                if let Some(at) = change {
                    progress[usize::from(at) % SEALWAX_PROGRESS_LEN] ^= 1;
                }
                known(unsafe { sealwax_opening_resume(&mut self.opening, progress.as_ptr()) });
            }
            Call::Finish { signed: true } => {
                known(unsafe { sealwax_opening_finish(&mut self.opening, key.as_ptr()) });
            }
            Call::Finish { signed: false } => {
                known(unsafe { sealwax_opening_finish_unsigned(&mut self.opening) });
            }
            Call::WipeOpening => {
                assert_eq!(unsafe { sealwax_opening_wipe(&mut self.opening) }, SEALWAX_OK);
            }
            Call::BeginSealing { which, suite, log2chunk, place, room: size, via, fails } => {
                let mut left = fails;
                let random = random(&mut left);
                let plan = sealwax_plan {
                    stored: self.context.as_ptr(),
                    stored_len: self.context_len,
                    external: ptr::null(),
                    external_len: 0,
                    suite: suite % 4,
                    log2chunk: log2chunk % 18,
                    place: place % 3,
                    reserved: 0,
                };
                let size = room(size);
                let (sealing, to) = (&mut self.sealing, out.as_mut_ptr());
                let status = unsafe {
                    match via % 3 {
                        0 => sealwax_sealing_begin(
                            sealing,
                            &self.keysets[usize::from(which) % KEYSETS],
                            &plan,
                            &random,
                            to,
                            size,
                            &mut len,
                        ),
                        1 => sealwax_sealing_begin_for_x25519(
                            sealing,
                            key.as_ptr(),
                            &plan,
                            &random,
                            to,
                            size,
                            &mut len,
                        ),
                        _ => sealwax_sealing_begin_with_device_key(
                            sealing,
                            id.as_ptr(),
                            key.as_ptr(),
                            &plan,
                            &random,
                            to,
                            size,
                            &mut len,
                        ),
                    }
                };
                self.check(status, &out, size, len);
            }
            Call::SealChunk { plaintext, room: size, in_place } => {
                let (mut plaintext, size) = (plaintext, room(size));
                let plaintext_len = plaintext.len();
                if in_place {
                    plaintext.resize(plaintext_len.max(size), 0);
                }
                let to = if in_place { plaintext.as_mut_ptr() } else { out.as_mut_ptr() };
                let status = unsafe {
                    sealwax_sealing_seal_chunk(
                        &mut self.sealing,
                        plaintext.as_ptr(),
                        plaintext_len,
                        to,
                        size,
                        &mut len,
                    )
                };
                known(status);
                if status == SEALWAX_OK {
                    let sealed = if in_place { &plaintext } else { &out };
                    self.made.extend_from_slice(&sealed[..len]);
                }
            }
            Call::FinishSealing => {
                known(unsafe { sealwax_sealing_finish(&mut self.sealing) });
            }
            Call::WipeSealing => {
                assert_eq!(unsafe { sealwax_sealing_wipe(&mut self.sealing) }, SEALWAX_OK);
            }
        }
        self.made.truncate(ROOM);
    }

    /// What every call with an output of `size` bytes keeps to; what it wrote may go into another
    /// call.
    fn check(&mut self, status: i32, out: &[u8], size: usize, len: usize) {
        known(status);
        assert!(out[size..].iter().all(|byte| *byte == MARK), "written past the end");
        match status {
            SEALWAX_OK => {
                assert!(len <= size);
                self.made = out[..len].to_vec();
            }
            SEALWAX_ERROR_BUFFER_TOO_SMALL => {
                assert!(len > size && out.iter().all(|byte| *byte == MARK));
            }
            _ => {
                assert_eq!(len, 0);
                let written = out.iter().filter(|byte| **byte != MARK && **byte != 0).count();
                assert_eq!(written, 0, "an error left something in the output");
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // SAFETY: as in `call`.
        unsafe {
            self.keysets.iter_mut().for_each(|keyset| assert_eq!(sealwax_keyset_wipe(keyset), 0));
            assert_eq!(sealwax_opening_wipe(&mut self.opening), 0);
            assert_eq!(sealwax_sealing_wipe(&mut self.sealing), 0);
        }
    }
}

fn known(status: i32) {
    assert!(
        [0, -134, -135, -137, -138, -140, -148, -149, -153, -1001, -1002, -1004].contains(&status),
        "a status that the header does not have here: {status}"
    );
}

fuzz_target!(|calls: Vec<Call>| {
    let mut world = World::new();
    calls.into_iter().take(40).for_each(|call| world.call(call));
});
