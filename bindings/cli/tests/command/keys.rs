// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets, identities, passphrases: who opens what, and what is said about them.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::kit::{Room, Run, json};

#[test]
fn the_first_seal_makes_a_keyset_and_says_so() {
    let room = Room::new();
    room.write("a", "a");
    let run = room.run(["seal", "a"]);
    for said in ["there is no keyset yet", "default.swxk", "NOT PROTECTED", "no backup"] {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    let mode =
        |path: std::path::PathBuf| path.metadata().expect("it is").permissions().mode() & 0o777;
    assert_eq!((mode(room.home()), mode(room.home().join("default.swxk"))), (0o700, 0o600));
    let run = room.run(["seal", "-f", "a"]);
    let reminder =
        "sealwax: keyset default has no backup; make one with `sealwax keyset backup default`\n";
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), reminder));
}

#[test]
fn opening_makes_no_keyset() {
    let room = Room::new();
    let other = Room::with_keyset();
    room.write("a.swx", other.ok_with(["seal"], b"a"));
    room.run(["open", "a.swx"]).fails(5, &["no matching key"]);
    assert!(!room.home().exists());
}

#[test]
fn home_is_in_the_data_folder_of_xdg() {
    let room = Room::new();
    let script = "unset SEALWAX_HOME; XDG_DATA_HOME=$PWD/data $SEALWAX keyset new a --unprotected
        HOME=$PWD/user $SEALWAX keyset new b --unprotected";
    Run::of(room.shell(script)).ok();
    let expected = ["data/sealwax/a.swxk", "user/.local/share/sealwax/b.swxk"];
    assert_eq!(room.names(), expected);
}

#[test]
fn a_keyset_is_a_name_or_a_file() {
    let room = Room::with_keyset();
    room.ok(["keyset", "new", "work", "--unprotected"]);
    room.ok(["keyset", "new", "work", "--unprotected", "-o", "file.swxk"]);
    room.run(["keyset", "new", "work", "--unprotected"])
        .fails(6, &["exists already", "never replaced"]);
    room.write("a", "a");
    room.ok(["seal", "-k", "work", "-k", "./file.swxk", "a"]);
    for keyset in ["work", "file.swxk"] {
        assert_eq!(room.ok(["open", "-k", keyset, "-o", "-", "a.swx"]), b"a");
    }
    // Without -k the recipients decide: `work` is in the home folder.
    assert_eq!(room.ok(["open", "-o", "-", "a.swx"]), b"a");
}

#[test]
fn keysets_are_listed_and_shown() {
    let room = Room::new();
    assert_eq!(room.ok(["keyset", "list", "--json"]), b"[]\n");
    room.write_secret("p", "pass\n");
    room.ok(["keyset", "new", "open", "--unprotected", "--suite", "chacha20-poly1305"]);
    room.ok(["keyset", "new", "shut", "--passphrase-file", "p"]);
    let list: Value = json(&room.ok(["keyset", "list", "--json"]));
    assert_eq!(list[0]["name"], "open");
    assert_eq!(list[0]["protected"], false);
    assert_eq!(list[1]["recipients"][0], "passphrase");
    assert_eq!(list[1]["revision"], 1);
    let text = String::from_utf8(room.ok(["keyset", "list"])).expect("text");
    assert!(text.contains("NOT PROTECTED") && text.contains("sealed for: passphrase"), "{text}");

    let open: Value = json(&room.ok(["keyset", "show", "open", "--json"]));
    assert_eq!(open["versions"][0]["algorithm"], "chacha20-poly1305");
    assert_eq!(open["versions"][0]["state"], "active");
    assert_eq!(open["versions"][0]["primary"], true);
    assert!(open["versions"][0]["created"].as_u64().expect("a time") > 1_600_000_000);
    let shut: Value = json(&room.ok(["keyset", "show", "shut", "--json"]));
    assert!(shut.get("versions").is_none());
    let text = room.ok(["keyset", "show", "shut", "--passphrase-file", "p"]);
    assert!(
        String::from_utf8_lossy(&text).contains("cobblestone-256  active, primary  created 20")
    );
    std::fs::write(room.home().join("bad.swxk"), "bad").expect("written");
    let run = room.run(["keyset", "list"]);
    assert_eq!(String::from_utf8_lossy(&run.stdout).lines().count(), 2);
    assert!(run.code != Some(0) && run.stderr.contains("bad.swxk"), "{}", run.stderr);
}

#[test]
fn a_sealed_keyset_needs_its_passphrase() {
    let room = Room::new();
    room.write_secret("p", "correct horse\r\n");
    room.write_secret("same", "correct horse");
    room.write_secret("wrong", "battery staple");
    room.ok(["keyset", "new", "--passphrase-file", "p"]);
    room.write("a", "a");
    room.run(["seal", "a"]).fails(5, &["sealed with a passphrase", "--keyset-passphrase-file"]);
    room.ok(["seal", "--keyset-passphrase-file", "same", "a"]);
    room.run(["open", "a.swx"]).fails(5, &["sealed with a passphrase"]);
    room.run(["open", "--passphrase-file", "wrong", "a.swx"]).fails(3, &["wrong passphrase"]);
    assert_eq!(room.ok(["open", "--passphrase-file", "p", "-o", "-", "a.swx"]), b"a");
    let keyset = ["-k", "default", "--passphrase-file", "p", "-o", "-", "a.swx"];
    assert_eq!(room.ok(["open"].into_iter().chain(keyset)), b"a");
}

#[test]
fn an_unprotected_keyset_in_place_of_a_sealed_one_is_refused() {
    let room = Room::with_keyset();
    room.write_secret("p", "pass");
    room.write("a", "a");
    for option in ["--passphrase-file", "--keyset-passphrase-file"] {
        let run = room.run(["seal", "-k", "default", option, "p", "a"]);
        run.fails(2, &["default.swxk: this keyset is not protected"]);
    }
    assert_eq!(room.names(), ["a", "p"]);
}

#[test]
fn a_passphrase_seals_without_a_keyset() {
    let room = Room::new();
    room.write_secret("p", "pass\n");
    room.write_secret("wrong", "no\n");
    room.write("a", "a");
    room.ok(["seal", "--passphrase-file", "p", "a"]);
    assert!(!room.home().exists());
    assert_eq!(room.ok(["open", "--passphrase-file", "p", "-o", "-", "a.swx"]), b"a");
    room.run(["open", "--passphrase-file", "wrong", "-o", "-", "a.swx"])
        .fails(3, &["cannot decrypt"]);
    room.run(["open", "-o", "-", "a.swx"]).fails(5, &["with a passphrase", "--passphrase-file"]);
    let script = "$SEALWAX open --passphrase-fd 7 -o - a.swx 7<p && \
        cat p | { exec 8<&0; $SEALWAX open --passphrase-fd 8 -o - a.swx; }";
    assert_eq!(Run::of(room.shell(script)).ok(), b"aa");
}

#[test]
fn passphrase_files_are_checked() {
    let room = Room::new();
    room.write("a", "a");
    room.write_secret("empty", "\n");
    room.write_secret("bytes", b"\xff\xff");
    room.write_secret("long", "x".repeat(70_000));
    for (name, said) in [("empty", "is empty"), ("bytes", "not UTF-8"), ("long", "longer than")] {
        room.run(["seal", "--passphrase-file", name, "a"]).fails(2, &[name, said]);
    }
    room.run(["seal", "--passphrase-file", "none", "a"]).fails(6, &["none: no such file"]);
    room.run(["seal", "--passphrase-fd", "77", "a"]).fails(6, &["/dev/fd/77"]);
}

#[test]
fn secrets_that_others_can_read_are_warned_about() {
    let room = Room::with_keyset();
    room.write("a", "a");
    let keyset = room.home().join("default.swxk");
    std::fs::set_permissions(&keyset, PermissionsExt::from_mode(0o644)).expect("mode");
    let run = room.run(["seal", "a"]);
    assert!(run.stderr.contains("open to others (mode 644)"), "{}", run.stderr);
    room.write("p", "pass");
    let run = room.run(["open", "-f", "--passphrase-file", "p", "a.swx"]);
    assert!(run.stderr.contains("p: this passphrase file is open to others"), "{}", run.stderr);
    assert_eq!(run.code, Some(0));
}

#[test]
fn identities_open_what_is_sealed_for_them() {
    let room = Room::new();
    room.write("a", "a");
    for algorithm in [&[][..], &["--x25519"]] {
        let new = ["identity", "new", "-o", "id.swxk"].iter().chain(algorithm);
        let recipient = String::from_utf8(room.ok(new)).expect("text");
        assert!(recipient.starts_with("sealwaxpub1"));
        assert_eq!(room.ok(["identity", "show", "id.swxk"]), recipient.as_bytes());
        let secret = room.ok(["identity", "show", "--secret", "id.swxk"]);
        assert!(secret.starts_with(b"SEALWAX-SECRET-1"));
        room.write_secret("id.txt", [b"# mine\n\n".as_slice(), &secret].concat());
        assert_eq!(room.ok(["identity", "show", "id.txt"]), recipient.as_bytes());
        room.write("friends", format!("# friends\n\n{recipient}"));
        room.ok(["seal", "-f", "-r", recipient.trim(), "a"]);
        room.ok(["seal", "-f", "-r", "friends", "-o", "b.swx", "a"]);
        for sealed in ["a.swx", "b.swx"] {
            for identity in ["id.swxk", "id.txt"] {
                assert_eq!(room.ok(["open", "-i", identity, "-o", "-", sealed]), b"a");
            }
            room.run(["open", "-o", "-", sealed]).fails(5, &["sealed for the x", "-i"]);
        }
        std::fs::remove_file(room.path("id.swxk")).expect("removed");
    }
    assert!(!room.home().exists(), "no keyset is made for a public key");
}

#[test]
fn an_identity_with_a_passphrase_needs_it() {
    let room = Room::new();
    room.write("a", "a");
    room.write_secret("p", "pass");
    let recipient = room.ok(["identity", "new", "-o", "id", "--passphrase-file", "p"]);
    room.write("id.pub", recipient);
    room.ok(["seal", "-r", "id.pub", "a"]);
    room.run(["open", "-i", "id", "-o", "-", "a.swx"]).fails(5, &["id: ", "passphrase"]);
    assert_eq!(room.ok(["open", "-i", "id", "--passphrase-file", "p", "-o", "-", "a.swx"]), b"a");
}

#[test]
fn a_secret_is_not_a_recipient() {
    let room = Room::new();
    room.write("a", "a");
    room.ok(["identity", "new", "--x25519", "-o", "id.swxk"]);
    let secret = room.ok(["identity", "show", "--secret", "id.swxk"]);
    room.write_secret("id.txt", &secret);
    let text = String::from_utf8(secret).expect("text");
    room.run(["seal", "-r", text.trim(), "a"]).fails(2, &["secret identity"]);
    let run = room.run(["seal", "-r", "id.txt", "a"]);
    run.fails(2, &["secret identity"]);
    assert!(!run.stderr.contains(text.trim()));
    room.run(["seal", "-r", "a", "a"]).fails(4, &["a: "]);
    room.write("a.swx", "x");
    room.run(["open", "-i", "a", "a.swx"]).fails(4, &["a: "]);
}

#[test]
fn weak_recipients_beside_strong_ones_need_an_override() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.write("pub", room.ok(["identity", "new", "--x25519", "-o", "id.swxk"]));
    room.run(["seal", "-k", "default", "-r", "pub", "a"]).fails(2, &["weakens"]);
    assert!(!room.path("a.swx").exists());
    room.ok(["seal", "--mix", "-k", "default", "-r", "pub", "a"]);
    for keys in [["-k", "default"], ["-i", "id.swxk"]] {
        assert_eq!(room.ok(["open", "-o", "-", "a.swx"].iter().chain(&keys)), b"a");
    }
}
