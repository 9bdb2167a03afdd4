// SPDX-License-Identifier: MIT OR Apache-2.0
//! What sealed files and tokens depend on.

use serde_json::Value;

use crate::kit::{Room, json, noise};

fn dependence<'a>(census: &'a Value, key: &str, value: &str) -> &'a Value {
    let all = census["dependences"].as_array().expect("a list");
    all.iter().find(|row| row[key] == value).unwrap_or_else(|| panic!("{key} {value}: {census}"))
}

#[test]
fn census_counts_envelopes_and_bytes_of_each_version_with_its_state() {
    let room = Room::with_keyset();
    for at in 0..6 {
        room.write(format!("d/{at}"), noise(at * 1000));
    }
    room.ok(["seal", "-q", "d/0", "d/1"]);
    let old = json(&room.ok(["inspect", "--json", "d/0.swx"]))["recipients"][0]["version"].clone();
    room.ok(["keyset", "rotate"]);
    room.ok(["seal", "-q", "d/2", "d/3", "d/4", "d/5"]);
    let old = old.as_str().expect("text");
    room.ok(["keyset", "deactivate", "default", old]);
    for verify in [&[][..], &["--verify"]] {
        let census = json(&room.ok([&["census", "--json", "d"], verify].concat()));
        assert_eq!(census["verified"], !verify.is_empty());
        assert_eq!((&census["envelopes"], &census["unreadable"]), (&6.into(), &0.into()));
        let row = dependence(&census, "version", old);
        assert_eq!((&row["envelopes"], &row["state"]), (&2.into(), &"deactivated".into()));
        let sizes = ["d/0.swx", "d/1.swx"].map(|name| room.read(name).len());
        assert_eq!(row["bytes"], sizes[0] + sizes[1]);
        assert_eq!((&row["name"], &row["primary"]), (&"default".into(), &false.into()));
        let row = dependence(&census, "state", "active");
        assert_eq!((&row["envelopes"], &row["primary"]), (&4.into(), &true.into()));
    }
    let text = String::from_utf8(room.ok(["census", "d"])).expect("text");
    assert!(text.contains("deactivated") && text.contains("Advisory"), "{text}");
    room.ok(["rewrap", "-q", "-R", "d"]);
    let census = json(&room.ok(["census", "--json", "--verify", "d"]));
    assert_eq!(dependence(&census, "version", old)["envelopes"], 0, "shown as free");
}

#[test]
fn census_lists_what_nothing_at_hand_opens_and_which_key_it_wants() {
    let room = Room::with_keyset();
    room.write("d/a", "a");
    room.ok(["seal", "d/a"]);
    room.ok(["keyset", "new", "other", "--unprotected"]);
    let other = json(&room.ok(["keyset", "show", "other", "--json"]))["id"].clone();
    let other = other.as_str().expect("text");
    room.ok(["seal", "-k", "other", "-o", "d/b.swx", "d/a"]);
    std::fs::remove_file(room.home().join("other.swxk")).expect("removed");
    room.write("d/bad.swx", "no envelope");
    let run = room.run(["census", "--json", "d"]);
    run.fails(4, &["d/bad.swx: malformed"]);
    let census = json(&run.stdout);
    assert_eq!((&census["envelopes"], &census["unreadable"]), (&2.into(), &1.into()));
    assert_eq!(census["unopenable"][0]["file"], "d/b.swx");
    assert!(census["unopenable"][0]["error"].as_str().is_some_and(|error| error.contains(other)));
    assert_eq!(dependence(&census, "keyset", other)["state"], Value::Null);
    std::fs::remove_file(room.path("d/bad.swx")).expect("removed");
    assert_eq!(room.run(["census", "d"]).code, Some(0), "advisory");
    room.run(["census", "--verify", "d"]).fails(5, &[]);
    std::fs::remove_dir_all(room.home()).expect("removed");
    let text = String::from_utf8(room.ok(["census", "d"])).expect("text");
    assert!(text.contains("No key is at hand") && text.contains(other), "{text}");
}

#[test]
fn a_damaged_key_block_is_a_hole_in_the_census() {
    let room = Room::with_keyset();
    room.write("a", "a");
    room.ok(["seal", "-q", "a"]);
    room.ok(["seal", "-q", "-o", "b.swx", "a"]);
    let mut damaged = room.read("a.swx");
    damaged[60] ^= 1;
    room.write("a.swx", &damaged);
    let run = room.run(["census", "--verify", "--json", "a.swx", "b.swx"]);
    run.fails(4, &["a.swx: malformed"]);
    let census = json(&run.stdout);
    assert_eq!((&census["unreadable"], &census["envelopes"]), (&1.into(), &1.into()), "{census}");
}

#[test]
fn census_reads_tokens_from_stdin() {
    let room = Room::with_keyset();
    let mut tokens = room.ok_with(["token", "seal", "--lines"], b"one\ntwo\nthree\n");
    room.ok(["keyset", "rotate"]);
    tokens.extend(room.ok_with(["token", "seal"], b"four"));
    let census = json(&room.ok_with(["census", "--lines", "--json"], &tokens));
    assert_eq!((&census["tokens"], &census["envelopes"]), (&4.into(), &0.into()));
    let of = |primary: bool| {
        let rows = census["dependences"].as_array().expect("a list");
        rows.iter().find(|row| row["primary"] == primary).map(|row| row["tokens"].clone())
    };
    assert_eq!((of(false), of(true)), (Some(3.into()), Some(1.into())));
    tokens.extend_from_slice(b"no token\n");
    let run = room.run_with(["census", "--lines", "--json"], &tokens);
    run.fails(4, &["stdin, line 5"]);
    assert_eq!(json(&run.stdout)["unreadable"], 1);
    std::fs::remove_dir_all(room.home()).expect("removed");
    let run = room.run_with(["census", "--lines", "--json"], &tokens[..tokens.len() - 9]);
    let census = json(&run.ok());
    assert_eq!(dependence(&census, "kind", "unknown-keyset")["name"], Value::Null);
}

#[test]
fn census_wants_something_to_look_at() {
    let room = Room::new();
    room.run(["census"]).fails(2, &["PATH"]);
    room.run(["census", "gone"]).fails(6, &["gone: no such"]);
    let census = json(&room.ok(["census", "--json", "."]));
    assert_eq!(census["envelopes"], 0);
}
