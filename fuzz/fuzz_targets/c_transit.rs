// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes and sessions of the C face, with arbitrary sequences of calls on both sides: no call
//! panics or writes past its output, and what opens is what the other side sealed, once.
#![no_main]

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ptr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sealwax_c::callback::sealwax_random;
use sealwax_c::status::*;
use sealwax_c::transit::handshake::*;
use sealwax_c::transit::kept::*;
use sealwax_c::transit::party::*;
use sealwax_c::transit::session::*;

const ROOM: usize = 3000;
const MARK: u8 = 0xcc;

#[derive(Arbitrary, Debug)]
struct Input {
    pattern: u8,
    mode: u8,
    hybrid: bool,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Debug)]
enum Call {
    Begin { side: bool },
    Write { side: bool, room: u16, fails: u8 },
    Read { side: bool, message: Blob, room: u16 },
    Finish { side: bool, now: u64 },
    WipeHandshake { side: bool },
    Seal { side: bool, now: u64, len: u16, room: u16, in_place: bool },
    Open { side: bool, now: u64, record: Blob, room: u16, in_place: bool },
    Empty { side: bool, now: u64 },
    Rekey { side: bool },
    Request { side: bool, now: u64 },
    Tick { side: bool, now: u64 },
    Reserve { side: bool, block: u8, fails: bool },
    Import { side: bool, kept: Blob, now: u64 },
    Close { side: bool, now: u64 },
    WipeSession { side: bool },
}

/// Bytes of the fuzzer's, or one of the last that were made, with a change.
#[derive(Arbitrary, Debug)]
enum Blob {
    Raw(Vec<u8>),
    Made { back: u8, change: Option<(u16, u8)>, cut: u8 },
}

struct Side {
    party: sealwax_party,
    handshake: sealwax_handshake,
    session: sealwax_session,
}

struct World {
    sides: [Side; 2],
    made: Vec<Vec<u8>>,
    kept: Vec<u8>,
    /// The first bytes of each plaintext are its number: which of them were opened.
    sealed: u32,
    opened: BTreeSet<u32>,
    /// After an import a session may stand twice, as it would with rolled back storage.
    imported: bool,
}

unsafe extern "C" fn fill(context: *mut c_void, out: *mut u8, len: usize) -> i32 {
    // SAFETY: `context` is the pair that the call gave, and `out` has `len` bytes.
    let (left, state) = unsafe { &mut *context.cast::<(u8, u64)>() };
    if *left == 0 {
        return -1;
    }
    *left -= 1;
    for at in 0..len {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        // SAFETY: as above.
        unsafe { out.add(at).write((*state >> 56) as u8) };
    }
    0
}

unsafe extern "C" fn store(context: *mut c_void, kept: *const u8, len: usize) -> i32 {
    if context.is_null() {
        return 1;
    }
    // SAFETY: `context` is the vector that the call gave, and `kept` has `len` bytes.
    unsafe {
        let out = &mut *context.cast::<Vec<u8>>();
        out.clear();
        out.extend_from_slice(std::slice::from_raw_parts(kept, len));
    }
    0
}

/// A context before its first use.
fn zero<T>() -> T {
    // SAFETY: only used for the contexts and structs of the header.
    unsafe { std::mem::zeroed() }
}

impl World {
    fn bytes(&self, blob: Blob) -> Vec<u8> {
        match blob {
            Blob::Raw(bytes) => bytes,
            Blob::Made { back, change, cut } => {
                let at = self.made.len().wrapping_sub(1 + usize::from(back % 8));
                let mut bytes = self.made.get(at).cloned().unwrap_or_default();
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

    fn call(&mut self, call: Call, source: &mut u64) {
        let mut out = vec![MARK; ROOM];
        let mut len = 77usize;
        let mut allowed = ROOM;
        let room = |room: u16| usize::from(room) % ROOM;
        let key = [9u8; 32];
        let mut pair = (u8::MAX, *source);
        let random = |pair: &mut (u8, u64)| sealwax_random {
            fill: Some(fill),
            context: ptr::from_mut(pair).cast(),
        };
        // SAFETY of every call below: pointers and lengths are those of live vectors and arrays.
        let status = match call {
            Call::Begin { side } => {
                let Side { party, handshake, .. } = &mut self.sides[usize::from(side)];
                len = 0;
                unsafe { sealwax_handshake_begin(handshake, party) }
            }
            Call::Write { side, room: size, fails } => {
                allowed = room(size);
                pair.0 = if fails < 4 { fails } else { u8::MAX };
                let Side { party, handshake, .. } = &mut self.sides[usize::from(side)];
                let random = random(&mut pair);
                unsafe {
                    sealwax_handshake_write(
                        handshake,
                        party,
                        &random,
                        ptr::null(),
                        0,
                        out.as_mut_ptr(),
                        allowed,
                        &mut len,
                    )
                }
            }
            Call::Read { side, message, room: size } => {
                allowed = room(size);
                let message = self.bytes(message);
                let mut twice = 0;
                let Side { party, handshake, .. } = &mut self.sides[usize::from(side)];
                unsafe {
                    sealwax_handshake_read(
                        handshake,
                        party,
                        message.as_ptr(),
                        message.len(),
                        out.as_mut_ptr(),
                        allowed,
                        &mut len,
                        &mut twice,
                    )
                }
            }
            Call::Finish { side, now } => {
                let Side { handshake, session, .. } = &mut self.sides[usize::from(side)];
                len = 0;
                unsafe { sealwax_handshake_finish(handshake, ptr::null(), now, session) }
            }
            Call::WipeHandshake { side } => unsafe {
                len = 0;
                sealwax_handshake_wipe(&mut self.sides[usize::from(side)].handshake)
            },
            Call::Seal { side, now, len: plain, room: size, in_place } => {
                allowed = room(size);
                let mut plaintext = vec![1; usize::from(plain) % 2000];
                if let Some(number) = plaintext.first_chunk_mut() {
                    self.sealed += 1;
                    *number = self.sealed.to_be_bytes();
                }
                let fits = 13 + plaintext.len() <= allowed;
                let at = match in_place && fits {
                    true => {
                        out[13..13 + plaintext.len()].copy_from_slice(&plaintext);
                        out[13..].as_ptr()
                    }
                    false => plaintext.as_ptr(),
                };
                let session = &mut self.sides[usize::from(side)].session;
                unsafe {
                    sealwax_session_seal(
                        session,
                        now,
                        at,
                        plaintext.len(),
                        ptr::null(),
                        0,
                        out.as_mut_ptr(),
                        allowed,
                        &mut len,
                    )
                }
            }
            Call::Open { side, now, record, room: size, in_place } => {
                allowed = room(size);
                let mut record = self.bytes(record);
                let mut opened = zero();
                let session = &mut self.sides[usize::from(side)].session;
                let is_inside = in_place && record.len() > 13;
                let target = match is_inside {
                    true => record[13..].as_mut_ptr(),
                    false => out.as_mut_ptr(),
                };
                let space = if is_inside { record.len() - 13 } else { allowed };
                let status = unsafe {
                    sealwax_session_open(
                        session,
                        now,
                        record.as_ptr(),
                        record.len(),
                        ptr::null(),
                        0,
                        target,
                        space,
                        &mut len,
                        &mut opened,
                    )
                };
                if status == SEALWAX_OK && len >= 4 {
                    let plaintext = if is_inside { &record[13..] } else { &out[..] };
                    let number = u32::from_be_bytes(plaintext[..4].try_into().expect("4 bytes"));
                    assert!(number <= self.sealed, "opened what nobody sealed");
                    let fresh = self.opened.insert(number);
                    assert!(fresh || self.imported, "a record opened twice");
                }
                if is_inside {
                    return;
                }
                status
            }
            Call::Empty { side, now } => unsafe {
                let session = &mut self.sides[usize::from(side)].session;
                sealwax_session_seal_empty(session, now, out.as_mut_ptr(), ROOM, &mut len)
            },
            Call::Rekey { side } => unsafe {
                len = 0;
                sealwax_session_rekey(&mut self.sides[usize::from(side)].session)
            },
            Call::Request { side, now } => unsafe {
                let session = &mut self.sides[usize::from(side)].session;
                sealwax_session_request_rekey(session, now, out.as_mut_ptr(), ROOM, &mut len)
            },
            Call::Tick { side, now } => unsafe {
                len = 0;
                sealwax_session_tick(&mut self.sides[usize::from(side)].session, now)
            },
            Call::Reserve { side, block, fails } => {
                len = 0;
                let random = random(&mut pair);
                let session = &mut self.sides[usize::from(side)].session;
                let kept: *mut Vec<u8> = if fails { ptr::null_mut() } else { &mut self.kept };
                unsafe {
                    sealwax_session_reserve(
                        session,
                        block.into(),
                        key.as_ptr(),
                        ptr::null(),
                        0,
                        &random,
                        Some(store),
                        kept.cast(),
                    )
                }
            }
            Call::Import { side, kept, now } => {
                len = 0;
                let kept = match kept {
                    Blob::Raw(raw) => raw,
                    Blob::Made { .. } => self.kept.clone(),
                };
                self.imported = true;
                let Side { party, session, .. } = &mut self.sides[usize::from(side)];
                let peer = if party.peer_count == 0 { ptr::null() } else { party.peers };
                unsafe {
                    sealwax_session_import(
                        session,
                        kept.as_ptr(),
                        kept.len(),
                        key.as_ptr(),
                        ptr::null(),
                        0,
                        peer,
                        ptr::null(),
                        now,
                    )
                }
            }
            Call::Close { side, now } => unsafe {
                let session = &mut self.sides[usize::from(side)].session;
                sealwax_session_close(session, now, out.as_mut_ptr(), ROOM, &mut len)
            },
            Call::WipeSession { side } => unsafe {
                len = 0;
                sealwax_session_wipe(&mut self.sides[usize::from(side)].session)
            },
        };
        *source = pair.1;
        assert!(out[allowed..].iter().all(|byte| *byte == MARK), "past the output");
        match status {
            SEALWAX_OK => {
                assert!(len <= allowed);
                if len > 0 {
                    self.made.push(out[..len].to_vec());
                }
            }
            SEALWAX_ERROR_BUFFER_TOO_SMALL => assert!(len > allowed),
            _ => assert_eq!(len, 0, "a length after an error"),
        }
    }
}

fuzz_target!(|input: Input| {
    let (privates, mut publics, psk) = ([[1u8; 32], [2u8; 32]], [[0u8; 32]; 2], [3u8; 32]);
    for (private, public) in privates.iter().zip(&mut publics) {
        // SAFETY: both are arrays of 32 bytes.
        let status = unsafe { sealwax_peer_key(private.as_ptr(), public.as_mut_ptr()) };
        assert_eq!(status, SEALWAX_OK);
    }
    let pattern = 1 + input.pattern % 5;
    let sides = [0, 1].map(|side| {
        let mut party: sealwax_party = zero();
        party.role = 1 + side as u8;
        party.pattern = pattern;
        party.mode = 1 + input.mode % 2;
        party.hybrid = u8::from(input.hybrid);
        if pattern != SEALWAX_PATTERN_NNPSK0 {
            party.private_key = privates[side].as_ptr();
            party.peers = publics[1 - side].as_ptr();
            party.peer_count = 1;
        }
        if pattern >= SEALWAX_PATTERN_NNPSK0 {
            party.psk = psk.as_ptr();
        }
        Side { party, handshake: zero(), session: zero() }
    });
    let mut world = World {
        sides,
        made: Vec::new(),
        kept: Vec::new(),
        sealed: 0,
        opened: BTreeSet::new(),
        imported: false,
    };
    let mut source = 1;
    for call in input.calls.into_iter().take(64) {
        world.call(call, &mut source);
    }
    for side in &mut world.sides {
        // SAFETY: both contexts are live.
        unsafe {
            assert_eq!(sealwax_handshake_wipe(&mut side.handshake), SEALWAX_OK);
            assert_eq!(sealwax_session_wipe(&mut side.session), SEALWAX_OK);
        }
    }
});
