// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax doctor`.

use std::fmt::Write;

use clap::Args;
use sealwax::rng::{OsRandom, Random};
use sealwax::secret::{Outcome as Granted, Protection};
use serde_json::{Map, Value, json};

use super::Outcome;
use crate::console;
use crate::exit::Exit;
use crate::failure::Result;

/// Options of `sealwax doctor`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Exit with 1 where anything is off.
    #[arg(long)]
    strict: bool,
}

/// One protection: its name for programs and for people, and what was found.
struct Finding {
    name: &'static str,
    label: &'static str,
    is_on: bool,
    detail: String,
}

impl Doctor {
    /// Looks, and says what it found.
    pub(crate) fn run(self) -> Result<Outcome> {
        let findings = findings();
        match self.json {
            true => console::print(&format!("{}\n", to_json(&findings)))?,
            false => console::print(&to_text(&findings))?,
        }
        let is_well = findings.iter().all(|finding| finding.is_on);
        Ok(if self.strict && !is_well { Err(Exit::Other) } else { Ok(()) })
    }
}

fn findings() -> Vec<Finding> {
    let found = |name, label, is_on, detail: String| Finding { name, label, is_on, detail };
    let granted = |name, label, outcome| match outcome {
        Granted::On => found(name, label, true, String::new()),
        Granted::Off(why) => found(name, label, false, why.into()),
    };
    let Protection { locked, secret_memory, no_dump, gone_on_fork, guarded, .. } =
        sealwax::memory_protection();
    let random = match OsRandom.fill(&mut [0; 32]) {
        Ok(()) => found("random", "random source", true, "the system's".into()),
        Err(error) => found("random", "random source", false, error.to_string()),
    };
    let mut findings = vec![
        random,
        granted("locked", "keys stay out of swap", locked),
        granted("secret_memory", "keys are unreadable from outside", secret_memory),
        granted("no_dump", "keys stay out of core dumps", no_dump),
        granted("gone_on_fork", "keys are gone in a forked child", gone_on_fork),
        granted("guarded", "keys lie between guard pages", guarded),
    ];
    #[cfg(target_os = "linux")]
    findings.extend(
        linux::findings().map(|(name, label, is_on, detail)| found(name, label, is_on, detail)),
    );
    findings
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::read_to_string;

    use rustix::process::{Resource, getrlimit};

    type Found = (&'static str, &'static str, bool, String);

    /// What the machine does with memory: what else holds plaintext and passphrases.
    pub(super) fn findings() -> [Found; 4] {
        [lock_limit(), core_dumps(), ptrace(), swap()]
    }

    fn lock_limit() -> Found {
        let status = read_to_string("/proc/self/status").unwrap_or_default();
        let used = status.lines().find_map(|line| line.strip_prefix("VmLck:"));
        let used = used.map_or("unknown", str::trim);
        let limit = getrlimit(Resource::Memlock).current;
        // What a thousand keys take.
        let is_on = limit.is_none_or(|limit| limit >= 64 * 1024);
        let limit = limit.map_or("none".into(), |limit| format!("{} kB", limit / 1024));
        ("lock_limit", "limit of locked memory", is_on, format!("{limit}, used: {used}"))
    }

    fn core_dumps() -> Found {
        let limit = getrlimit(Resource::Core).current;
        let to = read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
        // A program that takes core dumps gets them whatever the limit is, but for 1.
        let is_on = limit == Some(0) && !to.starts_with('|');
        let detail = match is_on {
            true => String::new(),
            false => format!(
                "a crash writes plaintext and passphrases to {}; set `ulimit -c 0`",
                to.trim()
            ),
        };
        ("core_dumps", "no core dumps", is_on, detail)
    }

    fn ptrace() -> Found {
        let scope = read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
        let detail = match scope.trim() {
            "" => "this kernel lets every process of a user debug every other".into(),
            "0" => "kernel.yama.ptrace_scope is 0: processes of a user may debug each other".into(),
            other => format!("kernel.yama.ptrace_scope is {other}"),
        };
        ("ptrace", "no debugging by strangers", !matches!(scope.trim(), "" | "0"), detail)
    }

    fn swap() -> Found {
        let swaps = read_to_string("/proc/swaps").unwrap_or_default();
        let count = swaps.lines().skip(1).count();
        let detail = match count {
            0 => String::new(),
            _ => "plaintext and passphrases may be written to it; encrypt it".into(),
        };
        ("swap", "no swap", count == 0, detail)
    }
}

fn to_text(findings: &[Finding]) -> String {
    let mut text = format!("     {:34}{}\n", "cipher backend", sealwax::BACKEND);
    for Finding { label, is_on, detail, .. } in findings {
        let state = if *is_on { "on" } else { "OFF" };
        let _ = writeln!(text, "{}", format!("{state:<5}{label:<34}{detail}").trim_end());
    }
    text
}

fn to_json(findings: &[Finding]) -> Value {
    let mut object = Map::new();
    object.insert("backend".into(), sealwax::BACKEND.into());
    for Finding { name, is_on, detail, .. } in findings {
        object.insert((*name).into(), json!({ "on": is_on, "detail": detail }));
    }
    object.into()
}

const EXAMPLES: &str = "\
Keys that are held for long have memory of their own. Passphrases and plaintext do not; they are wiped after use, and what the
machine does with a crash or with swap matters to them.

Examples:
  sealwax doctor
  sealwax doctor --json --strict";
