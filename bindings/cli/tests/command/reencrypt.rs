// SPDX-License-Identifier: MIT OR Apache-2.0
//! New data keys for sealed files, and what opens under a compromised version.

use std::os::unix::fs::PermissionsExt;

use crate::kit::{CHUNK, Room, json, lines, noise};

#[test]
fn reencrypt_changes_every_byte_that_a_data_key_made_and_keeps_the_rest() {
    let room = Room::with_keyset();
    let plaintext = noise(9 * CHUNK + 3);
    room.write("a", &plaintext);
    std::fs::set_permissions(room.path("a"), std::fs::Permissions::from_mode(0o640)).expect("mode");
    room.ok(["seal", "--context", "purpose=backup", "--external", "host=db1", "a"]);
    let before = room.read("a.swx");
    let context = ["--context", "host=db1"];
    let run = room.ok([&["reencrypt", "--json", "--in-place", "a.swx"][..], &context].concat());
    let value = json(&run);
    assert_eq!(
        (&value["plaintext_len"], &value["unauthentic"]),
        (&plaintext.len().into(), &false.into())
    );
    let after = room.read("a.swx");
    assert_eq!(before.len(), after.len());
    assert_ne!(before[2000..3000], after[2000..3000]);
    let shown = json(&room.ok(["inspect", "--json", "a.swx"]));
    assert_eq!(shown["stored_context"]["purpose"], "backup");
    assert_eq!(room.ok([&["open", "-o", "-", "a.swx"][..], &context].concat()), plaintext);
    let mode = room.path("a.swx").metadata().expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(room.names(), ["a", "a.swx"]);
}

#[test]
fn reencrypt_never_loses_a_file_without_being_told() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.ok(["seal", "a"]);
    room.run(["reencrypt", "a.swx"]).fails(2, &["--in-place", "-o"]);
    room.run(["reencrypt", "-o", "b", "--in-place", "a.swx"]).fails(2, &["cannot be used"]);
    room.write("b", "precious");
    room.run(["reencrypt", "-o", "b", "a.swx"]).fails(6, &["b: exists already", "--force"]);
    assert_eq!(room.read("b"), b"precious");
    let mut bad = room.read("a.swx");
    let at = bad.len() - 3;
    bad[at] ^= 1;
    room.write("bad.swx", &bad);
    room.run(["reencrypt", "--in-place", "bad.swx"]).fails(3, &["bad.swx: cannot decrypt"]);
    assert_eq!(room.read("bad.swx"), bad);
    room.run(["reencrypt", "--in-place", "-"]).fails(2, &["not a regular file"]);
    assert_eq!(room.names(), ["a", "a.swx", "b", "bad.swx"]);
}

#[test]
fn reencrypt_says_whom_a_file_would_be_lost_to() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.write("pub", room.ok(["identity", "new", "-o", "id.swxk"]));
    room.ok(["seal", "-k", "default", "-r", "pub", "a"]);
    let run = room.run(["reencrypt", "--in-place", "a.swx"]);
    run.fails(2, &["would lose this file", "x-wing recipient", "--add", "--to"]);
    room.ok(["reencrypt", "--in-place", "--add", "pub", "a.swx"]);
    assert_eq!(room.ok(["open", "-i", "id.swxk", "-o", "-", "a.swx"]), b"a");
    assert_eq!(room.ok(["open", "-k", "default", "-o", "-", "a.swx"]), b"a");
    room.ok(["reencrypt", "--in-place", "-i", "id.swxk", "-k", "default", "a.swx"]);
    assert_eq!(room.ok(["open", "-i", "id.swxk", "-o", "-", "a.swx"]), b"a");
    room.ok(["reencrypt", "--in-place", "--to-keyset", "default", "a.swx"]);
    room.run(["open", "-i", "id.swxk", "-o", "-", "a.swx"]).fails(5, &["no matching key"]);
    assert_eq!(room.ok(["open", "-o", "-", "a.swx"]), b"a");
}

#[test]
fn reencrypt_takes_the_primary_version_and_a_new_passphrase() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.ok(["seal", "a"]);
    let old = room.read("a.swx");
    room.ok(["keyset", "rotate"]);
    room.ok(["reencrypt", "--in-place", "a.swx"]);
    let done = json(&room.ok(["rewrap", "--json", "a.swx"]));
    assert_eq!(done["current"], 1);
    assert_ne!(old, room.read("a.swx"));
    room.write_secret("old", "old");
    room.write_secret("new", "new");
    room.ok(["seal", "--passphrase-file", "old", "-o", "p.swx", "a"]);
    room.ok(["reencrypt", "--in-place", "--passphrase-file", "old", "p.swx"]);
    assert_eq!(room.ok(["open", "--passphrase-file", "old", "-o", "-", "p.swx"]), b"a");
    let passphrases = ["--passphrase-file", "old", "--new-passphrase-file", "new"];
    room.ok([&["reencrypt", "--in-place", "p.swx"][..], &passphrases].concat());
    assert_eq!(room.ok(["open", "--passphrase-file", "new", "-o", "-", "p.swx"]), b"a");
    room.run(["open", "--passphrase-file", "old", "-o", "-", "p.swx"]).fails(3, &[]);
}

#[test]
fn a_folder_is_reencrypted_beside_or_in_place() {
    let room = Room::with_keyset();
    for name in ["d/a", "d/e/b", "d/e/c"] {
        room.write(name, name);
    }
    room.ok(["seal", "-q", "-R", "d", "-o", "."]);
    std::fs::create_dir(room.path("new")).expect("a folder");
    room.ok(["reencrypt", "-q", "-R", "d", "-o", "new"]);
    assert_eq!(room.ok(["open", "-o", "-", "new/d/e/b.swx"]), b"d/e/b");
    assert_ne!(room.read("new/d/a.swx"), room.read("d/a.swx"));
    let before = room.read("d/a.swx");
    room.write("d/bad.swx", "bad");
    room.run(["reencrypt", "-R", "d", "--in-place"]).fails(4, &["d/bad.swx: malformed"]);
    assert_ne!(room.read("d/a.swx"), before);
    assert_eq!(room.ok(["open", "-o", "-", "d/e/c.swx"]), b"d/e/c");
}

#[test]
fn a_compromised_version_opens_only_when_asked_for_and_is_marked() {
    let room = Room::with_keyset();
    room.write("a", noise(3 * CHUNK));
    room.ok(["seal", "a"]);
    let sealed = room.read("a.swx");
    let version =
        json(&room.ok(["inspect", "--json", "a.swx"]))["recipients"][0]["version"].clone();
    room.ok(["keyset", "compromise", "default", "primary", "--rotate"]);
    let hint = ["is compromised", "--allow-compromised"];
    room.run(["open", "-f", "a.swx"]).fails(5, &hint);
    room.run(["open", "-o", "-", "a.swx"]).fails(5, &hint);
    room.run_with(["open"], &sealed).fails(5, &hint);
    room.run(["verify", "a.swx"]).fails(5, &hint);
    room.run_with(["verify"], &sealed).fails(5, &hint);
    room.run(["reencrypt", "--in-place", "a.swx"]).fails(5, &hint);
    let marked = ["UNAUTHENTIC", version.as_str().expect("text")];
    for arguments in [&["open", "-f", "a.swx"][..], &["open", "-o", "-", "a.swx"], &["open"]] {
        let run = room.run_with([arguments, &["--allow-compromised"]].concat(), &sealed);
        run.fails(0, &marked);
        let out = if run.stdout.is_empty() { room.read("a") } else { run.stdout };
        assert_eq!(out, noise(3 * CHUNK), "{arguments:?}");
    }
    let run = room.run(["verify", "--json", "--allow-compromised", "a.swx"]);
    run.fails(0, &marked);
    assert_eq!(json(&run.stdout)["unauthentic"], true);
    let run = room.run(["reencrypt", "--in-place", "--json", "--allow-compromised", "a.swx"]);
    run.fails(0, &marked);
    assert_eq!(json(&run.stdout)["unauthentic"], true);
    let run = room.run(["verify", "--json", "a.swx"]);
    assert_eq!(lines(&run.ok())[0]["unauthentic"], false);
}

#[test]
fn a_token_under_a_compromised_version_opens_only_when_asked_for_and_is_marked_once() {
    let room = Room::with_keyset();
    let tokens = room.ok_with(["token", "seal", "--lines"], b"one\ntwo\n");
    room.ok(["keyset", "compromise", "default", "primary", "--rotate"]);
    let run = room.run_with(["token", "open", "--lines"], &tokens);
    run.fails(5, &["is compromised", "--allow-compromised"]);
    let run = room.run_with(["token", "open", "--lines", "--allow-compromised"], &tokens);
    run.fails(0, &["UNAUTHENTIC"]);
    assert_eq!(run.stderr.matches("UNAUTHENTIC").count(), 1);
    assert_eq!(run.stdout, b"one\ntwo\n");
    let run = room.run_with(["token", "seal", "--allow-compromised"], b"one");
    run.fails(2, &["for opening"]);
}
