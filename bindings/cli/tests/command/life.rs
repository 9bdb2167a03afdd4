// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rotation, states, times, passphrases and destruction of key versions.

use serde_json::Value;

use crate::kit::Room;

fn version<'a>(keyset: &'a Value, id: &str) -> &'a Value {
    let versions = keyset["versions"].as_array().expect("versions");
    versions.iter().find(|version| version["id"] == id).expect("the version")
}

#[test]
fn rotation_makes_a_primary_and_the_old_version_goes_on_opening() {
    let room = Room::with_keyset();
    let old = room.primary("default");
    let token = room.ok_with(["token", "seal"], b"x");
    let text = room.text(["keyset", "rotate"]);
    let new = room.primary("default");
    assert_ne!(new, old);
    assert!(text.contains(&new) && text.contains("revision 2"), "{text}");
    assert_eq!(room.ok_with(["token", "open"], &token), b"x");
    let sealed = room.ok_with(["seal"], b"y");
    room.write("a.swx", &sealed);
    let header = room.json(["inspect", "--json", "a.swx"]);
    assert_eq!(header["recipients"][0]["version"], *new);
    assert_eq!(room.ok(["open", "-o", "-", "a.swx"]), b"y");
}

#[test]
fn rotations_in_one_second_are_apart() {
    let room = Room::with_keyset();
    for revision in 2..=6 {
        let done = room.json(["keyset", "rotate", "--json"]);
        assert_eq!(done["revision"], revision);
    }
    let keyset = room.json(["keyset", "show", "--json"]);
    assert_eq!(keyset["versions"].as_array().map(Vec::len), Some(6));
}

#[test]
fn a_rotation_that_is_not_due_changes_nothing() {
    let room = Room::with_keyset();
    let before = std::fs::read(room.home_file("default.swxk")).expect("a file");
    let done = room.json(["keyset", "rotate", "--if-due", "--json"]);
    assert_eq!((&done["changed"], &done["revision"]), (&false.into(), &1.into()));
    assert!(room.text(["keyset", "rotate", "--if-due"]).contains("no rotation is due"));
    assert_eq!(std::fs::read(room.home_file("default.swxk")).expect("a file"), before);
    room.ok(["keyset", "policy", "--rotate-after-messages", "2"]);
    room.ok_with(["token", "seal", "--lines"], b"a\nb\n");
    let shown = room.text(["keyset", "show"]);
    assert!(shown.contains("DUE: the primary sealed as many messages"), "{shown}");
    let done = room.text(["keyset", "rotate", "--if-due"]);
    assert!(done.contains("because the primary sealed as many messages"), "{done}");
    assert!(room.text(["keyset", "rotate", "--if-due"]).contains("no rotation is due"));
}

#[test]
fn a_version_is_prepared_and_activated() {
    let room = Room::with_keyset();
    let old = room.primary("default");
    let done =
        room.json(["keyset", "rotate", "--prepare", "--suite", "chacha20-poly1305", "--json"]);
    let prepared = done["versions"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(done["versions"][0]["state"], "pre-active");
    assert_eq!(done["versions"][0]["algorithm"], "chacha20-poly1305");
    assert_eq!(done["primary"], *old);
    room.ok(["keyset", "activate", "default", &prepared[..6], "--reason", "handed out"]);
    let keyset = room.json(["keyset", "show", "--json"]);
    assert_eq!(keyset["primary"], *prepared);
    assert_eq!(version(&keyset, &prepared)["changes"][0]["reason"], "handed out");
    assert_eq!(version(&keyset, &old)["state"], "active");
    room.run(["keyset", "activate", "default", &old])
        .fails(5, &["is active; only a pre-active version can be activated"]);
    room.run(["keyset", "rotate", "--activate-at", "+1d"]).fails(2, &["--prepare"]);
}

#[test]
fn a_suspended_version_does_nothing_until_it_is_resumed() {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"x");
    let id = room.primary("default");
    let run = room.run(["keyset", "suspend", "default", "primary", "--reason", "lost"]);
    assert!(run.stderr.contains("has no primary version and does not seal"), "{}", run.stderr);
    assert!(String::from_utf8_lossy(&run.stdout).contains("is suspended (revision 2)"));
    room.run_with(["token", "open"], &token).fails(5, &["is suspended; resume it first"]);
    room.run_with(["token", "seal"], b"x").fails(5, &["no primary version"]);
    room.run(["keyset", "suspend", "default", &id]).fails(5, &["it is suspended already"]);
    let shown = room.text(["keyset", "show"]);
    assert!(
        shown.contains("DUE: it has no primary version") && shown.contains(": lost\n"),
        "{shown}"
    );
    let resumed = room.text(["keyset", "resume", "default", &id]);
    assert!(resumed.contains("is active, and the primary"), "{resumed}");
    assert_eq!(room.ok_with(["token", "open"], &token), b"x");
}

#[test]
fn moves_that_there_are_not_are_refused_with_the_remedy() {
    let room = Room::with_keyset();
    let old = room.primary("default");
    let before = || std::fs::read(room.home_file("default.swxk")).expect("a file");
    room.run(["keyset", "deactivate", "default", "primary"])
        .fails(5, &["default.swxk: version", "it is the primary: rotate the keyset first"]);
    room.run(["keyset", "resume", "default", "primary"])
        .fails(5, &["only a suspended version can be resumed"]);
    room.ok(["keyset", "rotate"]);
    room.ok(["keyset", "deactivate", "default", &old, "--reason", "replaced"]);
    let unchanged = before();
    for (verb, said) in [
        ("deactivate", "it is deactivated already"),
        ("activate", "its use for sealing has ended for good: rotate the keyset"),
        ("resume", "its use for sealing has ended for good"),
        ("suspend", "its use for sealing has ended for good"),
    ] {
        room.run(["keyset", verb, "default", &old]).fails(5, &[&old, "is deactivated", said]);
    }
    room.run(["keyset", "suspend", "default", &old, "--reason", "two\nlines"])
        .fails(2, &["a reason has a control character"]);
    room.run(["keyset", "compromise", "default", &old, "--reason", &"x".repeat(256)])
        .fails(2, &["a reason is longer than 255 bytes"]);
    assert_eq!(before(), unchanged);
}

#[test]
fn a_compromised_version_is_replaced_in_the_same_change() {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"x");
    let old = room.primary("default");
    let done = room.json([
        "keyset",
        "compromise",
        "default",
        "primary",
        "--rotate",
        "--reason",
        "log",
        "--json",
    ]);
    assert_eq!(version(&done, &old)["state"], "compromised");
    assert_ne!(done["primary"], *old);
    room.run_with(["token", "open"], &token).fails(5, &["is compromised; "]);
    room.ok_with(["token", "seal"], b"x");
    room.run(["keyset", "compromise", "default", &old]).fails(5, &["it is marked already"]);
}

#[test]
fn a_version_is_named_by_its_first_digits() {
    let room = Room::new();
    room.keyset_file("many", &crate::kit::Made { versions: 0x21, ..Default::default() });
    let suspend = |version: &str| room.run(["keyset", "suspend", "many", version, "-n"]);
    assert_eq!(suspend("00000003").code, Some(0));
    assert_eq!(suspend("0000000A").code, Some(0));
    assert_eq!(suspend("primary").code, Some(0));
    suspend("0000001")
        .fails(2, &["0000001 is not one version", "00000010, 00000011, ...", "more digits"]);
    suspend("0000002").fails(2, &["00000020, 00000021;"]);
    suspend("ff").fails(5, &["has no version ff", "keyset show many"]);
    for wrong in ["", "000000003", "newest", "0x1"] {
        suspend(wrong).fails(2, &["hexadecimal digits, or `primary`"]);
    }
    room.ok(["keyset", "suspend", "many", "primary"]);
    suspend("primary").fails(5, &["keyset many has no primary version"]);
}

#[test]
fn times_restrict_and_are_shown() {
    let room = Room::with_keyset();
    let id = room.primary("default");
    let schedule = |times: &[&str]| {
        room.run(["keyset", "schedule", "default", &id].iter().chain(times).copied())
    };
    let text = String::from_utf8(schedule(&["--deactivate-at", "2100-01-01"]).ok()).expect("text");
    assert!(text.contains("seals until 2100-01-01T00:00:00Z"), "{text}");
    schedule(&["--activate-at", "2030-01-02T03:04:05Z"]).ok();
    let shown = room.text(["keyset", "show"]);
    assert!(
        shown.contains("from 2030-01-02T03:04:05Z  seals until 2100-01-01T00:00:00Z"),
        "{shown}"
    );
    schedule(&["--activate-at", "2100-01-01"]).fails(2, &["ends before it begins"]);
    schedule(&["--activate-at", "tomorrow"]).fails(2, &["2027-01-31T12:00:00Z", "never"]);
    schedule(&[]).fails(2, &["--deactivate-at"]);
    schedule(&["--activate-at", "never", "--deactivate-at", "2020-01-01"]).ok();
    room.run_with(["token", "seal"], b"x").fails(5, &["its time is over: rotate the keyset"]);
    let shown = room.text(["keyset", "show"]);
    assert!(shown.contains("DUE: the primary's time is over"), "{shown}");
    schedule(&["--deactivate-at", "never", "--activate-at", "+1h"]).ok();
    room.run_with(["token", "seal"], b"x").fails(5, &["its activation time has not come"]);
    let done = room.json(["keyset", "rotate", "--deactivate-at", "+365d", "--json"]);
    let version = &done["versions"][0];
    let time = |name: &str| version[name].as_u64().expect("a time");
    let days = (time("deactivate_at") - time("created") + 10) / 86_400;
    assert_eq!(days, 365);
}

#[test]
fn a_dry_run_writes_nothing() {
    let room = Room::with_keyset();
    room.write_secret("p", "pass");
    let old = room.primary("default");
    room.ok(["keyset", "rotate"]);
    let all = || ["default.swxk", "default.swxl"].map(|n| std::fs::read(room.home_file(n)).ok());
    let before = all();
    for arguments in [
        &["rotate"][..],
        &["rotate", "--prepare"],
        &["suspend", "default", &old],
        &["deactivate", "default", &old],
        &["compromise", "default", &old, "--rotate"],
        &["destroy", "default", &old, "--without-census"],
        &["schedule", "default", &old, "--deactivate-at", "+1d"],
        &["policy", "--rotate-after", "1d"],
        &["passwd", "--new-passphrase-file", "p"],
        &["backup", "--shares", "2/3", "-o", "folder"],
    ] {
        let run = room.run(["keyset"].iter().chain(arguments).chain(&["--dry-run"]));
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(said.contains("dry run") || said.contains("would be"), "{arguments:?}: {said}");
        assert_eq!(all(), before, "{arguments:?}");
        let json = room.json(["keyset"].iter().chain(arguments).chain(&["-n", "--json"]));
        assert_eq!(json["dry_run"], true, "{arguments:?}");
    }
    // What is refused is refused in a dry run, too.
    room.run(["keyset", "deactivate", "default", "primary", "-n"]).fails(5, &["rotate the keyset"]);
    assert_eq!(room.names(), ["p"]);
}

#[test]
fn another_passphrase_protects_the_same_keys() {
    let room = Room::new();
    room.write_secret("old", "old");
    room.write_secret("new", "new");
    room.ok(["keyset", "new", "--passphrase-file", "old"]);
    let with = |passphrase| ["--keyset-passphrase-file", passphrase];
    let token = room.ok_with(["token", "seal"].iter().chain(&with("old")), b"x");
    let passwd = ["keyset", "passwd", "--passphrase-file"];
    room.run(passwd.iter().chain(&["old"])).fails(2, &["--new-passphrase-file", "--unprotected"]);
    room.run(passwd.iter().chain(&["new", "--unprotected"])).fails(3, &["wrong passphrase"]);
    let run = room.run(passwd.iter().chain(&["old", "--new-passphrase-file", "new"]));
    assert!(run.stderr.contains("older copies and backups"), "{}", run.stderr);
    run.ok();
    room.run_with(["token", "open"].iter().chain(&with("old")), &token)
        .fails(3, &["wrong passphrase"]);
    assert_eq!(room.ok_with(["token", "open"].iter().chain(&with("new")), &token), b"x");
    let json = room.json(passwd.iter().chain(&["new", "--unprotected", "--json"]));
    assert_eq!((&json["protected"], &json["revision"]), (&false.into(), &3.into()));
    assert_eq!(room.ok_with(["token", "open"], &token), b"x");
}

#[test]
fn destroying_wants_a_census_or_a_word() {
    let room = Room::with_keyset();
    room.write("data/a", "a");
    room.write("data/deep/b", "b");
    room.ok(["seal", "-R", "data"]);
    let old = room.primary("default");
    room.ok(["keyset", "rotate"]);
    let destroy = |arguments: &[&str]| {
        room.run(["keyset", "destroy", "default", &old].iter().chain(arguments).copied())
    };
    destroy(&["--yes"]).fails(2, &["a census is missing", "--without-census"]);
    destroy(&["--census", "data"]).fails(2, &["no terminal", "--yes"]);
    destroy(&["--yes", "--census", "data"])
        .fails(5, &["2 files", "depend on version", "sealwax rewrap", "--despite-dependents"]);
    room.write("data/odd.swx", "not sealed");
    destroy(&["--yes", "--census", "data"]).fails(5, &["odd.swx", "holes: 1 file"]);
    destroy(&["--yes", "--census", "data", "--despite-dependents"]).fails(5, &["holes"]);
    std::fs::remove_file(room.path("data/odd.swx")).expect("removed");
    std::fs::create_dir(room.path("empty")).expect("a folder");
    destroy(&["--yes", "--census", "empty"]).fails(5, &["looked at nothing"]);
    destroy(&["--yes", "--census", "absent"]).fails(5, &["absent: no such file", "holes"]);
    room.run(["keyset", "destroy", "default", "primary", "--yes", "--without-census"])
        .fails(5, &["it is the primary: rotate the keyset first"]);
    assert_eq!(version(&room.json(["keyset", "show", "--json"]), &old)["state"], "active");
    // Sealed anew, nothing depends on it any more.
    room.ok(["seal", "-f", "-R", "data"]);
    let run = destroy(&["--yes", "--census", "data", "--reason", "retired"]);
    for said in ["census: verified 2 files", "tokens in databases", "backups"] {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    run.ok();
    room.ok(["open", "-f", "-R", "data"]);
}

#[test]
fn a_census_takes_the_keys_of_other_files_too() {
    let room = Room::with_keyset();
    room.write_secret("p", "pass");
    room.ok(["keyset", "new", "plain", "--unprotected"]);
    room.ok(["keyset", "new", "sealed", "--passphrase-file", "p"]);
    room.write("me.pub", room.ok(["identity", "new", "-o", "me.swxk"]));
    room.write("data/a", "a");
    let old = room.primary("default");
    room.ok(["keyset", "rotate"]);
    let sealed = ["-k", "sealed", "--passphrase-file", "p"];
    for (name, keys) in [("1", &["-k", "plain"][..]), ("2", &sealed), ("3", &["-r", "me.pub"])] {
        let output = format!("data/{name}.swx");
        room.ok(["seal", "data/a", "-o", &output].into_iter().chain(keys.iter().copied()));
    }
    let destroy = |keys: &[&str]| {
        let arguments = ["keyset", "destroy", "default", &old, "--yes", "--census", "data"];
        room.run(arguments.into_iter().chain(keys.iter().copied()))
    };
    destroy(&[]).fails(5, &["2.swx: no matching key", "3.swx: no matching key", "holes: 2 files"]);
    destroy(&["-k", "sealed"]).fails(5, &["--keyset-passphrase-file"]);
    destroy(&["-k", "sealed", "--keyset-passphrase-file", "p", "-i", "me.swxk"]).ok();
}

#[test]
fn dependents_are_lost_only_when_told() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.ok(["seal", "a"]);
    let old = room.primary("default");
    room.ok(["keyset", "rotate"]);
    let arguments = ["--yes", "--census", "a.swx", "--despite-dependents", "--reason", "told"];
    let run = room.run(["keyset", "destroy", "default", &old].iter().chain(&arguments));
    assert!(run.stderr.contains("1 file (1.1 KiB) depend"), "{}", run.stderr);
    run.ok();
    room.run(["open", "-f", "a.swx"]).fails(5, &["is destroyed; its secret is gone for good"]);
}

#[test]
fn a_tombstone_stays_and_its_secret_is_gone() {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"x");
    let old = room.primary("default");
    room.ok(["keyset", "rotate"]);
    let file = || std::fs::metadata(room.home_file("default.swxk")).expect("a file").len();
    let before = file();
    let done =
        ["keyset", "destroy", "default", &old, "--yes", "--without-census", "--reason", "old"];
    room.ok(done);
    // 32 bytes of secret less; a change of state, a time and a reason more.
    assert_eq!(file(), before - 32 + 10 + 3);
    let keyset = room.json(["keyset", "show", "--json"]);
    let tombstone = version(&keyset, &old);
    assert_eq!(
        (&tombstone["state"], &tombstone["changes"][0]["reason"]),
        (&"destroyed".into(), &"old".into())
    );
    assert!(room.text(["keyset", "show"]).contains("destroyed 20"));
    assert!(room.text(["keyset", "list"]).contains("1 active, 1 destroyed"));
    room.run_with(["token", "open"], &token)
        .fails(5, &["is destroyed; its secret is gone for good"]);
    for verb in ["resume", "activate", "suspend", "deactivate", "compromise"] {
        room.run(["keyset", verb, "default", &old]).fails(5, &["its secret is gone for good"]);
    }
    room.run(done).fails(5, &["its secret is gone for good"]);
}
