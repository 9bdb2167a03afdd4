// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a keyset allows, and when it wants to be rotated.

use crate::kit::Room;

#[test]
fn a_policy_is_shown_and_set() {
    let room = Room::with_keyset();
    let policy = room.json(["keyset", "policy", "--json"]);
    assert_eq!(policy["rotate_after_seconds"], 730 * 86_400);
    assert_eq!(policy["rotate_after_messages"], 1_u64 << 46);
    assert_eq!(policy["rotate_after_bytes"], 1_u64 << 56);
    assert_eq!(policy["allow_raw_export"], false);
    let arguments = [
        "keyset",
        "policy",
        "--rotate-after",
        "90d",
        "--rotate-after-messages",
        "1000",
        "--rotate-after-bytes",
        "1TiB",
        "--algorithms",
        "cobblestone-256",
        "--allow-raw-export",
    ];
    let text = room.text(arguments);
    assert!(
        text.contains("rotate after 90d or 1000 messages or 1 TiB; cobblestone-256;"),
        "{text}"
    );
    assert!(text.contains("raw export allowed (revision 2)"), "{text}");
    // The same again is no change.
    assert!(!room.text(arguments).contains("revision"));
    let text = room.text(["keyset", "policy", "--rotate-after", "never", "--no-raw-export"]);
    assert!(text.contains("rotate after 1000 messages or 1 TiB"), "{text}");
    assert!(text.contains("raw export not allowed (revision 3)"), "{text}");
    let policy = room.json(["keyset", "policy", "--json"]);
    assert_eq!(policy["rotate_after_seconds"], serde_json::Value::Null);
    let never = ["--rotate-after-messages", "never", "--rotate-after-bytes", "never"];
    let text = room.text(["keyset", "policy"].iter().chain(&never));
    assert!(text.contains("rotate never by itself"), "{text}");
}

#[test]
fn what_a_policy_cannot_be_is_a_usage_error() {
    let room = Room::with_keyset();
    for (arguments, said) in [
        (&["--rotate-after", "soon"][..], "2y, 90d, 12h"),
        (&["--rotate-after", "0s"], "2y, 90d, 12h"),
        (&["--rotate-after-messages", "0"], "from 1 on"),
        (&["--rotate-after-bytes", "1 furlong"], "500GB, 1TiB"),
        (&["--algorithms", "rot13"], "cobblestone-256"),
        (&["--algorithms", "x25519"], "do not mix"),
        (&["--algorithms", "x25519,cobblestone-256"], "not both"),
        (&["--allow-raw-export", "--no-raw-export"], "cannot be used with"),
    ] {
        room.run(["keyset", "policy"].iter().chain(arguments)).fails(2, &[said]);
    }
    assert_eq!(room.json(["keyset", "show", "--json"])["revision"], 1);
}

#[test]
fn a_policy_decides_what_new_versions_are() {
    let room = Room::with_keyset();
    room.ok(["keyset", "policy", "--algorithms", "cobblestone-256"]);
    room.run(["keyset", "rotate", "--suite", "chacha20-poly1305"])
        .fails(2, &["policy does not allow this algorithm"]);
    room.ok(["keyset", "rotate", "--suite", "1"]);
    room.ok(["identity", "new", "-o", "me.swxk"]);
    room.run(["keyset", "rotate", "me.swxk", "--suite", "cobblestone-256"])
        .fails(2, &["policy does not allow this algorithm"]);
    let run = room.run(["keyset", "rotate", "./me.swxk", "--suite", "x25519", "--json"]);
    assert!(run.stderr.contains("`sealwax identity show ./me.swxk`"), "{}", run.stderr);
    let done: serde_json::Value = serde_json::from_slice(&run.ok()).expect("JSON");
    assert_eq!(done["versions"][0]["algorithm"], "x25519");
}

#[test]
fn what_is_due_is_listed() {
    let room = Room::with_keyset();
    assert!(!room.text(["keyset", "list"]).contains("DUE"));
    room.ok(["keyset", "policy", "--rotate-after-bytes", "1"]);
    room.ok_with(["token", "seal"], b"xy");
    assert!(room.text(["keyset", "list"]).contains("ROTATION DUE"));
    let list = room.json(["keyset", "list", "--json"]);
    assert_eq!(list[0]["rotation_due"], "the primary sealed as many bytes as the policy allows");
    room.ok(["keyset", "suspend", "default", "primary"]);
    assert!(room.text(["keyset", "list"]).contains("1 suspended  NO PRIMARY"));
}
