// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs a command under ptrace, and lets the N-th call that changes what is stored go wrong.
//!
//! The faults are as the system makes them: a killed process runs nothing more, a failed call does
//! nothing and gives its error, and a short write has written the part that it says.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};
use std::thread;

use nix::errno::Errno;
use nix::libc::{self, user_regs_struct};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::calls::{Among, Call, Extent, argument, set_argument};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed, and the call not made.
    KillBefore,
    /// The process is killed as soon as the call was made.
    KillAfter,
    /// The call is not made, and gives this error.
    Fail(Errno),
    /// A write or a read does half of what it was asked to. Other calls are left alone.
    Short,
    /// Somebody presses Ctrl-C (`SIGINT`), hangs up or terminates it, and the call is made.
    Signal(Signal),
    /// This call and every one after it is not made, and gives this error.
    Dead(Errno),
    /// The disk has room for half of this write, and for nothing after it.
    DiskFull,
}

impl Fault {
    /// Whether the process dies of it.
    pub(crate) fn kills(self) -> bool {
        matches!(self, Fault::KillBefore | Fault::KillAfter)
    }
}

/// A fault, and the call that it strikes: 1 is the first of those that are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shot {
    pub(crate) fault: Fault,
    pub(crate) at: usize,
    pub(crate) among: Among,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; none where it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    /// What it said.
    pub(crate) stderr: String,
    /// The calls that were counted, in their order, as far as they were begun.
    pub(crate) calls: Vec<Call>,
    /// Whether the call that was to be struck was reached.
    pub(crate) reached: bool,
    /// Whether the fault changed anything.
    pub(crate) fired: bool,
}

/// Runs a command to its end, with a fault or without.
///
/// # Errors
/// Where the system does not let one process trace another.
pub(crate) fn run(command: &Command, stdin: &[u8], shot: Option<Shot>) -> io::Result<Ended> {
    // The shell stops itself, and becomes the command once it is traced: no call of the command is
    // missed.
    let mut shell = Command::new("sh");
    shell.args(["-c", "kill -STOP $$; exec \"$0\" \"$@\""]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut child = shell.spawn()?;
    let process = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let mut pipe = child.stdin.take().expect("stdin is a pipe");
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        // A command that does not read to the end breaks the pipe, and that is its right.
        scope.spawn(move || pipe.write_all(stdin));
        let stdout = scope.spawn(move || read_all(&mut stdout));
        let stderr = scope.spawn(move || read_all(&mut stderr));
        let traced = Tracer::new(process, shot).follow();
        if traced.is_err() {
            // What is not traced would stay stopped for ever. Its end was not seen above.
            let _ = child.kill();
            child.wait()?;
        }
        let (tracer, code) = traced?;
        Ok(Ended {
            code,
            stdout: stdout.join().expect("reading does not panic"),
            stderr: String::from_utf8_lossy(&stderr.join().expect("reading does not panic")).into(),
            calls: tracer.calls,
            reached: tracer.reached,
            fired: tracer.fired,
        })
    })
}

/// Follows one process and all its threads.
struct Tracer {
    process: Pid,
    shot: Option<Shot>,
    /// Whether the shell has become the command.
    begun: bool,
    calls: Vec<Call>,
    reached: bool,
    fired: bool,
    full: bool,
    dead: Option<Errno>,
    /// The calls that threads are in, and what is to be done when they return.
    at_exit: HashMap<Pid, (usize, AtExit)>,
}

/// What is to be done when a call returns.
enum AtExit {
    Nothing,
    Kill,
    Return(Errno),
    /// The program's own registers and memory come back: it may rely on both.
    Restore(Box<user_regs_struct>, Vec<(u64, u64)>),
}

impl Tracer {
    fn new(process: Pid, shot: Option<Shot>) -> Self {
        Tracer {
            process,
            shot,
            begun: false,
            calls: Vec::new(),
            reached: false,
            fired: false,
            full: false,
            dead: None,
            at_exit: HashMap::new(),
        }
    }

    /// Follows it to its end. The exit code; none where it was killed.
    fn follow(mut self) -> nix::Result<(Self, Option<i32>)> {
        waitpid(self.process, Some(WaitPidFlag::WUNTRACED))?;
        let options = Options::PTRACE_O_EXITKILL
            | Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK;
        ptrace::seize(self.process, options)?;
        kill(self.process, Signal::SIGCONT)?;
        // Tests run in threads of one process: each waits for its own child alone.
        let ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let status = waitpid(None, Some(ours))?;
            let (thread, signal) = match status {
                WaitStatus::Exited(pid, code) if pid == self.process => {
                    return Ok((self, Some(code)));
                }
                WaitStatus::Signaled(pid, ..) if pid == self.process => return Ok((self, None)),
                WaitStatus::PtraceSyscall(thread) => {
                    ignore_death(self.at_call(thread))?;
                    (thread, None)
                }
                WaitStatus::PtraceEvent(thread, _, libc::PTRACE_EVENT_EXEC) => {
                    self.begun = true;
                    (thread, None)
                }
                WaitStatus::PtraceEvent(thread, ..) => (thread, None),
                WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
                // A thread that ended.
                _ => continue,
            };
            ignore_death(match self.begun {
                true => ptrace::syscall(thread, signal),
                false => ptrace::cont(thread, signal),
            })?;
        }
    }

    fn at_call(&mut self, thread: Pid) -> nix::Result<()> {
        match ptrace::syscall_info(thread)?.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY if self.begun => self.enter(thread),
            libc::PTRACE_SYSCALL_INFO_EXIT => self.exit(thread),
            _ => Ok(()),
        }
    }

    fn enter(&mut self, thread: Pid) -> nix::Result<()> {
        let registers = ptrace::getregs(thread)?;
        let among = self.shot.map_or(Among::Changes, |shot| shot.among);
        let Some(call) = Call::at_entry(thread, &registers, among) else { return Ok(()) };
        self.calls.push(call.clone());
        self.then(thread, AtExit::Nothing);
        if self.full && call.needs_room {
            return self.refuse(thread, registers, AtExit::Return(Errno::ENOSPC));
        }
        if let Some(errno) = self.dead {
            return self.refuse(thread, registers, AtExit::Return(errno));
        }
        let Some(shot) = self.shot.filter(|shot| shot.at == self.calls.len()) else {
            return Ok(());
        };
        self.reached = true;
        match shot.fault {
            Fault::KillBefore => self.refuse(thread, registers, AtExit::Kill)?,
            Fault::KillAfter => {
                self.fired = true;
                self.then(thread, AtExit::Kill);
            }
            Fault::Signal(signal) => {
                self.fired = true;
                kill(self.process, signal)?;
            }
            Fault::Dead(errno) => {
                self.dead = Some(errno);
                self.refuse(thread, registers, AtExit::Return(errno))?;
            }
            Fault::Fail(errno) => self.refuse(thread, registers, AtExit::Return(errno))?,
            Fault::Short => self.shorten(thread, registers, &call)?,
            Fault::DiskFull if !call.needs_room => {}
            Fault::DiskFull => {
                self.full = true;
                self.shorten(thread, registers, &call)?;
                if !self.fired {
                    self.refuse(thread, registers, AtExit::Return(Errno::ENOSPC))?;
                }
            }
        }
        Ok(())
    }

    /// Lets the call not be made: no system call has this number.
    fn refuse(
        &mut self,
        thread: Pid,
        mut registers: user_regs_struct,
        then: AtExit,
    ) -> nix::Result<()> {
        self.fired = true;
        registers.orig_rax = u64::MAX;
        ptrace::setregs(thread, registers)?;
        if matches!(then, AtExit::Kill) {
            return kill(self.process, Signal::SIGKILL);
        }
        self.then(thread, then);
        Ok(())
    }

    /// Lets a write write half of its bytes. One of a single byte cannot be short, and other calls
    /// are no writes.
    fn shorten(
        &mut self,
        thread: Pid,
        registers: user_regs_struct,
        call: &Call,
    ) -> nix::Result<()> {
        let mut shorter = registers;
        let mut memory = Vec::new();
        match call.extent {
            Extent::Whole => return Ok(()),
            Extent::Length(index) => {
                let length = argument(&registers, index);
                if length < 2 {
                    return Ok(());
                }
                set_argument(&mut shorter, index, length / 2);
            }
            Extent::Pieces(index) => {
                // The first piece alone, and half of it. A piece is an address and a length.
                let length_at = argument(&registers, index) + 8;
                let length = peek(thread, length_at)?;
                if length < 2 {
                    return Ok(());
                }
                poke(thread, length_at, length / 2)?;
                memory.push((length_at, length));
                set_argument(&mut shorter, index + 1, 1);
            }
        }
        self.fired = true;
        self.then(thread, AtExit::Restore(Box::new(registers), memory));
        ptrace::setregs(thread, shorter)
    }

    /// What is to be done when the call that the thread is in, the last one seen, returns.
    fn then(&mut self, thread: Pid, then: AtExit) {
        self.at_exit.insert(thread, (self.calls.len() - 1, then));
    }

    fn exit(&mut self, thread: Pid) -> nix::Result<()> {
        let Some((call, then)) = self.at_exit.remove(&thread) else { return Ok(()) };
        let mut registers = ptrace::getregs(thread)?;
        match then {
            AtExit::Nothing => {}
            AtExit::Kill => return kill(self.process, Signal::SIGKILL),
            AtExit::Return(errno) => {
                registers.rax = (-i64::from(errno as i32)).cast_unsigned();
                ptrace::setregs(thread, registers)?;
            }
            AtExit::Restore(own, memory) => {
                for (address, value) in memory {
                    poke(thread, address, value)?;
                }
                registers = user_regs_struct { rax: registers.rax, ..*own };
                ptrace::setregs(thread, registers)?;
            }
        }
        self.calls[call].answer = Some(registers.rax.cast_signed());
        Ok(())
    }
}

/// A thread that was killed meanwhile answers no more; its end is seen by waiting.
fn ignore_death(done: nix::Result<()>) -> nix::Result<()> {
    match done {
        Err(Errno::ESRCH) => Ok(()),
        other => other,
    }
}

fn peek(thread: Pid, address: u64) -> nix::Result<u64> {
    let mut bytes = [0; 8];
    let read = fs::File::open(format!("/proc/{thread}/mem"))
        .and_then(|memory| memory.read_exact_at(&mut bytes, address));
    read.map(|()| u64::from_ne_bytes(bytes)).map_err(errno)
}

fn poke(thread: Pid, address: u64, value: u64) -> nix::Result<()> {
    fs::File::options()
        .write(true)
        .open(format!("/proc/{thread}/mem"))
        .and_then(|memory| memory.write_all_at(&value.to_ne_bytes(), address))
        .map_err(errno)
}

fn errno(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

fn read_all(pipe: &mut Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // A pipe of a process that was killed ends like any other.
        let _ = pipe.read_to_end(&mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Copies eight bytes into a file with a program that is not ours, whose calls are known.
    fn copy_eight_bytes(folder: &Path, shot: Option<(Fault, usize)>) -> (Ended, Option<u64>) {
        let mut command = Command::new("dd");
        command.args(["if=/dev/zero", "of=copy", "bs=8", "count=1", "conv=fsync"]);
        command.env("LC_ALL", "C").current_dir(folder);
        let among = Among::Changes;
        let shot = shot.map(|(fault, at)| Shot { fault, at, among });
        let ended = run(&command, b"", shot).expect("the system lets us trace");
        (ended, fs::metadata(folder.join("copy")).ok().map(|copy| copy.len()))
    }

    #[test]
    fn faults_do_what_they_say() {
        let folder = || tempfile::tempdir().expect("a temporary folder");
        let (clean, len) = copy_eight_bytes(folder().path(), None);
        let names: Vec<_> = clean.calls.iter().map(|call| call.name).collect();
        assert_eq!(names, ["openat", "write", "fsync"]);
        assert_eq!((clean.code, len, clean.reached), (Some(0), Some(8), false));

        let full = "No space left on device";
        for (fault, at, code, len, said) in [
            (Fault::KillBefore, 1, None, None, ""),
            (Fault::KillAfter, 1, None, Some(0), ""),
            (Fault::KillBefore, 2, None, Some(0), ""),
            (Fault::KillAfter, 2, None, Some(8), ""),
            (Fault::Fail(Errno::ENOSPC), 1, Some(1), None, full),
            (Fault::Fail(Errno::EIO), 2, Some(1), Some(0), "Input/output error"),
            (Fault::Fail(Errno::EIO), 3, Some(1), Some(8), "Input/output error"),
            (Fault::Short, 2, Some(0), Some(8), "8 bytes"),
            (Fault::DiskFull, 1, Some(1), None, full),
            (Fault::DiskFull, 2, Some(1), Some(4), full),
        ] {
            let folder = folder();
            let (ended, found) = copy_eight_bytes(folder.path(), Some((fault, at)));
            let what = format!("{fault:?} at {at}: {}", ended.stderr);
            assert!(ended.reached && ended.fired, "{what}");
            assert_eq!((ended.code, found), (code, len), "{what}");
            assert!(ended.stderr.contains(said), "{what}");
        }
        let (short, _) = copy_eight_bytes(folder().path(), Some((Fault::Short, 2)));
        let answers: Vec<_> = short.calls.iter().map(|call| (call.name, call.answer)).collect();
        let two = [("write", Some(4)), ("write", Some(4))];
        assert_eq!(answers[1..3], two, "half is written, and then the other half");
    }

    #[test]
    fn a_call_that_is_not_reached_is_not_struck() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ended, _) = copy_eight_bytes(folder.path(), Some((Fault::KillBefore, 4)));
        assert_eq!((ended.code, ended.reached, ended.fired), (Some(0), false, false));
    }

    #[test]
    fn a_write_of_pieces_can_be_short_too() {
        use super::super::room::Room;
        let room = Room::new();
        room.ok(["keyset", "new", "--unprotected"]);
        room.write("work/a", [7; 100]);
        let seal = || room.command(["seal", "--force", "a"]);
        let pieces = |ended: &Ended| -> Vec<_> {
            let written = |call: &&Call| call.name == "pwritev";
            ended.calls.iter().filter(written).filter_map(|call| call.answer).collect()
        };
        let clean = run(&seal(), b"", None).expect("the system lets us trace");
        assert_eq!(pieces(&clean), [116], "the plaintext and a tag");
        let at = clean.calls.iter().position(|call| call.name == "pwritev").expect("one") + 1;
        let shot = Some(Shot { fault: Fault::Short, at, among: Among::Changes });
        let ended = run(&seal(), b"", shot).expect("the system lets us trace");
        assert!(ended.fired);
        assert_eq!(pieces(&ended), [58, 58]);
        room.opens("work/a.swx", &room.keyset("default"), &[7; 100]);
    }
}
