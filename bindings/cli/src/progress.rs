// SPDX-License-Identifier: MIT OR Apache-2.0
//! Progress bars, for jobs that last, on terminals.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sealwax::stream::Control;

use crate::interrupt;

/// The progress of one job. It shows nothing before the job has lasted a moment.
pub(crate) struct Progress {
    name: Option<String>,
    /// How many files are expected, where files are counted and not bytes.
    files: Option<u64>,
    started: Instant,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    /// Of the job with this name; silent with `--quiet`, and where stderr is not a terminal.
    pub(crate) fn new(name: String, quiet: bool) -> Self {
        let name = (!quiet && std::io::stderr().is_terminal()).then_some(name);
        Progress { name, files: None, started: Instant::now(), bar: OnceLock::new() }
    }

    /// Of a job with this many files, or more if there turn out to be more.
    pub(crate) fn of_files(name: String, quiet: bool, expected: u64) -> Self {
        let mut progress = Progress::new(name, quiet);
        progress.files = Some(expected);
        progress
    }

    /// Writes to stderr while no bar is in the way.
    pub(crate) fn aside(&self, write: impl FnOnce()) {
        match self.bar.get() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }

    /// Says that `done` bytes are done, of a total that may be unknown.
    pub(crate) fn update(&self, done: u64, total: Option<u64>) {
        let Some(name) = &self.name else { return };
        if self.started.elapsed() < PATIENCE {
            return;
        }
        let Some(expected) = self.files else {
            self.bar.get_or_init(|| bar(name, total, KNOWN)).set_position(done);
            return;
        };
        let total = total.map(|total| total.max(expected));
        let bar = self.bar.get_or_init(|| bar(name, total, FILES));
        bar.set_length(total.unwrap_or(expected));
        bar.set_position(done);
    }
}

impl Control for Progress {
    fn progress(&self, done: u64, total: u64) {
        self.update(done, Some(total));
    }

    fn is_cancelled(&self) -> bool {
        interrupt::is_cancelled()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bar(name: &str, total: Option<u64>, known: &str) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let (bar, template) = match total {
        Some(total) => (ProgressBar::with_draw_target(Some(total), target), known),
        None => (ProgressBar::with_draw_target(None, target), UNKNOWN),
    };
    // The templates are constants, tried by a test below.
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_prefix(name.to_owned())
}

const KNOWN: &str = "{prefix} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}";
const FILES: &str = "{prefix} [{bar:30}] {pos}/{len} files {per_sec} {eta}";
const UNKNOWN: &str = "{prefix} {spinner} {bytes} {binary_bytes_per_sec} {elapsed}";
/// How long a job may last before anything is shown.
const PATIENCE: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_well_formed() {
        for template in [KNOWN, FILES, UNKNOWN] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
