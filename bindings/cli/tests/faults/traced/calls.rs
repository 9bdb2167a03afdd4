// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system calls that change what is stored: the places where a fault can strike.
//!
//! Counted are calls on regular files and folders: those that write, make durable, name, remove,
//! resize, lock, or change a mode; and `open` where it makes a file. Not counted are reads,
//! `close`, and whatever goes to pipes, terminals, sockets and event descriptors, nor is unlocking,
//! so that messages and signal handling move no number. Reads of our own files, and calls for random
//! bytes, are counted apart, where a fault is to strike those.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use nix::libc::{self, c_long, user_regs_struct};
use nix::unistd::Pid;

/// Which calls are counted, and may be struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Among {
    /// Those that change what is stored.
    Changes,
    /// Reads of files that are not the system's.
    Reads,
    /// Those that ask for random bytes.
    Randomness,
}

/// A call that a fault can strike.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its name in the manual.
    pub(crate) name: &'static str,
    /// The paths it is about.
    pub(crate) paths: Vec<String>,
    /// How it says how much it writes.
    pub(crate) extent: Extent,
    /// Whether a full disk refuses it.
    pub(crate) needs_room: bool,
    /// What the system answered; none before it did.
    pub(crate) answer: Option<i64>,
}

/// How a call says how much it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// It is done or not done.
    Whole,
    /// The length is this argument.
    Length(usize),
    /// An array of pieces, and their number in the argument after it.
    Pieces(usize),
}

/// Which arguments say what a call is about.
#[derive(Clone, Copy)]
enum Subject {
    Nothing,
    /// An open of one of the system's random devices.
    RandomDevice(usize),
    Descriptor(usize),
    Path(usize),
    Paths(usize, usize),
    /// A path, and the flags of an open.
    Opened(usize, usize),
    /// A descriptor, and what is done with its lock.
    Locked(usize, usize),
}

/// Room on the disk, as far as a call wants it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Needed,
    NotNeeded,
}

impl Call {
    /// The call that a thread is about to make, where it is one of those that are counted.
    pub(crate) fn at_entry(
        thread: Pid,
        registers: &user_regs_struct,
        among: Among,
    ) -> Option<Self> {
        let number = c_long::try_from(registers.orig_rax).ok()?;
        let known = match among {
            Among::Changes => CALLS,
            Among::Reads => READS,
            Among::Randomness => RANDOMNESS,
        };
        let (_, name, subject, extent, room) = known.iter().find(|known| known.0 == number)?;
        let argument = |index| argument(registers, index);
        let paths = match *subject {
            Subject::Nothing => Vec::new(),
            Subject::RandomDevice(path) => {
                let path = text(thread, argument(path));
                vec![matches!(&*path, "/dev/random" | "/dev/urandom").then_some(path)?]
            }
            Subject::Descriptor(index) => {
                let path = stored_path(thread, argument(index))?;
                let is_system = |path: &str| SYSTEM.iter().any(|root| path.starts_with(root));
                vec![(among != Among::Reads || !is_system(&path)).then_some(path)?]
            }
            Subject::Path(index) => vec![text(thread, argument(index))],
            Subject::Paths(from, to) => {
                vec![text(thread, argument(from)), text(thread, argument(to))]
            }
            Subject::Locked(index, operation) => {
                let locks = argument(operation) & libc::LOCK_UN as u64 == 0;
                vec![locks.then(|| stored_path(thread, argument(index))).flatten()?]
            }
            Subject::Opened(path, flags) => {
                let changes = argument(flags) & (libc::O_CREAT | libc::O_TRUNC) as u64 != 0;
                vec![changes.then(|| text(thread, argument(path)))?]
            }
        };
        Some(Call { name, paths, extent: *extent, needs_room: *room == Room::Needed, answer: None })
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.paths.join(" -> "))
    }
}

/// An argument of a system call.
pub(crate) fn argument(registers: &user_regs_struct, index: usize) -> u64 {
    let all =
        [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9];
    all[index]
}

/// Changes an argument of a system call.
pub(crate) fn set_argument(registers: &mut user_regs_struct, index: usize, value: u64) {
    let all = [
        &mut registers.rdi,
        &mut registers.rsi,
        &mut registers.rdx,
        &mut registers.r10,
        &mut registers.r8,
        &mut registers.r9,
    ];
    *all.into_iter().nth(index).expect("a call has six arguments") = value;
}

/// The path behind a descriptor, where that is a regular file or a folder, and not memory for secrets.
fn stored_path(thread: Pid, descriptor: u64) -> Option<String> {
    let link = format!("/proc/{thread}/fd/{}", descriptor as u32);
    let metadata = fs::metadata(&link).ok()?;
    let is_stored = metadata.is_file() || metadata.is_dir();
    let path = fs::read_link(&link).unwrap_or_default().to_string_lossy().into_owned();
    (is_stored && !path.starts_with("/secretmem")).then_some(path)
}

/// The text at an address, up to its zero byte.
fn text(thread: Pid, address: u64) -> String {
    let mut bytes = vec![0; libc::PATH_MAX as usize];
    let memory = fs::File::open(format!("/proc/{thread}/mem"));
    let read = memory.and_then(|memory| memory.read_at(&mut bytes, address)).unwrap_or(0);
    let text = bytes[..read].split(|byte| *byte == 0).next().unwrap_or_default();
    std::ffi::OsStr::from_bytes(text).to_string_lossy().into_owned()
}

/// What is under these the command does not read; what starts it does.
const SYSTEM: &[&str] = &["/usr/", "/lib", "/etc/", "/proc/", "/sys/"];

/// As [`CALLS`].
const READS: &[(c_long, &str, Subject, Extent, Room)] = {
    use Extent::{Length, Pieces};
    use Room::NotNeeded;
    use Subject::Descriptor;
    &[
        (libc::SYS_read, "read", Descriptor(0), Length(2), NotNeeded),
        (libc::SYS_pread64, "pread64", Descriptor(0), Length(2), NotNeeded),
        (libc::SYS_readv, "readv", Descriptor(0), Pieces(1), NotNeeded),
        (libc::SYS_preadv, "preadv", Descriptor(0), Pieces(1), NotNeeded),
        (libc::SYS_preadv2, "preadv2", Descriptor(0), Pieces(1), NotNeeded),
    ]
};

/// As [`CALLS`].
const RANDOMNESS: &[(c_long, &str, Subject, Extent, Room)] = {
    use Extent::Whole;
    use Room::NotNeeded;
    use Subject::{Nothing, RandomDevice};
    &[
        (libc::SYS_getrandom, "getrandom", Nothing, Whole, NotNeeded),
        (libc::SYS_open, "open", RandomDevice(0), Whole, NotNeeded),
        (libc::SYS_openat, "openat", RandomDevice(1), Whole, NotNeeded),
    ]
};

/// Number, name, subject, extent, and whether a full disk refuses it.
const CALLS: &[(c_long, &str, Subject, Extent, Room)] = {
    use Extent::{Length, Pieces, Whole};
    use Room::{Needed, NotNeeded};
    use Subject::{Descriptor, Locked, Opened, Path, Paths};
    &[
        (libc::SYS_write, "write", Descriptor(0), Length(2), Needed),
        (libc::SYS_pwrite64, "pwrite64", Descriptor(0), Length(2), Needed),
        (libc::SYS_writev, "writev", Descriptor(0), Pieces(1), Needed),
        (libc::SYS_pwritev, "pwritev", Descriptor(0), Pieces(1), Needed),
        (libc::SYS_pwritev2, "pwritev2", Descriptor(0), Pieces(1), Needed),
        (libc::SYS_copy_file_range, "copy_file_range", Descriptor(2), Length(4), Needed),
        (libc::SYS_sendfile, "sendfile", Descriptor(0), Length(3), Needed),
        (libc::SYS_fsync, "fsync", Descriptor(0), Whole, NotNeeded),
        (libc::SYS_fdatasync, "fdatasync", Descriptor(0), Whole, NotNeeded),
        (libc::SYS_ftruncate, "ftruncate", Descriptor(0), Whole, Needed),
        (libc::SYS_fallocate, "fallocate", Descriptor(0), Whole, Needed),
        (libc::SYS_ioctl, "ioctl", Descriptor(0), Whole, Needed),
        (libc::SYS_fchmod, "fchmod", Descriptor(0), Whole, NotNeeded),
        (libc::SYS_flock, "flock", Locked(0, 1), Whole, NotNeeded),
        (libc::SYS_open, "open", Opened(0, 1), Whole, Needed),
        (libc::SYS_openat, "openat", Opened(1, 2), Whole, Needed),
        (libc::SYS_creat, "creat", Path(0), Whole, Needed),
        (libc::SYS_rename, "rename", Paths(0, 1), Whole, Needed),
        (libc::SYS_renameat, "renameat", Paths(1, 3), Whole, Needed),
        (libc::SYS_renameat2, "renameat2", Paths(1, 3), Whole, Needed),
        (libc::SYS_link, "link", Paths(0, 1), Whole, Needed),
        (libc::SYS_linkat, "linkat", Paths(1, 3), Whole, Needed),
        (libc::SYS_symlink, "symlink", Path(1), Whole, Needed),
        (libc::SYS_symlinkat, "symlinkat", Path(2), Whole, Needed),
        (libc::SYS_unlink, "unlink", Path(0), Whole, NotNeeded),
        (libc::SYS_unlinkat, "unlinkat", Path(1), Whole, NotNeeded),
        (libc::SYS_rmdir, "rmdir", Path(0), Whole, NotNeeded),
        (libc::SYS_mkdir, "mkdir", Path(0), Whole, Needed),
        (libc::SYS_mkdirat, "mkdirat", Path(1), Whole, Needed),
        (libc::SYS_truncate, "truncate", Path(0), Whole, Needed),
        (libc::SYS_chmod, "chmod", Path(0), Whole, NotNeeded),
        (libc::SYS_fchmodat, "fchmodat", Path(1), Whole, NotNeeded),
    ]
};
