// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is shown without a key, with one, and about the command itself.

use serde_json::Value;

use crate::kit::{CHUNK, Room, Run, json, noise};

#[test]
fn inspect_shows_everything_and_needs_no_key() {
    let room = Room::with_keyset();
    let keyset = json(&room.ok(["keyset", "show", "--json"]));
    room.write("a", noise(3 * CHUNK + 5));
    room.ok(["seal", "--context", "purpose=backup \x1b[31m", "--external", "host=db1", "a"]);
    std::fs::remove_dir_all(room.home()).expect("removed");
    let value = json(&room.ok(["inspect", "--json", "a.swx"]));
    assert_eq!(value["authenticated"], false);
    assert_eq!(value["file"], "a.swx");
    assert_eq!(value["kind"], "data");
    assert_eq!(value["suite"], "cobblestone-256");
    assert_eq!(value["envelope_id"].as_str().map(str::len), Some(32));
    assert_eq!(value["chunk_len"], CHUNK);
    assert_eq!(value["plaintext_len"], 3 * CHUNK + 5);
    assert_eq!(value["truncated"], false);
    assert_eq!(value["epoch"], 1);
    assert_eq!((&value["slots"], &value["slot"]), (&2.into(), &0.into()));
    assert_eq!(value["stored_context"]["purpose"], "backup \x1b[31m");
    assert_eq!(value["recipients"][0]["kind"], "keyset");
    assert_eq!(value["recipients"][0]["keyset"], keyset["id"]);
    assert_eq!(value["recipients"][0]["version"], keyset["versions"][0]["id"]);
    let text = String::from_utf8(room.ok(["inspect", "a.swx"])).expect("text");
    assert!(text.contains("Nothing of this is authenticated"), "{text}");
    assert!(text.contains("context    purpose=backup") && !text.contains('\x1b'), "{text}");
    // From a pipe the length is not known.
    let value = json(&room.ok_with(["inspect", "--json", "-"], &room.read("a.swx")));
    assert_eq!(value["plaintext_len"], Value::Null);
    let header_len = value["header_len"].as_u64().expect("a length") as usize;
    room.write("cut.swx", &room.read("a.swx")[..header_len + 2]);
    assert_eq!(json(&room.ok(["inspect", "--json", "cut.swx"]))["truncated"], true);
}

#[test]
fn inspect_shows_every_kind_of_recipient() {
    let room = Room::new();
    room.write_secret("p", "pass");
    room.write("pub", room.ok(["identity", "new", "-o", "id.swxk"]));
    let sealed = room.ok_with(["seal", "--mix", "-r", "pub", "--passphrase-file", "p"], b"a");
    let value = json(&room.ok_with(["inspect", "--json", "-"], &sealed));
    assert_eq!(value["recipients"][0]["kind"], "x-wing");
    assert_eq!(value["recipients"][0]["fingerprint"].as_str().map(str::len), Some(16));
    assert_eq!(value["recipients"][1]["kind"], "passphrase");
    assert_eq!(value["recipients"][1]["m_kib"], 65_536);
    assert_eq!(
        (&value["recipients"][1]["t"], &value["recipients"][1]["p"]),
        (&3.into(), &4.into())
    );
    room.run(["inspect", "id.swxk"]).fails(4, &["unprotected keyset file"]);
    room.run(["inspect", "p"]).fails(4, &["p: malformed"]);
}

#[test]
fn verify_lists_damaged_ranges() {
    let room = Room::with_keyset();
    room.write("a", noise(10 * CHUNK + 5));
    room.ok(["seal", "a"]);
    let mut sealed = room.read("a.swx");
    let text = String::from_utf8(room.ok(["verify", "a.swx"])).expect("text");
    assert!(text.starts_with("a.swx: ok, 163845 bytes"), "{text}");
    let value = json(&room.ok(["verify", "--json", "a.swx"]));
    assert_eq!((&value["ok"], &value["exit"]), (&true.into(), &0.into()));
    for chunk in [2, 3, 7] {
        sealed[1058 + 56 + chunk * (CHUNK + 16)] ^= 1;
    }
    room.write("bad.swx", &sealed);
    let run = room.run(["verify", "bad.swx", "a.swx"]);
    run.fails(3, &["bad.swx: damaged", "32768..65536", "114688..131072"]);
    assert!(String::from_utf8_lossy(&run.stdout).contains("a.swx: ok"));
    let run = room.run(["verify", "--json", "bad.swx", "gone.swx"]);
    let value = json(run.stdout.split(|&byte| byte == b'\n').next().expect("a line"));
    assert_eq!((&value["ok"], &value["exit"]), (&false.into(), &3.into()));
    assert_eq!(value["damage"][0]["from"], 2 * CHUNK);
    assert_eq!(value["damage"][0]["to"], 4 * CHUNK);
    assert_eq!(value["damage"].as_array().map(Vec::len), Some(2));
    assert_eq!(room.ok_with(["verify"], &room.read("a.swx"))[..9], *b"stdin: ok");
    room.run_with(["verify", "-"], &sealed).fails(3, &["stdin: cannot decrypt"]);
}

#[test]
fn every_help_has_examples() {
    let room = Room::new();
    for command in [
        &[][..],
        &["seal"],
        &["open"],
        &["inspect"],
        &["verify"],
        &["rewrap"],
        &["reencrypt"],
        &["census"],
        &["recover"],
        &["token"],
        &["token", "seal"],
        &["token", "open"],
        &["keyset"],
        &["keyset", "new"],
        &["keyset", "list"],
        &["keyset", "show"],
        &["keyset", "rotate"],
        &["keyset", "activate"],
        &["keyset", "suspend"],
        &["keyset", "resume"],
        &["keyset", "deactivate"],
        &["keyset", "compromise"],
        &["keyset", "destroy"],
        &["keyset", "schedule"],
        &["keyset", "policy"],
        &["keyset", "passwd"],
        &["keyset", "export"],
        &["keyset", "import"],
        &["keyset", "backup"],
        &["keyset", "restore"],
        &["identity"],
        &["identity", "new"],
        &["identity", "show"],
        &["completions"],
        &["man"],
    ] {
        let help = room.ok(command.iter().chain(&["--help"]));
        let help = String::from_utf8(help).expect("text");
        assert!(help.contains("Examples:\n"), "{command:?}");
    }
    let help = String::from_utf8(room.ok(["--help"])).expect("text");
    assert!(help.contains("Exit codes:") && help.contains("130"));
}

#[test]
fn the_version_names_the_backend() {
    let version = String::from_utf8(Room::new().ok(["--version"])).expect("text");
    assert!(version.starts_with("sealwax ") && version.contains(sealwax::BACKEND), "{version}");
}

#[test]
fn completions_and_manual_pages_are_made() {
    let room = Room::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(room.ok(["completions", shell]).len() > 1000, "{shell}");
    }
    assert!(room.ok(["man"]).starts_with(b".ie") || room.ok(["man"]).len() > 500);
    room.ok(["man", "pages"]);
    let names = room.names();
    for page in [
        "pages/sealwax.1",
        "pages/sealwax-seal.1",
        "pages/sealwax-keyset-new.1",
        "pages/sealwax-rewrap.1",
    ] {
        assert!(names.contains(&page.to_owned()), "{names:?}");
    }
    let script = "$SEALWAX completions bash > script && bash -n script";
    Run::of(room.shell(script)).ok();
}
