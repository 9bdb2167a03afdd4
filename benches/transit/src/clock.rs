// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a piece of work takes of the processor, and medians of it.

use rustix::time::{ClockId, clock_gettime};

/// Seconds that this thread was on a processor for `work`.
pub(crate) fn thread_time(work: impl FnOnce()) -> f64 {
    time_of(ClockId::ThreadCPUTime, work)
}

/// Seconds that all threads were on processors for `work`.
pub(crate) fn process_time(work: impl FnOnce()) -> f64 {
    time_of(ClockId::ProcessCPUTime, work)
}

fn time_of(clock: ClockId, work: impl FnOnce()) -> f64 {
    let now = || {
        let now = clock_gettime(clock);
        now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
    };
    let begin = now();
    work();
    (now() - begin).max(1e-9)
}

pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Median of one subject's times, and of their ratios to the first subject's in the same round.
pub(crate) fn median_and_ratio(rounds: &[Vec<f64>], subject: usize) -> (f64, f64) {
    let own = rounds.iter().map(|times| times[subject]).collect();
    let ratios = rounds.iter().map(|times| times[subject] / times[0]).collect();
    (median(own), median(ratios))
}
