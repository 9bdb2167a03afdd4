// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may open sealed files, changed without touching what is in them; and what interruptions leave.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::kit::{CHUNK, Room, json, kill, lines, noise};

/// A room with some sealed files in `d`, at an older version of the keyset `default`.
fn room_with_old_files(count: usize) -> Room {
    let room = Room::with_keyset();
    for at in 0..count {
        room.write(format!("d/{}/f{at}", at % 3), noise(at * 100));
    }
    room.ok(["seal", "-q", "-R", "d", "-o", "."]);
    room.ok(["keyset", "rotate"]);
    room
}

fn report(room: &Room, arguments: &[&str]) -> Value {
    let all = [&["rewrap", "--json"], arguments].concat();
    json(&room.ok(all))
}

fn recipients(room: &Room, file: &str) -> Vec<Value> {
    let value = json(&room.ok(["inspect", "--json", file]));
    value["recipients"].as_array().cloned().expect("recipients")
}

#[test]
fn rewrap_moves_a_folder_to_the_primary_version_and_then_skips_it() {
    let room = room_with_old_files(7);
    let before = room.read("d/0/f3.swx");
    let dry = report(&room, &["-R", "-n", "d"]);
    assert_eq!((&dry["would_change"], &dry["dry_run"]), (&7.into(), &true.into()));
    assert_eq!(room.read("d/0/f3.swx"), before, "a dry run writes nothing");
    let done = report(&room, &["-R", "d"]);
    assert_eq!(
        (&done["in_place"], &done["failed"], &done["current"]),
        (&7.into(), &0.into(), &0.into())
    );
    assert!(done["bytes"].as_u64().is_some_and(|bytes| bytes > 7000));
    let after = room.read("d/0/f3.swx");
    assert_eq!(before.len(), after.len());
    assert_ne!(before, after);
    let header_len = json(&room.ok(["inspect", "--json", "d/0/f3.swx"]))["header_len"].clone();
    let header_len = header_len.as_u64().expect("a length") as usize;
    assert_eq!(before[header_len..], after[header_len..], "the payload is untouched");
    let again = report(&room, &["-R", "d"]);
    assert_eq!((&again["in_place"], &again["current"]), (&0.into(), &7.into()));
    assert_eq!(room.read("d/0/f3.swx"), after);
    let primary = json(&room.ok(["keyset", "show", "--json"]));
    let is_primary = |version: &&Value| version["primary"] == true;
    let versions = primary["versions"].as_array().expect("versions");
    let primary = versions.iter().find(is_primary).expect("a primary");
    assert_eq!(recipients(&room, "d/0/f3.swx")[0]["version"], primary["id"]);
    room.ok(["verify", "-q", "-R", "d"]);
}

#[test]
fn a_rewrap_is_counted_as_one_message_for_each_new_entry() {
    let room = room_with_old_files(5);
    report(&room, &["-R", "d"]);
    report(&room, &["-R", "d"]);
    let shown = json(&room.ok(["keyset", "show", "--json"]));
    let versions = shown["versions"].as_array().expect("versions");
    let primary = versions.iter().find(|v| v["primary"] == true).expect("a primary");
    assert_eq!(primary["usage"]["messages"], 5, "{shown}");
    assert_eq!(primary["usage"]["bytes"], 5 * 32, "{shown}");
}

#[test]
fn where_nothing_can_be_counted_a_rewrap_says_so_once_and_works() {
    let room = room_with_old_files(3);
    let home = room.home();
    std::fs::remove_file(home.join("default.swxl")).expect("removed");
    let locked = std::fs::Permissions::from_mode(0o500);
    std::fs::set_permissions(&home, locked).expect("permissions");
    if std::fs::write(home.join("probe"), "").is_ok() {
        // Whoever may write everywhere cannot be locked out.
        return;
    }
    let run = room.run(["rewrap", "-R", "d"]);
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).expect("permissions");
    assert_eq!(run.stderr.matches("warning").count(), 1, "{}", run.stderr);
    assert!(String::from_utf8_lossy(&run.ok()).contains("3 rewrapped in place"));
}

#[test]
fn recipients_come_and_go_by_every_name_they_have() {
    let room = Room::with_keyset();
    room.write("a", noise(CHUNK));
    room.ok(["keyset", "new", "work", "--unprotected"]);
    room.ok(["keyset", "new", "more", "--unprotected"]);
    room.write("pub", room.ok(["identity", "new", "-o", "id.swxk"]));
    let id = |name: &str| -> String {
        let shown = json(&room.ok(["keyset", "show", "--json", name]));
        shown["id"].as_str().expect("an id").into()
    };
    let fresh = || room.ok(["seal", "-q", "-f", "a"]);
    let opens_for = |arguments: &[&str]| {
        let run = room.run([&["open", "-o", "-", "a.swx"], arguments].concat());
        (run.code == Some(0) && run.stdout == room.read("a")).then_some(())
    };
    fresh();
    room.ok(["rewrap", "--add-keyset", "work", "a.swx"]);
    assert_eq!(recipients(&room, "a.swx").len(), 2);
    assert!(opens_for(&["-k", "work"]).is_some() && opens_for(&["-k", "default"]).is_some());
    let work = format!(
        "{}:{}",
        id("work"),
        recipients(&room, "a.swx")[1]["version"].as_str().expect("id")
    );
    for who in ["work", &id("work"), &work] {
        fresh();
        room.ok(["rewrap", "--add-keyset", "work", "a.swx"]);
        room.ok(["rewrap", "--remove", who, "a.swx"]);
        assert!(opens_for(&["-k", "work"]).is_none(), "{who}");
        assert!(opens_for(&["-k", "default"]).is_some(), "{who}");
    }
    fresh();
    room.ok(["rewrap", "--grow", "--add", "pub", "a.swx"]);
    assert!(opens_for(&["-i", "id.swxk"]).is_some());
    let fingerprint = recipients(&room, "a.swx")[1]["fingerprint"].clone();
    room.ok(["rewrap", "--remove", fingerprint.as_str().expect("text"), "a.swx"]);
    assert_eq!(recipients(&room, "a.swx").len(), 1);
    room.ok(["rewrap", "--grow", "--add", "pub", "a.swx"]);
    room.ok(["rewrap", "--remove", "x-wing", "a.swx"]);
    assert_eq!(recipients(&room, "a.swx").len(), 1);
    room.ok(["rewrap", "--to-keyset", "work", "--to-keyset", "more", "a.swx"]);
    assert!(opens_for(&["-k", "default"]).is_none());
    assert!(opens_for(&["-k", "work"]).is_some() && opens_for(&["-k", "more"]).is_some());
    let again = report(&room, &["--to-keyset", "work", "--to-keyset", "more", "a.swx"]);
    assert_eq!(again["current"], 1);
}

#[test]
fn what_would_shut_everybody_out_or_means_nothing_is_refused() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.ok(["seal", "a"]);
    room.write("pub", room.ok(["identity", "new", "--x25519", "-o", "id.swxk"]));
    let before = room.read("a.swx");
    room.run(["rewrap", "--remove", "default", "a.swx"]).fails(2, &["nobody could open it"]);
    room.run(["rewrap", "--add", "pub", "a.swx"]).fails(2, &["weakens"]);
    room.run(["rewrap", "--remove", "nobody", "a.swx"]).fails(6, &["--remove nobody", "no such"]);
    room.run(["rewrap", "--remove", "default:xyz", "a.swx"]).fails(2, &["8 hexadecimal digits"]);
    room.run(["rewrap", "--remove", "type:0", "a.swx"]).fails(2, &["1 to 255"]);
    room.run(["rewrap", "--add-keyset", "default", "--to-keyset", "default", "a.swx"])
        .fails(2, &["cannot be used with"]);
    room.run(["rewrap", "."]).fails(2, &["is a folder", "-R"]);
    room.run(["rewrap", "a"]).fails(4, &["a: malformed"]);
    room.run(["rewrap", "gone.swx"]).fails(6, &["gone.swx: no such"]);
    assert_eq!(room.read("a.swx"), before);
    room.ok(["rewrap", "--add", "pub", "--mix", "a.swx"]);
    assert_eq!(recipients(&room, "a.swx").len(), 2);
}

#[test]
fn without_room_the_error_names_grow_and_grow_copies() {
    let room = Room::with_keyset();
    let plaintext = noise(5 * CHUNK + 1);
    room.write("a", &plaintext);
    room.ok(["seal", "a"]);
    for name in ["b", "c", "d", "e"] {
        room.ok(["keyset", "new", name, "--unprotected"]);
    }
    let all = ["--add-keyset", "b", "--add-keyset", "c", "--add-keyset", "d", "--add-keyset", "e"];
    let before = room.read("a.swx");
    let arguments = [&["rewrap", "a.swx"][..], &all].concat();
    room.run(&arguments).fails(4, &["a.swx: the key block has no room", "--grow"]);
    assert_eq!(room.read("a.swx"), before);
    let done = report(&room, &[&["--grow", "a.swx"][..], &all].concat());
    assert_eq!((&done["copied"], &done["in_place"]), (&1.into(), &0.into()));
    assert_eq!(recipients(&room, "a.swx").len(), 5);
    assert_eq!(room.ok(["open", "-k", "e", "-o", "-", "a.swx"]), plaintext);
    assert_eq!(room.names(), ["a", "a.swx"]);
}

#[test]
fn a_folder_goes_on_after_failures_and_reports_them() {
    let room = room_with_old_files(4);
    room.write("d/bad.swx", "no envelope");
    room.ok(["keyset", "new", "other", "--unprotected"]);
    room.write("x", "x");
    room.ok(["seal", "-k", "other", "-o", "d/foreign.swx", "x"]);
    std::fs::remove_file(room.home().join("other.swxk")).expect("removed");
    let run = room.run(["rewrap", "--json", "--verbose", "-R", "d"]);
    assert!(matches!(run.code, Some(4 | 5)), "{:?} {}", run.code, run.stderr);
    for part in ["d/bad.swx: malformed", "d/foreign.swx: no matching key"] {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
    let all = lines(&run.stdout);
    let (summary, files) = all.split_last().expect("a summary");
    assert_eq!((&summary["in_place"], &summary["failed"]), (&4.into(), &2.into()));
    assert_eq!(files.len(), 6);
    let outcome_of = |file: &str| files.iter().find(|f| f["file"] == file).map(|f| &f["outcome"]);
    assert_eq!(outcome_of("d/bad.swx"), Some(&"failed".into()));
    assert_eq!(outcome_of("d/0/f0.swx"), Some(&"in-place".into()));
}

#[test]
fn a_compromised_version_is_not_rewrapped_unless_asked_for() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.ok(["seal", "a"]);
    room.ok(["keyset", "compromise", "default", "primary", "--rotate"]);
    let before = room.read("a.swx");
    room.run(["rewrap", "a.swx"]).fails(5, &["a.swx: version", "compromised", "reencrypt"]);
    assert_eq!(room.read("a.swx"), before);
    let run = room.run(["rewrap", "--json", "-v", "--allow-compromised", "a.swx"]);
    assert_eq!(lines(&run.ok())[0]["compromised"], true);
    assert_eq!(room.ok(["open", "-o", "-", "a.swx"]), b"a");
}

#[test]
fn locked_keysets_are_unlocked_or_left_out_with_a_word() {
    let room = Room::new();
    room.write_secret("pass", "correct horse");
    room.ok(["keyset", "new", "--passphrase-file", "pass"]);
    room.write("a", "a");
    room.ok(["seal", "-k", "default", "--passphrase-file", "pass", "a"]);
    room.ok(["keyset", "rotate", "--passphrase-file", "pass"]);
    room.run(["rewrap", "a.swx"]).fails(5, &["left out", "a.swx: no matching key"]);
    let done = report(&room, &["--keyset-passphrase-file", "pass", "a.swx"]);
    assert_eq!(done["in_place"], 1);
    let done = report(&room, &["-k", "default", "--passphrase-file", "pass", "a.swx"]);
    assert_eq!(done["current"], 1);
}

#[test]
fn a_passphrase_takes_the_place_of_another() {
    let room = Room::new();
    room.write_secret("old", "old");
    room.write_secret("new", "new");
    room.write("a", "a");
    room.ok(["seal", "--passphrase-file", "old", "a"]);
    room.ok(["rewrap", "--passphrase-file", "old", "--new-passphrase-file", "new", "a.swx"]);
    assert_eq!(room.ok(["open", "--passphrase-file", "new", "-o", "-", "a.swx"]), b"a");
    room.run(["open", "--passphrase-file", "old", "-o", "-", "a.swx"])
        .fails(3, &["cannot decrypt"]);
    room.run(["rewrap", "--passphrase-file", "old", "--new-passphrase-file", "old", "a.swx"])
        .fails(3, &["cannot decrypt"]);
}

#[test]
fn recover_clears_slots_and_unfinished_files_and_nothing_else() {
    let room = Room::with_keyset();
    room.write("d/a", noise(CHUNK));
    room.ok(["seal", "d/a"]);
    room.ok(["keyset", "rotate"]);
    let old = room.read("d/a.swx");
    room.ok(["rewrap", "d/a.swx"]);
    // As it was between the two writes: the new slot is there, and the old one still.
    let mut torn = room.read("d/a.swx");
    let value = json(&room.ok(["inspect", "--json", "d/a.swx"]));
    let slot_len = value["slot_len"].as_u64().expect("a length") as usize;
    torn[34..34 + slot_len].copy_from_slice(&old[34..34 + slot_len]);
    room.write("d/a.swx", &torn);
    room.write("d/.a.swx.Ab12Cd.swx-tmp", "left");
    room.write("d/x.swx-tmp", "not ours");
    std::fs::write(room.home().join(".default.swxk.Ab12Cd.swx-tmp"), "left").expect("written");
    let said = lines(&room.ok(["recover", "-R", "-n", "--json", "d"]));
    assert_eq!(said.last().map(|summary| &summary["removed"]), Some(&2.into()));
    assert_eq!(room.read("d/a.swx"), torn, "a dry run changes nothing");
    let text = String::from_utf8(room.ok(["recover", "-R", "d"])).expect("text");
    assert!(text.contains("d/a.swx: cleared") && text.contains(".swx-tmp: removed"), "{text}");
    assert_eq!(room.names(), ["d/a", "d/a.swx", "d/x.swx-tmp"]);
    assert!(!room.home().join(".default.swxk.Ab12Cd.swx-tmp").exists());
    assert!(room.read("d/a.swx")[34..34 + slot_len].iter().all(|byte| *byte == 0));
    room.ok(["open", "-f", "d/a.swx"]);
    let again = lines(&room.ok(["recover", "-R", "--json", "d"]));
    assert_eq!(again.len(), 1, "{again:?}");
}

#[test]
fn recover_leaves_what_somebody_is_writing_and_slots_without_a_key() {
    let room = Room::with_keyset();
    room.write("a", "a");
    let mut command = room.command(["seal", "-o", "b.swx"]);
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("started");
    let is_there = || room.names().iter().any(|name| name.ends_with(".swx-tmp"));
    for _ in 0..500 {
        if is_there() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let said = lines(&room.ok(["recover", "-R", "--json", "."]));
    assert!(said[0]["outcome"] == "in-use" && is_there(), "{said:?}");
    drop(child.stdin.take());
    assert!(child.wait().expect("ended").success());
    room.ok(["keyset", "rotate"]);
    let old = room.read("b.swx");
    room.ok(["rewrap", "b.swx"]);
    let mut torn = room.read("b.swx");
    torn[34..434].copy_from_slice(&old[34..434]);
    room.write("b.swx", &torn);
    std::fs::remove_dir_all(room.home()).expect("removed");
    room.run(["recover", "b.swx"]).fails(5, &["b.swx: no matching key"]);
    assert_eq!(room.read("b.swx"), torn);
}

#[test]
fn an_interrupted_rewrap_leaves_every_file_whole_and_is_run_again() {
    let room = room_with_old_files(1);
    let sealed = room.read("d/0/f0.swx");
    for at in 0..2000 {
        room.write(format!("d/many/{at}.swx"), &sealed);
    }
    let mut command = room.command(["rewrap", "-R", "--threads", "2", "d/many"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
    let changed = |at: usize| room.read(format!("d/many/{at}.swx")) != sealed;
    let mut running = true;
    while running && !(0..2000).any(changed) {
        running = child.try_wait().expect("a status").is_none();
    }
    if running {
        kill("INT", child.id());
    }
    let ended = child.wait_with_output().expect("ended");
    // A machine that was faster than the signal has done it all.
    assert!(matches!(ended.status.code(), Some(130 | 0)), "{ended:?}");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!said.contains("panicked") && !said.contains("no matching"), "{said}");
    let clean = lines(&room.ok(["recover", "-R", "--json", "d/many"]));
    assert_eq!(clean.len(), 1, "no slot and no file is left unfinished: {clean:?}");
    room.ok(["verify", "-q", "-R", "d/many"]);
    let again = report(&room, &["-R", "d/many"]);
    let number = |name: &str| again[name].as_u64().expect("a number");
    assert_eq!((number("in_place") + number("current"), number("failed")), (2000, 0));
}
