// SPDX-License-Identifier: MIT OR Apache-2.0
//! Amounts for people: bytes with their units, and numbers that may have no limit.

/// Reads a number of bytes: `4096`, `10GiB`, `1TiB`, `500MB`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || "bytes are a number, or one with a unit: 500GB, 1TiB".to_owned();
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().map_err(|_| wrong())?;
    let unit = text[end..].trim_start();
    let factor = match unit {
        "" | "B" => 1,
        _ => UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1,
    };
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// A number of bytes with the largest unit that it is a whole number of; with none, about as many.
pub(crate) fn bytes_shown(bytes: u64) -> String {
    let binary = UNITS.iter().rev().filter(|(name, _)| name.contains('i'));
    for (name, factor) in binary {
        if bytes >= *factor {
            return match bytes % factor {
                0 => format!("{} {name}", bytes / factor),
                _ => format!("{:.1} {name}", bytes as f64 / *factor as f64),
            };
        }
    }
    format!("{bytes} bytes")
}

/// A number; a large power of two as one.
pub(crate) fn count_shown(count: u64) -> String {
    match count.is_power_of_two() && count > 1 << 20 {
        true => format!("2^{}", count.trailing_zeros()),
        false => count.to_string(),
    }
}

/// Reads what has a limit, or `never`, which is 0.
pub(crate) fn or_never(
    text: &str,
    parse: impl FnOnce(&str) -> Result<u64, String>,
) -> Result<u64, String> {
    match text {
        "never" => Ok(0),
        _ => parse(text).map_err(|wrong| format!("{wrong}; or never")),
    }
}

/// Reads a number of messages.
pub(crate) fn parse_count(text: &str) -> Result<u64, String> {
    let power = || 1_u64.checked_shl(text.strip_prefix("2^")?.parse().ok()?);
    let count = text.parse().ok().or_else(power);
    count.filter(|count| *count > 0).ok_or_else(|| "a number from 1 on, or 2^N".into())
}

/// In ascending order.
const UNITS: [(&str, u64); 12] = [
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
    ("PB", 1_000_000_000_000_000),
    ("PiB", 1 << 50),
    ("EB", 1_000_000_000_000_000_000),
    ("EiB", 1 << 60),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_their_units() {
        for (text, bytes) in
            [("1", 1), ("1TiB", 1 << 40), ("2 GiB", 2 << 30), ("500MB", 500_000_000)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes));
        }
        for text in ["", "0", "TiB", "1 tib", "1.5GiB", "-1", "99999999EiB"] {
            assert!(parse_bytes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn whole_amounts_are_shown_as_they_are_read() {
        for text in ["1 KiB", "3 MiB", "65536 TiB", "1 EiB"] {
            let bytes = parse_bytes(text).expect("bytes");
            assert_eq!(parse_bytes(&bytes_shown(bytes)), Ok(bytes), "{text}");
        }
        assert_eq!(bytes_shown(1000), "1000 bytes");
        for count in [1, 1000, 1 << 20, 1 << 46, 1 << 63, u64::MAX] {
            assert_eq!(parse_count(&count_shown(count)), Ok(count));
        }
        assert_eq!(count_shown(1 << 46), "2^46");
        for text in ["", "0", "-1", "2^64", "2^", "1e6"] {
            assert!(parse_count(text).is_err(), "{text:?}");
        }
        assert_eq!(bytes_shown(1 << 56), "64 PiB");
    }
}
