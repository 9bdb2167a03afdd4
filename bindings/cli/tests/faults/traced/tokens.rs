// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealing tokens: what was printed opens, and was counted before.

use base64ct::{Base64UrlUnpadded, Encoding};
use sealwax::Context;

use super::matrix::{Scenario, USUAL, survives_every_fault};
use super::room::Room;

#[test]
fn a_token_that_was_printed_opens_and_is_counted() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            room.ok(["keyset", "new", "--unprotected"]);
        },
        arguments: &["token", "seal"],
        stdin: b"value",
        done: |room, _| assert!(room.messages("default") >= 1),
        printed: |room, stdout| open_and_counted(room, stdout, 1),
        ..USUAL
    });
}

#[test]
fn tokens_of_many_lines_open_and_are_counted() {
    survives_every_fault(&Scenario {
        prepare: |room| {
            room.ok(["keyset", "new", "--unprotected"]);
            room.run(["token", "seal"], b"value");
            room.ok(["keyset", "rotate"]);
        },
        arguments: &["token", "seal", "--lines"],
        stdin: &[b'\n'; 3000],
        done: |room, _| assert!(room.messages("default") >= 3001),
        printed: |room, stdout| open_and_counted(room, stdout, 3000),
        ..USUAL
    });
}

/// Each whole line is a token that opens, and the counters are not lower than their number.
fn open_and_counted(room: &Room, stdout: &[u8], most: usize) {
    let text = std::str::from_utf8(stdout).expect("text");
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let tokens: Vec<_> = whole.lines().collect();
    assert!(tokens.len() <= most);
    let keyset = room.keyset("default");
    for token in tokens.iter().take(20) {
        let token = Base64UrlUnpadded::decode_vec(token).expect("a token");
        keyset.open(&token, &Context::new()).expect("it opens");
    }
    assert!(room.messages("default") >= tokens.len() as u64, "{} were printed", tokens.len());
}
