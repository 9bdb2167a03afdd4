// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a version was used for (format.md 8.7).

/// How often a version sealed, and how often what claimed to be sealed under it did not open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages sealed: tokens, and data keys wrapped. What is leased counts as used until it is given back.
    pub messages: u64,
    /// Bytes of plaintext in them.
    pub bytes: u64,
    /// Tokens that named the version and did not open.
    pub failed_opens: u64,
}

impl Usage {
    /// Whether the version comes near the limits where it stops: 2^47 messages or 2^57 bytes (format.md 8.7c).
    pub fn is_near_limit(&self) -> bool {
        self.messages >= MAX_MESSAGES / 2 || self.bytes >= MAX_BYTES / 2
    }
}

/// Messages that a version seals at most (format.md 8.7c).
pub(crate) const MAX_MESSAGES: u64 = 1 << 48;
/// Bytes that a version seals at most (format.md 8.7c).
pub(crate) const MAX_BYTES: u64 = 1 << 58;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_either_limit_is_near_it() {
        let usage = |messages, bytes| Usage { messages, bytes, failed_opens: u64::MAX };
        for (messages, bytes, is_near) in [
            (0, 0, false),
            ((1 << 47) - 1, (1 << 57) - 1, false),
            (1 << 47, 0, true),
            (0, 1 << 57, true),
            (1 << 48, 1 << 58, true),
        ] {
            assert_eq!(usage(messages, bytes).is_near_limit(), is_near, "{messages} {bytes}");
        }
    }
}
