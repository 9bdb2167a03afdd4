// SPDX-License-Identifier: MIT OR Apache-2.0
//! Times for people: UTC, as RFC 3339 writes them; and how long something lasts.

use std::time::{Duration, UNIX_EPOCH};

use sealwax::rng::Now;

use crate::failure::{Failure, Result};

/// A time as it is given: a date, or so long from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// There is no such time.
    Never,
    /// Seconds since 1970.
    At(u64),
    /// Seconds from now.
    In(u64),
}

impl Moment {
    /// Reads `2027-01-31`, `2027-01-31T12:00:00Z`, `+90d` or `never`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            "a time is a date (2027-01-31), a date and a time in UTC (2027-01-31T12:00:00Z), a \
             duration from now (+90d), or never"
                .to_owned()
        };
        if text == "never" {
            return Ok(Moment::Never);
        }
        if let Some(duration) = text.strip_prefix('+') {
            return parse_duration(duration).map(Moment::In);
        }
        let whole = match text.len() {
            10 => format!("{text}T00:00:00Z"),
            _ => text.to_owned(),
        };
        let time = humantime::parse_rfc3339(&whole).map_err(|_| wrong())?;
        match time.duration_since(UNIX_EPOCH).map(|since| since.as_secs()) {
            // 0 is how the format writes that there is no time.
            Ok(0) | Err(_) => Err(wrong()),
            Ok(seconds) => Ok(Moment::At(seconds)),
        }
    }

    /// In seconds since 1970; `None` is never.
    pub(crate) fn seconds(self, now: Now) -> Result<Option<u64>> {
        match (self, now) {
            (Moment::Never, _) => Ok(None),
            (Moment::At(seconds), _) => Ok(Some(seconds)),
            (Moment::In(seconds), Now::Seconds(now)) => Ok(Some(now.saturating_add(seconds))),
            (Moment::In(_), Now::Unknown) => {
                Err(Failure::usage("the clock of this machine is not set").hint("give a date"))
            }
        }
    }
}

/// Reads a duration: `2y`, `90d`, `12h`, `1d 6h`. Not nothing.
pub(crate) fn parse_duration(text: &str) -> Result<u64, String> {
    match humantime::parse_duration(text).as_ref().map(Duration::as_secs) {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err("a duration is a number with a unit: 2y, 90d, 12h".into()),
    }
}

/// Seconds as a duration: days and smaller units, as [`parse_duration`] reads them.
pub(crate) fn duration_shown(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(n, _)| *n != 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if parts.is_empty() { "0s".into() } else { parts.join(" ") }
}

/// Seconds since 1970 as a date and a time; 0 is a time that nobody knew.
pub(crate) fn shown(seconds: u64) -> String {
    if seconds == 0 {
        return "unknown".into();
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Civil from days, with years that begin in March (H. S. Warren's and Hinnant's method).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_shown() {
        for (seconds, text) in [
            (1, "1970-01-01T00:00:01Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_234_567_890, "2009-02-13T23:31:30Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
        ] {
            assert_eq!(shown(seconds), text);
        }
    }

    #[test]
    fn times_are_read() {
        for (text, moment) in [
            ("never", Moment::Never),
            ("2009-02-13T23:31:30Z", Moment::At(1_234_567_890)),
            ("2000-03-01", Moment::At(951_868_800)),
            ("+90d", Moment::In(90 * 86_400)),
            ("+1d 6h", Moment::In(30 * 3_600)),
        ] {
            assert_eq!(Moment::parse(text), Ok(moment));
        }
        for text in ["", "+", "+0s", "90d", "1970-01-01", "1969-12-31", "2027-13-01", "tomorrow"] {
            assert!(Moment::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn durations_are_shown_as_they_are_read() {
        for seconds in [1, 59, 3_600, 86_400, 90 * 86_400, 63_115_200, 100_000] {
            assert_eq!(parse_duration(&duration_shown(seconds)), Ok(seconds));
        }
        assert_eq!(duration_shown(730 * 86_400), "730d");
    }
}
