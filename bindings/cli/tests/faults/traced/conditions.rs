// SPDX-License-Identifier: MIT OR Apache-2.0
//! A system that is unkind throughout: reads that fail, are short or are interrupted, no random bytes, little memory, few
//! files, small files, and a clock that is wrong. Whatever the command says then, nothing is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use nix::errno::Errno;

use super::calls::Among;
use super::injector::{self, Ended, Fault, Shot};
use super::matrix::{Scenario, check_again, check_counters, check_others};
use super::room::{Counters, Files, Room};
use super::table::{self, Outcome};

/// How the command is started, or what strikes it.
enum Condition {
    /// Each call of this kind is struck in turn.
    Strikes(Among, Fault),
    /// `ulimit` with these arguments.
    Limit(&'static str, u64),
    /// The clock is off by so many seconds.
    Clock(i64),
}

impl Condition {
    fn name(&self) -> String {
        match self {
            Condition::Strikes(among, fault) => format!("{among:?}: {fault:?}"),
            Condition::Limit(what, most) => format!("ulimit {what} {most}"),
            Condition::Clock(off) => format!("the clock is off by {off} s"),
        }
    }
}

/// How many faults struck, and all that did not hold.
pub(super) fn survives_all(
    scenario: &Scenario,
    arguments: &[String],
    prepared: &Room,
    before: &Files,
    counters: &Counters,
) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    for condition in CONDITIONS {
        for at in 1.. {
            assert!(at < 3000, "the command does not come to an end");
            let room = prepared.copy();
            let command = room.command(arguments);
            let Some(ended) = run(condition, at, command, scenario.stdin) else { break };
            let ended = Ended { stderr: room.plain(&ended.stderr), ..ended };
            count += 1;
            table::record(scenario.arguments, &condition.name(), Outcome::of(&ended));
            let check = || {
                check(scenario, arguments, &room, before, condition, &ended);
                check_counters(&room.counters(), counters);
            };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(check)) {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                let what = format!("{} at {at}", condition.name());
                wrong.push(format!("{what}: {said}\n  it said: {}", ended.stderr));
            }
            if !matches!(condition, Condition::Strikes(..)) {
                break;
            }
        }
    }
    (count, wrong)
}

/// `None` where there was nothing left to strike.
fn run(condition: &Condition, at: usize, command: Command, stdin: &[u8]) -> Option<Ended> {
    let (command, shot) = match condition {
        Condition::Strikes(among, fault) => {
            (command, Some(Shot { fault: *fault, at, among: *among }))
        }
        Condition::Limit(what, most) => {
            let script = format!("ulimit {what} {most} && exec \"$0\" \"$@\"");
            (wrapped(&command, &["sh", "-c", &script]), None)
        }
        Condition::Clock(off) => {
            let shim = clock_shim()?;
            let mut command = command;
            command.env("LD_PRELOAD", shim).env("SEALWAX_TEST_CLOCK", off.to_string());
            (command, None)
        }
    };
    let ended = injector::run(&command, stdin, shot).expect("the command runs");
    (shot.is_none() || ended.reached).then_some(ended)
}

/// The same command, started by another.
fn wrapped(command: &Command, by: &[&str]) -> Command {
    let mut wrapped = Command::new(by[0]);
    wrapped.args(&by[1..]).arg(command.get_program()).args(command.get_args());
    wrapped.current_dir(command.get_current_dir().expect("a room has a folder"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}

/// A library that moves the clock; `None` where there is no C compiler.
fn clock_shim() -> Option<&'static PathBuf> {
    static SHIM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = SHIM.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/clock.c");
        let shim = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("clock.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source);
        compiler.status().is_ok_and(|status| status.success()).then_some(shim)
    });
    if made.is_none() {
        eprintln!("skipped: the clock is not moved without a C compiler");
    }
    made.as_ref()
}

fn check(
    scenario: &Scenario,
    arguments: &[String],
    room: &Room,
    before: &Files,
    condition: &Condition,
    ended: &Ended,
) {
    assert!(!ended.stderr.contains("panicked"), "it panicked");
    let died = ended.code.is_none();
    // Little memory ends it, and a limit of file sizes does by a signal; aws-lc ends a process that has no random bytes for
    // an encapsulation.
    let may_die = matches!(
        condition,
        Condition::Limit("-v" | "-f", _) | Condition::Strikes(Among::Randomness, _)
    );
    assert!(!died || may_die, "it died");
    let kind = match condition {
        Condition::Strikes(Among::Reads, Fault::Fail(Errno::EINTR) | Fault::Short) => "harmless",
        Condition::Clock(_) => "clock",
        _ => "harmful",
    };
    match ended.code {
        Some(0) => (scenario.done)(room, before),
        Some(code) => {
            assert!(kind != "harmless", "exit code {code} for what every read must expect");
            // 2: a keyset that cannot be read is left out, and then somebody would lose a file. 5: a clock that runs
            // ahead or behind lets times restrict. 127: the system cannot even start it.
            let known = [1, 2, 4, 5, 6, 127].contains(&code);
            assert!(known, "exit code {code}");
        }
        None => {}
    }
    check_others(scenario, &room.files(), before, true);
    (scenario.holds)(room, before);
    (scenario.printed)(room, &ended.stdout);
    check_again(scenario, arguments, room, before, true);
}

const CONDITIONS: &[Condition] = &[
    Condition::Strikes(Among::Reads, Fault::Fail(Errno::EINTR)),
    Condition::Strikes(Among::Reads, Fault::Short),
    Condition::Strikes(Among::Reads, Fault::Fail(Errno::EIO)),
    Condition::Strikes(Among::Randomness, Fault::Dead(Errno::EPERM)),
    // Kilobytes of address space.
    Condition::Limit("-v", 12_000),
    Condition::Limit("-v", 24_000),
    Condition::Limit("-v", 90_000),
    // Blocks of 512 bytes that a file may have.
    Condition::Limit("-f", 0),
    Condition::Limit("-f", 1),
    Condition::Limit("-f", 20),
    // Files that are open at once.
    Condition::Limit("-n", 4),
    Condition::Limit("-n", 6),
    Condition::Limit("-n", 9),
    // Ten years behind, before 1970, ten years ahead.
    Condition::Clock(-315_360_000),
    Condition::Clock(-4_000_000_000),
    Condition::Clock(315_360_000),
];
