// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every fault at every call: a scenario is run again and again, each time on a fresh copy of the
//! same files, until the command ends before the fault strikes.

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::calls::{Among, Call};
use super::conditions;
use super::injector::{self, Ended, Fault, Shot};
use super::order;
use super::room::{Counters, Files, Room};
use super::table::{self, Outcome};

/// A command, and what must hold whatever happens to it.
pub(crate) struct Scenario {
    /// Fills the room that each run begins with.
    pub(crate) prepare: fn(&Room),
    /// What is run. `OLDER` stands for the version of the keyset `default` that is not its primary.
    pub(crate) arguments: &'static [&'static str],
    /// What it reads.
    pub(crate) stdin: &'static [u8],
    /// The files that it may change or make; all others stay as they are, byte for byte.
    pub(crate) changes: &'static [&'static str],
    /// What holds at any moment. Given are the files of the beginning.
    pub(crate) holds: fn(&Room, &Files),
    /// What holds when the command has done its work. Given are the files of the beginning.
    pub(crate) done: fn(&Room, &Files),
    /// What holds for what it printed, however far it came.
    pub(crate) printed: fn(&Room, &[u8]),
    /// What the same command does when it is run again.
    pub(crate) again: Again,
    /// The calls on some files when nothing disturbs it, in their order.
    pub(crate) calls: &'static [(&'static str, &'static [&'static str])],
    /// How many things it does, each of which can fail by itself when the disk is full.
    pub(crate) jobs: usize,
}

/// What most scenarios have in common.
pub(crate) const USUAL: Scenario = Scenario {
    prepare: |_| {},
    arguments: &[],
    stdin: b"",
    changes: &[],
    holds: |_, _| {},
    done: |_, _| {},
    printed: |_, _| {},
    again: Again::Succeeds,
    calls: &[],
    jobs: 1,
};

/// What a command does when it is run again after a fault.
#[derive(Clone, Copy)]
pub(crate) enum Again {
    /// It finishes the job, or does it once more.
    Succeeds,
    /// The same, unless this file appeared before: then it says so, and leaves it.
    RefusesToReplace(&'static str),
    /// The same, unless the job was done before: then it says this, and does not do it twice.
    RefusesWhenDone(fn(&Room, &Files) -> bool, i32, &'static str),
}

impl Scenario {
    pub(super) fn arguments(&self, room: &Room) -> Vec<String> {
        let older = room.older_version("default").map(|version| version.to_string());
        let fill = |argument: &&str| match (*argument, &older) {
            ("OLDER", Some(older)) => older.clone(),
            (argument, _) => argument.to_owned(),
        };
        self.arguments.iter().map(fill).collect()
    }
}

/// Injects every fault at every call, and fails with all that did not hold.
pub(crate) fn survives_every_fault(scenario: &Scenario) {
    let prepared = Room::new();
    (scenario.prepare)(&prepared);
    let (before, counters) = (prepared.files(), prepared.counters());
    let arguments = scenario.arguments(&prepared);
    let Some(clean) = undisturbed(scenario, &arguments, &prepared, &before) else { return };
    let mut wrong = Vec::new();
    let mut injected = 0;
    for fault in FAULTS {
        for at in 1.. {
            assert!(at < MOST_CALLS, "the command does not come to an end");
            let room = prepared.copy();
            let shot = Some(Shot { fault: *fault, at, among: Among::Changes });
            let command = room.command(&arguments);
            let ended = injector::run(&command, scenario.stdin, shot).expect("the command runs");
            let ended = Ended { stderr: room.plain(&ended.stderr), ..ended };
            if !ended.reached {
                break;
            }
            if !ended.fired {
                continue;
            }
            injected += 1;
            let struck = &ended.calls[at - 1];
            let what = format!("{fault:?} at call {at}, {struck}");
            table::record(scenario.arguments, &format!("{fault:?}"), Outcome::of(&ended));
            let check = || {
                check(scenario, &arguments, &room, &before, (*fault, at), &ended, &clean);
                check_counters(&room.counters(), &counters);
            };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(check)) {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                wrong.push(format!("{what}: {said}\n  it said: {}", ended.stderr));
            }
        }
    }
    let (more, worse) =
        conditions::survives_all(scenario, &arguments, &prepared, &before, &counters);
    injected += more;
    wrong.extend(worse);
    println!("{}: {injected} faults injected", arguments.join(" "));
    assert!(injected >= FAULTS.len(), "the faults found nothing to strike");
    let report = wrong.join("\n");
    assert!(wrong.is_empty(), "{} of {injected} faults:\n{report}", wrong.len());
}

/// The run that nothing disturbs: what it says, and that it makes things durable in the right
/// order.
fn undisturbed(
    scenario: &Scenario,
    arguments: &[String],
    prepared: &Room,
    before: &Files,
) -> Option<Ended> {
    let room = prepared.copy();
    let command = room.command(arguments);
    let ended = match injector::run(&command, scenario.stdin, None) {
        Ok(ended) => ended,
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("skipped: this system does not let a test trace a process: {error}");
            return None;
        }
        Err(error) => panic!("this system does not let a test trace a process: {error}"),
    };
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    (scenario.holds)(&room, before);
    (scenario.done)(&room, before);
    (scenario.printed)(&room, &ended.stdout);
    for (name, expected) in scenario.calls {
        let path = room.path(name).to_string_lossy().into_owned();
        let calls = ended.calls.iter().filter(|call| call.paths == [path.as_str()]);
        assert_eq!(calls.map(|call| call.name).collect::<Vec<_>>(), *expected, "{name}");
    }
    assert_eq!(order::mistake(&room, &ended.calls), None);
    Some(Ended { stderr: room.plain(&ended.stderr), ..ended })
}

fn check(
    scenario: &Scenario,
    arguments: &[String],
    room: &Room,
    before: &Files,
    (fault, at): (Fault, usize),
    ended: &Ended,
    clean: &Ended,
) {
    let killed = fault.kills();
    let struck = ended.calls[at - 1].name;
    let lines = match fault {
        Fault::DiskFull => 1..=scenario.jobs,
        // Whoever pressed Ctrl-C knows why nothing more happened.
        Fault::Signal(_) => 0..=1,
        _ => 1..=1,
    };
    check_saying(ended, clean, fault, lines);
    if matches!(fault, Fault::Fail(Errno::EIO | Errno::ENOSPC))
        && struck.ends_with("sync")
        && !gives_back(&ended.calls, at)
    {
        assert_eq!(ended.code, Some(IO), "what may not be durable was called a success");
    }
    let may_leave = killed || struck.starts_with("unlink");
    check_others(scenario, &room.files(), before, may_leave);
    (scenario.holds)(room, before);
    if ended.code == Some(0) {
        (scenario.done)(room, before);
    }

    (scenario.printed)(room, &ended.stdout);

    check_again(scenario, arguments, room, before, may_leave);
}

/// The command is run once more without a fault, and then nothing of the fault is left.
pub(super) fn check_again(
    scenario: &Scenario,
    arguments: &[String],
    room: &Room,
    before: &Files,
    may_leave: bool,
) {
    let (code, said) = match scenario.again {
        Again::RefusesToReplace(name) if room.has(name) && !before.contains_key(name) => {
            (IO, "exists already")
        }
        Again::RefusesWhenDone(is_done, code, said) if is_done(room, before) => (code, said),
        _ => (0, ""),
    };
    let again = room.run(arguments, scenario.stdin);
    assert_eq!(again.code, Some(code), "run again: {}", again.stderr);
    assert!(again.stderr.contains(said), "run again: {}", again.stderr);
    check_others(scenario, &room.files(), before, may_leave);
    (scenario.holds)(room, before);
    (scenario.done)(room, before);

    if !may_leave {
        return;
    }
    // What a killed process left is cleared, and nothing else.
    let recover = room.run(["recover", "-R", "."], b"");
    assert_eq!(recover.code, Some(0), "recover: {}", recover.stderr);
    check_others(scenario, &room.files(), before, false);
    (scenario.holds)(room, before);
    (scenario.done)(room, before);
}

/// Whether a call belongs to giving back what was leased and not used, after the work. It may fail
/// in silence: the counters are then too high.
fn gives_back(calls: &[Call], at: usize) -> bool {
    let counts = |call: &Call| call.paths.iter().any(|path| path.contains(".swxl."));
    let is_home = |call: &Call| call.paths.iter().all(|path| path.ends_with("/home"));
    let (before, after) = calls.split_at(at);
    let is_last = after.iter().all(|call| counts(call) || is_home(call) || call.name == "flock");
    let struck = &calls[at - 1];
    is_last && (counts(struck) || (is_home(struck) && before.iter().rev().take(3).any(counts)))
}

/// One line says what failed, and the exit code why. Notes and warnings may stand beside it.
fn check_saying(ended: &Ended, clean: &Ended, fault: Fault, lines: RangeInclusive<usize>) {
    assert!(!ended.stderr.contains("panicked"), "it panicked");
    let code = match (fault.kills(), ended.code) {
        (true, None) => return,
        (true, Some(code)) => panic!("it was to be killed, and ended with {code}"),
        (false, None) => panic!("it died of a signal"),
        (false, Some(code)) => code,
    };
    let is_note = |line: &&str| {
        line.starts_with("sealwax: warning: ") || clean.stderr.lines().any(|note| note == *line)
    };
    let said: Vec<_> = ended.stderr.lines().filter(|line| !is_note(line)).collect();
    if code == 0 {
        return assert!(said.is_empty(), "it succeeded, and said {said:?}");
    }
    let interrupted = match fault {
        Fault::Signal(signal) => code == 128 + signal as i32,
        _ => false,
    };
    assert!(code == IO || interrupted, "the system failed, and the exit code is {code}");
    assert!(lines.contains(&said.len()), "{lines:?} lines say what failed: {said:?}");
    assert!(said.iter().all(|line| line.starts_with("sealwax: ")), "{said:?}");
}

/// Nothing else was changed, and nothing unfinished stayed that could have been removed.
pub(super) fn check_others(scenario: &Scenario, now: &Files, before: &Files, may_leave: bool) {
    // Whatever the command does with a keyset, it may be counted.
    let may_change = |name: &str| name.ends_with(".swxl") || scenario.changes.contains(&name);
    for (name, bytes) in before {
        if !may_change(name) {
            assert!(now.get(name) == Some(bytes), "{name} was changed");
        }
    }
    for name in now.keys().filter(|name| !before.contains_key(*name)) {
        match is_unfinished(name) {
            true => assert!(may_leave, "{name} was left behind"),
            false => assert!(may_change(name), "{name} was made"),
        }
    }
}

/// No counter ran backwards.
pub(super) fn check_counters(now: &Counters, before: &Counters) {
    for (version, then) in before {
        let now = now.get(version).copied().unwrap_or_default();
        let is_kept = now.messages >= then.messages && now.bytes >= then.bytes;
        assert!(is_kept, "{version:?} was counted {then:?} and now {now:?}");
    }
}

/// Whether a name is one of a file that is not finished, or is in a folder that is not.
fn is_unfinished(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') && part.ends_with(".swx-tmp"))
}

const FAULTS: &[Fault] = &[
    Fault::KillBefore,
    Fault::KillAfter,
    Fault::Fail(Errno::ENOSPC),
    Fault::Fail(Errno::EIO),
    Fault::Fail(Errno::EINTR),
    Fault::Short,
    Fault::DiskFull,
    Fault::Signal(Signal::SIGINT),
    Fault::Signal(Signal::SIGTERM),
    Fault::Signal(Signal::SIGHUP),
];
/// The exit code where the system refused to read or to write.
pub(super) const IO: i32 = 6;
/// More than any of the commands makes.
const MOST_CALLS: usize = 2000;
