// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text inside the format: UTF-8 without control characters (format.md 2.1, 5.6, 8.2).

/// These bytes as text. `None` where they are not UTF-8 or have a control character.
#[inline(never)]
pub(crate) fn parse(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok().filter(|text| !has_control_character(text))
}

/// Whether there is one of U+0000 to U+001F and U+007F to U+009F.
///
/// Looks at bytes, which takes less code than characters: in UTF-8 the latter range begins with 0xc2, and that byte
/// begins nothing else.
pub(crate) fn has_control_character(text: &str) -> bool {
    let mut before = 0;
    text.bytes().any(|byte| {
        let found = byte < 0x20 || byte == 0x7f || (before == 0xc2 && byte < 0xa0);
        before = byte;
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_those_of_unicode() {
        for character in '\0'..='\u{10ffff}' {
            let mut bytes = [0; 4];
            let text = character.encode_utf8(&mut bytes);
            assert_eq!(has_control_character(text), character.is_control(), "{character:?}");
        }
    }
}
