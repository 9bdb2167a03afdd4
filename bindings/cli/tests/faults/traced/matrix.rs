// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every fault at every call: a scenario is run again and again, each time on a fresh copy of the
//! same files, until the command ends before the fault strikes.

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;

use super::injector::{self, Ended, Fault, Shot};
use super::order;
use super::room::{Files, Room};

/// A command, and what must hold whatever happens to it.
pub(crate) struct Scenario {
    /// Fills the room that each run begins with.
    pub(crate) prepare: fn(&Room),
    /// What is run.
    pub(crate) arguments: &'static [&'static str],
    /// What it reads.
    pub(crate) stdin: &'static [u8],
    /// The files that it may change or make; all others stay as they are, byte for byte.
    pub(crate) changes: &'static [&'static str],
    /// What holds at any moment. Given are the files of the beginning.
    pub(crate) holds: fn(&Room, &Files),
    /// What holds when the command has done its work. Given are the files of the beginning.
    pub(crate) done: fn(&Room, &Files),
    /// What the same command does when it is run again.
    pub(crate) again: Again,
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
    again: Again::Succeeds,
    jobs: 1,
};

/// What a command does when it is run again after a fault.
#[derive(Clone, Copy)]
pub(crate) enum Again {
    /// It finishes the job, or does it once more.
    Succeeds,
    /// The same, unless this file appeared before: then it says so, and leaves it.
    RefusesToReplace(&'static str),
}

/// Injects every fault at every call, and fails with all that did not hold.
pub(crate) fn survives_every_fault(scenario: &Scenario) {
    let prepared = Room::new();
    (scenario.prepare)(&prepared);
    let before = prepared.files();
    let Some(clean) = undisturbed(scenario, &prepared, &before) else { return };
    let mut wrong = Vec::new();
    let mut injected = 0;
    for fault in FAULTS {
        for at in 1.. {
            assert!(at < MOST_CALLS, "the command does not come to an end");
            let room = prepared.copy();
            let shot = Some(Shot { fault: *fault, at });
            let command = room.command(scenario.arguments);
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
            let check = || check(scenario, &room, &before, *fault, at, &ended, &clean);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(check)) {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                wrong.push(format!("{what}: {said}\n  it said: {}", ended.stderr));
            }
        }
    }
    println!("{}: {injected} faults injected", scenario.arguments.join(" "));
    assert!(injected >= FAULTS.len(), "the faults found nothing to strike");
    let report = wrong.join("\n");
    assert!(wrong.is_empty(), "{} of {injected} faults:\n{report}", wrong.len());
}

/// The run that nothing disturbs: what it says, and that it makes things durable in the right
/// order.
fn undisturbed(scenario: &Scenario, prepared: &Room, before: &Files) -> Option<Ended> {
    let room = prepared.copy();
    let command = room.command(scenario.arguments);
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
    assert_eq!(order::mistake(&room, &ended.calls), None);
    Some(Ended { stderr: room.plain(&ended.stderr), ..ended })
}

fn check(
    scenario: &Scenario,
    room: &Room,
    before: &Files,
    fault: Fault,
    at: usize,
    ended: &Ended,
    clean: &Ended,
) {
    let killed = fault.kills();
    let struck = ended.calls[at - 1].name;
    let lines = match fault {
        Fault::DiskFull => 1..=scenario.jobs,
        // Whoever pressed Ctrl-C knows why nothing more happened.
        Fault::Interrupt => 0..=1,
        _ => 1..=1,
    };
    check_saying(ended, clean, fault, lines);
    if matches!(fault, Fault::Fail(Errno::EIO | Errno::ENOSPC)) && struck.ends_with("sync") {
        assert_eq!(ended.code, Some(IO), "what may not be durable was called a success");
    }
    let may_leave = killed || struck.starts_with("unlink");
    check_others(scenario, &room.files(), before, may_leave);
    (scenario.holds)(room, before);
    if ended.code == Some(0) {
        (scenario.done)(room, before);
    }

    let refuses = match scenario.again {
        Again::Succeeds => false,
        Again::RefusesToReplace(name) => room.has(name) && !before.contains_key(name),
    };
    let again = room.run(scenario.arguments, scenario.stdin);
    match refuses {
        true => {
            assert_eq!(again.code, Some(IO), "run again: {}", again.stderr);
            assert!(again.stderr.contains("exists already"), "run again: {}", again.stderr);
        }
        false => assert_eq!(again.code, Some(0), "run again: {}", again.stderr),
    }
    check_others(scenario, &room.files(), before, may_leave);
    (scenario.holds)(room, before);
    (scenario.done)(room, before);
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
    let interrupted = fault == Fault::Interrupt && code == INTERRUPTED;
    assert!(code == IO || interrupted, "the system failed, and the exit code is {code}");
    assert!(lines.contains(&said.len()), "{lines:?} lines say what failed: {said:?}");
    assert!(said.iter().all(|line| line.starts_with("sealwax: ")), "{said:?}");
}

/// Nothing else was changed, and nothing unfinished stayed that could have been removed.
fn check_others(scenario: &Scenario, now: &Files, before: &Files, may_leave: bool) {
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

/// Whether a name is one of a file that is not finished.
fn is_unfinished(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or_default();
    name.starts_with('.') && name.ends_with(".swx-tmp")
}

const FAULTS: &[Fault] = &[
    Fault::KillBefore,
    Fault::KillAfter,
    Fault::Fail(Errno::ENOSPC),
    Fault::Fail(Errno::EIO),
    Fault::Fail(Errno::EINTR),
    Fault::ShortWrite,
    Fault::DiskFull,
    Fault::Interrupt,
];
/// The exit code where the system refused to read or to write.
const IO: i32 = 6;
/// The exit code after Ctrl-C.
const INTERRUPTED: i32 = 130;
/// More than any of the commands makes.
const MOST_CALLS: usize = 2000;
