// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hosted part of the C face, with arbitrary sequences of calls over a few keys, stores, backups and files: every call
//! ends in an answer that the header has, and writes where it may.
#![no_main]

use std::ffi::{CString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fs, ptr};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sealwax_c::hosted::backup::*;
use sealwax_c::hosted::inspect::*;
use sealwax_c::hosted::job::*;
use sealwax_c::hosted::key::*;
use sealwax_c::hosted::keyset::*;
use sealwax_c::hosted::provider::*;
use sealwax_c::hosted::store::*;
use sealwax_c::hosted::stream::*;
use sealwax_c::status::*;
use sealwax_fuzz::Change;
use sealwax_fuzz::callbacks::{Pipe, read, refuse, turn, write};

const PLACES: usize = 4;
const ROOM: usize = 6000;
const MARK: u8 = 0xcc;
const NAMES: [&str; 4] = ["aws-kms", "key/1", "", "\u{7}"];

#[derive(Arbitrary, Debug)]
enum Call {
    Generate { to: u8, algorithm: u8, name: u8 },
    DeviceKey { to: u8, fill: u8 },
    Parse { to: u8, blob: Blob, protection: Option<u8> },
    Text { to: u8, text: Blob, is_identity: bool },
    Load { to: u8, file: u8, protection: Option<u8> },
    Save { key: u8, file: u8, protection: Option<u8> },
    Rotate { key: u8, algorithm: u8 },
    Show { key: u8, room: u8 },
    Recipient { key: u8, room: u16 },
    FreeKey { key: u8 },
    Token { key: u8, opens: bool, bytes: Blob, room: u16 },
    Message { options: Options, opens: bool, bytes: Blob, room: u16 },
    Stream { options: Options, opens: bool, bytes: Blob, piece: u8, fails: u8 },
    Path { options: Options, what: u8, source: u8, target: u8, added: u8 },
    Inspect { file: u8, room: u8 },
    Wrapped { to: u8, names: [u8; 2], fails: bool, len: u16 },
    Unwrapped { to: u8, names: [u8; 2], envelope: Blob, file: Option<u8>, fails: bool },
    OpenStore { to: u8, how: u8, file: u8, key: u8, options: Options, flags: u8, lease: u8 },
    Store { store: u8, call: StoreCall },
    Backup { to: u8, how: u8, key: u8, counts: [u8; 2], options: Options, blob: Blob },
    BackupPart { backup: u8, index: Option<u8>, room: u16 },
    AddShare { backup: u8, share: Blob },
    Restore { to: u8, backup: u8, options: Options },
    FreeBackup { backup: u8 },
    Write { file: u8, bytes: Blob },
    Change { file: u8, change: Change },
    Remove { file: u8 },
}

#[derive(Arbitrary, Debug)]
enum StoreCall {
    Refresh,
    Keyset { to: u8 },
    Token { opens: bool, bytes: Blob, room: u16 },
    Rotate { algorithm: u8, how: u8 },
    Move { version: u8, change: u8, reason: u8 },
    Destroy { version: u8 },
    Schedule { version: u8, activate_at: u64, deactivate_at: u64 },
    Protect { options: Options, flags: u8 },
    Usage { room: u8 },
    BackedUp { revision: u8, at: u64, records: bool },
    Release,
    Free,
}

/// Bytes of the fuzzer's, or what an earlier call made, or a file, with changes.
#[derive(Arbitrary, Debug)]
enum Blob {
    Raw(Vec<u8>),
    Made { back: u8, changes: Vec<Change> },
    File { file: u8, changes: Vec<Change> },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Options {
    /// Which places, and how many of them.
    keys: [u8; 3],
    count: u8,
    min_epoch: u8,
    flags: u8,
    suite: u8,
    log2chunk: u8,
}

struct World {
    folder: tempfile::TempDir,
    keys: [*mut sealwax_key; PLACES],
    stores: [*mut sealwax_store; PLACES],
    backups: [*mut sealwax_backup; PLACES],
    made: Vec<Vec<u8>>,
    /// The versions that a call named.
    versions: Vec<u32>,
}

fn at<T: Copy>(places: &[T; PLACES], which: u8) -> T {
    places[usize::from(which) % PLACES]
}

fn text(of: &str) -> (*const c_char, usize) {
    (of.as_ptr().cast(), of.len())
}

/// Options as C has them.
fn options_of(given: Options, keys: &[*const sealwax_key]) -> sealwax_options {
    let mut options: sealwax_options = zero();
    (options.keys, options.key_count) = (keys.as_ptr(), keys.len());
    (options.threads, options.min_epoch) = (1, u32::from(given.min_epoch % 3));
    options.flags = u32::from(given.flags % 32);
    (options.suite, options.log2chunk) = (given.suite % 4, given.log2chunk % 18);
    options
}

impl World {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(if memory.is_dir() { memory } else { Path::new("/tmp") });
        World {
            folder: folder.expect("a folder"),
            keys: [ptr::null_mut(); PLACES],
            stores: [ptr::null_mut(); PLACES],
            backups: [ptr::null_mut(); PLACES],
            made: Vec::new(),
            versions: Vec::new(),
        }
    }

    fn file(&self, which: u8) -> CString {
        CString::new(self.path(which).as_os_str().as_bytes()).expect("no zeros in it")
    }

    fn path(&self, which: u8) -> PathBuf {
        self.folder.path().join((which % 4).to_string())
    }

    fn bytes(&self, blob: Blob) -> Vec<u8> {
        let (mut bytes, changes) = match blob {
            Blob::Raw(bytes) => (bytes, Vec::new()),
            Blob::Made { back, changes } => {
                let at = self.made.len().checked_sub(1 + usize::from(back % 8));
                (at.map(|at| self.made[at].clone()).unwrap_or_default(), changes)
            }
            Blob::File { file, changes } => {
                (fs::read(self.path(file)).unwrap_or_default(), changes)
            }
        };
        changes.iter().take(4).for_each(|change| change.apply(&mut bytes));
        bytes
    }

    fn key(&self, which: u8) -> *mut sealwax_key {
        at(&self.keys, which)
    }

    fn protection(&self, which: Option<u8>) -> *const sealwax_key {
        which.map_or(ptr::null(), |which| self.key(which))
    }

    /// Makes a key with `work` where another one may be.
    fn make_key(&mut self, to: u8, work: impl FnOnce(&mut *mut sealwax_key) -> i32) {
        let mut made = ptr::null_mut();
        known(work(&mut made));
        let place = &mut self.keys[usize::from(to) % PLACES];
        // SAFETY: a handle that the library gave, freed once.
        unsafe { sealwax_key_free(*place) };
        *place = made;
    }

    fn make_backup(&mut self, to: u8, work: impl FnOnce(&mut *mut sealwax_backup) -> i32) {
        let mut made = ptr::null_mut();
        known(work(&mut made));
        let place = &mut self.backups[usize::from(to) % PLACES];
        // SAFETY: as above.
        unsafe { sealwax_backup_free(*place) };
        *place = made;
    }

    fn make_store(&mut self, to: u8, work: impl FnOnce(&mut *mut sealwax_store) -> i32) {
        let mut made = ptr::null_mut();
        known(work(&mut made));
        let place = &mut self.stores[usize::from(to) % PLACES];
        // SAFETY: as above.
        unsafe { sealwax_store_free(*place) };
        *place = made;
    }

    fn chosen(&self, options: &Options) -> Vec<*const sealwax_key> {
        let count = usize::from(options.count % 4);
        options.keys.iter().take(count).map(|which| self.key(*which).cast_const()).collect()
    }

    /// A call with an output of `room` bytes. What it wrote may go into another call.
    fn output(&mut self, room: u16, work: impl FnOnce(*mut u8, usize, *mut usize) -> i32) -> i32 {
        let (mut out, size, mut len) = (vec![MARK; ROOM], usize::from(room) % ROOM, 77usize);
        let status = work(out.as_mut_ptr(), size, &mut len);
        known(status);
        assert!(out[size..].iter().all(|byte| *byte == MARK), "written past the end");
        match status {
            SEALWAX_OK => {
                assert!(len <= size);
                out.truncate(len);
                self.made.push(out);
            }
            SEALWAX_ERROR_BUFFER_TOO_SMALL => assert!(len > size),
            _ => assert_eq!(len, 0, "a length after an error"),
        }
        status
    }

    fn version(&self, which: u8) -> u32 {
        match self.versions.len() {
            0 => which.into(),
            count => self.versions[usize::from(which) % count],
        }
    }

    // SAFETY of every call below: pointers and lengths are those of live vectors, arrays and strings; handles are those
    // that the library gave and that were not freed, or NULL.
    fn call(&mut self, call: Call) {
        match call {
            Call::Generate { to, algorithm, name } => {
                let (name, len) = text(NAMES[usize::from(name) % 4]);
                self.make_key(to, |key| unsafe {
                    sealwax_key_generate_keyset(name, len, algorithm % 6, key)
                });
            }
            Call::DeviceKey { to, fill } => {
                let (id, key) = ([fill % 2; 16], [fill; 32]);
                self.make_key(to, |made| unsafe {
                    sealwax_key_from_device_key(id.as_ptr(), key.as_ptr(), made)
                });
            }
            Call::Parse { to, blob, protection } => {
                let (blob, protection) = (self.bytes(blob), self.protection(protection));
                self.make_key(to, |key| unsafe {
                    sealwax_key_parse_keyset(blob.as_ptr(), blob.len(), protection, key)
                });
            }
            Call::Text { to, text, is_identity } => {
                let text = self.bytes(text);
                let (at, len) = (text.as_ptr().cast(), text.len());
                self.make_key(to, |key| unsafe {
                    match is_identity {
                        true => sealwax_key_from_identity(at, len, key),
                        false => sealwax_key_from_recipient(at, len, key),
                    }
                });
            }
            Call::Load { to, file, protection } => {
                let (file, protection) = (self.file(file), self.protection(protection));
                self.make_key(to, |key| unsafe {
                    sealwax_key_load_keyset(file.as_ptr(), protection, key)
                });
            }
            Call::Save { key, file, protection } => {
                let (file, protection) = (self.file(file), self.protection(protection));
                known(unsafe { sealwax_key_save_keyset(self.key(key), file.as_ptr(), protection) });
            }
            Call::Rotate { key, algorithm } => {
                known(unsafe { sealwax_key_rotate(self.key(key), algorithm % 6) });
            }
            Call::Show { key, room } => self.show(self.key(key), room),
            Call::Recipient { key, room } => {
                let key = self.key(key);
                self.output(room, |out, size, len| unsafe {
                    sealwax_key_recipient(key, out.cast(), size, len)
                });
            }
            Call::FreeKey { key } => self.make_key(key, |_| SEALWAX_OK),
            Call::Token { key, opens, bytes, room } => {
                let (key, bytes) = (self.key(key), self.bytes(bytes));
                let (at, count) = (bytes.as_ptr(), bytes.len());
                self.output(room, |out, size, len| unsafe {
                    let call = if opens { sealwax_key_open_token } else { sealwax_key_seal_token };
                    call(key, ptr::null(), 0, at, count, out, size, len)
                });
            }
            Call::Message { options, opens, bytes, room } => {
                let (keys, bytes) = (self.chosen(&options), self.bytes(bytes));
                let options = options_of(options, &keys);
                let call = if opens { sealwax_open_message } else { sealwax_seal_message };
                self.output(room, |out, size, len| unsafe {
                    call(&options, bytes.as_ptr(), bytes.len(), out, size, len)
                });
            }
            Call::Stream { options, opens, bytes, piece, fails } => {
                let left = self.bytes(bytes);
                let calls = if fails == 0 { u8::MAX } else { fails };
                let piece = usize::from(piece) * 16 + 1;
                let mut pipe = Pipe { left, written: Vec::new(), piece, calls };
                let context = ptr::from_mut(&mut pipe).cast();
                let call = if opens { sealwax_open_stream } else { sealwax_seal_stream };
                let keys = self.chosen(&options);
                let options = options_of(options, &keys);
                let status = unsafe { call(&options, Some(read), context, Some(write), context) };
                known(status);
                if status == SEALWAX_OK {
                    self.made.push(pipe.written);
                }
            }
            Call::Path { options, what, source, target, added } => {
                let (source, target) = (self.file(source), self.file(target));
                let (source, target, added) = (source.as_ptr(), target.as_ptr(), self.key(added));
                let (keys, mut changed) = (self.chosen(&options), 0);
                let options = options_of(options, &keys);
                known(unsafe {
                    match what % 4 {
                        0 => sealwax_seal_path(&options, source, target),
                        1 => sealwax_open_path(&options, source, target),
                        2 => sealwax_verify_path(&options, source),
                        _ => sealwax_rewrap_path(&options, added, source, &mut changed),
                    }
                });
            }
            Call::Inspect { file, room } => {
                let (file, mut len) = (self.file(file), 0);
                let (mut described, mut stored) = (zero(), [0; 256]);
                let mut recipients = [zero(); 8];
                known(unsafe {
                    sealwax_inspect_path(
                        file.as_ptr(),
                        &mut described,
                        recipients.as_mut_ptr(),
                        usize::from(room % 9),
                        stored.as_mut_ptr(),
                        usize::from(room),
                        &mut len,
                    )
                });
            }
            Call::Wrapped { to, names, fails, len } => {
                let [(one, one_len), (other, other_len)] =
                    names.map(|name| text(NAMES[usize::from(name) % 4]));
                let said = ptr::without_provenance_mut(usize::from(len));
                let wrap = Some(if fails { refuse } else { turn } as _);
                self.make_key(to, |key| unsafe {
                    sealwax_key_wrapped_by_provider(one, one_len, other, other_len, wrap, said, key)
                });
            }
            Call::Unwrapped { to, names, envelope, file, fails } => {
                let (envelope, file) = (self.bytes(envelope), file.map(|file| self.file(file)));
                let [(one, one_len), (other, other_len)] =
                    names.map(|name| text(NAMES[usize::from(name) % 4]));
                let (unwrap, none) =
                    (Some(if fails { refuse } else { turn } as _), ptr::null_mut());
                let (at, len) = (envelope.as_ptr(), envelope.len());
                self.make_key(to, |key| unsafe {
                    match file {
                        Some(file) => sealwax_key_unwrapped_by_provider_for_path(
                            file.as_ptr(),
                            one,
                            one_len,
                            other,
                            other_len,
                            unwrap,
                            none,
                            key,
                        ),
                        None => sealwax_key_unwrapped_by_provider(
                            at, len, one, one_len, other, other_len, unwrap, none, key,
                        ),
                    }
                });
            }
            Call::OpenStore { to, how, file, key, options, flags, lease } => {
                let (file, key, keys) = (self.file(file), self.key(key), self.chosen(&options));
                let mut given: sealwax_store_options = zero();
                (given.keys, given.key_count) = (keys.as_ptr(), keys.len());
                (given.lease_messages, given.flags) = (lease.into(), u32::from(flags % 16));
                given.min_revision = u64::from(options.min_epoch % 3);
                self.make_store(to, |store| unsafe {
                    match how % 3 {
                        0 => sealwax_store_create(file.as_ptr(), key, &given, store),
                        1 => sealwax_store_open(file.as_ptr(), &given, store),
                        _ => sealwax_store_restore(file.as_ptr(), key, &given, store),
                    }
                });
            }
            Call::Store { store, call } => self.call_store(store, call),
            Call::Backup { to, how, key, counts, options, blob } => {
                let (key, keys, blob) = (self.key(key), self.chosen(&options), self.bytes(blob));
                self.make_backup(to, |backup| unsafe {
                    match how % 3 {
                        0 => sealwax_backup_in_shares(key, counts[0] % 8, counts[1] % 8, backup),
                        1 => sealwax_backup_for_keys(key, keys.as_ptr(), keys.len(), backup),
                        _ => sealwax_backup_from_file(blob.as_ptr(), blob.len(), backup),
                    }
                });
            }
            Call::BackupPart { backup, index, room } => {
                let backup = at(&self.backups, backup);
                self.output(room, |out, size, len| unsafe {
                    match index {
                        Some(index) => {
                            sealwax_backup_share(backup, index.into(), out.cast(), size, len)
                        }
                        None => sealwax_backup_file(backup, out, size, len),
                    }
                });
            }
            Call::AddShare { backup, share } => {
                let (share, mut description) = (self.bytes(share), zero());
                let (at_share, len) = (share.as_ptr().cast(), share.len());
                unsafe {
                    known(sealwax_share_describe(at_share, len, &mut description));
                    known(sealwax_backup_add_share(at(&self.backups, backup), at_share, len));
                }
            }
            Call::Restore { to, backup, options } => {
                let (backup, keys) = (at(&self.backups, backup), self.chosen(&options));
                self.make_key(to, |key| unsafe {
                    sealwax_backup_restore(backup, keys.as_ptr(), keys.len(), key)
                });
            }
            Call::FreeBackup { backup } => self.make_backup(backup, |_| SEALWAX_OK),
            Call::Write { file, bytes } => {
                let _ = fs::write(self.path(file), self.bytes(bytes));
            }
            Call::Change { file, change } => {
                let path = self.path(file);
                if let Ok(mut bytes) = fs::read(&path) {
                    change.apply(&mut bytes);
                    let _ = fs::write(path, bytes);
                }
            }
            Call::Remove { file } => {
                let _ = fs::remove_file(self.path(file));
            }
        }
    }

    fn show(&mut self, key: *mut sealwax_key, room: u8) {
        let (mut description, mut fingerprint) = (zero(), [0; 16]);
        let (mut versions, mut count) = ([zero::<sealwax_version_description>(); 8], 0);
        let room = usize::from(room % 9);
        unsafe {
            known(sealwax_key_describe(key, &mut description));
            known(sealwax_key_fingerprint(key, fingerprint.as_mut_ptr()));
            let status = sealwax_key_versions(key, versions.as_mut_ptr(), room, &mut count);
            known(status);
            assert!(status != SEALWAX_OK || count <= room);
        }
        self.versions.extend(versions.iter().map(|version| version.id).filter(|id| *id != 0));
    }

    fn call_store(&mut self, which: u8, call: StoreCall) {
        let store = at(&self.stores, which);
        let (mut version, (reason, reason_len)) = (0, text("a reason"));
        match call {
            StoreCall::Refresh => {
                let mut description = zero();
                known(unsafe { sealwax_store_refresh(store, &mut description) });
            }
            StoreCall::Keyset { to } => {
                self.make_key(to, |key| unsafe { sealwax_store_keyset(store, key) });
            }
            StoreCall::Token { opens, bytes, room } => {
                let bytes = self.bytes(bytes);
                let (at, count) = (bytes.as_ptr(), bytes.len());
                let status = self.output(room, |out, size, len| unsafe {
                    let call =
                        if opens { sealwax_store_open_token } else { sealwax_store_seal_token };
                    call(store, ptr::null(), 0, at, count, out, size, len)
                });
                if !opens && status == SEALWAX_OK {
                    let token = self.made.last().expect("it was just made").clone();
                    let status = self.output(ROOM as u16 - 1, |out, size, len| unsafe {
                        let (at, count) = (token.as_ptr(), token.len());
                        sealwax_store_open_token(store, ptr::null(), 0, at, count, out, size, len)
                    });
                    assert_eq!(status, SEALWAX_OK, "what was just sealed");
                    assert_eq!(self.made.last(), Some(&bytes));
                }
            }
            StoreCall::Rotate { algorithm, how } => {
                known(unsafe {
                    match how % 3 {
                        0 => sealwax_store_rotate(store, algorithm % 6, &mut version),
                        1 => sealwax_store_rotate_if_due(store, &mut version),
                        _ => sealwax_store_prepare(store, algorithm % 6, &mut version),
                    }
                });
                self.versions.extend((version != 0).then_some(version));
            }
            StoreCall::Move { version, change, reason: len } => known(unsafe {
                let len = reason_len.min(len.into());
                sealwax_store_change_state(store, self.version(version), change % 7, reason, len)
            }),
            StoreCall::Destroy { version } => known(unsafe {
                let version = self.version(version);
                sealwax_store_danger_destroy_without_census(store, version, reason, reason_len)
            }),
            StoreCall::Schedule { version, activate_at, deactivate_at } => known(unsafe {
                let version = self.version(version);
                sealwax_store_schedule(store, version, activate_at, deactivate_at)
            }),
            StoreCall::Protect { options, flags } => {
                let keys = self.chosen(&options);
                let flags = u32::from(flags % 16);
                known(unsafe { sealwax_store_protect(store, keys.as_ptr(), keys.len(), flags) });
            }
            StoreCall::Usage { room } => {
                let (mut usages, mut count) = ([zero::<sealwax_version_usage>(); 8], 0);
                let room = usize::from(room % 9);
                let status =
                    unsafe { sealwax_store_usage(store, usages.as_mut_ptr(), room, &mut count) };
                known(status);
                assert!(status != SEALWAX_OK || count <= room);
            }
            StoreCall::BackedUp { revision, at, records } => {
                let (mut found, mut found_at) = (0, 0);
                known(unsafe {
                    match records {
                        true => sealwax_store_record_backup(store, revision.into(), at),
                        false => sealwax_store_backed_up(store, &mut found, &mut found_at),
                    }
                });
            }
            StoreCall::Release => known(unsafe { sealwax_store_release(store) }),
            StoreCall::Free => self.make_store(which, |_| SEALWAX_OK),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // SAFETY: as in `call`. Keys go before the stores and backups that were made with them.
        unsafe {
            self.keys.iter().for_each(|key| sealwax_key_free(*key));
            self.stores.iter().for_each(|store| sealwax_store_free(*store));
            self.backups.iter().for_each(|backup| sealwax_backup_free(*backup));
        }
    }
}

/// A description before it is filled.
fn zero<T>() -> T {
    // SAFETY: only used for the structs of the header, which are plain words.
    unsafe { std::mem::zeroed() }
}

fn known(status: i32) {
    assert!(
        [0, -134, -135, -137, -138, -140, -148, -149, -153, -1001, -1002, -1003, -1004]
            .contains(&status),
        "a status that the header does not have: {status}"
    );
}

fuzz_target!(|calls: Vec<Call>| {
    let mut world = World::new();
    calls.into_iter().take(40).for_each(|call| world.call(call));
});
